/* perf.h — what an equity curve or a series of returns amounts to.
 *
 * One convention throughout, the arithmetic one of empyrical and quantstats: Sharpe is mean /
 * standard deviation (ddof 1) x sqrt(periods per year); Sortino divides by the downside deviation
 * sqrt(mean(min(r, 0)^2)) over all periods instead. Drawdown is 1 - equity / highest equity so
 * far, the start included, a positive fraction.
 *
 * The loops poll for interrupts, which is the only way that most functions fail.
 *
 * Undefined values are NaN: deviations of fewer than 2 returns; Sharpe with zero variance; Sortino
 * without a falling period; Calmar without a drawdown; everything annual when the number of
 * periods per year is unknown; ratios and moments once equity has touched zero. */
#ifndef NEAP_SIM_PERF_H
#define NEAP_SIM_PERF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
  double total_return, cagr, volatility, sharpe, sortino, calmar, max_drawdown;
  int64_t max_drawdown_bars;        /* longest run of bars below an earlier high */
  double mean, deviation, downside; /* per period */
  double skew, kurtosis;            /* population; kurtosis 3 for a normal */
  double best, worst;               /* single periods */
  double mean_equity;
} neap_performance;

/* returns[i] = equity[i] / equity[i-1] - 1, the first against start; NaN after equity <= 0. */
neap_status neap_perf_returns(int64_t n, const double *equity, double start, double *returns);

/* equity[i] = (1 + returns[0]) ... (1 + returns[i]) x start. NEAP_EVALUE names a NaN. */
neap_status neap_perf_equity(int64_t n, const double *returns, double start, double *equity);

/* Start must be positive and no equity NaN; the message names the first that is. */
neap_status neap_perf_check(int64_t n, const double *equity, double start);

neap_status neap_perf_drawdown(int64_t n, const double *equity, double start, double *drawdown);

/* Everything above. Moments come from the m returns, the rest from start and the n equities.
 * per_year: periods per year, or NaN; years: the time that passed, or NaN. */
neap_status neap_perf_measure(neap_performance *out, int64_t n, const double *equity, double start,
                              int64_t m, const double *returns, double per_year, double years);

/* Periods per year of n rising times (i64 ns): (n - 1) / elapsed years of 365.25 days. NaN for
 * n < 2. NEAP_EVALUE names the first time that does not rise. */
neap_status neap_perf_per_year(int64_t n, const int64_t *time, double *out);

/* Probability that the true Sharpe ratio exceeds benchmark, both per period, given sharpe measured
 * over n returns with that skew and (Pearson) kurtosis. Bailey and Lopez de Prado 2012. */
double neap_perf_psr(double sharpe, double benchmark, double n, double skew, double kurtosis);

/* The Sharpe ratio per period that the best of `trials` worthless strategies is expected to show
 * when the variance of their Sharpe ratios is `variance`. Bailey and Lopez de Prado 2014. */
double neap_perf_expected_max(double trials, double variance);

#endif
