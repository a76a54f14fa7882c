/* A plan over whole series: longer bars first, then each source on some thread. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
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
  int64_t *place;                     /* of each row; NULL where that is its position */
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
    for (int64_t i = 0; i < b->n; i++) {
      if ((i & 0xfffff) == 0) NEAP_TRY(neap_interrupt_check());
      memcpy(&to[i], &source[b->order[i]], sizeof *to);
    }
  }
  return NEAP_OK;
}

static neap_status gather_all(job *j) {
  const neap_plan_bars *b = j->bars;
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++) j->column[k] = b->column[k];
  j->time = b->time;
  if (!b->order) return NEAP_OK;
  j->place = neap_alloc_array(b->n, sizeof *j->place);
  if (!j->place) return NEAP_ENOMEM;
  for (int64_t i = 0; i < b->n; i++) j->place[b->order[i]] = i;
  NEAP_TRY(neap_parallel_for(NEAP_PLAN_INPUTS + 1, 1, gather, j));
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++) j->column[k] = j->copied[k];
  j->time = j->copied[NEAP_PLAN_INPUTS];
  return NEAP_OK;
}

/* longer bars ---------------------------------------------------------------------------------- */

static void bar_at(const job *j, int64_t i, double *bar) {
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++) bar[k] = j->column[k] ? j->column[k][i] : NAN;
}

/* How many longer bars a group makes; times are checked when they are made. */
static int64_t count_bars(const job *j, int frame, int64_t group) {
  neap_plan_higher h;
  int64_t count = 0;
  neap__plan_higher_init(&h, j->plan->step[frame], j->bars->cadence);
  for (int64_t i = first_of(j->bars, group); i < first_of(j->bars, group + 1); i++) {
    if (j->time[i] == NEAP_NAT) continue;
    if (j->time[i] >= h.end) {
      count += h.open;
      neap__plan_higher_begin(&h, j->time[i]);
    }
    if (h.open && j->time[i] >= h.end - h.cadence) {
      count++;
      h.open = false;
    }
  }
  return count;
}

/* One group through the making of longer bars, which go to column from at on. */
static neap_status climb(const job *j, int frame, int64_t group, int64_t at, double *const *column,
                         int64_t *known) {
  const neap_plan_bars *b = j->bars;
  neap_plan_higher h;
  neap__plan_higher_init(&h, j->plan->step[frame], b->cadence);
  int64_t first = at;
  for (int64_t i = first_of(b, group); i < first_of(b, group + 1); i++) {
    double bar[NEAP_PLAN_INPUTS], done[2][NEAP_PLAN_INPUTS];
    if ((i & 0xffff) == 0) NEAP_TRY(neap_interrupt_check());
    if (!neap__plan_higher_fits(&h, j->time[i]))
      return neap__plan_higher_refuse(&h, j->time[i], (b->order ? b->order[i] : i) + 1);
    bar_at(j, i, bar);
    int count = neap__plan_higher_take(&h, j->time[i], bar, done);
    for (int d = 0; d < count; d++)
      for (int k = 0; k < NEAP_PLAN_INPUTS; k++) column[k][at + d] = done[d][k];
    at += count;
    known[i] = at - first;
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
    total += count_bars(j, frame, g);
  }
  l->start[j->bars->groups] = total;
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++) {
    l->column[k] = neap_alloc_array(total, sizeof(double));
    if (!l->column[k]) return NEAP_ENOMEM;
  }
  for (int64_t g = 0; g < j->bars->groups; g++)
    NEAP_TRY(climb(j, frame, g, l->start[g], l->column, l->known));
  return NEAP_OK;
}

/* sources -------------------------------------------------------------------------------------- */

/* A source over all groups. Its columns go to to[0], to[1], ... by position; held is room for their
 * values on longer bars, `room` for each column. */
typedef struct {
  const job *job;
  neap_plan_worker worker;
  int source, columns;
  double **to, *held;
  int64_t room;
} task;

static int column_of(const task *t, int k) {
  const neap_plan *p = t->job->plan;
  return p->of_source[p->start[t->source] + k];
}

static int64_t at_most_a_block(int64_t n) { return n < NEAP_PLAN_BLOCK ? n : NEAP_PLAN_BLOCK; }

static void from_place(const double *const *column, int64_t at, const double **to) {
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++) to[k] = column[k] ? column[k] + at : NULL;
}

/* Positions a to b - 1 of a group, on the bars themselves. */
static neap_status run_base(task *t, int64_t a, int64_t b) {
  const job *j = t->job;
  for (int64_t at = a, n; at < b; at += n) {
    NEAP_TRY(neap_interrupt_check());
    n = at_most_a_block(b - at);
    const double *column[NEAP_PLAN_INPUTS];
    from_place(j->column, at, column);
    neap__plan_advance(&t->worker, n, column, j->time ? j->time + at : NULL);
    for (int k = 0; k < t->columns; k++)
      neap__plan_shape(&t->worker, column_of(t, k), n, column, t->to[k] + at);
  }
  return NEAP_OK;
}

