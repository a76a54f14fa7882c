/* Words of keys and numbering them, as key.h says. Floats become integers of the same order by
 * flipping the lower bits of negative ones. Hash tables are probed linearly, in batches whose slots
 * are asked for ahead, so that the memory answers many at a time. */
#include "frame/key.h"

#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"

enum {
  BLOCK = NEAP__KEY_BLOCK,
  BATCH = 32,
  LEAST_SLOTS = 1 << 12,
  SMALL_SPAN = 1 << 16,
  POLL = 1 << 16
};

#define NAN_WORD INT64_C(0x7ff8000000000000)

neap_status neap__check_rows(const char *operation, int64_t n) {
  if (n < INT32_MAX) return NEAP_OK;
  return neap_fail(NEAP_EARG, "%s: %lld rows, at most %d are supported", operation, (long long)n,
                   INT32_MAX - 1);
}

/* words ---------------------------------------------------------------------------------------- */

static int64_t float_word(double v) {
  int64_t bits;
  if (v != v) return NAN_WORD;
  v += 0.0; /* -0 */
  memcpy(&bits, &v, sizeof bits);
  return bits < 0 ? bits ^ INT64_MAX : bits;
}

static neap_status no_label(const neap_series *s, int64_t i) {
  const int32_t *code = neap_tensor_data(&s->values);
  return neap_fail(NEAP_EINDEX, "column '%s': row %lld has code %d, but there are %lld labels",
                   s->name, (long long)i + 1, code[i], (long long)s->labels);
}

static neap_status category_words(const neap_series *s, int64_t begin, int64_t end, int64_t *out) {
  const int32_t *code = neap_tensor_data(&s->values);
  for (int64_t i = begin; i < end; i++) {
    int32_t c = code[i];
    if (c < 0 || c > s->labels) return no_label(s, i);
    *out++ = c == 0 ? s->places : s->rank ? s->rank[c] : c - 1;
  }
  return NEAP_OK;
}

static void number_words(const neap_tensor *t, int64_t begin, int64_t end, int64_t *out) {
  const void *x = neap_tensor_data(t);
  for (int64_t i = begin; i < end; i++, out++) switch (t->dtype) {
    case NEAP_F64: *out = float_word(((const double *)x)[i]); break;
    case NEAP_F32: *out = float_word((double)((const float *)x)[i]); break;
    case NEAP_I64: *out = ((const int64_t *)x)[i]; break;
    case NEAP_I32: *out = ((const int32_t *)x)[i]; break;
    default: *out = ((const uint8_t *)x)[i];
    }
}

static void pair_words(const neap__words *w, int64_t begin, int64_t end, int64_t *out) {
  for (int64_t i = begin; i < end; i++)
    *out++ = w->a[i] < 0 || w->b[i] < 0 ? INT64_MAX : w->a[i] * w->width + w->b[i];
}

neap_status neap__words_read(const neap__words *w, int64_t begin, int64_t end, int64_t *room,
                             const int64_t **word) {
  const neap_series *s = w->series;
  *word = room;
  if (!s) {
    pair_words(w, begin, end, room);
    return NEAP_OK;
  }
  const int64_t *x = neap_tensor_data(&s->values);
  if (s->kind == NEAP_COLUMN_CATEGORY) return category_words(s, begin, end, room);
  if (s->kind == NEAP_COLUMN_TIME) { /* one less, so that the missing one wraps to the end */
    for (int64_t i = begin; i < end; i++) *room++ = (int64_t)((uint64_t)x[i] - 1);
  } else if (s->values.dtype == NEAP_I64) {
    *word = x + begin;
  } else {
    number_words(&s->values, begin, end, room);
  }
  return NEAP_OK;
}

bool neap__words_missing(const neap__words *w, int64_t *word) {
  const neap_series *s = w->series;
  *word = INT64_MAX;
  if (!s || s->kind == NEAP_COLUMN_TIME) return true;
  *word = s->kind == NEAP_COLUMN_CATEGORY ? s->places : NAN_WORD;
  return s->kind == NEAP_COLUMN_CATEGORY || neap_dtype_is_float(s->values.dtype);
}

typedef struct {
  neap__words words;
  int64_t *out;
} reading;

static neap_status read_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const reading *r = ctx;
  const int64_t *word;
  NEAP_TRY(neap__words_read(&r->words, begin, end, r->out + begin, &word));
  if (word != r->out + begin) memcpy(r->out + begin, word, (size_t)(end - begin) * sizeof *word);
  return NEAP_OK;
}

