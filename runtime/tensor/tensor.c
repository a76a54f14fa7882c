/* Storage, shapes, views and strided copies. */
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "tensor/walk.h"

static const struct {
  const char *name;
  size_t size;
} dtypes[NEAP_DTYPE_COUNT] = {
    [NEAP_F64] = {"f64", 8}, [NEAP_F32] = {"f32", 4}, [NEAP_I64] = {"i64", 8},
    [NEAP_I32] = {"i32", 4}, [NEAP_U8] = {"u8", 1},   [NEAP_BOOL] = {"bool", 1},
};

const char *neap_dtype_name(neap_dtype dtype) { return dtypes[dtype].name; }
size_t neap_dtype_size(neap_dtype dtype) { return dtypes[dtype].size; }
bool neap_dtype_is_float(neap_dtype dtype) { return dtype <= NEAP_F32; }

neap_dtype neap_dtype_promote(neap_dtype a, neap_dtype b) {
  neap_dtype low = a < b ? a : b, high = a < b ? b : a; /* rising: f64 f32 i64 i32 u8 bool */
  return low == NEAP_F32 && (high == NEAP_I64 || high == NEAP_I32) ? NEAP_F64 : low;
}

neap_status neap_dtype_parse(neap_dtype *out, const char *name) {
  for (int i = 0; i < NEAP_DTYPE_COUNT; i++)
    if (strcmp(name, dtypes[i].name) == 0) {
      *out = (neap_dtype)i;
      return NEAP_OK;
    }
  return neap_fail(NEAP_EDTYPE, "dtype '%s' is not one of f64 f32 i64 i32 u8 bool", name);
}

/* making and dropping -------------------------------------------------------------------------- */

static void set_c_order(neap_tensor *t) {
  int64_t step = 1;
  for (int d = t->ndim - 1; d >= 0; d--) {
    t->stride[d] = step;
    step *= t->size[d] > 0 ? t->size[d] : 1;
  }
}

/* Fill in shape and C-order strides; NEAP_ESHAPE when the element count overflows. */
static neap_status shape_tensor(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                                int64_t *numel) {
  memset(out, 0, sizeof *out);
  if (ndim < 0 || ndim > NEAP_MAX_DIMS)
    return neap_fail(NEAP_ESHAPE, "tensor: %d dimensions, at most %d are supported", ndim,
                     NEAP_MAX_DIMS);
  *numel = 1;
  for (int d = 0; d < ndim; d++) {
    if (size[d] < 0)
      return neap_fail(NEAP_ESHAPE, "tensor: size of dim %d is %lld, must not be negative", d + 1,
                       (long long)size[d]);
    if (__builtin_mul_overflow(*numel, size[d], numel) || *numel > INT64_MAX / 16)
      return neap_fail(NEAP_ESHAPE, "tensor: the number of elements overflows at dim %d", d + 1);
    out->size[d] = size[d];
  }
  out->dtype = dtype;
  out->ndim = ndim;
  set_c_order(out);
  return NEAP_OK;
}

static void start_storage(neap_storage *s, void *data, int64_t bytes) {
  memset(s, 0, sizeof *s);
  atomic_init(&s->refs, 1);
  s->data = data;
  s->bytes = bytes;
}

static neap_status clear_piece(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  memset((char *)ctx + begin, 0, (size_t)(end - begin));
  return NEAP_OK;
}

/* Fresh pages may take milliseconds to come, so a large block is cleared in pieces. */
static neap_status clear(char *block, int64_t bytes) {
  enum { PIECE = 1 << 20 };
  if (bytes > PIECE) return neap_parallel_for(bytes, PIECE, clear_piece, block);
  return clear_piece(block, 0, 0, bytes);
}

/* The storage and its elements come in one block: the elements of a small tensor are most of its
 * cost otherwise. */
static neap_status init(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                        bool zero) {
  enum { AHEAD = 64 }; /* keeps the elements aligned to 64 bytes */
  _Static_assert(sizeof(neap_storage) <= AHEAD, "the storage must fit before the elements");
  int64_t n;
  NEAP_TRY(shape_tensor(out, dtype, ndim, size, &n));
  int64_t bytes = n * (int64_t)dtypes[dtype].size; /* n is at most INT64_MAX / 16 */
  bool blank = false;
  char *block = neap_alloc_array_blank(AHEAD + bytes, 1, &blank);
  if (!block) return NEAP_ENOMEM;
  neap_status st = zero && !blank ? clear(block + AHEAD, bytes) : NEAP_OK;
  if (st) {
    neap_free(block);
    return st;
  }
  void *front = block;
  out->storage = front;
  start_storage(out->storage, block + AHEAD, bytes);
  return NEAP_OK;
}

