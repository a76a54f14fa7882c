/* lanes.h — registers of the instruction set a table is built for: wide holds DOUBLES doubles,
 * pack_f64 and pack_f32 fill a register with elements. larger(a, b) is a > b ? a : b, smaller(a, b)
 * is a < b ? a : b, in every lane. load_some and keep_some take n lanes from the first on, up to
 * all, and make the others 0; n may be negative. */
#ifndef NEAP_KERN_LANES_H
#define NEAP_KERN_LANES_H

#include <stdint.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)

enum { DOUBLES = 8 };
typedef __m512d wide;
typedef __m512d pack_f64;
typedef __m512 pack_f32;
static inline wide load_f64(const double *p) { return _mm512_loadu_pd(p); }
static inline wide load_f32(const float *p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
static inline __mmask8 first(int64_t n) {
  return n >= 8 ? 0xff : n <= 0 ? 0 : (__mmask8)((1u << n) - 1);
}
static inline wide load_some_f64(const double *p, int64_t n) {
  return _mm512_maskz_loadu_pd(first(n), p);
}
static inline wide load_some_f32(const float *p, int64_t n) {
  return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(first(n), p));
}
static inline wide keep_some(wide v, int64_t n) { return _mm512_maskz_mov_pd(first(n), v); }
static inline pack_f64 pack_load_f64(const double *p) { return _mm512_loadu_pd(p); }
static inline pack_f32 pack_load_f32(const float *p) { return _mm512_loadu_ps(p); }
static inline pack_f64 larger_f64(pack_f64 a, pack_f64 b) { return _mm512_max_pd(a, b); }
static inline pack_f32 larger_f32(pack_f32 a, pack_f32 b) { return _mm512_max_ps(a, b); }
static inline pack_f64 smaller_f64(pack_f64 a, pack_f64 b) { return _mm512_min_pd(a, b); }
static inline pack_f32 smaller_f32(pack_f32 a, pack_f32 b) { return _mm512_min_ps(a, b); }

#elif defined(__AVX2__)

enum { DOUBLES = 4 };
typedef __m256d wide;
typedef __m256d pack_f64;
typedef __m256 pack_f32;
static inline wide load_f64(const double *p) { return _mm256_loadu_pd(p); }
static inline wide load_f32(const float *p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
static inline __m256i first(int64_t n) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}
static inline wide load_some_f64(const double *p, int64_t n) {
  return _mm256_maskload_pd(p, first(n));
}
static inline wide load_some_f32(const float *p, int64_t n) {
  __m128i k = _mm_cmpgt_epi32(_mm_set1_epi32((int)n), _mm_setr_epi32(0, 1, 2, 3));
  return _mm256_cvtps_pd(_mm_maskload_ps(p, k));
}
static inline wide keep_some(wide v, int64_t n) {
  return _mm256_and_pd(v, _mm256_castsi256_pd(first(n)));
}
static inline pack_f64 pack_load_f64(const double *p) { return _mm256_loadu_pd(p); }
static inline pack_f32 pack_load_f32(const float *p) { return _mm256_loadu_ps(p); }
static inline pack_f64 larger_f64(pack_f64 a, pack_f64 b) { return _mm256_max_pd(a, b); }
static inline pack_f32 larger_f32(pack_f32 a, pack_f32 b) { return _mm256_max_ps(a, b); }
static inline pack_f64 smaller_f64(pack_f64 a, pack_f64 b) { return _mm256_min_pd(a, b); }
static inline pack_f32 smaller_f32(pack_f32 a, pack_f32 b) { return _mm256_min_ps(a, b); }

#else /* any machine: vectors of 16 bytes, which compilers split where there are none */

enum { DOUBLES = 2 };
typedef double wide __attribute__((vector_size(16)));
typedef double pack_f64 __attribute__((vector_size(16)));
typedef float pack_f32 __attribute__((vector_size(16)));
typedef long long mask_f64 __attribute__((vector_size(16)));
typedef int mask_f32 __attribute__((vector_size(16)));
static inline wide load_f64(const double *p) { return (wide){p[0], p[1]}; }
static inline wide load_f32(const float *p) { return (wide){(double)p[0], (double)p[1]}; }
static inline wide load_some_f64(const double *p, int64_t n) {
  return (wide){n > 0 ? p[0] : 0, n > 1 ? p[1] : 0};
}
static inline wide load_some_f32(const float *p, int64_t n) {
  return (wide){n > 0 ? (double)p[0] : 0, n > 1 ? (double)p[1] : 0};
}
static inline wide keep_some(wide v, int64_t n) {
  return (wide){n > 0 ? v[0] : 0, n > 1 ? v[1] : 0};
}
static inline pack_f64 pack_load_f64(const double *p) { return (pack_f64){p[0], p[1]}; }
static inline pack_f32 pack_load_f32(const float *p) { return (pack_f32){p[0], p[1], p[2], p[3]}; }
static inline pack_f64 pick_f64(mask_f64 k, pack_f64 a, pack_f64 b) {
  return (pack_f64)((k & (mask_f64)a) | (~k & (mask_f64)b));
}
static inline pack_f32 pick_f32(mask_f32 k, pack_f32 a, pack_f32 b) {
  return (pack_f32)((k & (mask_f32)a) | (~k & (mask_f32)b));
}
static inline pack_f64 larger_f64(pack_f64 a, pack_f64 b) { return pick_f64(a > b, a, b); }
static inline pack_f32 larger_f32(pack_f32 a, pack_f32 b) { return pick_f32(a > b, a, b); }
static inline pack_f64 smaller_f64(pack_f64 a, pack_f64 b) { return pick_f64(a < b, a, b); }
static inline pack_f32 smaller_f32(pack_f32 a, pack_f32 b) { return pick_f32(a < b, a, b); }

#endif

#endif
