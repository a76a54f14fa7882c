#include "tensor/lapack.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/walk.h"

static neap_status library(const char *name, const neap__lapack **lapack) {
  const neap__lapack *found = neap__blas_open();
  if (!found)
    return neap_fail(NEAP_EIO,
                     "%s: OpenBLAS (libopenblas.so.0) could not be loaded; on Debian it is the "
                     "package libopenblas0-pthread",
                     name);
  *lapack = found;
  return NEAP_OK;
}

/* Element number flat of t as the user counts: "2, 3". */
static const char *place(const neap_tensor *t, int64_t flat, char text[192]) {
  int64_t at[NEAP_MAX_DIMS];
  size_t used = 0;
  for (int d = t->ndim - 1; d >= 0; d--) {
    at[d] = flat % t->size[d] + 1;
    flat /= t->size[d];
  }
  text[0] = 0;
  for (int d = 0; d < t->ndim; d++)
    used += (size_t)snprintf(text + used, 192 - used, d ? ", %lld" : "%lld", (long long)at[d]);
  return text;
}

/* An exponent of all ones, plus one, carries into the sign's place. */
static bool all_finite(const double *x, int64_t n) {
  uint64_t carried = 0, bits;
  for (int64_t i = 0; i < n; i++) {
    memcpy(&bits, x + i, sizeof bits);
    carried |= (bits & INT64_MAX) + (1ull << 52);
  }
  return carried >> 63 == 0;
}

/* plain: t's elements in C order. */
static neap_status check_finite(const char *name, const char *which, const neap_tensor *plain) {
  const double *x = neap_tensor_data(plain);
  int64_t n = neap_tensor_numel(plain), i = 0;
  char shape[128], at[192];
  if (all_finite(x, n)) return NEAP_OK;
  while (isfinite(x[i])) i++;
  return neap_fail(NEAP_EVALUE,
                   "%s: %s holds %s (the element at %s, shape %s); only finite numbers can be used",
                   name, which, isnan(x[i]) ? "NaN" : "an infinity", place(plain, i, at),
                   neap_shape_text(plain, shape, sizeof shape));
}

/* An f64 array of t, which has two dimensions at least: a fresh one with its columns contiguous, a
 * fresh one in C order, or any in C order. */
static neap_status take(neap_tensor *out, const char *name, const char *which, const neap_tensor *t,
                        neap__form form) {
  neap_tensor plain, turned = {0};
  memset(out, 0, sizeof *out);
  NEAP_TRY(neap_tensor_as(&plain, t, NEAP_F64));
  neap_status st = check_finite(name, which, &plain);
  if (!st && (form == NEAP__LOOKED_AT || (form == NEAP__SQUARE && plain.storage != t->storage))) {
    *out = plain;
    return NEAP_OK;
  }
  if (!st && form == NEAP__ANY)
    st = neap_tensor_transpose(&turned, &plain, t->ndim - 2, t->ndim - 1);
  if (!st) st = neap_tensor_clone(out, form == NEAP__ANY ? &turned : &plain);
  neap_tensor_drop(&turned);
  neap_tensor_drop(&plain);
  return st;
}

neap_status neap__matrices_init(neap__matrices *p, const char *name, const neap_tensor *a,
                                neap__form form) {
  char shape[128];
  *p = (neap__matrices){.name = name, .batches = 1};
  neap_shape_text(a, shape, sizeof shape);
  if (a->ndim < 2)
    return neap_fail(NEAP_ESHAPE, "%s: a matrix expected, got shape %s", name, shape);
  int64_t m = a->size[a->ndim - 2], n = a->size[a->ndim - 1];
  if (form != NEAP__ANY && m != n)
    return neap_fail(NEAP_ESHAPE, "%s: a square matrix expected, got shape %s", name, shape);
  if (m > INT_MAX || n > INT_MAX)
    return neap_fail(NEAP_ESHAPE, "%s: a matrix of shape %s is too large", name, shape);
  p->m = (int)m;
  p->n = (int)n;
  p->k = p->m < p->n ? p->m : p->n;
  for (int d = 0; d < a->ndim - 2; d++) p->batches *= a->size[d];
  NEAP_TRY(library(name, &p->lapack));
  return take(&p->a, name, "the matrix", a, form);
}

