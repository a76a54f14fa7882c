#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "frame/frame.h"

static const int64_t hour = NEAP_DAY / 24;

/* bars ----------------------------------------------------------------------------------------- */

enum { ROWS = 12 };

typedef struct {
  int64_t time[ROWS];
  double open[ROWS], high[ROWS], low[ROWS], close[ROWS], volume[ROWS];
} rows;

static neap_bars sound(rows *r, int64_t n, int64_t start, int64_t step) {
  for (int64_t i = 0; i < n; i++) {
    r->time[i] = start + i * step;
    r->open[i] = r->close[i] = 10;
    r->high[i] = 11;
    r->low[i] = 9;
    r->volume[i] = 5;
  }
  return (neap_bars){n, r->time, r->open, r->high, r->low, r->close, r->volume};
}

static void scan_counts_every_fault(void **state) {
  (void)state;
  rows r;
  neap_bars b = sound(&r, ROWS, 0, hour);
  r.time[1] = NEAP_NAT;
  r.close[2] = NAN;
  r.low[3] = 0;
  r.high[4] = 9.5;
  r.time[6] = r.time[5];
  r.time[8] = r.time[7] - 1;
  r.volume[9] = 0;
  neap_bar_report report;
  assert_ok(neap_bars_scan(&report, &b));
  const int64_t first[NEAP_BAR_FAULTS] = {1, 2, 3, 4, 6, 8};
  for (int fault = 0; fault < NEAP_BAR_FAULTS; fault++) {
    assert_int_equal(report.count[fault], 1);
    assert_int_equal(report.first_row[fault], first[fault]);
  }
  assert_int_equal(report.zero_volume, 1);
  assert_int_equal(report.cadence, hour);
}

static void scan_of_nothing_and_of_one(void **state) {
  (void)state;
  rows r;
  neap_bar_report report;
  neap_bars none = sound(&r, 0, 0, hour), one = sound(&r, 1, 7, hour);
  assert_ok(neap_bars_scan(&report, &none));
  assert_int_equal(report.first_time, NEAP_NAT);
  assert_int_equal(report.cadence, 0);
  assert_ok(neap_bars_scan(&report, &one));
  assert_int_equal(report.first_time, 7);
  assert_int_equal(report.gaps, 0);
}

static void weekends_are_no_gaps(void **state) {
  (void)state;
  rows r;
  neap_bars b = sound(&r, 12, 18263 * NEAP_DAY, NEAP_DAY); /* from Thursday 2020-01-02 */
  neap_bar_report report;
  assert_ok(neap_bars_scan(&report, &b));
  assert_true(report.continuous);
  int64_t day[] = {0, 1, 4, 5, 6, 7, 8, 11, 12, 14, 15, 33}; /* no Saturday, one holiday, a hole */
  for (int i = 0; i < 12; i++) r.time[i] = (18263 + day[i]) * NEAP_DAY;
  assert_ok(neap_bars_scan(&report, &b));
  assert_false(report.continuous);
  assert_int_equal(report.session_gaps, 3);
  assert_int_equal(report.gaps, 1);
  assert_int_equal(report.missing_bars, 11);
  assert_int_equal(report.holes, 1);
}

static void order_sorts_and_keeps_the_last(void **state) {
  (void)state;
  rows r;
  neap_bars b = sound(&r, 5, 0, hour);
  r.time[1] = 3 * hour;
  r.close[4] = -1;
  neap_tensor order;
  assert_ok(neap_bars_order(&order, &b, false, 0));
  const int64_t *row = neap_tensor_data(&order);
  assert_int_equal(order.size[0], 3);
  assert_int_equal(row[0], 0);
  assert_int_equal(row[1], 2);
  assert_int_equal(row[2], 3);
  neap_tensor_drop(&order);
  assert_ok(neap_bars_order(&order, &b, true, 1));
  assert_int_equal(order.size[0], 4);
  neap_tensor_drop(&order);
  r.close[3] = NAN; /* the later row of one time is broken: the sound one stays */
  assert_ok(neap_bars_order(&order, &b, true, 0));
  assert_int_equal(((const int64_t *)neap_tensor_data(&order))[2], 1);
  neap_tensor_drop(&order);
}

