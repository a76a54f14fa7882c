/* lapack.h — private to tensor: operands as LAPACK takes them, and results as we give them.
 *
 * LAPACK wants the columns of a matrix contiguous, so each matrix is the C-order copy of its
 * transpose; but square ones are plain C-order copies, which LAPACK takes for the transpose, and
 * the operations on them are written for that. The last two dimensions are the matrix, leading ones
 * a batch, whose members the pool shares out. All is computed in f64; results are rounded to f32
 * when the operands are that. */
#ifndef NEAP_TENSOR_LAPACK_H
#define NEAP_TENSOR_LAPACK_H

#include "base/pool.h"
#include "tensor/blas.h"
#include "tensor/tensor.h"

typedef struct {
  const char *name; /* of the operation, for messages */
  const neap__lapack *lapack;
  neap_tensor a; /* f64, ours to overwrite: batch, columns, rows; square: batch, rows, columns */
  int m, n, k;   /* rows, columns, the smaller of the two */
  int64_t batches;
} neap__matrices;

/* Any matrix; a square one; a square one that is only read, and may be the operand itself. */
typedef enum { NEAP__ANY, NEAP__SQUARE, NEAP__LOOKED_AT } neap__form;

/* Check shape and elements of a, load the library and copy. Drop p->a afterwards, also on failure.
 */
neap_status neap__matrices_init(neap__matrices *p, const char *name, const neap_tensor *a,
                                neap__form form);

/* Run fn over the members of the batch, several small ones to a chunk. */
neap_status neap__members_each(const neap__matrices *p, neap_parallel_fn fn, void *ctx);

/* The elements of member i of t, whose members have m x n elements. */
double *neap__member(const neap_tensor *t, int64_t i, int64_t m, int64_t n);

/* A right-hand side for p's square matrices, by columns: a vector for one matrix, or one matrix for
 * each. columns receives how many there are. */
neap_status neap__right_side(neap_tensor *b, int *columns, const neap__matrices *p,
                             const neap_tensor *given);

/* A fresh result of zeros: matrices (rows x columns, by columns), or vectors of rows elements. */
enum { NEAP__VECTORS = -1 };
neap_status neap__matrices_result(neap_tensor *t, const neap__matrices *p, int rows, int columns);

/* *t, by columns, becomes a plain tensor of p's shape and of dtype f32 if like is that. */
neap_status neap__by_rows(neap_tensor *t, const neap_tensor *like);

/* Round *t to f32 if like is that. */
neap_status neap__as_like(neap_tensor *t, const neap_tensor *like);

/* LAPACK's answer to a question for work space as a count, or NEAP_ESHAPE when it is past int. */
neap_status neap__work_size(const neap__matrices *p, double answer, int *n);

#endif
