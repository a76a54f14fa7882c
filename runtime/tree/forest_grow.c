/* Growing a tree of a forest, depth first, rows and their weights moved along with the nodes.
 *
 * A node's score is its total weight less its weighted impurity: s^2 / w for a sum s of values
 * (two classes are values 0 and 1: their Gini impurity is twice the variance), sum(c^2) / w for
 * classes of weights c, sum(c log c) - w log w for entropy. The best cut has the largest sum of
 * scores of its sides. */
#include "tree/forest_grow.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "tree/link.h"

enum {
  SMALL = 32,      /* rows up to which sorting beats a histogram */
  BINS = 256,      /* of a histogram: 255, and one for NaN */
  BATCH = 8,       /* features whose histograms are filled together */
  CHECK = 1 << 18, /* rows after which Ctrl-C is looked for in a node */
  POLL = 1 << 20,  /* rows times features, over nodes */
};

typedef enum { MOMENTS, GINI, ENTROPY } neap__score;

/* Rows of one bin, or one class of it. */
typedef struct {
  double w, s; /* s: weight times value */
  int32_t bin, class, rows;
} item;

typedef struct {
  double w, s;
} moment;

/* A node whose cut is to be found. */
typedef struct {
  int32_t begin, count, depth, node;
} task;

typedef struct {
  double score, left;         /* left: weight */
  int32_t feature, low, high; /* between these occupied bins; high = bins: NaN alone goes right */
  bool missing, missing_left;
} cut;

struct neap__forest_grower {
  const neap__forest_job *job;
  neap__score kind;
  int32_t *rows, *spare_rows, *order;
  neap__forest_row *at, *spare;
  moment *moments; /* [BATCH][BINS] */
  double *weights; /* [BINS][classes] */
  int32_t *counts; /* [BINS], when leaves have a least number of rows */
  item *items;
  double *total, *left, *right; /* [classes] */
  task *stack;
  int64_t stack_room, tasks, work;
  neap_rng rng;
  uint32_t word[4];
  int words;
  neap__forest_tree *tree;
  double *importance;
  double w, s, low, high; /* of the node */
  double spread;          /* sum of squares of class weights, or of x log x */
  double perfect;         /* the score of sides without impurity */
  double whole;           /* weight of the tree */
};

neap_status neap__forest_grower_new(neap__forest_grower **out, const neap__forest_job *job,
                                    int64_t rows) {
  neap__forest_grower *g = *out = neap_calloc_array(1, sizeof *g);
  if (!g) return NEAP_ENOMEM;
  int64_t k = job->classes > 0 ? job->classes : 1, used = job->bins->used + 1;
  g->job = job;
  g->kind = job->classes && job->o->criterion == NEAP_CRITERION_ENTROPY ? ENTROPY
            : job->classes > 2                                          ? GINI
                                                                        : MOMENTS;
  g->rows = neap_alloc_array(rows, sizeof *g->rows);
  g->spare_rows = neap_alloc_array(rows, sizeof *g->spare_rows);
  g->at = neap_alloc_array(rows, sizeof *g->at);
  g->spare = neap_alloc_array(rows, sizeof *g->spare);
  g->order = neap_alloc_array(used, sizeof *g->order);
  g->moments = neap_calloc_array(BATCH * BINS, sizeof *g->moments);
  g->weights = neap_calloc_array(BINS * k, sizeof *g->weights);
  g->counts = neap_calloc_array(BINS, sizeof *g->counts);
  g->items = neap_alloc_array(BINS * k, sizeof *g->items);
  g->total = neap_alloc_array(3 * k, sizeof *g->total);
  g->stack_room = 64;
  g->stack = neap_alloc_array(g->stack_room, sizeof *g->stack);
  bool ok = g->rows && g->spare_rows && g->at && g->spare && g->order && g->moments && g->weights &&
            g->counts && g->items && g->total && g->stack;
  if (!ok) return NEAP_ENOMEM;
  g->left = g->total + k;
  g->right = g->left + k;
  return NEAP_OK;
}

void neap__forest_grower_free(neap__forest_grower *g) {
  if (!g) return;
  neap_free(g->rows);
  neap_free(g->spare_rows);
  neap_free(g->at);
  neap_free(g->spare);
  neap_free(g->order);
  neap_free(g->moments);
  neap_free(g->weights);
  neap_free(g->counts);
  neap_free(g->items);
  neap_free(g->total);
  neap_free(g->stack);
  neap_free(g);
}

