/* Copies, conversions and joining. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/walk.h"

typedef struct {
  neap_cast_fn cast;
  neap_dtype to, from;
} copying;

/* The message for the first element that does not fit. */
static neap_status misfit(const copying *c, int64_t n, char *const *p, const int64_t *stride) {
  int64_t each = (int64_t)neap_dtype_size(c->from), slot;
  for (int64_t i = 0; i < n; i++) {
    neap_storage at = {.data = p[1] + i * stride[1] * each};
    neap_tensor one = {.storage = &at, .dtype = c->from};
    if (c->cast(1, &slot, 1, at.data, 1)) continue;
    double v = neap_tensor_get_f64(&one, NULL);
    return neap_fail(NEAP_EVALUE, "conversion: %.17g from %s does not fit in %s", v != v ? NAN : v,
                     neap_dtype_name(c->from), neap_dtype_name(c->to));
  }
  return NEAP_OK;
}

static neap_status copy_row(void *ctx, int64_t n, char *const *p, const int64_t *stride) {
  const copying *c = ctx;
  if (c->to == c->from && stride[0] == 1 && stride[1] == 1)
    memmove(p[0], p[1], (size_t)n * neap_dtype_size(c->to));
  else if (!c->cast(n, p[0], stride[0], p[1], stride[1])) return misfit(c, n, p, stride);
  return NEAP_OK;
}

/* A copy where dst is contiguous along its last dim and src along another one, along: done in
 * strips of STRIP positions of it, tile by tile, so that both sides are read by whole lines. */
enum { STRIP = 64 };
typedef struct {
  const neap_tensor *dst, *src;
  int along;
  int64_t strips;
  neap_transpose_fn fn;
} turning;

/* The dim of src that a copy into dst should turn; -1 when there is none. */
static int turned_dim(const neap_tensor *dst, const neap_tensor *src) {
  int last = dst->ndim - 1;
  if (dst->dtype != src->dtype || last < 1 || dst->size[last] < 8) return -1;
  if (dst->stride[last] != 1 || src->stride[last] == 1) return -1;
  for (int d = 0; d < last; d++)
    if (src->stride[d] == 1 && src->size[d] >= 8) return d;
  return -1;
}

static neap_status turn_strips(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const turning *t = ctx;
  int last = t->dst->ndim - 1;
  int64_t each = (int64_t)neap_dtype_size(t->dst->dtype);
  for (int64_t i = begin; i < end; i++) {
    NEAP_TRY(neap_interrupt_check()); /* a strip may touch a fresh page in each of its rows */
    int64_t from = i % t->strips * STRIP, rest = i / t->strips, n = t->dst->size[t->along] - from;
    int64_t z = from * t->dst->stride[t->along], x = from;
    for (int d = last - 1; d >= 0; d--) {
      if (d == t->along) continue;
      z += rest % t->dst->size[d] * t->dst->stride[d];
      x += rest % t->dst->size[d] * t->src->stride[d];
      rest /= t->dst->size[d];
    }
    t->fn(n < STRIP ? n : STRIP, t->dst->size[last], (char *)neap_tensor_data(t->dst) + z * each,
          t->dst->stride[t->along], (const char *)neap_tensor_data(t->src) + x * each,
          t->src->stride[last]);
  }
  return NEAP_OK;
}

static neap_status copy_turned(neap_tensor *dst, const neap_tensor *src, int along,
                               neap_transpose_fn fn) {
  int64_t size = dst->size[along], strips = (size + STRIP - 1) / STRIP;
  turning t = {dst, src, along, strips, fn};
  int64_t grain = NEAP__GRAIN / (STRIP * dst->size[dst->ndim - 1]);
  return neap_parallel_for(neap_tensor_numel(dst) / dst->size[dst->ndim - 1] / size * strips,
                           grain > 0 ? grain : 1, turn_strips, &t);
}

static neap_status copy_apart(neap_tensor *dst, const neap_tensor *src) {
  const neap_kern *k;
  NEAP_TRY(neap_kern_select(&k));
  copying c = {k->cast[dst->dtype][src->dtype], dst->dtype, src->dtype};
  neap_tensor_touch(dst);
  int along = turned_dim(dst, src);
  if (along >= 0 && neap_tensor_numel(dst) > 0)
    return copy_turned(dst, src, along, k->transpose[dst->dtype]);
  return neap__walk(2, (const neap_tensor *[]){dst, src}, copy_row, &c);
}

