/* fft.h — private to tensor: Fourier transforms of rows of complex numbers.
 *
 * A plan is made for one length n and transforms any number of rows; what it does to a row depends
 * on n only, and is done with the same bits alone, among other rows and at any thread count.
 *   up to 64 points: eight rows are transformed side by side, one in each lane.
 *   n = n1 n2, both of small factors: n2 transforms of n1 side by side, factors, and n1 transforms
 *     of n2 side by side (Bailey 1990, "FFTs in external or hierarchical memory"); as a whole while
 *     all fits into a cache, in blocks of eight columns and eight rows beyond.
 *   a prime factor above 13: as a convolution, by transforms of a length of small factors
 *     (Bluestein 1970, "A linear filtering approach to the computation of discrete Fourier
 *     transform"). */
#ifndef NEAP_TENSOR_FFT_H
#define NEAP_TENSOR_FFT_H

#include "tensor/tensor.h"

typedef struct neap__fft neap__fft;

/* A plan for n >= 1 points, and giving it back, NULL too. The last one given back is kept, if it is
 * small, for whoever asks next. */
neap_status neap__fft_take(neap__fft **out, int64_t n);
void neap__fft_give(neap__fft *f);

/* Rows of n pairs (re, im), zs and xs doubles apart: z[k] = scale sum_j x[j] exp(-+2 pi i jk/n), +
 * for the inverse. z may be x. */
typedef struct {
  int64_t rows, zs, xs;
  double *z;
  const double *x;
  bool inverse;
  double scale;
} neap__fft_rows;
neap_status neap__fft_run(const neap__fft *f, const neap__fft_rows *r);

/* exp(-2 pi i k/2n) for k <= n/2: fine[k % length] coarse[k / length], pairs, length being a power
 * of two. */
typedef struct {
  int64_t length;
  double *fine, *coarse;
} neap__half_turns;
const neap__half_turns *neap__fft_half_turns(const neap__fft *f);

/* root[0], root[1] = cos, -sin of 2 pi k/n for 0 <= k < n < 2^56, within 1e-16: from an angle of
 * at most pi/4, exact where the value is. */
void neap__root(double *root, int64_t k, int64_t n);

#endif
