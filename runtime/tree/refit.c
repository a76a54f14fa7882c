/* Leaves set anew on other rows, the structure of the trees kept. In the order of the trees, each
 * leaf gets the value that training would give it for the rows that reach it at the scores so far,
 * times the tree's shrinkage, and
 *   leaf = decay * old + (1 - decay) * new.
 * As in LightGBM scores begin at 0, and the first trees, whose leaves contain the start value, have
 * shrinkage 1. Unlike there a leaf that no row reaches keeps its value. */
#include <math.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tree/trainer.h"

enum { CHUNK = 4096 };

typedef struct {
  const neap_gbdt_options *o;
  neap__matrix x;
  neap__set set;
  neap__loss loss;
  neap__pair *pairs;
  double *start;  /* of a random forest, [columns] */
  int32_t *leaf;  /* [rows] that the row reaches */
  int32_t *row;   /* [rows] leaf behind leaf */
  int64_t *begin; /* [leaves + 1] of a leaf in row */
  double decay;
  /* of the tree at hand */
  neap__tree *tree;
  int64_t column;
} refit;

static neap_status leaf_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  refit *r = ctx;
  for (int64_t i = begin; i < end; i++) r->leaf[i] = neap__tree_leaf_of(r->tree, &r->x, i);
  return NEAP_OK;
}

/* Rows leaf by leaf, in rising order within each. */
static void group_rows(refit *r) {
  int32_t leaves = r->tree->leaves;
  for (int32_t l = 0; l <= leaves; l++) r->begin[l] = 0;
  for (int64_t i = 0; i < r->set.rows; i++) r->begin[r->leaf[i] + 1]++;
  for (int32_t l = 0; l < leaves; l++) r->begin[l + 1] += r->begin[l];
  for (int64_t i = 0; i < r->set.rows; i++) r->row[r->begin[r->leaf[i]]++] = (int32_t)i;
  for (int32_t l = leaves; l > 0; l--) r->begin[l] = r->begin[l - 1];
  r->begin[0] = 0;
}

/* What training would give a leaf, without shrinkage; false: its rows have no say. */
static bool fitted(const refit *r, int32_t leaf, double *value) {
  const int32_t *row = r->row + r->begin[leaf];
  int64_t n = r->begin[leaf + 1] - r->begin[leaf], first = r->column * r->set.rows;
  neap__split_rule rule = neap__split_rule_of(r->o);
  double g = 0, h = 0;
  for (int64_t i = 0; i < n; i++) {
    g += (double)r->pairs[first + row[i]].real.g;
    h += (double)r->pairs[first + row[i]].real.h;
  }
  if (!(h > 0)) return false;
  if (neap__loss_renews(&r->loss))
    *value = neap__loss_quantile(&r->loss, r->column, r->set.scores + first, row, n,
                                 r->loss.items + r->begin[leaf]);
  else *value = neap__leaf_output(g, h, &rule);
  return true;
}

static neap_status value_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  refit *r = ctx;
  for (int64_t l = begin; l < end; l++) {
    double *leaf = &r->tree->leaf_value[l], value;
    if (!fitted(r, (int32_t)l, &value)) continue;
    value = r->start ? r->start[r->column] + value : value * r->tree->shrinkage;
    *leaf = r->decay * *leaf + (1 - r->decay) * value;
    if (!isfinite(*leaf))
      return neap_fail(NEAP_EVALUE, "gbdt.refit: a leaf is not finite; scale the labels");
  }
  return neap_interrupt_check();
}

static neap_status score_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  refit *r = ctx;
  double *scores = r->set.scores + r->column * r->set.rows;
  for (int64_t i = begin; i < end; i++) scores[i] += r->tree->leaf_value[r->leaf[i]];
  return NEAP_OK;
}

static neap_status refit_tree(refit *r) {
  int64_t n = r->set.rows;
  NEAP_TRY(neap_parallel_for(n, CHUNK, leaf_chunk, r));
  group_rows(r);
  NEAP_TRY(neap_parallel_for(r->tree->leaves, 1, value_chunk, r));
  return r->start ? NEAP_OK : neap_parallel_for(n, CHUNK, score_chunk, r);
}

