/* Writing LightGBM's text format, version 4. Thresholds and leaves have 17 significant digits, so
 * that the model reads back to the same bits; tree_sizes are exact, since LightGBM finds the trees
 * by them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"
#include "base/text.h"
#include "tree/model.h"

static void put(neap_text *b, const char *text) { neap_text_put(b, text); }
static void put_integer(neap_text *b, int64_t v) { neap_text_integer(b, v); }

/* A number as neap_number_print gives it in the form of C's %g with so many digits, which is
 * LightGBM's: an exponent, of two digits or more, below -4 and from `digits` on. */
static void put_g(neap_text *b, const char *text, int digits) {
  char mantissa[32], whole[24];
  int n = 0, exponent = -1;
  bool point = false, leading = true;
  if (*text == '-') neap_text_add(b, text++, 1);
  const char *p = text;
  for (; (*p >= '0' && *p <= '9') || *p == '.'; p++) {
    point |= *p == '.';
    if (*p == '.') continue;
    leading &= *p == '0';
    if (!leading) mantissa[n++] = *p;
    if (point ? leading : !leading) exponent += point ? -1 : 1;
  }
  if (*p == 'e') {
    int64_t e = 0;
    neap_integer_parse(p + 1, strlen(p + 1), &e);
    exponent += (int)e;
  } else if (*p || n == 0) exponent = 0; /* nan, inf, 0 */
  while (n > 0 && mantissa[n - 1] == '0') n--;
  if (n == 0 || (exponent >= -4 && exponent < (n > digits ? 17 : digits))) {
    put(b, text);
    return;
  }
  neap_text_add(b, mantissa, 1);
  if (n > 1) put(b, ".");
  neap_text_add(b, mantissa + 1, (size_t)(n - 1));
  snprintf(whole, sizeof whole, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
  put(b, whole);
}

static void put_exact(neap_text *b, double v) {
  char text[32];
  neap_number_print_17(text, v);
  put_g(b, text, 17);
}

static void put_number(neap_text *b, double v) {
  char text[32];
  neap_number_print(text, v);
  put_g(b, text, 6);
}

static void put_pair(neap_text *b, const char *key, int64_t v) {
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
static void put_linear(neap_text *b, const neap__tree *t) {
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

static void put_tree(neap_text *b, const neap__tree *t, int64_t number) {
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

static void put_header(neap_text *b, const neap_gbdt *m, const neap_text *sizes) {
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
  if (m->monotone) {
    put(b, "\nmonotone_constraints=");
    for (int64_t i = 0; i < m->features; i++) {
      if (i) put(b, " ");
      put_integer(b, m->monotone[i]);
    }
  }
  put(b, "\nfeature_infos=");
  for (int64_t i = 0; i < m->features; i++) {
    if (i) put(b, " ");
    put(b, m->infos ? m->infos[i] : "none");
  }
  put(b, "\ntree_sizes=");
  if (sizes->n) neap_text_add(b, sizes->data, sizes->n);
  put(b, "\n\n");
}

/* Features that are split on, by falling number of splits, ties in the order of the columns. */
static void put_importance(neap_text *b, const neap_gbdt *m) {
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

/* Lines that LightGBM passes over: the labels unless they are the usual ones, and the facts. */
static void put_facts(neap_text *b, const neap_gbdt *m) {
  bool usual = true;
  for (int64_t k = 0; k < m->class_count; k++) usual = usual && m->classes[k] == k;
  if (!usual) {
    put(b, "[neap_classes:");
    for (int64_t k = 0; k < m->class_count; k++) {
      put(b, " ");
      put_integer(b, m->classes[k]);
    }
    put(b, "]\n");
  }
  for (int64_t i = 0; i < m->fact_count; i++)
    neap_text_format(b, "[neap_%s: %s]\n", m->facts[i].name, m->facts[i].value);
}

/* Behind everything else but in the parameters: the checksum of the other lines. */
static void put_end(neap_text *b, const neap_gbdt *m) {
  neap_text end = {0};
  put(&end, "end of parameters\n");
  if (m->pandas) neap_text_format(&end, "\npandas_categorical:%s\n", m->pandas);
  uint64_t sum = neap__checksum(NEAP__CHECKSUM_START, b->data, b->n);
  sum = neap__checksum(sum, end.data, end.n);
  neap_text_format(b, "[neap_checksum: %016llx]\n", (unsigned long long)sum);
  neap_text_add(b, end.data, end.n);
  b->failed |= end.failed;
  neap_text_drop(&end);
}

/* LightGBM's categorical nodes send NaN to the right, whatever else they say. */
static neap_status check_writable(const neap_gbdt *m) {
  const int both = NEAP__CATEGORICAL | NEAP__DEFAULT_LEFT;
  for (int64_t i = 0; i < m->trees; i++)
    for (int32_t k = 0; k < m->tree[i]->leaves - 1; k++)
      if ((m->tree[i]->decision[k] & both) == both)
        return neap_fail(NEAP_EVALUE,
                         "gbdt: tree %lld keeps missing values with listed categories (node %d), "
                         "which LightGBM's text cannot say; XGBoost's JSON can (.json)",
                         (long long)i, k);
  return NEAP_OK;
}

neap_status neap_gbdt_write(const neap_gbdt *m, const char *parameters, char **text, int64_t *n) {
  neap_text trees = {0}, sizes = {0}, whole = {0};
  NEAP_TRY(check_writable(m));
  for (int64_t i = 0; i < m->trees; i++) {
    size_t before = trees.n;
    put_tree(&trees, m->tree[i], i);
    if (i) put(&sizes, " ");
    put_integer(&sizes, (int64_t)(trees.n - before));
  }
  put_header(&whole, m, &sizes);
  if (trees.n) neap_text_add(&whole, trees.data, trees.n);
  put(&whole, "end of trees\n");
  put_importance(&whole, m);
  put(&whole, "\nparameters:\n");
  put(&whole, parameters);
  put_facts(&whole, m);
  if (!whole.failed) put_end(&whole, m);
  bool failed = trees.failed || sizes.failed || whole.failed;
  neap_text_drop(&sizes);
  neap_text_drop(&trees);
  if (failed) neap_text_drop(&whole);
  if (failed) return NEAP_ENOMEM;
  *text = whole.data;
  *n = (int64_t)whole.n;
  return NEAP_OK;
}
