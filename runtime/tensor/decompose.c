/* Decompositions over LAPACK. Signs that the mathematics leaves open are fixed here, so that
 * results do not depend on the library or the processor. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "tensor/lapack.h"

typedef struct {
  neap__matrices p;
  neap_tensor one, two, three; /* results, named by each operation */
  int columns;                 /* of the first result */
  bool full;
} decomposition;

static void drop_all(decomposition *d) {
  neap_tensor_drop(&d->p.a);
  neap_tensor_drop(&d->one);
  neap_tensor_drop(&d->two);
  neap_tensor_drop(&d->three);
}

/* Hand *from over, or drop it where nobody asked for it. */
static void give(neap_tensor *to, neap_tensor *from) {
  if (!to) return;
  *to = *from;
  memset(from, 0, sizeof *from);
}

static void clear(neap_tensor *t) {
  if (t) memset(t, 0, sizeof *t);
}

static int at_least_1(int n) { return n > 0 ? n : 1; }

static void negate(double *x, int64_t n, int64_t step) {
  for (int64_t i = 0; i < n; i++) x[i * step] = -x[i * step];
}

/* The largest element of x[0..n) by size, the first of equals. */
static double largest(const double *x, int64_t n) {
  double best = 0;
  for (int64_t i = 0; i < n; i++)
    if (fabs(x[i]) > fabs(best)) best = x[i];
  return best;
}

static void identity(double *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) x[i * n + i] = 1;
}

/* LU ------------------------------------------------------------------------------------------- */

/* LAPACK's row exchanges as an order of rows, counted from first. Returns the sign. */
static int order_of_rows(const int *pivot, int k, int64_t m, double *order) {
  int sign = 1;
  for (int64_t i = 0; i < m; i++) order[i] = (double)i;
  for (int i = 0; i < k; i++) {
    int j = pivot[i] - 1;
    double kept = order[i];
    order[i] = order[j];
    order[j] = kept;
    if (j != i) sign = -sign;
  }
  return sign;
}

static void split_lu(const neap__matrices *p, const double *lu, double *l, double *u) {
  int64_t m = p->m, n = p->n, k = p->k;
  for (int64_t j = 0; j < n; j++)
    for (int64_t i = 0; i <= j && i < k; i++) u[j * k + i] = lu[j * m + i];
  for (int64_t j = 0; j < k; j++) {
    l[j * m + j] = 1;
    for (int64_t i = j + 1; i < m; i++) l[j * m + i] = lu[j * m + i];
  }
}

static neap_status lu_members(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  decomposition *d = ctx;
  neap__matrices *p = &d->p;
  int lead = at_least_1(p->m), info = 0;
  int *pivot = neap_alloc_array(at_least_1(p->k), sizeof *pivot);
  neap_status st = pivot ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = begin; !st && i < end; i++) {
    double *x = neap__member(&p->a, i, p->m, p->n);
    if (p->k > 0) p->lapack->dgetrf(&p->m, &p->n, x, &lead, pivot, &info);
    order_of_rows(pivot, p->k, p->m, neap__member(&d->one, i, p->m, 1));
    split_lu(p, x, neap__member(&d->two, i, p->m, p->k), neap__member(&d->three, i, p->k, p->n));
    st = neap_interrupt_check();
  }
  neap_free(pivot);
  return st;
}

neap_status neap_tensor_lu(neap_tensor *order, neap_tensor *l, neap_tensor *u, const neap_tensor *a,
                           int64_t first) {
  decomposition d = {0};
  neap_tensor numbers = {0};
  neap_scalar shift;
  clear(order), clear(l), clear(u);
  neap_status st = neap__matrices_init(&d.p, "lu", a, NEAP__ANY);
  if (!st) st = neap__matrices_result(&d.one, &d.p, d.p.m, NEAP__VECTORS);
  if (!st) st = neap__matrices_result(&d.two, &d.p, d.p.m, d.p.k);
  if (!st) st = neap__matrices_result(&d.three, &d.p, d.p.k, d.p.n);
  if (!st) st = neap__members_each(&d.p, lu_members, &d);
  if (!st) st = neap__by_rows(&d.two, a);
  if (!st) st = neap__by_rows(&d.three, a);
  if (!st) st = neap_tensor_as(&numbers, &d.one, NEAP_I64);
  if (!st) st = neap_scalar_i64(&shift, NEAP_I64, first);
  if (!st) st = neap_tensor_binary_into(&numbers, NEAP_OP_add, &shift.t);
  if (!st) give(order, &numbers), give(l, &d.two), give(u, &d.three);
  neap_tensor_drop(&numbers);
  drop_all(&d);
  return st;
}

