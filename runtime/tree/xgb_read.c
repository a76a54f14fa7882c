/* Reading XGBoost's JSON, from text that nobody vouches for. The text is checked as JSON first, so
 * that what follows only meets well-formed values; then every array is checked against the sizes it
 * must have and every index against what it points into. Memory is bounded by the length of the
 * text: category sets, which a short text can make wide, by a budget. */
#include "tree/xgb.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/number.h"

enum { MOST_GROUPS = 100000, MOST_CATEGORIES = 1 << 24, WORDS_PER_BYTE = 256 };

#define SHARED_BLOCK "\"reg_loss_param\":{\"scale_pos_weight\":\"1\"}"
#define RANK_BLOCK   "\"lambda_rank_param\":{\"fix_list_weight\":\"0\",\"num_pairsample\":\"1\"}"

const neap__xgb_objective neap__xgb_objectives[] = {
    {"binary:logistic", "binary", NEAP__BASE_LOGIT, SHARED_BLOCK},
    {"binary:logitraw", "binary", NEAP__BASE_SAME, NULL},
    {"binary:hinge", "binary", NEAP__BASE_SAME, NULL},
    {"multi:softprob", "multiclass", NEAP__BASE_SAME, ""},
    {"multi:softmax", "multiclass", NEAP__BASE_SAME, NULL},
    {"reg:squarederror", "regression", NEAP__BASE_SAME, SHARED_BLOCK},
    {"reg:linear", "regression", NEAP__BASE_SAME, NULL},
    {"reg:squaredlogerror", "regression", NEAP__BASE_SAME, NULL},
    {"reg:absoluteerror", "regression_l1", NEAP__BASE_SAME, ""},
    {"reg:pseudohubererror", "huber", NEAP__BASE_SAME,
     "\"pseudo_huber_param\":{\"huber_slope\":\"1\"}"},
    {"reg:quantileerror", "quantile", NEAP__BASE_SAME, NULL},
    {"count:poisson", "poisson", NEAP__BASE_LOG,
     "\"poisson_regression_param\":{\"max_delta_step\":\"0.7\"}"},
    {"reg:gamma", "gamma", NEAP__BASE_LOG, SHARED_BLOCK},
    {"reg:tweedie", "tweedie", NEAP__BASE_LOG,
     "\"tweedie_regression_param\":{\"tweedie_variance_power\":\"1.5\"}"},
    {"reg:logistic", "cross_entropy", NEAP__BASE_LOGIT, SHARED_BLOCK},
    {"rank:pairwise", "lambdarank", NEAP__BASE_SAME, RANK_BLOCK},
    {"rank:ndcg", "lambdarank", NEAP__BASE_SAME, NULL},
    {"rank:map", "lambdarank", NEAP__BASE_SAME, NULL},
    {NULL, NULL, NEAP__BASE_SAME, NULL},
};

/* Between a float and the one below lies the double that halves the gap; it rounds to the one whose
 * last bit is 0. Below -FLT_MAX comes -inf, to which doubles round as if it were -2^128. */
double neap__xgb_threshold(float condition) {
  float below = nextafterf(condition, -INFINITY);
  double middle = ((isinf(below) ? -0x1p128 : (double)below) + (double)condition) / 2;
  uint32_t bits;
  memcpy(&bits, &below, sizeof bits);
  return bits & 1 ? nextafter(middle, -INFINITY) : middle;
}

/* objects -------------------------------------------------------------------------------------- */

typedef struct {
  neap_json json;
  neap_gbdt *m;
  int64_t features, groups, rounds, parallel, trees;
  int64_t words; /* that category sets may still take */
  neap__base base;
  const char *param, *names, *attributes, *objective, *booster, *model, *drop;
} reader;

#define BAD(r, at, ...) neap_json_fail(&(r)->json, (at), __VA_ARGS__)

typedef struct {
  const char *name;
  neap_json_kind kind;
  bool needed;
  const char **value; /* NULL afterwards: absent */
} field;

static neap_status check_kind(const reader *r, const char *value, neap_json_kind kind) {
  static const char *const kinds[] = {"an object", "an array", "a string", "a number", "a word"};
  if (neap_json_kind_of(value) == kind) return NEAP_OK;
  return BAD(r, value, "expected %s", kinds[kind]);
}

