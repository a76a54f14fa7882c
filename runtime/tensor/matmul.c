/* Matrix products: shapes. The arithmetic is in product.c. */
#include <string.h>

#include "tensor/product.h"
#include "tensor/walk.h"

static neap_status mismatch(const neap_tensor *a, const neap_tensor *b) {
  return neap__mismatch(
      "matmul", a, b, "x is m x k and y k x n, leading dims equal or 1, a series a row or column");
}

/* The operands with two dimensions at least, dtype as computed in, and batch dimensions alike. */
static neap_status prepare(neap_tensor *x, neap_tensor *y, const neap_tensor *a,
                           const neap_tensor *b, neap_dtype dtype) {
  neap_tensor as;
  memset(x, 0, sizeof *x);
  memset(y, 0, sizeof *y);
  if (a->ndim == 0 || b->ndim == 0) return mismatch(a, b);
  if (a->dtype == dtype) neap_tensor_alias(&as, a); /* strides stay as they are */
  else NEAP_TRY(neap_tensor_as(&as, a, dtype));
  neap_status st = a->ndim == 1 ? neap_tensor_unsqueeze(x, &as, 0) : NEAP_OK;
  if (a->ndim > 1) neap_tensor_alias(x, &as);
  neap_tensor_drop(&as);
  if (st) return st;
  if (b->dtype == dtype) neap_tensor_alias(&as, b);
  else NEAP_TRY(neap_tensor_as(&as, b, dtype));
  if (b->ndim == 1) st = neap_tensor_unsqueeze(y, &as, 1);
  else neap_tensor_alias(y, &as);
  neap_tensor_drop(&as);
  if (!st && x->size[x->ndim - 1] != y->size[y->ndim - 2]) st = mismatch(a, b);
  return st;
}

/* Stretch x's batch dimensions to batch[0..n). */
static neap_status with_batch(neap_tensor *x, int n, const int64_t *batch) {
  int64_t size[NEAP_MAX_DIMS];
  neap_tensor wide;
  memcpy(size, batch, (size_t)n * sizeof *size);
  size[n] = x->size[x->ndim - 2];
  size[n + 1] = x->size[x->ndim - 1];
  NEAP_TRY(neap_tensor_expand(&wide, x, n + 2, size));
  neap_tensor_drop(x);
  *x = wide;
  return NEAP_OK;
}

static neap_status common_batch(const neap_tensor *x, const neap_tensor *y, int64_t *batch,
                                int *n) {
  int a = x->ndim - 2, b = y->ndim - 2;
  *n = a > b ? a : b;
  for (int d = 1; d <= *n; d++) {
    int64_t s = d <= a ? x->size[a - d] : 1, t = d <= b ? y->size[b - d] : 1;
    if (s != t && s != 1 && t != 1) return mismatch(x, y);
    batch[*n - d] = s == 1 ? t : s;
  }
  return NEAP_OK;
}

/* Take the dimensions out of the result that one-dimensional operands did not have. */
static void drop_added(neap_tensor *out, bool row, bool column) {
  if (column) out->ndim--;
  if (!row) return;
  int d = out->ndim - (column ? 1 : 2);
  out->size[d] = out->size[d + 1];
  out->stride[d] = out->stride[d + 1];
  out->ndim--;
}

neap_status neap_tensor_matmul(neap_tensor *out, const neap_tensor *a, const neap_tensor *b) {
  neap_tensor x, y;
  int64_t size[NEAP_MAX_DIMS];
  int n = 0;
  memset(out, 0, sizeof *out);
  neap_dtype dtype = neap_dtype_promote(a->dtype, b->dtype);
  if (!neap_dtype_is_float(dtype)) dtype = NEAP_I64;
  neap_status st = prepare(&x, &y, a, b, dtype);
  if (!st) st = common_batch(&x, &y, size, &n);
  if (!st) st = with_batch(&x, n, size);
  if (!st) st = with_batch(&y, n, size);
  if (!st) {
    size[n] = x.size[n];
    size[n + 1] = y.size[n + 1];
    bool empty = x.size[n + 1] == 0; /* then zeros are the product */
    st = empty ? neap_tensor_init(out, dtype, n + 2, size)
               : neap_tensor_init_raw(out, dtype, n + 2, size);
  }
  if (!st && neap_tensor_numel(&x) > 0 && neap_tensor_numel(&y) > 0)
    st = neap__product(out, &x, &y);
  if (st) neap_tensor_drop(out);
  else drop_added(out, a->ndim == 1, b->ndim == 1);
  neap_tensor_drop(&x);
  neap_tensor_drop(&y);
  return st;
}
