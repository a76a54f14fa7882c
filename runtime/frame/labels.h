/* labels.h — labels: what the next bars bring, when it is known, and how much labels overlap.
 *
 * All functions take one series in time order; the bindings call them once a symbol. A bar is known
 * at its end. Rows are 0-based here; NaN means missing, NEAP_NAT a missing time. A label that looks
 * past the last bar is NaN, since it could still come out either way. */
#ifndef NEAP_FRAME_LABELS_H
#define NEAP_FRAME_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/status.h"

/* fixed horizons ------------------------------------------------------------------------------- */

/* out[i] = max(x[i+1], ..., x[i+k]); NaN where the window passes the end or holds a NaN. O(n). */
neap_status neap_future_max(int64_t n, const double *x, int64_t k, double *out);

/* out[i] = max(x[i+1], ..., x[i+k]) / x[i] - 1, as neap_future_max. */
neap_status neap_future_best(int64_t n, const double *x, int64_t k, double *out);

/* out[i] = 1 where x[i] > threshold, else 0; NaN where x[i] is NaN. */
void neap_exceeds(int64_t n, const double *x, double threshold, double *out);

/* out[i] = x[i+k] / x[i] - 1, or its logarithm; NaN where i + k passes the end. */
void neap_future_return(int64_t n, const double *x, int64_t k, bool logarithm, double *out);

/* The end of each bar: its stamp plus the median step between successive stamps; NEAP_NAT stays.
 * out may be time. */
neap_status neap_bar_ends(int64_t n, const int64_t *time, int64_t *out);

/* out[i] = ends[i+k], when what needs bars up to i + k is known; NEAP_NAT past the end. */
void neap_known_at(int64_t n, const int64_t *ends, int64_t k, int64_t *out);

/* The threshold that as near to share n of the n numbers in x exceed as ties allow, at least one
 * and not all: halfway between two neighbours in order. NaN are left out; fewer than two numbers
 * are an error; equal ones are their own threshold. */
neap_status neap_threshold_of_share(int64_t n, const double *x, double share, double *out);

/* barriers ------------------------------------------------------------------------------------- */

/* What a barrier label ended at. BOTH: one bar touched profit and stop; it counts as the stop. */
typedef enum {
  NEAP_TOUCH_NONE, /* no event, or a price that is needed is missing */
  NEAP_TOUCH_PROFIT,
  NEAP_TOUCH_STOP,
  NEAP_TOUCH_VERTICAL,
  NEAP_TOUCH_BOTH,
  NEAP_TOUCH_PAST_END, /* the bars end before any barrier */
} neap_touch;

/* A position is entered at the close of bar i, or with next_open at the open of bar i + 1, and left
 * at the first bar after i that reaches a barrier: profit * unit[i] and stop * unit[i] away from
 * the entry as a share of it (profit above it for side > 0, below it for side < 0), or the vertical
 * one, `bars` bars or `duration` nanoseconds after the end of bar i. Arrays have n elements and are
 * borrowed. */
typedef struct {
  int64_t n;
  const double *open;       /* NULL: a gap is left at the barrier, not at the open behind it */
  const double *high, *low; /* both are close where only closes count ... */
  bool at_close;            /* ... and the position is left at the close that touched */
  const double *close;
  const double *entry_open;  /* not NULL: entered at entry_open[i + 1] */
  const int64_t *ends;       /* needed with duration, not falling */
  const double *unit, *side; /* NULL: 1; NaN, side 0 and a unit of 0 or less: no event */
  const bool *event;         /* NULL: every row */
  double profit, stop;       /* positive; INFINITY: none */
  int64_t bars, duration;    /* exactly one of them positive */
} neap_barriers;

/* For each row: what was touched, the row of the exit, the row at whose end that is known (later
 * than the exit's when a duration ends inside a gap), and side * (exit / entry - 1). -1, -1 and NaN
 * where touched is NONE or PAST_END. O(log n) a row, whatever the horizon. */
neap_status neap_triple_barrier(const neap_barriers *b, int32_t *touched, int64_t *exit,
                                int64_t *known, double *ret);

/* trends and events ---------------------------------------------------------------------------- */

/* The t-value of the slope of a least-squares line through x[i], ..., x[i+L-1], for the length L
 * of shortest, shortest + step, ... <= longest whose |t| is largest (the shortest of equals), and
 * the last row of it. NaN and -1 where the longest passes the end or holds a NaN. A flat stretch
 * has t = 0, an exact line +-INFINITY. 3 <= shortest <= longest. Lopez de Prado 2020, 5.4. */
neap_status neap_trend_scan(int64_t n, const double *x, int64_t shortest, int64_t longest,
                            int64_t step, double *t, int64_t *end);

/* The symmetric filter of sums (Lopez de Prado 2018, 2.5.2.1): up = max(0, up + d), down = min(0,
 * down + d) with d = x[i] - x[i-1]; out[i] = 1 and up = 0 where up > h[i], -1 and down = 0 where
 * down < -h[i], else 0. A missing d leaves the sums; where h is NaN nothing is found. */
neap_status neap_cusum(int64_t n, const double *x, const double *h, double *out);

/* overlap -------------------------------------------------------------------------------------- */

/* Label i spans bars first[i] to last[i], both included, 0 <= first; last < first: no label.
 * `bars` is larger than any last. */
typedef struct {
  int64_t n, bars;
  const int64_t *first, *last;
} neap_spans;

/* out[i] = the mean over its bars of 1 / (labels there): 1 for a label that shares no bar (Lopez de
 * Prado 2018, 4.4). With value, the absolute sum over its bars of value / (labels there) (4.10);
 * missing values count as 0. NaN without a label. O(n + bars). */
neap_status neap_uniqueness(const neap_spans *s, const double *value, double *out);

/* Draw labels one after the other, each with a probability that is proportional to its average
 * uniqueness beside those drawn before (Lopez de Prado 2018, 4.5.3): out[0 .. draws-1] are rows
 * plus first_row. One draw of r each. O(draws (n + bars)). No label at all is NEAP_EVALUE. */
neap_status neap_sequential_bootstrap(const neap_spans *s, int64_t draws, int64_t first_row,
                                      neap_rng *r, int64_t *out);

#endif