/* The members of an object that are asked for; others are passed over. */
static neap_status gather(const reader *r, const char *object, const field *fields, int n) {
  for (neap_json_items i = neap_json_open(object); neap_json_next(&i);)
    for (int k = 0; k < n; k++)
      if (neap_json_equals(i.key, fields[k].name)) {
        if (*fields[k].value) return BAD(r, i.key, "appears twice");
        NEAP_TRY(check_kind(r, i.value, fields[k].kind));
        *fields[k].value = i.value;
      }
  for (int k = 0; k < n; k++)
    if (fields[k].needed && !*fields[k].value)
      return BAD(r, object, "'%s' is missing", fields[k].name);
  return NEAP_OK;
}

#define GATHER(r, object, ...)                                                                     \
  gather((r), (object), (const field[]){__VA_ARGS__},                                              \
         (int)(sizeof((const field[]){__VA_ARGS__}) / sizeof(field)))

/* As much of a string as a message shows. */
static int shown(size_t n) { return n < 40 ? (int)n : 40; }

/* XGBoost writes its parameters as strings. */
static neap_status integer(const reader *r, const char *string, int64_t low, int64_t high,
                           int64_t *out) {
  if (!neap_integer_parse(string + 1, neap_json_length(string), out))
    return BAD(r, string, "'%.*s' is not an integer", shown(neap_json_length(string)), string + 1);
  if (*out < low || *out > high)
    return BAD(r, string, "%lld is outside %lld to %lld", (long long)*out, (long long)low,
               (long long)high);
  return NEAP_OK;
}

static neap_status missing_integer(const reader *r, const char *string, int64_t low, int64_t high,
                                   int64_t *out) {
  return string ? integer(r, string, low, high, out) : NEAP_OK;
}

/* arrays --------------------------------------------------------------------------------------- */

static neap_status check_count(const reader *r, const char *array, int64_t n, const char *what) {
  int64_t given = neap_json_count(array);
  if (given == n) return NEAP_OK;
  return BAD(r, array, "%lld entries for %lld %s", (long long)given, (long long)n, what);
}

/* n floats, as doubles. NaN, where it may be. */
static neap_status floats(const reader *r, const char *array, int64_t n, bool nan, double *out) {
  NEAP_TRY(check_count(r, array, n, "nodes"));
  for (neap_json_items i = neap_json_open(array); neap_json_next(&i); out++) {
    NEAP_TRY(check_kind(r, i.value, NEAP_JSON_NUMBER));
    *out = neap_json_number(&r->json, i.value);
    if (!(fabs(*out) <= FLT_MAX) && !(nan && isnan(*out)))
      return BAD(r, i.value, "is outside the range of floats");
    *out = (double)(float)*out;
  }
  return NEAP_OK;
}

/* n integers from low to high; flags may be written as true and false. */
static neap_status integers(const reader *r, const char *array, int64_t n, const char *what,
                            int64_t low, int64_t high, int32_t *out) {
  NEAP_TRY(check_count(r, array, n, what));
  for (neap_json_items i = neap_json_open(array); neap_json_next(&i); out++) {
    if (high == 1 && (*i.value == 't' || *i.value == 'f')) {
      *out = *i.value == 't';
      continue;
    }
    NEAP_TRY(check_kind(r, i.value, NEAP_JSON_NUMBER));
    double v = neap_json_number(&r->json, i.value);
    if (!(v >= (double)low && v <= (double)high && v == floor(v)))
      return BAD(r, i.value, "%.15g is no integer from %lld to %lld", v, (long long)low,
                 (long long)high);
    *out = (int32_t)v;
  }
  return NEAP_OK;
}

static const char *item(const char *array, int64_t index) {
  neap_json_items i = neap_json_open(array);
  for (int64_t k = 0; k <= index; k++) neap_json_next(&i);
  return i.value;
}

/* one tree ------------------------------------------------------------------------------------- */

/* A tree as XGBoost numbers its nodes, leaves among them. */
typedef struct {
  const char *at; /* the object */
  const char *left_at, *right_at, *feature_at, *condition_at, *default_at, *type_at, *weight_at,
      *gain_at, *hessian_at, *param, *listed_at, *segment_at, *size_at, *categories_at;
  int64_t n, deleted, listed, categories;
  double *condition, *weight, *gain, *hessian;
  int32_t *left, *right, *feature, *flag, *type;
  int32_t *queue, *number; /* nodes from the root on; their number here, leaves as ~number */
  int32_t *node, *segment, *size, *category; /* of category sets */
  int32_t *set;                              /* the set of a node, from 1 */
  int32_t leaves, nodes, sets;
  int64_t words;
} raw_tree;

