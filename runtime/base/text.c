#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"

/* Room for n more bytes and the closing zero. */
static bool make_room(neap_text *t, size_t n) {
  if (t->failed) return false;
  if (t->n + n < t->room) return true;
  size_t room = (t->n + n + 1) * 2 < 256 ? 256 : (t->n + n + 1) * 2;
  char *grown = neap_realloc_array(t->data, room, 1);
  t->failed = !grown;
  if (!grown) return false;
  t->data = grown;
  t->room = room;
  return true;
}

void neap_text_add(neap_text *t, const char *data, size_t n) {
  if (!make_room(t, n)) return;
  if (n) memcpy(t->data + t->n, data, n);
  t->n += n;
  t->data[t->n] = 0;
}

void neap_text_put(neap_text *t, const char *text) { neap_text_add(t, text, strlen(text)); }

void neap_text_format(neap_text *t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (n < 0 || !make_room(t, (size_t)n)) return;
  va_start(args, format);
  vsnprintf(t->data + t->n, (size_t)n + 1, format, args);
  va_end(args);
  t->n += (size_t)n;
}

void neap_text_number(neap_text *t, double v) {
  char text[32];
  neap_text_add(t, text, neap_number_print(text, v));
}

void neap_text_integer(neap_text *t, int64_t v) {
  char text[32];
  neap_text_add(t, text, neap_integer_print(text, v));
}

size_t neap_utf8_length(const unsigned char *p, size_t n) {
  if (p[0] < 0x80) return 1;
  size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
  if (p[0] < 0xc2 || p[0] > 0xf4 || n < length) return 0;
  unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
  unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
  if (p[1] < low || p[1] > high) return 0;
  for (size_t i = 2; i < length; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  return length;
}

static void add_escaped(neap_text *t, unsigned char c) {
  static const char names[] = "\"\"\\\\\nn\tt\rr\bb\ff";
  const char *name = c ? strchr(names, c) : NULL;
  if (!name) neap_text_format(t, "\\u%04x", c);
  else neap_text_format(t, "\\%c", name[1]);
}

void neap_text_json(neap_text *t, const char *data, size_t n) {
  const unsigned char *p = (const unsigned char *)data, *end = p + n;
  neap_text_put(t, "\"");
  while (p < end) {
    size_t length = neap_utf8_length(p, (size_t)(end - p));
    if (length == 0) neap_text_put(t, "\xef\xbf\xbd");
    else if (length == 1 && (*p < 32 || *p == 127 || *p == '"' || *p == '\\')) add_escaped(t, *p);
    else neap_text_add(t, (const char *)p, length);
    p += length ? length : 1;
  }
  neap_text_put(t, "\"");
}

void neap_text_drop(neap_text *t) {
  neap_free(t->data);
  *t = (neap_text){0};
}
