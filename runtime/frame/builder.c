/* Columns that grow value by value: unknown, then bool, integer, number, time or text as the
 * classes of their values demand. Integers become numbers where they lie; whatever becomes text has
 * lost its spelling, so the builder is marked stale and its text is read once more. */
#include "frame/builder.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/number.h"
#include "base/text.h"

enum {
  FIRST_ROOM = 16, /* rows: small, since a file may have a million columns */
  LONGEST_NUMBER = 128
};

/* storage -------------------------------------------------------------------------------------- */

neap_column_kind neap__kind_of(unsigned seen) {
  bool gaps = (seen & (NEAP__SEEN_MISSING | NEAP__SEEN_WORD)) != 0;
  switch (seen & ~(unsigned)(NEAP__SEEN_MISSING | NEAP__SEEN_WORD)) {
  case 0: return NEAP_COLUMN_AUTO;
  case NEAP__SEEN_BOOL: return gaps ? NEAP_COLUMN_NUMBER : NEAP_COLUMN_BOOL;
  case NEAP__SEEN_INTEGER: return gaps ? NEAP_COLUMN_NUMBER : NEAP_COLUMN_INTEGER;
  case NEAP__SEEN_NUMBER:
  case NEAP__SEEN_NUMBER | NEAP__SEEN_INTEGER: return NEAP_COLUMN_NUMBER;
  case NEAP__SEEN_TIME: return NEAP_COLUMN_TIME;
  default: return NEAP_COLUMN_CATEGORY;
  }
}

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

/* A column that is still unknown stores nothing. */
neap_status neap__builder_reserve(neap__builder *b, int64_t n) {
  if (b->kind == NEAP_COLUMN_AUTO || n <= b->room) return NEAP_OK;
  int64_t room = n < FIRST_ROOM ? FIRST_ROOM : n;
  void *larger = neap_realloc_array(b->data, room, width(b->kind));
  if (!larger) return NEAP_ENOMEM;
  b->data = larger;
  b->room = room;
  return NEAP_OK;
}

static neap_status one_more(neap__builder *b) {
  return b->count < b->room ? NEAP_OK : neap__builder_reserve(b, b->count + 1 + b->count / 2);
}

static void store_missing(neap__builder *b, int64_t from, int64_t to) {
  for (int64_t i = from; i < to; i++) switch (b->kind) {
    case NEAP_COLUMN_TIME: ((int64_t *)b->data)[i] = NEAP_NAT; break;
    case NEAP_COLUMN_CATEGORY: ((int32_t *)b->data)[i] = 0; break;
    case NEAP_COLUMN_NUMBER: ((double *)b->data)[i] = NAN; break;
    default: break;
    }
}

/* From unknown to a kind: the rows so far were all missing. */
static neap_status decide(neap__builder *b, neap_column_kind kind) {
  neap__builder as_was = *b;
  b->kind = kind;
  neap_free(b->data); /* of another width, from before */
  b->data = NULL;
  b->room = 0;
  neap_status st = neap__builder_reserve(b, b->count + FIRST_ROOM);
  if (st) {
    b->kind = as_was.kind;
    return st;
  }
  store_missing(b, 0, b->count);
  return NEAP_OK;
}

/* n bools or integers as numbers. */
static void to_numbers(double *to, const neap__builder *from) {
  const int64_t *whole = from->data;
  const uint8_t *flag = from->data;
  if (from->kind == NEAP_COLUMN_INTEGER)
    for (int64_t i = 0; i < from->count; i++) to[i] = (double)whole[i];
  else
    for (int64_t i = 0; i < from->count; i++) to[i] = flag[i];
}

static neap_status widen(neap__builder *b) {
  double *wide = neap_alloc_array(b->room, sizeof *wide);
  if (!wide) return NEAP_ENOMEM;
  to_numbers(wide, b);
  neap_free(b->data);
  b->data = wide;
  b->kind = NEAP_COLUMN_NUMBER;
  return NEAP_OK;
}

neap_status neap__builder_become(neap__builder *b, unsigned seen) {
  if (b->declared || b->stale || (b->seen | seen) == b->seen) return NEAP_OK;
  seen |= b->seen;
  neap_column_kind kind = neap__kind_of(seen);
  if (kind == NEAP_COLUMN_CATEGORY && neap__holds_values(b->kind, seen)) b->stale = true;
  else if (b->kind == NEAP_COLUMN_AUTO && kind != b->kind) NEAP_TRY(decide(b, kind));
  else if (kind != b->kind) NEAP_TRY(widen(b));
  b->seen = seen;
  return NEAP_OK;
}

