/* Kernels of convolutions and windows: every table against plain loops. */
#include "check.h"

#include "base/rng.h"
#include "kern/kern.h"

enum { ROOM = 24 * 1024, GUARD = 77 };

typedef struct {
  double f64[ROOM];
  float f32[ROOM];
} numbers;

static numbers x, w, g, got, want;

static void *as(neap_dtype d, numbers *n) {
  return d == NEAP_F64 ? (void *)n->f64 : (void *)n->f32;
}

static size_t bytes_of(neap_dtype d) { return ROOM * (size_t)(d == NEAP_F32 ? 4 : 8); }

/* Small integers: sums of products of them are exact, in any order. */
static void fill_exact(numbers *n, uint64_t seed) {
  neap_rng r = neap_rng_make(seed);
  for (int i = 0; i < ROOM; i++) n->f32[i] = (float)(n->f64[i] = (double)neap_rng_below(&r, 9) - 4);
}

static void fill_guard(numbers *n) {
  for (int i = 0; i < ROOM; i++) n->f32[i] = (float)(n->f64[i] = GUARD);
}

/* w holds (1 + K) x n, row after row; panels of it go to z. */
static void pack(neap_dtype d, int panel, int64_t rows, int64_t n, numbers *z) {
  for (int64_t j = 0; j < (n + panel - 1) / panel * panel; j++)
    for (int64_t l = 0; l < rows; l++) {
      int64_t at = j / panel * panel * rows + l * panel + j % panel;
      if (d == NEAP_F64) z->f64[at] = j < n ? w.f64[l * n + j] : 0;
      else z->f32[at] = j < n ? w.f32[l * n + j] : 0;
    }
}

static double bent(double v, const double *slope) {
  if (!slope || v >= 0) return v;
  return *slope > 0 ? *slope * v : 0;
}

static void check_taps(const neap_kern *table, int64_t m, int64_t n, const neap_taps *t,
                       const double *slope) {
  static numbers packed;
  int64_t rows = 1 + t->count[0] * t->count[1] * t->k, xs = t->k - 1, ys = n + 3;
  fill_guard(&want);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      double sum = w.f64[j];
      int64_t row = 1;
      for (int64_t a = 0; a < t->count[0]; a++)
        for (int64_t b = 0; b < t->count[1]; b++)
          for (int64_t l = 0; l < t->k; l++)
            sum += x.f64[i * xs + a * t->step[0] + b * t->step[1] + l] * w.f64[row++ * n + j];
      want.f32[i * ys + j] = (float)(want.f64[i * ys + j] = bent(sum, slope));
    }
  for (neap_dtype d = NEAP_F64; d <= NEAP_F32; d++) {
    pack(d, table->gemm[d].panel, rows, n, &packed);
    fill_guard(&got);
    table->conv[d].taps(m, n, t, as(d, &got), ys, as(d, &x), xs, as(d, &packed), slope);
    if (memcmp(as(d, &got), as(d, &want), bytes_of(d)) != 0)
      fail_msg("%s, dtype %d: %d x %d, taps %d x %d of %d", table->name, (int)d, (int)m, (int)n,
               (int)t->count[0], (int)t->count[1], (int)t->k);
  }
}

static void sums_over_taps_are_those_of_plain_loops(void **state) {
  (void)state;
  static const neap_taps taps[] = {{.k = 1, .count = {1, 1}},
                                   {.k = 5, .count = {1, 1}},
                                   {.k = 3, .count = {4, 1}, .step = {17, 0}},
                                   {.k = 2, .count = {1, 3}, .step = {0, 5}},
                                   {.k = 4, .count = {2, 3}, .step = {40, 9}},
                                   {.k = 2, .count = {0, 3}, .step = {40, 9}}};
  static const int64_t columns[] = {1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 65};
  static const double slopes[] = {0, 0.25, 1};
  const neap_kern *table;
  fill_exact(&x, 1);
  fill_exact(&w, 2);
  for (int i = 0; (table = neap_kern_at(i)); i++)
    for (size_t t = 0; t < sizeof taps / sizeof *taps; t++)
      for (size_t n = 0; n < sizeof columns / sizeof *columns; n++)
        for (int64_t m = 1; m <= 43; m += m < 16 ? 1 : 9) {
          check_taps(table, m, columns[n], &taps[t], NULL);
          check_taps(table, m, columns[n], &taps[t], &slopes[m % 3]);
        }
}

