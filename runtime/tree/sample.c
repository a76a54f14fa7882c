/* Sampling: the rows and the features that a tree is grown on. A draw depends on its seed, the
 * iteration and the row alone, so a sample is the same at any number of threads and in training
 * that is continued. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "tree/trainer.h"

enum {
  CHUNK = 16384,
  DIGITS = 2048, /* values of the eleven bits that a pass of selection looks at */
  PASSES = 3,
};

neap_rng neap__draws(const neap_trainer *t, int64_t seed, const char *purpose, int64_t number) {
  char name[64];
  int n = snprintf(name, sizeof name, "gbdt/%s/%lld", purpose, (long long)number);
  neap_rng rng = neap_rng_make((uint64_t)(seed < 0 ? t->o.seed : seed));
  return neap_rng_split(&rng, name, (size_t)n);
}

bool neap__samples_rows(const neap_gbdt_options *o) {
  bool share =
      o->bagging_fraction < 1 || o->pos_bagging_fraction < 1 || o->neg_bagging_fraction < 1;
  return o->data_sample_strategy == NEAP_SAMPLE_GOSS || (o->bagging_freq > 0 && share);
}

neap_status neap__sample_open(neap__sample *s, const neap_gbdt_options *o, int64_t rows) {
  if (!neap__samples_rows(o)) return NEAP_OK;
  s->kept = neap_alloc_array(rows, 1);
  s->piece = neap_alloc_array(neap_parallel_chunks(rows, CHUNK) + 1, sizeof *s->piece);
  return s->kept && s->piece ? NEAP_OK : NEAP_ENOMEM;
}

void neap__sample_drop(neap__sample *s) {
  neap_free(s->kept);
  neap_free(s->piece);
}

/* chunks --------------------------------------------------------------------------------------- */

static neap_status count_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  neap__sample *s = ctx;
  int64_t n = 0;
  for (int64_t i = begin; i < end; i++) n += s->kept[i];
  s->piece[chunk] = n;
  return NEAP_OK;
}

/* Numbers in piece become the sums of those before them; their total. */
static int64_t sums_before(int64_t *piece, int64_t n) {
  int64_t sum = 0;
  for (int64_t c = 0; c < n; c++) {
    int64_t own = piece[c];
    piece[c] = sum;
    sum += own;
  }
  return sum;
}

/* A sample is never empty: the first row is in it when no other is. */
static neap_status at_least_one(neap__sample *s, int64_t n) {
  NEAP_TRY(neap_parallel_for(n, CHUNK, count_chunk, s));
  if (sums_before(s->piece, neap_parallel_chunks(n, CHUNK)) == 0) s->kept[0] = 1;
  return NEAP_OK;
}

/* bagging -------------------------------------------------------------------------------------- */

typedef struct {
  neap__sample *s;
  const double *target;
  double share[2]; /* of rows with a target up to 0, above 0 */
  neap_rng rng;
} bag_job;

static neap_status bag_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  bag_job *job = ctx;
  for (int64_t i = begin; i < end; i++) {
    double share = job->share[job->target[i] > 0];
    job->s->kept[i] = neap_rng_uniform_at(&job->rng, (uint64_t)i) < share;
  }
  return NEAP_OK;
}

/* Each row is in the bag with its class's chance, drawn anew every bagging_freq iterations. */
static neap_status draw_bag(neap_trainer *t, int64_t iteration) {
  const neap_gbdt_options *o = &t->o;
  if (t->sample.drawn && iteration % o->bagging_freq != 0) return NEAP_OK;
  bool by_class = o->pos_bagging_fraction < 1 || o->neg_bagging_fraction < 1;
  bag_job job = {.s = &t->sample,
                 .target = t->set[0].target,
                 .rng = neap__draws(t, o->bagging_seed, "bag", iteration / o->bagging_freq)};
  job.share[0] = by_class ? o->neg_bagging_fraction : o->bagging_fraction;
  job.share[1] = by_class ? o->pos_bagging_fraction : o->bagging_fraction;
  NEAP_TRY(neap_parallel_for(t->set[0].rows, CHUNK, bag_chunk, &job));
  t->sample.drawn = true;
  return at_least_one(&t->sample, t->set[0].rows);
}

/* gradient-based one-side sampling ------------------------------------------------------------- */

/* Ke, Meng, Finley, Wang, Chen, Ma, Ye and Liu 2017: the rows of the largest |g h| stay, of the
 * others a random share does, with gradients raised so that sums keep their expectation. Keys are
 * the bits of |g h| summed over the classes, which order as the floats do. */
typedef struct {
  neap__sample *s;
  neap__pair *pairs;
  int64_t rows, columns;
  uint32_t prefix, mask; /* keys looked at: key & mask == prefix */
  int shift;
  int64_t *count; /* [threads][DIGITS] */
  uint32_t least; /* key of the last of the top rows */
  int64_t ties;   /* top rows that have this key */
  double share;   /* of the others */
  float raise;
  neap_rng rng;
} goss_job;

