/* What the caller of a trainer may give before the first step and ask at any time: derivatives,
 * scores to start from, and the rows as training sees them. */
#include <math.h>

#include "base/pool.h"
#include "tree/trainer.h"

enum { CHUNK = 8192 };

neap_status neap_trainer_custom(neap_trainer *t, const neap_gbdt_custom *custom) {
  return neap__loss_custom(&t->loss, custom);
}

static neap_status check_unstarted(const neap_trainer *t, const char *what) {
  if (t->started)
    return neap_fail(NEAP_EARG, "gbdt.fit: %s after the first iteration comes too late", what);
  return NEAP_OK;
}

neap_status neap_trainer_start(neap_trainer *t, const double *start) {
  NEAP_TRY(check_unstarted(t, "start"));
  if (t->model->trees && !neap__is_forest(&t->o)) return NEAP_OK; /* the model started once */
  for (int64_t k = 0; k < t->columns; k++) {
    if (!(fabs(start[k]) < HUGE_VAL))
      return neap_fail(NEAP_EVALUE, "gbdt.fit: objective: start is %g", start[k]);
    t->start[k] = start[k];
  }
  return NEAP_OK;
}

neap_status neap_trainer_init_score(neap_trainer *t, int set, const double *score) {
  neap__set *s = &t->set[set];
  NEAP_TRY(check_unstarted(t, "init_score"));
  if (neap__is_forest(&t->o))
    return neap_fail(NEAP_EARG, "gbdt.fit: the trees of boosting 'rf' do not add up to anything "
                                "that an init_score could begin");
  for (int64_t i = 0; i < s->rows; i++)
    for (int64_t k = 0; k < t->columns; k++) {
      double v = score[i * t->columns + k];
      if (!(fabs(v) < HUGE_VAL))
        return neap_fail(NEAP_EVALUE, "gbdt.fit: init_score of row %lld is %g", (long long)i + 1,
                         v);
      s->scores[k * s->rows + i] += v;
    }
  for (int64_t k = 0; k < t->columns; k++) t->start[k] = 0;
  return NEAP_OK;
}

neap_status neap_trainer_queries(neap_trainer *t, int set, const int64_t *sizes, int64_t count,
                                 const double *gain, int64_t gains) {
  neap__set *s = &t->set[set];
  NEAP_TRY(check_unstarted(t, "group"));
  NEAP_TRY(neap__queries_open(&s->queries, sizes, count, s->rows, s->target, gain, gains));
  if (set == 0) t->loss.queries = s->queries;
  return NEAP_OK;
}

int64_t neap_trainer_rows(const neap_trainer *t, int set) { return t->set[set].rows; }
int64_t neap_trainer_columns(const neap_trainer *t) { return t->columns; }
int neap_trainer_sets(const neap_trainer *t) { return t->sets; }
const float *neap_trainer_weights(const neap_trainer *t, int set) { return t->set[set].weight; }

void neap_trainer_labels(const neap_trainer *t, int set, bool numbers, double *labels) {
  const neap__set *s = &t->set[set];
  const int64_t *classes = numbers ? NULL : t->model->classes;
  for (int64_t i = 0; i < s->rows; i++)
    labels[i] = classes ? (double)classes[(int64_t)s->target[i]] : s->target[i];
}

typedef struct {
  const neap_trainer *t;
  const neap__set *s;
  double *out;
} predict_job;

static neap_status predict_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const predict_job *job = ctx;
  const neap_gbdt *m = job->t->model;
  int64_t n = job->s->rows, k = job->t->columns;
  neap_predict_kind kind = m->class_count ? NEAP_PREDICT_PROBABILITY : NEAP_PREDICT_VALUE;
  for (int64_t i = begin; i < end; i++) {
    double *out = job->out + i * k;
    for (int64_t c = 0; c < k; c++) out[c] = job->s->scores[c * n + i];
    if (k == 1) *out = neap__gbdt_value(m, *out);
    else neap__gbdt_transform(m, kind, out, out);
  }
  return NEAP_OK;
}

neap_status neap_trainer_predictions(const neap_trainer *t, int set, double *out) {
  predict_job job = {t, &t->set[set], out};
  return neap_parallel_for(job.s->rows, CHUNK, predict_chunk, &job);
}
