#include "check.h"

#include "base/rng.h"
#include "eval/eval.h"

/* A sample of n rows with scores on a coarse grid (so that ties occur) and random weights. */
typedef struct {
  int64_t n;
  double y[400], p[1200], w[400];
} rows;

static rows make_rows(int64_t n, int classes, int64_t columns, uint64_t seed) {
  static rows r;
  neap_rng g = neap_rng_make(seed);
  r.n = n;
  for (int64_t i = 0; i < n; i++) {
    double sum = 0;
    r.y[i] = (double)neap_rng_below(&g, (uint64_t)classes);
    r.w[i] = (double)neap_rng_below(&g, 8) / 4;
    for (int64_t c = 0; c < columns; c++) {
      r.p[i * columns + c] = ((double)neap_rng_below(&g, 21) + 0.5) / 21;
      sum += r.p[i * columns + c];
    }
    for (int64_t c = 0; columns > 1 && c < columns; c++) r.p[i * columns + c] /= sum;
  }
  r.y[0] = 0;
  r.y[n - 1] = classes - 1;
  r.w[0] = r.w[n - 1] = 1;
  return r;
}

static neap_sample_spec spec_of(const rows *r, int64_t columns, bool weighted) {
  return (neap_sample_spec){.n = r->n,
                            .y = r->y,
                            .p = r->p,
                            .columns = columns,
                            .weight = weighted ? r->w : NULL,
                            .kind = NEAP_GUESS_SCORES,
                            .threshold = 0.5};
}

/* labels and samples --------------------------------------------------------------------------- */

static void labels_are_sorted_and_coded(void **state) {
  (void)state;
  const double y[] = {3, -1, 0, 3, -0.0, -1}, want[] = {-1, 0, 3};
  double *label = NULL;
  int k = 0;
  assert_ok(neap_eval_labels(6, y, "y", &k, &label));
  assert_int_equal(k, 3);
  assert_same(3, label, want, 0);
  assert_int_equal(neap_eval_label_code(k, label, 3), 2);
  assert_int_equal(neap_eval_label_code(k, label, 2), -1);
  neap_free(label);
}

static neap_status sample_status(neap_sample_spec q) {
  neap_sample s;
  neap_status st = neap_eval_sample(&s, &q);
  neap_eval_sample_drop(&s);
  return st;
}

static void bad_input_is_named(void **state) {
  (void)state;
  const double y[] = {0, 1, NAN, 1}, p[] = {0.1, NAN, 0.3, 2}, z[] = {0, 0, 0, 0};
  const double clean[] = {0, 1, 0, 1}, half[] = {0, 0.5, 1, 1}, seven[] = {7, 7, 7, 7};
  const double negative[] = {1, 1, -2, 1};
  const neap_sample_spec base = {.n = 4, .y = clean, .p = clean, .columns = 1};
  neap_sample_spec q = base;
  q.n = 0;
  assert_fails(sample_status(q), NEAP_EVALUE, "no rows");
  q = base, q.y = y;
  assert_fails(sample_status(q), NEAP_EVALUE, "y[3] is NaN");
  q = base, q.p = p;
  assert_fails(sample_status(q), NEAP_EVALUE, "p[2] is NaN");
  q.skip_nan = true;
  assert_fails(sample_status(q), NEAP_EVALUE, "p[4] is 2, neither a label");
  const double gap[] = {NAN, 1, 0.5, 0};
  q.y = gap, q.p = clean;
  assert_fails(sample_status(q), NEAP_EVALUE, "y[3] is 0.5, but labels are integers");
  q = base, q.weight = z;
  assert_fails(sample_status(q), NEAP_EVALUE, "all weights are 0");
  q = base, q.weight = negative;
  assert_fails(sample_status(q), NEAP_EVALUE, "weights[3] is -2");
  q = base, q.y = half;
  assert_fails(sample_status(q), NEAP_EVALUE, "y[2] is 0.5, but labels are integers");
  q = base, q.y = seven, q.kind = NEAP_GUESS_SCORES;
  assert_fails(sample_status(q), NEAP_EVALUE, "one class only (7)");
  q = base, q.label = z, q.labels = 2;
  assert_fails(sample_status(q), NEAP_EARG, "two different labels");
  q = base, q.n = 2, q.columns = 2, q.kind = NEAP_GUESS_LABELS;
  assert_fails(sample_status(q), NEAP_ESHAPE, "predicted labels have one column, got 2");
  const double three[] = {0, 1, 2, 1};
  q = base, q.y = three, q.kind = NEAP_GUESS_SCORES;
  assert_fails(sample_status(q), NEAP_ESHAPE, "p has 1 columns, but there are 3 classes");
}

