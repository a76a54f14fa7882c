/* Recurrent layers against loops written out: every table, ragged sizes, any number of threads. */
#include "check.h"

#include "base/pool.h"
#include "base/rng.h"
#include "nn/recurrent_run.h"

enum { DIRECTIONS = 2, ARGUMENTS = NEAP_RECURRENT_INPUTS };

typedef struct {
  neap_cell cell;
  int directions;
  int64_t batch, time, inputs, units;
  bool bias, state, ragged;
} layer;

/* What goes in, in f64 and in the dtype under test; results, and the same by plain loops. */
typedef struct {
  layer l;
  neap_dtype dtype;
  int64_t lengths[64];
  neap_tensor in[ARGUMENTS], typed[ARGUMENTS]; /* x, h0, c0, then four of each direction */
  neap_tensor y, h_n, c_n;
} fixture;

static neap_tensor tensor_of(int ndim, const int64_t *size) {
  neap_tensor t;
  assert_ok(neap_tensor_init(&t, NEAP_F64, ndim, size));
  return t;
}

static double *numbers(const neap_tensor *t) { return neap_tensor_data(t); }

static neap_tensor random_tensor(neap_rng *r, int ndim, const int64_t *size) {
  neap_tensor t = tensor_of(ndim, size);
  for (int64_t i = 0; i < neap_tensor_numel(&t); i++)
    numbers(&t)[i] = (double)(float)(0.5 * neap_rng_normal(r));
  return t;
}

static fixture make(layer l, neap_dtype dtype) {
  fixture f = {.l = l, .dtype = dtype};
  neap_rng r = neap_rng_make(5);
  int64_t gates = neap_cell_size[l.cell].gates * l.units,
          state[] = {l.directions, l.batch, l.units};
  f.in[0] = random_tensor(&r, 3, (int64_t[]){l.batch, l.time, l.inputs});
  if (l.state) f.in[1] = random_tensor(&r, 3, state);
  if (l.state && l.cell == NEAP_LSTM) f.in[2] = random_tensor(&r, 3, state);
  for (int i = 3; i < 3 + 4 * l.directions; i += 4) {
    f.in[i] = random_tensor(&r, 2, (int64_t[]){gates, l.inputs});
    f.in[i + 1] = random_tensor(&r, 2, (int64_t[]){gates, l.units});
    if (!l.bias) continue;
    f.in[i + 2] = random_tensor(&r, 1, &gates);
    f.in[i + 3] = random_tensor(&r, 1, &gates);
  }
  for (int64_t b = 0; b < l.batch; b++)
    f.lengths[b] = l.ragged ? 1 + (int64_t)neap_rng_below(&r, (uint64_t)l.time) : l.time;
  for (int i = 0; i < ARGUMENTS; i++)
    if (f.in[i].storage) assert_ok(neap_tensor_as(&f.typed[i], &f.in[i], dtype));
  f.y = tensor_of(3, (int64_t[]){l.batch, l.time, l.directions * l.units});
  f.h_n = tensor_of(3, state);
  f.c_n = tensor_of(3, state);
  return f;
}

static void drop(fixture *f) {
  for (int i = 0; i < ARGUMENTS; i++) neap_tensor_drop(&f->in[i]), neap_tensor_drop(&f->typed[i]);
  neap_tensor_drop(&f->y), neap_tensor_drop(&f->h_n), neap_tensor_drop(&f->c_n);
}

static double entry(const neap_tensor *t, int64_t i) { return t->storage ? numbers(t)[i] : 0; }

static double sigmoid(double v) { return 1 / (1 + exp(-v)); }

/* One unit from its sums a and b, biases included. */
static void plain_unit(neap_cell cell, const double *a, const double *b, double *h, double *c) {
  if (cell == NEAP_LSTM) {
    *c = sigmoid(a[1] + b[1]) * *c + sigmoid(a[0] + b[0]) * tanh(a[2] + b[2]);
    *h = sigmoid(a[3] + b[3]) * tanh(*c);
  } else if (cell == NEAP_GRU) {
    double z = sigmoid(a[1] + b[1]);
    *h = (1 - z) * tanh(a[2] + sigmoid(a[0] + b[0]) * b[2]) + z * *h;
  } else *h = cell == NEAP_RNN_TANH ? tanh(a[0] + b[0]) : fmax(a[0] + b[0], 0);
}