neap_status neap_tensor_init(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size) {
  return init(out, dtype, ndim, size, true);
}

neap_status neap_tensor_init_raw(neap_tensor *out, neap_dtype dtype, int ndim,
                                 const int64_t *size) {
  return init(out, dtype, ndim, size, false);
}

neap_status neap_tensor_init_1d(neap_tensor *out, neap_dtype dtype, int64_t n) {
  return init(out, dtype, 1, &n, false);
}

neap_status neap_tensor_wrap(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                             void *data, void (*release)(neap_storage *), void *owner) {
  int64_t n;
  NEAP_TRY(shape_tensor(out, dtype, ndim, size, &n));
  neap_storage *s = neap_alloc(sizeof *s);
  if (!s) return NEAP_ENOMEM;
  start_storage(s, data, n * (int64_t)dtypes[dtype].size);
  s->release = release;
  s->owner = owner;
  out->storage = s;
  return NEAP_OK;
}

static void keep(neap_storage *s) { (void)s; } /* marks a scalar's storage, which nobody frees */

bool neap_tensor_is_scalar(const neap_tensor *t) { return t->storage->release == keep; }

static void scalar_shell(neap_scalar *s, neap_dtype dtype) {
  memset(s, 0, sizeof *s);
  s->storage.release = keep;
  atomic_init(&s->storage.refs, 1);
  s->storage.data = &s->value;
  s->storage.bytes = (int64_t)dtypes[dtype].size;
  s->t.storage = &s->storage;
  s->t.dtype = dtype;
}

void neap_scalar_f64(neap_scalar *s, neap_dtype dtype, double v) {
  scalar_shell(s, dtype);
  if (dtype == NEAP_F64) s->value.f64 = v;
  else s->value.f32 = (float)v;
}

neap_status neap_scalar_i64(neap_scalar *s, neap_dtype dtype, int64_t v) {
  static const int64_t low[] = {[NEAP_I32] = INT32_MIN, [NEAP_U8] = 0, [NEAP_BOOL] = 0};
  static const int64_t high[] = {[NEAP_I32] = INT32_MAX, [NEAP_U8] = 255, [NEAP_BOOL] = 1};
  scalar_shell(s, dtype);
  if (dtype >= NEAP_I32 && (v < low[dtype] || v > high[dtype]))
    return neap_fail(NEAP_EVALUE, "%lld does not fit in %s", (long long)v, dtypes[dtype].name);
  neap_tensor_set_i64(&s->t, NULL, v);
  return NEAP_OK;
}

void neap_tensor_drop(neap_tensor *t) {
  neap_storage *s = t->storage;
  t->storage = NULL;
  if (t->trace) neap_recorder_installed()->release(t->trace);
  t->trace = NULL;
  if (!s) return;
  bool last = atomic_load_explicit(&s->refs, memory_order_acquire) == 1; /* then it is ours alone */
  if (!last && atomic_fetch_sub(&s->refs, 1) > 1) return;
  if (s->release) s->release(s);
  neap_free(s);
}

void neap_tensor_alias(neap_tensor *out, const neap_tensor *t) {
  *out = *t;
  out->trace = NULL;
  if (out->storage) atomic_fetch_add(&out->storage->refs, 1);
}

/* looking -------------------------------------------------------------------------------------- */

int64_t neap_tensor_numel(const neap_tensor *t) {
  int64_t n = 1;
  for (int d = 0; d < t->ndim; d++) n *= t->size[d];
  return n;
}

bool neap_tensor_is_contiguous(const neap_tensor *t) {
  int64_t step = 1;
  for (int d = t->ndim - 1; d >= 0; d--) {
    if (t->size[d] != 1 && t->stride[d] != step) return neap_tensor_numel(t) == 0;
    step *= t->size[d];
  }
  return true;
}

bool neap_tensor_same_shape(const neap_tensor *a, const neap_tensor *b) {
  if (a->ndim != b->ndim) return false;
  for (int d = 0; d < a->ndim; d++)
    if (a->size[d] != b->size[d]) return false;
  return true;
}

