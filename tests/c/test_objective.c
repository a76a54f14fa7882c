#include "check.h"

#include <stdlib.h>

#include "base/pool.h"
#include "base/rng.h"
#include "tree/link.h"
#include "tree/objective.h"

/* derivatives ---------------------------------------------------------------------------------- */

static const neap_gbdt_options *o; /* of the loss under test */

static double sigmoid(double s) { return 1 / (1 + exp(-s)); }

static double squared(double s, double y) { return (s - y) * (s - y) / 2; }
static double absolute(double s, double y) { return fabs(s - y); }
static double huber(double s, double y) {
  double x = fabs(s - y);
  return x <= o->alpha ? x * x / 2 : o->alpha * (x - o->alpha / 2);
}
static double fair(double s, double y) {
  double x = fabs(s - y), c = o->fair_c;
  return c * x - c * c * log1p(x / c);
}
static double quantile(double s, double y) {
  return y > s ? o->alpha * (y - s) : (1 - o->alpha) * (s - y);
}
static double expectile(double s, double y) {
  return (y < s ? 1 - o->alpha : o->alpha) * (y - s) * (y - s);
}
static double mape(double s, double y) { return fabs(s - y) / fmax(1, fabs(y)); }
static double poisson(double s, double y) { return exp(s) - y * s; }
static double gamma_loss(double s, double y) { return y / exp(s) + s; }
static double tweedie(double s, double y) {
  double p = o->tweedie_variance_power;
  if (p == 1) return poisson(s, y);
  return exp((2 - p) * s) / (2 - p) - y * exp((1 - p) * s) / (1 - p);
}
static double cross_entropy(double s, double y) {
  return -y * log(sigmoid(s)) - (1 - y) * log(sigmoid(-s));
}
static double binary(double s, double y) { return cross_entropy(o->sigmoid * s, y); }
static double focal(double s, double y) {
  double p = sigmoid(y > 0 ? s : -s), a = y > 0 ? o->focal_alpha : 1 - o->focal_alpha;
  return -a * pow(1 - p, o->focal_gamma) * log(p);
}

/* What the second derivative given is: the loss's own, a constant where it has none, or a bound. */
typedef enum { EXACT, ONE, ABOVE } second;

typedef struct {
  neap_objective objective;
  double (*loss)(double s, double y);
  second second;
  double low, high; /* labels */
  bool whole;       /* labels are classes */
} row;

static const row losses[] = {
    {NEAP_OBJECTIVE_REGRESSION, squared, EXACT, -3, 3, false},
    {NEAP_OBJECTIVE_L1, absolute, ONE, -3, 3, false},
    {NEAP_OBJECTIVE_HUBER, huber, ONE, -3, 3, false},
    {NEAP_OBJECTIVE_FAIR, fair, EXACT, -3, 3, false},
    {NEAP_OBJECTIVE_QUANTILE, quantile, ONE, -3, 3, false},
    {NEAP_OBJECTIVE_EXPECTILE, expectile, EXACT, -3, 3, false},
    {NEAP_OBJECTIVE_MAPE, mape, ONE, -3, 3, false},
    {NEAP_OBJECTIVE_POISSON, poisson, ABOVE, 0, 5, false},
    {NEAP_OBJECTIVE_GAMMA, gamma_loss, EXACT, 0.1, 5, false},
    {NEAP_OBJECTIVE_TWEEDIE, tweedie, EXACT, 0, 5, false},
    {NEAP_OBJECTIVE_CROSS_ENTROPY, cross_entropy, EXACT, 0, 1, false},
    {NEAP_OBJECTIVE_BINARY, binary, EXACT, 0, 1, true},
    {NEAP_OBJECTIVE_FOCAL, focal, ABOVE, 0, 1, true},
};

/* Central differences have errors of about eps^2 and of 1e-16 / eps^2: 1e-5 of the value with both,
 * and gradients are kept as floats. */
