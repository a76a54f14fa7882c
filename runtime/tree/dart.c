/* DART (Vinayak and Gilad-Bachrach 2015) as in LightGBM: before a tree is grown some of those there
 * are leave the scores; afterwards they come back smaller, so that old and new share the work of
 * the dropped ones. With k of them dropped the new tree counts r / (1 + k) and they k / (1 + k) of
 * before; XGBoost's way is r / (r + k) and k / (r + k), r being the learning rate. The start value
 * in the leaves of the first trees is never dropped. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "tree/trainer.h"

enum { CHUNK = 4096 };

void neap__dart_drop(neap__dart *d) {
  for (int64_t i = 0; i < d->routes; i++) neap_free(d->route[i]);
  neap_free(d->route);
  neap_free(d->weight);
  neap_free(d->dropped);
}

/* choosing ------------------------------------------------------------------------------------- */

/* Room for one more iteration. */
static neap_status make_room(neap_trainer *t) {
  neap__dart *d = &t->dart;
  if (d->made < d->room) return NEAP_OK;
  int64_t room = d->room ? 2 * d->room : 64;
  neap__route **route = neap_realloc_array(d->route, room * t->columns, sizeof(neap__route *));
  if (route) d->route = route;
  double *weight = neap_realloc_array(d->weight, room, sizeof *weight);
  if (weight) d->weight = weight;
  int64_t *dropped = neap_realloc_array(d->dropped, room, sizeof *dropped);
  if (dropped) d->dropped = dropped;
  if (!route || !weight || !dropped) return NEAP_ENOMEM;
  d->room = room;
  return NEAP_OK;
}

/* Which iterations of this run are dropped: each with the chance drop_rate, in proportion to its
 * weight unless uniform_drop. */
static void choose(neap_trainer *t) {
  neap__dart *d = &t->dart;
  const neap_gbdt_options *o = &t->o;
  neap_rng rng = neap__draws(t, o->drop_seed, "drop", d->first + d->made);
  double rate = o->drop_rate, most = o->max_drop > 0 ? (double)o->max_drop : HUGE_VAL, sum = 0;
  d->count = 0;
  if (d->made == 0 || neap_rng_uniform_at(&rng, 0) < o->skip_drop) return;
  for (int64_t i = 0; i < d->made; i++) sum += d->weight[i];
  double inverse = o->uniform_drop ? 1 : (double)d->made / sum;
  rate = fmin(rate, most / (double)d->made * (o->uniform_drop ? 1 : inverse * inverse));
  for (int64_t i = 0; i < d->made && (double)d->count < most; i++) {
    double chance = o->uniform_drop ? rate : rate * d->weight[i] * inverse;
    if (neap_rng_uniform_at(&rng, (uint64_t)i + 1) < chance) d->dropped[d->count++] = i;
  }
}

/* scores --------------------------------------------------------------------------------------- */

typedef struct {
  const neap_trainer *t;
  const uint8_t *bin;
  const int32_t *row; /* the row of the set that a row of bin is; NULL: the same */
  double *scores;
  int64_t rows;
  double factor;
} dart_job;

/* The start value is no part of what is dropped. */
static double base_of(const neap_trainer *t, int64_t tree) {
  return tree < t->columns ? t->start[tree] : 0;
}

static neap_status add_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const dart_job *job = ctx;
  const neap_trainer *t = job->t;
  const neap__dart *d = &t->dart;
  int64_t width = t->bins.used;
  int32_t leaf[CHUNK];
  for (int64_t j = 0; j < d->count * t->columns; j++) {
    int64_t column = j % t->columns, i = d->dropped[j / t->columns] * t->columns + column;
    int64_t tree = d->first * t->columns + i;
    const neap__tree *m = t->model->tree[tree];
    double base = base_of(t, tree), *scores = job->scores + column * job->rows;
    neap__route_rows(d->route[i], job->bin + begin * width, width, end - begin, leaf);
    for (int64_t r = begin; r < end; r++)
      scores[job->row ? job->row[r] : r] += job->factor * (m->leaf_value[leaf[r - begin]] - base);
  }
  return NEAP_OK;
}

/* scores of a set += factor times the dropped trees. */
static neap_status add_dropped(neap_trainer *t, int set, double factor) {
  neap__set *s = &t->set[set];
  dart_job job = {.t = t, .bin = s->bin, .scores = s->scores, .rows = s->rows, .factor = factor};
  if (set == 0) job.bin = t->bins.grid, job.row = t->bins.row;
  return t->dart.count ? neap_parallel_for(s->rows, CHUNK, add_chunk, &job) : NEAP_OK;
}

static void scale_tree(neap_trainer *t, int64_t number, double factor) {
  neap__tree *tree = t->model->tree[number];
  double base = base_of(t, number);
  for (int32_t l = 0; l < tree->leaves; l++)
    tree->leaf_value[l] = base + factor * (tree->leaf_value[l] - base);
  for (int32_t k = 0; k < tree->leaves - 1; k++)
    tree->internal_value[k] = base + factor * (tree->internal_value[k] - base);
  if (number >= t->columns) tree->shrinkage *= factor; /* that of the first trees stays 1 */
}

neap_status neap__dart_begin(neap_trainer *t) {
  neap__dart *d = &t->dart;
  if (d->made == 0) d->first = neap_trainer_iterations(t);
  NEAP_TRY(make_room(t));
  choose(t);
  double k = (double)d->count, rate = t->o.learning_rate;
  t->rate = rate / ((t->o.xgboost_dart_mode && d->count ? rate : 1) + k);
  return add_dropped(t, 0, -1);
}

neap_status neap__dart_keep(neap_trainer *t) {
  neap__dart *d = &t->dart;
  neap__route *r = neap__route_new(t->grower);
  if (!r) return NEAP_ENOMEM;
  d->route[d->routes++] = r;
  return NEAP_OK;
}

neap_status neap__dart_end(neap_trainer *t, bool grew) {
  neap__dart *d = &t->dart;
  double k = (double)d->count, rate = t->o.xgboost_dart_mode ? t->o.learning_rate : 1;
  double factor = grew ? k / (rate + k) : 1;
  for (int i = 0; i < t->sets; i++) NEAP_TRY(add_dropped(t, i, i ? factor - 1 : factor));
  while (!grew && d->routes > d->made * t->columns) neap_free(d->route[--d->routes]);
  if (!grew) return NEAP_OK;
  for (int64_t j = 0; j < d->count * t->columns; j++) {
    int64_t tree = (d->first + d->dropped[j / t->columns]) * t->columns + j % t->columns;
    scale_tree(t, tree, factor);
  }
  for (int64_t j = 0; j < d->count; j++) d->weight[d->dropped[j]] *= factor;
  d->weight[d->made++] = t->rate;
  return NEAP_OK;
}
