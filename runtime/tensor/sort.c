/* Sorting, quantiles, unique, searching. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "kern/kern.h"
#include "tensor/rows.h"
#include "tensor/walk.h"

enum { FEW = 48, SEGMENTS = 32 };

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* words by quicksort --------------------------------------------------------------------------- */

typedef struct {
  uint64_t *w;
  int64_t n;
} segment;

static neap_status split(const neap_kern *k, segment s, int64_t *low) {
  neap_split state;
  neap_split_begin(&state, s.n, s.w, k->words.pivot(s.n, s.w));
  while (!k->words.split(&state, 4 * NEAP__GRAIN / NEAP_SPLIT_BLOCK))
    NEAP_TRY(neap_interrupt_check());
  *low = state.low;
  return NEAP_OK;
}

static neap_status sort_segment(const neap_kern *k, segment s) {
  while (s.n > NEAP__GRAIN) {
    int64_t low;
    NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(split(k, s, &low));
    NEAP_TRY(sort_segment(k, (segment){s.w, low}));
    s.w += low;
    s.n -= low;
  }
  k->words.sort(s.n, s.w);
  return NEAP_OK;
}

typedef struct {
  const neap_kern *k;
  segment s[2 * SEGMENTS];
  int64_t count, low[SEGMENTS]; /* low: how many words of a segment are up to its pivot */
} segments;

static neap_status split_segments(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  segments *t = ctx;
  for (int64_t i = begin; i < end; i++) {
    t->low[i] = t->s[i].n;
    if (t->s[i].n > NEAP__GRAIN) NEAP_TRY(split(t->k, t->s[i], &t->low[i]));
  }
  return NEAP_OK;
}

static neap_status sort_segments(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  segments *t = ctx;
  for (int64_t i = begin; i < end; i++) NEAP_TRY(sort_segment(t->k, t->s[i]));
  return NEAP_OK;
}

/* The words are split in two, those in two and so on, until there are segments to share out. */
static neap_status quicksort(const neap_kern *k, int64_t n, uint64_t *w) {
  segments t = {.k = k, .s = {{w, n}}, .count = 1};
  if (n <= NEAP__GRAIN) {
    k->words.sort(n, w);
    return NEAP_OK;
  }
  while (t.count < SEGMENTS) {
    NEAP_TRY(neap_parallel_for(t.count, 1, split_segments, &t));
    for (int64_t i = t.count - 1; i >= 0; i--) {
      segment whole = t.s[i];
      t.s[2 * i] = (segment){whole.w, t.low[i]};
      t.s[2 * i + 1] = (segment){whole.w + t.low[i], whole.n - t.low[i]};
    }
    t.count *= 2;
  }
  return neap_parallel_for(t.count, 1, sort_segments, &t);
}

/* words by radix, lowest digit first ----------------------------------------------------------- */

/* bits: how many the key has above from */
static neap_status radix_passes(int64_t n, uint64_t **words, uint64_t **spare, int from, int bits) {
  int64_t counts[NEAP_RADIX_PASSES][NEAP_RADIX];
  int passes = (bits + 7) / 8;
  memset(counts, 0, sizeof counts);
  for (int64_t i = 0; i < n; i += NEAP__GRAIN) {
    NEAP_TRY(neap_interrupt_check());
    neap_radix_count(least(n - i, NEAP__GRAIN), *words + i, from, passes, counts);
  }
  for (int pass = 0; pass < passes; pass++) {
    if (!neap_radix_places(n, counts[pass])) continue;
    for (int64_t i = 0; i < n; i += NEAP__GRAIN) {
      NEAP_TRY(neap_interrupt_check());
      neap_radix_scatter(least(n - i, NEAP__GRAIN), *words + i, *spare, from + 8 * pass,
                         counts[pass]);
    }
    uint64_t *sorted = *spare;
    *spare = *words;
    *words = sorted;
  }
  return NEAP_OK;
}

static neap_status radix_sort(int64_t n, uint64_t *w, int from, int bits) {
  if (n <= FEW) {
    neap_sort_few(n, w);
    return NEAP_OK;
  }
  uint64_t *own = neap_alloc_array(n, sizeof *own), *words = w, *spare = own;
  if (!own) return NEAP_ENOMEM;
  neap_status st = radix_passes(n, &words, &spare, from, bits);
  for (int64_t i = 0; !st && words == own && i < n; i += NEAP__GRAIN) {
    st = neap_interrupt_check();
    memcpy(w + i, own + i, (size_t)least(n - i, NEAP__GRAIN) * sizeof *w);
  }
  neap_free(own);
  return st;
}

