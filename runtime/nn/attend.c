/* One head of one entry of the batch is worked on at a time, a block of queries after the other:
 * scores by a product, softmax in place, a product with the values. What multiplies from the right
 * is packed once per head. */
#include "nn/attend.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"

/* Scores of a block take about BLOCK elements, so that they stay in the second cache. Heads with
 * less than CHUNK multiplications share a chunk. */
enum { BLOCK = 32768, CHUNK = 4000000 };

typedef struct {
  const neap__attention *a;
  const neap_kern *kern;
  const neap_gemm *gemm;
  const neap_layers *loops;
  int64_t each, block, step; /* rows of scores lie step apart */
  int64_t blocks;            /* of random numbers for a row of scores */
  double scale;
  char *weights;
  const neap__rows *dq, *dk, *dv; /* NULL forward */
} job;

/* Scratch memory of a thread. */
typedef struct {
  char *keys, *values, *keys_turned, *queries, *slopes; /* packed, or rows side by side */
  char *q, *g;                                          /* rows of a block side by side */
  char *scores, *other, *bias, *share;
  uint32_t *words;
} room;

/* What multiplies from the right, k rows of it: packed, or lying apart. */
typedef struct {
  const char *data;
  int64_t k, row, width; /* row 0: packed, in panels that fill width columns */
} right;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

static right packed(const job *j, int64_t k, int64_t n, char *z, const char *b, int64_t row,
                    int64_t column) {
  int64_t width = up(n, j->gemm->panel);
  for (int64_t l = 0; l < k; l += NEAP_STRETCH)
    j->gemm->pack(least(k - l, NEAP_STRETCH), n, z + l * width * j->each, b + l * row * j->each,
                  row, column);
  return (right){z, k, 0, width};
}

/* Rows side by side are as good as packed ones if they fill registers; rows that lie apart may
 * compete for the same places in a cache. */
static bool fills(const job *j, int64_t k, int64_t n) {
  return n % (j->gemm->panel / 2) == 0 && k <= NEAP_STRETCH;
}

static right of_rows(const job *j, int64_t k, int64_t n, char *z, const char *b, int64_t row) {
  if (!fills(j, k, n)) return packed(j, k, n, z, b, row, 1);
  j->loops->rows(k, n, z, n, b, row);
  return (right){z, k, n, n};
}

/* c = or += a b for a of m x k, its rows as and its columns at apart, and the first k rows of b. */
static void multiply(const job *j, int64_t m, int64_t n, int64_t k, char *c, int64_t cs,
                     const char *a, int64_t as, int64_t at, const right *b, bool add) {
  for (int64_t l = 0; l < k; l += NEAP_STRETCH) {
    int64_t some = least(k - l, NEAP_STRETCH), all = least(b->k - l, NEAP_STRETCH);
    int64_t step = some < all && !b->row ? j->gemm->panel : n; /* panels hold all rows */
    const char *x = a + l * at * j->each, *y = b->data + l * (b->row ? b->row : b->width) * j->each;
    for (int64_t i = 0; i < n; i += step)
      j->gemm->multiply(m, least(n - i, step), some, c + i * j->each, cs, x, as, at,
                        y + i * all * j->each, b->row, add || l > 0);
  }
}

static char *at_row(const job *j, const neap__rows *m, int64_t entry, int64_t head, int64_t row) {
  return m->data + (entry * m->batch + row * m->row + head * j->a->width) * j->each;
}

/* A block of queries of a head. */
typedef struct {
  int64_t entry, head, from, rows, keys;
} place;

/* The scores that soften is to look at, with both masks put together. */
static neap_scores scores_of(const job *j, const place *p, const room *r) {
  const neap__attention *a = j->a;
  neap_scores o = {.rows = p->rows, .n = p->keys, .ss = j->step, .scale = j->scale};
  o.causal = a->causal;
  o.first = p->from;
  const char *hidden =
      a->hidden ? (char *)neap_tensor_data(a->hidden) + p->entry * a->keys * j->each : NULL;
  if (!a->mask) {
    o.bias = hidden;
    return o;
  }
  const int64_t *s = a->mask->stride;
  const char *mask = (char *)neap_tensor_data(a->mask) +
                     (p->entry * s[0] + p->head * s[1] + p->from * s[2]) * j->each;
  o.bias = hidden ? r->bias : mask;
  o.bs = hidden ? j->step : s[2];
  for (int64_t i = 0; hidden && i < p->rows; i++)
    j->kern->binary[NEAP_OP_add][a->dtype](p->keys, r->bias + i * j->step * j->each, 1,
                                           mask + i * s[2] * j->each, 1, hidden, 1);
  return o;
}