static neap_status gather_tree(const reader *r, raw_tree *t) {
  const char *count = NULL, *deleted = NULL, *vector = NULL;
  NEAP_TRY(GATHER(r, t->at, {"left_children", NEAP_JSON_ARRAY, true, &t->left_at},
                  {"right_children", NEAP_JSON_ARRAY, true, &t->right_at},
                  {"split_indices", NEAP_JSON_ARRAY, true, &t->feature_at},
                  {"split_conditions", NEAP_JSON_ARRAY, true, &t->condition_at},
                  {"default_left", NEAP_JSON_ARRAY, true, &t->default_at},
                  {"split_type", NEAP_JSON_ARRAY, false, &t->type_at},
                  {"base_weights", NEAP_JSON_ARRAY, false, &t->weight_at},
                  {"loss_changes", NEAP_JSON_ARRAY, false, &t->gain_at},
                  {"sum_hessian", NEAP_JSON_ARRAY, false, &t->hessian_at},
                  {"categories_nodes", NEAP_JSON_ARRAY, false, &t->listed_at},
                  {"categories_segments", NEAP_JSON_ARRAY, false, &t->segment_at},
                  {"categories_sizes", NEAP_JSON_ARRAY, false, &t->size_at},
                  {"categories", NEAP_JSON_ARRAY, false, &t->categories_at},
                  {"tree_param", NEAP_JSON_OBJECT, true, &t->param}));
  NEAP_TRY(GATHER(r, t->param, {"num_nodes", NEAP_JSON_STRING, true, &count},
                  {"num_deleted", NEAP_JSON_STRING, false, &deleted},
                  {"size_leaf_vector", NEAP_JSON_STRING, false, &vector}));
  NEAP_TRY(integer(r, count, 1, INT32_MAX / 2, &t->n));
  NEAP_TRY(missing_integer(r, deleted, 0, t->n - 1, &t->deleted));
  int64_t width = 0;
  NEAP_TRY(missing_integer(r, vector, 0, INT32_MAX, &width));
  if (width > 1) return BAD(r, vector, "leaves of several values are not understood");
  NEAP_TRY(check_count(r, t->left_at, t->n, "nodes")); /* before memory is taken for that many */
  t->listed = t->listed_at ? neap_json_count(t->listed_at) : 0;
  t->categories = t->categories_at ? neap_json_count(t->categories_at) : 0;
  if (t->listed && (!t->segment_at || !t->size_at || !t->categories_at))
    return BAD(r, t->listed_at, "without categories_segments, categories_sizes and categories");
  return NEAP_OK;
}

static bool make_arrays(raw_tree *t) {
  double **doubles[] = {&t->condition, &t->weight, &t->gain, &t->hessian};
  int32_t **nodes[] = {&t->left, &t->right, &t->feature, &t->flag,
                       &t->type, &t->queue, &t->number,  &t->set};
  int32_t **sets[] = {&t->node, &t->segment, &t->size};
  double *d = neap_calloc_array(4 * t->n, sizeof *d);
  int32_t *i = neap_calloc_array(8 * t->n + 3 * t->listed + t->categories, sizeof *i);
  t->condition = d;
  t->left = i;
  if (!d || !i) return false;
  for (int k = 0; k < 4; k++, d += t->n) *doubles[k] = d;
  for (int k = 0; k < 8; k++, i += t->n) *nodes[k] = i;
  for (int k = 0; k < 3; k++, i += t->listed) *sets[k] = i;
  t->category = i;
  return true;
}

static void drop_arrays(raw_tree *t) {
  neap_free(t->condition);
  neap_free(t->left);
}

static neap_status load_arrays(const reader *r, raw_tree *t) {
  int64_t n = t->n;
  NEAP_TRY(integers(r, t->left_at, n, "nodes", -1, n - 1, t->left));
  NEAP_TRY(integers(r, t->right_at, n, "nodes", -1, n - 1, t->right));
  NEAP_TRY(integers(r, t->feature_at, n, "nodes", 0, INT32_MAX, t->feature));
  NEAP_TRY(integers(r, t->default_at, n, "nodes", 0, 1, t->flag));
  NEAP_TRY(floats(r, t->condition_at, n, true, t->condition));
  if (t->type_at) NEAP_TRY(integers(r, t->type_at, n, "nodes", 0, 1, t->type));
  if (t->weight_at) NEAP_TRY(floats(r, t->weight_at, n, false, t->weight));
  if (t->gain_at) NEAP_TRY(floats(r, t->gain_at, n, false, t->gain));
  if (t->hessian_at) NEAP_TRY(floats(r, t->hessian_at, n, false, t->hessian));
  if (!t->listed) return NEAP_OK;
  const char *sets = "categories_nodes";
  NEAP_TRY(integers(r, t->listed_at, t->listed, "nodes", 0, n - 1, t->node));
  NEAP_TRY(integers(r, t->segment_at, t->listed, sets, 0, t->categories, t->segment));
  NEAP_TRY(integers(r, t->size_at, t->listed, sets, 0, t->categories, t->size));
  return integers(r, t->categories_at, t->categories, "categories", 0, MOST_CATEGORIES - 1,
                  t->category);
}

