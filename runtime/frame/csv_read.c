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
  const char *const *paths, *const *symbols;
  int64_t files;
  const char *path;       /* the one that is read */
  int64_t *rows;          /* of each file */
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
  neap_free(r->rows);
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

/* What field i of the header says, or what stands for it. */
static neap_status header_name(reading *r, int64_t i, char made[32], neap__field *name) {
  const neap_csv_options *o = r->options;
  neap__csv_scan *s = &r->scan[0];
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

static neap_status name_column(reading *r, int64_t i) {
  char made[32];
  neap__field name;
  NEAP_TRY(header_name(r, i, made, &name));
  if (neap__not_utf8(name.text, name.length))
    return neap_fail(NEAP_EFORMAT, "read_csv: %s:%lld: the name of column %lld is not UTF-8",
                     r->path, (long long)r->scan[0].line, (long long)i + 1);
  r->columns[i].name = neap_strndup(name.text, name.length);
  return r->columns[i].name ? NEAP_OK : NEAP_ENOMEM;
}

/* A later file must have the columns of the first. */
static neap_status same_columns(reading *r) {
  neap__csv_scan *s = &r->scan[0];
  if (s->count != r->count)
    return neap_fail(NEAP_EFORMAT, "read_csv: %s has %lld columns, but %s has %lld", r->path,
                     (long long)s->count, r->paths[0], (long long)r->count);
  for (int64_t i = 0; i < r->count; i++) {
    char made[32];
    neap__field name;
    NEAP_TRY(header_name(r, i, made, &name));
    const char *first = r->columns[i].name;
    if (strlen(first) == name.length && memcmp(first, name.text, name.length) == 0) continue;
    return neap_fail(NEAP_EFORMAT, "read_csv: %s: column %lld is called '%.*s', but '%s' in %s",
                     r->path, (long long)i + 1, (int)name.length, name.text, first, r->paths[0]);
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
    r->columns[i].decimal = o->decimal == '.' ? 0 : o->decimal;
    r->columns[i].thousands = o->thousands;
    r->columns[i].replace = o->replace_invalid;
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
  if (r->symbols && find(r, "symbol") >= 0)
    return neap_fail(NEAP_EFORMAT,
                     "read_csv: %s has a column 'symbol' of its own: leave the option symbol out",
                     r->path);
  return unique_names(r);
}

/* More text behind what the scanner has not used. */
static neap_status more_text(reading *r) {
  neap__csv_scan *s = &r->scan[0];
  neap__source *source = &r->in.source;
  neap__source_fetch(source);
  NEAP_TRY(neap__source_turn(source, s->at));
  s->at = source->now.begin;
  s->end = source->now.end;
  s->eof = source->now.eof;
  return NEAP_OK;
}

static neap_status skip_rows(reading *r) {
  neap__csv_scan *s = &r->scan[0];
  while (s->next_line <= r->options->skip_rows) {
    if (neap__csv_skip_line(s)) continue;
    if (s->eof)
      return neap_fail(NEAP_EFORMAT, "read_csv: %s has %lld lines, but skip_rows is %lld", r->path,
                       (long long)s->next_line - 1, (long long)r->options->skip_rows);
    NEAP_TRY(more_text(r));
  }
  return r->options->skip_rows && !s->eof ? more_text(r) : NEAP_OK; /* a whole line for a guess */
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
    NEAP_TRY(more_text(r));
  }
  if (r->options->no_header) return NEAP_OK;
  in->at = s->at;
  in->line = s->next_line;
  return NEAP_OK;
}

static neap_status open_file(reading *r, const char *path) {
  r->path = path;
  NEAP_TRY(neap__source_open(&r->in.source, path, "read_csv"));
  neap__csv_scan *s = &r->scan[0];
  const neap__wave *w = &r->in.source.now;
  s->path = path;
  s->at = w->begin;
  s->end = w->end;
  s->eof = w->eof;
  s->next_line = 1;
  NEAP_TRY(skip_rows(r));
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
  return number && !b->decimal && !b->thousands && !(b->seen & NEAP__SEEN_BOOL) && !b->stale
             ? b->room
             : 0;
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

/* What is settled by the first value of a column holds within a file. */
static neap_status read_rows(reading *r) {
  for (int i = 1; i < NEAP__CHUNKS; i++) {
    neap__csv_scan *s = &r->scan[i], own = *s;
    *s = r->scan[0];
    s->fields = own.fields;
    s->room = own.room;
    s->scratch = own.scratch;
    s->scratch_room = own.scratch_room;
  }
  for (int64_t i = 0; i < r->count; i++)
    NEAP_TRY(neap__time_reader_init(&r->columns[i].time, r->options));
  r->in.bytes = 0;
  r->in.size = r->files == 1 ? neap_reader_size(r->in.source.reader) : 0;
  return neap__intake_run(&r->in);
}

static neap_status read_file(reading *r, int64_t file) {
  NEAP_TRY(open_file(r, r->paths[file]));
  if (r->columns) NEAP_TRY(same_columns(r));
  else {
    NEAP_TRY(make_columns(r));
    NEAP_TRY(apply_options(r));
    r->in.columns = r->columns;
    r->in.count = r->count;
  }
  int64_t before = r->in.rows;
  NEAP_TRY(read_rows(r));
  r->rows[file] = r->in.rows - before;
  neap__source_close(&r->in.source);
  return NEAP_OK;
}

/* One pass over the files; the first makes the columns, later ones fill those that turned to text.
 */
static neap_status pass(reading *r) {
  r->in.read = read_chunk;
  r->in.context = r;
  r->in.limit = r->options->limited ? r->options->max_rows : INT64_MAX;
  r->in.rows = 0;
  for (int64_t i = 0; i < r->files; i++) NEAP_TRY(read_file(r, i));
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

/* The symbol of each file in each of its rows. */
static neap_status symbol_column(neap_column *out, const reading *r) {
  neap__builder b = {.kind = NEAP_COLUMN_CATEGORY, .declared = true};
  neap_status st = neap__builder_reserve(&b, r->in.rows);
  for (int64_t i = 0; !st && i < r->files; i++) {
    int32_t code = 0;
    st = neap__labels_code(&b.labels, r->symbols[i], strlen(r->symbols[i]), &code);
    for (int64_t k = 0; !st && k < r->rows[i]; k++) ((int32_t *)b.data)[b.count++] = code;
  }
  if (!st) st = neap__builder_finish(&b, out);
  neap__builder_drop(&b);
  out->name = st ? NULL : neap_strndup("symbol", 6);
  return st ? st : out->name ? NEAP_OK : NEAP_ENOMEM;
}

static neap_status finish(neap_table *out, reading *r) {
  const neap_csv_options *o = r->options;
  int64_t count = o->wanted ? o->wanted_count : r->count;
  NEAP_TRY(start_table(out, count + 1));
  out->rows = r->in.rows;
  if (r->symbols) NEAP_TRY(symbol_column(&out->columns[out->count++], r));
  for (int64_t i = 0; i < count; i++) {
    int64_t at = o->wanted ? find(r, o->wanted[i]) : i;
    if (at < 0)
      return neap_fail(NEAP_EARG, "read_csv: column '%s' is asked for twice", o->wanted[i]);
    neap_column *column = &out->columns[out->count++];
    NEAP_TRY(neap__builder_finish(&r->columns[at], column));
    take_name(column, &r->columns[at]);
  }
  return NEAP_OK;
}

static neap_status reading_new(reading **out, const char *const *paths, int64_t files,
                               const neap_csv_options *o) {
  reading *r = neap_calloc_array(1, sizeof *r);
  if (!r) return NEAP_ENOMEM;
  r->rows = neap_calloc_array(files, sizeof *r->rows);
  if (!r->rows) {
    neap_free(r);
    return NEAP_ENOMEM;
  }
  r->paths = paths;
  r->files = files;
  r->options = o;
  *out = r;
  return NEAP_OK;
}

neap_status neap_csv_read_files(neap_table *out, const char *const *paths, int64_t count,
                                const char *const *symbols, const neap_csv_options *o) {
  *out = (neap_table){0};
  reading *r;
  if (count < 1) return neap_fail(NEAP_EARG, "read_csv: no file was given");
  NEAP_TRY(reading_new(&r, paths, count, o));
  r->symbols = symbols;
  neap_status st = read_columns(r);
  if (!st) st = finish(out, r);
  reading_drop(r);
  if (st) neap_table_drop(out);
  return st;
}

neap_status neap_csv_read(neap_table *out, const char *path, const neap_csv_options *o) {
  return neap_csv_read_files(out, &path, 1, NULL, o);
}

neap_status neap_csv_names(neap_table *out, const char *path, const neap_csv_options *o) {
  *out = (neap_table){0};
  reading *r;
  NEAP_TRY(reading_new(&r, &path, 1, o));
  neap_status st = open_file(r, path);
  if (!st) st = make_columns(r);
  if (!st) st = start_table(out, r->count);
  for (int64_t i = 0; !st && i < r->count; i++) {
    take_name(&out->columns[i], &r->columns[i]);
    out->count = i + 1;
  }
  reading_drop(r);
  return st;
}
