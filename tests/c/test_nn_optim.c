/* Optimizers as a whole: states, groups, skipping, threads, clipping. The formulas are checked in
 * test_kern_train.c, and against PyTorch in tests/lua/optim_test.lua. */
#include "check.h"

#include <pthread.h>
#include <time.h>

#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "nn/optim.h"

enum { COUNT = 5 };
static const int64_t sizes[COUNT][2] = {{3, 5}, {1, 1}, {300, 301}, {0, 4}, {7, 2}};

static neap_tensor p[COUNT];
static neap_tensor *list[COUNT] = {&p[0], &p[1], &p[2], &p[3], &p[4]};

/* Parameters, f32 and f64, each with a gradient but the last. */
static int setup(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(1);
  for (int i = 0; i < COUNT; i++) {
    neap_tensor g;
    neap_dtype dtype = i % 2 ? NEAP_F64 : NEAP_F32;
    assert_ok(neap_tensor_randn(&p[i], dtype, 2, sizes[i], &r));
    assert_ok(neap_tensor_randn(&g, dtype, 2, sizes[i], &r));
    assert_ok(neap_grad_require(&p[i], true));
    if (i < COUNT - 1) assert_ok(neap_grad_set(&p[i], &g));
    neap_tensor_drop(&g);
  }
  return 0;
}

static int teardown(void **state) {
  (void)state;
  for (int i = 0; i < COUNT; i++) neap_tensor_drop(&p[i]);
  return 0;
}

static neap_optimizer started(neap_optim_method method) {
  neap_optimizer o;
  static const int group[COUNT] = {0, 0, 1, 1, 1};
  assert_ok(neap_optim_init(&o, "optim.X", method, COUNT, list, group));
  for (int g = 0; g < 2; g++) {
    assert_ok(neap_optim_set(&o, g, NEAP_OPTIM_LR, g ? 0.01 : 0.1));
    assert_ok(neap_optim_set(&o, g, NEAP_OPTIM_BETA1, 0.9));
    assert_ok(neap_optim_set(&o, g, NEAP_OPTIM_BETA2, 0.99));
    assert_ok(neap_optim_set(&o, g, NEAP_OPTIM_ALPHA, 0.9));
    assert_ok(neap_optim_set(&o, g, NEAP_OPTIM_MOMENTUM, 0.9));
    assert_ok(neap_optim_set(&o, g, NEAP_OPTIM_EPS, 1e-8));
  }
  return o;
}

static void groups_and_gradients(void **state) {
  (void)state;
  neap_optimizer o = started(NEAP_OPTIM_ADAM);
  double before[COUNT];
  for (int i = 0; i < COUNT; i++)
    before[i] = i == 3 ? 0 : neap_tensor_get_f64(&p[i], (int64_t[]){0, 0});
  uint64_t version = atomic_load(&p[0].storage->version);
  assert_ok(neap_optim_step(&o));
  const double rate[] = {0.1, 0.1, 0.01, 0, 0}; /* Adam's first step is of the rate's size */
  for (int i = 0; i < COUNT; i++) {
    double now = i == 3 ? 0 : neap_tensor_get_f64(&p[i], (int64_t[]){0, 0});
    assert_number(fabs(now - before[i]), rate[i], i == 1 ? 1e-7 : F32_TOL); /* eps / |g| */
  }
  assert_true(atomic_load(&p[0].storage->version) > version);
  assert_int_equal(o.param[0].steps, 1);
  assert_int_equal(o.param[4].steps, 0); /* no gradient: no state either */
  assert_null(o.param[4].state[0].storage);
  neap_optim_zero_grad(&o);
  assert_null(neap_grad_of(&p[0]));
  neap_optim_drop(&o);
}

static void threads_change_no_bit(void **state) {
  for (neap_optim_method m = 0; m < NEAP_OPTIMS; m++) {
    neap_tensor first;
    for (int threads = 1; threads <= 3; threads++) {
      teardown(state);
      setup(state);
      assert_ok(neap_set_threads(threads));
      neap_optimizer o = started(m);
      for (int step = 0; step < 3; step++) assert_ok(neap_optim_step(&o));
      const neap_tensor *got = m == NEAP_OPTIM_EMA ? &o.param[2].state[0] : &p[2];
      if (threads == 1) assert_ok(neap_tensor_clone(&first, got));
      assert_memory_equal(neap_tensor_data(&first), neap_tensor_data(got), 300 * 301 * 4);
      neap_optim_drop(&o);
    }
    neap_tensor_drop(&first);
  }
  assert_ok(neap_set_threads(1));
}

