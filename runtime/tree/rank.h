/* rank.h — inside the module: rows that are answers to queries, and how well they are ordered. */
#ifndef NEAP_TREE_RANK_H
#define NEAP_TREE_RANK_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* A row's score and place. */
typedef struct {
  double score;
  int64_t at;
} neap__ranked;

/* The rows of queries, side by side, and what grades are worth; all owned. */
typedef struct {
  int64_t count, *begin; /* [count + 1] first row of each query; count 0: none were given */
  int64_t gains;
  double *gain;        /* [gains] of grades */
  double *discount;    /* [longest query] 1 / log2(2 + place) */
  double *slope;       /* [2][rows] of lambdarank */
  neap__ranked *order; /* [rows] */
} neap__queries;

/* Queries of these sizes over rows with grades; gain NULL: 2^grade - 1 for grades up to 30. */
neap_status neap__queries_open(neap__queries *q, const int64_t *sizes, int64_t count, int64_t rows,
                               const double *grades, const double *gain, int64_t gains);
void neap__queries_drop(neap__queries *q);

#endif
