/* Gradients of recurrent layers as tensors: what the loops of recurrent_through.c read and fill. */
#include <string.h>

#include "base/alloc.h"
#include "nn/recurrent_run.h"

typedef struct {
  const neap__recurrent_tape *tape;
  const neap__recurrent_plan *p;
  const neap_recurrent_weights *w;
  const bool *wanted;
  neap_tensor *out; /* for the gradients, in the order of inputs */
  neap_tensor x, c0, dh0, dc0, other_dx;
  char *packed[4], *sums; /* sums: of the parts of weights but the first */
  neap__recurrent_backward run;
} back;

/* w, k x n, as products from the left read it. */
static neap_status pack_back(const neap_kern *kern, const neap_tensor *w, char **out) {
  const neap_gemm *g = &kern->gemm[w->dtype];
  int64_t each = (int64_t)neap_dtype_size(w->dtype), k = w->size[0], n = w->size[1];
  int64_t wide = neap__packed_columns(g, n);
  const char *b = neap_tensor_data(w);
  *out = neap_alloc_array(wide * k, (size_t)each);
  if (!*out) return NEAP_ENOMEM;
  for (int64_t l = 0; l < k; l += NEAP_STRETCH)
    g->pack(k - l < NEAP_STRETCH ? k - l : NEAP_STRETCH, n, *out + l * wide * each,
            b + l * w->stride[0] * each, w->stride[0], w->stride[1]);
  return NEAP_OK;
}

static neap_status prepare_x(back *b, const neap_tensor *x) {
  if (x->stride[2] == 1 || x->size[2] == 1) neap_tensor_alias(&b->x, x);
  else NEAP_TRY(neap_tensor_as(&b->x, x, x->dtype));
  b->run.x = neap_tensor_data(&b->x);
  b->run.x_row = b->x.stride[0];
  b->run.x_step = b->x.stride[1];
  return NEAP_OK;
}

static neap_status prepare_states(back *b, const neap_tensor *c0) {
  const neap__recurrent_plan *p = b->p;
  int64_t size[] = {p->directions, p->batch, p->units};
  if (c0) {
    NEAP_TRY(neap_tensor_as(&b->c0, c0, p->dtype));
    b->run.c0 = neap_tensor_data(&b->c0);
  }
  NEAP_TRY(neap_tensor_init_raw(&b->dh0, p->dtype, 3, size));
  NEAP_TRY(neap_tensor_init_raw(&b->dc0, p->dtype, 3, size));
  b->run.dh0 = neap_tensor_data(&b->dh0);
  b->run.dc0 = neap_tensor_data(&b->dc0);
  return NEAP_OK;
}

/* dx of each direction; what lies behind the end of a row stays 0. */
static neap_status prepare_dx(back *b) {
  const neap__recurrent_plan *p = b->p;
  int64_t size[] = {p->batch, p->time, p->inputs};
  for (int d = 0; d < p->directions && b->wanted[0]; d++) {
    neap_tensor *dx = d ? &b->other_dx : &b->out[0];
    NEAP_TRY(p->ragged ? neap_tensor_init(dx, p->dtype, 3, size)
                       : neap_tensor_init_raw(dx, p->dtype, 3, size));
    b->run.dx[d] = neap_tensor_data(dx);
    NEAP_TRY(pack_back(b->run.kern, b->w[d].w_ih, &b->packed[2 + d]));
    b->run.ih[d] = b->packed[2 + d];
  }
  return NEAP_OK;
}

/* Sums of parts of one weight: the first part's are the result. */
static neap_status prepare_weight(back *b, int input, const neap_tensor *w, char **parts,
                                  char **room) {
  int64_t n = neap__recurrent_parts_of(b->p), bytes = neap_tensor_numel(w) * b->p->each;
  if (!b->wanted[input]) return NEAP_OK;
  NEAP_TRY(neap_tensor_init(&b->out[input], b->p->dtype, 2, w->size));
  parts[0] = neap_tensor_data(&b->out[input]);
  for (int64_t k = 1; k < n; k++, *room += bytes) parts[k] = *room;
  return NEAP_OK;
}

