/* fold.inc.h — folds of one contiguous block. T, ACC (double for floats, uint64_t for integers,
 * which wrap), FIELD (where neap_acc keeps a value of this dtype), NAME.
 * Lane k takes elements k, k + LANES, ...: the order of additions is fixed by the position in the
 * block, whatever the vector width. */

static inline ACC NAME(tree)(const ACC *s) {
  ACC r[LANES];
  for (int k = 0; k < LANES; k++) r[k] = s[k];
  for (int half = LANES / 2; half; half /= 2)
    for (int k = 0; k < half; k++) r[k] = r[k] + r[k + half];
  return r[0];
}

static void NAME(sum)(FOLD_ARGS) {
  (void)center;
  const T *a = x;
  ACC s[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int k = 0; k < LANES; k++) s[k] += (ACC)a[i + k];
  for (int k = 0; i + k < n; k++) s[k] += (ACC)a[i + k];
  out->FIELD = (FIELD_TYPE)NAME(tree)(s);
}

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

static void NAME(dev)(FOLD_ARGS) {
  const T *a = x;
  double s[LANES] = {0}, q[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int k = 0; k < LANES; k++) {
      double d = (double)a[i + k] - center;
      s[k] += d;
      q[k] += d * d;
    }
  for (int k = 0; i + k < n; k++) {
    double d = (double)a[i + k] - center;
    s[k] += d;
    q[k] += d * d;
  }
  out->f = tree_f(q);
  out->g = tree_f(s);
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

/* The first position of v, or of NaN when v is NaN (then a has one). Whole groups without it are
 * passed over first. */
static int64_t NAME(find)(int64_t n, const T *a, T v) {
  int64_t i = 0;
  for (; i + WIDE <= n; i += WIDE) {
    int found = 0;
    for (int k = 0; k < WIDE; k++) found |= (a[i + k] == v) | IS_NAN(a[i + k]);
    if (found) break;
  }
  for (; i < n; i++)
    if (a[i] == v || IS_NAN(a[i])) return i;
  return 0;
}

static void NAME(argmax)(FOLD_ARGS) {
  (void)center;
  const T *a = x;
  out->at = -1;
  if (n == 0) return;
  T s[WIDE];
  int64_t i = 0;
  for (int k = 0; k < WIDE; k++) s[k] = a[0];
  for (; i + WIDE <= n; i += WIDE)
    LANE_LOOP for (int k = 0; k < WIDE; k++) s[k] =
        ((a[i + k] > s[k]) | IS_NAN(a[i + k])) ? a[i + k] : s[k];
  for (int k = 0; i + k < n; k++) s[k] = ((a[i + k] > s[k]) | IS_NAN(a[i + k])) ? a[i + k] : s[k];
  for (int half = WIDE / 2; half; half /= 2)
    for (int k = 0; k < half; k++)
      s[k] = ((s[k + half] > s[k]) | IS_NAN(s[k + half])) ? s[k + half] : s[k];
  out->at = NAME(find)(n, a, s[0]);
  out->FIELD = (FIELD_TYPE)a[out->at];
}

static void NAME(argmin)(FOLD_ARGS) {
  (void)center;
  const T *a = x;
  out->at = -1;
  if (n == 0) return;
  T s[WIDE];
  int64_t i = 0;
  for (int k = 0; k < WIDE; k++) s[k] = a[0];
  for (; i + WIDE <= n; i += WIDE)
    LANE_LOOP for (int k = 0; k < WIDE; k++) s[k] =
        ((a[i + k] < s[k]) | IS_NAN(a[i + k])) ? a[i + k] : s[k];
  for (int k = 0; i + k < n; k++) s[k] = ((a[i + k] < s[k]) | IS_NAN(a[i + k])) ? a[i + k] : s[k];
  for (int half = WIDE / 2; half; half /= 2)
    for (int k = 0; k < half; k++)
      s[k] = ((s[k + half] < s[k]) | IS_NAN(s[k + half])) ? s[k + half] : s[k];
  out->at = NAME(find)(n, a, s[0]);
  out->FIELD = (FIELD_TYPE)a[out->at];
}
