/* Losses of rows: the first and second derivative of each in its raw score. */
#include "tree/objective.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "tree/link.h"

enum { CHUNK = 4096, BLOCK = 256 }; /* rows of a task, and of a pass within it */

static const neap__objective_row rows[] = {
#define OBJECTIVE(NAME, name, LINK, LABELS) {name, NEAP__LINK_##LINK, NEAP__##LABELS},
#include "tree/objectives.def"
#undef OBJECTIVE
};

const neap__objective_row *neap__objective_at(neap_objective o) { return &rows[o]; }

const char *neap_objective_name(neap_objective o) { return rows[o].name; }

neap__labels neap__labels_of(const neap_gbdt_options *o) {
  if (o->objective != NEAP_OBJECTIVE_CUSTOM) return rows[o->objective].labels;
  if (o->link == NEAP_CUSTOM_SIGMOID) return NEAP__TWO;
  return o->link == NEAP_CUSTOM_SOFTMAX ? NEAP__MANY : NEAP__VALUES;
}

neap_objective neap__objective_of(const char *text) {
  size_t n = strcspn(text, " ");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strlen(rows[i].name) == n && strncmp(text, rows[i].name, n) == 0) return (neap_objective)i;
  return NEAP_OBJECTIVE_IDENTITY;
}

/* one row -------------------------------------------------------------------------------------- */

/* Derivatives of the loss at score s of label y, in a column. */
typedef struct {
  double g, h;
} slope;

typedef slope (*row_slope)(const neap__loss *l, double s, double y, int64_t column);

static slope absolute(const neap__loss *l, double s, double y, int64_t column) {
  (void)l, (void)column;
  return (slope){(s > y) - (s < y), 1};
}

static slope huber(const neap__loss *l, double s, double y, int64_t column) {
  (void)column;
  double off = s - y, limit = l->o->alpha;
  return (slope){off < -limit ? -limit : off > limit ? limit : off, 1};
}

/* c^2 (|x| / c - log(1 + |x| / c)) of the error x. */
static slope fair(const neap__loss *l, double s, double y, int64_t column) {
  (void)column;
  double off = s - y, c = l->o->fair_c, under = fabs(off) + c;
  return (slope){c * off / under, c * c / (under * under)};
}

/* alpha (y - s) above the score, (1 - alpha) (s - y) below it. */
static slope quantile(const neap__loss *l, double s, double y, int64_t column) {
  return (slope){s >= y ? 1 - l->alpha[column] : -l->alpha[column], 1};
}

/* |alpha - [y < s]| (y - s)^2, so that alpha = 0.5 is half the squared error; the second derivative
 * is exact. Newey and Powell 1987. */
static slope expectile(const neap__loss *l, double s, double y, int64_t column) {
  (void)column;
  double w = 2 * (y < s ? 1 - l->o->alpha : l->o->alpha);
  return (slope){w * (s - y), w};
}

/* The error as a share of the label; labels within -1 and 1 count as 1. */
static double label_weight(double y) { return 1 / fmax(1, fabs(y)); }

static slope mape(const neap__loss *l, double s, double y, int64_t column) {
  (void)l, (void)column;
  return (slope){((s > y) - (s < y)) * label_weight(y), 1};
}

/* e^s - y s; the second derivative is e^s times a safeguard. */
static slope poisson(const neap__loss *l, double s, double y, int64_t column) {
  (void)column;
  double e = neap__exp(s);
  return (slope){e - y, e * l->scale};
}

/* s + y e^-s. */
static slope gamma_loss(const neap__loss *l, double s, double y, int64_t column) {
  (void)l, (void)column;
  double e = y * neap__exp(-s);
  return (slope){1 - e, e};
}

/* -y e^((1 - r) s) / (1 - r) + e^((2 - r) s) / (2 - r) for variance power r. */
static slope tweedie(const neap__loss *l, double s, double y, int64_t column) {
  (void)column;
  double r = l->o->tweedie_variance_power;
  double a = y * neap__exp((1 - r) * s), b = neap__exp((2 - r) * s);
  return (slope){b - a, (2 - r) * b - (1 - r) * a};
}

static slope cross_entropy(const neap__loss *l, double s, double y, int64_t column) {
  (void)l, (void)column;
  double p = neap__sigmoid(s);
  return (slope){p - y, p * (1 - p)};
}

/* -a (1 - p)^c log p with p = sigmoid(z) the probability of the row's own class, z = s or -s, a =
 * focal_alpha or 1 - focal_alpha, c = focal_gamma (Lin et al. 2017). With q = 1 - p
 *   d/dz    = a q^c (c p log p - q)
 *   d2/dz2  = a p q^c ((1 + 2 c) q + c (q - c p) log p)
 * which is negative for rows far on the wrong side; without its only negative part, c q log p, it
 * is a bound that is above 0 everywhere and the log loss's p q when c = 0. */
