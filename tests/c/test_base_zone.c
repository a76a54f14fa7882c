#define _DEFAULT_SOURCE /* tm_gmtoff */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/civil.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/rng.h"
#include "base/zone_array.h"

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

static const char *const names[] = {"America/New_York",    "Europe/London",     "Europe/Dublin",
                                    "Australia/Lord_Howe", "Asia/Kolkata",      "America/St_Johns",
                                    "Pacific/Apia",        "America/Sao_Paulo", "Africa/Casablanca",
                                    "Asia/Tokyo",          "Etc/GMT+5",         "America/Santiago"};

/* The C library reads the same files: 1900 to 2200, where its rule for the far future counts. */
static void offsets_agree_with_the_c_library(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(1);
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    setenv("TZ", names[k], 1);
    tzset();
    const neap_zone *z = zone(names[k]);
    for (int i = 0; i < 4000; i++) {
      time_t t = (time_t)neap_rng_below(&r, 9467000000u) - 2208988800;
      struct tm tm;
      localtime_r(&t, &tm);
      int64_t got = neap_zone_offset(z, t * NEAP_SECOND + 5) / NEAP_SECOND;
      if (got != tm.tm_gmtoff)
        fail_msg("%s at %lld: %lld, the C library says %ld", names[k], (long long)t, (long long)got,
                 tm.tm_gmtoff);
    }
  }
  unsetenv("TZ");
  tzset();
}

static void local_times_become_utc_again(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(2);
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    const neap_zone *z = zone(names[k]);
    for (int i = 0; i < 4000; i++) {
      int64_t utc = ((int64_t)neap_rng_below(&r, 7000000000u) - 1500000000) * NEAP_SECOND + 7;
      int64_t local = utc + neap_zone_offset(z, utc), early, late;
      neap_zone_kind kind;
      assert_ok(neap_zone_resolve(z, local, NEAP_ZONE_EARLIER, &early, &kind));
      assert_ok(neap_zone_resolve(z, local, NEAP_ZONE_LATER, &late, NULL));
      assert_true(utc == early || utc == late);
      assert_true((kind == NEAP_ZONE_OVERLAP) == (early < late));
    }
  }
}

