/* safetensors: eight bytes of length, a JSON header, the elements.
 * https://huggingface.co/docs/safetensors, "Format" */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "tensor/archive.h"

enum { MAX_HEADER = 100000000, PIECE = 64 << 10, STEP = 1 << 20 };

/* Where the elements of one tensor stand; name as an offset into the texts of the header. */
typedef struct {
  size_t name;
  const neap_element *element;
  int ndim;
  int64_t size[NEAP_MAX_DIMS];
  int64_t from, to;
} entry;

typedef struct {
  const neap_bytes *file;
  char *text; /* the header; strings are decoded in place, each with a closing zero */
  const char *at, *end;
  entry *entries;
  int64_t n, data, data_size;
  bool has_metadata;
} header;

static neap_status damaged(const header *h, const char *what) {
  return neap_fail(NEAP_EFORMAT, "load '%s': not a safetensors file: %s (header byte %lld)",
                   neap_bytes_name(h->file), what, (long long)(h->at - h->text + 1));
}

/* strict JSON ---------------------------------------------------------------------------------- */

static void skip_spaces(header *h) {
  while (h->at < h->end && (*h->at == ' ' || *h->at == '\n' || *h->at == '\t' || *h->at == '\r'))
    h->at++;
}

static bool accept(header *h, char c) {
  skip_spaces(h);
  if (h->at >= h->end || *h->at != c) return false;
  h->at++;
  return true;
}

static neap_status expect(header *h, char c) {
  char what[] = "' ' expected";
  what[1] = c;
  return accept(h, c) ? NEAP_OK : damaged(h, what);
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits behind \u; -1 when they are none. */
static int32_t hex4(header *h) {
  int32_t v = 0;
  if (h->end - h->at < 4) return -1;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(*h->at++);
    if (digit < 0) return -1;
    v = v * 16 + digit;
  }
  return v;
}

static char *put_utf8(char *out, int32_t c) {
  int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
  *out++ = (char)(lead[more] | c >> 6 * more);
  while (more--) *out++ = (char)(0x80 | (c >> 6 * more & 63));
  return out;
}

/* The character behind \u, which may need a second one; 0 when it is none. */
static int32_t unicode(header *h) {
  int32_t c = hex4(h);
  if (c < 0 || (c >= 0xdc00 && c < 0xe000)) return 0;
  if (c < 0xd800 || c > 0xdfff) return c;
  if (h->end - h->at < 2 || h->at[0] != '\\' || h->at[1] != 'u') return 0;
  h->at += 2;
  int32_t low = hex4(h);
  return low < 0xdc00 || low > 0xdfff ? 0 : 0x10000 + (c - 0xd800) * 0x400 + (low - 0xdc00);
}

static neap_status escape(header *h, char **out) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  if (h->at >= h->end) return damaged(h, "a text without end");
  char c = *h->at++;
  if (c == 'u') {
    int32_t v = unicode(h);
    if (v == 0) return damaged(h, "no character behind \\u");
    *out = put_utf8(*out, v);
    return NEAP_OK;
  }
  const char *known = c ? strchr(from, c) : NULL;
  if (!known) return damaged(h, "an unknown escape in a text");
  *(*out)++ = to[known - from];
  return NEAP_OK;
}

/* A string, decoded where it stands: it never grows. */
static neap_status string(header *h, char **text, size_t *n) {
  NEAP_TRY(expect(h, '"'));
  char *out = h->text + (h->at - h->text);
  *text = out;
  for (;;) {
    if (h->at >= h->end) return damaged(h, "a text without end");
    char c = *h->at++;
    if (c == '"') break;
    if ((unsigned char)c < ' ') return damaged(h, "a control character in a text");
    if (c == '\\') NEAP_TRY(escape(h, &out));
    else *out++ = c;
  }
  *out = 0;
  *n = (size_t)(out - *text);
  return neap__is_text(*text, *n) ? NEAP_OK : damaged(h, "a text that is not UTF-8");
}

