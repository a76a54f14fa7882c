/* Groups of rows with equal keys. Several keys become one by numbering pairs of numbers, so that
 * every step is the same numbering of words. */
#include "frame/group.h"

#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "frame/key.h"

enum { POLL = 1 << 16 };

/* numbering ------------------------------------------------------------------------------------ */

/* id, which numbers the keys before, becomes the number of those and this one together. */
static neap_status add_key(neap_groups *g, const neap_series *key, bool sorted, bool drop) {
  neap__index x;
  int32_t *b = neap_alloc_array(g->rows, sizeof *b);
  if (!b) return NEAP_ENOMEM;
  neap__words w = {.rows = g->rows, .series = key};
  neap_status st = neap__index_make(&x, &w, sorted, drop, b);
  if (!st) {
    neap__words pair = {.rows = g->rows, .a = g->id, .b = b, .width = x.count};
    pair.span = g->count * x.count;
    neap__index_drop(&x);
    st = neap__index_make(&x, &pair, sorted, true, g->id);
    g->count = x.count;
    neap__index_drop(&x);
  }
  neap_free(b);
  return st;
}

/* The first row of each group, no further than until all are seen; all: they were. */
static neap_status find_first(neap_groups *g, bool *all) {
  int64_t left = g->count;
  for (int64_t k = 0; k < g->count; k++) g->first[k] = -1;
  for (int64_t i = 0; i < g->rows && left > 0; i++) {
    if (i % POLL == 0) NEAP_TRY(neap_interrupt_check());
    if (g->id[i] < 0 || g->first[g->id[i]] >= 0) continue;
    g->first[g->id[i]] = (int32_t)i;
    left--;
  }
  *all = left == 0;
  return NEAP_OK;
}

/* codes as they are ------------------------------------------------------------------------------
 * The labels of a category are mostly all used. Then the places of codes are the groups, and rows
 * without text are in none: nothing has to be looked up, and the first rows tell whether it holds.
 */

typedef struct {
  neap_groups *g;
  const neap_series *key;
  bool strange; /* a code without label */
} coding;

/* Is each of n codes in 0 .. most? The sign bit of c or of most - c tells, without a branch. */
static bool have_labels(int64_t n, const int32_t *code, uint32_t most) {
  uint32_t wrong = 0;
  for (int64_t i = 0; i < n; i++) wrong |= (uint32_t)code[i] | (most - (uint32_t)code[i]);
  return wrong >> 31 == 0;
}

static neap_status code_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  coding *c = ctx;
  const int32_t *code = neap_tensor_data(&c->key->values), *rank = c->key->rank;
  int32_t *id = c->g->id;
  for (; begin < end; begin += NEAP__KEY_BLOCK) {
    int64_t upto = end - begin < NEAP__KEY_BLOCK ? end : begin + NEAP__KEY_BLOCK;
    if (!have_labels(upto - begin, code + begin, (uint32_t)c->key->labels)) {
      __atomic_store_n(&c->strange, true, __ATOMIC_RELAXED);
      return NEAP_OK;
    }
    for (int64_t i = begin; i < upto && rank; i++) id[i] = code[i] ? rank[code[i]] : -1;
    for (int64_t i = begin; i < upto && !rank; i++) id[i] = code[i] - 1;
  }
  return NEAP_OK;
}

static neap_status try_codes(neap_groups *g, const neap_series *key, bool *fits) {
  coding c = {g, key, false};
  *fits = false;
  if (key->kind != NEAP_COLUMN_CATEGORY || key->places > g->rows / 4) return NEAP_OK;
  NEAP_TRY(neap_parallel_for(g->rows, NEAP__KEY_GRAIN, code_chunk, &c));
  if (c.strange) return NEAP_OK;
  g->count = key->places;
  g->first = neap_alloc_array(g->count, sizeof *g->first);
  if (!g->first) return NEAP_ENOMEM;
  NEAP_TRY(find_first(g, fits));
  if (*fits) return NEAP_OK;
  neap_free(g->first);
  g->first = NULL;
  return NEAP_OK;
}

static neap_status number_rows(neap_groups *g, int count, const neap_series *keys, bool sorted,
                               bool drop) {
  neap__index x;
  neap__words w = {.rows = g->rows, .series = keys};
  if (count == 0) {
    memset(g->id, 0, (size_t)g->rows * sizeof *g->id);
    g->count = g->rows > 0;
    return NEAP_OK;
  }
  NEAP_TRY(neap__index_make(&x, &w, sorted, drop, g->id));
  g->count = x.count;
  neap__index_drop(&x);
  for (int k = 1; k < count; k++) NEAP_TRY(add_key(g, &keys[k], sorted, drop));
  return NEAP_OK;
}

/* Number groups anew by their first rows. */
static neap_status by_appearance(neap_groups *g) {
  int32_t *fresh = neap_alloc_array(g->count, sizeof *fresh);
  if (!fresh) return NEAP_ENOMEM;
  neap_status st = NEAP_OK;
  int32_t next = 0;
  for (int64_t k = 0; k < g->count; k++) fresh[k] = -1;
  for (int64_t i = 0; i < g->rows && !st; i++) {
    if (i % POLL == 0) st = neap_interrupt_check();
    if (g->id[i] < 0) continue;
    int32_t *to = &fresh[g->id[i]];
    if (*to < 0) {
      g->first[next] = (int32_t)i;
      *to = next++;
    }
    g->id[i] = *to;
  }
  neap_free(fresh);
  return st;
}

