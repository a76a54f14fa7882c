/* Scores to start from, and leaves set anew: what minimises the loss over many rows at once. */
#include <math.h>

#include "base/order.h"
#include "base/pool.h"
#include "tree/link.h"
#include "tree/objective.h"

enum { CHUNK = 16384, FEW = 32, BITS = 10 };

static double weight_of(const neap__loss *l, int64_t i) {
  return l->weight ? (double)l->weight[i] : 1;
}

/* weighted quantiles --------------------------------------------------------------------------- */

static void swap(neap__weighted *a, neap__weighted *b) {
  neap__weighted t = *a;
  *a = *b;
  *b = t;
}

/* Bring the items that hold the wanted place to the front: *below is the weight of those left
 * behind that lie under them. Cuts the range of keys into 2^BITS pieces and keeps one; false when
 * all keys are equal. */
static bool narrow(neap__weighted *a, int64_t *count, double target, int64_t *below) {
  uint64_t low = UINT64_MAX, high = 0;
  for (int64_t i = 0; i < *count; i++) {
    low = a[i].key < low ? a[i].key : low;
    high = a[i].key > high ? a[i].key : high;
  }
  if (low == high) return false;
  int length = 64 - __builtin_clzll(high - low), shift = length > BITS ? length - BITS : 0;
  int64_t sum[1 << BITS] = {0};
  for (int64_t i = 0; i < *count; i++) sum[(a[i].key - low) >> shift] += a[i].weight;
  uint64_t piece = 0, last = (high - low) >> shift;
  while (piece < last && (double)(*below + sum[piece]) < target) *below += sum[piece++];
  int64_t kept = 0;
  for (int64_t i = 0; i < *count; i++)
    if ((a[i].key - low) >> shift == piece) swap(&a[kept++], &a[i]);
  *count = kept;
  return true;
}

static void sort_few(neap__weighted *a, int64_t n) {
  for (int64_t i = 1; i < n; i++)
    for (int64_t j = i; j > 0 && a[j].key < a[j - 1].key; j--) swap(&a[j], &a[j - 1]);
}

/* The place of the share alpha, 0 < alpha < 1, of the weight of n items, whose order changes: the
 * lowest value up to which at least alpha of the weight lies, and the middle between it and the
 * next when it is exactly alpha. Every such value minimises the pinball loss, and a row of weight 2
 * is a row given twice. 0 when there is no weight. Takes O(n) steps for any order of values. */
static double weighted_quantile(neap__weighted *items, int64_t n, double alpha) {
  int64_t total = 0, below = 0, count = n, at = 0;
  for (int64_t i = 0; i < n; i++) total += items[i].weight;
  if (total == 0) return 0;
  double target = alpha * (double)total;
  while (count > FEW && narrow(items, &count, target, &below)) continue;
  if (count <= FEW) sort_few(items, count);
  while ((double)(below += items[at].weight) < target) at++;
  uint64_t key = items[at].key, next = UINT64_MAX;
  for (; at + 1 < count && items[at + 1].key == key; at++) below += items[at + 1].weight;
  if ((double)below == target)
    for (int64_t i = 0; i < n; i++)
      if (items[i].key > key && items[i].key < next && items[i].weight > 0) next = items[i].key;
  if (next == UINT64_MAX) return neap_order_value(key);
  return neap_order_value(key) / 2 + neap_order_value(next) / 2; /* the sum could overflow */
}

static neap__weighted item(const neap__loss *l, double score, int64_t row) {
  double w = weight_of(l, row), y = l->target[row];
  if (l->objective == NEAP_OBJECTIVE_MAPE) w *= 1 / fmax(1, fabs(y));
  return (neap__weighted){neap_order_key(y - score), (int64_t)(w * l->unit + 0.5)};
}

/* starting ------------------------------------------------------------------------------------- */

static double log_odds(double p) {
  p = fmin(fmax(p, 1e-15), 1 - 1e-15);
  return log(p / (1 - p));
}

/* Sums with what rounding loses carried along (Neumaier), so that the mean of whole numbers is that
 * of any other exact sum. */
typedef struct {
  double sum, lost;
} exact;

static void add(exact *e, double v) {
  double sum = e->sum + v;
  e->lost += fabs(e->sum) >= fabs(v) ? (e->sum - sum) + v : (v - sum) + e->sum;
  e->sum = sum;
}

/* start[k] = share of the weight that class k has; of two classes only that of the second. */
static void shares(const neap__loss *l, double *start) {
  double sum = 0;
  for (int64_t i = 0; i < l->rows; i++) {
    double w = weight_of(l, i);
    if (l->columns > 1) start[(int64_t)l->target[i]] += w;
    else start[0] += l->target[i] > 0 ? w : 0;
    sum += w;
  }
  for (int64_t k = 0; k < l->columns; k++) start[k] /= sum;
}

/* The mean in which rows below at count weigh low and the others high. */
static double mean_around(const neap__loss *l, double at, double low, double high) {
  exact sum = {0}, weights = {0};
  for (int64_t i = 0; i < l->rows; i++) {
    double y = l->target[i], w = weight_of(l, i) * (y < at ? low : high);
    add(&sum, w * y);
    add(&weights, w);
  }
  return (sum.sum + sum.lost) / (weights.sum + weights.lost);
}

