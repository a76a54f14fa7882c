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
  neap_tensor_alias(&y, &x); /* without a trace */
  for (int i = 0; i < 300000; i++) {
    const neap_tensor *in[] = {&y, &x};
    assert_ok(neap_tensor_binary(&z, NEAP_OP_add, &y, &x));
    assert_ok(neap_record(
        &z, &(neap_taped){.kind = NEAP_TAPE_BINARY, .op = NEAP_OP_add, .inputs = 2, .in = in}));
    neap_tensor_drop(&y);
    y = z;
  }
  assert_ok(neap_grad_backward(&y, NULL, false));
  assert_number(at(neap_grad_of(&x), 0), 300000, 0);
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

/* every rule, with every allocation failing once ---------------------------------------------- */

static neap_status run_forward(neap_tensor *out, const neap_taped *how) {
  const neap_tensor *x = how->in[0], *y = how->inputs > 1 ? how->in[1] : NULL;
  neap_tensor at;
  neap_status st;
  switch (how->kind) {
  case NEAP_TAPE_UNARY: return neap_tensor_unary(out, (neap_unary_op)how->op, x);
  case NEAP_TAPE_BINARY: return neap_tensor_binary(out, (neap_binary_op)how->op, x, y);
  case NEAP_TAPE_WHERE: return neap_tensor_where(out, how->extra, x, y);
  case NEAP_TAPE_REDUCE:
    return neap_tensor_reduce(out, (neap_reduction)how->op, x, &how->detail.reduce);
  case NEAP_TAPE_EXTREME:
    st = neap_tensor_extreme(out, &at, true, x, &how->detail.reduce, 1);
    if (!st) neap_tensor_drop(&at);
    return st;
  case NEAP_TAPE_SCAN:
    return neap_tensor_scan(out, (neap_scan)how->op, x, how->detail.scan.dim,
                            how->detail.scan.skip_nan);
  case NEAP_TAPE_SOFTMAX:
  case NEAP_TAPE_LOG_SOFTMAX: return neap_tensor_softmax(out, x, how->detail.dim);
  case NEAP_TAPE_LOGSUMEXP: return neap_tensor_reduce(out, NEAP_SUM, x, &how->detail.reduce);
  case NEAP_TAPE_MATMUL: return neap_tensor_matmul(out, x, y);
  case NEAP_TAPE_TAKE: return neap_tensor_take(out, x, how->detail.dim, how->extra, 1);
  case NEAP_TAPE_GATHER: return neap_tensor_gather(out, x, how->detail.dim, how->extra, 1);
  case NEAP_TAPE_TAKE_WHERE: return neap_tensor_take_where(out, x, how->extra);
  case NEAP_TAPE_SLICE:
    return neap_tensor_slice(out, x, how->detail.slice.dim, how->detail.slice.start,
                             how->detail.slice.count, how->detail.slice.step);
  case NEAP_TAPE_CAT: return neap_tensor_cat(out, how->inputs, how->in, how->detail.dim);
  default: return neap_tensor_clone(out, x);
  }
}

/* 2 x 3 numbers in (0, 1), strided, a leaf when wanted. */
static neap_tensor strided(bool wanted) {
  neap_tensor whole, t;
  int64_t size[] = {3, 2};
  assert_ok(neap_tensor_init(&whole, NEAP_F64, 2, size));
  for (int64_t i = 0; i < 6; i++)
    neap_tensor_set_f64(&whole, (int64_t[]){i / 2, i % 2}, 0.1 * (double)(i + 1));
  assert_ok(neap_tensor_transpose(&t, &whole, 0, 1));
  neap_tensor_drop(&whole);
  if (wanted) assert_ok(neap_grad_require(&t, true));
  return t;
}

static void survives(const neap_taped *how) {
  int64_t before = neap_alloc_live();
  bool fired;
  do {
    neap_tensor x = strided(true), y = strided(true), out = {0}, sum = {0};
    if (how->kind == NEAP_TAPE_MATMUL) {
      neap_tensor_drop(&y);
      y = leaf(3, 1);
    }
    const neap_tensor *in[] = {&x, &y};
    neap_taped now = *how;
    now.in = in;
    neap_fault_arm();
    neap_status st = run_forward(&out, &now);
    if (!st) st = neap_record(&out, &now);
    if (!st) st = summed(&sum, &out);
    if (!st) st = neap_grad_backward(&sum, NULL, false);
    fired = neap_fault_fired();
    assert_int_equal(st, fired ? NEAP_ENOMEM : NEAP_OK);
    if (!fired) assert_non_null(neap_grad_of(&x));
    neap_tensor_drop(&sum), neap_tensor_drop(&out);
    neap_tensor_drop(&x), neap_tensor_drop(&y);
  } while (fired);
  neap_fault_reset();
  assert_int_equal(neap_alloc_live(), before);
}

