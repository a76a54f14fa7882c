/* The loops that training spends its time in, compiled once per instruction set as the tables
 * of kern are. No table uses fused multiply-add and sums are of integers, so all give the same
 * bits. */
#include <math.h>
#include <string.h>

#include "tree/engine.h"
#include "tree/link.h"

enum { ROOM = NEAP__MAX_BINS + 1 };

/* histograms ----------------------------------------------------------------------------------- */

/* Features an even number of cells apart: the compiler knows where they begin, and four bins come
 * in one load. What costs here is the number of instructions, not the cells. */
static inline void add_even(const uint8_t *bin, int32_t used, neap__cell v, neap__cell *h) {
  int32_t k = 0;
  for (; k + 4 <= used; k += 4, h += 4 * ROOM) {
    uint32_t four;
    memcpy(&four, bin + k, sizeof four);
    for (int j = 0; j < 4; j++) h[j * ROOM + (int32_t)(four >> 8 * j & 255)] += v;
  }
  for (; k < used; k++, h += ROOM) h[bin[k]] += v;
}

static inline void add_row(const uint8_t *bin, const int32_t *offset, int32_t used, neap__cell v,
                           neap__cell *h) {
  for (int32_t k = 0; k < used; k++) h[offset[k] + bin[k]] += v;
}

static inline void add_row_of(const uint8_t *bin, const int32_t *offset, const int32_t *use,
                              int32_t used, neap__cell v, neap__cell *h) {
  for (int32_t k = 0; k < used; k++) h[offset[use[k]] + bin[use[k]]] += v;
}

static void histogram_add(const neap__bins *b, const neap__pair *pairs, int shift,
                          const neap__span *at, neap__cell *h) {
  int64_t width = b->used;
  int32_t first = at->first, count = at->last - at->first;
  for (int64_t i = at->begin; i < at->end; i++) {
    const uint8_t *bin = b->grid + i * width;
    neap__cell v = neap__pair_cell(pairs[i], shift);
    if (at->use) add_row_of(bin, b->offset, at->use, at->used, v, h);
    else if (b->even) add_even(bin + first, count, v, h + first * ROOM);
    else add_row(bin + first, b->offset + first, count, v, h);
  }
}

static void histogram_narrow(const neap__bins *b, const neap__pair *pairs, const neap__span *at,
                             neap__narrow *h) {
  int64_t width = b->used;
  int32_t count = at->last - at->first;
  for (int64_t i = at->begin; i < at->end; i++) {
    const uint8_t *bin = b->grid + i * width + at->first;
    neap__narrow v = neap__pair_narrow(pairs[i]), *to = h + at->first * ROOM;
    int32_t k = 0;
    for (; k + 4 <= count; k += 4, to += 4 * ROOM) {
      uint32_t four;
      memcpy(&four, bin + k, sizeof four);
      for (int j = 0; j < 4; j++) to[j * ROOM + (int32_t)(four >> 8 * j & 255)] += v;
    }
    for (; k < count; k++, to += ROOM) to[bin[k]] += v;
  }
}

/* cuts ----------------------------------------------------------------------------------------- */

/* What lies left of the cuts behind bins 0, 1, ...: start and the bins up to there, the two words
 * of a cell side by side. */
typedef struct {
  int64_t word[2 * ROOM];
  neap__cell start;
  int64_t least; /* hessian of a side */
  double gain[ROOM];
} cuts;

/* The least integer hessian that is not below min_sum_hessian_in_leaf. */
static int64_t least_hessian(const neap__whole *w) {
  double unit = w->s->h, least = w->r->min_hessian, guess = ceil(least / unit);
  if (!(guess < 0x1p62)) return INT64_MAX;
  int64_t h = (int64_t)guess;
  while (h > 0 && (double)(h - 1) * unit >= least) h--;
  while ((double)h * unit < least) h++;
  return h;
}

static bool is_enough(int64_t second, int64_t least, const neap__whole *w) {
  neap__cell side = {0, second};
  return neap__cell_rows(side, w->s) >= w->r->min_rows && second >> w->s->shift >= least;
}

/* T(g)^2 / (h + l2), and 0 where nothing stands below the line; straight code, so loops of it
 * vectorise. */
static inline double improvement(double g, double h, double l1, double l2) {
  double size = fabs(g) - l1, under = h + l2;
  double t = size > 0 ? size : 0;
  return t * t / (under > 0 ? under : HUGE_VAL);
}

