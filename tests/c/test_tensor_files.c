/* Archives and mapped files: round trips over every dtype and shape, zip64, hostile bytes, failed
 * allocations and failed writes. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "check.h"
#include "tensor/archive.h"

static const neap_only all = {0, NULL};

static void fill(neap_tensor *t, neap_dtype dtype, int ndim, const int64_t *size) {
  assert_ok(neap_tensor_init(t, dtype, ndim, size));
  int64_t n = neap_tensor_numel(t);
  unsigned char *bytes = neap_tensor_data(t);
  for (int64_t i = 0; i < n * (int64_t)neap_dtype_size(dtype); i++)
    bytes[i] = (unsigned char)(dtype == NEAP_BOOL ? i & 1 : (i * 37 + 11) & 63);
}

/* Every dtype with 0 to 3 dims, one of them empty, and one name beyond ASCII. */
static void fill_archive(neap_archive *a) {
  static const int64_t size[] = {3, 1, 2}, empty[] = {2, 0};
  char name[32];
  memset(a, 0, sizeof *a);
  for (neap_dtype d = 0; d < NEAP_DTYPE_COUNT; d++)
    for (int ndim = 0; ndim <= 4; ndim++) {
      neap_tensor t;
      fill(&t, d, ndim == 4 ? 2 : ndim, ndim == 4 ? empty : size);
      int n = snprintf(name, sizeof name, "%s/%d \xc3\xa9", neap_dtype_name(d), 4 - ndim);
      assert_ok(neap_archive_add(a, name, (size_t)n, &t));
      neap_tensor_drop(&t);
    }
}

static const neap_tensor *find(const neap_archive *a, const char *name) {
  for (int64_t i = 0; i < a->n; i++)
    if (strcmp(a->item[i].name, name) == 0) return &a->item[i].t;
  fail_msg("no '%s'", name);
  return NULL;
}

static void same_tensor(const neap_tensor *got, const neap_tensor *want) {
  assert_int_equal(got->dtype, want->dtype);
  assert_true(neap_tensor_same_shape(got, want));
  assert_true(neap_tensor_is_contiguous(got));
  size_t bytes = (size_t)neap_tensor_numel(got) * neap_dtype_size(got->dtype);
  assert_memory_equal(neap_tensor_data(got), neap_tensor_data(want), bytes);
}

static void same_archive(const neap_archive *got, const neap_archive *want) {
  assert_int_equal(got->n, want->n);
  for (int64_t i = 1; i < got->n; i++)
    assert_true(strcmp(got->item[i - 1].name, got->item[i].name) < 0);
  for (int64_t i = 0; i < want->n; i++)
    same_tensor(find(got, want->item[i].name), &want->item[i].t);
}

typedef struct {
  const char *name;
  neap_npz_options npz;
  bool safetensors;
} form;

static const form forms[] = {{"stored", {false, 0}, false},
                             {"deflated", {true, 0}, false},
                             {"stored zip64", {false, 1}, false},
                             {"deflated zip64", {true, 300}, false},
                             {"safetensors", {false, 0}, true}};
enum { FORMS = sizeof forms / sizeof *forms };

static neap_status save(const form *f, const char *path, neap_archive *a) {
  return f->safetensors ? neap_safetensors_save(path, a) : neap_npz_save(path, a, f->npz);
}

static neap_status load(const form *f, neap_archive *out, const char *path) {
  return f->safetensors ? neap_safetensors_load(out, path, all) : neap_npz_load(out, path, all);
}

static neap_status parse(const form *f, neap_archive *out, const char *data, int64_t n) {
  neap_bytes *b;
  memset(out, 0, sizeof *out);
  NEAP_TRY(neap_bytes_borrow(&b, data, n, "memory"));
  neap_status st = f->safetensors ? neap_safetensors_read(out, b, all) : neap_npz_read(out, b, all);
  neap_bytes_close(b);
  return st;
}

static char path[] = "/tmp/neap_files_XXXXXX";

static int make_path(void **state) {
  (void)state;
  int fd = mkstemp(path);
  return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state) {
  (void)state;
  return unlink(path);
}

static void archives_come_back_as_they_were(void **state) {
  (void)state;
  for (int f = 0; f < FORMS; f++) {
    neap_archive a, back, nothing = {0};
    fill_archive(&a);
    assert_ok(save(&forms[f], path, &a));
    assert_ok(load(&forms[f], &back, path));
    same_archive(&back, &a);
    neap_archive_drop(&back);
    neap_archive_drop(&a);
    assert_ok(save(&forms[f], path, &nothing));
    assert_ok(load(&forms[f], &back, path));
    assert_int_equal(back.n, 0);
    neap_archive_drop(&back);
  }
}

