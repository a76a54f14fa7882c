/* gemm_dots.inc.h — dots of one dtype in registers of AVX-512: T, NAME, REGISTER its vector,
 * DOTS_SHARED and DOTS_OWN the rows in flight, which hide the latency of the sums. */

#define LANES ((int)(64 / sizeof(T)))
#define DEPTH (LANES / 2) /* elements of a row that are turned at once */

/* sum += the next DEPTH terms, or as many as some has, of so many groups of LANES rows. */
static ALWAYS_INLINE void NAME(dots_block)(int groups, V *sum, const T *a, int64_t as, bool shared,
                                           const T *b, int64_t bs, __mmask8 some) {
  REGISTER x[DEPTH], y[DEPTH];
  if (shared)
#pragma GCC unroll 8
    for (int l = 0; l < DEPTH; l++)
      x[l] = some >> l & 1 ? (REGISTER)NAME(gemm_spread)(a[l]) : (REGISTER){0};
#pragma GCC unroll 4
  for (int g = 0; g < groups; g++) {
    if (!shared) NAME(turn)(x, a + g * LANES * as, as, some);
    NAME(turn)(y, b + g * LANES * bs, bs, some);
#pragma GCC unroll 8
    for (int l = 0; l < DEPTH; l++) sum[g] = NAME(gemm_fma)((V)x[l], (V)y[l], sum[g]);
  }
}

static ALWAYS_INLINE void NAME(dots_rows)(int groups, int64_t k, T *c, const T *a, int64_t as,
                                          bool shared, const T *b, int64_t bs, bool add) {
  const __mmask8 all = (__mmask8)((1u << DEPTH) - 1);
  V sum[4];
  int64_t l = 0;
  for (int g = 0; g < groups; g++) sum[g] = (V){0};
  for (; l + DEPTH <= k; l += DEPTH)
    NAME(dots_block)(groups, sum, a + l, as, shared, b + l, bs, all);
  if (l < k)
    NAME(dots_block)(groups, sum, a + l, as, shared, b + l, bs, (__mmask8)((1u << (k - l)) - 1));
  for (int g = 0; g < groups; g++) NAME(gemm_some)(c + g * LANES, sum[g], LANES, add);
}

static void NAME(gemm_dots)(int64_t n, int64_t k, void *cp, const void *ap, int64_t as,
                            const void *bp, int64_t bs, bool add) {
  const T *a = ap, *b = bp;
  T *c = cp;
  int64_t i = 0, rows = as ? DOTS_OWN : DOTS_SHARED;
  while (i + rows <= n) {
    if (as) NAME(dots_rows)(DOTS_OWN / LANES, k, c + i, a + i * as, as, false, b + i * bs, bs, add);
    else NAME(dots_rows)(DOTS_SHARED / LANES, k, c + i, a, 0, true, b + i * bs, bs, add);
    bool again = !add && i + rows < n && i + 2 * rows > n; /* some rows twice, to the same bits */
    i = again ? n - rows : i + rows;
  }
  if (i < n) NAME(dots_few)(n - i, k, c + i, a + i * as, as, b + i * bs, bs, add);
}

#undef LANES
#undef DEPTH
