/* Embeddings: rows of a table by class number. */
#include <string.h>

#include "base/interrupt.h"
#include "grad/grad.h"
#include "nn/check.h"
#include "nn/norm.h"

enum { POLL = 4096 };

/* Rows are added one after the other, so that the sum of a class has a fixed order. */
static neap_status embedding_back(neap_node *n) {
  const neap_tensor *index = neap_node_saved(n, 0), *w = neap_node_input(n, 1);
  const int64_t *at = neap_tensor_data(index), *padding = neap_node_state(n);
  const neap_kern *kern;
  neap_tensor dy, dw;
  NEAP_TRY(neap_kern_select(&kern));
  NEAP_TRY(neap_node_dense(n, 0, &dy));
  neap_status st = neap_tensor_init(&dw, w->dtype, 2, w->size);
  if (!st) {
    neap_binary_fn add = kern->binary[NEAP_OP_add][w->dtype];
    int64_t row = w->size[1] * (int64_t)neap_dtype_size(w->dtype), count = neap_tensor_numel(index);
    char *to = neap_tensor_data(&dw), *from = neap_tensor_data(&dy);
    for (int64_t i = 0; i < count && !st; i++) {
      char *z = to + (at[i] - 1) * row;
      if (i % POLL == 0) st = neap_interrupt_check();
      if (at[i] != *padding) add(w->size[1], z, 1, z, 1, from + i * row, 1);
    }
  }
  neap_tensor_drop(&dy);
  if (st) {
    neap_tensor_drop(&dw);
    return st;
  }
  return neap_node_give(n, 1, &dw);
}

static neap_status check(const neap_tensor *index, const neap_tensor *w) {
  char a[128];
  NEAP_TRY(neap__nn_one_dtype("embedding", 1, &w, (const char *[]){"weight"}));
  if (neap_dtype_is_float(index->dtype) || index->dtype == NEAP_BOOL)
    return neap_fail(NEAP_EDTYPE,
                     "embedding: index is %s, not whole numbers; convert with x:to \"i64\"",
                     neap_dtype_name(index->dtype));
  if (w->ndim != 2)
    return neap_fail(NEAP_ESHAPE, "embedding: weight %s must be [classes x features]",
                     neap_shape_text(w, a, sizeof a));
  if (index->ndim == NEAP_MAX_DIMS)
    return neap_fail(NEAP_ESHAPE,
                     "embedding: index %s has %d dimensions already, the most there are",
                     neap_shape_text(index, a, sizeof a), NEAP_MAX_DIMS);
  return NEAP_OK;
}

static neap_status check_range(const neap_tensor *index, int64_t classes) {
  const int64_t *at = neap_tensor_data(index);
  int64_t n = neap_tensor_numel(index);
  for (int64_t i = 0; i < n; i++)
    if (at[i] < 1 || at[i] > classes)
      return neap_fail(NEAP_EINDEX,
                       "embedding: class number %lld (element %lld) is not within 1 .. %lld",
                       (long long)at[i], (long long)i + 1, (long long)classes);
  return NEAP_OK;
}

neap_status neap_nn_embedding(neap_tensor *out, const neap_tensor *index, const neap_tensor *w,
                              int64_t padding) {
  static const neap_gradient gradient = {"embedding", embedding_back, NULL};
  const neap_tensor *in[] = {index, w};
  neap_tensor at;
  memset(out, 0, sizeof *out);
  NEAP_TRY(check(index, w));
  if (padding < 0 || padding > w->size[0])
    return neap_fail(NEAP_EARG, "embedding: padding_idx %lld is not within 1 .. %lld",
                     (long long)padding, (long long)w->size[0]);
  NEAP_TRY(neap_tensor_as(&at, index, NEAP_I64));
  neap_status st = check_range(&at, w->size[0]);
  if (!st) st = neap_tensor_take(out, w, 0, &at, 1);
  const neap_tensor *save[] = {&at};
  if (!st) st = neap__nn_record(&gradient, 2, in, out, 1, save, &padding, sizeof padding);
  neap_tensor_drop(&at);
  if (st) neap_tensor_drop(out);
  return st;
}
