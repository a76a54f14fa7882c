/* isolation_model.h — inside the module: an isolation forest in memory. */
#ifndef NEAP_TREE_ISOLATION_MODEL_H
#define NEAP_TREE_ISOLATION_MODEL_H

#include "tree/isolation.h"
#include "tree/model.h"

/* A leaf is its own child, and nothing is right of it. */
typedef struct {
  double threshold;
  int32_t child;
  int32_t asks; /* 2 * feature, + 1 when NaN goes left */
} neap__isolation_node;

enum { NEAP__ISOLATION_COLUMNS = 1 << 30 };

/* One coordinate of a hyperplane. */
typedef struct {
  double normal, centre;
  int32_t feature;
} neap__isolation_plane;

typedef struct {
  neap__isolation_node *node;
  neap__isolation_plane *plane; /* [nodes x width] */
  double *height;               /* of leaves */
  int32_t nodes, depth;
} neap__isolation_tree;

struct neap_isolation {
  int64_t trees, columns, samples, width;
  neap__isolation_tree *tree;
};

static inline bool neap__isolation_right(const neap__isolation_node *n, double v) {
  return (v > n->threshold) | ((v != v) & !(n->asks & 1));
}

static inline bool neap__isolation_beyond(const neap__isolation_plane *p, int64_t width,
                                          const double *row) {
  double sum = 0;
  for (int64_t k = 0; k < width; k++) {
    double v = p[k].normal * (row[p[k].feature] - p[k].centre);
    sum += row[p[k].feature] == row[p[k].feature] ? v : 0;
  }
  return !(sum <= 0);
}

/* Make a node a leaf, its plane empty. */
static inline void neap__isolation_end(neap__isolation_tree *t, int32_t node, int64_t width) {
  t->node[node] = (neap__isolation_node){HUGE_VAL, node, 1};
  for (int64_t k = 0; k < width; k++) t->plane[node * width + k] = (neap__isolation_plane){0};
}

/* A model whose trees have no nodes yet; NULL when memory runs out. */
neap_isolation *neap__isolation_new(int64_t trees, int64_t columns, int64_t samples, int64_t width);

/* Room for so many nodes. */
neap_status neap__isolation_room(neap__isolation_tree *t, int64_t nodes, int64_t width);

#endif
