/* grower.h — inside the module: the state of one tree being grown, shared by the files that grow
 * it.
 *
 * histogram.c sums and keeps histograms, rows.c moves the rows of leaves together, search.c finds
 * the best split of leaves, grow.c decides which leaf is split next and commits the tree. */
#ifndef NEAP_TREE_GROWER_H
#define NEAP_TREE_GROWER_H

#include "tree/engine.h"

enum { NEAP__BATCH = 8 }; /* leaves opened together */

typedef struct {
  int64_t begin, count; /* its rows of the grid */
  int32_t depth;
  int32_t parent;   /* -1: none */
  int32_t child[2]; /* leaves it was opened into; -1 before */
  double output;    /* its value, without learning rate */
  neap__cell total;
  neap__cell *histogram; /* NULL when it can not be split or was opened */
  neap__split best;
} neap__leaf;

struct neap__grower {
  neap__bins *b;
  neap__scale scale, *s; /* s = &scale */
  const neap__loops *loops;
  neap__split_rule rule;
  int64_t num_leaves, max_depth;
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

/* A histogram to fill, from the pool; and giving it back (NULL is fine). */
neap_status neap__histogram_acquire(neap__grower *g, neap__cell **out);
void neap__histogram_release(neap__grower *g, neap__cell **h);

/* into = sum over the grid's rows begin <= i < end; from (may be NULL) -= into. On all threads, or
 * on the calling one, which may be a worker. */
neap_status neap__histogram_sum_parallel(neap__grower *g, int64_t begin, int64_t end,
                                         neap__cell *into, neap__cell *from);
void neap__histogram_sum(neap__grower *g, int64_t begin, int64_t end, neap__cell *into,
                         neap__cell *from);

/* Partition the rows of p by its best split: on all threads, or on the calling one, which gives the
 * same order. */
neap_status neap__rows_partition_parallel(neap__grower *g, const neap__leaf *p);
void neap__rows_partition(neap__grower *g, const neap__leaf *p);

/* How many words of bits and how many pieces large leaves need for that many rows. */
int64_t neap__rows_words(int64_t rows);
int64_t neap__rows_pieces(int64_t rows);

/* Bring the rows of the bag (NULL: all) to the front of the grid; sets g->grown. */
void neap__rows_bag(neap__grower *g, const uint8_t *bag);

/* Whether p may be split at all. */
bool neap__can_split(const neap__grower *g, const neap__leaf *p);

/* Find the best split of n leaves, at most 2 * NEAP__BATCH; those that may not or can not be split
 * give up their histogram. */
neap_status neap__search(neap__grower *g, const int32_t *leaves, int64_t n);

#endif
