/* Chunk files: the sum against its published value and a plain loop, round trips, damage, failed
 * allocations. */
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "store/store.h"

static char path[] = "/tmp/neap_chunk_XXXXXX";

static int make_path(void **state) {
  (void)state;
  int fd = mkstemp(path);
  return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state) {
  (void)state;
  return unlink(path);
}

static uint32_t bit_by_bit(const unsigned char *p, size_t n) {
  uint32_t c = 0xffffffffu;
  for (size_t i = 0; i < n * 8; i++) {
    if (i % 8 == 0) c ^= p[i / 8];
    c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
  }
  return ~c;
}

static void the_sum_is_the_published_one(void **state) {
  (void)state;
  unsigned char bytes[67];
  assert_int_equal(neap_crc32c("123456789", 9), 0xe3069283u);
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 151 + 7);
  for (size_t from = 0; from < 9; from++)
    for (size_t n = 0; from + n <= sizeof bytes; n++)
      assert_int_equal(neap_crc32c(bytes + from, n), bit_by_bit(bytes + from, n));
}

static const neap_chunk_codecs forms[] = {
    {false, false, 0}, {false, true, 0}, {true, false, 1}, {true, true, 3}};
enum { FORMS = sizeof forms / sizeof *forms };
static const int64_t size[] = {7, 3};

static void fill(neap_tensor *t, neap_dtype dtype) {
  assert_ok(neap_tensor_init(t, dtype, 2, size));
  for (int64_t i = 0; i < 21; i++) {
    int64_t at[] = {i / 3, i % 3};
    neap_tensor_set_i64(t, at, dtype == NEAP_BOOL ? i & 1 : i * i % 200);
  }
}

static void chunks_come_back_as_they_were(void **state) {
  (void)state;
  for (int f = 0; f < FORMS; f++)
    for (neap_dtype d = 0; d < NEAP_DTYPE_COUNT; d++) {
      neap_tensor t, back;
      fill(&t, d);
      assert_ok(neap_chunk_write(path, &t, forms[f]));
      assert_ok(neap_chunk_read(&back, path, d, 2, size, forms[f]));
      assert_memory_equal(neap_tensor_data(&back), neap_tensor_data(&t), 21 * neap_dtype_size(d));
      neap_tensor_drop(&back);
      neap_tensor_drop(&t);
    }
}

/* With a sum every changed byte and every missing one is noticed; without one only the length. */
static void damage_is_noticed(void **state) {
  (void)state;
  for (int f = 0; f < FORMS; f++) {
    neap_tensor t, back;
    char *data;
    int64_t n;
    fill(&t, NEAP_F64);
    assert_ok(neap_chunk_write(path, &t, forms[f]));
    int64_t live = neap_alloc_live();
    if (!forms[f].zstd) { /* neap_file_read would unpack a bare frame */
      assert_ok(neap_file_read(path, &data, &n));
      for (int64_t cut = 0; cut < n; cut += 5) {
        assert_ok(neap_file_write(path, data, (size_t)cut));
        assert_fails(neap_chunk_read(&back, path, NEAP_F64, 2, size, forms[f]), NEAP_EFORMAT,
                     "is damaged");
      }
      data[9] ^= 4;
      assert_ok(neap_file_write(path, data, (size_t)n));
      neap_status st = neap_chunk_read(&back, path, NEAP_F64, 2, size, forms[f]);
      assert_int_equal(st, forms[f].crc32c ? NEAP_EFORMAT : NEAP_OK);
      neap_tensor_drop(&back);
      neap_free(data);
    } else {
      assert_fails(neap_chunk_read(&back, path, NEAP_F32, 2, size, forms[f]), NEAP_EFORMAT,
                   "is damaged");
      assert_int_equal(truncate(path, 20), 0);
      assert_fails(neap_chunk_read(&back, path, NEAP_F64, 2, size, forms[f]), NEAP_EFORMAT,
                   "is damaged");
    }
    assert_int_equal(neap_alloc_live(), live);
    neap_tensor_drop(&t);
  }
}

static void write_and_read(void) {
  neap_tensor t, back;
  if (neap_tensor_init(&t, NEAP_I32, 2, size)) return;
  if (!neap_chunk_write(path, &t, forms[3]) &&
      !neap_chunk_read(&back, path, NEAP_I32, 2, size, forms[3]))
    neap_tensor_drop(&back);
  neap_tensor_drop(&t);
}

static void failed_allocations_lose_nothing(void **state) {
  (void)state;
  with_every_allocation_failing(write_and_read());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_sum_is_the_published_one),
      cmocka_unit_test(chunks_come_back_as_they_were),
      cmocka_unit_test(damage_is_noticed),
      cmocka_unit_test(failed_allocations_lose_nothing),
  };
  return cmocka_run_group_tests(tests, make_path, remove_path);
}
