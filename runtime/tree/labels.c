/* Labels: what an objective can learn, the classes among them, and the empty model they ask for. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "tree/trainer.h"

/* checks --------------------------------------------------------------------------------------- */

/* Where labels of an objective lie. */
typedef struct {
  double low, high;
  bool open; /* low itself is not allowed */
  const char *text;
} range;

static range range_of(neap_objective o) {
  switch (o) {
  case NEAP_OBJECTIVE_POISSON:
  case NEAP_OBJECTIVE_TWEEDIE: return (range){0, HUGE_VAL, false, "numbers from 0"};
  case NEAP_OBJECTIVE_GAMMA: return (range){0, HUGE_VAL, true, "numbers above 0"};
  case NEAP_OBJECTIVE_CROSS_ENTROPY: return (range){0, 1, false, "probabilities, 0 to 1"};
  default: return (range){-HUGE_VAL, HUGE_VAL, false, ""};
  }
}

static neap_status check_whole(double y, int64_t i, neap__labels labels, const char *what) {
  if (labels == NEAP__VALUES || (y == floor(y) && fabs(y) <= 0x1p53)) return NEAP_OK;
  return neap_fail(NEAP_EVALUE, "gbdt.fit: %s %lld is %.17g, %s are integers", what,
                   (long long)i + 1, y, labels == NEAP__RANK ? "grades" : "classes");
}

neap_status neap__labels_check(const neap_gbdt_options *o, const double *y, int64_t n,
                               const char *what) {
  neap__labels labels = neap__labels_of(o);
  range r = range_of(o->objective);
  for (int64_t i = 0; i < n; i++) {
    if (!(fabs(y[i]) < HUGE_VAL))
      return neap_fail(NEAP_EVALUE, "gbdt.fit: %s %lld is %g", what, (long long)i + 1, y[i]);
    NEAP_TRY(check_whole(y[i], i, labels, what));
    if (y[i] < r.low || y[i] > r.high || (r.open && y[i] == r.low))
      return neap_fail(NEAP_EVALUE, "gbdt.fit: %s %lld is %.17g, objective '%s' takes %s", what,
                       (long long)i + 1, y[i], neap_objective_name(o->objective), r.text);
  }
  return NEAP_OK;
}

/* Counts that are all 0 have no logarithm to start from. */
static neap_status check_some(const neap_gbdt_options *o, const double *y, int64_t n) {
  if (o->objective != NEAP_OBJECTIVE_POISSON && o->objective != NEAP_OBJECTIVE_TWEEDIE)
    return NEAP_OK;
  for (int64_t i = 0; i < n; i++)
    if (y[i] > 0) return NEAP_OK;
  return neap_fail(NEAP_EVALUE, "gbdt.fit: all %lld labels are 0, objective '%s' needs one above",
                   (long long)n, neap_objective_name(o->objective));
}

/* classes -------------------------------------------------------------------------------------- */

/* Number of label v among k sorted classes; -1 when it is none. */
static int64_t class_number(const int64_t *classes, int64_t k, int64_t v) {
  int64_t at = neap__place(classes, k, v);
  return at < k && classes[at] == v ? at : -1;
}

static neap_status find_classes(const double *y, int64_t n, int64_t *classes, int64_t *count) {
  int64_t k = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t v = (int64_t)y[i], at = k;
    if (class_number(classes, k, v) >= 0) continue;
    if (k == NEAP__MAX_CLASSES)
      return neap_fail(NEAP_EVALUE, "gbdt.fit: more than %d classes; is this a regression?",
                       NEAP__MAX_CLASSES);
    for (; at > 0 && classes[at - 1] > v; at--) classes[at] = classes[at - 1];
    classes[at] = v;
    k++;
  }
  *count = k;
  return NEAP_OK;
}

