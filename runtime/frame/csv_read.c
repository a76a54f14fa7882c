/* Reading a CSV file: header, columns, passes. Most records go straight from text to columns; the
 * rest, and whatever is wrong, goes through the scanner field by field. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "frame/csv.h"
#include "frame/intake.h"

enum { MOST_PASSES = 4, POLL_EVERY = 1024 };

typedef struct {
  const neap_csv_options *options;
  const char *path;
  neap__builder *columns; /* one for each column of the file, in its order */
  int64_t count;
  neap__csv_scan scan[NEAP__CHUNKS]; /* of each chunk; the first reads the header */
  neap__intake in;
} reading;

static void reading_drop(reading *r) {
  for (int64_t i = 0; i < r->count; i++) {
    neap_free((char *)(uintptr_t)r->columns[i].name);
    neap__builder_drop(&r->columns[i]);
  }
  neap_free(r->columns);
  for (int i = 0; i < NEAP__CHUNKS; i++) neap__csv_stop(&r->scan[i]);
  neap__intake_drop(&r->in);
  neap_free(r);
}

static int64_t find(const reading *r, const char *name) {
  for (int64_t i = 0; i < r->count; i++)
    if (r->columns[i].name && strcmp(r->columns[i].name, name) == 0) return i;
  return -1;
}

/* header --------------------------------------------------------------------------------------- */

