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

/* ranks among very few: all are compared, which no order beats ----------------------------------
 */

enum { VERY_FEW = 32 };

static neap_status roll_very_few(const neap__rolling *r, const neap__stretch *s) {
  for (int64_t i = s->from; i < s->to; i++) {
    if (i % NEAP__ROLLING_POLL == 0) NEAP_TRY(neap_interrupt_check());
    int64_t low = neap__low(r, s, i), n = neap__high(r, s, i) - low;
    int64_t below = 0, equal = 0, count = 0;
    const double *x = r->x + low;
    double v = n > 0 ? x[n - 1] : NAN;
    for (int64_t j = 0; j < n; j++) {
      below += x[j] < v;
      equal += x[j] == v;
      count += x[j] == x[j];
    }
    bool missing = isnan(v) || count < r->o->min_count;
    r->y[i] = missing ? NAN : rank_of(below, equal, count, r->o);
  }
  return NEAP_OK;
}

/* few ------------------------------------------------------------------------------------------ */

enum { FEW = 200 };

typedef struct {
  int64_t count, newest; /* where the number stands that came last */
  double sorted[FEW];
} few;

/* Where v stands, or would, among sorted[0..count). Without a branch on what is compared: it would
 * be guessed wrong half the time. */
static int64_t place(const double *sorted, int64_t count, double v) {
  const double *low = sorted;
  while (count > 1) {
    int64_t half = count / 2;
    low += half & -(int64_t)(low[half - 1] < v);
    count -= half;
  }
  return low - sorted + (count == 1 && *low < v);
}

static void insert(few *f, double v) {
  if (isnan(v)) return;
  int64_t at = place(f->sorted, f->count, v);
  memmove(f->sorted + at + 1, f->sorted + at, (size_t)(f->count - at) * sizeof v);
  f->sorted[f->newest = at] = v;
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
  int64_t at = place(s, f->count, old), to = place(s, f->count, v);
  if (to > at) {
    to--;
    memmove(s + at, s + at + 1, (size_t)(to - at) * sizeof v);
  } else memmove(s + to + 1, s + to, (size_t)(at - to) * sizeof v);
  s[f->newest = to] = v;
}

static double few_quantile(const few *f, const neap_rolling_options *o) {
  if (f->count < o->min_count || f->count == 0) return NAN;
  double rank = o->parameter * (double)(f->count - 1), below = floor(rank);
  int64_t low = (int64_t)below;
  return between(f->sorted[low], f->sorted[low + 1 < f->count ? low + 1 : low], rank - below);
}

static double few_rank(const few *f, double v, bool newest, const neap_rolling_options *o) {
  if (f->count < o->min_count || isnan(v)) return NAN;
  int64_t below = newest ? f->newest : place(f->sorted, f->count, v), equal = 1;
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
    bool any = to_high > to_low, newest = to_high > high;
    bool step = to_low == low + 1 && to_high == high + 1 && low < high;
    if (step && !isnan(x[low]) && !isnan(x[high])) {
      exchange(&f, x[low++], x[high]);
      high++;
    }
    for (; low < to_low && low < high; low++) take_out(&f, x[low]);
    for (; high < to_high; high++) insert(&f, x[high]);
    r->y[i] =
        ranks ? few_rank(&f, any ? x[to_high - 1] : NAN, newest, r->o) : few_quantile(&f, r->o);
  }
  return NEAP_OK;
}

/* many ----------------------------------------------------------------------------------------- */

/* Which of the numbers of a stretch, sorted once, are in the window: a bit for each, and counts of
 * those in BLOCK bits, in FAN blocks, in FAN^2 blocks, ... place says where in that order the
 * number of a place of the stretch stands (-1: NaN), below and above how many are smaller, and not
 * larger, than one. So taking a number in or out changes one bit and a count of each level, and
 * finding one by its rank looks at FAN counts of each level at most. */
enum { BLOCK = 512, FAN = 16, LEVELS = 8 };

