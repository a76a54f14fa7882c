/* As-of joins: rows of both sides by group, then one merge of their times. Chunks of left rows find
 * where they begin on the right by halving, so they are independent of each other. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/pool.h"
#include "frame/group.h"
#include "frame/key.h"

enum { GRAIN = NEAP__KEY_GRAIN };

#define NAN_WORD INT64_C(0x7ff8000000000000)

/* One side: times as integers of the same order, rows by group. */
typedef struct {
  const char *name;
  const neap_series *on;
  const int64_t *key; /* by row */
  int64_t *own;       /* key, when it had to be made */
  neap_groups groups; /* without order: all rows in their order */
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

static neap_status prepare(side *s, bool grouped) {
  if (s->on->values.dtype == NEAP_I64) {
    s->key = neap_tensor_data(&s->on->values);
  } else {
    s->key = s->own = neap_alloc_array(s->groups.rows, sizeof *s->own);
    if (!s->own) return NEAP_ENOMEM;
    NEAP_TRY(neap__words_all(s->on, s->own));
  }
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

/* From low up to high, as a number that orders distances. */
typedef struct {
  uint64_t whole;
  double real;
} distance;

static distance between(const merging *m, int64_t low, int64_t high) {
  if (m->floats) return (distance){0, number(high) - number(low)};
  return (distance){(uint64_t)high - (uint64_t)low, 0};
}

static bool too_far(const merging *m, distance d) {
  if (!m->o->limited) return false;
  return m->floats ? !(d.real <= m->o->tolerance_f64) : d.whole > (uint64_t)m->o->tolerance;
}

/* The partner of a left key among those of c: a place from 0, or -1. behind: a second cursor. */
static int64_t partner(const merging *m, cursor *c, cursor *behind, int64_t key) {
  neap_asof_direction way = m->o->direction;
  int64_t back = -1, ahead = -1;
  if (way != NEAP_ASOF_FORWARD) back = pass(c, key, m->o->allow_exact) - 1;
  if (way != NEAP_ASOF_BACKWARD) ahead = pass(behind, key, !m->o->allow_exact);
  if (ahead >= c->n) ahead = -1;
  distance to_back = {0}, to_ahead = {0};
  if (back >= 0) to_back = between(m, c->key[back], key);
  if (ahead >= 0) to_ahead = between(m, key, c->key[ahead]);
  if (back >= 0 && ahead >= 0) {
    bool nearer = m->floats ? to_back.real <= to_ahead.real : to_back.whole <= to_ahead.whole;
    if (nearer) ahead = -1;
    else back = -1;
  }
  if (back >= 0) return too_far(m, to_back) ? -1 : back;
  return ahead >= 0 && !too_far(m, to_ahead) ? ahead : -1;
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

static void drop_side(side *s) {
  neap_free(s->own);
  neap_groups_drop(&s->groups);
}

static neap_status merge(neap_tensor *right_at, merging *m, bool grouped) {
  int64_t rows = m->left.groups.rows;
  neap_status st = prepare(&m->left, grouped);
  if (!st) st = prepare(&m->right, grouped);
  if (!st) st = gather(m);
  if (!st) st = neap_tensor_init(right_at, NEAP_I32, 1, &rows);
  if (st) return st;
  m->out = neap_tensor_data(right_at);
  int64_t places = grouped ? m->left.groups.start[m->left.groups.count] : rows;
  return neap_parallel_for(places, GRAIN, merge_chunk, m);
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
  merging m = {
      .left = {"left", left_on, NULL, NULL, {.rows = left_rows, .count = s.count, .id = s.left}},
      .right =
          {"right", right_on, NULL, NULL, {.rows = right_rows, .count = s.count, .id = s.right}},
      .o = o,
      .floats = neap_dtype_is_float(left_on->values.dtype)};
  neap_status st = merge(right_at, &m, count > 0);
  drop_side(&m.left);
  drop_side(&m.right);
  neap_free(m.gathered);
  if (st) neap_tensor_drop(right_at);
  return st;
}
