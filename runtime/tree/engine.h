/* engine.h — inside the module: what training works on.
 *
 * The life of an iteration: objective.c turns scores into gradient pairs, fixed.c rounds them to
 * fixed point; loops.c sums the pairs of a leaf's rows by bin and weighs the cuts of a histogram,
 * split.c picks the best of a feature; grow.c partitions rows and decides which leaf is split next;
 * sample.c draws the rows and features of a tree; scores.c adds the finished tree to the scores. */
#ifndef NEAP_TREE_ENGINE_H
#define NEAP_TREE_ENGINE_H

#include "tree/model.h"

/* Ranges of options.def, and rules between options. */
neap_status neap__options_check(const neap_gbdt_options *o);

/* bins ----------------------------------------------------------------------------------------- */

enum { NEAP__MAX_BINS = 255 };

/* One feature in use. Value v lies in the first bin b with v <= bound[b]; the last bin has no
 * bound. Missing values have the bin behind the last one, if the training data had any. */
typedef struct {
  int32_t input;  /* column of x */
  int32_t bins;   /* without the one for missing values */
  bool missing;   /* NaN occurred in training */
  double *bound;  /* [256], padded with +inf so that the search has a fixed depth */
  int32_t offset; /* of its first cell in a histogram */
} neap__feature;

typedef struct {
  int64_t rows;
  int32_t used;  /* features with more than one bin */
  int32_t cells; /* of a histogram */
  neap__feature *feature;
  int32_t *offset; /* of each feature in use, side by side for the histogram loop */
  double *bounds;
  /* rows x used. Growing a tree permutes the rows, so that those of a leaf lie side by side: row i
   * of the grid is row row[i] of x. */
  uint8_t *grid;
  int32_t *row;
  double *low, *high; /* of all columns of x, NaN where there is no value */
  int64_t columns;
} neap__bins;

/* Cut x into bins; sampling (above 200,000 rows) draws from seed. */
neap_status neap__bins_build(neap__bins *b, const neap__matrix *x, int64_t max_bin,
                             int64_t min_data_in_bin, uint64_t seed);
void neap__bins_drop(neap__bins *b);

/* bin[rows x used] of another matrix, cut as b is; NaN has the bin behind the last everywhere. */
neap_status neap__bins_apply(const neap__bins *b, const neap__matrix *x, uint8_t *bin);

/* fixed point ---------------------------------------------------------------------------------- */

/* Gradient and hessian of a row: floats while they are computed, then integers. */
typedef union {
  struct {
    float g, h;
  } real;
  struct {
    int32_t g, h;
  } fixed;
} neap__pair;

/* A sum of pairs: [0] = gradients, [1] = hessians << shift | rows. One addition adds all three, and
 * integer sums have the same value in any order. */
typedef int64_t neap__cell __attribute__((vector_size(16)));

/* How integers of the current iteration translate: gradient = G * g, hessian = H * h. */
typedef struct {
  int shift, g_bits, h_bits;
  double g, h;
} neap__scale;

static inline int64_t neap__cell_rows(neap__cell c, const neap__scale *s) {
  return c[1] & (((int64_t)1 << s->shift) - 1);
}
static inline double neap__cell_g(neap__cell c, const neap__scale *s) {
  return (double)c[0] * s->g;
}
static inline double neap__cell_h(neap__cell c, const neap__scale *s) {
  return (double)(c[1] >> s->shift) * s->h;
}
static inline neap__cell neap__pair_cell(neap__pair p, int shift) {
  return (neap__cell){p.fixed.g, ((int64_t)p.fixed.h << shift) + 1};
}

/* At most 2^27 rows, so that hessians keep 9 bits or more in a cell. */
enum { NEAP__MAX_ROWS = (1 << 27) - 1 };

/* The widths that cannot overflow for that many rows. */
void neap__scale_widths(neap__scale *s, int64_t rows);

/* fixed[i] = real[row[i]] in fixed point for i < count, and *total their sum; sets the factors of
 * s, powers of two that fit all n real pairs. NEAP_EVALUE when a gradient is not finite. */
