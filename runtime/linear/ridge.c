/* Ridge regression by the normal equations of centred columns, which keep the intercept out of the
 * penalty and the conditioning. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "linear/matrix.h"
#include "linear/model.h"

static double mean_of(int64_t n, const double *y, const double *weight, double total) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (weight ? weight[i] : 1) * y[i];
  return sum / total;
}

static neap_status check_target(int64_t n, const double *y) {
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(y[i]))
      return neap_fail(NEAP_EVALUE, "y[%lld] is %s, must be a finite number", (long long)i + 1,
                       isnan(y[i]) ? "NaN" : "infinite");
  return NEAP_OK;
}

typedef struct {
  int64_t n, f;
  double *z;    /* n x f, centred */
  double *v;    /* n weights */
  double *gram; /* f x f */
  double *mean, *scale;
} ridge;

static neap_status ridge_alloc(ridge *r) {
  r->v = neap_alloc_array(r->n, sizeof *r->v);
  r->gram = r->v ? neap_alloc_array(r->f * r->f, sizeof *r->gram) : NULL;
  r->mean = r->gram ? neap_alloc_array(2 * r->f, sizeof *r->mean) : NULL;
  if (!r->mean) return NEAP_ENOMEM;
  r->scale = r->mean + r->f;
  return NEAP_OK;
}

static void ridge_free(ridge *r) {
  neap_free(r->z);
  neap_free(r->v);
  neap_free(r->gram);
  neap_free(r->mean);
}

/* b = sum of v_i (y_i - center) z_i, row by row. */
static neap_status right_side(const ridge *r, const double *y, double center, double *b) {
  for (int64_t i = 0; i < r->n; i++) {
    if (i % 4096 == 0) NEAP_TRY(neap_interrupt_check());
    double d = r->v[i] * (y[i] - center);
    for (int64_t j = 0; j < r->f; j++) b[j] += d * r->z[i * r->f + j];
  }
  return NEAP_OK;
}

static neap_status factor(ridge *r, double alpha) {
  int64_t column;
  NEAP_TRY(neap__linear_gram(r->n, r->f, r->z, false, r->v, r->gram));
  for (int64_t j = 0; j < r->f; j++) r->gram[j * r->f + j] += alpha;
  NEAP_TRY(neap__linear_cholesky(r->f, r->gram, &column));
  if (column < 0) return NEAP_OK;
  return neap_fail(NEAP_EVALUE,
                   "column %lld is constant or a combination of those before it: "
                   "alpha = %g is too small to tell them apart",
                   (long long)column + 1, alpha);
}

static neap_status ridge_solve(neap_linear *m, ridge *r, const double *y, double center,
                               const neap_linear_options *o) {
  NEAP_TRY(factor(r, o->alpha));
  NEAP_TRY(right_side(r, y, center, m->coef));
  neap__linear_solve(r->f, r->gram, m->coef);
  m->offset[0] = center;
  if (m->mean) {
    memcpy(m->mean, r->mean, (size_t)r->f * sizeof *m->mean);
    memcpy(m->scale, r->scale, (size_t)r->f * sizeof *m->scale);
  } else m->offset[0] -= neap__linear_dot(r->f, m->coef, r->mean);
  m->iterations = 1;
  m->converged = true;
  return NEAP_OK;
}

static neap_status ridge_fit(neap_linear *m, ridge *r, const double *x, const double *y,
                             const double *weight, const neap_linear_options *o, double total) {
  NEAP_TRY(check_target(r->n, y));
  if (r->f > NEAP_LINEAR_MAX)
    return neap_fail(NEAP_ESHAPE, "%lld columns, at most %d", (long long)r->f, NEAP_LINEAR_MAX);
  NEAP_TRY(ridge_alloc(r));
  NEAP_TRY(neap__linear_alloc(m, r->f, 1, o->standardize));
  for (int64_t i = 0; i < r->n; i++) r->v[i] = weight ? weight[i] : 1;
  neap__linear_moments(r->n, r->f, x, weight, o->intercept || o->standardize, o->standardize,
                       r->mean, r->scale);
  NEAP_TRY(neap__linear_scaled(&r->z, r->n, r->f, x, r->mean, r->scale));
  double center = o->intercept ? mean_of(r->n, y, weight, total) : 0;
  return ridge_solve(m, r, y, center, o);
}

neap_status neap_linear_ridge(neap_linear *out, int64_t n, int64_t f, const double *x,
                              const double *y, const double *weight, const neap_linear_options *o) {
  double total;
  ridge r = {.n = n, .f = f};
  neap_linear m = {0};
  *out = m;
  neap_status st = neap__linear_check(n, f, x, weight, &total);
  if (!st) st = ridge_fit(&m, &r, x, y, weight, o, total);
  ridge_free(&r);
  if (st) neap_linear_drop(&m);
  *out = m;
  return st;
}