static uint32_t key_of(const goss_job *job, int64_t i) {
  float sum = 0;
  for (int64_t k = 0; k < job->columns; k++) {
    neap__pair p = job->pairs[k * job->rows + i];
    sum += fabsf(p.real.g * p.real.h);
  }
  uint32_t bits;
  memcpy(&bits, &sum, sizeof bits);
  return bits;
}

/* How many of the keys looked at have which digit: whole numbers, added in any order. */
static neap_status digits_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const goss_job *job = ctx;
  int64_t *count = job->count + (int64_t)neap_worker() * DIGITS;
  for (int64_t i = begin; i < end; i++) {
    uint32_t key = key_of(job, i);
    if ((key & job->mask) == job->prefix) count[key >> job->shift & (DIGITS - 1)]++;
  }
  return NEAP_OK;
}

/* Set least to the key number top in falling order, and ties to how many of that key belong to the
 * top: digit by digit from the highest. */
static neap_status select_top(goss_job *job, int64_t top) {
  static const int shifts[PASSES] = {21, 10, 0};
  int threads = neap_threads();
  job->count = neap_alloc_array((int64_t)threads * DIGITS, sizeof *job->count);
  if (!job->count) return NEAP_ENOMEM;
  neap_status st = NEAP_OK;
  for (int pass = 0; !st && pass < PASSES; pass++) {
    job->shift = shifts[pass];
    memset(job->count, 0, (size_t)threads * DIGITS * sizeof *job->count);
    st = neap_parallel_for(job->rows, CHUNK, digits_chunk, job);
    int digit = DIGITS;
    for (int64_t here = 0; !st && digit-- > 0; top -= here) {
      here = 0;
      for (int k = 0; k < threads; k++) here += job->count[k * DIGITS + digit];
      if (here >= top) break;
    }
    uint32_t bits = pass == 2 ? 10 : 11;
    job->prefix |= (uint32_t)digit << job->shift;
    job->mask |= (((uint32_t)1 << bits) - 1) << job->shift;
  }
  neap_free(job->count);
  job->least = job->prefix;
  job->ties = top;
  return st;
}

static neap_status ties_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const goss_job *job = ctx;
  int64_t n = 0;
  for (int64_t i = begin; i < end; i++) n += key_of(job, i) == job->least;
  job->s->piece[chunk] = n;
  return NEAP_OK;
}

static void raise_row(const goss_job *job, int64_t i) {
  for (int64_t k = 0; k < job->columns; k++) {
    job->pairs[k * job->rows + i].real.g *= job->raise;
    job->pairs[k * job->rows + i].real.h *= job->raise;
  }
}

static neap_status goss_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const goss_job *job = ctx;
  int64_t ties = job->s->piece[chunk];
  for (int64_t i = begin; i < end; i++) {
    uint32_t key = key_of(job, i);
    bool top = key > job->least || (key == job->least && ties++ < job->ties);
    bool drawn = !top && neap_rng_uniform_at(&job->rng, (uint64_t)i) < job->share;
    job->s->kept[i] = top || drawn;
    if (drawn) raise_row(job, i);
  }
  return NEAP_OK;
}

static neap_status draw_goss(neap_trainer *t, int64_t iteration) {
  const neap_gbdt_options *o = &t->o;
  int64_t n = t->set[0].rows;
  t->sample.drawn = (double)iteration >= floor(1 / o->learning_rate);
  if (!t->sample.drawn) return NEAP_OK;
  goss_job job = {.s = &t->sample, .pairs = t->pairs, .rows = n, .columns = t->columns};
  int64_t top = (int64_t)((double)n * o->top_rate), others = (int64_t)((double)n * o->other_rate);
  if (top < 1) top = 1;
  if (others < 1) others = 1;
  job.share = n > top ? (double)others / (double)(n - top) : 0;
  job.raise = n > top ? (float)((double)(n - top) / (double)others) : 1;
  job.rng = neap__draws(t, o->bagging_seed, "goss", iteration);
  NEAP_TRY(select_top(&job, top));
  NEAP_TRY(neap_parallel_for(n, CHUNK, ties_chunk, &job));
  sums_before(t->sample.piece, neap_parallel_chunks(n, CHUNK));
  NEAP_TRY(neap_parallel_for(n, CHUNK, goss_chunk, &job));
  return at_least_one(&t->sample, n);
}

neap_status neap__sample_rows(neap_trainer *t) {
  int64_t iteration = neap_trainer_iterations(t);
  if (!t->sample.kept) return NEAP_OK;
  return t->o.data_sample_strategy == NEAP_SAMPLE_GOSS ? draw_goss(t, iteration)
                                                       : draw_bag(t, iteration);
}

/* features ------------------------------------------------------------------------------------- */

int32_t neap__sample_features(neap_trainer *t, int64_t tree) {
  int32_t all = t->bins.used;
  int32_t want = (int32_t)((double)all * t->o.feature_fraction + 0.5);
  if (want < 1) want = 1;
  if (want >= all) return all;
  neap_rng rng = neap__draws(t, t->o.feature_fraction_seed, "features", tree);
  int32_t kept = 0;
  for (int32_t f = 0; f < all; f++)
    if (neap_rng_below(&rng, (uint64_t)(all - f)) < (uint64_t)(want - kept)) t->use[kept++] = f;
  return kept;
}
