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

enum { CHUNK = 16384, MAX_CLASSES = 1000 };

static neap_status check_labels(const double *y, int64_t n, bool classes, const char *what) {
  for (int64_t i = 0; i < n; i++) {
    if (!(fabs(y[i]) < HUGE_VAL))
      return neap_fail(NEAP_EVALUE, "gbdt.fit: %s %lld is %g", what, (long long)i + 1, y[i]);
    if (classes && (y[i] != floor(y[i]) || fabs(y[i]) > 0x1p53))
      return neap_fail(NEAP_EVALUE, "gbdt.fit: %s %lld is %.17g, classes are integers", what,
                       (long long)i + 1, y[i]);
  }
  return NEAP_OK;
}

static neap_status copy_weights(const double *w, int64_t n, float **out) {
  *out = NULL;
  if (!w) return NEAP_OK;
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!(w[i] >= 0 && w[i] < 1e30))
      return neap_fail(NEAP_EVALUE, "gbdt.fit: weight %lld is %g, allowed are 0 to 1e30",
                       (long long)i + 1, w[i]);
    sum += w[i];
  }
  if (!(sum > 0)) return neap_fail(NEAP_EVALUE, "gbdt.fit: all %lld weights are 0", (long long)n);
  float *copy = neap_alloc_array(n, sizeof *copy);
  if (!copy) return NEAP_ENOMEM;
  for (int64_t i = 0; i < n; i++) copy[i] = (float)w[i];
  *out = copy;
  return NEAP_OK;
}

/* classes -------------------------------------------------------------------------------------- */

/* Number of label v among k sorted classes; -1 when it is none. */
static int64_t class_number(const int64_t *classes, int64_t k, int64_t v) {
  int64_t low = 0, high = k;
  while (low < high) {
    int64_t middle = (low + high) / 2;
    if (classes[middle] < v) low = middle + 1;
    else high = middle;
  }
  return low < k && classes[low] == v ? low : -1;
}

static neap_status find_classes(const double *y, int64_t n, int64_t *classes, int64_t *count) {
  int64_t k = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t v = (int64_t)y[i], at = k;
    if (class_number(classes, k, v) >= 0) continue;
    if (k == MAX_CLASSES)
      return neap_fail(NEAP_EVALUE, "gbdt.fit: more than %d classes; is this a regression?",
                       MAX_CLASSES);
    for (; at > 0 && classes[at - 1] > v; at--) classes[at] = classes[at - 1];
    classes[at] = v;
    k++;
  }
  *count = k;
  return NEAP_OK;
}

static neap_status number_classes(const neap_gbdt *m, const double *y, int64_t n, double *target,
                                  const char *what) {
  for (int64_t i = 0; i < n; i++) {
    int64_t k = class_number(m->classes, m->class_count, (int64_t)y[i]);
    if (k < 0)
      return neap_fail(NEAP_EVALUE, "gbdt.fit: %s %lld is %lld, which is no class of the model",
                       what, (long long)i + 1, (long long)y[i]);
    target[i] = (double)k;
  }
  return NEAP_OK;
}

/* opening -------------------------------------------------------------------------------------- */

static void objective_text(const neap_gbdt_options *o, int64_t classes, char text[64]) {
  char number[32];
  neap_number_print(number, o->sigmoid);
  switch (o->objective) {
  case NEAP_OBJECTIVE_BINARY: snprintf(text, 64, "binary sigmoid:%s", number); break;
  case NEAP_OBJECTIVE_MULTICLASS:
    snprintf(text, 64, "multiclass num_class:%lld", (long long)classes);
    break;
  case NEAP_OBJECTIVE_L1: snprintf(text, 64, "regression_l1"); break;
  case NEAP_OBJECTIVE_HUBER: snprintf(text, 64, "huber"); break;
  default: snprintf(text, 64, "regression");
  }
}

static neap_status check_init(const neap_gbdt *init, const neap_trainer *t, int64_t features) {
  if (init->features != features)
    return neap_fail(NEAP_ESHAPE, "gbdt.fit: init_model has %lld features, x has %lld",
                     (long long)init->features, (long long)features);
  if (init->average != neap__is_forest(&t->o))
    return neap_fail(NEAP_EARG, "gbdt.fit: init_model is %s",
                     init->average ? "a random forest, boosting is not"
                                   : "no random forest, boosting is");
  if (init->objective != t->o.objective || init->sigmoid != t->o.sigmoid)
    return neap_fail(NEAP_EARG, "gbdt.fit: init_model has objective '%s', which is another one",
                     init->objective_text);
  return NEAP_OK;
}

