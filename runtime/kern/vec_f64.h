/* vec_f64.h — exp, log and their kin of f64 as straight-line code on vectors, so that the same
 * expression runs in every lane and in the tail: no branches, and a value depends on the argument
 * alone. Where the same bits are wanted on every machine, base/elementary.h is the one to use.
 * Instruction sets with fused multiply-add round less often than those without.
 *
 * Largest error found over some 1e6 arguments of every scale against quad precision, in ulp, of the
 * scalar table, whose bounds hold for all: exp 1.0, exp2 1.3, expm1 2.2, log 0.9, log2 0.9, log10
 * 0.8, log1p 0.9, tanh 2.5, sigmoid 2.3, softplus 1.5, erf 2.4, pow 0.8, sin and cos 0.9;
 * tests/c/test_kern.c holds every table to little more. Subnormal results and arguments are
 * handled. The f32 functions are in vec_f32.h. */
#ifndef NEAP_KERN_VEC_F64_H
#define NEAP_KERN_VEC_F64_H

#include "kern/vec.h"
#include "kern/vec_rows.h"

/* (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2, by the polynomial whose largest error, weighted with
 * r^2, is least: 4e-18. */
static inline vec exp_rest(vec r, vec r2) {
  vec r4 = r2 * r2;
  vec high = poly2(r, 0x1.28ad4a0024f1cp-22, 0x1.af94079c6e8d9p-26);
  vec mid = poly4(r, r2, 0x1.6c16c183db65ep-10, 0x1.a01a01bdcc9eap-13, 0x1.a0199a7b5f9dap-16,
                  0x1.71ddd7e71551ap-19);
  vec low = poly4(r, r2, 0x1.0000000000009p-1, 0x1.5555555555562p-3, 0x1.5555555550b0bp-5,
                  0x1.111111110cfadp-7);
  return fused(r4, fused(r4, high, mid), low);
}

/* x = k ln 2 + r with |r| <= ln 2 / 2; returns e^r - 1. */
static inline vec near_expm1(vec x, vec *k) {
  *k = nearest(x * LOG2_E);
  vec r = fused(*k, all_of(-LN2_LOW), fused(*k, all_of(-LN2_HIGH), x));
  vec r2 = r * r;
  return fused(r2, exp_rest(r, r2), r);
}

static inline vec vec_exp(vec x) {
  vec k, e = near_expm1(within(x, -750, 710), &k);
  return scale_by(1.0 + e, k);
}

/* 2^x = 2^k 2^r; 2^r = 1 + r p(r), p with the least largest error of r p: 7e-18. */
static inline vec vec_exp2(vec x) {
  vec v = within(x, -1100, 1025), k = nearest(v), r = v - k, r2 = r * r, r4 = r2 * r2;
  vec high = poly4(r, r2, 0x1.62bfbe9e9674fp-20, 0x1.b521dde6ce060p-24, 0x1.e62a9158a534cp-28,
                   0x1.eeaea04305c99p-32);
  vec mid = poly4(r, r2, 0x1.3b2ab6fb9ef4ep-7, 0x1.5d87fe785cce1p-10, 0x1.4309131273e8cp-13,
                  0x1.ffcbfdd5dfd41p-17);
  vec low = step(poly2(r, 0x1.ebfbdff82c5abp-3, 0x1.c6b08d704a225p-5), r, 0x1.62e42fefa39efp-1);
  vec p = fused(r2 * r, fused(r4, high, mid), low);
  return scale_by(step(p, r, 1), k);
}

/* 2^k (1 + e) - 1 = 2^k ((1 - 2^-k) + e), exact for k = 0. */
static inline vec vec_expm1(vec x) {
  vec k, e = near_expm1(within(x, -40, 710), &k);
  vec v = scale_by(1.0 - power(ROUNDER - at_most(k, 60)) + e, k);
  return choose(equal(x, all_of(0)), x, v);
}

/* log m = f - (f^2/2 - tail) for m = 1 + f between 3/4 and 3/2: with s = f / (2 + f) it is
 * 2 atanh s = f - f^2/2 + s (f^2/2 + s^2 (2/3 + 2/5 s^2 + ...)), the series in s^2 by the
 * polynomial of least largest error: 2e-19 of log m. */
static inline vec log_tail(vec f, vec half) {
  vec s = f / (2.0 + f), z = s * s, z2 = z * z;
  vec high = poly4(z, z2, 0x1.745c4a9474577p-3, 0x1.3b35ca2afb81ap-3, 0x1.0dcaf4eb4b329p-3,
                   0x1.1b85e3c46b1aap-3);
  vec low = poly4(z, z2, 0x1.555555555554fp-1, 0x1.999999999c187p-2, 0x1.24924921e32c5p-2,
                  0x1.c71c7490def13p-3);
  return s * fused(z, fused(z2 * z2, high, low), half);
}

static inline vec vec_log(vec x) {
  vec e, f = fraction(x, &e) - 1.0, half = 0.5 * f * f;
  vec tail = fused(e, all_of(LN2_LOW), log_tail(f, half));
  return fused(e, all_of(LN2_HIGH), f - (half - tail));
}

