#include "check.h"

#include <stdlib.h>

#include "base/civil.h"
#include "base/interrupt.h"
#include "frame/frame.h"
#include "frame/labels.h"

static const int64_t hour = NEAP_DAY / 24;

/* fixed horizons ------------------------------------------------------------------------------- */

/* The definition, window by window. */
static double plain_max(int64_t n, const double *x, int64_t k, int64_t i) {
  if (i + k >= n) return NAN;
  double best = -INFINITY;
  for (int64_t j = i + 1; j <= i + k; j++) {
    if (isnan(x[j])) return NAN;
    if (x[j] > best) best = x[j];
  }
  return best;
}

static void future_max_equals_its_definition(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(3);
  double x[200], got[200], want[200];
  for (int round = 0; round < 300; round++) {
    int64_t n = (int64_t)neap_rng_below(&r, 200), k = 1 + (int64_t)neap_rng_below(&r, 30);
    for (int64_t i = 0; i < n; i++)
      x[i] = neap_rng_uniform(&r) < 0.03 ? NAN : (double)neap_rng_below(&r, 9);
    assert_ok(neap_future_max(n, x, k, got));
    for (int64_t i = 0; i < n; i++) want[i] = plain_max(n, x, k, i);
    assert_same(n, got, want, 0);
  }
  assert_fails(neap_future_max(3, x, 0, got), NEAP_EARG, "lookforward is 0");
  assert_ok(neap_future_max(3, x, INT64_MAX / 8, got));
  assert_true(isnan(got[0]));
}

static void labels_say_what_comes_and_when(void **state) {
  (void)state;
  const double x[] = {100, 101, 103, 99, NAN, 100}, best[] = {0.03, 2.0 / 101, NAN, NAN, NAN, NAN};
  const double above[] = {1, 0, NAN, NAN, NAN, NAN};
  const double next[] = {0.03, 99.0 / 101 - 1, NAN, 100.0 / 99 - 1, NAN, NAN};
  double got[6];
  assert_ok(neap_future_best(6, x, 2, got));
  assert_same(6, got, best, F64_TOL);
  neap_exceeds(6, got, 0.02, got);
  assert_same(6, got, above, 0);
  neap_future_return(6, x, 2, false, got);
  assert_same(6, got, next, F64_TOL);
  const int64_t time[] = {0, hour, 2 * hour, 5 * hour};
  int64_t ends[4], known[4];
  assert_ok(neap_bar_ends(4, time, ends));
  neap_known_at(4, ends, 2, known);
  assert_int_equal(known[0], 3 * hour);
  assert_int_equal(known[1], 6 * hour);
  assert_int_equal(known[2], NEAP_NAT);
}

static void threshold_gives_the_share(void **state) {
  (void)state;
  double x[101], threshold;
  for (int i = 0; i < 100; i++) x[i] = 0.001 * ((i * 37) % 100);
  x[100] = NAN;
  for (int percent = 1; percent < 100; percent += 7) {
    assert_ok(neap_threshold_of_share(101, x, 0.01 * percent, &threshold));
    int above = 0;
    for (int i = 0; i < 100; i++) above += x[i] > threshold;
    assert_int_equal(above, percent);
  }
  assert_fails(neap_threshold_of_share(1, x, 0.4, &threshold), NEAP_EVALUE, "1 rows have a label");
}

