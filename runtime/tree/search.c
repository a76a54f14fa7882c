/* The best split of a leaf: its features are searched in groups by all threads, and the winner is
 * the first of the largest gain in the order of the features. */
#include "base/alloc.h"
#include "base/pool.h"
#include "tree/grower.h"

enum { GROUP = 8 }; /* features searched by one task */

bool neap__can_split(const neap__grower *g, const neap__leaf *p) {
  if (g->used == 0 || (g->max_depth > 0 && p->depth >= g->max_depth)) return false;
  return p->count >= 2 * g->rule.min_rows && p->count >= 2 &&
         neap__cell_h(p->total, g->s) >= 2 * g->rule.min_hessian;
}

typedef struct {
  neap__grower *g;
  int32_t item[2 * NEAP__BATCH]; /* leaves to search */
  int64_t groups;                /* of features */
  const uint8_t *allowed[2 * NEAP__BATCH];
} task_list;

static neap_status search_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  task_list *t = ctx;
  neap__grower *g = t->g;
  for (int64_t i = begin; i < end; i++) {
    const neap__leaf *p = &g->leaves[t->item[i / t->groups]];
    const uint8_t *allowed = t->allowed[i / t->groups];
    neap__whole w = neap__leaf_whole(g, p);
    int64_t k = i % t->groups * GROUP;
    neap__split *best = &g->found[i];
    *best = (neap__split){.gain = 0, .feature = -1};
    for (int64_t stop = k + GROUP < g->used ? k + GROUP : g->used; k < stop; k++) {
      int32_t index = g->use ? g->use[k] : (int32_t)k;
      const neap__feature *f = &g->b->feature[index];
      if (!allowed || allowed[index])
        neap__split_find(g->loops, f, index, p->histogram + f->offset, &w, best);
    }
  }
  return NEAP_OK;
}

static neap_status ready_found(neap__grower *g, int64_t n) {
  if (n <= g->found_room) return NEAP_OK;
  neap_free(g->found);
  g->found_room = 0;
  g->found = neap_alloc_array(n, sizeof *g->found);
  if (!g->found) return NEAP_ENOMEM;
  g->found_room = n;
  return NEAP_OK;
}

neap_status neap__search(neap__grower *g, const int32_t *leaves, int64_t n) {
  task_list t = {.g = g, .groups = (g->used + GROUP - 1) / GROUP};
  int64_t items = 0;
  for (int64_t i = 0; i < n; i++) {
    neap__leaf *p = &g->leaves[leaves[i]];
    if (p->histogram && neap__can_split(g, p)) t.item[items++] = leaves[i];
    else neap__histogram_release(g, &p->histogram);
  }
  for (int64_t i = 0; i < items; i++)
    t.allowed[i] = neap__limits_allowed(g, &g->leaves[t.item[i]], i);
  NEAP_TRY(ready_found(g, t.groups * 2 * NEAP__BATCH));
  NEAP_TRY(neap_parallel_for(items * t.groups, 1, search_chunk, &t));
  for (int64_t i = 0; i < items; i++) {
    neap__leaf *p = &g->leaves[t.item[i]];
    for (int64_t k = 0; k < t.groups; k++)
      if (g->found[i * t.groups + k].gain > p->best.gain) p->best = g->found[i * t.groups + k];
    if (!(p->best.gain > 0)) neap__histogram_release(g, &p->histogram);
  }
  return NEAP_OK;
}
