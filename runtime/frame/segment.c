/* Folds are the kernels' own: a block of a segment is folded as it lies, and only one with a NaN in
 * it is folded again without. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "frame/resample.h"

enum { BLOCK = 4096 };

typedef struct {
  const neap_kern *kern;
  const neap_tensor *x;
  const char *data;
  size_t size; /* of an element */
  neap_dtype dtype;
  bool floats;
  const int64_t *order, *first;
  const neap_segment_options *o;
  const double *weights;
  char *out;
} job;

static const char *const names[NEAP_SEGMENT_COUNT] = {
#define STATISTIC(name) [NEAP_SEGMENT_##name] = #name,
#include "frame/segment.def"
};

neap_status neap_segment_parse(neap_segment_op *out, const char *name) {
  char all[256] = "";
  for (int op = 0; op < NEAP_SEGMENT_COUNT; op++) {
    if (strcmp(name, names[op]) == 0) {
      *out = (neap_segment_op)op;
      return NEAP_OK;
    }
    if (op) strcat(all, ", ");
    strcat(all, names[op]);
  }
  return neap_fail(NEAP_EARG, "unknown statistic '%s' (known: %s)", name, all);
}

/* elements ------------------------------------------------------------------------------------- */

static int64_t row_of(const job *j, int64_t place) { return j->order ? j->order[place] : place; }

static int64_t integer_at(const job *j, int64_t row) {
  const char *p = j->data + (size_t)row * j->size;
  switch (j->dtype) {
  case NEAP_I64: return *(const int64_t *)(const void *)p;
  case NEAP_I32: return *(const int32_t *)(const void *)p;
  default: return *(const uint8_t *)p;
  }
}

static double number_at(const job *j, int64_t row) {
  const char *p = j->data + (size_t)row * j->size;
  if (j->dtype == NEAP_F64) return *(const double *)(const void *)p;
  if (j->dtype == NEAP_F32) return (double)*(const float *)(const void *)p;
  return (double)integer_at(j, row);
}

static bool is_missing(const job *j, int64_t row) {
  if (j->floats) return isnan(number_at(j, row));
  if (j->o->missing == NEAP_MISSING_NAN) return false;
  return integer_at(j, row) == (j->o->missing == NEAP_MISSING_NAT ? NEAP_NAT : 0);
}

static void put_missing(const job *j, char *z) {
  switch (j->dtype) {
  case NEAP_F64: *(double *)(void *)z = NAN; break;
  case NEAP_F32: *(float *)(void *)z = NAN; break;
  case NEAP_I64: *(int64_t *)(void *)z = j->o->missing == NEAP_MISSING_NAT ? NEAP_NAT : 0; break;
  default: memset(z, 0, j->size);
  }
}

/* Looked at now and then by loops over a segment, which may be long. */
static inline bool stop(int64_t at) { return (at & 0x3ffff) == 0 && neap_interrupted(); }

/* first and last ------------------------------------------------------------------------------- */

static void put_end(const job *j, int64_t k, bool last) {
  int64_t place = last ? j->first[k + 1] - 1 : j->first[k];
  int64_t n = j->first[k + 1] - j->first[k];
  char *z = j->out + (size_t)k * j->size;
  for (; n > 0 && !stop(n); n--, place += last ? -1 : 1) {
    int64_t row = row_of(j, place);
    if (is_missing(j, row)) continue;
    memcpy(z, j->data + (size_t)row * j->size, j->size);
    return;
  }
  put_missing(j, z);
}

/* folds ---------------------------------------------------------------------------------------- */

typedef struct {
  _Alignas(64) char gathered[BLOCK * 8];
  double kept[BLOCK];
} room;

/* Elements begin to begin + n of the order, side by side: where they lie, or gathered. */
static const void *block_of(const job *j, int64_t begin, int64_t n, room *r) {
  if (!j->order) return j->data + (size_t)begin * j->size;
  j->kern->take[j->dtype](n, r->gathered, j->data, j->order + begin, 0, j->x->size[0]);
  return r->gathered;
}

