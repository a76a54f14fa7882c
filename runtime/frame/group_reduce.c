/* Statistics of groups. Most are sums of a kind: each chunk of rows fills an accumulator per group,
 * and accumulators of chunks are joined in order. The mean is found first and squares are summed
 * about it, so nothing is lost at large offsets. Quantiles gather the values of a group and select;
 * different values are counted by numbering pairs of group and value. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "frame/group.h"
#include "frame/key.h"

enum { BLOCK = 2048, RUN = 16, POLL = 1 << 16 };

const char *const neap_group_statistic_names[NEAP_GROUP_STATISTICS] = {
    [NEAP_GROUP_SIZE] = "size",         [NEAP_GROUP_COUNT] = "count",
    [NEAP_GROUP_SUM] = "sum",           [NEAP_GROUP_PROD] = "prod",
    [NEAP_GROUP_MEAN] = "mean",         [NEAP_GROUP_VAR] = "var",
    [NEAP_GROUP_STD] = "std",           [NEAP_GROUP_SKEW] = "skew",
    [NEAP_GROUP_MIN] = "min",           [NEAP_GROUP_MAX] = "max",
    [NEAP_GROUP_FIRST] = "first",       [NEAP_GROUP_LAST] = "last",
    [NEAP_GROUP_ANY] = "any",           [NEAP_GROUP_ALL] = "all",
    [NEAP_GROUP_QUANTILE] = "quantile", [NEAP_GROUP_NUNIQUE] = "nunique",
    [NEAP_GROUP_WMEAN] = "wmean",
};

/* accumulators: one of a kind for each group ----------------------------------------------------
 */

typedef double moments __attribute__((vector_size(16))); /* sum and count, added in one step */
enum { SUM, COUNT };
typedef struct {
  double low, high;
} extremes;
typedef struct {
  int64_t low, high;
} whole_extremes;
typedef struct {
  int64_t nonzero, count;
} tests;
typedef struct {
  int32_t first, last; /* rows; first -1: none */
  int64_t count;
} ends;
typedef struct {
  double sum, weight;
} weighted;

/* Rows of a chunk, up to BLOCK of them. x or whole, by what the pass asks for; present: a byte. */
typedef struct {
  const int32_t *id;
  int64_t n, row;
  const double *x, *weight;
  const int64_t *whole;
  const uint8_t *present;
  const double *about; /* the mean of each group */
} block;

static bool one_group(const int32_t *id) {
  int32_t differ = 0;
  for (int k = 1; k < RUN; k++) differ |= id[k] ^ id[0];
  return differ == 0;
}

static moments moment_of(double v) { return v == v ? (moments){v, 1} : (moments){0, 0}; }

