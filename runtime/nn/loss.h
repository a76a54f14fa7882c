/* loss.h — what a network is trained to make small, fused with its gradient.
 *
 * A loss compares predictions with what came, one number per sample, and joins these: "sum" is
 * sum w l, "mean" sum w l / sum w, "none" each w l by itself, w being the weights of samples (1
 * without). The gradient is computed in the same pass, so that the backward pass has nothing left
 * to do but to hand it on.
 *
 * x is f64 or f32, of any strides; so is y, of the same dtype, unless it holds classes. Weights and
 * other options are converted to that dtype. An empty batch is NEAP_ESHAPE, weights that are not
 * finite or negative NEAP_EVALUE, and so is a mean over weights that sum to 0. NaN in x or y makes
 * the loss NaN. Sums run in f64 in an order fixed by the shapes. */
#ifndef NEAP_NN_LOSS_H
#define NEAP_NN_LOSS_H

#include "grad/grad.h"
#include "tensor/tensor.h"

typedef enum { NEAP_LOSS_MEAN, NEAP_LOSS_SUM, NEAP_LOSS_NONE } neap_loss_join;

typedef struct {
  neap_loss_join join;
  const neap_tensor *weights; /* as many leading sizes of the losses as it has dims; NULL */
} neap_loss_options;

/* Losses of pairs of elements, kern/loss.h has the formulas. y has x's shape; but for quantile,
 * where x has a last dimension more, one place for each level. third is huber's delta, the levels
 * or, NULL for 1, bce's weight of positives: a number or as many as the last dimension has. The two
 * kl are summed over the last dimension first: one loss per row. mse, l1 and huber may have y
 * traced. */
neap_status neap_nn_loss(neap_tensor *out, neap_loss kind, const neap_tensor *x,
                         const neap_tensor *y, const neap_tensor *third,
                         const neap_loss_options *o);

typedef enum { NEAP_CROSS_ENTROPY, NEAP_FOCAL, NEAP_NLL } neap_class_loss;

typedef struct {
  neap_loss_options common;
  const neap_tensor *class_weights; /* one per class; NULL */
  double smoothing;                 /* 0 to 1, of cross entropy */
  double gamma;                     /* 0 at least, of focal */
  bool ignores;
  int64_t ignored; /* a value of y that does not count */
} neap_class_options;

/* Losses of rows of k classes, x [..., k], against class numbers 1..k in y [...], of any dtype but
 * bool: x holds logits, or log-probabilities for nll. A mean divides by sum w_i c[y_i], c being the
 * class weights. NEAP_EVALUE names the first y that is no class. */
neap_status neap_nn_class_loss(neap_tensor *out, neap_class_loss kind, const neap_tensor *x,
                               const neap_tensor *y, const neap_class_options *o);

#endif
