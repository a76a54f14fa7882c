/* A plan over whole series: longer bars first, then each source on some thread. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "ta/plan_parts.h"

/* The longer bars of one time frame: those of group g are start[g] .. start[g + 1] - 1; known[i]
 * counts those of its group that are complete at position i. */
typedef struct {
  int64_t *start, *known;
  double *column[NEAP_PLAN_INPUTS];
} ladder;

/* What the threads share. Positions count rows group by group; without an order they are rows. */
typedef struct {
  const neap_plan *plan;
  const neap_plan_bars *bars;
  double *const *out;
  ladder *ladders;
  const double *column[NEAP_PLAN_INPUTS]; /* by position, as time */
  const int64_t *time;
  void *copied[NEAP_PLAN_INPUTS + 1]; /* what column and time point to, where gathered */
  int64_t parts;                      /* into which the groups are cut for each source */
} job;

static int64_t first_of(const neap_plan_bars *b, int64_t group) {
  return b->order ? b->start[group] : group ? b->n : 0;
}

/* gathering by group --------------------------------------------------------------------------- */

/* Column number k, or time after them, in the order of positions: all have eight bytes an element.
 */
static neap_status gather(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  job *j = ctx;
  const neap_plan_bars *b = j->bars;
  for (int64_t k = begin; k < end; k++) {
    const void *from = k < NEAP_PLAN_INPUTS ? (const void *)b->column[k] : b->time;
    if (!from) continue;
    const int64_t *source = from;
    int64_t *to = neap_alloc_array(b->n, sizeof *to);
    if (!to) return NEAP_ENOMEM;
    j->copied[k] = to;
    for (int64_t i = 0; i < b->n; i++) memcpy(&to[i], &source[b->order[i]], sizeof *to);
  }
  return NEAP_OK;
}

static neap_status gather_all(job *j) {
  const neap_plan_bars *b = j->bars;
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++) j->column[k] = b->column[k];
  j->time = b->time;
  if (!b->order) return NEAP_OK;
  NEAP_TRY(neap_parallel_for(NEAP_PLAN_INPUTS + 1, 1, gather, j));
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++) j->column[k] = j->copied[k];
  j->time = j->copied[NEAP_PLAN_INPUTS];
  return NEAP_OK;
}

/* longer bars ---------------------------------------------------------------------------------- */

static void bar_at(const job *j, int64_t i, double *bar) {
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++) bar[k] = j->column[k] ? j->column[k][i] : NAN;
}

/* One group through the making of longer bars; those complete go to column from at on, unless it is
 * NULL. Returns the place after the last through *at. */
static neap_status climb(const job *j, int frame, int64_t group, int64_t *at, double *const *column,
                         int64_t *known) {
  const neap_plan_bars *b = j->bars;
  neap_plan_higher h;
  neap__plan_higher_init(&h, j->plan->step[frame], b->cadence);
  int64_t first = *at;
  for (int64_t i = first_of(b, group); i < first_of(b, group + 1); i++) {
    double bar[NEAP_PLAN_INPUTS], done[2][NEAP_PLAN_INPUTS];
    if ((i & 0xffff) == 0) NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(neap__plan_higher_check(&h, j->time[i], (b->order ? b->order[i] : i) + 1));
    bar_at(j, i, bar);
    int count = neap__plan_higher_take(&h, j->time[i], bar, done);
    for (int d = 0; column && d < count; d++)
      for (int k = 0; k < NEAP_PLAN_INPUTS; k++) column[k][*at + d] = done[d][k];
    *at += count;
    known[i] = *at - first;
  }
  return NEAP_OK;
}

/* Once to count, once to keep. */
static neap_status build_ladder(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  (void)end;
  const job *j = ctx;
  ladder *l = &j->ladders[begin];
  int frame = (int)begin;
  l->start = neap_alloc_array(j->bars->groups + 1, sizeof *l->start);
  l->known = neap_alloc_array(j->bars->n, sizeof *l->known);
  if (!l->start || !l->known) return NEAP_ENOMEM;
  int64_t total = 0;
  for (int64_t g = 0; g < j->bars->groups; g++) {
    l->start[g] = total;
    NEAP_TRY(climb(j, frame, g, &total, NULL, l->known));
  }
  l->start[j->bars->groups] = total;
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++) {
    l->column[k] = neap_alloc_array(total, sizeof(double));
    if (!l->column[k]) return NEAP_ENOMEM;
  }
  for (int64_t g = 0; g < j->bars->groups; g++) {
    int64_t at = l->start[g];
    NEAP_TRY(climb(j, frame, g, &at, l->column, l->known));
  }
  return NEAP_OK;
}

/* sources -------------------------------------------------------------------------------------- */

static void put(const job *j, int c, int64_t at, int64_t n, const double *values) {
  double *out = j->out[c];
  if (!j->bars->order) {
    memcpy(out + at, values, (size_t)n * sizeof *out);
    return;
  }
  const int64_t *row = j->bars->order + at;
  for (int64_t i = 0; i < n; i++) out[row[i]] = values[i];
}

static void shifted(double *const *column, int64_t at, const double **to) {
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++) to[k] = column[k] ? column[k] + at : NULL;
}

