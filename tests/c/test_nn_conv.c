/* Convolutions on plain arrays: forward and gradients against loops over all taps, exactly. */
#include "check.h"

#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "grad/grad.h"
#include "nn/conv.h"
#include "nn/conv_core.h"
#include "tensor/tensor.h"

enum { ROOM = 200 * 1000 };

typedef struct {
  double f64[ROOM];
  float f32[ROOM];
} numbers;

static numbers x, w, b, g, y, dx, dw, db;
static double want[ROOM], want_dw[ROOM], want_db[ROOM];

static void *as(neap_dtype d, numbers *n) {
  return d == NEAP_F64 ? (void *)n->f64 : (void *)n->f32;
}

/* Small integers: sums of products of them are exact, in any order. */
static void fill_exact(numbers *n, uint64_t seed) {
  neap_rng r = neap_rng_make(seed);
  for (int i = 0; i < ROOM; i++) n->f32[i] = (float)(n->f64[i] = (double)neap_rng_below(&r, 5) - 2);
}

static void expect(neap_dtype d, const char *what, int64_t n, numbers *got, const double *right) {
  for (int64_t i = 0; i < n; i++) {
    double v = d == NEAP_F64 ? got->f64[i] : (double)got->f32[i];
    if (v != right[i])
      fail_msg("%s of dtype %d: element %d is %g, expected %g", what, (int)d, (int)i, v, right[i]);
  }
}

typedef struct {
  int64_t x, w, y, bias, dx_bias;
} sizes;

static sizes sizes_of(const neap__conv *c) {
  const neap__axis *a = c->axis;
  return (sizes){.x = c->batch * a[0].in * a[1].in * c->groups * c->channels,
                 .w = c->groups * c->features * c->channels * a[0].taps * a[1].taps,
                 .y = c->batch * a[0].out * a[1].out * c->groups * c->features,
                 .bias = c->groups * c->features,
                 .dx_bias = c->groups * c->channels};
}

/* Calls visit for every product that is part of the convolution. */
typedef void (*visitor)(int64_t at_x, int64_t at_w, int64_t at_y);

static void visit_place(const neap__conv *c, const int64_t o[3], visitor visit) {
  const neap__axis *h = &c->axis[0], *v = &c->axis[1];
  int64_t all = c->groups * c->features;
  for (int64_t f = 0; f < all; f++)
    for (int64_t i = 0; i < c->channels; i++)
      for (int64_t t = 0; t < h->taps * v->taps; t++) {
        int64_t line = o[1] * h->stride - h->before + t / v->taps * h->dilation;
        int64_t place = o[2] * v->stride - v->before + t % v->taps * v->dilation;
        if (line < 0 || line >= h->in || place < 0 || place >= v->in) continue;
        visit(((o[0] * h->in + line) * v->in + place) * c->groups * c->channels +
                  f / c->features * c->channels + i,
              (f * c->channels + i) * h->taps * v->taps + t,
              ((o[0] * h->out + o[1]) * v->out + o[2]) * all + f);
      }
}

static void visit_all(const neap__conv *c, visitor visit) {
  for (int64_t s = 0; s < c->batch; s++)
    for (int64_t i = 0; i < c->axis[0].out; i++)
      for (int64_t j = 0; j < c->axis[1].out; j++)
        visit_place(c, (const int64_t[]){s, i, j}, visit);
}

static void add_y(int64_t i, int64_t j, int64_t k) { want[k] += x.f64[i] * w.f64[j]; }
static void add_dx(int64_t i, int64_t j, int64_t k) { want[i] += g.f64[k] * w.f64[j]; }
static void add_dw(int64_t i, int64_t j, int64_t k) { want_dw[j] += x.f64[i] * g.f64[k]; }

static void check_forward(const neap__conv *c, const sizes *s, neap_dtype d) {
  memset(want, 0, sizeof want);
  visit_all(c, add_y);
  for (int64_t i = 0; i < s->y; i++) {
    want[i] += b.f64[i % s->bias];
    if (want[i] < 0) want[i] *= 0.5;
  }
  memset(&y, 7, sizeof y);
  neap__conv_out o = {as(d, &x), as(d, &w), as(d, &b), as(d, &y), NEAP_BEND_LEAKY, 0.5};
  assert_ok(neap__conv_forward(c, &o));
  expect(d, "y", s->y, &y, want);
}

