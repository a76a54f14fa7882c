/* Random vectors: counts per category, and normal vectors with a covariance. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/draw.h"
#include "tensor/walk.h"

/* multinomial ---------------------------------------------------------------------------------- */

typedef struct {
  neap_rng rng;
  int64_t trials, categories, *z;
  const double *p; /* of each category, given that it is none of those before */
} multinomial;

/* One row: category after category a binomial number of the trials that are left. Each has
 * substreams of its own. */
static neap_status share_out(const multinomial *m, int64_t row) {
  int64_t left = m->trials, *z = m->z + row * m->categories;
  uint64_t index = m->rng.next + (uint64_t)row;
  for (int64_t c = 0; c < m->categories; c++) {
    if (c % NEAP__DRAWS == NEAP__DRAWS - 1) NEAP_TRY(neap_interrupt_check());
    z[c] = left;
    if (left > 0 && m->p[c] < 1) {
      uint64_t base = (uint64_t)c << 32;
      neap_rng sub = neap_rng_sub(&m->rng, base);
      neap__counts counts = neap__counts_binomial((double)left, m->p[c]);
      neap_rng_block block = neap_rng_block_at(&sub, index);
      z[c] = (int64_t)neap__count(&counts, block, &m->rng, index, base);
    }
    left -= z[c];
  }
  return NEAP_OK;
}

static neap_status share_out_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t row = begin; row < end; row++) NEAP_TRY(share_out(ctx, row));
  return NEAP_OK;
}

/* What a sum of rounded probabilities, those of f32 among them, may be off. */
#define SUM_SLACK 1e-6

static neap_status check_probabilities(const double *p, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!(p[i] >= 0 && p[i] <= 1))
      return neap_fail(NEAP_EVALUE, "multinomial: p[%lld] is %.17g, allowed are 0 to 1",
                       (long long)i + 1, p[i]);
    sum += p[i];
  }
  if (fabs(sum - 1) > SUM_SLACK)
    return neap_fail(NEAP_EVALUE, "multinomial: the sum of p is %.17g, it must be 1", sum);
  return NEAP_OK;
}

/* p[c] over the sum of p[c], p[c + 1], ...: exactly 1 for the last that is not 0. */
static void make_conditional(double *p, int64_t n) {
  double rest = 0;
  for (int64_t c = n - 1; c >= 0; c--) {
    rest += p[c];
    p[c] = p[c] > 0 ? p[c] / rest : 0;
  }
}

neap_status neap_tensor_multinomial(neap_tensor *out, int64_t trials, const neap_tensor *p,
                                    int ndim, const int64_t *size, neap_rng *r) {
  int64_t shape[NEAP_MAX_DIMS];
  char text[128];
  neap_tensor plain, own = {0};
  memset(out, 0, sizeof *out);
  if (trials < 0 || trials > 1000000000000000)
    return neap_fail(NEAP_EARG, "multinomial: n is %lld, allowed are 0 to 1e15", (long long)trials);
  if (p->ndim != 1 || p->size[0] == 0)
    return neap_fail(NEAP_ESHAPE, "multinomial: p has the shape %s, [k] with k > 0 expected",
                     neap_shape_text(p, text, sizeof text));
  if (ndim >= NEAP_MAX_DIMS)
    return neap_fail(NEAP_ESHAPE, "multinomial: size has %d dimensions, at most %d are allowed",
                     ndim, NEAP_MAX_DIMS - 1);
  for (int k = 0; k < ndim; k++) shape[k] = size[k];
  shape[ndim] = p->size[0];
  NEAP_TRY(neap_tensor_as(&plain, p, NEAP_F64));
  neap_status st = check_probabilities(neap_tensor_data(&plain), p->size[0]);
  if (!st) st = neap_tensor_clone(&own, &plain);
  if (!st) st = neap_tensor_init_raw(out, NEAP_I64, ndim + 1, shape);
  if (!st) {
    make_conditional(neap_tensor_data(&own), p->size[0]);
    multinomial m = {*r, trials, p->size[0], neap_tensor_data(out), neap_tensor_data(&own)};
    int64_t rows = neap_tensor_numel(out) / m.categories, grain = NEAP__DRAWS / m.categories + 1;
    st = neap_parallel_for(rows, grain, share_out_rows, &m);
    if (!st) r->next += (uint64_t)rows;
  }
  if (st) neap_tensor_drop(out);
  neap_tensor_drop(&own);
  neap_tensor_drop(&plain);
  return st;
}

/* normal vectors ------------------------------------------------------------------------------- */

typedef struct {
  neap__draws draws;
  int64_t d;
  const double *mean, *root; /* row k of root: what standard normal k adds to each element */
  double *z;
} vectors;

/* Sums run over the standard normals in order, so a row does not depend on those beside it, as it
 * would in a product of matrices. */
static neap_status fill_vectors(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const vectors *f = ctx;
  neap__blocks b;
  double normal[NEAP__PIECE];
  for (int64_t at = begin * f->d; at < end * f->d; at += NEAP__PIECE) {
    int64_t n = end * f->d - at < NEAP__PIECE ? end * f->d - at : NEAP__PIECE;
    NEAP_TRY(neap_interrupt_check());
    neap__draw_blocks(&f->draws, 0, at, n, &b);
    f->draws.kern->normal(n, normal, b.low, b.high);
    for (int64_t i = 0; i < n; i++) {
      int64_t k = (at + i) % f->d;
      double *row = f->z + (at + i - k);
      if (k == 0) memcpy(row, f->mean, (size_t)f->d * sizeof *row);
      f->draws.kern->add_scaled(f->d, row, normal[i], f->root + k * f->d);
    }
  }
  return NEAP_OK;
}

