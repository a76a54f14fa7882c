/* Writing LightGBM's text format, version 4. Thresholds and leaves have 17 significant digits, so
 * that the model reads back to the same bits; tree_sizes are exact, since LightGBM finds the trees
 * by them. */
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"
#include "tree/model.h"

typedef struct {
  char *data;
  int64_t n, room;
  bool failed;
} buffer;

static bool make_room(buffer *b, int64_t more) {
  if (b->failed) return false;
  if (b->n + more <= b->room) return true;
  int64_t room = 2 * b->room + more + 4096;
  char *data = neap_realloc_array(b->data, room, 1);
  b->failed = data == NULL;
  if (data) {
    b->data = data;
    b->room = room;
  }
  return data != NULL;
}

static void put_bytes(buffer *b, const char *text, size_t n) {
  if (!make_room(b, (int64_t)n + 1)) return;
  memcpy(b->data + b->n, text, n);
  b->n += (int64_t)n;
  b->data[b->n] = 0;
}

static void put(buffer *b, const char *text) { put_bytes(b, text, strlen(text)); }

static void put_integer(buffer *b, int64_t v) {
  char text[32];
  put_bytes(b, text, neap_integer_print(text, v));
}

static void put_exact(buffer *b, double v) {
  char text[32];
  put_bytes(b, text, neap_number_print_17(text, v));
}

static void put_number(buffer *b, double v) {
  char text[32];
  put_bytes(b, text, neap_number_print(text, v));
}

static void put_pair(buffer *b, const char *key, int64_t v) {
  put(b, key);
  put(b, "=");
  put_integer(b, v);
  put(b, "\n");
}

/* "key=a b c\n" for the arrays of a tree. */
#define PUT_LIST(b, key, count, print, values)                                                     \
  do {                                                                                             \
    put((b), key "=");                                                                             \
    for (int64_t i_ = 0; i_ < (count); i_++) {                                                     \
      if (i_) put((b), " ");                                                                       \
      print((b), (values)[i_]);                                                                    \
    }                                                                                              \
    put((b), "\n");                                                                                \
  } while (0)

/* Lists cut by leaf: a blank behind each leaf, one more behind each leaf that has entries. */
static void put_linear(buffer *b, const neap__tree *t) {
  PUT_LIST(b, "leaf_const", t->leaves, put_exact, t->leaf_const);
  put(b, "num_features=");
  for (int32_t i = 0; i < t->leaves; i++) {
    if (i) put(b, " ");
    put_integer(b, t->leaf_start[i + 1] - t->leaf_start[i]);
  }
  put(b, "\nleaf_features=");
  for (int32_t i = 0; i < t->leaves; i++) {
    for (int32_t k = t->leaf_start[i]; k < t->leaf_start[i + 1]; k++) {
      put_integer(b, t->leaf_feature[k]);
      put(b, " ");
    }
    put(b, " ");
  }
  put(b, "\nleaf_coeff=");
  for (int32_t i = 0; i < t->leaves; i++) {
    for (int32_t k = t->leaf_start[i]; k < t->leaf_start[i + 1]; k++) {
      put_exact(b, t->leaf_coeff[k]);
      put(b, " ");
    }
    put(b, " ");
  }
  put(b, "\n");
}

static void put_tree(buffer *b, const neap__tree *t, int64_t number) {
  int64_t nodes = t->leaves - 1;
  put_pair(b, "Tree", number);
  put_pair(b, "num_leaves", t->leaves);
  put_pair(b, "num_cat", t->cats);
  PUT_LIST(b, "split_feature", nodes, put_integer, t->feature);
  PUT_LIST(b, "split_gain", nodes, put_number, t->gain);
  PUT_LIST(b, "threshold", nodes, put_exact, t->threshold);
  PUT_LIST(b, "decision_type", nodes, put_integer, t->decision);
  PUT_LIST(b, "left_child", nodes, put_integer, t->left);
  PUT_LIST(b, "right_child", nodes, put_integer, t->right);
  PUT_LIST(b, "leaf_value", t->leaves, put_exact, t->leaf_value);
  PUT_LIST(b, "leaf_weight", t->leaves, put_exact, t->leaf_weight);
  PUT_LIST(b, "leaf_count", t->leaves, put_integer, t->leaf_count);
  PUT_LIST(b, "internal_value", nodes, put_number, t->internal_value);
  PUT_LIST(b, "internal_weight", nodes, put_number, t->internal_weight);
  PUT_LIST(b, "internal_count", nodes, put_integer, t->internal_count);
  if (t->cats) PUT_LIST(b, "cat_boundaries", t->cats + 1, put_integer, t->cat_boundary);
  if (t->cats) PUT_LIST(b, "cat_threshold", t->words, put_integer, t->cat_bits);
  put_pair(b, "is_linear", t->linear);
  if (t->linear) put_linear(b, t);
  put(b, "shrinkage=");
  put_number(b, t->shrinkage);
  put(b, "\n\n\n");
}

