/* Products of matrices from the kernels of kern.h. The result is cut into tiles of about equal size
 * whose bounds depend on the shape only, and the pool shares tiles, or whole small products, out.
 *
 * In a tile, stretch by stretch of the inner dimension: the rows of a are copied together, so that
 * they stay in the second cache, unless they are few or small; then panel by panel the columns of b
 * are packed into the first cache and all rows pass over them. When there are too few columns to
 * fill a register, the transposed product is computed instead. */
#include "tensor/product.h"

#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"

/* Rows of a tile are as many as make 2 KB in one column. Pieces of about CHUNK multiplications go
 * to one thread; from SPLIT on there are two tiles at least. Operands within NEAR bytes are used
 * where they lie. ROOM separates copied rows, so that they do not compete for the same places in a
 * cache. */
enum { TILE_COLUMNS = 1024, CHUNK = 4000000, SPLIT = 10000000, NEAR = 1 << 17, ROOM = 16 };
enum { SMALL = 16384, DOTS = 64 };

typedef struct {
  const neap_tensor *c, *a, *b;
  const neap_gemm *kern;
  neap_transpose_fn transpose;
  neap_cast_fn copy;
  neap_binary_fn add;
  int64_t each; /* bytes of an element */
  bool turned;  /* c' = b' a' is computed; what follows is of that product */
  int64_t m, n, k;
  int64_t a_row, a_column, b_row, b_column; /* strides, in elements */
  int64_t tiles_down, tiles_across, batches;
  int64_t tile_rows, tile_columns; /* at most */
  bool a_near, b_near, dots;
  int64_t a_bytes, b_bytes, c_bytes; /* of scratch */
} product;

/* A part of a product: m x n of c, whose rows lie c_row apart. */
typedef struct {
  int64_t m, n, c_row;
  const char *a, *b;
  char *c, *scratch;
} tile;

static int64_t at_most(int64_t v, int64_t limit) { return v < limit ? v : limit; }

/* Where piece number i of n elements in equal pieces begins. */
static int64_t cut(int64_t n, int64_t pieces, int64_t i) {
  return n / pieces * i + at_most(i, n % pieces);
}

/* Whether copies of a keep its columns adjacent, not its rows. */
static bool by_column(const product *p) { return p->a_row == 1 && p->a_column != 1 && !p->dots; }

/* Rows of a, k long, copied side by side: rows or columns adjacent as they were. */
static void copy_rows(const product *p, const tile *t, const char *a, int64_t k, int64_t *row,
                      int64_t *column) {
  bool by_columns = by_column(p);
  int64_t outer = by_columns ? k : t->m, inner = by_columns ? t->m : k;
  int64_t outer_step = by_columns ? p->a_column : p->a_row;
  int64_t inner_step = by_columns ? 1 : p->a_column;
  for (int64_t i = 0; i < outer; i++)
    p->copy(inner, t->scratch + i * (inner + ROOM) * p->each, 1, a + i * outer_step * p->each,
            inner_step);
  *row = by_columns ? 1 : inner + ROOM;
  *column = by_columns ? inner + ROOM : 1;
}

/* Columns [j, j + n) of a tile in one stretch, b packed before. */
static void multiply_packed(const product *p, const tile *t, int64_t j, int64_t n, int64_t k,
                            const char *a, int64_t row, int64_t column, const char *b, bool add) {
  char *panel = t->scratch + p->a_bytes;
  p->kern->pack(k, n, panel, b + j * p->b_column * p->each, p->b_row, p->b_column);
  p->kern->multiply(t->m, n, k, t->c + j * p->each, t->c_row, a, row, column, panel, 0, add);
}

/* Columns of b where they lie. A rest that fills no register is computed together with columns
 * before it, once more, which changes no bit, unless it is to be added or stands alone. */
static void multiply_near(const product *p, const tile *t, int64_t k, const char *a, int64_t row,
                          int64_t column, const char *b, bool add) {
  int64_t half = p->kern->panel / 2, whole = t->n / half * half;
  if (whole) p->kern->multiply(t->m, whole, k, t->c, t->c_row, a, row, column, b, p->b_row, add);
  if (whole == t->n) return;
  if (whole && !add) {
    int64_t j = (t->n - half) * p->each;
    p->kern->multiply(t->m, half, k, t->c + j, t->c_row, a, row, column, b + j, p->b_row, false);
  } else multiply_packed(p, t, whole, t->n - whole, k, a, row, column, b, add);
}

/* A row of c where columns of b have adjacent elements. */
static void multiply_dots(const product *p, const tile *t, int64_t k, const char *a, int64_t row,
                          const char *b, bool add) {
  for (int64_t i = 0; i < t->m; i++)
    p->kern->dots(t->n, k, t->c + i * t->c_row * p->each, a + i * row * p->each, 0, b, p->b_column,
                  add);
}

