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

/* The rows of windows: the fewest of those that begin after the first row of their group, and the
 * most of all. */
typedef struct {
  int64_t fewest, most;
} widths;

typedef struct {
  const neap_panel *g;
  const int64_t *time;
  uint64_t length;
  bool left, right;
  int64_t *begin, *end;
  widths *found; /* of each chunk */
} spans;

neap_status neap_check_rising(const char *op, const neap_panel *g, const int64_t *time, int64_t row,
                              int64_t before) {
  if (time[row] == NEAP_NAT)
    return neap_fail(NEAP_EVALUE, "%s: the time of row %lld is missing", op, (long long)row + 1);
  if (before >= 0 && time[row] < time[before])
    return neap_fail(NEAP_EVALUE,
                     "%s: the time of row %lld is before that of row %lld; sort the frame first%s",
                     op, (long long)row + 1, (long long)before + 1,
                     g->groups > 1 ? "" : ", or name what tells its series apart in option 'by'");
  return NEAP_OK;
}

/* Whether place q, at or before one of time t, is in its window; differences of times that rise fit
 * in 64 bits without sign. */
static bool in_window(const spans *s, uint64_t t, int64_t q) {
  uint64_t age = t - (uint64_t)s->time[row_of(s->g, q)];
  return s->left ? age <= s->length : age < s->length;
}

/* The first place from low up to high that is in the window of time t, or that has this time. */
static int64_t first_place(const spans *s, uint64_t t, int64_t low, int64_t high, bool same) {
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    bool yes = same ? (uint64_t)s->time[row_of(s->g, middle)] == t : in_window(s, t, middle);
    if (yes) high = middle;
    else low = middle + 1;
  }
  return low;
}

/* Places begin .. end - 1 of the group that starts with first. */
static neap_status span_stretch(const spans *s, int64_t first, int64_t begin, int64_t end,
                                widths *w) {
  uint64_t t = (uint64_t)s->time[row_of(s->g, begin)];
  int64_t low = first_place(s, t, first, begin, false);
  int64_t before = s->right ? 0 : first_place(s, t, first, begin, true);
  for (int64_t p = begin; p < end; p++) {
    int64_t row = row_of(s->g, p);
    NEAP_TRY(neap_check_rising("frame:rolling", s->g, s->time, row,
                               p > first ? row_of(s->g, p - 1) : -1));
    t = (uint64_t)s->time[row];
    while (low < p && !in_window(s, t, low)) low++;
    int64_t width = p + 1 - low;
    w->most = width > w->most ? width : w->most;
    if (low > first && width < w->fewest) w->fewest = width;
    s->begin[p] = low;
    if (s->right) continue;
    while (before < p && (uint64_t)s->time[row_of(s->g, before)] < t) before++;
    s->begin[p] = low < before ? low : before;
    s->end[p] = before;
  }
  return NEAP_OK;
}

static neap_status span_places(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const spans *s = ctx;
  widths w = {INT64_MAX, 0};
  for (int64_t k = group_of(s->g, begin); begin < end; k++) {
    int64_t last = s->g->offset[k + 1], to = last < end ? last : end;
    if (to > begin) NEAP_TRY(span_stretch(s, s->g->offset[k], begin, to, &w));
    begin = to;
  }
  s->found[chunk] = w;
  return NEAP_OK;
}

/* The rows of every window that begins after the first row of its group, if all have as many, and
 * none has more: else 0. */
static int64_t common_width(const widths *found, int64_t chunks) {
  widths all = {INT64_MAX, 0};
  for (int64_t k = 0; k < chunks; k++) {
    all.fewest = found[k].fewest < all.fewest ? found[k].fewest : all.fewest;
    all.most = found[k].most > all.most ? found[k].most : all.most;
  }
  return all.fewest >= all.most ? all.most : 0;
}

neap_status neap_time_windows(neap_tensor *begin, neap_tensor *end, int64_t *width,
                              const neap_panel *g, const int64_t *time, int64_t length, bool left,
                              bool right) {
  memset(begin, 0, sizeof *begin);
  memset(end, 0, sizeof *end);
  *width = 0;
  int64_t chunks = neap_parallel_chunks(g->places, GRAIN);
  widths *found = neap_alloc_array(chunks, sizeof *found);
  neap_status st = found ? neap_tensor_init_1d(begin, NEAP_I64, g->places) : NEAP_ENOMEM;
  if (!st && !right) st = neap_tensor_init_1d(end, NEAP_I64, g->places);
  if (!st) {
    spans s = {g, time, (uint64_t)length, left, right, neap_tensor_data(begin), NULL, found};
    if (!right) s.end = neap_tensor_data(end);
    st = neap_parallel_for(g->places, GRAIN, span_places, &s);
    if (!st && right) *width = common_width(found, chunks);
  }
  neap_free(found);
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
  const int32_t *rows = m->g->rows;
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
  NEAP_TRY(clear_placeless(y, g));
  if (!g->rows) return neap_windows_roll(y, op, x, u, &all, o);
  double *gx = NULL, *gu = NULL, *gy = neap_alloc_array(g->places, sizeof *gy);
  neap_status st = gy ? gather(&gx, g, x) : NEAP_ENOMEM;
  if (!st && u) st = gather(&gu, g, u);
  if (!st) st = neap_windows_roll(gy, op, gx, gu, &all, o);
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
  const int32_t *rows = l->g->rows;
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
