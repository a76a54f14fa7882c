/* As-of joins: rows of both sides by group, then one merge of their times. Chunks of left rows find
 * where they begin on the right by halving, so they are independent of each other. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "frame/group.h"
#include "frame/key.h"

enum { GRAIN = NEAP__KEY_GRAIN, POLL = 1 << 16 };

#define NAN_WORD INT64_C(0x7ff8000000000000)

/* One side: times as integers of the same order, rows by group. */
typedef struct {
  const char *name;
  const neap_series *on;
  const int64_t *key; /* by row */
  int64_t *own;       /* key, when it had to be made */
  neap_groups groups; /* without order: all rows in their order */
  bool mixed;         /* not in order as a whole, or with a missing key */
} side;

typedef struct {
  side left, right;
  const int64_t *sorted; /* keys of right by group */
  int64_t *gathered;     /* sorted, when it had to be made */
  const neap_asof_options *o;
  bool floats;
  int32_t *out;
} merging;

static int64_t row_at(const side *s, int64_t place) {
  return s->groups.order ? s->groups.order[place] : place;
}

/* checking --------------------------------------------------------------------------------------
 */

static bool is_missing(const side *s, int64_t key) {
  if (s->on->kind == NEAP_COLUMN_TIME) return key == NEAP_NAT;
  return neap_dtype_is_float(s->on->values.dtype) && key == NAN_WORD;
}

/* Places begin .. end of one side hold times that do not fall within a group. */
static neap_status check_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const side *s = ctx;
  for (int64_t p = begin; p < end; p++) {
    int64_t i = row_at(s, p), before = p > 0 ? row_at(s, p - 1) : i;
    if (is_missing(s, s->key[i]))
      return neap_fail(NEAP_EVALUE,
                       "join_asof: '%s' of row %lld of the %s frame is missing; leave such rows "
                       "out with f:dropna",
                       s->on->name, (long long)i + 1, s->name);
    if (s->key[i] < s->key[before] && s->groups.id[i] == s->groups.id[before])
      return neap_fail(NEAP_EVALUE,
                       "join_asof: '%s' must not fall, but row %lld of the %s frame is before row "
                       "%lld; sort by it first",
                       s->on->name, (long long)i + 1, s->name, (long long)before + 1);
  }
  return NEAP_OK;
}

static neap_status make_keys(side *s) {
  if (s->on->values.dtype == NEAP_I64) {
    s->key = neap_tensor_data(&s->on->values);
    return NEAP_OK;
  }
  s->key = s->own = neap_alloc_array(s->groups.rows, sizeof *s->own);
  return s->own ? neap__words_all(s->on, s->own) : NEAP_ENOMEM;
}

static neap_status prepare(side *s, bool grouped) {
  if (grouped) NEAP_TRY(neap_groups_order(&s->groups));
  int64_t places = grouped ? s->groups.start[s->groups.count] : s->groups.rows;
  return neap_parallel_for(places, GRAIN, check_chunk, s);
}

static neap_status gather_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  merging *m = ctx;
  for (int64_t p = begin; p < end; p++) m->gathered[p] = m->right.key[m->right.groups.order[p]];
  return NEAP_OK;
}

static neap_status gather(merging *m) {
  m->sorted = m->right.key;
  if (!m->right.groups.order) return NEAP_OK;
  int64_t places = m->right.groups.start[m->right.groups.count];
  m->gathered = neap_alloc_array(places, sizeof *m->gathered);
  m->sorted = m->gathered;
  return m->gathered ? neap_parallel_for(places, GRAIN, gather_chunk, m) : NEAP_ENOMEM;
}

/* merging ---------------------------------------------------------------------------------------
 */

/* The keys of a group on the right, and how many of them are known to be passed. */
typedef struct {
  const int64_t *key;
  int64_t n, passed;
} cursor;

/* How many keys are below t, or with equals not above it. The count only grows. */
static int64_t pass(cursor *c, int64_t t, bool equals) {
  if (!equals) {
    if (t == INT64_MIN) return 0;
    t--;
  }
  int64_t at = c->passed;
  const int64_t *k = c->key;
  while (at + 4 <= c->n && k[at + 3] <= t) at += 4;
  if (at + 4 <= c->n) at += (k[at] <= t) + (k[at + 1] <= t) + (k[at + 2] <= t);
  else
    while (at < c->n && k[at] <= t) at++;
  return c->passed = at;
}

/* The same from the beginning, by halving; all in front of it is passed. */
static void seek(cursor *c, int64_t t) {
  int64_t low = 0, high = c->n;
  while (low < high) {
    int64_t half = low + (high - low) / 2;
    if (c->key[half] < t) low = half + 1;
    else high = half;
  }
  c->passed = low;
}

