/* Windows into the input, sweeps over them, and the forward pass. */
#include "nn/conv_core.h"

#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/tensor.h"

/* A block's input and output should stay in the second cache; little is copied rather than cut.
 * Less work than BLOCK_WORK multiplications is not worth handing over, less than ALL_WORK not worth
 * waking a thread. */
enum {
  BLOCK_BYTES = 192 * 1024,
  LITTLE_BYTES = 16 * 1024,
  BLOCK_WORK = 1 << 20,
  ALL_WORK = 1 << 22
};

int64_t neap__conv_block(const neap__conv *c) {
  const neap__axis *a = c->axis;
  int64_t each = (int64_t)neap_dtype_size(c->dtype) * c->groups;
  int64_t line = each * (a[1].in * c->channels * a[0].stride + a[1].out * c->features);
  int64_t lines = line > 0 ? BLOCK_BYTES / line : 1;
  return lines < 1 ? 1 : lines > a[0].out ? a[0].out : lines;
}

neap__conv_stretch neap__conv_rows(const neap__sweep *s, int64_t lines, int64_t line, int64_t place,
                                   int64_t yline, int64_t yplace) {
  const neap__course *h = &s->course[0], *v = &s->course[1];
  neap__conv_stretch r = {.taps = {.k = s->inputs,
                                   .count = {h->taps, v->taps},
                                   .step = {h->reach * line, v->reach * place}},
                          .m = v->count,
                          .xs = v->step * place,
                          .ys = v->spread * yplace,
                          .lines = lines,
                          .xline = h->step * line,
                          .yline = h->spread * yline};
  neap_taps *t = &r.taps;
  if (t->count[1] == 1 || t->step[1] == t->k) {
    t->k *= t->count[1];
    t->count[1] = 1;
    if (t->count[0] == 1 || t->step[0] == t->k) {
      t->k *= t->count[0];
      t->count[0] = 1;
    }
  }
  if (r.m == 1 || (r.xline == r.m * r.xs && r.yline == r.m * r.ys)) {
    r.xs = r.m == 1 ? r.xline : r.xs;
    r.ys = r.m == 1 ? r.yline : r.ys;
    r.m *= lines;
    r.lines = 1;
  }
  return r;
}

static bool inside(const neap__source *s, const int64_t lo[2], const int64_t hi[2]) {
  return lo[0] >= 0 && lo[1] >= 0 && hi[0] <= s->lines && hi[1] <= s->places;
}

/* One line from lo to hi, which x may not have. */
static void copy_line(const neap__source *s, const neap_kern *k, const char *x, const char *y,
                      int64_t line, int64_t lo, int64_t hi, char *z) {
  size_t each = neap_dtype_size(s->dtype) * (size_t)s->channels;
  int64_t from = lo > 0 ? lo : 0, to = hi < s->places ? hi : s->places;
  if (line < 0 || line >= s->lines || from >= to) {
    memset(z, 0, (size_t)(hi - lo) * each);
    return;
  }
  size_t at = (size_t)(line * s->places + from) * each;
  char *part = z + (size_t)(from - lo) * each;
  memset(z, 0, (size_t)(from - lo) * each);
  memset(z + (size_t)(to - lo) * each, 0, (size_t)(hi - to) * each);
  k->conv[s->dtype].unbend(s->bend, s->slope, (to - from) * s->channels, part, x + at,
                           y ? y + at : NULL);
}

/* The same for whole lines from lo to hi: as one line of lines. */
static void copy_lines(const neap__source *s, const neap_kern *k, const char *x, const char *y,
                       int64_t lo, int64_t hi, char *z) {
  neap__source all = *s;
  all.channels = s->places * s->channels;
  all.places = s->lines;
  all.lines = 1;
  copy_line(&all, k, x, y, 0, lo, hi, z);
}

neap__window neap__conv_window(const neap__source *s, const neap_kern *k, const char *x,
                               const char *y, const int64_t lo[2], const int64_t hi[2],
                               char *room) {
  size_t each = neap_dtype_size(s->dtype);
  neap__window w = {.lo = {lo[0], lo[1]}, .place = s->channels};
  if (s->bend == NEAP_BEND_NONE && !s->copy && inside(s, lo, hi)) {
    w.line = s->places * s->channels;
    w.data = x + (size_t)(lo[0] * w.line + lo[1] * w.place) * each;
    return w;
  }
  w.line = (hi[1] - lo[1]) * s->channels;
  w.data = room;
  if (lo[1] == 0 && hi[1] == s->places) copy_lines(s, k, x, y, lo[0], hi[0], room);
  else
    for (int64_t i = lo[0]; i < hi[0]; i++, room += (size_t)w.line * each)
      copy_line(s, k, x, y, i, lo[1], hi[1], room);
  return w;
}