static int32_t largest_category(const raw_tree *t, int32_t set) {
  int32_t largest = -1;
  for (int32_t k = 0; k < t->size[set]; k++) {
    int32_t v = t->category[t->segment[set] + k];
    largest = v > largest ? v : largest;
  }
  return largest;
}

static neap_status link_sets(const reader *r, raw_tree *t) {
  for (int32_t s = 0; s < t->listed; s++) {
    int32_t node = t->node[s];
    const char *at = item(t->listed_at, s);
    if (!t->type[node]) return BAD(r, at, "node %d does not split by categories", node);
    if (t->set[node]) return BAD(r, at, "node %d is listed twice", node);
    if (t->segment[s] > t->categories - t->size[s])
      return BAD(r, item(t->segment_at, s), "%d and %d more reach beyond %lld categories",
                 t->segment[s], t->size[s], (long long)t->categories);
    t->set[node] = s + 1;
  }
  return NEAP_OK;
}

/* XGBoost writes NaN where a node asks for categories. */
static neap_status check_condition(const reader *r, const raw_tree *t, int32_t k) {
  return isnan(t->condition[k]) ? BAD(r, item(t->condition_at, k), "is NaN") : NEAP_OK;
}

static neap_status check_node(const reader *r, raw_tree *t, int32_t k) {
  if (t->feature[k] >= r->features)
    return BAD(r, item(t->feature_at, k), "feature %d of %lld", t->feature[k],
               (long long)r->features);
  if (!t->type[k]) return check_condition(r, t, k);
  if (!t->set[k]) return BAD(r, t->at, "node %d splits by categories that are not listed", k);
  t->sets++;
  t->words += largest_category(t, t->set[k] - 1) / 32 + 1;
  return NEAP_OK;
}

static neap_status push_child(const reader *r, raw_tree *t, const char *array, int32_t k,
                              int32_t child, int32_t *used) {
  if (child < 1) return BAD(r, item(array, k), "%d is no child of node %d", child, k);
  if (t->number[child]) return BAD(r, item(array, k), "node %d is reached twice", child);
  t->number[child] = 1;
  t->queue[(*used)++] = child;
  return NEAP_OK;
}

/* Number what is reached from the root, each once; the rest must be said to be deleted. */
static neap_status number_nodes(const reader *r, raw_tree *t) {
  int32_t used = 1;
  for (int32_t i = 0; i < used; i++) {
    int32_t k = t->queue[i];
    if (t->left[k] < 0) {
      if (t->right[k] >= 0) return BAD(r, item(t->left_at, k), "node %d has one child", k);
      NEAP_TRY(check_condition(r, t, k));
      t->number[k] = ~t->leaves++;
      continue;
    }
    NEAP_TRY(push_child(r, t, t->left_at, k, t->left[k], &used));
    NEAP_TRY(push_child(r, t, t->right_at, k, t->right[k], &used));
    NEAP_TRY(check_node(r, t, k));
    t->number[k] = t->nodes++;
  }
  if (used != t->n - t->deleted)
    return BAD(r, t->left_at, "%d nodes are reached from the root, expected %lld", used,
               (long long)(t->n - t->deleted));
  return NEAP_OK;
}

static void fill_set(const raw_tree *t, int32_t k, neap__tree *out, int32_t set) {
  int32_t begin = out->cat_boundary[set], from = t->set[k] - 1;
  for (int32_t i = 0; i < t->size[from]; i++) {
    int32_t v = t->category[t->segment[from] + i];
    out->cat_bits[begin + v / 32] |= (uint32_t)1 << (v % 32);
  }
  out->cat_boundary[set + 1] = begin + largest_category(t, from) / 32 + 1;
}

