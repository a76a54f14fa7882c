/* Symmetric trees: all leaves of a level are split by the same feature at the same cut, the one
 * that gains most over all of them (the oblivious trees of CatBoost: Prokhorenkova et al. 2018). A
 * leaf that the cut would leave a side with too few rows or hessians stays whole, gains nothing by
 * it, and is there again on the next level. The result is an ordinary tree. */
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "tree/grower.h"

typedef struct {
  double gain;
  int32_t bin;
  bool missing_left;
} level_cut;

typedef struct {
  const neap__grower *g;
  level_cut *best; /* [used] */
} level_job;

/* The leaves of the tree that may be split. */
static const neap__leaf *leaf_of(const neap__grower *g, int32_t number) {
  const neap__leaf *p = &g->leaves[g->current[number]];
  return p->histogram ? p : NULL;
}

/* Add to gain[side][bin] what leaf p gains by the cuts of f, missing values on the right (0) or on
 * the left (1); seen[] tells which cuts split some leaf. */
static void add_leaf(const neap__grower *g, const neap__leaf *p, const neap__feature *f,
                     double gain[2][NEAP__MAX_BINS], bool seen[2][NEAP__MAX_BINS]) {
  const neap__cell *h = p->histogram + f->offset;
  neap__whole w = neap__leaf_whole(g, p);
  for (int side = 0; side < 1 + f->missing; side++) {
    neap__cell left = {0, 0};
    if (side) left = h[f->bins];
    for (int32_t b = 0; b < f->bins - side; b++) {
      left += h[b];
      if (!neap__side_enough(left, &w) || !neap__side_enough(w.total - left, &w)) continue;
      gain[side][b] += neap__cut_gain(&w, left, 0, 0);
      seen[side][b] = true;
    }
  }
}

static neap_status weigh_feature(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)begin;
  (void)end;
  const level_job *job = ctx;
  const neap__grower *g = job->g;
  const neap__feature *f = &g->b->feature[g->use ? g->use[chunk] : chunk];
  double gain[2][NEAP__MAX_BINS] = {{0}};
  bool seen[2][NEAP__MAX_BINS] = {{0}};
  for (int32_t number = 0; number < g->count; number++)
    if (leaf_of(g, number)) add_leaf(g, leaf_of(g, number), f, gain, seen);
  level_cut *best = &job->best[chunk];
  *best = (level_cut){.gain = g->rule.min_gain};
  for (int side = 0; side < 2; side++)
    for (int32_t b = 0; b < f->bins; b++)
      if (seen[side][b] && gain[side][b] > best->gain)
        *best = (level_cut){gain[side][b], b, side == 1};
  return NEAP_OK;
}

/* What lies left of the cut in leaf p; false when the cut does not split it. */
static bool cut_leaf(const neap__grower *g, neap__leaf *p, const neap__split *cut) {
  const neap__feature *f = &g->b->feature[cut->feature];
  const neap__cell *h = p->histogram + f->offset;
  neap__whole w = neap__leaf_whole(g, p);
  neap__cell left = {0, 0};
  if (f->missing && cut->missing_left) left = h[f->bins];
  for (int32_t b = 0; b <= cut->bin; b++) left += h[b];
  if (!neap__side_enough(left, &w) || !neap__side_enough(w.total - left, &w)) return false;
  p->best = *cut;
  p->best.left = left;
  p->best.gain = neap__cut_gain(&w, left, 0, 0);
  if (!f->missing) p->best.missing_left = 2 * neap__cell_rows(left, g->s) >= p->count;
  return true;
}

neap_status neap__symmetric_level(neap__grower *g, int32_t *numbers, int32_t *count) {
  level_cut *best = neap_alloc_array(g->used + 1, sizeof *best);
  *count = 0;
  if (!best) return NEAP_ENOMEM;
  neap_status st = neap_parallel_for(g->used, 1, weigh_feature, &(level_job){g, best});
  int64_t top = -1;
  for (int64_t k = 0; !st && k < g->used; k++)
    if (best[k].gain > (top < 0 ? g->rule.min_gain : best[top].gain)) top = k;
  if (top >= 0) {
    neap__split cut = {.feature = g->use ? g->use[top] : (int32_t)top,
                       .bin = best[top].bin,
                       .missing_left = best[top].missing_left};
    for (int32_t number = 0; number < g->count; number++) {
      neap__leaf *p = &g->leaves[g->current[number]];
      if (p->histogram && cut_leaf(g, p, &cut)) numbers[(*count)++] = number;
    }
  }
  neap_free(best);
  return st;
}
