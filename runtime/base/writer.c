#define _GNU_SOURCE /* sync_file_range */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/file.h"

enum { BLOCK = 128 << 10 };

typedef enum { PLAIN, GZIP, ZSTD } kind;

struct neap_writer {
  kind kind;
  int fd;
  bool direct;        /* a device or pipe: no temporary file */
  neap_status failed; /* sticky, with its text in message */
  char message[1024];
  size_t filled;
  z_stream gzip;
  ZSTD_CStream *zstd;
  char *path, *temporary;
  const char *folder; /* of the temporary file, NULL: that of path; valid while it is opened */
  unsigned char out[BLOCK]; /* bytes on their way to the file */
};

/* faults -----------------------------------------------------------------------------------------
 */

static atomic_int_fast64_t fault_left; /* calls until the fault; 0 = none */
static atomic_int fault_errno;

void neap_file_fail_after(int64_t k, int err) {
  atomic_store(&fault_errno, err);
  atomic_store(&fault_left, k);
}

bool neap_file_fail_armed(void) { return atomic_load(&fault_left) > 0; }

static void fault_from_environment(void) {
  const char *text = getenv("NEAP_FAULT_WRITE");
  if (text) neap_file_fail_after(strtoll(text, NULL, 10), ENOSPC);
}

/* True when this call has to fail; errno is set then. */
static bool fault(void) {
  if (atomic_load_explicit(&fault_left, memory_order_relaxed) <= 0) return false;
  if (atomic_fetch_sub(&fault_left, 1) != 1) return false;
  errno = atomic_load(&fault_errno);
  return true;
}

/* the file ---------------------------------------------------------------------------------------
 */

static neap_status write_fully(neap_writer *w, const unsigned char *p, size_t n) {
  while (n) {
    ssize_t k = fault() ? -1 : write(w->fd, p, n);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) return neap__file_fail("write", w->path, errno);
    p += k;
    n -= (size_t)k;
  }
  return NEAP_OK;
}

static neap_status flush(neap_writer *w) {
  size_t n = w->filled;
  w->filled = 0;
  return write_fully(w, w->out, n);
}

static neap_status put_plain(neap_writer *w, const unsigned char *p, size_t n) {
  if (w->filled + n > BLOCK) NEAP_TRY(flush(w));
  if (n >= BLOCK) return write_fully(w, p, n);
  memcpy(w->out + w->filled, p, n);
  w->filled += n;
  return NEAP_OK;
}

static neap_status put_gzip(neap_writer *w, const unsigned char *p, size_t n, int mode) {
  w->gzip.next_in = (Bytef *)(uintptr_t)p;
  w->gzip.avail_in = (uInt)n;
  for (;;) {
    w->gzip.next_out = w->out + w->filled;
    w->gzip.avail_out = (uInt)(BLOCK - w->filled);
    int rc = deflate(&w->gzip, mode);
    w->filled = BLOCK - w->gzip.avail_out;
    if (rc == Z_STREAM_END || (mode == Z_NO_FLUSH && w->gzip.avail_out)) return NEAP_OK;
    if (rc == Z_STREAM_ERROR) return neap_fail(NEAP_EIO, "write '%s': gzip failed", w->path);
    NEAP_TRY(flush(w));
  }
}

static neap_status put_zstd(neap_writer *w, const void *p, size_t n, ZSTD_EndDirective mode) {
  ZSTD_inBuffer in = {p, n, 0};
  for (;;) {
    ZSTD_outBuffer o = {w->out, BLOCK, w->filled};
    size_t rest = ZSTD_compressStream2(w->zstd, &o, &in, mode);
    w->filled = o.pos;
    if (ZSTD_isError(rest))
      return neap_fail(NEAP_ENOMEM, "write '%s': %s", w->path, ZSTD_getErrorName(rest));
    if (mode == ZSTD_e_continue ? in.pos == n : rest == 0) return NEAP_OK;
    NEAP_TRY(flush(w));
  }
}

