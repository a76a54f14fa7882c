/* attend.h — private to nn: the products and loops of attention over plain arrays. */
#ifndef NEAP_NN_ATTEND_H
#define NEAP_NN_ATTEND_H

#include "base/rng.h"
#include "tensor/tensor.h"

/* A matrix per entry of the batch: rows of adjacent features, steps in elements. */
typedef struct {
  char *data;
  int64_t batch, row;
} neap__rows;

typedef struct {
  neap_dtype dtype;
  int64_t batch, heads, queries, keys, width; /* width: of a head */
  bool causal;
  const int64_t *lengths;    /* of the keys of an entry, 1 .. keys; NULL */
  const neap_tensor *mask;   /* of dtype, four dimensions with steps of 0 where broadcast; NULL */
  const neap_tensor *hidden; /* [batch, keys] of dtype, contiguous: added as well; NULL */
  double dropout;
  neap_rng rng;
  neap__rows q, k, v, out;
  char *lse; /* [batch, heads, queries]: the logarithms of the sums of exponentials */
} neap__attention;

/* Fill out and lse; and weights, [batch, heads, queries, keys] of zeros, unless NULL. */
neap_status neap__attend(const neap__attention *a, char *weights);

/* With a->out the gradient of the result: dq, dk, dv from q, k, v and lse. */
neap_status neap__attend_back(const neap__attention *a, const neap__rows *dq, const neap__rows *dk,
                              const neap__rows *dv);

#endif
