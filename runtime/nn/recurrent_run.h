/* recurrent_run.h — private to nn: the loops of recurrent layers, below tensors and their checks.
 */
#ifndef NEAP_NN_RECURRENT_RUN_H
#define NEAP_NN_RECURRENT_RUN_H

#include "nn/recurrent.h"

/* Rows that run together. Their sums stay in the first cache, and two groups of 32 rows keep two
 * threads busy. */
enum { NEAP_ROWS = 16 };

/* Sizes, and the rows of the batch by falling length, so that those still running stand first: row
 * number r of that order is row row[r] of the batch and has length[r] steps, which start[r] steps
 * of the rows before it precede; total of all. What is kept of steps has a row for each: group by
 * group, and in a group step by step, so that they are read and written in one go. */
typedef struct {
  neap_cell cell;
  neap_dtype dtype;
  int directions;
  int64_t batch, time, inputs, units, total;
  int64_t each; /* bytes of an element */
  bool ragged;
  int64_t *row, *length, *start;
} neap__recurrent_plan;

/* Refuse what neap_nn_recurrent_step cannot take. */
neap_status neap__recurrent_check_step(int layers, const neap_recurrent *r, const neap_tensor *x,
                                       const neap_tensor *h, const neap_tensor *c);

/* lengths: batch numbers, or NULL. */
neap_status neap__recurrent_plan_init(neap__recurrent_plan *p, const int64_t *lengths);
void neap__recurrent_plan_drop(neap__recurrent_plan *p);

/* Refresh the pack of one direction; where the parts lie in it. */
typedef struct {
  const char *ih, *hh, *bias;
} neap__recurrent_parts;
neap_status neap__recurrent_pack(neap_recurrent_pack *p, const neap_kern *kern, neap_cell cell,
                                 const neap_recurrent_weights *w, neap__recurrent_parts *out);

/* c, m x n, = or += a, m x k with rows as apart, times packed b. */
void neap__packed_product(const neap_gemm *g, int64_t each, int64_t m, int64_t n, int64_t k,
                          void *c, const void *a, int64_t as, const void *b, bool add);

/* n columns as neap_gemm packs them. */
int64_t neap__packed_columns(const neap_gemm *g, int64_t n);

/* Steps of input whose sums are made at once, for so many rows. */
int64_t neap__recurrent_ahead(const neap__recurrent_plan *p, int64_t rows);

/* The forward pass: data of the tensors of recurrent.h. x has rows of adjacent features. kept:
 * [total, kept H] for each direction, NULL: none. */
typedef struct {
  const neap__recurrent_plan *plan;
  const neap_kern *kern;
  neap__recurrent_parts weights[2];
  const char *x, *h0, *c0; /* h0, c0 may be NULL */
  int64_t x_row, x_step;   /* strides of x in elements */
  char *y, *h_n, *c_n;
  char *kept[2];
} neap__recurrent_forward;
neap_status neap__recurrent_run(const neap__recurrent_forward *f);

/* The backward pass. W_hh and W_ih (NULL without dx) are packed for products from the left; dy,
 * dh_n, dc_n and c0 may be NULL. Each direction has dx, [batch, time, inputs], of its own. Groups
 * of rows are shared out to parts, whose sums of the gradients of weights (zeros before, NULL when
 * not wanted) and biases, f64, biases H in each direction and part, are to be added in order. */
enum { NEAP_PARTS = 8 };
typedef struct {
  const neap__recurrent_plan *plan;
  const neap_kern *kern;
  const char *hh[2], *ih[2], *kept[2];
  const char *x, *c0, *dy, *dh_n, *dc_n;
  int64_t x_row, x_step;
  char *dx[2], *dh0, *dc0;
  char *dw_ih[2][NEAP_PARTS], *dw_hh[2][NEAP_PARTS];
  double *bias;
} neap__recurrent_backward;
neap_status neap__recurrent_run_back(const neap__recurrent_backward *b);

/* Parts of one direction. */
int64_t neap__recurrent_parts_of(const neap__recurrent_plan *p);

/* How many pieces of work, of so many groups each, go to a thread together. */
int64_t neap__recurrent_grain(const neap__recurrent_plan *p, int64_t groups);

/* Groups of rows of one direction. */
int64_t neap__recurrent_groups(const neap__recurrent_plan *p);

/* What neap_grad_record keeps: the plan and, for each direction, what the forward pass kept. */
typedef struct {
  neap__recurrent_plan plan;
  neap_tensor kept[2];
  bool has_c0;
} neap__recurrent_tape;
void neap__recurrent_tape_free(void *tape);

/* y, h_n and c_n have the gradients dy, dh_n, dc_n (contiguous, NULL: zeros); those of what wanted
 * asks for are filled in: x, h0, c0, then w_ih, w_hh, b_ih, b_hh of each direction. */
enum { NEAP_RECURRENT_INPUTS = 11 };
neap_status neap__recurrent_gradients(const neap__recurrent_tape *tape, const neap_tensor *x,
                                      const neap_tensor *c0, const neap_recurrent_weights *w,
                                      const neap_tensor *dy, const neap_tensor *dh_n,
                                      const neap_tensor *dc_n, const bool *wanted,
                                      neap_tensor *out);

#endif
