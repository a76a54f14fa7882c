/* engine.h — inside the module: what training works on.
 *
 * The life of an iteration: sample.c draws the rows and features of a tree; objective.c turns
 * scores into gradient pairs, fixed.c rounds them to fixed point; histogram.c sums the pairs of a
 * leaf's rows by bin and search.c finds its best cut, both through loops.c, which is compiled once
 * per instruction set; split.c knows the gain of a cut, category.c sets of categories, ordered.c
 * their numbers, constraint.c what limits splits; rows.c moves the rows of leaves together; grow.c,
 * and symmetric.c, decide which leaf is split next; linear.c puts lines into leaves, renew.c
 * quantiles; scores.c adds the finished tree to the scores. trainer.c runs it all. */
#ifndef NEAP_TREE_ENGINE_H
#define NEAP_TREE_ENGINE_H

#include "base/rng.h"
#include "tree/model.h"

/* Ranges of options.def, and rules between options. */
neap_status neap__options_check(const neap_gbdt_options *o);

/* bins ----------------------------------------------------------------------------------------- */

enum {
  NEAP__MAX_BINS = 255,
  NEAP__BIN_ROWS = 200000, /* that bounds are found from, at most */
  NEAP__BIN_COLUMNS = 8,   /* whose bounds one task finds */
};

/* The categories of a feature, by falling number of rows (ties: lower code first). The first own of
 * them have bins 0 to own - 1; the others share bin own. */
typedef struct {
  int32_t seen, own;
  int32_t limit;   /* above all codes */
  int32_t *code;   /* [seen] */
  uint8_t *bin;    /* [limit]: bin of a code, NEAP__UNSEEN for none */
  uint8_t missing; /* bin of missing values: the one behind the last */
  uint8_t unseen;  /* bin of codes that training did not have */
  bool refuse;     /* those are an error instead */
  /* Ordered: bins are those of a number, the statistic of a category; codes rise, own is seen. */
  bool ordered;
  uint8_t prior; /* the bin where a category without rows would be */
  double *value; /* [rows] of training, NaN: missing; only until the grid is filled */
  double *table; /* [limit] over all rows; only until bins are cut */
} neap__categories;

/* Codes lie below this: a tree keeps a bit for every code up to the largest of a node. */
enum { NEAP__UNSEEN = 255, NEAP__MAX_CODE = 1 << 24 };
enum { NEAP__UNSEEN_MISSING, NEAP__UNSEEN_OTHER, NEAP__UNSEEN_ERROR }; /* option unseen */

/* One feature in use. Value v lies in the first bin b with v <= bound[b]; the last bin has no
 * bound. Missing values have the bin behind the last one, if the training data had any. */
typedef struct {
  int32_t input;  /* column of x */
  int32_t bins;   /* without the one for missing values */
  bool missing;   /* NaN occurred in training */
  double *bound;  /* [256], padded with +inf so that the search has a fixed depth */
  int32_t offset; /* of its first cell in a histogram */
  const neap__categories *categories; /* NULL: numbers */
} neap__feature;

typedef struct {
  int64_t rows;
  int32_t used;  /* features with more than one bin */
  int32_t cells; /* of a histogram */
  neap__feature *feature;
  int32_t *offset; /* of each feature in use, side by side for the histogram loop */
  bool even;       /* offsets are multiples of 256 */
  double *bounds;
  /* rows x used. Growing a tree permutes the rows, so that those of a leaf lie side by side: row i
   * of the grid is row row[i] of x. */
  uint8_t *grid;
  int32_t *row;
  double *low, *high;           /* of all columns of x, NaN where there is no value */
  neap__categories *categories; /* [columns]; NULL: none are categorical */
  int64_t columns;
} neap__bins;

/* Labels (0 and 1 of two classes) and weights (NULL: all 1) of the rows. */
typedef struct {
  const double *y;
  const float *weight;
} neap__labelled;

/* Cut x into bins as max_bin, min_data_in_bin, unseen and the columns of o say; sampling (above
 * NEAP__BIN_ROWS) draws from its seed. Labels are read by cat_encoding "ordered" only. */
neap_status neap__bins_build(neap__bins *b, const neap__matrix *x, neap__labelled labels,
                             const neap_gbdt_options *o);
