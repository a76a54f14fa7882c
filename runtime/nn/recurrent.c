/* Recurrent layers on tensors: checks, the forward pass, one step. */
#include "nn/recurrent.h"

#include <string.h>

#include "base/alloc.h"
#include "grad/grad.h"
#include "nn/check.h"
#include "nn/recurrent_run.h"

static const char *const names[NEAP_CELLS] = {"lstm", "gru", "rnn", "rnn"};

/* checks --------------------------------------------------------------------------------------- */

static bool has_shape(const neap_tensor *t, int ndim, const int64_t *size) {
  return t->ndim == ndim && memcmp(t->size, size, sizeof *size * (size_t)ndim) == 0;
}

static neap_status check_shape(neap_cell cell, const char *what, const neap_tensor *t, int ndim,
                               const int64_t *size) {
  char got[128], wanted[128];
  if (!t || has_shape(t, ndim, size)) return NEAP_OK;
  neap_tensor w = {.ndim = ndim};
  memcpy(w.size, size, sizeof *size * (size_t)ndim);
  return neap_fail(NEAP_ESHAPE, "%s: %s is %s, expected %s", names[cell], what,
                   neap_shape_text(t, got, sizeof got), neap_shape_text(&w, wanted, sizeof wanted));
}

static neap_status check_weights(neap_cell cell, const neap_recurrent_weights *w,
                                 const neap_tensor *x, int64_t units) {
  const neap_tensor *all[] = {x, w->b_ih, w->b_hh, w->w_hh, w->w_ih};
  const char *const called[] = {"x", "bias_ih", "bias_hh", "weight_hh", "weight_ih"};
  int64_t gates = neap_cell_size[cell].gates * units;
  NEAP_TRY(neap__nn_one_dtype(names[cell], 5, all, called));
  NEAP_TRY(check_shape(cell, "weight_hh", w->w_hh, 2, (int64_t[]){gates, units}));
  if (w->w_ih->ndim != 2) return check_shape(cell, "weight_ih", w->w_ih, 2, (int64_t[]){gates, 0});
  NEAP_TRY(check_shape(cell, "weight_ih", w->w_ih, 2, (int64_t[]){gates, w->w_ih->size[1]}));
  NEAP_TRY(check_shape(cell, "bias_ih", w->b_ih, 1, &gates));
  return check_shape(cell, "bias_hh", w->b_hh, 1, &gates);
}

static neap_status check_features(neap_cell cell, const neap_tensor *x, int64_t inputs) {
  char text[128];
  if (x->size[x->ndim - 1] == inputs) return NEAP_OK;
  return neap_fail(NEAP_ESHAPE, "%s: x %s has %lld features in its last dim, the layer takes %lld",
                   names[cell], neap_shape_text(x, text, sizeof text),
                   (long long)x->size[x->ndim - 1], (long long)inputs);
}

/* h or c of rows x units in so many layers or directions. */
static neap_status check_state(neap_cell cell, const char *what, const neap_tensor *t,
                               const neap_tensor *x, int64_t layers, int64_t units) {
  if (!t) return NEAP_OK;
  NEAP_TRY(neap__nn_one_dtype(names[cell], 2, (const neap_tensor *[]){t, x},
                              (const char *[]){what, "x"}));
  return check_shape(cell, what, t, 3, (int64_t[]){layers, x->size[0], units});
}

static neap_status check_lengths(neap_cell cell, const neap_tensor *lengths, const neap_tensor *x) {
  if (!lengths) return NEAP_OK;
  NEAP_TRY(check_shape(cell, "lengths", lengths, 1, &x->size[0]));
  if (lengths->dtype != NEAP_I64)
    return neap_fail(NEAP_EDTYPE, "%s: lengths is %s, expected i64", names[cell],
                     neap_dtype_name(lengths->dtype));
  for (int64_t i = 0; i < x->size[0]; i++) {
    int64_t v = neap_tensor_get_i64(lengths, &i);
    if (v < 1 || v > x->size[1])
      return neap_fail(NEAP_EVALUE, "%s: lengths[%lld] is %lld, allowed are 1 to %lld, x's steps",
                       names[cell], (long long)i + 1, (long long)v, (long long)x->size[1]);
  }
  return NEAP_OK;
}

