/* Trend: whether prices have a direction, and which. */
#include "ta/window.h"

static int64_t period_of(const double *p) { return (int64_t)p[0]; }

/* Wilder's directional movement: sums over n - 1 bars, then decayed ones (as TA-Lib). */
typedef struct {
  double high, low, close, plus, minus, range, keep;
  int64_t n, seen;
} directional;

static void directional_init(directional *d, double n) {
  *d = (directional){.n = (int64_t)n, .keep = wilder_keep(n)};
}

/* True from bar n + 1 on. */
INLINE bool directional_next(directional *d, const double *in) {
  double rise = in[0] - d->high, fall = d->low - in[1];
  double range = true_range(in[0], in[1], d->close);
  d->high = in[0];
  d->low = in[1];
  d->close = in[2];
  double plus = only_if(rise > larger(fall, 0), rise),
         minus = only_if(fall > larger(rise, 0), fall);
  if (__builtin_expect(d->seen >= d->n, 1)) {
    d->plus = d->plus * d->keep + plus;
    d->minus = d->minus * d->keep + minus;
    d->range = d->range * d->keep + range;
    return true;
  }
  if (d->seen++ > 0) {
    d->plus += plus;
    d->minus += minus;
    d->range += range;
  }
  return false;
}

/* plus_di, minus_di: directional movement in percent of the true range; 0 without a range. */
typedef struct {
  directional d;
} plus_di_state;
typedef plus_di_state minus_di_state;

static void di_init(void *state, const double *p, neap_ta_memory *m) {
  (void)m;
  directional_init(&((plus_di_state *)state)->d, p[0]);
}

INLINE void plus_di_step(plus_di_state *s, const double *in, double *out) {
  if (directional_next(&s->d, in)) out[0] = 100 * ratio_or_zero(s->d.plus, s->d.range);
}
#define NAME    plus_di
#define INPUTS  3
#define OUTPUTS 1
#include "ta/run.inc.h"

INLINE void minus_di_step(minus_di_state *s, const double *in, double *out) {
  if (directional_next(&s->d, in)) out[0] = 100 * ratio_or_zero(s->d.minus, s->d.range);
}
#define NAME    minus_di
#define INPUTS  3
#define OUTPUTS 1
#include "ta/run.inc.h"

/* adx: Wilder's mean of dx = 100 |plus - minus| / (plus + minus), seeded with the mean of the first
 * n. Without any movement dx is 0 in the seed and the average stays as it is after it (as TA-Lib).
 */
typedef struct {
  directional d;
  ema_mean mean;
} adx_state;

static void adx_init(void *state, const double *p, neap_ta_memory *m) {
  (void)m;
  adx_state *s = state;
  directional_init(&s->d, p[0]);
  ema_init(&s->mean, (int64_t)p[0], 1 / p[0]);
}

INLINE void adx_step(adx_state *s, const double *in, double *out) {
  if (!directional_next(&s->d, in)) return;
  double total = s->d.plus + s->d.minus;
  double rest = s->mean.seen == s->mean.n ? s->mean.y : 0;
  double dx = total != 0 ? 100 * fabs(s->d.plus - s->d.minus) / total : rest;
  if (ema_next(&s->mean, dx)) out[0] = s->mean.y;
}
#define NAME    adx
#define INPUTS  3
#define OUTPUTS 1
#include "ta/run.inc.h"

static int64_t adx_lookback(const double *p) { return 2 * (int64_t)p[0] - 1; }

/* aroon: 100 (n - bars since the highest high, and since the lowest low, of n + 1 bars) / n; the
 * latest of equals counts (Chande 1995). aroonosc is their difference. */
typedef struct {
  last_max_window high, low;
  int64_t seen;
  double n;
} aroon_state;
typedef aroon_state aroonosc_state;

static void aroon_init(void *state, const double *p, neap_ta_memory *m) {
  aroon_state *s = state;
  *s = (aroon_state){.n = p[0]};
  last_max_init(&s->high, (int64_t)p[0] + 1, m);
  last_max_init(&s->low, (int64_t)p[0] + 1, m);
}

