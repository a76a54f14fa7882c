/* The rows of a leaf lie side by side in the grid; splitting a leaf moves them. How many go left is
 * known from the histogram, so the first row on the wrong side of that border changes places with
 * the first one beyond it, and so on: bins, pairs and row numbers are read and written in rising
 * order, and no second grid is needed. Rows lying where their leaf is read make everything that
 * follows a walk along memory. */
#include <string.h>

#include "base/pool.h"
#include "tree/grower.h"

enum {
  WORD = 64,         /* rows that a word of bits stands for */
  CHUNK = 1 << 12,   /* rows of one task */
  SWAPS = CHUNK / 4, /* exchanges of one task */
};

typedef struct {
  neap__grower *g;
  int64_t begin, count, lefts; /* rows of the leaf, and those that go left */
  int64_t chunks[2];           /* of rows before the border and behind it */
  const uint8_t *bin;          /* of the feature split on, in the leaf's first row */
  uint8_t goes_left[256];
} cut;

static cut cut_of(neap__grower *g, const neap__leaf *p) {
  cut c = {.g = g, .begin = p->begin, .count = p->count};
  c.lefts = neap__cell_rows(p->best.left, g->s);
  c.bin = g->b->grid + p->begin * g->b->used + p->best.feature;
  c.chunks[0] = neap_parallel_chunks(c.lefts, CHUNK);
  c.chunks[1] = neap_parallel_chunks(c.count - c.lefts, CHUNK);
  neap__split_table(&p->best, &g->b->feature[p->best.feature], c.goes_left);
  return c;
}

/* exchanging rows ------------------------------------------------------------------------------ */

typedef struct {
  uint64_t word[2];
} block; /* 16 bytes */

#define EXCHANGE(type, a, b)                                                                       \
  do {                                                                                             \
    type u, v;                                                                                     \
    memcpy(&u, (a), sizeof u);                                                                     \
    memcpy(&v, (b), sizeof v);                                                                     \
    memcpy((a), &v, sizeof v);                                                                     \
    memcpy((b), &u, sizeof u);                                                                     \
  } while (0)

static void exchange_bytes(uint8_t *a, uint8_t *b, int64_t n) {
  for (; n >= 16; a += 16, b += 16, n -= 16) EXCHANGE(block, a, b);
  if (n & 8) {
    EXCHANGE(uint64_t, a, b);
    a += 8, b += 8;
  }
  if (n & 4) {
    EXCHANGE(uint32_t, a, b);
    a += 4, b += 4;
  }
  for (n &= 3; n > 0; n--, a++, b++) EXCHANGE(uint8_t, a, b);
}

static inline void exchange(neap__grower *g, int64_t i, int64_t j) {
  int64_t width = g->b->used;
  exchange_bytes(g->b->grid + i * width, g->b->grid + j * width, width);
  EXCHANGE(neap__pair, &g->pairs[i], &g->pairs[j]);
  EXCHANGE(int32_t, &g->b->row[i], &g->b->row[j]);
}

/* rows on the wrong side ----------------------------------------------------------------------- */

/* A bit for each of the n <= 64 rows from first on that goes to the side given (1: left). */
static inline uint64_t find_rows(const cut *c, int64_t first, int64_t n, int left) {
  int64_t width = c->g->b->used;
  const uint8_t *bin = c->bin + first * width;
  uint64_t lefts = 0;
  for (int64_t i = 0; i < n; i++) lefts |= (uint64_t)c->goes_left[bin[i * width]] << i;
  uint64_t all = n == WORD ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
  return left ? lefts : ~lefts & all;
}

/* Walks along the rows of one side that belong to the other. */
typedef struct {
  int64_t at, next, end; /* row of the lowest bit, first row not looked at, end of the side */
  uint64_t bits;
} walk;

static inline bool look(const cut *c, walk *w, int left) {
  while (!w->bits && w->next < w->end) {
    int64_t n = w->end - w->next < WORD ? w->end - w->next : WORD;
    w->bits = find_rows(c, w->next, n, left);
    w->at = w->next;
    w->next += n;
  }
  return w->bits != 0;
}

