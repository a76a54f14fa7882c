/* Windows over rows in C: every statistic against each window on its own, failing allocations,
 * interrupts, the same bits at any thread count. What the statistics are is held to pandas in Lua.
 */
#include "check.h"

#include "base/civil.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "frame/window.h"

enum { ROWS = 1200, GROUPS = 3 };

static double x[ROWS], u[ROWS], y[ROWS], other[ROWS];
static int64_t when[ROWS], offset[GROUPS + 1];
static int32_t rows[ROWS];

/* Rows dealt to the groups in turn, but every seventh to none; the second group is empty. */
static neap_panel panel(void) {
  neap_rng r = neap_rng_make(3);
  int64_t places = 0, t = 0;
  for (int64_t i = 0; i < ROWS; i++) {
    x[i] = i % 11 == 5 ? NAN : neap_rng_normal(&r);
    u[i] = i % 13 == 6 ? NAN : neap_rng_normal(&r);
    when[i] = t += (int64_t)neap_rng_below(&r, 4);
  }
  for (int k = 0; k < GROUPS; k++) {
    offset[k] = places;
    for (int32_t i = 0; i < ROWS && k != 1; i++)
      if (i % 7 != 3 && i % 2 == k / 2) rows[places++] = i;
  }
  offset[GROUPS] = places;
  return (neap_panel){ROWS, places, GROUPS, rows, offset};
}

static double count_and_sum(const neap_panel *g, int64_t low, int64_t high, double *sum) {
  double count = 0;
  *sum = 0;
  for (int64_t p = low; p < high; p++) {
    double v = x[g->rows[p]];
    count += !isnan(v);
    *sum += isnan(v) ? 0 : v;
  }
  return count;
}

static void assert_sums(const neap_panel *g, const int64_t *begin, const int64_t *end) {
  for (int64_t p = 0; p < g->places; p++) {
    double sum, count = count_and_sum(g, begin[p], end[p], &sum), got = y[g->rows[p]];
    if (count < 2) assert_true(isnan(got));
    else assert_true(fabs(got - sum) < 1e-12);
  }
  for (int64_t i = 3; i < ROWS; i += 7) assert_true(isnan(y[i]));
}

static void windows_of_time_hold_the_rows_in_them(void **state) {
  (void)state;
  neap_panel g = panel();
  neap_rolling_options o = {.n = 1, .min_count = 2};
  for (int side = 0; side < 4; side++) {
    neap_tensor begin, end;
    int64_t width, low[ROWS], high[ROWS];
    bool left = side & 1, right = side & 2;
    assert_ok(neap_time_windows(&begin, &end, &width, &g, when, 9, left, right));
    assert_int_equal(width, 0);
    neap_windows w = {.begin = neap_tensor_data(&begin),
                      .end = right ? NULL : neap_tensor_data(&end)};
    assert_ok(neap_panel_roll(y, &g, NEAP_ROLLING_SUM, x, NULL, &w, &o));
    for (int k = 0; k < GROUPS; k++)
      for (int64_t p = offset[k]; p < offset[k + 1]; p++) {
        int64_t t = when[rows[p]];
        for (low[p] = offset[k]; low[p] < p; low[p]++) {
          int64_t age = t - when[rows[low[p]]];
          if (age < 9 || (left && age == 9)) break;
        }
        for (high[p] = right ? p + 1 : low[p]; !right && high[p] < p; high[p]++)
          if (when[rows[high[p]]] == t) break;
      }
    assert_sums(&g, low, high);
    neap_tensor_drop(&begin);
    neap_tensor_drop(&end);
  }
}

static void a_regular_clock_has_windows_of_rows(void **state) {
  (void)state;
  neap_panel g = panel();
  neap_tensor begin, end;
  int64_t width;
  for (int64_t i = 0; i < ROWS; i++) when[i] = i;
  g.rows = NULL;
  g.places = offset[1] = offset[2] = offset[3] = ROWS;
  assert_ok(neap_time_windows(&begin, &end, &width, &g, when, 20, false, true));
  assert_int_equal(width, 20);
  assert_null(begin.storage);
  when[600] = NEAP_NAT;
  assert_fails(neap_time_windows(&begin, &end, &width, &g, when, 20, false, true), NEAP_EVALUE,
               "the time of row 601 is missing");
  when[600] = 5;
  assert_fails(neap_time_windows(&begin, &end, &width, &g, when, 20, false, false), NEAP_EVALUE,
               "the time of row 601 is before that of row 600; sort the frame first");
  when[600] = 600;
  when[0] = INT64_MIN + 1; /* as far apart as times can be */
  when[ROWS - 1] = INT64_MAX;
  assert_ok(neap_time_windows(&begin, &end, &width, &g, when, INT64_MAX, true, true));
  assert_int_equal(width, 0);
  assert_int_equal(((int64_t *)neap_tensor_data(&begin))[ROWS - 1], 1);
  neap_tensor_drop(&begin);
}

