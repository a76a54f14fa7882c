/* NumPy's .npy: magic, version, header length, a Python dict as text, the elements.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "tensor/archive.h"

enum { PIECE = 1 << 20, WIDENED = 64 << 10, MAX_HEADER = 1 << 20 };
static const char MAGIC[] = "\x93NUMPY";

/* writing -------------------------------------------------------------------------------------- */

/* Magic to the end of the dict, padded so that the elements start at a multiple of 64. */
size_t neap__npy_header(char *out, const neap_tensor *t) {
  char dict[512];
  const neap_element *e = &neap_elements[t->dtype];
  size_t used =
      (size_t)snprintf(dict, sizeof dict, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                       e->size == 1            ? '|'
                       : neap_host_is_little() ? '<'
                                               : '>',
                       e->code);
  for (int d = 0; d < t->ndim; d++)
    used += (size_t)snprintf(dict + used, sizeof dict - used, d ? ", %lld" : "%lld",
                             (long long)t->size[d]);
  used += (size_t)snprintf(dict + used, sizeof dict - used, t->ndim == 1 ? ",), }" : "), }");
  size_t total = (10 + used + 1 + 63) / 64 * 64, padded = total - 10;
  memcpy(out, MAGIC, 6);
  out[6] = 1;
  out[7] = 0;
  out[8] = (char)(padded & 255);
  out[9] = (char)(padded >> 8);
  memset(out + 10, ' ', padded);
  memcpy(out + 10, dict, used);
  out[total - 1] = '\n';
  return total;
}

neap_status neap_tensor_save_npy(const neap_tensor *t, const char *path) {
  neap_tensor plain;
  neap_writer *w;
  char header[NEAP__NPY_HEADER];
  NEAP_TRY(neap_tensor_as(&plain, t, t->dtype));
  neap_status st = neap_writer_open(&w, path);
  if (st) {
    neap_tensor_drop(&plain);
    return st;
  }
  st = neap_writer_write(w, header, neap__npy_header(header, t));
  int64_t bytes = neap_tensor_numel(t) * (int64_t)neap_dtype_size(t->dtype);
  const char *data = neap_tensor_data(&plain);
  for (int64_t i = 0; !st && i < bytes; i += PIECE)
    st = neap_writer_write(w, data + i, (size_t)(bytes - i < PIECE ? bytes - i : PIECE));
  if (st) neap_writer_abandon(w);
  else st = neap_writer_commit(w);
  neap_tensor_drop(&plain);
  return st;
}

/* reading -------------------------------------------------------------------------------------- */

typedef struct {
  const char *path;
  const char *at, *end; /* the dict's text */
  const neap_element *element;
  bool fortran, swapped;
  int64_t used; /* bytes read so far */
  int ndim;
  int64_t size[NEAP_MAX_DIMS];
} header;

static neap_status damaged(const header *h, const char *what) {
  return neap_fail(NEAP_EFORMAT, "load '%s': not a .npy file: %s", h->path, what);
}

static neap_status read_all(const neap__npy_source *r, header *h, void *buf, size_t n) {
  size_t got;
  NEAP_TRY(r->read(r->ctx, buf, n, &got));
  h->used += (int64_t)got;
  return got == n ? NEAP_OK : damaged(h, "it ends early");
}

static void skip_spaces(header *h) {
  while (h->at < h->end && (*h->at == ' ' || *h->at == '\n' || *h->at == '\t')) h->at++;
}

static bool accept(header *h, const char *text) {
  size_t n = strlen(text);
  skip_spaces(h);
  if ((size_t)(h->end - h->at) < n || memcmp(h->at, text, n) != 0) return false;
  h->at += n;
  return true;
}

/* A quoted string of at most 15 bytes. */
static bool quoted(header *h, char out[16]) {
  skip_spaces(h);
  if (h->at >= h->end || (*h->at != '\'' && *h->at != '"')) return false;
  char quote = *h->at++;
  size_t n = 0;
  while (h->at < h->end && *h->at != quote && n < 15) out[n++] = *h->at++;
  out[n] = 0;
  if (h->at >= h->end || *h->at != quote) return false;
  h->at++;
  return true;
}

static neap_status refuse(const header *h, const char *descr, const char *code) {
  return neap_fail(NEAP_EDTYPE, "load '%s': dtype '%s' cannot be read (%s)", h->path, descr,
                   neap_element_advice(code));
}

static neap_status parse_descr(header *h) {
  char text[16];
  if (accept(h, "[")) return refuse(h, "[...]", "V");
  if (!quoted(h, text)) return damaged(h, "no dtype that can be read");
  bool ordered = *text && strchr("<>|=", *text);
  h->element = neap_element_of_code(text + ordered);
  if (!h->element) return refuse(h, text, text + ordered);
  h->swapped = h->element->size > 1 && *text == (neap_host_is_little() ? '>' : '<');
  return NEAP_OK;
}

