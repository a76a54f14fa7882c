/* The boosting loop, one iteration at a time. Scores are always what the trees so far would
 * predict, to the last bit: the start value lives in the leaves of the first trees, and training
 * continued from a model is training never interrupted. */
#include "tree/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/pool.h"
#include "base/rng.h"

enum { CHUNK = 16384 };

static neap_status copy_weights(const double *w, int64_t n, float **out) {
  *out = NULL;
  if (!w) return NEAP_OK;
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!(w[i] >= 0 && w[i] < 1e30))
      return neap_fail(NEAP_EVALUE, "gbdt.fit: weight %lld is %g, allowed are 0 to 1e30",
                       (long long)i + 1, w[i]);
    sum += (double)(float)w[i]; /* kept as floats, which end at 1e-45 */
  }
  if (!(sum > 0)) return neap_fail(NEAP_EVALUE, "gbdt.fit: all %lld weights are 0", (long long)n);
  float *copy = neap_alloc_array(n, sizeof *copy);
  if (!copy) return NEAP_ENOMEM;
  for (int64_t i = 0; i < n; i++) copy[i] = (float)w[i];
  *out = copy;
  return NEAP_OK;
}

/* opening -------------------------------------------------------------------------------------- */

/* Scores of a set from the trees there already are. */
static neap_status start_scores(neap_trainer *t, neap__set *s, const neap_tensor *x,
                                const neap_gbdt *m) {
  int64_t n = s->rows, k = t->columns;
  bool forest = neap__is_forest(&t->o);
  s->scores = neap_calloc_array(n * k, sizeof *s->scores);
  if (forest) s->sums = neap_calloc_array(n * k, sizeof *s->sums);
  if (!s->scores || (forest && !s->sums)) return NEAP_ENOMEM;
  if (!m || m->trees == 0) return NEAP_OK;
  double *into = forest ? s->sums : s->scores;
  if (k == 1) return neap_gbdt_predict(m, x, NEAP_PREDICT_RAW, 0, into);
  double *raw = neap_alloc_array(n * k, sizeof *raw);
  if (!raw) return NEAP_ENOMEM;
  neap_status st = neap_gbdt_predict(m, x, NEAP_PREDICT_RAW, 0, raw);
  for (int64_t i = 0; !st && i < n; i++)
    for (int64_t c = 0; c < k; c++) into[c * n + i] = raw[i * k + c];
  neap_free(raw);
  return st;
}

neap_status neap__set_target(neap__set *s, const neap_gbdt *m, const double *y,
                             const double *weights, const char *what) {
  s->target = neap_alloc_array(s->rows, sizeof *s->target);
  if (!s->target) return NEAP_ENOMEM;
  if (m->class_count) NEAP_TRY(neap__labels_number(m, y, s->rows, s->target, what));
  else memcpy(s->target, y, (size_t)s->rows * sizeof *y);
  return copy_weights(weights, s->rows, &s->weight);
}

void neap__set_drop(neap__set *s) {
  neap_free(s->target);
  neap_free(s->weight);
  neap_free(s->scores);
  neap_free(s->sums);
  neap_free(s->bin);
  neap__queries_drop(&s->queries);
  neap_tensor_drop(&s->kept);
}

/* Linear leaves need the features as long as trees are added. */
static neap_status keep_features(const neap_trainer *t, neap__set *s, const neap_tensor *x) {
  if (!t->o.linear_tree) return NEAP_OK;
  neap_tensor_alias(&s->kept, x);
  return neap__matrix_of(&s->x, &s->kept, "gbdt.fit");
}

static char *info_text(const neap__bins *b, const neap__feature *f) {
  char text[80], low[32], high[32];
  neap_number_print_17(low, b->low[f->input]);
  neap_number_print_17(high, b->high[f->input]);
  int n = snprintf(text, sizeof text, "[%s:%s]", low, high);
  return neap_strndup(text, (size_t)n);
}

/* The range of each feature, "none" where there is nothing to split on. */
static neap_status start_infos(neap_trainer *t) {
  neap_gbdt *m = t->model;
  m->infos = neap_calloc_array(m->features, sizeof *m->infos);
  if (!m->infos) return NEAP_ENOMEM;
  for (int32_t k = 0; k < t->bins.used; k++) {
    const neap__feature *f = &t->bins.feature[k];
    char **info = &m->infos[f->input];
    *info = f->categories ? neap__categories_text(f->categories) : info_text(&t->bins, f);
    if (!*info) return NEAP_ENOMEM;
  }
  for (int64_t f = 0; f < m->features; f++) {
    if (!m->infos[f]) m->infos[f] = neap_strndup("none", 4);
    if (!m->infos[f]) return NEAP_ENOMEM;
  }
  return NEAP_OK;
}

