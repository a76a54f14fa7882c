#include "check.h"

#include <stdlib.h>

#include "base/civil.h"
#include "base/interrupt.h"
#include "sim/bars.h"
#include "sim/perf.h"
#include "sim_checks.h"

/* bars ----------------------------------------------------------------------------------------- */

static const neap_bar_options plain = {.cash = 1e5, .allow_short = true, .end = NEAP_END_KEEP};

static neap_bar_prices prices_of(int64_t n, const double *open, const double *close) {
  return (neap_bar_prices){.n = n, .open = open, .close = close};
}

/* Run and drop; equity has n elements. Returns the number of closed trades. */
static int64_t run_targets(const neap_bar_prices *p, const neap_bar_options *o,
                           const double *target, double *equity) {
  neap_bar_run run;
  double position[64];
  assert_true(p->n <= 64);
  assert_ok(neap_bar_run_init(&run, p, o));
  assert_ok(neap_bar_run_targets(&run, target, 1, equity, position));
  int64_t trades = run.trade_count;
  neap_bar_run_drop(&run);
  return trades;
}

static void targets_fill_at_the_next_open(void **state) {
  (void)state;
  const double open[] = {10, 20, 25, 40}, close[] = {10, 20, 30, 50}, target[] = {1, 0, NAN, 1};
  const double want[] = {1e5, 1e5, 1.25e5, 1.25e5};
  double equity[4];
  neap_bar_prices p = prices_of(4, open, close);
  assert_int_equal(run_targets(&p, &plain, target, equity), 1);
  assert_same(4, equity, want, F64_TOL);
  neap_bar_options o = plain;
  o.fill_at_close = true;
  const double at_close[] = {1e5, 2e5, 2e5, 2e5};
  assert_int_equal(run_targets(&p, &o, target, equity), 1);
  assert_same(4, equity, at_close, F64_TOL);
}

static void all_equity_is_exact_at_any_price_scale(void **state) {
  (void)state;
  for (double scale = 1e-9; scale < 1e10; scale *= 10) {
    double open[] = {3.17 * scale, 3.29 * scale, 3 * scale},
           close[] = {3.1 * scale, 3.3 * scale, 7.77 * scale};
    const double target[] = {1, NAN, NAN};
    double equity[3];
    neap_bar_prices p = prices_of(3, open, close);
    for (double cash = 1; cash < 1e13; cash *= 1e3) {
      neap_bar_options o = plain;
      o.cash = cash;
      o.fee = 1e-3;
      run_targets(&p, &o, target, equity);
      assert_number(equity[2] / cash, 7.77 / 3.29 / 1.001, 1e-9); /* the promised rounding */
    }
  }
}

static void truncated_data_repeat_the_same_bits(void **state) {
  (void)state;
  double open[40], close[40], target[40], whole[40], part[40], price = 3;
  neap_rng r = neap_rng_make(3);
  for (int t = 0; t < 40; t++) {
    open[t] = price *= 1 + 0.2 * neap_rng_uniform(&r);
    close[t] = price *= 1 + 0.1 * neap_rng_normal(&r);
    target[t] = neap_rng_uniform(&r);
  }
  neap_bar_options o = plain;
  o.fee = 1e-3;
  o.slippage = 1e-4;
  neap_bar_prices p = prices_of(40, open, close);
  run_targets(&p, &o, target, whole);
  for (p.n = 1; p.n < 40; p.n++) {
    run_targets(&p, &o, target, part);
    assert_memory_equal(part, whole, (size_t)p.n * sizeof *part);
  }
}

/* The same rules in plain doubles. */
static void plain_run(const neap_bar_prices *p, const neap_bar_options *o, const double *target,
                      double *equity) {
  double cash = o->cash, q = 0, held = 0, order = NAN;
  for (int64_t t = 0; t < p->n; t++) {
    if (!isnan(order)) {
      double raw = p->open[t], side = order > 0 ? 1 : -1;
      if (q != 0 && (order == 0 || side * q < 0)) {
        double price = raw * (q > 0 ? 1 - o->slippage : 1 + o->slippage);
        cash += q * price - fabs(q) * price * o->fee - o->fixed_fee;
        q = 0;
      }
      for (int grow = 1; grow >= 0 && order != 0; grow--) {
        double price = raw * (side * (grow ? 1 : -1) > 0 ? 1 + o->slippage : 1 - o->slippage);
        double c = grow ? o->fee : -o->fee, f = fabs(order);
        double value = cash + q * price + c * fabs(q) * price - o->fixed_fee;
        double want = side * fmax(0, f * value / (price * (1 + f * c)));
        if (grow ? fabs(want) <= fabs(q) : fabs(want) >= fabs(q)) continue;
        cash -= (want - q) * price + fabs(want - q) * price * o->fee + o->fixed_fee;
        q = want;
        break;
      }
      order = NAN;
    }
    equity[t] = cash + q * p->close[t];
    if (!isnan(target[t]) && (target[t] != held || o->rebalance_always)) order = held = target[t];
  }
}

