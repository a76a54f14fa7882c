/* Tensors as rows, for rules. */
#include "grad/rule_rows.h"

#include <string.h>

#include "base/interrupt.h"
#include "base/pool.h"

/* order and sizes: kept dimensions first. */
static void arrange(neap__lines *l, const neap_tensor *t, unsigned dims) {
  int k = 0;
  if (dims == 0) dims = ~0u;
  l->rows = l->m = 1;
  for (int last = 0; last < 2; last++)
    for (int d = 0; d < t->ndim; d++) {
      if ((dims >> d & 1) != (unsigned)last) continue;
      l->order[k++] = d;
      *(last ? &l->m : &l->rows) *= t->size[d];
    }
}

neap_status neap__lines_of(neap__lines *l, const neap_tensor *t, unsigned dims) {
  neap_tensor turned;
  memset(&l->t, 0, sizeof l->t);
  arrange(l, t, dims);
  NEAP_TRY(neap_tensor_permute(&turned, t, l->order));
  neap_status st = neap_tensor_as(&l->t, &turned, t->dtype);
  neap_tensor_drop(&turned);
  return st;
}

typedef neap_status (*init_fn)(neap_tensor *out, neap_dtype dtype, int ndim, const int64_t *size);

static neap_status fresh(neap__lines *l, const neap_tensor *t, unsigned dims, init_fn init) {
  int64_t size[NEAP_MAX_DIMS];
  arrange(l, t, dims);
  for (int k = 0; k < t->ndim; k++) size[k] = t->size[l->order[k]];
  return init(&l->t, t->dtype, t->ndim, size);
}

neap_status neap__lines_like(neap__lines *l, const neap_tensor *t, unsigned dims) {
  return fresh(l, t, dims, neap_tensor_init);
}

neap_status neap__lines_raw(neap__lines *l, const neap_tensor *t, unsigned dims) {
  return fresh(l, t, dims, neap_tensor_init_raw);
}

void *neap__line(const neap__lines *l, int64_t i) {
  return (char *)neap_tensor_data(&l->t) + i * l->m * (int64_t)neap_dtype_size(l->t.dtype);
}

neap_status neap__give_lines(neap_node *n, neap__lines *l) {
  int back[NEAP_MAX_DIMS];
  neap_tensor g;
  for (int k = 0; k < l->t.ndim; k++) back[l->order[k]] = k;
  neap_status st = neap_tensor_permute(&g, &l->t, back);
  neap_tensor_drop(&l->t);
  return st ? st : neap_node_give(n, 0, &g);
}

neap_status neap__lines_each(const neap__lines *l, neap__lines_fn fn, void *ctx) {
  if (l->rows == 0 || l->m == 0) return NEAP_OK;
  return neap_parallel_for(l->rows, l->m < NEAP__PIECE ? NEAP__PIECE / l->m : 1, fn, ctx);
}

neap_status neap__pieces(neap_back_rows *r, int64_t m, bool back, neap_back_fn fn,
                         neap_back_state *s) {
  for (int64_t done = 0; done < m; done += r->n) {
    NEAP_TRY(neap_interrupt_check());
    r->n = m - done < NEAP__PIECE ? m - done : NEAP__PIECE;
    r->from = back ? m - done - r->n : done;
    fn(r, s);
  }
  return NEAP_OK;
}