static void weigh(const neap__whole *w, cuts *c, int32_t from, int32_t to) {
  double l1 = w->r->l1, l2 = w->r->l2, g = w->g, h = w->h, unsplit = w->unsplit;
  double g_unit = w->s->g, h_unit = w->s->h;
  int64_t first = c->start[0], second = c->start[1];
  int shift = w->s->shift;
  for (int32_t b = from; b < to; b++) {
    double left_g = (double)(c->word[2 * b] + first) * g_unit;
    double left_h = (double)((c->word[2 * b + 1] + second) >> shift) * h_unit;
    c->gain[b] =
        improvement(left_g, left_h, l1, l2) + improvement(g - left_g, h - left_h, l1, l2) - unsplit;
  }
}

/* Whether any cut may improve on gain: by products instead of quotients, with room for rounding. Of
 * the features of a leaf only a few get past it. */
static bool may_improve(const neap__whole *w, const cuts *c, int32_t from, int32_t to,
                        double gain) {
  double l1 = w->r->l1, l2 = w->r->l2, g = w->g, h = w->h, least = (gain + w->unsplit) * (1 - 1e-9);
  double g_unit = w->s->g, h_unit = w->s->h;
  int64_t first = c->start[0], second = c->start[1], any = 0;
  int shift = w->s->shift;
  for (int32_t b = from; b < to; b++) {
    double left_g = (double)(c->word[2 * b] + first) * g_unit, right_g = g - left_g;
    double left_h = (double)((c->word[2 * b + 1] + second) >> shift) * h_unit;
    double left = fabs(left_g) - l1, right = fabs(right_g) - l1;
    double left_under = left_h + l2, right_under = h - left_h + l2;
    left = left > 0 ? left : 0;
    right = right > 0 ? right : 0;
    double over = left * left * right_under + right * right * left_under;
    double under = left_under * right_under;
    any |= !(over < least * under); /* under 0 is left to the quotients */
  }
  return any != 0;
}

/* The first cut behind which the left side has enough rows and hessians, or the right side has not
 * any more: the left only grows along the way. */
static int32_t find_border(const neap__whole *w, const cuts *c, int32_t count, bool right) {
  int32_t low = 0, high = count;
  while (low < high) {
    int32_t middle = (low + high) / 2;
    int64_t second = c->word[2 * middle + 1] + c->start[1];
    if (is_enough(right ? w->total[1] - second : second, c->least, w) == right) low = middle + 1;
    else high = middle;
  }
  return low;
}

static void try_cuts(const neap__whole *w, cuts *c, int32_t count, bool missing_left,
                     neap__split *best) {
  int32_t from = find_border(w, c, count, false), to = find_border(w, c, count, true), at = -1;
  if (from >= to || !may_improve(w, c, from, to, best->gain)) return;
  weigh(w, c, from, to);
  double top = best->gain;
  for (int32_t b = from; b < to; b++)
    if (c->gain[b] > top) {
      top = c->gain[b];
      at = b;
    }
  if (at < 0) return;
  best->gain = top;
  best->bin = at;
  best->missing_left = missing_left;
  best->left = (neap__cell){c->word[2 * at], c->word[2 * at + 1]} + c->start;
}

static void sweep(const neap__whole *w, const neap__cell *h, int32_t bins, neap__cell missing,
                  neap__split *best) {
  cuts c;
  neap__cell sum = {0, 0};
  bool any = missing[1] != 0;
  for (int32_t b = 0; b < bins; b++) {
    sum += h[b];
    memcpy(&c.word[2 * b], &sum, sizeof sum);
  }
  c.start = (neap__cell){0, 0};
  c.least = least_hessian(w);
  try_cuts(w, &c, bins - !any, false, best);
  c.start = missing;
  if (any) try_cuts(w, &c, bins - 1, true, best);
}

/* links ---------------------------------------------------------------------------------------- */

static void exp_all(int64_t n, const double *x, double *y) {
  for (int64_t i = 0; i < n; i++) y[i] = neap__exp(x[i]);
}

static void sigmoid_all(int64_t n, double scale, const double *x, double *y) {
  for (int64_t i = 0; i < n; i++) y[i] = neap__sigmoid(scale * x[i]);
}

#define NAME_OF(isa) neap__loops_##isa
#define NAME(isa)    NAME_OF(isa)
const neap__loops NAME(NEAP_TREE_ISA) = {histogram_add, histogram_narrow, sweep, exp_all,
                                         sigmoid_all};
