/* Writing XGBoost's JSON in the form that 1.7 and every later version reads: base_score is a plain
 * number, since 1.7 drops one in brackets without a word. Nodes are numbered breadth first. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"
#include "base/text.h"
#include "tree/xgb.h"

enum { ROOT_PARENT = 2147483647, MOST_CATEGORIES = 1 << 24 };

/* what can be written -------------------------------------------------------------------------- */

static const neap__xgb_objective *objective_of(const neap_gbdt *m) {
  static const char *const by_link[] = {
      [NEAP__LINK_IDENTITY] = "reg:squarederror",
      [NEAP__LINK_SIGMOID] = "reg:logistic",
      [NEAP__LINK_SOFTMAX] = "multi:softprob",
      [NEAP__LINK_EXP] = "count:poisson",
      [NEAP__LINK_SQUARE] = NULL,
      [NEAP__LINK_SOFTPLUS] = NULL,
      [NEAP__LINK_OVA] = NULL,
      [NEAP__LINK_SORTED] = "reg:squarederror",
  };
  size_t n = strcspn(m->objective_text, " ");
  const neap__xgb_objective *o = neap__xgb_objectives;
  const char *plain = by_link[m->link];
  if (!plain) return NULL;
  for (; o->name; o++)
    if (strlen(o->ours) == n && strncmp(o->ours, m->objective_text, n) == 0 && o->block) return o;
  for (o = neap__xgb_objectives; strcmp(o->name, plain) != 0;) o++;
  return o;
}

/* How raw scores become margins: times factor, and what base_score adds is taken out of the leaves
 * of the first iteration. */
typedef struct {
  double factor;
  float base_score;
  double margin;
} scale;

/* A regression's intercept, when it shows in the first tree: leaves on one side of zero, nearer to
 * each other than to it. Newer versions of XGBoost add base_score last, so that sums of floats keep
 * digits that an intercept in the first tree would cost. */
static float own_intercept(const neap_gbdt *m) {
  if (m->per_iteration != 1 || m->average || m->trees == 0) return 0;
  const neap__tree *t = m->tree[0];
  double low = t->leaf_value[0], high = low;
  for (int32_t i = 1; i < t->leaves; i++) {
    low = fmin(low, t->leaf_value[i]);
    high = fmax(high, t->leaf_value[i]);
  }
  bool apart = low > 0 ? high - low < low : high < 0 && high - low < -high;
  return apart && t->leaves > 1 ? (float)(low + (high - low) / 2) : 0;
}

/* base_score is the one of the file that the model comes from, or made here. */
static scale scale_of(const neap_gbdt *m, const neap__xgb_objective *o) {
  static const float zero[] = {
      [NEAP__BASE_SAME] = 0, [NEAP__BASE_LOGIT] = 0.5F, [NEAP__BASE_LOG] = 1};
  int64_t iterations = neap_gbdt_iterations(m);
  scale s = {.factor = m->average && iterations ? m->sigmoid / (double)iterations : m->sigmoid};
  const char *kept = neap_gbdt_fact(m, "base_score");
  double v;
  s.margin = NAN;
  if (kept && neap_number_parse(kept, strlen(kept), &v)) {
    s.base_score = (float)v;
    s.margin = neap__xgb_margin(o->base, false, s.base_score);
  }
  if (!isnan(s.margin)) return s;
  s.base_score = o->base == NEAP__BASE_SAME ? own_intercept(m) : zero[o->base];
  s.margin = neap__xgb_margin(o->base, false, s.base_score);
  return s;
}

