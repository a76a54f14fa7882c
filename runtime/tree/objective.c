/* Losses: where scores start, and the first and second derivative of each row's loss. The formulas
 * and constants are LightGBM's, so that learning rates and hessian limits mean the same. */
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "tree/engine.h"
#include "tree/link.h"

enum { CHUNK = 4096 };

static double weight_of(const neap__loss *l, int64_t i) {
  return l->weight ? (double)l->weight[i] : 1;
}

static double class_weight(const neap__loss *l, int64_t i) {
  return weight_of(l, i) * (l->target[i] > 0 ? l->positive : l->negative);
}

/* start ---------------------------------------------------------------------------------------- */

static double binary_start(const neap__loss *l) {
  double positive = 0, sum = 0;
  for (int64_t i = 0; i < l->rows; i++) {
    double w = class_weight(l, i);
    positive += l->target[i] > 0 ? w : 0;
    sum += w;
  }
  double p = fmin(fmax(positive / sum, 1e-15), 1 - 1e-15);
  return log(p / (1 - p)) / l->o->sigmoid;
}

static void multiclass_start(const neap__loss *l, double *start) {
  double sum = 0;
  for (int64_t i = 0; i < l->rows; i++) {
    start[(int64_t)l->target[i]] += weight_of(l, i);
    sum += weight_of(l, i);
  }
  for (int64_t k = 0; k < l->classes; k++) start[k] = log(fmax(start[k] / sum, 1e-15));
}

static double mean_start(const neap__loss *l) {
  double mean = 0, sum = 0;
  for (int64_t i = 0; i < l->rows; i++) {
    double w = weight_of(l, i);
    if (!(w > 0)) continue;
    sum += w;
    mean += (l->target[i] - mean) * (w / sum);
  }
  return mean;
}

void neap__loss_start(const neap__loss *l, double *start) {
  for (int64_t k = 0; k < l->classes; k++) start[k] = 0;
  if (l->objective == NEAP_OBJECTIVE_BINARY) start[0] = binary_start(l);
  else if (l->objective == NEAP_OBJECTIVE_MULTICLASS) multiclass_start(l, start);
  else start[0] = mean_start(l);
}

/* derivatives ---------------------------------------------------------------------------------- */

typedef struct {
  const neap__loss *l;
  const double *scores;
  neap__pair *pairs;
} pairs_job;

static inline neap__pair pair(double g, double h) {
  return (neap__pair){.real = {(float)g, (float)h}};
}

static void binary_pairs(const pairs_job *job, int64_t begin, int64_t end) {
  const neap__loss *l = job->l;
  double s = l->o->sigmoid;
  for (int64_t i = begin; i < end; i++) {
    double p = neap__sigmoid(s * job->scores[i]), w = class_weight(l, i);
    job->pairs[i] = pair(s * (p - l->target[i]) * w, s * s * p * (1 - p) * w);
  }
}

static void multiclass_pairs(const pairs_job *job, int64_t begin, int64_t end) {
  const neap__loss *l = job->l;
  int64_t n = l->rows, classes = l->classes;
  double factor = (double)classes / (double)(classes - 1);
  for (int64_t i = begin; i < end; i++) {
    double top = job->scores[i], sum = 0, w = weight_of(l, i);
    for (int64_t k = 1; k < classes; k++) top = fmax(top, job->scores[k * n + i]);
    for (int64_t k = 0; k < classes; k++) sum += neap__exp(job->scores[k * n + i] - top);
    for (int64_t k = 0; k < classes; k++) {
      double p = neap__exp(job->scores[k * n + i] - top) / sum, y = l->target[i] == (double)k;
      job->pairs[k * n + i] = pair((p - y) * w, factor * p * (1 - p) * w);
    }
  }
}

static double clamp(double v, double low, double high) {
  return v < low ? low : v > high ? high : v;
}

static void regression_pairs(const pairs_job *job, int64_t begin, int64_t end) {
  const neap__loss *l = job->l;
  double limit = l->objective == NEAP_OBJECTIVE_HUBER ? l->o->alpha : HUGE_VAL;
  bool sign = l->objective == NEAP_OBJECTIVE_L1;
  for (int64_t i = begin; i < end; i++) {
    double off = job->scores[i] - l->target[i], w = weight_of(l, i);
    double g = sign ? (off > 0) - (off < 0) : clamp(off, -limit, limit);
    job->pairs[i] = pair(g * w, w);
  }
}

static neap_status pairs_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const pairs_job *job = ctx;
  if (job->l->objective == NEAP_OBJECTIVE_BINARY) binary_pairs(job, begin, end);
  else if (job->l->objective == NEAP_OBJECTIVE_MULTICLASS) multiclass_pairs(job, begin, end);
  else regression_pairs(job, begin, end);
  return NEAP_OK;
}

neap_status neap__loss_pairs(const neap__loss *l, const double *scores, neap__pair *pairs) {
  return neap_parallel_for(l->rows, CHUNK, pairs_chunk, &(pairs_job){l, scores, pairs});
}

/* medians -------------------------------------------------------------------------------------- */

bool neap__loss_renews(const neap__loss *l) { return l->objective == NEAP_OBJECTIVE_L1; }

typedef struct {
  double value, weight;
} weighted;

static void swap(weighted *a, weighted *b) {
  weighted t = *a;
  *a = *b;
  *b = t;
}

/* By value; the order of equal values is settled too, since sums of weights must not hang on it. */
static bool above(weighted a, weighted b) {
  return a.value != b.value ? a.value > b.value : a.weight > b.weight;
}

static void sift(weighted *a, int64_t n, int64_t i) {
  for (int64_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && above(a[child + 1], a[child])) child++;
    if (!above(a[child], a[i])) return;
    swap(&a[i], &a[child]);
  }
}

/* The median of w[count]: heap sort, so that no order of the rows is slow; the lowest value below
 * which half of the weight lies, or the middle of two when it is exactly half. */
static double median(weighted *w, int64_t count) {
  for (int64_t i = count / 2; i-- > 0;) sift(w, count, i);
  for (int64_t n = count; n-- > 1;) {
    swap(&w[0], &w[n]);
    sift(w, n, 0);
  }
  double sum = 0, below = 0;
  for (int64_t i = 0; i < count; i++) sum += w[i].weight;
  for (int64_t i = 0; i < count; i++) {
    below += w[i].weight;
    if (below == sum / 2 && i + 1 < count) return (w[i].value + w[i + 1].value) / 2;
    if (below > sum / 2) return w[i].value;
  }
  return count ? w[count - 1].value : 0;
}

double neap__loss_renew(const neap__loss *l, const double *scores, const int32_t *rows,
                        int64_t count, double *scratch) {
  weighted *w = (weighted *)(void *)scratch;
  for (int64_t i = 0; i < count; i++) {
    int64_t r = rows ? rows[i] : i;
    w[i] = (weighted){l->target[r] - scores[r], weight_of(l, r)};
  }
  return median(w, count);
}
