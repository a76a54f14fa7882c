/* The loops of layers: every table against plain double precision, on ragged sizes. */
#include "check.h"

#include "base/rng.h"
#include "kern/kern.h"

enum { MOST = 4096 };

/* An array of either dtype beside the doubles it holds. */
typedef struct {
  double d[MOST];
  union {
    double f64[MOST];
    float f32[MOST];
  } v;
} array;

static neap_dtype dtype;

static void load(array *a, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (dtype == NEAP_F64) a->v.f64[i] = a->d[i];
    else a->d[i] = (double)(a->v.f32[i] = (float)a->d[i]);
}

static void save(array *a, int64_t n) {
  for (int64_t i = 0; i < n; i++) a->d[i] = dtype == NEAP_F64 ? a->v.f64[i] : (double)a->v.f32[i];
}

static void draw(array *a, int64_t n, uint64_t seed) {
  neap_rng r = neap_rng_make(seed);
  for (int64_t i = 0; i < n; i++) a->d[i] = neap_rng_normal(&r);
  load(a, n);
}

static void zero(array *a, int64_t n) {
  for (int64_t i = 0; i < n; i++) a->d[i] = 0;
  load(a, n);
}

static void compare(const char *what, const neap_kern *k, int64_t n, array *got,
                    const double *want) {
  double tol = dtype == NEAP_F64 ? F64_TOL : F32_TOL;
  save(got, n);
  for (int64_t i = 0; i < n; i++)
    if (!same_number(got->d[i], want[i], tol))
      fail_msg("%s, %s, dtype %d: [%lld] of %lld is %.17g, expected %.17g", what, k->name,
               (int)dtype, (long long)i, (long long)n, got->d[i], want[i]);
}

/* check(kern, rows, n) for every table, dtype and some ragged sizes. */
static void everywhere(void (*check)(const neap_kern *k, int64_t rows, int64_t n)) {
  static const int64_t sizes[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 64, 100, 257};
  for (int t = 0; neap_kern_at(t); t++)
    for (int d = 0; d < 2; d++)
      for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int64_t rows = 1; rows <= 5; rows += 2) {
          dtype = d ? NEAP_F32 : NEAP_F64;
          check(neap_kern_at(t), rows, sizes[s]);
        }
}

static array x, y, dy, dx, w, b, mean, rstd, dw, db;
static double want[4][MOST];

static void plain_moments(int64_t n, const double *v, double eps, double *m, double *r) {
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < n; i++) sum += v[i];
  *m = sum / (double)n;
  for (int64_t i = 0; i < n; i++) squares += (v[i] - *m) * (v[i] - *m);
  *r = 1 / sqrt(squares / (double)n + eps);
}

static void check_norm(const neap_kern *k, int64_t rows, int64_t n) {
  const neap_layers *l = &k->layers[dtype];
  draw(&x, rows * n, 1);
  draw(&w, n, 2);
  draw(&b, n, 3);
  for (int form = 0; form < 4; form++) {
    bool has_w = form & 1, has_b = form & 2;
    l->norm(rows, n, &y.v, &x.v, has_w ? &w.v : NULL, has_b ? &b.v : NULL, 0.1, &mean.v, &rstd.v);
    for (int64_t i = 0; i < rows; i++) {
      plain_moments(n, x.d + i * n, 0.1, &want[1][i], &want[2][i]);
      for (int64_t j = 0; j < n; j++)
        want[0][i * n + j] = (x.d[i * n + j] - want[1][i]) * want[2][i] * (has_w ? w.d[j] : 1) +
                             (has_b ? b.d[j] : 0);
    }
    compare("norm", k, rows * n, &y, want[0]);
    compare("mean", k, rows, &mean, want[1]);
    compare("rstd", k, rows, &rstd, want[2]);
  }
}

static void plain_norm_back(int64_t rows, int64_t n, bool has_w) {
  memset(want, 0, sizeof want);
  for (int64_t i = 0; i < rows; i++) {
    double g = 0, gh = 0, m = mean.d[i], r = rstd.d[i];
    for (int64_t j = 0; j < n; j++) {
      double d = dy.d[i * n + j], h = (x.d[i * n + j] - m) * r, s = d * (has_w ? w.d[j] : 1);
      want[1][j] += d * h;
      want[2][j] += d;
      g += s / (double)n;
      gh += s * h / (double)n;
    }
    for (int64_t j = 0; j < n; j++) {
      double h = (x.d[i * n + j] - m) * r, s = dy.d[i * n + j] * (has_w ? w.d[j] : 1);
      want[0][i * n + j] = r * (s - g - h * gh);
    }
  }
}