neap_status neap__words_all(const neap_series *s, int64_t *out) {
  reading r = {{.rows = s->values.size[0], .series = s}, out};
  return neap_parallel_for(r.words.rows, NEAP__KEY_GRAIN, read_chunk, &r);
}

/* the range of words --------------------------------------------------------------------------- */

typedef struct {
  int64_t low, high; /* low > high: no word */
} range;

typedef struct {
  const neap__words *words;
  int64_t missing;
  bool has_missing;
  range *of;
} ranging;

static neap_status range_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const ranging *r = ctx;
  int64_t room[BLOCK];
  const int64_t *word;
  range found = {INT64_MAX, INT64_MIN};
  for (; begin < end; begin += BLOCK) {
    int64_t upto = end - begin < BLOCK ? end : begin + BLOCK;
    NEAP_TRY(neap__words_read(r->words, begin, upto, room, &word));
    for (int64_t i = 0; i < upto - begin; i++) {
      if (r->has_missing && word[i] == r->missing) continue;
      if (word[i] < found.low) found.low = word[i];
      if (word[i] > found.high) found.high = word[i];
    }
  }
  r->of[chunk] = found;
  return NEAP_OK;
}

/* What kinds alone say about the range; span 0: nothing. */
static int64_t known_span(const neap__words *w) {
  if (!w->series) return w->span;
  if (w->series->kind == NEAP_COLUMN_CATEGORY) return w->series->places;
  neap_dtype dtype = w->series->values.dtype;
  return dtype == NEAP_BOOL ? 2 : dtype == NEAP_U8 ? 256 : 0;
}

/* low and span of the words that are not missing; span 0 when a table would be too large. */
static neap_status find_range(const neap__words *w, int64_t *low, int64_t *span) {
  int64_t most = 2 * w->rows + SMALL_SPAN;
  *low = 0;
  *span = known_span(w);
  if (*span > 0 && *span <= most) return NEAP_OK;
  ranging r = {.words = w};
  int64_t chunks = neap_parallel_chunks(w->rows, NEAP__KEY_GRAIN);
  r.has_missing = neap__words_missing(w, &r.missing);
  r.of = neap_alloc_array(chunks, sizeof *r.of);
  if (!r.of) return NEAP_ENOMEM;
  neap_status st = neap_parallel_for(w->rows, NEAP__KEY_GRAIN, range_chunk, &r);
  range all = {INT64_MAX, INT64_MIN};
  for (int64_t i = 0; !st && i < chunks; i++) {
    if (r.of[i].low < all.low) all.low = r.of[i].low;
    if (r.of[i].high > all.high) all.high = r.of[i].high;
  }
  neap_free(r.of);
  if (st) return st;
  uint64_t width = all.low > all.high ? 0 : (uint64_t)all.high - (uint64_t)all.low;
  *low = all.low > all.high ? 0 : all.low;
  *span = width < (uint64_t)most ? (int64_t)width + 1 : 0;
  return NEAP_OK;
}

/* numbering by a table --------------------------------------------------------------------------
 * The place behind the last is that of the missing word. */

typedef struct {
  const neap__index *index;
  const neap__words *words;
  int64_t missing;
  bool has_missing;
  int32_t *id;
} placing;

static void mark(const neap__index *x, int64_t place) {
  if (!__atomic_load_n(&x->table[place], __ATOMIC_RELAXED))
    __atomic_store_n(&x->table[place], 1, __ATOMIC_RELAXED);
}

/* The same for the codes of a category without going through words. */
static neap_status place_codes(const placing *p, int64_t begin, int64_t end) {
  const neap_series *s = p->words->series;
  const int32_t *code = neap_tensor_data(&s->values);
  int64_t low = p->index->low;
  int32_t none = (int32_t)p->index->span;
  for (int64_t i = begin; i < end; i++) {
    int32_t c = code[i];
    if (c < 0 || c > s->labels) return no_label(s, i);
    int32_t place = c == 0 ? none : (int32_t)((s->rank ? s->rank[c] : c - 1) - low);
    mark(p->index, place);
    p->id[i] = place;
  }
  return NEAP_OK;
}

/* The place of each word, marked in the table. */
static neap_status place_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const placing *p = ctx;
  const neap__index *x = p->index;
  int64_t room[BLOCK];
  const int64_t *word;
  if (p->words->series && p->words->series->kind == NEAP_COLUMN_CATEGORY)
    return place_codes(p, begin, end);
  for (; begin < end; begin += BLOCK) {
    int64_t upto = end - begin < BLOCK ? end : begin + BLOCK;
    NEAP_TRY(neap__words_read(p->words, begin, upto, room, &word));
    for (int64_t i = begin; i < upto; i++) {
      int64_t v = word[i - begin];
      int64_t place = p->has_missing && v == p->missing ? x->span : v - x->low;
      mark(x, place);
      p->id[i] = (int32_t)place;
    }
  }
  return NEAP_OK;
}

