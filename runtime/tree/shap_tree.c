/* A tree made ready for the walk of shap_walk.c: nodes in the order of the walk, ratios, points. */
#include <math.h>

#include "base/alloc.h"
#include "tree/shap_walk.h"

enum { LANES = NEAP__LANES };

/* points --------------------------------------------------------------------------------------- */

/* The Legendre polynomial of degree n at x, and its derivative. */
static double legendre(int64_t n, double x, double *slope) {
  double p = 1, before = 0;
  for (int64_t k = 1; k <= n; k++) {
    double next = ((double)(2 * k - 1) * x * p - (double)(k - 1) * before) / (double)k;
    before = p;
    p = next;
  }
  *slope = (double)n * (x * p - before) / (x * x - 1);
  return p;
}

/* Points and weights of Gauss and Legendre on [0, 1]: roots by Newton's steps from Tricomi's first
 * guess. */
static void gauss(int64_t n, double *t, double *weight) {
  const double pi = 3.14159265358979323846;
  for (int64_t i = 0; i < n; i++) {
    double x = cos(pi * ((double)i + 0.75) / ((double)n + 0.5)), slope = 1;
    for (int step = 0; step < 20; step++) {
      double move = legendre(n, x, &slope) / slope;
      x -= move;
      if (fabs(move) < 1e-15) break;
    }
    legendre(n, x, &slope);
    t[i] = (1 - x) / 2;
    weight[i] = 1 / ((1 - x * x) * slope * slope);
  }
}

/* ratios --------------------------------------------------------------------------------------- */

static bool has_counts(const neap__tree *t) {
  for (int32_t l = 0; l < t->leaves; l++)
    if (t->leaf_count[l] > 0) return true;
  return false;
}

static double cover(const neap__tree *t, bool counts, int32_t child) {
  if (counts) return (double)(child < 0 ? t->leaf_count[~child] : t->internal_count[child]);
  return child < 0 ? t->leaf_weight[~child] : t->internal_weight[child];
}

neap_status neap__shap_check(const char *what, const neap__tree *t, int64_t which) {
  bool counts = has_counts(t), any = t->leaves == 1;
  for (int32_t k = 0; k < t->leaves - 1; k++) {
    double a = cover(t, counts, t->left[k]), b = cover(t, counts, t->right[k]);
    if (!(a >= 0 && b >= 0 && a + b < HUGE_VAL))
      return neap_fail(NEAP_EVALUE, "%s: tree %lld has a node with %g rows left and %g right", what,
                       (long long)which + 1, a, b);
    any = any || a + b > 0;
  }
  if (any) return NEAP_OK;
  return neap_fail(NEAP_EVALUE,
                   "%s: tree %lld has neither counts nor weights of its rows, which the "
                   "expected value needs",
                   what, (long long)which + 1);
}

/* building ------------------------------------------------------------------------------------- */

/* The last edge on a feature above the node being entered. */
typedef struct {
  int32_t slot, edge; /* edge: 2 * node + side, -1 for none */
  double z;
} place;

/* A node whose children are being visited. */
typedef struct {
  int32_t at, side, distinct; /* distinct: features on the way to it */
  double share;               /* product of all ratios down to it */
  place saved;
} frame;

typedef struct {
  neap__shap_tree *s;
  bool counts, others;
  int32_t visits, most, distinct;
  int64_t other_count, other_room;
  place *last;   /* [features] */
  int32_t *path; /* the distinct features on the way, in the order they came */
  frame *frames;
} builder;

