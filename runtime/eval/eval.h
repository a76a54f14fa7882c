/* eval.h — judging models: metrics of classification and regression, and probability calibration.
 *
 * Everything about a classifier starts from a neap_sample: the truth, the predictions and the
 * weights of the rows that count, checked and coded once. The metrics then are plain sums over it
 * in row order, so their bits never depend on threads.
 *
 * Truth comes before prediction. Labels are any integers; classes are in rising order and numbered
 * from 0 here. A binary probability is that of the larger class. Where a metric has no value
 * (no positives, one class only) it is NaN or 0 as its comment says. Messages count rows from 1. */
#ifndef NEAP_EVAL_EVAL_H
#define NEAP_EVAL_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { NEAP_MAX_CLASSES = 1000 };

/* labels --------------------------------------------------------------------------------------- */

/* The distinct values of y in rising order, added to the *k that *label already holds (start with
 * 0 and NULL). name is used in messages. Every value must be an integer within 2^53; at most
 * NEAP_MAX_CLASSES may differ. *label is to be freed with neap_free, also after a failure. */
neap_status neap_eval_labels(int64_t n, const double *y, const char *name, int *k, double **label);

/* Number of v among label[0..k), or -1. */
int neap_eval_label_code(int k, const double *label, double v);

/* 1 / (1 + exp(-z)), without overflow. */
double neap_eval_sigmoid(double z);

/* sample --------------------------------------------------------------------------------------- */

/* What the numbers of p are: decided by looking, scores (probabilities, logits), or labels. Looking
 * takes one column for labels when y has more than two classes or every value is a label of y. */
typedef enum { NEAP_GUESS_AUTO, NEAP_GUESS_SCORES, NEAP_GUESS_LABELS } neap_guess_kind;

typedef struct {
  int64_t n;
  const double *y;
  const double *p; /* n x columns */
  int64_t columns;
  const double *weight; /* n, or NULL: all 1 */
  const double *label;  /* classes in rising order when the caller knows them, else NULL */
  int labels;
  neap_guess_kind kind;
  bool skip_nan;    /* leave rows with a NaN out, instead of refusing them */
  double threshold; /* of AUTO: the larger class is guessed when its probability exceeds this */
} neap_sample_spec;

typedef struct {
  int64_t n;
  int k;          /* classes, at least 2 */
  double *label;  /* k */
  int32_t *code;  /* n: class of the truth */
  int32_t *guess; /* n: class predicted; NULL with SCORES */
  double *p;      /* n x columns; columns is 1 for two classes, else k; NULL with labels */
  int columns;    /* 0 with labels */
  double *weight; /* n, or NULL */
  int64_t *row;   /* n: row it came from, for messages; NULL when none was left out */
  double total;   /* sum of weights */
  bool one_class; /* the truth holds one class only */
} neap_sample;

/* Check and code. Fails on n = 0, NaN without skip_nan, columns that do not fit the classes,
 * negative weights. A single class of 0/1 or -1/1 is completed to that pair; any other needs
 * labels. On failure *out is empty. */
neap_status neap_eval_sample(neap_sample *out, const neap_sample_spec *spec);
void neap_eval_sample_drop(neap_sample *s);

/* from guessed classes ------------------------------------------------------------------------- */

/* m[truth * k + guess] = summed weight of such rows. The sample must hold guesses. */
void neap_eval_confusion(const neap_sample *s, double *m);

/* From a k x k confusion matrix. A share of nothing (0/0) counts as 0. */
double neap_eval_accuracy(int k, const double *m);
double neap_eval_balanced_accuracy(int k,
                                   const double *m); /* mean recall of classes in the truth */
double neap_eval_mcc(int k, const double *m);        /* Gorodkin 2004; 0 when undefined */

typedef enum {
  NEAP_AVERAGE_ONE,
  NEAP_AVERAGE_MACRO,
  NEAP_AVERAGE_MICRO,
  NEAP_AVERAGE_WEIGHTED
} neap_average;
typedef struct {
  double precision, recall, f1;
} neap_prf;

/* Of class `positive` (ONE), or averaged over classes: evenly, pooled, by share of the truth. */
neap_prf neap_eval_prf(int k, const double *m, neap_average average, int positive);

/* from scores: ranking ------------------------------------------------------------------------- */

/* order[i] = position of the i-th smallest of x; equal values keep their order, -0 equals 0.
 * x must hold no NaN. */
neap_status neap_eval_order(int64_t n, const double *x, int64_t *order);

/* Area under the ROC curve, ties by mid-rank; for more than two classes the mean over one class
 * against the rest, of the classes present. NaN when the truth holds one class only. */
neap_status neap_eval_auc(const neap_sample *s, double *out);

/* Sum of precision times rise of recall over falling distinct scores; several classes as for auc.
 * NaN without positives. */
neap_status neap_eval_average_precision(const neap_sample *s, double *out);

