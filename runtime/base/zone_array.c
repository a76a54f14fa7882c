#include "base/zone_array.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/civil.h"
#include "base/interrupt.h"
#include "base/pool.h"

enum { GRAIN = 1 << 15 };

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* one offset for a stretch of times ------------------------------------------------------------ */

/* The stretches met so far, each where the upper bits of a time in it lead: 2^52 ns are 52 days. */
enum { SPANS = 128, SPAN_BITS = 52 };
typedef struct {
  neap_zone_span span[SPANS];
} memory;

static void forget(memory *m) {
  for (int k = 0; k < SPANS; k++) m->span[k] = (neap_zone_span){1, 0, 0};
}

static inline int64_t offset_at(const neap_zone *z, memory *m, int64_t utc) {
  neap_zone_span *s = &m->span[((uint64_t)utc >> SPAN_BITS) % SPANS];
  if (utc < s->begin || utc >= s->end) *s = neap_zone_span_at(z, utc);
  return s->offset;
}

static inline bool to_local(const neap_zone *z, memory *m, int64_t utc, int64_t *local) {
  return !__builtin_add_overflow(utc, offset_at(z, m, utc), local) && *local != NEAP_NAT;
}

static neap_status out_of_range(int64_t i, int64_t utc) {
  char text[40];
  neap_time_print(text, utc);
  return neap_fail(NEAP_EVALUE, "element %" PRId64 ": %s leaves the range of times", i + 1, text);
}

/* to the zone's clock -------------------------------------------------------------------------- */

typedef struct {
  const neap_zone *zone;
  const int64_t *utc;
  int64_t *local;
  double *const *out;
} job;

static neap_status local_part(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const job *j = ctx;
  memory m;
  forget(&m);
  for (int64_t i = begin; i < end; i++) {
    int64_t utc = j->utc[i];
    if (utc == NEAP_NAT) j->local[i] = NEAP_NAT;
    else if (!to_local(j->zone, &m, utc, &j->local[i])) return out_of_range(i, utc);
  }
  return NEAP_OK;
}

neap_status neap_zone_to_local(const neap_zone *z, int64_t n, const int64_t *utc, int64_t *local) {
  job j = {.zone = z, .utc = utc, .local = local};
  return neap_parallel_for(n, GRAIN, local_part, &j);
}

/* fields --------------------------------------------------------------------------------------- */

const char *const neap_time_field_names[NEAP_FIELD_COUNT] = {
    [NEAP_FIELD_YEAR] = "year",
    [NEAP_FIELD_QUARTER] = "quarter",
    [NEAP_FIELD_MONTH] = "month",
    [NEAP_FIELD_WEEK] = "week",
    [NEAP_FIELD_DAY] = "day",
    [NEAP_FIELD_DAY_OF_YEAR] = "day_of_year",
    [NEAP_FIELD_WEEKDAY] = "weekday",
    [NEAP_FIELD_HOUR] = "hour",
    [NEAP_FIELD_MINUTE] = "minute",
    [NEAP_FIELD_SECOND] = "second",
    [NEAP_FIELD_NANOSECOND] = "nanosecond",
};

/* The week that holds the Thursday: its number is that of the Thursday's year (ISO 8601). */
static int64_t iso_week(int64_t day, int weekday) {
  int64_t thursday = day + 4 - weekday;
  return (thursday - neap_civil_days(neap_civil_from_days(thursday).year, 1, 1)) / 7 + 1;
}

/* The fields that a whole day shares. */
static void fields_of_day(int64_t day, double f[NEAP_FIELD_COUNT]) {
  neap_civil c = neap_civil_from_days(day);
  f[NEAP_FIELD_YEAR] = (double)c.year;
  f[NEAP_FIELD_QUARTER] = (c.month + 2) / 3;
  f[NEAP_FIELD_MONTH] = c.month;
  f[NEAP_FIELD_WEEK] = (double)iso_week(day, c.weekday);
  f[NEAP_FIELD_DAY] = c.day;
  f[NEAP_FIELD_DAY_OF_YEAR] = (double)(day - neap_civil_days(c.year, 1, 1) + 1);
  f[NEAP_FIELD_WEEKDAY] = c.weekday;
}

static void fields_of_time(int64_t ns, double f[NEAP_FIELD_COUNT]) {
  int64_t second = ns / NEAP_SECOND;
  f[NEAP_FIELD_HOUR] = (double)(second / 3600);
  f[NEAP_FIELD_MINUTE] = (double)(second / 60 % 60);
  f[NEAP_FIELD_SECOND] = (double)(second % 60);
  f[NEAP_FIELD_NANOSECOND] = (double)(ns % NEAP_SECOND);
}

static neap_status fields_part(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const job *j = ctx;
  double f[NEAP_FIELD_COUNT] = {0}, *to[NEAP_FIELD_COUNT];
  int wanted[NEAP_FIELD_COUNT], count = 0;
  for (int k = 0; k < NEAP_FIELD_COUNT; k++) {
    if (!j->out[k]) continue;
    to[count] = j->out[k];
    wanted[count++] = k;
  }
  memory m;
  forget(&m);
  int64_t today = INT64_MIN;
  for (int64_t i = begin; i < end; i++) {
    int64_t utc = j->utc[i], local, day;
    if (utc == NEAP_NAT) {
      for (int k = 0; k < count; k++) to[k][i] = NAN;
      continue;
    }
    if (!to_local(j->zone, &m, utc, &local)) return out_of_range(i, utc);
    day = floor_div(local, NEAP_DAY);
    if (day != today) fields_of_day(today = day, f);
    int64_t into = local % NEAP_DAY; /* the first day begins before the first time */
    fields_of_time(into < 0 ? into + NEAP_DAY : into, f);
    for (int k = 0; k < count; k++) to[k][i] = f[wanted[k]];
  }
  return NEAP_OK;
}

