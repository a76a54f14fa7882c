/* What limits the splits of a leaf beyond the plain rule: monotone features, features that may meet
 * in a branch, features drawn for a node, and random cuts.
 *
 * Monotone features bound the outputs of leaves. Method basic: the middle of the two outputs of a
 * monotone split bounds everything that grows on its sides. Method intermediate: leaves are bound
 * by the outputs of the leaves that they can be compared with, which is less; a new leaf can
 * tighten the bounds of others, whose best split is then searched again. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "tree/grower.h"

/* opening -------------------------------------------------------------------------------------- */

/* A value of each column for each feature in use. */
static neap_status take_monotone(neap__limits *l, const neap__bins *b, const int8_t *of_column) {
  bool any = false;
  for (int64_t c = 0; of_column && c < b->columns; c++) any |= of_column[c] != 0;
  if (!any) return NEAP_OK;
  l->monotone = neap_alloc_array(b->used + 1, 1);
  if (!l->monotone) return NEAP_ENOMEM;
  for (int32_t k = 0; k < b->used; k++) {
    l->monotone[k] = of_column[b->feature[k].input];
    if (l->monotone[k] && b->feature[k].categories)
      return neap_fail(NEAP_EARG, "gbdt.fit: monotone_constraints: feature %d is categorical",
                       b->feature[k].input + 1);
  }
  return NEAP_OK;
}

static neap_status take_factors(neap__limits *l, const neap__bins *b, const double *of_column) {
  if (!of_column) return NEAP_OK;
  l->factor = neap_alloc_array(b->used + 1, sizeof *l->factor);
  if (!l->factor) return NEAP_ENOMEM;
  for (int32_t k = 0; k < b->used; k++) l->factor[k] = of_column[b->feature[k].input];
  return NEAP_OK;
}

static neap_status take_groups(neap__limits *l, const neap__bins *b, const neap_gbdt_columns *c) {
  if (!c->group_count) return NEAP_OK;
  l->together = neap_alloc_array(c->group_count * (b->used + 1), sizeof *l->together);
  if (!l->together) return NEAP_ENOMEM;
  l->groups = c->group_count;
  for (int64_t i = 0; i < l->groups; i++)
    for (int32_t k = 0; k < b->used; k++)
      l->together[i * b->used + k] = c->group[i * b->columns + b->feature[k].input];
  return NEAP_OK;
}

neap_status neap__limits_open(neap__grower *g, const neap_gbdt_options *o) {
  neap__limits *l = &g->limits;
  l->node_fraction = o->feature_fraction_bynode;
  l->intermediate = o->monotone_constraints_method == NEAP__MONOTONE_INTERMEDIATE;
  if (o->columns) {
    NEAP_TRY(take_monotone(l, g->b, o->columns->monotone));
    NEAP_TRY(take_factors(l, g->b, o->columns->contribution));
    NEAP_TRY(take_groups(l, g->b, o->columns));
  }
  if (l->groups || l->node_fraction < 1) {
    l->allowed = neap_alloc_array((int64_t)2 * NEAP__BATCH * (g->b->used + 1), 1);
    if (!l->allowed) return NEAP_ENOMEM;
  }
  g->rule.monotone = l->monotone;
  g->rule.factor = l->factor;
  g->rule.plain = g->rule.plain && !l->monotone;
  return NEAP_OK;
}

void neap__limits_close(neap__limits *l) {
  neap_free(l->monotone);
  neap_free(l->factor);
  neap_free(l->together);
  neap_free(l->allowed);
}

void neap__grower_draws(neap__grower *g, neap_rng extra, neap_rng node) {
  g->limits.extra = extra;
  g->limits.node = node;
}

/* The name of a child in draws: its path, so that the order of opening leaves does not matter. The
 * finaliser of splitmix64. */
