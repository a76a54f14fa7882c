/* exp(A) = r(A / 2^s)^(2^s) for a Pade approximant r = p(x) / p(-x), whose odd and even parts give
 * both: N. Higham, "The scaling and squaring method for the matrix exponential revisited", SIAM J.
 * Matrix Anal. Appl. 26 (2005), table 2.3 and algorithm 2.3. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "tensor/lapack.h"

/* Degrees with the largest 1-norm at which each is exact in f64, and their numerators. */
static const struct {
  int degree;
  double norm, b[14];
} pade[] = {
    {3, 1.495585217958292e-2, {120, 60, 12, 1}},
    {5, 2.539398330063230e-1, {30240, 15120, 3360, 420, 30, 1}},
    {7, 9.504178996162932e-1, {17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1}},
    {9,
     2.097847961257068e0,
     {17643225600, 8821612800, 2075673600, 302702400, 30270240, 2162160, 110880, 3960, 90, 1}},
    {13,
     5.371920351148152e0,
     {64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000,
      10559470521600, 670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1}},
};
enum { LAST = sizeof pade / sizeof *pade - 1, POWERS = 5 };

typedef struct {
  int64_t n;
  neap_tensor power[POWERS]; /* x, x^2, x^4, x^6, x^8 as far as they are needed */
  neap_tensor odd, even, inner;
} work;

static void drop_work(work *w) {
  for (int i = 0; i < POWERS; i++) neap_tensor_drop(&w->power[i]);
  neap_tensor_drop(&w->odd);
  neap_tensor_drop(&w->even);
  neap_tensor_drop(&w->inner);
}

/* The largest sum of sizes in a column. */
static neap_status norm_1(const double *x, int64_t n, double *norm) {
  double *sum = neap_calloc_array(n, sizeof *sum);
  if (!sum) return NEAP_ENOMEM;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) sum[j] += fabs(x[i * n + j]);
  *norm = 0;
  for (int64_t j = 0; j < n; j++) *norm = fmax(*norm, sum[j]);
  neap_free(sum);
  return NEAP_OK;
}

/* exp(A') = exp(A)', and LAPACK sees the transpose of what we hold. Where it sees an upper
 * triangle, elimination has nothing to do and zeros stay zeros; so upper triangles are turned
 * before. */
static bool is_upper(const double *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++)
      if (x[i * n + j] != 0) return false;
  return true;
}

static void turn(double *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++) {
      double v = x[i * n + j];
      x[i * n + j] = x[j * n + i];
      x[j * n + i] = v;
    }
}

static neap_status square_matrix(neap_tensor *out, int64_t n) {
  return neap_tensor_init_raw(out, NEAP_F64, 2, (int64_t[]){n, n});
}

/* z = one I + b[0] x^2 + b[2] x^4 + b[4] x^6 + b[6] x^8, of which the first `terms` are there;
 * added to what z holds unless fresh. */
static void polynomial(const work *w, neap_tensor *z, double one, const double *b, int terms,
                       bool fresh) {
  double *out = neap_tensor_data(z);
  int64_t n = w->n;
  for (int k = 0; k < terms; k++) {
    const double *p = neap_tensor_data(&w->power[1 + k]);
    for (int64_t i = 0; i < n * n; i++) out[i] = (k || !fresh ? out[i] : 0) + b[2 * k] * p[i];
  }
  for (int64_t i = 0; i < n; i++) out[i * n + i] += one;
}

static neap_status powers(work *w, int count) {
  for (int k = 1; k <= count; k++)
    NEAP_TRY(
        neap_tensor_matmul(&w->power[k], &w->power[k == 1 ? 0 : k - 1], &w->power[k == 1 ? 0 : 1]));
  return NEAP_OK;
}

/* z = x^6 times the upper half of the coefficients, plus the lower half. */
static neap_status upper_and_lower(work *w, neap_tensor *z, double one, const double *low,
                                   const double *high) {
  polynomial(w, &w->inner, 0, high, 3, true);
  NEAP_TRY(neap_tensor_matmul(z, &w->power[3], &w->inner));
  polynomial(w, z, one, low, 3, false);
  return NEAP_OK;
}

