/* Running sums and extremes, bin counts, histograms. */
#include <math.h>
#include <string.h>

#include "base/interrupt.h"
#include "tensor/rows.h"
#include "tensor/walk.h"

/* The rows are in the dtype of the scan's arithmetic, f64 or i64; f32 for sums, which convert as
 * they go. */
typedef struct {
  neap__rows rows;
  neap_scan op;
  bool skip_nan;
  void *z;
} scanning;

/* Sums of four neighbours do not wait for what came before; only their total goes on. The last ones
 * are summed in the same order, so that no value depends on how many follow. */
static double sum_f64(int64_t n, const double *x, double *z, double s) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    double a = x[i], b = a + x[i + 1], c = b + x[i + 2], d = c + x[i + 3];
    z[i] = s + a;
    z[i + 1] = s + b;
    z[i + 2] = s + c;
    z[i + 3] = s = s + d;
  }
  if (i == n) return s;
  double a = x[i];
  z[i] = s + a;
  while (++i < n) z[i] = s + (a += x[i]);
  return s + a;
}

static double sum_f32(int64_t n, const float *x, float *z, double s) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    double a = (double)x[i], b = a + (double)x[i + 1], c = b + (double)x[i + 2];
    double d = c + (double)x[i + 3];
    z[i] = (float)(s + a);
    z[i + 1] = (float)(s + b);
    z[i + 2] = (float)(s + c);
    s += d;
    z[i + 3] = (float)s;
  }
  if (i == n) return s;
  double a = (double)x[i];
  z[i] = (float)(s + a);
  while (++i < n) z[i] = (float)(s + (a += (double)x[i]));
  return s + a;
}

/* One piece; *state carries the running value from piece to piece. */
static void scan_f64(neap_scan op, int64_t n, const double *x, double *z, double *state) {
  double s = *state;
  switch (op) {
  case NEAP_CUMSUM: s = sum_f64(n, x, z, s); break;
  case NEAP_CUMPROD:
    for (int64_t i = 0; i < n; i++) z[i] = s *= x[i];
    break;
  case NEAP_CUMMAX:
    for (int64_t i = 0; i < n; i++) z[i] = s = x[i] > s || isnan(x[i]) ? x[i] : s;
    break;
  case NEAP_CUMMIN:
    for (int64_t i = 0; i < n; i++) z[i] = s = x[i] < s || isnan(x[i]) ? x[i] : s;
    break;
  }
  *state = s;
}

/* The same where NaN is as if absent: the running value stays. One that has not begun is NaN. */
static void scan_numbers(neap_scan op, int64_t n, const double *x, double *z, double *state) {
  double s = *state;
  switch (op) {
  case NEAP_CUMSUM:
    for (int64_t i = 0; i < n; i++) z[i] = s += isnan(x[i]) ? 0 : x[i];
    break;
  case NEAP_CUMPROD:
    for (int64_t i = 0; i < n; i++) z[i] = s *= isnan(x[i]) ? 1 : x[i];
    break;
  case NEAP_CUMMAX:
    for (int64_t i = 0; i < n; i++) z[i] = s = x[i] > s || isnan(s) ? x[i] : s;
    break;
  case NEAP_CUMMIN:
    for (int64_t i = 0; i < n; i++) z[i] = s = x[i] < s || isnan(s) ? x[i] : s;
    break;
  }
  *state = s;
}

static void scan_i64(neap_scan op, int64_t n, const int64_t *x, int64_t *z, int64_t *state) {
  int64_t s = *state;
  switch (op) {
  case NEAP_CUMSUM:
    for (int64_t i = 0; i < n; i++) z[i] = s = (int64_t)((uint64_t)s + (uint64_t)x[i]);
    break;
  case NEAP_CUMPROD:
    for (int64_t i = 0; i < n; i++) z[i] = s = (int64_t)((uint64_t)s * (uint64_t)x[i]);
    break;
  case NEAP_CUMMAX:
    for (int64_t i = 0; i < n; i++) z[i] = s = x[i] > s ? x[i] : s;
    break;
  case NEAP_CUMMIN:
    for (int64_t i = 0; i < n; i++) z[i] = s = x[i] < s ? x[i] : s;
    break;
  }
  *state = s;
}