static const double SLACK = 2e-5;

static void check_derivatives(const row *r, double s, double y, double w, neap__pair got) {
  const double eps = 1e-4;
  double below = r->loss(s - eps, y), at = r->loss(s, y), above = r->loss(s + eps, y);
  double g = w * (above - below) / (2 * eps), h = w * (above - 2 * at + below) / (eps * eps);
  assert_true(fabs((double)got.real.g - g) <= SLACK * fmax(1, fabs(g)));
  assert_true((double)got.real.h > 0);
  if (r->second == EXACT) assert_true(fabs((double)got.real.h - h) <= SLACK * fmax(1, fabs(h)));
  if (r->second == ONE) assert_number((double)got.real.h, w, F32_TOL);
  if (r->second == ABOVE) assert_true((double)got.real.h >= h - SLACK * fmax(1, fabs(h)));
}

static void derivatives_equal_differences_of_the_loss(void **state) {
  (void)state;
  enum { N = 400 };
  for (size_t k = 0; k < sizeof losses / sizeof *losses; k++)
    for (int variant = 0; variant < 3; variant++) {
      neap_gbdt_options options = neap_gbdt_defaults();
      options.objective = losses[k].objective;
      options.alpha = (double[]){0.9, 0.05, 0.5}[variant];
      options.fair_c = (double[]){1, 0.3, 4}[variant];
      options.tweedie_variance_power = (double[]){1.5, 1, 1.9}[variant];
      options.focal_gamma = (double[]){2, 0, 0.7}[variant];
      options.focal_alpha = (double[]){0.25, 0.5, 0.9}[variant];
      options.sigmoid = (double[]){1, 0.5, 3}[variant];
      o = &options;
      double y[N], s[N];
      float w[N];
      neap__pair pairs[N];
      neap_rng rng = neap_rng_make(k);
      for (int i = 0; i < N; i++) {
        double u = neap_rng_uniform(&rng);
        y[i] = losses[k].whole ? u < 0.4 : losses[k].low + u * (losses[k].high - losses[k].low);
        s[i] = 6 * neap_rng_uniform(&rng) - 3;
        w[i] = variant ? (float)(0.25 + neap_rng_uniform(&rng)) : 1;
        /* not on a kink, where there is no derivative */
        double kink = fmin(fabs(s[i] - y[i]), fabs(fabs(s[i] - y[i]) - options.alpha));
        if (kink < 1e-3) s[i] += 0.01;
      }
      neap__loss l;
      assert_ok(neap__loss_open(&l, &options, N, 1, y, variant ? w : NULL));
      assert_ok(neap__loss_pairs(&l, s, pairs));
      for (int i = 0; i < N; i++) check_derivatives(&losses[k], s[i], y[i], (double)w[i], pairs[i]);
      neap__loss_drop(&l);
    }
}

/* A focal loss without focus, and half of it for each class, is half the log loss. */
static void focal_without_focus_is_log_loss(void **state) {
  (void)state;
  neap_gbdt_options options = neap_gbdt_defaults();
  const double y[] = {0, 1, 0, 1}, s[] = {-2, -1, 0.5, 3};
  neap__pair a[4], b[4];
  neap__loss l;
  options.objective = NEAP_OBJECTIVE_BINARY;
  assert_ok(neap__loss_open(&l, &options, 4, 1, y, NULL));
  assert_ok(neap__loss_pairs(&l, s, a));
  neap__loss_drop(&l);
  options.objective = NEAP_OBJECTIVE_FOCAL;
  options.focal_alpha = 0.5;
  options.focal_gamma = 0;
  assert_ok(neap__loss_open(&l, &options, 4, 1, y, NULL));
  assert_ok(neap__loss_pairs(&l, s, b));
  neap__loss_drop(&l);
  for (int i = 0; i < 4; i++) {
    assert_number((double)b[i].real.g, (double)a[i].real.g / 2, F32_TOL);
    assert_number((double)b[i].real.h, (double)a[i].real.h / 2, F32_TOL);
  }
}

