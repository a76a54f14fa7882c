/* Blosc 1: blocks, each cut into one part per byte of an element or not at all, each part packed on
 * its own; the bytes, or the bits, of a block's elements lie sorted by their place (shuffled). */
#include <string.h>
#include <zstd.h>

#include "base/alloc.h"
#include "store/codec.h"

enum { HEADER = 16, SHUFFLED = 1, COPIED = 2, BITS_SHUFFLED = 4, WHOLE = 16 };
enum { MOST_PARTS = 16, LEAST_PART = 128, LZ4 = 1, ZLIB = 3, ZSTD = 4 };

typedef struct {
  const char *path;
  const unsigned char *data;
  size_t n, unpacked, block; /* bytes: of data, of all elements, of a block */
  size_t each;               /* of an element */
  int flags;
  unsigned char *sorted; /* a block as it was packed */
} container;

static size_t little(const unsigned char *p) {
  return (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

static neap_status damaged(const container *c) {
  return neap__damaged(c->path, "its Blosc container makes no sense");
}

static neap_status unpack_part(const container *c, unsigned char *out, size_t want,
                               const unsigned char *data, size_t n) {
  int64_t got = -1;
  if (n == want) {
    memcpy(out, data, n);
    return NEAP_OK;
  }
  switch (c->flags >> 5) {
  case LZ4: got = neap__lz4(out, want, data, n); break;
  case ZLIB: got = neap__inflate(out, want, data, n); break;
  case ZSTD: {
    size_t k = ZSTD_decompress(out, want, data, n);
    got = ZSTD_isError(k) ? -1 : (int64_t)k;
    break;
  }
  default:
    return neap_fail(NEAP_EFORMAT,
                     "chunk '%s': Blosc with %s; with lz4, zlib and zstd it can be read", c->path,
                     c->flags >> 5 == 0   ? "blosclz"
                     : c->flags >> 5 == 2 ? "snappy"
                                          : "an unknown codec");
  }
  return got == (int64_t)want ? NEAP_OK : damaged(c);
}

static void unshuffle(unsigned char *out, const unsigned char *in, size_t n, size_t each) {
  size_t count = n / each;
  for (size_t k = 0; k < each; k++)
    for (size_t i = 0; i < count; i++) out[i * each + k] = in[k * count + i];
  memcpy(out + count * each, in + count * each, n - count * each);
}

/* The 8 x 8 bits of v turned over their diagonal (Hacker's Delight, 7-3). */
static uint64_t turn(uint64_t v) {
  uint64_t t = (v ^ v >> 7) & 0x00aa00aa00aa00aaull;
  v ^= t ^ t << 7;
  t = (v ^ v >> 14) & 0x0000cccc0000ccccull;
  v ^= t ^ t << 14;
  t = (v ^ v >> 28) & 0x00000000f0f0f0f0ull;
  return v ^ t ^ t << 28;
}

static void unshuffle_bits(unsigned char *out, const unsigned char *in, size_t n, size_t each) {
  size_t count = n / each, row = count / 8;
  if (count % 8) {
    memcpy(out, in, n);
    return;
  }
  for (size_t k = 0; k < each; k++)
    for (size_t g = 0; g < row; g++) {
      uint64_t v = 0;
      for (size_t bit = 0; bit < 8; bit++) v |= (uint64_t)in[(k * 8 + bit) * row + g] << 8 * bit;
      v = turn(v);
      for (size_t i = 0; i < 8; i++) out[(g * 8 + i) * each + k] = (unsigned char)(v >> 8 * i);
    }
  memcpy(out + count * each, in + count * each, n - count * each);
}

static neap_status unpack_block(const container *c, size_t number, unsigned char *out, size_t n) {
  size_t at = little(c->data + HEADER + 4 * number);
  bool split =
      !(c->flags & WHOLE) && c->each <= MOST_PARTS && n / c->each >= LEAST_PART && n == c->block;
  size_t parts = split ? c->each : 1, want = n / parts;
  bool bytes = (c->flags & SHUFFLED) && c->each > 1, bits = c->flags & BITS_SHUFFLED;
  unsigned char *to = bytes || bits ? c->sorted : out;
  if (want * parts != n) return damaged(c);
  for (size_t k = 0; k < parts; k++) {
    if (at > c->n || c->n - at < 4) return damaged(c);
    size_t packed = little(c->data + at);
    at += 4;
    if (packed > c->n - at) return damaged(c);
    NEAP_TRY(unpack_part(c, to + k * want, want, c->data + at, packed));
    at += packed;
  }
  if (bytes) unshuffle(out, to, n, c->each);
  else if (bits) unshuffle_bits(out, to, n, c->each);
  return NEAP_OK;
}

neap_status neap__blosc(unsigned char *out, size_t want, const unsigned char *data, size_t n,
                        const char *path) {
  container c = {.path = path, .data = data, .n = n};
  if (n < HEADER) return damaged(&c);
  c.flags = data[2];
  c.each = data[3] ? data[3] : 1;
  c.unpacked = little(data + 4);
  c.block = little(data + 8);
  if (c.unpacked != want || little(data + 12) > n) return damaged(&c);
  if (c.flags & COPIED) {
    if (n - HEADER < want) return damaged(&c);
    if (want) memcpy(out, data + HEADER, want);
    return NEAP_OK;
  }
  size_t blocks = c.block ? want / c.block + (want % c.block != 0) : 0;
  if ((want && !c.block) || c.block > want || blocks > (n - HEADER) / 4) return damaged(&c);
  c.sorted = neap_alloc(c.block);
  neap_status st = c.sorted ? NEAP_OK : NEAP_ENOMEM;
  for (size_t i = 0; !st && i < blocks; i++) {
    size_t left = want - i * c.block;
    st = unpack_block(&c, i, out + i * c.block, left < c.block ? left : c.block);
  }
  neap_free(c.sorted);
  return st;
}