void neap__conv_sweep(const neap__conv *c, const neap__sweep *s, const neap_kern *k,
                      const neap__window *x, int64_t begin, int64_t end, char *y, int64_t yline,
                      int64_t yplace, const double *slope) {
  const neap__course *h = &s->course[0], *v = &s->course[1];
  size_t each = neap_dtype_size(c->dtype);
  if (end > h->count) end = h->count;
  if (begin >= end || v->count == 0) return;
  neap__conv_stretch r = neap__conv_rows(s, end - begin, x->line, x->place, yline, yplace);
  int64_t from = (h->from + begin * h->step - x->lo[0]) * x->line + (v->from - x->lo[1]) * x->place;
  int64_t to = (h->to + begin * h->spread) * yline + v->to * yplace;
  if (h->taps == 0 || v->taps == 0) from = 0;
  size_t packed = (size_t)(neap__conv_packed(c, s, k) / c->groups) * each;
  const neap_conv *run = &k->conv[c->dtype];
  bool by_lane = neap__conv_by_lane(c);
  for (int64_t g = 0; g < (by_lane ? 1 : c->groups); g++)
    for (int64_t i = 0; i < r.lines; i++)
      (by_lane ? run->lanes
               : run->taps)(r.m, by_lane ? c->groups : s->outputs, &r.taps,
                            y + (size_t)(to + i * r.yline + g * s->outputs) * each, r.ys,
                            x->data + (size_t)(from + i * r.xline + g * s->inputs) * each, r.xs,
                            s->weights + (size_t)g * packed, slope);
}

/* What the lines begin to end - 1 of a course read. */
static void reads(const neap__course *c, int64_t begin, int64_t end, int64_t *lo, int64_t *hi) {
  *lo = c->from + begin * c->step;
  *hi = c->from + (end - 1) * c->step + (c->taps - 1) * c->reach + 1;
}

void neap__conv_cut(const neap__conv *c, const neap__sweep *s, int64_t begin, int64_t end,
                    int64_t at[4]) {
  const neap__axis *a = c->axis;
  int64_t lo, hi, first = begin, last = end;
  reads(&s->course[1], 0, a[1].out, &lo, &hi);
  bool places = lo < 0 || hi > a[1].in;
  reads(&s->course[0], begin, end, &lo, &hi);
  int64_t bytes =
      (hi - lo) * a[1].in * c->groups * c->channels * (int64_t)neap_dtype_size(c->dtype);
  if (!places && bytes > LITTLE_BYTES) {
    int64_t room = a[0].in - 1 - (a[0].taps - 1) * a[0].dilation + a[0].before;
    first = (a[0].before + a[0].stride - 1) / a[0].stride;
    last = room < 0 ? 0 : room / a[0].stride + 1;
    first = first < begin ? begin : first > end ? end : first;
    last = last < first ? first : last > end ? end : last;
  }
  at[0] = begin;
  at[1] = first;
  at[2] = last;
  at[3] = end;
}

/* forward -------------------------------------------------------------------------------------- */

typedef struct {
  const neap__conv *c;
  const neap__conv_out *o;
  const neap_kern *k;
  neap__sweep sweep;
  neap__source source;
  int64_t block, blocks;
  char *room;
  size_t room_each;
} forward;

/* Lines begin to end - 1 of one sample. */
static void forward_piece(const forward *f, int64_t begin, int64_t end, const char *x, char *y,
                          char *room) {
  const neap__conv *c = f->c;
  int64_t lo[2], hi[2], place = c->groups * c->features;
  double zero = 0;
  const double *slope = f->o->bend == NEAP_BEND_LEAKY  ? &f->o->slope
                        : f->o->bend == NEAP_BEND_RELU ? &zero
                                                       : NULL;
  reads(&f->sweep.course[0], begin, end, &lo[0], &hi[0]);
  reads(&f->sweep.course[1], 0, c->axis[1].out, &lo[1], &hi[1]);
  neap__window w = neap__conv_window(&f->source, f->k, x, NULL, lo, hi, room);
  neap__conv_sweep(c, &f->sweep, f->k, &w, begin, end, y, c->axis[1].out * place, place, slope);
}

