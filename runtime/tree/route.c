/* The way of rows of bins through a tree that was grown. */
#include <string.h>

#include "base/alloc.h"
#include "tree/grower.h"

/* The decisions of a tree on bins, for as long as the trainer may walk it again. */
struct neap__route {
  int32_t nodes;
  int32_t *left, *right;
  neap__split *split;
};

neap__route *neap__route_new(const neap__grower *g) {
  size_t nodes = (size_t)(g->count - 1);
  size_t bytes = sizeof(neap__route) + nodes * (sizeof(neap__split) + 2 * sizeof(int32_t));
  neap__route *r = neap_alloc(bytes + 64);
  if (!r) return NULL;
  r->nodes = (int32_t)nodes;
  r->split = (neap__split *)(void *)((char *)r + (sizeof *r + 63) / 64 * 64);
  r->left = (int32_t *)(void *)(r->split + nodes);
  r->right = r->left + nodes;
  memcpy(r->left, g->left, nodes * sizeof *r->left);
  memcpy(r->right, g->right, nodes * sizeof *r->right);
  for (size_t k = 0; k < nodes; k++) r->split[k] = g->leaves[g->split[k]].best;
  return r;
}

int32_t neap__route_leaf(const neap__route *r, const neap__bins *b, const uint8_t *bin) {
  int32_t at = r->nodes > 0 ? 0 : -1;
  while (at >= 0) {
    const neap__split *s = &r->split[at];
    bool left = neap__split_left(s, &b->feature[s->feature], bin[s->feature]);
    at = left ? r->left[at] : r->right[at];
  }
  return ~at;
}
