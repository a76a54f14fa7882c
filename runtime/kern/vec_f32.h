/* vec_f32.h — the functions of vec_f64.h in f32 arithmetic: twice the lanes and shorter
 * series. Only pow and the reduction of angles need f64 on the way.
 *
 * Largest error as in vec_f64.h, in ulp of f32: exp 1.0, exp2 1.5, expm1 1.7, log 0.9, log2 0.9,
 * log10 0.8, log1p 1.0, tanh 2.4, sigmoid 2.3, softplus 1.6, erf 2.2, pow 0.51, sin and cos 1.5.
 * Subnormal results and arguments are handled. */
#ifndef NEAP_KERN_VEC_F32_H
#define NEAP_KERN_VEC_F32_H

#include "kern/vec_f64.h"

/* ln 2 in two parts; the first has 15 bits, so k * LN2_HIGH_F is exact. */
#define LN2_HIGH_F 0x1.62e4p-1f
#define LN2_LOW_F  0x1.7f7d1cp-20f
#define LOG2_E_F   0x1.715476p+0f

/* x = k ln 2 + r with |r| <= ln 2 / 2; returns e^r - 1 = r + r^2 p(r). p is the polynomial of
 * degree 4 whose largest weighted error r^2 |p - (e^r - 1 - r) / r^2| is least: 3.2e-9. */
static inline vec_f near_expm1_f(vec_f x, vec_f *k) {
  *k = nearest_f(x * LOG2_E_F);
  vec_f r = fused_f(*k, all_of_f(-LN2_LOW_F), fused_f(*k, all_of_f(-LN2_HIGH_F), x));
  vec_f r2 = r * r, high = poly2_f(r, 0x1.123b56p-7f, 0x1.6db42ap-10f);
  vec_f low = step_f(poly2_f(r, 0x1.55548ep-3f, 0x1.55545ep-5f), r, 0.5f);
  return fused_f(r2, fused_f(r2 * r, high, low), r);
}

static inline vec_f vec_exp_f(vec_f x) {
  vec_f k, e = near_expm1_f(within_f(x, -104, 89), &k);
  return scale_by_f(1.0f + e, k);
}

/* 2^x = 2^k 2^r; 2^r = 1 + r p(r), p with the least largest error of r p: 1.9e-9. */
static inline vec_f vec_exp2_f(vec_f x) {
  vec_f v = within_f(x, -151, 129), k = nearest_f(v), r = v - k, r2 = r * r;
  vec_f high = poly2_f(r, 0x1.5f48bep-10f, 0x1.44a3e8p-13f);
  vec_f low = poly4_f(r, r2, 0x1.62e430p-1f, 0x1.ebfbe0p-3f, 0x1.c6aecep-5f, 0x1.3b2992p-7f);
  return scale_by_f(step_f(fused_f(r2 * r2, high, low), r, 1), k);
}

/* 2^k (1 + e) - 1 = 2^k ((1 - 2^-k) + e), exact for k = 0. */
static inline vec_f vec_expm1_f(vec_f x) {
  vec_f k, e = near_expm1_f(within_f(x, -18, 89), &k);
  vec_f v = scale_by_f(1.0f - power_f(ROUNDER_F - at_most_f(k, 30)) + e, k);
  return choose_f(equal_f(x, all_of_f(0)), x, v);
}

/* (log(1 + f) - f + f^2/2) / f^3 for 1 + f between 3/4 and 3/2, by the polynomial of least largest
 * error relative to the logarithm: 1.7e-9. */
static inline vec_f log_tail_f(vec_f f, vec_f f2) {
  vec_f f4 = f2 * f2, low = poly2_f(f, 0x1.55555ap-2f, -0x1.000070p-2f);
  vec_f mid = poly4_f(f, f2, 0x1.999752p-3f, -0x1.551922p-3f, 0x1.2465dep-3f, -0x1.04bf24p-3f);
  vec_f high = step_f(poly2_f(f, -0x1.73d8f8p-4f, 0x1.314858p-5f), f, 0x1.df0d20p-4f);
  return fused_f(f2, fused_f(f4, high, mid), low);
}

static inline vec_f vec_log_f(vec_f x) {
  vec_f e, f = fraction_f(x, &e) - 1.0f, f2 = f * f;
  vec_f tail = fused_f(f2, step_f(log_tail_f(f, f2), f, -0.5f), e * LN2_LOW_F);
  return fused_f(e, all_of_f(LN2_HIGH_F), f + tail);
}

/* As log_in_base of vec_f64.h. */
static inline vec_f log_in_base_f(vec_f x, const float *per_two, const float *per_e) {
  vec_f e, f = fraction_f(x, &e) - 1.0f, f2 = f * f, half = 0.5f * f2;
  vec_f tail = f2 * f * log_tail_f(f, f2);
  vec_f high = upper_f(f - half), low = f - high - half + tail;
  vec_f rest = fused_f(low + high, all_of_f(per_e[1]), low * per_e[0]);
  vec_f a = e * per_two[0], b = high * per_e[0], sum = a + b;
  vec_f v = sum + (a - sum + b + fused_f(e, all_of_f(per_two[1]), rest));
  return choose_f(equal_f(magnitude_f(e), all_of_f(INFINITY)), f + e, v);
}

static inline vec_f vec_log2_f(vec_f x) {
  return log_in_base_f(x, (const float[]){1, 0}, (const float[]){0x1.716p+0f, -0x1.7135a8p-13f});
}

static inline vec_f vec_log10_f(vec_f x) {
  return log_in_base_f(x, (const float[]){0x1.344p-2f, 0x1.3509f8p-18f},
                       (const float[]){0x1.bccp-2f, -0x1.09d5b2p-15f});
}

