/* tile.h — c (8 x 8, rows stride apart) += a' b for two panels of rows x 8; private to linear. The
 * panels are 64-byte aligned, c need not be. */
#ifndef NEAP_LINEAR_TILE_H
#define NEAP_LINEAR_TILE_H

#include <stdint.h>

enum { NEAP_TILE = 8 };

typedef void (*neap_tile_fn)(int64_t rows, const double *restrict a, const double *restrict b,
                             double *restrict c, int64_t stride);

void neap__linear_tile_scalar(int64_t rows, const double *restrict a, const double *restrict b,
                              double *restrict c, int64_t stride);
void neap__linear_tile_avx2(int64_t rows, const double *restrict a, const double *restrict b,
                            double *restrict c, int64_t stride);
void neap__linear_tile_avx512(int64_t rows, const double *restrict a, const double *restrict b,
                              double *restrict c, int64_t stride);

#endif
