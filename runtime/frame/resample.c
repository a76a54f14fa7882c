/* Bins are found by galloping: rows are in order, and the next bin mostly has as many rows as the
 * last one, so that its end is found in a few looks. */
#include "frame/resample.h"

#include <string.h>

#include "base/civil.h"
#include "base/interrupt.h"
#include "base/pool.h"

static int64_t floor_to(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static int64_t modulo(int64_t a, int64_t b) { return a % b < 0 ? a % b + b : a % b; }

/* the grid ------------------------------------------------------------------------------------- */

static neap_status out_of_range(int64_t t) {
  char text[40];
  neap_time_print(text, t);
  return neap_fail(NEAP_EVALUE, "resample: the bin of %s leaves the range of times", text);
}

static bool to_local(const neap_grid *g, int64_t t, int64_t *local) {
  int64_t east = g->zone ? neap_zone_offset(g->zone, t) : 0;
  return !__builtin_add_overflow(t, east, local);
}

/* A time of the zone's clock as UTC. */
static bool to_utc(const neap_grid *g, int64_t local, int64_t *t) {
  *t = local;
  return !g->zone || !neap_zone_resolve(g->zone, local, NEAP_ZONE_FORWARD, t, NULL);
}

static int64_t month_of(int64_t local) {
  neap_civil c = neap_civil_split(local);
  return (c.year - 1970) * 12 + c.month - 1;
}

/* The first moment of a month, counted from 1970-01, on the zone's clock. */
static bool month_start(int64_t month, int64_t *local) {
  int64_t year = 1970 + floor_to(month, 12);
  int64_t days = neap_civil_days(year, (int)modulo(month, 12) + 1, 1);
  return !__builtin_mul_overflow(days, NEAP_DAY, local);
}

/* The origin on the zone's clock; for stretches of time, the moment itself. */
static bool origin_of(const neap_grid *g, int64_t first, int64_t last, int64_t *origin) {
  int64_t at = 0, local, day;
  switch (g->origin) {
  case NEAP_ORIGIN_EPOCH:
    local = g->unit == NEAP_GRID_DAYS && g->step % 7 == 0 ? 4 * NEAP_DAY : 0;
    *origin = local;
    return g->unit != NEAP_GRID_TIME || to_utc(g, local, origin);
  case NEAP_ORIGIN_START: at = first; break;
  case NEAP_ORIGIN_END: at = last; break;
  case NEAP_ORIGIN_AT: at = g->at; break;
  case NEAP_ORIGIN_START_DAY:
  case NEAP_ORIGIN_END_DAY:
    if (!to_local(g, g->origin == NEAP_ORIGIN_START_DAY ? first : last, &local)) return false;
    if (__builtin_sub_overflow(local, modulo(local, NEAP_DAY), &day)) return false;
    if (day != local && g->origin == NEAP_ORIGIN_END_DAY &&
        __builtin_add_overflow(day, NEAP_DAY, &day))
      return false;
    *origin = day;
    return g->unit != NEAP_GRID_TIME || to_utc(g, day, origin);
  }
  *origin = at;
  return g->unit == NEAP_GRID_TIME || to_local(g, at, origin);
}

neap_status neap_grid_set(neap_grid *g, int64_t first, int64_t last) {
  if (g->step < 1 || (g->unit == NEAP_GRID_DAYS && g->step > INT64_MAX / NEAP_DAY / 4) ||
      (g->unit == NEAP_GRID_MONTHS && g->step > 12 * 1000))
    return neap_fail(NEAP_EARG, "resample: a cadence of %lld steps is outside the range",
                     (long long)g->step);
  int64_t origin;
  if (!origin_of(g, first, last, &origin)) return out_of_range(first);
  if (g->unit == NEAP_GRID_MONTHS) {
    g->phase = modulo(month_of(origin), g->step);
    return NEAP_OK;
  }
  int64_t step = g->unit == NEAP_GRID_DAYS ? g->step * NEAP_DAY : g->step;
  /* both parts are below the step, which may be more than half the range */
  uint64_t phase = (uint64_t)modulo(origin, step) + (uint64_t)modulo(g->offset, step);
  g->phase = (int64_t)(phase % (uint64_t)step);
  return NEAP_OK;
}

/* phase + k step at or before t, and one step on. */
static bool stretch(int64_t t, int64_t step, int64_t phase, int64_t *begin, int64_t *end) {
  int64_t into = modulo(t, step) - phase;
  if (into < 0) into += step;
  return !__builtin_sub_overflow(t, into, begin) && !__builtin_add_overflow(*begin, step, end);
}

static bool months(const neap_grid *g, int64_t local, int64_t *begin, int64_t *end) {
  if (__builtin_sub_overflow(local, g->offset, &local) || local == NEAP_NAT) return false;
  int64_t month = month_of(local), first;
  first = month - modulo(month - g->phase, g->step);
  return month_start(first, begin) && month_start(first + g->step, end) &&
         !__builtin_add_overflow(*begin, g->offset, begin) &&
         !__builtin_add_overflow(*end, g->offset, end);
}

/* The bin that the zone's clock tells, in UTC. */
static bool on_clock(const neap_grid *g, int64_t local, int64_t *begin, int64_t *end) {
  int64_t b, e;
  bool fits = g->unit == NEAP_GRID_DAYS ? stretch(local, g->step * NEAP_DAY, g->phase, &b, &e)
                                        : months(g, local, &b, &e);
  return fits && to_utc(g, b, begin) && to_utc(g, e, end);
}

/* Where the clock goes back over the bound of a bin, a time after the bound shows a time before it,
 * and it is the moments that count. */
static bool calendar_bin(const neap_grid *g, int64_t t, int64_t *begin, int64_t *end) {
  int64_t ask = t, local;
  for (int tries = 0; tries < 8; tries++) {
    if (!to_local(g, ask, &local) || !on_clock(g, local, begin, end)) return false;
    if (t >= *begin && t < *end) return true;
    ask = t < *begin ? *begin - 1 : *end;
  }
  return false;
}

neap_status neap_grid_bin(const neap_grid *g, int64_t t, int64_t *begin, int64_t *end) {
  int64_t inside = t - g->closed_right; /* (b, e] holds t when [b, e) holds t - 1 */
  bool fits = inside > INT64_MIN && t != NEAP_NAT;
  if (g->unit == NEAP_GRID_TIME) fits = fits && stretch(inside, g->step, g->phase, begin, end);
  else fits = fits && calendar_bin(g, inside, begin, end);
  return fits && *begin > INT64_MIN ? NEAP_OK : out_of_range(t);
}

/* groups --------------------------------------------------------------------------------------- */

neap_status neap_rows_by_group(int64_t n, const int32_t *id, int64_t groups, int64_t *order,
                               int64_t *start) {
  memset(start, 0, (size_t)(groups + 1) * sizeof *start);
  for (int64_t i = 0; i < n; i++) {
    if ((i & 0xfffff) == 0) NEAP_TRY(neap_interrupt_check());
    if (id[i] > groups)
      return neap_fail(NEAP_EARG, "resample: row %lld is of group %d, there are %lld groups",
                       (long long)i + 1, (int)id[i], (long long)groups);
    if (id[i] > 0) start[id[i]]++;
  }
  for (int64_t k = 0; k < groups; k++) start[k + 1] += start[k];
  for (int64_t i = 0; i < n; i++) {
    if ((i & 0xfffff) == 0) NEAP_TRY(neap_interrupt_check());
    if (id[i] > 0) order[start[id[i] - 1]++] = i;
  }
  for (int64_t k = groups; k > 0; k--) start[k] = start[k - 1];
  start[0] = 0;
  return NEAP_OK;
}

/* checking times ------------------------------------------------------------------------------- */

static int64_t row_at(const neap_timeline *r, int64_t place) {
  return r->order ? r->order[place] : place;
}

static int64_t time_at(const neap_timeline *r, int64_t place) { return r->time[row_at(r, place)]; }

static neap_status refuse_row(const neap_timeline *r, int64_t place) {
  long long row = (long long)row_at(r, place) + 1;
  char here[40], before[40];
  if (time_at(r, place) == NEAP_NAT)
    return neap_fail(NEAP_EVALUE, "resample: row %lld has no time", row);
  neap_time_print(here, time_at(r, place));
  neap_time_print(before, time_at(r, place - 1));
  return neap_fail(NEAP_EVALUE, "resample: row %lld is %s the row before%s: %s after %s%s", row,
                   r->rising ? "not later than" : "earlier than", r->order ? " of its group" : "",
                   here, before,
                   r->rising || r->order ? ""
                                         : "; sort the rows, or name what tells "
                                           "their series apart in option 'by'");
}

static inline bool is_early(int64_t t, int64_t before, bool rising) {
  return rising ? t <= before : t < before;
}

typedef struct {
  const neap_timeline *rows;
  int64_t base; /* place of the group's first row */
} checking;

/* Places begin to end of a group: each later than its predecessor. NaT is earlier than anything. */
static neap_status check_times(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const checking *c = ctx;
  const neap_timeline *r = c->rows;
  const bool rising = r->rising;
  int wrong = 0;
  begin += c->base;
  end += c->base;
  int64_t from = begin == c->base ? begin + 1 : begin;
  const int64_t *t = r->time, *at = r->order;
  if (begin == c->base) wrong = t[row_at(r, begin)] == NEAP_NAT;
  if (at)
    for (int64_t i = from; i < end; i++) wrong |= is_early(t[at[i]], t[at[i - 1]], rising);
  else if (rising)
    for (int64_t i = from; i < end; i++) wrong |= t[i] <= t[i - 1];
  else
    for (int64_t i = from; i < end; i++) wrong |= t[i] < t[i - 1];
  if (!wrong) return NEAP_OK;
  if (begin == c->base && time_at(r, begin) == NEAP_NAT) return refuse_row(r, begin);
  for (int64_t i = from; i < end; i++)
    if (is_early(time_at(r, i), time_at(r, i - 1), rising)) return refuse_row(r, i);
  return NEAP_OK;
}

/* finding bins --------------------------------------------------------------------------------- */

typedef struct {
  const neap_grid *grid;
  const neap_timeline *rows;
  bool empty;
  int64_t most, count;
  int64_t *begin, *end, *first; /* NULL while counting */
  int32_t *group;
} finding;

static void put(finding *f, int64_t begin, int64_t end, int64_t group, int64_t first) {
  if (f->begin) {
    f->begin[f->count] = begin;
    f->end[f->count] = end;
    f->group[f->count] = (int32_t)(group + 1);
    f->first[f->count] = first;
  }
  f->count++;
}

/* The bins from one up to another, both left out. */
static neap_status put_empty(finding *f, int64_t from, int64_t to, int64_t group, int64_t first) {
  neap_grid left = *f->grid;
  left.closed_right = false;
  if (left.unit == NEAP_GRID_TIME && !f->begin) { /* count them without making them */
    uint64_t more = ((uint64_t)to - (uint64_t)from) / (uint64_t)left.step;
    if (more > INT64_MAX || __builtin_add_overflow(f->count, (int64_t)more, &f->count))
      f->count = INT64_MAX / 2;
    return NEAP_OK;
  }
  while (from < to) {
    int64_t begin, end;
    NEAP_TRY(neap_grid_bin(&left, from, &begin, &end));
    put(f, from, end, group, first);
    from = end;
    if (f->count % 4096 == 0) NEAP_TRY(neap_interrupt_check());
  }
  return NEAP_OK;
}

/* The first place in [low, stop) whose time is past the bin, given that place low - 1 is not; guess
 * is how far on it may be. */
static int64_t past_bin(const neap_timeline *r, int64_t low, int64_t stop, int64_t last_inside,
                        int64_t guess) {
  int64_t high = low + (guess > 0 ? guess : 1);
  if (high - 1 < stop && high > low && time_at(r, high - 1) <= last_inside) low = high;
  int64_t reach = 1;
  while (low + reach <= stop && time_at(r, low + reach - 1) <= last_inside) {
    low += reach;
    reach *= 2;
  }
  high = low + reach - 1 < stop ? low + reach - 1 : stop; /* at high it is past, or the end */
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (time_at(r, middle) <= last_inside) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* The bin of the next row: mostly the one beside the last. */
static neap_status next_bin(const neap_grid *g, int64_t t, int64_t *begin, int64_t *end) {
  int64_t beside;
  if (g->unit == NEAP_GRID_TIME && *end > *begin &&
      !__builtin_add_overflow(*end, g->step, &beside) && t - g->closed_right < beside) {
    *begin = *end;
    *end = beside;
    return NEAP_OK;
  }
  return neap_grid_bin(g, t, begin, end);
}

static neap_status find_in_group(finding *f, int64_t group) {
  const neap_timeline *r = f->rows;
  int64_t place = r->start[group], stop = r->start[group + 1], rows = 0, begin = 0, end = 0;
  for (bool any = false; place < stop; any = true) {
    int64_t before = end;
    NEAP_TRY(next_bin(f->grid, time_at(r, place), &begin, &end));
    if (any && f->empty) NEAP_TRY(put_empty(f, before, begin, group, place));
    put(f, begin, end, group, place);
    int64_t next = past_bin(r, place + 1, stop, end - !f->grid->closed_right, rows - 1);
    rows = next - place;
    place = next;
    if (f->count % 4096 == 0) NEAP_TRY(neap_interrupt_check());
  }
  return NEAP_OK;
}

static neap_status find_all(finding *f) {
  f->count = 0;
  for (int64_t g = 0; g < f->rows->groups; g++) NEAP_TRY(find_in_group(f, g));
  if (!f->empty || f->count <= f->most) return NEAP_OK;
  return neap_fail(NEAP_EVALUE,
                   "resample: empty = true would make %lld bins of %lld rows, allowed are %lld",
                   (long long)f->count, (long long)f->rows->n, (long long)f->most);
}

static neap_status check_rows(const neap_timeline *r) {
  enum { GRAIN = 1 << 18 };
  for (int64_t g = 0; g < r->groups; g++) {
    checking c = {.rows = r, .base = r->start[g]};
    NEAP_TRY(neap_parallel_for(r->start[g + 1] - r->start[g], GRAIN, check_times, &c));
  }
  return NEAP_OK;
}

/* The earliest and the latest time of checked rows; false without rows. */
static bool span_of(const neap_timeline *r, int64_t *first, int64_t *last) {
  *first = INT64_MAX;
  *last = INT64_MIN;
  for (int64_t g = 0; g < r->groups; g++) {
    if (r->start[g] == r->start[g + 1]) continue;
    int64_t a = time_at(r, r->start[g]), b = time_at(r, r->start[g + 1] - 1);
    if (a < *first) *first = a;
    if (b > *last) *last = b;
  }
  return *first <= *last;
}

void neap_bins_drop(neap_bins *b) {
  neap_tensor_drop(&b->begin);
  neap_tensor_drop(&b->end);
  neap_tensor_drop(&b->group);
  neap_tensor_drop(&b->first);
}

neap_status neap_bins_find(neap_bins *out, const neap_grid *g, const neap_timeline *rows,
                           bool empty, int64_t most) {
  memset(out, 0, sizeof *out);
  neap_grid grid = *g;
  int64_t first, last;
  NEAP_TRY(check_rows(rows));
  bool any = span_of(rows, &first, &last);
  NEAP_TRY(neap_grid_set(&grid, any ? first : 0, any ? last : 0));
  finding f = {.grid = &grid, .rows = rows, .empty = empty, .most = most};
  NEAP_TRY(find_all(&f));
  neap_status st = neap_tensor_init_1d(&out->begin, NEAP_I64, f.count);
  if (!st) st = neap_tensor_init_1d(&out->end, NEAP_I64, f.count);
  if (!st) st = neap_tensor_init_1d(&out->group, NEAP_I32, f.count);
  if (!st) st = neap_tensor_init_1d(&out->first, NEAP_I64, f.count + 1);
  if (!st) {
    f.begin = neap_tensor_data(&out->begin);
    f.end = neap_tensor_data(&out->end);
    f.group = neap_tensor_data(&out->group);
    f.first = neap_tensor_data(&out->first);
    st = find_all(&f);
  }
  if (st) neap_bins_drop(out);
  else f.first[f.count] = rows->start[rows->groups];
  return st;
}
