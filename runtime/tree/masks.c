/* Blocks of rows as sets of bits: ranks, answers, leaves, sums. Compiled once per instruction set
 * as the tables of kern are; whatever is not written for AVX-512 is plain code on words. */
#include <math.h>
#include <string.h>

#include "tree/wide.h"

/* ranks ---------------------------------------------------------------------------------------- */

#if WIDE

static ALWAYS_INLINE __m512i with_digit(__m512i rank, __mmask16 digit) {
  rank = _mm512_add_epi32(rank, rank);
  return _mm512_mask_add_epi32(rank, digit, rank, _mm512_set1_epi32(1));
}

static ALWAYS_INLINE __m512 pick(const float *t, __m512i at) {
  return _mm512_permutex2var_ps(_mm512_loadu_ps(t), at, _mm512_loadu_ps(t + 16));
}

/* The middle threshold of the part of the search that each rank stands for; k0 and k1 are its two
 * highest digits. */
static ALWAYS_INLINE __m512 cut_at(int level, const float *t, __m512i rank, __mmask16 k0,
                                   __mmask16 k1) {
  if (level < 5) return _mm512_permutexvar_ps(rank, _mm512_loadu_ps(t));
  if (level == 5) return pick(t, rank);
  __mmask16 upper = level == 6 ? k0 : k1;
  __m512 low = _mm512_mask_blend_ps(upper, pick(t, rank), pick(t + 32, rank));
  if (level == 6) return low;
  __m512 high = _mm512_mask_blend_ps(upper, pick(t + 64, rank), pick(t + 96, rank));
  return _mm512_mask_blend_ps(k0, low, high);
}

/* Ranks among the thresholds as floats; digit[level]. */
static ALWAYS_INLINE __m512i rank_of(int levels, const float *narrow, __m512 v,
                                     __mmask16 digit[8]) {
  __m512i rank = _mm512_setzero_si512();
#pragma GCC unroll 8
  for (int l = 0; l < levels; l++) {
    __m512 cut = cut_at(l, narrow + (1 << l) - 1, rank, digit[0], digit[1]);
    digit[l] = _mm512_cmp_ps_mask(v, cut, _CMP_GT_OQ);
    rank = with_digit(rank, digit[l]);
  }
  return rank;
}

static ALWAYS_INLINE uint64_t rank_f32(int levels, const neap__column *c, const float *v,
                                       uint64_t *planes) {
  uint64_t word[8] = {0}, missing = 0;
  for (int q = 0; q < 4; q++) {
    __mmask16 digit[8] = {0};
    __m512 x = _mm512_loadu_ps(v + 16 * q);
    if (c->missing == 0) x = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, x, _CMP_ORD_Q), x);
    if (c->missing == NEAP__MISSING_ZERO)
      x = _mm512_mask_mov_ps(
          x, _mm512_cmp_ps_mask(_mm512_abs_ps(x), _mm512_set1_ps(1e-35F), _CMP_LE_OQ),
          _mm512_set1_ps(NAN));
    missing |= (uint64_t)_mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q) << (16 * q);
    rank_of(levels, c->narrow, x, digit);
#pragma GCC unroll 8
    for (int l = 0; l < levels; l++) word[levels - 1 - l] |= (uint64_t)digit[l] << (16 * q);
  }
  for (int l = 0; l < levels; l++) planes[l * NEAP__WORDS] = word[l];
  return missing;
}

static ALWAYS_INLINE __m512d without_missing(__m512d x, uint8_t missing) {
  if (missing == 0) x = _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(x, x, _CMP_ORD_Q), x);
  if (missing == NEAP__MISSING_ZERO)
    x = _mm512_mask_mov_pd(
        x, _mm512_cmp_pd_mask(_mm512_abs_pd(x), _mm512_set1_pd(NEAP__ZERO), _CMP_LE_OQ),
        _mm512_set1_pd(NAN));
  return x;
}

/* Which of eight values are above the threshold at their rank; behind the last stands infinity. */
static ALWAYS_INLINE __mmask8 passes(const neap__column *c, __m512d v, __m256i rank) {
  return _mm512_cmp_pd_mask(v, _mm512_i32gather_pd(rank, c->sorted, 8), _CMP_GT_OQ);
}

/* A double rounded down to a float is below another such one only where the double is, so only
 * thresholds that become the same float are left to compare. */
