#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/interrupt.h"

enum { BLOCK = 256 << 10 };

/* The decoders share one input buffer: in[at..end) is read from the file and not yet decoded. */
struct neap_reader {
  neap_status (*decode)(neap_reader *r, char *out, size_t n, size_t *got);
  int fd;
  bool file_ended; /* read(2) said so */
  bool in_frame;   /* inside a gzip member or zstd frame: the file may not end here */
  size_t at, end;
  int64_t given; /* bytes handed out */
  z_stream gzip;
  ZSTD_DStream *zstd;
  char *path;
  unsigned char in[BLOCK];
};

static neap_status read_some(neap_reader *r, void *out, size_t n, size_t *got) {
  NEAP_TRY(neap_interrupt_check());
  ssize_t k;
  while ((k = read(r->fd, out, n)) < 0 && errno == EINTR) NEAP_TRY(neap_interrupt_check());
  if (k < 0) return neap__file_fail("read", r->path, errno);
  r->file_ended = k == 0;
  *got = (size_t)k;
  return NEAP_OK;
}

/* Make sure that at least need bytes of input are there, fewer only at the end of the file. */
static neap_status refill(neap_reader *r, size_t need) {
  if (r->end - r->at >= need) return NEAP_OK;
  memmove(r->in, r->in + r->at, r->end - r->at);
  r->end -= r->at;
  r->at = 0;
  while (r->end < need && !r->file_ended) {
    size_t got = 0;
    NEAP_TRY(read_some(r, r->in + r->end, BLOCK - r->end, &got));
    r->end += got;
  }
  return NEAP_OK;
}

static neap_status decode_plain(neap_reader *r, char *out, size_t n, size_t *got) {
  size_t have = r->end - r->at;
  if (have == 0) return r->file_ended ? NEAP_OK : read_some(r, out, n, got);
  *got = have < n ? have : n;
  memcpy(out, r->in + r->at, *got);
  r->at += *got;
  return NEAP_OK;
}

static neap_status ends_early(const neap_reader *r, const char *kind) {
  return neap_fail(NEAP_EFORMAT, "read '%s': the %s data end too early (truncated file)", r->path,
                   kind);
}

static neap_status corrupt(const neap_reader *r, const char *kind, const char *reason) {
  return neap_fail(NEAP_EFORMAT, "read '%s': corrupt %s data (%s)", r->path, kind, reason);
}