/* The numbers among n floats, as f64; how many there are. */
static int64_t keep_numbers(const job *j, int64_t n, const void *x, double *kept) {
  int64_t m = 0;
  if (j->dtype == NEAP_F64) {
    const double *v = x;
    for (int64_t i = 0; i < n; i++) {
      kept[m] = v[i];
      m += v[i] == v[i];
    }
  } else {
    const float *v = x;
    for (int64_t i = 0; i < n; i++) {
      kept[m] = (double)v[i];
      m += v[i] == v[i];
    }
  }
  return m;
}

enum { FEW = 16 }; /* so few that a vector would not fill */

/* Extremes of few numbers; those that are missing do not count. */
static int64_t extreme_of_few(neap_fold_op op, int64_t n, const double *x, neap_acc *acc) {
  double v = op == NEAP_FOLD_argmin ? INFINITY : -INFINITY;
  int64_t count = 0;
  if (op == NEAP_FOLD_argmin)
    for (int64_t i = 0; i < n; i++) v = x[i] < v ? x[i] : v;
  else
    for (int64_t i = 0; i < n; i++) v = x[i] > v ? x[i] : v;
  for (int64_t i = 0; i < n; i++) count += x[i] == x[i];
  acc->f = v;
  return count;
}

/* What a fold leaves of a segment without its missing elements, and how many there were of others.
 * n floats that hold a NaN give a NaN, but so may infinities: those are folded twice for nothing.
 */
static int64_t fold(const job *j, neap_fold_op op, int64_t k, double center, neap_acc *total) {
  room r;
  int64_t count = 0, all = j->first[k + 1] - j->first[k];
  bool extreme = op == NEAP_FOLD_argmin || op == NEAP_FOLD_argmax;
  if (all <= FEW && j->dtype == NEAP_F64 && extreme)
    return all ? extreme_of_few(op, all, block_of(j, j->first[k], all, &r), total) : 0;
  for (int64_t at = j->first[k], end = j->first[k + 1]; at < end && !neap_interrupted();
       at += BLOCK) {
    int64_t n = end - at < BLOCK ? end - at : BLOCK;
    const void *x = block_of(j, at, n, &r);
    neap_dtype dtype = j->dtype;
    neap_acc part = {0};
    j->kern->fold[op][dtype](n, x, center, &part);
    if (j->floats && isnan(part.f)) {
      n = keep_numbers(j, n, x, r.kept);
      if (!n) continue;
      dtype = NEAP_F64;
      j->kern->fold[op][dtype](n, r.kept, center, &part);
    }
    if (count) neap_kern_merge(op, dtype, total, &part);
    else *total = part;
    count += n;
  }
  return count;
}

static void put_value(const job *j, int64_t k, const neap_acc *acc) {
  switch (j->dtype) {
  case NEAP_F64: ((double *)(void *)j->out)[k] = acc->f; break;
  case NEAP_F32: ((float *)(void *)j->out)[k] = (float)acc->f; break;
  case NEAP_I64: ((int64_t *)(void *)j->out)[k] = acc->i; break;
  case NEAP_I32: ((int32_t *)(void *)j->out)[k] = (int32_t)acc->i; break;
  default: ((uint8_t *)j->out)[k] = (uint8_t)acc->i;
  }
}

static void put_extreme(const job *j, int64_t k, neap_fold_op op) {
  neap_acc acc = {0};
  if (fold(j, op, k, 0, &acc)) put_value(j, k, &acc);
  else put_missing(j, j->out + (size_t)k * j->size);
}

/* Sums of floats are made in the order of rows, as whoever adds up a bar while it grows makes them:
 * a stream gives the same bits. How many numbers there were. */
