#define _DEFAULT_SOURCE /* mkstemps */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/pool.h"
#include "tensor/tensor.h"

/* A fresh C-order tensor holding 1, 2, 3, ... */
static neap_tensor counting(neap_dtype dtype, int ndim, const int64_t *size) {
  neap_tensor flat, t;
  assert_ok(neap_tensor_init(&flat, NEAP_F64, ndim, size));
  double *x = neap_tensor_data(&flat);
  for (int64_t i = 0; i < neap_tensor_numel(&flat); i++) x[i] = (double)(i + 1);
  assert_ok(neap_tensor_as(&t, &flat, dtype));
  neap_tensor_drop(&flat);
  return t;
}

static neap_tensor random_tensor(int ndim, const int64_t *size, uint64_t seed) {
  neap_tensor t;
  neap_rng r = neap_rng_make(seed);
  assert_ok(neap_tensor_randn(&t, NEAP_F64, ndim, size, &r));
  return t;
}

/* Every way to look at the same 4 x 6 numbers: plain, transposed, offset, reversed, broadcast. */
enum { VIEWS = 5 };

static neap_tensor view_of(int kind) {
  static const int64_t wide[] = {6, 4}, large[] = {6, 9}, row[] = {6}, plain[] = {4, 6};
  neap_tensor base, part, t;
  switch (kind) {
  case 0: return counting(NEAP_F64, 2, plain);
  case 1:
    base = counting(NEAP_F64, 2, wide);
    assert_ok(neap_tensor_transpose(&t, &base, 0, 1));
    break;
  case 2:
    base = counting(NEAP_F64, 2, large);
    assert_ok(neap_tensor_slice(&part, &base, 0, 1, 4, 1));
    assert_ok(neap_tensor_slice(&t, &part, 1, 2, 6, 1));
    neap_tensor_drop(&part);
    break;
  case 3:
    base = counting(NEAP_F64, 2, plain);
    assert_ok(neap_tensor_slice(&part, &base, 0, 3, 4, -1));
    assert_ok(neap_tensor_slice(&t, &part, 1, 5, 6, -1));
    neap_tensor_drop(&part);
    break;
  default: base = counting(NEAP_F64, 1, row); assert_ok(neap_tensor_expand(&t, &base, 2, plain));
  }
  neap_tensor_drop(&base);
  return t;
}

static void same_elements(const neap_tensor *a, const neap_tensor *b, const char *what, int kind) {
  neap_tensor x, y;
  assert_true(neap_tensor_same_shape(a, b));
  assert_int_equal(a->dtype, b->dtype);
  assert_ok(neap_tensor_as(&x, a, a->dtype));
  assert_ok(neap_tensor_as(&y, b, b->dtype));
  size_t bytes = (size_t)neap_tensor_numel(a) * neap_dtype_size(a->dtype);
  if (bytes && memcmp(neap_tensor_data(&x), neap_tensor_data(&y), bytes) != 0)
    fail_msg("%s differs on view %d", what, kind);
  neap_tensor_drop(&x);
  neap_tensor_drop(&y);
}

typedef neap_status (*operation)(neap_tensor *out, const neap_tensor *t);