/* One row in one direction. */
static void plain_row(fixture *f, int d, int64_t row) {
  const layer *l = &f->l;
  const neap_tensor *w = &f->in[3 + 4 * d];
  int64_t u = l->units, at = (d * l->batch + row) * u;
  double before[80], *h = numbers(&f->h_n) + at, *c = numbers(&f->c_n) + at;
  for (int64_t i = 0; i < u; i++) h[i] = entry(&f->in[1], at + i), c[i] = entry(&f->in[2], at + i);
  for (int64_t s = 0; s < f->lengths[row]; s++) {
    int64_t t = d ? f->lengths[row] - 1 - s : s, place = row * l->time + t;
    memcpy(before, h, sizeof(double) * (size_t)u);
    for (int64_t i = 0; i < u; i++) {
      double a[4], b[4];
      for (int k = 0; k < neap_cell_size[l->cell].gates; k++) {
        int64_t gate = k * u + i;
        a[k] = entry(&w[2], gate);
        b[k] = entry(&w[3], gate);
        for (int64_t j = 0; j < l->inputs; j++)
          a[k] += numbers(&w[0])[gate * l->inputs + j] * numbers(&f->in[0])[place * l->inputs + j];
        for (int64_t j = 0; j < u; j++) b[k] += numbers(&w[1])[gate * u + j] * before[j];
      }
      plain_unit(l->cell, a, b, &h[i], &c[i]);
      numbers(&f->y)[(place * l->directions + d) * u + i] = h[i];
    }
  }
}

static void plain_layer(fixture *f) {
  for (int d = 0; d < f->l.directions; d++)
    for (int64_t row = 0; row < f->l.batch; row++) plain_row(f, d, row);
}

static const neap_tensor *present(const neap_tensor *t) { return t->storage ? t : NULL; }
static void *data_of(const neap_tensor *t) { return t->storage ? neap_tensor_data(t) : NULL; }

static neap_recurrent_weights weights_of(const fixture *f, int d) {
  const neap_tensor *w = &f->typed[3 + 4 * d];
  return (neap_recurrent_weights){&w[0], &w[1], present(&w[2]), present(&w[3])};
}

static neap__recurrent_plan plan_of(const fixture *f) {
  const layer *l = &f->l;
  neap__recurrent_plan p = {.cell = l->cell,
                            .dtype = f->dtype,
                            .directions = l->directions,
                            .batch = l->batch,
                            .time = l->time,
                            .inputs = l->inputs,
                            .units = l->units};
  assert_ok(neap__recurrent_plan_init(&p, l->ragged ? f->lengths : NULL));
  return p;
}

/* The loops with one table; kept is empty or holds what training keeps. */
static void run(const neap_kern *table, const fixture *f, neap_tensor *y, neap_tensor *h_n,
                neap_tensor *c_n, neap_tensor *kept) {
  neap__recurrent_plan p = plan_of(f);
  neap_recurrent_pack packs[DIRECTIONS] = {0};
  assert_ok(neap_tensor_init(y, f->dtype, 3, f->y.size));
  assert_ok(neap_tensor_init(h_n, f->dtype, 3, f->h_n.size));
  assert_ok(neap_tensor_init(c_n, f->dtype, 3, f->h_n.size));
  neap__recurrent_forward r = {.plan = &p,
                               .kern = table,
                               .x = neap_tensor_data(&f->typed[0]),
                               .x_row = f->l.time * f->l.inputs,
                               .x_step = f->l.inputs,
                               .h0 = data_of(&f->typed[1]),
                               .c0 = data_of(&f->typed[2]),
                               .y = neap_tensor_data(y),
                               .h_n = neap_tensor_data(h_n),
                               .c_n = neap_tensor_data(c_n)};
  for (int d = 0; d < p.directions; d++) {
    neap_recurrent_weights w = weights_of(f, d);
    assert_ok(neap__recurrent_pack(&packs[d], table, p.cell, &w, &r.weights[d]));
    if (!kept) continue;
    int64_t size[] = {p.total, neap_cell_size[p.cell].kept * p.units};
    assert_ok(neap_tensor_init(&kept[d], f->dtype, 2, size));
    r.kept[d] = neap_tensor_data(&kept[d]);
  }
  assert_ok(neap__recurrent_run(&r));
  for (int d = 0; d < DIRECTIONS; d++) neap_recurrent_unpack(&packs[d]);
  neap__recurrent_plan_drop(&p);
}

