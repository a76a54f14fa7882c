#include "tree/xgb.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define SHARED_BLOCK "\"reg_loss_param\":{\"scale_pos_weight\":\"1\"}"
#define RANK_BLOCK   "\"lambda_rank_param\":{\"fix_list_weight\":\"0\",\"num_pairsample\":\"1\"}"

const neap__xgb_objective neap__xgb_objectives[] = {
    {"binary:logistic", "binary", NEAP__BASE_LOGIT, SHARED_BLOCK},
    {"binary:logitraw", "binary", NEAP__BASE_SAME, NULL},
    {"binary:hinge", "binary", NEAP__BASE_SAME, NULL},
    {"multi:softprob", "multiclass", NEAP__BASE_SAME, ""},
    {"multi:softmax", "multiclass", NEAP__BASE_SAME, NULL},
    {"reg:squarederror", "regression", NEAP__BASE_SAME, SHARED_BLOCK},
    {"reg:linear", "regression", NEAP__BASE_SAME, NULL},
    {"reg:squaredlogerror", "regression", NEAP__BASE_SAME, NULL},
    {"reg:absoluteerror", "regression_l1", NEAP__BASE_SAME, ""},
    {"reg:pseudohubererror", "huber", NEAP__BASE_SAME,
     "\"pseudo_huber_param\":{\"huber_slope\":\"1\"}"},
    {"reg:quantileerror", "quantile", NEAP__BASE_SAME, NULL},
    {"count:poisson", "poisson", NEAP__BASE_LOG,
     "\"poisson_regression_param\":{\"max_delta_step\":\"0.7\"}"},
    {"reg:gamma", "gamma", NEAP__BASE_LOG, SHARED_BLOCK},
    {"reg:tweedie", "tweedie", NEAP__BASE_LOG,
     "\"tweedie_regression_param\":{\"tweedie_variance_power\":\"1.5\"}"},
    {"reg:logistic", "cross_entropy", NEAP__BASE_LOGIT, SHARED_BLOCK},
    {"rank:pairwise", "lambdarank", NEAP__BASE_SAME, RANK_BLOCK},
    {"rank:ndcg", "lambdarank", NEAP__BASE_SAME, NULL},
    {"rank:map", "lambdarank", NEAP__BASE_SAME, NULL},
    {NULL, NULL, NEAP__BASE_SAME, NULL},
};

/* Between a float and the one below lies the double that halves the gap; it rounds to the one whose
 * last bit is 0. Below -FLT_MAX comes -inf, to which doubles round as if it were -2^128. */
double neap__xgb_threshold(float condition) {
  float below = nextafterf(condition, -INFINITY);
  double middle = ((isinf(below) ? -0x1p128 : (double)below) + (double)condition) / 2;
  uint32_t bits;
  memcpy(&bits, &below, sizeof bits);
  return bits & 1 ? nextafter(middle, -INFINITY) : middle;
}

float neap__xgb_condition(double threshold) {
  if (threshold >= (double)FLT_MAX) return FLT_MAX;
  float f = (float)threshold;
  if ((double)f > threshold) f = nextafterf(f, -INFINITY);
  return nextafterf(f, INFINITY);
}

double neap__xgb_margin(neap__base link, bool listed, float base_score) {
  const float least = 1e-6F;
  float p = base_score;
  if (link == NEAP__BASE_SAME) return isfinite(p) ? (double)p : NAN;
  if (link == NEAP__BASE_LOG) return p > 0 && isfinite(p) ? (double)(float)log((double)p) : NAN;
  if (listed && p >= 0 && p <= 1) p = p < least ? least : p > 1 - least ? 1 - least : p;
  return p > 0 && p < 1 ? (double)-(float)log((double)(1 / p - 1)) : NAN;
}
