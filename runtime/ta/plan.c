/* A plan, the parts that series and streams share, and streams. */
#include "ta/plan.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/elementary.h"
#include "ta/plan_parts.h"

/* plans ---------------------------------------------------------------------------------------- */

neap_status neap_plan_init(neap_plan *p, int sources, int columns, int frames) {
  *p = (neap_plan){.sources = sources, .columns = columns, .frames = frames, .span = 1};
  p->source = neap_calloc_array(sources, sizeof *p->source);
  p->column = neap_calloc_array(columns, sizeof *p->column);
  p->step = neap_calloc_array(frames, sizeof *p->step);
  p->of_source = neap_calloc_array(columns, sizeof *p->of_source);
  p->start = neap_calloc_array(sources + 1, sizeof *p->start);
  if (p->source && p->column && p->step && p->of_source && p->start) return NEAP_OK;
  neap_plan_drop(p);
  return NEAP_ENOMEM;
}

void neap_plan_drop(neap_plan *p) {
  neap_free(p->source);
  neap_free(p->column);
  neap_free(p->step);
  neap_free(p->of_source);
  neap_free(p->start);
  *p = (neap_plan){0};
}

static int outputs_of(const neap_plan_source *s) {
  if (s->kind == NEAP_PLAN_INDICATOR) return s->ta->outputs;
  return s->kind == NEAP_PLAN_TREND ? 1 : 2;
}

static neap_status check_source(const neap_plan *p, int i) {
  const neap_plan_source *s = &p->source[i];
  bool indicator = s->kind == NEAP_PLAN_INDICATOR;
  if (s->frame < 0 || s->frame > p->frames || (!indicator && s->frame > 0))
    return neap_fail(NEAP_EARG, "plan: source %d is of time frame %d", i + 1, s->frame);
  if (s->mean < -1 || s->mean >= p->sources ||
      (s->mean >= 0 && p->source[s->mean].kind != NEAP_PLAN_INDICATOR))
    return neap_fail(NEAP_EARG, "plan: source %d has no mean %d", i + 1, s->mean + 1);
  return indicator ? neap_ta_check(s->ta, s->param) : NEAP_OK;
}

neap_status neap_plan_ready(neap_plan *p) {
  for (int i = 0; i < p->sources; i++) NEAP_TRY(check_source(p, i));
  for (int k = 0; k < p->frames; k++)
    if (p->step[k] <= 0 || p->step[k] > INT64_MAX / 3)
      return neap_fail(NEAP_EARG, "plan: time frame %d has no possible length", k + 1);
  for (int c = 0; c < p->columns; c++) {
    const neap_plan_column *column = &p->column[c];
    if (column->source < 0 || column->source >= p->sources || column->output < 0 ||
        column->output >= outputs_of(&p->source[column->source]))
      return neap_fail(NEAP_EARG, "plan: column %d has no source", c + 1);
    if (column->shape == NEAP_PLAN_FLOW && p->source[column->source].mean < 0)
      return neap_fail(NEAP_EARG, "plan: column %d has no mean", c + 1);
  }
  int filled = 0;
  for (int s = 0; s < p->sources; s++) {
    p->start[s] = filled;
    for (int c = 0; c < p->columns; c++)
      if (p->column[c].source == s) p->of_source[filled++] = c;
  }
  p->start[p->sources] = filled;
  return NEAP_OK;
}

/* Which of the five inputs an indicator's input is. */
static int input_of(const neap_plan_source *s, neap_ta_input input) {
  if (input == NEAP_TA_SERIES) return s->on_volume ? NEAP_TA_VOLUME - 1 : NEAP_TA_CLOSE - 1;
  return (int)input - 1;
}

static bool column_reads(const neap_plan_column *c, int k) {
  if (k == NEAP_TA_VOLUME - 1) return c->shape == NEAP_PLAN_VOLUME;
  return k == NEAP_TA_CLOSE - 1 && (c->shape == NEAP_PLAN_PRICE || c->shape == NEAP_PLAN_SPREAD ||
                                    c->shape == NEAP_PLAN_SQUARE);
}

bool neap_plan_reads(const neap_plan *p, int k) {
  for (int i = 0; i < p->sources; i++) {
    const neap_plan_source *s = &p->source[i];
    for (int j = 0; s->kind == NEAP_PLAN_INDICATOR && j < s->ta->inputs; j++)
      if (input_of(s, s->ta->input[j]) == k) return true;
  }
  for (int c = 0; c < p->columns; c++)
    if (column_reads(&p->column[c], k)) return true;
  return false;
}

bool neap_plan_reads_time(const neap_plan *p) {
  for (int i = 0; i < p->sources; i++)
    if (p->source[i].kind != NEAP_PLAN_INDICATOR) return true;
  return p->frames > 0;
}

/* the clock ------------------------------------------------------------------------------------ */

