/* NumPy's .npz: a zip archive whose members are .npy files, read through its central directory.
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 and 4.5.3 */
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "tensor/archive.h"

enum { IN = 64 << 10, END = 22, LOCATOR = 20, END64 = 56, CENTRAL = 46, LOCAL = 30 };
enum { STORED = 0, DEFLATED = 8, ENCRYPTED = 1 };

typedef struct {
  const neap_bytes *file;
  int64_t count, at, size; /* the central directory: members, position, bytes */
  int64_t packed;          /* bytes of the members so far */
} directory;

typedef struct {
  int method;
  uint32_t crc;
  uint64_t packed, unpacked, local;
  const char *name;
  size_t name_length;
} member;

static uint32_t little(const unsigned char *p, int n) {
  uint32_t v = 0;
  for (int i = n - 1; i >= 0; i--) v = v << 8 | p[i];
  return v;
}

static uint64_t little64(const unsigned char *p) {
  return (uint64_t)little(p + 4, 4) << 32 | little(p, 4);
}

static neap_status damaged(const neap_bytes *f, const char *what) {
  return neap_fail(NEAP_EFORMAT, "load '%s': not a .npz file: %s", neap_bytes_name(f), what);
}

/* the directory -------------------------------------------------------------------------------- */

/* The end record behind everything but a comment that reaches to the end of the file. */
static neap_status find_end(const neap_bytes *f, int64_t *at, unsigned char *end) {
  int64_t size = neap_bytes_size(f), tail = size < END + 65535 ? size : END + 65535;
  if (size < END) return damaged(f, "too short (truncated file)");
  unsigned char *last = neap_alloc(tail);
  if (!last) return NEAP_ENOMEM;
  neap_status st = neap_bytes_read(f, size - tail, last, tail);
  int64_t i = tail - END;
  while (!st && i >= 0 &&
         !(memcmp(last + i, "PK\5\6", 4) == 0 && i + END + little(last + i + 20, 2) == tail))
    i--;
  if (!st && i < 0) st = damaged(f, "no directory at its end (truncated file)");
  if (!st) memcpy(end, last + i, END);
  *at = size - tail + i;
  neap_free(last);
  return st;
}

/* Fields that are too small for their values stand in the zip64 record. */
static neap_status read_end64(directory *d, int64_t end_at) {
  unsigned char locator[LOCATOR], end[END64];
  NEAP_TRY(neap_bytes_read(d->file, end_at - LOCATOR, locator, LOCATOR));
  uint64_t at = little64(locator + 8);
  if (memcmp(locator, "PK\6\7", 4) != 0 || at > (uint64_t)end_at)
    return damaged(d->file, "no zip64 directory");
  NEAP_TRY(neap_bytes_read(d->file, (int64_t)at, end, END64));
  uint64_t count = little64(end + 32), size = little64(end + 40), start = little64(end + 48);
  if (memcmp(end, "PK\6\6", 4) != 0 || start > at || size > at - start || count > size)
    return damaged(d->file, "no zip64 directory");
  d->count = (int64_t)count;
  d->size = (int64_t)size;
  d->at = (int64_t)start;
  return NEAP_OK;
}

static neap_status find_directory(directory *d) {
  unsigned char end[END];
  int64_t end_at = 0;
  NEAP_TRY(find_end(d->file, &end_at, end));
  d->count = little(end + 10, 2);
  d->size = little(end + 12, 4);
  d->at = little(end + 16, 4);
  if (d->count == 0xffff || d->size == 0xffffffff || d->at == 0xffffffff)
    return read_end64(d, end_at);
  if (little(end + 4, 4)) return damaged(d->file, "it is one of several volumes");
  return d->at + d->size <= end_at ? NEAP_OK : damaged(d->file, "its directory lies outside");
}

/* The zip64 field holds those of the three values that are all ones, in this order. */
static bool widen(member *m, const unsigned char *extra, size_t n) {
  uint64_t *value[] = {&m->unpacked, &m->packed, &m->local};
  while (n >= 4) {
    size_t size = little(extra + 2, 2);
    if (size > n - 4) return false;
    const unsigned char *p = extra + 4;
    for (size_t i = 0, left = size; little(extra, 2) == 1 && i < 3; i++) {
      if (*value[i] != 0xffffffff) continue;
      if (left < 8) return false;
      *value[i] = little64(p);
      p += 8;
      left -= 8;
    }
    extra += 4 + size;
    n -= 4 + size;
  }
  return true;
}

