/* Categories at prediction: which codes a model has seen, from its feature_infos, and what becomes
 * of the others. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "tree/model.h"

/* What "-1:4:0:2:-1:7" says. */
typedef struct {
  int64_t *code; /* sorted */
  int64_t seen;
  double other; /* a code that shares its bin; NaN: none does */
} known;

bool neap_gbdt_is_categorical(const neap_gbdt *m, int64_t feature) {
  return m->infos && strncmp(m->infos[feature], "-1", 2) == 0;
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static neap_status read_known(const char *info, known *k) {
  int64_t room = 1, shares = -1;
  for (const char *p = info; *p; p++) room += *p == ':';
  *k = (known){.code = neap_alloc_array(room, sizeof *k->code), .other = NAN};
  if (!k->code) return NEAP_ENOMEM;
  for (const char *p = info; *p; p += *p == ':') {
    size_t n = strcspn(p, ":");
    int64_t code;
    if (neap_integer_parse(p, n, &code) && code >= 0) {
      k->code[k->seen++] = code;
      if (shares > 0) k->other = (double)code;
    } else shares++;
    p += n;
  }
  qsort(k->code, (size_t)k->seen, sizeof *k->code, compare);
  return NEAP_OK;
}

static bool has(const known *k, double v) {
  int64_t low = 0, high = k->seen;
  if (!(v < 0x1p53)) return false;
  while (low < high) {
    int64_t middle = (low + high) / 2;
    if (k->code[middle] < (int64_t)v) low = middle + 1;
    else high = middle;
  }
  return low < k->seen && k->code[low] == (int64_t)v;
}

static neap_status admit_column(const neap_gbdt *m, int64_t column, bool refuse, int64_t rows,
                                double *out) {
  known k;
  NEAP_TRY(read_known(m->infos[column], &k));
  neap_status st = NEAP_OK;
  for (int64_t i = 0; !st && i < rows; i++) {
    double *v = &out[i * m->features + column];
    if (i % 4096 == 0) st = neap_interrupt_check();
    if (!(*v > -1) || has(&k, *v)) continue;
    if (refuse)
      st = neap_fail(NEAP_EVALUE,
                     "gbdt.predict: feature '%s' is %g in row %lld, a category that training did "
                     "not have",
                     neap_gbdt_feature_name(m, column), *v, (long long)i + 1);
    *v = k.other;
  }
  neap_free(k.code);
  return st;
}

neap_status neap_gbdt_admit(const neap_gbdt *m, const neap_tensor *x, bool refuse, double *out) {
  neap__matrix matrix;
  NEAP_TRY(neap__matrix_of(&matrix, x, "gbdt.predict"));
  if (matrix.columns != m->features)
    return neap_fail(NEAP_ESHAPE, "gbdt.predict: x has %lld features, the model was fitted on %lld",
                     (long long)matrix.columns, (long long)m->features);
  for (int64_t i = 0; i < matrix.rows; i++) {
    if (i % 4096 == 0) NEAP_TRY(neap_interrupt_check());
    for (int64_t c = 0; c < m->features; c++)
      out[i * m->features + c] = neap__matrix_get(&matrix, i, c);
  }
  for (int64_t c = 0; c < m->features; c++)
    if (neap_gbdt_is_categorical(m, c)) NEAP_TRY(admit_column(m, c, refuse, matrix.rows, out));
  return NEAP_OK;
}
