/* Samples of positions, with and without replacement, even and by weight. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/deviate.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/draw.h"
#include "tensor/walk.h"

/* even, without replacement -------------------------------------------------------------------- */

struct moved {
  int64_t at, value; /* at = -1: free */
};

/* The numbers 0, 1, ... n - 1 while they change places: all of them, or only those that have moved,
 * in a table of open addressing. Both give the same sample. */
typedef struct {
  int64_t *whole;
  struct moved *table;
  uint64_t mask;
} places;

static neap_status places_init(places *p, int64_t n, int64_t k) {
  if (n / 16 <= k) {
    p->whole = neap_alloc_array(n, sizeof *p->whole);
    if (!p->whole) return NEAP_ENOMEM;
    for (int64_t i = 0; i < n; i++) {
      if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
      p->whole[i] = i;
    }
    return NEAP_OK;
  }
  uint64_t size = 16;
  while (size < 2 * (uint64_t)k) size *= 2;
  p->table = neap_alloc_array(size, sizeof *p->table);
  if (!p->table) return NEAP_ENOMEM;
  for (uint64_t i = 0; i < size; i++) {
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    p->table[i].at = -1;
  }
  p->mask = size - 1;
  return NEAP_OK;
}

static struct moved *find(const places *p, int64_t at) {
  uint64_t k = (uint64_t)at * 0x9E3779B97F4A7C15u;
  for (k ^= k >> 32;; k++) {
    struct moved *m = &p->table[k & p->mask];
    if (m->at == at || m->at < 0) return m;
  }
}

/* The number at j; that of i, where nobody looks again, takes its place. */
static int64_t take_out(const places *p, int64_t i, int64_t j) {
  if (p->whole) {
    int64_t number = p->whole[j];
    p->whole[j] = p->whole[i];
    return number;
  }
  struct moved *of_i = find(p, i), *of_j = find(p, j);
  int64_t at_i = of_i->at < 0 ? i : of_i->value, at_j = of_j->at < 0 ? j : of_j->value;
  *of_j = (struct moved){j, at_i};
  return at_j;
}

/* The first k steps of Fisher and Yates: step i takes one of the n - i that are left. */
static neap_status take_steps(const places *p, int64_t n, int64_t k, int64_t first, int64_t *z,
                              const neap_rng *r) {
  neap__draws d = {.rng = *r};
  neap__blocks b;
  NEAP_TRY(neap_kern_select(&d.kern));
  for (int64_t i = 0; i < k; i++) {
    int64_t at = i % NEAP__PIECE;
    if (i % NEAP__DRAWS == 0) NEAP_TRY(neap_interrupt_check());
    if (at == 0) neap__draw_blocks(&d, 0, i, k - i < NEAP__PIECE ? k - i : NEAP__PIECE, &b);
    uint64_t step = neap__below(r, r->next + (uint64_t)i, b.low[at], (uint64_t)(n - i));
    z[i] = first + take_out(p, i, i + (int64_t)step);
  }
  return NEAP_OK;
}

neap_status neap_tensor_sample(neap_tensor *out, int64_t n, int64_t k, int64_t first, neap_rng *r) {
  places p = {0};
  memset(out, 0, sizeof *out);
  if (n < 0 || k < 0 || k > n)
    return neap_fail(NEAP_EARG, "choice: %lld of %lld without replacement", (long long)k,
                     (long long)n);
  neap_status st = places_init(&p, n, k);
  if (!st) st = neap_tensor_init_1d(out, NEAP_I64, k);
  if (!st) st = take_steps(&p, n, k, first, neap_tensor_data(out), r);
  neap_free(p.whole);
  neap_free(p.table);
  if (st) neap_tensor_drop(out);
  else r->next += (uint64_t)k;
  return st;
}

/* by weight ------------------------------------------------------------------------------------ */

/* Position in w of the first number above u * the last of sum, the running sums. Where to begin is
 * kept for n equal parts of [0, 1): a step or two on average, whatever the weights. Source: Chen
 * and Asau, "On generating random variates from an empirical distribution", 1974. */
typedef struct {
  neap__draws draws;
  const double *sum;
  const int64_t *begin;
  int64_t n, *z, first;
} weighing;

static int64_t weighed(const weighing *f, double u) {
  double goal = u * f->sum[f->n - 1];
  int64_t at = f->begin[(int64_t)(u * (double)f->n)];
  while (at > 0 && f->sum[at - 1] > goal) at--; /* u n was rounded up */
  while (f->sum[at] <= goal) at++;
  return at;
}

static neap_status weigh(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const weighing *f = ctx;
  neap__blocks b;
  for (int64_t at = begin; at < end; at += NEAP__PIECE) {
    int64_t n = end - at < NEAP__PIECE ? end - at : NEAP__PIECE;
    neap__draw_blocks(&f->draws, 0, at, n, &b);
    for (int64_t i = 0; i < n; i++) f->z[at + i] = f->first + weighed(f, unit_of(b.low[i]));
  }
  return NEAP_OK;
}

