/* account.h — the ledger under every simulation engine: one instrument, one position, exact money.
 *
 * Prices are i64 ticks, quantities i64 lots (negative = short), money a 128-bit count of tick x
 * lot, so that the same orders give the same cash to the last digit whatever engine sends them.
 * Rates (fees, slippage) are integers in units of 1e-12. Rounding is always against the account:
 * fees up to the next tick x lot, a slipped price up for a buy and down for a sale.
 *
 * At any moment, for any mark (a price in ticks):
 *     equity = cash + position * mark
 *            = starting cash + realised + unrealised(mark) - fees of the open position
 * A product of two i64 always fits 128 bits; every sum is checked. A fill that would overflow is
 * an error and leaves the account as it was. */
#ifndef NEAP_SIM_ACCOUNT_H
#define NEAP_SIM_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* Money: a count of tick x lot. */
__extension__ typedef __int128 neap_money;

/* A rate of 1 (100 %). */
#define NEAP_RATE_ONE INT64_C(1000000000000)

/* What a tick and a lot are in the user's units: tick = tick_num / tick_den, one of the two being
 * 1, so that decimal and binary fractions convert without a second rounding. */
typedef struct {
  double tick_num, tick_den, lot_num, lot_den;
} neap_scale;

/* The scale for an account of about cash whose first price is first. tick and lot are the user's,
 * or 0 for automatic: the tick is then the power of ten at which first is 1e12 to 1e13 ticks (so
 * usual decimal prices are exact), the lot the power of two at which cash buys at least 2^42 lots
 * at first. "All equity" is then rounded by less than 1e-9 of it while prices stay above a
 * hundredth of first and equity / price above a thousandth of cash / first. Later prices do not
 * enter, so a run over truncated data repeats the same bits; only a high that would not fit
 * 2^60 ticks makes the tick coarser. */
neap_status neap_scale_init(neap_scale *out, double tick, double lot, double first, double high,
                            double cash);

/* Price in ticks, nearest. NEAP_EVALUE unless it is positive and fits. */
neap_status neap_scale_ticks(const neap_scale *s, double price, int64_t *ticks);

double neap_scale_price(const neap_scale *s, int64_t ticks);
/* The price per lot of a value (positive) spread over lots (positive): exact when it divides. */
double neap_scale_average(const neap_scale *s, neap_money value, int64_t lots);
double neap_scale_quantity(const neap_scale *s, int64_t lots);
double neap_scale_amount(const neap_scale *s, neap_money m);
neap_status neap_scale_money(const neap_scale *s, double amount, neap_money *out); /* nearest */

/* A rate as an integer, nearest; 0 <= rate <= 1. what names it in the message. */
neap_status neap_rate_init(int64_t *out, double rate, const char *what);

/* m * rate, rounded up (fees) or down; m >= 0, 0 <= rate <= NEAP_RATE_ONE. */
neap_money neap_money_share_up(neap_money m, int64_t rate);
neap_money neap_money_share_down(neap_money m, int64_t rate);

/* The price moved against a buyer (quantity > 0) or seller by rate; never below one tick. */
neap_status neap_price_slip(int64_t price, int64_t quantity, int64_t rate, int64_t *out);

typedef struct {
  neap_money cash;
  int64_t position; /* lots, negative = short */
  /* The open position: bar of its first fill, what it cost (positive), fees paid to get it. */
  int64_t entry_bar;
  neap_money entry_value, entry_fees;
  /* Totals since the start. */
  neap_money realised; /* profit of closed trades after their fees */
  neap_money fees, slippage, traded;
} neap_account;

/* One execution. The fee is rate x value, rounded up, plus fixed. */
typedef struct {
  int64_t bar;       /* kept in the trades */
  int64_t quantity;  /* lots, negative = sale, not 0 */
  int64_t price;     /* ticks, positive */
  int64_t reference; /* the price before slippage, for the count of what slippage cost */
  int64_t fee_rate;
  neap_money fixed_fee; /* a fill that reverses the position pays it twice: it is two orders */
} neap_fill;

/* A part of a position, opened and closed. Values are quantity x price, positive. The entry is the
 * position's average: scaling in moves it, a partial close takes its share and leaves it. */
typedef struct {
  int64_t entry_bar, exit_bar;
  int64_t quantity; /* lots, negative = it was short */
  neap_money entry_value, exit_value;
  neap_money fees; /* the share of the entry fees and the fee of the exit */
  neap_money pnl;  /* after fees */
} neap_trade;

/* An account holding cash and nothing else. */
neap_account neap_account_make(neap_money cash);

/* Book a fill. *closed receives the trade it closes, wholly or in part; its quantity is 0 when it
 * closes none. On overflow the account stays as it was. */
neap_status neap_account_fill(neap_account *a, const neap_fill *fill, neap_trade *closed);

/* cash + position x mark. */
neap_status neap_account_equity(const neap_account *a, int64_t mark, neap_money *out);

/* Profit of the open position at mark, before its fees. */
neap_status neap_account_unrealised(const neap_account *a, int64_t mark, neap_money *out);

#endif
