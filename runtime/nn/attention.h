/* attention.h — scaled dot-product attention of many heads: for queries q, keys k and values v of a
 * head, out = softmax(q k' / sqrt(d) + mask) v.
 *
 * Scores exist for a block of queries at a time, in the scratch memory of a thread, and are
 * computed anew for the gradient, so memory grows with the length of the sequences and not with its
 * square. A head of a batch entry is one piece of work; its bits depend neither on the others nor
 * on the number of threads. */
#ifndef NEAP_NN_ATTENTION_H
#define NEAP_NN_ATTENTION_H

#include "tensor/tensor.h"

typedef struct {
  int64_t heads;
  bool causal;             /* query i sees the keys 1 .. i only */
  const neap_tensor *mask; /* [T, S], or [B, H, T, S] where sizes may be 1: bool, true where a key
                              is not to be seen, or floats that are added; NULL */
  const neap_tensor *padding; /* [B, S], bool: true keys are seen by no query; NULL */
  const neap_tensor *lengths; /* [B], whole numbers: only so many first keys are seen; NULL */
  double dropout;             /* of the softmax, 0 <= dropout < 1 */
  uint64_t key;               /* of the stream that decides what is dropped */
} neap_attention_options;

/* out is [B, T, E]. q is [B, T, E], k and v [B, S, E]; or, with k and v NULL, q is [B, T, 3 E] and
 * holds all three side by side; or, with v NULL, k is [B, S, 2 E] and holds k and v. Heads are E/H
 * adjacent features. A query that sees no key gives NaN.
 *
 * weights, unless NULL, receives the softmax (after dropout) of every head, [B, H, T, S]; no
 * gradient flows back through it. */
neap_status neap_nn_attention(neap_tensor *out, neap_tensor *weights, const neap_tensor *q,
                              const neap_tensor *k, const neap_tensor *v,
                              const neap_attention_options *o);

#endif