/* log x / log b = step e + log m / log b for step = log 2 / log b, both constants in two parts. The
 * first parts are short, and so is the first part of log m, so that their product is exact. */
static inline vec log_in_base(vec x, const double *per_two, const double *per_e) {
  vec e, f = fraction(x, &e) - 1.0, half = 0.5 * f * f, tail = log_tail(f, half);
  vec high = upper(f - half), low = f - high - half + tail;
  vec rest = fused(low + high, all_of(per_e[1]), low * per_e[0]);
  vec a = e * per_two[0], b = high * per_e[0], sum = a + b;
  vec v = sum + (a - sum + b + fused(e, all_of(per_two[1]), rest));
  return choose(equal(magnitude(e), all_of(INFINITY)), f + e, v);
}

static inline vec vec_log2(vec x) {
  return log_in_base(x, (const double[]){1, 0},
                     (const double[]){0x1.7154765200000p+0, 0x1.705fc2eefa200p-33});
}

static inline vec vec_log10(vec x) {
  return log_in_base(x, (const double[]){0x1.34413509f7800p-2, 0x1.fef311f12b358p-46},
                     (const double[]){0x1.bcb7b15200000p-2, 0x1.b9438ca9aadd5p-36});
}

/* u = 1 + x is rounded; what was lost, relative to u, is added to log u. */
static inline vec vec_log1p(vec x) {
  vec u = 1.0 + x, lost = (x - (u - 1.0)) / u;
  vec e, f = fraction(u, &e) - 1.0, half = 0.5 * f * f;
  vec tail = fused(e, all_of(LN2_LOW), log_tail(f, half) + lost);
  vec v = fused(e, all_of(LN2_HIGH), f - (half - tail));
  v = choose(equal(u, all_of(0)), all_of(-INFINITY), v);
  v = choose(equal(x, all_of(INFINITY)), x, v);
  return choose(equal(x, all_of(0)), x, v);
}

/* erf |x| is 1 from the end of the last row of erf_rows on; rows are 49/128 apart. */
static inline vec vec_erf(vec x) {
  const double(*c)[16] = erf_rows;
  vec a = at_most(magnitude(x), 15.49 * 49 / 128), i = step(a, all_of(128.0 / 49), ROUNDER);
  vec t = fused(i - ROUNDER, all_of(-49.0 / 128), a), t2 = t * t, t4 = t2 * t2;
  vec high = fused(t4, picked(c[13], i), rows4(t, t2, i, c + 9));
  vec q = fused(t4, fused(t4, high, rows4(t, t2, i, c + 5)), rows4(t, t2, i, c + 1));
  vec centre = choose(equal(i, all_of(ROUNDER)), t, picked(c[0], i));
  return signed_as(centre + fused(t, q, picked(c[14], i)), x);
}

/* With 2|x| = k ln 2 + r: tanh |x| = t / (t + 2), t = e^2|x| - 1 = 2^k (e^r - 1) + (2^k - 1). */
static inline vec vec_tanh(vec x) {
  vec a = at_most(magnitude(x), 22), k, e = near_expm1(a + a, &k); /* tanh 22 is 1 */
  vec scale = power(k + ROUNDER), t = fused(scale, e, scale - 1.0);
  return signed_as(t / (t + 2.0), x);
}

static inline vec vec_sigmoid(vec x) {
  vec e = vec_exp(-magnitude(x));
  return choose(below(x, all_of(0)), e, all_of(1)) / (1.0 + e);
}

static inline vec vec_softplus(vec x) {
  vec positive = choose(below(x, all_of(0)), all_of(0), x);
  return positive + vec_log1p(vec_exp(-magnitude(x)));
}

/* log x = result + low to some 70 bits, low 0 for 0, inf and NaN: f, s and the series as in
 * log_tail, in two parts where the first is not enough. */
static inline vec long_log(vec x, vec *low) {
  vec e, m = fraction(x, &e), f = m - 1.0, d = 1.0 + m, d_low = m - (d - 1.0);
  vec s = f / d, s_low = -(product_rest(s, d, f) + s * d_low) / d;
  vec z = s * s, z_low = product_rest(s, s, z) + 2.0 * s * s_low, z2 = z * z;
  vec high = poly4(z, z2, 0x1.3b1296447bc38p-3, 0x1.113a547c7982bp-3, 0x1.dac963c752fcap-4,
                   0x1.019316f7412dfp-3);
  vec mid = poly4(z, z2, 0x1.9999999999967p-2, 0x1.2492492498f14p-2, 0x1.c71c71bc4f26cp-3,
                  0x1.745d1bd13203ap-3);
  vec w = step(fused(z2 * z2, high, mid), z, 0x1.5555555555555p-55); /* of 2/3 as well */
  vec t = 0x1.5555555555555p-1 + w, t_low = w - (t - 0x1.5555555555555p-1);
  vec u = z * t, u_low = product_rest(z, t, u) + fused(z, t_low, z_low * t);
  vec v = 2.0 + u, v_low = u - (v - 2.0) + u_low;
  vec h = s * v, h_low = product_rest(s, v, h) + fused(s, v_low, s_low * v);
  vec a = e * LN2_HIGH, sum = a + h, rest = h - (sum - a);
  *low =
      choose(below(magnitude(e), all_of(2000)), rest + fused(e, all_of(LN2_LOW), h_low), all_of(0));
  return sum;
}

