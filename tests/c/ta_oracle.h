/* ta_oracle.h — every indicator once more, straight from its definition, for test_ta.c.
 *
 * O(n * period), whole arrays, nothing shared with runtime/ta; sums in long double. Input k of a
 * bar is in[k]; inputs have no missing values. Outputs start as NaN. */
#ifndef NEAP_TESTS_TA_ORACLE_H
#define NEAP_TESTS_TA_ORACLE_H

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { ORACLE_MAX = 4096 };

typedef struct {
  int64_t n;
  const double *const *in;
  const double *p;
  double *const *out;
} oracle_args;

/* Scratch columns, filled with NaN. */
static double *scratch(int k) {
  static double columns[12][ORACLE_MAX];
  for (int i = 0; i < ORACLE_MAX; i++) columns[k][i] = NAN;
  return columns[k];
}

static int64_t first_number(int64_t n, const double *x) {
  int64_t i = 0;
  while (i < n && isnan(x[i])) i++;
  return i;
}

static double window_sum(const double *x, int64_t i, int64_t n) {
  long double sum = 0;
  for (int64_t j = i - n + 1; j <= i; j++) sum += x[j];
  return (double)sum;
}

static double window_mean(const double *x, int64_t i, int64_t n) {
  return window_sum(x, i, n) / (double)n;
}

static double window_var(const double *x, int64_t i, int64_t n, double ddof) {
  long double mean = 0, sum = 0;
  for (int64_t j = i - n + 1; j <= i; j++) mean += x[j];
  mean /= n;
  for (int64_t j = i - n + 1; j <= i; j++) sum += (x[j] - mean) * (x[j] - mean);
  return (double)(sum / (double)(n - (int64_t)ddof));
}

static double window_max(const double *x, int64_t i, int64_t n) {
  double best = x[i];
  for (int64_t j = i - n + 1; j <= i; j++) best = fmax(best, x[j]);
  return best;
}

static double window_min(const double *x, int64_t i, int64_t n) {
  double best = x[i];
  for (int64_t j = i - n + 1; j <= i; j++) best = fmin(best, x[j]);
  return best;
}

/* These skip leading NaN of x. */
static void mean_of(int64_t n, const double *x, int64_t period, double *y) {
  for (int64_t i = first_number(n, x) + period - 1; i < n; i++) y[i] = window_mean(x, i, period);
}

static void wma_of(int64_t n, const double *x, int64_t period, double *y) {
  for (int64_t i = first_number(n, x) + period - 1; i < n; i++) {
    long double sum = 0, weights = 0;
    for (int64_t k = 1; k <= period; k++) sum += k * (long double)x[i - period + k], weights += k;
    y[i] = (double)(sum / weights);
  }
}

static void smooth_of(int64_t n, const double *x, int64_t period, double k, double *y) {
  int64_t i = first_number(n, x) + period - 1;
  if (i >= n) return;
  y[i] = window_mean(x, i, period);
  for (i++; i < n; i++) y[i] = k * x[i] + (1 - k) * y[i - 1];
}

static void ema_of(int64_t n, const double *x, double period, double *y) {
  smooth_of(n, x, (int64_t)period, 2 / (period + 1), y);
}

static void o_sma(oracle_args a) { mean_of(a.n, a.in[0], (int64_t)a.p[0], a.out[0]); }
static void o_ema(oracle_args a) { ema_of(a.n, a.in[0], a.p[0], a.out[0]); }
static void o_rma(oracle_args a) { smooth_of(a.n, a.in[0], (int64_t)a.p[0], 1 / a.p[0], a.out[0]); }
static void o_wma(oracle_args a) { wma_of(a.n, a.in[0], (int64_t)a.p[0], a.out[0]); }

static void nested(oracle_args a, double *e[3]) {
  const double *x = a.in[0];
  for (int k = 0; k < 3; k++) ema_of(a.n, k ? e[k - 1] : x, a.p[0], e[k] = scratch(k));
}

