/* Fourier transforms of tensors: which numbers go in and come out, and what is special when they
 * are real. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/fft.h"
#include "tensor/rows.h"
#include "tensor/walk.h"

static const char *const names[] = {"fft", "ifft", "rfft", "irfft"};

typedef struct {
  neap_fft_kind kind;
  const char *name;
  bool pairs_in, pairs_out;
  int dim, dims;         /* dims of the array, that of pairs aside */
  int64_t n, in, points; /* of the transform, read and written */
  double scale;
  neap__rows rows; /* of in points, f64 */
  neap_tensor z;   /* rows of points */
} spectrum;

/* real and complex ----------------------------------------------------------------------------- */

/* Between the transform z of h pairs x[2j] + i x[2j+1] and that y of the 2h real numbers x:
 *   y[k] = e + w^k o,  conj y[h-k] = e - w^k o,  w = exp(-2 pi i/2h),
 *   e = (z[k] + conj z[h-k]) / 2,  o = (z[k] - conj z[h-k]) / 2i.
 * Back is the same with conj w and without the halves, which gives 2 z. to may be from. */
typedef struct {
  int64_t h, rows, blocks; /* every row in so many blocks of NEAP__GRAIN places */
  double *to;
  const double *from;
  int64_t to_row, from_row; /* doubles from row to row */
  bool back, whole;         /* whole: y[2h - k] = conj y[k] too */
  const neap__half_turns *turns;
} folding;

static void fold_pairs(const folding *f, double *to, const double *from, int64_t begin,
                       int64_t end) {
  int64_t h = f->h;
  double half = f->back ? 1 : 0.5, sign = f->back ? 1 : -1;
  for (int64_t k = begin; k < end; k++) {
    const double *a = from + 2 * k, *b = from + 2 * (h - k);
    const double *u = f->turns->fine + 2 * (k & (f->turns->length - 1)),
                 *v = f->turns->coarse + k / f->turns->length * 2;
    double wr = u[0] * v[1] + u[1] * v[0], wi = sign * (u[0] * v[0] - u[1] * v[1]);
    double er = half * (a[0] + b[0]), ei = half * (a[1] - b[1]);
    double dr = half * (a[0] - b[0]), di = half * (a[1] + b[1]);
    double or = wr * dr - wi * di, oi = wi * dr + wr * di;
    double near[2] = {er + or, ei + oi}, far[2] = {er - or, oi - ei};
    memcpy(to + 2 * k, near, sizeof near);
    memcpy(to + 2 * (h - k), far, sizeof far);
    if (!f->whole) continue;
    near[1] = -near[1];
    far[1] = -far[1];
    memcpy(to + 2 * (2 * h - k), near, sizeof near);
    memcpy(to + 2 * (h + k), far, sizeof far);
  }
}

/* The two that are real. */
static void fold_ends(const folding *f, double *to, const double *from) {
  double a = from[0], b = f->back ? from[2 * f->h] : from[1];
  to[0] = a + b;
  to[1] = f->back ? a - b : 0;
  if (f->back) return;
  to[2 * f->h] = a - b;
  to[2 * f->h + 1] = 0;
}

static neap_status fold_blocks(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const folding *f = ctx;
  for (int64_t i = begin; i < end; i++) {
    int64_t row = i / f->blocks, from = i % f->blocks * NEAP__GRAIN, to = from + NEAP__GRAIN;
    double *z = f->to + row * f->to_row;
    const double *x = f->from + row * f->from_row;
    fold_pairs(f, z, x, from ? from : 1, to < f->h / 2 + 1 ? to : f->h / 2 + 1);
    if (!from) fold_ends(f, z, x);
  }
  return NEAP_OK;
}

static neap_status fold(folding *f) {
  f->blocks = (f->h / 2 + NEAP__GRAIN) / NEAP__GRAIN;
  int64_t grain = f->blocks > 1 ? 1 : NEAP__GRAIN / f->h;
  return neap_parallel_for(f->rows * f->blocks, grain < 1 ? 1 : grain, fold_blocks, f);
}

/* An even number of real numbers, as half as many pairs. */
static neap_status even_forward(const spectrum *s, const neap__fft *plan) {
  int64_t row = 2 * s->points;
  double *z = neap_tensor_data(&s->z);
  neap__fft_rows r = {.rows = s->rows.rows, .zs = row, .xs = s->n, .z = z, .scale = s->scale};
  r.x = neap_tensor_data(&s->rows.t);
  NEAP_TRY(neap__fft_run(plan, &r));
  folding f = {.h = s->n / 2, .rows = r.rows, .to = z, .from = z, .to_row = row, .from_row = row};
  f.whole = s->kind == NEAP_FFT;
  f.turns = neap__fft_half_turns(plan);
  return fold(&f);
}

