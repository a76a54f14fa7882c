/* walk.h — private to tensor: run a row loop over up to four tensors of one shape.
 *
 * Dimensions that are contiguous in every operand are joined, so that most work is one long row.
 * Rows are cut into pieces of a fixed number of elements, which the pool shares out: the cut
 * depends on the shape only. Overlap of operands is the caller's business. */
#ifndef NEAP_TENSOR_WALK_H
#define NEAP_TENSOR_WALK_H

#include "tensor/tensor.h"

enum { NEAP__OPERANDS = 4, NEAP__GRAIN = 1 << 16 };

/* p[k] is the address of operand k's first element, stride[k] its step in elements. */
typedef neap_status (*neap__row_fn)(void *ctx, int64_t n, char *const *p, const int64_t *stride);

neap_status neap__walk(int operands, const neap_tensor *const *t, neap__row_fn fn, void *ctx);

/* True when writing to dst element by element could change what is still to be read from src: their
 * memory meets, and they are not the same view. */
bool neap__overlap(const neap_tensor *dst, const neap_tensor *src);

/* Make src, from which t is about to be written in any order, a copy if they share a storage. */
neap_status neap__apart(neap_tensor *src, const neap_tensor *t);

/* The common shape and dtype of a and b, kept in *shape; NEAP_ESHAPE, naming the operation, when
 * there is none. */
neap_status neap__broadcast(const char *operation, const neap_tensor *a, const neap_tensor *b,
                            neap_tensor *shape);

/* NEAP_EARG when several elements of t share one address, so that it cannot be written to. */
neap_status neap__check_writable(const char *operation, const neap_tensor *t);

/* 0-based position for an index that counts from first or, negative, from the end of size places;
 * NEAP_EINDEX when it is outside. */
neap_status neap__resolve(const char *operation, int64_t v, int64_t first, int64_t size,
                          int64_t *at);

/* Fails: "operation: shapes [2x3] and [4] do not match (f64 and i64); rule". */
neap_status neap__mismatch(const char *operation, const neap_tensor *a, const neap_tensor *b,
                           const char *rule);

#endif
