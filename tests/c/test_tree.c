#include "check.h"

#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "tree/engine.h"
#include "tree/link.h"

/* data ----------------------------------------------------------------------------------------- */

typedef struct {
  int64_t n, f;
  double *x, *y, *w;
  neap_tensor t;
} data;

/* Normal deviates rounded to `steps` per unit (0: not rounded), a share of them missing; labels
 * depend on the first two columns and noise. */
static data make(int64_t n, int64_t f, uint64_t seed, double missing, double steps, int classes) {
  data d = {.n = n, .f = f};
  neap_rng r = neap_rng_make(seed);
  assert_ok(neap_tensor_init(&d.t, NEAP_F64, 2, (int64_t[]){n, f}));
  d.x = neap_tensor_data(&d.t);
  d.y = neap_alloc_array(n, sizeof(double));
  d.w = neap_alloc_array(n, sizeof(double));
  for (int64_t i = 0; i < n; i++) {
    double sum = 0.3 * neap_rng_normal(&r);
    for (int64_t j = 0; j < f; j++) {
      double v = neap_rng_normal(&r);
      if (steps > 0) v = floor(v * steps) / steps;
      d.x[i * f + j] = neap_rng_uniform(&r) < missing ? NAN : v;
      if (j < 2) sum += isnan(d.x[i * f + j]) ? 1.5 : j ? v * v : v;
    }
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

static neap_gbdt *fit(const data *d, neap_gbdt_options o, int iterations, bool weighted) {
  neap_trainer *t;
  neap_gbdt *m;
  bool grew;
  assert_ok(neap_trainer_open(&t, &o, &d->t, d->y, weighted ? d->w : NULL, NULL));
  for (int i = 0; i < iterations; i++) assert_ok(neap_trainer_step(t, &grew));
  assert_ok(neap_trainer_finish(t, iterations, &m));
  neap_trainer_free(t);
  return m;
}

/* the oracle: exact greedy splits by trying everything ------------------------------------------
 */

typedef struct {
  const data *d;
  const neap_gbdt_options *o;
  const double *g, *h;
} oracle;

typedef struct {
  double g, h;
  int64_t n;
} sums;

static double oracle_score(sums s, const neap_gbdt_options *o) {
  double t = fmax(fabs(s.g) - o->lambda_l1, 0);
  return s.h + o->lambda_l2 > 0 ? t * t / (s.h + o->lambda_l2) : 0;
}

static void add(sums *s, const oracle *a, int64_t i) {
  s->g += a->g[i];
  s->h += a->h[i];
  s->n++;
}

/* Gain of sending v <= threshold (and NaN, if asked) to the left; -1 when the limits forbid it. */
static double oracle_gain(const oracle *a, const bool *in, int64_t column, double threshold,
                          bool nan_left) {
  sums left = {0}, right = {0}, all = {0};
  for (int64_t i = 0; i < a->d->n; i++) {
    if (!in[i]) continue;
    double v = a->d->x[i * a->d->f + column];
    add(&all, a, i);
    add((isnan(v) ? nan_left : v <= threshold) ? &left : &right, a, i);
  }
  int64_t least = a->o->min_data_in_leaf < 1 ? 1 : a->o->min_data_in_leaf;
  double hessian = a->o->min_sum_hessian_in_leaf;
  if (left.n < least || right.n < least || left.h < hessian || right.h < hessian) return -1;
  double gain = oracle_score(left, a->o) + oracle_score(right, a->o) - oracle_score(all, a->o);
  return gain > a->o->min_gain_to_split ? gain : -1;
}

/* The best gain of any split of the rows in. */
static double oracle_best(const oracle *a, const bool *in) {
  double best = 0;
  for (int64_t c = 0; c < a->d->f; c++)
    for (int64_t i = 0; i < a->d->n; i++) {
      double v = a->d->x[i * a->d->f + c];
      if (!in[i] || isnan(v)) continue;
      for (int side = 0; side < 2; side++) best = fmax(best, oracle_gain(a, in, c, v, side));
    }
  return best;
}

static bool at_left(const neap__tree *t, int32_t node, double v) {
  if (isnan(v)) return (t->decision[node] & NEAP__DEFAULT_LEFT) != 0;
  return v <= t->threshold[node];
}

/* Follow a tree as it grew: node k split the leaf that promised most, by its best cut. Fixed point
 * rounds gradients to 2^-30 of the largest, so gains may differ by 1e-6 of themselves. */
static void check_tree(const oracle *a, const neap__tree *t, double start) {
  int64_t n = a->d->n;
  int32_t at[600]; /* leaf number of each row while the tree grows */
  bool in[600];
  double promise[64];
  memset(at, 0, sizeof at);
  for (int64_t i = 0; i < n; i++) in[i] = true;
  promise[0] = oracle_best(a, in);
  for (int32_t node = 0; node < t->leaves - 1; node++) {
    int32_t split = node, fresh = node + 1; /* the left side keeps the number of the leaf */
    while (split >= 0) split = t->left[split];
    split = ~split;
    for (int64_t i = 0; i < n; i++) in[i] = at[i] == split;
    double threshold = t->threshold[node];
    double got =
        oracle_gain(a, in, t->feature[node], threshold, t->decision[node] & NEAP__DEFAULT_LEFT);
    for (int32_t l = 0; l <= node; l++) assert_true(got >= promise[l] * (1 - 1e-6) - 1e-9);
    assert_number(t->gain[node], got, 1e-5);
    for (int64_t i = 0; i < n; i++)
      if (in[i] && !at_left(t, node, a->d->x[i * a->d->f + t->feature[node]])) at[i] = fresh;
    for (int side = 0; side < 2; side++) {
      int32_t leaf = side ? fresh : split;
      for (int64_t i = 0; i < n; i++) in[i] = at[i] == leaf;
      promise[leaf] = oracle_best(a, in);
    }
  }
  if (t->leaves < a->o->num_leaves)
    for (int32_t l = 0; l < t->leaves; l++) assert_true(promise[l] <= 1e-6);
  for (int32_t l = 0; l < t->leaves; l++) {
    sums s = {0};
    for (int64_t i = 0; i < n; i++)
      if (at[i] == l) add(&s, a, i);
    double shrunk = copysign(fmax(fabs(s.g) - a->o->lambda_l1, 0), s.g);
    assert_number(t->leaf_value[l], start - a->o->learning_rate * shrunk / (s.h + a->o->lambda_l2),
                  1e-6);
    assert_int_equal(t->leaf_count[l], s.n);
  }
}

static void check_first_tree(const data *d, neap_gbdt_options o, bool weighted) {
  double *g = neap_alloc_array(d->n, sizeof *g), *h = neap_alloc_array(d->n, sizeof *h);
  double sum = 0, weights = 0, start;
  for (int64_t i = 0; i < d->n; i++) {
    double w = weighted ? (double)(float)d->w[i] : 1;
    sum += w * d->y[i];
    weights += w;
  }
  start = sum / weights;
  double p = start;
  if (o.objective == NEAP_OBJECTIVE_BINARY) start = log(p / (1 - p));
  for (int64_t i = 0; i < d->n; i++) {
    double w = weighted ? (double)(float)d->w[i] : 1;
    g[i] = (double)(float)(w * (p - d->y[i]));
    h[i] = (double)(float)(o.objective == NEAP_OBJECTIVE_BINARY ? w * p * (1 - p) : w);
  }
  neap_gbdt *m = fit(d, o, 1, weighted);
  check_tree(&(oracle){d, &o, g, h}, m->tree[0], start);
  neap_gbdt_free(m);
  neap_free(g);
  neap_free(h);
}

static void splits_equal_exact_greedy(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 24; seed++) {
    bool binary = seed % 2;
    data d = make(40 + (int64_t)seed * 5, 3, seed, (double)(seed % 3) * 0.15, seed % 4 ? 3 : 0,
                  binary ? 2 : 0);
    neap_gbdt_options o = neap_gbdt_defaults();
    o.objective = binary ? NEAP_OBJECTIVE_BINARY : NEAP_OBJECTIVE_REGRESSION;
    o.num_leaves = 9;
    o.min_data_in_bin = 1;
    o.min_data_in_leaf = 1 + (int64_t)seed % 5;
    o.lambda_l1 = seed % 5 == 3 ? 0.5 : 0;
    o.lambda_l2 = seed % 4 == 1 ? 2 : 0;
    o.min_gain_to_split = seed % 6 == 5 ? 0.2 : 0;
    o.min_sum_hessian_in_leaf = seed % 7 == 2 ? 3 : 1e-3;
    check_first_tree(&d, o, seed % 3 == 1);
    drop(&d);
  }
}

static void infinities_are_values(void **state) {
  (void)state;
  data d = make(60, 2, 3, 0.2, 4, 0);
  for (int64_t i = 0; i < d.n; i++) {
    if (i % 7 == 0) d.x[2 * i] = INFINITY, d.y[i] += 5;
    if (i % 11 == 0) d.x[2 * i + 1] = -INFINITY, d.y[i] -= 4;
  }
  neap_gbdt_options o = neap_gbdt_defaults();
  o.num_leaves = 8;
  o.min_data_in_leaf = o.min_data_in_bin = 1;
  check_first_tree(&d, o, false);
  drop(&d);
}

/* bins ----------------------------------------------------------------------------------------- */

static void bins_cover_every_value_in_order(void **state) {
  (void)state;
  for (int64_t max_bin = 2; max_bin <= 255; max_bin += 23) {
    data d = make(3000, 3, (uint64_t)max_bin, 0.1, max_bin % 2 ? 20 : 0, 0);
    for (int64_t i = 0; i < d.n; i += 2) d.x[3 * i + 2] = 7; /* a heavy value */
    neap__matrix x;
    neap__bins b;
    neap_gbdt_options o = neap_gbdt_defaults();
    o.max_bin = max_bin;
    assert_ok(neap__matrix_of(&x, &d.t, "test"));
    assert_ok(neap__bins_build(&b, &x, (neap__labelled){0}, &o));
    assert_int_equal(b.used, 3);
    for (int32_t k = 0; k < b.used; k++) {
      const neap__feature *f = &b.feature[k];
      assert_in_range(f->bins, 2, max_bin);
      assert_true(f->missing);
      for (int32_t j = 1; j < f->bins - 1; j++) assert_true(f->bound[j - 1] < f->bound[j]);
      for (int64_t i = 0; i < d.n; i++) {
        double v = d.x[3 * i + f->input];
        int32_t want = 0;
        while (want < f->bins - 1 && v > f->bound[want]) want++;
        assert_int_equal(b.grid[i * b.used + k], isnan(v) ? f->bins : want);
      }
    }
    neap__bins_drop(&b);
    drop(&d);
  }
}

static void empty_and_constant_columns_are_left_out(void **state) {
  (void)state;
  data d = make(50, 4, 1, 0, 0, 0);
  for (int64_t i = 0; i < d.n; i++) {
    d.x[4 * i] = 3;
    d.x[4 * i + 2] = NAN;
    d.x[4 * i + 3] = i % 2 ? NAN : 1; /* constant, but missing or not tells something */
  }
  neap__matrix x;
  neap__bins b;
  neap_gbdt_options o = neap_gbdt_defaults();
  assert_ok(neap__matrix_of(&x, &d.t, "test"));
  assert_ok(neap__bins_build(&b, &x, (neap__labelled){0}, &o));
  assert_int_equal(b.used, 2);
  assert_int_equal(b.feature[0].input, 1);
  assert_int_equal(b.feature[1].input, 3);
  neap__bins_drop(&b);
  drop(&d);
}

/* trees ---------------------------------------------------------------------------------------- */

static char *text_of(const neap_gbdt *m) {
  char *text;
  int64_t n;
  assert_ok(neap_gbdt_write(m, "", &text, &n));
  assert_int_equal(strlen(text), n);
  return text;
}

/* Large enough that leaves are partitioned and summed by several threads. */
static void bits_are_equal_at_any_thread_count(void **state) {
  (void)state;
  data d = make(260000, 9, 5, 0.05, 0, 2);
  char *want = NULL;
  neap_gbdt_options o = neap_gbdt_defaults();
  o.objective = NEAP_OBJECTIVE_BINARY;
  o.bagging_fraction = 0.9;
  o.bagging_freq = 1;
  o.feature_fraction = 0.9;
  for (int threads = 1; threads <= 4; threads++) {
    assert_ok(neap_set_threads(threads));
    neap_gbdt *m = fit(&d, o, 2, true);
    char *text = text_of(m);
    if (want) assert_string_equal(text, want);
    if (want) neap_free(text);
    else want = text;
    neap_gbdt_free(m);
  }
  neap_free(want);
  drop(&d);
}

/* The loops of every instruction set against the plain ones: same cut, same gain, same sums. */
static void loops_are_equal_on_every_processor(void **state) {
  (void)state;
  const neap__loops *const all[] = {neap__loops_at(0), neap__loops_at(1), neap__loops_at(2)};
  neap_rng r = neap_rng_make(77);
  neap__scale s;
  neap__scale_widths(&s, 100000);
  s.g = 0x1p-30;
  s.h = 0x1p-20;
  for (int turn = 0; turn < 400; turn++) {
    neap__cell h[256], total = {0, 0};
    int32_t bins = 1 + (int32_t)neap_rng_below(&r, 256);
    for (int32_t b = 0; b < bins; b++) {
      int64_t n = (int64_t)neap_rng_below(&r, 40);
      h[b] = (neap__cell){(int64_t)(neap_rng_normal(&r) * 0x1p30) * n, ((n << 20) << s.shift) + n};
      total += h[b];
    }
    neap__split_rule rule = {.l1 = turn % 3 ? 0 : 0.4,
                             .l2 = turn % 2 ? 0 : 1,
                             .min_hessian = turn % 5,
                             .min_rows = 1 + turn % 30};
    neap__cell missing = {turn % 4 ? 0 : 5, turn % 4 ? 0 : 3};
    neap__whole w = neap__whole_of(total + missing, &s, &rule);
    neap__split want = {.gain = 0, .bin = -1}, got;
    all[0]->sweep(&w, h, bins, missing, &want);
    for (int i = 1; i < 3 && all[i]; i++) {
      got = (neap__split){.gain = 0, .bin = -1};
      all[i]->sweep(&w, h, bins, missing, &got);
      assert_true(got.gain == want.gain && got.bin == want.bin);
      assert_true(got.missing_left == want.missing_left);
      assert_true(got.left[0] == want.left[0] && got.left[1] == want.left[1]);
    }
  }
}

static void leaf_counts_are_the_rows_that_arrive(void **state) {
  (void)state;
  const int64_t sizes[] = {2, 3, 50, 5000, 250000};
  for (int s = 0; s < 5; s++) {
    data d = make(sizes[s], 9, (uint64_t)s, 0.1, 2, 0);
    neap_gbdt_options o = neap_gbdt_defaults();
    o.min_data_in_leaf = 1;
    neap_gbdt *m = fit(&d, o, 1, true);
    const neap__tree *t = m->tree[0];
    int64_t count[31] = {0};
    for (int64_t i = 0; i < d.n; i++) count[neap__tree_leaf(t, d.x + i * d.f)]++;
    for (int32_t l = 0; l < t->leaves; l++) assert_int_equal(t->leaf_count[l], count[l]);
    neap_gbdt_free(m);
    drop(&d);
  }
}

static void training_scores_are_what_the_model_predicts(void **state) {
  (void)state;
  data d = make(900, 4, 9, 0.1, 0, 3), v = make(300, 4, 10, 0.2, 0, 3);
  neap_gbdt_options o = neap_gbdt_defaults();
  o.objective = NEAP_OBJECTIVE_MULTICLASS;
  o.bagging_fraction = 0.5;
  o.bagging_freq = 2;
  neap_trainer *t;
  neap_gbdt *m;
  bool grew;
  double metric[2], p[3];
  assert_ok(neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL));
  assert_ok(neap_trainer_add_valid(t, &v.t, v.y, v.w));
  for (int i = 0; i < 12; i++) assert_ok(neap_trainer_step(t, &grew));
  for (int s = 0; s < 2; s++)
    assert_ok(neap_trainer_metric(t, s, "multi_logloss", &metric[s], NULL));
  assert_fails(neap_trainer_metric(t, 0, "auc", metric, NULL), NEAP_EARG, "does not fit");
  assert_ok(neap_trainer_finish(t, 12, &m));
  for (int s = 0; s < 2; s++) {
    const data *e = s ? &v : &d;
    double sum = 0, weights = 0;
    for (int64_t i = 0; i < e->n; i++) {
      neap_gbdt_predict_row(m, e->x + i * e->f, NEAP_PREDICT_PROBABILITY, p);
      double w = s ? (double)(float)e->w[i] : 1;
      sum -= w * log(p[(int)e->y[i]]);
      weights += w;
    }
    assert_number(metric[s], sum / weights, F64_TOL);
  }
  neap_gbdt_free(m);
  neap_trainer_free(t);
  drop(&d);
  drop(&v);
}

