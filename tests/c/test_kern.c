#include "check.h"

#include <float.h>
#include <stdlib.h>

#include "base/deviate.h"
#include "base/rng.h"
#include "kern/kern.h"

enum { N = 203, GUARD = 16 };

static const size_t dtype_size[] = {8, 4, 8, 4, 1, 1};

/* Random numbers of the dtype, with the awkward ones of its kind mixed in. */
static void fill(neap_dtype dtype, void *x, int64_t n, uint64_t seed) {
  static const double odd[] = {0.0, -0.0, 1.0, -1.0, INFINITY, -INFINITY, NAN, 1e-310, 1e300, 0.5};
  neap_rng r = neap_rng_make(seed);
  for (int64_t i = 0; i < n; i++) {
    double v = 10 * neap_rng_normal(&r);
    if (i % 7 == 3) v = odd[neap_rng_below(&r, 10)];
    int64_t k = (int64_t)neap_rng_below(&r, 41) - 20;
    switch (dtype) {
    case NEAP_F64: ((double *)x)[i] = v; break;
    case NEAP_F32: ((float *)x)[i] = (float)v; break;
    case NEAP_I64: ((int64_t *)x)[i] = i % 11 == 5 ? INT64_MIN : k; break;
    case NEAP_I32: ((int32_t *)x)[i] = i % 11 == 5 ? INT32_MIN : (int32_t)k; break;
    case NEAP_U8: ((uint8_t *)x)[i] = (uint8_t)(k + 20); break;
    default: ((uint8_t *)x)[i] = k & 1; break;
    }
  }
}

/* Equal bytes, except that any NaN equals any NaN. */
static bool same(neap_dtype dtype, const void *a, const void *b, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    if (dtype == NEAP_F64 && isnan(((const double *)a)[i]) && isnan(((const double *)b)[i]))
      continue;
    if (dtype == NEAP_F32 && isnan(((const float *)a)[i]) && isnan(((const float *)b)[i])) continue;
    size_t each = dtype_size[dtype];
    if (memcmp((const char *)a + (size_t)i * each, (const char *)b + (size_t)i * each, each) != 0)
      return false;
  }
  return true;
}

typedef union {
  double align;
  char bytes[(3 * N + GUARD) * 8];
} buffer;

static buffer a, b, got, want;

static void check_binary(const char *name, neap_binary_fn fn, neap_binary_fn plain,
                         neap_dtype dtype, neap_dtype result) {
  static const int64_t steps[][3] = {{1, 1, 1}, {1, 1, 0}, {1, 0, 1}, {2, 1, 3}, {1, 2, 1}};
  for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
    memset(&got, 7, sizeof got);
    memset(&want, 7, sizeof want);
    fn(N, got.bytes, steps[s][0], a.bytes, steps[s][1], b.bytes, steps[s][2]);
    for (int64_t i = 0; i < N; i++) /* the oracle: scalar, one element at a time */
      plain(1, want.bytes + (size_t)(i * steps[s][0]) * dtype_size[result], 1,
            a.bytes + (size_t)(i * steps[s][1]) * dtype_size[dtype], 1,
            b.bytes + (size_t)(i * steps[s][2]) * dtype_size[dtype], 1);
    if (!same(result, got.bytes, want.bytes, steps[s][0] * N + GUARD))
      fail_msg("%s, dtype %d, strides %d differ", name, (int)dtype, (int)s);
  }
}

static void check_unary(const char *name, neap_unary_fn fn, neap_unary_fn plain, neap_dtype dtype,
                        neap_dtype result) {
  for (int64_t step = 1; step <= 3; step++) {
    memset(&got, 7, sizeof got);
    memset(&want, 7, sizeof want);
    fn(N, got.bytes, 1, a.bytes, step);
    for (int64_t i = 0; i < N; i++)
      plain(1, want.bytes + (size_t)i * dtype_size[result], 1,
            a.bytes + (size_t)(i * step) * dtype_size[dtype], 1);
    if (!same(result, got.bytes, want.bytes, N + GUARD))
      fail_msg("%s, dtype %d, stride %d differs", name, (int)dtype, (int)step);
  }
}

/* The bounds of vec_f64.h and vec_f32.h with their margin, in ulp; 0 where every table
 * gives the same bits. */
