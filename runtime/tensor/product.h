/* product.h — private to tensor: the arithmetic of matmul. */
#ifndef NEAP_TENSOR_PRODUCT_H
#define NEAP_TENSOR_PRODUCT_H

#include "tensor/tensor.h"

/* c, contiguous, [batch..., m, n] = a, [batch..., m, k], times b, [batch..., k, n]; the batch sizes
 * are alike, all sizes at least 1, the dtype f64, f32 or i64 throughout, strides of a and b any. An
 * element of c depends on its row of a and its column of b only, bit for bit (kern.h). */
neap_status neap__product(neap_tensor *c, const neap_tensor *a, const neap_tensor *b);

#endif
