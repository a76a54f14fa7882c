/* Products of matrices: the kernels of every table, and what matmul makes of them. */
#include "check.h"

#include <float.h>
#include <stdlib.h>

#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "kern/kern.h"
#include "tensor/tensor.h"

static const neap_dtype dtypes[] = {NEAP_F64, NEAP_F32, NEAP_I64};

/* kernels -------------------------------------------------------------------------------------- */

enum { SIDE = 70, LONGEST = NEAP_STRETCH, ROOM = 40 * 1024, GUARD = 77 };

typedef struct {
  double f64[ROOM];
  float f32[ROOM];
  int64_t i64[ROOM];
} numbers;

static numbers a, b, packed, got, want;

static void *as(neap_dtype d, numbers *x) {
  return d == NEAP_F64 ? (void *)x->f64 : d == NEAP_F32 ? (void *)x->f32 : (void *)x->i64;
}

/* The same small integers in every dtype: sums of products of them are exact, in any order. */
static void fill_exact(numbers *x, uint64_t seed) {
  neap_rng r = neap_rng_make(seed);
  for (int i = 0; i < ROOM; i++) {
    x->i64[i] = (int64_t)neap_rng_below(&r, 21) - 10;
    x->f32[i] = (float)x->i64[i];
    x->f64[i] = (double)x->i64[i];
  }
}

static void fill_guard(numbers *x) {
  for (int i = 0; i < ROOM; i++) {
    x->i64[i] = GUARD;
    x->f32[i] = GUARD;
    x->f64[i] = GUARD;
  }
}

/* c += a b in the first of the definitions: one element after the other. */
static void plain(int64_t m, int64_t n, int64_t k, int64_t cs, int64_t as_, int64_t at, int64_t bs,
                  int64_t bt, bool add) {
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      int64_t sum = add ? want.i64[i * cs + j] : 0;
      for (int64_t l = 0; l < k; l++) sum += a.i64[i * as_ + l * at] * b.i64[l * bs + j * bt];
      want.i64[i * cs + j] = sum;
      want.f64[i * cs + j] = (double)sum;
      want.f32[i * cs + j] = (float)sum;
    }
}

static size_t bytes_of(neap_dtype d) { return ROOM * (size_t)(d == NEAP_F32 ? 4 : 8); }

static void check_shape(const neap_kern *table, int64_t m, int64_t n, int64_t k, int layout) {
  int64_t as_ = layout & 1 ? 1 : k + 1, at = layout & 1 ? m + 2 : 1;
  int64_t bs = layout & 2 ? 1 : n + 3, bt = layout & 2 ? k + 1 : 1;
  bool add = layout & 4;
  fill_guard(&want);
  plain(m, n, k, n + 2, as_, at, bs, bt, add);
  for (size_t t = 0; t < 3; t++) {
    neap_dtype d = dtypes[t];
    const neap_gemm *g = &table->gemm[d];
    fill_guard(&got);
    g->pack(k, n, as(d, &packed), as(d, &b), bs, bt);
    g->multiply(m, n, k, as(d, &got), n + 2, as(d, &a), as_, at, as(d, &packed), 0, add);
    if (memcmp(as(d, &got), as(d, &want), bytes_of(d)) != 0)
      fail_msg("%s, dtype %d: %d x %d x %d, layout %d", table->name, (int)d, (int)m, (int)n, (int)k,
               layout);
    if (bt != 1 || n % (g->panel / 2) != 0) continue;
    fill_guard(&got);
    g->multiply(m, n, k, as(d, &got), n + 2, as(d, &a), as_, at, as(d, &b), bs, add);
    assert_memory_equal(as(d, &got), as(d, &want), bytes_of(d));
  }
}