int32_t *neap__forest_grower_rows(neap__forest_grower *g) { return g->rows; }
neap__forest_row *neap__forest_grower_at(neap__forest_grower *g) { return g->at; }

/* the tree ------------------------------------------------------------------------------------- */

void neap__forest_tree_drop(neap__forest_tree *t) {
  neap_free(t->node);
  neap_free(t->row);
  neap_free(t->value);
  memset(t, 0, sizeof *t);
}

/* Make room for one more of size bytes in an array that doubles. */
static bool room_for(void **array, int32_t used, int32_t more, int32_t *room, size_t size) {
  if (used + more <= *room) return true;
  int32_t grown = *room ? 2 * *room : 64;
  void *moved = neap_realloc_array(*array, grown, size);
  if (moved) {
    *array = moved;
    *room = grown;
  }
  return moved != NULL;
}

/* Two neighbouring nodes; *first is the number of the first. */
static neap_status add_nodes(neap__forest_tree *t, int32_t more, int32_t *first) {
  void *node = t->node;
  bool ok = room_for(&node, t->nodes, more, &t->node_room, sizeof *t->node);
  t->node = node;
  if (!ok) return NEAP_ENOMEM;
  *first = t->nodes;
  t->nodes += more;
  return NEAP_OK;
}

static neap_status add_leaf(neap__forest_grower *g, int32_t node) {
  neap__forest_tree *t = g->tree;
  int64_t k = g->job->classes;
  void *row = t->row, *value = t->value;
  bool ok = room_for(&row, t->leaves, 1, &t->leaf_room, sizeof *t->row);
  t->row = row;
  ok = ok && room_for(&value, t->values, 1, &t->value_room, (size_t)(k ? k : 1) * sizeof(double));
  t->value = value;
  if (!ok) return NEAP_ENOMEM;
  bool pure = k && g->low == g->high;
  t->node[node] = neap__forest_leaf(t->leaves, pure ? (int32_t)g->low : -1);
  t->row[t->leaves++] = pure ? -1 : t->values;
  if (pure) return NEAP_OK;
  double *out = t->value + (k ? k : 1) * t->values++;
  if (!k) out[0] = g->s / g->w + g->job->offset;
  else if (g->kind == MOMENTS) {
    out[1] = g->s / g->w;
    out[0] = 1 - out[1];
  } else
    for (int64_t i = 0; i < k; i++) out[i] = g->total[i] / g->w;
  return NEAP_OK;
}

/* scores --------------------------------------------------------------------------------------- */

#define ALWAYS static inline __attribute__((always_inline))

/* x log x, the same bits on every machine: log m = 2 atanh((m - 1) / (m + 1)) of a mantissa m
 * between sqrt(1/2) and sqrt(2), whose series ends below 2^-55. */
static double x_log_x(double x) {
  if (!(x > 0)) return 0;
  int e;
  double m = frexp(x, &e);
  if (m < 0.70710678118654752) {
    m *= 2;
    e--;
  }
  double s = (m - 1) / (m + 1), q = s * s, p = 1.0 / 21;
  for (int i = 19; i > 0; i -= 2) p = p * q + 1.0 / i;
  return x * (2 * s * p + e * 0.69314718055994531);
}

/* The sums of the two sides while a cut moves up: l and r are sums of values, squares or x log x.
 */
typedef struct {
  double wl, wr, l, r;
  int32_t rows;
} sides;

ALWAYS void move(const neap__forest_grower *g, neap__score kind, sides *v, const item *at) {
  v->wl += at->w;
  v->rows += at->rows;
  if (kind == MOMENTS) {
    v->l += at->s;
    return;
  }
  double *l = &g->left[at->class], *r = &g->right[at->class];
  if (kind == GINI) {
    v->l += at->w * (2 * *l + at->w);
    v->r -= at->w * (2 * *r - at->w);
  } else {
    v->l += x_log_x(*l + at->w) - x_log_x(*l);
    v->r += x_log_x(*r - at->w) - x_log_x(*r);
  }
  *l += at->w;
  *r -= at->w;
}

ALWAYS double score_of(const neap__forest_grower *g, neap__score kind, const sides *v) {
  double wr = g->w - v->wl;
  if (kind == MOMENTS) {
    double r = g->s - v->l;
    return (v->l * v->l * wr + r * r * v->wl) / (v->wl * wr);
  }
  if (kind == GINI) return (v->l * wr + v->r * v->wl) / (v->wl * wr);
  return v->l - x_log_x(v->wl) + v->r - x_log_x(wr);
}

