/* Random tensors: element i takes draw number next + i of the stream, so any cut of the work gives
 * the same numbers. */
#include <string.h>

#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/walk.h"

typedef struct {
  neap_rng rng;
  void *z;
  int64_t low;
  uint64_t span; /* number of values; 0 means all 2^64 */
} filling;

static neap_status uniform_f64(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const filling *f = ctx;
  double *z = f->z;
  for (int64_t i = begin; i < end; i++)
    z[i] = neap_rng_uniform_at(&f->rng, f->rng.next + (uint64_t)i);
  return NEAP_OK;
}

/* 24 bits, so that rounding to f32 never gives 1. */
static neap_status uniform_f32(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const filling *f = ctx;
  float *z = f->z;
  for (int64_t i = begin; i < end; i++)
    z[i] = (float)(neap_rng_bits_at(&f->rng, f->rng.next + (uint64_t)i) >> 40) * 0x1p-24f;
  return NEAP_OK;
}

static neap_status normal_f64(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const filling *f = ctx;
  double *z = f->z;
  for (int64_t i = begin; i < end; i++)
    z[i] = neap_rng_normal_at(&f->rng, f->rng.next + (uint64_t)i);
  return NEAP_OK;
}

static neap_status normal_f32(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const filling *f = ctx;
  float *z = f->z;
  for (int64_t i = begin; i < end; i++)
    z[i] = (float)neap_rng_normal_at(&f->rng, f->rng.next + (uint64_t)i);
  return NEAP_OK;
}

static neap_status integers(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  __extension__ typedef unsigned __int128 wide;
  const filling *f = ctx;
  int64_t *z = f->z;
  for (int64_t i = begin; i < end; i++) {
    uint64_t bits = neap_rng_bits_at(&f->rng, f->rng.next + (uint64_t)i);
    uint64_t k = f->span ? (uint64_t)((wide)bits * f->span >> 64) : bits;
    z[i] = (int64_t)((uint64_t)f->low + k);
  }
  return NEAP_OK;
}

/* Fill a fresh tensor; about 10 ns an element, so the pieces are smaller than the walker's. */
static neap_status fill(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                        neap_parallel_fn fn, filling *f, neap_rng *r) {
  NEAP_TRY(neap_tensor_init_raw(out, dtype, ndim, size));
  int64_t n = neap_tensor_numel(out);
  f->rng = *r;
  f->z = neap_tensor_data(out);
  neap_status st = neap_parallel_for(n, NEAP__GRAIN / 8, fn, f);
  if (st) neap_tensor_drop(out);
  else r->next += (uint64_t)n;
  return st;
}

static neap_status check_float(const char *name, neap_tensor *out, neap_dtype dtype) {
  memset(out, 0, sizeof *out);
  if (neap_dtype_is_float(dtype)) return NEAP_OK;
  return neap_fail(NEAP_EDTYPE, "%s: dtype is %s, allowed are f64 and f32", name,
                   neap_dtype_name(dtype));
}

neap_status neap_tensor_rand(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                             neap_rng *r) {
  filling f = {.low = 0};
  NEAP_TRY(check_float("rand", out, dtype));
  return fill(out, dtype, ndim, size, dtype == NEAP_F64 ? uniform_f64 : uniform_f32, &f, r);
}

neap_status neap_tensor_randn(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                              neap_rng *r) {
  filling f = {.low = 0};
  NEAP_TRY(check_float("randn", out, dtype));
  return fill(out, dtype, ndim, size, dtype == NEAP_F64 ? normal_f64 : normal_f32, &f, r);
}

neap_status neap_tensor_randint(neap_tensor *out, int64_t low, int64_t high, int ndim,
                                const int64_t *size, neap_rng *r) {
  memset(out, 0, sizeof *out);
  if (low > high)
    return neap_fail(NEAP_EARG, "randint: low %lld is above high %lld", (long long)low,
                     (long long)high);
  filling f = {.low = low, .span = (uint64_t)high - (uint64_t)low + 1};
  return fill(out, NEAP_I64, ndim, size, integers, &f, r);
}

/* Fisher and Yates, inside out. */
static neap_status shuffle(int64_t *z, int64_t n, int64_t first, neap_rng *r) {
  for (int64_t i = 0; i < n; i++) {
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    int64_t k = (int64_t)neap_rng_below(r, (uint64_t)i + 1);
    if (k != i) z[i] = z[k];
    z[k] = first + i;
  }
  return NEAP_OK;
}

neap_status neap_tensor_permutation(neap_tensor *out, int64_t n, int64_t first, neap_rng *r) {
  NEAP_TRY(neap_tensor_init_1d(out, NEAP_I64, n));
  neap_status st = shuffle(neap_tensor_data(out), n, first, r);
  if (st) neap_tensor_drop(out);
  return st;
}
