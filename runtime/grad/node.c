/* Nodes: making, filling, letting go. */
#include "grad/node.h"

#include "base/alloc.h"

static _Thread_local int paused;

int neap_grad_pause(int change) { return paused += change; }

/* Sizes of the arrays behind a node, all multiples of 8. */
static size_t array_bytes(int inputs, int outputs, int saved, int bytes) {
  return (size_t)inputs * sizeof(neap_trace *) + (size_t)outputs * sizeof(neap_trace) +
         (size_t)saved * sizeof(neap__kept) + ((size_t)bytes + 7) / 8 * 8;
}

neap_node *neap__node_new(const neap_gradient *g, int inputs, int outputs, int saved, int bytes) {
  size_t size = sizeof(neap_node) + array_bytes(inputs, outputs, saved, bytes);
  neap_node *n = neap_alloc(size);
  if (!n) return NULL;
  *n = (neap_node){.gradient = g, .inputs = inputs, .outputs = outputs, .saved = saved};
  n->out = (void *)(n + 1);
  n->kept = (void *)(n->out + outputs);
  n->in = (void *)(n->kept + saved);
  n->state = bytes > 0 ? (void *)(n->in + inputs) : NULL;
  n->inside = bytes > 0;
  for (int k = 0; k < outputs; k++) {
    n->out[k].node = n;
    n->out[k].gradient.storage = NULL;
    n->out[k].gradient.trace = NULL;
  }
  for (int k = 0; k < saved; k++) n->kept[k].t.storage = NULL, n->kept[k].t.trace = NULL;
  for (int i = 0; i < inputs; i++) n->in[i] = NULL;
  return n;
}

void neap__trace_retain(neap_trace *t) { t->node->refs++; }

void neap__node_spend(neap_node *n) {
  for (int k = 0; k < n->saved; k++) neap_tensor_drop(&n->kept[k].t);
  if (n->state && !n->inside) (n->gradient->drop ? n->gradient->drop : neap_free)(n->state);
  n->state = NULL;
  n->spent = true;
}

/* Free nodes that nobody refers to any more, one after the other: a chain of a million operations
 * must not need a million frames. */
static void free_nodes(neap_node *list) {
  while (list) {
    neap_node *n = list;
    list = n->next;
    neap__node_spend(n);
    for (int k = 0; k < n->outputs; k++) neap_tensor_drop(&n->out[k].gradient);
    for (int i = 0; i < n->inputs; i++) {
      neap_node *source = n->in[i] ? n->in[i]->node : NULL;
      if (!source || --source->refs > 0) continue;
      source->next = list;
      list = source;
    }
    neap_free(n);
  }
}

void neap__trace_release(neap_trace *t) {
  neap_node *n = t->node;
  if (--n->refs > 0) return;
  n->next = NULL;
  free_nodes(n);
}

/* A view of t that may outlive it: scalars of the caller's stack are copied. */
static neap_status keep(neap__kept *k, const neap_tensor *t) {
  if (!t || !t->storage) return NEAP_OK;
  if (neap_tensor_is_scalar(t)) NEAP_TRY(neap_tensor_clone(&k->t, t));
  else neap_tensor_alias(&k->t, t);
  k->version = atomic_load_explicit(&k->t.storage->version, memory_order_relaxed);
  return NEAP_OK;
}

/* Shape and dtype without elements. */
static void shape_of(neap_tensor *shape, const neap_tensor *t) {
  shape->storage = NULL;
  shape->trace = NULL;
  shape->offset = 0;
  shape->dtype = t->dtype;
  shape->ndim = t->ndim;
  for (int d = 0; d < t->ndim; d++) shape->size[d] = t->size[d];
}

neap_status neap__node_fill(neap_node *n, const neap_tensor *const *in, neap_tensor *const *out,
                            const neap_tensor *const *save) {
  neap_status st = NEAP_OK;
  for (int k = 0; !st && k < n->saved; k++) st = keep(&n->kept[k], save[k]);
  if (st) {
    n->next = NULL;
    free_nodes(n);
    return st;
  }
  for (int i = 0; i < n->inputs; i++) {
    n->in[i] = in[i] ? in[i]->trace : NULL;
    if (n->in[i]) neap__trace_retain(n->in[i]);
  }
  for (int k = 0; k < n->outputs; k++) {
    shape_of(&n->out[k].gradient, out[k]);
    out[k]->trace = &n->out[k];
  }
  n->refs = n->outputs;
  return NEAP_OK;
}

bool neap_grad_active(int inputs, const neap_tensor *const *in) {
  if (paused > 0) return false;
  for (int i = 0; i < inputs; i++)
    if (in[i] && in[i]->trace) return true;
  return false;
}

neap_status neap_grad_record(const neap_gradient *g, int inputs, const neap_tensor *const *in,
                             int outputs, neap_tensor *const *out, int saved,
                             const neap_tensor *const *save, void *state) {
  neap_node *n = NULL;
  bool active = outputs > 0 && neap_grad_active(inputs, in);
  if (active) n = neap__node_new(g, inputs, outputs, saved, 0);
  if (!n) {
    if (state) (g->drop ? g->drop : neap_free)(state);
    return active ? NEAP_ENOMEM : NEAP_OK;
  }
  n->state = state;
  return neap__node_fill(n, in, out, save);
}

/* leaves --------------------------------------------------------------------------------------- */

bool neap_grad_is_leaf(const neap_tensor *t) { return t->trace && !t->trace->node->gradient; }

neap_status neap_grad_require(neap_tensor *t, bool on) {
  if (t->trace && !neap_grad_is_leaf(t))
    return on ? NEAP_OK
              : neap_fail(NEAP_EARG,
                          "requires_grad_: the tensor is the result of '%s'; x:detach() "
                          "gives one without a gradient",
                          t->trace->node->gradient->name);
  if (on == (t->trace != NULL)) return NEAP_OK;
  if (!on) {
    neap__trace_release(t->trace);
    t->trace = NULL;
    return NEAP_OK;
  }
  if (!neap_dtype_is_float(t->dtype))
    return neap_fail(NEAP_EDTYPE,
                     "requires_grad_: the tensor is %s, only f32 and f64 have gradients",
                     neap_dtype_name(t->dtype));
  neap__grad_install();
  neap_node *n = neap__node_new(NULL, 0, 1, 0, 0);
  return n ? neap__node_fill(n, NULL, &t, NULL) : NEAP_ENOMEM;
}

const neap_tensor *neap_grad_of(const neap_tensor *t) {
  return neap_grad_is_leaf(t) && t->trace->gradient.storage ? &t->trace->gradient : NULL;
}

void neap_grad_clear(const neap_tensor *t) {
  if (t->trace) neap_tensor_drop(&t->trace->gradient);
}