/* An interrupt leaves everything as before a step, or as after it. */
static void interrupts_leave_whole_steps(void **state) {
  (void)state;
  neap_optimizer o = started(NEAP_OPTIM_SGD);
  neap_interrupt_raise();
  assert_int_equal(neap_optim_step(&o), NEAP_EINTERRUPT);
  assert_true(neap_interrupted());
  neap_interrupt_clear();
  assert_int_equal(o.param[0].steps, 0);
  assert_ok(neap_optim_step(&o));
  assert_int_equal(o.param[0].steps, 1);
  neap_optim_drop(&o);
}

static void *raise_soon(void *delay) {
  nanosleep(delay, NULL);
  neap_interrupt_raise();
  return NULL;
}

/* Whenever an interrupt comes, all elements of a large parameter have been changed equally often.
 */
static void interrupts_tear_nothing(void **state) {
  (void)state;
  enum { MANY = 3000000 };
  static const int group[1] = {0};
  neap_tensor w, g, *one[] = {&w};
  neap_optimizer o;
  assert_ok(neap_tensor_init(&w, NEAP_F32, 1, (int64_t[]){MANY}));
  assert_ok(neap_tensor_init(&g, NEAP_F32, 1, (int64_t[]){MANY}));
  float *v = neap_tensor_data(&w), *d = neap_tensor_data(&g);
  for (int i = 0; i < MANY; i++) d[i] = -1;
  assert_ok(neap_grad_require(&w, true));
  assert_ok(neap_grad_set(&w, &g));
  assert_ok(neap_optim_init(&o, "optim.X", NEAP_OPTIM_SGD, 1, one, group));
  assert_ok(neap_optim_set(&o, 0, NEAP_OPTIM_LR, 1));
  assert_ok(neap_set_threads(2));
  for (int round = 0; round < 20; round++) {
    struct timespec delay = {0, 100000 * round};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, raise_soon, &delay), 0);
    while (neap_optim_step(&o) == NEAP_OK) {}
    assert_int_equal(pthread_join(thread, NULL), 0);
    neap_interrupt_clear();
    for (int i = 1; i < MANY; i++)
      if (v[i] != v[0]) fail_msg("element %d was changed %g times, the first %g", i, v[i], v[0]);
  }
  assert_ok(neap_set_threads(1));
  neap_optim_drop(&o);
  neap_tensor_drop(&w);
  neap_tensor_drop(&g);
}

static void refusals(void **state) {
  (void)state;
  neap_optimizer o;
  neap_tensor view, whole;
  static const int group[COUNT] = {0};
  assert_ok(neap_tensor_transpose(&view, &p[0], 0, 1));
  assert_ok(neap_tensor_init(&whole, NEAP_I64, 1, (int64_t[]){2}));
  assert_fails(neap_optim_init(&o, "optim.X", 0, 1, (neap_tensor *[]){&view}, group), NEAP_EARG,
               "optim.X: parameter 1 is a strided view [5x3]");
  neap_optim_drop(&o);
  assert_fails(neap_optim_init(&o, "optim.X", 0, 1, (neap_tensor *[]){&whole}, group), NEAP_EARG,
               "optim.X: parameter 1 is a i64 [2]; only f32 and f64 can be trained");
  neap_optim_drop(&o);
  assert_fails(neap_optim_init(&o, "optim.X", 0, 2, (neap_tensor *[]){&p[0], &p[0]}, group),
               NEAP_EARG, "optim.X: parameter 2 is parameter 1 again");
  neap_optim_drop(&o);
  o = started(NEAP_OPTIM_ADAM);
  assert_fails(neap_optim_set(&o, 0, NEAP_OPTIM_LR, -1), NEAP_EVALUE,
               "optim.X: lr is -1, must be finite and not negative");
  assert_fails(neap_optim_set(&o, 0, NEAP_OPTIM_BETA1, 1), NEAP_EVALUE,
               "beta1 is 1, must be at least 0");
  assert_fails(neap_optim_restore(&o, 0, 0, &whole), NEAP_ESHAPE,
               "optim.X: exp_avg of parameter 1 is [2], the parameter [3x5]");
  neap_optim_drop(&o);
  neap_tensor_drop(&view);
  neap_tensor_drop(&whole);
}

