/* All sums of money pass through add() and subtract(), which note overflow in a flag; functions
 * work on a copy of the account and hand it over only when the flag stayed clear. */
#include "sim/account.h"

#include <math.h>

#define MAX_AMOUNT 0x1p126 /* leaves a bit for the sum of any two amounts read from doubles */

static neap_money subtract(neap_money a, neap_money b, bool *overflow) {
  neap_money r;
  if (__builtin_sub_overflow(a, b, &r)) *overflow = true;
  return r;
}

static neap_money add(neap_money a, neap_money b, bool *overflow) {
  neap_money r;
  if (__builtin_add_overflow(a, b, &r)) *overflow = true;
  return r;
}

static neap_money product(int64_t a, int64_t b) { return (neap_money)a * b; }

/* scale -------------------------------------------------------------------------------------- */

/* step = num / den with one of them 1: the reciprocal when that is a whole number. */
static void fraction(double step, double *num, double *den) {
  double inverse = round(1 / step);
  bool whole = inverse >= 1 && inverse <= 1e22 && fabs(inverse * step - 1) < 1e-14;
  *num = whole ? 1 : step;
  *den = whole ? inverse : 1;
}

static double automatic_tick_den(double first, double high) {
  double den = 1;
  for (int k = 0; k < 22 && first * den * 10 <= 1e13 && high * den * 10 <= 0x1p60; k++) den *= 10;
  return den;
}

/* At least 2^42 lots to start with, and no more than twice that. */
static void automatic_lot(double first, double cash, double *num, double *den) {
  *num = *den = 1;
  while (cash / first * *den < 0x1p42 && *den < 0x1p400) *den *= 2;
  while (cash / first / *num > 0x1p43 && *num < 0x1p400) *num *= 2;
}

neap_status neap_scale_init(neap_scale *out, double tick, double lot, double first, double high,
                            double cash) {
  if (!(first > 0) || !(high >= first) || isinf(high))
    return neap_fail(NEAP_EVALUE, "account: prices from %g to %g, expected positive ones", first,
                     high);
  if (!(cash > 0) || isinf(cash))
    return neap_fail(NEAP_EARG, "account: cash is %g, expected a positive amount", cash);
  if (!(tick >= 0) || isinf(tick))
    return neap_fail(NEAP_EARG, "account: tick is %g, expected a positive size", tick);
  if (!(lot >= 0) || isinf(lot))
    return neap_fail(NEAP_EARG, "account: lot is %g, expected a positive size", lot);
  *out = (neap_scale){.tick_num = 1, .tick_den = automatic_tick_den(first, high)};
  automatic_lot(first, cash, &out->lot_num, &out->lot_den);
  if (tick > 0) fraction(tick, &out->tick_num, &out->tick_den);
  if (lot > 0) fraction(lot, &out->lot_num, &out->lot_den);
  return NEAP_OK;
}

neap_status neap_scale_ticks(const neap_scale *s, double price, int64_t *ticks) {
  double t = price * s->tick_den / s->tick_num;
  if (!(price > 0)) return neap_fail(NEAP_EVALUE, "price is %g, expected a positive one", price);
  if (!(t < 0x1p62))
    return neap_fail(NEAP_EVALUE, "price %g is too large for a tick of %g", price,
                     s->tick_num / s->tick_den);
  *ticks = llrint(t);
  if (*ticks == 0)
    return neap_fail(NEAP_EVALUE, "price %g is below half a tick of %g", price,
                     s->tick_num / s->tick_den);
  return NEAP_OK;
}

double neap_scale_price(const neap_scale *s, int64_t ticks) {
  return (double)ticks * s->tick_num / s->tick_den;
}

double neap_scale_quantity(const neap_scale *s, int64_t lots) {
  return (double)lots * s->lot_num / s->lot_den;
}

