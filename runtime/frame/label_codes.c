/* Distinct texts of a column and their codes. */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "frame/builder.h"

/* FNV-1a over words of eight bytes; the multiplications mix, the last shift brings high bits down.
 */
static uint64_t hash_text(const char *text, size_t n) {
  uint64_t h = 1469598103934665603u ^ n, word;
  for (; n >= 8; text += 8, n -= 8) {
    memcpy(&word, text, 8);
    h = (h ^ word) * 1099511628211u;
    h ^= h >> 32;
  }
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)text[i]) * 1099511628211u;
  return h ^ h >> 32;
}

const char *neap__not_utf8(const char *text, size_t n) {
  for (const char *p = text, *end = text + n; p < end;) {
    size_t length = neap_utf8_length((const unsigned char *)p, (size_t)(end - p));
    if (!length) return p;
    p += length;
  }
  return NULL;
}

static void place(neap__labels *d, int32_t code) {
  uint64_t mask = (uint64_t)d->slots - 1, at = d->label[code - 1].hash & mask;
  while (d->slot[at]) at = (at + 1) & mask;
  d->slot[at] = code;
}

static neap_status more_labels(neap__labels *d) {
  int64_t room = d->room ? d->room * 2 : 16;
  int32_t *slot = neap_calloc_array(room * 2, sizeof *slot);
  if (!slot) return NEAP_ENOMEM;
  neap__label *label = neap_realloc_array(d->label, room, sizeof *label);
  if (!label) {
    neap_free(slot);
    return NEAP_ENOMEM;
  }
  neap_free(d->slot);
  d->label = label;
  d->room = room;
  d->slot = slot;
  d->slots = room * 2;
  for (int64_t code = 1; code <= d->count; code++) place(d, (int32_t)code);
  return NEAP_OK;
}

static neap_status keep_text(neap__labels *d, const char *text, size_t n) {
  if (d->used + (int64_t)n > d->text_room) {
    int64_t room = d->text_room * 2 + (int64_t)n + 64;
    char *larger = neap_realloc_array(d->text, room, 1);
    if (!larger) return NEAP_ENOMEM;
    d->text = larger;
    d->text_room = room;
  }
  memcpy(d->text + d->used, text, n);
  return NEAP_OK;
}

neap_status neap__labels_code(neap__labels *d, const char *text, size_t n, int32_t *code) {
  if (d->count >= d->room) NEAP_TRY(more_labels(d));
  uint64_t mask = (uint64_t)d->slots - 1, hash = hash_text(text, n), at = hash & mask;
  for (; d->slot[at]; at = (at + 1) & mask) {
    const neap__label *label = &d->label[d->slot[at] - 1];
    if (label->hash == hash && (size_t)label->length == n &&
        memcmp(d->text + label->begin, text, n) == 0) {
      *code = d->slot[at];
      return NEAP_OK;
    }
  }
  if (neap__not_utf8(text, n)) return neap_fail(NEAP_EFORMAT, "a label is not UTF-8");
  if (d->count == INT32_MAX) return neap_fail(NEAP_EVALUE, "more than 2^31 categories");
  NEAP_TRY(keep_text(d, text, n));
  d->label[d->count++] = (neap__label){hash, d->used, (int32_t)n};
  d->used += (int64_t)n;
  *code = d->slot[at] = (int32_t)d->count;
  return NEAP_OK;
}

void neap__labels_clear(neap__labels *d) {
  if (d->count) memset(d->slot, 0, (size_t)d->slots * sizeof *d->slot);
  d->count = d->used = 0;
}

void neap__labels_drop(neap__labels *d) {
  neap_free(d->label);
  neap_free(d->slot);
  neap_free(d->text);
  *d = (neap__labels){0};
}
