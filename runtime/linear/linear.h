/* linear.h — linear models: logistic regression of two or more classes, and ridge regression.
 *
 * Both carry an L2 penalty on the coefficients, never on the intercept. Logistic regression
 * minimises  sum w_i loss_i + alpha/2 |b|^2  (alpha = 1/C of other libraries) by Newton's method
 * with step halving; ridge  sum w_i (y_i - x_i b - b0)^2 + alpha |b|^2  by one Cholesky solve.
 * Sums run over chunks of rows whose bounds depend on the sizes only and are combined in order, so
 * the same data give the same bits at any number of threads.
 *
 * X is n x f, row after row. Linear models have no way with missing values: a NaN or an infinity in
 * X is refused with its row and column. The matrices are dense: at most NEAP_LINEAR_MAX unknowns.
 */
#ifndef NEAP_LINEAR_LINEAR_H
#define NEAP_LINEAR_LINEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { NEAP_LINEAR_MAX = 4096 };

typedef struct {
  double alpha;     /* strength of the penalty, >= 0; 0 = none */
  bool intercept;   /* fit one */
  bool standardize; /* fit, and later predict, on (x - mean) / deviation (ddof 0, weighted) */
  int max_iterations;
  double tolerance; /* of the largest gradient component over the sum of weights */
} neap_linear_options;

typedef struct {
  int64_t f;
  int k;                /* outputs: 1 for two classes and for ridge, else the number of classes */
  double *coef;         /* k x f, of standardised columns when mean is set */
  double *offset;       /* k intercepts */
  double *mean, *scale; /* f each, or NULL */
  int classes;          /* 0 for ridge */
  double *label;        /* classes labels in rising order */
  int iterations;
  bool converged;
} neap_linear;

/* y holds integer labels of at least two classes; weight may be NULL. On failure *out is empty. */
neap_status neap_linear_logistic(neap_linear *out, int64_t n, int64_t f, const double *x,
                                 const double *y, const double *weight,
                                 const neap_linear_options *o);

neap_status neap_linear_ridge(neap_linear *out, int64_t n, int64_t f, const double *x,
                              const double *y, const double *weight, const neap_linear_options *o);

/* Linear scores, n x k: log-odds of the larger of two classes, logits, or ridge predictions. Each
 * row is computed by itself, so one row and a batch agree bit for bit. */
neap_status neap_linear_scores(const neap_linear *m, int64_t n, const double *x, double *out);

/* Probabilities, n x classes, in the order of label. */
neap_status neap_linear_proba(const neap_linear *m, int64_t n, const double *x, double *out);

/* The label with the largest probability of each row, the first of equals. */
neap_status neap_linear_predict(const neap_linear *m, int64_t n, const double *x, int64_t *out);

void neap_linear_drop(neap_linear *m);

#endif
