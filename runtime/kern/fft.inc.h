/* fft.inc.h — one butterfly of each radix on vectors of type V, in memory of any alignment of type
 * U. fft.c includes it once per width of a vector; all widths give the same bits.
 *
 * NAME(point_r) reads elements x[0], x[d], ... x[(r-1) d] and writes their transform times the r-1
 * factors w (real and imaginary part in turn; the first result has none) to z[0], z[e], ... */

#define LOAD(p)     ((V)(*(const U *)(p)))
#define STORE(p, v) (*(U *)(p) = (U)(v))
#define POINT_ARGS                                                                                 \
  int64_t d, int64_t e, double *zr, double *zi, const double *xr, const double *xi, const double *w

/* z[k e] = y w[k]; without factors when w is NULL. */
static ALWAYS_INLINE void NAME(put)(int64_t e, int k, double *zr, double *zi, const double *w, V re,
                                    V im) {
  if (w && k > 0) {
    double wr = w[2 * k - 2], wi = w[2 * k - 1];
    V turned = re * wr - im * wi;
    im = re * wi + im * wr;
    re = turned;
  }
  STORE(zr + k * e, re);
  STORE(zi + k * e, im);
}

static ALWAYS_INLINE void NAME(point_2)(POINT_ARGS) {
  V ar = LOAD(xr), ai = LOAD(xi), br = LOAD(xr + d), bi = LOAD(xi + d);
  NAME(put)(e, 0, zr, zi, w, ar + br, ai + bi);
  NAME(put)(e, 1, zr, zi, w, ar - br, ai - bi);
}

/* Four transformed in place, in order. */
static ALWAYS_INLINE void NAME(four)(V *r, V *i) {
  V ar = r[0] + r[2], ai = i[0] + i[2], br = r[0] - r[2], bi = i[0] - i[2];
  V cr = r[1] + r[3], ci = i[1] + i[3], dr = r[1] - r[3], di = i[1] - i[3];
  r[0] = ar + cr, i[0] = ai + ci;
  r[1] = br + di, i[1] = bi - dr;
  r[2] = ar - cr, i[2] = ai - ci;
  r[3] = br - di, i[3] = bi + dr;
}

static ALWAYS_INLINE void NAME(point_4)(POINT_ARGS) {
  V r[4], i[4];
  UNROLL for (int j = 0; j < 4; j++) r[j] = LOAD(xr + j * d), i[j] = LOAD(xi + j * d);
  NAME(four)(r, i);
  UNROLL for (int k = 0; k < 4; k++) NAME(put)(e, k, zr, zi, w, r[k], i[k]);
}

/* Even and odd places by fours; those of the odd ones turn by eighths before they join. */
static ALWAYS_INLINE void NAME(point_8)(POINT_ARGS) {
  V ar[4], ai[4], br[4], bi[4];
  UNROLL for (int j = 0; j < 4; j++) {
    ar[j] = LOAD(xr + 2 * j * d), ai[j] = LOAD(xi + 2 * j * d);
    br[j] = LOAD(xr + (2 * j + 1) * d), bi[j] = LOAD(xi + (2 * j + 1) * d);
  }
  NAME(four)(ar, ai);
  NAME(four)(br, bi);
  V r1 = (br[1] + bi[1]) * HALF_ROOT, i1 = (bi[1] - br[1]) * HALF_ROOT;
  V r3 = (bi[3] - br[3]) * HALF_ROOT, i3 = -((br[3] + bi[3]) * HALF_ROOT);
  V r2 = bi[2], i2 = -br[2];
  br[1] = r1, bi[1] = i1, br[2] = r2, bi[2] = i2, br[3] = r3, bi[3] = i3;
  UNROLL for (int k = 0; k < 4; k++) {
    NAME(put)(e, k, zr, zi, w, ar[k] + br[k], ai[k] + bi[k]);
    NAME(put)(e, k + 4, zr, zi, w, ar[k] - br[k], ai[k] - bi[k]);
  }
}

/* An odd prime, at most 13: places j and r - j meet as sum a and difference b;
 *   y[k], y[r-k] = x[0] + sum_j a[j] cos(2 pi jk/r)  -, +  i sum_j b[j] sin(2 pi jk/r). */
static ALWAYS_INLINE void NAME(odd)(const int r, const double *cosine, const double *sine,
                                    POINT_ARGS) {
  V ar[6], ai[6], br[6], bi[6], x0r = LOAD(xr), x0i = LOAD(xi), sr = x0r, si = x0i;
  const int half = r / 2;
  UNROLL for (int j = 0; j < half; j++) {
    V pr = LOAD(xr + (j + 1) * d), pi = LOAD(xi + (j + 1) * d);
    V qr = LOAD(xr + (r - 1 - j) * d), qi = LOAD(xi + (r - 1 - j) * d);
    ar[j] = pr + qr, ai[j] = pi + qi, br[j] = pr - qr, bi[j] = pi - qi;
    sr = sr + ar[j], si = si + ai[j];
  }
  NAME(put)(e, 0, zr, zi, w, sr, si);
  UNROLL for (int k = 1; k <= half; k++) {
    V tr = x0r, ti = x0i, ur = br[0] * sine[k], ui = bi[0] * sine[k];
    UNROLL for (int j = 0; j < half; j++) {
      double c = cosine[(j + 1) * k % r], s = sine[(j + 1) * k % r];
      tr = tr + ar[j] * c, ti = ti + ai[j] * c;
      if (j > 0) ur = ur + br[j] * s, ui = ui + bi[j] * s;
    }
    NAME(put)(e, k, zr, zi, w, tr + ui, ti - ur);
    NAME(put)(e, r - k, zr, zi, w, tr - ui, ti + ur);
  }
}

#define POINT_ODD(r)                                                                               \
  static ALWAYS_INLINE void NAME(point_##r)(POINT_ARGS) {                                          \
    NAME(odd)(r, cosine_##r, sine_##r, d, e, zr, zi, xr, xi, w);                                   \
  }
POINT_ODD(3)
POINT_ODD(5)
POINT_ODD(7)
POINT_ODD(11)
POINT_ODD(13)

#undef POINT_ODD
#undef POINT_ARGS
#undef LOAD
#undef STORE
