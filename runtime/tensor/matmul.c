/* Matrix products. The result is cut into tiles of about equal size whose bounds depend on the
 * shape only; each is one single-threaded BLAS call per stretch of the inner dimension (or plain
 * loops), and the pool shares them out: the same bits at any thread count. */
#include <limits.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/pool.h"
#include "tensor/blas.h"
#include "tensor/walk.h"

/* The largest tile of f64 with a stretch of K is about 10 ms of work. BLAS packs both operands in
 * every call, which long tiles amortise best. From SPLIT multiplications on there are two tiles at
 * least, for two threads. */
enum { TILE_ROWS = 512, TILE_COLUMNS = 1024, STRETCH = 1024, SPLIT = 10000000 };

/* One operand as BLAS wants it: rows or columns contiguous. */
typedef struct {
  const char *data;
  int64_t row, column; /* strides */
  bool turned;         /* columns are contiguous */
} matrix;

typedef struct {
  matrix a, b;
  char *c; /* m x n, C order */
  int64_t m, n, k;
  int64_t tiles_down, tiles_across;
  neap_dtype dtype;
  const neap__blas *blas;
} product;

static int leading(matrix x) { return (int)(x.turned ? x.column : x.row); }
static int layout(matrix x) { return x.turned ? NEAP__TRANSPOSED : NEAP__PLAIN; }

static void blas_tile(const product *p, int64_t i, int64_t j, int64_t l, int m, int n, int k) {
  int64_t a = i * p->a.row + l * p->a.column, b = l * p->b.row + j * p->b.column;
  int64_t c = i * p->n + j;
  int la = leading(p->a), lb = leading(p->b), ta = layout(p->a), tb = layout(p->b);
  const void *x = p->a.data, *y = p->b.data;
  void *z = p->c;
  if (p->dtype == NEAP_F64)
    p->blas->dgemm(NEAP__ROW_MAJOR, ta, tb, m, n, k, 1, (const double *)x + a, la,
                   (const double *)y + b, lb, l ? 1 : 0, (double *)z + c, (int)p->n);
  else
    p->blas->sgemm(NEAP__ROW_MAJOR, ta, tb, m, n, k, 1, (const float *)x + a, la,
                   (const float *)y + b, lb, l ? 1 : 0, (float *)z + c, (int)p->n);
}

/* Row i of the product in plain loops over columns [j, j + n), k from l to l + k. */
static void plain_row(const product *p, int64_t i, int64_t j, int64_t n, int64_t l, int64_t k) {
  const void *x = p->a.data, *y = p->b.data;
  void *z = p->c;
  for (int64_t s = l; s < l + k; s++)
    for (int64_t t = j; t < j + n; t++) {
      int64_t a = i * p->a.row + s * p->a.column, b = s * p->b.row + t * p->b.column;
      int64_t c = i * p->n + t;
      if (p->dtype == NEAP_F64) ((double *)z)[c] += ((const double *)x)[a] * ((const double *)y)[b];
      else if (p->dtype == NEAP_F32)
        ((float *)z)[c] += ((const float *)x)[a] * ((const float *)y)[b];
      else
        ((int64_t *)z)[c] =
            (int64_t)((uint64_t)((int64_t *)z)[c] +
                      (uint64_t)((const int64_t *)x)[a] * (uint64_t)((const int64_t *)y)[b]);
    }
}

static int64_t at_most(int64_t v, int64_t limit) { return v < limit ? v : limit; }

static neap_status plain_tile(const product *p, int64_t i, int64_t j, int64_t l, int64_t m,
                              int64_t n, int64_t k) {
  for (int64_t r = i; r < i + m; r++) {
    if ((r - i) % 8 == 0) NEAP_TRY(neap_interrupt_check());
    char *row = p->c + (r * p->n + j) * (int64_t)neap_dtype_size(p->dtype);
    if (l == 0) memset(row, 0, (size_t)n * neap_dtype_size(p->dtype));
    plain_row(p, r, j, n, l, k);
  }
  return NEAP_OK;
}

/* Where piece number i of n elements in equal pieces begins. */
static int64_t cut(int64_t n, int64_t pieces, int64_t i) {
  return n / pieces * i + at_most(i, n % pieces);
}

