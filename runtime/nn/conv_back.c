/* Gradients of a convolution. Blocks of lines are the units of work; chunks of them have sums of
 * their own for the gradients of the weights, which are added in the order of the chunks. */
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "nn/conv_core.h"
#include "tensor/tensor.h"

/* Rows of a product that are added up before the sum goes to memory; the number of chunks, and of
 * elements that their sums may take; bytes of a sample that is replaced in place. */
enum { STRETCH = 128, CHUNKS = 16, SUMS = 1 << 23, SAMPLE_BYTES = 512 * 1024 };

typedef struct {
  const neap__conv *c;
  const neap__conv_gradient *g;
  const neap_kern *k;
  neap__sweep forward, *back; /* count of the second: those of dx */
  int64_t count, block, blocks, panel;
  neap__source x, dy;
  int64_t sums; /* elements of the sums of one chunk: first dw, then db */
  char *partial, *room;
  size_t x_room, dy_room, room_each;
} backward;

static size_t padded_bytes(int64_t elements, size_t each) {
  return ((size_t)elements * each + 63) / 64 * 64;
}

static void widen(int64_t lo[2], int64_t hi[2], int d, int64_t from, int64_t to) {
  if (from < lo[d]) lo[d] = from;
  if (to > hi[d]) hi[d] = to;
}

/* The lines begin to end - 1 of y, and what the inputs of that block need of it beyond. The last
 * block goes on to the last input. */
static void gradient_range(const backward *b, int64_t begin, int64_t end, int64_t lo[2],
                           int64_t hi[2]) {
  lo[0] = begin, hi[0] = end;
  lo[1] = 0, hi[1] = b->c->axis[1].out;
  for (int64_t i = 0; i < b->count; i++) {
    const neap__course *h = &b->back[i].course[0], *v = &b->back[i].course[1];
    int64_t last = end == b->c->axis[0].out || end > h->count ? h->count : end;
    if (!h->taps || !v->taps || last <= begin || !v->count) continue;
    widen(lo, hi, 0, h->from + begin, h->from + last + (h->taps - 1) * h->reach);
    widen(lo, hi, 1, v->from, v->from + v->count + (v->taps - 1) * v->reach);
  }
}

static void input_range(const backward *b, int64_t begin, int64_t end, int64_t lo[2],
                        int64_t hi[2]) {
  for (int d = 0; d < 2; d++) {
    const neap__course *c = &b->forward.course[d];
    int64_t first = d ? 0 : begin, last = d ? b->c->axis[1].out : end;
    lo[d] = c->from + first * c->step;
    hi[d] = c->from + (last - 1) * c->step + (c->taps - 1) * c->reach + 1;
  }
}

/* Ask for part number i of n of some bytes. */
static void ask(const char *from, size_t bytes, int64_t i, int64_t n) {
  size_t end = bytes * (size_t)(i + 1) / (size_t)n;
  for (size_t at = bytes * (size_t)i / (size_t)n / 64 * 64; at < end; at += 64)
    __builtin_prefetch(from + at);
}

/* dw += x' dy for m rows of every tap; packed has room for a stretch of dy in panels. Meanwhile the
 * rows of the next stretch come nearer. */
