/* Fused layers in C: the affine layer against products written out. */
#include "base/rng.h"
#include "check.h"
#include "nn/nn.h"

static neap_tensor normal(uint64_t seed, int ndim, const int64_t *size) {
  neap_tensor t;
  neap_rng r = neap_rng_make(seed);
  assert_ok(neap_tensor_randn(&t, NEAP_F64, ndim, size, &r));
  return t;
}

static void linear_is_a_product_and_a_sum(void **state) {
  (void)state;
  neap_tensor x = normal(1, 3, (int64_t[]){2, 3, 5}), w = normal(2, 2, (int64_t[]){4, 5});
  neap_tensor b = normal(3, 1, (int64_t[]){4}), y;
  assert_ok(neap_nn_linear(&y, &x, &w, &b));
  assert_int_equal(y.ndim, 3);
  const double *xs = neap_tensor_data(&x), *ws = neap_tensor_data(&w), *bs = neap_tensor_data(&b);
  const double *ys = neap_tensor_data(&y);
  for (int r = 0; r < 6; r++)
    for (int o = 0; o < 4; o++) {
      double sum = bs[o];
      for (int i = 0; i < 5; i++) sum += xs[r * 5 + i] * ws[o * 5 + i];
      assert_number(ys[r * 4 + o], sum, F64_TOL);
    }
  neap_tensor_drop(&x), neap_tensor_drop(&w), neap_tensor_drop(&b), neap_tensor_drop(&y);
}

static void linear_refuses_what_does_not_fit(void **state) {
  (void)state;
  neap_tensor x = normal(1, 2, (int64_t[]){2, 3}), w = normal(2, 2, (int64_t[]){4, 5}), f, y;
  assert_fails(neap_nn_linear(&y, &x, &w, NULL), NEAP_ESHAPE,
               "linear: x [2x3] has 3 features in its last dim, the layer takes 5");
  assert_ok(neap_tensor_as(&f, &w, NEAP_F32));
  assert_fails(neap_nn_linear(&y, &x, &f, NULL), NEAP_EDTYPE,
               "linear: x is f64, but weight is f32; convert with x:to \"f32\"");
  neap_tensor_drop(&x), neap_tensor_drop(&w), neap_tensor_drop(&f);
}

/* Values and slopes against the definitions, by central differences. */
static double defined(neap_activation kind, double p, double x) {
  switch (kind) {
  case NEAP_LEAKY_RELU: return x > 0 ? x : p * x;
  case NEAP_ELU: return x > 0 ? x : p * expm1(x);
  case NEAP_SILU: return x / (1 + exp(-x));
  default: return x * 0.5 * erfc(-x * sqrt(0.5));
  }
}

static void activations_follow_their_definitions(void **state) {
  (void)state;
  const double parameters[] = {[NEAP_LEAKY_RELU] = -0.3, [NEAP_ELU] = 1.7, 0, 0};
  for (int kind = NEAP_LEAKY_RELU; kind <= NEAP_GELU; kind++) {
    double p = parameters[kind];
    neap_tensor x = normal(4, 2, (int64_t[]){3, 1500}), y, seed;
    assert_ok(neap_grad_require(&x, true));
    assert_ok(neap_nn_activate(&y, (neap_activation)kind, p, &x));
    seed = normal(5, 2, (int64_t[]){3, 1500});
    assert_ok(neap_grad_backward(&y, &seed, false));
    const double *xs = neap_tensor_data(&x), *ys = neap_tensor_data(&y);
    const double *gs = neap_tensor_data(&seed), *ds = neap_tensor_data(neap_grad_of(&x));
    for (int i = 0; i < 4500; i++) {
      double e = 1e-6, up = defined((neap_activation)kind, p, xs[i] + e);
      double slope = (up - defined((neap_activation)kind, p, xs[i] - e)) / (2 * e);
      assert_number(ys[i], defined((neap_activation)kind, p, xs[i]), F64_TOL);
      if (fabs(xs[i]) > e) assert_number(ds[i], gs[i] * slope, 1e-8); /* differences err so much */
    }
    neap_tensor_drop(&x), neap_tensor_drop(&y), neap_tensor_drop(&seed);
  }
}

static void activations_refuse_what_makes_no_sense(void **state) {
  (void)state;
  neap_tensor x = normal(1, 1, (int64_t[]){3}), whole, y;
  assert_fails(neap_nn_activate(&y, NEAP_ELU, -1, &x), NEAP_EARG,
               "elu: alpha is -1, must not be negative");
  assert_ok(neap_tensor_range_i64(&whole, 1, 1, 3));
  assert_fails(neap_nn_activate(&y, NEAP_GELU, 0, &whole), NEAP_EDTYPE,
               "gelu: x is i64, not f32 or f64; convert with x:to \"f32\"");
  neap_tensor_drop(&x), neap_tensor_drop(&whole);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(linear_is_a_product_and_a_sum),
                                     cmocka_unit_test(linear_refuses_what_does_not_fit),
                                     cmocka_unit_test(activations_follow_their_definitions),
                                     cmocka_unit_test(activations_refuse_what_makes_no_sense)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
