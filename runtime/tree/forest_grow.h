/* forest_grow.h — inside the module: growing one tree of a forest. */
#ifndef NEAP_TREE_FOREST_GROW_H
#define NEAP_TREE_FOREST_GROW_H

#include "base/rng.h"
#include "tree/forest_model.h"

/* A drawn row: its weight times the number of draws, and its value, or the number of its class. */
typedef struct {
  double w, y;
} neap__forest_row;

/* What all trees share. */
typedef struct {
  const neap__bins *bins;
  const neap_forest_options *o;
  int64_t classes; /* 0: regression */
  double offset;   /* taken off all y of a regression */
} neap__forest_job;

typedef struct neap__forest_grower neap__forest_grower;

/* Scratch for trees of at most that many rows; one tree at a time. */
neap_status neap__forest_grower_new(neap__forest_grower **out, const neap__forest_job *job,
                                    int64_t rows);
void neap__forest_grower_free(neap__forest_grower *g); /* NULL is fine */

/* Where the caller puts the rows of the next tree, in rising order, none of weight 0. */
int32_t *neap__forest_grower_rows(neap__forest_grower *g);
neap__forest_row *neap__forest_grower_at(neap__forest_grower *g);

/* Grow a tree on the first count of them. importance[columns of x] grows by the decrease in
 * impurity of each cut. */
neap_status neap__forest_grow(neap__forest_grower *g, int64_t count, neap_rng rng,
                              neap__forest_tree *t, double *importance);

#endif
