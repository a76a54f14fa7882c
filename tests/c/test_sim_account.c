#include "check.h"

#include <stdlib.h>

#include "sim_checks.h"

static neap_fill fill_of(int64_t quantity, int64_t price, int64_t fee_rate, int64_t fixed) {
  return (neap_fill){.quantity = quantity,
                     .price = price,
                     .reference = price,
                     .fee_rate = fee_rate,
                     .fixed_fee = fixed};
}

/* Orders small enough for plain int64 arithmetic, which is the oracle of cash and fees. */
static void random_orders_match_plain_integers(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(11);
  const int64_t start = 1000000;
  neap_account a = neap_account_make(start);
  int64_t cash = start, position = 0, fees = 0;
  neap_money pnl = 0;
  for (int i = 0; i < 20000; i++) {
    int64_t quantity = random_below(&r, 401) - 200, price = 1 + random_below(&r, 100000);
    int64_t rate = random_below(&r, 5) * 100000000, fixed = random_below(&r, 4);
    if (quantity == 0) continue;
    int64_t close = 0;
    if ((position < 0) != (quantity < 0) && position != 0)
      close = llabs(quantity) < llabs(position) ? llabs(quantity) : llabs(position);
    int64_t open = llabs(quantity) - close;
    for (int leg = 0; leg < 2; leg++) {
      int64_t lots = leg ? open : close;
      if (lots) fees += (lots * price * (rate / 100000000) + 9999) / 10000 + fixed;
    }
    cash -= quantity * price;
    position += quantity;
    neap_fill fill = fill_of(quantity, price, rate, fixed);
    neap_trade trade;
    assert_ok(neap_account_fill(&a, &fill, &trade));
    pnl += trade.pnl;
    assert_int_equal(llabs(trade.quantity), close);
    assert_int_equal(a.position, position);
    assert_true(a.cash == cash - fees);
    assert_true(a.fees == fees && a.realised == pnl);
    assert_invariant(&a, start, 1 + random_below(&r, 100000));
  }
}

static void invariant_holds_for_large_numbers(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(12);
  neap_money start = (neap_money)1 << 100;
  neap_account a = neap_account_make(start);
  for (int i = 0; i < 20000; i++) {
    int64_t quantity = random_below(&r, INT64_C(1) << 50) - (INT64_C(1) << 49);
    int64_t price = 1 + random_below(&r, INT64_C(1) << 50);
    if (quantity == 0) continue;
    neap_fill fill = fill_of(quantity, price, random_below(&r, NEAP_RATE_ONE / 100), 17);
    neap_trade trade;
    assert_ok(neap_account_fill(&a, &fill, &trade));
    assert_invariant(&a, start, 1 + random_below(&r, INT64_C(1) << 50));
  }
}

static void average_entry_partial_close_and_reversal(void **state) {
  (void)state;
  neap_account a = neap_account_make(10000);
  neap_trade t;
  neap_fill f = fill_of(10, 100, 0, 5);
  f.bar = 1;
  assert_ok(neap_account_fill(&a, &f, &t));
  assert_int_equal(t.quantity, 0);
  f = fill_of(10, 110, 0, 5);
  f.bar = 2;
  assert_ok(neap_account_fill(&a, &f, &t)); /* 20 at 105 on average, 10 of fees */
  f = fill_of(-5, 120, 0, 5);
  f.bar = 3;
  assert_ok(neap_account_fill(&a, &f, &t));
  assert_int_equal(t.quantity, 5);
  assert_int_equal(t.entry_bar, 1);
  assert_int_equal(t.exit_bar, 3);
  assert_true(t.entry_value == 525 && t.exit_value == 600 && t.fees == 7 && t.pnl == 68);
  f = fill_of(-20, 90, 0, 5); /* closes 15, opens 5 short: two orders, two fees */
  f.bar = 4;
  assert_ok(neap_account_fill(&a, &f, &t));
  assert_int_equal(t.quantity, 15);
  assert_true(t.entry_value == 1575 && t.exit_value == 1350 && t.fees == 13 && t.pnl == -238);
  assert_int_equal(a.position, -5);
  assert_int_equal(a.entry_bar, 4);
  assert_true(a.entry_value == 450 && a.entry_fees == 5 && a.realised == -170);
  f = fill_of(5, 80, 0, 5);
  f.bar = 9;
  assert_ok(neap_account_fill(&a, &f, &t));
  assert_int_equal(t.quantity, -5);
  assert_true(t.pnl == 50 - 10 && a.cash == 10000 - 130 && a.realised == -130);
}

