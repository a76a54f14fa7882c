/* Losses as a whole: joining, weights, what is refused, gradients, threads. The formulas are
 * checked in test_kern_train.c, and against PyTorch in tests/lua/nn_loss_test.lua. */
#include "check.h"

#include "base/pool.h"
#include "base/rng.h"
#include "nn/loss.h"

static neap_tensor made(int ndim, const int64_t *size, const double *v) {
  neap_tensor t;
  assert_ok(neap_tensor_init(&t, NEAP_F64, ndim, size));
  memcpy(neap_tensor_data(&t), v, (size_t)neap_tensor_numel(&t) * sizeof *v);
  return t;
}

static neap_tensor drawn(int ndim, const int64_t *size, uint64_t seed) {
  neap_tensor t;
  neap_rng r = neap_rng_make(seed);
  assert_ok(neap_tensor_randn(&t, NEAP_F64, ndim, size, &r));
  return t;
}

static double value(const neap_tensor *t) { return *(const double *)neap_tensor_data(t); }

static const int64_t three[] = {3}, three_two[] = {3, 2};

static void joins(void **state) {
  (void)state;
  neap_tensor out, x = made(2, three_two, (double[]){1, 2, 3, 4, 5, 6});
  neap_tensor y = made(2, three_two, (double[]){0, 0, 0, 0, 0, 0});
  neap_tensor w = made(1, three, (double[]){1, 0, 3});
  neap_loss_options o = {.join = NEAP_LOSS_MEAN};
  assert_ok(neap_nn_loss(&out, NEAP_LOSS_MSE, &x, &y, NULL, &o));
  assert_int_equal(out.ndim, 0);
  assert_number(value(&out), 91.0 / 6, F64_TOL);
  neap_tensor_drop(&out);
  o.weights = &w;
  assert_ok(neap_nn_loss(&out, NEAP_LOSS_MSE, &x, &y, NULL, &o));
  assert_number(value(&out), (1 + 4 + 3 * 25 + 3 * 36) / 8.0, F64_TOL);
  neap_tensor_drop(&out);
  o.join = NEAP_LOSS_SUM;
  assert_ok(neap_nn_loss(&out, NEAP_LOSS_L1, &x, &y, NULL, &o));
  assert_number(value(&out), 3 + 3 * 11, F64_TOL);
  neap_tensor_drop(&out);
  o.join = NEAP_LOSS_NONE;
  assert_ok(neap_nn_loss(&out, NEAP_LOSS_L1, &x, &y, NULL, &o));
  assert_true(neap_tensor_same_shape(&out, &x));
  assert_same(6, (double *)neap_tensor_data(&out), ((double[]){1, 2, 0, 0, 15, 18}), 0);
  neap_tensor_drop(&out);
  neap_tensor_drop(&x);
  neap_tensor_drop(&y);
  neap_tensor_drop(&w);
}

static void rows_of_probabilities_are_one_loss(void **state) {
  (void)state;
  neap_tensor out, x = made(2, three_two, (double[]){-1, -1, -2, -2, -3, -3});
  neap_tensor p = made(2, three_two, (double[]){0, 1, 1, 0, 0.5, 0.5});
  neap_tensor w = made(1, three, (double[]){1, 2, 1});
  neap_loss_options o = {.join = NEAP_LOSS_NONE, .weights = &w};
  assert_ok(neap_nn_loss(&out, NEAP_LOSS_KL, &x, &p, NULL, &o));
  assert_int_equal(out.ndim, 1);
  assert_same(3, (double *)neap_tensor_data(&out), ((double[]){1, 4, 3 - log(2)}), F64_TOL);
  neap_tensor_drop(&out);
  o.join = NEAP_LOSS_MEAN;
  assert_ok(neap_nn_loss(&out, NEAP_LOSS_KL, &x, &p, NULL, &o));
  assert_number(value(&out), (8 - log(2)) / 4, F64_TOL);
  neap_tensor_drop(&out);
  neap_tensor_drop(&x);
  neap_tensor_drop(&p);
  neap_tensor_drop(&w);
}