static neap_status number_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const placing *p = ctx;
  for (int64_t i = begin; i < end; i++) p->id[i] = p->index->table[p->id[i]];
  return NEAP_OK;
}

static neap_status make_table(neap__index *x, const neap__words *w, int32_t *id) {
  placing p = {.index = x, .words = w, .id = id};
  p.has_missing = neap__words_missing(w, &p.missing);
  x->table = neap_calloc_array(x->span + 1, sizeof *x->table);
  if (!x->table) return NEAP_ENOMEM;
  NEAP_TRY(neap_parallel_for(w->rows, NEAP__KEY_GRAIN, place_chunk, &p));
  bool same = !x->drop || !x->table[x->span];
  for (int64_t place = 0; place <= x->span; place++) {
    bool used = x->table[place] && !(x->drop && place == x->span);
    if (!used && place < x->span) same = false;
    x->table[place] = used ? (int32_t)x->count++ : -1;
  }
  return same ? NEAP_OK : neap_parallel_for(w->rows, NEAP__KEY_GRAIN, number_chunk, &p);
}

/* numbering by hashing ------------------------------------------------------------------------- */

/* Both halves of a word take part in every bit (the finalizer of MurmurHash3). */
static uint64_t hash(int64_t word) {
  uint64_t h = (uint64_t)word;
  h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
  h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
  return h ^ h >> 33;
}

static uint64_t probe(const neap__index *x, int64_t word, uint64_t at) {
  at &= x->mask;
  while (x->slot[at].id >= 0 && x->slot[at].word != word) at = (at + 1) & x->mask;
  return at;
}

static neap_status resize(neap__index *x, int64_t slots) {
  neap__slot *old = x->slot, *fresh = neap_alloc_array(slots, sizeof *fresh);
  int64_t before = old ? (int64_t)x->mask + 1 : 0;
  if (!fresh) return NEAP_ENOMEM;
  for (int64_t i = 0; i < slots; i++) fresh[i] = (neap__slot){.id = -1};
  x->slot = fresh;
  x->mask = (uint64_t)slots - 1;
  neap_status st = NEAP_OK;
  for (int64_t i = 0; i < before && !st; i++) {
    if (i % POLL == 0) st = neap_interrupt_check();
    if (old[i].id >= 0) x->slot[probe(x, old[i].word, hash(old[i].word))] = old[i];
  }
  neap_free(old);
  return st;
}

/* More room; at once enough for all rows where most of those seen are different. */
static neap_status grow(neap__index *x, int64_t seen, int64_t rows) {
  int64_t slots = x->slot ? 4 * ((int64_t)x->mask + 1) : LEAST_SLOTS;
  while (x->count > seen / 2 && x->slot && slots < 3 * (rows / 2)) slots *= 2;
  return resize(x, slots);
}

static void ask_ahead(const neap__index *x, const uint64_t *h, int64_t n) {
  for (int64_t i = 0; i < n; i++) __builtin_prefetch(&x->slot[h[i] & x->mask]);
}

/* Number n words, rows at .. at + n of all. */
static neap_status add_batch(neap__index *x, const neap__words *w, int64_t at, int64_t n,
                             const int64_t *word, int32_t *id) {
  uint64_t h[BATCH];
  int64_t missing;
  bool drop = neap__words_missing(w, &missing) && x->drop;
  if (2 * (x->count + n) > (int64_t)x->mask + 1 || !x->slot) NEAP_TRY(grow(x, at, w->rows));
  for (int64_t i = 0; i < n; i++) h[i] = hash(word[i]);
  ask_ahead(x, h, n);
  for (int64_t i = 0; i < n; i++) {
    if (drop && word[i] == missing) {
      id[i] = -1;
      continue;
    }
    neap__slot *slot = &x->slot[probe(x, word[i], h[i])];
    if (slot->id < 0) *slot = (neap__slot){word[i], (int32_t)x->count++};
    id[i] = slot->id;
  }
  return NEAP_OK;
}

static neap_status make_hash(neap__index *x, const neap__words *w, int32_t *id) {
  int64_t room[BLOCK];
  const int64_t *word;
  for (int64_t begin = 0; begin < w->rows; begin += BLOCK) {
    int64_t upto = w->rows - begin < BLOCK ? w->rows : begin + BLOCK;
    NEAP_TRY(neap_interrupt_check());
    NEAP_TRY(neap__words_read(w, begin, upto, room, &word));
    for (int64_t i = begin; i < upto; i += BATCH)
      NEAP_TRY(add_batch(x, w, i, upto - i < BATCH ? upto - i : BATCH, word + (i - begin), id + i));
  }
  return NEAP_OK;
}