static void overflow_is_an_error_and_changes_nothing(void **state) {
  (void)state;
  neap_account a = neap_account_make(0);
  neap_trade t;
  neap_fill f = fill_of(INT64_MAX, INT64_MAX, NEAP_RATE_ONE, 0);
  assert_ok(neap_account_fill(&a, &f, &t));
  neap_account before = a;
  assert_fails(neap_account_fill(&a, &f, &t), NEAP_EVALUE, "overflows");
  assert_true(a.cash == before.cash && a.position == before.position && a.fees == before.fees);
  f = fill_of(0, 5, 0, 0);
  assert_fails(neap_account_fill(&a, &f, &t), NEAP_EARG, "makes no sense");
  f = fill_of(5, 0, 0, 0);
  assert_fails(neap_account_fill(&a, &f, &t), NEAP_EARG, "makes no sense");
  neap_money out;
  assert_fails(neap_account_equity(&(neap_account){.cash = before.cash, .position = -INT64_MAX},
                                   INT64_MAX, &out),
               NEAP_EVALUE, "overflows");
}

static void rates_round_against_the_account(void **state) {
  (void)state;
  int64_t rate, price;
  assert_ok(neap_rate_init(&rate, 5e-4, "fee"));
  assert_int_equal(rate, 500000000);
  assert_true(neap_money_share_up(10001, rate) == 6 && neap_money_share_down(10001, rate) == 5);
  assert_true(neap_money_share_up(10000, rate) == 5 && neap_money_share_up(0, rate) == 0);
  neap_money most = ((neap_money)INT64_MAX << 63) - 1;
  assert_true(neap_money_share_up(most, NEAP_RATE_ONE) == most);
  assert_ok(neap_price_slip(10001, 1, rate, &price));
  assert_int_equal(price, 10007);
  assert_ok(neap_price_slip(10001, -1, rate, &price));
  assert_int_equal(price, 9995);
  assert_ok(neap_price_slip(1, -1, NEAP_RATE_ONE, &price));
  assert_int_equal(price, 1);
  assert_fails(neap_price_slip(INT64_MAX, 1, rate, &price), NEAP_EVALUE, "too large");
  assert_fails(neap_rate_init(&rate, 1.5, "fee"), NEAP_EARG, "fee is 1.5, allowed are 0 to 1");
  assert_fails(neap_rate_init(&rate, NAN, "fee"), NEAP_EARG, "fee is nan");
}

static void scales_convert_decimals_exactly(void **state) {
  (void)state;
  neap_scale s;
  int64_t ticks;
  neap_money m;
  assert_ok(neap_scale_init(&s, 0, 0, 50, 800, 1e5));
  for (int i = 5000; i < 80000; i++) {
    assert_ok(neap_scale_ticks(&s, i / 100.0, &ticks));
    assert_true(neap_scale_price(&s, ticks) == i / 100.0);
  }
  assert_ok(neap_scale_money(&s, 1e5, &m));
  assert_true(neap_scale_amount(&s, m) == 1e5 && neap_scale_amount(&s, -m) == -1e5);
  assert_ok(neap_scale_init(&s, 0.25, 0.001, 50, 800, 1e5));
  assert_ok(neap_scale_ticks(&s, 100.3, &ticks));
  assert_int_equal(ticks, 401);
  assert_true(neap_scale_quantity(&s, 1234) == 1.234);
  assert_true(neap_scale_average(&s, 10, 4) == 0.625);
  assert_fails(neap_scale_ticks(&s, 0.1, &ticks), NEAP_EVALUE, "below half a tick");
  assert_fails(neap_scale_ticks(&s, 1e300, &ticks), NEAP_EVALUE, "too large");
  assert_fails(neap_scale_ticks(&s, NAN, &ticks), NEAP_EVALUE, "price is nan");
  assert_fails(neap_scale_money(&s, 1e300, &m), NEAP_EVALUE, "too large");
  assert_fails(neap_scale_init(&s, -1, 0, 50, 800, 1e5), NEAP_EARG, "tick is -1");
  assert_fails(neap_scale_init(&s, 0, NAN, 50, 800, 1e5), NEAP_EARG, "lot is nan");
  assert_fails(neap_scale_init(&s, 0, 0, 50, 800, 0), NEAP_EARG, "cash is 0");
  assert_fails(neap_scale_init(&s, 0, 0, 0, 800, 1), NEAP_EVALUE, "prices from 0 to 800");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_orders_match_plain_integers),
      cmocka_unit_test(invariant_holds_for_large_numbers),
      cmocka_unit_test(average_entry_partial_close_and_reversal),
      cmocka_unit_test(overflow_is_an_error_and_changes_nothing),
      cmocka_unit_test(rates_round_against_the_account),
      cmocka_unit_test(scales_convert_decimals_exactly),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