void neap__bins_drop(neap__bins *b);

/* bin[rows x used] of another matrix, cut as b is; NaN has the bin behind the last everywhere. */
neap_status neap__bins_apply(const neap__bins *b, const neap__matrix *x, uint8_t *bin);

/* The first bin of a feature whose bound is not below v. */
static inline uint8_t neap__bin_of(const double *bound, double v) {
  int at = 0;
  for (int step = 128; step; step /= 2) at += bound[at + step - 1] < v ? step : 0;
  return (uint8_t)at;
}

/* Find the categories of the columns that o calls categorical, and give them bins; features are
 * still in the order of the columns. NEAP_EVALUE for what is no code. */
neap_status neap__categories_find(neap__bins *b, const neap__matrix *x, const neap_gbdt_options *o);
void neap__categories_drop(neap__categories *all, int64_t columns); /* NULL is fine */

/* The largest code of a column, -1 when it has none; *missing: it has NaN or negative numbers.
 * NEAP_EVALUE for what is no code. */
neap_status neap__categories_limit(const neap__matrix *x, int64_t column, int64_t *top,
                                   bool *missing);

/* Ordered encoding, around the search for bounds: the value of every row of the categorical columns
 * from the labels of earlier rows; then the bins of categories, from the table of all rows. */
neap_status neap__ordered_encode(neap__bins *b, const neap__matrix *x, neap__labelled labels,
                                 const neap_gbdt_options *o);
neap_status neap__ordered_finish(neap__bins *b, const neap_gbdt_options *o);

/* What a file says of the feature: the codes that have a bin, "-1:4:0:2", and behind a second -1
 * those that share one. Fresh text; NULL when memory is out. */
char *neap__categories_text(const neap__categories *c);

/* out[i * stride] = bin of v[i]; first is the row of v[0], for messages. */
neap_status neap__categories_fill(const neap__feature *f, const double *v, int64_t n, int64_t first,
                                  uint8_t *out, int64_t stride);

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
  /* Quantised gradients (Shi et al. 2022): G from -levels / 2 to levels / 2, H up to levels; 0: as
   * wide as fits. stochastic: rounded up with the chance of the part cut off, drawn by row and
   * key. */
  int levels;
  bool stochastic;
  uint64_t key;
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

/* The sum of up to NEAP__NARROW_ROWS quantised pairs in one word: gradients << 39 | hessians << 15
 * | rows. Levels up to 256 fit. */
typedef int64_t neap__narrow;
enum { NEAP__NARROW_H = 15, NEAP__NARROW_G = 39, NEAP__NARROW_ROWS = (1 << NEAP__NARROW_H) - 1 };

static inline neap__narrow neap__pair_narrow(neap__pair p) {
  return (int64_t)((uint64_t)(int64_t)p.fixed.g << NEAP__NARROW_G) +
         ((int64_t)p.fixed.h << NEAP__NARROW_H) + 1;
}
static inline neap__cell neap__narrow_cell(neap__narrow c, int shift) {
  int64_t h = c >> NEAP__NARROW_H & (((int64_t)1 << (NEAP__NARROW_G - NEAP__NARROW_H)) - 1);
  return (neap__cell){c >> NEAP__NARROW_G, (h << shift) + (c & NEAP__NARROW_ROWS)};
}

/* At most 2^27 rows, so that hessians keep 9 bits or more in a cell. */
enum { NEAP__MAX_ROWS = (1 << 27) - 1 };

/* The widths that cannot overflow for that many rows. */
void neap__scale_widths(neap__scale *s, int64_t rows);

/* Turn the n real pairs of rows row[i] of x into fixed ones in place, and *total into their sum;
 * sets the factors of s, powers of two unless quantised. NEAP_EVALUE when a gradient is not
 * finite. */
neap_status neap__scale_fix(neap__scale *s, const int32_t *row, neap__pair *pairs, int64_t n,
                            neap__cell *total);

/* Where the real pairs of a tree come from: fill sets pairs[i] to that of row[i] for i < n. */
typedef struct {
  neap_status (*fill)(const void *ctx, const int32_t *row, int64_t n, neap__pair *pairs);
  const void *ctx;
} neap__source;