static neap_status op_add(neap_tensor *out, const neap_tensor *t) {
  return neap_tensor_binary(out, NEAP_OP_add, t, t);
}
static neap_status op_exp(neap_tensor *out, const neap_tensor *t) {
  return neap_tensor_unary(out, NEAP_MAP_exp, t);
}
static neap_status op_lt(neap_tensor *out, const neap_tensor *t) {
  neap_scalar ten;
  neap_scalar_f64(&ten, NEAP_F64, 10);
  return neap_tensor_compare(out, NEAP_CMP_lt, t, &ten.t);
}
static neap_status op_to_i32(neap_tensor *out, const neap_tensor *t) {
  return neap_tensor_as(out, t, NEAP_I32);
}
static neap_status op_sum_rows(neap_tensor *out, const neap_tensor *t) {
  return neap_tensor_reduce(out, NEAP_SUM, t, &(neap_reduce_options){.dims = 2});
}
static neap_status op_std_columns(neap_tensor *out, const neap_tensor *t) {
  return neap_tensor_reduce(out, NEAP_STD, t, &(neap_reduce_options){.dims = 1, .parameter = 1});
}
static neap_status op_sort(neap_tensor *out, const neap_tensor *t) {
  return neap_tensor_sort(out, NULL, t, 0, true, 0);
}
static neap_status op_cumsum(neap_tensor *out, const neap_tensor *t) {
  return neap_tensor_scan(out, NEAP_CUMSUM, t, 1, false);
}
static neap_status op_median(neap_tensor *out, const neap_tensor *t) {
  double half = 0.5;
  return neap_tensor_quantile(out, t, 1, &half, &(neap_reduce_options){.dims = 1});
}
static neap_status op_take(neap_tensor *out, const neap_tensor *t) {
  neap_scalar last;
  assert_ok(neap_scalar_i64(&last, NEAP_I64, -1));
  return neap_tensor_take(out, t, 1, &last.t, 1);
}
static neap_status op_cat(neap_tensor *out, const neap_tensor *t) {
  return neap_tensor_cat(out, 2, (const neap_tensor *[]){t, t}, 1);
}
static neap_status op_matmul(neap_tensor *out, const neap_tensor *t) {
  neap_tensor turned;
  NEAP_TRY(neap_tensor_transpose(&turned, t, 0, 1));
  neap_status st = neap_tensor_matmul(out, t, &turned);
  neap_tensor_drop(&turned);
  return st;
}
static neap_status op_reshape(neap_tensor *out, const neap_tensor *t) {
  return neap_tensor_reshape(out, t, 3, (const int64_t[]){2, -1, 3});
}
static neap_status op_where(neap_tensor *out, const neap_tensor *t) {
  neap_tensor mask;
  NEAP_TRY(op_lt(&mask, t));
  neap_status st = neap_tensor_where(out, &mask, t, t);
  neap_tensor_drop(&mask);
  return st;
}
static neap_status op_argmax(neap_tensor *out, const neap_tensor *t) {
  neap_tensor value;
  NEAP_TRY(neap_tensor_extreme(&value, out, true, t, &(neap_reduce_options){.dims = 1}, 0));
  neap_tensor_drop(&value);
  return NEAP_OK;
}
static neap_status op_unique(neap_tensor *out, const neap_tensor *t) {
  neap_tensor counts;
  NEAP_TRY(neap_tensor_unique(out, &counts, t));
  neap_tensor_drop(&counts);
  return NEAP_OK;
}
static neap_status op_add_into(neap_tensor *out, const neap_tensor *t) {
  NEAP_TRY(neap_tensor_clone(out, t));
  neap_status st = neap_tensor_binary_into(out, NEAP_OP_add, t);
  if (st) neap_tensor_drop(out);
  return st;
}
static neap_status op_gather(neap_tensor *out, const neap_tensor *t) {
  neap_tensor at;
  NEAP_TRY(neap_tensor_sort(NULL, &at, t, 0, true, 1));
  neap_status st = neap_tensor_gather(out, t, 0, &at, 1);
  neap_tensor_drop(&at);
  return st;
}
static neap_status op_scatter(neap_tensor *out, const neap_tensor *t) {
  neap_tensor at;
  NEAP_TRY(neap_tensor_clone(out, t));
  neap_status st = neap_tensor_sort(NULL, &at, t, 1, true, 1);
  if (!st) st = neap_tensor_scatter(out, 1, &at, 1, t);
  neap_tensor_drop(&at);
  if (st) neap_tensor_drop(out);
  return st;
}
static neap_status op_partition(neap_tensor *out, const neap_tensor *t) {
  neap_tensor at;
  NEAP_TRY(neap_tensor_partition(out, &at, t, 1, 3, 1));
  neap_tensor_drop(&at);
  return NEAP_OK;
}
static neap_status op_histogram(neap_tensor *out, const neap_tensor *t) {
  neap_tensor edges = counting(NEAP_F64, 1, (const int64_t[]){5});
  neap_status st = neap_tensor_histogram(out, t, &edges);
  neap_tensor_drop(&edges);
  return st;
}

