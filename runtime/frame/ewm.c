/* Exponentially weighted moments, as pandas defines them. Of the weights w of the numbers before
 * and the new one's, v, only the share g = v / (w + v) counts:
 *   mean += g d                      d = x - mean
 *   cov = (1 - g) (cov + g d_x d_y)
 * which is Welford's update with weights (West 1979), so an offset of the data costs no digits. */
#include <math.h>

#include "base/interrupt.h"
#include "base/pool.h"
#include "frame/window.h"

#define INLINE static inline __attribute__((always_inline))

enum { POLL = 1 << 14, GRAIN = 1 << 16 };

typedef struct {
  const neap_panel *g;
  neap_ewm op;
  const double *x, *u;
  double *y;
  const neap_ewm_options *o;
} ewm;

/* weight: of the numbers before, in units of the next one's when alpha is 1; sum, squares: of all
 * weights and of their squares. */
typedef struct {
  int64_t count;
  double weight, sum, squares;
  double mean_x, mean_u, xx, uu, xu;
} moments;

INLINE bool is_number(double v) { return v - v == 0; }

/* All weights fall by the factor. */
INLINE void fade(bool second, moments *m, double factor) {
  m->weight *= factor;
  if (second) {
    m->sum *= factor;
    m->squares *= factor * factor;
  }
}

INLINE void add_number(bool second, bool two, moments *m, double x, double u,
                       const neap_ewm_options *o) {
  if (m->count++ == 0) {
    *m = (moments){.count = 1, .weight = 1, .sum = 1, .squares = 1, .mean_x = x, .mean_u = u};
    return;
  }
  double own = o->adjust ? 1 : o->alpha, all = m->weight + own, share = own / all;
  double far_x = x - m->mean_x, far_u = u - m->mean_u;
  if (second) {
    m->xx = (1 - share) * (m->xx + share * far_x * far_x);
    if (two) m->uu = (1 - share) * (m->uu + share * far_u * far_u);
    if (two) m->xu = (1 - share) * (m->xu + share * far_x * far_u);
    m->sum += own;
    m->squares += own * own;
    if (!o->adjust) {
      m->sum /= all;
      m->squares /= all * all;
    }
  }
  m->mean_x += share * far_x;
  if (two) m->mean_u += share * far_u;
  m->weight = o->adjust ? all : 1;
}

INLINE double unbiased(const moments *m, double v, const neap_ewm_options *o) {
  if (o->bias) return v;
  double square = m->sum * m->sum, over = square - m->squares;
  return over > 0 ? square / over * v : NAN;
}

INLINE double result(neap_ewm op, const moments *m, const neap_ewm_options *o) {
  if (m->count == 0 || m->count < o->min_count) return NAN;
  switch (op) {
  case NEAP_EWM_MEAN: return m->mean_x;
  case NEAP_EWM_VAR: return unbiased(m, m->xx, o);
  case NEAP_EWM_STD: return sqrt(unbiased(m, m->xx, o));
  case NEAP_EWM_COV: return unbiased(m, m->xu, o);
  default: return m->xu / (sqrt(m->xx) * sqrt(m->uu));
  }
}

INLINE neap_status run_group(neap_ewm op, const ewm *e, int64_t k) {
  bool two = op == NEAP_EWM_COV || op == NEAP_EWM_CORR, second = op != NEAP_EWM_MEAN;
  const neap_ewm_options o = *e->o;
  const int32_t *rows = e->g->rows;
  double keep = 1 - o.alpha;
  moments m = {0};
  for (int64_t p = e->g->offset[k]; p < e->g->offset[k + 1]; p++) {
    if (p % POLL == 0) NEAP_TRY(neap_interrupt_check());
    int64_t row = rows ? rows[p] : p;
    double x = e->x[row], u = two ? e->u[row] : 0;
    bool number = is_number(x) && (!two || is_number(u));
    if (number || !o.ignore_nan) fade(second, &m, keep);
    if (number) add_number(second, two, &m, x, u, &o);
    e->y[row] = result(op, &m, &o);
  }
  return NEAP_OK;
}

/* The mean with weights that fall with time. */
static neap_status run_timed(const ewm *e, int64_t k) {
  const neap_ewm_options o = *e->o;
  moments m = {0};
  int64_t before = -1;
  for (int64_t p = e->g->offset[k]; p < e->g->offset[k + 1]; p++) {
    if (p % POLL == 0) NEAP_TRY(neap_interrupt_check());
    int64_t row = e->g->rows ? e->g->rows[p] : p;
    NEAP_TRY(neap_check_rising("frame:ewm", e->g, o.time, row, before));
    bool number = is_number(e->x[row]);
    if (before >= 0 && (number || !o.ignore_nan)) {
      double passed = (double)((uint64_t)o.time[row] - (uint64_t)o.time[before]);
      fade(false, &m, exp2(-passed / (double)o.half_life));
    }
    if (number) add_number(false, false, &m, e->x[row], 0, &o);
    e->y[row] = result(NEAP_EWM_MEAN, &m, &o);
    before = row;
  }
  return NEAP_OK;
}

static neap_status run_groups(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const ewm *e = ctx;
  neap_status st = NEAP_OK;
  for (int64_t k = begin; !st && k < end; k++) {
    if (e->o->time) st = run_timed(e, k);
    else if (e->op == NEAP_EWM_MEAN) st = run_group(NEAP_EWM_MEAN, e, k);
    else if (e->op == NEAP_EWM_VAR) st = run_group(NEAP_EWM_VAR, e, k);
    else if (e->op == NEAP_EWM_STD) st = run_group(NEAP_EWM_STD, e, k);
    else if (e->op == NEAP_EWM_COV) st = run_group(NEAP_EWM_COV, e, k);
    else st = run_group(NEAP_EWM_CORR, e, k);
  }
  return st;
}

neap_status neap_panel_ewm(double *y, const neap_panel *g, neap_ewm op, const double *x,
                           const double *u, const neap_ewm_options *o) {
  ewm e = {g, op, x, u, y, o};
  if (g->places < g->n)
    for (int64_t i = 0; i < g->n; i++) y[i] = NAN;
  int64_t each = g->groups ? g->places / g->groups : 1, grain = GRAIN / (each > 0 ? each : 1);
  return neap_parallel_for(g->groups, grain > 0 ? grain : 1, run_groups, &e);
}