void *neap_tensor_data(const neap_tensor *t) {
  return (char *)t->storage->data + t->offset * (int64_t)dtypes[t->dtype].size;
}

const char *neap_shape_text(const neap_tensor *t, char *text, size_t length) {
  size_t used = (size_t)snprintf(text, length, "[");
  for (int d = 0; d < t->ndim && used < length; d++)
    used +=
        (size_t)snprintf(text + used, length - used, d ? "x%lld" : "%lld", (long long)t->size[d]);
  if (used < length) snprintf(text + used, length - used, "]");
  return text;
}

static void *element(const neap_tensor *t, const int64_t *position) {
  int64_t at = t->offset;
  for (int d = 0; d < t->ndim; d++) at += position[d] * t->stride[d];
  return (char *)t->storage->data + at * (int64_t)dtypes[t->dtype].size;
}

static double load_f64(neap_dtype dtype, const void *p) {
  switch (dtype) {
  case NEAP_F64: return *(const double *)p;
  case NEAP_F32: return (double)*(const float *)p;
  case NEAP_I64: return (double)*(const int64_t *)p;
  case NEAP_I32: return *(const int32_t *)p;
  default: return *(const uint8_t *)p;
  }
}

static int64_t load_i64(neap_dtype dtype, const void *p) {
  switch (dtype) {
  case NEAP_F64: return (int64_t) * (const double *)p;
  case NEAP_F32: return (int64_t) * (const float *)p;
  case NEAP_I64: return *(const int64_t *)p;
  case NEAP_I32: return *(const int32_t *)p;
  default: return *(const uint8_t *)p;
  }
}

double neap_tensor_get_f64(const neap_tensor *t, const int64_t *position) {
  return load_f64(t->dtype, element(t, position));
}

int64_t neap_tensor_get_i64(const neap_tensor *t, const int64_t *position) {
  return load_i64(t->dtype, element(t, position));
}

void neap_tensor_set_f64(neap_tensor *t, const int64_t *position, double v) {
  void *p = element(t, position);
  neap_tensor_touch(t);
  switch (t->dtype) {
  case NEAP_F64: *(double *)p = v; break;
  case NEAP_F32: *(float *)p = (float)v; break;
  case NEAP_I64: *(int64_t *)p = (int64_t)v; break;
  case NEAP_I32: *(int32_t *)p = (int32_t)v; break;
  case NEAP_U8: *(uint8_t *)p = (uint8_t)v; break;
  default: *(uint8_t *)p = v != 0; break;
  }
}

void neap_tensor_set_i64(neap_tensor *t, const int64_t *position, int64_t v) {
  void *p = element(t, position);
  neap_tensor_touch(t);
  switch (t->dtype) {
  case NEAP_F64: *(double *)p = (double)v; break;
  case NEAP_F32: *(float *)p = (float)v; break;
  case NEAP_I64: *(int64_t *)p = v; break;
  case NEAP_I32: *(int32_t *)p = (int32_t)v; break;
  case NEAP_U8: *(uint8_t *)p = (uint8_t)v; break;
  default: *(uint8_t *)p = v != 0; break;
  }
}

/* views ---------------------------------------------------------------------------------------- */

static neap_status check_dim(const char *operation, const neap_tensor *t, int dim) {
  if (dim >= 0 && dim < t->ndim) return NEAP_OK;
  char shape[128];
  return neap_fail(NEAP_EINDEX, "%s: dim %d, but the tensor is %s", operation, dim + 1,
                   neap_shape_text(t, shape, sizeof shape));
}

neap_status neap_tensor_slice(neap_tensor *out, const neap_tensor *t, int dim, int64_t start,
                              int64_t count, int64_t step) {
  memset(out, 0, sizeof *out);
  NEAP_TRY(check_dim("slice", t, dim));
  int64_t last = count > 0 ? start + (count - 1) * step : 0;
  if (count < 0 || step == 0 ||
      (count > 0 && (start < 0 || start >= t->size[dim] || last < 0 || last >= t->size[dim])))
    return neap_fail(NEAP_EINDEX, "slice: positions %lld to %lld step %lld, but dim %d has %lld",
                     (long long)start + 1, (long long)last + 1, (long long)step, dim + 1,
                     (long long)t->size[dim]);
  neap_tensor_alias(out, t);
  out->size[dim] = count;
  if (count > 0) out->offset += start * t->stride[dim];
  if (count > 1) out->stride[dim] = t->stride[dim] * step; /* else any step goes, however far */
  return NEAP_OK;
}