/* Group number `group` on its longer bars; then each position gets the last complete one's. */
static neap_status run_higher(task *t, int64_t group) {
  const job *j = t->job;
  const ladder *l = &j->ladders[t->worker.source->frame - 1];
  int64_t first = l->start[group], bars = l->start[group + 1] - first;
  for (int64_t at = 0, n; at < bars; at += n) {
    NEAP_TRY(neap_interrupt_check());
    n = at_most_a_block(bars - at);
    const double *column[NEAP_PLAN_INPUTS];
    from_place((const double *const *)l->column, first + at, column);
    neap__plan_advance(&t->worker, n, column, NULL);
    for (int k = 0; k < t->columns; k++)
      neap__plan_shape(&t->worker, column_of(t, k), n, column, t->held + k * t->room + at);
  }
  for (int k = 0; k < t->columns; k++) {
    const double *held = t->held + k * t->room;
    for (int64_t i = first_of(j->bars, group); i < first_of(j->bars, group + 1); i++)
      t->to[k][i] = l->known[i] ? held[l->known[i] - 1] : NAN;
    NEAP_TRY(neap_interrupt_check());
  }
  return NEAP_OK;
}

static neap_status run_group(task *t, int64_t group) {
  const neap_plan_bars *b = t->job->bars;
  NEAP_TRY(neap__plan_worker_init(&t->worker, t->job->plan, t->source));
  neap_status st = t->worker.source->frame > 0
                       ? run_higher(t, group)
                       : run_base(t, first_of(b, group), first_of(b, group + 1));
  neap__plan_worker_drop(&t->worker);
  return st;
}

/* From positions to rows. */
static neap_status put_back(const job *j, const double *from, double *out) {
  for (int64_t i = 0; i < j->bars->n; i++) {
    if ((i & 0xfffff) == 0) NEAP_TRY(neap_interrupt_check());
    out[i] = from[j->place[i]];
  }
  return NEAP_OK;
}

/* Room for columns in the order of positions, unless that is the order of rows, and for values on
 * longer bars. */
static neap_status task_init(task *t, const job *j, int source) {
  *t = (task){.job = j, .source = source};
  int frame = j->plan->source[source].frame;
  int64_t n = j->bars->n;
  t->columns = j->plan->start[source + 1] - j->plan->start[source];
  t->to = neap_calloc_array(t->columns, sizeof *t->to);
  if (!t->to) return NEAP_ENOMEM;
  for (int k = 0; k < t->columns; k++) {
    t->to[k] = j->place ? neap_alloc_array(n, sizeof **t->to) : j->out[column_of(t, k)];
    if (!t->to[k]) return NEAP_ENOMEM;
  }
  if (frame == 0) return NEAP_OK;
  const int64_t *start = j->ladders[frame - 1].start;
  for (int64_t g = 0; g < j->bars->groups; g++)
    if (start[g + 1] - start[g] > t->room) t->room = start[g + 1] - start[g];
  t->held = neap_alloc_array(t->room * t->columns, sizeof *t->held);
  return t->held ? NEAP_OK : NEAP_ENOMEM;
}

static void task_drop(task *t) {
  for (int k = 0; t->to && t->job->place && k < t->columns; k++) neap_free(t->to[k]);
  neap_free(t->to);
  neap_free(t->held);
}

static neap_status run_source(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  (void)end;
  const job *j = ctx;
  task t;
  neap_status st = task_init(&t, j, (int)begin);
  for (int64_t g = 0; !st && t.columns > 0 && g < j->bars->groups; g++) st = run_group(&t, g);
  for (int k = 0; !st && j->place && k < t.columns; k++)
    st = put_back(j, t.to[k], j->out[column_of(&t, k)]);
  task_drop(&t);
  return st;
}

static neap_status run_once(const neap_plan *p, const neap_plan_bars *bars, double *const *out) {
  job j = {.plan = p, .bars = bars, .out = out};
  if (bars->groups == 0) return NEAP_OK;
  neap_status st = gather_all(&j);
  if (!st) {
    j.ladders = neap_calloc_array(p->frames, sizeof *j.ladders);
    if (!j.ladders) st = NEAP_ENOMEM;
  }
  if (!st) st = neap_parallel_for(p->frames, 1, build_ladder, &j);
  if (!st) st = neap_parallel_for(p->sources, 1, run_source, &j);
  for (int f = 0; j.ladders && f < p->frames; f++) {
    neap_free(j.ladders[f].start);
    neap_free(j.ladders[f].known);
    for (int k = 0; k < NEAP_PLAN_INPUTS; k++) neap_free(j.ladders[f].column[k]);
  }
  neap_free(j.ladders);
  neap_free(j.place);
  for (int k = 0; k < NEAP_PLAN_INPUTS + 1; k++) neap_free(j.copied[k]);
  return st;
}

/* Threads of the pool cannot have garbage collected: what fails there is tried once more. */
neap_status neap_plan_run(const neap_plan *p, const neap_plan_bars *bars, double *const *out) {
  neap_status st = run_once(p, bars, out);
  return st == NEAP_ENOMEM && neap_alloc_reclaim() ? run_once(p, bars, out) : st;
}
