/* Linear leaves (Shi, Li and Li 2018, as LightGBM's linear_tree): the leaves of a grown tree become
 * ridge regressions on the numeric features of their branch. For rows with gradients g and hessians
 * h the coefficients c and the constant minimise
 *
 *   sum of g (c x + a) + h (c x + a)^2 / 2, plus linear_lambda c^2 / 2.
 *
 * Centred by the mean of x weighted by h, the constant is -sum g / sum h, and c solves
 * (sum h z z' + linear_lambda) c = -sum g z. Rows with a missing value are left out, and predicted
 * by the value that the leaf had; so is every row of a leaf with too few others. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tree/grower.h"
#include "tree/trainer.h"

enum { POLL_ROWS = 4096 };

/* A direction is dropped when this share of its square is left once those before it are taken
 * out: it repeats them. */
static const double SINGULAR = 1e-10;

double neap__lines_value(const neap__tree *t, int32_t leaf, const neap__matrix *x, int64_t row) {
  if (!t->linear) return t->leaf_value[leaf];
  double sum = t->leaf_const[leaf];
  for (int32_t i = t->leaf_start[leaf]; i < t->leaf_start[leaf + 1]; i++) {
    double v = neap__matrix_get(x, row, t->leaf_feature[i]);
    if (isnan(v)) return t->leaf_value[leaf];
    sum += v * t->leaf_coeff[i];
  }
  return sum;
}

neap_status neap__lines_check(const neap__bins *b) {
  for (int32_t k = 0; k < b->used; k++) {
    int32_t c = b->feature[k].input;
    if (!b->feature[k].categories && (isinf(b->low[c]) || isinf(b->high[c])))
      return neap_fail(NEAP_EVALUE,
                       "gbdt.fit: feature %d has infinite values, which linear_tree cannot "
                       "multiply",
                       c + 1);
  }
  return NEAP_OK;
}

/* branches ------------------------------------------------------------------------------------- */

/* The numeric columns of the branch of a leaf, in rising order; out may be NULL. */
static int32_t branch_columns(const neap__grower *g, int32_t number, bool *is, int32_t *out) {
  int32_t n = 0;
  memset(is, 0, (size_t)g->b->used);
  for (const neap__leaf *p = &g->leaves[g->current[number]]; p->parent >= 0;
       p = &g->leaves[p->parent]) {
    int32_t k = g->leaves[p->parent].best.feature;
    if (!g->b->feature[k].categories) is[k] = true;
  }
  for (int32_t k = 0; k < g->b->used; k++)
    if (is[k] && out) out[n++] = g->b->feature[k].input;
    else n += is[k];
  return n;
}

/* The tree with room for so many coefficients. */
static neap__tree *with_lines(const neap__tree *t, int64_t coefficients) {
  neap__tree *n = neap__tree_new(t->leaves, t->cats, t->words, true, coefficients);
  size_t nodes = (size_t)t->leaves - 1, leaves = (size_t)t->leaves;
  if (!n) return NULL;
  n->shrinkage = t->shrinkage;
  memcpy(n->leaf_value, t->leaf_value, leaves * sizeof *t->leaf_value);
  memcpy(n->leaf_const, t->leaf_value, leaves * sizeof *t->leaf_value);
  memcpy(n->leaf_weight, t->leaf_weight, leaves * sizeof *t->leaf_weight);
  memcpy(n->leaf_count, t->leaf_count, leaves * sizeof *t->leaf_count);
  memcpy(n->threshold, t->threshold, nodes * sizeof *t->threshold);
  memcpy(n->gain, t->gain, nodes * sizeof *t->gain);
  memcpy(n->internal_value, t->internal_value, nodes * sizeof *t->internal_value);
  memcpy(n->internal_weight, t->internal_weight, nodes * sizeof *t->internal_weight);
  memcpy(n->internal_count, t->internal_count, nodes * sizeof *t->internal_count);
  memcpy(n->feature, t->feature, nodes * sizeof *t->feature);
  memcpy(n->left, t->left, nodes * sizeof *t->left);
  memcpy(n->right, t->right, nodes * sizeof *t->right);
  memcpy(n->decision, t->decision, nodes);
  if (t->cats) memcpy(n->cat_boundary, t->cat_boundary, (size_t)(t->cats + 1) * sizeof(int32_t));
  if (t->words) memcpy(n->cat_bits, t->cat_bits, (size_t)t->words * sizeof(uint32_t));
  return n;
}