/* Elements from l on, adjacent: where they lie, or copied to room. */
static const char *adjacent(const product *p, const char *x, int64_t step, int64_t l, int64_t n,
                            char *room) {
  if (step == 1) return x + l * p->each;
  p->copy(n, room, 1, x + l * step * p->each, step);
  return room;
}

/* One element alone: its stretches are side by side, as they do not wait for each other. */
static neap_status run_dot(const product *p, const tile *t) {
  double sums[DOTS + 1]; /* room for any dtype */
  for (int64_t l = 0; l < p->k; l += DOTS * NEAP_STRETCH) {
    NEAP_TRY(neap_interrupt_check());
    int64_t k = at_most(p->k - l, DOTS * NEAP_STRETCH), n = k / NEAP_STRETCH,
            done = n * NEAP_STRETCH;
    const char *a = adjacent(p, t->a, p->a_column, l, k, t->scratch);
    const char *b = adjacent(p, t->b, p->b_row, l, k, t->scratch + p->a_bytes);
    if (n) p->kern->dots(n, NEAP_STRETCH, sums, a, NEAP_STRETCH, b, NEAP_STRETCH, false);
    if (done < k)
      p->kern->dots(1, k - done, (char *)sums + n++ * p->each, a + done * p->each, 0,
                    b + done * p->each, 0, false);
    for (int64_t i = 0; i < n; i++)
      if (l == 0 && i == 0) memcpy(t->c, sums, (size_t)p->each);
      else p->add(1, t->c, 1, t->c, 1, (const char *)sums + i * p->each, 1);
  }
  return NEAP_OK;
}

static neap_status run_tile(const product *p, const tile *t) {
  if (p->m == 1 && p->n == 1) return run_dot(p, t);
  int64_t step = t->m <= p->kern->few ? p->kern->wide : p->kern->panel;
  for (int64_t l = 0; l < p->k; l += NEAP_STRETCH) {
    int64_t k = at_most(p->k - l, NEAP_STRETCH), row = p->a_row, column = p->a_column;
    const char *a = t->a + l * p->a_column * p->each, *b = t->b + l * p->b_row * p->each;
    NEAP_TRY(neap_interrupt_check());
    if (!p->a_near) {
      copy_rows(p, t, a, k, &row, &column);
      a = t->scratch;
    }
    if (p->dots) multiply_dots(p, t, k, a, row, b, l > 0);
    else if (p->b_near) multiply_near(p, t, k, a, row, column, b, l > 0);
    for (int64_t j = 0; j < t->n && !p->b_near && !p->dots; j += step) {
      NEAP_TRY(neap_interrupt_check());
      multiply_packed(p, t, j, at_most(step, t->n - j), k, a, row, column, b, l > 0);
    }
  }
  return NEAP_OK;
}

/* Address of the matrix of t at place number i of the batch. */
static char *matrix(const product *p, const neap_tensor *t, int64_t i) {
  int64_t offset = 0;
  for (int d = t->ndim - 3; d >= 0 && p->batches > 1; d--) {
    offset += i % t->size[d] * t->stride[d];
    i /= t->size[d];
  }
  return (char *)neap_tensor_data(t) + offset * p->each;
}

static neap_status run_unit(const product *p, int64_t unit, char *scratch) {
  int64_t tiles = p->tiles_down * p->tiles_across, batch = unit / tiles;
  int64_t down = unit % tiles / p->tiles_across, across = unit % tiles % p->tiles_across;
  int64_t i = cut(p->m, p->tiles_down, down), j = cut(p->n, p->tiles_across, across);
  tile t = {.m = cut(p->m, p->tiles_down, down + 1) - i,
            .n = cut(p->n, p->tiles_across, across + 1) - j,
            .scratch = scratch};
  t.a = matrix(p, p->turned ? p->b : p->a, batch) + i * p->a_row * p->each;
  t.b = matrix(p, p->turned ? p->a : p->b, batch) + j * p->b_column * p->each;
  char *c = matrix(p, p->c, batch);
  if (p->turned && p->m > 1) { /* columns of c end up as rows of the scratch */
    t.c = scratch + p->a_bytes + p->b_bytes;
    t.c_row = t.n;
    NEAP_TRY(run_tile(p, &t));
    p->transpose(t.n, t.m, c + (j * p->m + i) * p->each, p->m, t.c, t.n);
    return NEAP_OK;
  }
  t.c = c + (i * p->n + j) * p->each;
  t.c_row = p->n;
  return run_tile(p, &t);
}

