/* What a split may be: sets of categories, against plain trying of everything. */
#include "check.h"

#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "tree/engine.h"

/* data ----------------------------------------------------------------------------------------- */

typedef struct {
  int64_t n, f;
  double *x, *y;
  neap_tensor t;
} data;

/* The first column holds codes below cats, a share of them missing (as -1 or NaN); the others are
 * numbers. Each category has a level of its own in the labels. */
static data make(int64_t n, int64_t f, uint64_t seed, int cats, double missing, bool binary) {
  data d = {.n = n, .f = f};
  neap_rng r = neap_rng_make(seed);
  double level[64];
  for (int k = 0; k < 64; k++) level[k] = neap_rng_normal(&r);
  assert_ok(neap_tensor_init(&d.t, NEAP_F64, 2, (int64_t[]){n, f}));
  d.x = neap_tensor_data(&d.t);
  d.y = neap_alloc_array(n, sizeof(double));
  for (int64_t i = 0; i < n; i++) {
    double u = neap_rng_uniform(&r);
    int code = (int)(u * u * cats);
    double sum = level[code] + 0.3 * neap_rng_normal(&r);
    d.x[i * f] = neap_rng_uniform(&r) < missing ? (i % 2 ? (double)NAN : -1.0) : 3.0 * code + 1;
    for (int64_t j = 1; j < f; j++) d.x[i * f + j] = neap_rng_normal(&r);
    if (f > 1) sum += 0.5 * d.x[i * f + 1];
    d.y[i] = binary ? sum > 0.2 : sum;
  }
  return d;
}

static void drop(data *d) {
  neap_tensor_drop(&d->t);
  neap_free(d->y);
}

static const neap_gbdt_columns first_is_categorical = {.categorical = (bool[16]){true}};

/* Splits that differ from trying everything in nothing. */
static neap_gbdt_options exact_options(void) {
  neap_gbdt_options o = neap_gbdt_defaults();
  o.columns = &first_is_categorical;
  o.num_leaves = 2;
  o.min_data_in_leaf = o.min_data_in_bin = o.min_data_per_group = o.max_cat_to_onehot = 1;
  o.min_sum_hessian_in_leaf = o.cat_l2 = o.cat_smooth = 0;
  o.max_cat_threshold = 1000;
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

/* trying every set ----------------------------------------------------------------------------- */

typedef struct {
  double g, h;
  int64_t n;
} sums;

/* Category number of a code as make writes it; the one behind the last is missing. */
static int category_of(double v, int cats) { return v >= 0 ? (int)((v - 1) / 3) : cats; }

/* Sums by category at the start value. */
static double start_sums(const data *d, bool binary, int cats, sums *of) {
  double mean = 0;
  memset(of, 0, (size_t)(cats + 1) * sizeof *of);
  for (int64_t i = 0; i < d->n; i++) mean += d->y[i] / (double)d->n;
  for (int64_t i = 0; i < d->n; i++) {
    sums *s = &of[category_of(d->x[i * d->f], cats)];
    s->g += mean - d->y[i];
    s->h += binary ? mean * (1 - mean) : 1;
    s->n++;
  }
  return binary ? log(mean / (1 - mean)) : mean;
}

static double improvement(sums s, double l1, double l2) {
  double t = fmax(fabs(s.g) - l1, 0);
  return s.h + l2 > 0 ? t * t / (s.h + l2) : 0;
}

static double set_gain(const sums *of, int all, uint32_t set, double l1, double l2) {
  sums side[2] = {{0}}, whole = {0};
  for (int k = 0; k < all; k++) {
    sums *s = &side[set >> k & 1];
    s->g += of[k].g, s->h += of[k].h, s->n += of[k].n;
    whole.g += of[k].g, whole.h += of[k].h;
  }
  if (side[0].n == 0 || side[1].n == 0) return 0;
  return improvement(side[0], l1, l2) + improvement(side[1], l1, l2) - improvement(whole, l1, l2);
}

/* Of all sets, one that is a stretch of the order by gradients is best (Fisher 1958 for squares;
 * the improvement is convex in both sums, so it holds for every loss here). Fixed point rounds
 * gradients to 2^-30 of the largest, so gains may differ by 1e-6 of themselves. */
static void sorted_sets_are_the_best_of_all(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 40; seed++) {
    int cats = 2 + (int)seed % 9;
    bool binary = seed % 2;
    data d = make(150 + (int64_t)seed * 7, 1, seed, cats, seed % 3 ? 0 : 0.15, binary);
    neap_gbdt_options o = exact_options();
    o.objective = binary ? NEAP_OBJECTIVE_BINARY : NEAP_OBJECTIVE_REGRESSION;
    o.lambda_l2 = seed % 4 == 2 ? 3 : 0;
    o.lambda_l1 = seed % 5 == 3 ? 2 : 0;
    sums of[16];
    double start = start_sums(&d, binary, cats, of), best = 0;
    for (uint32_t set = 0; set < (uint32_t)1 << (cats + 1); set++)
      best = fmax(best, set_gain(of, cats + 1, set, o.lambda_l1, o.lambda_l2));
    neap_gbdt *m = fit(&d, o, 1);
    const neap__tree *t = m->tree[0];
    assert_int_equal(t->leaves, 2);
    assert_int_equal(t->decision[0] & NEAP__CATEGORICAL, NEAP__CATEGORICAL);
    assert_number(t->gain[0], best, 1e-6);
    sums side[2] = {{0}};
    for (int64_t i = 0; i < d.n; i++) {
      const sums *s = &of[category_of(d.x[i], cats)];
      sums *to = &side[neap__tree_leaf(t, d.x + i)];
      to->g += s->g / (double)s->n, to->h += s->h / (double)s->n, to->n++;
    }
    for (int l = 0; l < 2; l++) {
      double shrunk = copysign(fmax(fabs(side[l].g) - o.lambda_l1, 0), side[l].g);
      assert_int_equal(t->leaf_count[l], side[l].n);
      assert_number(t->leaf_value[l], start - 0.1 * shrunk / (side[l].h + o.lambda_l2), 1e-6);
    }
    assert_int_equal(neap__tree_leaf(t, (double[]){NAN}), 1);
    assert_int_equal(neap__tree_leaf(t, (double[]){1e9}), 1);
    neap_gbdt_free(m);
    drop(&d);
  }
}

