/* preprocess.h — what fitted transformers do to a matrix that tensors' own functions do not.
 *
 * A matrix has n rows of f columns, row after row. A table holds for each of the f columns k
 * numbers in rising order, column after column: quantiles of what a transformer was fitted on. A
 * table row that begins with NaN belongs to a column without values. Every element of a result
 * depends on its own element and column only, so a row alone has the bits it has in a batch. */
#ifndef NEAP_FRAME_PREPROCESS_H
#define NEAP_FRAME_PREPROCESS_H

#include <stdint.h>

#include "base/status.h"

/* Smallest and largest number of each column, NaN left out; INFINITY and -INFINITY where a column
 * has none. */
neap_status neap_column_range(int64_t n, int64_t f, const double *x, double *low, double *high);

typedef struct {
  int64_t n, f; /* rows and columns of the matrix */
  int64_t k;    /* numbers in each row of the table, at least 1 */
  const double *table;
} neap_quantiles;

/* out[i][j] = the place of x[i][j] in row j of the table, 0 to k - 1, with fractions between two
 * numbers; in the middle of numbers it equals; 0 below all, k - 1 above. NaN stays, and so does
 * all of a column without values. x and out may be one array. */
neap_status neap_quantile_place(const neap_quantiles *q, const double *x, double *out);

/* The inverse: the number at place[i][j] of row j, between two numbers linearly; places outside 0
 * to k - 1 count as the nearest of these. */
neap_status neap_quantile_at(const neap_quantiles *q, const double *place, double *out);

/* out[i] = the number below which the standard normal lies with probability p[i]; infinite at 0 and
 * 1, NaN outside. Relative error below 1e-15 (Wichura 1988, algorithm AS 241). */
neap_status neap_normal_quantile(int64_t n, const double *p, double *out);

/* out = x with every NaN replaced by the last number above it in its column, looking at rows of the
 * same group only. group[i] counts from 0 to groups - 1, NULL puts all rows in group 0; last holds
 * groups x f numbers, what came before the first row (NaN for nothing), and afterwards what came
 * last. x and out may be one array. */
neap_status neap_fill_forward(int64_t n, int64_t f, const double *x, const int32_t *group,
                              double *last, double *out);

#endif
