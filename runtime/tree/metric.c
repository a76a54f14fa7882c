/* Metrics that are followed during training, from scores as they stand: means of row losses here,
 * those of order in metric_order.c. Sums run in chunks that are added in order, so they have the
 * same bits at any number of threads. The public module metrics judges finished predictions; these
 * exist because they read scores where they lie. */
#include "tree/metric.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"
#include "base/pool.h"
#include "tree/link.h"

enum { CHUNK = 8192 };

/* Probabilities are kept this far from 0 and 1, and means of counts above 0, as in LightGBM. */
static const double TINY = 1e-15, SMALL = 1e-10, LITTLE = 1e-12;

typedef neap__metric_rows rows;

typedef double (*row_loss)(const rows *r, int64_t i);

static double prediction(const rows *r, int64_t i) {
  return neap__gbdt_value(r->t->model, r->s->scores[i]);
}

/* values --------------------------------------------------------------------------------------- */

static double off(const rows *r, int64_t i) { return prediction(r, i) - r->s->target[i]; }

static double squared(const rows *r, int64_t i) {
  double x = off(r, i);
  return x * x;
}

static double absolute(const rows *r, int64_t i) { return fabs(off(r, i)); }

static double mape(const rows *r, int64_t i) {
  return fabs(off(r, i)) / fmax(1, fabs(r->s->target[i]));
}

static double huber(const rows *r, int64_t i) {
  double x = fabs(off(r, i)), alpha = r->t->o.alpha;
  return x <= alpha ? 0.5 * x * x : alpha * (x - 0.5 * alpha);
}

static double fair(const rows *r, int64_t i) {
  double x = fabs(off(r, i)), c = r->t->o.fair_c;
  return c * x - c * c * log1p(x / c);
}

/* The mean over the columns of several quantiles, in rising order as predictions are. */
static double quantile(const rows *r, int64_t i) {
  double p[NEAP__MAX_QUANTILES], sum = 0;
  for (int64_t k = 0; k < r->t->columns; k++) p[k] = r->s->scores[k * r->s->rows + i];
  neap__gbdt_transform(r->t->model, NEAP_PREDICT_VALUE, p, p);
  for (int64_t k = 0; k < r->t->columns; k++) {
    double a = r->t->o.quantile_count ? r->t->loss.alpha[k] : r->t->o.alpha;
    double x = r->s->target[i] - p[k];
    sum += x < 0 ? (a - 1) * x : a * x;
  }
  return sum / (double)r->t->columns;
}

static double expectile(const rows *r, int64_t i) {
  double x = off(r, i), alpha = r->t->o.alpha;
  return (x > 0 ? 1 - alpha : alpha) * x * x;
}

static double poisson(const rows *r, int64_t i) {
  double p = fmax(prediction(r, i), SMALL);
  return p - r->s->target[i] * log(p);
}

static double gamma_loss(const rows *r, int64_t i) {
  double p = fmax(prediction(r, i), SMALL);
  return r->s->target[i] / p + log(p);
}

/* LightGBM gives the sum over the rows, this is the mean. */
static double gamma_deviance(const rows *r, int64_t i) {
  double ratio = r->s->target[i] / fmax(prediction(r, i), SMALL);
  return 2 * (ratio - log(fmax(ratio, SMALL)) - 1);
}

/* At variance power 1 the first term tends to that of poisson. */
static double tweedie(const rows *r, int64_t i) {
  double power = r->t->o.tweedie_variance_power, p = fmax(prediction(r, i), SMALL);
  if (power == 1) return p - r->s->target[i] * log(p);
  return pow(p, 2 - power) / (2 - power) - r->s->target[i] * pow(p, 1 - power) / (1 - power);
}

/* classes -------------------------------------------------------------------------------------- */

static double binary_logloss(const rows *r, int64_t i) {
  double p = prediction(r, i);
  return -log(fmax(r->s->target[i] > 0 ? p : 1 - p, TINY));
}

static double binary_error(const rows *r, int64_t i) {
  return (r->s->scores[i] > 0) != (r->s->target[i] > 0);
}

static double cross_entropy(const rows *r, int64_t i) {
  double p = prediction(r, i), y = r->s->target[i];
  return -y * log(fmax(p, LITTLE)) - (1 - y) * log(fmax(1 - p, LITTLE));
}

/* Above the entropy of the label itself. */
static double kullback_leibler(const rows *r, int64_t i) {
  double y = r->s->target[i], own = 0;
  if (y > 0) own += y * log(y);
  if (y < 1) own += (1 - y) * log(1 - y);
  return own + cross_entropy(r, i);
}

