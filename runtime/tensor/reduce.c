/* Reductions. Every row is cut into blocks of BLOCK elements; each block is folded on its own and
 * the partial results are merged in order, so the bits depend on the row's length only. Few long
 * rows and many short ones share the pool equally well: its unit is a block. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/rows.h"
#include "tensor/walk.h"

enum { BLOCK = 4096 };

/* A fold of every row: acc[row], and how many elements of the row took part. */
typedef struct {
  neap__rows rows;
  neap_tensor compact; /* skip_nan: rows without their NaN, moved together */
  int64_t *count;      /* skip_nan: what is left of each row */
  int64_t blocks;      /* per row */
  neap_acc *acc, *partial;
  neap_acc one; /* acc and center of a single row, the usual case */
  double middle;
  const double *center;
  neap_fold_fn fn;
  neap_fold_op op;
  bool columns; /* the rows lie side by side in memory, see neap__columns_init */
  const neap_kern *kern;
} folding;

static void folding_drop(folding *f) {
  neap_tensor_drop(&f->rows.t);
  neap_tensor_drop(&f->compact);
  neap_free(f->count);
  if (f->acc != &f->one) neap_free(f->acc);
  neap_free(f->partial);
}

static int64_t row_count(const folding *f, int64_t row) {
  return f->count ? f->count[row] : f->rows.m;
}

static const char *row_data(const folding *f, int64_t row) {
  const neap_tensor *t = f->count ? &f->compact : &f->rows.t;
  return (const char *)neap_tensor_data(t) + row * f->rows.m * (int64_t)neap_dtype_size(t->dtype);
}

static int64_t compact_f64(int64_t n, double *z, const double *x) {
  int64_t kept = 0;
  for (int64_t i = 0; i < n; i++) {
    z[kept] = x[i];
    kept += !isnan(x[i]);
  }
  return kept;
}

static int64_t compact_f32(int64_t n, float *z, const float *x) {
  int64_t kept = 0;
  for (int64_t i = 0; i < n; i++) {
    z[kept] = x[i];
    kept += !isnan(x[i]);
  }
  return kept;
}

/* One row may be all there is, so Ctrl-C is looked for inside it. */
static neap_status compact_row(const folding *f, int64_t row, int64_t *kept) {
  int64_t m = f->rows.m;
  bool wide = f->rows.t.dtype == NEAP_F64;
  const void *x = neap__row(&f->rows, row);
  void *z = neap_tensor_data(&f->compact);
  *kept = 0;
  for (int64_t at = 0; at < m; at += NEAP__GRAIN) {
    int64_t n = m - at < NEAP__GRAIN ? m - at : NEAP__GRAIN, to = row * m + *kept;
    NEAP_TRY(neap_interrupt_check());
    *kept += wide ? compact_f64(n, (double *)z + to, (const double *)x + at)
                  : compact_f32(n, (float *)z + to, (const float *)x + at);
  }
  return NEAP_OK;
}

static neap_status compact_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  folding *f = ctx;
  for (int64_t row = begin; row < end; row++) NEAP_TRY(compact_row(f, row, &f->count[row]));
  return NEAP_OK;
}

/* f is all zeros. by_columns: only the folds sum and dev are wanted, which need no row in one
 * piece. */
static neap_status folding_init(folding *f, const char *name, const neap_tensor *t,
                                const neap_reduce_options *o, bool by_columns) {
  NEAP_TRY(neap_kern_select(&f->kern));
  f->columns = by_columns && !o->skip_nan && neap_dtype_is_float(t->dtype) &&
               neap__columns_init(&f->rows, t, o->dims);
  if (!f->columns) NEAP_TRY(neap__rows_init(&f->rows, name, t, o->dims));
  f->blocks = f->rows.m > BLOCK ? neap_parallel_chunks(f->rows.m, BLOCK) : 1;
  f->acc = f->rows.rows == 1 ? &f->one : neap_alloc_array(f->rows.rows, sizeof *f->acc);
  if (!f->acc) return NEAP_ENOMEM;
  if (f->blocks > 1) f->partial = neap_alloc_array(f->rows.rows * f->blocks, sizeof *f->partial);
  if (f->blocks > 1 && !f->partial) return NEAP_ENOMEM;
  if (!o->skip_nan || !neap_dtype_is_float(t->dtype)) return NEAP_OK;
  NEAP_TRY(neap_tensor_init_1d(&f->compact, t->dtype, f->rows.rows * f->rows.m));
  f->count = neap_alloc_array(f->rows.rows, sizeof *f->count);
  if (!f->count) return NEAP_ENOMEM;
  return neap__rows_each(&f->rows, compact_rows, f);
}

