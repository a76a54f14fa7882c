/* How much labels overlap: uniqueness, attribution, and draws that heed it. */
#include <math.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "frame/labels.h"

enum { POLL_EVERY = 1 << 16 };

/* A running sum and what rounding took from it: differences of sums far out are as good as near. */
typedef struct {
  double sum, lost;
} total;

static total add(total t, double v) {
  double sum = t.sum + v, of_v = sum - t.sum, of_t = sum - of_v;
  return (total){sum, t.lost + ((t.sum - of_t) + (v - of_v))};
}

static double between(const total *sums, int64_t first, int64_t last) {
  return (sums[last + 1].sum - sums[first].sum) + (sums[last + 1].lost - sums[first].lost);
}

static neap_status check_spans(const neap_spans *s) {
  for (int64_t i = 0; i < s->n; i++)
    if (s->last[i] >= s->first[i] && (s->first[i] < 0 || s->last[i] >= s->bars))
      return neap_fail(NEAP_EINDEX, "label %lld spans bars %lld to %lld of %lld", (long long)i + 1,
                       (long long)s->first[i] + 1, (long long)s->last[i] + 1, (long long)s->bars);
  return NEAP_OK;
}

/* Labels on each bar, by the differences between neighbours. count has bars + 1 places of 0. */
static void count_labels(const neap_spans *s, int64_t *count) {
  for (int64_t i = 0; i < s->n; i++) {
    if (s->last[i] < s->first[i]) continue;
    count[s->first[i]]++;
    count[s->last[i] + 1]--;
  }
  for (int64_t b = 1; b < s->bars; b++) count[b] += count[b - 1];
}

neap_status neap_uniqueness(const neap_spans *s, const double *value, double *out) {
  NEAP_TRY(check_spans(s));
  int64_t *count = neap_calloc_array(s->bars + 1, sizeof *count);
  total *sums = count ? neap_alloc_array(s->bars + 1, sizeof *sums) : NULL;
  neap_status st = sums ? NEAP_OK : NEAP_ENOMEM;
  if (!st) {
    count_labels(s, count);
    sums[0] = (total){0};
    for (int64_t b = 0; b < s->bars && !st; b++) {
      double v = !value ? 1.0 : isnan(value[b]) ? 0.0 : value[b];
      sums[b + 1] = count[b] > 0 ? add(sums[b], v / (double)count[b]) : sums[b];
      if (b % POLL_EVERY == 0) st = neap_interrupt_check();
    }
  }
  for (int64_t i = 0; i < s->n && !st; i++) {
    int64_t first = s->first[i], last = s->last[i];
    double sum = last < first ? NAN : between(sums, first, last);
    out[i] = value ? fabs(sum) : sum / (double)(last - first + 1);
  }
  neap_free(sums);
  neap_free(count);
  return st;
}

/* The cumulated weights of all labels beside those counted. */
static double weigh(const neap_spans *s, const int64_t *count, double *sums, double *weights) {
  double all = 0;
  sums[0] = 0;
  for (int64_t b = 0; b < s->bars; b++) sums[b + 1] = sums[b] + 1.0 / (double)(count[b] + 1);
  for (int64_t i = 0; i < s->n; i++) {
    int64_t first = s->first[i], last = s->last[i];
    if (last >= first) all += (sums[last + 1] - sums[first]) / (double)(last - first + 1);
    weights[i] = all;
  }
  return all;
}

/* The first label whose cumulated weight exceeds at; labels of no weight are never it. */
static int64_t pick(int64_t n, const double *weights, double at) {
  int64_t low = 0, high = n - 1;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (weights[middle] > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

static neap_status draw(const neap_spans *s, int64_t draws, int64_t first_row, neap_rng *r,
                        int64_t *count, double *sums, double *weights, int64_t *out) {
  for (int64_t k = 0; k < draws; k++) {
    NEAP_TRY(neap_interrupt_check());
    double all = weigh(s, count, sums, weights);
    if (!(all > 0)) return neap_fail(NEAP_EVALUE, "none of %lld rows has a label", (long long)s->n);
    double at = fmin(neap_rng_uniform(r) * all, nextafter(all, 0)); /* the product may round up */
    int64_t i = pick(s->n, weights, at);
    for (int64_t b = s->first[i]; b <= s->last[i]; b++) count[b]++;
    out[k] = i + first_row;
  }
  return NEAP_OK;
}

neap_status neap_sequential_bootstrap(const neap_spans *s, int64_t draws, int64_t first_row,
                                      neap_rng *r, int64_t *out) {
  NEAP_TRY(check_spans(s));
  int64_t *count = neap_calloc_array(s->bars + 1, sizeof *count);
  double *sums = count ? neap_alloc_array(s->bars + 1, sizeof *sums) : NULL;
  double *weights = sums ? neap_alloc_array(s->n + 1, sizeof *weights) : NULL;
  neap_status st = weights ? NEAP_OK : NEAP_ENOMEM;
  if (!st) st = draw(s, draws, first_row, r, count, sums, weights, out);
  neap_free(weights);
  neap_free(sums);
  neap_free(count);
  return st;
}
