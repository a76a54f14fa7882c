/* rule_rows.inc.h — gradients along a row for one dtype, T, named NAME: z of x from the gradient g
 * of the result, or of its only number, *g, for prod. Sums and products run in f64. Where skip, a
 * NaN of x counts as absent, and gets 0. z, which cummax, cummin and what adds want zero, is of m
 * numbers. */

/* d prod/dx[i] is the product of the others: what stands before, times what stands behind. */
static void NAME(prod)(int64_t m, bool skip, void *zp, const void *gp, const void *xp) {
  T *z = zp;
  const T *g = gp, *x = xp;
  double before = 1, behind = (double)*g;
  for (int64_t i = 0; i < m; i++) {
    z[i] = (T)before;
    if (!skip || !isnan(x[i])) before *= (double)x[i];
  }
  for (int64_t i = m - 1; i >= 0; i--) {
    bool absent = skip && isnan(x[i]);
    z[i] = absent ? 0 : (T)((double)z[i] * behind);
    if (!absent) behind *= (double)x[i];
  }
}

/* Of x[i] every later sum takes part: z[i] = g[i] + g[i + 1] + ... */
static void NAME(cumsum)(int64_t m, bool skip, void *zp, const void *gp, const void *xp) {
  T *z = zp;
  const T *g = gp, *x = xp;
  double sum = 0;
  for (int64_t i = m - 1; i >= 0; i--) {
    sum += (double)g[i];
    z[i] = skip && isnan(x[i]) ? 0 : (T)sum;
  }
}

/* y[k] = x[0] ... x[k], so z[i] = x[0] ... x[i - 1] r[i] with
 * r[i] = g[i] + x[i + 1] r[i + 1]: nothing is divided, and zeros need no care. */
static void NAME(cumprod)(int64_t m, bool skip, void *zp, const void *gp, const void *xp) {
  T *z = zp;
  const T *g = gp, *x = xp;
  double before = 1, behind = 0;
  for (int64_t i = 0; i < m; i++) {
    z[i] = (T)before;
    if (!skip || !isnan(x[i])) before *= (double)x[i];
  }
  for (int64_t i = m - 1; i >= 0; i--) {
    bool absent = skip && isnan(x[i]);
    behind += (double)g[i];
    z[i] = absent ? 0 : (T)((double)z[i] * behind);
    if (!absent) behind *= (double)x[i];
  }
}

/* Each number of the result was one of x: the last of equals, or of NaN, up to there. */
static void NAME(running)(int64_t m, bool skip, bool largest, T *z, const T *g, const T *x) {
  int64_t at = -1;
  for (int64_t i = 0; i < m; i++) {
    bool over = at < 0 || (largest ? x[i] >= x[at] : x[i] <= x[at]);
    if (isnan(x[i]) ? !skip : over) at = i; /* nothing is over a NaN */
    if (at >= 0) z[at] += g[i];
  }
}

static void NAME(cummax)(int64_t m, bool skip, void *z, const void *g, const void *x) {
  NAME(running)(m, skip, true, z, g, x);
}

static void NAME(cummin)(int64_t m, bool skip, void *z, const void *g, const void *x) {
  NAME(running)(m, skip, false, z, g, x);
}

/* sum a b, or sum a with b NULL, in eight lanes. */
static double NAME(dot)(int64_t m, const T *a, const T *b) {
  double lane[8] = {0}, rest = 0;
  int64_t i = 0;
  for (; i + 8 <= m; i += 8)
    for (int k = 0; k < 8; k++) lane[k] += (double)a[i + k] * (b ? (double)b[i + k] : 1);
  for (; i < m; i++) rest += (double)a[i] * (b ? (double)b[i] : 1);
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7])) +
         rest;
}

/* x being y = exp(t)/sum(exp(t)): z = y (g - sum(g y)). */
static void NAME(softmax)(int64_t m, bool skip, void *zp, const void *gp, const void *yp) {
  (void)skip;
  T *z = zp;
  const T *g = gp, *y = yp;
  T dot = (T)NAME(dot)(m, g, y);
  for (int64_t i = 0; i < m; i++) z[i] = y[i] * (g[i] - dot);
}

/* x being the softmax: z = g - y sum(g). */
static void NAME(log_softmax)(int64_t m, bool skip, void *zp, const void *gp, const void *yp) {
  (void)skip;
  T *z = zp;
  const T *g = gp, *y = yp;
  T sum = (T)NAME(dot)(m, g, NULL);
  for (int64_t i = 0; i < m; i++) z[i] = g[i] - y[i] * sum;
}

/* z[at[i]] += g[i], positions from 1, negative from the end of size. False when one is outside. */
static bool NAME(add_at)(int64_t m, void *zp, const void *gp, const int64_t *at, int64_t size) {
  T *z = zp;
  const T *g = gp;
  for (int64_t i = 0; i < m; i++) {
    int64_t k = at[i] < 0 ? size + at[i] : at[i] - 1;
    if (k < 0 || k >= size) return false;
    z[k] += g[i];
  }
  return true;
}

/* Rows of columns: row at[i] of z += row i of g, in columns from..to of wide. */
static bool NAME(add_rows)(int64_t m, void *zp, const void *gp, const int64_t *at, int64_t size,
                           int64_t wide, int64_t from, int64_t to) {
  T *z = zp;
  const T *g = gp;
  for (int64_t i = 0; i < m; i++) {
    int64_t k = at[i] < 0 ? size + at[i] : at[i] - 1;
    if (k < 0 || k >= size) return false;
    for (int64_t j = from; j < to; j++) z[k * wide + j] += g[i * wide + j];
  }
  return true;
}

/* The next element of g where the mask is true. */
static void NAME(fill)(int64_t n, void *zp, const void *gp, const uint8_t *mask) {
  T *z = zp;
  const T *g = gp;
  for (int64_t i = 0; i < n; i++)
    if (mask[i]) z[i] = *g++;
}
#undef T
#undef NAME
