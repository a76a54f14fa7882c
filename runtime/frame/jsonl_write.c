/* Writing JSON lines: rows are formatted into one text that goes out when it is nearly full. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/text.h"
#include "frame/frame.h"

enum { BUFFER = 1 << 16, POLL_EVERY = 4096 };

static void put_number(neap_text *t, double v) {
  char text[32];
  if (isnan(v)) neap_text_put(t, "null");
  else if (isinf(v)) neap_text_put(t, v > 0 ? "\"inf\"" : "\"-inf\"");
  else neap_text_add(t, text, neap_number_print(text, v));
}

static void put_time(neap_text *t, int64_t ns) {
  char text[40];
  size_t n = neap_time_print(text, ns);
  if (ns == NEAP_NAT) {
    neap_text_put(t, "null");
    return;
  }
  neap_text_add(t, "\"", 1);
  neap_text_add(t, text, n);
  neap_text_add(t, "\"", 1);
}

static void put_value(neap_text *t, const neap_column *c, int64_t row) {
  const neap_tensor *x = &c->values;
  char text[32];
  if (neap_dtype_is_float(x->dtype)) {
    put_number(t, neap_tensor_get_f64(x, &row));
    return;
  }
  int64_t v = neap_tensor_get_i64(x, &row);
  bool label = c->kind == NEAP_COLUMN_CATEGORY && v >= 1 && v <= c->label_count;
  if (label) neap_text_json(t, c->labels[v - 1], strlen(c->labels[v - 1]));
  else if (c->kind == NEAP_COLUMN_CATEGORY) neap_text_put(t, "null");
  else if (c->kind == NEAP_COLUMN_TIME) put_time(t, v);
  else if (x->dtype == NEAP_BOOL) neap_text_put(t, v ? "true" : "false");
  else neap_text_add(t, text, neap_integer_print(text, v));
}

/* ,"name": for each column; the first without its comma. */
static neap_status make_keys(neap_text *keys, const neap_column *columns, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (i) neap_text_add(&keys[i], ",", 1);
    neap_text_json(&keys[i], columns[i].name, strlen(columns[i].name));
    neap_text_add(&keys[i], ":", 1);
    if (keys[i].failed) return NEAP_ENOMEM;
  }
  return NEAP_OK;
}

static neap_status flush(neap_writer *w, neap_text *t) {
  if (t->failed) return NEAP_ENOMEM;
  NEAP_TRY(neap_writer_write(w, t->data, t->n));
  t->n = 0;
  return NEAP_OK;
}

static neap_status put_rows(neap_writer *w, neap_text *t, const neap_text *keys,
                            const neap_column *columns, int64_t count) {
  int64_t rows = count ? columns[0].values.size[0] : 0;
  for (int64_t row = 0; row < rows; row++) {
    if (row % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    neap_text_add(t, "{", 1);
    for (int64_t i = 0; i < count; i++) {
      neap_text_add(t, keys[i].data, keys[i].n);
      put_value(t, &columns[i], row);
    }
    neap_text_add(t, "}\n", 2);
    if (t->n > BUFFER || t->failed) NEAP_TRY(flush(w, t));
  }
  return flush(w, t);
}

neap_status neap_jsonl_write(const char *path, const neap_column *columns, int64_t count) {
  neap_text t = {0}, *keys = neap_calloc_array(count + 1, sizeof *keys);
  if (!keys) return NEAP_ENOMEM;
  neap_writer *w = NULL;
  neap_status st = make_keys(keys, columns, count);
  if (!st) st = neap_writer_open(&w, path);
  if (!st) st = put_rows(w, &t, keys, columns, count);
  if (!st) st = neap_writer_commit(w);
  else neap_writer_abandon(w);
  for (int64_t i = 0; i < count; i++) neap_text_drop(&keys[i]);
  neap_free(keys);
  neap_text_drop(&t);
  return st;
}
