/* Metrics of probabilities: log loss, Brier, reliability; and those of regression. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "eval/eval.h"

enum { POLL_ROWS = 1 << 18 };

static double weight_of(const neap_sample *s, int64_t i) { return s->weight ? s->weight[i] : 1; }

static long long row_number(const neap_sample *s, int64_t i) {
  return (long long)(s->row ? s->row[i] : i) + 1;
}

/* Every score a probability, and rows of several that sum to 1. */
neap_status neap_eval_check_probabilities(const neap_sample *s) {
  for (int64_t i = 0; i < s->n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    double sum = 0;
    for (int c = 0; c < s->columns; c++) {
      double p = s->p[i * s->columns + c];
      if (!(p >= 0 && p <= 1))
        return neap_fail(NEAP_EVALUE, "p[%lld] is %.17g in column %d, not a probability",
                         row_number(s, i), p, c + 1);
      sum += p;
    }
    if (s->columns > 1 && fabs(sum - 1) > 1e-3)
      return neap_fail(NEAP_EVALUE, "the probabilities of row %lld sum to %.17g, not 1",
                       row_number(s, i), sum);
  }
  return NEAP_OK;
}

/* Probability given to what happened. */
static double p_truth(const neap_sample *s, int64_t i) {
  if (s->columns > 1) return s->p[i * s->columns + s->code[i]];
  return s->code[i] ? s->p[i] : 1 - s->p[i];
}

neap_status neap_eval_log_loss(const neap_sample *s, double eps, double *out) {
  NEAP_TRY(neap_eval_check_probabilities(s));
  double sum = 0;
  for (int64_t i = 0; i < s->n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    sum -= weight_of(s, i) * log(fmin(fmax(p_truth(s, i), eps), 1 - eps));
  }
  *out = sum / s->total;
  return NEAP_OK;
}

static double brier_row(const neap_sample *s, int64_t i) {
  double sum = 0;
  for (int c = 0; c < s->columns; c++) {
    bool is = s->columns == 1 ? s->code[i] == 1 : s->code[i] == c;
    double d = s->p[i * s->columns + c] - is;
    sum += d * d;
  }
  return sum;
}

neap_status neap_eval_brier(const neap_sample *s, double *out) {
  NEAP_TRY(neap_eval_check_probabilities(s));
  double sum = 0;
  for (int64_t i = 0; i < s->n; i++) sum += weight_of(s, i) * brier_row(s, i);
  *out = sum / s->total;
  return NEAP_OK;
}

/* reliability ---------------------------------------------------------------------------------- */

static void top_label(const neap_sample *s, int64_t i, double *p, double *hit) {
  if (s->columns == 1) {
    *p = s->p[i];
    *hit = s->code[i];
    return;
  }
  const double *row = s->p + i * s->columns;
  int best = 0;
  for (int c = 1; c < s->columns; c++)
    if (row[c] > row[best]) best = c;
  *p = row[best];
  *hit = s->code[i] == best;
}

void neap_eval_reliability_drop(neap_reliability *r) {
  neap_free(r->low); /* the one block of all five */
  *r = (neap_reliability){0};
}

static neap_status reliability_alloc(neap_reliability *r, int bins) {
  *r = (neap_reliability){.bins = bins};
  r->low = neap_calloc_array(bins, 5 * sizeof(double));
  if (!r->low) return NEAP_ENOMEM;
  r->high = r->low + bins;
  r->mean = r->high + bins;
  r->share = r->mean + bins;
  r->count = r->share + bins;
  return NEAP_OK;
}

static void set_bound(neap_reliability *r, int b, double v) {
  r->high[b] = v;
  if (b + 1 < r->bins) r->low[b + 1] = v;
}

/* Bounds at the i/bins quantiles, the smallest value below or at which that share of rows lies. */
static neap_status quantile_bounds(const neap_sample *s, neap_reliability *r) {
  double *p = neap_alloc_array(s->n, sizeof *p), hit;
  int64_t *order = p ? neap_alloc_array(s->n, sizeof *order) : NULL;
  neap_status st = order ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = 0; !st && i < s->n; i++) top_label(s, i, &p[i], &hit);
  if (!st) st = neap_eval_order(s->n, p, order);
  for (int b = 0; !st && b + 1 < r->bins; b++) {
    int64_t rank = (s->n * (b + 1) + r->bins - 1) / r->bins;
    set_bound(r, b, p[order[rank - 1]]);
  }
  neap_free(order);
  neap_free(p);
  return st;
}

