/* How boosting runs: samples of rows, dropped trees, random forests. */
#include "check.h"

#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "tree/trainer.h"

typedef struct {
  int64_t n, f;
  double *x, *y, *w;
  neap_tensor t;
} data;

/* Normal deviates, one in ten missing in the first column; classes 0: numbers, else labels. */
static data make(int64_t n, int64_t f, uint64_t seed, int classes) {
  data d = {.n = n, .f = f};
  neap_rng r = neap_rng_make(seed);
  assert_ok(neap_tensor_init(&d.t, NEAP_F64, 2, (int64_t[]){n, f}));
  d.x = neap_tensor_data(&d.t);
  d.y = neap_alloc_array(n, sizeof(double));
  d.w = neap_alloc_array(n, sizeof(double));
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < f; j++) d.x[i * f + j] = neap_rng_normal(&r);
    double sum = d.x[i * f] + d.x[i * f + 1] * d.x[i * f + 1] + 0.5 * neap_rng_normal(&r);
    if (neap_rng_uniform(&r) < 0.1) d.x[i * f] = NAN;
    d.y[i] = classes == 0 ? sum : classes == 2 ? sum > 1 : (sum > 0) + (sum > 1.5);
    d.w[i] = 0.25 + neap_rng_uniform(&r);
  }
  return d;
}

static void drop(data *d) {
  neap_tensor_drop(&d->t);
  neap_free(d->y);
  neap_free(d->w);
}

static neap_trainer *open(const data *d, neap_gbdt_options o, const neap_gbdt *init) {
  neap_trainer *t;
  assert_ok(neap_trainer_open(&t, &o, &d->t, d->y, d->w, init));
  return t;
}

static void steps(neap_trainer *t, int n) {
  bool grew;
  for (int i = 0; i < n; i++) assert_ok(neap_trainer_step(t, &grew));
}

static neap_gbdt *finish(neap_trainer *t) {
  neap_gbdt *m;
  assert_ok(neap_trainer_finish(t, neap_trainer_iterations(t), &m));
  return m;
}

static neap_gbdt *fit(const data *d, neap_gbdt_options o, int iterations) {
  neap_trainer *t = open(d, o, NULL);
  steps(t, iterations);
  neap_gbdt *m = finish(t);
  neap_trainer_free(t);
  return m;
}

/* rows ----------------------------------------------------------------------------------------- */

static float size_of(const neap__pair *p, int64_t n, int64_t columns, int64_t i) {
  float sum = 0;
  for (int64_t k = 0; k < columns; k++) sum += fabsf(p[k * n + i].real.g * p[k * n + i].real.h);
  return sum;
}

/* Rank of row i among all by falling size, ties to the lower row: by comparing with every other. */
static int64_t rank_of(const neap__pair *p, int64_t n, int64_t columns, int64_t i) {
  int64_t above = 0;
  float own = size_of(p, n, columns, i);
  for (int64_t j = 0; j < n; j++) {
    float other = size_of(p, n, columns, j);
    above += other > own || (other == own && j < i);
  }
  return above;
}

