/* The loops of gradients: every table against plain loops in f64, on ragged sizes and in pieces. */
#include "check.h"

#include <string.h>

#include "base/rng.h"
#include "kern/kern.h"

enum { ROWS = 6, M = 53, N = 300 };

static const double tolerance[] = {[NEAP_F64] = F64_TOL, [NEAP_F32] = F32_TOL};

static double get(neap_dtype d, const void *x, int64_t i) {
  return d == NEAP_F64 ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

static void set(neap_dtype d, void *x, int64_t i, double v) {
  if (d == NEAP_F64) ((double *)x)[i] = v;
  else ((float *)x)[i] = (float)v;
}

/* Numbers around 1, every fifth a NaN where holes. */
static void fill(neap_dtype d, void *x, int64_t n, neap_rng *r, bool holes) {
  for (int64_t i = 0; i < n; i++) {
    double v = 0.5 + neap_rng_uniform(r);
    set(d, x, i, holes && i % 5 == 0 ? NAN : v);
  }
}

/* check(table, dtype) for all of them. */
static void everywhere(void (*check)(const neap_kern *k, neap_dtype d)) {
  for (int t = 0; neap_kern_at(t); t++)
    for (neap_dtype d = NEAP_F64; d <= NEAP_F32; d++) check(neap_kern_at(t), d);
}

/* element by element --------------------------------------------------------------------------- */

static double plain_slope(neap_slope op, double g, double v) {
  switch (op) {
  case NEAP_SLOPE_TIMES: return g * v;
  case NEAP_SLOPE_MINUS_TIMES: return -g * v;
  case NEAP_SLOPE_TIMES_MORE: return g * (v + 1);
  case NEAP_SLOPE_TIMES_LN2: return g * v * log(2);
  case NEAP_SLOPE_OVER: return g / v;
  case NEAP_SLOPE_OVER_LN2: return g / v / log(2);
  case NEAP_SLOPE_OVER_LN10: return g / v / log(10);
  case NEAP_SLOPE_OVER_MORE: return g / (v + 1);
  case NEAP_SLOPE_OVER_TWICE: return g / (2 * v);
  case NEAP_SLOPE_RECIPROCAL: return -g * v * v;
  case NEAP_SLOPE_TWICE: return 2 * g * v;
  case NEAP_SLOPE_TANGENT: return g * (1 + v * v);
  case NEAP_SLOPE_TANH: return g * (1 - v * v);
  case NEAP_SLOPE_SIGMOID: return g * v * (1 - v);
  case NEAP_SLOPE_ARCSINE: return g / sqrt(1 - v * v);
  case NEAP_SLOPE_ARCCOSINE: return -g / sqrt(1 - v * v);
  case NEAP_SLOPE_ARCTANGENT: return g / (1 + v * v);
  case NEAP_SLOPE_RELU: return v <= 0 ? 0 : g;
  case NEAP_SLOPE_ABSOLUTE: return v > 0 ? g : v < 0 ? -g : v == 0 ? 0 : NAN;
  default: return g * v * 2 / sqrt(acos(-1));
  }
}

static void check_slopes(const neap_kern *k, neap_dtype d) {
  static double g[N], v[N], z[N], first[N];
  neap_rng r = neap_rng_make(5);
  for (neap_slope op = NEAP_SLOPE_NONE + 1; op < NEAP_SLOPES; op++) {
    fill(d, g, N, &r, false);
    fill(d, v, N, &r, false);
    for (int64_t i = 0; i < N; i++)
      set(d, v, i, i % 7 == 0 ? 0 : i % 11 == 0 ? NAN : 1.9 * (get(d, v, i) - 1));
    memcpy(z, g, sizeof z);
    k->back[d].slope[op](N, z, z, v); /* in place */
    neap_kern_at(0)->back[d].slope[op](N, first, g, v);
    for (int64_t i = 0; i < N; i++) {
      assert_number(get(d, z, i), plain_slope(op, get(d, g, i), get(d, v, i)), tolerance[d]);
      assert_number(get(d, z, i), get(d, first, i), 0); /* the same bits */
    }
  }
}

static void check_powers(const neap_kern *k, neap_dtype d) {
  static const double powers[] = {0.5, 1.5, 2, 3}, odd[] = {0, -0.0, INFINITY, -INFINITY, NAN, -2};
  static double g[N], x[N], z[N];
  neap_rng r = neap_rng_make(6);
  fill(d, g, N, &r, false);
  fill(d, x, N, &r, false);
  for (int64_t i = 0; i < 6; i++) set(d, x, 20 + i, odd[i]);
  for (int p = 0; p < 4; p++) {
    k->back[d].power(N, z, g, x, powers[p]);
    for (int64_t i = 0; i < N; i++)
      assert_number(get(d, z, i), get(d, g, i) * powers[p] * pow(get(d, x, i), powers[p] - 1),
                    tolerance[d]);
  }
  k->back[d].scaled(N, z, g, x, 0.25);
  for (int64_t i = 0; i < N; i++)
    assert_number(get(d, z, i), get(d, g, i) * 0.25 * get(d, x, i), tolerance[d]);
}

/* running -------------------------------------------------------------------------------------- */

typedef enum { PROD, CUMPROD, CUMSUM, CUMMAX, CUMMIN, RUNNINGS } kind;

/* By definition: every result of the row, one after the other. */
static void plain_row(kind op, neap_dtype d, bool skip, double *z, const void *g, const void *x,
                      int64_t row) {
  int64_t at = -1;
  for (int64_t i = 0; i < M; i++) z[i] = 0;
  for (int64_t y = op == PROD ? M - 1 : 0; y < M; y++) {
    double flow = get(d, g, op == PROD ? row : row * M + y), v = get(d, x, row * M + y);
    bool over =
        at < 0 || (op == CUMMAX ? v >= get(d, x, row * M + at) : v <= get(d, x, row * M + at));
    if (isnan(v) ? !skip : over) at = y;
    for (int64_t i = 0; i <= y; i++) {
      double slope = op >= CUMMAX ? i == at : 1;
      for (int64_t j = 0; op <= CUMPROD && j <= y; j++)
        if (j != i && !(skip && isnan(get(d, x, row * M + j)))) slope *= get(d, x, row * M + j);
      if (!(skip && isnan(get(d, x, row * M + i)))) z[i] += flow * slope;
    }
  }
}

/* Over pieces of step elements. */
static void pieces(neap_back_rows *r, int64_t step, bool back, neap_back_fn fn,
                   neap_back_state *s) {
  for (int64_t done = 0; done < M; done += r->n) {
    r->n = M - done < step ? M - done : step;
    r->from = back ? M - done - r->n : done;
    fn(r, s);
  }
}

static void run(kind op, const neap_back *k, neap_dtype d, neap_back_rows *r, int64_t step) {
  neap_back_state s[ROWS];
  const neap_back_fn fn[] = {k->prod, k->cumprod, k->cumsum, k->cummax, k->cummin};
  for (int i = 0; i < ROWS; i++)
    s[i] = (neap_back_state){op <= CUMPROD, op == CUMMAX ? -INFINITY : INFINITY, -1};
  if (op <= CUMPROD) {
    pieces(r, step, false, k->before, s);
    for (int i = 0; i < ROWS; i++) s[i].value = op == PROD ? get(d, r->g, i) : 0;
  }
  pieces(r, step, op < CUMMAX, fn[op], s);
}

static void check_runnings(const neap_kern *k, neap_dtype d) {
  static double g[ROWS * M], x[ROWS * M], z[ROWS * M], first[ROWS * M], want[M];
  neap_rng rng = neap_rng_make(7);
  for (int64_t step = 10; step <= M + 3; step += 46)
    for (kind op = PROD; op < RUNNINGS; op++)
      for (int skip = 0; skip < 2; skip++) {
        fill(d, g, ROWS * M, &rng, false);
        fill(d, x, ROWS * M, &rng, skip || op >= CUMMAX);
        memset(z, 0, sizeof z);
        neap_back_rows r = {.rows = ROWS, .step = M, .skip = skip, .z = z, .g = g, .x = x};
        run(op, &k->back[d], d, &r, step);
        memset(first, 0, sizeof first);
        r.z = first;
        run(op, &neap_kern_at(0)->back[d], d, &r, M); /* in one piece: the same bits */
        assert_memory_equal(z, first, sizeof z);
        for (int64_t row = 0; row < ROWS; row++) {
          plain_row(op, d, skip, want, g, x, row);
          for (int64_t i = 0; i < M; i++)
            assert_number(get(d, z, row * M + i), want[i], 10 * tolerance[d]); /* 53 terms */
        }
      }
}

static void check_softmax(const neap_kern *k, neap_dtype d) {
  static double g[N], y[N], z[N];
  neap_rng r = neap_rng_make(8);
  for (int64_t n = 1; n < N; n += 13) {
    double dot = 0;
    fill(d, g, n, &r, false);
    fill(d, y, n, &r, false);
    for (int64_t i = 0; i < n; i++) dot += get(d, g, i) * get(d, y, i);
    assert_number(k->back[d].dot(n, g, y), dot, F64_TOL);
    assert_number(k->back[d].dot(n, g, y), neap_kern_at(0)->back[d].dot(n, g, y), 0);
    k->back[d].softmax(n, z, g, y, 0.75);
    for (int64_t i = 0; i < n; i++)
      assert_number(get(d, z, i), get(d, y, i) * (get(d, g, i) - 0.75), tolerance[d]);
    k->back[d].log_softmax(n, z, g, y, 0.25);
    for (int64_t i = 0; i < n; i++)
      assert_number(get(d, z, i), get(d, g, i) - exp(get(d, y, i)) * 0.25, tolerance[d]);
  }
}

/* choosing ------------------------------------------------------------------------------------- */

static void check_choosing(const neap_kern *k, neap_dtype d) {
  enum { SIZE = 9, WIDE = 5 };
  static double g[N * WIDE], z[N];
  double want[SIZE] = {0}, wide[SIZE * WIDE] = {0};
  int64_t at[N];
  uint8_t mask[N];
  neap_rng r = neap_rng_make(9);
  fill(d, g, N * WIDE, &r, false);
  for (int64_t i = 0; i < N; i++) {
    int64_t p = (int64_t)neap_rng_below(&r, SIZE);
    at[i] = i > 256 && i % 3 == 0 ? p - SIZE : p + 1;
    mask[i] = neap_rng_uniform(&r) < 0.5;
    want[p] += get(d, g, i);
    for (int j = 1; j < 4; j++) wide[p * WIDE + j] += get(d, g, i * WIDE + j);
  }
  memset(z, 0, sizeof z);
  assert_true(k->back[d].add_at(N, z, g, at, SIZE));
  for (int64_t i = 0; i < SIZE; i++) assert_number(get(d, z, i), want[i], tolerance[d]);
  memset(z, 0, sizeof z);
  assert_true(k->back[d].add_rows(N, z, g, at, SIZE, WIDE, 1, 4));
  for (int64_t i = 0; i < SIZE * WIDE; i++) assert_number(get(d, z, i), wide[i], tolerance[d]);
  for (int64_t n = 0; n < N; n += 7) {
    int64_t taken = 0;
    k->back[d].fill(n, z, g, mask);
    for (int64_t i = 0; i < n; i++)
      assert_number(get(d, z, i), mask[i] ? get(d, g, taken++) : 0, 0);
    assert_int_equal(k->back[d].fill(n, z, g, mask), taken);
  }
  static const int64_t outside[] = {0, SIZE + 1, -SIZE - 1, INT64_MIN};
  for (int i = 0; i < 4; i++) {
    assert_false(k->back[d].add_at(1, z, g, &outside[i], SIZE));
    assert_false(k->back[d].add_rows(1, z, g, &outside[i], SIZE, WIDE, 0, WIDE));
  }
}

static void slopes_are_as_formulas(void **state) {
  (void)state;
  everywhere(check_slopes);
  everywhere(check_powers);
}

static void running_loops_are_as_sums_over_all_results(void **state) {
  (void)state;
  everywhere(check_runnings);
}

static void softmax_is_as_plain_loops(void **state) {
  (void)state;
  everywhere(check_softmax);
}

static void what_was_chosen_gets_its_sum(void **state) {
  (void)state;
  everywhere(check_choosing);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slopes_are_as_formulas),
      cmocka_unit_test(running_loops_are_as_sums_over_all_results),
      cmocka_unit_test(softmax_is_as_plain_loops),
      cmocka_unit_test(what_was_chosen_gets_its_sum),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
