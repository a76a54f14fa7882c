/* Keeping the scores of all sets up to date: rows that a tree was grown on lie together by leaf,
 * all others walk it on their bins. A random forest keeps sums beside the scores, which are means.
 */
#include "base/alloc.h"
#include "base/pool.h"
#include "tree/trainer.h"

enum { CHUNK = 16384 };

typedef struct {
  const neap_trainer *t;
  const neap__tree *tree;
  const neap__set *s;
  double *scores;
} score_job;

/* Rows of the leaves that hold rows begin to end of the grid. */
static neap_status score_grown(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const score_job *job = ctx;
  const int32_t *rows = job->t->bins.row;
  for (int32_t l = 0; l < job->tree->leaves; l++) {
    int64_t first, count;
    neap__grower_leaf(job->t->grower, l, &first, &count);
    int64_t from = first > begin ? first : begin;
    int64_t to = first + count < end ? first + count : end;
    if (job->tree->linear)
      for (int64_t i = from; i < to; i++)
        job->scores[rows[i]] += neap__lines_value(job->tree, l, &job->s->x, rows[i]);
    else
      for (int64_t i = from; i < to; i++) job->scores[rows[i]] += job->tree->leaf_value[l];
  }
  return NEAP_OK;
}

static double routed(const score_job *job, const uint8_t *bin, int64_t row) {
  int32_t leaf = neap__grower_route(job->t->grower, bin);
  return job->tree->linear ? neap__lines_value(job->tree, leaf, &job->s->x, row)
                           : job->tree->leaf_value[leaf];
}

/* Rows outside the sample, which lie behind the others in the grid. */
static neap_status score_others(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const score_job *job = ctx;
  const neap__bins *b = &job->t->bins;
  int64_t grown = neap__grower_grown(job->t->grower);
  for (int64_t i = grown + begin; i < grown + end; i++)
    job->scores[b->row[i]] += routed(job, b->grid + i * b->used, b->row[i]);
  return NEAP_OK;
}

static neap_status score_valid(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const score_job *job = ctx;
  for (int64_t i = begin; i < end; i++)
    job->scores[i] += routed(job, job->s->bin + i * job->t->bins.used, i);
  return NEAP_OK;
}

static double *sums_of(const neap__set *s, int64_t column) {
  return (s->sums ? s->sums : s->scores) + column * s->rows;
}

neap_status neap__scores_add(neap_trainer *t, int64_t column, const neap__tree *tree) {
  int64_t grown = neap__grower_grown(t->grower);
  for (int i = 0; i < t->sets; i++) {
    neap__set *s = &t->set[i];
    score_job job = {t, tree, s, sums_of(s, column)};
    if (i > 0) NEAP_TRY(neap_parallel_for(s->rows, CHUNK, score_valid, &job));
    if (i > 0) continue;
    NEAP_TRY(neap_parallel_for(grown, CHUNK, score_grown, &job));
    NEAP_TRY(neap_parallel_for(s->rows - grown, CHUNK, score_others, &job));
  }
  return NEAP_OK;
}

typedef struct {
  neap__set *s;
  double iterations;
} mean_job;

static neap_status mean_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const mean_job *job = ctx;
  for (int64_t i = begin; i < end; i++) job->s->scores[i] = job->s->sums[i] / job->iterations;
  return NEAP_OK;
}

neap_status neap__scores_average(neap_trainer *t) {
  mean_job job = {.iterations = (double)neap_trainer_iterations(t)};
  for (int i = 0; i < t->sets; i++) {
    job.s = &t->set[i];
    if (job.s->sums && job.iterations > 0)
      NEAP_TRY(neap_parallel_for(job.s->rows * t->columns, CHUNK, mean_chunk, &job));
  }
  return NEAP_OK;
}
