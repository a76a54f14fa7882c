/* stream.h — convolutions and pools over time, a row at a time: what the next results still need of
 * the rows seen is kept, so that a row costs one row's work.
 *
 * A row is one step of a sequence, width 1, or of images, width places of adjacent channels. The
 * results are those of the layer over all rows since the start, bit for bit: without padding in
 * time ("valid"), or with all of it in front ("causal"). */
#ifndef NEAP_NN_STREAM_H
#define NEAP_NN_STREAM_H

#include "tensor/tensor.h"

typedef enum { NEAP_STREAM_CONV, NEAP_STREAM_MAX, NEAP_STREAM_MEAN } neap_stream_kind;

/* Pairs are of time and of width. */
typedef struct {
  neap_stream_kind kind;
  int64_t width, channels;                   /* of a row */
  int64_t kernel[2], stride[2], dilation[2]; /* at least 1 */
  int64_t before, after;                     /* places of padding beside a row: zeros, or
                                                -infinity for the largest */
  bool causal;                               /* as much padding in front of the first row as
                                                lets it give a result */
  int64_t groups;                            /* of channels, in convolutions */
  double slope;                              /* v < 0 ? slope v : v behind a convolution; 1
                                                is none */
} neap_stream_plan;

typedef struct neap_stream neap_stream;

/* weight, [outputs, channels / groups, time, width] as for a convolution, or NULL for pools, which
 * are of dtype; bias [outputs] or NULL. Both are copied. */
neap_status neap_stream_new(neap_stream **out, const neap_stream_plan *plan, neap_dtype dtype,
                            const neap_tensor *weight, const neap_tensor *bias);
void neap_stream_free(neap_stream *s); /* NULL is fine */

/* Take the row x, contiguous, of width times channels elements. *given says whether out was
 * written: its last dimension, of adjacent elements, is the channels of the result, the one before,
 * if any, its width. */
neap_status neap_stream_push(neap_stream *s, const neap_tensor *x, neap_tensor *out, bool *given);

/* How many rows were seen since the start, and those kept, oldest first, padding included: [rows,
 * elements]. restore puts both back; rows of another shape are NEAP_ESHAPE. reset starts over. */
int64_t neap_stream_seen(const neap_stream *s);
neap_status neap_stream_rows(neap_tensor *out, const neap_stream *s);
neap_status neap_stream_restore(neap_stream *s, const neap_tensor *rows, int64_t seen);
void neap_stream_reset(neap_stream *s);

#endif