static void check_close(const neap_tensor *got, const neap_tensor *want, double tol) {
  neap_tensor g;
  assert_ok(neap_tensor_as(&g, got, NEAP_F64));
  assert_same(neap_tensor_numel(want), numbers(&g), numbers(want), tol);
  neap_tensor_drop(&g);
}

static void check_bits(const neap_tensor *a, const neap_tensor *b) {
  assert_memory_equal(neap_tensor_data(a), neap_tensor_data(b),
                      (size_t)neap_tensor_numel(a) * neap_dtype_size(a->dtype));
}

static void check_layer(const neap_kern *table, layer l, neap_dtype dtype) {
  fixture f = make(l, dtype);
  plain_layer(&f);
  neap_tensor first[3];
  for (int threads = 1; threads <= 3; threads++) {
    neap_tensor y, h, c, kept[DIRECTIONS] = {0};
    assert_ok(neap_set_threads(threads));
    run(table, &f, &y, &h, &c, threads == 2 ? kept : NULL);
    check_close(&y, &f.y, dtype == NEAP_F64 ? F64_TOL : F32_TOL);
    check_close(&h, &f.h_n, dtype == NEAP_F64 ? F64_TOL : F32_TOL);
    if (l.cell == NEAP_LSTM) check_close(&c, &f.c_n, dtype == NEAP_F64 ? F64_TOL : F32_TOL);
    const neap_tensor all[3] = {y, h, c};
    for (int k = 0; k < 3 && threads > 1; k++) check_bits(&all[k], &first[k]);
    for (int k = 0; k < 3 && threads > 1; k++) neap_tensor_drop(&first[k]);
    memcpy(first, all, sizeof first);
    for (int d = 0; d < DIRECTIONS; d++) neap_tensor_drop(&kept[d]);
  }
  for (int k = 0; k < 3; k++) neap_tensor_drop(&first[k]);
  drop(&f);
}

static const layer layers[] = {
    {NEAP_LSTM, 1, 33, 7, 5, 50, true, true, false},
    {NEAP_LSTM, 2, 19, 9, 16, 17, true, false, true},
    {NEAP_LSTM, 1, 1, 40, 3, 32, false, true, false},
    {NEAP_LSTM, 1, 2, 3, 400, 6, true, false, false},
    {NEAP_GRU, 1, 33, 5, 7, 33, true, true, false},
    {NEAP_GRU, 2, 18, 8, 1, 20, true, true, true},
    {NEAP_GRU, 1, 3, 4, 2, 1, false, false, false},
    {NEAP_RNN_TANH, 2, 17, 6, 9, 15, true, true, true},
    {NEAP_RNN_RELU, 1, 40, 4, 4, 64, true, false, false},
    {NEAP_RNN_RELU, 2, 5, 3, 4, 7, false, true, true},
};
enum { LAYERS = sizeof layers / sizeof *layers };

static void layers_match_plain_loops(void **state) {
  (void)state;
  const neap_kern *table;
  for (int t = 0; (table = neap_kern_at(t)); t++)
    for (int k = 0; k < LAYERS; k++) {
      check_layer(table, layers[k], NEAP_F64);
      check_layer(table, layers[k], NEAP_F32);
    }
}

