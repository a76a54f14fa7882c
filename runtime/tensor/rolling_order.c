/* Quantiles and ranks in rolling windows: of few numbers those of the window in rising order, of
 * many a count of which of all numbers are in it. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "tensor/rolling.h"
#include "tensor/walk.h"

/* Between the numbers a and b around a rank; equal ones also keep infinities out of the difference.
 */
static double between(double a, double b, double share) {
  if (share == 0 || a == b) return a + 0.0; /* -0 becomes 0 */
  return share < 0.5 ? a + (b - a) * share : b - (b - a) * (1 - share);
}

/* A rank from 1: `below` numbers are smaller, `equal` as large. */
static double rank_of(int64_t below, int64_t equal, int64_t count, const neap_rolling_options *o) {
  double rank = (double)below + (double)(equal + 1) / 2;
  return o->parameter > 0 ? rank / (double)count : rank;
}

/* few ------------------------------------------------------------------------------------------ */

enum { FEW = 1000 };

typedef struct {
  int64_t count;
  double sorted[FEW];
} few;

/* Where v stands, or would, among sorted[0..count). */
static int64_t place(const double *sorted, int64_t count, double v) {
  const double *low = sorted;
  while (count > 1) {
    int64_t half = count / 2;
    low += low[half - 1] < v ? half : 0;
    count -= half;
  }
  return low - sorted + (count == 1 && *low < v);
}

static void insert(few *f, double v) {
  if (isnan(v)) return;
  int64_t at = place(f->sorted, f->count, v);
  memmove(f->sorted + at + 1, f->sorted + at, (size_t)(f->count - at) * sizeof v);
  f->sorted[at] = v;
  f->count++;
}

static void take_out(few *f, double v) {
  if (isnan(v)) return;
  int64_t at = place(f->sorted, f->count--, v);
  memmove(f->sorted + at, f->sorted + at + 1, (size_t)(f->count - at) * sizeof v);
}

/* take_out and insert at once: only what lies between the two moves. */
static void exchange(few *f, double old, double v) {
  double *s = f->sorted;
  int64_t at = place(s, f->count, old);
  if (v > old) {
    int64_t to = at + place(s + at, f->count - at, v) - 1;
    memmove(s + at, s + at + 1, (size_t)(to - at) * sizeof v);
    s[to] = v;
  } else {
    int64_t to = place(s, at, v);
    memmove(s + to + 1, s + to, (size_t)(at - to) * sizeof v);
    s[to] = v;
  }
}

static double few_quantile(const few *f, const neap_rolling_options *o) {
  if (f->count < o->min_count || f->count == 0) return NAN;
  double rank = o->parameter * (double)(f->count - 1), below = floor(rank);
  int64_t low = (int64_t)below;
  return between(f->sorted[low], f->sorted[low + 1 < f->count ? low + 1 : low], rank - below);
}

static double few_rank(const few *f, double v, const neap_rolling_options *o) {
  if (f->count < o->min_count || isnan(v)) return NAN;
  int64_t below = place(f->sorted, f->count, v), equal = 1;
  while (below + equal < f->count && f->sorted[below + equal] == v) equal++;
  return rank_of(below, equal, f->count, o);
}

static neap_status roll_few(const neap__rolling *r, const neap__stretch *s) {
  const double *x = r->x;
  few f = {0};
  bool ranks = r->op == NEAP_ROLLING_RANK;
  int64_t low = neap__low(r, s, s->from), high = low;
  for (int64_t i = s->from; i < s->to; i++) {
    int64_t to_low = neap__low(r, s, i), to_high = neap__high(r, s, i);
    if (i % (NEAP__ROLLING_POLL / 8) == 0) NEAP_TRY(neap_interrupt_check());
    if (to_low > high) low = high = to_low, f.count = 0;
    bool step = to_low == low + 1 && to_high == high + 1 && low < high;
    if (step && !isnan(x[low]) && !isnan(x[high])) {
      exchange(&f, x[low++], x[high]);
      high++;
    }
    for (; low < to_low && low < high; low++) take_out(&f, x[low]);
    for (; high < to_high; high++) insert(&f, x[high]);
    bool any = to_high > to_low;
    r->y[i] = ranks ? few_rank(&f, any ? x[to_high - 1] : NAN, r->o) : few_quantile(&f, r->o);
  }
  return NEAP_OK;
}

/* many ----------------------------------------------------------------------------------------- */

/* The different numbers of a stretch, sorted once, and how many of each stretch of them are in the
 * window: tree[k] counts those of the k & -k numbers of the order up to number k, from 1 on
 * (Fenwick 1994). place says which number is at a place of the stretch. */
typedef struct {
  int64_t n, count, top; /* different numbers, numbers in the window, largest power of 2 up to n */
  double *sorted;
  int64_t *place, *tree;
} ordered;