static neap_status check(const neap_recurrent *r, const neap_tensor *x, const neap_tensor *h0,
                         const neap_tensor *c0, const neap_tensor *lengths) {
  char text[128];
  int64_t units = r->weights[0].w_hh->ndim == 2 ? r->weights[0].w_hh->size[1] : 0;
  for (int d = 0; d < r->directions; d++)
    NEAP_TRY(check_weights(r->cell, &r->weights[d], x, units));
  if (x->ndim != 3)
    return neap_fail(NEAP_ESHAPE, "%s: x is %s, expected [batch, time, features]", names[r->cell],
                     neap_shape_text(x, text, sizeof text));
  for (int d = 0; d < r->directions; d++)
    NEAP_TRY(check_features(r->cell, x, r->weights[d].w_ih->size[1]));
  if (x->size[1] == 0)
    return neap_fail(NEAP_ESHAPE, "%s: x %s has no time steps", names[r->cell],
                     neap_shape_text(x, text, sizeof text));
  if (x->size[2] == 0 || units == 0)
    return neap_fail(NEAP_ESHAPE, "%s: %lld features and %lld hidden units, at least 1 each",
                     names[r->cell], (long long)x->size[2], (long long)units);
  NEAP_TRY(check_state(r->cell, "h", h0, x, r->directions, units));
  NEAP_TRY(check_state(r->cell, "c", c0, x, r->directions, units));
  return check_lengths(r->cell, lengths, x);
}

neap_status neap__recurrent_check_step(int layers, const neap_recurrent *r, const neap_tensor *x,
                                       const neap_tensor *h, const neap_tensor *c) {
  char text[128];
  neap_cell cell = r->cell;
  int64_t units = r->weights[0].w_hh->ndim == 2 ? r->weights[0].w_hh->size[1] : 0;
  if (x->ndim != 2)
    return neap_fail(NEAP_ESHAPE, "%s: x of one step is %s, expected [batch, features]",
                     names[cell], neap_shape_text(x, text, sizeof text));
  for (int k = 0; k < layers; k++) {
    NEAP_TRY(check_weights(cell, &r[k].weights[0], x, units));
    if (k == 0) NEAP_TRY(check_features(cell, x, r[k].weights[0].w_ih->size[1]));
    else
      NEAP_TRY(check_shape(cell, "weight_ih", r[k].weights[0].w_ih, 2,
                           (int64_t[]){neap_cell_size[cell].gates * units, units}));
  }
  if (x->size[1] == 0 || units == 0) return check_shape(cell, "x", x, 2, (int64_t[]){1, 1});
  NEAP_TRY(check_state(cell, "h", h, x, layers, units));
  NEAP_TRY(check_state(cell, "c", c, x, layers, units));
  if (c && c->storage == h->storage && c->offset == h->offset)
    return neap_fail(NEAP_EARG, "%s: h and c of a step must be two tensors", names[cell]);
  if (neap_tensor_is_contiguous(h) && (!c || neap_tensor_is_contiguous(c))) return NEAP_OK;
  return neap_fail(NEAP_EARG, "%s: h and c of a step must be contiguous", names[cell]);
}

/* the forward pass ----------------------------------------------------------------------------- */

/* t as a contiguous tensor, or an empty one for NULL. */
static neap_status plain(neap_tensor *out, const neap_tensor *t) {
  *out = (neap_tensor){0};
  return t ? neap_tensor_as(out, t, t->dtype) : NEAP_OK;
}

static neap_status make_results(const neap__recurrent_plan *p, neap_tensor *y, neap_tensor *h_n,
                                neap_tensor *c_n, neap_tensor *kept) {
  int64_t state[] = {p->directions, p->batch, p->units};
  int64_t all[] = {p->batch, p->time, p->directions * p->units};
  neap_status st =
      p->ragged ? neap_tensor_init(y, p->dtype, 3, all) : neap_tensor_init_raw(y, p->dtype, 3, all);
  if (!st) st = neap_tensor_init_raw(h_n, p->dtype, 3, state);
  if (!st && p->cell == NEAP_LSTM) st = neap_tensor_init_raw(c_n, p->dtype, 3, state);
  for (int d = 0; kept && d < p->directions && !st; d++)
    st = neap_tensor_init_raw(&kept[d], p->dtype, 2,
                              (int64_t[]){p->total, neap_cell_size[p->cell].kept * p->units});
  return st;
}

