/* Ordered statistics of categories: against the definition, and what trees make of them. */
#include "check.h"

#include "base/pool.h"
#include "base/rng.h"
#include "tree/engine.h"

enum { N = 3000, CODES = 40 };

static const neap_gbdt_columns first_is_categorical = {.categorical = (bool[2]){true}};

typedef struct {
  neap_tensor t;
  double *x, *y;
  float *w;
} data;

static data make(uint64_t seed) {
  data d = {.y = neap_alloc_array(N, sizeof(double)), .w = neap_alloc_array(N, sizeof(float))};
  neap_rng r = neap_rng_make(seed);
  assert_ok(neap_tensor_init(&d.t, NEAP_F64, 2, (int64_t[]){N, 2}));
  d.x = neap_tensor_data(&d.t);
  for (int i = 0; i < N; i++) {
    int code = (int)neap_rng_below(&r, CODES);
    d.x[2 * i] = i % 17 == 3 ? (i % 2 ? (double)NAN : -2.0) : 5.0 * code + 2;
    d.x[2 * i + 1] = neap_rng_normal(&r);
    d.y[i] = code % 7 + d.x[2 * i + 1] + neap_rng_normal(&r);
    d.w[i] = (float)neap_rng_below(&r, 4); /* some are 0 */
  }
  return d;
}

static void drop(data *d) {
  neap_tensor_drop(&d->t);
  neap_free(d->y);
  neap_free(d->w);
}

static neap_gbdt_options ordered_options(void) {
  neap_gbdt_options o = neap_gbdt_defaults();
  o.columns = &first_is_categorical;
  o.cat_encoding = NEAP_CATEGORIES_ORDERED;
  return o;
}

/* From the definition: the rows before row i, less delay, one by one. n: a row behind the last. */
static double statistic(const data *d, double code, int64_t known, double prior_weight) {
  double sum = 0, weight = 0, all = 0, all_weight = 0;
  for (int64_t k = 0; k < known; k++) {
    all += (double)d->w[k] * d->y[k];
    all_weight += (double)d->w[k];
    if (d->x[2 * k] != code) continue;
    sum += (double)d->w[k] * d->y[k];
    weight += (double)d->w[k];
  }
  double prior = all_weight > 0 ? all / all_weight : 0;
  return weight + prior_weight > 0 ? (sum + prior_weight * prior) / (weight + prior_weight) : prior;
}

static void bins_hold_the_mean_label_of_earlier_rows(void **state) {
  (void)state;
  data d = make(1);
  neap__matrix matrix;
  assert_ok(neap__matrix_of(&matrix, &d.t, "test"));
  for (int round = 0; round < 4; round++) {
    neap_gbdt_options o = ordered_options();
    int64_t delay = o.cat_delay = round % 2 ? 100 : 0;
    double prior_weight = o.cat_prior_weight = round / 2 ? 0 : 2.5;
    neap__bins b;
    assert_ok(neap__bins_build(&b, &matrix, (neap__labelled){d.y, d.w}, &o));
    const neap__feature *f = &b.feature[0];
    assert_true(f->missing && f->categories->ordered && f->bins > 100);
    for (int64_t i = 0; i < N; i++) {
      int64_t known = i - delay > 0 ? i - delay : 0;
      double v = d.x[2 * i];
      int want = f->bins;
      if (v >= 0) want = neap__bin_of(f->bound, statistic(&d, v, known, prior_weight));
      assert_int_equal(b.grid[i * b.used], want);
    }
    for (int k = 0; k < CODES; k++) {
      double v = 5.0 * k + 2;
      assert_int_equal(f->categories->bin[5 * k + 2],
                       neap__bin_of(f->bound, statistic(&d, v, N, prior_weight)));
    }
    assert_int_equal(f->categories->bin[3], NEAP__UNSEEN);
    neap__bins_drop(&b);
  }
  drop(&d);
}

static neap_gbdt *fit(const data *d, neap_gbdt_options o) {
  double *w = neap_alloc_array(N, sizeof *w);
  for (int i = 0; i < N; i++) w[i] = (double)d->w[i];
  neap_trainer *t;
  neap_gbdt *m;
  bool grew;
  assert_ok(neap_trainer_open(&t, &o, &d->t, d->y, w, NULL));
  for (int i = 0; i < 10; i++) assert_ok(neap_trainer_step(t, &grew));
  assert_ok(neap_trainer_finish(t, 10, &m));
  neap_trainer_free(t);
  neap_free(w);
  return m;
}

static void same_bits_at_any_thread_count(void **state) {
  (void)state;
  data d = make(2);
  neap_gbdt_options o = ordered_options();
  char *first = NULL, *text;
  int64_t n, length = 0;
  for (int threads = 1; threads <= 4; threads++) {
    assert_ok(neap_set_threads(threads));
    neap_gbdt *m = fit(&d, o);
    assert_ok(neap_gbdt_write(m, "", &text, &n));
    if (first) assert_true(n == length && memcmp(first, text, (size_t)n) == 0);
    else first = neap_strndup(text, (size_t)n), length = n;
    neap_free(text);
    neap_gbdt_free(m);
  }
  neap_free(first);
  drop(&d);
}

/* Codes of validation rows have the values of the table: the metric is that of the model, with
 * codes that training did not have, and for wide sets. */
