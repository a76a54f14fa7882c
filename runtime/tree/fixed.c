/* Fixed point: how wide gradients may be, and rounding them to it. */
#include <math.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "kern/kern.h"
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
  neap__pair *pairs;
  double g, h; /* factors towards integers */
  float *top;  /* per chunk: max |g|, max h */
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

static neap_status fix_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const fix_job *job = ctx;
  for (int64_t i = begin; i < end; i++) {
    double g = (double)job->pairs[i].real.g * job->g, h = (double)job->pairs[i].real.h * job->h;
    job->pairs[i].fixed.g = (int32_t)(g + (g < 0 ? -0.5 : 0.5));
    job->pairs[i].fixed.h = (int32_t)(h + 0.5);
  }
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

neap_status neap__scale_fix(neap__scale *s, neap__pair *pairs, int64_t n) {
  int64_t chunks = neap_parallel_chunks(n, CHUNK);
  fix_job job = {.pairs = pairs, .top = neap_alloc_array(2 * chunks, sizeof(float))};
  if (!job.top) return NEAP_ENOMEM;
  neap_status st = neap_parallel_for(n, CHUNK, find_top, &job);
  double g = 0, h = 0;
  for (int64_t c = 0; !st && c < chunks; c++) {
    g = fmax(g, (double)job.top[2 * c]);
    h = fmax(h, (double)job.top[2 * c + 1]);
  }
  neap_free(job.top);
  if (st) return st;
  if (!(g < HUGE_VAL && h < HUGE_VAL))
    return neap_fail(NEAP_EVALUE, "gbdt.fit: a gradient is not finite; scale the labels or lower "
                                  "the weights");
  job.g = factor(g, s->g_bits, &s->g);
  job.h = factor(h, s->h_bits, &s->h);
  return neap_parallel_for(n, CHUNK, fix_chunk, &job);
}

/* loops ---------------------------------------------------------------------------------------- */

extern const neap__loops neap__loops_scalar, neap__loops_avx2, neap__loops_avx512;

const neap__loops *neap__loops_at(int i) {
  static const neap__loops *const tables[] = {
    &neap__loops_scalar,
#if defined(NEAP_TREE_X86)
    &neap__loops_avx2,
    &neap__loops_avx512,
#endif
  };
  bool there = i < (int)(sizeof tables / sizeof *tables) && neap_kern_at(i);
  return there ? tables[i] : NULL;
}

neap_status neap__loops_select(const neap__loops **out) {
  const neap_kern *kern;
  NEAP_TRY(neap_kern_select(&kern));
  *out = neap__loops_at(0);
  for (int i = 0; neap__loops_at(i); i++)
    if (neap_kern_at(i) == kern) *out = neap__loops_at(i);
  return NEAP_OK;
}