static double plain_auc(const data *d, const double *score, bool weighted) {
  double right = 0, all = 0;
  for (int64_t i = 0; i < d->n; i++)
    for (int64_t j = 0; j < d->n; j++) {
      if (!(d->y[i] > d->y[j])) continue;
      double w = weighted ? (double)(float)d->w[i] * (double)(float)d->w[j] : 1;
      right += score[i] > score[j] ? w : score[i] == score[j] ? w / 2 : 0;
      all += w;
    }
  return right / all;
}

static void auc_counts_pairs(void **state) {
  (void)state;
  for (int weighted = 0; weighted < 2; weighted++) {
    data d = make(400, 3, 21, 0, 1, 2);
    double raw[400], got;
    bool larger, grew;
    neap_trainer *t;
    neap_gbdt *m;
    neap_gbdt_options o = neap_gbdt_defaults();
    o.objective = NEAP_OBJECTIVE_BINARY;
    assert_ok(neap_trainer_open(&t, &o, &d.t, d.y, weighted ? d.w : NULL, NULL));
    assert_ok(neap_trainer_step(t, &grew));
    assert_ok(neap_trainer_metric(t, 0, "auc", &got, &larger));
    assert_true(larger);
    assert_ok(neap_trainer_finish(t, 1, &m));
    assert_ok(neap_gbdt_predict(m, &d.t, NEAP_PREDICT_RAW, 0, raw));
    assert_number(got, plain_auc(&d, raw, weighted), F64_TOL);
    neap_gbdt_free(m);
    neap_trainer_free(t);
    drop(&d);
  }
}