/* Softmax and one against the rest: the sum over the columns is what is differentiated. */
static void columns_equal_differences_of_the_loss(void **state) {
  (void)state;
  enum { N = 60, K = 3 };
  double y[N], s[K * N];
  neap__pair pairs[K * N];
  neap_rng rng = neap_rng_make(4);
  for (int i = 0; i < N; i++) y[i] = (double)neap_rng_below(&rng, K);
  for (int i = 0; i < K * N; i++) s[i] = 2 * neap_rng_normal(&rng);
  for (int ova = 0; ova < 2; ova++) {
    neap_gbdt_options options = neap_gbdt_defaults();
    options.objective = ova ? NEAP_OBJECTIVE_OVA : NEAP_OBJECTIVE_MULTICLASS;
    neap__loss l;
    assert_ok(neap__loss_open(&l, &options, N, K, y, NULL));
    assert_ok(neap__loss_pairs(&l, s, pairs));
    neap__loss_drop(&l);
    for (int i = 0; i < N; i++)
      for (int k = 0; k < K; k++) {
        double sum = 0, own = s[k * N + i];
        for (int j = 0; j < K; j++) sum += exp(s[j * N + i]);
        double p = ova ? sigmoid(own) : exp(own) / sum, factor = ova ? 1 : K / (K - 1.0);
        neap__pair got = pairs[k * N + i];
        assert_number((double)got.real.g, p - (y[i] == k), F32_TOL);
        assert_number((double)got.real.h, factor * p * (1 - p), F32_TOL);
      }
  }
}

/* quantiles ------------------------------------------------------------------------------------ */

typedef struct {
  double value, weight;
} plain;

static int by_value(const void *a, const void *b) {
  double x = ((const plain *)a)->value, y = ((const plain *)b)->value;
  return (x > y) - (x < y);
}

/* The definition written down: sort, add up. */
static double plain_quantile(plain *p, int64_t n, double alpha) {
  double total = 0, below = 0;
  for (int64_t i = 0; i < n; i++) total += p[i].weight;
  qsort(p, (size_t)n, sizeof *p, by_value);
  for (int64_t i = 0; i < n; i++) {
    below += p[i].weight;
    if (below < alpha * total) continue;
    int64_t next = i;
    while (next < n && (p[next].value == p[i].value || p[next].weight == 0)) {
      if (next > i) below += p[next].weight;
      next++;
    }
    return below > alpha * total || next == n ? p[i].value : (p[i].value + p[next].value) / 2;
  }
  return 0;
}

/* The key of a value, as the loss makes it: through a residual at score 0. */
static double quantile_of(const double *values, const float *weights, int64_t n, double alpha) {
  neap_gbdt_options options = neap_gbdt_defaults();
  options.objective = NEAP_OBJECTIVE_QUANTILE;
  options.alpha = alpha;
  neap__loss l;
  double start;
  assert_ok(neap__loss_open(&l, &options, n, 1, values, weights));
  neap__loss_start(&l, &start);
  neap__loss_drop(&l);
  return start;
}

