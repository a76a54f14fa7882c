/* Columns that grow field by field, and change their minds: unknown, then bool, integer, number,
 * time or text as the values demand. Integers become numbers where they lie; whatever becomes text
 * has lost its spelling, so the column is marked stale and the file is read once more. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/number.h"
#include "frame/csv.h"

enum { FIRST_ROOM = 64 }; /* rows: small, since a file may have a million columns */

/* dictionary ----------------------------------------------------------------------------------- */

static uint64_t hash_text(const char *text, size_t n) {
  uint64_t h = 1469598103934665603u; /* FNV-1a */
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)text[i]) * 1099511628211u;
  return h ^ h >> 32;
}

static void place(neap__dictionary *d, int64_t code) {
  const char *label = d->label[code - 1];
  uint64_t mask = (uint64_t)d->slots - 1, at = hash_text(label, strlen(label)) & mask;
  while (d->slot[at]) at = (at + 1) & mask;
  d->slot[at] = (int32_t)code;
}

static neap_status dictionary_grow(neap__dictionary *d) {
  int64_t room = d->room ? d->room * 2 : 16;
  char **label = neap_realloc_array(d->label, room, sizeof *label);
  if (!label) return NEAP_ENOMEM;
  d->label = label;
  d->room = room;
  int32_t *slot = neap_calloc_array(room * 2, sizeof *slot);
  if (!slot) return NEAP_ENOMEM;
  neap_free(d->slot);
  d->slot = slot;
  d->slots = room * 2;
  for (int64_t code = 1; code <= d->count; code++) place(d, code);
  return NEAP_OK;
}

static neap_status dictionary_code(neap__dictionary *d, const char *text, size_t n, int32_t *code) {
  if (d->count >= d->room || !d->slot) NEAP_TRY(dictionary_grow(d));
  uint64_t mask = (uint64_t)d->slots - 1, at = hash_text(text, n) & mask;
  for (; d->slot[at]; at = (at + 1) & mask) {
    const char *label = d->label[d->slot[at] - 1];
    if (strncmp(label, text, n) == 0 && label[n] == 0) {
      *code = d->slot[at];
      return NEAP_OK;
    }
  }
  if (d->count == INT32_MAX) return neap_fail(NEAP_EVALUE, "more than 2^31 categories");
  char *copy = neap_strndup(text, n);
  if (!copy) return NEAP_ENOMEM;
  d->label[d->count++] = copy;
  *code = d->slot[at] = (int32_t)d->count;
  return NEAP_OK;
}

static void dictionary_drop(neap__dictionary *d) {
  for (int64_t i = 0; i < d->count; i++) neap_free(d->label[i]);
  neap_free(d->label);
  neap_free(d->slot);
  *d = (neap__dictionary){0};
}

/* storage -------------------------------------------------------------------------------------- */

static neap_dtype dtype_of(neap_column_kind kind) {
  switch (kind) {
  case NEAP_COLUMN_BOOL: return NEAP_BOOL;
  case NEAP_COLUMN_INTEGER:
  case NEAP_COLUMN_TIME: return NEAP_I64;
  case NEAP_COLUMN_CATEGORY: return NEAP_I32;
  default: return NEAP_F64;
  }
}

static size_t width(neap_column_kind kind) { return neap_dtype_size(dtype_of(kind)); }

/* Room for one more element of the kind; a column that is still unknown stores nothing. */
static neap_status reserve(neap__builder *b) {
  if (b->kind == NEAP_COLUMN_AUTO || b->count < b->room) return NEAP_OK;
  int64_t room = b->room < FIRST_ROOM ? FIRST_ROOM : b->room + b->room / 2;
  void *larger = neap_realloc_array(b->data, room, width(b->kind));
  if (!larger) return NEAP_ENOMEM;
  b->data = larger;
  b->room = room;
  return NEAP_OK;
}

static void store_missing(neap__builder *b, int64_t at) {
  switch (b->kind) {
  case NEAP_COLUMN_TIME: ((int64_t *)b->data)[at] = NEAP_NAT; break;
  case NEAP_COLUMN_CATEGORY: ((int32_t *)b->data)[at] = 0; break;
  case NEAP_COLUMN_NUMBER: ((double *)b->data)[at] = NAN; break;
  default: break;
  }
}

