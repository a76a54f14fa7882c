/* Columns of a plan looked at across groups: comparisons at one time, surveys. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "ta/plan.h"

/* comparisons -------------------------------------------------------------------------------- */

typedef struct {
  double value;
  int64_t row;
} entry;

/* Rising, by a merge sort: the number of compared rows is small. */
static void sort_entries(entry *e, entry *scratch, int64_t n) {
  if (n < 2) return;
  if (n <= 16) {
    for (int64_t i = 1; i < n; i++) {
      entry x = e[i];
      int64_t k = i;
      for (; k > 0 && e[k - 1].value > x.value; k--) e[k] = e[k - 1];
      e[k] = x;
    }
    return;
  }
  int64_t half = n / 2;
  sort_entries(e, scratch, half);
  sort_entries(e + half, scratch, n - half);
  memcpy(scratch, e, (size_t)half * sizeof *e);
  for (int64_t a = 0, b = half, to = 0; a < half; to++)
    e[to] = b < n && e[b].value < scratch[a].value ? e[b++] : scratch[a++];
}

static void rank_run(const entry *e, int64_t n, double *out) {
  for (int64_t a = 0, b; a < n; a = b) {
    for (b = a + 1; b < n && e[b].value == e[a].value; b++) continue;
    double rank = (double)(a + 1 + b) / 2 / (double)n; /* ranks a + 1 .. b */
    for (int64_t k = a; k < b; k++) out[e[k].row] = rank;
  }
}

static void centre_run(const entry *e, int64_t n, bool scale, double *out) {
  double sum = 0, square = 0, shift = n ? e[0].value : 0;
  for (int64_t k = 0; k < n; k++) sum += e[k].value - shift;
  double mean = sum / (double)n;
  for (int64_t k = 0; k < n; k++) {
    double d = e[k].value - shift - mean;
    square += d * d;
  }
  double deviation = scale ? sqrt(square / (double)n) : 1;
  bool flat = n > 0 && e[0].value == e[n - 1].value;
  for (int64_t k = 0; k < n; k++)
    out[e[k].row] = flat ? 0 : (e[k].value - shift - mean) / deviation;
}

typedef struct {
  neap_cross kind;
  const double *x;
  const int64_t *start, *order;
  double *out;
} comparison;

/* Groups begin to end - 1. */
static neap_status compare(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const comparison *c = ctx;
  int64_t longest = 0;
  for (int64_t g = begin; g < end; g++)
    if (c->start[g + 1] - c->start[g] > longest) longest = c->start[g + 1] - c->start[g];
  entry *e = neap_alloc_array(2 * longest, sizeof *e);
  if (!e) return NEAP_ENOMEM;
  for (int64_t g = begin; g < end; g++) {
    int64_t m = 0;
    for (int64_t k = c->start[g]; k < c->start[g + 1]; k++) {
      int64_t row = c->order[k];
      if (isfinite(c->x[row])) e[m++] = (entry){c->x[row], row};
      else c->out[row] = NAN;
    }
    sort_entries(e, e + longest, m);
    if (c->kind == NEAP_CROSS_RANK) rank_run(e, m, c->out);
    else centre_run(e, m, c->kind == NEAP_CROSS_ZSCORE, c->out);
  }
  neap_free(e);
  return NEAP_OK;
}

neap_status neap_plan_cross(neap_cross kind, int64_t n, const double *x, int64_t groups,
                            const int64_t *start, const int64_t *order, double *out) {
  const int64_t rows_of_a_chunk = (int64_t)1 << 14;
  comparison c = {kind, x, start, order, out};
  int64_t grain = 1 + rows_of_a_chunk * groups / (n + 1);
  neap_status st = neap_parallel_for(groups, grain, compare, &c);
  bool again = st == NEAP_ENOMEM && neap_alloc_reclaim(); /* no thread of the pool can do that */
  return again ? neap_parallel_for(groups, grain, compare, &c) : st;
}

/* surveys -------------------------------------------------------------------------------------- */

static void look_at(neap_plan_survey *s, double x, int64_t row, double low, double high,
                    bool *begun) {
  if (isnan(x)) {
    if (*begun) s->missing++;
    else s->warm_up++;
    return;
  }
  *begun = true;
  if (x < low || x > high)
    if (s->outside++ == 0 || row < s->first_outside) s->first_outside = row;
  if (isinf(x)) {
    s->infinite++;
    return;
  }
  if (!(s->smallest <= x)) s->smallest = x;
  if (!(s->largest >= x)) s->largest = x;
}

neap_status neap_plan_survey_of(neap_plan_survey *out, int64_t n, const double *x, double low,
                                double high, int64_t groups, const int64_t *start,
                                const int64_t *order) {
  *out = (neap_plan_survey){.first_outside = -1, .smallest = NAN, .largest = NAN};
  for (int64_t g = 0; g < groups; g++) {
    bool begun = false;
    int64_t from = order ? start[g] : 0, to = order ? start[g + 1] : n;
    for (int64_t i = from; i < to; i++) {
      if ((i & 0xfffff) == 0) NEAP_TRY(neap_interrupt_check());
      int64_t row = order ? order[i] : i;
      look_at(out, x[row], row, low, high, &begun);
    }
  }
  return NEAP_OK;
}
