/* number.h — private to nn: single numbers in arrays of f64 or f32. */
#ifndef NEAP_NN_NUMBER_H
#define NEAP_NN_NUMBER_H

#include "kern/kern.h"

static inline double neap__nn_get(neap_dtype dtype, const void *x, int64_t i) {
  return dtype == NEAP_F64 ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

static inline void neap__nn_set(neap_dtype dtype, void *x, int64_t i, double v) {
  if (dtype == NEAP_F64) ((double *)x)[i] = v;
  else ((float *)x)[i] = (float)v;
}

#endif