static neap_status det_members(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  decomposition *d = ctx;
  neap__matrices *p = &d->p;
  int64_t n = p->n;
  int lead = at_least_1(p->n), info = 0;
  int *pivot = neap_alloc_array(lead, sizeof *pivot);
  neap_status st = pivot ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = begin; !st && i < end; i++) {
    double *x = neap__member(&p->a, i, n, n), det = 1, sign = 1, size = 0;
    if (n > 0) p->lapack->dgetrf(&p->n, &p->n, x, &lead, pivot, &info);
    for (int64_t j = 0; j < n; j++) {
      double v = pivot[j] == j + 1 ? x[j * n + j] : -x[j * n + j];
      det *= v;
      size += log(fabs(v));
      sign *= v > 0 ? 1 : v < 0 ? -1 : 0;
    }
    *neap__member(&d->one, i, 1, 1) = det;
    *neap__member(&d->two, i, 1, 1) = sign;
    *neap__member(&d->three, i, 1, 1) = size;
    st = neap_interrupt_check();
  }
  neap_free(pivot);
  return st;
}

/* A result of one number for each matrix. */
static neap_status numbers_result(neap_tensor *t, const neap__matrices *p) {
  return neap_tensor_init(t, NEAP_F64, p->a.ndim - 2, p->a.size);
}

neap_status neap_tensor_det(neap_tensor *det, neap_tensor *sign, neap_tensor *logabs,
                            const neap_tensor *a) {
  decomposition d = {0};
  clear(det), clear(sign), clear(logabs);
  neap_status st = neap__matrices_init(&d.p, det ? "det" : "slogdet", a, NEAP__SQUARE);
  if (!st) st = numbers_result(&d.one, &d.p);
  if (!st) st = numbers_result(&d.two, &d.p);
  if (!st) st = numbers_result(&d.three, &d.p);
  if (!st) st = neap__members_each(&d.p, det_members, &d);
  if (!st) st = neap__as_like(&d.one, a);
  if (!st) st = neap__as_like(&d.two, a);
  if (!st) st = neap__as_like(&d.three, a);
  if (!st) give(det, &d.one), give(sign, &d.two), give(logabs, &d.three);
  drop_all(&d);
  return st;
}

/* QR ------------------------------------------------------------------------------------------- */

/* x holds R above and reflectors below; q gets the reflectors, r the rest. */
static void take_r(const decomposition *d, const double *x, double *q, double *r, int64_t rows) {
  int64_t m = d->p.m, n = d->p.n, k = d->p.k;
  memcpy(q, x, (size_t)(m * k) * sizeof *q);
  for (int64_t j = 0; j < n; j++)
    for (int64_t i = 0; i <= j && i < k; i++) r[j * rows + i] = x[j * m + i];
}

static void positive_diagonal(const decomposition *d, double *q, double *r, int64_t rows) {
  for (int64_t j = 0; j < d->p.k; j++)
    if (r[j * rows + j] < 0) {
      negate(q + j * d->p.m, d->p.m, 1);
      negate(r + j * rows + j, d->p.n - j, rows);
    }
}

static neap_status qr_work(decomposition *d, int *lwork) {
  neap__matrices *p = &d->p;
  double first = 0, second = 0, none = 0;
  int lead = at_least_1(p->m), ask = -1, info = 0;
  p->lapack->dgeqrf(&p->m, &p->n, &none, &lead, &none, &first, &ask, &info);
  p->lapack->dorgqr(&p->m, &d->columns, &p->k, &none, &lead, &none, &second, &ask, &info);
  return neap__work_size(p, fmax(first, second), lwork);
}