static void skipped_rows_keep_their_numbers(void **state) {
  (void)state;
  const double y[] = {0, NAN, 1, 0}, p[] = {0.5, 0.5, 0.5, 3};
  neap_sample_spec q = {.n = 4, .y = y, .p = p, .columns = 1, .kind = NEAP_GUESS_SCORES};
  q.skip_nan = true;
  neap_sample s;
  double v;
  assert_ok(neap_eval_sample(&s, &q));
  assert_int_equal(s.n, 3);
  assert_fails(neap_eval_brier(&s, &v), NEAP_EVALUE, "p[4] is 3");
  neap_eval_sample_drop(&s);
}

static void predictions_are_read_as_meant(void **state) {
  (void)state;
  const double y[] = {1, 2, 2, 1}, labels[] = {1, 1, 2, 2}, probs[] = {0.2, 0.6, 0.5, 0.9};
  const int32_t from_labels[] = {0, 0, 1, 1}, from_probs[] = {0, 1, 0, 1};
  neap_sample_spec q = {.n = 4, .y = y, .p = labels, .columns = 1, .threshold = 0.5};
  neap_sample s;
  assert_ok(neap_eval_sample(&s, &q));
  assert_memory_equal(s.guess, from_labels, sizeof from_labels);
  assert_int_equal(s.columns, 0);
  neap_eval_sample_drop(&s);
  q.p = probs;
  assert_ok(neap_eval_sample(&s, &q));
  assert_memory_equal(s.guess, from_probs, sizeof from_probs);
  assert_int_equal(s.columns, 1);
  neap_eval_sample_drop(&s);
}

/* guessed classes ------------------------------------------------------------------------------ */

static void matrix_metrics_follow_their_formulas(void **state) {
  (void)state;
  const double m[] = {50, 10, 5, 35}; /* tn fp fn tp */
  assert_number(neap_eval_accuracy(2, m), 0.85, F64_TOL);
  assert_number(neap_eval_balanced_accuracy(2, m), (50 / 60.0 + 35 / 40.0) / 2, F64_TOL);
  double mcc = (35 * 50 - 10 * 5) / sqrt(45.0 * 40 * 60 * 55);
  assert_number(neap_eval_mcc(2, m), mcc, F64_TOL);
  neap_prf one = neap_eval_prf(2, m, NEAP_AVERAGE_ONE, 1);
  assert_number(one.precision, 35 / 45.0, F64_TOL);
  assert_number(one.recall, 35 / 40.0, F64_TOL);
  assert_number(one.f1, 70 / 85.0, F64_TOL);
  const double none[] = {10, 0, 5, 0};
  neap_prf empty = neap_eval_prf(2, none, NEAP_AVERAGE_ONE, 1);
  assert_number(empty.precision, 0, 0);
  assert_number(empty.f1, 0, 0);
  assert_number(neap_eval_mcc(2, none), 0, 0);
}

/* ranking -------------------------------------------------------------------------------------- */

