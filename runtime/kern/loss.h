/* loss.h — losses and their gradients in one pass over what they compare.
 *
 * A row's value depends on the row alone: not on its place, nor on how many rows there are. exp,
 * log1p and their kin are those of kern.h, so tables may differ within their bounds. NaN spreads.
 * Arrays are contiguous and lie apart; d may be NULL where no gradient is wanted. */
#ifndef NEAP_KERN_LOSS_H
#define NEAP_KERN_LOSS_H

#include <stdbool.h>
#include <stdint.h>

/* n elements x against y, each with a number of its own in a: l is the loss, d = scale times its
 * derivative in x. With e = x - y:
 *   mse       e^2
 *   l1        |e|, of derivative 0 at 0
 *   huber     e^2/2 where |e| <= delta, delta (|e| - delta/2) beyond; delta is a
 *   quantile  max((a - 1) e', a e') for e' = y - x, of derivative 0 at 0
 *   bce       (1 - y) log(1 + e^x) + a y log(1 + e^-x): x is a logit
 *   kl        y (log y - x), 0 where y is 0: x is the logarithm of a probability, y one
 *   kl_log    e^y (y - x), for y the logarithm of one
 * mse, l1, kl and kl_log read no a, which may be NULL then. */
typedef enum {
  NEAP_LOSS_MSE,
  NEAP_LOSS_L1,
  NEAP_LOSS_HUBER,
  NEAP_LOSS_QUANTILE,
  NEAP_LOSS_BCE,
  NEAP_LOSS_KL,
  NEAP_LOSS_KL_LOG,
  NEAP_LOSSES
} neap_loss;

typedef void (*neap_loss_fn)(int64_t n, void *l, void *d, double scale, const void *x,
                             const void *y, const void *a);

/* n rows of k >= 1 logits x against classes y (from 0). With p = softmax(x), q_k = cost[k] (1
 * where cost is NULL):
 *   cross entropy  l = (1 - smooth) q_y (-log p_y) + smooth / k sum_j q_j (-log p_j)
 *   focal          l = q_y (1 - p_y)^gamma (-log p_y); for focal set
 * l and d are multiplied by row[i] (1 where row is NULL), d by scale too. Where y is below 0, both
 * are 0. A logit may be -inf; with inf among them l and d are NaN or infinite. */
typedef struct {
  const void *cost, *row; /* of the dtype */
  double smooth, gamma, scale;
  bool focal;
} neap_cross_terms;

typedef void (*neap_cross_fn)(int64_t n, int64_t k, void *l, void *d, const void *x,
                              const int64_t *y, const neap_cross_terms *t);

/* By dtype, f64 and f32. */
typedef struct {
  neap_loss_fn each[NEAP_LOSSES][2];
  neap_cross_fn cross[2];
} neap_loss_table;

#endif
