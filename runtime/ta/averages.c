/* Moving averages. */
#include "ta/window.h"

static int64_t behind(const double *p) { return (int64_t)p[0] - 1; }

/* sma: plain mean of the last n. */
typedef struct {
  sum_window sum;
  int64_t seen;
} sma_state;

static void sma_init(void *state, const double *p, neap_ta_memory *m) {
  sma_state *s = state;
  *s = (sma_state){0};
  sum_init(&s->sum, (int64_t)p[0], m);
}

INLINE void sma_step(sma_state *s, const double *in, double *out) {
  double sum = sum_next(&s->sum, in[0]);
  if (warm(&s->seen, s->sum.n - 1)) out[0] = sum / (double)s->sum.n;
}
#define NAME    sma
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

/* ema: y += 2 / (n + 1) (x - y), seeded with the mean of the first n (TA-Lib). */
typedef struct {
  ema_mean mean;
} ema_state;

static void ema_init_usual(void *state, const double *p, neap_ta_memory *m) {
  (void)m;
  ema_init(&((ema_state *)state)->mean, (int64_t)p[0], ema_constant(p[0]));
}

INLINE void ema_step(ema_state *s, const double *in, double *out) {
  if (ema_next(&s->mean, in[0])) out[0] = s->mean.y;
}
#define NAME    ema
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

/* rma: Wilder's mean, the same with 1 / n. */
static void rma_init(void *state, const double *p, neap_ta_memory *m) {
  (void)m;
  ema_init(&((ema_state *)state)->mean, (int64_t)p[0], 1 / p[0]);
}

/* wma: weights 1 .. n. */
typedef struct {
  slope_window window;
  int64_t seen;
} wma_state;

static void wma_init(void *state, const double *p, neap_ta_memory *m) {
  wma_state *s = state;
  *s = (wma_state){0};
  slope_init(&s->window, (int64_t)p[0], m);
}

INLINE bool wma_next(wma_state *s, double x, double *y) {
  slope_next(&s->window, x);
  if (!warm(&s->seen, s->window.n - 1)) return false;
  *y = slope_wma(&s->window);
  return true;
}

INLINE void wma_step(wma_state *s, const double *in, double *out) { wma_next(s, in[0], out); }
#define NAME    wma
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

/* dema = 2 e1 - e2, tema = 3 e1 - 3 e2 + e3, with e2 the EMA of e1 and e3 that of e2, each seeded
 * on its own (Mulloy 1994). */
typedef struct {
  ema_mean e[3];
} nested_state;

static void nested_init(void *state, const double *p, neap_ta_memory *m) {
  (void)m;
  nested_state *s = state;
  for (int k = 0; k < 3; k++) ema_init(&s->e[k], (int64_t)p[0], ema_constant(p[0]));
}

typedef nested_state dema_state, tema_state;

INLINE void dema_step(dema_state *s, const double *in, double *out) {
  if (ema_next(&s->e[0], in[0]) && ema_next(&s->e[1], s->e[0].y))
    out[0] = 2 * s->e[0].y - s->e[1].y;
}
#define NAME    dema
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

INLINE void tema_step(tema_state *s, const double *in, double *out) {
  if (ema_next(&s->e[0], in[0]) && ema_next(&s->e[1], s->e[0].y) && ema_next(&s->e[2], s->e[1].y))
    out[0] = 3 * s->e[0].y - 3 * s->e[1].y + s->e[2].y;
}
#define NAME    tema
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

static int64_t dema_lookback(const double *p) { return 2 * behind(p); }
static int64_t tema_lookback(const double *p) { return 3 * behind(p); }

/* hma: WMA over sqrt(n) of 2 WMA(n / 2) - WMA(n), whole parts taken (Hull 2005). */
typedef struct {
  wma_state half, full, last;
} hma_state;

static int64_t root(double n) { return (int64_t)floor(sqrt(n)); }

static void hma_init(void *state, const double *p, neap_ta_memory *m) {
  hma_state *s = state;
  double half = floor(p[0] / 2), last = (double)root(p[0]);
  wma_init(&s->half, &half, m);
  wma_init(&s->full, p, m);
  wma_init(&s->last, &last, m);
}

INLINE void hma_step(hma_state *s, const double *in, double *out) {
  double half = 0, full = 0;
  bool ready = wma_next(&s->half, in[0], &half);
  ready &= wma_next(&s->full, in[0], &full);
  if (ready) wma_next(&s->last, 2 * half - full, out);
}
#define NAME    hma
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

static int64_t hma_lookback(const double *p) { return behind(p) + root(p[0]) - 1; }

/* kama: an EMA whose constant follows the efficiency |x - x[-n]| / sum |changes|, between the
 * constants of `fast` and `slow` bars, squared (Kaufman 1995). Starts at x[n - 1], as TA-Lib; no
 * change at all, and a net rise that equals the path, count as efficiency 1. */
