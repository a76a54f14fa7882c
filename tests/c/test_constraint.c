/* Limits of splits: monotone features, branches, smoothing, draws; against their definitions. */
#include "check.h"

#include "base/pool.h"
#include "base/rng.h"
#include "tree/engine.h"

enum { F = 4 };

typedef struct {
  int64_t n;
  double *x, *y;
  neap_tensor t;
} data;

/* Labels that rise in the first column, fall in the second, and wave in all; the last column holds
 * codes below 6. */
static data make(int64_t n, uint64_t seed, double missing) {
  data d = {.n = n};
  neap_rng r = neap_rng_make(seed);
  assert_ok(neap_tensor_init(&d.t, NEAP_F64, 2, (int64_t[]){n, F}));
  d.x = neap_tensor_data(&d.t);
  d.y = neap_alloc_array(n, sizeof(double));
  for (int64_t i = 0; i < n; i++) {
    double *row = d.x + i * F;
    for (int j = 0; j < F; j++) row[j] = floor(16 * neap_rng_normal(&r)) / 16;
    row[3] = floor(6 * neap_rng_uniform(&r));
    d.y[i] = row[0] - 0.8 * row[1] + sin(3 * row[0] + row[2]) + cos(2 * row[1] * row[2]) +
             (row[3] == 2) + 0.5 * neap_rng_normal(&r);
    for (int j = 0; j < 3; j++)
      if (neap_rng_uniform(&r) < missing) row[j] = NAN;
  }
  return d;
}

static void drop(data *d) {
  neap_tensor_drop(&d->t);
  neap_free(d->y);
}

static neap_gbdt_options options(const neap_gbdt_columns *columns) {
  neap_gbdt_options o = neap_gbdt_defaults();
  o.columns = columns;
  o.min_data_in_leaf = 5;
  o.min_data_in_bin = o.min_data_per_group = 1;
  return o;
}

static neap_gbdt *fit(const data *d, neap_gbdt_options o, int iterations) {
  neap_trainer *t;
  neap_gbdt *m;
  bool grew;
  assert_ok(neap_trainer_open(&t, &o, &d->t, d->y, NULL, NULL));
  for (int i = 0; i < iterations; i++) assert_ok(neap_trainer_step(t, &grew));
  assert_ok(neap_trainer_finish(t, iterations, &m));
  neap_trainer_free(t);
  return m;
}

static double raw_of(const neap_gbdt *m, const double *row) {
  double out;
  neap_gbdt_predict_row(m, row, NEAP_PREDICT_RAW, &out);
  return out;
}

/* outputs -------------------------------------------------------------------------------------- */

/* The value of each node of a tree of squared errors from the rows that arrive, top down, by the
 * formulas of LightGBM's documentation; leaves are compared. */
typedef struct {
  const data *d;
  const neap_gbdt_options *o;
  const neap__tree *t;
  double mean;
} check;

static bool arrives(const check *c, const double *row, int32_t target) {
  int32_t leaf = neap__tree_leaf(c->t, row), at = 0;
  if (target < 0) return leaf == ~target;
  while (at >= 0 && at != target) { /* find the way to the leaf, and whether it passes target */
    int32_t stack[64], top = 0;
    bool inside = false;
    stack[top++] = c->t->left[at];
    while (top) {
      int32_t k = stack[--top];
      if (k < 0) inside |= ~k == leaf;
      else stack[top++] = c->t->left[k], stack[top++] = c->t->right[k];
    }
    at = inside ? c->t->left[at] : c->t->right[at];
  }
  return at == target;
}

static void check_node(const check *c, int32_t node, double parent, bool root) {
  double g = 0, n = 0;
  for (int64_t i = 0; i < c->d->n; i++)
    if (arrives(c, c->d->x + i * F, node)) g += c->mean - c->d->y[i], n += 1;
  double value = -copysign(fmax(fabs(g) - c->o->lambda_l1, 0), g) / (n + c->o->lambda_l2);
  double limit = c->o->max_delta_step, s = c->o->path_smooth;
  if (limit > 0 && fabs(value) > limit) value = copysign(limit, value);
  if (s > 0 && !root) value = value * (n / s) / (n / s + 1) + parent / (n / s + 1);
  double got = node < 0 ? c->t->leaf_value[~node] : c->t->internal_value[node];
  assert_number(got, c->mean + c->o->learning_rate * value, 1e-6); /* of fixed point */
  if (node < 0) return;
  check_node(c, c->t->left[node], value, false);
  check_node(c, c->t->right[node], value, false);
}

