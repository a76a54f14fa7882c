/* Volatility, bands, and statistics of a window. */
#include "ta/window.h"

static int64_t period_of(const double *p) { return (int64_t)p[0]; }
static int64_t behind(const double *p) { return (int64_t)p[0] - 1; }
static int64_t one(const double *p) {
  (void)p;
  return 1;
}

/* trange: the widest of high - low and the distances of both from the close before. */
typedef struct {
  double before;
  int64_t seen;
} trange_state;

static void trange_init(void *state, const double *p, neap_ta_memory *m) {
  (void)p;
  (void)m;
  *(trange_state *)state = (trange_state){0};
}

INLINE bool trange_next(trange_state *s, const double *in, double *range) {
  *range = true_range(in[0], in[1], s->before);
  s->before = in[2];
  return warm(&s->seen, 1);
}

INLINE void trange_step(trange_state *s, const double *in, double *out) {
  double range;
  if (trange_next(s, in, &range)) out[0] = range;
}
#define NAME    trange
#define INPUTS  3
#define OUTPUTS 1
#include "ta/run.inc.h"

/* atr: Wilder's mean of the true range from bar 2 on, kept as his sum. natr: in percent of the
 * close. */
typedef struct {
  trange_state range;
  double sum, keep;
  int64_t n, seen;
} atr_state;
typedef atr_state natr_state;

static void atr_init(void *state, const double *p, neap_ta_memory *m) {
  (void)m;
  *(atr_state *)state = (atr_state){.n = (int64_t)p[0], .keep = wilder_keep(p[0])};
}

INLINE bool atr_next(atr_state *s, const double *in, double *atr) {
  double range;
  if (!trange_next(&s->range, in, &range)) return false;
  if (__builtin_expect(s->seen == s->n, 1)) {
    s->sum = s->sum * s->keep + range;
  } else {
    s->sum += range;
    if (++s->seen < s->n) return false;
  }
  *atr = s->sum / (double)s->n;
  return true;
}

INLINE void atr_step(atr_state *s, const double *in, double *out) { atr_next(s, in, out); }
#define NAME    atr
#define INPUTS  3
#define OUTPUTS 1
#include "ta/run.inc.h"

INLINE void natr_step(natr_state *s, const double *in, double *out) {
  double atr;
  if (atr_next(s, in, &atr)) out[0] = 100 * ratio_or_zero(atr, in[2]);
}
#define NAME    natr
#define INPUTS  3
#define OUTPUTS 1
#include "ta/run.inc.h"

/* The last n values as moments; shared by what follows. */
typedef struct {
  moments_window window;
  double a, ddof; /* a: the number of deviations, or nothing */
  int64_t seen;
} moments_state;

static void moments_start(moments_state *s, double n, double a, double ddof, neap_ta_memory *m) {
  *s = (moments_state){.a = a, .ddof = ddof};
  moments_init(&s->window, (int64_t)n, m);
}

INLINE bool moments_ready(moments_state *s, double x) {
  moments_next(&s->window, x);
  return warm(&s->seen, s->window.n - 1);
}

typedef moments_state bbands_state, stddev_state, var_state, zscore_state;

/* bbands: SMA plus and minus `deviations` standard deviations (Bollinger). */
static void bbands_init(void *state, const double *p, neap_ta_memory *m) {
  moments_start(state, p[0], p[1], p[2], m);
}

INLINE void bbands_step(bbands_state *s, const double *in, double *out) {
  if (!moments_ready(s, in[0])) return;
  double mean = moments_mean(&s->window), width = s->a * sqrt(moments_var(&s->window, s->ddof));
  out[0] = mean + width;
  out[1] = mean;
  out[2] = mean - width;
}
#define NAME    bbands
#define INPUTS  1
#define OUTPUTS 3
#include "ta/run.inc.h"

/* stddev, var, zscore = (x - mean) / stddev (0 in a flat window). */
static void stddev_init(void *state, const double *p, neap_ta_memory *m) {
  moments_start(state, p[0], 0, p[1], m);
}

INLINE void stddev_step(stddev_state *s, const double *in, double *out) {
  if (moments_ready(s, in[0])) out[0] = sqrt(moments_var(&s->window, s->ddof));
}
#define NAME    stddev
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

INLINE void var_step(var_state *s, const double *in, double *out) {
  if (moments_ready(s, in[0])) out[0] = moments_var(&s->window, s->ddof);
}
#define NAME    var
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

INLINE void zscore_step(zscore_state *s, const double *in, double *out) {
  if (!moments_ready(s, in[0])) return;
  double from_mean = in[0] - s->window.shift - s->window.sum / (double)s->window.n;
  out[0] = ratio_or_zero(from_mean, sqrt(moments_var(&s->window, s->ddof)));
}
#define NAME    zscore
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