static const double TURN = 6.283185307179586476925;

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* Where a local time stands in its cycle, as a share of it. */
static double phase_of(neap_plan_kind kind, int64_t local) {
  int64_t day = floor_div(local, NEAP_DAY), rest = local % NEAP_DAY;
  if (kind == NEAP_PLAN_HOUR) return (double)(rest < 0 ? rest + NEAP_DAY : rest) / (double)NEAP_DAY;
  neap_civil date = neap_civil_from_days(day);
  if (kind == NEAP_PLAN_WEEKDAY) return (date.weekday - 1) / 7.0;
  int64_t first = neap_civil_days(date.year, 1, 1), next = neap_civil_days(date.year + 1, 1, 1);
  return (double)(day - first) / (double)(next - first);
}

static void read_clock(neap_plan_worker *w, int64_t n, const int64_t *time) {
  const neap_plan *p = w->plan;
  neap_plan_kind kind = w->source->kind;
  for (int64_t i = 0; i < n; i++) {
    if (time[i] == NEAP_NAT) {
      w->x[0][i] = w->x[1][i] = NAN;
    } else if (kind == NEAP_PLAN_TREND) {
      w->x[0][i] = ((double)time[i] - (double)p->first) / (double)p->span;
    } else {
      int64_t offset = p->zone ? neap_zone_offset(p->zone, time[i]) : 0;
      double angle = TURN * phase_of(kind, (int64_t)((uint64_t)time[i] + (uint64_t)offset));
      w->x[0][i] = elementary_sin(angle);
      w->x[1][i] = elementary_cos(angle);
    }
  }
}

/* a source at work ----------------------------------------------------------------------------- */

neap_status neap__plan_worker_init(neap_plan_worker *w, const neap_plan *p, int source) {
  const neap_plan_source *s = &p->source[source];
  w->plan = p;
  w->source = s;
  w->own = w->mean = NULL;
  if (s->kind != NEAP_PLAN_INDICATOR) return NEAP_OK;
  NEAP_TRY(neap_ta_stream_new(&w->own, s->ta, s->param));
  if (s->mean < 0) return NEAP_OK;
  const neap_plan_source *mean = &p->source[s->mean];
  neap_status st = neap_ta_stream_new(&w->mean, mean->ta, mean->param);
  if (st) neap__plan_worker_drop(w);
  return st;
}

void neap__plan_worker_drop(neap_plan_worker *w) {
  neap_ta_stream_free(w->own);
  neap_ta_stream_free(w->mean);
  w->own = w->mean = NULL;
}

static void run_stream(neap_ta_stream *t, const neap_plan_source *s, int64_t n,
                       const double *const *column, double (*x)[NEAP_PLAN_BLOCK]) {
  const double *in[NEAP_TA_MAX_INPUTS];
  double *out[NEAP_TA_MAX_OUTPUTS];
  for (int k = 0; k < s->ta->inputs; k++) in[k] = column[input_of(s, s->ta->input[k])];
  for (int k = 0; k < s->ta->outputs; k++) out[k] = x[k];
  neap_ta_stream_run(t, n, in, out);
}

void neap__plan_advance(neap_plan_worker *w, int64_t n, const double *const *column,
                        const int64_t *time) {
  const neap_plan_source *s = w->source;
  if (s->kind != NEAP_PLAN_INDICATOR) {
    read_clock(w, n, time);
    return;
  }
  run_stream(w->own, s, n, column, w->x);
  if (w->mean) run_stream(w->mean, &w->plan->source[s->mean], n, column, w->divisor);
}

static double finite_or_nan(double v) { return isfinite(v) ? v : NAN; }

/* out = a / b - offset; out may be a. */
static void relative(int64_t n, const double *a, const double *b, double offset, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = finite_or_nan(a[i] / b[i] - offset);
}

void neap__plan_shape(const neap_plan_worker *w, int c, int64_t n, const double *const *column,
                      double *out) {
  const neap_plan_column *of = &w->plan->column[c];
  const double *x = w->x[of->output], *close = column[NEAP_TA_CLOSE - 1];
  switch (of->shape) {
  case NEAP_PLAN_PLAIN: memcpy(out, x, (size_t)n * sizeof *x); break;
  case NEAP_PLAN_PRICE: relative(n, close, x, 1, out); break;
  case NEAP_PLAN_SPREAD: relative(n, x, close, 0, out); break;
  case NEAP_PLAN_SQUARE:
    relative(n, x, close, 0, out);
    relative(n, out, close, 0, out);
    break;
  case NEAP_PLAN_FLOW: relative(n, x, w->divisor[0], 0, out); break;
  case NEAP_PLAN_VOLUME: relative(n, column[NEAP_TA_VOLUME - 1], x, 1, out); break;
  }
}

/* longer bars ---------------------------------------------------------------------------------- */

void neap__plan_higher_init(neap_plan_higher *h, int64_t step, int64_t cadence) {
  *h = (neap_plan_higher){.step = step, .cadence = cadence, .end = INT64_MIN, .last = NEAP_NAT};
}