typedef struct {
  int64_t n, count; /* numbers of the stretch, and in the window */
  double *sorted;
  int32_t *place, *below, *above;
  uint64_t *bits;
  int32_t *level[LEVELS]; /* the first counts blocks; the last has FAN counts at most */
  int levels;
  int32_t *space; /* of all of them */
} ordered;

static void change(ordered *t, int32_t at, int by) {
  if (at < 0) return;
  t->bits[at / 64] ^= (uint64_t)1 << at % 64;
  t->count += by;
  int64_t block = at / BLOCK;
  for (int k = 0; k < t->levels; k++, block /= FAN) t->level[k][block] += by;
}

/* How many in the window are among the first n numbers of the order. */
static int64_t up_to(const ordered *t, int64_t n) {
  int64_t block = n / BLOCK, sum = 0, words = n / 64;
  for (int64_t w = block * (BLOCK / 64); w < words; w++) sum += __builtin_popcountll(t->bits[w]);
  if (n % 64) sum += __builtin_popcountll(t->bits[words] << (64 - n % 64));
  for (int k = 0; k < t->levels; k++, block /= FAN)
    for (int64_t b = k + 1 < t->levels ? block / FAN * FAN : 0; b < block; b++)
      sum += t->level[k][b];
  return sum;
}

/* The place in the order of the number at a rank, from 0, among those in the window. */
static int64_t ranked(const ordered *t, int64_t rank) {
  int64_t at = 0;
  for (int k = t->levels - 1; k >= 0; k--) {
    at *= FAN;
    for (; t->level[k][at] <= rank; at++) rank -= t->level[k][at];
  }
  at *= BLOCK / 64;
  for (int in; (in = __builtin_popcountll(t->bits[at])) <= rank; at++) rank -= in;
  uint64_t word = t->bits[at];
  for (; rank > 0; rank--) word &= word - 1;
  return at * 64 + __builtin_ctzll(word);
}

/* The next number of the window behind a place in the order. */
static int64_t next_of(const ordered *t, int64_t at) {
  int64_t w = ++at / 64;
  uint64_t word = t->bits[w] >> at % 64 << at % 64;
  while (!word) word = t->bits[++w];
  return w * 64 + __builtin_ctzll(word);
}

static double many_quantile(const ordered *t, const neap_rolling_options *o) {
  if (t->count < o->min_count || t->count == 0) return NAN;
  double rank = o->parameter * (double)(t->count - 1), below = floor(rank), share = rank - below;
  int64_t at = ranked(t, (int64_t)below);
  double a = t->sorted[at];
  return share == 0 ? between(a, a, 0) : between(a, t->sorted[next_of(t, at)], share);
}

static double many_rank(const ordered *t, int32_t at, const neap_rolling_options *o) {
  if (t->count < o->min_count || at < 0) return NAN;
  int64_t below = up_to(t, t->below[at]);
  bool alone = t->above[at] - t->below[at] == 1;
  return rank_of(below, alone ? 1 : up_to(t, t->above[at]) - below, t->count, o);
}

static neap_status roll_many(const neap__rolling *r, const neap__stretch *s, int64_t start,
                             ordered *t) {
  int64_t low = start, high = start;
  bool ranks = r->op == NEAP_ROLLING_RANK;
  for (int64_t i = s->from; i < s->to; i++) {
    int64_t to_low = neap__low(r, s, i), to_high = neap__high(r, s, i);
    for (; high < to_high; high++) {
      if (high % NEAP__ROLLING_POLL == 0) NEAP_TRY(neap_interrupt_check());
      change(t, t->place[high - start], 1);
    }
    for (; low < to_low && low < high; low++) change(t, t->place[low - start], -1);
    if (low < to_low) low = high = to_low; /* none of what is left out came in */
    int32_t last = ranks && to_high > to_low ? t->place[to_high - 1 - start] : -1;
    r->y[i] = ranks ? many_rank(t, last, r->o) : many_quantile(t, r->o);
  }
  return NEAP_OK;
}