static neap_status check_tree(const neap_gbdt *m, int64_t number, const scale *s) {
  const neap__tree *t = m->tree[number];
  double base = number < m->per_iteration ? s->margin : 0;
  for (int32_t k = 0; k < t->leaves - 1; k++) {
    bool category = t->decision[k] & NEAP__CATEGORICAL;
    if (!category && (t->decision[k] & NEAP__MISSING_MASK) == NEAP__MISSING_ZERO)
      return neap_fail(NEAP_EVALUE,
                       "gbdt: tree %lld takes zero as missing (node %d), which XGBoost's JSON "
                       "cannot say; LightGBM's text can (.txt)",
                       (long long)number, k);
    int32_t set = category ? (int32_t)t->threshold[k] : 0;
    for (int32_t w = category ? t->cat_boundary[set] : 0; category && w < t->cat_boundary[set + 1];
         w++)
      if (t->cat_bits[w] && w - t->cat_boundary[set] >= MOST_CATEGORIES / 32)
        return neap_fail(NEAP_EVALUE,
                         "gbdt: tree %lld lists a category from 16777216 on (node %d), where "
                         "XGBoost knows none",
                         (long long)number, k);
  }
  for (int32_t i = 0; i < t->leaves; i++)
    if (!(fabs(t->leaf_value[i] * s->factor - base) <= (double)FLT_MAX))
      return neap_fail(NEAP_EVALUE, "gbdt: leaf %d of tree %lld is %g, which is no float", i,
                       (long long)number, t->leaf_value[i] * s->factor);
  return NEAP_OK;
}

static neap_status check_writable(const neap_gbdt *m, const scale *s) {
  for (int64_t i = 0; i < m->trees; i++) {
    if (m->tree[i]->linear)
      return neap_fail(NEAP_EVALUE,
                       "gbdt: tree %lld has linear leaves, which XGBoost's JSON cannot say; "
                       "LightGBM's text can (.txt)",
                       (long long)i);
    NEAP_TRY(check_tree(m, i, s));
  }
  return NEAP_OK;
}

/* one tree ------------------------------------------------------------------------------------- */

/* The tree in XGBoost's order: entry[i] is the node, or ~leaf, that has number i there; the left
 * child of a node has number left[i], the right one the number behind it. */
typedef struct {
  const neap__tree *t;
  double factor, base; /* leaves are written as value * factor - base */
  int32_t n;
  int32_t *entry, *left, *parent;
} order;

static bool is_category(const order *o, int32_t i) {
  return o->entry[i] >= 0 && o->t->decision[o->entry[i]] & NEAP__CATEGORICAL;
}

static void number_nodes(order *o) {
  const neap__tree *t = o->t;
  int32_t used = 1;
  o->entry[0] = t->leaves > 1 ? 0 : -1;
  o->parent[0] = ROOT_PARENT;
  for (int32_t i = 0; i < used; i++) {
    int32_t k = o->entry[i];
    o->left[i] = k < 0 ? -1 : used;
    if (k < 0) continue;
    bool swap = is_category(o, i); /* what is listed goes right there */
    o->parent[used] = o->parent[used + 1] = i;
    o->entry[used++] = swap ? t->right[k] : t->left[k];
    o->entry[used++] = swap ? t->left[k] : t->right[k];
  }
}

/* v as a float, in the form of one: XGBoost 1.7 refuses 1 where it expects 1E0. What is only looked
 * at may not stop a file from being written. */
static void put_float(neap_text *b, double v) {
  char text[32];
  const double most = (double)FLT_MAX;
  v = isnan(v) ? 0 : fmin(fmax(v, -most), most);
  neap_text_add(b, text, neap_number_print_float(text, (float)v));
  if (!strpbrk(text, ".e")) neap_text_put(b, "E0");
}

static double leaf_of(const order *o, int32_t i) {
  return o->t->leaf_value[~o->entry[i]] * o->factor - o->base;
}

static void put_weight(neap_text *b, const order *o, int32_t i) {
  int32_t k = o->entry[i];
  put_float(b, k < 0 ? leaf_of(o, i) : o->t->internal_value[k] * o->factor);
}

static void put_default(neap_text *b, const order *o, int32_t i) {
  int32_t k = o->entry[i];
  int decision = k < 0 ? 0 : o->t->decision[k];
  bool left = k >= 0 && decision & NEAP__DEFAULT_LEFT;
  if (is_category(o, i)) left = !left;
  else if (k >= 0 && !(decision & NEAP__MISSING_MASK)) left = 0 <= o->t->threshold[k];
  neap_text_add(b, left ? "1" : "0", 1);
}