static neap_status qr_members(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  decomposition *d = ctx;
  neap__matrices *p = &d->p;
  int lead = at_least_1(p->m), lwork = 1, info = 0;
  int64_t rows = d->full ? p->m : p->k;
  NEAP_TRY(qr_work(d, &lwork));
  double *work = neap_alloc_array(lwork, sizeof *work);
  double *tau = neap_alloc_array(at_least_1(p->k), sizeof *tau);
  neap_status st = work && tau ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = begin; !st && i < end; i++) {
    double *x = neap__member(&p->a, i, p->m, p->n), *q = neap__member(&d->one, i, p->m, d->columns);
    double *r = neap__member(&d->two, i, rows, p->n);
    p->lapack->dgeqrf(&p->m, &p->n, x, &lead, tau, work, &lwork, &info);
    take_r(d, x, q, r, rows);
    p->lapack->dorgqr(&p->m, &d->columns, &p->k, q, &lead, tau, work, &lwork, &info);
    positive_diagonal(d, q, r, rows);
    st = neap_interrupt_check();
  }
  neap_free(work);
  neap_free(tau);
  return st;
}

neap_status neap_tensor_qr(neap_tensor *q, neap_tensor *r, const neap_tensor *a, bool full) {
  decomposition d = {.full = full};
  clear(q), clear(r);
  neap_status st = neap__matrices_init(&d.p, "qr", a, NEAP__ANY);
  d.columns = full ? d.p.m : d.p.k;
  if (!st) st = neap__matrices_result(&d.one, &d.p, d.p.m, d.columns);
  if (!st) st = neap__matrices_result(&d.two, &d.p, d.columns, d.p.n);
  if (!st && d.p.k > 0) st = neap__members_each(&d.p, qr_members, &d);
  for (int64_t i = 0; !st && full && d.p.k == 0 && i < d.p.batches; i++)
    identity(neap__member(&d.one, i, d.p.m, d.p.m), d.p.m);
  if (!st) st = neap__by_rows(&d.one, a);
  if (!st) st = neap__by_rows(&d.two, a);
  if (!st) give(q, &d.one), give(r, &d.two);
  drop_all(&d);
  return st;
}

/* singular values ------------------------------------------------------------------------------ */

typedef struct {
  const char *job; /* N: values only, S: reduced, A: full */
  int rows, lwork; /* rows of vt */
  double *work;
  int *iwork;
} svd_space;

static neap_status svd_open(svd_space *w, decomposition *d, bool vectors) {
  neap__matrices *p = &d->p;
  double size = 0, none = 0;
  int m = p->m, n = p->n, ask = -1, info = 0, space = 0;
  w->job = !vectors ? "N" : d->full ? "A" : "S";
  w->rows = vectors ? at_least_1(d->full ? n : p->k) : 1;
  p->lapack->dgesdd(w->job, &m, &n, &none, &m, &none, &none, &m, &none, &w->rows, &size, &ask,
                    &space, &info, 1);
  NEAP_TRY(neap__work_size(p, size, &w->lwork));
  w->work = neap_alloc_array(w->lwork, sizeof *w->work);
  w->iwork = neap_alloc_array(8 * (int64_t)p->k, sizeof *w->iwork);
  return w->work && w->iwork ? NEAP_OK : NEAP_ENOMEM;
}

/* The largest element of each column of u becomes positive. */
static void svd_signs(const decomposition *d, double *u, double *vt, int rows) {
  for (int64_t j = 0; j < d->p.k; j++)
    if (largest(u + j * d->p.m, d->p.m) < 0) {
      negate(u + j * d->p.m, d->p.m, 1);
      negate(vt + j, d->p.n, rows);
    }
}

static neap_status svd_members(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  decomposition *d = ctx;
  neap__matrices *p = &d->p;
  svd_space w = {0};
  int m = p->m, n = p->n, info = 0;
  double unused = 0;
  bool vectors = d->one.storage != NULL;
  neap_status st = svd_open(&w, d, vectors);
  for (int64_t i = begin; !st && i < end; i++) {
    double *u = vectors ? neap__member(&d->one, i, m, d->columns) : &unused;
    double *vt = vectors ? neap__member(&d->three, i, w.rows, n) : &unused;
    p->lapack->dgesdd(w.job, &m, &n, neap__member(&p->a, i, m, n), &m,
                      neap__member(&d->two, i, p->k, 1), u, &m, vt, &w.rows, w.work, &w.lwork,
                      w.iwork, &info, 1);
    st = neap_interrupt_check();
    if (!st && info > 0) st = neap_fail(NEAP_EVALUE, "%s: the iteration did not converge", p->name);
    if (!st && vectors) svd_signs(d, u, vt, w.rows);
  }
  neap_free(w.work);
  neap_free(w.iwork);
  return st;
}