static void order_is_stable_and_rising(void **state) {
  (void)state;
  const double x[] = {0.0, -1, INFINITY, -0.0, 5e-324, -INFINITY, -1, 1e300, -1e-300};
  const int64_t want[] = {5, 1, 6, 8, 0, 3, 4, 7, 2};
  int64_t order[9];
  assert_ok(neap_eval_order(9, x, order));
  assert_memory_equal(order, want, sizeof want);
  assert_ok(neap_eval_order(0, x, order));
}

/* Every pair of a positive and a negative, one by one. */
static double plain_auc(const rows *r, int64_t columns, int64_t c, double positive, bool weighted) {
  double hits = 0, pairs = 0;
  for (int64_t i = 0; i < r->n; i++)
    for (int64_t j = 0; j < r->n; j++) {
      if (r->y[i] != positive || r->y[j] == positive) continue;
      double w = weighted ? r->w[i] * r->w[j] : 1;
      double a = r->p[i * columns + c], b = r->p[j * columns + c];
      pairs += w;
      hits += w * (a > b ? 1 : a == b ? 0.5 : 0);
    }
  return pairs > 0 ? hits / pairs : NAN;
}

static void auc_counts_pairs(void **state) {
  (void)state;
  for (int round = 0; round < 20; round++) {
    rows r = make_rows(10 + 13 * round, 2, 1, (uint64_t)round);
    bool weighted = round % 2;
    neap_sample_spec q = spec_of(&r, 1, weighted);
    neap_sample s;
    double got;
    assert_ok(neap_eval_sample(&s, &q));
    assert_ok(neap_eval_auc(&s, &got));
    assert_number(got, plain_auc(&r, 1, 0, 1, weighted), F64_TOL);
    neap_eval_sample_drop(&s);
  }
}

static void auc_of_several_is_the_mean_of_each(void **state) {
  (void)state;
  rows r = make_rows(150, 3, 3, 5);
  neap_sample_spec q = spec_of(&r, 3, true);
  neap_sample s;
  double got, want = 0;
  for (int c = 0; c < 3; c++) want += plain_auc(&r, 3, c, c, true) / 3;
  assert_ok(neap_eval_sample(&s, &q));
  assert_ok(neap_eval_auc(&s, &got));
  assert_number(got, want, F64_TOL);
  neap_eval_sample_drop(&s);
}

static void one_class_has_no_area(void **state) {
  (void)state;
  const double y[] = {1, 1, 1}, p[] = {0.2, 0.5, 0.9};
  neap_sample_spec q = {.n = 3, .y = y, .p = p, .columns = 1, .kind = NEAP_GUESS_SCORES};
  neap_sample s;
  double v;
  assert_ok(neap_eval_sample(&s, &q));
  assert_true(s.one_class);
  assert_int_equal(s.k, 2);
  assert_ok(neap_eval_auc(&s, &v));
  assert_number(v, NAN, 0);
  assert_ok(neap_eval_average_precision(&s, &v));
  assert_number(v, 1, 0);
  neap_eval_sample_drop(&s);
}

/* Value of a metric when the larger class is guessed for p > cut, counted row by row. */
static double plain_value(const rows *r, double cut, neap_cut_metric metric) {
  double m[4] = {0};
  for (int64_t i = 0; i < r->n; i++) m[2 * (int)r->y[i] + (r->p[i] > cut)] += r->w[i];
  if (metric == NEAP_CUT_F1) return neap_eval_prf(2, m, NEAP_AVERAGE_ONE, 1).f1;
  if (metric == NEAP_CUT_ACCURACY) return neap_eval_accuracy(2, m);
  if (metric == NEAP_CUT_BALANCED_ACCURACY) return neap_eval_balanced_accuracy(2, m);
  if (metric == NEAP_CUT_MCC) return neap_eval_mcc(2, m);
  return m[3] / (m[2] + m[3]) - m[1] / (m[0] + m[1]);
}

static int count_above(const rows *r, double cut) {
  int count = 0;
  for (int64_t i = 0; i < r->n; i++) count += r->p[i] > cut;
  return count;
}