static void choose_tiles(product *p) {
  p->tiles_down = neap_parallel_chunks(p->m, TILE_ROWS);
  p->tiles_across = neap_parallel_chunks(p->n, TILE_COLUMNS);
  bool large = (double)p->m * (double)p->n * (double)p->k >= SPLIT;
  if (!large || p->tiles_down * p->tiles_across > 1) return;
  if (p->m >= p->n) p->tiles_down = at_most(2, p->m);
  else p->tiles_across = 2;
}

static neap_status run_tiles(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const product *p = ctx;
  for (int64_t tile = begin; tile < end; tile++) {
    int64_t down = tile / p->tiles_across, across = tile % p->tiles_across;
    int64_t i = cut(p->m, p->tiles_down, down), m = cut(p->m, p->tiles_down, down + 1) - i;
    int64_t j = cut(p->n, p->tiles_across, across), n = cut(p->n, p->tiles_across, across + 1) - j;
    for (int64_t l = 0; l < p->k; l += STRETCH) {
      int64_t k = at_most(p->k - l, STRETCH);
      NEAP_TRY(neap_interrupt_check());
      if (p->blas) blas_tile(p, i, j, l, (int)m, (int)n, (int)k);
      else NEAP_TRY(plain_tile(p, i, j, l, m, n, k));
    }
  }
  return NEAP_OK;
}

/* t, of two dimensions, with rows or columns contiguous: itself or a copy in *own. The stride of a
 * dimension of size 1 means nothing, and is made what fits. */
static neap_status as_matrix(matrix *x, neap_tensor *own, const neap_tensor *t) {
  int64_t m = t->size[0], n = t->size[1];
  int64_t row = m == 1 ? n : t->stride[0], column = n == 1 ? 1 : t->stride[1];
  memset(own, 0, sizeof *own);
  *x = (matrix){neap_tensor_data(t), row, column, false};
  if (column == 1 && row >= n) return NEAP_OK;
  x->row = m == 1 ? 1 : t->stride[0];
  x->column = n == 1 ? m : t->stride[1];
  x->turned = true;
  if (x->row == 1 && x->column >= m) return NEAP_OK;
  NEAP_TRY(neap_tensor_clone(own, t));
  *x = (matrix){neap_tensor_data(own), n, 1, false};
  return NEAP_OK;
}

/* c, contiguous, = a b, all of one dtype (f64, f32 or i64) and two dimensions. */
static neap_status multiply(neap_tensor *c, const neap_tensor *a, const neap_tensor *b) {
  neap_tensor own_a, own_b = {0};
  product p = {.m = c->size[0], .n = c->size[1], .k = a->size[1], .dtype = c->dtype};
  bool small = p.m < INT_MAX && p.n < INT_MAX && p.k < INT_MAX;
  if (c->dtype != NEAP_I64 && small) p.blas = neap__blas_open();
  choose_tiles(&p);
  p.c = neap_tensor_data(c);
  neap_status st = as_matrix(&p.a, &own_a, a);
  if (!st) st = as_matrix(&p.b, &own_b, b);
  if (!st) st = neap_parallel_for(p.tiles_down * p.tiles_across, 1, run_tiles, &p);
  neap_tensor_drop(&own_a);
  neap_tensor_drop(&own_b);
  return st;
}

/* shapes
 * ------------------------------------------------------------------------------------------------
 */

static neap_status mismatch(const neap_tensor *a, const neap_tensor *b) {
  return neap__mismatch(
      "matmul", a, b, "x is m x k and y k x n, leading dims equal or 1, a series a row or column");
}

/* The operands with two dimensions at least, dtype as computed in, and batch dimensions alike. */
static neap_status prepare(neap_tensor *x, neap_tensor *y, const neap_tensor *a,
                           const neap_tensor *b, neap_dtype dtype) {
  neap_tensor as;
  memset(x, 0, sizeof *x);
  memset(y, 0, sizeof *y);
  if (a->ndim == 0 || b->ndim == 0) return mismatch(a, b);
  NEAP_TRY(neap_tensor_as(&as, a, dtype));
  if (a->dtype == dtype) { /* keep the strides of transposed views */
    neap_tensor_drop(&as);
    neap_tensor_alias(&as, a);
  }
  neap_status st = a->ndim == 1 ? neap_tensor_unsqueeze(x, &as, 0) : NEAP_OK;
  if (a->ndim > 1) neap_tensor_alias(x, &as);
  neap_tensor_drop(&as);
  if (st) return st;
  if (b->dtype == dtype) neap_tensor_alias(&as, b);
  else NEAP_TRY(neap_tensor_as(&as, b, dtype));
  if (b->ndim == 1) st = neap_tensor_unsqueeze(y, &as, 1);
  else neap_tensor_alias(y, &as);
  neap_tensor_drop(&as);
  if (!st && x->size[x->ndim - 1] != y->size[y->ndim - 2]) st = mismatch(a, b);
  return st;
}

