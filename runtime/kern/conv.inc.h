/* conv.inc.h — sums over taps of one dtype: T its element, NAME. A tile is up to GEMM_ROWS rows by
 * one or two registers of columns, whose sums stay in registers over all taps. Every element is
 * summed alone, in the order of the taps, so its bits depend on no other row or column. */

#define V     NAME(gemm)
#define LANES ((int)(GEMM_BYTES / sizeof(T)))
#define PANEL (2 * LANES)

/* v < 0 ? slope v : v, for 0 <= slope <= 1; NaN stays. */
static ALWAYS_INLINE V NAME(taps_bend)(V v, T slope) {
  V low = slope > 0 ? v * NAME(gemm_spread)(slope) : (V){0};
  return (V)NAME(larger_all)(low, v);
}

static __attribute__((noinline)) void NAME(taps_finish)(int rows, int count, const V *v, T *y,
                                                        int64_t ys, int64_t columns) {
#pragma GCC unroll 1
  for (; rows > 0; rows--, y += ys)
#pragma GCC unroll 1
    for (int j = 0; j < count; j++)
      NAME(gemm_some)(y + j * LANES, *v++, columns - (int64_t)j * LANES, false);
}

static ALWAYS_INLINE void NAME(taps_store)(int rows, int count, V *sum, T *y, int64_t ys,
                                           int64_t columns, const double *slope) {
  if (slope) {
    T by = (T)*slope;
#pragma GCC unroll 28
    for (int i = 0; i < rows * count; i++) sum[i] = NAME(taps_bend)(sum[i], by);
  }
  if (columns < count * LANES) {
    V tile[GEMM_SUMS];
#pragma GCC unroll 28
    for (int i = 0; i < rows * count; i++) tile[i] = sum[i];
    NAME(taps_finish)(rows, count, tile, y, ys, columns);
    return;
  }
#pragma GCC unroll 14
  for (int i = 0; i < rows; i++, y += ys)
#pragma GCC unroll 8
    for (int j = 0; j < count; j++) memcpy(y + j * LANES, &sum[i * count + j], sizeof(V));
}

/* Rows are addressed from every third, as processors scale an offset by 1 and 2. */
static ALWAYS_INLINE void NAME(taps_tile)(int rows, int count, const neap_taps *t, const T *x,
                                          int64_t xs, const T *w, T *y, int64_t ys, int64_t columns,
                                          const double *slope) {
  V sum[GEMM_SUMS];
#pragma GCC unroll 14
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
    for (int j = 0; j < count; j++) {
      memcpy(&sum[i * count + j], w + j * LANES, sizeof(V));
      __builtin_prefetch(y + i * ys + j * LANES, 1);
    }
  w += PANEL;
  for (int64_t line = 0; line < t->count[0]; line++)
    for (int64_t tap = 0; tap < t->count[1]; tap++) {
      const T *p[5], *from = x + line * t->step[0] + tap * t->step[1];
#pragma GCC unroll 5
      for (int i = 0; i < (rows + 2) / 3; i++) p[i] = from + 3 * i * xs;
#pragma GCC unroll 1
      for (int64_t l = 0; l < t->k; l++) {
        V v[2];
#pragma GCC unroll 2
        for (int j = 0; j < count; j++) memcpy(&v[j], w + j * LANES, sizeof v[j]);
#pragma GCC unroll 14
        for (int i = 0; i < rows; i++) {
          V a = NAME(gemm_spread)(p[i / 3][i % 3 * xs]);
#pragma GCC unroll 2
          for (int j = 0; j < count; j++)
            sum[i * count + j] = NAME(gemm_fma)(a, v[j], sum[i * count + j]);
        }
#pragma GCC unroll 5
        for (int i = 0; i < (rows + 2) / 3; i++) p[i]++;
        w += PANEL;
      }
    }
  NAME(taps_store)(rows, count, sum, y, ys, columns, slope);
}

#define TAPS_ARGS                                                                                  \
  const neap_taps *t, const T *x, int64_t xs, const T *w, T *y, int64_t ys, int64_t columns,       \
      const double *slope