neap_status neap_tensor_copy(neap_tensor *dst, const neap_tensor *src) {
  neap_tensor wide, own = {0};
  NEAP_TRY(neap__check_writable("assignment", dst));
  neap_status st = neap_tensor_expand(&wide, src, dst->ndim, dst->size);
  if (st) {
    char a[128], b[128];
    return neap_fail(st, "assignment: shape %s does not fit into %s (%s into %s)",
                     neap_shape_text(src, a, sizeof a), neap_shape_text(dst, b, sizeof b),
                     neap_dtype_name(src->dtype), neap_dtype_name(dst->dtype));
  }
  if (neap__overlap(dst, &wide)) st = neap_tensor_clone(&own, &wide);
  if (!st) st = copy_apart(dst, own.storage ? &own : &wide);
  neap_tensor_drop(&own);
  neap_tensor_drop(&wide);
  return st;
}

static neap_status converted(neap_tensor *out, const neap_tensor *t, neap_dtype dtype) {
  NEAP_TRY(neap_tensor_init_raw(out, dtype, t->ndim, t->size));
  neap_status st = copy_apart(out, t);
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

/* Shape and dtype of the joined tensor. */
static neap_status measure_cat(neap_tensor *shape, int n, const neap_tensor *const *t, int dim) {
  memset(shape, 0, sizeof *shape);
  if (n == 0) return neap_fail(NEAP_EARG, "cat: no tensors given");
  *shape = *t[0];
  if (dim < 0 || dim >= t[0]->ndim)
    return neap_fail(NEAP_EINDEX, "cat: dim %d, but the tensors have %d", dim + 1, t[0]->ndim);
  for (int i = 1; i < n; i++) {
    bool fits = t[i]->ndim == shape->ndim;
    for (int d = 0; fits && d < shape->ndim; d++)
      fits = d == dim || t[i]->size[d] == shape->size[d];
    if (!fits) {
      char rule[96];
      snprintf(rule, sizeof rule, "tensor %d must have the sizes of the first, but in dim %d",
               i + 1, dim + 1);
      return neap__mismatch("cat", t[0], t[i], rule);
    }
    shape->size[dim] += t[i]->size[dim];
    shape->dtype = neap_dtype_promote(shape->dtype, t[i]->dtype);
  }
  return NEAP_OK;
}

neap_status neap_tensor_cat(neap_tensor *out, int n, const neap_tensor *const *t, int dim) {
  neap_tensor shape, part;
  memset(out, 0, sizeof *out);
  NEAP_TRY(measure_cat(&shape, n, t, dim));
  NEAP_TRY(neap_tensor_init_raw(out, shape.dtype, shape.ndim, shape.size));
  neap_status st = NEAP_OK;
  for (int64_t i = 0, at = 0; !st && i < n; at += t[i++]->size[dim]) {
    if (t[i]->size[dim] == 0) continue;
    st = neap_tensor_slice(&part, out, dim, at, t[i]->size[dim], 1);
    if (!st) st = copy_apart(&part, t[i]);
    neap_tensor_drop(&part);
  }
  if (st) neap_tensor_drop(out);
  return st;
}

neap_status neap_tensor_stack(neap_tensor *out, int n, const neap_tensor *const *t, int dim) {
  memset(out, 0, sizeof *out);
  if (n == 0) return neap_fail(NEAP_EARG, "stack: no tensors given");
  neap_tensor shape, part;
  NEAP_TRY(neap_tensor_unsqueeze(&shape, t[0], dim));
  neap_tensor_drop(&shape);
  shape.size[dim] = n;
  for (int i = 1; i < n; i++) {
    if (!neap_tensor_same_shape(t[0], t[i])) {
      char rule[64];
      snprintf(rule, sizeof rule, "tensor %d must have the shape of the first", i + 1);
      return neap__mismatch("stack", t[0], t[i], rule);
    }
    shape.dtype = neap_dtype_promote(shape.dtype, t[i]->dtype);
  }
  NEAP_TRY(neap_tensor_init_raw(out, shape.dtype, shape.ndim, shape.size));
  neap_status st = NEAP_OK;
  for (int i = 0; !st && i < n; i++) {
    st = neap_tensor_select(&part, out, dim, i);
    if (!st) st = copy_apart(&part, t[i]);
    neap_tensor_drop(&part);
  }
  if (st) neap_tensor_drop(out);
  return st;
}