static neap_status prepare_weights(back *b) {
  const neap__recurrent_plan *p = b->p;
  int64_t parts = neap__recurrent_parts_of(p), sizes = 0;
  for (int d = 0; d < p->directions; d++) {
    NEAP_TRY(pack_back(b->run.kern, b->w[d].w_hh, &b->packed[d]));
    b->run.hh[d] = b->packed[d];
    b->run.kept[d] = neap_tensor_data(&b->tape->kept[d]);
    sizes += neap_tensor_numel(b->w[d].w_ih) + neap_tensor_numel(b->w[d].w_hh);
  }
  b->sums = neap_calloc_array(parts > 1 ? (parts - 1) * sizes : 0, (size_t)p->each);
  b->run.bias = neap_calloc_array(p->directions * parts * neap_cell_size[p->cell].biases * p->units,
                                  sizeof(double));
  if (!b->sums || !b->run.bias) return NEAP_ENOMEM;
  char *room = b->sums;
  for (int d = 0; d < p->directions; d++) {
    NEAP_TRY(prepare_weight(b, 3 + 4 * d, b->w[d].w_ih, b->run.dw_ih[d], &room));
    NEAP_TRY(prepare_weight(b, 4 + 4 * d, b->w[d].w_hh, b->run.dw_hh[d], &room));
  }
  return NEAP_OK;
}

static void add_parts(const back *b, char *const *parts, const neap_tensor *w) {
  neap_binary_fn add = b->run.kern->binary[NEAP_OP_add][b->p->dtype];
  int64_t n = neap_tensor_numel(w);
  for (int64_t k = 1; k < neap__recurrent_parts_of(b->p) && parts[0]; k++)
    add(n, parts[0], 1, parts[0], 1, parts[k], 1);
}

/* Sums of the parts in their order; b_hh of GRU's last gate stands behind that of b_ih. */
static neap_status give_bias(back *b, int d, bool hidden, neap_tensor *out) {
  const neap__recurrent_plan *p = b->p;
  const neap_cell_sizes *z = &neap_cell_size[p->cell];
  int64_t parts = neap__recurrent_parts_of(p), n = z->gates * p->units;
  NEAP_TRY(neap_tensor_init_1d(out, p->dtype, n));
  for (int64_t i = 0; i < n; i++) {
    int64_t from = hidden && p->cell == NEAP_GRU && i >= 2 * p->units ? i + p->units : i;
    double sum = 0;
    for (int64_t k = 0; k < parts; k++)
      sum += b->run.bias[(d * parts + k) * z->biases * p->units + from];
    if (p->dtype == NEAP_F64) ((double *)neap_tensor_data(out))[i] = sum;
    else ((float *)neap_tensor_data(out))[i] = (float)sum;
  }
  return NEAP_OK;
}

static neap_status finish(back *b) {
  const neap__recurrent_plan *p = b->p;
  for (int d = 0; d < p->directions; d++) {
    int at = 3 + 4 * d;
    add_parts(b, b->run.dw_ih[d], b->w[d].w_ih);
    add_parts(b, b->run.dw_hh[d], b->w[d].w_hh);
    if (b->wanted[at + 2]) NEAP_TRY(give_bias(b, d, false, &b->out[at + 2]));
    if (b->wanted[at + 3]) NEAP_TRY(give_bias(b, d, true, &b->out[at + 3]));
  }
  if (b->wanted[1]) neap_tensor_alias(&b->out[1], &b->dh0);
  if (b->wanted[2]) neap_tensor_alias(&b->out[2], &b->dc0);
  if (!b->wanted[0] || p->directions == 1) return NEAP_OK;
  return neap_tensor_binary_into(&b->out[0], NEAP_OP_add, &b->other_dx);
}

static void drop(back *b) {
  neap_tensor *own[] = {&b->x, &b->c0, &b->dh0, &b->dc0, &b->other_dx};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) neap_tensor_drop(own[i]);
  for (int i = 0; i < 4; i++) neap_free(b->packed[i]);
  neap_free(b->sums);
  neap_free(b->run.bias);
}

static const void *data_or_null(const neap_tensor *t) { return t ? neap_tensor_data(t) : NULL; }

neap_status neap__recurrent_gradients(const neap__recurrent_tape *tape, const neap_tensor *x,
                                      const neap_tensor *c0, const neap_recurrent_weights *w,
                                      const neap_tensor *dy, const neap_tensor *dh_n,
                                      const neap_tensor *dc_n, const bool *wanted,
                                      neap_tensor *out) {
  back b = {.tape = tape,
            .p = &tape->plan,
            .w = w,
            .wanted = wanted,
            .out = out,
            .run = {.plan = &tape->plan,
                    .dy = data_or_null(dy),
                    .dh_n = data_or_null(dh_n),
                    .dc_n = data_or_null(dc_n)}};
  neap_status st = neap_kern_select(&b.run.kern);
  if (!st) st = prepare_x(&b, x);
  if (!st) st = prepare_states(&b, c0);
  if (!st) st = prepare_dx(&b);
  if (!st) st = prepare_weights(&b);
  if (!st) st = neap__recurrent_run_back(&b.run);
  if (!st) st = finish(&b);
  drop(&b);
  return st;
}
