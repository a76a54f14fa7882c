/* Groups of rows, and what stands before a row in its group: windows of rows and of time, lags. */
#include "frame/window.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/interrupt.h"
#include "base/pool.h"

enum { GRAIN = 1 << 16 };

/* groups --------------------------------------------------------------------------------------- */

static neap_status count_codes(int64_t n, const int64_t *codes, int64_t groups, int64_t *count,
                               bool *in_order) {
  int64_t before = 1;
  *in_order = true;
  for (int64_t i = 0; i < n; i++) {
    if (i % GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    int64_t code = codes[i];
    if (code < 0 || code > groups)
      return neap_fail(NEAP_EINDEX, "groups: the code of row %lld is %lld, there are %lld groups",
                       (long long)i + 1, (long long)code, (long long)groups);
    *in_order &= code >= before;
    before = code;
    count[code]++;
  }
  return NEAP_OK;
}

static neap_status place_rows(neap_tensor *rows, int64_t n, const int64_t *codes, int64_t *next,
                              int64_t places) {
  NEAP_TRY(neap_tensor_init_1d(rows, NEAP_I64, places));
  int64_t *at = neap_tensor_data(rows);
  for (int64_t i = 0; i < n; i++) {
    if (i % GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    if (codes[i]) at[next[codes[i]]++] = i;
  }
  return NEAP_OK;
}

neap_status neap_panel_rows(neap_tensor *rows, neap_tensor *offset, int64_t n, const int64_t *codes,
                            int64_t groups) {
  memset(rows, 0, sizeof *rows);
  memset(offset, 0, sizeof *offset);
  int64_t *count = neap_calloc_array(groups + 1, sizeof *count);
  if (!count) return NEAP_ENOMEM;
  bool in_order;
  neap_status st = count_codes(n, codes, groups, count, &in_order);
  if (!st) st = neap_tensor_init_1d(offset, NEAP_I64, groups + 1);
  if (!st) {
    int64_t *first = neap_tensor_data(offset), places = 0;
    for (int64_t k = 0; k <= groups; k++) { /* codes begin at 1: count[k + 1] is group k's */
      first[k] = places;
      if (k < groups) {
        int64_t size = count[k + 1];
        count[k + 1] = places; /* from here on: where its next row goes */
        places += size;
      }
    }
    if (!in_order) st = place_rows(rows, n, codes, count, places);
  }
  neap_free(count);
  if (st) {
    neap_tensor_drop(rows);
    neap_tensor_drop(offset);
  }
  return st;
}

static int64_t row_of(const neap_panel *g, int64_t place) {
  return g->rows ? g->rows[place] : place;
}

/* The group of a place. */
static int64_t group_of(const neap_panel *g, int64_t place) {
  int64_t low = 0, high = g->groups - 1;
  while (low < high) {
    int64_t middle = low + (high - low + 1) / 2;
    if (g->offset[middle] <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

/* times ---------------------------------------------------------------------------------------- */

typedef struct {
  const neap_panel *g;
  const int64_t *time;
  uint64_t length;
  bool left, right;
  int64_t *begin, *end;
} spans;

neap_status neap_check_rising(const int64_t *time, int64_t row, int64_t before) {
  if (time[row] == NEAP_NAT)
    return neap_fail(NEAP_EVALUE, "the time of row %lld is missing", (long long)row + 1);
  if (before >= 0 && time[row] < time[before])
    return neap_fail(NEAP_EVALUE,
                     "the time of row %lld is before that of row %lld; sort the frame first",
                     (long long)row + 1, (long long)before + 1);
  return NEAP_OK;
}

/* Differences of times that rise fit in 64 bits without sign. */
static neap_status span_group(const spans *s, int64_t k) {
  int64_t first = s->g->offset[k], last = s->g->offset[k + 1], low = first, before = first;
  for (int64_t p = first; p < last; p++) {
    if (p % GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    int64_t row = row_of(s->g, p);
    NEAP_TRY(neap_check_rising(s->time, row, p > first ? row_of(s->g, p - 1) : -1));
    uint64_t t = (uint64_t)s->time[row];
    for (; low < p; low++) {
      uint64_t age = t - (uint64_t)s->time[row_of(s->g, low)];
      if (s->left ? age <= s->length : age < s->length) break;
    }
    while (before < p && (uint64_t)s->time[row_of(s->g, before)] < t) before++;
    s->begin[p] = low;
    if (!s->right) s->end[p] = before;
    if (!s->right && low > before) s->begin[p] = before;
  }
  return NEAP_OK;
}

/* The rows of every full window, if all have as many: else 0. */
static int64_t common_width(const spans *s) {
  int64_t width = 0;
  for (int64_t k = 0; k < s->g->groups; k++)
    for (int64_t p = s->g->offset[k]; p < s->g->offset[k + 1]; p++)
      width = p + 1 - s->begin[p] > width ? p + 1 - s->begin[p] : width;
  for (int64_t k = 0; k < s->g->groups; k++) {
    int64_t first = s->g->offset[k];
    for (int64_t p = first; p < s->g->offset[k + 1]; p++)
      if (s->begin[p] != (p + 1 - width > first ? p + 1 - width : first)) return 0;
  }
  return width;
}

neap_status neap_time_windows(neap_tensor *begin, neap_tensor *end, int64_t *width,
                              const neap_panel *g, const int64_t *time, int64_t length, bool left,
                              bool right) {
  memset(begin, 0, sizeof *begin);
  memset(end, 0, sizeof *end);
  *width = 0;
  NEAP_TRY(neap_tensor_init_1d(begin, NEAP_I64, g->places));
  neap_status st = right ? NEAP_OK : neap_tensor_init_1d(end, NEAP_I64, g->places);
  if (!st) {
    spans s = {g, time, (uint64_t)length, left, right, neap_tensor_data(begin), NULL};
    if (!right) s.end = neap_tensor_data(end);
    for (int64_t k = 0; !st && k < g->groups; k++) st = span_group(&s, k);
    if (!st && right) *width = common_width(&s);
  }
  if (st || *width) neap_tensor_drop(begin);
  if (st) neap_tensor_drop(end);
  return st;
}

/* rolling -------------------------------------------------------------------------------------- */

typedef struct {
  const neap_panel *g;
  const double *from;
  double *to;
  bool back;
} move;

static neap_status move_places(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const move *m = ctx;
  const int64_t *rows = m->g->rows;
  if (m->back)
    for (int64_t p = begin; p < end; p++) m->to[rows[p]] = m->from[p];
  else
    for (int64_t p = begin; p < end; p++) m->to[p] = m->from[rows[p]];
  return NEAP_OK;
}

static neap_status fill_nan(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  double *y = ctx;
  for (int64_t i = begin; i < end; i++) y[i] = NAN;
  return NEAP_OK;
}

/* Rows that have no place get NaN. */
static neap_status clear_placeless(double *y, const neap_panel *g) {
  return g->places < g->n ? neap_parallel_for(g->n, GRAIN, fill_nan, y) : NEAP_OK;
}

static neap_status gather(double **out, const neap_panel *g, const double *x) {
  *out = neap_alloc_array(g->places, sizeof **out);
  if (!*out) return NEAP_ENOMEM;
  move m = {g, x, *out, false};
  return neap_parallel_for(g->places, GRAIN, move_places, &m);
}

neap_status neap_panel_roll(double *y, const neap_panel *g, neap_rolling op, const double *x,
                            const double *u, const neap_windows *w, const neap_rolling_options *o) {
  neap_windows all = *w;
  all.series = g->groups;
  all.offset = g->offset;
  if (!g->rows) return neap_windows_roll(y, op, x, u, &all, o);
  double *gx = NULL, *gu = NULL, *gy = neap_alloc_array(g->places, sizeof *gy);
  neap_status st = gy ? gather(&gx, g, x) : NEAP_ENOMEM;
  if (!st && u) st = gather(&gu, g, u);
  if (!st) st = neap_windows_roll(gy, op, gx, gu, &all, o);
  if (!st) st = clear_placeless(y, g);
  move m = {g, gy, y, true};
  if (!st) st = neap_parallel_for(g->places, GRAIN, move_places, &m);
  neap_free(gx);
  neap_free(gu);
  neap_free(gy);
  return st;
}

/* lags ----------------------------------------------------------------------------------------- */

typedef struct {
  const neap_panel *g;
  neap_lag op;
  const double *x;
  double *y;
  int64_t k;
} lag;

static inline __attribute__((always_inline)) void lag_run(neap_lag op, const lag *l, int64_t begin,
                                                          int64_t end) {
  const int64_t *rows = l->g->rows;
  const double *x = l->x;
  for (int64_t p = begin; p < end; p++) {
    int64_t row = rows ? rows[p] : p, other = rows ? rows[p - l->k] : p - l->k;
    double v = x[row], old = x[other];
    l->y[row] = op == NEAP_LAG_SHIFT ? old : op == NEAP_LAG_DIFF ? v - old : v / old - 1;
  }
}

/* Places begin .. end - 1 of a group that has first .. last - 1. */
static void lag_stretch(const lag *l, int64_t first, int64_t last, int64_t begin, int64_t end) {
  int64_t size = last - first, k = l->k > size ? size : l->k < -size ? -size : l->k;
  int64_t from = k > 0 ? first + k : first, to = k > 0 ? last : last + k;
  for (int64_t p = begin; p < end && p < from; p++) l->y[row_of(l->g, p)] = NAN;
  for (int64_t p = begin > to ? begin : to; p < end; p++) l->y[row_of(l->g, p)] = NAN;
  begin = begin > from ? begin : from;
  end = end < to ? end : to;
  switch (l->op) {
  case NEAP_LAG_SHIFT: lag_run(NEAP_LAG_SHIFT, l, begin, end); break;
  case NEAP_LAG_DIFF: lag_run(NEAP_LAG_DIFF, l, begin, end); break;
  default: lag_run(NEAP_LAG_CHANGE, l, begin, end);
  }
}

static neap_status lag_places(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const lag *l = ctx;
  for (int64_t k = group_of(l->g, begin); begin < end; k++) {
    int64_t last = l->g->offset[k + 1], to = last < end ? last : end;
    lag_stretch(l, l->g->offset[k], last, begin, to);
    begin = to;
  }
  return NEAP_OK;
}

neap_status neap_panel_lag(double *y, const neap_panel *g, neap_lag op, const double *x,
                           int64_t k) {
  NEAP_TRY(clear_placeless(y, g));
  lag l = {g, op, x, y, k};
  return neap_parallel_for(g->places, GRAIN, lag_places, &l);
}
