#include "check.h"

#include "base/pool.h"
#include "base/rng.h"
#include "kern/kern.h"
#include "linear/linear.h"
#include "linear/matrix.h"
#include "linear/tile.h"

enum { N = 1300, F = 7 };

typedef struct {
  double x[N * F], y[N], w[N];
} data;

/* Rows whose classes 0 .. classes-1 follow a noisy linear score. */
static const data *make_data(int classes, uint64_t seed) {
  static data d;
  neap_rng r = neap_rng_make(seed);
  for (int i = 0; i < N; i++) {
    double score = neap_rng_normal(&r);
    for (int j = 0; j < F; j++) {
      d.x[i * F + j] = (j + 1) * neap_rng_normal(&r) + j;
      score += (j % 3 - 1) * d.x[i * F + j] / (j + 1);
    }
    d.w[i] = (double)neap_rng_below(&r, 4) / 2;
    double c = floor(score / 2 + classes / 2.0);
    d.y[i] = fmin(fmax(c, 0), classes - 1);
  }
  return &d;
}

static neap_linear_options options(double alpha) {
  return (neap_linear_options){
      .alpha = alpha, .intercept = true, .max_iterations = 100, .tolerance = 1e-10};
}

/* sums ----------------------------------------------------------------------------------------- */

static void gram_equals_the_plain_sum(void **state) {
  (void)state;
  const data *d = make_data(2, 1);
  const int64_t rows[] = {0, 1, 127, 128, 129, 513, N};
  for (size_t c = 0; c < sizeof rows / sizeof *rows; c++)
    for (int64_t f = 1; f <= 9; f++)
      for (int ones = 0; ones < 2; ones++) {
        int64_t n = f > F && rows[c] == N ? 900 : rows[c], p = f + ones;
        double got[100] = {0}, want[100] = {0};
        assert_ok(neap__linear_gram(n, f, d->x, ones, d->w, got));
        for (int64_t i = 0; i < n; i++)
          for (int64_t a = 0; a < p; a++)
            for (int64_t b = 0; b <= a; b++) {
              double za = a < f ? d->x[i * f + a] : 1, zb = b < f ? d->x[i * f + b] : 1;
              want[a * p + b] += d->w[i] * za * zb;
            }
        assert_same(p * p, got, want, F64_TOL);
      }
}

/* Each tile that this processor can run, against three plain loops. */
static void tiles_agree_bit_for_bit(void **state) {
  (void)state;
  _Alignas(64) double a[40 * NEAP_TILE], b[40 * NEAP_TILE];
  neap_rng r = neap_rng_make(2);
  for (int i = 0; i < 40 * NEAP_TILE; i++) a[i] = neap_rng_normal(&r), b[i] = neap_rng_normal(&r);
  for (int64_t rows = 0; rows <= 40; rows += 13) {
    double want[NEAP_TILE * 9], got[NEAP_TILE * 9];
    for (int i = 0; i < NEAP_TILE * 9; i++) want[i] = 1;
    for (int j = 0; j < NEAP_TILE; j++)
      for (int k = 0; k < NEAP_TILE; k++) {
        double sum = 0;
        for (int64_t i = 0; i < rows; i++) sum += a[i * NEAP_TILE + j] * b[i * NEAP_TILE + k];
        want[j * 9 + k] += sum;
      }
    for (int i = 0; neap_kern_at(i); i++) {
      neap_tile_fn tile = neap__linear_tile_scalar;
#ifdef __x86_64__
      if (strcmp(neap_kern_at(i)->name, "avx2") == 0) tile = neap__linear_tile_avx2;
      if (strcmp(neap_kern_at(i)->name, "avx512") == 0) tile = neap__linear_tile_avx512;
#endif
      for (int g = 0; g < NEAP_TILE * 9; g++) got[g] = 1;
      tile(rows, a, b, got, 9);
      assert_memory_equal(got, want, sizeof want);
    }
  }
}

