/* Element-wise operations: which dtype to compute in, broadcasting, and the row loops. */
#include <string.h>

#include "tensor/walk.h"

/* shapes and dtypes ---------------------------------------------------------------------------- */

neap_status neap__broadcast(const char *name, const neap_tensor *a, const neap_tensor *b,
                            neap_tensor *shape) {
  shape->ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
  shape->dtype = neap_dtype_promote(a->dtype, b->dtype);
  for (int d = 1; d <= shape->ndim; d++) {
    int64_t x = d <= a->ndim ? a->size[a->ndim - d] : 1,
            y = d <= b->ndim ? b->size[b->ndim - d] : 1;
    if (x != y && x != 1 && y != 1)
      return neap__mismatch(name, a, b, "sizes, from the last dim on, are equal or 1");
    shape->size[shape->ndim - d] = x == 1 ? y : x;
  }
  return NEAP_OK;
}

/* t in dtype, stretched to shape. */
static neap_status operand(neap_tensor *out, const neap_tensor *t, neap_dtype dtype,
                           const neap_tensor *shape) {
  neap_tensor same;
  memset(out, 0, sizeof *out);
  if (t->dtype == dtype) return neap_tensor_expand(out, t, shape->ndim, shape->size);
  NEAP_TRY(neap_tensor_as(&same, t, dtype));
  neap_status st = neap_tensor_expand(out, &same, shape->ndim, shape->size);
  neap_tensor_drop(&same);
  return st;
}

/* The dtype nearest to dtype that an operation has a loop for; has[d] tells. Bools are computed in
 * i64, integers in f64. */
static neap_status computed_in(const char *name, neap_dtype *dtype, const bool *has) {
  if (has[*dtype]) return NEAP_OK;
  if (*dtype == NEAP_BOOL && has[NEAP_I64]) *dtype = NEAP_I64;
  else if (*dtype > NEAP_F32 && has[NEAP_F64]) *dtype = NEAP_F64;
  else
    return neap_fail(NEAP_EDTYPE, "%s: dtype %s is not supported; %s", name,
                     neap_dtype_name(*dtype),
                     has[NEAP_F64] ? "floats and integers are" : "integers and bools are");
  return NEAP_OK;
}

static neap_status binary_dtype(neap_binary_op op, const neap_kern *k, neap_dtype *dtype) {
  bool has[NEAP_DTYPE_COUNT];
  for (int d = 0; d < NEAP_DTYPE_COUNT; d++) has[d] = k->binary[op][d] != NULL;
  if (op == NEAP_OP_sub && *dtype == NEAP_BOOL)
    return neap_fail(NEAP_EDTYPE, "sub: bools cannot be subtracted; use x:ne(y), or x:to \"i64\"");
  return computed_in(neap_binary_names[op], dtype, has);
}

static neap_status unary_dtype(neap_unary_op op, const neap_kern *k, neap_dtype *dtype) {
  bool has[NEAP_DTYPE_COUNT];
  for (int d = 0; d < NEAP_DTYPE_COUNT; d++) has[d] = k->unary[op][d] != NULL;
  if (op == NEAP_MAP_neg && *dtype == NEAP_BOOL)
    return neap_fail(NEAP_EDTYPE, "neg: a bool cannot be negated; use ~x, or x:to \"i64\"");
  return computed_in(neap_unary_names[op], dtype, has);
}

/* Most calls are one short row: both operands without holes and of one shape, or b one element. n
 * is its length, step how b moves. Such a row needs no views, no walk and no pool. */
static bool same_row(const neap_tensor *a, const neap_tensor *b, int64_t *n, int64_t *step) {
  if (b->ndim && b->ndim != a->ndim) return false;
  *n = 1;
  *step = b->ndim || a->ndim == 0;
  for (int d = a->ndim - 1; d >= 0; d--) {
    if (a->size[d] != 1 && a->stride[d] != *n) return false;
    if (b->ndim && (b->size[d] != a->size[d] || (b->size[d] != 1 && b->stride[d] != *n)))
      return false;
    *n *= a->size[d];
  }
  return *n > 0 && *n <= NEAP__GRAIN;
}

static bool is_one_row(const neap_tensor *a, const neap_tensor *b, int64_t *n, int64_t *step) {
  return a->dtype == b->dtype && same_row(a, b, n, step);
}