static neap_status lay_lines(const neap__grower *g, const neap__tree *t, neap__tree **out) {
  bool *is = neap_alloc_array(g->b->used + 1, sizeof *is);
  if (!is) return NEAP_ENOMEM;
  int64_t all = 0;
  for (int32_t l = 0; l < t->leaves; l++) all += branch_columns(g, l, is, NULL);
  neap__tree *n = with_lines(t, all);
  for (int32_t l = 0; n && l < t->leaves; l++)
    n->leaf_start[l + 1] =
        n->leaf_start[l] + branch_columns(g, l, is, n->leaf_feature + n->leaf_start[l]);
  neap_free(is);
  *out = n;
  return n ? NEAP_OK : NEAP_ENOMEM;
}

/* rows ----------------------------------------------------------------------------------------- */

/* The rows of all leaves, leaf after leaf, in rising order, which does not hang on the trees before
 * as that of the grid does: list[start[l]] to list[start[l + 1] - 1]. */
static neap_status list_rows(const neap__grower *g, int32_t leaves, int32_t *list, int64_t *start) {
  int32_t *leaf_of = neap_alloc_array(g->b->rows, sizeof *leaf_of);
  if (!leaf_of) return NEAP_ENOMEM;
  memset(leaf_of, -1, (size_t)g->b->rows * sizeof *leaf_of);
  for (int32_t l = 0; l < leaves; l++) {
    int64_t begin, count;
    neap__grower_leaf(g, l, &begin, &count);
    start[l + 1] = count;
    for (int64_t i = begin; i < begin + count; i++) leaf_of[g->b->row[i]] = l;
  }
  start[0] = 0;
  for (int32_t l = 0; l < leaves; l++) start[l + 1] += start[l];
  for (int64_t r = 0; r < g->b->rows; r++)
    if (leaf_of[r] >= 0) list[start[leaf_of[r]]++] = (int32_t)r;
  for (int32_t l = leaves; l > 0; l--) start[l] = start[l - 1];
  start[0] = 0;
  neap_free(leaf_of);
  return NEAP_OK;
}

/* fitting -------------------------------------------------------------------------------------- */

typedef struct {
  const neap__matrix *x;
  const neap__pair *pairs;
  const int32_t *list;
  const int64_t *start;
  double lambda;
  neap__tree *tree;
} fit_job;

/* What one leaf sums. a holds the lower triangle, row after row. */
typedef struct {
  int32_t k;
  int64_t rows;
  double g, h;
  double *v, *mean, *b, *a;
} system;

static bool take_row(const fit_job *job, const int32_t *column, int64_t row, system *s) {
  for (int32_t j = 0; j < s->k; j++) {
    s->v[j] = neap__matrix_get(job->x, row, column[j]);
    if (isnan(s->v[j])) return false;
  }
  return true;
}

static neap_status sum_means(const fit_job *job, int32_t leaf, const int32_t *column, system *s) {
  for (int64_t i = job->start[leaf]; i < job->start[leaf + 1]; i++) {
    int32_t r = job->list[i];
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    if (!take_row(job, column, r, s)) continue;
    double h = (double)job->pairs[r].real.h;
    s->rows++;
    s->g += (double)job->pairs[r].real.g;
    s->h += h;
    if (!(h > 0)) continue;
    for (int32_t j = 0; j < s->k; j++) s->mean[j] += (s->v[j] - s->mean[j]) * (h / s->h);
  }
  return NEAP_OK;
}

static neap_status sum_products(const fit_job *job, int32_t leaf, const int32_t *column,
                                system *s) {
  for (int64_t i = job->start[leaf]; i < job->start[leaf + 1]; i++) {
    int32_t r = job->list[i];
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    if (!take_row(job, column, r, s)) continue;
    double g = (double)job->pairs[r].real.g, h = (double)job->pairs[r].real.h, *a = s->a;
    for (int32_t j = 0; j < s->k; j++) s->v[j] -= s->mean[j];
    for (int32_t j = 0; j < s->k; j++) {
      double z = h * s->v[j];
      s->b[j] -= g * s->v[j];
      for (int32_t l = 0; l <= j; l++) *a++ += z * s->v[l];
    }
  }
  return NEAP_OK;
}

/* Cholesky's factors in place of a (a row's stretch begins at j (j + 1) / 2); the solution in place
 * of b, with 0 for directions that repeat others. */
