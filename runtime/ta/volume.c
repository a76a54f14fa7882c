/* Volume: what was traded on the way. */
#include "ta/window.h"

static int64_t period_of(const double *p) { return (int64_t)p[0]; }
static int64_t behind(const double *p) { return (int64_t)p[0] - 1; }
static int64_t none(const double *p) {
  (void)p;
  return 0;
}

/* obv: volume added on a rise and taken off on a fall; starts at the first volume, as TA-Lib. */
typedef struct {
  double total, before;
  int64_t seen;
} obv_state;

static void obv_init(void *state, const double *p, neap_ta_memory *m) {
  (void)p;
  (void)m;
  *(obv_state *)state = (obv_state){0};
}

INLINE double signed_by(double change, double volume) {
  return (double)((change > 0) - (change < 0)) * volume;
}

INLINE void obv_step(obv_state *s, const double *in, double *out) {
  s->total += warm(&s->seen, 1) ? signed_by(in[0] - s->before, in[1]) : in[1];
  s->before = in[0];
  out[0] = s->total;
}
#define NAME    obv
#define INPUTS  2
#define OUTPUTS 1
#include "ta/run.inc.h"

/* volume_balance: the same over the last n bars, as a share of their volume; 0 without any. */
typedef struct {
  sum_window balance, volume;
  double before;
  int64_t seen;
} volume_balance_state;

static void volume_balance_init(void *state, const double *p, neap_ta_memory *m) {
  volume_balance_state *s = state;
  *s = (volume_balance_state){0};
  sum_init(&s->balance, (int64_t)p[0], m);
  sum_init(&s->volume, (int64_t)p[0], m);
}

INLINE void volume_balance_step(volume_balance_state *s, const double *in, double *out) {
  double change = in[0] - s->before;
  s->before = in[0];
  bool ready = warm(&s->seen, s->volume.n);
  if (!ready && s->seen == 1) return;
  double balance = sum_next(&s->balance, signed_by(change, in[1]));
  double volume = sum_next(&s->volume, in[1]);
  if (ready) out[0] = ratio_or_zero(balance, volume);
}
#define NAME    volume_balance
#define INPUTS  2
#define OUTPUTS 1
#include "ta/run.inc.h"

/* The close in its bar, -1 at the low to 1 at the high, times volume (Chaikin); 0 for a bar without
 * range. */
INLINE double money_flow(const double *in) {
  double range = in[0] - in[1];
  return range > 0 ? (in[2] - in[1] - (in[0] - in[2])) / range * in[3] : 0;
}

/* ad: its running total. */
typedef struct {
  double total;
} ad_state;

static void ad_init(void *state, const double *p, neap_ta_memory *m) {
  (void)p;
  (void)m;
  *(ad_state *)state = (ad_state){0};
}

INLINE void ad_step(ad_state *s, const double *in, double *out) {
  out[0] = s->total += money_flow(in);
}
#define NAME    ad
#define INPUTS  4
#define OUTPUTS 1
#include "ta/run.inc.h"

/* adosc: EMA(fast) - EMA(slow) of ad, both starting at its first value, as TA-Lib. */
typedef struct {
  double total, fast, slow, fast_k, slow_k;
  int64_t n, seen;
} adosc_state;

static void adosc_init(void *state, const double *p, neap_ta_memory *m) {
  (void)m;
  *(adosc_state *)state = (adosc_state){
      .fast_k = ema_constant(p[0]), .slow_k = ema_constant(p[1]), .n = (int64_t)p[1] - 1};
}

INLINE void adosc_step(adosc_state *s, const double *in, double *out) {
  s->total += money_flow(in);
  if (__builtin_expect(s->seen == 0, 0)) s->fast = s->slow = s->total;
  s->fast += (s->total - s->fast) * s->fast_k;
  s->slow += (s->total - s->slow) * s->slow_k;
  if (warm(&s->seen, s->n)) out[0] = s->fast - s->slow;
}
#define NAME    adosc
#define INPUTS  4
#define OUTPUTS 1
#include "ta/run.inc.h"

static int64_t slow_lookback(const double *p) { return (int64_t)p[1] - 1; }

/* cmf: sum of the money flow over n bars in units of their volume (Chaikin); 0 without any. */
typedef struct {
  sum_window flow, volume;
  int64_t seen;
} cmf_state;

static void cmf_init(void *state, const double *p, neap_ta_memory *m) {
  cmf_state *s = state;
  *s = (cmf_state){0};
  sum_init(&s->flow, (int64_t)p[0], m);
  sum_init(&s->volume, (int64_t)p[0], m);
}

INLINE void cmf_step(cmf_state *s, const double *in, double *out) {
  double flow = sum_next(&s->flow, money_flow(in));
  double volume = sum_next(&s->volume, in[3]);
  if (warm(&s->seen, s->volume.n - 1)) out[0] = ratio_or_zero(flow, volume);
}
#define NAME    cmf
#define INPUTS  4
#define OUTPUTS 1
#include "ta/run.inc.h"

/* mfi: 100 P / (P + N), the typical price times volume of bars where it rose and where it fell,
 * over n bars (Quong and Soudack 1989); 0 without any. */
