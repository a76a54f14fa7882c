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

/* How many of n rising values are below x. Without a branch that depends on the values. */
static int64_t below(const double *sorted, int64_t n, double x) {
  const double *base = sorted;
  for (; n > 1; n -= n / 2) base += base[n / 2 - 1] < x ? n / 2 : 0;
  return base - sorted + (n == 1 && *base < x);
}

int64_t neap__ta_order_put(order_window *w, double x) {
  bool full = w->seen == w->n;
  int64_t hole = full ? below(w->sorted, w->n, w->ring[w->at]) : w->seen; /* the place to fill */
  int64_t to = below(w->sorted, w->seen, x);
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
  return to;
}

int64_t neap__ta_order_equal(const order_window *w, int64_t at) {
  const double *from = w->sorted + at;
  int64_t n = w->seen - at;
  if (n == 1 || from[1] != from[0]) return 1;
  return below(from, n, nextafter(from[0], INFINITY));
}
