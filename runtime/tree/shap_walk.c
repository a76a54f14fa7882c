/* The walk of shap_walk.h, compiled once per instruction set. Loops over the eight lanes have no
 * branches and no fused multiply-add, so all give the same bits. */
#include <math.h>
#include <string.h>

#include "tree/shap_walk.h"

enum { LANES = NEAP__LANES };

/* left[j] = whether row j goes left at the node: 1 or 0. */
static void decide(const neap__shap_tree *s, const neap__shap_node *n, const double *x,
                   double *left) {
  const double *v = x + (int64_t)n->feature * LANES;
  if (n->plain) {
    double missing = n->missing_left;
    for (int j = 0; j < LANES; j++)
      left[j] = v[j] != v[j] ? missing : v[j] <= n->threshold ? 1.0 : 0.0;
  } else
    for (int j = 0; j < LANES; j++) left[j] = neap__tree_goes_left(s->tree, n->node, v[j]);
}

static double *slot_of(const neap__shap_tree *s, const neap__shap_room *r, int64_t slot) {
  return r->slot + slot * s->points * LANES;
}

/* Products of the children from the product of the node. A factor that was cold stays so and takes
 * the ratio; a hot one is parted into what stays with both and what only the row's side has. */
static void enter(const neap__shap_tree *s, const neap__shap_node *n, const double *c,
                  const double *x, const neap__shap_room *r) {
  int64_t points = s->points, depth = n->slot / 2, child = 2 * depth + 2;
  double *left = r->left + depth * LANES, *hot_left = r->hot + child * LANES;
  const double *hot = r->hot + (int64_t)n->before * LANES;
  const double *step = c + NEAP__SHAP_STEP * points, *gives = c + NEAP__SHAP_GIVES * points;
  const double *own = slot_of(s, r, n->slot);
  double *a = slot_of(s, r, child), *b = a + points * LANES;
  decide(s, n, x, left);
  for (int j = 0; j < LANES; j++) {
    hot_left[j] = hot[j] * left[j];
    hot_left[LANES + j] = hot[j] - hot_left[j];
  }
  for (int64_t q = 0; q < points; q++)
    for (int j = 0; j < LANES; j++) {
      double p = own[q * LANES + j], only = p * (hot[j] * step[q]), both = p - only;
      double mine = left[j] * only;
      a[q * LANES + j] = (n->share[0] * both + mine) * gives[q];
      b[q * LANES + j] = (n->share[1] * both + (only - mine)) * gives[points + q];
    }
}

/* Sums of the node from those of its children; sum[q] receives what the node's feature gains by its
 * edges: on the row's side (1 - z) / f1, on the other -1 / (1 - t), less what the edge above on the
 * same feature had counted; nothing where that one is cold. */
static void leave(const neap__shap_tree *s, const neap__shap_node *n, const double *c,
                  const neap__shap_room *r) {
  int64_t points = s->points, depth = n->slot / 2;
  const double *left = r->left + depth * LANES, *hot = r->hot + (int64_t)n->before * LANES;
  const double *above = c + NEAP__SHAP_ABOVE * points, *la = c + NEAP__SHAP_LEFT * points;
  const double *lb = c + NEAP__SHAP_RIGHT * points, *cold = s->cold;
  const double *a = slot_of(s, r, 2 * depth + 2), *b = a + points * LANES;
  double *own = slot_of(s, r, n->slot), *sum = r->sum;
  for (int64_t q = 0; q < points; q++)
    for (int j = 0; j < LANES; j++) {
      double u = a[q * LANES + j], v = b[q * LANES + j], both = u + v;
      double u_hot = left[j] * u, v_cold = left[j] * v;
      double gain = la[q] * u_hot + lb[q] * (v - v_cold);
      own[q * LANES + j] = both;
      sum[q * LANES + j] = hot[j] * (gain - cold[q] * ((u - u_hot) + v_cold) - above[q] * both);
    }
}

/* pairs(feature of n, i) += the sum times what each feature i above has: (o - z) / (factor). */
static void pair_up(const neap__shap_tree *s, const neap__shap_node *n, const neap__shap_room *r,
                    double *pairs) {
  double *row = pairs + (int64_t)n->feature * s->features * LANES;
  for (int32_t i = n->first; i < n->first + n->others; i++) {
    const neap__shap_other *o = &s->other[i];
    const double *has = s->coefficients + o->coefficients;
    const double *hot = r->hot + (int64_t)o->slot * LANES;
    double *out = row + (int64_t)o->feature * LANES;
    for (int64_t q = 0; q < s->points; q++)
      for (int j = 0; j < LANES; j++)
        out[j] += r->sum[q * LANES + j] * (hot[j] * (has[q] + s->cold[q]) - s->cold[q]);
  }
}

static void walk(const neap__shap_tree *s, const double *x, neap__shap_room *r, double *phi,
                 double *pairs) {
  int64_t points = s->points;
  for (int64_t i = 0; i < points * LANES; i++) r->slot[i] = 1;
  for (int64_t j = 0; j < LANES; j++) r->hot[j] = 1;
  for (int64_t i = 0; i < 2 * (int64_t)s->nodes; i++) {
    int32_t at = s->visit[i] >= 0 ? s->visit[i] : ~s->visit[i];
    const neap__shap_node *n = &s->node[at];
    const double *c = s->coefficients + at * NEAP__SHAP_ROWS * points;
    if (s->visit[i] >= 0) {
      enter(s, n, c, x, r);
      continue;
    }
    leave(s, n, c, r);
    double *out = phi + (int64_t)n->feature * LANES;
    for (int64_t q = 0; q < points; q++)
      for (int j = 0; j < LANES; j++) out[j] += r->sum[q * LANES + j];
    if (pairs) pair_up(s, n, r, pairs);
  }
}

#define JOIN(isa) neap__shap_walk_##isa
#define NAME(isa) JOIN(isa)

extern const neap__shap_walk NAME(NEAP_TREE_ISA);
const neap__shap_walk NAME(NEAP_TREE_ISA) = walk;