static neap_status parse_shape(header *h) {
  if (!accept(h, "(")) return damaged(h, "no shape that can be read");
  while (!accept(h, ")")) {
    skip_spaces(h);
    int64_t v = 0;
    const char *first = h->at;
    for (; h->at < h->end && *h->at >= '0' && *h->at <= '9' && v < INT64_MAX / 16; h->at++)
      v = 10 * v + (*h->at - '0');
    if (h->at == first) return damaged(h, "no shape that can be read");
    accept(h, "L"); /* written by Python 2 */
    if (h->ndim == NEAP_MAX_DIMS)
      return neap_fail(NEAP_ESHAPE, "load '%s': more than %d dimensions", h->path, NEAP_MAX_DIMS);
    h->size[h->ndim++] = v;
    if (!accept(h, ",") && h->at < h->end && *h->at != ')')
      return damaged(h, "no shape that can be read");
  }
  return NEAP_OK;
}

static neap_status parse_fortran(header *h) {
  h->fortran = accept(h, "True");
  return h->fortran || accept(h, "False") ? NEAP_OK : damaged(h, "no memory order");
}

static neap_status parse_dict(header *h) {
  static const char *const keys[] = {"descr", "fortran_order", "shape"};
  static neap_status (*const parse[])(header *) = {parse_descr, parse_fortran, parse_shape};
  bool seen[3] = {false, false, false};
  char key[16];
  if (!accept(h, "{")) return damaged(h, "no header");
  while (!accept(h, "}")) {
    int k = 0;
    if (!quoted(h, key) || !accept(h, ":")) return damaged(h, "no header that can be read");
    while (k < 3 && strcmp(keys[k], key) != 0) k++;
    if (k == 3) return damaged(h, "an unknown key in the header");
    if (seen[k]) return damaged(h, "a key stands twice in the header");
    seen[k] = true;
    NEAP_TRY(parse[k](h));
    accept(h, ",");
  }
  return seen[0] && seen[1] && seen[2] ? NEAP_OK : damaged(h, "a key is missing in the header");
}

static neap_status read_header(const neap__npy_source *r, header *h) {
  unsigned char start[12];
  NEAP_TRY(read_all(r, h, start, 10));
  if (memcmp(start, MAGIC, 6) != 0) return damaged(h, "other first bytes");
  if (start[6] < 1 || start[6] > 3) return damaged(h, "a version above 3");
  size_t n = (size_t)start[8] | (size_t)start[9] << 8;
  if (start[6] > 1) {
    NEAP_TRY(read_all(r, h, start + 10, 2));
    n |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
  }
  if (n > MAX_HEADER) return damaged(h, "a header of more than a megabyte");
  char *text = neap_alloc(n);
  if (!text) return NEAP_ENOMEM;
  neap_status st = read_all(r, h, text, n);
  h->at = text;
  h->end = text + n;
  if (!st) st = parse_dict(h);
  neap_free(text);
  return st;
}

static neap_status read_plain(const neap__npy_source *r, header *h, neap_tensor *t) {
  int64_t n = neap_tensor_numel(t), step = PIECE / h->element->size;
  char *data = neap_tensor_data(t);
  for (int64_t i = 0; i < n; i += step) {
    int64_t k = n - i < step ? n - i : step, each = h->element->size;
    NEAP_TRY(read_all(r, h, data + i * each, (size_t)(k * each)));
    neap_element_settle(h->element, h->swapped, data + i * each, k);
  }
  return NEAP_OK;
}

static neap_status read_widened(const neap__npy_source *r, header *h, neap_tensor *t) {
  const neap_element *e = h->element;
  int64_t n = neap_tensor_numel(t), step = WIDENED / e->size;
  int64_t wide = (int64_t)neap_dtype_size(t->dtype);
  char *piece = neap_alloc(WIDENED), *data = neap_tensor_data(t);
  neap_status st = piece ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = 0; !st && i < n; i += step) {
    int64_t k = n - i < step ? n - i : step;
    st = read_all(r, h, piece, (size_t)(k * e->size));
    if (!st) st = neap_element_widen(e, h->swapped, data + i * wide, piece, k, i, h->path);
  }
  neap_free(piece);
  return st;
}

/* Where the source's length is known, it decides before memory is asked for. */
static neap_status check_total(const neap__npy_source *r, const header *h, const neap_tensor *t) {
  int64_t need = neap_tensor_numel(t) * h->element->size;
  if (r->total < 0 || r->total - h->used == need) return NEAP_OK;
  return neap_fail(NEAP_EFORMAT, "load '%s': the shape needs %lld bytes, there are %lld", h->path,
                   (long long)need, (long long)(r->total - h->used));
}

/* Fortran order is C order of the reversed shape; back[d] says where dimension d stands in it. */
static void order_in_file(const header *h, int64_t *size, int *back) {
  for (int d = 0; d < h->ndim; d++) {
    back[d] = h->fortran ? h->ndim - 1 - d : d;
    size[d] = h->size[back[d]];
  }
}

