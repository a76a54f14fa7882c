/* What losses have in common: weights, joining, the gradient that is ready before it is asked for.
 */
#include "nn/loss_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"

const char *neap__nn_loss_place(const neap_tensor *t, const char *what, int64_t at, char *text) {
  int64_t position[NEAP_MAX_DIMS];
  for (int d = t->ndim - 1; d >= 0; d--) {
    position[d] = at % t->size[d] + 1;
    at /= t->size[d];
  }
  int length = snprintf(text, NEAP__PLACE, "%s[", what);
  for (int d = 0; d < t->ndim && length < NEAP__PLACE - 24; d++)
    length += snprintf(text + length, NEAP__PLACE - (size_t)length, d ? ", %lld" : "%lld",
                       (long long)position[d]);
  snprintf(text + length, NEAP__PLACE - (size_t)length, "]");
  return text;
}

neap_status neap__nn_loss_numbers(neap_tensor *out, const neap_tensor *t, neap_dtype dtype,
                                  const char *name, const char *what) {
  char text[NEAP__PLACE];
  NEAP_TRY(neap_tensor_as(out, t, dtype));
  for (int64_t i = 0, n = neap_tensor_numel(t); i < n; i++) {
    double v = neap__nn_get(dtype, neap_tensor_data(out), i);
    if (v >= 0 && v < INFINITY) continue;
    neap_tensor_drop(out);
    return neap_fail(NEAP_EVALUE, "%s: %s is %g, must be finite and not negative", name,
                     neap__nn_loss_place(t, what, i, text), v);
  }
  return NEAP_OK;
}

/* weights cover the first dimensions of the losses. */
static neap_status take_weights(neap__nn_loss *s, const neap_tensor *weights) {
  char a[128], b[128];
  neap_tensor losses = s->x;
  losses.ndim = s->dims;
  bool fits = weights->ndim >= 1 && weights->ndim <= s->dims;
  for (int d = 0; fits && d < weights->ndim; d++) fits = weights->size[d] == losses.size[d];
  if (!fits)
    return neap_fail(NEAP_ESHAPE,
                     "%s: weights %s do not fit losses %s; they are one per sample, or have more "
                     "of the losses' leading sizes",
                     s->name, neap_shape_text(weights, a, sizeof a),
                     neap_shape_text(&losses, b, sizeof b));
  s->shared = s->rows / neap_tensor_numel(weights);
  return neap__nn_loss_numbers(&s->weights, weights, s->dtype, s->name, "weights");
}

static void measure(neap__nn_loss *s) {
  s->rows = s->width = 1;
  for (int d = 0; d < s->x.ndim; d++) *(d < s->dims ? &s->rows : &s->width) *= s->x.size[d];
  s->chunk = s->width < NEAP__LOSS_CHUNK ? NEAP__LOSS_CHUNK / s->width : 1;
}

neap_status neap__nn_loss_begin(neap__nn_loss *s, const char *name, const neap_tensor *x, int dims,
                                const neap_loss_options *o) {
  char shape[128];
  *s = (neap__nn_loss){.name = name, .dtype = x->dtype, .join = o->join, .dims = dims};
  NEAP_TRY(neap_kern_select(&s->kern));
  if (neap_tensor_numel(x) == 0)
    return neap_fail(NEAP_ESHAPE, "%s: the batch is empty, x is %s", name,
                     neap_shape_text(x, shape, sizeof shape));
  NEAP_TRY(neap_tensor_as(&s->x, x, x->dtype));
  measure(s);
  s->total = (double)s->rows;
  if (!o->weights) return NEAP_OK;
  NEAP_TRY(take_weights(s, o->weights));
  s->total = 0;
  for (int64_t i = 0, n = neap_tensor_numel(&s->weights); i < n; i++)
    s->total += neap__nn_get(s->dtype, neap_tensor_data(&s->weights), i);
  s->total *= (double)s->shared;
  return NEAP_OK;
}

neap_status neap__nn_loss_open(neap__nn_loss *s, int inputs, const neap_tensor *const *in) {
  if (s->join == NEAP_LOSS_MEAN && s->total == 0)
    return neap_fail(NEAP_EVALUE,
                     "%s: the rows of the batch weigh 0, or are ignored, so it has no mean",
                     s->name);
  int dims = s->join == NEAP_LOSS_NONE ? s->dims : 0;
  NEAP_TRY(neap_tensor_init_raw(&s->result, s->dtype, dims, s->x.size));
  if (neap_grad_active(inputs, in))
    NEAP_TRY(neap_tensor_init_raw(&s->slope, s->dtype, s->x.ndim, s->x.size));
  int64_t chunks = neap_parallel_chunks(s->rows, s->chunk);
  s->partial = chunks > 1 ? neap_alloc_array(chunks, sizeof *s->partial) : &s->alone;
  return s->partial ? NEAP_OK : NEAP_ENOMEM;
}

