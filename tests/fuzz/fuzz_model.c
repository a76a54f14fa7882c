/* LightGBM model text from any bytes: refused, or a model that predicts without leaving its arrays,
 * and whose own text is read back to the same text and the same predictions. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "tree/tree.h"

enum { FEATURES = 64, WIDTH = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool fact) {
  if (!fact) abort();
}

static const double values[] = {0, NAN, 1, -1, INFINITY, -INFINITY, 1e-36, 3, 31, 32, 64, 1e10};

static void fill_row(double *row, int64_t features, size_t turn) {
  for (int64_t f = 0; f < features; f++)
    row[f] = values[(turn + (size_t)f * (turn + 1)) % (sizeof values / sizeof *values)];
}

static bool same_bits(const double *a, const double *b, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (!(a[i] == b[i]) && !(isnan(a[i]) && isnan(b[i]))) return false;
  return true;
}

static void check_predictions(const neap_gbdt *a, const neap_gbdt *b) {
  double row[FEATURES], out[2][WIDTH];
  int64_t features = neap_gbdt_features(a), width = neap_gbdt_width(a, NEAP_PREDICT_RAW, 0);
  if (features > FEATURES || width > WIDTH) return;
  for (size_t turn = 0; turn < 24; turn++) {
    fill_row(row, features, turn);
    neap_gbdt_predict_row(a, row, NEAP_PREDICT_RAW, out[0]);
    neap_gbdt_predict_row(b, row, NEAP_PREDICT_RAW, out[1]);
    require(same_bits(out[0], out[1], width));
    neap_gbdt_predict_row(a, row, NEAP_PREDICT_VALUE, out[0]);
  }
}

static char *text_of(const neap_gbdt *m, int64_t *n) {
  char *text;
  require(neap_gbdt_write(m, neap_gbdt_parameters(m), &text, n) == NEAP_OK);
  return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  neap_gbdt *m, *again;
  if (neap_gbdt_parse(&m, (const char *)data, (int64_t)n)) return 0;
  if (neap_gbdt_features(m) <= 100000) {
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