static void cholesky_solves(void **state) {
  (void)state;
  double a[9] = {4, 0, 0, 2, 5, 0, -2, 1, 6}, b[3] = {2, 17, 18}; /* solution 1 2 3 */
  const double want[3] = {1, 2, 3};
  b[0] = 4 + 4 - 6, b[1] = 2 + 10 + 3, b[2] = -2 + 2 + 18;
  int64_t column;
  assert_ok(neap__linear_cholesky(3, a, &column));
  assert_int_equal(column, -1);
  neap__linear_solve(3, a, b);
  assert_same(3, b, want, F64_TOL);
  double singular[4] = {1, 0, 2, 4};
  assert_ok(neap__linear_cholesky(2, singular, &column));
  assert_int_equal(column, 1);
}

/* optima --------------------------------------------------------------------------------------- */

/* The penalised loss, written down anew. */
static double plain_loss(const neap_linear *m, const data *d, double alpha) {
  double loss = 0, p[8];
  for (int i = 0; i < N; i++) {
    assert_ok(neap_linear_proba(m, 1, d->x + i * F, p));
    loss -= d->w[i] * log(p[(int)d->y[i]]);
  }
  for (int64_t j = 0; j < m->k * m->f; j++) loss += alpha / 2 * m->coef[j] * m->coef[j];
  return loss;
}

/* At the optimum every number may move either way only at a loss. */
static void check_optimum(int classes) {
  const data *d = make_data(classes, 2);
  neap_linear_options o = options(2);
  neap_linear m;
  assert_ok(neap_linear_logistic(&m, N, F, d->x, d->y, d->w, &o));
  assert_true(m.converged);
  double best = plain_loss(&m, d, 2);
  for (int64_t j = 0; j < m.k * (F + 1); j++) {
    double *b = j < m.k * F ? &m.coef[j] : &m.offset[j - m.k * F], keep = *b;
    for (int sign = -1; sign <= 1; sign += 2) {
      *b = keep + sign * 1e-4;
      assert_true(plain_loss(&m, d, 2) > best);
    }
    *b = keep;
  }
  neap_linear_drop(&m);
}

static void logistic_is_at_its_minimum(void **state) {
  (void)state;
  check_optimum(2);
  check_optimum(4);
}

static void several_classes_sum_to_zero(void **state) {
  (void)state;
  const data *d = make_data(3, 3);
  neap_linear_options o = options(1);
  neap_linear m;
  assert_ok(neap_linear_logistic(&m, N, F, d->x, d->y, NULL, &o));
  for (int j = 0; j < F; j++)
    assert_number(m.coef[j] + m.coef[F + j] + m.coef[2 * F + j], 0, F64_TOL);
  assert_number(m.offset[0] + m.offset[1] + m.offset[2], 0, F64_TOL);
  neap_linear_drop(&m);
}

static void separable_classes_converge(void **state) {
  (void)state;
  const double x[] = {-3, -2, -1, 1, 2, 3}, y[] = {0, 0, 0, 1, 1, 1}, three[] = {0, 0, 1, 1, 2, 2};
  for (double alpha = 1; alpha > 1e-7; alpha /= 10) {
    neap_linear_options o = options(alpha);
    neap_linear m;
    assert_ok(neap_linear_logistic(&m, 6, 1, x, y, NULL, &o));
    assert_true(m.converged);
    assert_number(m.offset[0], 0, 1e-6); /* by symmetry, within the stopping rule */
    neap_linear_drop(&m);
    assert_ok(neap_linear_logistic(&m, 6, 1, x, three, NULL, &o));
    assert_true(m.converged);
    neap_linear_drop(&m);
  }
}

