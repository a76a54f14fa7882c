/* One row: its answers, and walks of many trees at a time. Compiled once per instruction set. */
#include <string.h>

#include "tree/wide.h"

enum { LANES = 12 }; /* walks in flight, so that their memory latencies overlap */

/* answers -------------------------------------------------------------------------------------- */

/* Searches first: with no stores between them several are under way at once. */
static void rank_row(const neap__column *c, int64_t columns, const double *row, uint8_t *ranks) {
  for (int64_t k = 0; k < columns; k++) {
    double v = marked(&c[k], row[c[k].feature]);
    ranks[k] = (uint8_t)rank_one(&c[k], v);
  }
}

/* Whole runs of 64 are written: the next column's lie behind. */
static void fill(int32_t count, uint8_t rank, uint8_t *out) {
  for (int32_t i = 0; i < count; i += 64)
    for (int32_t j = 0; j < 64; j++) out[i + j] = (uint8_t)(i + j) < rank;
}

static void answer(const neap__segment *s, const double *row, uint8_t *answers) {
  enum { TOGETHER = 32 };
  for (int64_t k = 0; k < s->columns; k += TOGETHER) {
    uint8_t ranks[TOGETHER];
    int64_t n = s->columns - k < TOGETHER ? s->columns - k : TOGETHER;
    rank_row(s->column + k, n, row, ranks);
    for (int64_t i = 0; i < n; i++) {
      const neap__column *c = &s->column[k + i];
      double v = row[c->feature];
      fill(c->count, ranks[i], answers + c->first);
      if (c->sided && (v != v || c->missing == NEAP__MISSING_ZERO))
        for (int64_t q = c->first; q < c->first + c->count; q++)
          answers[q] = neap__question_answer(&s->question[q], v);
    }
  }
  for (int64_t q = s->questions - s->sets; q < s->questions; q++)
    answers[q] = neap__question_answer(&s->question[q], row[s->question[q].feature]);
  answers[s->questions] = 0;
}

/* walks ---------------------------------------------------------------------------------------- */

static inline int32_t step_ahead(const neap__segment *s, const neap__row *r, int32_t at) {
  return s->step[at].child + r->answer[s->step[at].question];
}

static inline int32_t step_asking(const neap__segment *s, const neap__row *r, int32_t at) {
  const neap__question *q = &s->question[s->step[at].question];
  double v = r->row[q->feature];
  bool plain = !q->bits && v == v && q->missing != NEAP__MISSING_ZERO;
  return s->step[at].child + (plain ? v > q->threshold : neap__question_answer(q, v));
}

/* Straight code: a branch on the answer would be guessed wrong half of the time. */
static ALWAYS_INLINE void walk_lanes(const neap__segment *s, const neap__row *r, bool ahead,
                                     int32_t at[LANES]) {
  int32_t moved = 1;
  while (moved) {
    moved = 0;
    for (int j = 0; j < LANES; j++) {
      int32_t to = ahead ? step_ahead(s, r, at[j]) : step_asking(s, r, at[j]);
      moved |= to ^ at[j];
      at[j] = to;
    }
  }
}

static void walk_any(const neap__segment *s, const neap__row *r, int64_t first, int64_t n,
                     int32_t *leaf) {
  for (int64_t i = 0; i < n; i += LANES) {
    int32_t at[LANES];
    for (int64_t j = 0; j < LANES; j++) at[j] = s->root[first + (i + j < n ? i + j : n - 1)];
    if (s->ahead) walk_lanes(s, r, true, at);
    else walk_lanes(s, r, false, at);
    for (int64_t j = 0; j < LANES && i + j < n; j++) leaf[i + j] = at[j];
  }
}

#if WIDE

/* Ranks of the row in eight columns at a time; lanes of narrow columns end early. */
static void rank_packed(const neap__segment *s, const double *row, neap__row *r) {
  r->missing = false;
  for (int64_t k = 0; k < s->columns; k += 8) {
    __m256i feature = _mm256_loadu_si256((const void *)(s->search + k));
    __m256i start = _mm256_loadu_si256((const void *)(s->search + s->search_room + k));
    __m256i half = _mm256_loadu_si256((const void *)(s->search + 2 * s->search_room + k));
    __m512d v = _mm512_i32gather_pd(feature, row, 8);
    __mmask8 nan = _mm512_cmp_pd_mask(v, v, _CMP_UNORD_Q);
    __mmask8 zero = _mm512_cmp_pd_mask(_mm512_abs_pd(v), _mm512_set1_pd(NEAP__ZERO), _CMP_LE_OQ);
    __mmask8 counts_as_zero = s->no_missing[k / 8], missing_zero = s->zero_missing[k / 8];
    v = _mm512_mask_mov_pd(v, nan & counts_as_zero, _mm512_setzero_pd());
    nan = (__mmask8)((nan & ~counts_as_zero) | (zero & missing_zero));
    __m256i rank = _mm256_setzero_si256(), one = _mm256_set1_epi32(1);
    for (__mmask8 open; (open = _mm256_test_epi32_mask(half, half));) {
      __m256i at = _mm256_add_epi32(_mm256_add_epi32(start, rank), _mm256_sub_epi32(half, one));
      __m512d cut = _mm512_mask_i32gather_pd(v, open, at, s->sorted, 8);
      rank = _mm256_mask_add_epi32(rank, _mm512_cmp_pd_mask(v, cut, _CMP_GT_OQ), rank, half);
      half = _mm256_srli_epi32(half, 1);
    }
    rank = _mm256_mask_mov_epi32(rank, nan, _mm256_set1_epi32(NEAP__NO_RANK));
    r->missing |= nan != 0;
    _mm_storeu_si128((void *)(r->rank + k), _mm256_cvtepi32_epi16(rank));
  }
}

