#include "check.h"

#include <stdlib.h>

#include "base/civil.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "frame/group.h"

/* columns ---------------------------------------------------------------------------------------
 */

static neap_series column(neap_column_kind kind, neap_dtype dtype, int64_t n, const void *x) {
  neap_series s = {.kind = kind, .name = "x"};
  assert_ok(neap_tensor_init_1d(&s.values, dtype, n));
  if (n) memcpy(neap_tensor_data(&s.values), x, (size_t)n * neap_dtype_size(dtype));
  return s;
}

static neap_series numbers(int64_t n, const double *x) {
  return column(NEAP_COLUMN_NUMBER, NEAP_F64, n, x);
}

static neap_series integers(int64_t n, const int64_t *x) {
  return column(NEAP_COLUMN_NUMBER, NEAP_I64, n, x);
}

static void drop(neap_series *s, int count) {
  for (int k = 0; k < count; k++) neap_tensor_drop(&s[k].values);
}

/* groups ----------------------------------------------------------------------------------------
 */

/* Equal words or not, by comparing every row with every other: groups in order of appearance. */
static void check_against_plain(int64_t n, const int64_t *a, const double *b) {
  neap_series keys[2] = {integers(n, a), numbers(n, b)};
  neap_groups g;
  assert_ok(neap_groups_make(&g, n, 2, keys, false, true));
  int32_t next = 0;
  for (int64_t i = 0; i < n; i++) {
    int32_t want = -1;
    for (int64_t j = 0; j < i && want < 0 && !isnan(b[i]); j++)
      if (a[j] == a[i] && b[j] == b[i]) want = g.id[j];
    if (want < 0 && !isnan(b[i])) {
      want = next++;
      assert_int_equal(g.first[want], i);
    }
    assert_int_equal(g.id[i], want);
  }
  assert_int_equal(g.count, next);
  assert_ok(neap_groups_order(&g));
  for (int64_t k = 0; k < g.count; k++)
    for (int64_t p = g.start[k]; p < g.start[k + 1]; p++) {
      assert_int_equal(g.id[g.order[p]], k);
      if (p > g.start[k]) assert_true(g.order[p] > g.order[p - 1]);
    }
  neap_groups_drop(&g);
  drop(keys, 2);
}

static void rows_with_equal_keys_share_a_number(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(5);
  int64_t a[300];
  double b[300];
  for (int round = 0; round < 60; round++) {
    int64_t n = (int64_t)neap_rng_below(&r, 300);
    uint64_t far = round % 2 ? UINT64_C(1) << 61 : 1; /* hashing, or a table */
    for (int64_t i = 0; i < n; i++) {
      a[i] = (int64_t)(neap_rng_below(&r, 5) * far - 2);
      b[i] = neap_rng_uniform(&r) < 0.1 ? NAN : (double)neap_rng_below(&r, 4) * -0.25;
    }
    check_against_plain(n, a, b);
  }
}

static void sorted_numbers_follow_the_keys(void **state) {
  (void)state;
  const double x[] = {INFINITY, -0.0, 3, NAN, -INFINITY, 0, 5e-324, -1e300};
  const int32_t want[] = {5, 2, 4, 6, 0, 2, 3, 1};
  neap_series s = numbers(8, x);
  neap_groups g;
  assert_ok(neap_groups_make(&g, 8, 1, &s, true, false));
  assert_int_equal(g.count, 7);
  for (int i = 0; i < 8; i++) assert_int_equal(g.id[i], want[i]);
  neap_groups_drop(&g);
  drop(&s, 1);
  const int64_t time[] = {INT64_MAX, NEAP_NAT, INT64_MIN + 1, 0, -1};
  const int32_t order[] = {3, 4, 0, 2, 1};
  neap_series t = column(NEAP_COLUMN_TIME, NEAP_I64, 5, time);
  assert_ok(neap_groups_make(&g, 5, 1, &t, true, false));
  for (int i = 0; i < 5; i++) assert_int_equal(g.id[i], order[i]);
  neap_groups_drop(&g);
  drop(&t, 1);
}

static void ends_of_the_range_are_keys(void **state) {
  (void)state;
  const int64_t x[] = {INT64_MIN, INT64_MAX, INT64_MIN, 0};
  neap_series s = integers(4, x);
  neap_groups g;
  assert_ok(neap_groups_make(&g, 4, 1, &s, true, true));
  assert_int_equal(g.count, 3);
  assert_int_equal(g.id[0], 0);
  assert_int_equal(g.id[1], 2);
  neap_groups_drop(&g);
  drop(&s, 1);
}