/* Alone a row has the bits that it has in a batch, and NaN stays in its row. */
static void rows_stand_alone(void **state) {
  (void)state;
  const neap_kern *table;
  for (int t = 0; (table = neap_kern_at(t)); t++)
    for (int cell = 0; cell < NEAP_CELLS; cell++) {
      layer l = {(neap_cell)cell, 1, 21, 6, 5, 19, true, false, false}, alone = l;
      alone.batch = 1;
      fixture f = make(l, NEAP_F32), one = make(l, NEAP_F32);
      neap_tensor y, h, c, y1, h1, c1;
      ((float *)neap_tensor_data(&f.typed[0]))[3 * 6 * 5] = NAN;
      run(table, &f, &y, &h, &c, NULL);
      one.l = alone;
      one.y.size[0] = one.h_n.size[1] = 1;
      run(table, &one, &y1, &h1, &c1, NULL);
      assert_memory_equal(neap_tensor_data(&y), neap_tensor_data(&y1), 6 * 19 * sizeof(float));
      const float *all = neap_tensor_data(&y);
      for (int64_t i = 0; i < 21 * 6 * 19; i++) assert_int_equal(isnan(all[i]), i / (6 * 19) == 3);
      neap_tensor_drop(&y), neap_tensor_drop(&h), neap_tensor_drop(&c);
      neap_tensor_drop(&y1), neap_tensor_drop(&h1), neap_tensor_drop(&c1);
      drop(&f), drop(&one);
    }
}

/* gradients ------------------------------------------------------------------------------------ */

/* sum(y gy) + sum(h_n gh) + sum(c_n gc) by the plain loops. */
static double loss(fixture *f, const neap_tensor *g) {
  const neap_tensor *results[] = {&f->y, &f->h_n, &f->c_n};
  double sum = 0;
  plain_layer(f);
  for (int k = 0; k < (f->l.cell == NEAP_LSTM ? 3 : 2); k++)
    for (int64_t i = 0; i < neap_tensor_numel(results[k]); i++)
      sum += numbers(results[k])[i] * numbers(&g[k])[i];
  return sum;
}

static neap_status gradients(const fixture *f, const neap_tensor *g, neap_tensor *out) {
  const neap_kern *table;
  bool wanted[ARGUMENTS];
  neap_recurrent_weights w[DIRECTIONS] = {0};
  neap__recurrent_tape tape = {.plan = plan_of(f)};
  neap_tensor y, h, c, typed[3] = {0};
  for (int i = 0; i < ARGUMENTS; i++) wanted[i] = f->typed[i].storage;
  for (int d = 0; d < f->l.directions; d++) w[d] = weights_of(f, d);
  neap_status st = neap_kern_select(&table);
  run(table, f, &y, &h, &c, tape.kept);
  for (int k = 0; k < 3; k++) assert_ok(neap_tensor_as(&typed[k], &g[k], f->dtype));
  if (!st)
    st = neap__recurrent_gradients(&tape, &f->typed[0], present(&f->typed[2]), w, &typed[0],
                                   &typed[1], f->l.cell == NEAP_LSTM ? &typed[2] : NULL, wanted,
                                   out);
  for (int k = 0; k < 3; k++) neap_tensor_drop(&typed[k]);
  for (int d = 0; d < DIRECTIONS; d++) neap_tensor_drop(&tape.kept[d]);
  neap__recurrent_plan_drop(&tape.plan);
  neap_tensor_drop(&y), neap_tensor_drop(&h), neap_tensor_drop(&c);
  return st;
}

static void check_slopes(fixture *f, const neap_tensor *g, const neap_tensor *out, neap_rng *r) {
  const double step = 1e-5;
  for (int a = 0; a < ARGUMENTS; a++)
    for (int64_t k = 0; k < 12 && f->in[a].storage; k++) {
      int64_t i = (int64_t)neap_rng_below(r, (uint64_t)neap_tensor_numel(&f->in[a]));
      double *v = numbers(&f->in[a]) + i, kept = *v;
      *v = kept + step;
      double above = loss(f, g);
      *v = kept - step;
      double slope = (above - loss(f, g)) / (2 * step), got = numbers(&out[a])[i];
      *v = kept;
      if (!same_number(got, slope, 1e-7)) /* a difference of sums that reach 100 */
        fail_msg("cell %d, input %d[%d]: %.12g, the slope is %.12g", (int)f->l.cell, a, (int)i, got,
                 slope);
    }
}

static void drop_all(neap_tensor *out) {
  for (int i = 0; i < ARGUMENTS; i++) neap_tensor_drop(&out[i]);
}

