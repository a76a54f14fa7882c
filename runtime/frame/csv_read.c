/* Reading a CSV file: header, columns, passes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "frame/csv.h"

enum { MOST_PASSES = 4, POLL_EVERY = 4096 };

typedef struct {
  neap__builder *builder; /* one for each column of the file, in its order */
  int64_t count;
} columns;

static void columns_drop(columns *c) {
  for (int64_t i = 0; i < c->count; i++) neap__builder_drop(&c->builder[i]);
  neap_free(c->builder);
  *c = (columns){0};
}

static int64_t find(const columns *c, const char *name) {
  for (int64_t i = 0; i < c->count; i++)
    if (c->builder[i].name && strcmp(c->builder[i].name, name) == 0) return i;
  return -1;
}

/* header --------------------------------------------------------------------------------------- */

static neap_status name_column(neap__builder *b, const neap__csv_scan *s, const neap_csv_options *o,
                               int64_t i) {
  char made[32];
  int length = snprintf(made, sizeof made, "c%lld", (long long)i + 1);
  const char *text = made;
  size_t n = (size_t)length;
  if (o->no_header && o->names) {
    text = o->names[i];
    n = strlen(text);
  } else if (!o->no_header && s->fields[i].length > 0) {
    text = s->fields[i].text;
    n = s->fields[i].length;
  }
  b->name = neap_strndup(text, n);
  return b->name ? NEAP_OK : NEAP_ENOMEM;
}

typedef struct {
  const char *name;
  int64_t at;
} place;

