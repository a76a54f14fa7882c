/* words_avx512.h — sorting unsigned 64-bit words in place, eight at a time; private to table.c.
 *
 * Quicksort: split moves the words up to the pivot to the front by compressing vectors, until few
 * are left. Those lie in up to 16 registers whose columns are sorted by a network without
 * shuffles, and then merged, two, four and eight columns together, by bitonic networks: word k
 * of the sorted 8 x R block is row k % R of column k / R. Sources: Batcher 1968; Gueron and
 * Krasnov 2015; Bramas 2017. */
#include <immintrin.h>

enum { BLOCK = NEAP_SPLIT_BLOCK, FEW = 128 };

#define SWAP_LANES(v) _mm512_permutex_epi64(v, 0xb1)
#define TURN_FOURS(v) _mm512_permutex_epi64(v, 0x1b)
#define SWAP_PAIRS(v) _mm512_permutex_epi64(v, 0x4e)
#define TURN_ALL(v)   _mm512_shuffle_i64x2(TURN_FOURS(v), TURN_FOURS(v), 0x4e)

/* The smaller one of each pair, in lanes of the mask upper the larger one. */
static ALWAYS_INLINE __m512i ordered(__m512i a, __m512i b, __mmask8 upper) {
  return _mm512_mask_max_epu64(_mm512_min_epu64(a, b), upper, a, b);
}

static ALWAYS_INLINE void order_rows(__m512i *a, __m512i *b) {
  __m512i low = _mm512_min_epu64(*a, *b);
  *b = _mm512_max_epu64(*a, *b);
  *a = low;
}

/* Batcher's odd-even merge sort of every column. */
static ALWAYS_INLINE void sort_columns(__m512i *v, int rows) {
#define S(a, b) order_rows(&v[a], &v[b]);
  /* clang-format off */
  if (rows == 8) {
    S(0, 1) S(2, 3) S(4, 5) S(6, 7) S(0, 2) S(1, 3) S(4, 6) S(5, 7) S(1, 2) S(5, 6)
    S(0, 4) S(1, 5) S(2, 6) S(3, 7) S(2, 4) S(3, 5) S(1, 2) S(3, 4) S(5, 6)
  } else if (rows == 16) {
    S(0, 1) S(2, 3) S(4, 5) S(6, 7) S(8, 9) S(10, 11) S(12, 13) S(14, 15)
    S(0, 2) S(1, 3) S(4, 6) S(5, 7) S(8, 10) S(9, 11) S(12, 14) S(13, 15)
    S(1, 2) S(5, 6) S(9, 10) S(13, 14)
    S(0, 4) S(1, 5) S(2, 6) S(3, 7) S(8, 12) S(9, 13) S(10, 14) S(11, 15)
    S(2, 4) S(3, 5) S(10, 12) S(11, 13)
    S(1, 2) S(3, 4) S(5, 6) S(9, 10) S(11, 12) S(13, 14)
    S(0, 8) S(1, 9) S(2, 10) S(3, 11) S(4, 12) S(5, 13) S(6, 14) S(7, 15)
    S(4, 8) S(5, 9) S(6, 10) S(7, 11)
    S(2, 4) S(3, 5) S(6, 8) S(7, 9) S(10, 12) S(11, 13)
    S(1, 2) S(3, 4) S(5, 6) S(7, 8) S(9, 10) S(11, 12) S(13, 14)
  }
  /* clang-format on */
#undef S
}

/* Columns of bitonic order into rising order. */
static ALWAYS_INLINE void merge_rows(__m512i *v, int rows) {
  UNROLL for (int step = 8; step; step /= 2) {
    UNROLL for (int i = 0; i < rows; i++) {
      if (step < rows && !(i & step)) order_rows(&v[i], &v[i + step]);
    }
  }
}

/* One word of every vector with its partner in the vector lying opposite. */
#define FACE(turned, upper)                                                                        \
  UNROLL for (int i = 0; 2 * i < rows; i++) {                                                      \
    __m512i a = v[i], b = v[rows - 1 - i];                                                         \
    v[i] = ordered(a, turned(b), upper);                                                           \
    if (rows > 1) v[rows - 1 - i] = ordered(b, turned(a), upper);                                  \
  }
#define WITHIN(turned, upper)                                                                      \
  UNROLL for (int i = 0; i < rows; i++) v[i] = ordered(v[i], turned(v[i]), upper);

static ALWAYS_INLINE void merge_columns(__m512i *v, int rows) {
  FACE(SWAP_LANES, 0xaa)
  merge_rows(v, rows);
  FACE(TURN_FOURS, 0xcc)
  WITHIN(SWAP_LANES, 0xaa)
  merge_rows(v, rows);
  FACE(TURN_ALL, 0xf0)
  WITHIN(SWAP_PAIRS, 0xcc)
  WITHIN(SWAP_LANES, 0xaa)
  merge_rows(v, rows);
}
#undef FACE
#undef WITHIN