static neap_status put(neap_writer *w, const void *data, size_t n) {
  if (w->kind == PLAIN) return put_plain(w, data, n);
  if (w->kind == ZSTD) return put_zstd(w, data, n, ZSTD_e_continue);
  const unsigned char *p = data;
  for (size_t k; n; p += k, n -= k) { /* zlib counts in 32 bits */
    k = n < (1u << 30) ? n : 1u << 30;
    NEAP_TRY(put_gzip(w, p, k, Z_NO_FLUSH));
  }
  return NEAP_OK;
}

static neap_status finish(neap_writer *w) {
  if (w->kind == GZIP) NEAP_TRY(put_gzip(w, NULL, 0, Z_FINISH));
  if (w->kind == ZSTD) NEAP_TRY(put_zstd(w, NULL, 0, ZSTD_e_end));
  return flush(w);
}

/* opening ----------------------------------------------------------------------------------------
 */

static bool ends_with(const char *text, const char *suffix) {
  size_t n = strlen(text), k = strlen(suffix);
  return n >= k && strcmp(text + n - k, suffix) == 0;
}

static void *zlib_alloc(void *ctx, unsigned n, unsigned size) {
  (void)ctx;
  return neap_calloc_array(n, size);
}

static void zlib_free(void *ctx, void *block) {
  (void)ctx;
  neap_free(block);
}

static neap_status start_compression(neap_writer *w) {
  bool ok = true;
  if (ends_with(w->path, ".gz")) {
    w->gzip.zalloc = zlib_alloc;
    w->gzip.zfree = zlib_free;
    ok = deflateInit2(&w->gzip, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    if (ok) w->kind = GZIP;
  } else if (ends_with(w->path, ".zst")) {
    w->kind = ZSTD;
    w->zstd = ZSTD_createCStream();
    ok = w->zstd && !ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1));
  }
  return ok ? NEAP_OK : neap_fail(NEAP_ENOMEM, "write '%s': out of memory", w->path);
}

/* Open "path.<process>-<count>.tmp", a name that nobody has; other processes may race us. */
static neap_status open_temporary(neap_writer *w, mode_t mode) {
  static atomic_uint count;
  const char *slash = strrchr(w->path, '/'), *name = slash ? slash + 1 : w->path;
  int before = w->folder ? 0 : (int)(name - w->path);
  size_t room = strlen(w->path) + (w->folder ? strlen(w->folder) : 0) + 64;
  w->temporary = neap_alloc(room);
  if (!w->temporary) return NEAP_ENOMEM;
  for (int attempt = 0; attempt < 100; attempt++) {
    snprintf(w->temporary, room, "%s%s%.*s%s.%ld-%u.tmp", w->folder ? w->folder : "",
             w->folder ? "/" : "", before, w->path, name, (long)getpid(),
             atomic_fetch_add(&count, 1));
    w->fd = fault() ? -1 : open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (w->fd >= 0 || errno != EEXIST) break;
  }
  if (w->fd >= 0) {
    if (mode) fchmod(w->fd, mode);
    return NEAP_OK;
  }
  neap_status st = neap__file_fail("write", w->path, errno);
  neap_free(w->temporary); /* not ours to remove */
  w->temporary = NULL;
  return st;
}

static neap_status open_target(neap_writer *w) {
  struct stat s;
  bool there = stat(w->path, &s) == 0;
  if (there && S_ISDIR(s.st_mode)) return neap__file_fail("write", w->path, EISDIR);
  w->direct = there && !S_ISREG(s.st_mode);
  if (!w->direct) return open_temporary(w, there ? s.st_mode & 07777 : 0);
  w->fd = open(w->path, O_WRONLY | O_CLOEXEC);
  return w->fd < 0 ? neap__file_fail("write", w->path, errno) : NEAP_OK;
}

neap_status neap_writer_open(neap_writer **out, const char *path) {
  return neap_writer_open_in(out, path, NULL);
}