static void check_backward(const neap__conv *c, const sizes *s, neap_dtype d) {
  memset(want, 0, sizeof want);
  memset(want_dw, 0, sizeof want_dw);
  memset(want_db, 0, sizeof want_db);
  visit_all(c, add_dx);
  visit_all(c, add_dw);
  for (int64_t i = 0; i < s->x; i++) want[i] += b.f64[i % s->dx_bias];
  for (int64_t i = 0; i < s->y; i++) want_db[i % s->bias] += g.f64[i];
  memset(&dx, 7, sizeof dx);
  memset(&dw, 7, sizeof dw);
  memset(&db, 7, sizeof db);
  neap__conv_gradient o = {.x = as(d, &x),
                           .w = as(d, &w),
                           .g = as(d, &g),
                           .bias = as(d, &b),
                           .dx = as(d, &dx),
                           .dw = as(d, &dw),
                           .db = as(d, &db)};
  assert_ok(neap__conv_backward(c, &o));
  expect(d, "dx", s->x, &dx, want);
  expect(d, "dw", s->w, &dw, want_dw);
  expect(d, "db", s->bias, &db, want_db);
  if (!neap__conv_in_place(c)) return;
  memcpy(&dx, &g, sizeof dx);
  o.g = o.dx;
  assert_ok(neap__conv_backward(c, &o));
  expect(d, "dx in place", s->x, &dx, want);
  expect(d, "dw beside it", s->w, &dw, want_dw);
}

static int64_t out_of(const neap__axis *a, int64_t after) {
  int64_t room = a->in + a->before + after - (a->taps - 1) * a->dilation - 1;
  return room < 0 ? 0 : room / a->stride + 1;
}

/* A convolution of random shape, padded before and behind; false when nothing comes out of it. */
static bool draw(neap__conv *c, neap_rng *r, bool wide) {
  *c = (neap__conv){.batch = 1 + (int64_t)neap_rng_below(r, 3),
                    .groups = neap_rng_below(r, 3) ? 1 : 2,
                    .channels = 1 + (int64_t)neap_rng_below(r, wide ? 33 : 4),
                    .features = 1 + (int64_t)neap_rng_below(r, wide ? 40 : 5)};
  if (neap_rng_below(r, 5) == 0) {
    c->groups = 1 + (int64_t)neap_rng_below(r, wide ? 70 : 7);
    c->channels = c->features = 1;
  }
  for (int d = 0; d < 2; d++) {
    neap__axis *a = &c->axis[d];
    *a = (neap__axis){.in = 1 + (int64_t)neap_rng_below(r, 12),
                      .taps = 1 + (int64_t)neap_rng_below(r, 4),
                      .stride = 1 + (int64_t)neap_rng_below(r, 3),
                      .dilation = 1 + (int64_t)neap_rng_below(r, 3),
                      .before = (int64_t)neap_rng_below(r, 4)};
    if (neap_rng_below(r, 3) == 0) a->before = 0, a->stride = a->dilation = 1;
    if (d == 1 && neap_rng_below(r, 3) == 0) *a = (neap__axis){1, 1, 1, 1, 1, 0};
    a->out = out_of(a, (int64_t)neap_rng_below(r, 4));
    if (a->out == 0) return false;
  }
  return true;
}

static void all_shapes_are_those_of_plain_loops(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(11);
  neap__conv c;
  fill_exact(&x, 1);
  fill_exact(&w, 2);
  fill_exact(&b, 3);
  fill_exact(&g, 4);
  for (int i = 0; i < 700; i++) {
    if (!draw(&c, &r, i % 8 == 0)) continue;
    c.dtype = i & 1 ? NEAP_F64 : NEAP_F32;
    sizes s = sizes_of(&c);
    check_forward(&c, &s, c.dtype);
    check_backward(&c, &s, c.dtype);
  }
}

/* Long enough for several blocks of lines, some of which reach into the padding. */
static const neap__conv long_ones[] = {{.batch = 2,
                                        .groups = 1,
                                        .channels = 3,
                                        .features = 20,
                                        .axis = {{2500, 2500, 4, 1, 1, 3}, {1, 1, 1, 1, 1, 0}}},
                                       {.batch = 1,
                                        .groups = 1,
                                        .channels = 2,
                                        .features = 5,
                                        .axis = {{700, 234, 3, 3, 2, 2}, {12, 12, 3, 1, 1, 1}}},
                                       {.batch = 1,
                                        .groups = 2,
                                        .channels = 2,
                                        .features = 3,
                                        .axis = {{3000, 1, 3000, 1, 1, 0}, {1, 1, 1, 1, 1, 0}}}};