static void few_categories_stand_against_the_rest(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 20; seed++) {
    int cats = 2 + (int)seed % 4;
    data d = make(200, 1, seed, cats, seed % 2 ? 0.1 : 0, false);
    neap_gbdt_options o = exact_options();
    o.max_cat_to_onehot = 5;
    o.cat_l2 = 50; /* of no concern here */
    sums of[16];
    double best = 0;
    start_sums(&d, false, cats, of);
    for (int k = 0; k <= cats; k++)
      best = fmax(best, set_gain(of, cats + 1, (uint32_t)1 << k, 0, 0));
    neap_gbdt *m = fit(&d, o, 1);
    assert_number(m->tree[0]->gain[0], best, 1e-6);
    neap_gbdt_free(m);
    drop(&d);
  }
}

/* LightGBM's rules for the scan, in plain code. */
static double plain_scan(const sums *of, int all, const neap_gbdt_options *o) {
  int list[32], n = 0;
  sums whole = {0};
  double best = 0;
  for (int k = 0; k < all; k++) {
    whole.g += of[k].g, whole.h += of[k].h, whole.n += of[k].n;
    if (of[k].n == 0 || (double)of[k].n < o->cat_smooth) continue;
    int at = n++;
    double ratio = of[k].g / (of[k].h + o->cat_smooth);
    for (; at > 0; at--) {
      const sums *p = &of[list[at - 1]];
      if (p->g / (p->h + o->cat_smooth) <= ratio) break;
      list[at] = list[at - 1];
    }
    list[at] = k;
  }
  for (int end = 0; end < 2; end++) {
    sums left = {0};
    int64_t group = 0;
    for (int i = 0; i < (n + 1) / 2 && i < o->max_cat_threshold; i++) {
      const sums *s = &of[list[end ? n - 1 - i : i]];
      left.g += s->g, left.h += s->h, left.n += s->n;
      group += s->n;
      sums right = {whole.g - left.g, whole.h - left.h, whole.n - left.n};
      if (left.n < o->min_data_in_leaf || left.h < o->min_sum_hessian_in_leaf) continue;
      if (right.n < o->min_data_in_leaf || right.n < o->min_data_per_group) break;
      if (right.h < o->min_sum_hessian_in_leaf) break;
      if (group < o->min_data_per_group) continue;
      group = 0;
      double l2 = o->lambda_l2 + o->cat_l2;
      best = fmax(best, improvement(left, 0, l2) + improvement(right, 0, l2) -
                            improvement(whole, 0, o->lambda_l2));
    }
  }
  return best;
}