static neap_status fold_blocks(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  folding *f = ctx;
  int64_t each = (int64_t)neap_dtype_size(f->rows.t.dtype);
  for (int64_t i = begin; i < end; i++) {
    int64_t row = i / f->blocks, from = i % f->blocks * BLOCK, n = row_count(f, row) - from;
    if (f->blocks > 1 && n > BLOCK) n = BLOCK;
    if (n < 0) n = 0;
    neap_acc *acc = f->partial ? &f->partial[i] : &f->acc[row];
    *acc = (neap_acc){0};
    f->fn(n, row_data(f, row) + from * each, f->center ? f->center[row] : 0, acc);
    if (acc->at >= 0) acc->at += from;
  }
  return NEAP_OK;
}

/* The same for rows side by side: block number i / strips of NEAP_COLUMNS rows at once. */
static neap_status fold_columns(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  folding *f = ctx;
  neap_dtype dtype = f->rows.t.dtype;
  int64_t rows = f->rows.rows, strips = (rows + NEAP_COLUMNS - 1) / NEAP_COLUMNS;
  const char *x = neap_tensor_data(&f->rows.t);
  for (int64_t i = begin; i < end; i++) {
    int64_t block = i / strips, row = i % strips * NEAP_COLUMNS, from = block * BLOCK;
    int64_t n = f->rows.m - from, width = rows - row;
    if (f->blocks > 1 && n > BLOCK) n = BLOCK;
    if (width > NEAP_COLUMNS) width = NEAP_COLUMNS;
    neap_acc *acc = f->partial ? &f->partial[row * f->blocks + block] : &f->acc[row];
    f->kern->columns[dtype](n, width, x + (from * rows + row) * (int64_t)neap_dtype_size(dtype),
                            rows, f->center ? f->center + row : NULL, acc, f->blocks);
  }
  return NEAP_OK;
}

static neap_status run_fold(folding *f) {
  int64_t per_block = f->rows.m < BLOCK ? f->rows.m : BLOCK, units = f->rows.rows * f->blocks;
  if (f->columns) {
    units = (f->rows.rows + NEAP_COLUMNS - 1) / NEAP_COLUMNS * f->blocks;
    per_block *= NEAP_COLUMNS;
  }
  int64_t grain = NEAP__GRAIN / (per_block > 0 ? per_block : 1);
  neap_parallel_fn fn = f->columns ? fold_columns : fold_blocks;
  return units <= grain ? fn(f, 0, 0, units) : neap_parallel_for(units, grain, fn, f);
}

/* Fill f->acc. */
static neap_status fold(folding *f, neap_fold_op op, const double *center) {
  neap_dtype dtype = f->rows.t.dtype;
  f->op = op;
  f->fn = f->kern->fold[op][dtype];
  f->center = center;
  NEAP_TRY(run_fold(f));
  for (int64_t row = 0; f->partial && row < f->rows.rows; row++) {
    f->acc[row] = f->partial[row * f->blocks];
    for (int64_t b = 1; b < f->blocks; b++)
      neap_kern_merge(op, dtype, &f->acc[row], &f->partial[row * f->blocks + b]);
  }
  return NEAP_OK;
}

/* results -------------------------------------------------------------------------------------- */

static const char *const names[] = {
    [NEAP_SUM] = "sum", [NEAP_PROD] = "prod", [NEAP_MEAN] = "mean",
    [NEAP_VAR] = "var", [NEAP_STD] = "std",   [NEAP_NORM] = "norm",
    [NEAP_ANY] = "any", [NEAP_ALL] = "all",   [NEAP_COUNT] = "count"};

/* A fresh result; of is the dtype a reduction along some dims has. */
static neap_status result_like(neap_tensor *out, const neap_tensor *t, neap_dtype of,
                               const neap_reduce_options *o) {
  bool everything = !o->keepdim && (!o->dims || o->dims == (1u << t->ndim) - 1);
  if (everything && of == NEAP_F32) of = NEAP_F64;
  return neap__rows_result(out, t, of, o->dims, o->keepdim);
}

static neap_dtype float_like(neap_dtype dtype) { return dtype == NEAP_F32 ? NEAP_F32 : NEAP_F64; }