/* The first bin whose upper bound is not below p. */
static int bin_of(const neap_reliability *r, double p) {
  int low = 0, high = r->bins - 1;
  while (low < high) {
    int middle = (low + high) / 2;
    if (r->high[middle] < p) low = middle + 1;
    else high = middle;
  }
  return low;
}

static void reliability_sum(const neap_sample *s, neap_reliability *r) {
  for (int64_t i = 0; i < s->n; i++) {
    double p, hit, w = weight_of(s, i);
    top_label(s, i, &p, &hit);
    int b = bin_of(r, p);
    r->mean[b] += w * p;
    r->share[b] += w * hit;
    r->count[b] += w;
  }
  for (int b = 0; b < r->bins; b++) {
    double gap = fabs(r->mean[b] - r->share[b]);
    r->ece += gap / s->total;
    if (r->count[b] > 0) r->mce = fmax(r->mce, gap / r->count[b]);
    r->mean[b] = r->count[b] > 0 ? r->mean[b] / r->count[b] : NAN;
    r->share[b] = r->count[b] > 0 ? r->share[b] / r->count[b] : NAN;
  }
}

neap_status neap_eval_reliability(const neap_sample *s, int bins, bool quantile,
                                  neap_reliability *out) {
  *out = (neap_reliability){0};
  NEAP_TRY(neap_eval_check_probabilities(s));
  NEAP_TRY(reliability_alloc(out, bins));
  for (int b = 0; b < bins; b++) set_bound(out, b, (b + 1) / (double)bins);
  neap_status st = quantile ? quantile_bounds(s, out) : NEAP_OK;
  if (st) neap_eval_reliability_drop(out);
  else reliability_sum(s, out);
  return st;
}

/* regression ----------------------------------------------------------------------------------- */

/* Sums over the rows that count. */
typedef struct {
  double weight, y, square, absolute, relative, spread;
  int64_t n;
} sums;

static neap_status check_row(const double *y, const double *p, const double *w, int64_t i,
                             bool skip_nan, bool *use) {
  bool bad = isnan(y[i]) || isnan(p[i]) || (w && isnan(w[i]));
  *use = !bad;
  if (bad && !skip_nan)
    return neap_fail(NEAP_EVALUE, "%s[%lld] is NaN (skip_nan = true leaves such rows out)",
                     isnan(y[i])   ? "y"
                     : isnan(p[i]) ? "p"
                                   : "weights",
                     (long long)i + 1);
  if (!bad && w && !(w[i] >= 0 && !isinf(w[i])))
    return neap_fail(NEAP_EVALUE, "weights[%lld] is %.17g, must be finite and not negative",
                     (long long)i + 1, w[i]);
  return NEAP_OK;
}

static void add_row(sums *s, double y, double p, double w) {
  double d = p - y;
  s->n++;
  s->weight += w;
  s->y += w * y;
  s->square += w * d * d;
  s->absolute += w * fabs(d);
  s->relative += w * fabs(d) / fmax(fabs(y), DBL_EPSILON);
}

static double r_squared(const sums *s) {
  if (s->spread > 0) return 1 - s->square / s->spread;
  return s->square > 0 ? 0 : 1;
}

neap_status neap_eval_regression(int64_t n, const double *y, const double *p, const double *weight,
                                 bool skip_nan, neap_regression *out) {
  sums s = {0};
  bool use;
  *out = (neap_regression){NAN, NAN, NAN, NAN};
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(check_row(y, p, weight, i, skip_nan, &use));
    if (use) add_row(&s, y[i], p[i], weight ? weight[i] : 1);
  }
  if (n == 0) return neap_fail(NEAP_EVALUE, "no rows");
  if (s.n == 0) return neap_fail(NEAP_EVALUE, "no row is left without NaN");
  if (!(s.weight > 0)) return neap_fail(NEAP_EVALUE, "all weights are 0");
  double mean = s.y / s.weight;
  for (int64_t i = 0; i < n; i++) {
    NEAP_TRY(check_row(y, p, weight, i, true, &use));
    double d = y[i] - mean;
    if (use) s.spread += (weight ? weight[i] : 1) * d * d;
  }
  *out = (neap_regression){s.square / s.weight, s.absolute / s.weight, s.relative / s.weight,
                           r_squared(&s)};
  return NEAP_OK;
}
