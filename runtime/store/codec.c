#include "store/codec.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/interrupt.h"

enum { PIECE = 1 << 16, GZIP_HEAD = 32 };

neap_status neap__damaged(const char *path, const char *what) {
  return neap_fail(NEAP_EFORMAT, "chunk '%s' is damaged: %s", path, what);
}

/* Bytes that n packed ones need at most. */
static neap_status room_for(size_t *room, size_t n, const neap_chunk_format *f) {
  *room = n;
  if (f->packing == NEAP_PACK_ZSTD) *room = ZSTD_compressBound(n);
  if (f->packing != NEAP_PACK_ZLIB && f->packing != NEAP_PACK_GZIP) return NEAP_OK;
  *room = (size_t)compressBound((uLong)n) + GZIP_HEAD;
  if (n <= UINT_MAX - GZIP_HEAD - n / 1000) return NEAP_OK;
  return neap_fail(NEAP_EARG, "zarr: a chunk of %zu bytes; deflate takes less than 4 GB", n);
}

/* Equal data give equal bytes: gzip's header holds neither name nor time. */
static neap_status deflated(char *out, size_t room, size_t *packed, const void *data, size_t n,
                            const neap_chunk_format *f) {
  z_stream z = {0};
  int bits = f->packing == NEAP_PACK_GZIP ? 15 + 16 : 15, rc = Z_OK;
  if (deflateInit2(&z, f->level, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return neap_fail(NEAP_ENOMEM, "zlib: %s", z.msg ? z.msg : "out of memory");
  neap_status st = NEAP_OK;
  z.next_in = (Bytef *)(uintptr_t)data;
  z.next_out = (Bytef *)out;
  z.avail_out = (uInt)room;
  for (size_t at = 0, piece = 0; !st && rc == Z_OK; at += piece) { /* there is room for all */
    piece = n - at < PIECE ? n - at : PIECE;
    z.avail_in = (uInt)piece;
    rc = deflate(&z, at + piece == n ? Z_FINISH : Z_NO_FLUSH);
    st = neap_interrupt_check();
  }
  *packed = room - z.avail_out;
  deflateEnd(&z);
  return st || rc == Z_STREAM_END ? st : neap_fail(NEAP_ENOMEM, "zlib: error %d", rc);
}

static neap_status packed_into(char *out, size_t room, size_t *packed, const void *data, size_t n,
                               const neap_chunk_format *f) {
  *packed = n;
  switch (f->packing) {
  case NEAP_PACK_ZSTD:
    *packed = ZSTD_compress(out, room, data, n, f->level);
    if (ZSTD_isError(*packed))
      return neap_fail(NEAP_ENOMEM, "zstd: %s", ZSTD_getErrorName(*packed));
    return NEAP_OK;
  case NEAP_PACK_ZLIB:
  case NEAP_PACK_GZIP: return deflated(out, room, packed, data, n, f);
  default:
    if (n) memcpy(out, data, n);
    return NEAP_OK;
  }
}

neap_status neap__pack(char **out, size_t *packed, const void *data, size_t n,
                       const neap_chunk_format *f) {
  size_t room = 0;
  *out = NULL;
  NEAP_TRY(room_for(&room, n, f));
  char *to = neap_alloc(room + 4);
  if (!to) return NEAP_ENOMEM;
  neap_status st = packed_into(to, room, packed, data, n, f);
  if (st) {
    neap_free(to);
    return st;
  }
  uint32_t sum = f->crc32c ? neap_crc32c(to, *packed) : 0;
  for (int i = 0; f->crc32c && i < 4; i++) to[(*packed)++] = (char)(sum >> 8 * i & 255);
  *out = to;
  return NEAP_OK;
}

int64_t neap__inflate(void *out, size_t room, const unsigned char *data, size_t n) {
  z_stream z = {0};
  if (n > UINT_MAX || room > UINT_MAX || inflateInit2(&z, 15 + 32) != Z_OK) return -1;
  z.next_in = (Bytef *)(uintptr_t)data;
  z.avail_in = (uInt)n;
  z.next_out = out;
  z.avail_out = (uInt)room;
  int rc = inflate(&z, Z_FINISH);
  bool whole = rc == Z_STREAM_END && z.avail_in == 0;
  inflateEnd(&z);
  return whole ? (int64_t)(room - z.avail_out) : -1;
}

static neap_status holds(const char *path, size_t got, size_t want) {
  if (got == want) return NEAP_OK;
  return neap_fail(NEAP_EFORMAT, "chunk '%s' is damaged: it holds %zu bytes, not %zu", path, got,
                   want);
}

static neap_status check_sum(const unsigned char *data, size_t *n, const char *path) {
  if (*n < 4) return neap__damaged(path, "it ends early");
  const unsigned char *p = data + (*n -= 4);
  uint32_t sum = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
  return neap_crc32c(data, *n) == sum ? NEAP_OK : neap__damaged(path, "its sum is wrong");
}

neap_status neap__unpack(void *out, size_t want, const unsigned char *data, size_t n,
                         const neap_chunk_format *f, const char *path) {
  if (f->crc32c) NEAP_TRY(check_sum(data, &n, path));
  switch (f->packing) {
  case NEAP_PACK_NONE:
    NEAP_TRY(holds(path, n, want));
    if (n) memcpy(out, data, n);
    return NEAP_OK;
  case NEAP_PACK_ZSTD: {
    size_t got = ZSTD_decompress(out, want, data, n);
    return ZSTD_isError(got) ? neap__damaged(path, ZSTD_getErrorName(got)) : holds(path, got, want);
  }
  case NEAP_PACK_ZLIB:
  case NEAP_PACK_GZIP: {
    int64_t got = neap__inflate(out, want, data, n);
    return got < 0 ? neap__damaged(path, "its deflated data") : holds(path, (size_t)got, want);
  }
  default: return neap__blosc(out, want, data, n, path);
  }
}