static neap_status scan_row(const scanning *s, int64_t row) {
  int64_t m = s->rows.m, first = s->op == NEAP_CUMPROD;
  bool extreme = s->op == NEAP_CUMMAX || s->op == NEAP_CUMMIN;
  const void *data = neap__row(&s->rows, row);
  const double *x = data;
  const int64_t *k = data;
  bool real = s->rows.t.dtype == NEAP_F64, single = s->rows.t.dtype == NEAP_F32;
  double state = extreme && real ? x[0] : (double)first;
  int64_t count = extreme && !real ? k[0] : first;
  for (int64_t i = 0; i < m; i += NEAP__GRAIN) {
    int64_t n = m - i < NEAP__GRAIN ? m - i : NEAP__GRAIN;
    NEAP_TRY(neap_interrupt_check());
    if (single) state = sum_f32(n, (const float *)data + i, (float *)s->z + row * m + i, state);
    else if (real)
      (s->skip_nan ? scan_numbers : scan_f64)(s->op, n, x + i, (double *)s->z + row * m + i,
                                              &state);
    else scan_i64(s->op, n, k + i, (int64_t *)s->z + row * m + i, &count);
  }
  return NEAP_OK;
}

static neap_status scan_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const scanning *s = ctx;
  for (int64_t row = begin; s->rows.m > 0 && row < end; row++) NEAP_TRY(scan_row(s, row));
  return NEAP_OK;
}

/* Back in the order of t's dimensions, in dtype. */
static neap_status scanned(neap_tensor *out, const neap_tensor *rows, const int *order,
                           neap_dtype dtype) {
  neap_tensor view;
  int back[NEAP_MAX_DIMS];
  for (int d = 0; d < rows->ndim; d++) back[order[d]] = d;
  NEAP_TRY(neap_tensor_permute(&view, rows, back));
  neap_status st = neap_tensor_as(out, &view, dtype);
  neap_tensor_drop(&view);
  return st;
}

neap_status neap_tensor_scan(neap_tensor *out, neap_scan op, const neap_tensor *t, int dim,
                             bool skip_nan) {
  neap_tensor wide, z = {0};
  bool real = neap_dtype_is_float(t->dtype), same = op == NEAP_CUMMAX || op == NEAP_CUMMIN;
  scanning s = {.op = op, .skip_nan = skip_nan};
  memset(out, 0, sizeof *out);
  neap_dtype inner = real ? NEAP_F64 : NEAP_I64;
  if (t->dtype == NEAP_F32 && op == NEAP_CUMSUM && !skip_nan) inner = NEAP_F32;
  NEAP_TRY(neap_tensor_as(&wide, t, inner));
  neap_status st = neap__rows_init(&s.rows, "scan", &wide, 1u << dim);
  if (!st) st = neap_tensor_init_raw(&z, s.rows.t.dtype, s.rows.t.ndim, s.rows.t.size);
  if (!st) s.z = neap_tensor_data(&z);
  if (!st) st = neap__rows_each(&s.rows, scan_rows, &s);
  if (!st) st = scanned(out, &z, s.rows.order, real || same ? t->dtype : NEAP_I64);
  neap_tensor_drop(&z);
  neap_tensor_drop(&s.rows.t);
  neap_tensor_drop(&wide);
  return st;
}

/* softmax -------------------------------------------------------------------------------------- */

typedef struct {
  neap__rows rows;
  neap_softmax_fn fn;
  char *z;
} softening;

static neap_status soften_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const softening *s = ctx;
  int64_t bytes = s->rows.m * (int64_t)neap_dtype_size(s->rows.t.dtype);
  for (int64_t row = begin; row < end; row++)
    s->fn(s->rows.m, s->z + row * bytes, neap__row(&s->rows, row));
  return NEAP_OK;
}

neap_status neap_tensor_softmax(neap_tensor *out, const neap_tensor *t, int dim) {
  const neap_kern *k;
  neap_tensor z = {0};
  softening s = {0};
  memset(out, 0, sizeof *out);
  if (!neap_dtype_is_float(t->dtype))
    return neap_fail(NEAP_EDTYPE, "softmax: f64 or f32 expected, got %s",
                     neap_dtype_name(t->dtype));
  if (dim < 0 || dim >= t->ndim)
    return neap_fail(NEAP_EINDEX, "softmax: dim %d, but the tensor has %d", dim + 1, t->ndim);
  NEAP_TRY(neap_kern_select(&k));
  s.fn = k->softmax[t->dtype];
  neap_status st = neap__rows_init(&s.rows, "softmax", t, 1u << dim);
  if (!st) st = neap_tensor_init_raw(&z, t->dtype, s.rows.t.ndim, s.rows.t.size);
  if (!st) s.z = neap_tensor_data(&z);
  if (!st) st = neap__rows_each(&s.rows, soften_rows, &s);
  if (!st) st = scanned(out, &z, s.rows.order, t->dtype);
  neap_tensor_drop(&z);
  neap_tensor_drop(&s.rows.t);
  return st;
}

