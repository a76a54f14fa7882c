#include "base/pool.h"
#include "check.h"
#include "tensor/draw.h"

/* Logarithms of probabilities to 17 digits, from sums of 60 digits. */
static void probabilities_are_exact_at_any_mean(void **state) {
  (void)state;
  static const double poisson[][3] = {
      {0, 10, -10},
      {1, 10, -7.6974149070059543},
      {10, 10, -2.0785616431350585},
      {15, 12.5, -2.51334171921706},
      {16, 12.5, -2.7602017971485858},
      {40, 12.5, -21.791493942427178},
      {90, 100, -3.6873228812811037},
      {160, 100, -18.657626952794447},
      {1000100, 1e6, -7.8317437263536434},
      {999970000, 1e9, -11.730560951603711},
      {1000200000, 1e9, -31.27933824174653},
      {1000000100000000, 1e15, -23.188326613993355},
  };
  static const double binomial[][4] = {
      {0, 30, 0.4, -15.324768712979722},
      {30, 30, 0.4, -27.48872195622465},
      {12, 30, 0.4, -1.9147733651424684},
      {17, 30, 0.4, -3.6166765052486619},
      {3, 100, 0.11, -5.9321068708312627},
      {40, 100, 0.11, -30.492463085811421},
      {300, 1000, 0.3, -3.5928057905186981},
      {10, 1e9, 1e-8, -2.0785616381350584},
      {399990000, 1e9, 0.4, -10.775343019284176},
      {250000010000000, 1e15, 0.25, -17.618005191503809},
      {12, 1e15, 1e-14, -2.3561933797333339},
  };
  for (size_t i = 0; i < sizeof poisson / sizeof *poisson; i++) {
    double got = neap__log_poisson(poisson[i][0], poisson[i][1]);
    assert_same(1, &got, &poisson[i][2], F64_TOL);
  }
  for (size_t i = 0; i < sizeof binomial / sizeof *binomial; i++) {
    const double *b = binomial[i];
    double got = neap__log_binomial(b[0], b[1], b[2], 1 - b[2]);
    assert_same(1, &got, &b[3], F64_TOL);
  }
}

/* What transformed rejection needs: the hat is nowhere below the probability, or above 1 where it
 * accepts without a look. Checked for every k within 6 deviations, at the ends of its interval. */
static void hats_cover(const neap__counts *c, double mean, double deviation) {
  for (double u = 1.0 / 4096; u < 1; u += 1.0 / 4096) {
    double x = u - 0.5, side = 0.5 - fabs(x);
    double k = floor((2 * c->a / side + c->b) * x + c->center);
    if (k < 0 || k > c->n || fabs(k - mean) > 6 * deviation) continue;
    double log_p =
        c->n < INFINITY ? neap__log_binomial(k, c->n, c->p, c->q) : neap__log_poisson(k, c->mean);
    double height = exp(log_p - c->log_scale) * (c->a / (side * side) + c->b);
    if (height > 1) fail_msg("mean %g, u %g: accepts with probability %g", mean, u, height);
    if (side >= 0.07 && height < c->quick)
      fail_msg("mean %g, u %g: %g accepted at once", mean, u, height);
  }
}

static void hats_are_above_the_probabilities(void **state) {
  (void)state;
  for (double rate = 10; rate < 1e12; rate *= 1.37) {
    neap__counts c = neap__counts_poisson(rate);
    hats_cover(&c, rate, sqrt(rate));
  }
  for (double p = 0.5; p > 1e-4; p *= 0.81)
    for (double n = ceil(10 / p); n < 1e10; n = ceil(n * 1.7)) {
      neap__counts c = neap__counts_binomial(n, p);
      hats_cover(&c, n * p, sqrt(n * p * (1 - p)));
    }
}

static void samples_have_no_repeats_and_refuse_nonsense(void **state) {
  (void)state;
  neap_tensor t;
  neap_rng r = neap_rng_make(1);
  assert_ok(neap_tensor_sample(&t, 7, 7, 1, &r));
  int seen[8] = {0};
  for (int i = 0; i < 7; i++) seen[((int64_t *)neap_tensor_data(&t))[i]]++;
  for (int i = 1; i <= 7; i++) assert_int_equal(seen[i], 1);
  neap_tensor_drop(&t);
  assert_int_equal(r.next, 7);
  assert_int_equal(neap_tensor_sample(&t, 7, 8, 1, &r), NEAP_EARG);
  assert_int_equal(neap_tensor_sample(&t, -1, 0, 1, &r), NEAP_EARG);
  assert_int_equal(neap_tensor_sample(&t, 7, -1, 1, &r), NEAP_EARG);
  assert_int_equal(r.next, 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(probabilities_are_exact_at_any_mean),
      cmocka_unit_test(hats_are_above_the_probabilities),
      cmocka_unit_test(samples_have_no_repeats_and_refuse_nonsense),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