typedef struct {
  lag_window lag;
  sum_window path;
  double before, y, low, spread;
} kama_state;

static void kama_init(void *state, const double *p, neap_ta_memory *m) {
  kama_state *s = state;
  *s = (kama_state){.low = ema_constant(p[2])};
  s->spread = ema_constant(p[1]) - s->low;
  lag_init(&s->lag, (int64_t)p[0], m);
  sum_init(&s->path, (int64_t)p[0], m);
}

INLINE void kama_step(kama_state *s, const double *in, double *out) {
  double x = in[0], past;
  double path = s->lag.seen ? sum_next(&s->path, fabs(x - s->before)) : 0;
  if (lag_next(&s->lag, x, &past)) {
    double net = x - past;
    double efficiency = path <= net || path == 0 ? 1 : fabs(net / path);
    double k = efficiency * s->spread + s->low;
    s->y += (x - s->y) * (k * k);
    out[0] = s->y;
  } else {
    s->y = x;
  }
  s->before = x;
}
#define NAME    kama
#define INPUTS  1
#define OUTPUTS 1
#include "ta/run.inc.h"

static int64_t period_of(const double *p) { return (int64_t)p[0]; }

/* vwma: mean weighted by volume; the price itself while no volume was traded. */
typedef struct {
  sum_window value, volume;
  int64_t seen;
} vwma_state;

static void vwma_init(void *state, const double *p, neap_ta_memory *m) {
  vwma_state *s = state;
  *s = (vwma_state){0};
  sum_init(&s->value, (int64_t)p[0], m);
  sum_init(&s->volume, (int64_t)p[0], m);
}

INLINE void vwma_step(vwma_state *s, const double *in, double *out) {
  double value = sum_next(&s->value, in[0] * in[1]);
  double volume = sum_next(&s->volume, in[1]);
  if (warm(&s->seen, s->volume.n - 1)) out[0] = volume != 0 ? value / volume : in[0];
}
#define NAME    vwma
#define INPUTS  2
#define OUTPUTS 1
#include "ta/run.inc.h"

#define AVERAGE(name_, title_)                                                                     \
  .name = name_, .title = title_, .inputs = 1, .outputs = 1, .output = {name_},                    \
  .unit = {NEAP_TA_PRICE}, UNBOUNDED

const neap_ta_indicator neap__ta_averages[] = {
    {AVERAGE("sma", "simple moving average"), .talib = true, .param = {PERIOD("period", 1, 20, 30)},
     .lookback = behind, STEP(sma)},
    {AVERAGE("ema", "exponential moving average"), .talib = true,
     .param = {PERIOD("period", 1, 20, 30)}, .lookback = behind, .size = sizeof(ema_state),
     .init = ema_init_usual, .run = ema_run},
    {AVERAGE("wma", "linearly weighted moving average"), .talib = true,
     .param = {PERIOD("period", 1, 20, 30)}, .lookback = behind, STEP(wma)},
    {AVERAGE("dema", "double exponential moving average"), .talib = true,
     .param = {PERIOD("period", 1, 20, 30)}, .lookback = dema_lookback,
     .size = sizeof(nested_state), .init = nested_init, .run = dema_run},
    {AVERAGE("tema", "triple exponential moving average"), .talib = true,
     .param = {PERIOD("period", 1, 20, 30)}, .lookback = tema_lookback,
     .size = sizeof(nested_state), .init = nested_init, .run = tema_run},
    {AVERAGE("hma", "Hull moving average"), .param = {PERIOD("period", 2, 9, 9)},
     .lookback = hma_lookback, STEP(hma)},
    {AVERAGE("kama", "Kaufman's adaptive moving average"), .talib = true,
     .param = {PERIOD("period", 2, 10, 30), PERIOD("fast", 1, 2, 2), PERIOD("slow", 2, 30, 30)},
     .lookback = period_of, STEP(kama)},
    {.name = "vwma",
     .title = "volume-weighted moving average",
     .inputs = 2,
     .input = {NEAP_TA_CLOSE, NEAP_TA_VOLUME},
     .outputs = 1,
     .output = {"vwma"},
     .unit = {NEAP_TA_PRICE},
     UNBOUNDED,
     .param = {PERIOD("period", 1, 20, 20)},
     .lookback = behind,
     STEP(vwma)},
    {AVERAGE("rma", "Wilder's moving average"), .param = {PERIOD("period", 1, 14, 14)},
     .lookback = behind, .size = sizeof(ema_state), .init = rma_init, .run = ema_run},
};
const int neap__ta_averages_count = sizeof neap__ta_averages / sizeof *neap__ta_averages;
