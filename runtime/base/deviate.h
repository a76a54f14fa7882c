/* deviate.h — how the 128 random bits of one block become a number: the same straight-line code in
 * rng.c, in every lane of the kernels and in their tails. low and high are the halves of a block.
 */
#ifndef NEAP_BASE_DEVIATE_H
#define NEAP_BASE_DEVIATE_H

#include "base/elementary.h"

/* The upper 53 bits over 2^53: [0, 1). Two halves are converted by placing their bits under an
 * exponent, which vectors can do on any instruction set; both steps and their sum are exact. */
static inline double unit_of(uint64_t bits) {
  const uint64_t two_52 = 0x4330000000000000u;
  double upper = of_bits(bits >> 32 | two_52) - 0x1p52;
  double lower = of_bits((bits >> 11 & 0x1fffff) | two_52) - 0x1p52;
  return upper * 0x1p-32 + lower * 0x1p-53;
}

/* The upper 24 bits over 2^24, so that rounding to f32 never gives 1. */
static inline double short_unit_of(uint64_t bits) {
  return (of_bits(bits >> 40 | 0x4330000000000000u) - 0x1p52) * 0x1p-24;
}

/* -log of a uniform number in (0, 1]: at least 0, at most 36.8. */
static inline double exponential_of(uint64_t bits) { return 0 - positive_log(1 - unit_of(bits)); }

static inline double cosine_of(uint64_t bits) {
  return elementary_cos(6.283185307179586 * unit_of(bits));
}

/* Standard normal, by Box and Muller (1958). */
static inline double normal_of(uint64_t low, uint64_t high) {
  return sqrt(2 * exponential_of(low)) * cosine_of(high);
}

/* Student's t: the square of the radius is df (u^(-2/df) - 1), where the normal has -2 log u.
 * Source: Bailey, "Polar generation of random variates with the t-distribution", 1994. Beyond
 * df = 1e18 the two agree to rounding. A large power is taken as the square of its root, which
 * overflows only where the result does. */
static inline double student_of(uint64_t low, uint64_t high, double df) {
  double inside = df > 1e18 ? 1e18 : df;
  double power = 2 * exponential_of(low) / inside;
  double near = sqrt(elementary_expm1(power)), far = elementary_exp(power / 2);
  return sqrt(inside) * (power > 100 ? far : near) * cosine_of(high);
}

#endif
