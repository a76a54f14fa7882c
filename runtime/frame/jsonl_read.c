/* Reading JSON lines: one object on each line. Strings are read as CSV fields are: "1.5" is a
 * number, "2024-01-02" a time. Lines are whole when they are looked at, and a line end ends every
 * text, so that scanning tests for nothing else. */
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "frame/reading.h"

enum { POLL_EVERY = 1024, MOST_COLUMNS = 1 << 14, LONGEST_LINE = 64 << 20 };

/* What reads one chunk. */
typedef struct {
  neap__labels keys; /* the names of the chunk's columns, by number */
  char *text;        /* a string whose escapes were undone */
  int64_t room;
  const char *line; /* where the current line begins, for its columns in messages */
  int64_t number;   /* of that line */
  const neap__reading *r;
  neap__chunk *chunk;
  bool own_keys;               /* keys has some that only this chunk knew */
  bool strict;                 /* some column must have a value in every line */
  uint32_t seen[MOST_COLUMNS]; /* the last row of the chunk that had the key, from 1 */
} parser;

typedef struct {
  neap__reading r;
  parser parser[NEAP__CHUNKS];
} jsonl;

typedef struct {
  const char *text;
  size_t length;
} piece;

static neap_status wrong(const parser *p, const char *at, const char *what) {
  return neap_fail(NEAP_EFORMAT, "read_jsonl: %s:%lld:%lld: %s", p->r->path, (long long)p->number,
                   (long long)(at - p->line) + 1, what);
}

static const char *skip_spaces(const char *at) {
  while (*at == ' ' || *at == '\t' || *at == '\r') at++;
  return at;
}

/* strings -------------------------------------------------------------------------------------- */

/* Four hexadecimal digits at *at. */
static bool hexadecimal(const char **at, unsigned *v) {
  *v = 0;
  for (int i = 0; i < 4; i++, ++*at) {
    char c = (char)(**at | 32);
    bool digit = **at >= '0' && **at <= '9', letter = c >= 'a' && c <= 'f';
    if (!digit && !letter) return false;
    *v = *v * 16 + (unsigned)(digit ? **at - '0' : c - 'a' + 10);
  }
  return true;
}

static char *put_utf8(char *to, unsigned v) {
  if (v < 0x80) {
    *to++ = (char)v;
    return to;
  }
  int more = v < 0x800 ? 1 : v < 0x10000 ? 2 : 3;
  static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
  *to++ = (char)(lead[more] | v >> 6 * more);
  while (more-- > 0) *to++ = (char)(0x80 | (v >> 6 * more & 0x3F));
  return to;
}

/* The character of \uXXXX, or of two of them, at *at behind the u. NULL, or what is wrong. */
static const char *unicode_escape(const char **at, char **to) {
  unsigned v, low;
  if (!hexadecimal(at, &v)) return "\\u needs four hexadecimal digits";
  if (v == 0) return "a string holds a zero byte (\\u0000)";
  if (v >= 0xDC00 && v < 0xE000) return "the second half of a surrogate pair stands alone";
  if (v >= 0xD800 && v < 0xDC00) {
    if ((*at)[0] != '\\' || (*at)[1] != 'u')
      return "the first half of a surrogate pair stands alone";
    *at += 2;
    if (!hexadecimal(at, &low) || low < 0xDC00 || low >= 0xE000)
      return "the first half of a surrogate pair stands alone";
    v = 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00);
  }
  *to = put_utf8(*to, v);
  return NULL;
}

/* One escape at *at, behind its backslash. */
static const char *escape(const char **at, char **to) {
  static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
  if (**at == 'u') {
    ++*at;
    return unicode_escape(at, to);
  }
  const char *found = **at ? strchr(from, **at) : NULL;
  if (!found) return "an unknown escape";
  *(*to)++ = into[found - from];
  ++*at;
  return NULL;
}