static neap_status name_column(reading *r, int64_t i) {
  const neap_csv_options *o = r->options;
  neap__csv_scan *s = &r->scan[0];
  char made[32];
  neap__field name = {made, (size_t)snprintf(made, sizeof made, "c%lld", (long long)i + 1), 0, 0};
  if (o->no_header && o->names) {
    name.text = o->names[i];
    name.length = strlen(name.text);
  } else if (!o->no_header && s->fields[i].length > 0) {
    if (s->fields[i].doubled) NEAP_TRY(neap__csv_undouble(s, &s->fields[i]));
    name = s->fields[i];
  }
  r->columns[i].name = neap_strndup(name.text, name.length);
  return r->columns[i].name ? NEAP_OK : NEAP_ENOMEM;
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
static neap_status unique_names(const reading *r) {
  place *sorted = neap_alloc_array(r->count, sizeof *sorted);
  if (!sorted) return NEAP_ENOMEM;
  for (int64_t i = 0; i < r->count; i++) sorted[i] = (place){r->columns[i].name, i};
  if (r->count) qsort(sorted, (size_t)r->count, sizeof *sorted, by_name);
  int64_t found = 0; /* the first column whose name stood before; 0 for none */
  int64_t before = 0;
  for (int64_t i = 1; i < r->count; i++)
    if (strcmp(sorted[i].name, sorted[i - 1].name) == 0 && (!found || sorted[i].at < found)) {
      found = sorted[i].at;
      before = sorted[i - 1].at;
    }
  neap_free(sorted);
  if (!found) return NEAP_OK;
  return neap_fail(NEAP_EFORMAT, "read_csv: %s: columns %lld and %lld are both called '%s'",
                   r->path, (long long)before + 1, (long long)found + 1, r->columns[found].name);
}

static neap_status no_column(const reading *r, const char *name) {
  return neap_fail(NEAP_EINDEX, "read_csv: %s has no column '%s'", r->path, name);
}

/* Given kinds, wanted columns and the rule for times. */
static neap_status apply_options(reading *r) {
  const neap_csv_options *o = r->options;
  for (int64_t i = 0; i < r->count; i++) {
    r->columns[i].skipped = o->wanted != NULL;
    r->columns[i].plain = true;
    NEAP_TRY(neap__time_reader_init(&r->columns[i].time, o));
  }
  for (int64_t i = 0; i < o->typed_count; i++) {
    int64_t at = find(r, o->typed[i]);
    if (at < 0) return no_column(r, o->typed[i]);
    r->columns[at].kind = o->kinds[i];
    r->columns[at].declared = o->kinds[i] != NEAP_COLUMN_AUTO;
  }
  for (int64_t i = 0; i < o->wanted_count; i++) {
    int64_t at = find(r, o->wanted[i]);
    if (at < 0) return no_column(r, o->wanted[i]);
    r->columns[at].skipped = false;
  }
  return NEAP_OK;
}

/* One column for each field of the first record, which are data when the file has no header. */
static neap_status make_columns(reading *r) {
  const neap_csv_options *o = r->options;
  neap__csv_scan *s = &r->scan[0];
  if (o->no_header && o->names && o->name_count != s->count)
    return neap_fail(NEAP_EFORMAT, "read_csv: %s:%lld: %lld fields, but %lld names were given",
                     r->path, (long long)s->line, (long long)s->count, (long long)o->name_count);
  r->columns = neap_calloc_array(s->count, sizeof *r->columns);
  if (!r->columns) return NEAP_ENOMEM;
  r->count = s->count;
  for (int64_t i = 0; i < r->count; i++) NEAP_TRY(name_column(r, i));
  return unique_names(r);
}

/* Find the first record; in->at is left where rows begin. */
static neap_status read_header(reading *r) {
  neap__csv_scan *s = &r->scan[0];
  neap__intake *in = &r->in;
  neap__csv_step step = NEAP__CSV_BLANK;
  while (step != NEAP__CSV_RECORD) {
    in->at = s->at;
    in->line = s->next_line;
    NEAP_TRY(neap__csv_next(s, &step));
    if (step != NEAP__CSV_END) continue;
    if (s->eof) return neap_fail(NEAP_EFORMAT, "read_csv: %s is empty", r->path);
    neap__source_fetch(&in->source);
    NEAP_TRY(neap__source_turn(&in->source, s->at));
    s->at = in->source.now.begin;
    s->end = in->source.now.end;
    s->eof = in->source.now.eof;
  }
  if (r->options->no_header) return NEAP_OK;
  in->at = s->at;
  in->line = s->next_line;
  return NEAP_OK;
}

static neap_status open_file(reading *r) {
  NEAP_TRY(neap__source_open(&r->in.source, r->path, "read_csv"));
  neap__csv_scan *s = &r->scan[0];
  const neap__wave *w = &r->in.source.now;
  s->path = r->path;
  s->at = w->begin;
  s->end = w->end;
  s->eof = w->eof;
  s->next_line = 1;
  neap__csv_start(s, r->options);
  return read_header(r);
}

/* rows ----------------------------------------------------------------------------------------- */

/* Append the number at p to a column of numbers that has room. Returns where it ends, or NULL when
 * no field may end there. */
static inline const char *quick_number(neap__builder *b, const neap__csv_scan *s, const char *p) {
  size_t most = (size_t)(s->end + NEAP__PAD - p), n;
  if (b->kind == NEAP_COLUMN_INTEGER) {
    int64_t v;
    n = neap_integer_scan(p, most, &v);
    if (!n || !s->special[(unsigned char)p[n]]) return NULL;
    ((int64_t *)b->data)[b->count++] = v;
  } else {
    double v;
    n = neap_number_scan(p, most, &v);
    if (!n || !s->special[(unsigned char)p[n]]) return NULL;
    ((double *)b->data)[b->count++] = v;
  }
  return p + n;
}

/* How many values quick_number may put into a column. */
static int64_t quick_room(const neap__builder *b) {
  if (b->skipped) return 0;
  bool number = b->kind == NEAP_COLUMN_NUMBER || b->kind == NEAP_COLUMN_INTEGER;
  return number && b->plain && !(b->seen & NEAP__SEEN_BOOL) && !b->stale ? b->room : 0;
}

/* Append any field; NULL as above, and with c->failed set when memory ran out. */
static const char *quick_field(reading *r, neap__chunk *c, neap__builder *b, const char *p) {
  neap__field f = {0};
  neap_status st = neap__csv_field(&r->scan[c->index], &p, &f);
  if (!st && c->count == 1 && f.length == 0 && !f.quoted) return NULL; /* maybe an empty line */
  neap__place at = {"read_csv", r->path, 0};
  if (!st && !b->skipped) st = neap__builder_add(b, f.text, f.length, &at, r->options);
  if (st == NEAP_ENOMEM) c->failed = st;
  if (st) return NULL;
  b->quick_room = quick_room(b);
  return p;
}

/* The record at s->at, when nothing about it is unusual. */
static bool quick_record(reading *r, neap__chunk *c) {
  neap__csv_scan *s = &r->scan[c->index];
  const char *p = s->at;
  if (s->comment && *p == s->comment) return false;
  s->line_now = s->next_line;
  for (int64_t i = 0; i < c->count; i++) {
    if (i > 0 && *p++ != s->delimiter) return false;
    neap__builder *b = &c->columns[i];
    const char *end = b->count < b->quick_room ? quick_number(b, s, p) : NULL;
    if (!end) end = quick_field(r, c, b, p);
    if (!end) return false;
    p = end;
  }
  const char *next = p;
  if (!neap__csv_line_end(s, &next)) return false;
  s->at = next;
  s->next_line = s->line_now + 1;
  return true;
}

static neap_status add_record(reading *r, neap__chunk *c) {
  neap__csv_scan *s = &r->scan[c->index];
  neap__place at = {"read_csv", r->path, s->line};
  if (s->count != c->count)
    return neap_fail(NEAP_EFORMAT, "read_csv: %s:%lld: %lld fields, but the %s has %lld", r->path,
                     (long long)s->line, (long long)s->count,
                     r->options->no_header ? "first row" : "header", (long long)c->count);
  for (int64_t i = 0; i < c->count; i++) {
    if (c->columns[i].skipped) continue;
    NEAP_TRY(neap__csv_undouble(s, &s->fields[i]));
    NEAP_TRY(
        neap__builder_add(&c->columns[i], s->fields[i].text, s->fields[i].length, &at, r->options));
  }
  c->rows++;
  return NEAP_OK;
}

/* The same without haste. *step is NEAP__CSV_END when the text at hand ends first. */
static neap_status slow_record(reading *r, neap__chunk *c, neap__csv_step *step) {
  for (int64_t i = 0; i < c->count; i++)
    if (c->columns[i].count > c->rows) c->columns[i].count = c->rows;
  NEAP_TRY(neap__csv_next(&r->scan[c->index], step));
  return *step == NEAP__CSV_RECORD ? add_record(r, c) : NEAP_OK;
}

static neap_status read_records(reading *r, neap__chunk *c) {
  neap__csv_scan *s = &r->scan[c->index];
  neap__csv_step step = NEAP__CSV_RECORD;
  for (int64_t turn = 0; s->at < c->stop && c->rows < c->limit; turn++) {
    if (turn % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    if (quick_record(r, c)) {
      c->rows++;
      continue;
    }
    NEAP_TRY(c->failed); /* memory ran out: its message stands */
    NEAP_TRY(slow_record(r, c, &step));
    if (step == NEAP__CSV_END) break;
  }
  return NEAP_OK;
}

static neap_status read_chunk(neap__intake *in, neap__chunk *c) {
  reading *r = in->context;
  neap__csv_scan *s = &r->scan[c->index];
  s->at = c->begin;
  s->end = c->end;
  s->eof = c->eof;
  s->next_line = c->line;
  c->failed = NEAP_OK;
  neap_status st = read_records(r, c);
  c->at = s->at;
  c->line = s->next_line;
  return st;
}

/* passes --------------------------------------------------------------------------------------- */

static neap_status read_rows(reading *r) {
  for (int i = 1; i < NEAP__CHUNKS; i++) {
    neap__csv_scan *s = &r->scan[i], own = *s;
    *s = r->scan[0];
    s->fields = own.fields;
    s->room = own.room;
    s->scratch = own.scratch;
    s->scratch_room = own.scratch_room;
  }
  r->in.columns = r->columns;
  r->in.count = r->count;
  r->in.read = read_chunk;
  r->in.context = r;
  r->in.limit = INT64_MAX;
  r->in.rows = 0;
  r->in.size = neap_reader_size(r->in.source.reader);
  return neap__intake_run(&r->in);
}

/* One pass over the file; the first makes the columns, later ones fill those that turned to text.
 */
static neap_status pass(reading *r) {
  NEAP_TRY(open_file(r));
  if (!r->columns) {
    NEAP_TRY(make_columns(r));
    NEAP_TRY(apply_options(r));
  }
  NEAP_TRY(read_rows(r));
  neap__source_close(&r->in.source);
  return NEAP_OK;
}

static bool rewind_stale(reading *r) {
  bool any = false;
  for (int64_t i = 0; i < r->count; i++) {
    neap__builder *b = &r->columns[i];
    b->done = !b->stale;
    any = any || b->stale;
    if (b->stale) neap__builder_rewind(b);
  }
  return any;
}

static neap_status read_columns(reading *r) {
  int64_t rows = 0;
  for (int i = 0; i < MOST_PASSES; i++) {
    NEAP_TRY(pass(r));
    if (i > 0 && r->in.rows != rows) break;
    rows = r->in.rows;
    if (!rewind_stale(r)) return NEAP_OK;
  }
  return neap_fail(NEAP_EFORMAT, "read_csv: %s changes while it is read", r->path);
}

/* table ---------------------------------------------------------------------------------------- */

static neap_status start_table(neap_table *out, int64_t count) {
  out->columns = neap_calloc_array(count, sizeof *out->columns);
  return out->columns ? NEAP_OK : NEAP_ENOMEM;
}

static void take_name(neap_column *out, neap__builder *b) {
  out->name = (char *)(uintptr_t)b->name;
  b->name = NULL;
}

static neap_status finish(neap_table *out, reading *r) {
  const neap_csv_options *o = r->options;
  int64_t count = o->wanted ? o->wanted_count : r->count;
  NEAP_TRY(start_table(out, count));
  out->rows = r->in.rows;
  for (int64_t i = 0; i < count; i++) {
    int64_t at = o->wanted ? find(r, o->wanted[i]) : i;
    if (at < 0)
      return neap_fail(NEAP_EARG, "read_csv: column '%s' is asked for twice", o->wanted[i]);
    out->count = i + 1;
    NEAP_TRY(neap__builder_finish(&r->columns[at], &out->columns[i]));
    take_name(&out->columns[i], &r->columns[at]);
  }
  return NEAP_OK;
}

static neap_status reading_new(reading **out, const char *path, const neap_csv_options *o) {
  *out = neap_calloc_array(1, sizeof **out);
  if (!*out) return NEAP_ENOMEM;
  (*out)->path = path;
  (*out)->options = o;
  return NEAP_OK;
}

neap_status neap_csv_read(neap_table *out, const char *path, const neap_csv_options *o) {
  *out = (neap_table){0};
  reading *r;
  NEAP_TRY(reading_new(&r, path, o));
  neap_status st = read_columns(r);
  if (!st) st = finish(out, r);
  reading_drop(r);
  if (st) neap_table_drop(out);
  return st;
}

neap_status neap_csv_names(neap_table *out, const char *path, const neap_csv_options *o) {
  *out = (neap_table){0};
  reading *r;
  NEAP_TRY(reading_new(&r, path, o));
  neap_status st = open_file(r);
  if (!st) st = make_columns(r);
  if (!st) st = start_table(out, r->count);
  for (int64_t i = 0; !st && i < r->count; i++) {
    take_name(&out->columns[i], &r->columns[i]);
    out->count = i + 1;
  }
  reading_drop(r);
  return st;
}