/* words ---------------------------------------------------------------------------------------- */

static bool same_word(const char *text, size_t n, const char *word) {
  size_t i = 0;
  for (; i < n && word[i]; i++) {
    char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != word[i]) return false;
  }
  return i == n && !word[i];
}

static bool is_user_missing(const char *text, size_t n, const neap_csv_options *o) {
  for (int64_t i = 0; i < o->missing_count; i++)
    if (strlen(o->missing[i]) == n && memcmp(o->missing[i], text, n) == 0) return true;
  return false;
}

static bool is_missing_word(const char *text, size_t n) {
  static const char *const words[] = {"na", "n/a", "nan", "nat", "null", "none"};
  if (n < 2 || n > 4 || (text[0] | 32) != 'n') return false;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (same_word(text, n, words[i])) return true;
  return false;
}

static bool parse_bool(const char *text, size_t n, uint8_t *v) {
  *v = same_word(text, n, "true");
  return *v || same_word(text, n, "false");
}

static bool parse_integer(const neap__builder *b, const char *text, size_t n, int64_t *v) {
  char plain[LONGEST_NUMBER];
  if (!b->decimal && !b->thousands) return neap_integer_parse(text, n, v);
  n = neap__number_rewrite(plain, sizeof plain, text, n, b->decimal, b->thousands);
  return neap_integer_parse(plain, n, v);
}

static bool parse_number(const neap__builder *b, const char *text, size_t n, double *v) {
  char plain[LONGEST_NUMBER];
  if (!b->decimal && !b->thousands) return neap_number_parse(text, n, v);
  n = neap__number_rewrite(plain, sizeof plain, text, n, b->decimal, b->thousands);
  return neap_number_parse(plain, n, v);
}

static unsigned class_of(const neap__builder *b, const char *text, size_t n) {
  uint8_t flag;
  int64_t whole;
  double number;
  if (parse_integer(b, text, n, &whole)) return NEAP__SEEN_INTEGER;
  if (parse_number(b, text, n, &number)) return NEAP__SEEN_NUMBER;
  if (parse_bool(text, n, &flag)) return NEAP__SEEN_BOOL;
  return neap__time_plausible(text, n) ? NEAP__SEEN_TIME : NEAP__SEEN_TEXT;
}

/* values --------------------------------------------------------------------------------------- */

static neap_status refuse(const neap__builder *b, const char *text, size_t n, const neap__place *at,
                          const char *what) {
  bool clipped = n > 60;
  return neap_fail(NEAP_EFORMAT, "%s: %s:%lld: column '%s': '%.*s%s' %s", at->operation, at->path,
                   (long long)at->line, b->name, clipped ? 60 : (int)n, text, clipped ? "..." : "",
                   what);
}

static const char *what_it_is_not(neap_column_kind kind) {
  return kind == NEAP_COLUMN_BOOL      ? "is neither true nor false"
         : kind == NEAP_COLUMN_INTEGER ? "is not an integer of 64 bits"
                                       : "is not a number";
}

neap_status neap__builder_add_missing(neap__builder *b, int64_t rows) {
  if (b->stale || rows == 0) return NEAP_OK;
  NEAP_TRY(neap__builder_become(b, NEAP__SEEN_MISSING));
  if (b->count + rows > b->room) NEAP_TRY(neap__builder_reserve(b, b->count * 3 / 2 + rows));
  store_missing(b, b->count, b->count + rows);
  b->count += rows;
  return NEAP_OK;
}

static neap_status refuse_bytes(const neap__builder *b, unsigned char byte, const neap__place *at) {
  return neap_fail(NEAP_EFORMAT,
                   "%s: %s:%lld: column '%s': byte 0x%02x is not UTF-8 (invalid = 'replace' makes "
                   "it U+FFFD)",
                   at->operation, at->path, (long long)at->line, b->name, byte);
}

/* The label with U+FFFD for each byte that is not UTF-8. */
static neap_status code_of_mended(neap__builder *b, const char *text, size_t n, int32_t *code) {
  neap_text mended = {0};
  for (const char *bad; (bad = neap__not_utf8(text, n)) != NULL;) {
    neap_text_add(&mended, text, (size_t)(bad - text));
    neap_text_put(&mended, "\xef\xbf\xbd");
    n -= (size_t)(bad + 1 - text);
    text = bad + 1;
  }
  neap_text_add(&mended, text, n);
  neap_status st =
      mended.failed ? NEAP_ENOMEM : neap__labels_code(&b->labels, mended.data, mended.n, code);
  neap_text_drop(&mended);
  return st;
}

