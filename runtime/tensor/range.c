/* Arithmetic progressions. */
#include "base/pool.h"
#include "tensor/walk.h"

typedef struct {
  void *z;
  double start, step;
  uint64_t first, by;
} progression;

static neap_status numbers(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const progression *p = ctx;
  double *z = p->z;
  for (int64_t i = begin; i < end; i++) z[i] = p->start + (double)i * p->step;
  return NEAP_OK;
}

static neap_status integers(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const progression *p = ctx;
  int64_t *z = p->z;
  for (int64_t i = begin; i < end; i++) z[i] = (int64_t)(p->first + (uint64_t)i * p->by);
  return NEAP_OK;
}

static neap_status fill(neap_tensor *out, neap_dtype dtype, int64_t n, neap_parallel_fn fn,
                        progression *p) {
  NEAP_TRY(neap_tensor_init_1d(out, dtype, n));
  p->z = neap_tensor_data(out);
  neap_status st = neap_parallel_for(n, NEAP__GRAIN, fn, p);
  if (st) neap_tensor_drop(out);
  return st;
}

neap_status neap_tensor_range_f64(neap_tensor *out, double start, double step, int64_t n) {
  progression p = {.start = start, .step = step};
  return fill(out, NEAP_F64, n, numbers, &p);
}

neap_status neap_tensor_range_i64(neap_tensor *out, int64_t start, int64_t step, int64_t n) {
  progression p = {.first = (uint64_t)start, .by = (uint64_t)step};
  return fill(out, NEAP_I64, n, integers, &p);
}
