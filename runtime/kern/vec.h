/* vec.h — the operations that vec_f64.h and vec_f32.h are written in: a
 * `vec` is a whole AVX-512 register of f64, `vec_f` one of f32; in the other tables each is one
 * element, and the compiler makes vectors of the loops around it. + - * / work on both as they are.
 *
 * fused(a, b, c) is a b + c rounded once where the instruction set has that, twice elsewhere; what
 * is written with it must hold its bound either way. Comparisons are false for NaN. */
#ifndef NEAP_KERN_VEC_H
#define NEAP_KERN_VEC_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "base/elementary.h"

/* As ROUNDER: added to a number below 2^22 this leaves its nearest integer in the low bits. */
#define ROUNDER_F 0x1.8p23f

#if defined(__AVX512F__)

typedef __m512d vec;
typedef __m512 vec_f;
typedef __mmask8 marks;
typedef __mmask16 marks_f;
enum { WIDTH = 8, WIDTH_F = 16 };

static inline vec all_of(double v) { return _mm512_set1_pd(v); }
static inline vec_f all_of_f(float v) { return _mm512_set1_ps(v); }
static inline vec load(const double *p) { return _mm512_loadu_pd(p); }
static inline vec_f load_f(const float *p) { return _mm512_loadu_ps(p); }
static inline void store(double *p, vec v) { _mm512_storeu_pd(p, v); }
static inline void store_f(float *p, vec_f v) { _mm512_storeu_ps(p, v); }

/* The first count elements; the others read 0 and are not written. */
static inline vec load_some(const double *p, int64_t count) {
  return _mm512_maskz_loadu_pd((marks)((1u << count) - 1), p);
}
static inline vec_f load_some_f(const float *p, int64_t count) {
  return _mm512_maskz_loadu_ps((marks_f)((1u << count) - 1), p);
}
static inline void store_some(double *p, vec v, int64_t count) {
  _mm512_mask_storeu_pd(p, (marks)((1u << count) - 1), v);
}
static inline void store_some_f(float *p, vec_f v, int64_t count) {
  _mm512_mask_storeu_ps(p, (marks_f)((1u << count) - 1), v);
}

static inline vec fused(vec a, vec b, vec c) { return _mm512_fmadd_pd(a, b, c); }
static inline vec_f fused_f(vec_f a, vec_f b, vec_f c) { return _mm512_fmadd_ps(a, b, c); }

static inline marks below(vec a, vec b) { return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ); }
static inline marks_f below_f(vec_f a, vec_f b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
static inline marks equal(vec a, vec b) { return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ); }
static inline marks_f equal_f(vec_f a, vec_f b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
static inline vec choose(marks m, vec yes, vec no) { return _mm512_mask_blend_pd(m, no, yes); }
static inline vec_f choose_f(marks_f m, vec_f yes, vec_f no) {
  return _mm512_mask_blend_ps(m, no, yes);
}

/* The smaller (larger) of x and a bound; NaN stays. */
static inline vec at_most(vec x, double v) { return _mm512_min_pd(all_of(v), x); }
static inline vec_f at_most_f(vec_f x, float v) { return _mm512_min_ps(all_of_f(v), x); }
static inline vec at_least(vec x, double v) { return _mm512_max_pd(all_of(v), x); }
static inline vec_f at_least_f(vec_f x, float v) { return _mm512_max_ps(all_of_f(v), x); }

static inline vec magnitude(vec x) { return _mm512_abs_pd(x); }
static inline vec_f magnitude_f(vec_f x) { return _mm512_abs_ps(x); }

/* v >= 0 with the sign of s. */
static inline vec signed_as(vec v, vec s) {
  return _mm512_or_pd(v, _mm512_and_pd(s, all_of(-0.0)));
}
static inline vec_f signed_as_f(vec_f v, vec_f s) {
  return _mm512_or_ps(v, _mm512_and_ps(s, all_of_f(-0.0f)));
}

/* The nearest integer, of a tie the even one; nearest only of |x| < 2^51 (2^22). */
static inline vec whole(vec x) { return _mm512_roundscale_pd(x, _MM_FROUND_TO_NEAREST_INT); }
static inline vec nearest(vec x) { return whole(x); }
static inline vec_f nearest_f(vec_f x) {
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT);
}

