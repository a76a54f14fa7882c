/* plan_parts.h — private: what whole series and streams of a plan share, so that their bits are
 * equal. */
#ifndef NEAP_TA_PLAN_PARTS_H
#define NEAP_TA_PLAN_PARTS_H

#include <math.h>
#include <string.h>

#include "ta/plan.h"

/* Bars of a block: its results lie on the stack and in the cache. */
enum { NEAP_PLAN_BLOCK = 512 };

/* One source at work. */
typedef struct {
  const neap_plan *plan;
  const neap_plan_source *source;
  neap_ta_stream *own, *mean;
  double x[NEAP_TA_MAX_OUTPUTS][NEAP_PLAN_BLOCK], divisor[NEAP_TA_MAX_OUTPUTS][NEAP_PLAN_BLOCK];
} neap_plan_worker;

/* Only the streams; x and divisor are scratch. */
neap_status neap__plan_worker_init(neap_plan_worker *w, const neap_plan *p, int source);
void neap__plan_worker_drop(neap_plan_worker *w);

/* The source over n <= NEAP_PLAN_BLOCK further bars, into w->x. */
void neap__plan_advance(neap_plan_worker *w, int64_t n, const double *const *column,
                        const int64_t *time);

/* Column c of those bars. */
void neap__plan_shape(const neap_plan_worker *w, int c, int64_t n, const double *const *column,
                      double *out);

/* A longer bar in the making: bars before end belong to it. */
typedef struct {
  int64_t step, cadence, end, last; /* last: the time of the bar before, NaT at first */
  bool open;                        /* holds bars and is not complete */
  double bar[NEAP_PLAN_INPUTS];
} neap_plan_higher;

void neap__plan_higher_init(neap_plan_higher *h, int64_t step, int64_t cadence);

/* A new longer bar, the one that holds time. */
void neap__plan_higher_begin(neap_plan_higher *h, int64_t time);

/* Whether a bar of that time can follow; refuse says why not, NEAP_EVALUE. Rows count from 1. */
static inline bool neap__plan_higher_fits(const neap_plan_higher *h, int64_t time) {
  return time > h->last && (time >= h->end || h->open);
}
neap_status neap__plan_higher_refuse(const neap_plan_higher *h, int64_t time, int64_t row);

/* Take a bar that fits; returns how many longer bars are complete by it (0 to 2). */
static inline int neap__plan_higher_take(neap_plan_higher *h, int64_t time, const double *bar,
                                         double done[2][NEAP_PLAN_INPUTS]) {
  enum { OPEN, HIGH, LOW, CLOSE, VOLUME };
  double *to = h->bar;
  int count = 0;
  if (time >= h->end) {
    if (h->open) memcpy(done[count++], to, sizeof h->bar);
    neap__plan_higher_begin(h, time);
  }
  h->last = time;
  if (isnan(to[OPEN]) && isfinite(bar[OPEN])) to[OPEN] = bar[OPEN];
  if (isfinite(bar[HIGH]) && !(to[HIGH] >= bar[HIGH])) to[HIGH] = bar[HIGH];
  if (isfinite(bar[LOW]) && !(to[LOW] <= bar[LOW])) to[LOW] = bar[LOW];
  if (isfinite(bar[CLOSE])) to[CLOSE] = bar[CLOSE];
  if (isfinite(bar[VOLUME])) to[VOLUME] += bar[VOLUME];
  if (time >= h->end - h->cadence) {
    memcpy(done[count++], to, sizeof h->bar);
    h->open = false;
  }
  return count;
}

#endif
