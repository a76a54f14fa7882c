/* forest.h — random forests on binned features.
 *
 * Every tree is grown on its own draw of rows, and every node looks for the best cut among features
 * drawn anew; what the trees say is averaged (Breiman, Random Forests, 2001). Features are cut into
 * at most 255 bins, as for boosting, and a node of few rows sorts its bins instead of filling
 * histograms: most nodes of a forest are small. One tree is one task, whose random numbers depend
 * on the seed and the number of the tree only, so a forest has the same bits at any number of
 * threads.
 *
 *   neap_forester *f;
 *   neap_forester_open(&f, &options, &x, y, NULL, NULL);
 *   neap_forester_grow(f, 100);                  as often as progress is to be shown
 *   neap_forester_finish(f, &forest);            immutable and shared freely
 *   neap_forest_predict(forest, &x, NEAP_FOREST_PROBABILITY, out);
 *
 * NaN is a missing value: a cut learns the side that lowers the impurity most, or takes the side of
 * the larger weight when no value was missing in the node. Infinities are ordinary values. Row and
 * column numbers are 0-based here. */
#ifndef NEAP_TREE_FOREST_H
#define NEAP_TREE_FOREST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "tensor/tensor.h"

typedef struct neap_forest neap_forest;
typedef struct neap_forester neap_forester;

typedef enum {
  NEAP_CRITERION_GINI,    /* 1 - sum of squared class shares */
  NEAP_CRITERION_ENTROPY, /* - sum of share * log(share) */
  NEAP_CRITERION_SQUARED, /* variance: regression */
} neap_criterion;

typedef struct {
  neap_criterion criterion;
  int64_t trees;
  int64_t max_depth;                           /* <= 0: no limit */
  int64_t min_samples_split, min_samples_leaf; /* different rows, however often drawn */
  int64_t max_features; /* looked at in a node; more while all are constant */
  int64_t max_samples;  /* rows drawn for a tree, with replacement */
  int64_t block_length; /* of consecutive rows drawn together */
  int64_t max_bin;
  double min_impurity_decrease;
  bool bootstrap;          /* false: every tree has all rows */
  bool balanced_subsample; /* classes of a draw weigh the same */
  bool oob;                /* remember what rows a tree has not seen */
  uint64_t seed;
} neap_forest_options;

/* training ------------------------------------------------------------------------------------- */

/* Start a forest on x (rows by features, f64 or f32), labels or values y, row weights (NULL: all 1)
 * and chances of being drawn (NULL: equal), all borrowed for the call. Rows of weight 0 are never
 * learned from. Class labels may be any integers. */
neap_status neap_forester_open(neap_forester **out, const neap_forest_options *o,
                               const neap_tensor *x, const double *y, const double *weights,
                               const double *chances);

/* Grow up to count more trees, no more than the options ask for; after a failure (interrupt
 * included) the forester can only be freed. */
neap_status neap_forester_grow(neap_forester *f, int64_t count);

int64_t neap_forester_trees(const neap_forester *f); /* grown so far */

/* What trees say of rows they have not seen: out[rows x max(classes, 1)], NaN for a row that all
 * trees have seen. Only with the option oob. */
neap_status neap_forester_oob(const neap_forester *f, double *out);

/* Columns of neap_forester_oob, and rows. */
int64_t neap_forester_width(const neap_forester *f);
int64_t neap_forester_rows(const neap_forester *f);

/* The forest of the trees grown so far; the forester can only be freed after that. */
neap_status neap_forester_finish(neap_forester *f, neap_forest **out);

void neap_forester_free(neap_forester *f); /* NULL is fine */

/* forests -------------------------------------------------------------------------------------- */

typedef enum {
  NEAP_FOREST_PROBABILITY, /* N x classes: the mean of the shares in the leaves */
  NEAP_FOREST_VALUE,       /* N: the label of the largest probability (the first of equals), or the
                              mean value */
  NEAP_FOREST_LEAF,        /* N x trees: number of the leaf in its tree, from 0 */
} neap_forest_kind;

int64_t neap_forest_width(const neap_forest *m, neap_forest_kind kind);

/* out[N x width]; a row's result does not depend on the others. Thread-safe. */
neap_status neap_forest_predict(const neap_forest *m, const neap_tensor *x, neap_forest_kind kind,
                                double *out);

/* out[n x m] = share of trees in which row i of a and row j of b reach the same leaf (Breiman's
 * proximity). */
neap_status neap_forest_proximity(const neap_forest *m, const neap_tensor *a, const neap_tensor *b,
                                  double *out);

int64_t neap_forest_features(const neap_forest *m);
int64_t neap_forest_trees(const neap_forest *m);
int64_t neap_forest_leaves(const neap_forest *m); /* of all trees */

/* Labels in rising order; *count is 0 for regressions. */
const int64_t *neap_forest_classes(const neap_forest *m, int64_t *count);

/* Mean decrease in impurity of each feature: shares of a tree's total, averaged over the trees that
 * split, with sum 1 (all 0 when none did). */
const double *neap_forest_importance(const neap_forest *m);

void neap_forest_free(neap_forest *m); /* NULL is fine */

/* The arrays of a forest for files. Nodes of a tree follow each other, the root first; the children
 * of a cut are left and left + 1, numbered within the tree; a row goes left if its value is <=
 * threshold, or if it is NaN and missing_left is set. feature is -1 at leaves, whose left counts
 * the leaves of the tree. leaf_class of a leaf is the number of its only class from 0, or -1, then
 * the next row of value (of max(classes, 1) numbers) is its own. */
typedef struct {
  int64_t trees, features, classes, nodes, leaves, values;
  int64_t *tree_nodes; /* [trees] */
  int32_t *feature, *left;
  double *threshold;
  uint8_t *missing_left;
  int32_t *leaf_class;
  double *value;
  const int64_t *labels;    /* [classes] */
  const double *importance; /* [features] */
} neap_forest_arrays;

/* Sizes of the arrays; with pointers set it fills them. */
void neap_forest_write(const neap_forest *m, neap_forest_arrays *a);

/* A forest from arrays, which are borrowed. NEAP_EFORMAT on anything that no forest has, such as
 * more than 254 thresholds of a feature. */
neap_status neap_forest_read(neap_forest **out, const neap_forest_arrays *a);

#endif
