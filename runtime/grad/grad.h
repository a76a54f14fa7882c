/* grad.h — reverse-mode differentiation of what is done with tensors.
 *
 * A tensor whose gradient is wanted is a leaf: neap_grad_require. Every operation on a traced
 * tensor is recorded as a node, which holds what its gradient needs and the nodes it came from, so
 * the tape is what the result keeps alive and goes with it. neap_grad_backward walks the nodes in
 * reverse, each once, and leaves the sum of all contributions at the leaves; saved tensors are let
 * go as soon as they have been used.
 *
 * A gradient has the dtype and shape of its tensor. Nothing of a backward pass is itself recorded:
 * there are no second derivatives. Graphs belong to one thread at a time. The order of all sums is
 * that of the recording, so gradients have the same bits at any thread count. */
#ifndef NEAP_GRAD_GRAD_H
#define NEAP_GRAD_GRAD_H

#include "tensor/tensor.h"

typedef struct neap_node neap_node; /* a recorded operation, seen from its gradient function */

/* How the gradient of a kind of operation is found. */
typedef struct {
  const char *name; /* "conv1d", for messages */
  /* Give each input that wants one its gradient. Runs on the calling thread. */
  neap_status (*backward)(neap_node *n);
  void (*drop)(void *state); /* of what was recorded; NULL: neap_free */
} neap_gradient;

/* recording ------------------------------------------------------------------------------------ */

/* Is recording on, and one of the inputs traced? Entries may be NULL. Ask before keeping anything
 * for a gradient. */
bool neap_grad_active(int inputs, const neap_tensor *const *in);

/* out[0..outputs), without traces, were computed from in[0..inputs) as g says. The tensors in save
 * are kept as views until the gradient has been found; changing one in place before makes the
 * backward pass fail. Takes state in any case. When not neap_grad_active this does nothing else.
 * On failure the outputs are left as they are. Entries of in may be NULL. */
neap_status neap_grad_record(const neap_gradient *g, int inputs, const neap_tensor *const *in,
                             int outputs, neap_tensor *const *out, int saved,
                             const neap_tensor *const *save, void *state);

/* Stop recording on this thread until the matching call with -1: counts. Returns the count. */
int neap_grad_pause(int change);

/* inside a gradient function ------------------------------------------------------------------- */

bool neap_node_wants(const neap_node *n, int input);
const neap_tensor *neap_node_saved(const neap_node *n, int k);
void *neap_node_state(const neap_node *n);

/* Shape and dtype of an input that wants a gradient; there are no elements. */
const neap_tensor *neap_node_input(const neap_node *n, int input);

/* What has flowed back to an output, of any strides; NULL: nothing, that is zeros. */
const neap_tensor *neap_node_gradient(const neap_node *n, int output);

/* The same as a contiguous tensor, to be dropped; zeros where nothing flowed. */
neap_status neap_node_dense(const neap_node *n, int output, neap_tensor *out);

/* The same, taken away from the node. *own says that nobody else sees it: it may be overwritten,
 * and given to an input. */
neap_status neap_node_take(neap_node *n, int output, neap_tensor *out, bool *own);

/* The same, taken away from the node as it is, of any strides; only where something flowed. */
void neap_node_move(neap_node *n, int output, neap_tensor *out);

/* Add g, taken in any case, to the gradient of an input. Its shape may be one that the input's was
 * broadcast to, and its float dtype another one; then it is summed up and converted. Nothing
 * happens for inputs that want none. */
neap_status neap_node_give(neap_node *n, int input, neap_tensor *g);

/* leaves and results --------------------------------------------------------------------------- */

/* Make t, f64 or f32, a leaf, or with on false an ordinary tensor again. NEAP_EARG for the result
 * of a recorded operation. */
neap_status neap_grad_require(neap_tensor *t, bool on);

/* Is t a leaf? */
bool neap_grad_is_leaf(const neap_tensor *t);

/* The gradient of a leaf, contiguous; NULL while there is none. Valid until it changes. */
const neap_tensor *neap_grad_of(const neap_tensor *t);

/* Forget the gradient of a leaf. */
void neap_grad_clear(const neap_tensor *t);

/* Make a copy of g, of t's shape and dtype, the gradient of the leaf t. NULL as neap_grad_clear. */
neap_status neap_grad_set(const neap_tensor *t, const neap_tensor *g);

/* Add the gradient of t to that of every leaf it came from. seed is the gradient of t itself, NULL
 * meaning 1, for a tensor of one element. With retain nothing that was saved is let go, and the
 * pass can be repeated. On failure (also by Ctrl-C) leaves may have received a part. */
neap_status neap_grad_backward(const neap_tensor *t, const neap_tensor *seed, bool retain);

/* Name every operation of tensors that has a gradient, in any order. */
void neap_grad_each_operation(void (*fn)(const char *name, void *ctx), void *ctx);

#endif
