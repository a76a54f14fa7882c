#include "sim/perf.h"

#include <math.h>

#include "base/civil.h"
#include "base/interrupt.h"

enum { POLL_EVERY = 1 << 19 };

#define NS_PER_YEAR (365.25 * 86400e9)

/* Neumaier's sum: the error does not grow with n. */
typedef struct {
  double sum, rest;
} exact_sum;

static void sum_add(exact_sum *s, double x) {
  double t = s->sum + x;
  s->rest += fabs(s->sum) >= fabs(x) ? (s->sum - t) + x : (x - t) + s->sum;
  s->sum = t;
}

static double sum_get(const exact_sum *s) { return s->sum + s->rest; }

neap_status neap_perf_returns(int64_t n, const double *equity, double start, double *returns) {
  double before = start;
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    returns[i] = before > 0 ? equity[i] / before - 1 : NAN;
    before = equity[i];
  }
  return NEAP_OK;
}

neap_status neap_perf_equity(int64_t n, const double *returns, double start, double *equity) {
  double e = start;
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    if (isnan(returns[i]))
      return neap_fail(NEAP_EVALUE, "stats: return %lld is NaN; drop or fill it first",
                       (long long)i + 1);
    equity[i] = e *= 1 + returns[i];
  }
  return NEAP_OK;
}

neap_status neap_perf_check(int64_t n, const double *equity, double start) {
  if (!(start > 0) || isinf(start))
    return neap_fail(NEAP_EVALUE, "stats: equity starts at %g, expected a positive amount", start);
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    if (isnan(equity[i]))
      return neap_fail(NEAP_EVALUE, "stats: equity %lld is NaN; drop or fill it first",
                       (long long)i + 1);
  }
  return NEAP_OK;
}

neap_status neap_perf_drawdown(int64_t n, const double *equity, double start, double *drawdown) {
  double peak = start;
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    if (equity[i] > peak) peak = equity[i];
    drawdown[i] = 1 - equity[i] / peak;
  }
  return NEAP_OK;
}

/* Worst drawdown and longest time below a high; *solvent unless equity touched zero. */
static neap_status measure_curve(neap_performance *out, int64_t n, const double *equity,
                                 double start, bool *solvent) {
  double peak = start, worst = 0;
  int64_t below = 0, longest = 0;
  exact_sum total = {0, 0};
  *solvent = true;
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    if (equity[i] >= peak) {
      peak = equity[i];
      below = 0;
    } else if (++below > longest) longest = below;
    if (1 - equity[i] / peak > worst) worst = 1 - equity[i] / peak;
    if (equity[i] <= 0) *solvent = false;
    sum_add(&total, equity[i]);
  }
  out->mean_equity = n > 0 ? sum_get(&total) / (double)n : start;
  out->max_drawdown = worst;
  out->max_drawdown_bars = longest;
  return NEAP_OK;
}