static void goss_keeps_the_largest_and_raises_the_others(void **state) {
  (void)state;
  enum { N = 3000, TOP = 600, OTHERS = 450 };
  for (int classes = 2; classes <= 3; classes++) {
    data d = make(N, 3, 5, classes);
    neap_gbdt_options o = neap_gbdt_defaults();
    o.objective = classes == 2 ? NEAP_OBJECTIVE_BINARY : NEAP_OBJECTIVE_MULTICLASS;
    o.data_sample_strategy = NEAP_SAMPLE_GOSS;
    o.other_rate = 0.15;
    o.learning_rate = 2; /* no iterations on all rows */
    neap_trainer *t = open(&d, o, NULL);
    int64_t columns = t->columns, raised = 0;
    neap_rng r = neap_rng_make(3);
    for (int64_t i = 0; i < N * columns; i++) /* many ties */
      t->pairs[i].real.g = (float)floor(4 * neap_rng_normal(&r)), t->pairs[i].real.h = 1;
    neap__pair *before = neap_alloc_array(N * columns, sizeof *before);
    memcpy(before, t->pairs, (size_t)(N * columns) * sizeof *before);
    assert_ok(neap__sample_rows(t));
    float raise = (float)(N - TOP) / (float)OTHERS;
    for (int64_t i = 0; i < N; i++) {
      bool top = rank_of(before, N, columns, i) < TOP, kept = t->sample.kept[i];
      if (top) assert_true(kept);
      raised += kept && !top;
      for (int64_t k = 0; k < columns; k++) {
        float factor = kept && !top ? raise : 1;
        assert_true(t->pairs[k * N + i].real.g == before[k * N + i].real.g * factor);
        assert_true(t->pairs[k * N + i].real.h == before[k * N + i].real.h * factor);
      }
    }
    /* binomial: five standard deviations of 2400 rows at 0.1875 */
    assert_true(fabs((double)raised - OTHERS) < 5 * sqrt(2400 * 0.1875 * 0.8125));
    neap_free(before);
    neap_trainer_free(t);
    drop(&d);
  }
}

static void goss_begins_with_all_rows(void **state) {
  (void)state;
  data d = make(500, 3, 6, 2);
  neap_gbdt_options o = neap_gbdt_defaults();
  o.objective = NEAP_OBJECTIVE_BINARY;
  o.data_sample_strategy = NEAP_SAMPLE_GOSS;
  o.learning_rate = 0.25;
  neap_gbdt *goss = fit(&d, o, 6);
  o.data_sample_strategy = NEAP_SAMPLE_BAGGING;
  neap_gbdt *same = fit(&d, o, 6);
  for (int64_t i = 0; i < 6; i++) {
    const neap__tree *a = goss->tree[i], *b = same->tree[i];
    if (i < 4)
      assert_memory_equal(a->leaf_value, b->leaf_value, sizeof(double) * (size_t)b->leaves);
    assert_true((a->internal_count[0] == 500) == (i < 4));
  }
  neap_gbdt_free(same);
  neap_gbdt_free(goss);
  drop(&d);
}

static void bags_hold_each_class_by_its_fraction(void **state) {
  (void)state;
  data d = make(4000, 2, 7, 2);
  neap_gbdt_options o = neap_gbdt_defaults();
  o.objective = NEAP_OBJECTIVE_BINARY;
  o.bagging_freq = 2;
  o.pos_bagging_fraction = 0.9;
  o.neg_bagging_fraction = 0.2;
  neap_trainer *t = open(&d, o, NULL);
  uint8_t first[4000];
  for (int i = 0; i < 3; i++) {
    assert_ok(neap__sample_rows(t));
    double all[2] = {0}, in[2] = {0};
    for (int64_t k = 0; k < 4000; k++) {
      all[d.y[k] > 0] += 1;
      in[d.y[k] > 0] += t->sample.kept[k];
    }
    for (int c = 0; c < 2; c++) { /* five standard deviations */
      double p = c ? 0.9 : 0.2;
      assert_true(fabs(in[c] - p * all[c]) < 5 * sqrt(all[c] * p * (1 - p)));
    }
    if (i == 0) memcpy(first, t->sample.kept, sizeof first);
    else assert_int_equal(memcmp(first, t->sample.kept, sizeof first) == 0, i == 1);
    steps(t, 1);
  }
  neap_trainer_free(t);
  drop(&d);
}

/* scores --------------------------------------------------------------------------------------- */

/* Scores of both sets are what the model predicts. */
static void check_scores(neap_trainer *t, const data *d, const data *v, double tol) {
  neap_gbdt *m = finish(t);
  double raw[3];
  for (int s = 0; s < 2; s++) {
    const data *e = s ? v : d;
    for (int64_t i = 0; i < e->n; i++) {
      neap_gbdt_predict_row(m, e->x + i * e->f, NEAP_PREDICT_RAW, raw);
      double by = m->average ? (double)neap_gbdt_iterations(m) : 1;
      for (int64_t k = 0; k < t->columns; k++)
        assert_number(t->set[s].scores[k * e->n + i], raw[k] / by, tol);
    }
  }
  neap_gbdt_free(m);
}