/* Whether x + ROUNDER has a bit set: one of the low bits of a rounded x. */
static inline marks has_bit(vec x, unsigned bit) {
  return _mm512_test_epi64_mask(_mm512_castpd_si512(x), _mm512_set1_epi64(bit));
}
static inline marks_f has_bit_f(vec_f x, unsigned bit) {
  return _mm512_test_epi32_mask(_mm512_castps_si512(x), _mm512_set1_epi32((int)bit));
}

/* x with the lower half of its significand cut off. */
static inline vec upper(vec x) {
  return _mm512_castsi512_pd(
      _mm512_and_si512(_mm512_castpd_si512(x), _mm512_set1_epi64(-(1ll << 32))));
}
static inline vec_f upper_f(vec_f x) {
  return _mm512_castsi512_ps(
      _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(-(1 << 12))));
}

/* v * 2^k for a whole k, rounded once. */
static inline vec scale_by(vec v, vec k) { return _mm512_scalef_pd(v, k); }
static inline vec_f scale_by_f(vec_f v, vec_f k) { return _mm512_scalef_ps(v, k); }

/* 2^k for i = k + ROUNDER, -1022 <= k <= 1023 (-126 <= k <= 127). */
static inline vec power(vec i) {
  __m512i shifted = _mm512_slli_epi64(_mm512_castpd_si512(i), 52);
  return _mm512_castsi512_pd(_mm512_add_epi64(shifted, _mm512_castpd_si512(all_of(1))));
}
static inline vec_f power_f(vec_f i) {
  __m512i shifted = _mm512_slli_epi32(_mm512_castps_si512(i), 23);
  return _mm512_castsi512_ps(_mm512_add_epi32(shifted, _mm512_castps_si512(all_of_f(1))));
}

/* x = m 2^e with 3/4 <= m < 3/2; e is -inf for 0, inf for inf; m is NaN for NaN and x < 0. */
static inline vec fraction(vec x, vec *e) {
  vec a = x + all_of(0); /* -0 becomes 0 */
  vec m = _mm512_getmant_pd(a, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);
  *e = _mm512_getexp_pd(a) - _mm512_getexp_pd(m);
  return m;
}
static inline vec_f fraction_f(vec_f x, vec_f *e) {
  vec_f a = x + all_of_f(0);
  vec_f m = _mm512_getmant_ps(a, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);
  *e = _mm512_getexp_ps(a) - _mm512_getexp_ps(m);
  return m;
}

/* table[i] of 16, i being the low bits of x + ROUNDER. */
static inline vec picked(const double *table, vec x) {
  return _mm512_permutex2var_pd(load(table), _mm512_castpd_si512(x), load(table + 8));
}
static inline vec_f picked_f(const float *table, vec_f x) {
  return _mm512_permutexvar_ps(_mm512_castps_si512(x), load_f(table));
}

/* a of f32 computed in f64 and rounded. */
static inline vec_f in_f64(vec_f a, vec_f b, vec (*f)(vec, vec)) {
  __m256 low = _mm512_cvtpd_ps(
      f(_mm512_cvtps_pd(_mm512_castps512_ps256(a)), _mm512_cvtps_pd(_mm512_castps512_ps256(b))));
  __m256 high = _mm512_cvtpd_ps(f(_mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)),
                                  _mm512_cvtps_pd(_mm512_extractf32x8_ps(b, 1))));
  return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
}

#else

typedef double vec;
typedef float vec_f;
typedef bool marks;
typedef bool marks_f;
enum { WIDTH = 1, WIDTH_F = 1 };

static inline vec all_of(double v) { return v; }
static inline vec_f all_of_f(float v) { return v; }
static inline vec load(const double *p) { return *p; }
static inline vec_f load_f(const float *p) { return *p; }
static inline void store(double *p, vec v) { *p = v; }
static inline void store_f(float *p, vec_f v) { *p = v; }