static double number(int64_t word) {
  double v;
  if (word < 0) word ^= INT64_MAX;
  memcpy(&v, &word, sizeof v);
  return v;
}

/* From low up to high: integers without sign, floats as they are. */
static uint64_t whole_between(int64_t low, int64_t high) { return (uint64_t)high - (uint64_t)low; }
static double real_between(int64_t low, int64_t high) { return number(high) - number(low); }

static bool too_far(const merging *m, int64_t low, int64_t high) {
  if (!m->o->limited) return false;
  return m->floats ? !(real_between(low, high) <= m->o->tolerance_f64)
                   : whole_between(low, high) > (uint64_t)m->o->tolerance;
}

/* Of a key behind and one ahead of a left one: is the one behind as near? */
static bool back_is_nearer(const merging *m, int64_t back, int64_t key, int64_t ahead) {
  if (m->floats) return real_between(back, key) <= real_between(key, ahead);
  return whole_between(back, key) <= whole_between(key, ahead);
}

/* The partner of a left key among those of c: a place from 0, or -1. behind: a second cursor. Which
 * of two is nearer cannot be guessed, so it is not asked by a branch. */
static int64_t partner(const merging *m, cursor *c, cursor *behind, int64_t key) {
  neap_asof_direction way = m->o->direction;
  int64_t back = -1, ahead = c->n;
  if (way != NEAP_ASOF_FORWARD) back = pass(c, key, m->o->allow_exact) - 1;
  if (way != NEAP_ASOF_BACKWARD) ahead = pass(behind, key, !m->o->allow_exact);
  int64_t first = -(int64_t)(back >= 0); /* all bits: the one behind */
  if (back >= 0 && ahead < c->n)
    first = -(int64_t)back_is_nearer(m, c->key[back], key, c->key[ahead]);
  int64_t found = (back & first) | (ahead & ~first);
  if (found >= c->n) return -1;
  if (!m->o->limited) return found;
  int64_t other = c->key[found];
  return too_far(m, first ? other : key, first ? key : other) ? -1 : found;
}

/* The cursor of group k, which holds what a left key there may find from t on. */
static cursor open_group(const merging *m, int32_t k, int64_t t) {
  const neap_groups *g = &m->right.groups;
  int64_t from = g->order ? g->start[k] : 0, upto = g->order ? g->start[k + 1] : g->rows;
  cursor c = {m->sorted + from, upto - from, 0};
  seek(&c, t);
  return c;
}

static neap_status merge_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const merging *m = ctx;
  const side *left = &m->left, *right = &m->right;
  cursor c = {0}, behind = {0};
  int32_t group = -1;
  for (int64_t p = begin; p < end; p++) {
    int64_t i = row_at(left, p), key = left->key[i];
    int32_t k = left->groups.id[i];
    if (k != group) {
      c = behind = open_group(m, k, key);
      group = k;
    }
    int64_t found = partner(m, &c, &behind, key);
    if (found < 0) m->out[i] = 0;
    else m->out[i] = (int32_t)row_at(right, c.key - m->sorted + found) + 1;
  }
  return NEAP_OK;
}

/* sides that are in order as a whole ------------------------------------------------------------
 * Then groups need no rows by group: going through the times of both sides once, the last right row
 * of every group is kept. */

/* Places begin .. end are in the order of rows, and none is missing. */
static neap_status order_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  side *s = ctx;
  bool fine = true;
  for (int64_t i = begin; i < end; i++)
    fine &= !is_missing(s, s->key[i]) & (i == 0 || s->key[i] >= s->key[i - 1]);
  if (!fine) __atomic_store_n(&s->mixed, true, __ATOMIC_RELAXED);
  return NEAP_OK;
}

/* Left rows in order, each with the last row before it (or at it, when equal counts); last has a
 * place for every group. */
static neap_status sweep_back(const merging *m, int32_t *last, int32_t *out) {
  const side *l = &m->left, *r = &m->right;
  int64_t n = l->groups.rows, most = r->groups.rows, j = 0;
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL == 0) NEAP_TRY(neap_interrupt_check());
    int64_t key = l->key[i];
    for (; j < most && (m->o->allow_exact ? r->key[j] <= key : r->key[j] < key); j++)
      if (r->groups.id[j] >= 0) last[r->groups.id[j]] = (int32_t)j + 1;
    int32_t at = l->groups.id[i] < 0 ? 0 : last[l->groups.id[i]];
    out[i] = at && !too_far(m, r->key[at - 1], key) ? at : 0;
  }
  return NEAP_OK;
}

