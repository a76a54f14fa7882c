/* JSON lines from any bytes: no crash, columns of one length, and what was read is written and read
 * back the same under the kinds that were found. */
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

static bool same_value(const neap_column *a, const neap_column *b, int64_t row) {
  if (a->kind == NEAP_COLUMN_NUMBER) {
    double v = neap_tensor_get_f64(&a->values, &row), w = neap_tensor_get_f64(&b->values, &row);
    return v == w || (v != v && w != w);
  }
  int64_t p = neap_tensor_get_i64(&a->values, &row), q = neap_tensor_get_i64(&b->values, &row);
  if (a->kind != NEAP_COLUMN_CATEGORY) return p == q;
  return p && q ? strcmp(a->labels[p - 1], b->labels[q - 1]) == 0 : p == q;
}

static void check_round_trip(const neap_table *t) {
  const char *path = scratch("jsonl_out");
  require(!neap_jsonl_write(path, t->columns, t->count));
  const char **name = malloc(((size_t)t->count + 1) * sizeof *name);
  neap_column_kind *kind = malloc(((size_t)t->count + 1) * sizeof *kind);
  for (int64_t i = 0; i < t->count; i++) {
    name[i] = t->columns[i].name;
    kind[i] = t->columns[i].kind;
  }
  neap_csv_options o = {.typed = name, .kinds = kind, .typed_count = t->count};
  neap_table back;
  if (neap_jsonl_read(&back, &path, 1, NULL, &o)) {
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
  if (n > MAX) return 0;
  int64_t live = neap_alloc_live();
  const char *path = scratch("jsonl_in");
  save(path, data, n);
  neap_table t;
  if (neap_jsonl_read(&t, &path, 1, NULL, &(neap_csv_options){0})) require(neap_last_error()[0]);
  else {
    for (int64_t i = 0; i < t.count; i++) require(t.columns[i].values.size[0] == t.rows);
    if (t.count) check_round_trip(&t);
  }
  neap_table_drop(&t);
  unlink(path);
  require(neap_alloc_live() == live);
  return 0;
}