static inline int64_t take(walk *w) {
  int64_t row = w->at + __builtin_ctzll(w->bits);
  w->bits &= w->bits - 1;
  return row;
}

void neap__rows_partition(neap__grower *g, const neap__leaf *p) {
  cut c = cut_of(g, p);
  walk left = {.end = c.lefts}, right = {.next = c.lefts, .end = c.count};
  while (look(&c, &left, 0) && look(&c, &right, 1))
    while (left.bits && right.bits) exchange(g, c.begin + take(&left), c.begin + take(&right));
}

/* large leaves --------------------------------------------------------------------------------- */

int64_t neap__rows_words(int64_t rows) { return rows / WORD + 2; }
int64_t neap__rows_pieces(int64_t rows) { return rows / CHUNK + 2; }

/* Rows of one side of the border: number i of them is c->begin + from + i, its bit number i from
 * word on, its chunks are counted from piece on. */
typedef struct {
  int64_t from, count;
  uint64_t *word;
  const int64_t *piece;
} side;

static side side_of(const cut *c, int right) {
  if (!right) return (side){0, c->lefts, c->g->wrong, c->g->piece};
  return (side){c->lefts, c->count - c->lefts, c->g->wrong + (c->lefts + WORD - 1) / WORD,
                c->g->piece + c->chunks[0]};
}

static neap_status look_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)begin;
  (void)end;
  const cut *c = ctx;
  int right = chunk >= c->chunks[0];
  side s = side_of(c, right);
  int64_t first = (right ? chunk - c->chunks[0] : chunk) * CHUNK, wrong = 0;
  for (int64_t i = first; i < s.count && i < first + CHUNK; i += WORD) {
    int64_t n = s.count - i < WORD ? s.count - i : WORD;
    uint64_t bits = find_rows(c, s.from + i, n, right);
    s.word[i / WORD] = bits;
    wrong += __builtin_popcountll(bits);
  }
  c->g->piece[chunk] = wrong;
  return NEAP_OK;
}

/* Walks along the bits found before. */
typedef struct {
  const uint64_t *word;
  int64_t at; /* row of bit 0 of bits */
  uint64_t bits;
} bit_walk;

/* To the wrong row number k of a side. */
static bit_walk walk_to(side s, int64_t k) {
  int64_t piece = 0, w;
  for (; k >= s.piece[piece]; piece++) k -= s.piece[piece];
  for (w = piece * (CHUNK / WORD); k >= __builtin_popcountll(s.word[w]); w++)
    k -= __builtin_popcountll(s.word[w]);
  bit_walk b = {s.word + w, s.from + w * WORD, s.word[w]};
  for (; k > 0; k--) b.bits &= b.bits - 1;
  return b;
}

static inline int64_t next_row(bit_walk *b) {
  for (; !b->bits; b->at += WORD) b->bits = *++b->word;
  int64_t row = b->at + __builtin_ctzll(b->bits);
  b->bits &= b->bits - 1;
  return row;
}

static neap_status swap_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const cut *c = ctx;
  bit_walk left = walk_to(side_of(c, 0), begin), right = walk_to(side_of(c, 1), begin);
  for (int64_t i = begin; i < end; i++)
    exchange(c->g, c->begin + next_row(&left), c->begin + next_row(&right));
  return NEAP_OK;
}

neap_status neap__rows_partition_parallel(neap__grower *g, const neap__leaf *p) {
  cut c = cut_of(g, p);
  int64_t wrong = 0;
  NEAP_TRY(neap_parallel_for(c.chunks[0] + c.chunks[1], 1, look_chunk, &c));
  for (int64_t k = 0; k < c.chunks[0]; k++) wrong += g->piece[k];
  return neap_parallel_for(wrong, SWAPS, swap_chunk, &c);
}

/* bags ----------------------------------------------------------------------------------------- */

void neap__rows_bag(neap__grower *g, const uint8_t *bag) {
  const int32_t *row = g->b->row;
  int64_t i = 0, j = g->b->rows;
  g->grown = j;
  if (!bag) return;
  for (;;) {
    while (i < j && bag[row[i]]) i++;
    while (i < j && !bag[row[j - 1]]) j--;
    if (i == j) break;
    exchange(g, i++, --j);
  }
  g->grown = i;
}