/* Weigh the cuts between the bins of items; those of NaN, from number n on, start on the left or
 * stay on the right. */
ALWAYS void sweep_side(neap__forest_grower *g, neap__score kind, int32_t count, const item *items,
                       int32_t n, int32_t all, bool missing_left, int32_t feature, cut *best) {
  sides v = {0};
  int32_t least = g->job->o->min_samples_leaf > 1 ? (int32_t)g->job->o->min_samples_leaf : 0;
  int32_t bins = g->job->bins->feature[feature].bins;
  if (kind != MOMENTS) {
    int64_t k = g->job->classes;
    for (int64_t i = 0; i < k; i++) g->left[i] = 0;
    memcpy(g->right, g->total, (size_t)k * sizeof *g->right);
    v.r = g->spread;
  }
  if (missing_left)
    for (int32_t i = n; i < all; i++) move(g, kind, &v, &items[i]);
  bool last_too = n < all && !missing_left;
  for (int32_t i = 0; i < n; i++) {
    move(g, kind, &v, &items[i]);
    if (i + 1 == n ? !last_too : items[i].bin == items[i + 1].bin) continue;
    if (v.rows < least || count - v.rows < least) continue;
    double score = score_of(g, kind, &v);
    if (score > best->score)
      *best = (cut){.score = score,
                    .left = v.wl,
                    .feature = feature,
                    .low = items[i].bin,
                    .high = i + 1 == n ? bins : items[i + 1].bin,
                    .missing = n < all,
                    .missing_left = missing_left};
  }
}

ALWAYS void sweep_kind(neap__forest_grower *g, neap__score kind, int32_t count, const item *items,
                       int32_t n, int32_t all, int32_t feature, cut *best) {
  sweep_side(g, kind, count, items, n, all, false, feature, best);
  if (n < all) sweep_side(g, kind, count, items, n, all, true, feature, best);
}

/* The best cut of a feature from its items in rising order of bins. False when it is constant. */
static bool sweep(neap__forest_grower *g, int32_t count, int32_t all, int32_t feature, cut *best) {
  const item *items = g->items;
  if (items[0].bin == items[all - 1].bin) return false;
  int32_t n = all, bins = g->job->bins->feature[feature].bins;
  while (n > 0 && items[n - 1].bin == bins) n--;
  if (g->kind == MOMENTS) sweep_kind(g, MOMENTS, count, items, n, all, feature, best);
  else if (g->kind == GINI) sweep_kind(g, GINI, count, items, n, all, feature, best);
  else sweep_kind(g, ENTROPY, count, items, n, all, feature, best);
  return true;
}

/* items ---------------------------------------------------------------------------------------- */

/* rank[i] = how many keys are smaller; all differ. Comparing each with each needs no guess of a
 * branch, and the width is that of whole vectors. */
ALWAYS void rank_keys(int32_t n, int32_t width, const int16_t *key, int16_t *rank) {
  for (int32_t j = 0; j < width; j++) rank[j] = 0;
  for (int32_t i = 0; i < n; i++) {
    int16_t k = key[i];
    for (int32_t j = 0; j < width; j++) rank[j] = (int16_t)(rank[j] + (k < key[j]));
  }
}

/* A few rows: an item each, sorted by bin. */
static int32_t sort_rows(neap__forest_grower *g, const task *t, int32_t feature) {
  const uint8_t *bin = g->job->bins->grid + feature;
  int64_t used = g->job->bins->used;
  const int32_t *rows = g->rows + t->begin;
  const neap__forest_row *at = g->at + t->begin;
  int16_t key[SMALL] = {0}, rank[SMALL];
  for (int32_t i = 0; i < t->count; i++) key[i] = (int16_t)(bin[rows[i] * used] * SMALL + i);
  if (t->count <= 8) rank_keys(t->count, 8, key, rank);
  else if (t->count <= 16) rank_keys(t->count, 16, key, rank);
  else rank_keys(t->count, SMALL, key, rank);
  for (int32_t i = 0; i < t->count; i++) {
    int32_t class = g->kind == MOMENTS ? 0 : (int32_t)at[i].y;
    g->items[rank[i]] = (item){at[i].w, at[i].w * at[i].y, key[i] / SMALL, class, 1};
  }
  return t->count;
}