static void views_are_written_in_c_order(void **state) {
  (void)state;
  static const int64_t size[] = {3, 4};
  for (int f = 0; f < FORMS; f++) {
    neap_archive a = {0}, back;
    neap_tensor t, turned, plain;
    fill(&t, NEAP_F64, 2, size);
    assert_ok(neap_tensor_transpose(&turned, &t, 0, 1));
    assert_ok(neap_tensor_clone(&plain, &turned));
    assert_ok(neap_archive_add(&a, "x", 1, &turned));
    assert_ok(save(&forms[f], path, &a));
    assert_ok(load(&forms[f], &back, path));
    same_tensor(&back.item[0].t, &plain);
    neap_archive_drop(&back);
    neap_archive_drop(&a);
    neap_tensor_drop(&plain);
    neap_tensor_drop(&turned);
    neap_tensor_drop(&t);
  }
}

static void only_what_is_wanted_is_read(void **state) {
  (void)state;
  static const char *const some[] = {"i64/1 \xc3\xa9"}, *const none[] = {"i65"};
  for (int f = 0; f < FORMS; f += 4) {
    neap_archive a, back;
    fill_archive(&a);
    assert_ok(save(&forms[f], path, &a));
    bool other = forms[f].safetensors;
    neap_status (*read)(neap_archive *, const char *, neap_only) =
        other ? neap_safetensors_load : neap_npz_load;
    assert_ok(read(&back, path, (neap_only){1, some}));
    assert_int_equal(back.n, 1);
    same_tensor(&back.item[0].t, find(&a, some[0]));
    neap_archive_drop(&back);
    assert_fails(read(&back, path, (neap_only){1, none}), NEAP_EARG, "holds no 'i65'");
    neap_archive_drop(&a);
  }
}

/* Whatever one byte becomes and wherever the file ends: refused or read, with memory given back. */
static void damaged_archives_are_refused(void **state) {
  (void)state;
  int64_t live = neap_alloc_live();
  for (int f = 0; f < FORMS; f++) {
    neap_archive a = {0}, back;
    neap_tensor t;
    static const int64_t size[] = {5};
    fill(&t, NEAP_F32, 1, size);
    assert_ok(neap_archive_add(&a, "x", 1, &t));
    assert_ok(neap_archive_add(&a, "yy", 2, &t));
    assert_ok(save(&forms[f], path, &a));
    char *data;
    int64_t n, accepted = 0;
    assert_ok(neap_file_read(path, &data, &n));
    for (int64_t k = 0; k < n; k++) {
      char *cut = neap_strndup(data, (size_t)k); /* its end is the block's, for the sanitizer */
      assert_int_not_equal(parse(&forms[f], &back, cut, k), NEAP_OK);
      neap_free(cut);
    }
    for (int64_t i = 0; i < n; i++)
      for (int bit = 0; bit < 8; bit += 7) {
        data[i] = (char)(data[i] ^ 1 << bit);
        if (parse(&forms[f], &back, data, n) == NEAP_OK) accepted++;
        neap_archive_drop(&back);
        data[i] = (char)(data[i] ^ 1 << bit);
      }
    assert_true(accepted < n); /* dates, versions, spaces; and in safetensors every element */
    neap_free(data);
    neap_archive_drop(&a);
    neap_tensor_drop(&t);
  }
  assert_int_equal(neap_alloc_live(), live);
}

static void a_changed_element_breaks_the_sum(void **state) {
  (void)state;
  static const int64_t size[] = {100};
  neap_archive a = {0}, back;
  neap_tensor t;
  fill(&t, NEAP_F64, 1, size);
  assert_ok(neap_archive_add(&a, "x", 1, &t));
  assert_ok(save(&forms[0], path, &a));
  char *data;
  int64_t n;
  assert_ok(neap_file_read(path, &data, &n));
  data[500] ^= 1;
  assert_fails(parse(&forms[0], &back, data, n), NEAP_EFORMAT, "its CRC is");
  neap_free(data);
  neap_archive_drop(&a);
  neap_tensor_drop(&t);
}