/* From unknown to kind: the rows so far were all missing. */
static neap_status decide(neap__builder *b, neap_column_kind kind) {
  bool holds_missing = kind != NEAP_COLUMN_INTEGER && kind != NEAP_COLUMN_BOOL;
  b->kind = b->count > 0 && !holds_missing ? NEAP_COLUMN_NUMBER : kind;
  b->stale = kind == NEAP_COLUMN_CATEGORY && b->saw_words;
  b->room = b->count + FIRST_ROOM;
  b->data = neap_alloc_array(b->room, width(b->kind));
  if (!b->data) return NEAP_ENOMEM;
  for (int64_t i = 0; i < b->count; i++) store_missing(b, i);
  return NEAP_OK;
}

/* Bool and integer columns as numbers. */
static neap_status widen(neap__builder *b) {
  double *wide = neap_alloc_array(b->room, sizeof *wide);
  if (!wide) return NEAP_ENOMEM;
  for (int64_t i = 0; i < b->count; i++)
    wide[i] =
        b->kind == NEAP_COLUMN_INTEGER ? (double)((int64_t *)b->data)[i] : ((uint8_t *)b->data)[i];
  neap_free(b->data);
  b->data = wide;
  b->kind = NEAP_COLUMN_NUMBER;
  return NEAP_OK;
}

/* fields --------------------------------------------------------------------------------------- */

static bool same_word(const neap__field *f, const char *word) {
  size_t i = 0;
  for (; i < f->length && word[i]; i++) {
    char c = f->text[i];
    if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != word[i]) return false;
  }
  return i == f->length && !word[i];
}

static bool is_user_missing(const neap__field *f, const neap_csv_options *o) {
  for (int64_t i = 0; i < o->missing_count; i++)
    if (strlen(o->missing[i]) == f->length && memcmp(o->missing[i], f->text, f->length) == 0)
      return true;
  return false;
}

static bool is_missing_word(const neap__field *f) {
  static const char *const words[] = {"na", "n/a", "nan", "null", "none"};
  if (f->length < 2 || f->length > 4) return false;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (same_word(f, words[i])) return true;
  return false;
}

static bool parse_bool(const neap__field *f, uint8_t *v) {
  *v = same_word(f, "true");
  return *v || same_word(f, "false");
}

static neap_column_kind kind_of(const neap__field *f) {
  uint8_t flag;
  int64_t whole;
  double number;
  if (neap_integer_parse(f->text, f->length, &whole)) return NEAP_COLUMN_INTEGER;
  if (neap_number_parse(f->text, f->length, &number)) return NEAP_COLUMN_NUMBER;
  if (parse_bool(f, &flag)) return NEAP_COLUMN_BOOL;
  return neap__time_plausible(f->text, f->length) ? NEAP_COLUMN_TIME : NEAP_COLUMN_CATEGORY;
}

static neap_status refuse(const neap__builder *b, const neap__field *f, const neap__csv_scan *s,
                          const char *what) {
  bool clipped = f->length > 60;
  return neap_fail(NEAP_EFORMAT, "read_csv: %s:%lld: column '%s': '%.*s%s' %s", s->path,
                   (long long)s->line, b->name, clipped ? 60 : (int)f->length, f->text,
                   clipped ? "..." : "", what);
}

static const char *what_it_is_not(neap_column_kind kind) {
  return kind == NEAP_COLUMN_BOOL      ? "is neither true nor false"
         : kind == NEAP_COLUMN_INTEGER ? "is not an integer of 64 bits"
                                       : "is not a number";
}

/* The field does not fit the kind. */
static neap_status misfit(neap__builder *b, const neap__field *f, const neap__csv_scan *s,
                          const char *what) {
  if (b->declared) return refuse(b, f, s, what);
  b->kind = NEAP_COLUMN_CATEGORY;
  b->stale = true;
  return NEAP_OK;
}

static neap_status add_missing(neap__builder *b, const neap__field *f, const neap__csv_scan *s) {
  if (b->kind == NEAP_COLUMN_BOOL || b->kind == NEAP_COLUMN_INTEGER) {
    if (b->declared) return refuse(b, f, s, what_it_is_not(b->kind));
    NEAP_TRY(widen(b));
  }
  NEAP_TRY(reserve(b));
  store_missing(b, b->count++);
  return NEAP_OK;
}

