/* outline.h — trees to look at: their nodes as columns, and the way of one row. Numbers count from
 * 0; a node's own number is that of LightGBM's text, splits and leaves apart. */
#ifndef NEAP_TREE_OUTLINE_H
#define NEAP_TREE_OUTLINE_H

#include "tree/tree.h"

/* Columns of whole numbers and of real ones, in the order that neap_gbdt_nodes writes them. */
typedef enum {
  NEAP_NODE_TREE,
  NEAP_NODE_PLACE, /* in the tree: from the root down, left before right */
  NEAP_NODE_DEPTH,
  NEAP_NODE_PARENT, /* places; -1 where there is none */
  NEAP_NODE_LEFT,
  NEAP_NODE_RIGHT,
  NEAP_NODE_NUMBER,  /* of the split or leaf */
  NEAP_NODE_FEATURE, /* -1 for a leaf */
  NEAP_NODE_TEST,    /* 0: leaf, 1: v <= threshold goes left, 2: v in a set of categories */
  NEAP_NODE_MISSING, /* side of NaN: 0: leaf, 1: left, 2: right */
  NEAP_NODE_COUNT,   /* training rows */
  NEAP_NODE_WHOLES,
} neap_node_whole;

typedef enum {
  NEAP_NODE_THRESHOLD, /* NaN for a leaf or a set */
  NEAP_NODE_GAIN,      /* NaN for a leaf */
  NEAP_NODE_VALUE,
  NEAP_NODE_WEIGHT,
  NEAP_NODE_REALS,
} neap_node_real;

/* Nodes, leaves included, of the trees first <= t < last. */
int64_t neap_gbdt_node_count(const neap_gbdt *m, int64_t first, int64_t last);

/* whole[NEAP_NODE_WHOLES][n] and real[NEAP_NODE_REALS][n] for these n nodes. */
neap_status neap_gbdt_nodes(const neap_gbdt *m, int64_t first, int64_t last, int64_t *whole,
                            double *real);

/* Categories that go left at a split with a set; codes[n] may be NULL to ask for n first. */
int64_t neap_gbdt_categories(const neap_gbdt *m, int64_t tree, int64_t split, int64_t *codes);

/* The splits that a row of neap_gbdt_features doubles passes and whether it goes left there, and
 * the number of the leaf; arrays of neap_gbdt_leaves. Returns the number of splits. */
int64_t neap_gbdt_path(const neap_gbdt *m, int64_t tree, const double *row, int32_t *split,
                       bool *left, int64_t *leaf);

/* used[features]: whether a split or a linear leaf asks for the feature. */
void neap_gbdt_used(const neap_gbdt *m, bool *used);

/* For each tree what it gives the row, and the mean of its leaves over the training rows (NaN where
 * a file holds neither counts nor weights). */
void neap_gbdt_tree_values(const neap_gbdt *m, const double *row, double *value, double *mean);

#endif
