/* gemm.inc.h — products of matrices of one dtype: T its element, DTYPE, NAME. A tile is up to
 * GEMM_ROWS rows by two registers of columns, or few rows by eight, whose sums stay in registers
 * over a whole stretch. Every element is summed alone and in order, so its bits depend neither on
 * the tile nor on the lane it falls into. */

#define V     NAME(gemm)
#define LANES ((int)(GEMM_BYTES / sizeof(T)))
#define PANEL (2 * LANES)

/* c = or += the rows of a tile of count registers each, of which the last may stick out of c. */
static __attribute__((noinline)) void NAME(gemm_finish)(int rows, int count, const V *v, T *c,
                                                        int64_t cs, int64_t columns, bool add) {
#pragma GCC unroll 1
  for (; rows > 0; rows--, c += cs)
#pragma GCC unroll 1
    for (int j = 0; j < count; j++)
      NAME(gemm_some)(c + j * LANES, *v++, columns - (int64_t)j * LANES, add);
}

/* Rows of a are as apart, its columns at; the panels of b, of two registers, are gs apart and their
 * rows bs. Rows are addressed from every third, as processors scale an offset by 1 and 2. */
static ALWAYS_INLINE void NAME(gemm_tile)(int rows, int count, int64_t k, const T *a, int64_t as,
                                          int64_t at, const T *b, int64_t bs, int64_t gs, T *c,
                                          int64_t cs, int64_t columns, bool add) {
  V sum[GEMM_SUMS];
  const T *p[5];
#pragma GCC unroll 5
  for (int i = 0; i < (rows + 2) / 3; i++) p[i] = a + 3 * i * as;
#pragma GCC unroll 28
  for (int i = 0; i < rows * count; i++) sum[i] = (V){0};
#pragma GCC unroll 14
  for (int i = 0; i < rows; i++) __builtin_prefetch(c + i * cs, 1);
#pragma GCC unroll 1
  for (int64_t l = 0; l < k; l++) {
    V w[8];
#pragma GCC unroll 8
    for (int j = 0; j < count; j++) memcpy(&w[j], b + j / 2 * gs + j % 2 * LANES, sizeof w[j]);
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) {
      V x = NAME(gemm_spread)(p[i / 3][i % 3 * as]);
#pragma GCC unroll 8
      for (int j = 0; j < count; j++)
        sum[i * count + j] = NAME(gemm_fma)(x, w[j], sum[i * count + j]);
    }
#pragma GCC unroll 5
    for (int i = 0; i < (rows + 2) / 3; i++) p[i] += at;
    b += bs;
  }
  if (add || columns < count * LANES) {
    V tile[GEMM_SUMS];
#pragma GCC unroll 28
    for (int i = 0; i < rows * count; i++) tile[i] = sum[i];
    NAME(gemm_finish)(rows, count, tile, c, cs, columns, add);
    return;
  }
#pragma GCC unroll 14
  for (int i = 0; i < rows; i++, c += cs)
#pragma GCC unroll 8
    for (int j = 0; j < count; j++) memcpy(c + j * LANES, &sum[i * count + j], sizeof(V));
}

#define TILE_ARGS                                                                                  \
  int64_t k, const T *a, int64_t as, int64_t at, const T *b, int64_t bs, int64_t gs, T *c,         \
      int64_t cs, int64_t columns, bool add
