/* link.h — exp and the functions made of it, the same bits on every machine and in every position.
 *
 * exp by Cody and Waite's two-part reduction to |r| <= ln 2 / 2 and the Taylor polynomial of degree
 * 13, whose remainder is below 2^-57. Error under 1 ulp. Straight code, so loops vectorise. */
#ifndef NEAP_TREE_LINK_H
#define NEAP_TREE_LINK_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* e^x; 0 below -708, e^709 above 709 (enough for every link), NaN for NaN. */
static inline double neap__exp(double x) {
  double t = x < -708 ? -708 : x > 709 ? 709 : x;
  double shifted = t * 0x1.71547652b82fep0 + 0x1.8p52;
  double k = shifted - 0x1.8p52;
  double r = (t - k * 0x1.62e42fee00000p-1) - k * 0x1.a39ef35793c76p-33;
  double p = 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = 1.0 + (r + r * r * p);
  uint64_t bits, scale;
  memcpy(&bits, &shifted, sizeof bits);
  scale = (bits + 1023) << 52;
  double two;
  memcpy(&two, &scale, sizeof two);
  return x < -708 ? 0 : p * two;
}

static inline double neap__sigmoid(double x) { return 1 / (1 + neap__exp(-x)); }

/* p[k] = exp(raw[k]) / sum, in place allowed. */
static inline void neap__softmax(int64_t classes, const double *raw, double *p) {
  double top = raw[0], sum = 0;
  for (int64_t k = 1; k < classes; k++) top = raw[k] > top ? raw[k] : top;
  for (int64_t k = 0; k < classes; k++) sum += p[k] = neap__exp(raw[k] - top);
  for (int64_t k = 0; k < classes; k++) p[k] /= sum;
}

#endif