/* With one lane nothing is ever left over. */
static inline vec load_some(const double *p, int64_t count) { return count ? *p : 0; }
static inline vec_f load_some_f(const float *p, int64_t count) { return count ? *p : 0; }
static inline void store_some(double *p, vec v, int64_t count) {
  if (count) *p = v;
}
static inline void store_some_f(float *p, vec_f v, int64_t count) {
  if (count) *p = v;
}

#if defined(__FMA__) || defined(__FP_FAST_FMA)
static inline vec fused(vec a, vec b, vec c) { return __builtin_fma(a, b, c); }
static inline vec_f fused_f(vec_f a, vec_f b, vec_f c) { return __builtin_fmaf(a, b, c); }
#else
static inline vec fused(vec a, vec b, vec c) { return a * b + c; }
static inline vec_f fused_f(vec_f a, vec_f b, vec_f c) { return a * b + c; }
#endif

static inline uint32_t bits_of_f(float v) {
  uint32_t u;
  memcpy(&u, &v, sizeof u);
  return u;
}
static inline float of_bits_f(uint32_t u) {
  float v;
  memcpy(&v, &u, sizeof v);
  return v;
}

static inline marks below(vec a, vec b) { return a < b; }
static inline marks_f below_f(vec_f a, vec_f b) { return a < b; }
static inline marks equal(vec a, vec b) { return a == b; }
static inline marks_f equal_f(vec_f a, vec_f b) { return a == b; }
static inline vec choose(marks m, vec yes, vec no) { return m ? yes : no; }
static inline vec_f choose_f(marks_f m, vec_f yes, vec_f no) { return m ? yes : no; }

static inline vec at_most(vec x, double v) { return x > v ? v : x; }
static inline vec_f at_most_f(vec_f x, float v) { return x > v ? v : x; }
static inline vec at_least(vec x, double v) { return x < v ? v : x; }
static inline vec_f at_least_f(vec_f x, float v) { return x < v ? v : x; }

static inline vec magnitude(vec x) { return fabs(x); }
static inline vec_f magnitude_f(vec_f x) { return fabsf(x); }
static inline vec signed_as(vec v, vec s) { return copysign(v, s); }
static inline vec_f signed_as_f(vec_f v, vec_f s) { return copysignf(v, s); }
static inline vec whole(vec x) { return rint(x); }
static inline vec nearest(vec x) { return x + ROUNDER - ROUNDER; }
static inline vec_f nearest_f(vec_f x) { return x + ROUNDER_F - ROUNDER_F; }
static inline marks has_bit(vec x, unsigned bit) { return bits_of(x) & bit; }
static inline marks_f has_bit_f(vec_f x, unsigned bit) { return bits_of_f(x) & bit; }
static inline vec upper(vec x) { return of_bits(bits_of(x) & -(UINT64_C(1) << 32)); }
static inline vec_f upper_f(vec_f x) { return of_bits_f(bits_of_f(x) & -(1u << 12)); }

static inline vec power(vec i) { return of_bits((bits_of(i) << 52) + bits_of(1)); }
static inline vec_f power_f(vec_f i) { return of_bits_f((bits_of_f(i) << 23) + bits_of_f(1)); }

/* In two steps: 2^k itself may not be representable where the product is. */
static inline vec scale_by(vec v, vec k) {
  vec half = nearest(k * 0.5);
  return v * power(half + ROUNDER) * power(k - half + ROUNDER);
}
static inline vec_f scale_by_f(vec_f v, vec_f k) {
  vec_f half = nearest_f(k * 0.5f);
  return v * power_f(half + ROUNDER_F) * power_f(k - half + ROUNDER_F);
}