static neap_status load(neap_tensor *out, const neap__npy_source *r, header *h) {
  int64_t size[NEAP_MAX_DIMS];
  int back[NEAP_MAX_DIMS];
  neap_tensor flat;
  NEAP_TRY(read_header(r, h));
  order_in_file(h, size, back);
  NEAP_TRY(neap_tensor_wrap(&flat, h->element->dtype, h->ndim, size, NULL, NULL, NULL));
  neap_status st = check_total(r, h, &flat);
  neap_tensor_drop(&flat);
  if (st) return st;
  NEAP_TRY(neap_tensor_init_raw(&flat, h->element->dtype, h->ndim, size));
  st = h->element->widen ? read_widened(r, h, &flat) : read_plain(r, h, &flat);
  if (!st) st = neap_tensor_permute(out, &flat, back);
  neap_tensor_drop(&flat);
  return st;
}

neap_status neap__npy_load(neap_tensor *out, const neap__npy_source *source) {
  header h;
  memset(out, 0, sizeof *out);
  memset(&h, 0, sizeof h);
  h.path = source->name;
  return load(out, source, &h);
}

static neap_status read_file(void *ctx, void *buf, size_t n, size_t *got) {
  return neap_reader_read(ctx, buf, n, got);
}

neap_status neap_tensor_load_npy(neap_tensor *out, const char *path) {
  neap_reader *r;
  memset(out, 0, sizeof *out);
  NEAP_TRY(neap_reader_open(&r, path));
  neap_status st = neap__npy_load(out, &(neap__npy_source){path, read_file, r, -1});
  neap_reader_close(r);
  return st;
}

/* mapping -------------------------------------------------------------------------------------- */

typedef struct {
  char *data;
  int64_t n, at; /* at: how far the header's reader has come */
} mapping;

static void release_mapping(neap_storage *s) {
  mapping *m = s->owner;
  neap_file_unmap(m->data, m->n);
  neap_free(m);
}

static neap_status read_mapping(void *ctx, void *buf, size_t n, size_t *got) {
  mapping *m = ctx;
  int64_t left = m->n - m->at;
  *got = (int64_t)n < left ? n : (size_t)left;
  if (*got) memcpy(buf, m->data + m->at, *got);
  m->at += (int64_t)*got;
  return NEAP_OK;
}

static neap_status not_mappable(const header *h, const char *why) {
  return neap_fail(NEAP_EARG, "load '%s': it cannot be mapped: %s; load it without mmap", h->path,
                   why);
}

/* What use in place needs of the elements behind the header. */
static neap_status check_mapped(const mapping *m, const header *h, const neap_tensor *t) {
  int64_t each = h->element->size, need = neap_tensor_numel(t) * each;
  if (need > m->n - m->at) return damaged(h, "it ends early");
  if (h->element->widen) return not_mappable(h, "its elements are of a type that is widened");
  if (h->swapped) return not_mappable(h, "its byte order is not this machine's");
  if (m->at % each) return not_mappable(h, "its elements are not aligned");
  for (int64_t i = 0; t->dtype == NEAP_BOOL && i < need; i++)
    if ((unsigned char)m->data[m->at + i] > 1) return not_mappable(h, "a bool is neither 0 nor 1");
  return NEAP_OK;
}

static neap_status map_elements(neap_tensor *out, mapping *m, header *h) {
  int64_t size[NEAP_MAX_DIMS];
  int back[NEAP_MAX_DIMS];
  neap_tensor flat;
  if (m->n > 1 && (memcmp(m->data, "\x1f\x8b", 2) == 0 || memcmp(m->data, "\x28\xb5", 2) == 0))
    return not_mappable(h, "it is compressed");
  NEAP_TRY(read_header(&(neap__npy_source){h->path, read_mapping, m, m->n}, h));
  order_in_file(h, size, back);
  NEAP_TRY(neap_tensor_wrap(&flat, h->element->dtype, h->ndim, size, m->data + m->at, NULL, m));
  neap_status st = check_mapped(m, h, &flat);
  if (!st) st = neap_tensor_permute(out, &flat, back);
  if (!st) flat.storage->release = release_mapping;
  neap_tensor_drop(&flat);
  return st;
}

neap_status neap_tensor_map_npy(neap_tensor *out, const char *path) {
  header h;
  void *data;
  int64_t n;
  memset(out, 0, sizeof *out);
  memset(&h, 0, sizeof h);
  h.path = path;
  NEAP_TRY(neap_file_map(&data, &n, path));
  mapping *m = neap_alloc(sizeof *m);
  neap_status st = m ? NEAP_OK : NEAP_ENOMEM;
  if (m) {
    *m = (mapping){data, n, 0};
    st = map_elements(out, m, &h);
  }
  if (!st) return NEAP_OK;
  neap_file_unmap(data, n);
  neap_free(m);
  return st;
}