static double focal(const rows *r, int64_t i) {
  bool positive = r->s->target[i] > 0;
  double p = positive ? prediction(r, i) : 1 - prediction(r, i), a = r->t->o.focal_alpha;
  return -(positive ? a : 1 - a) * pow(1 - p, r->t->o.focal_gamma) * log(fmax(p, TINY));
}

static double multi_logloss(const rows *r, int64_t i) {
  int64_t n = r->s->rows, own = (int64_t)r->s->target[i];
  const double *s = r->s->scores;
  if (r->t->model->link == NEAP__LINK_OVA) return -log(fmax(prediction(r, own * n + i), TINY));
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

/* by name -------------------------------------------------------------------------------------- */

enum { VALUE = 1, SHARE = 2, TWO = 4, MANY = 8, QUANTILES = 16 };

static const struct {
  const char *name;
  int tasks;
  row_loss loss;
  neap_status (*order)(const rows *r, double *value);
  bool root, larger;
} metrics[] = {
    {"l2", VALUE | SHARE, squared, NULL, false, false},
    {"rmse", VALUE | SHARE, squared, NULL, true, false},
    {"l1", VALUE | SHARE, absolute, NULL, false, false},
    {"quantile", VALUE | QUANTILES, quantile, NULL, false, false},
    {"expectile", VALUE, expectile, NULL, false, false},
    {"mape", VALUE, mape, NULL, false, false},
    {"huber", VALUE, huber, NULL, false, false},
    {"fair", VALUE, fair, NULL, false, false},
    {"poisson", VALUE, poisson, NULL, false, false},
    {"gamma", VALUE, gamma_loss, NULL, false, false},
    {"gamma_deviance", VALUE, gamma_deviance, NULL, false, false},
    {"tweedie", VALUE, tweedie, NULL, false, false},
    {"cross_entropy", SHARE | TWO, cross_entropy, NULL, false, false},
    {"kullback_leibler", SHARE | TWO, kullback_leibler, NULL, false, false},
    {"binary_logloss", TWO, binary_logloss, NULL, false, false},
    {"binary_error", TWO, binary_error, NULL, false, false},
    {"brier", TWO, squared, NULL, false, false},
    {"focal", TWO, focal, NULL, false, false},
    {"auc", TWO, NULL, neap__metric_auc, false, true},
    {"average_precision", TWO, NULL, neap__metric_average_precision, false, true},
    {"multi_logloss", MANY, multi_logloss, NULL, false, false},
    {"multi_error", MANY, multi_error, NULL, false, false},
};

/* "ndcg@5", "map@5" */
static bool cut_rank(const char *name, bool *map, int64_t *places) {
  *map = strncmp(name, "map@", 4) == 0;
  if (!*map && strncmp(name, "ndcg@", 5) != 0) return false;
  const char *digits = name + (*map ? 4 : 5);
  return neap_integer_parse(digits, strlen(digits), places) && *places > 0;
}

static int task_of(const neap_trainer *t) {
  if (t->model->link == NEAP__LINK_SORTED) return QUANTILES;
  if (t->o.objective == NEAP_OBJECTIVE_CROSS_ENTROPY) return SHARE;
  if (!t->model->class_count) return VALUE;
  return t->columns == 1 ? TWO : MANY;
}

neap_status neap_trainer_metric(neap_trainer *t, int set, const char *name, double *value,
                                bool *larger) {
  if (set < 0 || set >= t->sets)
    return neap_fail(NEAP_EARG, "gbdt.fit: set %d of %d", set, t->sets - 1);
  rows r = {t, &t->set[set]};
  bool map;
  int64_t places;
  if (cut_rank(name, &map, &places)) {
    if (larger) *larger = true;
    return neap__metric_rank(&r, map, places, value);
  }
  for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
    if (strcmp(name, metrics[i].name) != 0) continue;
    if (!(metrics[i].tasks & task_of(t)))
      return neap_fail(NEAP_EARG, "gbdt.fit: metric '%s' does not fit objective '%s'", name,
                       neap_objective_name(t->o.objective));
    if (larger) *larger = metrics[i].larger;
    NEAP_TRY(metrics[i].loss ? mean_loss(&r, metrics[i].loss, value) : metrics[i].order(&r, value));
    if (metrics[i].root) *value = sqrt(*value);
    return NEAP_OK;
  }
  return neap_fail(NEAP_EARG, "gbdt.fit: unknown metric '%s'", name);
}
