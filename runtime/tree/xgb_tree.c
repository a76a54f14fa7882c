/* One tree of XGBoost's JSON. Memory is bounded by the length of the text: category sets, which a
 * short text can make wide, by a budget. */
#include <math.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "tree/xgb_reader.h"

enum { MOST_CATEGORIES = 1 << 24 };

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

static neap_status gather_tree(const neap__xgb_reader *r, raw_tree *t) {
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
  NEAP_TRY(neap__xgb_integer(r, count, 1, INT32_MAX / 2, &t->n));
  NEAP_TRY(neap__xgb_optional(r, deleted, 0, t->n - 1, &t->deleted));
  int64_t width = 0;
  NEAP_TRY(neap__xgb_optional(r, vector, 0, INT32_MAX, &width));
  if (width > 1) return BAD(r, vector, "leaves of several values are not understood");
  NEAP_TRY(
      neap__xgb_count(r, t->left_at, t->n, "nodes")); /* before memory is taken for that many */
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

static neap_status load_arrays(const neap__xgb_reader *r, raw_tree *t) {
  int64_t n = t->n;
  NEAP_TRY(neap__xgb_integers(r, t->left_at, n, "nodes", -1, n - 1, t->left));
  NEAP_TRY(neap__xgb_integers(r, t->right_at, n, "nodes", -1, n - 1, t->right));
  NEAP_TRY(neap__xgb_integers(r, t->feature_at, n, "nodes", 0, INT32_MAX, t->feature));
  NEAP_TRY(neap__xgb_integers(r, t->default_at, n, "nodes", 0, 1, t->flag));
  NEAP_TRY(neap__xgb_floats(r, t->condition_at, n, true, t->condition));
  if (t->type_at) NEAP_TRY(neap__xgb_integers(r, t->type_at, n, "nodes", 0, 1, t->type));
  if (t->weight_at) NEAP_TRY(neap__xgb_floats(r, t->weight_at, n, false, t->weight));
  if (t->gain_at) NEAP_TRY(neap__xgb_floats(r, t->gain_at, n, false, t->gain));
  if (t->hessian_at) NEAP_TRY(neap__xgb_floats(r, t->hessian_at, n, false, t->hessian));
  if (!t->listed) return NEAP_OK;
  const char *sets = "categories_nodes";
  NEAP_TRY(neap__xgb_integers(r, t->listed_at, t->listed, "nodes", 0, n - 1, t->node));
  NEAP_TRY(neap__xgb_integers(r, t->segment_at, t->listed, sets, 0, t->categories, t->segment));
  NEAP_TRY(neap__xgb_integers(r, t->size_at, t->listed, sets, 0, t->categories, t->size));
  return neap__xgb_integers(r, t->categories_at, t->categories, "categories", 0,
                            MOST_CATEGORIES - 1, t->category);
}

static int32_t largest_category(const raw_tree *t, int32_t set) {
  int32_t largest = -1;
  for (int32_t k = 0; k < t->size[set]; k++) {
    int32_t v = t->category[t->segment[set] + k];
    largest = v > largest ? v : largest;
  }
  return largest;
}

static neap_status link_sets(const neap__xgb_reader *r, raw_tree *t) {
  for (int32_t s = 0; s < t->listed; s++) {
    int32_t node = t->node[s];
    const char *at = neap__xgb_item(t->listed_at, s);
    if (!t->type[node]) return BAD(r, at, "node %d does not split by categories", node);
    if (t->set[node]) return BAD(r, at, "node %d is listed twice", node);
    if (t->segment[s] > t->categories - t->size[s])
      return BAD(r, neap__xgb_item(t->segment_at, s), "%d and %d more reach beyond %lld categories",
                 t->segment[s], t->size[s], (long long)t->categories);
    t->set[node] = s + 1;
  }
  return NEAP_OK;
}

/* XGBoost writes NaN where a node asks for categories. */
static neap_status check_condition(const neap__xgb_reader *r, const raw_tree *t, int32_t k) {
  return isnan(t->condition[k]) ? BAD(r, neap__xgb_item(t->condition_at, k), "is NaN") : NEAP_OK;
}

static neap_status check_node(const neap__xgb_reader *r, raw_tree *t, int32_t k) {
  if (t->feature[k] >= r->features)
    return BAD(r, neap__xgb_item(t->feature_at, k), "feature %d of %lld", t->feature[k],
               (long long)r->features);
  if (!t->type[k]) return check_condition(r, t, k);
  if (!t->set[k]) return BAD(r, t->at, "node %d splits by categories that are not listed", k);
  t->sets++;
  t->words += largest_category(t, t->set[k] - 1) / 32 + 1;
  return NEAP_OK;
}

static neap_status push_child(const neap__xgb_reader *r, raw_tree *t, const char *array, int32_t k,
                              int32_t child, int32_t *used) {
  if (child < 1) return BAD(r, neap__xgb_item(array, k), "%d is no child of node %d", child, k);
  if (t->number[child]) return BAD(r, neap__xgb_item(array, k), "node %d is reached twice", child);
  t->number[child] = 1;
  t->queue[(*used)++] = child;
  return NEAP_OK;
}

/* Number what is reached from the root, each once; the rest must be said to be deleted. */
static neap_status number_nodes(const neap__xgb_reader *r, raw_tree *t) {
  int32_t used = 1;
  for (int32_t i = 0; i < used; i++) {
    int32_t k = t->queue[i];
    if (t->left[k] < 0) {
      if (t->right[k] >= 0)
        return BAD(r, neap__xgb_item(t->left_at, k), "node %d has one child", k);
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

neap_status neap__xgb_tree(neap__xgb_reader *r, const char *object, double factor,
                           neap__tree **out) {
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
