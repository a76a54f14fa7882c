/* plan.h — many columns of the same bars at once, for whole series and for streams.
 *
 * A plan has sources (an indicator with its parameters, or something read off the clock), each
 * computed once, and columns, each an output of a source, as it is or made free of scale. The bars
 * are read and the columns written in blocks that stay in the cache: nothing of the length of the
 * series is made in between. Sources are spread over the threads.
 *
 * Time frames: a source may work on longer bars, made of the bars of each step since 1970 UTC
 * (weeks begin on Mondays): the first open, highest high, lowest low, last close and sum of volumes
 * of those that are numbers. A longer bar is complete with the bar that ends with it or later, one
 * cadence after its time, or with the first bar of a later step. Each row holds the value of the
 * last complete longer bar, NaN before the first.
 *
 * Groups (symbols) are computed each for itself; rows of a group are in the order of time. */
#ifndef NEAP_TA_PLAN_H
#define NEAP_TA_PLAN_H

#include "base/zone.h"
#include "ta/ta.h"

typedef enum {
  NEAP_PLAN_INDICATOR,
  NEAP_PLAN_HOUR,        /* sine and cosine of the time of day, 0:00 at angle 0 */
  NEAP_PLAN_WEEKDAY,     /* of the day of the week, Monday at angle 0 */
  NEAP_PLAN_DAY_OF_YEAR, /* of the day of the year, January 1 at angle 0 */
  NEAP_PLAN_TREND        /* (time - first) / span of the plan */
} neap_plan_kind;

typedef struct {
  neap_plan_kind kind;
  const neap_ta_indicator *ta; /* of an indicator: with these parameters, checked */
  double param[NEAP_TA_MAX_PARAMS];
  bool on_volume; /* an indicator of one series reads the volume instead of the close */
  int frame;      /* 0: the bars themselves; k: the k-th time frame */
  int mean;       /* the source whose first output divides columns of shape FLOW; -1: none */
} neap_plan_source;

/* What becomes of an output x; NaN where that is not finite. */
typedef enum {
  NEAP_PLAN_PLAIN,  /* x, not finite values included */
  NEAP_PLAN_PRICE,  /* close / x - 1 */
  NEAP_PLAN_SPREAD, /* x / close */
  NEAP_PLAN_SQUARE, /* x / close / close */
  NEAP_PLAN_FLOW,   /* x / mean */
  NEAP_PLAN_VOLUME  /* volume / x - 1 */
} neap_plan_shape;

typedef struct {
  int source, output;
  neap_plan_shape shape;
} neap_plan_column;

typedef struct {
  int sources, columns, frames;
  neap_plan_source *source;
  neap_plan_column *column;
  int64_t *step; /* of each time frame, ns, above 0 */
  const neap_zone *zone;
  int64_t first, span; /* of TREND, ns; span above 0 */
  int *of_source;      /* columns by source: those of s are of_source[start[s]] and on */
  int *start;
} neap_plan;

/* Room for so many; sources and columns are for the caller to fill, then _ready checks them. */
neap_status neap_plan_init(neap_plan *p, int sources, int columns, int frames);
neap_status neap_plan_ready(neap_plan *p);
void neap_plan_drop(neap_plan *p); /* an empty one is fine */

enum { NEAP_PLAN_INPUTS = 5 }; /* open, high, low, close, volume */

/* Borrowed arrays of n bars. Columns that no source reads may be NULL, time too. Group g holds rows
 * order[start[g] .. start[g + 1] - 1]; order NULL: the rows themselves. */
typedef struct {
  int64_t n;
  const double *column[NEAP_PLAN_INPUTS];
  const int64_t *time;
  int64_t cadence; /* how long a bar lasts, ns; for time frames */
  int64_t groups;
  const int64_t *start, *order;
} neap_plan_bars;

/* Whether a source reads input k, and whether one reads the time. */
bool neap_plan_reads(const neap_plan *p, int k);
bool neap_plan_reads_time(const neap_plan *p);

/* out[c]: column c, n elements. With time frames NEAP_EVALUE where a time is missing, does not rise
 * within its group, or lies in a longer bar that was complete; the message names the row, from 1.
 * Same bits at any number of threads, and as the stream. */
neap_status neap_plan_run(const neap_plan *p, const neap_plan_bars *bars, double *const *out);

/* A stream over the plan, which is borrowed, of bars that last a cadence. Push takes one bar
 * (bar[k] is input k) and fills all columns; when it fails the stream is as before. */
typedef struct neap_plan_stream neap_plan_stream;
neap_status neap_plan_stream_new(neap_plan_stream **out, const neap_plan *p, int64_t cadence);
neap_status neap_plan_stream_push(neap_plan_stream *s, int64_t time, const double *bar,
                                  double *out);
void neap_plan_stream_free(neap_plan_stream *s); /* NULL is fine */

/* Across groups at one time: rows order[start[g] .. start[g + 1] - 1] are compared. NaN stay NaN
 * and count for nothing. */
typedef enum {
  NEAP_CROSS_RANK,   /* average rank over the count: above 0, at most 1 */
  NEAP_CROSS_ZSCORE, /* (x - mean) / deviation, divisor n; 0 where all are equal */
  NEAP_CROSS_DEMEAN  /* x - mean */
} neap_cross;

/* Sums run over the values in rising order, so the bits do not depend on that of the rows. */
neap_status neap_plan_cross(neap_cross kind, int64_t n, const double *x, int64_t groups,
                            const int64_t *start, const int64_t *order, double *out);

/* What a column holds. Warm-up are the NaN before the first number of each group. */
typedef struct {
  int64_t warm_up, missing, infinite; /* NaN of the warm-up, NaN after it, infinities */
  int64_t outside, first_outside;     /* numbers below low or above high; row of the first, or -1 */
  double smallest, largest;           /* of what is finite; NaN without */
} neap_plan_survey;
neap_status neap_plan_survey_of(neap_plan_survey *out, int64_t n, const double *x, double low,
                                double high, int64_t groups, const int64_t *start,
                                const int64_t *order);

#endif
