/* Joins by keys. The keys of the right frame are numbered, those of the left looked up, and right
 * rows are listed by number. Then every chunk of left rows counts what it will give, the counts
 * become places, and every chunk writes its pairs there. */
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "frame/group.h"
#include "frame/key.h"

enum { GRAIN = NEAP__KEY_GRAIN, POLL = 1 << 16 };

/* numbers of the keys of both sides -------------------------------------------------------------
 */

void neap__sides_drop(neap__sides *s) {
  neap_free(s->left);
  neap_free(s->right);
  *s = (neap__sides){0};
}

static neap_status number_one(neap__sides *s, const neap__words *left, const neap__words *right,
                              bool drop) {
  neap__index x;
  NEAP_TRY(neap__index_make(&x, right, false, drop, s->right));
  s->count = x.count;
  neap_status st = neap__index_find(&x, left, s->left);
  neap__index_drop(&x);
  return st;
}

/* into becomes the number of its pairs with more. */
static neap_status number_pairs(neap__sides *into, const neap__sides *more, int64_t left_rows,
                                int64_t right_rows) {
  neap__words right = {.rows = right_rows, .a = into->right, .b = more->right};
  right.width = more->count;
  right.span = into->count * more->count;
  neap__words left = right;
  left.rows = left_rows;
  left.a = into->left;
  left.b = more->left;
  return number_one(into, &left, &right, true);
}

static neap_status make_room(neap__sides *s, int64_t left_rows, int64_t right_rows) {
  *s = (neap__sides){.left = neap_alloc_array(left_rows, sizeof *s->left),
                     .right = neap_alloc_array(right_rows, sizeof *s->right)};
  return s->left && s->right ? NEAP_OK : NEAP_ENOMEM;
}

neap_status neap__sides_make(neap__sides *out, int count, const neap_series *left,
                             int64_t left_rows, const neap_series *right, int64_t right_rows,
                             bool drop) {
  neap__sides all = {0}, one = {0};
  neap_status st = make_room(&all, left_rows, right_rows);
  for (int k = 0; k < count && !st; k++) {
    neap__words l = {.rows = left_rows, .series = &left[k]};
    neap__words r = {.rows = right_rows, .series = &right[k]};
    if (k == 0) {
      st = number_one(&all, &l, &r, drop);
      continue;
    }
    if (k == 1) st = make_room(&one, left_rows, right_rows);
    if (!st) st = number_one(&one, &l, &r, drop);
    if (!st) st = number_pairs(&all, &one, left_rows, right_rows);
  }
  if (count == 0 && !st) { /* everything is one group */
    memset(all.left, 0, (size_t)left_rows * sizeof *all.left);
    memset(all.right, 0, (size_t)right_rows * sizeof *all.right);
    all.count = 1;
  }
  neap__sides_drop(&one);
  if (st) neap__sides_drop(&all);
  *out = all;
  return st;
}

/* right rows by number --------------------------------------------------------------------------
 */

/* The right rows of number k: row[start[k] .. start[k + 1]), or, when no number repeats, row[k]. */
typedef struct {
  neap_groups groups;
  int32_t *single;
} partners;

/* False when a number repeats. A number without row cannot be: right rows made them. */
static neap_status list_singles(partners *p, bool *repeats) {
  const neap_groups *g = &p->groups;
  *repeats = false;
  p->single = neap_alloc_array(g->count, sizeof *p->single);
  if (!p->single) return NEAP_ENOMEM;
  for (int64_t k = 0; k < g->count; k++) p->single[k] = -1;
  for (int64_t i = 0; i < g->rows && !*repeats; i++) {
    if (i % POLL == 0) NEAP_TRY(neap_interrupt_check());
    if (g->id[i] < 0) continue;
    *repeats = p->single[g->id[i]] >= 0;
    p->single[g->id[i]] = (int32_t)i;
  }
  return NEAP_OK;
}

/* Takes the numbers of s->right. */
static neap_status list_partners(partners *p, neap__sides *s, int64_t right_rows) {
  bool repeats;
  *p = (partners){.groups = {.rows = right_rows, .count = s->count, .id = s->right}};
  s->right = NULL;
  neap_status st = list_singles(p, &repeats);
  if (!st && repeats) {
    neap_free(p->single);
    p->single = NULL;
    st = neap_groups_order(&p->groups);
  }
  return st;
}

