/* Records of a CSV file. A buffer holds the unread bytes; a record is split where it lies, and when
 * the buffer ends inside it, more is read and the record is split again from its start. One byte
 * behind the last is always '\n', so that the inner loop tests nothing but a table. */
#include <string.h>

#include "base/alloc.h"
#include "frame/csv.h"

enum { FIRST_BUFFER = 256 << 10, LARGEST_BUFFER = 64 << 20, LONGEST_FIELD = 1 << 20 };

static neap_status broken(const neap__csv_scan *s, const char *what) {
  return neap_fail(NEAP_EFORMAT, "read_csv: %s:%lld: field %lld: %s", s->path, (long long)s->line,
                   (long long)s->count + 1, what);
}

/* Move the unread bytes to the front, make room when the buffer is full, and read on. */
static neap_status refill(neap__csv_scan *s) {
  if (s->begin > 0) {
    memmove(s->buffer, s->buffer + s->begin, s->end - s->begin);
    s->end -= s->begin;
    s->begin = 0;
  }
  if (s->end == s->capacity) {
    if (s->capacity >= LARGEST_BUFFER)
      return neap_fail(NEAP_EFORMAT,
                       "read_csv: %s:%lld: row is longer than %d MB; is a quote open?", s->path,
                       (long long)s->line, LARGEST_BUFFER >> 20);
    char *larger = neap_realloc_array(s->buffer, (int64_t)s->capacity * 2 + 1, 1);
    if (!larger) return NEAP_ENOMEM;
    s->buffer = larger;
    s->capacity *= 2;
  }
  size_t got = 0;
  NEAP_TRY(neap_reader_read(s->reader, s->buffer + s->end, s->capacity - s->end, &got));
  s->end += got;
  s->eof = got == 0;
  s->buffer[s->end] = '\n';
  return NEAP_OK;
}

static neap_status add_field(neap__csv_scan *s, const char *from, const char *to, bool quoted,
                             bool doubled) {
  if (to - from > LONGEST_FIELD) return broken(s, "longer than 1 MB");
  if (s->count == s->room) {
    int64_t room = s->room ? s->room * 2 : 16;
    neap__field *larger = neap_realloc_array(s->fields, room, sizeof *larger);
    if (!larger) return NEAP_ENOMEM;
    s->fields = larger;
    s->room = room;
  }
  s->fields[s->count++] = (neap__field){from, (size_t)(to - from), quoted, doubled};
  return NEAP_OK;
}

static const char *skip_spaces(const neap__csv_scan *s, const char *p) {
  while (*p == ' ' || (*p == '\t' && s->delimiter != '\t')) p++;
  return p;
}

/* The closing quote of the field whose text begins at p; NULL when the buffer ends before it, or
 * too near to see whether it is doubled. */
static const char *closing_quote(const neap__csv_scan *s, const char *p, bool *doubled) {
  const char *end = s->buffer + s->end;
  *doubled = false;
  for (;;) {
    p = memchr(p, '"', (size_t)(end - p));
    if (!p || (p + 1 == end && !s->eof)) return NULL;
    if (p + 1 == end || p[1] != '"') return p;
    *doubled = true;
    p += 2;
  }
}

static neap_status quoted_field(neap__csv_scan *s, const char **at, bool *more) {
  bool doubled;
  const char *text = *at + 1, *close = closing_quote(s, text, &doubled);
  if (!close) {
    *more = true;
    return s->eof ? broken(s, "the quote that opens it is never closed") : NEAP_OK;
  }
  if (memchr(text, 0, (size_t)(close - text))) return broken(s, "holds a zero byte");
  for (const char *p = text; (p = memchr(p, '\n', (size_t)(close - p))); p++) s->next_line++;
  *at = skip_spaces(s, close + 1);
  if (!s->special[(unsigned char)**at]) return broken(s, "text follows its closing quote");
  return add_field(s, text, close, true, doubled);
}

static neap_status plain_field(neap__csv_scan *s, const char **at) {
  const char *p = *at, *from = p;
  while (!s->special[(unsigned char)*p]) p++;
  *at = p;
  while (p > from && (p[-1] == ' ' || p[-1] == '\t')) p--;
  return add_field(s, from, p, false, false);
}

/* What ends a field: 1 the record goes on, 0 it ends here (*at behind it), -1 the buffer does. */
static int end_of_field(neap__csv_scan *s, const char **at) {
  const char *p = *at, *end = s->buffer + s->end;
  if (p == end) return s->eof ? 0 : -1;
  if (*p == s->delimiter) return ++*at, 1;
  if (*p == '\r' && p + 1 == end && !s->eof) return -1;
  *at = p + 1 + (*p == '\r' && p + 1 < end && p[1] == '\n');
  return 0;
}

static neap_status strange_byte(const neap__csv_scan *s, char c) {
  return neap_fail(NEAP_EFORMAT,
                   "read_csv: %s:%lld: byte 0x%02x is not text (neither UTF-8, gzip nor zstd)",
                   s->path, (long long)s->line, (unsigned char)c);
}