static void remove_dim(neap_tensor *t, int dim) {
  for (int d = dim; d + 1 < t->ndim; d++) {
    t->size[d] = t->size[d + 1];
    t->stride[d] = t->stride[d + 1];
  }
  t->ndim--;
}

neap_status neap_tensor_select(neap_tensor *out, const neap_tensor *t, int dim, int64_t position) {
  NEAP_TRY(neap_tensor_slice(out, t, dim, position, 1, 1));
  remove_dim(out, dim);
  return NEAP_OK;
}

neap_status neap_tensor_transpose(neap_tensor *out, const neap_tensor *t, int a, int b) {
  memset(out, 0, sizeof *out);
  NEAP_TRY(check_dim("transpose", t, a));
  NEAP_TRY(check_dim("transpose", t, b));
  neap_tensor_alias(out, t);
  out->size[a] = t->size[b];
  out->size[b] = t->size[a];
  out->stride[a] = t->stride[b];
  out->stride[b] = t->stride[a];
  return NEAP_OK;
}

/* The size with -1 replaced by what the element count leaves. */
static neap_status infer_size(const neap_tensor *t, int ndim, const int64_t *size,
                              int64_t *result) {
  int64_t known = 1, numel = neap_tensor_numel(t);
  int open = -1;
  bool fits = true;
  neap_tensor wanted = {.ndim = ndim};
  for (int d = 0; d < ndim; d++) {
    result[d] = wanted.size[d] = size[d];
    if (size[d] != -1)
      fits = fits && size[d] >= 0 && !__builtin_mul_overflow(known, size[d], &known);
    else if (open < 0) open = d;
    else return neap_fail(NEAP_ESHAPE, "reshape: only one size may be -1");
  }
  if (fits && open >= 0 && known > 0 && numel % known == 0) result[open] = numel / known;
  else if (!fits || open >= 0 || known != numel) {
    char a[128], b[128];
    return neap_fail(NEAP_ESHAPE, "reshape: %s has %lld elements and cannot become %s",
                     neap_shape_text(t, a, sizeof a), (long long)numel,
                     neap_shape_text(&wanted, b, sizeof b));
  }
  return NEAP_OK;
}

/* Strides that show t's elements under another size without copying, if there are such: each group
 * of old dimensions that is contiguous in itself may be cut anew. Sizes of 1 are left out. */
static bool restride(const neap_tensor *t, int ndim, const int64_t *size, int64_t *stride) {
  neap_tensor old;
  memset(&old, 0, sizeof old);
  for (int d = 0; d < t->ndim; d++)
    if (t->size[d] != 1) {
      old.size[old.ndim] = t->size[d];
      old.stride[old.ndim++] = t->stride[d];
    }
  int from = 0, to = 0;
  while (from < old.ndim && to < ndim) {
    int from_end = from + 1, to_end = to + 1;
    int64_t had = old.size[from], want = size[to];
    while (had != want && from_end <= old.ndim && to_end <= ndim)
      if (had < want) had *= old.size[from_end++];
      else want *= size[to_end++];
    for (int d = from; d + 1 < from_end; d++)
      if (old.stride[d] != old.stride[d + 1] * old.size[d + 1]) return false;
    int64_t step = old.stride[from_end - 1];
    for (int d = to_end - 1; d >= to; d--) {
      stride[d] = step;
      step *= size[d];
    }
    from = from_end;
    to = to_end;
  }
  for (; to < ndim; to++) stride[to] = 1;
  return true;
}

static neap_status reshape(neap_tensor *out, const neap_tensor *t, int ndim, const int64_t *size,
                           bool may_copy) {
  memset(out, 0, sizeof *out);
  if (ndim < 0 || ndim > NEAP_MAX_DIMS)
    return neap_fail(NEAP_ESHAPE, "reshape: %d dimensions, at most %d are supported", ndim,
                     NEAP_MAX_DIMS);
  int64_t wanted[NEAP_MAX_DIMS], stride[NEAP_MAX_DIMS];
  NEAP_TRY(infer_size(t, ndim, size, wanted));
  bool shared = !neap_tensor_is_contiguous(t) && restride(t, ndim, wanted, stride);
  if (shared || neap_tensor_is_contiguous(t)) neap_tensor_alias(out, t);
  else if (may_copy) NEAP_TRY(neap_tensor_clone(out, t));
  else return neap_fail(NEAP_EARG, "view: memory order does not allow it; use reshape");
  out->ndim = ndim;
  for (int d = 0; d < ndim; d++) out->size[d] = wanted[d];
  if (shared) memcpy(out->stride, stride, sizeof stride);
  else set_c_order(out);
  return NEAP_OK;
}

