/* Indicators: the same as a plain oracle, as TA-Lib, as their own streams, and without look-ahead.
 */
#include "ta/ta.h"

#include <stdio.h>

#include "base/interrupt.h"
#include "base/rng.h"
#include "check.h"
#include "ta_oracle.h"
#include "ta_reference.h"

enum { BARS = 700 };

/* Columns by neap_ta_input: series (the close), open, high, low, close, volume. */
typedef struct {
  int64_t n, blind_from, blind_to; /* bars not to be compared */
  double column[6][BARS];
} market;

static void set_close(market *m, int64_t i, double open, double close, double width,
                      double volume) {
  m->column[NEAP_TA_OPEN][i] = open;
  m->column[NEAP_TA_HIGH][i] = fmax(open, close) + width;
  m->column[NEAP_TA_LOW][i] = fmin(open, close) - width / 2;
  m->column[NEAP_TA_CLOSE][i] = m->column[NEAP_TA_SERIES][i] = close;
  m->column[NEAP_TA_VOLUME][i] = volume;
}

/* A random walk about level, in steps of a thousandth of spread; every 40th bar has no range, every
 * 30th no volume, every 20th repeats the close. */
static market walk(uint64_t seed, double level, double spread) {
  market m = {.n = BARS};
  neap_rng rng = neap_rng_make(seed);
  double close = level;
  for (int64_t i = 0; i < BARS; i++) {
    double open = close, step = spread * neap_rng_normal(&rng);
    if (i % 20 != 7 && i % 40 != 11) close = open + step;
    double width = i % 40 == 11 ? 0 : fabs(spread * neap_rng_normal(&rng));
    set_close(&m, i, open, close, width, i % 30 == 3 ? 0 : 1000 * neap_rng_uniform(&rng));
  }
  return m;
}

static market flat(void) {
  market m = {.n = BARS};
  for (int64_t i = 0; i < BARS; i++) set_close(&m, i, 100.1, 100.1, 0, i < BARS / 2 ? 5 : 0);
  return m;
}

static market falling(void) {
  market m = {.n = BARS};
  for (int64_t i = 0; i < BARS; i++)
    set_close(&m, i, 1000.0 - (double)i, 999.5 - (double)i, 0.25, (double)(i % 7 + 1));
  return m;
}

static market with_outlier(void) {
  market m = walk(5, 100, 0.5);
  set_close(&m, 300, 100, 1e12, 1, 1e12);
  m.blind_from = 300;
  m.blind_to = 400;
  return m;
}

static market with_holes(void) {
  market m = walk(6, 100, 0.5);
  for (int64_t i = 0; i < BARS; i += 17)
    m.column[i % 6][i] = i % 2 ? NAN : INFINITY, m.column[NEAP_TA_SERIES][i] = NAN;
  m.column[NEAP_TA_HIGH][9] = -INFINITY;
  return m;
}

typedef struct {
  double column[NEAP_TA_MAX_OUTPUTS][BARS];
  double *out[NEAP_TA_MAX_OUTPUTS];
} results;

static double *const *room(results *r) {
  for (int k = 0; k < NEAP_TA_MAX_OUTPUTS; k++) r->out[k] = r->column[k];
  return r->out;
}

static void inputs_of(const neap_ta_indicator *ta, const market *m, const double **in) {
  for (int k = 0; k < ta->inputs; k++) in[k] = m->column[ta->input[k]];
}

static void run(const neap_ta_indicator *ta, const double *p, const market *m, results *r) {
  const double *in[NEAP_TA_MAX_INPUTS];
  inputs_of(ta, m, in);
  assert_ok(neap_ta_run(ta, p, m->n, in, room(r)));
}

/* Four sets of parameters for every indicator: the usual, TA-Lib's, the smallest, odd and long. */
enum { PARAM_SETS = 4 };

