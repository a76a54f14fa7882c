/* Storage, shapes, views and strided copies. */
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

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

neap_status neap_dtype_parse(neap_dtype *out, const char *name) {
  for (int i = 0; i < NEAP_DTYPE_COUNT; i++)
    if (strcmp(name, dtypes[i].name) == 0) {
      *out = (neap_dtype)i;
      return NEAP_OK;
    }
  return neap_fail(NEAP_EDTYPE, "dtype '%s' is not one of f64 f32 i64 i32 u8 bool", name);
}

/* making and dropping
 * ------------------------------------------------------------------------------ */

static void release_heap(neap_storage *s) { neap_free(s->data); }

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

static neap_status attach(neap_tensor *out, void *data, int64_t bytes,
                          void (*release)(neap_storage *), void *owner) {
  neap_storage *s = neap_calloc_array(1, sizeof *s);
  if (!s) return NEAP_ENOMEM;
  atomic_init(&s->refs, 1);
  s->data = data;
  s->bytes = bytes;
  s->release = release;
  s->owner = owner;
  out->storage = s;
  return NEAP_OK;
}

static neap_status init(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                        bool zero) {
  int64_t n;
  NEAP_TRY(shape_tensor(out, dtype, ndim, size, &n));
  size_t each = dtypes[dtype].size;
  void *data = zero ? neap_calloc_array(n, each) : neap_alloc_array(n, each);
  if (!data) return NEAP_ENOMEM;
  neap_status st = attach(out, data, n * (int64_t)each, release_heap, NULL);
  if (st) neap_free(data);
  return st;
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
  return attach(out, data, n * (int64_t)dtypes[dtype].size, release, owner);
}

void neap_tensor_drop(neap_tensor *t) {
  neap_storage *s = t->storage;
  t->storage = NULL;
  if (!s || atomic_fetch_sub(&s->refs, 1) > 1) return;
  if (s->release) s->release(s);
  neap_free(s);
}

void neap_tensor_alias(neap_tensor *out, const neap_tensor *t) {
  *out = *t;
  if (out->storage) atomic_fetch_add(&out->storage->refs, 1);
}

/* looking
 * ------------------------------------------------------------------------------------------- */

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

static void touch(neap_tensor *t) {
  atomic_fetch_add_explicit(&t->storage->version, 1, memory_order_relaxed);
}

void neap_tensor_set_f64(neap_tensor *t, const int64_t *position, double v) {
  void *p = element(t, position);
  touch(t);
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
  touch(t);
  switch (t->dtype) {
  case NEAP_F64: *(double *)p = (double)v; break;
  case NEAP_F32: *(float *)p = (float)v; break;
  case NEAP_I64: *(int64_t *)p = v; break;
  case NEAP_I32: *(int32_t *)p = (int32_t)v; break;
  case NEAP_U8: *(uint8_t *)p = (uint8_t)v; break;
  default: *(uint8_t *)p = v != 0; break;
  }
}

/* views
 * --------------------------------------------------------------------------------------------- */

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
  out->stride[dim] = t->stride[dim] * step;
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
  neap_tensor wanted = {.ndim = ndim};
  for (int d = 0; d < ndim; d++) {
    result[d] = wanted.size[d] = size[d];
    if (size[d] != -1) known *= size[d];
    else if (open < 0) open = d;
    else return neap_fail(NEAP_ESHAPE, "reshape: only one size may be -1");
  }
  if (open >= 0 && known > 0 && numel % known == 0) result[open] = numel / known;
  else if (open >= 0 || known != numel) {
    char a[128], b[128];
    return neap_fail(NEAP_ESHAPE, "reshape: %s has %lld elements and cannot become %s",
                     neap_shape_text(t, a, sizeof a), (long long)numel,
                     neap_shape_text(&wanted, b, sizeof b));
  }
  return NEAP_OK;
}

neap_status neap_tensor_reshape(neap_tensor *out, const neap_tensor *t, int ndim,
                                const int64_t *size) {
  memset(out, 0, sizeof *out);
  if (ndim < 0 || ndim > NEAP_MAX_DIMS)
    return neap_fail(NEAP_ESHAPE, "reshape: %d dimensions, at most %d are supported", ndim,
                     NEAP_MAX_DIMS);
  int64_t wanted[NEAP_MAX_DIMS];
  NEAP_TRY(infer_size(t, ndim, size, wanted));
  if (neap_tensor_is_contiguous(t)) neap_tensor_alias(out, t);
  else NEAP_TRY(neap_tensor_clone(out, t));
  out->ndim = ndim;
  for (int d = 0; d < ndim; d++) out->size[d] = wanted[d];
  set_c_order(out);
  return NEAP_OK;
}

