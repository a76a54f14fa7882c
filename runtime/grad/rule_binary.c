/* Gradients of arithmetic with two operands. */
#include "base/alloc.h"
#include "grad/rules.h"

/* Give input i the gradient times (or another op) other. */
static neap_status give_times(neap_node *n, int i, neap_binary_op op, const neap_tensor *other) {
  neap_tensor g;
  if (!neap_node_wants(n, i)) return NEAP_OK;
  NEAP_TRY(neap_tensor_binary(&g, op, neap_node_gradient(n, 0), other));
  return neap_node_give(n, i, &g);
}

static neap_status give_same(neap_node *n, int i) {
  neap_tensor g;
  if (!neap_node_wants(n, i)) return NEAP_OK;
  neap_tensor_alias(&g, neap_node_gradient(n, 0));
  return neap_node_give(n, i, &g);
}

static neap_status give_negated(neap_node *n, int i) {
  neap_tensor g;
  if (!neap_node_wants(n, i)) return NEAP_OK;
  NEAP_TRY(neap_tensor_unary(&g, NEAP_MAP_neg, neap_node_gradient(n, 0)));
  return neap_node_give(n, i, &g);
}

static neap_status add_back(neap_node *n) {
  NEAP_TRY(give_same(n, 0));
  return give_same(n, 1);
}

static neap_status sub_back(neap_node *n) {
  NEAP_TRY(give_same(n, 0));
  return give_negated(n, 1);
}

static neap_status mul_back(neap_node *n) {
  if (neap_node_wants(n, 0))
    NEAP_TRY(give_times(n, 0, NEAP_OP_mul, neap__node_kept(n, NEAP__KEEP_Y)));
  if (neap_node_wants(n, 1))
    NEAP_TRY(give_times(n, 1, NEAP_OP_mul, neap__node_kept(n, NEAP__KEEP_X)));
  return NEAP_OK;
}

/* d(x/y)/dx = 1/y, d(x/y)/dy = -(x/y)/y */
static neap_status div_back(neap_node *n) {
  const neap_tensor *y = neap__node_kept(n, NEAP__KEEP_Y);
  NEAP_TRY(give_times(n, 0, NEAP_OP_div, y));
  if (!neap_node_wants(n, 1)) return NEAP_OK;
  neap_tensor ratio, g = {0};
  NEAP_TRY(neap_tensor_binary(&ratio, NEAP_OP_div, neap__node_kept(n, NEAP__KEEP_OUT), y));
  neap_status st = neap_tensor_unary_into(&ratio, NEAP_MAP_neg);
  if (!st) st = neap_tensor_binary(&g, NEAP_OP_mul, neap_node_gradient(n, 0), &ratio);
  neap_tensor_drop(&ratio);
  return st ? st : neap_node_give(n, 1, &g);
}

const neap__rule neap__binary_rules[NEAP_OP_COUNT] = {
    [NEAP_OP_add] = {{"add", add_back, NULL}, 0},
    [NEAP_OP_sub] = {{"sub", sub_back, NULL}, 0},
    [NEAP_OP_mul] = {{"mul", mul_back, NULL}, NEAP__KEEP_CROSSED},
    [NEAP_OP_div] = {{"div", div_back, NULL}, NEAP__KEEP_Y | NEAP__KEEP_OUT},
};