static void put_left(neap_text *b, const order *o, int32_t i) { neap_text_integer(b, o->left[i]); }

static void put_right(neap_text *b, const order *o, int32_t i) {
  neap_text_integer(b, o->left[i] < 0 ? -1 : o->left[i] + 1);
}

static void put_parent(neap_text *b, const order *o, int32_t i) {
  neap_text_integer(b, o->parent[i]);
}

static void put_gain(neap_text *b, const order *o, int32_t i) {
  int32_t k = o->entry[i];
  put_float(b, k < 0 ? 0 : o->t->gain[k]);
}

static void put_condition(neap_text *b, const order *o, int32_t i) {
  int32_t k = o->entry[i];
  if (k < 0) put_float(b, leaf_of(o, i));
  else put_float(b, is_category(o, i) ? 0 : (double)neap__xgb_condition(o->t->threshold[k]));
}

static void put_feature(neap_text *b, const order *o, int32_t i) {
  neap_text_integer(b, o->entry[i] < 0 ? 0 : o->t->feature[o->entry[i]]);
}

static void put_type(neap_text *b, const order *o, int32_t i) {
  neap_text_add(b, is_category(o, i) ? "1" : "0", 1);
}

/* XGBoost weighs by hessians where LightGBM counts rows; a file may lack one of them. */
static void put_hessian(neap_text *b, const order *o, int32_t i) {
  const neap__tree *t = o->t;
  int32_t k = o->entry[i];
  double weight = k < 0 ? t->leaf_weight[~k] : t->internal_weight[k];
  int64_t rows = k < 0 ? t->leaf_count[~k] : t->internal_count[k];
  put_float(b, weight != 0 ? weight : (double)rows);
}

typedef void putter(neap_text *b, const order *o, int32_t i);

static void put_list(neap_text *b, const char *key, const order *o, putter *put) {
  neap_text_format(b, "\"%s\":[", key);
  for (int32_t i = 0; i < o->n; i++) {
    if (i) neap_text_add(b, ",", 1);
    put(b, o, i);
  }
  neap_text_put(b, "],");
}

/* The categories of node i, as many as are printed into b (NULL: none are). */
static int64_t categories_of(const order *o, int32_t i, neap_text *b, bool first) {
  const neap__tree *t = o->t;
  int32_t set = (int32_t)t->threshold[o->entry[i]], begin = t->cat_boundary[set];
  int64_t n = 0;
  for (int32_t w = begin; w < t->cat_boundary[set + 1]; w++)
    for (int32_t bit = 0; t->cat_bits[w] >> bit; bit++) {
      if (!(t->cat_bits[w] >> bit & 1)) continue;
      if (b && (n || !first)) neap_text_add(b, ",", 1);
      if (b) neap_text_integer(b, (w - begin) * 32 + bit);
      n++;
      if (bit == 31) break;
    }
  return n;
}

static void put_categories(neap_text *b, const order *o) {
  neap_text nodes = {0}, segments = {0}, sizes = {0};
  int64_t total = 0;
  neap_text_put(b, "\"categories\":[");
  for (int32_t i = 0; i < o->n; i++) {
    if (!is_category(o, i)) continue;
    int64_t n = categories_of(o, i, b, total == 0);
    const char *comma = nodes.n ? "," : "";
    neap_text_format(&nodes, "%s%d", comma, i);
    neap_text_format(&segments, "%s%lld", comma, (long long)total);
    neap_text_format(&sizes, "%s%lld", comma, (long long)n);
    total += n;
  }
  b->failed |= nodes.failed || segments.failed || sizes.failed;
  if (!b->failed)
    neap_text_format(
        b, "],\"categories_nodes\":[%s],\"categories_segments\":[%s],\"categories_sizes\":[%s],",
        nodes.n ? nodes.data : "", nodes.n ? segments.data : "", nodes.n ? sizes.data : "");
  neap_text_drop(&nodes);
  neap_text_drop(&segments);
  neap_text_drop(&sizes);
}