/* rows as words -------------------------------------------------------------------------------- */

typedef struct {
  const neap_kern *k;
  neap_dtype dtype;
  bool descending;
} ordering;

static int bits_of(uint64_t v) { return v ? 64 - __builtin_clzll(v) : 0; }

/* The form of n words; *bits: how many their keys have. */
static neap_word_form form_of(const ordering *o, int64_t n, neap_key_range range, int *bits) {
  int keys = bits_of(range.high - range.low), position_bits = bits_of((uint64_t)(n - 1));
  int drop = keys + position_bits > 64 ? keys + position_bits - 64 : 0;
  *bits = keys - drop;
  return (neap_word_form){range.low, position_bits, drop, o->descending};
}

/* The words of a row in the order of their positions. Narrow keys leave room whatever their range
 * is, so that it need not be known. In parts: the first touch of fresh memory is slow. */
static neap_status make_words(const ordering *o, int64_t n, const char *x, uint64_t *words,
                              neap_word_form *form, int *bits) {
  int64_t each = (int64_t)neap_dtype_size(o->dtype);
  bool narrow = each < 8;
  neap_key_range range = {UINT64_MAX, 0};
  if (narrow) *form = form_of(o, n, (neap_key_range){0, (1ull << 8 * each) - 1}, bits);
  for (int64_t i = 0; i < n; i += NEAP__GRAIN) {
    int64_t m = least(n - i, NEAP__GRAIN);
    NEAP_TRY(neap_interrupt_check());
    o->k->keys[o->dtype](m, x + i * each, o->descending, words + i, &range);
    if (narrow) o->k->pack(m, words + i, form, i);
  }
  if (narrow) return NEAP_OK;
  *form = form_of(o, n, range, bits);
  for (int64_t i = 0; i < n; i += NEAP__GRAIN) {
    NEAP_TRY(neap_interrupt_check());
    o->k->pack(least(n - i, NEAP__GRAIN), words + i, form, i);
  }
  return NEAP_OK;
}

static neap_status settle(const ordering *o, int64_t n, const char *x, uint64_t *words,
                          const neap_word_form *form);

/* Words that say in which order the elements of a row come. */
static neap_status arrange(const ordering *o, int64_t n, const char *x, uint64_t *words,
                           neap_word_form *form) {
  int bits;
  NEAP_TRY(make_words(o, n, x, words, form, &bits));
  if (o->k->words.sort) NEAP_TRY(quicksort(o->k, n, words));
  else NEAP_TRY(radix_sort(n, words, form->position_bits, bits));
  return form->drop ? settle(o, n, x, words, form) : NEAP_OK;
}

/* runs of words whose keys are the same as far as they go -------------------------------------- */

typedef struct {
  const ordering *o;
  const char *x;
  int64_t size;
  uint64_t mask; /* of a word's position */
} settling;

/* The whole keys of n <= FEW elements, their positions first. */
static void keys_of(const settling *s, int64_t n, const uint64_t *words, int64_t *at,
                    uint64_t *keys) {
  uint64_t x[FEW];
  for (int64_t i = 0; i < n; i++) at[i] = (int64_t)(words[i] & s->mask);
  s->o->k->take[s->o->dtype](n, x, s->x, at, 0, s->size);
  s->o->k->keys[s->o->dtype](n, x, s->o->descending, keys, &(neap_key_range){0});
}

static void settle_few(const settling *s, int64_t n, uint64_t *words) {
  int64_t at[FEW];
  uint64_t keys[FEW], upper = words[0] & ~s->mask;
  keys_of(s, n, words, at, keys);
  for (int64_t i = 1; i < n; i++) {
    uint64_t key = keys[i], word = words[i], k = (uint64_t)i;
    for (; k > 0 && keys[k - 1] > key; k--) {
      keys[k] = keys[k - 1];
      words[k] = words[k - 1];
    }
    keys[k] = key;
    words[k] = word | upper;
  }
}

/* Most runs are of elements that are equal, so already in order. */
static neap_status in_order(const settling *s, int64_t n, const uint64_t *words, bool *rising) {
  int64_t at[FEW];
  uint64_t keys[FEW], last = 0;
  *rising = true;
  for (int64_t i = 0; i < n && *rising; i += FEW) {
    int64_t m = least(n - i, FEW);
    if (i % (FEW << 10) == 0) NEAP_TRY(neap_interrupt_check());
    keys_of(s, m, words + i, at, keys);
    for (int64_t k = 0; k < m; k++) {
      *rising &= keys[k] >= last;
      last = keys[k];
    }
  }
  return NEAP_OK;
}

