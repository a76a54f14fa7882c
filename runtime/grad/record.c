/* Recording the operations of tensor by the tables of rules. */
#include <stdlib.h>
#include <string.h>

#include "grad/node.h"
#include "grad/rules.h"

/* What lies in the block of a node. */
typedef struct {
  neap_taped taped;
  unsigned kept;
  int64_t extent[]; /* of each input along the dim of a cat */
} record;

const neap_taped *neap__node_taped(const neap_node *n) {
  const record *r = neap_node_state(n);
  return &r->taped;
}

int64_t neap__node_extent(const neap_node *n, int i) {
  const record *r = neap_node_state(n);
  return r->extent[i];
}

const neap_tensor *neap__node_kept(const neap_node *n, unsigned which) {
  const record *r = neap_node_state(n);
  return neap_node_saved(n, __builtin_popcount(r->kept & (which - 1)));
}

static const neap__rule *by_kind(neap_tape_kind kind) {
  static const neap__rule *const rules[NEAP_TAPE_COUNT] = {
      [NEAP_TAPE_WHERE] = &neap__where_rule,
      [NEAP_TAPE_EXTREME] = &neap__extreme_rule,
      [NEAP_TAPE_SOFTMAX] = &neap__softmax_rule,
      [NEAP_TAPE_MATMUL] = &neap__matmul_rule,
      [NEAP_TAPE_RESHAPE] = &neap__reshape_rule,
      [NEAP_TAPE_EXPAND] = &neap__expand_rule,
      [NEAP_TAPE_PERMUTE] = &neap__permute_rule,
      [NEAP_TAPE_SLICE] = &neap__slice_rule,
      [NEAP_TAPE_SELECT] = &neap__select_rule,
      [NEAP_TAPE_TAKE] = &neap__take_rule,
      [NEAP_TAPE_GATHER] = &neap__gather_rule,
      [NEAP_TAPE_TAKE_WHERE] = &neap__take_where_rule,
      [NEAP_TAPE_CAT] = &neap__cat_rule,
      [NEAP_TAPE_STACK] = &neap__stack_rule,
      [NEAP_TAPE_CAST] = &neap__cast_rule,
      [NEAP_TAPE_LOG_SOFTMAX] = &neap__log_softmax_rule,
      [NEAP_TAPE_LOGSUMEXP] = &neap__logsumexp_rule,
  };
  return rules[kind];
}

const neap__rule *neap__rule_of(const neap_taped *how, const char **name) {
  const neap__rule *rule;
  switch (how->kind) {
  case NEAP_TAPE_UNARY: rule = &neap__unary_rules[how->op]; break;
  case NEAP_TAPE_BINARY: rule = &neap__binary_rules[how->op]; break;
  case NEAP_TAPE_REDUCE: rule = &neap__reduce_rules[how->op]; break;
  case NEAP_TAPE_SCAN: rule = &neap__scan_rules[how->op]; break;
  default: rule = by_kind(how->kind);
  }
  *name = rule->gradient.name;
  if (how->kind == NEAP_TAPE_UNARY) *name = neap_unary_names[how->op];
  if (how->kind == NEAP_TAPE_BINARY) *name = neap_binary_names[how->op];
  return rule->gradient.backward ? rule : NULL;
}

static void each_of(neap_tape_kind kind, int ops, void (*fn)(const char *, void *), void *ctx) {
  const char *name;
  for (int op = 0; op < ops; op++)
    if (neap__rule_of(&(neap_taped){.kind = kind, .op = op}, &name)) fn(name, ctx);
}

void neap_grad_each_operation(void (*fn)(const char *name, void *ctx), void *ctx) {
  for (int kind = 0; kind < NEAP_TAPE_COUNT; kind++) {
    int ops = kind == NEAP_TAPE_UNARY    ? NEAP_MAP_COUNT
              : kind == NEAP_TAPE_BINARY ? NEAP_OP_COUNT
              : kind == NEAP_TAPE_REDUCE ? NEAP_NORM + 1
              : kind == NEAP_TAPE_SCAN   ? NEAP_CUMMIN + 1
                                         : 1;
    each_of((neap_tape_kind)kind, ops, fn, ctx);
  }
}

/* Were NaN left out? */
static bool skips(const neap_taped *how) {
  return how->kind == NEAP_TAPE_REDUCE ? how->detail.reduce.skip_nan : how->detail.scan.skip_nan;
}

/* What is to be kept, given which inputs want a gradient, in the order of the bits. */
static unsigned choose(const neap__rule *rule, const neap_taped *how, const neap_tensor *out,
                       const neap_tensor **save, int *saved) {
  unsigned keep = rule->keep;
  if (keep & NEAP__KEEP_CROSSED)
    keep = (how->in[1]->trace ? NEAP__KEEP_X : 0u) | (how->in[0]->trace ? NEAP__KEEP_Y : 0u);
  if (keep & NEAP__KEEP_SKIPPING) keep = skips(how) ? NEAP__KEEP_X : 0;
  *saved = 0;
  if (keep & NEAP__KEEP_X) save[(*saved)++] = how->in[0];
  if (keep & NEAP__KEEP_Y) save[(*saved)++] = how->in[1];
  if (keep & NEAP__KEEP_OUT) save[(*saved)++] = out;
  if (keep & NEAP__KEEP_EXTRA) save[(*saved)++] = how->extra;
  return keep;
}

static neap_status record_taped(neap_tensor *out, const neap_taped *how) {
  const char *name;
  const neap__rule *rule = neap__rule_of(how, &name);
  const neap_tensor *save[4];
  int saved;
  if (!rule)
    return neap_fail(NEAP_EARG,
                     "%s: has no gradient; pass x:detach(), or call it inside grad.no_grad", name);
  if (!neap_dtype_is_float(out->dtype)) return NEAP_OK;
  unsigned kept = choose(rule, how, out, save, &saved);
  int extents = how->kind == NEAP_TAPE_CAT ? how->inputs : 0;
  neap_node *n = neap__node_new(&rule->gradient, how->inputs, 1, saved,
                                (int)sizeof(record) + extents * (int)sizeof(int64_t));
  if (!n) return NEAP_ENOMEM;
  record *r = n->state;
  for (int i = 0; i < extents; i++) r->extent[i] = how->in[i]->size[how->detail.dim];
  r->taped = *how;
  r->taped.in = NULL;
  r->taped.extra = NULL;
  r->kept = kept;
  return neap__node_fill(n, how->in, &out, save);
}

static bool recording(void) { return neap_grad_pause(0) == 0; }

static const neap_tensor *gradient(const neap_trace *t) {
  return !t->node->gradient && t->gradient.storage ? &t->gradient : NULL;
}

static neap_status set_gradient(neap_trace *trace, const neap_tensor *g) {
  neap_tensor t = trace->gradient; /* the shape */
  if (trace->node->gradient)
    return neap_fail(NEAP_EARG, "grad: only leaves have one; the tensor is the result of '%s'",
                     trace->node->gradient->name);
  t.trace = trace;
  return neap_grad_set(&t, g);
}

void neap__grad_install(void) {
  static const neap_recorder recorder = {.record = record_taped,
                                         .recording = recording,
                                         .retain = neap__trace_retain,
                                         .release = neap__trace_release,
                                         .gradient = gradient,
                                         .set_gradient = set_gradient};
  if (!neap_recorder_installed()) neap_recorder_install(&recorder);
}