/* keltner: EMA of the close plus and minus `multiplier` average true ranges. */
typedef struct {
  ema_mean mean;
  atr_state atr;
  double multiplier;
} keltner_state;

static void keltner_init(void *state, const double *p, neap_ta_memory *m) {
  keltner_state *s = state;
  s->multiplier = p[1];
  ema_init(&s->mean, (int64_t)p[0], ema_constant(p[0]));
  atr_init(&s->atr, p + 2, m);
}

INLINE void keltner_step(keltner_state *s, const double *in, double *out) {
  double atr = 0;
  bool ready = ema_next(&s->mean, in[2]);
  ready &= atr_next(&s->atr, in, &atr);
  if (!ready) return;
  out[0] = s->mean.y + s->multiplier * atr;
  out[1] = s->mean.y;
  out[2] = s->mean.y - s->multiplier * atr;
}
#define NAME    keltner
#define INPUTS  3
#define OUTPUTS 3
#include "ta/run.inc.h"

static int64_t keltner_lookback(const double *p) { return (int64_t)larger(p[0] - 1, p[2]); }

/* donchian: highest high, lowest low, and their middle. */
typedef struct {
  range_window range;
  int64_t seen;
} donchian_state;

static void donchian_init(void *state, const double *p, neap_ta_memory *m) {
  donchian_state *s = state;
  *s = (donchian_state){0};
  range_init(&s->range, (int64_t)p[0], m);
}

INLINE void donchian_step(donchian_state *s, const double *in, double *out) {
  double top, bottom;
  range_next(&s->range, in[0], in[1], &top, &bottom);
  if (!warm(&s->seen, s->range.n - 1)) return;
  out[0] = top;
  out[1] = (top + bottom) / 2;
  out[2] = bottom;
}
#define NAME    donchian
#define INPUTS  2
#define OUTPUTS 3
#include "ta/run.inc.h"

/* linreg_slope: least squares of the last n values on their number. With k = 0 .. n - 1 and d = x -
 * shift it is sum (k - mean k) d / sum (k - mean k)^2. */
typedef struct {
  slope_window window;
  double middle, square;
  int64_t seen;
} linreg_slope_state;

static void linreg_slope_init(void *state, const double *p, neap_ta_memory *m) {
  linreg_slope_state *s = state;
  double n = p[0];
  *s = (linreg_slope_state){.middle = (n - 1) / 2, .square = n * (n * n - 1) / 12};
  slope_init(&s->window, (int64_t)n, m);
}

INLINE void linreg_slope_step(linreg_slope_state *s, const double *in, double *out) {
  slope_next(&s->window, in[0]);
  if (warm(&s->seen, s->window.n - 1))
    out[0] = (s->window.weighted - s->middle * s->window.sum) / s->square;
}
#define NAME    linreg_slope
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

/* realised_volatility: standard deviation (ddof 1) of the last n logarithmic returns, times
 * sqrt(bars_per_year). */
typedef struct {
  moments_state moments;
  double before;
  int64_t seen;
} realised_volatility_state;

static void realised_volatility_init(void *state, const double *p, neap_ta_memory *m) {
  realised_volatility_state *s = state;
  *s = (realised_volatility_state){0};
  moments_start(&s->moments, p[0], sqrt(p[1]), 1, m);
}

INLINE void realised_volatility_step(realised_volatility_state *s, const double *in, double *out) {
  double before = s->before;
  s->before = in[0];
  if (warm(&s->seen, 1) && moments_ready(&s->moments, log(in[0] / before)))
    out[0] = s->moments.a * sqrt(moments_var(&s->moments.window, 1));
}
#define NAME        realised_volatility
#define INPUTS      1
#define OUTPUTS     1
#define USABLE(bar) ((bar)[0] > 0)
#include "ta/run.inc.h"

/* percentile: the average rank among the last n values in percent, as pandas' rolling rank with
 * pct, times 100. */
typedef struct {
  order_window window;
} percentile_state;

static void percentile_init(void *state, const double *p, neap_ta_memory *m) {
  order_init(&((percentile_state *)state)->window, (int64_t)p[0], m);
}

INLINE void percentile_step(percentile_state *s, const double *in, double *out) {
  double percentile;
  if (order_next(&s->window, in[0], &percentile)) out[0] = percentile;
}
#define NAME    percentile
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

/* regime_volatility: 1, 2 or 3, the third of the last `window` values of the realised volatility of
 * `period` bars that the present one is in, by its percentile. */
typedef struct {
  realised_volatility_state volatility;
  order_window window;
} regime_volatility_state;

static void regime_volatility_init(void *state, const double *p, neap_ta_memory *m) {
  regime_volatility_state *s = state;
  realised_volatility_init(&s->volatility, (const double[]){p[0], 1}, m);
  order_init(&s->window, (int64_t)p[1], m);
}

