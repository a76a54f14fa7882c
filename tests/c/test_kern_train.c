/* Losses and steps of optimizers of every table against plain loops in f64. */
#include "check.h"

#include <stdlib.h>

#include "base/rng.h"
#include "kern/kern.h"

enum { N = 203, ROWS = 37, CLASSES = 70 };

static const double tolerance[] = {[NEAP_F64] = F64_TOL, [NEAP_F32] = F32_TOL};

static double get(neap_dtype d, const void *x, int64_t i) {
  return d == NEAP_F64 ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

static void set(neap_dtype d, void *x, int64_t i, double v) {
  if (d == NEAP_F64) ((double *)x)[i] = v;
  else ((float *)x)[i] = (float)v;
}

static size_t width(neap_dtype d) { return d == NEAP_F64 ? sizeof(double) : sizeof(float); }

static void fill(neap_dtype d, void *x, int64_t n, neap_rng *r, double scale) {
  for (int64_t i = 0; i < n; i++) set(d, x, i, scale * neap_rng_normal(r));
}

/* element by element --------------------------------------------------------------------------- */

typedef struct {
  double l, d;
} pair;

static pair plain_each(neap_loss kind, double x, double y, double a) {
  double e = x - y, p = 1 / (1 + exp(-x)), q = 1 / (1 + exp(x));
  switch (kind) {
  case NEAP_LOSS_MSE: return (pair){e * e, 2 * e};
  case NEAP_LOSS_L1: return (pair){fabs(e), e > 0 ? 1 : e < 0 ? -1 : e};
  case NEAP_LOSS_HUBER:
    if (fabs(e) > a) return (pair){a * (fabs(e) - a / 2), copysign(a, e)};
    return (pair){e * e / 2, e};
  case NEAP_LOSS_QUANTILE:
    if (e == 0) return (pair){0, 0};
    return (pair){fmax((a - 1) * -e, a * -e), e < 0 ? -a : e > 0 ? 1 - a : e};
  case NEAP_LOSS_BCE: return (pair){-(1 - y) * log(q) - a * y * log(p), (1 - y) * p - a * y * q};
  case NEAP_LOSS_KL: return (pair){y == 0 ? 0 : y * (log(y) - x), -y};
  default: return (pair){exp(y) * (y - x), -exp(y)};
  }
}

/* What y and a may hold for a loss. */
static void fill_for(neap_loss kind, neap_dtype d, void *y, void *a, neap_rng *r) {
  fill(d, y, N, r, 2);
  for (int64_t i = 0; i < N; i++) {
    double v = neap_rng_uniform(r);
    if (kind == NEAP_LOSS_BCE || kind == NEAP_LOSS_KL)
      set(d, y, i, i % 5 == 0 ? (double)(i % 2) : v);
    if (kind == NEAP_LOSS_KL_LOG) set(d, y, i, log(v));
    set(d, a, i, kind == NEAP_LOSS_BCE ? 0.5 + 3 * v : 0.1 + 0.8 * v);
  }
}

static void losses_are_as_plain_loops(void **state) {
  (void)state;
  static double x[N], y[N], a[N], l[N], slope[N];
  const neap_kern *k;
  neap_rng r = neap_rng_make(3);
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (neap_dtype d = NEAP_F64; d <= NEAP_F32; d++)
      for (neap_loss kind = 0; kind < NEAP_LOSSES; kind++) {
        fill(d, x, N, &r, 3);
        fill_for(kind, d, y, a, &r);
        k->loss->each[kind][d](N, l, slope, 0.25, x, y, a);
        for (int64_t i = 0; i < N; i++) {
          pair want = plain_each(kind, get(d, x, i), get(d, y, i), get(d, a, i));
          assert_number(get(d, l, i), want.l, tolerance[d]);
          assert_number(get(d, slope, i), 0.25 * want.d, tolerance[d]);
        }
      }
}

/* Every length from every offset: a value depends on its element alone, nothing is written behind,
 * and the loss is the same without a gradient. */
static void losses_ignore_position(void **state) {
  (void)state;
  static double x[N], y[N], a[N], l[N], slope[N], one, step, guard = 77;
  const neap_kern *k;
  neap_rng r = neap_rng_make(4);
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (neap_dtype d = NEAP_F64; d <= NEAP_F32; d++)
      for (neap_loss kind = 0; kind < NEAP_LOSSES; kind++) {
        neap_loss_fn fn = k->loss->each[kind][d];
        size_t w = width(d);
        fill(d, x, N, &r, 3);
        fill_for(kind, d, y, a, &r);
        for (int64_t n = 0; n < 70; n++) {
          int64_t from = n % 9;
          const char *xs = (const char *)x + (size_t)from * w;
          const char *ys = (const char *)y + (size_t)from * w;
          const char *as = (const char *)a + (size_t)from * w;
          for (int64_t i = 0; i <= n; i++) set(d, l, i, guard), set(d, slope, i, guard);
          fn(n, l, slope, 0.5, xs, ys, as);
          assert_true(get(d, l, n) == guard && get(d, slope, n) == guard);
          for (int64_t i = 0; i < n; i++) {
            size_t at = (size_t)i * w;
            fn(1, &one, &step, 0.5, xs + at, ys + at, as + at);
            assert_memory_equal((char *)l + at, &one, w);
            assert_memory_equal((char *)slope + at, &step, w);
            fn(1, &one, NULL, 0.5, xs + at, ys + at, as + at);
            assert_memory_equal((char *)l + at, &one, w);
          }
        }
      }
}

static void edges_of_losses(void **state) {
  (void)state;
  const neap_kern *k;
  for (int t = 0; (k = neap_kern_at(t)); t++) {
    double x[] = {800, -800, 800, -800, NAN}, y[] = {0, 0, 1, 1, 0}, a[] = {1, 1, 2, 2, 1};
    double l[5], d[5];
    k->loss->each[NEAP_LOSS_BCE][NEAP_F64](5, l, d, 1, x, y, a);
    assert_same(5, l, ((double[]){800, 0, 0, 1600, NAN}), F64_TOL);
    assert_same(5, d, ((double[]){1, 0, 0, -2, NAN}), F64_TOL);
    double q[] = {-1, -INFINITY, NAN}, p[] = {0, 0, 0};
    k->loss->each[NEAP_LOSS_KL][NEAP_F64](3, l, d, 1, q, p, NULL);
    assert_same(3, l, ((double[]){0, 0, NAN}), 0);
    double e[] = {1, 1, NAN, 1}, f[] = {1, NAN, 1, 2};
    k->loss->each[NEAP_LOSS_L1][NEAP_F64](4, l, d, 1, e, f, NULL);
    assert_same(4, l, ((double[]){0, NAN, NAN, 1}), 0);
    assert_same(4, d, ((double[]){0, NAN, NAN, -1}), 0);
  }
}

/* classes -------------------------------------------------------------------------------------- */

static double plain_cross(int64_t k, const double *x, int64_t y, const neap_cross_terms *t,
                          const double *cost, double factor, double *d) {
  double top = -INFINITY, sum = 0, others = 0, loss = 0, share = 0;
  for (int64_t j = 0; j < k; j++) top = fmax(top, x[j]);
  for (int64_t j = 0; j < k; j++) sum += exp(x[j] - top), others += j == y ? 0 : exp(x[j] - top);
  double u = others / sum, own = log(sum) + top - x[y];
  for (int64_t j = 0; j < k; j++) {
    double q = t->smooth / (double)k * cost[j] + (j == y) * (1 - t->smooth) * cost[y];
    loss += q * (log(sum) + top - x[j]);
    share += q;
  }
  for (int64_t j = 0; j < k; j++) {
    double q = t->smooth / (double)k * cost[j] + (j == y) * (1 - t->smooth) * cost[y];
    d[j] = factor * t->scale * (share * exp(x[j] - top) / sum - q);
  }
  if (!t->focal) return factor * loss;
  double slope = cost[y] * (pow(u, t->gamma) + t->gamma * pow(u, t->gamma - 1) * (1 - u) * own);
  for (int64_t j = 0; j < k; j++)
    d[j] = factor * t->scale * slope * (exp(x[j] - top) / sum - (j == y));
  return factor * cost[y] * pow(u, t->gamma) * own;
}

static double x[ROWS * CLASSES], cost[CLASSES], row[ROWS], slope[ROWS * CLASSES], loss[ROWS];
static int64_t y[ROWS];

static void check_cross(const neap_kern *k, neap_dtype d, int64_t classes, neap_cross_terms t) {
  double plain_x[CLASSES], plain_cost[CLASSES], want[CLASSES];
  k->loss->cross[d](ROWS, classes, loss, slope, x, y, &t);
  for (int64_t j = 0; j < classes; j++) plain_cost[j] = t.cost ? get(d, cost, j) : 1;
  for (int64_t i = 0; i < ROWS; i++) {
    for (int64_t j = 0; j < classes; j++) plain_x[j] = get(d, x, i * classes + j);
    double l = 0, factor = t.row ? get(d, row, i) : 1;
    memset(want, 0, sizeof want);
    if (y[i] >= 0) l = plain_cross(classes, plain_x, y[i], &t, plain_cost, factor, want);
    assert_number(get(d, loss, i), l, tolerance[d]);
    for (int64_t j = 0; j < classes; j++)
      assert_number(get(d, slope, i * classes + j), want[j], tolerance[d]);
    double alone, step[CLASSES];
    if (t.row) t.row = (const char *)row + (size_t)i * width(d);
    const char *xi = (const char *)x + (size_t)(i * classes) * width(d);
    k->loss->cross[d](1, classes, &alone, step, xi, y + i, &t);
    if (t.row) t.row = row;
    assert_memory_equal(&alone, (char *)loss + (size_t)i * width(d), width(d));
    assert_memory_equal(step, (char *)slope + (size_t)(i * classes) * width(d),
                        (size_t)classes * width(d));
    k->loss->cross[d](1, classes, &alone, NULL, xi, y + i, &(neap_cross_terms){0});
  }
}

static void classes_are_as_plain_loops(void **state) {
  (void)state;
  const neap_kern *k;
  neap_rng r = neap_rng_make(5);
  const int64_t sizes[] = {1, 2, 3, 16, 32, 33, 64, CLASSES};
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (neap_dtype d = NEAP_F64; d <= NEAP_F32; d++)
      for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        fill(d, x, ROWS * sizes[s], &r, 3);
        for (int64_t j = 0; j < sizes[s]; j++)
          set(d, cost, j, j == 1 ? 0 : 2 * neap_rng_uniform(&r));
        for (int64_t i = 0; i < ROWS; i++) {
          set(d, row, i, 2 * neap_rng_uniform(&r));
          y[i] = i % 7 == 6 ? -1 : (int64_t)neap_rng_below(&r, (uint64_t)sizes[s]);
        }
        check_cross(k, d, sizes[s], (neap_cross_terms){.scale = 1});
        check_cross(k, d, sizes[s], (neap_cross_terms){.scale = 0.5, .cost = cost, .row = row});
        check_cross(k, d, sizes[s], (neap_cross_terms){.scale = 1, .cost = cost, .smooth = 0.1});
        check_cross(k, d, sizes[s], (neap_cross_terms){.scale = 1, .row = row, .smooth = 0.3});
        if (sizes[s] > 1) /* of one class u is 0, which pow(u, gamma - 1) cannot take */
          check_cross(k, d, sizes[s],
                      (neap_cross_terms){.scale = 2, .cost = cost, .focal = true, .gamma = 2.5});
      }
}

