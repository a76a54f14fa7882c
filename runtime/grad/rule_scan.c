/* Gradients of what runs along one dimension: scans and softmax. */
#include "grad/rule_loops.h"
#include "grad/rule_rows.h"
#include "grad/rule_steps.h"

typedef void (*row_fn)(int64_t m, bool skip, void *z, const void *g, const void *x);

typedef struct {
  neap__lines z, g, x;
  bool skip;
  row_fn fn;
} running;

/* What is not written, but added to. */
static bool is_extreme(const neap_taped *how) {
  return how->kind == NEAP_TAPE_SCAN && (how->op == NEAP_CUMMAX || how->op == NEAP_CUMMIN);
}

static neap_status run_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const running *s = ctx;
  for (int64_t i = begin; i < end; i++)
    s->fn(s->g.m, s->skip, neap__line(&s->z, i), neap__line(&s->g, i),
          s->x.t.storage ? neap__line(&s->x, i) : NULL);
  return NEAP_OK;
}

/* Give the input fn of the gradient and x (NULL when it needs none) along dim. */
static neap_status give_rows(neap_node *n, row_fn fn, const neap_tensor *x, int dim, bool skip) {
  unsigned dims = 1u << dim;
  running s = {.fn = fn, .skip = skip};
  neap_status st = neap__lines_of(&s.g, neap_node_gradient(n, 0), dims);
  if (!st && x) st = neap__lines_of(&s.x, x, dims);
  bool zeros = is_extreme(neap__node_taped(n));
  if (!st) st = (zeros ? neap__lines_like : neap__lines_raw)(&s.z, neap_node_input(n, 0), dims);
  if (!st) st = neap__lines_each(&s.g, run_rows, &s);
  neap_tensor_drop(&s.g.t);
  neap_tensor_drop(&s.x.t);
  if (st) neap_tensor_drop(&s.z.t);
  return st ? st : neap__give_lines(n, &s.z);
}

static neap_status scan_back(neap_node *n) {
  const neap_taped *how = neap__node_taped(n);
  bool skip = how->detail.scan.skip_nan, plain = how->op == NEAP_CUMSUM && !skip;
  row_fn fn = neap__rule_loops[neap_node_input(n, 0)->dtype].scan[how->op];
  const neap_tensor *x = plain ? NULL : neap__node_kept(n, NEAP__KEEP_X);
  return give_rows(n, fn, x, how->detail.scan.dim, skip);
}

static neap_status softmax_back(neap_node *n) {
  const neap_tensor *y = neap__node_kept(n, NEAP__KEEP_OUT);
  return give_rows(n, neap__rule_loops[y->dtype].softmax, y, neap__node_taped(n)->detail.dim,
                   false);
}

static neap_status log_softmax_back(neap_node *n) {
  const neap_tensor *y = neap__node_kept(n, NEAP__KEEP_OUT);
  neap_tensor e;
  NEAP_TRY(neap_tensor_unary(&e, NEAP_MAP_exp, y));
  neap_status st = give_rows(n, neap__rule_loops[y->dtype].log_softmax, &e,
                             neap__node_taped(n)->detail.dim, false);
  neap_tensor_drop(&e);
  return st;
}

const neap__rule neap__scan_rules[NEAP_CUMMIN + 1] = {
    [NEAP_CUMSUM] = {{"cumsum", scan_back, NULL}, NEAP__KEEP_SKIPPING},
    [NEAP_CUMPROD] = {{"cumprod", scan_back, NULL}, NEAP__KEEP_X},
    [NEAP_CUMMAX] = {{"cummax", scan_back, NULL}, NEAP__KEEP_X},
    [NEAP_CUMMIN] = {{"cummin", scan_back, NULL}, NEAP__KEEP_X},
};
const neap__rule neap__softmax_rule = {{"softmax", softmax_back, NULL}, NEAP__KEEP_OUT};
const neap__rule neap__log_softmax_rule = {{"log_softmax", log_softmax_back, NULL}, NEAP__KEEP_OUT};
