/* Reading CSV files: header, columns, rows. Most records go straight from text to columns; the
 * rest, and whatever is wrong, goes through the scanner field by field. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "frame/csv.h"
#include "frame/reading.h"

enum { POLL_EVERY = 1024 };

typedef struct {
  neap__reading r;
  neap__csv_scan scan[NEAP__CHUNKS]; /* of each chunk; the first reads the header */
} csv;

static void csv_drop(csv *f) {
  for (int i = 0; i < NEAP__CHUNKS; i++) neap__csv_stop(&f->scan[i]);
  neap__reading_drop(&f->r);
  neap_free(f);
}

/* header --------------------------------------------------------------------------------------- */

/* What field i of the header says, or what stands for it. */
static neap_status header_name(csv *f, int64_t i, char made[32], neap__field *name) {
  const neap_csv_options *o = f->r.options;
  neap__csv_scan *s = &f->scan[0];
  *name = (neap__field){made, (size_t)snprintf(made, 32, "c%lld", (long long)i + 1), 0, 0};
  if (o->no_header && o->names) {
    name->text = o->names[i];
    name->length = strlen(name->text);
  } else if (!o->no_header && s->fields[i].length > 0) {
    if (s->fields[i].doubled) NEAP_TRY(neap__csv_undouble(s, &s->fields[i]));
    *name = s->fields[i];
  }
  return NEAP_OK;
}

static neap_status name_column(csv *f, int64_t i) {
  char made[32];
  neap__field name;
  NEAP_TRY(header_name(f, i, made, &name));
  if (neap__not_utf8(name.text, name.length))
    return neap_fail(NEAP_EFORMAT, "read_csv: %s:%lld: the name of column %lld is not UTF-8",
                     f->r.path, (long long)f->scan[0].line, (long long)i + 1);
  return neap__reading_add(&f->r, name.text, name.length);
}

