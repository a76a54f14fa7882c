/* rolling.h — private to tensor: what the ways of rolling share. */
#ifndef NEAP_TENSOR_ROLLING_H
#define NEAP_TENSOR_ROLLING_H

#include "tensor/tensor.h"

enum { NEAP__ROLLING_POLL = 1 << 13 };

typedef struct {
  neap_rolling op;
  const double *x, *u;
  double *y;
  const neap_windows *w;
  const neap_rolling_options *o;
} neap__rolling;

/* The places from .. to - 1 of a series that has first .. last - 1. */
typedef struct {
  int64_t first, last, from, to;
} neap__stretch;

/* The window of place i is low .. high - 1. */
static inline int64_t neap__low(const neap__rolling *r, const neap__stretch *s, int64_t i) {
  if (r->w->begin) return r->w->begin[i];
  return i - s->first > r->w->before ? i - r->w->before : s->first;
}
static inline int64_t neap__high(const neap__rolling *r, const neap__stretch *s, int64_t i) {
  if (r->w->begin) return r->w->end ? r->w->end[i] : i + 1;
  int64_t low = neap__low(r, s, i), high = i + 1 - r->w->skip;
  return high > low ? high : low;
}

/* What stands for missing marks of series: x, NaN where u has one. */
static inline double neap__of_both(const neap__rolling *r, int64_t i) {
  return r->u && r->u[i] != r->u[i] ? r->u[i] : r->x[i];
}

/* Fill the places of a stretch of y: by parts that are joined, for what is made of numbers in their
 * order; by the order of their size, for quantiles and ranks. */
neap_status neap__roll_parts(const neap__rolling *r, const neap__stretch *s);
neap_status neap__roll_order(const neap__rolling *r, const neap__stretch *s);

#endif
