/* window.h — the parts that indicators are made of. Private to ta.
 *
 * Sliding windows without subtraction: time is cut into blocks of n bars. A window that ends in the
 * current block is a tail of the block before and a head of this one:
 *
 *     block before        this block
 *     . . [ tail . . ] [ head . ] . . .
 *
 * The head is accumulated as bars come. When a block ends, the tails of all lengths are computed
 * from right to left in one pass of n steps, which is O(1) a bar. Sums so made never lose digits to
 * values that have left the window (an outlier of 1e12 is forgotten exactly), and the same scheme
 * gives maxima, whose cost does not depend on the data. It is known as two stacks, or van Herk's.
 *
 * Moments are taken about a shift, the last bar of the block before. That bar lies in every window
 * that uses it, so the shift is at most sqrt(n) deviations off the mean and the cancellation in
 * E[d^2] - E[d]^2 costs at most a factor n of rounding, at any offset of the data. */
#ifndef NEAP_TA_WINDOW_H
#define NEAP_TA_WINDOW_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ta/ta.h"

#define INLINE static inline __attribute__((always_inline))

/* Buffers of a state: measured in a first pass with base NULL, handed out in a second. */
struct neap_ta_memory {
  double *base;
  int64_t used;
};
double *neap__ta_take(neap_ta_memory *m, int64_t n, double fill);

/* sums ----------------------------------------------------------------------------------------- */

/* buf[at + 1 .. n] are sums of tails, buf[0 .. at - 1] the values of this block. */
typedef struct {
  double *buf, head;
  int64_t n, at;
} sum_window;

void neap__ta_fold_sum(double *buf, int64_t n);

INLINE void sum_init(sum_window *w, int64_t n, neap_ta_memory *m) {
  *w = (sum_window){.buf = neap__ta_take(m, n + 1, 0), .n = n};
}

/* The sum of the last n values, of all of them while there are fewer. */
INLINE double sum_next(sum_window *w, double x) {
  double tail = w->buf[w->at + 1];
  w->buf[w->at] = x;
  w->head += x;
  double sum = tail + w->head;
  if (++w->at == w->n) {
    neap__ta_fold_sum(w->buf, w->n);
    w->at = 0;
    w->head = 0;
  }
  return sum;
}

/* extrema -------------------------------------------------------------------------------------- */

typedef struct {
  double *high, *low, top, bottom;
  int64_t n, at;
} range_window;

void neap__ta_fold_range(double *high, double *low, int64_t n);

INLINE void range_init(range_window *w, int64_t n, neap_ta_memory *m) {
  *w = (range_window){.high = neap__ta_take(m, n + 1, -INFINITY),
                      .low = neap__ta_take(m, n + 1, INFINITY),
                      .top = -INFINITY,
                      .bottom = INFINITY,
                      .n = n};
}

INLINE double larger(double a, double b) { return a > b ? a : b; }
INLINE double smaller(double a, double b) { return a < b ? a : b; }

/* x or 0, and b or a, by arithmetic: a branch on random data would be mispredicted half the time.
 * Exact for finite x and whole a, b. */
INLINE double only_if(bool yes, double x) { return (double)yes * x; }
INLINE double switch_if(bool yes, double a, double b) { return a + (double)yes * (b - a); }

/* Highest high and lowest low of the last n bars. */
INLINE void range_next(range_window *w, double high, double low, double *top, double *bottom) {
  double tail_high = w->high[w->at + 1], tail_low = w->low[w->at + 1];
  w->high[w->at] = high;
  w->low[w->at] = low;
  w->top = larger(high, w->top);
  w->bottom = smaller(low, w->bottom);
  *top = larger(tail_high, w->top);
  *bottom = smaller(tail_low, w->bottom);
  if (++w->at == w->n) {
    neap__ta_fold_range(w->high, w->low, w->n);
    w->at = 0;
    w->top = -INFINITY;
    w->bottom = INFINITY;
  }
}

/* The number of the bar with the highest value, the latest of equals. For the lowest, negate. */
typedef struct {
  double *value, *when, best, best_when, now;
  int64_t n, at;
} last_max_window;

void neap__ta_fold_last_max(double *value, double *when, int64_t n);

INLINE void last_max_init(last_max_window *w, int64_t n, neap_ta_memory *m) {
  *w = (last_max_window){.value = neap__ta_take(m, n + 1, -INFINITY),
                         .when = neap__ta_take(m, n + 1, 0),
                         .best = -INFINITY,
                         .n = n};
}

