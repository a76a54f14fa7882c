/* Momentum: how far and how fast prices went. */
#include "kern/kern.h"
#include "ta/window.h"

/* macd: EMA(fast) - EMA(slow), its EMA(signal), their difference (Appel 1979). As in TA-Lib both
 * averages start at bar `slow`, the fast one seeded with the last `fast` of the first `slow` bars,
 * and all columns start with the signal. */
typedef struct {
  ema_mean fast, slow, signal;
  int64_t skip;
} macd_state;

static void macd_init(void *state, const double *p, neap_ta_memory *m) {
  (void)m;
  macd_state *s = state;
  ema_init(&s->fast, (int64_t)p[0], ema_constant(p[0]));
  ema_init(&s->slow, (int64_t)p[1], ema_constant(p[1]));
  ema_init(&s->signal, (int64_t)p[2], ema_constant(p[2]));
  s->skip = (int64_t)(p[1] - p[0]);
}

INLINE void macd_step(macd_state *s, const double *in, double *out) {
  if (s->skip > 0) s->skip--;
  else ema_next(&s->fast, in[0]);
  if (!ema_next(&s->slow, in[0])) return;
  double macd = s->fast.y - s->slow.y;
  if (!ema_next(&s->signal, macd)) return;
  out[0] = macd;
  out[1] = s->signal.y;
  out[2] = macd - s->signal.y;
}
#define NAME    macd
#define INPUTS  1
#define OUTPUTS 3
#include "ta/run.inc.h"

static int64_t macd_lookback(const double *p) { return (int64_t)(p[1] + p[2]) - 2; }

/* ppo, apo: difference of two averages of one kind, EMA or (average = 0) SMA; ppo in percent of the
 * slow one. Here each average has its own seed. */
typedef struct {
  ema_mean fast, slow;
  sum_window fast_sum, slow_sum;
  int64_t seen;
  bool simple;
} oscillator_state;

static void oscillator_init(void *state, const double *p, neap_ta_memory *m) {
  oscillator_state *s = state;
  *s = (oscillator_state){.simple = p[2] == 0};
  ema_init(&s->fast, (int64_t)p[0], ema_constant(p[0]));
  ema_init(&s->slow, (int64_t)p[1], ema_constant(p[1]));
  sum_init(&s->fast_sum, (int64_t)p[0], m);
  sum_init(&s->slow_sum, (int64_t)p[1], m);
}

INLINE bool oscillator_next(oscillator_state *s, double x, double *fast, double *slow) {
  if (s->simple) {
    *fast = sum_next(&s->fast_sum, x) / (double)s->fast_sum.n;
    *slow = sum_next(&s->slow_sum, x) / (double)s->slow_sum.n;
    return warm(&s->seen, s->slow_sum.n - 1);
  }
  ema_next(&s->fast, x);
  bool ready = ema_next(&s->slow, x);
  *fast = s->fast.y;
  *slow = s->slow.y;
  return ready;
}

typedef oscillator_state ppo_state, apo_state;

INLINE void ppo_step(ppo_state *s, const double *in, double *out) {
  double fast, slow;
  if (oscillator_next(s, in[0], &fast, &slow)) out[0] = 100 * ratio_or_zero(fast - slow, slow);
}
#define NAME    ppo
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

INLINE void apo_step(apo_state *s, const double *in, double *out) {
  double fast, slow;
  if (oscillator_next(s, in[0], &fast, &slow)) out[0] = fast - slow;
}
#define NAME    apo
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

static int64_t slow_lookback(const double *p) { return (int64_t)p[1] - 1; }

/* Wilder's sums of rises and falls; scale-free uses need no division by n. */
typedef struct {
  double up, down, before, keep;
  int64_t n, seen;
} swings;

static void swings_init(swings *w, double n) {
  *w = (swings){.n = (int64_t)n, .keep = wilder_keep(n)};
}

INLINE bool swings_next(swings *w, double x) {
  double change = x - w->before, up = larger(change, 0), down = larger(-change, 0);
  w->before = x;
  if (__builtin_expect(w->seen > w->n, 1)) {
    w->up = w->up * w->keep + up;
    w->down = w->down * w->keep + down;
    return true;
  }
  if (w->seen++ == 0) return false;
  w->up += up;
  w->down += down;
  return w->seen > w->n;
}