/* Categories: the sides change places, and what is not listed goes right, NaN by its own side. */
static void fill_node(const raw_tree *t, int32_t k, neap__tree *out, int32_t *sets) {
  int32_t to = t->number[k];
  bool category = t->type[k];
  int32_t left = category ? t->right[k] : t->left[k], right = category ? t->left[k] : t->right[k];
  out->feature[to] = t->feature[k];
  out->gain[to] = t->gain[k];
  out->internal_value[to] = t->weight[k];
  out->internal_weight[to] = t->hessian[k];
  out->left[to] = t->number[left];
  out->right[to] = t->number[right];
  out->decision[to] = (uint8_t)(NEAP__MISSING_NAN | (category ? NEAP__CATEGORICAL : 0) |
                                (category != t->flag[k] ? NEAP__DEFAULT_LEFT : 0));
  out->threshold[to] = category ? *sets : neap__xgb_threshold((float)t->condition[k]);
  if (category) fill_set(t, k, out, (*sets)++);
}

static neap__tree *build_tree(const raw_tree *t, double factor) {
  neap__tree *out = neap__tree_new(t->leaves, t->sets, t->words, false, 0);
  if (!out) return NULL;
  int32_t sets = 0;
  for (int32_t i = 0; i < t->leaves + t->nodes; i++) {
    int32_t k = t->queue[i], to = t->number[k];
    if (to >= 0) {
      fill_node(t, k, out, &sets);
      continue;
    }
    out->leaf_value[~to] = t->condition[k] * factor;
    out->leaf_weight[~to] = t->hessian[k];
  }
  return out;
}

static neap_status read_tree(reader *r, const char *object, double factor, neap__tree **out) {
  raw_tree t = {.at = object};
  NEAP_TRY(gather_tree(r, &t));
  neap_status st = make_arrays(&t) ? NEAP_OK : NEAP_ENOMEM;
  if (!st) st = load_arrays(r, &t);
  if (!st) st = link_sets(r, &t);
  if (!st) st = number_nodes(r, &t);
  r->words -= t.words;
  if (!st && (r->words < 0 || t.words > INT32_MAX))
    st = BAD(r, t.at, "the category sets are far wider than the text is long");
  if (!st) *out = build_tree(&t, factor);
  if (!st && !*out) st = NEAP_ENOMEM;
  drop_arrays(&t);
  return st ? st : neap_interrupt_check();
}

/* the trees ------------------------------------------------------------------------------------ */

/* slot[t]: the place of tree t here, where the trees of an iteration, one for each group, lie side
 * by side. XGBoost keeps those of a group together that were grown at the same time. */
static neap_status place_trees(const reader *r, const char *info, int32_t *slot) {
  int64_t *seen = neap_calloc_array(r->groups, sizeof *seen);
  if (!seen) return NEAP_ENOMEM;
  neap_status st = integers(r, info, r->trees, "trees", 0, r->groups - 1, slot);
  for (int64_t t = 0; !st && t < r->trees; t++) {
    int64_t group = slot[t], to = seen[group]++ * r->groups + group;
    if (to >= r->trees)
      st = BAD(r, item(info, t), "class %lld has more trees than others", (long long)group);
    else slot[t] = (int32_t)to;
  }
  neap_free(seen);
  return st;
}

static neap_status read_into(reader *r, const char *trees, const int32_t *slot,
                             const double *factor) {
  int64_t t = 0;
  for (neap_json_items i = neap_json_open(trees); neap_json_next(&i); t++) {
    NEAP_TRY(check_kind(r, i.value, NEAP_JSON_OBJECT));
    NEAP_TRY(read_tree(r, i.value, factor ? factor[t] : 1, &r->m->tree[slot[t]]));
  }
  return NEAP_OK;
}

static neap_status read_trees(reader *r) {
  const char *param = NULL, *info = NULL, *trees = NULL, *count = NULL, *parallel = NULL;
  NEAP_TRY(GATHER(r, r->model, {"gbtree_model_param", NEAP_JSON_OBJECT, true, &param},
                  {"tree_info", NEAP_JSON_ARRAY, true, &info},
                  {"trees", NEAP_JSON_ARRAY, true, &trees}));
  NEAP_TRY(GATHER(r, param, {"num_trees", NEAP_JSON_STRING, true, &count},
                  {"num_parallel_tree", NEAP_JSON_STRING, false, &parallel}));
  NEAP_TRY(integer(r, count, 0, INT32_MAX, &r->trees));
  r->parallel = 1;
  NEAP_TRY(missing_integer(r, parallel, 0, INT32_MAX, &r->parallel));
  NEAP_TRY(check_count(r, trees, r->trees, "trees"));
  if (r->trees % r->groups)
    return BAD(r, count, "%lld trees for %lld classes", (long long)r->trees, (long long)r->groups);
  if (r->drop) NEAP_TRY(check_count(r, r->drop, r->trees, "trees"));
  int32_t *slot = neap_alloc_array(r->trees + 1, sizeof *slot);
  double *factor = r->drop ? neap_alloc_array(r->trees + 1, sizeof *factor) : NULL;
  r->m->tree = neap_calloc_array(r->trees + 1, sizeof *r->m->tree);
  neap_status st = slot && r->m->tree && (factor || !r->drop) ? NEAP_OK : NEAP_ENOMEM;
  if (!st) r->m->trees = r->m->tree_room = r->trees;
  if (!st && r->drop) st = floats(r, r->drop, r->trees, false, factor);
  if (!st) st = place_trees(r, info, slot);
  if (!st) st = read_into(r, trees, slot, factor);
  neap_free(factor);
  neap_free(slot);
  return st;
}

