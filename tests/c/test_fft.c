/* Fourier transforms in C: against the sum they stand for, the same bits however they are run,
 * failing allocations, interrupts. Values of NumPy's are tested from Lua. */
#include <math.h>
#include <stdlib.h>

#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "check.h"
#include "tensor/fft.h"

static neap_tensor noise(int ndim, const int64_t *size) {
  neap_tensor t;
  neap_rng r = neap_rng_make(3);
  assert_ok(neap_tensor_randn(&t, NEAP_F64, ndim, size, &r));
  return t;
}

static neap_tensor fourier(neap_fft_kind kind, const neap_tensor *t, neap_fft_options o) {
  neap_tensor out;
  assert_ok(neap_tensor_fft(&out, kind, t, &o));
  return out;
}

/* The roots of unity by the C library's widest functions. */
static void roots_are_exact_to_an_ulp(void **state) {
  (void)state;
  const long double turn = 6.283185307179586476925286766559005768L;
  for (int64_t n = 1; n < 300; n++)
    for (int64_t k = 0; k < n; k++) {
      double w[2];
      neap__root(w, k, n);
      long double angle = turn * (long double)k / (long double)n;
      assert_true(fabsl((long double)w[0] - cosl(angle)) < 1e-16L);
      assert_true(fabsl((long double)w[1] + sinl(angle)) < 1e-16L);
    }
  double w[2];
  for (int64_t n = 8; n < 1 << 20; n *= 8) {
    neap__root(w, n / 4, n);
    assert_true(w[0] == 0 && w[1] == -1);
    neap__root(w, n / 2, n);
    assert_true(w[0] == -1 && w[1] == 0);
    neap__root(w, n / 8, n);
    assert_true(fabs(w[0] + w[1]) <= 0x1p-53);
  }
}

/* Largest |got - sum|, at some 300 places, over the root of sum |x|^2, which the error of a
 * transform goes with. */
static double error_of(int64_t n, const double *x, const double *got, bool inverse) {
  long double worst = 0, power = 0;
  long double *w = malloc((size_t)n * 2 * sizeof *w);
  const long double turn = 6.283185307179586476925286766559005768L;
  for (int64_t k = 0; k < n; k++) {
    w[2 * k] = cosl(turn * (long double)k / (long double)n);
    w[2 * k + 1] = sinl(turn * (long double)k / (long double)n) * (inverse ? 1 : -1);
    power += (long double)x[2 * k] * (long double)x[2 * k] +
             (long double)x[2 * k + 1] * (long double)x[2 * k + 1];
  }
  for (int64_t k = 0; k < n; k += 1 + n / 300) {
    long double re = 0, im = 0;
    for (int64_t j = 0; j < n; j++) {
      const long double *u = w + 2 * (j * k % n);
      re += (long double)x[2 * j] * u[0] - (long double)x[2 * j + 1] * u[1];
      im += (long double)x[2 * j] * u[1] + (long double)x[2 * j + 1] * u[0];
    }
    worst = fmaxl(
        worst, fmaxl(fabsl(re - (long double)got[2 * k]), fabsl(im - (long double)got[2 * k + 1])));
  }
  free(w);
  return (double)(worst / sqrtl(power));
}

static void every_length_is_the_sum(void **state) {
  (void)state;
  const int64_t more[] = {128,  169,  243,  256,   343,  360,   509,   512,   625,
                          720,  1000, 1001, 1009,  1024, 1331,  2048,  2187,  2310,
                          8191, 8192, 8200, 16384, 9261, 19683, 20000, 20011, 32768};
  for (int64_t i = 1; i <= 110 + (int64_t)(sizeof more / sizeof *more); i++) {
    int64_t n = i <= 110 ? i : more[i - 111];
    neap_tensor x = noise(2, (int64_t[]){n, 2});
    for (int inverse = 0; inverse < 2; inverse++) {
      neap_fft_options o = {.complex = true,
                            .norm = inverse ? NEAP_FFT_FORWARD : NEAP_FFT_BACKWARD};
      neap_tensor y = fourier(inverse ? NEAP_IFFT : NEAP_FFT, &x, o);
      double error = error_of(n, neap_tensor_data(&x), neap_tensor_data(&y), inverse);
      if (error > 4 * 0x1p-53 * log2((double)n + 1))
        fail_msg("%lld points: an error of %g eps", (long long)n, error * 0x1p53);
      neap_tensor_drop(&y);
    }
    neap_tensor_drop(&x);
  }
}

/* What is real, against the same as pairs. */
static void real_ones_agree_with_pairs(void **state) {
  (void)state;
  const int64_t lengths[] = {1,  2,  3,  4,  5,   6,   7,   8,    15,   16,
                             17, 34, 97, 98, 100, 129, 200, 1018, 1024, 20000};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    int64_t n = lengths[i], m = n / 2 + 1;
    neap_tensor x = noise(2, (int64_t[]){3, n}), pairs, re;
    assert_ok(neap_tensor_init(&pairs, NEAP_F64, 3, (int64_t[]){3, n, 2}));
    assert_ok(neap_tensor_select(&re, &pairs, 2, 0));
    assert_ok(neap_tensor_copy(&re, &x));
    neap_tensor want = fourier(NEAP_FFT, &pairs, (neap_fft_options){.complex = true, .dim = 1});
    neap_tensor whole = fourier(NEAP_FFT, &x, (neap_fft_options){.dim = 1});
    neap_tensor part = fourier(NEAP_RFFT, &x, (neap_fft_options){.dim = 1});
    neap_tensor back = fourier(NEAP_IRFFT, &part, (neap_fft_options){.dim = 1, .n = n});
    const double *a = neap_tensor_data(&want), *b = neap_tensor_data(&whole);
    const double *c = neap_tensor_data(&part), *d = neap_tensor_data(&back);
    const double *from = neap_tensor_data(&x);
    double near = 1e-15 * sqrt((double)n) * log2((double)n + 1);
    for (int64_t row = 0; row < 3; row++)
      for (int64_t k = 0; k < 2 * n; k++) {
        assert_true(fabs(a[row * 2 * n + k] - b[row * 2 * n + k]) <= near);
        if (k < 2 * m) assert_true(b[row * 2 * n + k] == c[row * 2 * m + k]);
        if (k < n) assert_true(fabs(d[row * n + k] - from[row * n + k]) <= near);
      }
    neap_tensor *all[] = {&x, &pairs, &re, &want, &whole, &part, &back};
    for (int k = 0; k < 7; k++) neap_tensor_drop(all[k]);
  }
}