static double mean(const neap__loss *l) { return mean_around(l, 0, 1, 1); }

/* The mean in which rows above it weigh alpha and rows below 1 - alpha, repeated until it stays:
 * each step is the minimum of a quadratic that touches the loss, so few are needed. */
static double expectile(const neap__loss *l) {
  double m = mean(l), alpha = l->o->alpha;
  for (int step = 0; step < 100; step++) {
    double next = mean_around(l, m, 1 - alpha, alpha);
    if (next == m) break;
    m = next;
  }
  return m;
}

static double quantile(const neap__loss *l, int64_t column) {
  for (int64_t i = 0; i < l->rows; i++) l->items[i] = item(l, 0, i);
  return weighted_quantile(l->items, l->rows, l->alpha[column]);
}

static double value_start(const neap__loss *l, int64_t column) {
  switch (l->objective) {
  case NEAP_OBJECTIVE_CROSS_ENTROPY: return log_odds(mean(l));
  case NEAP_OBJECTIVE_POISSON:
  case NEAP_OBJECTIVE_GAMMA:
  case NEAP_OBJECTIVE_TWEEDIE: return log(fmax(mean(l), 1e-15));
  case NEAP_OBJECTIVE_L1:
  case NEAP_OBJECTIVE_MAPE:
  case NEAP_OBJECTIVE_QUANTILE: return quantile(l, column);
  case NEAP_OBJECTIVE_EXPECTILE: return expectile(l);
  default: return mean(l);
  }
}

void neap__loss_start(const neap__loss *l, double *start) {
  neap__labels labels = neap__labels_of(l->o);
  double sigmoid = l->objective == NEAP_OBJECTIVE_FOCAL ? 1 : l->o->sigmoid;
  for (int64_t k = 0; k < l->columns; k++) start[k] = 0;
  if (l->objective == NEAP_OBJECTIVE_CUSTOM) return; /* neap_trainer_start may say */
  if (labels == NEAP__TWO || labels == NEAP__MANY) shares(l, start);
  for (int64_t k = 0; k < l->columns; k++) {
    if (l->objective == NEAP_OBJECTIVE_MULTICLASS) start[k] = log(fmax(start[k], 1e-15));
    else if (labels == NEAP__TWO || labels == NEAP__MANY) start[k] = log_odds(start[k]) / sigmoid;
    else if (labels == NEAP__VALUES) start[k] = value_start(l, k);
  }
}

/* leaves --------------------------------------------------------------------------------------- */

bool neap__objective_renews(neap_objective o) {
  return o == NEAP_OBJECTIVE_L1 || o == NEAP_OBJECTIVE_MAPE || o == NEAP_OBJECTIVE_QUANTILE;
}

bool neap__loss_renews(const neap__loss *l) {
  return neap__objective_renews(l->objective) || l->custom.renew || l->custom.alpha > 0;
}

double neap__loss_quantile(const neap__loss *l, int64_t column, const double *scores,
                           const int32_t *rows, int64_t count, neap__weighted *items) {
  for (int64_t i = 0; i < count; i++) items[i] = item(l, scores[rows[i]], rows[i]);
  return weighted_quantile(items, count, l->alpha[column]);
}

typedef struct {
  const neap__loss *l;
  const neap__bins *b;
  const neap__grower *g;
  const double *scores;
  double alpha;
  neap__tree *tree;
} renew_job;

/* Rows begin to end of the grid, in which leaf lies behind leaf. */
static neap_status gather(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const renew_job *job = ctx;
  const int32_t *rows = job->b->row;
  for (int64_t i = begin; i < end; i++)
    job->l->items[i] = item(job->l, job->scores[rows[i]], rows[i]);
  return NEAP_OK;
}

static neap_status renew_one(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const renew_job *job = ctx;
  for (int64_t leaf = begin; leaf < end; leaf++) {
    int64_t first, count;
    neap__grower_leaf(job->g, (int32_t)leaf, &first, &count);
    job->tree->leaf_value[leaf] = weighted_quantile(job->l->items + first, count, job->alpha);
  }
  return NEAP_OK;
}

static neap_status renew_custom(const renew_job *job, int64_t column) {
  const neap_gbdt_custom *c = &job->l->custom;
  for (int32_t leaf = 0; leaf < job->tree->leaves; leaf++) {
    int64_t first, count;
    double *value = &job->tree->leaf_value[leaf];
    neap__grower_leaf(job->g, leaf, &first, &count);
    NEAP_TRY(c->renew(c->ctx, column, job->b->row + first, count, value));
    if (!(fabs(*value) < HUGE_VAL))
      return neap_fail(NEAP_EVALUE, "gbdt.fit: objective: renew gave %g for a leaf of %lld rows",
                       *value, (long long)count);
  }
  return NEAP_OK;
}

neap_status neap__loss_renew(const neap__loss *l, int64_t column, const double *scores,
                             const neap__bins *b, const neap__grower *g, neap__tree *tree) {
  renew_job job = {l, b, g, scores, l->alpha ? l->alpha[column] : 0, tree};
  if (l->custom.renew) return renew_custom(&job, column);
  NEAP_TRY(neap_parallel_for(neap__grower_grown(g), CHUNK, gather, &job));
  return neap_parallel_for(tree->leaves, 1, renew_one, &job);
}