/* The empty model, with its classes: those of the labels, or of the model to continue. */
static neap_status start_model(neap_trainer *t, const double *y, int64_t n, int64_t features,
                               const neap_gbdt *init) {
  bool binary = t->o.objective == NEAP_OBJECTIVE_BINARY;
  bool many = t->o.objective == NEAP_OBJECTIVE_MULTICLASS;
  int64_t classes[MAX_CLASSES], count = 0;
  if (init) NEAP_TRY(check_init(init, t, features));
  NEAP_TRY(check_labels(y, n, binary || many, "label"));
  if (init) {
    count = init->class_count;
    memcpy(classes, init->classes ? init->classes : classes, (size_t)count * sizeof *classes);
  } else if (binary || many) NEAP_TRY(find_classes(y, n, classes, &count));
  if ((binary || many) && count < 2)
    return neap_fail(NEAP_EVALUE, "gbdt.fit: all %lld labels are %lld, two classes are needed",
                     (long long)n, (long long)classes[0]);
  if (binary && count > 2)
    return neap_fail(NEAP_EVALUE,
                     "gbdt.fit: objective 'binary' with %lld classes (%lld, %lld, "
                     "%lld ...), use 'multiclass'",
                     (long long)count, (long long)classes[0], (long long)classes[1],
                     (long long)classes[2]);
  char text[64];
  objective_text(&t->o, count, text);
  NEAP_TRY(
      neap__gbdt_new(&t->model, features, init ? init->objective_text : text, many ? count : 1));
  if (count) NEAP_TRY(neap__gbdt_set_classes(t->model, classes, count));
  t->columns = t->model->per_iteration;
  t->model->average = neap__is_forest(&t->o);
  for (int64_t i = 0; init && i < init->trees; i++)
    NEAP_TRY(neap__gbdt_append(t->model, neap__tree_copy(init->tree[i])));
  return NEAP_OK;
}

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

static neap_status start_target(neap_trainer *t, neap__set *s, const double *y,
                                const double *weights, const char *what) {
  s->target = neap_alloc_array(s->rows, sizeof *s->target);
  if (!s->target) return NEAP_ENOMEM;
  if (t->model->class_count) NEAP_TRY(number_classes(t->model, y, s->rows, s->target, what));
  else memcpy(s->target, y, (size_t)s->rows * sizeof *y);
  return copy_weights(weights, s->rows, &s->weight);
}

static void class_weights(neap_trainer *t) {
  const neap__set *s = &t->set[0];
  int64_t positive = 0;
  for (int64_t i = 0; i < s->rows; i++) positive += s->target[i] > 0;
  double p = (double)positive, q = (double)(s->rows - positive);
  t->loss.positive = t->o.scale_pos_weight;
  t->loss.negative = 1;
  if (!t->o.is_unbalance || p == 0 || q == 0) return;
  if (p > q) t->loss.negative = p / q;
  else t->loss.positive = q / p;
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
    char **info = &m->infos[t->bins.feature[k].input];
    *info = info_text(&t->bins, &t->bins.feature[k]);
    if (!*info) return NEAP_ENOMEM;
  }
  for (int64_t f = 0; f < m->features; f++) {
    if (!m->infos[f]) m->infos[f] = neap_strndup("none", 4);
    if (!m->infos[f]) return NEAP_ENOMEM;
  }
  return NEAP_OK;
}

static neap_status start_work(neap_trainer *t) {
  int64_t n = t->set[0].rows;
  t->loss = (neap__loss){.o = &t->o,
                         .objective = t->o.objective,
                         .rows = n,
                         .classes = t->columns,
                         .target = t->set[0].target,
                         .weight = t->set[0].weight};
  class_weights(t);
  t->pairs = neap_alloc_array(n * t->columns, sizeof *t->pairs);
  t->start = neap_calloc_array(t->columns, sizeof *t->start);
  t->use = neap_alloc_array(t->bins.used + 1, sizeof *t->use);
  if (neap__loss_renews(&t->loss)) t->scratch = neap_alloc_array(2 * n, sizeof *t->scratch);
  bool renew_ok = !neap__loss_renews(&t->loss) || t->scratch;
  if (!t->pairs || !t->start || !t->use || !renew_ok) return NEAP_ENOMEM;
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
  neap_trainer *t = neap_calloc_array(1, sizeof *t);
  if (!t) return NEAP_ENOMEM;
  t->o = *o;
  t->sets = 1;
  t->set[0].rows = matrix.rows;
  neap_status st = start_model(t, y, matrix.rows, matrix.columns, init);
  if (!st) st = start_target(t, &t->set[0], y, weights, "label");
  if (!st)
    st = neap__bins_build(&t->bins, &matrix, o->max_bin, o->min_data_in_bin, (uint64_t)o->seed);
  if (!st) st = start_scores(t, &t->set[0], x, init);
  if (!st) st = start_infos(t);
  if (!st) st = start_work(t);
  if (!st && (!init || neap__is_forest(o)) && o->boost_from_average) {
    neap__loss_start(&t->loss, t->start);
    if (neap__loss_renews(&t->loss)) /* scores are 0 here: the median of the labels */
      t->start[0] = neap__loss_renew(&t->loss, t->set[0].scores, NULL, matrix.rows, t->scratch);
  }
  if (!st) st = neap__scores_average(t);
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
  NEAP_TRY(check_labels(y, matrix.rows, t->model->class_count > 0, "valid label"));
  neap__set *s = &t->set[t->sets];
  s->rows = matrix.rows;
  t->sets++; /* from here on neap_trainer_free sees it */
  NEAP_TRY(start_target(t, s, y, weights, "valid label"));
  NEAP_TRY(start_scores(t, s, x, t->model));
  NEAP_TRY(neap__scores_average(t));
  s->bin = neap_alloc_array(s->rows * (t->bins.used ? t->bins.used : 1), 1);
  return s->bin ? neap__bins_apply(&t->bins, &matrix, s->bin) : NEAP_ENOMEM;
}