/* RUN values of one group in four lanes: adding to one place RUN times would wait for each. */
static void add_run(const double *x, moments *into) {
  moments lane[4] = {{0}};
  for (int k = 0; k < RUN; k++) lane[k % 4] += moment_of(x[k]);
  *into += (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

static void add_moments(const block *b, void *into) {
  moments *a = into;
  int64_t i = 0;
  for (; i + RUN <= b->n; i += RUN) {
    if (one_group(b->id + i)) {
      add_run(b->x + i, &a[b->id[i]]);
      continue;
    }
    for (int k = 0; k < RUN; k++) a[b->id[i + k]] += moment_of(b->x[i + k]);
  }
  for (; i < b->n; i++) a[b->id[i]] += moment_of(b->x[i]);
}

static void add_squares(const block *b, void *into) {
  double *a = into;
  for (int64_t i = 0; i < b->n; i++) {
    double d = b->x[i] - b->about[b->id[i]];
    a[b->id[i]] += d == d ? d * d : 0;
  }
}

static void add_cubes(const block *b, void *into) {
  double *a = into;
  for (int64_t i = 0; i < b->n; i++) {
    double d = b->x[i] - b->about[b->id[i]];
    a[b->id[i]] += d == d ? d * d * d : 0;
  }
}

static void add_products(const block *b, void *into) {
  double *a = into;
  for (int64_t i = 0; i < b->n; i++)
    if (b->x[i] == b->x[i]) a[b->id[i]] *= b->x[i];
}

static void add_extremes(const block *b, void *into) {
  extremes *a = into;
  for (int64_t i = 0; i < b->n; i++) {
    double v = b->x[i]; /* comparisons with NaN are false */
    extremes *to = &a[b->id[i]];
    to->low = v < to->low ? v : to->low;
    to->high = v > to->high ? v : to->high;
  }
}

static void add_whole_sums(const block *b, void *into) {
  uint64_t *a = into;
  for (int64_t i = 0; i < b->n; i++) a[b->id[i]] += (uint64_t)b->whole[i];
}

static void add_whole_products(const block *b, void *into) {
  uint64_t *a = into;
  for (int64_t i = 0; i < b->n; i++) a[b->id[i]] *= (uint64_t)b->whole[i];
}

static void add_whole_extremes(const block *b, void *into) {
  whole_extremes *a = into;
  for (int64_t i = 0; i < b->n; i++) {
    if (!b->present[i]) continue;
    whole_extremes *to = &a[b->id[i]];
    if (b->whole[i] < to->low) to->low = b->whole[i];
    if (b->whole[i] > to->high) to->high = b->whole[i];
  }
}

static void add_tests(const block *b, void *into) {
  tests *a = into;
  for (int64_t i = 0; i < b->n; i++) {
    a[b->id[i]].nonzero += b->present[i] && b->x[i] != 0;
    a[b->id[i]].count += b->present[i];
  }
}

static void add_ends(const block *b, void *into) {
  ends *a = into;
  for (int64_t i = 0; i < b->n; i++) {
    if (!b->present[i]) continue;
    ends *to = &a[b->id[i]];
    to->last = (int32_t)(b->row + i);
    if (to->first < 0) to->first = to->last;
    to->count++;
  }
}

static void add_weighted(const block *b, void *into) {
  weighted *a = into;
  for (int64_t i = 0; i < b->n; i++) {
    double wx = b->x[i] * b->weight[i];
    bool both = b->x[i] == b->x[i] && b->weight[i] == b->weight[i];
    a[b->id[i]].sum += both ? wx : 0;
    a[b->id[i]].weight += both ? b->weight[i] : 0;
  }
}

/* joining those of the next chunk ---------------------------------------------------------------
 */

#define JOIN(name, type, body)                                                                     \
  static void name(int64_t n, void *into, const void *from) {                                      \
    type *a = into;                                                                                \
    const type *b = from;                                                                          \
    for (int64_t i = 0; i < n; i++) { body; }                                                      \
  }
JOIN(join_moments, moments, a[i] += b[i])
JOIN(join_sums, double, a[i] += b[i])
JOIN(join_products, double, a[i] *= b[i])
JOIN(join_extremes, extremes, a[i].low = fmin(a[i].low, b[i].low);
     a[i].high = fmax(a[i].high, b[i].high))
JOIN(join_whole_sums, uint64_t, a[i] += b[i])
JOIN(join_whole_products, uint64_t, a[i] *= b[i])
JOIN(join_whole_extremes, whole_extremes, if (b[i].low < a[i].low) a[i].low = b[i].low;
     if (b[i].high > a[i].high) a[i].high = b[i].high)
JOIN(join_tests, tests, a[i].nonzero += b[i].nonzero; a[i].count += b[i].count)
JOIN(join_ends, ends, if (a[i].first < 0) a[i].first = b[i].first;
     if (b[i].first >= 0) a[i].last = b[i].last; a[i].count += b[i].count)
JOIN(join_weighted, weighted, a[i].sum += b[i].sum; a[i].weight += b[i].weight)

/* A kind of accumulator: 0 bytes make an empty one unless start is given. */
typedef struct {
  size_t size;
  bool numbers, whole, present; /* what of a block it reads */
  const void *start;
  void (*add)(const block *b, void *into);
  void (*join)(int64_t n, void *into, const void *from);
} pass;

static const double one = 1;
static const uint64_t whole_one = 1;
static const extremes no_extremes = {INFINITY, -INFINITY};
static const whole_extremes no_whole = {INT64_MAX, INT64_MIN};
static const ends no_ends = {.first = -1, .last = -1};

typedef enum {
  MOMENTS,
  SQUARES, /* of x less the mean */
  CUBES,
  PRODUCTS,
  EXTREMES,
  WHOLE_SUMS,
  WHOLE_PRODUCTS,
  WHOLE_EXTREMES,
  TESTS,
  ENDS,
  WEIGHTED,
  PASSES
} pass_name;

static const pass passes[PASSES] = {
    [MOMENTS] = {sizeof(moments), true, false, false, NULL, add_moments, join_moments},
    [SQUARES] = {sizeof(double), true, false, false, NULL, add_squares, join_sums},
    [CUBES] = {sizeof(double), true, false, false, NULL, add_cubes, join_sums},
    [PRODUCTS] = {sizeof(double), true, false, false, &one, add_products, join_products},
    [EXTREMES] = {sizeof(extremes), true, false, false, &no_extremes, add_extremes, join_extremes},
    [WHOLE_SUMS] = {sizeof(uint64_t), false, true, false, NULL, add_whole_sums, join_whole_sums},
    [WHOLE_PRODUCTS] = {sizeof(uint64_t), false, true, false, &whole_one, add_whole_products,
                        join_whole_products},
    [WHOLE_EXTREMES] = {sizeof(whole_extremes), false, true, true, &no_whole, add_whole_extremes,
                        join_whole_extremes},
    [TESTS] = {sizeof(tests), true, false, true, NULL, add_tests, join_tests},
    [ENDS] = {sizeof(ends), false, false, true, &no_ends, add_ends, join_ends},
    [WEIGHTED] = {sizeof(weighted), true, false, false, NULL, add_weighted, join_weighted},
};

/* one pass over the rows ------------------------------------------------------------------------
 */

typedef struct {
  const neap_groups *g;
  const neap_series *column;
  const pass *pass;
  const double *about;
  const double *weights;
  neap_cast_fn to_f64, to_i64;
  char *partial; /* chunks x (1 + groups): in front of the groups, a place for rows in none */
} reducing;

static void see_present(const neap_series *s, int64_t begin, int64_t n, uint8_t *out) {
  const void *x = neap_tensor_data(&s->values);
  const int64_t *time = x;
  const int32_t *code = x;
  const double *wide = x;
  const float *narrow = x;
  for (int64_t i = begin; i < begin + n; i++) {
    bool there = true;
    if (s->kind == NEAP_COLUMN_TIME) there = time[i] != NEAP_NAT;
    else if (s->kind == NEAP_COLUMN_CATEGORY) there = code[i] != 0;
    else if (s->values.dtype == NEAP_F64) there = wide[i] == wide[i];
    else if (s->values.dtype == NEAP_F32) there = narrow[i] == narrow[i];
    out[i - begin] = there;
  }
}

static neap_status reduce_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const reducing *r = ctx;
  double x[BLOCK];
  int64_t whole[BLOCK];
  uint8_t present[BLOCK];
  neap_dtype dtype = r->column->values.dtype;
  size_t width = neap_dtype_size(dtype), size = r->pass->size;
  const char *values = neap_tensor_data(&r->column->values);
  char *into = r->partial + (size_t)(chunk * (r->g->count + 1)) * size;
  for (int64_t k = 0; r->pass->start && k <= r->g->count; k++)
    memcpy(into + (size_t)k * size, r->pass->start, size);
  for (; begin < end; begin += BLOCK) {
    int64_t n = end - begin < BLOCK ? end - begin : BLOCK;
    const void *from = values + (size_t)begin * width;
    if (r->pass->numbers && dtype != NEAP_F64) r->to_f64(n, x, 1, from, 1);
    if (r->pass->whole && dtype != NEAP_I64) r->to_i64(n, whole, 1, from, 1);
    if (r->pass->present) see_present(r->column, begin, n, present);
    block b = {.id = r->g->id + begin,
               .n = n,
               .row = begin,
               .x = dtype == NEAP_F64 ? from : x,
               .weight = r->weights ? r->weights + begin : NULL,
               .whole = dtype == NEAP_I64 ? from : whole,
               .present = present,
               .about = r->about};
    r->pass->add(&b, into + size);
  }
  return NEAP_OK;
}

/* *out: the accumulators of all groups, from the one of rows in none on; freed by the caller. */
static neap_status run_pass(char **out, const neap_groups *g, const neap_series *column,
                            pass_name name, const double *about, const double *weights) {
  const neap_kern *k;
  NEAP_TRY(neap_kern_select(&k));
  int64_t grain = 8 * g->count > NEAP__KEY_GRAIN ? 8 * g->count : NEAP__KEY_GRAIN;
  int64_t chunks = neap_parallel_chunks(g->rows, grain), groups = g->count + 1;
  neap_dtype dtype = column->values.dtype;
  reducing r = {g,
                column,
                &passes[name],
                about,
                weights,
                k->cast[NEAP_F64][dtype],
                k->cast[NEAP_I64][dtype],
                NULL};
  size_t size = r.pass->size;
  r.partial = neap_calloc_array((chunks ? chunks : 1) * groups, size);
  if (!r.partial) return NEAP_ENOMEM;
  neap_status st = neap_parallel_for(g->rows, grain, reduce_chunk, &r);
  for (int64_t c = 1; c < chunks && !st; c++)
    r.pass->join(groups, r.partial, r.partial + (size_t)(c * groups) * size);
  if (st) neap_free(r.partial);
  *out = st ? NULL : r.partial;
  return st;
}

/* results ---------------------------------------------------------------------------------------
 */

/* What the statistics of one column share. */
typedef struct {
  neap_groups *g;
  const neap_series *column;
  const double *weights;
  bool floats;
  char *made[PASSES];
  double *mean; /* from the place of rows in none on */
} results;

static neap_status need(results *r, pass_name name) {
  if (r->made[name]) return NEAP_OK;
  return run_pass(&r->made[name], r->g, r->column, name, r->mean ? r->mean + 1 : NULL, r->weights);
}

static neap_status need_deviations(results *r) {
  NEAP_TRY(need(r, MOMENTS));
  if (!r->mean) {
    const moments *m = (const moments *)(const void *)r->made[MOMENTS];
    r->mean = neap_alloc_array(r->g->count + 1, sizeof *r->mean);
    if (!r->mean) return NEAP_ENOMEM;
    for (int64_t i = 0; i <= r->g->count; i++) r->mean[i] = m[i][SUM] / m[i][COUNT];
  }
  return need(r, SQUARES);
}

#define OF(type, name) ((const type *)(const void *)r->made[name] + 1)

static double skew_of(double count, double squares, double cubes) {
  if (count < 3) return NAN;
  if (squares == 0) return 0;
  return count * sqrt(count - 1) / (count - 2) * cubes / (squares * sqrt(squares));
}

/* Statistic of group i as a number. */
static double number_of(const results *r, neap_group_statistic s, int64_t i) {
  double count = r->made[MOMENTS] ? OF(moments, MOMENTS)[i][COUNT] : 0;
  switch (s) {
  case NEAP_GROUP_SUM: return OF(moments, MOMENTS)[i][SUM];
  case NEAP_GROUP_PROD: return OF(double, PRODUCTS)[i];
  case NEAP_GROUP_MEAN: return OF(moments, MOMENTS)[i][SUM] / count;
  case NEAP_GROUP_VAR: return count < 2 ? NAN : OF(double, SQUARES)[i] / (count - 1);
  case NEAP_GROUP_STD: return count < 2 ? NAN : sqrt(OF(double, SQUARES)[i] / (count - 1));
  case NEAP_GROUP_SKEW: return skew_of(count, OF(double, SQUARES)[i], OF(double, CUBES)[i]);
  case NEAP_GROUP_WMEAN: return OF(weighted, WEIGHTED)[i].sum / OF(weighted, WEIGHTED)[i].weight;
  default: break;
  }
  extremes e = OF(extremes, EXTREMES)[i];
  return e.low > e.high ? NAN : s == NEAP_GROUP_MIN ? e.low : e.high;
}

/* Statistic of group i as an integer; missing of TIME is NEAP_NAT. */
static int64_t whole_of(const results *r, neap_group_statistic s, int64_t i) {
  switch (s) {
  case NEAP_GROUP_SUM: return (int64_t)OF(uint64_t, WHOLE_SUMS)[i];
  case NEAP_GROUP_PROD: return (int64_t)OF(uint64_t, WHOLE_PRODUCTS)[i];
  case NEAP_GROUP_COUNT:
    return r->floats ? (int64_t)OF(moments, MOMENTS)[i][COUNT] : OF(ends, ENDS)[i].count;
  case NEAP_GROUP_ANY: return OF(tests, TESTS)[i].nonzero > 0;
  case NEAP_GROUP_ALL: return OF(tests, TESTS)[i].nonzero == OF(tests, TESTS)[i].count;
  default: break;
  }
  whole_extremes e = OF(whole_extremes, WHOLE_EXTREMES)[i];
  return e.low > e.high ? NEAP_NAT : s == NEAP_GROUP_MIN ? e.low : e.high;
}

/* The pass a statistic reads, and the dtype of its result. */
static pass_name pass_of(const results *r, neap_group_statistic s, neap_dtype *dtype) {
  neap_dtype own = r->column->values.dtype, real = own == NEAP_F32 ? NEAP_F32 : NEAP_F64;
  bool extreme = s == NEAP_GROUP_MIN || s == NEAP_GROUP_MAX;
  *dtype = r->floats || extreme ? own : NEAP_I64;
  if (extreme) return r->floats ? EXTREMES : WHOLE_EXTREMES;
  if (s == NEAP_GROUP_SUM) return r->floats ? MOMENTS : WHOLE_SUMS;
  if (s == NEAP_GROUP_PROD) return r->floats ? PRODUCTS : WHOLE_PRODUCTS;
  bool test = s == NEAP_GROUP_ANY || s == NEAP_GROUP_ALL;
  *dtype = test ? NEAP_BOOL : s == NEAP_GROUP_COUNT ? NEAP_I64 : real;
  if (s == NEAP_GROUP_WMEAN) return WEIGHTED;
  return test ? TESTS : s == NEAP_GROUP_COUNT && !r->floats ? ENDS : MOMENTS;
}

static neap_status from_passes(neap_tensor *out, results *r, neap_group_statistic s) {
  neap_dtype dtype;
  pass_name name = pass_of(r, s, &dtype);
  NEAP_TRY(need(r, name));
  if (s == NEAP_GROUP_VAR || s == NEAP_GROUP_STD || s == NEAP_GROUP_SKEW)
    NEAP_TRY(need_deviations(r));
  if (s == NEAP_GROUP_SKEW) NEAP_TRY(need(r, CUBES));
  NEAP_TRY(neap_tensor_init_1d(out, dtype, r->g->count));
  for (int64_t i = 0; i < r->g->count; i++) {
    if (neap_dtype_is_float(dtype)) neap_tensor_set_f64(out, &i, number_of(r, s, i));
    else neap_tensor_set_i64(out, &i, whole_of(r, s, i));
  }
  return NEAP_OK;
}

static neap_status from_ends(neap_tensor *out, results *r, bool last) {
  neap_tensor at;
  NEAP_TRY(need(r, ENDS));
  NEAP_TRY(neap_tensor_init_1d(&at, NEAP_I32, r->g->count));
  int32_t *row = neap_tensor_data(&at);
  const ends *e = OF(ends, ENDS);
  for (int64_t i = 0; i < r->g->count; i++) row[i] = (last ? e[i].last : e[i].first) + 1;
  neap_status st = neap_series_take(out, r->column, &at);
  neap_tensor_drop(&at);
  return st;
}

static neap_status sizes(neap_tensor *out, const neap_groups *g) {
  NEAP_TRY(neap_tensor_init(out, NEAP_I64, 1, &g->count));
  int64_t *size = neap_tensor_data(out);
  for (int64_t i = 0; i < g->rows; i++) {
    if (i % POLL == 0 && neap_interrupted()) {
      neap_tensor_drop(out);
      return neap_interrupt_check();
    }
    if (g->id[i] >= 0) size[g->id[i]]++;
  }
  return NEAP_OK;
}

/* different values ------------------------------------------------------------------------------
 */

/* Every different pair of group and value is counted at its first row. */
static neap_status count_pairs(int64_t *count, const neap_groups *g, int32_t *value,
                               int64_t values) {
  neap__index x;
  neap__words pair = {.rows = g->rows, .a = g->id, .b = value, .width = values};
  pair.span = g->count * values;
  NEAP_TRY(neap__index_make(&x, &pair, false, true, value));
  bool *seen = neap_calloc_array(x.count, sizeof *seen);
  neap_status st = seen ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = 0; i < g->rows && !st; i++) {
    if (i % POLL == 0) st = neap_interrupt_check();
    if (value[i] < 0 || seen[value[i]]) continue;
    seen[value[i]] = true;
    count[g->id[i]]++;
  }
  neap_free(seen);
  neap__index_drop(&x);
  return st;
}

