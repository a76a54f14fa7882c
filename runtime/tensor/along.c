/* Gathering and scattering along one dimension by an index tensor of the same number of dimensions,
 * and the arrangement around one element that partition makes. */
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/rows.h"
#include "tensor/walk.h"

static void move(size_t each, char *z, const char *x) {
  if (each == 8) memcpy(z, x, 8);
  else if (each == 4) memcpy(z, x, 4);
  else *z = *x;
}

/* gather --------------------------------------------------------------------------------------- */

typedef struct {
  const char *operation;
  int64_t first, size, step; /* step: from one position to the next, in bytes */
  size_t each;
} gathering;

static neap_status gather_row(void *ctx, int64_t n, char *const *p, const int64_t *stride) {
  const gathering *g = ctx;
  int64_t each = (int64_t)g->each, at;
  for (int64_t i = 0; i < n; i++) {
    int64_t index;
    memcpy(&index, p[1] + 8 * i * stride[1], sizeof index);
    NEAP_TRY(neap__resolve(g->operation, index, g->first, g->size, &at));
    move(g->each, p[0] + i * stride[0] * each, p[2] + i * stride[2] * each + at * g->step);
  }
  return NEAP_OK;
}

/* index as i64, stretched to the sizes of t but along dim. */
static neap_status wide_index(neap_tensor *out, const char *operation, const neap_tensor *t,
                              int dim, const neap_tensor *index) {
  neap_tensor whole, shape = *t;
  if (neap_dtype_is_float(index->dtype) || index->dtype == NEAP_BOOL)
    return neap_fail(NEAP_EDTYPE, "%s: the index is %s, not an integer", operation,
                     neap_dtype_name(index->dtype));
  if (dim < 0 || dim >= t->ndim)
    return neap_fail(NEAP_EINDEX, "%s: dim %d, but the tensor has %d", operation, dim + 1, t->ndim);
  if (index->ndim == t->ndim) shape.size[dim] = index->size[dim];
  NEAP_TRY(neap_tensor_as(&whole, index, NEAP_I64));
  neap_status st =
      index->ndim == t->ndim ? neap_tensor_expand(out, &whole, t->ndim, shape.size) : NEAP_ESHAPE;
  if (st) {
    char a[128], b[128];
    st = neap_fail(NEAP_ESHAPE, "%s: an index of shape %s does not match %s but in dim %d",
                   operation, neap_shape_text(index, a, sizeof a), neap_shape_text(t, b, sizeof b),
                   dim + 1);
  }
  neap_tensor_drop(&whole);
  return st;
}

neap_status neap_tensor_gather(neap_tensor *out, const neap_tensor *t, int dim,
                               const neap_tensor *index, int64_t first) {
  neap_tensor at;
  memset(out, 0, sizeof *out);
  NEAP_TRY(wide_index(&at, "gather", t, dim, index));
  size_t each = neap_dtype_size(t->dtype);
  gathering g = {"gather", first, t->size[dim], t->stride[dim] * (int64_t)each, each};
  neap_tensor start = *t; /* position 0 of dim, wherever one goes along it */
  start.size[dim] = at.size[dim];
  start.stride[dim] = 0;
  neap_status st = neap_tensor_init_raw(out, t->dtype, at.ndim, at.size);
  if (!st) st = neap__walk(3, (const neap_tensor *[]){out, &at, &start}, gather_row, &g);
  if (st) neap_tensor_drop(out);
  neap_tensor_drop(&at);
  return st;
}

/* scatter -------------------------------------------------------------------------------------- */

typedef struct {
  neap__rows at, src; /* of the same rows */
  const neap_tensor *t;
  int dim;
  int64_t first;
} scattering;

/* Address in t of position 0 along dim in row number row. */
static char *target_row(const scattering *s, int64_t row) {
  int64_t offset = 0;
  for (int i = s->t->ndim - 2; i >= 0; i--) {
    int d = s->at.order[i];
    offset += row % s->t->size[d] * s->t->stride[d];
    row /= s->t->size[d];
  }
  return (char *)neap_tensor_data(s->t) + offset * (int64_t)neap_dtype_size(s->t->dtype);
}

/* One thread writes a row from its first element to its last: the last of equal positions wins. */
static neap_status scatter_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const scattering *s = ctx;
  size_t each = neap_dtype_size(s->t->dtype);
  int64_t m = s->at.m, step = s->t->stride[s->dim] * (int64_t)each, place = 0;
  for (int64_t row = begin; row < end; row++) {
    char *z = target_row(s, row);
    const char *x = neap__row(&s->src, row);
    const void *index = neap__row(&s->at, row);
    const int64_t *at = index;
    for (int64_t i = 0; i < m; i++) {
      if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
      NEAP_TRY(neap__resolve("scatter_", at[i], s->first, s->t->size[s->dim], &place));
      move(each, z + place * step, x + i * (int64_t)each);
    }
  }
  return NEAP_OK;
}

static neap_status check_places(void *ctx, int64_t n, char *const *p, const int64_t *stride) {
  const scattering *s = ctx;
  int64_t index, at;
  for (int64_t i = 0; i < n; i++) {
    memcpy(&index, p[0] + 8 * i * stride[0], sizeof index);
    NEAP_TRY(neap__resolve("scatter_", index, s->first, s->t->size[s->dim], &at));
  }
  return NEAP_OK;
}