/* Two halves instead of the runtime's conversion: inlined, and exact where the result is. */
static double as_double(neap_money m) {
  bool negative = m < 0;
  __extension__ unsigned __int128 u = (unsigned __int128)m;
  if (negative) u = -u;
  double v = (double)(uint64_t)(u >> 64) * 0x1p64 + (double)(uint64_t)u;
  return negative ? -v : v;
}

double neap_scale_average(const neap_scale *s, neap_money value, int64_t lots) {
  neap_money ticks = value / lots, rest = value % lots;
  if (rest == 0) return neap_scale_price(s, (int64_t)ticks);
  return (as_double(ticks) + (double)rest / (double)lots) * s->tick_num / s->tick_den;
}

double neap_scale_amount(const neap_scale *s, neap_money m) {
  return as_double(m) * (s->tick_num * s->lot_num) / (s->tick_den * s->lot_den);
}

neap_status neap_scale_money(const neap_scale *s, double amount, neap_money *out) {
  double m = nearbyint(amount * (s->tick_den / s->tick_num) * (s->lot_den / s->lot_num));
  if (!(fabs(m) < MAX_AMOUNT))
    return neap_fail(NEAP_EVALUE, "amount %g is too large for a tick of %g and a lot of %g", amount,
                     s->tick_num / s->tick_den, s->lot_num / s->lot_den);
  *out = (neap_money)m;
  return NEAP_OK;
}

/* rates -------------------------------------------------------------------------------------- */

neap_status neap_rate_init(int64_t *out, double rate, const char *what) {
  if (!(rate >= 0 && rate <= 1))
    return neap_fail(NEAP_EARG, "%s is %g, allowed are 0 to 1", what, rate);
  *out = llrint(rate * (double)NEAP_RATE_ONE);
  return NEAP_OK;
}

/* m = whole x 1e12 + rest, and both partial products stay below m or 1e24. */
neap_money neap_money_share_down(neap_money m, int64_t rate) {
  neap_money whole = m / NEAP_RATE_ONE, rest = m % NEAP_RATE_ONE;
  return whole * rate + rest * rate / NEAP_RATE_ONE;
}

neap_money neap_money_share_up(neap_money m, int64_t rate) {
  neap_money whole = m / NEAP_RATE_ONE, rest = m % NEAP_RATE_ONE;
  return whole * rate + (rest * rate + NEAP_RATE_ONE - 1) / NEAP_RATE_ONE;
}

neap_status neap_price_slip(int64_t price, int64_t quantity, int64_t rate, int64_t *out) {
  neap_money by = neap_money_share_up(price, rate);
  neap_money moved = quantity > 0 ? price + by : price - by;
  if (moved > INT64_MAX)
    return neap_fail(NEAP_EVALUE, "slippage: price of %lld ticks is too large", (long long)price);
  *out = moved < 1 ? 1 : (int64_t)moved;
  return NEAP_OK;
}

/* account ------------------------------------------------------------------------------------ */

neap_account neap_account_make(neap_money cash) { return (neap_account){.cash = cash}; }

/* total x part / all rounded down, for 0 <= part <= all: the quotient and the rest are scaled
 * apart, so nothing exceeds total or all x part. */
static neap_money proportion(neap_money total, uint64_t part, uint64_t all) {
  neap_money whole = total / all, rest = total % all;
  return whole * part + rest * part / all;
}

static uint64_t magnitude(int64_t q) { return q < 0 ? 0 - (uint64_t)q : (uint64_t)q; }

/* Pay for quantity at fill's price: cash, fee and the running totals. Returns the fee. */
static neap_money pay(neap_account *a, const neap_fill *fill, int64_t quantity, bool *overflow) {
  neap_money value = product(quantity, fill->price);
  neap_money size = value < 0 ? -value : value;
  neap_money fee = add(neap_money_share_up(size, fill->fee_rate), fill->fixed_fee, overflow);
  neap_money worse = product(quantity, fill->price) - product(quantity, fill->reference);
  a->cash = subtract(subtract(a->cash, value, overflow), fee, overflow);
  a->fees = add(a->fees, fee, overflow);
  a->traded = add(a->traded, size, overflow);
  a->slippage = add(a->slippage, worse, overflow);
  return fee;
}