static void nothing_to_learn_gives_the_start_value(void **state) {
  (void)state;
  data d = make(30, 2, 1, 0, 0, 0);
  for (int64_t i = 0; i < d.n; i++) d.x[2 * i] = 1, d.x[2 * i + 1] = NAN;
  neap_gbdt_options o = neap_gbdt_defaults();
  neap_trainer *t;
  neap_gbdt *m;
  bool grew = true;
  double mean = 0, got;
  for (int64_t i = 0; i < d.n; i++) mean += d.y[i] / (double)d.n;
  assert_ok(neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL));
  assert_ok(neap_trainer_step(t, &grew));
  assert_false(grew);
  assert_ok(neap_trainer_step(t, &grew));
  assert_int_equal(neap_trainer_iterations(t), 1);
  assert_ok(neap_trainer_finish(t, 5, &m));
  neap_gbdt_predict_row(m, d.x, NEAP_PREDICT_VALUE, &got);
  assert_number(got, mean, F64_TOL);
  neap_gbdt_free(m);
  neap_trainer_free(t);
  drop(&d);
}

/* prediction ----------------------------------------------------------------------------------- */

static void compiled_walk_equals_plain_walk(void **state) {
  (void)state;
  data d = make(800, 5, 31, 0.1, 0, 2);
  neap_gbdt_options o = neap_gbdt_defaults();
  o.objective = NEAP_OBJECTIVE_BINARY;
  neap_gbdt *m = fit(&d, o, 21, false);
  assert_non_null(m->compiled);
  for (int64_t i = 0; i < d.n; i++) {
    double *row = d.x + i * d.f, want = 0, got;
    if (i % 9 == 0) row[i % 5] = i % 2 ? INFINITY : -INFINITY;
    for (int64_t t = 0; t < m->trees; t++)
      want += neap__tree_value(m->tree[t], neap__tree_leaf(m->tree[t], row), row);
    neap_gbdt_predict_row(m, row, NEAP_PREDICT_RAW, &got);
    assert_true(got == want);
  }
  double *batch = neap_alloc_array(d.n, sizeof *batch);
  assert_ok(neap_gbdt_predict(m, &d.t, NEAP_PREDICT_RAW, 0, batch));
  for (int64_t i = 0; i < d.n; i++) {
    double got;
    neap_gbdt_predict_row(m, d.x + i * d.f, NEAP_PREDICT_RAW, &got);
    assert_true(got == batch[i]);
  }
  neap_free(batch);
  neap_gbdt_free(m);
  drop(&d);
}