/* x^y where v is |x|^y: the sign, what has no value, and the squares, which are rounded once. */
static inline vec pow_edges(vec v, vec x, vec y) {
  vec zero = all_of(0), one = all_of(1), half = 0.5 * y;
  marks whole_y = equal(y, whole(y)), even = equal(half, whole(half));
  vec other = choose(below(x, zero), choose(below(all_of(-INFINITY), x), all_of(NAN), v), v);
  v = choose(whole_y, signed_as(v, choose(even, zero, x)), other);
  v = choose(equal(y, all_of(2)), x * x, v);
  return choose(equal(y, zero), one, choose(equal(x, one), one, v));
}

/* e^(y log |x|), the exponent in two parts. y beyond 2^900 only decides between 0, 1 and inf. */
static inline vec vec_pow(vec x, vec y) {
  vec low, high = long_log(magnitude(x), &low), c = within(y, -0x1p900, 0x1p900);
  vec p = c * high, p_low = fused(c, low, product_rest(c, high, p));
  p_low = choose(below(magnitude(p), all_of(1000)), p_low, all_of(0));
  p = within(p, -750, 710);
  vec k = nearest(p * LOG2_E), b = fused(k, all_of(-LN2_HIGH), p);
  vec rest = fused(k, all_of(-LN2_LOW), p_low), r = b + rest, r_low = b - r + rest;
  vec r2 = r * r, sum = 1.0 + r;
  vec v = sum + (1.0 - sum + r + fused(r2, exp_rest(r, r2), r_low * sum));
  return pow_edges(scale_by(v, k), x, y);
}

/* x = k pi/2 + r + rest with |r| <= pi/4, rest below half a unit in the last place of r; shifted
 * holds k in its low bits. pi/2 has four parts, three of them of 33 bits, so that their products
 * are exact and nothing is lost when x is close to a multiple. */
static inline vec near_angle(vec x, vec *shifted, vec *rest) {
  *shifted = x * 0x1.45f306dc9c883p-1 + ROUNDER;
  vec k = *shifted - ROUNDER;
  vec a = x - k * 0x1.921fb544p+0, b = k * 0x1.0b4611a6p-34, r1 = a - b;
  vec tail = a - r1 - b - k * 0x1.3198a2ep-69 - k * 0x1.b839a252049c1p-104;
  vec r = r1 + tail;
  *rest = r1 - r + tail;
  return r;
}

/* sin (r + rest) = r + r^3 p(r^2) + rest, p with the least largest error: 4e-18. */
static inline vec sin_near(vec r, vec rest) {
  vec z = r * r, z2 = z * z;
  vec high = poly2(z, -0x1.ae5e64a5f3564p-26, 0x1.5d925c7924849p-33);
  vec low = poly4(z, z2, -0x1.5555555555549p-3, 0x1.111111110f892p-7, -0x1.a01a019c121b1p-13,
                  0x1.71de3576bc126p-19);
  return r + fused(r * z, fused(z2 * z2, high, low), rest);
}

/* cos (r + rest) = 1 - r^2/2 + r^4 p(r^2) - r rest, p with the least largest error: 6e-20; what
 * 1 - r^2/2 rounds away is put back. */
static inline vec cos_near(vec r, vec rest) {
  vec z = r * r, z2 = z * z, half = 0.5 * z, w = 1.0 - half;
  vec high = poly2(z, 0x1.1eea0df08d671p-29, -0x1.8fbe8073c113cp-37);
  vec low = poly4(z, z2, 0x1.555555555554ep-5, -0x1.6c16c16c155acp-10, 0x1.a01a019d0ad27p-16,
                  -0x1.27e4f84231a47p-22);
  return w + (1.0 - w - half + fused(z2, fused(z2 * z2, high, low), -(r * rest)));
}

/* Only for |x| <= TRIG_LIMIT (NaN stays). */
static inline vec vec_sin(vec x) {
  vec shifted, rest, r = near_angle(x, &shifted, &rest);
  vec v = choose(has_bit(shifted, 1), cos_near(r, rest), sin_near(r, rest));
  v = choose(has_bit(shifted, 2), -v, v);
  return choose(equal(x, all_of(0)), x, v);
}

static inline vec vec_cos(vec x) {
  vec shifted, rest, r = near_angle(x, &shifted, &rest);
  vec v = choose(has_bit(shifted, 1), sin_near(r, rest), cos_near(r, rest));
  return choose(has_bit(shifted + 1.0, 2), -v, v);
}

#endif