static neap_status even_back(const spectrum *s, const neap__fft *plan) {
  double *z = neap_tensor_data(&s->z);
  folding f = {.h = s->n / 2, .rows = s->rows.rows, .to = z, .to_row = s->n, .back = true};
  f.from = neap_tensor_data(&s->rows.t);
  f.from_row = 2 * s->in;
  f.turns = neap__fft_half_turns(plan);
  NEAP_TRY(fold(&f));
  neap__fft_rows r = {.rows = f.rows, .zs = s->n, .xs = s->n, .z = z, .x = z, .scale = s->scale};
  r.inverse = true;
  return neap__fft_run(plan, &r);
}

/* An odd number of them, as pairs with an imaginary part of 0. */
typedef struct {
  const spectrum *s;
  double *pairs;
} widening;

static neap_status widen(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const widening *w = ctx;
  const spectrum *s = w->s;
  int64_t n = s->n;
  for (int64_t row = begin; row < end; row++) {
    const double *x =
        (const double *)neap_tensor_data(&s->rows.t) + row * s->in * (1 + s->pairs_in);
    double *z = w->pairs + row * 2 * n;
    NEAP_TRY(neap_interrupt_check());
    for (int64_t k = 0; !s->pairs_in && k < n; k++) z[2 * k] = x[k], z[2 * k + 1] = 0;
    if (s->pairs_in) z[0] = x[0], z[1] = 0;
    for (int64_t k = 1; s->pairs_in && k < s->in; k++) {
      z[2 * k] = z[2 * (n - k)] = x[2 * k];
      z[2 * k + 1] = x[2 * k + 1];
      z[2 * (n - k) + 1] = -x[2 * k + 1];
    }
  }
  return NEAP_OK;
}

static neap_status narrow(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const widening *w = ctx;
  const spectrum *s = w->s;
  for (int64_t row = begin; row < end; row++) {
    const double *x = w->pairs + row * 2 * s->n;
    double *z = (double *)neap_tensor_data(&s->z) + row * s->points * (1 + s->pairs_out);
    NEAP_TRY(neap_interrupt_check());
    if (s->pairs_out) memcpy(z, x, (size_t)s->points * 2 * sizeof *z);
    for (int64_t k = 0; !s->pairs_out && k < s->n; k++) z[k] = x[2 * k];
  }
  return NEAP_OK;
}

static neap_status odd(const spectrum *s, const neap__fft *plan) {
  bool whole = s->kind == NEAP_FFT; /* the result has room for all */
  int64_t rows = s->rows.rows, grain = NEAP__GRAIN / s->n + 1;
  widening w = {s, neap_tensor_data(&s->z)};
  if (!whole && !(w.pairs = neap_alloc_array(rows * s->n, 2 * sizeof *w.pairs))) return NEAP_ENOMEM;
  neap__fft_rows r = {.rows = rows, .zs = 2 * s->n, .xs = 2 * s->n, .z = w.pairs, .x = w.pairs};
  r.inverse = s->kind == NEAP_IRFFT;
  r.scale = s->scale;
  neap_status st = neap_parallel_for(rows, grain, widen, &w);
  if (!st) st = neap__fft_run(plan, &r);
  if (!st && !whole) st = neap_parallel_for(rows, grain, narrow, &w);
  if (!whole) neap_free(w.pairs);
  return st;
}

static neap_status transform(const spectrum *s) {
  neap__fft *plan;
  bool real = !s->pairs_in || !s->pairs_out, halves = real && s->n % 2 == 0;
  neap__fft_rows r = {.rows = s->rows.rows, .zs = 2 * s->n, .xs = 2 * s->n, .scale = s->scale};
  r.z = neap_tensor_data(&s->z);
  r.x = neap_tensor_data(&s->rows.t);
  r.inverse = s->kind == NEAP_IFFT;
  NEAP_TRY(neap__fft_take(&plan, halves ? s->n / 2 : s->n));
  neap_status st = !real         ? neap__fft_run(plan, &r)
                   : !halves     ? odd(s, plan)
                   : s->pairs_in ? even_back(s, plan)
                                 : even_forward(s, plan);
  neap__fft_give(plan);
  return st;
}

/* operands and results ------------------------------------------------------------------------- */

/* Says what is wrong with t. */
static neap_status refuse(const spectrum *s, const neap_tensor *t) {
  char shape[128];
  neap_shape_text(t, shape, sizeof shape);
  if (s->pairs_in && (s->dims < 1 || t->size[s->dims] != 2))
    return neap_fail(NEAP_ESHAPE,
                     "%s: complex numbers are pairs (re, im) in a last dim of 2, got shape %s",
                     s->name, shape);
  if (s->dim < 0 || s->dim >= s->dims)
    return neap_fail(NEAP_EINDEX, "%s: dim %d, but shape %s has %d%s", s->name, s->dim + 1, shape,
                     s->dims, s->pairs_in ? " beside that of pairs" : "");
  if (!s->pairs_in && t->ndim == NEAP_MAX_DIMS)
    return neap_fail(NEAP_ESHAPE, "%s: shape %s has no room for a dim of pairs, %d dims at most",
                     s->name, shape, NEAP_MAX_DIMS);
  return neap_fail(NEAP_ESHAPE, "%s: shape %s has %lld points along dim %d; %s", s->name, shape,
                   (long long)t->size[s->dim], s->dim + 1,
                   s->kind == NEAP_IRFFT && t->size[s->dim] == 1
                       ? "one gives a single number, with n = 1"
                       : "one at least, or give n");
}