/* Odd and even part of the numerator. */
static neap_status numerator(work *w, const double *b, int degree) {
  neap_tensor inner = {0};
  int terms = degree == 13 ? 3 : degree / 2;
  NEAP_TRY(square_matrix(&w->inner, w->n));
  NEAP_TRY(powers(w, terms));
  neap_status st = NEAP_OK;
  if (degree == 13) {
    st = upper_and_lower(w, &inner, b[1], b + 3, b + 9);
    if (!st) st = upper_and_lower(w, &w->even, b[0], b + 2, b + 8);
  } else {
    st = square_matrix(&inner, w->n);
    if (!st) st = square_matrix(&w->even, w->n);
    if (!st) {
      polynomial(w, &inner, b[1], b + 3, terms, true);
      polynomial(w, &w->even, b[0], b + 2, terms, true);
    }
  }
  if (!st) st = neap_tensor_matmul(&w->odd, &w->power[0], &inner);
  neap_tensor_drop(&inner);
  return st;
}

/* even becomes (even + odd) / (even - odd). */
static neap_status divide(work *w, const neap__lapack *lapack) {
  int n = (int)w->n, info = 0;
  double *odd = neap_tensor_data(&w->odd), *even = neap_tensor_data(&w->even);
  int *pivot = neap_alloc_array(n, sizeof *pivot);
  if (!pivot) return NEAP_ENOMEM;
  for (int64_t i = 0; i < w->n * w->n; i++) {
    double below = even[i] - odd[i];
    even[i] += odd[i];
    odd[i] = below;
  }
  lapack->dgesv(&n, &n, odd, &n, pivot, even, &n, &info);
  neap_free(pivot);
  return neap_interrupt_check();
}

/* The n x n elements at x become their exponential. */
static neap_status exponential(work *w, const neap__lapack *lapack, double *x) {
  double norm = 0;
  int row = 0, halvings = 0;
  int64_t n = w->n;
  NEAP_TRY(norm_1(x, n, &norm));
  while (row < LAST && norm > pade[row].norm) row++;
  if (norm > pade[LAST].norm) frexp(fmin(norm, DBL_MAX) / pade[LAST].norm, &halvings);
  NEAP_TRY(square_matrix(&w->power[0], n));
  double *scaled = neap_tensor_data(&w->power[0]);
  for (int64_t i = 0; i < n * n; i++) scaled[i] = ldexp(x[i], -halvings);
  NEAP_TRY(numerator(w, pade[row].b, pade[row].degree));
  NEAP_TRY(divide(w, lapack));
  for (; halvings > 0; halvings--) {
    neap_tensor twice;
    NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(neap_tensor_matmul(&twice, &w->even, &w->even));
    neap_tensor_drop(&w->even);
    w->even = twice;
  }
  memcpy(x, neap_tensor_data(&w->even), (size_t)(n * n) * sizeof *x);
  return NEAP_OK;
}

static neap_status expm_members(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  neap__matrices *p = ctx;
  neap_status st = NEAP_OK;
  for (int64_t i = begin; !st && i < end; i++) {
    work w = {.n = p->n};
    double *x = neap__member(&p->a, i, p->n, p->n);
    bool upper = is_upper(x, p->n);
    if (upper) turn(x, p->n);
    st = exponential(&w, p->lapack, x);
    if (upper) turn(x, p->n);
    drop_work(&w);
  }
  return st;
}

neap_status neap_tensor_expm(neap_tensor *out, const neap_tensor *a) {
  neap__matrices p;
  memset(out, 0, sizeof *out);
  neap_status st = neap__matrices_init(&p, "expm", a, NEAP__SQUARE);
  bool some = !st && neap_tensor_numel(&p.a) > 0;
  if (some && p.batches == 1) st = expm_members(&p, 0, 0, 1); /* its products use the pool */
  else if (some) st = neap__members_each(&p, expm_members, &p);
  if (!st) st = neap__as_like(&p.a, a);
  if (!st) neap_tensor_alias(out, &p.a);
  neap_tensor_drop(&p.a);
  return st;
}