static void params_of(const neap_ta_indicator *ta, int set, double *p) {
  for (int i = 0; i < neap_ta_params(ta); i++) {
    const neap_ta_param *q = &ta->param[i];
    bool period = q->integer && q->high > 1;
    p[i] = set == 0 ? q->usual : set == 1 ? q->talib : set == 2 ? q->low : q->usual;
    if (set == 3 && period) p[i] = 2 * q->usual + 1;
    if (set == 3 && q->integer && !period) p[i] = 1;
  }
}

#define FOR_EACH_CASE(ta, p, set)                                                                  \
  for (int row_ = 0; row_ < neap_ta_count(); row_++)                                               \
    for (int set = 0; set < PARAM_SETS; set++)                                                     \
      for (const neap_ta_indicator *ta = neap_ta_at(row_); ta; ta = NULL)                          \
        for (double p[NEAP_TA_MAX_PARAMS] = {0}, *once_ = (params_of(ta, set, p), p); once_;       \
             once_ = NULL)

static bool same_bits(double a, double b) {
  return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static void assert_bits(const char *name, int set, int64_t n, const double *a, const double *b) {
  for (int64_t i = 0; i < n; i++)
    if (!same_bits(a[i], b[i]))
      fail_msg("%s, parameters %d: [%lld] is %.17g and %.17g", name, set, (long long)i, a[i], b[i]);
}

/* Errors are measured against the size of the answer, or of what it was subtracted from. */
static void assert_near(const char *what, int64_t n, const double *got, const double *want,
                        double tol, double scale) {
  for (int64_t i = 0; i < n; i++) {
    bool fine =
        isnan(want[i]) ? isnan(got[i]) : fabs(got[i] - want[i]) <= tol * fmax(fabs(want[i]), scale);
    if (!fine) fail_msg("%s[%lld] is %.17g, expected %.17g", what, (long long)i, got[i], want[i]);
  }
}

static void against_oracle(const market *m, double tol, double scale, const char *except) {
  static results got, want;
  FOR_EACH_CASE(ta, p, set) {
    if (except && strstr(except, ta->name)) continue;
    run(ta, p, m, &got);
    const double *in[NEAP_TA_MAX_INPUTS];
    inputs_of(ta, m, in);
    if (!oracle_run(ta->name, (oracle_args){m->n, in, p, room(&want)}, ta->outputs))
      fail_msg("no oracle for %s", ta->name);
    for (int k = 0; k < ta->outputs; k++) {
      for (int64_t i = m->blind_from; i < m->blind_to; i++)
        got.column[k][i] = want.column[k][i] = 0;
      char what[80];
      snprintf(what, sizeof what, "%s.%s, parameters %d, ", ta->name, ta->output[k], set);
      assert_near(what, m->n, got.column[k], want.column[k], tol, scale);
    }
  }
}

static void agrees_with_the_oracle_on_random_walks(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 3; seed++) {
    market m = walk(seed, 100, 0.5);
    against_oracle(&m, 1e-10, 1, "regime_volatility");
  }
}

/* In walk() a return of 0 enters a window of 20 bars as another leaves it, so that rounding decides
 * which of two volatilities ranks higher. */
static void volatility_regimes_agree_where_volatilities_differ(void **state) {
  (void)state;
  static results got, want;
  static market m;
  neap_rng rng = neap_rng_make(9);
  double close = 100;
  m.n = BARS;
  for (int64_t i = 0; i < BARS; i++) {
    double open = close;
    close *= exp(0.01 * neap_rng_normal(&rng));
    set_close(&m, i, open, close, 1, 1);
  }
  const neap_ta_indicator *ta = neap_ta_find("regime_volatility");
  for (int set = 0; set < PARAM_SETS; set++) {
    double p[NEAP_TA_MAX_PARAMS] = {0};
    const double *in[] = {m.column[NEAP_TA_CLOSE]};
    params_of(ta, set, p);
    run(ta, p, &m, &got);
    oracle_run(ta->name, (oracle_args){m.n, in, p, room(&want)}, 1);
    assert_same(m.n, got.column[0], want.column[0], 0);
  }
}

