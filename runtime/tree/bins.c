/* Binning: quantiles of a sample of rows, then one pass over the matrix. Bounds lie halfway between
 * neighbouring values, so that a model does not hang on the exact numbers it was trained on. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/order.h"
#include "base/pool.h"
#include "base/rng.h"
#include "tree/engine.h"

enum { ROWS_PER_CHUNK = 1024, PAD = 256, POLL_ROWS = 1 << 14 };

/* sorting -------------------------------------------------------------------------------------- */

/* Sort keys of doubles by bytes, least significant first, leaving out bytes that all keys share.
 * Returns the array (a or b) that holds the result. */
static uint64_t *sort_keys(uint64_t *a, uint64_t *b, int64_t n) {
  int64_t count[8][256] = {{0}};
  for (int64_t i = 0; i < n; i++)
    for (int k = 0; k < 8; k++) count[k][a[i] >> (8 * k) & 255]++;
  for (int k = 0; k < 8; k++) {
    if (n == 0 || count[k][a[0] >> (8 * k) & 255] == n) continue;
    int64_t at[256], sum = 0;
    for (int d = 0; d < 256; d++) at[d] = sum, sum += count[k][d];
    for (int64_t i = 0; i < n; i++) b[at[a[i] >> (8 * k) & 255]++] = a[i];
    uint64_t *swap = a;
    a = b;
    b = swap;
  }
  return a;
}

/* bounds --------------------------------------------------------------------------------------- */

/* A number t with a <= t < b, near the middle. */
static double between(double a, double b) {
  double t = a / 2 + b / 2;
  if (isinf(b)) t = DBL_MAX;
  if (isinf(a)) t = -DBL_MAX;
  return t >= a && t < b ? t : a;
}

typedef struct {
  double *value;
  int64_t *count;
  int64_t n;
} distinct;

/* Every value its own bin, unless it has too few rows. */
static int32_t separate(const distinct *d, int64_t min_data, double *bound) {
  int32_t bins = 0;
  int64_t rows = 0;
  for (int64_t i = 0; i + 1 < d->n; i++) {
    rows += d->count[i];
    if (rows < min_data) continue;
    bound[bins++] = between(d->value[i], d->value[i + 1]);
    rows = 0;
  }
  return bins + 1;
}

/* More values than bins: values that fill a bin by themselves get one, the rest share what is left
 * in equal portions, which shrink or grow as bins are used up. */
static int32_t share(const distinct *d, int64_t total, int64_t max_bin, int64_t min_data,
                     double *bound) {
  double portion = (double)total / (double)max_bin;
  int64_t rest = total, free = max_bin;
  for (int64_t i = 0; i < d->n; i++)
    if ((double)d->count[i] >= portion) {
      rest -= d->count[i];
      free--;
    }
  double heavy = portion;
  if (free > 0) portion = (double)rest / (double)free;
  int32_t bins = 0;
  int64_t rows = 0;
  for (int64_t i = 0; i + 1 < d->n && bins + 1 < max_bin; i++) {
    bool big = (double)d->count[i] >= heavy, big_next = (double)d->count[i + 1] >= heavy;
    rows += d->count[i];
    if (!big) rest -= d->count[i];
    bool full = (double)rows >= portion || (big_next && (double)rows >= portion / 2);
    if ((!big && !full) || rows < min_data) continue;
    bound[bins++] = between(d->value[i], d->value[i + 1]);
    rows = 0;
    if (!big && --free > 0) portion = (double)rest / (double)free;
  }
  return bins + 1;
}

/* Bounds from n sorted keys without NaN; returns the number of bins. */
static int32_t find_bounds(const uint64_t *keys, int64_t n, int64_t max_bin, int64_t min_data,
                           distinct *d, double *bound) {
  d->n = 0;
  for (int64_t i = 0; i < n; i++) {
    if (i == 0 || keys[i] != keys[i - 1]) {
      d->value[d->n] = neap_order_value(keys[i]);
      d->count[d->n++] = 0;
    }
    d->count[d->n - 1]++;
  }
  if (d->n <= 1) return (int32_t)d->n;
  return d->n <= max_bin ? separate(d, min_data, bound) : share(d, n, max_bin, min_data, bound);
}

/* looking at every row ------------------------------------------------------------------------- */

/* Smallest, largest and missing values, by thread: none of them depends on the order of rows. */
typedef struct {
  const neap__matrix *x;
  double *low, *high; /* [threads][columns] */
  bool *missing;
} look_job;

