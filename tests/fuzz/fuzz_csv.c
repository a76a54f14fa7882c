/* CSV from any bytes: no crash, columns of one length, and what was read is written and read back
 * the same. The first byte picks the options. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "frame/frame.h"

enum { MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool fact) {
  if (!fact) abort();
}

static const char *scratch(const char *what) {
  static char path[2][64];
  static int turn;
  turn = !turn;
  const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  snprintf(path[turn], sizeof path[turn], "%s/neap_fuzz_%s_%ld", folder, what, (long)getpid());
  return path[turn];
}

static void save(const char *path, const uint8_t *data, size_t n) {
  FILE *f = fopen(path, "wb");
  require(f && fwrite(data, 1, n, f) == n && fclose(f) == 0);
}

static void check_table(const neap_table *t) {
  for (int64_t i = 0; i < t->count; i++) {
    const neap_column *c = &t->columns[i];
    require(c->values.ndim == 1 && c->values.size[0] == t->rows && c->name[0]);
    const int32_t *code = c->values.storage->data;
    for (int64_t row = 0; c->kind == NEAP_COLUMN_CATEGORY && row < t->rows; row++)
      require(code[row] >= 0 && code[row] <= c->label_count);
  }
}

static bool same_value(const neap_column *a, const neap_column *b, int64_t row) {
  size_t size = neap_dtype_size(a->values.dtype);
  const char *x = a->values.storage->data, *y = b->values.storage->data;
  if (a->kind == NEAP_COLUMN_NUMBER) {
    double v = neap_tensor_get_f64(&a->values, &row), w = neap_tensor_get_f64(&b->values, &row);
    return v == w || (v != v && w != w);
  }
  if (a->kind != NEAP_COLUMN_CATEGORY)
    return memcmp(x + (size_t)row * size, y + (size_t)row * size, size) == 0;
  int64_t p = neap_tensor_get_i64(&a->values, &row), q = neap_tensor_get_i64(&b->values, &row);
  return p && q ? strcmp(a->labels[p - 1], b->labels[q - 1]) == 0 : p == q;
}

/* Written and read again under the kinds that were found, a table is the same. */
static void check_round_trip(const neap_table *t) {
  const char *path = scratch("out");
  if (neap_csv_write(path, t->columns, t->count, true)) abort();
  const char **name = malloc((size_t)t->count * sizeof *name);
  neap_column_kind *kind = malloc((size_t)t->count * sizeof *kind);
  for (int64_t i = 0; i < t->count; i++) {
    name[i] = t->columns[i].name;
    kind[i] = t->columns[i].kind;
  }
  neap_csv_options o = {.delimiter = ',', .typed = name, .kinds = kind, .typed_count = t->count};
  neap_table back;
  if (neap_csv_read(&back, path, &o)) {
    fprintf(stderr, "%s\n", neap_last_error());
    abort();
  }
  require(back.rows == t->rows && back.count == t->count);
  for (int64_t i = 0; i < t->count; i++)
    for (int64_t row = 0; row < t->rows; row++)
      require(same_value(&t->columns[i], &back.columns[i], row));
  neap_table_drop(&back);
  unlink(path);
  free(name);
  free(kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n < 1 || n > MAX) return 0;
  int64_t live = neap_alloc_live();
  static const char *const missing[] = {"-"};
  neap_csv_options o = {.comment = data[0] & 1 ? '#' : 0, .no_header = data[0] & 2};
  if (data[0] & 4) o.delimiter = ';';
  if (data[0] & 8) o.missing = missing, o.missing_count = 1;
  if (data[0] & 16) o.decimal = ',';
  if (data[0] & 32) o.thousands = data[0] & 64 ? ' ' : '\'';
  if (data[0] & 64) o.replace_invalid = true, o.skip_rows = 1;
  if (data[0] & 128) o.limited = true, o.max_rows = 2;
  const char *path = scratch("in");
  save(path, data + 1, n - 1);
  neap_table t;
  if (neap_csv_read(&t, path, &o)) require(neap_last_error()[0]);
  else {
    check_table(&t);
    check_round_trip(&t);
  }
  neap_table_drop(&t);
  unlink(path);
  require(neap_alloc_live() == live);
  return 0;
}