static void rows_of_no_group_are_missing(void **state) {
  (void)state;
  const int64_t none[] = {0};
  neap_panel g = {.n = ROWS, .offset = none};
  neap_windows w = {.before = 3};
  neap_rolling_options o = {.n = 1};
  for (int64_t i = 0; i < ROWS; i++) y[i] = 7;
  assert_ok(neap_panel_roll(y, &g, NEAP_ROLLING_SUM, x, NULL, &w, &o));
  for (int64_t i = 0; i < ROWS; i++) assert_true(isnan(y[i]));
}

static neap_status everything(const neap_panel *g, double *to) {
  neap_tensor begin, end;
  int64_t width;
  neap_rolling_options o = {.n = 1, .min_count = 1, .parameter = 0.5};
  NEAP_TRY(neap_time_windows(&begin, &end, &width, g, when, 700, true, false));
  neap_windows time = {.begin = neap_tensor_data(&begin), .end = neap_tensor_data(&end)};
  neap_windows few = {.before = 6}, many = {.before = 450, .skip = 1};
  const neap_windows *all[] = {&time, &few, &many};
  neap_status st = NEAP_OK;
  for (int k = 0; k < 3; k++)
    for (int op = 0; op < NEAP_ROLLINGS && !st; op++) {
      bool two = op == NEAP_ROLLING_COV || op == NEAP_ROLLING_CORR;
      st = neap_panel_roll(y, g, (neap_rolling)op, x, two ? u : NULL, all[k], &o);
      for (int64_t i = 0; i < ROWS; i++) to[i] = isnan(y[i]) ? to[i] : 3 * to[i] + y[i];
    }
  neap_tensor_drop(&begin);
  neap_tensor_drop(&end);
  neap_ewm_options e = {.alpha = 0.2, .adjust = true};
  for (int op = NEAP_EWM_MEAN; op <= NEAP_EWM_CORR && !st; op++)
    st = neap_panel_ewm(y, g, (neap_ewm)op, x, u, &e);
  e.time = when;
  e.half_life = 5;
  if (!st) st = neap_panel_ewm(y, g, NEAP_EWM_MEAN, x, NULL, &e);
  for (int64_t k = -3; k <= 3 && !st; k++) st = neap_panel_lag(y, g, NEAP_LAG_CHANGE, x, k);
  return st;
}

static void survives_failing_allocations_and_interrupts(void **state) {
  (void)state;
  neap_panel g = panel();
  with_every_allocation_failing({
    neap_status st = everything(&g, other);
    if (st && st != NEAP_ENOMEM) fail_msg("%s", neap_last_error());
  });
  neap_interrupt_raise();
  assert_fails(everything(&g, other), NEAP_EINTERRUPT, "");
  neap_interrupt_clear();
}

static void gives_the_same_bits_at_any_thread_count(void **state) {
  (void)state;
  static double one[ROWS], four[ROWS];
  neap_panel g = panel();
  assert_ok(neap_set_threads(1));
  assert_ok(everything(&g, one));
  assert_ok(neap_set_threads(4));
  assert_ok(everything(&g, four));
  assert_memory_equal(one, four, sizeof one);
}

static void lags_stay_in_their_group(void **state) {
  (void)state;
  neap_panel g = panel();
  const int64_t far[] = {-INT64_MAX, -2, -1, 0, 1, 2, INT64_MAX};
  for (size_t f = 0; f < sizeof far / sizeof *far; f++) {
    assert_ok(neap_panel_lag(y, &g, NEAP_LAG_SHIFT, x, far[f]));
    for (int k = 0; k < GROUPS; k++)
      for (int64_t p = offset[k]; p < offset[k + 1]; p++) {
        int64_t from = far[f] < -ROWS || far[f] > ROWS ? -1 : p - far[f];
        bool there = from >= offset[k] && from < offset[k + 1];
        double want = there ? x[rows[from]] : NAN;
        assert_true(isnan(want) ? isnan(y[rows[p]]) : y[rows[p]] == want);
      }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(windows_of_time_hold_the_rows_in_them),
      cmocka_unit_test(rows_of_no_group_are_missing),
      cmocka_unit_test(a_regular_clock_has_windows_of_rows),
      cmocka_unit_test(survives_failing_allocations_and_interrupts),
      cmocka_unit_test(gives_the_same_bits_at_any_thread_count),
      cmocka_unit_test(lags_stay_in_their_group),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
