/* The tape in C: recording, passes, what is refused, and that every allocation may fail. */
#include "check.h"
#include "grad/grad.h"

static neap_tensor leaf(int64_t n, double v) {
  neap_tensor t;
  assert_ok(neap_tensor_init(&t, NEAP_F64, 1, &n));
  for (int64_t i = 0; i < n; i++) neap_tensor_set_f64(&t, &i, v + (double)i);
  assert_ok(neap_grad_require(&t, true));
  return t;
}

static double at(const neap_tensor *t, int64_t i) { return neap_tensor_get_f64(t, &i); }

/* y = x * x, recorded as a binding would. */
static neap_status squared(neap_tensor *out, const neap_tensor *x) {
  const neap_tensor *in[] = {x, x};
  neap_status st = neap_tensor_binary(out, NEAP_OP_mul, x, x);
  return st ? st
            : neap_record(out,
                          &(neap_taped){
                              .kind = NEAP_TAPE_BINARY, .op = NEAP_OP_mul, .inputs = 2, .in = in});
}

static neap_status summed(neap_tensor *out, const neap_tensor *x) {
  neap_reduce_options o = {0};
  neap_status st = neap_tensor_reduce(out, NEAP_SUM, x, &o);
  return st ? st
            : neap_record(out, &(neap_taped){.kind = NEAP_TAPE_REDUCE,
                                             .op = NEAP_SUM,
                                             .inputs = 1,
                                             .in = &x,
                                             .detail.reduce = o});
}

static void gradient_of_squares_adds_up(void **state) {
  (void)state;
  neap_tensor x = leaf(3, 1), y, s;
  assert_ok(squared(&y, &x));
  assert_ok(summed(&s, &y));
  assert_ok(neap_grad_backward(&s, NULL, true));
  for (int64_t i = 0; i < 3; i++) assert_number(at(neap_grad_of(&x), i), 2.0 * (double)(i + 1), 0);
  assert_ok(neap_grad_backward(&s, NULL, false));
  for (int64_t i = 0; i < 3; i++) assert_number(at(neap_grad_of(&x), i), 4.0 * (double)(i + 1), 0);
  assert_fails(neap_grad_backward(&s, NULL, false), NEAP_EARG,
               "was used by an earlier backward; give that one { retain = true }");
  neap_grad_clear(&x);
  assert_null(neap_grad_of(&x));
  neap_tensor_drop(&s), neap_tensor_drop(&y), neap_tensor_drop(&x);
}

static void changed_inputs_are_noticed(void **state) {
  (void)state;
  neap_tensor x = leaf(3, 1), y, s, plain;
  assert_ok(squared(&y, &x));
  assert_ok(summed(&s, &y));
  neap_tensor_alias(&plain, &x);
  neap_tensor_set_f64(&plain, (int64_t[]){0}, 7);
  assert_fails(neap_grad_backward(&s, NULL, false), NEAP_EVALUE,
               "a tensor [3] that 'mul' needs for its gradient was changed in place since");
  assert_null(neap_grad_of(&x));
  assert_fails(neap_grad_backward(&y, NULL, false), NEAP_ESHAPE, "only one element");
  assert_fails(neap_grad_backward(&plain, NULL, false), NEAP_EARG, "nothing to differentiate");
  neap_tensor_drop(&s), neap_tensor_drop(&y), neap_tensor_drop(&x), neap_tensor_drop(&plain);
}

static void nothing_is_recorded_while_paused(void **state) {
  (void)state;
  neap_tensor x = leaf(3, 1), y;
  neap_grad_pause(1);
  assert_ok(squared(&y, &x));
  neap_grad_pause(-1);
  assert_null(y.trace);
  neap_tensor_drop(&y), neap_tensor_drop(&x);
}

/* A chain too long for recursion. */
static void long_chains_go_quietly(void **state) {
  (void)state;
  neap_tensor x = leaf(1, 1), y, z;
  neap_grad_alias(&y, &x);
  for (int i = 0; i < 300000; i++) {
    const neap_tensor *in[] = {&y, &x};
    assert_ok(neap_tensor_binary(&z, NEAP_OP_add, &y, &x));
    assert_ok(neap_record(
        &z, &(neap_taped){.kind = NEAP_TAPE_BINARY, .op = NEAP_OP_add, .inputs = 2, .in = in}));
    neap_tensor_drop(&y);
    y = z;
  }
  assert_ok(neap_grad_backward(&y, NULL, false));
  assert_number(at(neap_grad_of(&x), 0), 300001, 0);
  neap_tensor_drop(&y), neap_tensor_drop(&x);
}

static void failing_allocations_leave_nothing_behind(void **state) {
  (void)state;
  int64_t before = neap_alloc_live();
  bool fired;
  do {
    neap_tensor x = leaf(3, 1), y = {0}, s = {0};
    neap_fault_arm();
    neap_status st = squared(&y, &x);
    if (!st) st = summed(&s, &y);
    if (!st) st = neap_grad_backward(&s, NULL, false);
    fired = neap_fault_fired();
    assert_int_equal(st, fired ? NEAP_ENOMEM : NEAP_OK);
    neap_tensor_drop(&s), neap_tensor_drop(&y), neap_tensor_drop(&x);
  } while (fired);
  neap_fault_reset();
  assert_int_equal(neap_alloc_live(), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradient_of_squares_adds_up),
      cmocka_unit_test(changed_inputs_are_noticed),
      cmocka_unit_test(nothing_is_recorded_while_paused),
      cmocka_unit_test(long_chains_go_quietly),
      cmocka_unit_test(failing_allocations_leave_nothing_behind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
