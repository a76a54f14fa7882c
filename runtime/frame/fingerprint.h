/* fingerprint.h — a hash of what data hold: texts and tensors, with their lengths, dtypes and sizes
 * between them, so that nothing can move from one into its neighbour unseen. */
#ifndef NEAP_FRAME_FINGERPRINT_H
#define NEAP_FRAME_FINGERPRINT_H

#include <stddef.h>

#include "base/sha256.h"
#include "tensor/tensor.h"

/* Add a text of n bytes. */
void neap_fingerprint_text(neap_sha256 *h, const char *text, size_t n);

/* Add a contiguous tensor: dtype, sizes, elements as they lie in memory. Bits count: 0.0 and -0.0
 * differ, and so do NaN of different bits. */
neap_status neap_fingerprint_tensor(neap_sha256 *h, const neap_tensor *t);

#endif
