/* loss_parts.h — private to nn: what both kinds of losses have in common. */
#ifndef NEAP_NN_LOSS_PARTS_H
#define NEAP_NN_LOSS_PARTS_H

#include "nn/loss.h"
#include "nn/number.h"

/* Losses handled at once, and elements of a chunk of work. */
enum { NEAP__LOSS_BLOCK = 1024, NEAP__LOSS_CHUNK = 32768 };

typedef struct {
  const char *name;
  const neap_kern *kern;
  neap_dtype dtype;
  neap_loss_join join;
  int dims;                  /* of x, the first ones, that losses have too */
  int64_t rows, width;       /* losses, and elements of x in each */
  int64_t chunk;             /* losses in one chunk of work */
  neap_tensor x, weights;    /* contiguous, of the dtype; weights may be empty */
  int64_t shared;            /* losses that have one weight in common */
  double total;              /* what the sum is divided by */
  neap_tensor result, slope; /* slope, dL/dx, is empty when no gradient is wanted */
  double *partial, alone;    /* sums of the chunks */
} neap__nn_loss;

/* Begin: convert x, whose first dims dimensions are those of the losses; take the weights. Whatever
 * happens, neap__nn_loss_drop. */
neap_status neap__nn_loss_begin(neap__nn_loss *s, const char *name, const neap_tensor *x, int dims,
                                const neap_loss_options *o);

/* Room for results; s->total is known. Inputs of which one is traced make a gradient wanted. */
neap_status neap__nn_loss_open(neap__nn_loss *s, int inputs, const neap_tensor *const *in);

/* What derivatives are multiplied by. */
double neap__nn_loss_scale(const neap__nn_loss *s);

/* The weights of n losses from first on: in place, or spread out in room. NULL without weights. */
const void *neap__nn_loss_weights(const neap__nn_loss *s, int64_t first, int64_t n, void *room);

/* Add n finished losses, from first on, to *sum, or store them. */
void neap__nn_loss_put(neap__nn_loss *s, int64_t first, int64_t n, const void *l, double *sum);

/* z[i] = x[(first + i) / repeat % period] */
void neap__nn_loss_spread(neap_dtype dtype, int64_t n, void *z, const void *x, int64_t first,
                          int64_t repeat, int64_t period);

/* Join, record, and hand out. With two inputs the second one's gradient is the opposite of the
 * first one's. */
neap_status neap__nn_loss_end(neap__nn_loss *s, neap_tensor *out, int inputs,
                              const neap_tensor *const *in);

void neap__nn_loss_drop(neap__nn_loss *s);

/* t[i] as contiguous numbers of the dtype that are finite and at least 0; what names it. */
neap_status neap__nn_loss_numbers(neap_tensor *out, const neap_tensor *t, neap_dtype dtype,
                                  const char *name, const char *what);

/* "y[7]" or "y[2, 5]" for place number at of t, counted from 1. Returns text. */
enum { NEAP__PLACE = 160 };
const char *neap__nn_loss_place(const neap_tensor *t, const char *what, int64_t at, char *text);

/* Room for a block of losses, and numbers of either dtype. */
typedef union {
  _Alignas(64) double f64[NEAP__LOSS_BLOCK];
  float f32[NEAP__LOSS_BLOCK];
} neap__nn_loss_room;

/* Place number at of the elements of a contiguous tensor. */
static inline void *neap__nn_loss_at(const neap_tensor *t, int64_t at) {
  return (char *)neap_tensor_data(t) + (size_t)at * neap_dtype_size(t->dtype);
}

#endif