static void o_dema(oracle_args a) {
  double *e[3];
  nested(a, e);
  for (int64_t i = 0; i < a.n; i++) a.out[0][i] = 2 * e[0][i] - e[1][i];
}

static void o_tema(oracle_args a) {
  double *e[3];
  nested(a, e);
  for (int64_t i = 0; i < a.n; i++) a.out[0][i] = 3 * e[0][i] - 3 * e[1][i] + e[2][i];
}

static void o_hma(oracle_args a) {
  double *half = scratch(0), *full = scratch(1), *both = scratch(2);
  int64_t n = (int64_t)a.p[0];
  wma_of(a.n, a.in[0], n / 2, half);
  wma_of(a.n, a.in[0], n, full);
  for (int64_t i = 0; i < a.n; i++) both[i] = 2 * half[i] - full[i];
  int64_t root = 1;
  while ((root + 1) * (root + 1) <= n) root++;
  wma_of(a.n, both, root, a.out[0]);
}

static void o_kama(oracle_args a) {
  const double *x = a.in[0];
  int64_t n = (int64_t)a.p[0];
  double fast = 2 / (a.p[1] + 1), slow = 2 / (a.p[2] + 1), y = 0;
  for (int64_t i = n; i < a.n; i++) {
    if (i == n) y = x[n - 1];
    long double path = 0;
    for (int64_t j = i - n + 1; j <= i; j++) path += fabs(x[j] - x[j - 1]);
    double net = x[i] - x[i - n];
    double er = path == 0 || (double)path <= net ? 1 : fabs(net) / (double)path;
    double k = er * (fast - slow) + slow;
    a.out[0][i] = y = y + k * k * (x[i] - y);
  }
}

static void weighted_by(oracle_args a, const double *x, const double *v, int64_t n) {
  for (int64_t i = n - 1; i < a.n; i++) {
    long double sum = 0, volume = 0;
    for (int64_t j = i - n + 1; j <= i; j++) sum += (long double)x[j] * v[j], volume += v[j];
    a.out[0][i] = volume != 0 ? (double)(sum / volume) : x[i];
  }
}

static void o_vwma(oracle_args a) { weighted_by(a, a.in[0], a.in[1], (int64_t)a.p[0]); }

static void o_macd(oracle_args a) {
  double *fast = scratch(0), *slow = scratch(1), *late = scratch(2), *line = scratch(3);
  for (int64_t i = (int64_t)(a.p[1] - a.p[0]); i < a.n; i++) late[i] = a.in[0][i];
  ema_of(a.n, late, a.p[0], fast);
  ema_of(a.n, a.in[0], a.p[1], slow);
  for (int64_t i = 0; i < a.n; i++) line[i] = fast[i] - slow[i];
  ema_of(a.n, line, a.p[2], a.out[1]);
  for (int64_t i = 0; i < a.n; i++) {
    a.out[0][i] = isnan(a.out[1][i]) ? NAN : line[i];
    a.out[2][i] = line[i] - a.out[1][i];
  }
}

static void two_means(oracle_args a, double *fast, double *slow) {
  if (a.p[2] == 0) {
    mean_of(a.n, a.in[0], (int64_t)a.p[0], fast);
    mean_of(a.n, a.in[0], (int64_t)a.p[1], slow);
  } else {
    ema_of(a.n, a.in[0], a.p[0], fast);
    ema_of(a.n, a.in[0], a.p[1], slow);
  }
}

static void o_ppo(oracle_args a) {
  double *fast = scratch(0), *slow = scratch(1);
  two_means(a, fast, slow);
  for (int64_t i = 0; i < a.n; i++) a.out[0][i] = 100 * (fast[i] - slow[i]) / slow[i];
}

static void o_apo(oracle_args a) {
  double *fast = scratch(0), *slow = scratch(1);
  two_means(a, fast, slow);
  for (int64_t i = 0; i < a.n; i++) a.out[0][i] = fast[i] - slow[i];
}