neap_status neap_groups_make(neap_groups *out, int64_t n, int count, const neap_series *keys,
                             bool sorted, bool drop) {
  neap_groups g = {.rows = n};
  bool done = false;
  *out = g;
  NEAP_TRY(neap__check_rows("group_by", n));
  g.id = neap_alloc_array(n, sizeof *g.id);
  neap_status st = g.id ? NEAP_OK : NEAP_ENOMEM;
  if (!st && count == 1 && sorted && drop) st = try_codes(&g, keys, &done);
  if (!st && !done) {
    st = number_rows(&g, count, keys, sorted, drop);
    if (!st) g.first = neap_alloc_array(g.count, sizeof *g.first);
    if (!st && !g.first) st = NEAP_ENOMEM;
    if (!st) st = sorted ? find_first(&g, &done) : by_appearance(&g);
  }
  if (st) neap_groups_drop(&g);
  *out = g;
  return st;
}

void neap_groups_drop(neap_groups *g) {
  neap_free(g->id);
  neap_free(g->first);
  neap_free(g->order);
  neap_free(g->start);
  *g = (neap_groups){0};
}

/* rows by group ---------------------------------------------------------------------------------
 * Counting sort: every chunk counts its rows of each group, the counts become places, and every
 * chunk puts its rows there. */

typedef struct {
  const neap_groups *g;
  int32_t *place, *order; /* place: chunks x groups */
} ordering;

static neap_status count_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const ordering *o = ctx;
  int32_t *place = o->place + chunk * o->g->count;
  for (int64_t i = begin; i < end; i++)
    if (o->g->id[i] >= 0) place[o->g->id[i]]++;
  return NEAP_OK;
}

static neap_status put_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const ordering *o = ctx;
  int32_t *place = o->place + chunk * o->g->count;
  for (int64_t i = begin; i < end; i++)
    if (o->g->id[i] >= 0) o->order[place[o->g->id[i]]++] = (int32_t)i;
  return NEAP_OK;
}

static void places_of_counts(neap_groups *g, int64_t chunks, int32_t *place) {
  int64_t next = 0;
  for (int64_t k = 0; k < g->count; k++) {
    g->start[k] = next;
    for (int64_t c = 0; c < chunks; c++) {
      int32_t *at = &place[c * g->count + k], here = *at;
      *at = (int32_t)next;
      next += here;
    }
  }
  g->start[g->count] = next;
}

neap_status neap_groups_order(neap_groups *g) {
  if (g->order) return NEAP_OK;
  int64_t grain = 8 * g->count > NEAP__KEY_GRAIN ? 8 * g->count : NEAP__KEY_GRAIN;
  int64_t chunks = neap_parallel_chunks(g->rows, grain);
  ordering o = {.g = g, .place = neap_calloc_array(chunks * g->count, sizeof *o.place)};
  int64_t *start = neap_alloc_array(g->count + 1, sizeof *start);
  o.order = neap_alloc_array(g->rows, sizeof *o.order);
  neap_status st = o.place && start && o.order ? NEAP_OK : NEAP_ENOMEM;
  if (!st) st = neap_parallel_for(g->rows, grain, count_chunk, &o);
  if (!st) {
    neap_free(g->start);
    g->start = start;
    start = NULL;
    places_of_counts(g, chunks, o.place);
    st = neap_parallel_for(g->rows, grain, put_chunk, &o);
  }
  if (!st) {
    g->order = o.order;
    o.order = NULL;
  }
  neap_free(start);
  neap_free(o.order);
  neap_free(o.place);
  return st;
}

/* repeated rows -------------------------------------------------------------------------------- */

neap_status neap_groups_repeated(const neap_groups *g, bool earlier, bool later, bool *mask) {
  int32_t *last = neap_alloc_array(g->count, sizeof *last);
  if (!last) return NEAP_ENOMEM;
  neap_status st = NEAP_OK;
  for (int64_t i = 0; i < g->rows && !st; i++) {
    if (i % POLL == 0) st = neap_interrupt_check();
    if (g->id[i] >= 0) last[g->id[i]] = (int32_t)i;
  }
  for (int64_t i = 0; i < g->rows && !st; i++) {
    if (i % POLL == 0) st = neap_interrupt_check();
    int32_t k = g->id[i];
    mask[i] = k >= 0 && ((earlier && g->first[k] != i) || (later && last[k] != i));
  }
  neap_free(last);
  return st;
}

/* crossing ------------------------------------------------------------------------------------- */

neap_status neap_groups_cross(neap_tensor *at, const neap_groups *rows,
                              const neap_groups *columns) {
  int64_t size[2] = {columns->count, rows->count};
  memset(at, 0, sizeof *at);
  if (rows->rows != columns->rows)
    return neap_fail(NEAP_ESHAPE, "cross: groups of %lld and %lld rows", (long long)rows->rows,
                     (long long)columns->rows);
  NEAP_TRY(neap_tensor_init(at, NEAP_I32, 2, size));
  int32_t *place = neap_tensor_data(at);
  neap_status st = NEAP_OK;
  for (int64_t i = 0; i < rows->rows && !st; i++) {
    if (i % POLL == 0) st = neap_interrupt_check();
    if (st || rows->id[i] < 0 || columns->id[i] < 0) continue;
    int32_t *to = &place[columns->id[i] * rows->count + rows->id[i]];
    if (*to)
      st = neap_fail(NEAP_EVALUE,
                     "pivot: rows %d and %lld have the same index and column; option 'agg' "
                     "makes one value of them",
                     *to, (long long)i + 1);
    *to = (int32_t)i + 1;
  }
  if (st) neap_tensor_drop(at);
  return st;
}