static const struct {
  const char *name;
  operation run;
} operations[] = {
    {"add", op_add},
    {"exp", op_exp},
    {"lt", op_lt},
    {"to i32", op_to_i32},
    {"sum", op_sum_rows},
    {"std", op_std_columns},
    {"sort", op_sort},
    {"cumsum", op_cumsum},
    {"median", op_median},
    {"take", op_take},
    {"cat", op_cat},
    {"matmul", op_matmul},
    {"reshape", op_reshape},
    {"where", op_where},
    {"argmax", op_argmax},
    {"unique", op_unique},
    {"add_", op_add_into},
    {"gather", op_gather},
    {"scatter_", op_scatter},
    {"partition", op_partition},
    {"histogram", op_histogram},
};
enum { OPERATIONS = sizeof operations / sizeof *operations };

/* An operation on a view gives the bits that it gives on a contiguous copy. */
static void every_operation_takes_every_view(void **state) {
  (void)state;
  for (int op = 0; op < OPERATIONS; op++)
    for (int kind = 0; kind < VIEWS; kind++) {
      neap_tensor t = view_of(kind), plain, got, want;
      assert_ok(neap_tensor_clone(&plain, &t));
      assert_ok(operations[op].run(&want, &plain));
      assert_ok(operations[op].run(&got, &t));
      same_elements(&got, &want, operations[op].name, kind);
      neap_tensor_drop(&got);
      neap_tensor_drop(&want);
      neap_tensor_drop(&plain);
      neap_tensor_drop(&t);
    }
}

static void bits_do_not_depend_on_threads(void **state) {
  (void)state;
  for (int op = 0; op < OPERATIONS; op++) {
    neap_tensor t = random_tensor(2, (const int64_t[]){1200, 900}, 3), first, again;
    neap_unary_op squash = NEAP_MAP_tanh; /* keeps exp and sums in range */
    assert_ok(neap_tensor_unary_into(&t, squash));
    assert_ok(neap_set_threads(1));
    neap_status st = operations[op].run(&first, &t);
    for (int threads = 2; !st && threads <= 4; threads += 2) {
      assert_ok(neap_set_threads(threads));
      assert_ok(operations[op].run(&again, &t));
      same_elements(&again, &first, operations[op].name, threads);
      neap_tensor_drop(&again);
    }
    neap_tensor_drop(&first);
    neap_tensor_drop(&t);
  }
}

static void empty_and_single_tensors_pass(void **state) {
  (void)state;
  static const int64_t none[] = {0, 6}, one[] = {1, 6};
  for (int op = 0; op < OPERATIONS; op++)
    for (int kind = 0; kind < 2; kind++) {
      neap_tensor t = counting(NEAP_F64, 2, kind ? one : none), out;
      neap_status st = operations[op].run(&out, &t);
      if (st == NEAP_OK) neap_tensor_drop(&out);
      else assert_non_null(strstr(neap_last_error(), ": "));
      neap_tensor_drop(&t);
    }
}

static void failed_allocations_lose_nothing(void **state) {
  (void)state;
  neap_tensor warm = view_of(1), unused;
  assert_ok(op_matmul(&unused, &warm)); /* the library of products allocates for itself */
  neap_tensor_drop(&unused);
  neap_tensor_drop(&warm);
  for (int op = 0; op < OPERATIONS - 1;
       op++) /* histogram makes its own edges, which must not fail */
    for (int kind = 0; kind < VIEWS; kind++) {
      neap_tensor t = view_of(kind), out;
      with_every_allocation_failing({
        neap_status st = operations[op].run(&out, &t);
        if (st == NEAP_OK) neap_tensor_drop(&out);
        else if (st != NEAP_ENOMEM) fail_msg("%s: %s", operations[op].name, neap_last_error());
      });
      neap_tensor_drop(&t);
    }
}