/* The member at p[0..n) of the directory; *used is the size of its record. */
static neap_status parse_member(const directory *d, member *m, const unsigned char *p, size_t n,
                                size_t *used) {
  if (n < CENTRAL || memcmp(p, "PK\1\2", 4) != 0) return damaged(d->file, "a damaged directory");
  size_t name = little(p + 28, 2), extra = little(p + 30, 2), comment = little(p + 32, 2);
  *used = CENTRAL + name + extra + comment;
  if (*used > n) return damaged(d->file, "a damaged directory");
  m->method = (int)little(p + 10, 2);
  m->crc = little(p + 16, 4);
  m->packed = little(p + 20, 4);
  m->unpacked = little(p + 24, 4);
  m->local = little(p + 42, 4);
  m->name = (const char *)p + CENTRAL;
  m->name_length = name;
  if (!widen(m, p + CENTRAL + name, extra)) return damaged(d->file, "a damaged zip64 field");
  if (!neap__is_text(m->name, name)) return damaged(d->file, "a member's name is not UTF-8 text");
  if (name < 4 || memcmp(m->name + name - 4, ".npy", 4) != 0)
    return neap_fail(NEAP_EFORMAT, "load '%s': member '%.*s' is not a .npy file",
                     neap_bytes_name(d->file), (int)name, m->name);
  if (little(p + 8, 2) & ENCRYPTED) return damaged(d->file, "a member is encrypted");
  if (m->method != STORED && m->method != DEFLATED)
    return damaged(d->file, "a member is neither stored nor deflated");
  return NEAP_OK;
}

/* No member is larger than its place, and deflate makes at most 1032 bytes of one. */
static neap_status check_sizes(directory *d, const member *m) {
  uint64_t room = (uint64_t)d->at;
  if (m->local > room || m->packed > room - m->local)
    return damaged(d->file, "a member lies outside");
  d->packed += (int64_t)m->packed;
  if (d->packed > d->at) return damaged(d->file, "members lie one over another");
  bool possible = m->method == STORED ? m->unpacked == m->packed : m->unpacked / 1032 <= m->packed;
  return possible ? NEAP_OK : damaged(d->file, "a member claims an impossible size");
}

/* members -------------------------------------------------------------------------------------- */

typedef struct {
  const neap_bytes *file;
  int64_t at, left; /* packed bytes */
  uint32_t crc;
  bool ended; /* deflate said so */
  z_stream *inflate;
  unsigned char in[IN];
} unpacker;

static neap_status corrupt(const unpacker *u) {
  return damaged(u->file, "a member's compressed data are corrupt");
}

static neap_status inflate_some(unpacker *u, unsigned char *out, size_t n, size_t *got) {
  z_stream *z = u->inflate;
  z->next_out = out;
  z->avail_out = (uInt)n; /* pieces of .npy are small */
  while (z->avail_out && !u->ended) {
    if (!z->avail_in && u->left) {
      z->avail_in = (uInt)(u->left < IN ? u->left : IN);
      z->next_in = u->in;
      NEAP_TRY(neap_bytes_read(u->file, u->at, u->in, z->avail_in));
      u->at += z->avail_in;
      u->left -= z->avail_in;
    }
    int rc = inflate(z, Z_NO_FLUSH);
    if (rc == Z_MEM_ERROR) return neap_fail(NEAP_ENOMEM, "out of memory");
    u->ended = rc == Z_STREAM_END;
    if (rc != Z_OK && !u->ended) return corrupt(u);
  }
  *got = n - z->avail_out;
  return NEAP_OK;
}

static neap_status unpack(void *ctx, void *buf, size_t n, size_t *got) {
  unpacker *u = ctx;
  NEAP_TRY(neap_interrupt_check());
  if (u->inflate) NEAP_TRY(inflate_some(u, buf, n, got));
  else {
    *got = (int64_t)n < u->left ? n : (size_t)u->left;
    NEAP_TRY(neap_bytes_read(u->file, u->at, buf, (int64_t)*got));
    u->at += (int64_t)*got;
    u->left -= (int64_t)*got;
  }
  u->crc = neap__crc32(u->crc, buf, *got);
  return NEAP_OK;
}