/* From an array with the pairs of all rows. */
neap__source neap__source_of(const neap__pair *all);

/* splits --------------------------------------------------------------------------------------- */

typedef struct {
  double gain;     /* over the unsplit leaf; <= 0: none found */
  int32_t feature; /* index into bins->feature */
  int32_t bin;     /* last bin that goes left */
  bool missing_left;
  bool sorted; /* categories by their gradients: cat_l2 holds for the children */
  neap__cell left;
  uint64_t set[4]; /* categorical: the bins that go left, a bit each */
} neap__split;

typedef struct {
  double l1, l2, min_gain, min_hessian;
  int64_t min_rows;
  /* of categorical features */
  int64_t onehot, most, group; /* max_cat_to_onehot, max_cat_threshold, min_data_per_group */
  double cat_l2, cat_smooth;
  /* beyond the plain rule */
  bool plain, random; /* none of these; extra_trees */
  double max_delta, smooth, penalty;
  const int8_t *monotone; /* by feature; NULL: none */
  const double *factor;   /* of gains, by feature; NULL: 1 */
} neap__split_rule;

enum { NEAP__MONOTONE_BASIC, NEAP__MONOTONE_INTERMEDIATE };

neap__split_rule neap__split_rule_of(const neap_gbdt_options *o);

/* A leaf about to be split: its sums, and what it improves the loss by as it is. */
typedef struct {
  const neap__scale *s;
  const neap__split_rule *r;
  neap__cell total;
  double g, h, unsplit;
  /* unless the rule is plain */
  double low, high; /* bounds of outputs */
  double output;    /* its own */
  double discount;  /* of gains of monotone features */
  neap_rng extra;
} neap__whole;

neap__whole neap__whole_of(neap__cell total, const neap__scale *s, const neap__split_rule *r);

/* Set what a rule that is not plain needs to know of a leaf. */
void neap__whole_limit(neap__whole *w, double low, double high, double output);

/* The output of a leaf that no split made: without smoothing and bounds. */
double neap__root_output(double g, double h, const neap__split_rule *r);

/* LightGBM's factor for gains of monotone features: monotone_penalty forbids them near the root. */
double neap__monotone_discount(double penalty, int32_t depth);

/* Leaf value that minimises the loss, without learning rate. */
double neap__leaf_output(double g, double h, const neap__split_rule *r);

/* Rows begin <= i < end of the grid, and its features first <= k < last, or those in use of them.
 */
typedef struct {
  int64_t begin, end;
  int32_t first, last, used;
  const int32_t *use; /* NULL: all */
} neap__span;

/* What is compiled once per instruction set. */
typedef struct {
  /* h[cells] += pairs of the rows and features of a span. */
  void (*histogram_add)(const neap__bins *b, const neap__pair *pairs, int shift,
                        const neap__span *at, neap__cell *h);
  /* The same for quantised pairs of even bins, all features of the span, in narrow cells. */
  void (*histogram_narrow)(const neap__bins *b, const neap__pair *pairs, const neap__span *at,
                           neap__narrow *h);
  /* Weigh the cuts behind the bins, with what is missing on the right, then on the left (with
   * nothing missing neither a second time nor behind the last); gain, bin, missing_left and left of
   * best are replaced by those of the first cut with the largest gain above its own. */
  void (*sweep)(const neap__whole *w, const neap__cell *h, int32_t bins, neap__cell missing,
                neap__split *best);
  /* y[i] = neap__exp(x[i]), and neap__sigmoid(scale * x[i]); x may be y. */
  void (*exp)(int64_t n, const double *x, double *y);
  void (*sigmoid)(int64_t n, double scale, const double *x, double *y);
} neap__loops;

/* Table number i, as neap_kern_at: scalar first, NULL past the last that this processor can run. */
const neap__loops *neap__loops_at(int i);

/* The table of the instruction set that kern runs on, which NEAP_CPU may have set. */
neap_status neap__loops_select(const neap__loops **out);

/* The best cut of any feature under any rule; ties go to the lower bin, then to missing on the
 * right. best is replaced only by a strictly larger gain. */
void neap__split_find(const neap__loops *loops, const neap__feature *f, int32_t index,
                      const neap__cell *h, const neap__whole *w, neap__split *best);

