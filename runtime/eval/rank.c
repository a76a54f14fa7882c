/* Metrics of ranking: order, ROC, average precision, the best cut.
 *
 * Everything walks down the distinct scores of a curve, which holds the weight of positives and
 * negatives at or above each; without weights these are exact counts. */
#include <math.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/order.h"
#include "eval/eval.h"

enum { RADIX_BITS = 11, RADIX = 1 << RADIX_BITS, PASSES = 6, POLL_ROWS = 1 << 17 };

/* One stable counting pass over a digit of the keys. */
static neap_status radix_pass(int64_t n, const double *x, int shift, const int64_t *from,
                              int64_t *to) {
  int64_t start[RADIX + 1] = {0};
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    start[(neap_order_key(x[i]) >> shift & (RADIX - 1)) + 1]++;
  }
  for (int d = 0; d < RADIX; d++) start[d + 1] += start[d];
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    int64_t row = from ? from[i] : i;
    to[start[neap_order_key(x[row]) >> shift & (RADIX - 1)]++] = row;
  }
  return NEAP_OK;
}

neap_status neap_eval_order(int64_t n, const double *x, int64_t *order) {
  int64_t *spare = neap_alloc_array(n, sizeof *spare);
  if (!spare) return NEAP_ENOMEM;
  int64_t *from = NULL, *to = spare; /* an even number of passes ends in order */
  neap_status st = NEAP_OK;
  for (int pass = 0; pass < PASSES && !st; pass++) {
    st = radix_pass(n, x, pass * RADIX_BITS, from, to);
    from = to;
    to = from == spare ? order : spare;
  }
  neap_free(spare);
  return st;
}

/* curves --------------------------------------------------------------------------------------- */

/* Scores and truth of one class against the rest. */
typedef struct {
  int64_t n;
  const double *score, *weight;
  const int32_t *code;
  int32_t positive;
} ranking;

static neap_status curve_alloc(neap_curve *c, int64_t n) {
  c->cut = neap_alloc_array(n + 1, sizeof *c->cut);
  c->tp = c->cut ? neap_alloc_array(n + 1, sizeof *c->tp) : NULL;
  c->fp = c->tp ? neap_alloc_array(n + 1, sizeof *c->fp) : NULL;
  return c->fp ? NEAP_OK : NEAP_ENOMEM;
}

void neap_eval_curve_drop(neap_curve *c) {
  neap_free(c->cut);
  neap_free(c->tp);
  neap_free(c->fp);
  *c = (neap_curve){0};
}

static void curve_fill(neap_curve *c, const ranking *r, const int64_t *order) {
  int64_t at = 0;
  c->cut[0] = INFINITY;
  c->tp[0] = c->fp[0] = 0;
  for (int64_t i = r->n - 1; i >= 0; i--) {
    int64_t row = order[i];
    double w = r->weight ? r->weight[row] : 1;
    if (at == 0 || r->score[row] != c->cut[at]) {
      at++;
      c->cut[at] = r->score[row];
      c->tp[at] = c->tp[at - 1];
      c->fp[at] = c->fp[at - 1];
    }
    *(r->code[row] == r->positive ? &c->tp[at] : &c->fp[at]) += w;
  }
  c->points = at + 1;
  c->positive = c->tp[at];
  c->negative = c->fp[at];
}

static neap_status curve_of(neap_curve *c, const ranking *r) {
  *c = (neap_curve){0};
  int64_t *order = neap_alloc_array(r->n, sizeof *order);
  neap_status st = order ? neap_eval_order(r->n, r->score, order) : NEAP_ENOMEM;
  if (!st) st = curve_alloc(c, r->n);
  if (!st) curve_fill(c, r, order);
  neap_free(order);
  if (st) neap_eval_curve_drop(c);
  return st;
}

static ranking binary_ranking(const neap_sample *s) {
  return (ranking){s->n, s->p, s->weight, s->code, 1};
}

neap_status neap_eval_curve(const neap_sample *s, neap_curve *out) {
  *out = (neap_curve){0};
  if (s->columns != 1) return neap_fail(NEAP_EARG, "two classes are needed, got %d", s->k);
  ranking r = binary_ranking(s);
  return curve_of(out, &r);
}

/* areas ---------------------------------------------------------------------------------------- */