static double bound(neap_unary_op op, neap_dtype dtype) {
  bool single = dtype == NEAP_F32;
  switch (op) {
  case NEAP_MAP_log:
  case NEAP_MAP_log2:
  case NEAP_MAP_log10: return single ? 1.0 : 0.9;
  case NEAP_MAP_log1p: return single ? 1.1 : 0.9;
  case NEAP_MAP_exp: return 1.1;
  case NEAP_MAP_sin:
  case NEAP_MAP_cos: return single ? 1.6 : 0.9;
  case NEAP_MAP_exp2: return single ? 1.6 : 1.3;
  case NEAP_MAP_softplus: return 1.7;
  case NEAP_MAP_expm1: return single ? 1.8 : 2.4;
  case NEAP_MAP_tanh: return single ? 2.5 : 2.6;
  case NEAP_MAP_sigmoid:
  case NEAP_MAP_erf: return 2.5;
  default: return 0;
  }
}

/* Every loop of every table gives, bit for bit, what it gives one element at a time: so neither
 * position, stride nor tail changes a value; and what is no elementary function is the same in
 * every table. */
static void tables_agree_element_by_element(void **state) {
  (void)state;
  const neap_kern *scalar = neap_kern_at(0), *k;
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (neap_dtype d = 0; d < NEAP_DTYPE_COUNT; d++) {
      fill(d, a.bytes, 3 * N, 1);
      fill(d, b.bytes, 3 * N, 2);
      for (int op = 0; op < NEAP_OP_COUNT; op++)
        if (k->binary[op][d])
          check_binary(neap_binary_names[op], k->binary[op][d],
                       (op == NEAP_OP_pow ? k : scalar)->binary[op][d], d, d);
      for (int op = 0; op < NEAP_CMP_COUNT; op++)
        check_binary(neap_compare_names[op], k->compare[op][d], scalar->compare[op][d], d,
                     NEAP_BOOL);
      for (neap_unary_op op = 0; op < NEAP_MAP_COUNT; op++)
        if (k->unary[op][d])
          check_unary(neap_unary_names[op], k->unary[op][d],
                      (bound(op, d) > 0 ? k : scalar)->unary[op][d], d,
                      neap_unary_is_test(op) ? NEAP_BOOL : d);
    }
}

/* All lengths up to two full turns of the loops and a tail, from every offset within a vector's
 * first lines: each element as it is alone, nothing written behind. */
static void elementary_functions_ignore_position(void **state) {
  (void)state;
  const neap_kern *k;
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (neap_dtype d = NEAP_F64; d <= NEAP_F32; d++)
      for (neap_unary_op op = 0; op < NEAP_MAP_COUNT; op++) {
        if (bound(op, d) == 0) continue;
        size_t each = dtype_size[d];
        fill(d, a.bytes, N, (uint64_t)op);
        for (int64_t i = 0; i < N; i++)
          k->unary[op][d](1, want.bytes + each * (size_t)i, 1, a.bytes + each * (size_t)i, 1);
        for (size_t offset = 0; offset < 5; offset++)
          for (int64_t n = 0; n <= 150; n++) {
            memset(&got, 7, sizeof got);
            memcpy(&b, &got, sizeof b);
            k->unary[op][d](n, got.bytes + each * offset, 1, a.bytes + each * offset, 1);
            memcpy(b.bytes + each * offset, got.bytes + each * offset, each * (size_t)n);
            if (!same(d, got.bytes + each * offset, want.bytes + each * offset, n) ||
                memcmp(&b, &got, sizeof b) != 0)
              fail_msg("%s of %s, dtype %d: %d elements from %d on", neap_unary_names[op], k->name,
                       (int)d, (int)n, (int)offset);
          }
      }
}

static void conversions_agree(void **state) {
  (void)state;
  const neap_kern *plain = neap_kern_at(0), *k;
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (neap_dtype from = 0; from < NEAP_DTYPE_COUNT; from++)
      for (neap_dtype to = 0; to < NEAP_DTYPE_COUNT; to++) {
        fill(from, a.bytes, 3 * N, 3);
        memset(&want, 7, sizeof want);
        memset(&got, 7, sizeof got);
        bool fits = true;
        for (int64_t i = 0; i < N; i++)
          fits &= plain->cast[to][from](1, want.bytes + (size_t)i * dtype_size[to], 1,
                                        a.bytes + (size_t)i * dtype_size[from], 1);
        assert_int_equal(k->cast[to][from](N, got.bytes, 1, a.bytes, 1), fits);
        assert_true(same(to, got.bytes, want.bytes, N + GUARD));
      }
}

