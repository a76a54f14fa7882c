/* conv.h — convolutions and pooling of sequences and images, with their gradients.
 *
 * Sequences are [batch, time, channels], images [batch, height, width, channels]: channels last, so
 * that every kernel is a product of matrices over rows that lie in x already. Weights have
 * PyTorch's shapes, [features, channels / groups, taps] and [.., height, width]. All float
 * arguments of a call have one dtype, f32 or f64. Pairs are of height (or time) and width; for
 * sequences the second is not used. Results are contiguous; an empty batch gives an empty one. */
#ifndef NEAP_NN_CONV_H
#define NEAP_NN_CONV_H

#include "tensor/tensor.h"

typedef struct {
  int64_t stride[2], before[2], after[2], dilation[2]; /* padding with zeros on both sides */
  int64_t groups;
  neap_bend bend; /* what y goes through; slope is that of the leaky form, 0 to 1 */
  double slope;
} neap_conv_options;

/* y[b, t, f] = bias[f] + the sum over taps k and the channels c of f's group of
 *   x[b, t stride - before + k dilation, c] w[f, c, k],
 * and the same in two dimensions: 3 or 4 dimensions of x and w say which. bias may be NULL. As
 * PyTorch's, it is a correlation. */
neap_status neap_nn_conv(neap_tensor *out, const neap_tensor *x, const neap_tensor *w,
                         const neap_tensor *bias, const neap_conv_options *o);

/* The transposed convolution of a sequence: what neap_nn_conv's gradient does to x, w being
 * [channels, features / groups, taps]. There are (time - 1) stride - before - after + (taps - 1)
 * dilation + 1 + extra steps. bend is not used. */
neap_status neap_nn_conv_transpose(neap_tensor *out, const neap_tensor *x, const neap_tensor *w,
                                   const neap_tensor *bias, int64_t extra,
                                   const neap_conv_options *o);

typedef enum { NEAP_POOL_MAX, NEAP_POOL_MEAN, NEAP_POOL_ADAPTIVE_MEAN } neap_pool;

/* size is that of the window, or for the adaptive kind how many outputs there are: output i then
 * has the places floor(i in / out) to ceil((i + 1) in / out) - 1. Padding, at most half a window,
 * is never the largest; whether it counts in a mean says count_padding. With ceil a last window may
 * stick out behind. */
typedef struct {
  neap_pool kind;
  int64_t size[2], stride[2], padding[2];
  bool ceil, count_padding;
} neap_pool_options;

/* One number per window and channel. A NaN in a window is its largest element; of equal ones the
 * first gets the gradient. */
neap_status neap_nn_pool(neap_tensor *out, const neap_tensor *x, const neap_pool_options *o);

#endif