/* Equal values go to one side together: to the one that comes nearer, if the other is not empty. */
static void threshold_splits_at_ties(void **state) {
  (void)state;
  static const struct {
    double x[6], share;
    int above;
  } cases[] = {
      {{2, 2, 2, 1, 1, 1}, 0.4, 3}, {{2, 2, 2, 1, 1, 1}, 0.1, 3}, {{2, 2, 2, 1, 1, 1}, 0.9, 3},
      {{3, 2, 2, 2, 2, 1}, 0.4, 1}, {{3, 2, 2, 2, 2, 1}, 0.6, 5}, {{3, 2, 2, 2, 2, 1}, 0.5, 1},
      {{4, 4, 3, 2, 1, 1}, 0.4, 2}, {{6, 5, 4, 3, 2, 1}, 0.4, 2}, {{6, 5, 4, 3, 2, 1}, 0.45, 3},
      {{1, 1, 1, 1, 1, 1}, 0.4, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double threshold;
    int above = 0;
    assert_ok(neap_threshold_of_share(6, cases[i].x, cases[i].share, &threshold));
    for (int k = 0; k < 6; k++) above += cases[i].x[k] > threshold;
    assert_int_equal(above, cases[i].above);
  }
}

/* barriers ------------------------------------------------------------------------------------- */

enum { MOST = 700 };

typedef struct {
  int64_t n, ends[MOST];
  double open[MOST], high[MOST], low[MOST], close[MOST], unit[MOST], side[MOST];
  bool event[MOST];
} market;

/* A coarse walk with gaps in price and time, equal prices and holes. */
static void make_market(market *m, neap_rng *r, int64_t n) {
  m->n = n;
  double price = 100;
  int64_t end = 0;
  for (int64_t i = 0; i < n; i++) {
    if (neap_rng_below(r, 10) == 0) price += (double)neap_rng_below(r, 7) - 3;
    m->open[i] = price;
    price += (double)neap_rng_below(r, 5) - 2;
    m->close[i] = price;
    m->high[i] = fmax(m->open[i], price) + (double)neap_rng_below(r, 3);
    m->low[i] = fmin(m->open[i], price) - (double)neap_rng_below(r, 3);
    end += 10 * (int64_t)neap_rng_below(r, 3) + 10 * (neap_rng_below(r, 20) == 0 ? 40 : 0);
    m->ends[i] = end;
    m->unit[i] = neap_rng_below(r, 15) ? 0.01 * (double)neap_rng_below(r, 4) : NAN;
    m->side[i] = (double)neap_rng_below(r, 3) - 1;
    m->event[i] = neap_rng_below(r, 4) > 0;
    double *hole = (double *[]){m->open, m->high, m->low, m->close}[neap_rng_below(r, 4)];
    if (neap_rng_below(r, 25) == 0) hole[i] = NAN;
  }
}

typedef struct {
  int touched;
  int64_t exit, known;
  double ret;
} plain_label;

/* The definition, bar after bar. */
static plain_label plain_barrier(const neap_barriers *b, int64_t i) {
  const plain_label none = {NEAP_TOUCH_NONE, -1, -1, NAN},
                    past = {NEAP_TOUCH_PAST_END, -1, -1, NAN};
  double unit = b->unit ? b->unit[i] : 1, side = b->side ? b->side[i] : 1;
  if ((b->event && !b->event[i]) || isnan(side) || side == 0 || isnan(unit) || unit <= 0)
    return none;
  if (i == b->n - 1) return past;
  double entry = b->entry_open ? b->entry_open[i + 1] : b->close[i];
  if (isnan(entry) || entry <= 0) return none;
  double up = entry * (1 + unit * (side > 0 ? b->profit : b->stop));
  double down = entry * (1 - unit * (side > 0 ? b->stop : b->profit));
  int64_t last = i;
  for (int64_t j = i + 1; j < b->n; j++) {
    bool over = b->bars ? j > i + b->bars : b->ends[j] > b->ends[i] + b->duration;
    if (over) { /* this bar proves that the vertical barrier was passed */
      if (last == i || isnan(b->close[last])) return none;
      return (plain_label){NEAP_TOUCH_VERTICAL, last, j, side * (b->close[last] / entry - 1)};
    }
    last = j;
    bool above = b->high[j] >= up, below = b->low[j] <= down, gap = false;
    double price = b->at_close ? b->close[j] : above ? up : down;
    int touched = (above ? 1 : -1) * (side > 0 ? 1 : -1) > 0 ? NEAP_TOUCH_PROFIT : NEAP_TOUCH_STOP;
    if (!above && !below) continue;
    if (b->open && b->open[j] >= up) gap = true, touched = side > 0 ? 1 : 2;
    if (b->open && b->open[j] <= down) gap = true, touched = side > 0 ? 2 : 1;
    if (gap) price = b->open[j];
    if (above && below && !gap) {
      touched = NEAP_TOUCH_BOTH;
      if (!b->at_close) price = side > 0 ? down : up;
    }
    return (plain_label){touched, j, j, side * (price / entry - 1)};
  }
  return past;
}

/* A vertical barrier at the very end of a bar is known there, later ones at the next bar's end. */
static int64_t plain_known(const neap_barriers *b, int64_t i, plain_label l) {
  if (l.touched != NEAP_TOUCH_VERTICAL) return l.known;
  if (b->bars) return l.exit;
  return b->ends[l.exit] == b->ends[i] + b->duration ? l.exit : l.known;
}

static void check_barriers(const neap_barriers *b) {
  static int32_t touched[MOST];
  static int64_t exit[MOST], known[MOST];
  static double ret[MOST];
  assert_ok(neap_triple_barrier(b, touched, exit, known, ret));
  for (int64_t i = 0; i < b->n; i++) {
    plain_label want = plain_barrier(b, i);
    bool at_end = want.touched == NEAP_TOUCH_PAST_END && touched[i] == NEAP_TOUCH_VERTICAL;
    if (at_end) { /* the plain loop ends without a bar beyond; both must agree that one is not
                     needed */
      assert_true(b->bars ? i + b->bars == b->n - 1
                          : b->ends[b->n - 1] == b->ends[i] + b->duration);
      continue;
    }
    assert_int_equal(touched[i], want.touched);
    assert_int_equal(exit[i], want.exit);
    assert_int_equal(known[i], plain_known(b, i, want));
    assert_same(1, &ret[i], &want.ret, F64_TOL);
  }
}

static void barriers_equal_their_definition(void **state) {
  (void)state;
  static market m;
  neap_rng r = neap_rng_make(5);
  for (int round = 0; round < 600; round++) {
    make_market(&m, &r, (int64_t)neap_rng_below(&r, round % 4 ? 60 : MOST));
    bool closes = neap_rng_below(&r, 3) == 0;
    neap_barriers b = {.n = m.n,
                       .high = closes ? m.close : m.high,
                       .low = closes ? m.close : m.low,
                       .close = m.close,
                       .at_close = closes,
                       .ends = m.ends};
    if (!closes && neap_rng_below(&r, 3)) b.open = m.open;
    if (neap_rng_below(&r, 3) == 0) b.entry_open = m.open;
    if (neap_rng_below(&r, 2)) b.unit = m.unit;
    if (neap_rng_below(&r, 2)) b.side = m.side;
    if (neap_rng_below(&r, 2)) b.event = m.event;
    double width = b.unit ? 1 : 0.01;
    b.profit = neap_rng_below(&r, 6) ? width * (1 + (double)neap_rng_below(&r, 5)) : INFINITY;
    b.stop = neap_rng_below(&r, 6) ? width * (1 + (double)neap_rng_below(&r, 5)) : INFINITY;
    int64_t far = 1 + (int64_t)neap_rng_below(&r, round % 7 ? 20 : 800);
    if (neap_rng_below(&r, 2)) b.bars = far;
    else b.duration = 10 * far;
    check_barriers(&b);
  }
}

static void barriers_refuse_what_makes_no_sense(void **state) {
  (void)state;
  double x[] = {1, 2}, ret[2];
  int64_t ends[] = {NEAP_NAT, 5}, exit[2], known[2];
  int32_t touched[2];
  neap_barriers b = {.n = 2, .high = x, .low = x, .close = x, .profit = 1, .stop = 0, .bars = 1};
  assert_fails(neap_triple_barrier(&b, touched, exit, known, ret), NEAP_EARG, "stop 0 must be");
  b.stop = 1;
  b.duration = 1;
  assert_fails(neap_triple_barrier(&b, touched, exit, known, ret), NEAP_EARG, "1 bars and 1 ns");
  b.bars = 0;
  b.ends = ends;
  assert_fails(neap_triple_barrier(&b, touched, exit, known, ret), NEAP_EVALUE,
               "row 1 has no time");
  ends[0] = 6;
  assert_fails(neap_triple_barrier(&b, touched, exit, known, ret), NEAP_EVALUE, "row 2 is earlier");
}

/* trends and events ---------------------------------------------------------------------------- */

/* The textbook sums of a regression on 0 .. length-1. */
static double plain_t(const double *x, int64_t length) {
  double n = (double)length, my = 0, kk = 0, ky = 0, sse = 0, mk = (n - 1) / 2;
  for (int64_t k = 0; k < length; k++) my += x[k] / n;
  for (int64_t k = 0; k < length; k++) {
    kk += ((double)k - mk) * ((double)k - mk);
    ky += ((double)k - mk) * (x[k] - my);
  }
  for (int64_t k = 0; k < length; k++) {
    double e = x[k] - my - ky / kk * ((double)k - mk);
    sse += e * e;
  }
  return ky / kk / sqrt(sse / (n - 2) / kk);
}

static void trends_equal_their_definition(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(6);
  double x[120], t[120];
  int64_t end[120];
  for (int round = 0; round < 200; round++) {
    int64_t n = (int64_t)neap_rng_below(&r, 120), shortest = 3 + (int64_t)neap_rng_below(&r, 5);
    int64_t longest = shortest + (int64_t)neap_rng_below(&r, 20);
    int64_t step = 1 + (int64_t)neap_rng_below(&r, 4);
    double at = 100;
    for (int64_t i = 0; i < n; i++) {
      x[i] = at += neap_rng_normal(&r);
      if (neap_rng_below(&r, 60) == 0) x[i] = NAN;
    }
    assert_ok(neap_trend_scan(n, x, shortest, longest, step, t, end));
    for (int64_t i = 0; i < n; i++) {
      double best = 0;
      int64_t best_end = -1;
      for (int64_t k = shortest; i + longest <= n && k <= longest; k += step) {
        double v = plain_t(x + i, k);
        if (best_end < 0 || fabs(v) > fabs(best)) best = v, best_end = i + k - 1;
      }
      for (int64_t k = 0; k < longest && i + k < n; k++)
        if (isnan(x[i + k])) best_end = -1;
      if (best_end < 0) best = NAN;
      assert_same(1, &t[i], &best, 1e-9); /* the plain residuals cancel near an exact line */
      assert_int_equal(end[i], best_end);
    }
  }
}

static void trends_of_lines_and_of_nothing(void **state) {
  (void)state;
  const double rising[] = {1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 4}, flat[] = {7, 7, 7, 7};
  double t[4];
  int64_t end[4];
  assert_ok(neap_trend_scan(4, rising, 3, 4, 1, t, end));
  assert_true(t[0] == INFINITY && isnan(t[1]));
  assert_int_equal(end[0], 2);
  assert_ok(neap_trend_scan(4, flat, 3, 4, 1, t, end));
  assert_true(t[0] == 0);
  assert_fails(neap_trend_scan(4, flat, 2, 4, 1, t, end), NEAP_EARG, "at least 3");
  assert_ok(neap_trend_scan(0, NULL, 3, 4, 1, t, end));
}

static void events_reset_one_sum(void **state) {
  (void)state;
  const double x[] = {0, 1, 2, NAN, 2, 4, 1, 0, 9}, h[] = {2, 2, 1.5, 2, 2, 2, 2, 2, NAN};
  const double want[] = {0, 0, 1, 0, 0, 0, -1, 0, 0};
  double got[9];
  assert_ok(neap_cusum(9, x, h, got));
  assert_same(9, got, want, 0);
}

/* overlap -------------------------------------------------------------------------------------- */

static void overlap_equals_its_definition(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(8);
  int64_t first[90], last[90];
  double value[80], got[90];
  for (int round = 0; round < 300; round++) {
    int64_t n = (int64_t)neap_rng_below(&r, 90), bars = 1 + (int64_t)neap_rng_below(&r, 80);
    for (int64_t b = 0; b < bars; b++) value[b] = neap_rng_below(&r, 9) ? neap_rng_normal(&r) : NAN;
    for (int64_t i = 0; i < n; i++) {
      first[i] = (int64_t)neap_rng_below(&r, (uint64_t)bars);
      last[i] = first[i] + (int64_t)neap_rng_below(&r, (uint64_t)(bars - first[i]) + 1) - 1;
    }
    neap_spans s = {n, bars, first, last};
    for (int with_value = 0; with_value < 2; with_value++) {
      assert_ok(neap_uniqueness(&s, with_value ? value : NULL, got));
      for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t b = first[i]; b <= last[i]; b++) {
          int count = 0;
          for (int64_t k = 0; k < n; k++) count += first[k] <= b && b <= last[k];
          sum += (with_value ? isnan(value[b]) ? 0 : value[b] : 1.0) / count;
        }
        double want = with_value ? fabs(sum) : sum / (double)(last[i] - first[i] + 1);
        if (last[i] < first[i]) want = NAN;
        assert_same(1, &got[i], &want, F64_TOL);
      }
    }
  }
}

