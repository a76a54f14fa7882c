/* Uniform and normal numbers, integers, permutations, and the driver of all random tensors. */
#include <string.h>

#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/draw.h"
#include "tensor/walk.h"

typedef struct {
  const neap__draws *draws;
  neap__draw_fn fn;
  char *z;
  neap_dtype dtype;
} filling;

static neap_status fill_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const filling *f = ctx;
  neap_cast_fn cast = f->draws->kern->cast[f->dtype][NEAP_F64];
  double y[NEAP__PIECE];
  for (int64_t at = begin; at < end; at += NEAP__PIECE) {
    int64_t n = end - at < NEAP__PIECE ? end - at : NEAP__PIECE;
    char *z = f->z + (size_t)at * neap_dtype_size(f->dtype);
    f->fn(f->draws, at, n, f->dtype == NEAP_F64 ? (double *)(void *)z : y);
    if (f->dtype != NEAP_F64) cast(n, z, 1, y, 1);
  }
  return NEAP_OK;
}

neap_status neap__draw(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                       neap__draw_fn fn, neap__draws *d, neap_rng *r) {
  memset(out, 0, sizeof *out);
  NEAP_TRY(neap_kern_select(&d->kern));
  NEAP_TRY(neap_tensor_init_raw(out, dtype, ndim, size));
  d->rng = *r;
  int64_t n = neap_tensor_numel(out);
  filling f = {d, fn, neap_tensor_data(out), dtype};
  neap_status st = neap_parallel_for(n, NEAP__DRAWS, fill_chunk, &f);
  if (st) neap_tensor_drop(out);
  else r->next += (uint64_t)n;
  return st;
}

void neap__draw_blocks(const neap__draws *d, uint64_t sub, int64_t at, int64_t n, neap__blocks *b) {
  neap_rng r = neap_rng_sub(&d->rng, sub);
  d->kern->blocks(n, b->low, b->high, &r, r.next + (uint64_t)at);
}

static void uniform(const neap__draws *d, int64_t at, int64_t n, double *y) {
  neap__blocks b;
  neap__draw_blocks(d, 0, at, n, &b);
  d->kern->unit(n, y, b.low, b.high);
}

static void short_uniform(const neap__draws *d, int64_t at, int64_t n, double *y) {
  neap__blocks b;
  neap__draw_blocks(d, 0, at, n, &b);
  d->kern->short_unit(n, y, b.low, b.high);
}

static void normal(const neap__draws *d, int64_t at, int64_t n, double *y) {
  neap__blocks b;
  neap__draw_blocks(d, 0, at, n, &b);
  d->kern->normal(n, y, b.low, b.high);
}

static neap_status check_float(const char *name, neap_tensor *out, neap_dtype dtype) {
  memset(out, 0, sizeof *out);
  if (neap_dtype_is_float(dtype)) return NEAP_OK;
  return neap_fail(NEAP_EDTYPE, "%s: dtype is %s, allowed are f64 and f32", name,
                   neap_dtype_name(dtype));
}

neap_status neap_tensor_rand(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                             neap_rng *r) {
  neap__draws d = {0};
  NEAP_TRY(check_float("rand", out, dtype));
  return neap__draw(out, dtype, ndim, size, dtype == NEAP_F64 ? uniform : short_uniform, &d, r);
}

neap_status neap_tensor_randn(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                              neap_rng *r) {
  neap__draws d = {0};
  NEAP_TRY(check_float("randn", out, dtype));
  return neap__draw(out, dtype, ndim, size, normal, &d, r);
}

/* integers ------------------------------------------------------------------------------------- */

typedef struct {
  neap__draws draws;
  int64_t *z, low;
  uint64_t span; /* number of values; 0 means all 2^64 */
} ranging;

static neap_status integers(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const ranging *f = ctx;
  const neap_rng *r = &f->draws.rng;
  neap__blocks b;
  for (int64_t at = begin; at < end; at += NEAP__PIECE) {
    int64_t n = end - at < NEAP__PIECE ? end - at : NEAP__PIECE;
    neap__draw_blocks(&f->draws, 0, at, n, &b);
    for (int64_t i = 0; i < n; i++) {
      uint64_t index = r->next + (uint64_t)(at + i);
      uint64_t k = f->span ? neap__below(r, index, b.low[i], f->span) : b.low[i];
      f->z[at + i] = (int64_t)((uint64_t)f->low + k);
    }
  }
  return NEAP_OK;
}

neap_status neap_tensor_randint(neap_tensor *out, int64_t low, int64_t high, int ndim,
                                const int64_t *size, neap_rng *r) {
  memset(out, 0, sizeof *out);
  if (low > high)
    return neap_fail(NEAP_EARG, "randint: low %lld is above high %lld", (long long)low,
                     (long long)high);
  ranging f = {.draws = {.rng = *r}, .low = low, .span = (uint64_t)high - (uint64_t)low + 1};
  NEAP_TRY(neap_kern_select(&f.draws.kern));
  NEAP_TRY(neap_tensor_init_raw(out, NEAP_I64, ndim, size));
  f.z = neap_tensor_data(out);
  int64_t n = neap_tensor_numel(out);
  neap_status st = neap_parallel_for(n, NEAP__DRAWS, integers, &f);
  if (st) neap_tensor_drop(out);
  else r->next += (uint64_t)n;
  return st;
}

/* Fisher and Yates, inside out; draw i chooses among i + 1. */
static neap_status shuffle(int64_t *z, int64_t n, int64_t first, neap_rng *r) {
  neap__draws d = {.rng = *r};
  neap__blocks b;
  NEAP_TRY(neap_kern_select(&d.kern));
  for (int64_t i = 0; i < n; i++) {
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    int64_t at = i % NEAP__PIECE;
    if (at == 0) neap__draw_blocks(&d, 0, i, n - i < NEAP__PIECE ? n - i : NEAP__PIECE, &b);
    int64_t k = (int64_t)neap__below(r, r->next + (uint64_t)i, b.low[at], (uint64_t)i + 1);
    if (k != i) z[i] = z[k];
    z[k] = first + i;
  }
  r->next += (uint64_t)n;
  return NEAP_OK;
}

neap_status neap_tensor_permutation(neap_tensor *out, int64_t n, int64_t first, neap_rng *r) {
  NEAP_TRY(neap_tensor_init_1d(out, NEAP_I64, n));
  neap_status st = shuffle(neap_tensor_data(out), n, first, r);
  if (st) neap_tensor_drop(out);
  return st;
}
