/* shap_walk.h — inside the module: a tree made ready for Shapley values, and the walk over it.
 *
 * Eight rows walk together, one per lane. A slot holds for each point and lane the product of the
 * factors (z (1 - t) + o t) on the way down to a node, and on the way back the sum of that over the
 * leaves below, each times its value and the weight of the point. Slot 2 d + side belongs to the
 * child on that side of the node at depth d - 1, slot 0 to the root. */
#ifndef NEAP_TREE_SHAP_WALK_H
#define NEAP_TREE_SHAP_WALK_H

#include "tree/model.h"

enum { NEAP__LANES = 8 };

/* Rows of the coefficients of a node, each one number per point. An edge is hot for a row that
 * passes all splits on its feature down to it; z is the edge's product of ratios, z' that of the
 * last edge above on the same feature. */
enum {
  NEAP__SHAP_STEP,   /* t / (z' (1 - t) + t): what a hot factor gains in going down */
  NEAP__SHAP_ABOVE,  /* (1 - z') / (z' (1 - t) + t) */
  NEAP__SHAP_LEFT,   /* (1 - z) / (z (1 - t) + t) of the left edge */
  NEAP__SHAP_RIGHT,  /* the same of the right one */
  NEAP__SHAP_GIVES,  /* left child: 1, or for a leaf value times weight of the point */
  NEAP__SHAP_GIVES2, /* right child */
  NEAP__SHAP_ROWS,
};

typedef struct {
  double threshold, share[2]; /* ratio of the rows that go left, right */
  double above, below[2];     /* z', and z of the two edges */
  int32_t feature, node;      /* node: number in the tree */
  int32_t slot, before;       /* before: slot of the last edge on this feature, 0 for none */
  int32_t leaf[2];            /* leaf on that side, -1 for a node */
  int32_t first, others;      /* interactions: the features above, in tree->other */
  bool plain, missing_left;   /* plain: v <= threshold, NaN to missing_left */
} neap__shap_node;

/* A feature above a node: the slot of its last edge, and where that edge's row of coefficients
 * starts. */
typedef struct {
  int32_t feature, slot;
  int64_t coefficients;
} neap__shap_other;

typedef struct {
  const neap__tree *tree;
  int64_t points, features;
  int32_t nodes, depth, *visit; /* visit[2 * nodes]: i on entering node i, ~i on leaving it */
  neap__shap_node *node;        /* in the order of entering */
  double *coefficients;         /* [nodes][NEAP__SHAP_ROWS][points] */
  double *cold;                 /* [points]: 1 / (1 - t) */
  neap__shap_other *other;
  double expected; /* value when nothing is known */
} neap__shap_tree;

/* Room for one walk. slot[2 * (depth + 1)][points][8], hot[2 * (depth + 1)][8],
 * left[depth][8], sum[points][8]. */
typedef struct {
  double *slot, *hot, *left, *sum;
} neap__shap_room;

/* Make t ready; others: also for interactions. Freed by neap__shap_tree_drop, also on failure. */
neap_status neap__shap_tree_init(neap__shap_tree *s, const neap__tree *t, int64_t features,
                                 bool others);
void neap__shap_tree_drop(neap__shap_tree *s);

/* Room to walk s; dropping what is all zero is fine. */
neap_status neap__shap_room_init(neap__shap_room *r, const neap__shap_tree *s);
void neap__shap_room_drop(neap__shap_room *r);

/* NEAP_EVALUE when the counts and weights of the tree give no ratios; which is its
 * number, what the caller. */
neap_status neap__shap_check(const char *what, const neap__tree *t, int64_t which);

/* x[features][8] -> phi[features][8] +=, and pairs[features][features][8] += 2 Phi (k, i) for k
 * below i in the tree (NULL: not wanted). */
typedef void (*neap__shap_walk)(const neap__shap_tree *s, const double *x, neap__shap_room *room,
                                double *phi, double *pairs);

/* The walk of instruction set i, as neap_kern_at: scalar first, NULL past the last that this
 * processor can run. */
neap__shap_walk neap__shap_walk_at(int i);

/* That of the set that kern runs on. */
neap_status neap__shap_walk_select(neap__shap_walk *out);

#endif
