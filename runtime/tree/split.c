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
                            .cat_smooth = o->cat_smooth,
                            .plain =
                                !o->extra_trees && o->max_delta_step == 0 && o->path_smooth == 0,
                            .random = o->extra_trees,
                            .max_delta = o->max_delta_step,
                            .smooth = o->path_smooth,
                            .penalty = o->monotone_penalty};
}

neap__whole neap__whole_of(neap__cell total, const neap__scale *s, const neap__split_rule *r) {
  neap__whole w = {
      .s = s, .r = r, .total = total, .g = neap__cell_g(total, s), .h = neap__cell_h(total, s)};
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

double neap__root_output(double g, double h, const neap__split_rule *r) {
  double o = neap__leaf_output(g, h, r);
  return r->max_delta > 0 && fabs(o) > r->max_delta ? copysign(r->max_delta, o) : o;
}

/* The best output, limited by max_delta_step, drawn towards the parent's by path_smooth (n rows
 * weigh n / (n + path_smooth)), and kept within bounds: LightGBM's order. */
static double side_output(neap__cell side, const neap__whole *w, double more_l2) {
  const neap__split_rule *r = w->r;
  double under = neap__cell_h(side, w->s) + r->l2 + more_l2;
  double o = under > 0 ? -shrink(neap__cell_g(side, w->s), r->l1) / under : 0;
  if (r->plain) return o;
  if (r->max_delta > 0 && fabs(o) > r->max_delta) o = copysign(r->max_delta, o);
  if (r->smooth > 0) {
    double n = (double)neap__cell_rows(side, w->s) / r->smooth;
    o = o * n / (n + 1) + w->output / (n + 1);
  }
  return o < w->low ? w->low : o > w->high ? w->high : o;
}

/* -(2 T(g) o + (h + l2) o^2): what a side improves the loss by with output o. */
static double side_gain(neap__cell side, const neap__whole *w, double more_l2, double o) {
  double t = shrink(neap__cell_g(side, w->s), w->r->l1);
  return -(2 * t * o + (neap__cell_h(side, w->s) + w->r->l2 + more_l2) * o * o);
}

double neap__cut_gain(const neap__whole *w, neap__cell left, double more_l2, int monotone) {
  neap__cell right = w->total - left;
  double a = side_output(left, w, more_l2), b = side_output(right, w, more_l2);
  if (monotone > 0 ? a > b : monotone < 0 && a < b) return -HUGE_VAL;
  return side_gain(left, w, more_l2, a) + side_gain(right, w, more_l2, b) - w->unsplit;
}

int32_t neap__random_cut(const neap__whole *w, int32_t index, int32_t cuts) {
  if (!w->r->random || cuts < 1) return -1;
  return (int32_t)neap_rng_below_at(&w->extra, (uint64_t)index, (uint64_t)cuts);
}

void neap__whole_limit(neap__whole *w, double low, double high, double output) {
  w->output = output;
  w->low = -HUGE_VAL;
  w->high = HUGE_VAL;
  w->unsplit = side_gain(w->total, w, 0, side_output(w->total, w, 0));
  w->low = low;
  w->high = high;
}

double neap__monotone_discount(double penalty, int32_t depth) {
  double least = 1e-15F;
  if (penalty >= depth + 1.0) return least;
  if (penalty <= 1) return 1 - penalty / pow(2, depth) + least;
  return 1 - pow(2, penalty - 1 - depth) + least;
}

void neap__split_outputs(const neap__split *s, const neap__whole *w, double output[2]) {
  double more_l2 = s->sorted ? w->r->cat_l2 : 0;
  output[0] = side_output(s->left, w, more_l2);
  output[1] = side_output(w->total - s->left, w, more_l2);
}

/* Under the plain rule, by the loops of the instruction set. */
static void find_plain(const neap__loops *loops, const neap__feature *f, int32_t index,
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

static void scan(const neap__cell *h, int32_t cuts, neap__cell left, bool missing_left,
                 int32_t only, const neap__whole *w, neap__split *best) {
  int way = w->r->monotone ? w->r->monotone[best->feature] : 0;
  for (int32_t b = 0; b < cuts; b++) {
    left += h[b];
    if (only >= 0 && b != only) continue;
    if (!neap__side_enough(left, w) || !neap__side_enough(w->total - left, w)) continue;
    double gain = neap__cut_gain(w, left, 0, way);
    if (!(gain > best->gain)) continue;
    best->gain = gain;
    best->bin = b;
    best->missing_left = missing_left;
    best->left = left;
  }
}

/* Under any other rule, cut by cut in plain code. */
static void find_limited(const neap__feature *f, int32_t index, const neap__cell *h,
                         const neap__whole *w, neap__split *best) {
  double least = neap__least_gain(w, best);
  neap__split found = {.gain = least, .feature = index};
  neap__cell missing = f->missing ? h[f->bins] : (neap__cell){0, 0};
  bool any = missing[1] != 0;
  int32_t cuts = f->bins - !any, only = neap__random_cut(w, index, cuts);
  scan(h, cuts, (neap__cell){0, 0}, false, only, w, &found);
  if (any) scan(h, f->bins - 1, missing, true, only, w, &found);
  if (!(found.gain > least)) return;
  *best = found;
  if (!any)
    best->missing_left = 2 * neap__cell_rows(found.left, w->s) >= neap__cell_rows(w->total, w->s);
}

static void find_any(const neap__loops *loops, const neap__feature *f, int32_t index,
                     const neap__cell *h, const neap__whole *w, neap__split *best) {
  double before = best->gain;
  if (f->categories && !f->categories->ordered) neap__split_category(f, index, h, w, best);
  else if (w->r->plain) find_plain(loops, f, index, h, w, best);
  else find_limited(f, index, h, w, best);
  if (f->categories && f->categories->ordered && best->gain > before)
    neap__ordered_set(f, h, w, best);
}

void neap__split_find(const neap__loops *loops, const neap__feature *f, int32_t index,
                      const neap__cell *h, const neap__whole *w, neap__split *best) {
  double factor = w->r->factor ? w->r->factor[index] : 1;
  if (w->r->monotone && w->r->monotone[index]) factor *= w->discount;
  neap__split found = {.gain = 0};
  if (factor == 1) {
    find_any(loops, f, index, h, w, best);
    return;
  }
  find_any(loops, f, index, h, w, &found);
  found.gain *= factor;
  if (found.gain > best->gain) *best = found;
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