static void scores_follow_every_mode(void **state) {
  (void)state;
  data d = make(700, 4, 8, 3), v = make(200, 4, 9, 3);
  for (int mode = 0; mode < 12; mode++) {
    neap_gbdt_options o = neap_gbdt_defaults();
    o.objective = mode % 2 ? NEAP_OBJECTIVE_MULTICLASS : NEAP_OBJECTIVE_L1;
    o.boosting = (int)(mode / 2 % 3);
    o.data_sample_strategy = mode / 6;
    o.learning_rate = 0.5;
    if (mode < 6) o.bagging_fraction = 0.6, o.bagging_freq = 1;
    o.skip_drop = 0.2;
    o.drop_rate = 0.4;
    neap_gbdt *init = fit(&d, o, 3);
    neap_trainer *t = open(&d, o, mode % 3 ? NULL : init);
    assert_ok(neap_trainer_add_valid(t, &v.t, v.y, v.w));
    for (int i = 0; i < 8; i++) {
      steps(t, 1);
      /* dropped trees are taken off and put back: a few rounding errors each time */
      check_scores(t, &d, &v, o.boosting == NEAP_BOOSTING_DART ? F64_TOL : 0);
    }
    neap_gbdt_free(init);
    neap_trainer_free(t);
  }
  drop(&d);
  drop(&v);
}

/* dart ----------------------------------------------------------------------------------------- */

/* When all trees are dropped each time, each new one equals the first but for its size, and all
 * together count as much as one: after k iterations every tree has the first one's leaves / k. */
static void dropping_all_trees_repeats_the_first(void **state) {
  (void)state;
  data d = make(600, 3, 10, 0);
  neap_gbdt_options o = neap_gbdt_defaults();
  o.boosting = NEAP_BOOSTING_DART;
  o.skip_drop = 0;
  o.drop_rate = 1;
  o.max_drop = 0;
  o.uniform_drop = true;
  neap_gbdt *one = fit(&d, o, 1), *four = fit(&d, o, 4);
  double start = 0, weight = 0, p[1], q[1];
  for (int64_t i = 0; i < d.n; i++) {
    weight += (double)(float)d.w[i];
    start += (d.y[i] - start) * ((double)(float)d.w[i] / weight);
  }
  for (int64_t i = 0; i < d.n; i++) {
    neap_gbdt_predict_row(one, d.x + i * d.f, NEAP_PREDICT_RAW, p);
    neap_gbdt_predict_row(four, d.x + i * d.f, NEAP_PREDICT_RAW, q);
    assert_number(q[0], p[0], F64_TOL);
  }
  for (int64_t k = 0; k < 4; k++) {
    const neap__tree *a = one->tree[0], *b = four->tree[k];
    assert_int_equal(a->leaves, b->leaves);
    for (int32_t l = 0; l < a->leaves; l++)
      assert_number(b->leaf_value[l] - (k == 0 ? start : 0), (a->leaf_value[l] - start) / 4,
                    F64_TOL);
  }
  neap_gbdt_free(one);
  neap_gbdt_free(four);
  drop(&d);
}

/* XGBoost's normalisation: with rate r, 1 tree dropped: new r / (r + 1), old 1 / (r + 1). */
static void xgboost_mode_shares_by_the_rate(void **state) {
  (void)state;
  data d = make(600, 3, 11, 0);
  neap_gbdt_options o = neap_gbdt_defaults();
  o.boosting = NEAP_BOOSTING_DART;
  o.xgboost_dart_mode = true;
  o.skip_drop = 0;
  o.drop_rate = 1;
  o.learning_rate = 0.3;
  o.boost_from_average = false;
  neap_gbdt *one = fit(&d, o, 1), *two = fit(&d, o, 2);
  for (int32_t l = 0; l < one->tree[0]->leaves; l++) {
    double own = one->tree[0]->leaf_value[l];
    assert_number(two->tree[0]->leaf_value[l], own / 1.3, F64_TOL);
    assert_number(two->tree[1]->leaf_value[l], own / 0.3 * (0.3 / 1.3), F64_TOL);
  }
  assert_number(two->tree[1]->shrinkage, 0.3 / 1.3, F64_TOL);
  neap_gbdt_free(one);
  neap_gbdt_free(two);
  drop(&d);
}

