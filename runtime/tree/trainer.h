/* trainer.h — inside the module: the state of a training run. */
#ifndef NEAP_TREE_TRAINER_H
#define NEAP_TREE_TRAINER_H

#include "tree/engine.h"

enum { NEAP__MAX_SETS = 16 };

/* A set of rows that scores are kept for: training (number 0) or validation. */
typedef struct {
  int64_t rows;
  double *target; /* label, or class number */
  float *weight;  /* NULL: all 1 */
  double *scores; /* [columns][rows] */
  uint8_t *bin;   /* of validation sets */
} neap__set;

struct neap_trainer {
  neap_gbdt_options o;
  neap__bins bins;
  neap__loss loss;
  neap__grower *grower;
  neap_gbdt *model; /* all trees so far; not compiled */
  int64_t columns;  /* trees per iteration */
  int sets;
  neap__set set[NEAP__MAX_SETS];
  neap__pair *pairs;
  double *start, *first_scores, *scratch;
  const double *gradient_at; /* scores that pairs were computed at */
  int32_t *use;              /* features of the current tree */
  uint8_t *in_bag;           /* 1 for each row in the bag; NULL: no bagging */
  int64_t bagged;
  bool broken;
};

#endif