static int64_t add_up(const job *j, int64_t k, double *sum) {
  int64_t begin = j->first[k], end = j->first[k + 1], count = 0;
  double total = 0;
  if (j->dtype == NEAP_F64 && !j->order) {
    const double *x = (const double *)(const void *)j->data;
    for (int64_t i = begin; i < end && !stop(i); i++) total += x[i];
    count = end - begin;
  }
  if (!count || isnan(total)) { /* with a look at each */
    total = 0;
    count = 0;
    for (int64_t at = begin; at < end && !stop(at); at++) {
      double v = number_at(j, row_of(j, at));
      if (isnan(v)) continue;
      total += v;
      count++;
    }
  }
  *sum = total;
  return count;
}

static void put_sum(const job *j, int64_t k) {
  neap_acc acc = {0};
  if (j->floats) add_up(j, k, (double *)(void *)j->out + k);
  else ((int64_t *)(void *)j->out)[k] = fold(j, NEAP_FOLD_sum, k, 0, &acc) ? acc.i : 0;
}

static void put_product(const job *j, int64_t k) {
  neap_acc acc = {0};
  bool any = fold(j, NEAP_FOLD_prod, k, 0, &acc) > 0;
  if (j->floats) ((double *)(void *)j->out)[k] = any ? acc.f : 1;
  else ((int64_t *)(void *)j->out)[k] = any ? acc.i : 1;
}

static int64_t mean_of(const job *j, int64_t k, double *mean) {
  int64_t n = add_up(j, k, mean);
  *mean /= (double)n; /* 0 / 0 of none */
  return n;
}

/* One pass more about the mean; what the mean itself was rounded by is taken out again (Chan,
 * Golub and LeVeque 1979, corrected two-pass). */
static double variance(const job *j, int64_t k) {
  double mean;
  neap_acc acc = {0};
  int64_t n = mean_of(j, k, &mean);
  if (n < 2) return NAN;
  fold(j, NEAP_FOLD_dev, k, mean, &acc);
  return (acc.f - acc.g * acc.g / (double)n) / (double)(n - 1);
}

static int64_t count_of(const job *j, int64_t k) {
  int64_t n = 0, begin = j->first[k], end = j->first[k + 1];
  if (!j->floats && j->o->missing == NEAP_MISSING_NAN) return end - begin;
  for (int64_t at = begin; at < end && !stop(at); at++) n += !is_missing(j, row_of(j, at));
  return n;
}

static bool holds(const job *j, int64_t k, bool all) {
  for (int64_t at = j->first[k]; at < j->first[k + 1] && !stop(at); at++) {
    int64_t row = row_of(j, at);
    if (!is_missing(j, row) && (number_at(j, row) != 0) != all) return !all;
  }
  return all;
}

/* Adjusted Fisher-Pearson coefficient: g1 sqrt(n (n - 1)) / (n - 2). */
static double skewness(const job *j, int64_t k) {
  double mean, squares = 0, cubes = 0;
  int64_t n = mean_of(j, k, &mean);
  if (n < 3) return NAN;
  for (int64_t at = j->first[k]; at < j->first[k + 1] && !stop(at); at++) {
    int64_t row = row_of(j, at);
    if (is_missing(j, row)) continue;
    double d = number_at(j, row) - mean;
    squares += d * d;
    cubes += d * d * d;
  }
  double m = (double)n;
  if (squares == 0) return 0;
  return m * sqrt(m - 1) / (m - 2) * cubes / (squares * sqrt(squares));
}

static double weighted_mean(const job *j, int64_t k) {
  double sum = 0, weight = 0;
  for (int64_t at = j->first[k]; at < j->first[k + 1] && !stop(at); at++) {
    int64_t row = row_of(j, at);
    if (is_missing(j, row) || isnan(j->weights[row])) continue;
    sum += number_at(j, row) * j->weights[row];
    weight += j->weights[row];
  }
  return sum / weight;
}

/* order ---------------------------------------------------------------------------------------- */

/* Integers that are in the order of numbers; both zeros are one. */
static int64_t key_of(double v) {
  int64_t bits;
  v += 0.0;
  memcpy(&bits, &v, sizeof bits);
  return bits ^ ((bits >> 63) & INT64_MAX);
}

static double number_of_key(int64_t key) {
  double v;
  key ^= (key >> 63) & INT64_MAX;
  memcpy(&v, &key, sizeof v);
  return v;
}