static neap_status copy_monotone(neap_gbdt *m, const int8_t *monotone) {
  if (!monotone) return NEAP_OK;
  m->monotone = neap_alloc_array(m->features, 1);
  if (!m->monotone) return NEAP_ENOMEM;
  memcpy(m->monotone, monotone, (size_t)m->features);
  return NEAP_OK;
}

bool neap__keeps_pairs(const neap_gbdt_options *o, const neap__loss *l) {
  return !neap__loss_is_plain(l) || neap__loss_renews(l) || neap__is_forest(o) ||
         o->data_sample_strategy == NEAP_SAMPLE_GOSS || o->linear_tree;
}

static neap_status start_work(neap_trainer *t) {
  int64_t n = t->set[0].rows;
  NEAP_TRY(neap__loss_open(&t->loss, &t->o, n, t->columns, t->set[0].target, t->set[0].weight));
  bool together = neap__keeps_pairs(&t->o, &t->loss);
  if (together) t->pairs = neap_alloc_array(n * t->columns, sizeof *t->pairs);
  t->start = neap_calloc_array(t->columns, sizeof *t->start);
  t->use = neap_alloc_array(t->bins.used + 1, sizeof *t->use);
  if ((together && !t->pairs) || !t->start || !t->use) return NEAP_ENOMEM;
  NEAP_TRY(neap__sample_open(&t->sample, &t->o, n));
  return neap__grower_new(&t->grower, &t->bins, &t->o);
}

static neap_status check_size(const neap__matrix *x) {
  if (x->rows < 2 || x->rows > NEAP__MAX_ROWS)
    return neap_fail(NEAP_ESHAPE, "gbdt.fit: %lld rows, allowed are 2 to %lld", (long long)x->rows,
                     (long long)NEAP__MAX_ROWS);
  if (x->columns < 1 || x->columns >= NEAP__MAX_FEATURES)
    return neap_fail(NEAP_ESHAPE, "gbdt.fit: %lld features, allowed are 1 to %d",
                     (long long)x->columns, NEAP__MAX_FEATURES - 1);
  return NEAP_OK;
}

neap_status neap_trainer_open(neap_trainer **out, const neap_gbdt_options *o, const neap_tensor *x,
                              const double *y, const double *weights, const neap_gbdt *init) {
  neap__matrix matrix;
  *out = NULL;
  NEAP_TRY(neap__options_check(o));
  NEAP_TRY(neap__matrix_of(&matrix, x, "gbdt.fit"));
  NEAP_TRY(check_size(&matrix));
  if (init && o->cat_encoding == NEAP_CATEGORIES_ORDERED && o->columns && o->columns->categorical)
    return neap_fail(NEAP_EARG, "gbdt.fit: cat_encoding 'ordered' does not go with init_model, "
                                "whose trees have seen labels of all rows");
  neap_trainer *t = neap_calloc_array(1, sizeof *t);
  if (!t) return NEAP_ENOMEM;
  t->o = *o;
  t->sets = 1;
  t->set[0].rows = matrix.rows;
  neap_status st = neap__labels_model(&t->model, &t->o, y, matrix.rows, matrix.columns, init);
  if (!st) t->columns = t->model->per_iteration;
  if (!st) st = neap__set_target(&t->set[0], t->model, y, weights, "label");
  neap__labelled labels = {t->set[0].target, t->set[0].weight};
  if (!st) st = neap__bins_build(&t->bins, &matrix, labels, o);
  if (!st) st = keep_features(t, &t->set[0], x);
  if (!st && o->linear_tree) st = neap__lines_check(&t->bins);
  if (!st) st = start_scores(t, &t->set[0], x, init);
  if (!st) st = start_infos(t);
  if (!st && o->columns) st = copy_monotone(t->model, o->columns->monotone);
  if (!st) st = start_work(t);
  if (!st && (!init || neap__is_forest(o)) && o->boost_from_average)
    neap__loss_start(&t->loss, t->start);
  if (!st) st = neap__scores_average(t);
  t->o.columns = NULL; /* borrowed for this call */
  if (st) neap_trainer_free(t);
  else *out = t;
  return st;
}