static void max_drop_and_skip_drop_are_kept(void **state) {
  (void)state;
  data d = make(300, 3, 12, 2);
  neap_gbdt_options o = neap_gbdt_defaults();
  o.objective = NEAP_OBJECTIVE_BINARY;
  o.boosting = NEAP_BOOSTING_DART;
  o.skip_drop = 0.5;
  o.drop_rate = 1;
  o.max_drop = 2;
  neap_trainer *t = open(&d, o, NULL);
  int skipped = 0;
  for (int i = 0; i < 60; i++) {
    steps(t, 1);
    assert_true(t->dart.count <= 2);
    skipped += t->dart.count == 0;
    for (int64_t j = 1; j < t->dart.count; j++)
      assert_true(t->dart.dropped[j] > t->dart.dropped[j - 1]);
  }
  assert_true(skipped > 10 && skipped < 50);
  neap_trainer_free(t);
  drop(&d);
}

/* random forests ------------------------------------------------------------------------------- */

/* Each tree by itself is a first iteration at learning rate 1, on the bag of its number. */
static void trees_of_a_forest_are_first_trees(void **state) {
  (void)state;
  data d = make(800, 4, 13, 2);
  neap_gbdt_options o = neap_gbdt_defaults();
  o.objective = NEAP_OBJECTIVE_BINARY;
  o.bagging_fraction = 0.5;
  o.bagging_freq = 1;
  neap_gbdt_options first = o;
  o.boosting = NEAP_BOOSTING_RF;
  first.learning_rate = 1;
  neap_gbdt *forest = fit(&d, o, 5), *one = fit(&d, first, 1);
  assert_true(forest->average);
  assert_memory_equal(forest->tree[0]->leaf_value, one->tree[0]->leaf_value,
                      sizeof(double) * (size_t)one->tree[0]->leaves);
  for (int64_t k = 0; k < 5; k++) {
    const neap__tree *a = forest->tree[k];
    assert_true(a->internal_count[0] > 300 && a->internal_count[0] < 500);
    for (int64_t j = 0; j < k; j++)
      assert_int_not_equal(a->internal_count[0], forest->tree[j]->internal_count[0]);
  }
  double p[2], mean = 0;
  neap_gbdt_predict_row(forest, d.x, NEAP_PREDICT_PROBABILITY, p);
  for (int64_t k = 0; k < 5; k++)
    mean += forest->tree[k]->leaf_value[neap__tree_leaf(forest->tree[k], d.x)];
  assert_number(p[1], 1 / (1 + exp(-mean / 5)), F64_TOL);
  neap_gbdt_free(forest);
  neap_gbdt_free(one);
  drop(&d);
}

/* everything ----------------------------------------------------------------------------------- */

static neap_gbdt_options mode_options(int mode) {
  neap_gbdt_options o = neap_gbdt_defaults();
  o.objective = NEAP_OBJECTIVE_BINARY;
  o.feature_fraction = 0.8;
  o.boosting = mode % 3;
  o.data_sample_strategy = mode >= 3;
  o.learning_rate = 0.5;
  if (mode < 3) o.bagging_freq = 2, o.pos_bagging_fraction = 0.6, o.neg_bagging_fraction = 0.8;
  o.skip_drop = 0;
  return o;
}