/* Bars since the highest of the last n. */
INLINE double last_max_next(last_max_window *w, double x) {
  double tail = w->value[w->at + 1], tail_when = w->when[w->at + 1], now = w->now;
  w->value[w->at] = x;
  w->when[w->at] = now;
  w->best_when = switch_if(x >= w->best, w->best_when, now);
  w->best = larger(x, w->best);
  double since = now - switch_if(tail > w->best, w->best_when, tail_when);
  w->now = now + 1;
  if (++w->at == w->n) {
    neap__ta_fold_last_max(w->value, w->when, w->n);
    w->at = 0;
    w->best = -INFINITY;
  }
  return since;
}

/* moments about a shift ------------------------------------------------------------------------ */

/* x holds the window itself (in ring order), sum and square are those of x - shift. */
typedef struct {
  double *x, *tail, *tail2, shift, head, head2, sum, square;
  int64_t n, at;
} moments_window;

void neap__ta_fold_moments(const double *x, double *tail, double *tail2, int64_t n, double shift);

INLINE void moments_init(moments_window *w, int64_t n, neap_ta_memory *m) {
  *w = (moments_window){.x = neap__ta_take(m, n, 0),
                        .tail = neap__ta_take(m, n + 1, 0),
                        .tail2 = neap__ta_take(m, n + 1, 0),
                        .n = n};
}

INLINE void moments_next(moments_window *w, double x) {
  w->x[w->at] = x;
  if (w->at + 1 == w->n) {
    w->shift = x;
    neap__ta_fold_moments(w->x, w->tail, w->tail2, w->n, x);
    w->at = 0;
    w->head = w->head2 = 0;
    w->sum = w->tail[0];
    w->square = w->tail2[0];
    return;
  }
  double d = x - w->shift;
  w->at++;
  w->head += d;
  w->head2 += d * d;
  w->sum = w->tail[w->at] + w->head;
  w->square = w->tail2[w->at] + w->head2;
}

INLINE double moments_mean(const moments_window *w) { return w->shift + w->sum / (double)w->n; }

/* Variance with divisor n - ddof; never negative, exactly 0 for equal values. */
INLINE double moments_var(const moments_window *w, double ddof) {
  double n = (double)w->n, v = (w->square - w->sum * w->sum / n) / (n - ddof);
  return v < 0 ? 0 : v;
}

/* position-weighted sums about a shift --------------------------------------------------------- */

/* sum = sum of d, weighted = sum of k d with k = 0 for the oldest of the window, n - 1 for the
 * last; d = x - shift. One place further on, each weight of the tail is one less: that is its sum.
 */
typedef struct {
  double *x, *tail, *tail_w, shift, head, head_w, sum, weighted;
  int64_t n, at;
} slope_window;

void neap__ta_fold_slope(const double *x, double *tail, double *tail_w, int64_t n, double shift);

INLINE void slope_init(slope_window *w, int64_t n, neap_ta_memory *m) {
  *w = (slope_window){.x = neap__ta_take(m, n, 0),
                      .tail = neap__ta_take(m, n + 1, 0),
                      .tail_w = neap__ta_take(m, n + 1, 0),
                      .n = n};
}

INLINE void slope_next(slope_window *w, double x) {
  w->x[w->at] = x;
  if (w->at + 1 == w->n) {
    w->shift = x;
    neap__ta_fold_slope(w->x, w->tail, w->tail_w, w->n, x);
    w->at = 0;
    w->head = w->head_w = 0;
    w->sum = w->tail[0];
    w->weighted = w->tail_w[0];
    return;
  }
  double d = x - w->shift;
  w->head += d;
  w->head_w += (double)w->at * d;
  w->at++;
  w->sum = w->tail[w->at] + w->head;
  w->weighted = w->tail_w[w->at] + (double)(w->n - w->at) * w->head + w->head_w;
}

/* The mean with weights 1 .. n, the last bar heaviest. */
INLINE double slope_wma(const slope_window *w) {
  double n = (double)w->n;
  return w->shift + (w->weighted + w->sum) / (n * (n + 1) / 2);
}

/* values of the past --------------------------------------------------------------------------- */

typedef struct {
  double *ring;
  int64_t n, at, seen;
} lag_window;

INLINE void lag_init(lag_window *w, int64_t n, neap_ta_memory *m) {
  *w = (lag_window){.ring = neap__ta_take(m, n, 0), .n = n};
}

