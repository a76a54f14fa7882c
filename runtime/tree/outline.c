#include "tree/outline.h"

#include <math.h>

#include "base/alloc.h"
#include "tree/model.h"

int64_t neap_gbdt_node_count(const neap_gbdt *m, int64_t first, int64_t last) {
  int64_t n = 0;
  for (int64_t t = first; t < last; t++) n += 2 * (int64_t)m->tree[t]->leaves - 1;
  return n;
}

/* columns -------------------------------------------------------------------------------------- */

/* A node that waits for its place: child as in the tree, -1 - leaf for leaves. */
typedef struct {
  int32_t child;
  int64_t parent, depth;
} waiting;

typedef struct {
  const neap__tree *t;
  int64_t n, begin; /* columns have n elements, those of this tree from begin on */
  int64_t *whole;
  double *real;
} outline;

static int64_t *whole_at(const outline *o, neap_node_whole column, int64_t place) {
  return o->whole + (int64_t)column * o->n + o->begin + place;
}

static double *real_at(const outline *o, neap_node_real column, int64_t place) {
  return o->real + (int64_t)column * o->n + o->begin + place;
}

static void set_leaf(const outline *o, int32_t leaf, int64_t place) {
  *whole_at(o, NEAP_NODE_NUMBER, place) = leaf;
  *whole_at(o, NEAP_NODE_FEATURE, place) = -1;
  *whole_at(o, NEAP_NODE_TEST, place) = 0;
  *whole_at(o, NEAP_NODE_MISSING, place) = 0;
  *whole_at(o, NEAP_NODE_COUNT, place) = o->t->leaf_count[leaf];
  *real_at(o, NEAP_NODE_THRESHOLD, place) = NAN;
  *real_at(o, NEAP_NODE_GAIN, place) = NAN;
  *real_at(o, NEAP_NODE_VALUE, place) = o->t->leaf_value[leaf];
  *real_at(o, NEAP_NODE_WEIGHT, place) = o->t->leaf_weight[leaf];
}

static void set_split(const outline *o, int32_t k, int64_t place) {
  bool set = (o->t->decision[k] & NEAP__CATEGORICAL) != 0;
  *whole_at(o, NEAP_NODE_NUMBER, place) = k;
  *whole_at(o, NEAP_NODE_FEATURE, place) = o->t->feature[k];
  *whole_at(o, NEAP_NODE_TEST, place) = set ? 2 : 1;
  *whole_at(o, NEAP_NODE_MISSING, place) = neap__tree_goes_left(o->t, k, NAN) ? 1 : 2;
  *whole_at(o, NEAP_NODE_COUNT, place) = o->t->internal_count[k];
  *real_at(o, NEAP_NODE_THRESHOLD, place) = set ? NAN : o->t->threshold[k];
  *real_at(o, NEAP_NODE_GAIN, place) = o->t->gain[k];
  *real_at(o, NEAP_NODE_VALUE, place) = o->t->internal_value[k];
  *real_at(o, NEAP_NODE_WEIGHT, place) = o->t->internal_weight[k];
}

static void place_node(const outline *o, const waiting *w, int64_t tree, int64_t place) {
  *whole_at(o, NEAP_NODE_TREE, place) = tree;
  *whole_at(o, NEAP_NODE_PLACE, place) = place;
  *whole_at(o, NEAP_NODE_DEPTH, place) = w->depth;
  *whole_at(o, NEAP_NODE_PARENT, place) = w->parent;
  *whole_at(o, NEAP_NODE_LEFT, place) = *whole_at(o, NEAP_NODE_RIGHT, place) = -1;
  if (w->child < 0) set_leaf(o, ~w->child, place);
  else set_split(o, w->child, place);
  if (w->parent < 0) return;
  bool left = w->parent == place - 1; /* the left child follows its parent */
  *whole_at(o, left ? NEAP_NODE_LEFT : NEAP_NODE_RIGHT, w->parent) = place;
}