/* And of equally good cuts it is the highest. */
static void best_cut_beats_every_other(void **state) {
  (void)state;
  for (int round = 0; round < 15; round++) {
    rows r = make_rows(8 + 9 * round, 2, 1, 100 + (uint64_t)round);
    neap_sample_spec q = spec_of(&r, 1, true);
    neap_cut_metric metric = (neap_cut_metric)(round % 5);
    neap_sample s;
    double cut, value;
    assert_ok(neap_eval_sample(&s, &q));
    assert_ok(neap_eval_best_cut(&s, metric, &cut, &value));
    assert_number(value, plain_value(&r, cut, metric), F64_TOL);
    for (int g = -1; g <= 22; g++) {
      double other = plain_value(&r, (g + 0.75) / 21, metric);
      assert_true(other <= value + F64_TOL);
      if (other == value) assert_true(count_above(&r, cut) <= count_above(&r, (g + 0.75) / 21));
    }
    neap_eval_sample_drop(&s);
  }
}

/* probabilities -------------------------------------------------------------------------------- */

static void probabilities_are_checked(void **state) {
  (void)state;
  const double y[] = {0, 1, 2}, p[] = {0.5, 0.3, 0.2, 0.5, 0.5, 0.5, 0.1, 0.1, 0.8};
  neap_sample_spec q = {.n = 3, .y = y, .p = p, .columns = 3, .kind = NEAP_GUESS_SCORES};
  neap_sample s;
  double v;
  assert_ok(neap_eval_sample(&s, &q));
  assert_fails(neap_eval_log_loss(&s, 1e-15, &v), NEAP_EVALUE, "row 2 sum to 1.5");
  s.p[4] = -0.1;
  assert_fails(neap_eval_brier(&s, &v), NEAP_EVALUE, "p[2] is -0.1");
  neap_eval_sample_drop(&s);
}

static double ece_of(const rows *r, bool quantile) {
  neap_sample_spec q = spec_of(r, 1, true);
  neap_sample s;
  neap_reliability b;
  assert_ok(neap_eval_sample(&s, &q));
  assert_ok(neap_eval_reliability(&s, 15, quantile, &b));
  double ece = b.ece, total = 0;
  for (int i = 0; i < b.bins; i++) total += b.count[i];
  assert_number(total, s.total, F64_TOL);
  assert_true(b.mce >= ece - F64_TOL);
  neap_eval_reliability_drop(&b);
  neap_eval_sample_drop(&s);
  return ece;
}

static void ece_ignores_order_and_mirroring(void **state) {
  (void)state;
  rows r = make_rows(300, 2, 1, 8), turned = r, mirrored = r;
  for (int64_t i = 0; i < r.n; i++) {
    turned.y[i] = r.y[r.n - 1 - i];
    turned.p[i] = r.p[r.n - 1 - i];
    turned.w[i] = r.w[r.n - 1 - i];
    mirrored.y[i] = 1 - r.y[i];
    mirrored.p[i] = 1 - r.p[i];
  }
  assert_number(ece_of(&turned, false), ece_of(&r, false), F64_TOL);
  assert_number(ece_of(&turned, true), ece_of(&r, true), F64_TOL);
  assert_number(ece_of(&mirrored, false), ece_of(&r, false), F64_TOL);
}

static void bins_are_closed_above(void **state) {
  (void)state;
  const double y[] = {0, 1, 1, 1}, p[] = {0, 0.1, 0.3, 0.31},
               count[] = {2, 0, 1, 1, 0, 0, 0, 0, 0, 0};
  neap_sample_spec q = {.n = 4, .y = y, .p = p, .columns = 1, .kind = NEAP_GUESS_SCORES};
  neap_sample s;
  neap_reliability b;
  assert_ok(neap_eval_sample(&s, &q));
  assert_ok(neap_eval_reliability(&s, 10, false, &b));
  assert_same(10, b.count, count, 0);
  assert_number(b.mean[0], 0.05, F64_TOL);
  assert_number(b.share[0], 0.5, 0);
  assert_number(b.mean[1], NAN, 0);
  neap_eval_reliability_drop(&b);
  neap_eval_sample_drop(&s);
}