/* rsi: 100 U / (U + D) (Wilder 1978); 0 while there was no change. */
typedef struct {
  swings swings;
} rsi_state;

static void rsi_init(void *state, const double *p, neap_ta_memory *m) {
  (void)m;
  swings_init(&((rsi_state *)state)->swings, p[0]);
}

INLINE bool rsi_next(rsi_state *s, double x, double *y) {
  if (!swings_next(&s->swings, x)) return false;
  *y = 100 * ratio_or_zero(s->swings.up, s->swings.up + s->swings.down);
  return true;
}

INLINE void rsi_step(rsi_state *s, const double *in, double *out) { rsi_next(s, in[0], out); }
#define NAME    rsi
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

/* cmo: 100 (U - D) / (U + D) of the same sums, as TA-Lib (Chande's own uses plain sums). */
typedef rsi_state cmo_state;

INLINE void cmo_step(cmo_state *s, const double *in, double *out) {
  const swings *w = &s->swings;
  if (swings_next(&s->swings, in[0]))
    out[0] = 100 * ratio_or_zero(w->up - w->down, w->up + w->down);
}
#define NAME    cmo
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

static int64_t period_of(const double *p) { return (int64_t)p[0]; }
static int64_t behind(const double *p) { return (int64_t)p[0] - 1; }

/* Where a value lies in the range of the last n, 0 to 100 (0 in an empty range), smoothed by an SMA
 * to k and by another to d. */
typedef struct {
  range_window range;
  sum_window k, d;
  int64_t range_seen, k_seen, d_seen;
} slow_stoch;

static void slow_stoch_init(slow_stoch *s, const double *p, neap_ta_memory *m) {
  *s = (slow_stoch){0};
  range_init(&s->range, (int64_t)p[0], m);
  sum_init(&s->k, (int64_t)p[1], m);
  sum_init(&s->d, (int64_t)p[2], m);
}

INLINE void slow_stoch_next(slow_stoch *s, double high, double low, double x, double *out) {
  double top, bottom;
  range_next(&s->range, high, low, &top, &bottom);
  if (!warm(&s->range_seen, s->range.n - 1)) return;
  double raw = 100 * ratio_or_zero(x - bottom, top - bottom);
  double k = sum_next(&s->k, raw) / (double)s->k.n;
  if (!warm(&s->k_seen, s->k.n - 1)) return;
  double d = sum_next(&s->d, k) / (double)s->d.n;
  if (!warm(&s->d_seen, s->d.n - 1)) return;
  out[0] = k;
  out[1] = d;
}

/* stoch: the close in the range of the highs and lows (Lane). */
typedef struct {
  slow_stoch slow;
} stoch_state;

static void stoch_init(void *state, const double *p, neap_ta_memory *m) {
  slow_stoch_init(&((stoch_state *)state)->slow, p, m);
}

INLINE void stoch_step(stoch_state *s, const double *in, double *out) {
  slow_stoch_next(&s->slow, in[0], in[1], in[2], out);
}
#define NAME    stoch
#define INPUTS  3
#define OUTPUTS 2
#include "ta/run.inc.h"

static int64_t stoch_lookback(const double *p) { return (int64_t)(p[0] + p[1] + p[2]) - 3; }

/* stochrsi: the RSI in its own range (Chande and Kroll 1994). */
typedef struct {
  rsi_state rsi;
  slow_stoch slow;
} stochrsi_state;

static void stochrsi_init(void *state, const double *p, neap_ta_memory *m) {
  stochrsi_state *s = state;
  rsi_init(&s->rsi, p, m);
  slow_stoch_init(&s->slow, p + 1, m);
}

INLINE void stochrsi_step(stochrsi_state *s, const double *in, double *out) {
  double rsi;
  if (rsi_next(&s->rsi, in[0], &rsi)) slow_stoch_next(&s->slow, rsi, rsi, rsi, out);
}
#define NAME    stochrsi
#define INPUTS  1
#define OUTPUTS 2
#include "ta/run.inc.h"

static int64_t stochrsi_lookback(const double *p) { return (int64_t)p[0] + stoch_lookback(p + 1); }

/* willr: -100 (top - close) / (top - bottom) (Williams); 0 in an empty range. */
typedef struct {
  range_window range;
  int64_t seen;
} willr_state;