static void engine_matches_plain_doubles(void **state) {
  (void)state;
  enum { N = 64 };
  neap_rng r = neap_rng_make(5);
  for (int round = 0; round < 500; round++) {
    double open[N], close[N], target[N], equity[N], want[N], price = 100;
    for (int t = 0; t < N; t++) {
      open[t] = price *= 1 + 0.01 * neap_rng_normal(&r);
      close[t] = price *= 1 + 0.01 * neap_rng_normal(&r);
      target[t] = neap_rng_below(&r, 3) ? 2 * neap_rng_uniform(&r) - 1 : NAN;
      if (neap_rng_below(&r, 4) == 0) target[t] = (double)random_below(&r, 3) - 1;
    }
    neap_bar_options o = plain;
    o.fee = 1e-3;
    o.slippage = 5e-4;
    o.fixed_fee = round % 3;
    o.rebalance_always = round % 2;
    neap_bar_prices p = prices_of(N, open, close);
    run_targets(&p, &o, target, equity);
    plain_run(&p, &o, target, want);
    assert_same(N, equity, want, 1e-10); /* lots and ticks against doubles, over 64 bars */
  }
}

/* Whatever the options, to the last unit: equity has its two faces, trades add up to what was
 * realised, and a long-only account never owes cash. */
static void invariants_hold_under_every_option(void **state) {
  (void)state;
  enum { N = 50 };
  neap_rng r = neap_rng_make(21);
  for (int round = 0; round < 1000; round++) {
    double open[N], high[N], low[N], close[N], price = exp(10 * neap_rng_normal(&r));
    for (int t = 0; t < N; t++) {
      open[t] = price * (1 + 0.02 * neap_rng_normal(&r));
      close[t] = price *= exp(0.05 * neap_rng_normal(&r));
      high[t] = fmax(open[t], close[t]) * 1.01;
      low[t] = fmin(open[t], close[t]) * 0.99;
      if (t && t < N - 1 && neap_rng_below(&r, 10) == 0) close[t] = high[t] = NAN;
    }
    neap_bar_options o = {.cash = 1e5,
                          .fee = 0.01 * neap_rng_uniform(&r),
                          .fixed_fee = 10 * neap_rng_uniform(&r),
                          .slippage = 0.01 * neap_rng_uniform(&r),
                          .lot = round % 3 == 0 ? 1e5 / price / 20 : 0,
                          .fill_at_close = neap_rng_below(&r, 2),
                          .rebalance_always = neap_rng_below(&r, 2),
                          .allow_short = neap_rng_below(&r, 2),
                          .slip_entries_only = neap_rng_below(&r, 2),
                          .end = (neap_bar_end)neap_rng_below(&r, 3),
                          .stop_loss = 0.1 * neap_rng_uniform(&r),
                          .take_profit = 0.1 * neap_rng_uniform(&r),
                          .levels_from_signal = neap_rng_below(&r, 2)};
    for (int t = 0; o.fill_at_close && t < N; t++) close[t] = isnan(close[t]) ? low[t] : close[t];
    neap_bar_prices p = {.n = N, .open = open, .high = high, .low = low, .close = close};
    neap_bar_run run;
    assert_ok(neap_bar_run_init(&run, &p, &o));
    neap_money start = run.account.cash, sum = 0;
    for (int t = 0; t < N; t++) {
      double target = 2 * neap_rng_uniform(&r) - 1;
      if (neap_rng_below(&r, 3) == 0) target = NAN;
      assert_ok(neap_bar_run_begin(&run));
      assert_ok(neap_bar_run_target(&run, o.allow_short ? target : fabs(target)));
      assert_invariant(&run.account, start, run.mark);
      assert_true(o.allow_short || run.account.cash >= 0);
    }
    assert_ok(neap_bar_run_finish(&run));
    assert_invariant(&run.account, start, run.mark);
    for (int64_t i = 0; i < run.trade_count; i++) sum += run.trades[i].pnl;
    assert_true(sum == run.account.realised);
    assert_true(o.end == NEAP_END_KEEP || run.account.position == 0);
    neap_bar_run_drop(&run);
  }
}

