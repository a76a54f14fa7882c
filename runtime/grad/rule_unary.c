/* Gradients of element-wise functions of one tensor. */
#include "grad/rules.h"

/* Give the input the gradient times d, which is dropped. */
static neap_status give_product(neap_node *n, neap_tensor *d) {
  neap_status st = neap_tensor_binary_into(d, NEAP_OP_mul, neap_node_gradient(n, 0));
  if (st) neap_tensor_drop(d);
  return st ? st : neap_node_give(n, 0, d);
}

static neap_status neg_back(neap_node *n) {
  neap_tensor g;
  NEAP_TRY(neap_tensor_unary(&g, NEAP_MAP_neg, neap_node_gradient(n, 0)));
  return neap_node_give(n, 0, &g);
}

static neap_status exp_back(neap_node *n) {
  neap_tensor d;
  NEAP_TRY(neap_tensor_clone(&d, neap__node_kept(n, NEAP__KEEP_OUT)));
  return give_product(n, &d);
}

static neap_status log_back(neap_node *n) {
  neap_tensor g;
  NEAP_TRY(neap_tensor_binary(&g, NEAP_OP_div, neap_node_gradient(n, 0),
                              neap__node_kept(n, NEAP__KEEP_X)));
  return neap_node_give(n, 0, &g);
}

/* The gradient where x is positive; 0 elsewhere, also where x is NaN. */
static neap_status relu_back(neap_node *n) {
  neap_tensor on, g = {0};
  const neap_tensor *y = neap__node_kept(n, NEAP__KEEP_OUT);
  neap_scalar none;
  neap_scalar_f64(&none, y->dtype, 0);
  NEAP_TRY(neap_tensor_compare(&on, NEAP_CMP_gt, y, &none.t));
  neap_status st = neap_tensor_where(&g, &on, neap_node_gradient(n, 0), &none.t);
  neap_tensor_drop(&on);
  return st ? st : neap_node_give(n, 0, &g);
}

/* 1 - y^2 */
static neap_status tanh_back(neap_node *n) {
  neap_tensor d;
  neap_scalar one;
  NEAP_TRY(neap_tensor_unary(&d, NEAP_MAP_square, neap__node_kept(n, NEAP__KEEP_OUT)));
  neap_scalar_f64(&one, d.dtype, 1);
  neap_status st = neap_tensor_binary_into(&d, NEAP_OP_sub, &one.t);
  if (!st) st = neap_tensor_unary_into(&d, NEAP_MAP_neg);
  if (st) neap_tensor_drop(&d);
  return st ? st : give_product(n, &d);
}

/* y (1 - y) = y - y^2 */
static neap_status sigmoid_back(neap_node *n) {
  const neap_tensor *y = neap__node_kept(n, NEAP__KEEP_OUT);
  neap_tensor square, d;
  NEAP_TRY(neap_tensor_unary(&square, NEAP_MAP_square, y));
  neap_status st = neap_tensor_binary(&d, NEAP_OP_sub, y, &square);
  neap_tensor_drop(&square);
  return st ? st : give_product(n, &d);
}

const neap__rule neap__unary_rules[NEAP_MAP_COUNT] = {
    [NEAP_MAP_neg] = {{"neg", neg_back, NULL}, 0},
    [NEAP_MAP_exp] = {{"exp", exp_back, NULL}, NEAP__KEEP_OUT},
    [NEAP_MAP_log] = {{"log", log_back, NULL}, NEAP__KEEP_X},
    [NEAP_MAP_relu] = {{"relu", relu_back, NULL}, NEAP__KEEP_OUT},
    [NEAP_MAP_tanh] = {{"tanh", tanh_back, NULL}, NEAP__KEEP_OUT},
    [NEAP_MAP_sigmoid] = {{"sigmoid", sigmoid_back, NULL}, NEAP__KEEP_OUT},
};