/* Split the record at begin. *more says that the buffer ended first. */
static neap_status split(neap__csv_scan *s, bool *more) {
  const char *p = s->buffer + s->begin;
  s->count = 0;
  s->next_line = s->line + 1;
  *more = false;
  for (int go = 1; go > 0;) {
    p = skip_spaces(s, p);
    if (*p == '"') NEAP_TRY(quoted_field(s, &p, more));
    else NEAP_TRY(plain_field(s, &p));
    if (*more) return NEAP_OK;
    if (*p != s->delimiter && *p != '\n' && *p != '\r') return strange_byte(s, *p);
    go = end_of_field(s, &p);
    *more = go < 0;
  }
  if (!*more) s->begin = (size_t)(p - s->buffer);
  return NEAP_OK;
}

/* Turn doubled quotes into single ones where they lie. */
static void undouble(neap__field *f) {
  char *to = (char *)(uintptr_t)f->text;
  const char *from = f->text, *end = from + f->length;
  while (from < end) {
    if (*from == '"') from++;
    *to++ = *from++;
  }
  f->length = (size_t)(to - f->text);
}

/* Skip the line at begin without looking at quotes: a comment. */
static neap_status skip_line(neap__csv_scan *s) {
  for (;;) {
    char *from = s->buffer + s->begin, *line_end = memchr(from, '\n', s->end - s->begin);
    if (line_end || s->eof) {
      s->begin = line_end ? (size_t)(line_end - s->buffer) + 1 : s->end;
      s->line++;
      return NEAP_OK;
    }
    s->begin = s->end;
    NEAP_TRY(refill(s));
  }
}

static bool empty_record(const neap__csv_scan *s) {
  return s->count == 1 && s->fields[0].length == 0 && !s->fields[0].quoted;
}

static neap_status split_whole(neap__csv_scan *s) {
  bool more;
  NEAP_TRY(split(s, &more));
  while (more) {
    NEAP_TRY(refill(s));
    NEAP_TRY(split(s, &more));
  }
  return NEAP_OK;
}

neap_status neap__csv_next(neap__csv_scan *s, bool *got) {
  for (*got = false; !*got;) {
    if (s->next_line > s->line) s->line = s->next_line;
    if (s->begin == s->end && !s->eof) NEAP_TRY(refill(s));
    if (s->begin == s->end) return NEAP_OK;
    if (s->comment && s->buffer[s->begin] == s->comment) {
      NEAP_TRY(skip_line(s));
      continue;
    }
    NEAP_TRY(split_whole(s));
    *got = !empty_record(s);
  }
  for (int64_t i = 0; i < s->count; i++)
    if (s->fields[i].doubled) undouble(&s->fields[i]);
  return NEAP_OK;
}

/* opening -------------------------------------------------------------------------------------- */

/* The most frequent of , ; tab outside quotes in the first line that is no comment. */
static char guess_delimiter(const neap__csv_scan *s) {
  const char *p = s->buffer + s->begin, *end = s->buffer + s->end;
  while (p < end && (*p == '\n' || *p == '\r' || (s->comment && *p == s->comment))) {
    while (p < end && *p != '\n' && *p != '\r') p++;
    if (p < end) p++;
  }
  int64_t comma = 0, semicolon = 0, tab = 0;
  for (bool quoted = false; p < end && (quoted || (*p != '\n' && *p != '\r')); p++) {
    if (*p == '"') quoted = !quoted;
    if (quoted) continue;
    comma += *p == ',';
    semicolon += *p == ';';
    tab += *p == '\t';
  }
  if (tab > comma && tab > semicolon) return '\t';
  return semicolon > comma ? ';' : ',';
}

static void mark_special(neap__csv_scan *s) {
  for (int c = 0; c < 32; c++) s->special[c] = c != '\t';
  s->special[(unsigned char)s->delimiter] = true;
}

/* Until the first line is whole, or the buffer as large as it may get for a guess. */
static neap_status fill_first_line(neap__csv_scan *s) {
  do NEAP_TRY(refill(s));
  while (!s->eof && s->end < FIRST_BUFFER / 2);
  if (s->end >= 3 && memcmp(s->buffer, "\xEF\xBB\xBF", 3) == 0) s->begin = 3;
  return NEAP_OK;
}

neap_status neap__csv_open(neap__csv_scan *s, const char *path, const neap_csv_options *o) {
  *s = (neap__csv_scan){.path = path, .comment = o->comment, .line = 1, .next_line = 1};
  neap_status st = neap_reader_open(&s->reader, path);
  if (!st) {
    s->capacity = FIRST_BUFFER;
    s->buffer = neap_alloc_array((int64_t)s->capacity + 1, 1);
    st = s->buffer ? fill_first_line(s) : NEAP_ENOMEM;
  }
  if (st) {
    neap__csv_close(s);
    return st;
  }
  s->delimiter = o->delimiter ? o->delimiter : guess_delimiter(s);
  mark_special(s);
  return NEAP_OK;
}

void neap__csv_close(neap__csv_scan *s) {
  if (s->reader) neap_reader_close(s->reader);
  neap_free(s->buffer);
  neap_free(s->fields);
  *s = (neap__csv_scan){0};
}
