/* The best cut of one feature, from its histogram. Formulas as in LightGBM and XGBoost: a leaf with
 * gradient sum G and hessian sum H improves the loss by T(G)^2 / (H + l2), where T shrinks G
 * towards zero by l1. The loop over bins is in loops.c. */
#include <math.h>

#include "tree/engine.h"

/* Improvements below this share of the leaf's own are rounding noise. */
static const double NOISE = 1e-12;

static double shrink(double g, double l1) {
  double size = fabs(g) - l1;
  return size > 0 ? copysign(size, g) : 0;
}

double neap__leaf_output(double g, double h, const neap__split_rule *r) {
  double under = h + r->l2;
  return under > 0 ? -shrink(g, r->l1) / under : 0;
}

neap__whole neap__whole_of(neap__cell total, const neap__scale *s, const neap__split_rule *r) {
  neap__whole w = {s, r, total, neap__cell_g(total, s), neap__cell_h(total, s), 0};
  double t = shrink(w.g, r->l1), under = w.h + r->l2;
  w.unsplit = under > 0 ? t * t / under : 0;
  return w;
}

void neap__split_feature(const neap__loops *loops, const neap__feature *f, int32_t index,
                         const neap__cell *h, const neap__whole *w, neap__split *best) {
  double least = fmax(best->gain, fmax(w->r->min_gain, NOISE * w->unsplit));
  neap__split found = {.gain = least, .feature = index};
  neap__cell missing = f->missing ? h[f->bins] : (neap__cell){0, 0};
  bool any = missing[1] != 0;
  loops->sweep(w, h, f->bins - !any, (neap__cell){0, 0}, false, &found);
  if (any) loops->sweep(w, h, f->bins - 1, missing, true, &found);
  if (!(found.gain > least)) return;
  *best = found;
  /* Nothing missing here: rows that come later without a value go where most rows went. */
  if (!any)
    best->missing_left = 2 * neap__cell_rows(found.left, w->s) >= neap__cell_rows(w->total, w->s);
}

bool neap__split_left(const neap__split *s, const neap__feature *f, uint8_t bin) {
  return bin == f->bins ? s->missing_left : bin <= s->bin;
}

void neap__split_table(const neap__split *s, const neap__feature *f, uint8_t goes_left[256]) {
  for (int v = 0; v < 256; v++) goes_left[v] = neap__split_left(s, f, (uint8_t)v);
}
