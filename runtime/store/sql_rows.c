#include "store/sql_rows.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"

static const int64_t EXACT = (int64_t)1 << 53; /* f64 holds every integer up to it */

static size_t width_of(neap_column_kind kind) {
  return kind == NEAP_COLUMN_BOOL ? 1 : kind == NEAP_COLUMN_CATEGORY ? 4 : 8;
}

neap_status neap__sql_rows_init(neap__sql_rows *r, int64_t count) {
  *r = (neap__sql_rows){NULL, count};
  r->columns = neap_calloc_array(count, sizeof *r->columns);
  if (!r->columns)
    return neap_fail(NEAP_ENOMEM, "sql: out of memory for %lld columns", (long long)count);
  return NEAP_OK;
}

neap_status neap__sql_rows_name(neap__sql_column *c, const char *name) {
  c->name = neap_strndup(name, strlen(name));
  return c->name ? NEAP_OK : neap_fail(NEAP_ENOMEM, "sql: out of memory for a name");
}

static neap_status no_memory(const neap__sql_column *c) {
  return neap_fail(NEAP_ENOMEM, "sql: out of memory after %lld rows of column '%s'",
                   (long long)c->count, c->name);
}

/* Room for one more value. */
static neap_status reserve(neap__sql_column *c) {
  if (c->count < c->room) return NEAP_OK;
  int64_t room = c->room ? 2 * c->room : 256;
  void *data = neap_realloc_array(c->data, room, width_of(c->kind));
  if (!data) return no_memory(c);
  c->data = data;
  c->room = room;
  return NEAP_OK;
}

static void put_missing(neap__sql_column *c, int64_t i) {
  if (c->kind == NEAP_COLUMN_NUMBER) ((double *)c->data)[i] = NAN;
  if (c->kind == NEAP_COLUMN_TIME) ((int64_t *)c->data)[i] = NEAP_NAT;
  if (c->kind == NEAP_COLUMN_CATEGORY) ((int32_t *)c->data)[i] = 0;
}

static neap_status mixed(const neap__sql_column *c, const char *what) {
  return neap_fail(NEAP_EVALUE,
                   "sql: column '%s' holds %s in row %lld after values of kind %s; CAST gives a "
                   "column one type",
                   c->name, what, (long long)c->count + 1, neap_column_kind_name(c->kind));
}

/* Settle the kind by the first value: the rows before it are missing. */
static neap_status settle(neap__sql_column *c, neap_column_kind kind) {
  bool holes = kind == NEAP_COLUMN_INTEGER || kind == NEAP_COLUMN_BOOL;
  c->kind = holes && c->count > 0 ? NEAP_COLUMN_NUMBER : kind;
  if (c->count > 0) {
    c->data = neap_alloc_array(c->count, width_of(c->kind));
    if (!c->data) return no_memory(c);
    c->room = c->count;
  }
  for (int64_t i = 0; i < c->count; i++) put_missing(c, i);
  return NEAP_OK;
}

static neap_status too_large(const neap__sql_column *c, int64_t v) {
  return neap_fail(NEAP_EVALUE,
                   "sql: column '%s' mixes %lld with missing or fractional values, and f64 cannot "
                   "hold it; leave those out or use coalesce",
                   c->name, (long long)v);
}

/* Integers and truths as numbers, for a value that is neither. */
static neap_status to_numbers(neap__sql_column *c) {
  double *data = neap_alloc_array(c->room, sizeof *data);
  if (!data) return no_memory(c);
  for (int64_t i = 0; i < c->count; i++) {
    int64_t v = c->kind == NEAP_COLUMN_BOOL ? ((bool *)c->data)[i] : ((int64_t *)c->data)[i];
    if (v > EXACT || v < -EXACT) {
      neap_free(data);
      return too_large(c, v);
    }
    data[i] = (double)v;
  }
  neap_free(c->data);
  c->data = data;
  c->kind = NEAP_COLUMN_NUMBER;
  return NEAP_OK;
}

neap_status neap__sql_rows_missing(neap__sql_column *c) {
  if (c->kind == NEAP_COLUMN_INTEGER || c->kind == NEAP_COLUMN_BOOL) NEAP_TRY(to_numbers(c));
  if (c->kind != NEAP_COLUMN_AUTO) {
    NEAP_TRY(reserve(c));
    put_missing(c, c->count);
  }
  c->count++;
  return NEAP_OK;
}

