/* Rolling windows without subtraction (docs/adr/0009), for windows of any lengths: of a window that
 * begins where no part is known, the tails are made in one pass from right to left; those that
 * begin among these tails are such a tail joined with the head behind it, which grows as the window
 * moves. What has left the window has left no trace. Sums keep what rounding took from them (Knuth,
 * TAOCP 2, 4.2.2, theorem B), moments are joined by counts, means and powers about the mean (Chan,
 * Golub and LeVeque 1979; Pebay 2008), so nothing is lost at large offsets either. */
#include <math.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "tensor/rolling.h"

#define INLINE static inline __attribute__((always_inline))

/* Of the numbers in a stretch: how many; their sum, extreme or mean; powers about the mean, or
 * what rounding took from the sum. Means are counted from the number that came first, which lies in
 * every window that the part is used in: differences from it are as exact as the window allows. The
 * second of two series has other_*. */
typedef struct {
  double count, value, squares, origin, cubes, fourths;
  double other, other_origin, other_squares, products;
} part;

/* A part in memory: as many numbers as op needs. */
INLINE int fields(neap_rolling op) {
  switch (op) {
  case NEAP_ROLLING_SUM:
  case NEAP_ROLLING_MEAN: return 3;
  case NEAP_ROLLING_STD:
  case NEAP_ROLLING_VAR: return 4;
  case NEAP_ROLLING_SKEW:
  case NEAP_ROLLING_KURT: return 6;
  case NEAP_ROLLING_COV:
  case NEAP_ROLLING_CORR: return 8;
  default: return 2;
  }
}

INLINE void put(neap_rolling op, double *to, part p) {
  to[0] = p.count;
  to[1] = p.value;
  if (fields(op) > 2) to[2] = p.squares;
  if (fields(op) > 3) to[3] = p.origin;
  if (fields(op) == 6) to[4] = p.cubes;
  if (fields(op) == 6) to[5] = p.fourths;
  if (fields(op) == 8) to[4] = p.other;
  if (fields(op) == 8) to[5] = p.other_origin;
  if (fields(op) == 8) to[6] = p.other_squares;
  if (fields(op) == 8) to[7] = p.products;
}

INLINE part get(neap_rolling op, const double *from) {
  part p = {.count = from[0], .value = from[1]};
  if (fields(op) > 2) p.squares = from[2];
  if (fields(op) > 3) p.origin = from[3];
  if (fields(op) == 6) p.cubes = from[4];
  if (fields(op) == 6) p.fourths = from[5];
  if (fields(op) == 8) p.other = from[4];
  if (fields(op) == 8) p.other_origin = from[5];
  if (fields(op) == 8) p.other_squares = from[6];
  if (fields(op) == 8) p.products = from[7];
  return p;
}

/* p.value + v, with what that rounds away added to lost. An infinity spoils lost, which is then not
 * used. */
INLINE part plus(part p, double v, double lost) {
  double sum = p.value + v, of_v = sum - p.value, of_p = sum - of_v;
  p.squares += lost + ((p.value - of_p) + (v - of_v));
  p.value = sum;
  return p;
}

INLINE double total(part p) { return isfinite(p.value) ? p.value + p.squares : p.value; }

INLINE part add_powers(part p, double v) {
  if (p.count == 1) p.origin = v;
  double n = p.count, far = v - p.origin - p.value, step = far / n, term = far * step * (n - 1);
  p.value += step;
  p.fourths +=
      term * step * step * (n * n - 3 * n + 3) + 6 * step * step * p.squares - 4 * step * p.cubes;
  p.cubes += term * step * (n - 2) - 3 * step * p.squares;
  p.squares += term;
  return p;
}

INLINE part add_pair(part p, double v, double w) {
  if (p.count == 1) {
    p.origin = v;
    p.other_origin = w;
  }
  double from = v - p.origin, far = from - p.value;
  double from_w = w - p.other_origin, far_w = from_w - p.other;
  p.value += far / p.count;
  p.other += far_w / p.count;
  p.squares += far * (from - p.value);
  p.other_squares += far_w * (from_w - p.other);
  p.products += far * (from_w - p.other);
  return p;
}