static slope focal(const neap__loss *l, double s, double y, int64_t column) {
  (void)column;
  double z = y > 0 ? s : -s, a = y > 0 ? l->o->focal_alpha : 1 - l->o->focal_alpha;
  double c = l->o->focal_gamma, p = neap__sigmoid(z), q = neap__sigmoid(-z);
  double log_p = z > 0 ? -log1p(neap__exp(-z)) : z - log1p(neap__exp(z));
  double scale = a * pow(q, c), g = scale * (c * p * log_p - q);
  return (slope){y > 0 ? g : -g, scale * p * ((1 + 2 * c) * q - c * c * p * log_p)};
}

static const row_slope slopes[] = {
    [NEAP_OBJECTIVE_L1] = absolute,         [NEAP_OBJECTIVE_HUBER] = huber,
    [NEAP_OBJECTIVE_FAIR] = fair,           [NEAP_OBJECTIVE_QUANTILE] = quantile,
    [NEAP_OBJECTIVE_EXPECTILE] = expectile, [NEAP_OBJECTIVE_MAPE] = mape,
    [NEAP_OBJECTIVE_POISSON] = poisson,     [NEAP_OBJECTIVE_GAMMA] = gamma_loss,
    [NEAP_OBJECTIVE_TWEEDIE] = tweedie,     [NEAP_OBJECTIVE_CROSS_ENTROPY] = cross_entropy,
    [NEAP_OBJECTIVE_FOCAL] = focal,
};

/* all rows ------------------------------------------------------------------------------------- */

typedef struct {
  const neap__loss *l;
  const double *scores;
  neap__pair *pairs;
  const neap__loops *loops;
} pairs_job;

static inline neap__pair pair(double g, double h) {
  return (neap__pair){.real = {(float)g, (float)h}};
}

static inline double weight_of(const neap__loss *l, int64_t i) {
  return l->weight ? (double)l->weight[i] : 1;
}

/* Log loss of each column against the rest: one column for two classes. */
static void binary_pairs(const pairs_job *job, int64_t begin, int64_t end) {
  const neap__loss *l = job->l;
  double sigmoid = l->o->sigmoid, p[BLOCK];
  for (int64_t k = 0; k < l->columns; k++) {
    const double *scores = job->scores + k * l->rows;
    neap__pair *pairs = job->pairs + k * l->rows;
    double own = l->columns > 1 ? (double)k : 1;
    double positive = l->class_weight[2 * k + 1], negative = l->class_weight[2 * k];
    job->loops->sigmoid(end - begin, sigmoid, scores + begin, p);
    for (int64_t i = begin; i < end; i++) {
      double y = l->target[i] == own ? 1 : 0, q = p[i - begin];
      double w = weight_of(l, i) * (y > 0 ? positive : negative);
      pairs[i] = pair(sigmoid * (q - y) * w, sigmoid * sigmoid * q * (1 - q) * w);
    }
  }
}

static void multiclass_pairs(const pairs_job *job, int64_t begin, int64_t end) {
  const neap__loss *l = job->l;
  int64_t n = end - begin, classes = l->columns;
  const double *target = l->target + begin;
  double factor = (double)classes / (double)(classes - 1), top[BLOCK], sum[BLOCK], p[BLOCK];
  for (int64_t i = 0; i < n; i++) top[i] = job->scores[begin + i], sum[i] = 0;
  for (int64_t k = 1; k < classes; k++) {
    const double *scores = job->scores + k * l->rows + begin;
    for (int64_t i = 0; i < n; i++) top[i] = top[i] > scores[i] ? top[i] : scores[i];
  }
  for (int64_t k = 0; k < 2 * classes; k++) { /* sums first, then shares of them */
    const double *scores = job->scores + k % classes * l->rows + begin;
    neap__pair *pairs = job->pairs + k % classes * l->rows + begin;
    for (int64_t i = 0; i < n; i++) p[i] = scores[i] - top[i];
    job->loops->exp(n, p, p);
    for (int64_t i = 0; k < classes && i < n; i++) sum[i] += p[i];
    for (int64_t i = 0; k >= classes && i < n; i++) {
      double q = p[i] / sum[i], y = target[i] == (double)(k - classes), w = weight_of(l, begin + i);
      pairs[i] = pair((q - y) * w, factor * q * (1 - q) * w);
    }
  }
}

