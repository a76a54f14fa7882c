/* node.h — private to grad: what a recorded operation is. */
#ifndef NEAP_GRAD_NODE_H
#define NEAP_GRAD_NODE_H

#include "grad/grad.h"

/* One output of a node: what a traced tensor points to. */
struct neap_trace {
  neap_node *node;
  neap_tensor gradient; /* shape and dtype of the output; storage NULL until something flows */
};

typedef struct {
  neap_tensor t;
  uint64_t version; /* of its storage when it was kept */
} neap__kept;

/* One block holds a node and its arrays. Everything that can differ is counted. */
struct neap_node {
  const neap_gradient *gradient; /* NULL: a leaf */
  int64_t refs;                  /* traced tensors and nodes that came from this one */
  int inputs, outputs, saved;
  bool spent;      /* what it kept is gone */
  bool inside;     /* state lies in this block */
  int waiting;     /* in a backward pass: nodes that may still add to the outputs' gradients */
  uint64_t pass;   /* the last backward pass that came by */
  neap_node *next; /* in a list of work */
  neap_trace **in; /* [inputs]; NULL where no gradient is wanted */
  neap_trace *out; /* [outputs] */
  neap__kept *kept;
  void *state;
};

/* A node with room for so much, everything empty; state is bytes inside the block, unset. NULL when
 * out of memory. */
neap_node *neap__node_new(const neap_gradient *g, int inputs, int outputs, int saved, int bytes);

/* Note inputs, outputs and what is kept in a fresh node, and hang it under the outputs. Drops the
 * node on failure. */
neap_status neap__node_fill(neap_node *n, const neap_tensor *const *in, neap_tensor *const *out,
                            const neap_tensor *const *save);

void neap__trace_retain(neap_trace *t);
void neap__trace_release(neap_trace *t);

/* Make grad the recorder of tensors: done with the first leaf, as nothing is traced before. */
void neap__grad_install(void);

/* Let go of what a node kept. */
void neap__node_spend(neap_node *n);

#endif