static neap_status different(neap_tensor *out, const results *r) {
  neap__index x = {0};
  neap__words w = {.rows = r->g->rows, .series = r->column};
  NEAP_TRY(neap_tensor_init(out, NEAP_I64, 1, &r->g->count));
  int32_t *value = neap_alloc_array(r->g->rows, sizeof *value);
  neap_status st = value ? neap__index_make(&x, &w, false, true, value) : NEAP_ENOMEM;
  int64_t values = x.count;
  neap__index_drop(&x);
  if (!st) st = count_pairs(neap_tensor_data(out), r->g, value, values);
  neap_free(value);
  if (st) neap_tensor_drop(out);
  return st;
}

/* quantiles -------------------------------------------------------------------------------------
 */

/* Between the elements around place q (n - 1), linearly, as tensor.quantile. */
static neap_status quantile(double *x, int64_t n, double q, double *out) {
  *out = NAN;
  if (n == 0) return NEAP_OK;
  double place = q * (double)(n - 1), below = floor(place), low, high = INFINITY;
  int64_t rank = (int64_t)below;
  NEAP_TRY(neap_select_rank(x, n, rank, &low));
  *out = low;
  if (place == below) return NEAP_OK;
  for (int64_t i = rank + 1; i < n; i++) high = x[i] < high ? x[i] : high;
  if (high > low) *out = low + (high - low) * (place - below);
  return NEAP_OK;
}

