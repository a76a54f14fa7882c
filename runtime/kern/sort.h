/* sort.h — pieces of a radix sort, cut so that callers can stop between them.
 *
 * Every dtype maps to unsigned 64-bit keys whose order is the order wanted: numbers rising (or
 * falling), -0 equal to 0, NaN last either way. Sorting keys with positions attached by stable
 * passes over 8 bits gives a stable sort in time linear in n. */
#ifndef NEAP_KERN_SORT_H
#define NEAP_KERN_SORT_H

#include "kern/kern.h"

enum { NEAP_RADIX = 256, NEAP_RADIX_PASSES = 8 };

typedef struct {
  uint64_t key;
  int64_t at;
} neap_sort_item;

/* Items for x[0..n), at counting from first. */
void neap_sort_items(neap_dtype dtype, int64_t n, const void *x, bool descending, int64_t first,
                     neap_sort_item *items);

/* Add the digits of n items to the counts of every pass. */
void neap_sort_count(int64_t n, const neap_sort_item *items,
                     int64_t counts[NEAP_RADIX_PASSES][NEAP_RADIX]);

/* Turn the counts of a pass into places; false when all n items have the same digit, so that the
 * pass changes nothing. */
bool neap_sort_places(int64_t n, int64_t counts[NEAP_RADIX]);

/* Put n items where places says for digit number pass, moving places on. */
void neap_sort_scatter(int64_t n, const neap_sort_item *from, neap_sort_item *to, int pass,
                       int64_t places[NEAP_RADIX]);

/* Stable insertion sort, for up to some 50 items. */
void neap_sort_few(int64_t n, neap_sort_item *items);

#endif
