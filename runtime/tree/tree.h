/* tree.h — gradient-boosted decision trees on binned features.
 *
 * Training cuts every feature into at most 255 bins plus one for missing values (NaN), keeps the
 * bins as one row-major byte matrix, and grows trees from histograms. Gradients are rounded once
 * per iteration to fixed point, so histograms are sums of integers: their value does not depend on
 * the order of the rows, and a model has the same bits at any number of threads.
 *
 *   neap_trainer *t;
 *   neap_gbdt_options o = neap_gbdt_defaults();
 *   neap_trainer_open(&t, &o, &x, y, NULL, NULL);
 *   for (int i = 0; i < 100; i++) neap_trainer_step(t, &grew);
 *   neap_trainer_finish(t, 100, &model);          model is immutable and shared freely
 *   neap_gbdt_predict(model, &x, NEAP_PREDICT_PROBABILITY, 0, out);
 *
 * Models are read from and written as LightGBM's text (version 4) and XGBoost's JSON. Row and
 * column numbers are 0-based here. A feature matrix is a tensor of two dimensions, f64 or f32, with
 * any strides. */
#ifndef NEAP_TREE_TREE_H
#define NEAP_TREE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "tensor/tensor.h"

typedef struct neap_gbdt neap_gbdt;
typedef struct neap_trainer neap_trainer;

typedef enum {
#define OBJECTIVE(NAME, name, LINK, LABELS) NEAP_OBJECTIVE_##NAME,
#include "tree/objectives.def"
#undef OBJECTIVE
} neap_objective;

/* The name of an objective in files and options. */
const char *neap_objective_name(neap_objective o);

/* Words of the choices of options.def, in their order. */
typedef enum { NEAP_BOOSTING_GBDT, NEAP_BOOSTING_DART, NEAP_BOOSTING_RF } neap_boosting;
typedef enum { NEAP_GROW_LEAFWISE, NEAP_GROW_DEPTHWISE, NEAP_GROW_SYMMETRIC } neap_grow_policy;
typedef enum { NEAP_SAMPLE_BAGGING, NEAP_SAMPLE_GOSS } neap_sample_strategy;
typedef enum { NEAP_CATEGORIES_PARTITION, NEAP_CATEGORIES_ORDERED } neap_cat_encoding;
typedef enum { NEAP_ORDER_TIME, NEAP_ORDER_RANDOM } neap_cat_order;

/* What is said of single columns of x; NULL: nothing. Borrowed by the call that opens a trainer. */
typedef struct {
  const bool *categorical;    /* [features]: codes of categories, not numbers */
  const int8_t *monotone;     /* [features]: 1 rising, -1 falling, 0 free */
  const double *contribution; /* [features]: factors of gains */
  const bool *group;          /* [group_count][features]: features that may meet in a branch */
  int64_t group_count;
} neap_gbdt_columns;

/* What raw scores of an objective of the caller's mean: values, the log-odds of the second of two
 * classes, logarithms of values, or one column per class for softmax. */
typedef enum {
  NEAP_CUSTOM_IDENTITY,
  NEAP_CUSTOM_SIGMOID,
  NEAP_CUSTOM_EXP,
  NEAP_CUSTOM_SOFTMAX
} neap_custom_link;

/* Parameters under LightGBM's names, listed in options.def. */
typedef struct {
  neap_objective objective;
  const double *quantiles; /* several at once: rising, in (0, 1); borrowed until training is open */
  int64_t quantile_count;  /* 0: the one at alpha */
  const neap_gbdt_columns *columns; /* NULL: nothing */
  neap_custom_link link;            /* of NEAP_OBJECTIVE_CUSTOM */
#define INTEGER(name, value, low, high)  int64_t name;
#define NUMBER(name, value, low, high)   double name;
#define POSITIVE(name, value, low, high) double name;
#define FLAG(name, value)                bool name;
#define CHOICE(name, words)              int name;
#include "tree/options.def"
#undef INTEGER
#undef NUMBER
#undef POSITIVE
#undef FLAG
#undef CHOICE
} neap_gbdt_options;

neap_gbdt_options neap_gbdt_defaults(void);

