/* Several files into one table: passes, symbols, and the columns in the order wanted. */
#include "frame/reading.h"

#include <string.h>

#include "base/alloc.h"

enum { MOST_PASSES = 4 };

static neap_status configure_column(const neap__intake *in, neap__builder *b);
static neap_status adopt(neap__intake *in, const char *name);

neap_status neap__reading_start(neap__reading *r, const char *const *paths, int64_t files,
                                const char *const *symbols, const neap_csv_options *o) {
  r->options = o;
  r->paths = paths;
  r->path = files ? paths[0] : "";
  r->files = files;
  r->symbols = symbols;
  r->in.limit = o->limited ? o->max_rows : INT64_MAX;
  r->in.context = r;
  r->in.configure = configure_column;
  r->in.adopt = adopt;
  if (files < 1) return neap_fail(NEAP_EARG, "%s: no file was given", r->operation);
  r->rows = neap_calloc_array(files, sizeof *r->rows);
  return r->rows ? NEAP_OK : NEAP_ENOMEM;
}

void neap__reading_drop(neap__reading *r) {
  for (int64_t i = 0; i < r->in.count; i++) neap__builder_drop(&r->in.columns[i]);
  neap_free(r->in.columns);
  neap_free(r->rows);
  neap__intake_drop(&r->in);
}

/* columns -------------------------------------------------------------------------------------- */

int64_t neap__reading_find(const neap__reading *r, const char *name) {
  for (int64_t i = 0; i < r->in.count; i++)
    if (r->in.columns[i].name && strcmp(r->in.columns[i].name, name) == 0) return i;
  return -1;
}

static bool listed(const char *const *names, int64_t count, const char *name) {
  for (int64_t i = 0; i < count; i++)
    if (strcmp(names[i], name) == 0) return true;
  return false;
}

static neap_status configure(neap__builder *b, const neap_csv_options *o) {
  b->decimal = o->decimal == '.' ? 0 : o->decimal;
  b->thousands = o->thousands;
  b->replace = o->replace_invalid;
  b->skipped = o->wanted && !listed(o->wanted, o->wanted_count, b->name);
  for (int64_t i = 0; i < o->typed_count; i++) {
    if (strcmp(o->typed[i], b->name) != 0) continue;
    b->kind = o->kinds[i];
    b->declared = b->kind != NEAP_COLUMN_AUTO;
  }
  return neap__time_reader_init(&b->time, o);
}

neap_status neap__reading_add(neap__reading *r, const char *name, size_t n) {
  neap__intake *in = &r->in;
  if (in->count == r->room) {
    int64_t room = r->room * 2 + 8;
    neap__builder *larger = neap_realloc_array(in->columns, room, sizeof *larger);
    if (!larger) return NEAP_ENOMEM;
    in->columns = larger;
    r->room = room;
  }
  neap__builder b = {.name = neap_strndup(name, n), .owns_name = true};
  if (!b.name) return NEAP_ENOMEM;
  in->columns[in->count++] = b;
  if (r->symbols && strcmp(b.name, "symbol") == 0)
    return neap_fail(NEAP_EFORMAT,
                     "%s: %s has a column 'symbol' of its own: leave the option symbol out",
                     r->operation, r->path);
  return configure(&in->columns[in->count - 1], r->options);
}

static neap_status configure_column(const neap__intake *in, neap__builder *b) {
  const neap__reading *r = in->context;
  return configure(b, r->options);
}

static neap_status adopt(neap__intake *in, const char *name) {
  neap__reading *r = in->context;
  NEAP_TRY(neap__reading_add(r, name, strlen(name)));
  const neap__builder *b = &in->columns[in->count - 1];
  bool whole = b->declared && (b->kind == NEAP_COLUMN_BOOL || b->kind == NEAP_COLUMN_INTEGER);
  if (!whole || in->rows == 0) return NEAP_OK;
  return neap_fail(NEAP_EFORMAT, "%s: %s: column '%s' has no value in the first row", r->operation,
                   r->path, name);
}