/* Positions a to b - 1 of a group, on the bars themselves. */
static neap_status run_base(const job *j, neap_plan_worker *w, int source, int64_t a, int64_t b) {
  const neap_plan *p = j->plan;
  double values[NEAP_PLAN_BLOCK];
  for (int64_t at = a; at < b; at += NEAP_PLAN_BLOCK) {
    NEAP_TRY(neap_interrupt_check());
    int64_t n = b - at < NEAP_PLAN_BLOCK ? b - at : NEAP_PLAN_BLOCK;
    const double *column[NEAP_PLAN_INPUTS];
    for (int k = 0; k < NEAP_PLAN_INPUTS; k++) column[k] = j->column[k] ? j->column[k] + at : NULL;
    neap__plan_advance(w, n, column, j->time ? j->time + at : NULL);
    for (int k = p->start[source]; k < p->start[source + 1]; k++) {
      neap__plan_shape(w, p->of_source[k], n, column, values);
      put(j, p->of_source[k], at, n, values);
    }
  }
  return NEAP_OK;
}

/* The value of the last complete longer bar for each position of a group. */
static void spread(const job *j, const int64_t *known, int c, int64_t a, int64_t b,
                   const double *held) {
  double values[NEAP_PLAN_BLOCK];
  for (int64_t at = a; at < b; at += NEAP_PLAN_BLOCK) {
    int64_t n = b - at < NEAP_PLAN_BLOCK ? b - at : NEAP_PLAN_BLOCK;
    for (int64_t i = 0; i < n; i++) values[i] = known[at + i] ? held[known[at + i] - 1] : NAN;
    put(j, c, at, n, values);
  }
}

/* A group on its longer bars; held has room for the columns of the source, each of `room`. */
static neap_status run_higher(const job *j, neap_plan_worker *w, int source, int64_t group,
                              double *held, int64_t room) {
  const neap_plan *p = j->plan;
  const ladder *l = &j->ladders[p->source[source].frame - 1];
  int64_t first = l->start[group], bars = l->start[group + 1] - first;
  for (int64_t at = 0; at < bars; at += NEAP_PLAN_BLOCK) {
    NEAP_TRY(neap_interrupt_check());
    int64_t n = bars - at < NEAP_PLAN_BLOCK ? bars - at : NEAP_PLAN_BLOCK;
    const double *column[NEAP_PLAN_INPUTS];
    shifted(l->column, first + at, column);
    neap__plan_advance(w, n, column, NULL);
    for (int k = p->start[source]; k < p->start[source + 1]; k++)
      neap__plan_shape(w, p->of_source[k], n, column, held + (k - p->start[source]) * room + at);
  }
  for (int k = p->start[source]; k < p->start[source + 1]; k++)
    spread(j, l->known, p->of_source[k], first_of(j->bars, group), first_of(j->bars, group + 1),
           held + (k - p->start[source]) * room);
  return NEAP_OK;
}

static neap_status run_group(const job *j, neap_plan_worker *w, int source, int64_t group,
                             double *held, int64_t room) {
  neap_status st = neap__plan_worker_init(w, j->plan, source);
  if (st) return st;
  if (w->source->frame > 0) st = run_higher(j, w, source, group, held, room);
  else st = run_base(j, w, source, first_of(j->bars, group), first_of(j->bars, group + 1));
  neap__plan_worker_drop(w);
  return st;
}

/* Chunk number source * parts + part. */
static neap_status run_source(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)begin;
  (void)end;
  const job *j = ctx;
  const neap_plan *p = j->plan;
  int source = (int)(chunk / j->parts), columns = p->start[source + 1] - p->start[source];
  if (columns == 0) return NEAP_OK; /* only the mean of another */
  int64_t part = chunk % j->parts, groups = j->bars->groups;
  int64_t from = part * groups / j->parts, to = (part + 1) * groups / j->parts, room = 0;
  int frame = p->source[source].frame;
  double *held = NULL;
  if (frame > 0) {
    const int64_t *start = j->ladders[frame - 1].start;
    for (int64_t g = from; g < to; g++)
      if (start[g + 1] - start[g] > room) room = start[g + 1] - start[g];
    held = neap_alloc_array(room * columns, sizeof *held);
    if (!held) return NEAP_ENOMEM;
  }
  neap_plan_worker w;
  neap_status st = NEAP_OK;
  for (int64_t g = from; g < to && !st; g++) st = run_group(j, &w, source, g, held, room);
  neap_free(held);
  return st;
}

neap_status neap_plan_run(const neap_plan *p, const neap_plan_bars *bars, double *const *out) {
  const int64_t rows_of_a_part = (int64_t)1 << 16;
  job j = {.plan = p, .bars = bars, .out = out};
  int64_t parts = bars->n / rows_of_a_part;
  j.parts = parts > bars->groups ? bars->groups : parts > 1 ? parts : 1;
  if (bars->groups == 0) return NEAP_OK;
  neap_status st = gather_all(&j);
  if (!st) {
    j.ladders = neap_calloc_array(p->frames, sizeof *j.ladders);
    if (!j.ladders) st = NEAP_ENOMEM;
  }
  if (!st) st = neap_parallel_for(p->frames, 1, build_ladder, &j);
  if (!st) st = neap_parallel_for(p->sources * j.parts, 1, run_source, &j);
  for (int f = 0; j.ladders && f < p->frames; f++) {
    neap_free(j.ladders[f].start);
    neap_free(j.ladders[f].known);
    for (int k = 0; k < NEAP_PLAN_INPUTS; k++) neap_free(j.ladders[f].column[k]);
  }
  neap_free(j.ladders);
  for (int k = 0; k < NEAP_PLAN_INPUTS + 1; k++) neap_free(j.copied[k]);
  return st;
}