/* binary --------------------------------------------------------------------------------------- */

static neap_status binary_row(void *ctx, int64_t n, char *const *p, const int64_t *stride) {
  const neap_binary_fn *fn = ctx;
  (*fn)(n, p[0], stride[0], p[1], stride[1], p[2], stride[2]);
  return NEAP_OK;
}

static neap_status divisor_row(void *ctx, int64_t n, char *const *p, const int64_t *stride) {
  const neap_binary_op *op = ctx;
  const void *first = p[0];
  const int64_t *v = first;
  for (int64_t i = 0; i < n; i++) {
    if (*op != NEAP_OP_pow && v[i * stride[0]] == 0)
      return neap_fail(NEAP_EVALUE, "%s: integer division by zero", neap_binary_names[*op]);
    if (*op == NEAP_OP_pow && v[i * stride[0]] < 0)
      return neap_fail(NEAP_EVALUE, "pow: integer to the negative power %lld; use x:to \"f64\"",
                       (long long)v[i * stride[0]]);
  }
  return NEAP_OK;
}

/* Integer divisors must not be 0, integer exponents not negative. */
static neap_status check_divisor(neap_binary_op op, const neap_tensor *b) {
  bool risky = op == NEAP_OP_floordiv || op == NEAP_OP_mod || op == NEAP_OP_pow;
  if (!risky || neap_dtype_is_float(b->dtype)) return NEAP_OK;
  neap_tensor wide;
  NEAP_TRY(neap_tensor_as(&wide, b, NEAP_I64));
  neap_status st = neap__walk(1, (const neap_tensor *[]){&wide}, divisor_row, &op);
  neap_tensor_drop(&wide);
  return st;
}

/* out, which has the right shape, = fn(a, b) computed in dtype. */
static neap_status run_binary(neap_tensor *out, neap_binary_fn fn, neap_dtype dtype,
                              const neap_tensor *a, const neap_tensor *b) {
  neap_tensor x, y = {0};
  neap_status st = operand(&x, a, dtype, out);
  if (!st) st = operand(&y, b, dtype, out);
  if (!st) st = neap__walk(3, (const neap_tensor *[]){out, &x, &y}, binary_row, &fn);
  neap_tensor_drop(&x);
  neap_tensor_drop(&y);
  return st;
}

static neap_status fresh_binary(neap_tensor *out, neap_dtype result, neap_binary_fn fn,
                                neap_dtype dtype, const neap_tensor *shape, const neap_tensor *a,
                                const neap_tensor *b) {
  NEAP_TRY(neap_tensor_init_raw(out, result, shape->ndim, shape->size));
  neap_status st = run_binary(out, fn, dtype, a, b);
  if (st) neap_tensor_drop(out);
  return st;
}

neap_status neap_tensor_binary(neap_tensor *out, neap_binary_op op, const neap_tensor *a,
                               const neap_tensor *b) {
  const neap_kern *k;
  int64_t n, step;
  neap_tensor shape;
  neap_dtype dtype = neap_dtype_promote(a->dtype, b->dtype);
  out->storage = NULL;
  NEAP_TRY(neap_kern_select(&k));
  if (neap_dtype_is_float(dtype) && k->binary[op][dtype] && is_one_row(a, b, &n, &step)) {
    NEAP_TRY(neap_tensor_init_raw(out, dtype, a->ndim, a->size));
    k->binary[op][dtype](n, neap_tensor_data(out), 1, neap_tensor_data(a), 1, neap_tensor_data(b),
                         step);
    return NEAP_OK;
  }
  memset(out, 0, sizeof *out);
  NEAP_TRY(binary_dtype(op, k, &dtype));
  NEAP_TRY(neap__broadcast(neap_binary_names[op], a, b, &shape));
  if (!neap_dtype_is_float(dtype)) NEAP_TRY(check_divisor(op, b));
  return fresh_binary(out, dtype, k->binary[op][dtype], dtype, &shape, a, b);
}

/* Memory of our own, and either that of somebody else or the same row. */
static bool may_write_row(const neap_tensor *a, const neap_tensor *b, int64_t step) {
  if (a->storage->release || b->storage->release) return false;
  return a->storage != b->storage || (a->offset == b->offset && step == 1);
}

