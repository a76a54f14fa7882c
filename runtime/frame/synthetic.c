/* A made-up market. Four regimes follow one another in a Markov chain; each has a drift, a
 * volatility and a bounce per bar, whatever the cadence. The fair value walks with drift and
 * volatility, which clusters as in GARCH(1, 1); jumps are rare and fat; symbols share part of every
 * shock. The close stands off the fair value by the bounce, as a last trade on a thin book does,
 * and the next open is back near it: the close foretells the closes that follow, little of which
 * can be traded (Roll 1984). Where the level has wandered far, the next regime is likelier to bring
 * it back, and the present one to end: the price neither explodes nor dies. `signal` scales drift
 * and bounce, and with them all that can be predicted of direction; at 0 the price is a martingale
 * within its outer bounds, with predictable volatility only. */
#include <math.h>
#include <string.h>

#include "base/civil.h"
#include "base/interrupt.h"
#include "frame/frame.h"

enum { BULL, BEAR, SIDEWAYS, TURBULENT, REGIMES };

static const struct {
  double drift, volatility; /* of the logarithm of the fair value, per bar */
  double bounce;            /* standard deviation of log(close / fair value) */
  double stay;              /* mean length in bars */
  double activity;          /* volume against the usual */
} regimes[REGIMES] = {
    [BULL] = {0.0006, 0.0030, 0.032, 90, 1.1},
    [BEAR] = {-0.0008, 0.0035, 0.034, 80, 1.2},
    [SIDEWAYS] = {0.0, 0.0020, 0.002, 80, 0.7},
    [TURBULENT] = {0.0, 0.0070, 0.046, 40, 2.0},
};

enum { DRAWS = 16, POLL_EVERY = 4096 }; /* stream positions of one bar */
enum {
  DRAW_SHOCK,
  DRAW_JUMP,
  DRAW_JUMP_SIZE,
  DRAW_LEAVE,
  DRAW_NEXT,
  DRAW_OPEN,
  DRAW_HIGH,
  DRAW_LOW,
  DRAW_VOLUME,
  DRAW_BOUNCE
};

static const double start_price = 100, tick = 0.01;
static const double open_share = 0.045; /* of a close's bounce that the next open still shows */

typedef struct {
  neap_rng own, market;
  double signal;
  int regime;
  double level;   /* log(fair value / start_price) */
  double bounce;  /* log(close / fair value) */
  double cluster; /* GARCH variance against the regime's own, mean 1 */
} walk;

static double uniform(const walk *w, int64_t row, int draw) {
  return neap_rng_uniform_at(&w->own, (uint64_t)row * DRAWS + (uint64_t)draw);
}

static double normal(const walk *w, int64_t row, int draw) {
  return neap_rng_normal_at(&w->own, (uint64_t)row * DRAWS + (uint64_t)draw);
}

static double round_to_tick(double price) { return fmax(tick, round(price / tick) * tick); }

/* Trends and turbulence end in calm. Out of calm: bull below the start price, bear above it. */
static int next_regime(const walk *w, double u) {
  if (w->regime != SIDEWAYS && u < 0.6) return SIDEWAYS;
  if (w->regime != SIDEWAYS) u = (u - 0.6) / 0.4;
  double rest = 0.2, up = (1 - rest) / (1 + exp(3.0 * (w->level - 0.1)));
  return u < up ? BULL : u < 1 - rest ? BEAR : TURBULENT;
}

static void step_regime(walk *w, int64_t row) {
  double drift = regimes[w->regime].drift, leave = 1 / regimes[w->regime].stay;
  double astray = drift * w->level > 0 ? fabs(w->level) : 0; /* moving away from the start */
  if (uniform(w, row, DRAW_LEAVE) < leave * (1 + 2 * astray))
    w->regime = next_regime(w, uniform(w, row, DRAW_NEXT));
}