neap_status neap_zone_fields(const neap_zone *z, int64_t n, const int64_t *utc,
                             double *const out[NEAP_FIELD_COUNT]) {
  job j = {.zone = z, .utc = utc, .out = out};
  return neap_parallel_for(n, GRAIN, fields_part, &j);
}

/* from the zone's clock ------------------------------------------------------------------------ */

typedef struct {
  const neap_zone *zone;
  int64_t n;
  const int64_t *local;
  const uint8_t *zoned;
  neap_ambiguous ambiguous;
  neap_nonexistent nonexistent;
  int64_t *utc;
  int64_t low, high, offset; /* low <= local < high: it is unique, with that offset */
} way_back;

/* Inside a stretch of one offset, two days from its ends, nothing is skipped or shown twice. */
static void look_around(way_back *w, int64_t utc) {
  const int64_t margin = 2 * NEAP_DAY;
  neap_zone_span s = neap_zone_span_at(w->zone, utc);
  int64_t begin = s.begin < INT64_MIN + 2 * margin ? INT64_MIN + 2 * margin : s.begin;
  int64_t end = s.end > INT64_MAX - 2 * margin ? INT64_MAX - 2 * margin : s.end;
  w->low = begin + margin + s.offset;
  w->high = end - margin + s.offset;
  w->offset = s.offset;
}

static neap_status refuse(const way_back *w, int64_t i, const char *what) {
  char text[40];
  size_t length = neap_time_print(text, w->local[i]);
  neap_status st = neap_fail(NEAP_EVALUE, "local time %.*s in %s %s", (int)length - 1, text,
                             neap_zone_name(w->zone), what);
  return w->n == 1 ? st : neap_fail_in(st, "element %" PRId64, i + 1);
}

/* What local time i is, and the earlier moment (or the jump). */
static neap_status resolve(const way_back *w, int64_t i, neap_zone_kind *kind, int64_t *utc) {
  neap_status st = neap_zone_resolve(w->zone, w->local[i], NEAP_ZONE_FORWARD, utc, kind);
  return st && w->n > 1 ? neap_fail_in(st, "element %" PRId64, i + 1) : st;
}

static neap_status later(const way_back *w, int64_t i) {
  return neap_zone_resolve(w->zone, w->local[i], NEAP_ZONE_LATER, &w->utc[i], NULL);
}

static bool is_zoned(const way_back *w, int64_t i) { return w->zoned && w->zoned[i]; }

/* The times from i on that were shown twice: the earlier moments are in utc already for i. */
static neap_status infer(way_back *w, int64_t i, int64_t *end) {
  int64_t steps = 0, step = i, k = i + 1;
  for (; k < w->n && w->local[k] != NEAP_NAT && !is_zoned(w, k); k++) {
    neap_zone_kind kind;
    NEAP_TRY(resolve(w, k, &kind, &w->utc[k]));
    if (kind != NEAP_ZONE_OVERLAP) break;
    if (w->local[k] <= w->local[k - 1]) {
      steps++;
      step = k;
    }
  }
  *end = k;
  if (steps != 1)
    return refuse(w, i,
                  steps ? "happened twice, and times step back more than once there"
                        : "happened twice, and no step back tells which it is");
  for (; step < k; step++) NEAP_TRY(later(w, step));
  return NEAP_OK;
}

/* A time near a change of the clock; *next is the element to go on with. */
static neap_status settle(way_back *w, int64_t i, int64_t *next) {
  neap_zone_kind kind;
  *next = i + 1;
  NEAP_TRY(resolve(w, i, &kind, &w->utc[i]));
  if (kind == NEAP_ZONE_UNIQUE) look_around(w, w->utc[i]);
  if (kind == NEAP_ZONE_GAP) {
    if (w->nonexistent == NEAP_NONEXISTENT_RAISE) return refuse(w, i, "was skipped by the clock");
    if (w->nonexistent == NEAP_NONEXISTENT_MISSING) w->utc[i] = NEAP_NAT;
  }
  if (kind != NEAP_ZONE_OVERLAP) return NEAP_OK;
  switch (w->ambiguous) {
  case NEAP_AMBIGUOUS_RAISE: return refuse(w, i, "happened twice");
  case NEAP_AMBIGUOUS_LATEST: return later(w, i);
  case NEAP_AMBIGUOUS_INFER: return infer(w, i, next);
  default: return NEAP_OK;
  }
}

neap_status neap_zone_from_local(const neap_zone *z, int64_t n, const int64_t *local,
                                 const uint8_t *zoned, neap_ambiguous ambiguous,
                                 neap_nonexistent nonexistent, int64_t *utc) {
  way_back w = {.zone = z,
                .n = n,
                .local = local,
                .zoned = zoned,
                .ambiguous = ambiguous,
                .nonexistent = nonexistent,
                .utc = utc,
                .low = 1,
                .high = 0};
  for (int64_t i = 0, next; i < n; i = next) {
    next = i + 1;
    if ((i & 0xffff) == 0) NEAP_TRY(neap_interrupt_check());
    int64_t t = local[i];
    if (t == NEAP_NAT || is_zoned(&w, i)) utc[i] = t;
    else if (t >= w.low && t < w.high) utc[i] = t - w.offset;
    else NEAP_TRY(settle(&w, i, &next));
  }
  return NEAP_OK;
}
