#include "store/codec.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"

neap_status neap__damaged(const char *path, const char *what) {
  return neap_fail(NEAP_EFORMAT, "chunk '%s' is damaged: %s", path, what);
}

neap_status neap__pack(char **out, size_t *packed, const void *data, size_t n,
                       const neap_chunk_format *f) {
  bool zstd = f->packing == NEAP_PACK_ZSTD;
  size_t room = (zstd ? ZSTD_compressBound(n) : n) + 4;
  *packed = n;
  *out = neap_alloc(room);
  if (!*out) return NEAP_ENOMEM;
  if (zstd) *packed = ZSTD_compress(*out, room - 4, data, n, f->level);
  else if (n) memcpy(*out, data, n);
  if (zstd && ZSTD_isError(*packed)) {
    neap_free(*out);
    *out = NULL;
    return neap_fail(NEAP_ENOMEM, "zstd: %s", ZSTD_getErrorName(*packed));
  }
  uint32_t sum = f->crc32c ? neap_crc32c(*out, *packed) : 0;
  for (int i = 0; f->crc32c && i < 4; i++) (*out)[(*packed)++] = (char)(sum >> 8 * i & 255);
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
  case NEAP_PACK_ZLIB: {
    int64_t got = neap__inflate(out, want, data, n);
    return got < 0 ? neap__damaged(path, "its deflated data") : holds(path, (size_t)got, want);
  }
  default: return neap__blosc(out, want, data, n, path);
  }
}
