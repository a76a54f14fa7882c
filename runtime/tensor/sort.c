/* Sorting, quantiles, unique, searching. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "kern/kern.h"
#include "tensor/rows.h"
#include "tensor/walk.h"

enum { FEW = 48 };

/* Sort n items of *items, using *spare of the same size; the result is in *items afterwards (the
 * two may have changed places). */
static neap_status sort_items(int64_t n, neap_sort_item **items, neap_sort_item **spare) {
  if (n <= FEW) {
    neap_sort_few(n, *items);
    return NEAP_OK;
  }
  int64_t counts[NEAP_RADIX_PASSES][NEAP_RADIX];
  memset(counts, 0, sizeof counts);
  for (int64_t i = 0; i < n; i += NEAP__GRAIN) {
    NEAP_TRY(neap_interrupt_check());
    neap_sort_count(n - i < NEAP__GRAIN ? n - i : NEAP__GRAIN, *items + i, counts);
  }
  for (int pass = 0; pass < NEAP_RADIX_PASSES; pass++) {
    if (!neap_sort_places(n, counts[pass])) continue;
    for (int64_t i = 0; i < n; i += NEAP__GRAIN) {
      NEAP_TRY(neap_interrupt_check());
      neap_sort_scatter(n - i < NEAP__GRAIN ? n - i : NEAP__GRAIN, *items + i, *spare, pass,
                        counts[pass]);
    }
    neap_sort_item *sorted = *spare;
    *spare = *items;
    *items = sorted;
  }
  return NEAP_OK;
}

/* The sort items of a row of n elements. In parts: the first touch of fresh memory is slow. */
static neap_status fill_items(neap_dtype dtype, int64_t n, const char *x, bool descending,
                              neap_sort_item *items) {
  for (int64_t i = 0; i < n; i += NEAP__GRAIN) {
    NEAP_TRY(neap_interrupt_check());
    neap_sort_items(dtype, n - i < NEAP__GRAIN ? n - i : NEAP__GRAIN,
                    x + (size_t)i * neap_dtype_size(dtype), descending, i, items + i);
  }
  return NEAP_OK;
}

/* Room for the items of one row, twice. */
static neap_status item_buffers(int64_t n, neap_sort_item **items, neap_sort_item **spare) {
  *items = neap_alloc_array(n, sizeof **items);
  *spare = neap_alloc_array(n > FEW ? n : 0, sizeof **spare);
  return *items && *spare ? NEAP_OK : NEAP_ENOMEM;
}

/* The same for words. */
static neap_status sort_words(int64_t n, uint64_t **words, uint64_t **spare) {
  if (n <= FEW) {
    neap_sort_words_few(n, *words);
    return NEAP_OK;
  }
  int64_t counts[NEAP_WORD_PASSES][NEAP_RADIX];
  memset(counts, 0, sizeof counts);
  for (int64_t i = 0; i < n; i += NEAP__GRAIN) {
    NEAP_TRY(neap_interrupt_check());
    neap_sort_words_count(n - i < NEAP__GRAIN ? n - i : NEAP__GRAIN, *words + i, counts);
  }
  for (int pass = 0; pass < NEAP_WORD_PASSES; pass++) {
    if (!neap_sort_places(n, counts[pass])) continue;
    for (int64_t i = 0; i < n; i += NEAP__GRAIN) {
      NEAP_TRY(neap_interrupt_check());
      neap_sort_words_scatter(n - i < NEAP__GRAIN ? n - i : NEAP__GRAIN, *words + i, *spare, pass,
                              counts[pass]);
    }
    uint64_t *sorted = *spare;
    *spare = *words;
    *words = sorted;
  }
  return NEAP_OK;
}

/* element number at of the row x, into place i of z */
static void move_element(size_t each, char *z, int64_t i, const char *x, int64_t at) {
  if (each == 8) memcpy(z + 8 * i, x + 8 * at, 8);
  else if (each == 4) memcpy(z + 4 * i, x + 4 * at, 4);
  else z[i] = x[at];
}

typedef struct {
  neap__rows rows;
  bool descending;
  int64_t first;
  char *values;
  int64_t *at;
} sorting;

/* sort_rows for elements of at most four bytes. */
static neap_status sort_rows_by_words(const sorting *s, int64_t begin, int64_t end) {
  int64_t m = s->rows.m;
  neap_dtype dtype = s->rows.t.dtype;
  size_t each = neap_dtype_size(dtype);
  uint64_t *words = neap_alloc_array(m, sizeof *words);
  uint64_t *spare = neap_alloc_array(m > FEW ? m : 0, sizeof *spare);
  neap_status st = words && spare ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t row = begin; !st && row < end; row++) {
    const char *x = neap__row(&s->rows, row);
    neap_sort_words(dtype, m, x, s->descending, words);
    st = sort_words(m, &words, &spare);
    for (int64_t i = 0; !st && i < m; i++) {
      int64_t at = (int64_t)(words[i] & UINT32_MAX);
      if (s->values) move_element(each, s->values, row * m + i, x, at);
      if (s->at) s->at[row * m + i] = at + s->first;
    }
  }
  neap_free(words);
  neap_free(spare);
  return st;
}

static neap_status sort_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const sorting *s = ctx;
  int64_t m = s->rows.m;
  neap_dtype dtype = s->rows.t.dtype;
  size_t each = neap_dtype_size(dtype);
  if (each <= 4 && m <= UINT32_MAX) return sort_rows_by_words(s, begin, end);
  neap_sort_item *items, *spare;
  neap_status st = item_buffers(m, &items, &spare);
  for (int64_t row = begin; !st && row < end; row++) {
    const char *x = neap__row(&s->rows, row);
    st = fill_items(dtype, m, x, s->descending, items);
    if (!st) st = sort_items(m, &items, &spare);
    for (int64_t i = 0; !st && i < m; i++) {
      if (i % NEAP__GRAIN == 0) st = neap_interrupt_check();
      if (s->values) move_element(each, s->values, row * m + i, x, items[i].at);
      if (s->at) s->at[row * m + i] = items[i].at + s->first;
    }
  }
  neap_free(items);
  neap_free(spare);
  return st;
}

