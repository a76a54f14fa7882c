/* Normalisation of channels: batch norm and group norm are one thing, moments over the rows of a
 * sample and over the channels of a group. For batch norm all rows are one sample and each channel
 * is a group.
 *
 * With h = (x - mean) rstd and n elements in a group, the gradient is
 *   dx = rstd (w dy - m1 - h m2), m1 = sum w dy / n, m2 = sum w dy h / n over the group,
 * and m1 = m2 = 0 where the moments are running ones. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "grad/grad.h"
#include "nn/check.h"
#include "nn/norm.h"
#include "nn/number.h"

enum { CHUNK = 32768 }; /* elements of a chunk of rows, about */

typedef struct {
  int64_t samples, rows, channels, groups;
  bool fixed; /* the moments do not depend on x */
  bool has_w;
} form;

typedef struct {
  form f;
  const neap_layers *loops;
  neap_dtype dtype;
  int64_t each, grain, chunks; /* rows of a chunk, chunks of a sample */
  char *z;
  const char *x, *dy;
  const char *mean, *a, *b, *c; /* [samples, channels] */
  char *parts;                  /* [samples, chunks, 2, channels] */
  neap_columns_fn columns;
  double *centers; /* [samples, channels] */
  neap_acc *folds; /* [samples, chunks, channels] */
} job;

static neap_status start(job *j, const form *f, neap_dtype dtype) {
  const neap_kern *kern;
  NEAP_TRY(neap_kern_select(&kern));
  j->f = *f;
  j->loops = &kern->layers[dtype];
  j->columns = kern->columns[dtype];
  j->dtype = dtype;
  j->each = (int64_t)neap_dtype_size(dtype);
  j->grain = f->channels > 0 && f->channels < CHUNK ? CHUNK / f->channels : 1;
  j->chunks = neap_parallel_chunks(f->rows, j->grain);
  return NEAP_OK;
}

/* Where chunk number unit begins: its sample, the first of its rows, their number. */
static int64_t locate(const job *j, int64_t unit, int64_t *sample, int64_t *rows) {
  int64_t from = unit % j->chunks * j->grain;
  *sample = unit / j->chunks;
  *rows = j->f.rows - from < j->grain ? j->f.rows - from : j->grain;
  return (*sample * j->f.rows + from) * j->f.channels * j->each;
}

static neap_status forward_chunks(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const job *j = ctx;
  for (int64_t i = begin; i < end; i++) {
    int64_t sample, rows, at = locate(j, i, &sample, &rows);
    int64_t from = sample * j->f.channels * j->each;
    j->loops->affine(rows, j->f.channels, j->z + at, j->x + at, j->mean + from, j->a + from,
                     j->b + from);
  }
  return NEAP_OK;
}

static neap_status sum_chunks(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const job *j = ctx;
  for (int64_t i = begin; i < end; i++) {
    int64_t sample, rows, at = locate(j, i, &sample, &rows), row = j->f.channels * j->each;
    char *dot = j->parts + i * 2 * row;
    j->loops->affine_sums(rows, j->f.channels, j->dy + at, j->x + at, j->mean + sample * row, dot,
                          dot + row);
  }
  return NEAP_OK;
}

static neap_status backward_chunks(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const job *j = ctx;
  for (int64_t i = begin; i < end; i++) {
    int64_t sample, rows, at = locate(j, i, &sample, &rows);
    int64_t from = sample * j->f.channels * j->each;
    j->loops->affine_back(rows, j->f.channels, j->z + at, j->dy + at, j->x + at, j->mean + from,
                          j->a + from, j->b + from, j->c + from);
  }
  return NEAP_OK;
}

/* Coefficients by sample and channel, few beside the elements. */
static neap_status init_table(neap_tensor *t, const job *j) {
  return neap_tensor_init_raw(t, j->dtype, 2, (int64_t[]){j->f.samples, j->f.channels});
}

/* Sums of the columns of each chunk, or with centers their deviations. */
static neap_status fold_chunks(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const job *j = ctx;
  int64_t channels = j->f.channels;
  for (int64_t i = begin; i < end; i++) {
    int64_t sample, rows, at = locate(j, i, &sample, &rows);
    for (int64_t c = 0; c < channels; c += NEAP_COLUMNS)
      j->columns(rows, channels - c < NEAP_COLUMNS ? channels - c : NEAP_COLUMNS,
                 j->x + at + c * j->each, channels,
                 j->centers ? j->centers + sample * channels + c : NULL,
                 j->folds + i * channels + c, 1);
  }
  return NEAP_OK;
}