static void rules_survive_failing_allocations(void **state) {
  (void)state;
  for (int op = 0; op < NEAP_MAP_COUNT; op++)
    if (op != NEAP_MAP_bit_not && !neap_unary_is_test((neap_unary_op)op))
      survives(&(neap_taped){.kind = NEAP_TAPE_UNARY, .op = op, .inputs = 1});
  for (int op = 0; op < NEAP_OP_COUNT; op++)
    if (op != NEAP_OP_bit_and && op != NEAP_OP_bit_or && op != NEAP_OP_bit_xor)
      survives(&(neap_taped){.kind = NEAP_TAPE_BINARY, .op = op, .inputs = 2});
  for (int op = NEAP_SUM; op <= NEAP_NORM; op++)
    for (unsigned k = 0; k < 4; k++)
      survives(&(neap_taped){.kind = NEAP_TAPE_REDUCE,
                             .op = op,
                             .inputs = 1,
                             .detail.reduce = {.dims = 2 * (k & 1),
                                               .skip_nan = k / 2 != 0,
                                               .parameter = op == NEAP_NORM ? 2 : 1}});
  for (int op = NEAP_CUMSUM; op <= NEAP_CUMMIN; op++)
    survives(&(neap_taped){.kind = NEAP_TAPE_SCAN, .op = op, .inputs = 1});
  survives(&(neap_taped){.kind = NEAP_TAPE_SOFTMAX, .inputs = 1});
  survives(&(neap_taped){.kind = NEAP_TAPE_LOG_SOFTMAX, .inputs = 1});
  survives(&(neap_taped){.kind = NEAP_TAPE_LOGSUMEXP, .inputs = 1, .detail.reduce.dims = 1});
  survives(&(neap_taped){.kind = NEAP_TAPE_MATMUL, .inputs = 2});
  survives(&(neap_taped){.kind = NEAP_TAPE_CAT, .inputs = 2});
  survives(&(neap_taped){.kind = NEAP_TAPE_SLICE, .inputs = 1, .detail.slice = {1, 0, 2, 2}});
}

/* What needs an index or a mask. */
static void choices_survive_failing_allocations(void **state) {
  (void)state;
  neap_tensor index, mask, one, x = strided(false), at;
  neap_scalar half;
  assert_ok(neap_tensor_range_i64(&one, 1, 0, 2));
  assert_ok(neap_tensor_unsqueeze(&index, &one, 1));
  neap_scalar_f64(&half, NEAP_F64, 0.35);
  assert_ok(neap_tensor_compare(&mask, NEAP_CMP_gt, &x, &half.t));
  survives(&(neap_taped){.kind = NEAP_TAPE_TAKE, .inputs = 1, .extra = &one, .detail.dim = 1});
  survives(&(neap_taped){.kind = NEAP_TAPE_GATHER, .inputs = 1, .extra = &index, .detail.dim = 1});
  survives(&(neap_taped){.kind = NEAP_TAPE_TAKE_WHERE, .inputs = 1, .extra = &mask});
  survives(&(neap_taped){.kind = NEAP_TAPE_WHERE, .inputs = 2, .extra = &mask});
  assert_ok(neap_tensor_range_i64(&at, 1, 0, 2));
  survives(
      &(neap_taped){.kind = NEAP_TAPE_EXTREME, .inputs = 1, .extra = &at, .detail.reduce.dims = 2});
  survives(&(neap_taped){.kind = NEAP_TAPE_EXTREME, .inputs = 1, .extra = &at});
  neap_tensor_drop(&index), neap_tensor_drop(&mask), neap_tensor_drop(&one);
  neap_tensor_drop(&x), neap_tensor_drop(&at);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradient_of_squares_adds_up),
      cmocka_unit_test(changed_inputs_are_noticed),
      cmocka_unit_test(nothing_is_recorded_while_paused),
      cmocka_unit_test(long_chains_go_quietly),
      cmocka_unit_test(failing_allocations_leave_nothing_behind),
      cmocka_unit_test(rules_survive_failing_allocations),
      cmocka_unit_test(choices_survive_failing_allocations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