neap_status neap__reading_check_names(const neap__reading *r) {
  const neap_csv_options *o = r->options;
  for (int64_t i = 0; i < o->typed_count + o->wanted_count; i++) {
    const char *name = i < o->typed_count ? o->typed[i] : o->wanted[i - o->typed_count];
    if (neap__reading_find(r, name) < 0)
      return neap_fail(NEAP_EINDEX, "%s: %s has no column '%s'", r->operation, r->path, name);
  }
  return NEAP_OK;
}

/* passes --------------------------------------------------------------------------------------- */

/* What is settled by the first value of a column holds within a file. */
static neap_status read_file(neap__reading *r, int64_t file) {
  neap__intake *in = &r->in;
  r->path = r->paths[file];
  NEAP_TRY(r->open(r));
  for (int64_t i = 0; i < in->count; i++)
    NEAP_TRY(neap__time_reader_init(&in->columns[i].time, r->options));
  int64_t before = in->rows;
  in->bytes = 0;
  in->rows_of_others = before;
  NEAP_TRY(neap__intake_run(in));
  r->rows[file] = in->rows - before;
  neap__source_close(&in->source);
  return NEAP_OK;
}

static bool rewind_stale(neap__intake *in) {
  bool any = false;
  for (int64_t i = 0; i < in->count; i++) {
    neap__builder *b = &in->columns[i];
    b->done = !b->stale;
    any = any || b->stale;
    if (b->stale) neap__builder_rewind(b);
  }
  return any;
}

/* The first pass makes the columns, later ones fill those that turned to text. */
static neap_status read_columns(neap__reading *r) {
  int64_t rows = 0, columns = 0;
  for (int i = 0; i < MOST_PASSES; i++) {
    r->in.rows = 0;
    for (int64_t k = 0; k < r->files; k++) NEAP_TRY(read_file(r, k));
    if (i > 0 && (r->in.rows != rows || r->in.count != columns)) break;
    rows = r->in.rows;
    columns = r->in.count;
    if (!rewind_stale(&r->in)) return NEAP_OK;
  }
  return neap_fail(NEAP_EFORMAT, "%s: %s changes while it is read", r->operation, r->path);
}

/* table ---------------------------------------------------------------------------------------- */

/* The symbol of each file in each of its rows. */
static neap_status symbol_column(neap_column *out, const neap__reading *r) {
  neap__builder b = {.kind = NEAP_COLUMN_CATEGORY, .declared = true, .owns_name = true};
  b.name = neap_strndup("symbol", 6);
  neap_status st = b.name ? neap__builder_reserve(&b, r->in.rows) : NEAP_ENOMEM;
  for (int64_t i = 0; !st && i < r->files; i++) {
    int32_t code = 0;
    st = neap__labels_code(&b.labels, r->symbols[i], strlen(r->symbols[i]), &code);
    for (int64_t k = 0; !st && k < r->rows[i]; k++) ((int32_t *)b.data)[b.count++] = code;
  }
  if (!st) st = neap__builder_finish(&b, out);
  neap__builder_drop(&b);
  return st;
}

static neap_status take_columns(neap_table *out, neap__reading *r) {
  const neap_csv_options *o = r->options;
  int64_t count = o->wanted ? o->wanted_count : r->in.count;
  out->columns = neap_calloc_array(count + 1, sizeof *out->columns);
  if (!out->columns) return NEAP_ENOMEM;
  out->rows = r->in.rows;
  if (r->symbols) NEAP_TRY(symbol_column(&out->columns[out->count++], r));
  for (int64_t i = 0; i < count; i++) {
    if (o->wanted && listed(o->wanted, i, o->wanted[i]))
      return neap_fail(NEAP_EARG, "%s: column '%s' is asked for twice", r->operation, o->wanted[i]);
    neap__builder *b = &r->in.columns[o->wanted ? neap__reading_find(r, o->wanted[i]) : i];
    NEAP_TRY(neap__builder_finish(b, &out->columns[out->count++]));
  }
  return NEAP_OK;
}

neap_status neap__reading_run(neap__reading *r, neap_table *out) {
  NEAP_TRY(read_columns(r));
  NEAP_TRY(neap__reading_check_names(r));
  neap_status st = take_columns(out, r);
  if (st) neap_table_drop(out);
  return st;
}