/* The folds of the channels of a group of a sample, one after the other, chunk by chunk. */
static neap_acc fold_of(const job *j, int64_t sample, int64_t group) {
  int64_t each = j->f.channels / j->f.groups;
  neap_acc all = {0};
  for (int64_t c = group * each; c < (group + 1) * each; c++)
    for (int64_t i = sample * j->chunks; i < (sample + 1) * j->chunks; i++) {
      all.f += j->folds[i * j->f.channels + c].f;
      all.g += j->folds[i * j->f.channels + c].g;
    }
  return all;
}

/* The mean of each group by a first pass over x, its variance about that by a second. */
static neap_status two_passes(job *j, char *mean, char *var) {
  const form *f = &j->f;
  int64_t each = f->channels / f->groups, units = f->samples * j->chunks;
  double n = (double)f->rows * (double)each, *centers = j->centers;
  j->centers = NULL;
  NEAP_TRY(neap_parallel_for(units, 1, fold_chunks, j));
  for (int64_t i = 0; i < f->samples * f->groups; i++) {
    double m = fold_of(j, i / f->groups, i % f->groups).f / n;
    neap__nn_set(j->dtype, mean, i, m);
    for (int64_t c = 0; c < each; c++) centers[i * each + c] = m;
  }
  j->centers = centers;
  NEAP_TRY(neap_parallel_for(units, 1, fold_chunks, j));
  for (int64_t i = 0; i < f->samples * f->groups; i++) {
    neap_acc dev = fold_of(j, i / f->groups, i % f->groups);
    neap__nn_set(j->dtype, var, i, (dev.f - dev.g * dev.g / n) / n);
  }
  return NEAP_OK;
}

/* mean and var of [samples, groups] of x. */
static neap_status moments_of(neap_tensor *mean, neap_tensor *var, const neap_tensor *x,
                              const form *f) {
  job j = {.x = neap_tensor_data(x)};
  int64_t size[] = {f->samples, f->groups};
  NEAP_TRY(start(&j, f, x->dtype));
  NEAP_TRY(neap_tensor_init_raw(mean, x->dtype, 2, size));
  NEAP_TRY(neap_tensor_init_raw(var, x->dtype, 2, size));
  double *centers = neap_alloc_array(f->samples * f->channels, sizeof *centers);
  j.centers = centers;
  j.folds = neap_alloc_array(f->samples * j.chunks * f->channels, sizeof *j.folds);
  neap_status st = centers && j.folds
                       ? two_passes(&j, neap_tensor_data(mean), neap_tensor_data(var))
                       : NEAP_ENOMEM;
  neap_free(centers);
  neap_free(j.folds);
  return st;
}

/* y from moments of [samples, groups]; var becomes 1 / sqrt(var + eps). */
static neap_status forward(neap_tensor *y, const neap_tensor *const *plain, const neap_tensor *mean,
                           neap_tensor *var, const form *f, double eps) {
  const neap_tensor *x = plain[0];
  neap_tensor tables[3] = {{0}};
  job j = {.x = neap_tensor_data(x)};
  NEAP_TRY(start(&j, f, x->dtype));
  neap_status st = neap_tensor_init_raw(y, x->dtype, x->ndim, x->size);
  for (int i = 0; i < 3 && !st; i++) st = init_table(&tables[i], &j);
  if (!st) {
    char *m = neap_tensor_data(&tables[0]), *a = neap_tensor_data(&tables[1]);
    char *b = neap_tensor_data(&tables[2]), *v = neap_tensor_data(var);
    for (int64_t i = 0; i < f->samples * f->groups; i++)
      neap__nn_set(j.dtype, v, i, 1 / sqrt(neap__nn_get(j.dtype, v, i) + eps));
    for (int64_t i = 0; i < f->samples * f->channels; i++) {
      int64_t c = i % f->channels, g = i / (f->channels / f->groups);
      neap__nn_set(j.dtype, m, i, neap__nn_get(j.dtype, neap_tensor_data(mean), g));
      neap__nn_set(j.dtype, a, i,
                   neap__nn_get(j.dtype, v, g) *
                       (plain[1] ? neap__nn_get(j.dtype, neap_tensor_data(plain[1]), c) : 1));
      neap__nn_set(j.dtype, b, i,
                   plain[2] ? neap__nn_get(j.dtype, neap_tensor_data(plain[2]), c) : 0);
    }
    j.z = neap_tensor_data(y);
    j.mean = m;
    j.a = a;
    j.b = b;
    st = neap_parallel_for(f->samples * j.chunks, 1, forward_chunks, &j);
  }
  for (int i = 0; i < 3; i++) neap_tensor_drop(&tables[i]);
  return st;
}

