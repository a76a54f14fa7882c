#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/rng.h"
#include "base/sha256.h"

/* One temporary folder for the whole run; file(name) is a path in it. */
static char *folder;

static const char *file(const char *name) {
  static char paths[4][512];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static void assert_file_is(const char *path, const char *want, size_t length) {
  char *data;
  int64_t n;
  assert_ok(neap_file_read(path, &data, &n));
  assert_int_equal(n, length);
  assert_memory_equal(data, want, length);
  assert_int_equal(data[n], 0);
  neap_free(data);
}

static int64_t entries(void) {
  char **names;
  int64_t n;
  assert_ok(neap_folder_list(folder, &names, &n));
  neap_names_free(names, n);
  return n;
}

/* size bytes that compress a little. */
static char *some_bytes(size_t size) {
  neap_rng r = neap_rng_make(3);
  char *data = neap_alloc(size);
  for (size_t i = 0; i < size; i++) data[i] = (char)('a' + neap_rng_below(&r, 20));
  return data;
}

static void files_come_back_as_written(void **state) {
  (void)state;
  static const char *const names[] = {"plain", "packed.gz", "packed.zst"};
  enum { SIZE = 1500000 };
  char *data = some_bytes(SIZE);
  for (int k = 0; k < 3; k++) {
    const char *path = file(names[k]);
    assert_ok(neap_file_write(path, "", 0));
    assert_file_is(path, "", 0);
    neap_writer *w;
    assert_ok(neap_writer_open(&w, path));
    for (size_t at = 0, n = 1; at < SIZE; at += n, n = n * 3 % 400009 + 1) {
      if (n > SIZE - at) n = SIZE - at;
      assert_ok(neap_writer_write(w, data + at, n));
    }
    assert_ok(neap_writer_commit(w));
    assert_file_is(path, data, SIZE);
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    assert_true(k == 0 ? s.st_size == SIZE : s.st_size < SIZE);
    assert_ok(neap_file_remove(path));
  }
  neap_free(data);
}

static void reading_in_small_pieces(void **state) {
  (void)state;
  assert_ok(neap_file_write(file("small.gz"), "0123456789", 10));
  neap_reader *r;
  assert_ok(neap_reader_open(&r, file("small.gz")));
  char buf[4];
  size_t got;
  for (int i = 0; i < 10; i += 4) {
    assert_ok(neap_reader_read(r, buf, 4, &got));
    assert_int_equal(got, i < 8 ? 4 : 2);
    assert_int_equal(buf[0], '0' + i);
  }
  assert_ok(neap_reader_read(r, buf, 4, &got));
  assert_int_equal(got, 0);
  neap_reader_close(r);
}

/* Put bytes on disk as they are, whatever the name. */
static void write_raw(const char *path, const char *data, size_t n) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, n, f), n);
  fclose(f);
}

static size_t read_raw(const char *path, char *data, size_t room) {
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  size_t n = fread(data, 1, room, f);
  fclose(f);
  return n;
}

static void members_and_frames_are_joined(void **state) {
  (void)state;
  static const char *const names[] = {"one.gz", "one.zst"};
  for (int k = 0; k < 2; k++) {
    char raw[400];
    assert_ok(neap_file_write(file(names[k]), "hello ", 6));
    size_t n = read_raw(file(names[k]), raw, 200);
    memcpy(raw + n, raw, n);
    write_raw(file("joined"), raw, 2 * n);
    assert_file_is(file("joined"), "hello hello ", 12);
  }
}

static void zero_padding_after_gzip_is_fine(void **state) {
  (void)state;
  char raw[400] = {0};
  assert_ok(neap_file_write(file("one.gz"), "hello", 5));
  size_t n = read_raw(file("one.gz"), raw, 200);
  write_raw(file("padded"), raw, n + 100);
  assert_file_is(file("padded"), "hello", 5);
  raw[n + 50] = 'x';
  write_raw(file("padded"), raw, n + 100);
  char *data;
  int64_t length;
  assert_fails(neap_file_read(file("padded"), &data, &length), NEAP_EFORMAT, "other bytes follow");
}

