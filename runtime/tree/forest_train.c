/* Drawing rows and growing the trees of a forest. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tree/forest_grow.h"

enum {
  CHUNK = 4096,
  THREADS = 256, /* the most that there can be */
  FEW = 1 << 13, /* rows of all trees that are not worth waking threads */
};

/* Walker's alias method: row i is drawn for a uniform position in cell i, or else other[i]. */
typedef struct {
  double *keep;
  int32_t *other;
} chances;

struct neap_forester {
  neap_forest_options o;
  neap__bins bins;
  neap__forest_job job;
  double *y, *weight; /* weight NULL: all 1 */
  chances chance;     /* keep NULL: equal */
  neap_forest *model; /* NULL after it was handed over */
  double *importance; /* [trees][columns] */
  uint64_t *seen;     /* [trees][words]: rows in the draw of a tree */
  int64_t words, begun, grown;
  neap__forest_grower **grower; /* by thread */
  int32_t **times;              /* by thread: how often a row is drawn */
};

/* checks --------------------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  int64_t value, low, high;
} range;

static neap_status check_options(const neap_forest_options *o) {
  const range ranges[] = {
      {"n_estimators", o->trees, 1, 1000000},
      {"max_depth", o->max_depth, -1, INT32_MAX},
      {"min_samples_split", o->min_samples_split, 2, INT32_MAX},
      {"min_samples_leaf", o->min_samples_leaf, 1, INT32_MAX / 2},
      {"max_features", o->max_features, 1, INT32_MAX},
      {"max_samples", o->max_samples, 1, INT32_MAX},
      {"block_length", o->block_length, 1, INT32_MAX},
      {"max_bin", o->max_bin, 2, NEAP__MAX_BINS},
  };
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (ranges[i].value < ranges[i].low || ranges[i].value > ranges[i].high)
      return neap_fail(NEAP_EARG, "forest.fit: %s is %lld, allowed are %lld to %lld",
                       ranges[i].name, (long long)ranges[i].value, (long long)ranges[i].low,
                       (long long)ranges[i].high);
  if (!(o->min_impurity_decrease >= 0 && o->min_impurity_decrease < HUGE_VAL))
    return neap_fail(NEAP_EARG, "forest.fit: min_impurity_decrease is %g, allowed are 0 and more",
                     o->min_impurity_decrease);
  return NEAP_OK;
}

static neap_status check_matrix(const neap__matrix *x) {
  if (x->rows < 1 || x->columns < 1)
    return neap_fail(NEAP_ESHAPE, "forest.fit: x has %lld rows and %lld columns",
                     (long long)x->rows, (long long)x->columns);
  if (x->rows > NEAP__MAX_ROWS || x->columns > NEAP__FOREST_FEATURES)
    return neap_fail(NEAP_ESHAPE, "forest.fit: x is %lld by %lld, allowed are %d by %d",
                     (long long)x->rows, (long long)x->columns, NEAP__MAX_ROWS,
                     NEAP__FOREST_FEATURES);
  return NEAP_OK;
}

/* A copy of n numbers not below 0 and not all 0. */
static neap_status copy_positive(double **out, const double *w, int64_t n, const char *what) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!(w[i] >= 0 && w[i] < 1e30))
      return neap_fail(NEAP_EVALUE, "forest.fit: %s %lld is %g, allowed are 0 to 1e30", what,
                       (long long)i + 1, w[i]);
    sum += w[i];
  }
  if (!(sum > 0))
    return neap_fail(NEAP_EVALUE, "forest.fit: all %lld %ss are 0", (long long)n, what);
  *out = neap_alloc_array(n, sizeof **out);
  if (!*out) return NEAP_ENOMEM;
  memcpy(*out, w, (size_t)n * sizeof **out);
  return NEAP_OK;
}

/* labels --------------------------------------------------------------------------------------- */