INLINE part add(neap_rolling op, part p, double v, double w) {
  if (isnan(v) || (fields(op) == 8 && isnan(w))) return p;
  p.count++;
  switch (op) {
  case NEAP_ROLLING_MIN: p.value = p.count == 1 || v < p.value ? v : p.value; break;
  case NEAP_ROLLING_MAX: p.value = p.count == 1 || v > p.value ? v : p.value; break;
  case NEAP_ROLLING_FIRST: p.value = p.count == 1 ? v : p.value; break;
  case NEAP_ROLLING_LAST: p.value = v; break;
  case NEAP_ROLLING_COUNT: break;
  case NEAP_ROLLING_STD:
  case NEAP_ROLLING_VAR: {
    if (p.count == 1) p.origin = v;
    double from = v - p.origin, far = from - p.value;
    p.value += far / p.count;
    p.squares += far * (from - p.value);
    break;
  }
  case NEAP_ROLLING_SKEW:
  case NEAP_ROLLING_KURT: return add_powers(p, v);
  case NEAP_ROLLING_COV:
  case NEAP_ROLLING_CORR: return add_pair(p, v, w);
  default: p = plus(p, v, 0);
  }
  return p;
}

INLINE part join_powers(part p, part q, part r) {
  double a = p.count, b = q.count, n = r.count;
  double far = q.origin - p.origin + (q.value - p.value), step = far / n, term = far * step * a * b;
  r.squares = p.squares + q.squares + term;
  r.cubes = p.cubes + q.cubes + term * step * (a - b) + 3 * step * (a * q.squares - b * p.squares);
  r.fourths = p.fourths + q.fourths + term * step * step * (a * a - a * b + b * b) +
              6 * step * step * (a * a * q.squares + b * b * p.squares) +
              4 * step * (a * q.cubes - b * p.cubes);
  return r;
}

/* p followed by q; of moments without the mean, which no result needs. */
INLINE part join(neap_rolling op, part p, part q) {
  if (p.count == 0) return q;
  if (q.count == 0) return p;
  part r = {.count = p.count + q.count};
  double weight = p.count * q.count / r.count, far = q.origin - p.origin + (q.value - p.value);
  switch (op) {
  case NEAP_ROLLING_MIN: r.value = q.value < p.value ? q.value : p.value; break;
  case NEAP_ROLLING_MAX: r.value = q.value > p.value ? q.value : p.value; break;
  case NEAP_ROLLING_FIRST: r.value = p.value; break;
  case NEAP_ROLLING_LAST: r.value = q.value; break;
  case NEAP_ROLLING_COUNT: break;
  case NEAP_ROLLING_STD:
  case NEAP_ROLLING_VAR: r.squares = p.squares + q.squares + far * far * weight; break;
  case NEAP_ROLLING_SKEW:
  case NEAP_ROLLING_KURT: return join_powers(p, q, r);
  case NEAP_ROLLING_COV:
  case NEAP_ROLLING_CORR: {
    double far_w = q.other_origin - p.other_origin + (q.other - p.other);
    r.squares = p.squares + q.squares + far * far * weight;
    r.other_squares = p.other_squares + q.other_squares + far_w * far_w * weight;
    r.products = p.products + q.products + far * far_w * weight;
    break;
  }
  default:
    r.value = p.value;
    r.squares = p.squares;
    return plus(r, q.value, q.squares);
  }
  return r;
}

/* The skewness and the excess kurtosis of a sample, G1 and G2 of Joanes and Gill 1998; 0 and -3 of
 * equal numbers, as in pandas. */
INLINE double skewness(part p) {
  double n = p.count;
  if (n < 3) return NAN;
  if (p.squares == 0) return 0;
  return n * sqrt(n - 1) / (n - 2) * (p.cubes / p.squares / sqrt(p.squares));
}

INLINE double kurtosis(part p) {
  double n = p.count;
  if (n < 4) return NAN;
  if (p.squares == 0) return -3;
  double ratio = p.fourths / p.squares / p.squares;
  return (n - 1) / ((n - 2) * (n - 3)) * (n * (n + 1) * ratio - 3 * (n - 1));
}

INLINE double correlation(part p) {
  double corr = p.products / (sqrt(p.squares) * sqrt(p.other_squares));
  return corr > 1 ? 1 : corr < -1 ? -1 : corr;
}

INLINE double result(neap_rolling op, part p, const neap_rolling_options *o) {
  double over = p.count - o->parameter;
  if (op == NEAP_ROLLING_COUNT) return p.count;
  if (p.count < (double)o->min_count) return NAN;
  switch (op) {
  case NEAP_ROLLING_MEAN: return total(p) / p.count; /* of no numbers: NaN */
  case NEAP_ROLLING_STD: return over > 0 ? sqrt(p.squares / over) : NAN;
  case NEAP_ROLLING_VAR: return over > 0 ? p.squares / over : NAN;
  case NEAP_ROLLING_COV: return over > 0 ? p.products / over : NAN;
  case NEAP_ROLLING_CORR: return correlation(p);
  case NEAP_ROLLING_SKEW: return skewness(p);
  case NEAP_ROLLING_KURT: return kurtosis(p);
  case NEAP_ROLLING_SUM: return total(p);
  default: return p.count > 0 ? p.value : NAN;
  }
}