/* src in t's dtype and the index's shape, in memory that t does not share, cut in rows. */
static neap_status source_rows(neap__rows *rows, const neap_tensor *t, const neap_tensor *src,
                               const neap_tensor *at, int dim) {
  neap_tensor cast, wide = {0};
  NEAP_TRY(neap_tensor_as(&cast, src, t->dtype));
  neap_status st = neap_tensor_expand(&wide, &cast, at->ndim, at->size);
  if (st) {
    char a[128], b[128];
    st = neap_fail(NEAP_ESHAPE, "scatter_: shape %s does not fit into the %s places of the index",
                   neap_shape_text(src, a, sizeof a), neap_shape_text(at, b, sizeof b));
  }
  if (!st) st = neap__apart(&wide, t);
  if (!st) st = neap__rows_init(rows, "scatter_", &wide, 1u << dim);
  neap_tensor_drop(&wide);
  neap_tensor_drop(&cast);
  return st;
}

neap_status neap_tensor_scatter(neap_tensor *t, int dim, const neap_tensor *index, int64_t first,
                                const neap_tensor *src) {
  neap_tensor at;
  scattering s = {.t = t, .dim = dim, .first = first};
  NEAP_TRY(neap__check_writable("scatter_", t));
  NEAP_TRY(wide_index(&at, "scatter_", t, dim, index));
  neap_status st = neap__apart(&at, t);
  if (!st) st = neap__walk(1, (const neap_tensor *[]){&at}, check_places, &s);
  if (!st) st = source_rows(&s.src, t, src, &at, dim);
  if (!st) st = neap__rows_init(&s.at, "scatter_", &at, 1u << dim);
  if (!st) neap_tensor_touch(t);
  if (!st) st = neap__rows_each(&s.at, scatter_rows, &s);
  neap_tensor_drop(&s.at.t);
  neap_tensor_drop(&s.src.t);
  neap_tensor_drop(&at);
  return st;
}

/* partition ------------------------------------------------------------------------------------ */

typedef struct {
  neap__rows rows;
  const neap_kern *kern;
  int64_t k, first;
  char *values;
  int64_t *at;
} parting;

/* What tells the element that stands at place k once sorted from the others: the digits of its key
 * under known, how many keys are smaller there, how many equal. */
typedef struct {
  uint64_t key, known;
  int64_t below, equal;
} middle;

/* One digit of 8 bits after the other, among the keys of up to bits bits that share those found so
 * far, until there is one such key or no digit left. */
static neap_status select_key(int64_t n, const uint64_t *keys, int bits, int64_t k, middle *found) {
  *found = (middle){0};
  for (int shift = bits - 8; shift >= 0 && found->equal != 1; shift -= 8) {
    int64_t counts[NEAP_RADIX] = {0};
    for (int64_t i = 0; i < n; i++) {
      if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
      if ((keys[i] & found->known) == found->key) counts[keys[i] >> shift & (NEAP_RADIX - 1)]++;
    }
    uint64_t digit = 0;
    while (k - found->below >= counts[digit]) found->below += counts[digit++];
    found->key |= digit << shift;
    found->equal = counts[digit];
    found->known |= (uint64_t)(NEAP_RADIX - 1) << shift;
  }
  return NEAP_OK;
}

/* Smaller ones, equal ones, larger ones, each in the order they had. */
static neap_status part_row(const parting *p, int64_t row, uint64_t *keys) {
  int64_t m = p->rows.m;
  neap_dtype dtype = p->rows.t.dtype;
  size_t each = neap_dtype_size(dtype);
  const char *x = neap__row(&p->rows, row);
  middle found;
  for (int64_t i = 0; i < m; i += NEAP__GRAIN) {
    NEAP_TRY(neap_interrupt_check());
    p->kern->keys[dtype](m - i < NEAP__GRAIN ? m - i : NEAP__GRAIN, x + (size_t)i * each, false,
                         keys + i, &(neap_key_range){0});
  }
  NEAP_TRY(select_key(m, keys, 8 * (int)each, p->k, &found));
  int64_t place[3] = {0, found.below, found.below + found.equal};
  for (int64_t i = 0; i < m; i++) {
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    uint64_t key = keys[i] & found.known;
    int64_t to = row * m + place[(key >= found.key) + (key > found.key)]++;
    move(each, p->values + to * (int64_t)each, x + i * (int64_t)each);
    p->at[to] = i + p->first;
  }
  return NEAP_OK;
}

static neap_status part_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const parting *p = ctx;
  uint64_t *keys = neap_alloc_array(p->rows.m, sizeof *keys);
  neap_status st = keys ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t row = begin; !st && row < end; row++) st = part_row(p, row, keys);
  neap_free(keys);
  return st;
}

neap_status neap_tensor_partition(neap_tensor *values, neap_tensor *at, const neap_tensor *t,
                                  int dim, int64_t k, int64_t first) {
  parting p = {.k = k, .first = first};
  memset(values, 0, sizeof *values);
  memset(at, 0, sizeof *at);
  if (k < 0 || k >= t->size[dim])
    return neap_fail(NEAP_EINDEX, "partition: place %lld, but dim %d has %lld", (long long)k + 1,
                     dim + 1, (long long)t->size[dim]);
  NEAP_TRY(neap_kern_select(&p.kern));
  neap_status st = neap__rows_init(&p.rows, "partition", t, 1u << dim);
  if (!st) st = neap__like_rows(values, &p.rows, t->dtype);
  if (!st) st = neap__like_rows(at, &p.rows, NEAP_I64);
  if (!st) p.values = neap_tensor_data(values);
  if (!st) p.at = neap_tensor_data(at);
  if (!st) st = neap__rows_each(&p.rows, part_rows, &p);
  if (st) neap_tensor_drop(values);
  if (st) neap_tensor_drop(at);
  neap_tensor_drop(&p.rows.t);
  return st;
}