static void willr_init(void *state, const double *p, neap_ta_memory *m) {
  willr_state *s = state;
  *s = (willr_state){0};
  range_init(&s->range, (int64_t)p[0], m);
}

INLINE void willr_step(willr_state *s, const double *in, double *out) {
  double top, bottom;
  range_next(&s->range, in[0], in[1], &top, &bottom);
  if (warm(&s->seen, s->range.n - 1)) out[0] = 100 * ratio_or_zero(in[2] - top, top - bottom);
}
#define NAME    willr
#define INPUTS  3
#define OUTPUTS 1
#include "ta/run.inc.h"

/* Mean of |x - shift - mean|: exactly 0 in a flat window. Four partial sums in fixed places, so
 * that the processor can work on several at once. */
INLINE double mean_deviation(const double *x, int64_t n, double shift, double mean) {
  double a = 0, b = 0, c = 0, d = 0;
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    a += fabs(x[i] - shift - mean);
    b += fabs(x[i + 1] - shift - mean);
    c += fabs(x[i + 2] - shift - mean);
    d += fabs(x[i + 3] - shift - mean);
  }
  for (; i < n; i++) a += fabs(x[i] - shift - mean);
  return (a + b + (c + d)) / (double)n;
}

/* cci: (typical - mean) / (0.015 mean deviation) (Lambert 1980); 0 when the deviation is. */
typedef struct {
  moments_window window;
  int64_t seen;
} cci_state;

static void cci_init(void *state, const double *p, neap_ta_memory *m) {
  cci_state *s = state;
  *s = (cci_state){0};
  moments_init(&s->window, (int64_t)p[0], m);
}

INLINE void cci_step(cci_state *s, const double *in, double *out) {
  double typical = (in[0] + in[1] + in[2]) / 3;
  moments_next(&s->window, typical);
  if (!warm(&s->seen, s->window.n - 1)) return;
  const moments_window *w = &s->window;
  double mean = w->sum / (double)w->n;
  double deviation = mean_deviation(w->x, w->n, w->shift, mean);
  out[0] = ratio_or_zero(typical - w->shift - mean, 0.015 * deviation);
}
#define NAME    cci
#define INPUTS  3
#define OUTPUTS 1
#include "ta/run.inc.h"

/* roc, mom, log_return: change over n bars; in percent, in price, in logarithms. */
typedef struct {
  lag_window lag;
} lag_state;
typedef lag_state roc_state, mom_state, growth_state;

static void past_init(void *state, const double *p, neap_ta_memory *m) {
  lag_init(&((lag_state *)state)->lag, (int64_t)p[0], m);
}

INLINE void roc_step(roc_state *s, const double *in, double *out) {
  double past;
  if (lag_next(&s->lag, in[0], &past)) out[0] = past != 0 ? 100 * (in[0] / past - 1) : 0;
}
#define NAME    roc
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

INLINE void mom_step(mom_state *s, const double *in, double *out) {
  double past;
  if (lag_next(&s->lag, in[0], &past)) out[0] = in[0] - past;
}
#define NAME    mom
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

INLINE void growth_step(growth_state *s, const double *in, double *out) {
  double past;
  if (lag_next(&s->lag, in[0], &past)) out[0] = in[0] / past;
}
#define NAME        growth
#define INPUTS      1
#define OUTPUTS     1
#define USABLE(bar) ((bar)[0] > 0)
#include "ta/run.inc.h"

/* The logarithms in lanes, which give a value the same bits wherever it stands. */
static void log_return_run(void *state, int64_t n, const double *const *in, double *const *out) {
  const neap_kern *k = NULL;
  if (neap_kern_select(&k)) k = neap_kern_at(0);
  growth_run(state, n, in, out);
  k->unary[NEAP_MAP_log][NEAP_F64](n, out[0], 1, out[0], 1);
}

/* bop: (close - open) / (high - low), where the bar went in its range; 0 without one. */
typedef struct {
  char none;
} bop_state;

static void bop_init(void *state, const double *p, neap_ta_memory *m) {
  (void)p;
  (void)m;
  *(bop_state *)state = (bop_state){0};
}

INLINE void bop_step(bop_state *s, const double *in, double *out) {
  (void)s;
  out[0] = in[1] > in[2] ? (in[3] - in[0]) / (in[1] - in[2]) : 0;
}
#define NAME    bop
#define INPUTS  4
#define OUTPUTS 1
#include "ta/run.inc.h"

