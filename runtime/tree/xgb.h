/* xgb.h — inside the module: what reading and writing XGBoost's JSON share.
 *
 * XGBoost compares floats: left iff (float)x < condition. Trees here compare doubles: left iff x <=
 * threshold. Both functions are exact: every double x takes the way that its float takes there, and
 * every float the way back. Listed categories go right there, left here. Leaves are floats there; a
 * model read from JSON sums them as doubles, so that raw scores differ by the rounding of XGBoost's
 * sums, a few units in the last place of a float. */
#ifndef NEAP_TREE_XGB_H
#define NEAP_TREE_XGB_H

#include "tree/model.h"

typedef enum { NEAP__BASE_SAME, NEAP__BASE_LOGIT, NEAP__BASE_LOG } neap__base;

/* An objective of XGBoost: the one of LightGBM's with the same link, what base_score goes through
 * before it is added to the trees, and the block of parameters that goes with it; NULL: the name is
 * read, never written. */
typedef struct {
  const char *name, *ours;
  neap__base base;
  const char *block;
} neap__xgb_objective;

/* Ends with a NULL name. */
extern const neap__xgb_objective neap__xgb_objectives[];

/* The largest double whose nearest float is below condition. */
double neap__xgb_threshold(float condition);

/* The smallest float above threshold, at most the largest finite one. */
float neap__xgb_condition(double threshold);

/* What a base_score adds to the margins, as XGBoost computes it in floats; NaN when the link does
 * not take it. Versions that write lists take probabilities of 0 and 1 too, and bound them. */
double neap__xgb_margin(neap__base link, bool listed, float base_score);

/* neap_gbdt_parse for JSON. */
neap_status neap__gbdt_parse_json(neap_gbdt **out, const char *text, int64_t n);

#endif