neap_status neap__sql_rows_bool(neap__sql_column *c, bool v) {
  if (c->kind == NEAP_COLUMN_AUTO) NEAP_TRY(settle(c, NEAP_COLUMN_BOOL));
  if (c->kind != NEAP_COLUMN_BOOL) return neap__sql_rows_integer(c, v);
  NEAP_TRY(reserve(c));
  ((bool *)c->data)[c->count++] = v;
  return NEAP_OK;
}

/* Seconds, milli-, micro- or nanoseconds since 1970 by magnitude: one unit for a column. */
static neap_status epoch(neap__sql_column *c, int64_t v) {
  if (c->unit == 0) {
    int64_t size = v < 0 ? -(v + 1) : v;
    c->unit = size < 100000000000         ? 1000000000
              : size < 100000000000000    ? 1000000
              : size < 100000000000000000 ? 1000
                                          : 1;
  }
  int64_t ns;
  if (__builtin_mul_overflow(v, c->unit, &ns))
    return neap_fail(NEAP_EVALUE, "sql: column '%s', row %lld: %lld is no time", c->name,
                     (long long)c->count + 1, (long long)v);
  return neap__sql_rows_time(c, ns);
}

neap_status neap__sql_rows_integer(neap__sql_column *c, int64_t v) {
  if (c->is_time) return epoch(c, v);
  if (c->is_bool && (v == 0 || v == 1) &&
      (c->kind == NEAP_COLUMN_AUTO || c->kind == NEAP_COLUMN_BOOL)) {
    c->is_bool = false; /* settled: neap__sql_rows_bool must not come back here */
    neap_status st = neap__sql_rows_bool(c, v == 1);
    c->is_bool = true;
    return st;
  }
  if (c->kind == NEAP_COLUMN_AUTO) NEAP_TRY(settle(c, NEAP_COLUMN_INTEGER));
  if (c->kind == NEAP_COLUMN_BOOL) NEAP_TRY(to_numbers(c));
  if (c->kind == NEAP_COLUMN_NUMBER) {
    if (v > EXACT || v < -EXACT) return too_large(c, v);
    return neap__sql_rows_number(c, (double)v);
  }
  if (c->kind != NEAP_COLUMN_INTEGER) return mixed(c, "an integer");
  NEAP_TRY(reserve(c));
  ((int64_t *)c->data)[c->count++] = v;
  return NEAP_OK;
}

neap_status neap__sql_rows_number(neap__sql_column *c, double v) {
  if (c->is_time) return mixed(c, "a number, which is no time,");
  if (c->kind == NEAP_COLUMN_AUTO) NEAP_TRY(settle(c, NEAP_COLUMN_NUMBER));
  if (c->kind == NEAP_COLUMN_INTEGER || c->kind == NEAP_COLUMN_BOOL) NEAP_TRY(to_numbers(c));
  if (c->kind != NEAP_COLUMN_NUMBER) return mixed(c, "a number");
  NEAP_TRY(reserve(c));
  ((double *)c->data)[c->count++] = v;
  return NEAP_OK;
}

neap_status neap__sql_rows_time(neap__sql_column *c, int64_t ns) {
  if (c->kind == NEAP_COLUMN_AUTO) NEAP_TRY(settle(c, NEAP_COLUMN_TIME));
  if (c->kind != NEAP_COLUMN_TIME) return mixed(c, "a time");
  NEAP_TRY(reserve(c));
  ((int64_t *)c->data)[c->count++] = ns;
  return NEAP_OK;
}

/* text ------------------------------------------------------------------------------------------
 */

static uint64_t hash_of(const char *text, size_t n) { /* FNV-1a */
  uint64_t h = 14695981039346656037u;
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)text[i]) * 1099511628211u;
  return h ^ h >> 32;
}

static int64_t slot_of(const neap__sql_column *c, const char *text, size_t n) {
  int64_t mask = c->slots - 1, at = (int64_t)(hash_of(text, n) & (uint64_t)mask);
  for (; c->slot[at]; at = (at + 1) & mask) {
    const char *label = c->label[c->slot[at] - 1];
    if (strncmp(label, text, n) == 0 && label[n] == 0) break;
  }
  return at;
}

/* Twice the slots, so that at most half are taken. */
static neap_status spread(neap__sql_column *c) {
  int32_t *old = c->slot;
  int64_t slots = c->slots ? 2 * c->slots : 64;
  c->slot = neap_calloc_array(slots, sizeof *c->slot);
  if (!c->slot) {
    c->slot = old;
    return no_memory(c);
  }
  neap_free(old);
  c->slots = slots;
  for (int64_t i = 0; i < c->label_count; i++)
    c->slot[slot_of(c, c->label[i], strlen(c->label[i]))] = (int32_t)i + 1;
  return NEAP_OK;
}

