/* loss.inc.h — the losses of loss.h for one dtype. T, E (vec.h's suffix), WIDTH_OF, NAME. */
#include "kern/top.inc.h"

/* element by element --------------------------------------------------------------------------- */

#define EACH_ARGS E(vec) x, E(vec) y, E(vec) a, E(vec) * l, E(vec) * d

static inline E(vec) NAME(number)(double v) { return E(all_of)((T)v); }

static inline void NAME(mse_1)(EACH_ARGS) {
  E(vec) e = x - y;
  (void)a;
  *l = e * e;
  *d = e + e;
}

/* 1, -1, and of 0 and NaN the number itself */
static inline E(vec) NAME(sign_of)(E(vec) e) {
  E(vec) zero = NAME(number)(0);
  E(vec) low = E(choose)(E(below)(e, zero), NAME(number)(-1), e);
  return E(choose)(E(below)(zero, e), NAME(number)(1), low);
}

static inline void NAME(l1_1)(EACH_ARGS) {
  E(vec) e = x - y;
  (void)a;
  *l = E(magnitude)(e);
  *d = NAME(sign_of)(e);
}

static inline void NAME(huber_1)(EACH_ARGS) {
  E(vec) e = x - y, size = E(magnitude)(e), half = NAME(number)(0.5);
  *l = E(choose)(E(below)(a, size), a * (size - half * a), half * e * e);
  *d = E(choose)(E(below)(a, size), E(signed_as)(a, e), e);
}

static inline void NAME(quantile_1)(EACH_ARGS) {
  E(vec) e = y - x, zero = NAME(number)(0), over = NAME(number)(1) - a;
  *l = E(choose)(E(below)(e, zero), -over * e, a * e);
  *d = E(choose)(E(below)(zero, e), -a, E(choose)(E(below)(e, zero), over, e));
}

static inline void NAME(bce_1)(EACH_ARGS) {
  E(vec) zero = NAME(number)(0), one = NAME(number)(1), size = E(magnitude)(x);
  E(vec) rest = E(vec_exp)(-size), log_rest = E(vec_log1p)(rest), sum = one + rest;
  E(vec) positive = E(choose)(E(below)(x, zero), zero, x), other = one - y, weighted = a * y;
  E(vec) p = E(choose)(E(below)(x, zero), rest, one) / sum;
  E(vec) q = E(choose)(E(below)(x, zero), one, rest) / sum;
  *l = other * (positive + log_rest) + weighted * (positive - x + log_rest);
  *d = other * p - weighted * q;
}

/* 0, or x where that is NaN */
static inline E(vec) NAME(nothing)(E(vec) x) {
  return E(choose)(E(equal)(x, x), NAME(number)(0), x);
}

static inline void NAME(kl_1)(EACH_ARGS) {
  E(vec) some = y * (E(vec_log)(y) - x);
  (void)a;
  *l = E(choose)(E(equal)(y, NAME(number)(0)), NAME(nothing)(x), some);
  *d = -y;
}

static inline void NAME(kl_log_1)(EACH_ARGS) {
  E(vec) p = E(vec_exp)(y), some = p * (y - x);
  (void)a;
  *l = E(choose)(E(equal)(y, NAME(number)(-INFINITY)), NAME(nothing)(x), some);
  *d = -p;
}

static ALWAYS_INLINE void NAME(each)(LOSS_ARGS, void (*f)(EACH_ARGS)) {
  T *loss = l, *slope = d;
  const T *left = x, *right = y, *third = a ? a : x;
  E(vec) factor = NAME(number)(scale), v, w;
  int64_t i = 0;
  for (; i + WIDTH_OF <= n; i += WIDTH_OF) {
    f(E(load)(left + i), E(load)(right + i), E(load)(third + i), &v, &w);
    E(store)(loss + i, v);
    if (d) E(store)(slope + i, factor * w);
  }
  if (i < n) {
    int64_t rest = n - i;
    f(E(load_some)(left + i, rest), E(load_some)(right + i, rest), E(load_some)(third + i, rest),
      &v, &w);
    E(store_some)(loss + i, v, rest);
    if (d) E(store_some)(slope + i, factor * w, rest);
  }
}

