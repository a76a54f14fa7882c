/* Losses of rows of classes. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "nn/check.h"
#include "nn/loss_parts.h"

static const char *const names[] = {"cross_entropy", "focal", "nll"};

/* Classes are numbers of the dtype in the kernels, exact up to here. */
enum { MOST_CLASSES = 1 << 24 };

typedef struct {
  neap__nn_loss s;
  neap_class_loss kind;
  neap_tensor cost;          /* class weights; may be empty */
  int64_t *y, one_batch[64]; /* classes from 0; -1 where ignored */
  neap_cross_terms terms;
} job;

/* classes -------------------------------------------------------------------------------------- */

static neap_status not_a_class(const job *j, const neap_tensor *y, int64_t at, double v) {
  char text[NEAP__PLACE];
  return neap_fail(NEAP_EVALUE, "%s: %s is %.17g, must be a class number, 1 to %lld%s", j->s.name,
                   neap__nn_loss_place(y, "y", at, text), isnan(v) ? NAN : v, (long long)j->s.width,
                   v == 0 ? " (classes are counted from 1)" : "");
}

static neap_status read_whole(job *j, const neap_tensor *y, const neap_class_options *o) {
  neap_tensor whole;
  NEAP_TRY(neap_tensor_as(&whole, y, NEAP_I64));
  const int64_t *v = neap_tensor_data(&whole);
  neap_status st = NEAP_OK;
  for (int64_t i = 0; !st && i < j->s.rows; i++) {
    bool ignored = o->ignores && v[i] == o->ignored;
    if (!ignored && (v[i] < 1 || v[i] > j->s.width)) st = not_a_class(j, y, i, (double)v[i]);
    j->y[i] = ignored ? -1 : v[i] - 1;
  }
  neap_tensor_drop(&whole);
  return st;
}

static neap_status read_floats(job *j, const neap_tensor *y, const neap_class_options *o) {
  neap_tensor floats;
  NEAP_TRY(neap_tensor_as(&floats, y, NEAP_F64));
  const double *v = neap_tensor_data(&floats);
  neap_status st = NEAP_OK;
  for (int64_t i = 0; !st && i < j->s.rows; i++) {
    bool ignored = o->ignores && v[i] == (double)o->ignored;
    bool fits = v[i] >= 1 && v[i] <= (double)j->s.width && v[i] == floor(v[i]);
    if (!ignored && !fits) st = not_a_class(j, y, i, v[i]);
    j->y[i] = ignored || !fits ? -1 : (int64_t)v[i] - 1;
  }
  neap_tensor_drop(&floats);
  return st;
}

static neap_status check(const job *j, const neap_tensor *x, const neap_tensor *y) {
  char a[128], b[128];
  const char *name = names[j->kind];
  NEAP_TRY(neap__nn_one_dtype(name, 1, &x, (const char *[]){"x"}));
  bool fits = x->ndim >= 1 && x->ndim == y->ndim + 1;
  for (int d = 0; fits && d < y->ndim; d++) fits = x->size[d] == y->size[d];
  if (!fits)
    return neap_fail(NEAP_ESHAPE,
                     "%s: x %s and y %s do not fit; x has y's shape and one more dim, of the "
                     "classes",
                     name, neap_shape_text(x, a, sizeof a), neap_shape_text(y, b, sizeof b));
  if (x->size[x->ndim - 1] > MOST_CLASSES)
    return neap_fail(NEAP_ESHAPE, "%s: x %s has more than %d classes", name,
                     neap_shape_text(x, a, sizeof a), (int)MOST_CLASSES);
  if (y->dtype == NEAP_BOOL)
    return neap_fail(NEAP_EDTYPE, "%s: y is bool, must hold class numbers from 1", name);
  return NEAP_OK;
}

static neap_status read_classes(job *j, const neap_tensor *y, const neap_class_options *o) {
  j->y = j->s.rows <= 64 ? j->one_batch : neap_alloc_array(j->s.rows, sizeof *j->y);
  if (!j->y) return NEAP_ENOMEM;
  return neap_dtype_is_float(y->dtype) ? read_floats(j, y, o) : read_whole(j, y, o);
}

static neap_status take_cost(job *j, const neap_tensor *weights) {
  char shape[128];
  if (!weights) return NEAP_OK;
  if (weights->ndim != 1 || weights->size[0] != j->s.width)
    return neap_fail(NEAP_ESHAPE, "%s: class_weights %s must be one per class, %lld", j->s.name,
                     neap_shape_text(weights, shape, sizeof shape), (long long)j->s.width);
  return neap__nn_loss_numbers(&j->cost, weights, j->s.dtype, j->s.name, "class_weights");
}

