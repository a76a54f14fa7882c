/* metric.h — inside the module: metrics that look at the order of scores. */
#ifndef NEAP_TREE_METRIC_H
#define NEAP_TREE_METRIC_H

#include "tree/trainer.h"

/* The rows that a metric judges. */
typedef struct {
  const neap_trainer *t;
  const neap__set *s;
} neap__metric_rows;

/* Share of (negative, positive) pairs in the right order, ties counting half; 1 with one class
 * only, as in LightGBM. */
neap_status neap__metric_auc(const neap__metric_rows *r, double *value);

/* Precision at each different score, weighted by the recall gained there; 1 without a positive. */
neap_status neap__metric_average_precision(const neap__metric_rows *r, double *value);

/* NDCG, or mean average precision, of the first places of the queries. */
neap_status neap__metric_rank(const neap__metric_rows *r, bool map, int64_t places, double *value);

#endif