static inline vec fraction(vec x, vec *e) {
  const uint64_t low = UINT64_C(0x3fe8) << 48, one = UINT64_C(0x3ff) << 52; /* 3/4, 1 */
  const uint64_t significand = (UINT64_C(1) << 52) - 1, two_52 = UINT64_C(0x433) << 52;
  bool tiny = x < 0x1p-1022;
  uint64_t u = bits_of(tiny ? x * 0x1p54 : x) + (one - low);
  vec k = of_bits(u >> 52 | two_52) - (0x1p52 + 1023) - (tiny ? 54 : 0);
  vec m = of_bits((u & significand) + low);
  k = x == 0 ? -INFINITY : k;
  *e = x == INFINITY ? INFINITY : k;
  return x >= 0 ? m : NAN;
}
static inline vec_f fraction_f(vec_f x, vec_f *e) {
  const uint32_t low = 0x3f400000u, one = 0x3f800000u, significand = 0x007fffffu;
  const uint32_t two_23 = 0x4b000000u;
  bool tiny = x < 0x1p-126f;
  uint32_t u = bits_of_f(tiny ? x * 0x1p25f : x) + (one - low);
  vec_f k = of_bits_f(u >> 23 | two_23) - (0x1p23f + 127) - (tiny ? 25 : 0);
  vec_f m = of_bits_f((u & significand) + low);
  k = x == 0 ? -INFINITY : k;
  *e = x == INFINITY ? INFINITY : k;
  return x >= 0 ? m : NAN;
}

static inline vec picked(const double *table, vec x) { return table[bits_of(x) & 15]; }
static inline vec_f picked_f(const float *table, vec_f x) { return table[bits_of_f(x) & 15]; }

static inline vec_f in_f64(vec_f a, vec_f b, vec (*f)(vec, vec)) {
  return (vec_f)f((vec)a, (vec)b);
}

#endif

/* a b - p exactly, p being close to a b; a and b below 2^996. */
static inline vec product_rest(vec a, vec b, vec p) {
#if defined(__FMA__) || defined(__FP_FAST_FMA)
  return fused(a, b, -p);
#else
  vec c = a * 0x8000001p0, d = b * 0x8000001p0; /* Dekker: halves of 26 bits */
  vec a1 = c - (c - a), b1 = d - (d - b), a2 = a - a1, b2 = b - b1;
  return a1 * b1 - p + a1 * b2 + a2 * b1 + a2 * b2;
#endif
}

/* Polynomials with the coefficients c of x^0, x^1, ...: p x + c is a step of Horner's rule; poly
 * takes two or four terms at once by Estrin's scheme (x2 = x^2), since most functions here wait for
 * chains of results rather than for arithmetic units. */
static inline vec step(vec p, vec x, double c) { return fused(p, x, all_of(c)); }
static inline vec_f step_f(vec_f p, vec_f x, float c) { return fused_f(p, x, all_of_f(c)); }
static inline vec poly2(vec x, double c0, double c1) { return step(all_of(c1), x, c0); }
static inline vec_f poly2_f(vec_f x, float c0, float c1) { return step_f(all_of_f(c1), x, c0); }
static inline vec poly4(vec x, vec x2, double c0, double c1, double c2, double c3) {
  return fused(x2, poly2(x, c2, c3), poly2(x, c0, c1));
}
static inline vec_f poly4_f(vec_f x, vec_f x2, float c0, float c1, float c2, float c3) {
  return fused_f(x2, poly2_f(x, c2, c3), poly2_f(x, c0, c1));
}

/* The same with the coefficients that row i, an integer held by i + ROUNDER, has in columns. */
static inline vec rows2(vec x, vec i, const double (*columns)[16]) {
  return fused(picked(columns[1], i), x, picked(columns[0], i));
}
static inline vec_f rows2_f(vec_f x, vec_f i, const float (*columns)[16]) {
  return fused_f(picked_f(columns[1], i), x, picked_f(columns[0], i));
}
static inline vec rows4(vec x, vec x2, vec i, const double (*columns)[16]) {
  return fused(x2, rows2(x, i, columns + 2), rows2(x, i, columns));
}
static inline vec_f rows4_f(vec_f x, vec_f x2, vec_f i, const float (*columns)[16]) {
  return fused_f(x2, rows2_f(x, i, columns + 2), rows2_f(x, i, columns));
}

/* Between two bounds; NaN stays. */
static inline vec within(vec x, double low, double high) { return at_least(at_most(x, high), low); }
static inline vec_f within_f(vec_f x, float low, float high) {
  return at_least_f(at_most_f(x, high), low);
}

#endif