static double scale_of(const spectrum *s, neap_fft_norm norm) {
  bool inverse = s->kind == NEAP_IFFT || s->kind == NEAP_IRFFT;
  if (norm == NEAP_FFT_ORTHO) return 1 / sqrt((double)s->n);
  return (norm == NEAP_FFT_BACKWARD) == inverse ? 1 / (double)s->n : 1;
}

static neap_status check(spectrum *s, const neap_tensor *t, const neap_fft_options *o) {
  s->name = names[s->kind];
  s->pairs_in = s->kind == NEAP_IFFT || s->kind == NEAP_IRFFT || o->complex;
  s->pairs_out = s->kind != NEAP_IRFFT;
  s->dims = t->ndim - s->pairs_in;
  s->dim = o->dim;
  bool fits = s->dim >= 0 && s->dim < s->dims && (!s->pairs_in || t->size[s->dims] == 2);
  if (!fits || (!s->pairs_in && t->ndim == NEAP_MAX_DIMS)) return refuse(s, t);
  s->n = o->n ? o->n : s->kind == NEAP_IRFFT ? 2 * (t->size[s->dim] - 1) : t->size[s->dim];
  if (s->n < 1) return refuse(s, t);
  s->in = s->kind == NEAP_IRFFT ? s->n / 2 + 1 : s->n;
  s->points = s->kind == NEAP_RFFT ? s->n / 2 + 1 : s->n;
  s->scale = scale_of(s, o->norm);
  return NEAP_OK;
}

/* The rows to read: f64, s->in points, cut off or with zeros behind. */
static neap_status gather(spectrum *s, const neap_tensor *t) {
  neap_tensor some, wide = {0}, padded = {0}, front = {0};
  int64_t size[NEAP_MAX_DIMS], given = t->size[s->dim] < s->in ? t->size[s->dim] : s->in;
  memcpy(size, t->size, sizeof size);
  size[s->dim] = s->in;
  NEAP_TRY(neap_tensor_slice(&some, t, s->dim, 0, given, 1));
  neap_status st = NEAP_OK;
  if (given < s->in) {
    st = neap_tensor_init(&padded, NEAP_F64, t->ndim, size);
    if (!st) st = neap_tensor_slice(&front, &padded, s->dim, 0, given, 1);
    if (!st) st = neap_tensor_copy(&front, &some);
  } else st = neap_tensor_as(&wide, &some, NEAP_F64);
  unsigned along = 1u << s->dim | (s->pairs_in ? 1u << s->dims : 0);
  if (!st) st = neap__rows_init(&s->rows, s->name, given < s->in ? &padded : &wide, along);
  neap_tensor_drop(&front);
  neap_tensor_drop(&padded);
  neap_tensor_drop(&wide);
  neap_tensor_drop(&some);
  return st;
}

static neap_status result_init(spectrum *s) {
  int64_t size[NEAP_MAX_DIMS];
  memcpy(size, s->rows.t.size, sizeof size);
  size[s->dims - 1] = s->points;
  if (s->pairs_out) size[s->dims] = 2;
  return neap_tensor_init_raw(&s->z, NEAP_F64, s->dims + s->pairs_out, size);
}

/* Dimensions back in their places, f32 for f32. */
static neap_status deliver(neap_tensor *out, const spectrum *s, neap_dtype given) {
  neap_tensor view;
  int back[NEAP_MAX_DIMS];
  for (int d = 0; d < s->dims - 1; d++) back[s->rows.order[d]] = d;
  back[s->dim] = s->dims - 1;
  back[s->dims] = s->dims;
  if (s->dims == 1) back[0] = 0;
  NEAP_TRY(neap_tensor_permute(&view, &s->z, back));
  if (given != NEAP_F32) {
    *out = view;
    return NEAP_OK;
  }
  neap_status st = neap_tensor_as(out, &view, NEAP_F32);
  neap_tensor_drop(&view);
  return st;
}

neap_status neap_tensor_fft(neap_tensor *out, neap_fft_kind kind, const neap_tensor *t,
                            const neap_fft_options *o) {
  spectrum s = {.kind = kind};
  memset(out, 0, sizeof *out);
  NEAP_TRY(check(&s, t, o));
  neap_status st = gather(&s, t);
  if (!st) st = result_init(&s);
  if (!st && neap_tensor_numel(&s.z) > 0) st = transform(&s);
  if (!st) st = deliver(out, &s, t->dtype);
  neap_tensor_drop(&s.z);
  neap_tensor_drop(&s.rows.t);
  return st;
}
