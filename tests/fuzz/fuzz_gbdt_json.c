/* XGBoost's JSON from any bytes: refused, or a model that predicts without leaving its arrays. What
 * is written of it is read back to the same text; the first writing rounds leaves that took in the
 * intercept, so that predictions are compared from there on. */
#include "gbdt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The model that the JSON of m holds; NULL when there is none to write. */
static neap_gbdt *rewritten(const neap_gbdt *m, char **text, int64_t *n) {
  neap_gbdt *again;
  neap_status st = neap_gbdt_write_json(m, neap_gbdt_parameters(m), text, n);
  require(st == NEAP_OK || st == NEAP_EVALUE);
  if (st) return NULL;
  require(neap_gbdt_parse(&again, *text, *n) == NEAP_OK);
  return again;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  neap_gbdt *m;
  char *first = NULL, *second = NULL, *text = NULL;
  int64_t size_first, size_second;
  if (neap_gbdt_parse(&m, (const char *)data, (int64_t)n)) return 0;
  bool small = neap_gbdt_features(m) <= MOST_FEATURES;
  neap_gbdt *a = small ? rewritten(m, &first, &size_first) : NULL;
  neap_gbdt *b = a ? rewritten(a, &second, &size_second) : NULL;
  check_predictions(m, m);
  if (a) {
    require(b && size_first == size_second && memcmp(first, second, (size_t)size_first) == 0);
    check_predictions(a, b);
  }
  neap_status st = small ? neap_gbdt_write(m, neap_gbdt_parameters(m), &text, &size_first) : 0;
  require(st == NEAP_OK || st == NEAP_EVALUE);
  if (!st && small) {
    neap_gbdt *c;
    require(neap_gbdt_parse(&c, text, size_first) == NEAP_OK);
    check_predictions(m, c);
    neap_gbdt_free(c);
    neap_free(text);
  }
  neap_free(second);
  neap_free(first);
  neap_gbdt_free(b);
  neap_gbdt_free(a);
  neap_gbdt_free(m);
  return 0;
}
