/* top.inc.h — the largest number of a row of f64 or f32. T, NAME. */

/* The largest of n elements, NaN left out; -inf for none. The last register is read up to the end,
 * over again in part. */
static T NAME(top)(int64_t n, const T *x) {
  enum { PACK = sizeof(NAME(pack)) / sizeof(T) };
  T lanes[PACK], top = -(T)INFINITY;
  int64_t left = n;
  if (n >= PACK) {
    NAME(pack) m = (NAME(pack)){0} - (T)INFINITY;
    for (int64_t i = 0; i + PACK <= n; i += PACK) m = NAME(larger)(NAME(pack_load)(x + i), m);
    m = NAME(larger)(NAME(pack_load)(x + n - PACK), m);
    memcpy(lanes, &m, sizeof lanes);
    x = lanes;
    left = PACK;
  }
  for (int64_t i = 0; i < left; i++) top = x[i] > top ? x[i] : top;
  return top;
}
