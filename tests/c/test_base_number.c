#include "check.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/civil.h"
#include "base/number.h"
#include "base/rng.h"

/* numbers ----------------------------------------------------------------------------------------
 */

static double parsed(const char *text) {
  double v = -1234.5;
  if (!neap_number_parse(text, strlen(text), &v)) fail_msg("\"%s\" was refused", text);
  return v;
}

static bool same_bits(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

static void numbers_are_read_as_ieee_rounds_them(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double value;
  } cases[] = {
      {"0", 0.0},
      {"-0", -0.0},
      {"+12.50", 12.5},
      {".5", .5},
      {"5.", 5},
      {"1e3", 1000},
      {"1E-3", 1e-3},
      {"27123.45", 27123.45},
      {"9007199254740993", 9007199254740992.0}, /* a tie: to even */
      {"9007199254740993.0000000000000000001", 9007199254740994.0},
      {"1.7976931348623157e308", 1.7976931348623157e308},
      {"1e400", INFINITY},
      {"-1e999999999999", -INFINITY},
      {"5e-324", 5e-324},
      {"2.4703282292062327e-324", 0},
      {"2.4703282292062328e-324", 5e-324},
      {"1e-999999999999", 0},
      {"0.000000000000000000000000000000000000000000000000000000012e56", 1.2},
      {"inf", INFINITY},
      {"-Infinity", -INFINITY},
      {"+INF", INFINITY},
      {"NaN", NAN},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double v = parsed(cases[i].text), want = cases[i].value;
    if (!same_bits(v, want) && !(isnan(v) && isnan(want)))
      fail_msg("\"%s\" gave %.17g, expected %.17g", cases[i].text, v, want);
  }
}

static void what_is_no_number_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"",      "-",    "+",   ".",    "e5",   "1e",    "1e+",
                                    "1.2.3", " 1",   "1 ",  "1,5",  "0x10", "1_0",   "nanx",
                                    "na",    "infi", "--1", "1e5.", "1f",   "1e--2", "NULL"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    double v = 7;
    if (neap_number_parse(bad[i], strlen(bad[i]), &v)) fail_msg("\"%s\" was taken", bad[i]);
    assert_true(v == 7);
  }
}

/* Doubles of all kinds: any bits, prices, powers of two. */
static double some_double(neap_rng *r, int i) {
  static const double units[] = {1, 10, 100, 1000, 1e4, 1e6, 1e8};
  uint64_t bits = neap_rng_bits(r);
  double v;
  memcpy(&v, &bits, sizeof v);
  if (i % 3 == 1) v = (double)(bits % 100000000000) / units[bits >> 40 & 3];
  if (i % 3 == 2) v = ldexp((double)(bits >> 11), (int)(bits % 120) - 90);
  if (i % 50 == 0) v = ldexp(1, (int)(bits % 2000) - 1000);
  return v;
}

/* Digits between the first and the last that are not zero. */
static int significant(const char *text) {
  int count = 0, zeros = 0;
  for (; *text && *text != 'e'; text++) {
    if (*text == '.' || *text == '-' || (*text == '0' && !count)) continue;
    count++;
    zeros = *text == '0' ? zeros + 1 : 0;
  }
  return count - zeros;
}

static void printing_reads_back_and_is_shortest(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(11);
  for (int i = 0; i < 60000; i++) {
    double v = some_double(&r, i);
    if (isnan(v) || isinf(v)) continue;
    char text[32], plain[40];
    size_t n = neap_number_print(text, v);
    assert_int_equal(n, strlen(text));
    if (!same_bits(parsed(text), v)) fail_msg("%.17g printed as %s", v, text);
    int digits = 1; /* as few as the C library needs */
    do snprintf(plain, sizeof plain, "%.*e", digits - 1, v);
    while (strtod(plain, NULL) != v && digits++ < 17);
    if (significant(text) > digits) fail_msg("%s is longer than %s", text, plain);
    neap_number_print_17(text, v);
    assert_true(same_bits(parsed(text), v));
  }
}

static void floats_print_as_few_digits_as_they_need(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(12);
  for (int i = 0; i < 60000; i++) {
    uint32_t bits = (uint32_t)neap_rng_bits(&r);
    float v;
    if (i % 8 == 0) bits &= 0xff800000u; /* powers of two, whose neighbours lie unevenly */
    memcpy(&v, &bits, sizeof v);
    if (isnan(v) || isinf(v)) continue;
    char text[32], plain[40];
    neap_number_print_float(text, v);
    if ((float)parsed(text) != v) fail_msg("%.9g printed as %s", (double)v, text);
    int digits = 1;
    do snprintf(plain, sizeof plain, "%.*e", digits - 1, (double)v);
    while (strtof(plain, NULL) != v && digits++ < 9);
    if (significant(text) > digits) fail_msg("%s is longer than %s", text, plain);
  }
  char text[32];
  neap_number_print_float(text, 0.1F);
  assert_string_equal(text, "0.1");
  neap_number_print_float(text, 16777216);
  assert_string_equal(text, "16777216");
}