double neap__nn_loss_scale(const neap__nn_loss *s) {
  return s->join == NEAP_LOSS_MEAN ? 1 / s->total : 1;
}

void neap__nn_loss_spread(neap_dtype dtype, int64_t n, void *z, const void *x, int64_t first,
                          int64_t repeat, int64_t period) {
  int64_t at = first / repeat % period, left = repeat - first % repeat;
  for (int64_t i = 0; i < n; i++) {
    if (dtype == NEAP_F64) ((double *)z)[i] = ((const double *)x)[at];
    else ((float *)z)[i] = ((const float *)x)[at];
    if (--left > 0) continue;
    left = repeat;
    at = at + 1 < period ? at + 1 : 0;
  }
}

const void *neap__nn_loss_weights(const neap__nn_loss *s, int64_t first, int64_t n, void *room) {
  if (!s->weights.storage) return NULL;
  if (s->shared == 1) return neap__nn_loss_at(&s->weights, first);
  neap__nn_loss_spread(s->dtype, n, room, neap_tensor_data(&s->weights), first, s->shared,
                       INT64_MAX);
  return room;
}

void neap__nn_loss_put(neap__nn_loss *s, int64_t first, int64_t n, const void *l, double *sum) {
  neap_acc acc;
  if (s->join == NEAP_LOSS_NONE) {
    memcpy(neap__nn_loss_at(&s->result, first), l, (size_t)n * neap_dtype_size(s->dtype));
    return;
  }
  s->kern->fold[NEAP_FOLD_sum][s->dtype](n, l, 0, &acc);
  *sum += acc.f;
}

/* what is recorded ----------------------------------------------------------------------------- */

/* A loss that was left in rows has a gradient for each, which all of the row's slopes take. */
static neap_status scaled(neap_tensor *out, const neap_tensor *slope, const neap_tensor *g) {
  neap_tensor rows, all;
  if (g->ndim == 0 && neap__nn_get(g->dtype, neap_tensor_data(g), 0) == 1) {
    neap_tensor_alias(out, slope);
    return NEAP_OK;
  }
  if (g->ndim == 0 || g->ndim == slope->ndim) return neap_tensor_binary(out, NEAP_OP_mul, slope, g);
  NEAP_TRY(neap_tensor_unsqueeze(&rows, g, g->ndim));
  neap_status st = neap_tensor_expand(&all, &rows, slope->ndim, slope->size);
  neap_tensor_drop(&rows);
  if (st) return st;
  st = neap_tensor_binary(out, NEAP_OP_mul, slope, &all);
  neap_tensor_drop(&all);
  return st;
}

static neap_status back(neap_node *n, int inputs) {
  neap_tensor g, opposite;
  NEAP_TRY(scaled(&g, neap_node_state(n), neap_node_gradient(n, 0)));
  neap_status st = NEAP_OK;
  if (inputs == 2 && neap_node_wants(n, 1)) {
    st = neap_tensor_unary(&opposite, NEAP_MAP_neg, &g);
    if (!st) st = neap_node_give(n, 1, &opposite);
  }
  if (st) neap_tensor_drop(&g);
  return st ? st : neap_node_give(n, 0, &g);
}

static neap_status back_one(neap_node *n) { return back(n, 1); }
static neap_status back_two(neap_node *n) { return back(n, 2); }

static void drop_slope(void *state) {
  neap_tensor_drop(state);
  neap_free(state);
}

static neap_status record(neap__nn_loss *s, int inputs, const neap_tensor *const *in) {
  static const neap_gradient one = {"loss", back_one, drop_slope};
  static const neap_gradient two = {"loss", back_two, drop_slope};
  if (!s->slope.storage) return NEAP_OK;
  neap_tensor *state = neap_alloc(sizeof *state), *out = &s->result;
  if (!state) return NEAP_ENOMEM;
  *state = s->slope;
  memset(&s->slope, 0, sizeof s->slope);
  return neap_grad_record(inputs == 2 ? &two : &one, inputs, in, 1, &out, 0, NULL, state);
}

neap_status neap__nn_loss_end(neap__nn_loss *s, neap_tensor *out, int inputs,
                              const neap_tensor *const *in) {
  double sum = 0;
  if (s->join != NEAP_LOSS_NONE) {
    for (int64_t i = 0, n = neap_parallel_chunks(s->rows, s->chunk); i < n; i++)
      sum += s->partial[i];
    neap_tensor_set_f64(&s->result, (int64_t[]){0}, sum * neap__nn_loss_scale(s));
  }
  NEAP_TRY(record(s, inputs, in));
  *out = s->result;
  memset(&s->result, 0, sizeof s->result);
  return NEAP_OK;
}

void neap__nn_loss_drop(neap__nn_loss *s) {
  neap_tensor_drop(&s->x);
  neap_tensor_drop(&s->weights);
  neap_tensor_drop(&s->result);
  neap_tensor_drop(&s->slope);
  if (s->partial != &s->alone) neap_free(s->partial);
}
