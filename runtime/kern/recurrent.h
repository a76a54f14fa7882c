/* recurrent.h — what a recurrent cell does with its sums in one time step, and its gradient.
 *
 * With a = W_ih x and b = W_hh h, rows of gates x units whose biases are added here; s is the
 * sigmoid, ' the state before the step, and the gates stand in PyTorch's order:
 *   LSTM  i = s(a0 + b0), f = s(a1 + b1), g = tanh(a2 + b2), o = s(a3 + b3),
 *         c = f c' + i g, h = o tanh(c)
 *   GRU   r = s(a0 + b0), z = s(a1 + b1), n = tanh(a2 + r b2), h = n + z (h' - n)
 *   RNN   h = tanh(a + b), or max(a + b, 0)
 * A step of training keeps, side by side for each row, `kept` arrays of units:
 *   LSTM  i f g o c h'     GRU  r z n b2 h'     RNN  h h'
 * A value depends on its own row and unit only. NaN propagates. */
#ifndef NEAP_KERN_RECURRENT_H
#define NEAP_KERN_RECURRENT_H

#include <stdint.h>

typedef enum { NEAP_LSTM, NEAP_GRU, NEAP_RNN_TANH, NEAP_RNN_RELU, NEAP_CELLS } neap_cell;

/* gates: in a sum; biases: GRU has the one of b2 apart, LSTM and RNN take the sum of both; kept:
 * see above; before: which of the kept arrays is h'. */
typedef struct {
  int gates, biases, kept, before;
} neap_cell_sizes;
static const neap_cell_sizes neap_cell_size[NEAP_CELLS] = {
    {4, 4, 6, 5}, {3, 4, 5, 4}, {1, 1, 2, 1}, {1, 1, 2, 1}};
enum { NEAP_LSTM_CELL = 4 }; /* which of the kept arrays is c */

/* Arrays of pointers have one for each row. h and c hold the state, rows of units, in place. */
typedef struct {
  int64_t rows, units;
  const void *a, *b, *bias;
  void *h, *c;
  void *const *y;    /* h goes here too; NULL: nowhere */
  void *const *kept; /* NULL: nothing is kept */
} neap_cell_step;

/* From the gradients of h and c to those of a, b and c' in place; dh becomes what reaches h'
 * without passing W_hh (GRU), and is of no use after the other cells. */
typedef struct {
  int64_t rows, units;
  const void *const *kept;
  int64_t next; /* from a row of kept to the one of the next call, in elements; 0: none */
  const void *const *c_before;
  const void *const *dy; /* gradient of h from outside, beside dh; NULL: none */
  void *dh, *dc;         /* rows of units */
  void *db;              /* rows of gates x units */
  void *const *da;       /* rows of biases x units: with GRU those of a, then that of b2 */
  void *bias;            /* biases x units: da is added, row after row */
} neap_cell_back;

typedef struct {
  void (*forward)(const neap_cell_step *);
  void (*backward)(const neap_cell_back *);
} neap_cell_kern;

#endif