static void forward_block(const forward *f, int64_t unit, char *room) {
  const neap__conv *c = f->c;
  const neap__axis *a = c->axis;
  size_t each = neap_dtype_size(c->dtype);
  int64_t sample = unit / f->blocks, begin = unit % f->blocks * f->block, at[4];
  int64_t end = begin + f->block < a[0].out ? begin + f->block : a[0].out;
  int64_t line = a[1].out * c->groups * c->features;
  size_t in = (size_t)(a[0].in * a[1].in * c->groups * c->channels) * each;
  const char *x = (const char *)f->o->x + (size_t)sample * in;
  char *y = (char *)f->o->y + (size_t)(sample * a[0].out * line) * each;
  neap__conv_cut(c, &f->sweep, begin, end, at);
  for (int i = 0; i < 3; i++)
    if (at[i] < at[i + 1]) forward_piece(f, at[i], at[i + 1], x, y, room);
  if (f->o->bend < NEAP_BEND_TANH) return;
  y += (size_t)(begin * line) * each;
  neap_unary_op op = f->o->bend == NEAP_BEND_TANH ? NEAP_MAP_tanh : NEAP_MAP_sigmoid;
  f->k->unary[op][c->dtype]((end - begin) * line, y, 1, y, 1);
}

static neap_status forward_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const forward *f = ctx;
  char *room = f->room + (size_t)neap_worker() * f->room_each;
  for (int64_t u = begin; u < end; u++) {
    NEAP_TRY(neap_interrupt_check());
    forward_block(f, u, room);
  }
  return NEAP_OK;
}

/* Bytes of the largest window; 0 where no block reaches into padding. */
static size_t window_bytes(const forward *f) {
  const neap__conv *c = f->c;
  int64_t size = c->groups * c->channels, lo, hi, last;
  bool padded = false;
  for (int d = 0; d < 2; d++) {
    reads(&f->sweep.course[d], 0, d ? c->axis[1].out : f->block, &lo, &hi);
    last = f->sweep.course[d].from + (c->axis[d].out - 1) * c->axis[d].stride +
           (c->axis[d].taps - 1) * c->axis[d].dilation;
    padded |= lo < 0 || last >= c->axis[d].in;
    size *= hi - lo;
  }
  return padded ? ((size_t)size * neap_dtype_size(c->dtype) + 63) / 64 * 64 : 0;
}

/* Multiplications for a block of lines, and something for each element that is written. */
static double work_of(const neap__conv *c, int64_t block) {
  const neap__axis *a = c->axis;
  double taps = (double)(a[0].taps * a[1].taps * c->channels) + 4;
  return taps * (double)(block * a[1].out * c->groups * c->features);
}

bool neap__conv_small(const neap__conv *c) {
  return work_of(c, c->axis[0].out) * (double)c->batch < ALL_WORK;
}

static int64_t forward_grain(const forward *f, int64_t units) {
  if (neap__conv_small(f->c)) return units;
  double grain = BLOCK_WORK / work_of(f->c, f->block);
  return grain < 1 ? 1 : (int64_t)grain;
}

neap_status neap__conv_forward(const neap__conv *c, const neap__conv_out *o) {
  forward f = {.c = c, .o = o, .sweep = neap__conv_forward_sweep(c), .block = neap__conv_block(c)};
  f.source = (neap__source){.lines = c->axis[0].in,
                            .places = c->axis[1].in,
                            .channels = c->groups * c->channels,
                            .dtype = c->dtype};
  if (c->batch == 0 || c->features == 0 || c->axis[0].out == 0 || c->axis[1].out == 0)
    return NEAP_OK;
  NEAP_TRY(neap_kern_select(&f.k));
  f.blocks = (c->axis[0].out - 1) / f.block + 1;
  int64_t packed = neap__conv_packed(c, &f.sweep, f.k), units = c->batch * f.blocks;
  int64_t turned = c->axis[0].taps * c->axis[1].taps * c->channels * f.k->gemm[c->dtype].panel;
  size_t each = neap_dtype_size(c->dtype);
  packed = (packed + 15) / 16 * 16;
  f.room_each = window_bytes(&f);
  int threads = neap_threads();
  char *weights = neap_alloc_array(packed + turned, each);
  f.room = weights ? neap_alloc_array(threads, f.room_each ? f.room_each : 1) : NULL;
  neap_status st = weights && f.room ? NEAP_OK : NEAP_ENOMEM;
  if (!st) {
    neap__conv_pack(c, &f.sweep, f.k, false, o->w, o->bias, weights,
                    weights + (size_t)packed * each);
    st = neap_parallel_for(units, forward_grain(&f, units), forward_chunk, &f);
  }
  neap_free(f.room);
  neap_free(weights);
  return st;
}
