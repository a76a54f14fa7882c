/* Checks, scaling and prediction. */
#include "linear/model.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "eval/eval.h"

enum { POLL_ROWS = 4096, PREDICT_ROWS = 2048 };

/* before fitting ------------------------------------------------------------------------------- */

static neap_status check_row(int64_t i, int64_t f, const double *row) {
  for (int64_t j = 0; j < f; j++)
    if (!isfinite(row[j]))
      return neap_fail(NEAP_EVALUE,
                       "x[%lld, %lld] is %s, and linear models take no missing values: "
                       "drop or fill such rows",
                       (long long)i + 1, (long long)j + 1, isnan(row[j]) ? "NaN" : "infinite");
  return NEAP_OK;
}

neap_status neap__linear_check(int64_t n, int64_t f, const double *x, const double *weight,
                               double *total) {
  if (n < 1 || f < 1)
    return neap_fail(NEAP_ESHAPE, "x is %lld x %lld, at least one row and column are needed",
                     (long long)n, (long long)f);
  *total = 0;
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_ROWS == 0) NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(check_row(i, f, x + i * f));
    double w = weight ? weight[i] : 1;
    if (!(w >= 0) || isinf(w))
      return neap_fail(NEAP_EVALUE, "weights[%lld] is %.17g, must be finite and not negative",
                       (long long)i + 1, w);
    *total += w;
  }
  return *total > 0 ? NEAP_OK : neap_fail(NEAP_EVALUE, "all weights are 0");
}

static void add_rows(int64_t n, int64_t f, const double *x, const double *weight,
                     const double *mean, double *sum) {
  for (int64_t i = 0; i < n; i++) {
    double w = weight ? weight[i] : 1;
    for (int64_t j = 0; j < f; j++) {
      double d = mean ? x[i * f + j] - mean[j] : x[i * f + j];
      sum[j] += w * (mean ? d * d : d);
    }
  }
}

static double total_weight(int64_t n, const double *weight) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += weight ? weight[i] : 1;
  return sum;
}

void neap__linear_moments(int64_t n, int64_t f, const double *x, const double *weight, bool center,
                          bool scale, double *mean, double *deviation) {
  double total = total_weight(n, weight);
  for (int64_t j = 0; j < f; j++) {
    mean[j] = 0;
    deviation[j] = scale ? 0 : 1;
  }
  if (center) add_rows(n, f, x, weight, NULL, mean);
  for (int64_t j = 0; j < f; j++) mean[j] /= total;
  if (scale) add_rows(n, f, x, weight, mean, deviation);
  for (int64_t j = 0; j < f && scale; j++) {
    deviation[j] = sqrt(deviation[j] / total);
    if (!(deviation[j] > 1e-14 * fabs(mean[j]))) deviation[j] = 1;
  }
}

neap_status neap__linear_scaled(double **out, int64_t n, int64_t f, const double *x,
                                const double *mean, const double *deviation) {
  *out = neap_alloc_array(n, (size_t)f * sizeof **out);
  if (!*out) return NEAP_ENOMEM;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < f; j++) (*out)[i * f + j] = (x[i * f + j] - mean[j]) / deviation[j];
  return NEAP_OK;
}

neap_status neap__linear_alloc(neap_linear *m, int64_t f, int k, bool scaled) {
  m->f = f;
  m->k = k;
  m->coef = neap_calloc_array(k, (size_t)f * sizeof *m->coef);
  m->offset = m->coef ? neap_calloc_array(k, sizeof *m->offset) : NULL;
  if (!m->offset) return NEAP_ENOMEM;
  if (!scaled) return NEAP_OK;
  m->mean = neap_calloc_array(f, sizeof *m->mean);
  m->scale = m->mean ? neap_calloc_array(f, sizeof *m->scale) : NULL;
  return m->scale ? NEAP_OK : NEAP_ENOMEM;
}

void neap_linear_drop(neap_linear *m) {
  neap_free(m->coef);
  neap_free(m->offset);
  neap_free(m->mean);
  neap_free(m->scale);
  neap_free(m->label);
  *m = (neap_linear){0};
}

/* after fitting -------------------------------------------------------------------------------- */

double neap__linear_softmax(int k, double *z) {
  double top = z[0], sum = 0;
  for (int c = 1; c < k; c++) top = z[c] > top ? z[c] : top;
  for (int c = 0; c < k; c++) sum += z[c] = exp(z[c] - top);
  for (int c = 0; c < k; c++) z[c] /= sum;
  return top + log(sum);
}

static void score_row(const neap_linear *m, const double *x, double *z) {
  for (int c = 0; c < m->k; c++) {
    const double *b = m->coef + c * m->f;
    double sum = m->offset[c];
    for (int64_t j = 0; j < m->f; j++)
      sum += b[j] * (m->mean ? (x[j] - m->mean[j]) / m->scale[j] : x[j]);
    z[c] = sum;
  }
}

typedef struct {
  const neap_linear *m;
  const double *x;
  double *out;
  bool proba;
} scoring;

static neap_status score_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const scoring *s = ctx;
  const neap_linear *m = s->m;
  int wide = s->proba ? m->classes : m->k;
  for (int64_t i = begin; i < end; i++) {
    const double *row = s->x + i * m->f;
    double *z = s->out + i * wide, *last = z + wide - m->k;
    NEAP_TRY(check_row(i, m->f, row));
    score_row(m, row, last);
    if (s->proba && m->k > 1) neap__linear_softmax(m->k, z);
    if (s->proba && m->k == 1) {
      z[1] = neap_eval_sigmoid(z[1]);
      z[0] = 1 - z[1];
    }
  }
  return NEAP_OK;
}

neap_status neap_linear_scores(const neap_linear *m, int64_t n, const double *x, double *out) {
  scoring s = {m, x, out, false};
  return neap_parallel_for(n, PREDICT_ROWS, score_chunk, &s);
}

neap_status neap_linear_proba(const neap_linear *m, int64_t n, const double *x, double *out) {
  if (!m->classes) return neap_fail(NEAP_EARG, "a ridge model has no probabilities");
  scoring s = {m, x, out, true};
  return neap_parallel_for(n, PREDICT_ROWS, score_chunk, &s);
}

neap_status neap_linear_predict(const neap_linear *m, int64_t n, const double *x, int64_t *out) {
  if (!m->classes) return neap_fail(NEAP_EARG, "a ridge model has no classes");
  double *p = neap_alloc_array(n, (size_t)m->classes * sizeof *p);
  if (!p) return NEAP_ENOMEM;
  neap_status st = neap_linear_proba(m, n, x, p);
  for (int64_t i = 0; i < n && !st; i++) {
    int best = 0;
    for (int c = 1; c < m->classes; c++)
      if (p[i * m->classes + c] > p[i * m->classes + best]) best = c;
    out[i] = (int64_t)m->label[best];
  }
  neap_free(p);
  return st;
}
