#include "check.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/rng.h"
#include "tree/xgb.h"

/* thresholds ----------------------------------------------------------------------------------- */

static float some_float(neap_rng *r, int i) {
  static const float edges[] = {0,        1,         -1,         FLT_MAX,   -FLT_MAX, FLT_MIN,
                                -FLT_MIN, 0x1p-149F, -0x1p-149F, 0x1p-148F, 0.1F,     -0.0F,
                                2,        -2,        16777216,   0x1p127F,  -0x1p127F};
  float v;
  if (i < (int)(sizeof edges / sizeof *edges)) return edges[i];
  do {
    uint32_t bits = (uint32_t)neap_rng_bits(r);
    if (i % 16 == 0) bits &= 0xff800000u;
    memcpy(&v, &bits, sizeof v);
  } while (!isfinite(v));
  return v;
}

/* The definition: doubles up to the threshold are those whose float is below the condition. */
static void thresholds_divide_doubles_as_floats_are_divided(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(7);
  for (int i = 0; i < 100000; i++) {
    float c = some_float(&r, i);
    double t = neap__xgb_threshold(c);
    if (!((float)t < c)) fail_msg("threshold %a of %a goes right", t, (double)c);
    if ((float)nextafter(t, INFINITY) < c) fail_msg("threshold %a of %a is too low", t, (double)c);
    assert_true(neap__xgb_condition(t) == c);
  }
}

/* The same for floats, of any threshold. */
static void conditions_divide_floats_as_they_were_divided(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(8);
  for (int i = 0; i < 100000; i++) {
    float x = some_float(&r, i);
    double t = (double)x;
    if (i % 3 == 1) t = nextafter(t, INFINITY);
    if (i % 3 == 2) t = nextafter(t, -INFINITY);
    if (t >= (double)FLT_MAX) continue;
    float c = neap__xgb_condition(t),
          near[3] = {x, nextafterf(x, INFINITY), nextafterf(x, -INFINITY)};
    for (int k = 0; k < 3; k++)
      if (isfinite(near[k]) && ((double)near[k] <= t) != (near[k] < c))
        fail_msg("%a at threshold %a, condition %a", (double)near[k], t, (double)c);
  }
  assert_true(neap__xgb_condition(INFINITY) == FLT_MAX);
  assert_true(neap__xgb_condition(1e300) == FLT_MAX);
  assert_true(neap__xgb_condition(-1e300) == -FLT_MAX);
}

/* hostile texts -------------------------------------------------------------------------------- */

static char *golden(const char *name, int64_t *n) {
  char path[200], *text;
  snprintf(path, sizeof path, "tests/golden/xgboost/%s.json.gz", name);
  assert_ok(neap_file_read(path, &text, n));
  return text;
}

/* In a block of its own size, so that a reader that leaves it is caught. */
static neap_status parse_exactly(const char *text, int64_t n, neap_gbdt **m) {
  char *copy = malloc((size_t)n + (n == 0));
  memcpy(copy, text, (size_t)n);
  neap_status st = neap_gbdt_parse(m, copy, n);
  free(copy);
  return st;
}

static void every_cut_is_refused(void **state) {
  (void)state;
  int64_t n;
  char *text = golden("categories", &n);
  neap_gbdt *m;
  for (int64_t i = 1; i < n; i += i < 400 || i > n - 400 ? 1 : 37)
    assert_int_equal(parse_exactly(text, i, &m), NEAP_EFORMAT);
  assert_ok(parse_exactly(text, n, &m));
  neap_gbdt_free(m);
  neap_free(text);
}

/* A model or a refusal, and of a model any row finds its leaves. */
static void a_changed_byte_is_refused_or_predicts(void **state) {
  (void)state;
  static const char *const names[] = {"categories", "dart_classes", "logistic"};
  neap_rng r = neap_rng_make(3);
  double row[5], out[8];
  for (int i = 0; i < 6000; i++) {
    int64_t n;
    static char *text[3];
    static int64_t size[3];
    int which = i % 3;
    if (!text[which]) text[which] = golden(names[which], &size[which]);
    n = size[which];
    int64_t at = (int64_t)neap_rng_below(&r, (uint64_t)n);
    char kept = text[which][at];
    static const char bytes[] = "0123456789-.,[]{}\"eE:nN \\";
    text[which][at] = bytes[neap_rng_below(&r, sizeof bytes - 1)];
    neap_gbdt *m;
    if (parse_exactly(text[which], n, &m) == NEAP_OK) {
      for (int k = 0; k < 5; k++) row[k] = i % 7 == k ? NAN : neap_rng_normal(&r) * 20;
      if (neap_gbdt_features(m) <= 5) neap_gbdt_predict_row(m, row, NEAP_PREDICT_RAW, out);
      neap_gbdt_free(m);
    }
    text[which][at] = kept;
    if (i >= 5997) neap_free(text[which]);
  }
}

/* memory --------------------------------------------------------------------------------------- */

static void work(const char *text, int64_t n) {
  neap_gbdt *m = NULL, *again = NULL;
  char *json = NULL;
  int64_t size;
  neap_status st = neap_gbdt_parse(&m, text, n);
  if (!st) st = neap_gbdt_set_fact(m, "one", "1");
  if (!st) st = neap_gbdt_write_json(m, "[a: b]\n", &json, &size);
  if (!st) st = neap_gbdt_parse(&again, json, size);
  if (!st) assert_string_equal(neap_gbdt_fact(again, "one"), "1");
  if (st) assert_int_equal(st, NEAP_ENOMEM);
  neap_free(json);
  neap_gbdt_free(again);
  neap_gbdt_free(m);
}

static void survives_every_failed_allocation(void **state) {
  (void)state;
  static const char *const names[] = {"categories", "dart_classes", "logistic", "no_rounds"};
  for (int i = 0; i < 4; i++) {
    int64_t n;
    char *text = golden(names[i], &n);
    with_every_allocation_failing(work(text, n));
    neap_free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(thresholds_divide_doubles_as_floats_are_divided),
      cmocka_unit_test(conditions_divide_floats_as_they_were_divided),
      cmocka_unit_test(every_cut_is_refused),
      cmocka_unit_test(a_changed_byte_is_refused_or_predicts),
      cmocka_unit_test(survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