/* w holds (1 + taps) x n; row i of x begins at i * 80. */
static void check_lanes(const neap_kern *table, int64_t m, int64_t n, const neap_taps *t,
                        const double *slope) {
  static numbers back, want_back;
  fill_guard(&want);
  fill_guard(&want_back);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      double sum = w.f64[j];
      for (int64_t k = 0; k < t->count[0] * t->count[1]; k++) {
        double v = x.f64[i * 80 + k / t->count[1] * t->step[0] + k % t->count[1] * t->step[1] + j];
        sum += v * w.f64[(1 + k) * n + j];
        want_back.f64[k * n + j] += v * g.f64[i * (n + 1) + j];
      }
      want.f64[i * (n + 1) + j] = bent(sum, slope);
    }
  for (int j = 0; j < ROOM; j++) {
    want.f32[j] = (float)want.f64[j];
    want_back.f32[j] = (float)want_back.f64[j];
  }
  for (neap_dtype d = NEAP_F64; d <= NEAP_F32; d++) {
    fill_guard(&got);
    fill_guard(&back);
    table->conv[d].lanes(m, n, t, as(d, &got), n + 1, as(d, &x), 80, as(d, &w), slope);
    assert_memory_equal(as(d, &got), as(d, &want), bytes_of(d));
    table->conv[d].lanes_back(m, n, t, as(d, &back), as(d, &x), 80, as(d, &g), n + 1);
    assert_memory_equal(as(d, &back), as(d, &want_back), bytes_of(d));
  }
}

static void channels_alone_are_those_of_plain_loops(void **state) {
  (void)state;
  static const neap_taps taps[] = {{.count = {1, 1}},
                                   {.count = {1, 3}, .step = {0, 70}},
                                   {.count = {2, 2}, .step = {900, 140}},
                                   {.count = {0, 2}, .step = {900, 140}}};
  static const double slope = 0.25;
  const neap_kern *table;
  fill_exact(&x, 8);
  fill_exact(&w, 9);
  fill_exact(&g, 10);
  for (int i = 0; (table = neap_kern_at(i)); i++)
    for (size_t t = 0; t < sizeof taps / sizeof *taps; t++)
      for (int64_t n = 1; n <= 130; n += 43)
        check_lanes(table, 1 + n % 7, n, &taps[t], n % 2 ? &slope : NULL);
}

static void bending_keeps_nan_and_infinity(void **state) {
  (void)state;
  static const double values[] = {NAN, INFINITY, -INFINITY, -2, 3};
  static const double slopes[] = {0, 0.5};
  const neap_taps t = {.k = 1, .count = {1, 1}};
  const neap_kern *table;
  for (int i = 0; (table = neap_kern_at(i)); i++)
    for (int s = 0; s < 2; s++) {
      double panel[2 * 16] = {0}, y[5];
      panel[table->gemm[NEAP_F64].panel] = 1;
      table->conv[NEAP_F64].taps(5, 1, &t, y, 1, values, 1, panel, &slopes[s]);
      const double expect[] = {NAN, INFINITY, s ? -INFINITY : 0, s ? -1 : 0, 3};
      assert_same(5, y, expect, 0);
    }
}

static double slope_of(neap_bend bend, double slope, double y) {
  switch (bend) {
  case NEAP_BEND_RELU: return y <= 0 ? 0 : 1;
  case NEAP_BEND_LEAKY: return y <= 0 ? slope : 1;
  case NEAP_BEND_TANH: return 1 - y * y;
  case NEAP_BEND_SIGMOID: return y * (1 - y);
  default: return 1;
  }
}

static void gradients_pass_activations(void **state) {
  (void)state;
  const neap_kern *table;
  fill_exact(&x, 3);
  fill_exact(&g, 4);
  for (int i = 0; (table = neap_kern_at(i)); i++)
    for (neap_bend bend = NEAP_BEND_NONE; bend <= NEAP_BEND_SIGMOID; bend++)
      for (neap_dtype d = NEAP_F64; d <= NEAP_F32; d++) {
        fill_guard(&got);
        fill_guard(&want);
        for (int j = 0; j < 203; j++)
          want.f32[j] = (float)(want.f64[j] = g.f64[j] * slope_of(bend, 0.25, x.f64[j]));
        table->conv[d].unbend(bend, 0.25, 203, as(d, &got), as(d, &g), as(d, &x));
        for (int j = 0; j < 204; j++)
          assert_true(d == NEAP_F64 ? got.f64[j] == want.f64[j] : got.f32[j] == want.f32[j]);
      }
}

static void rows_add_up(void **state) {
  (void)state;
  const neap_kern *table;
  fill_exact(&x, 5);
  for (int i = 0; (table = neap_kern_at(i)); i++)
    for (int64_t n = 1; n <= 67; n += 3) {
      fill_guard(&want);
      for (int64_t r = 0; r < 300; r++)
        for (int64_t j = 0; j < n; j++) want.f64[j] += x.f64[r * (n + 2) + j];
      for (int j = 0; j < ROOM; j++) want.f32[j] = (float)want.f64[j];
      for (neap_dtype d = NEAP_F64; d <= NEAP_F32; d++) {
        fill_guard(&got);
        table->conv[d].add_rows(300, n, as(d, &got), as(d, &x), n + 2);
        assert_memory_equal(as(d, &got), as(d, &want), bytes_of(d));
      }
    }
}