neap_status neap_tensor_expand(neap_tensor *out, const neap_tensor *t, int ndim,
                               const int64_t *size) {
  memset(out, 0, sizeof *out);
  int lead = ndim - t->ndim;
  neap_tensor wanted = {.ndim = ndim};
  bool fits = lead >= 0 && ndim <= NEAP_MAX_DIMS;
  for (int d = 0; d < ndim && ndim <= NEAP_MAX_DIMS; d++) {
    wanted.size[d] = size[d];
    if (fits && d >= lead) fits = t->size[d - lead] == size[d] || t->size[d - lead] == 1;
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

/* copies
 * --------------------------------------------------------------------------------------------- */

/* One row of count elements, strides in elements. The checked conversions live here. */
static neap_status copy_row(neap_dtype to, char *z, int64_t zs, neap_dtype from, const char *x,
                            int64_t xs, int64_t count) {
  size_t each = dtypes[to].size;
  if (to == from) {
    if (zs == 1 && xs == 1) memmove(z, x, (size_t)count * each);
    else
      for (int64_t i = 0; i < count; i++)
        memcpy(z + i * zs * (int64_t)each, x + i * xs * (int64_t)each, each);
    return NEAP_OK;
  }
  static const double low[] = {[NEAP_I64] = -0x1p63, [NEAP_I32] = -0x1p31 - 1, [NEAP_U8] = -1};
  static const double high[] = {[NEAP_I64] = 0x1p63, [NEAP_I32] = 0x1p31, [NEAP_U8] = 256};
  bool checked = to == NEAP_I64 || to == NEAP_I32 || to == NEAP_U8;
  bool whole = !neap_dtype_is_float(from);
  int64_t zero = 0;
  for (int64_t i = 0; i < count; i++) {
    const void *p = x + i * xs * (int64_t)dtypes[from].size;
    neap_tensor one = {.storage = &(neap_storage){.data = z + i * zs * (int64_t)each}, .dtype = to};
    double v = load_f64(from, p);
    bool fits = v > low[checked ? to : NEAP_I64] && v < high[checked ? to : NEAP_I64];
    if (to == NEAP_I64 && (whole || v == -0x1p63)) fits = true;
    if (checked && !fits)
      return neap_fail(NEAP_EVALUE, "conversion: %.17g does not fit in %s", v, neap_dtype_name(to));
    if (whole) neap_tensor_set_i64(&one, &zero, load_i64(from, p));
    else neap_tensor_set_f64(&one, &zero, v);
  }
  return NEAP_OK;
}

neap_status neap_tensor_copy(neap_tensor *dst, const neap_tensor *src) {
  char a[128], b[128];
  if (!neap_tensor_same_shape(dst, src))
    return neap_fail(NEAP_ESHAPE, "copy: shapes %s and %s do not match",
                     neap_shape_text(dst, a, sizeof a), neap_shape_text(src, b, sizeof b));
  int64_t n = neap_tensor_numel(src);
  if (n == 0) return NEAP_OK;
  touch(dst);
  if (neap_tensor_is_contiguous(dst) && neap_tensor_is_contiguous(src))
    return copy_row(dst->dtype, neap_tensor_data(dst), 1, src->dtype, neap_tensor_data(src), 1, n);
  int inner = src->ndim - 1;
  int64_t row = src->size[inner], at[NEAP_MAX_DIMS] = {0};
  for (int64_t i = 0; i < n; i += row) {
    NEAP_TRY(copy_row(dst->dtype, element(dst, at), dst->stride[inner], src->dtype,
                      element(src, at), src->stride[inner], row));
    for (int d = inner - 1; d >= 0 && ++at[d] == src->size[d]; d--) at[d] = 0;
  }
  return NEAP_OK;
}

static neap_status converted(neap_tensor *out, const neap_tensor *t, neap_dtype dtype) {
  NEAP_TRY(neap_tensor_init_raw(out, dtype, t->ndim, t->size));
  neap_status st = neap_tensor_copy(out, t);
  if (st) neap_tensor_drop(out);
  return st;
}

neap_status neap_tensor_clone(neap_tensor *out, const neap_tensor *t) {
  return converted(out, t, t->dtype);
}

neap_status neap_tensor_as(neap_tensor *out, const neap_tensor *t, neap_dtype dtype) {
  if (t->dtype != dtype || !neap_tensor_is_contiguous(t)) return converted(out, t, dtype);
  neap_tensor_alias(out, t);
  return NEAP_OK;
}
