/* Isotonic calibration: pooling adjacent violators (Barlow et al. 1972), then knots. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "eval/calibrate.h"

enum { POLL_ROWS = 1 << 16 };

/* Blocks grow from the left: y[b] is the mean of block b, scratch its weight and its length. A
 * block that does not exceed the one before is pooled with it. */
neap_status neap_eval_pav(int64_t n, double *y, const double *w, double *scratch) {
  double *weight = scratch, *length = scratch + n;
  int64_t blocks = 0;
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    double mean = y[i], mass = w ? w[i] : 1, count = 1;
    for (; blocks > 0 && y[blocks - 1] >= mean; blocks--) {
      double both = weight[blocks - 1] + mass;
      mean = (y[blocks - 1] * weight[blocks - 1] + mean * mass) / both;
      mass = both;
      count += length[blocks - 1];
    }
    y[blocks] = mean;
    weight[blocks] = mass;
    length[blocks++] = count;
  }
  for (int64_t i = n; blocks-- > 0;) {
    double mean = y[blocks];
    for (int64_t k = (int64_t)length[blocks]; k > 0; k--) y[--i] = mean;
  }
  return NEAP_OK;
}

/* Distinct inputs in rising order with the mean truth and weight of each; inputs without weight
 * are left out. *count becomes their number. */
static neap_status pool_ties(const neap_sample *s, const int64_t *order, double *x, double *y,
                             double *w, int64_t *count) {
  int64_t m = 0;
  for (int64_t i = 0; i < s->n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    int64_t row = order[i];
    double mass = s->weight ? s->weight[row] : 1;
    if (!(mass > 0)) continue;
    if (m == 0 || x[m - 1] != s->p[row]) {
      x[m] = s->p[row];
      y[m] = w[m] = 0;
      m++;
    }
    y[m - 1] += mass * s->code[row];
    w[m - 1] += mass;
  }
  for (int64_t i = 0; i < m; i++) y[i] /= w[i];
  *count = m;
  return NEAP_OK;
}

/* Keep the first and last input of every level: between them the line is flat. */
static int64_t keep_knots(int64_t m, double *x, double *y) {
  int64_t kept = 0;
  for (int64_t i = 0; i < m; i++) {
    bool inner = i > 0 && i + 1 < m && y[i - 1] == y[i] && y[i] == y[i + 1];
    if (inner) continue;
    x[kept] = x[i];
    y[kept++] = y[i];
  }
  return kept;
}

static neap_status store_knots(neap_calibrator *c, int64_t knots, const double *x, const double *y,
                               int64_t n) {
  c->x = neap_alloc_array(knots, sizeof *c->x);
  c->y = c->x ? neap_alloc_array(knots, sizeof *c->y) : NULL;
  if (!c->y) return NEAP_ENOMEM;
  double low = 1 / ((double)n + 2);
  memcpy(c->x, x, (size_t)knots * sizeof *x);
  for (int64_t i = 0; i < knots; i++) c->y[i] = fmin(fmax(y[i], low), 1 - low);
  c->knots = knots;
  return NEAP_OK;
}

neap_status neap__eval_fit_isotonic(neap_calibrator *c, const neap_sample *s) {
  int64_t n = s->n;
  int64_t *order = neap_alloc_array(n, sizeof *order);
  double *block = order ? neap_alloc_array(n, 5 * sizeof *block) : NULL;
  neap_status st = block ? neap_eval_order(n, s->p, order) : NEAP_ENOMEM;
  if (!st) {
    double *x = block, *y = x + n, *w = y + n;
    int64_t m = 0;
    st = pool_ties(s, order, x, y, w, &m);
    if (!st) st = neap_eval_pav(m, y, w, w + n);
    if (!st) st = store_knots(c, keep_knots(m, x, y), x, y, n);
  }
  neap_free(block);
  neap_free(order);
  if (st) neap_eval_calibrator_drop(c);
  return st;
}

double neap__eval_apply_isotonic(const neap_calibrator *c, double p) {
  int64_t low = 0, high = c->knots - 1;
  if (p <= c->x[low]) return c->y[low];
  if (p >= c->x[high]) return c->y[high];
  while (high - low > 1) {
    int64_t middle = (low + high) / 2;
    if (c->x[middle] <= p) low = middle;
    else high = middle;
  }
  double share = (p - c->x[low]) / (c->x[high] - c->x[low]);
  return fmin(c->y[low] + (c->y[high] - c->y[low]) * share, c->y[high]);
}