/* The rest of a string, from its first backslash on, into p->text. An escape never grows. */
static neap_status escaped_string(parser *p, const char *from, const char **at, piece *out) {
  const char *end = memchr(*at, '\n', (size_t)(p->chunk->end + 1 - *at));
  if (end - from >= p->room) {
    int64_t room = (end - from) * 2 + 64;
    char *larger = neap_realloc_array(p->text, room, 1);
    if (!larger) return NEAP_ENOMEM;
    p->text = larger;
    p->room = room;
  }
  size_t n = (size_t)(*at - from);
  memcpy(p->text, from, n);
  char *to = p->text + n;
  while (**at != '"') {
    const char *here = *at;
    if ((unsigned char)*here < ' ')
      return wrong(p, here,
                   *here == '\n' ? "the line ends inside a string"
                                 : "a control character in a string must be escaped");
    if (*here != '\\') {
      *to++ = *(*at)++;
      continue;
    }
    ++*at;
    const char *fault = escape(at, &to);
    if (fault) return wrong(p, here, fault);
  }
  *out = (piece){p->text, (size_t)(to - p->text)};
  return NEAP_OK;
}

/* The string whose opening quote is at *at. */
static neap_status string(parser *p, const char **at, piece *out) {
  const char *from = ++*at;
  while (**at != '"' && **at != '\\' && (unsigned char)**at >= ' ') ++*at;
  if (**at == '"') *out = (piece){from, (size_t)(*at - from)};
  else NEAP_TRY(escaped_string(p, from, at, out));
  ++*at;
  return NEAP_OK;
}

/* keys ----------------------------------------------------------------------------------------- */

static bool needs_value(const neap__builder *b) {
  return b->declared && (b->kind == NEAP_COLUMN_BOOL || b->kind == NEAP_COLUMN_INTEGER);
}

static neap_status new_column(parser *p, const char *at, piece key) {
  neap__chunk *c = p->chunk;
  if (c->count >= MOST_COLUMNS) return wrong(p, at, "more than 16384 different keys");
  NEAP_TRY(neap__chunk_add(&p->r->in, c, key.text, key.length));
  neap__builder *b = &c->columns[c->count - 1];
  if (!needs_value(b) || c->rows == 0) return NEAP_OK;
  return neap_fail(NEAP_EFORMAT, "read_jsonl: %s:%lld: column '%s' has no value in earlier lines",
                   p->r->path, (long long)p->number, b->name);
}

/* The column of a key that was not where it stood in the line before. */
static neap_status find_column(parser *p, const char *at, piece key, int64_t *column) {
  int32_t code = 0;
  int64_t known = p->keys.count;
  if (key.length == 0) return wrong(p, at, "a key is empty");
  neap_status st = neap__labels_code(&p->keys, key.text, key.length, &code);
  if (st == NEAP_EFORMAT) return wrong(p, at, "a key is not UTF-8");
  if (st) return st;
  *column = code - 1;
  return p->keys.count > known ? new_column(p, at, key) : NEAP_OK;
}

/* The key at *at; *column comes in as the one to expect. */
static neap_status key(parser *p, const char **at, int64_t *column) {
  const char *from = *at;
  if (*from != '"') return wrong(p, from, "a key in quotes is expected");
  if (*column < p->keys.count) {
    const neap__label *label = &p->keys.label[*column];
    const char *end = from + 1 + label->length;
    if (end < p->chunk->end && *end == '"' &&
        memcmp(from + 1, p->keys.text + label->begin, (size_t)label->length) == 0) {
      *at = end + 1;
      return NEAP_OK;
    }
  }
  piece text;
  NEAP_TRY(string(p, at, &text));
  return find_column(p, from, text, column);
}

/* values --------------------------------------------------------------------------------------- */

/* What JSON forbids in a number that reads as one otherwise; NULL when it is fine. */
static const char *number_fault(const char *at, size_t n) {
  const char *digits = at + (*at == '-'), *point = memchr(at, '.', n);
  if (*digits < '0' || *digits > '9') return "a number begins with a digit";
  if (*digits == '0' && digits[1] >= '0' && digits[1] <= '9') return "a number has a leading zero";
  if (point && (point + 1 == at + n || point[1] < '0' || point[1] > '9'))
    return "a digit must follow the point";
  return NULL;
}

