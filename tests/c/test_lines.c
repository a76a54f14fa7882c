/* Linear leaves: against normal equations in plain code, and the model against its own scores. */
#include "check.h"

#include "base/pool.h"
#include "base/rng.h"
#include "tree/engine.h"

enum { F = 4 };

typedef struct {
  int64_t n;
  double *x, *y, *w;
  neap_tensor t;
} data;

/* Labels with kinks in the first two columns; the third repeats the first, the last holds codes. */
static data make(int64_t n, uint64_t seed, double missing, int classes) {
  data d = {.n = n};
  neap_rng r = neap_rng_make(seed);
  assert_ok(neap_tensor_init(&d.t, NEAP_F64, 2, (int64_t[]){n, F}));
  d.x = neap_tensor_data(&d.t);
  d.y = neap_alloc_array(n, sizeof(double));
  d.w = neap_alloc_array(n, sizeof(double));
  for (int64_t i = 0; i < n; i++) {
    double *row = d.x + i * F;
    row[0] = 1000 + neap_rng_normal(&r); /* far from 0: sums of squares would lose digits */
    row[1] = neap_rng_normal(&r);
    row[2] = 2 * row[0] - 7;
    row[3] = floor(4 * neap_rng_uniform(&r));
    double y = fabs(row[0] - 1000) + (row[1] > 0 ? row[1] : -2 * row[1]) + (row[3] == 1);
    d.y[i] = classes ? (y > 1.5) + (classes > 2 && y > 3) : y + 0.05 * neap_rng_normal(&r);
    d.w[i] = 0.25 + neap_rng_uniform(&r);
    for (int j = 0; j < 3; j++)
      if (neap_rng_uniform(&r) < missing) row[j] = NAN;
  }
  return d;
}

static void drop(data *d) {
  neap_tensor_drop(&d->t);
  neap_free(d->y);
  neap_free(d->w);
}

static const neap_gbdt_columns last_is_categorical = {.categorical =
                                                          (bool[]){false, false, false, true}};

static neap_gbdt_options options(void) {
  neap_gbdt_options o = neap_gbdt_defaults();
  o.columns = &last_is_categorical;
  o.linear_tree = true;
  o.linear_lambda = 0.01;
  o.num_leaves = 8;
  return o;
}

static neap_gbdt *fit_from(const data *d, neap_gbdt_options o, int iterations,
                           const neap_gbdt *init) {
  neap_trainer *t;
  neap_gbdt *m;
  bool grew;
  assert_ok(neap_trainer_open(&t, &o, &d->t, d->y, d->w, init));
  for (int i = 0; i < iterations; i++) assert_ok(neap_trainer_step(t, &grew));
  assert_ok(neap_trainer_finish(t, 1000, &m));
  neap_trainer_free(t);
  return m;
}

static neap_gbdt *fit(const data *d, neap_gbdt_options o, int iterations) {
  return fit_from(d, o, iterations, NULL);
}

static char *text_of(const neap_gbdt *m) {
  char *text;
  int64_t n;
  assert_ok(neap_gbdt_write(m, "", &text, &n));
  return text;
}

/* Gauss's elimination with row exchange, n <= 8. */
static void eliminate(int n, double a[8][9]) {
  for (int k = 0; k < n; k++) {
    int top = k;
    for (int i = k; i < n; i++)
      if (fabs(a[i][k]) > fabs(a[top][k])) top = i;
    for (int j = 0; j <= n; j++) {
      double t = a[k][j];
      a[k][j] = a[top][j], a[top][j] = t;
    }
    for (int i = 0; i < n; i++) {
      if (i == k) continue;
      double f = a[i][k] / a[k][k];
      for (int j = k; j <= n; j++) a[i][j] -= f * a[k][j];
    }
  }
}

/* One leaf of the second tree: the ridge regression of its rows. Columns are shifted by about their
 * mean, which changes nothing but how many digits the plain equations lose. */
