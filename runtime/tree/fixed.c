/* Fixed point: how wide gradients may be, and rounding them to it. */
#include <math.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "tree/engine.h"

enum { CHUNK = 16384 };

/* scale ---------------------------------------------------------------------------------------- */

static int bit_length(int64_t n) {
  int bits = 0;
  for (; n > 0; n >>= 1) bits++;
  return bits;
}

/* A cell's second word holds rows in shift bits and the sum of hessians above, below the sign bit;
 * the sum of n numbers of h_bits bits has h_bits + bit_length(n) bits. */
void neap__scale_widths(neap__scale *s, int64_t rows) {
  int length = bit_length(rows);
  int room = 62 - 2 * length;
  s->shift = length;
  s->g_bits = 30;
  s->h_bits = room < 30 ? room : 30;
}

typedef struct {
  const neap__scale *s;
  const int32_t *row;
  neap__pair *pairs;
  double g, h;     /* factors towards integers */
  float *top;      /* per chunk: max |g|, max h */
  neap__cell *sum; /* per chunk */
} fix_job;

static neap_status find_top(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const fix_job *job = ctx;
  float g = 0, h = 0;
  for (int64_t i = begin; i < end; i++) {
    float a = fabsf(job->pairs[i].real.g), b = job->pairs[i].real.h;
    g = a > g ? a : g;
    h = b > h ? b : h;
    if (a != a || b != b) g = HUGE_VALF; /* counts as not finite */
  }
  job->top[2 * chunk] = g;
  job->top[2 * chunk + 1] = h;
  return NEAP_OK;
}

/* A number from [0, 1) for the gradient and one for the hessian, by splitmix64 of row and key. */
static inline void draw(uint64_t key, int32_t row, double *g, double *h) {
  uint64_t z = key + ((uint64_t)row + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  *g = (double)(int64_t)(z >> 32) * 0x1p-32;
  *h = (double)(int64_t)(z & 0xffffffffu) * 0x1p-32;
}

/* floor(v + u) of small v: v rounded up with the chance of its fraction when u is drawn, to the
 * nearest when it is a half. */
static inline int32_t round_up(double v, double u) { return (int32_t)(v + u + 1024) - 1024; }

static neap_status quantise_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const fix_job *job = ctx;
  neap__cell sum = {0, 0};
  for (int64_t i = begin; i < end; i++) {
    neap__pair *p = &job->pairs[i];
    double u = 0.5, v = 0.5;
    if (job->s->stochastic) draw(job->s->key, job->row[i], &u, &v);
    p->fixed.g = round_up((double)p->real.g * job->g, u);
    p->fixed.h = round_up((double)p->real.h * job->h, v);
    sum += neap__pair_cell(*p, job->s->shift);
  }
  job->sum[chunk] = sum;
  return NEAP_OK;
}

static neap_status fix_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const fix_job *job = ctx;
  neap__cell sum = {0, 0};
  for (int64_t i = begin; i < end; i++) {
    neap__pair *p = &job->pairs[i];
    double g = (double)p->real.g * job->g, h = (double)p->real.h * job->h;
    p->fixed.g = (int32_t)(g + (g < 0 ? -0.5 : 0.5));
    p->fixed.h = (int32_t)(h + 0.5);
    sum += neap__pair_cell(*p, job->s->shift);
  }
  job->sum[chunk] = sum;
  return NEAP_OK;
}

/* The power of two that brings values up to top just below 2^bits, and its inverse. */
static double factor(double top, int bits, double *inverse) {
  int e = 0;
  frexp(top, &e);
  if (top == 0) e = 0;
  *inverse = ldexp(1, e - bits);
  return ldexp(1, bits - e);
}

/* The factor that brings top to levels, and its inverse. */
static double quotient(int levels, double top, double *inverse) {
  *inverse = top > 0 ? top / levels : 1;
  return 1 / *inverse;
}

/* The factors of s from the largest gradients. */
static neap_status choose_factors(neap__scale *s, fix_job *job, int64_t n) {
  double g = 0, h = 0;
  NEAP_TRY(neap_parallel_for(n, CHUNK, find_top, job));
  for (int64_t c = 0; c < neap_parallel_chunks(n, CHUNK); c++) {
    g = fmax(g, (double)job->top[2 * c]);
    h = fmax(h, (double)job->top[2 * c + 1]);
  }
  if (!(g < HUGE_VAL && h < HUGE_VAL))
    return neap_fail(NEAP_EVALUE, "gbdt.fit: a gradient is not finite; scale the labels, or "
                                  "lower the weights or learning_rate");
  if (s->levels) {
    job->g = quotient(s->levels / 2, g, &s->g);
    job->h = quotient(s->levels, h, &s->h);
  } else {
    job->g = factor(g, s->g_bits, &s->g);
    job->h = factor(h, s->h_bits, &s->h);
  }
  return NEAP_OK;
}

neap_status neap__scale_fix(neap__scale *s, const int32_t *row, neap__pair *pairs, int64_t n,
                            neap__cell *total) {
  int64_t chunks = neap_parallel_chunks(n, CHUNK);
  fix_job job = {.s = s,
                 .row = row,
                 .pairs = pairs,
                 .top = neap_alloc_array(2 * chunks, sizeof *job.top),
                 .sum = neap_alloc_array(chunks, sizeof *job.sum)};
  neap_status st = job.top && job.sum ? choose_factors(s, &job, n) : NEAP_ENOMEM;
  if (!st) st = neap_parallel_for(n, CHUNK, s->levels ? quantise_chunk : fix_chunk, &job);
  *total = (neap__cell){0, 0};
  for (int64_t c = 0; !st && c < chunks; c++) *total += job.sum[c];
  neap_free(job.top);
  neap_free(job.sum);
  return st;
}

/* sources -------------------------------------------------------------------------------------- */

typedef struct {
  const neap__pair *all;
  const int32_t *row;
  neap__pair *pairs;
} gather_job;

static neap_status gather_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const gather_job *job = ctx;
  for (int64_t i = begin; i < end; i++) job->pairs[i] = job->all[job->row[i]];
  return NEAP_OK;
}

static neap_status gather(const void *all, const int32_t *row, int64_t n, neap__pair *pairs) {
  return neap_parallel_for(n, CHUNK, gather_chunk, &(gather_job){all, row, pairs});
}

neap__source neap__source_of(const neap__pair *all) { return (neap__source){gather, all}; }
