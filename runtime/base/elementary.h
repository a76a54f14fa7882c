/* elementary.h — exp, log and their kin as straight-line code that gives the same bits on every
 * machine and in every lane: for random numbers. No FMA, no tables, no branches. Tensors' own
 * functions are kern/vec_f64.h and kern/vec_f32.h.
 *
 * Largest error found over some 3e6 arguments of every scale against quad precision, in ulp of f64:
 * exp 1.0, expm1 1.9, log 0.8, log1p 1.1, sin and cos 0.9. Subnormal results and arguments are
 * handled. */
#ifndef NEAP_BASE_ELEMENTARY_H
#define NEAP_BASE_ELEMENTARY_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Added to a number below 2^51 this leaves its nearest integer in the low bits. */
#define ROUNDER 0x1.8p52
/* ln 2 in two parts; the first has 20 zero bits at the end, so k * LN2_HIGH is exact. */
#define LN2_HIGH 0x1.62e42fefp-1
#define LN2_LOW  0x1.473de6af278edp-34
#define LOG2_E   0x1.71547652b82fep+0

static inline uint64_t bits_of(double v) {
  uint64_t u;
  memcpy(&u, &v, sizeof u);
  return u;
}

static inline double of_bits(uint64_t u) {
  double v;
  memcpy(&v, &u, sizeof v);
  return v;
}

/* 2^k for a whole number -1022 <= k <= 1023. */
static inline double two_to(double k) {
  return of_bits((bits_of(k + ROUNDER) - bits_of(ROUNDER) + 1023) << 52);
}

/* x = k ln 2 + r with |r| <= ln 2 / 2; returns e^r - 1 by its series to r^13, whose rest is below
 * 2^-56. */
static inline double reduced_expm1(double x, double *k) {
  *k = x * LOG2_E + ROUNDER - ROUNDER;
  double r = x - *k * LN2_HIGH - *k * LN2_LOW;
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  return r + r * r * p;
}

/* v * 2^k in two steps: 2^k itself may not be representable where the product is. */
static inline double scaled(double v, double k) {
  double half = k * 0.5 + ROUNDER - ROUNDER;
  return v * two_to(half) * two_to(k - half);
}

static inline double elementary_exp(double x) {
  double k, inside = x > 710 ? 710 : x; /* comparisons are false for NaN, which goes through */
  inside = inside < -750 ? -750 : inside;
  double e = reduced_expm1(inside, &k);
  return scaled(1 + e, k);
}

/* 2^k (1 + e) - 1 = 2^k ((1 - 2^-k) + e), exact for k = 0. */
static inline double elementary_expm1(double x) {
  double k, inside = x > 710 ? 710 : x;
  inside = inside < -40 ? -40 : inside;
  double e = reduced_expm1(inside, &k);
  double small = k > 60 ? 60 : k;
  double v = scaled(1 - two_to(-small) + e, k);
  return x == 0 ? x : v;
}

/* x = 2^e m with sqrt(1/2) <= m < sqrt(2), f = m - 1, s = f / (2 + f):
 * log m = 2 atanh s = f - f^2/2 + s (f^2/2 + R), R = s^2 (2/3 + 2/5 s^2 + ...).
 * Only for finite x > 0. */
static inline double positive_log(double x) {
  const uint64_t root_half = 0x3fe6a09e667f3bcdu, one = 0x3ff0000000000000u;
  const uint64_t mantissa = 0x000fffffffffffffu, two_52 = 0x4330000000000000u;
  double lifted = x < 0x1p-1022 ? x * 0x1p54 : x;
  uint64_t u = bits_of(lifted) + (one - root_half);
  double e = of_bits(u >> 52 | two_52) - (0x1p52 + 1023) - (x < 0x1p-1022 ? 54 : 0);
  double f = of_bits((u & mantissa) + root_half) - 1, s = f / (2 + f), z = s * s;
  double p = 2.0 / 23;
  p = p * z + 2.0 / 21;
  p = p * z + 2.0 / 19;
  p = p * z + 2.0 / 17;
  p = p * z + 2.0 / 15;
  p = p * z + 2.0 / 13;
  p = p * z + 2.0 / 11;
  p = p * z + 2.0 / 9;
  p = p * z + 2.0 / 7;
  p = p * z + 2.0 / 5;
  p = p * z + 2.0 / 3;
  double half = 0.5 * f * f;
  return e * LN2_HIGH - (half - (s * (half + z * p) + e * LN2_LOW) - f);
}

