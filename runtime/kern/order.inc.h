/* order.inc.h — elements as words to sort, and back. T, BITS (the unsigned integer of its width),
 * KEY(bits) and BITS_OF(key) (unsigned order is the order of T), VAGUE(v) (its key does not tell it
 * from another), IS_NAN, NAME. */

static void NAME(keys)(int64_t n, const void *xp, bool descending, uint64_t *keys,
                       neap_key_range *range) {
  const T *x = xp;
  BITS flip = descending ? (BITS)-1 : 0;
  uint64_t low = range->low, high = range->high;
  for (int64_t i = 0; i < n; i++) {
    T v = (T)(x[i] + (T)0); /* -0 becomes 0 */
    BITS bits;
    memcpy(&bits, &v, sizeof bits);
    uint64_t key = (BITS)(KEY(bits) ^ flip) | (BITS)((BITS)0 - (BITS)IS_NAN(v));
    keys[i] = key;
    low = key < low ? key : low;
    high = key > high ? key : high;
  }
  range->low = low;
  range->high = high;
}

static void NAME(unpack)(int64_t n, uint64_t *words, const neap_word_form *form, int64_t first,
                         const void *xp, void *zp) {
  enum { STEP = 512 };
  uint64_t mask = ((uint64_t)1 << form->position_bits) - 1;
  BITS flip = form->descending ? (BITS)-1 : 0;
  for (int64_t i = 0; i < n; i += STEP) {
    int64_t m = n - i < STEP ? n - i : STEP, *at = (int64_t *)words + i;
    T *z = zp && !form->drop ? (T *)zp + i : NULL;
    int vague = 0;
    for (int64_t k = 0; z && k < m; k++) {
      BITS key = (BITS)((words[i + k] >> form->position_bits) + form->low);
      BITS bits = BITS_OF((BITS)(key ^ flip));
      T v;
      memcpy(&v, &bits, sizeof v);
      vague |= VAGUE(v);
      z[k] = v;
    }
    for (int64_t k = 0; k < m; k++) at[k] = (int64_t)(words[i + k] & mask) + first;
    for (int64_t k = 0; vague && k < m; k++)
      if (VAGUE(z[k])) z[k] = ((const T *)xp)[at[k] - first];
  }
}