neap_status neap__scale_fix(neap__scale *s, const neap__pair *real, int64_t n, const int32_t *row,
                            int64_t count, neap__pair *fixed, neap__cell *total);

/* splits --------------------------------------------------------------------------------------- */

typedef struct {
  double gain;     /* over the unsplit leaf; <= 0: none found */
  int32_t feature; /* index into bins->feature */
  int32_t bin;     /* last bin that goes left */
  bool missing_left;
  neap__cell left;
} neap__split;

typedef struct {
  double l1, l2, min_gain, min_hessian;
  int64_t min_rows;
} neap__split_rule;

/* A leaf about to be split: its sums, and what it improves the loss by as it is. */
typedef struct {
  const neap__scale *s;
  const neap__split_rule *r;
  neap__cell total;
  double g, h, unsplit;
} neap__whole;

neap__whole neap__whole_of(neap__cell total, const neap__scale *s, const neap__split_rule *r);

/* Leaf value that minimises the loss, without learning rate. */
double neap__leaf_output(double g, double h, const neap__split_rule *r);

/* What is compiled once per instruction set. */
typedef struct {
  /* h[cells] += pairs of the grid's rows begin <= i < end, over the features whose index is in use
   * (NULL: all). */
  void (*histogram_add)(const neap__bins *b, const neap__pair *pairs, int shift, int64_t begin,
                        int64_t end, const int32_t *use, int32_t used, neap__cell *h);
  /* Weigh the cuts behind each of the first bins, the left side starting with the sum start; best
   * is replaced by the first of those with the largest gain above its own. */
  void (*sweep)(const neap__whole *w, const neap__cell *h, int32_t bins, neap__cell start,
                bool missing_left, neap__split *best);
} neap__loops;

/* Table number i, as neap_kern_at: scalar first, NULL past the last that this processor can run. */
const neap__loops *neap__loops_at(int i);

/* The table of the instruction set that kern runs on, which NEAP_CPU may have set. */
neap_status neap__loops_select(const neap__loops **out);

/* The best cut of one feature; ties go to the lower bin, then to missing on the right. best is
 * replaced only by a strictly larger gain. */
void neap__split_feature(const neap__loops *loops, const neap__feature *f, int32_t index,
                         const neap__cell *h, const neap__whole *w, neap__split *best);

/* Which bins of f go left: goes_left[bin] is 1 or 0 for every bin, the missing one included. */
void neap__split_table(const neap__split *s, const neap__feature *f, uint8_t goes_left[256]);
bool neap__split_left(const neap__split *s, const neap__feature *f, uint8_t bin);

/* growing -------------------------------------------------------------------------------------- */

typedef struct neap__grower neap__grower;

neap_status neap__grower_new(neap__grower **out, neap__bins *b, const neap_gbdt_options *o);
void neap__grower_free(neap__grower *g);

/* Grow one tree on the real pairs of the rows in the bag (NULL: all), one flag 0 or 1 per row of x,
 * using the features in use. *tree has values without learning rate; a tree without a split has
 * one leaf. The order of rows in the grid never changes a tree. */
neap_status neap__grower_grow(neap__grower *g, const neap__pair *pairs, const uint8_t *bag,
                              const int32_t *use, int32_t used, neap__tree **tree);

/* After growing: the rows of each leaf are row[begin] to row[begin + count - 1] of the bins, those
 * outside the bag row[grown] and all behind. */
void neap__grower_leaf(const neap__grower *g, int32_t leaf, int64_t *begin, int64_t *count);
int64_t neap__grower_grown(const neap__grower *g);

/* After growing: the leaf that a row of bins reaches. */
int32_t neap__grower_route(const neap__grower *g, const uint8_t *bin);

/* The same for later: a copy of the tree's decisions, one block for neap_free; NULL when memory is
 * out. */
typedef struct neap__route neap__route;
neap__route *neap__route_new(const neap__grower *g);
int32_t neap__route_leaf(const neap__route *r, const neap__bins *b, const uint8_t *bin);

#endif