static void check_norm_back(const neap_kern *k, int64_t rows, int64_t n) {
  const neap_layers *l = &k->layers[dtype];
  draw(&x, rows * n, 1);
  draw(&w, n, 2);
  draw(&dy, rows * n, 3);
  l->norm(rows, n, &y.v, &x.v, NULL, NULL, 0.1, &mean.v, &rstd.v);
  save(&mean, rows);
  save(&rstd, rows);
  for (int has_w = 0; has_w < 2; has_w++) {
    const void *weight = has_w ? &w.v : NULL;
    plain_norm_back(rows, n, has_w);
    zero(&dw, n);
    zero(&db, n);
    l->norm_back(rows, n, &dx.v, &dy.v, &x.v, weight, &mean.v, &rstd.v, &dw.v, &db.v);
    compare("dx of norm", k, rows * n, &dx, want[0]);
    compare("dw of norm", k, n, &dw, want[1]);
    compare("db of norm", k, n, &db, want[2]);
    zero(&dx, rows * n);
    l->norm_back(rows, n, &dx.v, &dy.v, &x.v, weight, &mean.v, &rstd.v, NULL, NULL);
    compare("dx alone", k, rows * n, &dx, want[0]);
    zero(&dw, n);
    zero(&db, n);
    l->norm_back(rows, n, NULL, &dy.v, &x.v, weight, &mean.v, &rstd.v, &dw.v, &db.v);
    compare("dw alone", k, n, &dw, want[1]);
  }
}

static void check_affine(const neap_kern *k, int64_t rows, int64_t n) {
  const neap_layers *l = &k->layers[dtype];
  draw(&x, rows * n, 1);
  draw(&dy, rows * n, 2);
  draw(&mean, n, 3);
  draw(&w, n, 4);
  draw(&b, n, 5);
  draw(&rstd, n, 6);
  draw(&dw, n, 7);
  draw(&db, n, 8);
  memcpy(want[2], dw.d, sizeof want[2]);
  memcpy(want[3], db.d, sizeof want[3]);
  for (int64_t i = 0; i < rows * n; i++) {
    int64_t j = i % n;
    double h = x.d[i] - mean.d[j];
    want[0][i] = h * w.d[j] + b.d[j];
    want[1][i] = dy.d[i] * w.d[j] + h * b.d[j] + rstd.d[j];
    want[2][j] += dy.d[i] * h;
    want[3][j] += dy.d[i];
  }
  l->affine(rows, n, &y.v, &x.v, &mean.v, &w.v, &b.v);
  compare("affine", k, rows * n, &y, want[0]);
  l->affine_back(rows, n, &dx.v, &dy.v, &x.v, &mean.v, &w.v, &b.v, &rstd.v);
  compare("affine_back", k, rows * n, &dx, want[1]);
  l->affine_sums(rows, n, &dy.v, &x.v, &mean.v, &dw.v, &db.v);
  compare("dot of affine_sums", k, n, &dw, want[2]);
  compare("sum of affine_sums", k, n, &db, want[3]);
}

/* t of one element, -inf where masked. */
static double plain_score(const neap_scores *o, const double *s, int64_t i, int64_t j) {
  if (o->causal && j > o->first + i) return -INFINITY;
  return o->scale * s[i * o->ss + j] + (o->bias ? b.d[i * o->bs + j] : 0);
}

static void plain_soften(const neap_scores *o, const double *s, double *p, double *lse) {
  for (int64_t i = 0; i < o->rows; i++) {
    double top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < o->n; j++) top = fmax(top, plain_score(o, s, i, j));
    for (int64_t j = 0; j < o->n; j++) sum += exp(plain_score(o, s, i, j) - top);
    lse[i] = top == -INFINITY ? top : top + log(sum); /* no key at all */
    for (int64_t j = 0; j < o->n; j++) p[i * o->ss + j] = exp(plain_score(o, s, i, j) - lse[i]);
  }
}