/* A whole number from 0 up, without sign, fraction or leading zeros. */
static neap_status number(header *h, int64_t *v) {
  skip_spaces(h);
  const char *first = h->at;
  for (*v = 0; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++)
    if (__builtin_mul_overflow(*v, 10, v) || __builtin_add_overflow(*v, *h->at - '0', v))
      return damaged(h, "a number that is too large");
  if (h->at == first || (*first == '0' && h->at - first > 1))
    return damaged(h, "a whole number expected");
  return NEAP_OK;
}

/* the header ----------------------------------------------------------------------------------- */

static neap_status parse_dtype(header *h, entry *e) {
  char *text;
  size_t n;
  NEAP_TRY(string(h, &text, &n));
  e->element = neap_element_of_safetensors(text);
  if (e->element) return NEAP_OK;
  return neap_fail(NEAP_EDTYPE,
                   "load '%s': dtype '%.16s' of '%s' is not one of F64 F32 F16 BF16 I64 I32 I16 I8 "
                   "U64 U32 U16 U8 BOOL",
                   neap_bytes_name(h->file), text, h->text + e->name);
}

static neap_status parse_shape(header *h, entry *e) {
  NEAP_TRY(expect(h, '['));
  e->ndim = 0;
  if (accept(h, ']')) return NEAP_OK;
  do {
    if (e->ndim == NEAP_MAX_DIMS)
      return neap_fail(NEAP_ESHAPE, "load '%s': '%s' has more than %d dimensions",
                       neap_bytes_name(h->file), h->text + e->name, NEAP_MAX_DIMS);
    NEAP_TRY(number(h, &e->size[e->ndim++]));
  } while (accept(h, ','));
  return expect(h, ']');
}

static neap_status parse_offsets(header *h, entry *e) {
  NEAP_TRY(expect(h, '['));
  NEAP_TRY(number(h, &e->from));
  NEAP_TRY(expect(h, ','));
  NEAP_TRY(number(h, &e->to));
  return expect(h, ']');
}

/* The shape's bytes, which may not overflow, are the range's. */
static neap_status check_entry(const header *h, const entry *e) {
  int64_t bytes = e->element->size;
  for (int d = 0; d < e->ndim; d++)
    if (__builtin_mul_overflow(bytes, e->size[d], &bytes) || bytes > INT64_MAX / 16)
      return damaged(h, "a shape that is too large");
  if (e->from > e->to || e->to - e->from != bytes)
    return damaged(h, "a range that its shape does not fill");
  return NEAP_OK;
}

static neap_status parse_entry(header *h, entry *e) {
  static const char *const keys[] = {"dtype", "shape", "data_offsets"};
  static neap_status (*const parse[])(header *, entry *) = {parse_dtype, parse_shape,
                                                            parse_offsets};
  bool seen[3] = {false, false, false};
  NEAP_TRY(expect(h, '{'));
  do {
    char *key;
    size_t n;
    int k = 0;
    NEAP_TRY(string(h, &key, &n));
    NEAP_TRY(expect(h, ':'));
    while (k < 3 && strcmp(keys[k], key) != 0) k++;
    if (k == 3) return damaged(h, "an unknown key");
    if (seen[k]) return damaged(h, "a key stands twice");
    seen[k] = true;
    NEAP_TRY(parse[k](h, e));
  } while (accept(h, ','));
  NEAP_TRY(expect(h, '}'));
  if (!seen[0] || !seen[1] || !seen[2])
    return damaged(h, "dtype, shape or data_offsets is missing");
  return check_entry(h, e);
}

static neap_status parse_metadata(header *h, neap_archive *out) {
  if (h->has_metadata) return damaged(h, "a key stands twice");
  h->has_metadata = true;
  NEAP_TRY(expect(h, '{'));
  if (accept(h, '}')) return NEAP_OK;
  do {
    char *key, *value;
    size_t n_key, n_value;
    NEAP_TRY(string(h, &key, &n_key));
    NEAP_TRY(expect(h, ':'));
    NEAP_TRY(string(h, &value, &n_value));
    NEAP_TRY(neap_archive_add_meta(out, key, n_key, value, n_value));
  } while (accept(h, ','));
  return expect(h, '}');
}

