#include "tensor/archive.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Room for one more in an array that doubles at every power of two. */
static void *grow(void *old, int64_t n, size_t each) {
  if (n & (n - 1)) return old;
  return neap_realloc_array(old, n ? 2 * n : 1, each);
}

neap_status neap_archive_add(neap_archive *a, const char *name, size_t n, const neap_tensor *t) {
  neap_named *grown = grow(a->item, a->n, sizeof *grown);
  if (!grown) return NEAP_ENOMEM;
  a->item = grown;
  neap_named *item = &a->item[a->n];
  memset(item, 0, sizeof *item);
  item->name = neap_strndup(name, n);
  if (!item->name) return NEAP_ENOMEM;
  if (t) neap_tensor_alias(&item->t, t);
  a->n++;
  return NEAP_OK;
}

neap_status neap_archive_add_meta(neap_archive *a, const char *key, size_t n, const char *value,
                                  size_t n_value) {
  neap_pair *grown = grow(a->meta, a->n_meta, sizeof *grown);
  if (!grown) return NEAP_ENOMEM;
  a->meta = grown;
  neap_pair pair = {neap_strndup(key, n), neap_strndup(value, n_value)};
  if (!pair.key || !pair.value) {
    neap_free(pair.key);
    neap_free(pair.value);
    return NEAP_ENOMEM;
  }
  a->meta[a->n_meta++] = pair;
  return NEAP_OK;
}

void neap_archive_drop(neap_archive *a) {
  for (int64_t i = 0; i < a->n; i++) {
    neap_tensor_drop(&a->item[i].t);
    neap_free(a->item[i].name);
  }
  for (int64_t i = 0; i < a->n_meta; i++) {
    neap_free(a->meta[i].key);
    neap_free(a->meta[i].value);
  }
  neap_free(a->item);
  neap_free(a->meta);
  memset(a, 0, sizeof *a);
}

bool neap__wanted(neap_only only, const char *name) {
  bool found = only.n == 0;
  for (int64_t i = 0; i < only.n && !found; i++) found = strcmp(only.names[i], name) == 0;
  return found;
}

neap_status neap__all_found(const neap_archive *a, neap_only only, const char *path) {
  for (int64_t i = 0; i < only.n; i++) {
    bool found = false;
    for (int64_t k = 0; k < a->n && !found; k++)
      found = strcmp(only.names[i], a->item[k].name) == 0;
    if (!found) return neap_fail(NEAP_EARG, "load '%s': it holds no '%s'", path, only.names[i]);
  }
  return NEAP_OK;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const neap_named *)a)->name, ((const neap_named *)b)->name);
}

static int by_key(const void *a, const void *b) {
  return strcmp(((const neap_pair *)a)->key, ((const neap_pair *)b)->key);
}

neap_status neap__archive_sort(neap_archive *a, const char *path) {
  if (a->n) qsort(a->item, (size_t)a->n, sizeof *a->item, by_name);
  if (a->n_meta) qsort(a->meta, (size_t)a->n_meta, sizeof *a->meta, by_key);
  for (int64_t i = 1; i < a->n; i++)
    if (by_name(&a->item[i - 1], &a->item[i]) == 0)
      return neap_fail(NEAP_EFORMAT, "'%s': two tensors named '%s'", path, a->item[i].name);
  for (int64_t i = 1; i < a->n_meta; i++)
    if (by_key(&a->meta[i - 1], &a->meta[i]) == 0)
      return neap_fail(NEAP_EFORMAT, "'%s': two metadata keys '%s'", path, a->meta[i].key);
  return NEAP_OK;
}

/* Bytes of the character at p, 0 when it is none: shortest form, no surrogates, at most 10ffff. */
static size_t utf8_length(const unsigned char *p, size_t n) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t k = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
  if (k < 2 || k > n) return k == 1 ? 1 : 0;
  uint32_t c = p[0] & (0x7fu >> k);
  for (size_t i = 1; i < k; i++) {
    if (p[i] >> 6 != 2) return 0;
    c = c << 6 | (p[i] & 63u);
  }
  return c < least[k] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : k;
}

bool neap__is_text(const char *data, size_t n) {
  const unsigned char *p = (const unsigned char *)data;
  for (size_t k; n; p += k, n -= k) {
    k = utf8_length(p, n);
    if (k == 0 || *p == 0) return false;
  }
  return true;
}

neap_status neap__archive_load(neap_archive *out, const char *path, neap_only only,
                               neap_status (*read)(neap_archive *, const neap_bytes *, neap_only)) {
  neap_bytes *b;
  memset(out, 0, sizeof *out);
  NEAP_TRY(neap_bytes_open(&b, path));
  neap_status st = read(out, b, only);
  neap_bytes_close(b);
  return st;
}
