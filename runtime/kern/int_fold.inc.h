/* int_fold.inc.h — sums and extremes of integers and bools. T, ACC, NAME. Lane k takes elements k,
 * k + LANES, ...; sums wrap, deviations run in f64. */

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

static ALWAYS_INLINE void NAME(extreme)(int64_t n, const T *a, neap_acc *out, bool (*beats)(T, T)) {
  out->at = n > 0 ? 0 : -1;
  if (n == 0) return;
  T s[WIDE];
  int64_t i = 0;
  for (int k = 0; k < WIDE; k++) s[k] = a[0];
  for (; i + WIDE <= n; i += WIDE)
    LANE_LOOP for (int k = 0; k < WIDE; k++) s[k] = beats(a[i + k], s[k]) ? a[i + k] : s[k];
  for (int k = 0; i + k < n; k++) s[k] = beats(a[i + k], s[k]) ? a[i + k] : s[k];
  for (int half = WIDE / 2; half; half /= 2)
    for (int k = 0; k < half; k++) s[k] = beats(s[k + half], s[k]) ? s[k + half] : s[k];
  out->i = (int64_t)s[0];
}

static void NAME(argmax)(FOLD_ARGS) {
  (void)center;
  NAME(extreme)(n, x, out, NAME(gt_1));
}

static void NAME(argmin)(FOLD_ARGS) {
  (void)center;
  NAME(extreme)(n, x, out, NAME(lt_1));
}