/* Cut at every length and flip every byte: an error that names the file, or the right bytes. */
static void damaged_files_are_noticed(void **state) {
  (void)state;
  static const char *const names[] = {"whole.gz", "whole.zst"};
  for (int k = 0; k < 2; k++) {
    char raw[400], *data;
    int64_t length;
    assert_ok(neap_file_write(file(names[k]), "a small file, a small file", 26));
    size_t n = read_raw(file(names[k]), raw, sizeof raw);
    for (size_t cut = 4; cut < n; cut++) {
      write_raw(file("damaged"), raw, cut);
      assert_fails(neap_file_read(file("damaged"), &data, &length), NEAP_EFORMAT, "damaged");
      assert_non_null(strstr(neap_last_error(), "truncated"));
      assert_null(data);
    }
    for (size_t i = 4; i < n; i++) {
      raw[i] ^= 0x10;
      write_raw(file("damaged"), raw, n);
      neap_status st = neap_file_read(file("damaged"), &data, &length);
      if (st) assert_non_null(strstr(neap_last_error(), "damaged"));
      else assert_memory_equal(data, "a small file, a small file", 26);
      neap_free(data);
      raw[i] ^= 0x10;
    }
  }
}

static void missing_files_are_named(void **state) {
  (void)state;
  neap_reader *r;
  assert_fails(neap_reader_open(&r, "/nowhere/x.csv"), NEAP_EIO,
               "open '/nowhere/x.csv': No such file or directory");
  assert_null(r);
  assert_fails(neap_reader_open(&r, folder), NEAP_EIO, "Is a directory");
  neap_writer *w;
  assert_fails(neap_writer_open(&w, "/nowhere/x.csv"), NEAP_EIO,
               "write '/nowhere/x.csv': No such file or directory");
  assert_fails(neap_writer_open(&w, folder), NEAP_EIO, "Is a directory");
  assert_null(w);
}

static void an_abandoned_file_leaves_nothing(void **state) {
  (void)state;
  assert_ok(neap_file_write(file("kept"), "old", 3));
  int64_t before = entries();
  neap_writer *w;
  assert_ok(neap_writer_open(&w, file("kept")));
  assert_ok(neap_writer_write(w, "new and longer", 14));
  assert_int_equal(entries(), before + 1);
  assert_file_is(file("kept"), "old", 3);
  neap_writer_abandon(w);
  assert_int_equal(entries(), before);
  assert_file_is(file("kept"), "old", 3);
}

/* Fail every call to the system in turn: each error names the file and the reason, the old content
 * or the whole new one is there, and no temporary file stays. */
static void a_full_disk_loses_nothing(void **state) {
  (void)state;
  static const char *const names[] = {"disk", "disk.gz", "disk.zst"};
  enum { SIZE = 400000 };
  char *data = some_bytes(SIZE);
  for (int k = 0; k < 3; k++) {
    const char *path = file(names[k]);
    assert_ok(neap_file_write(path, "old", 3));
    int64_t before = entries();
    int failures = 0;
    for (int64_t call = 1;; call++) {
      neap_file_fail_after(call, ENOSPC);
      neap_status st = neap_file_write(path, data, SIZE);
      if (neap_file_fail_armed()) {
        assert_ok(st);
        break;
      }
      failures++;
      assert_int_equal(st, NEAP_EIO);
      assert_non_null(strstr(neap_last_error(), "disk"));
      assert_non_null(strstr(neap_last_error(), "No space left on device"));
      assert_int_equal(entries(), before);
      if (!strstr(neap_last_error(), "sync the folder")) assert_file_is(path, "old", 3);
      assert_ok(neap_file_write(path, "old", 3));
    }
    neap_file_fail_after(0, 0);
    assert_true(failures >= 5);
    assert_file_is(path, data, SIZE);
  }
  neap_free(data);
}

