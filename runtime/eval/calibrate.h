/* calibrate.h — what the files of calibration share; private to eval. */
#ifndef NEAP_EVAL_CALIBRATE_H
#define NEAP_EVAL_CALIBRATE_H

#include "eval/eval.h"

double neap__eval_softplus(double z); /* log(1 + exp(z)) */

/* z of an input: the log-odds of two classes, a log-probability of more, or the logit itself. */
double neap__eval_logit(const neap_calibrator *c, double p);

/* log p and log(1 - p) of a two-class input. */
void neap__eval_log_pair(const neap_calibrator *c, double p, double *log_p, double *log_rest);

neap_status neap__eval_fit_isotonic(neap_calibrator *c, const neap_sample *s);
double neap__eval_apply_isotonic(const neap_calibrator *c, double p);

#endif
