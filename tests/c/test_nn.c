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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(linear_is_a_product_and_a_sum),
                                     cmocka_unit_test(linear_refuses_what_does_not_fit)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
