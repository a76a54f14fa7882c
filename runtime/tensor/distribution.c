/* Random numbers of a distribution with parameters: what the parameters may be, and the continuous
 * distributions. The discrete ones are in discrete.c. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/elementary.h"
#include "base/interrupt.h"
#include "tensor/draw.h"
#include "tensor/walk.h"

/* one block an element ------------------------------------------------------------------------- */

static void bernoulli(const neap__draws *d, int64_t at, int64_t n, double *y) {
  neap__blocks b;
  neap__draw_blocks(d, 0, at, n, &b);
  d->kern->unit(n, y, b.low, b.high);
  for (int64_t i = 0; i < n; i++) y[i] = y[i] < d->a[(at + i) * d->as];
}

static void exponential(const neap__draws *d, int64_t at, int64_t n, double *y) {
  neap__blocks b;
  neap__draw_blocks(d, 0, at, n, &b);
  d->kern->exponential(n, y, b.low, b.high);
  for (int64_t i = 0; i < n; i++) y[i] /= d->a[(at + i) * d->as];
}

static void student(const neap__draws *d, int64_t at, int64_t n, double *y) {
  neap__blocks b;
  neap__draw_blocks(d, 0, at, n, &b);
  d->kern->student(n, y, b.low, b.high, d->a + at * d->as, d->as);
}

/* gamma ---------------------------------------------------------------------------------------- */

/* The squeeze of Marsaglia and Tsang, "A simple method for generating gamma variables", 2000: with
 * v = (1 + c x)^3, d v is accepted when log u < x^2 / 2 + d - d v + d log v. w = v - 1 and log1p
 * keep what is left of d (log v - w) where d is large. */
static bool gamma_accepts(double d, double c, double x, double u, double *v) {
  double t = c * x, w = t * (3 + t * (3 + t)), square = x * x;
  if (t <= -1) return false;
  *v = 1 + w;
  if (u < 1 - 0.0331 * square * square) return true;
  return elementary_log(u) < 0.5 * square + d * (3 * elementary_log1p(t) - w);
}

/* Attempt k takes its normal from substream base + 2 k, its uniform from the one after. */
static double gamma_again(const neap__draws *s, uint64_t base, int64_t at, double d, double c) {
  uint64_t index = s->rng.next + (uint64_t)at;
  for (uint64_t sub = base + 2;; sub += 2) {
    neap_rng normal = neap_rng_sub(&s->rng, sub), uniform = neap_rng_sub(&s->rng, sub + 1);
    double v, x = neap_rng_normal_at(&normal, index), u = neap_rng_uniform_at(&uniform, index);
    if (gamma_accepts(d, c, x, u, &v)) return v;
  }
}

/* y[i] of shape[i * step], and of one more where that is below 1: then y[i] exp(-power[i]) has the
 * shape wanted, for the power is that of a uniform number to 1 / shape. Not done here, because it
 * may underflow where a quotient of two does not. */
static void gammas(const neap__draws *s, uint64_t base, const double *shape, int64_t step,
                   int64_t at, int64_t n, double *y, double *power) {
  neap__blocks b;
  double x[NEAP__PIECE], u[NEAP__PIECE], last = 0, d = 0, c = 0;
  neap__draw_blocks(s, base, at, n, &b);
  s->kern->normal(n, x, b.low, b.high);
  neap__draw_blocks(s, base + 1, at, n, &b);
  s->kern->unit(n, u, b.low, b.high);
  bool small = step || *shape < 1;
  if (small) s->kern->exponential(n, power, b.high, b.low);
  for (int64_t i = 0; i < n; i++) {
    double v, k = shape[(at + i) * step];
    power[i] = k < 1 ? power[i] / k : 0;
    if (k != last) {
      d = (k < 1 ? k + 1 : k) - 1.0 / 3;
      c = 1 / sqrt(9 * d);
      last = k;
    }
    if (!gamma_accepts(d, c, x[i], u[i], &v)) v = gamma_again(s, base, at + i, d, c);
    y[i] = d * v;
  }
}

static void gamma_scaled(const neap__draws *d, int64_t at, int64_t n, double *y) {
  double power[NEAP__PIECE];
  gammas(d, 0, d->a, d->as, at, n, y, power);
  for (int64_t i = 0; i < n; i++) {
    if (power[i] > 0) y[i] *= elementary_exp(-power[i]);
    y[i] *= d->b[(at + i) * d->bs];
  }
}

/* X / (X + Y) of two gammas, their small shapes put in as one power: no 0 / 0. */
static void beta(const neap__draws *d, int64_t at, int64_t n, double *y) {
  double other[NEAP__PIECE], power[2][NEAP__PIECE];
  gammas(d, 0, d->a, d->as, at, n, y, power[0]);
  gammas(d, (uint64_t)1 << 32, d->b, d->bs, at, n, other, power[1]);
  for (int64_t i = 0; i < n; i++) {
    double difference = power[0][i] - power[1][i];
    if (difference != 0) other[i] *= elementary_exp(difference);
    y[i] /= y[i] + other[i];
  }
}

/* parameters ----------------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  double low, high;
  bool open, whole; /* low itself is not allowed; whole numbers only */
  const char *allowed;
} parameter;