static void spans_outside_the_bars_are_refused(void **state) {
  (void)state;
  int64_t first[] = {0, 1}, last[] = {0, 3}, out[1];
  double got[2];
  neap_spans s = {2, 3, first, last};
  neap_rng r = neap_rng_make(1);
  assert_fails(neap_uniqueness(&s, NULL, got), NEAP_EINDEX, "label 2 spans bars 2 to 4 of 3");
  assert_fails(neap_sequential_bootstrap(&s, 1, 0, &r, out), NEAP_EINDEX, "label 2");
  first[0] = 5, last[1] = 0;
  assert_fails(neap_sequential_bootstrap(&s, 1, 0, &r, out), NEAP_EVALUE, "none of 2 rows");
}

/* Three labels, of which the second covers the first (Lopez de Prado 2018, 4.5.4): after the second
 * was drawn the third, which overlaps neither, is drawn more often than the others. */
static void bootstrap_prefers_what_is_alone(void **state) {
  (void)state;
  const int64_t first[] = {0, 0, 3, 9}, last[] = {1, 2, 4, 8};
  neap_spans s = {4, 5, first, last};
  int64_t out[3], counts[4] = {0};
  for (uint64_t seed = 0; seed < 3000; seed++) {
    neap_rng r = neap_rng_make(seed);
    assert_ok(neap_sequential_bootstrap(&s, 3, 0, &r, out));
    if (out[0] == 1) counts[out[1]]++;
  }
  assert_int_equal(counts[3], 0); /* has no label */
  double all = (double)(counts[0] + counts[1] + counts[2]);
  /* 1/2 : 1/2 : 1, about 1000 draws: 5 standard deviations of a share are 0.08. */
  assert_true(fabs((double)counts[2] / all - 0.5) < 0.08);
  assert_true(fabs((double)counts[0] / all - 0.25) < 0.08);
}

