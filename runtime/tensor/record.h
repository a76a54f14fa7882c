/* record.h — what the bindings of tensors tell grad of an operation while a tensor takes part in a
 * gradient.
 *
 * Tensor knows nothing of gradients: it carries a pointer to where a tensor came from and hands
 * every finished operation to a recorder. Until grad installs one no tensor has a trace, and
 * nothing is paid but a look at that pointer. Functions of tensor.h neither record nor pass a trace
 * on; their callers in Lua do, once for each operation that a user called. */
#ifndef NEAP_TENSOR_RECORD_H
#define NEAP_TENSOR_RECORD_H

#include <stdbool.h>

#include "tensor/tensor.h"

/* Operations with a rule for their gradient; what op and detail of neap_taped mean for each. */
typedef enum {
  NEAP_TAPE_UNARY,   /* op: neap_unary_op */
  NEAP_TAPE_BINARY,  /* op: neap_binary_op; detail.dim 1: y bounds x (clamp), which matters at ties
                      */
  NEAP_TAPE_WHERE,   /* in: a, b; extra: the mask */
  NEAP_TAPE_REDUCE,  /* op: neap_reduction; detail.reduce */
  NEAP_TAPE_EXTREME, /* detail.reduce; extra: positions from 1 over the reduced dims */
  NEAP_TAPE_SCAN,    /* op: neap_scan; detail.scan */
  NEAP_TAPE_SOFTMAX, /* detail.dim */
  NEAP_TAPE_LOG_SOFTMAX, /* detail.dim */
  NEAP_TAPE_LOGSUMEXP,   /* detail.reduce */
  NEAP_TAPE_MATMUL,      /* in: x, y */
  NEAP_TAPE_RESHAPE,     /* every view of the same elements in the same order, and copies */
  NEAP_TAPE_EXPAND,
  NEAP_TAPE_PERMUTE,    /* detail.order */
  NEAP_TAPE_SLICE,      /* detail.slice */
  NEAP_TAPE_SELECT,     /* detail.slice: dim, start */
  NEAP_TAPE_TAKE,       /* detail.dim; extra: positions from 1, negative from the end */
  NEAP_TAPE_GATHER,     /* the same */
  NEAP_TAPE_TAKE_WHERE, /* extra: the mask */
  NEAP_TAPE_CAT,        /* detail.dim */
  NEAP_TAPE_STACK,      /* detail.dim */
  NEAP_TAPE_CAST,       /* to another float dtype */
  NEAP_TAPE_COUNT
} neap_tape_kind;

typedef union {
  int dim;
  int order[NEAP_MAX_DIMS];
  neap_reduce_options reduce;
  struct {
    int dim;
    bool skip_nan;
  } scan;
  struct {
    int dim;
    int64_t start, count, step;
  } slice;
} neap_tape_detail;

typedef struct {
  neap_tape_kind kind;
  int op;
  int inputs;
  const neap_tensor *const *in;
  const neap_tensor *extra; /* takes part, but has no gradient; or NULL */
  neap_tape_detail detail;
} neap_taped;

typedef struct {
  /* Note that *out, just computed, came about so. NEAP_EARG when it has no gradient. */
  neap_status (*record)(neap_tensor *out, const neap_taped *how);
  bool (*recording)(void); /* false inside no_grad */
  void (*retain)(neap_trace *);
  void (*release)(neap_trace *);
  const neap_tensor *(*gradient)(const neap_trace *);             /* NULL: none yet */
  neap_status (*set_gradient)(neap_trace *, const neap_tensor *); /* NULL: forget it */
} neap_recorder;

/* Set once, by grad. */
void neap_recorder_install(const neap_recorder *r);
const neap_recorder *neap_recorder_installed(void);

/* Does the tensor take part in a gradient that is being recorded? */
bool neap_traced(const neap_tensor *t);

/* Hand an operation to the recorder when one of its inputs is traced; drops out on failure. */
neap_status neap_record(neap_tensor *out, const neap_taped *how);

#endif