static void folds_agree(void **state) {
  (void)state;
  const neap_kern *plain = neap_kern_at(0), *k;
  for (int t = 1; (k = neap_kern_at(t)); t++)
    for (neap_dtype d = 0; d < NEAP_DTYPE_COUNT; d++)
      for (int op = 0; op < NEAP_FOLD_COUNT; op++)
        for (int64_t n = 0; n < N; n += 13) {
          neap_acc x = {0}, y = {0};
          fill(d, a.bytes, N, (uint64_t)n);
          plain->fold[op][d](n, a.bytes, 0.25, &x);
          k->fold[op][d](n, a.bytes, 0.25, &y);
          assert_true(same(NEAP_F64, &x.f, &y.f, 2));
          assert_true(x.i == y.i && x.at == y.at);
        }
}

/* The sum of one segment of up to 1024 elements d apart: 16 lanes in turn, added as a tree. */
static double segment(int64_t n, const double *x, int64_t d) {
  double s[16] = {0};
  for (int64_t i = 0; i < n; i++) s[i % 16] += x[i * d];
  for (int half = 8; half; half /= 2)
    for (int k = 0; k < half; k++) s[k] += s[k + half];
  return s[0];
}

static double by_segments(int64_t n, const double *x, int64_t d) {
  double sum = 0;
  for (int64_t i = 0; i < n; i += 1024) sum += segment(n - i < 1024 ? n - i : 1024, x + i * d, d);
  return sum;
}

/* Long rows, and the columns of a matrix, are summed as kern.h says, to the bit. */
static void sums_run_in_segments(void **state) {
  (void)state;
  enum { MOST = 4200, WIDTH = 3 };
  static double x[MOST * WIDTH], squares[MOST * WIDTH];
  static const int64_t sizes[] = {0, 1, 15, 1000, 1023, 1024, 1025, 2048, 2050, 4096, 4200};
  const double center[WIDTH] = {0.25, 0.25, 0.25};
  neap_rng r = neap_rng_make(5);
  for (int i = 0; i < MOST * WIDTH; i++) x[i] = (double)(float)neap_rng_normal(&r);
  static double apart[MOST * WIDTH];
  for (int i = 0; i < MOST * WIDTH; i++) {
    apart[i] = x[i] - 0.25;
    squares[i] = apart[i] * apart[i];
  }
  static float narrow[MOST * WIDTH];
  for (int i = 0; i < MOST * WIDTH; i++) narrow[i] = (float)x[i];
  const neap_kern *k;
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
      for (int d = NEAP_F64; d <= NEAP_F32; d++) {
        int64_t n = sizes[s];
        const void *data = d == NEAP_F64 ? (const void *)x : narrow;
        neap_acc row = {0}, spread = {0}, column[WIDTH] = {{0}}, deviation[WIDTH] = {{0}};
        k->fold[NEAP_FOLD_sum][d](n, data, 0, &row);
        k->fold[NEAP_FOLD_dev][d](n, data, 0.25, &spread);
        k->columns[d](n, WIDTH, data, WIDTH, NULL, column, 1);
        k->columns[d](n, WIDTH, data, WIDTH, center, deviation, 1);
        assert_true(row.f == by_segments(n, x, 1));
        assert_true(spread.f == by_segments(n, squares, 1));
        assert_true(spread.g == by_segments(n, apart, 1));
        for (int j = 0; j < WIDTH; j++) {
          assert_true(column[j].f == by_segments(n, x + j, WIDTH));
          assert_true(deviation[j].f == by_segments(n, squares + j, WIDTH));
          assert_true(deviation[j].g == by_segments(n, apart + j, WIDTH));
        }
      }
}

/* Extremes of rows around the registers' widths: every place, NaN, infinities of both signs. */
static void extremes_are_found(void **state) {
  (void)state;
  enum { MOST = 150 };
  float x[MOST];
  const neap_kern *k;
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (int n = 1; n <= MOST; n++)
      for (int at = 0; at < n; at++) {
        neap_acc top = {0}, low = {0};
        for (int i = 0; i < n; i++) x[i] = i % 7 ? 1 : -1;
        x[at] = 2;
        k->fold[NEAP_FOLD_argmax][NEAP_F32](n, x, 0, &top);
        assert_true(top.f == 2 && top.at == 0);
        assert_int_equal(k->find[NEAP_F32](n, x, &top), at);
        x[at] = -INFINITY;
        x[(at + n / 2) % n] = n > 1 ? INFINITY : -INFINITY;
        k->fold[NEAP_FOLD_argmin][NEAP_F32](n, x, 0, &low);
        assert_true(low.f == -INFINITY);
        assert_int_equal(k->find[NEAP_F32](n, x, &low), at);
        x[at] = NAN;
        k->fold[NEAP_FOLD_argmax][NEAP_F32](n, x, 0, &top);
        assert_true(isnan(top.f));
        assert_int_equal(k->find[NEAP_F32](n, x, &top), at);
        top.f = 9;
        assert_int_equal(k->find[NEAP_F32](n, x, &top), -1);
      }
}