typedef struct {
  const neap_groups *g;
  const neap_series *column;
  double q;
  neap_tensor *out;
} selecting;

/* The values of a group that are not NaN, as f64. */
static int64_t gather(const neap_series *s, const neap_groups *g, int64_t group, double *to) {
  const void *x = neap_tensor_data(&s->values);
  int64_t n = 0;
  for (int64_t k = g->start[group]; k < g->start[group + 1]; k++) {
    int64_t i = g->order[k];
    double v;
    if (s->values.dtype == NEAP_F64) v = ((const double *)x)[i];
    else if (neap_dtype_is_float(s->values.dtype)) v = (double)((const float *)x)[i];
    else v = (double)neap_tensor_get_i64(&s->values, &i);
    to[n] = v;
    n += v == v;
  }
  return n;
}

static neap_status select_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const selecting *s = ctx;
  int64_t most = 0;
  for (int64_t k = begin; k < end; k++)
    if (s->g->start[k + 1] - s->g->start[k] > most) most = s->g->start[k + 1] - s->g->start[k];
  double *x = neap_alloc_array(most, sizeof *x), v = 0;
  if (!x) return NEAP_ENOMEM;
  neap_status st = NEAP_OK;
  for (int64_t k = begin; k < end && !st; k++) {
    st = quantile(x, gather(s->column, s->g, k, x), s->q, &v);
    neap_tensor_set_f64(s->out, &k, v);
  }
  neap_free(x);
  return st;
}

