/* model.h — inside the module: trees as arrays, models, their compiled form, and the links. */
#ifndef NEAP_TREE_MODEL_H
#define NEAP_TREE_MODEL_H

#include "tree/tree.h"

/* Decision type of a node, as LightGBM's text has it. Of a categorical node DEFAULT_LEFT says where
 * NaN goes, which LightGBM, where it always goes right, has no word for: models of XGBoost do. */
enum {
  NEAP__CATEGORICAL = 1,
  NEAP__DEFAULT_LEFT = 2,
  NEAP__MISSING_ZERO = 4,
  NEAP__MISSING_NAN = 8,
  NEAP__MISSING_MASK = 12,
};

/* LightGBM's kZeroThreshold: a float constant held in a double. */
#define NEAP__ZERO ((double)1e-35F)

/* One tree. Children >= 0 are nodes, negative ones leaf ~c. Counts that are all 0 are unknown, as
 * in models of XGBoost; the weights (sums of hessians) then say how much lies in a node. All arrays
 * live in the one block behind the struct, so a tree is copied by one memcpy and freed by one
 * neap_free. */
typedef struct {
  int32_t leaves, cats, words, coefficients;
  bool linear;
  double shrinkage;
  double *threshold, *gain, *internal_value, *internal_weight; /* [leaves - 1] */
  double *leaf_value, *leaf_weight;                            /* [leaves] */
  double *leaf_const, *leaf_coeff; /* linear: [leaves], [coefficients] */
  int64_t *leaf_count, *internal_count;
  int32_t *feature, *left, *right;
  int32_t *leaf_start;   /* linear: [leaves + 1] into leaf_feature and leaf_coeff */
  int32_t *leaf_feature; /* [coefficients] */
  int32_t *cat_boundary; /* [cats + 1] */
  uint32_t *cat_bits;    /* [words] */
  uint8_t *decision;
} neap__tree;

/* A tree of that size, arrays zero; NULL when memory is out. */
neap__tree *neap__tree_new(int64_t leaves, int64_t cats, int64_t words, bool linear,
                           int64_t coefficients);
neap__tree *neap__tree_copy(const neap__tree *t);

/* Whether a row with the value v of the node's feature goes left. */
bool neap__tree_goes_left(const neap__tree *t, int32_t node, double v);

/* Leaf number reached by a row of doubles, and the value it gives (linear leaves included). */
int32_t neap__tree_leaf(const neap__tree *t, const double *row);
double neap__tree_value(const neap__tree *t, int32_t leaf, const double *row);

enum { NEAP__MAX_FEATURES = 1 << 24 };

typedef enum {
  NEAP__LINK_IDENTITY,
  NEAP__LINK_SIGMOID,
  NEAP__LINK_SOFTMAX,
  NEAP__LINK_OVA,
  NEAP__LINK_EXP,
  NEAP__LINK_SQUARE,   /* sign(raw) raw^2 */
  NEAP__LINK_SOFTPLUS, /* log(1 + exp(raw)) */
  NEAP__LINK_SORTED,   /* several quantiles, in rising order so that they never cross */
} neap__link;

/* What neap knows of a model and neither file format has a place for. */
typedef struct {
  char *name, *value;
} neap__fact;

struct neap_gbdt {
  int64_t features, per_iteration, trees, tree_room, label_index;
  neap__tree **tree;
  char *objective_text; /* "binary sigmoid:1" */
  neap_objective objective;
  neap__link link;
  double sigmoid;
  bool average; /* divide the sum by the iterations: random forest */
  int64_t *classes;
  int64_t class_count;
  char **names;     /* NULL: Column_0 ... */
  char **infos;     /* feature_infos; NULL: none */
  char *parameters; /* lines "[name: value]\n" of the parameters section, without the facts */
  int8_t *monotone; /* [features] -1, 0, 1; NULL: no constraints */
  char *pandas;     /* the categories of pandas' columns as LightGBM's text has them; NULL: none */
  neap__fact *facts;
  int64_t fact_count;
  struct neap__compiled *compiled; /* what predicts: compile.c */
};

/* An empty model of that many features for objective_text, which is parsed. */
neap_status neap__gbdt_new(neap_gbdt **out, int64_t features, const char *objective_text,
                           int64_t per_iteration);

/* Understand objective_text and the fact "objective", which says "focal gamma:2" where LightGBM has
 * no such objective and its line names one with the same link. Sets objective, link, sigmoid, and
 * the classes where none are set. */
neap_status neap__gbdt_objective(neap_gbdt *m);

void neap__gbdt_drop_facts(neap_gbdt *m);

/* FNV-1a of more bytes: a byte that changes changes the sum. */
#define NEAP__CHECKSUM_START 0xcbf29ce484222325U
uint64_t neap__checksum(uint64_t sum, const char *data, size_t n);

neap_status neap__gbdt_set_classes(neap_gbdt *m, const int64_t *classes, int64_t count);

/* A copy of m with its first trees, not compiled. */
neap_status neap__gbdt_copy(neap_gbdt **out, const neap_gbdt *m, int64_t trees);

/* Append a tree; takes it, also on failure. */
neap_status neap__gbdt_append(neap_gbdt *m, neap__tree *t);

/* Build the compiled form; the model must not change afterwards. */
neap_status neap__gbdt_compile(neap_gbdt *m);
void neap__compiled_free(struct neap__compiled *p); /* NULL is fine */

/* A raw score on the scale of the labels, or as a probability; not for softmax. */
double neap__gbdt_value(const neap_gbdt *m, double raw);

/* Raw scores to what the kind asks, in place for one row: raw[per_iteration] -> out[width]; out may
 * be raw. */
void neap__gbdt_transform(const neap_gbdt *m, neap_predict_kind kind, const double *raw,
                          double *out);

/* Leaf number reached by a row of a matrix. */
typedef struct neap__matrix neap__matrix;
int32_t neap__tree_leaf_of(const neap__tree *t, const neap__matrix *x, int64_t row);

/* Matrices ------------------------------------------------------------------------------------- */

/* A borrowed view of a feature matrix. */
struct neap__matrix {
  const char *data;
  bool f32;
  int64_t rows, columns, row_stride, column_stride; /* strides in elements */
};

/* NEAP_ESHAPE or NEAP_EDTYPE with what: "gbdt.fit", naming the rule that is broken. */
neap_status neap__matrix_of(neap__matrix *out, const neap_tensor *x, const char *what);

/* out[i] = element (begin + i, column) for i < n. */
void neap__matrix_column(const neap__matrix *m, int64_t column, int64_t begin, int64_t n,
                         double *out);

static inline double neap__matrix_get(const neap__matrix *m, int64_t row, int64_t column) {
  int64_t at = row * m->row_stride + column * m->column_stride;
  return m->f32 ? (double)((const float *)(const void *)m->data)[at]
                : ((const double *)(const void *)m->data)[at];
}

/* Place of v among n rising integers, or where it would stand. */
static inline int64_t neap__place(const int64_t *rising, int64_t n, int64_t v) {
  int64_t low = 0, high = n;
  while (low < high) {
    int64_t middle = (low + high) / 2;
    if (rising[middle] < v) low = middle + 1;
    else high = middle;
  }
  return low;
}

#endif
