/* Writing .npz: local headers and data one after the other, then the directory. Sizes and CRC are
 * known before a member is written, so that the file needs no way back and no data descriptors. */
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "tensor/archive.h"

enum { PIECE = 1 << 20, DEFLATED = 8, UTF8 = 1 << 11, YEAR_1980 = 1 << 5 | 1 };
#define ALL_ONES 0xffffffffu

typedef struct {
  neap_writer *file;
  neap_text directory;
  uint64_t at, from; /* bytes written; where zip64 begins */
  bool deflate;
} zip;

typedef struct {
  uint32_t crc;
  uint64_t unpacked, packed, local;
  size_t header;
  char npy[NEAP__NPY_HEADER]; /* the first header bytes; then the elements */
  const char *data;
  unsigned char *squeezed; /* all of it deflated, or NULL */
} member;

static void put(neap_text *t, uint64_t v, int n) {
  char bytes[8];
  for (int i = 0; i < n; i++) bytes[i] = (char)(v >> 8 * i & 255);
  neap_text_add(t, bytes, (size_t)n);
}

/* v in four bytes, all ones when it stands in the zip64 field. */
static void put_or_wide(neap_text *t, uint64_t v, bool wide) { put(t, wide ? ALL_ONES : v, 4); }

static bool is_wide(const zip *z, const member *m) {
  return m->unpacked >= z->from || m->packed >= z->from || m->local >= z->from;
}

/* What local and central records have in common, from the version to the name's length. */
static void put_common(const zip *z, neap_text *t, const member *m, const char *name) {
  bool ascii = true, wide = is_wide(z, m);
  for (const char *p = name; *p; p++) ascii = ascii && (unsigned char)*p < 128;
  put(t, wide ? 45 : 20, 2);
  put(t, ascii ? 0 : UTF8, 2);
  put(t, z->deflate ? DEFLATED : 0, 2);
  put(t, (uint64_t)YEAR_1980 << 16, 4);
  put(t, m->crc, 4);
  put_or_wide(t, m->packed, wide);
  put_or_wide(t, m->unpacked, wide);
  put(t, strlen(name) + 4, 2);
}

static void put_name(neap_text *t, const char *name) {
  neap_text_put(t, name);
  neap_text_put(t, ".npy");
}

static void put_local(const zip *z, neap_text *t, const member *m, const char *name) {
  neap_text_put(t, "PK\3\4");
  put_common(z, t, m, name);
  put(t, is_wide(z, m) ? 20 : 0, 2);
  put_name(t, name);
  if (!is_wide(z, m)) return;
  put(t, 16 << 16 | 1, 4);
  put(t, m->unpacked, 8);
  put(t, m->packed, 8);
}

static void put_central(const zip *z, neap_text *t, const member *m, const char *name) {
  neap_text_put(t, "PK\1\2");
  put(t, 3 << 8 | 45, 2); /* made by Unix, by these rules */
  put_common(z, t, m, name);
  put(t, is_wide(z, m) ? 28 : 0, 2);
  put(t, 0, 2);           /* comment */
  put(t, 0, 4);           /* volume, inner attributes */
  put(t, 0644u << 16, 4); /* outer attributes: permissions */
  put_or_wide(t, m->local, is_wide(z, m));
  put_name(t, name);
  if (!is_wide(z, m)) return;
  put(t, 24 << 16 | 1, 4);
  put(t, m->unpacked, 8);
  put(t, m->packed, 8);
  put(t, m->local, 8);
}

static void put_end(const zip *z, neap_text *t, uint64_t count, uint64_t size) {
  bool wide = count >= 0xffff || size >= z->from || z->at >= z->from;
  if (wide) {
    neap_text_put(t, "PK\6\6");
    put(t, 44, 8); /* bytes that follow */
    put(t, 45 << 16 | 3 << 8 | 45, 4);
    put(t, 0, 8);
    put(t, count, 8);
    put(t, count, 8);
    put(t, size, 8);
    put(t, z->at, 8);
    neap_text_put(t, "PK\6\7");
    put(t, 0, 4);
    put(t, z->at + size, 8);
    put(t, 1, 4);
  }
  neap_text_put(t, "PK\5\6");
  put(t, 0, 4);
  put(t, wide ? 0xffff : count, 2);
  put(t, wide ? 0xffff : count, 2);
  put_or_wide(t, size, wide);
  put_or_wide(t, z->at, wide);
  put(t, 0, 2);
}

static neap_status write_bytes(zip *z, const void *data, uint64_t n) {
  for (const char *p = data; n;) {
    size_t k = n < PIECE ? (size_t)n : PIECE;
    NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(neap_writer_write(z->file, p, k));
    p += k;
    n -= k;
    z->at += k;
  }
  return NEAP_OK;
}