/* Sorts and windows that take memory of their own: keys that need every bit, over 200 numbers. */
static void failed_allocations_lose_nothing_in_long_rows(void **state) {
  (void)state;
  enum { N = 1000 };
  neap_tensor wide, values, at, out;
  assert_ok(neap_tensor_init_1d(&wide, NEAP_I64, N));
  int64_t *x = neap_tensor_data(&wide);
  for (int64_t i = 0; i < N; i++) x[i] = i == 0 ? INT64_MIN : i == 1 ? INT64_MAX : N - i;
  neap_rolling_options o = {.n = 300, .min_count = 1, .parameter = 0.5};
  with_every_allocation_failing({
    neap_status st = neap_tensor_sort(&values, &at, &wide, 0, false, 0);
    if (!st) st = neap_tensor_rolling(&out, NEAP_ROLLING_QUANTILE, &values, NULL, 0, &o);
    if (st && st != NEAP_ENOMEM) fail_msg("%s", neap_last_error());
    if (!st) neap_tensor_drop(&out);
    neap_tensor_drop(&values);
    neap_tensor_drop(&at);
  });
  neap_tensor_drop(&wide);
}

/* Long rows are folded in blocks; compare with plain sums in more precision. */
static void reductions_match_a_plain_oracle(void **state) {
  (void)state;
  for (int64_t n = 1; n < 40000; n = n * 3 + 5) {
    neap_tensor t = random_tensor(1, &n, (uint64_t)n), out;
    const double *x = neap_tensor_data(&t);
    long double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    for (int64_t i = 0; i < n; i++) squares += (x[i] - sum / n) * (x[i] - sum / n);
    neap_reduce_options o = {.parameter = 0};
    assert_ok(neap_tensor_reduce(&out, NEAP_MEAN, &t, &o));
    assert_number(neap_tensor_get_f64(&out, NULL), (double)(sum / n), F64_TOL);
    neap_tensor_drop(&out);
    assert_ok(neap_tensor_reduce(&out, NEAP_VAR, &t, &o));
    assert_number(neap_tensor_get_f64(&out, NULL), (double)(squares / n), F64_TOL);
    neap_tensor_drop(&out);
    neap_tensor_drop(&t);
  }
}

static void variance_survives_a_large_offset(void **state) {
  (void)state;
  neap_tensor t, out;
  assert_ok(neap_tensor_init_1d(&t, NEAP_F64, 10000));
  double *x = neap_tensor_data(&t);
  for (int i = 0; i < 10000; i++) x[i] = 1e9 + i % 2;
  assert_ok(neap_tensor_reduce(&out, NEAP_VAR, &t, &(neap_reduce_options){.parameter = 0}));
  assert_number(neap_tensor_get_f64(&out, NULL), 0.25, F64_TOL);
  neap_tensor_drop(&out);
  neap_tensor_drop(&t);
}