/* Finite, and symmetric to what rounding leaves. */
static neap_status check_covariance(const neap_tensor *cov, double slack) {
  const double *c = neap_tensor_data(cov);
  int64_t d = cov->size[0];
  double largest = 0;
  for (int64_t i = 0; i < d * d; i++) {
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    if (!isfinite(c[i]))
      return neap_fail(NEAP_EVALUE,
                       "multivariate_normal: cov[%lld, %lld] is %.17g, allowed "
                       "are finite numbers",
                       (long long)(i / d) + 1, (long long)(i % d) + 1, c[i]);
    largest = fmax(largest, fabs(c[i]));
  }
  for (int64_t i = 0; i < d; i++) {
    if (i % NEAP__PIECE == 0) NEAP_TRY(neap_interrupt_check());
    for (int64_t j = 0; j < i; j++)
      if (fabs(c[i * d + j] - c[j * d + i]) > slack * largest)
        return neap_fail(NEAP_EVALUE,
                         "multivariate_normal: cov[%lld, %lld] is %.17g and cov[%lld, %lld] "
                         "%.17g, it must be symmetric",
                         (long long)i + 1, (long long)j + 1, c[i * d + j], (long long)j + 1,
                         (long long)i + 1, c[j * d + i]);
  }
  return NEAP_OK;
}

/* Eigenvectors times the roots of their eigenvalues; those that rounding put below 0 count as 0. */
static neap_status semidefinite_root(neap_tensor *out, const neap_tensor *cov, double slack) {
  neap_tensor values = {0};
  NEAP_TRY(neap_tensor_eigh(&values, out, cov));
  const double *w = neap_tensor_data(&values);
  double *v = neap_tensor_data(out);
  int64_t d = cov->size[0];
  neap_status st = NEAP_OK;
  if (d > 0 && w[0] < -slack * fmax(fabs(w[0]), fabs(w[d - 1])))
    st = neap_fail(NEAP_EVALUE,
                   "multivariate_normal: cov has the eigenvalues %.6g to %.6g, those "
                   "of a covariance are not below 0",
                   w[0], w[d - 1]);
  for (int64_t i = 0; !st && i < d * d; i++) v[i] *= sqrt(fmax(w[i % d], 0));
  neap_tensor_drop(&values);
  if (st) neap_tensor_drop(out);
  return st;
}

/* The transpose of a matrix A with A A' = cov, contiguous. */
static neap_status root_of(neap_tensor *out, const neap_tensor *cov, double slack) {
  neap_tensor a = {0}, turned = {0};
  NEAP_TRY(check_covariance(cov, slack));
  neap_status st = neap_tensor_cholesky(&a, cov);
  if (st == NEAP_EVALUE) st = semidefinite_root(&a, cov, slack);
  if (!st) st = neap_tensor_transpose(&turned, &a, 0, 1);
  if (!st) st = neap_tensor_as(out, &turned, NEAP_F64);
  neap_tensor_drop(&turned);
  neap_tensor_drop(&a);
  return st;
}

static neap_status check_sizes(const neap_tensor *mean, const neap_tensor *cov) {
  if (mean->ndim == 1 && cov->ndim == 2 && cov->size[0] == mean->size[0] &&
      cov->size[1] == mean->size[0])
    return NEAP_OK;
  char s[128], t[128];
  return neap_fail(NEAP_ESHAPE, "multivariate_normal: mean %s and cov %s, [d] and [dxd] expected",
                   neap_shape_text(mean, s, sizeof s), neap_shape_text(cov, t, sizeof t));
}

neap_status neap_tensor_multivariate_normal(neap_tensor *out, const neap_tensor *mean,
                                            const neap_tensor *cov, int64_t rows, neap_rng *r) {
  neap_tensor m = {0}, c = {0}, root = {0};
  memset(out, 0, sizeof *out);
  NEAP_TRY(check_sizes(mean, cov));
  int64_t d = mean->size[0];
  double slack = cov->dtype == NEAP_F32 ? 1e-4 : 1e-8; /* some thousand times the rounding */
  neap_status st = neap_tensor_as(&m, mean, NEAP_F64);
  if (!st) st = neap_tensor_as(&c, cov, NEAP_F64);
  if (!st) st = root_of(&root, &c, slack);
  if (!st) st = neap_tensor_init_raw(out, NEAP_F64, 2, (int64_t[]){rows, d});
  vectors f = {.draws = {.rng = *r}, .d = d};
  if (!st) st = neap_kern_select(&f.draws.kern);
  if (!st && d > 0) {
    f.mean = neap_tensor_data(&m);
    f.root = neap_tensor_data(&root);
    f.z = neap_tensor_data(out);
    st = neap_parallel_for(rows, NEAP__DRAWS / (d * d + 1) + 1, fill_vectors, &f);
    if (!st) r->next += (uint64_t)(rows * d);
  }
  if (st) neap_tensor_drop(out);
  neap_tensor_drop(&root);
  neap_tensor_drop(&c);
  neap_tensor_drop(&m);
  return st;
}