static void NAME(mse)(LOSS_ARGS) { NAME(each)(n, l, d, scale, x, y, a, NAME(mse_1)); }
static void NAME(l1)(LOSS_ARGS) { NAME(each)(n, l, d, scale, x, y, a, NAME(l1_1)); }
static void NAME(huber)(LOSS_ARGS) { NAME(each)(n, l, d, scale, x, y, a, NAME(huber_1)); }
static void NAME(quantile)(LOSS_ARGS) { NAME(each)(n, l, d, scale, x, y, a, NAME(quantile_1)); }
static void NAME(bce)(LOSS_ARGS) { NAME(each)(n, l, d, scale, x, y, a, NAME(bce_1)); }
static void NAME(kl)(LOSS_ARGS) { NAME(each)(n, l, d, scale, x, y, a, NAME(kl_1)); }
static void NAME(kl_log)(LOSS_ARGS) { NAME(each)(n, l, d, scale, x, y, a, NAME(kl_log_1)); }
#undef EACH_ARGS

/* classes -------------------------------------------------------------------------------------- */

/* LINE rows side by side. In: the class, its logit and cost, the largest logit of a row, e = exp
 * (logit - top) of its class, the sum of e over the others, and sum_j q_j (top - x_j). Out: loss,
 * and the gradient as  share p_j - smooth / k q_j - pull [j = y]. */
typedef struct {
  _Alignas(64) T y[LINE], logit[LINE], cost[LINE], top[LINE], own[LINE], others[LINE];
  _Alignas(64) T smooth[LINE], sum[LINE], loss[LINE], share[LINE], pull[LINE], factor[LINE];
} NAME(line);

/* -log p_y = log (others + own) + top - logit. The logarithm is taken of 1 + ..., where the largest
 * logit, whose e is 1, makes up the 1; so that a loss near 0 keeps its digits. */
static void NAME(judge)(NAME(line) * v, int64_t k, double costs, const neap_cross_terms *t) {
  E(vec) one = NAME(number)(1), zero = NAME(number)(0), gamma = NAME(number)(t->gamma);
  E(vec) each = NAME(number)(t->smooth / (double)k), all = NAME(number)(costs);
  E(vec) rest = NAME(number)(1 - t->smooth);
  for (int r = 0; r < LINE; r += WIDTH_OF) {
    E(vec) own = E(load)(v->own + r), others = E(load)(v->others + r), cost = E(load)(v->cost + r);
    E(vec) sum = others + own, log_sum = E(vec_log1p)(others + (own - one));
    E(vec) l = log_sum + (E(load)(v->top + r) - E(load)(v->logit + r));
    E(vec) share = rest * cost, pull = share;
    E(store)(v->sum + r, sum);
    if (t->focal) {
      E(vec) u = others / sum, p = own / sum, power = cost * E(vec_pow)(u, gamma);
      E(vec) ratio = E(choose)(E(equal)(u, zero), one, l / u);
      l = power * l;
      share = pull = power * (one + gamma * p * ratio);
    } else {
      l = share * l;
      if (t->smooth > 0) {
        l = l + each * (E(load)(v->smooth + r) + all * log_sum);
        share = share + each * all;
      }
    }
    E(store)(v->loss + r, l);
    E(store)(v->share + r, share);
    E(store)(v->pull + r, pull);
  }
}

/* Class, cost and factor of up to LINE rows. */
static void NAME(begin)(NAME(line) * v, int64_t rows, int64_t from, const int64_t *y,
                        const neap_cross_terms *t) {
  const T *cost = t->cost, *row = t->row;
  for (int64_t r = 0; r < LINE; r++) {
    int64_t class = r < rows ? y[from + r] : -1;
    v->y[r] = (T) class;
    v->cost[r] = cost && class >= 0 ? cost[class] : 1;
    v->factor[r] = row && class >= 0 ? row[from + r] : 1;
  }
}

/* Few classes: LINE rows at once, turned so that a class is a line; loops over a line are inside,
 * so that they become vector code in every table. Rows that are not there count as zeros. */
static void NAME(turn)(int64_t rows, int64_t k, T z[FEW][LINE], const T *x) {
  for (int64_t j = 0; j < k; j++)
    for (int64_t r = 0; r < LINE; r++) z[j][r] = r < rows ? x[r * k + j] : 0;
}

static void NAME(tops)(int64_t k, T z[FEW][LINE], T *top) {
  for (int r = 0; r < LINE; r++) top[r] = -(T)INFINITY;
  for (int64_t j = 0; j < k; j++)
    for (int r = 0; r < LINE; r++) top[r] = z[j][r] > top[r] ? z[j][r] : top[r];
  for (int r = 0; r < LINE; r++) top[r] = top[r] - top[r] == 0 ? top[r] : 0;
}

