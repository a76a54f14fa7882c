/* nn.h — layers of networks as fused operations on tensors, with their gradients.
 *
 * Each function computes its result and, when an input takes part in a gradient that is being
 * recorded, records itself (grad/grad.h). All float arguments of one call have one dtype, f32 or
 * f64; the others are NEAP_EDTYPE. Sequences are [batch, time, features], images
 * [batch, height, width, channels]; weights have PyTorch's shapes. Results are contiguous.
 *
 * A row of a result depends on its row of the input only, whatever stands beside it in the batch,
 * and has the same bits at any thread count. NaN in x reaches what is computed from it. */
#ifndef NEAP_NN_NN_H
#define NEAP_NN_NN_H

#include "grad/grad.h"
#include "tensor/tensor.h"

/* x, [..., inputs], times the transpose of w, [outputs, inputs], plus b, [outputs] or NULL. */
neap_status neap_nn_linear(neap_tensor *out, const neap_tensor *x, const neap_tensor *w,
                           const neap_tensor *b);

/* Activations that neap_tensor_unary lacks, with their parameter:
 *   leaky_relu  x where it is positive, else slope x
 *   elu         x where it is positive, else alpha (exp(x) - 1), alpha >= 0
 *   silu        x sigmoid(x)
 *   gelu        x P(x), P the standard normal distribution function (Hendrycks, Gimpel 2016) */
typedef enum { NEAP_LEAKY_RELU, NEAP_ELU, NEAP_SILU, NEAP_GELU } neap_activation;
neap_status neap_nn_activate(neap_tensor *out, neap_activation kind, double parameter,
                             const neap_tensor *x);

#endif
