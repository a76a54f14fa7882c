/* LightGBM's model text from any bytes: refused, or a model that predicts without leaving its
 * arrays, and whose own text is read back to the same text and the same predictions. */
#include "gbdt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char *text_of(const neap_gbdt *m, int64_t *n) {
  char *text;
  require(neap_gbdt_write(m, neap_gbdt_parameters(m), &text, n) == NEAP_OK);
  return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  neap_gbdt *m, *again;
  if (n == 0 || *data != 't') return 0; /* JSON has a target of its own */
  if (neap_gbdt_parse(&m, (const char *)data, (int64_t)n)) return 0;
  if (neap_gbdt_features(m) <= MOST_FEATURES) {
    int64_t size, size_again;
    char *text = text_of(m, &size);
    require(neap_gbdt_parse(&again, text, size) == NEAP_OK);
    char *text_again = text_of(again, &size_again);
    require(size == size_again && memcmp(text, text_again, (size_t)size) == 0);
    check_predictions(m, again);
    neap_free(text_again);
    neap_free(text);
    neap_gbdt_free(again);
  }
  neap_gbdt_free(m);
  return 0;
}