/* The same for a categorical feature: one category against the rest where there are few, else the
 * first ones in the order of gradients from either end. The side of missing values is the right
 * one, since files know no other; without any, the larger side is. */
void neap__split_category(const neap__feature *f, int32_t index, const neap__cell *h,
                          const neap__whole *w, neap__split *best);

/* A cut of numbers, where categories are ordered, becomes the set on one side of it. On the right
 * are missing values, else the side of the prior. */
void neap__ordered_set(const neap__feature *f, const neap__cell *h, const neap__whole *w,
                       neap__split *s);

/* What a cut must gain more than: the best so far, min_gain_to_split, rounding noise. */
double neap__least_gain(const neap__whole *w, const neap__split *best);

/* Whether a side of a cut has min_data_in_leaf rows and min_sum_hessian_in_leaf. */
bool neap__side_enough(neap__cell side, const neap__whole *w);

/* The one cut of so many that extra_trees looks at; -1: all. */
int32_t neap__random_cut(const neap__whole *w, int32_t index, int32_t cuts);

/* What the leaf gains by a cut, with more l2 for the children; -inf when their outputs go against
 * monotone (1: left below right, -1: above, 0: any). */
double neap__cut_gain(const neap__whole *w, neap__cell left, double more_l2, int monotone);

/* Outputs of the two children, without learning rate. */
void neap__split_outputs(const neap__split *s, const neap__whole *w, double output[2]);

/* Count into *cats and *words what the sets of a split take in a tree; then write the split as a
 * node of it: feature, threshold, decision, and its set behind those of *cats others. */
void neap__split_measure(const neap__split *s, const neap__feature *f, int64_t *cats,
                         int64_t *words);
void neap__split_store(const neap__split *s, const neap__feature *f, neap__tree *t, int32_t node,
                       int64_t *cats);

/* The categorical case of both. */
void neap__categories_measure(const neap__split *s, const neap__categories *c, int64_t *cats,
                              int64_t *words);
void neap__categories_store(const neap__split *s, const neap__categories *c, neap__tree *t,
                            int64_t *cats);

/* Which bins of f go left: goes_left[bin] is 1 or 0 for every bin, the missing one included. */
void neap__split_table(const neap__split *s, const neap__feature *f, uint8_t goes_left[256]);
bool neap__split_left(const neap__split *s, const neap__feature *f, uint8_t bin);

/* growing -------------------------------------------------------------------------------------- */

typedef struct neap__grower neap__grower;

neap_status neap__grower_new(neap__grower **out, neap__bins *b, const neap_gbdt_options *o);
void neap__grower_free(neap__grower *g);

/* Grow one tree on the pairs of the rows in the bag (NULL: all), one flag 0 or 1 per row of x,
 * using the features in use. *tree has values without learning rate; a tree without a split has one
 * leaf. The order of rows in the grid never changes a tree. */
neap_status neap__grower_grow(neap__grower *g, neap__source pairs, const uint8_t *bag,
                              const int32_t *use, int32_t used, neap__tree **tree);

/* Where extra_trees and feature_fraction_bynode draw for the next tree. */
void neap__grower_draws(neap__grower *g, neap_rng extra, neap_rng node);

/* What the rounding of quantised gradients is drawn by for the next tree. */
void neap__grower_key(neap__grower *g, uint64_t key);

/* After growing: the rows of each leaf are row[begin] to row[begin + count - 1] of the bins, those
 * outside the bag row[grown] and all behind. */
void neap__grower_leaf(const neap__grower *g, int32_t leaf, int64_t *begin, int64_t *count);
int64_t neap__grower_grown(const neap__grower *g);

/* After growing: the leaf that a row of bins reaches. */
int32_t neap__grower_route(const neap__grower *g, const uint8_t *bin);

/* The same for later and for many rows: the tree's decisions on bins, a block for neap_free; NULL
 * when memory is out. */
typedef struct neap__route neap__route;
neap__route *neap__route_new(const neap__grower *g);

/* leaf[i] that row i of n rows of bins, width apart, reaches. */
void neap__route_rows(const neap__route *r, const uint8_t *bin, int64_t width, int64_t n,
                      int32_t *leaf);

#endif
