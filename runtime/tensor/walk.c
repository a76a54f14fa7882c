#include "tensor/walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

typedef struct {
  int operands, ndim;
  int64_t size[NEAP_MAX_DIMS];
  int64_t stride[NEAP_MAX_DIMS][NEAP__OPERANDS];
  int64_t each[NEAP__OPERANDS];
  char *base[NEAP__OPERANDS];
  neap__row_fn fn;
  void *ctx;
} walk;

/* Can dimension d of t be walked on from where the joined dimension last of w ends? */
static bool joins(const walk *w, const neap_tensor *const *t, int d) {
  int last = w->ndim - 1;
  for (int k = 0; k < w->operands; k++)
    if (w->stride[last][k] != t[k]->stride[d] * t[k]->size[d]) return false;
  return true;
}

static void add_dim(walk *w, const neap_tensor *const *t, int d) {
  if (t[0]->size[d] == 1) return;
  if (w->ndim && joins(w, t, d)) w->size[w->ndim - 1] *= t[0]->size[d];
  else w->size[w->ndim++] = t[0]->size[d];
  for (int k = 0; k < w->operands; k++) w->stride[w->ndim - 1][k] = t[k]->stride[d];
}

/* Where element number begin stands: its place in every dimension, its address in every operand. */
static void start(const walk *w, int64_t begin, int64_t *at, char **p) {
  for (int k = 0; k < w->operands; k++) p[k] = w->base[k];
  for (int d = w->ndim - 1; d >= 0; d--) {
    at[d] = begin % w->size[d];
    begin /= w->size[d];
    for (int k = 0; k < w->operands; k++) p[k] += at[d] * w->stride[d][k] * w->each[k];
  }
}

/* One step along dimension d, back from size steps along d + 1. */
static void carry(const walk *w, int d, int64_t *at, char **p) {
  at[d + 1] = 0;
  at[d]++;
  for (int k = 0; k < w->operands; k++)
    p[k] += (w->stride[d][k] - w->size[d + 1] * w->stride[d + 1][k]) * w->each[k];
}

static neap_status walk_range(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const walk *w = ctx;
  int inner = w->ndim - 1;
  int64_t at[NEAP_MAX_DIMS];
  char *p[NEAP__OPERANDS];
  start(w, begin, at, p);
  for (int64_t i = begin; i < end;) {
    int64_t n = w->size[inner] - at[inner];
    if (n > end - i) n = end - i;
    NEAP_TRY(w->fn(w->ctx, n, p, w->stride[inner]));
    i += n;
    if (i == end) break;
    at[inner] += n;
    for (int k = 0; k < w->operands; k++) p[k] += n * w->stride[inner][k] * w->each[k];
    for (int d = inner; d > 0 && at[d] == w->size[d]; d--) carry(w, d - 1, at, p);
  }
  return NEAP_OK;
}

static neap_status walk_as_given(int operands, const neap_tensor *const *t, neap__row_fn fn,
                                 void *ctx) {
  int64_t n = neap_tensor_numel(t[0]);
  walk w; /* the arrays are filled as far as they are used */
  w.operands = operands;
  w.ndim = 0;
  w.fn = fn;
  w.ctx = ctx;
  for (int k = 0; k < operands; k++) {
    w.each[k] = (int64_t)neap_dtype_size(t[k]->dtype);
    w.base[k] = neap_tensor_data(t[k]);
  }
  for (int d = 0; d < t[0]->ndim; d++) add_dim(&w, t, d);
  if (w.ndim == 0) { /* one element */
    w.size[w.ndim++] = 1;
    memset(w.stride[0], 0, sizeof w.stride[0]);
  }
  if (n <= NEAP__GRAIN) return walk_range(&w, 0, 0, n); /* what most calls are: no pool, no poll */
  return neap_parallel_for(n, NEAP__GRAIN, walk_range, &w);
}

/* The dims of t by falling step in memory, those of size 1 first; false when they lie so. */
static bool by_step(const neap_tensor *t, int *order) {
  bool moved = false;
  int n = 0;
  for (int d = 0; d < t->ndim; d++)
    if (t->size[d] == 1) order[n++] = d;
  for (int d = 0, first = n; d < t->ndim; d++) {
    if (t->size[d] == 1) continue;
    int at = n++;
    for (; at > first && llabs(t->stride[order[at - 1]]) < llabs(t->stride[d]); at--)
      order[at] = order[at - 1];
    moved |= at != n - 1;
    order[at] = d;
  }
  return moved;
}

