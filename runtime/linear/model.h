/* model.h — what the two fits share; private to linear. */
#ifndef NEAP_LINEAR_MODEL_H
#define NEAP_LINEAR_MODEL_H

#include "linear/linear.h"

/* Check sizes and values of X and weights; *total receives the sum of weights. */
neap_status neap__linear_check(int64_t n, int64_t f, const double *x, const double *weight,
                               double *total);

/* Weighted means (zeros without center), and deviations (ones without scale or for a constant
 * column), of the columns. */
void neap__linear_moments(int64_t n, int64_t f, const double *x, const double *weight, bool center,
                          bool scale, double *mean, double *deviation);

/* A new n x f array of (x - mean) / deviation. */
neap_status neap__linear_scaled(double **out, int64_t n, int64_t f, const double *x,
                                const double *mean, const double *deviation);

/* Allocate the arrays of a model of f columns and k outputs, with mean and scale when asked. */
neap_status neap__linear_alloc(neap_linear *m, int64_t f, int k, bool scaled);

/* z (k logits) becomes probabilities; returns log(sum exp z). */
double neap__linear_softmax(int k, double *z);

#endif