static void limits_of_the_scan_are_kept(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 60; seed++) {
    int cats = 6 + (int)seed % 20;
    data d = make(400 + 20 * (int64_t)seed, 1, seed, cats, seed % 4 ? 0 : 0.1, false);
    neap_gbdt_options o = exact_options();
    o.cat_smooth = (double)(seed % 3) * 6;
    o.cat_l2 = (double)(seed % 5) * 3;
    o.min_data_per_group = 1 + 30 * (int64_t)(seed % 4);
    o.min_data_in_leaf = 1 + 20 * (int64_t)(seed % 3);
    o.max_cat_threshold = 1 + (int64_t)seed % 7;
    sums of[32];
    start_sums(&d, false, cats, of);
    double best = plain_scan(of, cats + 1, &o);
    neap_gbdt *m = fit(&d, o, 1);
    const neap__tree *t = m->tree[0];
    assert_int_equal(t->leaves, best > 1e-9 ? 2 : 1);
    if (t->leaves == 2) assert_number(t->gain[0], best, 1e-6);
    neap_gbdt_free(m);
    drop(&d);
  }
}

/* bins ----------------------------------------------------------------------------------------- */

static void bins_are_given_by_frequency(void **state) {
  (void)state;
  enum { N = 1000 };
  neap_tensor x;
  assert_ok(neap_tensor_init(&x, NEAP_F32, 2, (int64_t[]){N, 1}));
  float *v = neap_tensor_data(&x);
  /* 7: 400 rows, 3: 300, 9 and 2: 100, 50: 98, 60: 1, missing 1 */
  const int code[] = {7, 3, 9, 2, 50, 60, -5}, rows[] = {400, 300, 100, 100, 98, 1, 1};
  for (int k = 0, i = 0; k < 7; k++)
    for (int j = 0; j < rows[k]; j++) v[i++] = (float)code[k];
  neap__matrix matrix;
  neap__bins b;
  neap_gbdt_options o = neap_gbdt_defaults();
  o.columns = &first_is_categorical;
  assert_ok(neap__matrix_of(&matrix, &x, "test"));
  for (int64_t max_bin = 2; max_bin < 8; max_bin++) {
    o.max_bin = max_bin;
    assert_ok(neap__bins_build(&b, &matrix, (neap__labelled){0}, &o));
    const neap__feature *f = &b.feature[0];
    int own = max_bin > 5 ? 5 : (int)max_bin - 1; /* 60 has too few rows for a bin */
    assert_int_equal(f->bins, own + 1);
    assert_true(f->missing);
    static const int by_rows[] = {7, 3, 2, 9, 50, 60};
    for (int k = 0; k < 6; k++) assert_int_equal(f->categories->bin[by_rows[k]], k < own ? k : own);
    assert_int_equal(f->categories->bin[8], NEAP__UNSEEN);
    char *text = neap__categories_text(f->categories);
    if (max_bin == 4) assert_string_equal(text, "-1:7:3:2:-1:9:50:60");
    neap_free(text);
    neap__bins_drop(&b);
  }
  v[10] = 3.5F;
  assert_fails(neap__bins_build(&b, &matrix, (neap__labelled){0}, &o), NEAP_EVALUE,
               "gbdt.fit: categorical feature 1 is 3.5 in row 11; codes are integers from 0");
  v[10] = 16777216.0F;
  assert_fails(neap__bins_build(&b, &matrix, (neap__labelled){0}, &o), NEAP_EVALUE,
               "codes lie below 16777216; number the categories 0, 1, 2, ...");
  v[10] = INFINITY;
  assert_fails(neap__bins_build(&b, &matrix, (neap__labelled){0}, &o), NEAP_EVALUE,
               "is inf in row 11");
  neap_tensor_drop(&x);
}

/* models --------------------------------------------------------------------------------------- */

static char *text_of(const neap_gbdt *m) {
  char *text;
  int64_t n;
  assert_ok(neap_gbdt_write(m, "", &text, &n));
  return text;
}

static void bits_are_equal_at_any_thread_count(void **state) {
  (void)state;
  data d = make(60000, 6, 5, 60, 0.05, true);
  char *want = NULL;
  neap_gbdt_options o = neap_gbdt_defaults();
  o.columns = &first_is_categorical;
  o.objective = NEAP_OBJECTIVE_BINARY;
  for (int threads = 1; threads <= 4; threads++) {
    assert_ok(neap_set_threads(threads));
    neap_gbdt *m = fit(&d, o, 4);
    char *text = text_of(m);
    if (want) assert_string_equal(text, want);
    if (want) neap_free(text);
    else want = text;
    neap_gbdt_free(m);
  }
  neap_free(want);
  drop(&d);
}

/* Scores of both sets are the model's predictions, categories of the validation set that training
 * did not have included; and so are those of the model read back. */