INLINE bool aroon_next(aroon_state *s, const double *in, double *high, double *low) {
  *high = last_max_next(&s->high, in[0]);
  *low = last_max_next(&s->low, -in[1]);
  return warm(&s->seen, (int64_t)s->n);
}

INLINE void aroon_step(aroon_state *s, const double *in, double *out) {
  double high, low;
  if (!aroon_next(s, in, &high, &low)) return;
  out[0] = 100 * (s->n - high) / s->n;
  out[1] = 100 * (s->n - low) / s->n;
}
#define NAME    aroon
#define INPUTS  2
#define OUTPUTS 2
#include "ta/run.inc.h"

INLINE void aroonosc_step(aroonosc_state *s, const double *in, double *out) {
  double high, low;
  if (aroon_next(s, in, &high, &low)) out[0] = 100 * (low - high) / s->n;
}
#define NAME    aroonosc
#define INPUTS  2
#define OUTPUTS 1
#include "ta/run.inc.h"

/* sar: Wilder's parabolic stop and reverse. As in TA-Lib the first trend is down when the low of
 * bar 2 falls by more than its high rises, and the first stop is bar 1's extreme. The short side is
 * the long side mirrored: side = -1 turns high and low into -low and -high. */
typedef struct {
  double high, low, stop, extreme, speed, step, limit, side;
  int64_t seen;
} sar_state;

static void sar_init(void *state, const double *p, neap_ta_memory *m) {
  (void)m;
  *(sar_state *)state =
      (sar_state){.step = smaller(p[0], p[1]), .limit = p[1], .speed = smaller(p[0], p[1])};
}

static void sar_start(sar_state *s, double high, double low) {
  double fall = s->low - low, rise = high - s->high;
  s->side = fall > 0 && fall > rise ? -1 : 1;
  s->extreme = s->side > 0 ? high : -low;
  s->stop = s->side > 0 ? s->low : -s->high;
  s->high = high;
  s->low = low;
}

INLINE void sar_step(sar_state *s, const double *in, double *out) {
  if (__builtin_expect(s->seen < 2, 0)) {
    if (s->seen++ == 0) {
      s->high = in[0];
      s->low = in[1];
      return;
    }
    sar_start(s, in[0], in[1]);
  }
  bool up = s->side > 0;
  double high = up ? in[0] : -in[1], low = up ? in[1] : -in[0];
  double before_high = up ? s->high : -s->low, before_low = up ? s->low : -s->high;
  s->high = in[0];
  s->low = in[1];
  if (low <= s->stop) { /* the stop is hit: turn, and start from the extreme */
    double stop = larger(larger(s->extreme, before_high), high);
    out[0] = s->side * stop;
    stop += s->step * (low - stop);
    s->stop = -larger(larger(stop, before_high), high);
    s->extreme = -low;
    s->speed = s->step;
    s->side = -s->side;
    return;
  }
  out[0] = s->side * s->stop;
  if (high > s->extreme) {
    s->extreme = high;
    s->speed = smaller(s->speed + s->step, s->limit);
  }
  double stop = s->stop + s->speed * (s->extreme - s->stop);
  s->stop = smaller(smaller(stop, before_low), low);
}
#define NAME    sar
#define INPUTS  2
#define OUTPUTS 1
#include "ta/run.inc.h"

static int64_t one(const double *p) {
  (void)p;
  return 1;
}

/* supertrend: bands of `multiplier` average true ranges about the middle of the bar, each moving
 * only towards the price until a close before it was beyond; the line is the lower band in an
 * upward trend, which ends with a close below it (Seban; start downward, as TradingView). */
typedef struct {
  double sum, keep, close, upper, lower, multiplier, side;
  int64_t n, seen;
} supertrend_state;

static void supertrend_init(void *state, const double *p, neap_ta_memory *m) {
  (void)m;
  *(supertrend_state *)state = (supertrend_state){.n = (int64_t)p[0],
                                                  .keep = wilder_keep(p[0]),
                                                  .multiplier = p[1],
                                                  .upper = INFINITY,
                                                  .lower = -INFINITY,
                                                  .side = -1};
}