#define TILE_PASS k, a, as, at, b, bs, gs, c, cs, columns, add
#define TILES(r)                                                                                   \
  static void NAME(gemm_half_##r)(TILE_ARGS) { NAME(gemm_tile)(r, 1, TILE_PASS); }                 \
  static void NAME(gemm_full_##r)(TILE_ARGS) { NAME(gemm_tile)(r, 2, TILE_PASS); }
#define WIDE(r)                                                                                    \
  static void NAME(gemm_wide_##r)(TILE_ARGS) { NAME(gemm_tile)(r, 8, TILE_PASS); }
#define HALF_OF(r) NAME(gemm_half_##r),
#define FULL_OF(r) NAME(gemm_full_##r),
#define WIDE_OF(r) NAME(gemm_wide_##r),
GEMM_EACH_ROWS(TILES)
GEMM_EACH_FEW(WIDE)
typedef void (*NAME(gemm_tile_fn))(TILE_ARGS);
static const NAME(gemm_tile_fn)
    NAME(gemm_tiles)[3][GEMM_ROWS + 1] = {{NULL, GEMM_EACH_ROWS(HALF_OF)},
                                          {NULL, GEMM_EACH_ROWS(FULL_OF)},
                                          {NULL, GEMM_EACH_FEW(WIDE_OF)}};

static void NAME(gemm_multiply)(int64_t m, int64_t n, int64_t k, void *cp, int64_t cs,
                                const void *ap, int64_t as, int64_t at, const void *bp, int64_t bs,
                                bool add) {
  int64_t gs = bs ? PANEL : PANEL * k, tiles = (m - 1) / GEMM_ROWS + 1, step;
  for (int64_t j = 0; j < n; j += step) {
    bool broad = m <= GEMM_FEW && n - j >= 4 * PANEL;
    step = broad ? 4 * PANEL : n - j < PANEL ? n - j : PANEL;
    const NAME(gemm_tile_fn) *tile = NAME(gemm_tiles)[broad ? 2 : step > LANES ? 1 : 0];
    const T *a = ap, *b = (const T *)bp + j / PANEL * gs;
    T *c = (T *)cp + j;
    for (int64_t i = 0; i < tiles; i++) {
      int64_t rows = m / tiles + (i < m % tiles);
      tile[rows](k, a, as, at, b, bs ? bs : PANEL, gs, c, cs, step, add);
      a += rows * as;
      c += rows * cs;
    }
  }
}

/* One panel: z[l * PANEL + i] = b[l * row + i * column] for i < n, and 0 up to the whole. */
static void NAME(gemm_pack_panel)(int64_t k, int64_t n, T *z, const T *b, int64_t row,
                                  int64_t column) {
  if (n < PANEL) memset(z, 0, (size_t)(PANEL * k) * sizeof(T));
  if (column == 1)
    for (int64_t l = 0; l < k; l++) {
      if (n == PANEL) memcpy(z + l * PANEL, b + l * row, PANEL * sizeof(T));
      else memcpy(z + l * PANEL, b + l * row, (size_t)n * sizeof(T));
    }
  else if (row == 1) TABLE(NEAP_KERN_NAME).transpose[DTYPE](k, n, z, PANEL, b, column);
  else
    for (int64_t l = 0; l < k; l++)
      for (int64_t i = 0; i < n; i++) z[l * PANEL + i] = b[l * row + i * column];
}

static void NAME(gemm_pack)(int64_t k, int64_t n, void *z, const void *b, int64_t row,
                            int64_t column) {
  for (int64_t j = 0; j < n; j += PANEL) NAME(gemm_pack_panel)
  (k, n - j < PANEL ? n - j : PANEL, (T *)z + j * k, (const T *)b + j * column, row, column);
}

/* Up to eight dot products, element by element. */
static void NAME(dots_eight)(int64_t n, int64_t k, T *c, const T *a, int64_t as, const T *b,
                             int64_t bs, bool add) {
  T sum[8] = {0};
  const T *p[8], *q[8];
  for (int i = 0; i < 8; i++) {
    p[i] = a + (i < n ? i : 0) * as;
    q[i] = b + (i < n ? i : 0) * bs;
  }
  for (int64_t l = 0; l < k; l++)
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) sum[i] = NAME(gemm_one)(p[i][l], q[i][l], sum[i]);
  for (int i = 0; i < n; i++) c[i] = add ? c[i] + sum[i] : sum[i];
}

static void NAME(dots_few)(int64_t n, int64_t k, T *c, const T *a, int64_t as, const T *b,
                           int64_t bs, bool add) {
  for (int64_t i = 0; i < n; i += 8)
    NAME(dots_eight)(n - i < 8 ? n - i : 8, k, c + i, a + i * as, as, b + i * bs, bs, add);
}

#undef LANES
#undef PANEL
#undef TILE_ARGS
#undef TILE_PASS
#undef TILES
#undef WIDE
#undef HALF_OF
#undef FULL_OF
#undef WIDE_OF

#if defined(REGISTER)
#include "kern/gemm_dots.inc.h"
#else
static void NAME(gemm_dots)(int64_t n, int64_t k, void *c, const void *a, int64_t as, const void *b,
                            int64_t bs, bool add) {
  NAME(dots_few)(n, k, c, a, as, b, bs, add);
}
#endif

#undef V
