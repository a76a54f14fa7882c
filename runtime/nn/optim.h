/* optim.h — optimizers: from gradients to better parameters, all of them in one pass.
 *
 * An optimizer belongs to a method, and to parameters in groups with options of their own. A step
 * reads the gradients that a backward pass has left at the parameters (grad/grad.h), passes over
 * those that have none, and changes parameters and states in place. What a method keeps for a
 * parameter comes into being with its first step, and has the names of PyTorch.
 *
 * Parameters are f64 or f32, contiguous, borrowed, and must outlive the optimizer. NaN in a
 * gradient reaches the parameter. Bits are the same at any thread count and instruction set; Ctrl-C
 * takes effect before a step or after it. */
#ifndef NEAP_NN_OPTIM_H
#define NEAP_NN_OPTIM_H

#include "grad/grad.h"
#include "tensor/tensor.h"

typedef enum {
  NEAP_OPTIM_SGD,
  NEAP_OPTIM_ADAM,
  NEAP_OPTIM_ADAMW, /* weight decay apart from the gradient: Loshchilov and Hutter 2019 */
  NEAP_OPTIM_RMSPROP,
  NEAP_OPTIM_LION,
  NEAP_OPTIM_EMA, /* no optimizer: a step takes the parameters themselves into a running mean, which
                     begins as a copy of them */
  NEAP_OPTIMS
} neap_optim_method;

typedef enum {
  NEAP_OPTIM_LR,
  NEAP_OPTIM_MOMENTUM,
  NEAP_OPTIM_DAMPENING,
  NEAP_OPTIM_BETA1,
  NEAP_OPTIM_BETA2,
  NEAP_OPTIM_ALPHA,
  NEAP_OPTIM_EPS,
  NEAP_OPTIM_WEIGHT_DECAY,
  NEAP_OPTIM_NESTEROV, /* this and the following: 0 or 1 */
  NEAP_OPTIM_MAXIMIZE,
  NEAP_OPTIM_AMSGRAD,
  NEAP_OPTIM_CENTERED,
  NEAP_OPTIM_OPTIONS
} neap_optim_option;

extern const char *const neap_optim_options[NEAP_OPTIM_OPTIONS + 1]; /* "lr", ..., NULL */

/* Which options a method has: bit k for option k. */
unsigned neap_optim_has(neap_optim_method method);

enum { NEAP_OPTIM_STATES = 3 };

typedef struct {
  neap_tensor *p;
  neap_tensor state[NEAP_OPTIM_STATES]; /* empty until a step needs them */
  int64_t steps;                        /* of SGD only those with momentum */
  int group;
} neap_optim_param;

typedef struct {
  const char *name; /* "optim.Adam", for messages; borrowed */
  neap_optim_method method;
  int64_t n, total; /* parameters and their elements */
  int groups;
  neap_optim_param *param;
  double (*option)[NEAP_OPTIM_OPTIONS]; /* by group */
  void *work;                           /* private */
} neap_optimizer;

/* An optimizer of n parameters. group[i], rising from 0, is the group of p[i]; all options are 0.
 * NEAP_EARG when one comes twice or is not contiguous. To be dropped, also after a failure. */
neap_status neap_optim_init(neap_optimizer *o, const char *name, neap_optim_method method,
                            int64_t n, neap_tensor *const *p, const int *group);
void neap_optim_drop(neap_optimizer *o);

/* NEAP_EVALUE when v is outside the option's range. */
neap_status neap_optim_set(neap_optimizer *o, int group, neap_optim_option option, double v);

neap_status neap_optim_step(neap_optimizer *o);

/* Forget the gradients of all parameters. */
void neap_optim_zero_grad(const neap_optimizer *o);

/* "exp_avg": what the method calls its state k; NULL when it has not so many. */
const char *neap_optim_state_name(neap_optim_method method, int k);

/* State k of parameter i becomes a copy of t, of its shape; t NULL: empty. */
neap_status neap_optim_restore(neap_optimizer *o, int64_t i, int k, const neap_tensor *t);

/* Exchange the parameters with their means (of NEAP_OPTIM_EMA). */
neap_status neap_optim_swap(neap_optimizer *o);

/* The norm (kind 1, 2 or INFINITY) of the gradients of n parameters as one vector; where it exceeds
 * max they are scaled by max / (norm + 1e-6). A norm that is not finite makes gradients NaN, or is
 * NEAP_EVALUE with finite. */
neap_status neap_optim_clip_norm(double *norm, int64_t n, neap_tensor *const *p, double max,
                                 double kind, bool finite);

/* Gradients below -max or above max become that; NaN stays. */
neap_status neap_optim_clip_value(int64_t n, neap_tensor *const *p, double max);

#endif