neap_status neap_tensor_reshape(neap_tensor *out, const neap_tensor *t, int ndim,
                                const int64_t *size) {
  return reshape(out, t, ndim, size, true);
}

neap_status neap_tensor_view(neap_tensor *out, const neap_tensor *t, int ndim,
                             const int64_t *size) {
  return reshape(out, t, ndim, size, false);
}

neap_status neap_tensor_permute(neap_tensor *out, const neap_tensor *t, const int *order) {
  memset(out, 0, sizeof *out);
  unsigned seen = 0;
  for (int d = 0; d < t->ndim; d++) {
    NEAP_TRY(check_dim("permute", t, order[d]));
    seen |= 1u << order[d];
  }
  if (seen != (1u << t->ndim) - 1)
    return neap_fail(NEAP_EARG, "permute: every one of the %d dims must be named once", t->ndim);
  neap_tensor_alias(out, t);
  for (int d = 0; d < t->ndim; d++) {
    out->size[d] = t->size[order[d]];
    out->stride[d] = t->stride[order[d]];
  }
  return NEAP_OK;
}

neap_status neap_tensor_squeeze(neap_tensor *out, const neap_tensor *t, int dim) {
  memset(out, 0, sizeof *out);
  NEAP_TRY(check_dim("squeeze", t, dim));
  if (t->size[dim] != 1)
    return neap_fail(NEAP_ESHAPE, "squeeze: dim %d has size %lld, not 1", dim + 1,
                     (long long)t->size[dim]);
  neap_tensor_alias(out, t);
  remove_dim(out, dim);
  return NEAP_OK;
}

neap_status neap_tensor_unsqueeze(neap_tensor *out, const neap_tensor *t, int dim) {
  memset(out, 0, sizeof *out);
  if (t->ndim == NEAP_MAX_DIMS)
    return neap_fail(NEAP_ESHAPE, "unsqueeze: the tensor has %d dims already, the most there are",
                     t->ndim);
  if (dim < 0 || dim > t->ndim)
    return neap_fail(NEAP_EINDEX, "unsqueeze: dim %d, allowed are 1 to %d", dim + 1, t->ndim + 1);
  neap_tensor_alias(out, t);
  for (int d = t->ndim; d > dim; d--) {
    out->size[d] = t->size[d - 1];
    out->stride[d] = t->stride[d - 1];
  }
  out->size[dim] = 1;
  out->stride[dim] = 1;
  out->ndim++;
  return NEAP_OK;
}

neap_status neap_tensor_expand(neap_tensor *out, const neap_tensor *t, int ndim,
                               const int64_t *size) {
  memset(out, 0, sizeof *out);
  int lead = ndim - t->ndim;
  neap_tensor wanted = {.ndim = ndim};
  bool fits = lead >= 0 && ndim <= NEAP_MAX_DIMS;
  int64_t numel = 1;
  for (int d = 0; d < ndim && ndim <= NEAP_MAX_DIMS; d++) {
    wanted.size[d] = size[d];
    if (fits && d >= lead) fits = t->size[d - lead] == size[d] || t->size[d - lead] == 1;
    fits = fits && size[d] >= 0 && !__builtin_mul_overflow(numel, size[d], &numel) &&
           numel <= INT64_MAX / 16;
  }
  if (!fits) {
    char a[128], b[128];
    return neap_fail(NEAP_ESHAPE, "expand: %s cannot become %s", neap_shape_text(t, a, sizeof a),
                     neap_shape_text(&wanted, b, sizeof b));
  }
  neap_tensor_alias(out, t);
  out->ndim = ndim;
  for (int d = 0; d < ndim; d++) {
    bool stretched = d < lead || (t->size[d - lead] == 1 && size[d] != 1);
    out->size[d] = size[d];
    out->stride[d] = stretched ? 0 : t->stride[d - lead];
  }
  return NEAP_OK;
}
