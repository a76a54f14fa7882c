/* Selecting and storing by index tensors and masks. */
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/walk.h"

/* Positions of the count ones among n bytes, counted from first. Every position is written and kept
 * only if its byte is 1: no branch to guess. */
static neap_status list_ones(int64_t *at, int64_t count, const uint8_t *m, int64_t n,
                             int64_t first) {
  for (int64_t i = 0, k = 0; i < n && k < count; i++) {
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    at[k] = i + first;
    k += m[i];
  }
  return NEAP_OK;
}

neap_status neap_tensor_nonzero(neap_tensor *out, const neap_tensor *t, int64_t first) {
  neap_tensor mask;
  memset(out, 0, sizeof *out);
  NEAP_TRY(neap_tensor_as(&mask, t, NEAP_BOOL));
  const uint8_t *m = neap_tensor_data(&mask);
  int64_t n = neap_tensor_numel(&mask), count = 0;
  for (int64_t i = 0; i < n; i++) count += m[i];
  neap_status st = neap_tensor_init_1d(out, NEAP_I64, count);
  if (!st) st = list_ones(neap_tensor_data(out), count, m, n, first);
  if (st) neap_tensor_drop(out);
  neap_tensor_drop(&mask);
  return st;
}

neap_status neap__resolve(const char *operation, int64_t v, int64_t first, int64_t size,
                          int64_t *at) {
  int64_t p = v < 0 ? size + v : v - first;
  *at = p;
  if (p >= 0 && p < size && !(v >= 0 && v < first)) return NEAP_OK;
  if (v == 0 && first == 1)
    return neap_fail(NEAP_EINDEX, "%s: index is 0, but indices start at 1 (negative from the end)",
                     operation);
  return neap_fail(NEAP_EINDEX, "%s: index is %lld, but the size is %lld", operation, (long long)v,
                   (long long)size);
}

typedef struct {
  char *z;
  const char *x;
  const int64_t *index;
  int64_t count, first, size, bytes; /* bytes: of what lies behind one position */
  neap_take_fn single;               /* for one element behind each position, else NULL */
} taking;

static neap_status take_range(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const taking *t = ctx;
  int64_t from_here = begin * t->bytes;
  if (t->single &&
      t->single(end - begin, t->z + from_here, t->x, t->index + begin, t->first, t->size))
    return NEAP_OK;
  for (int64_t i = begin; i < end; i++) {
    int64_t outer = i / t->count, at;
    NEAP_TRY(neap__resolve("take", t->index[i % t->count], t->first, t->size, &at));
    const char *from = t->x + (outer * t->size + at) * t->bytes;
    char *to = t->z + i * t->bytes;
    memcpy(to, from, (size_t)t->bytes);
  }
  return NEAP_OK;
}

static neap_status take_plain(neap_tensor *out, const neap_tensor *t, int dim,
                              const neap_tensor *index, int64_t first) {
  int64_t size[2 * NEAP_MAX_DIMS], outer = 1, inner = 1;
  int ndim = 0;
  if (t->ndim - 1 + index->ndim > NEAP_MAX_DIMS)
    return neap_fail(NEAP_ESHAPE, "take: the result would have %d dims, at most %d are supported",
                     t->ndim - 1 + index->ndim, NEAP_MAX_DIMS);
  for (int d = 0; d < t->ndim; d++) {
    if (d < dim) outer *= t->size[d];
    if (d > dim) inner *= t->size[d];
    for (int k = 0; d == dim && k < index->ndim; k++) size[ndim++] = index->size[k];
    if (d != dim) size[ndim++] = t->size[d];
  }
  const neap_kern *k;
  NEAP_TRY(neap_kern_select(&k));
  NEAP_TRY(neap_tensor_init_raw(out, t->dtype, ndim, size));
  int64_t count = neap_tensor_numel(index), bytes = inner * (int64_t)neap_dtype_size(t->dtype);
  taking job = {neap_tensor_data(out),
                neap_tensor_data(t),
                neap_tensor_data(index),
                count,
                first,
                t->size[dim],
                bytes,
                outer == 1 && inner == 1 ? k->take[t->dtype] : NULL};
  int64_t grain = NEAP__GRAIN / (inner > 0 ? inner : 1);
  neap_status st = neap_parallel_for(outer * count, grain, take_range, &job);
  if (st) neap_tensor_drop(out);
  return st;
}

