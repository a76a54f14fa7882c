/* recurrent.h — LSTM, GRU and RNN over sequences, one layer in one or two directions.
 *
 * The cells are PyTorch's (kern/recurrent.h has the formulas): weight_ih [gates H, I], weight_hh
 * [gates H, H], two biases [gates H] or none, gates in the order i f g o and r z n. The rows of a
 * batch run in groups of fixed size, shared out over the pool once per pass: nothing waits inside a
 * time step. A row of the results has the same bits in any batch, and everything has the same bits
 * at any thread count. */
#ifndef NEAP_NN_RECURRENT_H
#define NEAP_NN_RECURRENT_H

#include "kern/kern.h"
#include "tensor/tensor.h"

typedef struct {
  const neap_tensor *w_ih, *w_hh, *b_ih, *b_hh; /* both biases or none, NULL */
} neap_recurrent_weights;

/* The second of two directions begins at the end of each sequence. */
typedef struct {
  neap_cell cell;
  int directions;
  neap_recurrent_weights weights[2];
} neap_recurrent;

/* The weights of one direction as the loops read them, made when they are first used and again when
 * they have changed. Zeroed, it is empty. */
typedef struct {
  neap_tensor source[4];
  uint64_t version[4];
  void *data;
} neap_recurrent_pack;
void neap_recurrent_unpack(neap_recurrent_pack *p); /* forget; an empty one is fine */

/* y, [batch, time, directions H], h_n and c_n, [directions, batch, H], of x, [batch, time, I]. h0
 * and c0 are like h_n, NULL meaning zeros; only the LSTM takes and gives c. lengths, NULL or
 * integers from 1 to time for each row: what is behind is not looked at, y is 0 there, and h_n is
 * what comes out at the last step of each row. packs: one for each direction, or NULL. A batch of 0
 * gives empty results, 0 time steps are NEAP_ESHAPE. NaN reaches all later steps of its row. */
neap_status neap_nn_recurrent(neap_tensor *y, neap_tensor *h_n, neap_tensor *c_n,
                              const neap_recurrent *r, const neap_tensor *x, const neap_tensor *h0,
                              const neap_tensor *c0, const neap_tensor *lengths,
                              neap_recurrent_pack *packs);

/* One step of layers cells on top of each other, each of one direction: x [batch, I]; h and c,
 * contiguous [layers, batch, H], are updated in place, and out is a copy of the last layer's h.
 * Nothing is recorded. packs: one for each layer. */
neap_status neap_nn_recurrent_step(neap_tensor *out, int layers, const neap_recurrent *r,
                                   const neap_tensor *x, neap_tensor *h, neap_tensor *c,
                                   neap_recurrent_pack *packs);

#endif