neap_status neap__labels_number(const neap_gbdt *m, const double *y, int64_t n, double *target,
                                const char *what) {
  for (int64_t i = 0; i < n; i++) {
    int64_t k = class_number(m->classes, m->class_count, (int64_t)y[i]);
    if (k < 0)
      return neap_fail(NEAP_EVALUE, "gbdt.fit: %s %lld is %lld, which is no class of the model",
                       what, (long long)i + 1, (long long)y[i]);
    target[i] = (double)k;
  }
  return NEAP_OK;
}

static neap_status check_count(const neap_gbdt_options *o, const int64_t *classes, int64_t count,
                               int64_t n) {
  bool two = neap__labels_of(o) == NEAP__TWO;
  if (count < 2)
    return neap_fail(NEAP_EVALUE, "gbdt.fit: all %lld labels are %lld, two classes are needed",
                     (long long)n, (long long)classes[0]);
  if (two && count > 2)
    return neap_fail(NEAP_EVALUE,
                     "gbdt.fit: objective '%s' with %lld classes (%lld, %lld, %lld ...), use "
                     "'multiclass'",
                     neap_objective_name(o->objective), (long long)count, (long long)classes[0],
                     (long long)classes[1], (long long)classes[2]);
  return NEAP_OK;
}

/* the empty model ------------------------------------------------------------------------------ */

static void custom_line(const neap_gbdt_options *o, int64_t columns, char text[96]) {
  if (o->link == NEAP_CUSTOM_SOFTMAX)
    snprintf(text, 96, "multiclass num_class:%lld", (long long)columns);
  else
    snprintf(text, 96, "%s",
             o->link == NEAP_CUSTOM_SIGMOID ? "binary sigmoid:1"
             : o->link == NEAP_CUSTOM_EXP   ? "poisson"
                                            : "regression");
}

/* The line that LightGBM understands: that of the objective, or of one with the same link. */
static void line_of(const neap_gbdt_options *o, int64_t columns, char text[96]) {
  char number[32];
  neap_number_print(number, o->sigmoid);
  switch (o->objective) {
  case NEAP_OBJECTIVE_BINARY: snprintf(text, 96, "binary sigmoid:%s", number); break;
  case NEAP_OBJECTIVE_FOCAL: snprintf(text, 96, "binary sigmoid:1"); break;
  case NEAP_OBJECTIVE_EXPECTILE: snprintf(text, 96, "regression"); break;
  case NEAP_OBJECTIVE_CUSTOM: custom_line(o, columns, text); break;
  case NEAP_OBJECTIVE_REGRESSION:
    snprintf(text, 96, "regression%s", o->reg_sqrt ? " sqrt" : "");
    break;
  case NEAP_OBJECTIVE_MULTICLASS:
    snprintf(text, 96, "multiclass num_class:%lld", (long long)columns);
    break;
  case NEAP_OBJECTIVE_OVA:
    snprintf(text, 96, "multiclassova num_class:%lld sigmoid:%s", (long long)columns, number);
    break;
  default: snprintf(text, 96, "%s", columns > 1 ? "" : neap_objective_name(o->objective));
  }
}

static int put(char *text, int at, int room, const char *before, double v) {
  char number[32];
  neap_number_print(number, v);
  int n = snprintf(text + at, (size_t)(room - at), "%s%s", before, number);
  return n < room - at ? at + n : room - 1;
}

/* What LightGBM's line leaves out; "" for nothing. */
static void fact_of(const neap_gbdt_options *o, char *text, int room) {
  text[0] = 0;
  if (o->objective == NEAP_OBJECTIVE_FOCAL) {
    int at = put(text, 0, room, "focal gamma:", o->focal_gamma);
    put(text, at, room, " alpha:", o->focal_alpha);
  } else if (o->objective == NEAP_OBJECTIVE_EXPECTILE)
    put(text, 0, room, "expectile alpha:", o->alpha);
  else if (o->objective == NEAP_OBJECTIVE_CUSTOM) snprintf(text, (size_t)room, "custom");
  else if (o->quantile_count) {
    int at = 0;
    for (int64_t k = 0; k < o->quantile_count; k++)
      at = put(text, at, room, k ? "," : "quantile alpha:", o->quantiles[k]);
  }
}

