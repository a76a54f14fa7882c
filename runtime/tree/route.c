/* The way of rows of bins through a tree that was grown. A fork holds which bins go left as bits,
 * whatever the kind of its feature; a leaf is a fork that leads to itself, so that eight rows walk
 * side by side without a branch, each at its own depth, until none of them moves. */
#include <string.h>

#include "base/alloc.h"
#include "tree/grower.h"

enum { LANES = 8 };

typedef struct {
  uint64_t left[4]; /* bit v: bin v goes left */
  int32_t feature, next[2];
} fork;

struct neap__route {
  int32_t nodes, leaves; /* forks [0, nodes) are nodes, leaf l is fork nodes + l */
  fork fork[];
};

static int32_t fork_of(const neap__route *r, int32_t child) {
  return child >= 0 ? child : r->nodes + ~child;
}

static void set_node(neap__route *r, const neap__grower *g, int32_t node) {
  const neap__split *s = &g->leaves[g->split[node]].best;
  uint8_t goes_left[256];
  fork *f = &r->fork[node];
  neap__split_table(s, &g->b->feature[s->feature], goes_left);
  for (int v = 0; v < 256; v++) f->left[v / 64] |= (uint64_t)(goes_left[v] != 0) << (v % 64);
  f->feature = s->feature;
  f->next[0] = fork_of(r, g->left[node]);
  f->next[1] = fork_of(r, g->right[node]);
}

neap__route *neap__route_new(const neap__grower *g) {
  int64_t forks = 2 * (int64_t)g->count - 1;
  neap__route *r = neap_calloc_array(sizeof *r + (size_t)forks * sizeof(fork), 1);
  if (!r) return NULL;
  r->nodes = g->count - 1;
  r->leaves = g->count;
  for (int32_t k = 0; k < r->nodes; k++) set_node(r, g, k);
  for (int32_t i = r->nodes; i < forks; i++) r->fork[i].next[0] = r->fork[i].next[1] = i;
  return r;
}

static inline int32_t follow(const neap__route *r, int32_t at, const uint8_t *bin) {
  const fork *f = &r->fork[at];
  uint8_t v = bin[f->feature];
  return f->next[!(f->left[v / 64] >> (v % 64) & 1)];
}

void neap__route_rows(const neap__route *r, const uint8_t *bin, int64_t width, int64_t n,
                      int32_t *leaf) {
  for (int64_t i = 0; i < n; i += LANES) {
    const uint8_t *row[LANES];
    int32_t at[LANES] = {0}, moved = 1;
    for (int64_t j = 0; j < LANES; j++) row[j] = bin + (i + j < n ? i + j : n - 1) * width;
    while (moved) {
      moved = 0;
      for (int j = 0; j < LANES; j++) {
        int32_t to = follow(r, at[j], row[j]);
        moved |= to ^ at[j];
        at[j] = to;
      }
    }
    for (int64_t j = 0; j < LANES && i + j < n; j++) leaf[i + j] = at[j] - r->nodes;
  }
}
