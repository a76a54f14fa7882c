/* draw.h — private to tensor: filling tensors with random numbers, piece by piece.
 *
 * Element i is made from draw next + i of the stream and that draw's substreams, so any cut of the
 * work gives the same numbers. A draw function makes f64 numbers; the driver converts them. */
#ifndef NEAP_TENSOR_DRAW_H
#define NEAP_TENSOR_DRAW_H

#include "tensor/tensor.h"

enum { NEAP__PIECE = 512, NEAP__DRAWS = 8192 }; /* numbers at a time; numbers in a pool chunk */

typedef struct {
  const neap_kern *kern;
  neap_rng rng;        /* next is the draw of element 0 */
  const double *a, *b; /* parameters of element i are a[i * as], b[i * bs]; steps are 0 or 1 */
  int64_t as, bs;
} neap__draws;

/* Make y[0..n) for the elements at, at + 1, ...; n <= NEAP__PIECE. */
typedef void (*neap__draw_fn)(const neap__draws *d, int64_t at, int64_t n, double *y);

/* A fresh tensor filled by fn, and r moved on; d holds the parameters. */
neap_status neap__draw(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size,
                       neap__draw_fn fn, neap__draws *d, neap_rng *r);

/* The blocks of elements at, at + 1, ... from substream number sub. */
typedef struct {
  uint64_t low[NEAP__PIECE], high[NEAP__PIECE];
} neap__blocks;
void neap__draw_blocks(const neap__draws *d, uint64_t sub, int64_t at, int64_t n, neap__blocks *b);

/* What neap_rng_below_at gives, bits being those of its draw; few draws need a second look. */
static inline uint64_t neap__below(const neap_rng *r, uint64_t index, uint64_t bits, uint64_t n) {
  __extension__ typedef unsigned __int128 wide;
  wide product = (wide)bits * n;
  if ((uint64_t)product < n) return neap_rng_below_at(r, index, n);
  return (uint64_t)(product >> 64);
}

/* Numbers of successes and events; see discrete.c. */
typedef struct {
  double mean, n, p, q;                  /* n = INFINITY: Poisson */
  bool flipped;                          /* counts failures, p being above 1/2 */
  double first, slope, step;             /* mean < 10: inversion */
  double a, b, center, quick, log_scale; /* else transformed rejection */
} neap__counts;
neap__counts neap__counts_poisson(double rate);
neap__counts neap__counts_binomial(double n, double p);

/* The number that draw index of r gives, block being that of r itself. Attempts after the first
 * take substreams base + 1, base + 2, ... */
double neap__count(const neap__counts *c, neap_rng_block block, const neap_rng *r, uint64_t index,
                   uint64_t base);

/* log of the probability of whole k: within 1e-12 (relative, where it is below -1) at any mean. */
double neap__log_poisson(double k, double rate);
double neap__log_binomial(double k, double n, double p, double q);

void neap__draw_poisson(const neap__draws *d, int64_t at, int64_t n, double *y);
void neap__draw_binomial(const neap__draws *d, int64_t at, int64_t n, double *y);

#endif