/* Moving elements: every table against plain loops, at sizes around the widths of the vectors. */
static void moves_agree(void **state) {
  (void)state;
  const neap_kern *k;
  int64_t at[N];
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (neap_dtype d = 0; d < NEAP_DTYPE_COUNT; d++)
      for (int64_t n = 0; n < N; n += n < 40 ? 1 : 23) {
        size_t each = dtype_size[d];
        uint8_t mask[N];
        neap_rng r = neap_rng_make((uint64_t)n);
        int64_t count = 0;
        fill(d, a.bytes, N, (uint64_t)n);
        memset(&want, 7, sizeof want);
        memset(&got, 7, sizeof got);
        for (int64_t i = 0; i < n; i++) {
          mask[i] = (uint8_t)neap_rng_below(&r, 2);
          if (mask[i])
            memcpy(want.bytes + each * (size_t)count++, a.bytes + each * (size_t)i, each);
        }
        k->compress[d](count, got.bytes, a.bytes, mask);
        assert_memory_equal(got.bytes, want.bytes, sizeof got.bytes);
        for (int64_t i = 0; i < n; i++) {
          int64_t p = (int64_t)neap_rng_below(&r, N);
          at[i] = i % 3 ? p + 1 : p - N;
          memcpy(want.bytes + each * (size_t)i, a.bytes + each * (size_t)p, each);
        }
        assert_true(k->take[d](n, got.bytes, a.bytes, at, 1, N));
        assert_memory_equal(got.bytes, want.bytes, each * (size_t)n);
        static const int64_t outside[] = {0, N + 1, -N - 1, INT64_MIN, INT64_MAX};
        for (size_t o = 0; n > 0 && o < sizeof outside / sizeof *outside; o++) {
          int64_t was = at[n / 2];
          at[n / 2] = outside[o];
          assert_false(k->take[d](n, got.bytes, a.bytes, at, 1, N));
          at[n / 2] = was;
        }
      }
}

/* Blocks and the numbers from them are those of rng.c in every table, wherever they stand. */
static void random_numbers_agree(void **state) {
  (void)state;
  const neap_kern *k;
  const neap_rng r = {.seed = 0xfedcba9876543210u, .stream = 0x0123456789abcdefu};
  const uint64_t first = UINT32_MAX - 3u; /* the carry between the words of the counter */
  const double df = 3, infinite = INFINITY;
  uint64_t low[N + 8], high[N + 8];
  double z[N], t[N];
  for (int table = 0; (k = neap_kern_at(table)); table++)
    for (int64_t n = 0; n < N; n += n < 40 ? 1 : 23) {
      k->blocks(n, low, high, &r, first);
      k->normal(n, z, low, high);
      for (int64_t i = 0; i < n; i++) {
        neap_rng_block block = neap_rng_block_at(&r, first + (uint64_t)i);
        assert_true(block.low == low[i] && block.high == high[i]);
        assert_true(z[i] == neap_rng_normal_at(&r, first + (uint64_t)i));
      }
      k->student(n, t, low, high, &infinite, 0);
      assert_same(n, t, z, 1e-15); /* the two differ by a few roundings */
      k->student(n, t, low, high, &df, 0);
      for (int64_t i = 0; i < n; i++) assert_true(t[i] == student_of(low[i], high[i], df));
      k->exponential(n, t, low, high);
      k->unit(n, z, low, high);
      for (int64_t i = 0; i < n; i++) {
        assert_true(z[i] == (double)(low[i] >> 11) * 0x1p-53);
        assert_true(t[i] == exponential_of(low[i]));
        z[i] = -log1p(-z[i]);
      }
      assert_same(n, t, z, 1e-15); /* 2 ulp, against the C library */
      k->short_unit(n, z, low, high);
      for (int64_t i = 0; i < n; i++) assert_true(z[i] == (double)(low[i] >> 40) * 0x1p-24);
    }
}

static void numbers_at_the_ends_of_the_bits(void **state) {
  (void)state;
  const uint64_t none = 0, all = UINT64_MAX;
  assert_true(unit_of(none) == 0 && unit_of(all) == 1 - 0x1p-53);
  assert_true(short_unit_of(none) == 0 && (float)short_unit_of(all) == 1 - 0x1p-24f);
  assert_true(exponential_of(none) == 0 && !signbit(exponential_of(none)));
  assert_true(fabs(exponential_of(all) - 53 * log(2)) < 1e-14); /* 2 ulp */
  assert_true(normal_of(none, none) == 0 && isfinite(normal_of(all, all)));
  assert_true(student_of(none, all, 0.1) == 0);
  assert_true(isinf(student_of(all, all, 1e-300)) && isfinite(student_of(all, all, 0.1)));
}