static void printed_forms(void **state) {
  (void)state;
  static const struct {
    double value;
    const char *shortest, *full;
  } cases[] = {
      {0, "0", "0"},
      {-0.0, "-0", "-0"},
      {0.1, "0.1", "0.10000000000000001"},
      {27123.45, "27123.45", "27123.450000000001"},
      {3, "3", "3"},
      {100, "100", "100"},
      {-1e16, "-10000000000000000", "-10000000000000000"},
      {1e17, "1e17", "1e17"},
      {2.5e20, "2.5e20", "2.5e20"},
      {1e-5, "0.00001", "0.000010000000000000001"},
      {1e-7, "1e-7", "9.9999999999999995e-8"},
      {5e-324, "5e-324", "4.9406564584124654e-324"},
      {1.7976931348623157e308, "1.7976931348623157e308", "1.7976931348623157e308"},
      {INFINITY, "inf", "inf"},
      {-INFINITY, "-inf", "-inf"},
      {NAN, "nan", "nan"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[32];
    neap_number_print(text, cases[i].value);
    assert_string_equal(text, cases[i].shortest);
    neap_number_print_17(text, cases[i].value);
    assert_string_equal(text, cases[i].full);
  }
}

static void the_locale_does_not_matter(void **state) {
  (void)state;
  static const char *const comma[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
  for (size_t i = 0; i < 3 && !setlocale(LC_NUMERIC, comma[i]); i++) {}
  char text[32];
  neap_number_print(text, 1.5e-300);
  assert_string_equal(text, "1.5e-300");
  assert_true(parsed("1.5e-300") == 1.5e-300);
  setlocale(LC_NUMERIC, "C");
}

static void random_decimals_match_strtod(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(5);
  for (int i = 0; i < 100000; i++) {
    char text[80];
    size_t n = 0, digits = 1 + neap_rng_below(&r, 22), point = neap_rng_below(&r, digits + 1);
    for (size_t k = 0; k < digits; k++) {
      if (k == point) text[n++] = '.';
      text[n++] = (char)('0' + neap_rng_below(&r, 10));
    }
    int e = (int)neap_rng_below(&r, i % 8 ? 80 : 700) - (i % 8 ? 40 : 350);
    n += (size_t)snprintf(text + n, sizeof text - n, "e%d", e);
    if (!same_bits(parsed(text), strtod(text, NULL))) fail_msg("%s read wrongly", text);
  }
}

static void integers_notice_overflow(void **state) {
  (void)state;
  int64_t v = 7;
  assert_true(neap_integer_parse("9223372036854775807", 19, &v) && v == INT64_MAX);
  assert_true(neap_integer_parse("-9223372036854775808", 20, &v) && v == INT64_MIN);
  assert_true(neap_integer_parse("+007", 4, &v) && v == 7);
  static const char *const bad[] = {
      "", "-", "9223372036854775808", "-9223372036854775809", "99999999999999999999", "1.0", "1 "};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(neap_integer_parse(bad[i], strlen(bad[i]), &v));
  assert_int_equal(v, 7);
  char text[32];
  assert_int_equal(neap_integer_print(text, INT64_MIN), 20);
  assert_string_equal(text, "-9223372036854775808");
}

/* dates and times --------------------------------------------------------------------------------
 */

static void times_are_read_in_their_usual_forms(void **state) {
  (void)state;
  static const struct {
    const char *text, *utc;
    bool zoned;
  } cases[] = {
      {"2024-03-01", "2024-03-01T00:00:00Z", false},
      {"2024/03/01", "2024-03-01T00:00:00Z", false},
      {"20040819", "2004-08-19T00:00:00Z", false},
      {"20040819 10:11:12", "2004-08-19T10:11:12Z", false},
      {"2024-03-01 15:30", "2024-03-01T15:30:00Z", false},
      {"2024-03-01 15:30:05.250", "2024-03-01T15:30:05.25Z", false},
      {"2024-03-01T15:30:05.123456789Z", "2024-03-01T15:30:05.123456789Z", true},
      {"2024-03-01T15:30:05+01:00", "2024-03-01T14:30:05Z", true},
      {"2024-03-01 15:30:05 -0530", "2024-03-01T21:00:05Z", true},
      {"2024-03-01 15:30:05 UTC", "2024-03-01T15:30:05Z", true},
      {"20240301T153005Z", "2024-03-01T15:30:05Z", true},
      {"1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z", true},
      {"2024-02-29T00:00:00,5", "2024-02-29T00:00:00.5Z", false},
      {"1677-09-21T00:12:43.145224193Z", "1677-09-21T00:12:43.145224193Z", true},
      {"2262-04-11T23:47:16.854775807Z", "2262-04-11T23:47:16.854775807Z", true},
      {"2262-04-12T00:47:16.854775807+01:00", "2262-04-11T23:47:16.854775807Z", true},
      {"NaT", "NaT", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t ns;
    bool zoned = !cases[i].zoned;
    char text[40];
    if (!neap_time_parse(cases[i].text, strlen(cases[i].text), &ns, &zoned))
      fail_msg("\"%s\" was refused", cases[i].text);
    neap_time_print(text, ns);
    assert_string_equal(text, cases[i].utc);
    assert_int_equal(zoned, cases[i].zoned);
  }
}

static void what_is_no_time_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "2024",
                                    "03/04/2020",
                                    "2023-02-29",
                                    "2024-13-01",
                                    "2024-00-10",
                                    "2024-01-00",
                                    "2024-01-01T24:00",
                                    "2024-01-01T23:60",
                                    "2024-01-01T23:59:60",
                                    "2024-01-01T23",
                                    "2024-01-01T",
                                    "2024-01-01T10:00:00.",
                                    "2024-01-01T10:00:00.1234567891",
                                    "2024-01-01T10:00+24:00",
                                    "2024-01-01T10:00 EST",
                                    "2024-01-01 ",
                                    "2024-01-01Z",
                                    "2024-01/01",
                                    "2262-04-11T23:47:16.854775808Z",
                                    "1677-09-21T00:12:43.145224192Z",
                                    "9999-01-01",
                                    "1700000000"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int64_t ns = 7;
    bool zoned = true;
    if (neap_time_parse(bad[i], strlen(bad[i]), &ns, &zoned)) fail_msg("\"%s\" taken", bad[i]);
    assert_true(ns == 7 && zoned);
  }
}

static void days_and_dates_agree(void **state) {
  (void)state;
  assert_int_equal(neap_civil_days(1970, 1, 1), 0);
  assert_int_equal(neap_civil_days(2000, 3, 1), 11017);
  assert_int_equal(neap_civil_days(1600, 2, 29), -135081);
  assert_int_equal(neap_civil_days(2024, 3, 0), neap_civil_days(2024, 2, 29));
  neap_civil before = neap_civil_split(-106000 * NEAP_DAY);
  for (int64_t d = -105999; d < 106000; d++) {
    neap_civil c = neap_civil_split(d * NEAP_DAY);
    int64_t ns;
    assert_true(neap_civil_join(&c, &ns) && ns == d * NEAP_DAY);
    assert_int_equal(c.weekday, before.weekday % 7 + 1);
    bool next_day = c.day == before.day + 1 && c.month == before.month;
    bool month_began = c.day == 1 && before.day == neap_civil_month_days(before.year, before.month);
    assert_true(next_day || month_began);
    before = c;
  }
}

static void local_times_print_their_offset(void **state) {
  (void)state;
  char text[40];
  neap_time_print_at(text, 250000000, -5 * 3600);
  assert_string_equal(text, "1969-12-31T19:00:00.25-05:00");
  neap_time_print_at(text, 0, -(4 * 3600 + 56 * 60 + 2));
  assert_string_equal(text, "1969-12-31T19:03:58-04:56:02");
  neap_time_print_at(text, NEAP_NAT, 3600);
  assert_string_equal(text, "NaT");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_read_as_ieee_rounds_them),
      cmocka_unit_test(what_is_no_number_is_refused),
      cmocka_unit_test(printing_reads_back_and_is_shortest),
      cmocka_unit_test(floats_print_as_few_digits_as_they_need),
      cmocka_unit_test(printed_forms),
      cmocka_unit_test(the_locale_does_not_matter),
      cmocka_unit_test(random_decimals_match_strtod),
      cmocka_unit_test(integers_notice_overflow),
      cmocka_unit_test(times_are_read_in_their_usual_forms),
      cmocka_unit_test(what_is_no_time_is_refused),
      cmocka_unit_test(days_and_dates_agree),
      cmocka_unit_test(local_times_print_their_offset),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