/* Share of (positive, negative) pairs in the right order, pairs of equal score counting half. */
static double curve_auc(const neap_curve *c) {
  double area = 0;
  for (int64_t i = 1; i < c->points; i++) {
    double here = c->fp[i] - c->fp[i - 1];
    area += here * (c->tp[i - 1] + 0.5 * (c->tp[i] - c->tp[i - 1]));
  }
  double pairs = c->positive * c->negative;
  return pairs > 0 ? area / pairs : NAN;
}

static double curve_average_precision(const neap_curve *c) {
  double sum = 0;
  for (int64_t i = 1; i < c->points; i++)
    if (c->tp[i] > c->tp[i - 1])
      sum += (c->tp[i] - c->tp[i - 1]) * (c->tp[i] / (c->tp[i] + c->fp[i]));
  return c->positive > 0 ? sum / c->positive : NAN;
}

static neap_status one_area(const ranking *r, double (*area)(const neap_curve *), double *out) {
  neap_curve c;
  NEAP_TRY(curve_of(&c, r));
  *out = area(&c);
  neap_eval_curve_drop(&c);
  return NEAP_OK;
}

/* Mean of the area over each class against the rest, leaving out classes without a value. */
static neap_status mean_area(const neap_sample *s, double (*area)(const neap_curve *),
                             double *out) {
  double *column = neap_alloc_array(s->n, sizeof *column), sum = 0;
  if (!column) return NEAP_ENOMEM;
  int with = 0;
  neap_status st = NEAP_OK;
  for (int32_t k = 0; k < s->k && !st; k++) {
    for (int64_t i = 0; i < s->n; i++) column[i] = s->p[i * s->columns + k];
    ranking r = {s->n, column, s->weight, s->code, k};
    double v = NAN;
    st = one_area(&r, area, &v);
    if (isnan(v)) continue;
    sum += v;
    with++;
  }
  neap_free(column);
  *out = with ? sum / with : NAN;
  return st;
}

static neap_status area_of(const neap_sample *s, double (*area)(const neap_curve *), double *out) {
  *out = NAN;
  if (s->columns > 1) return mean_area(s, area, out);
  ranking r = binary_ranking(s);
  return one_area(&r, area, out);
}

neap_status neap_eval_auc(const neap_sample *s, double *out) { return area_of(s, curve_auc, out); }

neap_status neap_eval_average_precision(const neap_sample *s, double *out) {
  return area_of(s, curve_average_precision, out);
}

/* the best cut --------------------------------------------------------------------------------- */

static double value_at(const neap_curve *c, int64_t i, neap_cut_metric metric) {
  double tp = c->tp[i], fp = c->fp[i], fn = c->positive - tp, tn = c->negative - fp;
  double m[4] = {tn, fp, fn, tp};
  switch (metric) {
  case NEAP_CUT_F1: return tp > 0 ? 2 * tp / (2 * tp + fp + fn) : 0;
  case NEAP_CUT_ACCURACY: return (tp + tn) / (c->positive + c->negative);
  case NEAP_CUT_BALANCED_ACCURACY: return neap_eval_balanced_accuracy(2, m);
  case NEAP_CUT_MCC: return neap_eval_mcc(2, m);
  case NEAP_CUT_YOUDEN: break;
  }
  double hit = c->positive > 0 ? tp / c->positive : 0;
  return hit - (c->negative > 0 ? fp / c->negative : 0);
}

/* A cut that exactly the first i scores exceed. */
static double cut_below(const neap_curve *c, int64_t i) {
  if (i == 0) return c->cut[1];
  if (i + 1 == c->points) return nextafter(c->cut[i], -INFINITY);
  double low = c->cut[i + 1], high = c->cut[i];
  double middle = low / 2 + high / 2;
  return middle >= low && middle < high ? middle : low;
}

neap_status neap_eval_best_cut(const neap_sample *s, neap_cut_metric metric, double *cut,
                               double *value) {
  neap_curve c;
  NEAP_TRY(neap_eval_curve(s, &c));
  int64_t best = 0;
  *value = value_at(&c, 0, metric);
  for (int64_t i = 1; i < c.points; i++) {
    double v = value_at(&c, i, metric);
    if (!(v > *value)) continue;
    *value = v;
    best = i;
  }
  *cut = cut_below(&c, best);
  neap_eval_curve_drop(&c);
  return NEAP_OK;
}