static void agrees_with_the_oracle_on_hard_series(void **state) {
  (void)state;
  market still = flat(), down = falling(), offset = walk(4, 1e8, 0.02);
  against_oracle(&still, F64_TOL, 1, NULL);
  against_oracle(&down, 1e-10, 1, NULL);
  /* Prices near 1e8 carry 1.5e-8 themselves; what is left is their noise. */
  against_oracle(&offset, 1e-6, 1, "tema dema hma macd apo ppo stochrsi");
}

static void an_outlier_is_forgotten_exactly(void **state) {
  (void)state;
  market m = with_outlier();
  /* Averages with an endless memory carry digits of 1e12 on. */
  against_oracle(&m, 1e-10, 1,
                 "ema rma dema tema macd ppo apo rsi cmo stochrsi tsi adx plus_di minus_di sar "
                 "supertrend atr natr keltner ad adosc obv kama regime_volatility");
}

static void deviation_is_exact_at_a_large_offset(void **state) {
  (void)state;
  static double x[BARS], y[BARS];
  for (int i = 0; i < BARS; i++) x[i] = 1e8 + (i % 2 ? 0.25 : -0.25);
  const double *in[] = {x}, p[] = {20, 0};
  double *out[] = {y};
  assert_ok(neap_ta_run(neap_ta_find("stddev"), p, BARS, in, out));
  for (int i = 19; i < BARS; i++) assert_true(y[i] == 0.25);
}

static void streams_give_the_bits_of_series(void **state) {
  (void)state;
  static results got;
  market m = with_holes();
  FOR_EACH_CASE(ta, p, set) {
    run(ta, p, &m, &got);
    neap_ta_stream *s;
    assert_ok(neap_ta_stream_new(&s, ta, p));
    for (int64_t i = 0; i < m.n; i++) {
      double in[NEAP_TA_MAX_INPUTS], out[NEAP_TA_MAX_OUTPUTS];
      for (int k = 0; k < ta->inputs; k++) in[k] = m.column[ta->input[k]][i];
      neap_ta_stream_push(s, in, out);
      for (int k = 0; k < ta->outputs; k++)
        assert_bits(ta->name, set, 1, &got.column[k][i], &out[k]);
    }
    neap_ta_stream_free(s);
  }
}

static void the_future_changes_nothing(void **state) {
  (void)state;
  static results whole, cut;
  market m = walk(8, 100, 0.5);
  FOR_EACH_CASE(ta, p, set) {
    run(ta, p, &m, &whole);
    const int64_t lengths[] = {0, 1, 2, 19, 20, 21, 77, 300};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
      market head = m;
      head.n = lengths[i];
      run(ta, p, &head, &cut);
      for (int k = 0; k < ta->outputs; k++)
        assert_bits(ta->name, set, head.n, cut.column[k], whole.column[k]);
    }
  }
}

/* A bar that is missing for this indicator. */
static bool missing(const neap_ta_indicator *ta, const market *m, int64_t i) {
  for (int k = 0; k < ta->inputs; k++)
    if (!isfinite(m->column[ta->input[k]][i])) return true;
  return false;
}

static void missing_bars_are_as_if_they_were_not_there(void **state) {
  (void)state;
  static results holed, without;
  market m = with_holes();
  FOR_EACH_CASE(ta, p, set) {
    run(ta, p, &m, &holed);
    market rest = {0};
    for (int64_t i = 0; i < m.n; i++) {
      if (missing(ta, &m, i)) continue;
      for (int c = 0; c < 6; c++) rest.column[c][rest.n] = m.column[c][i];
      rest.n++;
    }
    assert_true(rest.n < m.n);
    run(ta, p, &rest, &without);
    for (int64_t i = 0, j = 0; i < m.n; i++) {
      bool gone = missing(ta, &m, i);
      for (int k = 0; k < ta->outputs; k++) {
        double want = gone ? NAN : without.column[k][j];
        assert_bits(ta->name, set, 1, &holed.column[k][i], &want);
      }
      j += !gone;
    }
  }
}