static void put_tree(neap_text *b, const neap_gbdt *m, int64_t number, const scale *s) {
  const neap__tree *t = m->tree[number];
  double base = number < m->per_iteration ? s->margin : 0;
  order o = {.t = t, .factor = s->factor, .base = base, .n = 2 * t->leaves - 1};
  o.entry = neap_alloc_array(3 * (int64_t)o.n, sizeof *o.entry);
  b->failed |= !o.entry;
  if (b->failed) {
    neap_free(o.entry);
    return;
  }
  o.left = o.entry + o.n;
  o.parent = o.left + o.n;
  number_nodes(&o);
  neap_text_put(b, number ? ",{" : "{");
  put_list(b, "base_weights", &o, put_weight);
  put_categories(b, &o);
  put_list(b, "default_left", &o, put_default);
  neap_text_format(b, "\"id\":%lld,", (long long)number);
  put_list(b, "left_children", &o, put_left);
  put_list(b, "loss_changes", &o, put_gain);
  put_list(b, "parents", &o, put_parent);
  put_list(b, "right_children", &o, put_right);
  put_list(b, "split_conditions", &o, put_condition);
  put_list(b, "split_indices", &o, put_feature);
  put_list(b, "split_type", &o, put_type);
  put_list(b, "sum_hessian", &o, put_hessian);
  neap_text_format(b,
                   "\"tree_param\":{\"num_deleted\":\"0\",\"num_feature\":\"%lld\","
                   "\"num_nodes\":\"%d\",\"size_leaf_vector\":\"0\"}}",
                   (long long)m->features, o.n);
  neap_free(o.entry);
}

/* the rest ------------------------------------------------------------------------------------- */

static void put_attribute(neap_text *b, const char *name, const char *value) {
  if (b->data[b->n - 1] != '{') neap_text_put(b, ",");
  neap_text_format(b, "\"%s\":", name);
  neap_text_json(b, value, strlen(value));
}

static void put_classes(neap_text *b, const neap_gbdt *m) {
  neap_text list = {0};
  bool usual = true;
  for (int64_t k = 0; k < m->class_count; k++) {
    usual = usual && m->classes[k] == k;
    neap_text_format(&list, k ? " %lld" : "%lld", (long long)m->classes[k]);
  }
  b->failed |= list.failed;
  if (!usual && !b->failed) put_attribute(b, "neap_classes", list.data);
  neap_text_drop(&list);
}

/* The objective's text, where the name that is written would not give it back. */
static void put_objective_text(neap_text *b, const neap_gbdt *m, const neap__xgb_objective *o) {
  bool plain = strcmp(o->ours, "binary") == 0 || strcmp(o->ours, "multiclass") == 0;
  if (!plain && strcmp(o->ours, m->objective_text) != 0)
    put_attribute(b, "neap_objective_text", m->objective_text);
}

static void put_attributes(neap_text *b, const neap_gbdt *m, const char *parameters,
                           const neap__xgb_objective *o) {
  char name[80], number[32];
  int64_t best, iterations = neap_gbdt_iterations(m);
  neap_text_put(b, "\"attributes\":{");
  for (int64_t i = 0; !b->failed && i < m->fact_count; i++) {
    const neap__fact *f = &m->facts[i];
    if (strcmp(f->name, "base_score") == 0) continue; /* has a place of its own */
    if (strcmp(f->name, "best_iteration") == 0) {
      if (!neap_integer_parse(f->value, strlen(f->value), &best) || best < 1 || best > iterations)
        continue;
      neap_integer_print(number, best - 1);
      put_attribute(b, "best_iteration", number);
      continue;
    }
    snprintf(name, sizeof name, "neap_%s", f->name);
    put_attribute(b, name, f->value);
  }
  if (!b->failed) put_classes(b, m);
  if (!b->failed) put_objective_text(b, m, o);
  if (!b->failed && m->pandas) put_attribute(b, "neap_levels", m->pandas);
  if (!b->failed && *parameters) put_attribute(b, "neap_parameters", parameters);
  neap_text_put(b, "},");
}