/* calibration ---------------------------------------------------------------------------------- */

/* Least squares over all rising sequences whose steps are means of runs, by trying every cut. */
static double brute_isotonic(int64_t n, const double *y, const double *w) {
  double best = INFINITY;
  for (int mask = 0; mask < 1 << (n - 1); mask++) {
    double cost = 0, before = -INFINITY;
    bool rising = true;
    for (int64_t i = 0; i < n;) {
      int64_t end = i + 1;
      while (end < n && !(mask >> (end - 1) & 1)) end++;
      double sum = 0, mass = 0;
      for (int64_t k = i; k < end; k++) sum += w[k] * y[k], mass += w[k];
      for (int64_t k = i; k < end; k++) cost += w[k] * pow(y[k] - sum / mass, 2);
      rising = rising && sum / mass >= before;
      before = sum / mass;
      i = end;
    }
    if (rising && cost < best) best = cost;
  }
  return best;
}

static void pav_is_optimal(void **state) {
  (void)state;
  neap_rng g = neap_rng_make(3);
  for (int round = 0; round < 60; round++) {
    int64_t n = 1 + (int64_t)neap_rng_below(&g, 9);
    double y[9], fit[9], w[9], scratch[18], cost = 0;
    for (int64_t i = 0; i < n; i++) {
      fit[i] = y[i] = (double)neap_rng_below(&g, 5);
      w[i] = 0.5 + neap_rng_uniform(&g);
    }
    assert_ok(neap_eval_pav(n, fit, w, scratch));
    for (int64_t i = 0; i < n; i++) {
      cost += w[i] * pow(y[i] - fit[i], 2);
      assert_true(i == 0 || fit[i] >= fit[i - 1]);
    }
    assert_number(cost, brute_isotonic(n, y, w), F64_TOL);
  }
}

static neap_status fit(neap_calibrator *c, neap_cal_method method, bool logit, const rows *r) {
  neap_sample_spec q = spec_of(r, 1, true);
  neap_sample s;
  assert_ok(neap_eval_sample(&s, &q));
  neap_status st = neap_eval_calibrate(c, method, logit, &s);
  neap_eval_sample_drop(&s);
  return st;
}

static void calibrated_values_rise(void **state) {
  (void)state;
  rows r = make_rows(300, 2, 1, 12);
  for (int64_t i = 0; i < r.n; i++) /* some signal */
    r.p[i] = 0.7 * r.p[i] + 0.25 * r.y[i];
  for (int method = 0; method < NEAP_CAL_COUNT; method++) {
    neap_calibrator c;
    double before = -1;
    assert_ok(fit(&c, (neap_cal_method)method, false, &r));
    for (int i = -5; i <= 1005; i++) {
      double q = neap_eval_apply(&c, i / 1000.0), same;
      assert_ok(neap_eval_apply_rows(&c, 1, &(double){i / 1000.0}, &same));
      assert_memory_equal(&q, &same, sizeof q);
      assert_true(q >= before);
      assert_true(method == NEAP_CAL_NONE || (q >= 0 && q <= 1));
      before = q;
    }
    assert_number(neap_eval_apply(&c, NAN), NAN, 0);
    neap_eval_calibrator_drop(&c);
  }
}

