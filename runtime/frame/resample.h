/* resample.h — rows in order of time gathered into bins, and statistics of each bin.
 *
 * Bins lie on a grid: stretches of one length, days of a time zone (23 and 25 hours long when its
 * clock changes) or months. They are found once; then every column is reduced over them. A bin is
 * known by its bounds, and its rows by their first place in an order of rows, up to that of the
 * next bin. Rows of several groups (symbols) have one stretch of the order each, in which times
 * must not fall. */
#ifndef NEAP_FRAME_RESAMPLE_H
#define NEAP_FRAME_RESAMPLE_H

#include "base/zone.h"
#include "tensor/tensor.h"

/* the grid ------------------------------------------------------------------------------------- */

typedef enum {
  NEAP_GRID_TIME,  /* step in nanoseconds */
  NEAP_GRID_DAYS,  /* step in days of the zone's calendar */
  NEAP_GRID_MONTHS /* step in months */
} neap_grid_unit;

/* Where steps are counted from, before the offset is added. */
typedef enum {
  NEAP_ORIGIN_EPOCH,     /* the zone's 1970-01-01; whole weeks: Monday, 1970-01-05 */
  NEAP_ORIGIN_START,     /* the first time */
  NEAP_ORIGIN_START_DAY, /* the midnight before it */
  NEAP_ORIGIN_END,       /* the last time */
  NEAP_ORIGIN_END_DAY,   /* the midnight at or after it */
  NEAP_ORIGIN_AT         /* the time given */
} neap_origin;

typedef struct {
  neap_grid_unit unit;
  int64_t step;
  const neap_zone *zone; /* NULL: UTC */
  neap_origin origin;
  int64_t at;        /* of NEAP_ORIGIN_AT; months look at its month only */
  int64_t offset;    /* ns; for days and months on the zone's clock */
  bool closed_right; /* bins hold their end and not their begin */
  int64_t phase;     /* set by neap_grid_set */
} neap_grid;

/* Fix the origin of a grid that will hold times from first to last. NEAP_EARG for a step below 1.
 */
neap_status neap_grid_set(neap_grid *g, int64_t first, int64_t last);

/* The bin that holds t: begin <= t < end, or begin < t <= end when closed_right. A day begins at
 * its midnight, the first one when there are two, and the moment of the jump when the clock skips
 * it. NEAP_EVALUE when the bin leaves the range of times. */
neap_status neap_grid_bin(const neap_grid *g, int64_t t, int64_t *begin, int64_t *end);

/* rows in bins --------------------------------------------------------------------------------- */

/* Rows by group, keeping their order inside a group: ids are 1 to groups, 0 for rows that belong to
 * none. Fills order (n positions, those without group left out) and start (groups + 1 places in
 * it). */
neap_status neap_rows_by_group(int64_t n, const int32_t *id, int64_t groups, int64_t *order,
                               int64_t *start);

typedef struct {
  int64_t n;
  const int64_t *time;
  const int64_t *order; /* NULL: rows as they come */
  int64_t groups;
  const int64_t *start; /* groups + 1 places in order */
  bool rising;          /* equal times are refused as well */
} neap_timeline;

/* Bins in order of group and time: begin and end (i64 ns), the group of each (i32, from 1), and
 * first: one more than there are bins. With empty also the bins between those with rows: refused
 * when there would be more than most bins. NEAP_EVALUE for a missing time and for one that is
 * earlier than the row before it in its group; the message names the row. */
typedef struct {
  neap_tensor begin, end, group, first;
} neap_bins;
neap_status neap_bins_find(neap_bins *out, const neap_grid *g, const neap_timeline *rows,
                           bool empty, int64_t most);
void neap_bins_drop(neap_bins *b);

/* statistics of bins --------------------------------------------------------------------------- */

typedef enum {
#define STATISTIC(name) NEAP_SEGMENT_##name,
#include "frame/segment.def"
  NEAP_SEGMENT_COUNT
} neap_segment_op;

/* Which elements are no value: NaN always; besides INT64_MIN, or 0. */
typedef enum { NEAP_MISSING_NAN, NEAP_MISSING_NAT, NEAP_MISSING_ZERO } neap_missing;

typedef struct {
  neap_segment_op op;
  neap_missing missing;
  double q;                   /* of quantile */
  const neap_tensor *weights; /* of wmean; f64 */
} neap_segment_options;

/* One number for each of count segments of x, segment k being the elements at order[first[k]] to
 * order[first[k + 1] - 1] (order NULL: at first[k] itself and so on). Missing elements are passed
 * over; of none, sums are 0, products 1, counts 0, any false, all true, everything else is missing.
 *   first last min max    the dtype of x
 *   sum prod              f64 (of f32 too), i64 for integers, which wrap
 *   count size nunique    i64
 *   any all               bool; anything but 0 is true
 *   mean var std skew median quantile wmean   f64; var and std by n - 1; skew adjusted, NaN below
 *   3 values; quantiles between neighbours in proportion; wmean = sum(w x) / sum(w)
 * Each segment is reduced alone, so its bits depend on its elements only; sums of floats and means
 * are made in the order of rows, so that a stream can give the same bits. */
neap_status neap_segment_reduce(neap_tensor *out, const neap_tensor *x, const int64_t *order,
                                int64_t count, const int64_t *first, const neap_segment_options *o);

/* The statistic called name, or NEAP_EARG listing the names. */
neap_status neap_segment_parse(neap_segment_op *out, const char *name);

#endif
