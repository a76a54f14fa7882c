/* Linear systems over LAPACK. It wants columns contiguous, so a matrix is handed over as the
 * C-order copy of its transpose. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "tensor/blas.h"
#include "tensor/tensor.h"

static neap_status check_square(const char *name, const neap_tensor *a) {
  char shape[128];
  if (a->ndim != 2 || a->size[0] != a->size[1])
    return neap_fail(NEAP_ESHAPE, "%s: a square matrix expected, got shape %s", name,
                     neap_shape_text(a, shape, sizeof shape));
  if (a->size[0] > INT_MAX) return neap_fail(NEAP_ESHAPE, "%s: the matrix is too large", name);
  return NEAP_OK;
}

static neap_status check_finite(const char *name, const char *which, const neap_tensor *t) {
  const double *x = neap_tensor_data(t);
  for (int64_t i = 0; i < neap_tensor_numel(t); i++)
    if (!isfinite(x[i]))
      return neap_fail(NEAP_EVALUE, "%s: %s holds %s; only finite numbers can be used", name, which,
                       isnan(x[i]) ? "NaN" : "an infinity");
  return NEAP_OK;
}

static neap_status library(const char *name, const neap__blas **blas) {
  *blas = neap__blas_open();
  if (*blas) return NEAP_OK;
  return neap_fail(NEAP_EIO, "%s: OpenBLAS (libopenblas.so.0) could not be loaded", name);
}

/* A fresh f64 array with t's columns contiguous; a vector is one column. */
static neap_status columns_of(neap_tensor *out, const neap_tensor *t) {
  neap_tensor turned, wide;
  if (t->ndim == 1) NEAP_TRY(neap_tensor_unsqueeze(&turned, t, 0));
  else NEAP_TRY(neap_tensor_transpose(&turned, t, 0, 1));
  neap_status st = neap_tensor_as(&wide, &turned, NEAP_F64);
  neap_tensor_drop(&turned);
  if (st) return st;
  st = neap_tensor_clone(out, &wide); /* its own memory: LAPACK works in place */
  neap_tensor_drop(&wide);
  return st;
}

static neap_status run_solve(neap_tensor *a, neap_tensor *b, const neap__blas *blas) {
  int n = (int)a->size[0], columns = (int)b->size[0], lead = n > 0 ? n : 1, info = 0;
  int *pivot = neap_alloc_array(lead, sizeof *pivot);
  if (!pivot) return NEAP_ENOMEM;
  blas->dgesv(&n, &columns, neap_tensor_data(a), &lead, pivot, neap_tensor_data(b), &lead, &info);
  neap_free(pivot);
  if (info > 0)
    return neap_fail(NEAP_EVALUE, "solve: the matrix is singular (pivot %d is 0)", info);
  return NEAP_OK;
}

/* The solution, whose columns are contiguous in x, in the shape of b. */
static neap_status solution(neap_tensor *out, const neap_tensor *x, const neap_tensor *b,
                            neap_dtype dtype) {
  neap_tensor turned;
  if (b->ndim == 1) NEAP_TRY(neap_tensor_squeeze(&turned, x, 0));
  else NEAP_TRY(neap_tensor_transpose(&turned, x, 0, 1));
  neap_status st = neap_tensor_as(out, &turned, dtype);
  neap_tensor_drop(&turned);
  return st;
}

static neap_dtype result_dtype(const neap_tensor *a, const neap_tensor *b) {
  return neap_dtype_promote(a->dtype, b->dtype) == NEAP_F32 ? NEAP_F32 : NEAP_F64;
}

neap_status neap_tensor_solve(neap_tensor *out, const neap_tensor *a, const neap_tensor *b) {
  const neap__blas *blas;
  neap_tensor lu = {0}, x = {0};
  memset(out, 0, sizeof *out);
  NEAP_TRY(check_square("solve", a));
  if (b->ndim < 1 || b->ndim > 2 || b->size[0] != a->size[0]) {
    char s[128], t[128];
    return neap_fail(NEAP_ESHAPE, "solve: shapes %s and %s do not match",
                     neap_shape_text(a, s, sizeof s), neap_shape_text(b, t, sizeof t));
  }
  NEAP_TRY(library("solve", &blas));
  neap_status st = columns_of(&lu, a);
  if (!st) st = columns_of(&x, b);
  if (!st) st = check_finite("solve", "the matrix", &lu);
  if (!st) st = check_finite("solve", "the right-hand side", &x);
  if (!st && neap_tensor_numel(&x) > 0) st = run_solve(&lu, &x, blas);
  if (!st) st = solution(out, &x, b, result_dtype(a, b));
  neap_tensor_drop(&lu);
  neap_tensor_drop(&x);
  return st;
}

/* What LAPACK calls the upper triangle of columns is the lower one of our rows. */
static neap_status run_cholesky(neap_tensor *l, const neap__blas *blas) {
  int n = (int)l->size[0], info = 0;
  double *x = neap_tensor_data(l);
  blas->dpotrf("U", &n, x, &n, &info);
  if (info > 0)
    return neap_fail(NEAP_EVALUE,
                     "cholesky: the matrix is not positive definite (leading minor %d)", info);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i + 1; j < n; j++) x[i * n + j] = 0;
  return NEAP_OK;
}

neap_status neap_tensor_cholesky(neap_tensor *out, const neap_tensor *a) {
  const neap__blas *blas;
  neap_tensor wide, l = {0};
  memset(out, 0, sizeof *out);
  NEAP_TRY(check_square("cholesky", a));
  NEAP_TRY(library("cholesky", &blas));
  NEAP_TRY(neap_tensor_as(&wide, a, NEAP_F64));
  neap_status st = neap_tensor_clone(&l, &wide);
  neap_tensor_drop(&wide);
  if (!st) st = check_finite("cholesky", "the matrix", &l);
  if (!st && l.size[0] > 0) st = run_cholesky(&l, blas);
  if (!st) st = neap_tensor_as(out, &l, result_dtype(a, a));
  neap_tensor_drop(&l);
  return st;
}