static neap_status find_classes(neap_forest *m, const double *y, int64_t n) {
  int64_t found[NEAP__FOREST_CLASSES], k = 0;
  for (int64_t i = 0; i < n; i++) {
    if (y[i] != floor(y[i]) || fabs(y[i]) > 0x1p53)
      return neap_fail(NEAP_EVALUE,
                       "forest.fit: label %lld is %.17g, classes are integers; criterion "
                       "'squared_error' fits numbers",
                       (long long)i + 1, y[i]);
    int64_t v = (int64_t)y[i], at = neap__place(found, k, v);
    if (at < k && found[at] == v) continue;
    if (k == NEAP__FOREST_CLASSES)
      return neap_fail(NEAP_EVALUE,
                       "forest.fit: more than %d classes; criterion 'squared_error' fits numbers",
                       NEAP__FOREST_CLASSES);
    memmove(found + at + 1, found + at, (size_t)(k - at) * sizeof *found);
    found[at] = v;
    k++;
  }
  if (k < 2)
    return neap_fail(NEAP_EVALUE, "forest.fit: all %lld labels are %lld, two classes are needed",
                     (long long)n, (long long)found[0]);
  m->labels = neap_alloc_array(k, sizeof *m->labels);
  if (!m->labels) return NEAP_ENOMEM;
  memcpy(m->labels, found, (size_t)k * sizeof *found);
  m->classes = k;
  return NEAP_OK;
}

/* Class numbers, or values less their mean, so that squares of sums do not cancel. */
static neap_status take_labels(neap_forester *f, const double *y) {
  int64_t n = f->bins.rows;
  neap_forest *m = f->model;
  for (int64_t i = 0; i < n; i++)
    if (!(fabs(y[i]) < 1e150))
      return neap_fail(NEAP_EVALUE, "forest.fit: label %lld is %g", (long long)i + 1, y[i]);
  if (f->o.criterion != NEAP_CRITERION_SQUARED) NEAP_TRY(find_classes(m, y, n));
  f->y = neap_alloc_array(n, sizeof *f->y);
  if (!f->y) return NEAP_ENOMEM;
  double mean = 0;
  for (int64_t i = 0; i < n; i++) mean += y[i] / (double)n;
  for (int64_t i = 0; i < n; i++)
    f->y[i] = m->classes ? (double)neap__place(m->labels, m->classes, (int64_t)y[i]) : y[i] - mean;
  f->job = (neap__forest_job){&f->bins, &f->o, m->classes, m->classes ? 0 : mean};
  return NEAP_OK;
}

/* chances -------------------------------------------------------------------------------------- */

/* Vose, A linear algorithm for generating random numbers with a given distribution, 1991. */
static neap_status take_chances(chances *c, const double *given, int64_t n) {
  if (!given) return NEAP_OK;
  NEAP_TRY(copy_positive(&c->keep, given, n, "bootstrap weight"));
  c->other = neap_alloc_array(n, sizeof *c->other);
  int32_t *list = neap_alloc_array(n, sizeof *list);
  if (!c->other || !list) {
    neap_free(list);
    return NEAP_ENOMEM;
  }
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += c->keep[i];
  int64_t few = 0, many = n; /* cells below one share from the front, the others from the back */
  for (int64_t i = 0; i < n; i++) {
    c->keep[i] *= (double)n / sum;
    c->other[i] = (int32_t)i;
    list[c->keep[i] < 1 ? few++ : --many] = (int32_t)i;
  }
  while (few > 0 && many < n) {
    int32_t low = list[--few], high = list[many];
    c->other[low] = high;
    c->keep[high] -= 1 - c->keep[low];
    if (c->keep[high] >= 1) continue;
    many++;
    list[few++] = high;
  }
  neap_free(list);
  return NEAP_OK;
}

static int64_t draw_row(const neap_forester *f, neap_rng *r) {
  uint64_t n = (uint64_t)f->bins.rows;
  if (!f->chance.keep) return (int64_t)neap_rng_below(r, n);
  double u = neap_rng_uniform(r) * (double)n;
  int64_t i = (int64_t)u;
  return u - (double)i < f->chance.keep[i] ? i : f->chance.other[i];
}

