/* Records of a piece of a CSV file, split where they lie. Bytes '\n' follow the piece, so that the
 * inner loop tests nothing but a table. When the piece ends inside a record, the record is left to
 * be split again with more text behind it. */
#include <string.h>

#include "base/alloc.h"
#include "frame/csv.h"

enum { LONGEST_FIELD = 1 << 20, LONGEST_RECORD = 64 << 20 };

static neap_status broken(const neap__csv_scan *s, int64_t line, const char *what) {
  return neap_fail(NEAP_EFORMAT, "read_csv: %s:%lld: field %lld: %s", s->path, (long long)line,
                   (long long)s->count + 1, what);
}

/* fields --------------------------------------------------------------------------------------- */

static const char *skip_spaces(const neap__csv_scan *s, const char *p) {
  while (*p == ' ' || (*p == '\t' && s->delimiter != '\t')) p++;
  return p;
}

/* The closing quote of the field whose text begins at p; NULL when the piece ends before it, or too
 * near to see whether it is doubled. */
static const char *closing_quote(const neap__csv_scan *s, const char *p, bool *doubled) {
  *doubled = false;
  for (;;) {
    p = memchr(p, '"', (size_t)(s->end - p));
    if (!p || (p + 1 == s->end && !s->eof)) return NULL;
    if (p + 1 == s->end || p[1] != '"') return p;
    *doubled = true;
    p += 2;
  }
}

/* Line ends in quoted text: LF, CR LF or CR. */
static int64_t line_ends(const char *p, const char *end) {
  int64_t n = 0;
  for (; p < end; p++) n += *p == '\n' || (*p == '\r' && p[1] != '\n');
  return n;
}

typedef enum { FINE, MORE, OPEN, LONG, ZERO, TAIL } verdict;

static verdict quoted_field(neap__csv_scan *s, const char **at, neap__field *f) {
  const char *text = *at + 1, *close = closing_quote(s, text, &f->doubled);
  if (!close && s->end - text > LONGEST_FIELD) return LONG;
  if (!close) return s->eof ? OPEN : MORE;
  if (close - text > LONGEST_FIELD) return LONG;
  if (memchr(text, 0, (size_t)(close - text))) return ZERO;
  s->line_now += line_ends(text, close);
  f->text = text;
  f->length = (size_t)(close - text);
  f->quoted = true;
  *at = skip_spaces(s, close + 1);
  return s->special[(unsigned char)**at] ? FINE : TAIL;
}

static verdict plain_field(neap__csv_scan *s, const char **at, neap__field *f) {
  const char *p = *at, *from = p;
  while (!s->special[(unsigned char)*p]) p++;
  *at = p;
  while (p > from && (p[-1] == ' ' || p[-1] == '\t')) p--;
  *f = (neap__field){from, (size_t)(p - from), false, false};
  return f->length > LONGEST_FIELD ? LONG : FINE;
}

static verdict one_field(neap__csv_scan *s, const char **at, neap__field *f) {
  *at = skip_spaces(s, *at);
  return **at == '"' ? quoted_field(s, at, f) : plain_field(s, at, f);
}

neap_status neap__csv_field(neap__csv_scan *s, const char **p, neap__field *f) {
  if (one_field(s, p, f) || (*p >= s->end && !s->eof)) return NEAP_EFORMAT;
  return f->doubled ? neap__csv_undouble(s, f) : NEAP_OK;
}

neap_status neap__csv_undouble(neap__csv_scan *s, neap__field *f) {
  if ((int64_t)f->length > s->scratch_room) {
    char *larger = neap_realloc_array(s->scratch, (int64_t)f->length * 2, 1);
    if (!larger) return NEAP_ENOMEM;
    s->scratch = larger;
    s->scratch_room = (int64_t)f->length * 2;
  }
  char *to = s->scratch;
  for (const char *from = f->text, *end = from + f->length; from < end;) {
    if (*from == '"') from++;
    *to++ = *from++;
  }
  *f = (neap__field){s->scratch, (size_t)(to - s->scratch), true, false};
  return NEAP_OK;
}

/* records -------------------------------------------------------------------------------------- */

bool neap__csv_line_end(const neap__csv_scan *s, const char **at) {
  const char *p = *at;
  if (p >= s->end) return s->eof;
  if (*p != '\n' && *p != '\r') return false;
  if (*p == '\r' && p + 1 == s->end && !s->eof) return false;
  *at = p + 1 + (*p == '\r' && p + 1 < s->end && p[1] == '\n');
  return true;
}

static neap_status keep_field(neap__csv_scan *s, const neap__field *f) {
  if (s->count == s->room) {
    int64_t room = s->room ? s->room * 2 : 16;
    neap__field *larger = neap_realloc_array(s->fields, room, sizeof *larger);
    if (!larger) return NEAP_ENOMEM;
    s->fields = larger;
    s->room = room;
  }
  s->fields[s->count++] = *f;
  return NEAP_OK;
}