/* n <= 8 * rows words; the rest is filled up with words that sort last. */
static ALWAYS_INLINE void sort_block(int64_t n, uint64_t *w, int rows) {
  __m512i v[16];
  uint64_t out[FEW], turned[FEW];
  __m512i last = _mm512_set1_epi64(-1);
  UNROLL for (int i = 0; i < rows; i++) {
    int64_t left = n - 8 * i;
    __mmask8 there = left >= 8 ? 0xff : left > 0 ? (__mmask8)((1 << left) - 1) : 0;
    v[i] = _mm512_mask_loadu_epi64(last, there, w + 8 * i);
  }
  sort_columns(v, rows);
  merge_columns(v, rows);
  UNROLL for (int i = 0; i < rows; i++) _mm512_storeu_si512(out + 8 * i, v[i]);
  for (int i = 0; i < rows; i += 8) tile_64(turned + i, rows, out + 8 * i, 8);
  memcpy(w, turned, (size_t)n * sizeof *w);
}

static void sort_8_rows(int64_t n, uint64_t *w) { sort_block(n, w, 8); }
static void sort_16_rows(int64_t n, uint64_t *w) { sort_block(n, w, 16); }

/* The middle of the middles of eight columns; the rows are taken from all over w. */
static uint64_t pivot_words(int64_t n, const uint64_t *w) {
  __m512i v[8];
  uint64_t stride = (uint64_t)n / 8, mixed = (uint64_t)n;
  for (int i = 0; i < 8; i++) { /* places that no period of the input keeps step with */
    mixed = mixed * 6364136223846793005u + 1442695040888963407u;
    v[i] = _mm512_loadu_si512(w + (uint64_t)i * stride + (((mixed >> 32) * (stride - 7)) >> 32));
  }
  sort_columns(v, 8);
  merge_columns(v + 3, 1);
  return (uint64_t)_mm256_extract_epi64(_mm512_castsi512_si256(v[3]), 3);
}

/* The n <= 8 first words of v: those up to the pivot to *low, the others before *high. Between the
 * two there is room for n. */
static ALWAYS_INLINE void part(__m512i v, int64_t n, __m512i pivot, uint64_t **low,
                               uint64_t **high) {
  __mmask8 all = (__mmask8)((1 << n) - 1), up = _mm512_mask_cmpgt_epu64_mask(all, v, pivot);
  __mmask8 down = (__mmask8)(all & ~up);
  int64_t above = __builtin_popcount(up), below = n - above;
  *high -= above;
  _mm512_mask_storeu_epi64(*low, (__mmask8)((1 << below) - 1),
                           _mm512_maskz_compress_epi64(down, v));
  _mm512_mask_storeu_epi64(*high, (__mmask8)((1 << above) - 1), _mm512_maskz_compress_epi64(up, v));
  *low += below;
}

/* What is left over: fewer words than a block, and the two blocks that were kept. The free range
 * has exactly their number. */
static void split_rest(neap_split *s) {
  uint64_t rest[3 * BLOCK + 8], *low = s->w + s->low, *high = s->w + s->high;
  int64_t n = s->right - s->left;
  memcpy(rest, s->kept, sizeof s->kept);
  memcpy(rest + 2 * BLOCK, s->w + s->left, (size_t)n * sizeof *rest);
  n += 2 * BLOCK;
  __m512i pivot = _mm512_set1_epi64((int64_t)s->pivot);
  for (int64_t i = 0; i < n; i += 8)
    part(_mm512_loadu_si512(rest + i), n - i < 8 ? n - i : 8, pivot, &low, &high);
  s->low = s->high = low - s->w;
}

static bool split_words(neap_split *s, int64_t blocks) {
  uint64_t *left = s->w + s->left, *right = s->w + s->right, *low = s->w + s->low,
           *high = s->w + s->high;
  __m512i pivot = _mm512_set1_epi64((int64_t)s->pivot);
  for (; blocks > 0 && right - left >= BLOCK; blocks--) {
    /* read where less is free: afterwards both sides have room for a block */
    bool from_right = high - right < left - low;
    const uint64_t *x = from_right ? right - BLOCK : left;
    right -= from_right ? BLOCK : 0;
    left += from_right ? 0 : BLOCK;
    __m512i v[BLOCK / 8];
    UNROLL for (int i = 0; i < BLOCK / 8; i++) v[i] = _mm512_loadu_si512(x + 8 * i);
    UNROLL for (int i = 0; i < BLOCK / 8; i++) part(v[i], 8, pivot, &low, &high);
  }
  s->left = left - s->w;
  s->right = right - s->w;
  s->low = low - s->w;
  s->high = high - s->w;
  if (right - left >= BLOCK) return false;
  split_rest(s);
  return true;
}

static void sort_words(int64_t n, uint64_t *w) {
  while (n > FEW) {
    neap_split s;
    neap_split_begin(&s, n, w, pivot_words(n, w));
    split_words(&s, n);
    sort_words(s.low, w);
    w += s.low;
    n -= s.low;
  }
  if (n > FEW / 2) sort_16_rows(n, w);
  else if (n > 1) sort_8_rows(n, w);
}