/* opening -------------------------------------------------------------------------------------- */

static neap_status make_room(neap_forester *f) {
  neap_forest *m = f->model;
  int64_t trees = f->o.trees;
  f->words = (f->bins.rows + 63) / 64;
  m->tree = neap_calloc_array(trees, sizeof *m->tree);
  m->importance = neap_calloc_array(f->bins.columns, sizeof *m->importance);
  f->importance = neap_calloc_array(trees * f->bins.columns, sizeof *f->importance);
  f->grower = neap_calloc_array(THREADS, sizeof *f->grower);
  f->times = neap_calloc_array(THREADS, sizeof *f->times);
  if (f->o.oob) f->seen = neap_calloc_array(trees * f->words, sizeof *f->seen);
  bool ok = m->tree && m->importance && f->importance && f->grower && f->times;
  return ok && (f->seen || !f->o.oob) ? NEAP_OK : NEAP_ENOMEM;
}

/* As for boosting, every value a bin of its own where there is room. */
static neap_status cut_features(neap_forester *f, const neap__matrix *x) {
  neap_gbdt_options o = neap_gbdt_defaults();
  o.max_bin = f->o.max_bin;
  o.min_data_in_bin = 1;
  o.seed = (int64_t)f->o.seed;
  NEAP_TRY(neap__bins_build(&f->bins, x, (neap__labelled){0}, &o));
  neap_free(f->bins.row); /* the rows stay where they are */
  f->bins.row = NULL;
  return NEAP_OK;
}

neap_status neap_forester_open(neap_forester **out, const neap_forest_options *o,
                               const neap_tensor *x, const double *y, const double *weights,
                               const double *chance) {
  neap__matrix matrix;
  *out = NULL;
  NEAP_TRY(neap__matrix_of(&matrix, x, "forest.fit"));
  NEAP_TRY(check_matrix(&matrix));
  NEAP_TRY(check_options(o));
  neap_forester *f = neap_calloc_array(1, sizeof *f);
  if (!f) return NEAP_ENOMEM;
  f->o = *o;
  f->model = neap_calloc_array(1, sizeof *f->model);
  f->bins.rows = matrix.rows;
  neap_status st = f->model ? take_labels(f, y) : NEAP_ENOMEM;
  if (!st && weights) st = copy_positive(&f->weight, weights, matrix.rows, "weight");
  if (!st) st = take_chances(&f->chance, chance, matrix.rows);
  if (!st) st = cut_features(f, &matrix);
  if (!st) st = make_room(f);
  if (st) neap_forester_free(f);
  else *out = f;
  return st;
}

/* a tree --------------------------------------------------------------------------------------- */

/* times[row] = how often each row is in the draw. */
static neap_status draw_rows(const neap_forester *f, neap_rng *r, int32_t *times) {
  int64_t n = f->bins.rows, length = f->o.block_length;
  if (!f->o.bootstrap) {
    for (int64_t i = 0; i < n; i++) times[i] = 1;
    return NEAP_OK;
  }
  memset(times, 0, (size_t)n * sizeof *times);
  for (int64_t done = 0; done < f->o.max_samples;) { /* blocks go on at the first row */
    int64_t at = draw_row(f, r);
    if (r->next % CHUNK == 0) NEAP_TRY(neap_interrupt_check());
    for (int64_t i = 0; i < length && done < f->o.max_samples; i++, done++) {
      times[at]++;
      at = at + 1 < n ? at + 1 : 0;
    }
  }
  return NEAP_OK;
}

/* factor[class] that gives all classes of a draw the same weight. */
static void balance(const neap_forester *f, const int32_t *times, double *factor) {
  int64_t k = f->model->classes, present = 0, drawn = 0;
  for (int64_t c = 0; c < k; c++) factor[c] = 0;
  for (int64_t i = 0; i < f->bins.rows; i++) {
    factor[(int64_t)f->y[i]] += times[i];
    drawn += times[i];
  }
  for (int64_t c = 0; c < k; c++) present += factor[c] > 0;
  for (int64_t c = 0; c < k; c++)
    if (factor[c] > 0) factor[c] = (double)drawn / ((double)present * factor[c]);
}

