/* The backward pass. First every node that the result came from is visited and checked, and the
 * nodes that can add to each are counted; then nodes are worked off, each when nothing more can
 * flow to it. Lists are chained through the nodes, so nothing is allocated on the way. A gradient
 * function may run another pass over other nodes (custom operations do): leaves, which both may
 * reach, hold no state of a pass but the mark. */
#include <string.h>

#include "base/interrupt.h"
#include "grad/node.h"
#include "grad/rules.h"

/* what a gradient function asks ---------------------------------------------------------------- */

bool neap_node_wants(const neap_node *n, int input) { return n->in[input] != NULL; }

const neap_tensor *neap_node_saved(const neap_node *n, int k) { return &n->kept[k].t; }

void *neap_node_state(const neap_node *n) { return n->state; }

const neap_tensor *neap_node_input(const neap_node *n, int input) {
  return &n->in[input]->gradient;
}

const neap_tensor *neap_node_gradient(const neap_node *n, int output) {
  const neap_tensor *g = &n->out[output].gradient;
  return g->storage ? g : NULL;
}

neap_status neap_node_dense(const neap_node *n, int output, neap_tensor *out) {
  const neap_tensor *g = &n->out[output].gradient;
  if (g->storage) return neap_tensor_as(out, g, g->dtype);
  return neap_tensor_init(out, g->dtype, g->ndim, g->size);
}

/* Can t be written to in place: dense, with a storage that nobody else sees? */
static bool is_own(const neap_tensor *t) {
  return atomic_load_explicit(&t->storage->refs, memory_order_acquire) == 1 &&
         neap_tensor_is_contiguous(t) && !t->storage->release;
}

neap_status neap_node_take(neap_node *n, int output, neap_tensor *out, bool *own) {
  neap_tensor *g = &n->out[output].gradient;
  *own = !g->storage || is_own(g);
  if (!*own || !g->storage) return neap_node_dense(n, output, out);
  *out = *g;
  g->storage = NULL;
  return NEAP_OK;
}

void neap_node_move(neap_node *n, int output, neap_tensor *out) {
  *out = n->out[output].gradient;
  n->out[output].gradient.storage = NULL;
}

/* adding up ------------------------------------------------------------------------------------ */

/* *g summed over the dimensions along which shape was broadcast to it, with shape's sizes. */
static neap_status sum_to(neap_tensor *g, const neap_tensor *shape, const char *operation) {
  neap_tensor sum, view;
  int lead = g->ndim - shape->ndim;
  neap_reduce_options o = {.keepdim = true};
  bool fits = lead >= 0;
  for (int d = 0; fits && d < g->ndim; d++) {
    int64_t size = d < lead ? 1 : shape->size[d - lead];
    if (size != g->size[d]) o.dims |= 1u << d;
    fits = size == g->size[d] || size == 1;
  }
  if (!fits) {
    char a[128], b[128];
    return neap_fail(NEAP_ESHAPE, "%s: a gradient of shape %s for an input of shape %s", operation,
                     neap_shape_text(g, a, sizeof a), neap_shape_text(shape, b, sizeof b));
  }
  if (o.dims == 0) neap_tensor_alias(&sum, g);
  else NEAP_TRY(neap_tensor_reduce(&sum, NEAP_SUM, g, &o));
  neap_status st = neap_tensor_reshape(&view, &sum, shape->ndim, shape->size);
  neap_tensor_drop(&sum);
  if (st) return st;
  neap_tensor_drop(g);
  *g = view;
  return NEAP_OK;
}

static neap_status convert(neap_tensor *g, neap_dtype dtype) {
  neap_tensor as;
  NEAP_TRY(neap_tensor_as(&as, g, dtype));
  neap_tensor_drop(g);
  *g = as;
  return NEAP_OK;
}

/* The first part of a gradient: taken as it is, but for leaves, whose gradient users see. */
static neap_status start(neap_trace *to, neap_tensor *g) {
  neap_tensor own;
  if (!to->node->gradient && !is_own(g)) {
    NEAP_TRY(neap_tensor_clone(&own, g));
    neap_tensor_drop(g);
    *g = own;
  }
  to->gradient = *g;
  memset(g, 0, sizeof *g);
  return NEAP_OK;
}

