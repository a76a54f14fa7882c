/* Gradients of what runs along one dimension: scans and softmax. */
#include <math.h>

#include "base/interrupt.h"
#include "grad/rule_rows.h"
#include "grad/rule_steps.h"

typedef struct {
  neap__lines z, g, x;
  int op; /* of a scan */
  bool skip;
  const neap_kern *kern;
  const neap_back *back;
} running;

static void begin_states(neap_back_state *s, double value, double top) {
  for (int i = 0; i < NEAP_BACK_ROWS; i++) s[i] = (neap_back_state){value, top, -1};
}

static neap_status scan_group(const running *s, neap_back_rows *r) {
  neap_back_state state[NEAP_BACK_ROWS];
  const neap_back *k = s->back;
  int64_t m = s->g.m;
  bool largest = s->op == NEAP_CUMMAX;
  begin_states(state, s->op == NEAP_CUMPROD, largest ? -INFINITY : INFINITY);
  switch (s->op) {
  case NEAP_CUMSUM: return neap__pieces(r, m, true, k->cumsum, state);
  case NEAP_CUMPROD:
    NEAP_TRY(neap__pieces(r, m, false, k->before, state));
    begin_states(state, 0, 0);
    return neap__pieces(r, m, true, k->cumprod, state);
  default: return neap__pieces(r, m, false, largest ? k->cummax : k->cummin, state);
  }
}

static neap_status scan_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const running *s = ctx;
  for (int64_t i = begin; i < end; i += NEAP_BACK_ROWS) {
    neap_back_rows r = {.rows = end - i < NEAP_BACK_ROWS ? end - i : NEAP_BACK_ROWS,
                        .step = s->g.m,
                        .skip = s->skip,
                        .z = neap__line(&s->z, i),
                        .g = neap__line(&s->g, i),
                        .x = s->x.t.storage ? neap__line(&s->x, i) : NULL};
    NEAP_TRY(scan_group(s, &r));
  }
  return NEAP_OK;
}

/* A row of softmax, x being the result; of its logarithm where log. */
static neap_status soften_row(const running *s, int64_t i, bool log) {
  size_t each = neap_dtype_size(s->g.t.dtype);
  char *z = neap__line(&s->z, i);
  const char *g = neap__line(&s->g, i), *y = neap__line(&s->x, i);
  double sum = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int64_t k = 0; k < s->g.m; k += NEAP__PIECE) {
      int64_t count = s->g.m - k < NEAP__PIECE ? s->g.m - k : NEAP__PIECE;
      size_t at = (size_t)k * each;
      neap_acc part;
      NEAP_TRY(neap_interrupt_check());
      if (pass && log) s->back->log_softmax(count, z + at, g + at, y + at, sum);
      else if (pass) s->back->softmax(count, z + at, g + at, y + at, sum);
      else if (!log) sum += s->back->dot(count, g + at, y + at);
      else {
        s->kern->fold[NEAP_FOLD_sum][s->g.t.dtype](count, g + at, 0, &part);
        sum += part.f;
      }
    }
  return NEAP_OK;
}

static neap_status softmax_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t i = begin; i < end; i++) NEAP_TRY(soften_row(ctx, i, false));
  return NEAP_OK;
}

static neap_status log_softmax_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t i = begin; i < end; i++) NEAP_TRY(soften_row(ctx, i, true));
  return NEAP_OK;
}

/* Give the input fn of the gradient and x (NULL when it needs none) along dim. */
static neap_status give_rows(neap_node *n, neap__lines_fn fn, const neap_tensor *x, int dim,
                             running *s) {
  unsigned dims = 1u << dim;
  bool zeros = fn == scan_rows && (s->op == NEAP_CUMMAX || s->op == NEAP_CUMMIN);
  neap_status st = neap_kern_select(&s->kern);
  if (!st) s->back = &s->kern->back[neap_node_input(n, 0)->dtype];
  if (!st) st = neap__lines_of(&s->g, neap_node_gradient(n, 0), dims);
  if (!st && x) st = neap__lines_of(&s->x, x, dims);
  if (!st) st = (zeros ? neap__lines_like : neap__lines_raw)(&s->z, neap_node_input(n, 0), dims);
  if (!st) st = neap__lines_each(&s->g, fn, s);
  neap_tensor_drop(&s->g.t);
  neap_tensor_drop(&s->x.t);
  if (st) neap_tensor_drop(&s->z.t);
  return st ? st : neap__give_lines(n, &s->z);
}

static neap_status scan_back(neap_node *n) {
  const neap_taped *how = neap__node_taped(n);
  running s = {.op = how->op, .skip = how->detail.scan.skip_nan};
  bool plain = how->op == NEAP_CUMSUM && !s.skip;
  const neap_tensor *x = plain ? NULL : neap__node_kept(n, NEAP__KEEP_X);
  return give_rows(n, scan_rows, x, how->detail.scan.dim, &s);
}

static neap_status softmax_back(neap_node *n) {
  running s = {.skip = false};
  return give_rows(n, softmax_rows, neap__node_kept(n, NEAP__KEEP_OUT),
                   neap__node_taped(n)->detail.dim, &s);
}

static neap_status log_softmax_back(neap_node *n) {
  running s = {.skip = false};
  return give_rows(n, log_softmax_rows, neap__node_kept(n, NEAP__KEEP_OUT),
                   neap__node_taped(n)->detail.dim, &s);
}

const neap__rule neap__scan_rules[NEAP_CUMMIN + 1] = {
    [NEAP_CUMSUM] = {{"cumsum", scan_back, NULL}, NEAP__KEEP_SKIPPING},
    [NEAP_CUMPROD] = {{"cumprod", scan_back, NULL}, NEAP__KEEP_X},
    [NEAP_CUMMAX] = {{"cummax", scan_back, NULL}, NEAP__KEEP_X},
    [NEAP_CUMMIN] = {{"cummin", scan_back, NULL}, NEAP__KEEP_X},
};
const neap__rule neap__softmax_rule = {{"softmax", softmax_back, NULL}, NEAP__KEEP_OUT};
const neap__rule neap__log_softmax_rule = {{"log_softmax", log_softmax_back, NULL}, NEAP__KEEP_OUT};
