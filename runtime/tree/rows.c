/* The rows of a leaf lie side by side in one list of row numbers; splitting a leaf partitions its
 * stretch, keeping the order of the rows on both sides. */
#include <string.h>

#include "base/pool.h"
#include "tree/grower.h"

enum {
  AHEAD = 24,    /* rows fetched before they are needed */
  CHUNK = 16384, /* rows of one task */
};

typedef struct {
  neap__grower *g;
  const uint8_t *bin; /* of the feature split on, row 0 */
  uint8_t goes_left[256];
  int32_t *rows, *spare; /* of the neap__leaf */
  int64_t count, lefts;
} cut;

static void prepare_cut(neap__grower *g, const neap__leaf *p, cut *c) {
  c->g = g;
  c->bin = g->b->bin + p->best.feature;
  c->rows = g->rows + p->begin;
  c->spare = g->spare + p->begin;
  c->count = p->count;
  c->lefts = neap__cell_rows(p->best.left, g->s);
  neap__split_table(&p->best, &g->b->feature[p->best.feature], c->goes_left);
}

/* The bins of a row some way ahead: rows of a leaf lie scattered over the matrix. */
static inline void fetch(const cut *c, int64_t i, int64_t end) {
  if (i + AHEAD < end) __builtin_prefetch(c->bin + c->rows[i + AHEAD] * (int64_t)c->g->b->used);
}

/* Stable, in place: rows going left close up at the front, the others wait in spare. */
void neap__rows_partition(neap__grower *g, const neap__leaf *p) {
  cut cut_of_leaf, *c = &cut_of_leaf;
  prepare_cut(g, p, c);
  int64_t width = c->g->b->used, lefts = 0, rights = 0;
  for (int64_t i = 0; i < c->count; i++) {
    int32_t r = c->rows[i];
    fetch(c, i, c->count);
    int left = c->goes_left[c->bin[r * width]];
    c->rows[lefts] = r;
    c->spare[rights] = r;
    lefts += left;
    rights += 1 - left;
  }
  memcpy(c->rows + lefts, c->spare, (size_t)rights * sizeof *c->rows);
}

/* A chunk of a large leaf: into spare, lefts from the front, rights from the back. */
static neap_status part_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const cut *c = ctx;
  int64_t width = c->g->b->used, lefts = begin, rights = end;
  for (int64_t i = begin; i < end; i++) {
    int32_t r = c->rows[i];
    fetch(c, i, end);
    int left = c->goes_left[c->bin[r * width]];
    c->spare[lefts] = r; /* both sides, and only one of them counts: no branch to guess wrong */
    c->spare[rights - 1] = r;
    lefts += left;
    rights -= 1 - left;
  }
  c->g->piece[chunk] = lefts - begin;
  return NEAP_OK;
}

static neap_status place_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const cut *c = ctx;
  int64_t lefts = c->g->piece[chunk], before = 0;
  for (int64_t k = 0; k < chunk; k++) before += c->g->piece[k];
  int32_t *left = c->rows + before, *right = c->rows + c->lefts + (begin - before);
  memcpy(left, c->spare + begin, (size_t)lefts * sizeof *left);
  for (int64_t i = end; i > begin + lefts; i--) *right++ = c->spare[i - 1];
  return NEAP_OK;
}

neap_status neap__rows_partition_parallel(neap__grower *g, const neap__leaf *p) {
  cut c;
  prepare_cut(g, p, &c);
  NEAP_TRY(neap_parallel_for(c.count, CHUNK, part_chunk, &c));
  return neap_parallel_for(c.count, CHUNK, place_chunk, &c);
}
