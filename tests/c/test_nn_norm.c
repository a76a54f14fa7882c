/* Normalisation, dropout, embeddings and attention as functions of tensors: clean when memory runs
 * out anywhere, forward and back. Values are in tests/lua/nn_attention_test.lua. */
#include "base/rng.h"
#include "check.h"
#include "nn/attention.h"
#include "nn/nn.h"
#include "nn/norm.h"

static neap_tensor normal(uint64_t seed, int ndim, const int64_t *size) {
  neap_tensor t;
  neap_rng r = neap_rng_make(seed);
  assert_ok(neap_tensor_randn(&t, NEAP_F64, ndim, size, &r));
  return t;
}

/* Leaves x [2, 3, 4] and w, b [4], and the moments that a batch norm keeps. */
static neap_tensor x, w, b, mean, var, mask;

static void make(void) {
  x = normal(1, 3, (int64_t[]){2, 3, 4});
  w = normal(2, 1, (int64_t[]){4});
  b = normal(3, 1, (int64_t[]){4});
  mean = normal(4, 1, (int64_t[]){4});
  assert_ok(neap_tensor_unary(&var, NEAP_MAP_exp, &mean));
  assert_ok(neap_tensor_compare(&mask, NEAP_CMP_lt, &x, &x));
  assert_ok(neap_grad_require(&x, true));
  assert_ok(neap_grad_require(&w, true));
  assert_ok(neap_grad_require(&b, true));
}

static void drop(void) {
  neap_tensor *all[] = {&x, &w, &b, &mean, &var, &mask};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) neap_tensor_drop(all[i]);
}

static neap_status layer_norm(neap_tensor *y) {
  return neap_nn_layer_norm(y, &x, &w, &b, 1, (int64_t[]){4}, 0.1);
}
static neap_status group_norm(neap_tensor *y) { return neap_nn_group_norm(y, &x, &w, &b, 2, 0.1); }
static neap_status batch_norm(neap_tensor *y) {
  neap_batch_norm_options o = {&mean, &var, true, 0.5, 0.1};
  return neap_nn_batch_norm(y, &x, &w, &b, &o);
}
static neap_status batch_norm_fixed(neap_tensor *y) {
  neap_batch_norm_options o = {&mean, &var, false, 0, 0.1};
  return neap_nn_batch_norm(y, &x, &w, &b, &o);
}
static neap_status dropout(neap_tensor *y) { return neap_nn_dropout(y, &x, 0.5, 9); }
static neap_status embedding(neap_tensor *y) {
  const int64_t size[] = {2, 4};
  neap_tensor index, table;
  neap_status st = neap_tensor_range_i64(&index, 1, 1, 2);
  if (st) return st;
  st = neap_tensor_init(&table, NEAP_F64, 2, size);
  if (!st) st = neap_grad_require(&table, true);
  if (!st) st = neap_nn_embedding(y, &index, &table, 1);
  neap_tensor_drop(&index);
  neap_tensor_drop(&table);
  return st;
}
static neap_status attention(neap_tensor *y) {
  neap_tensor hidden, lengths = {0}, weights;
  neap_status st = neap_tensor_slice(&hidden, &mask, 2, 0, 3, 1);
  neap_tensor two;
  if (!st) st = neap_tensor_select(&two, &hidden, 0, 0);
  neap_tensor padding = {0};
  if (!st) st = neap_tensor_select(&padding, &mask, 2, 0);
  if (!st) st = neap_tensor_range_i64(&lengths, 2, 1, 2);
  neap_attention_options o = {
      .heads = 2, .mask = &two, .padding = &padding, .lengths = &lengths, .dropout = 0.5};
  if (!st) st = neap_nn_attention(y, &weights, &x, &x, &x, &o);
  if (!st) neap_tensor_drop(&weights);
  neap_tensor_drop(&hidden);
  neap_tensor_drop(&two);
  neap_tensor_drop(&padding);
  neap_tensor_drop(&lengths);
  return st;
}

static void run(neap_status (*f)(neap_tensor *)) {
  neap_tensor y = {0}, seed = {0};
  neap_status st = f(&y);
  if (!st) st = neap_tensor_clone(&seed, &y);
  if (!st) st = neap_grad_backward(&y, &seed, false);
  assert_true(st == NEAP_OK || st == NEAP_ENOMEM);
  neap_tensor_drop(&y);
  neap_tensor_drop(&seed);
  neap_grad_clear(&x);
  neap_grad_clear(&w);
  neap_grad_clear(&b);
}

static void every_failing_allocation_is_reported_and_leaves_nothing(void **state) {
  (void)state;
  neap_status (*const all[])(neap_tensor *) = {layer_norm, group_norm, batch_norm, batch_norm_fixed,
                                               dropout,    embedding,  attention};
  make();
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    neap_tensor y;
    assert_ok(all[i](&y)); /* the kernels are chosen, once for all */
    neap_tensor_drop(&y);
    with_every_allocation_failing(run(all[i]));
  }
  drop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_failing_allocation_is_reported_and_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
