/* gemm_dots.inc.h — dots of one dtype in registers of AVX-512: T, NAME, REGISTER its vector. */

#define LANES  ((int)(64 / sizeof(T)))
#define DEPTH  (LANES / 2) /* elements of a row that are turned at once */
#define GROUPS (DOTS_ROWS / LANES)

/* sum += the next DEPTH terms, or as many as some has, of DOTS_ROWS rows. */
static ALWAYS_INLINE void NAME(dots_block)(V *sum, const T *a, int64_t as, bool shared, const T *b,
                                           int64_t bs, __mmask8 some) {
  REGISTER x[DEPTH], y[DEPTH];
  if (shared)
#pragma GCC unroll 8
    for (int l = 0; l < DEPTH; l++)
      x[l] = some >> l & 1 ? (REGISTER)NAME(gemm_spread)(a[l]) : (REGISTER){0};
#pragma GCC unroll 4
  for (int g = 0; g < GROUPS; g++) {
    if (!shared) NAME(turn)(x, a + g * LANES * as, as, some);
    NAME(turn)(y, b + g * LANES * bs, bs, some);
#pragma GCC unroll 8
    for (int l = 0; l < DEPTH; l++) sum[g] = NAME(gemm_fma)((V)x[l], (V)y[l], sum[g]);
  }
}

static ALWAYS_INLINE void NAME(dots_rows)(int64_t n, int64_t k, T *c, const T *a, int64_t as,
                                          bool shared, const T *b, int64_t bs, bool add) {
  const __mmask8 all = (__mmask8)((1u << DEPTH) - 1);
  V sum[GROUPS];
  int64_t l = 0;
  for (int g = 0; g < GROUPS; g++) sum[g] = (V){0};
  for (; l + DEPTH <= k; l += DEPTH) NAME(dots_block)(sum, a + l, as, shared, b + l, bs, all);
  if (l < k) NAME(dots_block)(sum, a + l, as, shared, b + l, bs, (__mmask8)((1u << (k - l)) - 1));
  for (int g = 0; g < GROUPS; g++)
    NAME(gemm_some)(c + g * LANES, sum[g], n - (int64_t)g * LANES, add);
}

static void NAME(gemm_dots)(int64_t n, int64_t k, void *cp, const void *ap, int64_t as,
                            const void *bp, int64_t bs, bool add) {
  const T *a = ap, *b = bp;
  T *c = cp;
  int64_t i = 0, last = !add && n >= DOTS_ROWS ? n - DOTS_ROWS : -1; /* some rows twice */
  for (; i + DOTS_ROWS <= n; i = i < last && last < i + DOTS_ROWS ? last : i + DOTS_ROWS)
    if (as) NAME(dots_rows)(DOTS_ROWS, k, c + i, a + i * as, as, false, b + i * bs, bs, add);
    else NAME(dots_rows)(DOTS_ROWS, k, c + i, a, 0, true, b + i * bs, bs, add);
  if (i < n) NAME(dots_few)(n - i, k, c + i, a + i * as, as, b + i * bs, bs, add);
}

#undef LANES
#undef DEPTH
#undef GROUPS
