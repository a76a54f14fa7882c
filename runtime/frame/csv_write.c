/* Writing CSV: rows are formatted into one buffer that goes out when it is nearly full. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "frame/frame.h"

enum { BUFFER = 1 << 16, POLL_EVERY = 4096 };

typedef struct {
  neap_writer *writer;
  size_t used;
  bool digits_17;
  char buffer[BUFFER];
} output;

static neap_status put(output *o, const char *text, size_t n) {
  if (n > BUFFER - o->used) {
    NEAP_TRY(neap_writer_write(o->writer, o->buffer, o->used));
    o->used = 0;
  }
  if (n > BUFFER) return neap_writer_write(o->writer, text, n);
  memcpy(o->buffer + o->used, text, n);
  o->used += n;
  return NEAP_OK;
}

/* Whatever a reader could take for something else: ours, and those that guess a delimiter. */
static bool needs_quotes(const char *text, size_t n) {
  if (n == 0) return true;
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)text[i] < ' ' || strchr(",\";", text[i])) return true;
  return text[0] == ' ' || text[n - 1] == ' ' || strncmp(text, "\xEF\xBB\xBF", 3) == 0;
}

static neap_status put_text(output *o, const char *text) {
  size_t n = strlen(text);
  if (!needs_quotes(text, n)) return put(o, text, n);
  NEAP_TRY(put(o, "\"", 1));
  for (const char *quote; (quote = memchr(text, '"', n));) {
    size_t part = (size_t)(quote - text) + 1;
    NEAP_TRY(put(o, text, part));
    NEAP_TRY(put(o, "\"", 1));
    text += part;
    n -= part;
  }
  NEAP_TRY(put(o, text, n));
  return put(o, "\"", 1);
}

static neap_status put_number(output *o, double v) {
  char text[32];
  if (isnan(v)) return NEAP_OK;
  return put(o, text, o->digits_17 ? neap_number_print_17(text, v) : neap_number_print(text, v));
}

static neap_status put_value(output *o, const neap_column *c, const neap_tensor *t, int64_t row) {
  char text[40];
  if (neap_dtype_is_float(t->dtype)) return put_number(o, neap_tensor_get_f64(t, &row));
  int64_t v = neap_tensor_get_i64(t, &row);
  switch (c->kind) {
  case NEAP_COLUMN_TIME: return v == NEAP_NAT ? NEAP_OK : put(o, text, neap_time_print(text, v));
  case NEAP_COLUMN_CATEGORY:
    return v < 1 || v > c->label_count ? NEAP_OK : put_text(o, c->labels[v - 1]);
  default:
    if (t->dtype == NEAP_BOOL) return put(o, v ? "true" : "false", v ? 4 : 5);
    return put(o, text, neap_integer_print(text, v));
  }
}

static neap_status put_row(output *o, const neap_column *columns, int64_t count, int64_t row) {
  size_t before = o->used;
  for (int64_t i = 0; i < count; i++) {
    if (i > 0) NEAP_TRY(put(o, ",", 1));
    NEAP_TRY(put_value(o, &columns[i], &columns[i].values, row));
  }
  /* An empty line would be skipped when read: a lone missing value is a quoted nothing. */
  if (count == 1 && o->used == before) NEAP_TRY(put(o, "\"\"", 2));
  return put(o, "\n", 1);
}

static neap_status put_rows(output *o, const neap_column *columns, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (i > 0) NEAP_TRY(put(o, ",", 1));
    NEAP_TRY(put_text(o, columns[i].name));
  }
  NEAP_TRY(put(o, "\n", 1));
  int64_t rows = count ? columns[0].values.size[0] : 0;
  for (int64_t row = 0; row < rows; row++) {
    if (row % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(put_row(o, columns, count, row));
  }
  return neap_writer_write(o->writer, o->buffer, o->used);
}

neap_status neap_csv_write(const char *path, const neap_column *columns, int64_t count,
                           bool digits_17) {
  output *o = neap_alloc(sizeof *o);
  if (!o) return NEAP_ENOMEM;
  o->used = 0;
  o->digits_17 = digits_17;
  neap_status st = neap_writer_open(&o->writer, path);
  if (!st) {
    st = put_rows(o, columns, count);
    if (st) neap_writer_abandon(o->writer);
    else st = neap_writer_commit(o->writer);
  }
  neap_free(o);
  return st;
}
