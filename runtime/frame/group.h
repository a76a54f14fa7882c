/* group.h — rows that belong together: keys, groups, joins, and moving rows.
 *
 * A key is a column whose equal values belong together. Every value becomes a word, an integer with
 * the order of the values; -0 equals 0, and all missing values (NaN, NEAP_NAT, category code 0) are
 * one word behind all others. Words are numbered by a table when their range is small, else by
 * hashing, and several keys become one by numbering pairs of numbers. So any mixture of kinds is
 * grouped and joined by the same code, and nothing compares texts.
 *
 * Rows are 0-based here, kept in 32 bits: frames of 2^31 rows and more are refused. Work is cut
 * into chunks that depend on sizes only; results have the same bits at any thread count. */
#ifndef NEAP_FRAME_GROUP_H
#define NEAP_FRAME_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "frame/frame.h"

/* columns and keys ----------------------------------------------------------------------------- */

/* A column as operations on rows see it, borrowed. kind is NUMBER (values of any dtype), TIME (i64)
 * or CATEGORY (i32). rank, when not NULL, gives the place of each category code (rank[0] unused) in
 * the order wanted, from 0; codes of one place are one value. places: one more than the largest
 * place, or the number of labels. */
typedef struct {
  neap_column_kind kind;
  neap_tensor values; /* contiguous, one dimension */
  const int32_t *rank;
  int64_t labels, places;
  const char *name; /* for messages */
} neap_series;

enum { NEAP_MOST_KEYS = 4096 };

/* groups --------------------------------------------------------------------------------------- */

typedef struct {
  int64_t rows, count; /* count: groups */
  int32_t *id;         /* of each row, from 0; -1: in none, a key is missing */
  int32_t *first;      /* the first row of each group */
  int32_t *order;      /* rows by group, rising inside; NULL until neap_groups_order */
  int64_t *start;      /* group g owns order[start[g] .. start[g + 1]) */
} neap_groups;

/* Number the different rows of keys, all of n rows. sorted: in the order of the keys, the first
 * weighing most; else by first appearance. Rows with a missing key are in no group when drop is
 * set. Without keys all rows are one group. */
neap_status neap_groups_make(neap_groups *out, int64_t n, int count, const neap_series *keys,
                             bool sorted, bool drop);
void neap_groups_drop(neap_groups *g);

/* Fill order and start; once is enough. */
neap_status neap_groups_order(neap_groups *g);

/* mask[i]: an earlier (or, with last, a later) row is in the group of row i; with both, any other
 * row. Rows in no group are false. */
neap_status neap_groups_repeated(const neap_groups *g, bool earlier, bool later, bool *mask);

/* statistics of groups ------------------------------------------------------------------------- */

/* Missing values are left out everywhere; so an empty group is one of missing values only. */
typedef enum {
  NEAP_GROUP_SIZE,  /* rows, missing or not: i64 */
  NEAP_GROUP_COUNT, /* values: i64 */
  NEAP_GROUP_SUM,   /* i64 for integers and bool (wrapping), else the dtype; 0 for none */
  NEAP_GROUP_PROD,  /* the same; 1 for none */
  NEAP_GROUP_MEAN,  /* this and the next three: f64, f32 for f32; NaN for none */
  NEAP_GROUP_VAR,   /* over n - 1, about the mean; NaN for fewer than two */
  NEAP_GROUP_STD,   /* its root */
  NEAP_GROUP_SKEW,  /* adjusted Fisher-Pearson, G1; NaN for fewer than three, 0 for equals */
  NEAP_GROUP_MIN,   /* keeps the dtype; missing for none */
  NEAP_GROUP_MAX,
  NEAP_GROUP_FIRST, /* the first value of the group in the order of rows; keeps the dtype */
  NEAP_GROUP_LAST,
  NEAP_GROUP_ANY,      /* is a value not 0? bool */
  NEAP_GROUP_ALL,      /* true for none */
  NEAP_GROUP_QUANTILE, /* parameter in [0, 1], linear between neighbours */
  NEAP_GROUP_NUNIQUE,  /* different values: i64 */
  NEAP_GROUP_WMEAN,    /* sum(w x) / sum(w) over rows that have both */
  NEAP_GROUP_STATISTICS
} neap_group_statistic;

extern const char *const neap_group_statistic_names[NEAP_GROUP_STATISTICS];

/* count statistics of one column, each a tensor of g->count elements; parameter[i] is read by
 * QUANTILE, weights (f64, contiguous) by WMEAN. Sums run over chunks of rows, joined in order.
 * NEAP_EDTYPE names a statistic that the kind of the column does not have. g gains its order when a
 * statistic needs it. On error all of out is empty. */
neap_status neap_group_reduce(neap_tensor *out, neap_groups *g, const neap_series *column,
                              int count, const neap_group_statistic *statistic,
                              const double *parameter, const double *weights);

