/* order.h — doubles as unsigned integers in the same order, for sorts by digits. */
#ifndef NEAP_BASE_ORDER_H
#define NEAP_BASE_ORDER_H

#include <stdint.h>
#include <string.h>

/* Negative numbers inverted, the others above them; -0 and 0 have one key, NaN lies outside the
 * infinities, on the side of its sign. */
static inline uint64_t neap_order_key(double v) {
  uint64_t bits;
  v += 0.0;
  memcpy(&bits, &v, sizeof bits);
  return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

/* The double of a key. */
static inline double neap_order_value(uint64_t key) {
  uint64_t bits = key >> 63 ? key ^ (uint64_t)1 << 63 : ~key;
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

#endif