static neap_status explain(const neap__csv_scan *s, verdict v) {
  switch (v) {
  case OPEN: return broken(s, s->line_now, "the quote that opens it is never closed");
  case LONG: return broken(s, s->line_now, "longer than 1 MB (is a quote left open?)");
  case ZERO: return broken(s, s->line, "holds a zero byte");
  default: return broken(s, s->line, "text follows its closing quote");
  }
}

static neap_status strange_byte(const neap__csv_scan *s, char c) {
  return neap_fail(NEAP_EFORMAT,
                   "read_csv: %s:%lld: byte 0x%02x is not text (neither UTF-8, gzip nor zstd)",
                   s->path, (long long)s->line, (unsigned char)c);
}

/* Split the record at s->at; *whole is false when the piece ends first. */
static neap_status split(neap__csv_scan *s, const char **p, bool *whole) {
  s->count = 0;
  for (*whole = false; !*whole;) {
    neap__field f = {0};
    verdict v = one_field(s, p, &f);
    if (v == MORE) return NEAP_OK;
    if (v) return explain(s, v);
    NEAP_TRY(keep_field(s, &f));
    if (**p == s->delimiter && *p < s->end) {
      ++*p;
      continue;
    }
    if (**p != '\n' && **p != '\r') return strange_byte(s, **p);
    *whole = neap__csv_line_end(s, p);
    if (!*whole) return NEAP_OK;
  }
  return NEAP_OK;
}

/* Behind the line at p, whatever it holds; NULL when the piece ends first. */
static const char *behind_line(const neap__csv_scan *s, const char *p) {
  while (*p != '\n' && *p != '\r') p++;
  return neap__csv_line_end(s, &p) ? p : NULL;
}

bool neap__csv_skip_line(neap__csv_scan *s) {
  const char *p = s->at < s->end ? behind_line(s, s->at) : NULL;
  if (!p) return false;
  s->at = p;
  s->next_line++;
  return true;
}

static bool empty_record(const neap__csv_scan *s) {
  return s->count == 1 && s->fields[0].length == 0 && !s->fields[0].quoted;
}

neap_status neap__csv_next(neap__csv_scan *s, neap__csv_step *step) {
  const char *p = s->at;
  *step = NEAP__CSV_END;
  s->line = s->line_now = s->next_line;
  if (p == s->end) return NEAP_OK;
  bool comment = s->comment && *p == s->comment, whole = true;
  if (comment) {
    p = behind_line(s, p);
    whole = p != NULL;
  } else NEAP_TRY(split(s, &p, &whole));
  if (!whole) {
    if (s->end - s->at < LONGEST_RECORD) return NEAP_OK;
    return neap_fail(NEAP_EFORMAT, "read_csv: %s:%lld: row is longer than %d MB", s->path,
                     (long long)s->line, LONGEST_RECORD >> 20);
  }
  s->at = p;
  s->next_line = s->line_now + 1;
  *step = comment || empty_record(s) ? NEAP__CSV_BLANK : NEAP__CSV_RECORD;
  return NEAP_OK;
}

/* opening -------------------------------------------------------------------------------------- */

/* The most frequent of , ; tab outside quotes in the first line that is no comment. */
static char guess_delimiter(const neap__csv_scan *s, char decimal) {
  const char *p = s->at, *end = s->end;
  while (p < end && (*p == '\n' || *p == '\r' || (s->comment && *p == s->comment))) {
    while (p < end && *p != '\n' && *p != '\r') p++;
    if (p < end) p++;
  }
  int64_t comma = 0, semicolon = 0, tab = 0;
  for (bool quoted = false; p < end && (quoted || (*p != '\n' && *p != '\r')); p++) {
    if (*p == '"') quoted = !quoted;
    if (quoted) continue;
    comma += *p == ',' && decimal != ',';
    semicolon += *p == ';';
    tab += *p == '\t';
  }
  if (tab > comma && tab > semicolon) return '\t';
  return semicolon > comma || decimal == ',' ? ';' : ',';
}

void neap__csv_start(neap__csv_scan *s, const neap_csv_options *o) {
  s->comment = o->comment;
  s->delimiter = o->delimiter ? o->delimiter : guess_delimiter(s, o->decimal);
  memset(s->special, 0, sizeof s->special);
  for (int c = 0; c < 32; c++) s->special[c] = c != '\t';
  s->special[(unsigned char)s->delimiter] = true;
}

void neap__csv_stop(neap__csv_scan *s) {
  neap_free(s->fields);
  neap_free(s->scratch);
  s->fields = NULL;
  s->scratch = NULL;
  s->room = s->scratch_room = 0;
}