/* Wilder's averages of rises and falls, from index n on. */
static void swings_of(oracle_args a, double *up, double *down) {
  double *rise = scratch(8), *fall = scratch(9);
  for (int64_t i = 1; i < a.n; i++) {
    rise[i] = fmax(a.in[0][i] - a.in[0][i - 1], 0);
    fall[i] = fmax(a.in[0][i - 1] - a.in[0][i], 0);
  }
  smooth_of(a.n, rise, (int64_t)a.p[0], 1 / a.p[0], up);
  smooth_of(a.n, fall, (int64_t)a.p[0], 1 / a.p[0], down);
}

static void rsi_of(oracle_args a, double *y) {
  double *up = scratch(6), *down = scratch(7);
  swings_of(a, up, down);
  for (int64_t i = 0; i < a.n; i++)
    y[i] = up[i] + down[i] == 0 ? 0 : 100 * up[i] / (up[i] + down[i]);
}

static void o_rsi(oracle_args a) { rsi_of(a, a.out[0]); }

static void o_cmo(oracle_args a) {
  double *up = scratch(6), *down = scratch(7);
  swings_of(a, up, down);
  for (int64_t i = 0; i < a.n; i++)
    a.out[0][i] = up[i] + down[i] == 0 ? 0 : 100 * (up[i] - down[i]) / (up[i] + down[i]);
}

static void stoch_of(oracle_args a, const double *high, const double *low, const double *x,
                     const double *p) {
  double *raw = scratch(0), *k = scratch(1), *d = scratch(2);
  int64_t n = (int64_t)p[0];
  for (int64_t i = first_number(a.n, x) + n - 1; i < a.n; i++) {
    double top = window_max(high, i, n), bottom = window_min(low, i, n);
    raw[i] = top == bottom ? 0 : 100 * (x[i] - bottom) / (top - bottom);
  }
  mean_of(a.n, raw, (int64_t)p[1], k);
  mean_of(a.n, k, (int64_t)p[2], d);
  for (int64_t i = 0; i < a.n; i++) {
    a.out[0][i] = isnan(d[i]) ? NAN : k[i];
    a.out[1][i] = d[i];
  }
}

static void o_stoch(oracle_args a) { stoch_of(a, a.in[0], a.in[1], a.in[2], a.p); }

static void o_stochrsi(oracle_args a) {
  double *rsi = scratch(5);
  rsi_of(a, rsi);
  stoch_of(a, rsi, rsi, rsi, a.p + 1);
}

static void o_willr(oracle_args a) {
  int64_t n = (int64_t)a.p[0];
  for (int64_t i = n - 1; i < a.n; i++) {
    double top = window_max(a.in[0], i, n), bottom = window_min(a.in[1], i, n);
    a.out[0][i] = top == bottom ? 0 : -100 * (top - a.in[2][i]) / (top - bottom);
  }
}

static const double *typical_of(oracle_args a) {
  double *y = scratch(11);
  for (int64_t i = 0; i < a.n; i++) y[i] = (a.in[0][i] + a.in[1][i] + a.in[2][i]) / 3;
  return y;
}

static void o_cci(oracle_args a) {
  const double *x = typical_of(a);
  int64_t n = (int64_t)a.p[0];
  for (int64_t i = n - 1; i < a.n; i++) {
    long double mean = 0, deviation = 0;
    for (int64_t j = i - n + 1; j <= i; j++) mean += x[j];
    mean /= n;
    for (int64_t j = i - n + 1; j <= i; j++) deviation += fabsl(x[j] - mean);
    deviation /= n;
    a.out[0][i] = deviation == 0 ? 0 : (double)((x[i] - mean) / (0.015L * deviation));
  }
}