static neap_status refit_trees(refit *r, neap_gbdt *m) {
  for (int64_t i = 0; i < m->trees; i++) {
    r->tree = m->tree[i];
    r->column = i % m->per_iteration;
    if (r->column == 0) NEAP_TRY(neap__loss_pairs(&r->loss, r->set.scores, r->pairs));
    NEAP_TRY(refit_tree(r));
  }
  return NEAP_OK;
}

static neap_status make_room(refit *r, const neap_gbdt *m) {
  int64_t n = r->set.rows, k = m->per_iteration, leaves = 1;
  for (int64_t i = 0; i < m->trees; i++)
    if (m->tree[i]->leaves > leaves) leaves = m->tree[i]->leaves;
  r->set.scores = neap_calloc_array(n * k, sizeof *r->set.scores);
  r->pairs = neap_alloc_array(n * k, sizeof *r->pairs);
  r->leaf = neap_alloc_array(n, sizeof *r->leaf);
  r->row = neap_alloc_array(n, sizeof *r->row);
  r->begin = neap_alloc_array(leaves + 1, sizeof *r->begin);
  if (m->average) r->start = neap_calloc_array(k, sizeof *r->start);
  bool ok = r->set.scores && r->pairs && r->leaf && r->row && r->begin && (!m->average || r->start);
  if (!ok) return NEAP_ENOMEM;
  if (m->average && r->o->boost_from_average) neap__loss_start(&r->loss, r->start);
  for (int64_t c = 0; m->average && c < k; c++)
    for (int64_t i = 0; i < n; i++) r->set.scores[c * n + i] = r->start[c];
  return NEAP_OK;
}

static neap_status check(const neap_gbdt *m, const neap_gbdt_options *o, const neap__matrix *x,
                         double decay) {
  if (x->columns != m->features)
    return neap_fail(NEAP_ESHAPE, "gbdt.refit: x has %lld features, the model was fitted on %lld",
                     (long long)x->columns, (long long)m->features);
  if (x->rows < 1 || x->rows > NEAP__MAX_ROWS)
    return neap_fail(NEAP_ESHAPE, "gbdt.refit: %lld rows, allowed are 1 to %lld",
                     (long long)x->rows, (long long)NEAP__MAX_ROWS);
  if (!(decay >= 0 && decay <= 1))
    return neap_fail(NEAP_EARG, "gbdt.refit: decay_rate is %g, allowed are 0 to 1", decay);
  for (int64_t i = 0; i < m->trees; i++)
    if (m->tree[i]->linear)
      return neap_fail(NEAP_EARG, "gbdt.refit: the model has linear leaves, which cannot be "
                                  "refitted");
  return neap__options_check(o);
}

neap_status neap_gbdt_refit(neap_gbdt **out, const neap_gbdt *m, const neap_gbdt_options *o,
                            const neap_tensor *x, const double *y, const double *weights,
                            double decay) {
  refit r = {.o = o, .decay = decay};
  neap_gbdt *fresh = NULL;
  *out = NULL;
  NEAP_TRY(neap__matrix_of(&r.x, x, "gbdt.refit"));
  NEAP_TRY(check(m, o, &r.x, decay));
  r.set.rows = r.x.rows;
  NEAP_TRY(neap__labels_check(o, y, r.set.rows, "label"));
  neap_status st = neap__gbdt_copy(&fresh, m, m->trees);
  if (!st) st = neap__set_target(&r.set, m, y, weights, "label");
  if (!st)
    st = neap__loss_open(&r.loss, o, r.set.rows, m->per_iteration, r.set.target, r.set.weight);
  if (!st) st = make_room(&r, m);
  if (!st) st = refit_trees(&r, fresh);
  if (!st) st = neap__gbdt_compile(fresh);
  neap__loss_drop(&r.loss);
  neap__set_drop(&r.set);
  neap_free(r.pairs);
  neap_free(r.start);
  neap_free(r.leaf);
  neap_free(r.row);
  neap_free(r.begin);
  if (st) neap_gbdt_free(fresh);
  else *out = fresh;
  return st;
}