static neap_status add(neap_trace *to, neap_tensor *g) {
  neap_tensor sum;
  if (!to->gradient.storage) return start(to, g);
  if (is_own(&to->gradient)) return neap_tensor_binary_into(&to->gradient, NEAP_OP_add, g);
  NEAP_TRY(neap_tensor_binary(&sum, NEAP_OP_add, &to->gradient, g));
  neap_tensor_drop(&to->gradient);
  to->gradient = sum;
  return NEAP_OK;
}

static neap_status add_fitting(neap_trace *to, neap_tensor *g, const char *operation) {
  if (g->dtype != to->gradient.dtype) NEAP_TRY(convert(g, to->gradient.dtype));
  if (!neap_tensor_same_shape(g, &to->gradient)) NEAP_TRY(sum_to(g, &to->gradient, operation));
  return add(to, g);
}

neap_status neap_node_give(neap_node *n, int input, neap_tensor *g) {
  neap_status st = NEAP_OK;
  if (n->in[input]) st = add_fitting(n->in[input], g, n->gradient->name);
  neap_tensor_drop(g);
  return st;
}

/* The gradient of t, made to be written to: zeros when there is none yet. */
static neap_status open_gradient(neap_tensor *t) {
  neap_tensor own;
  if (t->storage && is_own(t)) return NEAP_OK;
  if (t->storage) NEAP_TRY(neap_tensor_clone(&own, t));
  else NEAP_TRY(neap_tensor_init(&own, t->dtype, t->ndim, t->size));
  neap_tensor_drop(t);
  *t = own;
  return NEAP_OK;
}

neap_status neap__give_slice(neap_node *n, const neap_taped *how) {
  neap_tensor *whole = &n->in[0]->gradient, part;
  NEAP_TRY(open_gradient(whole));
  neap_status st =
      how->kind == NEAP_TAPE_SELECT
          ? neap_tensor_select(&part, whole, how->detail.slice.dim, how->detail.slice.start)
          : neap_tensor_slice(&part, whole, how->detail.slice.dim, how->detail.slice.start,
                              how->detail.slice.count, how->detail.slice.step);
  if (!st) st = neap_tensor_binary_into(&part, NEAP_OP_add, neap_node_gradient(n, 0));
  neap_tensor_drop(&part);
  return st;
}

neap_status neap_grad_set(const neap_tensor *t, const neap_tensor *g) {
  neap_tensor copy;
  if (!g) neap_grad_clear(t);
  if (!g) return NEAP_OK;
  char a[128], b[128];
  if (!neap_tensor_same_shape(t, g) || t->dtype != g->dtype)
    return neap_fail(NEAP_ESHAPE, "grad: the tensor is %s %s, the gradient %s %s",
                     neap_dtype_name(t->dtype), neap_shape_text(t, a, sizeof a),
                     neap_dtype_name(g->dtype), neap_shape_text(g, b, sizeof b));
  NEAP_TRY(neap_tensor_clone(&copy, g));
  neap_grad_clear(t);
  t->trace->gradient = copy;
  return NEAP_OK;
}

/* the pass ------------------------------------------------------------------------------------- */

static _Thread_local uint64_t passes;

/* Passes that gradient functions of this thread are inside of, innermost first. */
typedef struct active {
  uint64_t pass;
  const struct active *outer;
} active;

static _Thread_local const active *unfinished;

/* What a node kept must be there, and unchanged; nor may it belong to a pass that is not through.
 */
static neap_status check(const neap_node *n) {
  for (const active *a = unfinished; a; a = a->outer)
    if (a->pass == n->pass)
      return neap_fail(NEAP_EARG,
                       "backward: it runs inside the gradient of another backward, and reaches "
                       "'%s' of that one; use x:detach() there, or pass x as an argument",
                       n->gradient->name);
  if (n->spent)
    return neap_fail(NEAP_EARG,
                     "backward: what '%s' had kept for its gradient was used by an earlier "
                     "backward; give that one { retain = true }",
                     n->gradient->name);
  for (int k = 0; k < n->saved; k++) {
    const neap_tensor *t = &n->kept[k].t;
    char shape[128];
    if (t->storage && atomic_load(&t->storage->version) != n->kept[k].version)
      return neap_fail(NEAP_EVALUE,
                       "backward: a tensor %s that '%s' needs for its gradient was changed in "
                       "place since",
                       neap_shape_text(t, shape, sizeof shape), n->gradient->name);
  }
  return NEAP_OK;
}