enum { TURNED = 1 << 12, LEAST = 8 }; /* elements, and along both dims, that are worth a copy */

/* Does src run across memory where dst runs along it? Broadcast operands stay as they are. */
static bool is_turned(const neap_tensor *dst, const neap_tensor *src) {
  int last = dst->ndim - 1;
  bool across = dst->stride[last] == 1 && llabs(src->stride[last]) > 1, found = false;
  if (!across || dst->size[last] < LEAST) return false;
  for (int d = 0; d < last; d++) {
    if (src->size[d] > 1 && src->stride[d] == 0) return false;
    found |= src->stride[d] == 1 && src->size[d] >= LEAST;
  }
  return found;
}

/* Elements are visited in the order of operand 0 in memory. An operand that runs across it is
 * turned in a copy first, tile by tile, which is several times as fast as reading it so. */
neap_status neap__walk(int operands, const neap_tensor *const *t, neap__row_fn fn, void *ctx) {
  int order[NEAP_MAX_DIMS], made = 0;
  int64_t n = neap_tensor_numel(t[0]);
  if (n == 0) return NEAP_OK;
  bool plain = n < TURNED || t[0]->ndim < 2 || !by_step(t[0], order);
  for (int k = 1; plain && n >= TURNED && k < operands; k++)
    plain = t[0]->ndim < 2 || !is_turned(t[0], t[k]);
  if (plain) return walk_as_given(operands, t, fn, ctx);
  neap_tensor view[NEAP__OPERANDS], own;
  const neap_tensor *list[NEAP__OPERANDS] = {NULL};
  neap_status st = NEAP_OK;
  for (; !st && made < operands; made += !st) {
    list[made] = &view[made];
    st = neap_tensor_permute(&view[made], t[made], order);
    if (st || made == 0 || !is_turned(&view[0], &view[made])) continue;
    st = neap_tensor_clone(&own, &view[made]);
    neap_tensor_drop(&view[made]);
    view[made] = own;
  }
  if (!st) st = walk_as_given(operands, list, fn, ctx);
  while (made > 0) neap_tensor_drop(&view[--made]);
  return st;
}

/* First and last byte under t; false when it has no elements. */
static bool extent(const neap_tensor *t, const char **low, const char **high) {
  int64_t before = 0, after = 0, each = (int64_t)neap_dtype_size(t->dtype);
  for (int d = 0; d < t->ndim; d++) {
    if (t->size[d] == 0) return false;
    int64_t reach = (t->size[d] - 1) * t->stride[d];
    if (reach < 0) before += reach;
    else after += reach;
  }
  *low = (const char *)neap_tensor_data(t) + before * each;
  *high = (const char *)neap_tensor_data(t) + (after + 1) * each;
  return true;
}

static bool same_view(const neap_tensor *a, const neap_tensor *b) {
  if (neap_tensor_data(a) != neap_tensor_data(b) || a->dtype != b->dtype) return false;
  if (!neap_tensor_same_shape(a, b)) return false;
  for (int d = 0; d < a->ndim; d++)
    if (a->size[d] > 1 && a->stride[d] != b->stride[d]) return false;
  return true;
}

bool neap__overlap(const neap_tensor *dst, const neap_tensor *src) {
  const char *a, *b, *c, *d;
  if (!extent(dst, &a, &b) || !extent(src, &c, &d)) return false;
  return a < d && c < b && !same_view(dst, src);
}

neap_status neap__check_writable(const char *operation, const neap_tensor *t) {
  if (neap_tensor_numel(t) == 0) return NEAP_OK; /* strides of nothing */
  for (int d = 0; d < t->ndim; d++)
    if (t->size[d] > 1 && t->stride[d] == 0)
      return neap_fail(NEAP_EARG,
                       "%s: dim %d is expanded, so its elements share memory; clone it first",
                       operation, d + 1);
  return NEAP_OK;
}

neap_status neap__mismatch(const char *operation, const neap_tensor *a, const neap_tensor *b,
                           const char *rule) {
  char s[128], t[128];
  return neap_fail(NEAP_ESHAPE, "%s: shapes %s and %s do not match (%s and %s); %s", operation,
                   neap_shape_text(a, s, sizeof s), neap_shape_text(b, t, sizeof t),
                   neap_dtype_name(a->dtype), neap_dtype_name(b->dtype), rule);
}

void neap_tensor_touch(const neap_tensor *t) {
  atomic_fetch_add_explicit(&t->storage->version, 1, memory_order_relaxed);
}