/* Logits into e, and what judge needs. */
static void NAME(few_exp)(int64_t k, T z[FEW][LINE], NAME(line) * v, const neap_cross_terms *t) {
  const T *cost = t->cost;
  E(vec) zero = NAME(number)(0);
  NAME(tops)(k, z, v->top);
  memset(v->own, 0, sizeof v->own);
  memset(v->others, 0, sizeof v->others);
  memset(v->logit, 0, sizeof v->logit);
  memset(v->smooth, 0, sizeof v->smooth);
  for (int64_t j = 0; j < k; j++) {
    E(vec) at = NAME(number)((double)j), q = E(all_of)(cost ? cost[j] : 1);
    bool smooth = t->smooth > 0 && !(cost && cost[j] == 0);
    for (int r = 0; smooth && r < LINE; r += WIDTH_OF) {
      E(vec) below = E(load)(v->top + r) - E(load)(z[j] + r);
      E(store)(v->smooth + r, E(load)(v->smooth + r) + q * below);
    }
    for (int r = 0; r < LINE; r += WIDTH_OF) {
      E(vec) c = E(load)(z[j] + r), e = E(vec_exp)(c - E(load)(v->top + r));
      E(vec) y = E(load)(v->y + r), more = E(choose)(E(equal)(y, at), zero, e);
      E(store)(v->logit + r, E(choose)(E(equal)(y, at), c, E(load)(v->logit + r)));
      E(store)(v->own + r, E(choose)(E(equal)(y, at), e, E(load)(v->own + r)));
      E(store)(v->others + r, E(load)(v->others + r) + more);
      E(store)(z[j] + r, e);
    }
  }
}

/* share p - pull for class y is written so that it keeps its digits where p is near 1. */
static void NAME(few_slopes)(int64_t k, T z[FEW][LINE], const NAME(line) * v,
                             const neap_cross_terms *t) {
  const T *cost = t->cost;
  for (int64_t j = 0; j < k; j++) {
    E(vec) at = NAME(number)((double)j), scale = NAME(number)(t->scale);
    E(vec) less = NAME(number)(t->smooth / (double)k) * E(all_of)(cost ? cost[j] : 1);
    for (int r = 0; r < LINE; r += WIDTH_OF) {
      E(vec) sum = E(load)(v->sum + r), share = E(load)(v->share + r), pull = E(load)(v->pull + r);
      E(vec) p = E(load)(z[j] + r) / sum, u = E(load)(v->others + r) / sum;
      E(vec) at_y = (share - pull) * p - pull * u;
      E(vec) w = E(choose)(E(equal)(E(load)(v->y + r), at), at_y, share * p) - less;
      E(store)(z[j] + r, scale * E(load)(v->factor + r) * w);
    }
  }
}

static void NAME(few)(int64_t rows, int64_t k, T *d, const T *x, NAME(line) * v, double costs,
                      const neap_cross_terms *t) {
  _Alignas(64) T z[FEW][LINE];
  NAME(turn)(rows, k, z, x);
  NAME(few_exp)(k, z, v, t);
  NAME(judge)(v, k, costs, t);
  if (!d) return;
  NAME(few_slopes)(k, z, v, t);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t j = 0; j < k; j++) d[r * k + j] = v->y[r] < 0 ? 0 : z[j][r];
}

/* The sum of lanes, as a tree. */
static inline T NAME(tree)(const T *s) {
  T a[LINE / 2], b[LINE / 4];
  for (int j = 0; j < LINE / 2; j++) a[j] = s[j] + s[j + LINE / 2];
  for (int j = 0; j < LINE / 4; j++) b[j] = a[j] + a[j + LINE / 4];
  return (b[0] + b[2]) + (b[1] + b[3]);
}

/* z = exp (x - top) for up to WIDE elements. */
static ALWAYS_INLINE void NAME(exp_some)(int64_t n, T *z, const T *x, T top) {
  int64_t i = 0;
  for (; i + WIDTH_OF <= n; i += WIDTH_OF)
    E(store)(z + i, E(vec_exp)(E(load)(x + i) - E(all_of)(top)));
  if (i < n) E(store_some)(z + i, E(vec_exp)(E(load_some)(x + i, n - i) - E(all_of)(top)), n - i);
}

/* The sum of e over all but class y, whose e is *own; e = exp (x - top) goes into d where there is
 * one. LINE lanes run side by side. */