static neap_status add_text(parser *p, neap__builder *b, piece text) {
  neap__place place = {"read_jsonl", p->r->path, p->number};
  if (b->skipped) return NEAP_OK;
  NEAP_TRY(neap__builder_add(b, text.text, text.length, &place, p->r->options));
  b->quick_room = neap__builder_quick_room(b);
  return NEAP_OK;
}

static neap_status number(parser *p, neap__builder *b, const char **at) {
  const char *from = *at;
  double v;
  int64_t whole;
  size_t most = (size_t)(p->chunk->end + NEAP__PAD - from), n = 0;
  bool quick = b->count < b->quick_room;
  if (quick && b->kind == NEAP_COLUMN_INTEGER) n = neap_integer_scan(from, most, &whole);
  bool integer = n && from[n] != '.' && (from[n] | 32) != 'e';
  if (!integer) n = neap_number_scan(from, most, &v);
  const char *fault = n ? number_fault(from, n) : "a value is expected";
  if (fault) return wrong(p, from, fault);
  *at += n;
  if (quick && integer) ((int64_t *)b->data)[b->count++] = whole;
  else if (quick && b->kind == NEAP_COLUMN_NUMBER) ((double *)b->data)[b->count++] = v;
  else return add_text(p, b, (piece){from, n});
  return NEAP_OK;
}

static neap_status word(parser *p, neap__builder *b, const char **at) {
  static const char *const words[] = {"true", "false", "null"};
  for (int i = 0; i < 3; i++) {
    size_t n = strlen(words[i]);
    if (strncmp(*at, words[i], n) != 0) continue;
    *at += n;
    return add_text(p, b, (piece){words[i], i < 2 ? n : 0});
  }
  if (**at == '{' || **at == '[')
    return neap_fail(NEAP_EFORMAT,
                     "read_jsonl: %s:%lld:%lld: the value of '%s' is an %s: nested values are not "
                     "read (flatten them to keys of their own)",
                     p->r->path, (long long)p->number, (long long)(*at - p->line) + 1, b->name,
                     **at == '{' ? "object" : "array");
  return wrong(p, *at, **at == '\n' ? "the line ends before a value" : "a value is expected");
}

static neap_status value(parser *p, neap__builder *b, const char **at) {
  if (**at == '"') {
    piece text;
    NEAP_TRY(string(p, at, &text));
    return add_text(p, b, text);
  }
  if (**at == '-' || (**at >= '0' && **at <= '9')) return number(p, b, at);
  return word(p, b, at);
}

/* lines ---------------------------------------------------------------------------------------- */

static neap_status member(parser *p, const char **at, int64_t *column) {
  neap__chunk *c = p->chunk;
  const char *from = *at;
  NEAP_TRY(key(p, at, column));
  neap__builder *b = &c->columns[*column];
  uint32_t row = (uint32_t)c->rows + 1;
  if (p->seen[*column] == row)
    return neap_fail(NEAP_EFORMAT, "read_jsonl: %s:%lld:%lld: key '%s' stands here twice",
                     p->r->path, (long long)p->number, (long long)(from - p->line) + 1, b->name);
  p->seen[*column] = row;
  *at = skip_spaces(*at);
  if (**at != ':') return wrong(p, *at, "a colon is expected behind a key");
  *at = skip_spaces(*at + 1);
  if (!b->skipped && b->count < c->rows) NEAP_TRY(neap__builder_add_missing(b, c->rows - b->count));
  return value(p, b, at);
}

static neap_status complete(parser *p) {
  neap__chunk *c = p->chunk;
  for (int64_t i = 0; i < c->count; i++)
    if (needs_value(&c->columns[i]) && !c->columns[i].skipped && c->columns[i].count == c->rows)
      return neap_fail(NEAP_EFORMAT, "read_jsonl: %s:%lld: column '%s' has no value here",
                       p->r->path, (long long)p->number, c->columns[i].name);
  return NEAP_OK;
}

