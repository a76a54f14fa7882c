/* norm.h — normalisation, dropout and embeddings as functions of tensors, recorded for gradients
 * (nn.h says what holds for all of them). Channels are the last dimension. */
#ifndef NEAP_NN_NORM_H
#define NEAP_NN_NORM_H

#include "tensor/tensor.h"

/* (x - mean) / sqrt(var + eps) w + b over the last `dims` dimensions, whose sizes are shape; var is
 * over their number. w and b have that shape, or are NULL. */
neap_status neap_nn_layer_norm(neap_tensor *out, const neap_tensor *x, const neap_tensor *w,
                               const neap_tensor *b, int dims, const int64_t *shape, double eps);

/* The same over each of so many groups of adjacent channels and all dimensions between the first
 * and the last; x is [batch, ..., channels], w and b [channels] or NULL. */
neap_status neap_nn_group_norm(neap_tensor *out, const neap_tensor *x, const neap_tensor *w,
                               const neap_tensor *b, int64_t groups, double eps);

/* Each channel of [..., channels] over all other dimensions. In training the moments are those of x
 * (of two rows at least) and running ones, unless NULL, change in place:
 *   r = (1 - momentum) r + momentum m, with the variance over the number less 1.
 * Otherwise they are the running ones, or those of x where these are NULL. w and b may be NULL. */
typedef struct {
  neap_tensor *mean, *var; /* [channels], of x's dtype */
  bool training;
  double momentum, eps;
} neap_batch_norm_options;
neap_status neap_nn_batch_norm(neap_tensor *out, const neap_tensor *x, const neap_tensor *w,
                               const neap_tensor *b, const neap_batch_norm_options *o);

/* Elements of x times 0 with probability p, times 1 / (1 - p) otherwise, 0 <= p <= 1: which, is a
 * function of the key and the place of the element alone. */
neap_status neap_nn_dropout(neap_tensor *out, const neap_tensor *x, double p, uint64_t key);

/* Rows of w, [classes, features], by class numbers 1 .. classes in index, whole numbers of any
 * shape. The gradient leaves out the row of class number padding (0: none). */
neap_status neap_nn_embedding(neap_tensor *out, const neap_tensor *index, const neap_tensor *w,
                              int64_t padding);

#endif