/* Where p is 1 up to rounding, loss and gradient keep their digits; what is ignored hides nothing
 * else; masked classes have no part. */
static void edges_of_classes(void **state) {
  (void)state;
  const neap_kern *k;
  for (int t = 0; (k = neap_kern_at(t)); t++) {
    double logits[] = {0, -50, 3, 3, NAN, 1, -INFINITY, 2}, l[4], d[8];
    k->loss->cross[NEAP_F64](4, 2, l, d, logits, (int64_t[]){0, -1, 1, 1},
                             &(neap_cross_terms){.scale = 1});
    assert_true(fabs(l[0] / exp(-50) - 1) < F64_TOL && fabs(d[0] / exp(-50) + 1) < F64_TOL);
    assert_same(3, l + 1, ((double[]){0, NAN, 0}), 0);
    assert_same(6, d + 2, ((double[]){0, 0, NAN, NAN, 0, 0}), 0);
    double sure[] = {0, -INFINITY};
    neap_cross_terms focal = {.scale = 1, .focal = true, .gamma = 0.5};
    k->loss->cross[NEAP_F64](1, 2, l, d, sure, (int64_t[]){0}, &focal);
    assert_same(1, l, ((double[]){0}), 0);
    assert_same(2, d, ((double[]){0, 0}), 0);
  }
}