static void outputs_follow_their_formulas(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 12; seed++) {
    data d = make(300, seed, 0.05);
    neap_gbdt_options o = options(NULL);
    o.num_leaves = 9;
    o.lambda_l1 = seed % 2 ? 3 : 0;
    o.lambda_l2 = seed % 3 ? 0 : 4;
    o.max_delta_step = seed % 4 == 1 ? 0.4 : 0;
    o.path_smooth = seed % 4 == 0 ? 0 : 25;
    neap_gbdt *m = fit(&d, o, 1);
    check c = {&d, &o, m->tree[0], 0};
    for (int64_t i = 0; i < d.n; i++) c.mean += d.y[i] / (double)d.n;
    assert_in_range(c.t->leaves, 4, 9);
    check_node(&c, 0, 0, true);
    neap_gbdt_free(m);
    drop(&d);
  }
}

/* The best first cut by trying every one, gains given outputs. */
typedef struct {
  double g, n;
} sums;

static double output_of(sums s, const neap_gbdt_options *o, double parent) {
  double v = -copysign(fmax(fabs(s.g) - o->lambda_l1, 0), s.g) / (s.n + o->lambda_l2);
  double limit = o->max_delta_step, p = o->path_smooth;
  if (limit > 0 && fabs(v) > limit) v = copysign(limit, v);
  return p > 0 ? v * (s.n / p) / (s.n / p + 1) + parent / (s.n / p + 1) : v;
}

static double gain_of(sums s, const neap_gbdt_options *o, double v) {
  double t = copysign(fmax(fabs(s.g) - o->lambda_l1, 0), s.g);
  return -(2 * t * v + (s.n + o->lambda_l2) * v * v);
}

static double cut_gain(const data *d, const neap_gbdt_options *o, int column, double threshold,
                       bool nan_left, int way) {
  double mean = 0;
  sums side[2] = {{0}}, all = {0};
  for (int64_t i = 0; i < d->n; i++) mean += d->y[i] / (double)d->n;
  for (int64_t i = 0; i < d->n; i++) {
    double v = d->x[i * F + column], g = mean - d->y[i];
    sums *s = &side[!(isnan(v) ? nan_left : v <= threshold)];
    s->g += g, s->n++, all.g += g, all.n++;
  }
  if (side[0].n < (double)o->min_data_in_leaf || side[1].n < (double)o->min_data_in_leaf) return 0;
  neap_gbdt_options plain = *o;
  plain.path_smooth = 0;
  double parent = output_of(all, &plain, 0);
  double a = output_of(side[0], o, parent), b = output_of(side[1], o, parent);
  if (way > 0 ? a > b : way < 0 && a < b) return 0;
  return gain_of(side[0], o, a) + gain_of(side[1], o, b) -
         gain_of(all, o, output_of(all, o, parent));
}

static void first_splits_are_the_best_allowed(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 16; seed++) {
    data d = make(120, seed, seed % 2 ? 0.1 : 0);
    const int8_t way[F] = {seed % 3 ? 0 : -1, seed % 5 ? 0 : 1, 0, 0};
    const double factor[F] = {1, 0.5, seed % 4 ? 1 : 3, 0.25};
    neap_gbdt_columns columns = {.monotone = seed % 3 && seed % 5 ? NULL : way,
                                 .contribution = seed % 2 ? factor : NULL};
    neap_gbdt_options o = options(&columns);
    o.num_leaves = 2;
    o.max_delta_step = seed % 4 == 1 ? 0.5 : 0;
    o.path_smooth = seed % 4 == 2 ? 10 : 0;
    o.lambda_l1 = seed % 4 == 3 ? 5 : 0;
    double best = 0;
    for (int c = 0; c < F; c++)
      for (int64_t i = 0; i < d.n; i++)
        for (int left = 0; left < 2; left++)
          best = fmax(best, cut_gain(&d, &o, c, d.x[i * F + c], left, way[c]) *
                                (columns.contribution ? factor[c] : 1));
    neap_gbdt *m = fit(&d, o, 1);
    assert_int_equal(m->tree[0]->leaves, 2);
    assert_number(m->tree[0]->gain[0], best, 1e-6); /* of fixed point */
    neap_gbdt_free(m);
    drop(&d);
  }
}

/* monotone features ---------------------------------------------------------------------------- */

/* The largest step in the wrong direction when one column moves along a grid. */
static double worst_step(const neap_gbdt *m, const data *d, int column, int way) {
  double worst = 0;
  for (int64_t i = 0; i < d->n; i += 7) {
    double row[F], before = NAN;
    memcpy(row, d->x + i * F, sizeof row);
    for (int step = -40; step <= 40; step++) {
      row[column] = step / 10.0;
      double v = raw_of(m, row);
      if (!isnan(before)) worst = fmax(worst, way * (before - v));
      before = v;
    }
  }
  return worst;
}

static const int8_t ways[F] = {1, -1, 0, 0};