static void put(neap_tensor *out, int64_t row, double f, int64_t i) {
  void *data = neap_tensor_data(out);
  switch (out->dtype) {
  case NEAP_F64: ((double *)data)[row] = f; break;
  case NEAP_F32: ((float *)data)[row] = (float)f; break;
  case NEAP_I64: ((int64_t *)data)[row] = i; break;
  case NEAP_I32: ((int32_t *)data)[row] = (int32_t)i; break;
  default: ((uint8_t *)data)[row] = (uint8_t)i;
  }
}

static neap_fold_op plain_fold(neap_reduction op, double p) {
  switch (op) {
  case NEAP_PROD: return NEAP_FOLD_prod;
  case NEAP_ANY: return NEAP_FOLD_any;
  case NEAP_ALL: return NEAP_FOLD_all;
  case NEAP_NORM: return p == 1 ? NEAP_FOLD_sumabs : p == 2 ? NEAP_FOLD_dev : NEAP_FOLD_maxabs;
  default: return NEAP_FOLD_sum;
  }
}

/* The mean of each row from its sum; that of integers is exact. */
static double mean_of(const folding *f, int64_t row) {
  double sum = neap_dtype_is_float(f->rows.t.dtype) ? f->acc[row].f : (double)f->acc[row].i;
  return sum / (double)row_count(f, row);
}

/* Second pass of the variance: sum of squares about the mean, corrected for the mean's own
 * rounding (the sum of deviations would be 0 without it). */
static neap_status spread(folding *f) {
  bool single = f->rows.rows == 1;
  double *center = single ? &f->middle : neap_alloc_array(f->rows.rows, sizeof *center);
  if (!center) return NEAP_ENOMEM;
  for (int64_t row = 0; row < f->rows.rows; row++) center[row] = mean_of(f, row);
  neap_status st = fold(f, NEAP_FOLD_dev, center);
  if (!single) neap_free(center);
  return st;
}

static double spread_of(const folding *f, int64_t row, double ddof) {
  double n = (double)row_count(f, row), free = n - ddof;
  const neap_acc *a = &f->acc[row];
  double mend = isinf(a->f) ? 0 : a->g * a->g / n; /* squares that overflow give inf, not NaN */
  return free > 0 ? (a->f - mend) / free : NAN;
}

static void finish(neap_tensor *out, neap_reduction op, const folding *f, double parameter) {
  for (int64_t row = 0; row < f->rows.rows; row++) {
    const neap_acc *a = &f->acc[row];
    double v = a->f;
    if (op == NEAP_MEAN) v = mean_of(f, row);
    if (op == NEAP_VAR) v = spread_of(f, row, parameter);
    if (op == NEAP_STD) v = sqrt(spread_of(f, row, parameter));
    if (op == NEAP_NORM && parameter == 2) v = sqrt(a->f);
    put(out, row, v, op == NEAP_COUNT ? row_count(f, row) : a->i);
  }
}

static neap_dtype result_dtype(neap_reduction op, neap_dtype dtype) {
  if (op == NEAP_ANY || op == NEAP_ALL) return NEAP_BOOL;
  if (op == NEAP_COUNT) return NEAP_I64;
  if ((op == NEAP_SUM || op == NEAP_PROD) && !neap_dtype_is_float(dtype)) return NEAP_I64;
  return float_like(dtype);
}

static bool sums(neap_reduction op) {
  return op == NEAP_SUM || op == NEAP_MEAN || op == NEAP_VAR || op == NEAP_STD;
}

/* The folds op needs. */
static neap_status run(folding *f, neap_reduction op, const neap_tensor *t,
                       const neap_reduce_options *o) {
  if (op == NEAP_NORM && o->parameter != 1 && o->parameter != 2 && o->parameter != INFINITY)
    return neap_fail(NEAP_EARG, "norm: p is %g, allowed are 1, 2 and math.huge", o->parameter);
  neap_tensor wide = {0}; /* where a sum of 64-bit integers could wrap */
  if (t->dtype == NEAP_I64 && op != NEAP_SUM && sums(op)) {
    NEAP_TRY(neap_tensor_as(&wide, t, NEAP_F64));
    t = &wide;
  }
  neap_status st = folding_init(f, names[op], t, o, sums(op));
  neap_tensor_drop(&wide);
  NEAP_TRY(st);
  if (op != NEAP_COUNT) NEAP_TRY(fold(f, plain_fold(op, o->parameter), NULL));
  return op == NEAP_VAR || op == NEAP_STD ? spread(f) : NEAP_OK;
}

neap_status neap_tensor_reduce(neap_tensor *out, neap_reduction op, const neap_tensor *t,
                               const neap_reduce_options *o) {
  folding f;
  memset(out, 0, sizeof *out);
  memset(&f, 0, sizeof f);
  neap_status st = run(&f, op, t, o);
  if (!st) st = result_like(out, t, result_dtype(op, t->dtype), o);
  if (!st) finish(out, op, &f, o->parameter);
  folding_drop(&f);
  return st;
}

