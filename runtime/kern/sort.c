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
