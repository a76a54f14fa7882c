#include "check.h"

#include "base/pool.h"
#include "base/rng.h"
#include "frame/preprocess.h"

/* ranges --------------------------------------------------------------------------------------- */

static void ranges_leave_out_nan(void **state) {
  (void)state;
  enum { N = 70001, F = 3 };
  static double x[N * F];
  neap_rng r = neap_rng_make(9);
  double want_low[] = {INFINITY, INFINITY, INFINITY},
         want_high[] = {-INFINITY, -INFINITY, -INFINITY};
  for (int64_t i = 0; i < N * F; i++) {
    x[i] = i % F == 2 || neap_rng_uniform(&r) < 0.1 ? NAN : neap_rng_uniform(&r) - 0.5;
    want_low[i % F] = fmin(want_low[i % F], x[i]); /* fmin passes NaN over */
    want_high[i % F] = fmax(want_high[i % F], x[i]);
  }
  double low[F], high[F];
  for (int threads = 1; threads <= 4; threads += 3) {
    assert_ok(neap_set_threads(threads));
    assert_ok(neap_column_range(N, F, x, low, high));
    assert_same(F, low, want_low, 0);
    assert_same(F, high, want_high, 0);
  }
  assert_ok(neap_column_range(0, F, NULL, low, high));
  assert_true(low[0] == INFINITY && high[0] == -INFINITY);
  assert_ok(neap_column_range(5, 0, x, low, high));
}

/* places and numbers --------------------------------------------------------------------------- */

static void places_lie_between_numbers(void **state) {
  (void)state;
  const double table[] = {1, 2, 2, 2, 6, -1, 0, 1, 2, 3};
  const double x[] = {0, -9, 1, -1, 1.5, -0.5, 2, 0, 3, 2.25, 6, 3, 7, 9, NAN, NAN};
  const double want[] = {0, 0, 0, 0, 0.5, 0.5, 2, 1, 3.25, 3.25, 4, 4, 4, 4, NAN, NAN};
  double got[16];
  neap_quantiles q = {8, 2, 5, table};
  assert_ok(neap_quantile_place(&q, x, got));
  assert_same(16, got, want, 0);
}

static void numbers_come_back_from_places(void **state) {
  (void)state;
  const double table[] = {1, 2, 4};
  const double place[] = {-1, 0, 0.25, 1, 1.5, 2, 9, NAN};
  const double want[] = {1, 1, 1.25, 2, 3, 4, 4, NAN};
  double got[8];
  neap_quantiles q = {8, 1, 3, table};
  assert_ok(neap_quantile_at(&q, place, got));
  assert_same(8, got, want, 0);
}

static void a_column_without_values_stays_missing(void **state) {
  (void)state;
  const double table[] = {NAN, NAN, 0, 1}, x[] = {1, 1};
  const double want[] = {NAN, 1};
  double got[2];
  neap_quantiles q = {1, 2, 2, table};
  assert_ok(neap_quantile_place(&q, x, got));
  assert_same(2, got, want, 0);
  assert_ok(neap_quantile_at(&q, x, got));
  assert_same(2, got, want, 0);
}

/* The definition, number by number. */
static double plain_place(const double *row, int64_t k, double v) {
  int64_t below = 0, equal = 0;
  for (int64_t i = 0; i < k; i++) {
    below += row[i] < v;
    equal += row[i] == v;
  }
  if (equal) return (double)below + 0.5 * (double)(equal - 1);
  if (below == 0) return 0;
  if (below == k) return (double)(k - 1);
  return (double)(below - 1) + (v - row[below - 1]) / (row[below] - row[below - 1]);
}

static void places_equal_the_definition_at_any_thread_count(void **state) {
  (void)state;
  enum { N = 5000, F = 3, K = 101 };
  static double table[F * K], x[N * F], got[N * F], want[N * F], row[F];
  neap_rng r = neap_rng_make(5);
  for (int64_t j = 0; j < F; j++)
    for (int64_t i = 0; i < K; i++)
      table[j * K + i] = (i ? table[j * K + i - 1] : 0) + (double)neap_rng_below(&r, 3) / 2;
  for (int64_t i = 0; i < N * F; i++) {
    x[i] = (double)neap_rng_below(&r, 240) / 4;
    want[i] = plain_place(table + i % F * K, K, x[i]);
  }
  neap_quantiles q = {N, F, K, table}, one = {1, F, K, table};
  for (int threads = 1; threads <= 4; threads += 3) {
    assert_ok(neap_set_threads(threads));
    assert_ok(neap_quantile_place(&q, x, got));
    assert_same(N * F, got, want, 0);
  }
  assert_ok(neap_quantile_place(&one, x + 7 * F, row)); /* a row alone */
  assert_same(F, row, want + 7 * F, 0);
  assert_ok(neap_quantile_at(&q, got, got));
  for (int64_t i = 0; i < N * F; i++) {
    const double *own = table + i % F * K;
    want[i] = fmin(fmax(x[i], own[0]), own[K - 1]);
  }
  assert_same(N * F, got, want, F64_TOL);
}

/* the normal quantile -------------------------------------------------------------------------- */

static void normal_quantile_inverts_the_distribution(void **state) {
  (void)state;
  const double p[] = {0, 1, 0.5, 0.975, 1e-300, 0.25, -0.1, 1.1, NAN};
  const double want[] = {-INFINITY, INFINITY, 0,  1.959963984540054, -37.0471, -0.674489750196082,
                         NAN,       NAN,      NAN};
  double got[9];
  assert_ok(neap_normal_quantile(9, p, got));
  assert_true(fabs(got[4] + 37.0471) < 1e-4); /* the figure has six digits */
  got[4] = want[4];
  assert_same(9, got, want, F64_TOL);
  for (int i = 1; i < 4000; i++) {
    double share = i / 4000.0, z;
    assert_ok(neap_normal_quantile(1, &share, &z));
    assert_true(fabs(0.5 * erfc(-z / sqrt(2.0)) - share) < 1e-15);
  }
}

/* filling -------------------------------------------------------------------------------------- */

static void filling_forward_stays_in_its_group(void **state) {
  (void)state;
  const double x[] = {NAN, 1, 5, NAN, 2, NAN, NAN, NAN};
  const int32_t group[] = {0, 1, 0, 1};
  const double want[] = {NAN, 1, 5, 9, 2, 1, 5, 9};
  const double alone[] = {NAN, 1, 5, 1, 2, 1, 2, 1};
  double last[] = {NAN, NAN, 5, 9}, none[] = {NAN, NAN}, got[8];
  const double y[] = {NAN, 1, NAN, NAN, 2, NAN, NAN, NAN}; /* group 1 knows 5 and 9 */
  const double after[] = {2, 1, 5, 9};
  assert_ok(neap_fill_forward(4, 2, y, group, last, got));
  assert_same(8, got, want, 0);
  assert_same(4, last, after, 0);
  assert_ok(neap_fill_forward(4, 2, x, NULL, none, got));
  assert_same(8, got, alone, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ranges_leave_out_nan),
      cmocka_unit_test(places_lie_between_numbers),
      cmocka_unit_test(numbers_come_back_from_places),
      cmocka_unit_test(a_column_without_values_stays_missing),
      cmocka_unit_test(places_equal_the_definition_at_any_thread_count),
      cmocka_unit_test(normal_quantile_inverts_the_distribution),
      cmocka_unit_test(filling_forward_stays_in_its_group),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