static void check_soften_as(const neap_kern *k, neap_scores *o) {
  const neap_layers *l = &k->layers[dtype];
  int64_t all = o->rows * o->ss;
  static double p[MOST];
  draw(&x, all, 1);
  draw(&dy, all, 2);
  draw(&b, all, 3);
  for (int64_t i = 0; i < all; i += 5) b.d[i] = o->bs && i % o->bs == 0 ? 0 : -INFINITY;
  load(&b, all);
  o->bias = o->bias ? &b.v : NULL;
  memcpy(p, x.d, sizeof p);
  memset(want, 0, sizeof want);
  plain_soften(o, x.d, p, want[1]);
  y = x;
  l->soften(&y.v, o, &mean.v, &rstd.v);
  compare("lse", k, o->rows, &mean, want[1]);
  save(&y, all);
  save(&rstd, o->rows);
  for (int64_t i = 0; i < o->rows; i++)
    for (int64_t j = 0; j < o->n; j++) y.d[i * o->ss + j] *= rstd.d[i];
  load(&y, all);
  compare("softmax", k, all, &y, p);
  for (int64_t i = 0; i < o->rows; i++) {
    double dot = 0, *row = p + i * o->ss;
    for (int64_t j = 0; j < o->n; j++) dot += row[j] * dy.d[i * o->ss + j];
    for (int64_t j = 0; j < o->n; j++)
      want[0][i * o->ss + j] = o->scale * row[j] * (dy.d[i * o->ss + j] - dot);
    for (int64_t j = o->n; j < o->ss; j++) want[0][i * o->ss + j] = dy.d[i * o->ss + j];
  }
  l->soften_back(&x.v, &dy.v, o, &mean.v);
  compare("softmax again", k, all, &x, p);
  compare("gradient of softmax", k, all, &dy, want[0]);
}

static void check_soften(const neap_kern *k, int64_t rows, int64_t n) {
  for (int form = 0; form < 6; form++) {
    neap_scores o = {.rows = rows, .n = n, .ss = n + 3, .scale = 0.25, .first = 2};
    o.causal = form % 2;
    o.bs = form >= 4 ? 0 : n + 3;
    o.bias = form >= 2 ? &b : NULL;
    check_soften_as(k, &o);
  }
}

static void norm_is_that_of_each_row(void **state) {
  (void)state;
  everywhere(check_norm);
  everywhere(check_norm_back);
}

static void affine_is_that_of_each_column(void **state) {
  (void)state;
  everywhere(check_affine);
}

static void soften_is_softmax_of_what_is_not_masked(void **state) {
  (void)state;
  everywhere(check_soften);
}

static void a_row_without_keys_has_an_infinite_share(void **state) {
  (void)state;
  for (int t = 0; neap_kern_at(t); t++) {
    double s[] = {1, 2, NAN, 4}, bias[] = {-INFINITY, -INFINITY, 0, 0}, lse[2], share[2];
    neap_scores o = {.rows = 2, .n = 2, .ss = 2, .scale = 1, .bias = bias, .bs = 2};
    neap_kern_at(t)->layers[NEAP_F64].soften(s, &o, lse, share);
    assert_same(4, s, ((double[]){0, 0, NAN, 1}), 0);
    assert_same(2, share, ((double[]){INFINITY, NAN}), 0);
  }
}

static void check_drop(const neap_kern *k, int64_t rows, int64_t n) {
  (void)rows;
  uint32_t words[MOST];
  neap_rng r = neap_rng_make(5);
  draw(&x, n, 1);
  for (int64_t i = 0; i < n; i++) {
    words[i] = i % 7 == 0 ? 0x80000000u : (uint32_t)neap_rng_bits(&r);
    want[0][i] = words[i] >= 0x80000000u ? 2.5 * x.d[i] : 0;
  }
  k->layers[dtype].drop(n, &y.v, &x.v, words, 0x80000000u, 2.5);
  compare("drop", k, n, &y, want[0]);
}

static void drop_keeps_what_the_word_lets_pass(void **state) {
  (void)state;
  everywhere(check_drop);
}

static void check_rows(const neap_kern *k, int64_t rows, int64_t n) {
  draw(&x, rows * (n + 2), 1);
  draw(&w, rows, 2);
  for (int64_t i = 0; i < rows * (n + 2); i++)
    want[0][i] = x.d[i] * (i % (n + 2) < n ? w.d[i / (n + 2)] : 1);
  zero(&y, rows * (n + 1));
  memset(want[1], 0, sizeof want[1]);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < n; j++) want[1][i * (n + 1) + j] = x.d[i * (n + 2) + j];
  k->layers[dtype].rows(rows, n, &y.v, n + 1, &x.v, n + 2);
  compare("rows", k, rows * (n + 1), &y, want[1]);
  k->layers[dtype].share(rows, n, &x.v, n + 2, &w.v);
  compare("share", k, rows * (n + 2), &x, want[0]);
}

static void rows_are_copied_and_scaled(void **state) {
  (void)state;
  everywhere(check_rows);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(norm_is_that_of_each_row),
      cmocka_unit_test(affine_is_that_of_each_column),
      cmocka_unit_test(soften_is_softmax_of_what_is_not_masked),
      cmocka_unit_test(a_row_without_keys_has_an_infinite_share),
      cmocka_unit_test(rows_are_copied_and_scaled),
      cmocka_unit_test(drop_keeps_what_the_word_lets_pass),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