static neap_status measure_moments(neap_performance *out, int64_t m, const double *r) {
  exact_sum total = {0, 0}, second = {0, 0}, third = {0, 0}, fourth = {0, 0}, down = {0, 0};
  double n = (double)m, best = -INFINITY, worst = INFINITY;
  for (int64_t i = 0; i < m; i++) {
    if (i % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    sum_add(&total, r[i]);
    if (r[i] > best) best = r[i];
    if (r[i] < worst) worst = r[i];
    if (r[i] < 0) sum_add(&down, r[i] * r[i]);
  }
  double mean = sum_get(&total) / n;
  for (int64_t i = 0; i < m; i++) {
    if (i % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    double d = best == worst ? 0 : r[i] - mean; /* equal returns vary by nothing at all */
    sum_add(&second, d * d);
    sum_add(&third, d * d * d);
    sum_add(&fourth, d * d * d * d);
  }
  double m2 = sum_get(&second) / n;
  out->mean = mean;
  out->deviation = m > 1 ? sqrt(sum_get(&second) / (n - 1)) : NAN;
  out->downside = sqrt(sum_get(&down) / n);
  out->skew = m2 > 0 ? sum_get(&third) / n / (m2 * sqrt(m2)) : NAN;
  out->kurtosis = m2 > 0 ? sum_get(&fourth) / n / (m2 * m2) : NAN;
  out->best = best;
  out->worst = worst;
  return NEAP_OK;
}

static double ratio(double a, double b) { return b > 0 ? a / b : NAN; }

neap_status neap_perf_measure(neap_performance *out, int64_t n, const double *equity, double start,
                              int64_t m, const double *returns, double per_year, double years) {
  *out = (neap_performance){.mean = NAN,
                            .deviation = NAN,
                            .downside = NAN,
                            .skew = NAN,
                            .kurtosis = NAN,
                            .best = NAN,
                            .worst = NAN};
  bool solvent;
  NEAP_TRY(measure_curve(out, n, equity, start, &solvent));
  if (solvent && m > 0) NEAP_TRY(measure_moments(out, m, returns));
  double growth = n > 0 ? equity[n - 1] / start : 1;
  out->total_return = growth - 1;
  out->cagr = growth > 0 ? (years > 0 ? pow(growth, 1 / years) - 1 : NAN) : -1;
  if (isnan(years)) out->cagr = NAN;
  out->volatility = out->deviation * sqrt(per_year);
  out->sharpe = ratio(out->mean, out->deviation) * sqrt(per_year);
  out->sortino = ratio(out->mean, out->downside) * sqrt(per_year);
  out->calmar = solvent ? ratio(out->cagr, out->max_drawdown) : NAN;
  return NEAP_OK;
}

neap_status neap_perf_per_year(int64_t n, const int64_t *time, double *out) {
  *out = NAN;
  if (n > 0 && time[0] == NEAP_NAT) return neap_fail(NEAP_EVALUE, "time of bar 1 is missing");
  for (int64_t i = 1; i < n; i++)
    if (time[i] <= time[i - 1])
      return neap_fail(NEAP_EVALUE,
                       "time of bar %lld (%lld ns) is not after that of bar %lld (%lld ns)",
                       (long long)i + 1, (long long)time[i], (long long)i, (long long)time[i - 1]);
  if (n < 2) return NEAP_OK;
  double elapsed = (double)time[n - 1] - (double)time[0];
  *out = (double)(n - 1) / (elapsed / NS_PER_YEAR);
  return NEAP_OK;
}

/* inference ------------------------------------------------------------------------------------ */

static double normal_cdf(double z) { return 0.5 * erfc(-z * 0.70710678118654752440); }

/* z with P(Z > z) = q for a standard normal Z and 0 < q <= 1/2, by Halley's iteration on the tail
 * itself, so that small q keep their digits. The start lies above the root. */
static double normal_upper(double q) {
  double z = sqrt(-2 * log(q));
  for (int k = 0; k < 100; k++) {
    double density = exp(-0.5 * z * z) * 0.39894228040143267794;
    double u = (q - normal_cdf(-z)) / density;
    double step = u / (1 + 0.5 * z * u);
    z -= step;
    if (fabs(step) <= 1e-15 * (1 + fabs(z))) break;
  }
  return z;
}

double neap_perf_psr(double sharpe, double benchmark, double n, double skew, double kurtosis) {
  double variance = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe * sharpe;
  if (!(variance > 0) || !(n > 1)) return NAN;
  return normal_cdf((sharpe - benchmark) * sqrt(n - 1) / sqrt(variance));
}

double neap_perf_expected_max(double trials, double variance) {
  const double euler = 0.57721566490153286061, e = 2.71828182845904523536;
  if (!(trials >= 1) || !(variance >= 0)) return NAN;
  if (trials < 2) return 0; /* nothing was chosen */
  double a = normal_upper(1 / trials), b = normal_upper(1 / (trials * e));
  return sqrt(variance) * ((1 - euler) * a + euler * b);
}
