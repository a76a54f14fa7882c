/* One step of recurrent layers on top of each other, for those that feed rows as they come. */
#include <string.h>

#include "base/alloc.h"
#include "nn/recurrent_run.h"

typedef struct {
  const neap_kern *kern;
  neap_cell cell;
  neap_dtype dtype;
  int64_t each, batch, units;
  char *a, *b; /* room for the sums of a group of rows */
} stepper;

/* Sums of rows x, adjacent, and the cell. */
static void step_layer(const stepper *s, const neap__recurrent_parts *w, const char *x,
                       int64_t inputs, char *h, char *c) {
  const neap_gemm *g = &s->kern->gemm[s->dtype];
  int64_t gates = neap_cell_size[s->cell].gates * s->units, row = s->units * s->each;
  for (int64_t r = 0; r < s->batch; r += NEAP_ROWS) {
    int64_t rows = s->batch - r < NEAP_ROWS ? s->batch - r : NEAP_ROWS;
    neap__packed_product(g, s->each, rows, gates, inputs, s->a, x + r * inputs * s->each, inputs,
                         w->ih, false);
    neap__packed_product(g, s->each, rows, gates, s->units, s->b, h + r * row, s->units, w->hh,
                         false);
    neap_cell_step step = {.rows = rows,
                           .units = s->units,
                           .a = s->a,
                           .b = s->b,
                           .bias = w->bias,
                           .h = h + r * row,
                           .c = c ? c + r * row : NULL};
    s->kern->cells[s->cell][s->dtype].forward(&step);
  }
}

static neap_status step_layers(const stepper *s, int layers, const neap_recurrent *r,
                               const neap_tensor *x, char *h, char *c, neap_recurrent_pack *packs) {
  int64_t layer = s->batch * s->units * s->each;
  for (int k = 0; k < layers; k++) {
    neap__recurrent_parts parts;
    NEAP_TRY(neap__recurrent_pack(&packs[k], s->kern, s->cell, &r[k].weights[0], &parts));
    step_layer(s, &parts, k ? h + (k - 1) * layer : neap_tensor_data(x), k ? s->units : x->size[1],
               h + k * layer, c ? c + k * layer : NULL);
  }
  return NEAP_OK;
}

static neap_status copy_top(neap_tensor *out, const stepper *s, int layers, const char *h) {
  int64_t size[] = {s->batch, s->units}, layer = s->batch * s->units * s->each;
  NEAP_TRY(neap_tensor_init_raw(out, s->dtype, 2, size));
  memcpy(neap_tensor_data(out), h + (layers - 1) * layer, (size_t)layer);
  return NEAP_OK;
}

neap_status neap_nn_recurrent_step(neap_tensor *out, int layers, const neap_recurrent *r,
                                   const neap_tensor *x, neap_tensor *h, neap_tensor *c,
                                   neap_recurrent_pack *packs) {
  stepper s = {.cell = r->cell, .dtype = x->dtype, .batch = x->size[0]};
  memset(out, 0, sizeof *out);
  NEAP_TRY(neap__recurrent_check_step(layers, r, x, h, c));
  NEAP_TRY(neap_kern_select(&s.kern));
  s.each = (int64_t)neap_dtype_size(s.dtype);
  s.units = h->size[2];
  int64_t rows = s.batch < NEAP_ROWS ? s.batch : NEAP_ROWS;
  int64_t sums = (rows * neap_cell_size[s.cell].gates * s.units * s.each + 63) / 64 * 64;
  neap_tensor flat = {0};
  NEAP_TRY(neap_tensor_as(&flat, x, s.dtype));
  s.a = neap_alloc(2 * sums);
  s.b = s.a ? s.a + sums : NULL;
  neap_status st = s.a ? NEAP_OK : NEAP_ENOMEM;
  if (!st)
    st = step_layers(&s, layers, r, &flat, neap_tensor_data(h), c ? neap_tensor_data(c) : NULL,
                     packs);
  if (!st) st = copy_top(out, &s, layers, neap_tensor_data(h));
  neap_tensor_touch(h);
  if (c) neap_tensor_touch(c);
  neap_free(s.a);
  neap_tensor_drop(&flat);
  return st;
}