static void o_roc(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n; i < a.n; i++)
    a.out[0][i] = 100 * (a.in[0][i] - a.in[0][i - n]) / a.in[0][i - n];
}

static void o_mom(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n; i < a.n; i++) a.out[0][i] = a.in[0][i] - a.in[0][i - n];
}

static void o_log_return(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n; i < a.n; i++)
    a.out[0][i] = log(a.in[0][i]) - log(a.in[0][i - n]);
}

/* True range from bar 1 on; inputs high, low, close at `at`. */
static double *range_of(oracle_args a, int k) {
  const double *h = a.in[0], *l = a.in[1], *c = a.in[2];
  double *y = scratch(k);
  for (int64_t i = 1; i < a.n; i++) y[i] = fmax(h[i], c[i - 1]) - fmin(l[i], c[i - 1]);
  return y;
}

static void o_ultosc(oracle_args a) {
  const double *l = a.in[1], *c = a.in[2], *range = range_of(a, 0);
  double *pressure = scratch(1);
  int64_t longest = (int64_t)fmax(a.p[0], fmax(a.p[1], a.p[2]));
  for (int64_t i = 1; i < a.n; i++) pressure[i] = c[i] - fmin(l[i], c[i - 1]);
  for (int64_t i = longest; i < a.n; i++) {
    double sum = 0, weight[] = {4, 2, 1};
    for (int k = 0; k < 3; k++) {
      double below = window_sum(range, i, (int64_t)a.p[k]);
      sum += below == 0 ? 0 : weight[k] * window_sum(pressure, i, (int64_t)a.p[k]) / below;
    }
    a.out[0][i] = 100 * sum / 7;
  }
}

static void o_bop(oracle_args a) {
  for (int64_t i = 0; i < a.n; i++) {
    double range = a.in[1][i] - a.in[2][i];
    a.out[0][i] = range == 0 ? 0 : (a.in[3][i] - a.in[0][i]) / range;
  }
}

static void o_tsi(oracle_args a) {
  double *change = scratch(0), *size = scratch(1), *c1 = scratch(2), *c2 = scratch(3);
  double *s1 = scratch(4), *s2 = scratch(5);
  for (int64_t i = 1; i < a.n; i++) {
    change[i] = a.in[0][i] - a.in[0][i - 1];
    size[i] = fabs(change[i]);
  }
  ema_of(a.n, change, a.p[1], c1);
  ema_of(a.n, c1, a.p[0], c2);
  ema_of(a.n, size, a.p[1], s1);
  ema_of(a.n, s1, a.p[0], s2);
  for (int64_t i = 0; i < a.n; i++) a.out[0][i] = s2[i] == 0 ? 0 : 100 * c2[i] / s2[i];
}

/* Wilder's running sum: n - 1 plain terms, then s - s / n + x; known from index n on. */
static void wilder_sum_of(int64_t len, const double *x, int64_t n, double *y) {
  double sum = 0;
  for (int64_t i = 1; i < len; i++) {
    sum = i < n ? sum + x[i] : sum - sum / (double)n + x[i];
    if (i >= n) y[i] = sum;
  }
}

static void movements_of(oracle_args a, double *plus, double *minus, double *range) {
  const double *h = a.in[0], *l = a.in[1];
  double *up = scratch(6), *down = scratch(7);
  for (int64_t i = 1; i < a.n; i++) {
    double rise = h[i] - h[i - 1], fall = l[i - 1] - l[i];
    up[i] = down[i] = 0;
    if (fall > 0 && rise < fall) down[i] = fall;
    else if (rise > 0 && rise > fall) up[i] = rise;
  }
  wilder_sum_of(a.n, up, (int64_t)a.p[0], plus);
  wilder_sum_of(a.n, down, (int64_t)a.p[0], minus);
  wilder_sum_of(a.n, range_of(a, 8), (int64_t)a.p[0], range);
}

