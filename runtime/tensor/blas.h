/* blas.h — private to tensor: OpenBLAS, opened on first use.
 *
 * It runs one thread, always: the pool schedules the tiles. Before it is loaded OPENBLAS_CORETYPE
 * and OPENBLAS_L2_SIZE are taken out of the environment, since they pin kernels that may be half as
 * fast as what the processor can do. */
#ifndef NEAP_TENSOR_BLAS_H
#define NEAP_TENSOR_BLAS_H

#include <stdbool.h>

enum { NEAP__ROW_MAJOR = 101, NEAP__PLAIN = 111, NEAP__TRANSPOSED = 112 }; /* CBLAS's numbers */

typedef void (*neap__dgemm_fn)(int order, int ta, int tb, int m, int n, int k, double alpha,
                               const double *a, int lda, const double *b, int ldb, double beta,
                               double *c, int ldc);
typedef void (*neap__sgemm_fn)(int order, int ta, int tb, int m, int n, int k, float alpha,
                               const float *a, int lda, const float *b, int ldb, float beta,
                               float *c, int ldc);
/* LAPACK, Fortran style: a x = b by LU; Cholesky. */
typedef void (*neap__dgesv_fn)(const int *n, const int *nrhs, double *a, const int *lda, int *pivot,
                               double *b, const int *ldb, int *info);
typedef void (*neap__dpotrf_fn)(const char *uplo, const int *n, double *a, const int *lda,
                                int *info);

typedef struct {
  neap__dgemm_fn dgemm;
  neap__sgemm_fn sgemm;
  neap__dgesv_fn dgesv;
  neap__dpotrf_fn dpotrf;
} neap__blas;

/* The library's functions, or NULL when it cannot be loaded. NEAP_BLAS=none pretends so. */
const neap__blas *neap__blas_open(void);

#endif
