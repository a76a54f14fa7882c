#include "tree/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"
#include "tree/link.h"
#include "tree/objective.h"

/* trees ---------------------------------------------------------------------------------------- */

/* Hand out count elements of size bytes from a block; a NULL block only measures. */
static void *carve(char *block, size_t *used, int64_t count, size_t size) {
  size_t at = *used;
  *used = (at + (size_t)count * size + 7) / 8 * 8;
  return block ? block + at : NULL;
}

static size_t lay_out(neap__tree *t, char *block) {
  size_t used = (sizeof *t + 7) / 8 * 8;
  int64_t leaves = t->leaves, nodes = leaves - 1, lines = t->linear ? leaves : 0;
  t->threshold = carve(block, &used, nodes, sizeof(double));
  t->gain = carve(block, &used, nodes, sizeof(double));
  t->internal_value = carve(block, &used, nodes, sizeof(double));
  t->internal_weight = carve(block, &used, nodes, sizeof(double));
  t->leaf_value = carve(block, &used, leaves, sizeof(double));
  t->leaf_weight = carve(block, &used, leaves, sizeof(double));
  t->leaf_const = carve(block, &used, lines, sizeof(double));
  t->leaf_coeff = carve(block, &used, t->coefficients, sizeof(double));
  t->leaf_count = carve(block, &used, leaves, sizeof(int64_t));
  t->internal_count = carve(block, &used, nodes, sizeof(int64_t));
  t->feature = carve(block, &used, nodes, sizeof(int32_t));
  t->left = carve(block, &used, nodes, sizeof(int32_t));
  t->right = carve(block, &used, nodes, sizeof(int32_t));
  t->leaf_start = carve(block, &used, t->linear ? leaves + 1 : 0, sizeof(int32_t));
  t->leaf_feature = carve(block, &used, t->coefficients, sizeof(int32_t));
  t->cat_boundary = carve(block, &used, t->cats ? t->cats + 1 : 0, sizeof(int32_t));
  t->cat_bits = carve(block, &used, t->words, sizeof(uint32_t));
  t->decision = carve(block, &used, nodes, 1);
  return used;
}

neap__tree *neap__tree_new(int64_t leaves, int64_t cats, int64_t words, bool linear,
                           int64_t coefficients) {
  neap__tree head = {.leaves = (int32_t)leaves,
                     .cats = (int32_t)cats,
                     .words = (int32_t)words,
                     .coefficients = (int32_t)coefficients,
                     .linear = linear,
                     .shrinkage = 1};
  neap__tree *t = neap_calloc_array(lay_out(&head, NULL), 1);
  if (!t) return NULL;
  *t = head;
  lay_out(t, (char *)t);
  return t;
}

neap__tree *neap__tree_copy(const neap__tree *t) {
  neap__tree head = *t;
  size_t bytes = lay_out(&head, NULL);
  neap__tree *copy = neap_alloc(bytes);
  if (!copy) return NULL;
  memcpy(copy, t, bytes);
  lay_out(copy, (char *)copy);
  return copy;
}

/* Codes at or above 2^31 are no category: the bit sets cannot hold them. */
static bool in_category(const neap__tree *t, int32_t node, double v) {
  if (!(v > -1 && v < 0x1p31)) return false;
  int32_t which = (int32_t)t->threshold[node], code = (int32_t)v;
  int32_t begin = t->cat_boundary[which], words = t->cat_boundary[which + 1] - begin;
  return code / 32 < words && (t->cat_bits[begin + code / 32] >> (code % 32) & 1);
}

bool neap__tree_goes_left(const neap__tree *t, int32_t node, double v) {
  int decision = t->decision[node], missing = decision & NEAP__MISSING_MASK;
  if (decision & NEAP__CATEGORICAL)
    return isnan(v) ? (decision & NEAP__DEFAULT_LEFT) != 0 : in_category(t, node, v);
  if (isnan(v) && missing != NEAP__MISSING_NAN) v = 0;
  if ((missing == NEAP__MISSING_NAN && isnan(v)) ||
      (missing == NEAP__MISSING_ZERO && fabs(v) <= NEAP__ZERO))
    return (decision & NEAP__DEFAULT_LEFT) != 0;
  return v <= t->threshold[node];
}

