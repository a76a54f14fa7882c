/* rules.h — private to grad: the gradients of the operations of tensor.
 *
 * A rule names what of an operation has to be kept, and computes from that. Rules for one kind of
 * operation stand together in a rule_<kind>.c, in a table by its op where it has one. */
#ifndef NEAP_GRAD_RULES_H
#define NEAP_GRAD_RULES_H

#include "grad/grad.h"

/* What a rule keeps. CROSSED keeps x when y wants a gradient and y when x does, SKIPPING x when NaN
 * are left out. */
enum {
  NEAP__KEEP_X = 1,
  NEAP__KEEP_Y = 2,
  NEAP__KEEP_OUT = 4,
  NEAP__KEEP_EXTRA = 8,
  NEAP__KEEP_CROSSED = 16,
  NEAP__KEEP_SKIPPING = 32
};

typedef struct {
  neap_gradient gradient; /* its backward is NULL where there is none */
  unsigned keep;
} neap__rule;

/* Add the gradient of a slice (or selection) to its place in that of the input: of a thousand
 * slices of one tensor none costs more than its own elements. */
neap_status neap__give_slice(neap_node *n, const neap_taped *how);

/* The operation that a node of such a rule recorded; in and extra are not set. */
const neap_taped *neap__node_taped(const neap_node *n);

/* Size of input i along the dim of a cat. */
int64_t neap__node_extent(const neap_node *n, int i);

/* What was kept: one of NEAP__KEEP_X, _Y, _OUT, _EXTRA. */
const neap_tensor *neap__node_kept(const neap_node *n, unsigned which);

/* Give an input the z that fn makes, in stretches over the pool, of g, the gradient of the result,
 * and v, which has g's shape and dtype. z may be g. The gradient is used up. */
typedef void (*neap__flat_fn)(const void *ctx, int64_t n, void *z, const void *g, const void *v);
neap_status neap__give_flat(neap_node *n, int input, const neap_tensor *v, neap__flat_fn fn,
                            const void *ctx);

/* By op. */
extern const neap__rule neap__unary_rules[NEAP_MAP_COUNT];
extern const neap__rule neap__binary_rules[NEAP_OP_COUNT];
extern const neap__rule neap__reduce_rules[NEAP_NORM + 1];
extern const neap__rule neap__scan_rules[NEAP_CUMMIN + 1];

/* By kind: those without a table by op. */
extern const neap__rule neap__where_rule, neap__extreme_rule, neap__softmax_rule, neap__matmul_rule;
extern const neap__rule neap__log_softmax_rule, neap__logsumexp_rule;
extern const neap__rule neap__reshape_rule, neap__expand_rule, neap__permute_rule;
extern const neap__rule neap__slice_rule, neap__select_rule, neap__cast_rule;
extern const neap__rule neap__take_rule, neap__gather_rule, neap__take_where_rule;
extern const neap__rule neap__cat_rule, neap__stack_rule;

/* The rule for an operation, and its name; NULL rule: none. */
const neap__rule *neap__rule_of(const neap_taped *how, const char **name);

#endif