static void blocks_join(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++)
    for (neap_dtype d = NEAP_F64; d <= NEAP_F32; d++) {
      neap__conv c = long_ones[i];
      c.dtype = d;
      sizes s = sizes_of(&c);
      check_forward(&c, &s, d);
      check_backward(&c, &s, d);
    }
}

static void run_rounded(const neap__conv *c, numbers *to) {
  neap__conv_out o = {x.f32, w.f32, b.f32, y.f32, NEAP_BEND_TANH, 0};
  assert_ok(neap__conv_forward(c, &o));
  neap__conv_gradient back = {.x = x.f32,
                              .w = w.f32,
                              .y = y.f32,
                              .g = g.f32,
                              .dx = to[0].f32,
                              .dw = to[1].f32,
                              .db = to[2].f32,
                              .bend = NEAP_BEND_TANH};
  assert_ok(neap__conv_backward(c, &back));
  memcpy(to[3].f32, y.f32, sizeof y.f32);
}

static void threads_change_no_bit(void **state) {
  (void)state;
  static numbers one[4], many[4];
  neap_rng r = neap_rng_make(12);
  numbers *all[] = {&x, &w, &b, &g};
  for (int a = 0; a < 4; a++)
    for (int i = 0; i < ROOM; i++) all[a]->f32[i] = 0.1f * (float)neap_rng_normal(&r);
  int before = neap_threads();
  for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++) {
    neap__conv c = long_ones[i];
    c.dtype = NEAP_F32;
    memset(one, 0, sizeof one);
    memset(many, 0, sizeof many);
    assert_ok(neap_set_threads(1));
    run_rounded(&c, one);
    for (int threads = 2; threads <= 3; threads++) {
      assert_ok(neap_set_threads(threads));
      run_rounded(&c, many);
      assert_memory_equal(one, many, sizeof one);
    }
  }
  assert_ok(neap_set_threads(before));
}

static void failures_leave_nothing_behind(void **state) {
  (void)state;
  neap__conv c = long_ones[0];
  c.dtype = NEAP_F64;
  neap__conv_out o = {x.f64, w.f64, b.f64, y.f64, NEAP_BEND_NONE, 0};
  neap__conv_gradient back = {.x = x.f64, .w = w.f64, .g = g.f64, .dx = dx.f64, .dw = dw.f64};
  with_every_allocation_failing((void)neap__conv_forward(&c, &o));
  with_every_allocation_failing((void)neap__conv_backward(&c, &back));
  neap_interrupt_raise();
  assert_int_equal(neap__conv_backward(&c, &back), NEAP_EINTERRUPT);
  neap_interrupt_clear();
}

/* A convolution, a transposed one and a pool of traced tensors, and all gradients. */
static neap_status train_all(void) {
  const neap_conv_options o = {.stride = {1},
                               .before = {1},
                               .after = {1},
                               .dilation = {1},
                               .groups = 1,
                               .bend = NEAP_BEND_RELU};
  const neap_pool_options pool = {.kind = NEAP_POOL_MAX, .size = {2}, .stride = {2}};
  neap_tensor t[4] = {{0}}, leaves[3] = {{0}};
  static const int64_t shape[][3] = {{2, 9, 4}, {4, 4, 3}, {4}};
  neap_status st = NEAP_OK;
  for (int i = 0; i < 3 && !st; i++) {
    st = neap_tensor_init(&leaves[i], NEAP_F32, i < 2 ? 3 : 1, shape[i]);
    if (!st) st = neap_grad_require(&leaves[i], true);
  }
  if (!st) st = neap_nn_conv(&t[0], &leaves[0], &leaves[1], &leaves[2], &o);
  if (!st) st = neap_nn_conv_transpose(&t[1], &t[0], &leaves[1], NULL, 0, &o);
  if (!st) st = neap_nn_pool(&t[2], &t[1], &pool);
  if (!st) st = neap_tensor_init(&t[3], NEAP_F32, t[2].ndim, t[2].size);
  if (!st) st = neap_grad_backward(&t[2], &t[3], false);
  for (int i = 0; i < 4; i++) neap_tensor_drop(&t[i]);
  for (int i = 0; i < 3; i++) neap_tensor_drop(&leaves[i]);
  return st;
}

static void layers_clean_up_behind_failures(void **state) {
  (void)state;
  assert_ok(train_all());
  with_every_allocation_failing((void)train_all());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_shapes_are_those_of_plain_loops),
      cmocka_unit_test(blocks_join),
      cmocka_unit_test(threads_change_no_bit),
      cmocka_unit_test(failures_leave_nothing_behind),
      cmocka_unit_test(layers_clean_up_behind_failures),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