static neap_status add_label(neap__sql_column *c, int64_t at, const char *text, size_t n) {
  if (c->label_count == INT32_MAX)
    return neap_fail(NEAP_EVALUE, "sql: column '%s' has too many different texts", c->name);
  if (c->label_count == c->label_room) {
    int64_t room = c->label_room ? 2 * c->label_room : 32;
    char **label = neap_realloc_array(c->label, room, sizeof *label);
    if (!label) return no_memory(c);
    c->label = label;
    c->label_room = room;
  }
  char *copy = neap_strndup(text, n);
  if (!copy) return no_memory(c);
  c->label[c->label_count++] = copy;
  c->slot[at] = (int32_t)c->label_count;
  return NEAP_OK;
}

static neap_status time_text(neap__sql_column *c, const char *text, size_t n) {
  int64_t ns;
  bool zoned;
  if (!neap_time_parse(text, n, &ns, &zoned))
    return neap_fail(NEAP_EVALUE, "sql: column '%s', row %lld: '%.*s' is no time", c->name,
                     (long long)c->count + 1, (int)(n < 40 ? n : 40), text);
  return neap__sql_rows_time(c, ns);
}

neap_status neap__sql_rows_text(neap__sql_column *c, const char *text, size_t n) {
  if (c->is_time) return n ? time_text(c, text, n) : neap__sql_rows_missing(c);
  if (n == 0) return neap__sql_rows_missing(c);
  if (memchr(text, 0, n))
    return neap_fail(NEAP_EVALUE, "sql: column '%s', row %lld: text with a zero byte", c->name,
                     (long long)c->count + 1);
  if (c->kind == NEAP_COLUMN_AUTO) NEAP_TRY(settle(c, NEAP_COLUMN_CATEGORY));
  if (c->kind != NEAP_COLUMN_CATEGORY) return mixed(c, "text");
  NEAP_TRY(reserve(c));
  if (2 * (c->label_count + 1) > c->slots) NEAP_TRY(spread(c));
  int64_t at = slot_of(c, text, n);
  if (!c->slot[at]) NEAP_TRY(add_label(c, at, text, n));
  ((int32_t *)c->data)[c->count++] = c->slot[at];
  return NEAP_OK;
}

/* the end ---------------------------------------------------------------------------------------
 */

void neap__sql_rows_drop(neap__sql_rows *r) {
  for (int64_t k = 0; r->columns && k < r->count; k++) {
    neap__sql_column *c = &r->columns[k];
    for (int64_t i = 0; i < c->label_count; i++) neap_free(c->label[i]);
    neap_free(c->label);
    neap_free(c->slot);
    neap_free(c->data);
    neap_free(c->name);
  }
  neap_free(r->columns);
  *r = (neap__sql_rows){0};
}

static neap_dtype dtype_of(neap_column_kind kind) {
  switch (kind) {
  case NEAP_COLUMN_BOOL: return NEAP_BOOL;
  case NEAP_COLUMN_CATEGORY: return NEAP_I32;
  case NEAP_COLUMN_INTEGER:
  case NEAP_COLUMN_TIME: return NEAP_I64;
  default: return NEAP_F64;
  }
}

static neap_status finish(neap__sql_column *c, neap_column *out) {
  if (c->kind == NEAP_COLUMN_AUTO)
    NEAP_TRY(settle(c, c->is_time ? NEAP_COLUMN_TIME : NEAP_COLUMN_NUMBER));
  NEAP_TRY(neap_tensor_init_1d(&out->values, dtype_of(c->kind), c->count));
  if (c->count)
    memcpy(neap_tensor_data(&out->values), c->data, (size_t)c->count * width_of(c->kind));
  neap_free(c->data);
  c->data = NULL;
  out->kind = c->kind;
  out->name = c->name;
  c->name = NULL;
  out->labels = c->label;
  out->label_count = c->label_count;
  c->label = NULL;
  c->label_count = 0;
  return NEAP_OK;
}

neap_status neap__sql_rows_finish(neap__sql_rows *r, neap_table *out) {
  neap_status st = NEAP_OK;
  *out = (neap_table){.columns = neap_calloc_array(r->count, sizeof *out->columns)};
  if (out->columns) out->count = r->count;
  else st = neap_fail(NEAP_ENOMEM, "sql: out of memory for columns");
  for (int64_t k = 0; !st && k < r->count; k++) {
    st = finish(&r->columns[k], &out->columns[k]);
    out->rows = r->columns[k].count;
  }
  if (st) neap_table_drop(out);
  neap__sql_rows_drop(r);
  return st;
}
