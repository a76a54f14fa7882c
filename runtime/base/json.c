#include "base/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

enum { DEPTH = 64, PATH = 240 };

/* checking ------------------------------------------------------------------------------------- */

typedef struct {
  const char *key; /* NULL: an array, at index */
  int64_t index;
} step;

/* Walks the text to its end, to a fault, or to the value or key that lies at stop. */
typedef struct {
  const char *at, *end, *stop;
  const char *wrong; /* NULL: none */
  bool words;
  int depth;
  step steps[DEPTH];
} walker;

static bool fault(walker *w, const char *wrong) {
  w->wrong = wrong;
  return false;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static void skip_spaces(walker *w) {
  while (w->at < w->end && (*w->at == ' ' || *w->at == '\n' || *w->at == '\t' || *w->at == '\r'))
    w->at++;
}

static bool next_is(const walker *w, char c) { return w->at < w->end && *w->at == c; }

static bool take(walker *w, char c) {
  if (!next_is(w, c)) return false;
  w->at++;
  return true;
}

/* Four hexadecimal digits at p, -1 when they are not that. */
static int32_t hex4(const char *p) {
  int32_t v = 0;
  for (int i = 0; i < 4; i++) {
    char c = p[i], letter = (char)(c | 32);
    if (!is_digit(c) && !(letter >= 'a' && letter <= 'f')) return -1;
    v = v * 16 + (is_digit(c) ? c - '0' : letter - 'a' + 10);
  }
  return v;
}

static bool check_unicode(walker *w) {
  int32_t v = w->end - w->at < 5 ? -1 : hex4(w->at + 1);
  if (v < 0) return fault(w, "\\u needs four hexadecimal digits");
  if (v == 0) return fault(w, "a string holds a zero byte");
  bool first = v >= 0xd800 && v < 0xdc00;
  if (v >= 0xdc00 && v < 0xe000) return fault(w, "half of a surrogate pair stands alone");
  if (first) {
    bool pair = w->end - w->at >= 11 && w->at[5] == '\\' && w->at[6] == 'u';
    int32_t low = pair ? hex4(w->at + 7) : -1;
    if (low < 0xdc00 || low >= 0xe000) return fault(w, "half of a surrogate pair stands alone");
    w->at += 6;
  }
  w->at += 5;
  return true;
}

static bool check_string(walker *w) {
  if (!take(w, '"')) return fault(w, "expected a string");
  while (w->at < w->end && *w->at != '"') {
    unsigned char c = (unsigned char)*w->at;
    if (c < 32) return fault(w, "a control character in a string");
    if (c == '\\') {
      w->at++;
      if (w->at == w->end) break;
      if (*w->at == 'u') {
        if (!check_unicode(w)) return false;
      } else if (!*w->at || !strchr("\"\\/bfnrt", *w->at)) return fault(w, "an unknown escape");
      else w->at++;
      continue;
    }
    size_t n = neap_utf8_length((const unsigned char *)w->at, (size_t)(w->end - w->at));
    if (!n) return fault(w, "a string is not UTF-8");
    w->at += n;
  }
  return take(w, '"') || fault(w, "the text ends in a string");
}

static bool take_digits(walker *w) {
  const char *from = w->at;
  while (w->at < w->end && is_digit(*w->at)) w->at++;
  return w->at > from;
}

static bool check_number(walker *w) {
  const char *from = w->at;
  take(w, '-');
  bool zero = next_is(w, '0');
  if (!take_digits(w)) {
    w->at = from;
    return fault(w, "expected a value");
  }
  if (zero && w->at - from > (*from == '-' ? 2 : 1)) return fault(w, "a number begins with 0");
  if (take(w, '.') && !take_digits(w)) return fault(w, "a number ends in its point");
  if (take(w, 'e') || take(w, 'E')) {
    if (!take(w, '-')) take(w, '+');
    if (!take_digits(w)) return fault(w, "a number ends in its exponent");
  }
  return true;
}

/* Take the first of the words that stands here; its number, -1 when none does. */
static int take_word(walker *w, const char *const *words, int n) {
  for (int i = 0; i < n; i++) {
    size_t length = strlen(words[i]);
    if ((size_t)(w->end - w->at) < length || memcmp(w->at, words[i], length) != 0) continue;
    w->at += length;
    return i;
  }
  return -1;
}

static bool check_word(walker *w) {
  static const char *const words[] = {"true", "false", "null"};
  static const char *const strangers[] = {"NaN", "Infinity", "-Infinity", "nan", "inf", "-inf"};
  const char *from = w->at;
  if (take_word(w, words, 3) >= 0) return true;
  int stranger = take_word(w, strangers, 6);
  if (stranger < 0) return check_number(w);
  if (w->words && stranger < 3) return true;
  w->at = from;
  return fault(w, "JSON has no NaN and no infinities");
}

static bool check_value(walker *w);

static bool check_member(walker *w, step *s) {
  s->key = w->at;
  if (!check_string(w) || s->key == w->stop) return false;
  skip_spaces(w);
  if (!take(w, ':')) return fault(w, "expected ':'");
  skip_spaces(w);
  return check_value(w);
}

static bool check_container(walker *w) {
  bool object = *w->at++ == '{';
  char close = object ? '}' : ']';
  if (w->depth == DEPTH) return fault(w, "more than 64 objects and arrays in each other");
  step *s = &w->steps[w->depth++];
  *s = (step){NULL, 0};
  skip_spaces(w);
  if (!next_is(w, close))
    for (;; s->index++) {
      skip_spaces(w);
      if (!(object ? check_member(w, s) : check_value(w))) return false;
      skip_spaces(w);
      if (next_is(w, close)) break;
      if (!take(w, ',')) return fault(w, object ? "expected ',' or '}'" : "expected ',' or ']'");
    }
  w->at++;
  w->depth--;
  return true;
}

static bool check_value(walker *w) {
  const char *from = w->at;
  if (from == w->stop) return false;
  if (from == w->end) return fault(w, "the text ends too early");
  if (*from == '{' || *from == '[') return check_container(w);
  return *from == '"' ? check_string(w) : check_word(w);
}

static bool check_text(walker *w) {
  skip_spaces(w);
  if (!next_is(w, '{') && !next_is(w, '[')) return fault(w, "expected an object or an array");
  if (!check_value(w)) return false;
  skip_spaces(w);
  return w->at == w->end || fault(w, "something follows the value");
}

/* messages ------------------------------------------------------------------------------------- */

static const char *string_end(const char *s) {
  for (s++; *s != '"'; s++) s += *s == '\\';
  return s;
}

/* The steps that lead to where w stands, as in learner.trees[3].left. */
static void put_path(char out[PATH], const walker *w) {
  size_t n = 0;
  *out = 0;
  for (int i = 0; i < w->depth && n < PATH - 32; i++) {
    const step *s = &w->steps[i];
    if (!s->key) {
      n += (size_t)snprintf(out + n, PATH - n, "[%lld]", (long long)s->index);
      continue;
    }
    if (s->key == w->at) break;
    if (n) out[n++] = '.';
    for (const char *p = s->key + 1; p < w->end && *p != '"' && n < PATH - 32; p++)
      out[n++] = *p >= 32 && *p < 127 ? *p : '?';
    out[n] = 0;
  }
}

static neap_status fail_at(const neap_json *j, const walker *w, const char *at, const char *text) {
  char path[PATH];
  put_path(path, w);
  return neap_fail(NEAP_EFORMAT, "%s: %s%s(byte %lld): %s", j->what, path, *path ? " " : "",
                   (long long)(at - j->text) + 1, text);
}

neap_status neap_json_fail(const neap_json *j, const char *at, const char *format, ...) {
  char text[320];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  walker w = {.at = j->text, .end = j->end, .stop = at, .words = j->words};
  check_text(&w);
  return fail_at(j, &w, at, text);
}

neap_status neap_json_check(neap_json *j) {
  walker w = {.at = j->text, .end = j->end, .words = j->words};
  if (!check_text(&w)) return fail_at(j, &w, w.at, w.wrong);
  j->root = j->text;
  while (*j->root != '{' && *j->root != '[') j->root++;
  return NEAP_OK;
}

/* walking -------------------------------------------------------------------------------------- */

static const char *after_spaces(const char *p) {
  while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r') p++;
  return p;
}

neap_json_kind neap_json_kind_of(const char *value) {
  switch (*value) {
  case '{': return NEAP_JSON_OBJECT;
  case '[': return NEAP_JSON_ARRAY;
  case '"': return NEAP_JSON_STRING;
  case 't':
  case 'f':
  case 'n': return NEAP_JSON_WORD;
  default: return NEAP_JSON_NUMBER;
  }
}

/* The byte behind a value. */
static const char *skip(const char *p) {
  if (*p == '"') return string_end(p) + 1;
  if (*p != '{' && *p != '[') {
    while (*p != ',' && *p != ']' && *p != '}' && *p > ' ') p++;
    return p;
  }
  for (int depth = 0;; p++) {
    if (*p == '"') p = string_end(p);
    else if (*p == '{' || *p == '[') depth++;
    else if ((*p == '}' || *p == ']') && --depth == 0) return p + 1;
  }
}

neap_json_items neap_json_open(const char *container) {
  return (neap_json_items){.at = container + 1, .object = *container == '{'};
}

bool neap_json_next(neap_json_items *i) {
  const char *p = after_spaces(i->value ? skip(i->value) : i->at);
  if (*p == ',') p = after_spaces(p + 1);
  else if (*p == '}' || *p == ']') return false;
  if (i->object) {
    i->key = p;
    p = after_spaces(string_end(p) + 1);
    p = after_spaces(p + 1);
  }
  i->value = p;
  return true;
}

int64_t neap_json_count(const char *container) {
  int64_t n = 0;
  for (neap_json_items i = neap_json_open(container); neap_json_next(&i);) n++;
  return n;
}

size_t neap_json_length(const char *string) { return (size_t)(string_end(string) - string - 1); }

bool neap_json_equals(const char *string, const char *text) {
  size_t n = strlen(text);
  return neap_json_length(string) == n && memcmp(string + 1, text, n) == 0;
}

static void add_utf8(neap_text *out, int32_t v) {
  static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
  int more = v < 0x80 ? 0 : v < 0x800 ? 1 : v < 0x10000 ? 2 : 3;
  char bytes[4] = {(char)(lead[more] | v >> 6 * more)};
  for (int k = 1; k <= more; k++) bytes[k] = (char)(0x80 | (v >> 6 * (more - k) & 0x3f));
  neap_text_add(out, bytes, (size_t)more + 1);
}

bool neap_json_string(const char *string, neap_text *out) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char *end = string_end(string);
  size_t before = out->n;
  for (const char *p = string + 1; p < end;) {
    const char *plain = p;
    while (p < end && *p != '\\') p++;
    neap_text_add(out, plain, (size_t)(p - plain));
    if (p == end) break;
    if (p[1] != 'u') {
      neap_text_add(out, &to[strchr(from, p[1]) - from], 1);
      p += 2;
      continue;
    }
    int32_t v = hex4(p + 2);
    p += 6;
    if (v >= 0xd800 && v < 0xdc00) {
      v = 0x10000 + ((v - 0xd800) << 10) + (hex4(p + 2) - 0xdc00);
      p += 6;
    }
    add_utf8(out, v);
  }
  if (out->failed) out->n = before;
  return !out->failed;
}

double neap_json_number(const neap_json *j, const char *number) {
  double v = NAN;
  if (*number == 'I' || number[1] == 'I') return *number == '-' ? -INFINITY : INFINITY;
  neap_number_scan(number, (size_t)(j->end - number), &v);
  return v;
}
