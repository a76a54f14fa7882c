/* Linear algebra and rolling windows in C: failing allocations, interrupts, results nobody asked
 * for, bad input. Values are tested from Lua, against NumPy. */
#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "check.h"
#include "tensor/tensor.h"

static neap_tensor random_matrices(int64_t batch, int64_t m, int64_t n) {
  neap_tensor t;
  neap_rng r = neap_rng_make(5);
  assert_ok(neap_tensor_randn(&t, NEAP_F64, 3, (int64_t[]){batch, m, n}, &r));
  return t;
}

/* Every operation once, whatever becomes of it. Returns the last failure. */
static neap_status everything(const neap_tensor *a) {
  neap_tensor one = {0}, two = {0}, three = {0}, first = {0};
  neap_status st = NEAP_OK, now;
#define RUN(expr)                                                                                  \
  do {                                                                                             \
    now = (expr);                                                                                  \
    if (now) st = now;                                                                             \
    neap_tensor_drop(&one), neap_tensor_drop(&two), neap_tensor_drop(&three);                      \
  } while (0)
  RUN(neap_tensor_solve(&one, a, a));
  RUN(neap_tensor_solve_triangular(&one, a, a, (neap_triangle){.upper = true}));
  RUN(neap_tensor_lu(&one, &two, &three, a, 1));
  RUN(neap_tensor_det(&one, &two, &three, a));
  RUN(neap_tensor_qr(&one, &two, a, false));
  RUN(neap_tensor_qr(&one, &two, a, true));
  RUN(neap_tensor_svd(&one, &two, &three, a, false));
  RUN(neap_tensor_svd(NULL, &two, NULL, a, false));
  RUN(neap_tensor_eigh(&one, &two, a));
  RUN(neap_tensor_eigh(&one, NULL, a));
  assert_ok(neap_tensor_select(&first, a, 0, 0));
  RUN(neap_tensor_lstsq(&one, &two, &three, &first, &first, -1));
  RUN(neap_tensor_lstsq(&one, &two, &three, a, a, -1));
  RUN(neap_tensor_inv(&one, a));
  RUN(neap_tensor_expm(&one, a));
#undef RUN
  neap_tensor_drop(&first);
  return st;
}

static void survives_failing_allocations(void **state) {
  (void)state;
  neap_tensor a = random_matrices(3, 4, 4);
  assert_ok(everything(&a)); /* the library is loaded now */
  with_every_allocation_failing(everything(&a));
  neap_tensor_drop(&a);
}

static void stops_when_interrupted(void **state) {
  (void)state;
  neap_tensor a = random_matrices(2, 3, 3), out = {0}, other = {0};
  neap_interrupt_raise();
  assert_fails(neap_tensor_qr(&out, &other, &a, false), NEAP_EINTERRUPT, "interrupted");
  assert_fails(neap_tensor_solve(&out, &a, &a), NEAP_EINTERRUPT, "interrupted");
  assert_int_equal(everything(&a), NEAP_EINTERRUPT);
  neap_interrupt_clear();
  assert_ok(everything(&a));
  neap_tensor_drop(&a);
}

static void gives_the_same_bits_at_any_thread_count(void **state) {
  (void)state;
  neap_tensor a = random_matrices(9, 100, 100), u[2], s[2], vt[2];
  for (int k = 0; k < 2; k++) {
    assert_ok(neap_set_threads(1 + 3 * k));
    assert_ok(neap_tensor_svd(&u[k], &s[k], &vt[k], &a, false));
  }
  assert_memory_equal(neap_tensor_data(&u[0]), neap_tensor_data(&u[1]), 9 * 10000 * sizeof(double));
  assert_memory_equal(neap_tensor_data(&s[0]), neap_tensor_data(&s[1]), 9 * 100 * sizeof(double));
  assert_memory_equal(neap_tensor_data(&vt[0]), neap_tensor_data(&vt[1]),
                      9 * 10000 * sizeof(double));
  for (int k = 0; k < 2; k++) {
    neap_tensor_drop(&u[k]);
    neap_tensor_drop(&s[k]);
    neap_tensor_drop(&vt[k]);
  }
  neap_tensor_drop(&a);
}

static void rolls_windows(void **state) {
  (void)state;
  neap_tensor a = random_matrices(2, 3, 50), out = {0};
  neap_rolling_options o = {.n = 7, .min_count = 7, .parameter = 0.5};
  for (int op = 0; op < NEAP_ROLLINGS; op++) {
    bool two = op == NEAP_ROLLING_COV || op == NEAP_ROLLING_CORR;
    const neap_tensor *u = two ? &a : NULL;
    with_every_allocation_failing({
      if (!neap_tensor_rolling(&out, (neap_rolling)op, &a, u, 2, &o)) neap_tensor_drop(&out);
      assert_null(out.storage);
    });
    neap_interrupt_raise();
    assert_fails(neap_tensor_rolling(&out, (neap_rolling)op, &a, u, 1, &o), NEAP_EINTERRUPT, "");
    neap_interrupt_clear();
  }
  o.n = INT64_MAX;
  assert_ok(neap_tensor_rolling(&out, NEAP_ROLLING_MAX, &a, NULL, 0, &o));
  assert_true(isnan(neap_tensor_get_f64(&out, (int64_t[]){1, 2, 49})));
  neap_tensor_drop(&out);
  neap_tensor_drop(&a);
}

static void names_what_is_wrong(void **state) {
  (void)state;
  neap_tensor a = random_matrices(2, 3, 3), wide = random_matrices(2, 3, 4), out, other;
  neap_tensor_set_f64(&a, (int64_t[]){1, 0, 2}, INFINITY);
  assert_fails(neap_tensor_eigh(&out, &other, &a), NEAP_EVALUE, "the element at 2, 1, 3");
  assert_fails(neap_tensor_qr(&out, &other, &a, false), NEAP_EVALUE, "an infinity");
  assert_fails(neap_tensor_eigh(&out, &other, &wide), NEAP_ESHAPE, "got shape [2x3x4]");
  assert_fails(neap_tensor_solve(&out, &wide, &wide), NEAP_ESHAPE, "square");
  neap_tensor_set_f64(&a, (int64_t[]){1, 0, 2}, 0);
  assert_fails(neap_tensor_solve(&out, &a, &(neap_tensor){.ndim = 1, .size = {3}}), NEAP_ESHAPE,
               "shapes [2x3x3] and [3] do not match");
  assert_null(out.storage);
  neap_tensor_drop(&a);
  neap_tensor_drop(&wide);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(survives_failing_allocations),
      cmocka_unit_test(stops_when_interrupted),
      cmocka_unit_test(gives_the_same_bits_at_any_thread_count),
      cmocka_unit_test(rolls_windows),
      cmocka_unit_test(names_what_is_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
