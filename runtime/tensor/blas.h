/* blas.h — private to tensor: LAPACK out of OpenBLAS, opened on first use.
 *
 * It runs one thread, always, so that its results depend on nothing else. Before it is loaded
 * OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE are taken out of the environment, since they pin kernels
 * that may be half as fast as what the processor can do. */
#ifndef NEAP_TENSOR_BLAS_H
#define NEAP_TENSOR_BLAS_H

#include <stddef.h>

/* LAPACK, Fortran style: all by address, matrices by columns. The trailing sizes are the lengths of
 * the texts, which Fortran passes out of sight. */
typedef const int *neap__int;
typedef const char *neap__flag;
typedef struct {
  void (*dgesv)(neap__int n, neap__int nrhs, double *a, neap__int lda, int *pivot, double *b,
                neap__int ldb, int *info);
  void (*dgetrs)(neap__flag trans, neap__int n, neap__int nrhs, const double *a, neap__int lda,
                 const int *pivot, double *b, neap__int ldb, int *info, size_t);
  void (*dgetri)(neap__int n, double *a, neap__int lda, const int *pivot, double *work,
                 neap__int lwork, int *info);
  void (*dpotrf)(neap__flag uplo, neap__int n, double *a, neap__int lda, int *info, size_t);
  void (*dtrtrs)(neap__flag uplo, neap__flag trans, neap__flag diag, neap__int n, neap__int nrhs,
                 const double *a, neap__int lda, double *b, neap__int ldb, int *info, size_t,
                 size_t, size_t);
  void (*dgetrf)(neap__int m, neap__int n, double *a, neap__int lda, int *pivot, int *info);
  void (*dgeqrf)(neap__int m, neap__int n, double *a, neap__int lda, double *tau, double *work,
                 neap__int lwork, int *info);
  void (*dorgqr)(neap__int m, neap__int n, neap__int k, double *a, neap__int lda, const double *tau,
                 double *work, neap__int lwork, int *info);
  void (*dgesdd)(neap__flag job, neap__int m, neap__int n, double *a, neap__int lda, double *s,
                 double *u, neap__int ldu, double *vt, neap__int ldvt, double *work,
                 neap__int lwork, int *iwork, int *info, size_t);
  void (*dsyevd)(neap__flag job, neap__flag uplo, neap__int n, double *a, neap__int lda, double *w,
                 double *work, neap__int lwork, int *iwork, neap__int liwork, int *info, size_t,
                 size_t);
  void (*dgelsd)(neap__int m, neap__int n, neap__int nrhs, double *a, neap__int lda, double *b,
                 neap__int ldb, double *s, const double *rcond, int *rank, double *work,
                 neap__int lwork, int *iwork, int *info);
} neap__lapack;

/* The library's functions, or NULL when it cannot be loaded. NEAP_BLAS=none pretends so. */
const neap__lapack *neap__blas_open(void);

#endif
