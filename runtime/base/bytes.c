#define _DEFAULT_SOURCE /* MAP_NORESERVE */
#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/interrupt.h"

enum { PIECE = 4 << 20 }; /* read between two looks at the interrupt flag */

struct neap_bytes {
  int fd; /* -1: borrowed */
  const char *data;
  int64_t n;
  char *name;
};

/* A descriptor of the regular file at path and its size. */
static neap_status open_file(int *fd, int64_t *n, const char *path) {
  struct stat s;
  *fd = open(path, O_RDONLY | O_CLOEXEC);
  if (*fd < 0) return neap__file_fail("open", path, errno);
  int err = fstat(*fd, &s) != 0 ? errno : S_ISDIR(s.st_mode) ? EISDIR : 0;
  neap_status st = err ? neap__file_fail("read", path, err) : NEAP_OK;
  if (!st && !S_ISREG(s.st_mode)) st = neap_fail(NEAP_EIO, "read '%s': not a regular file", path);
  *n = st ? 0 : s.st_size;
  if (st) close(*fd);
  return st;
}

static neap_bytes *make(const char *name) {
  neap_bytes *b = neap_calloc_array(1, sizeof *b);
  if (!b) return NULL;
  b->fd = -1;
  b->name = neap_strndup(name, strlen(name));
  if (b->name) return b;
  neap_free(b);
  return NULL;
}

neap_status neap_bytes_open(neap_bytes **out, const char *path) {
  *out = NULL;
  neap_bytes *b = make(path);
  if (!b) return NEAP_ENOMEM;
  neap_status st = open_file(&b->fd, &b->n, path);
  if (st) {
    b->fd = -1;
    neap_bytes_close(b);
  } else *out = b;
  return st;
}

neap_status neap_bytes_borrow(neap_bytes **out, const void *data, int64_t n, const char *name) {
  neap_bytes *b = *out = make(name);
  if (!b) return NEAP_ENOMEM;
  b->data = data;
  b->n = n;
  return NEAP_OK;
}

int64_t neap_bytes_size(const neap_bytes *b) { return b->n; }

const char *neap_bytes_name(const neap_bytes *b) { return b->name; }

static neap_status past_the_end(const neap_bytes *b) {
  return neap_fail(NEAP_EFORMAT, "read '%s': it ends early (truncated file)", b->name);
}

neap_status neap_bytes_read(const neap_bytes *b, int64_t at, void *out, int64_t n) {
  if (at < 0 || n < 0 || at > b->n || n > b->n - at) return past_the_end(b);
  if (b->fd < 0) {
    if (n) memcpy(out, b->data + at, (size_t)n);
    return NEAP_OK;
  }
  for (char *p = out; n;) {
    NEAP_TRY(neap_interrupt_check());
    ssize_t k = pread(b->fd, p, (size_t)(n < PIECE ? n : PIECE), at);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) return neap__file_fail("read", b->name, errno);
    if (k == 0) return past_the_end(b);
    p += k;
    at += k;
    n -= k;
  }
  return NEAP_OK;
}

void neap_bytes_close(neap_bytes *b) {
  if (!b) return;
  if (b->fd >= 0) close(b->fd);
  neap_free(b->name);
  neap_free(b);
}

neap_status neap_file_map(void **data, int64_t *n, const char *path) {
  int fd;
  *data = NULL;
  NEAP_TRY(open_file(&fd, n, path));
  void *p = NULL;
  if (*n) p = mmap(NULL, (size_t)*n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
  int err = errno;
  close(fd);
  if (p == MAP_FAILED) return neap__file_fail("map", path, err);
  *data = p;
  return NEAP_OK;
}

void neap_file_unmap(void *data, int64_t n) {
  if (data) munmap(data, (size_t)n);
}
