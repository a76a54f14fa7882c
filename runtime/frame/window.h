/* window.h — what is computed over the rows before a row: shifted values, rolling windows,
 * exponentially weighted moments, each within the group of the row.
 *
 * Groups are ranges of an order of the rows: place p of group k, offset[k] <= p < offset[k + 1],
 * stands for row rows[p], and rows keep their order within a group. Rows of no group have no place;
 * their results are NaN. */
#ifndef NEAP_FRAME_WINDOW_H
#define NEAP_FRAME_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/tensor.h"

typedef struct {
  int64_t n, places, groups; /* rows of the frame, those of all groups, groups */
  const int32_t *rows;       /* NULL: row p for place p */
  const int64_t *offset;     /* groups + 1 */
} neap_panel;

/* NEAP_EVALUE, naming the row, when its time is missing or before that of the row before it (-1 =
 * none). */
neap_status neap_check_rising(const char *op, const neap_panel *g, const int64_t *time, int64_t row,
                              int64_t before);

/* Windows of a length in time that end with a row: of the rows up to it those in (t - length, t];
 * with left those at t - length too, without right only those before t. *begin and *end are places
 * as in neap_windows; *end stays empty with right. Where all windows but the first ones of a group
 * have as many rows, *width is that and both stay empty; else it is 0. Times must rise within
 * groups, see neap_check_rising. */
neap_status neap_time_windows(neap_tensor *begin, neap_tensor *end, int64_t *width,
                              const neap_panel *g, const int64_t *time, int64_t length, bool left,
                              bool right);

/* y[row] = op of the window of the row's place; w's series are set here. */
neap_status neap_panel_roll(double *y, const neap_panel *g, neap_rolling op, const double *x,
                            const double *u, const neap_windows *w, const neap_rolling_options *o);

typedef enum {
  NEAP_LAG_SHIFT,  /* x of k places before; NaN where the group has none */
  NEAP_LAG_DIFF,   /* x less that */
  NEAP_LAG_CHANGE, /* x over that, less 1 */
} neap_lag;

neap_status neap_panel_lag(double *y, const neap_panel *g, neap_lag op, const double *x, int64_t k);

typedef enum {
  NEAP_EWM_MEAN,
  NEAP_EWM_VAR,
  NEAP_EWM_STD,
  NEAP_EWM_COV,
  NEAP_EWM_CORR,
} neap_ewm;

typedef struct {
  double alpha;        /* 0 < alpha <= 1; with time the half life counts instead */
  bool adjust;         /* weights (1 - alpha)^k, else the recurrence y += alpha (x - y) */
  bool ignore_nan;     /* k counts numbers, else places */
  bool bias;           /* second moments without the correction for the sum of weights */
  int64_t min_count;   /* NaN before so many numbers */
  const int64_t *time; /* of rows, for the mean: weights 2^-(t - t[row]) / half_life */
  int64_t half_life;   /* ns */
} neap_ewm_options;

/* y[row] = op of the numbers of x (and u) up to the row's place, as pandas defines it: NaN and
 * infinities are as if absent. */
neap_status neap_panel_ewm(double *y, const neap_panel *g, neap_ewm op, const double *x,
                           const double *u, const neap_ewm_options *o);

#endif