static void products_match_plain_loops(void **state) {
  (void)state;
  static const int64_t shapes[][3] = {{1, 1, 1},       {3, 5, 2},       {1, 400, 7},  {390, 2, 391},
                                      {70, 1600, 9},   {520, 2, 7},     {6, 1100, 5}, {5, 3, 1030},
                                      {230, 217, 211}, {101, 1001, 103}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    int64_t m = shapes[s][0], k = shapes[s][1], n = shapes[s][2];
    neap_tensor a = random_tensor(2, (const int64_t[]){m, k}, 1), c;
    neap_tensor b = random_tensor(2, (const int64_t[]){k, n}, 2);
    assert_ok(neap_tensor_matmul(&c, &a, &b));
    const double *x = neap_tensor_data(&a), *y = neap_tensor_data(&b), *z = neap_tensor_data(&c);
    for (int64_t i = 0; i < m; i += 1 + m / 9)
      for (int64_t j = 0; j < n; j += 1 + n / 9) {
        double want = 0;
        for (int64_t l = 0; l < k; l++) want += x[i * k + l] * y[l * n + j];
        assert_number(z[i * n + j], want, 1e-11); /* 1600 terms in another order */
      }
    neap_tensor_drop(&a);
    neap_tensor_drop(&b);
    neap_tensor_drop(&c);
  }
}

static void sorting_is_stable_with_nan_last(void **state) {
  (void)state;
  enum { N = 5000 };
  neap_tensor t, values, at;
  assert_ok(neap_tensor_init_1d(&t, NEAP_F32, N));
  float *x = neap_tensor_data(&t);
  neap_rng r = neap_rng_make(9);
  for (int i = 0; i < N; i++) {
    int64_t k = (int64_t)neap_rng_below(&r, 40) - 20;
    x[i] = k == 19 ? NAN : k == 0 && i % 2 ? -0.0f : (float)k * 0.3f;
  }
  for (int down = 0; down < 2; down++) {
    assert_ok(neap_tensor_sort(&values, &at, &t, 0, down, 0));
    const float *v = neap_tensor_data(&values);
    const int64_t *p = neap_tensor_data(&at);
    for (int i = 1; i < N; i++) {
      if (isnan(v[i - 1])) assert_true(isnan(v[i]));
      bool ordered = isnan(v[i]) || (down ? v[i - 1] >= v[i] : v[i - 1] <= v[i]);
      assert_true(ordered);
      if (v[i] == v[i - 1]) assert_true(p[i] > p[i - 1]);
      assert_memory_equal(&v[i], &x[p[i]], sizeof *v);
    }
    neap_tensor_drop(&values);
    neap_tensor_drop(&at);
  }
  neap_tensor_drop(&t);
}

/* Rows that sorts have trouble with. */
static double troublesome(int kind, int64_t i, int64_t n, neap_rng *r) {
  switch (kind) {
  case 0: return neap_rng_normal(r);
  case 1: return (double)i;
  case 2: return (double)(n - i);
  case 3: return 7;
  case 4: return (double)(i < n / 2 ? i : n - i);
  case 5: return (double)neap_rng_below(r, 4) / 3;
  case 6: return neap_rng_below(r, 2) ? NAN : (double)neap_rng_below(r, 100);
  case 7: return i % 3 ? 0.0 : i % 2 ? -0.0 : NAN;
  case 8: return (double)neap_rng_below(r, 1000) * 0x1p-1070;
  case 9: return i % 100 ? 1 + (double)neap_rng_below(r, 1 << 20) * 0x1p-52 : -INFINITY;
  case 10: return i % 17 ? 1e300 * neap_rng_normal(r) : INFINITY;
  case 11: return 1 + (double)(i % 1000 / 60) * 0x1p-52 - (double)(i % 97 == 0);
  default: return (double)(i % 256);
  }
}
enum { TROUBLES = 13 };

/* Whether element j may follow element i in a stable sort. */
static bool follows(const neap_tensor *t, int64_t i, int64_t j, bool down) {
  const int64_t *x = neap_tensor_data(t);
  double a = neap_tensor_get_f64(t, &i), b = neap_tensor_get_f64(t, &j);
  if (isnan(a) || isnan(b)) return isnan(b) && (!isnan(a) || i < j);
  bool less = t->dtype == NEAP_I64 ? x[i] < x[j] : a < b;
  bool more = t->dtype == NEAP_I64 ? x[i] > x[j] : a > b;
  return down ? more || (!less && i < j) : less || (!more && i < j);
}

