/* The affine layer: y = x w' + b; with g = dL/dy, dx = g w, dw = g' x, db = the sum of g's rows. */
#include <string.h>

#include "nn/check.h"
#include "nn/nn.h"

/* t as rows of its last dimension. */
static neap_status as_rows(neap_tensor *out, const neap_tensor *t) {
  int64_t width = t->size[t->ndim - 1];
  return neap_tensor_reshape(out, t, 2,
                             (int64_t[]){width > 0 ? neap_tensor_numel(t) / width : 0, width});
}

static neap_status product(neap_tensor *out, const neap_tensor *a, const neap_tensor *b,
                           bool transpose_b) {
  neap_tensor other;
  if (!transpose_b) return neap_tensor_matmul(out, a, b);
  NEAP_TRY(neap_tensor_transpose(&other, b, 0, 1));
  neap_status st = neap_tensor_matmul(out, a, &other);
  neap_tensor_drop(&other);
  return st;
}

static neap_status give_input(neap_node *n, const neap_tensor *g, const neap_tensor *w) {
  neap_tensor rows, dx;
  const neap_tensor *x = neap_node_input(n, 0);
  NEAP_TRY(product(&rows, g, w, false));
  neap_status st = neap_tensor_reshape(&dx, &rows, x->ndim, x->size);
  neap_tensor_drop(&rows);
  return st ? st : neap_node_give(n, 0, &dx);
}

static neap_status give_weight(neap_node *n, const neap_tensor *g, const neap_tensor *x) {
  neap_tensor rows, columns, dw = {0};
  NEAP_TRY(as_rows(&rows, x));
  neap_status st = neap_tensor_transpose(&columns, g, 0, 1);
  if (!st) st = neap_tensor_matmul(&dw, &columns, &rows);
  neap_tensor_drop(&columns);
  neap_tensor_drop(&rows);
  return st ? st : neap_node_give(n, 1, &dw);
}

static neap_status give_bias(neap_node *n, const neap_tensor *g) {
  neap_tensor db;
  neap_reduce_options o = {.dims = 1};
  NEAP_TRY(neap_tensor_reduce(&db, NEAP_SUM, g, &o));
  return neap_node_give(n, 2, &db);
}

static neap_status linear_back(neap_node *n) {
  neap_tensor dense, g;
  NEAP_TRY(neap_node_dense(n, 0, &dense));
  neap_status st = as_rows(&g, &dense);
  neap_tensor_drop(&dense);
  if (st) return st;
  if (neap_node_wants(n, 0)) st = give_input(n, &g, neap_node_saved(n, 1));
  if (!st && neap_node_wants(n, 1)) st = give_weight(n, &g, neap_node_saved(n, 0));
  if (!st && neap_node_wants(n, 2)) st = give_bias(n, &g);
  neap_tensor_drop(&g);
  return st;
}

static neap_status check(const neap_tensor *x, const neap_tensor *w, const neap_tensor *b) {
  char a[128], c[128];
  NEAP_TRY(neap__nn_one_dtype("linear", 3, (const neap_tensor *[]){x, b, w},
                              (const char *[]){"x", "bias", "weight"}));
  if (w->ndim != 2 || (b && (b->ndim != 1 || b->size[0] != w->size[0])))
    return neap_fail(NEAP_ESHAPE, "linear: weight %s must be [outputs x inputs], bias %s [outputs]",
                     neap_shape_text(w, a, sizeof a), b ? neap_shape_text(b, c, sizeof c) : "nil");
  if (x->ndim == 0 || x->size[x->ndim - 1] != w->size[1])
    return neap_fail(NEAP_ESHAPE,
                     "linear: x %s has %lld features in its last dim, the layer takes %lld",
                     neap_shape_text(x, a, sizeof a),
                     (long long)(x->ndim ? x->size[x->ndim - 1] : 0), (long long)w->size[1]);
  return NEAP_OK;
}

static neap_status forward(neap_tensor *out, const neap_tensor *x, const neap_tensor *w,
                           const neap_tensor *b) {
  neap_tensor rows, y = {0};
  int64_t size[NEAP_MAX_DIMS];
  NEAP_TRY(as_rows(&rows, x));
  neap_status st = product(&y, &rows, w, true);
  neap_tensor_drop(&rows);
  if (!st && b) st = neap_tensor_binary_into(&y, NEAP_OP_add, b);
  memcpy(size, x->size, sizeof size);
  size[x->ndim - 1] = w->size[0];
  if (!st) st = neap_tensor_reshape(out, &y, x->ndim, size);
  neap_tensor_drop(&y);
  return st;
}

neap_status neap_nn_linear(neap_tensor *out, const neap_tensor *x, const neap_tensor *w,
                           const neap_tensor *b) {
  static const neap_gradient gradient = {"linear", linear_back, NULL};
  const neap_tensor *in[] = {x, w, b};
  memset(out, 0, sizeof *out);
  NEAP_TRY(check(x, w, b));
  NEAP_TRY(forward(out, x, w, b));
  neap_status st = neap_grad_record(&gradient, 3, in, 1, &out, 2, in, NULL);
  if (st) neap_tensor_drop(out);
  return st;
}