/* Stretch x's batch dimensions to batch[0..n). */
static neap_status with_batch(neap_tensor *x, int n, const int64_t *batch) {
  int64_t size[NEAP_MAX_DIMS];
  neap_tensor wide;
  memcpy(size, batch, (size_t)n * sizeof *size);
  size[n] = x->size[x->ndim - 2];
  size[n + 1] = x->size[x->ndim - 1];
  NEAP_TRY(neap_tensor_expand(&wide, x, n + 2, size));
  neap_tensor_drop(x);
  *x = wide;
  return NEAP_OK;
}

static neap_status common_batch(const neap_tensor *x, const neap_tensor *y, int64_t *batch,
                                int *n) {
  int a = x->ndim - 2, b = y->ndim - 2;
  *n = a > b ? a : b;
  for (int d = 1; d <= *n; d++) {
    int64_t s = d <= a ? x->size[a - d] : 1, t = d <= b ? y->size[b - d] : 1;
    if (s != t && s != 1 && t != 1) return mismatch(x, y);
    batch[*n - d] = s == 1 ? t : s;
  }
  return NEAP_OK;
}

/* One product per batch position. */
static neap_status multiply_all(neap_tensor *out, const neap_tensor *x, const neap_tensor *y) {
  int n = out->ndim - 2;
  int64_t at[NEAP_MAX_DIMS] = {0}, batches = 1;
  for (int d = 0; d < n; d++) batches *= out->size[d];
  neap_tensor part[3];
  const neap_tensor *whole[3] = {out, x, y};
  for (int64_t i = 0; i < batches; i++) {
    for (int k = 0; k < 3; k++) { /* borrowed views of two dimensions */
      part[k] = *whole[k];
      for (int d = 0; d < n; d++) part[k].offset += at[d] * whole[k]->stride[d];
      part[k].ndim = 2;
      memcpy(part[k].size, whole[k]->size + n, 2 * sizeof(int64_t));
      memcpy(part[k].stride, whole[k]->stride + n, 2 * sizeof(int64_t));
    }
    NEAP_TRY(multiply(&part[0], &part[1], &part[2]));
    for (int d = n - 1; d >= 0 && ++at[d] == out->size[d]; d--) at[d] = 0;
  }
  return NEAP_OK;
}

/* Take the dimensions out of the result that one-dimensional operands did not have. */
static void drop_added(neap_tensor *out, bool row, bool column) {
  if (column) out->ndim--;
  if (!row) return;
  int d = out->ndim - (column ? 1 : 2);
  out->size[d] = out->size[d + 1];
  out->stride[d] = out->stride[d + 1];
  out->ndim--;
}

neap_status neap_tensor_matmul(neap_tensor *out, const neap_tensor *a, const neap_tensor *b) {
  neap_tensor x, y;
  int64_t size[NEAP_MAX_DIMS];
  int n = 0;
  memset(out, 0, sizeof *out);
  neap_dtype dtype = neap_dtype_promote(a->dtype, b->dtype);
  if (!neap_dtype_is_float(dtype)) dtype = NEAP_I64;
  neap_status st = prepare(&x, &y, a, b, dtype);
  if (!st) st = common_batch(&x, &y, size, &n);
  if (!st) st = with_batch(&x, n, size);
  if (!st) st = with_batch(&y, n, size);
  if (!st) {
    size[n] = x.size[n];
    size[n + 1] = y.size[n + 1];
    bool empty = x.size[n + 1] == 0; /* then zeros are the product */
    st = empty ? neap_tensor_init(out, dtype, n + 2, size)
               : neap_tensor_init_raw(out, dtype, n + 2, size);
  }
  if (!st && neap_tensor_numel(&x) > 0 && neap_tensor_numel(&y) > 0) st = multiply_all(out, &x, &y);
  if (st) neap_tensor_drop(out);
  else drop_added(out, a->ndim == 1, b->ndim == 1);
  neap_tensor_drop(&x);
  neap_tensor_drop(&y);
  return st;
}
