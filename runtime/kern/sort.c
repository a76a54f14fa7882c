#include "kern/kern.h"

#include <math.h>
#include <string.h>

/* Negative numbers have all bits flipped, others the sign bit: unsigned order is then numeric. */
static uint64_t key_f64(double v) {
  uint64_t bits;
  v += 0.0; /* -0 becomes 0 */
  memcpy(&bits, &v, sizeof bits);
  return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static uint64_t key_i64(int64_t v) { return (uint64_t)v ^ (uint64_t)1 << 63; }

/* NaN gets the largest key whichever way the rest is sorted. */
static uint64_t directed(uint64_t key, bool missing, uint64_t flip) {
  return missing ? UINT64_MAX : key ^ flip;
}

void neap_sort_items(neap_dtype dtype, int64_t n, const void *x, bool descending, int64_t first,
                     neap_sort_item *items) {
  uint64_t flip = descending ? UINT64_MAX : 0;
  const double *f64 = x;
  const float *f32 = x;
  const int64_t *i64 = x;
  const int32_t *i32 = x;
  const uint8_t *u8 = x;
  for (int64_t i = 0; i < n; i++) items[i].at = first + i;
  switch (dtype) {
  case NEAP_F64:
    for (int64_t i = 0; i < n; i++) items[i].key = directed(key_f64(f64[i]), isnan(f64[i]), flip);
    break;
  case NEAP_F32:
    for (int64_t i = 0; i < n; i++)
      items[i].key = directed(key_f64((double)f32[i]), isnan(f32[i]), flip);
    break;
  case NEAP_I64:
    for (int64_t i = 0; i < n; i++) items[i].key = key_i64(i64[i]) ^ flip;
    break;
  case NEAP_I32:
    for (int64_t i = 0; i < n; i++) items[i].key = key_i64(i32[i]) ^ flip;
    break;
  default:
    for (int64_t i = 0; i < n; i++) items[i].key = u8[i] ^ flip;
  }
}

void neap_sort_count(int64_t n, const neap_sort_item *items,
                     int64_t counts[NEAP_RADIX_PASSES][NEAP_RADIX]) {
  for (int64_t i = 0; i < n; i++)
    for (int pass = 0; pass < NEAP_RADIX_PASSES; pass++)
      counts[pass][items[i].key >> 8 * pass & 255]++;
}

bool neap_sort_places(int64_t n, int64_t counts[NEAP_RADIX]) {
  int64_t place = 0;
  bool useful = true;
  for (int digit = 0; digit < NEAP_RADIX; digit++) {
    int64_t count = counts[digit];
    if (count == n) useful = false;
    counts[digit] = place;
    place += count;
  }
  return useful;
}

void neap_sort_scatter(int64_t n, const neap_sort_item *from, neap_sort_item *to, int pass,
                       int64_t places[NEAP_RADIX]) {
  for (int64_t i = 0; i < n; i++) to[places[from[i].key >> 8 * pass & 255]++] = from[i];
}

void neap_sort_few(int64_t n, neap_sort_item *items) {
  for (int64_t i = 1; i < n; i++) {
    neap_sort_item moving = items[i];
    int64_t k = i;
    for (; k > 0 && items[k - 1].key > moving.key; k--) items[k] = items[k - 1];
    items[k] = moving;
  }
}

/* words
 * --------------------------------------------------------------------------------------------- */

static uint32_t key_f32(float v) {
  uint32_t bits;
  v += 0.0F; /* -0 becomes 0 */
  memcpy(&bits, &v, sizeof bits);
  return bits >> 31 ? ~bits : bits | (uint32_t)1 << 31;
}

static uint64_t word(uint32_t key, int64_t at) { return (uint64_t)key << 32 | (uint64_t)at; }

void neap_sort_words(neap_dtype dtype, int64_t n, const void *x, bool descending, uint64_t *words) {
  uint32_t flip = descending ? UINT32_MAX : 0;
  const float *f32 = x;
  const int32_t *i32 = x;
  const uint8_t *u8 = x;
  switch (dtype) {
  case NEAP_F32:
    for (int64_t i = 0; i < n; i++)
      words[i] = word(f32[i] != f32[i] ? UINT32_MAX : key_f32(f32[i]) ^ flip, i);
    break;
  case NEAP_I32:
    for (int64_t i = 0; i < n; i++)
      words[i] = word(((uint32_t)i32[i] ^ (uint32_t)1 << 31) ^ flip, i);
    break;
  default:
    for (int64_t i = 0; i < n; i++) words[i] = word(u8[i] ^ flip, i);
  }
}

void neap_sort_words_count(int64_t n, const uint64_t *words,
                           int64_t counts[NEAP_WORD_PASSES][NEAP_RADIX]) {
  for (int64_t i = 0; i < n; i++)
    for (int pass = 0; pass < NEAP_WORD_PASSES; pass++)
      counts[pass][words[i] >> (32 + 8 * pass) & 255]++;
}

void neap_sort_words_scatter(int64_t n, const uint64_t *from, uint64_t *to, int pass,
                             int64_t places[NEAP_RADIX]) {
  for (int64_t i = 0; i < n; i++) to[places[from[i] >> (32 + 8 * pass) & 255]++] = from[i];
}

void neap_sort_words_few(int64_t n, uint64_t *words) {
  for (int64_t i = 1; i < n; i++) {
    uint64_t moving = words[i];
    int64_t k = i;
    for (; k > 0 && words[k - 1] > moving; k--) words[k] = words[k - 1];
    words[k] = moving;
  }
}