static void o_plus_di(oracle_args a) {
  double *plus = scratch(0), *minus = scratch(1), *range = scratch(2);
  movements_of(a, plus, minus, range);
  for (int64_t i = 0; i < a.n; i++) a.out[0][i] = range[i] == 0 ? 0 : 100 * plus[i] / range[i];
}

static void o_minus_di(oracle_args a) {
  double *plus = scratch(0), *minus = scratch(1), *range = scratch(2);
  movements_of(a, plus, minus, range);
  for (int64_t i = 0; i < a.n; i++) a.out[0][i] = range[i] == 0 ? 0 : 100 * minus[i] / range[i];
}

static void o_adx(oracle_args a) {
  double *plus = scratch(0), *minus = scratch(1), *range = scratch(2), adx = 0;
  int64_t n = (int64_t)a.p[0];
  movements_of(a, plus, minus, range);
  for (int64_t i = n; i < a.n; i++) {
    double pdi = 100 * plus[i] / range[i], mdi = 100 * minus[i] / range[i];
    bool still = range[i] == 0 || plus[i] + minus[i] == 0;
    double dx = still ? 0 : 100 * fabs(pdi - mdi) / (pdi + mdi);
    if (i < 2 * n) adx += dx / (double)n;
    else if (!still) adx = (adx * (double)(n - 1) + dx) / (double)n;
    if (i >= 2 * n - 1) a.out[0][i] = adx;
  }
}

static double aroon_of(const double *x, int64_t i, int64_t n, double sign) {
  int64_t best = i;
  for (int64_t j = i; j >= i - n; j--)
    if (sign * x[j] > sign * x[best]) best = j;
  return 100 * (double)(n - (i - best)) / (double)n;
}

static void o_aroon(oracle_args a) {
  int64_t n = (int64_t)a.p[0];
  for (int64_t i = n; i < a.n; i++) {
    a.out[0][i] = aroon_of(a.in[0], i, n, 1);
    a.out[1][i] = aroon_of(a.in[1], i, n, -1);
  }
}

static void o_aroonosc(oracle_args a) {
  int64_t n = (int64_t)a.p[0];
  for (int64_t i = n; i < a.n; i++)
    a.out[0][i] = aroon_of(a.in[0], i, n, 1) - aroon_of(a.in[1], i, n, -1);
}

/* Both sides written out. */
static void o_sar(oracle_args a) {
  const double *h = a.in[0], *l = a.in[1];
  double step = fmin(a.p[0], a.p[1]), af = step, limit = a.p[1];
  if (a.n < 2) return;
  double fall = l[0] - l[1], rise = h[1] - h[0];
  bool up = !(fall > 0 && fall > rise);
  double sar = up ? l[0] : h[0], ep = up ? h[1] : l[1];
  for (int64_t i = 1; i < a.n; i++) {
    int64_t before = i == 1 ? 1 : i - 1; /* at the start TA-Lib takes bar 1 twice */
    double top = fmax(h[before], h[i]), bottom = fmin(l[before], l[i]);
    if (up && l[i] <= sar) {
      a.out[0][i] = fmax(ep, top);
      sar = fmax(a.out[0][i] + step * (l[i] - a.out[0][i]), top);
      up = false, ep = l[i], af = step;
    } else if (!up && h[i] >= sar) {
      a.out[0][i] = fmin(ep, bottom);
      sar = fmin(a.out[0][i] + step * (h[i] - a.out[0][i]), bottom);
      up = true, ep = h[i], af = step;
    } else {
      a.out[0][i] = sar;
      if (up ? h[i] > ep : l[i] < ep) ep = up ? h[i] : l[i], af = fmin(af + step, limit);
      sar += af * (ep - sar);
      sar = up ? fmin(sar, bottom) : fmax(sar, top);
    }
  }
}

static double *atr_of(oracle_args a, double period, int k) {
  double *y = scratch(k);
  smooth_of(a.n, range_of(a, 10), (int64_t)period, 1 / period, y);
  return y;
}

