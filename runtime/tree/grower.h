/* grower.h — inside the module: the state of one tree being grown, shared by the files that grow
 * it.
 *
 * histogram.c sums and keeps histograms, rows.c moves the rows of leaves together, search.c finds
 * the best split of leaves within the limits of constraint.c, grow.c decides which leaf is split
 * next and commits the tree, symmetric.c splits all leaves of a level as one; route.c follows the
 * finished tree. */
#ifndef NEAP_TREE_GROWER_H
#define NEAP_TREE_GROWER_H

#include "tree/engine.h"

enum {
  NEAP__BATCH = 8,      /* leaves opened together */
  NEAP__POOL = 8 << 20, /* bytes from which leaves give up their histograms */
};

typedef struct {
  int64_t begin, count; /* its rows of the grid */
  int32_t depth;
  int32_t parent;   /* -1: none */
  int32_t child[2]; /* leaves it was opened into; -1 before */
  double output;    /* its value, without learning rate */
  double low, high; /* bounds of the outputs below it */
  uint64_t key;     /* its path, for draws */
  neap__cell total;
  neap__cell *histogram; /* NULL when it can not be split, was opened, or gave it up */
  bool inherits;         /* the histogram is the parent's, less the sibling's once that is summed */
  neap__split best;
} neap__leaf;

/* What limits splits beyond the plain rule; features are those in use. */
typedef struct {
  int8_t *monotone; /* NULL: none */
  double *factor;   /* NULL: 1 */
  bool *together;   /* [groups][features] */
  int64_t groups;
  double node_fraction;
  bool intermediate;
  neap_rng extra, node;
  uint8_t *allowed; /* [2 * NEAP__BATCH][features]; NULL: all are */
} neap__limits;

struct neap__grower {
  neap__bins *b;
  neap__scale scale, *s; /* s = &scale */
  const neap__loops *loops;
  neap__split_rule rule;
  neap__limits limits;
  int64_t num_leaves, max_depth;
  int policy;         /* grow_policy */
  bool renews;        /* leaves, from the gradients as they were before rounding */
  neap__pair *pairs;  /* of the grid's rows */
  int64_t grown;      /* rows of the tree */
  uint64_t *wrong;    /* large leaves: a bit for each row on the wrong side */
  int64_t *piece;     /* and how many there are in each chunk */
  neap__leaf *leaves; /* every leaf ever made in this tree */
  int32_t made, room;
  neap__cell **pool; /* histograms: [0, idle) are free */
  int32_t owned, idle, pool_room;
  neap__cell *scratch; /* one histogram per thread */
  bool *touched;
  neap__narrow *narrow; /* of quantised gradients: one histogram per thread */
  int threads;
  neap__split *found; /* one per (leaf, group of features) */
  int64_t found_room;
  /* the tree as committed */
  int32_t *current;      /* leaf number -> index in leaves */
  int32_t *split;        /* node -> index in leaves */
  int32_t *left, *right; /* node -> node or ~leaf number */
  int32_t *owner;        /* leaf number -> node * 2 + side that points to it */
  int32_t count;
  /* of the call */
  const int32_t *use;
  int32_t used;
};

/* A histogram to fill, from the pool; and giving it back (NULL is fine). When the pool is large
 * enough, the leaf with the smallest gain gives up its own: should it be opened after all, both its
 * children are summed. */
neap_status neap__histogram_acquire(neap__grower *g, neap__cell **out);
void neap__histogram_release(neap__grower *g, neap__cell **h);

/* into = sum over the grid's rows begin <= i < end; from (may be NULL) -= into. */
typedef struct {
  int64_t begin, end;
  neap__cell *into, *from;
} neap__sum;

/* Several sums at once, on all threads. */
neap_status neap__histogram_sums(neap__grower *g, const neap__sum *sums, int64_t n);

/* Partition the rows of p by its best split: on all threads, or on the calling one, which gives the
 * same order. */
neap_status neap__rows_partition_parallel(neap__grower *g, const neap__leaf *p);
void neap__rows_partition(neap__grower *g, const neap__leaf *p);

/* How many words of bits and how many pieces large leaves need for that many rows. */
int64_t neap__rows_words(int64_t rows);
int64_t neap__rows_pieces(int64_t rows);

/* Bring the rows of the bag (NULL: all) to the front of the grid; sets g->grown. */
void neap__rows_bag(neap__grower *g, const uint8_t *bag);

/* The limits that options set, into g->limits and g->rule. */
neap_status neap__limits_open(neap__grower *g, const neap_gbdt_options *o);
void neap__limits_close(neap__limits *l);

/* Output, bounds and key of the first leaf, and of the children of p. */
void neap__limits_root(const neap__grower *g, neap__leaf *p);
void neap__limits_children(const neap__grower *g, const neap__leaf *p, neap__leaf *left,
                           neap__leaf *right);

/* Whether only the leaf that is committed next may be opened, since that changes others. */
static inline bool neap__limits_serial(const neap__grower *g) {
  return g->limits.monotone && g->limits.intermediate;
}

/* To be called after the split of leaf parent is committed: bounds of other leaves become tighter,
 * and those are searched again. */
neap_status neap__limits_committed(neap__grower *g, int32_t parent);

/* The features that leaf p may be split on, number item of a search: 1 or 0 for each; NULL: all. */
const uint8_t *neap__limits_allowed(const neap__grower *g, const neap__leaf *p, int64_t item);

/* A leaf as splits see it. */
neap__whole neap__leaf_whole(const neap__grower *g, const neap__leaf *p);

/* Whether p may be split at all. */
bool neap__can_split(const neap__grower *g, const neap__leaf *p);

/* The split of all leaves of a level: their numbers, count of them, 0 when nothing is gained.
 * Leaves without a histogram are out of it; best of those in it is set. */
neap_status neap__symmetric_level(neap__grower *g, int32_t *numbers, int32_t *count);

/* Find the best split of n leaves, at most 2 * NEAP__BATCH; those that may not or can not be split
 * give up their histogram. */
neap_status neap__search(neap__grower *g, const int32_t *leaves, int64_t n);

#endif