static neap_status write_text(zip *z, neap_text *t) {
  neap_status st = t->failed ? NEAP_ENOMEM : write_bytes(z, t->data, t->n);
  neap_text_drop(t);
  return st;
}

static neap_status sum(member *m) {
  uint32_t crc = neap__crc32(0, m->npy, m->header);
  for (uint64_t i = m->header; i < m->unpacked; i += PIECE) {
    uint64_t left = m->unpacked - i;
    NEAP_TRY(neap_interrupt_check());
    crc = neap__crc32(crc, m->data + (i - m->header), left < PIECE ? left : PIECE);
  }
  m->crc = crc;
  return NEAP_OK;
}

/* n bytes into squeezed from packed on, which has the room that deflateBound asked for. */
static void deflate_piece(member *m, z_stream *s, const void *data, uint64_t n, bool last) {
  s->next_in = (Bytef *)(uintptr_t)data;
  s->avail_in = (uInt)n;
  int rc;
  do {
    s->next_out = m->squeezed + m->packed;
    s->avail_out = PIECE;
    rc = deflate(s, last ? Z_FINISH : Z_NO_FLUSH);
    m->packed += PIECE - s->avail_out;
  } while (s->avail_out == 0 && rc == Z_OK);
}

static neap_status squeeze(member *m) {
  z_stream s = {0};
  if (deflateInit2(&s, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return neap_fail(NEAP_ENOMEM, "out of memory");
  m->packed = 0;
  m->squeezed = neap_alloc((uint64_t)deflateBound(&s, m->unpacked) + PIECE);
  neap_status st = m->squeezed ? NEAP_OK : NEAP_ENOMEM;
  if (!st) deflate_piece(m, &s, m->npy, m->header, m->unpacked == m->header);
  for (uint64_t i = m->header; !st && i < m->unpacked; i += PIECE) {
    uint64_t left = m->unpacked - i;
    deflate_piece(m, &s, m->data + (i - m->header), left < PIECE ? left : PIECE, left <= PIECE);
    st = neap_interrupt_check();
  }
  deflateEnd(&s);
  return st;
}

static neap_status write_payload(zip *z, const member *m) {
  if (m->squeezed) return write_bytes(z, m->squeezed, m->packed);
  NEAP_TRY(write_bytes(z, m->npy, m->header));
  return write_bytes(z, m->data, m->unpacked - m->header);
}

static neap_status write_member(zip *z, const char *name, const neap_tensor *t) {
  member m = {.local = z->at};
  neap_tensor plain;
  neap_text local = {0};
  NEAP_TRY(neap_tensor_as(&plain, t, t->dtype));
  m.data = neap_tensor_data(&plain);
  m.header = neap__npy_header(m.npy, t);
  m.unpacked = m.packed = m.header + (uint64_t)neap_tensor_numel(t) * neap_dtype_size(t->dtype);
  neap_status st = sum(&m);
  if (!st && z->deflate) st = squeeze(&m);
  if (!st) {
    put_local(z, &local, &m, name);
    put_central(z, &z->directory, &m, name);
    st = write_text(z, &local);
  }
  if (!st) st = write_payload(z, &m);
  neap_free(m.squeezed);
  neap_tensor_drop(&plain);
  return st;
}

static neap_status write_all(zip *z, const neap_archive *a) {
  for (int64_t i = 0; i < a->n; i++) NEAP_TRY(write_member(z, a->item[i].name, &a->item[i].t));
  uint64_t size = z->directory.n;
  put_end(z, &z->directory, (uint64_t)a->n, size);
  return write_text(z, &z->directory);
}

static neap_status check_names(const neap_archive *a, const char *path) {
  for (int64_t i = 0; i < a->n; i++) {
    size_t n = strlen(a->item[i].name);
    if (n > 65531 || !neap__is_text(a->item[i].name, n))
      return neap_fail(NEAP_EARG, "save '%s': a name that is too long or not UTF-8", path);
  }
  return NEAP_OK;
}

neap_status neap_npz_save(const char *path, neap_archive *a, neap_npz_options o) {
  zip z = {.from = o.zip64_from ? o.zip64_from : ALL_ONES, .deflate = o.deflate};
  NEAP_TRY(neap__archive_sort(a, path));
  NEAP_TRY(check_names(a, path));
  NEAP_TRY(neap_writer_open(&z.file, path));
  neap_status st = write_all(&z, a);
  neap_text_drop(&z.directory);
  if (!st) return neap_writer_commit(z.file);
  neap_writer_abandon(z.file);
  return st;
}
