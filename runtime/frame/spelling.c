/* Numbers as other countries write them. */
#include <string.h>

#include "frame/builder.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Bytes of the separator at p: the character itself, and for a space also U+00A0 and U+202F. */
static size_t separator(const char *p, const char *end, char thousands) {
  if (!thousands) return 0;
  if (*p == thousands) return 1;
  if (thousands != ' ') return 0;
  if (end - p >= 2 && memcmp(p, "\xC2\xA0", 2) == 0) return 2;
  return end - p >= 3 && memcmp(p, "\xE2\x80\xAF", 3) == 0 ? 3 : 0;
}

/* Separators are taken between groups of three digits only, the first of one to three: what is no
 * such number, a date with points among them, stays text. */
size_t neap__number_rewrite(char *buffer, size_t size, const char *text, size_t n, char decimal,
                            char thousands) {
  const char *p = text, *end = text + n;
  char point = decimal ? decimal : '.', *to = buffer;
  if (n == 0 || n > size) return 0;
  if (*p == '-' || *p == '+') *to++ = *p++;
  const char *group = p;
  bool grouped = false;
  for (size_t skip = 0; p < end; group = p += skip, grouped = true) {
    while (p < end && is_digit(*p)) *to++ = *p++;
    skip = p < end ? separator(p, end, thousands) : 0;
    if ((skip || grouped) && (p - group > 3 || p == group)) return 0;
    if (grouped && p - group != 3) return 0;
    if (!skip) break;
    if (p + skip == end) return 0;
  }
  if (p < end && *p == point) {
    *to++ = '.';
    p++;
  } else if (p < end && *p == '.') return 0;
  for (; p < end; p++) {
    if (*p == '.' || *p == ',') return 0;
    *to++ = *p;
  }
  return (size_t)(to - buffer);
}