/* Lengths around those at which the loops begin and end, at every alignment, in two pieces. */
static void the_sum_is_that_of_zlib(void **state) {
  (void)state;
  unsigned char data[400];
  for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * i * 31 + 7);
  for (size_t from = 0; from < 17; from++)
    for (size_t n = 0; from + n <= sizeof data; n++) {
      size_t first = n * from / 16;
      uint32_t sum =
          neap__crc32(neap__crc32(0, data + from, first), data + from + first, n - first);
      assert_int_equal(sum, crc32(crc32(0, NULL, 0), data + from, (uInt)n));
    }
}

static void equal_names_are_refused(void **state) {
  (void)state;
  neap_archive a = {0};
  neap_tensor t;
  fill(&t, NEAP_F64, 0, NULL);
  for (int i = 0; i < 2; i++) assert_ok(neap_archive_add(&a, "x", 1, &t));
  for (int f = 0; f < FORMS; f++)
    assert_fails(save(&forms[f], path, &a), NEAP_EFORMAT, "two tensors named 'x'");
  neap_archive_drop(&a);
  assert_ok(neap_archive_add(&a, "\xff", 1, &t));
  for (int f = 0; f < FORMS; f++) assert_fails(save(&forms[f], path, &a), NEAP_EARG, "not UTF-8");
  neap_archive_drop(&a);
  neap_tensor_drop(&t);
}

/* safetensors by hand -------------------------------------------------------------------------- */

/* header and n bytes of data as a file; *size is its length. For neap_free. */
static char *compose(const char *header, const char *data, size_t n, int64_t *size) {
  size_t h = strlen(header);
  char *file = neap_alloc(8 + h + n);
  assert_non_null(file);
  for (int i = 0; i < 8; i++) file[i] = (char)((uint64_t)h >> 8 * i & 255);
  memcpy(file + 8, header, h);
  if (n) memcpy(file + 8 + h, data, n);
  *size = (int64_t)(8 + h + n);
  return file;
}

static neap_status parse_header(neap_archive *out, const char *header, const char *data, size_t n) {
  int64_t size;
  char *file = compose(header, data, n, &size);
  neap_status st = parse(&forms[4], out, file, size);
  neap_free(file);
  return st;
}

static void narrow_types_widen_exactly(void **state) {
  (void)state;
  static const struct {
    const char *dtype;
    const char bytes[9];
    int size, n;
    double want[2];
    neap_dtype becomes;
  } cases[] = {
      {"F16", "\x00\x3c\x01\x80", 2, 2, {1, -0x1p-24}, NEAP_F32},
      {"F16", "\xff\x7b\x00\xfc", 2, 2, {65504, -INFINITY}, NEAP_F32},
      {"F16", "\x00\x04\x01\x7e", 2, 2, {0x1p-14, NAN}, NEAP_F32},
      {"BF16", "\x80\x3f\x48\xc0", 2, 2, {1, -3.125}, NEAP_F32},
      {"I8", "\x80\x7f", 1, 2, {-128, 127}, NEAP_I32},
      {"I16", "\x00\x80\xff\x7f", 2, 2, {-32768, 32767}, NEAP_I32},
      {"U16", "\xff\xff\x01\x00", 2, 2, {65535, 1}, NEAP_I32},
      {"U32", "\xff\xff\xff\xff", 4, 1, {4294967295.0, 0}, NEAP_I64},
      {"U64", "\xff\xff\xff\xff\0\0\0", 8, 1, {4294967295.0, 0}, NEAP_I64},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char header[128];
    neap_archive a;
    neap_tensor wide;
    int n = cases[i].n;
    snprintf(header, sizeof header,
             "{\"x\":{\"dtype\":\"%s\",\"shape\":[%d],\"data_offsets\":[0,%d]}}", cases[i].dtype, n,
             n * cases[i].size);
    assert_ok(parse_header(&a, header, cases[i].bytes, (size_t)(n * cases[i].size)));
    assert_int_equal(a.item[0].t.dtype, cases[i].becomes);
    assert_ok(neap_tensor_as(&wide, &a.item[0].t, NEAP_F64));
    assert_same(n, neap_tensor_data(&wide), cases[i].want, 0);
    neap_tensor_drop(&wide);
    neap_archive_drop(&a);
  }
}

