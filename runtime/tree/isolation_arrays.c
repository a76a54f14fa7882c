/* Isolation forests in memory, and as arrays, which files hold. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "tree/isolation_model.h"

neap_isolation *neap__isolation_new(int64_t trees, int64_t columns, int64_t samples,
                                    int64_t width) {
  neap_isolation *m = neap_calloc_array(1, sizeof *m);
  if (!m) return NULL;
  *m = (neap_isolation){trees, columns, samples, width, neap_calloc_array(trees, sizeof *m->tree)};
  if (m->tree) return m;
  neap_free(m);
  return NULL;
}

neap_status neap__isolation_room(neap__isolation_tree *t, int64_t nodes, int64_t width) {
  t->node = neap_calloc_array(nodes, sizeof *t->node);
  t->height = neap_calloc_array(nodes, sizeof *t->height);
  if (width) t->plane = neap_calloc_array(nodes * width, sizeof *t->plane);
  return t->node && t->height && (t->plane || !width) ? NEAP_OK : NEAP_ENOMEM;
}

void neap_isolation_free(neap_isolation *m) {
  if (!m) return;
  for (int64_t t = 0; t < m->trees; t++) {
    neap_free(m->tree[t].node);
    neap_free(m->tree[t].height);
    neap_free(m->tree[t].plane);
  }
  neap_free(m->tree);
  neap_free(m);
}

int64_t neap_isolation_columns(const neap_isolation *m) { return m->columns; }
int64_t neap_isolation_trees(const neap_isolation *m) { return m->trees; }
int64_t neap_isolation_samples(const neap_isolation *m) { return m->samples; }
int64_t neap_isolation_width(const neap_isolation *m) { return m->width; }

/* writing -------------------------------------------------------------------------------------- */

void neap_isolation_write(const neap_isolation *m, neap_isolation_arrays *a) {
  a->trees = m->trees;
  a->columns = m->columns;
  a->samples = m->samples;
  a->width = m->width;
  a->nodes = 0;
  for (int64_t t = 0; t < m->trees; t++) a->nodes += m->tree[t].nodes;
  if (!a->tree_nodes) return;
  int64_t at = 0;
  for (int64_t t = 0; t < m->trees; t++) {
    const neap__isolation_tree *tree = &m->tree[t];
    a->tree_nodes[t] = tree->nodes;
    for (int32_t i = 0; i < tree->nodes; i++, at++) {
      const neap__isolation_node *n = &tree->node[i];
      bool leaf = n->child == i;
      a->left[at] = leaf ? 0 : n->child;
      a->height[at] = leaf ? tree->height[i] : 0;
      if (!m->width) {
        a->feature[at] = n->asks >> 1;
        a->threshold[at] = leaf ? 0 : n->threshold;
        a->missing_left[at] = !leaf && n->asks & 1;
      }
      for (int64_t k = 0; k < m->width; k++) {
        const neap__isolation_plane *p = &tree->plane[i * m->width + k];
        a->feature[at * m->width + k] = p->feature;
        a->normal[at * m->width + k] = p->normal;
        a->centre[at * m->width + k] = p->centre;
      }
    }
  }
}

/* reading -------------------------------------------------------------------------------------- */

static neap_status broken(const char *what, int64_t tree) {
  return neap_fail(NEAP_EFORMAT, "isolation.load: %s in tree %lld", what, (long long)tree + 1);
}

static bool is_finite(double v) { return fabs(v) < HUGE_VAL; }

static neap_status read_cut(const neap_isolation *m, neap__isolation_tree *t,
                            const neap_isolation_arrays *a, int64_t at, int32_t i, int64_t tree) {
  int64_t width = m->width ? m->width : 1;
  for (int64_t k = 0; k < width; k++)
    if (a->feature[at * width + k] < 0 || a->feature[at * width + k] >= m->columns)
      return broken("an unknown feature", tree);
  if (!m->width) {
    if (!is_finite(a->threshold[at])) return broken("a threshold that is not finite", tree);
    t->node[i] = (neap__isolation_node){a->threshold[at], a->left[at],
                                        2 * a->feature[at] + (a->missing_left[at] != 0)};
    return NEAP_OK;
  }
  t->node[i].child = a->left[at];
  for (int64_t k = 0; k < width; k++) {
    int64_t from = at * width + k;
    if (!is_finite(a->normal[from]) || !is_finite(a->centre[from]))
      return broken("a plane that is not finite", tree);
    t->plane[i * width + k] =
        (neap__isolation_plane){a->normal[from], a->centre[from], a->feature[from]};
  }
  return NEAP_OK;
}

/* depth[node] holds the depth of nodes that are somebody's child, -1 of others. */
static neap_status read_tree(const neap_isolation *m, const neap_isolation_arrays *a, int64_t tree,
                             int64_t begin, int32_t *depth) {
  neap__isolation_tree *t = &m->tree[tree];
  for (int32_t i = 0; i < t->nodes; i++) depth[i] = i == 0 ? 0 : -1;
  for (int32_t i = 0; i < t->nodes; i++) {
    int64_t at = begin + i;
    int32_t left = a->left[at];
    if (depth[i] < 0) return broken("a node without parent", tree);
    t->depth = depth[i] > t->depth ? depth[i] : t->depth;
    if (left == 0) {
      neap__isolation_end(t, i, m->width);
      t->height[i] = a->height[at];
      if (!(t->height[i] >= 0 && t->height[i] < 1e9)) return broken("an impossible height", tree);
      continue;
    }
    if (left <= i || left >= t->nodes - 1 || depth[left] >= 0 || depth[left + 1] >= 0)
      return broken("an impossible child", tree);
    depth[left] = depth[left + 1] = depth[i] + 1;
    NEAP_TRY(read_cut(m, t, a, at, i, tree));
  }
  return NEAP_OK;
}

neap_status neap_isolation_read(neap_isolation **out, const neap_isolation_arrays *a) {
  *out = NULL;
  if (a->trees < 1 || a->columns < 1 || a->columns > NEAP__ISOLATION_COLUMNS || a->samples < 2 ||
      a->width < 0 || a->width > a->columns)
    return neap_fail(
        NEAP_EFORMAT, "isolation.load: %lld trees, %lld columns, %lld samples, planes of %lld",
        (long long)a->trees, (long long)a->columns, (long long)a->samples, (long long)a->width);
  neap_isolation *m = neap__isolation_new(a->trees, a->columns, a->samples, a->width);
  int32_t *depth = neap_alloc_array(a->nodes + 1, sizeof *depth);
  neap_status st = m && depth ? NEAP_OK : NEAP_ENOMEM;
  int64_t begin = 0;
  for (int64_t t = 0; !st && t < a->trees; t++) {
    int64_t n = a->tree_nodes[t];
    if (n < 1 || n > a->nodes - begin || n > INT32_MAX / 2) {
      st = broken("a wrong number of nodes", t);
      break;
    }
    m->tree[t].nodes = (int32_t)n;
    st = neap__isolation_room(&m->tree[t], n, m->width);
    if (!st) st = read_tree(m, a, t, begin, depth);
    begin += n;
  }
  if (!st && begin != a->nodes)
    st = neap_fail(NEAP_EFORMAT, "isolation.load: %lld nodes, expected %lld", (long long)a->nodes,
                   (long long)begin);
  neap_free(depth);
  if (st) neap_isolation_free(m);
  else *out = m;
  return st;
}
