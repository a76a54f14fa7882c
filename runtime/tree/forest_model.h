/* forest_model.h — inside the module: a forest in memory. */
#ifndef NEAP_TREE_FOREST_MODEL_H
#define NEAP_TREE_FOREST_MODEL_H

#include "tree/engine.h"
#include "tree/forest.h"

/* A cut: a row whose bin of the feature is b goes to child when (uint8_t)(b + shift) <= bin, else
 * to child + 1. The bin of NaN follows the last one; a shift that brings it round to 0 sends it
 * left. At a leaf child is ~(number of the leaf), and bin and shift hold the number of its only
 * class plus one, low byte first, or 0. */
typedef struct {
  int32_t child;
  uint16_t feature; /* index into bins.feature */
  uint8_t bin, shift;
} neap__forest_node;

/* The shift of a cut on a feature of that many bins. */
static inline uint8_t neap__forest_shift(int32_t bins, bool missing_left) {
  return (uint8_t)(missing_left ? 256 - bins : 0);
}

static inline neap__forest_node neap__forest_leaf(int32_t leaf, int32_t class) {
  return (neap__forest_node){~leaf, 0, (uint8_t)(class + 1), (uint8_t)((class + 1) >> 8)};
}

/* The only class in a leaf, or -1. */
static inline int32_t neap__forest_class(neap__forest_node n) { return (n.bin | n.shift << 8) - 1; }

/* row[leaf] is its row of values, in rising order of leaves; -1 where there is one class only. For
 * regressions every leaf has its own row. */
typedef struct {
  neap__forest_node *node;
  int32_t *row;
  double *value;
  int32_t nodes, leaves, values;            /* in use */
  int32_t node_room, leaf_room, value_room; /* values in rows */
} neap__forest_tree;

void neap__forest_tree_drop(neap__forest_tree *t);

struct neap_forest {
  neap__bins bins; /* without rows: the bounds of the features in use */
  int64_t trees, classes;
  neap__forest_tree *tree;
  int64_t *labels;
  double *importance;
};

static inline int64_t neap__forest_outputs(const neap_forest *m) {
  return m->classes ? m->classes : 1;
}

/* Add what one tree says of rows of bin, cut as b is, to sums[row x max(classes, 1)]: rows lists
 * count of them. */
void neap__forest_add(const neap__forest_tree *t, int64_t classes, const neap__bins *b,
                      const uint8_t *bin, const int32_t *rows, int64_t count, double *sums);

enum { NEAP__FOREST_CLASSES = 1000, NEAP__FOREST_FEATURES = 65535 };

#endif
