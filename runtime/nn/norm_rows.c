/* Normalisation of rows of adjacent elements: the layer norm. */
#include <string.h>

#include "base/pool.h"
#include "grad/grad.h"
#include "nn/check.h"
#include "nn/norm.h"

/* Rows of a chunk hold about CHUNK elements; each chunk sums up its part of dw and db. */
enum { CHUNK = 32768 };

typedef struct {
  bool has_w;
  int64_t n;
} kept;

typedef struct {
  const neap_layers *loops;
  int64_t each, rows, n, grain;
  double eps;
  char *y; /* or dx, NULL where none is wanted */
  const char *x, *dy;
  char *mean, *rstd;
  const char *w, *b;
  char *parts; /* [chunks, 2, n]: dw and db; NULL */
} job;

static neap_status start(job *j, neap_dtype dtype, int64_t rows, int64_t n) {
  const neap_kern *kern;
  NEAP_TRY(neap_kern_select(&kern));
  j->loops = &kern->layers[dtype];
  j->each = (int64_t)neap_dtype_size(dtype);
  j->rows = rows;
  j->n = n;
  j->grain = n < CHUNK ? CHUNK / n : 1;
  return NEAP_OK;
}

static neap_status forward_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const job *j = ctx;
  int64_t at = begin * j->n * j->each;
  j->loops->norm(end - begin, j->n, j->y + at, j->x + at, j->w, j->b, j->eps,
                 j->mean + begin * j->each, j->rstd + begin * j->each);
  return NEAP_OK;
}

static neap_status backward_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const job *j = ctx;
  int64_t at = begin * j->n * j->each;
  char *dw = j->parts ? j->parts + chunk * 2 * j->n * j->each : NULL;
  j->loops->norm_back(end - begin, j->n, j->y ? j->y + at : NULL, j->dy + at, j->x + at, j->w,
                      j->mean + begin * j->each, j->rstd + begin * j->each, dw,
                      dw ? dw + j->n * j->each : NULL);
  return NEAP_OK;
}

/* Give input number i of the node row number i - 1 of the sum over the parts, in w's shape. */
static neap_status give_part(neap_node *n, int i, const neap_tensor *sums) {
  neap_tensor row, shaped;
  const neap_tensor *like = neap_node_wants(n, i) ? neap_node_input(n, i) : NULL;
  if (!like) return NEAP_OK;
  NEAP_TRY(neap_tensor_select(&row, sums, 0, i - 1));
  neap_status st = neap_tensor_reshape(&shaped, &row, like->ndim, like->size);
  neap_tensor_drop(&row);
  return st ? st : neap_node_give(n, i, &shaped);
}

static neap_status give_parts(neap_node *n, const neap_tensor *parts) {
  neap_tensor sums;
  neap_reduce_options o = {.dims = 1};
  NEAP_TRY(neap_tensor_reduce(&sums, NEAP_SUM, parts, &o));
  neap_status st = give_part(n, 1, &sums);
  if (!st) st = give_part(n, 2, &sums);
  neap_tensor_drop(&sums);
  return st;
}

/* Saved are x, mean, rstd and, with a weight, that. */
static neap_status layer_norm_back(neap_node *n) {
  const neap_tensor *x = neap_node_saved(n, 0), *mean = neap_node_saved(n, 1);
  const kept *k = neap_node_state(n);
  neap_tensor dy = {0}, dx = {0}, parts = {0};
  int64_t rows = neap_tensor_numel(mean);
  job j = {.mean = neap_tensor_data(mean), .rstd = neap_tensor_data(neap_node_saved(n, 2))};
  neap_status st = start(&j, x->dtype, rows, k->n);
  if (!st) st = neap_node_dense(n, 0, &dy);
  if (!st && neap_node_wants(n, 0)) st = neap_tensor_init_raw(&dx, x->dtype, x->ndim, x->size);
  if (!st && (neap_node_wants(n, 1) || neap_node_wants(n, 2)))
    st = neap_tensor_init(&parts, x->dtype, 3,
                          (int64_t[]){neap_parallel_chunks(rows, j.grain), 2, j.n});
  if (!st) {
    j.w = k->has_w ? neap_tensor_data(neap_node_saved(n, 3)) : NULL;
    j.x = neap_tensor_data(x);
    j.dy = neap_tensor_data(&dy);
    j.y = dx.storage ? neap_tensor_data(&dx) : NULL;
    j.parts = parts.storage ? neap_tensor_data(&parts) : NULL;
    st = neap_parallel_for(rows, j.grain, backward_rows, &j);
  }
  if (!st && parts.storage) st = give_parts(n, &parts);
  if (!st && dx.storage) {
    st = neap_node_give(n, 0, &dx);
    memset(&dx, 0, sizeof dx);
  }
  neap_tensor_drop(&dx);
  neap_tensor_drop(&dy);
  neap_tensor_drop(&parts);
  return st;
}