static void no_key_is_one_group_and_no_row_none(void **state) {
  (void)state;
  neap_groups g;
  assert_ok(neap_groups_make(&g, 3, 0, NULL, true, true));
  assert_int_equal(g.count, 1);
  neap_groups_drop(&g);
  assert_ok(neap_groups_make(&g, 0, 0, NULL, true, true));
  assert_int_equal(g.count, 0);
  assert_ok(neap_groups_order(&g));
  neap_groups_drop(&g);
  assert_fails(neap_groups_make(&g, INT32_MAX, 0, NULL, true, true), NEAP_EARG, "rows, at most");
}

static void codes_have_labels(void **state) {
  (void)state;
  const int32_t code[] = {1, 0, 3}, rank[] = {0, 1, 0, 1};
  neap_series s = column(NEAP_COLUMN_CATEGORY, NEAP_I32, 3, code);
  neap_groups g;
  s.labels = s.places = 2;
  assert_fails(neap_groups_make(&g, 3, 1, &s, true, true), NEAP_EINDEX, "row 3 has code 3");
  s.labels = 3;
  s.rank = rank;
  assert_ok(neap_groups_make(&g, 3, 1, &s, true, true));
  assert_int_equal(g.count, 1); /* labels 1 and 3 say the same */
  assert_int_equal(g.id[1], -1);
  neap_groups_drop(&g);
  drop(&s, 1);
}

/* statistics ------------------------------------------------------------------------------------
 */

static void statistics_of_a_small_group(void **state) {
  (void)state;
  const double x[] = {2, NAN, 4, 9}, w[] = {1, 1, 3, NAN};
  const neap_group_statistic which[] = {NEAP_GROUP_COUNT, NEAP_GROUP_SUM,   NEAP_GROUP_MEAN,
                                        NEAP_GROUP_VAR,   NEAP_GROUP_MIN,   NEAP_GROUP_MAX,
                                        NEAP_GROUP_FIRST, NEAP_GROUP_WMEAN, NEAP_GROUP_QUANTILE};
  const double want[] = {3, 15, 5, 13, 2, 9, 2, 3.5, 4}, q[9] = {[8] = 0.5};
  const int64_t zero = 0;
  neap_series s = numbers(4, x);
  neap_groups g;
  neap_tensor out[9];
  assert_ok(neap_groups_make(&g, 4, 0, NULL, true, true));
  assert_ok(neap_group_reduce(out, &g, &s, 9, which, q, w));
  for (int i = 0; i < 9; i++) {
    double got = out[i].dtype == NEAP_I64 ? (double)neap_tensor_get_i64(&out[i], &zero)
                                          : neap_tensor_get_f64(&out[i], &zero);
    assert_number(got, want[i], F64_TOL);
    neap_tensor_drop(&out[i]);
  }
  const neap_group_statistic beyond = NEAP_GROUP_QUANTILE;
  const double two = 2;
  assert_fails(neap_group_reduce(out, &g, &s, 1, &beyond, &two, NULL), NEAP_EARG, "q is 2");
  neap_groups_drop(&g);
  drop(&s, 1);
}

/* joins -----------------------------------------------------------------------------------------
 */

static void pairs_of_rows(void **state) {
  (void)state;
  const int64_t a[] = {7, 8, 7, 9}, b[] = {9, 7, 5, 7};
  const int32_t left[] = {1, 1, 2, 3, 3, 4, 0}, right[] = {2, 4, 0, 2, 4, 1, 3};
  neap_series l = integers(4, a), r = integers(4, b);
  neap_tensor at, of;
  neap_join_options o = {.how = NEAP_JOIN_OUTER};
  assert_ok(neap_join(&at, &of, 1, &l, 4, &r, 4, &o));
  assert_int_equal(at.size[0], 7);
  assert_memory_equal(neap_tensor_data(&at), left, sizeof left);
  assert_memory_equal(neap_tensor_data(&of), right, sizeof right);
  neap_tensor_drop(&at);
  neap_tensor_drop(&of);
  o.unique_right = true;
  assert_fails(neap_join(&at, &of, 1, &l, 4, &r, 4, &o), NEAP_EVALUE, "rows 2 and 4 of the right");
  o = (neap_join_options){.how = NEAP_JOIN_CROSS};
  assert_fails(neap_join(&at, &of, 0, NULL, INT32_MAX - 1, NULL, INT32_MAX - 1, &o), NEAP_ESHAPE,
               "join: 4611686009837453316 rows");
  drop(&l, 1);
  drop(&r, 1);
}

