/* The passes that close a block of a sliding window: all tails, from right to left. */
#include "ta/window.h"

#include <string.h>

double *neap__ta_take(neap_ta_memory *m, int64_t n, double fill) {
  double *p = m->base ? m->base + m->used : NULL;
  m->used += n;
  for (int64_t i = 0; p && i < n; i++) p[i] = fill;
  return p;
}

void neap__ta_fold_sum(double *buf, int64_t n) {
  double sum = 0;
  for (int64_t k = n - 1; k >= 0; k--) buf[k] = sum += buf[k];
}

void neap__ta_fold_range(double *high, double *low, int64_t n) {
  double top = -INFINITY, bottom = INFINITY;
  for (int64_t k = n - 1; k >= 0; k--) {
    high[k] = top = larger(high[k], top);
    low[k] = bottom = smaller(low[k], bottom);
  }
}

void neap__ta_fold_last_max(double *value, double *when, int64_t n) {
  double best = -INFINITY, best_when = 0;
  for (int64_t k = n - 1; k >= 0; k--) {
    best_when = switch_if(value[k] > best, best_when, when[k]);
    best = larger(value[k], best);
    value[k] = best;
    when[k] = best_when;
  }
}

void neap__ta_fold_moments(const double *x, double *tail, double *tail2, int64_t n, double shift) {
  double sum = 0, square = 0;
  for (int64_t k = n - 1; k >= 0; k--) {
    double d = x[k] - shift;
    tail[k] = sum += d;
    tail2[k] = square += d * d;
  }
}

void neap__ta_fold_slope(const double *x, double *tail, double *tail_w, int64_t n, double shift) {
  double sum = 0, weighted = 0;
  for (int64_t k = n - 1; k >= 0; k--) {
    tail_w[k] = weighted += sum;
    tail[k] = sum += x[k] - shift;
  }
}

int64_t neap__ta_below(const order_window *w, double x) {
  int64_t low = 0, high = w->seen;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (w->sorted[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

int64_t neap__ta_not_above(const order_window *w, double x) {
  int64_t low = 0, high = w->seen;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (w->sorted[middle] <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

void neap__ta_order_put(order_window *w, double x) {
  bool full = w->seen == w->n;
  int64_t hole = full ? neap__ta_below(w, w->ring[w->at]) : w->seen; /* the place that is free */
  int64_t to = neap__ta_below(w, x);
  if (to > hole) {
    to--;
    memmove(w->sorted + hole, w->sorted + hole + 1, (size_t)(to - hole) * sizeof x);
  } else {
    memmove(w->sorted + to + 1, w->sorted + to, (size_t)(hole - to) * sizeof x);
  }
  w->sorted[to] = x;
  w->ring[w->at] = x;
  w->at = w->at + 1 == w->n ? 0 : w->at + 1;
  w->seen += !full;
}