#define TAPS_PASS t, x, xs, w, y, ys, columns, slope
#define TILES(r)                                                                                   \
  static void NAME(taps_half_##r)(TAPS_ARGS) { NAME(taps_tile)(r, 1, TAPS_PASS); }                 \
  static void NAME(taps_full_##r)(TAPS_ARGS) { NAME(taps_tile)(r, 2, TAPS_PASS); }
#define HALF_OF(r) NAME(taps_half_##r),
#define FULL_OF(r) NAME(taps_full_##r),
GEMM_EACH_ROWS(TILES)
typedef void (*NAME(taps_tile_fn))(TAPS_ARGS);
static const NAME(taps_tile_fn) NAME(taps_tiles)[2][GEMM_ROWS + 1] = {
    {NULL, GEMM_EACH_ROWS(HALF_OF)}, {NULL, GEMM_EACH_ROWS(FULL_OF)}};

/* Ask for what the last taps of rows from x on add to what earlier rows have read. */
static ALWAYS_INLINE void NAME(taps_ask)(int64_t rows, const neap_taps *t, const T *x, int64_t xs) {
  if (xs > 4 * t->k) return;
  int64_t last = (t->count[0] - 1) * t->step[0] + (t->count[1] - 1) * t->step[1];
  const T *from = x + last + (t->k > xs ? t->k - xs : 0);
  for (int64_t i = 0; i < rows * xs; i += 64 / (int64_t)sizeof(T)) __builtin_prefetch(from + i);
}

static void NAME(taps)(int64_t m, int64_t n, const neap_taps *t, void *yp, int64_t ys,
                       const void *xp, int64_t xs, const void *wp, const double *slope) {
  int64_t panel = PANEL * (1 + t->count[0] * t->count[1] * t->k);
  int64_t tiles = (m - 1) / GEMM_ROWS + 1;
  for (int64_t j = 0; j < n; j += PANEL) {
    const NAME(taps_tile_fn) *tile = NAME(taps_tiles)[n - j > LANES];
    const T *x = xp, *w = (const T *)wp + j / PANEL * panel;
    T *y = (T *)yp + j;
    for (int64_t i = 0; i < tiles; i++) {
      int64_t rows = m / tiles + (i < m % tiles);
      if (j == 0 && i + 1 < tiles) NAME(taps_ask)(rows, t, x + rows * xs, xs);
      tile[rows](t, x, xs, w, y, ys, n - j, slope);
      x += rows * xs;
      y += rows * ys;
    }
  }
}

/* Columns in blocks, whose sums are kept meanwhile. */
static void NAME(lanes)(int64_t m, int64_t n, const neap_taps *t, void *yp, int64_t ys,
                        const void *xp, int64_t xs, const void *wp, const double *slope) {
  for (int64_t i = 0; i < m; i++)
    for (int64_t first = 0; first < n; first += 64) {
      int64_t some = n - first < 64 ? n - first : 64;
      const T *x = (const T *)xp + i * xs + first, *w = (const T *)wp + first;
      T *y = (T *)yp + i * ys + first, sum[64];
      for (int64_t j = 0; j < some; j++) sum[j] = w[j];
      for (int64_t line = 0; line < t->count[0]; line++)
        for (int64_t tap = 0; tap < t->count[1]; tap++) {
          const T *v = x + line * t->step[0] + tap * t->step[1];
          w += n;
          for (int64_t j = 0; j < some; j++) sum[j] += v[j] * w[j];
        }
      T by = slope ? (T)*slope : 1;
      for (int64_t j = 0; j < some; j++) y[j] = sum[j] < 0 ? (by > 0 ? by * sum[j] : 0) : sum[j];
    }
}

static void NAME(lanes_back)(int64_t m, int64_t n, const neap_taps *t, void *dwp, const void *xp,
                             int64_t xs, const void *gp, int64_t gs) {
  T *dw = dwp;
  for (int64_t line = 0; line < t->count[0]; line++)
    for (int64_t tap = 0; tap < t->count[1]; tap++, dw += n)
      for (int64_t first = 0; first < n; first += 64) {
        int64_t some = n - first < 64 ? n - first : 64;
        const T *x = (const T *)xp + line * t->step[0] + tap * t->step[1] + first;
        const T *g = (const T *)gp + first;
        T sum[64] = {0};
        for (int64_t i = 0; i < m; i++, x += xs, g += gs)
          for (int64_t j = 0; j < some; j++) sum[j] += x[j] * g[j];
        for (int64_t j = 0; j < some; j++) dw[first + j] += sum[j];
      }
}

/* z[i] = g[i] times the slope that led to y[i]. z may be g. */
static void NAME(unbend)(neap_bend bend, double slope, int64_t n, void *zp, const void *gp,
                         const void *yp) {
  T *z = zp, by = (T)slope;
  const T *g = gp, *y = yp;
  switch (bend) {
  case NEAP_BEND_NONE: memmove(z, g, (size_t)n * sizeof *z); break;
  case NEAP_BEND_RELU:
    for (int64_t i = 0; i < n; i++) z[i] = y[i] <= 0 ? 0 : g[i];
    break;
  case NEAP_BEND_LEAKY:
    for (int64_t i = 0; i < n; i++) z[i] = y[i] <= 0 ? by * g[i] : g[i];
    break;
  case NEAP_BEND_TANH:
    for (int64_t i = 0; i < n; i++) z[i] = g[i] * (1 - y[i] * y[i]);
    break;
  case NEAP_BEND_SIGMOID:
    for (int64_t i = 0; i < n; i++) z[i] = g[i] * (y[i] * (1 - y[i]));
    break;
  }
}

/* z[j] += the sum of column j, of blocks of 128 rows first. */
static void NAME(add_rows)(int64_t m, int64_t n, void *zp, const void *xp, int64_t xs) {
  T *z = zp;
  for (int64_t j = 0; j < n; j += LANES)
    for (int64_t i = 0; i < m; i += 128) {
      int64_t last = m - i < 128 ? m : i + 128, lanes = n - j < LANES ? n - j : LANES;
      const T *x = (const T *)xp + i * xs + j;
      V sum[2] = {{0}, {0}};
      if (lanes == LANES) {
        for (int64_t r = i; r + 1 < last; r += 2, x += 2 * xs) {
          V v[2];
          memcpy(&v[0], x, sizeof *v);
          memcpy(&v[1], x + xs, sizeof *v);
          sum[0] += v[0];
          sum[1] += v[1];
        }
        if ((last - i) % 2) {
          V v;
          memcpy(&v, x, sizeof v);
          sum[0] += v;
        }
        NAME(gemm_some)(z + j, sum[0] + sum[1], LANES, true);
      } else
        for (int64_t l = 0; l < lanes; l++) {
          T s[2] = {0, 0};
          for (int64_t r = i; r < last; r++) s[r & 1] += x[(r - i) * xs + l];
          z[j + l] += s[0] + s[1];
        }
    }
}

/* windows -------------------------------------------------------------------------------------- */

static void NAME(window_max)(int64_t m, int64_t n, const neap_taps *t, void *yp, int64_t ys,
                             const void *xp, int64_t xs) {
  for (int64_t i = 0; i < m; i++) {
    T *y = (T *)yp + i * ys;
    const T *x = (const T *)xp + i * xs;
    for (int64_t j = 0; j < n; j++) y[j] = x[j];
    for (int64_t line = 0; line < t->count[0]; line++)
      for (int64_t tap = line == 0; tap < t->count[1]; tap++) {
        const T *v = x + line * t->step[0] + tap * t->step[1];
        for (int64_t j = 0; j < n; j++) y[j] = v[j] > y[j] || v[j] != v[j] ? v[j] : y[j];
      }
  }
}

static void NAME(window_sum)(int64_t m, int64_t n, const neap_taps *t, double scale, void *yp,
                             int64_t ys, const void *xp, int64_t xs) {
  T by = (T)scale;
  for (int64_t i = 0; i < m; i++) {
    T *y = (T *)yp + i * ys;
    const T *x = (const T *)xp + i * xs;
    for (int64_t j = 0; j < n; j++) y[j] = 0;
    for (int64_t line = 0; line < t->count[0]; line++)
      for (int64_t tap = 0; tap < t->count[1]; tap++) {
        const T *v = x + line * t->step[0] + tap * t->step[1];
        for (int64_t j = 0; j < n; j++) y[j] += v[j];
      }
    for (int64_t j = 0; j < n; j++) y[j] *= by;
  }
}

/* The first place of a window that holds y gets g; what is still to be given is kept in blocks. */
static void NAME(window_max_back)(int64_t m, int64_t n, const neap_taps *t, void *dxp,
                                  const void *xp, int64_t xs, const void *yp, const void *gp,
                                  int64_t ys) {
  for (int64_t i = 0; i < m; i++)
    for (int64_t first = 0; first < n; first += 64) {
      int64_t some = n - first < 64 ? n - first : 64, at = i * ys + first;
      const T *y = (const T *)yp + at, *g = (const T *)gp + at;
      T rest[64];
      for (int64_t j = 0; j < some; j++) rest[j] = g[j];
      for (int64_t line = 0; line < t->count[0]; line++)
        for (int64_t tap = 0; tap < t->count[1]; tap++) {
          int64_t place = i * xs + line * t->step[0] + tap * t->step[1] + first;
          const T *x = (const T *)xp + place;
          T *dx = (T *)dxp + place;
          for (int64_t j = 0; j < some; j++) {
            bool here = x[j] == y[j] || (x[j] != x[j] && y[j] != y[j]);
            dx[j] += here ? rest[j] : 0;
            rest[j] = here ? 0 : rest[j];
          }
        }
    }
}

static void NAME(window_sum_back)(int64_t m, int64_t n, const neap_taps *t, double scale, void *dxp,
                                  int64_t xs, const void *gp, int64_t ys) {
  T by = (T)scale;
  for (int64_t i = 0; i < m; i++) {
    const T *g = (const T *)gp + i * ys;
    for (int64_t line = 0; line < t->count[0]; line++)
      for (int64_t tap = 0; tap < t->count[1]; tap++) {
        T *dx = (T *)dxp + i * xs + line * t->step[0] + tap * t->step[1];
        for (int64_t j = 0; j < n; j++) dx[j] += by * g[j];
      }
  }
}

#undef V
#undef LANES
#undef PANEL
#undef TAPS_ARGS
#undef TAPS_PASS
#undef TILES
#undef HALF_OF
#undef FULL_OF