/* Hand the drawn rows to the grower; their number. */
static int64_t take_rows(const neap_forester *f, const int32_t *times, int32_t *rows,
                         neap__forest_row *at) {
  double factor[NEAP__FOREST_CLASSES];
  bool balanced = f->o.balanced_subsample && f->model->classes;
  int64_t n = 0;
  if (balanced) balance(f, times, factor);
  for (int64_t i = 0; i < f->bins.rows; i++) {
    double w = times[i] * (f->weight ? f->weight[i] : 1);
    if (balanced) w *= factor[(int64_t)f->y[i]];
    rows[n] = (int32_t)i;
    at[n] = (neap__forest_row){w, f->y[i]};
    n += w > 0;
  }
  return n;
}

static neap_status scratch(neap_forester *f, int worker) {
  if (!f->times[worker]) f->times[worker] = neap_alloc_array(f->bins.rows, sizeof **f->times);
  if (!f->times[worker]) return NEAP_ENOMEM;
  if (f->grower[worker]) return NEAP_OK;
  return neap__forest_grower_new(&f->grower[worker], &f->job, f->bins.rows);
}

/* A tree keeps the memory that it needs. */
static neap_status trim(neap__forest_tree *t, int64_t outputs) {
  void *node = neap_realloc_array(t->node, t->nodes, sizeof *t->node);
  if (node) t->node = node;
  void *row = neap_realloc_array(t->row, t->leaves, sizeof *t->row);
  if (row) t->row = row;
  void *value = neap_realloc_array(t->value, t->values * outputs + 1, sizeof(double));
  if (value) t->value = value;
  return node && row && value ? NEAP_OK : NEAP_ENOMEM;
}

static neap_status grow_tree(neap_forester *f, int64_t tree) {
  int worker = neap_worker();
  NEAP_TRY(scratch(f, worker));
  neap_rng seed = neap_rng_make(f->o.seed), forest = neap_rng_split(&seed, "forest", 6);
  neap_rng rows = neap_rng_sub(&forest, 2 * (uint64_t)tree + 1);
  neap_rng cuts = neap_rng_sub(&forest, 2 * (uint64_t)tree + 2);
  int32_t *times = f->times[worker];
  neap__forest_grower *g = f->grower[worker];
  NEAP_TRY(draw_rows(f, &rows, times));
  if (f->seen)
    for (int64_t i = 0; i < f->bins.rows; i++)
      f->seen[tree * f->words + i / 64] |= (uint64_t)(times[i] > 0) << (i % 64);
  int64_t n = take_rows(f, times, neap__forest_grower_rows(g), neap__forest_grower_at(g));
  neap__forest_tree *t = &f->model->tree[tree];
  if (n == 0)
    return neap_fail(NEAP_EVALUE, "forest.fit: tree %lld drew only rows of weight 0",
                     (long long)tree + 1);
  NEAP_TRY(neap__forest_grow(g, n, cuts, t, f->importance + tree * f->bins.columns));
  NEAP_TRY(trim(t, neap__forest_outputs(f->model)));
  return neap_interrupt_check();
}

static neap_status grow_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  neap_forester *f = ctx;
  for (int64_t i = begin; i < end; i++) NEAP_TRY(grow_tree(f, f->grown + i));
  return NEAP_OK;
}

neap_status neap_forester_grow(neap_forester *f, int64_t count) {
  if (!f->model || f->begun != f->grown)
    return neap_fail(NEAP_EARG, "forest.fit: the forest failed or is finished");
  int64_t left = f->o.trees - f->grown;
  count = count < left ? count : left;
  if (count <= 0) return NEAP_OK;
  f->begun = f->grown + count;
  int64_t grain = f->bins.rows * count < FEW ? count : 1;
  NEAP_TRY(neap_parallel_for(count, grain, grow_chunk, f));
  f->model->trees = f->grown = f->begun;
  return NEAP_OK;
}