static neap_status parse_member(header *h, neap_archive *out) {
  char *key;
  size_t n;
  NEAP_TRY(string(h, &key, &n));
  NEAP_TRY(expect(h, ':'));
  if (strcmp(key, "__metadata__") == 0) return parse_metadata(h, out);
  if ((h->n & (h->n - 1)) == 0) { /* room doubles at every power of two */
    entry *grown = neap_realloc_array(h->entries, h->n ? 2 * h->n : 1, sizeof *grown);
    if (!grown) return NEAP_ENOMEM;
    h->entries = grown;
  }
  entry *e = &h->entries[h->n];
  memset(e, 0, sizeof *e);
  e->name = (size_t)(key - h->text);
  NEAP_TRY(parse_entry(h, e));
  h->n++;
  return neap_interrupt_check();
}

static neap_status parse_header(header *h, neap_archive *out) {
  if (h->at == h->end || *h->at != '{') return damaged(h, "the header does not begin with {");
  h->at++;
  if (!accept(h, '}')) {
    do NEAP_TRY(parse_member(h, out));
    while (accept(h, ','));
    NEAP_TRY(expect(h, '}'));
  }
  skip_spaces(h);
  return h->at == h->end ? NEAP_OK : damaged(h, "text behind the header");
}

static int by_place(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->from != y->from) return x->from < y->from ? -1 : 1;
  return (x->to > y->to) - (x->to < y->to);
}

/* Ranges lie end to end from the first data byte to the last of the file. */
static neap_status check_ranges(header *h) {
  int64_t at = 0;
  if (h->n) qsort(h->entries, (size_t)h->n, sizeof *h->entries, by_place);
  for (int64_t i = 0; i < h->n; at = h->entries[i++].to)
    if (h->entries[i].from != at)
      return damaged(h, h->entries[i].from < at ? "ranges overlap" : "a hole between ranges");
  if (at > h->data_size) return damaged(h, "it ends early (truncated file)");
  return at == h->data_size ? NEAP_OK : damaged(h, "bytes behind the last range");
}

static neap_status read_header(header *h) {
  unsigned char start[8];
  h->at = h->text;
  if (neap_bytes_size(h->file) < 8) return damaged(h, "shorter than 8 bytes");
  NEAP_TRY(neap_bytes_read(h->file, 0, start, 8));
  uint64_t n = 0;
  for (int i = 7; i >= 0; i--) n = n << 8 | start[i];
  if (n > MAX_HEADER) return damaged(h, "a header of more than 100 MB");
  if (n > (uint64_t)neap_bytes_size(h->file) - 8) return damaged(h, "the header ends early");
  h->text = neap_alloc(n + 1);
  if (!h->text) return NEAP_ENOMEM;
  h->at = h->text;
  h->end = h->text + n;
  h->data = 8 + (int64_t)n;
  h->data_size = neap_bytes_size(h->file) - h->data;
  return neap_bytes_read(h->file, 8, h->text, (int64_t)n);
}

/* the elements --------------------------------------------------------------------------------- */

static neap_status read_widened(neap_tensor *t, const header *h, const entry *e) {
  int size = e->element->size, wide = (int)neap_dtype_size(t->dtype);
  int64_t n = neap_tensor_numel(t), step = PIECE / size;
  char *data = neap_tensor_data(t);
  unsigned char *piece = neap_alloc(PIECE);
  if (!piece) return NEAP_ENOMEM;
  neap_status st = NEAP_OK;
  for (int64_t i = 0; !st && i < n; i += step) {
    int64_t k = n - i < step ? n - i : step;
    st = neap_bytes_read(h->file, h->data + e->from + i * size, piece, k * size);
    if (!st)
      st = neap_element_widen(e->element, !neap_host_is_little(), data + i * wide, piece, k, i,
                              h->text + e->name);
  }
  neap_free(piece);
  return st;
}