neap_status neap_tensor_take(neap_tensor *out, const neap_tensor *t, int dim,
                             const neap_tensor *index, int64_t first) {
  neap_tensor plain, at = {0};
  memset(out, 0, sizeof *out);
  if (dim < 0 || dim >= t->ndim)
    return neap_fail(NEAP_EINDEX, "take: dim %d, but the tensor has %d", dim + 1, t->ndim);
  if (neap_dtype_is_float(index->dtype) || index->dtype == NEAP_BOOL)
    return neap_fail(NEAP_EDTYPE,
                     "take: index is %s, must be an integer (or a mask of bools, in x[mask])",
                     neap_dtype_name(index->dtype));
  NEAP_TRY(neap_tensor_as(&plain, t, t->dtype));
  neap_status st = neap_tensor_as(&at, index, NEAP_I64);
  if (!st) st = take_plain(out, &plain, dim, &at, first);
  neap_tensor_drop(&plain);
  neap_tensor_drop(&at);
  return st;
}

/* masks: counted by pieces, then every piece moves its elements to where they belong */
typedef struct {
  char *z;
  const char *x;
  const uint8_t *mask;
  int64_t *count, each;
  neap_compress_fn fn;
} squeezing;

static neap_status count_mask(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const squeezing *s = ctx;
  int64_t count = 0;
  for (int64_t i = begin; i < end; i++) count += s->mask[i];
  s->count[chunk + 1] = count;
  return NEAP_OK;
}

static neap_status squeeze_range(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)end;
  const squeezing *s = ctx;
  int64_t from = s->count[chunk];
  s->fn(s->count[chunk + 1] - from, s->z + from * s->each, s->x + begin * s->each, s->mask + begin);
  return NEAP_OK;
}

static neap_status squeeze_plain(neap_tensor *out, const neap_tensor *x, const neap_tensor *mask) {
  int64_t n = neap_tensor_numel(x), chunks = neap_parallel_chunks(n, NEAP__GRAIN);
  const neap_kern *k;
  NEAP_TRY(neap_kern_select(&k));
  squeezing s = {.x = neap_tensor_data(x),
                 .mask = neap_tensor_data(mask),
                 .count = neap_calloc_array(chunks + 1, sizeof *s.count),
                 .each = (int64_t)neap_dtype_size(x->dtype),
                 .fn = k->compress[x->dtype]};
  if (!s.count) return NEAP_ENOMEM;
  neap_status st = neap_parallel_for(n, NEAP__GRAIN, count_mask, &s);
  for (int64_t i = 0; i < chunks; i++) s.count[i + 1] += s.count[i];
  if (!st) st = neap_tensor_init_1d(out, x->dtype, s.count[chunks]);
  if (!st) s.z = neap_tensor_data(out);
  if (!st) st = neap_parallel_for(n, NEAP__GRAIN, squeeze_range, &s);
  if (st) neap_tensor_drop(out);
  neap_free(s.count);
  return st;
}

neap_status neap_tensor_take_where(neap_tensor *out, const neap_tensor *t,
                                   const neap_tensor *mask) {
  neap_tensor x, m = {0};
  memset(out, 0, sizeof *out);
  if (mask->dtype != NEAP_BOOL || !neap_tensor_same_shape(t, mask)) {
    char a[128], b[128];
    return neap_fail(NEAP_ESHAPE, "index: a mask of bools and shape %s expected, got %s %s",
                     neap_shape_text(t, a, sizeof a), neap_dtype_name(mask->dtype),
                     neap_shape_text(mask, b, sizeof b));
  }
  NEAP_TRY(neap_tensor_as(&x, t, t->dtype));
  neap_status st = neap_tensor_as(&m, mask, NEAP_BOOL);
  if (!st) st = squeeze_plain(out, &x, &m);
  neap_tensor_drop(&x);
  neap_tensor_drop(&m);
  return st;
}

neap_status neap__apart(neap_tensor *src, const neap_tensor *t) {
  neap_tensor own;
  if (src->storage != t->storage) return NEAP_OK;
  NEAP_TRY(neap_tensor_clone(&own, src));
  neap_tensor_drop(src);
  *src = own;
  return NEAP_OK;
}

static neap_status put_row(neap_tensor *t, int64_t at, const neap_tensor *src, int64_t i) {
  neap_tensor to, from = {0};
  neap_status st = neap_tensor_select(&to, t, 0, at);
  if (!st) st = neap_tensor_select(&from, src, 0, i);
  if (!st) st = neap_tensor_copy(&to, &from);
  neap_tensor_drop(&to);
  neap_tensor_drop(&from);
  return st;
}