static void rebalances_only_on_change_unless_asked(void **state) {
  (void)state;
  double open[32], close[32], target[32], equity[32], position[32];
  for (int t = 0; t < 32; t++) {
    open[t] = close[t] = 100 + t % 5;
    target[t] = 0.5;
  }
  neap_bar_prices p = prices_of(32, open, close);
  neap_bar_options o = plain;
  neap_bar_run run;
  for (int always = 0; always < 2; always++) {
    o.rebalance_always = always;
    assert_ok(neap_bar_run_init(&run, &p, &o));
    assert_ok(neap_bar_run_targets(&run, target, 1, equity, position));
    assert_int_equal(run.trade_count, always ? 24 : 0);
    if (always) assert_number(position[31] * close[31] / equity[31], 0.5, F64_TOL);
    neap_bar_run_drop(&run);
  }
}

static void whole_lots_are_never_overspent(void **state) {
  (void)state;
  const double open[] = {10, 10, 10}, close[] = {10, 10, 10}, target[] = {1, NAN, NAN};
  double equity[3], position[3];
  neap_bar_prices p = prices_of(3, open, close);
  neap_bar_options o = plain;
  neap_bar_run run;
  o.lot = 1;
  const struct {
    double cash, fee, fixed, shares;
  } cases[] = {{100, 0, 0, 10},    {99.99, 0, 0, 9},  {100, 0, 0.01, 9},
               {101, 0.01, 0, 10}, {100, 0.01, 0, 9}, {9, 0, 0, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    o.cash = cases[i].cash;
    o.fee = cases[i].fee;
    o.fixed_fee = cases[i].fixed;
    assert_ok(neap_bar_run_init(&run, &p, &o));
    assert_ok(neap_bar_run_targets(&run, target, 1, equity, position));
    assert_number(position[2], cases[i].shares, 0);
    assert_true(run.account.cash >= 0);
    neap_bar_run_drop(&run);
  }
}

static void end_closes_as_asked(void **state) {
  (void)state;
  const double open[] = {10, 10, 16}, close[] = {10, 10, 20}, target[] = {1, NAN, NAN};
  double equity[3];
  neap_bar_prices p = prices_of(3, open, close);
  neap_bar_options o = plain;
  o.slippage = 0.5; /* of the price at the exit too */
  o.slip_entries_only = true;
  const double want[] = {1e5 / 15 * 20, 1e5 / 15 * 20, 1e5 / 15 * 16};
  for (int end = NEAP_END_KEEP; end <= NEAP_END_OPEN; end++) {
    o.end = (neap_bar_end)end;
    assert_int_equal(run_targets(&p, &o, target, equity), end != NEAP_END_KEEP);
    assert_number(equity[2], want[end], F64_TOL);
  }
  o.slip_entries_only = false;
  o.end = NEAP_END_CLOSE;
  run_targets(&p, &o, target, equity);
  assert_number(equity[2], 1e5 / 15 * 10, F64_TOL);
}

/* One long entry at the open of bar 2 (price 100) with stop 5 %, target 10 %. */
static void stops_and_targets_inside_a_bar(void **state) {
  (void)state;
  const struct {
    double open, high, low, exit;
    int ambiguous;
  } cases[] = {
      {100, 104, 96, 100, 0},                         /* nothing: closed by nobody, marked at 100 */
      {100, 104, 95, 95, 0},                          /* touched to the tick */
      {100, 110, 96, 110, 0},  {100, 111, 94, 95, 1}, /* both: the stop is assumed first */
      {90, 92, 88, 90, 0},                            /* gap through the stop fills at the open */
      {120, 121, 119, 120, 0},                        /* and through the target */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double open[] = {100, 100, cases[i].open, 100}, close[] = {100, 100, 100, 100};
    double high[] = {100, 100, cases[i].high, 100}, low[] = {100, 100, cases[i].low, 100};
    const double target[] = {1, 1, 1, 1};
    double equity[4], position[4];
    neap_bar_prices p = {.n = 4, .open = open, .high = high, .low = low, .close = close};
    neap_bar_options o = plain;
    o.stop_loss = 0.05;
    o.take_profit = 0.10;
    neap_bar_run run;
    assert_ok(neap_bar_run_init(&run, &p, &o));
    assert_ok(neap_bar_run_targets(&run, target, 1, equity, position));
    assert_number(equity[3], 1000 * cases[i].exit, F64_TOL);
    assert_int_equal(run.ambiguous, cases[i].ambiguous);
    assert_int_equal(run.trade_count, i > 0); /* and the constant target does not enter again */
    neap_bar_run_drop(&run);
  }
}

static void short_stops_on_the_entry_bar(void **state) {
  (void)state;
  const double open[] = {100, 100, 100, 100}, high[] = {100, 106, 100, 100};
  const double low[] = {100, 85, 100, 100}, close[] = {100, 100, 100, 100};
  const double target[] = {-1, NAN, -1, NAN};
  double equity[4];
  neap_bar_prices p = {.n = 4, .open = open, .high = high, .low = low, .close = close};
  neap_bar_options o = plain;
  o.stop_loss = 0.05;
  o.take_profit = 0.10;
  assert_int_equal(run_targets(&p, &o, target, equity), 1);
  assert_number(equity[1], 95000, F64_TOL); /* entered at 100, stopped at 105 in the same bar */
  assert_number(equity[3], 95000, F64_TOL); /* entered again: NaN lay between the two targets */
}

static void ruin_ends_trading(void **state) {
  (void)state;
  const double open[] = {10, 10, 25, 20, 5}, close[] = {10, 10, 30, 20, 5};
  const double target[] = {-1, -1, -1, 1, 1};
  const double want[] = {1e5, 1e5, -1e5, 0, 0};
  double equity[5], position[5];
  neap_bar_prices p = prices_of(5, open, close);
  neap_bar_run run;
  assert_ok(neap_bar_run_init(&run, &p, &plain));
  assert_ok(neap_bar_run_targets(&run, target, 1, equity, position));
  assert_same(5, equity, want, F64_TOL);
  assert_int_equal(run.ruined, 2);
  assert_int_equal(run.trade_count, 1);
  neap_bar_run_drop(&run);
}

/* Bought at 100 and sold at 200 two hundred times: no count of lots holds 2^200. */
static void endless_profits_are_capped(void **state) {
  (void)state;
  static double open[400], close[400], target[400], equity[400], position[400];
  for (int i = 0; i < 400; i++) {
    open[i] = i % 2 ? 100 : 200;
    close[i] = 150;
    target[i] = i % 2 == 0;
  }
  neap_bar_prices p = prices_of(400, open, close);
  neap_bar_run run;
  assert_ok(neap_bar_run_init(&run, &p, &plain));
  assert_ok(neap_bar_run_targets(&run, target, 1, equity, position));
  assert_true(run.capped > 100);
  assert_true(equity[399] > equity[300] && equity[399] < INFINITY);
  neap_bar_run_drop(&run);
}

static neap_status try_run(const neap_bar_prices *p, const neap_bar_options *o,
                           const double *target) {
  neap_bar_run run;
  double equity[8], position[8];
  neap_status st = neap_bar_run_init(&run, p, o);
  if (!st) st = neap_bar_run_targets(&run, target, 1, equity, position);
  neap_bar_run_drop(&run);
  return st;
}

static void missing_and_bad_prices(void **state) {
  (void)state;
  double open[] = {10, 10, 10}, close[] = {10, NAN, 12};
  const double target[] = {1, 0, NAN};
  double equity[3];
  neap_bar_prices p = prices_of(3, open, close);
  run_targets(&p, &plain, target, equity);
  assert_number(equity[1], 1e5, F64_TOL); /* no close at bar 2: the previous mark stands */
  neap_bar_options o = plain;
  const double hold[] = {1, 1, 1};
  o.end = NEAP_END_CLOSE;
  close[2] = NAN;
  assert_fails(try_run(&p, &o, hold), NEAP_EVALUE, "close of bar 3 is NaN");
  close[2] = 12;
  open[2] = NAN;
  assert_fails(try_run(&p, &plain, target), NEAP_EVALUE, "open of bar 3 is NaN");
  open[2] = -1;
  assert_fails(try_run(&p, &plain, target), NEAP_EVALUE, "open of bar 3 is -1");
  open[2] = INFINITY;
  assert_fails(try_run(&p, &plain, target), NEAP_EVALUE, "open of bar 3 is inf");
  p.n = 0;
  assert_fails(try_run(&p, &plain, target), NEAP_ESHAPE, "no bars");
  const double nan[] = {NAN, NAN, NAN};
  p = prices_of(3, nan, nan);
  assert_fails(try_run(&p, &plain, target), NEAP_EVALUE, "every open and close is NaN");
}

static void bad_options_and_targets(void **state) {
  (void)state;
  const double x[] = {10, 10, 10};
  const double high[] = {0, 1.5, 0}, nan[] = {NAN, NAN, NAN}, down[] = {0, -0.5, 0};
  neap_bar_prices p = prices_of(3, x, x);
  neap_bar_options o = plain;
  assert_fails(try_run(&p, &o, high), NEAP_EARG, "target of bar 2 is 1.5");
  o.allow_short = false;
  assert_fails(try_run(&p, &o, down), NEAP_EARG, "allow_short");
  o.cash = -5;
  assert_fails(try_run(&p, &o, nan), NEAP_EARG, "cash is -5");
  o = plain;
  o.fee = -1;
  assert_fails(try_run(&p, &o, nan), NEAP_EARG, "fee is -1");
  o = plain;
  o.fixed_fee = NAN;
  assert_fails(try_run(&p, &o, nan), NEAP_EARG, "fixed_fee is nan");
  o = plain;
  o.stop_loss = 0.1;
  assert_fails(try_run(&p, &o, nan), NEAP_EARG, "need bars.high");
  neap_bar_run run;
  p.n = 1;
  assert_ok(neap_bar_run_init(&run, &p, &plain));
  assert_ok(neap_bar_run_begin(&run));
  assert_fails(neap_bar_run_begin(&run), NEAP_EINDEX, "bar 2 asked, 1 given");
  neap_bar_run_drop(&run);
}

static void memory_and_interrupts(void **state) {
  (void)state;
  const double open[] = {10, 11, 12, 13}, target[] = {1, 0, 1, 0};
  neap_bar_prices p = prices_of(4, open, open);
  int failures = 0;
  with_every_allocation_failing({
    neap_status st = try_run(&p, &plain, target);
    if (st) failures++;
    assert_true(st == NEAP_OK || st == NEAP_ENOMEM);
  });
  assert_int_equal(failures, 1);
  neap_interrupt_raise();
  assert_fails(try_run(&p, &plain, target), NEAP_EINTERRUPT, "interrupted");
  double out[4];
  neap_performance figures;
  assert_fails(neap_perf_returns(4, open, 1, out), NEAP_EINTERRUPT, "interrupted");
  assert_fails(neap_perf_drawdown(4, open, 1, out), NEAP_EINTERRUPT, "interrupted");
  assert_fails(neap_perf_measure(&figures, 4, open, 1, 4, open, 1, 1), NEAP_EINTERRUPT,
               "interrupted");
  neap_interrupt_clear();
  assert_ok(try_run(&p, &plain, target));
}

/* performance ---------------------------------------------------------------------------------- */

static neap_performance measure(int64_t n, const double *returns, double per_year) {
  double equity[16];
  neap_performance p;
  assert_ok(neap_perf_equity(n, returns, 1, equity));
  assert_ok(neap_perf_measure(&p, n, equity, 1, n, returns, per_year, (double)n / per_year));
  return p;
}

static void performance_by_hand(void **state) {
  (void)state;
  const double r[] = {0.1, -0.05, -0.1, 0.02, 0.2};
  neap_performance p = measure(5, r, 4);
  double total = 1.1 * 0.95 * 0.9 * 1.02 * 1.2;
  assert_number(p.total_return, total - 1, F64_TOL);
  assert_number(p.cagr, pow(total, 4.0 / 5) - 1, F64_TOL);
  double squares = 0;
  for (int i = 0; i < 5; i++) squares += (r[i] - 0.034) * (r[i] - 0.034);
  assert_number(p.volatility, sqrt(squares / 4) * 2, F64_TOL);
  assert_number(p.sharpe, 0.034 / sqrt(squares / 4) * 2, F64_TOL);
  assert_number(p.sortino, 0.034 / sqrt(0.0125 / 5) * 2, F64_TOL);
  assert_number(p.max_drawdown, 1 - 0.95 * 0.9, F64_TOL);
  assert_int_equal(p.max_drawdown_bars, 3);
  assert_number(p.calmar, p.cagr / p.max_drawdown, F64_TOL);
  assert_number(p.best, 0.2, 0);
  assert_number(p.worst, -0.1, 0);
}

static void undefined_figures_are_nan(void **state) {
  (void)state;
  const double flat[] = {0.001, 0.001, 0.001}, loss[] = {0.1, -1, 0.1}, one[] = {0.1};
  neap_performance p = measure(3, flat, 252);
  assert_true(p.volatility == 0 && isnan(p.sharpe) && isnan(p.sortino) && isnan(p.calmar));
  assert_true(isnan(p.skew) && isnan(p.kurtosis));
  p = measure(3, loss, 252);
  assert_true(p.total_return == -1 && p.cagr == -1 && p.max_drawdown == 1);
  assert_true(isnan(p.sharpe) && isnan(p.volatility) && isnan(p.calmar));
  p = measure(1, one, 252);
  assert_true(isnan(p.volatility) && isnan(p.sharpe) && p.mean == 0.1);
  p = measure(0, one, 252);
  assert_true(p.total_return == 0 && isnan(p.mean) && p.max_drawdown == 0);
  p = measure(3, loss, NAN);
  assert_true(isnan(p.cagr));
  const double bad[] = {0.1, NAN};
  double equity[2];
  assert_fails(neap_perf_equity(2, bad, 1, equity), NEAP_EVALUE, "return 2 is NaN");
}

static void periods_per_year(void **state) {
  (void)state;
  const int64_t hour = INT64_C(3600000000000);
  int64_t time[] = {0, hour, 2 * hour, 3 * hour};
  double per_year;
  assert_ok(neap_perf_per_year(4, time, &per_year));
  assert_number(per_year, 24 * 365.25, F64_TOL);
  assert_ok(neap_perf_per_year(1, time, &per_year));
  assert_true(isnan(per_year));
  time[2] = hour;
  assert_fails(neap_perf_per_year(4, time, &per_year), NEAP_EVALUE, "time of bar 3");
  time[0] = NEAP_NAT;
  assert_fails(neap_perf_per_year(1, time, &per_year), NEAP_EVALUE, "time of bar 1 is missing");
}

/* Bailey and Lopez de Prado 2014, the worked example: SR 2.5 a year over 1250 days. */
static void deflated_sharpe_of_the_paper(void **state) {
  (void)state;
  const struct {
    double trials, dsr, luck;
  } cases[] = {{46, 0.9505017068755787, 0.10036237061765357},
               {88, 0.910153014744707, 0.11114576178358426},
               {100, 0.9003968344493903, 0.11317200186513214}};
  for (int i = 0; i < 3; i++) {
    double luck = neap_perf_expected_max(cases[i].trials, 0.5 / 250);
    assert_number(luck, cases[i].luck, F64_TOL);
    assert_number(neap_perf_psr(2.5 / sqrt(250), luck, 1250, -3, 10), cases[i].dsr, F64_TOL);
  }
  assert_number(neap_perf_expected_max(1, 1), 0, 0);
  assert_true(isnan(neap_perf_expected_max(0, 1)) && isnan(neap_perf_psr(1, 0, 1, 0, 3)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(targets_fill_at_the_next_open),
      cmocka_unit_test(all_equity_is_exact_at_any_price_scale),
      cmocka_unit_test(truncated_data_repeat_the_same_bits),
      cmocka_unit_test(engine_matches_plain_doubles),
      cmocka_unit_test(invariants_hold_under_every_option),
      cmocka_unit_test(rebalances_only_on_change_unless_asked),
      cmocka_unit_test(whole_lots_are_never_overspent),
      cmocka_unit_test(end_closes_as_asked),
      cmocka_unit_test(stops_and_targets_inside_a_bar),
      cmocka_unit_test(short_stops_on_the_entry_bar),
      cmocka_unit_test(ruin_ends_trading),
      cmocka_unit_test(endless_profits_are_capped),
      cmocka_unit_test(missing_and_bad_prices),
      cmocka_unit_test(bad_options_and_targets),
      cmocka_unit_test(memory_and_interrupts),
      cmocka_unit_test(performance_by_hand),
      cmocka_unit_test(undefined_figures_are_nan),
      cmocka_unit_test(periods_per_year),
      cmocka_unit_test(deflated_sharpe_of_the_paper),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