static void scores_are_what_the_model_predicts(void **state) {
  (void)state;
  for (int policy = 0; policy < 2; policy++) {
    data d = make(2000, 3, 8, 40, 0.05, false), v = make(500, 3, 9, 60, 0.1, false);
    neap_gbdt_options o = neap_gbdt_defaults();
    o.columns = &first_is_categorical;
    o.unseen = policy;
    o.max_bin = 20;
    o.min_data_per_group = 10;
    neap_trainer *t;
    neap_gbdt *m, *again;
    bool grew;
    double metric[2];
    assert_ok(neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL));
    assert_ok(neap_trainer_add_valid(t, &v.t, v.y, NULL));
    for (int i = 0; i < 15; i++) assert_ok(neap_trainer_step(t, &grew));
    for (int s = 0; s < 2; s++) assert_ok(neap_trainer_metric(t, s, "l2", &metric[s], NULL));
    assert_ok(neap_trainer_finish(t, 15, &m));
    char *text = text_of(m);
    assert_ok(neap_gbdt_parse(&again, text, (int64_t)strlen(text)));
    assert_true(neap_gbdt_is_categorical(again, 0) && !neap_gbdt_is_categorical(again, 1));
    neap_free(text);
    for (int s = 0; s < 2; s++) {
      const data *e = s ? &v : &d;
      double *p = neap_alloc_array(e->n, sizeof *p), *q = neap_alloc_array(e->n, sizeof *q);
      neap_tensor x;
      assert_ok(neap_tensor_init(&x, NEAP_F64, 2, (int64_t[]){e->n, e->f}));
      memcpy(neap_tensor_data(&x), e->x, (size_t)(e->n * e->f) * sizeof(double));
      if (policy) assert_ok(neap_gbdt_admit(again, &e->t, false, neap_tensor_data(&x)));
      assert_ok(neap_gbdt_predict(m, &x, NEAP_PREDICT_RAW, 0, p));
      assert_ok(neap_gbdt_predict(again, &x, NEAP_PREDICT_RAW, 0, q));
      double sum = 0;
      for (int64_t i = 0; i < e->n; i++) {
        assert_true(p[i] == q[i]);
        sum += (p[i] - e->y[i]) * (p[i] - e->y[i]);
      }
      assert_number(metric[s], sum / (double)e->n, F64_TOL);
      neap_tensor_drop(&x);
      neap_free(p);
      neap_free(q);
    }
    neap_gbdt_free(again);
    neap_gbdt_free(m);
    neap_trainer_free(t);
    drop(&d);
    drop(&v);
  }
}

static void unseen_categories_are_refused_on_request(void **state) {
  (void)state;
  data d = make(500, 2, 8, 10, 0, false), v = make(50, 2, 9, 10, 0, false);
  v.x[2 * 30] = 1234;
  neap_gbdt_options o = neap_gbdt_defaults();
  o.columns = &first_is_categorical;
  o.unseen = NEAP__UNSEEN_ERROR;
  neap_trainer *t;
  assert_ok(neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL));
  assert_fails(neap_trainer_add_valid(t, &v.t, v.y, NULL), NEAP_EVALUE,
               "gbdt.fit: valid: categorical feature 1 is 1234 in row 31, which training did not "
               "have");
  neap_trainer_free(t);
  neap_gbdt *m = fit(&d, o, 1);
  double *out = neap_alloc_array(2 * v.n, sizeof *out);
  assert_fails(neap_gbdt_admit(m, &v.t, true, out), NEAP_EVALUE,
               "gbdt.predict: feature 'Column_0' is 1234 in row 31, a category that training did "
               "not have");
  neap_free(out);
  neap_gbdt_free(m);
  drop(&d);
  drop(&v);
}

static void survives_every_failed_allocation(void **state) {
  (void)state;
  data d = make(300, 3, 8, 12, 0.1, false);
  neap_gbdt_options o = exact_options();
  o.num_leaves = 6;
  double *out = neap_alloc_array(d.n * d.f, sizeof *out);
  with_every_allocation_failing({
    neap_trainer *t = NULL;
    neap_gbdt *m = NULL;
    bool grew;
    neap_status st = neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL);
    if (!st) st = neap_trainer_step(t, &grew);
    if (!st) st = neap_trainer_finish(t, 1, &m);
    if (!st) st = neap_gbdt_admit(m, &d.t, false, out);
    assert_true(st == NEAP_OK || st == NEAP_ENOMEM);
    neap_gbdt_free(m);
    neap_trainer_free(t);
  });
  neap_free(out);
  drop(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sorted_sets_are_the_best_of_all),
      cmocka_unit_test(few_categories_stand_against_the_rest),
      cmocka_unit_test(limits_of_the_scan_are_kept),
      cmocka_unit_test(bins_are_given_by_frequency),
      cmocka_unit_test(bits_are_equal_at_any_thread_count),
      cmocka_unit_test(scores_are_what_the_model_predicts),
      cmocka_unit_test(unseen_categories_are_refused_on_request),
      cmocka_unit_test(survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
