/* Forests as arrays, which files hold. Bins are not stored: the thresholds that occur on a feature
 * are cuts of their own, and rows fall on the same sides of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "tree/forest_model.h"

/* writing -------------------------------------------------------------------------------------- */

static void measure(const neap_forest *m, neap_forest_arrays *a) {
  a->trees = m->trees;
  a->features = m->bins.columns;
  a->classes = m->classes;
  a->labels = m->labels;
  a->importance = m->importance;
  a->nodes = a->leaves = a->values = 0;
  for (int64_t t = 0; t < m->trees; t++) {
    a->nodes += m->tree[t].nodes;
    a->leaves += m->tree[t].leaves;
    a->values += m->tree[t].values;
  }
}

static void write_node(const neap_forest *m, const neap__forest_node *n, neap_forest_arrays *a,
                       int64_t at) {
  bool leaf = n->child < 0;
  const neap__feature *f = leaf ? NULL : &m->bins.feature[n->feature];
  a->feature[at] = leaf ? -1 : f->input;
  a->left[at] = leaf ? ~n->child : n->child;
  a->threshold[at] = leaf ? NAN : f->bound[(uint8_t)(n->bin - n->shift)];
  a->missing_left[at] = !leaf && n->shift != 0;
}

void neap_forest_write(const neap_forest *m, neap_forest_arrays *a) {
  measure(m, a);
  if (!a->tree_nodes) return;
  int64_t node = 0, leaf = 0, value = 0, k = neap__forest_outputs(m);
  for (int64_t t = 0; t < m->trees; t++) {
    const neap__forest_tree *tree = &m->tree[t];
    a->tree_nodes[t] = tree->nodes;
    for (int32_t i = 0; i < tree->nodes; i++) write_node(m, &tree->node[i], a, node++);
    for (int32_t i = 0; i < tree->nodes; i++)
      if (tree->node[i].child < 0)
        a->leaf_class[leaf + ~tree->node[i].child] = neap__forest_class(tree->node[i]);
    leaf += tree->leaves;
    if (tree->values)
      memcpy(a->value + value * k, tree->value, (size_t)(tree->values * k) * sizeof(double));
    value += tree->values;
  }
}

/* reading -------------------------------------------------------------------------------------- */

static neap_status broken(const char *what, int64_t tree) {
  return neap_fail(NEAP_EFORMAT, "forest.load: %s in tree %lld", what, (long long)tree + 1);
}

static int by_value(const void *a, const void *b) {
  double u = *(const double *)a, v = *(const double *)b;
  return (u > v) - (u < v);
}

/* The different thresholds of a feature become its bounds. */
static neap_status bounds_of(neap_forest *m, int64_t column, double *v, int64_t n) {
  int64_t k = 0;
  qsort(v, (size_t)n, sizeof *v, by_value);
  for (int64_t i = 0; i < n; i++)
    if (i == 0 || v[i] != v[i - 1]) v[k++] = v[i];
  if (k >= NEAP__MAX_BINS)
    return neap_fail(NEAP_EFORMAT, "forest.load: feature %lld has %lld thresholds, at most %d",
                     (long long)column + 1, (long long)k, NEAP__MAX_BINS - 1);
  neap__feature *f = &m->bins.feature[m->bins.used];
  f->input = (int32_t)column;
  f->bound = m->bins.bounds + 256 * m->bins.used++;
  f->bins = (int32_t)k + 1;
  for (int64_t i = 0; i < 256; i++) f->bound[i] = i < k ? v[i] : INFINITY;
  return NEAP_OK;
}

/* place[column] = its number among the features in use. */
static neap_status read_bounds(neap_forest *m, const neap_forest_arrays *a, int32_t *place) {
  int64_t *begin = neap_calloc_array(a->features + 2, sizeof *begin);
  double *v = neap_alloc_array(a->nodes + 1, sizeof *v);
  neap_status st = begin && v ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = 0; !st && i < a->nodes; i++)
    if (a->feature[i] >= 0) begin[a->feature[i] + 2]++;
  for (int64_t c = 0; !st && c <= a->features; c++) begin[c + 1] += begin[c];
  for (int64_t i = 0; !st && i < a->nodes; i++)
    if (a->feature[i] >= 0) v[begin[a->feature[i] + 1]++] = a->threshold[i];
  for (int64_t c = 0; !st && c < a->features; c++) {
    place[c] = m->bins.used;
    if (begin[c + 1] > begin[c]) st = bounds_of(m, c, v + begin[c], begin[c + 1] - begin[c]);
  }
  neap_free(v);
  neap_free(begin);
  return st;
}