static void put_header(buffer *b, const neap_gbdt *m, const buffer *sizes) {
  put(b, "tree\nversion=v4\n");
  put_pair(b, "num_class", m->per_iteration);
  put_pair(b, "num_tree_per_iteration", m->per_iteration);
  put_pair(b, "label_index", m->label_index);
  put_pair(b, "max_feature_idx", m->features - 1);
  if (*m->objective_text) {
    put(b, "objective=");
    put(b, m->objective_text);
    put(b, "\n");
  }
  if (m->average) put(b, "average_output\n");
  put(b, "feature_names=");
  for (int64_t i = 0; i < m->features; i++) {
    if (i) put(b, " ");
    put(b, neap_gbdt_feature_name(m, i));
  }
  put(b, "\nfeature_infos=");
  for (int64_t i = 0; i < m->features; i++) {
    if (i) put(b, " ");
    put(b, m->infos ? m->infos[i] : "none");
  }
  put(b, "\ntree_sizes=");
  if (sizes->n) put_bytes(b, sizes->data, (size_t)sizes->n);
  put(b, "\n\n");
}

/* Features that are split on, by falling number of splits, ties in the order of the columns. */
static void put_importance(buffer *b, const neap_gbdt *m) {
  double *splits = neap_alloc_array(m->features, sizeof *splits);
  b->failed |= splits == NULL;
  put(b, "\nfeature_importances:\n");
  if (b->failed) {
    neap_free(splits);
    return;
  }
  neap_gbdt_importance(m, false, splits);
  for (;;) {
    int64_t best = 0;
    for (int64_t i = 1; i < m->features; i++)
      if (splits[i] > splits[best]) best = i;
    if (!(splits[best] > 0)) break;
    put(b, neap_gbdt_feature_name(m, best));
    put(b, "=");
    put_integer(b, (int64_t)splits[best]);
    put(b, "\n");
    splits[best] = 0;
  }
  neap_free(splits);
}

/* Unless the labels are the usual ones, or the parameters come from a file that named them. */
static void put_classes(buffer *b, const neap_gbdt *m, const char *parameters) {
  if (strstr(parameters, "[neap_classes: ")) return;
  bool usual = true;
  for (int64_t k = 0; k < m->class_count; k++) usual = usual && m->classes[k] == k;
  if (usual) return;
  put(b, "[neap_classes:");
  for (int64_t k = 0; k < m->class_count; k++) {
    put(b, " ");
    put_integer(b, m->classes[k]);
  }
  put(b, "]\n");
}

neap_status neap_gbdt_write(const neap_gbdt *m, const char *parameters, char **text, int64_t *n) {
  buffer trees = {0}, sizes = {0}, whole = {0};
  for (int64_t i = 0; i < m->trees; i++) {
    int64_t before = trees.n;
    put_tree(&trees, m->tree[i], i);
    if (i) put(&sizes, " ");
    put_integer(&sizes, trees.n - before);
  }
  put_header(&whole, m, &sizes);
  if (trees.n) put_bytes(&whole, trees.data, (size_t)trees.n);
  put(&whole, "end of trees\n");
  put_importance(&whole, m);
  put(&whole, "\nparameters:\n");
  put(&whole, parameters);
  put_classes(&whole, m, parameters);
  put(&whole, "end of parameters\n");
  bool failed = trees.failed || sizes.failed || whole.failed;
  neap_free(sizes.data);
  neap_free(trees.data);
  if (failed) neap_free(whole.data);
  if (failed) return NEAP_ENOMEM;
  *text = whole.data;
  *n = whole.n;
  return NEAP_OK;
}
