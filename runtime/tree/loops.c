/* The two loops that training spends its time in, compiled once per instruction set as the tables
 * of kern are. No table uses fused multiply-add and sums are of integers, so all give the same
 * bits. */
#include <math.h>
#include <string.h>

#include "tree/engine.h"

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

static void histogram_add(const neap__bins *b, const neap__pair *pairs, int shift, int64_t begin,
                          int64_t end, const int32_t *use, int32_t used, neap__cell *h) {
  int64_t width = b->used;
  bool few = use && 2 * used < b->used; /* summing too many is quicker than choosing many */
  for (int64_t i = begin; i < end; i++) {
    const uint8_t *bin = b->grid + i * width;
    neap__cell v = neap__pair_cell(pairs[i], shift);
    if (few) add_row_of(bin, b->offset, use, used, v, h);
    else if (b->even) add_even(bin, b->used, v, h);
    else add_row(bin, b->offset, b->used, v, h);
  }
}

/* cuts ----------------------------------------------------------------------------------------- */

/* Sums over the bins up to and including each one; a cell's two words apart, for vector loops. */
typedef struct {
  int64_t first[ROOM], second[ROOM];
  double gain[ROOM];
} sums;

static bool is_enough(int64_t second, const neap__whole *w) {
  neap__cell side = {0, second};
  return neap__cell_rows(side, w->s) >= w->r->min_rows &&
         neap__cell_h(side, w->s) >= w->r->min_hessian;
}

/* T(g)^2 / (h + l2), and 0 where nothing stands below the line; straight code, so loops of it
 * vectorise. */
static inline double improvement(double g, double h, double l1, double l2) {
  double size = fabs(g) - l1, under = h + l2;
  double t = size > 0 ? size : 0;
  return t * t / (under > 0 ? under : HUGE_VAL);
}

static void weigh(const neap__whole *w, sums *c, int32_t from, int32_t to) {
  double l1 = w->r->l1, l2 = w->r->l2, g = w->g, h = w->h, unsplit = w->unsplit;
  double g_unit = w->s->g, h_unit = w->s->h;
  int shift = w->s->shift;
  for (int32_t b = from; b < to; b++) {
    double left_g = (double)c->first[b] * g_unit;
    double left_h = (double)(c->second[b] >> shift) * h_unit;
    c->gain[b] =
        improvement(left_g, left_h, l1, l2) + improvement(g - left_g, h - left_h, l1, l2) - unsplit;
  }
}

/* Sides only grow or shrink along the way, so the cuts that leave enough on both sides are one
 * stretch. */
static void sweep(const neap__whole *w, const neap__cell *h, int32_t bins, neap__cell start,
                  bool missing_left, neap__split *best) {
  sums c;
  for (int32_t b = 0; b < bins; b++) {
    start += h[b];
    c.first[b] = start[0];
    c.second[b] = start[1];
  }
  int32_t from = 0, to = bins;
  while (from < to && !is_enough(c.second[from], w)) from++;
  while (to > from && !is_enough(w->total[1] - c.second[to - 1], w)) to--;
  weigh(w, &c, from, to);
  int32_t at = -1;
  double top = best->gain;
  for (int32_t b = from; b < to; b++)
    if (c.gain[b] > top) {
      top = c.gain[b];
      at = b;
    }
  if (at >= 0)
    *best = (neap__split){.gain = top,
                          .feature = best->feature,
                          .bin = at,
                          .missing_left = missing_left,
                          .left = {c.first[at], c.second[at]}};
}

#define NAME_OF(isa) neap__loops_##isa
#define NAME(isa)    NAME_OF(isa)
const neap__loops NAME(NEAP_TREE_ISA) = {histogram_add, sweep};