neap_status neap_trainer_add_valid(neap_trainer *t, const neap_tensor *x, const double *y,
                                   const double *weights) {
  neap__matrix matrix;
  NEAP_TRY(neap__matrix_of(&matrix, x, "gbdt.fit: valid"));
  if (t->sets == NEAP__MAX_SETS)
    return neap_fail(NEAP_EARG, "gbdt.fit: more than %d validation sets", NEAP__MAX_SETS - 1);
  if (matrix.columns != t->model->features)
    return neap_fail(NEAP_ESHAPE, "gbdt.fit: valid x has %lld features, x has %lld",
                     (long long)matrix.columns, (long long)t->model->features);
  if (matrix.rows < 1) return neap_fail(NEAP_ESHAPE, "gbdt.fit: valid x has no rows");
  NEAP_TRY(neap__labels_check(&t->o, y, matrix.rows, "valid label"));
  neap__set *s = &t->set[t->sets];
  s->rows = matrix.rows;
  t->sets++; /* from here on neap_trainer_free sees it */
  NEAP_TRY(neap__set_target(s, t->model, y, weights, "valid label"));
  NEAP_TRY(keep_features(t, s, x));
  NEAP_TRY(neap__gbdt_compile(t->model)); /* only for now: the trees go on changing */
  neap_status st = start_scores(t, s, x, t->model);
  neap__compiled_free(t->model->compiled);
  t->model->compiled = NULL;
  NEAP_TRY(st);
  NEAP_TRY(neap__scores_average(t));
  s->bin = neap_alloc_array(s->rows * (t->bins.used ? t->bins.used : 1), 1);
  return s->bin ? neap__bins_apply(&t->bins, &matrix, s->bin) : NEAP_ENOMEM;
}

void neap_trainer_free(neap_trainer *t) {
  if (!t) return;
  for (int i = 0; i < t->sets; i++) neap__set_drop(&t->set[i]);
  neap__grower_free(t->grower);
  neap__bins_drop(&t->bins);
  neap_gbdt_free(t->model);
  neap_free(t->pairs);
  neap_free(t->start);
  neap_free(t->start_scores);
  neap_free(t->use);
  neap__sample_drop(&t->sample);
  neap__dart_drop(&t->dart);
  neap__loss_drop(&t->loss);
  neap_free(t);
}

/* one iteration -------------------------------------------------------------------------------- */

/* The pairs of rows of x at the scores of now. */
static neap_status fill_pairs(const void *ctx, const int32_t *row, int64_t n, neap__pair *pairs) {
  const neap_trainer *t = ctx;
  double start = t->model->trees == 0 ? t->start[0] : 0;
  return neap__loss_pairs_of(&t->loss, t->set[0].scores, start, row, n, pairs);
}

static neap_status grow_tree(neap_trainer *t, int64_t column, neap__tree **out) {
  int64_t n = t->set[0].rows;
  int64_t number = t->model->trees + column;
  int32_t used = neap__sample_features(t, number);
  neap__grower_draws(t->grower, neap__draws(t, t->o.extra_seed, "extra", number),
                     neap__draws(t, t->o.feature_fraction_seed, "node", number));
  neap_rng rounding = neap__draws(t, -1, "rounding", number);
  neap__grower_key(t->grower, neap_rng_bits_at(&rounding, 0));
  neap__source pairs = {fill_pairs, t};
  if (t->pairs) pairs = neap__source_of(t->pairs + column * n);
  NEAP_TRY(neap__grower_grow(t->grower, pairs, t->sample.drawn ? t->sample.kept : NULL,
                             used < t->bins.used ? t->use : NULL, used, out));
  neap__tree *tree = *out;
  if (neap__loss_renews(&t->loss) && tree->leaves > 1) {
    neap_status st =
        neap__loss_renew(&t->loss, column, t->gradient_at + column * n, &t->bins, t->grower, tree);
    if (st) neap_free(tree);
    if (st) return st;
  }
  if (t->o.linear_tree && t->model->trees >= t->columns && tree->leaves > 1) {
    neap_status st = neap__lines_fit(t, column, &tree);
    if (st) neap_free(tree);
    if (st) return st;
    *out = tree;
  }
  tree->shrinkage = t->rate;
  for (int32_t l = 0; l < tree->leaves; l++)
    tree->leaf_value[l] = tree->leaves > 1 ? tree->leaf_value[l] * t->rate : 0;
  for (int32_t k = 0; k < tree->leaves - 1; k++) tree->internal_value[k] *= t->rate;
  if (!tree->linear) return NEAP_OK;
  for (int32_t l = 0; l < tree->leaves; l++) tree->leaf_const[l] *= t->rate;
  for (int32_t k = 0; k < tree->leaf_start[tree->leaves]; k++) tree->leaf_coeff[k] *= t->rate;
  return NEAP_OK;
}

/* The start value moves into the first trees, so that the sum of trees is the whole prediction. */
static void add_start(neap__tree *tree, double start) {
  for (int32_t l = 0; l < tree->leaves; l++) tree->leaf_value[l] += start;
  for (int32_t l = 0; tree->linear && l < tree->leaves; l++) tree->leaf_const[l] += start;
  for (int32_t k = 0; k < tree->leaves - 1; k++) tree->internal_value[k] += start;
  tree->shrinkage = 1;
}