static neap_status look_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const look_job *job = ctx;
  double v[ROWS_PER_CHUNK];
  int64_t first = neap_worker() * job->x->columns;
  for (int64_t c = 0; c < job->x->columns; c++) {
    double low = job->low[first + c], high = job->high[first + c];
    bool missing = false;
    neap__matrix_column(job->x, c, begin, end - begin, v);
    for (int64_t i = 0; i < end - begin; i++) {
      missing |= isnan(v[i]);
      low = v[i] < low ? v[i] : low;
      high = v[i] > high ? v[i] : high;
    }
    job->low[first + c] = low;
    job->high[first + c] = high;
    job->missing[first + c] |= missing;
  }
  return neap_interrupt_check();
}

static void merge_looks(neap__bins *b, const look_job *job, int threads) {
  for (int64_t c = 0; c < b->columns; c++) {
    double low = INFINITY, high = -INFINITY;
    for (int64_t at = c; at < threads * b->columns; at += b->columns) {
      low = fmin(low, job->low[at]);
      high = fmax(high, job->high[at]);
      b->feature[c].missing |= job->missing[at];
    }
    b->low[c] = low <= high ? low : NAN;
    b->high[c] = low <= high ? high : NAN;
  }
}

static neap_status look(neap__bins *b, const neap__matrix *x) {
  int threads = neap_threads();
  int64_t n = threads * b->columns;
  look_job job = {x, neap_alloc_array(n, sizeof *job.low), neap_alloc_array(n, sizeof *job.high),
                  neap_calloc_array(n, sizeof *job.missing)};
  neap_status st = job.low && job.high && job.missing ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = 0; !st && i < n; i++) {
    job.low[i] = INFINITY;
    job.high[i] = -INFINITY;
  }
  if (!st) st = neap_parallel_for(x->rows, ROWS_PER_CHUNK, look_chunk, &job);
  if (!st) merge_looks(b, &job, threads);
  neap_free(job.low);
  neap_free(job.high);
  neap_free(job.missing);
  return st;
}

/* sampling ------------------------------------------------------------------------------------- */

typedef struct {
  const neap__matrix *x;
  neap__bins *b;
  int64_t max_bin, min_data, samples;
  neap_rng rng;
} sample_job;

/* Row number i of the sample: one at random from each of equal stretches, so it is sorted. */
static int64_t sample_row(const sample_job *job, int64_t i) {
  int64_t n = job->x->rows, k = job->samples;
  if (k == n) return i;
  int64_t begin = i * n / k, end = (i + 1) * n / k;
  double u = neap_rng_uniform_at(&job->rng, (uint64_t)i);
  return begin + (int64_t)(u * (double)(end - begin));
}

/* Cut one column at quantiles of the n keys, which are sorted in place; spare holds as many. */
static void cut_column(const sample_job *job, int64_t column, uint64_t *keys, int64_t n,
                       uint64_t *spare, distinct *d) {
  neap__feature *f = &job->b->feature[column];
  f->input = (int32_t)column;
  f->bound = job->b->bounds + column * PAD;
  for (int k = 0; k < PAD; k++) f->bound[k] = INFINITY;
  f->bins = find_bounds(sort_keys(keys, spare, n), n, job->max_bin, job->min_data, d, f->bound);
}

/* A few neighbouring columns at once: their values in a row share a cache line. */
static neap_status sample_columns(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const sample_job *job = ctx;
  int64_t room = job->samples, n[NEAP__BIN_COLUMNS] = {0};
  uint64_t *keys = neap_alloc_array(room * (end - begin), sizeof *keys);
  uint64_t *spare = neap_alloc_array(room, sizeof *spare);
  distinct d = {.count = neap_alloc_array(room, sizeof *d.count),
                .value = neap_alloc_array(room, sizeof *d.value)};
  neap_status st = keys && spare && d.count && d.value ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = 0; !st && i < room; i++) {
    int64_t row = sample_row(job, i);
    if (i % POLL_ROWS == 0) st = neap_interrupt_check();
    for (int64_t c = begin; c < end; c++) {
      const neap__categories *of = job->b->categories;
      double v = of && of[c].value ? of[c].value[row] : neap__matrix_get(job->x, row, c);
      if (!isnan(v)) keys[(c - begin) * room + n[c - begin]++] = neap_order_key(v);
    }
  }
  for (int64_t c = begin; !st && c < end; c++) {
    cut_column(job, c, keys + (c - begin) * room, n[c - begin], spare, &d);
    st = neap_interrupt_check();
  }
  neap_free(d.value);
  neap_free(d.count);
  neap_free(spare);
  neap_free(keys);
  return st;
}

/* filling -------------------------------------------------------------------------------------- */

typedef struct {
  const neap__matrix *x;
  const neap__bins *b;
  uint8_t *bin;
} fill_job;