static void clipping(void **state) {
  (void)state;
  neap_tensor g = {0}, view;
  double norm, before = 0;
  const neap_tensor *grads[] = {neap_grad_of(&p[0]), neap_grad_of(&p[1])};
  for (int i = 0; i < 2; i++)
    for (int64_t k = 0; k < neap_tensor_numel(grads[i]); k++)
      before +=
          pow(neap_tensor_get_f64(grads[i], (int64_t[]){k / sizes[i][1], k % sizes[i][1]}), 2);
  assert_ok(neap_optim_clip_norm(&norm, 2, list, 1, 2, true));
  assert_number(norm, sqrt(before), F64_TOL);
  assert_ok(neap_optim_clip_norm(&norm, 2, list, 1, 2, true));
  assert_number(norm, 1, 1e-6); /* 1e-6 is added to the norm */
  assert_ok(neap_optim_clip_value(1, list, 1e-3));
  assert_ok(neap_optim_clip_norm(&norm, 1, list, 1, INFINITY, true));
  assert_number(norm, 1e-3, 1e-9);
  assert_ok(neap_tensor_clone(&g, grads[0]));
  neap_tensor_set_f64(&g, (int64_t[]){1, 1}, NAN);
  assert_ok(neap_grad_set(&p[0], &g));
  assert_fails(neap_optim_clip_norm(&norm, 2, list, 1, 2, true), NEAP_EVALUE,
               "clip_norm: the gradient of parameter 1 has the norm nan");
  assert_ok(neap_optim_clip_norm(&norm, 2, list, 1, 2, false));
  assert_true(isnan(norm));
  neap_tensor_alias(&view, neap_grad_of(&p[1]));
  assert_true(isnan(neap_tensor_get_f64(&view, (int64_t[]){0, 0})));
  neap_tensor_drop(&view);
  neap_tensor_drop(&g);
}

/* Means begin as copies. */
static void means_are_swapped(void **state) {
  (void)state;
  neap_optimizer o = started(NEAP_OPTIM_EMA);
  double raw = neap_tensor_get_f64(&p[0], (int64_t[]){0, 0});
  assert_ok(neap_optim_set(&o, 0, NEAP_OPTIM_ALPHA, 0.75));
  neap_tensor_set_f64(&p[0], (int64_t[]){0, 0}, raw + 1);
  assert_ok(neap_optim_step(&o));
  assert_ok(neap_optim_swap(&o));
  assert_number(neap_tensor_get_f64(&p[0], (int64_t[]){0, 0}), raw + 0.25, F32_TOL);
  assert_ok(neap_optim_swap(&o));
  assert_number(neap_tensor_get_f64(&p[0], (int64_t[]){0, 0}), raw + 1, F32_TOL);
  neap_optim_drop(&o);
}

static void memory_may_run_out(void **state) {
  (void)state;
  with_every_allocation_failing({
    neap_optimizer o;
    static const int group[COUNT] = {0};
    neap_status st = neap_optim_init(&o, "optim.X", NEAP_OPTIM_ADAM, COUNT, list, group);
    if (!st) st = neap_optim_set(&o, 0, NEAP_OPTIM_AMSGRAD, 1);
    if (!st) st = neap_optim_step(&o);
    neap_optim_drop(&o);
  });
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(groups_and_gradients, setup, teardown),
      cmocka_unit_test_setup_teardown(threads_change_no_bit, setup, teardown),
      cmocka_unit_test_setup_teardown(interrupts_leave_whole_steps, setup, teardown),
      cmocka_unit_test(interrupts_tear_nothing),
      cmocka_unit_test_setup_teardown(refusals, setup, teardown),
      cmocka_unit_test_setup_teardown(clipping, setup, teardown),
      cmocka_unit_test_setup_teardown(means_are_swapped, setup, teardown),
      cmocka_unit_test_setup_teardown(memory_may_run_out, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