/* All of w times scale. */
static neap_status running_sums(int64_t n, const double *w, double scale, double *sum,
                                int64_t *begin) {
  double total = 0;
  for (int64_t i = 0; i < n; i++) {
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    sum[i] = total += w[i] * scale;
  }
  for (int64_t part = 0, at = 0; part < n; part++) {
    if (part % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    while (sum[at] <= total * ((double)part / (double)n)) at++;
    begin[part] = at;
  }
  return NEAP_OK;
}

/* A total near the smallest numbers is scaled, exactly: u < 1 times it must be less than it. */
static neap_status with_replacement(neap_tensor *out, const neap_tensor *w, double total, int64_t k,
                                    int64_t first, neap_rng *r) {
  double scale = total < 0x1p-900 ? 0x1p900 : 1;
  int64_t n = w->size[0];
  double *sum = neap_alloc_array(n, sizeof *sum);
  int64_t *begin = neap_alloc_array(n, sizeof *begin);
  neap_status st = sum && begin ? NEAP_OK : NEAP_ENOMEM;
  weighing f = {.draws = {.rng = *r}, .sum = sum, .begin = begin, .n = n, .first = first};
  if (!st) st = neap_kern_select(&f.draws.kern);
  if (!st) st = neap_tensor_init_1d(out, NEAP_I64, k);
  if (!st) st = running_sums(n, neap_tensor_data(w), scale, sum, begin);
  if (!st) {
    f.z = neap_tensor_data(out);
    st = neap_parallel_for(k, NEAP__DRAWS, weigh, &f);
  }
  neap_free(sum);
  neap_free(begin);
  if (st) neap_tensor_drop(out);
  else r->next += (uint64_t)k;
  return st;
}

/* Every position waits for an exponential time over its weight; the first k to come are a sample of
 * one after the other without replacement. Logarithms of the times do not overflow, and leave those
 * of weight 0 last. Source: Efraimidis and Spirakis, "Weighted random sampling with a reservoir",
 * 2006. */
static neap_status without_replacement(neap_tensor *out, const neap_tensor *w, int64_t k,
                                       int64_t first, neap_rng *r) {
  neap_tensor times = {0}, rates = {0}, order = {0}, head = {0};
  neap_scalar one;
  neap_rng after = *r;
  neap_scalar_f64(&one, NEAP_F64, 1);
  neap_status st =
      neap_tensor_random(&times, NEAP_EXPONENTIAL, NEAP_F64, 1, w->size, &one.t, NULL, &after);
  if (!st) st = neap_tensor_unary_into(&times, NEAP_MAP_log);
  if (!st) st = neap_tensor_unary(&rates, NEAP_MAP_log, w);
  if (!st) st = neap_tensor_binary_into(&times, NEAP_OP_sub, &rates);
  if (!st) st = neap_tensor_sort(NULL, &order, &times, 0, false, first);
  if (!st) st = neap_tensor_slice(&head, &order, 0, 0, k, 1);
  if (!st) st = neap_tensor_clone(out, &head);
  if (!st) *r = after;
  neap_tensor_drop(&times);
  neap_tensor_drop(&rates);
  neap_tensor_drop(&order);
  neap_tensor_drop(&head);
  return st;
}

/* Finite, at least 0, and so many above 0; their sum goes to *sum. */
static neap_status check_weights(const neap_tensor *w, int64_t least, double *sum) {
  const double *v = neap_tensor_data(w);
  int64_t positive = 0;
  double total = 0;
  for (int64_t i = 0; i < w->size[0]; i++) {
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    if (!(v[i] >= 0 && v[i] < INFINITY))
      return neap_fail(NEAP_EVALUE,
                       "choice: weights[%lld] is %.17g, allowed are finite numbers "
                       "from 0 on",
                       (long long)i + 1, v[i]);
    positive += v[i] > 0;
    total += v[i];
  }
  if (positive < least)
    return neap_fail(NEAP_EVALUE, "choice: %lld wanted, and %lld weights are above 0",
                     (long long)least, (long long)positive);
  *sum = total;
  if (!(total < INFINITY))
    return neap_fail(NEAP_EVALUE, "choice: the sum of the weights is %.17g, it must be finite",
                     total);
  return NEAP_OK;
}

neap_status neap_tensor_sample_weighted(neap_tensor *out, const neap_tensor *weights, int64_t k,
                                        bool replace, int64_t first, neap_rng *r) {
  neap_tensor w;
  double total = 0;
  memset(out, 0, sizeof *out);
  if (weights->ndim != 1 || k < 0)
    return neap_fail(NEAP_EARG, "choice: %lld of weights with %d dimensions, one expected",
                     (long long)k, weights->ndim);
  NEAP_TRY(neap_tensor_as(&w, weights, NEAP_F64));
  neap_status st = check_weights(&w, replace ? k > 0 : k, &total);
  if (!st && k == 0) st = neap_tensor_init_1d(out, NEAP_I64, 0);
  else if (!st && replace) st = with_replacement(out, &w, total, k, first, r);
  else if (!st) st = without_replacement(out, &w, k, first, r);
  neap_tensor_drop(&w);
  return st;
}