static void fill_mends_and_inserts(void **state) {
  (void)state;
  rows r;
  neap_bars b = sound(&r, 8, 0, hour);
  r.close[0] = NAN;
  r.close[2] = NAN;
  r.high[3] = 1;
  for (int i = 5; i < 8; i++) r.time[i] += 2 * hour;
  neap_bar_report report;
  neap_tensor out[6];
  int64_t repaired, inserted;
  assert_ok(neap_bars_scan(&report, &b));
  assert_ok(neap_bars_fill(out, &b, &report, 100, &repaired, &inserted));
  assert_int_equal(repaired, 2);
  assert_int_equal(inserted, 2);
  assert_int_equal(out[0].size[0], 9);
  const int64_t *time = neap_tensor_data(&out[0]);
  for (int i = 0; i < 9; i++) assert_int_equal(time[i], (i + 1) * hour);
  const double *high = neap_tensor_data(&out[2]), *volume = neap_tensor_data(&out[5]);
  assert_number(high[2], 10, 0);
  assert_number(high[4], 10, 0);
  assert_number(volume[4], 0, 0);
  for (int i = 0; i < 6; i++) neap_tensor_drop(&out[i]);
}

static void made_up_bars_are_sound_and_independent(void **state) {
  (void)state;
  enum { N = 3000 };
  static double x[2][5][N];
  static int64_t time[N];
  neap_rng seed = neap_rng_make(5);
  for (int k = 0; k < 2; k++) {
    neap_bars b = {k ? N : N / 2, time, x[k][0], x[k][1], x[k][2], x[k][3], x[k][4]};
    assert_ok(neap_bars_synthetic(&b, 0, hour, &seed, "A", 1));
    neap_bar_report report;
    assert_ok(neap_bars_scan(&report, &b));
    for (int fault = 0; fault < NEAP_BAR_FAULTS; fault++) assert_int_equal(report.count[fault], 0);
  }
  for (int c = 0; c < 5; c++) assert_memory_equal(x[0][c], x[1][c], sizeof(double) * N / 2);
  neap_bars late = {N, time, x[0][0], x[0][1], x[0][2], x[0][3], NULL};
  assert_fails(neap_bars_synthetic(&late, INT64_MAX - 5, hour, &seed, "A", 1), NEAP_EARG, "2262");
}

/* CSV ------------------------------------------------------------------------------------------ */

static char path[64];

static int temporary_file(void **state) {
  (void)state;
  snprintf(path, sizeof path, "/tmp/neap_frame_%ld.csv", (long)getpid());
  return 0;
}

static int remove_file(void **state) {
  (void)state;
  return unlink(path) != 0;
}

/* Fields longer than the first buffer, and records that straddle every refill. */
static void records_survive_the_buffer(void **state) {
  (void)state;
  enum { LONG = 300000, COUNT = 40 };
  char *text = malloc(2 * (LONG + 100) + COUNT * 20000);
  size_t n = (size_t)sprintf(text, "a,b\n");
  for (int big = 0; big < 2; big++) {
    text[n++] = '"';
    memset(text + n, 'x', LONG);
    n += LONG;
    n += (size_t)sprintf(text + n, "\"\"\n\",%d\n", big);
  }
  for (int i = 0; i < COUNT; i++) {
    memset(text + n, 'y', 19000 + (size_t)i);
    n += 19000 + (size_t)i;
    n += (size_t)sprintf(text + n, ",%d\r\n", i + 2);
  }
  assert_ok(neap_file_write(path, text, n));
  free(text);
  neap_table t;
  assert_ok(neap_csv_read(&t, path, &(neap_csv_options){0}));
  assert_int_equal(t.rows, COUNT + 2);
  assert_int_equal(strlen(t.columns[0].labels[0]), LONG + 2);
  assert_int_equal(t.columns[0].label_count, COUNT + 1);
  const int64_t *b = neap_tensor_data(&t.columns[1].values);
  for (int i = 0; i < COUNT + 2; i++) assert_int_equal(b[i], i);
  neap_table_drop(&t);
}

static void reading_survives_failing_memory(void **state) {
  (void)state;
  const char *text = "t,x,s,i\n2020-01-01,1,a,1\n2020-01-02,2.5,\"b\"\"\",x\n";
  assert_ok(neap_file_write(path, text, strlen(text)));
  with_every_allocation_failing({
    neap_table t;
    neap_csv_read(&t, path, &(neap_csv_options){0});
    neap_table_drop(&t);
    neap_csv_names(&t, path, &(neap_csv_options){0});
    neap_table_drop(&t);
  });
}