/* updates -------------------------------------------------------------------------------------- */

static double plain_update(neap_update kind, double p, double g, double s[3],
                           const neap_update_terms *t) {
  double d = t->sign * g + t->decay * p, base = t->shrink * p, v = 0;
  bool momentum = kind == NEAP_UPDATE_RMSPROP_MOMENTUM || kind == NEAP_UPDATE_RMSPROP_BOTH;
  switch (kind) {
  case NEAP_UPDATE_SGD: return base - t->rate * d;
  case NEAP_UPDATE_SGD_MOMENTUM:
  case NEAP_UPDATE_SGD_NESTEROV:
    s[0] = t->keep * s[0] + t->fresh * d;
    return base - t->rate * (kind == NEAP_UPDATE_SGD_NESTEROV ? d + t->keep * s[0] : s[0]);
  case NEAP_UPDATE_ADAM:
  case NEAP_UPDATE_AMSGRAD:
    s[0] = t->a * s[0] + (1 - t->a) * d;
    s[1] = v = t->b * s[1] + (1 - t->b) * d * d;
    if (kind == NEAP_UPDATE_AMSGRAD) s[2] = v = fmax(v, s[2]);
    return base - t->rate * s[0] / (t->scale * sqrt(v) + t->eps);
  case NEAP_UPDATE_LION:
    v = t->a * s[0] + (1 - t->a) * d;
    s[0] = t->b * s[0] + (1 - t->b) * d;
    return base - t->rate * ((v > 0) - (v < 0));
  case NEAP_UPDATE_AVERAGE: s[0] = t->a * s[0] + (1 - t->a) * p; return p;
  default: break;
  }
  s[0] = v = t->a * s[0] + (1 - t->a) * d * d;
  if (kind == NEAP_UPDATE_RMSPROP_CENTERED || kind == NEAP_UPDATE_RMSPROP_BOTH) {
    s[2] = t->a * s[2] + (1 - t->a) * d;
    v = fmax(v - s[2] * s[2], 0);
  }
  d /= sqrt(v) + t->eps;
  if (momentum) s[1] = d = t->keep * s[1] + d;
  return base - t->rate * d;
}