static void insert_sorted(int64_t n, int64_t *v) {
  for (int64_t i = 1; i < n; i++) {
    int64_t moved = v[i], at = i;
    for (; at > 0 && v[at - 1] > moved; at--) v[at] = v[at - 1];
    v[at] = moved;
  }
}

static void merge(int64_t n, const int64_t *a, int64_t m, const int64_t *b, int64_t *z) {
  int64_t i = 0, k = 0;
  while (i < n && k < m) {
    int64_t x = a[i], y = b[k];
    bool left = x <= y;
    *z++ = left ? x : y;
    i += left;
    k += !left;
  }
  memcpy(z, a + i, (size_t)(n - i) * sizeof *z);
  memcpy(z + n - i, b + k, (size_t)(m - k) * sizeof *z);
}

/* Runs of RUN by insertion, then merged to and fro between v and n places of spare; the result is
 * in the one that is returned. */
static int64_t *sort_keys(int64_t n, int64_t *v, int64_t *spare) {
  enum { RUN = 32 };
  for (int64_t at = 0; at < n; at += RUN) insert_sorted(n - at < RUN ? n - at : RUN, v + at);
  for (int64_t run = RUN; run < n; run *= 2) {
    for (int64_t at = 0; at < n && !neap_interrupted(); at += 2 * run) {
      int64_t left = n - at < run ? n - at : run;
      int64_t right = n - at - left < run ? n - at - left : run;
      merge(left, v + at, right, v + at + left, spare + at);
    }
    int64_t *other = v;
    v = spare;
    spare = other;
  }
  return v;
}

/* The values of a segment as keys in order, made in 2 x its size places at v. */
static int64_t *sorted(const job *j, int64_t k, int64_t *v, int64_t *count) {
  int64_t n = 0;
  for (int64_t at = j->first[k]; at < j->first[k + 1] && !stop(at); at++) {
    int64_t row = row_of(j, at);
    if (!is_missing(j, row)) v[n++] = j->floats ? key_of(number_at(j, row)) : integer_at(j, row);
  }
  *count = n;
  return sort_keys(n, v, v + n);
}

static double sorted_at(const job *j, const int64_t *v, int64_t i) {
  return j->floats ? number_of_key(v[i]) : (double)v[i];
}

/* At place q (n - 1), in proportion between two neighbours, as pandas' default. */
static double quantile(const job *j, int64_t k, double q, int64_t *v) {
  int64_t n;
  v = sorted(j, k, v, &n);
  if (!n) return NAN;
  double place = q * (double)(n - 1);
  int64_t low = (int64_t)place;
  double value = sorted_at(j, v, low), part = place - (double)low;
  return part == 0 ? value : value + (sorted_at(j, v, low + 1) - value) * part;
}

static int64_t different(const job *j, int64_t k, int64_t *v) {
  int64_t n, count = 0;
  v = sorted(j, k, v, &n);
  for (int64_t i = 0; i < n; i++) count += i == 0 || v[i] != v[i - 1];
  return count;
}

/* all segments --------------------------------------------------------------------------------- */

static double number_of(const job *j, int64_t k, int64_t *v) {
  double mean;
  switch (j->o->op) {
  case NEAP_SEGMENT_mean: return mean_of(j, k, &mean), mean;
  case NEAP_SEGMENT_var: return variance(j, k);
  case NEAP_SEGMENT_std: return sqrt(variance(j, k));
  case NEAP_SEGMENT_skew: return skewness(j, k);
  case NEAP_SEGMENT_median: return quantile(j, k, 0.5, v);
  case NEAP_SEGMENT_quantile: return quantile(j, k, j->o->q, v);
  default: return weighted_mean(j, k);
  }
}