static void bits_are_equal_at_any_thread_count(void **state) {
  (void)state;
  data d = make(40000, 5, 14, 2);
  for (int mode = 0; mode < 6; mode++) {
    char *want = NULL, *text;
    int64_t n, size = 0;
    for (int threads = 1; threads <= 4; threads++) {
      assert_ok(neap_set_threads(threads));
      neap_gbdt *m = fit(&d, mode_options(mode), 6);
      assert_ok(neap_gbdt_write(m, "", &text, &n));
      neap_gbdt_free(m);
      if (want) {
        assert_int_equal(n, size);
        assert_memory_equal(want, text, (size_t)n);
        neap_free(text);
      } else {
        want = text;
        size = n;
      }
    }
    neap_free(want);
  }
  assert_ok(neap_set_threads(2));
  drop(&d);
}

static neap_status run(const data *d, const data *v, neap_gbdt_options o) {
  neap_trainer *t;
  neap_gbdt *m = NULL;
  bool grew;
  NEAP_TRY(neap_trainer_open(&t, &o, &d->t, d->y, d->w, NULL));
  neap_status st = neap_trainer_add_valid(t, &v->t, v->y, NULL);
  for (int i = 0; !st && i < 4; i++) st = neap_trainer_step(t, &grew);
  if (!st) st = neap_trainer_finish(t, 4, &m);
  neap_gbdt *later = NULL;
  if (!st) st = neap_gbdt_refit(&later, m, &o, &v->t, v->y, v->w, 0.5);
  neap_trainer_free(t);
  neap_gbdt_free(m);
  neap_gbdt_free(later);
  return st;
}

static void survives_every_failed_allocation(void **state) {
  (void)state;
  data d = make(300, 3, 15, 2), v = make(100, 3, 16, 2);
  assert_ok(neap_set_threads(2));
  for (int mode = 0; mode < 6; mode++) {
    int64_t live = neap_alloc_live();
    bool fired;
    neap_fault_reset();
    do {
      neap_fault_arm();
      neap_status st = run(&d, &v, mode_options(mode));
      fired = neap_fault_fired();
      assert_int_equal(st, fired ? NEAP_ENOMEM : NEAP_OK);
      assert_int_equal(neap_alloc_live(), live);
    } while (fired);
  }
  drop(&d);
  drop(&v);
}

/* An iteration that Ctrl-C ends leaves no trace: neither its tree nor smaller old ones. */
static void interrupt_leaves_dropped_trees_alone(void **state) {
  (void)state;
  data d = make(500, 3, 17, 2);
  neap_gbdt_options o = mode_options(1);
  o.drop_rate = 1;
  neap_trainer *t = open(&d, o, NULL);
  bool grew;
  steps(t, 3);
  neap_gbdt *before = finish(t);
  neap_interrupt_raise();
  assert_fails(neap_trainer_step(t, &grew), NEAP_EINTERRUPT, "interrupted");
  neap_interrupt_clear();
  neap_gbdt *after = finish(t);
  assert_int_equal(after->trees, 3);
  for (int64_t i = 0; i < 3; i++)
    assert_memory_equal(before->tree[i]->leaf_value, after->tree[i]->leaf_value,
                        sizeof(double) * (size_t)before->tree[i]->leaves);
  neap_gbdt_free(before);
  neap_gbdt_free(after);
  neap_trainer_free(t);
  drop(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(goss_keeps_the_largest_and_raises_the_others),
      cmocka_unit_test(goss_begins_with_all_rows),
      cmocka_unit_test(bags_hold_each_class_by_its_fraction),
      cmocka_unit_test(scores_follow_every_mode),
      cmocka_unit_test(dropping_all_trees_repeats_the_first),
      cmocka_unit_test(xgboost_mode_shares_by_the_rate),
      cmocka_unit_test(max_drop_and_skip_drop_are_kept),
      cmocka_unit_test(trees_of_a_forest_are_first_trees),
      cmocka_unit_test(bits_are_equal_at_any_thread_count),
      cmocka_unit_test(survives_every_failed_allocation),
      cmocka_unit_test(interrupt_leaves_dropped_trees_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
