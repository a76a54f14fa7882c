/* rows.h — private to tensor: a tensor as a table of contiguous rows.
 *
 * Whatever the strides, the dimensions an operation works along are brought last and together, in
 * C order, so that a row kernel sees a plain array and its result does not depend on the layout.
 * When memory has that order already nothing is copied. */
#ifndef NEAP_TENSOR_ROWS_H
#define NEAP_TENSOR_ROWS_H

#include "tensor/tensor.h"

typedef struct {
  neap_tensor t;   /* contiguous: kept dimensions, then the dimensions of dims */
  int64_t rows, m; /* number and length of rows */
  int order[NEAP_MAX_DIMS];
} neap__rows;

/* dims: bit d for dimension d; 0 means all. Drop r->t afterwards, also on failure. */
neap_status neap__rows_init(neap__rows *r, const char *operation, const neap_tensor *t,
                            unsigned dims);

/* True, with the same rows as r, when t's memory holds them side by side instead, as the columns of
 * a contiguous m x rows matrix, r->t; nothing is copied. False leaves r empty. */
bool neap__columns_init(neap__rows *r, const neap_tensor *t, unsigned dims);

/* Address of row i. */
const char *neap__row(const neap__rows *r, int64_t i);

/* A fresh result with one element per row: the shape of t without dims, or with size 1 there. */
neap_status neap__rows_result(neap_tensor *out, const neap_tensor *t, neap_dtype dtype,
                              unsigned dims, bool keepdim);

/* A fresh tensor laid out like the rows, seen in the order of the dimensions of what they were made
 * from. */
neap_status neap__like_rows(neap_tensor *out, const neap__rows *r, neap_dtype dtype);

/* Run fn(ctx, row, from, to) so that work is spread over the pool. */
typedef neap_status (*neap__row_task)(void *ctx, int64_t chunk, int64_t begin, int64_t end);
neap_status neap__rows_each(const neap__rows *r, neap__row_task fn, void *ctx);

#endif
