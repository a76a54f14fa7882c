#include "check.h"

#include "config/yaml.h"

static void nodes_follow_the_text(void **state) {
  (void)state;
  const char *text = "a: [1, 'x']\nb:\n  c: ~\n";
  neap_yaml y = {0};
  assert_ok(neap_yaml_parse(&y, text, strlen(text), "f"));
  const neap_yaml_kind want[] = {
      NEAP_YAML_MAP,    NEAP_YAML_SCALAR, NEAP_YAML_LIST,   NEAP_YAML_SCALAR,
      NEAP_YAML_SCALAR, NEAP_YAML_END,    NEAP_YAML_SCALAR, NEAP_YAML_MAP,
      NEAP_YAML_SCALAR, NEAP_YAML_SCALAR, NEAP_YAML_END,    NEAP_YAML_END,
  };
  assert_int_equal(y.count, sizeof want / sizeof *want);
  for (int64_t i = 0; i < y.count; i++) assert_int_equal(y.node[i].kind, want[i]);
  assert_false(y.node[3].quoted);
  assert_true(y.node[4].quoted);
  assert_int_equal(y.node[4].line, 1);
  assert_int_equal(y.node[4].column, 8);
  assert_int_equal(y.node[8].line, 3);
  assert_memory_equal(y.text + y.node[9].text, "~", 1);
  neap_yaml_free(&y);
}

static void depth_is_limited(void **state) {
  (void)state;
  char text[2 * NEAP_YAML_DEPTH + 3];
  for (int depth = 1; depth <= NEAP_YAML_DEPTH + 1; depth++) {
    memset(text, '[', (size_t)depth);
    memset(text + depth, ']', (size_t)depth);
    neap_yaml y = {0};
    neap_status st = neap_yaml_parse(&y, text, (size_t)(2 * depth), "f");
    assert_int_equal(st, depth <= NEAP_YAML_DEPTH ? NEAP_OK : NEAP_EFORMAT);
    neap_yaml_free(&y);
  }
}

/* Every prefix and every single changed byte of a valid text parses or fails; nothing leaks. */
static void damaged_text_is_safe(void **state) {
  (void)state;
  const char *good = "a: {b: [1, \"x\\n\"], c: |\n  text\n  more\n}\nd: &e f # g\n";
  char text[128];
  size_t n = strlen(good);
  for (size_t i = 0; i < n; i++) {
    for (int byte = 0; byte < 256; byte += 7) {
      memcpy(text, good, n);
      text[i] = (char)byte;
      neap_yaml y = {0};
      neap_status st = neap_yaml_parse(&y, text, byte ? n : i, "f");
      assert_true(st == NEAP_OK || st == NEAP_EFORMAT);
      neap_yaml_free(&y);
    }
  }
}

static void memory_may_run_out(void **state) {
  (void)state;
  const char *text = "a: [1, 2, {b: c}]\n";
  with_every_allocation_failing({
    neap_yaml y = {0};
    neap_status st = neap_yaml_parse(&y, text, strlen(text), "f");
    assert_true(st == NEAP_OK || st == NEAP_ENOMEM);
    neap_yaml_free(&y);
  });
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nodes_follow_the_text),
      cmocka_unit_test(depth_is_limited),
      cmocka_unit_test(damaged_text_is_safe),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