/* Nothing may follow the elements, and the sum of all bytes must be the member's. */
static neap_status finish(unpacker *u, const member *m) {
  unsigned char more;
  size_t got = 0;
  if (u->inflate) NEAP_TRY(inflate_some(u, &more, 1, &got));
  if (got || u->left || (u->inflate && (!u->ended || u->inflate->avail_in))) return corrupt(u);
  if (u->crc == m->crc) return NEAP_OK;
  return neap_fail(NEAP_EFORMAT, "load '%s': member '%.*s' is damaged: its CRC is %08lx, not %08lx",
                   neap_bytes_name(u->file), (int)m->name_length, m->name, (unsigned long)u->crc,
                   (unsigned long)m->crc);
}

static neap_status start(unpacker *u, const directory *d, const member *m) {
  unsigned char local[LOCAL];
  int64_t at = (int64_t)m->local;
  NEAP_TRY(neap_bytes_read(d->file, at, local, LOCAL));
  if (memcmp(local, "PK\3\4", 4) != 0) return damaged(d->file, "a member is not in its place");
  u->file = d->file;
  u->at = at + LOCAL + little(local + 26, 2) + little(local + 28, 2);
  u->left = (int64_t)m->packed;
  return u->at + u->left <= d->at ? NEAP_OK : damaged(d->file, "a member lies outside");
}

static neap_status read_npy(neap_tensor *out, unpacker *u, const directory *d, const member *m) {
  z_stream z = {0};
  NEAP_TRY(start(u, d, m));
  if (m->method == DEFLATED) {
    if (inflateInit2(&z, -15) != Z_OK) return neap_fail(NEAP_ENOMEM, "out of memory");
    u->inflate = &z;
  }
  neap__npy_source source = {neap_bytes_name(d->file), unpack, u, (int64_t)m->unpacked};
  neap_status st = neap__npy_load(out, &source);
  if (!st) st = finish(u, m);
  else if (st != NEAP_EINTERRUPT)
    st = neap_fail_in(st, "member '%.*s'", (int)m->name_length, m->name);
  if (u->inflate) inflateEnd(&z);
  return st;
}

static neap_status add_member(neap_archive *out, const directory *d, const member *m) {
  NEAP_TRY(neap_archive_add(out, m->name, m->name_length - 4, NULL));
  unpacker *u = neap_calloc_array(1, sizeof *u);
  if (!u) return NEAP_ENOMEM;
  neap_status st = read_npy(&out->item[out->n - 1].t, u, d, m);
  neap_free(u);
  return st;
}

static neap_status read_members(neap_archive *out, directory *d, const unsigned char *p,
                                neap_only only) {
  size_t left = (size_t)d->size, used = 0;
  char name[65536];
  for (int64_t i = 0; i < d->count; i++, p += used, left -= used) {
    member m = {0};
    NEAP_TRY(parse_member(d, &m, p, left, &used));
    NEAP_TRY(check_sizes(d, &m));
    memcpy(name, m.name, m.name_length - 4);
    name[m.name_length - 4] = 0;
    if (neap__wanted(only, name)) NEAP_TRY(add_member(out, d, &m));
  }
  NEAP_TRY(neap__archive_sort(out, neap_bytes_name(d->file)));
  return neap__all_found(out, only, neap_bytes_name(d->file));
}

neap_status neap_npz_read(neap_archive *out, const neap_bytes *b, neap_only only) {
  directory d = {.file = b};
  memset(out, 0, sizeof *out);
  NEAP_TRY(find_directory(&d));
  unsigned char *p = neap_alloc(d.size);
  if (!p) return NEAP_ENOMEM;
  neap_status st = neap_bytes_read(b, d.at, p, d.size);
  if (!st) st = read_members(out, &d, p, only);
  neap_free(p);
  if (st) neap_archive_drop(out);
  return st;
}

neap_status neap_npz_load(neap_archive *out, const char *path, neap_only only) {
  return neap__archive_load(out, path, only, neap_npz_read);
}