typedef struct {
  sum_window rise, fall;
  double before;
  int64_t seen;
} mfi_state;

static void mfi_init(void *state, const double *p, neap_ta_memory *m) {
  mfi_state *s = state;
  *s = (mfi_state){0};
  sum_init(&s->rise, (int64_t)p[0], m);
  sum_init(&s->fall, (int64_t)p[0], m);
}

INLINE void mfi_step(mfi_state *s, const double *in, double *out) {
  double typical = (in[0] + in[1] + in[2]) / 3, before = s->before;
  s->before = typical;
  bool ready = warm(&s->seen, s->rise.n);
  if (!ready && s->seen == 1) return;
  double flow = typical * in[3];
  double rise = sum_next(&s->rise, typical > before ? flow : 0);
  double fall = sum_next(&s->fall, typical < before ? flow : 0);
  if (ready) out[0] = 100 * ratio_or_zero(rise, rise + fall);
}
#define NAME    mfi
#define INPUTS  4
#define OUTPUTS 1
#include "ta/run.inc.h"

/* vwap: typical price weighted by volume over the last n bars, or (n = 0) since the first bar; the
 * typical price itself while no volume was traded. */
typedef struct {
  sum_window value, volume;
  double total, total_rest, traded, traded_rest;
  int64_t seen;
  bool anchored;
} vwap_state;

static void vwap_init(void *state, const double *p, neap_ta_memory *m) {
  vwap_state *s = state;
  *s = (vwap_state){.anchored = p[0] == 0};
  sum_init(&s->value, (int64_t)larger(p[0], 1), m);
  sum_init(&s->volume, (int64_t)larger(p[0], 1), m);
}

/* sum + rest gains x without rounding error in the pair (Knuth's TwoSum). */
INLINE double compensated(double *sum, double *rest, double x) {
  double next = *sum + x, part = next - *sum;
  *rest += (*sum - (next - part)) + (x - part);
  *sum = next;
  return *sum + *rest;
}

INLINE void vwap_step(vwap_state *s, const double *in, double *out) {
  double typical = (in[0] + in[1] + in[2]) / 3, value = typical * in[3], volume = in[3];
  if (s->anchored) {
    value = compensated(&s->total, &s->total_rest, value);
    volume = compensated(&s->traded, &s->traded_rest, volume);
  } else {
    value = sum_next(&s->value, value);
    volume = sum_next(&s->volume, volume);
    if (!warm(&s->seen, s->volume.n - 1)) return;
  }
  out[0] = volume != 0 ? value / volume : typical;
}
#define NAME    vwap
#define INPUTS  4
#define OUTPUTS 1
#include "ta/run.inc.h"

static int64_t vwap_lookback(const double *p) { return p[0] == 0 ? 0 : behind(p); }

#define ROW(name_, title_) .name = name_, .title = title_, .outputs = 1, .output = {name_}
#define CV                 .inputs = 2, .input = {NEAP_TA_CLOSE, NEAP_TA_VOLUME}
#define HLCV               .inputs = 4, .input = {NEAP_TA_HIGH, NEAP_TA_LOW, NEAP_TA_CLOSE, NEAP_TA_VOLUME}

const neap_ta_indicator neap__ta_volume[] = {
    {ROW("obv", "on-balance volume"), CV, .talib = true, .unit = {NEAP_TA_TOTAL}, UNBOUNDED,
     .lookback = none, STEP(obv)},
    {ROW("volume_balance", "rising less falling volume, as a share"), CV, BOUNDED(-1, 1),
     .param = {PERIOD("period", 1, 20, 20)}, .lookback = period_of, STEP(volume_balance)},
    {ROW("ad", "accumulation and distribution"), HLCV, .talib = true, .unit = {NEAP_TA_TOTAL},
     UNBOUNDED, .lookback = none, STEP(ad)},
    {ROW("adosc", "Chaikin oscillator"), HLCV, .talib = true, .unit = {NEAP_TA_FLOW}, UNBOUNDED,
     .param = {PERIOD("fast", 1, 3, 3), PERIOD("slow", 2, 10, 10)}, .lookback = slow_lookback,
     STEP(adosc)},
    {ROW("cmf", "Chaikin money flow"), HLCV, BOUNDED(-1, 1), .param = {PERIOD("period", 1, 20, 20)},
     .lookback = behind, STEP(cmf)},
    {ROW("mfi", "money flow index"), HLCV, .talib = true, BOUNDED(0, 100),
     .param = {PERIOD("period", 2, 14, 14)}, .lookback = period_of, STEP(mfi)},
    {ROW("vwap", "volume-weighted average price"), HLCV, .unit = {NEAP_TA_PRICE}, UNBOUNDED,
     .param = {{.name = "period",
                .integer = true,
                .low = 0,
                .high = PERIOD_MAX,
                .usual = 20,
                .talib = 20}},
     .lookback = vwap_lookback, STEP(vwap)},
};
const int neap__ta_volume_count = sizeof neap__ta_volume / sizeof *neap__ta_volume;