/* [samples, 2, channels]: sum dy (x - mean) and sum dy. */
static neap_status sums_of(neap_tensor *sums, job *j) {
  neap_tensor parts;
  neap_reduce_options o = {.dims = 1u << 1};
  NEAP_TRY(neap_tensor_init(&parts, j->dtype, 4,
                            (int64_t[]){j->f.samples, j->chunks, 2, j->f.channels}));
  j->parts = neap_tensor_data(&parts);
  neap_status st = neap_parallel_for(j->f.samples * j->chunks, 1, sum_chunks, j);
  if (!st) st = neap_tensor_reduce(sums, NEAP_SUM, &parts, &o);
  neap_tensor_drop(&parts);
  return st;
}

/* dw and db: the sums over the samples. */
static neap_status give_affine(neap_node *n, const job *j, const neap_tensor *sums,
                               const char *rstd) {
  const form *f = &j->f;
  for (int k = 0; k < 2; k++) {
    neap_tensor d;
    if (!neap_node_wants(n, 1 + k)) continue;
    NEAP_TRY(neap_tensor_init_1d(&d, j->dtype, f->channels));
    for (int64_t c = 0; c < f->channels; c++) {
      double sum = 0;
      for (int64_t s = 0; s < f->samples; s++) {
        double v = neap__nn_get(j->dtype, neap_tensor_data(sums), (2 * s + k) * f->channels + c);
        int64_t g = (s * f->channels + c) / (f->channels / f->groups);
        sum += k == 0 ? v * neap__nn_get(j->dtype, rstd, g) : v;
      }
      neap__nn_set(j->dtype, neap_tensor_data(&d), c, sum);
    }
    NEAP_TRY(neap_node_give(n, 1 + k, &d));
  }
  return NEAP_OK;
}

/* The coefficients of dx = a dy + b (x - mean) + c for one group. */
static void group_slope(const job *j, const char *sums, const char *w, double rstd, int64_t sample,
                        int64_t group, neap_tensor *tables) {
  const form *f = &j->f;
  int64_t each = f->channels / f->groups;
  double m1 = 0, m2 = 0, n = (double)f->rows * (double)each;
  for (int64_t c = group * each; c < (group + 1) * each && !f->fixed; c++) {
    double weight = w ? neap__nn_get(j->dtype, w, c) : 1;
    m2 += weight * neap__nn_get(j->dtype, sums, 2 * sample * f->channels + c) * rstd / n;
    m1 += weight * neap__nn_get(j->dtype, sums, (2 * sample + 1) * f->channels + c) / n;
  }
  for (int64_t c = group * each; c < (group + 1) * each; c++) {
    int64_t i = sample * f->channels + c;
    neap__nn_set(j->dtype, neap_tensor_data(&tables[0]), i,
                 rstd * (w ? neap__nn_get(j->dtype, w, c) : 1));
    neap__nn_set(j->dtype, neap_tensor_data(&tables[1]), i, -rstd * rstd * m2);
    neap__nn_set(j->dtype, neap_tensor_data(&tables[2]), i, -rstd * m1);
  }
}

static neap_status give_input(neap_node *n, job *j, const neap_tensor *sums, const char *w,
                              const char *rstd) {
  const neap_tensor *x = neap_node_saved(n, 0);
  neap_tensor tables[3] = {{0}}, dx = {0};
  neap_status st = neap_tensor_init_raw(&dx, x->dtype, x->ndim, x->size);
  for (int i = 0; i < 3 && !st; i++) st = init_table(&tables[i], j);
  if (!st) {
    for (int64_t i = 0; i < j->f.samples * j->f.groups; i++)
      group_slope(j, neap_tensor_data(sums), w, neap__nn_get(j->dtype, rstd, i), i / j->f.groups,
                  i % j->f.groups, tables);
    j->z = neap_tensor_data(&dx);
    j->a = neap_tensor_data(&tables[0]);
    j->b = neap_tensor_data(&tables[1]);
    j->c = neap_tensor_data(&tables[2]);
    st = neap_parallel_for(j->f.samples * j->chunks, 1, backward_chunks, j);
  }
  for (int i = 0; i < 3; i++) neap_tensor_drop(&tables[i]);
  if (!st) return neap_node_give(n, 0, &dx);
  neap_tensor_drop(&dx);
  return st;
}

