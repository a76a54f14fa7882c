/* The best cut of one feature, from its histogram. Formulas as in LightGBM and XGBoost: a leaf with
 * gradient sum G and hessian sum H improves the loss by T(G)^2 / (H + l2), where T shrinks G
 * towards zero by l1. */
#include <math.h>

#include "tree/engine.h"

/* Improvements below this share of the leaf's own are rounding noise. */
static const double NOISE = 1e-12;

static double shrink(double g, double l1) {
  double size = fabs(g) - l1;
  return size > 0 ? copysign(size, g) : 0;
}

static double improvement(double g, double h, const neap__split_rule *r) {
  double t = shrink(g, r->l1), under = h + r->l2;
  return under > 0 ? t * t / under : 0;
}

double neap__leaf_output(double g, double h, const neap__split_rule *r) {
  double under = h + r->l2;
  return under > 0 ? -shrink(g, r->l1) / under : 0;
}

typedef struct {
  const neap__scale *s;
  const neap__split_rule *r;
  neap__cell total;
  double unsplit;
  neap__split best;
} scan;

/* Weigh the cut that sends left to the left. False when the right side has become too small, which
 * no later bin can mend. */
static inline bool weigh(scan *c, int32_t bin, bool missing_left, neap__cell left) {
  neap__cell right = c->total - left;
  if (neap__cell_rows(left, c->s) < c->r->min_rows) return true;
  if (neap__cell_rows(right, c->s) < c->r->min_rows) return false;
  double lh = neap__cell_h(left, c->s), rh = neap__cell_h(right, c->s);
  if (lh < c->r->min_hessian) return true;
  if (rh < c->r->min_hessian) return false;
  double gain = improvement(neap__cell_g(left, c->s), lh, c->r) +
                improvement(neap__cell_g(right, c->s), rh, c->r) - c->unsplit;
  if (gain > c->best.gain && gain > c->r->min_gain && gain > NOISE * c->unsplit) {
    c->best.gain = gain;
    c->best.bin = bin;
    c->best.missing_left = missing_left;
    c->best.left = left;
  }
  return true;
}

void neap__split_feature(const neap__feature *f, int32_t index, const neap__cell *h,
                         neap__cell total, const neap__scale *s, const neap__split_rule *r,
                         neap__split *best) {
  scan c = {.s = s, .r = r, .total = total, .best = *best};
  c.unsplit = improvement(neap__cell_g(total, s), neap__cell_h(total, s), r);
  double had = c.best.gain;
  neap__cell missing = f->missing ? h[f->bins] : (neap__cell){0, 0};
  bool any = missing[1] != 0;
  neap__cell left = {0, 0};
  for (int32_t b = 0; b < f->bins - !any; b++) {
    if (h[b][1] == 0) continue;
    left += h[b];
    if (!weigh(&c, b, false, left)) break;
  }
  left = missing;
  for (int32_t b = 0; any && b < f->bins - 1; b++) {
    if (h[b][1] == 0) continue;
    left += h[b];
    if (!weigh(&c, b, true, left)) break;
  }
  if (!(c.best.gain > had)) return;
  *best = c.best;
  best->feature = index;
  /* Nothing missing here: rows that come later without a value go where most rows went. */
  if (!any) best->missing_left = 2 * neap__cell_rows(c.best.left, s) >= neap__cell_rows(total, s);
}