static void transposes_agree(void **state) {
  (void)state;
  enum { SIDE = 21, ROW = 23 };
  const neap_kern *k;
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (neap_dtype d = 0; d < NEAP_DTYPE_COUNT; d++)
      for (int64_t rows = 0; rows <= SIDE; rows++)
        for (int64_t columns = 0; columns <= SIDE; columns++) {
          size_t each = dtype_size[d];
          fill(d, a.bytes, 3 * N, 4);
          memset(&want, 7, sizeof want);
          memset(&got, 7, sizeof got);
          for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++)
              memcpy(want.bytes + each * (size_t)(i * SIDE + j),
                     a.bytes + each * (size_t)(j * ROW + i), each);
          k->transpose[d](rows, columns, got.bytes, SIDE, a.bytes, ROW);
          assert_memory_equal(got.bytes, want.bytes, sizeof got.bytes);
        }
}

/* Equal, or within tol of b, or both too small for that. */
static bool close_to(double y, double z, double tol, double small) {
  return same_number(y, z, 0) || fabs(y - z) <= tol * fmax(z, small);
}

/* Against the softmax of the scalar table: two exponentials of 1.1 ulp, a quotient and the order of
 * rounding inside them. */
static void softmax_agrees(void **state) {
  (void)state;
  const neap_kern *scalar = neap_kern_at(0), *k;
  for (int t = 1; (k = neap_kern_at(t)); t++)
    for (int64_t n = 1; n < N; n += n < 40 ? 1 : 13) {
      const double *y = (const double *)got.bytes, *z = (const double *)want.bytes;
      const float *yf = (const float *)got.bytes, *zf = (const float *)want.bytes;
      fill(NEAP_F64, a.bytes, N, (uint64_t)n);
      scalar->softmax[NEAP_F64](n, want.bytes, a.bytes);
      k->softmax[NEAP_F64](n, got.bytes, a.bytes);
      for (int64_t i = 0; i < n; i++) assert_true(close_to(y[i], z[i], 4 * DBL_EPSILON, DBL_MIN));
      fill(NEAP_F32, a.bytes, N, (uint64_t)n);
      scalar->softmax[NEAP_F32](n, want.bytes, a.bytes);
      k->softmax[NEAP_F32](n, got.bytes, a.bytes);
      for (int64_t i = 0; i < n; i++)
        assert_true(close_to((double)yf[i], (double)zf[i], 4 * (double)FLT_EPSILON, FLT_MIN));
    }
}

/* A table of values to 100 bits: tests/golden/elementary.py makes it. */
static const struct {
  const char *name;
  neap_unary_op op;
  double x, high, low;
} points[] = {
#define POINT(function, x, high, low) {#function, NEAP_MAP_##function, x, high, low},
#include "../golden/elementary.def"
#undef POINT
};

/* Distance of y from high + low in units of the last place that high has among f32 or f64. */
static double ulps(double y, double high, double low, bool single) {
  float f = fabsf((float)high);
  double unit = nextafter(fabs(high), INFINITY) - fabs(high);
  if (single) unit = (double)nextafterf(f, INFINITY) - (double)f;
  return fabs((y - high - low) / unit);
}

/* One element through both dtypes of a table against the exact value for each. */
static void check_accuracy(const neap_kern *k, neap_unary_op op, double x, const double exact[2],
                           const double exact_f[2]) {
  double y;
  float xf = (float)x, yf;
  k->unary[op][NEAP_F64](1, &y, 1, &x, 1);
  k->unary[op][NEAP_F32](1, &yf, 1, &xf, 1);
  if (!(ulps(y, exact[0], exact[1], false) <= bound(op, NEAP_F64)))
    fail_msg("%s: %s(%.17g) is %.17g, not %.17g", k->name, neap_unary_names[op], x, y, exact[0]);
  if (xf != 0 && isfinite((float)exact_f[0]) &&
      !(ulps((double)yf, exact_f[0], exact_f[1], true) <= bound(op, NEAP_F32)))
    fail_msg("%s: %s(%.9g) is %.9g in f32, not %.9g", k->name, neap_unary_names[op], (double)xf,
             (double)yf, exact_f[0]);
}

static void elementary_functions_are_accurate(void **state) {
  (void)state;
  const neap_kern *k;
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
      const double exact[] = {points[i].high, points[i].low};
      check_accuracy(k, points[i].op, points[i].x, exact, exact);
    }
}

