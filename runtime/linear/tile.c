/* The innermost loop of X'VX, compiled once per instruction set: NEAP_TILE_NAME names it,
 * NEAP_TILE_LANES is the width of a register, NEAP_TILE_STRIP how many rows of the tile are summed
 * at a time so that all sums stay in registers. Every element is one sum in row order without
 * fused operations, so all of them give the same bits. */
#include "linear/tile.h"

#define JOIN(a, b) a##b
#define TILE(name) JOIN(neap__linear_tile_, name)

enum { LANES = NEAP_TILE_LANES, STRIP = NEAP_TILE_STRIP, PARTS = NEAP_TILE / LANES };

typedef double lanes __attribute__((vector_size(8 * NEAP_TILE_LANES), may_alias));

static void strip(int64_t rows, const double *restrict a, const double *restrict b,
                  double *restrict c, int64_t stride) {
  lanes sum[STRIP][PARTS] = {{{0}}};
  for (int64_t r = 0; r < rows; r++) {
    const lanes *right = (const lanes *)(b + r * NEAP_TILE);
    for (int j = 0; j < STRIP; j++)
      for (int k = 0; k < PARTS; k++) sum[j][k] += a[r * NEAP_TILE + j] * right[k];
  }
  for (int j = 0; j < STRIP; j++)
    for (int k = 0; k < NEAP_TILE; k++) c[j * stride + k] += sum[j][k / LANES][k % LANES];
}

void TILE(NEAP_TILE_NAME)(int64_t rows, const double *restrict a, const double *restrict b,
                          double *restrict c, int64_t stride) {
  for (int j = 0; j < NEAP_TILE; j += STRIP) strip(rows, a + j, b, c + j * stride, stride);
}
