/* What a fit will take, from sizes alone: the arrays of trainer.h, grower.h and engine.h counted
 * up. What lives at once decides: finding the bins comes before most of the rest, the start value
 * of every row goes before metrics are asked for, the finished model comes after both. */
#include "base/pool.h"
#include "tree/grower.h"
#include "tree/trainer.h"

enum {
  BINS = 256,     /* cells of a feature, bounds of a feature */
  COMPILED = 105, /* bytes of a leaf of a finished model, about */
};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* a * b, at most 2^58: sums of some such numbers do not overflow. */
static int64_t times(int64_t a, int64_t b) {
  int64_t top = (int64_t)1 << 58;
  return a > 0 && b > top / a ? top : a * b;
}

static int64_t size_of(size_t n) { return (int64_t)n; }

static int64_t bins_bytes(const neap_gbdt_shape *s) {
  int64_t feature = size_of(sizeof(neap__feature) + (BINS + 2) * sizeof(double) + sizeof(int32_t));
  return times(s->rows, s->features + size_of(sizeof(int32_t))) + times(s->features, feature);
}

static int64_t scores_bytes(const neap_gbdt_options *o, const neap_gbdt_shape *s, int64_t rows,
                            bool weighted) {
  int64_t number = size_of(sizeof(double)), sums = neap__is_forest(o) ? 2 : 1;
  return times(rows,
               number + times(number * sums, s->columns) + (weighted ? size_of(sizeof(float)) : 0));
}

static int64_t gradient_bytes(const neap_gbdt_options *o, const neap_gbdt_shape *s) {
  neap__loss loss = {.o = o, .objective = o->objective, .columns = s->columns};
  int64_t row =
      times(size_of(sizeof(neap__pair)), neap__keeps_pairs(o, &loss) ? s->columns + 1 : 1);
  if (neap__samples_rows(o)) row++;
  if (neap__loss_renews(&loss)) row += size_of(sizeof(neap__weighted));
  if (o->reg_sqrt) row += size_of(sizeof(double));
  return times(s->rows, row) + s->rows / 8;
}

/* How many leaves a tree can have. */
static int64_t leaves_of(const neap_gbdt_options *o, const neap_gbdt_shape *s) {
  int64_t smallest = most(o->min_data_in_leaf, 1),
          leaves = least(o->num_leaves, s->rows / smallest);
  if (o->max_depth > 0 && o->max_depth < 20) leaves = least(leaves, (int64_t)1 << o->max_depth);
  return most(leaves, 1);
}

/* Leaves that may still be split keep a histogram each, half as many again those opened ahead of
 * their turn, until there are enough of them. */
static int64_t histogram_bytes(const neap_gbdt_options *o, const neap_gbdt_shape *s) {
  int64_t one = times(s->features, BINS * size_of(sizeof(neap__cell)));
  int64_t wanted = leaves_of(o, s) * 3 / 2;
  return times(one, least(wanted, most(4 * NEAP__BATCH, NEAP__POOL / one)) + neap_threads());
}

static int64_t tree_bytes(const neap_gbdt_options *o, const neap_gbdt_shape *s) {
  int64_t leaves = leaves_of(o, s);
  size_t leaf = 2 * sizeof(double) + sizeof(int64_t);
  size_t node = 4 * sizeof(double) + sizeof(int64_t) + 3 * sizeof(int32_t) + 1;
  int64_t tree = size_of(sizeof(neap__tree)) + leaves * size_of(leaf + node);
  return times(times(s->iterations, s->columns), tree);
}

/* The keys of a few columns and three lists beside them, on each thread. */
static int64_t finding_bytes(const neap_gbdt_shape *s) {
  int64_t numbers = 0, sample = least(s->rows, NEAP__BIN_ROWS);
  for (int64_t k = 0, from = 0; k < neap_threads() && from < s->features;
       k++, from += NEAP__BIN_COLUMNS)
    numbers += least(s->features - from, NEAP__BIN_COLUMNS) + 3;
  return numbers * sample * size_of(sizeof(double));
}

void neap_gbdt_memory_of(const neap_gbdt_options *o, const neap_gbdt_shape *s,
                         neap_gbdt_memory *m) {
  int64_t compiled = times(times(s->iterations, s->columns), leaves_of(o, s) * COMPILED);
  neap__loss loss = {.o = o, .objective = o->objective, .columns = s->columns};
  int64_t start =
      neap__keeps_pairs(o, &loss) ? times(times(s->rows, s->columns), size_of(sizeof(double))) : 0;
  int64_t ordered = times(s->ordered, 2 * 16); /* two lists of a score, a weight and a label */
  bool forest = neap__is_forest(o);
  *m = (neap_gbdt_memory){.bins = bins_bytes(s),
                          .scores = scores_bytes(o, s, s->rows, s->weighted),
                          .gradients = gradient_bytes(o, s),
                          .histograms = histogram_bytes(o, s),
                          .trees = tree_bytes(o, s)};
  m->valid = scores_bytes(o, s, s->valid_rows, false) + times(s->valid_rows, s->features);
  if (forest) m->scores += start;
  int64_t held = m->bins + m->scores + m->gradients + m->valid;
  int64_t growing = held + m->histograms + (forest ? 0 : start);
  int64_t judging = held + m->histograms + m->trees + ordered;
  int64_t ending = held + m->histograms + 2 * m->trees + compiled;
  /* Values of encoded features are there until the bins are filled. */
  int64_t encoded = times(times(s->encoded, s->rows), size_of(sizeof(double)));
  int64_t finding = (encoded ? most(finding_bytes(s), m->bins) : finding_bytes(s)) + encoded +
                    times(s->rows, size_of(sizeof(double)));
  m->peak = most(most(growing, judging), most(ending, finding));
  m->passing = m->peak - held - m->histograms - m->trees;
  if (m->passing < 0) m->passing = 0;
}
