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

neap__split_rule neap__split_rule_of(const neap_gbdt_options *o) {
  return (neap__split_rule){.l1 = o->lambda_l1,
                            .l2 = o->lambda_l2,
                            .min_gain = o->min_gain_to_split,
                            .min_hessian = o->min_sum_hessian_in_leaf,
                            .min_rows = o->min_data_in_leaf < 1 ? 1 : o->min_data_in_leaf,
                            .onehot = o->max_cat_to_onehot,
                            .most = o->max_cat_threshold,
                            .group = o->min_data_per_group,
                            .cat_l2 = o->cat_l2,
                            .cat_smooth = o->cat_smooth};
}

neap__whole neap__whole_of(neap__cell total, const neap__scale *s, const neap__split_rule *r) {
  neap__whole w = {s, r, total, neap__cell_g(total, s), neap__cell_h(total, s), 0};
  double t = shrink(w.g, r->l1), under = w.h + r->l2;
  w.unsplit = under > 0 ? t * t / under : 0;
  return w;
}

double neap__least_gain(const neap__whole *w, const neap__split *best) {
  return fmax(best->gain, fmax(w->r->min_gain, NOISE * w->unsplit));
}

bool neap__side_enough(neap__cell side, const neap__whole *w) {
  return neap__cell_rows(side, w->s) >= w->r->min_rows &&
         neap__cell_h(side, w->s) >= w->r->min_hessian;
}

static double side_output(neap__cell side, const neap__whole *w, double more_l2) {
  double under = neap__cell_h(side, w->s) + w->r->l2 + more_l2;
  return under > 0 ? -shrink(neap__cell_g(side, w->s), w->r->l1) / under : 0;
}

/* -(2 T(g) o + (h + l2) o^2): what a side improves the loss by with output o. */
static double side_gain(neap__cell side, const neap__whole *w, double more_l2) {
  double o = side_output(side, w, more_l2), t = shrink(neap__cell_g(side, w->s), w->r->l1);
  return -(2 * t * o + (neap__cell_h(side, w->s) + w->r->l2 + more_l2) * o * o);
}

double neap__cut_gain(const neap__whole *w, neap__cell left, double more_l2) {
  return side_gain(left, w, more_l2) + side_gain(w->total - left, w, more_l2) - w->unsplit;
}

void neap__split_outputs(const neap__split *s, const neap__whole *w, double output[2]) {
  double more_l2 = s->sorted ? w->r->cat_l2 : 0;
  output[0] = side_output(s->left, w, more_l2);
  output[1] = side_output(w->total - s->left, w, more_l2);
}

void neap__split_feature(const neap__loops *loops, const neap__feature *f, int32_t index,
                         const neap__cell *h, const neap__whole *w, neap__split *best) {
  double least = neap__least_gain(w, best);
  neap__split found = {.gain = least, .feature = index};
  neap__cell missing = f->missing ? h[f->bins] : (neap__cell){0, 0};
  bool any = missing[1] != 0;
  loops->sweep(w, h, f->bins, missing, &found);
  if (!(found.gain > least)) return;
  *best = found;
  /* Nothing missing here: rows that come later without a value go where most rows went. */
  if (!any)
    best->missing_left = 2 * neap__cell_rows(found.left, w->s) >= neap__cell_rows(w->total, w->s);
}

bool neap__split_left(const neap__split *s, const neap__feature *f, uint8_t bin) {
  if (f->categories) return s->set[bin / 64] >> bin % 64 & 1;
  return bin == f->bins ? s->missing_left : bin <= s->bin;
}

void neap__split_table(const neap__split *s, const neap__feature *f, uint8_t goes_left[256]) {
  for (int v = 0; v < 256; v++) goes_left[v] = neap__split_left(s, f, (uint8_t)v);
}

void neap__split_measure(const neap__split *s, const neap__feature *f, int64_t *cats,
                         int64_t *words) {
  if (f->categories) neap__categories_measure(s, f->categories, cats, words);
}

void neap__split_store(const neap__split *s, const neap__feature *f, neap__tree *t, int32_t node,
                       int64_t *cats) {
  t->feature[node] = f->input;
  t->decision[node] = NEAP__MISSING_NAN;
  if (f->categories) {
    t->decision[node] |= NEAP__CATEGORICAL;
    t->threshold[node] = (double)*cats;
    neap__categories_store(s, f->categories, t, cats);
    return;
  }
  if (s->missing_left) t->decision[node] |= NEAP__DEFAULT_LEFT;
  t->threshold[node] = f->bound[s->bin < f->bins - 1 ? s->bin : NEAP__MAX_BINS];
}