static void exp_is_within_an_ulp(void **state) {
  (void)state;
  for (double x = -707.9; x < 708.9; x += 0.013) {
    double want = exp(x), got = neap__exp(x);
    assert_true(fabs(got - want) <= 2.3e-16 * want);
  }
  assert_true(neap__exp(0) == 1);
  assert_true(neap__exp(-INFINITY) == 0);
  assert_true(isnan(neap__exp(NAN)));
  assert_true(neap__sigmoid(-INFINITY) == 0 || neap__sigmoid(-INFINITY) < 1e-300);
  assert_true(neap__sigmoid(INFINITY) == 1);
}

/* failure -------------------------------------------------------------------------------------- */

static void work(const data *d, const data *v) {
  neap_gbdt_options o = neap_gbdt_defaults();
  o.objective = NEAP_OBJECTIVE_BINARY;
  o.bagging_fraction = 0.9;
  o.bagging_freq = 1;
  neap_trainer *t = NULL;
  neap_gbdt *m = NULL, *again = NULL;
  char *text = NULL;
  int64_t n;
  double out[600];
  bool grew;
  neap_status st = neap_trainer_open(&t, &o, &d->t, d->y, d->w, NULL);
  if (!st) st = neap_trainer_add_valid(t, &v->t, v->y, NULL);
  for (int i = 0; !st && i < 2; i++) st = neap_trainer_step(t, &grew);
  if (!st) st = neap_trainer_metric(t, 1, "auc", out, NULL);
  if (!st) st = neap_trainer_metric(t, 0, "binary_logloss", out, NULL);
  if (!st) st = neap_trainer_finish(t, 2, &m);
  if (!st) st = neap_gbdt_set_feature_names(m, (const char *const[]){"a", "b", "c"});
  if (!st) st = neap_gbdt_predict(m, &d->t, NEAP_PREDICT_PROBABILITY, 0, out);
  if (!st) st = neap_gbdt_write(m, "", &text, &n);
  if (!st) st = neap_gbdt_parse(&again, text, n);
  if (st) assert_true(st == NEAP_ENOMEM);
  neap_free(text);
  neap_gbdt_free(again);
  neap_gbdt_free(m);
  neap_trainer_free(t);
}