static neap_status quantiles(neap_tensor *out, results *r, double q) {
  if (!(q >= 0 && q <= 1)) return neap_fail(NEAP_EARG, "quantile: q is %g, must be in [0, 1]", q);
  bool narrow = r->column->values.dtype == NEAP_F32;
  NEAP_TRY(neap_groups_order(r->g));
  NEAP_TRY(neap_tensor_init_1d(out, narrow ? NEAP_F32 : NEAP_F64, r->g->count));
  selecting s = {r->g, r->column, q, out};
  int64_t grain = NEAP__KEY_GRAIN / (1 + r->g->rows / (r->g->count + 1));
  neap_status st = neap_parallel_for(r->g->count, grain > 0 ? grain : 1, select_chunk, &s);
  if (st) neap_tensor_drop(out);
  return st;
}

/* all -------------------------------------------------------------------------------------------
 */

static bool has(const neap_series *s, neap_group_statistic statistic) {
  if (s->kind == NEAP_COLUMN_TIME && (statistic == NEAP_GROUP_MIN || statistic == NEAP_GROUP_MAX))
    return true;
  if (s->kind != NEAP_COLUMN_TIME && s->kind != NEAP_COLUMN_CATEGORY) return true;
  return statistic == NEAP_GROUP_SIZE || statistic == NEAP_GROUP_COUNT ||
         statistic == NEAP_GROUP_FIRST || statistic == NEAP_GROUP_LAST ||
         statistic == NEAP_GROUP_NUNIQUE;
}