static void kernels_match_plain_loops(void **state) {
  (void)state;
  const neap_kern *table;
  fill_exact(&a, 1);
  fill_exact(&b, 2);
  for (int t = 0; (table = neap_kern_at(t)); t++) {
    neap_rng r = neap_rng_make(3);
    for (int64_t m = 1; m <= SIDE; m += m < 30 ? 1 : 9)
      for (int64_t n = 1; n <= SIDE; n += n < 34 ? 1 : 9)
        check_shape(table, m, n, 1 + (int64_t)neap_rng_below(&r, 20), (int)neap_rng_below(&r, 8));
    for (int layout = 0; layout < 8; layout++) {
      check_shape(table, 2, 64, LONGEST, layout);
      check_shape(table, 3, 260, 20, layout);
      check_shape(table, 29, 33, 70, layout);
    }
  }
}

/* Rows of k adjacent numbers against one row, or each against its own, in every dtype. */
static void check_dots(const neap_kern *table, int64_t n, int64_t k, bool shared, bool add) {
  int64_t step = k + 5;
  fill_guard(&want);
  for (int64_t i = 0; i < n; i++) {
    int64_t sum = add ? GUARD : 0;
    for (int64_t l = 0; l < k; l++) sum += a.i64[(shared ? 0 : i * k) + l] * b.i64[i * step + l];
    want.i64[i] = sum;
    want.f64[i] = (double)sum;
    want.f32[i] = (float)sum;
  }
  for (size_t t = 0; t < 3; t++) {
    neap_dtype d = dtypes[t];
    fill_guard(&got);
    table->gemm[d].dots(n, k, as(d, &got), as(d, &a), shared ? 0 : k, as(d, &b), step, add);
    if (memcmp(as(d, &got), as(d, &want), bytes_of(d)) != 0)
      fail_msg("%s, dtype %d: %d dots of %d", table->name, (int)d, (int)n, (int)k);
  }
}

static void dots_match_plain_loops(void **state) {
  (void)state;
  const neap_kern *table;
  for (int t = 0; (table = neap_kern_at(t)); t++)
    for (int64_t n = 1; n <= SIDE; n++)
      for (int q = 0; q < 4; q++) {
        check_dots(table, n, 1 + n % 23, q & 1, q & 2);
        check_dots(table, n, n % 2 ? LONGEST : 40, q & 1, q & 2);
      }
}

/* avx2 and avx512, both with fused multiply-add, give the same bits. */
static void tables_agree(void **state) {
  (void)state;
  const neap_kern *first = neap_kern_at(1), *second = neap_kern_at(2);
  enum { M = 31, N = 45, K = 300 };
  if (!second) skip();
  neap_rng r = neap_rng_make(4);
  for (int i = 0; i < ROOM; i++) {
    a.f64[i] = neap_rng_normal(&r);
    b.f64[i] = neap_rng_normal(&r);
    a.f32[i] = (float)a.f64[i];
    b.f32[i] = (float)b.f64[i];
  }
  for (size_t t = 0; t < 2; t++) {
    neap_dtype d = dtypes[t];
    for (int half = 0; half < 2; half++) {
      const neap_gemm *g = &(half ? second : first)->gemm[d];
      numbers *c = half ? &got : &want;
      fill_guard(c);
      g->pack(K, N, as(d, &packed), as(d, &b), N, 1);
      g->multiply(M, N, K, as(d, c), N, as(d, &a), K, 1, as(d, &packed), 0, false);
    }
    assert_memory_equal(as(d, &got), as(d, &want), bytes_of(d));
    for (int l = 0; l < K; l++) { /* the first column as a row */
      packed.f64[l] = b.f64[l * N];
      packed.f32[l] = b.f32[l * N];
    }
    second->gemm[d].dots(M, K, as(d, &got), as(d, &packed), 0, as(d, &a), K, false);
    for (int i = 0; i < M; i++)
      if (d == NEAP_F64) assert_true(got.f64[i] == want.f64[i * N]);
      else assert_true(got.f32[i] == want.f32[i * N]);
  }
}

/* matmul --------------------------------------------------------------------------------------- */