neap_status neap_tensor_binary_into(neap_tensor *a, neap_binary_op op, const neap_tensor *b) {
  const char *name = neap_binary_names[op];
  const neap_kern *k;
  int64_t n, step;
  neap_tensor shape, own;
  neap_dtype dtype = neap_dtype_promote(a->dtype, b->dtype);
  NEAP_TRY(neap_kern_select(&k));
  bool simple = neap_dtype_is_float(dtype) && k->binary[op][dtype] && is_one_row(a, b, &n, &step);
  if (simple && may_write_row(a, b, step)) {
    char *z = neap_tensor_data(a);
    neap_tensor_touch(a);
    k->binary[op][dtype](n, z, 1, z, 1, neap_tensor_data(b), step);
    return NEAP_OK;
  }
  memset(&own, 0, sizeof own);
  NEAP_TRY(binary_dtype(op, k, &dtype));
  if (dtype != a->dtype)
    return neap_fail(NEAP_EDTYPE, "%s_: the result is %s, which does not go into %s; use x:%s(y)",
                     name, neap_dtype_name(dtype), neap_dtype_name(a->dtype), name);
  NEAP_TRY(neap__broadcast(name, a, b, &shape));
  if (!neap_tensor_same_shape(a, &shape)) {
    char s[128], t[128];
    return neap_fail(NEAP_ESHAPE,
                     "%s_: the result has shape %s, which does not go into %s (%s and %s)", name,
                     neap_shape_text(&shape, s, sizeof s), neap_shape_text(a, t, sizeof t),
                     neap_dtype_name(dtype), neap_dtype_name(a->dtype));
  }
  NEAP_TRY(neap__check_writable(name, a));
  if (!neap_dtype_is_float(dtype)) NEAP_TRY(check_divisor(op, b));
  if (neap__overlap(a, b)) NEAP_TRY(neap_tensor_clone(&own, b));
  neap_tensor_touch(a);
  neap_status st = run_binary(a, k->binary[op][dtype], dtype, a, own.storage ? &own : b);
  neap_tensor_drop(&own);
  return st;
}

neap_status neap_tensor_compare(neap_tensor *out, neap_compare_op op, const neap_tensor *a,
                                const neap_tensor *b) {
  const neap_kern *k;
  int64_t n, step;
  neap_tensor shape;
  neap_dtype dtype = neap_dtype_promote(a->dtype, b->dtype);
  out->storage = NULL;
  NEAP_TRY(neap_kern_select(&k));
  if (is_one_row(a, b, &n, &step)) {
    NEAP_TRY(neap_tensor_init_raw(out, NEAP_BOOL, a->ndim, a->size));
    k->compare[op][dtype](n, neap_tensor_data(out), 1, neap_tensor_data(a), 1, neap_tensor_data(b),
                          step);
    return NEAP_OK;
  }
  memset(out, 0, sizeof *out);
  NEAP_TRY(neap__broadcast(neap_compare_names[op], a, b, &shape));
  return fresh_binary(out, NEAP_BOOL, k->compare[op][dtype], dtype, &shape, a, b);
}

/* unary ---------------------------------------------------------------------------------------- */

static neap_status unary_row(void *ctx, int64_t n, char *const *p, const int64_t *stride) {
  const neap_unary_fn *fn = ctx;
  (*fn)(n, p[0], stride[0], p[1], stride[1]);
  return NEAP_OK;
}

static bool only_rounds(neap_unary_op op) {
  return op == NEAP_MAP_floor || op == NEAP_MAP_ceil || op == NEAP_MAP_round ||
         op == NEAP_MAP_trunc;
}