neap_status neap_tensor_reduce_all(neap_scalar *out, neap_reduction op, const neap_tensor *t,
                                   const neap_reduce_options *o) {
  folding f;
  memset(&f, 0, sizeof f);
  neap_dtype dtype = result_dtype(op, t->dtype);
  neap_status st = run(&f, op, t, o);
  if (neap_dtype_is_float(dtype)) neap_scalar_f64(out, NEAP_F64, 0);
  else if (!st) st = neap_scalar_i64(out, dtype, 0);
  if (!st) finish(&out->t, op, &f, o->parameter);
  folding_drop(&f);
  return st;
}

/* Position in the whole row of the kept-th element that is not NaN. */
static int64_t original_position(const folding *f, int64_t row, int64_t kept) {
  neap_tensor one = f->rows.t;
  one.ndim = 0;
  for (int64_t i = 0; i < f->rows.m; i++) {
    one.offset = f->rows.t.offset + row * f->rows.m + i;
    if (!isnan(neap_tensor_get_f64(&one, NULL)) && kept-- == 0) return i;
  }
  return 0;
}

/* The block with the extreme is known: where in it, and the element itself (0 may be -0). */
static void put_extreme(neap_tensor *value, neap_tensor *at, const folding *f, int64_t row,
                        int64_t first) {
  size_t each = neap_dtype_size(value->dtype);
  const neap_acc *a = &f->acc[row];
  int64_t n = row_count(f, row) - a->at;
  if (f->blocks > 1 && n > BLOCK) n = BLOCK;
  const char *x = row_data(f, row) + a->at * (int64_t)each;
  int64_t found = f->kern->find[value->dtype](n, x, a);
  memcpy((char *)neap_tensor_data(value) + row * (int64_t)each, x + found * (int64_t)each, each);
  found += a->at;
  put(at, row, 0, first + (f->count ? original_position(f, row, found) : found));
}

static const char *extreme_name(bool largest, const neap_reduce_options *o) {
  return o->name ? o->name : largest ? "max" : "min";
}

static neap_status put_extremes(neap_tensor *value, neap_tensor *at, const char *name,
                                const folding *f, int64_t first) {
  for (int64_t row = 0; row < f->rows.rows; row++) {
    if (f->acc[row].at < 0)
      return neap_fail(NEAP_EVALUE, "%s: there is no element%s to choose from", name,
                       f->rows.m > 0 ? " but NaN" : "");
    put_extreme(value, at, f, row, first);
  }
  return NEAP_OK;
}

static neap_status find_extremes(folding *f, bool largest, const neap_tensor *t,
                                 const neap_reduce_options *o) {
  memset(f, 0, sizeof *f);
  NEAP_TRY(folding_init(f, extreme_name(largest, o), t, o, false));
  return fold(f, largest ? NEAP_FOLD_argmax : NEAP_FOLD_argmin, NULL);
}

neap_status neap_tensor_extreme(neap_tensor *value, neap_tensor *at, bool largest,
                                const neap_tensor *t, const neap_reduce_options *o, int64_t first) {
  folding f;
  memset(value, 0, sizeof *value);
  memset(at, 0, sizeof *at);
  neap_status st = find_extremes(&f, largest, t, o);
  if (!st) st = neap__rows_result(value, t, t->dtype, o->dims, o->keepdim);
  if (!st) st = neap__rows_result(at, t, NEAP_I64, o->dims, o->keepdim);
  if (!st) st = put_extremes(value, at, extreme_name(largest, o), &f, first);
  if (st) {
    neap_tensor_drop(value);
    neap_tensor_drop(at);
  }
  folding_drop(&f);
  return st;
}

neap_status neap_tensor_extreme_all(neap_scalar *value, neap_scalar *at, bool largest,
                                    const neap_tensor *t, const neap_reduce_options *o,
                                    int64_t first) {
  folding f;
  neap_status st = find_extremes(&f, largest, t, o);
  if (neap_dtype_is_float(t->dtype)) neap_scalar_f64(value, t->dtype, 0);
  else if (!st) st = neap_scalar_i64(value, t->dtype, 0);
  if (!st) st = neap_scalar_i64(at, NEAP_I64, 0);
  if (!st) st = put_extremes(&value->t, &at->t, extreme_name(largest, o), &f, first);
  folding_drop(&f);
  return st;
}