/* sum w_i c[y_i] over what is not ignored */
static void weigh(job *j) {
  neap__nn_loss *s = &j->s;
  neap__nn_loss_room weight;
  double total = 0;
  for (int64_t i = 0; i < s->rows; i++) {
    if (j->y[i] < 0) continue;
    const void *w = neap__nn_loss_weights(s, i, 1, &weight);
    double v = w ? neap__nn_get(s->dtype, w, 0) : 1;
    total += j->cost.storage ? v * neap__nn_get(s->dtype, neap_tensor_data(&j->cost), j->y[i]) : v;
  }
  s->total = total;
}

/* the work ------------------------------------------------------------------------------------- */

/* -c[y] x[y] times the weight. */
static void nll(job *j, int64_t first, int64_t n, void *l, const void *w) {
  neap__nn_loss *s = &j->s;
  double scale = neap__nn_loss_scale(s);
  for (int64_t i = 0; i < n; i++) {
    int64_t y = j->y[first + i], at = (first + i) * s->width + y;
    double f = y < 0 ? 0 : w ? neap__nn_get(s->dtype, w, i) : 1;
    if (y >= 0 && j->cost.storage) f *= neap__nn_get(s->dtype, neap_tensor_data(&j->cost), y);
    double v = y < 0 ? 0 : -f * neap__nn_get(s->dtype, neap_tensor_data(&s->x), at);
    neap__nn_set(s->dtype, l, i, v);
    if (y >= 0 && s->slope.storage)
      neap__nn_set(s->dtype, neap_tensor_data(&s->slope), at, -f * scale);
  }
}

static void block(job *j, int64_t first, int64_t n, double *sum) {
  neap__nn_loss_room l, room;
  neap__nn_loss *s = &j->s;
  int64_t at = first * s->width;
  const void *w = neap__nn_loss_weights(s, first, n, &room);
  void *d = s->slope.storage ? neap__nn_loss_at(&s->slope, at) : NULL;
  neap_cross_terms terms = j->terms;
  terms.row = w;
  if (j->kind == NEAP_NLL) {
    if (d) memset(d, 0, (size_t)(n * s->width) * neap_dtype_size(s->dtype));
    nll(j, first, n, &l, w);
  } else {
    s->kern->loss->cross[s->dtype](n, s->width, &l, d, neap__nn_loss_at(&s->x, at), j->y + first,
                                   &terms);
  }
  neap__nn_loss_put(s, first, n, &l, sum);
}

static neap_status chunk(void *ctx, int64_t number_of, int64_t begin, int64_t end) {
  job *j = ctx;
  double sum = 0;
  for (int64_t i = begin; i < end; i += NEAP__LOSS_BLOCK)
    block(j, i, end - i < NEAP__LOSS_BLOCK ? end - i : NEAP__LOSS_BLOCK, &sum);
  j->s.partial[number_of] = sum;
  return NEAP_OK;
}

static neap_status run(job *j, neap_tensor *out, const neap_tensor *x, const neap_tensor *y,
                       const neap_class_options *o) {
  NEAP_TRY(neap__nn_loss_begin(&j->s, names[j->kind], x, x->ndim - 1, &o->common));
  NEAP_TRY(read_classes(j, y, o));
  NEAP_TRY(take_cost(j, o->class_weights));
  weigh(j);
  NEAP_TRY(neap__nn_loss_open(&j->s, 1, &x));
  j->terms = (neap_cross_terms){.cost = j->cost.storage ? neap_tensor_data(&j->cost) : NULL,
                                .smooth = o->smoothing,
                                .gamma = o->gamma,
                                .scale = neap__nn_loss_scale(&j->s),
                                .focal = j->kind == NEAP_FOCAL};
  NEAP_TRY(neap_parallel_for(j->s.rows, j->s.chunk, chunk, j));
  return neap__nn_loss_end(&j->s, out, 1, &x);
}

neap_status neap_nn_class_loss(neap_tensor *out, neap_class_loss kind, const neap_tensor *x,
                               const neap_tensor *y, const neap_class_options *o) {
  job j;
  j = (job){.kind = kind};
  memset(out, 0, sizeof *out);
  NEAP_TRY(check(&j, x, y));
  neap_status st = run(&j, out, x, y, o);
  neap_tensor_drop(&j.cost);
  if (j.y != j.one_batch) neap_free(j.y);
  neap__nn_loss_drop(&j.s);
  return st;
}
