/* isolation.h — isolation forests: how quickly random cuts set a row apart.
 *
 * Every tree takes a small sample of rows and cuts it at random until each row is alone or the tree
 * is as deep as a balanced one; rows that few cuts isolate are anomalous (Liu, Ting, Zhou,
 * Isolation forest, 2008). The extended form cuts by hyperplanes of random slope, which leaves no
 * traces parallel to the axes (Hariri, Carrasco Kind, Brunner, Extended isolation forest, 2019).
 * Values are taken as they are, not in bins: a sample is small.
 *
 *   neap_isolation_fit(&model, &options, &x);
 *   neap_isolation_score(model, &x, out);          out[i] in (0, 1), larger = more anomalous
 *
 * NaN says nothing of a row: where a cut asks for it, it goes to a side drawn when the tree was
 * made, by the shares of the rows on both; a hyperplane takes it for its own middle. An infinity is
 * further out than everything: the cut of such a range parts it from the rest. The model has the
 * same bits at any number of threads. */
#ifndef NEAP_TREE_ISOLATION_H
#define NEAP_TREE_ISOLATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "tensor/tensor.h"

typedef struct neap_isolation neap_isolation;

typedef struct {
  int64_t trees;
  int64_t samples;  /* rows of a tree, drawn without replacement */
  int64_t features; /* of a tree */
  int64_t width;    /* 0: cuts of one feature; else coordinates of a hyperplane that are not 0 */
  uint64_t seed;
} neap_isolation_options;

/* Fit to x, rows by columns, f64 or f32, borrowed for the call. */
neap_status neap_isolation_fit(neap_isolation **out, const neap_isolation_options *o,
                               const neap_tensor *x);

/* out[rows] = 2^(-h / c): h is the mean number of cuts to reach a row's leaf, each leaf of n rows
 * counting c(n) more, and c = c(samples), the mean depth of a search tree of that many:
 * c(n) = 2 H(n - 1) - 2 (n - 1) / n with harmonic numbers H. Thread-safe. */
neap_status neap_isolation_score(const neap_isolation *m, const neap_tensor *x, double *out);

/* The same for one row of neap_isolation_columns doubles, without allocation or threads. */
double neap_isolation_score_row(const neap_isolation *m, const double *row);

int64_t neap_isolation_columns(const neap_isolation *m);
int64_t neap_isolation_trees(const neap_isolation *m);
int64_t neap_isolation_samples(const neap_isolation *m);
int64_t neap_isolation_width(const neap_isolation *m);
void neap_isolation_free(neap_isolation *m); /* NULL is fine */

/* The arrays of a model for files. Nodes of a tree follow each other, the root first; left and
 * left + 1 are the children, numbered within the tree; left is 0 at leaves, whose height is what
 * they count. Width 0: a row goes left if its value of feature is <= threshold, or if it is NaN and
 * missing_left is set. Else: if the sum of normal * (value - centre) over the width coordinates is
 * <= 0, where NaN adds 0. */
typedef struct {
  int64_t trees, columns, samples, width, nodes;
  int64_t *tree_nodes; /* [trees] */
  int32_t *left;       /* [nodes] */
  double *height;
  int32_t *feature; /* [nodes], or [nodes x width] */
  double *threshold;
  uint8_t *missing_left;
  double *normal, *centre; /* [nodes x width] */
} neap_isolation_arrays;

/* Sizes of the arrays; with pointers set it fills them. */
void neap_isolation_write(const neap_isolation *m, neap_isolation_arrays *a);

/* A model from arrays, which are borrowed. NEAP_EFORMAT on anything that no model has. */
neap_status neap_isolation_read(neap_isolation **out, const neap_isolation_arrays *a);

#endif