static const neap_update_terms terms = {.sign = -1,
                                        .decay = 0.1,
                                        .shrink = 0.99,
                                        .rate = 0.05,
                                        .a = 0.9,
                                        .b = 0.99,
                                        .scale = 1.5,
                                        .eps = 1e-3,
                                        .keep = 0.8,
                                        .fresh = 0.7};

/* Three steps; and the bits of every table are those of the scalar one. */
static void updates_are_as_plain_loops(void **state) {
  (void)state;
  static double p[N], g[N], s[3][N], want[N][4], first[4][N];
  for (neap_dtype d = NEAP_F64; d <= NEAP_F32; d++)
    for (neap_update kind = 0; kind < NEAP_UPDATES; kind++)
      for (int t = 0; neap_kern_at(t); t++) {
        neap_rng r = neap_rng_make(6);
        fill(d, p, N, &r, 1);
        memset(s, 0, sizeof s);
        memset(want, 0, sizeof want);
        for (int64_t i = 0; i < N; i++) want[i][3] = get(d, p, i);
        for (int step = 0; step < 3; step++) {
          fill(d, g, N, &r, 1);
          neap_update_rows rows = {p, g, {s[0], s[1], s[2]}};
          (*neap_kern_at(t)->update)[kind][d](N, &rows, &terms);
          for (int64_t i = 0; i < N; i++)
            want[i][3] = plain_update(kind, want[i][3], get(d, g, i), want[i], &terms);
        }
        const void *got[] = {s[0], s[1], s[2], p};
        for (int64_t i = 0; i < N; i++)
          for (int q = 0; q < 4; q++) assert_number(get(d, got[q], i), want[i][q], tolerance[d]);
        for (int q = 0; q < 4; q++) {
          if (t == 0) memcpy(first[q], got[q], N * width(d));
          assert_memory_equal(first[q], got[q], N * width(d));
        }
      }
}

/* A NaN gradient is not lost in a sign, a largest or a clamp. */
static void updates_spread_nan(void **state) {
  (void)state;
  const neap_kern *k;
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (neap_update kind = 0; kind < NEAP_UPDATE_AVERAGE; kind++) {
      double p = 1, g = NAN, s[3] = {0};
      (*k->update)[kind][NEAP_F64](1, &(neap_update_rows){&p, &g, {&s[0], &s[1], &s[2]}}, &terms);
      assert_true(isnan(p));
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(losses_are_as_plain_loops), cmocka_unit_test(losses_ignore_position),
      cmocka_unit_test(edges_of_losses),           cmocka_unit_test(classes_are_as_plain_loops),
      cmocka_unit_test(edges_of_classes),          cmocka_unit_test(updates_are_as_plain_loops),
      cmocka_unit_test(updates_spread_nan),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