static void warm_up_is_the_lookback(void **state) {
  (void)state;
  static results got;
  market m = walk(9, 100, 0.5);
  FOR_EACH_CASE(ta, p, set) {
    run(ta, p, &m, &got);
    int64_t lookback = ta->lookback(p);
    for (int k = 0; k < ta->outputs; k++)
      for (int64_t i = 0; i < m.n; i++)
        if (isnan(got.column[k][i]) != (i < lookback))
          fail_msg("%s, parameters %d: [%lld] is %g with lookback %lld", ta->name, set,
                   (long long)i, got.column[k][i], (long long)lookback);
  }
}

static void outputs_stay_in_their_range(void **state) {
  (void)state;
  static results got;
  const market markets[] = {walk(10, 100, 0.5), flat(), falling()};
  FOR_EACH_CASE(ta, p, set) {
    for (size_t w = 0; w < 3; w++) {
      run(ta, p, &markets[w], &got);
      for (int k = 0; k < ta->outputs; k++)
        for (int64_t i = 0; i < BARS; i++) {
          double v = got.column[k][i], slack = 1e-12 * fmax(1, fabs(v));
          if (!isnan(v) && (v < ta->low - slack || v > ta->high + slack))
            fail_msg("%s: %.17g is outside %g to %g", ta->name, v, ta->low, ta->high);
        }
    }
  }
}

static void long_series_are_cut_for_interrupts_without_a_trace(void **state) {
  (void)state;
  enum { LONG = 70000, PERIOD = 40000 };
  double *x = malloc(LONG * sizeof *x), *y = malloc(LONG * sizeof *y);
  for (int i = 0; i < LONG; i++) x[i] = i % 5;
  const double *in[] = {x}, p[] = {PERIOD};
  double *out[] = {y};
  assert_ok(neap_ta_run(neap_ta_find("sma"), p, LONG, in, out));
  for (int i = 0; i < LONG; i++)
    if (i < PERIOD - 1 ? !isnan(y[i]) : y[i] != 2) fail_msg("sma[%d] is %.17g", i, y[i]);
  free(x);
  free(y);
}

static void ctrl_c_stops_a_series(void **state) {
  (void)state;
  double x[3] = {1, 2, 3}, y[3];
  const double *in[] = {x}, p[] = {2};
  double *out[] = {y};
  int64_t live = neap_alloc_live();
  neap_interrupt_raise();
  assert_fails(neap_ta_run(neap_ta_find("sma"), p, 3, in, out), NEAP_EINTERRUPT, "interrupted");
  neap_interrupt_clear();
  assert_int_equal(neap_alloc_live(), live);
  assert_ok(neap_ta_run(neap_ta_find("sma"), p, 3, in, out));
}

static void bad_parameters_are_refused(void **state) {
  (void)state;
  const neap_ta_indicator *rsi = neap_ta_find("rsi"), *macd = neap_ta_find("macd");
  assert_fails(neap_ta_check(rsi, (const double[]){1}), NEAP_EARG,
               "rsi: period is 1, outside 2 to 100000");
  assert_fails(neap_ta_check(rsi, (const double[]){NAN}), NEAP_EARG, "outside");
  assert_fails(neap_ta_check(rsi, (const double[]){14.5}), NEAP_EARG,
               "rsi: period is 14.5, a whole number is needed");
  assert_fails(neap_ta_check(macd, (const double[]){26, 12, 9}), NEAP_EARG,
               "macd: fast is 26 and slow 12, fast must be below slow");
  assert_null(neap_ta_find("rsj"));
}

static void memory_that_runs_out_is_reported(void **state) {
  (void)state;
  const neap_ta_indicator *ta = neap_ta_find("stoch");
  const double x[] = {1, 2, 3}, *in[] = {x, x, x}, p[] = {2, 1, 1};
  double k[3], d[3], *out[] = {k, d};
  int failed = 0;
  with_every_allocation_failing(failed += neap_ta_run(ta, p, 3, in, out) == NEAP_ENOMEM);
  assert_int_equal(failed, 1);
}

