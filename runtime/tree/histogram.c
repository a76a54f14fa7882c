/* Histograms: a pool of them, and summing one on one thread or on all. */
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "tree/grower.h"

enum {
  CHUNK = 16384, /* rows summed by one task */
  CELLS = 4096,  /* cells merged by one task */
};

neap_status neap__histogram_acquire(neap__grower *g, neap__cell **out) {
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

static void clear(const neap__grower *g, neap__cell *h) {
  memset(h, 0, (size_t)g->b->cells * sizeof *h);
}

static void subtract(int32_t n, neap__cell *from, const neap__cell *what) {
  for (int32_t i = 0; i < n; i++) from[i] -= what[i];
}

typedef struct {
  neap__grower *g;
  int64_t begin;           /* first row of the grid */
  neap__cell *into, *from; /* from (may be NULL) -= into once it is complete */
} sum_job;

static neap_status sum_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const sum_job *job = ctx;
  neap__grower *g = job->g;
  int thread = neap_worker();
  neap__cell *h = g->scratch + (int64_t)thread * g->b->cells;
  if (!g->touched[thread]) clear(g, h);
  g->touched[thread] = true;
  g->loops->histogram_add(g->b, g->pairs, g->s->shift, job->begin + begin, job->begin + end, g->use,
                          g->used, h);
  return NEAP_OK;
}

static neap_status merge_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const sum_job *job = ctx;
  const neap__grower *g = job->g;
  for (int64_t i = begin; i < end; i++) {
    neap__cell sum = {0, 0};
    for (int t = 0; t < g->threads; t++)
      if (g->touched[t]) sum += g->scratch[(int64_t)t * g->b->cells + i];
    job->into[i] = sum;
    if (job->from) job->from[i] -= sum;
  }
  return NEAP_OK;
}

static neap_status ready_scratch(neap__grower *g) {
  int threads = neap_threads();
  if (g->threads < threads) {
    neap_free(g->scratch);
    neap_free(g->touched);
    g->threads = 0;
    g->scratch = neap_alloc_array((int64_t)threads * g->b->cells, sizeof *g->scratch);
    g->touched = neap_alloc_array(threads, sizeof *g->touched);
    if (!g->scratch || !g->touched) return NEAP_ENOMEM;
    g->threads = threads;
  }
  memset(g->touched, 0, (size_t)g->threads * sizeof *g->touched);
  return NEAP_OK;
}

neap_status neap__histogram_sum_parallel(neap__grower *g, int64_t begin, int64_t end,
                                         neap__cell *into, neap__cell *from) {
  sum_job job = {.g = g, .begin = begin, .into = into, .from = from};
  NEAP_TRY(ready_scratch(g));
  NEAP_TRY(neap_parallel_for(end - begin, CHUNK, sum_chunk, &job));
  return neap_parallel_for(g->b->cells, CELLS, merge_chunk, &job);
}

void neap__histogram_sum(neap__grower *g, int64_t begin, int64_t end, neap__cell *into,
                         neap__cell *from) {
  clear(g, into);
  g->loops->histogram_add(g->b, g->pairs, g->s->shift, begin, end, g->use, g->used, into);
  if (from) subtract(g->b->cells, from, into);
}