neap_status neap__members_each(const neap__matrices *p, neap_parallel_fn fn, void *ctx) {
  int64_t each = (int64_t)p->m * p->n + 1, grain = NEAP__GRAIN / each;
  return neap_parallel_for(p->batches, grain > 0 ? grain : 1, fn, ctx);
}

double *neap__member(const neap_tensor *t, int64_t i, int64_t m, int64_t n) {
  return (double *)neap_tensor_data(t) + i * m * n;
}

static bool fits(const neap__matrices *p, const neap_tensor *b) {
  if (b->ndim == 1) return p->a.ndim == 2 && b->size[0] == p->m;
  if (b->ndim != p->a.ndim || b->size[b->ndim - 2] != p->m) return false;
  return memcmp(b->size, p->a.size, sizeof *b->size * (size_t)(b->ndim - 2)) == 0;
}

neap_status neap__right_side(neap_tensor *b, int *columns, const neap__matrices *p,
                             const neap_tensor *given) {
  neap_tensor column, a;
  memset(b, 0, sizeof *b);
  if (!fits(p, given)) {
    NEAP_TRY(neap_tensor_transpose(&a, &p->a, p->a.ndim - 2, p->a.ndim - 1));
    neap_status st = neap__mismatch(p->name, &a, given, "b is m, or m x k, for a of m x n");
    neap_tensor_drop(&a);
    return st;
  }
  if (given->ndim == 1) NEAP_TRY(neap_tensor_unsqueeze(&column, given, 1));
  else neap_tensor_alias(&column, given);
  neap_status st = take(b, p->name, "the right-hand side", &column, NEAP__ANY);
  neap_tensor_drop(&column);
  if (st) return st;
  int64_t n = b->size[b->ndim - 2];
  if (n > INT_MAX) {
    neap_tensor_drop(b);
    return neap_fail(NEAP_ESHAPE, "%s: %lld right-hand sides are too many", p->name, (long long)n);
  }
  *columns = (int)n;
  return NEAP_OK;
}

neap_status neap__matrices_result(neap_tensor *t, const neap__matrices *p, int rows, int columns) {
  int64_t size[NEAP_MAX_DIMS];
  int leading = p->a.ndim - 2;
  memcpy(size, p->a.size, sizeof *size * (size_t)leading);
  bool vectors = columns == NEAP__VECTORS;
  size[leading] = vectors ? rows : columns;
  if (!vectors) size[leading + 1] = rows;
  return neap_tensor_init(t, NEAP_F64, leading + (vectors ? 1 : 2), size);
}

neap_status neap__as_like(neap_tensor *t, const neap_tensor *like) {
  neap_tensor narrow;
  if (like->dtype != NEAP_F32) return NEAP_OK;
  NEAP_TRY(neap_tensor_as(&narrow, t, NEAP_F32));
  neap_tensor_drop(t);
  *t = narrow;
  return NEAP_OK;
}

neap_status neap__by_rows(neap_tensor *t, const neap_tensor *like) {
  neap_tensor turned, plain;
  NEAP_TRY(neap_tensor_transpose(&turned, t, t->ndim - 2, t->ndim - 1));
  neap_status st = neap_tensor_as(&plain, &turned, like->dtype == NEAP_F32 ? NEAP_F32 : NEAP_F64);
  neap_tensor_drop(&turned);
  if (st) return st;
  neap_tensor_drop(t);
  *t = plain;
  return NEAP_OK;
}

neap_status neap__work_size(const neap__matrices *p, double answer, int *n) {
  if (!(answer < INT_MAX))
    return neap_fail(NEAP_ESHAPE, "%s: a matrix of %d x %d is too large", p->name, p->m, p->n);
  *n = answer < 1 ? 1 : (int)answer;
  return NEAP_OK;
}