INLINE void regime_volatility_step(regime_volatility_state *s, const double *in, double *out) {
  double volatility = NAN, percentile;
  realised_volatility_step(&s->volatility, in, &volatility);
  if (isnan(volatility) || !order_next(&s->window, volatility, &percentile)) return;
  out[0] = percentile <= 100.0 / 3 ? 1 : percentile <= 200.0 / 3 ? 2 : 3;
}
#define NAME        regime_volatility
#define INPUTS      1
#define OUTPUTS     1
#define USABLE(bar) ((bar)[0] > 0)
#include "ta/run.inc.h"

static int64_t regime_lookback(const double *p) { return (int64_t)(p[0] + p[1]) - 1; }

/* regime_trend: 3 where the mean of the last n logarithmic returns is more than `threshold`
 * standard errors (deviation with ddof 1 over sqrt n) above 0, 1 where as far below, else 2. */
typedef struct {
  moments_state moments;
  double before;
  int64_t seen;
} regime_trend_state;

static void regime_trend_init(void *state, const double *p, neap_ta_memory *m) {
  regime_trend_state *s = state;
  *s = (regime_trend_state){0};
  moments_start(&s->moments, p[0], p[1], 1, m);
}

INLINE void regime_trend_step(regime_trend_state *s, const double *in, double *out) {
  double before = s->before;
  s->before = in[0];
  if (!warm(&s->seen, 1) || !moments_ready(&s->moments, log(in[0] / before))) return;
  const moments_window *w = &s->moments.window;
  double gain = moments_mean(w) * sqrt((double)w->n),
         limit = s->moments.a * sqrt(moments_var(w, 1));
  out[0] = gain > limit ? 3 : gain < -limit ? 1 : 2;
}
#define NAME        regime_trend
#define INPUTS      1
#define OUTPUTS     1
#define USABLE(bar) ((bar)[0] > 0)
#include "ta/run.inc.h"

/* parkinson: sqrt(mean ln(H/L)^2 / (4 ln 2)) (Parkinson 1980); garman_klass: sqrt(mean(ln(H/L)^2 /
 * 2
 * - (2 ln 2 - 1) ln(C/O)^2)) (Garman and Klass 1980); both times sqrt(bars_per_year). A window
 * whose mean is negative, from closes outside the bars, gives NaN. */
typedef struct {
  sum_window sum;
  double factor;
  int64_t seen;
} estimator_state;
typedef estimator_state parkinson_state, garman_klass_state;

static const double LN2 = 0.69314718055994530942;

static void estimator_init(void *state, const double *p, neap_ta_memory *m) {
  estimator_state *s = state;
  *s = (estimator_state){.factor = sqrt(p[1])};
  sum_init(&s->sum, (int64_t)p[0], m);
}

INLINE void estimator_next(estimator_state *s, double variance, double *out) {
  double sum = sum_next(&s->sum, variance);
  if (warm(&s->seen, s->sum.n - 1)) out[0] = s->factor * sqrt(sum / (double)s->sum.n);
}

INLINE double log_square(double a, double b) {
  double r = log(a / b);
  return r * r;
}

INLINE void parkinson_step(parkinson_state *s, const double *in, double *out) {
  estimator_next(s, log_square(in[0], in[1]) / (4 * LN2), out);
}
#define NAME        parkinson
#define INPUTS      2
#define OUTPUTS     1
#define USABLE(bar) ((bar)[0] > 0 && (bar)[1] > 0)
#include "ta/run.inc.h"

INLINE void garman_klass_step(garman_klass_state *s, const double *in, double *out) {
  double whole = log_square(in[1], in[2]), body = log_square(in[3], in[0]);
  estimator_next(s, 0.5 * whole - (2 * LN2 - 1) * body, out);
}
#define NAME        garman_klass
#define INPUTS      4
#define OUTPUTS     1
#define USABLE(bar) ((bar)[0] > 0 && (bar)[1] > 0 && (bar)[2] > 0 && (bar)[3] > 0)
#include "ta/run.inc.h"

#define ROW(name_, title_) .name = name_, .title = title_, .outputs = 1, .output = {name_}
#define HLC                .inputs = 3, .input = {NEAP_TA_HIGH, NEAP_TA_LOW, NEAP_TA_CLOSE}
#define BANDS(unit_)                                                                               \
  .outputs = 3, .output = {"upper", "middle", "lower"}, .unit = {unit_, unit_, unit_}, UNBOUNDED

