/* Applying calibrators: one function per element, so that one row and a batch agree bit for bit. */
#include <math.h>

#include "base/pool.h"
#include "eval/calibrate.h"

static double clip(double p) { return fmin(fmax(p, 1e-15), 1 - 1e-15); }

double neap_eval_sigmoid(double z) {
  if (z >= 0) return 1 / (1 + exp(-z));
  double e = exp(z);
  return e / (1 + e);
}

double neap__eval_softplus(double z) { return (z > 0 ? z : 0) + log1p(exp(-fabs(z))); }

double neap__eval_logit(const neap_calibrator *c, double p) {
  if (c->logit) return p;
  p = clip(p);
  return c->columns > 1 ? log(p) : log(p) - log1p(-p);
}

void neap__eval_log_pair(const neap_calibrator *c, double p, double *log_p, double *log_rest) {
  *log_p = c->logit ? -neap__eval_softplus(-p) : log(clip(p));
  *log_rest = c->logit ? -neap__eval_softplus(p) : log1p(-clip(p));
}

static double apply_beta(const neap_calibrator *c, double p) {
  double log_p, log_rest;
  neap__eval_log_pair(c, p, &log_p, &log_rest);
  return neap_eval_sigmoid(c->param[0] * log_p - c->param[1] * log_rest + c->param[2]);
}

double neap_eval_apply(const neap_calibrator *c, double p) {
  if (isnan(p)) return NAN;
  switch (c->method) {
  case NEAP_CAL_TEMPERATURE: return neap_eval_sigmoid(neap__eval_logit(c, p) / c->param[0]);
  case NEAP_CAL_PLATT: return neap_eval_sigmoid(c->param[0] * neap__eval_logit(c, p) + c->param[1]);
  case NEAP_CAL_ISOTONIC: return neap__eval_apply_isotonic(c, p);
  case NEAP_CAL_BETA: return apply_beta(c, p);
  case NEAP_CAL_NONE:
  case NEAP_CAL_COUNT: break;
  }
  return c->logit ? neap_eval_sigmoid(p) : p;
}

/* softmax(z / t); a NaN makes the whole row NaN. */
static void apply_row(const neap_calibrator *c, const double *p, double *q) {
  double t = c->method == NEAP_CAL_TEMPERATURE ? c->param[0] : 1, top = -INFINITY, sum = 0;
  for (int k = 0; k < c->columns; k++) {
    q[k] = isnan(p[k]) ? NAN : neap__eval_logit(c, p[k]) / t;
    if (isnan(q[k])) sum = NAN;
    top = fmax(top, q[k]);
  }
  for (int k = 0; k < c->columns; k++) {
    q[k] = exp(q[k] - top);
    sum += q[k];
  }
  for (int k = 0; k < c->columns; k++) q[k] /= sum;
}

typedef struct {
  const neap_calibrator *c;
  const double *p;
  double *q;
} applying;

static neap_status apply_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const applying *a = ctx;
  int64_t columns = a->c->columns;
  bool same = a->c->method == NEAP_CAL_NONE && !a->c->logit;
  if (columns == 1)
    for (int64_t i = begin; i < end; i++) a->q[i] = neap_eval_apply(a->c, a->p[i]);
  else if (same)
    for (int64_t i = begin * columns; i < end * columns; i++) a->q[i] = a->p[i];
  else
    for (int64_t i = begin; i < end; i++) apply_row(a->c, a->p + i * columns, a->q + i * columns);
  return NEAP_OK;
}

neap_status neap_eval_apply_rows(const neap_calibrator *c, int64_t n, const double *p, double *q) {
  enum { ROWS = 1 << 12 };
  return neap_parallel_for(n, ROWS, apply_chunk, &(applying){c, p, q});
}