/* u = 1 + x is rounded; what was lost, relative to u, is added to log u. */
static inline vec_f vec_log1p_f(vec_f x) {
  vec_f u = 1.0f + x, lost = (x - (u - 1.0f)) / u;
  vec_f e, f = fraction_f(u, &e) - 1.0f, f2 = f * f;
  vec_f low = fused_f(e, all_of_f(LN2_LOW_F), lost);
  vec_f tail = fused_f(f2, step_f(log_tail_f(f, f2), f, -0.5f), low);
  vec_f v = fused_f(e, all_of_f(LN2_HIGH_F), f + tail);
  v = choose_f(equal_f(u, all_of_f(0)), all_of_f(-INFINITY), v);
  v = choose_f(equal_f(x, all_of_f(INFINITY)), x, v);
  return choose_f(equal_f(x, all_of_f(0)), x, v);
}

/* erf |x| is 1 from the end of the last row of erf_rows_f on; rows are 65/256 apart. */
static inline vec_f vec_erf_f(vec_f x) {
  const float(*c)[16] = erf_rows_f;
  vec_f a = at_most_f(magnitude_f(x), 15.49f * 65 / 256);
  vec_f i = step_f(a, all_of_f(256.0f / 65), ROUNDER_F);
  vec_f t = fused_f(i - ROUNDER_F, all_of_f(-65.0f / 256), a), t2 = t * t;
  vec_f q = fused_f(t2 * t2, rows2_f(t, i, c + 5), rows4_f(t, t2, i, c + 1));
  vec_f centre = choose_f(equal_f(i, all_of_f(ROUNDER_F)), t, picked_f(c[0], i));
  return signed_as_f(fused_f(t, q, centre), x);
}

/* As tanh of vec_f64.h, with |x| = k/2 ln 2 + r and e^2r - 1 = 2 r + r^2 p(r), p with the least
 * largest error relative to that: 1.4e-8. The error of ln 2 in f32 is small enough here. */
static inline vec_f vec_tanh_f(vec_f x) {
  vec_f a = at_most_f(magnitude_f(x), 10), i = step_f(a, all_of_f(2 * LOG2_E_F), ROUNDER_F);
  vec_f r = fused_f(i - ROUNDER_F, all_of_f(-0x1.62e430p-2f), a), r2 = r * r;
  vec_f high = step_f(poly2_f(r, 0x1.122a6cp-2f, 0x1.6daa44p-4f), r, 0x1.555476p-1f);
  vec_f e = fused_f(r2, fused_f(r2, high, poly2_f(r, 2, 0x1.5554acp+0f)), r + r);
  vec_f scale = power_f(i), t = fused_f(scale, e, scale - 1.0f);
  return signed_as_f(t / (t + 2.0f), x);
}

static inline vec_f vec_sigmoid_f(vec_f x) {
  vec_f e = vec_exp_f(-magnitude_f(x));
  return choose_f(below_f(x, all_of_f(0)), e, all_of_f(1)) / (1.0f + e);
}

static inline vec_f vec_softplus_f(vec_f x) {
  vec_f positive = choose_f(below_f(x, all_of_f(0)), all_of_f(0), x);
  return positive + vec_log1p_f(vec_exp_f(-magnitude_f(x)));
}

/* In f64, where one part of the logarithm is enough. */
static inline vec short_pow(vec x, vec y) {
  vec c = within(y, -0x1p900, 0x1p900);
  return pow_edges(vec_exp(c * vec_log(magnitude(x))), x, y);
}
static inline vec_f vec_pow_f(vec_f x, vec_f y) { return in_f64(x, y, short_pow); }

/* x - k pi/2 in f64, where the first product is exact; k below 2^20. */
static inline vec angle_less_quadrants(vec x, vec k) {
  return fused(k, all_of(-0x1.0b4611a626331p-34), fused(k, all_of(-0x1.921fb544p+0), x));
}

/* As near_angle of vec_f64.h; the rest is nothing in f32. */
static inline vec_f near_angle_f(vec_f x, vec_f *shifted) {
  vec_f k = nearest_f(x * 0x1.45f306p-1f);
  *shifted = k + ROUNDER_F;
  return in_f64(x, k, angle_less_quadrants);
}

/* r + r^3 p(r^2) and 1 - r^2/2 + r^4 p(r^2), with the least largest errors: 6e-9 and 5e-10. */
static inline vec_f sin_near_f(vec_f r) {
  vec_f z = r * r, p = all_of_f(-0x1.994b40p-13f);
  p = step_f(p, z, 0x1.110756p-7f);
  p = step_f(p, z, -0x1.555546p-3f);
  return fused_f(r * z, p, r);
}
static inline vec_f cos_near_f(vec_f r) {
  vec_f z = r * r, p = all_of_f(0x1.99ff40p-16f);
  p = step_f(p, z, -0x1.6c0c82p-10f);
  p = step_f(p, z, 0x1.55554ap-5f);
  p = step_f(p, z, -0.5f);
  return step_f(p, z, 1);
}

/* Only for |x| <= TRIG_LIMIT (NaN stays). */
static inline vec_f vec_sin_f(vec_f x) {
  vec_f shifted, r = near_angle_f(x, &shifted);
  vec_f v = choose_f(has_bit_f(shifted, 1), cos_near_f(r), sin_near_f(r));
  v = choose_f(has_bit_f(shifted, 2), -v, v);
  return choose_f(equal_f(x, all_of_f(0)), x, v);
}

static inline vec_f vec_cos_f(vec_f x) {
  vec_f shifted, r = near_angle_f(x, &shifted);
  vec_f v = choose_f(has_bit_f(shifted, 1), sin_near_f(r), cos_near_f(r));
  return choose_f(has_bit_f(shifted + 1.0f, 2), -v, v);
}

#endif
