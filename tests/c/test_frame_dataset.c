#include "check.h"

#include "base/interrupt.h"
#include "frame/fingerprint.h"

static void hash_of(char text[65], const neap_tensor *t, const char *name) {
  neap_sha256 h;
  neap_sha256_init(&h);
  if (name) neap_fingerprint_text(&h, name, strlen(name));
  if (t) assert_ok(neap_fingerprint_tensor(&h, t));
  neap_sha256_hex(&h, text);
}

static void every_bit_counts(void **state) {
  (void)state;
  neap_tensor t;
  char before[65], after[65];
  assert_ok(neap_tensor_init(&t, NEAP_F64, 2, (int64_t[]){3, 5}));
  uint8_t *bytes = neap_tensor_data(&t);
  hash_of(before, &t, NULL);
  for (int i = 0; i < 3 * 5 * 8; i++)
    for (int bit = 0; bit < 8; bit++) {
      bytes[i] = (uint8_t)(bytes[i] ^ (1 << bit));
      hash_of(after, &t, NULL);
      assert_string_not_equal(before, after);
      bytes[i] = (uint8_t)(bytes[i] ^ (1 << bit));
    }
  hash_of(after, &t, NULL);
  assert_string_equal(before, after);
  neap_tensor_drop(&t);
}

static void shapes_and_dtypes_count(void **state) {
  (void)state;
  const struct {
    neap_dtype dtype;
    int ndim;
    int64_t size[2];
  } cases[] = {{NEAP_F64, 1, {6}},    {NEAP_I64, 1, {6}},   {NEAP_F64, 2, {2, 3}},
               {NEAP_F64, 2, {3, 2}}, {NEAP_F32, 1, {12}},  {NEAP_U8, 1, {48}},
               {NEAP_F64, 1, {0}},    {NEAP_F64, 2, {0, 3}}};
  char text[8][65];
  for (int i = 0; i < 8; i++) {
    neap_tensor t;
    assert_ok(neap_tensor_init(&t, cases[i].dtype, cases[i].ndim, cases[i].size));
    hash_of(text[i], &t, NULL);
    neap_tensor_drop(&t);
    for (int k = 0; k < i; k++) assert_string_not_equal(text[i], text[k]);
  }
}

/* "ab" and "c" are not "a" and "bc". */
static void texts_have_borders(void **state) {
  (void)state;
  char one[65], other[65];
  neap_sha256 h;
  neap_sha256_init(&h);
  neap_fingerprint_text(&h, "ab", 2);
  neap_fingerprint_text(&h, "c", 1);
  neap_sha256_hex(&h, one);
  neap_sha256_init(&h);
  neap_fingerprint_text(&h, "a", 1);
  neap_fingerprint_text(&h, "bc", 2);
  neap_sha256_hex(&h, other);
  assert_string_not_equal(one, other);
}

static void hashing_stops_on_interrupt(void **state) {
  (void)state;
  neap_tensor t;
  neap_sha256 h;
  assert_ok(neap_tensor_init(&t, NEAP_F64, 1, (int64_t[]){9}));
  neap_sha256_init(&h);
  neap_interrupt_raise();
  assert_int_equal(neap_fingerprint_tensor(&h, &t), NEAP_EINTERRUPT);
  neap_interrupt_clear();
  neap_tensor_drop(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_bit_counts),
      cmocka_unit_test(shapes_and_dtypes_count),
      cmocka_unit_test(texts_have_borders),
      cmocka_unit_test(hashing_stops_on_interrupt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