/* |pow(x, y)| against the C library in 80 bits; whole results that f64 holds are exact. */
static void powers_are_accurate(void **state) {
  (void)state;
#if LDBL_MANT_DIG >= 64
  const neap_kern *k;
  neap_rng r = neap_rng_make(6);
  for (int i = 0; i < 40000; i++) {
    double scale = i % 3 == 0 ? 1e-3 : i % 3 == 1 ? 1 : 80;
    double x = exp(scale * (2 * neap_rng_uniform(&r) - 1));
    double y = (2 * neap_rng_uniform(&r) - 1) * 80 / scale, z;
    float xf = (float)x, yf = (float)y, zf;
    if (i % 7 == 0) x = 1 + (double)neap_rng_below(&r, 20), y = (double)neap_rng_below(&r, 12);
    long double exact = powl(x, y), exact_f = powl(xf, yf);
    for (int t = 0; (k = neap_kern_at(t)); t++) {
      k->binary[NEAP_OP_pow][NEAP_F64](1, &z, 1, &x, 1, &y, 1);
      k->binary[NEAP_OP_pow][NEAP_F32](1, &zf, 1, &xf, 1, &yf, 1);
      double high = (double)exact, high_f = (double)exact_f;
      double most = i % 7 == 0 && high < 0x1p53 ? 0 : 0.8;
      if (!(ulps(z, high, (double)(exact - high), false) <= most))
        fail_msg("%s: pow(%.17g, %.17g) is %.17g", k->name, x, y, z);
      if (isfinite((float)high_f) &&
          !(ulps((double)zf, high_f, (double)(exact_f - high_f), true) <= 0.51))
        fail_msg("%s: pow(%.9g, %.9g) is %.9g in f32", k->name, (double)xf, (double)yf, (double)zf);
    }
  }
#endif
}

/* Signs, zeros, infinities, NaN and integer exponents, all of them against each other, as C99's
 * pow has them. */
static void powers_at_the_edges(void **state) {
  (void)state;
  static const double v[] = {
      0.0,          -0.0,        1,        -1,        2,          -2,
      0.5,          -0.5,        3,        -3,        2.5,        -2.5,
      1e30,         -1e30,       NAN,      INFINITY,  -INFINITY,  0x1p53,
      0x1p53 - 1,   -0x1p53 + 1, 0x1p-149, -0x1p-149, 0x1p52 + 1, 0x1.fffffep-1,
      0x1.000002p0,
  };
  enum { COUNT = sizeof v / sizeof *v };
  const neap_kern *k;
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (int i = 0; i < COUNT * COUNT; i++) {
      double x = v[i / COUNT], y = v[i % COUNT], z, want_z = pow(x, y);
      float xf = (float)x, yf = (float)y, zf, want_f = powf(xf, yf);
      k->binary[NEAP_OP_pow][NEAP_F64](1, &z, 1, &x, 1, &y, 1);
      k->binary[NEAP_OP_pow][NEAP_F32](1, &zf, 1, &xf, 1, &yf, 1);
      bool fine = isnan(want_z) ? isnan(z) : signbit(z) == signbit(want_z);
      if (!fine || !close_to(fabs(z), fabs(want_z), DBL_EPSILON, 0))
        fail_msg("%s: pow(%g, %g) is %g, not %g", k->name, x, y, z, want_z);
      fine = isnan(want_f) ? isnan(zf) : signbit(zf) == signbit(want_f);
      if (!fine || !close_to(fabs((double)zf), fabs((double)want_f), FLT_EPSILON, 0))
        fail_msg("%s: pow(%g, %g) is %g in f32, not %g", k->name, (double)xf, (double)yf,
                 (double)zf, (double)want_f);
    }
}

