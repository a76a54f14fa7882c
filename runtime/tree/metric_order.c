/* Metrics of two classes that look at the order of the scores only. */

#include "base/alloc.h"
#include "base/order.h"
#include "tree/metric.h"

typedef struct {
  uint64_t key; /* orders as the score does */
  float weight;
  bool positive;
} scored;

static scored *sort_scored(scored *a, scored *b, int64_t n) {
  for (int shift = 0; shift < 64; shift += 8) {
    int64_t at[257] = {0};
    for (int64_t i = 0; i < n; i++) at[(a[i].key >> shift & 255) + 1]++;
    if (at[(a[0].key >> shift & 255) + 1] == n) continue;
    for (int d = 0; d < 256; d++) at[d + 1] += at[d];
    for (int64_t i = 0; i < n; i++) b[at[a[i].key >> shift & 255]++] = a[i];
    scored *other = a;
    a = b;
    b = other;
  }
  return a;
}

/* Weight of the rows that share the score of row *at, which moves past them in the direction. */
static void take_ties(const scored *s, int64_t n, int64_t *at, int step, double *p, double *q) {
  uint64_t key = s[*at].key;
  *p = *q = 0;
  for (; *at >= 0 && *at < n && s[*at].key == key; *at += step)
    *(s[*at].positive ? p : q) += (double)s[*at].weight;
}

static double area(const scored *s, int64_t n) {
  double positive = 0, negative = 0, pairs = 0, p, q;
  for (int64_t i = 0; i < n;) {
    take_ties(s, n, &i, 1, &p, &q);
    pairs += p * (negative + q / 2);
    positive += p;
    negative += q;
  }
  return positive > 0 && negative > 0 ? pairs / positive / negative : 1;
}

static double precision(const scored *s, int64_t n) {
  double positive = 0, negative = 0, sum = 0, p, q;
  for (int64_t i = n - 1; i >= 0;) {
    take_ties(s, n, &i, -1, &p, &q);
    positive += p;
    negative += q;
    if (p > 0) sum += p * (positive / (positive + negative));
  }
  return positive > 0 ? sum / positive : 1;
}

static neap_status in_order(const neap__metric_rows *r, double (*judge)(const scored *, int64_t),
                            double *value) {
  int64_t n = r->s->rows;
  scored *a = neap_alloc_array(n, sizeof *a), *b = neap_alloc_array(n, sizeof *b);
  for (int64_t i = 0; a && b && i < n; i++)
    a[i] = (scored){neap_order_key(r->s->scores[i]), r->s->weight ? r->s->weight[i] : 1,
                    r->s->target[i] > 0};
  if (a && b) *value = judge(sort_scored(a, b, n), n);
  neap_status st = a && b ? NEAP_OK : NEAP_ENOMEM;
  neap_free(a);
  neap_free(b);
  return st;
}

neap_status neap__metric_auc(const neap__metric_rows *r, double *value) {
  return in_order(r, area, value);
}

neap_status neap__metric_average_precision(const neap__metric_rows *r, double *value) {
  return in_order(r, precision, value);
}