/* Columns of sizes 1e-6 to 1e6, two to four classes, strong to no penalty. */
static void column_scales_do_not_stop_it(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(5);
  for (int round = 0; round < 60; round++) {
    int64_t n = 5 + (int64_t)neap_rng_below(&r, 100), f = 1 + (int64_t)neap_rng_below(&r, 8);
    int classes = 2 + round % 3;
    double x[105 * 8], y[105], size[8];
    for (int j = 0; j < f; j++) size[j] = pow(10, (double)neap_rng_below(&r, 13) - 6);
    for (int64_t i = 0; i < n; i++) {
      double score = round % 2 * neap_rng_normal(&r); /* even rounds separate */
      for (int j = 0; j < f; j++) {
        double v = neap_rng_normal(&r);
        x[i * f + j] = size[j] * v;
        score += v;
      }
      y[i] = fmin(fmax(floor(score + classes / 2.0), 0), classes - 1);
    }
    y[0] = 0;
    y[1] = classes - 1;
    neap_linear_options o = options((double[]){1, 1e-6, 0}[round / 3 % 3]);
    neap_linear m;
    o.tolerance = 1e-8;
    assert_ok(neap_linear_logistic(&m, n, f, x, y, NULL, &o));
    assert_true(m.converged);
    neap_linear_drop(&m);
  }
}

static void without_penalty_collinear_columns_still_end(void **state) {
  (void)state;
  const double x[] = {1, 2, 2, 4, 3, 6, 4, 8, 5, 10, 6, 12}, y[] = {0, 1, 0, 1, 0, 1};
  neap_linear_options o = options(0);
  neap_linear m;
  assert_ok(neap_linear_logistic(&m, 6, 2, x, y, NULL, &o));
  assert_true(m.converged && isfinite(m.coef[0]) && isfinite(m.coef[1]));
  neap_linear_drop(&m);
  assert_fails(neap_linear_ridge(&m, 6, 2, x, y, NULL, &o), NEAP_EVALUE, "column 2 is constant or");
}

static void standardizing_equals_scaled_input(void **state) {
  (void)state;
  const data *d = make_data(2, 5);
  static double z[N * F];
  neap_linear_options o = options(3), plain = o;
  neap_linear m, s;
  o.standardize = true;
  assert_ok(neap_linear_logistic(&m, N, F, d->x, d->y, d->w, &o));
  for (int i = 0; i < N * F; i++) z[i] = (d->x[i] - m.mean[i % F]) / m.scale[i % F];
  assert_ok(neap_linear_logistic(&s, N, F, z, d->y, d->w, &plain));
  assert_same(F, m.coef, s.coef, F64_TOL);
  static double a[2 * N], b[2 * N];
  assert_ok(neap_linear_proba(&m, N, d->x, a));
  assert_ok(neap_linear_proba(&s, N, z, b));
  assert_same(2 * N, a, b, F64_TOL);
  neap_linear_drop(&m);
  neap_linear_drop(&s);
}

static void ridge_solves_its_normal_equations(void **state) {
  (void)state;
  const data *d = make_data(5, 6);
  for (int standardize = 0; standardize < 2; standardize++) {
    neap_linear_options o = options(4);
    neap_linear m;
    static double r[N];
    o.standardize = standardize;
    assert_ok(neap_linear_ridge(&m, N, F, d->x, d->y, d->w, &o));
    assert_ok(neap_linear_scores(&m, N, d->x, r));
    double sum = 0, slope[F] = {0};
    for (int i = 0; i < N; i++) {
      r[i] = d->w[i] * (d->y[i] - r[i]);
      sum += r[i];
      for (int j = 0; j < F; j++) {
        double x = d->x[i * F + j];
        slope[j] += r[i] * (standardize ? (x - m.mean[j]) / m.scale[j] : x);
      }
    }
    assert_number(sum, 0, 1e-9); /* a sum of 1300 residuals near 1 */
    for (int j = 0; j < F; j++) assert_number(slope[j], 4 * m.coef[j], 1e-9);
    neap_linear_drop(&m);
  }
}

/* bits, errors, memory ------------------------------------------------------------------------- */