int32_t neap__tree_leaf(const neap__tree *t, const double *row) {
  int32_t at = t->leaves > 1 ? 0 : -1;
  while (at >= 0)
    at = neap__tree_goes_left(t, at, row[t->feature[at]]) ? t->left[at] : t->right[at];
  return ~at;
}

int32_t neap__tree_leaf_of(const neap__tree *t, const neap__matrix *x, int64_t row) {
  int32_t at = t->leaves > 1 ? 0 : -1;
  while (at >= 0)
    at = neap__tree_goes_left(t, at, neap__matrix_get(x, row, t->feature[at])) ? t->left[at]
                                                                               : t->right[at];
  return ~at;
}

double neap__tree_value(const neap__tree *t, int32_t leaf, const double *row) {
  if (!t->linear) return t->leaf_value[leaf];
  double sum = t->leaf_const[leaf];
  for (int32_t i = t->leaf_start[leaf]; i < t->leaf_start[leaf + 1]; i++) {
    double v = row[t->leaf_feature[i]];
    if (isnan(v)) return t->leaf_value[leaf];
    sum += v * t->leaf_coeff[i];
  }
  return sum;
}

/* models --------------------------------------------------------------------------------------- */

neap_status neap__gbdt_new(neap_gbdt **out, int64_t features, const char *objective_text,
                           int64_t per_iteration) {
  neap_gbdt *m = neap_calloc_array(1, sizeof *m);
  *out = NULL;
  if (!m) return NEAP_ENOMEM;
  m->features = features;
  m->per_iteration = per_iteration;
  m->sigmoid = 1;
  m->objective_text = neap_strndup(objective_text, strlen(objective_text));
  m->parameters = neap_strndup("", 0);
  neap_status st = m->objective_text && m->parameters ? NEAP_OK : NEAP_ENOMEM;
  if (!st) st = neap__gbdt_objective(m);
  if (st) neap_gbdt_free(m);
  else *out = m;
  return st;
}

/* The number behind " key:" in text, or fallback. */
static double word_number(const char *text, const char *key, double fallback) {
  const char *at = strstr(text, key);
  if (!at) return fallback;
  at += strlen(key);
  double v = fallback;
  return neap_number_parse(at, strcspn(at, " "), &v) ? v : fallback;
}

static neap_status default_classes(neap_gbdt *m) {
  int64_t n = m->per_iteration > 1 ? m->per_iteration : 2;
  int64_t *classes = neap_alloc_array(n, sizeof *classes);
  if (!classes) return NEAP_ENOMEM;
  for (int64_t k = 0; k < n; k++) classes[k] = k;
  m->classes = classes;
  m->class_count = n;
  return NEAP_OK;
}

/* Each of ours hides behind an objective of LightGBM's with the same link. */
static bool fits(const neap_gbdt *m, neap_objective o) {
  switch (o) {
  case NEAP_OBJECTIVE_FOCAL: return m->objective == NEAP_OBJECTIVE_BINARY && m->sigmoid == 1;
  case NEAP_OBJECTIVE_EXPECTILE: return m->link == NEAP__LINK_IDENTITY && m->per_iteration == 1;
  case NEAP_OBJECTIVE_QUANTILE: return m->objective == NEAP_OBJECTIVE_IDENTITY;
  case NEAP_OBJECTIVE_CUSTOM: return m->objective != NEAP_OBJECTIVE_IDENTITY;
  default: return false;
  }
}

static neap_status take_fact(neap_gbdt *m) {
  const char *fact = neap_gbdt_fact(m, "objective");
  if (!fact) return NEAP_OK;
  neap_objective o = neap__objective_of(fact);
  if (!fits(m, o))
    return neap_fail(NEAP_EFORMAT,
                     "gbdt.load: neap_objective '%.100s' contradicts objective '%.100s'", fact,
                     m->objective_text);
  m->objective = o;
  if (o == NEAP_OBJECTIVE_QUANTILE) m->link = NEAP__LINK_SORTED;
  return NEAP_OK;
}