/* Gradients at the current scores; in the first iteration, and in all of a random forest, at the
 * start value. */
static neap_status make_pairs(neap_trainer *t, bool from_start) {
  neap__set *s = &t->set[0];
  t->gradient_at = s->scores;
  if (!t->pairs) return NEAP_OK;
  if (from_start && !t->start_scores) {
    t->start_scores = neap_alloc_array(s->rows * t->columns, sizeof *t->start_scores);
    if (!t->start_scores) return NEAP_ENOMEM;
    bool forest = neap__is_forest(&t->o); /* whose scores contain the start */
    for (int64_t k = 0; k < t->columns; k++)
      for (int64_t i = 0; i < s->rows; i++)
        t->start_scores[k * s->rows + i] = (forest ? 0 : s->scores[k * s->rows + i]) + t->start[k];
  }
  if (from_start) t->gradient_at = t->start_scores;
  return neap__loss_pairs(&t->loss, t->gradient_at, t->pairs);
}

/* Leaves beyond what doubles hold are refused: predictions would be infinite or NaN. */
static neap_status check_leaves(const neap_trainer *t, const neap__tree *tree) {
  for (int32_t l = 0; l < tree->leaves; l++) {
    double v = tree->leaf_value[l];
    if (tree->linear) {
      v += 0 * tree->leaf_const[l];
      for (int32_t k = tree->leaf_start[l]; k < tree->leaf_start[l + 1]; k++)
        v += 0 * tree->leaf_coeff[k];
    }
    if (!isfinite(v))
      return neap_fail(
          NEAP_EVALUE,
          "gbdt.fit: leaf %d of tree %lld is not finite; scale the labels, or look at weights, "
          "learning_rate and sigmoid",
          (int)l + 1, (long long)t->model->trees + 1);
  }
  return NEAP_OK;
}

static neap_status keep_tree(neap_trainer *t, int64_t column, bool from_start, neap__tree *tree) {
  if (from_start) add_start(tree, t->start[column]);
  neap_status st = check_leaves(t, tree);
  if (!st) st = neap__scores_add(t, column, tree);
  if (!st && t->o.boosting == NEAP_BOOSTING_DART) st = neap__dart_keep(t);
  if (!st) return neap__gbdt_append(t->model, tree);
  neap_free(tree);
  return st;
}

static neap_status step(neap_trainer *t, bool *grew) {
  bool dart = t->o.boosting == NEAP_BOOSTING_DART, forest = neap__is_forest(&t->o);
  bool from_start = t->model->trees == 0 || forest;
  *grew = false;
  t->rate = forest ? 1 : t->o.learning_rate;
  if (dart) NEAP_TRY(neap__dart_begin(t));
  NEAP_TRY(make_pairs(t, from_start));
  NEAP_TRY(neap__sample_rows(t));
  for (int64_t k = 0; k < t->columns; k++) {
    neap__tree *tree;
    NEAP_TRY(grow_tree(t, k, &tree));
    *grew = *grew || tree->leaves > 1;
    NEAP_TRY(keep_tree(t, k, from_start, tree));
  }
  if (dart) NEAP_TRY(neap__dart_end(t, *grew));
  return forest ? neap__scores_average(t) : NEAP_OK;
}

static void drop_trees(neap_gbdt *m, int64_t keep) {
  while (m->trees > keep) neap_free(m->tree[--m->trees]);
}

neap_status neap_trainer_step(neap_trainer *t, bool *grew) {
  int64_t before = t->model->trees;
  if (t->broken) return neap_fail(NEAP_EARG, "gbdt.fit: training has failed before");
  t->started = true;
  neap_status st = step(t, grew);
  t->broken = st != NEAP_OK;
  if (!neap__is_forest(&t->o)) {
    neap_free(t->start_scores);
    t->start_scores = NULL;
  }
  /* Trees of one leaf are worth 0, except those that carry the start value. */
  if (st || (!*grew && before > 0 && !neap__is_forest(&t->o))) drop_trees(t->model, before);
  return st;
}

int64_t neap_trainer_iterations(const neap_trainer *t) { return neap_gbdt_iterations(t->model); }

neap_status neap_trainer_finish(neap_trainer *t, int64_t iterations, neap_gbdt **out) {
  int64_t all = neap_gbdt_iterations(t->model), keep = iterations < all ? iterations : all;
  neap_gbdt *copy;
  *out = NULL;
  NEAP_TRY(neap__gbdt_copy(&copy, t->model, keep * t->columns));
  neap_status st = neap__gbdt_compile(copy);
  if (st) neap_gbdt_free(copy);
  else *out = copy;
  return st;
}