static neap_status run_units(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const product *p = ctx;
  _Alignas(64) char small[SMALL];
  int64_t bytes = p->a_bytes + p->b_bytes + p->c_bytes;
  char *large = bytes > SMALL ? neap_alloc(bytes) : NULL;
  if (bytes > SMALL && !large) return NEAP_ENOMEM;
  neap_status st = NEAP_OK;
  for (int64_t unit = begin; unit < end && !st; unit++)
    st = run_unit(p, unit, large ? large : small);
  neap_free(large);
  return st;
}

/* The batch as more rows of one product, when b is one matrix and the rows of a lie evenly. */
static void join_batch(product *p) {
  const neap_tensor *a = p->a, *b = p->b;
  int d = a->ndim - 3;
  for (int64_t step = a->stride[d + 1] * a->size[d + 1]; d >= 0; step *= a->size[d--])
    if (a->size[d] > 1 && (b->stride[d] != 0 || a->stride[d] != step)) return;
  p->m *= p->batches;
  p->batches = 1;
}

static void turn(product *p) {
  int64_t m = p->m, row = p->a_row, column = p->a_column;
  p->turned = true;
  p->m = p->n;
  p->n = m;
  p->a_row = p->b_column;
  p->a_column = p->b_row;
  p->b_row = column;
  p->b_column = row;
}

static int64_t up_64(int64_t bytes) { return (bytes + 63) / 64 * 64; }

static void choose_tiles(product *p) {
  double work = (double)p->m * (double)p->n * (double)p->k * (double)p->batches;
  p->tiles_down = neap_parallel_chunks(p->m, 2048 / p->each);
  p->tiles_across = neap_parallel_chunks(p->n, TILE_COLUMNS);
  if (work >= SPLIT && p->tiles_down * p->tiles_across * p->batches == 1) {
    if (p->m >= 2 * p->kern->rows) p->tiles_down = 2;
    else if (p->n >= 2 * p->kern->panel) p->tiles_across = 2;
  }
  p->tile_rows = neap_parallel_chunks(p->m, p->tiles_down);
  p->tile_columns = neap_parallel_chunks(p->n, p->tiles_across);
}

static void choose_scratch(product *p) {
  int64_t k = at_most(p->k, NEAP_STRETCH), m = p->tile_rows, n = p->tile_columns;
  int64_t longer = m > k ? m : k, shorter = m > k ? k : m;
  int64_t step = m <= p->kern->few ? p->kern->wide : p->kern->panel;
  if (p->m == 1 && p->n == 1) {
    int64_t bytes = up_64(at_most(p->k, DOTS * NEAP_STRETCH) * p->each);
    p->a_bytes = p->a_column == 1 ? 0 : bytes;
    p->b_bytes = p->b_row == 1 ? 0 : bytes;
    return;
  }
  p->dots = m <= 2 && p->b_row == 1 && p->b_column != 1;
  p->a_near = p->dots ? p->a_column == 1 : n <= 2 * p->kern->panel || m * k * p->each <= NEAR;
  p->b_near = p->b_column == 1 && p->b_row != 0 && (m <= p->kern->rows || n * k * p->each <= NEAR);
  int64_t rows = by_column(p) ? k : m; /* each with its ROOM */
  p->a_bytes = p->a_near ? 0 : up_64((longer * shorter + rows * ROOM) * p->each);
  p->b_bytes = up_64(step * k * p->each);
  p->c_bytes = p->turned && p->m > 1 ? m * n * p->each : 0;
}

neap_status neap__product(neap_tensor *c, const neap_tensor *a, const neap_tensor *b) {
  const neap_kern *kern;
  NEAP_TRY(neap_kern_select(&kern));
  int r = c->ndim - 2, s = c->ndim - 1;
  product p = {.c = c,
               .a = a,
               .b = b,
               .kern = &kern->gemm[c->dtype],
               .transpose = kern->transpose[c->dtype],
               .add = kern->binary[NEAP_OP_add][c->dtype],
               .copy = kern->cast[c->dtype][c->dtype],
               .each = (int64_t)neap_dtype_size(c->dtype),
               .m = c->size[r],
               .n = c->size[s],
               .k = a->size[s],
               .a_row = a->stride[r],
               .a_column = a->stride[s],
               .b_row = b->stride[r],
               .b_column = b->stride[s],
               .batches = 1};
  for (int d = 0; d < r; d++) p.batches *= c->size[d];
  if (p.batches > 1) join_batch(&p);
  if (4 * p.n <= p.kern->panel && p.m > p.n) turn(&p);
  choose_tiles(&p);
  choose_scratch(&p);
  double work = (double)p.tile_rows * (double)p.tile_columns * (double)p.k;
  int64_t units = p.batches * p.tiles_down * p.tiles_across;
  int64_t grain = work >= CHUNK ? 1 : (int64_t)(CHUNK / work);
  return neap_parallel_for(units, grain, run_units, &p);
}