static void validation_scores_are_what_the_model_predicts(void **state) {
  (void)state;
  data d = make(3), v = make(4);
  for (int i = 0; i < N; i += 5) v.x[2 * i] = i % 2 ? 4 : 1e6;
  for (int wide = 0; wide < 2; wide++) {
    for (int i = 0; i < N && wide; i++) d.x[2 * i] = i / 2, v.x[2 * i] = i / 2 + i % 2 * 100;
    neap_gbdt_options o = ordered_options();
    neap_trainer *t;
    neap_gbdt *m;
    bool grew;
    double metric, sum = 0, p[N];
    assert_ok(neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL));
    assert_ok(neap_trainer_add_valid(t, &v.t, v.y, NULL));
    for (int i = 0; i < 20; i++) assert_ok(neap_trainer_step(t, &grew));
    assert_ok(neap_trainer_metric(t, 1, "l2", &metric, NULL));
    assert_ok(neap_trainer_finish(t, 20, &m));
    assert_ok(neap_gbdt_predict(m, &v.t, NEAP_PREDICT_RAW, 0, p));
    int64_t sets = 0, codes = 0;
    for (int64_t k = 0; k < m->trees; k++) sets += m->tree[k]->cats;
    for (int64_t k = 0; k < m->trees && wide; k++)
      for (int32_t i = 0; i < m->tree[k]->words; i++)
        codes += __builtin_popcount(m->tree[k]->cat_bits[i]);
    assert_true(sets > 0 && (!wide || codes > 512 * sets / 2));
    for (int64_t i = 0; i < N; i++) {
      double row;
      neap_gbdt_predict_row(m, &v.x[2 * i], NEAP_PREDICT_RAW, &row);
      assert_true(row == p[i]);
      sum += (p[i] - v.y[i]) * (p[i] - v.y[i]);
    }
    assert_number(metric, sum / N, F64_TOL);
    neap_gbdt_free(m);
    neap_trainer_free(t);
  }
  drop(&d);
  drop(&v);
}

/* Where no code is missing, the sets lie on one side of the prior: what is in none is with it. */
static void unknown_categories_are_with_the_prior(void **state) {
  (void)state;
  data d = make(6);
  neap__matrix matrix;
  neap__bins b;
  neap_gbdt_options o = ordered_options();
  for (int i = 0; i < N; i++)
    if (!(d.x[2 * i] >= 0)) d.x[2 * i] = 2;
  assert_ok(neap__matrix_of(&matrix, &d.t, "test"));
  assert_ok(neap__bins_build(&b, &matrix, (neap__labelled){d.y, d.w}, &o));
  const neap__categories *c = b.feature[0].categories;
  assert_int_equal(c->prior, neap__bin_of(b.feature[0].bound, statistic(&d, -1, N, 1)));
  neap_gbdt *m = fit(&d, o);
  int side[2] = {0};
  for (int64_t k = 0; k < m->trees; k++) {
    const neap__tree *t = m->tree[k];
    for (int32_t set = 0; set < t->cats; set++) {
      int seen[2] = {0};
      for (int32_t code = 0; code < 32 * (t->cat_boundary[set + 1] - t->cat_boundary[set]); code++)
        if (t->cat_bits[t->cat_boundary[set] + code / 32] >> code % 32 & 1) {
          assert_int_not_equal(c->bin[code], c->prior);
          seen[c->bin[code] > c->prior] = 1;
        }
      assert_true(seen[0] + seen[1] <= 1);
      side[0] += seen[0], side[1] += seen[1];
    }
  }
  assert_true(side[0] > 0 && side[1] > 0);
  neap_gbdt_free(m);
  neap__bins_drop(&b);
  drop(&d);
}

static void labels_without_a_finite_mean_are_refused(void **state) {
  (void)state;
  data d = make(4);
  neap__matrix matrix;
  neap__bins b;
  neap_gbdt_options o = ordered_options();
  assert_ok(neap__matrix_of(&matrix, &d.t, "test"));
  for (int i = 10; i < 14; i++) d.y[i] = 1e308, d.w[i] = 3;
  assert_fails(neap__bins_build(&b, &matrix, (neap__labelled){d.y, d.w}, &o), NEAP_EVALUE,
               "gbdt.fit: categorical feature 1: the labels of rows before row 12 have no finite "
               "mean");
  drop(&d);
}

static void survives_every_failed_allocation(void **state) {
  (void)state;
  data d = make(5);
  neap__matrix matrix;
  neap_gbdt_options o = ordered_options();
  o.cat_order = NEAP_ORDER_RANDOM;
  assert_ok(neap__matrix_of(&matrix, &d.t, "test"));
  with_every_allocation_failing({
    neap__bins b;
    neap_status st = neap__bins_build(&b, &matrix, (neap__labelled){d.y, d.w}, &o);
    assert_true(st == NEAP_OK || st == NEAP_ENOMEM);
    neap__bins_drop(&b);
  });
  drop(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bins_hold_the_mean_label_of_earlier_rows),
      cmocka_unit_test(same_bits_at_any_thread_count),
      cmocka_unit_test(validation_scores_are_what_the_model_predicts),
      cmocka_unit_test(unknown_categories_are_with_the_prior),
      cmocka_unit_test(labels_without_a_finite_mean_are_refused),
      cmocka_unit_test(survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