static neap_tensor normal(neap_dtype d, int ndim, const int64_t *size, uint64_t seed) {
  neap_tensor t;
  neap_rng r = neap_rng_make(seed);
  assert_ok(neap_tensor_init(&t, d, ndim, size));
  int64_t n = neap_tensor_numel(&t);
  for (int64_t i = 0; i < n; i++)
    if (d == NEAP_F64) ((double *)neap_tensor_data(&t))[i] = neap_rng_normal(&r);
    else if (d == NEAP_F32) ((float *)neap_tensor_data(&t))[i] = (float)neap_rng_normal(&r);
    else ((int64_t *)neap_tensor_data(&t))[i] = (int64_t)neap_rng_bits(&r);
  return t;
}

static neap_tensor matrix_of(neap_dtype d, int64_t m, int64_t n, uint64_t seed) {
  return normal(d, 2, (const int64_t[]){m, n}, seed);
}

/* A view of m x n normal numbers laid out in one of five ways. */
static neap_tensor laid_out(neap_dtype d, int64_t m, int64_t n, int way, uint64_t seed) {
  neap_tensor whole, t = {0};
  int64_t size[] = {m, n};
  switch (way) {
  case 0: return matrix_of(d, m, n, seed);
  case 1:
    whole = matrix_of(d, n, m, seed);
    assert_ok(neap_tensor_transpose(&t, &whole, 0, 1));
    break;
  case 2: /* every second column, backwards */
    whole = matrix_of(d, m, 2 * n, seed);
    assert_ok(neap_tensor_slice(&t, &whole, 1, 2 * n - 1, n, -2));
    break;
  case 3:
    whole = matrix_of(d, 1, n, seed);
    assert_ok(neap_tensor_expand(&t, &whole, 2, size));
    break;
  default: whole = matrix_of(d, m, 1, seed); assert_ok(neap_tensor_expand(&t, &whole, 2, size));
  }
  neap_tensor_drop(&whole);
  return t;
}

/* |got - sum a b| <= k eps sum |a b|, eps the unit roundoff; i64 wraps. */
static void check_product(const neap_tensor *c, const neap_tensor *x, const neap_tensor *y) {
  int64_t m = x->size[0], k = x->size[1], n = y->size[1];
  for (int64_t i = 0; i < m; i += 1 + m / 17)
    for (int64_t j = 0; j < n; j += 1 + n / 19) {
      long double sum = 0, size = 0;
      uint64_t whole = 0;
      for (int64_t l = 0; l < k; l++) {
        const int64_t p[] = {i, l}, q[] = {l, j};
        if (c->dtype == NEAP_I64) {
          whole += (uint64_t)neap_tensor_get_i64(x, p) * (uint64_t)neap_tensor_get_i64(y, q);
          continue;
        }
        long double term =
            (long double)neap_tensor_get_f64(x, p) * (long double)neap_tensor_get_f64(y, q);
        sum += term;
        size += fabsl(term);
      }
      const int64_t at[] = {i, j};
      long double eps = c->dtype == NEAP_F32 ? FLT_EPSILON / 2 : DBL_EPSILON / 2;
      if (c->dtype == NEAP_I64) assert_int_equal(neap_tensor_get_i64(c, at), (int64_t)whole);
      else if (!(fabsl(neap_tensor_get_f64(c, at) - sum) <= (long double)k * eps * size))
        fail_msg("%d x %d x %d: element %d, %d is %.17g, expected %.17Lg", (int)m, (int)n, (int)k,
                 (int)i, (int)j, neap_tensor_get_f64(c, at), sum);
    }
}

static void products_match_the_definition(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(11);
  for (int round = 0; round < 400; round++) {
    int64_t limit = round < 300 ? 71 : 700, s[3];
    for (int q = 0; q < 3; q++)
      s[q] = (int64_t)neap_rng_below(&r, neap_rng_below(&r, 3) ? (uint64_t)limit : 5);
    neap_dtype d = dtypes[neap_rng_below(&r, 3)];
    neap_tensor x = laid_out(d, s[0], s[2], (int)neap_rng_below(&r, 5), (uint64_t)round);
    neap_tensor y = laid_out(d, s[2], s[1], (int)neap_rng_below(&r, 5), (uint64_t)round + 1000), c;
    assert_ok(neap_tensor_matmul(&c, &x, &y));
    assert_int_equal(c.size[0], s[0]);
    assert_int_equal(c.size[1], s[1]);
    check_product(&c, &x, &y);
    neap_tensor_drop(&x);
    neap_tensor_drop(&y);
    neap_tensor_drop(&c);
  }
}