/* The same for more rows, by counting. */
static int32_t count_rows(neap__forest_grower *g, const task *t, int32_t feature) {
  const uint8_t *bin = g->job->bins->grid + feature;
  int64_t used = g->job->bins->used;
  const int32_t *rows = g->rows + t->begin;
  const neap__forest_row *at = g->at + t->begin;
  int32_t place[BINS + 1] = {0}, cells = g->job->bins->feature[feature].bins + 1;
  for (int32_t i = 0; i < t->count; i++) place[bin[rows[i] * used] + 1]++;
  for (int32_t b = 0; b < cells; b++) place[b + 1] += place[b];
  for (int32_t i = 0; i < t->count; i++) {
    int32_t b = bin[rows[i] * used];
    g->items[place[b]++] = (item){at[i].w, at[i].w * at[i].y, b, (int32_t)at[i].y, 1};
  }
  return t->count;
}

/* Fill the histograms of n features in one pass over the rows of a node. */
static void fill_moments(neap__forest_grower *g, const task *t, const int32_t *features,
                         int32_t n) {
  const uint8_t *bin = g->job->bins->grid;
  int64_t used = g->job->bins->used;
  const int32_t *rows = g->rows + t->begin;
  const neap__forest_row *at = g->at + t->begin;
  for (int32_t i = 0; i < t->count; i++) {
    if (i % CHECK == CHECK - 1 && neap_interrupted()) return; /* neap__forest_grow ends it */
    const uint8_t *row = bin + rows[i] * used;
    double w = at[i].w, s = w * at[i].y;
    for (int32_t k = 0; k < n; k++) {
      moment *m = &g->moments[k * BINS + row[features[k]]];
      m->w += w;
      m->s += s;
    }
  }
}

static void fill_counts(neap__forest_grower *g, const task *t, int32_t feature) {
  const uint8_t *bin = g->job->bins->grid + feature;
  int64_t used = g->job->bins->used;
  for (int32_t i = t->begin; i < t->begin + t->count; i++) g->counts[bin[g->rows[i] * used]]++;
}

/* The occupied bins of histogram number k, which is cleared. */
static int32_t take_moments(neap__forest_grower *g, int32_t feature, int32_t k) {
  int32_t n = 0, cells = g->job->bins->feature[feature].bins + 1;
  moment *m = g->moments + k * BINS;
  for (int32_t b = 0; b < cells; b++) {
    g->items[n] = (item){m[b].w, m[b].s, b, 0, g->counts[b]};
    n += m[b].w > 0;
  }
  memset(m, 0, (size_t)cells * sizeof *m);
  return n;
}

/* The classes in each occupied bin. */
static int32_t take_classes(neap__forest_grower *g, const task *t, int32_t feature) {
  const uint8_t *bin = g->job->bins->grid + feature;
  int64_t used = g->job->bins->used, k = g->job->classes;
  for (int32_t i = t->begin; i < t->begin + t->count; i++)
    g->weights[bin[g->rows[i] * used] * k + (int64_t)g->at[i].y] += g->at[i].w;
  int32_t n = 0, cells = g->job->bins->feature[feature].bins + 1;
  for (int32_t b = 0; b < cells; b++) {
    int32_t rows = g->counts[b];
    for (int64_t c = 0; c < k; c++) {
      double w = g->weights[b * k + c];
      if (w == 0) continue;
      g->items[n++] = (item){w, 0, b, (int32_t)c, rows};
      rows = 0;
    }
  }
  memset(g->weights, 0, (size_t)(cells * k) * sizeof *g->weights);
  return n;
}

/* cuts ----------------------------------------------------------------------------------------- */

static uint32_t draw(neap__forest_grower *g, uint32_t n) {
  if (g->words == 0) {
    neap_rng_block b = neap_rng_block_at(&g->rng, g->rng.next++);
    g->word[0] = (uint32_t)b.low;
    g->word[1] = (uint32_t)(b.low >> 32);
    g->word[2] = (uint32_t)b.high;
    g->word[3] = (uint32_t)(b.high >> 32);
    g->words = 4;
  }
  return (uint32_t)((uint64_t)g->word[--g->words] * n >> 32);
}