static void check_leaf(const data *d, const neap_gbdt_options *o, const neap__tree *first,
                       const neap__tree *t, int32_t leaf) {
  const int32_t *column = t->leaf_feature + t->leaf_start[leaf];
  int k = t->leaf_start[leaf + 1] - t->leaf_start[leaf];
  const double shift[] = {1000, 0, 1993, 0};
  double a[8][9] = {{0}};
  for (int64_t i = 0; i < d->n; i++) {
    const double *row = d->x + i * F;
    double z[8], w = (double)(float)d->w[i];
    bool whole = true;
    if (neap__tree_leaf(t, row) != leaf) continue;
    for (int j = 0; j < k; j++) {
      z[j] = row[column[j]] - shift[column[j]];
      whole &= !isnan(z[j]);
    }
    if (!whole) continue;
    z[k] = 1;
    double g = (double)(float)(w * (first->leaf_value[neap__tree_leaf(first, row)] - d->y[i]));
    for (int j = 0; j <= k; j++) {
      a[j][k + 1] -= g * z[j];
      for (int l = 0; l <= k; l++) a[j][l] += w * z[j] * z[l];
    }
  }
  for (int j = 0; j < k; j++) a[j][j] += o->linear_lambda;
  eliminate(k + 1, a);
  double constant = a[k][k + 1] / a[k][k];
  for (int j = 0; j < k; j++) {
    double c = a[j][k + 1] / a[j][j];
    assert_number(t->leaf_coeff[t->leaf_start[leaf] + j], o->learning_rate * c, 1e-8);
    constant -= c * shift[column[j]];
  }
  /* plain equations lose some digits on neighbours that hardly differ */
  assert_number(t->leaf_const[leaf], o->learning_rate * constant, 1e-8);
}

static void leaves_are_ridge_regressions(void **state) {
  (void)state;
  int lines = 0;
  for (uint64_t seed = 0; seed < 8; seed++) {
    data d = make(600, seed, seed % 2 ? 0.1 : 0, 0);
    neap_gbdt_options o = options();
    o.linear_lambda = seed % 3 ? 0.5 : 3;
    neap_gbdt *m = fit(&d, o, 2);
    const neap__tree *t = m->tree[1];
    assert_false(m->tree[0]->linear);
    assert_true(t->linear);
    for (int32_t l = 0; l < t->leaves; l++) {
      for (int32_t i = t->leaf_start[l]; i < t->leaf_start[l + 1]; i++)
        assert_in_range(t->leaf_feature[i], 0, 2); /* no codes */
      check_leaf(&d, &o, m->tree[0], t, l);
      lines += t->leaf_start[l + 1] - t->leaf_start[l];
    }
    neap_gbdt_free(m);
    drop(&d);
  }
  assert_true(lines > 40);
}

static double loss_of(const neap_gbdt *m, const data *d) {
  double sum = 0;
  for (int64_t i = 0; i < d->n; i++) {
    double p;
    neap_gbdt_predict_row(m, d->x + i * F, NEAP_PREDICT_RAW, &p);
    sum += (p - d->y[i]) * (p - d->y[i]) / (double)d->n;
  }
  return sum;
}

static void lines_fit_what_is_linear_between_kinks(void **state) {
  (void)state;
  data d = make(2000, 3, 0, 0), v = make(2000, 4, 0, 0);
  neap_gbdt_options o = options();
  neap_gbdt *lines = fit(&d, o, 60);
  o.linear_tree = false;
  neap_gbdt *steps = fit(&d, o, 60);
  assert_true(loss_of(lines, &v) < 0.5 * loss_of(steps, &v));
  neap_gbdt_free(lines);
  neap_gbdt_free(steps);
  drop(&d);
  drop(&v);
}