/* stack holds as many as the tree has leaves. */
static void outline_tree(const outline *o, int64_t tree, waiting *stack) {
  const neap__tree *t = o->t;
  int64_t waits = 1;
  stack[0] = (waiting){.child = t->leaves > 1 ? 0 : -1, .parent = -1};
  for (int64_t place = 0; waits > 0; place++) {
    waiting w = stack[--waits];
    place_node(o, &w, tree, place);
    if (w.child < 0) continue;
    stack[waits++] = (waiting){t->right[w.child], place, w.depth + 1};
    stack[waits++] = (waiting){t->left[w.child], place, w.depth + 1};
  }
}

neap_status neap_gbdt_nodes(const neap_gbdt *m, int64_t first, int64_t last, int64_t *whole,
                            double *real) {
  outline o = {.n = neap_gbdt_node_count(m, first, last), .whole = whole, .real = real};
  int64_t most = 1;
  for (int64_t t = first; t < last; t++)
    if (m->tree[t]->leaves > most) most = m->tree[t]->leaves;
  waiting *stack = neap_alloc_array(most, sizeof *stack);
  if (!stack) return NEAP_ENOMEM;
  for (int64_t t = first; t < last; t++) {
    o.t = m->tree[t];
    outline_tree(&o, t, stack);
    o.begin += 2 * (int64_t)o.t->leaves - 1;
  }
  neap_free(stack);
  return NEAP_OK;
}

/* one node, one row ---------------------------------------------------------------------------- */

int64_t neap_gbdt_categories(const neap_gbdt *m, int64_t tree, int64_t split, int64_t *codes) {
  const neap__tree *t = m->tree[tree];
  if (!(t->decision[split] & NEAP__CATEGORICAL)) return 0;
  int32_t which = (int32_t)t->threshold[split], begin = t->cat_boundary[which];
  int64_t n = 0, bits = 32 * (int64_t)(t->cat_boundary[which + 1] - begin);
  for (int64_t code = 0; code < bits; code++) {
    if (!(t->cat_bits[begin + code / 32] >> (code % 32) & 1)) continue;
    if (codes) codes[n] = code;
    n++;
  }
  return n;
}

int64_t neap_gbdt_path(const neap_gbdt *m, int64_t tree, const double *row, int32_t *split,
                       bool *left, int64_t *leaf) {
  const neap__tree *t = m->tree[tree];
  int32_t at = t->leaves > 1 ? 0 : -1;
  int64_t n = 0;
  for (; at >= 0; n++) {
    split[n] = at;
    left[n] = neap__tree_goes_left(t, at, row[t->feature[at]]);
    at = left[n] ? t->left[at] : t->right[at];
  }
  *leaf = ~at;
  return n;
}

void neap_gbdt_used(const neap_gbdt *m, bool *used) {
  for (int64_t f = 0; f < m->features; f++) used[f] = false;
  for (int64_t i = 0; i < m->trees; i++) {
    const neap__tree *t = m->tree[i];
    for (int32_t k = 0; k < t->leaves - 1; k++) used[t->feature[k]] = true;
    for (int32_t k = 0; k < t->coefficients; k++) used[t->leaf_feature[k]] = true;
  }
}

static double mean_of(const neap__tree *t) {
  double sum = 0, total = 0, by_weight = 0, weight = 0;
  for (int32_t l = 0; l < t->leaves; l++) {
    sum += t->leaf_value[l] * (double)t->leaf_count[l];
    total += (double)t->leaf_count[l];
    by_weight += t->leaf_value[l] * t->leaf_weight[l];
    weight += t->leaf_weight[l];
  }
  if (t->leaves == 1) return t->leaf_value[0];
  return total > 0 ? sum / total : by_weight / weight;
}

void neap_gbdt_tree_values(const neap_gbdt *m, const double *row, double *value, double *mean) {
  for (int64_t i = 0; i < m->trees; i++) {
    const neap__tree *t = m->tree[i];
    value[i] = neap__tree_value(t, neap__tree_leaf(t, row), row);
    mean[i] = mean_of(t);
  }
}