const neap_ta_indicator neap__ta_volatility[] = {
    {ROW("trange", "true range"), HLC, .talib = true, .unit = {NEAP_TA_SPREAD}, POSITIVE,
     .lookback = one, STEP(trange)},
    {ROW("atr", "average true range"), HLC, .talib = true, .unit = {NEAP_TA_SPREAD}, POSITIVE,
     .param = {PERIOD("period", 1, 14, 14)}, .lookback = period_of, STEP(atr)},
    {ROW("natr", "average true range in percent of the close"), HLC, .talib = true, UNBOUNDED,
     .param = {PERIOD("period", 1, 14, 14)}, .lookback = period_of, .size = sizeof(atr_state),
     .init = atr_init, .run = natr_run},
    {.name = "bbands",
     .title = "Bollinger bands",
     .talib = true,
     .inputs = 1,
     BANDS(NEAP_TA_PRICE),
     .param = {PERIOD("period", 2, 20, 5), NUMBER("deviations", 0, 1000, 2, 2), DDOF(0)},
     .lookback = behind,
     STEP(bbands)},
    {.name = "keltner",
     .title = "Keltner channel",
     HLC,
     BANDS(NEAP_TA_PRICE),
     .param = {PERIOD("period", 1, 20, 20), NUMBER("multiplier", 0, 1000, 2, 2),
               PERIOD("atr_period", 1, 10, 10)},
     .lookback = keltner_lookback,
     STEP(keltner)},
    {.name = "donchian",
     .title = "Donchian channel",
     .inputs = 2,
     .input = {NEAP_TA_HIGH, NEAP_TA_LOW},
     BANDS(NEAP_TA_PRICE),
     .param = {PERIOD("period", 1, 20, 20)},
     .lookback = behind,
     STEP(donchian)},
    {ROW("stddev", "standard deviation"), .inputs = 1, .talib = true, .unit = {NEAP_TA_SPREAD},
     POSITIVE, .param = {PERIOD("period", 2, 20, 5), DDOF(0)}, .lookback = behind, STEP(stddev)},
    {ROW("var", "variance"), .inputs = 1, .talib = true, .unit = {NEAP_TA_SQUARE}, POSITIVE,
     .param = {PERIOD("period", 2, 20, 5), DDOF(0)}, .lookback = behind,
     .size = sizeof(moments_state), .init = stddev_init, .run = var_run},
    {ROW("zscore", "distance from the mean in standard deviations"), .inputs = 1, UNBOUNDED,
     .param = {PERIOD("period", 2, 20, 20), DDOF(0)}, .lookback = behind,
     .size = sizeof(moments_state), .init = stddev_init, .run = zscore_run},
    {ROW("linreg_slope", "slope of the regression line"), .inputs = 1, .talib = true,
     .unit = {NEAP_TA_SPREAD}, UNBOUNDED, .param = {PERIOD("period", 2, 14, 14)},
     .lookback = behind, STEP(linreg_slope)},
    {ROW("realised_volatility", "deviation of logarithmic returns"), .inputs = 1, POSITIVE,
     .param = {PERIOD("period", 2, 20, 20), BARS_PER_YEAR}, .lookback = period_of,
     STEP(realised_volatility)},
    {ROW("percentile", "percentile of the last value"), .inputs = 1, BOUNDED(0, 100),
     .param = {PERIOD("period", 1, 100, 100)}, .lookback = behind, STEP(percentile)},
    {ROW("regime_volatility", "third of the trailing volatility"), .inputs = 1, BOUNDED(1, 3),
     .param = {PERIOD("period", 2, 20, 20), PERIOD("window", 1, 100, 100)},
     .lookback = regime_lookback, STEP(regime_volatility)},
    {ROW("regime_trend", "falling, neither, rising"), .inputs = 1, BOUNDED(1, 3),
     .param = {PERIOD("period", 2, 50, 50), NUMBER("threshold", 0, 1000, 1, 1)},
     .lookback = period_of, STEP(regime_trend)},
    {ROW("parkinson", "Parkinson's volatility from the range"), .inputs = 2,
     .input = {NEAP_TA_HIGH, NEAP_TA_LOW}, POSITIVE,
     .param = {PERIOD("period", 1, 20, 20), BARS_PER_YEAR}, .lookback = behind,
     .size = sizeof(estimator_state), .init = estimator_init, .run = parkinson_run},
    {ROW("garman_klass", "Garman and Klass's volatility"), .inputs = 4,
     .input = {NEAP_TA_OPEN, NEAP_TA_HIGH, NEAP_TA_LOW, NEAP_TA_CLOSE}, POSITIVE,
     .param = {PERIOD("period", 1, 20, 20), BARS_PER_YEAR}, .lookback = behind,
     .size = sizeof(estimator_state), .init = estimator_init, .run = garman_klass_run},
};
const int neap__ta_volatility_count = sizeof neap__ta_volatility / sizeof *neap__ta_volatility;
