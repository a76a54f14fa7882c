/* Histograms: a pool of them, and summing them on all threads. */
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "tree/grower.h"

enum {
  LARGE = 1 << 21, /* rows x features from which rows are shared out to threads, not features */
  CHUNK = 16384,   /* rows summed by one task then */
  CELLS = 4096,    /* cells merged by one task */
  GROUP = 32,      /* features summed by one task otherwise, at most */
  NARROW = 4096,   /* quantised rows that are worth emptying narrow cells */
};

/* Let the leaf that is the last to be opened give up its histogram, where there are many. */
static void evict(neap__grower *g) {
  int64_t most = NEAP__POOL / (g->b->cells * (int64_t)sizeof(neap__cell));
  if (g->owned < 4 * NEAP__BATCH || g->owned < most || neap__limits_serial(g)) return;
  neap__leaf *weakest = NULL;
  for (int32_t i = 0; i < g->made; i++) {
    neap__leaf *p = &g->leaves[i];
    if (!p->histogram || p->child[0] >= 0 || !(p->best.gain > 0)) continue;
    if (!weakest || p->best.gain < weakest->best.gain) weakest = p;
  }
  if (weakest) neap__histogram_release(g, &weakest->histogram);
}

neap_status neap__histogram_acquire(neap__grower *g, neap__cell **out) {
  if (g->idle == 0) evict(g);
  if (g->idle == 0) {
    if (g->owned == g->pool_room) {
      int32_t room = g->pool_room ? 2 * g->pool_room : 16;
      neap__cell **pool = neap_realloc_array(g->pool, room, sizeof *pool);
      if (!pool) return NEAP_ENOMEM;
      g->pool = pool;
      g->pool_room = room;
    }
    neap__cell *fresh = neap_alloc_array(g->b->cells, sizeof *fresh);
    if (!fresh) return NEAP_ENOMEM;
    g->pool[g->idle++] = fresh;
    g->owned++;
  }
  *out = g->pool[--g->idle];
  return NEAP_OK;
}

void neap__histogram_release(neap__grower *g, neap__cell **h) {
  if (*h) g->pool[g->idle++] = *h;
  *h = NULL;
}

/* Cells of features first to last. */
static void range(const neap__bins *b, const neap__span *at, int32_t *begin, int32_t *end) {
  *begin = at->first < b->used ? b->offset[at->first] : b->cells;
  *end = at->last < b->used ? b->offset[at->last] : b->cells;
}

/* Rows begin to end of the grid and a stretch of its features. Choosing less than half of them is
 * quicker than summing all. */
static neap__span span_of(const neap__grower *g, int64_t begin, int64_t end, int32_t first,
                          int32_t last) {
  neap__span at = {begin, end, first, last, 0, NULL};
  if (!g->use || 2 * g->used >= g->b->used) return at;
  int32_t k = 0;
  while (k < g->used && g->use[k] < first) k++;
  at.use = g->use + k;
  while (k + at.used < g->used && at.use[at.used] < last) at.used++;
  return at;
}

/* Through narrow cells of the thread, which are emptied before they can overflow. */
static void add_narrow(neap__grower *g, neap__span at, neap__cell *h) {
  neap__narrow *narrow = g->narrow + (int64_t)neap_worker() * g->b->cells;
  int32_t from, to;
  range(g->b, &at, &from, &to);
  for (int64_t end = at.end; at.begin < end; at.begin = at.end) {
    at.end = end - at.begin < NEAP__NARROW_ROWS ? end : at.begin + NEAP__NARROW_ROWS;
    memset(narrow + from, 0, (size_t)(to - from) * sizeof *narrow);
    g->loops->histogram_narrow(g->b, g->pairs, &at, narrow);
    for (int32_t i = from; i < to; i++) h[i] += neap__narrow_cell(narrow[i], g->s->shift);
  }
}

static void add(neap__grower *g, const neap__span *at, neap__cell *h) {
  bool narrow = g->narrow && g->b->even && !at->use && at->end - at->begin >= NARROW;
  if (narrow) add_narrow(g, *at, h);
  else g->loops->histogram_add(g->b, g->pairs, g->s->shift, at, h);
}