/* A mean divides by what the classes weigh; what is ignored counts nothing. */
static void classes_weigh(void **state) {
  (void)state;
  neap_tensor out, x = made(2, three_two, (double[]){0, 0, 0, 0, NAN, NAN});
  neap_tensor y = made(1, three, (double[]){1, 2, -1}),
              c = made(1, (int64_t[]){2}, (double[]){1, 3});
  neap_class_options o = {.class_weights = &c, .ignores = true, .ignored = -1};
  assert_ok(neap_nn_class_loss(&out, NEAP_CROSS_ENTROPY, &x, &y, &o));
  assert_number(value(&out), log(2), F64_TOL);
  neap_tensor_drop(&out);
  o.common.join = NEAP_LOSS_NONE;
  assert_ok(neap_nn_class_loss(&out, NEAP_CROSS_ENTROPY, &x, &y, &o));
  assert_same(3, (double *)neap_tensor_data(&out), ((double[]){log(2), 3 * log(2), 0}), F64_TOL);
  neap_tensor_drop(&out);
  neap_tensor_drop(&x);
  neap_tensor_drop(&y);
  neap_tensor_drop(&c);
}

static void refusals(void **state) {
  (void)state;
  neap_tensor out, x = drawn(2, three_two, 1), y = made(1, three, (double[]){1, 2, 3});
  neap_tensor none, w = made(1, three, (double[]){0, 0, 0});
  neap_class_options o = {0};
  assert_ok(neap_tensor_init(&none, NEAP_F64, 2, (int64_t[]){0, 2}));
  assert_fails(neap_nn_class_loss(&out, NEAP_CROSS_ENTROPY, &x, &y, &o), NEAP_EVALUE,
               "cross_entropy: y[3] is 3, must be a class number, 1 to 2");
  ((double *)neap_tensor_data(&y))[1] = 0;
  assert_fails(neap_nn_class_loss(&out, NEAP_NLL, &x, &y, &o), NEAP_EVALUE,
               "nll: y[2] is 0, must be a class number, 1 to 2 (classes are counted from 1)");
  ((double *)neap_tensor_data(&y))[0] = NAN;
  assert_fails(neap_nn_class_loss(&out, NEAP_FOCAL, &x, &y, &o), NEAP_EVALUE, "focal: y[1] is nan");
  assert_fails(neap_nn_class_loss(&out, NEAP_FOCAL, &x, &x, &o), NEAP_ESHAPE,
               "focal: x [3x2] and y [3x2] do not fit");
  neap_loss_options p = {0};
  assert_fails(neap_nn_loss(&out, NEAP_LOSS_MSE, &x, &y, NULL, &p), NEAP_ESHAPE,
               "mse: x [3x2] and y [3] must have the same shape");
  assert_fails(neap_nn_loss(&out, NEAP_LOSS_L1, &none, &none, NULL, &p), NEAP_ESHAPE,
               "l1: the batch is empty, x is [0x2]");
  p.weights = &w;
  assert_fails(neap_nn_loss(&out, NEAP_LOSS_L1, &x, &x, NULL, &p), NEAP_EVALUE,
               "l1: the rows of the batch weigh 0");
  ((double *)neap_tensor_data(&w))[2] = -1;
  assert_fails(neap_nn_loss(&out, NEAP_LOSS_L1, &x, &x, NULL, &p), NEAP_EVALUE,
               "l1: weights[3] is -1, must be finite and not negative");
  neap_tensor_drop(&x);
  neap_tensor_drop(&y);
  neap_tensor_drop(&none);
  neap_tensor_drop(&w);
}

