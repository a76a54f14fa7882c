/* gbdt.h — what the fuzz targets of boosted models do with one that was read. */
#ifndef NEAP_FUZZ_GBDT_H
#define NEAP_FUZZ_GBDT_H

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "tree/tree.h"

enum { FEATURES = 64, WIDTH = 4096, MOST_FEATURES = 5000 };

static inline void require(bool fact) {
  if (!fact) abort();
}

static inline void fill_row(double *row, int64_t features, size_t turn) {
  static const double values[] = {0, NAN, 1, -1, INFINITY, -INFINITY, 1e-36, 3, 31, 32, 64, 1e10};
  for (int64_t f = 0; f < features; f++)
    row[f] = values[(turn + (size_t)f * (turn + 1)) % (sizeof values / sizeof *values)];
}

static inline bool same_bits(const double *a, const double *b, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (!(a[i] == b[i]) && !(isnan(a[i]) && isnan(b[i]))) return false;
  return true;
}

/* Both predict the same for any row, and no row leads out of the arrays. */
static inline void check_predictions(const neap_gbdt *a, const neap_gbdt *b) {
  double row[FEATURES];
  static double out[2][WIDTH];
  int64_t features = neap_gbdt_features(a), width = neap_gbdt_width(a, NEAP_PREDICT_RAW, 0);
  if (features > FEATURES || width > WIDTH || neap_gbdt_width(a, NEAP_PREDICT_VALUE, 0) > WIDTH)
    return;
  for (size_t turn = 0; turn < 24; turn++) {
    fill_row(row, features, turn);
    neap_gbdt_predict_row(a, row, NEAP_PREDICT_RAW, out[0]);
    neap_gbdt_predict_row(b, row, NEAP_PREDICT_RAW, out[1]);
    require(same_bits(out[0], out[1], width));
    neap_gbdt_predict_row(a, row, NEAP_PREDICT_VALUE, out[0]);
  }
}

#endif
