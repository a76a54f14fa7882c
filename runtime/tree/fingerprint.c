#include "tree/fingerprint.h"

#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "base/sha256.h"

enum {
  BLOCK = 1 << 18, /* numbers of a block, about */
  STRIPE = 4,      /* words taken at once */
};

typedef struct {
  uint64_t lane[STRIPE];
} digest;

static inline uint64_t turn(uint64_t v, int by) { return v << by | v >> (64 - by); }

/* Each lane is a one-to-one function of its state for a given word, and of the word for a given
 * state: one changed word always shows. The factors are odd and look random: digits of the golden
 * ratio and of pi. */
static inline uint64_t step(uint64_t lane, uint64_t word) {
  return turn(lane ^ word * 0x9e3779b97f4a7c15U, 29) * 0x243f6a8885a308d3U + 0x13198a2e03707344U;
}

static void add_bytes(digest *d, const char *bytes, size_t n) {
  uint64_t word[STRIPE];
  for (; n >= sizeof word; n -= sizeof word, bytes += sizeof word) {
    memcpy(word, bytes, sizeof word);
    for (int i = 0; i < STRIPE; i++) d->lane[i] = step(d->lane[i], word[i]);
  }
  if (n == 0) return;
  memset(word, 0, sizeof word);
  memcpy(word, bytes, n);
  for (int i = 0; i < STRIPE; i++) d->lane[i] = step(d->lane[i], word[i] + n);
}

typedef struct {
  const neap__matrix *x;
  size_t size; /* of a number */
  digest *block;
} hash_job;

static bool rows_are_dense(const neap__matrix *x) {
  return (x->column_stride == 1 || x->columns == 1) && (x->row_stride == x->columns);
}

/* One row after another into place. */
static void copy_row(const hash_job *job, int64_t row, char *to) {
  const neap__matrix *x = job->x;
  const char *from = x->data + row * x->row_stride * (int64_t)job->size;
  for (int64_t c = 0; c < x->columns; c++)
    memcpy(to + c * (int64_t)job->size, from + c * x->column_stride * (int64_t)job->size,
           job->size);
}

static neap_status hash_block(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const hash_job *job = ctx;
  const neap__matrix *x = job->x;
  size_t width = (size_t)x->columns * job->size;
  digest d = {{1, 2, 3, 4}};
  if (rows_are_dense(x))
    add_bytes(&d, x->data + (size_t)begin * width, (size_t)(end - begin) * width);
  else {
    char *copy = neap_alloc_array(end - begin, width);
    if (!copy) return NEAP_ENOMEM;
    for (int64_t i = begin; i < end; i++) copy_row(job, i, copy + (size_t)(i - begin) * width);
    add_bytes(&d, copy, (size_t)(end - begin) * width);
    neap_free(copy);
  }
  job->block[chunk] = d;
  return neap_interrupt_check();
}

static void add_integer(neap_sha256 *h, int64_t v) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)v >> (8 * i));
  neap_sha256_add(h, bytes, sizeof bytes);
}

/* Add the numbers of a matrix row by row, whatever its strides: dtype, sizes, bits. */
static neap_status add_matrix(neap_sha256 *h, const neap__matrix *x) {
  int64_t rows = x->columns ? BLOCK / x->columns : 1;
  if (rows < 1) rows = 1;
  int64_t blocks = neap_parallel_chunks(x->rows, rows);
  hash_job job = {x, x->f32 ? sizeof(float) : sizeof(double),
                  neap_alloc_array(blocks + 1, sizeof *job.block)};
  if (!job.block) return NEAP_ENOMEM;
  neap_status st = neap_parallel_for(x->rows, rows, hash_block, &job);
  add_integer(h, (int64_t)job.size);
  add_integer(h, x->rows);
  add_integer(h, x->columns);
  for (int64_t b = 0; !st && b < blocks; b++)
    for (int i = 0; i < STRIPE; i++) add_integer(h, (int64_t)job.block[b].lane[i]);
  neap_free(job.block);
  return st;
}

static neap__matrix column_of(const double *v, int64_t rows) {
  return (neap__matrix){.data = (const char *)v,
                        .rows = v ? rows : 0,
                        .columns = 1,
                        .row_stride = 1,
                        .column_stride = 1};
}

neap_status neap_gbdt_fingerprint(const neap_tensor *x, const double *y, const double *weights,
                                  char text[65]) {
  neap__matrix matrix;
  neap_sha256 h;
  NEAP_TRY(neap__matrix_of(&matrix, x, "gbdt.fit"));
  neap__matrix labels = column_of(y, matrix.rows), w = column_of(weights, matrix.rows);
  neap_sha256_init(&h);
  NEAP_TRY(add_matrix(&h, &matrix));
  NEAP_TRY(add_matrix(&h, &labels));
  NEAP_TRY(add_matrix(&h, &w));
  neap_sha256_hex(&h, text);
  return NEAP_OK;
}