/* A row alone, in a batch, and at any thread count. */
static void bits_do_not_depend_on_company(void **state) {
  (void)state;
  const int64_t lengths[] = {5, 17, 60, 61, 64, 100, 243, 509, 1000, 8192, 9000, 10007, 20000};
  int threads = neap_threads();
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    int64_t n = lengths[i], rows = 13;
    neap_tensor x = noise(3, (int64_t[]){rows, n, 2});
    neap_fft_options o = {.complex = true, .dim = 1};
    neap_tensor y[2], one, alone;
    for (int t = 0; t < 2; t++) {
      assert_ok(neap_set_threads(t ? 4 : 1));
      y[t] = fourier(NEAP_FFT, &x, o);
    }
    size_t bytes = (size_t)(2 * n) * sizeof(double);
    assert_memory_equal(neap_tensor_data(&y[0]), neap_tensor_data(&y[1]), (size_t)rows * bytes);
    for (int64_t row = 0; row < rows; row += 6) {
      assert_ok(neap_tensor_select(&one, &x, 0, row));
      alone = fourier(NEAP_FFT, &one, (neap_fft_options){.complex = true});
      assert_memory_equal(neap_tensor_data(&alone),
                          (const double *)neap_tensor_data(&y[0]) + row * 2 * n, bytes);
      neap_tensor_drop(&one);
      neap_tensor_drop(&alone);
    }
    neap_tensor_drop(&x);
    neap_tensor_drop(&y[0]);
    neap_tensor_drop(&y[1]);
  }
  assert_ok(neap_set_threads(threads));
}

/* Every pass, at every number of sequences, in every table. */
static void tables_give_the_same_bits(void **state) {
  (void)state;
  enum { M = 3, S = 21, ROOM = NEAP_FFT_RADIX * M * S };
  static double x[2][ROOM], w[2 * NEAP_FFT_RADIX * M], z[2][2][ROOM];
  neap_tensor t = noise(1, (int64_t[]){2 * ROOM});
  memcpy(x, neap_tensor_data(&t), sizeof x);
  memcpy(w, x, sizeof w);
  for (int i = 1; neap_kern_at(i); i++)
    for (int r = 2; r <= NEAP_FFT_RADIX; r++)
      for (int64_t s = 1; neap_kern_at(0)->fft->pass[r] && s <= S; s++) {
        memset(z, 0, sizeof z);
        for (int side = 0; side < 2; side++)
          neap_kern_at(side * i)->fft->pass[r](M, s, z[side][0], z[side][1], x[0], x[1], w);
        assert_memory_equal(z[0], z[1], sizeof z[0]);
      }
  neap_tensor_drop(&t);
}

/* Each way of computing once, whatever becomes of it. */
static neap_status everything(const neap_tensor *x, const neap_tensor *pairs) {
  const int64_t lengths[] = {7, 60, 67, 1000, 1001, 19683};
  neap_status st = NEAP_OK;
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
    for (neap_fft_kind kind = NEAP_FFT; kind <= NEAP_IRFFT; kind++) {
      neap_tensor out;
      neap_fft_options o = {.dim = 0, .n = lengths[i]};
      bool takes_pairs = kind == NEAP_IFFT || kind == NEAP_IRFFT;
      neap_status now = neap_tensor_fft(&out, kind, takes_pairs ? pairs : x, &o);
      if (now) st = now;
      neap_tensor_drop(&out);
    }
  return st;
}

static void survives_failing_allocations(void **state) {
  (void)state;
  neap_tensor x = noise(1, (int64_t[]){100}), pairs = noise(2, (int64_t[]){50, 2});
  assert_ok(everything(&x, &pairs));
  with_every_allocation_failing(everything(&x, &pairs));
  neap_tensor_drop(&x);
  neap_tensor_drop(&pairs);
}

static void stops_when_interrupted(void **state) {
  (void)state;
  neap_tensor x = noise(1, (int64_t[]){100}), pairs = noise(2, (int64_t[]){50, 2}), out;
  neap_interrupt_raise();
  assert_int_equal(everything(&x, &pairs), NEAP_EINTERRUPT);
  neap_fft_options o = {0};
  assert_fails(neap_tensor_fft(&out, NEAP_FFT, &x, &o), NEAP_EINTERRUPT, "interrupted");
  neap_interrupt_clear();
  assert_ok(everything(&x, &pairs));
  neap_tensor_drop(&x);
  neap_tensor_drop(&pairs);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(roots_are_exact_to_an_ulp),  cmocka_unit_test(every_length_is_the_sum),
      cmocka_unit_test(real_ones_agree_with_pairs), cmocka_unit_test(bits_do_not_depend_on_company),
      cmocka_unit_test(tables_give_the_same_bits),  cmocka_unit_test(survives_failing_allocations),
      cmocka_unit_test(stops_when_interrupted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