static void quantiles_equal_sorting(void **state) {
  (void)state;
  neap_rng rng = neap_rng_make(11);
  for (int round = 0; round < 300; round++) {
    int64_t n = 1 + (int64_t)neap_rng_below(&rng, round % 3 ? 60 : 3000);
    double *v = neap_alloc_array(n, sizeof *v);
    float *w = neap_alloc_array(n, sizeof *w);
    plain *p = neap_alloc_array(n, sizeof *p);
    for (int64_t i = 0; i < n; i++) {
      v[i] = neap_rng_normal(&rng);
      if (round % 5 == 1) v[i] = floor(v[i]); /* ties */
      if (round % 5 == 2) v[i] = (v[i] > 0 ? 1 : -1) * exp(60 * v[i]);
      if (round % 5 == 3) v[i] = i % 7 ? 1e-300 * v[i] : 1e300 * v[i];
      w[i] = round % 2 ? (float)neap_rng_below(&rng, 4) : 1; /* whole, so that sums are exact */
    }
    w[n / 2] = 2;
    double alpha = (double[]){0.5, 0.25, 0.75, 0.05, 0.999}[round % 5];
    for (int64_t i = 0; i < n; i++) p[i] = (plain){v[i], (double)w[i]};
    assert_true(quantile_of(v, w, n, alpha) == plain_quantile(p, n, alpha));
    neap_free(v);
    neap_free(w);
    neap_free(p);
  }
  const double two[] = {1, 3}, four[] = {4, 1, 3, 2};
  assert_true(quantile_of(two, NULL, 2, 0.5) == 2);
  assert_true(quantile_of(four, NULL, 4, 0.25) == 1.5);
  assert_true(quantile_of(four, NULL, 4, 0.3) == 2);
  const float none[] = {0, 0};
  assert_true(quantile_of(two, none, 2, 0.5) == 0);
}

/* starting ------------------------------------------------------------------------------------- */

static double total(const row *r, const double *y, const float *w, int n, double s) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += (double)w[i] * r->loss(s, y[i]);
  return sum;
}

/* No constant near the start is better, except of the losses that start from a simple mean. */
static void training_starts_where_the_loss_is_least(void **state) {
  (void)state;
  enum { N = 101 };
  neap_rng rng = neap_rng_make(5);
  for (size_t k = 0; k < sizeof losses / sizeof *losses; k++) {
    neap_objective objective = losses[k].objective;
    if (objective == NEAP_OBJECTIVE_HUBER || objective == NEAP_OBJECTIVE_FAIR ||
        objective == NEAP_OBJECTIVE_FOCAL)
      continue;
    neap_gbdt_options options = neap_gbdt_defaults();
    options.objective = objective;
    options.alpha = 0.3;
    o = &options;
    double y[N], start;
    float w[N];
    for (int i = 0; i < N; i++) {
      double u = neap_rng_uniform(&rng);
      y[i] = losses[k].whole ? u < 0.4 : losses[k].low + u * u * (losses[k].high - losses[k].low);
      w[i] = (float)(0.5 + neap_rng_uniform(&rng));
    }
    neap__loss l;
    assert_ok(neap__loss_open(&l, &options, N, 1, y, w));
    neap__loss_start(&l, &start);
    neap__loss_drop(&l);
    double best = total(&losses[k], y, w, N, start);
    for (double step = 1e-3; step < 1; step *= 3) {
      assert_true(best <= total(&losses[k], y, w, N, start + step) + 1e-9);
      assert_true(best <= total(&losses[k], y, w, N, start - step) + 1e-9);
    }
  }
}

/* training ------------------------------------------------------------------------------------- */

typedef struct {
  neap_tensor x;
  double *y, *w;
  int64_t n;
} data;

static data make(int64_t n, const row *r) {
  data d = {
      .n = n, .y = neap_alloc_array(n, sizeof(double)), .w = neap_alloc_array(n, sizeof(double))};
  neap_rng rng = neap_rng_make(21);
  assert_ok(neap_tensor_init(&d.x, NEAP_F64, 2, (int64_t[]){n, 3}));
  double *x = neap_tensor_data(&d.x);
  for (int64_t i = 0; i < n; i++) {
    for (int j = 0; j < 3; j++) x[3 * i + j] = neap_rng_normal(&rng);
    double u = sigmoid(x[3 * i] + 0.5 * neap_rng_normal(&rng));
    d.y[i] = r->whole ? u > 0.5 : r->low + u * (r->high - r->low);
    d.w[i] = (double)neap_rng_below(&rng, 4);
  }
  return d;
}

static void drop(data *d) {
  neap_tensor_drop(&d->x);
  neap_free(d->y);
  neap_free(d->w);
}