static void reading_more_survives_failing_memory(void **state) {
  (void)state;
  const char *text = "t;x;s\n2020-01-01;1,5;\"a\"\"\"\n2020-01-02;2;b\n";
  const char *paths[] = {path, path}, *symbols[] = {"A", "B"}, *wanted[] = {"s", "x"};
  neap_csv_options o = {.decimal = ',', .wanted = wanted, .wanted_count = 2};
  assert_ok(neap_file_write(path, text, strlen(text)));
  neap_table t;
  with_every_allocation_failing({
    neap_csv_read_files(&t, paths, 2, symbols, &o);
    neap_table_drop(&t);
  });
  text = "{\"s\":\"\\u00e9\",\"x\":1}\n{\"x\":1.5,\"y\":\"b\"}\n{\"x\":\"c\"}\n";
  assert_ok(neap_file_write(path, text, strlen(text)));
  o = (neap_csv_options){0};
  with_every_allocation_failing({
    neap_jsonl_read(&t, paths, 2, symbols, &o);
    neap_table_drop(&t);
  });
  assert_ok(neap_jsonl_read(&t, paths, 2, symbols, &o));
  assert_int_equal(t.rows, 6);
  assert_int_equal(t.count, 4);
  with_every_allocation_failing({ neap_jsonl_write(path, t.columns, t.count); });
  neap_interrupt_raise();
  assert_fails(neap_jsonl_write(path, t.columns, t.count), NEAP_EINTERRUPT, "interrupted");
  neap_table_drop(&t);
  assert_fails(neap_jsonl_read(&t, paths, 2, symbols, &o), NEAP_EINTERRUPT, "interrupted");
  neap_interrupt_clear();
}

static void reading_stops_on_interrupt(void **state) {
  (void)state;
  const char *text = "a,b\n1,x\n2,y\n";
  assert_ok(neap_file_write(path, text, strlen(text)));
  neap_table t;
  neap_interrupt_raise();
  assert_fails(neap_csv_read(&t, path, &(neap_csv_options){0}), NEAP_EINTERRUPT, "interrupted");
  neap_interrupt_clear();
  assert_ok(neap_csv_read(&t, path, &(neap_csv_options){0}));
  neap_interrupt_raise();
  assert_fails(neap_csv_write(path, t.columns, 2, false), NEAP_EINTERRUPT, "interrupted");
  neap_interrupt_clear();
  char *data;
  int64_t n;
  assert_ok(neap_file_read(path, &data, &n));
  assert_string_equal(data, text);
  neap_free(data);
  neap_table_drop(&t);
}

static void writing_survives_failing_memory_and_disk(void **state) {
  (void)state;
  neap_column c = {.name = path, .kind = NEAP_COLUMN_NUMBER};
  assert_ok(neap_tensor_init_1d(&c.values, NEAP_F64, 3));
  double *x = neap_tensor_data(&c.values);
  x[0] = 0.1, x[1] = NAN, x[2] = -0.0;
  assert_ok(neap_file_write(path, "before", 6));
  with_every_allocation_failing({ neap_csv_write(path, &c, 1, true); });
  assert_ok(neap_file_write(path, "before", 6));
  for (int64_t k = 1;; k++) {
    neap_file_fail_after(k, 28);
    neap_status st = neap_csv_write(path, &c, 1, true);
    if (neap_file_fail_armed()) break;
    char *data;
    int64_t n;
    assert_ok(neap_file_read(path, &data, &n));
    if (st) assert_true(strcmp(data, "before") == 0 || strstr(data, "0.1"));
    neap_free(data);
  }
  neap_file_fail_after(0, 0);
  neap_tensor_drop(&c.values);
}

static void bars_survive_failing_memory(void **state) {
  (void)state;
  rows r;
  neap_bars b = sound(&r, 8, 0, hour);
  r.time[2] = 0;
  with_every_allocation_failing({
    neap_bar_report report;
    neap_tensor order;
    neap_tensor out[6] = {{0}};
    int64_t repaired;
    neap_status st = neap_bars_scan(&report, &b);
    if (!st) st = neap_bars_order(&order, &b, false, 0);
    if (!st) neap_tensor_drop(&order);
    if (!st) st = neap_bars_fill(out, &b, &report, 9, &repaired, &repaired);
    for (int i = 0; i < 6; i++) neap_tensor_drop(&out[i]);
    b = sound(&r, 8, 0, hour);
  });
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scan_counts_every_fault),
      cmocka_unit_test(scan_of_nothing_and_of_one),
      cmocka_unit_test(weekends_are_no_gaps),
      cmocka_unit_test(order_sorts_and_keeps_the_last),
      cmocka_unit_test(fill_mends_and_inserts),
      cmocka_unit_test(made_up_bars_are_sound_and_independent),
      cmocka_unit_test(records_survive_the_buffer),
      cmocka_unit_test(reading_survives_failing_memory),
      cmocka_unit_test(reading_more_survives_failing_memory),
      cmocka_unit_test(reading_stops_on_interrupt),
      cmocka_unit_test(writing_survives_failing_memory_and_disk),
      cmocka_unit_test(bars_survive_failing_memory),
  };
  return cmocka_run_group_tests(tests, temporary_file, remove_file);
}