static void drop_partners(partners *p) {
  neap_groups_drop(&p->groups);
  neap_free(p->single);
}

static int64_t partners_of(const partners *p, int32_t number, const int32_t **row) {
  if (number < 0) return 0;
  if (p->single) {
    *row = &p->single[number];
    return 1;
  }
  *row = p->groups.order + p->groups.start[number];
  return p->groups.start[number + 1] - p->groups.start[number];
}

/* pairs -----------------------------------------------------------------------------------------
 */

typedef struct {
  const partners *partners;
  const int32_t *number; /* of left rows */
  neap_join_how how;
  int64_t *place; /* of each chunk: how many, then where */
  int32_t *left, *right;
} pairing;

/* How many rows a left row gives. */
static int64_t rows_of(const pairing *p, int64_t i, const int32_t **row) {
  int64_t n = partners_of(p->partners, p->number[i], row);
  if (p->how == NEAP_JOIN_SEMI) return n > 0;
  if (p->how == NEAP_JOIN_ANTI) return n == 0;
  return n == 0 && p->how != NEAP_JOIN_INNER ? 1 : n;
}

static neap_status count_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const pairing *p = ctx;
  const int32_t *row = NULL;
  int64_t n = 0;
  for (int64_t i = begin; i < end; i++) n += rows_of(p, i, &row);
  p->place[chunk] = n;
  return NEAP_OK;
}

static neap_status write_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const pairing *p = ctx;
  int64_t at = p->place[chunk], since = 0;
  for (int64_t i = begin; i < end; i++) {
    const int32_t *row = NULL;
    int64_t n = rows_of(p, i, &row);
    for (int64_t k = 0; k < n; k++, at++) {
      if (p->left) p->left[at] = (int32_t)i + 1;
      if (p->right) p->right[at] = row ? row[k] + 1 : 0;
    }
    since += n;
    if (since < POLL) continue;
    NEAP_TRY(neap_interrupt_check());
    since = 0;
  }
  return NEAP_OK;
}

/* Right rows whose number no left row has: how many, and to where when given. */
static neap_status list_lost(const partners *p, const bool *met, int32_t *left, int32_t *right,
                             int64_t *count) {
  *count = 0;
  for (int64_t i = 0; i < p->groups.rows; i++) {
    if (i % POLL == 0) NEAP_TRY(neap_interrupt_check());
    if (p->groups.id[i] >= 0 && met[p->groups.id[i]]) continue;
    if (left) {
      left[*count] = 0;
      right[*count] = (int32_t)i + 1;
    }
    (*count)++;
  }
  return NEAP_OK;
}

static neap_status find_met(bool **out, const pairing *p, int64_t left_rows) {
  bool *met = *out = neap_calloc_array(p->partners->groups.count, sizeof *met);
  if (!met) return NEAP_ENOMEM;
  for (int64_t i = 0; i < left_rows; i++) {
    if (i % POLL == 0) NEAP_TRY(neap_interrupt_check());
    if (p->number[i] >= 0) met[p->number[i]] = true;
  }
  return NEAP_OK;
}

static neap_status no_room(neap_status st, int64_t rows) {
  return neap_fail_in(st, "join: %lld rows", (long long)rows);
}

/* Rows of the result by chunk and in all. */
static neap_status count_pairs(pairing *p, int64_t left_rows, int64_t *total) {
  int64_t chunks = neap_parallel_chunks(left_rows, GRAIN);
  p->place = neap_alloc_array(chunks, sizeof *p->place);
  if (!p->place) return NEAP_ENOMEM;
  NEAP_TRY(neap_parallel_for(left_rows, GRAIN, count_chunk, p));
  *total = 0;
  for (int64_t c = 0; c < chunks; c++) {
    int64_t n = p->place[c];
    p->place[c] = *total;
    *total += n;
  }
  return NEAP_OK;
}

