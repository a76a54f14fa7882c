/* Gradients of recurrent layers: through time row group by row group (recurrent_run.c), then those
 * of inputs and weights as products over all steps of all rows at once. With D the gradients before
 * the gates: dx = D W_ih, dW_ih = D' x, dW_hh = D' h', both biases the sum of D's rows. */
#include <string.h>

#include "base/alloc.h"
#include "nn/recurrent_run.h"

typedef struct {
  const neap__recurrent_tape *tape;
  const neap__recurrent_plan *p;
  const neap_tensor *x, *c0;
  const neap_recurrent_weights *w;
  const bool *wanted;
  neap_tensor *out;
  neap_tensor da[2], rows; /* rows: x as [total, inputs] */
  double *bias;
} back;

static int64_t units_of(const back *b, int gates) { return gates * b->p->units; }

/* Columns from .. from + count of t, [total, ...]. */
static neap_status columns(neap_tensor *out, const neap_tensor *t, int64_t from, int64_t count) {
  return neap_tensor_slice(out, t, 1, from, count, 1);
}

/* W_hh as the products of the loop read it. */
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

static const void *data_or_null(const neap_tensor *t) { return t ? neap_tensor_data(t) : NULL; }

static neap_status through_time(back *b, const neap_tensor *dy, const neap_tensor *dh_n,
                                const neap_tensor *dc_n, neap_tensor *dh0, neap_tensor *dc0) {
  const neap__recurrent_plan *p = b->p;
  neap_tensor c0 = {0};
  char *packed[2] = {0};
  neap__recurrent_backward r = {.plan = p,
                                .dy = data_or_null(dy),
                                .dh_n = data_or_null(dh_n),
                                .dc_n = data_or_null(dc_n),
                                .dh0 = neap_tensor_data(dh0),
                                .dc0 = neap_tensor_data(dc0),
                                .bias = b->bias};
  neap_status st = neap_kern_select(&r.kern);
  if (!st && b->c0) st = neap_tensor_as(&c0, b->c0, p->dtype);
  for (int d = 0; d < p->directions && !st; d++) {
    st = pack_back(r.kern, b->w[d].w_hh, &packed[d]);
    r.hh[d] = packed[d];
    r.kept[d] = neap_tensor_data(&b->tape->kept[d]);
    r.da[d] = neap_tensor_data(&b->da[d]);
  }
  if (b->c0 && !st) r.c0 = neap_tensor_data(&c0);
  if (!st) st = neap__recurrent_run_back(&r);
  for (int d = 0; d < 2; d++) neap_free(packed[d]);
  neap_tensor_drop(&c0);
  return st;
}

/* Rows of x that are steps of some row of the batch, or back: between [total, inputs] and
 * [batch, time, inputs], which is contiguous. */
static void ragged_rows(const neap__recurrent_plan *p, char *packed, char *padded, bool unpack) {
  int64_t row = p->inputs * p->each;
  for (int64_t r = 0; r < p->batch; r++) {
    char *a = packed + p->start[r] * row, *b = padded + p->row[r] * p->time * row;
    memcpy(unpack ? b : a, unpack ? a : b, (size_t)(p->length[r] * row));
  }
}

static neap_status input_rows(back *b) {
  const neap__recurrent_plan *p = b->p;
  int64_t size[] = {p->total, p->inputs};
  neap_tensor x = {0};
  if (!p->ragged) return neap_tensor_reshape(&b->rows, b->x, 2, size);
  NEAP_TRY(neap_tensor_as(&x, b->x, p->dtype));
  neap_status st = neap_tensor_init_raw(&b->rows, p->dtype, 2, size);
  if (!st) ragged_rows(p, neap_tensor_data(&b->rows), neap_tensor_data(&x), false);
  neap_tensor_drop(&x);
  return st;
}

/* a' b */
static neap_status transposed_product(neap_tensor *out, const neap_tensor *a,
                                      const neap_tensor *b) {
  neap_tensor t;
  NEAP_TRY(neap_tensor_transpose(&t, a, 0, 1));
  neap_status st = neap_tensor_matmul(out, &t, b);
  neap_tensor_drop(&t);
  return st;
}

/* dx of one direction, added to that of the other one. */
static neap_status give_x(back *b, int d, neap_tensor *sum) {
  neap_tensor da, dx = {0};
  NEAP_TRY(columns(&da, &b->da[d], 0, units_of(b, neap_cell_size[b->p->cell].gates)));
  neap_status st = neap_tensor_matmul(&dx, &da, b->w[d].w_ih);
  neap_tensor_drop(&da);
  if (!st && sum->storage) {
    st = neap_tensor_binary_into(sum, NEAP_OP_add, &dx);
    neap_tensor_drop(&dx);
  } else *sum = dx;
  return st;
}

static neap_status give_inputs(back *b) {
  const neap__recurrent_plan *p = b->p;
  int64_t size[] = {p->batch, p->time, p->inputs};
  neap_tensor dx = {0};
  neap_status st = NEAP_OK;
  for (int d = 0; d < p->directions && !st; d++) st = give_x(b, d, &dx);
  if (!st && !p->ragged) st = neap_tensor_reshape(&b->out[0], &dx, 3, size);
  if (!st && p->ragged) {
    st = neap_tensor_init(&b->out[0], p->dtype, 3, size);
    if (!st) ragged_rows(p, neap_tensor_data(&dx), neap_tensor_data(&b->out[0]), true);
  }
  neap_tensor_drop(&dx);
  return st;
}

