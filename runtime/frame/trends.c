/* Labels of a line's slope, and the filter that finds events. */
#include <math.h>

#include "base/interrupt.h"
#include "base/pool.h"
#include "frame/labels.h"

enum { POLL_EVERY = 1 << 16 };

typedef struct {
  int64_t n, shortest, longest, step;
  const double *x;
  double *t;
  int64_t *end;
} scan;

/* Sums about the means of k = 0 .. count-1 and of y, as points come (Welford). */
typedef struct {
  double count, mean_k, mean_y, kk, ky, yy;
} line;

static void add_point(line *s, double y) {
  double k = s->count++;
  double dk = k - s->mean_k, dy = y - s->mean_y;
  s->mean_k += dk / s->count;
  s->mean_y += dy / s->count;
  s->kk += dk * (k - s->mean_k);
  s->ky += dk * (y - s->mean_y);
  s->yy += dy * (y - s->mean_y);
}

/* slope / (its standard error); what rounding leaves of an exact line counts as nothing. */
static double t_value(const line *s) {
  double slope = s->ky / s->kk, rest = s->yy - slope * s->ky;
  if (s->yy == 0) return 0;
  if (rest <= 1e-13 * s->yy) return slope > 0 ? INFINITY : -INFINITY;
  return slope / sqrt(rest / (s->count - 2.0) / s->kk);
}

static void scan_row(const scan *w, int64_t i) {
  double best = NAN;
  int64_t at = -1, length = w->longest;
  line s = {0};
  if (length > w->n - i) length = 0;
  for (int64_t k = 0; k < length; k++) {
    double y = w->x[i + k] - w->x[i];
    if (isnan(y) || isinf(y)) {
      best = NAN;
      at = -1;
      break;
    }
    add_point(&s, y);
    if (k + 1 < w->shortest || (k + 1 - w->shortest) % w->step) continue;
    double t = t_value(&s);
    if (at >= 0 && !(fabs(t) > fabs(best))) continue;
    best = t;
    at = i + k;
  }
  w->t[i] = best;
  w->end[i] = at;
}

static neap_status scan_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t i = begin; i < end; i++) scan_row(ctx, i);
  return NEAP_OK;
}

neap_status neap_trend_scan(int64_t n, const double *x, int64_t shortest, int64_t longest,
                            int64_t step, double *t, int64_t *end) {
  if (shortest < 3 || longest < shortest || step < 1)
    return neap_fail(NEAP_EARG, "lengths %lld to %lld by %lld; at least 3 bars, and rising",
                     (long long)shortest, (long long)longest, (long long)step);
  scan w = {n, shortest, longest, step, x, t, end};
  int64_t grain = 1 + (1 << 20) / longest; /* about 2 ms of work in a chunk */
  return neap_parallel_for(n, grain, scan_rows, &w);
}

neap_status neap_cusum(int64_t n, const double *x, const double *h, double *out) {
  double up = 0, down = 0;
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_EVERY == 0) NEAP_TRY(neap_interrupt_check());
    double d = i > 0 ? x[i] - x[i - 1] : NAN;
    out[i] = 0;
    if (isnan(d)) continue;
    up = fmax(0, up + d);
    down = fmin(0, down + d);
    if (down < -h[i]) {
      down = 0;
      out[i] = -1;
    } else if (up > h[i]) {
      up = 0;
      out[i] = 1;
    }
  }
  return NEAP_OK;
}