/* counting ------------------------------------------------------------------------------------- */

static neap_status count_into(neap_tensor *out, const int64_t *x, const double *w, int64_t length,
                              int64_t n, int64_t first) {
  void *z = neap_tensor_data(out);
  for (int64_t i = 0; i < length; i++) {
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    if (x[i] < first || x[i] - first >= n)
      return neap_fail(NEAP_EVALUE, "bincount: %lld at position %lld, allowed are %lld to %lld",
                       (long long)x[i], (long long)i + 1, (long long)first,
                       (long long)(first + n - 1));
    if (w) ((double *)z)[x[i] - first] += w[i];
    else ((int64_t *)z)[x[i] - first]++;
  }
  return NEAP_OK;
}

neap_status neap_tensor_bincount(neap_tensor *out, const neap_tensor *t, const neap_tensor *weights,
                                 int64_t n, int64_t first) {
  neap_tensor x, w = {0};
  memset(out, 0, sizeof *out);
  if (weights && !neap_tensor_same_shape(t, weights))
    return neap_fail(NEAP_ESHAPE, "bincount: the weights must have the shape of the numbers");
  if (neap_dtype_is_float(t->dtype))
    return neap_fail(NEAP_EDTYPE, "bincount: integers expected, got %s", neap_dtype_name(t->dtype));
  NEAP_TRY(neap_tensor_as(&x, t, NEAP_I64));
  neap_status st = weights ? neap_tensor_as(&w, weights, NEAP_F64) : NEAP_OK;
  if (!st) st = neap_tensor_init(out, weights ? NEAP_F64 : NEAP_I64, 1, &n);
  if (!st)
    st = count_into(out, neap_tensor_data(&x), weights ? neap_tensor_data(&w) : NULL,
                    neap_tensor_numel(t), n, first);
  if (st) neap_tensor_drop(out);
  neap_tensor_drop(&x);
  neap_tensor_drop(&w);
  return st;
}

/* Bin of v: a guess from the average width, corrected against the edges themselves, so that what
 * counts is the edges and not the rounding of the guess. */
static int64_t bin_of(double v, const double *edges, int64_t bins) {
  double share = (v - edges[0]) / (edges[bins] - edges[0]);
  int64_t k = (int64_t)(share * (double)bins);
  if (k < 0) k = 0;
  if (k >= bins) k = bins - 1;
  while (k > 0 && v < edges[k]) k--;
  while (k < bins - 1 && v >= edges[k + 1]) k++;
  return k;
}

static neap_status check_edges(const double *edges, int64_t n) {
  if (n < 2) return neap_fail(NEAP_ESHAPE, "histogram: %lld edges, at least 2", (long long)n);
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(edges[i]) || (i > 0 && !(edges[i] > edges[i - 1])))
      return neap_fail(NEAP_EVALUE, "histogram: edge %lld is %g; edges must be finite and rise",
                       (long long)i + 1, edges[i]);
  return NEAP_OK;
}

static neap_status tally(int64_t *z, const double *x, int64_t n, const double *edges,
                         int64_t bins) {
  for (int64_t i = 0; i < n; i++) {
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    if (x[i] >= edges[0] && x[i] <= edges[bins]) z[bin_of(x[i], edges, bins)]++;
  }
  return NEAP_OK;
}

neap_status neap_tensor_histogram(neap_tensor *out, const neap_tensor *t,
                                  const neap_tensor *edges) {
  neap_tensor x, e = {0};
  memset(out, 0, sizeof *out);
  NEAP_TRY(neap_tensor_as(&x, t, NEAP_F64));
  neap_status st = neap_tensor_as(&e, edges, NEAP_F64);
  int64_t n = neap_tensor_numel(edges), bins = n - 1;
  const double *edge = st ? NULL : neap_tensor_data(&e);
  if (!st) st = check_edges(edge, n);
  if (!st) st = neap_tensor_init(out, NEAP_I64, 1, &bins);
  if (!st)
    st = tally(neap_tensor_data(out), neap_tensor_data(&x), neap_tensor_numel(t), edge, bins);
  if (st) neap_tensor_drop(out);
  neap_tensor_drop(&x);
  neap_tensor_drop(&e);
  return st;
}
