/* The triple-barrier labels. A barrier is looked for in a pyramid of highs and lows, so that a far
 * one costs little more than a near one. */
#include <math.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "frame/labels.h"

enum { FANOUT_BITS = 4, LEVELS = 12, GRAIN = 1 << 12, POLL_EVERY = 1 << 16 };

/* Level 0 are the bars; each place above holds the extremes of 16 below. NaN are passed over. */
typedef struct {
  int levels;
  const double *high[LEVELS], *low[LEVELS];
  double *memory;
} pyramid;

static int64_t places(int64_t n, int level) {
  int64_t span = (int64_t)1 << (FANOUT_BITS * level);
  return (n + span - 1) >> (FANOUT_BITS * level);
}

static neap_status raise_level(int64_t n, const double *high, const double *low, double *up,
                               double *down) {
  for (int64_t i = 0; i < n; i += 1 << FANOUT_BITS) {
    if (i % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    double top = -INFINITY, bottom = INFINITY;
    for (int64_t j = i; j < n && j < i + (1 << FANOUT_BITS); j++) {
      if (high[j] > top) top = high[j];
      if (low[j] < bottom) bottom = low[j];
    }
    up[i >> FANOUT_BITS] = top;
    down[i >> FANOUT_BITS] = bottom;
  }
  return NEAP_OK;
}

static neap_status pyramid_init(pyramid *p, int64_t n, const double *high, const double *low) {
  int64_t total = 0;
  *p = (pyramid){.levels = 1, .high = {high}, .low = {low}};
  while (p->levels < LEVELS && places(n, p->levels - 1) > 1) total += places(n, p->levels++);
  p->memory = neap_alloc_array(2 * total + 1, sizeof(double));
  if (!p->memory) return NEAP_ENOMEM;
  double *at = p->memory;
  neap_status st = NEAP_OK;
  for (int level = 1; level < p->levels && !st; level++) {
    int64_t below = places(n, level - 1), here = places(n, level);
    st = raise_level(below, p->high[level - 1], p->low[level - 1], at, at + here);
    p->high[level] = at;
    p->low[level] = at + here;
    at += 2 * here;
  }
  return st;
}

/* The first row from <= j < to with high >= upper or low <= lower; `to` when there is none. */
static int64_t first_touch(const pyramid *p, int64_t from, int64_t to, double upper, double lower) {
  for (int64_t j = from; j < to;) {
    int level = 0;
    while (level + 1 < p->levels && !(j & (((int64_t)1 << (FANOUT_BITS * (level + 1))) - 1)))
      level++;
    for (;; level--) {
      int64_t place = j >> (FANOUT_BITS * level);
      if (!(p->high[level][place] >= upper || p->low[level][place] <= lower)) break;
      if (level == 0) return j;
    }
    j += (int64_t)1 << (FANOUT_BITS * level);
  }
  return to;
}

typedef struct {
  const neap_barriers *b;
  pyramid tree;
  int32_t *touched;
  int64_t *exit, *known;
  double *ret;
} work;

/* The first row j >= from with ends[j] >= moment; n when there is none. */
static int64_t first_end(const neap_barriers *b, int64_t from, int64_t moment) {
  int64_t low = from, high = b->n;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (b->ends[middle] >= moment) high = middle;
    else low = middle + 1;
  }
  return low;
}

typedef struct {
  double entry, upper, lower;
  bool is_long;
} position;

static bool is_event(const neap_barriers *b, int64_t i) {
  double unit = b->unit ? b->unit[i] : 1.0, side = b->side ? b->side[i] : 1.0;
  return (!b->event || b->event[i]) && (side > 0 || side < 0) && unit > 0;
}

/* The position of the event at bar i, which is not the last one; false without a price. */
static bool enter(const neap_barriers *b, int64_t i, position *p) {
  double unit = b->unit ? b->unit[i] : 1.0;
  p->is_long = !b->side || b->side[i] > 0;
  p->entry = b->entry_open ? b->entry_open[i + 1] : b->close[i];
  p->upper = p->entry * (1.0 + unit * (p->is_long ? b->profit : b->stop));
  p->lower = p->entry * (1.0 - unit * (p->is_long ? b->stop : b->profit));
  return p->entry > 0;
}

