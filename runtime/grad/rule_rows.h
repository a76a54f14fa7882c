/* rule_rows.h — private to grad: rules that work along a dimension, row by row.
 *
 * Whatever the strides, rows are plain arrays: the dimensions worked along are brought last, in C
 * order. Rows are shared out over the pool, one being worked on by one thread from its first
 * element to its last, so no thread count changes a bit. */
#ifndef NEAP_GRAD_RULE_ROWS_H
#define NEAP_GRAD_RULE_ROWS_H

#include "grad/rules.h"

typedef struct {
  neap_tensor t; /* contiguous: kept dimensions, then those of dims */
  int64_t rows, m;
  int order[NEAP_MAX_DIMS];
} neap__lines;

/* The rows of t along dims (bit d for dimension d; 0: all). Drop l->t afterwards. */
neap_status neap__lines_of(neap__lines *l, const neap_tensor *t, unsigned dims);

/* Fresh lines of zeros, for the shape and dtype of t, which needs no elements. */
neap_status neap__lines_like(neap__lines *l, const neap_tensor *t, unsigned dims);

/* The same, contents undefined. */
neap_status neap__lines_raw(neap__lines *l, const neap_tensor *t, unsigned dims);

/* The elements of row i. */
void *neap__line(const neap__lines *l, int64_t i);

/* Give input 0 the lines, in the order of its dimensions; takes l->t. */
neap_status neap__give_lines(neap_node *n, neap__lines *l);

/* Run fn on stretches of the rows, each at least a good piece of work. */
typedef neap_status (*neap__lines_fn)(void *ctx, int64_t chunk, int64_t begin, int64_t end);
neap_status neap__lines_each(const neap__lines *l, neap__lines_fn fn, void *ctx);

/* Run fn over the rows of r, of m elements each, in pieces from the first on or, with back, from
 * the last; polls in between. Sets r's from and n. */
neap_status neap__pieces(neap_back_rows *r, int64_t m, bool back, neap_back_fn fn,
                         neap_back_state *s);

/* Elements of one row that are worked on between two polls. */
enum { NEAP__PIECE = 1 << 14 };

#endif
