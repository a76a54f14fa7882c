#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/text.h"

static void text_grows_and_escapes(void **state) {
  (void)state;
  neap_text t = {0};
  for (int i = 0; i < 1000; i++) {
    neap_text_integer(&t, i);
    neap_text_put(&t, ",");
  }
  assert_false(t.failed);
  assert_int_equal(t.n, 10 * 2 + 90 * 3 + 900 * 4);
  assert_int_equal(strlen(t.data), t.n);
  neap_text_drop(&t);
  neap_text_number(&t, 0.5);
  neap_text_format(&t, " %s %d ", "x", 7);
  neap_text_json(&t, "a\"\\\n\x01\x7f\xc3\xa9", 8);
  assert_string_equal(t.data, "0.5 x 7 \"a\\\"\\\\\\n\\u0001\\u007f\xc3\xa9\"");
  neap_text_drop(&t);
  assert_null(t.data);
}

static void broken_utf8_is_replaced(void **state) {
  (void)state;
  static const struct {
    const char *in, *out;
  } cases[] = {
      {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""}, /* four bytes */
      {"\xff"
       "a",
       "\"\xef\xbf\xbd"
       "a\""},
      {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 /* overlong */
      {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* a surrogate */
      {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 /* cut off */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    neap_text t = {0};
    neap_text_json(&t, cases[i].in, strlen(cases[i].in));
    assert_string_equal(t.data, cases[i].out);
    neap_text_drop(&t);
  }
}

static neap_status log_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  (void)ctx;
  for (int64_t i = begin; i < end; i++) {
    const neap_log_field fields[] = {
        {.name = "i", .type = NEAP_LOG_INTEGER, .integer = i},
        {.name = "text", .type = NEAP_LOG_TEXT, .text = "some longer text", .length = 16},
    };
    NEAP_TRY(neap_log(NEAP_LOG_INFO, "from a chunk", fields, 2));
  }
  return NEAP_OK;
}

/* Threads write to one file: every line comes whole and once. */
static void lines_of_threads_stay_whole(void **state) {
  (void)state;
  enum { LINES = 2000 };
  char path[] = "/tmp/neap-log-XXXXXX", *data;
  int fd = mkstemp(path);
  int64_t n;
  assert_ok(neap_log_to_fd(fd));
  close(fd);
  assert_ok(neap_set_threads(4));
  assert_ok(neap_parallel_for(LINES, 10, log_chunk, NULL));
  assert_ok(neap_log_to_fd(STDERR_FILENO));
  assert_ok(neap_file_read(path, &data, &n));
  static bool seen[LINES];
  int count = 0;
  for (char *line = data; *line; count++) {
    int i;
    char *end = strchr(line, '\n');
    assert_non_null(end);
    *end = 0;
    char *tail = strstr(line, "Z info  from a chunk  i=");
    assert_non_null(tail);
    assert_int_equal(sscanf(tail, "Z info  from a chunk  i=%d text=\"some longer text\"", &i), 1);
    assert_true(i >= 0 && i < LINES && !seen[i]);
    seen[i] = true;
    line = end + 1;
  }
  assert_int_equal(count, LINES);
  neap_free(data);
  assert_ok(neap_file_remove(path));
}

static void failures_are_reported(void **state) {
  (void)state;
  neap_log_level level;
  assert_fails(neap_log_parse_level(&level, "loud"), NEAP_EARG, "unknown level 'loud'");
  assert_fails(neap_log_to_fd(-1), NEAP_EIO, "Bad file descriptor");
  assert_fails(neap_log_to_file("/nowhere/log"), NEAP_EIO, "open '/nowhere/log'");
  assert_ok(neap_log_to_file("/dev/full"));
  assert_fails(neap_log(NEAP_LOG_INFO, "x", NULL, 0), NEAP_EIO, "No space left");
  assert_ok(neap_log(NEAP_LOG_DEBUG, "dropped", NULL, 0));
  with_every_allocation_failing({ (void)neap_log(NEAP_LOG_ERROR, "x", NULL, 0); });
  assert_ok(neap_log_to_fd(STDERR_FILENO));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_grows_and_escapes),
      cmocka_unit_test(broken_utf8_is_replaced),
      cmocka_unit_test(lines_of_threads_stay_whole),
      cmocka_unit_test(failures_are_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