static void run_on_csv(const neap_ta_indicator *ta, const double *p, const csv *bars,
                       double *const *out) {
  static const char *const names[] = {"close", "open", "high", "low", "close", "volume"};
  const double *in[NEAP_TA_MAX_INPUTS];
  for (int k = 0; k < ta->inputs; k++) in[k] = csv_column(bars, names[ta->input[k]]);
  assert_ok(neap_ta_run(ta, p, bars->rows, in, out));
}

static void compare_with_reference(const reference_case *c, const csv *bars, int64_t from) {
  static double columns[NEAP_TA_MAX_OUTPUTS][CSV_ROWS];
  const neap_ta_indicator *ta = neap_ta_find(c->indicator);
  assert_non_null(ta);
  char path[256];
  snprintf(path, sizeof path, REFERENCE "%s", c->file);
  csv values = csv_read(path);
  double *out[] = {columns[0], columns[1], columns[2]};
  run_on_csv(ta, c->param, bars, out);
  /* TA-Lib and Tulip take deviations from E[x^2] - E[x]^2, which costs them digits. */
  bool cancels = strcmp(ta->name, "stddev") == 0 || strcmp(ta->name, "var") == 0;
  for (int k = 0; k < ta->outputs; k++)
    if (c->column[k])
      assert_near(c->column[k], bars->rows - from, out[k] + from,
                  csv_column(&values, c->column[k]) + from, cancels ? 1e-6 : 1e-9, 1e-3);
  csv_free(&values);
}

static void equals_talib(void **state) {
  (void)state;
  if (!csv_present(REFERENCE SET)) skip();
  csv spy = csv_read(REFERENCE "talib/input_spy_daily.csv.gz"), set = csv_read(REFERENCE SET);
  for (size_t i = 0; i < sizeof reference_cases / sizeof *reference_cases; i++) {
    const reference_case *c = &reference_cases[i];
    compare_with_reference(c, strcmp(c->file, SET) == 0 ? &set : &spy, 0);
  }
  csv_free(&spy);
  csv_free(&set);
}

static void equals_other_libraries_where_talib_has_nothing(void **state) {
  (void)state;
  if (!csv_present(REFERENCE TULIP)) skip();
  csv spy = csv_read(REFERENCE "talib/input_spy_daily.csv.gz");
  for (size_t i = 0; i < sizeof second_cases / sizeof *second_cases; i++)
    compare_with_reference(&second_cases[i].as, &spy, second_cases[i].from);
  static double column[CSV_ROWS];
  double *out[] = {column};
  for (size_t i = 0; i < sizeof volatility_cases / sizeof *volatility_cases; i++) {
    const double p[] = {volatility_cases[i].period, 252};
    run_on_csv(neap_ta_find(volatility_cases[i].indicator), p, &spy, out);
    assert_number(column[spy.rows - 1], volatility_cases[i].want, F64_TOL);
  }
  csv_free(&spy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agrees_with_the_oracle_on_random_walks),
      cmocka_unit_test(volatility_regimes_agree_where_volatilities_differ),
      cmocka_unit_test(agrees_with_the_oracle_on_hard_series),
      cmocka_unit_test(an_outlier_is_forgotten_exactly),
      cmocka_unit_test(deviation_is_exact_at_a_large_offset),
      cmocka_unit_test(streams_give_the_bits_of_series),
      cmocka_unit_test(the_future_changes_nothing),
      cmocka_unit_test(missing_bars_are_as_if_they_were_not_there),
      cmocka_unit_test(warm_up_is_the_lookback),
      cmocka_unit_test(outputs_stay_in_their_range),
      cmocka_unit_test(long_series_are_cut_for_interrupts_without_a_trace),
      cmocka_unit_test(ctrl_c_stops_a_series),
      cmocka_unit_test(bad_parameters_are_refused),
      cmocka_unit_test(memory_that_runs_out_is_reported),
      cmocka_unit_test(equals_talib),
      cmocka_unit_test(equals_other_libraries_where_talib_has_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