/* The same from the end: each with the first row behind it. */
static neap_status sweep_ahead(const merging *m, int32_t *last, int32_t *out) {
  const side *l = &m->left, *r = &m->right;
  int64_t j = r->groups.rows - 1;
  for (int64_t i = l->groups.rows - 1; i >= 0; i--) {
    if (i % POLL == 0) NEAP_TRY(neap_interrupt_check());
    int64_t key = l->key[i];
    for (; j >= 0 && (m->o->allow_exact ? r->key[j] >= key : r->key[j] > key); j--)
      if (r->groups.id[j] >= 0) last[r->groups.id[j]] = (int32_t)j + 1;
    int32_t at = l->groups.id[i] < 0 ? 0 : last[l->groups.id[i]];
    out[i] = at && !too_far(m, key, r->key[at - 1]) ? at : 0;
  }
  return NEAP_OK;
}

/* The nearer of both where there are two. */
static neap_status choose(const merging *m, const int32_t *ahead, int32_t *out) {
  const int64_t *key = m->right.key;
  for (int64_t i = 0; i < m->left.groups.rows; i++) {
    if (i % POLL == 0) NEAP_TRY(neap_interrupt_check());
    if (!ahead[i]) continue;
    if (!out[i] || !back_is_nearer(m, key[out[i] - 1], m->left.key[i], key[ahead[i] - 1]))
      out[i] = ahead[i];
  }
  return NEAP_OK;
}

static neap_status sweep(const merging *m) {
  neap_asof_direction way = m->o->direction;
  int64_t groups = m->right.groups.count, rows = m->left.groups.rows;
  int32_t *last = neap_calloc_array(groups, sizeof *last), *ahead = NULL;
  neap_status st = last ? NEAP_OK : NEAP_ENOMEM;
  if (!st && way == NEAP_ASOF_NEAREST) {
    ahead = neap_alloc_array(rows, sizeof *ahead);
    st = ahead ? sweep_ahead(m, last, ahead) : NEAP_ENOMEM;
    memset(last, 0, (size_t)groups * sizeof *last);
  }
  if (!st && way == NEAP_ASOF_FORWARD) st = sweep_ahead(m, last, m->out);
  if (!st && way != NEAP_ASOF_FORWARD) st = sweep_back(m, last, m->out);
  if (!st && ahead) st = choose(m, ahead, m->out);
  neap_free(ahead);
  neap_free(last);
  return st;
}

static void drop_side(side *s) {
  neap_free(s->own);
  neap_groups_drop(&s->groups);
}

static neap_status merge(merging *m, bool grouped) {
  NEAP_TRY(prepare(&m->left, grouped));
  NEAP_TRY(prepare(&m->right, grouped));
  NEAP_TRY(gather(m));
  int64_t places = grouped ? m->left.groups.start[m->left.groups.count] : m->left.groups.rows;
  return neap_parallel_for(places, GRAIN, merge_chunk, m);
}

static neap_status find_partners(neap_tensor *right_at, merging *m, bool grouped) {
  int64_t rows = m->left.groups.rows;
  NEAP_TRY(make_keys(&m->left));
  NEAP_TRY(make_keys(&m->right));
  NEAP_TRY(neap_tensor_init(right_at, NEAP_I32, 1, &rows));
  m->out = neap_tensor_data(right_at);
  if (grouped) {
    NEAP_TRY(neap_parallel_for(rows, GRAIN, order_chunk, &m->left));
    NEAP_TRY(neap_parallel_for(m->right.groups.rows, GRAIN, order_chunk, &m->right));
    if (!m->left.mixed && !m->right.mixed) return sweep(m);
  }
  return merge(m, grouped);
}

neap_status neap_join_asof(neap_tensor *right_at, const neap_series *left_on,
                           const neap_series *right_on, int count, const neap_series *left_by,
                           const neap_series *right_by, const neap_asof_options *o) {
  neap__sides s;
  int64_t left_rows = left_on->values.size[0], right_rows = right_on->values.size[0];
  memset(right_at, 0, sizeof *right_at);
  NEAP_TRY(neap__check_rows("join_asof", left_rows));
  NEAP_TRY(neap__check_rows("join_asof", right_rows));
  NEAP_TRY(neap__sides_make(&s, count, left_by, left_rows, right_by, right_rows, true));
  merging m = {.left = {.name = "left",
                        .on = left_on,
                        .groups = {.rows = left_rows, .count = s.count, .id = s.left}},
               .right = {.name = "right",
                         .on = right_on,
                         .groups = {.rows = right_rows, .count = s.count, .id = s.right}},
               .o = o,
               .floats = neap_dtype_is_float(left_on->values.dtype)};
  neap_status st = find_partners(right_at, &m, count > 0);
  drop_side(&m.left);
  drop_side(&m.right);
  neap_free(m.gathered);
  if (st) neap_tensor_drop(right_at);
  return st;
}