void neap_trainer_free(neap_trainer *t) {
  if (!t) return;
  for (int i = 0; i < t->sets; i++) {
    neap_free(t->set[i].target);
    neap_free(t->set[i].weight);
    neap_free(t->set[i].scores);
    neap_free(t->set[i].sums);
    neap_free(t->set[i].bin);
  }
  neap__grower_free(t->grower);
  neap__bins_drop(&t->bins);
  neap_gbdt_free(t->model);
  neap_free(t->pairs);
  neap_free(t->start);
  neap_free(t->start_scores);
  neap_free(t->use);
  neap__sample_drop(&t->sample);
  neap__dart_drop(&t->dart);
  neap_free(t->scratch);
  neap_free(t);
}

/* one iteration -------------------------------------------------------------------------------- */

/* Median residuals for losses whose derivatives do not know how far off a row is. */
static void renew_leaves(neap_trainer *t, const double *scores, neap__tree *tree) {
  for (int32_t l = 0; l < tree->leaves; l++) {
    int64_t begin, count;
    neap__grower_leaf(t->grower, l, &begin, &count);
    tree->leaf_value[l] =
        neap__loss_renew(&t->loss, scores, t->bins.row + begin, count, t->scratch);
  }
}

static neap_status grow_tree(neap_trainer *t, int64_t column, neap__tree **out) {
  int64_t n = t->set[0].rows;
  int64_t number = t->model->trees + column;
  int32_t used = neap__sample_features(t, number);
  NEAP_TRY(neap__grower_grow(t->grower, t->pairs + column * n,
                             t->sample.drawn ? t->sample.kept : NULL,
                             used < t->bins.used ? t->use : NULL, used, out));
  neap__tree *tree = *out;
  if (neap__loss_renews(&t->loss) && tree->leaves > 1)
    renew_leaves(t, t->gradient_at + column * n, tree);
  tree->shrinkage = t->rate;
  for (int32_t l = 0; l < tree->leaves; l++)
    tree->leaf_value[l] = tree->leaves > 1 ? tree->leaf_value[l] * t->rate : 0;
  for (int32_t k = 0; k < tree->leaves - 1; k++) tree->internal_value[k] *= t->rate;
  return NEAP_OK;
}

/* The start value moves into the first trees, so that the sum of trees is the whole prediction. */
static void add_start(neap__tree *tree, double start) {
  for (int32_t l = 0; l < tree->leaves; l++) tree->leaf_value[l] += start;
  for (int32_t k = 0; k < tree->leaves - 1; k++) tree->internal_value[k] += start;
  tree->shrinkage = 1;
}

/* Gradients at the current scores; in the first iteration, and in all of a random forest, at the
 * start value. */
static neap_status make_pairs(neap_trainer *t, bool from_start) {
  neap__set *s = &t->set[0];
  t->gradient_at = s->scores;
  if (from_start && !t->start_scores) {
    t->start_scores = neap_alloc_array(s->rows * t->columns, sizeof *t->start_scores);
    if (!t->start_scores) return NEAP_ENOMEM;
    for (int64_t k = 0; k < t->columns; k++)
      for (int64_t i = 0; i < s->rows; i++) t->start_scores[k * s->rows + i] = t->start[k];
  }
  if (from_start) t->gradient_at = t->start_scores;
  return neap__loss_pairs(&t->loss, t->gradient_at, t->pairs);
}

static neap_status keep_tree(neap_trainer *t, int64_t column, bool from_start, neap__tree *tree) {
  if (from_start) add_start(tree, t->start[column]);
  neap_status st = neap__scores_add(t, column, tree);
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
  const neap_gbdt *m = t->model;
  neap_gbdt *copy;
  int64_t all = neap_gbdt_iterations(m), keep = iterations < all ? iterations : all;
  *out = NULL;
  NEAP_TRY(neap__gbdt_new(&copy, m->features, m->objective_text, m->per_iteration));
  copy->average = m->average;
  neap_status st =
      m->class_count ? neap__gbdt_set_classes(copy, m->classes, m->class_count) : NEAP_OK;
  for (int64_t i = 0; !st && i < keep * m->per_iteration; i++)
    st = neap__gbdt_append(copy, neap__tree_copy(m->tree[i]));
  if (!st) copy->infos = neap_calloc_array(m->features, sizeof *copy->infos);
  if (!st && !copy->infos) st = NEAP_ENOMEM;
  for (int64_t f = 0; !st && f < m->features; f++) {
    copy->infos[f] = neap_strndup(m->infos[f], strlen(m->infos[f]));
    if (!copy->infos[f]) st = NEAP_ENOMEM;
  }
  if (!st) st = neap__gbdt_compile(copy);
  if (st) neap_gbdt_free(copy);
  else *out = copy;
  return st;
}