INLINE void supertrend_step(supertrend_state *s, const double *in, double *out) {
  double before = s->close, range = true_range(in[0], in[1], before), close = in[2];
  s->close = close;
  if (__builtin_expect(s->seen <= s->n, 0)) {
    if (s->seen++ > 0) s->sum += range;
    if (s->seen <= s->n) return;
  } else {
    s->sum = s->sum * s->keep + range;
  }
  double middle = (in[0] + in[1]) / 2, width = s->multiplier * (s->sum / (double)s->n);
  double upper = middle + width, lower = middle - width;
  s->upper = upper < s->upper || before > s->upper ? upper : s->upper;
  s->lower = lower > s->lower || before < s->lower ? lower : s->lower;
  if (s->side > 0) s->side = close < s->lower ? -1 : 1;
  else s->side = close > s->upper ? 1 : -1;
  out[0] = s->side > 0 ? s->lower : s->upper;
  out[1] = s->side;
}
#define NAME    supertrend
#define INPUTS  3
#define OUTPUTS 2
#include "ta/run.inc.h"

#define BARS(name_, title_)                                                                        \
  .name = name_, .title = title_, .inputs = 3, .outputs = 1, .output = {name_},                    \
  .input = {NEAP_TA_HIGH, NEAP_TA_LOW, NEAP_TA_CLOSE}
#define HIGH_LOW(name_, title_)                                                                    \
  .name = name_, .title = title_, .talib = true, .inputs = 2, .input = {NEAP_TA_HIGH, NEAP_TA_LOW}

const neap_ta_indicator neap__ta_trend[] = {
    {BARS("adx", "average directional movement index"), .talib = true, BOUNDED(0, 100),
     .param = {PERIOD("period", 2, 14, 14)}, .lookback = adx_lookback, STEP(adx)},
    {BARS("plus_di", "plus directional indicator"), .talib = true, BOUNDED(0, 100),
     .param = {PERIOD("period", 1, 14, 14)}, .lookback = period_of, .size = sizeof(plus_di_state),
     .init = di_init, .run = plus_di_run},
    {BARS("minus_di", "minus directional indicator"), .talib = true, BOUNDED(0, 100),
     .param = {PERIOD("period", 1, 14, 14)}, .lookback = period_of, .size = sizeof(plus_di_state),
     .init = di_init, .run = minus_di_run},
    {HIGH_LOW("aroon", "Aroon"), .outputs = 2, .output = {"up", "down"}, BOUNDED(0, 100),
     .param = {PERIOD("period", 2, 14, 14)}, .lookback = period_of, STEP(aroon)},
    {HIGH_LOW("aroonosc", "Aroon oscillator"), .outputs = 1, .output = {"aroonosc"},
     BOUNDED(-100, 100), .param = {PERIOD("period", 2, 14, 14)}, .lookback = period_of,
     .size = sizeof(aroon_state), .init = aroon_init, .run = aroonosc_run},
    {HIGH_LOW("sar", "parabolic stop and reverse"), .outputs = 1, .output = {"sar"},
     .unit = {NEAP_TA_PRICE}, UNBOUNDED,
     .param = {NUMBER("acceleration", 0, 10, 0.02, 0.02), NUMBER("maximum", 0, 10, 0.2, 0.2)},
     .lookback = one, STEP(sar)},
    {.name = "supertrend",
     .title = "supertrend",
     .inputs = 3,
     .input = {NEAP_TA_HIGH, NEAP_TA_LOW, NEAP_TA_CLOSE},
     .outputs = 2,
     .output = {"line", "direction"},
     .unit = {NEAP_TA_PRICE, NEAP_TA_RATIO},
     UNBOUNDED,
     .param = {PERIOD("period", 1, 10, 10), NUMBER("multiplier", 0, 1000, 3, 3)},
     .lookback = period_of,
     STEP(supertrend)},
};
const int neap__ta_trend_count = sizeof neap__ta_trend / sizeof *neap__ta_trend;