/* Rows [at, at + n) of dW_hh, from as many columns of da from from on. */
static neap_status give_part(back *b, int d, neap_tensor *dw, int64_t at, int64_t from, int64_t n) {
  const neap__recurrent_plan *p = b->p;
  neap_tensor da = {0}, before = {0}, part = {0}, to = {0};
  neap_status st = columns(&da, &b->da[d], from, n);
  if (!st)
    st = columns(&before, &b->tape->kept[d], units_of(b, neap_cell_size[p->cell].before), p->units);
  if (!st) st = transposed_product(&part, &da, &before);
  if (!st) st = neap_tensor_slice(&to, dw, 0, at, n, 1);
  if (!st) st = neap_tensor_copy(&to, &part);
  neap_tensor_drop(&da), neap_tensor_drop(&before), neap_tensor_drop(&part), neap_tensor_drop(&to);
  return st;
}

static neap_status give_w_hh(back *b, int d, neap_tensor *out) {
  const neap__recurrent_plan *p = b->p;
  int gates = neap_cell_size[p->cell].gates, first = p->cell == NEAP_GRU ? 2 : gates;
  int64_t size[] = {units_of(b, gates), p->units};
  NEAP_TRY(neap_tensor_init_raw(out, p->dtype, 2, size));
  NEAP_TRY(give_part(b, d, out, 0, 0, units_of(b, first)));
  if (first == gates) return NEAP_OK;
  return give_part(b, d, out, units_of(b, 2), units_of(b, 3), p->units);
}

static neap_status give_w_ih(back *b, int d, neap_tensor *out) {
  neap_tensor da;
  NEAP_TRY(columns(&da, &b->da[d], 0, units_of(b, neap_cell_size[b->p->cell].gates)));
  neap_status st = transposed_product(out, &da, &b->rows);
  neap_tensor_drop(&da);
  return st;
}

/* Sums of the groups in their order; b_hh of GRU's last gate stands behind that of b_ih. */
static neap_status give_bias(back *b, int d, bool hidden, neap_tensor *out) {
  const neap__recurrent_plan *p = b->p;
  int64_t groups = neap__recurrent_groups(p), wide = units_of(b, neap_cell_size[p->cell].biases);
  int64_t n = units_of(b, neap_cell_size[p->cell].gates);
  NEAP_TRY(neap_tensor_init_1d(out, p->dtype, n));
  for (int64_t i = 0; i < n; i++) {
    int64_t from = hidden && p->cell == NEAP_GRU && i >= 2 * p->units ? i + p->units : i;
    double sum = 0;
    for (int64_t g = 0; g < groups; g++) sum += b->bias[(d * groups + g) * wide + from];
    neap_tensor_set_f64(out, &i, sum);
  }
  return NEAP_OK;
}

static neap_status give_weights(back *b, int d) {
  const bool *wanted = b->wanted + 3 + 4 * d;
  neap_tensor *out = b->out + 3 + 4 * d;
  if (wanted[0]) NEAP_TRY(give_w_ih(b, d, &out[0]));
  if (wanted[1]) NEAP_TRY(give_w_hh(b, d, &out[1]));
  if (wanted[2]) NEAP_TRY(give_bias(b, d, false, &out[2]));
  return wanted[3] ? give_bias(b, d, true, &out[3]) : NEAP_OK;
}

static neap_status prepare(back *b, neap_tensor *dh0, neap_tensor *dc0) {
  const neap__recurrent_plan *p = b->p;
  int64_t wide = units_of(b, neap_cell_size[p->cell].biases);
  int64_t state[] = {p->directions, p->batch, p->units};
  b->bias = neap_calloc_array(p->directions * neap__recurrent_groups(p) * wide, sizeof(double));
  if (!b->bias) return NEAP_ENOMEM;
  NEAP_TRY(neap_tensor_init_raw(dh0, p->dtype, 3, state));
  NEAP_TRY(neap_tensor_init_raw(dc0, p->dtype, 3, state));
  for (int d = 0; d < p->directions; d++)
    NEAP_TRY(neap_tensor_init_raw(&b->da[d], p->dtype, 2, (int64_t[]){p->total, wide}));
  return NEAP_OK;
}

neap_status neap__recurrent_gradients(const neap__recurrent_tape *tape, const neap_tensor *x,
                                      const neap_tensor *c0, const neap_recurrent_weights *w,
                                      const neap_tensor *dy, const neap_tensor *dh_n,
                                      const neap_tensor *dc_n, const bool *wanted,
                                      neap_tensor *out) {
  back b = {.tape = tape, .p = &tape->plan, .x = x, .c0 = c0, .w = w, .wanted = wanted, .out = out};
  neap_tensor dh0 = {0}, dc0 = {0};
  bool rows = wanted[3] || (tape->plan.directions > 1 && wanted[7]);
  neap_status st = prepare(&b, &dh0, &dc0);
  if (!st) st = through_time(&b, dy, dh_n, dc_n, &dh0, &dc0);
  if (!st && rows) st = input_rows(&b);
  if (!st && wanted[0]) st = give_inputs(&b);
  for (int d = 0; d < tape->plan.directions && !st; d++) st = give_weights(&b, d);
  if (!st && wanted[1]) neap_tensor_alias(&out[1], &dh0);
  if (!st && wanted[2]) neap_tensor_alias(&out[2], &dc0);
  neap_free(b.bias);
  for (int d = 0; d < 2; d++) neap_tensor_drop(&b.da[d]);
  neap_tensor_drop(&b.rows), neap_tensor_drop(&dh0), neap_tensor_drop(&dc0);
  return st;
}