neap_status neap_writer_open_in(neap_writer **out, const char *path, const char *folder) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, fault_from_environment);
  *out = NULL;
  neap_writer *w = neap_calloc_array(1, sizeof *w);
  if (!w) return NEAP_ENOMEM;
  w->fd = -1;
  w->folder = folder;
  w->path = neap_strndup(path, strlen(path));
  neap_status st = w->path ? NEAP_OK : NEAP_ENOMEM;
  if (!st) st = start_compression(w);
  if (!st) st = open_target(w);
  if (st) neap_writer_abandon(w);
  else *out = w;
  return st;
}

/* Remember the first failure with its text. */
static neap_status keep(neap_writer *w, neap_status st) {
  if (st && !w->failed) {
    w->failed = st;
    snprintf(w->message, sizeof w->message, "%s", neap_last_error());
  }
  return st;
}

neap_status neap_writer_write(neap_writer *w, const void *data, size_t n) {
  if (w->failed) return neap_fail(w->failed, "%s", w->message);
  return n ? keep(w, put(w, data, n)) : NEAP_OK;
}

/* ending -----------------------------------------------------------------------------------------
 */

static neap_status sync_folder(const char *folder, const char *operation, const char *path) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int rc = fault() || fd < 0 ? -1 : fsync(fd);
  bool ok = rc == 0 || errno == EINVAL; /* some file systems cannot sync a folder */
  neap_status st = ok ? NEAP_OK : neap__file_fail(operation, path, errno);
  if (fd >= 0) close(fd);
  return st;
}

neap_status neap_folder_sync(const char *path) {
  return sync_folder(path, "sync the folder", path);
}

static neap_status sync_folder_of(const char *path) {
  char *folder = neap_strndup(path, strlen(path));
  if (!folder) return NEAP_ENOMEM;
  char *slash = strrchr(folder, '/');
  if (slash) slash[slash == folder] = 0;
  neap_status st = sync_folder(slash ? folder : ".", "sync the folder of", path);
  neap_free(folder);
  return st;
}

static neap_status close_file(neap_writer *w) {
  int rc = close(w->fd);
  w->fd = -1;
  return rc == 0 ? NEAP_OK : neap__file_fail("close", w->path, errno);
}

static neap_status put_in_place(neap_writer *w) {
  if (fault() || fsync(w->fd) != 0) return neap__file_fail("sync", w->path, errno);
  NEAP_TRY(close_file(w));
  if (fault() || rename(w->temporary, w->path) != 0)
    return neap__file_fail("rename to", w->path, errno);
  neap_free(w->temporary);
  w->temporary = NULL;
  return NEAP_OK;
}

neap_status neap_writer_stage(neap_writer *w) {
  if (w->failed) return neap_fail(w->failed, "%s", w->message);
  NEAP_TRY(keep(w, finish(w)));
#ifdef SYNC_FILE_RANGE_WRITE
  if (!w->direct) sync_file_range(w->fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* only a start: no check */
#endif
  return NEAP_OK;
}

neap_status neap_writer_place(neap_writer *w) {
  neap_status st = w->failed ? neap_fail(w->failed, "%s", w->message) : NEAP_OK;
  if (!st) st = w->direct ? close_file(w) : put_in_place(w);
  neap_writer_abandon(w);
  return st;
}

neap_status neap_writer_commit(neap_writer *w) {
  neap_status st = w->failed ? neap_fail(w->failed, "%s", w->message) : finish(w);
  if (!st) st = w->direct ? close_file(w) : put_in_place(w);
  if (!st && !w->direct) st = sync_folder_of(w->path);
  neap_writer_abandon(w);
  return st;
}

void neap_writer_abandon(neap_writer *w) {
  if (!w) return;
  if (w->fd >= 0) close(w->fd);
  if (w->temporary) unlink(w->temporary);
  if (w->kind == GZIP) deflateEnd(&w->gzip);
  ZSTD_freeCStream(w->zstd);
  neap_free(w->temporary);
  neap_free(w->path);
  neap_free(w);
}

neap_status neap_file_write(const char *path, const void *data, size_t n) {
  neap_writer *w;
  NEAP_TRY(neap_writer_open(&w, path));
  neap_status st = neap_writer_write(w, data, n);
  if (!st) return neap_writer_commit(w);
  neap_writer_abandon(w);
  return st;
}