/* Largest slope of the mean smoothed loss in the parameters, z being log-odds of clipped p. */
static double platt_slope(const rows *r, const neap_calibrator *c) {
  double positive = 0, total = 0, slope[2] = {0};
  for (int64_t i = 0; i < r->n; i++) total += r->w[i], positive += r->w[i] * r->y[i];
  for (int64_t i = 0; i < r->n; i++) {
    double t = r->y[i] != 0 ? (positive + 1) / (positive + 2) : 1 / (total - positive + 2);
    double p = fmin(fmax(r->p[i], 1e-15), 1 - 1e-15), z = log(p) - log1p(-p);
    double q = 1 / (1 + exp(-(c->param[0] * z + c->param[1])));
    slope[0] += r->w[i] * (q - t) * z / total;
    slope[1] += r->w[i] * (q - t) / total;
  }
  return fmax(fabs(slope[0]), fabs(slope[1]));
}

static void platt_is_at_its_minimum(void **state) {
  (void)state;
  for (int round = 0; round < 40; round++) {
    rows r = make_rows(4 + 9 * round, 2, 1, 21 + (uint64_t)round);
    double power = pow(10, round % 5 - 1), signal = round % 3 / 4.0; /* flat to extreme scores */
    for (int64_t i = 0; i < r.n; i++) {
      double p = r.p[i] + signal * (r.y[i] - r.p[i]);
      r.p[i] = pow(p, power) / (pow(p, power) + pow(1 - p, power));
    }
    neap_calibrator c;
    assert_ok(fit(&c, NEAP_CAL_PLATT, false, &r));
    assert_number(platt_slope(&r, &c), 0, 1e-9); /* the solver stops at steps of 1e-12 */
    neap_eval_calibrator_drop(&c);
  }
}

static void separable_data_stay_finite(void **state) {
  (void)state;
  rows r = make_rows(100, 2, 1, 4);
  for (int64_t i = 0; i < r.n; i++) r.p[i] = r.y[i] != 0 ? 1 : 0, r.w[i] = 1;
  for (int method = 0; method < NEAP_CAL_COUNT; method++) {
    neap_calibrator c;
    assert_ok(fit(&c, (neap_cal_method)method, false, &r));
    for (int i = 0; i < 3; i++) assert_true(isfinite(c.param[i]));
    assert_true(neap_eval_apply(&c, 1) > 0.95);
    assert_true(neap_eval_apply(&c, 0) < 0.05);
    neap_eval_calibrator_drop(&c);
  }
}

static void constant_scores_give_the_share(void **state) {
  (void)state;
  rows r = make_rows(100, 2, 1, 4);
  for (int64_t i = 0; i < r.n; i++) r.p[i] = 0.25, r.y[i] = i < 40, r.w[i] = 1;
  neap_calibrator c;
  assert_ok(fit(&c, NEAP_CAL_ISOTONIC, false, &r));
  assert_number(neap_eval_apply(&c, 0.9), 0.4, F64_TOL);
  neap_eval_calibrator_drop(&c);
  assert_ok(fit(&c, NEAP_CAL_PLATT, false, &r));
  double smooth = (40 * (41 / 42.0) + 60 / 62.0) / 100;
  assert_number(neap_eval_apply(&c, 0.25), smooth, 1e-9); /* flat valley: a ridge of 1e-12 */
  neap_eval_calibrator_drop(&c);
}

static void temperature_recovers_its_value(void **state) {
  (void)state;
  neap_rng g = neap_rng_make(6);
  enum { N = 20000, K = 4 };
  static double y[N], z[N * K];
  for (int i = 0; i < N; i++) {
    double sum = 0, u = neap_rng_uniform(&g), part = 0;
    for (int k = 0; k < K; k++) z[i * K + k] = 6 * neap_rng_uniform(&g);
    for (int k = 0; k < K; k++) sum += exp(z[i * K + k] / 2.5);
    for (int k = 0; k < K; k++) {
      part += exp(z[i * K + k] / 2.5) / sum;
      if (part < u) y[i] = k + 1;
    }
  }
  neap_sample_spec q = {.n = N, .y = y, .p = z, .columns = K, .kind = NEAP_GUESS_SCORES};
  neap_sample s;
  neap_calibrator c;
  assert_ok(neap_eval_sample(&s, &q));
  assert_ok(neap_eval_calibrate(&c, NEAP_CAL_TEMPERATURE, true, &s));
  assert_number(c.param[0], 2.5, 0.05); /* four standard errors of the estimate */
  assert_fails(neap_eval_calibrate(&c, NEAP_CAL_PLATT, true, &s), NEAP_EARG, "platt takes two");
  neap_eval_sample_drop(&s);
}