/* The elements of the run as a row of their own: their keys differ in dropped bits alone. */
static neap_status settle_many(const settling *s, int64_t n, uint64_t *words) {
  bool rising;
  NEAP_TRY(in_order(s, n, words, &rising));
  if (rising) return NEAP_OK;
  int64_t *at = neap_alloc_array(n, sizeof *at);
  uint64_t *own = neap_alloc_array(n, sizeof *own), upper = words[0] & ~s->mask;
  char *x = neap_alloc_array(n, neap_dtype_size(s->o->dtype));
  neap_status st = at && own && x ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = 0; !st && i < n; i += NEAP__GRAIN) {
    int64_t end = i + least(n - i, NEAP__GRAIN), each = (int64_t)neap_dtype_size(s->o->dtype);
    st = neap_interrupt_check();
    for (int64_t k = i; k < end; k++) at[k] = (int64_t)(words[k] & s->mask);
    s->o->k->take[s->o->dtype](end - i, x + i * each, s->x, at + i, 0, s->size);
  }
  neap_word_form form;
  if (!st) st = arrange(s->o, n, x, own, &form);
  uint64_t mask = st ? 0 : ((uint64_t)1 << form.position_bits) - 1;
  for (int64_t i = 0; !st && i < n; i++) {
    if (i % NEAP__GRAIN == 0) st = neap_interrupt_check();
    words[i] = upper | (uint64_t)at[own[i] & mask];
  }
  neap_free(at);
  neap_free(own);
  neap_free(x);
  return st;
}

static neap_status settle(const ordering *o, int64_t n, const char *x, uint64_t *words,
                          const neap_word_form *form) {
  enum { STEP = 1024 };
  int bits = form->position_bits;
  settling s = {o, x, n, ((uint64_t)1 << bits) - 1};
  for (int64_t i = 0, done = 0; i < n - 1; i += STEP) {
    int64_t stop = least(n - 1, i + STEP);
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    if (!o->k->ties(stop - i, words + i, bits)) continue;
    for (int64_t k = done > i ? done : i; k < stop; k = done) {
      for (done = k + 1; done < n && (words[k] ^ words[done]) >> bits == 0;) done++;
      if (done - k > FEW) NEAP_TRY(settle_many(&s, done - k, words + k));
      else if (done - k > 1) settle_few(&s, done - k, words + k);
    }
  }
  return NEAP_OK;
}

/* rows ----------------------------------------------------------------------------------------- */

typedef struct {
  neap__rows rows;
  ordering o;
  int64_t first;
  char *values;
  int64_t *at;
} sorting;

typedef struct {
  const sorting *s;
  const neap_word_form *form;
  uint64_t *words;
  int64_t row;
} unpacking;

static neap_status unpack_range(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const unpacking *u = ctx;
  const sorting *s = u->s;
  int64_t m = s->rows.m, each = (int64_t)neap_dtype_size(s->o.dtype);
  const char *x = neap__row(&s->rows, u->row);
  char *z = s->values ? s->values + (u->row * m + begin) * each : NULL;
  s->o.k->unpack[s->o.dtype](end - begin, u->words + begin, u->form, s->first, x, z);
  if (z && u->form->drop)
    s->o.k->take[s->o.dtype](end - begin, z, x, (const int64_t *)u->words + begin, s->first, m);
  return NEAP_OK;
}

static neap_status sort_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const sorting *s = ctx;
  int64_t m = s->rows.m;
  uint64_t *own = s->at ? NULL : neap_alloc_array(m, sizeof *own);
  if (!s->at && !own) return NEAP_ENOMEM;
  neap_status st = NEAP_OK;
  for (int64_t row = begin; m > 0 && !st && row < end; row++) {
    neap_word_form form;
    uint64_t *words = own ? own : (uint64_t *)s->at + row * m;
    st = arrange(&s->o, m, neap__row(&s->rows, row), words, &form);
    unpacking u = {s, &form, words, row};
    if (!st) st = neap_parallel_for(m, NEAP__GRAIN, unpack_range, &u);
  }
  neap_free(own);
  return st;
}