/* tails[i - low] = the places from i to the last before high. */
typedef struct {
  double *part;
  int64_t low, high, room;
} tails;

/* What adding is when it goes from right to left. */
INLINE neap_rolling backward(neap_rolling op) {
  if (op == NEAP_ROLLING_FIRST) return NEAP_ROLLING_LAST;
  return op == NEAP_ROLLING_LAST ? NEAP_ROLLING_FIRST : op;
}

INLINE neap_status make_tails(neap_rolling op, const neap__rolling *r, tails *t, int64_t low,
                              int64_t high) {
  if (high - low > t->room) {
    neap_free(t->part);
    t->room = high - low;
    t->part = neap_alloc_array(t->room, (size_t)fields(op) * sizeof(double));
    if (!t->part) return NEAP_ENOMEM;
  }
  part p = {0};
  for (int64_t i = high - 1; i >= low; i--) {
    if (i % NEAP__ROLLING_POLL == 0) NEAP_TRY(neap_interrupt_check());
    p = add(backward(op), p, r->x[i], fields(op) == 8 ? r->u[i] : 0);
    put(op, t->part + (i - low) * fields(op), p);
  }
  t->low = low;
  t->high = high;
  return NEAP_OK;
}

INLINE neap_status roll_with(neap_rolling op, const neap__rolling *shared, const neap__stretch *at,
                             tails *t) {
  const neap__rolling copy = *shared, *r = &copy; /* known not to change under the loop */
  const neap__stretch here = *at, *s = &here;
  part head = {0};
  int64_t end = t->high = neap__low(r, s, s->from);
  for (int64_t i = s->from; i < s->to; i++) {
    int64_t low = neap__low(r, s, i), high = neap__high(r, s, i);
    if (i % NEAP__ROLLING_POLL == 0) NEAP_TRY(neap_interrupt_check());
    if (low >= t->high) {
      NEAP_TRY(make_tails(op, r, t, low, high));
      head = (part){0};
      end = high;
    }
    for (; end < high; end++) head = add(op, head, r->x[end], fields(op) == 8 ? r->u[end] : 0);
    bool tail = low < t->high;
    part p = tail ? join(op, get(op, t->part + (low - t->low) * fields(op)), head) : head;
    r->y[i] = result(op, p, r->o);
  }
  return NEAP_OK;
}

#define ROLL(name, op)                                                                             \
  static neap_status name(const neap__rolling *r, const neap__stretch *s, tails *t) {              \
    return roll_with(op, r, s, t);                                                                 \
  }
ROLL(roll_sum, NEAP_ROLLING_SUM)
ROLL(roll_mean, NEAP_ROLLING_MEAN)
ROLL(roll_std, NEAP_ROLLING_STD)
ROLL(roll_var, NEAP_ROLLING_VAR)
ROLL(roll_cov, NEAP_ROLLING_COV)
ROLL(roll_corr, NEAP_ROLLING_CORR)
ROLL(roll_min, NEAP_ROLLING_MIN)
ROLL(roll_max, NEAP_ROLLING_MAX)
ROLL(roll_first, NEAP_ROLLING_FIRST)
ROLL(roll_last, NEAP_ROLLING_LAST)
ROLL(roll_skew, NEAP_ROLLING_SKEW)
ROLL(roll_kurt, NEAP_ROLLING_KURT)
ROLL(roll_count, NEAP_ROLLING_COUNT)

neap_status neap__roll_parts(const neap__rolling *r, const neap__stretch *s) {
  static neap_status (*const roll[])(const neap__rolling *, const neap__stretch *, tails *) = {
      [NEAP_ROLLING_SUM] = roll_sum,     [NEAP_ROLLING_MEAN] = roll_mean,
      [NEAP_ROLLING_STD] = roll_std,     [NEAP_ROLLING_VAR] = roll_var,
      [NEAP_ROLLING_COV] = roll_cov,     [NEAP_ROLLING_CORR] = roll_corr,
      [NEAP_ROLLING_MIN] = roll_min,     [NEAP_ROLLING_MAX] = roll_max,
      [NEAP_ROLLING_FIRST] = roll_first, [NEAP_ROLLING_LAST] = roll_last,
      [NEAP_ROLLING_SKEW] = roll_skew,   [NEAP_ROLLING_KURT] = roll_kurt,
      [NEAP_ROLLING_COUNT] = roll_count,
  };
  tails t = {0};
  neap_status st = roll[r->op](r, s, &t);
  neap_free(t.part);
  return st;
}