static void headers_are_read_strictly(void **state) {
  (void)state;
#define X(range) "{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":" range "}"
  static const struct {
    const char *header, *message;
  } cases[] = {
      {"", "does not begin with {"},
      {" {}", "does not begin with {"},
      {"{} x", "text behind the header"},
      {"{}", "bytes behind the last range"},
      {"{\"a\":" X("[0,2]") ",\"a\":" X("[2,4]") "}", "two tensors named 'a'"},
      {"{\"a\":" X("[0,2]") ",\"\\u0061\":" X("[2,4]") "}", "two tensors named 'a'"},
      {"{\"a\":" X("[0,2]") ",\"b\":" X("[1,3]") "}", "ranges overlap"},
      {"{\"a\":" X("[0,2]") ",\"b\":" X("[3,5]") "}", "a hole between ranges"},
      {"{\"a\":" X("[1,3]") "}", "a hole between ranges"},
      {"{\"a\":" X("[0,2]") ",\"b\":" X("[2,4]") ",\"c\":" X("[4,6]") "}", "it ends early"},
      {"{\"a\":" X("[0,3]") "}", "a range that its shape does not fill"},
      {"{\"a\":" X("[2,0]") "}", "a range that its shape does not fill"},
      {"{\"a\":" X("[0,-2]") "}", "a whole number expected"},
      {"{\"a\":" X("[0,2.0]") "}", "']' expected"},
      {"{\"a\":" X("[0,02]") "}", "a whole number expected"},
      {"{\"a\":" X("[0,99999999999999999999]") "}", "too large"},
      {"{\"a\":" X("[0,2],\"x\":1") "}", "an unknown key"},
      {"{\"a\":" X("[0,2],\"dtype\":\"U8\"") "}", "a key stands twice"},
      {"{\"a\":{\"dtype\":\"U8\"}}", "is missing"},
      {"{\"a\":{\"dtype\":\"F8_E4M3\"}}", "dtype 'F8_E4M3' of 'a' is not one of"},
      {"{\"a\":" X("[0,2]") ",}", "'\"' expected"},
      {"{\"a", "a text without end"},
      {"{\"a\\x\"", "an unknown escape"},
      {"{\"\\ud800\"", "no character behind"},
      {"{\"\\u0000\"", "no character behind"},
      {"{\"\xff\"", "not UTF-8"},
      {"{\"\n\"", "a control character"},
      {"{\"__metadata__\":{\"a\":1}}", "'\"' expected"},
      {"{\"__metadata__\":{},\"__metadata__\":{}}", "a key stands twice"},
      {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"},\"a\":" X("[0,2]") ",\"b\":" X("[2,4]") "}",
       "two metadata keys 'k'"},
      {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1]}}", "more than 8 dimensions"},
      {"{\"a\":{\"dtype\":\"F64\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}",
       "too large"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    neap_archive a;
    neap_status st = parse_header(&a, cases[i].header, "abcd", 4);
    if (!st || !strstr(neap_last_error(), cases[i].message))
      fail_msg("%s gave %d \"%s\"", cases[i].header, (int)st, neap_last_error());
  }
  neap_archive a;
  assert_ok(parse_header(
      &a,
      "{ \"\\ud83d\\ude00\\n\" : " X("[0,2]") ", \"__metadata__\" : "
                                              "{\"k\":\"\\u00e9\"}, \"b\" : " X("[ 2 , 4 ]") "}  ",
      "abcd", 4));
  assert_string_equal(a.item[1].name, "\xf0\x9f\x98\x80\n");
  assert_string_equal(a.meta[0].value, "\xc3\xa9");
  neap_archive_drop(&a);
#undef X
  assert_fails(parse(&forms[4], &a, "\xff\xff\xff\xff\0\0\0\0", 8), NEAP_EFORMAT, "100 MB");
}

/* mapping -------------------------------------------------------------------------------------- */

static void a_mapped_file_is_not_written(void **state) {
  (void)state;
  static const int64_t size[] = {3, 4}, at[] = {1, 2};
  for (neap_dtype d = 0; d < NEAP_DTYPE_COUNT; d++) {
    neap_tensor t, mapped, again;
    fill(&t, d, 2, size);
    assert_ok(neap_tensor_save_npy(&t, path));
    assert_ok(neap_tensor_map_npy(&mapped, path));
    same_tensor(&mapped, &t);
    neap_tensor_set_i64(&mapped, at, 1);
    assert_int_equal(neap_tensor_get_i64(&mapped, at), 1);
    assert_ok(neap_tensor_load_npy(&again, path));
    same_tensor(&again, &t);
    neap_tensor_drop(&again);
    neap_tensor_drop(&mapped);
    neap_tensor_drop(&t);
  }
}