static void check_sorted(const neap_tensor *t, bool down) {
  neap_tensor values, at, alone;
  int64_t n = neap_tensor_numel(t);
  assert_ok(neap_tensor_sort(&values, &at, t, 0, down, 1));
  assert_ok(neap_tensor_sort(&alone, NULL, t, 0, down, 1));
  const int64_t *p = neap_tensor_data(&at);
  size_t each = neap_dtype_size(t->dtype);
  uint8_t *seen = neap_calloc_array(n + 1, 1);
  for (int64_t i = 0; i < n; i++) {
    assert_true(p[i] >= 1 && p[i] <= n && !seen[p[i]]++);
    const char *x = neap_tensor_data(t), *z = neap_tensor_data(&values);
    if (i > 0 && !follows(t, p[i - 1] - 1, p[i] - 1, down))
      fail_msg("%s: %lld after %lld at %lld", neap_dtype_name(t->dtype), (long long)p[i],
               (long long)p[i - 1], (long long)i);
    assert_memory_equal(z + (size_t)i * each, x + (size_t)(p[i] - 1) * each, each);
  }
  assert_memory_equal(neap_tensor_data(&values), neap_tensor_data(&alone), (size_t)n * each);
  neap_free(seen);
  neap_tensor_drop(&values);
  neap_tensor_drop(&at);
  neap_tensor_drop(&alone);
}

static void every_row_is_sorted(void **state) {
  (void)state;
  static const int64_t large[] = {255, 1000, 4097, 70000, 300000};
  neap_rng r = neap_rng_make(5);
  for (int64_t s = 0; s < 205; s++) {
    int64_t n = s < 200 ? s : large[s - 200];
    for (int kind = 0; kind < TROUBLES; kind++) {
      if (s < 200 && (s + kind) % 3) continue; /* a third of them is enough */
      neap_tensor x;
      assert_ok(neap_tensor_init_1d(&x, NEAP_F64, n));
      double *v = neap_tensor_data(&x);
      for (int64_t i = 0; i < n; i++) v[i] = troublesome(kind, i, n, &r);
      for (neap_dtype d = 0; d < NEAP_DTYPE_COUNT; d++) {
        neap_tensor t;
        if (neap_tensor_as(&t, &x, d)) continue;
        check_sorted(&t, (s + d + kind) % 2);
        neap_tensor_drop(&t);
      }
      neap_tensor_drop(&x);
    }
  }
}

/* Keys that use all 64 bits leave no room for positions. */
static void wide_integers_are_sorted(void **state) {
  (void)state;
  static const int64_t n[] = {100, 5000, 70000};
  neap_rng r = neap_rng_make(6);
  for (int kind = 0; kind < 4; kind++)
    for (int s = 0; s < 3; s++) {
      neap_tensor t;
      assert_ok(neap_tensor_init_1d(&t, NEAP_I64, n[s]));
      int64_t *v = neap_tensor_data(&t);
      for (int64_t i = 0; i < n[s]; i++) {
        uint64_t wide = neap_rng_below(&r, 1 << 30) << 34 | neap_rng_below(&r, (uint64_t)1 << 34);
        uint64_t narrow = neap_rng_below(&r, 5) << 61 | neap_rng_below(&r, 1 << 16);
        v[i] = kind == 0   ? (int64_t)wide
               : kind == 1 ? (int64_t)narrow
               : kind == 2 ? (int64_t)(wide & 0xffff) + (i == 7 ? INT64_MAX / 2 : INT64_MIN)
                           : 1600000000000000000 + (int64_t)(narrow & 0xffff);
      }
      v[0] = INT64_MIN;
      v[1] = INT64_MAX;
      check_sorted(&t, s % 2);
      neap_tensor_drop(&t);
    }
}

