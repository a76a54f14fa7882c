/* The kernel of rolling windows: every table against each window on its own, and against scalar. */
#include "check.h"

#include "base/rng.h"
#include "kern/kern.h"

/* Equal bits, except that any NaN equals any NaN. */
static bool same(const double *a, const double *b, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (!(isnan(a[i]) && isnan(b[i])) && memcmp(&a[i], &b[i], sizeof *a) != 0) return false;
  return true;
}

/* A window by two passes over it. */
static double plain_window(neap_rolling op, const double *x, const double *u, int64_t n,
                           const neap_rolling_options *o) {
  double count = 0, sx = 0, su = 0, xx = 0, uu = 0, xu = 0, x3 = 0, x4 = 0;
  bool two = op == NEAP_ROLLING_COV || op == NEAP_ROLLING_CORR;
  for (int64_t j = 0; j < n; j++) {
    bool number = !isnan(x[j]) && !(two && isnan(u[j]));
    count += number;
    sx += number ? x[j] : 0;
    su += number && two ? u[j] : 0;
  }
  for (int64_t j = 0; j < n; j++)
    if (!isnan(x[j]) && !(two && isnan(u[j]))) {
      double dx = x[j] - sx / count, du = two ? u[j] - su / count : 0;
      xx += dx * dx;
      x3 += dx * dx * dx;
      x4 += dx * dx * dx * dx;
      uu += du * du;
      xu += dx * du;
    }
  double over = count - o->parameter;
  if (count < (double)o->min_count) return NAN;
  if (op == NEAP_ROLLING_SUM) return sx;
  if (op == NEAP_ROLLING_MEAN) return sx / count;
  if (op == NEAP_ROLLING_CORR) return count > 1 ? xu / sqrt(xx * uu) : NAN;
  if (op == NEAP_ROLLING_SKEW)
    return count < 3 ? NAN : count * sqrt(count - 1) / (count - 2) * x3 / pow(xx, 1.5);
  if (op == NEAP_ROLLING_KURT && count < 4) return NAN;
  if (op == NEAP_ROLLING_KURT)
    return (count - 1) / (count - 2) / (count - 3) *
           (count * (count + 1) * x4 / (xx * xx) - 3 * (count - 1));
  if (over <= 0) return NAN;
  if (op == NEAP_ROLLING_COV) return xu / over;
  return op == NEAP_ROLLING_VAR ? xx / over : sqrt(xx / over);
}

enum { WINDOWS = 101, WIDEST = 40 };

static void check_rolling(const neap_kern *kern, const double *x, const double *u) {
  static const int64_t widths[] = {1, 2, 3, 7, 8, 20, 31, 32, 33, WIDEST};
  static double y[WINDOWS], other[WINDOWS], space[NEAP_ROLLING_SPACE * (WINDOWS + WIDEST)];
  for (int op = 0; op <= NEAP_ROLLING_KURT; op++)
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
      neap_rolling_options o = {widths[w], widths[w] > 4 ? 4 : widths[w], 1};
      const double *two = op == NEAP_ROLLING_COV || op == NEAP_ROLLING_CORR ? u : NULL;
      kern->rolling((neap_rolling)op, WINDOWS, y, x, two, &o, space);
      for (int64_t i = 0; i < WINDOWS; i++) {
        double plain = plain_window((neap_rolling)op, x + i, u + i, o.n, &o);
        /* a sum of squares about a mean that is rounded */
        if (isnan(plain) ? !isnan(y[i]) : !(fabs(y[i] - plain) < 1e-12))
          fail_msg("%s: %s of %lld at %lld: %.17g, expected %.17g", kern->name,
                   neap_rolling_names[op], (long long)o.n, (long long)i, y[i], plain);
      }
      neap_kern_at(0)->rolling((neap_rolling)op, WINDOWS, other, x, two, &o, space);
      assert_true(same(y, other, WINDOWS));
      for (int64_t i = 0; i < WINDOWS; i += 9) { /* the same bits alone */
        double alone;
        kern->rolling((neap_rolling)op, 1, &alone, x + i, two ? two + i : NULL, &o, space);
        assert_true(same(&alone, &y[i], 1));
      }
    }
}

static void rolling_windows_are_those_of_each_alone(void **state) {
  (void)state;
  double x[WINDOWS + WIDEST], u[WINDOWS + WIDEST];
  neap_rng r = neap_rng_make(17);
  for (int gaps = 0; gaps < 2; gaps++) {
    for (int i = 0; i < WINDOWS + WIDEST; i++) {
      x[i] = gaps && (i % 7 == 2 || (i > 50 && i < 90)) ? NAN : neap_rng_normal(&r);
      u[i] = gaps && i % 11 == 4 ? NAN : neap_rng_normal(&r);
    }
    for (int k = 0; neap_kern_at(k); k++) check_rolling(neap_kern_at(k), x, u);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rolling_windows_are_those_of_each_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
