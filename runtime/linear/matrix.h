/* matrix.h — the dense sums and solves of linear models; private to linear. */
#ifndef NEAP_LINEAR_MATRIX_H
#define NEAP_LINEAR_MATRIX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* Rows of a chunk for sums that keep `each` numbers a chunk: depends on the sizes only. */
int64_t neap__linear_grain(int64_t n, int64_t each);

/* Lower triangle of g (p x p, stride p) = sum over rows of v_i z_i z_i', z_i being the f numbers of
 * row i and, when ones is set, a 1 behind them; p = f + ones. The upper triangle is left alone. */
neap_status neap__linear_gram(int64_t n, int64_t f, const double *x, bool ones, const double *v,
                              double *g);

/* Replace the lower triangle of the symmetric a (p x p) by its Cholesky factor. *column is the
 * first one that is not positive (from 0), or -1. */
neap_status neap__linear_cholesky(int64_t p, double *a, int64_t *column);

/* Solve L L' x = b in place. */
void neap__linear_solve(int64_t p, const double *l, double *b);

/* Sum of a[i] * b[i] in four interleaved lanes. */
double neap__linear_dot(int64_t n, const double *a, const double *b);

#endif