/* The means of the groups, one for each channel. */
static neap_status spread(neap_tensor *out, const job *j, const neap_tensor *mean) {
  NEAP_TRY(init_table(out, j));
  for (int64_t i = 0; i < j->f.samples * j->f.channels; i++)
    neap__nn_set(j->dtype, neap_tensor_data(out), i,
                 neap__nn_get(j->dtype, neap_tensor_data(mean), i / (j->f.channels / j->f.groups)));
  return NEAP_OK;
}

/* Saved are x, the means and 1 / sqrt(var + eps) of [samples, groups] and, with a weight, that. */
static neap_status backward(neap_node *n) {
  const form *f = neap_node_state(n);
  const neap_tensor *x = neap_node_saved(n, 0);
  const char *rstd = neap_tensor_data(neap_node_saved(n, 2));
  const char *w = f->has_w ? neap_tensor_data(neap_node_saved(n, 3)) : NULL;
  neap_tensor dy = {0}, mean = {0}, sums = {0};
  job j = {.x = neap_tensor_data(x)};
  neap_status st = start(&j, f, x->dtype);
  if (!st) st = neap_node_dense(n, 0, &dy);
  if (!st) st = spread(&mean, &j, neap_node_saved(n, 1));
  if (!st) {
    j.dy = neap_tensor_data(&dy);
    j.mean = neap_tensor_data(&mean);
    st = sums_of(&sums, &j);
  }
  if (!st && neap_node_wants(n, 0)) st = give_input(n, &j, &sums, w, rstd);
  if (!st) st = give_affine(n, &j, &sums, rstd);
  neap_tensor_drop(&dy);
  neap_tensor_drop(&mean);
  neap_tensor_drop(&sums);
  return st;
}

/* Shared by both layers: x [..., channels], w and b [channels]. */
static neap_status check(const char *layer, const neap_tensor *x, const neap_tensor *w,
                         const neap_tensor *b) {
  char is[128], other[128];
  NEAP_TRY(neap__nn_one_dtype(layer, 3, (const neap_tensor *[]){x, b, w},
                              (const char *[]){"x", "bias", "weight"}));
  if (x->ndim < 2 || x->size[x->ndim - 1] == 0)
    return neap_fail(NEAP_ESHAPE, "%s: x %s must be [batch, ..., channels]", layer,
                     neap_shape_text(x, is, sizeof is));
  for (int i = 0; i < 2; i++) {
    const neap_tensor *t = i ? b : w;
    if (t && (t->ndim != 1 || t->size[0] != x->size[x->ndim - 1]))
      return neap_fail(NEAP_ESHAPE,
                       "%s: x %s has %lld channels in its last dim, the layer takes %s %s", layer,
                       neap_shape_text(x, is, sizeof is), (long long)x->size[x->ndim - 1],
                       i ? "bias" : "weight", neap_shape_text(t, other, sizeof other));
  }
  return NEAP_OK;
}

static neap_status record(neap_tensor *out, const char *layer, const neap_tensor *const *in,
                          const neap_tensor *const *plain, const neap_tensor *mean,
                          const neap_tensor *rstd, const form *f) {
  static const neap_gradient batch = {"batch_norm", backward, NULL};
  static const neap_gradient group = {"group_norm", backward, NULL};
  const neap_tensor *save[] = {plain[0], mean, rstd, plain[1]};
  return neap__nn_record(layer[0] == 'b' ? &batch : &group, 3, in, out, f->has_w ? 4 : 3, save, f,
                         sizeof *f);
}