static int64_t none(const double *p) {
  (void)p;
  return 0;
}

/* ultosc: 100 (4 a + 2 b + c) / 7, each the buying pressure over the true range of one period
 * (Williams 1985); an empty range counts 0. */
typedef struct {
  sum_window pressure[3], range[3];
  double before;
  int64_t seen, n;
} ultosc_state;

static int64_t longest(const double *p) { return (int64_t)larger(p[0], larger(p[1], p[2])); }

static void ultosc_init(void *state, const double *p, neap_ta_memory *m) {
  ultosc_state *s = state;
  *s = (ultosc_state){.n = longest(p)};
  for (int k = 0; k < 3; k++) {
    sum_init(&s->pressure[k], (int64_t)p[k], m);
    sum_init(&s->range[k], (int64_t)p[k], m);
  }
}

INLINE void ultosc_step(ultosc_state *s, const double *in, double *out) {
  double before = s->before, share[3];
  s->before = in[2];
  bool ready = warm(&s->seen, s->n);
  if (!ready && s->seen == 1) return;
  double pressure = in[2] - smaller(in[1], before), range = true_range(in[0], in[1], before);
  for (int k = 0; k < 3; k++) {
    double sum = sum_next(&s->pressure[k], pressure);
    share[k] = ratio_or_zero(sum, sum_next(&s->range[k], range));
  }
  if (ready) out[0] = 100 * (4 * share[0] + 2 * share[1] + share[2]) / 7;
}
#define NAME    ultosc
#define INPUTS  3
#define OUTPUTS 1
#include "ta/run.inc.h"

/* tsi: 100 times the EMA(fast) of the EMA(slow) of changes, over the same of their sizes (Blau
 * 1991); 0 while there was no change. */
typedef struct {
  ema_mean change[2], size[2];
  double before;
  int64_t seen;
} tsi_state;

static void tsi_init(void *state, const double *p, neap_ta_memory *m) {
  (void)m;
  tsi_state *s = state;
  *s = (tsi_state){0};
  for (int k = 0; k < 2; k++) {
    double n = p[1 - k];
    ema_init(&s->change[k], (int64_t)n, ema_constant(n));
    ema_init(&s->size[k], (int64_t)n, ema_constant(n));
  }
}

INLINE void tsi_step(tsi_state *s, const double *in, double *out) {
  double change = in[0] - s->before;
  s->before = in[0];
  if (!warm(&s->seen, 1)) return;
  ema_next(&s->size[0], fabs(change));
  if (!ema_next(&s->change[0], change)) return;
  ema_next(&s->size[1], s->size[0].y);
  if (ema_next(&s->change[1], s->change[0].y))
    out[0] = 100 * ratio_or_zero(s->change[1].y, s->size[1].y);
}
#define NAME    tsi
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

static int64_t tsi_lookback(const double *p) { return (int64_t)(p[0] + p[1]) - 1; }

#define SERIES(name_, title_)                                                                      \
  .name = name_, .title = title_, .inputs = 1, .outputs = 1, .output = {name_}
#define BARS(name_, title_)                                                                        \
  .name = name_, .title = title_, .inputs = 3, .outputs = 1, .output = {name_},                    \
  .input = {NEAP_TA_HIGH, NEAP_TA_LOW, NEAP_TA_CLOSE}
#define AVERAGE_KIND                                                                               \
  { .name = "average", .integer = true, .low = 0, .high = 1, .usual = 1, .talib = 0 }