static void gaps_and_overlaps(void **state) {
  (void)state;
  static const struct {
    const char *zone, *local;
    neap_zone_kind kind;
    const char *earlier, *later;
  } cases[] = {
      {"America/New_York", "2024-03-10T01:59:59", NEAP_ZONE_UNIQUE, "2024-03-10T06:59:59Z", NULL},
      {"America/New_York", "2024-03-10T02:30:00", NEAP_ZONE_GAP, "2024-03-10T06:30:00Z",
       "2024-03-10T07:30:00Z"},
      {"America/New_York", "2024-03-10T03:00:00", NEAP_ZONE_UNIQUE, "2024-03-10T07:00:00Z", NULL},
      {"America/New_York", "2024-11-03T01:30:00", NEAP_ZONE_OVERLAP, "2024-11-03T05:30:00Z",
       "2024-11-03T06:30:00Z"},
      {"America/New_York", "2024-11-03T02:00:00", NEAP_ZONE_UNIQUE, "2024-11-03T07:00:00Z", NULL},
      {"America/New_York", "2099-07-01T12:00:00", NEAP_ZONE_UNIQUE, "2099-07-01T16:00:00Z", NULL},
      {"Pacific/Apia", "2011-12-30T12:00:00", NEAP_ZONE_GAP, "2011-12-29T22:00:00Z",
       "2011-12-30T22:00:00Z"},
      {"Australia/Lord_Howe", "2024-04-07T01:45:00", NEAP_ZONE_OVERLAP, "2024-04-06T14:45:00Z",
       "2024-04-06T15:15:00Z"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const neap_zone *z = zone(cases[i].zone);
    int64_t local = ns_of(cases[i].local), utc;
    neap_zone_kind kind;
    assert_ok(neap_zone_resolve(z, local, NEAP_ZONE_EARLIER, &utc, &kind));
    assert_int_equal(kind, cases[i].kind);
    assert_true(utc == ns_of(cases[i].earlier));
    if (cases[i].kind == NEAP_ZONE_UNIQUE) {
      assert_ok(neap_zone_to_utc(z, local, &utc));
      assert_true(utc == ns_of(cases[i].earlier));
      continue;
    }
    assert_ok(neap_zone_resolve(z, local, NEAP_ZONE_LATER, &utc, NULL));
    assert_true(utc == ns_of(cases[i].later));
    assert_fails(neap_zone_to_utc(z, local, &utc), NEAP_EVALUE, cases[i].local);
  }
}

static void fixed_offsets_and_nat(void **state) {
  (void)state;
  assert_true(neap_zone_offset(zone("UTC"), 0) == 0);
  assert_true(neap_zone_offset(zone("+05:30"), 0) == 19800 * NEAP_SECOND);
  assert_true(neap_zone_offset(zone("-0800"), NEAP_DAY) == -8 * 3600 * NEAP_SECOND);
  assert_true(neap_zone_offset(zone("+1"), NEAP_DAY) == 3600 * NEAP_SECOND);
  assert_string_equal(neap_zone_name(zone("+05:30")), "+05:30");
  assert_ptr_equal(zone("Asia/Tokyo"), zone("Asia/Tokyo"));
  int64_t utc = 0;
  assert_ok(neap_zone_to_utc(zone("Asia/Tokyo"), NEAP_NAT, &utc));
  assert_true(utc == NEAP_NAT);
  assert_true(neap_zone_offset(zone("Asia/Tokyo"), NEAP_NAT) == 0);
  assert_fails(neap_zone_to_utc(zone("+05:30"), INT64_MIN + 1, &utc), NEAP_EVALUE, "range");
  assert_fails(neap_zone_to_utc(zone("-05:30"), INT64_MAX, &utc), NEAP_EVALUE, "range");
  assert_ok(neap_zone_to_utc(zone("Asia/Tokyo"), INT64_MAX, &utc));
}

static void unknown_zones_are_named(void **state) {
  (void)state;
  static const char *const bad[] = {"America/New_Yrok",
                                    "",
                                    "../../etc/passwd",
                                    "/etc/passwd",
                                    "+24:00",
                                    "+5:3",
                                    "+05:60",
                                    "America/",
                                    "a b",
                                    "-"};
  const neap_zone *z;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char text[80];
    snprintf(text, sizeof text, "time zone '%s' is unknown", bad[i]);
    assert_fails(neap_zone_find(&z, bad[i]), NEAP_EARG, text);
    assert_null(z);
  }
}

/* A folder of our own stands in for the database; damaged files must be refused, not believed. */
static void damaged_files_are_refused(void **state) {
  (void)state;
  char *folder, *data, path[300], *copy;
  int64_t n;
  const neap_zone *z;
  assert_ok(neap_file_read("/usr/share/zoneinfo/America/New_York", &data, &n));
  assert_ok(neap_folder_temporary(&folder));
  setenv("TZDIR", folder, 1);
  copy = neap_alloc(n);
  neap_rng r = neap_rng_make(3);
  for (int i = 0; i < 240; i++) {
    char name[20];
    snprintf(name, sizeof name, "Bad%d", i);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    memcpy(copy, data, (size_t)n);
    size_t length = i % 2 ? (size_t)n : neap_rng_below(&r, (uint64_t)n);
    for (int k = 0; i % 2 && k < 1 + i % 5; k++)
      copy[neap_rng_below(&r, (uint64_t)n)] = (char)neap_rng_below(&r, 256);
    assert_ok(neap_file_write(path, copy, length));
    neap_status st = neap_zone_find(&z, name);
    if (st) assert_non_null(strstr(neap_last_error(), name));
    if (i % 2 == 0) assert_int_equal(st, NEAP_EFORMAT);
    else if (!st) neap_zone_offset(z, 4000000000 * NEAP_SECOND);
  }
  snprintf(path, sizeof path, "%s/Own", folder);
  assert_ok(neap_file_write(path, data, (size_t)n));
  assert_true(neap_zone_offset(zone("Own"), 0) == -5 * 3600 * NEAP_SECOND);
  setenv("TZDIR", "/nowhere", 1);
  assert_fails(neap_zone_find(&z, "Other"), NEAP_EARG, "no folder /nowhere (package tzdata)");
  unsetenv("TZDIR");
  assert_ok(neap_folder_remove_tree(folder));
  neap_free(folder);
  neap_free(data);
  neap_free(copy);
}

