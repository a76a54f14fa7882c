/* The gradient of matrix products: dx = g y', dy = x' g, one-dimensional operands being a row (x)
 * or a column (y). */
#include "grad/rules.h"

static neap_status transposed(neap_tensor *out, const neap_tensor *t) {
  return neap_tensor_transpose(out, t, t->ndim - 2, t->ndim - 1);
}

/* t with its missing dimension of size 1 at dim, when absent says that it is missing. */
static neap_status completed(neap_tensor *out, const neap_tensor *t, bool absent, int dim) {
  if (absent) return neap_tensor_unsqueeze(out, t, dim);
  neap_tensor_alias(out, t);
  return NEAP_OK;
}

/* *g without the dimension that completed added, so that it fits the input. */
static neap_status reduced(neap_tensor *g, bool added, int dim) {
  neap_tensor sum;
  if (!added) return NEAP_OK;
  neap_reduce_options o = {.dims = 1u << dim};
  NEAP_TRY(neap_tensor_reduce(&sum, NEAP_SUM, g, &o));
  neap_tensor_drop(g);
  *g = sum;
  return NEAP_OK;
}

/* One operand's gradient: a b, of which one is transposed. */
static neap_status give_product(neap_node *n, int input, const neap_tensor *a, bool flip_a,
                                const neap_tensor *b, bool flip_b, bool vector, int from_end) {
  neap_tensor left = {0}, right = {0}, g = {0};
  neap_status st = NEAP_OK;
  if (flip_a) st = transposed(&left, a);
  else neap_tensor_alias(&left, a);
  if (!st && flip_b) st = transposed(&right, b);
  else if (!st) neap_tensor_alias(&right, b);
  if (!st) st = neap_tensor_matmul(&g, &left, &right);
  if (!st) st = reduced(&g, vector, g.ndim - from_end);
  neap_tensor_drop(&left);
  neap_tensor_drop(&right);
  if (st) neap_tensor_drop(&g);
  return st ? st : neap_node_give(n, input, &g);
}

static neap_status matmul_back(neap_node *n) {
  const neap_tensor *x = NULL, *y = NULL;
  bool dx = neap_node_wants(n, 0), dy = neap_node_wants(n, 1);
  if (dy) x = neap__node_kept(n, NEAP__KEEP_X);
  if (dx) y = neap__node_kept(n, NEAP__KEEP_Y);
  bool row = (x ? x : neap_node_input(n, 0))->ndim == 1;
  bool column = (y ? y : neap_node_input(n, 1))->ndim == 1;
  const neap_tensor *g = neap_node_gradient(n, 0);
  neap_tensor wide = {0}, whole = {0}, matrix = {0};
  neap_status st = completed(&wide, g, column, g->ndim);
  if (!st) st = completed(&whole, &wide, row, wide.ndim - 1);
  if (!st && dx) {
    st = completed(&matrix, y, column, 1);
    if (!st) st = give_product(n, 0, &whole, false, &matrix, true, row, 2);
    neap_tensor_drop(&matrix);
  }
  if (!st && dy) {
    st = completed(&matrix, x, row, 0);
    if (!st) st = give_product(n, 1, &matrix, true, &whole, false, column, 1);
    neap_tensor_drop(&matrix);
  }
  neap_tensor_drop(&wide);
  neap_tensor_drop(&whole);
  return st;
}

const neap__rule neap__matmul_rule = {{"matmul", matmul_back, NULL}, NEAP__KEEP_CROSSED};
