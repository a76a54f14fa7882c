#include <pthread.h>
#include <string.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/file.h"
#include "store/store.h"

/* the sum
 * -----------------------------------------------------------------------------------------------
 */

/* table[k][b]: what byte b does to the sum k bytes later, so that eight go at a time. */
static uint32_t table[8][256];

static void make_table(void) {
  for (uint32_t b = 0; b < 256; b++) {
    uint32_t c = b;
    for (int bit = 0; bit < 8; bit++) c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
    table[0][b] = c;
  }
  for (int k = 1; k < 8; k++)
    for (int b = 0; b < 256; b++)
      table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
}

uint32_t neap_crc32c(const void *data, size_t n) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_table);
  const unsigned char *p = data;
  uint32_t c = 0xffffffffu;
  for (; n >= 8; p += 8, n -= 8) {
    c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    c = table[7][c & 255] ^ table[6][c >> 8 & 255] ^ table[5][c >> 16 & 255] ^ table[4][c >> 24] ^
        table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
  }
  for (; n; p++, n--) c = c >> 8 ^ table[0][(c ^ *p) & 255];
  return ~c;
}

/* writing
 * -----------------------------------------------------------------------------------------------
 */

static int64_t bytes_of(const neap_tensor *t) {
  return neap_tensor_numel(t) * (int64_t)neap_dtype_size(t->dtype);
}

static bool host_is_little(void) {
  const uint16_t one = 1;
  return *(const unsigned char *)&one == 1;
}

static neap_status refuse_big_endian(const char *path) {
  if (host_is_little()) return NEAP_OK;
  return neap_fail(NEAP_EARG, "chunk '%s': this machine is big-endian", path);
}

/* n bytes, packed when asked for, in *out with room for the sum behind them; for neap_free. */
static neap_status pack(char **out, size_t *used, const void *data, size_t n, neap_chunk_codecs c) {
  size_t room = (c.zstd ? ZSTD_compressBound(n) : n) + 4;
  *out = neap_alloc(room);
  if (!*out) return NEAP_ENOMEM;
  *used = n;
  if (c.zstd) *used = ZSTD_compress(*out, room - 4, data, n, c.level);
  else if (n) memcpy(*out, data, n);
  if (c.zstd && ZSTD_isError(*used))
    return neap_fail(NEAP_ENOMEM, "zstd: %s", ZSTD_getErrorName(*used));
  if (!c.crc32c) return NEAP_OK;
  uint32_t sum = neap_crc32c(*out, *used);
  for (int i = 0; i < 4; i++) (*out)[(*used)++] = (char)(sum >> 8 * i & 255);
  return NEAP_OK;
}

neap_status neap_chunk_write(const char *path, const neap_tensor *t, neap_chunk_codecs c) {
  neap_tensor plain;
  char *packed = NULL;
  size_t n = 0;
  NEAP_TRY(refuse_big_endian(path));
  NEAP_TRY(neap_tensor_as(&plain, t, t->dtype));
  neap_status st = pack(&packed, &n, neap_tensor_data(&plain), (size_t)bytes_of(&plain), c);
  if (!st) st = neap_file_write(path, packed, n);
  neap_free(packed);
  neap_tensor_drop(&plain);
  return st;
}

/* reading
 * -----------------------------------------------------------------------------------------------
 */

static neap_status damaged(const char *path, const char *what) {
  return neap_fail(NEAP_EFORMAT, "chunk '%s' is damaged: %s", path, what);
}

/* Take the sum off the n bytes of a file and compare. */
static neap_status check_sum(const char *path, const unsigned char *data, int64_t *n) {
  if (*n < 4) return damaged(path, "it ends early");
  const unsigned char *p = data + (*n -= 4);
  uint32_t sum = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
  return neap_crc32c(data, (size_t)*n) == sum ? NEAP_OK : damaged(path, "its sum is wrong");
}

static neap_status unpack(neap_tensor *out, const char *path, const void *data, int64_t n,
                          neap_chunk_codecs c) {
  size_t want = (size_t)bytes_of(out), got = (size_t)n;
  if (c.zstd) got = ZSTD_decompress(neap_tensor_data(out), want, data, (size_t)n);
  if (c.zstd && ZSTD_isError(got)) return damaged(path, ZSTD_getErrorName(got));
  if (got != want)
    return neap_fail(NEAP_EFORMAT, "chunk '%s' is damaged: it holds %zu bytes, not %zu", path, got,
                     want);
  if (!c.zstd && want) memcpy(neap_tensor_data(out), data, want);
  char *bools = neap_tensor_data(out);
  for (size_t i = 0; out->dtype == NEAP_BOOL && i < want; i++) bools[i] = bools[i] != 0;
  return NEAP_OK;
}

static neap_status read_bytes(const char *path, unsigned char **data, int64_t *n) {
  neap_bytes *b;
  *data = NULL;
  NEAP_TRY(neap_bytes_open(&b, path));
  *n = neap_bytes_size(b);
  *data = neap_alloc(*n);
  neap_status st = *data ? neap_bytes_read(b, 0, *data, *n) : NEAP_ENOMEM;
  neap_bytes_close(b);
  return st;
}

neap_status neap_chunk_read_into(neap_tensor *t, const char *path, neap_chunk_codecs c) {
  unsigned char *data;
  int64_t n;
  NEAP_TRY(refuse_big_endian(path));
  if (!neap_tensor_is_contiguous(t))
    return neap_fail(NEAP_EARG, "chunk '%s': the tensor to fill is not contiguous", path);
  neap_status st = read_bytes(path, &data, &n);
  if (!st && c.crc32c) st = check_sum(path, data, &n);
  if (!st) st = unpack(t, path, data, n, c);
  neap_free(data);
  return st;
}

neap_status neap_chunk_read(neap_tensor *out, const char *path, neap_dtype dtype, int ndim,
                            const int64_t *size, neap_chunk_codecs c) {
  NEAP_TRY(neap_tensor_init_raw(out, dtype, ndim, size));
  neap_status st = neap_chunk_read_into(out, path, c);
  if (st) neap_tensor_drop(out);
  return st;
}
