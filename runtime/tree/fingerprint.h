/* fingerprint.h — a hash of the data that a model was trained on.
 *
 * Data are large and hashed at every fit, so blocks of rows are condensed first, on all threads, by
 * a plain multiplicative hash into 32 bytes each, and SHA-256 runs over those. A single changed bit
 * always changes its block's 32 bytes; nobody is kept from forging data on purpose. */
#ifndef NEAP_TREE_FINGERPRINT_H
#define NEAP_TREE_FINGERPRINT_H

#include "base/sha256.h"
#include "tree/model.h"

/* Add the numbers of a matrix row by row, whatever its strides: dtype, sizes, bits. */
neap_status neap__fingerprint_matrix(neap_sha256 *h, const neap__matrix *x);

/* text = hash of x, labels and weights (NULL: none) of its rows. */
neap_status neap_gbdt_fingerprint(const neap_tensor *x, const double *y, const double *weights,
                                  char text[65]);

#endif