#define ABOVE_0 0, DBL_MAX, true, false, "finite numbers above 0"
#define WIDE    1e-300, 1e300, false, false, "1e-300 to 1e300"
#define UNIT    0, 1, false, false, "0 to 1"
#define ANY     0, INFINITY, true, false, "numbers above 0"
#define RATE    0, 1e15, false, false, "0 to 1e15"
#define COUNT   0, 1e15, false, true, "whole numbers from 0 to 1e15"

static const struct {
  const char *name;
  neap__draw_fn fn;
  neap_dtype dtype; /* f64 stands for either float */
  parameter parameters[2];
} distributions[NEAP_DISTRIBUTIONS] = {
    [NEAP_BERNOULLI] = {"bernoulli", bernoulli, NEAP_BOOL, {{"p", UNIT}}},
    [NEAP_EXPONENTIAL] = {"exponential", exponential, NEAP_F64, {{"rate", ABOVE_0}}},
    [NEAP_GAMMA] = {"gamma", gamma_scaled, NEAP_F64, {{"shape", ABOVE_0}, {"scale", ABOVE_0}}},
    [NEAP_BETA] = {"beta", beta, NEAP_F64, {{"a", WIDE}, {"b", WIDE}}},
    [NEAP_STUDENT_T] = {"student_t", student, NEAP_F64, {{"df", ANY}}},
    [NEAP_POISSON] = {"poisson", neap__draw_poisson, NEAP_I64, {{"rate", RATE}}},
    [NEAP_BINOMIAL] = {"binomial", neap__draw_binomial, NEAP_I64, {{"n", COUNT}, {"p", UNIT}}},
};

static bool allows(const parameter *p, double v) {
  return v <= p->high && (p->open ? v > p->low : v >= p->low) && (!p->whole || v == floor(v));
}

static neap_status check_values(const char *name, const parameter *p, const neap_tensor *t) {
  const double *v = neap_tensor_data(t);
  int64_t n = neap_tensor_numel(t);
  char place[32] = "";
  for (int64_t i = 0; i < n; i++) {
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    if (allows(p, v[i])) continue;
    if (t->ndim) snprintf(place, sizeof place, "[%lld]", (long long)i + 1);
    return neap_fail(NEAP_EVALUE, "%s: %s%s is %.17g, allowed are %s", name, p->name, place, v[i],
                     p->allowed);
  }
  return NEAP_OK;
}

/* Checked values of t in C order, stretched to the shape unless t has one element: then *step is
 * 0. */
static neap_status values_of(neap_tensor *out, int64_t *step, const neap_tensor *t,
                             const neap_tensor *shape, const char *name, const parameter *p) {
  neap_tensor plain, wide = {0};
  NEAP_TRY(neap_tensor_as(&plain, t, NEAP_F64));
  neap_status st = check_values(name, p, &plain);
  *step = neap_tensor_numel(&plain) != 1;
  if (!st && *step) {
    st = neap_tensor_expand(&wide, &plain, shape->ndim, shape->size);
    if (st) st = neap_fail_in(st, "%s: %s", name, p->name);
    if (!st) st = neap_tensor_as(out, &wide, NEAP_F64);
    neap_tensor_drop(&wide);
  } else if (!st) {
    neap_tensor_alias(out, &plain);
  }
  neap_tensor_drop(&plain);
  return st;
}

static neap_status draw_from(neap_tensor *out, neap_distribution kind, neap_dtype dtype,
                             const neap_tensor *shape, const neap_tensor *const *t, neap_rng *r) {
  neap_tensor values[2] = {{0}, {0}};
  neap__draws d = {0};
  const char *name = distributions[kind].name;
  const parameter *p = distributions[kind].parameters;
  neap_status st = values_of(&values[0], &d.as, t[0], shape, name, &p[0]);
  if (!st && t[1]) st = values_of(&values[1], &d.bs, t[1], shape, name, &p[1]);
  if (!st) {
    d.a = neap_tensor_data(&values[0]);
    d.b = t[1] ? neap_tensor_data(&values[1]) : NULL;
    st = neap__draw(out, dtype, shape->ndim, shape->size, distributions[kind].fn, &d, r);
  }
  neap_tensor_drop(&values[0]);
  neap_tensor_drop(&values[1]);
  return st;
}

neap_status neap_tensor_random(neap_tensor *out, neap_distribution kind, neap_dtype dtype, int ndim,
                               const int64_t *size, const neap_tensor *a, const neap_tensor *b,
                               neap_rng *r) {
  const char *name = distributions[kind].name;
  const neap_tensor *t[2] = {a, b};
  neap_tensor shape = *a;
  memset(out, 0, sizeof *out);
  if (distributions[kind].dtype != NEAP_F64) dtype = distributions[kind].dtype;
  else if (!neap_dtype_is_float(dtype))
    return neap_fail(NEAP_EDTYPE, "%s: dtype is %s, allowed are f64 and f32", name,
                     neap_dtype_name(dtype));
  if (ndim < 0 && b) NEAP_TRY(neap__broadcast(name, a, b, &shape));
  if (ndim >= 0) shape.ndim = ndim;
  for (int k = 0; k < ndim; k++) shape.size[k] = size[k];
  return draw_from(out, kind, dtype, &shape, t, r);
}