/* Counts above each distinct score, falling: point 0 is "none", point i counts rows with p >=
 * cut[i]. *points is n + 1 at most; arrays hold n + 1. Binary samples only. */
typedef struct {
  double *cut, *tp, *fp;
  int64_t points;
  double positive, negative;
} neap_curve;
neap_status neap_eval_curve(const neap_sample *s, neap_curve *out);
void neap_eval_curve_drop(neap_curve *c);

typedef enum {
  NEAP_CUT_F1,
  NEAP_CUT_ACCURACY,
  NEAP_CUT_BALANCED_ACCURACY,
  NEAP_CUT_MCC,
  NEAP_CUT_YOUDEN
} neap_cut_metric;

/* The cut whose rule "larger class when p > cut" has the best metric, among all distinct ones. A
 * cut lies midway between two neighbouring scores, or just below the smallest; of equally good
 * ones the highest is taken. O(n log n) or better. */
neap_status neap_eval_best_cut(const neap_sample *s, neap_cut_metric metric, double *cut,
                               double *value);

/* from probabilities --------------------------------------------------------------------------- */

/* Fails, naming row and column, when a score lies outside [0, 1], or when the k columns of a row do
 * not sum to 1 within 1e-3. The functions below begin with it. */
neap_status neap_eval_check_probabilities(const neap_sample *s);

/* Mean of -log p(truth), p clipped to [eps, 1 - eps]. */
neap_status neap_eval_log_loss(const neap_sample *s, double eps, double *out);

/* Mean of (p - y)^2 for two classes, of the sum over classes for more. */
neap_status neap_eval_brier(const neap_sample *s, double *out);

/* Bins of probability, closed above (the lowest also below). Two classes: probability of the larger
 * one against its share. More: the largest probability against the share of hits. */
typedef struct {
  int bins;
  double *low, *high;   /* bounds */
  double *mean, *share; /* of probability and of positives; NaN in an empty bin */
  double *count;        /* summed weight */
  double ece, mce;      /* sum of count/total * |mean - share|, and the largest difference */
} neap_reliability;
neap_status neap_eval_reliability(const neap_sample *s, int bins, bool quantile,
                                  neap_reliability *out);
void neap_eval_reliability_drop(neap_reliability *r);

/* regression ----------------------------------------------------------------------------------- */

/* mape leaves |y| at least 2^-52, as scikit-learn does; r2 of constant y is 1 for perfect
 * predictions, else 0. weight may be NULL. */
typedef struct {
  double mse, mae, mape, r2;
} neap_regression;
neap_status neap_eval_regression(int64_t n, const double *y, const double *p, const double *weight,
                                 bool skip_nan, neap_regression *out);

/* calibration ---------------------------------------------------------------------------------- */

typedef enum {
  NEAP_CAL_NONE,
  NEAP_CAL_TEMPERATURE, /* softmax(z / T), T in [0.01, 100] by maximum likelihood */
  NEAP_CAL_PLATT,       /* sigmoid(a z + b), with Platt's smoothed targets */
  NEAP_CAL_ISOTONIC,    /* rising steps by pooling, linear between them, clamped outside */
  NEAP_CAL_BETA,        /* sigmoid(a log p - b log(1-p) + c), a, b >= 0, same targets */
  NEAP_CAL_COUNT
} neap_cal_method;

/* A fitted map of probabilities. z is the log-odds of the larger class, or one logit per class. */
typedef struct {
  neap_cal_method method;
  bool logit;      /* the input is z, else a probability (clipped to [1e-15, 1 - 1e-15]) */
  int columns;     /* of the input: 1 for two classes, k for more */
  double param[3]; /* T | a, b | a, b, c */
  int64_t knots;   /* isotonic: y[i] at x[i], both rising */
  double *x, *y;
} neap_calibrator;

const char *neap_cal_name(neap_cal_method method);
neap_status neap_cal_parse(neap_cal_method *out, const char *name);

/* Fit to a sample of scores: probabilities, or logits when logit is set. A truth of one class
 * fails. Isotonic values are kept within [1/(n+2), (n+1)/(n+2)], so that a finite sample never
 * claims certainty. For more than two classes: temperature and none. */
neap_status neap_eval_calibrate(neap_calibrator *out, neap_cal_method method, bool logit,
                                const neap_sample *s);

/* The calibrated probability of the larger class. NaN gives NaN. */
double neap_eval_apply(const neap_calibrator *c, double p);

/* The same for n rows; a calibrator of k columns gives k probabilities a row. q may be p. */
neap_status neap_eval_apply_rows(const neap_calibrator *c, int64_t n, const double *p, double *q);
void neap_eval_calibrator_drop(neap_calibrator *c);

/* Isotonic least squares by pooling adjacent violators: the rising sequence nearest to y under
 * weights w (NULL: 1). y is replaced. scratch holds 2n doubles. */
neap_status neap_eval_pav(int64_t n, double *y, const double *w, double *scratch);

#endif