static void change(ordered *t, int64_t k, int64_t by) {
  for (t->count += by; k <= t->n; k += k & -k) t->tree[k] += by;
}

/* How many in the window are among the first k numbers. */
static int64_t up_to(const ordered *t, int64_t k) {
  int64_t sum = 0;
  for (; k > 0; k -= k & -k) sum += t->tree[k];
  return sum;
}

/* The number at a rank, from 0, among those in the window. */
static double ranked(const ordered *t, int64_t rank) {
  int64_t at = 0;
  for (int64_t step = t->top; step; step /= 2) {
    bool right = at + step <= t->n && t->tree[at + step] <= rank;
    rank -= right ? t->tree[at + step] : 0;
    at += right ? step : 0;
  }
  return t->sorted[at];
}

static double many_quantile(const ordered *t, const neap_rolling_options *o) {
  if (t->count < o->min_count || t->count == 0) return NAN;
  double rank = o->parameter * (double)(t->count - 1), below = floor(rank), share = rank - below;
  double a = ranked(t, (int64_t)below);
  return share == 0 ? between(a, a, 0) : between(a, ranked(t, (int64_t)below + 1), share);
}

static double many_rank(const ordered *t, int64_t k, const neap_rolling_options *o) {
  if (t->count < o->min_count || k == 0) return NAN;
  int64_t below = up_to(t, k - 1);
  return rank_of(below, up_to(t, k) - below, t->count, o);
}

static neap_status roll_many(const neap__rolling *r, const neap__stretch *s, int64_t start,
                             ordered *t) {
  int64_t low = start, high = start;
  const int64_t *place_of = t->place - start;
  bool ranks = r->op == NEAP_ROLLING_RANK;
  for (int64_t i = s->from; i < s->to; i++) {
    int64_t to_low = neap__low(r, s, i), to_high = neap__high(r, s, i);
    for (; high < to_high; high++) {
      if (high % (NEAP__ROLLING_POLL / 8) == 0) NEAP_TRY(neap_interrupt_check());
      if (place_of[high]) change(t, place_of[high], 1);
    }
    for (; low < to_low && low < high; low++)
      if (place_of[low]) change(t, place_of[low], -1);
    bool any = to_high > to_low;
    r->y[i] = ranks ? many_rank(t, any ? place_of[to_high - 1] : 0, r->o) : many_quantile(t, r->o);
  }
  return NEAP_OK;
}

/* Numbers that are equal share a place in the order; NaN has place 0. */
static neap_status order_numbers(ordered *t, neap_tensor *sorted, const neap_tensor *at) {
  int64_t n = neap_tensor_numel(sorted);
  const int64_t *from = neap_tensor_data(at);
  double *v = t->sorted = neap_tensor_data(sorted);
  t->place = neap_calloc_array(n, sizeof *t->place);
  if (!t->place) return NEAP_ENOMEM;
  for (int64_t k = 0; k < n && !isnan(v[k]); k++) {
    if (k % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    if (t->n == 0 || v[t->n - 1] != v[k]) v[t->n++] = v[k];
    t->place[from[k]] = t->n;
  }
  t->top = t->n ? (int64_t)1 << (63 - __builtin_clzll((uint64_t)t->n)) : 0;
  t->tree = neap_calloc_array(t->n + 1, sizeof *t->tree);
  return t->tree ? NEAP_OK : NEAP_ENOMEM;
}

static void keep(neap_storage *storage) { (void)storage; }

static neap_status roll_ordered(const neap__rolling *r, const neap__stretch *s, int64_t start,
                                int64_t end) {
  neap_tensor numbers = {0}, sorted = {0}, at = {0};
  int64_t n = end - start;
  ordered t = {0};
  neap_status st =
      neap_tensor_wrap(&numbers, NEAP_F64, 1, &n, (void *)(uintptr_t)(r->x + start), keep, NULL);
  if (!st) st = neap_tensor_sort(&sorted, &at, &numbers, 0, false, 0);
  if (!st) st = order_numbers(&t, &sorted, &at);
  neap_tensor_drop(&at);
  neap_tensor_drop(&numbers);
  if (!st) st = roll_many(r, s, start, &t);
  neap_free(t.place);
  neap_free(t.tree);
  neap_tensor_drop(&sorted);
  return st;
}

neap_status neap__roll_order(const neap__rolling *r, const neap__stretch *s) {
  int64_t longest = 0, start = neap__low(r, s, s->from), end = neap__high(r, s, s->to - 1);
  for (int64_t i = s->from; i < s->to && longest <= FEW; i++) {
    int64_t length = neap__high(r, s, i) - neap__low(r, s, i);
    longest = length > longest ? length : longest;
  }
  if (longest <= FEW) return roll_few(r, s);
  return roll_ordered(r, s, start, end);
}
