/* check.h — cmocka with its includes in the order it needs, and the assertions it lacks. */
#ifndef NEAP_TESTS_CHECK_H
#define NEAP_TESTS_CHECK_H

/* cmocka.h must come after these four. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"

/* Relative tolerances by dtype; a looser one needs a comment where it is used. */
#define F64_TOL 1e-12
#define F32_TOL 1e-5

static inline bool same_number(double a, double b, double tol) {
  if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
  if (a == b) return true;
  double scale = fmax(1.0, fmax(fabs(a), fabs(b)));
  return fabs(a - b) <= tol * scale;
}

/* n doubles equal within tol (relative above 1, absolute below); NaN equals NaN. */
#define assert_same(n, got, want, tol)                                                             \
  do {                                                                                             \
    const double *got_ = (got), *want_ = (want);                                                   \
    for (int64_t i_ = 0; i_ < (int64_t)(n); i_++)                                                  \
      if (!same_number(got_[i_], want_[i_], (tol)))                                                \
        fail_msg("%s[%lld] is %.17g, expected %.17g", #got, (long long)i_, got_[i_], want_[i_]);   \
  } while (0)

#define assert_number(got, want, tol)                                                              \
  do {                                                                                             \
    double g_ = (got), w_ = (want);                                                                \
    if (!same_number(g_, w_, (tol))) fail_msg("%s is %.17g, expected %.17g", #got, g_, w_);        \
  } while (0)

#define assert_ok(expr)                                                                            \
  do {                                                                                             \
    if ((expr) != NEAP_OK) fail_msg("%s failed: %s", #expr, neap_last_error());                    \
  } while (0)

/* expr fails with the given code, and its message contains text. */
#define assert_fails(expr, code, text)                                                             \
  do {                                                                                             \
    neap_status st_ = (expr);                                                                      \
    if (st_ != (code)) fail_msg("%s returned %d, expected %s", #expr, (int)st_, #code);            \
    if (!strstr(neap_last_error(), text))                                                          \
      fail_msg("%s said \"%s\", without \"%s\"", #expr, neap_last_error(), text);                  \
  } while (0)

/* Run body once for every allocation call site it reaches, that site failing. The body must free
 * what it made; afterwards live bytes must be what they were. */
#define with_every_allocation_failing(body)                                                        \
  do {                                                                                             \
    int64_t live_ = neap_alloc_live();                                                             \
    neap_fault_reset();                                                                            \
    do {                                                                                           \
      neap_fault_arm();                                                                            \
      body;                                                                                        \
    } while (neap_fault_fired());                                                                  \
    assert_int_equal(neap_alloc_live(), live_);                                                    \
  } while (0)

#endif
