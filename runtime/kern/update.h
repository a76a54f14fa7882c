/* update.h — one step of an optimizer, or of a running mean of weights, over n parameters at once.
 *
 * What every method reads and writes is read and written once. Arithmetic is that of the dtype, the
 * terms being rounded to it first, and no multiply-add is fused: an element's value depends on the
 * same element of the arrays alone, and all tables give the same bits. NaN and infinite gradients
 * spread into parameters and states. */
#ifndef NEAP_KERN_UPDATE_H
#define NEAP_KERN_UPDATE_H

#include <stdint.h>

/* Parameters, their gradients, and what the method keeps for each; arrays lie apart. */
typedef struct {
  void *p;
  const void *g;
  void *s[3];
} neap_update_rows;

/* g' = sign g + decay p is the gradient that methods see, and p' = shrink p the parameter. */
typedef struct {
  double sign, decay, shrink;
  double rate; /* of learning */
  double a, b; /* of the running means; s' = a s + (1 - a) g' */
  double scale, eps;
  double keep, fresh; /* of momentum */
} neap_update_terms;

typedef void (*neap_update_fn)(int64_t n, const neap_update_rows *r, const neap_update_terms *t);

/* By dtype, f64 and f32:
 *   sgd            p' - rate g'
 *   sgd_momentum   s0 = keep s0 + fresh g', p' - rate s0
 *   sgd_nesterov   the same s0, p' - rate (g' + keep s0)
 *   adam           s0, s1 = means by a of g' and by b of g'^2; p' - rate s0 / (scale sqrt s1 + eps)
 *   amsgrad        the same, with s2, the largest s1 so far, for s1
 *   rmsprop        s0 = mean by a of g'^2; p' - rate g' / (sqrt s0 + eps)
 *   rmsprop_momentum   s1 = keep s1 + g' / (...), p' - rate s1
 *   rmsprop_centered, rmsprop_both   s2 = mean by a of g', and s0 - s2^2, 0 at least, for s0
 *   lion           p' - rate sign(a s0 + (1 - a) g'), then s0 = mean by b of g'
 *   average        s0 = mean by a of p */
typedef enum {
  NEAP_UPDATE_SGD,
  NEAP_UPDATE_SGD_MOMENTUM,
  NEAP_UPDATE_SGD_NESTEROV,
  NEAP_UPDATE_ADAM,
  NEAP_UPDATE_AMSGRAD,
  NEAP_UPDATE_RMSPROP,
  NEAP_UPDATE_RMSPROP_MOMENTUM,
  NEAP_UPDATE_RMSPROP_CENTERED,
  NEAP_UPDATE_RMSPROP_BOTH,
  NEAP_UPDATE_LION,
  NEAP_UPDATE_AVERAGE,
  NEAP_UPDATES
} neap_update;

typedef neap_update_fn neap_update_table[NEAP_UPDATES][2];

#endif