/* Full bases of nothing. */
static void svd_identities(decomposition *d) {
  for (int64_t i = 0; d->one.storage && d->full && i < d->p.batches; i++) {
    identity(neap__member(&d->one, i, d->p.m, d->p.m), d->p.m);
    identity(neap__member(&d->three, i, d->p.n, d->p.n), d->p.n);
  }
}

neap_status neap_tensor_svd(neap_tensor *u, neap_tensor *s, neap_tensor *vt, const neap_tensor *a,
                            bool full) {
  decomposition d = {.full = full};
  bool vectors = u && vt;
  clear(u), clear(s), clear(vt);
  neap_status st = neap__matrices_init(&d.p, "svd", a, NEAP__ANY);
  int rows = full ? d.p.n : d.p.k;
  d.columns = full ? d.p.m : d.p.k;
  if (!st && vectors) st = neap__matrices_result(&d.one, &d.p, d.p.m, d.columns);
  if (!st) st = neap__matrices_result(&d.two, &d.p, d.p.k, NEAP__VECTORS);
  if (!st && vectors) st = neap__matrices_result(&d.three, &d.p, rows, d.p.n);
  if (!st && d.p.k > 0) st = neap__members_each(&d.p, svd_members, &d);
  if (!st && d.p.k == 0) svd_identities(&d);
  if (!st && vectors) st = neap__by_rows(&d.one, a);
  if (!st) st = neap__as_like(&d.two, a);
  if (!st && vectors) st = neap__by_rows(&d.three, a);
  if (!st) give(u, &d.one), give(s, &d.two), give(vt, &d.three);
  drop_all(&d);
  return st;
}

/* symmetric eigenproblems ---------------------------------------------------------------------- */

static neap_status eigh_members(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  decomposition *d = ctx;
  neap__matrices *p = &d->p;
  const char *job = d->full ? "V" : "N";
  int n = p->n, ask = -1, lwork = 1, liwork = 1, info = 0;
  double size = 0, none = 0;
  p->lapack->dsyevd(job, "U", &n, &none, &n, &none, &size, &ask, &liwork, &ask, &info, 1, 1);
  NEAP_TRY(neap__work_size(p, size, &lwork));
  double *work = neap_alloc_array(lwork, sizeof *work);
  int *iwork = neap_alloc_array(at_least_1(liwork), sizeof *iwork);
  neap_status st = work && iwork ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = begin; !st && i < end; i++) {
    double *x = neap__member(&p->a, i, n, n);
    p->lapack->dsyevd(job, "U", &n, x, &n, neap__member(&d->two, i, n, 1), work, &lwork, iwork,
                      &liwork, &info, 1, 1);
    st = neap_interrupt_check();
    if (!st && info > 0) st = neap_fail(NEAP_EVALUE, "%s: the iteration did not converge", p->name);
    for (int64_t j = 0; !st && d->full && j < n; j++)
      if (largest(x + j * n, n) < 0) negate(x + j * n, n, 1);
  }
  neap_free(work);
  neap_free(iwork);
  return st;
}

neap_status neap_tensor_eigh(neap_tensor *values, neap_tensor *vectors, const neap_tensor *a) {
  decomposition d = {.full = vectors != NULL};
  clear(values), clear(vectors);
  neap_status st = neap__matrices_init(&d.p, "eigh", a, NEAP__SQUARE);
  if (!st) st = neap__matrices_result(&d.two, &d.p, d.p.n, NEAP__VECTORS);
  if (!st && d.p.n > 0) st = neap__members_each(&d.p, eigh_members, &d);
  if (!st) st = neap__as_like(&d.two, a);
  if (!st && vectors) st = neap__by_rows(&d.p.a, a);
  if (!st) give(values, &d.two), give(vectors, &d.p.a);
  drop_all(&d);
  return st;
}

/* least squares -------------------------------------------------------------------------------- */

typedef struct {
  decomposition d; /* one: b by columns, two: singular values */
  neap_tensor wide, rank;
  double rcond;
} least_squares;

