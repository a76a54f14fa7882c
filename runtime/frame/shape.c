/* Moving rows: taking with gaps, and filling them. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "frame/group.h"
#include "frame/key.h"

enum { BLOCK = 1024, POLL = 1 << 16 };

/* taking ----------------------------------------------------------------------------------------
 */

typedef struct {
  const neap_series *x;
  const int32_t *at;
  neap_cast_fn to_f64; /* for integers that become f64 */
  neap_tensor *out;
  bool *gaps; /* of each chunk */
} taking;

/* z[i] = x[at[i]], missing where at[i] is 0. */
#define TAKE(name, type)                                                                           \
  static void take_##name(int64_t n, type *z, const type *x, const int32_t *at, type missing) {    \
    for (int64_t i = 0; i < n; i++) z[i] = at[i] ? x[at[i] - 1] : missing;                         \
  }
TAKE(f64, double)
TAKE(f32, float)
TAKE(i64, int64_t)
TAKE(i32, int32_t)
TAKE(u8, uint8_t)

static neap_status take_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const taking *t = ctx;
  const void *x = neap_tensor_data(&t->x->values);
  void *z = neap_tensor_data(t->out);
  const int32_t *at = t->at + begin;
  int64_t n = end - begin;
  if (t->to_f64) {
    size_t width = neap_dtype_size(t->x->values.dtype);
    for (double *to = z; begin < end; begin++) {
      to[begin] = NAN;
      if (t->at[begin])
        t->to_f64(1, to + begin, 1, (const char *)x + width * (size_t)(t->at[begin] - 1), 1);
    }
    return NEAP_OK;
  }
  int64_t whole = t->x->kind == NEAP_COLUMN_TIME ? NEAP_NAT : 0;
  switch (t->out->dtype) {
  case NEAP_F64: take_f64(n, (double *)z + begin, x, at, NAN); break;
  case NEAP_F32: take_f32(n, (float *)z + begin, x, at, NAN); break;
  case NEAP_I64: take_i64(n, (int64_t *)z + begin, x, at, whole); break;
  case NEAP_I32: take_i32(n, (int32_t *)z + begin, x, at, 0); break;
  default: take_u8(n, (uint8_t *)z + begin, x, at, 0);
  }
  return NEAP_OK;
}

/* Are the positions inside, and is a 0 among them? */
static neap_status look_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const taking *t = ctx;
  int64_t rows = t->x->values.size[0];
  bool gap = false;
  for (int64_t i = begin; i < end; i++) {
    gap |= t->at[i] == 0;
    if (t->at[i] < 0 || t->at[i] > rows)
      return neap_fail(NEAP_EINDEX, "take: column '%s' has %lld rows, but position %lld is %d",
                       t->x->name, (long long)rows, (long long)i + 1, t->at[i]);
  }
  t->gaps[chunk] = gap;
  return NEAP_OK;
}

static neap_status look(const taking *t, int64_t n, bool *gap) {
  taking own = *t;
  int64_t chunks = neap_parallel_chunks(n, NEAP__KEY_GRAIN);
  own.gaps = neap_calloc_array(chunks, sizeof *own.gaps);
  if (!own.gaps) return NEAP_ENOMEM;
  neap_status st = neap_parallel_for(n, NEAP__KEY_GRAIN, look_chunk, &own);
  *gap = false;
  for (int64_t i = 0; i < chunks; i++) *gap |= own.gaps[i];
  neap_free(own.gaps);
  return st;
}

neap_status neap_series_take(neap_tensor *out, const neap_series *x, const neap_tensor *at) {
  const neap_kern *k;
  neap_tensor row;
  neap_dtype dtype = x->values.dtype;
  memset(out, 0, sizeof *out);
  NEAP_TRY(neap_kern_select(&k));
  NEAP_TRY(neap_tensor_as(&row, at, NEAP_I32));
  taking t = {.x = x, .at = neap_tensor_data(&row), .out = out};
  bool gap;
  int64_t n = neap_tensor_numel(&row);
  neap_status st = look(&t, n, &gap);
  if (!st && gap && x->kind == NEAP_COLUMN_NUMBER && !neap_dtype_is_float(dtype)) {
    t.to_f64 = k->cast[NEAP_F64][dtype];
    dtype = NEAP_F64;
  }
  if (!st) st = neap_tensor_init_1d(out, dtype, n);
  if (!st) st = neap_parallel_for(n, NEAP__KEY_GRAIN, take_chunk, &t);
  if (st) neap_tensor_drop(out);
  neap_tensor_drop(&row);
  return st;
}