/* Bar j touched a barrier: which one, and at what price the position is left. */
static neap_touch settle(const neap_barriers *b, const position *p, int64_t j, double *price) {
  double open = b->open ? b->open[j] : NAN;
  bool gap = open >= p->upper || open <= p->lower; /* the open comes before the rest of the bar */
  bool up = gap ? open >= p->upper : b->high[j] >= p->upper;
  bool down = gap ? !up : b->low[j] <= p->lower;
  bool both = up && down;
  if (both) up = !p->is_long;
  *price = gap ? open : b->at_close ? b->close[j] : up ? p->upper : p->lower;
  if (both) return NEAP_TOUCH_BOTH;
  return up == p->is_long ? NEAP_TOUCH_PROFIT : NEAP_TOUCH_STOP;
}

/* The last bar before or at the vertical barrier of bar i, and the bar whose end proves that it has
 * been reached: n where the bars end before it. */
static int64_t vertical(const neap_barriers *b, int64_t i, int64_t *proof) {
  if (b->bars > 0) {
    *proof = b->bars < b->n - i ? i + b->bars : b->n;
    return *proof < b->n ? *proof : b->n - 1;
  }
  int64_t end = b->ends[i];
  int64_t moment = end > INT64_MAX - 1 - b->duration ? INT64_MAX - 1 : end + b->duration;
  int64_t last = first_end(b, i, moment + 1) - 1;
  *proof = last > i && b->ends[last] == moment ? last : last + 1;
  return last;
}

static void label_row(const work *w, int64_t i) {
  const neap_barriers *b = w->b;
  position p;
  int64_t proof, exit = -1;
  double price = NAN;
  neap_touch touched = NEAP_TOUCH_NONE;
  if (is_event(b, i)) {
    int64_t last = vertical(b, i, &proof);
    if (i + 1 == b->n) touched = NEAP_TOUCH_PAST_END;
    else if (enter(b, i, &p)) {
      exit = first_touch(&w->tree, i + 1, last + 1, p.upper, p.lower);
      if (exit <= last) touched = settle(b, &p, proof = exit, &price);
      else if (proof == b->n) touched = NEAP_TOUCH_PAST_END;
      else if (last > i && !isnan(price = b->close[exit = last])) touched = NEAP_TOUCH_VERTICAL;
    }
  }
  bool ended = touched != NEAP_TOUCH_NONE && touched != NEAP_TOUCH_PAST_END;
  w->touched[i] = (int32_t)touched;
  w->exit[i] = ended ? exit : -1;
  w->known[i] = ended ? proof : -1;
  w->ret[i] = ended ? (p.is_long ? 1.0 : -1.0) * (price / p.entry - 1.0) : NAN;
}

static neap_status label_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t i = begin; i < end; i++) label_row(ctx, i);
  return NEAP_OK;
}

static neap_status check_ends(const neap_barriers *b) {
  for (int64_t i = 0; i < b->n; i++) {
    if (i % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    if (b->ends[i] == NEAP_NAT)
      return neap_fail(NEAP_EVALUE, "row %lld has no time, which a duration needs",
                       (long long)i + 1);
    if (i > 0 && b->ends[i] < b->ends[i - 1])
      return neap_fail(NEAP_EVALUE, "row %lld is earlier than the one before it", (long long)i + 1);
  }
  return NEAP_OK;
}

neap_status neap_triple_barrier(const neap_barriers *b, int32_t *touched, int64_t *exit,
                                int64_t *known, double *ret) {
  if (!(b->profit > 0 && b->stop > 0))
    return neap_fail(NEAP_EARG, "profit %g and stop %g must be positive", b->profit, b->stop);
  if ((b->bars > 0) == (b->duration > 0))
    return neap_fail(NEAP_EARG, "%lld bars and %lld ns: one of both ends a position",
                     (long long)b->bars, (long long)b->duration);
  if (b->duration > 0) NEAP_TRY(check_ends(b));
  work w = {b, {0}, touched, exit, known, ret};
  neap_status st = pyramid_init(&w.tree, b->n, b->high, b->low);
  if (!st) st = neap_parallel_for(b->n, GRAIN, label_rows, &w);
  neap_free(w.tree.memory);
  return st;
}