/* index is contiguous i64, src has t's dtype and the shape of what is replaced. */
static neap_status put_plain(neap_tensor *t, const neap_tensor *index, int64_t first,
                             const neap_tensor *src) {
  const int64_t *v = neap_tensor_data(index);
  int64_t n = index->size[0], at, each = (int64_t)neap_dtype_size(t->dtype);
  char *z = neap_tensor_data(t);
  const char *x = neap_tensor_data(src);
  for (int64_t i = 0; i < n; i++)
    NEAP_TRY(neap__resolve("assignment", v[i], first, t->size[0], &at));
  neap_tensor_touch(t);
  for (int64_t i = 0; i < n; i++) {
    if (i % 4096 == 0) NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(neap__resolve("assignment", v[i], first, t->size[0], &at));
    if (t->ndim > 1) NEAP_TRY(put_row(t, at, src, i));
    else memcpy(z + at * t->stride[0] * each, x + i * src->stride[0] * each, (size_t)each);
  }
  return NEAP_OK;
}

neap_status neap_tensor_put(neap_tensor *t, const neap_tensor *index, int64_t first,
                            const neap_tensor *src) {
  neap_tensor at, own = {0}, wide = {0}, target = *t;
  if (t->ndim == 0 || index->ndim != 1)
    return neap_fail(NEAP_ESHAPE,
                     "assignment: an index tensor of one dim, into one of one dim or more");
  if (neap_dtype_is_float(index->dtype) || index->dtype == NEAP_BOOL)
    return neap_fail(NEAP_EDTYPE, "assignment: index is %s, must be an integer",
                     neap_dtype_name(index->dtype));
  NEAP_TRY(neap__check_writable("assignment", t));
  NEAP_TRY(neap_tensor_as(&at, index, NEAP_I64));
  target.size[0] = index->size[0];
  neap_status st = neap__apart(&at, t);
  if (!st) st = neap_tensor_expand(&wide, src, target.ndim, target.size);
  if (st == NEAP_ESHAPE) {
    char a[128], b[128];
    neap_fail(st, "assignment: shape %s does not fit into the %s chosen places (%s into %s)",
              neap_shape_text(src, a, sizeof a), neap_shape_text(&target, b, sizeof b),
              neap_dtype_name(src->dtype), neap_dtype_name(t->dtype));
  }
  if (!st) st = neap__apart(&wide, t);
  if (!st && wide.dtype != t->dtype) {
    st = neap_tensor_as(&own, &wide, t->dtype);
    neap_tensor_drop(&wide);
    wide = own;
  }
  if (!st) st = put_plain(t, &at, first, &wide);
  neap_tensor_drop(&wide);
  neap_tensor_drop(&at);
  return st;
}

static neap_status fill_row(void *ctx, int64_t n, char *const *p, const int64_t *stride) {
  const neap_where_fn *fn = ctx;
  (*fn)(n, p[0], stride[0], p[1], stride[1], p[2], stride[2], p[0], stride[0]);
  return NEAP_OK;
}

neap_status neap_tensor_fill_where(neap_tensor *t, const neap_tensor *mask,
                                   const neap_tensor *value) {
  const neap_kern *k;
  neap_tensor m = {0}, v = {0}, cast, shaped = *mask;
  NEAP_TRY(neap_kern_select(&k));
  NEAP_TRY(neap__check_writable("assignment", t));
  for (int d = mask->ndim; d < t->ndim; d++) shaped.size[d] = shaped.stride[d] = 1;
  shaped.ndim = t->ndim;
  NEAP_TRY(neap_tensor_as(&cast, value, t->dtype));
  neap_status st = neap_tensor_expand(&v, &cast, t->ndim, t->size);
  if (!st) st = neap_tensor_expand(&m, &shaped, t->ndim, t->size);
  if (!st) st = neap__apart(&m, t);
  neap_where_fn fn = k->where[t->dtype];
  if (!st) neap_tensor_touch(t);
  if (!st) st = neap__walk(3, (const neap_tensor *[]){t, &m, &v}, fill_row, &fn);
  neap_tensor_drop(&m);
  neap_tensor_drop(&v);
  neap_tensor_drop(&cast);
  return st;
}
