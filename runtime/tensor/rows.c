#include "tensor/rows.h"

#include <string.h>

#include "base/pool.h"
#include "tensor/walk.h"

static unsigned all_dims(const neap_tensor *t) { return (1u << t->ndim) - 1; }

neap_status neap__rows_init(neap__rows *r, const char *operation, const neap_tensor *t,
                            unsigned dims) {
  memset(r, 0, sizeof *r);
  if (dims & ~all_dims(t)) {
    char shape[128];
    return neap_fail(NEAP_EINDEX, "%s: dim %d, but the tensor is %s", operation,
                     32 - __builtin_clz(dims), neap_shape_text(t, shape, sizeof shape));
  }
  if (!dims) dims = all_dims(t);
  int at = 0;
  r->rows = r->m = 1;
  if (dims == all_dims(t) && neap_tensor_is_contiguous(t)) { /* one row, as it is */
    for (int d = 0; d < t->ndim; d++) r->order[d] = d;
    r->m = neap_tensor_numel(t);
    neap_tensor_alias(&r->t, t);
    return NEAP_OK;
  }
  for (int last = 0; last < 2; last++)
    for (int d = 0; d < t->ndim; d++) {
      bool along = dims >> d & 1;
      if (along != (bool)last) continue;
      r->order[at++] = d;
      *(last ? &r->m : &r->rows) *= t->size[d];
    }
  neap_tensor view;
  NEAP_TRY(neap_tensor_permute(&view, t, r->order));
  neap_status st = neap_tensor_as(&r->t, &view, t->dtype);
  neap_tensor_drop(&view);
  return st;
}

bool neap__columns_init(neap__rows *r, const neap_tensor *t, unsigned dims) {
  memset(r, 0, sizeof *r);
  if (!dims || dims & ~all_dims(t) || dims == all_dims(t)) return false;
  int at = 0;
  r->rows = r->m = 1;
  for (int first = 1; first >= 0; first--)
    for (int d = 0; d < t->ndim; d++) {
      bool along = dims >> d & 1;
      if (along != (bool)first) continue;
      r->order[at++] = d;
      *(first ? &r->m : &r->rows) *= t->size[d];
    }
  bool found = r->rows > 1 && r->m > 0 && !neap_tensor_permute(&r->t, t, r->order);
  if (found && neap_tensor_is_contiguous(&r->t)) return true;
  neap_tensor_drop(&r->t);
  memset(r, 0, sizeof *r);
  return false;
}

const char *neap__row(const neap__rows *r, int64_t i) {
  return (const char *)neap_tensor_data(&r->t) + i * r->m * (int64_t)neap_dtype_size(r->t.dtype);
}

neap_status neap__rows_result(neap_tensor *out, const neap_tensor *t, neap_dtype dtype,
                              unsigned dims, bool keepdim) {
  int64_t size[NEAP_MAX_DIMS];
  int ndim = 0;
  if (!dims) dims = all_dims(t);
  for (int d = 0; d < t->ndim; d++) {
    bool along = dims >> d & 1;
    if (!along) size[ndim++] = t->size[d];
    else if (keepdim) size[ndim++] = 1;
  }
  return neap_tensor_init_raw(out, dtype, ndim, size);
}

neap_status neap__like_rows(neap_tensor *out, const neap__rows *r, neap_dtype dtype) {
  neap_tensor flat;
  int back[NEAP_MAX_DIMS];
  NEAP_TRY(neap_tensor_init_raw(&flat, dtype, r->t.ndim, r->t.size));
  for (int d = 0; d < r->t.ndim; d++) back[r->order[d]] = d;
  neap_status st = neap_tensor_permute(out, &flat, back);
  neap_tensor_drop(&flat);
  return st;
}

neap_status neap__rows_each(const neap__rows *r, neap__row_task fn, void *ctx) {
  int64_t grain = NEAP__GRAIN / (r->m > 0 ? r->m : 1);
  return neap_parallel_for(r->rows, grain > 0 ? grain : 1, fn, ctx);
}