static int by_name(const void *a, const void *b) {
  const place *x = a, *y = b;
  int order = strcmp(x->name, y->name);
  return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Sorted, since a file may have a million columns. */
static neap_status unique_names(const columns *c, const char *path) {
  place *sorted = neap_alloc_array(c->count, sizeof *sorted);
  if (!sorted) return NEAP_ENOMEM;
  for (int64_t i = 0; i < c->count; i++) sorted[i] = (place){c->builder[i].name, i};
  if (c->count) qsort(sorted, (size_t)c->count, sizeof *sorted, by_name);
  int64_t found = 0; /* the first column whose name stood before; 0 for none */
  int64_t before = 0;
  for (int64_t i = 1; i < c->count; i++)
    if (strcmp(sorted[i].name, sorted[i - 1].name) == 0 && (!found || sorted[i].at < found)) {
      found = sorted[i].at;
      before = sorted[i - 1].at;
    }
  neap_free(sorted);
  if (!found) return NEAP_OK;
  return neap_fail(NEAP_EFORMAT, "read_csv: %s: columns %lld and %lld are both called '%s'", path,
                   (long long)before + 1, (long long)found + 1, c->builder[found].name);
}

/* One builder for each field of the first record, which are data when the file has no header. */
static neap_status read_header(columns *c, neap__csv_scan *s, const neap_csv_options *o) {
  bool got;
  NEAP_TRY(neap__csv_next(s, &got));
  if (!got) return neap_fail(NEAP_EFORMAT, "read_csv: %s is empty", s->path);
  if (o->no_header && o->names && o->name_count != s->count)
    return neap_fail(NEAP_EFORMAT, "read_csv: %s:%lld: %lld fields, but %lld names were given",
                     s->path, (long long)s->line, (long long)s->count, (long long)o->name_count);
  c->builder = neap_calloc_array(s->count, sizeof *c->builder);
  if (!c->builder) return NEAP_ENOMEM;
  c->count = s->count;
  for (int64_t i = 0; i < c->count; i++) NEAP_TRY(name_column(&c->builder[i], s, o, i));
  return unique_names(c, s->path);
}

static neap_status no_column(const neap__csv_scan *s, const char *name) {
  return neap_fail(NEAP_EINDEX, "read_csv: %s has no column '%s'", s->path, name);
}

/* Given kinds, wanted columns and the rule for times. */
static neap_status apply_options(columns *c, const neap__csv_scan *s, const neap_csv_options *o) {
  for (int64_t i = 0; i < c->count; i++) {
    c->builder[i].skipped = o->wanted != NULL;
    NEAP_TRY(neap__time_reader_init(&c->builder[i].time, o));
  }
  for (int64_t i = 0; i < o->typed_count; i++) {
    int64_t at = find(c, o->typed[i]);
    if (at < 0) return no_column(s, o->typed[i]);
    c->builder[at].kind = o->kinds[i];
    c->builder[at].declared = o->kinds[i] != NEAP_COLUMN_AUTO;
  }
  for (int64_t i = 0; i < o->wanted_count; i++) {
    int64_t at = find(c, o->wanted[i]);
    if (at < 0) return no_column(s, o->wanted[i]);
    c->builder[at].skipped = false;
  }
  return NEAP_OK;
}

/* rows ----------------------------------------------------------------------------------------- */

static neap_status add_record(columns *c, const neap__csv_scan *s, const neap_csv_options *o) {
  if (s->count != c->count)
    return neap_fail(NEAP_EFORMAT, "read_csv: %s:%lld: %lld fields, but the %s has %lld", s->path,
                     (long long)s->line, (long long)s->count, o->no_header ? "first row" : "header",
                     (long long)c->count);
  for (int64_t i = 0; i < c->count; i++)
    if (!c->builder[i].skipped) NEAP_TRY(neap__builder_add(&c->builder[i], &s->fields[i], s, o));
  return NEAP_OK;
}

static neap_status add_records(columns *c, neap__csv_scan *s, const neap_csv_options *o,
                               int64_t *rows) {
  bool got = o->no_header; /* the first record is in hand already */
  if (!got) NEAP_TRY(neap__csv_next(s, &got));
  for (*rows = 0; got; ++*rows) {
    if (*rows % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(add_record(c, s, o));
    NEAP_TRY(neap__csv_next(s, &got));
  }
  return NEAP_OK;
}

/* One pass over the file; the first makes the columns, later ones fill them again. */
static neap_status pass(columns *c, const char *path, const neap_csv_options *o, int64_t *rows) {
  neap__csv_scan s;
  NEAP_TRY(neap__csv_open(&s, path, o));
  neap_status st;
  if (c->builder) {
    bool got;
    st = neap__csv_next(&s, &got);
  } else {
    st = read_header(c, &s, o);
    if (!st) st = apply_options(c, &s, o);
  }
  if (!st) st = add_records(c, &s, o, rows);
  neap__csv_close(&s);
  return st;
}

static bool stale(const columns *c) {
  for (int64_t i = 0; i < c->count; i++)
    if (c->builder[i].stale) return true;
  return false;
}

static neap_status read_columns(columns *c, const char *path, const neap_csv_options *o,
                                int64_t *rows) {
  for (int i = 0; i < MOST_PASSES; i++) {
    NEAP_TRY(pass(c, path, o, rows));
    if (!stale(c)) return NEAP_OK;
    for (int64_t k = 0; k < c->count; k++) neap__builder_rewind(&c->builder[k]);
  }
  return neap_fail(NEAP_EFORMAT, "read_csv: %s changes while it is read", path);
}

/* table ---------------------------------------------------------------------------------------- */

static neap_status start_table(neap_table *out, int64_t count) {
  out->columns = neap_calloc_array(count, sizeof *out->columns);
  return out->columns ? NEAP_OK : NEAP_ENOMEM;
}

static neap_status finish(neap_table *out, columns *c, const neap_csv_options *o) {
  int64_t count = o->wanted ? o->wanted_count : c->count;
  NEAP_TRY(start_table(out, count));
  for (int64_t i = 0; i < count; i++) {
    int64_t at = o->wanted ? find(c, o->wanted[i]) : i;
    if (at < 0)
      return neap_fail(NEAP_EARG, "read_csv: column '%s' is asked for twice", o->wanted[i]);
    out->count = i + 1;
    NEAP_TRY(neap__builder_finish(&c->builder[at], &out->columns[i]));
  }
  return NEAP_OK;
}

neap_status neap_csv_read(neap_table *out, const char *path, const neap_csv_options *o) {
  *out = (neap_table){0};
  columns c = {0};
  neap_status st = read_columns(&c, path, o, &out->rows);
  if (!st) st = finish(out, &c, o);
  columns_drop(&c);
  if (st) neap_table_drop(out);
  return st;
}

neap_status neap_csv_names(neap_table *out, const char *path, const neap_csv_options *o) {
  *out = (neap_table){0};
  columns c = {0};
  neap__csv_scan s;
  NEAP_TRY(neap__csv_open(&s, path, o));
  neap_status st = read_header(&c, &s, o);
  neap__csv_close(&s);
  if (!st) st = start_table(out, c.count);
  for (int64_t i = 0; !st && i < c.count; i++) {
    out->columns[i].name = c.builder[i].name;
    c.builder[i].name = NULL;
    out->count = i + 1;
  }
  columns_drop(&c);
  return st;
}
