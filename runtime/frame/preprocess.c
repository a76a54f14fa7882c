/* Quantile tables, the normal quantile, and filling forward. */
#include "frame/preprocess.h"

#include <math.h>

#include "base/alloc.h"
#include "base/elementary.h"
#include "base/interrupt.h"
#include "base/pool.h"

enum {
  GRAIN = 1 << 13, /* elements of a chunk: some 0.3 ms of searching */
  LANES = 8        /* rows looked up at once */
};

/* Rows of a chunk. */
static int64_t grain_of(int64_t f) { return f < GRAIN ? GRAIN / (f > 0 ? f : 1) : 1; }

/* ranges --------------------------------------------------------------------------------------- */

typedef struct {
  int64_t f;
  const double *x;
  double *part; /* for each chunk f smallest and f largest numbers */
} ranges;

static void widen(int64_t f, const double *low, const double *high, double *all) {
  for (int64_t j = 0; j < f; j++) all[j] = low[j] < all[j] ? low[j] : all[j];
  for (int64_t j = 0; j < f; j++) all[f + j] = high[j] > all[f + j] ? high[j] : all[f + j];
}

static neap_status range_of_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const ranges *r = ctx;
  double *own = r->part + chunk * 2 * r->f;
  for (int64_t j = 0; j < r->f; j++) {
    own[j] = INFINITY;
    own[r->f + j] = -INFINITY;
  }
  for (int64_t i = begin; i < end; i++) widen(r->f, r->x + i * r->f, r->x + i * r->f, own);
  return NEAP_OK;
}

neap_status neap_column_range(int64_t n, int64_t f, const double *x, double *low, double *high) {
  int64_t grain = 8 * grain_of(f), chunks = neap_parallel_chunks(n, grain);
  ranges r = {f, x, neap_alloc_array((chunks + 1) * f + 1, 2 * sizeof(double))};
  if (!r.part) return NEAP_ENOMEM;
  neap_status st = neap_parallel_for(n, grain, range_of_rows, &r);
  double *all = r.part + chunks * 2 * f;
  for (int64_t j = 0; j < f; j++) {
    all[j] = INFINITY;
    all[f + j] = -INFINITY;
  }
  for (int64_t k = 0; !st && k < chunks; k++)
    widen(f, r.part + k * 2 * f, r.part + k * 2 * f + f, all);
  for (int64_t j = 0; j < f; j++) {
    low[j] = all[j];
    high[j] = all[f + j];
  }
  neap_free(r.part);
  return st;
}

/* quantiles ------------------------------------------------------------------------------------ */

/* below[i] = how many of k rising numbers are below v[i], for a few at once: half of those that are
 * left go in each step, without branches that would be guessed wrongly, and while one waits for
 * memory the others go on. */
static void count_below(const double *row, int64_t k, int lanes, const double *v, int64_t *below) {
  for (int i = 0; i < lanes; i++) below[i] = 0;
  for (int64_t left = k; left > 1;) {
    int64_t half = left / 2;
    for (int i = 0; i < lanes; i++) below[i] += half & -(int64_t)(row[below[i] + half - 1] < v[i]);
    left -= half;
  }
  for (int i = 0; i < lanes; i++) below[i] += row[below[i]] < v[i];
}

/* How many of k rising numbers equal the first. */
static int64_t count_equal(const double *row, int64_t k) {
  int64_t low = 1, high = k;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (row[middle] == row[0]) low = middle + 1;
    else high = middle;
  }
  return low;
}

static double place_of(const double *row, int64_t k, double v, int64_t below) {
  if (isnan(v) || isnan(row[0])) return NAN;
  if (below == k) return (double)(k - 1);
  if (row[below] == v)
    return (double)below + 0.5 * (double)(count_equal(row + below, k - below) - 1);
  if (below == 0) return 0;
  double low = row[below - 1], high = row[below];
  return (double)(below - 1) + (v - low) / (high - low);
}

static double number_at(const double *row, int64_t k, double place) {
  if (isnan(place) || isnan(row[0])) return NAN;
  if (place <= 0) return row[0];
  if (place >= (double)(k - 1)) return row[k - 1];
  int64_t i = (int64_t)place;
  double share = place - (double)i;
  return share > 0 ? row[i] + share * (row[i + 1] - row[i]) : row[i];
}

typedef struct {
  const neap_quantiles *q;
  const double *x;
  double *out;
} lookup;

static neap_status find_places(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const lookup *l = ctx;
  int64_t f = l->q->f, k = l->q->k, below[LANES];
  double v[LANES];
  for (int64_t i = begin; i < end; i += LANES) {
    int lanes = end - i < LANES ? (int)(end - i) : LANES;
    for (int64_t j = 0; j < f; j++) {
      const double *row = l->q->table + j * k;
      for (int r = 0; r < lanes; r++) v[r] = l->x[(i + r) * f + j];
      count_below(row, k, lanes, v, below);
      for (int r = 0; r < lanes; r++) l->out[(i + r) * f + j] = place_of(row, k, v[r], below[r]);
    }
  }
  return NEAP_OK;
}