/* Normalise with moments of [samples, groups], taken from x unless they are there already. */
static neap_status normalise(neap_tensor *out, const char *layer, const neap_tensor *const *in,
                             neap_tensor *mean, neap_tensor *var, form *f, double eps) {
  neap_tensor own[3] = {{0}};
  const neap_tensor *plain[3];
  neap_status st = NEAP_OK;
  for (int i = 0; i < 3; i++) {
    if (in[i] && !st) st = neap_tensor_as(&own[i], in[i], in[0]->dtype);
    plain[i] = in[i] ? &own[i] : NULL;
  }
  f->has_w = in[1] != NULL;
  if (!st && !f->fixed) st = moments_of(mean, var, plain[0], f);
  neap_tensor rstd = {0};
  if (!st) st = neap_tensor_clone(&rstd, var);
  if (!st) st = forward(out, plain, mean, &rstd, f, eps);
  if (!st) st = record(out, layer, in, plain, mean, &rstd, f);
  neap_tensor_drop(&rstd);
  for (int i = 0; i < 3; i++) neap_tensor_drop(&own[i]);
  if (st) neap_tensor_drop(out);
  return st;
}

neap_status neap_nn_group_norm(neap_tensor *out, const neap_tensor *x, const neap_tensor *w,
                               const neap_tensor *b, int64_t groups, double eps) {
  char is[128];
  memset(out, 0, sizeof *out);
  NEAP_TRY(check("group_norm", x, w, b));
  int64_t channels = x->size[x->ndim - 1], batch = x->size[0];
  if (groups < 1 || channels % groups)
    return neap_fail(NEAP_ESHAPE, "group_norm: %lld channels of x %s do not make %lld groups",
                     (long long)channels, neap_shape_text(x, is, sizeof is), (long long)groups);
  form f = {.samples = batch, .channels = channels, .groups = groups};
  f.rows = batch ? neap_tensor_numel(x) / batch / channels : 0;
  neap_tensor mean = {0}, var = {0};
  neap_status st =
      normalise(out, "group_norm", (const neap_tensor *[]){x, w, b}, &mean, &var, &f, eps);
  neap_tensor_drop(&mean);
  neap_tensor_drop(&var);
  return st;
}

static neap_status check_batch(const neap_tensor *x, const neap_batch_norm_options *o) {
  char is[128];
  int64_t channels = x->size[x->ndim - 1], rows = neap_tensor_numel(x) / channels;
  if ((o->training || !o->mean) && rows < 2)
    return neap_fail(NEAP_ESHAPE,
                     "batch_norm: x %s has %lld rows; moments of the batch need two at least",
                     neap_shape_text(x, is, sizeof is), (long long)rows);
  for (int i = 0; i < 2; i++) {
    const neap_tensor *t = i ? o->var : o->mean;
    if (t && (t->dtype != x->dtype || t->ndim != 1 || t->size[0] != channels))
      return neap_fail(NEAP_ESHAPE, "batch_norm: x %s does not fit running_%s %s of %s",
                       neap_shape_text(x, is, sizeof is), i ? "var" : "mean",
                       neap_shape_text(t, (char[128]){0}, 128), neap_dtype_name(t->dtype));
  }
  return NEAP_OK;
}

/* r = (1 - momentum) r + momentum scale m */
static void follow(neap_tensor *running, const neap_tensor *m, double momentum, double scale) {
  for (int64_t c = 0; c < running->size[0]; c++) {
    double now = neap__nn_get(m->dtype, neap_tensor_data(m), c) * scale;
    double was = neap_tensor_get_f64(running, &c);
    neap_tensor_set_f64(running, &c, (1 - momentum) * was + momentum * now);
  }
  neap_tensor_touch(running);
}

neap_status neap_nn_batch_norm(neap_tensor *out, const neap_tensor *x, const neap_tensor *w,
                               const neap_tensor *b, const neap_batch_norm_options *o) {
  memset(out, 0, sizeof *out);
  NEAP_TRY(check("batch_norm", x, w, b));
  NEAP_TRY(check_batch(x, o));
  int64_t channels = x->size[x->ndim - 1];
  form f = {.samples = 1, .channels = channels, .groups = channels};
  f.rows = neap_tensor_numel(x) / channels;
  f.fixed = !o->training && o->mean;
  neap_tensor mean = {0}, var = {0};
  neap_status st = f.fixed ? neap_tensor_clone(&mean, o->mean) : NEAP_OK;
  if (!st && f.fixed) st = neap_tensor_clone(&var, o->var);
  if (!st)
    st = normalise(out, "batch_norm", (const neap_tensor *[]){x, w, b}, &mean, &var, &f, o->eps);
  if (!st && o->training && o->mean) {
    follow(o->mean, &mean, o->momentum, 1);
    follow(o->var, &var, o->momentum, (double)f.rows / ((double)f.rows - 1));
  }
  neap_tensor_drop(&mean);
  neap_tensor_drop(&var);
  return st;
}
