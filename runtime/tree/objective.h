/* objective.h — inside the module: what is lost, its derivatives, and where scores start.
 *
 * A loss is opened once for the training rows. Each iteration asks for gradient pairs at the
 * current scores; losses whose derivatives do not know how far off a row is (L1, quantile, MAPE)
 * set the leaves anew from the rows in them. Names, constants and formulas are LightGBM's, so that
 * learning rates and limits of hessians mean the same. */
#ifndef NEAP_TREE_OBJECTIVE_H
#define NEAP_TREE_OBJECTIVE_H

#include "tree/engine.h"
#include "tree/rank.h"

typedef enum { NEAP__VALUES, NEAP__TWO, NEAP__MANY, NEAP__RANK } neap__labels;

/* Name, link and labels of an objective. */
typedef struct {
  const char *name;
  neap__link link;
  neap__labels labels;
} neap__objective_row;

const neap__objective_row *neap__objective_at(neap_objective o);

/* What labels are for those options. */
neap__labels neap__labels_of(const neap_gbdt_options *o);

/* The objective whose name is the first word of text; NEAP_OBJECTIVE_IDENTITY for none. */
neap_objective neap__objective_of(const char *text);

/* labels --------------------------------------------------------------------------------------- */

enum { NEAP__MAX_CLASSES = 1000, NEAP__MAX_QUANTILES = 100 };

/* Refuse labels that the objective of o cannot learn; what: "label" or "valid label". */
neap_status neap__labels_check(const neap_gbdt_options *o, const double *y, int64_t n,
                               const char *what);

/* The model that training fills: empty with the classes of the labels, or a copy of init. Refuses
 * labels that the objective cannot learn. On failure *out, NULL before, may have to be freed. */
neap_status neap__labels_model(neap_gbdt **out, const neap_gbdt_options *o, const double *y,
                               int64_t n, int64_t features, const neap_gbdt *init);

/* target[i] = number of y[i] among the classes of m. */
neap_status neap__labels_number(const neap_gbdt *m, const double *y, int64_t n, double *target,
                                const char *what);

/* the loss ------------------------------------------------------------------------------------- */

/* Value and weight of a row, for weighted quantiles; the key orders as the value does. Weights are
 * whole numbers, so that their sums do not hang on the order of the rows. */
typedef struct {
  uint64_t key;
  int64_t weight;
} neap__weighted;

typedef struct {
  const neap_gbdt_options *o;
  neap_objective objective;
  int64_t rows, columns;   /* columns of scores: trees per iteration */
  const double *target;    /* label, or class number */
  const float *weight;     /* NULL: all 1 */
  double scale;            /* poisson: exp(poisson_max_delta_step) */
  double *roots;           /* reg_sqrt: what target points to */
  double *class_weight;    /* [columns][2] of a negative and a positive row; NULL: no classes */
  double *alpha;           /* [columns] of quantiles */
  neap__weighted *items;   /* [rows], for leaves that are set anew */
  neap__queries queries;   /* of NEAP_OBJECTIVE_LAMBDARANK; borrowed from the training set */
  neap_gbdt_custom custom; /* of NEAP_OBJECTIVE_CUSTOM */
  double unit;             /* a power of two that brings the largest weight just below 2^30 */
} neap__loss;

/* Prepare *l for rows with these targets and weights, which it borrows. On failure *l can be
 * dropped. */
neap_status neap__loss_open(neap__loss *l, const neap_gbdt_options *o, int64_t rows,
                            int64_t columns, const double *target, const float *weight);
void neap__loss_drop(neap__loss *l);

/* Take the caller's derivatives. */
neap_status neap__loss_custom(neap__loss *l, const neap_gbdt_custom *custom);

/* Score to start from, for each of the columns. */
void neap__loss_start(const neap__loss *l, double *start);

/* pairs[columns][rows] from scores[columns][rows]. */
neap_status neap__loss_pairs(const neap__loss *l, const double *scores, neap__pair *pairs);

/* Whether the pair of a row needs nothing but its own score, of one column; then also the pairs of
 * n rows of x at their scores + start, wherever those rows lie. */
bool neap__loss_is_plain(const neap__loss *l);
neap_status neap__loss_pairs_of(const neap__loss *l, const double *scores, double start,
                                const int32_t *row, int64_t n, neap__pair *pairs);

/* The same for lambdarank, in rank.c. */
neap_status neap__rank_pairs(const neap__loss *l, const double *scores, neap__pair *pairs);

/* Whether leaves are set anew from their rows, and doing so: tree has just been grown by g for a
 * column over b, scores [rows] are those that its gradients were taken at. */
bool neap__objective_renews(neap_objective o);
bool neap__loss_renews(const neap__loss *l);
neap_status neap__loss_renew(const neap__loss *l, int64_t column, const double *scores,
                             const neap__bins *b, const neap__grower *g, neap__tree *tree);

/* The same for rows by themselves: the value that minimises the loss of rows[count] at scores,
 * count > 0; items has room for as many. */
double neap__loss_quantile(const neap__loss *l, int64_t column, const double *scores,
                           const int32_t *rows, int64_t count, neap__weighted *items);

#endif
