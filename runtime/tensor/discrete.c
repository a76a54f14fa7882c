/* Poisson and binomial numbers, exact at any mean: inversion below a mean of 10, else Hoermann's
 * transformed rejection ("The transformed rejection method for generating Poisson random variables"
 * and "The generation of binomial random variates", both 1993), with probabilities by the
 * saddle-point expansion of Loader ("Fast and accurate computation of binomial probabilities",
 * 2000), whose error does not grow with the mean. */
#include <math.h>

#include "base/deviate.h"
#include "tensor/draw.h"

#define TWO_PI 6.283185307179586

/* log n! less Stirling's log(sqrt(2 pi n) (n / e)^n), for whole n > 0; what follows the last term
 * of the series is below 2e-14 from n = 16 on. */
static double stirling_rest(double n) {
  static const double exact[16] = {
      0,
      0.08106146679532725822,
      0.041340695955409294094,
      0.027677925684998339149,
      0.020790672103765093112,
      0.016644691189821192163,
      0.013876128823070747999,
      0.011896709945891770095,
      0.010411265261972096497,
      0.0092554621827127329177,
      0.0083305634333628712565,
      0.007573675487951840795,
      0.0069428401072095298657,
      0.0064089941880042070684,
      0.0059513701127588477356,
      0.005554733551962801371,
  };
  if (n < 16) return exact[(int)n];
  double z = 1 / (n * n);
  return (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z / 1680))) / n;
}

/* x log(x / m) + m - x, without cancellation: with v = (x - m) / (x + m), log(x / m) is 2 atanh v.
 */
static double deviance(double x, double m) {
  if (fabs(x - m) >= 0.1 * (x + m)) return x * elementary_log(x / m) + m - x;
  double v = (x - m) / (x + m), sum = (x - m) * v, term = 2 * x * v, square = v * v;
  for (int k = 3; k < 1000; k += 2) {
    term *= square;
    double next = sum + term / k;
    if (next == sum) break;
    sum = next;
  }
  return sum;
}

double neap__log_poisson(double k, double rate) {
  if (k == 0) return -rate;
  return -stirling_rest(k) - deviance(k, rate) - 0.5 * elementary_log(TWO_PI * k);
}

double neap__log_binomial(double k, double n, double p, double q) {
  if (k == 0) return n * elementary_log1p(-p);
  if (k == n) return n * elementary_log(p);
  double rest = stirling_rest(n) - stirling_rest(k) - stirling_rest(n - k);
  double spread = elementary_log(TWO_PI * k * ((n - k) / n));
  return rest - deviance(k, n * p) - deviance(n - k, n * q) - 0.5 * spread;
}

static double log_probability(const neap__counts *c, double k) {
  return c->n < INFINITY ? neap__log_binomial(k, c->n, c->p, c->q) : neap__log_poisson(k, c->mean);
}

/* With Hoermann's constants for Poisson the hat falls short of the probability by up to 0.6 % in
 * places, at means up to 100; for the binomial it does not. */
#define WIDER 1.01

/* Below a mean of 10 the probability of k + 1 is that of k times slope + step / (k + 1). */
neap__counts neap__counts_poisson(double rate) {
  neap__counts c = {.mean = rate, .n = INFINITY};
  if (rate < 10) {
    c.first = elementary_exp(-rate);
    c.step = rate;
    return c;
  }
  c.b = 0.931 + 2.53 * sqrt(rate);
  c.a = -0.059 + 0.02483 * c.b;
  c.center = rate + 0.43;
  c.quick = (0.9277 - 3.6224 / (c.b - 2)) / WIDER;
  c.log_scale = elementary_log((1.1239 + 1.1328 / (c.b - 3.4)) * WIDER);
  return c;
}

/* Hoermann's test holds probabilities against that of the mode; here the mode's is part of the
 * scale. */
neap__counts neap__counts_binomial(double n, double p) {
  neap__counts c = {.n = n, .flipped = p > 0.5};
  c.p = c.flipped ? 1 - p : p;
  c.q = 1 - c.p;
  c.mean = n * c.p;
  if (c.mean < 10) {
    double odds = c.p / c.q;
    c.first = elementary_exp(n * elementary_log1p(-c.p));
    c.slope = -odds;
    c.step = (n + 1) * odds;
    return c;
  }
  double deviation = sqrt(c.mean * c.q), mode = floor((n + 1) * c.p);
  c.b = 1.15 + 2.53 * deviation;
  c.a = -0.0873 + 0.0248 * c.b + 0.01 * c.p;
  c.center = c.mean + 0.5;
  c.quick = 0.92 - 4.2 / c.b;
  c.log_scale =
      elementary_log((2.83 + 5.1 / c.b) * deviation) + neap__log_binomial(mode, n, c.p, c.q);
  return c;
}

/* The least k whose distribution function is above u. Ends also where rounding keeps the sum of all
 * probabilities below u. */
static double invert(const neap__counts *c, double u) {
  double k = 0, probability = c->first, sum = probability;
  while (u >= sum) {
    probability *= c->slope + c->step / (k + 1);
    if (sum + probability <= sum && k > c->mean) break;
    sum += probability;
    k++;
  }
  return k;
}

/* One attempt with two uniform numbers; false when k is rejected. */
static bool transformed(const neap__counts *c, double u, double v, double *k) {
  double x = u - 0.5, side = 0.5 - fabs(x);
  *k = floor((2 * c->a / side + c->b) * x + c->center);
  if (side >= 0.07 && v <= c->quick) return true;
  if (!(*k >= 0 && *k <= c->n)) return false;
  double height = elementary_log(v / (c->a / (side * side) + c->b));
  return height + c->log_scale <= log_probability(c, *k);
}

double neap__count(const neap__counts *c, neap_rng_block block, const neap_rng *r, uint64_t index,
                   uint64_t base) {
  double k, u = unit_of(block.low);
  if (c->mean < 10) k = invert(c, u);
  else
    for (uint64_t sub = base + 1; !transformed(c, u, unit_of(block.high), &k); sub++) {
      neap_rng again = neap_rng_sub(r, sub);
      block = neap_rng_block_at(&again, index);
      u = unit_of(block.low);
    }
  return c->flipped ? c->n - k : k;
}

void neap__draw_poisson(const neap__draws *d, int64_t at, int64_t n, double *y) {
  neap__blocks b;
  neap__counts c = {.mean = -1};
  neap__draw_blocks(d, 0, at, n, &b);
  for (int64_t i = 0; i < n; i++) {
    double rate = d->a[(at + i) * d->as];
    if (rate != c.mean) c = neap__counts_poisson(rate);
    neap_rng_block block = {b.low[i], b.high[i]};
    y[i] = neap__count(&c, block, &d->rng, d->rng.next + (uint64_t)(at + i), 0);
  }
}

void neap__draw_binomial(const neap__draws *d, int64_t at, int64_t n, double *y) {
  neap__blocks b;
  neap__counts c = {0};
  double trials = -1, p = -1;
  neap__draw_blocks(d, 0, at, n, &b);
  for (int64_t i = 0; i < n; i++) {
    double next_trials = d->a[(at + i) * d->as], next_p = d->b[(at + i) * d->bs];
    if (next_trials != trials || next_p != p) c = neap__counts_binomial(next_trials, next_p);
    trials = next_trials;
    p = next_p;
    neap_rng_block block = {b.low[i], b.high[i]};
    y[i] = neap__count(&c, block, &d->rng, d->rng.next + (uint64_t)(at + i), 0);
  }
}
