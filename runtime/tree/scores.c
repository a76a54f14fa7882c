/* Keeping the scores of all sets up to date: rows that a tree was grown on lie together by leaf,
 * all others walk it on their bins. A random forest keeps sums beside the scores, which are means.
 */
#include "base/alloc.h"
#include "base/pool.h"
#include "tree/trainer.h"

enum { CHUNK = 16384, BLOCK = 256 };

typedef struct {
  const neap_trainer *t;
  const neap__tree *tree;
  const neap__set *s;
  const neap__route *route;
  const uint8_t *bin;
  const int32_t *row;
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

/* What the tree gives a row of the set in that leaf. */
static double value_of(const score_job *job, int32_t leaf, int64_t row) {
  return job->tree->linear ? neap__lines_value(job->tree, leaf, &job->s->x, row)
                           : job->tree->leaf_value[leaf];
}

/* Scores of rows begin to end of job->bin, which are rows job->row[i] of the set (NULL: i). */
static neap_status score_routed(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const score_job *job = ctx;
  int64_t width = job->t->bins.used;
  int32_t leaf[BLOCK];
  for (int64_t i = begin; i < end; i += BLOCK) {
    int64_t n = end - i < BLOCK ? end - i : BLOCK;
    neap__route_rows(job->route, job->bin + i * width, width, n, leaf);
    for (int64_t k = 0; k < n; k++) {
      int64_t row = job->row ? job->row[i + k] : i + k;
      job->scores[row] += value_of(job, leaf[k], row);
    }
  }
  return NEAP_OK;
}

static double *sums_of(const neap__set *s, int64_t column) {
  return (s->sums ? s->sums : s->scores) + column * s->rows;
}

/* Rows that the tree was not grown on: those outside the sample, which lie behind the others in the
 * grid, and all of validation sets. */
static neap_status add_routed(neap_trainer *t, int64_t column, score_job *job) {
  int64_t grown = neap__grower_grown(t->grower);
  job->bin = t->bins.grid + grown * t->bins.used;
  job->row = t->bins.row + grown;
  NEAP_TRY(neap_parallel_for(t->set[0].rows - grown, CHUNK, score_routed, job));
  job->row = NULL;
  for (int i = 1; i < t->sets; i++) {
    job->s = &t->set[i];
    job->bin = t->set[i].bin;
    job->scores = sums_of(&t->set[i], column);
    NEAP_TRY(neap_parallel_for(t->set[i].rows, CHUNK, score_routed, job));
  }
  return NEAP_OK;
}

neap_status neap__scores_add(neap_trainer *t, int64_t column, const neap__tree *tree) {
  int64_t grown = neap__grower_grown(t->grower);
  score_job job = {.t = t, .tree = tree, .s = &t->set[0], .scores = sums_of(&t->set[0], column)};
  NEAP_TRY(neap_parallel_for(grown, CHUNK, score_grown, &job));
  if (grown == t->set[0].rows && t->sets == 1) return NEAP_OK;
  neap__route *route = neap__route_new(t->grower);
  if (!route) return NEAP_ENOMEM;
  job.route = route;
  neap_status st = add_routed(t, column, &job);
  neap_free(route);
  return st;
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