static neap_status object(parser *p, const char *at) {
  if (*at != '{') return wrong(p, at, "an object is expected, {...}");
  at = skip_spaces(at + 1);
  bool empty = *at == '}';
  for (int64_t column = 0; !empty; column++) {
    NEAP_TRY(member(p, &at, &column));
    at = skip_spaces(at);
    if (*at == '}') break;
    if (*at != ',')
      return wrong(p, at,
                   *at == '\n' ? "the line ends inside an object" : "a comma or } is expected");
    at = skip_spaces(at + 1);
  }
  at = skip_spaces(at + 1);
  if (*at != '\n') return wrong(p, at, "text follows the object");
  if (p->strict) NEAP_TRY(complete(p));
  p->chunk->rows++;
  return NEAP_OK;
}

/* The names of the columns that are known, as numbers. */
static neap_status number_keys(parser *p) {
  const neap__chunk *c = p->chunk;
  memset(p->seen, 0, sizeof p->seen);
  if (!p->own_keys && p->keys.count == c->known) return NEAP_OK;
  neap__labels_clear(&p->keys);
  p->own_keys = true;
  for (int64_t i = 0; i < c->known; i++) {
    int32_t code;
    NEAP_TRY(neap__labels_code(&p->keys, c->columns[i].name, strlen(c->columns[i].name), &code));
  }
  return NEAP_OK;
}

static neap_status read_lines(parser *p) {
  neap__chunk *c = p->chunk;
  for (int64_t turn = 0; c->at < c->stop && c->rows < c->limit; turn++) {
    if (turn % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    const char *end = memchr(c->at, '\n', (size_t)(c->end - c->at));
    p->line = c->at;
    p->number = c->line;
    if (!end && !c->eof) {
      bool endless = c->end - c->at > LONGEST_LINE;
      return endless ? wrong(p, c->at, "a line is longer than 64 MB") : NEAP_OK;
    }
    const char *first = skip_spaces(c->at);
    if (*first != '\n') NEAP_TRY(object(p, first));
    c->at = end ? end + 1 : c->end;
    c->line++;
  }
  return NEAP_OK;
}

static neap_status read_chunk(neap__intake *in, neap__chunk *c) {
  jsonl *f = in->context;
  parser *p = &f->parser[c->index];
  p->r = &f->r;
  p->chunk = c;
  NEAP_TRY(number_keys(p));
  p->own_keys = true;
  NEAP_TRY(read_lines(p));
  p->own_keys = c->count > c->known;
  for (int64_t i = 0; i < c->count; i++) {
    neap__builder *b = &c->columns[i];
    if (!b->skipped && b->count < c->rows)
      NEAP_TRY(neap__builder_add_missing(b, c->rows - b->count));
  }
  return NEAP_OK;
}

/* ---------------------------------------------------------------------------------------------- */

static neap_status open_file(neap__reading *r) {
  NEAP_TRY(neap__source_open(&r->in.source, r->path, r->operation));
  r->in.at = r->in.source.now.begin;
  r->in.line = 1;
  return NEAP_OK;
}

static void jsonl_drop(jsonl *f) {
  for (int i = 0; i < NEAP__CHUNKS; i++) {
    neap__labels_drop(&f->parser[i].keys);
    neap_free(f->parser[i].text);
  }
  neap__reading_drop(&f->r);
  neap_free(f);
}

neap_status neap_jsonl_read(neap_table *out, const char *const *paths, int64_t count,
                            const char *const *symbols, const neap_csv_options *o) {
  *out = (neap_table){0};
  jsonl *f = neap_calloc_array(1, sizeof *f);
  if (!f) return NEAP_ENOMEM;
  f->r.operation = "read_jsonl";
  f->r.open = open_file;
  f->r.in.read = read_chunk;
  for (int64_t i = 0; i < o->typed_count; i++)
    for (int k = 0; k < NEAP__CHUNKS; k++)
      if (o->kinds[i] == NEAP_COLUMN_BOOL || o->kinds[i] == NEAP_COLUMN_INTEGER)
        f->parser[k].strict = true;
  neap_status st = neap__reading_start(&f->r, paths, count, symbols, o);
  if (!st) st = neap__reading_run(&f->r, out);
  jsonl_drop(f);
  return st;
}