static neap_status find_numbers(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const lookup *l = ctx;
  int64_t f = l->q->f, k = l->q->k;
  for (int64_t i = begin; i < end; i++)
    for (int64_t j = 0; j < f; j++)
      l->out[i * f + j] = number_at(l->q->table + j * k, k, l->x[i * f + j]);
  return NEAP_OK;
}

neap_status neap_quantile_place(const neap_quantiles *q, const double *x, double *out) {
  lookup l = {q, x, out};
  return neap_parallel_for(q->n, grain_of(q->f), find_places, &l);
}

neap_status neap_quantile_at(const neap_quantiles *q, const double *place, double *out) {
  lookup l = {q, place, out};
  return neap_parallel_for(q->n, grain_of(q->f), find_numbers, &l);
}

/* the normal quantile -------------------------------------------------------------------------- */

/* (c[0] + c[1] r + ... + c[7] r^7) / (d[0] + ... + d[7] r^7) */
static double ratio(const double c[8], const double d[8], double r) {
  double above = c[7], under = d[7];
  for (int i = 6; i >= 0; i--) {
    above = above * r + c[i];
    under = under * r + d[i];
  }
  return above / under;
}

/* Rational approximations of AS 241: the middle in 0.180625 - (p - 0.5)^2, the tails in
 * sqrt(-log p), near to and far from the middle. */
static const double middle_above[] = {3.3871328727963666080e0, 1.3314166789178437745e2,
                                      1.9715909503065514427e3, 1.3731693765509461125e4,
                                      4.5921953931549871457e4, 6.7265770927008700853e4,
                                      3.3430575583588128105e4, 2.5090809287301226727e3};
static const double middle_under[] = {1.0,
                                      4.2313330701600911252e1,
                                      6.8718700749205790830e2,
                                      5.3941960214247511077e3,
                                      2.1213794301586595867e4,
                                      3.9307895800092710610e4,
                                      2.8729085735721942674e4,
                                      5.2264952788528545610e3};
static const double near_above[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                    5.76949722146069140550e0,  3.64784832476320460504e0,
                                    1.27045825245236838258e0,  2.41780725177450611770e-1,
                                    2.27238449892691845833e-2, 7.74545014278341407640e-4};
static const double near_under[] = {1.0,
                                    2.05319162663775882187e0,
                                    1.67638483018380384940e0,
                                    6.89767334985100004550e-1,
                                    1.48103976427480074590e-1,
                                    1.51986665636164571966e-2,
                                    5.47593808499534494600e-4,
                                    1.05075007164441684324e-9};
static const double far_above[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                   1.78482653991729133580e0,  2.96560571828504891230e-1,
                                   2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                   2.71155556874348757815e-5, 2.01033439929228813265e-7};
static const double far_under[] = {1.0,
                                   5.99832206555887937690e-1,
                                   1.36929880922735805310e-1,
                                   1.48753612908506148525e-2,
                                   7.86869131145613259100e-4,
                                   1.84631831751005468180e-5,
                                   1.42151175831644588870e-7,
                                   2.04426310338993978564e-15};

static double normal_at(double p) {
  if (!(p >= 0 && p <= 1)) return NAN;
  if (p == 0 || p == 1) return p > 0 ? INFINITY : -INFINITY;
  double q = p - 0.5;
  if (fabs(q) <= 0.425) return q * ratio(middle_above, middle_under, 0.180625 - q * q);
  double r = sqrt(-elementary_log(q < 0 ? p : 1 - p));
  double tail =
      r <= 5 ? ratio(near_above, near_under, r - 1.6) : ratio(far_above, far_under, r - 5);
  return q < 0 ? -tail : tail;
}

typedef struct {
  const double *p;
  double *out;
} quantiles;

static neap_status normal_quantiles(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const quantiles *c = ctx;
  for (int64_t i = begin; i < end; i++) c->out[i] = normal_at(c->p[i]);
  return NEAP_OK;
}

neap_status neap_normal_quantile(int64_t n, const double *p, double *out) {
  quantiles c = {p, out};
  return neap_parallel_for(n, GRAIN, normal_quantiles, &c);
}

/* filling -------------------------------------------------------------------------------------- */

neap_status neap_fill_forward(int64_t n, int64_t f, const double *x, const int32_t *group,
                              double *last, double *out) {
  int64_t poll = grain_of(f) * 64;
  for (int64_t i = 0; i < n; i++) {
    if (i % poll == 0) NEAP_TRY(neap_interrupt_check());
    double *own = last + (group ? group[i] : 0) * f;
    for (int64_t j = 0; j < f; j++) {
      if (!isnan(x[i * f + j])) own[j] = x[i * f + j];
      out[i * f + j] = own[j];
    }
  }
  return NEAP_OK;
}