/* Mark and count everything below root. */
static neap_status survey(neap_node *root, uint64_t pass) {
  neap_node *work = root;
  NEAP_TRY(check(root));
  root->pass = pass;
  root->waiting = 0;
  root->next = NULL;
  while (work) {
    neap_node *n = work;
    work = n->next;
    for (int i = 0; i < n->inputs; i++) {
      neap_node *source = n->in[i] ? n->in[i]->node : NULL;
      if (!source || !source->gradient) continue;
      if (source->pass != pass) {
        NEAP_TRY(check(source));
        source->pass = pass;
        source->waiting = 0;
        source->next = work;
        work = source;
      }
      source->waiting++;
    }
  }
  return NEAP_OK;
}

static void forget_gradients(neap_node *n) {
  for (int k = 0; k < n->outputs; k++) neap_tensor_drop(&n->out[k].gradient);
}

static bool reached(const neap_node *n) {
  for (int k = 0; k < n->outputs; k++)
    if (n->out[k].gradient.storage) return true;
  return false;
}

/* Run a node's gradient function, unless nothing flowed to it or an earlier one failed. */
static neap_status run(neap_node *n, bool retain, neap_status st) {
  if (!st && reached(n)) st = n->gradient->backward(n);
  if (!st) st = neap_interrupt_check();
  forget_gradients(n);
  if (!retain && !st) neap__node_spend(n);
  return st;
}

/* Every node below root is worked off, also after a failure: no half of a gradient may stay. */
static neap_status work_off(neap_node *root, bool retain, neap_status st) {
  neap_node *ready = root;
  while (ready) {
    neap_node *n = ready;
    ready = n->next;
    st = run(n, retain, st);
    for (int i = 0; i < n->inputs; i++) {
      neap_node *source = n->in[i] ? n->in[i]->node : NULL;
      if (!source || !source->gradient || --source->waiting > 0) continue;
      source->next = ready;
      ready = source;
    }
  }
  return st;
}

static neap_status make_seed(neap_tensor *g, const neap_tensor *t, const neap_tensor *seed) {
  char a[128], b[128];
  neap_scalar one;
  if (!seed && neap_tensor_numel(t) != 1)
    return neap_fail(NEAP_ESHAPE,
                     "backward: the tensor is %s; only one element can be differentiated without "
                     "{ gradient = ... }, so reduce it first, as in :sum() or :mean()",
                     neap_shape_text(t, a, sizeof a));
  if (seed && !neap_tensor_same_shape(seed, t))
    return neap_fail(NEAP_ESHAPE, "backward: the tensor is %s, its gradient %s",
                     neap_shape_text(t, a, sizeof a), neap_shape_text(seed, b, sizeof b));
  if (seed) {
    NEAP_TRY(neap_tensor_clone(g, seed));
    return g->dtype == t->dtype ? NEAP_OK : convert(g, t->dtype);
  }
  NEAP_TRY(neap_tensor_init_raw(g, t->dtype, t->ndim, t->size));
  neap_scalar_f64(&one, t->dtype, 1);
  return neap_tensor_copy(g, &one.t);
}

neap_status neap_grad_backward(const neap_tensor *t, const neap_tensor *seed, bool retain) {
  neap_tensor g = {0};
  if (!t->trace)
    return neap_fail(NEAP_EARG,
                     "backward: nothing to differentiate; no input of the computation requires a "
                     "gradient, or it ran inside grad.no_grad");
  neap_trace *root = t->trace;
  neap_status st = make_seed(&g, t, seed);
  if (st) neap_tensor_drop(&g);
  if (st) return st;
  neap_grad_pause(1); /* gradient functions compute with tensors, and record nothing */
  neap__trace_retain(root);
  active here = {++passes, unfinished};
  st = root->node->gradient ? survey(root->node, here.pass) : NEAP_OK;
  bool surveyed = !st;
  unfinished = &here;
  if (!st) st = add_fitting(root, &g, "backward");
  neap_tensor_drop(&g);
  if (surveyed && root->node->gradient) {
    root->node->next = NULL;
    st = work_off(root->node, retain, st);
  }
  unfinished = here.outer;
  neap__trace_release(root);
  neap_grad_pause(-1);
  return st;
}
