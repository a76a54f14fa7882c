/* elementary_f32.h — the functions of elementary.h in f32 arithmetic alone: twice the lanes and
 * shorter series. Straight-line code, no FMA, no tables, no branches, so every instruction set
 * gives the same bits.
 *
 * Largest error over some 5e6 arguments of every scale against f64, in ulp of f32: exp 1.0, expm1
 * 1.6, log 0.8, log1p 1.4, tanh 2.4, sigmoid 2.2, softplus 1.8; tests/c/test_kern.c holds them to
 * 1.1, 2, 0.9, 1.5, 2.5, 2.5, 2. Subnormal results and arguments are handled. */
#ifndef NEAP_KERN_ELEMENTARY_F32_H
#define NEAP_KERN_ELEMENTARY_F32_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/elementary.h"

/* Added to a number below 2^22 this leaves its nearest integer in the low bits. */
#define ROUNDER_F 0x1.8p23f
/* ln 2 in two parts; the first has 15 bits, so k * LN2_HIGH_F is exact. */
#define LN2_HIGH_F 0x1.62e4p-1f
#define LN2_LOW_F  0x1.7f7d1cp-20f
#define LOG2_E_F   0x1.715476p+0f

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

/* 2^k for a whole number -126 <= k <= 127. */
static inline float two_to_f(float k) {
  return of_bits_f((bits_of_f(k + ROUNDER_F) - bits_of_f(ROUNDER_F) + 127) << 23);
}

/* x = k ln 2 + r with |r| <= ln 2 / 2; returns e^r - 1 = r + r^2 p(r). p is the polynomial of
 * degree 4 whose largest weighted error r^2 |p - (e^r - 1 - r) / r^2| is least: 3.2e-9. */
static inline float reduced_expm1_f(float x, float *k) {
  *k = x * LOG2_E_F + ROUNDER_F - ROUNDER_F;
  float r = x - *k * LN2_HIGH_F - *k * LN2_LOW_F;
  float p = 0x1.6db42ap-10f;
  p = p * r + 0x1.123b56p-7f;
  p = p * r + 0x1.55545ep-5f;
  p = p * r + 0x1.55548ep-3f;
  p = p * r + 0.5f;
  return r + r * r * p;
}

/* v * 2^k in two steps: 2^k itself may not be representable where the product is. */
static inline float scaled_f(float v, float k) {
  float half = k * 0.5f + ROUNDER_F - ROUNDER_F;
  return v * two_to_f(half) * two_to_f(k - half);
}

static inline float elementary_exp_f(float x) {
  float k, inside = x > 89 ? 89 : x; /* comparisons are false for NaN, which goes through */
  inside = inside < -104 ? -104 : inside;
  float e = reduced_expm1_f(inside, &k);
  return scaled_f(1 + e, k);
}

/* 2^k (1 + e) - 1 = 2^k ((1 - 2^-k) + e), exact for k = 0. */
static inline float elementary_expm1_f(float x) {
  float k, inside = x > 89 ? 89 : x;
  inside = inside < -18 ? -18 : inside;
  float e = reduced_expm1_f(inside, &k);
  float small = k > 30 ? 30 : k;
  float v = scaled_f(1 - two_to_f(-small) + e, k);
  return x == 0 ? x : v;
}

/* x = 2^e m with sqrt(1/2) <= m < sqrt(2), f = m - 1: log m = f - f^2/2 + f^3 q(f), q of degree 8
 * with the least largest error relative to log m: 7.5e-10. Only for finite x > 0. */
static inline float positive_log_f(float x) {
  const uint32_t root_half = 0x3f3504f3u, one = 0x3f800000u, mantissa = 0x007fffffu;
  const uint32_t two_23 = 0x4b000000u;
  float lifted = x < 0x1p-126f ? x * 0x1p25f : x;
  uint32_t u = bits_of_f(lifted) + (one - root_half);
  float e = of_bits_f(u >> 23 | two_23) - (0x1p23f + 127) - (x < 0x1p-126f ? 25 : 0);
  float f = of_bits_f((u & mantissa) + root_half) - 1;
  float q = 0x1.1457c4p-4f;
  q = q * f - 0x1.de3c1cp-4f;
  q = q * f + 0x1.e6f062p-4f;
  q = q * f - 0x1.fc2206p-4f;
  q = q * f + 0x1.233768p-3f;
  q = q * f - 0x1.555c4ep-3f;
  q = q * f + 0x1.99a4b6p-3f;
  q = q * f - 0x1.000006p-2f;
  q = q * f + 0x1.555548p-2f;
  float tail = f * f * f * q - 0.5f * f * f + e * LN2_LOW_F;
  return e * LN2_HIGH_F + (f + tail);
}

static inline float elementary_log_f(float x) {
  float v = positive_log_f(x);
  v = x == 0 ? -INFINITY : v;
  v = x < 0 ? NAN : v;
  return x < INFINITY ? v : x; /* inf and NaN stay */
}

/* u = 1 + x is rounded; what was lost, relative to u, is added to log u. */
static inline float elementary_log1p_f(float x) {
  float u = 1 + x, lost = (x - (u - 1)) / u;
  float v = positive_log_f(u) + lost;
  v = x == 0 ? x : v;
  v = x == -1 ? -INFINITY : v;
  v = x < -1 ? NAN : v;
  return x < INFINITY ? v : x;
}

static inline float elementary_tanh_f(float x) {
  float a = fabsf(x), inside = a > 10 ? 10 : a; /* tanh 10 is 1 in f32 */
  float t = elementary_expm1_f(2 * inside);
  return copysignf(t / (t + 2), x);
}

static inline float elementary_sigmoid_f(float x) {
  float e = elementary_exp_f(-fabsf(x));
  return (x < 0 ? e : 1) / (1 + e);
}

static inline float elementary_softplus_f(float x) {
  return (x < 0 ? 0 : x) + elementary_log1p_f(elementary_exp_f(-fabsf(x)));
}

/* In f64, rounded once: a reduced angle needs the bits. */
static inline float elementary_sin_f(float x) { return (float)elementary_sin((double)x); }
static inline float elementary_cos_f(float x) { return (float)elementary_cos((double)x); }

#endif
