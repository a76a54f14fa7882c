/* X'VX by packed panels, and Cholesky.
 *
 * A block of rows is packed into panels of eight columns, once plain and once times v; an 8 x 8
 * tile of the result is summed in registers while the rows run through it. Each chunk of rows has
 * its own matrix; the matrices are added in chunk order. */
#include "linear/matrix.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "kern/kern.h"
#include "linear/tile.h"

enum { WIDE = NEAP_TILE, BLOCK = 128, MAX_CHUNKS = 64, LEAST_ROWS = 512 };

int64_t neap__linear_grain(int64_t n, int64_t each) {
  int64_t chunks = (INT64_C(1) << 24) / (each > 0 ? each : 1); /* 128 MB of partial sums */
  chunks = chunks < 1 ? 1 : chunks > MAX_CHUNKS ? MAX_CHUNKS : chunks;
  int64_t grain = (n + chunks - 1) / chunks;
  return grain < LEAST_ROWS ? LEAST_ROWS : grain;
}

double neap__linear_dot(int64_t n, const double *a, const double *b) {
  double lane[4] = {0};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int j = 0; j < 4; j++) lane[j] += a[i + j] * b[i + j];
  for (int j = 0; i < n; i++, j++) lane[j] += a[i] * b[i];
  return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

/* gram ----------------------------------------------------------------------------------------- */

typedef struct {
  int64_t n, f, p, panels;
  const double *x, *v;
  double *parts; /* one p x p matrix a chunk, WIDE * panels wide */
  neap_tile_fn tile;
} gram;

/* The tile of the instruction set that kern has chosen. */
static neap_status choose_tile(neap_tile_fn *tile) {
  const neap_kern *kern;
  NEAP_TRY(neap_kern_select(&kern));
  *tile = neap__linear_tile_scalar;
#ifdef NEAP_LINEAR_X86
  if (strcmp(kern->name, "avx2") == 0) *tile = neap__linear_tile_avx2;
  if (strcmp(kern->name, "avx512") == 0) *tile = neap__linear_tile_avx512;
#endif
  return NEAP_OK;
}

/* Column c of a row, or the ones, or the zeros that fill the last panel. */
static double cell(const gram *g, int64_t row, int64_t c) {
  if (c < g->f) return g->x[row * g->f + c];
  return c < g->p;
}

static void pack_row(const gram *g, int64_t row, int64_t first, double *plain, double *scaled) {
  const double v = g->v[row], *x = g->x + row * g->f + first;
  if (first + WIDE <= g->f)
    for (int j = 0; j < WIDE; j++) {
      plain[j] = x[j];
      scaled[j] = x[j] * v;
    }
  else
    for (int j = 0; j < WIDE; j++) {
      plain[j] = cell(g, row, first + j);
      scaled[j] = plain[j] * v;
    }
}

static void pack(const gram *g, int64_t begin, int64_t rows, double *plain, double *scaled) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t panel = 0; panel < g->panels; panel++) {
      int64_t at = (panel * BLOCK + r) * WIDE;
      pack_row(g, begin + r, panel * WIDE, plain + at, scaled + at);
    }
}

static neap_status add_block(const gram *g, int64_t begin, int64_t rows, double *scratch,
                             double *part) {
  double *plain = scratch, *scaled = scratch + g->panels * BLOCK * WIDE;
  int64_t stride = g->panels * WIDE;
  pack(g, begin, rows, plain, scaled);
  for (int64_t i = 0; i < g->panels; i++) {
    if (i % 64 == 0) NEAP_TRY(neap_interrupt_check());
    for (int64_t j = 0; j <= i; j++)
      g->tile(rows, scaled + i * BLOCK * WIDE, plain + j * BLOCK * WIDE,
              part + i * WIDE * stride + j * WIDE, stride);
  }
  return NEAP_OK;
}

static neap_status gram_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const gram *g = ctx;
  int64_t wide = g->panels * WIDE;
  double *scratch = neap_alloc_array(2 * BLOCK * wide, sizeof *scratch);
  neap_status st = scratch ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t at = begin; at < end && !st; at += BLOCK) {
    int64_t rows = end - at < BLOCK ? end - at : BLOCK;
    st = add_block(g, at, rows, scratch, g->parts + chunk * wide * wide);
  }
  neap_free(scratch);
  return st;
}

static void add_parts(const gram *g, int64_t chunks, double *out) {
  int64_t wide = g->panels * WIDE;
  for (int64_t i = 0; i < g->p; i++)
    for (int64_t j = 0; j <= i; j++) {
      double sum = 0;
      for (int64_t c = 0; c < chunks; c++) sum += g->parts[c * wide * wide + i * wide + j];
      out[i * g->p + j] = sum;
    }
}

neap_status neap__linear_gram(int64_t n, int64_t f, const double *x, bool ones, const double *v,
                              double *out) {
  gram g = {.n = n, .f = f, .p = f + ones, .x = x, .v = v};
  g.panels = (g.p + WIDE - 1) / WIDE;
  int64_t each = g.panels * WIDE * g.panels * WIDE, grain = neap__linear_grain(n, each);
  int64_t chunks = neap_parallel_chunks(n, grain);
  NEAP_TRY(choose_tile(&g.tile));
  g.parts = neap_calloc_array(chunks * each, sizeof *g.parts);
  if (!g.parts) return NEAP_ENOMEM;
  neap_status st = neap_parallel_for(n, grain, gram_chunk, &g);
  if (!st) add_parts(&g, chunks, out);
  neap_free(g.parts);
  return st;
}

/* cholesky ------------------------------------------------------------------------------------- */

neap_status neap__linear_cholesky(int64_t p, double *a, int64_t *column) {
  *column = -1;
  for (int64_t i = 0; i < p; i++) {
    NEAP_TRY(neap_interrupt_check());
    double *row = a + i * p;
    for (int64_t j = 0; j < i; j++)
      row[j] = (row[j] - neap__linear_dot(j, row, a + j * p)) / a[j * p + j];
    double rest = row[i] - neap__linear_dot(i, row, row);
    if (!(rest > 1e-14 * fabs(row[i]))) {
      *column = i;
      return NEAP_OK;
    }
    row[i] = sqrt(rest);
  }
  return NEAP_OK;
}

void neap__linear_solve(int64_t p, const double *l, double *b) {
  for (int64_t i = 0; i < p; i++) b[i] = (b[i] - neap__linear_dot(i, l + i * p, b)) / l[i * p + i];
  for (int64_t i = p - 1; i >= 0; i--) {
    b[i] /= l[i * p + i];
    for (int64_t j = 0; j < i; j++) b[j] -= l[i * p + j] * b[i];
  }
}
