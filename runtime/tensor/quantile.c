/* Quantiles: the two elements around a rank, found without sorting. A sample of a long row gives
 * two bounds that the rank lies between almost surely; one pass counts what is below and between,
 * another takes what is between, some 5 %, and there the element is found by halving. When the
 * sample misled, the same is done with everything. Many quantiles of one row are read off a sorted
 * copy instead. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "kern/kern.h"
#include "tensor/rows.h"
#include "tensor/walk.h"

enum { SAMPLE = 4096, LONG = 8192, MANY = 8, FEW_LEFT = 24 };

/* selection in place --------------------------------------------------------------------------- */

/* Move the elements below p (with equals: or equal to it) to the front; how many. Every element is
 * moved, so that there is no branch to guess. */
static int64_t split(double *x, int64_t n, double p, bool equals) {
  int64_t k = 0;
  for (int64_t i = 0; i < n; i++) {
    double v = x[i];
    bool front = equals ? v <= p : v < p;
    x[i] = x[k];
    x[k] = v;
    k += front;
  }
  return k;
}

/* The middle one of three elements at positions that a fixed sequence chooses. */
static double pivot(const double *x, int64_t n, uint64_t *state) {
  double v[3];
  for (int i = 0; i < 3; i++) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    v[i] = x[(int64_t)((*state >> 33) % (uint64_t)n)];
  }
  double low = v[0] < v[1] ? v[0] : v[1], high = v[0] < v[1] ? v[1] : v[0];
  return v[2] < low ? low : v[2] > high ? high : v[2];
}

static void insertion_sort(double *x, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    double v = x[i];
    int64_t k = i;
    for (; k > 0 && x[k - 1] > v; k--) x[k] = x[k - 1];
    x[k] = v;
  }
}

neap_status neap_select_rank(double *x, int64_t n, int64_t rank, double *out) {
  uint64_t state = 1;
  while (n > FEW_LEFT) {
    NEAP_TRY(neap_interrupt_check());
    double p = pivot(x, n, &state);
    int64_t below = split(x, n, p, false);
    if (rank < below) {
      n = below;
      continue;
    }
    int64_t upto = below + split(x + below, n - below, p, true);
    if (rank < upto) {
      *out = p;
      return NEAP_OK;
    }
    x += upto;
    n -= upto;
    rank -= upto;
  }
  insertion_sort(x, n);
  *out = x[rank];
  return NEAP_OK;
}

/* narrowing ------------------------------------------------------------------------------------ */

typedef struct {
  const char *x;
  int64_t m, each;
  neap_between_fn between;
  neap_keep_fn keep;
  double low, high; /* bounds, both included */
  neap_span *span;  /* per piece; afterwards what lies before it */
  double *z;
} narrowing;

static neap_status count_piece(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const narrowing *w = ctx;
  w->between(end - begin, w->x + begin * w->each, w->low, w->high, &w->span[chunk + 1]);
  return NEAP_OK;
}

static neap_status keep_piece(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)end;
  const narrowing *w = ctx;
  int64_t from = w->span[chunk].inside;
  w->keep(w->span[chunk + 1].inside - from, w->z + from, w->x + begin * w->each, w->low, w->high);
  return NEAP_OK;
}

/* How many elements lie below, inside and are no NaN at all; *total sums the pieces. */
static neap_status count_row(narrowing *w, neap_span *total) {
  int64_t pieces = neap_parallel_chunks(w->m, NEAP__GRAIN);
  memset(&w->span[0], 0, sizeof w->span[0]);
  NEAP_TRY(neap_parallel_for(w->m, NEAP__GRAIN, count_piece, w));
  for (int64_t i = 0; i < pieces; i++) {
    w->span[i + 1].below += w->span[i].below;
    w->span[i + 1].inside += w->span[i].inside;
    w->span[i + 1].valid += w->span[i].valid;
  }
  *total = w->span[pieces];
  return NEAP_OK;
}

static double element(const narrowing *w, int64_t i) {
  float single;
  double v;
  if (w->each == 8) memcpy(&v, w->x + 8 * i, 8);
  else {
    memcpy(&single, w->x + 4 * i, 4);
    v = (double)single;
  }
  return v;
}

/* Bounds for quantile q by a sample: three deviations of the rank's error on either side. */
static neap_status guess_bounds(narrowing *w, double q) {
  double s[SAMPLE];
  int64_t n = 0, margin = 98;
  w->low = -INFINITY;
  w->high = INFINITY;
  if (w->m <= LONG) return NEAP_OK;
  for (int64_t i = 0; i < SAMPLE; i++) {
    double v = element(w, (int64_t)((double)i * ((double)w->m / SAMPLE)));
    s[n] = v;
    n += !isnan(v);
  }
  int64_t middle = (int64_t)(q * (double)(n - 1));
  if (middle - margin >= 0) NEAP_TRY(neap_select_rank(s, n, middle - margin, &w->low));
  if (middle + margin < n) NEAP_TRY(neap_select_rank(s, n, middle + margin, &w->high));
  return NEAP_OK;
}

/* Between the two neighbours of the rank; equal ones also keep infinities out of the difference. */
static double blend(double a, double b, double part) {
  if (part == 0 || a == b) return a + 0.0; /* -0 becomes 0 */
  return part < 0.5 ? a + (b - a) * part : b - (b - a) * (1 - part);
}