const neap_ta_indicator neap__ta_momentum[] = {
    {.name = "macd",
     .title = "moving average convergence and divergence",
     .talib = true,
     .inputs = 1,
     .outputs = 3,
     .output = {"macd", "signal", "hist"},
     .unit = {NEAP_TA_SPREAD, NEAP_TA_SPREAD, NEAP_TA_SPREAD},
     UNBOUNDED,
     .param = {PERIOD("fast", 1, 12, 12), PERIOD("slow", 2, 26, 26), PERIOD("signal", 1, 9, 9)},
     .lookback = macd_lookback,
     STEP(macd)},
    {SERIES("ppo", "percentage price oscillator"), .talib = true, UNBOUNDED,
     .param = {PERIOD("fast", 1, 12, 12), PERIOD("slow", 2, 26, 26), AVERAGE_KIND},
     .lookback = slow_lookback, .size = sizeof(oscillator_state), .init = oscillator_init,
     .run = ppo_run},
    {SERIES("apo", "absolute price oscillator"), .talib = true, UNBOUNDED, .unit = {NEAP_TA_SPREAD},
     .param = {PERIOD("fast", 1, 12, 12), PERIOD("slow", 2, 26, 26), AVERAGE_KIND},
     .lookback = slow_lookback, .size = sizeof(oscillator_state), .init = oscillator_init,
     .run = apo_run},
    {SERIES("rsi", "relative strength index"), .talib = true, BOUNDED(0, 100),
     .param = {PERIOD("period", 2, 14, 14)}, .lookback = period_of, STEP(rsi)},
    {.name = "stoch",
     .title = "stochastic oscillator",
     .talib = true,
     .inputs = 3,
     .input = {NEAP_TA_HIGH, NEAP_TA_LOW, NEAP_TA_CLOSE},
     .outputs = 2,
     .output = {"k", "d"},
     BOUNDED(0, 100),
     .param = {PERIOD("fastk", 1, 14, 5), PERIOD("slowk", 1, 3, 3), PERIOD("slowd", 1, 3, 3)},
     .lookback = stoch_lookback,
     STEP(stoch)},
    {.name = "stochrsi",
     .title = "stochastic oscillator of the RSI",
     .talib = true,
     .inputs = 1,
     .outputs = 2,
     .output = {"k", "d"},
     BOUNDED(0, 100),
     .param = {PERIOD("period", 2, 14, 14), PERIOD("fastk", 1, 14, 5), PERIOD("slowk", 1, 3, 1),
               PERIOD("slowd", 1, 3, 3)},
     .lookback = stochrsi_lookback,
     STEP(stochrsi)},
    {BARS("willr", "Williams %R"), .talib = true, BOUNDED(-100, 0),
     .param = {PERIOD("period", 2, 14, 14)}, .lookback = behind, STEP(willr)},
    {BARS("cci", "commodity channel index"), .talib = true, UNBOUNDED,
     .param = {PERIOD("period", 2, 20, 14)}, .lookback = behind, STEP(cci)},
    {SERIES("roc", "rate of change in percent"), .talib = true, UNBOUNDED,
     .param = {PERIOD("period", 1, 10, 10)}, .lookback = period_of, .size = sizeof(lag_state),
     .init = past_init, .run = roc_run},
    {SERIES("mom", "momentum"), .talib = true, UNBOUNDED, .unit = {NEAP_TA_SPREAD},
     .param = {PERIOD("period", 1, 10, 10)}, .lookback = period_of, .size = sizeof(lag_state),
     .init = past_init, .run = mom_run},
    {SERIES("log_return", "logarithmic return"), UNBOUNDED, .param = {PERIOD("period", 1, 1, 1)},
     .lookback = period_of, .size = sizeof(lag_state), .init = past_init, .run = log_return_run},
    {SERIES("cmo", "Chande momentum oscillator"), .talib = true, BOUNDED(-100, 100),
     .param = {PERIOD("period", 2, 14, 14)}, .lookback = period_of, .size = sizeof(rsi_state),
     .init = rsi_init, .run = cmo_run},
    {BARS("ultosc", "ultimate oscillator"), .talib = true, BOUNDED(0, 100),
     .param = {PERIOD("period1", 1, 7, 7), PERIOD("period2", 1, 14, 14),
               PERIOD("period3", 1, 28, 28)},
     .lookback = longest, STEP(ultosc)},
    {.name = "bop",
     .title = "balance of power",
     .talib = true,
     .inputs = 4,
     .input = {NEAP_TA_OPEN, NEAP_TA_HIGH, NEAP_TA_LOW, NEAP_TA_CLOSE},
     .outputs = 1,
     .output = {"bop"},
     BOUNDED(-1, 1),
     .lookback = none,
     STEP(bop)},
    {SERIES("tsi", "true strength index"), BOUNDED(-100, 100),
     .param = {PERIOD("fast", 1, 13, 13), PERIOD("slow", 2, 25, 25)}, .lookback = tsi_lookback,
     STEP(tsi)},
};
const int neap__ta_momentum_count = sizeof neap__ta_momentum / sizeof *neap__ta_momentum;