/* One row of options.def: where the field lies and what it may hold. */
typedef struct {
  const char *name, *words; /* words: of a choice */
  enum { NEAP_OPTION_INTEGER, NEAP_OPTION_NUMBER, NEAP_OPTION_FLAG, NEAP_OPTION_CHOICE } kind;
  size_t at;               /* of the field in neap_gbdt_options */
  double value, low, high; /* default; for numbers what is allowed */
  bool open;               /* low itself is not */
} neap_gbdt_option;

/* All of them; *count receives how many. */
const neap_gbdt_option *neap_gbdt_option_list(int *count);

/* training ------------------------------------------------------------------------------------- */

/* Start training on x (rows by features), labels y, and weights (NULL: all 1); all borrowed for the
 * call only (linear_tree keeps a view of x, which must not change until the trainer is freed).
 * Class labels may be any integers; they are numbered in rising order. init (NULL: none) is a model
 * to continue: its trees come first. Fails on labels or weights that make no sense. */
neap_status neap_trainer_open(neap_trainer **out, const neap_gbdt_options *o, const neap_tensor *x,
                              const double *y, const double *weights, const neap_gbdt *init);

/* Follow a validation set; sets are numbered from 1 in the order they are added, 0 is the training
 * set. Labels must be among the training classes. Only before the first step. */
neap_status neap_trainer_add_valid(neap_trainer *t, const neap_tensor *x, const double *y,
                                   const double *weights);

/* One iteration: one tree, or one per class. *grew tells whether any tree found a split; when none
 * did, nothing is added and further steps are of no use. After a failure (interrupt included) the
 * iteration is dropped and the trainer can only be finished or freed. */
neap_status neap_trainer_step(neap_trainer *t, bool *grew);

/* The metric called name of a set after the last step. Names are those of the table in metric.c,
 * and "ndcg@5", "map@5" of rankings; NEAP_EARG for one that does not judge labels of this kind.
 * *larger (may be NULL) receives whether larger is better. */
neap_status neap_trainer_metric(neap_trainer *t, int set, const char *name, double *value,
                                bool *larger);

/* The model of the first iterations (init's included; at most those made). The trainer stays. */
neap_status neap_trainer_finish(neap_trainer *t, int64_t iterations, neap_gbdt **out);

/* *out is m with leaves set anew on other rows, the structure kept: decay * old + (1 - decay) *
 * what the rows of a leaf ask for. o: the objective's options and the lambdas count. Works for
 * loaded models of objectives that can be trained; not for linear leaves. */
neap_status neap_gbdt_refit(neap_gbdt **out, const neap_gbdt *m, const neap_gbdt_options *o,
                            const neap_tensor *x, const double *y, const double *weights,
                            double decay);

/* Derivatives of NEAP_OBJECTIVE_CUSTOM; called on the thread that calls neap_trainer_step. */
typedef struct {
  void *ctx;
  /* g and h [columns][rows], weights included, at scores [columns][rows] of the training set. */
  neap_status (*slopes)(void *ctx, const double *scores, double *g, double *h);
  /* The value of a leaf of a column with these rows, without learning rate; NULL: the Newton step
   * -sum(g) / sum(h). The scores are those that slopes saw last. */
  neap_status (*renew)(void *ctx, int64_t column, const int32_t *rows, int64_t n, double *value);
  double alpha; /* instead of renew: leaves are this weighted quantile of label - score; 0: not */
} neap_gbdt_custom;

/* Give the derivatives, before the first step. */
neap_status neap_trainer_custom(neap_trainer *t, const neap_gbdt_custom *custom);

/* Start from these scores, one per column, instead of what boost_from_average finds. Only before
 * the first step, and not where a model is continued. */
neap_status neap_trainer_start(neap_trainer *t, const double *start);

/* Add to the scores of a set, [rows][columns], what no tree shall learn; the model lacks it, and
 * nothing else is started from. Only before the first step. */
neap_status neap_trainer_init_score(neap_trainer *t, int set, const double *score);

/* Of lambdarank and its metrics: the rows of a set are those of count queries, one behind the
 * other. Labels are grades, worth gain[grade] (NULL: 2^grade - 1, up to 30). Before the first step.
 */