static neap_status pick(narrowing *w, const neap_span *total, double q, double *out) {
  double rank = q * (double)(total->valid - 1), whole = floor(rank), a, b;
  int64_t low = (int64_t)whole - total->below, n = total->inside;
  bool last = (int64_t)whole + 1 >= total->valid;
  w->z = neap_alloc_array(n, sizeof *w->z);
  if (!w->z) return NEAP_ENOMEM;
  neap_status st = neap_parallel_for(w->m, NEAP__GRAIN, keep_piece, w);
  if (!st) st = neap_select_rank(w->z, n, low, &a);
  if (!st && !last) st = neap_select_rank(w->z, n, low + 1, &b);
  if (!st) *out = blend(a, last ? a : b, rank - whole);
  neap_free(w->z);
  return st;
}

static bool holds(const neap_span *s, double q) {
  int64_t low = (int64_t)floor(q * (double)(s->valid - 1)), high = low + 1;
  if (high >= s->valid) high = low;
  return low >= s->below && high < s->below + s->inside;
}

static neap_status quantile_of(narrowing *w, double q, bool skip_nan, double *out) {
  neap_span total;
  NEAP_TRY(guess_bounds(w, q));
  NEAP_TRY(count_row(w, &total));
  *out = NAN;
  if (total.valid == 0 || (total.valid < w->m && !skip_nan)) return NEAP_OK;
  if (!holds(&total, q)) {
    w->low = -INFINITY;
    w->high = INFINITY;
    NEAP_TRY(count_row(w, &total));
  }
  return pick(w, &total, q, out);
}

/* rows ----------------------------------------------------------------------------------------- */

typedef struct {
  neap__rows rows; /* f64 or f32 */
  double *z;
  int n;
  const double *q;
  bool skip_nan;
  const neap_kern *kern;
} ranking;

/* Many quantiles: sort what is not NaN, as a tensor, and read them off. */
static neap_status read_off(const ranking *r, int64_t row, narrowing *w) {
  neap_tensor part, sorted;
  neap_span total;
  w->low = -INFINITY;
  w->high = INFINITY;
  NEAP_TRY(count_row(w, &total));
  bool none = total.valid == 0 || (total.valid < w->m && !r->skip_nan);
  NEAP_TRY(neap_tensor_init_1d(&part, NEAP_F64, total.valid));
  w->z = neap_tensor_data(&part);
  neap_status st = neap_parallel_for(w->m, NEAP__GRAIN, keep_piece, w);
  if (!st) st = neap_tensor_sort(&sorted, NULL, &part, 0, false, 0);
  neap_tensor_drop(&part);
  if (st) return st;
  const double *x = neap_tensor_data(&sorted);
  for (int k = 0; k < r->n; k++) {
    double rank = r->q[k] * (double)(total.valid - 1), whole = floor(rank);
    int64_t low = (int64_t)whole, high = low + 1 < total.valid ? low + 1 : low;
    r->z[k * r->rows.rows + row] = none ? NAN : blend(x[low], x[high], rank - whole);
  }
  neap_tensor_drop(&sorted);
  return NEAP_OK;
}

static neap_status rank_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const ranking *r = ctx;
  neap_dtype dtype = r->rows.t.dtype;
  narrowing w = {.m = r->rows.m,
                 .each = (int64_t)neap_dtype_size(dtype),
                 .between = r->kern->between[dtype],
                 .keep = r->kern->keep[dtype]};
  w.span = neap_alloc_array(neap_parallel_chunks(w.m, NEAP__GRAIN) + 1, sizeof *w.span);
  neap_status st = w.span ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t row = begin; !st && row < end; row++) {
    w.x = neap__row(&r->rows, row);
    if (r->n > MANY) st = read_off(r, row, &w);
    for (int k = 0; r->n <= MANY && !st && k < r->n; k++)
      st = quantile_of(&w, r->q[k], r->skip_nan, &r->z[k * r->rows.rows + row]);
  }
  neap_free(w.span);
  return st;
}

neap_status neap_tensor_quantile(neap_tensor *out, const neap_tensor *t, int n, const double *q,
                                 const neap_reduce_options *o) {
  neap_tensor wide, shape = {0};
  memset(out, 0, sizeof *out);
  for (int k = 0; k < n; k++)
    if (!(q[k] >= 0 && q[k] <= 1))
      return neap_fail(NEAP_EARG, "quantile: q is %g, allowed are 0 to 1", q[k]);
  ranking r = {.n = n, .q = q, .skip_nan = o->skip_nan};
  NEAP_TRY(neap_kern_select(&r.kern));
  NEAP_TRY(neap_tensor_as(&wide, t, neap_dtype_is_float(t->dtype) ? t->dtype : NEAP_F64));
  neap_status st = neap__rows_init(&r.rows, "quantile", &wide, o->dims);
  if (!st) st = neap__rows_result(&shape, t, NEAP_BOOL, o->dims, o->keepdim);
  int64_t size[NEAP_MAX_DIMS + 1] = {n};
  for (int d = 0; !st && d < shape.ndim; d++) size[d + 1] = shape.size[d];
  if (!st) st = neap_tensor_init_raw(out, NEAP_F64, shape.ndim + 1, size);
  if (!st) r.z = neap_tensor_data(out);
  if (!st && r.rows.rows == 1) st = rank_rows(&r, 0, 0, 1); /* the threads share the row */
  else if (!st) st = neap__rows_each(&r.rows, rank_rows, &r);
  if (st) neap_tensor_drop(out);
  neap_tensor_drop(&shape);
  neap_tensor_drop(&r.rows.t);
  neap_tensor_drop(&wide);
  return st;
}