static void reduce_one(const job *j, int64_t k, int64_t *v) {
  int64_t *integers = (int64_t *)(void *)j->out;
  switch (j->o->op) {
  case NEAP_SEGMENT_first: put_end(j, k, false); break;
  case NEAP_SEGMENT_last: put_end(j, k, true); break;
  case NEAP_SEGMENT_min: put_extreme(j, k, NEAP_FOLD_argmin); break;
  case NEAP_SEGMENT_max: put_extreme(j, k, NEAP_FOLD_argmax); break;
  case NEAP_SEGMENT_sum: put_sum(j, k); break;
  case NEAP_SEGMENT_prod: put_product(j, k); break;
  case NEAP_SEGMENT_count: integers[k] = count_of(j, k); break;
  case NEAP_SEGMENT_size: integers[k] = j->first[k + 1] - j->first[k]; break;
  case NEAP_SEGMENT_nunique: integers[k] = different(j, k, v); break;
  case NEAP_SEGMENT_any: j->out[k] = holds(j, k, false); break;
  case NEAP_SEGMENT_all: j->out[k] = holds(j, k, true); break;
  default: ((double *)(void *)j->out)[k] = number_of(j, k, v);
  }
}

static bool needs_order(neap_segment_op op) {
  return op == NEAP_SEGMENT_median || op == NEAP_SEGMENT_quantile || op == NEAP_SEGMENT_nunique;
}

static neap_status reduce_some(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const job *j = ctx;
  int64_t *v = NULL;
  if (needs_order(j->o->op)) {
    int64_t longest = 0;
    for (int64_t k = begin; k < end; k++)
      if (j->first[k + 1] - j->first[k] > longest) longest = j->first[k + 1] - j->first[k];
    v = neap_alloc_array(2 * longest + 1, sizeof *v);
    if (!v) return NEAP_ENOMEM;
  }
  neap_status st = NEAP_OK;
  for (int64_t k = begin, rows = 0; k < end && !st; k++) {
    reduce_one(j, k, v);
    rows += j->first[k + 1] - j->first[k];
    if (rows < 1 << 18) continue;
    rows = 0;
    st = neap_interrupt_check();
  }
  neap_free(v);
  return st ? st : neap_interrupt_check(); /* loops that stopped early left no result */
}

static neap_dtype dtype_of(neap_segment_op op, neap_dtype x) {
  switch (op) {
  case NEAP_SEGMENT_first:
  case NEAP_SEGMENT_last:
  case NEAP_SEGMENT_min:
  case NEAP_SEGMENT_max: return x;
  case NEAP_SEGMENT_sum:
  case NEAP_SEGMENT_prod: return neap_dtype_is_float(x) ? NEAP_F64 : NEAP_I64;
  case NEAP_SEGMENT_count:
  case NEAP_SEGMENT_size:
  case NEAP_SEGMENT_nunique: return NEAP_I64;
  case NEAP_SEGMENT_any:
  case NEAP_SEGMENT_all: return NEAP_BOOL;
  default: return NEAP_F64;
  }
}

neap_status neap_segment_reduce(neap_tensor *out, const neap_tensor *x, const int64_t *order,
                                int64_t count, const int64_t *first,
                                const neap_segment_options *o) {
  job j = {.x = x,
           .data = neap_tensor_data(x),
           .size = neap_dtype_size(x->dtype),
           .dtype = x->dtype,
           .floats = neap_dtype_is_float(x->dtype),
           .order = order,
           .first = first,
           .o = o};
  if (o->op == NEAP_SEGMENT_quantile && !(o->q >= 0 && o->q <= 1))
    return neap_fail(NEAP_EARG, "quantile: q is %g, allowed are 0 to 1", o->q);
  if (o->weights) j.weights = neap_tensor_data(o->weights);
  NEAP_TRY(neap_kern_select(&j.kern));
  NEAP_TRY(neap_tensor_init_1d(out, dtype_of(o->op, x->dtype), count));
  j.out = neap_tensor_data(out);
  int64_t rows = count ? first[count] - first[0] : 0;
  int64_t grain = rows > 0 ? count / (rows / (1 << 15) + 1) : count;
  neap_status st = neap_parallel_for(count, grain > 0 ? grain : 1, reduce_some, &j);
  if (st) neap_tensor_drop(out);
  return st;
}