static neap_status reduce_one(neap_tensor *out, results *r, neap_group_statistic s, double q) {
  if (!has(r->column, s))
    return neap_fail(
        NEAP_EDTYPE, "group_by: column '%s' is a %s, which has no %s (it has %s)", r->column->name,
        neap_column_kind_name(r->column->kind), neap_group_statistic_names[s],
        r->column->kind == NEAP_COLUMN_TIME ? "size, count, min, max, first, last and nunique"
                                            : "size, count, first, last and nunique");
  switch (s) {
  case NEAP_GROUP_SIZE: return sizes(out, r->g);
  case NEAP_GROUP_FIRST: return from_ends(out, r, false);
  case NEAP_GROUP_LAST: return from_ends(out, r, true);
  case NEAP_GROUP_NUNIQUE: return different(out, r);
  case NEAP_GROUP_QUANTILE: return quantiles(out, r, q);
  default: return from_passes(out, r, s);
  }
}

neap_status neap_group_reduce(neap_tensor *out, neap_groups *g, const neap_series *column,
                              int count, const neap_group_statistic *statistic,
                              const double *parameter, const double *weights) {
  results r = {.g = g, .column = column, .weights = weights};
  memset(out, 0, (size_t)count * sizeof *out);
  if (column->values.size[0] != g->rows)
    return neap_fail(NEAP_ESHAPE, "group_by: column '%s' has %lld rows, but the frame has %lld",
                     column->name, (long long)column->values.size[0], (long long)g->rows);
  r.floats = neap_dtype_is_float(column->values.dtype);
  neap_status st = NEAP_OK;
  for (int i = 0; i < count && !st; i++)
    st = reduce_one(&out[i], &r, statistic[i], parameter ? parameter[i] : 0);
  for (int i = 0; i < count && st; i++) neap_tensor_drop(&out[i]);
  for (int k = 0; k < PASSES; k++) neap_free(r.made[k]);
  neap_free(r.mean);
  return st;
}