static void add_products(const backward *b, const neap_taps *t, int64_t m, const char *x,
                         int64_t xs, const char *dy, int64_t dys, char *dw, char *packed) {
  const neap_gemm *g = &b->k->gemm[b->c->dtype];
  int64_t n = b->c->features, taps = t->count[0] * t->count[1];
  size_t each = neap_dtype_size(b->c->dtype);
  bool direct = n % (g->panel / 2) == 0;
  for (int64_t i = 0; i < m; i += STRETCH) {
    int64_t rows = m - i < STRETCH ? m - i : STRETCH, more = m - i - rows;
    const char *own = dy + (size_t)(i * dys) * each, *from = x + (size_t)(i * xs) * each;
    if (more > STRETCH) more = STRETCH;
    if (!direct) g->pack(rows, n, packed, own, dys, 1);
    for (int64_t tap = 0; tap < taps; tap++) {
      int64_t at = tap / t->count[1] * t->step[0] + tap % t->count[1] * t->step[1];
      int64_t last = (t->count[0] - 1) * t->step[0] + (t->count[1] - 1) * t->step[1];
      if (xs <= 4 * t->k)
        ask(from + (size_t)(last + rows * xs) * each, (size_t)(more * xs) * each, tap, taps);
      g->multiply(t->k, n, rows, dw + (size_t)(tap * t->k * n) * each, n, from + (size_t)at * each,
                  1, xs, direct ? own : packed, direct ? dys : 0, true);
    }
  }
}

static void add_weights(const backward *b, const neap__window *x, const neap__window *dy,
                        int64_t begin, int64_t end, char *dw, char *packed) {
  const neap__conv *c = b->c;
  const neap__course *h = &b->forward.course[0], *v = &b->forward.course[1];
  size_t each = neap_dtype_size(c->dtype);
  neap__conv_stretch r =
      neap__conv_rows(&b->forward, end - begin, x->line, x->place, dy->line, dy->place);
  int64_t from = (h->from + begin * h->step - x->lo[0]) * x->line + (v->from - x->lo[1]) * x->place;
  int64_t at = (begin - dy->lo[0]) * dy->line - dy->lo[1] * dy->place;
  int64_t own = c->axis[0].taps * c->axis[1].taps * c->channels * c->features;
  bool by_lane = neap__conv_by_lane(c);
  for (int64_t i = 0; i < r.lines && by_lane; i++)
    b->k->conv[c->dtype].lanes_back(r.m, c->groups, &r.taps, dw,
                                    x->data + (size_t)(from + i * r.xline) * each, r.xs,
                                    dy->data + (size_t)(at + i * r.yline) * each, r.ys);
  for (int64_t g = 0; g < c->groups && !by_lane; g++)
    for (int64_t i = 0; i < r.lines; i++)
      add_products(b, &r.taps, r.m, x->data + (size_t)(from + i * r.xline + g * c->channels) * each,
                   r.xs, dy->data + (size_t)(at + i * r.yline + g * c->features) * each, r.ys,
                   dw + (size_t)(g * own) * each, packed);
}

static void add_bias(const backward *b, const neap__window *dy, int64_t begin, int64_t end,
                     char *db) {
  const neap__conv *c = b->c;
  size_t each = neap_dtype_size(c->dtype);
  int64_t places = c->axis[1].out, lines = end - begin, n = c->groups * c->features;
  const char *from =
      dy->data + (size_t)((begin - dy->lo[0]) * dy->line - dy->lo[1] * dy->place) * each;
  if (dy->line == places * dy->place) {
    places *= lines;
    lines = 1;
  }
  for (int64_t i = 0; i < lines; i++)
    b->k->conv[c->dtype].add_rows(places, n, db, from + (size_t)(i * dy->line) * each, dy->place);
}