static neap_status add_category(neap__builder *b, const char *text, size_t n,
                                const neap__place *at) {
  int32_t code = 0;
  neap_status st = neap__labels_code(&b->labels, text, n, &code);
  if (st == NEAP_EFORMAT) {
    if (!b->replace) return refuse_bytes(b, (unsigned char)*neap__not_utf8(text, n), at);
    st = code_of_mended(b, text, n, &code);
  }
  if (st) return st;
  ((int32_t *)b->data)[b->count++] = code;
  return NEAP_OK;
}

/* NULL, or what is wrong with the text. */
static const char *store(neap__builder *b, const char *text, size_t n) {
  uint8_t flag;
  int64_t whole;
  double number;
  const char *wrong = NULL;
  bool bools = b->seen & NEAP__SEEN_BOOL;
  switch (b->kind) {
  case NEAP_COLUMN_BOOL:
    if (!parse_bool(text, n, &flag)) return what_it_is_not(b->kind);
    ((uint8_t *)b->data)[b->count] = flag;
    break;
  case NEAP_COLUMN_INTEGER:
    if (!parse_integer(b, text, n, &whole)) return what_it_is_not(b->kind);
    ((int64_t *)b->data)[b->count] = whole;
    break;
  case NEAP_COLUMN_TIME:
    if (!b->declared && !neap__time_plausible(text, n)) return "";
    wrong = neap__time_read(&b->time, text, n, &whole);
    if (wrong) return wrong;
    ((int64_t *)b->data)[b->count] = whole;
    break;
  default:
    if (bools && parse_bool(text, n, &flag)) number = flag;
    else if (bools || !parse_number(b, text, n, &number)) return what_it_is_not(b->kind);
    ((double *)b->data)[b->count] = number;
  }
  b->count++;
  return NULL;
}

/* The text is not of the kind: the column learns the class it has. */
static neap_status misfit(neap__builder *b, const char *text, size_t n, const neap__place *at,
                          const char *what) {
  if (b->declared) return refuse(b, text, n, at, what);
  unsigned class = class_of(b, text, n);
  if (b->kind == NEAP_COLUMN_TIME && class == NEAP__SEEN_TIME) class = NEAP__SEEN_TEXT;
  NEAP_TRY(neap__builder_become(b, class));
  if (b->stale) return NEAP_OK;
  NEAP_TRY(one_more(b));
  if (b->kind == NEAP_COLUMN_CATEGORY) return add_category(b, text, n, at);
  what = store(b, text, n);
  return what ? misfit(b, text, n, at, what) : NEAP_OK;
}

static neap_status add_nothing(neap__builder *b, const char *text, size_t n, bool word,
                               const neap__place *at) {
  if (b->declared && (b->kind == NEAP_COLUMN_BOOL || b->kind == NEAP_COLUMN_INTEGER))
    return refuse(b, text, n, at, what_it_is_not(b->kind));
  if (word) NEAP_TRY(neap__builder_become(b, NEAP__SEEN_WORD));
  return neap__builder_add_missing(b, 1);
}

neap_status neap__builder_add(neap__builder *b, const char *text, size_t n, const neap__place *at,
                              const neap_csv_options *o) {
  if (b->stale) return NEAP_OK;
  bool word = b->kind != NEAP_COLUMN_CATEGORY && is_missing_word(text, n);
  if (n == 0 || word || (o->missing_count && is_user_missing(text, n, o)))
    return add_nothing(b, text, n, word, at);
  if (b->kind == NEAP_COLUMN_AUTO) return misfit(b, text, n, at, "");
  NEAP_TRY(one_more(b));
  if (b->kind == NEAP_COLUMN_CATEGORY) return add_category(b, text, n, at);
  const char *wrong = store(b, text, n);
  return wrong ? misfit(b, text, n, at, wrong) : NEAP_OK;
}

int64_t neap__builder_quick_room(const neap__builder *b) {
  bool number = b->kind == NEAP_COLUMN_NUMBER || b->kind == NEAP_COLUMN_INTEGER;
  bool plain = !b->decimal && !b->thousands && !(b->seen & NEAP__SEEN_BOOL);
  return number && plain && !b->stale && !b->skipped ? b->room : 0;
}

/* parts ---------------------------------------------------------------------------------------- */

