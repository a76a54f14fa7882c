/* layers.inc.h — the loops of layers.h for one dtype: T, E (vec.h's suffix), WIDTH_OF (how many
 * lanes it has), NAME. V is a register; that of a row's end is filled up with zeros. */

#define V    NAME(pack)
#define PACK ((int)(sizeof(V) / sizeof(T)))

/* normalisation -------------------------------------------------------------------------------- */

static ALWAYS_INLINE T NAME(row_sum)(int64_t n, const T *x) {
  V s = {0};
  int64_t i = 0;
  for (; i + PACK <= n; i += PACK) s += NAME(pack_load)(x + i);
  if (i < n) s += NAME(some)(x + i, n - i);
  return NAME(total)(s);
}

/* sum (x - mean)^2 */
static ALWAYS_INLINE T NAME(row_squares)(int64_t n, const T *x, T mean) {
  V s = {0};
  int64_t i = 0;
  for (; i + PACK <= n; i += PACK) {
    V d = NAME(pack_load)(x + i) - mean;
    s += d * d;
  }
  T sum = NAME(total)(s);
  for (; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
  return sum;
}

static ALWAYS_INLINE void NAME(norm_row)(int64_t n, T *y, const T *x, const T *w, const T *b,
                                         T mean, T rstd) {
  IVDEP for (int64_t i = 0; i < n; i++) {
    T h = (x[i] - mean) * rstd;
    y[i] = (w ? h * w[i] : h) + (b ? b[i] : 0);
  }
}

/* Rows go in groups, step by step: one alone would wait for its own sums and roots. */
static void NAME(norm)(int64_t rows, int64_t n, void *yp, const void *xp, const void *w,
                       const void *b, double eps, void *mp, void *rp) {
  T *y = yp, *mean = mp, *rstd = rp;
  const T *x = xp;
  for (int64_t from = 0; from < rows; from += GROUP) {
    int64_t to = from + GROUP < rows ? from + GROUP : rows;
    for (int64_t i = from; i < to; i++) mean[i] = NAME(row_sum)(n, x + i * n) / (T)n;
    for (int64_t i = from; i < to; i++) rstd[i] = NAME(row_squares)(n, x + i * n, mean[i]);
    for (int64_t i = from; i < to; i++) rstd[i] = (T)(1 / sqrt((double)rstd[i] / (double)n + eps));
    for (int64_t i = from; i < to; i++) {
      if (w && b) NAME(norm_row)(n, y + i * n, x + i * n, w, b, mean[i], rstd[i]);
      else if (w) NAME(norm_row)(n, y + i * n, x + i * n, w, NULL, mean[i], rstd[i]);
      else NAME(norm_row)(n, y + i * n, x + i * n, NULL, b, mean[i], rstd[i]);
    }
  }
}

/* dw += dy h, db += dy of a row; *g = sum dy w, *gh = sum dy w h. */
static ALWAYS_INLINE void NAME(norm_sums)(int64_t n, const T *dy, const T *x, const T *w, T mean,
                                          T rstd, T *dw, T *db, T *g, T *gh) {
  V sum = {0}, dot = {0};
  for (int64_t i = 0; i < n; i += PACK) {
    V d = NAME(some)(dy + i, n - i), h = (NAME(some)(x + i, n - i) - mean) * rstd;
    if (dw) {
      NAME(put)(dw + i, NAME(some)(dw + i, n - i) + d * h, n - i);
      NAME(put)(db + i, NAME(some)(db + i, n - i) + d, n - i);
    }
    if (w) d *= NAME(some)(w + i, n - i);
    sum += d;
    dot += d * h;
  }
  *g = NAME(total)(sum);
  *gh = NAME(total)(dot);
}

static ALWAYS_INLINE void NAME(norm_slope)(int64_t n, T *dx, const T *dy, const T *x, const T *w,
                                           T mean, T rstd, T g, T gh) {
  IVDEP for (int64_t i = 0; i < n; i++) {
    T h = (x[i] - mean) * rstd, d = w ? dy[i] * w[i] : dy[i];
    dx[i] = rstd * (d - g - h * gh);
  }
}

static void NAME(norm_back)(int64_t rows, int64_t n, void *dxp, const void *dyp, const void *xp,
                            const void *w, const void *mp, const void *rp, void *dw, void *db) {
  T *dx = dxp, g[GROUP], gh[GROUP];
  const T *x = xp, *dy = dyp, *mean = mp, *rstd = rp;
  for (int64_t from = 0; from < rows; from += GROUP, x += GROUP * n, dy += GROUP * n) {
    int64_t count = rows - from < GROUP ? rows - from : GROUP;
    for (int64_t i = 0; i < count; i++) {
      T m = mean[from + i], r = rstd[from + i];
      const T *d = dy + i * n, *v = x + i * n;
      if (w && dw) NAME(norm_sums)(n, d, v, w, m, r, dw, db, &g[i], &gh[i]);
      else if (w) NAME(norm_sums)(n, d, v, w, m, r, NULL, NULL, &g[i], &gh[i]);
      else NAME(norm_sums)(n, d, v, NULL, m, r, dw, db, &g[i], &gh[i]);
    }
    for (int64_t i = 0; dx && i < count; i++, dx += n) {
      T m = mean[from + i], r = rstd[from + i], a = g[i] / (T)n, b = gh[i] / (T)n;
      if (w) NAME(norm_slope)(n, dx, dy + i * n, x + i * n, w, m, r, a, b);
      else NAME(norm_slope)(n, dx, dy + i * n, x + i * n, NULL, m, r, a, b);
    }
  }
}

static void NAME(affine)(int64_t rows, int64_t n, void *zp, const void *xp, const void *mp,
                         const void *ap, const void *bp) {
  T *z = zp;
  const T *x = xp, *mean = mp, *a = ap, *b = bp;
  for (int64_t i = 0; i < rows; i++, x += n, z += n)
    IVDEP for (int64_t j = 0; j < n; j++) z[j] = (x[j] - mean[j]) * a[j] + b[j];
}

static void NAME(affine_back)(int64_t rows, int64_t n, void *zp, const void *dyp, const void *xp,
                              const void *mp, const void *ap, const void *bp, const void *cp) {
  T *z = zp;
  const T *dy = dyp, *x = xp, *mean = mp, *a = ap, *b = bp, *c = cp;
  for (int64_t i = 0; i < rows; i++, x += n, dy += n, z += n)
    IVDEP for (int64_t j = 0; j < n; j++) z[j] = dy[j] * a[j] + (x[j] - mean[j]) * b[j] + c[j];
}

static void NAME(affine_sums)(int64_t rows, int64_t n, const void *dyp, const void *xp,
                              const void *mp, void *dotp, void *sump) {
  const T *dy = dyp, *x = xp, *mean = mp;
  T *dot = dotp, *sum = sump;
  for (int64_t i = 0; i < rows; i++, x += n, dy += n) IVDEP for (int64_t j = 0; j < n; j++) {
      dot[j] += dy[j] * (x[j] - mean[j]);
      sum[j] += dy[j];
    }
}

/* attention ------------------------------------------------------------------------------------ */

static inline int64_t NAME(keys_of)(const neap_scores *o, int64_t row) {
  int64_t keys = o->first + row + 1;
  return o->causal && keys < o->n ? keys : o->n;
}

/* The largest of scale s + bias, a NaN among them left out (the sum of exponentials keeps it). */
static ALWAYS_INLINE T NAME(largest)(int64_t n, const T *s, T scale, const T *bias) {
  V top = (V){0} - (T)INFINITY;
  int64_t i = 0;
  for (; i + PACK <= n; i += PACK) {
    V t = NAME(pack_load)(s + i) * scale;
    if (bias) t += NAME(pack_load)(bias + i);
    top = NAME(larger)(t, top);
  }
  if (i < n) {
    V t = NAME(some)(s + i, n - i) * scale;
    if (bias) t += NAME(some)(bias + i, n - i);
    top = NAME(larger)(NAME(low_from)(t, n - i), top);
  }
  return NAME(most)(top);
}

/* s = exp(scale s + bias - low) */
static ALWAYS_INLINE void NAME(exp_scores)(int64_t n, T *s, T scale, const T *bias, T low) {
  int64_t i = 0;
  IVDEP for (; i + WIDTH_OF <= n; i += WIDTH_OF) {
    E(vec) t = E(load)(s + i) * scale;
    if (bias) t = t + E(load)(bias + i);
    E(store)(s + i, E(vec_exp)(t - E(all_of)(low)));
  }
  if (i < n) {
    E(vec) t = E(load_some)(s + i, n - i) * scale;
    if (bias) t = t + E(load_some)(bias + i, n - i);
    E(store_some)(s + i, E(vec_exp)(t - E(all_of)(low)), n - i);
  }
}

static inline void NAME(clear_from)(T *x, int64_t from, int64_t n) {
  if (from < n) memset(x + from, 0, (size_t)(n - from) * sizeof(T));
}

static void NAME(logs)(int64_t n, T *z, const T *x) {
  int64_t i = 0;
  for (; i + WIDTH_OF <= n; i += WIDTH_OF) E(store)(z + i, E(vec_log)(E(load)(x + i)));
  if (i < n) E(store_some)(z + i, E(vec_log)(E(load_some)(x + i, n - i)), n - i);
}

/* A group of rows from number from on, step by step; x is the first of them. */
static void NAME(soften_group)(T *x, const neap_scores *o, int64_t from, int64_t count, T *lse,
                               T *share) {
  T shift[GROUP], sum[GROUP], scale = (T)o->scale;
  const T *bias = o->bias ? (const T *)o->bias + from * o->bs : NULL;
  for (int64_t i = 0; i < count; i++) {
    int64_t n = NAME(keys_of)(o, from + i);
    T top = bias ? NAME(largest)(n, x + i * o->ss, scale, bias + i * o->bs)
                 : NAME(largest)(n, x + i * o->ss, scale, NULL);
    shift[i] = top - top != 0 ? 0 : top; /* all -inf, or an inf among them */
  }
  for (int64_t i = 0; i < count; i++) {
    int64_t n = NAME(keys_of)(o, from + i);
    if (bias) NAME(exp_scores)(n, x + i * o->ss, scale, bias + i * o->bs, shift[i]);
    else NAME(exp_scores)(n, x + i * o->ss, scale, NULL, shift[i]);
    NAME(clear_from)(x + i * o->ss, n, o->n);
  }
  for (int64_t i = 0; i < count; i++)
    sum[i] = NAME(row_sum)(NAME(keys_of)(o, from + i), x + i * o->ss);
  NAME(logs)(count, lse + from, sum);
  for (int64_t i = 0; i < count; i++) {
    lse[from + i] += shift[i];
    share[from + i] = 1 / sum[i];
  }
}

static void NAME(soften)(void *sp, const neap_scores *o, void *lse, void *share) {
  T *s = sp;
  for (int64_t i = 0; i < o->rows; i += GROUP, s += GROUP * o->ss)
    NAME(soften_group)(s, o, i, o->rows - i < GROUP ? o->rows - i : GROUP, lse, share);
}

static ALWAYS_INLINE T NAME(row_dot)(int64_t n, const T *x, const T *y) {
  V s = {0};
  int64_t i = 0;
  for (; i + PACK <= n; i += PACK) s += NAME(pack_load)(x + i) * NAME(pack_load)(y + i);
  if (i < n) s += NAME(some)(x + i, n - i) * NAME(some)(y + i, n - i);
  return NAME(total)(s);
}

static void NAME(soften_back)(void *sp, void *dpp, const neap_scores *o, const void *lsep) {
  T *s = sp, *dp = dpp, scale = (T)o->scale, dot[GROUP];
  const T *bias = o->bias, *lse = lsep;
  for (int64_t from = 0; from < o->rows; from += GROUP, s += GROUP * o->ss, dp += GROUP * o->ss) {
    int64_t count = o->rows - from < GROUP ? o->rows - from : GROUP;
    for (int64_t i = 0; i < count; i++) {
      int64_t n = NAME(keys_of)(o, from + i);
      T *x = s + i * o->ss, low = lse[from + i];
      if (bias) NAME(exp_scores)(n, x, scale, bias + (from + i) * o->bs, low);
      else NAME(exp_scores)(n, x, scale, NULL, low);
      dot[i] = NAME(row_dot)(n, x, dp + i * o->ss);
    }
    for (int64_t i = 0; i < count; i++) {
      int64_t n = NAME(keys_of)(o, from + i);
      T *x = s + i * o->ss, *d = dp + i * o->ss;
      IVDEP for (int64_t j = 0; j < n; j++) d[j] = scale * x[j] * (d[j] - dot[i]);
      NAME(clear_from)(x, n, o->n);
      NAME(clear_from)(d, n, o->n);
    }
  }
}

static void NAME(rows)(int64_t rows, int64_t n, void *zp, int64_t zs, const void *xp, int64_t xs) {
  T *z = zp;
  const T *x = xp;
  for (int64_t i = 0; i < rows; i++, z += zs, x += xs)
    for (int64_t j = 0; j < n; j += PACK) NAME(put)(z + j, NAME(some)(x + j, n - j), n - j);
}

static void NAME(share)(int64_t rows, int64_t n, void *zp, int64_t zs, const void *sharep) {
  T *z = zp;
  const T *share = sharep;
  for (int64_t i = 0; i < rows; i++, z += zs)
    for (int64_t j = 0; j < n; j += PACK)
      NAME(put)(z + j, NAME(some)(z + j, n - j) * share[i], n - j);
}

/* dropout -------------------------------------------------------------------------------------- */

static void NAME(drop)(int64_t n, void *zp, const void *xp, const uint32_t *words,
                       uint32_t threshold, double scale) {
  T *z = zp, factor = (T)scale;
  const T *x = xp;
  IVDEP for (int64_t i = 0; i < n; i++) z[i] = x[i] * (words[i] >= threshold ? factor : 0);
}

#undef V
#undef PACK