/* Random words of a block: those of a row depend on its place alone. */
static void draw(const job *j, const place *p, room *r) {
  const neap__attention *a = j->a;
  uint64_t row = (uint64_t)((p->entry * a->heads + p->head) * a->queries + p->from);
  for (int64_t i = 0; i < p->rows; i++) {
    uint64_t *low = (uint64_t *)(void *)(r->words + i * 4 * j->blocks);
    j->kern->blocks(j->blocks, low, low + j->blocks, &a->rng,
                    (row + (uint64_t)i) * (uint64_t)j->blocks);
  }
}

static void drop(const job *j, const place *p, const room *r, char *z) {
  double keep = 1 - j->a->dropout;
  for (int64_t i = 0; i < p->rows; i++) {
    char *row = z + i * j->step * j->each;
    j->loops->drop(p->keys, row, row, r->words + i * 4 * j->blocks,
                   (uint32_t)(j->a->dropout * 0x1p32), 1 / keep);
  }
}

/* The rows of a block side by side in z, and in scores what they give with b, in whole registers of
 * columns. */
static void score(const job *j, const place *p, char *scores, char *z, const neap__rows *rows,
                  const right *b) {
  int64_t d = j->a->width;
  j->loops->rows(p->rows, d, z, d, at_row(j, rows, p->entry, p->head, p->from), rows->row);
  multiply(j, p->rows, up(p->keys, j->gemm->panel / 2), d, scores, j->step, z, d, 1, b, false);
}

static int64_t keys_of(const job *j, int64_t entry) {
  return j->a->lengths ? j->a->lengths[entry] : j->a->keys;
}

static void keep_weights(const job *j, const place *p, const room *r) {
  const neap__attention *a = j->a;
  char *z =
      j->weights + ((p->entry * a->heads + p->head) * a->queries + p->from) * a->keys * j->each;
  for (int64_t i = 0; i < p->rows; i++)
    memcpy(z + i * a->keys * j->each, r->scores + i * j->step * j->each,
           (size_t)(p->keys * j->each));
  j->loops->share(p->rows, p->keys, z, a->keys, r->share);
}

static neap_status forward_head(const job *j, int64_t entry, int64_t head, room *r) {
  const neap__attention *a = j->a;
  int64_t all = keys_of(j, entry), d = a->width;
  right k = packed(j, d, all, r->keys, at_row(j, &a->k, entry, head, 0), 1, a->k.row);
  right v = of_rows(j, all, d, r->values, at_row(j, &a->v, entry, head, 0), a->v.row);
  for (int64_t from = 0; from < a->queries; from += j->block) {
    place p = {entry, head, from, least(j->block, a->queries - from), all};
    if (a->causal) p.keys = least(all, from + p.rows);
    NEAP_TRY(neap_interrupt_check());
    score(j, &p, r->scores, r->q, &a->q, &k);
    neap_scores o = scores_of(j, &p, r);
    char *lse = a->lse + ((entry * a->heads + head) * a->queries + from) * j->each;
    j->loops->soften(r->scores, &o, lse, r->share);
    if (a->dropout > 0) {
      draw(j, &p, r);
      drop(j, &p, r, r->scores);
    }
    if (j->weights) keep_weights(j, &p, r);
    char *out = at_row(j, &a->out, entry, head, from);
    multiply(j, p.rows, d, p.keys, out, a->out.row, r->scores, j->step, 1, &v, false);
    j->loops->share(p.rows, d, out, a->out.row, r->share);
  }
  return NEAP_OK;
}

/* dq of a block, and what it adds to dk and dv; first says that these hold nothing yet. */
static void block_slopes(const job *j, const place *p, room *r, const right *keys, bool first) {
  const neap__attention *a = j->a;
  int64_t d = a->width;
  right queries = {r->q, p->rows, d, d}, slopes = {r->g, p->rows, d, d};
  if (!fills(j, p->rows, d)) {
    queries = packed(j, p->rows, d, r->queries, r->q, d, 1);
    slopes = packed(j, p->rows, d, r->slopes, r->g, d, 1);
  }
  multiply(j, p->rows, d, p->keys, at_row(j, j->dq, p->entry, p->head, p->from), j->dq->row,
           r->other, j->step, 1, keys, false);
  multiply(j, p->keys, d, p->rows, at_row(j, j->dk, p->entry, p->head, 0), j->dk->row, r->other, 1,
           j->step, &queries, !first);
  multiply(j, p->keys, d, p->rows, at_row(j, j->dv, p->entry, p->head, 0), j->dv->row, r->scores, 1,
           j->step, &slopes, !first);
}

static void clear_rows(const job *j, const neap__rows *m, const place *p) {
  for (int64_t i = p->keys; i < j->a->keys; i++)
    memset(at_row(j, m, p->entry, p->head, i), 0, (size_t)(j->a->width * j->each));
}

