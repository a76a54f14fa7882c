/* move.inc.h — elements moved without being looked at, by width. T (an unsigned integer of that
 * width), VECTOR (eight of them), NAME. */

/* An outside position is read as 0, so that the loop has no branch. */
static bool NAME(take_any)(int64_t n, T *z, const T *x, const int64_t *at, int64_t first,
                           int64_t size) {
  int64_t outside = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t v = at[i], p = v < 0 ? v + size : v - first;
    int64_t bad = (p < 0) | (p >= size) | ((v >= 0) & (v < first));
    outside |= bad;
    z[i] = x[bad ? 0 : p];
  }
  return !outside;
}

/* Positions are looked at a few hundred at a time, and where all count from first, as most do, the
 * rest is loads and stores. */
static bool NAME(take)(int64_t n, void *zp, const void *xp, const int64_t *at, int64_t first,
                       int64_t size) {
  enum { STEP = 256 };
  const T *x = xp;
  bool inside = true;
  if (size == 0) return n == 0;
  for (int64_t i = 0; i < n; i += STEP, at += STEP) {
    T *z = (T *)zp + i;
    int64_t m = n - i < STEP ? n - i : STEP;
    uint64_t furthest = 0, start = (uint64_t)first;
    for (int64_t k = 0; k < m; k++) {
      uint64_t p = (uint64_t)at[k] - start;
      furthest = p > furthest ? p : furthest;
    }
    if (furthest >= (uint64_t)size) inside &= NAME(take_any)(m, z, x, at, first, size);
    else
      for (int64_t k = 0; k < m; k++) z[k] = x[at[k] - first];
  }
  return inside;
}

/* Every element is written and kept only if its byte is 1: no branch to guess. */
static void NAME(compress)(int64_t count, void *zp, const void *xp, const uint8_t *mask) {
  T *z = zp;
  const T *x = xp;
  int64_t i = 0, k = 0;
#if defined(COMPRESS)
  for (; k + COMPRESS_LANES <= count; i += COMPRESS_LANES) k += COMPRESS(z + k, x + i, mask + i);
#endif
  for (; k < count; i++) {
    z[k] = x[i];
    k += mask[i];
  }
}

#define SWAP(a, b, ...)                                                                            \
  do {                                                                                             \
    VECTOR low = __builtin_shufflevector(v[a], v[b], __VA_ARGS__);                                 \
    v[b] = __builtin_shufflevector(v[a], v[b], HIGH(__VA_ARGS__));                                 \
    v[a] = low;                                                                                    \
  } while (0)
#define HIGH(a, b, c, d, e, f, g, h)                                                               \
  (a) + STEP, (b) + STEP, (c) + STEP, (d) + STEP, (e) + STEP, (f) + STEP, (g) + STEP, (h) + STEP

/* z[i][j] = x[j][i] for 8 x 8 elements: pairs of rows exchange single elements, then pairs, then
 * halves. */
static inline void NAME(tile)(T *z, int64_t zs, const T *x, int64_t xs) {
  VECTOR v[8];
  for (int k = 0; k < 8; k++) memcpy(&v[k], x + k * xs, sizeof v[k]);
#define STEP 1
  SWAP(0, 1, 0, 8, 2, 10, 4, 12, 6, 14);
  SWAP(2, 3, 0, 8, 2, 10, 4, 12, 6, 14);
  SWAP(4, 5, 0, 8, 2, 10, 4, 12, 6, 14);
  SWAP(6, 7, 0, 8, 2, 10, 4, 12, 6, 14);
#undef STEP
#define STEP 2
  SWAP(0, 2, 0, 1, 8, 9, 4, 5, 12, 13);
  SWAP(1, 3, 0, 1, 8, 9, 4, 5, 12, 13);
  SWAP(4, 6, 0, 1, 8, 9, 4, 5, 12, 13);
  SWAP(5, 7, 0, 1, 8, 9, 4, 5, 12, 13);
#undef STEP
#define STEP 4
  SWAP(0, 4, 0, 1, 2, 3, 8, 9, 10, 11);
  SWAP(1, 5, 0, 1, 2, 3, 8, 9, 10, 11);
  SWAP(2, 6, 0, 1, 2, 3, 8, 9, 10, 11);
  SWAP(3, 7, 0, 1, 2, 3, 8, 9, 10, 11);
#undef STEP
  for (int k = 0; k < 8; k++) memcpy(z + k * zs, &v[k], sizeof v[k]);
}
#undef SWAP
#undef HIGH

/* The last tiles of a row or column of them overlap those before. */
static void NAME(transpose)(int64_t rows, int64_t columns, void *zp, int64_t zs, const void *xp,
                            int64_t xs) {
  T *z = zp;
  const T *x = xp;
  if (rows < 8 || columns < 8) {
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < columns; j++) z[i * zs + j] = x[j * xs + i];
    return;
  }
  for (int64_t i = 0; i < rows; i += 8) {
    int64_t r = i < rows - 8 ? i : rows - 8;
    for (int64_t j = 0; j < columns; j += 8) {
      int64_t c = j < columns - 8 ? j : columns - 8;
      NAME(tile)(z + r * zs + c, zs, x + c * xs + r, xs);
    }
  }
}