/* what is there ---------------------------------------------------------------------------------
 */

static bool is_missing(const neap_series *s, int64_t i) {
  const void *x = neap_tensor_data(&s->values);
  if (s->kind == NEAP_COLUMN_TIME) return ((const int64_t *)x)[i] == NEAP_NAT;
  if (s->kind == NEAP_COLUMN_CATEGORY) return ((const int32_t *)x)[i] == 0;
  if (s->values.dtype == NEAP_F64) return isnan(((const double *)x)[i]);
  return s->values.dtype == NEAP_F32 && isnan(((const float *)x)[i]);
}

typedef struct {
  const neap_series *x;
  bool *mask, any;
} looking;

/* One loop for each kind, so that rows do not ask what they are. */
static neap_status present_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const looking *l = ctx;
  const void *values = neap_tensor_data(&l->x->values);
  const double *wide = values;
  const float *narrow = values;
  const int64_t *time = values;
  const int32_t *code = values;
  bool *mask = l->mask, any = l->any;
#define EACH(there)                                                                                \
  for (int64_t i = begin; i < end; i++) mask[i] = any ? mask[i] | (there) : mask[i] & (there)
  if (l->x->kind == NEAP_COLUMN_TIME) EACH(time[i] != NEAP_NAT);
  else if (l->x->kind == NEAP_COLUMN_CATEGORY) EACH(code[i] != 0);
  else if (l->x->values.dtype == NEAP_F64) EACH(wide[i] == wide[i]);
  else if (l->x->values.dtype == NEAP_F32) EACH(narrow[i] == narrow[i]);
  else if (any) memset(mask + begin, true, (size_t)(end - begin));
#undef EACH
  return NEAP_OK;
}

neap_status neap_series_present(const neap_series *x, bool *mask, bool any) {
  looking l = {x, mask, any};
  return neap_parallel_for(x->values.size[0], NEAP__KEY_GRAIN, present_chunk, &l);
}

/* filling ---------------------------------------------------------------------------------------
 */

/* Rows of one group: position k is row order[k], or k itself. */
typedef struct {
  const neap_series *x;
  const int32_t *order;
  const neap_fill_options *o;
  neap_tensor *out;
} filling;

static int64_t row_of(const filling *f, int64_t k) { return f->order ? f->order[k] : k; }

static void copy_value(const filling *f, int64_t to, int64_t from) {
  size_t width = neap_dtype_size(f->out->dtype);
  char *z = neap_tensor_data(f->out);
  memcpy(z + (size_t)to * width, z + (size_t)from * width, width);
}

static void put_value(const filling *f, int64_t to) {
  if (f->x->kind == NEAP_COLUMN_NUMBER) neap_tensor_set_f64(f->out, &to, f->o->value);
  else neap_tensor_set_i64(f->out, &to, f->o->whole);
}

/* Row i on the line from row a to row b. */
static void put_line(const filling *f, int64_t i, int64_t a, int64_t b, double share) {
  double low = neap_tensor_get_f64(f->out, &a), high = neap_tensor_get_f64(f->out, &b);
  neap_tensor_set_f64(f->out, &i, low + (high - low) * share);
}

/* From row a to a later row b, in ns; the difference of times may need 64 bits without sign. */
static double elapsed(const int64_t *time, int64_t a, int64_t b) {
  return (double)((uint64_t)time[b] - (uint64_t)time[a]);
}