typedef struct {
  const int32_t *rank;
  int32_t *id;
} ranking;

static neap_status rank_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const ranking *r = ctx;
  for (int64_t i = begin; i < end; i++)
    if (r->id[i] >= 0) r->id[i] = r->rank[r->id[i]];
  return NEAP_OK;
}

/* Renumber what hashing found in the order of the words. */
static neap_status sort_hash(neap__index *x, int64_t rows, int32_t *id) {
  neap_tensor word, at = {0};
  ranking r = {NULL, id};
  NEAP_TRY(neap_tensor_init_1d(&word, NEAP_I64, x->count));
  int64_t *words = neap_tensor_data(&word);
  int64_t slots = x->slot ? (int64_t)x->mask + 1 : 0;
  for (int64_t i = 0; i < slots; i++)
    if (x->slot[i].id >= 0) words[x->slot[i].id] = x->slot[i].word;
  neap_status st = neap_tensor_sort(NULL, &at, &word, 0, false, 0);
  int32_t *rank = st ? NULL : neap_alloc_array(x->count, sizeof *rank);
  if (!st && !rank) st = NEAP_ENOMEM;
  if (!st) {
    const int64_t *from = neap_tensor_data(&at);
    for (int64_t k = 0; k < x->count; k++) rank[from[k]] = (int32_t)k;
    for (int64_t i = 0; i < slots; i++)
      if (x->slot[i].id >= 0) x->slot[i].id = rank[x->slot[i].id];
    r.rank = rank;
    st = neap_parallel_for(rows, NEAP__KEY_GRAIN, rank_chunk, &r);
  }
  neap_free(rank);
  neap_tensor_drop(&at);
  neap_tensor_drop(&word);
  return st;
}

neap_status neap__index_make(neap__index *out, const neap__words *w, bool sorted, bool drop,
                             int32_t *id) {
  neap__index x = {.drop = drop};
  neap_status st = find_range(w, &x.low, &x.span);
  if (!st && x.span > 0) {
    st = make_table(&x, w, id);
  } else if (!st) {
    st = make_hash(&x, w, id);
    if (!st && sorted) st = sort_hash(&x, w->rows, id);
  }
  if (st) neap__index_drop(&x);
  *out = x;
  return st;
}

void neap__index_drop(neap__index *x) {
  neap_free(x->table);
  neap_free(x->slot);
  *x = (neap__index){0};
}

/* finding -------------------------------------------------------------------------------------- */

static int32_t find_in_table(const placing *p, int64_t word) {
  const neap__index *x = p->index;
  if (p->has_missing && word == p->missing) return x->table[x->span];
  uint64_t place = (uint64_t)word - (uint64_t)x->low;
  return place < (uint64_t)x->span ? x->table[place] : -1;
}

static void find_by_hash(const placing *p, int64_t n, const int64_t *word, int32_t *id) {
  const neap__index *x = p->index;
  uint64_t h[BATCH];
  for (int64_t i = 0; i < n; i++) h[i] = hash(word[i]);
  ask_ahead(x, h, n);
  for (int64_t i = 0; i < n; i++) {
    bool none = p->has_missing && x->drop && word[i] == p->missing;
    id[i] = none ? -1 : x->slot[probe(x, word[i], h[i])].id;
  }
}

static neap_status find_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const placing *p = ctx;
  int64_t room[BLOCK];
  const int64_t *word;
  for (; begin < end; begin += BLOCK) {
    int64_t n = end - begin < BLOCK ? end - begin : BLOCK;
    NEAP_TRY(neap__words_read(p->words, begin, begin + n, room, &word));
    int32_t *id = p->id + begin;
    if (p->index->table) {
      for (int64_t i = 0; i < n; i++) id[i] = find_in_table(p, word[i]);
    } else if (!p->index->slot) {
      for (int64_t i = 0; i < n; i++) id[i] = -1;
    } else {
      for (int64_t i = 0; i < n; i += BATCH)
        find_by_hash(p, n - i < BATCH ? n - i : BATCH, word + i, id + i);
    }
  }
  return NEAP_OK;
}

neap_status neap__index_find(const neap__index *x, const neap__words *w, int32_t *id) {
  placing p = {.index = x, .words = w, .id = id};
  p.has_missing = neap__words_missing(w, &p.missing);
  return neap_parallel_for(w->rows, NEAP__KEY_GRAIN, find_chunk, &p);
}