static void monotone_features_hold_on_a_grid(void **state) {
  (void)state;
  double loss[2];
  for (uint64_t seed = 0; seed < 4; seed++)
    for (int method = 0; method < 2; method++) {
      data d = make(1500, seed, 0.1);
      neap_gbdt_columns columns = {.monotone = ways,
                                   .categorical = (bool[]){false, false, false, true}};
      neap_gbdt_options o = options(&columns);
      o.monotone_constraints_method = method;
      o.num_leaves = 40;
      o.lambda_l1 = (double)(seed % 2);
      o.path_smooth = seed == 3 ? 5 : 0;
      neap_gbdt *m = fit(&d, o, 30);
      loss[method] = 0;
      for (int64_t i = 0; i < d.n; i++) loss[method] += pow(raw_of(m, d.x + i * F) - d.y[i], 2);
      /* sums of 30 leaves round; single trees have no wrong step at all */
      assert_true(worst_step(m, &d, 0, 1) < 1e-12 && worst_step(m, &d, 1, -1) < 1e-12);
      char *text;
      int64_t n;
      assert_ok(neap_gbdt_write(m, "", &text, &n));
      assert_non_null(strstr(text, "\nmonotone_constraints=1 -1 0 0\n"));
      neap_free(text);
      neap_gbdt_free(m);
      if (method == 1) assert_true(loss[1] < loss[0]);
      columns.monotone = NULL;
      m = fit(&d, o, 30);
      assert_true(worst_step(m, &d, 0, 1) > 0.1 && worst_step(m, &d, 1, -1) > 0.1);
      neap_gbdt_free(m);
      drop(&d);
    }
}

static int32_t depth_of(const neap__tree *t, int32_t node) {
  for (int32_t k = 0; k < t->leaves - 1; k++)
    if (t->left[k] == node || t->right[k] == node) return 1 + depth_of(t, k);
  return 0;
}

static void penalty_keeps_monotone_features_from_the_root(void **state) {
  (void)state;
  data d = make(1500, 3, 0);
  neap_gbdt_columns columns = {.monotone = ways};
  neap_gbdt_options o = options(&columns);
  o.monotone_penalty = 2;
  neap_gbdt *m = fit(&d, o, 5);
  int monotone = 0;
  for (int i = 0; i < 5; i++)
    for (int32_t k = 0; k < m->tree[i]->leaves - 1; k++)
      if (m->tree[i]->feature[k] < 2) {
        assert_true(depth_of(m->tree[i], k) >= 2);
        monotone++;
      }
  assert_true(monotone > 0);
  assert_number(neap__monotone_discount(0, 0), 1, F64_TOL);
  assert_number(neap__monotone_discount(0.5, 1), 0.75, F64_TOL);
  assert_number(neap__monotone_discount(1.5, 1), 1 - sqrt(0.5), F64_TOL);
  assert_true(neap__monotone_discount(2, 1) < 1e-14);
  neap_gbdt_free(m);
  drop(&d);
}

/* branches and draws --------------------------------------------------------------------------- */

/* The features on the way to a node or leaf, a bit each. */
static uint32_t branch(const neap__tree *t, int32_t node) {
  for (int32_t k = 0; k < t->leaves - 1; k++)
    if (t->left[k] == node || t->right[k] == node)
      return branch(t, k) | (uint32_t)1 << t->feature[k];
  return 0;
}

static void branches_stay_within_a_group(void **state) {
  (void)state;
  data d = make(1500, 4, 0.05);
  const bool group[] = {true, false, true, false, false, true, true, false};
  neap_gbdt_columns columns = {.group = group, .group_count = 2};
  neap_gbdt_options o = options(&columns);
  neap_gbdt *m = fit(&d, o, 10);
  uint32_t seen = 0;
  for (int i = 0; i < 10; i++)
    for (int32_t l = 0; l < m->tree[i]->leaves; l++) {
      uint32_t b = branch(m->tree[i], ~l);
      assert_true((b & ~5u) == 0 || (b & ~6u) == 0);
      seen |= b;
    }
  assert_int_equal(seen, 7); /* the last column is in no group */
  neap_gbdt_free(m);
  drop(&d);
}

static void nodes_draw_their_features(void **state) {
  (void)state;
  data d = make(1500, 5, 0);
  neap_gbdt_options o = options(NULL);
  o.feature_fraction_bynode = 0.25;
  neap_gbdt *m = fit(&d, o, 100);
  int first[F] = {0}, below = 0;
  for (int i = 0; i < 100; i++) {
    const neap__tree *t = m->tree[i];
    first[t->feature[0]]++;
    below += branch(t, -1) != (uint32_t)1 << t->feature[0];
  }
  for (int c = 0; c < F; c++) assert_in_range(first[c], 10, 45);
  assert_true(below > 50);
  neap_gbdt_free(m);
  drop(&d);
}