static void solve(system *s, double lambda) {
  for (int32_t j = 0; j < s->k; j++) {
    double *row = s->a + (int64_t)j * (j + 1) / 2;
    double whole = row[j] + lambda, left = whole, y = s->b[j];
    for (int32_t l = 0; l < j; l++) {
      const double *other = s->a + (int64_t)l * (l + 1) / 2;
      double sum = row[l];
      for (int32_t m = 0; m < l; m++) sum -= row[m] * other[m];
      row[l] = other[l] > 0 ? sum / other[l] : 0;
      left -= row[l] * row[l];
      y -= row[l] * s->b[l];
    }
    row[j] = left > SINGULAR * whole ? sqrt(left) : 0;
    s->b[j] = row[j] > 0 ? y / row[j] : 0;
  }
  for (int32_t j = s->k; j-- > 0;) {
    const double *row = s->a + (int64_t)j * (j + 1) / 2;
    s->b[j] = row[j] > 0 ? s->b[j] / row[j] : 0;
    for (int32_t l = 0; l < j; l++) s->b[l] -= row[l] * s->b[j];
  }
}

static void store(const system *s, int32_t leaf, neap__tree *t) {
  double constant = -s->g / s->h;
  for (int32_t j = 0; j < s->k; j++) constant -= s->b[j] * s->mean[j];
  if (!(fabs(constant) < HUGE_VAL)) return;
  t->leaf_const[leaf] = constant;
  memcpy(t->leaf_coeff + t->leaf_start[leaf], s->b, (size_t)s->k * sizeof *s->b);
}

static neap_status fit_leaf(const fit_job *job, int32_t leaf) {
  neap__tree *t = job->tree;
  const int32_t *column = t->leaf_feature + t->leaf_start[leaf];
  system s = {.k = t->leaf_start[leaf + 1] - t->leaf_start[leaf]};
  if (s.k == 0) return NEAP_OK;
  int64_t k = s.k;
  double *room = neap_calloc_array(3 * k + k * (k + 1) / 2, sizeof *room);
  if (!room) return NEAP_ENOMEM;
  s.v = room;
  s.mean = room + k;
  s.b = room + 2 * k;
  s.a = room + 3 * k;
  neap_status st = sum_means(job, leaf, column, &s);
  bool enough = s.rows > k && s.h > 0;
  if (!st && enough) st = sum_products(job, leaf, column, &s);
  if (!st && enough) {
    solve(&s, job->lambda);
    store(&s, leaf, t);
  }
  neap_free(room);
  return st;
}

static neap_status fit_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t l = begin; l < end; l++) NEAP_TRY(fit_leaf(ctx, (int32_t)l));
  return NEAP_OK;
}

/* Leave out coefficients that are 0 to LightGBM. */
static void close_up(neap__tree *t) {
  int32_t to = 0, from = 0;
  for (int32_t l = 0; l < t->leaves; l++) {
    int32_t end = t->leaf_start[l + 1];
    for (; from < end; from++) {
      if (!(fabs(t->leaf_coeff[from]) > NEAP__ZERO)) continue;
      t->leaf_coeff[to] = t->leaf_coeff[from];
      t->leaf_feature[to++] = t->leaf_feature[from];
    }
    t->leaf_start[l + 1] = to;
  }
}

neap_status neap__lines_fit(const neap_trainer *t, int64_t column, neap__tree **tree) {
  const neap__grower *g = t->grower;
  const neap__set *s = &t->set[0];
  neap__tree *lines = NULL;
  NEAP_TRY(lay_lines(g, *tree, &lines));
  int32_t leaves = lines->leaves;
  int32_t *list = neap_alloc_array(s->rows, sizeof *list);
  int64_t *start = neap_alloc_array(leaves + 1, sizeof *start);
  neap_status st = list && start ? list_rows(g, leaves, list, start) : NEAP_ENOMEM;
  fit_job job = {.x = &s->x,
                 .pairs = t->pairs + column * s->rows,
                 .list = list,
                 .start = start,
                 .lambda = t->o.linear_lambda,
                 .tree = lines};
  if (!st) st = neap_parallel_for(leaves, 1, fit_chunk, &job);
  neap_free(list);
  neap_free(start);
  if (st) {
    neap_free(lines);
    return st;
  }
  close_up(lines);
  neap_free(*tree);
  *tree = lines;
  return NEAP_OK;
}