/* Many more arguments: f64 against the C library's functions in 80 bits, f32 against f64. */
static void elementary_functions_are_accurate_everywhere(void **state) {
  (void)state;
#if LDBL_MANT_DIG >= 64
  static const struct {
    neap_unary_op op;
    long double (*oracle)(long double);
    double low, high;
  } cases[] = {
      {NEAP_MAP_exp, expl, -740, 709},     {NEAP_MAP_exp, expl, -1, 1},
      {NEAP_MAP_exp, expl, -104, 88},      {NEAP_MAP_expm1, expm1l, -40, 700},
      {NEAP_MAP_expm1, expm1l, -0.5, 0.5}, {NEAP_MAP_log, logl, 1e-310, 3},
      {NEAP_MAP_log, logl, 0.9, 1.1},      {NEAP_MAP_log, logl, 1e-44, 1e-37},
      {NEAP_MAP_log1p, log1pl, -0.99, 9},  {NEAP_MAP_log1p, log1pl, -1e-3, 1e-3},
      {NEAP_MAP_sin, sinl, -1000, 1000},   {NEAP_MAP_sin, sinl, -1e6, 1e6},
      {NEAP_MAP_cos, cosl, -1000, 1000},   {NEAP_MAP_cos, cosl, -1e6, 1e6},
      {NEAP_MAP_tanh, tanhl, -20, 20},     {NEAP_MAP_tanh, tanhl, -0.3, 0.3},
      {NEAP_MAP_exp2, exp2l, -1070, 1023}, {NEAP_MAP_exp2, exp2l, -149, 127},
      {NEAP_MAP_exp2, exp2l, -1, 1},       {NEAP_MAP_log2, log2l, 1e-310, 3},
      {NEAP_MAP_log2, log2l, 0.9, 1.1},    {NEAP_MAP_log10, log10l, 1e-310, 3},
      {NEAP_MAP_log10, log10l, 0.9, 1.1},  {NEAP_MAP_erf, erfl, -6, 6},
      {NEAP_MAP_erf, erfl, -0.5, 0.5},
  };
  const neap_kern *k;
  neap_rng r = neap_rng_make(5);
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
    for (int i = 0; i < 10000; i++) {
      double x = cases[c].low + (cases[c].high - cases[c].low) * neap_rng_uniform(&r);
      long double exact = cases[c].oracle(x), exact_f = cases[c].oracle((float)x);
      const double parts[] = {(double)exact, (double)(exact - (double)exact)};
      const double parts_f[] = {(double)exact_f, (double)(exact_f - (double)exact_f)};
      for (int t = 0; (k = neap_kern_at(t)); t++) check_accuracy(k, cases[c].op, x, parts, parts_f);
    }
#endif
}

static void elementary_functions_at_the_edges(void **state) {
  (void)state;
  static const struct {
    neap_unary_op op;
    double x, y;
  } cases[] = {
      {NEAP_MAP_exp, INFINITY, INFINITY},
      {NEAP_MAP_exp, -INFINITY, 0},
      {NEAP_MAP_exp, NAN, NAN},
      {NEAP_MAP_exp, 0, 1},
      {NEAP_MAP_exp, 710, INFINITY},
      {NEAP_MAP_exp, -746, 0},
      {NEAP_MAP_expm1, INFINITY, INFINITY},
      {NEAP_MAP_expm1, -INFINITY, -1},
      {NEAP_MAP_expm1, NAN, NAN},
      {NEAP_MAP_expm1, 0x1p-1074, 0x1p-1074},
      {NEAP_MAP_log, 0, -INFINITY},
      {NEAP_MAP_log, -1, NAN},
      {NEAP_MAP_log, INFINITY, INFINITY},
      {NEAP_MAP_log, NAN, NAN},
      {NEAP_MAP_log, 1, 0},
      {NEAP_MAP_log, -0.0, -INFINITY},
      {NEAP_MAP_log, -INFINITY, NAN},
      {NEAP_MAP_log2, 0, -INFINITY},
      {NEAP_MAP_log2, -1, NAN},
      {NEAP_MAP_log2, INFINITY, INFINITY},
      {NEAP_MAP_log2, NAN, NAN},
      {NEAP_MAP_log2, 1, 0},
      {NEAP_MAP_log2, 0x1p-149, -149},
      {NEAP_MAP_log2, 0x1p100, 100},
      {NEAP_MAP_log10, 0, -INFINITY},
      {NEAP_MAP_log10, -1, NAN},
      {NEAP_MAP_log10, INFINITY, INFINITY},
      {NEAP_MAP_log10, 1e10, 10},
      {NEAP_MAP_exp2, INFINITY, INFINITY},
      {NEAP_MAP_exp2, -INFINITY, 0},
      {NEAP_MAP_exp2, NAN, NAN},
      {NEAP_MAP_exp2, -126, 0x1p-126},
      {NEAP_MAP_exp2, -149, 0x1p-149},
      {NEAP_MAP_exp2, 127, 0x1p127},
      {NEAP_MAP_exp2, 1024, INFINITY},
      {NEAP_MAP_erf, INFINITY, 1},
      {NEAP_MAP_erf, -INFINITY, -1},
      {NEAP_MAP_erf, NAN, NAN},
      {NEAP_MAP_erf, -0.0, -0.0},
      {NEAP_MAP_erf, 6, 1},
      {NEAP_MAP_tanh, -0.0, -0.0},
      {NEAP_MAP_log1p, -1, -INFINITY},
      {NEAP_MAP_log1p, -1.5, NAN},
      {NEAP_MAP_log1p, INFINITY, INFINITY},
      {NEAP_MAP_log1p, 0x1p-1074, 0x1p-1074},
      {NEAP_MAP_tanh, INFINITY, 1},
      {NEAP_MAP_tanh, -INFINITY, -1},
      {NEAP_MAP_tanh, NAN, NAN},
      {NEAP_MAP_sigmoid, -INFINITY, 0},
      {NEAP_MAP_sigmoid, INFINITY, 1},
      {NEAP_MAP_sigmoid, NAN, NAN},
      {NEAP_MAP_softplus, INFINITY, INFINITY},
      {NEAP_MAP_softplus, -INFINITY, 0},
      {NEAP_MAP_softplus, NAN, NAN},
      {NEAP_MAP_sin, -0.0, -0.0},
      {NEAP_MAP_sin, INFINITY, NAN},
      {NEAP_MAP_cos, NAN, NAN},
      {NEAP_MAP_cos, 0, 1},
      {NEAP_MAP_round, 2.5, 2},
      {NEAP_MAP_sign, NAN, NAN},
  };
  const neap_kern *k;
  for (int t = 0; (k = neap_kern_at(t)); t++)
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
      double x = cases[c].x, y;
      k->unary[cases[c].op][NEAP_F64](1, &y, 1, &x, 1);
      if (!same_number(y, cases[c].y, 0) || (y == 0 && signbit(y) != signbit(cases[c].y)))
        fail_msg("%s: %s(%g) is %g", k->name, neap_unary_names[cases[c].op], x, y);
      float xf = (float)x, yf;
      k->unary[cases[c].op][NEAP_F32](1, &yf, 1, &xf, 1);
      if (xf == 0 && x != 0) continue;
      if (!same_number((double)yf, cases[c].y, 0))
        fail_msg("%s: %s(%g) is %g in f32", k->name, neap_unary_names[cases[c].op], x, (double)yf);
    }
}