int64_t neap_forester_trees(const neap_forester *f) { return f->grown; }
int64_t neap_forester_rows(const neap_forester *f) { return f->bins.rows; }
int64_t neap_forester_width(const neap_forester *f) { return f->job.classes ? f->job.classes : 1; }

/* out of bag ----------------------------------------------------------------------------------- */

typedef struct {
  const neap_forester *f;
  double *out;
} oob_job;

static neap_status oob_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const oob_job *job = ctx;
  const neap_forester *f = job->f;
  int64_t k = neap_forester_width(f);
  int32_t rows[CHUNK], trees[CHUNK] = {0};
  double *sums = job->out + begin * k;
  memset(sums, 0, (size_t)((end - begin) * k) * sizeof *sums);
  for (int64_t t = 0; t < f->grown; t++) {
    const uint64_t *seen = f->seen + t * f->words;
    int32_t n = 0;
    for (int64_t i = begin; i < end; i++) {
      bool unseen = !(seen[i / 64] >> (i % 64) & 1);
      rows[n] = (int32_t)(i - begin);
      trees[i - begin] += unseen;
      n += unseen;
    }
    neap__forest_add(&f->model->tree[t], f->model->classes, &f->bins,
                     f->bins.grid + begin * f->bins.used, rows, n, sums);
    NEAP_TRY(neap_interrupt_check());
  }
  for (int64_t i = 0; i < (end - begin) * k; i++)
    sums[i] = trees[i / k] ? sums[i] / trees[i / k] : NAN;
  return NEAP_OK;
}

neap_status neap_forester_oob(const neap_forester *f, double *out) {
  if (!f->seen || !f->model) return neap_fail(NEAP_EARG, "forest.fit: oob_score was not asked for");
  return neap_parallel_for(f->bins.rows, CHUNK, oob_chunk, &(oob_job){f, out});
}

/* the end -------------------------------------------------------------------------------------- */

static void sum_importance(neap_forester *f) {
  double *sum = f->model->importance, all = 0;
  int64_t columns = f->bins.columns;
  for (int64_t t = 0; t < f->grown; t++) {
    const double *tree = f->importance + t * columns;
    double total = 0;
    for (int64_t c = 0; c < columns; c++) total += tree[c];
    for (int64_t c = 0; total > 0 && c < columns; c++) sum[c] += tree[c] / total;
  }
  for (int64_t c = 0; c < columns; c++) all += sum[c];
  for (int64_t c = 0; all > 0 && c < columns; c++) sum[c] /= all;
}

neap_status neap_forester_finish(neap_forester *f, neap_forest **out) {
  *out = NULL;
  if (!f->model || f->begun != f->grown || f->grown == 0)
    return neap_fail(NEAP_EARG, "forest.fit: the forest failed, is finished, or has no tree");
  sum_importance(f);
  neap_free(f->bins.grid);
  f->model->bins = f->bins;
  f->model->bins.grid = NULL;
  memset(&f->bins, 0, sizeof f->bins);
  *out = f->model;
  f->model = NULL;
  return NEAP_OK;
}

void neap_forester_free(neap_forester *f) {
  if (!f) return;
  for (int i = 0; i < THREADS; i++) {
    if (f->grower) neap__forest_grower_free(f->grower[i]);
    if (f->times) neap_free(f->times[i]);
  }
  if (f->model) { /* trees that were begun may stand behind those that are finished */
    f->model->trees = f->model->tree ? f->begun : 0;
    neap_forest_free(f->model);
  }
  neap__bins_drop(&f->bins);
  neap_free(f->y);
  neap_free(f->weight);
  neap_free(f->chance.keep);
  neap_free(f->chance.other);
  neap_free(f->importance);
  neap_free(f->seen);
  neap_free(f->grower);
  neap_free(f->times);
  neap_free(f);
}