static void backward_block(const backward *b, int64_t unit, char *sums, char *room) {
  const neap__conv *c = b->c;
  const neap__axis *a = c->axis;
  size_t each = neap_dtype_size(c->dtype);
  int64_t sample = unit / b->blocks, begin = unit % b->blocks * b->block, lo[2], hi[2], at[4];
  int64_t end = begin + b->block < a[0].out ? begin + b->block : a[0].out;
  size_t in = (size_t)(a[0].in * a[1].in * b->x.channels) * each * (size_t)sample;
  size_t out = (size_t)(a[0].out * a[1].out * b->dy.channels) * each * (size_t)sample;
  gradient_range(b, begin, end, lo, hi);
  neap__window dy =
      neap__conv_window(&b->dy, b->k, (const char *)b->g->g + out,
                        b->g->y ? (const char *)b->g->y + out : NULL, lo, hi, room + b->x_room);
  if (b->g->db) add_bias(b, &dy, begin, end, sums + (size_t)(b->sums - b->dy.channels) * each);
  neap__conv_cut(c, &b->forward, begin, end, at);
  for (int i = 0; i < 3 && b->g->dw; i++) {
    if (at[i] == at[i + 1]) continue;
    input_range(b, at[i], at[i + 1], lo, hi);
    neap__window x = neap__conv_window(&b->x, b->k, (const char *)b->g->x + in, NULL, lo, hi, room);
    add_weights(b, &x, &dy, at[i], at[i + 1], sums, room + b->x_room + b->dy_room);
  }
  for (int64_t i = 0; i < b->count; i++)
    neap__conv_sweep(c, &b->back[i], b->k, &dy, begin,
                     end == a[0].out ? b->back[i].course[0].count : end, (char *)b->g->dx + in,
                     a[1].in * b->x.channels, b->x.channels, NULL);
}

static neap_status backward_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const backward *b = ctx;
  char *own = b->partial + (size_t)(chunk * b->sums) * neap_dtype_size(b->c->dtype);
  for (int64_t u = begin; u < end; u++) {
    NEAP_TRY(neap_interrupt_check());
    backward_block(b, u, own, b->room + (size_t)neap_worker() * b->room_each);
  }
  return NEAP_OK;
}

/* The sums of all chunks into those of the first, and from there to where they belong: dw is
 * [features][channels][taps], its sums are [taps][channels][features], and by lane [taps][groups].
 */
static void finish(const backward *b, int64_t chunks) {
  const neap__conv *c = b->c;
  const neap_kern *k = b->k;
  size_t each = neap_dtype_size(c->dtype);
  int64_t taps = c->axis[0].taps * c->axis[1].taps, rows = taps * c->channels;
  for (int64_t i = 1; i < chunks; i++)
    k->binary[NEAP_OP_add][c->dtype](b->sums, b->partial, 1, b->partial, 1,
                                     b->partial + (size_t)(i * b->sums) * each, 1);
  if (b->g->db)
    memcpy(b->g->db, b->partial + (size_t)(b->sums - b->dy.channels) * each,
           (size_t)b->dy.channels * each);
  if (!b->g->dw) return;
  if (neap__conv_by_lane(c)) {
    k->transpose[c->dtype](c->groups, taps, b->g->dw, taps, b->partial, c->groups);
    return;
  }
  for (int64_t g = 0; g < c->groups; g++)
    for (int64_t t = 0; t < taps; t++)
      for (int64_t i = 0; i < c->channels; i++) {
        int64_t from = (g * rows + t * c->channels + i) * c->features;
        int64_t to = g * c->features * rows + i * taps + t;
        k->cast[c->dtype][c->dtype](c->features, (char *)b->g->dw + (size_t)to * each, rows,
                                    b->partial + (size_t)from * each, 1);
      }
}

/* Rooms: the windows of a block, and packed gradients. All blocks but the last have as many lines,
 * and those in the middle need most. */
static void measure(backward *b) {
  const neap__conv *c = b->c;
  size_t each = neap_dtype_size(c->dtype);
  int64_t lo[2], hi[2];
  int64_t most = 0, range, begin;
  for (int64_t i = 0; i<b->blocks; i += b->blocks> 3 && i == 1 ? b->blocks - 2 : 1) {
    begin = i * b->block;
    gradient_range(b, begin, begin + b->block < c->axis[0].out ? begin + b->block : c->axis[0].out,
                   lo, hi);
    range = (hi[0] - lo[0]) * (hi[1] - lo[1]);
    if (range > most) most = range;
  }
  b->dy_room = padded_bytes(most * b->dy.channels, each);
  input_range(b, 0, b->block, lo, hi);
  b->x_room = b->g->dw ? padded_bytes((hi[0] - lo[0]) * (hi[1] - lo[1]) * b->x.channels, each) : 0;
  int64_t packed = ((c->features - 1) / b->panel + 1) * b->panel * STRETCH;
  b->room_each = b->x_room + b->dy_room + padded_bytes(packed, each);
}

