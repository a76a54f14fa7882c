/* Gradients of views, joins and conversions. */
#include <string.h>

#include "grad/rules.h"

static neap_status reshape_back(neap_node *n) {
  const neap_tensor *x = neap_node_input(n, 0);
  neap_tensor g;
  NEAP_TRY(neap_tensor_reshape(&g, neap_node_gradient(n, 0), x->ndim, x->size));
  return neap_node_give(n, 0, &g);
}

/* Also of expand and conversions: give sums and converts. */
static neap_status same_back(neap_node *n) {
  neap_tensor g;
  neap_node_move(n, 0, &g);
  return neap_node_give(n, 0, &g);
}

static neap_status permute_back(neap_node *n) {
  const int *order = neap__node_taped(n)->detail.order;
  int back[NEAP_MAX_DIMS];
  neap_tensor g;
  for (int d = 0; d < neap_node_input(n, 0)->ndim; d++) back[order[d]] = d;
  NEAP_TRY(neap_tensor_permute(&g, neap_node_gradient(n, 0), back));
  return neap_node_give(n, 0, &g);
}

static neap_status slice_back(neap_node *n) { return neap__give_slice(n, neap__node_taped(n)); }

/* Each input gets its stretch of the gradient, a view. */
static neap_status cat_back(neap_node *n) {
  int dim = neap__node_taped(n)->detail.dim;
  int64_t at = 0;
  for (int i = 0; i < neap__node_taped(n)->inputs; i++) {
    int64_t size = neap__node_extent(n, i);
    neap_tensor g;
    if (neap_node_wants(n, i)) {
      NEAP_TRY(neap_tensor_slice(&g, neap_node_gradient(n, 0), dim, at, size, 1));
      NEAP_TRY(neap_node_give(n, i, &g));
    }
    at += size;
  }
  return NEAP_OK;
}

static neap_status stack_back(neap_node *n) {
  const neap_taped *how = neap__node_taped(n);
  for (int i = 0; i < how->inputs; i++) {
    neap_tensor g;
    if (!neap_node_wants(n, i)) continue;
    NEAP_TRY(neap_tensor_select(&g, neap_node_gradient(n, 0), how->detail.dim, i));
    NEAP_TRY(neap_node_give(n, i, &g));
  }
  return NEAP_OK;
}

const neap__rule neap__reshape_rule = {{"reshape", reshape_back, NULL}, 0};
const neap__rule neap__expand_rule = {{"expand", same_back, NULL}, 0};
const neap__rule neap__cast_rule = {{"to", same_back, NULL}, 0};
const neap__rule neap__permute_rule = {{"permute", permute_back, NULL}, 0};
const neap__rule neap__slice_rule = {{"slice", slice_back, NULL}, 0};
const neap__rule neap__select_rule = {{"select", slice_back, NULL}, 0};
const neap__rule neap__cat_rule = {{"cat", cat_back, NULL}, 0};
const neap__rule neap__stack_rule = {{"stack", stack_back, NULL}, 0};