static neap_status run(const neap_recurrent *r, const neap__recurrent_plan *p, neap_tensor *y,
                       neap_tensor *h_n, neap_tensor *c_n, neap_tensor *kept,
                       const neap_tensor *const *plains, neap_recurrent_pack *packs) {
  const neap_tensor *x = plains[0], *h0 = plains[1], *c0 = plains[2];
  neap__recurrent_forward f = {.plan = p,
                               .x = neap_tensor_data(x),
                               .x_row = x->stride[0],
                               .x_step = x->stride[1],
                               .h0 = h0->storage ? neap_tensor_data(h0) : NULL,
                               .c0 = c0->storage ? neap_tensor_data(c0) : NULL,
                               .y = neap_tensor_data(y),
                               .h_n = neap_tensor_data(h_n)};
  if (p->cell == NEAP_LSTM) f.c_n = neap_tensor_data(c_n);
  NEAP_TRY(neap_kern_select(&f.kern));
  for (int d = 0; d < p->directions; d++) {
    NEAP_TRY(neap__recurrent_pack(&packs[d], f.kern, p->cell, &r->weights[d], &f.weights[d]));
    if (kept) f.kept[d] = neap_tensor_data(&kept[d]);
  }
  return neap__recurrent_run(&f);
}

/* The three inputs that the loops read: x as it lies when its features are adjacent. */
static neap_status forward(const neap_recurrent *r, const neap__recurrent_plan *p, neap_tensor *y,
                           neap_tensor *h_n, neap_tensor *c_n, neap_tensor *kept,
                           const neap_tensor *const *in, neap_recurrent_pack *packs) {
  neap_tensor x = {0}, h0 = {0}, c0 = {0};
  neap_recurrent_pack own[2] = {0};
  neap_status st = NEAP_OK;
  if (in[0]->stride[2] == 1 || in[0]->size[2] == 1) neap_tensor_alias(&x, in[0]);
  else st = plain(&x, in[0]);
  if (!st) st = plain(&h0, in[1]);
  if (!st) st = plain(&c0, in[2]);
  if (!st) st = make_results(p, y, h_n, c_n, kept);
  if (!st && p->batch > 0)
    st = run(r, p, y, h_n, c_n, kept, (const neap_tensor *[]){&x, &h0, &c0}, packs ? packs : own);
  for (int d = 0; d < 2; d++) neap_recurrent_unpack(&own[d]);
  neap_tensor_drop(&x), neap_tensor_drop(&h0), neap_tensor_drop(&c0);
  return st;
}

/* recording ------------------------------------------------------------------------------------ */

void neap__recurrent_tape_free(void *tape) {
  neap__recurrent_tape *t = tape;
  neap__recurrent_plan_drop(&t->plan);
  for (int d = 0; d < 2; d++) neap_tensor_drop(&t->kept[d]);
  neap_free(t);
}

/* The gradients of the outputs that anything flowed to, contiguous. */
static neap_status arrived(neap_node *n, int outputs, neap_tensor *dense, const neap_tensor **out) {
  for (int i = 0; i < outputs; i++)
    if (neap_node_gradient(n, i)) {
      NEAP_TRY(neap_node_dense(n, i, &dense[i]));
      out[i] = &dense[i];
    }
  return NEAP_OK;
}