static void labels_survive_failing_memory(void **state) {
  (void)state;
  static market m;
  neap_rng r = neap_rng_make(9);
  make_market(&m, &r, 300);
  static int32_t touched[MOST];
  static int64_t exit[MOST], known[MOST], out[4];
  static double ret[MOST];
  neap_barriers b = {.n = 300,
                     .high = m.high,
                     .low = m.low,
                     .close = m.close,
                     .profit = 0.1,
                     .stop = 0.1,
                     .bars = 50};
  const int64_t first[] = {0, 1}, last[] = {0, 2};
  neap_spans s = {2, 3, first, last};
  with_every_allocation_failing({
    double threshold;
    neap_rng own = neap_rng_make(1);
    neap_status st = neap_triple_barrier(&b, touched, exit, known, ret);
    if (!st) st = neap_uniqueness(&s, NULL, ret);
    if (!st) st = neap_sequential_bootstrap(&s, 4, 0, &own, out);
    if (!st) st = neap_bar_ends(300, m.ends, known);
    if (!st) st = neap_future_max(300, m.close, 2, ret);
    if (!st) neap_threshold_of_share(300, m.high, 0.5, &threshold);
  });
}

static void labels_stop_on_interrupt(void **state) {
  (void)state;
  static market m;
  neap_rng r = neap_rng_make(9);
  make_market(&m, &r, 300);
  static int32_t touched[MOST];
  static int64_t exit[MOST], known[MOST];
  static double ret[MOST];
  neap_barriers b = {.n = 300,
                     .high = m.high,
                     .low = m.low,
                     .close = m.close,
                     .profit = 0.1,
                     .stop = 0.1,
                     .bars = 50};
  neap_interrupt_raise();
  assert_int_equal(neap_triple_barrier(&b, touched, exit, known, ret), NEAP_EINTERRUPT);
  assert_int_equal(neap_trend_scan(300, m.close, 3, 9, 1, ret, exit), NEAP_EINTERRUPT);
  assert_int_equal(neap_cusum(300, m.close, m.unit, ret), NEAP_EINTERRUPT);
  neap_interrupt_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(future_max_equals_its_definition),
      cmocka_unit_test(labels_say_what_comes_and_when),
      cmocka_unit_test(threshold_gives_the_share),
      cmocka_unit_test(threshold_splits_at_ties),
      cmocka_unit_test(barriers_equal_their_definition),
      cmocka_unit_test(barriers_refuse_what_makes_no_sense),
      cmocka_unit_test(trends_equal_their_definition),
      cmocka_unit_test(trends_of_lines_and_of_nothing),
      cmocka_unit_test(events_reset_one_sum),
      cmocka_unit_test(overlap_equals_its_definition),
      cmocka_unit_test(spans_outside_the_bars_are_refused),
      cmocka_unit_test(bootstrap_prefers_what_is_alone),
      cmocka_unit_test(labels_survive_failing_memory),
      cmocka_unit_test(labels_stop_on_interrupt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
