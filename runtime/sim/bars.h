/* bars.h — the bar engine: targets in, fills on the ledger, equity and closed trades out.
 *
 * A target is the share of equity to hold, -1 (all short) to 1 (all long); NaN keeps what is held.
 * The target of bar t is known at its close. It fills at the open of t+1, or, on request, at the
 * close of t itself; with the open the last bar's target never fills.
 *
 * Sizing. An order for the share f trades to the quantity q (whole lots, rounded towards zero)
 * whose value at the fill price is f of the equity that is left after the order's own costs. So
 * f = 1 spends all cash and never more. A change of side is two orders: close, then open. What a
 * position is worth is capped at 2^96 tick x lot, so that profits without end cannot overflow the
 * ledger; `capped` counts the orders that met this.
 *
 * Marking. equity[t] = cash + position x close[t]. A NaN close keeps the previous mark; NaN at a
 * fill is an error that names the bar. Once equity at a close is not positive the account is
 * ruined: the position is closed at the next fill and nothing is traded any more.
 *
 * Use neap_bar_run_targets for an array of targets, or begin and target, bar by bar, when the
 * target depends on the account. Bars are 0-based here and 1-based in messages. */
#ifndef NEAP_SIM_BARS_H
#define NEAP_SIM_BARS_H

#include "sim/account.h"

typedef struct {
  int64_t n;
  const double *open, *high, *low, *close; /* high and low may be NULL unless stops are set */
} neap_bar_prices;

typedef enum {
  NEAP_END_KEEP,  /* an open position stays, at its last mark */
  NEAP_END_CLOSE, /* sold at the last close, with costs */
  NEAP_END_OPEN   /* sold at the last open, with costs (backtesting.py) */
} neap_bar_end;

typedef enum {
  NEAP_SIZE_NET,  /* as described above */
  NEAP_SIZE_UNIT, /* backtesting.py: f x equity / (fill price + fixed fee + fee x raw price) */
} neap_bar_sizing;

typedef struct {
  double cash;
  double fee;       /* share of the traded value, a side */
  double fixed_fee; /* amount per order, on top */
  double slippage;  /* share of the price, against the order */
  double tick, lot; /* 0 = automatic, see neap_scale_init */
  bool fill_at_close;
  bool rebalance_always; /* trade to the target at every bar, not only when it changes */
  bool allow_short;
  bool slip_entries_only;
  neap_bar_end end;
  neap_bar_sizing sizing;
  /* Exits inside a bar, as shares of the reference price; 0 = none. The stop is looked at first
   * (pessimistic), a level that the open has passed fills at the open, and a bar entered at its
   * open can leave in the same bar. After such an exit the same target does not enter again before
   * it has changed or been NaN. A take-profit is a limit order: it does not slip. */
  double stop_loss, take_profit;
  bool levels_from_signal; /* reference: close of the signal bar instead of the entry price */
} neap_bar_options;

/* One run. Read freely between calls; write never. */
typedef struct {
  neap_bar_prices bars;
  neap_bar_options o;
  neap_scale scale;
  int64_t fee_rate, slip_rate, stop_rate, take_rate;
  neap_money fixed_fee;
  neap_account account;
  int64_t t;            /* the bar that begin was last called for, -1 before */
  int64_t mark;         /* ticks, 0 before the first close */
  double equity;        /* at the close of bar t */
  double held, blocked; /* the target in force; the one a stop has ended, or NaN */
  double order;         /* the target waiting for the next fill, or NaN */
  int64_t stop, take;   /* levels in ticks, 0 = none */
  int64_t signal_close; /* mark at the bar that gave the order */
  int64_t exposed;      /* bars in which a position was held between open and close */
  int64_t ruined;       /* bar, -1 = never */
  int64_t ambiguous;    /* exits in a bar that touched stop and target */
  int64_t capped;       /* orders cut at the largest position */
  neap_trade *trades;   /* closed trades, in order of their exits; owned */
  int64_t trade_count, trade_room;
} neap_bar_run;

/* Check options and prices and start. The prices are borrowed until the run is dropped. */
neap_status neap_bar_run_init(neap_bar_run *run, const neap_bar_prices *bars,
                              const neap_bar_options *o);
void neap_bar_run_drop(neap_bar_run *run);

/* Enter the next bar: what waits fills at its open, stops act, the position is marked. */
neap_status neap_bar_run_begin(neap_bar_run *run);

/* Give the target of the bar just begun. With fills at the close it fills now. */
neap_status neap_bar_run_target(neap_bar_run *run, double target);

/* After the last bar: close what the option end says and mark again. */
neap_status neap_bar_run_finish(neap_bar_run *run);

/* All of it for targets[0], targets[stride], ... (stride 0 = one target for all bars); equity[n]
 * and position[n] (units held at each close) receive the curves. Polls for interrupts. */
neap_status neap_bar_run_targets(neap_bar_run *run, const double *targets, int64_t stride,
                                 double *equity, double *position);

/* The run in the user's units. */
typedef struct {
  int64_t trades, wins; /* closed trades; those with a profit after costs */
  double gross_profit, gross_loss, realised, unrealised; /* unrealised after entry fees */
  double fees, slippage, traded;
} neap_bar_summary;

neap_status neap_bar_run_summary(const neap_bar_run *run, neap_bar_summary *out);

/* Units held now. */
double neap_bar_run_position(const neap_bar_run *run);

#endif
