/* gemm.h — what the products of matrices need of an instruction set: registers of GEMM_BYTES, the
 * rows of a tile that fill the register file together with two registers of columns, and
 *   fma(x, y, z)  x y + z, rounded once where the set has it, else twice; one: of single numbers
 *   spread(x)     x in every lane
 *   some(c, v, n, add)  c[0..n) = or += the first lanes of v, n being any number */
#ifndef NEAP_KERN_GEMM_H
#define NEAP_KERN_GEMM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define GEMM_ROWS_TO_3(X) X(1) X(2) X(3)
#define GEMM_ROWS_TO_6(X) GEMM_ROWS_TO_3(X) X(4) X(5) X(6)

#if defined(__AVX512F__)

enum { GEMM_BYTES = 64, GEMM_ROWS = 14, GEMM_FEW = 3, GEMM_SUMS = 28 };
#define GEMM_EACH_ROWS(X) GEMM_ROWS_TO_6(X) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define GEMM_EACH_FEW(X)  GEMM_ROWS_TO_3(X)

#elif defined(__AVX2__)

enum { GEMM_BYTES = 32, GEMM_ROWS = 6, GEMM_FEW = 1, GEMM_SUMS = 12 };
#define GEMM_EACH_ROWS(X) GEMM_ROWS_TO_6(X)
#define GEMM_EACH_FEW(X)  X(1)

#else

enum { GEMM_BYTES = 16, GEMM_ROWS = 6, GEMM_FEW = 1, GEMM_SUMS = 12 };
#define GEMM_EACH_ROWS(X) GEMM_ROWS_TO_6(X)
#define GEMM_EACH_FEW(X)  X(1)

#endif

typedef double gemm_f64 __attribute__((vector_size(GEMM_BYTES)));
typedef float gemm_f32 __attribute__((vector_size(GEMM_BYTES)));
typedef uint64_t gemm_i64 __attribute__((vector_size(GEMM_BYTES)));

#if defined(__AVX2__)
static inline double gemm_one_f64(double x, double y, double z) { return __builtin_fma(x, y, z); }
static inline float gemm_one_f32(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
#else
static inline double gemm_one_f64(double x, double y, double z) { return x * y + z; }
static inline float gemm_one_f32(float x, float y, float z) { return x * y + z; }
#endif
static inline uint64_t gemm_one_i64(uint64_t x, uint64_t y, uint64_t z) { return x * y + z; }
static inline gemm_i64 gemm_fma_i64(gemm_i64 x, gemm_i64 y, gemm_i64 z) { return x * y + z; }

#if defined(__AVX512F__)

static inline gemm_f64 gemm_fma_f64(gemm_f64 x, gemm_f64 y, gemm_f64 z) {
  return (gemm_f64)_mm512_fmadd_pd((__m512d)x, (__m512d)y, (__m512d)z);
}
static inline gemm_f32 gemm_fma_f32(gemm_f32 x, gemm_f32 y, gemm_f32 z) {
  return (gemm_f32)_mm512_fmadd_ps((__m512)x, (__m512)y, (__m512)z);
}
static inline gemm_f64 gemm_spread_f64(double x) { return (gemm_f64)_mm512_set1_pd(x); }
static inline gemm_f32 gemm_spread_f32(float x) { return (gemm_f32)_mm512_set1_ps(x); }
static inline gemm_i64 gemm_spread_i64(uint64_t x) {
  return (gemm_i64)_mm512_set1_epi64((long long)x);
}

static inline __mmask16 gemm_lanes(int64_t n, int all) {
  return n >= all ? (__mmask16)((1u << all) - 1) : n <= 0 ? 0 : (__mmask16)((1u << n) - 1);
}
static inline void gemm_some_f64(double *c, gemm_f64 v, int64_t n, bool add) {
  __mmask8 lanes = (__mmask8)gemm_lanes(n, 8);
  if (add) v += (gemm_f64)_mm512_maskz_loadu_pd(lanes, c);
  _mm512_mask_storeu_pd(c, lanes, (__m512d)v);
}
static inline void gemm_some_f32(float *c, gemm_f32 v, int64_t n, bool add) {
  __mmask16 lanes = gemm_lanes(n, 16);
  if (add) v += (gemm_f32)_mm512_maskz_loadu_ps(lanes, c);
  _mm512_mask_storeu_ps(c, lanes, (__m512)v);
}
static inline void gemm_some_i64(uint64_t *c, gemm_i64 v, int64_t n, bool add) {
  __mmask8 lanes = (__mmask8)gemm_lanes(n, 8);
  if (add) v += (gemm_i64)_mm512_maskz_loadu_epi64(lanes, c);
  _mm512_mask_storeu_epi64(c, lanes, (__m512i)v);
}

#else

#define GEMM_SOME(T, kind)                                                                         \
  static inline void gemm_some_##kind(T *c, gemm_##kind v, int64_t n, bool add) {                  \
    int lanes = (int)(GEMM_BYTES / sizeof(T));                                                     \
    T t[GEMM_BYTES / sizeof(T)];                                                                   \
    memcpy(t, &v, sizeof t);                                                                       \
    for (int j = 0; j < lanes && j < n; j++) c[j] = add ? c[j] + t[j] : t[j];                      \
  }
GEMM_SOME(double, f64)
GEMM_SOME(float, f32)
GEMM_SOME(uint64_t, i64)
#undef GEMM_SOME
static inline gemm_f64 gemm_spread_f64(double x) { return x - (gemm_f64){0}; }
static inline gemm_f32 gemm_spread_f32(float x) { return x - (gemm_f32){0}; }
static inline gemm_i64 gemm_spread_i64(uint64_t x) { return x - (gemm_i64){0}; }

#if defined(__AVX2__)
static inline gemm_f64 gemm_fma_f64(gemm_f64 x, gemm_f64 y, gemm_f64 z) {
  return (gemm_f64)_mm256_fmadd_pd((__m256d)x, (__m256d)y, (__m256d)z);
}
static inline gemm_f32 gemm_fma_f32(gemm_f32 x, gemm_f32 y, gemm_f32 z) {
  return (gemm_f32)_mm256_fmadd_ps((__m256)x, (__m256)y, (__m256)z);
}
#else
static inline gemm_f64 gemm_fma_f64(gemm_f64 x, gemm_f64 y, gemm_f64 z) { return x * y + z; }
static inline gemm_f32 gemm_fma_f32(gemm_f32 x, gemm_f32 y, gemm_f32 z) { return x * y + z; }
#endif

#endif

#endif