static void extra_trees_look_at_one_cut(void **state) {
  (void)state;
  data d = make(1500, 6, 0.05);
  neap_gbdt_columns columns = {.categorical = (bool[]){false, false, false, true}};
  neap_gbdt_options o = options(&columns);
  o.num_leaves = 2;
  neap_gbdt *m = fit(&d, o, 1);
  double best = m->tree[0]->gain[0];
  neap_gbdt_free(m);
  o.extra_trees = true;
  int different = 0;
  double last = NAN;
  for (int64_t seed = 0; seed < 20; seed++) {
    o.extra_seed = seed;
    m = fit(&d, o, 1);
    assert_true(m->tree[0]->gain[0] <= best * (1 + 1e-9));
    different += m->tree[0]->threshold[0] != last;
    last = m->tree[0]->threshold[0];
    neap_gbdt_free(m);
  }
  assert_true(different > 10);
  drop(&d);
}

static void bits_are_equal_at_any_thread_count(void **state) {
  (void)state;
  data d = make(40000, 7, 0.05);
  for (int kind = 0; kind < 3; kind++) {
    char *want = NULL;
    neap_gbdt_columns columns = {.monotone = kind ? ways : NULL,
                                 .categorical = (bool[]){false, false, false, true}};
    neap_gbdt_options o = options(&columns);
    o.extra_trees = kind == 0;
    o.feature_fraction_bynode = 0.6;
    o.monotone_constraints_method = kind == 2;
    o.path_smooth = 3;
    for (int threads = 1; threads <= 4; threads++) {
      int64_t n;
      char *text;
      assert_ok(neap_set_threads(threads));
      neap_gbdt *m = fit(&d, o, 3);
      assert_ok(neap_gbdt_write(m, "", &text, &n));
      if (want) assert_string_equal(text, want);
      if (want) neap_free(text);
      else want = text;
      neap_gbdt_free(m);
    }
    neap_free(want);
  }
  drop(&d);
}

static void contradictions_are_refused(void **state) {
  (void)state;
  data d = make(50, 1, 0);
  neap_gbdt_columns columns = {.monotone = ways};
  neap_gbdt_options o = options(&columns);
  neap_trainer *t;
  o.objective = NEAP_OBJECTIVE_L1;
  assert_fails(neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL), NEAP_EARG,
               "gbdt.fit: objective 'regression_l1' sets leaves anew after the splits, which "
               "monotone_constraints do not bear");
  o.objective = NEAP_OBJECTIVE_REGRESSION;
  columns.categorical = (bool[]){true, true, true, true};
  for (int64_t i = 0; i < d.n * F; i++) d.x[i] = fabs(floor(d.x[i]));
  assert_fails(neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL), NEAP_EARG,
               "gbdt.fit: monotone_constraints: feature 1 is categorical");
  o = options(NULL);
  o.path_smooth = 1;
  o.min_data_in_leaf = 1;
  assert_fails(neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL), NEAP_EARG,
               "gbdt.fit: path_smooth needs min_data_in_leaf from 2, it is 1");
  drop(&d);
}

static void survives_every_failed_allocation(void **state) {
  (void)state;
  data d = make(300, 8, 0.1);
  const double factor[F] = {1, 1, 2, 1};
  const bool group[] = {true, true, true, false, true, false, false, true};
  neap_gbdt_columns columns = {
      .monotone = ways, .contribution = factor, .group = group, .group_count = 2};
  neap_gbdt_options o = options(&columns);
  o.monotone_constraints_method = NEAP__MONOTONE_INTERMEDIATE;
  with_every_allocation_failing({
    neap_trainer *t = NULL;
    neap_gbdt *m = NULL;
    bool grew;
    neap_status st = neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL);
    if (!st) st = neap_trainer_step(t, &grew);
    if (!st) st = neap_trainer_finish(t, 1, &m);
    assert_true(st == NEAP_OK || st == NEAP_ENOMEM);
    neap_gbdt_free(m);
    neap_trainer_free(t);
  });
  drop(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(outputs_follow_their_formulas),
      cmocka_unit_test(first_splits_are_the_best_allowed),
      cmocka_unit_test(monotone_features_hold_on_a_grid),
      cmocka_unit_test(penalty_keeps_monotone_features_from_the_root),
      cmocka_unit_test(branches_stay_within_a_group),
      cmocka_unit_test(nodes_draw_their_features),
      cmocka_unit_test(extra_trees_look_at_one_cut),
      cmocka_unit_test(bits_are_equal_at_any_thread_count),
      cmocka_unit_test(contradictions_are_refused),
      cmocka_unit_test(survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
