/* fold.inc.h — folds of one contiguous block, and finding what they found. T, ACC (double for
 * floats, uint64_t for integers, which wrap), FIELD (where neap_acc keeps a value of this dtype),
 * NAME. Sums and extremes are in float_fold.inc.h and int_fold.inc.h.
 * Lane k takes elements k, k + LANES, ...: the order of operations is fixed by the position in the
 * block, whatever the vector width. */

static void NAME(prod)(FOLD_ARGS) {
  (void)center;
  const T *a = x;
  ACC s[LANES];
  int64_t i = 0;
  for (int k = 0; k < LANES; k++) s[k] = 1;
  for (; i + LANES <= n; i += LANES)
    for (int k = 0; k < LANES; k++) s[k] *= (ACC)a[i + k];
  for (int k = 0; i + k < n; k++) s[k] *= (ACC)a[i + k];
  for (int half = LANES / 2; half; half /= 2)
    for (int k = 0; k < half; k++) s[k] *= s[k + half];
  out->FIELD = (FIELD_TYPE)s[0];
}

static void NAME(sumabs)(FOLD_ARGS) {
  (void)center;
  const T *a = x;
  double s[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int k = 0; k < LANES; k++) s[k] += fabs((double)a[i + k]);
  for (int k = 0; i + k < n; k++) s[k] += fabs((double)a[i + k]);
  out->f = tree_f(s);
}

static void NAME(maxabs)(FOLD_ARGS) {
  (void)center;
  const T *a = x;
  double top = 0;
  for (int64_t i = 0; i < n; i++) {
    double v = fabs((double)a[i]);
    top = v > top || v != v ? v : top;
  }
  out->f = top;
}

static void NAME(any)(FOLD_ARGS) {
  (void)center;
  const T *a = x;
  int found = 0;
  for (int64_t i = 0; i < n; i++) found |= a[i] != 0;
  out->i = found;
}

static void NAME(all)(FOLD_ARGS) {
  (void)center;
  const T *a = x;
  int missing = 0;
  for (int64_t i = 0; i < n; i++) missing |= a[i] == 0;
  out->i = !missing;
}

/* Whole groups without it are passed over first. */
static ALWAYS_INLINE int64_t NAME(find_first)(int64_t n, const T *a, T v, bool nan) {
  int64_t i = 0;
  for (; i + WIDE <= n; i += WIDE) {
    int found = 0;
    for (int k = 0; k < WIDE; k++) found |= nan ? IS_NAN(a[i + k]) : a[i + k] == v;
    if (found) break;
  }
  for (; i + 8 <= n; i += 8) {
    int found = 0;
    for (int k = 0; k < 8; k++) found |= nan ? IS_NAN(a[i + k]) : a[i + k] == v;
    if (found) break;
  }
  for (; i < n; i++)
    if (nan ? IS_NAN(a[i]) : a[i] == v) return i;
  return -1;
}

static int64_t NAME(find)(int64_t n, const void *x, const neap_acc *wanted) {
  T v = (T)wanted->FIELD;
  return IS_NAN(v) ? NAME(find_first)(n, x, v, true) : NAME(find_first)(n, x, v, false);
}