/* What was saved: x, then w_ih and w_hh of each direction, then c0 if there was one. */
static neap_status recurrent_back(neap_node *n) {
  const neap__recurrent_tape *tape = neap_node_state(n);
  int directions = tape->plan.directions, inputs = 3 + 4 * directions;
  neap_recurrent_weights w[2] = {0};
  neap_tensor dense[3] = {0}, out[NEAP_RECURRENT_INPUTS] = {0};
  const neap_tensor *d[3] = {0};
  bool wanted[NEAP_RECURRENT_INPUTS] = {0};
  for (int i = 0; i < inputs; i++) wanted[i] = neap_node_wants(n, i);
  for (int k = 0; k < directions; k++) {
    w[k].w_ih = neap_node_saved(n, 1 + 2 * k);
    w[k].w_hh = neap_node_saved(n, 2 + 2 * k);
  }
  neap_status st = arrived(n, tape->plan.cell == NEAP_LSTM ? 3 : 2, dense, d);
  if (!st)
    st = neap__recurrent_gradients(tape, neap_node_saved(n, 0),
                                   tape->has_c0 ? neap_node_saved(n, 1 + 2 * directions) : NULL, w,
                                   d[0], d[1], d[2], wanted, out);
  for (int i = 0; i < inputs; i++)
    if (!st && wanted[i]) st = neap_node_give(n, i, &out[i]);
    else neap_tensor_drop(&out[i]);
  for (int i = 0; i < 3; i++) neap_tensor_drop(&dense[i]);
  return st;
}

static neap_status record(neap__recurrent_tape *tape, int inputs, const neap_tensor *const *in,
                          neap_tensor *y, neap_tensor *h_n, neap_tensor *c_n) {
  static const neap_gradient gradients[NEAP_CELLS] = {
      {"lstm", recurrent_back, neap__recurrent_tape_free},
      {"gru", recurrent_back, neap__recurrent_tape_free},
      {"rnn", recurrent_back, neap__recurrent_tape_free},
      {"rnn", recurrent_back, neap__recurrent_tape_free}};
  const neap_tensor *save[6] = {in[0]};
  int saved = 1;
  for (int i = 3; i < inputs; i += 4) {
    save[saved++] = in[i];
    save[saved++] = in[i + 1];
  }
  if (in[2]) save[saved++] = in[2];
  tape->has_c0 = in[2] != NULL;
  return neap_grad_record(&gradients[tape->plan.cell], inputs, in,
                          tape->plan.cell == NEAP_LSTM ? 3 : 2, (neap_tensor *[]){y, h_n, c_n},
                          saved, save, tape);
}

static neap_status plan_for(neap__recurrent_plan *p, const neap_recurrent *r, const neap_tensor *x,
                            const neap_tensor *lengths) {
  neap_tensor flat = {0};
  NEAP_TRY(plain(&flat, lengths));
  *p = (neap__recurrent_plan){.cell = r->cell,
                              .dtype = x->dtype,
                              .directions = r->directions,
                              .batch = x->size[0],
                              .time = x->size[1],
                              .inputs = x->size[2],
                              .units = r->weights[0].w_hh->size[1]};
  neap_status st = neap__recurrent_plan_init(p, lengths ? neap_tensor_data(&flat) : NULL);
  neap_tensor_drop(&flat);
  return st;
}

neap_status neap_nn_recurrent(neap_tensor *y, neap_tensor *h_n, neap_tensor *c_n,
                              const neap_recurrent *r, const neap_tensor *x, const neap_tensor *h0,
                              const neap_tensor *c0, const neap_tensor *lengths,
                              neap_recurrent_pack *packs) {
  const neap_tensor *in[NEAP_RECURRENT_INPUTS] = {x, h0, c0};
  int inputs = 3;
  memset(y, 0, sizeof *y), memset(h_n, 0, sizeof *h_n), memset(c_n, 0, sizeof *c_n);
  NEAP_TRY(check(r, x, h0, c0, lengths));
  for (int d = 0; d < r->directions; d++) {
    const neap_recurrent_weights *w = &r->weights[d];
    in[inputs++] = w->w_ih;
    in[inputs++] = w->w_hh;
    in[inputs++] = w->b_ih;
    in[inputs++] = w->b_hh;
  }
  bool track = neap_grad_active(inputs, in);
  neap__recurrent_tape *tape = neap_calloc_array(1, sizeof *tape);
  if (!tape) return NEAP_ENOMEM;
  neap_status st = plan_for(&tape->plan, r, x, lengths);
  if (!st) st = forward(r, &tape->plan, y, h_n, c_n, track ? tape->kept : NULL, in, packs);
  if (!st && track) st = record(tape, inputs, in, y, h_n, c_n);
  else neap__recurrent_tape_free(tape);
  if (st) neap_tensor_drop(y), neap_tensor_drop(h_n), neap_tensor_drop(c_n);
  return st;
}