neap_status neap_tensor_sort(neap_tensor *values, neap_tensor *at, const neap_tensor *t, int dim,
                             bool descending, int64_t first) {
  sorting s = {.descending = descending, .first = first};
  if (values) memset(values, 0, sizeof *values);
  if (at) memset(at, 0, sizeof *at);
  neap_status st = neap__rows_init(&s.rows, "sort", t, 1u << dim);
  if (!st && values) st = neap__like_rows(values, &s.rows, t->dtype);
  if (!st && at) st = neap__like_rows(at, &s.rows, NEAP_I64);
  if (!st && values) s.values = neap_tensor_data(values);
  if (!st && at) s.at = neap_tensor_data(at);
  if (!st) st = neap__rows_each(&s.rows, sort_rows, &s);
  if (st && values) neap_tensor_drop(values);
  if (st && at) neap_tensor_drop(at);
  neap_tensor_drop(&s.rows.t);
  return st;
}

/* unique and searching
 * ---------------------------------------------------------------------------------- */

static neap_status collect(neap_tensor *values, neap_tensor *counts, const neap_tensor *t,
                           const neap_sort_item *items, int64_t n) {
  int64_t different = 0;
  size_t each = neap_dtype_size(t->dtype);
  for (int64_t i = 0; i < n; i++) {
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    different += i == 0 || items[i].key != items[i - 1].key;
  }
  NEAP_TRY(neap_tensor_init_1d(values, t->dtype, different));
  NEAP_TRY(neap_tensor_init_1d(counts, NEAP_I64, different));
  int64_t *count = neap_tensor_data(counts), k = -1;
  for (int64_t i = 0; i < n; i++) {
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    if (i == 0 || items[i].key != items[i - 1].key) {
      move_element(each, neap_tensor_data(values), ++k, neap_tensor_data(t), items[i].at);
      count[k] = 0;
    }
    count[k]++;
  }
  return NEAP_OK;
}

neap_status neap_tensor_unique(neap_tensor *values, neap_tensor *counts, const neap_tensor *t) {
  neap_tensor flat;
  memset(values, 0, sizeof *values);
  memset(counts, 0, sizeof *counts);
  NEAP_TRY(neap_tensor_as(&flat, t, t->dtype));
  int64_t n = neap_tensor_numel(t);
  neap_sort_item *items, *spare;
  neap_status st = item_buffers(n, &items, &spare);
  if (!st) st = fill_items(t->dtype, n, neap_tensor_data(&flat), false, items);
  if (!st) st = sort_items(n, &items, &spare);
  if (!st) st = collect(values, counts, &flat, items, n);
  if (st) {
    neap_tensor_drop(values);
    neap_tensor_drop(counts);
  }
  neap_free(items);
  neap_free(spare);
  neap_tensor_drop(&flat);
  return st;
}

typedef struct {
  const void *sorted, *v; /* f64, or both i64: f64 would not tell all of those apart */
  int64_t n, first;
  int64_t *z;
  bool right, whole;
} searching;

/* a comes before b, NaN being the largest */
static bool before(double a, double b) { return a < b || (isnan(b) && !isnan(a)); }

/* Is v[i] to stand behind sorted[middle]? */
static bool behind(const searching *s, int64_t middle, int64_t i) {
  if (s->whole) {
    int64_t x = ((const int64_t *)s->sorted)[middle], v = ((const int64_t *)s->v)[i];
    return s->right ? v >= x : x < v;
  }
  double x = ((const double *)s->sorted)[middle], v = ((const double *)s->v)[i];
  return s->right ? !before(v, x) : before(x, v);
}

static neap_status search_range(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const searching *s = ctx;
  for (int64_t i = begin; i < end; i++) {
    int64_t low = 0, high = s->n;
    while (low < high) {
      int64_t middle = low + (high - low) / 2;
      if (behind(s, middle, i)) low = middle + 1;
      else high = middle;
    }
    s->z[i] = low + s->first;
  }
  return NEAP_OK;
}

neap_status neap_tensor_searchsorted(neap_tensor *out, const neap_tensor *sorted,
                                     const neap_tensor *v, bool right, int64_t first) {
  neap_tensor x, y = {0};
  memset(out, 0, sizeof *out);
  if (sorted->ndim != 1)
    return neap_fail(NEAP_ESHAPE, "searchsorted: the sorted tensor has %d dims, not 1",
                     sorted->ndim);
  bool whole = !neap_dtype_is_float(sorted->dtype) && !neap_dtype_is_float(v->dtype);
  NEAP_TRY(neap_tensor_as(&x, sorted, whole ? NEAP_I64 : NEAP_F64));
  neap_status st = neap_tensor_as(&y, v, whole ? NEAP_I64 : NEAP_F64);
  if (!st) st = neap_tensor_init_raw(out, NEAP_I64, v->ndim, v->size);
  if (!st) {
    searching s = {neap_tensor_data(&x),
                   neap_tensor_data(&y),
                   sorted->size[0],
                   first,
                   neap_tensor_data(out),
                   right,
                   whole};
    st = neap_parallel_for(neap_tensor_numel(v), NEAP__GRAIN / 16, search_range, &s);
    if (st) neap_tensor_drop(out);
  }
  neap_tensor_drop(&x);
  neap_tensor_drop(&y);
  return st;
}