static uint64_t child_key(uint64_t parent, uint64_t side) {
  uint64_t z = 2 * parent + side + 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

/* leaves --------------------------------------------------------------------------------------- */

neap__whole neap__leaf_whole(const neap__grower *g, const neap__leaf *p) {
  neap__whole w = neap__whole_of(p->total, g->s, &g->rule);
  if (g->rule.plain) return w;
  neap__whole_limit(&w, p->low, p->high, p->output);
  w.extra = neap_rng_sub(&g->limits.extra, p->key);
  if (g->rule.monotone) w.discount = neap__monotone_discount(g->rule.penalty, p->depth);
  return w;
}

void neap__limits_root(const neap__grower *g, neap__leaf *p) {
  p->low = -HUGE_VAL;
  p->high = HUGE_VAL;
  p->key = 1;
  p->output =
      neap__root_output(neap__cell_g(p->total, g->s), neap__cell_h(p->total, g->s), &g->rule);
}

void neap__limits_children(const neap__grower *g, const neap__leaf *p, neap__leaf *left,
                           neap__leaf *right) {
  neap__whole w = neap__leaf_whole(g, p);
  double output[2];
  neap__split_outputs(&p->best, &w, output);
  left->output = output[0];
  right->output = output[1];
  left->low = right->low = p->low;
  left->high = right->high = p->high;
  left->key = child_key(p->key, 0);
  right->key = child_key(p->key, 1);
  int way = g->rule.monotone ? g->rule.monotone[p->best.feature] : 0;
  if (way == 0) return;
  neap__leaf *lower = way > 0 ? left : right, *upper = way > 0 ? right : left;
  double middle = (output[0] + output[1]) / 2;
  lower->high = fmin(p->high, g->limits.intermediate ? upper->output : middle);
  upper->low = fmax(p->low, g->limits.intermediate ? lower->output : middle);
}

/* comparing leaves ----------------------------------------------------------------------------- */

/* The bins of a child's side of a split. */
static void side_set(const neap__grower *g, const neap__leaf *p, int32_t child, uint64_t set[4]) {
  uint8_t left[256];
  bool is_left = p->child[0] == child;
  neap__split_table(&p->best, &g->b->feature[p->best.feature], left);
  for (int v = 0; v < 256; v++)
    if ((left[v] != 0) != is_left) set[v / 64] &= ~((uint64_t)1 << v % 64);
}

/* Narrow set to the bins of a feature that reach leaf at, seen from its ancestor top. */
static void narrow(const neap__grower *g, int32_t at, int32_t top, int32_t feature,
                   uint64_t set[4]) {
  for (; at != top; at = g->leaves[at].parent) {
    const neap__leaf *p = &g->leaves[g->leaves[at].parent];
    if (p->best.feature == feature) side_set(g, p, at, set);
  }
}

/* Whether a and b share bins of every feature but one that is split on below top, on the way to
 * at. */
static bool overlap(const neap__grower *g, int32_t at, int32_t a, int32_t b, int32_t top,
                    int32_t but) {
  for (; at != top; at = g->leaves[at].parent) {
    int32_t feature = g->leaves[g->leaves[at].parent].best.feature;
    if (feature == but) continue;
    uint64_t set[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    narrow(g, a, top, feature, set);
    narrow(g, b, top, feature, set);
    if (!(set[0] | set[1] | set[2] | set[3])) return false;
  }
  return true;
}

/* 1 when the output of b may not be below that of a, -1 when not above, 0 when there is no point of
 * a and of b that differ in one monotone feature only. */
static int compare(const neap__grower *g, int32_t a, int32_t b) {
  int32_t x = a, y = b;
  while (g->leaves[x].depth > g->leaves[y].depth) x = g->leaves[x].parent;
  while (g->leaves[y].depth > g->leaves[x].depth) y = g->leaves[y].parent;
  while (g->leaves[x].parent != g->leaves[y].parent) {
    x = g->leaves[x].parent;
    y = g->leaves[y].parent;
  }
  int32_t top = g->leaves[x].parent, feature = g->leaves[top].best.feature;
  int way = g->rule.monotone[feature];
  if (way == 0 || !overlap(g, a, a, b, top, feature) || !overlap(g, b, a, b, top, feature))
    return 0;
  return g->leaves[top].child[0] == x ? way : -way;
}

/* Whether the bounds of leaf b became tighter by the output of a. */
static bool tighten(neap__grower *g, int32_t a, int32_t b) {
  int way = compare(g, a, b);
  double output = g->leaves[a].output;
  neap__leaf *p = &g->leaves[b];
  if (way > 0 && output > p->low) p->low = output;
  else if (way < 0 && output < p->high) p->high = output;
  else return false;
  return true;
}

neap_status neap__limits_committed(neap__grower *g, int32_t parent) {
  int32_t again[2 * NEAP__BATCH], n = 0;
  if (!neap__limits_serial(g)) return NEAP_OK;
  const int32_t *fresh = g->leaves[parent].child;
  for (int32_t number = 0; number < g->count; number++) {
    int32_t at = g->current[number];
    neap__leaf *p = &g->leaves[at];
    if (at == fresh[0] || at == fresh[1] || !p->histogram) continue;
    bool first = tighten(g, fresh[0], at), second = tighten(g, fresh[1], at);
    if (!first && !second) continue;
    p->best = (neap__split){.gain = 0};
    again[n++] = at;
    if (n == 2 * NEAP__BATCH) NEAP_TRY(neap__search(g, again, n));
    if (n == 2 * NEAP__BATCH) n = 0;
  }
  return n ? neap__search(g, again, n) : NEAP_OK;
}

/* features of a node --------------------------------------------------------------------------- */

static bool holds_path(const neap__grower *g, const bool *group, const neap__leaf *p) {
  for (; p->parent >= 0; p = &g->leaves[p->parent])
    if (!group[g->leaves[p->parent].best.feature]) return false;
  return true;
}

/* As LightGBM has it: the features of the branch, and of each group that holds all of them. */
static void allow_groups(const neap__grower *g, const neap__leaf *p, uint8_t *allowed) {
  const neap__limits *l = &g->limits;
  int32_t used = g->b->used;
  memset(allowed, 0, (size_t)used);
  for (const neap__leaf *q = p; q->parent >= 0; q = &g->leaves[q->parent])
    allowed[g->leaves[q->parent].best.feature] = 1;
  for (int64_t i = 0; i < l->groups; i++) {
    const bool *group = l->together + i * used;
    if (!holds_path(g, group, p)) continue;
    for (int32_t k = 0; k < used; k++) allowed[k] |= group[k];
  }
}

/* A share of the tree's features, among those allowed, each with the same chance. */
static void draw_node(const neap__grower *g, const neap__leaf *p, uint8_t *allowed) {
  int64_t left = 0, want = (int64_t)((double)g->used * g->limits.node_fraction + 0.5);
  neap_rng rng = neap_rng_sub(&g->limits.node, p->key);
  if (want < 1) want = 1;
  for (int32_t i = 0; i < g->used; i++) left += allowed[g->use ? g->use[i] : i];
  for (int32_t i = 0; i < g->used; i++) {
    int32_t k = g->use ? g->use[i] : i;
    if (!allowed[k]) continue;
    bool keep = (int64_t)neap_rng_below(&rng, (uint64_t)left--) < want;
    allowed[k] = keep;
    want -= keep;
  }
}

const uint8_t *neap__limits_allowed(const neap__grower *g, const neap__leaf *p, int64_t item) {
  const neap__limits *l = &g->limits;
  if (!l->allowed) return NULL;
  uint8_t *allowed = l->allowed + item * g->b->used;
  if (l->groups) allow_groups(g, p, allowed);
  else memset(allowed, 1, (size_t)g->b->used);
  if (l->node_fraction < 1) draw_node(g, p, allowed);
  return allowed;
}
