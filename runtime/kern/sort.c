#include <string.h>

#include "kern/kern.h"

void neap_split_begin(neap_split *s, int64_t n, uint64_t *words, uint64_t pivot) {
  enum { BLOCK = NEAP_SPLIT_BLOCK };
  s->w = words;
  s->pivot = pivot;
  s->left = BLOCK;
  s->right = n - BLOCK;
  s->low = 0;
  s->high = n;
  memcpy(s->kept, words, BLOCK * sizeof *words);
  memcpy(s->kept + BLOCK, words + n - BLOCK, BLOCK * sizeof *words);
}

void neap_radix_count(int64_t n, const uint64_t *words, int from, int passes,
                      int64_t counts[NEAP_RADIX_PASSES][NEAP_RADIX]) {
  for (int64_t i = 0; i < n; i++)
    for (int pass = 0; pass < passes; pass++) counts[pass][words[i] >> (from + 8 * pass) & 255]++;
}

bool neap_radix_places(int64_t n, int64_t counts[NEAP_RADIX]) {
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

void neap_radix_scatter(int64_t n, const uint64_t *words, uint64_t *to, int from,
                        int64_t places[NEAP_RADIX]) {
  for (int64_t i = 0; i < n; i++) to[places[words[i] >> from & 255]++] = words[i];
}

void neap_sort_few(int64_t n, uint64_t *words) {
  for (int64_t i = 1; i < n; i++) {
    uint64_t moving = words[i];
    int64_t k = i;
    for (; k > 0 && words[k - 1] > moving; k--) words[k] = words[k - 1];
    words[k] = moving;
  }
}