neap_status neap_trainer_queries(neap_trainer *t, int set, const int64_t *sizes, int64_t count,
                                 const double *gain, int64_t gains);

/* The rows of a set, its labels as they were given or as class numbers from 0, its weights (NULL:
 * none were given), and predictions as they stand: [rows], or [rows][columns] where there are
 * several; probabilities (of the second of two classes) where labels are classes. */
int64_t neap_trainer_rows(const neap_trainer *t, int set);
void neap_trainer_labels(const neap_trainer *t, int set, bool numbers, double *labels);
const float *neap_trainer_weights(const neap_trainer *t, int set);
neap_status neap_trainer_predictions(const neap_trainer *t, int set, double *out);

int64_t neap_trainer_columns(const neap_trainer *t);
int neap_trainer_sets(const neap_trainer *t); /* with the training set */
int64_t neap_trainer_iterations(const neap_trainer *t);
void neap_trainer_free(neap_trainer *t); /* NULL is fine */

/* What a fit will take beyond the caller's data, from sizes alone. */
typedef struct {
  int64_t rows, features, columns, iterations; /* columns: trees per iteration */
  int64_t valid_rows;                          /* of all validation sets */
  int64_t ordered; /* rows of the largest set that a metric sorts ("auc"); 0: none does */
  int64_t encoded; /* features of cat_encoding "ordered" */
  bool weighted;
} neap_gbdt_shape;

/* Bytes by part, and the most that lives at once. passing: what comes and goes. */
typedef struct {
  int64_t bins, scores, gradients, histograms, trees, valid, passing, peak;
} neap_gbdt_memory;

void neap_gbdt_memory_of(const neap_gbdt_options *o, const neap_gbdt_shape *s, neap_gbdt_memory *m);

/* models --------------------------------------------------------------------------------------- */

typedef enum {
  NEAP_PREDICT_RAW,         /* N x K sums of leaves */
  NEAP_PREDICT_PROBABILITY, /* N x C for C classes (binary: 2); classifiers only */
  NEAP_PREDICT_VALUE,       /* N: the value on the label's scale, or the label of the class */
  NEAP_PREDICT_LEAF,        /* N x trees: the number of the leaf */
} neap_predict_kind;

/* Columns of a prediction of that kind from the first iterations (0: all). */
int64_t neap_gbdt_width(const neap_gbdt *m, neap_predict_kind kind, int64_t iterations);

/* out[N x width] for x [N x features]. iterations = 0 uses all. Rows run in parallel; a row's
 * result does not depend on the others. Thread-safe. */
neap_status neap_gbdt_predict(const neap_gbdt *m, const neap_tensor *x, neap_predict_kind kind,
                              int64_t iterations, double *out);

/* Which trees count, and when enough of them have. The trees of iterations start .. start +
 * iterations - 1 (0: to the last one). stop_freq > 0: after every so many iterations a row is done
 * when its margin is above stop_margin: twice the distance of the score from 0 for two classes, the
 * lead of the best class over the next for several; classifiers only. */
typedef struct {
  int64_t start, iterations, stop_freq;
  double stop_margin;
  double *scores; /* NULL, or [N x per iteration]: sums to go on from, which the new ones replace */
} neap_predict_options;

/* As neap_gbdt_predict. With scores, out is what all iterations before start + iterations give. */
neap_status neap_gbdt_predict_with(const neap_gbdt *m, const neap_tensor *x, neap_predict_kind kind,
                                   const neap_predict_options *o, double *out);

/* The same for one row of neap_gbdt_features doubles, without allocation or threads; not for
 * NEAP_PREDICT_LEAF. out holds at least neap_gbdt_width(m, RAW) and width(m, kind) numbers. */
void neap_gbdt_predict_row(const neap_gbdt *m, const double *row, neap_predict_kind kind,
                           double *out);

/* Whether the feature was categorical in training. */
bool neap_gbdt_is_categorical(const neap_gbdt *m, int64_t feature);

