/* Gradients of reductions, scans and softmax. */
#include <string.h>

#include "grad/rules.h"

/* The gradient of a reduction, with its reduced dimensions as size 1, stretched to the input. */
static neap_status stretched(neap_tensor *out, const neap_node *n) {
  const neap_tensor *x = neap_node_input(n, 0), *g = neap_node_gradient(n, 0);
  unsigned dims = neap__node_taped(n)->detail.reduce.dims;
  int64_t size[NEAP_MAX_DIMS];
  neap_tensor kept;
  for (int d = 0; d < x->ndim; d++) size[d] = dims == 0 || dims >> d & 1 ? 1 : x->size[d];
  NEAP_TRY(neap_tensor_reshape(&kept, g, x->ndim, size));
  neap_status st = neap_tensor_expand(out, &kept, x->ndim, x->size);
  neap_tensor_drop(&kept);
  return st;
}

static neap_status sum_back(neap_node *n) {
  neap_tensor g;
  NEAP_TRY(stretched(&g, n));
  return neap_node_give(n, 0, &g);
}

static neap_status mean_back(neap_node *n) {
  neap_tensor wide, g;
  neap_scalar count;
  const neap_tensor *x = neap_node_input(n, 0), *out = neap_node_gradient(n, 0);
  int64_t results = neap_tensor_numel(out);
  NEAP_TRY(stretched(&wide, n));
  neap_scalar_f64(&count, x->dtype, results > 0 ? (double)(neap_tensor_numel(x) / results) : 0);
  neap_status st = neap_tensor_binary(&g, NEAP_OP_div, &wide, &count.t);
  neap_tensor_drop(&wide);
  return st ? st : neap_node_give(n, 0, &g);
}

const neap__rule neap__reduce_rules[NEAP_COUNT + 1] = {
    [NEAP_SUM] = {{"sum", sum_back, NULL}, 0},
    [NEAP_MEAN] = {{"mean", mean_back, NULL}, 0},
};
const neap__rule neap__scan_rules[NEAP_CUMMIN + 1] = {{{NULL, NULL, NULL}, 0}};
const neap__rule neap__extreme_rule = {{"max", NULL, NULL}, 0};
const neap__rule neap__softmax_rule = {{"softmax", NULL, NULL}, 0};