static neap_status add_time(neap__builder *b, const neap__field *f, const neap__csv_scan *s) {
  int64_t ns;
  const char *wrong = neap__time_read(&b->time, f->text, f->length, &ns);
  if (wrong) return misfit(b, f, s, wrong);
  ((int64_t *)b->data)[b->count++] = ns;
  return NEAP_OK;
}

static neap_status add_number(neap__builder *b, const neap__field *f, const neap__csv_scan *s) {
  double v;
  if (!neap_number_parse(f->text, f->length, &v)) return misfit(b, f, s, what_it_is_not(b->kind));
  ((double *)b->data)[b->count++] = v;
  return NEAP_OK;
}

static neap_status add_integer(neap__builder *b, const neap__field *f, const neap__csv_scan *s) {
  int64_t v;
  if (neap_integer_parse(f->text, f->length, &v)) {
    ((int64_t *)b->data)[b->count++] = v;
    return NEAP_OK;
  }
  double number;
  if (b->declared || !neap_number_parse(f->text, f->length, &number))
    return misfit(b, f, s, what_it_is_not(NEAP_COLUMN_INTEGER));
  NEAP_TRY(widen(b));
  return add_number(b, f, s);
}

static neap_status add_bool(neap__builder *b, const neap__field *f, const neap__csv_scan *s) {
  uint8_t v;
  if (!parse_bool(f, &v)) return misfit(b, f, s, what_it_is_not(NEAP_COLUMN_BOOL));
  ((uint8_t *)b->data)[b->count++] = v;
  return NEAP_OK;
}

static neap_status add_category(neap__builder *b, const neap__field *f) {
  int32_t code = 0;
  NEAP_TRY(dictionary_code(&b->labels, f->text, f->length, &code));
  ((int32_t *)b->data)[b->count++] = code;
  return NEAP_OK;
}

neap_status neap__builder_add(neap__builder *b, const neap__field *f, const neap__csv_scan *s,
                              const neap_csv_options *o) {
  if (b->stale) return NEAP_OK;
  bool word = b->kind != NEAP_COLUMN_CATEGORY && is_missing_word(f);
  if (word) b->saw_words = true;
  if (f->length == 0 || word || is_user_missing(f, o)) return add_missing(b, f, s);
  if (b->kind == NEAP_COLUMN_AUTO) NEAP_TRY(decide(b, kind_of(f)));
  NEAP_TRY(reserve(b));
  switch (b->kind) {
  case NEAP_COLUMN_BOOL: return add_bool(b, f, s);
  case NEAP_COLUMN_INTEGER: return add_integer(b, f, s);
  case NEAP_COLUMN_TIME: return add_time(b, f, s);
  case NEAP_COLUMN_CATEGORY: return add_category(b, f);
  default: return add_number(b, f, s);
  }
}

/* endings -------------------------------------------------------------------------------------- */

void neap__builder_rewind(neap__builder *b) {
  neap_free(b->data);
  dictionary_drop(&b->labels);
  b->data = NULL;
  b->count = b->room = 0;
  b->stale = b->saw_words = b->time.any = false;
}

void neap__builder_drop(neap__builder *b) {
  neap__builder_rewind(b);
  neap_free(b->name);
  b->name = NULL;
}

static void release(neap_storage *s) { neap_free(s->data); }

neap_status neap__builder_finish(neap__builder *b, neap_column *out) {
  if (b->kind == NEAP_COLUMN_AUTO) NEAP_TRY(decide(b, NEAP_COLUMN_NUMBER));
  NEAP_TRY(reserve(b));
  void *exact = neap_realloc_array(b->data, b->count, width(b->kind));
  if (!exact) return NEAP_ENOMEM;
  b->data = exact;
  b->room = b->count;
  NEAP_TRY(neap_tensor_wrap(&out->values, dtype_of(b->kind), 1, &b->count, exact, release, NULL));
  b->data = NULL;
  out->kind = b->kind;
  out->name = b->name;
  b->name = NULL;
  out->labels = b->labels.label;
  out->label_count = b->labels.count;
  b->labels.label = NULL;
  b->labels.count = 0;
  return NEAP_OK;
}
