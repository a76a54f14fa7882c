#include <string.h>

#include "store/codec.h"

/* A length of 15 goes on in bytes, the last of which is not 255. */
static bool lengthen(size_t *length, const unsigned char **p, const unsigned char *end) {
  unsigned char more = 255;
  while (more == 255) {
    if (*p == end) return false;
    more = *(*p)++;
    *length += more;
  }
  return true;
}

/* What stands `back` bytes before, byte by byte where it overlaps itself. */
static void repeat(unsigned char *out, size_t back, size_t n) {
  for (; n >= 8 && back >= 8; out += 8, n -= 8) memcpy(out, out - back, 8);
  for (; n; out++, n--) *out = *(out - back);
}

int64_t neap__lz4(unsigned char *out, size_t room, const unsigned char *data, size_t n) {
  const unsigned char *p = data, *end = data + n;
  unsigned char *z = out, *stop = out + room;
  while (p < end) {
    unsigned char token = *p++;
    size_t literals = token >> 4, match = token & 15;
    if (literals == 15 && !lengthen(&literals, &p, end)) return -1;
    if (literals > (size_t)(end - p) || literals > (size_t)(stop - z)) return -1;
    memcpy(z, p, literals);
    z += literals;
    p += literals;
    if (p == end) return z - out; /* the last sequence has no match */
    if (end - p < 2) return -1;
    size_t back = (size_t)p[0] | (size_t)p[1] << 8;
    p += 2;
    if (match == 15 && !lengthen(&match, &p, end)) return -1;
    match += 4;
    if (back == 0 || back > (size_t)(z - out) || match > (size_t)(stop - z)) return -1;
    repeat(z, back, match);
    z += match;
  }
  return -1;
}