static void assert_same_bits(const neap_tensor *x, const neap_tensor *y) {
  assert_true(neap_tensor_same_shape(x, y));
  size_t bytes = (size_t)neap_tensor_numel(x) * neap_dtype_size(x->dtype);
  assert_memory_equal(neap_tensor_data(x), neap_tensor_data(y), bytes);
}

static const int64_t shapes[][3] = {{1, 1, 3000},   {300, 1, 500},  {1, 300, 500},  {33, 3, 900},
                                    {3, 900, 40},   {40, 40, 40},   {15, 100, 800}, {217, 229, 231},
                                    {600, 50, 400}, {60, 1100, 401}};

/* Part of the rows (dim 0) or columns (dim 1) of x y, computed alone. */
static void check_part(const neap_tensor *c, const neap_tensor *x, const neap_tensor *y, int dim,
                       int64_t start, int64_t count) {
  neap_tensor part, some, alone, plain_some;
  assert_ok(neap_tensor_slice(&part, dim ? y : x, dim, start, count, 1));
  assert_ok(neap_tensor_slice(&some, c, dim, start, count, 1));
  assert_ok(dim ? neap_tensor_matmul(&alone, x, &part) : neap_tensor_matmul(&alone, &part, y));
  assert_ok(neap_tensor_clone(&plain_some, &some));
  assert_same_bits(&alone, &plain_some);
  neap_tensor_drop(&part);
  neap_tensor_drop(&some);
  neap_tensor_drop(&alone);
  neap_tensor_drop(&plain_some);
}

/* An element depends on its row and its column only: not on others, nor on strides. */
static void parts_equal_the_whole(void **state) {
  (void)state;
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (int t = 0; t < 2; t++) {
      int64_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
      neap_tensor x = matrix_of(dtypes[t], m, k, s), y = matrix_of(dtypes[t], k, n, s + 50), c;
      assert_ok(neap_tensor_matmul(&c, &x, &y));
      for (int64_t i = 0; i < m; i += 1 + m / 4) check_part(&c, &x, &y, 0, i, 1);
      for (int64_t j = 0; j < n; j += 1 + n / 4) check_part(&c, &x, &y, 1, j, 1);
      check_part(&c, &x, &y, 0, m / 2, m - m / 2);
      check_part(&c, &x, &y, 1, n / 3, n - n / 3);
      neap_tensor turned, back, same;
      assert_ok(neap_tensor_transpose(&turned, &y, 0, 1));
      neap_tensor_drop(&y);
      assert_ok(neap_tensor_clone(&y, &turned));
      neap_tensor_drop(&turned);
      assert_ok(neap_tensor_transpose(&back, &y, 0, 1)); /* the same numbers, by columns */
      assert_ok(neap_tensor_matmul(&same, &x, &back));
      assert_same_bits(&c, &same);
      neap_tensor_drop(&back);
      neap_tensor_drop(&same);
      neap_tensor_drop(&x);
      neap_tensor_drop(&y);
      neap_tensor_drop(&c);
    }
}

static void threads_change_no_bit(void **state) {
  (void)state;
  int before = neap_threads();
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    neap_tensor x = matrix_of(NEAP_F32, shapes[s][0], shapes[s][2], s), c, other;
    neap_tensor y = matrix_of(NEAP_F32, shapes[s][2], shapes[s][1], s);
    assert_ok(neap_set_threads(1));
    assert_ok(neap_tensor_matmul(&c, &x, &y));
    for (int threads = 2; threads <= 4; threads += 2) {
      assert_ok(neap_set_threads(threads));
      assert_ok(neap_tensor_matmul(&other, &x, &y));
      assert_same_bits(&c, &other);
      neap_tensor_drop(&other);
    }
    neap_tensor_drop(&x);
    neap_tensor_drop(&y);
    neap_tensor_drop(&c);
  }
  assert_ok(neap_set_threads(before));
}