neap_status neap_tensor_sort(neap_tensor *values, neap_tensor *at, const neap_tensor *t, int dim,
                             bool descending, int64_t first) {
  sorting s = {.o = {.dtype = t->dtype, .descending = descending}, .first = first};
  if (values) memset(values, 0, sizeof *values);
  if (at) memset(at, 0, sizeof *at);
  NEAP_TRY(neap_kern_select(&s.o.k));
  neap_status st = neap__rows_init(&s.rows, "sort", t, 1u << dim);
  if (!st && values) st = neap__like_rows(values, &s.rows, t->dtype);
  if (!st && at) st = neap__like_rows(at, &s.rows, NEAP_I64);
  if (!st && values) s.values = neap_tensor_data(values);
  if (!st && at) s.at = neap_tensor_data(at);
  if (!st && s.rows.m > 4 * NEAP__GRAIN) st = sort_rows(&s, 0, 0, s.rows.rows); /* threads share */
  else if (!st) st = neap__rows_each(&s.rows, sort_rows, &s);
  if (st && values) neap_tensor_drop(values);
  if (st && at) neap_tensor_drop(at);
  neap_tensor_drop(&s.rows.t);
  return st;
}

/* unique and searching ------------------------------------------------------------------------- */

/* starts[k] = the place of the first of the elements of sorted that are equal to the one there;
 * *count of them. Every place is written and kept only if it is one: no branch to guess. */
static neap_status list_starts(const neap_kern *k, neap_dtype dtype, int64_t n, const char *sorted,
                               int64_t *starts, int64_t *count) {
  enum { STEP = 1024 };
  uint64_t keys[STEP + 1] = {0};
  int64_t found = 0, each = (int64_t)neap_dtype_size(dtype);
  for (int64_t i = 0; i < n; i += STEP) {
    int64_t m = least(n - i, STEP);
    if (i % NEAP__GRAIN == 0) NEAP_TRY(neap_interrupt_check());
    k->keys[dtype](m, sorted + i * each, false, keys + 1, &(neap_key_range){0});
    if (i == 0) keys[0] = ~keys[1];
    for (int64_t j = 0; j < m; j++) {
      starts[found] = i + j;
      found += keys[j + 1] != keys[j];
    }
    keys[0] = keys[m];
  }
  starts[ *count = found] = n;
  return NEAP_OK;
}

static neap_status collect(neap_tensor *values, neap_tensor *counts, const neap_kern *k,
                           const neap_tensor *sorted, int64_t n, int64_t *starts) {
  int64_t different;
  NEAP_TRY(list_starts(k, sorted->dtype, n, neap_tensor_data(sorted), starts, &different));
  NEAP_TRY(neap_tensor_init_1d(values, sorted->dtype, different));
  NEAP_TRY(neap_tensor_init_1d(counts, NEAP_I64, different));
  int64_t *count = neap_tensor_data(counts), each = (int64_t)neap_dtype_size(sorted->dtype);
  for (int64_t i = 0; i < different; i += NEAP__GRAIN) {
    int64_t m = least(different - i, NEAP__GRAIN);
    NEAP_TRY(neap_interrupt_check());
    k->take[sorted->dtype](m, (char *)neap_tensor_data(values) + i * each, neap_tensor_data(sorted),
                           starts + i, 0, n);
    for (int64_t j = i; j < i + m; j++) count[j] = starts[j + 1] - starts[j];
  }
  return NEAP_OK;
}

neap_status neap_tensor_unique(neap_tensor *values, neap_tensor *counts, const neap_tensor *t) {
  const neap_kern *k;
  neap_tensor flat, sorted = {0};
  memset(values, 0, sizeof *values);
  memset(counts, 0, sizeof *counts);
  NEAP_TRY(neap_kern_select(&k));
  NEAP_TRY(neap_tensor_as(&flat, t, t->dtype));
  int64_t n = neap_tensor_numel(t), *starts = NULL;
  neap_tensor line = flat; /* the same memory as one dimension */
  line.ndim = 1;
  line.size[0] = n;
  line.stride[0] = 1;
  neap_status st = neap_tensor_sort(&sorted, NULL, &line, 0, false, 0);
  if (!st && !(starts = neap_alloc_array(n + 1, sizeof *starts))) st = NEAP_ENOMEM;
  if (!st) st = collect(values, counts, k, &sorted, n, starts);
  if (st) {
    neap_tensor_drop(values);
    neap_tensor_drop(counts);
  }
  neap_free(starts);
  neap_tensor_drop(&sorted);
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