/* Many times at once are what each is alone. */
static void arrays_agree_with_single_times(void **state) {
  (void)state;
  enum { N = 3000 };
  static int64_t utc[N], local[N], back[N];
  static double hour[N], day[N];
  neap_rng r = neap_rng_make(11);
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    const neap_zone *z = zone(names[k]);
    int64_t from = ((int64_t)neap_rng_below(&r, 3000000000u) - 500000000) * NEAP_SECOND;
    for (int i = 0; i < N; i++) {
      bool jumps = neap_rng_below(&r, 50) == 0;
      from += (int64_t)neap_rng_below(&r, jumps ? 200 * NEAP_DAY : NEAP_DAY / 8);
      utc[i] = neap_rng_below(&r, 60) == 0 ? NEAP_NAT : from;
    }
    assert_ok(neap_zone_to_local(z, N, utc, local));
    assert_ok(neap_zone_from_local(z, N, local, NULL, NEAP_AMBIGUOUS_LATEST, NEAP_NONEXISTENT_RAISE,
                                   back));
    double *fields[NEAP_FIELD_COUNT] = {[NEAP_FIELD_HOUR] = hour, [NEAP_FIELD_DAY] = day};
    assert_ok(neap_zone_fields(z, N, utc, fields));
    for (int i = 0; i < N; i++) {
      if (utc[i] == NEAP_NAT) {
        assert_true(local[i] == NEAP_NAT && back[i] == NEAP_NAT && isnan(hour[i]));
        continue;
      }
      neap_zone_span s = neap_zone_span_at(z, utc[i]);
      assert_true(s.begin <= utc[i] && utc[i] < s.end && s.offset == neap_zone_offset(z, utc[i]));
      assert_true(s.offset == neap_zone_offset(z, s.end - 1));
      assert_true(local[i] == utc[i] + s.offset);
      int64_t later;
      assert_ok(neap_zone_resolve(z, local[i], NEAP_ZONE_LATER, &later, NULL));
      assert_true(back[i] == later);
      neap_civil c = neap_civil_split(local[i]);
      assert_true(hour[i] == c.hour && day[i] == c.day);
    }
  }
}

static void arrays_stop_when_asked(void **state) {
  (void)state;
  int64_t t[2] = {0, 1}, out[2];
  const neap_zone *z = zone("Asia/Tokyo");
  neap_interrupt_raise();
  assert_fails(
      neap_zone_from_local(z, 2, t, NULL, NEAP_AMBIGUOUS_RAISE, NEAP_NONEXISTENT_RAISE, out),
      NEAP_EINTERRUPT, "interrupted");
  neap_interrupt_clear();
}

static void near_names_are_told(void **state) {
  (void)state;
  static const char *const cases[][2] = {{"America/New_Yrok", "America/New_York"},
                                         {"new york", "America/New_York"},
                                         {"europe/london", "Europe/London"},
                                         {"Asia/Tokio", "Asia/Tokyo"},
                                         {"UCT+", "UCT"}};
  const neap_zone *z;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[80];
    snprintf(text, sizeof text, "(did you mean '%s'?)", cases[i][1]);
    assert_fails(neap_zone_find(&z, cases[i][0]), NEAP_EARG, text);
  }
  with_every_allocation_failing(assert_true(neap_zone_find(&z, "Asia/Tokio") != NEAP_OK));
}

static void out_of_memory(void **state) {
  (void)state;
  const neap_zone *z;
  int64_t live = neap_alloc_live();
  int rounds = 0;
  neap_fault_reset();
  do {
    neap_fault_arm();
    if (neap_zone_find(&z, "Europe/Paris")) assert_int_equal(neap_alloc_live(), live);
    rounds++;
  } while (neap_fault_fired());
  assert_true(rounds > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(offsets_agree_with_the_c_library),
      cmocka_unit_test(local_times_become_utc_again),
      cmocka_unit_test(gaps_and_overlaps),
      cmocka_unit_test(fixed_offsets_and_nat),
      cmocka_unit_test(unknown_zones_are_named),
      cmocka_unit_test(damaged_files_are_refused),
      cmocka_unit_test(arrays_agree_with_single_times),
      cmocka_unit_test(arrays_stop_when_asked),
      cmocka_unit_test(near_names_are_told),
      cmocka_unit_test(out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