/* regression and memory ------------------------------------------------------------------------ */

static void regression_follows_its_formulas(void **state) {
  (void)state;
  const double y[] = {1, 2, NAN, 4}, p[] = {2, 2, 9, 3}, w[] = {1, 2, 1, 1}, flat[] = {3, 3, 3, 3};
  neap_regression r;
  assert_ok(neap_eval_regression(4, y, p, w, true, &r));
  assert_number(r.mse, 0.5, F64_TOL);
  assert_number(r.mae, 0.5, F64_TOL);
  assert_number(r.mape, (1 + 0.25) / 4, F64_TOL);
  assert_number(r.r2, 1 - 2 / 4.75, F64_TOL);
  assert_fails(neap_eval_regression(4, y, p, w, false, &r), NEAP_EVALUE, "y[3] is NaN");
  assert_fails(neap_eval_regression(0, y, p, w, false, &r), NEAP_EVALUE, "no rows");
  assert_ok(neap_eval_regression(4, flat, flat, NULL, false, &r));
  assert_number(r.r2, 1, 0);
}

static void use_everything(const rows *r) {
  neap_sample_spec q = spec_of(r, 1, true);
  neap_sample s;
  neap_reliability b;
  double v, cut;
  q.kind = NEAP_GUESS_AUTO;
  if (neap_eval_sample(&s, &q)) return;
  bool ok = !neap_eval_auc(&s, &v) && !neap_eval_best_cut(&s, NEAP_CUT_F1, &cut, &v);
  ok = ok && !neap_eval_reliability(&s, 5, true, &b);
  if (ok) neap_eval_reliability_drop(&b);
  for (int method = 0; method < NEAP_CAL_COUNT && ok; method++) {
    neap_calibrator c;
    ok = !neap_eval_calibrate(&c, (neap_cal_method)method, false, &s);
    neap_eval_calibrator_drop(&c);
  }
  neap_eval_sample_drop(&s);
}

static void failed_allocations_leak_nothing(void **state) {
  (void)state;
  rows r = make_rows(50, 2, 1, 1);
  with_every_allocation_failing(use_everything(&r));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(labels_are_sorted_and_coded),
      cmocka_unit_test(bad_input_is_named),
      cmocka_unit_test(skipped_rows_keep_their_numbers),
      cmocka_unit_test(predictions_are_read_as_meant),
      cmocka_unit_test(matrix_metrics_follow_their_formulas),
      cmocka_unit_test(order_is_stable_and_rising),
      cmocka_unit_test(auc_counts_pairs),
      cmocka_unit_test(auc_of_several_is_the_mean_of_each),
      cmocka_unit_test(one_class_has_no_area),
      cmocka_unit_test(best_cut_beats_every_other),
      cmocka_unit_test(probabilities_are_checked),
      cmocka_unit_test(ece_ignores_order_and_mirroring),
      cmocka_unit_test(bins_are_closed_above),
      cmocka_unit_test(pav_is_optimal),
      cmocka_unit_test(calibrated_values_rise),
      cmocka_unit_test(platt_is_at_its_minimum),
      cmocka_unit_test(separable_data_stay_finite),
      cmocka_unit_test(constant_scores_give_the_share),
      cmocka_unit_test(temperature_recovers_its_value),
      cmocka_unit_test(regression_follows_its_formulas),
      cmocka_unit_test(failed_allocations_leak_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