/* Repeated and constant directions have no say, and no coefficient grows without bounds. */
static void repeated_columns_do_no_harm(void **state) {
  (void)state;
  data d = make(500, 6, 0, 0), v = make(500, 7, 0, 0);
  neap_gbdt_options o = options();
  o.linear_lambda = 0;
  neap_gbdt *m = fit(&d, o, 30);
  for (int i = 1; i < 30; i++)
    for (int32_t k = 0; k < m->tree[i]->leaf_start[m->tree[i]->leaves]; k++)
      assert_true(fabs(m->tree[i]->leaf_coeff[k]) < 10);
  assert_true(loss_of(m, &v) < 0.1);
  neap_gbdt_free(m);
  drop(&d);
  drop(&v);
}

typedef struct {
  bool narrow, turned;
  int boosting, goss, bagging, classes;
} kind;

/* The features of d as f32 or with their columns apart. */
static neap_tensor other_form(const data *d, kind k) {
  neap_tensor t, view;
  assert_ok(neap_tensor_init(&t, k.narrow ? NEAP_F32 : NEAP_F64, 2,
                             k.turned ? (int64_t[]){F, d->n} : (int64_t[]){d->n, F}));
  for (int64_t i = 0; i < d->n; i++)
    for (int64_t j = 0; j < F; j++) {
      int64_t at = k.turned ? j * d->n + i : i * F + j;
      if (k.narrow) ((float *)neap_tensor_data(&t))[at] = (float)d->x[i * F + j];
      else ((double *)neap_tensor_data(&t))[at] = d->x[i * F + j];
    }
  if (!k.turned) return t;
  assert_ok(neap_tensor_transpose(&view, &t, 0, 1));
  neap_tensor_drop(&t);
  return view;
}

static void scores_are_what_the_model_predicts(void **state) {
  (void)state;
  const kind kinds[] = {{.bagging = 1},
                        {.narrow = true},
                        {.turned = true, .goss = 1},
                        {.boosting = NEAP_BOOSTING_RF, .bagging = 1},
                        {.classes = 3, .bagging = 1}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    kind k = kinds[i];
    data d = make(1500, 11, 0.05, k.classes), v = make(400, 12, 0.1, k.classes);
    neap_tensor x = other_form(&d, k), xv = other_form(&v, k);
    neap_gbdt_options o = options();
    o.boosting = k.boosting;
    o.data_sample_strategy = k.goss;
    o.learning_rate = 0.3;
    o.bagging_freq = k.bagging;
    o.bagging_fraction = k.bagging ? 0.6 : 1;
    o.objective = k.classes ? NEAP_OBJECTIVE_MULTICLASS : NEAP_OBJECTIVE_REGRESSION;
    neap_trainer *t;
    neap_gbdt *m, *again;
    bool grew;
    double metric[2];
    const char *name = k.classes ? "multi_logloss" : "l2";
    assert_ok(neap_trainer_open(&t, &o, &x, d.y, d.w, NULL));
    assert_ok(neap_trainer_add_valid(t, &xv, v.y, NULL));
    neap_tensor_drop(&x); /* the trainer holds on to what it needs */
    for (int s = 0; s < 12; s++) assert_ok(neap_trainer_step(t, &grew));
    for (int s = 0; s < 2; s++) assert_ok(neap_trainer_metric(t, s, name, &metric[s], NULL));
    assert_ok(neap_trainer_finish(t, 12, &m));
    char *text = text_of(m);
    assert_ok(neap_gbdt_parse(&again, text, (int64_t)strlen(text)));
    neap_free(text);
    x = other_form(&d, k);
    for (int s = 0; s < 2; s++) {
      const data *e = s ? &v : &d;
      int64_t width = k.classes ? 3 : 1;
      double *p = neap_alloc_array(e->n * width, sizeof *p), sum = 0, weights = 0;
      double *q = neap_alloc_array(e->n * width, sizeof *q);
      neap_predict_kind what = k.classes ? NEAP_PREDICT_PROBABILITY : NEAP_PREDICT_VALUE;
      assert_ok(neap_gbdt_predict(m, s ? &xv : &x, what, 0, p));
      assert_ok(neap_gbdt_predict(again, s ? &xv : &x, what, 0, q));
      for (int64_t r = 0; r < e->n; r++) {
        double w = s ? 1 : (double)(float)e->w[r];
        for (int64_t c = 0; c < width; c++) assert_true(p[r * width + c] == q[r * width + c]);
        sum += w * (k.classes ? -log(p[r * 3 + (int64_t)e->y[r]]) : pow(p[r] - e->y[r], 2));
        weights += w;
      }
      assert_number(metric[s], sum / weights, F64_TOL);
      neap_free(p);
      neap_free(q);
    }
    neap_gbdt_free(again);
    neap_gbdt_free(m);
    neap_trainer_free(t);
    neap_tensor_drop(&x);
    neap_tensor_drop(&xv);
    drop(&d);
    drop(&v);
  }
}