/* The last block comes first: it sees the most keys. */
static neap_status backward_head(const job *j, int64_t entry, int64_t head, room *r) {
  const neap__attention *a = j->a;
  int64_t all = keys_of(j, entry), d = a->width;
  const char *keys = at_row(j, &a->k, entry, head, 0), *values = at_row(j, &a->v, entry, head, 0);
  right k = packed(j, d, all, r->keys, keys, 1, a->k.row);
  right v = packed(j, d, all, r->values, values, 1, a->v.row);
  right turned = of_rows(j, all, d, r->keys_turned, keys, a->k.row);
  int64_t last = (a->queries - 1) / j->block * j->block;
  for (int64_t from = last; from >= 0; from -= j->block) {
    place p = {entry, head, from, least(j->block, a->queries - from), all};
    if (a->causal) p.keys = least(all, from + p.rows);
    NEAP_TRY(neap_interrupt_check());
    score(j, &p, r->scores, r->q, &a->q, &k);
    score(j, &p, r->other, r->g, &a->out, &v);
    if (a->dropout > 0) {
      draw(j, &p, r);
      drop(j, &p, r, r->other);
    }
    neap_scores o = scores_of(j, &p, r);
    char *lse = a->lse + ((entry * a->heads + head) * a->queries + from) * j->each;
    j->loops->soften_back(r->scores, r->other, &o, lse);
    if (a->dropout > 0) drop(j, &p, r, r->scores);
    block_slopes(j, &p, r, &turned, from == last);
    if (from == last) {
      clear_rows(j, j->dk, &p);
      clear_rows(j, j->dv, &p);
    }
  }
  return NEAP_OK;
}

/* Lay the pieces of scratch one behind the other from base on, or only count the bytes. */
static int64_t lay_out(const job *j, room *r, char *base) {
  const neap__attention *a = j->a;
  int64_t panel = j->gemm->panel, back = j->dq != NULL;
  int64_t across = a->width * up(a->keys, panel), wide = up(a->width, panel);
  int64_t along = (a->keys > j->block ? a->keys : j->block) * wide, scores = j->block * j->step;
  int64_t most = across > along ? across : along;
  const struct {
    char **piece;
    int64_t elements;
  } pieces[] = {{&r->keys, across},
                {&r->values, most},
                {&r->keys_turned, back ? along : 0},
                {&r->q, j->block * a->width},
                {&r->g, back ? j->block * a->width : 0},
                {&r->queries, back ? j->block * wide : 0},
                {&r->slopes, back ? j->block * wide : 0},
                {&r->scores, scores},
                {&r->other, back ? scores : 0},
                {&r->bias, a->mask && a->hidden ? scores : 0},
                {&r->share, j->block}};
  int64_t bytes = 0;
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    *pieces[i].piece = base ? base + bytes : NULL;
    bytes += up(pieces[i].elements * j->each, 64);
  }
  r->words = base ? (uint32_t *)(void *)(base + bytes) : NULL;
  return bytes + (a->dropout > 0 ? j->block * 16 * j->blocks : 0);
}

static neap_status run(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const job *j = ctx;
  room r;
  char *base = neap_alloc(lay_out(j, &r, NULL));
  if (!base) return NEAP_ENOMEM;
  lay_out(j, &r, base);
  neap_status st = NEAP_OK;
  for (int64_t i = begin; i < end && !st; i++) {
    int64_t entry = i / j->a->heads, head = i % j->a->heads;
    st = j->dq ? backward_head(j, entry, head, &r) : forward_head(j, entry, head, &r);
  }
  neap_free(base);
  return st;
}

static neap_status start(job *j) {
  const neap__attention *a = j->a;
  NEAP_TRY(neap_kern_select(&j->kern));
  j->gemm = &j->kern->gemm[a->dtype];
  j->loops = &j->kern->layers[a->dtype];
  j->each = (int64_t)neap_dtype_size(a->dtype);
  j->scale = 1 / sqrt((double)a->width);
  j->step = up(a->keys, 16);
  j->blocks = up((a->keys + 3) / 4, 8);
  int64_t unit = j->gemm->rows;
  j->block = BLOCK / j->step / unit * unit;
  if (j->block < unit) j->block = unit;
  if (a->causal && j->block > 2 * unit) j->block = 2 * unit;
  j->block = least(j->block, a->queries);
  double work = (double)a->queries * (double)a->keys * (double)a->width * (j->dq ? 5 : 2);
  int64_t grain = work >= CHUNK ? 1 : (int64_t)(CHUNK / work);
  return neap_parallel_for(a->batch * a->heads, grain, run, j);
}

neap_status neap__attend(const neap__attention *a, char *weights) {
  job j = {.a = a, .weights = weights};
  return start(&j);
}

neap_status neap__attend_back(const neap__attention *a, const neap__rows *dq, const neap__rows *dk,
                              const neap__rows *dv) {
  job j = {.a = a, .dq = dq, .dk = dk, .dv = dv};
  return start(&j);
}