static bool ends_in(const neap_tensor *x, int dims, const int64_t *shape) {
  for (int d = 0; d < dims; d++)
    if (x->ndim < dims || x->size[x->ndim - dims + d] != shape[d]) return false;
  return true;
}

static neap_status check(const neap_tensor *x, const neap_tensor *w, const neap_tensor *b, int dims,
                         const int64_t *shape) {
  neap_tensor like = {.ndim = dims};
  char is[128], wants[128];
  memcpy(like.size, shape, (size_t)dims * sizeof *shape);
  NEAP_TRY(neap__nn_one_dtype("layer_norm", 3, (const neap_tensor *[]){x, b, w},
                              (const char *[]){"x", "bias", "weight"}));
  neap_shape_text(&like, wants, sizeof wants);
  if (!ends_in(x, dims, shape))
    return neap_fail(NEAP_ESHAPE, "layer_norm: x %s does not end in %s, which the layer normalises",
                     neap_shape_text(x, is, sizeof is), wants);
  if (neap_tensor_numel(&like) == 0)
    return neap_fail(NEAP_ESHAPE, "layer_norm: there is nothing to normalise over in %s", wants);
  const neap_tensor *other = w && !neap_tensor_same_shape(w, &like)   ? w
                             : b && !neap_tensor_same_shape(b, &like) ? b
                                                                      : NULL;
  if (other)
    return neap_fail(NEAP_ESHAPE, "layer_norm: %s %s must have the normalised shape %s",
                     other == w ? "weight" : "bias", neap_shape_text(other, is, sizeof is), wants);
  return NEAP_OK;
}

/* y, and the moments [rows], from contiguous operands. */
static neap_status forward(neap_tensor *y, neap_tensor *moments, const neap_tensor *x,
                           const neap_tensor *w, const neap_tensor *b, int64_t n, double eps) {
  int64_t rows = neap_tensor_numel(x) / n;
  job j = {.eps = eps, .x = neap_tensor_data(x)};
  NEAP_TRY(start(&j, x->dtype, rows, n));
  NEAP_TRY(neap_tensor_init_raw(y, x->dtype, x->ndim, x->size));
  NEAP_TRY(neap_tensor_init_1d(&moments[0], x->dtype, rows));
  NEAP_TRY(neap_tensor_init_1d(&moments[1], x->dtype, rows));
  j.y = neap_tensor_data(y);
  j.mean = neap_tensor_data(&moments[0]);
  j.rstd = neap_tensor_data(&moments[1]);
  j.w = w ? neap_tensor_data(w) : NULL;
  j.b = b ? neap_tensor_data(b) : NULL;
  return neap_parallel_for(rows, j.grain, forward_rows, &j);
}

static neap_status record(neap_tensor *out, const neap_tensor *const *in, const neap_tensor *plain,
                          const neap_tensor *moments, int64_t n) {
  static const neap_gradient gradient = {"layer_norm", layer_norm_back, NULL};
  const neap_tensor *save[] = {&plain[0], &moments[0], &moments[1], &plain[1]};
  kept k = {in[1] != NULL, n};
  return neap__nn_record(&gradient, 3, in, out, k.has_w ? 4 : 3, save, &k, sizeof k);
}

neap_status neap_nn_layer_norm(neap_tensor *out, const neap_tensor *x, const neap_tensor *w,
                               const neap_tensor *b, int dims, const int64_t *shape, double eps) {
  const neap_tensor *in[] = {x, w, b};
  neap_tensor plain[3] = {{0}}, moments[2] = {{0}};
  int64_t n = 1;
  memset(out, 0, sizeof *out);
  NEAP_TRY(check(x, w, b, dims, shape));
  for (int d = 0; d < dims; d++) n *= shape[d];
  neap_status st = NEAP_OK;
  for (int i = 0; i < 3 && !st; i++)
    if (in[i]) st = neap_tensor_as(&plain[i], in[i], x->dtype);
  if (!st)
    st = forward(out, moments, &plain[0], w ? &plain[1] : NULL, b ? &plain[2] : NULL, n, eps);
  if (!st) st = record(out, in, plain, moments, n);
  for (int i = 0; i < 3; i++) neap_tensor_drop(&plain[i]);
  for (int i = 0; i < 2; i++) neap_tensor_drop(&moments[i]);
  if (st) neap_tensor_drop(out);
  return st;
}