static ALWAYS_INLINE uint64_t rank_f64(int levels, const neap__column *c, const double *v,
                                       uint64_t *planes) {
  uint64_t word[8] = {0}, missing = 0;
  for (int q = 0; q < 4; q++) {
    __mmask16 digit[8] = {0};
    __m512d a = without_missing(_mm512_loadu_pd(v + 16 * q), c->missing);
    __m512d b = without_missing(_mm512_loadu_pd(v + 16 * q + 8), c->missing);
    __m256 lower = _mm512_cvt_roundpd_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    __m256 upper = _mm512_cvt_roundpd_ps(b, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    __m512 x = _mm512_insertf32x8(_mm512_castps256_ps512(lower), upper, 1);
    missing |= (uint64_t)_mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q) << (16 * q);
    __m512i rank = rank_of(levels, c->narrow, x, digit);
    for (__mmask16 up = 1; up;) {
      __mmask8 low = passes(c, a, _mm512_castsi512_si256(rank));
      __mmask8 high = passes(c, b, _mm512_extracti64x4_epi64(rank, 1));
      up = (__mmask16)(low | high << 8);
      rank = _mm512_mask_add_epi32(rank, up, rank, _mm512_set1_epi32(1));
    }
#pragma GCC unroll 8
    for (int l = 0; l < levels; l++)
      word[l] |= (uint64_t)_mm512_test_epi32_mask(rank, _mm512_set1_epi32(1 << l)) << (16 * q);
  }
  for (int l = 0; l < levels; l++) planes[l * NEAP__WORDS] = word[l];
  return missing;
}

static uint64_t rank(const neap__column *c, const void *v, bool f32, uint64_t *planes) {
  switch (c->levels) {
#define LEVELS(l)                                                                                  \
  case l: return f32 ? rank_f32(l, c, v, planes) : rank_f64(l, c, v, planes);
    LEVELS(1)
    LEVELS(2)
    LEVELS(3)
    LEVELS(4)
    LEVELS(5)
    LEVELS(6)
    LEVELS(7)
  default: return f32 ? rank_f32(8, c, v, planes) : rank_f64(8, c, v, planes);
  }
}

#else

/* Transpose 8 x 8 bits: bit j of byte i becomes bit i of byte j. Source: Warren, Hacker's Delight,
 * 7-3. */
static inline uint64_t transpose(uint64_t x) {
  uint64_t t = (x ^ (x >> 7)) & 0x00aa00aa00aa00aaULL;
  x ^= t ^ (t << 7);
  t = (x ^ (x >> 14)) & 0x0000cccc0000ccccULL;
  x ^= t ^ (t << 14);
  t = (x ^ (x >> 28)) & 0x00000000f0f0f0f0ULL;
  return x ^ t ^ (t << 28);
}

static uint64_t rank(const neap__column *c, const void *v, bool f32, uint64_t *planes) {
  uint64_t missing = 0;
  for (int i = 0; i < 64; i += 8) {
    uint64_t ranks = 0;
    for (int j = 0; j < 8; j++) {
      double x = f32 ? (double)((const float *)v)[i + j] : ((const double *)v)[i + j];
      x = marked(c, x);
      missing |= (uint64_t)(x != x) << (i + j);
      ranks |= (uint64_t)rank_one(c, x) << (8 * j);
    }
    ranks = transpose(ranks);
    for (int l = 0; l < c->levels; l++) {
      uint64_t *out = planes + l * NEAP__WORDS, byte = ranks >> (8 * l) & 255;
      *out = (i ? *out : 0) | byte << i;
    }
  }
  return missing;
}

#endif

/* answers -------------------------------------------------------------------------------------- */

static const neap__rows none, all = {~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL};

/* above[i]: the number of so many digits is above i, for i < 2^digits - 1. Each digit, from the
 * highest, makes two of every question: n > i becomes 2n + d > 2i, which is n > i or (n > i - 1 and
 * d), and 2n + d > 2i + 1, which is n > i. */
static int spread_digits(int digits, const neap__rows *plane, neap__rows *above) {
  int count = 0;
  for (int d = digits - 1; d >= 0; d--) {
    for (int i = count; i >= 0; i--) {
      neap__rows over = i < count ? above[i] : none, from = i ? above[i - 1] : all;
      if (i < count) above[2 * i + 1] = over;
      above[2 * i] = over | (from & plane[d]);
    }
    count = 2 * count + 1;
  }
  return count;
}

/* The four lowest digits and the others apart: rank > 16 p + i is high > p, or high > p - 1 and
 * low > i. */