/* A later file must have the columns of the first. */
static neap_status same_columns(csv *f) {
  neap__csv_scan *s = &f->scan[0];
  if (s->count != f->r.in.count)
    return neap_fail(NEAP_EFORMAT, "read_csv: %s has %lld columns, but %s has %lld", f->r.path,
                     (long long)s->count, f->r.paths[0], (long long)f->r.in.count);
  for (int64_t i = 0; i < f->r.in.count; i++) {
    char made[32];
    neap__field name;
    NEAP_TRY(header_name(f, i, made, &name));
    const char *first = f->r.in.columns[i].name;
    if (strlen(first) == name.length && memcmp(first, name.text, name.length) == 0) continue;
    return neap_fail(NEAP_EFORMAT, "read_csv: %s: column %lld is called '%.*s', but '%s' in %s",
                     f->r.path, (long long)i + 1, (int)name.length, name.text, first,
                     f->r.paths[0]);
  }
  return NEAP_OK;
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
/* Whether a name is written like a value: a number, a date or a time. */
static bool is_value(const char *name) {
  return strpbrk(name, "0123456789") && !name[strspn(name, "0123456789+-.:/eETZ ")];
}

static neap_status unique_names(const csv *f) {
  place *sorted = neap_alloc_array(f->r.in.count, sizeof *sorted);
  if (!sorted) return NEAP_ENOMEM;
  for (int64_t i = 0; i < f->r.in.count; i++) sorted[i] = (place){f->r.in.columns[i].name, i};
  if (f->r.in.count) qsort(sorted, (size_t)f->r.in.count, sizeof *sorted, by_name);
  int64_t found = 0; /* the first column whose name stood before; 0 for none */
  int64_t before = 0;
  for (int64_t i = 1; i < f->r.in.count; i++)
    if (strcmp(sorted[i].name, sorted[i - 1].name) == 0 && (!found || sorted[i].at < found)) {
      found = sorted[i].at;
      before = sorted[i - 1].at;
    }
  neap_free(sorted);
  if (!found) return NEAP_OK;
  const char *name = f->r.in.columns[found].name;
  return neap_fail(NEAP_EFORMAT, "read_csv: %s: columns %lld and %lld are both called '%s'%s",
                   f->r.path, (long long)before + 1, (long long)found + 1, name,
                   !f->r.options->no_header && is_value(name)
                       ? "; if the first line holds values, say header = false"
                       : "");
}

/* One column for each field of the first record, which are data when the file has no header. */
static neap_status make_columns(csv *f) {
  const neap_csv_options *o = f->r.options;
  neap__csv_scan *s = &f->scan[0];
  if (o->no_header && o->names && o->name_count != s->count)
    return neap_fail(NEAP_EFORMAT, "read_csv: %s:%lld: %lld fields, but %lld names were given",
                     f->r.path, (long long)s->line, (long long)s->count, (long long)o->name_count);
  for (int64_t i = 0; i < s->count; i++) NEAP_TRY(name_column(f, i));
  return unique_names(f);
}

/* More text behind what the scanner has not used. */
static neap_status more_text(csv *f) {
  neap__csv_scan *s = &f->scan[0];
  neap__source *source = &f->r.in.source;
  neap__source_fetch(source);
  NEAP_TRY(neap__source_turn(source, s->at));
  s->at = source->now.begin;
  s->end = source->now.end;
  s->eof = source->now.eof;
  return NEAP_OK;
}

static neap_status skip_rows(csv *f) {
  neap__csv_scan *s = &f->scan[0];
  while (s->next_line <= f->r.options->skip_rows) {
    if (neap__csv_skip_line(s)) continue;
    if (s->eof)
      return neap_fail(NEAP_EFORMAT, "read_csv: %s has %lld lines, but skip_rows is %lld",
                       f->r.path, (long long)s->next_line - 1, (long long)f->r.options->skip_rows);
    NEAP_TRY(more_text(f));
  }
  return f->r.options->skip_rows && !s->eof ? more_text(f) : NEAP_OK; /* a whole line for a guess */
}

/* Find the first record; in->at is left where rows begin. */
static neap_status read_header(csv *f) {
  neap__csv_scan *s = &f->scan[0];
  neap__intake *in = &f->r.in;
  neap__csv_step step = NEAP__CSV_BLANK;
  while (step != NEAP__CSV_RECORD) {
    in->at = s->at;
    in->line = s->next_line;
    NEAP_TRY(neap__csv_next(s, &step));
    if (step != NEAP__CSV_END) continue;
    if (s->eof) return neap_fail(NEAP_EFORMAT, "read_csv: %s is empty", f->r.path);
    NEAP_TRY(more_text(f));
  }
  if (f->r.options->no_header) return NEAP_OK;
  in->at = s->at;
  in->line = s->next_line;
  return NEAP_OK;
}

/* Open the file and go to its rows, past the header. */
static neap_status find_rows(csv *f) {
  NEAP_TRY(neap__source_open(&f->r.in.source, f->r.path, "read_csv"));
  neap__csv_scan *s = &f->scan[0];
  const neap__wave *w = &f->r.in.source.now;
  s->path = f->r.path;
  s->at = w->begin;
  s->end = w->end;
  s->eof = w->eof;
  s->next_line = 1;
  NEAP_TRY(skip_rows(f));
  neap__csv_start(s, f->r.options);
  return read_header(f);
}

/* rows ----------------------------------------------------------------------------------------- */

/* Append the number at p, in quotes or not, to a column of numbers that has room. Returns where it
 * ends, or NULL when no field may end there. */
static inline const char *quick_number(neap__builder *b, const neap__csv_scan *s, const char *p) {
  bool quoted = *p == '"';
  p += quoted;
  size_t most = (size_t)(s->end + NEAP__PAD - p), n;
  int64_t whole = 0;
  double v = 0;
  bool integer = b->kind == NEAP_COLUMN_INTEGER;
  n = integer ? neap_integer_scan(p, most, &whole) : neap_number_scan(p, most, &v);
  const char *end = p + n;
  if (quoted && n && *end++ != '"') return NULL;
  if (!n || !s->special[(unsigned char)*end]) return NULL;
  if (integer) ((int64_t *)b->data)[b->count++] = whole;
  else ((double *)b->data)[b->count++] = v;
  return end;
}

/* Append any field; NULL as above, and with c->failed set when memory ran out. */
static const char *quick_field(csv *file, neap__chunk *c, neap__builder *b, const char *p) {
  neap__field f = {0};
  neap_status st = neap__csv_field(&file->scan[c->index], &p, &f);
  if (!st && b == c->columns && f.length == 0 && !f.quoted && *p != file->scan[c->index].delimiter)
    return NULL; /* an empty line is no missing value */
  neap__place at = {"read_csv", file->r.path, 0};
  if (!st && !b->skipped) st = neap__builder_add(b, f.text, f.length, &at, file->r.options);
  if (st == NEAP_ENOMEM) c->failed = st;
  if (st) return NULL;
  b->quick_room = neap__builder_quick_room(b);
  return p;
}

/* The record at s->at, when nothing about it is unusual. */
static bool quick_record(csv *file, neap__chunk *c) {
  neap__csv_scan *s = &file->scan[c->index];
  const char *p = s->at;
  if (s->comment && *p == s->comment) return false;
  s->line_now = s->next_line;
  for (int64_t i = 0; i < c->count; i++) {
    if (i > 0 && *p++ != s->delimiter) return false;
    neap__builder *b = &c->columns[i];
    const char *end = b->count < b->quick_room ? quick_number(b, s, p) : NULL;
    if (!end) end = quick_field(file, c, b, p);
    if (!end) return false;
    p = end;
  }
  const char *next = p;
  if (!neap__csv_line_end(s, &next)) return false;
  s->at = next;
  s->next_line = s->line_now + 1;
  return true;
}

static neap_status add_record(csv *file, neap__chunk *c) {
  neap__csv_scan *s = &file->scan[c->index];
  neap__place at = {"read_csv", file->r.path, s->line};
  if (s->count != c->count)
    return neap_fail(NEAP_EFORMAT, "read_csv: %s:%lld: %lld fields, but the %s has %lld",
                     file->r.path, (long long)s->line, (long long)s->count,
                     file->r.options->no_header ? "first row" : "header", (long long)c->count);
  for (int64_t i = 0; i < c->count; i++) {
    if (c->columns[i].skipped) continue;
    NEAP_TRY(neap__csv_undouble(s, &s->fields[i]));
    NEAP_TRY(neap__builder_add(&c->columns[i], s->fields[i].text, s->fields[i].length, &at,
                               file->r.options));
  }
  c->rows++;
  return NEAP_OK;
}

/* The same without haste. *step is NEAP__CSV_END when the text at hand ends first. */
static neap_status slow_record(csv *file, neap__chunk *c, neap__csv_step *step) {
  for (int64_t i = 0; i < c->count; i++)
    if (c->columns[i].count > c->rows) c->columns[i].count = c->rows;
  NEAP_TRY(neap__csv_next(&file->scan[c->index], step));
  return *step == NEAP__CSV_RECORD ? add_record(file, c) : NEAP_OK;
}

static neap_status read_records(csv *file, neap__chunk *c) {
  neap__csv_scan *s = &file->scan[c->index];
  neap__csv_step step = NEAP__CSV_RECORD;
  for (int64_t turn = 0; s->at < c->stop && c->rows < c->limit; turn++) {
    if (turn % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    if (quick_record(file, c)) {
      c->rows++;
      continue;
    }
    NEAP_TRY(c->failed); /* memory ran out: its message stands */
    NEAP_TRY(slow_record(file, c, &step));
    if (step == NEAP__CSV_END) break;
  }
  return NEAP_OK;
}

static neap_status read_chunk(neap__intake *in, neap__chunk *c) {
  csv *file = in->context;
  neap__csv_scan *s = &file->scan[c->index];
  s->at = c->begin;
  s->end = c->end;
  s->eof = c->eof;
  s->next_line = c->line;
  c->failed = NEAP_OK;
  neap_status st = read_records(file, c);
  c->at = s->at;
  c->line = s->next_line;
  return st;
}

/* ---------------------------------------------------------------------------------------------- */

static neap_status open_file(neap__reading *r) {
  csv *f = (csv *)r;
  NEAP_TRY(find_rows(f));
  if (r->in.count) NEAP_TRY(same_columns(f));
  else {
    NEAP_TRY(make_columns(f));
    NEAP_TRY(neap__reading_check_names(r));
  }
  for (int i = 1; i < NEAP__CHUNKS; i++) {
    neap__csv_scan *s = &f->scan[i], own = *s;
    *s = f->scan[0];
    s->fields = own.fields;
    s->room = own.room;
    s->scratch = own.scratch;
    s->scratch_room = own.scratch_room;
  }
  return NEAP_OK;
}

static neap_status csv_new(csv **out, const char *const *paths, int64_t files,
                           const char *const *symbols, const neap_csv_options *o) {
  csv *f = neap_calloc_array(1, sizeof *f);
  if (!f) return NEAP_ENOMEM;
  f->r.operation = "read_csv";
  f->r.open = open_file;
  f->r.in.read = read_chunk;
  neap_status st = neap__reading_start(&f->r, paths, files, symbols, o);
  if (st) csv_drop(f);
  else *out = f;
  return st;
}

neap_status neap_csv_read_files(neap_table *out, const char *const *paths, int64_t count,
                                const char *const *symbols, const neap_csv_options *o) {
  *out = (neap_table){0};
  csv *f;
  NEAP_TRY(csv_new(&f, paths, count, symbols, o));
  neap_status st = neap__reading_run(&f->r, out);
  csv_drop(f);
  return st;
}

neap_status neap_csv_read(neap_table *out, const char *path, const neap_csv_options *o) {
  return neap_csv_read_files(out, &path, 1, NULL, o);
}

neap_status neap_csv_names(neap_table *out, const char *path, const neap_csv_options *o) {
  *out = (neap_table){0};
  csv *f;
  NEAP_TRY(csv_new(&f, &path, 1, NULL, o));
  neap_status st = find_rows(f);
  if (!st) st = make_columns(f);
  if (!st) out->columns = neap_calloc_array(f->r.in.count, sizeof *out->columns);
  if (!st && !out->columns) st = NEAP_ENOMEM;
  for (int64_t i = 0; !st && i < f->r.in.count; i++) {
    neap__builder *b = &f->r.in.columns[i];
    out->columns[out->count++].name = (char *)(uintptr_t)b->name;
    b->owns_name = false;
  }
  csv_drop(f);
  return st;
}