static neap_gbdt *fit(const data *d, neap_gbdt_options options, int iterations) {
  neap_trainer *t;
  neap_gbdt *m;
  bool grew;
  assert_ok(neap_trainer_open(&t, &options, &d->x, d->y, d->w, NULL));
  for (int i = 0; i < iterations; i++) assert_ok(neap_trainer_step(t, &grew));
  assert_ok(neap_trainer_finish(t, iterations, &m));
  neap_trainer_free(t);
  return m;
}

static void models_have_the_same_bits_at_any_number_of_threads(void **state) {
  (void)state;
  int before = neap_threads();
  for (size_t k = 0; k < sizeof losses / sizeof *losses; k++) {
    data d = make(5000, &losses[k]);
    neap_gbdt_options options = neap_gbdt_defaults();
    options.objective = losses[k].objective;
    char *want = NULL;
    for (int threads = 1; threads <= 4; threads++) {
      char *text;
      int64_t n;
      assert_ok(neap_set_threads(threads));
      neap_gbdt *m = fit(&d, options, 4);
      assert_ok(neap_gbdt_write(m, "", &text, &n));
      neap_gbdt_free(m);
      if (!want) want = text;
      else {
        assert_string_equal(text, want);
        neap_free(text);
      }
    }
    neap_free(want);
    drop(&d);
  }
  assert_ok(neap_set_threads(before));
}

/* After one tree with learning rate 1 every leaf predicts the plain weighted quantile of its rows.
 */
static void leaves_are_quantiles_of_their_rows(void **state) {
  (void)state;
  for (int which = 0; which < 3; which++) {
    neap_gbdt_options options = neap_gbdt_defaults();
    options.objective =
        (neap_objective[]){NEAP_OBJECTIVE_L1, NEAP_OBJECTIVE_QUANTILE, NEAP_OBJECTIVE_MAPE}[which];
    options.alpha = 0.8;
    options.learning_rate = 1;
    options.boost_from_average = false;
    data d = make(2000, &losses[1]);
    for (int64_t i = 0; i < d.n; i++) d.y[i] = floor(4 * d.y[i]);
    neap_gbdt *m = fit(&d, options, 1);
    double *leaf = neap_alloc_array(d.n, sizeof *leaf),
           *value = neap_alloc_array(d.n, sizeof *leaf);
    plain *p = neap_alloc_array(d.n, sizeof *p);
    assert_ok(neap_gbdt_predict(m, &d.x, NEAP_PREDICT_LEAF, 0, leaf));
    assert_ok(neap_gbdt_predict(m, &d.x, NEAP_PREDICT_VALUE, 0, value));
    assert_true(neap_gbdt_leaves(m, 0) > 10);
    for (int64_t l = 0; l < neap_gbdt_leaves(m, 0); l++) {
      int64_t n = 0, any = 0;
      for (int64_t i = 0; i < d.n; i++) {
        double w = which == 2 ? d.w[i] / fmax(1, fabs(d.y[i])) : d.w[i];
        if (leaf[i] == (double)l) p[n++] = (plain){d.y[i], w}, any = i;
      }
      double want = plain_quantile(p, n, which == 1 ? 0.8 : 0.5);
      assert_number(value[any], want, F64_TOL);
    }
    neap_gbdt_free(m);
    neap_free(leaf);
    neap_free(value);
    neap_free(p);
    drop(&d);
  }
}

