/* Linear systems over LAPACK. */
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "tensor/lapack.h"

typedef struct {
  neap__matrices p;
  neap_tensor b; /* right-hand sides, overwritten by the solutions */
  int columns;
  neap_triangle shape;
} linear_system;

static void drop_system(linear_system *s) {
  neap_tensor_drop(&s->p.a);
  neap_tensor_drop(&s->b);
}

/* Put "matrix 3 of the batch" to a failure where there are several. */
static neap_status in_member(const neap__matrices *p, int64_t i, neap_status st) {
  if (p->a.ndim == 2) return st;
  return neap_fail_in(st, "matrix %lld of the batch", (long long)i + 1);
}

static neap_status singular(const neap__matrices *p, int64_t i, int info) {
  return in_member(p, i,
                   neap_fail(NEAP_EVALUE, "%s: the matrix is singular (pivot %d of %d is 0)",
                             p->name, info, p->n));
}

/* The factors of a' solve a x = b when turned. */
static neap_status solve_members(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  linear_system *s = ctx;
  neap__matrices *p = &s->p;
  int n = p->n, lead = n > 0 ? n : 1, info = 0;
  int *pivot = neap_alloc_array(lead, sizeof *pivot);
  neap_status st = pivot ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = begin; !st && i < end; i++) {
    double *x = neap__member(&p->a, i, n, n);
    p->lapack->dgetrf(&n, &n, x, &lead, pivot, &info);
    st = neap_interrupt_check();
    if (!st && info > 0) st = singular(p, i, info);
    if (!st)
      p->lapack->dgetrs("T", &n, &s->columns, x, &lead, pivot,
                        neap__member(&s->b, i, n, s->columns), &lead, &info, 1);
  }
  neap_free(pivot);
  return st;
}

static neap_status inverse_members(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  neap__matrices *p = ctx;
  int n = p->n, ask = -1, lwork = 1, info = 0;
  double size = 0;
  p->lapack->dgetri(&n, &size, &n, &info, &size, &ask, &info);
  NEAP_TRY(neap__work_size(p, size, &lwork));
  int *pivot = neap_alloc_array(n, sizeof *pivot);
  double *work = neap_alloc_array(lwork, sizeof *work);
  neap_status st = pivot && work ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = begin; !st && i < end; i++) {
    double *x = neap__member(&p->a, i, n, n);
    p->lapack->dgetrf(&n, &n, x, &n, pivot, &info);
    st = neap_interrupt_check();
    if (!st && info > 0) st = singular(p, i, info);
    if (!st) p->lapack->dgetri(&n, x, &n, pivot, work, &lwork, &info);
  }
  neap_free(pivot);
  neap_free(work);
  return st;
}

/* What members, working in place on a copy of a, leave there; or nothing. */
static neap_status in_place(neap_tensor *out, const char *name, const neap_tensor *a,
                            neap_parallel_fn members) {
  neap__matrices p;
  memset(out, 0, sizeof *out);
  neap_status st = neap__matrices_init(&p, name, a, NEAP__SQUARE);
  if (!st && neap_tensor_numel(&p.a) > 0) st = neap__members_each(&p, members, &p);
  if (!st) st = neap__as_like(&p.a, a);
  if (!st) neap_tensor_alias(out, &p.a);
  neap_tensor_drop(&p.a);
  return st;
}

neap_status neap_tensor_inv(neap_tensor *out, const neap_tensor *a) {
  return in_place(out, "inv", a, inverse_members);
}

static neap_status triangular_members(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  linear_system *s = ctx;
  neap__matrices *p = &s->p;
  int n = p->n, lead = n > 0 ? n : 1, info = 0;
  for (int64_t i = begin; i < end; i++) {
    p->lapack->dtrtrs(s->shape.upper ? "L" : "U", s->shape.transpose ? "N" : "T",
                      s->shape.unit ? "U" : "N", &n, &s->columns, neap__member(&p->a, i, n, n),
                      &lead, neap__member(&s->b, i, n, s->columns), &lead, &info, 1, 1, 1);
    NEAP_TRY(neap_interrupt_check());
    if (info > 0)
      return in_member(p, i,
                       neap_fail(NEAP_EVALUE, "%s: the matrix is singular (element %d, %d is 0)",
                                 p->name, info, info));
  }
  return NEAP_OK;
}

/* The solutions, by columns in s->b, in the shape of b. */
static neap_status solution(neap_tensor *out, linear_system *s, const neap_tensor *a,
                            const neap_tensor *b) {
  neap_tensor like = {.dtype = neap_dtype_promote(a->dtype, b->dtype)};
  NEAP_TRY(neap__by_rows(&s->b, &like));
  if (b->ndim == 1) return neap_tensor_squeeze(out, &s->b, 1);
  neap_tensor_alias(out, &s->b);
  return NEAP_OK;
}

static neap_status solve_with(neap_tensor *out, const char *name, const neap_tensor *a,
                              const neap_tensor *b, neap_triangle shape, neap__form form,
                              neap_parallel_fn members) {
  linear_system s = {.shape = shape};
  memset(out, 0, sizeof *out);
  neap_status st = neap__matrices_init(&s.p, name, a, form);
  if (!st) st = neap__right_side(&s.b, &s.columns, &s.p, b);
  if (!st && neap_tensor_numel(&s.p.a) > 0) st = neap__members_each(&s.p, members, &s);
  if (!st) st = solution(out, &s, a, b);
  drop_system(&s);
  return st;
}

neap_status neap_tensor_solve(neap_tensor *out, const neap_tensor *a, const neap_tensor *b) {
  return solve_with(out, "solve", a, b, (neap_triangle){0}, NEAP__SQUARE, solve_members);
}

neap_status neap_tensor_solve_triangular(neap_tensor *out, const neap_tensor *a,
                                         const neap_tensor *b, neap_triangle shape) {
  return solve_with(out, "solve_triangular", a, b, shape, NEAP__LOOKED_AT, triangular_members);
}

static neap_status cholesky_members(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  neap__matrices *p = ctx;
  int n = p->n, info = 0;
  for (int64_t i = begin; i < end; i++) {
    double *x = neap__member(&p->a, i, n, n);
    p->lapack->dpotrf("U", &n, x, &n, &info, 1);
    NEAP_TRY(neap_interrupt_check());
    if (info > 0)
      return in_member(p, i,
                       neap_fail(NEAP_EVALUE,
                                 "%s: the matrix is not positive definite (leading minor %d of %d)",
                                 p->name, info, n));
    for (int64_t row = 0; row < n; row++) /* what lies above the diagonal */
      memset(x + row * n + row + 1, 0, (size_t)(n - row - 1) * sizeof *x);
  }
  return NEAP_OK;
}

neap_status neap_tensor_cholesky(neap_tensor *out, const neap_tensor *a) {
  return in_place(out, "cholesky", a, cholesky_members);
}
