/* Activations that tensors have no operation for. Their gradients come from what is kept anyway by
 * the layer behind, the output, where that determines them. */
#include <string.h>

#include "base/pool.h"
#include "nn/check.h"
#include "nn/nn.h"

typedef struct {
  neap_activation kind;
  double parameter;
} activation;

enum { ACTIVATION_PIECE = 1024 };
#define ROOT_HALF    0.70710678118654752440
#define DENSITY_AT_0 0.39894228040143267794 /* 1 / sqrt(2 pi) */

#define T       double
#define NAME(x) x##_f64
#define DTYPE   NEAP_F64
#include "nn/activation.inc.h"
#define T       float
#define NAME(x) x##_f32
#define DTYPE   NEAP_F32
#include "nn/activation.inc.h"

/* One pass over arrays that lie in memory alike: g is NULL on the way forward. */
typedef struct {
  activation a;
  neap_dtype dtype;
  const neap_kern *kern;
  char *out;
  const char *g, *v;
} pass;

static void piece(const pass *p, int64_t at, int64_t n) {
  double space[ACTIVATION_PIECE];
  at *= (int64_t)neap_dtype_size(p->dtype);
  void *out = p->out + at;
  const void *v = p->v + at, *g = p->g ? p->g + at : NULL;
  if (p->dtype == NEAP_F64 && g) backward_f64(&p->a, p->kern, n, out, g, v, space);
  else if (p->dtype == NEAP_F64) forward_f64(&p->a, p->kern, n, out, v, space);
  else if (g) backward_f32(&p->a, p->kern, n, out, g, v, (float *)(void *)space);
  else forward_f32(&p->a, p->kern, n, out, v, (float *)(void *)space);
}

static neap_status run(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t i = begin; i < end; i += ACTIVATION_PIECE)
    piece(ctx, i, end - i < ACTIVATION_PIECE ? end - i : ACTIVATION_PIECE);
  return NEAP_OK;
}

/* *out = the pass over v (and g), which are made contiguous. */
static neap_status apply(neap_tensor *out, activation a, const neap_tensor *g,
                         const neap_tensor *v) {
  enum { GRAIN = 1 << 16 };
  neap_tensor dense, dense_g = {0};
  pass p = {.a = a, .dtype = v->dtype};
  NEAP_TRY(neap_kern_select(&p.kern));
  NEAP_TRY(neap_tensor_as(&dense, v, v->dtype));
  neap_status st = g ? neap_tensor_as(&dense_g, g, v->dtype) : NEAP_OK;
  if (!st) st = neap_tensor_init_raw(out, v->dtype, v->ndim, v->size);
  int64_t n = neap_tensor_numel(v);
  if (!st && n > 0) {
    p.out = neap_tensor_data(out);
    p.v = neap_tensor_data(&dense);
    p.g = g ? neap_tensor_data(&dense_g) : NULL;
    st = neap_parallel_for(n, GRAIN, run, &p);
    if (st) neap_tensor_drop(out);
  }
  neap_tensor_drop(&dense);
  neap_tensor_drop(&dense_g);
  return st;
}

static neap_status activation_back(neap_node *n) {
  const activation *a = neap_node_state(n);
  neap_tensor d = {0};
  neap_status st = apply(&d, *a, neap_node_gradient(n, 0), neap_node_saved(n, 0));
  return st ? st : neap_node_give(n, 0, &d);
}

static neap_status check(const neap_tensor *x, activation a, const char *name) {
  NEAP_TRY(neap__nn_one_dtype(name, 1, &x, (const char *[]){"x"}));
  if (a.kind == NEAP_ELU && !(a.parameter >= 0))
    return neap_fail(NEAP_EARG, "elu: alpha is %g, must not be negative", a.parameter);
  return NEAP_OK;
}

neap_status neap_nn_activate(neap_tensor *out, neap_activation kind, double parameter,
                             const neap_tensor *x) {
  static const neap_gradient gradients[] = {
      [NEAP_LEAKY_RELU] = {"leaky_relu", activation_back, NULL},
      [NEAP_ELU] = {"elu", activation_back, NULL},
      [NEAP_SILU] = {"silu", activation_back, NULL},
      [NEAP_GELU] = {"gelu", activation_back, NULL}};
  activation a = {kind, parameter};
  memset(out, 0, sizeof *out);
  NEAP_TRY(check(x, a, gradients[kind].name));
  NEAP_TRY(apply(out, a, NULL, x));
  /* the sign of y is that of x, unless a negative slope turns it round */
  bool from_output = kind == NEAP_ELU || (kind == NEAP_LEAKY_RELU && parameter >= 0);
  const neap_tensor *save = from_output ? out : x;
  neap_status st = neap__nn_record(&gradients[kind], 1, &x, out, 1, &save, &a, sizeof a);
  if (st) neap_tensor_drop(out);
  return st;
}