static neap_status read_plain(neap_tensor *t, const header *h, const entry *e) {
  int size = e->element->size;
  int64_t n = neap_tensor_numel(t), step = STEP / size;
  char *data = neap_tensor_data(t);
  for (int64_t i = 0; i < n; i += step) {
    int64_t k = n - i < step ? n - i : step;
    NEAP_TRY(neap_bytes_read(h->file, h->data + e->from + i * size, data + i * size, k * size));
    neap_element_settle(e->element, !neap_host_is_little(), data + i * size, k);
  }
  return NEAP_OK;
}

static neap_status read_elements(neap_tensor *t, const header *h, const entry *e) {
  NEAP_TRY(neap_tensor_init_raw(t, e->element->dtype, e->ndim, e->size));
  return e->element->widen ? read_widened(t, h, e) : read_plain(t, h, e);
}

/* Names first, so that two equal ones are found before memory is asked for. */
static neap_status add_names(neap_archive *out, const header *h, neap_archive *all) {
  for (int64_t i = 0; i < h->n; i++) {
    const char *name = h->text + h->entries[i].name;
    NEAP_TRY(neap_archive_add(all, name, strlen(name), NULL));
  }
  NEAP_TRY(neap__archive_sort(all, neap_bytes_name(h->file)));
  return neap__archive_sort(out, neap_bytes_name(h->file));
}

static neap_status read_tensors(neap_archive *out, const header *h, neap_only only) {
  for (int64_t i = 0; i < h->n; i++) {
    const entry *e = &h->entries[i];
    const char *name = h->text + e->name;
    if (!neap__wanted(only, name)) continue;
    NEAP_TRY(neap_archive_add(out, name, strlen(name), NULL));
    NEAP_TRY(read_elements(&out->item[out->n - 1].t, h, e));
  }
  NEAP_TRY(neap__archive_sort(out, neap_bytes_name(h->file)));
  return neap__all_found(out, only, neap_bytes_name(h->file));
}

neap_status neap_safetensors_read(neap_archive *out, const neap_bytes *b, neap_only only) {
  header h = {.file = b};
  neap_archive all = {0};
  memset(out, 0, sizeof *out);
  neap_status st = read_header(&h);
  if (!st) st = parse_header(&h, out);
  if (!st) st = check_ranges(&h);
  if (!st) st = add_names(out, &h, &all);
  if (!st) st = read_tensors(out, &h, only);
  neap_archive_drop(&all);
  neap_free(h.entries);
  neap_free(h.text);
  if (st) neap_archive_drop(out);
  return st;
}

neap_status neap_safetensors_load(neap_archive *out, const char *path, neap_only only) {
  return neap__archive_load(out, path, only, neap_safetensors_read);
}

/* writing -------------------------------------------------------------------------------------- */

static void put_metadata(neap_text *t, const neap_archive *a) {
  neap_text_put(t, "\"__metadata__\":{");
  for (int64_t i = 0; i < a->n_meta; i++) {
    if (i) neap_text_put(t, ",");
    neap_text_json(t, a->meta[i].key, strlen(a->meta[i].key));
    neap_text_put(t, ":");
    neap_text_json(t, a->meta[i].value, strlen(a->meta[i].value));
  }
  neap_text_put(t, "}");
}

static int64_t bytes_of(const neap_tensor *t) {
  return neap_tensor_numel(t) * (int64_t)neap_dtype_size(t->dtype);
}

static void put_entry(neap_text *t, const neap_named *item, int64_t at) {
  neap_text_json(t, item->name, strlen(item->name));
  neap_text_format(t, ":{\"dtype\":\"%s\",\"shape\":[", neap_elements[item->t.dtype].safetensors);
  for (int d = 0; d < item->t.ndim; d++)
    neap_text_format(t, d ? ",%lld" : "%lld", (long long)item->t.size[d]);
  neap_text_format(t, "],\"data_offsets\":[%lld,%lld]}", (long long)at,
                   (long long)(at + bytes_of(&item->t)));
}