static void o_supertrend(oracle_args a) {
  const double *h = a.in[0], *l = a.in[1], *c = a.in[2], *atr = atr_of(a, a.p[0], 0);
  double top = 0, bottom = 0, side = -1;
  for (int64_t n = (int64_t)a.p[0], i = n; i < a.n; i++) {
    double upper = (h[i] + l[i]) / 2 + a.p[1] * atr[i], lower = (h[i] + l[i]) / 2 - a.p[1] * atr[i];
    if (i == n || upper < top || c[i - 1] > top) top = upper;
    if (i == n || lower > bottom || c[i - 1] < bottom) bottom = lower;
    if (side < 0 && c[i] > top) side = 1;
    else if (side > 0 && c[i] < bottom) side = -1;
    a.out[0][i] = side > 0 ? bottom : top;
    a.out[1][i] = side;
  }
}

static void o_trange(oracle_args a) {
  memcpy(a.out[0], range_of(a, 0), (size_t)a.n * sizeof(double));
}

static void o_atr(oracle_args a) {
  memcpy(a.out[0], atr_of(a, a.p[0], 0), (size_t)a.n * sizeof(double));
}

static void o_natr(oracle_args a) {
  const double *atr = atr_of(a, a.p[0], 0);
  for (int64_t i = 0; i < a.n; i++) a.out[0][i] = 100 * atr[i] / a.in[2][i];
}

static void o_bbands(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n - 1; i < a.n; i++) {
    double mean = window_mean(a.in[0], i, n), sd = sqrt(window_var(a.in[0], i, n, a.p[2]));
    a.out[0][i] = mean + a.p[1] * sd;
    a.out[1][i] = mean;
    a.out[2][i] = mean - a.p[1] * sd;
  }
}

static void o_stddev(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n - 1; i < a.n; i++)
    a.out[0][i] = sqrt(window_var(a.in[0], i, n, a.p[1]));
}

static void o_var(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n - 1; i < a.n; i++)
    a.out[0][i] = window_var(a.in[0], i, n, a.p[1]);
}

static void o_zscore(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n - 1; i < a.n; i++) {
    long double mean = 0;
    for (int64_t j = i - n + 1; j <= i; j++) mean += a.in[0][j];
    double sd = sqrt(window_var(a.in[0], i, n, a.p[1]));
    a.out[0][i] = sd == 0 ? 0 : (double)(a.in[0][i] - mean / n) / sd;
  }
}

static void o_keltner(oracle_args a) {
  double *mean = scratch(0), *atr = atr_of(a, a.p[2], 1);
  ema_of(a.n, a.in[2], a.p[0], mean);
  for (int64_t i = 0; i < a.n; i++) {
    a.out[0][i] = mean[i] + a.p[1] * atr[i];
    a.out[1][i] = isnan(atr[i]) ? NAN : mean[i];
    a.out[2][i] = mean[i] - a.p[1] * atr[i];
  }
}

static void o_donchian(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n - 1; i < a.n; i++) {
    a.out[0][i] = window_max(a.in[0], i, n);
    a.out[2][i] = window_min(a.in[1], i, n);
    a.out[1][i] = (a.out[0][i] + a.out[2][i]) / 2;
  }
}

static void o_linreg_slope(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n - 1; i < a.n; i++) {
    long double mean = 0, xy = 0, xx = 0;
    for (int64_t j = i - n + 1; j <= i; j++) mean += a.in[0][j];
    for (int64_t k = 0; k < n; k++) {
      long double t = k - (n - 1) / 2.0L;
      xy += t * (a.in[0][i - n + 1 + k] - mean / n);
      xx += t * t;
    }
    a.out[0][i] = (double)(xy / xx);
  }
}