static void integer_edges(void **state) {
  (void)state;
  const neap_kern *k = neap_kern_at(0);
  int64_t x[] = {7, -7, 7, -7, INT64_MIN, INT64_MIN}, y[] = {2, 2, -2, -2, -1, 3}, z[6];
  const int64_t quotient[] = {3, -4, -4, 3, INT64_MIN, INT64_MIN / 3 - 1};
  const int64_t rest[] = {1, 1, -1, -1, 0, 1};
  k->binary[NEAP_OP_floordiv][NEAP_I64](6, z, 1, x, 1, y, 1);
  assert_memory_equal(z, quotient, sizeof z);
  k->binary[NEAP_OP_mod][NEAP_I64](6, z, 1, x, 1, y, 1);
  assert_memory_equal(z, rest, sizeof z);
  int32_t big = INT32_MAX, one = 1, sum;
  k->binary[NEAP_OP_add][NEAP_I32](1, &sum, 1, &big, 1, &one, 1);
  assert_int_equal(sum, INT32_MIN);
}

static void a_wish_the_processor_lacks_is_refused(void **state) {
  (void)state;
  const neap_kern *k;
  setenv("NEAP_CPU", "sse1", 1);
  assert_fails(neap_kern_select(&k), NEAP_EARG, "not one of scalar avx2 avx512");
  setenv("NEAP_CPU", "scalar", 1);
  assert_ok(neap_kern_select(&k));
  assert_string_equal(k->name, "scalar");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tables_agree_element_by_element),
      cmocka_unit_test(elementary_functions_ignore_position),
      cmocka_unit_test(conversions_agree),
      cmocka_unit_test(folds_agree),
      cmocka_unit_test(sums_run_in_segments),
      cmocka_unit_test(extremes_are_found),
      cmocka_unit_test(moves_agree),
      cmocka_unit_test(random_numbers_agree),
      cmocka_unit_test(numbers_at_the_ends_of_the_bits),
      cmocka_unit_test(transposes_agree),
      cmocka_unit_test(softmax_agrees),
      cmocka_unit_test(elementary_functions_are_accurate),
      cmocka_unit_test(elementary_functions_are_accurate_everywhere),
      cmocka_unit_test(elementary_functions_at_the_edges),
      cmocka_unit_test(powers_are_accurate),
      cmocka_unit_test(powers_at_the_edges),
      cmocka_unit_test(integer_edges),
      cmocka_unit_test(a_wish_the_processor_lacks_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