static void survives_every_failed_allocation(void **state) {
  (void)state;
  data d = make(300, 3, 41, 0.1, 0, 2), v = make(100, 3, 42, 0.1, 0, 2);
  assert_ok(neap_set_threads(2));
  with_every_allocation_failing(work(&d, &v));
  drop(&d);
  drop(&v);
}

static void interrupt_keeps_finished_iterations(void **state) {
  (void)state;
  data d = make(500, 3, 51, 0, 0, 0);
  neap_gbdt_options o = neap_gbdt_defaults();
  neap_trainer *t;
  neap_gbdt *m;
  bool grew;
  int64_t live = neap_alloc_live();
  assert_ok(neap_trainer_open(&t, &o, &d.t, d.y, NULL, NULL));
  for (int i = 0; i < 3; i++) assert_ok(neap_trainer_step(t, &grew));
  neap_interrupt_raise();
  assert_fails(neap_trainer_step(t, &grew), NEAP_EINTERRUPT, "interrupted");
  neap_interrupt_clear();
  assert_ok(neap_trainer_finish(t, 100, &m));
  assert_int_equal(neap_gbdt_iterations(m), 3);
  neap_gbdt_free(m);
  neap_trainer_free(t);
  assert_int_equal(neap_alloc_live(), live);
  drop(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(splits_equal_exact_greedy),
      cmocka_unit_test(infinities_are_values),
      cmocka_unit_test(bins_cover_every_value_in_order),
      cmocka_unit_test(empty_and_constant_columns_are_left_out),
      cmocka_unit_test(bits_are_equal_at_any_thread_count),
      cmocka_unit_test(loops_are_equal_on_every_processor),
      cmocka_unit_test(leaf_counts_are_the_rows_that_arrive),
      cmocka_unit_test(training_scores_are_what_the_model_predicts),
      cmocka_unit_test(auc_counts_pairs),
      cmocka_unit_test(nothing_to_learn_gives_the_start_value),
      cmocka_unit_test(compiled_walk_equals_plain_walk),
      cmocka_unit_test(exp_is_within_an_ulp),
      cmocka_unit_test(survives_every_failed_allocation),
      cmocka_unit_test(interrupt_keeps_finished_iterations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