/* What a row is within its group. */
typedef enum {
  NEAP_GROUP_CUMSUM,   /* up to and with this row, missing left out and left missing */
  NEAP_GROUP_CUMCOUNT, /* rows up to and with this one: i64 */
  NEAP_GROUP_RANK,     /* from 1, equals share the mean of their ranks; NaN for missing */
  NEAP_GROUP_PCT_RANK  /* the same over the number of values */
} neap_group_running;

/* out has g->rows elements; rows in no group are NaN (0 in integers). */
neap_status neap_group_run(neap_tensor *out, neap_groups *g, const neap_series *column,
                           neap_group_running what);

/* Positions from 1 (0: none) for a table of rows x columns: at[c * rows->count + r] is the row
 * where rows is in group r and columns in group c. NEAP_EVALUE when two rows are in one place, with
 * both. at is i32. */
neap_status neap_groups_cross(neap_tensor *at, const neap_groups *rows, const neap_groups *columns);

/* joins ---------------------------------------------------------------------------------------- */

typedef enum {
  NEAP_JOIN_INNER, /* pairs of rows with equal keys, by left row, then by right row */
  NEAP_JOIN_LEFT,  /* and left rows without a partner, in their place */
  NEAP_JOIN_OUTER, /* and right rows without a partner, at the end */
  NEAP_JOIN_SEMI,  /* left rows that have a partner */
  NEAP_JOIN_ANTI,  /* left rows that have none */
  NEAP_JOIN_CROSS  /* every pair; keys are not read */
} neap_join_how;

typedef struct {
  neap_join_how how;
  bool match_missing;             /* a missing key equals a missing key */
  bool unique_left, unique_right; /* NEAP_EVALUE names two rows where a key repeats */
  bool exchanged;                 /* the user calls left right */
} neap_join_options;

/* Rows of the result: positions in left and right, i32 from 1, 0 = none. left is empty when it
 * would be every left row in order; right is empty for SEMI and ANTI. Keys pair up by place; kinds
 * agree, and categories share one numbering (rank) of labels. */
neap_status neap_join(neap_tensor *left_at, neap_tensor *right_at, int count,
                      const neap_series *left, int64_t left_rows, const neap_series *right,
                      int64_t right_rows, const neap_join_options *o);

typedef enum { NEAP_ASOF_BACKWARD, NEAP_ASOF_FORWARD, NEAP_ASOF_NEAREST } neap_asof_direction;

typedef struct {
  neap_asof_direction direction;
  bool allow_exact;
  bool limited; /* distances above tolerance (in ns, or f64 for numbers) find nothing */
  int64_t tolerance;
  double tolerance_f64;
} neap_asof_options;

/* For each left row the right row of the same group whose time is the last not after its own
 * (BACKWARD; of equal times the last row), the first not before it (FORWARD; the first row), or the
 * nearer of both (NEAREST; BACKWARD when equally far): i32 from 1, 0 = none. on: TIME, or NUMBER
 * of integers or floats on both sides. Inside each group both sides must not fall, and hold no
 * missing time; NEAP_EVALUE names the row. by may be of 0 keys. O(n + m) after grouping. */
neap_status neap_join_asof(neap_tensor *right_at, const neap_series *left_on,
                           const neap_series *right_on, int count, const neap_series *left_by,
                           const neap_series *right_by, const neap_asof_options *o);

/* rows ----------------------------------------------------------------------------------------- */

/* The rows at positions (i32, from 1), 0 giving a missing value: NaN, NEAP_NAT or code 0. Integers
 * and bools become f64 when a 0 is among the positions. */
neap_status neap_series_take(neap_tensor *out, const neap_series *x, const neap_tensor *at);

/* mask[i] &= row i has a value (all) or |= (any); mask has x's rows. */
neap_status neap_series_present(const neap_series *x, bool *mask, bool any);

typedef enum {
  NEAP_FILL_VALUE,    /* value in the column's own terms: a number, ns, a code */
  NEAP_FILL_FORWARD,  /* the last value before */
  NEAP_FILL_BACKWARD, /* the first value behind */
  NEAP_FILL_LINEAR,   /* on the line between both neighbours, by rows */
  NEAP_FILL_TIME      /* the same, by time */
} neap_fill_method;

typedef struct {
  neap_fill_method method;
  double value;
  int64_t whole;       /* value of TIME and CATEGORY */
  int64_t limit;       /* at most so many, counted from where filling begins in each gap (VALUE: in
                          each group); 0: no limit */
  const int64_t *time; /* TIME: of each row */
} neap_fill_options;

/* x with missing values filled inside the groups of g (NULL: one group of all rows; rows in no
 * group stay). Lines are drawn inside gaps only. */
neap_status neap_series_fill(neap_tensor *out, const neap_series *x, neap_groups *g,
                             const neap_fill_options *o);

#endif