/* the intercept -------------------------------------------------------------------------------- */

/* Versions that write lists take probabilities of 0 and 1, and bound them. */
static neap_status through_link(const reader *r, const char *at, bool list, double *v) {
  const float least = 1e-6F;
  float f = (float)*v;
  if (r->base == NEAP__BASE_LOGIT && list && f >= 0 && f <= 1)
    f = f < least ? least : f > 1 - least ? 1 - least : f;
  if (r->base == NEAP__BASE_LOGIT && !(f > 0 && f < 1))
    return BAD(r, at, "base_score %g must lie between 0 and 1", *v);
  if (r->base == NEAP__BASE_LOG && !(f > 0)) return BAD(r, at, "base_score %g must be above 0", *v);
  if (!(fabsf(f) <= FLT_MAX)) return BAD(r, at, "base_score %g is no finite float", *v);
  if (r->base == NEAP__BASE_LOGIT) f = -(float)log((double)(1 / f - 1));
  if (r->base == NEAP__BASE_LOG) f = (float)log((double)f);
  *v = (double)f;
  return NEAP_OK;
}

/* "5E-1", or "[1E-1,2E-1]" with one number for all or one for each group. */
static neap_status read_base(const reader *r, const char *string, double *base) {
  const char *p = string + 1, *end = p + neap_json_length(string);
  bool list = end - p > 1 && *p == '[' && end[-1] == ']';
  if (list) p++, end--;
  int64_t n = 0;
  while (p < end && n < r->groups) {
    const char *comma = list ? memchr(p, ',', (size_t)(end - p)) : NULL;
    size_t length = (size_t)((comma ? comma : end) - p);
    if (!neap_number_parse(p, length, &base[n]))
      return BAD(r, string, "'%.*s' is not a number", shown(length), p);
    NEAP_TRY(through_link(r, string, list, &base[n++]));
    p += length;
    if (comma && ++p == end) n = -1;
  }
  if (p < end || (n != 1 && n != r->groups))
    return BAD(r, string, "one number is expected, or one for each of %lld classes",
               (long long)r->groups);
  for (int64_t k = 1; n == 1 && k < r->groups; k++) base[k] = base[0];
  return NEAP_OK;
}

/* Into the leaves of the first iteration, which is made when there is none. */
static neap_status add_base(reader *r, const double *base) {
  bool bare = r->trees == 0;
  for (int64_t k = 0; k < r->groups; k++) {
    if (bare) NEAP_TRY(neap__gbdt_append(r->m, neap__tree_new(1, 0, 0, false, 0)));
    neap__tree *t = r->m->tree[k];
    for (int32_t i = 0; i < t->leaves; i++) t->leaf_value[i] += base[k];
  }
  return NEAP_OK;
}

static neap_status read_intercept(reader *r, const char *string) {
  double *base = neap_calloc_array(r->groups, sizeof *base);
  neap_status st = base ? read_base(r, string, base) : NEAP_ENOMEM;
  if (!st) st = add_base(r, base);
  neap_free(base);
  return st;
}

/* names and attributes ------------------------------------------------------------------------- */

static neap_status text_of(const reader *r, const char *value, neap_text *out) {
  out->n = 0;
  NEAP_TRY(check_kind(r, value, NEAP_JSON_STRING));
  neap_text_add(out, "", 0);
  return neap_json_string(value, out) ? NEAP_OK : NEAP_ENOMEM;
}

