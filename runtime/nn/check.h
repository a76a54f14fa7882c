/* check.h — private to nn: what every layer asks of its arguments. */
#ifndef NEAP_NN_CHECK_H
#define NEAP_NN_CHECK_H

#include "tensor/tensor.h"

/* NEAP_EDTYPE unless all n tensors (NULL entries are absent) have one float dtype; names, one for
 * each, are what the message calls them: "linear: x is f64 and weight f32; convert with x:to
 * "f32"".
 */
neap_status neap__nn_one_dtype(const char *layer, int n, const neap_tensor *const *t,
                               const char *const *names);

#endif