static neap_status write_pairs(neap_tensor *left_at, neap_tensor *right_at, pairing *p,
                               int64_t left_rows, int64_t total, const bool *met) {
  bool half = p->how == NEAP_JOIN_SEMI || p->how == NEAP_JOIN_ANTI;
  bool whole = p->how == NEAP_JOIN_LEFT && p->partners->single;
  int64_t lost = 0;
  if (met) NEAP_TRY(list_lost(p->partners, met, NULL, NULL, &lost));
  neap_status st = whole ? NEAP_OK : neap_tensor_init_1d(left_at, NEAP_I32, total + lost);
  if (!st && !half) st = neap_tensor_init_1d(right_at, NEAP_I32, total + lost);
  if (st) return no_room(st, total + lost);
  p->left = whole ? NULL : neap_tensor_data(left_at);
  p->right = half ? NULL : neap_tensor_data(right_at);
  NEAP_TRY(neap_parallel_for(left_rows, GRAIN, write_chunk, p));
  if (!lost) return NEAP_OK;
  return list_lost(p->partners, met, p->left + total, p->right + total, &lost);
}

/* validation and all ----------------------------------------------------------------------------
 */

static neap_status check_unique(const char *side, int64_t rows, int count,
                                const neap_series *keys) {
  neap_groups g;
  NEAP_TRY(neap_groups_make(&g, rows, count, keys, false, true));
  neap_status st = NEAP_OK;
  for (int64_t i = 0; i < rows && !st; i++) {
    if (i % POLL == 0) st = neap_interrupt_check();
    if (!st && g.id[i] >= 0 && g.first[g.id[i]] != i)
      st = neap_fail(NEAP_EVALUE,
                     "join: validate: rows %d and %lld of the %s frame have the same key",
                     g.first[g.id[i]] + 1, (long long)i + 1, side);
  }
  neap_groups_drop(&g);
  return st;
}

static neap_status cross(neap_tensor *left_at, neap_tensor *right_at, int64_t left_rows,
                         int64_t right_rows) {
  int64_t total = left_rows * right_rows;
  neap_status st = neap_tensor_init_1d(left_at, NEAP_I32, total);
  if (!st) st = neap_tensor_init_1d(right_at, NEAP_I32, total);
  if (st) return no_room(st, total);
  int32_t *left = neap_tensor_data(left_at), *right = neap_tensor_data(right_at);
  for (int64_t i = 0; i < left_rows; i++) {
    if (i * right_rows % POLL < right_rows) NEAP_TRY(neap_interrupt_check());
    for (int64_t k = 0; k < right_rows; k++) {
      *left++ = (int32_t)i + 1;
      *right++ = (int32_t)k + 1;
    }
  }
  return NEAP_OK;
}

static neap_status pair_up(neap_tensor *left_at, neap_tensor *right_at, neap__sides *s,
                           int64_t left_rows, int64_t right_rows, neap_join_how how) {
  partners list;
  pairing p = {.partners = &list, .number = s->left, .how = how};
  bool *met = NULL;
  int64_t total = 0;
  neap_status st = list_partners(&list, s, right_rows);
  if (!st) st = count_pairs(&p, left_rows, &total);
  if (!st && how == NEAP_JOIN_OUTER) st = find_met(&met, &p, left_rows);
  if (!st) st = write_pairs(left_at, right_at, &p, left_rows, total, met);
  neap_free(met);
  neap_free(p.place);
  drop_partners(&list);
  return st;
}

neap_status neap_join(neap_tensor *left_at, neap_tensor *right_at, int count,
                      const neap_series *left, int64_t left_rows, const neap_series *right,
                      int64_t right_rows, const neap_join_options *o) {
  neap__sides s = {0};
  memset(left_at, 0, sizeof *left_at);
  memset(right_at, 0, sizeof *right_at);
  NEAP_TRY(neap__check_rows("join", left_rows));
  NEAP_TRY(neap__check_rows("join", right_rows));
  neap_status st = NEAP_OK;
  const char *names[2] = {o->exchanged ? "right" : "left", o->exchanged ? "left" : "right"};
  if (o->unique_left) st = check_unique(names[0], left_rows, count, left);
  if (!st && o->unique_right) st = check_unique(names[1], right_rows, count, right);
  if (!st && o->how == NEAP_JOIN_CROSS) {
    st = cross(left_at, right_at, left_rows, right_rows);
  } else if (!st) {
    st = neap__sides_make(&s, count, left, left_rows, right, right_rows, !o->match_missing);
    if (!st) st = pair_up(left_at, right_at, &s, left_rows, right_rows, o->how);
  }
  neap__sides_drop(&s);
  if (st) {
    neap_tensor_drop(left_at);
    neap_tensor_drop(right_at);
  }
  return st;
}