/* Numbers, or codes; of categories that are ordered the values of training while there are any. */
static void read_values(const fill_job *job, const neap__feature *f, int64_t begin, int64_t n,
                        double *v) {
  if (f->categories && f->categories->value)
    memcpy(v, f->categories->value + begin, (size_t)n * sizeof *v);
  else neap__matrix_column(job->x, f->input, begin, n, v);
}

static neap_status fill_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const fill_job *job = ctx;
  double v[ROWS_PER_CHUNK];
  int32_t used = job->b->used;
  for (int32_t k = 0; k < used; k++) {
    const neap__feature *f = &job->b->feature[k];
    uint8_t *out = job->bin + begin * used + k;
    read_values(job, f, begin, end - begin, v);
    if (f->categories && !f->categories->value)
      NEAP_TRY(neap__categories_fill(f, v, end - begin, begin, out, used));
    else
      for (int64_t i = 0; i < end - begin; i++)
        out[i * used] = isnan(v[i]) ? (uint8_t)f->bins : neap__bin_of(f->bound, v[i]);
  }
  return neap_interrupt_check();
}

neap_status neap__bins_apply(const neap__bins *b, const neap__matrix *x, uint8_t *bin) {
  return neap_parallel_for(x->rows, ROWS_PER_CHUNK, fill_chunk, &(fill_job){x, b, bin});
}

/* Keep the features that have something to split on, in the order of the columns. */
static void select_features(neap__bins *b) {
  int64_t cells = 0;
  for (int64_t c = 0; c < b->columns; c++) {
    neap__feature f = b->feature[c];
    if (f.bins + f.missing < 2 || f.bins == 0) continue;
    cells += f.bins + f.missing;
    b->feature[b->used++] = f;
  }
  /* Even distances make sums quicker and may waste as much memory as is used. */
  b->even = 2 * cells >= (int64_t)b->used * PAD;
  for (int32_t k = 0; k < b->used; k++) {
    b->feature[k].offset = b->offset[k] = b->cells;
    b->cells += b->even ? PAD : b->feature[k].bins + b->feature[k].missing;
  }
}

static neap_status fill_grid(neap__bins *b, const neap__matrix *x) {
  b->grid = neap_alloc_array(x->rows * (b->used ? b->used : 1), 1);
  b->row = neap_alloc_array(x->rows, sizeof *b->row);
  if (!b->grid || !b->row) return NEAP_ENOMEM;
  for (int64_t i = 0; i < x->rows; i++) b->row[i] = (int32_t)i;
  NEAP_TRY(neap__bins_apply(b, x, b->grid));
  for (int64_t c = 0; b->categories && c < b->columns; c++) {
    neap_free(b->categories[c].value);
    b->categories[c].value = NULL; /* other rows have their codes alone */
  }
  return NEAP_OK;
}

neap_status neap__bins_build(neap__bins *b, const neap__matrix *x, neap__labelled labels,
                             const neap_gbdt_options *o) {
  memset(b, 0, sizeof *b);
  b->rows = x->rows;
  b->columns = x->columns;
  b->feature = neap_calloc_array(x->columns, sizeof *b->feature);
  b->bounds = neap_alloc_array(x->columns * PAD, sizeof *b->bounds);
  b->low = neap_alloc_array(x->columns, sizeof *b->low);
  b->high = neap_alloc_array(x->columns, sizeof *b->high);
  b->offset = neap_alloc_array(x->columns, sizeof *b->offset);
  bool ok = b->feature && b->bounds && b->low && b->high && b->offset;
  neap_rng rng = neap_rng_make((uint64_t)o->seed);
  sample_job job = {.x = x,
                    .b = b,
                    .max_bin = o->max_bin,
                    .min_data = o->min_data_in_bin,
                    .samples = x->rows < NEAP__BIN_ROWS ? x->rows : NEAP__BIN_ROWS,
                    .rng = neap_rng_split(&rng, "gbdt/bins", 9)};
  neap_status st = ok ? look(b, x) : NEAP_ENOMEM;
  if (!st) st = neap__ordered_encode(b, x, labels, o);
  if (!st) st = neap_parallel_for(x->columns, NEAP__BIN_COLUMNS, sample_columns, &job);
  if (!st) st = neap__categories_find(b, x, o);
  if (!st) select_features(b);
  if (job.samples == NEAP__BIN_ROWS)
    neap_alloc_trim(); /* the grid need not stand beside the sample */
  if (!st) st = fill_grid(b, x);
  if (st) neap__bins_drop(b);
  return st;
}

void neap__bins_drop(neap__bins *b) {
  neap__categories_drop(b->categories, b->columns);
  neap_free(b->feature);
  neap_free(b->offset);
  neap_free(b->bounds);
  neap_free(b->low);
  neap_free(b->high);
  neap_free(b->grid);
  neap_free(b->row);
  memset(b, 0, sizeof *b);
}