static void squared_pairs(const pairs_job *job, int64_t begin, int64_t end) {
  const neap__loss *l = job->l;
  for (int64_t i = begin; i < end; i++) {
    double w = weight_of(l, i);
    job->pairs[i] = pair((job->scores[i] - l->target[i]) * w, w);
  }
}

static void other_pairs(const pairs_job *job, int64_t begin, int64_t end) {
  const neap__loss *l = job->l;
  row_slope f = slopes[l->objective];
  for (int64_t k = 0; k < l->columns; k++)
    for (int64_t i = begin; i < end; i++) {
      double w = weight_of(l, i);
      slope d = f(l, job->scores[k * l->rows + i], l->target[i], k);
      job->pairs[k * l->rows + i] = pair(d.g * w, d.h * w);
    }
}

static void block_pairs(const pairs_job *job, int64_t begin, int64_t end) {
  switch (job->l->objective) {
  case NEAP_OBJECTIVE_REGRESSION: squared_pairs(job, begin, end); break;
  case NEAP_OBJECTIVE_BINARY:
  case NEAP_OBJECTIVE_OVA: binary_pairs(job, begin, end); break;
  case NEAP_OBJECTIVE_MULTICLASS: multiclass_pairs(job, begin, end); break;
  default: other_pairs(job, begin, end);
  }
}

static neap_status pairs_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t i = begin; i < end; i += BLOCK)
    block_pairs(ctx, i, i + BLOCK < end ? i + BLOCK : end);
  return NEAP_OK;
}

/* The caller's derivatives, refused where the engine could only go wrong. */
typedef struct {
  const neap__loss *l;
  const double *g, *h;
  neap__pair *pairs;
} custom_job;

static neap_status custom_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const custom_job *job = ctx;
  for (int64_t i = begin; i < end; i++) {
    long long row = i % job->l->rows + 1;
    if (!(fabs(job->g[i]) < HUGE_VAL))
      return neap_fail(NEAP_EVALUE, "gbdt.fit: objective: the gradient of row %lld is %g", row,
                       job->g[i]);
    if (!(job->h[i] >= 0 && job->h[i] < HUGE_VAL))
      return neap_fail(NEAP_EVALUE, "gbdt.fit: objective: the hessian of row %lld is %g%s", row,
                       job->h[i], job->h[i] < 0 ? ", it must not be negative" : "");
    job->pairs[i] = pair(job->g[i], job->h[i]);
  }
  return NEAP_OK;
}

static neap_status custom_pairs(const neap__loss *l, const double *scores, neap__pair *pairs) {
  int64_t n = l->rows * l->columns;
  if (!l->custom.slopes) return neap_fail(NEAP_EARG, "gbdt.fit: the objective has no derivatives");
  double *g = neap_alloc_array(2 * n, sizeof *g);
  if (!g) return NEAP_ENOMEM;
  neap_status st = l->custom.slopes(l->custom.ctx, scores, g, g + n);
  if (!st) st = neap_parallel_for(n, CHUNK, custom_chunk, &(custom_job){l, g, g + n, pairs});
  neap_free(g);
  return st;
}

neap_status neap__loss_pairs(const neap__loss *l, const double *scores, neap__pair *pairs) {
  if (l->objective == NEAP_OBJECTIVE_CUSTOM) return custom_pairs(l, scores, pairs);
  if (l->objective == NEAP_OBJECTIVE_LAMBDARANK) return neap__rank_pairs(l, scores, pairs);
  pairs_job job = {l, scores, pairs, NULL};
  NEAP_TRY(neap__loops_select(&job.loops));
  return neap_parallel_for(l->rows, CHUNK, pairs_chunk, &job);
}

bool neap__loss_is_plain(const neap__loss *l) {
  bool own = l->objective == NEAP_OBJECTIVE_REGRESSION || l->objective == NEAP_OBJECTIVE_BINARY;
  bool other = l->objective < (neap_objective)(sizeof slopes / sizeof *slopes) &&
               slopes[l->objective] != NULL;
  return l->columns == 1 && (own || other);
}

typedef struct {
  pairs_job all;
  double start;
  const int32_t *row;
} rows_job;

/* A block of rows brought together, as if they were all there are. */
static void rows_block(const rows_job *job, int64_t begin, int64_t n) {
  double scores[BLOCK], target[BLOCK];
  float weight[BLOCK];
  neap__loss l = *job->all.l;
  for (int64_t i = 0; i < n; i++) {
    int64_t r = job->row[begin + i];
    scores[i] = job->all.scores[r] + job->start;
    target[i] = l.target[r];
    if (l.weight) weight[i] = l.weight[r];
  }
  l.rows = n;
  l.target = target;
  if (l.weight) l.weight = weight;
  block_pairs(&(pairs_job){&l, scores, job->all.pairs + begin, job->all.loops}, 0, n);
}

