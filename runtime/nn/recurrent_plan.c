/* Which rows run when, and weights as the loops read them. */
#include <string.h>

#include "base/alloc.h"
#include "nn/recurrent_run.h"

/* Rows by falling length, equals in their order: count[l] is how many are longer than l, and then
 * where the next one of length l goes. */
static neap_status sort_rows(neap__recurrent_plan *p, const int64_t *lengths) {
  int64_t *count = neap_calloc_array(p->time + 1, sizeof *count), at = 0;
  if (!count) return NEAP_ENOMEM;
  for (int64_t i = 0; i < p->batch; i++) count[lengths[i] - 1]++;
  for (int64_t l = p->time; l >= 0; l--) {
    int64_t shorter = l > 0 ? count[l - 1] : 0;
    count[l] = at;
    at += shorter;
  }
  for (int64_t i = 0; i < p->batch; i++) {
    p->row[count[lengths[i]]] = i;
    p->length[count[lengths[i]]++] = lengths[i];
  }
  neap_free(count);
  return NEAP_OK;
}

neap_status neap__recurrent_plan_init(neap__recurrent_plan *p, const int64_t *lengths) {
  p->each = (int64_t)neap_dtype_size(p->dtype);
  p->ragged = lengths != NULL;
  p->total = 0;
  p->row = neap_alloc_array(3 * p->batch, sizeof *p->row);
  if (!p->row) return NEAP_ENOMEM;
  p->length = p->row + p->batch;
  p->start = p->length + p->batch;
  for (int64_t i = 0; i < p->batch && !lengths; i++) {
    p->row[i] = i;
    p->length[i] = p->time;
  }
  neap_status st = lengths ? sort_rows(p, lengths) : NEAP_OK;
  for (int64_t i = 0; i < p->batch && !st; i++) {
    p->start[i] = p->total;
    p->total += p->length[i];
  }
  if (st) neap__recurrent_plan_drop(p);
  return st;
}

void neap__recurrent_plan_drop(neap__recurrent_plan *p) {
  neap_free(p->row);
  p->row = NULL;
}

/* packs ---------------------------------------------------------------------------------------- */

static uint64_t version_of(const neap_tensor *t) {
  return atomic_load_explicit(&t->storage->version, memory_order_acquire);
}

/* Is t, or NULL, what view number i of the pack is of, unchanged? */
static bool is_current(const neap_recurrent_pack *p, int i, const neap_tensor *t) {
  const neap_tensor *s = &p->source[i];
  if (!t) return !s->storage;
  if (s->storage != t->storage || s->offset != t->offset || s->dtype != t->dtype) return false;
  return s->ndim == t->ndim && memcmp(s->size, t->size, sizeof *t->size * (size_t)t->ndim) == 0 &&
         memcmp(s->stride, t->stride, sizeof *t->stride * (size_t)t->ndim) == 0 &&
         p->version[i] == version_of(t);
}

void neap_recurrent_unpack(neap_recurrent_pack *p) {
  for (int i = 0; i < 4; i++) neap_tensor_drop(&p->source[i]);
  neap_free(p->data);
  *p = (neap_recurrent_pack){0};
}

/* Rows of the transpose of w, stretch by stretch. */
static void pack_transposed(const neap_gemm *g, char *z, const neap_tensor *w, int64_t each) {
  int64_t n = w->size[0], k = w->size[1], columns = neap__packed_columns(g, n);
  const char *b = neap_tensor_data(w);
  for (int64_t l = 0; l < k; l += NEAP_STRETCH)
    g->pack(k - l < NEAP_STRETCH ? k - l : NEAP_STRETCH, n, z + l * columns * each,
            b + l * w->stride[1] * each, w->stride[1], w->stride[0]);
}

static double bias_at(const neap_tensor *b, int64_t i) {
  return b ? neap_tensor_get_f64(b, &i) : 0;
}

/* The sum of both biases, but of GRU's last gate first one, then the other. */
static void pack_biases(char *to, neap_cell cell, int64_t units, neap_dtype dtype,
                        const neap_recurrent_weights *w) {
  const neap_cell_sizes *z = &neap_cell_size[cell];
  for (int64_t i = 0; i < z->biases * units; i++) {
    bool apart = cell == NEAP_GRU && i >= 2 * units;
    int64_t from = i < z->gates * units ? i : i - units;
    double a = apart && i >= 3 * units ? 0 : bias_at(w->b_ih, from);
    double b = apart && i < 3 * units ? 0 : bias_at(w->b_hh, from);
    if (dtype == NEAP_F64) ((double *)to)[i] = a + b;
    else ((float *)to)[i] = (float)(a + b);
  }
}

static neap_status fill(neap_recurrent_pack *p, const neap_kern *kern, neap_cell cell,
                        const neap_recurrent_weights *w, int64_t hh, int64_t bias) {
  neap_dtype dtype = w->w_ih->dtype;
  int64_t each = (int64_t)neap_dtype_size(dtype), units = w->w_hh->size[1];
  const neap_tensor *from[] = {w->w_ih, w->w_hh, w->b_ih, w->b_hh};
  neap_recurrent_unpack(p);
  p->data = neap_alloc_array(bias + neap_cell_size[cell].biases * units, (size_t)each);
  if (!p->data) return NEAP_ENOMEM;
  pack_transposed(&kern->gemm[dtype], p->data, w->w_ih, each);
  pack_transposed(&kern->gemm[dtype], (char *)p->data + hh * each, w->w_hh, each);
  pack_biases((char *)p->data + bias * each, cell, units, dtype, w);
  for (int i = 0; i < 4; i++)
    if (from[i]) {
      neap_tensor_alias(&p->source[i], from[i]);
      p->version[i] = version_of(from[i]);
    }
  return NEAP_OK;
}

neap_status neap__recurrent_pack(neap_recurrent_pack *p, const neap_kern *kern, neap_cell cell,
                                 const neap_recurrent_weights *w, neap__recurrent_parts *out) {
  const neap_gemm *g = &kern->gemm[w->w_ih->dtype];
  int64_t each = (int64_t)neap_dtype_size(w->w_ih->dtype);
  int64_t columns = neap__packed_columns(g, w->w_ih->size[0]);
  int64_t hh = columns * w->w_ih->size[1], bias = hh + columns * w->w_hh->size[1];
  if (!p->data || !is_current(p, 0, w->w_ih) || !is_current(p, 1, w->w_hh) ||
      !is_current(p, 2, w->b_ih) || !is_current(p, 3, w->b_hh))
    NEAP_TRY(fill(p, kern, cell, w, hh, bias));
  const char *data = p->data;
  *out = (neap__recurrent_parts){data, data + hh * each, data + bias * each};
  return NEAP_OK;
}