/* b, by columns of m, in columns of max(m, n): LAPACK leaves the n unknowns there. */
static neap_status room_for_solution(least_squares *l) {
  const neap__matrices *p = &l->d.p;
  int64_t size[NEAP_MAX_DIMS], m = p->m, rows = m > p->n ? m : p->n;
  int last = p->a.ndim - 1;
  memcpy(size, l->d.one.size, sizeof *size * (size_t)last);
  size[last] = rows;
  NEAP_TRY(neap_tensor_init(&l->wide, NEAP_F64, last + 1, size));
  for (int64_t j = 0; j < p->batches * l->d.columns; j++)
    memcpy(neap__member(&l->wide, j, rows, 1), neap__member(&l->d.one, j, m, 1),
           (size_t)m * sizeof(double));
  return NEAP_OK;
}

static neap_status lstsq_members(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  least_squares *l = ctx;
  decomposition *d = &l->d;
  neap__matrices *p = &d->p;
  int m = p->m, n = p->n, lead = at_least_1(m > n ? m : n), ask = -1, lwork, space = 1, info = 0;
  int found = 0;
  double size = 0, none = 0;
  p->lapack->dgelsd(&m, &n, &d->columns, &none, &m, &none, &lead, &none, &l->rcond, &found, &size,
                    &ask, &space, &info);
  NEAP_TRY(neap__work_size(p, size, &lwork));
  double *work = neap_alloc_array(lwork, sizeof *work);
  int *iwork = neap_alloc_array(at_least_1(space), sizeof *iwork);
  neap_status st = work && iwork ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = begin; !st && i < end; i++) {
    p->lapack->dgelsd(&m, &n, &d->columns, neap__member(&p->a, i, m, n), &m,
                      neap__member(&l->wide, i, lead, d->columns), &lead,
                      neap__member(&d->two, i, p->k, 1), &l->rcond, &found, work, &lwork, iwork,
                      &info);
    ((int64_t *)neap_tensor_data(&l->rank))[i] = found;
    st = neap_interrupt_check();
    if (!st && info > 0) st = neap_fail(NEAP_EVALUE, "%s: the iteration did not converge", p->name);
  }
  neap_free(work);
  neap_free(iwork);
  return st;
}

/* The first n rows of the solutions, in the shape of b. */
static neap_status lstsq_solution(neap_tensor *x, least_squares *l, const neap_tensor *b,
                                  const neap_tensor *like) {
  int last = l->wide.ndim - 1;
  NEAP_TRY(neap_tensor_slice(&l->d.three, &l->wide, last, 0, l->d.p.n, 1));
  NEAP_TRY(neap__by_rows(&l->d.three, like));
  if (b->ndim == 1) return neap_tensor_squeeze(x, &l->d.three, 1);
  give(x, &l->d.three);
  return NEAP_OK;
}

neap_status neap_tensor_lstsq(neap_tensor *x, neap_tensor *rank, neap_tensor *s,
                              const neap_tensor *a, const neap_tensor *b, double rcond) {
  least_squares l = {.rcond = rcond};
  decomposition *d = &l.d;
  neap_tensor like = {.dtype = neap_dtype_promote(a->dtype, b->dtype)};
  clear(x), clear(rank), clear(s);
  neap_status st = neap__matrices_init(&d->p, "lstsq", a, NEAP__ANY);
  if (rcond < 0) l.rcond = DBL_EPSILON * (d->p.m > d->p.n ? d->p.m : d->p.n);
  if (!st) st = neap__right_side(&d->one, &d->columns, &d->p, b);
  if (!st) st = neap__matrices_result(&d->two, &d->p, d->p.k, NEAP__VECTORS);
  if (!st) st = neap_tensor_init(&l.rank, NEAP_I64, d->p.a.ndim - 2, d->p.a.size);
  if (!st) st = room_for_solution(&l);
  if (!st && d->p.k > 0 && d->columns > 0) st = neap__members_each(&d->p, lstsq_members, &l);
  if (!st) st = neap__as_like(&d->two, &like);
  if (!st) st = lstsq_solution(x, &l, b, &like);
  if (!st) give(rank, &l.rank), give(s, &d->two);
  neap_tensor_drop(&l.wide);
  neap_tensor_drop(&l.rank);
  drop_all(d);
  return st;
}