/* Positions begin .. end are missing; those before begin and at end, inside the group, are not. */
static void fill_gap(const filling *f, int64_t begin, int64_t end, int64_t first, int64_t last) {
  bool before = begin > first, behind = end < last;
  const neap_fill_options *o = f->o;
  int64_t most = o->limit && o->limit < end - begin ? o->limit : end - begin;
  int64_t a = before ? row_of(f, begin - 1) : 0, b = behind ? row_of(f, end) : 0;
  for (int64_t k = 0; k < most; k++) {
    int64_t i = row_of(f, begin + k);
    if (o->method == NEAP_FILL_FORWARD) {
      if (before) copy_value(f, i, a);
    } else if (o->method == NEAP_FILL_BACKWARD) {
      if (behind) copy_value(f, row_of(f, end - 1 - k), b);
    } else if (before && behind && o->method == NEAP_FILL_LINEAR) {
      put_line(f, i, a, b, (double)(k + 1) / (double)(end - begin + 1));
    } else if (before && behind) {
      put_line(f, i, a, b, elapsed(o->time, a, i) / elapsed(o->time, a, b));
    }
  }
}

static neap_status fill_values(const filling *f, int64_t begin, int64_t end) {
  int64_t left = f->o->limit ? f->o->limit : end - begin;
  for (int64_t k = begin; k < end && left > 0; k++) {
    if (k % POLL == 0) NEAP_TRY(neap_interrupt_check());
    if (!is_missing(f->x, row_of(f, k))) continue;
    put_value(f, row_of(f, k));
    left--;
  }
  return NEAP_OK;
}

static neap_status fill_group(const filling *f, int64_t begin, int64_t end) {
  if (f->o->method == NEAP_FILL_VALUE) return fill_values(f, begin, end);
  for (int64_t k = begin; k < end; k++) {
    if (k % POLL == 0) NEAP_TRY(neap_interrupt_check());
    if (!is_missing(f->x, row_of(f, k))) continue;
    int64_t gap = k;
    while (k < end && is_missing(f->x, row_of(f, k))) k++;
    fill_gap(f, gap, k, begin, end);
  }
  return NEAP_OK;
}

/* Times must rise inside the groups, or a line would run backwards. */
static neap_status check_times(const filling *f, int64_t begin, int64_t end) {
  for (int64_t k = begin; k < end; k++) {
    int64_t i = row_of(f, k), now = f->o->time[i];
    if (now == NEAP_NAT)
      return neap_fail(NEAP_EVALUE, "fillna: row %lld has no time", (long long)i + 1);
    if (k > begin && now <= f->o->time[row_of(f, k - 1)])
      return neap_fail(NEAP_EVALUE, "fillna: times must rise, but that of row %lld does not",
                       (long long)i + 1);
  }
  return NEAP_OK;
}

neap_status neap_series_fill(neap_tensor *out, const neap_series *x, neap_groups *g,
                             const neap_fill_options *o) {
  bool lines = o->method == NEAP_FILL_LINEAR || o->method == NEAP_FILL_TIME;
  memset(out, 0, sizeof *out);
  if (lines && x->kind != NEAP_COLUMN_NUMBER)
    return neap_fail(NEAP_EDTYPE, "fillna: column '%s' is a %s, lines are drawn between numbers",
                     x->name, neap_column_kind_name(x->kind));
  if (g && g->rows != x->values.size[0])
    return neap_fail(NEAP_ESHAPE, "fillna: column '%s' has %lld rows, but the groups have %lld",
                     x->name, (long long)x->values.size[0], (long long)g->rows);
  if (g) NEAP_TRY(neap_groups_order(g));
  NEAP_TRY(neap_tensor_clone(out, &x->values));
  if (x->kind == NEAP_COLUMN_NUMBER && !neap_dtype_is_float(out->dtype)) return NEAP_OK;
  filling f = {.x = x, .order = g ? g->order : NULL, .o = o, .out = out};
  int64_t whole[2] = {0, x->values.size[0]};
  const int64_t *start = g ? g->start : whole;
  neap_status st = NEAP_OK;
  for (int64_t k = 0; k < (g ? g->count : 1) && !st; k++) {
    if (o->method == NEAP_FILL_TIME) st = check_times(&f, start[k], start[k + 1]);
    if (!st) st = fill_group(&f, start[k], start[k + 1]);
  }
  if (st) neap_tensor_drop(out);
  return st;
}