static T NAME(sum_exp)(int64_t k, T *d, const T *x, T top, int64_t y, T *own) {
  _Alignas(64) T lanes[LINE] = {0}, piece[WIDE];
  for (int64_t from = 0; from < k; from += WIDE) {
    int64_t count = k - from < WIDE ? k - from : WIDE;
    bool here = y >= from && y < from + count;
    T *e = d && count == WIDE ? d + from : piece;
    if (count == WIDE) NAME(exp_some)(WIDE, e, x + from, top);
    else {
      memset(piece, 0, sizeof piece);
      NAME(exp_some)(count, piece, x + from, top);
      if (d) memcpy(d + from, piece, (size_t)count * sizeof *d);
    }
    if (here) {
      *own = e[y - from];
      e[y - from] = 0;
    }
    for (int j = 0; j < LINE; j++)
      lanes[j] += (e[j] + e[j + LINE]) + (e[j + 2 * LINE] + e[j + 3 * LINE]);
    if (here) e[y - from] = *own;
  }
  return NAME(tree)(lanes);
}

/* Many classes: row r of a line by itself. */
static void NAME(scan)(int64_t k, T *d, const T *x, int r, NAME(line) * v,
                       const neap_cross_terms *t) {
  const T *cost = t->cost;
  T top = NAME(top)(k, x);
  int64_t y = v->y[r] < 0 ? 0 : (int64_t)v->y[r];
  double smooth = 0;
  if (top - top != 0) top = 0;
  if (t->smooth > 0)
    for (int64_t j = 0; j < k; j++)
      if (!cost || cost[j] != 0) smooth += (double)(cost ? cost[j] : 1) * (double)(top - x[j]);
  v->others[r] = NAME(sum_exp)(k, d, x, top, y, &v->own[r]);
  v->top[r] = top;
  v->logit[r] = x[y];
  v->smooth[r] = (T)smooth;
}

/* From e to the gradient, in place. */
static void NAME(finish)(int64_t k, T *d, int r, const NAME(line) * v, const neap_cross_terms *t) {
  T sum = v->sum[r], share = v->share[r], pull = v->pull[r], scale = (T)t->scale * v->factor[r];
  T each = (T)(t->smooth / (double)k);
  const T *cost = t->cost;
  if (v->y[r] < 0) {
    memset(d, 0, (size_t)k * sizeof *d);
    return;
  }
  int64_t y = (int64_t)v->y[r];
  T p = d[y] / sum, at_y = (share - pull) * p - pull * (v->others[r] / sum);
  if (cost)
    for (int64_t j = 0; j < k; j++) d[j] = scale * (share * (d[j] / sum) - each * cost[j]);
  else
    for (int64_t j = 0; j < k; j++) d[j] = scale * (share * (d[j] / sum) - each);
  d[y] = scale * (at_y - each * (cost ? cost[y] : 1));
}

static void NAME(many)(int64_t rows, int64_t k, T *d, const T *x, NAME(line) * v, double costs,
                       const neap_cross_terms *t) {
  for (int64_t r = 0; r < LINE; r++) {
    if (r < rows) NAME(scan)(k, d ? d + r * k : NULL, x + r * k, (int)r, v, t);
    else v->top[r] = v->own[r] = v->others[r] = v->logit[r] = v->smooth[r] = 0;
  }
  NAME(judge)(v, k, costs, t);
  for (int64_t r = 0; d && r < rows; r++) NAME(finish)(k, d + r * k, (int)r, v, t);
}

static void NAME(cross)(int64_t n, int64_t k, void *l, void *d, const void *x, const int64_t *y,
                        const neap_cross_terms *t) {
  T *loss = l, *slope = d;
  const T *logits = x, *cost = t->cost;
  double costs = cost ? 0 : (double)k;
  for (int64_t j = 0; cost && j < k; j++) costs += (double)cost[j];
  for (int64_t i = 0; i < n; i += LINE) {
    NAME(line) v;
    int64_t rows = n - i < LINE ? n - i : LINE;
    NAME(begin)(&v, rows, i, y, t);
    (k <= FEW ? NAME(few) : NAME(many))(rows, k, d ? slope + i * k : NULL, logits + i * k, &v,
                                        costs, t);
    for (int64_t r = 0; r < rows; r++) loss[i + r] = v.y[r] < 0 ? 0 : v.factor[r] * v.loss[r];
  }
}