/* Gradients by differences, with weights over the leading sizes, of a strided x. */
static void gradients_are_slopes(void **state) {
  (void)state;
  static const int64_t size[] = {4, 3, 5};
  neap_tensor base = drawn(3, (int64_t[]){5, 4, 3}, 3), x, w = drawn(2, (int64_t[]){4, 3}, 4);
  neap_tensor y = drawn(3, size, 5), out;
  assert_ok(neap_tensor_permute(&x, &base, (int[]){1, 2, 0}));
  assert_ok(neap_tensor_unary_into(&w, NEAP_MAP_abs));
  for (neap_loss kind = 0; kind < NEAP_LOSSES; kind++) {
    if (kind == NEAP_LOSS_QUANTILE || kind == NEAP_LOSS_KL) continue;
    neap_scalar third;
    neap_scalar_f64(&third, NEAP_F64, 0.7);
    neap_loss_options o = {.weights = &w};
    assert_ok(neap_grad_require(&x, true));
    assert_ok(neap_nn_loss(&out, kind, &x, &y, &third.t, &o));
    assert_ok(neap_grad_backward(&out, NULL, false));
    neap_tensor_drop(&out);
    const int64_t at[] = {2, 1, 3};
    double slope = neap_tensor_get_f64(neap_grad_of(&x), at), v = neap_tensor_get_f64(&x, at);
    double side[2];
    assert_ok(neap_grad_require(&x, false));
    for (int k = 0; k < 2; k++) {
      neap_tensor_set_f64(&x, at, v + (k ? 1e-6 : -1e-6));
      assert_ok(neap_nn_loss(&out, kind, &x, &y, &third.t, &o));
      side[k] = value(&out);
      neap_tensor_drop(&out);
    }
    neap_tensor_set_f64(&x, at, v);
    assert_number(slope, (side[1] - side[0]) / 2e-6, 1e-8); /* differences have no more digits */
  }
  neap_tensor_drop(&x);
  neap_tensor_drop(&base);
  neap_tensor_drop(&y);
  neap_tensor_drop(&w);
}

/* Many chunks: the same bits at 1, 2 and 3 threads. */
static void threads_change_no_bit(void **state) {
  (void)state;
  static const int64_t size[] = {70001, 3};
  neap_tensor x = drawn(2, size, 6), y, out, first = {0}, slope = {0};
  neap_rng r = neap_rng_make(7);
  neap_class_options o = {.smoothing = 0.1};
  assert_ok(neap_tensor_randint(&y, 1, 3, 1, size, &r));
  assert_ok(neap_grad_require(&x, true));
  for (int threads = 1; threads <= 3; threads++) {
    assert_ok(neap_set_threads(threads));
    neap_grad_clear(&x);
    assert_ok(neap_nn_class_loss(&out, NEAP_CROSS_ENTROPY, &x, &y, &o));
    assert_ok(neap_grad_backward(&out, NULL, false));
    if (threads == 1) {
      assert_ok(neap_tensor_clone(&first, &out));
      assert_ok(neap_tensor_clone(&slope, neap_grad_of(&x)));
    }
    assert_memory_equal(neap_tensor_data(&first), neap_tensor_data(&out), sizeof(double));
    assert_memory_equal(neap_tensor_data(&slope), neap_tensor_data(neap_grad_of(&x)),
                        70001 * 3 * sizeof(double));
    neap_tensor_drop(&out);
  }
  assert_ok(neap_set_threads(1));
  neap_tensor_drop(&x);
  neap_tensor_drop(&y);
  neap_tensor_drop(&first);
  neap_tensor_drop(&slope);
}

static void memory_may_run_out(void **state) {
  (void)state;
  neap_tensor x = drawn(2, (int64_t[]){20000, 3}, 8), y, out, w = drawn(1, (int64_t[]){20000}, 9);
  neap_rng r = neap_rng_make(7);
  assert_ok(neap_tensor_randint(&y, 1, 3, 1, (int64_t[]){20000}, &r));
  assert_ok(neap_tensor_unary_into(&w, NEAP_MAP_abs));
  assert_ok(neap_grad_require(&x, true));
  neap_class_options o = {.common = {.weights = &w}};
  neap_loss_options p = {.weights = &w, .join = NEAP_LOSS_NONE};
  with_every_allocation_failing({
    if (neap_nn_class_loss(&out, NEAP_CROSS_ENTROPY, &x, &y, &o) == NEAP_OK) neap_tensor_drop(&out);
    if (neap_nn_loss(&out, NEAP_LOSS_BCE, &x, &x, NULL, &p) == NEAP_OK) neap_tensor_drop(&out);
  });
  neap_tensor_drop(&x);
  neap_tensor_drop(&y);
  neap_tensor_drop(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(joins),
      cmocka_unit_test(rows_of_probabilities_are_one_loss),
      cmocka_unit_test(classes_weigh),
      cmocka_unit_test(refusals),
      cmocka_unit_test(gradients_are_slopes),
      cmocka_unit_test(threads_change_no_bit),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
