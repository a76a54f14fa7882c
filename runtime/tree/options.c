/* Options as a list: defaults and ranges come from options.def, rules between options are here. */
#include "tree/objective.h"

static const neap_gbdt_option list[] = {
#define INTEGER(name, value, low, high)                                                            \
  {#name, NULL, NEAP_OPTION_INTEGER, offsetof(neap_gbdt_options, name), value, low, high, false},
#define NUMBER(name, value, low, high)                                                             \
  {#name, NULL, NEAP_OPTION_NUMBER, offsetof(neap_gbdt_options, name), value, low, high, false},
#define POSITIVE(name, value, low, high)                                                           \
  {#name, NULL, NEAP_OPTION_NUMBER, offsetof(neap_gbdt_options, name), value, low, high, true},
#define FLAG(name, value)                                                                          \
  {#name, NULL, NEAP_OPTION_FLAG, offsetof(neap_gbdt_options, name), value, 0, 1, false},
#define CHOICE(name, words)                                                                        \
  {#name, words, NEAP_OPTION_CHOICE, offsetof(neap_gbdt_options, name), 0, 0, 0, false},
#include "tree/options.def"
#undef INTEGER
#undef NUMBER
#undef POSITIVE
#undef FLAG
#undef CHOICE
};

const neap_gbdt_option *neap_gbdt_option_list(int *count) {
  *count = sizeof list / sizeof *list;
  return list;
}

neap_gbdt_options neap_gbdt_defaults(void) {
  neap_gbdt_options o = {.objective = NEAP_OBJECTIVE_REGRESSION};
#define INTEGER(name, value, low, high)  o.name = value;
#define NUMBER(name, value, low, high)   o.name = value;
#define POSITIVE(name, value, low, high) o.name = value;
#define FLAG(name, value)                o.name = value;
#define CHOICE(name, words)              o.name = 0;
#include "tree/options.def"
#undef INTEGER
#undef NUMBER
#undef POSITIVE
#undef FLAG
#undef CHOICE
  return o;
}

static neap_status check_range(const neap_gbdt_options *o, const neap_gbdt_option *r) {
  const char *field = (const char *)o + r->at;
  double v = 0;
  if (r->kind == NEAP_OPTION_INTEGER) v = (double)*(const int64_t *)(const void *)field;
  else if (r->kind == NEAP_OPTION_NUMBER) v = *(const double *)(const void *)field;
  else return NEAP_OK;
  if (v >= r->low && v <= r->high && !(r->open && v == r->low)) return NEAP_OK;
  return neap_fail(NEAP_EARG, "gbdt.fit: %s is %g, allowed are %s%g to %g", r->name, v,
                   r->open ? "above " : "", r->low, r->high);
}

static neap_status check_sampling(const neap_gbdt_options *o) {
  bool by_class = o->pos_bagging_fraction < 1 || o->neg_bagging_fraction < 1;
  bool bags = o->bagging_fraction < 1 || by_class;
  bool goss = o->data_sample_strategy == NEAP_SAMPLE_GOSS;
  if (by_class && o->objective != NEAP_OBJECTIVE_BINARY)
    return neap_fail(NEAP_EARG, "gbdt.fit: pos_bagging_fraction and neg_bagging_fraction need "
                                "objective 'binary'");
  if (by_class && o->bagging_fraction < 1)
    return neap_fail(NEAP_EARG,
                     "gbdt.fit: bagging_fraction is %g beside pos_bagging_fraction and "
                     "neg_bagging_fraction; give the one or the others",
                     o->bagging_fraction);
  if (bags && !goss && o->bagging_freq == 0)
    return neap_fail(NEAP_EARG,
                     "gbdt.fit: %s is below 1, but bagging_freq is 0: no bag would be "
                     "drawn",
                     o->bagging_fraction < 1       ? "bagging_fraction"
                     : o->pos_bagging_fraction < 1 ? "pos_bagging_fraction"
                                                   : "neg_bagging_fraction");
  if (goss && bags)
    return neap_fail(NEAP_EARG, "gbdt.fit: 'goss' chooses the rows by their gradients; it excludes "
                                "bagging");
  if (goss && o->top_rate + o->other_rate > 1)
    return neap_fail(NEAP_EARG, "gbdt.fit: top_rate %g and other_rate %g are more than 1 together",
                     o->top_rate, o->other_rate);
  if (o->boosting == NEAP_BOOSTING_RF && !goss && !bags && o->feature_fraction >= 1 &&
      o->feature_fraction_bynode >= 1 && !o->extra_trees)
    return neap_fail(NEAP_EARG, "gbdt.fit: every tree of boosting 'rf' would be the same; set "
                                "bagging_fraction and bagging_freq, or feature_fraction");
  return NEAP_OK;
}

/* Options that only some objectives read would be ignored by the others. */
static neap_status check_objective(const neap_gbdt_options *o) {
  bool weighs = o->objective == NEAP_OBJECTIVE_BINARY || o->objective == NEAP_OBJECTIVE_OVA;
  if (o->objective >= NEAP_OBJECTIVE_CROSS_ENTROPY_LAMBDA)
    return neap_fail(NEAP_EARG, "gbdt.fit: the objective can be loaded, not trained");
  if (o->is_unbalance && o->scale_pos_weight != 1)
    return neap_fail(NEAP_EARG, "gbdt.fit: is_unbalance and scale_pos_weight exclude each other");
  if (!weighs && (o->is_unbalance || o->scale_pos_weight != 1))
    return neap_fail(NEAP_EARG, "gbdt.fit: is_unbalance and scale_pos_weight need objective "
                                "'binary' or 'multiclassova'");
  if (o->reg_sqrt && o->objective != NEAP_OBJECTIVE_REGRESSION)
    return neap_fail(NEAP_EARG, "gbdt.fit: reg_sqrt needs objective 'regression'");
  return NEAP_OK;
}

static neap_status check_alphas(const neap_gbdt_options *o) {
  const char *name = neap_objective_name(o->objective);
  bool share = o->objective == NEAP_OBJECTIVE_QUANTILE || o->objective == NEAP_OBJECTIVE_EXPECTILE;
  if (share && !o->quantile_count && !(o->alpha < 1))
    return neap_fail(NEAP_EARG, "gbdt.fit: alpha is %g, objective '%s' takes one between 0 and 1",
                     o->alpha, name);
  if (o->quantile_count == 1 || (o->quantile_count && o->objective != NEAP_OBJECTIVE_QUANTILE))
    return neap_fail(NEAP_EARG, "gbdt.fit: several alphas need objective 'quantile', not '%s'",
                     name);
  if (o->quantile_count > NEAP__MAX_QUANTILES)
    return neap_fail(NEAP_EARG, "gbdt.fit: %lld alphas, allowed are %d",
                     (long long)o->quantile_count, NEAP__MAX_QUANTILES);
  for (int64_t k = 0; k < o->quantile_count; k++)
    if (!(o->quantiles[k] > (k ? o->quantiles[k - 1] : 0) && o->quantiles[k] < 1))
      return neap_fail(NEAP_EARG,
                       "gbdt.fit: alpha %lld is %g, several alphas rise and lie between "
                       "0 and 1",
                       (long long)k + 1, o->quantiles[k]);
  if (o->objective == NEAP_OBJECTIVE_TWEEDIE && !(o->tweedie_variance_power < 2))
    return neap_fail(NEAP_EARG, "gbdt.fit: tweedie_variance_power is %g, allowed are 1 to below 2",
                     o->tweedie_variance_power);
  if (o->objective == NEAP_OBJECTIVE_FOCAL && !(o->focal_alpha < 1))
    return neap_fail(NEAP_EARG, "gbdt.fit: focal_alpha is %g, allowed are numbers between 0 and 1",
                     o->focal_alpha);
  return NEAP_OK;
}

/* What linear leaves do not go with. */
static neap_status check_linear(const neap_gbdt_options *o) {
  if (!o->linear_tree) return NEAP_OK;
  if (neap__objective_renews(o->objective))
    return neap_fail(NEAP_EARG,
                     "gbdt.fit: linear_tree does not go with objective '%s', which sets "
                     "leaves to quantiles",
                     neap_objective_name(o->objective));
  if (o->columns && o->columns->monotone)
    return neap_fail(NEAP_EARG, "gbdt.fit: linear_tree does not go with monotone_constraints, "
                                "which lines in leaves would break");
  if (o->boosting == NEAP_BOOSTING_DART)
    return neap_fail(NEAP_EARG, "gbdt.fit: linear_tree does not go with boosting 'dart'");
  return NEAP_OK;
}

static neap_status check_splits(const neap_gbdt_options *o) {
  if (o->path_smooth > 0 && o->min_data_in_leaf < 2)
    return neap_fail(NEAP_EARG, "gbdt.fit: path_smooth needs min_data_in_leaf from 2, it is %lld",
                     (long long)o->min_data_in_leaf);
  if (o->columns && o->columns->monotone && neap__objective_renews(o->objective))
    return neap_fail(NEAP_EARG,
                     "gbdt.fit: objective '%s' sets leaves anew after the splits, which "
                     "monotone_constraints do not bear",
                     neap_objective_name(o->objective));
  return NEAP_OK;
}

/* The mean of labels says something of numbers and of two classes. */
static neap_status check_encoding(const neap_gbdt_options *o) {
  bool delays = o->cat_delay > 0, random = o->cat_order == NEAP_ORDER_RANDOM;
  bool more = delays || random || o->cat_prior_weight != 1;
  neap__labels labels = neap__labels_of(o);
  if (o->cat_encoding == NEAP_CATEGORIES_PARTITION)
    return more ? neap_fail(NEAP_EARG, "gbdt.fit: cat_order, cat_prior_weight and cat_delay need "
                                       "cat_encoding 'ordered'")
                : NEAP_OK;
  if (labels != NEAP__VALUES && labels != NEAP__TWO)
    return neap_fail(NEAP_EARG,
                     "gbdt.fit: cat_encoding 'ordered' takes means of labels, which say nothing "
                     "under objective '%s'",
                     neap_objective_name(o->objective));
  if (o->quantile_count)
    return neap_fail(NEAP_EARG, "gbdt.fit: cat_encoding 'ordered' takes one alpha, not %lld",
                     (long long)o->quantile_count);
  if (delays && random)
    return neap_fail(NEAP_EARG, "gbdt.fit: cat_delay is %lld, but cat_order 'random' has no time",
                     (long long)o->cat_delay);
  return NEAP_OK;
}

neap_status neap__options_check(const neap_gbdt_options *o) {
  NEAP_TRY(check_objective(o));
  NEAP_TRY(check_alphas(o));
  for (size_t i = 0; i < sizeof list / sizeof *list; i++) NEAP_TRY(check_range(o, &list[i]));
  NEAP_TRY(check_splits(o));
  NEAP_TRY(check_linear(o));
  NEAP_TRY(check_encoding(o));
  return check_sampling(o);
}
