/* fingerprint.h — a hash of the data that a model was trained on.
 *
 * Data are large and hashed at every fit, so blocks of rows are condensed first, on all threads, by
 * a plain multiplicative hash into 32 bytes each, and SHA-256 runs over those. A single changed bit
 * always changes its block's 32 bytes; nobody is kept from forging data on purpose. */
#ifndef NEAP_TREE_FINGERPRINT_H
#define NEAP_TREE_FINGERPRINT_H

#include "tree/model.h"

/* text = hash of x, labels and weights (NULL: none) of its rows. */
neap_status neap_gbdt_fingerprint(const neap_tensor *x, const double *y, const double *weights,
                                  char text[65]);

#endif