static neap_status pack_sweeps(backward *b, char **weights) {
  const neap__conv *c = b->c;
  size_t each = neap_dtype_size(c->dtype);
  int64_t total = 0;
  b->count = b->g->dx ? neap__conv_back_sweeps(c) : 0;
  b->back = neap_alloc_array(b->count, sizeof *b->back);
  if (!b->back) return NEAP_ENOMEM;
  for (int64_t i = 0; i < b->count; i++) {
    b->back[i] = neap__conv_back_sweep(c, i);
    total += neap__conv_packed(c, &b->back[i], b->k);
  }
  *weights = neap_alloc_array(total, each);
  if (!*weights) return NEAP_ENOMEM;
  total = 0;
  for (int64_t i = 0; i < b->count; i++) {
    neap__conv_pack(c, &b->back[i], b->k, true, b->g->w, b->g->bias,
                    *weights + (size_t)total * each, NULL);
    total += neap__conv_packed(c, &b->back[i], b->k);
  }
  return NEAP_OK;
}

static int64_t chunk_grain(const backward *b, int64_t units) {
  if (neap__conv_small(b->c)) return units;
  int64_t chunks = b->sums > 0 && SUMS / b->sums < CHUNKS ? SUMS / b->sums : CHUNKS;
  return (units - 1) / (chunks < 2 ? 2 : chunks) + 1;
}

static neap_status run_blocks(backward *b) {
  int64_t units = b->c->batch * b->blocks, grain = chunk_grain(b, units);
  int64_t chunks = neap_parallel_chunks(units, grain);
  measure(b);
  b->partial = neap_calloc_array((chunks ? chunks : 1) * b->sums, neap_dtype_size(b->c->dtype));
  b->room = b->partial ? neap_alloc_array(neap_threads(), b->room_each) : NULL;
  neap_status st = b->room ? neap_parallel_for(units, grain, backward_chunk, b) : NEAP_ENOMEM;
  if (!st) finish(b, chunks);
  neap_free(b->room);
  neap_free(b->partial);
  return st;
}

bool neap__conv_in_place(const neap__conv *c) {
  int64_t in = c->axis[0].in * c->axis[1].in * c->channels;
  int64_t out = c->axis[0].out * c->axis[1].out * c->features;
  return in == out && in * c->groups * (int64_t)neap_dtype_size(c->dtype) <= SAMPLE_BYTES;
}

neap_status neap__conv_backward(const neap__conv *c, const neap__conv_gradient *g) {
  backward b = {.c = c, .g = g, .forward = neap__conv_forward_sweep(c)};
  bool in_place = g->dx == g->g;
  b.block = in_place ? c->axis[0].out : neap__conv_block(c);
  b.blocks = (c->axis[0].out - 1) / b.block + 1;
  b.x = (neap__source){.lines = c->axis[0].in,
                       .places = c->axis[1].in,
                       .channels = c->groups * c->channels,
                       .dtype = c->dtype};
  b.dy = (neap__source){.lines = c->axis[0].out,
                        .places = c->axis[1].out,
                        .channels = c->groups * c->features,
                        .dtype = c->dtype,
                        .bend = g->bend,
                        .slope = g->slope,
                        .copy = in_place};
  b.sums = (g->dw ? c->groups * c->channels * c->features * c->axis[0].taps * c->axis[1].taps : 0) +
           (g->db ? b.dy.channels : 0);
  NEAP_TRY(neap_kern_select(&b.k));
  b.panel = b.k->gemm[c->dtype].panel;
  char *weights = NULL;
  neap_status st = pack_sweeps(&b, &weights);
  if (!st) st = run_blocks(&b);
  neap_free(weights);
  neap_free(b.back);
  return st;
}
