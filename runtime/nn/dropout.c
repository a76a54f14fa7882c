/* Dropout: which elements go is a function of a key and their place (Philox, rng.h), so that the
 * gradient draws the same mask again and nothing is kept. */
#include <string.h>

#include "base/pool.h"
#include "grad/grad.h"
#include "nn/check.h"
#include "nn/norm.h"

/* A segment takes four words from each of BLOCKS blocks; a chunk is so many segments. */
enum { BLOCKS = 256, SEGMENT = 4 * BLOCKS, CHUNK = 64 };

typedef struct {
  double p;
  neap_rng rng;
} choice;

typedef struct {
  const choice *choice;
  const neap_kern *kern;
  neap_dtype dtype;
  int64_t n, each;
  char *z;
  const char *x;
} job;

static neap_status drop_segments(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const job *j = ctx;
  const choice *c = j->choice;
  uint64_t words[2 * BLOCKS];
  bool all = c->p >= 1;
  uint32_t threshold = all ? UINT32_MAX : (uint32_t)(c->p * 0x1p32);
  for (int64_t i = begin; i < end; i++) {
    int64_t at = i * SEGMENT, n = j->n - at < SEGMENT ? j->n - at : SEGMENT;
    j->kern->blocks(BLOCKS, words, words + BLOCKS, &c->rng, (uint64_t)i * BLOCKS);
    j->kern->layers[j->dtype].drop(n, j->z + at * j->each, j->x + at * j->each,
                                   (const uint32_t *)(const void *)words, threshold,
                                   all ? 0 : 1 / (1 - c->p));
  }
  return NEAP_OK;
}

/* z = x, contiguous, with what the choice drops. */
static neap_status apply(neap_tensor *z, const neap_tensor *x, const choice *c) {
  job j = {.choice = c, .dtype = x->dtype, .n = neap_tensor_numel(x)};
  NEAP_TRY(neap_kern_select(&j.kern));
  NEAP_TRY(neap_tensor_init_raw(z, x->dtype, x->ndim, x->size));
  j.each = (int64_t)neap_dtype_size(x->dtype);
  j.z = neap_tensor_data(z);
  j.x = neap_tensor_data(x);
  neap_status st = neap_parallel_for((j.n + SEGMENT - 1) / SEGMENT, CHUNK, drop_segments, &j);
  if (st) neap_tensor_drop(z);
  return st;
}

static neap_status dropout_back(neap_node *n) {
  neap_tensor dy, dx;
  NEAP_TRY(neap_node_dense(n, 0, &dy));
  neap_status st = apply(&dx, &dy, neap_node_state(n));
  neap_tensor_drop(&dy);
  return st ? st : neap_node_give(n, 0, &dx);
}

neap_status neap_nn_dropout(neap_tensor *out, const neap_tensor *x, double p, uint64_t key) {
  static const neap_gradient gradient = {"dropout", dropout_back, NULL};
  choice c = {p, neap_rng_make(key)};
  neap_tensor plain;
  memset(out, 0, sizeof *out);
  NEAP_TRY(neap__nn_one_dtype("dropout", 1, &x, (const char *[]){"x"}));
  if (!(p >= 0 && p <= 1)) return neap_fail(NEAP_EARG, "dropout: p is %g, not within 0 .. 1", p);
  NEAP_TRY(neap_tensor_as(&plain, x, x->dtype));
  neap_status st = apply(out, &plain, &c);
  neap_tensor_drop(&plain);
  if (!st) st = neap__nn_record(&gradient, 1, &x, out, 0, NULL, &c, sizeof c);
  if (st) neap_tensor_drop(out);
  return st;
}