static void the_last_row_known(void **state) {
  (void)state;
  const int64_t a[] = {1, 4, 4, 9}, b[] = {2, 4, 4, 8, 30};
  const int32_t back[] = {0, 3, 3, 4}, ahead[] = {1, 2, 2, 5}, nearest[] = {1, 3, 3, 4};
  const int32_t *want[] = {back, ahead, nearest};
  neap_series l = column(NEAP_COLUMN_TIME, NEAP_I64, 4, a);
  neap_series r = column(NEAP_COLUMN_TIME, NEAP_I64, 5, b);
  neap_tensor of;
  for (int way = 0; way < 3; way++) {
    neap_asof_options o = {.direction = (neap_asof_direction)way, .allow_exact = true};
    assert_ok(neap_join_asof(&of, &l, &r, 0, NULL, NULL, &o));
    assert_memory_equal(neap_tensor_data(&of), want[way], sizeof back);
    neap_tensor_drop(&of);
  }
  const int64_t falling[] = {1, 2, 1}, missing[] = {1, NEAP_NAT};
  neap_series bad[2] = {column(NEAP_COLUMN_TIME, NEAP_I64, 3, falling),
                        column(NEAP_COLUMN_TIME, NEAP_I64, 2, missing)};
  neap_asof_options o = {.allow_exact = true};
  assert_fails(neap_join_asof(&of, &l, &bad[0], 0, NULL, NULL, &o), NEAP_EVALUE,
               "row 3 of the right frame is before row 2");
  assert_fails(neap_join_asof(&of, &bad[1], &r, 0, NULL, NULL, &o), NEAP_EVALUE,
               "row 2 of the left frame is missing");
  drop(bad, 2);
  drop(&l, 1);
  drop(&r, 1);
}

/* memory and interrupts -------------------------------------------------------------------------
 */

enum { MANY = 3000 };

static void work(neap_series *keys, neap_series *x) {
  const neap_group_statistic which[] = {NEAP_GROUP_SIZE, NEAP_GROUP_STD,     NEAP_GROUP_QUANTILE,
                                        NEAP_GROUP_PROD, NEAP_GROUP_NUNIQUE, NEAP_GROUP_LAST,
                                        NEAP_GROUP_ANY};
  const double q[7] = {[2] = 0.5};
  neap_groups g;
  neap_tensor out[7];
  bool mask[MANY];
  for (int sorted = 0; sorted < 2; sorted++) {
    if (neap_groups_make(&g, MANY, 2, keys, sorted, true)) continue;
    if (!neap_group_reduce(out, &g, x, 7, which, q, NULL))
      for (int i = 0; i < 7; i++) neap_tensor_drop(&out[i]);
    for (int what = 0; what <= NEAP_GROUP_PCT_RANK; what++)
      if (!neap_group_run(out, &g, x, (neap_group_running)what)) neap_tensor_drop(out);
    if (!neap_groups_repeated(&g, true, false, mask)) assert_false(mask[0]);
    neap_fill_options o = {.method = NEAP_FILL_FORWARD};
    if (!neap_series_fill(out, x, &g, &o)) neap_tensor_drop(out);
    neap_groups_drop(&g);
  }
}

static void join(neap_series *keys, neap_series *time) {
  neap_tensor at, of;
  for (int how = 0; how < NEAP_JOIN_CROSS; how++) {
    neap_join_options o = {.how = (neap_join_how)how, .unique_left = how % 2 == 1};
    if (neap_join(&at, &of, 2, keys, MANY, keys, MANY, &o)) continue;
    neap_tensor_drop(&at);
    neap_tensor_drop(&of);
  }
  neap_asof_options o = {.direction = NEAP_ASOF_NEAREST};
  if (!neap_join_asof(&of, time, time, 1, keys, keys, &o)) neap_tensor_drop(&of);
  if (!neap_join_asof(&of, time, time, 0, NULL, NULL, &o)) neap_tensor_drop(&of);
}

static void a_failed_allocation_leaves_nothing(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(9);
  int64_t a[MANY];
  double b[MANY];
  for (int i = 0; i < MANY; i++) {
    a[i] = (int64_t)neap_rng_bits(&r);
    b[i] = (double)neap_rng_below(&r, 100);
  }
  neap_series keys[2] = {integers(MANY, a), numbers(MANY, b)}, x = numbers(MANY, b);
  assert_ok(neap_set_threads(1));
  with_every_allocation_failing(work(keys, &x));
  for (int i = 0; i < MANY; i++) b[i] = i;
  neap_series time = numbers(MANY, b);
  with_every_allocation_failing(join(keys, &time));
  drop(&time, 1);
  assert_ok(neap_set_threads(2));
  neap_groups g;
  neap_interrupt_raise();
  assert_int_equal(neap_groups_make(&g, MANY, 2, keys, true, true), NEAP_EINTERRUPT);
  neap_interrupt_clear();
  drop(keys, 2);
  drop(&x, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_with_equal_keys_share_a_number),
      cmocka_unit_test(sorted_numbers_follow_the_keys),
      cmocka_unit_test(ends_of_the_range_are_keys),
      cmocka_unit_test(no_key_is_one_group_and_no_row_none),
      cmocka_unit_test(codes_have_labels),
      cmocka_unit_test(statistics_of_a_small_group),
      cmocka_unit_test(pairs_of_rows),
      cmocka_unit_test(the_last_row_known),
      cmocka_unit_test(a_failed_allocation_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