static void bits_do_not_depend_on_threads(void **state) {
  (void)state;
  const data *d = make_data(3, 7);
  neap_linear_options o = options(1);
  double first[3 * F], p[3 * N], one[3];
  for (int threads = 1; threads <= 4; threads++) {
    neap_linear m;
    assert_ok(neap_set_threads(threads));
    assert_ok(neap_linear_logistic(&m, N, F, d->x, d->y, d->w, &o));
    if (threads == 1) memcpy(first, m.coef, sizeof first);
    assert_memory_equal(first, m.coef, sizeof first);
    assert_ok(neap_linear_proba(&m, N, d->x, p));
    assert_ok(neap_linear_proba(&m, 1, d->x + 17 * F, one));
    assert_memory_equal(one, p + 17 * 3, sizeof one);
    neap_linear_drop(&m);
  }
}

static void bad_input_is_named(void **state) {
  (void)state;
  const double x[] = {1, 2, 3, NAN, 5, 6}, ok[] = {1, 2, 3, 4, 5, 7}, y[] = {0, 1, 0};
  const double same[] = {1, 1, 1}, half[] = {0, 0.5, 1}, none[] = {0, 0, 0},
               one_class[] = {1, 0, 1};
  const double bad[] = {1, INFINITY, 1};
  neap_linear_options o = options(1);
  neap_linear m;
  assert_fails(neap_linear_logistic(&m, 3, 2, x, y, NULL, &o), NEAP_EVALUE, "x[2, 2] is NaN");
  assert_fails(neap_linear_logistic(&m, 3, 2, ok, same, NULL, &o), NEAP_EVALUE,
               "one class only (1)");
  assert_fails(neap_linear_logistic(&m, 3, 2, ok, half, NULL, &o), NEAP_EVALUE, "y[2] is 0.5");
  assert_fails(neap_linear_logistic(&m, 3, 2, ok, y, none, &o), NEAP_EVALUE, "all weights are 0");
  assert_fails(neap_linear_logistic(&m, 3, 2, ok, y, bad, &o), NEAP_EVALUE, "weights[2] is inf");
  assert_fails(neap_linear_logistic(&m, 3, 2, ok, y, one_class, &o), NEAP_EVALUE, "1 of 2 have");
  assert_fails(neap_linear_logistic(&m, 0, 2, ok, y, NULL, &o), NEAP_ESHAPE, "x is 0 x 2");
  assert_fails(neap_linear_ridge(&m, 3, 2, ok, bad, NULL, &o), NEAP_EVALUE, "y[2] is infinite");
  assert_ok(neap_linear_ridge(&m, 3, 2, ok, y, NULL, &o));
  double out[6];
  assert_fails(neap_linear_scores(&m, 3, x, out), NEAP_EVALUE, "x[2, 2] is NaN");
  assert_fails(neap_linear_proba(&m, 3, ok, out), NEAP_EARG, "no probabilities");
  neap_linear_drop(&m);
}

static void use_everything(const data *d) {
  neap_linear_options o = options(1);
  neap_linear m;
  int64_t label[40];
  o.standardize = true;
  if (!neap_linear_logistic(&m, 40, F, d->x, d->y, NULL, &o)) {
    (void)neap_linear_predict(&m, 40, d->x, label);
    neap_linear_drop(&m);
  }
  if (!neap_linear_ridge(&m, 40, F, d->x, d->y, NULL, &o)) neap_linear_drop(&m);
}

static void failed_allocations_leak_nothing(void **state) {
  (void)state;
  const data *d = make_data(3, 9);
  with_every_allocation_failing(use_everything(d));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gram_equals_the_plain_sum),
      cmocka_unit_test(tiles_agree_bit_for_bit),
      cmocka_unit_test(cholesky_solves),
      cmocka_unit_test(logistic_is_at_its_minimum),
      cmocka_unit_test(several_classes_sum_to_zero),
      cmocka_unit_test(separable_classes_converge),
      cmocka_unit_test(column_scales_do_not_stop_it),
      cmocka_unit_test(without_penalty_collinear_columns_still_end),
      cmocka_unit_test(standardizing_equals_scaled_input),
      cmocka_unit_test(ridge_solves_its_normal_equations),
      cmocka_unit_test(bits_do_not_depend_on_threads),
      cmocka_unit_test(bad_input_is_named),
      cmocka_unit_test(failed_allocations_leak_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
