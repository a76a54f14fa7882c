#include "sim/bars.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"

enum { POLL_EVERY = 1 << 13, SCAN_POLL_EVERY = 1 << 20 };

/* start ---------------------------------------------------------------------------------------- */

static neap_status scan(const double *x, int64_t n, const char *name, double *high) {
  for (int64_t i = 0; i < n; i++) {
    if (i % SCAN_POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    if (isnan(x[i])) continue;
    if (!(x[i] > 0) || isinf(x[i]))
      return neap_fail(NEAP_EVALUE, "backtest: %s of bar %lld is %g, prices must be positive", name,
                       (long long)i + 1, x[i]);
    if (x[i] > *high) *high = x[i];
  }
  return NEAP_OK;
}

static double first_price(const neap_bar_prices *b) {
  for (int64_t i = 0; i < b->n; i++) {
    if (!isnan(b->open[i])) return b->open[i];
    if (!isnan(b->close[i])) return b->close[i];
  }
  return NAN;
}

/* Check all prices; *high receives the highest. */
static neap_status check_prices(const neap_bar_prices *b, const neap_bar_options *o, double *high) {
  *high = 0;
  if (b->n < 1) return neap_fail(NEAP_ESHAPE, "backtest: no bars");
  bool inside = o->stop_loss > 0 || o->take_profit > 0;
  if (inside && (!b->high || !b->low))
    return neap_fail(NEAP_EARG, "backtest: stop_loss and take_profit need bars.high and bars.low");
  NEAP_TRY(scan(b->open, b->n, "open", high));
  NEAP_TRY(scan(b->close, b->n, "close", high));
  if (isnan(first_price(b))) return neap_fail(NEAP_EVALUE, "backtest: every open and close is NaN");
  if (inside) NEAP_TRY(scan(b->high, b->n, "high", high));
  return inside ? scan(b->low, b->n, "low", high) : NEAP_OK;
}

static neap_status init_rates(neap_bar_run *run) {
  const neap_bar_options *o = &run->o;
  NEAP_TRY(neap_rate_init(&run->fee_rate, o->fee, "backtest: fee"));
  NEAP_TRY(neap_rate_init(&run->slip_rate, o->slippage, "backtest: slippage"));
  NEAP_TRY(neap_rate_init(&run->stop_rate, o->stop_loss, "backtest: stop_loss"));
  NEAP_TRY(neap_rate_init(&run->take_rate, o->take_profit, "backtest: take_profit"));
  if (!(o->fixed_fee >= 0) || isinf(o->fixed_fee))
    return neap_fail(NEAP_EARG, "backtest: fixed_fee is %g, expected an amount of at least 0",
                     o->fixed_fee);
  return neap_scale_money(&run->scale, o->fixed_fee, &run->fixed_fee);
}

neap_status neap_bar_run_init(neap_bar_run *run, const neap_bar_prices *bars,
                              const neap_bar_options *o) {
  memset(run, 0, sizeof *run);
  run->bars = *bars;
  run->o = *o;
  run->t = run->ruined = -1;
  run->blocked = run->order = NAN;
  run->equity = o->cash;
  if (!(o->cash > 0) || isinf(o->cash))
    return neap_fail(NEAP_EARG, "backtest: cash is %g, expected a positive amount", o->cash);
  double high;
  neap_money cash;
  NEAP_TRY(check_prices(bars, o, &high));
  NEAP_TRY(neap_scale_init(&run->scale, o->tick, o->lot, first_price(bars), high, o->cash));
  NEAP_TRY(neap_scale_money(&run->scale, o->cash, &cash));
  run->account = neap_account_make(cash);
  return init_rates(run);
}

void neap_bar_run_drop(neap_bar_run *run) {
  neap_free(run->trades);
  run->trades = NULL;
  run->trade_count = run->trade_room = 0;
}

double neap_bar_run_position(const neap_bar_run *run) {
  return neap_scale_quantity(&run->scale, run->account.position);
}

/* fills ---------------------------------------------------------------------------------------- */

static neap_status keep_trade(neap_bar_run *run, const neap_trade *trade) {
  if (run->trade_count == run->trade_room) {
    int64_t room = run->trade_room ? 2 * run->trade_room : 64;
    neap_trade *grown = neap_realloc_array(run->trades, room, sizeof *grown);
    if (!grown) return NEAP_ENOMEM;
    run->trades = grown;
    run->trade_room = room;
  }
  run->trades[run->trade_count++] = *trade;
  return NEAP_OK;
}

/* Trade quantity lots at the raw price, slipped by rate. */
static neap_status trade(neap_bar_run *run, int64_t quantity, int64_t raw, int64_t rate) {
  neap_fill fill = {.bar = run->t,
                    .quantity = quantity,
                    .reference = raw,
                    .fee_rate = run->fee_rate,
                    .fixed_fee = run->fixed_fee};
  neap_trade closed;
  NEAP_TRY(neap_price_slip(raw, quantity, rate, &fill.price));
  NEAP_TRY(neap_account_fill(&run->account, &fill, &closed));
  return closed.quantity ? keep_trade(run, &closed) : NEAP_OK;
}

static neap_status close_position(neap_bar_run *run, int64_t raw, int64_t rate) {
  run->stop = run->take = 0;
  if (run->account.position == 0) return NEAP_OK;
  return trade(run, -run->account.position, raw, rate);
}

static int64_t exit_slip(const neap_bar_run *run) {
  return run->o.slip_entries_only ? 0 : run->slip_rate;
}

/* Ticks of a price at a fill; the message names the bar. */
static neap_status fill_price(const neap_bar_run *run, const double *x, const char *name,
                              int64_t *ticks) {
  if (isnan(x[run->t]))
    return neap_fail(NEAP_EVALUE, "backtest: %s of bar %lld is NaN, and an order fills there", name,
                     (long long)run->t + 1);
  neap_status st = neap_scale_ticks(&run->scale, x[run->t], ticks);
  return st ? neap_fail_in(st, "backtest: %s of bar %lld", name, (long long)run->t + 1) : st;
}

/* sizing ----------------------------------------------------------------------------------------
 */

static const double MAX_VALUE = 0x1p96; /* of a position, in tick x lot: room for 2^30 such gains */

/* What an order for the share f is weighed by: what is held, the price it fills at, the costs. */
typedef struct {
  int64_t held;      /* lots */
  neap_money equity; /* at the fill price, before the order's costs */
  int64_t share;     /* |f| as a rate */
  int sign;          /* of f */
  int64_t price;     /* after slippage */
  int64_t fee_rate;
  neap_money fixed;
  int64_t unit_cost; /* NEAP_SIZE_UNIT: extra ticks a lot is taken to cost */
  bool unit, capped;
} sizing;

static neap_money absolute(neap_money m) { return m < 0 ? -m : m; }

/* May the position be q? Exact: |q| x price <= |f| x equity after costs. Every product is below
 * 2^126, and equity is positive here. */
static bool affordable(const sizing *s, int64_t q) {
  neap_money left = s->equity, cost = (neap_money)s->price + s->unit_cost;
  if (s->unit) return absolute(q * cost) <= neap_money_share_down(left, s->share);
  neap_money traded = absolute(((neap_money)q - s->held) * s->price);
  left -= neap_money_share_up(traded, s->fee_rate) + s->fixed;
  return left > 0 && absolute((neap_money)q * s->price) <= neap_money_share_down(left, s->share);
}

/* The same in floating point, solved for |q|: with e the equity, h the value held and c the fee
 * (negative when the position shrinks), |q| p = f (e - c (|q| p - h) - fixed). */
static double estimate(const sizing *s, bool grow) {
  double f = (double)s->share / (double)NEAP_RATE_ONE, p = (double)s->price;
  double equity = (double)s->equity, value = fabs((double)s->held * p);
  if (s->unit) return f * equity / (p + (double)s->unit_cost);
  double c = (double)s->fee_rate / (double)NEAP_RATE_ONE;
  if (!grow) c = -c;
  return f * (equity + c * value - (double)s->fixed) / (p * (1 + f * c));
}

/* The largest affordable position, in lots with the sign of f. The estimate is good to a few lots
 * in 2^53, so it is nudged up and walked down. */
static neap_status largest(const neap_account *a, sizing *s, bool grow, int64_t *out) {
  NEAP_TRY(neap_account_equity(a, s->price, &s->equity));
  double e = estimate(s, grow) * (1 + 1e-15);
  *out = 0;
  if (s->equity <= 0 || !(e >= 1)) return NEAP_OK;
  double cap = fmin(0x1p60, MAX_VALUE / (double)s->price);
  s->capped = e > cap;
  int64_t q = (int64_t)fmin(e, cap);
  for (int64_t step = 1; q > 0 && !affordable(s, s->sign * q); step *= 2) q -= step < q ? step : q;
  *out = s->sign * q;
  return NEAP_OK;
}

/* Extra ticks a lot that backtesting.py reserves: its fee formula applied to one unit. */
static int64_t unit_cost(const neap_bar_run *run, int64_t raw) {
  neap_money fee = neap_money_share_up(raw, run->fee_rate);
  double fixed = run->o.fixed_fee * run->scale.tick_den / run->scale.tick_num;
  return (int64_t)fee + (fixed < 0x1p61 ? llrint(fixed) : INT64_C(1) << 61);
}

/* Trade to the share f of equity. f and the position have one sign, or there is no position. */
static neap_status resize(neap_bar_run *run, double f, int64_t raw) {
  sizing s = {.held = run->account.position,
              .share = llrint(fabs(f) * (double)NEAP_RATE_ONE),
              .sign = f > 0 ? 1 : -1,
              .fee_rate = run->fee_rate,
              .fixed = run->fixed_fee,
              .unit = run->o.sizing == NEAP_SIZE_UNIT,
              .unit_cost = unit_cost(run, raw)};
  int64_t held = run->account.position, q;
  NEAP_TRY(neap_price_slip(raw, s.sign, run->slip_rate, &s.price));
  NEAP_TRY(largest(&run->account, &s, true, &q));
  run->capped += s.capped;
  if (s.sign * (q - held) > 0) return trade(run, q - held, raw, run->slip_rate);
  if (held == 0) return NEAP_OK;
  NEAP_TRY(neap_price_slip(raw, -s.sign, exit_slip(run), &s.price));
  NEAP_TRY(largest(&run->account, &s, false, &q));
  if (s.sign * (q - held) < 0) return trade(run, q - held, raw, exit_slip(run));
  return NEAP_OK;
}

/* Levels of the exits inside a bar, once a position has been entered. */
static neap_status set_levels(neap_bar_run *run) {
  const neap_account *a = &run->account;
  if (a->position == 0 || (run->stop_rate == 0 && run->take_rate == 0)) return NEAP_OK;
  int64_t side = a->position > 0 ? 1 : -1, from = run->signal_close;
  if (!run->o.levels_from_signal) from = (int64_t)(a->entry_value / (a->position * side));
  if (run->stop_rate) NEAP_TRY(neap_price_slip(from, -side, run->stop_rate, &run->stop));
  if (run->take_rate) NEAP_TRY(neap_price_slip(from, side, run->take_rate, &run->take));
  return NEAP_OK;
}

/* Fill the waiting order at the raw price. A change of side closes first. */
static neap_status execute(neap_bar_run *run, const double *x, const char *name) {
  double f = run->order;
  int64_t raw, position = run->account.position;
  run->order = NAN;
  if (f == 0 && position == 0) return NEAP_OK;
  NEAP_TRY(fill_price(run, x, name, &raw));
  if ((f <= 0 && position > 0) || (f >= 0 && position < 0))
    NEAP_TRY(close_position(run, raw, exit_slip(run)));
  if (f == 0) return NEAP_OK;
  bool fresh = run->account.position == 0;
  NEAP_TRY(resize(run, f, raw));
  return fresh ? set_levels(run) : NEAP_OK;
}

/* inside a bar --------------------------------------------------------------------------------- */

/* Leave at level, or at the open when the bar starts beyond it. beyond tells the direction: 1 when
 * the level is left upwards. */
static neap_status leave(neap_bar_run *run, int64_t level, int beyond, bool at_open, int64_t rate) {
  int64_t open = 0;
  double raw_open = run->bars.open[run->t];
  if (!at_open && !isnan(raw_open)) NEAP_TRY(neap_scale_ticks(&run->scale, raw_open, &open));
  bool gap = open != 0 && beyond * (open - level) > 0;
  run->blocked = run->held;
  run->held = 0;
  return close_position(run, gap ? open : level, rate);
}

static bool reaches(const neap_bar_run *run, int64_t level, int beyond) {
  double x = beyond > 0 ? run->bars.high[run->t] : run->bars.low[run->t];
  int64_t ticks;
  if (level == 0 || isnan(x) || neap_scale_ticks(&run->scale, x, &ticks) != NEAP_OK) return false;
  return beyond * (ticks - level) >= 0;
}

static neap_status check_levels(neap_bar_run *run) {
  if (run->account.position == 0 || (run->stop == 0 && run->take == 0)) return NEAP_OK;
  bool entered = run->account.entry_bar == run->t; /* at this open, which so is no gap */
  int up = run->account.position > 0 ? 1 : -1;
  bool stop = reaches(run, run->stop, -up), take = reaches(run, run->take, up);
  if (stop && take) run->ambiguous++;
  if (stop) return leave(run, run->stop, -up, entered, exit_slip(run));
  if (take) return leave(run, run->take, up, entered, 0);
  return NEAP_OK;
}

/* bars ----------------------------------------------------------------------------------------- */

static neap_status mark(neap_bar_run *run) {
  double close = run->bars.close[run->t];
  if (!isnan(close)) NEAP_TRY(neap_scale_ticks(&run->scale, close, &run->mark));
  neap_money equity = run->account.cash;
  if (run->account.position != 0) NEAP_TRY(neap_account_equity(&run->account, run->mark, &equity));
  run->equity = neap_scale_amount(&run->scale, equity);
  if (equity <= 0 && run->ruined < 0) run->ruined = run->t;
  return NEAP_OK;
}

neap_status neap_bar_run_begin(neap_bar_run *run) {
  if (run->t + 1 >= run->bars.n)
    return neap_fail(NEAP_EINDEX, "backtest: bar %lld asked, %lld given", (long long)run->t + 2,
                     (long long)run->bars.n);
  run->t++;
  if (!isnan(run->order)) NEAP_TRY(execute(run, run->bars.open, "open"));
  if (run->account.position != 0) run->exposed++;
  NEAP_TRY(check_levels(run));
  return mark(run);
}

/* The order that target makes, or NaN. */
static double order_of(neap_bar_run *run, double target) {
  if (run->ruined >= 0) return run->account.position != 0 ? 0 : NAN;
  if (isnan(target)) {
    run->blocked = NAN;
    return NAN;
  }
  if (target == run->blocked) return NAN;
  run->blocked = NAN;
  if (target == run->held && !run->o.rebalance_always) return NAN;
  run->held = target;
  return target;
}

neap_status neap_bar_run_target(neap_bar_run *run, double target) {
  if (target < -1 || target > 1)
    return neap_fail(NEAP_EARG, "backtest: target of bar %lld is %g, allowed are -1 to 1 and NaN",
                     (long long)run->t + 1, target);
  if (target < 0 && !run->o.allow_short)
    return neap_fail(NEAP_EARG,
                     "backtest: target of bar %lld is %g, and allow_short = false leaves 0 to 1",
                     (long long)run->t + 1, target);
  double order = order_of(run, target);
  if (isnan(order)) return NEAP_OK;
  run->order = order;
  run->signal_close = run->mark;
  if (!run->o.fill_at_close) return NEAP_OK;
  NEAP_TRY(execute(run, run->bars.close, "close"));
  return mark(run);
}

neap_status neap_bar_run_finish(neap_bar_run *run) {
  run->order = NAN;
  if (run->account.position == 0 || run->o.end == NEAP_END_KEEP) return NEAP_OK;
  int64_t raw;
  bool at_open = run->o.end == NEAP_END_OPEN;
  NEAP_TRY(at_open ? fill_price(run, run->bars.open, "open", &raw)
                   : fill_price(run, run->bars.close, "close", &raw));
  NEAP_TRY(close_position(run, raw, exit_slip(run)));
  return mark(run);
}

neap_status neap_bar_run_summary(const neap_bar_run *run, neap_bar_summary *out) {
  const neap_account *a = &run->account;
  neap_money profit = 0, loss = 0, open = 0;
  int64_t wins = 0;
  bool overflow = false;
  for (int64_t i = 0; i < run->trade_count; i++) {
    neap_money pnl = run->trades[i].pnl;
    if (pnl > 0) wins++;
    if (pnl > 0) overflow |= __builtin_add_overflow(profit, pnl, &profit);
    else overflow |= __builtin_sub_overflow(loss, pnl, &loss);
  }
  if (a->position != 0) NEAP_TRY(neap_account_unrealised(a, run->mark, &open));
  overflow |= __builtin_sub_overflow(open, a->entry_fees, &open);
  if (overflow)
    return neap_fail(NEAP_EVALUE, "backtest: profits overflow; choose a larger tick or lot");
  const neap_scale *s = &run->scale;
  *out = (neap_bar_summary){.trades = run->trade_count,
                            .wins = wins,
                            .gross_profit = neap_scale_amount(s, profit),
                            .gross_loss = neap_scale_amount(s, loss),
                            .realised = neap_scale_amount(s, a->realised),
                            .unrealised = neap_scale_amount(s, open),
                            .fees = neap_scale_amount(s, a->fees),
                            .slippage = neap_scale_amount(s, a->slippage),
                            .traded = neap_scale_amount(s, a->traded)};
  return NEAP_OK;
}

neap_status neap_bar_run_targets(neap_bar_run *run, const double *targets, int64_t stride,
                                 double *equity, double *position) {
  for (int64_t i = 0; i < run->bars.n; i++) {
    if (i % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(neap_bar_run_begin(run));
    NEAP_TRY(neap_bar_run_target(run, targets[i * stride]));
    equity[i] = run->equity;
    position[i] = neap_bar_run_position(run);
  }
  NEAP_TRY(neap_bar_run_finish(run));
  equity[run->bars.n - 1] = run->equity;
  position[run->bars.n - 1] = neap_bar_run_position(run);
  return NEAP_OK;
}
