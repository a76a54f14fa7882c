/* rule_steps.h — private to grad: rules as short sequences of tensor operations.
 *
 * A sequence holds what it computes on the way and its first failure; after one, every step does
 * nothing. So a rule reads as its formula, and ends in one place. */
#ifndef NEAP_GRAD_RULE_STEPS_H
#define NEAP_GRAD_RULE_STEPS_H

#include "grad/rules.h"

enum { NEAP__STEPS = 16, NEAP__NUMBERS = 4 }; /* at most, in one sequence */

typedef struct {
  neap_status st;
  int made, counted;
  neap_tensor t[NEAP__STEPS];
  neap_scalar number[NEAP__NUMBERS];
} neap__steps;

void neap__steps_begin(neap__steps *s);

/* A step's result, valid until the end; after a failure something that later steps ignore. */
const neap_tensor *neap__number(neap__steps *s, neap_dtype dtype, double v);
const neap_tensor *neap__unary(neap__steps *s, neap_unary_op op, const neap_tensor *a);
const neap_tensor *neap__binary(neap__steps *s, neap_binary_op op, const neap_tensor *a,
                                const neap_tensor *b);
const neap_tensor *neap__compare(neap__steps *s, neap_compare_op op, const neap_tensor *a,
                                 const neap_tensor *b);
const neap_tensor *neap__where(neap__steps *s, const neap_tensor *mask, const neap_tensor *a,
                               const neap_tensor *b);
const neap_tensor *neap__reduce(neap__steps *s, neap_reduction op, const neap_tensor *t,
                                const neap_reduce_options *o);
const neap_tensor *neap__reshaped(neap__steps *s, const neap_tensor *t, int ndim,
                                  const int64_t *size);

/* Give input i the result t (or any other tensor, as a view). t is not to be used any more. */
void neap__give(neap__steps *s, neap_node *n, int i, const neap_tensor *t);

/* Drop everything, and say how it went. */
neap_status neap__steps_end(neap__steps *s);

#endif
