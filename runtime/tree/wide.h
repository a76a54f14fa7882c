/* wide.h — for the sources of tree that are compiled once per instruction set: whether AVX-512 is
 * there. x86-64-v4 has its F, BW, CD, DQ and VL parts. */
#ifndef NEAP_TREE_WIDE_H
#define NEAP_TREE_WIDE_H

#include "tree/compiled.h"

#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define WIDE 1
#include <immintrin.h>
#else
#define WIDE 0
#endif

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* NaN stands for missing from here on. */
static inline double marked(const neap__column *c, double v) {
  if (c->missing == 0) return v != v ? 0 : v;
  return c->missing == NEAP__MISSING_ZERO && fabs(v) <= NEAP__ZERO ? NAN : v;
}

static inline int32_t rank_one(const neap__column *c, double v) {
  int32_t at = 0;
  for (int32_t half = 1 << (c->levels - 1); half; half /= 2)
    at += half & -(int32_t)(v > c->sorted[at + half - 1]);
  return at;
}

#endif
