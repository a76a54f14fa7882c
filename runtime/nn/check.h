/* check.h — private to nn: what every layer asks of its arguments, and how it records itself. */
#ifndef NEAP_NN_CHECK_H
#define NEAP_NN_CHECK_H

#include "grad/grad.h"
#include "tensor/tensor.h"

/* NEAP_EDTYPE unless all n tensors (NULL entries are absent) have one float dtype; names, one for
 * each, are what the message calls them: "linear: x is f64 and weight f32; convert with x:to
 * "f32"".
 */
neap_status neap__nn_one_dtype(const char *layer, int n, const neap_tensor *const *t,
                               const char *const *names);

/* neap_grad_record of one output; neap_node_state will be a copy of the size bytes at state. */
neap_status neap__nn_record(const neap_gradient *g, int inputs, const neap_tensor *const *in,
                            neap_tensor *out, int saved, const neap_tensor *const *save,
                            const void *state, size_t size);

#endif