static void spread(const neap__column *c, const neap__rows *planes, neap__rows *masks) {
  neap__rows low[15], high[15];
  int digits = c->levels < 4 ? c->levels : 4;
  int lows = spread_digits(digits, planes, low);
  int highs = spread_digits(c->levels - digits, planes + digits, high);
  int j = 0;
  for (int p = 0; p <= highs && j < c->count; p++) {
    neap__rows over = p < highs ? high[p] : none, from = p ? high[p - 1] : all;
    for (int i = 0; i < lows && j < c->count; i++) masks[j++] = over | (from & low[i]);
    if (j < c->count) masks[j++] = over;
  }
}

/* trees ---------------------------------------------------------------------------------------- */

static void follow(const neap__program *p, const neap__rows *masks, neap__rows *sets,
                   neap__rows *planes) {
  sets[0] = all;
  for (int32_t k = 0; k < p->leaves - 1; k++) {
    const neap__branch *b = p->branch + k;
    neap__rows here = sets[k], right = masks[b->question];
    sets[b->left] = here & ~right;
    sets[b->right] = here & right;
  }
  int32_t e = 0;
  for (int l = 0; l < p->planes; l++) {
    neap__rows sum = none;
    for (; e < p->joined_until[l]; e++) sum |= sets[p->joined[e]];
    planes[l] = sum;
  }
}

#if WIDE

static inline __m512i bytes_of(int planes, const neap__rows *plane, int word) {
  __m512i v = _mm512_setzero_si512();
  for (int l = 0; l < planes; l++) {
    __m512i digit = _mm512_set1_epi8((char)(1 << l));
    v = _mm512_or_si512(v, _mm512_maskz_mov_epi8(plane[l][word], digit));
  }
  return v;
}

static void codes(int planes, const neap__rows *plane, uint8_t *low, uint8_t *high) {
  for (int w = 0; w < NEAP__WORDS; w++) {
    _mm512_storeu_si512(low + 64 * w, bytes_of(planes < 8 ? planes : 8, plane, w));
    if (planes > 8) _mm512_storeu_si512(high + 64 * w, bytes_of(planes - 8, plane + 8, w));
  }
}

static inline __m256i code_of(const uint8_t *low, const uint8_t *high, int64_t i) {
  __m256i code = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(low + i)));
  if (!high) return code;
  __m256i rest = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(high + i)));
  return _mm256_or_si256(code, _mm256_slli_epi32(rest, 8));
}

static void add(const neap__program *p, const uint8_t *low, const uint8_t *high, double *raw) {
  if (p->planes <= 8) high = NULL;
  for (int64_t i = 0; i < NEAP__BLOCK; i += 8) {
    __m512d v = _mm512_i32gather_pd(code_of(low, high, i), p->value, 8);
    _mm512_storeu_pd(raw + i, _mm512_add_pd(_mm512_loadu_pd(raw + i), v));
  }
}

#else

static void bytes_of(int planes, const neap__rows *plane, uint8_t *out) {
  for (int i = 0; i < NEAP__BLOCK; i += 8) {
    uint64_t x = 0;
    for (int l = 0; l < planes; l++) x |= (plane[l][i / 64] >> (i % 64) & 255) << (8 * l);
    x = transpose(x);
    memcpy(out + i, &x, sizeof x);
  }
}

static void codes(int planes, const neap__rows *plane, uint8_t *low, uint8_t *high) {
  bytes_of(planes < 8 ? planes : 8, plane, low);
  if (planes > 8) bytes_of(planes - 8, plane + 8, high);
}

static void add(const neap__program *p, const uint8_t *low, const uint8_t *high, double *raw) {
  if (p->planes <= 8)
    for (int64_t i = 0; i < NEAP__BLOCK; i++) raw[i] += p->value[low[i]];
  else
    for (int64_t i = 0; i < NEAP__BLOCK; i++) raw[i] += p->value[low[i] | high[i] << 8];
}

#endif

#define NAME_OF(name, isa) neap__##name##_##isa
#define NAME(name, isa)    NAME_OF(name, isa)
void NAME(row_prepare, NEAP_TREE_ISA)(const neap__segment *, const double *, neap__row *);
void NAME(row_walk, NEAP_TREE_ISA)(const neap__segment *, const neap__row *, int64_t, int64_t,
                                   int32_t *);

const neap__mask_loops NAME(mask_loops, NEAP_TREE_ISA) = {
    WIDE,
    rank,
    spread,
    follow,
    codes,
    add,
    NAME(row_prepare, NEAP_TREE_ISA),
    NAME(row_walk, NEAP_TREE_ISA),
};
