/* Metrics that are followed during training, from scores as they stand. Sums run in chunks that are
 * added in order, so they have the same bits at any number of threads. The public module metrics
 * judges finished predictions; these exist because they read scores where they lie. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "tree/link.h"
#include "tree/trainer.h"

enum { CHUNK = 8192 };

static const double TINY = 1e-15; /* probabilities are kept this far from 0 and 1, as in LightGBM */

typedef struct {
  const neap_trainer *t;
  const neap__set *s;
} rows;

typedef double (*row_loss)(const rows *r, int64_t i);

static double binary_logloss(const rows *r, int64_t i) {
  double p = neap__sigmoid(r->t->o.sigmoid * r->s->scores[i]);
  p = r->s->target[i] > 0 ? p : 1 - p;
  return -log(fmax(p, TINY));
}

static double binary_error(const rows *r, int64_t i) {
  return (r->s->scores[i] > 0) != (r->s->target[i] > 0);
}

static double multi_logloss(const rows *r, int64_t i) {
  int64_t n = r->s->rows, own = (int64_t)r->s->target[i];
  const double *s = r->s->scores;
  double top = s[i], sum = 0;
  for (int64_t k = 1; k < r->t->columns; k++) top = fmax(top, s[k * n + i]);
  for (int64_t k = 0; k < r->t->columns; k++) sum += neap__exp(s[k * n + i] - top);
  return -log(fmax(neap__exp(s[own * n + i] - top) / sum, TINY));
}

static double multi_error(const rows *r, int64_t i) {
  int64_t n = r->s->rows, best = 0;
  for (int64_t k = 1; k < r->t->columns; k++)
    if (r->s->scores[k * n + i] > r->s->scores[best * n + i]) best = k;
  return (double)best != r->s->target[i];
}

static double squared(const rows *r, int64_t i) {
  double off = r->s->scores[i] - r->s->target[i];
  return off * off;
}

static double absolute(const rows *r, int64_t i) { return fabs(r->s->scores[i] - r->s->target[i]); }

/* weighted mean of a row loss ------------------------------------------------------------------ */

typedef struct {
  rows r;
  row_loss loss;
  double *part; /* per chunk: sum of weighted losses, sum of weights */
} mean_job;

static neap_status mean_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const mean_job *job = ctx;
  const float *weight = job->r.s->weight;
  double sum = 0, weights = 0;
  for (int64_t i = begin; i < end; i++) {
    double w = weight ? (double)weight[i] : 1;
    weights += w;
    sum += w * job->loss(&job->r, i);
  }
  job->part[2 * chunk] = sum;
  job->part[2 * chunk + 1] = weights;
  return NEAP_OK;
}

static neap_status mean_loss(const rows *r, row_loss loss, double *value) {
  int64_t chunks = neap_parallel_chunks(r->s->rows, CHUNK);
  mean_job job = {.r = *r, .loss = loss, .part = neap_alloc_array(2 * chunks, sizeof(double))};
  if (!job.part) return NEAP_ENOMEM;
  neap_status st = neap_parallel_for(r->s->rows, CHUNK, mean_chunk, &job);
  double sum = 0, weights = 0;
  for (int64_t c = 0; !st && c < chunks; c++) {
    sum += job.part[2 * c];
    weights += job.part[2 * c + 1];
  }
  neap_free(job.part);
  *value = sum / weights;
  return st;
}

/* area under the ROC curve --------------------------------------------------------------------- */

typedef struct {
  uint64_t key; /* orders as the score does */
  float weight;
  bool positive;
} scored;

static uint64_t key_of(double v) {
  uint64_t bits;
  v += 0.0;
  memcpy(&bits, &v, sizeof bits);
  return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

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

/* Share of (negative, positive) pairs in the right order, ties counting half; 1 with one class
 * only, as in LightGBM. */
static double area(const scored *s, int64_t n) {
  double positive = 0, negative = 0, pairs = 0;
  for (int64_t i = 0; i < n;) {
    double p = 0, q = 0;
    int64_t first = i;
    for (; i < n && s[i].key == s[first].key; i++)
      if (s[i].positive) p += (double)s[i].weight;
      else q += (double)s[i].weight;
    pairs += p * (negative + q / 2);
    positive += p;
    negative += q;
  }
  return positive > 0 && negative > 0 ? pairs / positive / negative : 1;
}

static neap_status auc(const rows *r, double *value) {
  int64_t n = r->s->rows;
  scored *a = neap_alloc_array(n, sizeof *a), *b = neap_alloc_array(n, sizeof *b);
  for (int64_t i = 0; a && b && i < n; i++)
    a[i] =
        (scored){key_of(r->s->scores[i]), r->s->weight ? r->s->weight[i] : 1, r->s->target[i] > 0};
  if (a && b) *value = area(sort_scored(a, b, n), n);
  neap_status st = a && b ? NEAP_OK : NEAP_ENOMEM;
  neap_free(a);
  neap_free(b);
  return st;
}

/* by name -------------------------------------------------------------------------------------- */

enum { BINARY = 1, MANY = 2, REGRESSION = 4 };

static const struct {
  const char *name;
  int tasks;
  row_loss loss; /* NULL: auc */
  bool root, larger;
} metrics[] = {
    {"binary_logloss", BINARY, binary_logloss, false, false},
    {"binary_error", BINARY, binary_error, false, false},
    {"auc", BINARY, NULL, false, true},
    {"multi_logloss", MANY, multi_logloss, false, false},
    {"multi_error", MANY, multi_error, false, false},
    {"l2", REGRESSION, squared, false, false},
    {"rmse", REGRESSION, squared, true, false},
    {"l1", REGRESSION, absolute, false, false},
};

static int task_of(const neap_trainer *t) {
  if (t->o.objective == NEAP_OBJECTIVE_BINARY) return BINARY;
  return t->o.objective == NEAP_OBJECTIVE_MULTICLASS ? MANY : REGRESSION;
}

neap_status neap_trainer_metric(neap_trainer *t, int set, const char *name, double *value,
                                bool *larger) {
  if (set < 0 || set >= t->sets)
    return neap_fail(NEAP_EARG, "gbdt.fit: set %d of %d", set, t->sets - 1);
  rows r = {t, &t->set[set]};
  for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
    if (strcmp(name, metrics[i].name) != 0) continue;
    if (!(metrics[i].tasks & task_of(t)))
      return neap_fail(NEAP_EARG, "gbdt.fit: metric '%s' does not fit objective '%s'", name,
                       t->model->objective_text);
    if (larger) *larger = metrics[i].larger;
    NEAP_TRY(metrics[i].loss ? mean_loss(&r, metrics[i].loss, value) : auc(&r, value));
    if (metrics[i].root) *value = sqrt(*value);
    return NEAP_OK;
  }
  return neap_fail(NEAP_EARG, "gbdt.fit: unknown metric '%s'", name);
}