static void put_header(neap_text *t, const neap_archive *a) {
  int64_t at = 0;
  neap_text_put(t, "{");
  if (a->n_meta) put_metadata(t, a);
  for (int64_t i = 0; i < a->n; at += bytes_of(&a->item[i++].t)) {
    if (i || a->n_meta) neap_text_put(t, ",");
    put_entry(t, &a->item[i], at);
  }
  neap_text_put(t, "}");
  while (t->n % 8 && !t->failed) neap_text_put(t, " ");
}

static neap_status write_tensor(neap_writer *w, const neap_tensor *t) {
  neap_tensor plain;
  const neap_element *e = &neap_elements[t->dtype];
  if (!neap_host_is_little()) NEAP_TRY(neap_tensor_clone(&plain, t));
  else NEAP_TRY(neap_tensor_as(&plain, t, t->dtype));
  char *data = neap_tensor_data(&plain);
  int64_t n = bytes_of(t);
  if (!neap_host_is_little()) neap_element_settle(e, true, data, n / e->size);
  neap_status st = NEAP_OK;
  for (int64_t i = 0; !st && i < n; i += STEP) {
    st = neap_interrupt_check();
    if (!st) st = neap_writer_write(w, data + i, (size_t)(n - i < STEP ? n - i : STEP));
  }
  neap_tensor_drop(&plain);
  return st;
}

static neap_status write_all(neap_writer *w, const neap_text *t, const neap_archive *a) {
  unsigned char start[8];
  for (int i = 0; i < 8; i++) start[i] = (unsigned char)((uint64_t)t->n >> 8 * i);
  NEAP_TRY(neap_writer_write(w, start, 8));
  NEAP_TRY(neap_writer_write(w, t->data, t->n));
  for (int64_t i = 0; i < a->n; i++) NEAP_TRY(write_tensor(w, &a->item[i].t));
  return NEAP_OK;
}

static bool text_ok(const char *text) { return neap__is_text(text, strlen(text)); }

static neap_status check_texts(const neap_archive *a, const char *path) {
  bool ok = true;
  for (int64_t i = 0; i < a->n; i++) {
    ok = ok && text_ok(a->item[i].name);
    if (strcmp(a->item[i].name, "__metadata__") == 0)
      return neap_fail(NEAP_EARG, "save '%s': '__metadata__' is no name for a tensor", path);
  }
  for (int64_t i = 0; i < a->n_meta; i++)
    ok = ok && text_ok(a->meta[i].key) && text_ok(a->meta[i].value);
  return ok ? NEAP_OK : neap_fail(NEAP_EARG, "save '%s': a name that is not UTF-8", path);
}

static int by_width(const void *a, const void *b) {
  const neap_named *x = a, *y = b;
  size_t i = neap_dtype_size(x->t.dtype), k = neap_dtype_size(y->t.dtype);
  return i != k ? (i < k) - (i > k) : strcmp(x->name, y->name);
}

neap_status neap_safetensors_save(const char *path, neap_archive *a) {
  neap_text t = {0};
  neap_writer *w = NULL;
  NEAP_TRY(neap__archive_sort(a, path));
  NEAP_TRY(check_texts(a, path));
  if (a->n) qsort(a->item, (size_t)a->n, sizeof *a->item, by_width);
  put_header(&t, a);
  neap_status st = t.failed ? NEAP_ENOMEM : NEAP_OK;
  if (!st && t.n > MAX_HEADER)
    st = neap_fail(NEAP_EARG, "save '%s': names and metadata of more than 100 MB", path);
  if (!st) st = neap_writer_open(&w, path);
  if (!st) st = write_all(w, &t, a);
  if (!st) {
    st = neap_writer_commit(w);
    w = NULL;
  }
  neap_writer_abandon(w);
  neap_text_drop(&t);
  return st;
}
