#include "check.h"

#include <stdlib.h>

#include "base/civil.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "frame/resample.h"

static const int64_t hour = NEAP_DAY / 24;

static const neap_zone *zone(const char *name) {
  const neap_zone *z;
  if (neap_zone_find(&z, name)) fail_msg("%s", neap_last_error());
  return z;
}

static int64_t ns_of(const char *text) {
  int64_t ns;
  bool zoned;
  if (!neap_time_parse(text, strlen(text), &ns, &zoned)) fail_msg("\"%s\" is no time", text);
  return ns;
}

/* the grid ------------------------------------------------------------------------------------- */

static void days_are_those_of_the_clock(void **state) {
  (void)state;
  static const struct {
    const char *zone, *time, *begin, *end;
  } cases[] = {
      {"America/New_York", "2024-03-10T12:00", "2024-03-10T05:00", "2024-03-11T04:00"},
      {"America/New_York", "2024-11-03T12:00", "2024-11-03T04:00", "2024-11-04T05:00"},
      {"America/New_York", "2024-11-03T03:59:59", "2024-11-02T04:00", "2024-11-03T04:00"},
      /* midnight is skipped: the day begins at 01:00, which is 03:00 UTC */
      {"America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T03:00", "2018-11-05T02:00"},
      {"America/Sao_Paulo", "2018-11-04T02:59", "2018-11-03T03:00", "2018-11-04T03:00"},
      /* midnight comes twice: the day begins at the first */
      {"America/Havana", "2023-11-05T05:30", "2023-11-05T04:00", "2023-11-06T05:00"},
      {"America/Havana", "2023-11-05T03:59", "2023-11-04T04:00", "2023-11-05T04:00"},
      /* the clock goes from midnight back to 23:00: that hour is still the day before */
      {"America/Sao_Paulo", "2018-02-18T02:30", "2018-02-17T02:00", "2018-02-18T03:00"},
      /* December 30 was left out */
      {"Pacific/Apia", "2011-12-30T09:59", "2011-12-29T10:00", "2011-12-30T10:00"},
      {"Pacific/Apia", "2011-12-30T10:00", "2011-12-30T10:00", "2011-12-31T10:00"},
      /* half past eleven to half past midnight: the day begins at the jump */
      {"America/Toronto", "1919-03-31T12:00", "1919-03-31T04:30", "1919-04-01T04:00"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    neap_grid g = {.unit = NEAP_GRID_DAYS, .step = 1, .zone = zone(cases[i].zone)};
    int64_t t = ns_of(cases[i].time), begin, end;
    assert_ok(neap_grid_set(&g, t, t));
    assert_ok(neap_grid_bin(&g, t, &begin, &end));
    char got[40];
    neap_time_print(got, begin);
    if (begin != ns_of(cases[i].begin) || end != ns_of(cases[i].end))
      fail_msg("%s %s: the day begins at %s, hours: %g", cases[i].zone, cases[i].time, got,
               (double)(end - begin) / (double)hour);
  }
}

/* Every time is in its bin, and bins lie side by side. */
static void bins_tile_time(void **state) {
  (void)state;
  static const char *const names[] = {
      "UTC",          "America/New_York", "Australia/Lord_Howe", "America/Havana",
      "Pacific/Apia", "Europe/Dublin"};
  neap_rng r = neap_rng_make(5);
  for (int round = 0; round < 20000; round++) {
    neap_grid g = {.unit = (neap_grid_unit)neap_rng_below(&r, 3),
                   .zone = zone(names[neap_rng_below(&r, 6)]),
                   .origin = (neap_origin)neap_rng_below(&r, 6),
                   .offset = (int64_t)neap_rng_below(&r, 48) * hour / 2 - 12 * hour,
                   .closed_right = neap_rng_below(&r, 2)};
    g.step = 1 + (int64_t)neap_rng_below(&r, 15);
    if (g.unit == NEAP_GRID_TIME) g.step *= hour / 4;
    int64_t t = ((int64_t)neap_rng_below(&r, 3000000000u) - 500000000) * NEAP_SECOND, b, e, b2, e2;
    g.at = t + (int64_t)neap_rng_below(&r, 1000000) * NEAP_SECOND;
    assert_ok(neap_grid_set(&g, t, t + 5 * hour));
    assert_ok(neap_grid_bin(&g, t, &b, &e));
    assert_true(b < e && (g.closed_right ? b < t && t <= e : b <= t && t < e));
    assert_ok(neap_grid_bin(&g, e + g.closed_right, &b2, &e2));
    assert_true(b2 == e);
    assert_ok(neap_grid_bin(&g, b - !g.closed_right, &b2, &e2));
    assert_true(e2 == b);
  }
}

static void grids_end_where_time_does(void **state) {
  (void)state;
  int64_t b, e;
  neap_grid g = {.unit = NEAP_GRID_TIME, .step = hour};
  assert_ok(neap_grid_set(&g, 0, 0));
  assert_fails(neap_grid_bin(&g, INT64_MAX, &b, &e), NEAP_EVALUE, "leaves the range");
  assert_fails(neap_grid_bin(&g, INT64_MIN + 1, &b, &e), NEAP_EVALUE, "leaves the range");
  assert_fails(neap_grid_bin(&g, NEAP_NAT, &b, &e), NEAP_EVALUE, "leaves the range");
  neap_grid months = {.unit = NEAP_GRID_MONTHS, .step = 1, .zone = zone("Asia/Tokyo")};
  assert_ok(neap_grid_set(&months, 0, 0));
  assert_fails(neap_grid_bin(&months, INT64_MAX - 5, &b, &e), NEAP_EVALUE, "leaves the range");
  assert_fails(neap_grid_bin(&months, INT64_MIN + 5, &b, &e), NEAP_EVALUE, "leaves the range");
  neap_grid none = {.unit = NEAP_GRID_TIME, .step = 0};
  assert_fails(neap_grid_set(&none, 0, 0), NEAP_EARG, "0 steps");
  neap_grid long_ones = {.unit = NEAP_GRID_DAYS, .step = INT64_MAX};
  assert_fails(neap_grid_set(&long_ones, 0, 0), NEAP_EARG, "outside the range");
}

/* bins ----------------------------------------------------------------------------------------- */

enum { MOST = 400 };

typedef struct {
  int64_t n, time[MOST], order[MOST], start[8];
  int32_t id[MOST];
} table;

/* Rows of three groups, mixed; times rise in each, with repeats and holes. */
static neap_timeline random_rows(neap_rng *r, table *t) {
  int64_t now = (int64_t)neap_rng_below(r, 1000000) * NEAP_SECOND;
  t->n = (int64_t)neap_rng_below(r, MOST);
  for (int64_t i = 0; i < t->n; i++) {
    now += (int64_t)neap_rng_below(r, 3) * hour / 3;
    if (neap_rng_below(r, 40) == 0) now += 50 * hour;
    t->time[i] = now;
    t->id[i] = (int32_t)neap_rng_below(r, 4);
  }
  assert_ok(neap_rows_by_group(t->n, t->id, 3, t->order, t->start));
  return (neap_timeline){
      .n = t->n, .time = t->time, .order = t->order, .groups = 3, .start = t->start};
}

static void bins_hold_the_rows_of_their_time(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(6);
  static table t;
  for (int round = 0; round < 400; round++) {
    neap_timeline rows = random_rows(&r, &t);
    neap_grid g = {.unit = NEAP_GRID_TIME,
                   .step = hour * (1 + (int64_t)neap_rng_below(&r, 9)),
                   .closed_right = neap_rng_below(&r, 2)};
    bool empty = neap_rng_below(&r, 2);
    neap_bins b;
    assert_ok(neap_bins_find(&b, &g, &rows, empty, 1000000));
    assert_ok(neap_grid_set(&g, 0, 0));
    const int64_t *begin = neap_tensor_data(&b.begin), *end = neap_tensor_data(&b.end),
                  *first = neap_tensor_data(&b.first);
    const int32_t *group = neap_tensor_data(&b.group);
    int64_t count = b.begin.size[0];
    for (int64_t k = 0; k < count; k++) {
      assert_true(empty || first[k] < first[k + 1]);
      bool follows = k > 0 && group[k] == group[k - 1];
      if (follows) assert_true(empty ? begin[k] == end[k - 1] : begin[k] >= end[k - 1]);
      for (int64_t i = first[k]; i < first[k + 1]; i++) {
        int64_t want_begin, want_end;
        assert_ok(neap_grid_bin(&g, t.time[t.order[i]], &want_begin, &want_end));
        assert_true(begin[k] == want_begin && end[k] == want_end);
        assert_int_equal(t.id[t.order[i]], group[k]);
        if (i > first[k]) assert_true(t.order[i] > t.order[i - 1]);
      }
    }
    assert_int_equal(first[count], t.start[3]);
    neap_bins_drop(&b);
  }
}

static void rows_out_of_order_are_named(void **state) {
  (void)state;
  const int64_t whole[2] = {0, 4};
  neap_grid g = {.unit = NEAP_GRID_TIME, .step = hour};
  neap_bins b;
  int64_t falls[] = {0, hour, hour - 1, 2 * hour}, twice[] = {0, 0, hour, hour};
  int64_t nat[] = {0, 1, NEAP_NAT, 3}, first[] = {NEAP_NAT, 1, 2, 3};
  neap_timeline rows = {.n = 4, .time = falls, .groups = 1, .start = whole};
  assert_fails(neap_bins_find(&b, &g, &rows, false, 9), NEAP_EVALUE,
               "row 3 is earlier than the row before: 1970-01-01T00:59:59.999999999Z after "
               "1970-01-01T01:00:00Z");
  rows.time = nat;
  assert_fails(neap_bins_find(&b, &g, &rows, false, 9), NEAP_EVALUE, "row 3 has no time");
  rows.time = first;
  assert_fails(neap_bins_find(&b, &g, &rows, false, 9), NEAP_EVALUE, "row 1 has no time");
  rows.time = twice;
  assert_ok(neap_bins_find(&b, &g, &rows, false, 9));
  neap_bins_drop(&b);
  rows.rising = true;
  assert_fails(neap_bins_find(&b, &g, &rows, false, 9), NEAP_EVALUE,
               "row 2 is not later than the row before");
  int64_t far[] = {0, 1, 2, INT64_MAX / 2};
  rows.time = far;
  assert_fails(neap_bins_find(&b, &g, &rows, true, 1000), NEAP_EVALUE,
               "would make 1281024 bins of 4 rows, allowed are 1000");
  g.step = 1;
  assert_fails(neap_bins_find(&b, &g, &rows, true, 1000), NEAP_EVALUE, "allowed are 1000");
}

/* statistics ----------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Each by its definition, over the m values of a segment in v. */
static double plain(neap_segment_op op, int64_t m, double *v, double q) {
  double sum = 0, product = 1, squares = 0, cubes = 0;
  for (int64_t i = 0; i < m; i++) {
    sum += v[i];
    product *= v[i];
  }
  double mean = m ? sum / (double)m : NAN, d = (double)m;
  for (int64_t i = 0; i < m; i++) {
    squares += (v[i] - mean) * (v[i] - mean);
    cubes += pow(v[i] - mean, 3);
  }
  switch (op) {
  case NEAP_SEGMENT_first: return m ? v[0] : NAN;
  case NEAP_SEGMENT_last: return m ? v[m - 1] : NAN;
  case NEAP_SEGMENT_sum: return sum;
  case NEAP_SEGMENT_prod: return product;
  case NEAP_SEGMENT_count: return d;
  case NEAP_SEGMENT_mean: return mean;
  case NEAP_SEGMENT_var: return m > 1 ? squares / (d - 1) : NAN;
  case NEAP_SEGMENT_std: return m > 1 ? sqrt(squares / (d - 1)) : NAN;
  case NEAP_SEGMENT_skew:
    if (m < 3) return NAN;
    return squares > 0 ? sqrt(d * (d - 1)) / (d - 2) * (cubes / d) / pow(squares / d, 1.5) : 0;
  default: break;
  }
  qsort(v, (size_t)m, sizeof *v, by_value);
  int64_t different = 0;
  for (int64_t i = 0; i < m; i++) different += i == 0 || v[i] != v[i - 1];
  if (op == NEAP_SEGMENT_nunique) return (double)different;
  if (!m) return NAN;
  if (op == NEAP_SEGMENT_min) return v[0];
  if (op == NEAP_SEGMENT_max) return v[m - 1];
  double place = q * (d - 1);
  int64_t low = (int64_t)place;
  return low + 1 < m ? v[low] + (v[low + 1] - v[low]) * (place - (double)low) : v[m - 1];
}

static double element(const neap_tensor *t, int64_t k) { return neap_tensor_get_f64(t, &k); }

/* Segments of 0 to 9000 elements, with NaN or without, in an order of their own. */
static void statistics_equal_their_definitions(void **state) {
  (void)state;
  enum { N = 20000 };
  static double x[N], v[N];
  static int64_t order[N];
  neap_rng r = neap_rng_make(7);
  neap_tensor t, out, as_f32;
  assert_ok(neap_tensor_init_1d(&t, NEAP_F64, N));
  double *data = neap_tensor_data(&t);
  for (int64_t i = 0; i < N; i++) {
    bool hole = neap_rng_below(&r, i < N / 2 ? 9 : 1000000) == 0;
    x[i] = hole ? NAN : (double)neap_rng_below(&r, 4000) / 64 - 20;
    order[i] = (i * 7919) % N;
    data[i] = x[i];
  }
  assert_ok(neap_tensor_as(&as_f32, &t, NEAP_F32));
  const int64_t first[] = {3, 3, 4, 6, 9, 40, 9040, 9041, 12000, N};
  const neap_segment_op ops[] = {NEAP_SEGMENT_first,  NEAP_SEGMENT_last,   NEAP_SEGMENT_min,
                                 NEAP_SEGMENT_max,    NEAP_SEGMENT_sum,    NEAP_SEGMENT_count,
                                 NEAP_SEGMENT_mean,   NEAP_SEGMENT_var,    NEAP_SEGMENT_std,
                                 NEAP_SEGMENT_skew,   NEAP_SEGMENT_median, NEAP_SEGMENT_quantile,
                                 NEAP_SEGMENT_nunique};
  for (int form = 0; form < 4; form++)
    for (size_t o = 0; o < sizeof ops / sizeof *ops; o++) {
      neap_segment_options options = {.op = ops[o], .q = 0.3};
      const neap_tensor *of = form & 2 ? &as_f32 : &t;
      assert_ok(neap_segment_reduce(&out, of, form & 1 ? order : NULL, 9, first, &options));
      for (int64_t k = 0; k < 9; k++) {
        int64_t m = 0;
        for (int64_t i = first[k]; i < first[k + 1]; i++) {
          double value = x[form & 1 ? order[i] : i];
          if (!isnan(value)) v[m++] = value;
        }
        double q = ops[o] == NEAP_SEGMENT_median ? 0.5 : 0.3;
        /* the definitions add thousands of terms one by one, in no better order */
        double tol = ops[o] >= NEAP_SEGMENT_var && ops[o] <= NEAP_SEGMENT_skew ? 1e-10 : F64_TOL;
        double want = plain(ops[o], m, v, q), got = element(&out, k);
        if (!same_number(got, want, tol))
          fail_msg("statistic %d, form %d, segment %lld: %.17g, expected %.17g", (int)ops[o], form,
                   (long long)k, got, want);
      }
      neap_tensor_drop(&out);
    }
  neap_tensor_drop(&t);
  neap_tensor_drop(&as_f32);
}

static void missing_is_what_the_column_says(void **state) {
  (void)state;
  const int64_t first[] = {0, 2, 4, 4};
  neap_tensor t, out;
  assert_ok(neap_tensor_init_1d(&t, NEAP_I64, 4));
  int64_t *x = neap_tensor_data(&t);
  x[0] = NEAP_NAT;
  x[1] = 5;
  x[2] = x[3] = NEAP_NAT;
  neap_segment_options o = {.op = NEAP_SEGMENT_first, .missing = NEAP_MISSING_NAT};
  assert_ok(neap_segment_reduce(&out, &t, NULL, 3, first, &o));
  const int64_t *got = neap_tensor_data(&out);
  assert_true(got[0] == 5 && got[1] == NEAP_NAT && got[2] == NEAP_NAT);
  neap_tensor_drop(&out);
  o.op = NEAP_SEGMENT_count;
  assert_ok(neap_segment_reduce(&out, &t, NULL, 3, first, &o));
  got = neap_tensor_data(&out);
  assert_true(got[0] == 1 && got[1] == 0 && got[2] == 0);
  neap_tensor_drop(&out);
  o = (neap_segment_options){.op = NEAP_SEGMENT_sum};
  x[0] = INT64_MAX;
  assert_ok(neap_segment_reduce(&out, &t, NULL, 1, first, &o));
  assert_true(*(int64_t *)neap_tensor_data(&out) == INT64_MIN + 4); /* it wraps */
  neap_tensor_drop(&out);
  neap_segment_op op;
  assert_fails(neap_segment_parse(&op, "mode"), NEAP_EARG,
               "unknown statistic 'mode' (known: first");
  o = (neap_segment_options){.op = NEAP_SEGMENT_quantile, .q = NAN};
  assert_fails(neap_segment_reduce(&out, &t, NULL, 0, first, &o), NEAP_EARG, "q is nan");
  neap_tensor_drop(&t);
}

static void same_bits_at_any_thread_count(void **state) {
  (void)state;
  enum { N = 200000, BINS = 700 };
  neap_tensor t, one, many;
  assert_ok(neap_tensor_init_1d(&t, NEAP_F64, N));
  double *x = neap_tensor_data(&t);
  neap_rng r = neap_rng_make(8);
  static int64_t first[BINS + 1];
  for (int64_t i = 0; i < N; i++) x[i] = neap_rng_uniform(&r) - 0.5;
  for (int64_t k = 0; k <= BINS; k++) first[k] = k * k * N / (BINS * BINS);
  const neap_segment_op ops[] = {NEAP_SEGMENT_sum, NEAP_SEGMENT_var, NEAP_SEGMENT_skew};
  for (int i = 0; i < 3; i++) {
    neap_segment_options o = {.op = ops[i]};
    assert_ok(neap_set_threads(1));
    assert_ok(neap_segment_reduce(&one, &t, NULL, BINS, first, &o));
    assert_ok(neap_set_threads(4));
    assert_ok(neap_segment_reduce(&many, &t, NULL, BINS, first, &o));
    assert_memory_equal(neap_tensor_data(&one), neap_tensor_data(&many), BINS * sizeof *x);
    neap_tensor_drop(&one);
    neap_tensor_drop(&many);
  }
  neap_tensor_drop(&t);
}

/* faults --------------------------------------------------------------------------------------- */

static void run_all(neap_rng *r, const neap_tensor *x) {
  static table t;
  neap_timeline rows = random_rows(r, &t);
  neap_grid g = {.unit = NEAP_GRID_DAYS, .step = 1, .zone = zone("America/New_York")};
  neap_bins b;
  neap_tensor out;
  if (neap_bins_find(&b, &g, &rows, true, 100000)) return;
  neap_segment_options o = {.op = NEAP_SEGMENT_median};
  if (!neap_segment_reduce(&out, x, t.order, b.begin.size[0], neap_tensor_data(&b.first), &o))
    neap_tensor_drop(&out);
  neap_bins_drop(&b);
}

static void out_of_memory_and_interrupts(void **state) {
  (void)state;
  neap_tensor x, out;
  neap_rng r = neap_rng_make(9);
  assert_ok(neap_tensor_init(&x, NEAP_F64, 1, (const int64_t[]){MOST}));
  with_every_allocation_failing(run_all(&r, &x));
  const int64_t first[] = {0, MOST};
  neap_segment_options o = {.op = NEAP_SEGMENT_sum};
  neap_interrupt_raise();
  assert_fails(neap_segment_reduce(&out, &x, NULL, 1, first, &o), NEAP_EINTERRUPT, "interrupted");
  neap_interrupt_clear();
  neap_tensor_drop(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(days_are_those_of_the_clock),
      cmocka_unit_test(bins_tile_time),
      cmocka_unit_test(grids_end_where_time_does),
      cmocka_unit_test(bins_hold_the_rows_of_their_time),
      cmocka_unit_test(rows_out_of_order_are_named),
      cmocka_unit_test(statistics_equal_their_definitions),
      cmocka_unit_test(missing_is_what_the_column_says),
      cmocka_unit_test(same_bits_at_any_thread_count),
      cmocka_unit_test(out_of_memory_and_interrupts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