neap_status neap__gbdt_objective(neap_gbdt *m) {
  const char *text = m->objective_text;
  m->objective = neap__objective_of(text);
  m->link = neap__objective_at(m->objective)->link;
  if (m->objective == NEAP_OBJECTIVE_REGRESSION && strstr(text, " sqrt"))
    m->link = NEAP__LINK_SQUARE;
  bool scaled = m->objective == NEAP_OBJECTIVE_BINARY || m->objective == NEAP_OBJECTIVE_OVA;
  m->sigmoid = scaled ? word_number(text, " sigmoid:", 1) : 1;
  if (!(m->sigmoid > 0 && m->sigmoid < HUGE_VAL))
    return neap_fail(NEAP_EFORMAT, "objective '%s': sigmoid must be above 0", text);
  bool many = m->link == NEAP__LINK_SOFTMAX || m->link == NEAP__LINK_OVA;
  if (many &&
      word_number(text, " num_class:", (double)m->per_iteration) != (double)m->per_iteration)
    return neap_fail(NEAP_EFORMAT, "objective '%s' with %lld trees per iteration", text,
                     (long long)m->per_iteration);
  if (!many && m->link != NEAP__LINK_IDENTITY && m->per_iteration != 1)
    return neap_fail(NEAP_EFORMAT, "objective '%s' with %lld trees per iteration, expected 1", text,
                     (long long)m->per_iteration);
  neap__labels labels = neap__objective_at(m->objective)->labels;
  bool classes = labels == NEAP__TWO || labels == NEAP__MANY;
  if (classes && !m->classes) NEAP_TRY(default_classes(m));
  return take_fact(m);
}

neap_status neap__gbdt_set_classes(neap_gbdt *m, const int64_t *classes, int64_t count) {
  int64_t *copy = neap_alloc_array(count, sizeof *copy);
  if (!copy) return NEAP_ENOMEM;
  memcpy(copy, classes, (size_t)count * sizeof *copy);
  neap_free(m->classes);
  m->classes = copy;
  m->class_count = count;
  return NEAP_OK;
}

neap_status neap__gbdt_append(neap_gbdt *m, neap__tree *t) {
  if (t && m->trees == m->tree_room) {
    int64_t room = m->tree_room ? 2 * m->tree_room : 64;
    neap__tree **grown = neap_realloc_array(m->tree, room, sizeof *grown);
    if (!grown) neap_free(t);
    if (!grown) return NEAP_ENOMEM;
    m->tree = grown;
    m->tree_room = room;
  }
  if (!t) return NEAP_ENOMEM;
  m->tree[m->trees++] = t;
  return NEAP_OK;
}

static void free_texts(char **texts, int64_t n) {
  for (int64_t i = 0; texts && i < n; i++) neap_free(texts[i]);
  neap_free(texts);
}

void neap_gbdt_free(neap_gbdt *m) {
  if (!m) return;
  for (int64_t i = 0; i < m->trees; i++) neap_free(m->tree[i]);
  neap_free(m->tree);
  neap_free(m->objective_text);
  neap_free(m->classes);
  neap_free(m->parameters);
  neap_free(m->monotone);
  neap_free(m->pandas);
  neap__gbdt_drop_facts(m);
  free_texts(m->names, m->features);
  free_texts(m->infos, m->features);
  neap__compiled_free(m->compiled);
  neap_free(m);
}

/* looking -------------------------------------------------------------------------------------- */

int64_t neap_gbdt_features(const neap_gbdt *m) { return m->features; }
int64_t neap_gbdt_iterations(const neap_gbdt *m) { return m->trees / m->per_iteration; }
int64_t neap_gbdt_trees(const neap_gbdt *m) { return m->trees; }
neap_objective neap_gbdt_objective(const neap_gbdt *m) { return m->objective; }
int64_t neap_gbdt_leaves(const neap_gbdt *m, int64_t tree) { return m->tree[tree]->leaves; }
bool neap_gbdt_is_unused(const neap_gbdt *m, int64_t feature) {
  return m->infos && strcmp(m->infos[feature], "none") == 0;
}

const char *neap_gbdt_levels(const neap_gbdt *m) { return m->pandas ? m->pandas : ""; }

