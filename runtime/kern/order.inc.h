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
    uint64_t key = IS_NAN(v) ? (BITS)-1 : (BITS)(KEY(bits) ^ flip);
    keys[i] = key;
    low = key < low ? key : low;
    high = key > high ? key : high;
  }
  range->low = low;
  range->high = high;
}

static void NAME(unpack)(int64_t n, uint64_t *words, const neap_word_form *form, int64_t first,
                         const void *xp, void *zp) {
  const T *x = xp;
  T *z = zp;
  int64_t *at = (int64_t *)words;
  BITS flip = form->descending ? (BITS)-1 : 0;
  for (int64_t i = 0; z && !form->drop && i < n; i++) {
    BITS key = (BITS)((words[i] >> form->position_bits) + form->low);
    BITS bits = BITS_OF((BITS)(key ^ flip));
    memcpy(&z[i], &bits, sizeof bits);
  }
  uint64_t mask = ((uint64_t)1 << form->position_bits) - 1;
  for (int64_t i = 0; i < n; i++) at[i] = (int64_t)(words[i] & mask) + first;
  for (int64_t i = 0; z && !form->drop && i < n; i++)
    if (VAGUE(z[i])) z[i] = x[at[i] - first];
}