static void quantiles_never_cross(void **state) {
  (void)state;
  const double alphas[] = {0.05, 0.25, 0.5, 0.75, 0.95};
  data d = make(600, &losses[0]);
  neap_gbdt_options options = neap_gbdt_defaults();
  options.objective = NEAP_OBJECTIVE_QUANTILE;
  options.quantiles = alphas;
  options.quantile_count = 5;
  options.min_data_in_leaf = 1; /* small leaves cross often */
  neap_gbdt *m = fit(&d, options, 20), *again;
  double *out = neap_alloc_array(5 * d.n, sizeof *out),
         *raw = neap_alloc_array(5 * d.n, sizeof *out);
  assert_ok(neap_gbdt_predict(m, &d.x, NEAP_PREDICT_VALUE, 0, out));
  assert_ok(neap_gbdt_predict(m, &d.x, NEAP_PREDICT_RAW, 0, raw));
  int64_t crossed = 0;
  for (int64_t i = 0; i < 5 * d.n; i++) {
    if (i % 5) assert_true(out[i] >= out[i - 1]);
    if (i % 5) crossed += raw[i] < raw[i - 1];
  }
  assert_true(crossed > 0);
  char *text;
  int64_t n;
  assert_ok(neap_gbdt_write(m, "", &text, &n));
  assert_non_null(strstr(text, "[neap_objective: quantile alpha:0.05,0.25,0.5,0.75,0.95]\n"));
  assert_null(strstr(text, "\nobjective="));
  assert_ok(neap_gbdt_parse(&again, text, n));
  assert_ok(neap_gbdt_predict(again, &d.x, NEAP_PREDICT_VALUE, 0, raw));
  for (int64_t i = 0; i < 5 * d.n; i++) assert_true(out[i] == raw[i]);
  neap_free(text);
  neap_free(out);
  neap_free(raw);
  neap_gbdt_free(m);
  neap_gbdt_free(again);
  drop(&d);
}

static void failing_allocations_leave_nothing_behind(void **state) {
  (void)state;
  data d = make(300, &losses[0]);
  neap_gbdt_options options = neap_gbdt_defaults();
  options.objective = NEAP_OBJECTIVE_QUANTILE;
  options.quantiles = (double[]){0.2, 0.8};
  options.quantile_count = 2;
  with_every_allocation_failing({
    neap_trainer *t = NULL;
    neap_gbdt *m = NULL;
    double value;
    bool grew;
    neap_status st = neap_trainer_open(&t, &options, &d.x, d.y, d.w, NULL);
    if (!st) st = neap_trainer_step(t, &grew);
    if (!st) st = neap_trainer_metric(t, 0, "quantile", &value, NULL);
    if (!st) st = neap_trainer_finish(t, 1, &m);
    neap_gbdt_free(m);
    neap_trainer_free(t);
  });
  drop(&d);
}

/* custom objectives ---------------------------------------------------------------------------- */

typedef struct {
  const double *y;
  int64_t n;
  double spoil; /* what the hessian of row 7 is instead of 1; 1: nothing */
  neap_status fail;
} squares;

static neap_status square_slopes(void *ctx, const double *scores, double *g, double *h) {
  const squares *s = ctx;
  for (int64_t i = 0; i < s->n; i++) {
    g[i] = scores[i] - s->y[i];
    h[i] = i == 6 ? s->spoil : 1;
  }
  return s->fail ? neap_fail(s->fail, "the caller's own") : NEAP_OK;
}

static neap_status mean_renew(void *ctx, int64_t column, const int32_t *rows, int64_t n,
                              double *value) {
  (void)ctx, (void)column, (void)rows;
  *value = (double)n;
  return NEAP_OK;
}