/* Room for the levels over n numbers, all 0. */
static neap_status make_levels(ordered *t) {
  int64_t counts = 0, room = t->n / BLOCK + 2;
  for (int64_t blocks = room; t->levels < LEVELS; blocks = blocks / FAN + 1) {
    counts += blocks;
    t->levels++;
    if (blocks <= FAN) break;
  }
  t->bits = neap_calloc_array(room * (BLOCK / 64), sizeof *t->bits);
  t->space = neap_calloc_array(counts, sizeof *t->space);
  if (!t->bits || !t->space) return NEAP_ENOMEM;
  int32_t *at = t->space;
  for (int k = 0; k < t->levels; k++, room = room / FAN + 1) {
    t->level[k] = at;
    at += room;
  }
  return NEAP_OK;
}

static neap_status order_numbers(ordered *t, const neap_tensor *sorted, const neap_tensor *at) {
  int64_t n = neap_tensor_numel(sorted);
  const int64_t *from = neap_tensor_data(at);
  t->sorted = neap_tensor_data(sorted);
  t->place = neap_alloc_array(n, sizeof *t->place);
  t->below = neap_alloc_array(n, sizeof *t->below);
  t->above = neap_alloc_array(n, sizeof *t->above);
  if (!t->place || !t->below || !t->above) return NEAP_ENOMEM;
  while (t->n < n && !isnan(t->sorted[t->n])) t->n++;
  for (int64_t k = 0; k < n; k++) {
    if (k % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    bool same = k > 0 && t->sorted[k] == t->sorted[k - 1];
    t->place[from[k]] = k < t->n ? (int32_t)k : -1;
    t->below[k] = same ? t->below[k - 1] : (int32_t)k;
  }
  for (int64_t k = n - 1; k >= 0; k--) {
    bool same = k < n - 1 && t->sorted[k] == t->sorted[k + 1];
    t->above[k] = same ? t->above[k + 1] : (int32_t)k + 1;
  }
  return make_levels(t);
}

static void keep(neap_storage *storage) { (void)storage; }

static neap_status roll_ordered(const neap__rolling *r, const neap__stretch *s, int64_t start,
                                int64_t end) {
  neap_tensor numbers = {0}, sorted = {0}, at = {0};
  int64_t n = end - start;
  ordered t = {0};
  if (n >= INT32_MAX)
    return neap_fail(NEAP_EARG, "rolling_%s: windows over %lld places, 2^31 are too many",
                     neap_rolling_names[r->op], (long long)n);
  neap_status st =
      neap_tensor_wrap(&numbers, NEAP_F64, 1, &n, (void *)(uintptr_t)(r->x + start), keep, NULL);
  if (!st) st = neap_tensor_sort(&sorted, &at, &numbers, 0, false, 0);
  if (!st) st = order_numbers(&t, &sorted, &at);
  neap_tensor_drop(&at);
  neap_tensor_drop(&numbers);
  if (!st) st = roll_many(r, s, start, &t);
  neap_free(t.place);
  neap_free(t.below);
  neap_free(t.above);
  neap_free(t.bits);
  neap_free(t.space);
  neap_tensor_drop(&sorted);
  return st;
}

neap_status neap__roll_order(const neap__rolling *r, const neap__stretch *s) {
  int64_t longest = 0, start = neap__low(r, s, s->from), end = neap__high(r, s, s->to - 1);
  for (int64_t i = s->from; i < s->to && longest <= FEW; i++) {
    int64_t length = neap__high(r, s, i) - neap__low(r, s, i);
    longest = length > longest ? length : longest;
  }
  if (longest <= VERY_FEW && r->op == NEAP_ROLLING_RANK) return roll_very_few(r, s);
  if (longest <= FEW) return roll_few(r, s);
  return roll_ordered(r, s, start, end);
}