static inline double elementary_log(double x) {
  double v = positive_log(x);
  v = x == 0 ? -INFINITY : v;
  v = x < 0 ? NAN : v;
  return x < INFINITY ? v : x; /* inf and NaN stay */
}

/* u = 1 + x is rounded; what was lost, relative to u, is added to log u. */
static inline double elementary_log1p(double x) {
  double u = 1 + x, lost = (x - (u - 1)) / u;
  double v = positive_log(u) + lost;
  v = x == 0 ? x : v;
  v = x == -1 ? -INFINITY : v;
  v = x < -1 ? NAN : v;
  return x < INFINITY ? v : x;
}

/* Below this the quadrant of x has at most 20 bits. */
#define TRIG_LIMIT 1e6

/* x = k pi/2 + r + rest with |r| <= pi/4, rest below half a unit in the last place of r. pi/2 has
 * four parts, three of them of 33 bits, so that their products are exact and nothing is lost when x
 * is close to a multiple. */
static inline double reduced_angle(double x, uint64_t *quadrant, double *rest) {
  double shifted = x * 0x1.45f306dc9c883p-1 + ROUNDER, k = shifted - ROUNDER;
  *quadrant = bits_of(shifted);
  double a = x - k * 0x1.921fb544p+0, b = k * 0x1.0b4611a6p-34, r1 = a - b;
  double tail = a - r1 - b - k * 0x1.3198a2ep-69 - k * 0x1.b839a252049c1p-104;
  double r = r1 + tail;
  *rest = r1 - r + tail;
  return r;
}

/* sin (r + rest) by its series to r^17, what follows being below 2^-63. */
static inline double sin_near_0(double r, double rest) {
  double z = r * r, p = 1.0 / 355687428096000.0;
  p = p * z - 1.0 / 1307674368000.0;
  p = p * z + 1.0 / 6227020800.0;
  p = p * z - 1.0 / 39916800.0;
  p = p * z + 1.0 / 362880.0;
  p = p * z - 1.0 / 5040.0;
  p = p * z + 1.0 / 120.0;
  p = p * z - 1.0 / 6.0;
  return r + (r * z * p + rest);
}

/* cos (r + rest) by its series to r^16; what 1 - r^2/2 rounds away is put back. */
static inline double cos_near_0(double r, double rest) {
  double z = r * r, p = 1.0 / 20922789888000.0;
  p = p * z - 1.0 / 87178291200.0;
  p = p * z + 1.0 / 479001600.0;
  p = p * z - 1.0 / 3628800.0;
  p = p * z + 1.0 / 40320.0;
  p = p * z - 1.0 / 720.0;
  p = p * z + 1.0 / 24.0;
  double half = 0.5 * z, w = 1 - half;
  return w + (1 - w - half + (z * z * p - r * rest));
}

/* Both only for |x| <= TRIG_LIMIT (NaN stays). */
static inline double elementary_sin(double x) {
  uint64_t quadrant;
  double rest, r = reduced_angle(x, &quadrant, &rest);
  double s = sin_near_0(r, rest), c = cos_near_0(r, rest);
  double v = quadrant & 1 ? c : s;
  return quadrant & 2 ? -v : v;
}

static inline double elementary_cos(double x) {
  uint64_t quadrant;
  double rest, r = reduced_angle(x, &quadrant, &rest);
  double s = sin_near_0(r, rest), c = cos_near_0(r, rest);
  double v = quadrant & 1 ? s : c;
  return (quadrant + 1) & 2 ? -v : v;
}

#endif