static neap_status read_names(reader *r, neap_text *text) {
  if (!r->names || neap_json_count(r->names) == 0) return NEAP_OK;
  NEAP_TRY(check_count(r, r->names, r->features, "features"));
  char **names = r->m->names = neap_calloc_array(r->features, sizeof *names);
  if (!names) return NEAP_ENOMEM;
  for (neap_json_items i = neap_json_open(r->names); neap_json_next(&i); names++) {
    NEAP_TRY(text_of(r, i.value, text));
    if (text->n == 0) return BAD(r, i.value, "a feature needs a name");
    *names = neap_strndup(text->data, text->n);
    if (!*names) return NEAP_ENOMEM;
    for (char *p = *names; *p; p++)
      if (strchr(" \t\r\n", *p)) *p = '_';
  }
  return NEAP_OK;
}

/* "-1 1 2": as many rising integers as there are classes. */
static neap_status read_classes(reader *r, const char *value, const char *text) {
  neap_gbdt *m = r->m;
  const char *p = text;
  for (int64_t k = 0; k < m->class_count; k++) {
    size_t n = strcspn(p, " ");
    if (!neap_integer_parse(p, n, &m->classes[k]) || (k && m->classes[k] <= m->classes[k - 1]))
      return BAD(r, value, "expected %lld rising integers", (long long)m->class_count);
    p += n + (p[n] == ' ');
  }
  return *p ? BAD(r, value, "more than %lld classes", (long long)m->class_count) : NEAP_OK;
}

/* The best iteration counts rounds from 0 there, iterations from 1 here. */
static neap_status read_best(reader *r, const char *text) {
  int64_t best, all = r->m->trees / r->groups;
  char number[32];
  if (r->parallel < 1 || !neap_integer_parse(text, strlen(text), &best) || best < 0 ||
      best >= all / r->parallel)
    return NEAP_OK;
  neap_integer_print(number, (best + 1) * r->parallel);
  return neap_gbdt_set_fact(r->m, "best_iteration", number);
}

/* Lines as LightGBM's parameters section has them, none of which may end it. */
static neap_status read_parameters(reader *r, const char *value, const neap_text *text) {
  bool good = text->n == 0 || text->data[text->n - 1] == '\n';
  for (const char *line = text->data; *line; line = strchr(line, '\n') + 1) {
    good = good && (*line == '[' || *line == '\n') && strncmp(line, "[neap_", 6) != 0;
    if (!good || strchr(text->data, '\r')) return BAD(r, value, "expected lines of [name: value]");
  }
  char *copy = neap_strndup(text->data, text->n);
  if (!copy) return NEAP_ENOMEM;
  neap_free(r->m->parameters);
  r->m->parameters = copy;
  return NEAP_OK;
}

static neap_status read_attribute(reader *r, const neap_json_items *i, neap_text *text) {
  static const char prefix[] = "neap_";
  bool ours = strncmp(i->key + 1, prefix, sizeof prefix - 1) == 0;
  bool best = neap_json_equals(i->key, "best_iteration");
  if (!ours && !best) return NEAP_OK;
  NEAP_TRY(text_of(r, i->value, text));
  if (best) return read_best(r, text->data);
  char name[80];
  size_t n = neap_json_length(i->key) - (sizeof prefix - 1);
  if (n >= sizeof name) return BAD(r, i->key, "the name is too long");
  memcpy(name, i->key + sizeof prefix, n);
  name[n] = 0;
  if (strcmp(name, "objective_text") == 0) return NEAP_OK;
  if (strcmp(name, "classes") == 0) return read_classes(r, i->value, text->data);
  if (strcmp(name, "parameters") == 0) return read_parameters(r, i->value, text);
  if (strcmp(name, "levels") == 0) {
    if (strpbrk(text->data, "\r\n")) return BAD(r, i->value, "has more than one line");
    return neap_gbdt_set_levels(r->m, text->data, (int64_t)text->n);
  }
  neap_status st = neap_gbdt_set_fact(r->m, name, text->data);
  return st == NEAP_EARG ? BAD(r, i->key, "no fact of neap: %s", neap_last_error()) : st;
}

static neap_status read_attributes(reader *r, neap_text *text) {
  if (!r->attributes) return NEAP_OK;
  for (neap_json_items i = neap_json_open(r->attributes); neap_json_next(&i);)
    NEAP_TRY(read_attribute(r, &i, text));
  return NEAP_OK;
}

/* the whole ------------------------------------------------------------------------------------ */

