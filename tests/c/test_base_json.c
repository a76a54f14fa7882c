#include "check.h"

#include <stdlib.h>

#include "base/json.h"

static neap_json doc(const char *text) {
  return (neap_json){.what = "read", .text = text, .end = text + strlen(text)};
}

static void refuses_what_is_no_json(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"", "read: (byte 1): expected an object or an array"},
      {" 12", "read: (byte 2): expected an object or an array"},
      {"{\"a\": 1} x", "read: (byte 10): something follows the value"},
      {"{\"a\" 1}", "read: a (byte 6): expected ':'"},
      {"{\"a\": 1 \"b\": 2}", "read: a (byte 9): expected ',' or '}'"},
      {"[1 2]", "read: [0] (byte 4): expected ',' or ']'"},
      {"{\"a\": [1, {\"b\": tru}]}", "read: a[1].b (byte 17): expected a value"},
      {"{\"a\": [1, NaN]}", "read: a[1] (byte 11): JSON has no NaN and no infinities"},
      {"[-Infinity]", "read: [0] (byte 2): JSON has no NaN and no infinities"},
      {"[01]", "read: [0] (byte 4): a number begins with 0"},
      {"[1.]", "a number ends in its point"},
      {"[1e+]", "a number ends in its exponent"},
      {"[+1]", "expected a value"},
      {"[.5]", "expected a value"},
      {"[1,]", "read: [1] (byte 4): expected a value"},
      {"{\"a\": 1,}", "expected a string"},
      {"{1: 2}", "read: (byte 2): expected a string"},
      {"[\"\n\"]", "a control character in a string"},
      {"[\"\\x\"]", "an unknown escape"},
      {"[\"\\u12g4\"]", "\\u needs four hexadecimal digits"},
      {"[\"\\u0000\"]", "a string holds a zero byte"},
      {"[\"\\ud800\"]", "half of a surrogate pair"},
      {"[\"\\udc00\"]", "half of a surrogate pair"},
      {"[\"\xff\"]", "a string is not UTF-8"},
      {"[\"abc", "the text ends in a string"},
      {"[\"abc\\", "the text ends in a string"},
      {"[", "the text ends too early"},
      {"{\"a\": [1, 2", "read: a[1] (byte 12): expected ',' or ']'"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    neap_json j = doc(cases[i].text);
    assert_fails(neap_json_check(&j), NEAP_EFORMAT, cases[i].message);
  }
}

static void depth_is_bounded(void **state) {
  (void)state;
  char text[4000];
  memset(text, '[', sizeof text);
  neap_json j = {.what = "read", .text = text, .end = text + sizeof text};
  assert_fails(neap_json_check(&j), NEAP_EFORMAT, "more than 64 objects and arrays");
  memset(text + 64, ']', 64);
  j.end = text + 128;
  assert_ok(neap_json_check(&j));
}

/* Every beginning of a text is refused, without reading behind its end. */
static void every_cut_is_refused(void **state) {
  (void)state;
  static const char text[] =
      "{\"a\\u00e9\\n\": [1.5e-3, true, null, {\"b\": \"x\\ud83d\\ude00\"}], \"c\": -0}";
  for (size_t n = 0; n < sizeof text - 1; n++) {
    char *part = malloc(n ? n : 1);
    memcpy(part, text, n);
    neap_json j = {.what = "read", .text = part, .end = part + n};
    assert_int_equal(neap_json_check(&j), NEAP_EFORMAT);
    free(part);
  }
  neap_json j = doc(text);
  assert_ok(neap_json_check(&j));
}

static void members_and_items_come_in_order(void **state) {
  (void)state;
  neap_json j = doc(" {\"x\" : [1, -2.5e1 ,3], \"y\":{}, \"z\": \"a\\\"]\", \"w\": false } ");
  assert_ok(neap_json_check(&j));
  assert_int_equal(neap_json_kind_of(j.root), NEAP_JSON_OBJECT);
  neap_json_items i = neap_json_open(j.root);
  assert_true(neap_json_next(&i) && neap_json_equals(i.key, "x"));
  assert_false(neap_json_equals(i.key, "xy"));
  assert_int_equal(neap_json_count(i.value), 3);
  neap_json_items k = neap_json_open(i.value);
  assert_true(neap_json_next(&k) && neap_json_next(&k));
  assert_null(k.key);
  assert_true(neap_json_number(&j, k.value) == -25);
  assert_fails(neap_json_fail(&j, k.value, "%d is too low", -25), NEAP_EFORMAT,
               "read: x[1] (byte 13): -25 is too low");
  assert_true(neap_json_next(&k));
  assert_false(neap_json_next(&k));
  assert_true(neap_json_next(&i) && neap_json_equals(i.key, "y"));
  assert_int_equal(neap_json_count(i.value), 0);
  assert_true(neap_json_next(&i) && neap_json_next(&i) && neap_json_equals(i.key, "w"));
  assert_int_equal(neap_json_kind_of(i.value), NEAP_JSON_WORD);
  assert_fails(neap_json_fail(&j, i.key, "again"), NEAP_EFORMAT, "read: w (byte 46): again");
  assert_false(neap_json_next(&i));
}

static void words_are_numbers_on_request(void **state) {
  (void)state;
  neap_json j = doc("[NaN, Infinity,-Infinity, 1]");
  assert_fails(neap_json_check(&j), NEAP_EFORMAT, "read: [0] (byte 2): JSON has no NaN");
  j.words = true;
  assert_ok(neap_json_check(&j));
  const double want[] = {NAN, INFINITY, -INFINITY, 1};
  int n = 0;
  for (neap_json_items i = neap_json_open(j.root); neap_json_next(&i); n++) {
    double v = neap_json_number(&j, i.value);
    assert_int_equal(neap_json_kind_of(i.value), NEAP_JSON_NUMBER);
    assert_same(1, &v, &want[n], 0);
  }
  assert_int_equal(n, 4);
  j = doc("[nan]");
  j.words = true;
  assert_fails(neap_json_check(&j), NEAP_EFORMAT, "JSON has no NaN");
}

static void strings_are_unescaped(void **state) {
  (void)state;
  neap_json j = doc("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00 z\"]");
  assert_ok(neap_json_check(&j));
  neap_json_items i = neap_json_open(j.root);
  assert_true(neap_json_next(&i));
  neap_text t = {0};
  assert_true(neap_json_string(i.value, &t));
  assert_string_equal(t.data, "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 z");
  neap_text_drop(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_what_is_no_json),
      cmocka_unit_test(depth_is_bounded),
      cmocka_unit_test(every_cut_is_refused),
      cmocka_unit_test(members_and_items_come_in_order),
      cmocka_unit_test(words_are_numbers_on_request),
      cmocka_unit_test(strings_are_unescaped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
