/* The walk of shap_walk.h, compiled once per instruction set. The eight lanes are vectors as wide
 * as the set has them, one or several parts. No fused multiply-add, so all sets give the same bits.
 */
#include "tree/shap_walk.h"

#if defined(__AVX512F__)
#define WIDE 64
#elif defined(__AVX__)
#define WIDE 32
#else
#define WIDE 16
#endif

enum { EACH = WIDE / sizeof(double), PARTS = NEAP__LANES / EACH };

/* At any multiple of 8 bytes, and over memory that is doubles elsewhere. */
typedef double lanes __attribute__((vector_size(WIDE), aligned(8), may_alias));
typedef int64_t masks __attribute__((vector_size(WIDE), aligned(8), may_alias));

/* The first part of the eight numbers at position i; the others follow. */
static lanes *at(double *p, int64_t i) { return (lanes *)(void *)(p + i * NEAP__LANES); }

static const lanes *of(const double *p, int64_t i) {
  return (const lanes *)(const void *)(p + i * NEAP__LANES);
}

/* left[PARTS] = whether each row goes left at the node: 1 or 0. */
static void decide(const neap__shap_tree *s, const neap__shap_node *n, const double *x,
                   lanes *left) {
  const lanes *v = of(x, n->feature), zero = {0}, one = zero + 1;
  for (int h = 0; h < PARTS; h++)
    if (n->plain) {
      masks missing = (v[h] != v[h]) & -(int64_t)n->missing_left;
      left[h] = (lanes)(((v[h] <= zero + n->threshold) | missing) & (masks)one);
    } else
      for (int j = 0; j < EACH; j++) left[h][j] = neap__tree_goes_left(s->tree, n->node, v[h][j]);
}

/* Products of the children from the product of the node. A factor that was cold stays so and takes
 * the ratio; a hot one is parted into what stays with both and what only the row's side has. */
static void enter(const neap__shap_tree *s, const neap__shap_node *n, const double *c,
                  const double *x, const neap__shap_room *r) {
  int64_t points = s->points, depth = n->slot / 2, child = 2 * depth + 2;
  const double *step = c + NEAP__SHAP_STEP * points, *gives = c + NEAP__SHAP_GIVES * points;
  const lanes *hots = of(r->hot, n->before), *own = of(r->slot, n->slot * points);
  lanes *lefts = at(r->left, depth), *hot_a = at(r->hot, child), *hot_b = hot_a + PARTS;
  lanes *a = at(r->slot, child * points), *b = a + points * PARTS;
  decide(s, n, x, lefts);
  for (int h = 0; h < PARTS; h++) {
    const lanes left = lefts[h], hot = hots[h];
    hot_a[h] = hot * left;
    hot_b[h] = hot - hot * left;
    for (int64_t q = 0, i = h; q < points; q++, i += PARTS) {
      lanes p = own[i], only = p * (hot * step[q]), both = p - only, mine = left * only;
      a[i] = (n->share[0] * both + mine) * gives[q];
      b[i] = (n->share[1] * both + (only - mine)) * gives[points + q];
    }
  }
}

/* Sums of the node from those of its children; sum[q] receives what the node's feature gains by its
 * edges: on the row's side (1 - z) / f1, on the other -1 / (1 - t), less what the edge above on the
 * same feature had counted; nothing where that one is cold. total[PARTS] adds them up. */
static void leave(const neap__shap_tree *s, const neap__shap_node *n, const double *c,
                  const neap__shap_room *r, lanes *total) {
  int64_t points = s->points, depth = n->slot / 2;
  const double *above = c + NEAP__SHAP_ABOVE * points, *la = c + NEAP__SHAP_LEFT * points;
  const double *lb = c + NEAP__SHAP_RIGHT * points, *cold = s->cold;
  const lanes *lefts = of(r->left, depth), *hots = of(r->hot, n->before);
  const lanes *a = of(r->slot, (2 * depth + 2) * points), *b = a + points * PARTS;
  lanes *own = at(r->slot, n->slot * points), *sum = at(r->sum, 0);
  for (int h = 0; h < PARTS; h++) {
    const lanes left = lefts[h], hot = hots[h];
    lanes all = {0};
    for (int64_t q = 0, i = h; q < points; q++, i += PARTS) {
      lanes u = a[i], v = b[i], both = u + v, u_hot = left * u, v_cold = left * v;
      lanes gain = la[q] * u_hot + lb[q] * (v - v_cold);
      own[i] = both;
      sum[i] = hot * (gain - cold[q] * ((u - u_hot) + v_cold) - above[q] * both);
      all += sum[i];
    }
    total[h] += all;
  }
}

/* pairs(feature of n, i) += the sum times what each feature i above has: (o - z) / (factor). */
static void pair_up(const neap__shap_tree *s, const neap__shap_node *n, const neap__shap_room *r,
                    double *pairs) {
  const lanes *sum = of(r->sum, 0);
  const double *cold = s->cold;
  for (int32_t k = n->first; k < n->first + n->others; k++) {
    const neap__shap_other *o = &s->other[k];
    const double *has = s->coefficients + o->coefficients;
    const lanes *hots = of(r->hot, o->slot);
    lanes *out = at(pairs, n->feature * s->features + o->feature);
    for (int h = 0; h < PARTS; h++) {
      const lanes hot = hots[h];
      lanes all = {0};
      for (int64_t q = 0, i = h; q < s->points; q++, i += PARTS)
        all += sum[i] * (hot * (has[q] + cold[q]) - cold[q]);
      out[h] += all;
    }
  }
}

static void walk(const neap__shap_tree *s, const double *x, neap__shap_room *r, double *phi,
                 double *pairs) {
  int64_t points = s->points;
  for (int64_t i = 0; i < points * NEAP__LANES; i++) r->slot[i] = 1;
  for (int64_t j = 0; j < NEAP__LANES; j++) r->hot[j] = 1;
  for (int64_t i = 0; i < 2 * (int64_t)s->nodes; i++) {
    int32_t which = s->visit[i] >= 0 ? s->visit[i] : ~s->visit[i];
    const neap__shap_node *n = &s->node[which];
    const double *c = s->coefficients + which * NEAP__SHAP_ROWS * points;
    if (s->visit[i] >= 0) enter(s, n, c, x, r);
    else {
      leave(s, n, c, r, at(phi, n->feature));
      if (pairs) pair_up(s, n, r, pairs);
    }
  }
}

#define JOIN(isa) neap__shap_walk_##isa
#define NAME(isa) JOIN(isa)

extern const neap__shap_walk NAME(NEAP_TREE_ISA);
const neap__shap_walk NAME(NEAP_TREE_ISA) = walk;