static void a_failed_writer_stays_failed(void **state) {
  (void)state;
  char *data = some_bytes(300000);
  neap_writer *w;
  assert_ok(neap_writer_open(&w, file("sticky")));
  neap_file_fail_after(1, EIO);
  assert_fails(neap_writer_write(w, data, 300000), NEAP_EIO, "sticky': Input/output error");
  assert_fails(neap_writer_write(w, "x", 1), NEAP_EIO, "sticky': Input/output error");
  assert_fails(neap_writer_commit(w), NEAP_EIO, "sticky': Input/output error");
  assert_false(neap_file_exists(file("sticky")));
  neap_free(data);
}

static void permissions_and_devices(void **state) {
  (void)state;
  assert_ok(neap_file_write(file("mode"), "a", 1));
  assert_int_equal(chmod(file("mode"), 0640), 0);
  assert_ok(neap_file_write(file("mode"), "b", 1));
  struct stat s;
  assert_int_equal(stat(file("mode"), &s), 0);
  assert_int_equal(s.st_mode & 07777, 0640);
  assert_ok(neap_file_write("/dev/null", "b", 1));
  assert_int_equal(stat("/dev/null", &s), 0);
  assert_true(S_ISCHR(s.st_mode));
}

static void out_of_memory_leaves_nothing(void **state) {
  (void)state;
  assert_ok(neap_file_write(file("memory.gz"), "hello", 5));
  int64_t before = entries();
  with_every_allocation_failing({
    char *data;
    int64_t n;
    char **names;
    if (!neap_file_read(file("memory.gz"), &data, &n)) neap_free(data);
    if (!neap_file_write(file("memory.gz"), "hello", 5)) {}
    if (!neap_folder_make(file("memory/a"))) {}
    if (!neap_folder_list(folder, &names, &n)) neap_names_free(names, n);
    if (!neap_folder_temporary(&data)) {
      rmdir(data);
      neap_free(data);
    }
  });
  assert_file_is(file("memory.gz"), "hello", 5);
  assert_ok(neap_folder_remove_tree(file("memory")));
  assert_int_equal(entries(), before);
}

static void ctrl_c_stops_reading(void **state) {
  (void)state;
  assert_ok(neap_file_write(file("long"), "hello", 5));
  char *data;
  int64_t n;
  neap_interrupt_raise();
  assert_fails(neap_file_read(file("long"), &data, &n), NEAP_EINTERRUPT, "interrupted");
  assert_fails(neap_clock_sleep(1000000000), NEAP_EINTERRUPT, "interrupted");
  neap_interrupt_clear();
}

