/* Sequences of tensor operations for rules. */
#include "grad/rule_steps.h"

#include <assert.h>
#include <string.h>

void neap__steps_begin(neap__steps *s) {
  s->st = NEAP_OK;
  s->made = s->counted = 0;
}

/* Where the next result goes. */
static neap_tensor *next(neap__steps *s) {
  assert(s->made < NEAP__STEPS);
  return &s->t[s->made];
}

static const neap_tensor *done(neap__steps *s, neap_status st) {
  s->st = st;
  return st ? NULL : &s->t[s->made++];
}

const neap_tensor *neap__number(neap__steps *s, neap_dtype dtype, double v) {
  assert(s->counted < NEAP__NUMBERS);
  neap_scalar *number = &s->number[s->counted++];
  neap_scalar_f64(number, dtype, v);
  return &number->t;
}

const neap_tensor *neap__unary(neap__steps *s, neap_unary_op op, const neap_tensor *a) {
  return s->st ? NULL : done(s, neap_tensor_unary(next(s), op, a));
}

const neap_tensor *neap__binary(neap__steps *s, neap_binary_op op, const neap_tensor *a,
                                const neap_tensor *b) {
  return s->st ? NULL : done(s, neap_tensor_binary(next(s), op, a, b));
}

const neap_tensor *neap__compare(neap__steps *s, neap_compare_op op, const neap_tensor *a,
                                 const neap_tensor *b) {
  return s->st ? NULL : done(s, neap_tensor_compare(next(s), op, a, b));
}

const neap_tensor *neap__where(neap__steps *s, const neap_tensor *mask, const neap_tensor *a,
                               const neap_tensor *b) {
  return s->st ? NULL : done(s, neap_tensor_where(next(s), mask, a, b));
}

const neap_tensor *neap__reduce(neap__steps *s, neap_reduction op, const neap_tensor *t,
                                const neap_reduce_options *o) {
  return s->st ? NULL : done(s, neap_tensor_reduce(next(s), op, t, o));
}

const neap_tensor *neap__reshaped(neap__steps *s, const neap_tensor *t, int ndim,
                                  const int64_t *size) {
  return s->st ? NULL : done(s, neap_tensor_reshape(next(s), t, ndim, size));
}

/* A result of the sequence is moved, so that nobody else holds its elements. */
void neap__give(neap__steps *s, neap_node *n, int i, const neap_tensor *t) {
  neap_tensor g;
  if (s->st) return;
  int k = 0;
  while (k < s->made && t != &s->t[k]) k++;
  if (k < s->made) {
    g = s->t[k];
    memset(&s->t[k], 0, sizeof g);
  } else {
    neap_tensor_alias(&g, t);
  }
  s->st = neap_node_give(n, i, &g);
}

neap_status neap__steps_end(neap__steps *s) {
  for (int k = 0; k < s->made; k++) neap_tensor_drop(&s->t[k]);
  return s->st;
}