/* windows -------------------------------------------------------------------------------------- */

static const neap_taps windows[] = {
    {.count = {1, 1}}, {.count = {1, 3}, .step = {0, 70}}, {.count = {2, 2}, .step = {900, 140}}};

/* The position in x of tap number k of output i, j. */
static int64_t place(const neap_taps *t, int64_t i, int64_t j, int64_t k) {
  return i * 80 + k / t->count[1] * t->step[0] + k % t->count[1] * t->step[1] + j;
}

/* The largest, where it is, and the sum of a window. */
static double largest(const neap_taps *t, int64_t i, int64_t j, int64_t *at, double *sum) {
  double best = 0;
  *sum = 0;
  for (int64_t k = 0; k < t->count[0] * t->count[1]; k++) {
    int64_t p = place(t, i, j, k);
    *sum += x.f64[p];
    if (k && x.f64[p] <= best) continue;
    best = x.f64[p];
    *at = p;
  }
  return best;
}

static void check_windows(const neap_kern *table, const neap_taps *t, int64_t m, int64_t n) {
  static numbers top, back_max, back_sum, gradient, sums;
  fill_guard(&top);
  fill_guard(&sums);
  fill_guard(&back_max);
  fill_guard(&back_sum);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      int64_t at = 0, to = i * (n + 1) + j;
      top.f64[to] = largest(t, i, j, &at, &sums.f64[to]);
      sums.f64[to] *= 0.5;
      back_max.f64[at] += g.f64[to];
      for (int64_t k = 0; k < t->count[0] * t->count[1]; k++)
        back_sum.f64[place(t, i, j, k)] += 0.5 * g.f64[to];
    }
  numbers *all[] = {&top, &sums, &back_max, &back_sum};
  for (int a = 0; a < 4; a++)
    for (int j = 0; j < ROOM; j++) all[a]->f32[j] = (float)all[a]->f64[j];
  for (neap_dtype d = NEAP_F64; d <= NEAP_F32; d++) {
    const neap_conv *c = &table->conv[d];
    fill_guard(&got);
    c->max(m, n, t, as(d, &got), n + 1, as(d, &x), 80);
    assert_memory_equal(as(d, &got), as(d, &top), bytes_of(d));
    fill_guard(&gradient);
    c->max_back(m, n, t, as(d, &gradient), as(d, &x), 80, as(d, &got), as(d, &g), n + 1);
    assert_memory_equal(as(d, &gradient), as(d, &back_max), bytes_of(d));
    fill_guard(&got);
    c->sum(m, n, t, 0.5, as(d, &got), n + 1, as(d, &x), 80);
    assert_memory_equal(as(d, &got), as(d, &sums), bytes_of(d));
    fill_guard(&gradient);
    c->sum_back(m, n, t, 0.5, as(d, &gradient), 80, as(d, &g), n + 1);
    assert_memory_equal(as(d, &gradient), as(d, &back_sum), bytes_of(d));
  }
}

static void windows_are_those_of_plain_loops(void **state) {
  (void)state;
  const neap_kern *table;
  fill_exact(&x, 6);
  fill_exact(&g, 7);
  for (int i = 0; (table = neap_kern_at(i)); i++)
    for (size_t t = 0; t < sizeof windows / sizeof *windows; t++)
      for (int64_t n = 1; n <= 70; n += 3) check_windows(table, &windows[t], 1 + n % 5, n);
}

static void the_largest_of_a_window_with_nan_is_nan(void **state) {
  (void)state;
  const double v[] = {1, NAN, 3, 2, NAN, NAN}, grad[] = {10, 20};
  const neap_taps t = {.count = {1, 3}, .step = {0, 1}};
  const neap_kern *table;
  for (int i = 0; (table = neap_kern_at(i)); i++) {
    double y[2], dx[6] = {0};
    table->conv[NEAP_F64].max(2, 1, &t, y, 1, v, 3);
    assert_same(2, y, ((const double[]){NAN, NAN}), 0);
    table->conv[NEAP_F64].max_back(2, 1, &t, dx, v, 3, y, grad, 1);
    assert_same(6, dx, ((const double[]){0, 10, 0, 0, 20, 0}), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sums_over_taps_are_those_of_plain_loops),
      cmocka_unit_test(channels_alone_are_those_of_plain_loops),
      cmocka_unit_test(bending_keeps_nan_and_infinity),
      cmocka_unit_test(gradients_pass_activations),
      cmocka_unit_test(rows_add_up),
      cmocka_unit_test(windows_are_those_of_plain_loops),
      cmocka_unit_test(the_largest_of_a_window_with_nan_is_nan),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