/* by features ---------------------------------------------------------------------------------- */

typedef struct {
  neap__grower *g;
  neap__sum sums[2 * NEAP__BATCH];
  int64_t groups; /* of features */
} sum_list;

/* One group of features of one sum: the cells stay close while they are summed and subtracted. */
static neap_status group_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)begin;
  (void)end;
  const sum_list *list = ctx;
  const neap__sum *sum = &list->sums[chunk / list->groups];
  int64_t group = chunk % list->groups, used = list->g->b->used;
  neap__span at = span_of(list->g, sum->begin, sum->end, (int32_t)(group * used / list->groups),
                          (int32_t)((group + 1) * used / list->groups));
  int32_t from, to;
  range(list->g->b, &at, &from, &to);
  memset(sum->into + from, 0, (size_t)(to - from) * sizeof *sum->into);
  add(list->g, &at, sum->into);
  for (int32_t i = from; sum->from && i < to; i++) sum->from[i] -= sum->into[i];
  return NEAP_OK;
}

/* by rows -------------------------------------------------------------------------------------- */

typedef struct {
  neap__grower *g;
  const neap__sum *sum;
} row_job;

static neap_status row_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const row_job *job = ctx;
  neap__grower *g = job->g;
  int thread = neap_worker();
  neap__cell *h = g->scratch + (int64_t)thread * g->b->cells;
  if (!g->touched[thread]) memset(h, 0, (size_t)g->b->cells * sizeof *h);
  g->touched[thread] = true;
  neap__span at = span_of(g, job->sum->begin + begin, job->sum->begin + end, 0, g->b->used);
  add(g, &at, h);
  return NEAP_OK;
}

static neap_status merge_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const row_job *job = ctx;
  const neap__grower *g = job->g;
  for (int64_t i = begin; i < end; i++) {
    neap__cell sum = {0, 0};
    for (int t = 0; t < g->threads; t++)
      if (g->touched[t]) sum += g->scratch[(int64_t)t * g->b->cells + i];
    job->sum->into[i] = sum;
    if (job->sum->from) job->sum->from[i] -= sum;
  }
  return NEAP_OK;
}

static neap_status ready_scratch(neap__grower *g) {
  int threads = neap_threads();
  if (g->threads < threads) {
    neap_free(g->scratch);
    neap_free(g->touched);
    neap_free(g->narrow);
    g->narrow = NULL;
    g->threads = 0;
    g->scratch = neap_alloc_array((int64_t)threads * g->b->cells, sizeof *g->scratch);
    g->touched = neap_alloc_array(threads, sizeof *g->touched);
    if (!g->scratch || !g->touched) return NEAP_ENOMEM;
    if (g->s->levels) {
      g->narrow = neap_alloc_array((int64_t)threads * g->b->cells, sizeof *g->narrow);
      if (!g->narrow) return NEAP_ENOMEM;
    }
    g->threads = threads;
  }
  return NEAP_OK;
}

static neap_status sum_rows(neap__grower *g, const neap__sum *sum) {
  row_job job = {g, sum};
  memset(g->touched, 0, (size_t)g->threads * sizeof *g->touched);
  NEAP_TRY(neap_parallel_for(sum->end - sum->begin, CHUNK, row_chunk, &job));
  return neap_parallel_for(g->b->cells, CELLS, merge_chunk, &job);
}

neap_status neap__histogram_sums(neap__grower *g, const neap__sum *sums, int64_t n) {
  sum_list list = {.g = g, .groups = (g->b->used + GROUP - 1) / GROUP};
  int64_t small = 0;
  NEAP_TRY(ready_scratch(g));
  for (int64_t i = 0; i < n; i++)
    if ((sums[i].end - sums[i].begin) * g->b->used >= LARGE) NEAP_TRY(sum_rows(g, &sums[i]));
    else list.sums[small++] = sums[i];
  return neap_parallel_for(small * list.groups, 1, group_chunk, &list);
}