/* A batch gives what its products give one by one, whichever of its dimensions are stretched. */
static void batches_equal_single_products(void **state) {
  (void)state;
  static const int64_t cases[][4] = {{3, 4, 3, 4}, {3, 4, 1, 1}, {1, 4, 3, 1}, {1, 1, 2, 3}};
  for (size_t q = 0; q < sizeof cases / sizeof *cases; q++) {
    const int64_t *v = cases[q];
    int64_t left[] = {v[0], v[1], 5, 17}, right[] = {v[2], v[3], 17, 19};
    neap_tensor x = normal(NEAP_F64, 4, left, q), y = normal(NEAP_F64, 4, right, q + 9), c;
    assert_ok(neap_tensor_matmul(&c, &x, &y));
    for (int64_t i = 0; i < c.size[0]; i++)
      for (int64_t j = 0; j < c.size[1]; j++) {
        neap_tensor one[3], two[3], alone;
        const neap_tensor *from[] = {&x, &y, &c};
        for (int p = 0; p < 3; p++) {
          assert_ok(neap_tensor_select(&one[p], from[p], 0, from[p]->size[0] > 1 ? i : 0));
          assert_ok(neap_tensor_select(&two[p], &one[p], 0, from[p]->size[1] > 1 ? j : 0));
          neap_tensor_drop(&one[p]);
        }
        assert_ok(neap_tensor_matmul(&alone, &two[0], &two[1]));
        assert_same_bits(&alone, &two[2]);
        for (int p = 0; p < 3; p++) neap_tensor_drop(&two[p]);
        neap_tensor_drop(&alone);
      }
    neap_tensor_drop(&x);
    neap_tensor_drop(&y);
    neap_tensor_drop(&c);
  }
}

static void zeros_do_not_hide_what_is_not_a_number(void **state) {
  (void)state;
  for (int64_t n = 1; n < 70; n += 17) {
    neap_tensor x = matrix_of(NEAP_F64, 9, 20, 1), y = matrix_of(NEAP_F64, 20, n, 2), c;
    double *p = neap_tensor_data(&x), *q = neap_tensor_data(&y);
    for (int l = 0; l < 20; l++) p[3 * 20 + l] = 0;
    q[4 * n] = INFINITY;
    p[5 * 20 + 1] = NAN;
    assert_ok(neap_tensor_matmul(&c, &x, &y));
    const double *z = neap_tensor_data(&c);
    for (int64_t j = 0; j < n; j++) {
      assert_true(isnan(z[5 * n + j]));
      assert_true(j == 0 ? isnan(z[3 * n]) : z[3 * n + j] == 0);
    }
    assert_true(isinf(z[0]));
    neap_tensor_drop(&x);
    neap_tensor_drop(&y);
    neap_tensor_drop(&c);
  }
}

static void failures_leave_nothing(void **state) {
  (void)state;
  neap_tensor x = matrix_of(NEAP_F64, 200, 300, 1), y = matrix_of(NEAP_F64, 300, 150, 2), c;
  with_every_allocation_failing({
    neap_status st = neap_tensor_matmul(&c, &x, &y);
    if (st == NEAP_OK) neap_tensor_drop(&c);
    else assert_int_equal(st, NEAP_ENOMEM);
  });
  neap_interrupt_raise();
  assert_fails(neap_tensor_matmul(&c, &x, &y), NEAP_EINTERRUPT, "interrupted");
  neap_interrupt_clear();
  assert_null(c.storage);
  neap_tensor_drop(&x);
  neap_tensor_drop(&y);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kernels_match_plain_loops),
      cmocka_unit_test(dots_match_plain_loops),
      cmocka_unit_test(tables_agree),
      cmocka_unit_test(products_match_the_definition),
      cmocka_unit_test(parts_equal_the_whole),
      cmocka_unit_test(threads_change_no_bit),
      cmocka_unit_test(batches_equal_single_products),
      cmocka_unit_test(zeros_do_not_hide_what_is_not_a_number),
      cmocka_unit_test(failures_leave_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