static neap_status add_others(builder *b, neap__shap_node *n) {
  neap__shap_tree *s = b->s;
  n->first = (int32_t)b->other_count;
  if (b->other_count + b->distinct > b->other_room) {
    int64_t room = 2 * b->other_room + b->distinct + 64;
    if (room > INT32_MAX)
      return neap_fail(NEAP_EVALUE, "gbdt.shap_interactions: a tree of %d nodes is too deep",
                       (int)s->nodes);
    neap__shap_other *grown = neap_realloc_array(s->other, room, sizeof *grown);
    if (!grown) return NEAP_ENOMEM;
    s->other = grown;
    b->other_room = room;
  }
  for (int32_t i = 0; i < b->distinct; i++) {
    place p = b->last[b->path[i]];
    if (b->path[i] == n->feature) continue;
    s->other[b->other_count++] =
        (neap__shap_other){.feature = b->path[i], .slot = p.slot, .coefficients = p.edge};
  }
  n->others = (int32_t)b->other_count - n->first;
  return NEAP_OK;
}

/* Shares of both sides; where no rows went, halves, which only rows that nobody saw can meet. */
static void set_shares(const builder *b, neap__shap_node *n) {
  const neap__tree *t = b->s->tree;
  double left = cover(t, b->counts, t->left[n->node]);
  double right = cover(t, b->counts, t->right[n->node]);
  n->share[0] = left + right > 0 ? left / (left + right) : 0.5;
  n->share[1] = left + right > 0 ? right / (left + right) : 0.5;
  for (int side = 0; side < 2; side++) n->below[side] = n->above * n->share[side];
}

static void set_decision(const neap__tree *t, neap__shap_node *n) {
  int decision = t->decision[n->node], missing = decision & NEAP__MISSING_MASK;
  n->threshold = t->threshold[n->node];
  n->plain = !(decision & NEAP__CATEGORICAL) && missing != NEAP__MISSING_ZERO;
  n->missing_left = neap__tree_goes_left(t, n->node, NAN);
}

/* Enter node number k of the tree at a depth. */
static neap_status enter(builder *b, int32_t k, int32_t depth, int32_t slot, double share) {
  neap__shap_tree *s = b->s;
  int32_t at = s->nodes++, feature = s->tree->feature[k];
  place above = b->last[feature];
  neap__shap_node *n = &s->node[at];
  *n = (neap__shap_node){.feature = feature,
                         .node = k,
                         .slot = slot,
                         .before = above.slot,
                         .above = above.z,
                         .leaf = {-1, -1}};
  set_shares(b, n);
  set_decision(s->tree, n);
  if (b->others) NEAP_TRY(add_others(b, n));
  b->frames[depth] = (frame){.at = at, .distinct = b->distinct, .share = share, .saved = above};
  if (above.edge < 0) b->path[b->distinct++] = feature;
  if (b->distinct > b->most) b->most = b->distinct;
  if (depth + 1 > s->depth) s->depth = depth + 1;
  s->visit[b->visits++] = at;
  return NEAP_OK;
}

/* All nodes in the order of the walk, without recursion: files may hold chains of any length. */
static neap_status lay_out(builder *b) {
  neap__shap_tree *s = b->s;
  NEAP_TRY(enter(b, 0, 0, 0, 1));
  for (int32_t depth = 0; depth >= 0;) {
    frame *f = &b->frames[depth];
    neap__shap_node *n = &s->node[f->at];
    if (f->side == 2) {
      b->last[n->feature] = f->saved;
      b->distinct = f->distinct;
      s->visit[b->visits++] = ~f->at;
      depth--;
      continue;
    }
    int32_t side = f->side++, slot = 2 * (depth + 1) + side;
    int32_t child = (side ? s->tree->right : s->tree->left)[n->node];
    double share = f->share * n->share[side];
    b->last[n->feature] = (place){.slot = slot, .edge = 2 * f->at + side, .z = n->below[side]};
    if (child >= 0) NEAP_TRY(enter(b, child, ++depth, slot, share));
    else {
      n->leaf[side] = ~child;
      s->expected += share * s->tree->leaf_value[~child];
    }
  }
  return NEAP_OK;
}