/* Swap a feature drawn from those behind place k to it. */
static void draw_feature(neap__forest_grower *g, int32_t k) {
  int32_t j = k + (int32_t)draw(g, (uint32_t)(g->job->bins->used - k)), f = g->order[j];
  g->order[j] = g->order[k];
  g->order[k] = f;
}

/* The items of feature number k of those whose histograms are filled. */
static int32_t take_items(neap__forest_grower *g, const task *t, int32_t feature, int32_t k) {
  if (t->count <= SMALL) return sort_rows(g, t, feature);
  int64_t cells = g->job->bins->feature[feature].bins + 1;
  if (g->kind != MOMENTS && 2 * t->count < cells * g->job->classes)
    return count_rows(g, t, feature);
  bool counted = g->job->o->min_samples_leaf > 1;
  if (counted) fill_counts(g, t, feature);
  int32_t n = g->kind == MOMENTS ? take_moments(g, feature, k) : take_classes(g, t, feature);
  if (counted) memset(g->counts, 0, BINS * sizeof *g->counts);
  return n;
}

/* Look at n features; whether any of them varies. */
static bool look(neap__forest_grower *g, const task *t, const int32_t *features, int32_t n,
                 cut *best) {
  bool varies = false;
  if (t->count > SMALL && g->kind == MOMENTS) fill_moments(g, t, features, n);
  for (int32_t k = 0; k < n; k++)
    varies |= sweep(g, t->count, take_items(g, t, features[k], k), features[k], best);
  return varies;
}

/* The best cut among max_features features, and more until one varies; none can beat a perfect
 * one. */
static cut find_cut(neap__forest_grower *g, const task *t) {
  cut best = {.score = -HUGE_VAL, .feature = -1};
  int32_t used = g->job->bins->used, done = 0;
  int32_t wanted = (int32_t)g->job->o->max_features;
  bool varies = false;
  if (wanted > used) wanted = used;
  int32_t batch = t->count > SMALL && g->kind == MOMENTS ? BATCH : 1;
  while (done < used && (done < wanted || !varies) && best.score < g->perfect) {
    int32_t n = done < wanted ? wanted - done : 1;
    n = n < batch ? n : batch;
    for (int32_t k = 0; k < n; k++) draw_feature(g, done + k);
    varies |= look(g, t, g->order + done, n, &best);
    done += n;
  }
  g->work += (int64_t)t->count * done;
  return best;
}

/* The bound between the occupied bins of a cut that is nearest to the middle of the gap. */
static int32_t middle_bin(const neap__feature *f, const cut *c) {
  if (c->high == f->bins) return f->bins - 1;
  int32_t low = c->low, high = c->high - 1;
  double middle = f->bound[low] / 2 + f->bound[high] / 2;
  while (low < high) {
    int32_t at = (low + high) / 2;
    if (f->bound[at] < middle) low = at + 1;
    else high = at;
  }
  bool below = low > c->low && middle - f->bound[low - 1] < f->bound[low] - middle;
  return below ? low - 1 : low;
}

/* Move the rows of a node so that those of the left child come first, in order; their number. */
static int32_t partition(neap__forest_grower *g, const task *t, const neap__forest_node *n) {
  const uint8_t *bin = g->job->bins->grid + n->feature;
  int64_t used = g->job->bins->used;
  int32_t *rows = g->rows + t->begin, l = 0;
  uint8_t shift = n->shift, top = n->bin;
  neap__forest_row *at = g->at + t->begin;
  for (int32_t i = 0; i < t->count; i++) {
    int32_t row = rows[i];
    neap__forest_row v = at[i];
    bool goes_left = (uint8_t)(bin[row * used] + shift) <= top;
    rows[l] = g->spare_rows[i - l] = row;
    at[l] = g->spare[i - l] = v;
    l += goes_left;
  }
  int32_t r = t->count - l;
  memcpy(rows + l, g->spare_rows, (size_t)r * sizeof *rows);
  memcpy(at + l, g->spare, (size_t)r * sizeof *at);
  return l;
}