/* True when *past is the value of n steps ago. */
INLINE bool lag_next(lag_window *w, double x, double *past) {
  *past = w->ring[w->at];
  w->ring[w->at] = x;
  w->at = w->at + 1 == w->n ? 0 : w->at + 1;
  if (w->seen == w->n) return true;
  w->seen++;
  return false;
}

/* the window in order -------------------------------------------------------------------------- */

/* ring holds the last n values as they came, sorted[0 .. seen - 1] in rising order. A new value is
 * put in its place by moving those between it and the one that leaves: O(log n), and n at worst,
 * of memory that lies together. */
typedef struct {
  double *ring, *sorted;
  int64_t n, at, seen;
} order_window;

/* Put x in its place, before equals, and forget the oldest of n; the place. How many are equal to
 * the one at a place, the first of them. */
int64_t neap__ta_order_put(order_window *w, double x);
int64_t neap__ta_order_equal(const order_window *w, int64_t at);

INLINE void order_init(order_window *w, int64_t n, neap_ta_memory *m) {
  *w = (order_window){.ring = neap__ta_take(m, n, 0), .sorted = neap__ta_take(m, n, 0), .n = n};
}

/* The average rank of x among the last n values, itself included, in percent of n; true when there
 * are n. */
INLINE bool order_next(order_window *w, double x, double *percentile) {
  int64_t below = neap__ta_order_put(w, x);
  if (w->seen < w->n) return false;
  int64_t to = below + neap__ta_order_equal(w, below); /* ranks below + 1 .. to */
  *percentile = 100 * ((double)(below + to + 1) / 2) / (double)w->n;
  return true;
}

/* exponential averages ------------------------------------------------------------------------- */

/* y += k (x - y), seeded with the mean of the first n. */
typedef struct {
  double k, y;
  int64_t n, seen;
} ema_mean;

INLINE void ema_init(ema_mean *e, int64_t n, double k) { *e = (ema_mean){.k = k, .n = n}; }

/* True when y is an average. */
INLINE bool ema_next(ema_mean *e, double x) {
  if (__builtin_expect(e->seen == e->n, 1)) {
    e->y += (x - e->y) * e->k;
    return true;
  }
  e->y += x;
  if (++e->seen < e->n) return false;
  e->y /= (double)e->n;
  return true;
}

/* The usual constant of an EMA of n bars. */
INLINE double ema_constant(double n) { return 2 / (n + 1); }

/* Wilder's sum s = s - s / n + x; s / n is his mean. Starts as a plain sum. */
INLINE double wilder_keep(double n) { return (n - 1) / n; }

/* The widest of the bar and its distances from the close before. */
INLINE double true_range(double high, double low, double before) {
  return larger(larger(high - low, fabs(before - high)), fabs(before - low));
}

INLINE double ratio_or_zero(double a, double b) { return b != 0 ? a / b : 0; }

/* Counts bars to a limit: true from bar number n + 1 on. */
INLINE bool warm(int64_t *seen, int64_t n) {
  if (__builtin_expect(*seen == n, 1)) return true;
  ++*seen;
  return false;
}

/* rows of the table ---------------------------------------------------------------------------- */

enum { PERIOD_MAX = 100000 };
#define PERIOD(name_, low_, usual_, talib_)                                                        \
  {                                                                                                \
    .name = name_, .integer = true, .low = low_, .high = PERIOD_MAX, .usual = usual_,              \
    .talib = talib_                                                                                \
  }
#define NUMBER(name_, low_, high_, usual_, talib_)                                                 \
  { .name = name_, .low = low_, .high = high_, .usual = usual_, .talib = talib_ }
#define DDOF(usual_)                                                                               \
  { .name = "ddof", .integer = true, .low = 0, .high = 1, .usual = usual_, .talib = 0 }
#define BARS_PER_YEAR NUMBER("bars_per_year", 1, 1e9, 1, 1)
#define UNBOUNDED     .low = -INFINITY, .high = INFINITY
#define BOUNDED(a, b) .low = a, .high = b
#define POSITIVE      .low = 0, .high = INFINITY
#define STEP(name_)   .size = sizeof(name_##_state), .init = name_##_init, .run = name_##_run

extern const neap_ta_indicator neap__ta_averages[], neap__ta_momentum[], neap__ta_trend[],
    neap__ta_volatility[], neap__ta_volume[];
extern const int neap__ta_averages_count, neap__ta_momentum_count, neap__ta_trend_count,
    neap__ta_volatility_count, neap__ta_volume_count;

#endif