/* The return of the fair value over one bar, and its volatility. */
static double step_price(walk *w, int64_t row, double *volatility) {
  const double shared = 0.6, arch = 0.05, garch = 0.92, bound = 2.5;
  double sigma = regimes[w->regime].volatility * sqrt(w->cluster);
  double common = neap_rng_normal_at(&w->market, (uint64_t)row * DRAWS + DRAW_SHOCK);
  double shock = shared * common + sqrt(1 - shared * shared) * normal(w, row, DRAW_SHOCK);
  double jump = uniform(w, row, DRAW_JUMP) < 0.002 ? 4 * normal(w, row, DRAW_JUMP_SIZE) : 0;
  double drift = w->signal * regimes[w->regime].drift - 0.5 * sigma * sigma;
  if (fabs(w->level) > bound) drift -= 0.05 * (w->level - copysign(bound, w->level));
  w->cluster = (1 - arch - garch) + (arch * fmin(shock * shock, 9) + garch) * w->cluster;
  *volatility = sigma;
  return drift + sigma * (shock + jump);
}

/* Two busy spells a day, around the opens of Europe and of New York. */
static double time_of_day(int64_t ns) {
  double hour = (double)((ns % NEAP_DAY + NEAP_DAY) % NEAP_DAY) / (double)(NEAP_DAY / 24);
  double morning = (hour - 8) / 2, afternoon = (hour - 14.5) / 2.5;
  return 0.6 + 0.5 * exp(-0.5 * morning * morning) + 0.9 * exp(-0.5 * afternoon * afternoon);
}

static void make_bar(walk *w, neap_bars *bars, int64_t row, double r, double sigma) {
  double before = w->level - r + w->signal * open_share * w->bounce;
  w->bounce = regimes[w->regime].bounce * normal(w, row, DRAW_BOUNCE);
  double open = round_to_tick(start_price * exp(before + 0.05 * sigma * normal(w, row, DRAW_OPEN)));
  double close = round_to_tick(start_price * exp(w->level + w->signal * w->bounce));
  double above = 0.5 * sigma * fabs(normal(w, row, DRAW_HIGH));
  double below = 0.5 * sigma * fabs(normal(w, row, DRAW_LOW));
  bars->open[row] = open;
  bars->close[row] = close;
  bars->high[row] = fmax(fmax(open, close), round_to_tick(fmax(open, close) * (1 + above)));
  bars->low[row] = fmin(fmin(open, close), round_to_tick(fmin(open, close) * (1 - below)));
  double busy = regimes[w->regime].activity * time_of_day(bars->time[row]);
  double volume = 1000 * busy * (0.6 + 0.4 * fabs(r) / regimes[w->regime].volatility) *
                  exp(0.35 * normal(w, row, DRAW_VOLUME));
  if (bars->volume) bars->volume[row] = round(volume * 100) / 100;
}

neap_status neap_bars_synthetic(neap_bars *bars, int64_t start, int64_t cadence,
                                const neap_rng *rng, const char *symbol, double signal) {
  walk w = {.signal = signal, .regime = SIDEWAYS, .cluster = 1};
  w.market = neap_rng_split(rng, "market", 6);
  neap_rng symbols = neap_rng_split(rng, "symbol", 6);
  w.own = neap_rng_split(&symbols, symbol, strlen(symbol));
  int64_t span;
  if (__builtin_mul_overflow(cadence, bars->n, &span) || __builtin_add_overflow(start, span, &span))
    return neap_fail(NEAP_EARG, "market.synthetic: %lld rows from the start pass the year 2262",
                     (long long)bars->n);
  for (int64_t row = 0; row < bars->n; row++) {
    if (row % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    double sigma;
    step_regime(&w, row);
    double r = step_price(&w, row, &sigma);
    w.level += r;
    bars->time[row] = start + row * cadence;
    make_bar(&w, bars, row, r, sigma);
  }
  return NEAP_OK;
}