/* The bin of a threshold, which is one of the bounds. */
static int32_t bin_of(const neap__feature *f, double threshold) {
  int32_t low = 0, high = f->bins - 1;
  while (low < high) {
    int32_t middle = (low + high) / 2;
    if (f->bound[middle] < threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}

enum { CHILD = 1, LEAF = 2 };

/* A node of a tree: children stand behind their parent, nobody is the child of two or the same leaf
 * as another. With the right number of nodes and leaves that makes it a tree. */
static neap_status read_node(neap_forest *m, const neap_forest_arrays *a, int64_t tree,
                             const int32_t *place, int64_t i, int64_t at, int64_t leaves,
                             uint8_t *met) {
  neap__forest_tree *t = &m->tree[tree];
  int32_t column = a->feature[at], left = a->left[at];
  if (column < 0) {
    if (left < 0 || left >= t->leaves || met[left] & LEAF)
      return broken("an impossible leaf", tree);
    met[left] |= LEAF;
    int32_t class = a->leaf_class[leaves + left];
    if (class < -1 || class >= m->classes) return broken("a leaf of an unknown class", tree);
    t->node[i] = neap__forest_leaf(left, class);
    return NEAP_OK;
  }
  if (left <= i || left + 1 >= t->nodes || (met[left] | met[left + 1]) & CHILD)
    return broken("an impossible child", tree);
  met[left] |= CHILD;
  met[left + 1] |= CHILD;
  const neap__feature *f = &m->bins.feature[place[column]];
  uint8_t shift = neap__forest_shift(f->bins, a->missing_left[at]);
  int32_t bin = bin_of(f, a->threshold[at]) + shift;
  t->node[i] = (neap__forest_node){left, (uint16_t)place[column], (uint8_t)bin, shift};
  return NEAP_OK;
}

static neap_status read_tree(neap_forest *m, const neap_forest_arrays *a, int64_t tree,
                             const int32_t *place, int64_t begin, int64_t leaves) {
  neap__forest_tree *t = &m->tree[tree];
  int64_t n = a->tree_nodes[tree];
  t->nodes = t->node_room = (int32_t)n;
  t->leaves = t->leaf_room = (int32_t)(n + 1) / 2;
  t->node = neap_alloc_array(n, sizeof *t->node);
  t->row = neap_alloc_array(t->leaves, sizeof *t->row);
  if (!t->node || !t->row) return NEAP_ENOMEM;
  uint8_t *met = neap_calloc_array(n, sizeof *met);
  if (!met) return NEAP_ENOMEM;
  neap_status st = NEAP_OK;
  for (int64_t i = 0; !st && i < n; i++)
    st = read_node(m, a, tree, place, i, begin + i, leaves, met);
  neap_free(met);
  return st;
}

/* The rows of values of a tree's leaves. */
static neap_status read_leaves(neap_forest *m, const neap_forest_arrays *a, int64_t tree,
                               int64_t *leaf, int64_t *value) {
  neap__forest_tree *t = &m->tree[tree];
  int64_t k = neap__forest_outputs(m);
  for (int32_t i = 0; i < t->leaves; i++)
    t->row[i] = a->leaf_class[*leaf + i] < 0 ? t->values++ : -1;
  *leaf += t->leaves;
  if (t->values > a->values - *value) return broken("a leaf without value", tree);
  t->value = neap_alloc_array(t->values * k + 1, sizeof *t->value);
  if (!t->value) return NEAP_ENOMEM;
  for (int64_t i = 0; i < t->values * k; i++) {
    t->value[i] = a->value[*value * k + i];
    if (!(fabs(t->value[i]) < HUGE_VAL)) return broken("a value that is not finite", tree);
  }
  *value += t->values;
  return NEAP_OK;
}

static neap_status check_sizes(const neap_forest_arrays *a) {
  int64_t nodes = 0, leaves = 0;
  if (a->trees < 1 || a->features < 1 || a->features > NEAP__FOREST_FEATURES ||
      a->classes > NEAP__FOREST_CLASSES || a->classes == 1)
    return neap_fail(NEAP_EFORMAT, "forest.load: %lld trees, %lld features, %lld classes",
                     (long long)a->trees, (long long)a->features, (long long)a->classes);
  for (int64_t t = 0; t < a->trees; t++) {
    int64_t n = a->tree_nodes[t];
    if (n < 1 || n % 2 == 0 || n > a->nodes - nodes) return broken("a wrong number of nodes", t);
    nodes += n;
    leaves += (n + 1) / 2;
  }
  for (int64_t c = 0; c < a->features; c++)
    if (!(a->importance[c] >= 0 && a->importance[c] <= 1))
      return neap_fail(NEAP_EFORMAT, "forest.load: importance of feature %lld is %g",
                       (long long)c + 1, a->importance[c]);
  for (int64_t k = 0; k < a->classes; k++)
    if (k > 0 && a->labels[k] <= a->labels[k - 1])
      return neap_fail(NEAP_EFORMAT, "forest.load: the labels do not rise");
  if (nodes != a->nodes || leaves != a->leaves)
    return neap_fail(
        NEAP_EFORMAT, "forest.load: %lld nodes and %lld leaves, expected %lld and %lld",
        (long long)a->nodes, (long long)a->leaves, (long long)nodes, (long long)leaves);
  return NEAP_OK;
}

static neap_status make_room(neap_forest *m, const neap_forest_arrays *a) {
  m->tree = neap_calloc_array(a->trees, sizeof *m->tree);
  m->importance = neap_alloc_array(a->features, sizeof *m->importance);
  m->bins.feature = neap_calloc_array(a->features, sizeof *m->bins.feature);
  m->bins.bounds = neap_alloc_array(a->features * 256, sizeof *m->bins.bounds);
  m->labels = neap_alloc_array(a->classes + 1, sizeof *m->labels);
  if (!m->tree || !m->importance || !m->bins.feature || !m->bins.bounds || !m->labels)
    return NEAP_ENOMEM;
  m->trees = a->trees;
  m->classes = a->classes;
  m->bins.columns = a->features;
  memcpy(m->importance, a->importance, (size_t)a->features * sizeof *m->importance);
  if (a->classes) memcpy(m->labels, a->labels, (size_t)a->classes * sizeof *m->labels);
  return NEAP_OK;
}

neap_status neap_forest_read(neap_forest **out, const neap_forest_arrays *a) {
  *out = NULL;
  NEAP_TRY(check_sizes(a));
  for (int64_t i = 0; i < a->nodes; i++)
    if (a->feature[i] < -1 || a->feature[i] >= a->features ||
        (a->feature[i] >= 0 && isnan(a->threshold[i])))
      return neap_fail(NEAP_EFORMAT, "forest.load: node %lld cuts feature %ld at %g",
                       (long long)i + 1, (long)a->feature[i] + 1, a->threshold[i]);
  neap_forest *m = neap_calloc_array(1, sizeof *m);
  int32_t *place = neap_alloc_array(a->features, sizeof *place);
  neap_status st = m && place ? make_room(m, a) : NEAP_ENOMEM;
  if (!st) st = read_bounds(m, a, place);
  int64_t node = 0, leaf = 0, value = 0;
  for (int64_t t = 0; !st && t < a->trees; t++) {
    st = read_tree(m, a, t, place, node, leaf);
    if (!st) st = read_leaves(m, a, t, &leaf, &value);
    node += a->tree_nodes[t];
  }
  if (!st && value != a->values)
    st = neap_fail(NEAP_EFORMAT, "forest.load: %lld rows of values, expected %lld",
                   (long long)a->values, (long long)value);
  neap_free(place);
  if (st) neap_forest_free(m);
  else *out = m;
  return st;
}