static void folders(void **state) {
  (void)state;
  assert_ok(neap_folder_make(file("tree/b/c/")));
  assert_ok(neap_folder_make(file("tree/b/c")));
  assert_ok(neap_file_write(file("tree/b/x"), "x", 1));
  assert_ok(neap_file_write(file("tree/a"), "x", 1));
  assert_int_equal(symlink(folder, file("tree/link")), 0);
  assert_fails(neap_folder_make(file("tree/a/d")), NEAP_EIO, "tree/a': File exists");
  char **names;
  int64_t n;
  assert_ok(neap_folder_list(file("tree"), &names, &n));
  assert_int_equal(n, 3);
  assert_string_equal(names[0], "a");
  assert_string_equal(names[1], "b");
  assert_string_equal(names[2], "link");
  neap_names_free(names, n);
  assert_fails(neap_file_remove(file("tree")), NEAP_EIO, "Directory not empty");
  int64_t before = entries();
  assert_ok(neap_folder_remove_tree(file("tree")));
  assert_ok(neap_folder_remove_tree(file("tree")));
  assert_int_equal(entries(), before - 1);
  static const char *const refused[] = {"", "/", ".", "..", "/tmp/..", "a/./", "//"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    assert_fails(neap_folder_remove_tree(refused[i]), NEAP_EARG, "not the name of a folder");
  assert_fails(neap_folder_list("/nowhere", &names, &n), NEAP_EIO, "list '/nowhere'");
}

static void sha256_of_published_vectors(void **state) {
  (void)state; /* FIPS 180-4 examples: "abc", 56 bytes, a million times "a" */
  neap_sha256 h;
  char text[65];
  neap_sha256_init(&h);
  neap_sha256_hex(&h, text);
  assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  neap_sha256_init(&h);
  neap_sha256_add(&h, "abc", 3);
  neap_sha256_hex(&h, text);
  assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  neap_sha256_init(&h);
  neap_sha256_add(&h, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56);
  neap_sha256_hex(&h, text);
  assert_string_equal(text, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  char a[1001];
  memset(a, 'a', sizeof a);
  neap_sha256_init(&h);
  for (size_t left = 1000000, n = 1; left; left -= n, n = n * 7 % 1001) {
    if (n > left) n = left;
    neap_sha256_add(&h, a, n);
  }
  neap_sha256_hex(&h, text);
  assert_string_equal(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void sha256_is_the_same_without_instructions(void **state) {
  (void)state;
  uint8_t bytes[640];
  uint32_t x = 1;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
  for (size_t n = 0; n <= 10; n++) {
    uint32_t a[8], b[8];
    for (uint32_t i = 0; i < 8; i++) a[i] = b[i] = 0x9e3779b9u * (i + 1) + (uint32_t)n;
    neap__sha256_blocks(a, bytes, n);
    neap__sha256_blocks_plain(b, bytes, n);
    assert_memory_equal(a, b, sizeof a);
  }
  for (size_t n = 0; n <= 300; n += 37) {
    uint8_t a[32], b[32], want[32];
    neap_sha256_pair(bytes, bytes + 301, n, a, b);
    for (int k = 0; k < 2; k++) {
      neap_sha256 h;
      neap_sha256_init(&h);
      neap_sha256_add(&h, bytes + 301 * k, n);
      neap_sha256_end(&h, want);
      assert_memory_equal(k ? b : a, want, sizeof want);
    }
  }
}

static void clocks_run_forward(void **state) {
  (void)state;
  int64_t before = neap_clock_monotonic(), cpu = neap_clock_cpu();
  assert_ok(neap_clock_sleep(2000000));
  assert_true(neap_clock_monotonic() - before >= 2000000);
  assert_true(neap_clock_cpu() >= cpu);
  assert_true(neap_clock_wall() > (int64_t)1700000000 * 1000000000);
  assert_true(neap_clock_peak_rss() > 100000);
}

static int make_folder(void **state) {
  (void)state;
  return (int)neap_folder_temporary(&folder);
}

static int remove_folder(void **state) {
  (void)state;
  neap_status st = neap_folder_remove_tree(folder);
  neap_free(folder);
  return (int)st;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(files_come_back_as_written),
      cmocka_unit_test(reading_in_small_pieces),
      cmocka_unit_test(members_and_frames_are_joined),
      cmocka_unit_test(zero_padding_after_gzip_is_fine),
      cmocka_unit_test(damaged_files_are_noticed),
      cmocka_unit_test(missing_files_are_named),
      cmocka_unit_test(an_abandoned_file_leaves_nothing),
      cmocka_unit_test(a_full_disk_loses_nothing),
      cmocka_unit_test(a_failed_writer_stays_failed),
      cmocka_unit_test(permissions_and_devices),
      cmocka_unit_test(out_of_memory_leaves_nothing),
      cmocka_unit_test(ctrl_c_stops_reading),
      cmocka_unit_test(folders),
      cmocka_unit_test(sha256_of_published_vectors),
      cmocka_unit_test(sha256_is_the_same_without_instructions),
      cmocka_unit_test(clocks_run_forward),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