/* Close quantity lots (the sign of the fill) of the open position. */
static void reduce(neap_account *a, const neap_fill *fill, int64_t quantity, neap_trade *closed,
                   bool *overflow) {
  uint64_t part = magnitude(quantity), all = magnitude(a->position);
  neap_money cost = proportion(a->entry_value, part, all);
  neap_money entry_fees = proportion(a->entry_fees, part, all);
  neap_money exit_fee = pay(a, fill, quantity, overflow);
  neap_money exit_value = product(quantity, fill->price);
  if (exit_value < 0) exit_value = -exit_value;
  neap_money gain = quantity < 0 ? exit_value - cost : cost - exit_value;
  neap_money fees = add(entry_fees, exit_fee, overflow);
  *closed = (neap_trade){.entry_bar = a->entry_bar,
                         .exit_bar = fill->bar,
                         .quantity = -quantity,
                         .entry_value = cost,
                         .exit_value = exit_value,
                         .fees = fees,
                         .pnl = subtract(gain, fees, overflow)};
  a->entry_value -= cost;
  a->entry_fees -= entry_fees;
  a->position += quantity;
  a->realised = add(a->realised, closed->pnl, overflow);
}

static void enlarge(neap_account *a, const neap_fill *fill, int64_t quantity, bool *overflow) {
  if (a->position == 0) a->entry_bar = fill->bar;
  neap_money value = product(quantity, fill->price);
  a->entry_value = add(a->entry_value, value < 0 ? -value : value, overflow);
  a->entry_fees = add(a->entry_fees, pay(a, fill, quantity, overflow), overflow);
  if (__builtin_add_overflow(a->position, quantity, &a->position)) *overflow = true;
}

neap_status neap_account_fill(neap_account *a, const neap_fill *fill, neap_trade *closed) {
  *closed = (neap_trade){0};
  if (fill->price <= 0 || fill->reference <= 0 || fill->quantity == 0 ||
      fill->quantity == INT64_MIN)
    return neap_fail(NEAP_EARG, "account: a fill of %lld lots at %lld ticks makes no sense",
                     (long long)fill->quantity, (long long)fill->price);
  neap_account next = *a;
  bool overflow = false;
  int64_t quantity = fill->quantity;
  if (next.position != 0 && (next.position < 0) != (quantity < 0)) {
    bool whole = magnitude(quantity) >= magnitude(next.position);
    int64_t part = whole ? -next.position : quantity;
    reduce(&next, fill, part, closed, &overflow);
    quantity -= part;
  }
  if (quantity != 0) enlarge(&next, fill, quantity, &overflow);
  if (overflow || next.position == INT64_MIN)
    return neap_fail(NEAP_EVALUE,
                     "account: a fill of %lld lots at %lld ticks overflows; choose a larger "
                     "tick or lot",
                     (long long)fill->quantity, (long long)fill->price);
  *a = next;
  return NEAP_OK;
}

neap_status neap_account_equity(const neap_account *a, int64_t mark, neap_money *out) {
  bool overflow = false;
  *out = add(a->cash, product(a->position, mark), &overflow);
  if (overflow) return neap_fail(NEAP_EVALUE, "account: equity overflows; choose a larger tick");
  return NEAP_OK;
}

neap_status neap_account_unrealised(const neap_account *a, int64_t mark, neap_money *out) {
  bool overflow = false;
  neap_money value = product(a->position, mark);
  *out = a->position < 0 ? add(value, a->entry_value, &overflow)
                         : subtract(value, a->entry_value, &overflow);
  if (overflow) return neap_fail(NEAP_EVALUE, "account: profit overflows; choose a larger tick");
  return NEAP_OK;
}