static void bits_hang_on_neither_threads_nor_pauses(void **state) {
  (void)state;
  data d = make(30000, 13, 0.02, 0);
  char *want = NULL;
  for (int threads = 1; threads <= 4; threads++) {
    assert_ok(neap_set_threads(threads));
    neap_gbdt *m = fit(&d, options(), 6);
    char *text = text_of(m);
    if (want) assert_string_equal(text, want);
    if (want) neap_free(text);
    else want = text;
    neap_gbdt_free(m);
  }
  neap_gbdt *half = fit(&d, options(), 3), *whole = fit_from(&d, options(), 3, half);
  char *text = text_of(whole);
  assert_string_equal(text, want);
  neap_free(text);
  neap_free(want);
  neap_gbdt_free(half);
  neap_gbdt_free(whole);
  drop(&d);
}

static void contradictions_are_refused(void **state) {
  (void)state;
  data d = make(50, 1, 0, 0);
  neap_gbdt_options o = options();
  neap_trainer *t;
  o.objective = NEAP_OBJECTIVE_L1;
  assert_fails(neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL), NEAP_EARG,
               "gbdt.fit: linear_tree does not go with objective 'regression_l1', which sets "
               "leaves to quantiles");
  o = options();
  o.boosting = NEAP_BOOSTING_DART;
  assert_fails(neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL), NEAP_EARG,
               "gbdt.fit: linear_tree does not go with boosting 'dart'");
  o = options();
  neap_gbdt_columns columns = {.monotone = (int8_t[]){1, 0, 0, 0}};
  o.columns = &columns;
  assert_fails(neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL), NEAP_EARG,
               "gbdt.fit: linear_tree does not go with monotone_constraints, which lines in leaves "
               "would break");
  o = options();
  d.x[1] = INFINITY;
  assert_fails(neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL), NEAP_EVALUE,
               "gbdt.fit: feature 2 has infinite values, which linear_tree cannot multiply");
  drop(&d);
}

static void survives_every_failed_allocation(void **state) {
  (void)state;
  data d = make(300, 8, 0.1, 0);
  neap_gbdt_options o = options();
  with_every_allocation_failing({
    neap_trainer *t = NULL;
    neap_gbdt *m = NULL;
    bool grew;
    neap_status st = neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL);
    if (!st) st = neap_trainer_add_valid(t, &d.t, d.y, NULL);
    for (int i = 0; !st && i < 2; i++) st = neap_trainer_step(t, &grew);
    if (!st) st = neap_trainer_finish(t, 2, &m);
    assert_true(st == NEAP_OK || st == NEAP_ENOMEM);
    neap_gbdt_free(m);
    neap_trainer_free(t);
  });
  drop(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(leaves_are_ridge_regressions),
      cmocka_unit_test(lines_fit_what_is_linear_between_kinks),
      cmocka_unit_test(repeated_columns_do_no_harm),
      cmocka_unit_test(scores_are_what_the_model_predicts),
      cmocka_unit_test(bits_hang_on_neither_threads_nor_pauses),
      cmocka_unit_test(contradictions_are_refused),
      cmocka_unit_test(survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