static void custom_objectives_are_called_and_checked(void **state) {
  (void)state;
  data d = make(300, &losses[0]);
  neap_gbdt_options options = neap_gbdt_defaults();
  options.objective = NEAP_OBJECTIVE_CUSTOM;
  squares s = {d.y, d.n, 1, NEAP_OK};
  const neap_gbdt_custom custom = {.ctx = &s, .slopes = square_slopes};
  with_every_allocation_failing({
    neap_trainer *t = NULL;
    bool grew;
    neap_status st = neap_trainer_open(&t, &options, &d.x, d.y, NULL, NULL);
    if (!st) st = neap_trainer_custom(t, &custom);
    if (!st) st = neap_trainer_start(t, &(double){0.5});
    if (!st) st = neap_trainer_step(t, &grew);
    if (!st) assert_fails(neap_trainer_start(t, &(double){1}), NEAP_EARG, "comes too late");
    neap_trainer_free(t);
  });
  for (int k = 0; k < 4; k++) {
    neap_trainer *t;
    bool grew;
    s.spoil = (double[]){-1, NAN, 1, 1}[k];
    s.fail = k == 2 ? NEAP_EVALUE : NEAP_OK;
    assert_ok(neap_trainer_open(&t, &options, &d.x, d.y, NULL, NULL));
    if (k == 3) assert_fails(neap_trainer_step(t, &grew), NEAP_EARG, "has no derivatives");
    assert_ok(neap_trainer_custom(t, &custom));
    if (k < 3)
      assert_fails(neap_trainer_step(t, &grew), NEAP_EVALUE,
                   ((const char *[]){"the hessian of row 7 is -1, it must not be negative",
                                     "the hessian of row 7 is nan", "the caller's own"})[k]);
    neap_trainer_free(t);
  }
  s = (squares){d.y, d.n, 1, NEAP_OK};
  neap_trainer *t;
  neap_gbdt *m;
  bool grew;
  assert_ok(neap_trainer_open(&t, &options, &d.x, d.y, NULL, NULL));
  neap_gbdt_custom renewed = custom;
  renewed.renew = mean_renew;
  assert_ok(neap_trainer_custom(t, &renewed));
  assert_ok(neap_trainer_step(t, &grew));
  assert_ok(neap_trainer_finish(t, 1, &m));
  double *leaf = neap_alloc_array(d.n, sizeof *leaf), *value = neap_alloc_array(d.n, sizeof *leaf);
  assert_ok(neap_gbdt_predict(m, &d.x, NEAP_PREDICT_LEAF, 0, leaf));
  assert_ok(neap_gbdt_predict(m, &d.x, NEAP_PREDICT_VALUE, 0, value));
  for (int64_t i = 0; i < d.n; i++) {
    int64_t n = 0;
    for (int64_t j = 0; j < d.n; j++) n += leaf[j] == leaf[i];
    assert_number(value[i], 0.1 * (double)n, F64_TOL);
  }
  neap_free(leaf);
  neap_free(value);
  neap_gbdt_free(m);
  neap_trainer_free(t);
  options.objective = NEAP_OBJECTIVE_REGRESSION;
  assert_ok(neap_trainer_open(&t, &options, &d.x, d.y, NULL, NULL));
  assert_fails(neap_trainer_custom(t, &custom), NEAP_EARG, "has its own derivatives");
  neap_trainer_free(t);
  drop(&d);
}

/* ranking -------------------------------------------------------------------------------------- */

enum { ROWS = 14 };

static const int64_t sizes[] = {1, 5, 2, 6};
static const double grades[ROWS] = {2, 0, 1, 3, 0, 2, 1, 1, 4, 0, 0, 1, 2, 0};