static void unique_counts_what_is_equal(void **state) {
  (void)state;
  for (int64_t n = 0; n < 5000; n = 3 * n + 1) {
    neap_tensor t, values, counts;
    neap_rng r = neap_rng_make(7);
    assert_ok(neap_tensor_init_1d(&t, NEAP_F32, n));
    float *x = neap_tensor_data(&t);
    for (int64_t i = 0; i < n; i++) {
      int64_t k = (int64_t)neap_rng_below(&r, 50) - 25;
      x[i] = k == 3 ? NAN : k == 0 && i % 2 ? -0.0f : (float)k;
    }
    assert_ok(neap_tensor_unique(&values, &counts, &t));
    const float *v = neap_tensor_data(&values);
    int64_t total = 0;
    for (int64_t k = 0; k < neap_tensor_numel(&values); k++) {
      int64_t count = 0;
      for (int64_t i = 0; i < n; i++) count += x[i] == v[k] || (isnan(x[i]) && isnan(v[k]));
      assert_int_equal(count, ((const int64_t *)neap_tensor_data(&counts))[k]);
      if (k > 0) assert_true(isnan(v[k]) || v[k] > v[k - 1]);
      total += count;
    }
    assert_int_equal(total, n);
    neap_tensor_drop(&t);
    neap_tensor_drop(&values);
    neap_tensor_drop(&counts);
  }
}

static void conversions_refuse_what_does_not_fit(void **state) {
  (void)state;
  static const struct {
    double value;
    neap_dtype to;
    bool fits;
  } cases[] = {
      {2147483647.9, NEAP_I32, true}, {2147483648.0, NEAP_I32, false}, {-0.9, NEAP_U8, true},
      {-1, NEAP_U8, false},           {255.5, NEAP_U8, true},          {NAN, NEAP_I64, false},
      {0x1p63, NEAP_I64, false},      {-0x1p63, NEAP_I64, true},       {NAN, NEAP_BOOL, true},
      {INFINITY, NEAP_I32, false},
  };
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    neap_scalar s;
    neap_tensor out;
    neap_scalar_f64(&s, NEAP_F64, cases[c].value);
    neap_status st = neap_tensor_as(&out, &s.t, cases[c].to);
    assert_int_equal(st, cases[c].fits ? NEAP_OK : NEAP_EVALUE);
    neap_tensor_drop(&out);
  }
}

static void files_come_back_as_they_were(void **state) {
  (void)state;
  char path[] = "/tmp/neap_npy_XXXXXX.npy";
  close(mkstemps(path, 4));
  static const int64_t size[] = {3, 1, 2};
  for (neap_dtype d = 0; d < NEAP_DTYPE_COUNT; d++)
    for (int ndim = 0; ndim <= 3; ndim++) {
      neap_tensor t = counting(d, ndim, size), back;
      assert_ok(neap_tensor_save_npy(&t, path));
      assert_ok(neap_tensor_load_npy(&back, path));
      same_elements(&back, &t, "npy", (int)d);
      neap_tensor_drop(&back);
      neap_tensor_drop(&t);
    }
  unlink(path);
  neap_tensor none;
  assert_fails(neap_tensor_load_npy(&none, path), NEAP_EIO, path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_operation_takes_every_view),
      cmocka_unit_test(bits_do_not_depend_on_threads),
      cmocka_unit_test(empty_and_single_tensors_pass),
      cmocka_unit_test(failed_allocations_lose_nothing),
      cmocka_unit_test(failed_allocations_lose_nothing_in_long_rows),
      cmocka_unit_test(reductions_match_a_plain_oracle),
      cmocka_unit_test(variance_survives_a_large_offset),
      cmocka_unit_test(products_match_plain_loops),
      cmocka_unit_test(sorting_is_stable_with_nan_last),
      cmocka_unit_test(every_row_is_sorted),
      cmocka_unit_test(wide_integers_are_sorted),
      cmocka_unit_test(unique_counts_what_is_equal),
      cmocka_unit_test(conversions_refuse_what_does_not_fit),
      cmocka_unit_test(files_come_back_as_they_were),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