static void check_gradients(layer l) {
  fixture f = make(l, NEAP_F64), single = make(l, NEAP_F32);
  neap_rng r = neap_rng_make(6);
  neap_tensor out[ARGUMENTS] = {0}, again[ARGUMENTS] = {0}, g[3];
  g[0] = random_tensor(&r, 3, f.y.size);
  g[1] = random_tensor(&r, 3, f.h_n.size);
  g[2] = random_tensor(&r, 3, f.h_n.size);
  assert_ok(neap_set_threads(1));
  assert_ok(gradients(&f, g, out));
  if (l.cell != NEAP_RNN_RELU || l.units > 10) check_slopes(&f, g, out, &r);
  assert_ok(neap_set_threads(3));
  assert_ok(gradients(&f, g, again));
  for (int i = 0; i < ARGUMENTS; i++)
    if (out[i].storage) check_bits(&out[i], &again[i]);
  drop_all(again);
  assert_ok(gradients(&single, g, again));
  for (int i = 0; i < ARGUMENTS; i++)
    if (out[i].storage) /* sums of hundreds of terms, most of which cancel */
      check_close(&again[i], &out[i], 10 * F32_TOL);
  drop_all(out), drop_all(again);
  for (int k = 0; k < 3; k++) neap_tensor_drop(&g[k]);
  drop(&f), drop(&single);
}

static void gradients_are_slopes(void **state) {
  (void)state;
  for (int k = 0; k < LAYERS; k++) check_gradients(layers[k]);
}

static void attempt(const fixture *f, const neap_tensor *lengths) {
  const layer *l = &f->l;
  neap_recurrent r = {l->cell, l->directions, {weights_of(f, 0), weights_of(f, 1)}};
  neap_tensor y, h, c;
  neap_status st =
      neap_nn_recurrent(&y, &h, &c, &r, &f->typed[0], &f->typed[1], &f->typed[2], lengths, NULL);
  assert_true(st == NEAP_OK || st == NEAP_ENOMEM);
  neap_tensor_drop(&y), neap_tensor_drop(&h), neap_tensor_drop(&c);
}

static void attempt_gradients(const fixture *f, const neap_tensor *g, neap__recurrent_tape *tape) {
  neap_tensor out[ARGUMENTS] = {0};
  neap_recurrent_weights w[DIRECTIONS] = {weights_of(f, 0), weights_of(f, 1)};
  bool wanted[ARGUMENTS];
  for (int i = 0; i < ARGUMENTS; i++) wanted[i] = true;
  neap_status st = neap__recurrent_gradients(tape, &f->typed[0], &f->typed[2], w, &g[0], &g[1],
                                             &g[2], wanted, out);
  assert_true(st == NEAP_OK || st == NEAP_ENOMEM);
  drop_all(out);
}

static void running_out_of_memory_leaves_nothing(void **state) {
  (void)state;
  fixture f = make((layer){NEAP_LSTM, 2, 5, 3, 4, 6, true, true, true}, NEAP_F64);
  neap_tensor lengths, y, h, c;
  assert_ok(neap_set_threads(1));
  assert_ok(neap_tensor_init_1d(&lengths, NEAP_I64, f.l.batch));
  memcpy(neap_tensor_data(&lengths), f.lengths, sizeof(int64_t) * (size_t)f.l.batch);
  with_every_allocation_failing(attempt(&f, &lengths));
  const neap_kern *table;
  const neap_tensor g[] = {f.y, f.h_n, f.c_n};
  neap__recurrent_tape tape = {.plan = plan_of(&f)};
  assert_ok(neap_kern_select(&table));
  run(table, &f, &y, &h, &c, tape.kept);
  with_every_allocation_failing(attempt_gradients(&f, g, &tape));
  neap_tensor_drop(&y), neap_tensor_drop(&h), neap_tensor_drop(&c), neap_tensor_drop(&lengths);
  for (int d = 0; d < DIRECTIONS; d++) neap_tensor_drop(&tape.kept[d]);
  neap__recurrent_plan_drop(&tape.plan);
  drop(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(layers_match_plain_loops),
      cmocka_unit_test(rows_stand_alone),
      cmocka_unit_test(gradients_are_slopes),
      cmocka_unit_test(running_out_of_memory_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