static void o_realised_volatility(oracle_args a) {
  double *r = scratch(0);
  for (int64_t i = 1; i < a.n; i++) r[i] = log(a.in[0][i] / a.in[0][i - 1]);
  for (int64_t n = (int64_t)a.p[0], i = n; i < a.n; i++)
    a.out[0][i] = sqrt(a.p[1] * window_var(r, i, n, 1));
}

static double percentile_of(const double *x, int64_t i, int64_t n) {
  double below = 0, equal = 0;
  for (int64_t j = i - n + 1; j <= i; j++) below += x[j] < x[i], equal += x[j] == x[i];
  return 100 * (below + (equal + 1) / 2) / (double)n;
}

static void o_percentile(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n - 1; i < a.n; i++)
    a.out[0][i] = percentile_of(a.in[0], i, n);
}

static void o_regime_volatility(oracle_args a) {
  double *r = scratch(0), *v = scratch(1);
  for (int64_t i = 1; i < a.n; i++) r[i] = log(a.in[0][i] / a.in[0][i - 1]);
  int64_t n = (int64_t)a.p[0], window = (int64_t)a.p[1];
  for (int64_t i = n; i < a.n; i++) v[i] = sqrt(window_var(r, i, n, 1));
  for (int64_t i = n + window - 1; i < a.n; i++) {
    double p = percentile_of(v, i, window);
    a.out[0][i] = p <= 100.0 / 3 ? 1 : p <= 200.0 / 3 ? 2 : 3;
  }
}

static void o_regime_trend(oracle_args a) {
  double *r = scratch(0);
  for (int64_t i = 1; i < a.n; i++) r[i] = log(a.in[0][i] / a.in[0][i - 1]);
  for (int64_t n = (int64_t)a.p[0], i = n; i < a.n; i++) {
    double error = sqrt(window_var(r, i, n, 1) / (double)n), mean = window_mean(r, i, n);
    a.out[0][i] = mean > a.p[1] * error ? 3 : mean < -a.p[1] * error ? 1 : 2;
  }
}

static void o_parkinson(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n - 1; i < a.n; i++) {
    double sum = 0;
    for (int64_t j = i - n + 1; j <= i; j++) sum += pow(log(a.in[0][j] / a.in[1][j]), 2);
    a.out[0][i] = sqrt(a.p[1] * sum / (double)n / (4 * log(2)));
  }
}

static void o_garman_klass(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n - 1; i < a.n; i++) {
    double sum = 0;
    for (int64_t j = i - n + 1; j <= i; j++)
      sum += pow(log(a.in[1][j] / a.in[2][j]), 2) / 2 -
             (2 * log(2) - 1) * pow(log(a.in[3][j] / a.in[0][j]), 2);
    a.out[0][i] = sqrt(a.p[1] * sum / (double)n);
  }
}

static double sign_of(double x) { return (x > 0) - (x < 0); }

static void o_obv(oracle_args a) {
  long double total = 0;
  for (int64_t i = 0; i < a.n; i++) {
    total += i ? sign_of(a.in[0][i] - a.in[0][i - 1]) * a.in[1][i] : a.in[1][i];
    a.out[0][i] = (double)total;
  }
}

static void o_volume_balance(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n; i < a.n; i++) {
    double balance = 0, volume = 0;
    for (int64_t j = i - n + 1; j <= i; j++) {
      balance += sign_of(a.in[0][j] - a.in[0][j - 1]) * a.in[1][j];
      volume += a.in[1][j];
    }
    a.out[0][i] = volume == 0 ? 0 : balance / volume;
  }
}

static double flow_of(oracle_args a, int64_t i) {
  double h = a.in[0][i], l = a.in[1][i], c = a.in[2][i];
  return h == l ? 0 : ((c - l) - (h - c)) / (h - l) * a.in[3][i];
}

static void o_ad(oracle_args a) {
  long double total = 0;
  for (int64_t i = 0; i < a.n; i++) a.out[0][i] = (double)(total += flow_of(a, i));
}