/* Lambdarank written down: over the pairs of a query, by the place that each row has. */
static void plain_lambdas(const neap_gbdt_options *opt, const double *s, const float *w, double *g,
                          double *h) {
  int64_t first = 0;
  for (int q = 0; q < 4; first += sizes[q++]) {
    int64_t n = sizes[q], place[8];
    double best = 0, sorted[8], sum = 0, top = -1e9, bottom = 1e9;
    for (int64_t i = 0; i < n; i++) {
      place[i] = 0;
      for (int64_t j = 0; j < n; j++)
        place[i] += s[first + j] > s[first + i] || (s[first + j] == s[first + i] && j < i);
      sorted[i] = grades[first + i];
      top = fmax(top, s[first + i]);
      bottom = fmin(bottom, s[first + i]);
    }
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = i + 1; j < n; j++)
        if (sorted[j] > sorted[i]) {
          double t = sorted[i];
          sorted[i] = sorted[j];
          sorted[j] = t;
        }
    for (int64_t i = 0; i < n && i < opt->lambdarank_truncation_level; i++)
      best += (pow(2, sorted[i]) - 1) / log2(2 + (double)i);
    for (int64_t i = 0; i < n; i++) g[first + i] = h[first + i] = 0;
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++) { /* i is the better row */
        int64_t a = first + i, b = first + j;
        int64_t upper = place[i] < place[j] ? place[i] : place[j];
        if (!(grades[a] > grades[b]) || upper >= opt->lambdarank_truncation_level) continue;
        double change = (pow(2, grades[a]) - pow(2, grades[b])) / best *
                        fabs(1 / log2(2 + (double)place[i]) - 1 / log2(2 + (double)place[j]));
        if (opt->lambdarank_norm && top != bottom) change /= 0.01 + fabs(s[a] - s[b]);
        double p = sigmoid(-opt->sigmoid * (s[a] - s[b])), slope = opt->sigmoid * p * change;
        double bend = opt->sigmoid * opt->sigmoid * p * (1 - p) * change;
        g[a] -= slope, g[b] += slope, h[a] += bend, h[b] += bend, sum += 2 * slope;
      }
    double factor = opt->lambdarank_norm && sum > 0 ? log2(1 + sum) / sum : 1;
    for (int64_t i = first; i < first + n; i++)
      g[i] *= factor * (double)w[i], h[i] *= factor * (double)w[i];
  }
}

static void lambdas_equal_the_sum_over_pairs(void **state) {
  (void)state;
  neap_rng rng = neap_rng_make(3);
  for (int round = 0; round < 40; round++) {
    neap_gbdt_options options = neap_gbdt_defaults();
    options.objective = NEAP_OBJECTIVE_LAMBDARANK;
    options.lambdarank_truncation_level = 1 + round % 6;
    options.lambdarank_norm = round % 3 > 0;
    options.sigmoid = round % 2 ? 1 : 2.5;
    double s[ROWS], g[ROWS], h[ROWS];
    float w[ROWS];
    neap__pair pairs[ROWS];
    for (int i = 0; i < ROWS; i++) {
      s[i] = round % 4 ? neap_rng_normal(&rng) : floor(2 * neap_rng_normal(&rng));
      w[i] = (float)(0.5 + neap_rng_uniform(&rng));
    }
    if (round == 7) memset(s, 0, sizeof s);
    neap__loss l;
    neap__queries queries = {0};
    assert_ok(neap__loss_open(&l, &options, ROWS, 1, grades, w));
    assert_fails(neap__loss_pairs(&l, s, pairs), NEAP_EARG, "needs the rows of each query");
    assert_ok(neap__queries_open(&queries, sizes, 4, ROWS, grades, NULL, 0));
    l.queries = queries;
    assert_ok(neap__loss_pairs(&l, s, pairs));
    plain_lambdas(&options, s, w, g, h);
    for (int i = 0; i < ROWS; i++) {
      assert_number((double)pairs[i].real.g, g[i], F32_TOL);
      assert_number((double)pairs[i].real.h, h[i], F32_TOL);
    }
    neap__loss_drop(&l);
    neap__queries_drop(&queries);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(derivatives_equal_differences_of_the_loss),
      cmocka_unit_test(focal_without_focus_is_log_loss),
      cmocka_unit_test(columns_equal_differences_of_the_loss),
      cmocka_unit_test(quantiles_equal_sorting),
      cmocka_unit_test(training_starts_where_the_loss_is_least),
      cmocka_unit_test(models_have_the_same_bits_at_any_number_of_threads),
      cmocka_unit_test(leaves_are_quantiles_of_their_rows),
      cmocka_unit_test(quantiles_never_cross),
      cmocka_unit_test(failing_allocations_leave_nothing_behind),
      cmocka_unit_test(custom_objectives_are_called_and_checked),
      cmocka_unit_test(lambdas_equal_the_sum_over_pairs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