static neap_status rows_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t i = begin; i < end; i += BLOCK)
    rows_block(ctx, i, i + BLOCK < end ? BLOCK : end - i);
  return NEAP_OK;
}

neap_status neap__loss_pairs_of(const neap__loss *l, const double *scores, double start,
                                const int32_t *row, int64_t n, neap__pair *pairs) {
  rows_job job = {{l, scores, pairs, NULL}, start, row};
  NEAP_TRY(neap__loops_select(&job.all.loops));
  return neap_parallel_for(n, CHUNK, rows_chunk, &job);
}

/* opening -------------------------------------------------------------------------------------- */

/* What rows in and out of each column's class weigh; is_unbalance lifts the rarer side. */
static neap_status open_classes(neap__loss *l) {
  l->class_weight = neap_calloc_array(2 * l->columns, sizeof *l->class_weight);
  if (!l->class_weight) return NEAP_ENOMEM;
  for (int64_t i = 0; i < l->rows; i++) {
    int64_t k = (int64_t)l->target[i];
    if (l->columns > 1 || k == 1) l->class_weight[l->columns > 1 ? 2 * k + 1 : 1]++;
  }
  for (int64_t k = 0; k < l->columns; k++) {
    double *w = l->class_weight + 2 * k, in = w[1], out = (double)l->rows - in;
    bool lift = l->o->is_unbalance && in > 0 && out > 0;
    w[0] = lift && in > out ? in / out : 1;
    w[1] = (lift && in <= out ? out / in : 1) * l->o->scale_pos_weight;
  }
  return NEAP_OK;
}

static neap_status open_roots(neap__loss *l) {
  l->roots = neap_alloc_array(l->rows, sizeof *l->roots);
  if (!l->roots) return NEAP_ENOMEM;
  for (int64_t i = 0; i < l->rows; i++)
    l->roots[i] = copysign(sqrt(fabs(l->target[i])), l->target[i]);
  l->target = l->roots;
  return NEAP_OK;
}

static neap_status open_alphas(neap__loss *l) {
  const neap_gbdt_options *o = l->o;
  l->alpha = neap_alloc_array(l->columns, sizeof *l->alpha);
  if (!l->alpha) return NEAP_ENOMEM;
  double alpha = l->objective == NEAP_OBJECTIVE_QUANTILE ? o->alpha : 0.5;
  if (l->objective == NEAP_OBJECTIVE_CUSTOM) alpha = l->custom.alpha;
  for (int64_t k = 0; k < l->columns; k++)
    l->alpha[k] = o->quantile_count ? o->quantiles[k] : alpha;
  double top = l->weight ? 0 : 1;
  for (int64_t i = 0; l->weight && i < l->rows; i++) top = fmax(top, (double)l->weight[i]);
  int e;
  frexp(top, &e);
  l->unit = ldexp(1, 30 - e);
  l->items = neap_alloc_array(l->rows, sizeof *l->items);
  return l->items ? NEAP_OK : NEAP_ENOMEM;
}

neap_status neap__loss_open(neap__loss *l, const neap_gbdt_options *o, int64_t n, int64_t columns,
                            const double *target, const float *weight) {
  *l = (neap__loss){.o = o,
                    .objective = o->objective,
                    .rows = n,
                    .columns = columns,
                    .target = target,
                    .weight = weight,
                    .scale = exp(o->poisson_max_delta_step)};
  if (o->objective == NEAP_OBJECTIVE_BINARY || o->objective == NEAP_OBJECTIVE_OVA)
    NEAP_TRY(open_classes(l));
  if (o->reg_sqrt) NEAP_TRY(open_roots(l));
  return neap__loss_renews(l) ? open_alphas(l) : NEAP_OK;
}

neap_status neap__loss_custom(neap__loss *l, const neap_gbdt_custom *custom) {
  if (l->objective != NEAP_OBJECTIVE_CUSTOM)
    return neap_fail(NEAP_EARG, "gbdt.fit: objective '%s' has its own derivatives",
                     neap_objective_name(l->objective));
  if (!(custom->alpha >= 0 && custom->alpha < 1))
    return neap_fail(NEAP_EARG, "gbdt.fit: objective: renew is %g, a quantile is between 0 and 1",
                     custom->alpha);
  l->custom = *custom;
  return custom->alpha > 0 && !l->items ? open_alphas(l) : NEAP_OK;
}

void neap__loss_drop(neap__loss *l) {
  neap_free(l->roots);
  neap_free(l->class_weight);
  neap_free(l->alpha);
  neap_free(l->items);
}