/* Put in the place of categories that the model has not seen the code of a rare one, as rare ones
 * share a bin (NaN where none do), or refuse them: NEAP_EVALUE naming feature and row. out[rows x
 * features] is x with that done. */
neap_status neap_gbdt_admit(const neap_gbdt *m, const neap_tensor *x, bool refuse, double *out);

int64_t neap_gbdt_features(const neap_gbdt *m);
int64_t neap_gbdt_iterations(const neap_gbdt *m);
int64_t neap_gbdt_trees(const neap_gbdt *m);
neap_objective neap_gbdt_objective(const neap_gbdt *m);
bool neap_gbdt_is_classifier(const neap_gbdt *m);

/* Labels of the classes in the order of the probabilities; *count is 0 for regression. */
const int64_t *neap_gbdt_classes(const neap_gbdt *m, int64_t *count);

/* Name of a feature: as set, or "Column_0". */
const char *neap_gbdt_feature_name(const neap_gbdt *m, int64_t feature);

/* Whether the feature was constant or without a value in training (LightGBM's info "none"). */
bool neap_gbdt_is_unused(const neap_gbdt *m, int64_t feature);

/* Name all features; blanks inside a name become underscores, as in LightGBM. */
neap_status neap_gbdt_set_feature_names(neap_gbdt *m, const char *const *names);

/* importance[features]: total gain of the splits on each feature, or their number. */
void neap_gbdt_importance(const neap_gbdt *m, bool gain, double *importance);

/* Leaves of a tree. */
int64_t neap_gbdt_leaves(const neap_gbdt *m, int64_t tree);

void neap_gbdt_free(neap_gbdt *m); /* NULL is fine */

/* files ---------------------------------------------------------------------------------------- */

/* The model as LightGBM text; *text is freed with neap_free. parameters holds further lines for the
 * parameters section ("" for none), each "[name: value]\n". */
neap_status neap_gbdt_write(const neap_gbdt *m, const char *parameters, char **text, int64_t *n);

/* The model as XGBoost's JSON, as 1.7 and later read it. Conditions and leaves become floats; a
 * random forest's mean and a sigmoid's factor go into the leaves. Refuses what XGBoost has no form
 * for: linear leaves, zero as missing, links such as one-vs-all's. */
neap_status neap_gbdt_write_json(const neap_gbdt *m, const char *parameters, char **text,
                                 int64_t *n);

/* A model from n bytes of LightGBM's text, or of XGBoost's JSON when they begin with '{'. Refuses,
 * with the line or the path, what is cut short, contradictory or would read outside the model's
 * arrays. */
neap_status neap_gbdt_parse(neap_gbdt **out, const char *text, int64_t n);

/* The model as a C source that needs nothing: void name(const double *x, double *raw), the raw
 * scores of one row bit for bit. name must be an identifier. *text is freed with neap_free. */
neap_status neap_gbdt_to_c(const neap_gbdt *m, const char *name, char **text, int64_t *n);

/* The lines of the parameters section as they were read, without neap's own; "" for none. */
const char *neap_gbdt_parameters(const neap_gbdt *m);

/* The levels of text columns, a JSON list of lists of texts, which stands behind the model as
 * LightGBM's Python package writes it ("pandas_categorical:"): code c of a column is its text c,
 * counted from 0. "" for none. */
const char *neap_gbdt_levels(const neap_gbdt *m);
neap_status neap_gbdt_set_levels(neap_gbdt *m, const char *json, int64_t n);

/* What neap keeps in a model and its files beside what their formats have a place for: LightGBM's
 * text has it as a line "[neap_<name>: <value>]" of the parameters, which LightGBM passes over,
 * XGBoost's JSON as an attribute neap_<name>. The value belongs to the model; NULL: no such fact.
 */
const char *neap_gbdt_fact(const neap_gbdt *m, const char *name);

/* Set a fact, or remove it with NULL. name: at most 64 letters, digits and '_' ("classes",
 * "checksum", "levels", "parameters" and "objective_text" are taken); value: one line; at most 256
 * of them. NEAP_EARG otherwise. */
neap_status neap_gbdt_set_fact(neap_gbdt *m, const char *name, const char *value);

#endif