void neap__plan_higher_begin(neap_plan_higher *h, int64_t time) {
  const int64_t week = 7 * NEAP_DAY, monday = 4 * NEAP_DAY; /* 1970-01-01 was a Thursday */
  int64_t offset = h->step % week == 0 ? monday : 0;
  bool early = time < INT64_MIN + offset + h->step; /* before what can be counted */
  int64_t start = early ? INT64_MIN : floor_div(time - offset, h->step) * h->step + offset;
  h->end = start > INT64_MAX - h->step ? INT64_MAX : start + h->step;
  h->open = true;
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++) h->bar[k] = k == NEAP_TA_VOLUME - 1 ? 0 : NAN;
}

neap_status neap__plan_higher_refuse(const neap_plan_higher *h, int64_t time, int64_t row) {
  char text[40];
  if (time == NEAP_NAT)
    return neap_fail(NEAP_EVALUE, "features: row %lld has no time", (long long)row);
  neap_time_print(text, time);
  if (time <= h->last)
    return neap_fail(NEAP_EVALUE, "features: row %lld (%s) is not later than the row before it",
                     (long long)row, text);
  return neap_fail(NEAP_EVALUE,
                   "features: row %lld (%s) comes in a bar of %.14g s that was complete with the "
                   "row before; is the cadence right?",
                   (long long)row, text, (double)h->step / 1e9);
}

/* streams -------------------------------------------------------------------------------------- */

struct neap_plan_stream {
  const neap_plan *plan;
  int64_t cadence;
  neap_plan_worker scratch; /* the streams of the source that is at work are put in */
  neap_ta_stream **own, **mean;
  neap_plan_higher *higher;
  int64_t pushed; /* bars */
  double *held;   /* by column: of time frames the value of the last complete bar */
};

static neap_status fill_stream(neap_plan_stream *s) {
  const neap_plan *p = s->plan;
  for (int i = 0; i < p->sources; i++) {
    NEAP_TRY(neap__plan_worker_init(&s->scratch, p, i));
    s->own[i] = s->scratch.own;
    s->mean[i] = s->scratch.mean;
  }
  for (int k = 0; k < p->frames; k++) {
    neap__plan_higher_init(&s->higher[k], p->step[k], s->cadence);
  }
  for (int c = 0; c < p->columns; c++) s->held[c] = NAN;
  return NEAP_OK;
}

neap_status neap_plan_stream_new(neap_plan_stream **out, const neap_plan *p, int64_t cadence) {
  *out = NULL;
  neap_plan_stream *s = neap_calloc_array(1, sizeof *s);
  if (!s) return NEAP_ENOMEM;
  s->plan = p;
  s->cadence = cadence;
  s->own = neap_calloc_array(p->sources, sizeof *s->own);
  s->mean = neap_calloc_array(p->sources, sizeof *s->mean);
  s->higher = neap_calloc_array(p->frames, sizeof *s->higher);
  s->held = neap_calloc_array(p->columns, sizeof *s->held);
  neap_status st = s->own && s->mean && s->higher && s->held ? fill_stream(s) : NEAP_ENOMEM;
  if (st) neap_plan_stream_free(s);
  else *out = s;
  return st;
}

void neap_plan_stream_free(neap_plan_stream *s) {
  if (!s) return;
  for (int i = 0; i < s->plan->sources; i++) {
    if (s->own) neap_ta_stream_free(s->own[i]);
    if (s->mean) neap_ta_stream_free(s->mean[i]);
  }
  neap_free(s->own);
  neap_free(s->mean);
  neap_free(s->higher);
  neap_free(s->held);
  neap_free(s);
}

/* The columns of the sources of one time frame, for one bar. */
static void push_frame(neap_plan_stream *s, int frame, int64_t time, const double *bar) {
  const neap_plan *p = s->plan;
  const double *column[NEAP_PLAN_INPUTS];
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++) column[k] = &bar[k];
  for (int i = 0; i < p->sources; i++) {
    if (p->source[i].frame != frame) continue;
    s->scratch.source = &p->source[i];
    s->scratch.own = s->own[i];
    s->scratch.mean = s->mean[i];
    neap__plan_advance(&s->scratch, 1, column, &time);
    for (int k = p->start[i]; k < p->start[i + 1]; k++)
      neap__plan_shape(&s->scratch, p->of_source[k], 1, column, &s->held[p->of_source[k]]);
  }
}

neap_status neap_plan_stream_push(neap_plan_stream *s, int64_t time, const double *bar,
                                  double *out) {
  const neap_plan *p = s->plan;
  for (int k = 0; k < p->frames; k++)
    if (!neap__plan_higher_fits(&s->higher[k], time))
      return neap__plan_higher_refuse(&s->higher[k], time, s->pushed + 1);
  s->pushed++;
  for (int k = 0; k < p->frames; k++) {
    double done[2][NEAP_PLAN_INPUTS];
    int count = neap__plan_higher_take(&s->higher[k], time, bar, done);
    for (int d = 0; d < count; d++) push_frame(s, k + 1, time, done[d]);
  }
  push_frame(s, 0, time, bar);
  memcpy(out, s->held, (size_t)p->columns * sizeof *out);
  return NEAP_OK;
}