neap_status neap_gbdt_set_levels(neap_gbdt *m, const char *json, int64_t n) {
  char *copy = neap_strndup(json, (size_t)n);
  if (!copy) return NEAP_ENOMEM;
  neap_free(m->pandas);
  m->pandas = copy;
  return NEAP_OK;
}

const char *neap_gbdt_parameters(const neap_gbdt *m) { return m->parameters; }

bool neap_gbdt_is_classifier(const neap_gbdt *m) { return m->class_count > 0; }

const int64_t *neap_gbdt_classes(const neap_gbdt *m, int64_t *count) {
  *count = m->class_count;
  return m->classes;
}

const char *neap_gbdt_feature_name(const neap_gbdt *m, int64_t feature) {
  static _Thread_local char text[32];
  if (m->names) return m->names[feature];
  snprintf(text, sizeof text, "Column_%lld", (long long)feature);
  return text;
}

neap_status neap_gbdt_set_feature_names(neap_gbdt *m, const char *const *names) {
  char **copy = neap_calloc_array(m->features, sizeof *copy);
  if (!copy) return NEAP_ENOMEM;
  bool ok = true;
  for (int64_t i = 0; ok && i < m->features; i++) {
    copy[i] = neap_strndup(names[i], strlen(names[i]));
    ok = copy[i] != NULL;
    for (char *p = copy[i]; ok && *p; p++)
      if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') *p = '_';
  }
  if (!ok) free_texts(copy, m->features);
  if (!ok) return NEAP_ENOMEM;
  free_texts(m->names, m->features);
  m->names = copy;
  return NEAP_OK;
}

void neap_gbdt_importance(const neap_gbdt *m, bool gain, double *importance) {
  for (int64_t f = 0; f < m->features; f++) importance[f] = 0;
  for (int64_t i = 0; i < m->trees; i++) {
    const neap__tree *t = m->tree[i];
    for (int32_t k = 0; k < t->leaves - 1; k++) importance[t->feature[k]] += gain ? t->gain[k] : 1;
  }
}

/* links ---------------------------------------------------------------------------------------- */

double neap__gbdt_value(const neap_gbdt *m, double raw) {
  switch (m->link) {
  case NEAP__LINK_SIGMOID:
  case NEAP__LINK_OVA: return neap__sigmoid(m->sigmoid * raw);
  case NEAP__LINK_EXP: return neap__exp(raw);
  case NEAP__LINK_SQUARE: return raw < 0 ? -raw * raw : raw * raw;
  case NEAP__LINK_SOFTPLUS: return log1p(neap__exp(raw));
  default: return raw;
  }
}

/* A few numbers into rising order, in place allowed. */
static void sort_values(int64_t n, const double *v, double *out) {
  for (int64_t i = 0; i < n; i++) {
    double x = v[i];
    int64_t at = i;
    for (; at > 0 && out[at - 1] > x; at--) out[at] = out[at - 1];
    out[at] = x;
  }
}

static double label_of(const neap_gbdt *m, const double *raw) {
  int64_t best = m->per_iteration == 1 && raw[0] > 0;
  for (int64_t k = 1; k < m->per_iteration; k++)
    if (raw[k] > raw[best]) best = k;
  return (double)m->classes[best];
}

void neap__gbdt_transform(const neap_gbdt *m, neap_predict_kind kind, const double *raw,
                          double *out) {
  int64_t k = m->per_iteration;
  if (kind == NEAP_PREDICT_VALUE && neap_gbdt_is_classifier(m)) out[0] = label_of(m, raw);
  else if (kind == NEAP_PREDICT_RAW) memmove(out, raw, (size_t)k * sizeof *out);
  else if (k == 1 && m->class_count) {
    out[1] = neap__gbdt_value(m, raw[0]);
    out[0] = 1 - out[1];
  } else if (m->link == NEAP__LINK_SOFTMAX) neap__softmax(k, raw, out);
  else if (m->link == NEAP__LINK_SORTED) sort_values(k, raw, out);
  else
    for (int64_t i = 0; i < k; i++) out[i] = neap__gbdt_value(m, raw[i]);
}