static void what_cannot_be_mapped_says_so(void **state) {
  (void)state;
  static const char head[] = "\x93NUMPY\1\0\x76\0";
  static const struct {
    const char *dict, *message;
    neap_status code;
  } cases[] = {
      {"{'descr': '>f8', 'fortran_order': False, 'shape': (1,), }", "byte order", NEAP_EARG},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", "ends early", NEAP_EFORMAT},
      {"{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", "neither 0 nor 1", NEAP_EARG},
      {"{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }", "is widened", NEAP_EARG},
      {"{'descr': '<c8', 'fortran_order': False, 'shape': (2,), }", "dtype '<c8'", NEAP_EDTYPE},
      {"{'shape': (2,), 'fortran_order': False, 'shape': (2,), }", "key stands twice",
       NEAP_EFORMAT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char file[128 + 16];
    neap_tensor t;
    memset(file, ' ', sizeof file);
    memcpy(file, head, 10);
    memcpy(file + 10, cases[i].dict, strlen(cases[i].dict));
    assert_ok(neap_file_write(path, file, sizeof file));
    assert_fails(neap_tensor_map_npy(&t, path), cases[i].code, cases[i].message);
  }
  neap_tensor t;
  assert_ok(neap_file_write(path, "\x1f\x8b", 2));
  assert_fails(neap_tensor_map_npy(&t, path), NEAP_EARG, "it is compressed");
  assert_ok(neap_file_write(path, "", 0));
  assert_fails(neap_tensor_map_npy(&t, path), NEAP_EFORMAT, "it ends early");
  assert_fails(neap_tensor_map_npy(&t, "/dev/null"), NEAP_EIO, "not a regular file");
}

/* faults --------------------------------------------------------------------------------------- */

static void write_and_read(const form *f) {
  neap_archive a = {0}, back;
  neap_tensor t, mapped;
  static const int64_t size[] = {9};
  if (neap_tensor_init(&t, NEAP_F64, 1, size)) return;
  neap_status st = neap_archive_add(&a, "x", 1, &t);
  if (!st) st = neap_archive_add_meta(&a, "k", 1, "v", 1);
  if (!st) st = save(f, path, &a);
  if (!st && !load(f, &back, path)) neap_archive_drop(&back);
  if (!st && !neap_tensor_save_npy(&t, path) && !neap_tensor_map_npy(&mapped, path))
    neap_tensor_drop(&mapped);
  neap_archive_drop(&a);
  neap_tensor_drop(&t);
}

static void failed_allocations_lose_nothing(void **state) {
  (void)state;
  for (int f = 0; f < FORMS; f++) with_every_allocation_failing(write_and_read(&forms[f]));
}

static void failed_writes_leave_the_old_file(void **state) {
  (void)state;
  for (int f = 0; f < FORMS; f++) {
    neap_archive a, old = {0}, back;
    fill_archive(&a);
    assert_ok(save(&forms[f], path, &old));
    for (int64_t k = 1;; k++) {
      neap_file_fail_after(k, 28); /* disk full */
      neap_status st = save(&forms[f], path, &a);
      if (neap_file_fail_armed()) break;
      assert_int_equal(st, NEAP_EIO);
      if (load(&forms[f], &back, path)) fail_msg("fault %d: %s", (int)k, neap_last_error());
      assert_true(back.n == 0 || back.n == a.n); /* whole: the old one or the new one */
      neap_archive_drop(&back);
    }
    neap_file_fail_after(0, 0);
    neap_archive_drop(&a);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(archives_come_back_as_they_were),
      cmocka_unit_test(views_are_written_in_c_order),
      cmocka_unit_test(only_what_is_wanted_is_read),
      cmocka_unit_test(damaged_archives_are_refused),
      cmocka_unit_test(a_changed_element_breaks_the_sum),
      cmocka_unit_test(the_sum_is_that_of_zlib),
      cmocka_unit_test(equal_names_are_refused),
      cmocka_unit_test(narrow_types_widen_exactly),
      cmocka_unit_test(headers_are_read_strictly),
      cmocka_unit_test(a_mapped_file_is_not_written),
      cmocka_unit_test(what_cannot_be_mapped_says_so),
      cmocka_unit_test(failed_allocations_lose_nothing),
      cmocka_unit_test(failed_writes_leave_the_old_file),
  };
  return cmocka_run_group_tests(tests, make_path, remove_path);
}