neap_status neap_tensor_unary(neap_tensor *out, neap_unary_op op, const neap_tensor *a) {
  const neap_kern *k;
  neap_tensor x;
  int64_t n, step;
  neap_dtype dtype = a->dtype;
  out->storage = NULL;
  NEAP_TRY(neap_kern_select(&k));
  if (neap_dtype_is_float(dtype) && k->unary[op][dtype] && is_one_row(a, a, &n, &step)) {
    neap_dtype gives = neap_unary_is_test(op) ? NEAP_BOOL : dtype;
    NEAP_TRY(neap_tensor_init_raw(out, gives, a->ndim, a->size));
    k->unary[op][dtype](n, neap_tensor_data(out), 1, neap_tensor_data(a), 1);
    return NEAP_OK;
  }
  memset(out, 0, sizeof *out);
  if (only_rounds(op) && dtype > NEAP_F32 && dtype < NEAP_BOOL) return neap_tensor_clone(out, a);
  NEAP_TRY(unary_dtype(op, k, &dtype));
  NEAP_TRY(operand(&x, a, dtype, a));
  neap_status st =
      neap_tensor_init_raw(out, neap_unary_is_test(op) ? NEAP_BOOL : dtype, a->ndim, a->size);
  neap_unary_fn fn = k->unary[op][dtype];
  if (!st) st = neap__walk(2, (const neap_tensor *[]){out, &x}, unary_row, &fn);
  if (st) neap_tensor_drop(out);
  neap_tensor_drop(&x);
  return st;
}

neap_status neap_tensor_unary_into(neap_tensor *a, neap_unary_op op) {
  const neap_kern *k;
  neap_dtype dtype = a->dtype;
  NEAP_TRY(neap_kern_select(&k));
  if (only_rounds(op) && dtype > NEAP_F32 && dtype < NEAP_BOOL) return NEAP_OK;
  NEAP_TRY(unary_dtype(op, k, &dtype));
  if (neap_unary_is_test(op)) dtype = NEAP_BOOL;
  const char *name = neap_unary_names[op];
  if (dtype != a->dtype)
    return neap_fail(NEAP_EDTYPE, "%s_: the result is %s, which does not go into %s; use x:%s()",
                     name, neap_dtype_name(dtype), neap_dtype_name(a->dtype), name);
  NEAP_TRY(neap__check_writable(name, a));
  neap_unary_fn fn = k->unary[op][dtype];
  neap_tensor_touch(a);
  return neap__walk(2, (const neap_tensor *[]){a, a}, unary_row, &fn);
}

/* where ---------------------------------------------------------------------------------------- */

static neap_status where_row(void *ctx, int64_t n, char *const *p, const int64_t *stride) {
  const neap_where_fn *fn = ctx;
  (*fn)(n, p[0], stride[0], p[1], stride[1], p[2], stride[2], p[3], stride[3]);
  return NEAP_OK;
}

neap_status neap_tensor_where(neap_tensor *out, const neap_tensor *mask, const neap_tensor *a,
                              const neap_tensor *b) {
  const neap_kern *k;
  neap_tensor ab, shape, m = {0}, x = {0}, y = {0};
  int64_t n, step_a, step_b;
  memset(out, 0, sizeof *out);
  if (mask->dtype != NEAP_BOOL)
    return neap_fail(NEAP_EDTYPE, "where: mask is %s, must be bool", neap_dtype_name(mask->dtype));
  neap_dtype dtype = neap_dtype_promote(a->dtype, b->dtype);
  NEAP_TRY(neap_kern_select(&k));
  if (a->dtype == b->dtype && same_row(mask, a, &n, &step_a) && same_row(mask, b, &n, &step_b)) {
    NEAP_TRY(neap_tensor_init_raw(out, dtype, mask->ndim, mask->size));
    k->where[dtype](n, neap_tensor_data(out), 1, neap_tensor_data(mask), 1, neap_tensor_data(a),
                    step_a, neap_tensor_data(b), step_b);
    return NEAP_OK;
  }
  NEAP_TRY(neap__broadcast("where", a, b, &ab));
  NEAP_TRY(neap__broadcast("where", mask, &ab, &shape));
  NEAP_TRY(neap_tensor_init_raw(out, dtype, shape.ndim, shape.size));
  neap_status st = operand(&m, mask, NEAP_BOOL, &shape);
  if (!st) st = operand(&x, a, dtype, &shape);
  if (!st) st = operand(&y, b, dtype, &shape);
  neap_where_fn fn = k->where[dtype];
  if (!st) st = neap__walk(4, (const neap_tensor *[]){out, &m, &x, &y}, where_row, &fn);
  neap_tensor_drop(&m);
  neap_tensor_drop(&x);
  neap_tensor_drop(&y);
  if (st) neap_tensor_drop(out);
  return st;
}