static void o_adosc(oracle_args a) {
  long double total = 0, fast = 0, slow = 0;
  for (int64_t i = 0; i < a.n; i++) {
    total += flow_of(a, i);
    fast = i ? fast + 2 / (a.p[0] + 1) * (total - fast) : total;
    slow = i ? slow + 2 / (a.p[1] + 1) * (total - slow) : total;
    if (i >= (int64_t)a.p[1] - 1) a.out[0][i] = (double)(fast - slow);
  }
}

static void o_cmf(oracle_args a) {
  for (int64_t n = (int64_t)a.p[0], i = n - 1; i < a.n; i++) {
    double flow = 0;
    for (int64_t j = i - n + 1; j <= i; j++) flow += flow_of(a, j);
    double volume = window_sum(a.in[3], i, n);
    a.out[0][i] = volume == 0 ? 0 : flow / volume;
  }
}

static void o_mfi(oracle_args a) {
  const double *x = typical_of(a);
  for (int64_t n = (int64_t)a.p[0], i = n; i < a.n; i++) {
    double rise = 0, fall = 0;
    for (int64_t j = i - n + 1; j <= i; j++) {
      if (x[j] > x[j - 1]) rise += x[j] * a.in[3][j];
      if (x[j] < x[j - 1]) fall += x[j] * a.in[3][j];
    }
    a.out[0][i] = rise + fall == 0 ? 0 : 100 * rise / (rise + fall);
  }
}

static void o_vwap(oracle_args a) {
  const double *x = typical_of(a);
  if (a.p[0] > 0) {
    weighted_by(a, x, a.in[3], (int64_t)a.p[0]);
    return;
  }
  long double value = 0, volume = 0;
  for (int64_t i = 0; i < a.n; i++) {
    value += (long double)x[i] * a.in[3][i];
    volume += a.in[3][i];
    a.out[0][i] = volume == 0 ? x[i] : (double)(value / volume);
  }
}

#define ROW(name)                                                                                  \
  { #name, o_##name }
static const struct {
  const char *name;
  void (*fn)(oracle_args);
} oracles[] = {
    ROW(sma),
    ROW(ema),
    ROW(wma),
    ROW(dema),
    ROW(tema),
    ROW(hma),
    ROW(kama),
    ROW(vwma),
    ROW(rma),
    ROW(macd),
    ROW(ppo),
    ROW(apo),
    ROW(rsi),
    ROW(stoch),
    ROW(stochrsi),
    ROW(willr),
    ROW(cci),
    ROW(roc),
    ROW(mom),
    ROW(log_return),
    ROW(cmo),
    ROW(ultosc),
    ROW(bop),
    ROW(tsi),
    ROW(adx),
    ROW(plus_di),
    ROW(minus_di),
    ROW(aroon),
    ROW(aroonosc),
    ROW(sar),
    ROW(supertrend),
    ROW(trange),
    ROW(atr),
    ROW(natr),
    ROW(bbands),
    ROW(keltner),
    ROW(donchian),
    ROW(stddev),
    ROW(var),
    ROW(zscore),
    ROW(linreg_slope),
    ROW(realised_volatility),
    ROW(percentile),
    ROW(regime_volatility),
    ROW(regime_trend),
    ROW(parkinson),
    ROW(garman_klass),
    ROW(obv),
    ROW(volume_balance),
    ROW(ad),
    ROW(adosc),
    ROW(cmf),
    ROW(mfi),
    ROW(vwap),
};
#undef ROW

/* Runs the oracle called name; false when there is none. */
static bool oracle_run(const char *name, oracle_args a, int outputs) {
  for (int k = 0; k < outputs; k++)
    for (int64_t i = 0; i < a.n; i++) a.out[k][i] = NAN;
  for (size_t i = 0; i < sizeof oracles / sizeof *oracles; i++)
    if (strcmp(oracles[i].name, name) == 0) {
      oracles[i].fn(a);
      return true;
    }
  return false;
}

#endif
