/* Grids of chunk files: the sum against its published value and a plain loop, round trips, damage,
 * failed allocations, leftovers. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "check.h"
#include "store/store.h"

static char folder[] = "/tmp/neap_grid_XXXXXX", first[64], chunk[64];

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(first, sizeof first, "%s/c", folder);
  snprintf(chunk, sizeof chunk, "%s/c/0/0", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  return neap_folder_remove_tree(folder) == NEAP_OK ? 0 : -1;
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
    for (size_t n = 0; from + n <= sizeof bytes; n++) {
      assert_int_equal(neap_crc32c(bytes + from, n), bit_by_bit(bytes + from, n));
      assert_int_equal(neap_crc32c_table(bytes + from, n), bit_by_bit(bytes + from, n));
    }
}

/* grids ---------------------------------------------------------------------------------------- */

static const struct {
  neap_packing packing;
  bool crc32c;
} forms[] = {{NEAP_PACK_NONE, false}, {NEAP_PACK_NONE, true},  {NEAP_PACK_ZSTD, false},
             {NEAP_PACK_ZSTD, true},  {NEAP_PACK_ZLIB, false}, {NEAP_PACK_GZIP, true}};
enum { FORMS = sizeof forms / sizeof *forms };
static const int64_t size[] = {7, 3}, zero[] = {0, 0};

static void grid_init(neap_grid *g, int form, neap_dtype dtype) {
  memset(g, 0, sizeof *g);
  g->path = folder;
  g->prefix = "c";
  g->between = "/";
  g->ndim = 2;
  g->chunk[0] = 4;
  g->chunk[1] = 2;
  g->order[1] = 1;
  g->format =
      (neap_chunk_format){&neap_elements[dtype], false, forms[form].packing, 3, forms[form].crc32c};
  if (neap_dtype_is_float(dtype)) neap_scalar_f64(&g->fill, dtype, 0);
  else assert_ok(neap_scalar_i64(&g->fill, dtype, 0));
}

static void fill(neap_tensor *t, neap_dtype dtype) {
  assert_ok(neap_tensor_init(t, dtype, 2, size));
  for (int64_t i = 0; i < 21; i++) {
    int64_t at[] = {i / 3, i % 3};
    if (neap_dtype_is_float(dtype)) neap_tensor_set_f64(t, at, (double)(i * i % 200));
    else neap_tensor_set_i64(t, at, dtype == NEAP_BOOL ? i & 1 : i * i % 200);
  }
}

static void chunks_come_back_as_they_were(void **state) {
  (void)state;
  for (int f = 0; f < FORMS; f++)
    for (neap_dtype d = 0; d < NEAP_DTYPE_COUNT; d++) {
      neap_tensor t, back;
      neap_grid g;
      grid_init(&g, f, d);
      fill(&t, d);
      assert_ok(neap_grid_write(&g, zero, &t));
      assert_ok(neap_grid_read(&g, &back, zero, size));
      assert_memory_equal(neap_tensor_data(&back), neap_tensor_data(&t), 21 * neap_dtype_size(d));
      neap_tensor_drop(&back);
      neap_tensor_drop(&t);
      assert_ok(neap_folder_remove_tree(first));
    }
}

/* With a sum every changed byte and every missing one is noticed; without one only the length. */
static void damage_is_noticed(void **state) {
  (void)state;
  const int64_t high[] = {4, 2};
  for (int f = 0; f < FORMS; f++) {
    neap_tensor t, back;
    neap_grid g;
    grid_init(&g, f, NEAP_F64);
    fill(&t, NEAP_F64);
    assert_ok(neap_grid_write(&g, zero, &t));
    neap_tensor_drop(&t);
    neap_bytes *b;
    char data[256];
    assert_ok(neap_bytes_open(&b, chunk));
    int64_t n = neap_bytes_size(b), live = neap_alloc_live();
    assert_ok(neap_bytes_read(b, 0, data, n));
    for (int64_t cut = 0; cut < n; cut += 5) {
      assert_ok(neap_file_write(chunk, data, (size_t)cut));
      assert_fails(neap_grid_read(&g, &back, zero, high), NEAP_EFORMAT, "is damaged");
    }
    for (int64_t i = 0; i < n; i++) {
      data[i] ^= 4;
      assert_ok(neap_file_write(chunk, data, (size_t)n));
      neap_status st = neap_grid_read(&g, &back, zero, high);
      if (forms[f].crc32c) assert_int_equal(st, NEAP_EFORMAT);
      else if (!forms[f].packing) assert_ok(st);
      neap_tensor_drop(&back);
      data[i] ^= 4;
    }
    assert_int_equal(neap_alloc_live(), live);
    neap_bytes_close(b);
    assert_ok(neap_folder_remove_tree(first));
  }
}

static void write_and_read(void) {
  neap_tensor t, back;
  neap_grid g;
  grid_init(&g, 3, NEAP_I32);
  if (neap_tensor_init(&t, NEAP_I32, 2, size)) return;
  if (!neap_grid_write(&g, zero, &t) && !neap_grid_sweep(&g) &&
      !neap_grid_read(&g, &back, zero, size))
    neap_tensor_drop(&back);
  neap_tensor_drop(&t);
}

static void failed_allocations_lose_nothing(void **state) {
  (void)state;
  with_every_allocation_failing(write_and_read());
  assert_ok(neap_folder_remove_tree(first));
}

/* A child that ended is no process any more; ours is one, and so is the first. */
static void leftovers_of_the_dead_go(void **state) {
  (void)state;
  static const char *const kept[] = {"0.1-0.tmp", "zarr.json", "x.tmp", "0.-1.tmp", ".12-.tmp"};
  char dead[256], path[256];
  neap_grid g;
  pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, NULL, 0);
  snprintf(dead, sizeof dead, "%s/0.%ld-7.tmp", folder, (long)child);
  assert_ok(neap_file_write(dead, "x", 1));
  for (int i = 0; i < 5; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, kept[i]);
    assert_ok(neap_file_write(path, "x", 1));
  }
  grid_init(&g, 0, NEAP_F64);
  assert_ok(neap_grid_sweep(&g));
  assert_false(neap_file_exists(dead));
  for (int i = 0; i < 5; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, kept[i]);
    assert_ok(neap_file_remove(path));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_sum_is_the_published_one),
      cmocka_unit_test(chunks_come_back_as_they_were),
      cmocka_unit_test(damage_is_noticed),
      cmocka_unit_test(failed_allocations_lose_nothing),
      cmocka_unit_test(leftovers_of_the_dead_go),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
