/* trainer.h — inside the module: the state of a training run. */
#ifndef NEAP_TREE_TRAINER_H
#define NEAP_TREE_TRAINER_H

#include "base/rng.h"
#include "tree/engine.h"
#include "tree/objective.h"

enum { NEAP__MAX_SETS = 16 };

/* A set of rows that scores are kept for: training (number 0) or validation. */
typedef struct {
  int64_t rows;
  double *target;        /* label, or class number */
  float *weight;         /* NULL: all 1 */
  double *scores;        /* [columns][rows]; of a random forest means */
  double *sums;          /* of a random forest */
  uint8_t *bin;          /* of validation sets */
  neap_tensor kept;      /* of linear_tree: a view of the features, empty else */
  neap__matrix x;        /* the same */
  neap__queries queries; /* of ranking */
} neap__set;

/* Rows that trees are grown on. */
typedef struct {
  uint8_t *kept;  /* 1 for each row in the sample, else 0; NULL: always all */
  bool drawn;     /* false: all rows for now */
  int64_t *piece; /* counts of chunks */
} neap__sample;

/* What dropping trees needs to know of those grown in this run. */
typedef struct {
  int64_t first, made, room; /* iterations: before the run, in the run */
  neap__route **route;       /* [made * columns] */
  int64_t routes;
  double *weight;   /* [made] what a tree counts, learning rate included */
  int64_t *dropped; /* [count] of 0 .. made - 1, in rising order */
  int64_t count;
} neap__dart;

struct neap_trainer {
  neap_gbdt_options o;
  neap__bins bins;
  neap__loss loss;
  neap__grower *grower;
  neap_gbdt *model; /* all trees so far; not compiled */
  int64_t columns;  /* trees per iteration */
  int sets;
  neap__set set[NEAP__MAX_SETS];
  neap__pair *pairs; /* [columns][rows]; NULL where each tree computes those of its rows */
  double *start;
  double *start_scores;      /* the start value of every row, while gradients are taken there */
  const double *gradient_at; /* scores that pairs were computed at */
  int32_t *use;              /* features of the current tree */
  double rate;               /* learning rate of the iteration */
  neap__sample sample;
  neap__dart dart;
  bool started, broken;
};

/* Numbers or class numbers, and weights, of s->rows rows; what: "label". */
neap_status neap__set_target(neap__set *s, const neap_gbdt *m, const double *y,
                             const double *weights, const char *what);
void neap__set_drop(neap__set *s);

static inline bool neap__is_forest(const neap_gbdt_options *o) {
  return o->boosting == NEAP_BOOSTING_RF;
}

/* Whether t->pairs holds those of all rows, beside those of the grid's rows. */
bool neap__keeps_pairs(const neap_gbdt_options *o, const neap__loss *l);

/* sample.c ------------------------------------------------------------------------------------- */

/* The stream of draws for one purpose of one iteration; a negative seed stands for o.seed. */
neap_rng neap__draws(const neap_trainer *t, int64_t seed, const char *purpose, int64_t number);

/* Whether trees are grown on a part of the rows. */
bool neap__samples_rows(const neap_gbdt_options *o);

neap_status neap__sample_open(neap__sample *s, const neap_gbdt_options *o, int64_t rows);
void neap__sample_drop(neap__sample *s);

/* Draw the rows of the coming iteration from t->pairs, which may be raised. */
neap_status neap__sample_rows(neap_trainer *t);

/* The features of a tree into t->use, in rising order: all, or a share of at least one. */
int32_t neap__sample_features(neap_trainer *t, int64_t tree);

/* scores.c ------------------------------------------------------------------------------------- */

/* Scores of all sets += the tree just grown. */
neap_status neap__scores_add(neap_trainer *t, int64_t column, const neap__tree *tree);

/* Scores of a random forest from its sums. */
neap_status neap__scores_average(neap_trainer *t);

/* linear.c ------------------------------------------------------------------------------------- */

/* Infinite numbers cannot be fitted by lines. */
neap_status neap__lines_check(const neap__bins *b);

/* Make the leaves of the tree just grown linear, by the pairs of a column; *tree is replaced. */
neap_status neap__lines_fit(const neap_trainer *t, int64_t column, neap__tree **tree);

/* As neap__tree_value, for a row of a matrix. */
double neap__lines_value(const neap__tree *t, int32_t leaf, const neap__matrix *x, int64_t row);

/* dart.c: around the trees of an iteration, once for each tree -----------------------------------
 */

neap_status neap__dart_begin(neap_trainer *t);
neap_status neap__dart_keep(neap_trainer *t);
neap_status neap__dart_end(neap_trainer *t, bool grew);
void neap__dart_drop(neap__dart *d);

#endif