typedef struct {
  __m512i rank[4]; /* of 32 columns each */
} ranks;

static ALWAYS_INLINE __m512i ranks_at(const ranks *r, __m512i column, bool many) {
  const __mmask32 low = 0x55555555; /* the lower half of every lane */
  __m512i v = _mm512_maskz_permutex2var_epi16(low, r->rank[0], column, r->rank[1]);
  if (!many) return v;
  __m512i w = _mm512_maskz_permutex2var_epi16(low, r->rank[2], column, r->rank[3]);
  return _mm512_mask_mov_epi32(v, _mm512_test_epi32_mask(column, _mm512_set1_epi32(64)), w);
}

static ALWAYS_INLINE __m512i step_packed(const neap__segment *s, const ranks *r, bool many,
                                         bool missing, __m512i root, __m512i at) {
  __m512i node = _mm512_i32gather_epi32(_mm512_add_epi32(root, at), s->packed, 4);
  __m512i child = _mm512_and_si512(node, _mm512_set1_epi32(0xffff));
  __m512i cut = _mm512_and_si512(_mm512_srli_epi32(node, 16), _mm512_set1_epi32(0xff));
  __m512i rank = ranks_at(r, _mm512_srli_epi32(node, 25), many);
  __mmask16 right = _mm512_cmpgt_epi32_mask(rank, cut);
  if (missing) {
    __mmask16 nowhere = _mm512_cmpeq_epi32_mask(rank, _mm512_set1_epi32(NEAP__NO_RANK));
    right &= ~(nowhere & _mm512_test_epi32_mask(node, _mm512_set1_epi32(1 << 24)));
  }
  return _mm512_mask_add_epi32(child, right, child, _mm512_set1_epi32(1));
}

static ALWAYS_INLINE void walk_packed(const neap__segment *s, const neap__row *row, bool many,
                                      bool missing, int64_t first, int32_t *leaf) {
  ranks r;
  for (int i = 0; i < (many ? 4 : 2); i++) r.rank[i] = _mm512_loadu_si512(row->rank + 32 * i);
  __m512i root[4], at[4];
  for (int i = 0; i < 4; i++) {
    root[i] = _mm512_loadu_si512(s->root + first + 16 * i);
    at[i] = _mm512_setzero_si512();
  }
  for (__mmask16 moved = 1; moved;) {
    moved = 0;
    for (int i = 0; i < 4; i++) {
      __m512i to = step_packed(s, &r, many, missing, root[i], at[i]);
      moved |= _mm512_cmpneq_epi32_mask(to, at[i]);
      at[i] = to;
    }
  }
  for (int i = 0; i < 4; i++) _mm512_storeu_si512(leaf + 16 * i, _mm512_add_epi32(root[i], at[i]));
}

#endif

#define NAME_OF(name, isa) neap__##name##_##isa
#define NAME(name, isa)    NAME_OF(name, isa)

void NAME(row_prepare, NEAP_TREE_ISA)(const neap__segment *s, const double *row, neap__row *r);
void NAME(row_walk, NEAP_TREE_ISA)(const neap__segment *s, const neap__row *r, int64_t first,
                                   int64_t n, int32_t *leaf);

void NAME(row_prepare, NEAP_TREE_ISA)(const neap__segment *s, const double *row, neap__row *r) {
  r->row = row;
#if WIDE
  if (s->packed) {
    rank_packed(s, row, r);
    return;
  }
#endif
  if (s->ahead) answer(s, row, r->answer);
}

void NAME(row_walk, NEAP_TREE_ISA)(const neap__segment *s, const neap__row *r, int64_t first,
                                   int64_t n, int32_t *leaf) {
#if WIDE
  if (s->packed) {
    bool many = s->columns > 64;
    if (!many && !r->missing) walk_packed(s, r, false, false, first, leaf);
    else if (!many) walk_packed(s, r, false, true, first, leaf);
    else if (!r->missing) walk_packed(s, r, true, false, first, leaf);
    else walk_packed(s, r, true, true, first, leaf);
    return;
  }
#endif
  walk_any(s, r, first, n, leaf);
}
