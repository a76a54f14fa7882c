/* sim_checks.h — what the tests of the ledger and of the engines on it share. */
#ifndef NEAP_TESTS_SIM_CHECKS_H
#define NEAP_TESTS_SIM_CHECKS_H

#include "check.h"

#include "base/rng.h"
#include "sim/account.h"

static inline neap_money unrealised_of(const neap_account *a, int64_t mark) {
  neap_money v;
  assert_ok(neap_account_unrealised(a, mark, &v));
  return v;
}

static inline neap_money equity_of(const neap_account *a, int64_t mark) {
  neap_money v;
  assert_ok(neap_account_equity(a, mark, &v));
  return v;
}

/* The two faces of equity agree to the last unit, whatever was traded. */
static inline void assert_invariant(const neap_account *a, neap_money start, int64_t mark) {
  assert_true(equity_of(a, mark) == start + a->realised + unrealised_of(a, mark) - a->entry_fees);
  if (a->position == 0) assert_true(a->entry_value == 0 && a->entry_fees == 0);
  assert_true(a->entry_value >= 0 && a->entry_fees >= 0);
}

static inline int64_t random_below(neap_rng *r, int64_t n) {
  return (int64_t)neap_rng_below(r, (uint64_t)n);
}

#endif