static neap_status append_labels(neap__builder *b, const neap__builder *part) {
  int32_t *code = neap_alloc_array(part->labels.count + 1, sizeof *code);
  if (!code) return NEAP_ENOMEM;
  code[0] = 0;
  neap_status st = NEAP_OK;
  for (int64_t i = 0; !st && i < part->labels.count; i++) {
    const neap__label *label = &part->labels.label[i];
    st = neap__labels_code(&b->labels, part->labels.text + label->begin, (size_t)label->length,
                           &code[i + 1]);
  }
  const int32_t *from = part->data;
  int32_t *to = (int32_t *)b->data + b->count;
  for (int64_t i = 0; !st && i < part->count; i++) to[i] = code[from[i]];
  neap_free(code);
  return st;
}

neap_status neap__builder_append(neap__builder *b, const neap__builder *part) {
  if (b->stale) return NEAP_OK;
  if (part->kind == NEAP_COLUMN_AUTO) {
    if (b->kind != NEAP_COLUMN_AUTO) {
      NEAP_TRY(neap__builder_reserve(b, b->count + part->count));
      store_missing(b, b->count, b->count + part->count);
    }
    b->count += part->count;
    return NEAP_OK;
  }
  NEAP_TRY(neap__builder_reserve(b, b->count + part->count));
  if (b->kind == NEAP_COLUMN_CATEGORY) NEAP_TRY(append_labels(b, part));
  else if (b->kind != part->kind) to_numbers((double *)b->data + b->count, part);
  else if (part->count)
    memcpy((char *)b->data + (size_t)b->count * width(b->kind), part->data,
           (size_t)part->count * width(b->kind));
  b->count += part->count;
  return NEAP_OK;
}

void neap__builder_begin(neap__builder *b, const neap__builder *like, unsigned seen) {
  size_t bytes = b->data ? (size_t)b->room * width(b->kind) : 0;
  if (b->owns_name) neap_free((char *)(uintptr_t)b->name);
  b->owns_name = false;
  b->name = like->name;
  b->seen = like->seen | seen;
  b->kind = like->declared ? like->kind : neap__kind_of(b->seen);
  b->declared = like->declared;
  b->decimal = like->decimal;
  b->thousands = like->thousands;
  b->replace = like->replace;
  b->skipped = like->skipped || like->done; /* stale: read as text, for the sake of its faults */
  b->stale = false;
  b->time = like->time;
  b->time.blind = true;
  b->time.any = b->time.guessed = false;
  b->count = b->quick_room = 0;
  b->room = b->kind == NEAP_COLUMN_AUTO ? 0 : (int64_t)(bytes / width(b->kind));
  neap__labels_clear(&b->labels);
}

/* endings -------------------------------------------------------------------------------------- */

static void forget(neap__builder *b) {
  neap_free(b->data);
  neap__labels_drop(&b->labels);
  b->data = NULL;
  b->count = b->room = 0;
}

void neap__builder_rewind(neap__builder *b) {
  forget(b);
  b->seen |= b->coming;
  if (!b->declared) b->kind = neap__kind_of(b->seen);
  b->stale = b->time.any = false;
}

void neap__builder_drop(neap__builder *b) {
  forget(b);
  if (b->owns_name) neap_free((char *)(uintptr_t)b->name);
  b->owns_name = false;
  b->name = NULL;
}

static void release(neap_storage *s) { neap_free(s->data); }

/* Each label as a text of its own. */
static neap_status split_labels(const neap__labels *d, neap_column *out) {
  if (d->count == 0) return NEAP_OK;
  out->labels = neap_calloc_array(d->count, sizeof *out->labels);
  if (!out->labels) return NEAP_ENOMEM;
  for (; out->label_count < d->count; out->label_count++) {
    const neap__label *label = &d->label[out->label_count];
    char *text = neap_strndup(d->text + label->begin, (size_t)label->length);
    if (!text) return NEAP_ENOMEM;
    out->labels[out->label_count] = text;
  }
  return NEAP_OK;
}

neap_status neap__builder_finish(neap__builder *b, neap_column *out) {
  if (b->kind == NEAP_COLUMN_AUTO) NEAP_TRY(decide(b, NEAP_COLUMN_NUMBER));
  NEAP_TRY(split_labels(&b->labels, out));
  out->kind = b->kind;
  if (!b->data || b->room - b->count > b->count / 8) { /* else the rest is not worth a copy */
    void *exact = neap_realloc_array(b->data, b->count, width(b->kind));
    if (!exact) return NEAP_ENOMEM;
    b->data = exact;
    b->room = b->count;
  }
  NEAP_TRY(neap_tensor_wrap(&out->values, dtype_of(b->kind), 1, &b->count, b->data, release, NULL));
  b->data = NULL;
  if (b->owns_name) out->name = (char *)(uintptr_t)b->name;
  b->owns_name = false;
  neap__builder_drop(b);
  return NEAP_OK;
}