static neap_status find_objective(reader *r, neap_text *text) {
  const char *name = NULL, *kept = NULL;
  NEAP_TRY(GATHER(r, r->objective, {"name", NEAP_JSON_STRING, true, &name}));
  const neap__xgb_objective *o = neap__xgb_objectives;
  while (o->name && !neap_json_equals(name, o->name)) o++;
  if (!o->name)
    return BAD(r, name, "objective '%.*s' is not one that neap knows",
               shown(neap_json_length(name)), name + 1);
  r->base = o->base;
  if (r->attributes)
    NEAP_TRY(GATHER(r, r->attributes, {"neap_objective_text", NEAP_JSON_STRING, false, &kept}));
  if (kept) NEAP_TRY(text_of(r, kept, text));
  if (kept && strpbrk(text->data, "\r\n")) return BAD(r, kept, "has more than one line");
  if (kept) return NEAP_OK;
  neap_text_put(text, o->ours);
  if (strcmp(o->ours, "binary") == 0) neap_text_put(text, " sigmoid:1");
  if (strcmp(o->ours, "multiclass") == 0) {
    neap_text_put(text, " num_class:");
    neap_text_integer(text, r->groups);
  }
  return text->failed ? NEAP_ENOMEM : NEAP_OK;
}

/* Trees lie under "model", those of dart under "gbtree" beside their weights. */
static neap_status find_model(reader *r) {
  const char *name = NULL, *inner = NULL, *object = r->booster;
  NEAP_TRY(GATHER(r, object, {"name", NEAP_JSON_STRING, true, &name}));
  bool dart = neap_json_equals(name, "dart");
  if (!dart && !neap_json_equals(name, "gbtree"))
    return BAD(r, name, "booster '%.*s' is not gbtree or dart", shown(neap_json_length(name)),
               name + 1);
  if (dart) {
    NEAP_TRY(GATHER(r, object, {"gbtree", NEAP_JSON_OBJECT, true, &inner},
                    {"weight_drop", NEAP_JSON_ARRAY, true, &r->drop}));
    object = inner;
  }
  return GATHER(r, object, {"model", NEAP_JSON_OBJECT, true, &r->model});
}

static neap_status read_learner(reader *r, neap_text *text) {
  const char *learner = NULL, *base = NULL, *classes = NULL, *features = NULL, *targets = NULL;
  int64_t several = 0;
  NEAP_TRY(GATHER(r, r->json.root, {"learner", NEAP_JSON_OBJECT, true, &learner}));
  NEAP_TRY(GATHER(r, learner, {"learner_model_param", NEAP_JSON_OBJECT, true, &r->param},
                  {"objective", NEAP_JSON_OBJECT, true, &r->objective},
                  {"gradient_booster", NEAP_JSON_OBJECT, true, &r->booster},
                  {"attributes", NEAP_JSON_OBJECT, false, &r->attributes},
                  {"feature_names", NEAP_JSON_ARRAY, false, &r->names}));
  NEAP_TRY(GATHER(r, r->param, {"base_score", NEAP_JSON_STRING, true, &base},
                  {"num_class", NEAP_JSON_STRING, false, &classes},
                  {"num_feature", NEAP_JSON_STRING, true, &features},
                  {"num_target", NEAP_JSON_STRING, false, &targets}));
  NEAP_TRY(integer(r, features, 1, NEAP__MAX_FEATURES, &r->features));
  NEAP_TRY(missing_integer(r, targets, 0, MOST_GROUPS, &several));
  NEAP_TRY(missing_integer(r, classes, 0, MOST_GROUPS, &r->groups));
  if (several > r->groups) r->groups = several;
  if (r->groups < 1) r->groups = 1;
  NEAP_TRY(find_objective(r, text));
  neap_status st = neap__gbdt_new(&r->m, r->features, text->data, r->groups);
  if (st == NEAP_EFORMAT) st = BAD(r, r->objective, "%s", neap_last_error());
  if (!st) st = find_model(r);
  if (!st) st = read_trees(r);
  if (!st) st = read_intercept(r, base);
  if (!st) st = read_names(r, text);
  if (!st) st = read_attributes(r, text);
  return st;
}

neap_status neap__gbdt_parse_json(neap_gbdt **out, const char *text, int64_t n) {
  reader r = {.json = {.what = "gbdt.load", .text = text, .end = text + n, .words = true},
              .words = 4096 + WORDS_PER_BYTE * n};
  neap_text scratch = {0};
  *out = NULL;
  neap_status st = neap_json_check(&r.json);
  if (!st) st = read_learner(&r, &scratch);
  if (!st) st = neap__gbdt_objective(r.m); /* again: a fact may say more than the name */
  if (!st) st = neap__gbdt_compile(r.m);
  neap_text_drop(&scratch);
  if (!st) *out = r.m;
  else neap_gbdt_free(r.m);
  return st;
}
