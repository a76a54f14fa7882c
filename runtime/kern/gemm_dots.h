/* gemm_dots.h — many dot products at once, one per lane, from rows whose elements are adjacent:
 * each lane keeps its order. Blocks of rows are turned in registers: two pieces of 256 bits make a
 * register, so that two or three steps of shuffles put element l of all rows side by side. Needs
 * AVX-512 and gemm.h. */
#ifndef NEAP_KERN_GEMM_DOTS_H
#define NEAP_KERN_GEMM_DOTS_H

static inline __m512 halves_f32(const float *low, const float *high, __mmask8 some) {
  __m512 v = _mm512_castps256_ps512(_mm256_maskz_loadu_ps(some, low));
  return _mm512_insertf32x8(v, _mm256_maskz_loadu_ps(some, high), 1);
}

/* t[l] = elements l of the 16 rows, `step` apart, for l < 8; zeros where `some` says so. */
static ALWAYS_INLINE void turn_f32(__m512 *t, const float *x, int64_t step, __mmask8 some) {
  __m512 u[8];
#pragma GCC unroll 2
  for (int g = 0; g < 2; g++) {
    const float *p = x + 8 * g * step, *q = p + 4 * step;
    __m512 a = halves_f32(p, q, some), b = halves_f32(p + step, q + step, some);
    __m512 c = halves_f32(p + 2 * step, q + 2 * step, some);
    __m512 d = halves_f32(p + 3 * step, q + 3 * step, some);
    __m512d e = _mm512_castps_pd(_mm512_unpacklo_ps(a, b));
    __m512d f = _mm512_castps_pd(_mm512_unpackhi_ps(a, b));
    __m512d h = _mm512_castps_pd(_mm512_unpacklo_ps(c, d));
    __m512d i = _mm512_castps_pd(_mm512_unpackhi_ps(c, d));
    u[4 * g] = _mm512_castpd_ps(_mm512_unpacklo_pd(e, h));
    u[4 * g + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(e, h));
    u[4 * g + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(f, i));
    u[4 * g + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(f, i));
  }
#pragma GCC unroll 4
  for (int l = 0; l < 4; l++) {
    t[l] = _mm512_shuffle_f32x4(u[l], u[4 + l], 0x88);
    t[4 + l] = _mm512_shuffle_f32x4(u[l], u[4 + l], 0xdd);
  }
}

static inline __m512d halves_f64(const double *low, const double *high, __mmask8 some) {
  __m512d v = _mm512_castpd256_pd512(_mm256_maskz_loadu_pd(some, low));
  return _mm512_insertf64x4(v, _mm256_maskz_loadu_pd(some, high), 1);
}

/* The same for 8 rows and l < 4. */
static ALWAYS_INLINE void turn_f64(__m512d *t, const double *x, int64_t step, __mmask8 some) {
  const double *p = x, *q = x + 4 * step;
  __m512d a = halves_f64(p, p + 2 * step, some), b = halves_f64(p + step, p + 3 * step, some);
  __m512d c = halves_f64(q, q + 2 * step, some), d = halves_f64(q + step, q + 3 * step, some);
  __m512d e = _mm512_unpacklo_pd(a, b), f = _mm512_unpackhi_pd(a, b);
  __m512d g = _mm512_unpacklo_pd(c, d), h = _mm512_unpackhi_pd(c, d);
  t[0] = _mm512_shuffle_f64x2(e, g, 0x88);
  t[1] = _mm512_shuffle_f64x2(f, h, 0x88);
  t[2] = _mm512_shuffle_f64x2(e, g, 0xdd);
  t[3] = _mm512_shuffle_f64x2(f, h, 0xdd);
}

#endif