/* The rows of coefficients of a node at the points t with their weights. */
static void set_coefficients(const neap__shap_tree *s, const neap__shap_node *n, const double *t,
                             const double *weight, double *c) {
  int64_t points = s->points;
  for (int64_t q = 0; q < points; q++) {
    double factor = n->above * (1 - t[q]) + t[q];
    c[NEAP__SHAP_STEP * points + q] = t[q] / factor;
    c[NEAP__SHAP_ABOVE * points + q] = (1 - n->above) / factor;
    for (int side = 0; side < 2; side++) {
      double z = n->below[side];
      c[(NEAP__SHAP_LEFT + side) * points + q] = (1 - z) / (z * (1 - t[q]) + t[q]);
      c[(NEAP__SHAP_GIVES + side) * points + q] =
          n->leaf[side] < 0 ? 1 : s->tree->leaf_value[n->leaf[side]] * weight[q];
    }
  }
}

static neap_status set_points(neap__shap_tree *s, int32_t distinct, int64_t others) {
  s->points = distinct < 2 ? 1 : (distinct + 1) / 2;
  int64_t row = NEAP__SHAP_ROWS * s->points;
  s->coefficients = neap_alloc_array(s->nodes, (size_t)row * sizeof(double));
  s->cold = neap_alloc_array(s->points, sizeof(double));
  double *t = neap_alloc_array(s->points, 2 * sizeof(double));
  neap_status st = s->coefficients && s->cold && t ? NEAP_OK : NEAP_ENOMEM;
  if (!st) gauss(s->points, t, t + s->points);
  for (int64_t q = 0; !st && q < s->points; q++) s->cold[q] = 1 / (1 - t[q]);
  for (int64_t i = 0; !st && i < s->nodes; i++)
    set_coefficients(s, &s->node[i], t, t + s->points, s->coefficients + i * row);
  for (int64_t i = 0; !st && i < others; i++) {
    int64_t edge = s->other[i].coefficients;
    s->other[i].coefficients = edge / 2 * row + (NEAP__SHAP_LEFT + edge % 2) * s->points;
  }
  neap_free(t);
  return st;
}

neap_status neap__shap_tree_init(neap__shap_tree *s, const neap__tree *t, int64_t features,
                                 bool others) {
  *s = (neap__shap_tree){.tree = t, .features = features, .expected = t->leaf_value[0]};
  int64_t nodes = t->leaves - 1;
  if (nodes == 0) return NEAP_OK;
  s->expected = 0;
  s->node = neap_alloc_array(nodes, sizeof *s->node);
  s->visit = neap_alloc_array(2 * nodes, sizeof *s->visit);
  builder b = {.s = s, .counts = has_counts(t), .others = others};
  b.last = neap_alloc_array(features, sizeof *b.last);
  b.path = neap_alloc_array(nodes < features ? nodes : features, sizeof *b.path);
  b.frames = neap_alloc_array(nodes, sizeof *b.frames);
  bool there = s->node && s->visit && b.last && b.path && b.frames;
  neap_status st = there ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t f = 0; !st && f < features; f++) b.last[f] = (place){.edge = -1, .z = 1};
  if (!st) st = lay_out(&b);
  if (!st) st = set_points(s, b.most, b.other_count);
  neap_free(b.last);
  neap_free(b.path);
  neap_free(b.frames);
  return st;
}

void neap__shap_tree_drop(neap__shap_tree *s) {
  neap_free(s->visit);
  neap_free(s->node);
  neap_free(s->coefficients);
  neap_free(s->cold);
  neap_free(s->other);
  *s = (neap__shap_tree){0};
}

neap_status neap__shap_room_init(neap__shap_room *r, const neap__shap_tree *s) {
  int64_t slots = 2 * ((int64_t)s->depth + 1), slot = slots * s->points;
  int64_t hot = slots, left = s->depth, sum = s->points;
  double *all = neap_alloc_array(slot + hot + left + sum, LANES * sizeof *all);
  if (!all) return NEAP_ENOMEM;
  r->slot = all;
  r->hot = r->slot + slot * LANES;
  r->left = r->hot + hot * LANES;
  r->sum = r->left + left * LANES;
  return NEAP_OK;
}

void neap__shap_room_drop(neap__shap_room *r) { neap_free(r->slot); }