static neap_status check_init(const neap_gbdt *init, const neap_gbdt_options *o, int64_t features,
                              int64_t columns) {
  if (init->features != features)
    return neap_fail(NEAP_ESHAPE, "gbdt.fit: init_model has %lld features, x has %lld",
                     (long long)init->features, (long long)features);
  if (init->average != neap__is_forest(o))
    return neap_fail(NEAP_EARG, "gbdt.fit: init_model is %s",
                     init->average ? "a random forest, boosting is not"
                                   : "no random forest, boosting is");
  double sigmoid =
      o->objective == NEAP_OBJECTIVE_BINARY || o->objective == NEAP_OBJECTIVE_OVA ? o->sigmoid : 1;
  char line[96] = "";
  if (o->objective == NEAP_OBJECTIVE_CUSTOM) custom_line(o, init->per_iteration, line);
  if (*line && strcmp(line, init->objective_text) != 0)
    return neap_fail(NEAP_EARG, "gbdt.fit: init_model has a link of another objective, '%s'",
                     init->objective_text);
  if (init->objective != o->objective || init->sigmoid != sigmoid ||
      (init->link == NEAP__LINK_SQUARE) != o->reg_sqrt)
    return neap_fail(NEAP_EARG, "gbdt.fit: init_model has objective '%s', which is another one",
                     neap_objective_name(init->objective));
  if (!init->class_count && init->per_iteration != columns)
    return neap_fail(NEAP_EARG, "gbdt.fit: init_model has %lld trees per iteration, expected %lld",
                     (long long)init->per_iteration, (long long)columns);
  return NEAP_OK;
}

static neap_status continue_model(neap_gbdt **out, const neap_gbdt *init) {
  NEAP_TRY(neap__gbdt_new(out, init->features, init->objective_text, init->per_iteration));
  (*out)->average = init->average;
  const char *fact = neap_gbdt_fact(init, "objective");
  if (fact) NEAP_TRY(neap_gbdt_set_fact(*out, "objective", fact));
  NEAP_TRY(neap__gbdt_objective(*out));
  if (init->class_count) NEAP_TRY(neap__gbdt_set_classes(*out, init->classes, init->class_count));
  for (int64_t i = 0; i < init->trees; i++)
    NEAP_TRY(neap__gbdt_append(*out, neap__tree_copy(init->tree[i])));
  return NEAP_OK;
}

neap_status neap__labels_model(neap_gbdt **out, const neap_gbdt_options *o, const double *y,
                               int64_t n, int64_t features, const neap_gbdt *init) {
  neap__labels labels = neap__labels_of(o);
  bool classes = labels == NEAP__TWO || labels == NEAP__MANY;
  int64_t class[NEAP__MAX_CLASSES], count = 0, columns = o->quantile_count ? o->quantile_count : 1;
  if (init) NEAP_TRY(check_init(init, o, features, columns));
  NEAP_TRY(neap__labels_check(o, y, n, "label"));
  NEAP_TRY(check_some(o, y, n));
  if (init) return continue_model(out, init);
  if (classes) NEAP_TRY(find_classes(y, n, class, &count));
  if (classes) NEAP_TRY(check_count(o, class, count, n));
  if (labels == NEAP__MANY) columns = count;
  char line[96], fact[32 * NEAP__MAX_QUANTILES];
  line_of(o, columns, line);
  fact_of(o, fact, sizeof fact);
  NEAP_TRY(neap__gbdt_new(out, features, line, columns));
  (*out)->average = neap__is_forest(o);
  if (*fact) NEAP_TRY(neap_gbdt_set_fact(*out, "objective", fact));
  NEAP_TRY(neap__gbdt_objective(*out));
  return count ? neap__gbdt_set_classes(*out, class, count) : NEAP_OK;
}