/* Sums of a node. */
static void look_at(neap__forest_grower *g, const task *t) {
  const neap__forest_row *at = g->at + t->begin;
  double w = 0, s = 0, squares = 0, low = at[0].y, high = low;
  if (g->kind == MOMENTS)
    for (int32_t i = 0; i < t->count; i++) {
      w += at[i].w;
      s += at[i].w * at[i].y;
      squares += at[i].w * at[i].y * at[i].y;
      low = at[i].y < low ? at[i].y : low;
      high = at[i].y > high ? at[i].y : high;
    }
  else {
    for (int64_t c = 0; c < g->job->classes; c++) g->total[c] = 0;
    for (int32_t i = 0; i < t->count; i++) {
      w += at[i].w;
      g->total[(int64_t)at[i].y] += at[i].w;
      low = at[i].y < low ? at[i].y : low;
      high = at[i].y > high ? at[i].y : high;
    }
  }
  g->w = w;
  g->s = s;
  g->low = low;
  g->high = high;
  g->spread = 0;
  for (int64_t c = 0; g->kind != MOMENTS && c < g->job->classes; c++)
    g->spread += g->kind == GINI ? g->total[c] * g->total[c] : x_log_x(g->total[c]);
  double perfect = g->kind == MOMENTS ? squares : g->kind == GINI ? w : 0;
  g->perfect = perfect - 1e-13 * (g->kind == ENTROPY ? w : perfect);
}

static double node_score(const neap__forest_grower *g) {
  if (g->kind == MOMENTS) return g->s * g->s / g->w;
  return g->kind == GINI ? g->spread / g->w : g->spread - x_log_x(g->w);
}

static bool is_leaf(const neap__forest_grower *g, const task *t) {
  const neap_forest_options *o = g->job->o;
  return g->low == g->high || t->count < o->min_samples_split ||
         t->count < 2 * o->min_samples_leaf || (o->max_depth > 0 && t->depth >= o->max_depth);
}

static neap_status push_children(neap__forest_grower *g, const task *t, int32_t child,
                                 int32_t left) {
  if (g->tasks + 2 > g->stack_room) {
    task *grown = neap_realloc_array(g->stack, 2 * g->stack_room, sizeof *grown);
    if (!grown) return NEAP_ENOMEM;
    g->stack = grown;
    g->stack_room *= 2;
  }
  g->stack[g->tasks++] = (task){t->begin + left, t->count - left, t->depth + 1, child + 1};
  g->stack[g->tasks++] = (task){t->begin, left, t->depth + 1, child};
  return NEAP_OK;
}

/* Cut a node in two, or make it a leaf. */
static neap_status settle(neap__forest_grower *g, const task *t) {
  look_at(g, t);
  if (t->depth == 0) g->whole = g->w;
  if (is_leaf(g, t)) return add_leaf(g, t->node);
  cut best = find_cut(g, t);
  double factor = g->kind == MOMENTS && g->job->classes ? 2 : 1; /* Gini against variance */
  double decrease = factor * (best.score - node_score(g));
  double least = g->job->o->min_impurity_decrease; /* 0: cuts that gain nothing count too */
  if (best.feature < 0 || (least > 0 && decrease / g->whole < least)) return add_leaf(g, t->node);
  const neap__feature *f = &g->job->bins->feature[best.feature];
  int32_t child, bin = middle_bin(f, &best);
  NEAP_TRY(add_nodes(g->tree, 2, &child));
  neap__forest_node *n = &g->tree->node[t->node];
  n->child = child;
  n->feature = (uint16_t)best.feature;
  n->shift = neap__forest_shift(f->bins, best.missing_left);
  n->bin = (uint8_t)(bin + n->shift);
  int32_t left = partition(g, t, n);
  if (!best.missing &&
      best.left >= g->w - best.left) { /* the side of NaN that training has not seen here */
    n->shift = neap__forest_shift(f->bins, true);
    n->bin = (uint8_t)(bin + n->shift);
  }
  g->importance[f->input] += decrease > 0 ? decrease : 0;
  return push_children(g, t, child, left);
}

neap_status neap__forest_grow(neap__forest_grower *g, int64_t count, neap_rng rng,
                              neap__forest_tree *t, double *importance) {
  int32_t root;
  g->tree = t;
  g->importance = importance;
  g->rng = rng;
  g->words = 0;
  g->tasks = 1;
  g->work = 0;
  for (int32_t f = 0; f < g->job->bins->used; f++) g->order[f] = f;
  NEAP_TRY(add_nodes(t, 1, &root));
  g->stack[0] = (task){0, (int32_t)count, 0, root};
  while (g->tasks > 0) {
    task next = g->stack[--g->tasks];
    NEAP_TRY(settle(g, &next));
    if (g->work < POLL) continue;
    g->work = 0;
    NEAP_TRY(neap_interrupt_check());
  }
  return NEAP_OK;
}