static bool is_gzip(const unsigned char *p, size_t n) {
  return n >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

/* A frame or a skippable frame. */
static bool is_zstd(const unsigned char *p, size_t n) {
  if (n < 4) return false;
  uint32_t magic =
      (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
  return magic == 0xfd2fb528u || (magic & 0xfffffff0u) == 0x184d2a50u;
}

/* Between members: another one, zero padding up to the end as tape drives leave it, or the end. */
static neap_status next_member(neap_reader *r, bool *ended) {
  NEAP_TRY(refill(r, 2));
  while (!is_gzip(r->in + r->at, r->end - r->at)) {
    for (; r->at < r->end; r->at++)
      if (r->in[r->at]) return corrupt(r, "gzip", "other bytes follow it");
    NEAP_TRY(refill(r, 1));
    *ended = r->at == r->end;
    if (*ended) return NEAP_OK;
  }
  inflateReset(&r->gzip);
  r->in_frame = true;
  return NEAP_OK;
}

static neap_status decode_gzip(neap_reader *r, char *out, size_t n, size_t *got) {
  bool ended = false;
  if (!r->in_frame) NEAP_TRY(next_member(r, &ended));
  if (ended) return NEAP_OK;
  NEAP_TRY(refill(r, 1));
  if (r->at == r->end) return ends_early(r, "gzip");
  r->gzip.next_in = r->in + r->at;
  r->gzip.avail_in = (uInt)(r->end - r->at);
  r->gzip.next_out = (Bytef *)out;
  r->gzip.avail_out = (uInt)n;
  int rc = inflate(&r->gzip, Z_NO_FLUSH);
  r->at = r->end - r->gzip.avail_in;
  *got = n - r->gzip.avail_out;
  if (rc == Z_STREAM_END) r->in_frame = false;
  else if (rc == Z_MEM_ERROR) return neap_fail(NEAP_ENOMEM, "read '%s': out of memory", r->path);
  else if (rc != Z_OK && rc != Z_BUF_ERROR)
    return corrupt(r, "gzip", r->gzip.msg ? r->gzip.msg : "bad header");
  return NEAP_OK;
}

static neap_status decode_zstd(neap_reader *r, char *out, size_t n, size_t *got) {
  NEAP_TRY(refill(r, 1));
  bool dry = r->at == r->end; /* the decoder may still hold output */
  if (dry && !r->in_frame) return NEAP_OK;
  ZSTD_inBuffer in = {r->in, r->end, r->at};
  ZSTD_outBuffer o = {out, n, 0};
  size_t rc = ZSTD_decompressStream(r->zstd, &o, &in);
  if (ZSTD_isError(rc)) return corrupt(r, "zstd", ZSTD_getErrorName(rc));
  r->at = in.pos;
  r->in_frame = rc != 0;
  *got = o.pos;
  return dry && r->in_frame && o.pos == 0 ? ends_early(r, "zstd") : NEAP_OK;
}

static void *zlib_alloc(void *ctx, unsigned n, unsigned size) {
  (void)ctx;
  return neap_calloc_array(n, size);
}

static void zlib_free(void *ctx, void *block) {
  (void)ctx;
  neap_free(block);
}

static neap_status start_gzip(neap_reader *r) {
  r->decode = decode_gzip;
  r->gzip.zalloc = zlib_alloc;
  r->gzip.zfree = zlib_free;
  if (inflateInit2(&r->gzip, 15 + 16) != Z_OK)
    return neap_fail(NEAP_ENOMEM, "read '%s': out of memory", r->path);
  return NEAP_OK;
}

static neap_status start_zstd(neap_reader *r) {
  r->decode = decode_zstd;
  r->zstd = ZSTD_createDStream();
  if (!r->zstd) return neap_fail(NEAP_ENOMEM, "read '%s': out of memory", r->path);
  return NEAP_OK;
}

static neap_status reader_start(neap_reader *r, const char *path) {
  r->fd = -1;
  r->path = neap_strndup(path, strlen(path));
  if (!r->path) return NEAP_ENOMEM;
  r->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (r->fd < 0) return neap__file_fail("open", path, errno);
  r->decode = decode_plain;
  NEAP_TRY(refill(r, 4));
  if (is_gzip(r->in, r->end)) return start_gzip(r);
  return is_zstd(r->in, r->end) ? start_zstd(r) : NEAP_OK;
}

neap_status neap_reader_open(neap_reader **out, const char *path) {
  *out = NULL;
  neap_reader *r = neap_calloc_array(1, sizeof *r);
  if (!r) return NEAP_ENOMEM;
  neap_status st = reader_start(r, path);
  if (st) neap_reader_close(r);
  else *out = r;
  return st;
}

/* True once the decoder has nothing more to give. */
static bool drained(const neap_reader *r) {
  return r->file_ended && r->at == r->end && !r->in_frame;
}

neap_status neap_reader_read(neap_reader *r, void *buf, size_t n, size_t *got) {
  char *out = buf;
  *got = 0;
  while (*got < n && !drained(r)) {
    size_t want = n - *got < (1u << 30) ? n - *got : 1u << 30, k = 0;
    NEAP_TRY(r->decode(r, out + *got, want, &k));
    *got += k;
    r->given += (int64_t)k;
  }
  return NEAP_OK;
}

void neap_reader_close(neap_reader *r) {
  if (!r) return;
  if (r->fd >= 0) close(r->fd);
  if (r->decode == decode_gzip) inflateEnd(&r->gzip);
  ZSTD_freeDStream(r->zstd);
  neap_free(r->path);
  neap_free(r);
}

int64_t neap_reader_size(const neap_reader *r) {
  struct stat s;
  if (fstat(r->fd, &s) != 0 || !S_ISREG(s.st_mode)) return 0;
  if (r->decode == decode_plain) return s.st_size;
  int64_t used = lseek(r->fd, 0, SEEK_CUR) - (int64_t)(r->end - r->at);
  return used > 0 ? (int64_t)((double)r->given * ((double)s.st_size / (double)used)) : 0;
}

/* The size to start with: the file's, when the system knows it. */
static size_t first_capacity(const neap_reader *r) {
  int64_t size = r->decode == decode_plain ? neap_reader_size(r) : 0;
  return size > 0 ? (size_t)size + 2 : 4 * BLOCK;
}

static neap_status read_all(neap_reader *r, char **data, size_t *n) {
  size_t capacity = first_capacity(r), got = 0;
  *data = neap_alloc(capacity);
  if (!*data) return NEAP_ENOMEM;
  for (*n = 0;;) {
    NEAP_TRY(neap_reader_read(r, *data + *n, capacity - 1 - *n, &got));
    *n += got;
    if (*n < capacity - 1) break;
    char *grown = neap_realloc_array(*data, capacity * 2, 1);
    if (!grown) return NEAP_ENOMEM;
    *data = grown;
    capacity *= 2;
  }
  (*data)[*n] = 0;
  return NEAP_OK;
}

neap_status neap_file_read(const char *path, char **data, int64_t *n) {
  neap_reader *r;
  size_t length = 0;
  *data = NULL;
  NEAP_TRY(neap_reader_open(&r, path));
  neap_status st = read_all(r, data, &length);
  if (st) {
    neap_free(*data);
    *data = NULL;
  }
  *n = (int64_t)length;
  neap_reader_close(r);
  return st;
}