/* Names only where there are some: XGBoost compares them with those of the rows. */
static void put_features(neap_text *b, const neap_gbdt *m) {
  bool *category = neap_calloc_array(m->features, 1);
  bool any = false;
  b->failed |= !category;
  neap_text_put(b, "\"feature_names\":[");
  for (int64_t f = 0; m->names && f < m->features; f++) {
    if (f) neap_text_put(b, ",");
    neap_text_json(b, m->names[f], strlen(m->names[f]));
  }
  for (int64_t i = 0; category && i < m->trees; i++)
    for (int32_t k = 0; k < m->tree[i]->leaves - 1; k++)
      if (m->tree[i]->decision[k] & NEAP__CATEGORICAL)
        any = category[m->tree[i]->feature[k]] = true;
  neap_text_put(b, "],\"feature_types\":[");
  for (int64_t f = 0; any && f < m->features; f++)
    neap_text_format(b, "%s\"%s\"", f ? "," : "", category[f] ? "c" : "float");
  neap_text_put(b, "],");
  neap_free(category);
}

static void put_booster(neap_text *b, const neap_gbdt *m, const scale *s) {
  neap_text_format(b,
                   "\"gradient_booster\":{\"model\":{\"gbtree_model_param\":{"
                   "\"num_parallel_tree\":\"1\",\"num_trees\":\"%lld\",\"size_leaf_vector\":\"0\"},"
                   "\"tree_info\":[",
                   (long long)m->trees);
  for (int64_t t = 0; t < m->trees; t++) {
    if (t) neap_text_add(b, ",", 1);
    neap_text_integer(b, t % m->per_iteration);
  }
  neap_text_put(b, "],\"trees\":[");
  for (int64_t t = 0; !b->failed && t < m->trees; t++) put_tree(b, m, t, s);
  neap_text_put(b, "]},\"name\":\"gbtree\"},");
}

static void put_learner_end(neap_text *b, const neap_gbdt *m, const neap__xgb_objective *o,
                            const scale *s) {
  bool softmax = m->link == NEAP__LINK_SOFTMAX;
  long long k = m->per_iteration, f = m->features;
  neap_text_put(b, "\"learner_model_param\":{\"base_score\":\"");
  put_float(b, (double)s->base_score);
  neap_text_format(b,
                   "\",\"boost_from_average\":\"1\",\"num_class\":\"%lld\","
                   "\"num_feature\":\"%lld\",\"num_target\":\"%lld\"},",
                   softmax ? k : 0, f, softmax ? 1 : k);
  neap_text_format(b, "\"objective\":{\"name\":\"%s\"", o->name);
  if (softmax) neap_text_format(b, ",\"softmax_multiclass_param\":{\"num_class\":\"%lld\"}", k);
  else if (*o->block) neap_text_format(b, ",%s", o->block);
  neap_text_put(b, "}},\"version\":[1,7,4]}\n");
}

neap_status neap_gbdt_write_json(const neap_gbdt *m, const char *parameters, char **text,
                                 int64_t *n) {
  const neap__xgb_objective *o = objective_of(m);
  neap_text b = {0};
  if (!o)
    return neap_fail(NEAP_EVALUE,
                     "gbdt: XGBoost has nothing like the objective '%s'; LightGBM's text can be "
                     "written (.txt)",
                     m->objective_text);
  scale s = scale_of(m, o);
  NEAP_TRY(check_writable(m, &s));
  neap_text_put(&b, "{\"learner\":{");
  put_attributes(&b, m, parameters, o);
  put_features(&b, m);
  put_booster(&b, m, &s);
  put_learner_end(&b, m, o, &s);
  if (b.failed) neap_text_drop(&b);
  if (!b.data) return NEAP_ENOMEM;
  *text = b.data;
  *n = (int64_t)b.n;
  return NEAP_OK;
}
