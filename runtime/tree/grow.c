/* Growing one tree, best leaf first. To keep threads busy without a barrier per leaf, the best few
 * leaves are opened together: rows partitioned, the histogram of the smaller child summed, that of
 * the larger one subtracted, both searched. A leaf opened too early costs a little time and changes
 * nothing: the tree is committed one split at a time in the strict order of gains, and how many are
 * opened depends on the tree alone. */
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tree/engine.h"

enum {
  AHEAD = 24,      /* rows fetched before they are needed */
  BATCH = 8,       /* leaves opened together */
  CHUNK = 16384,   /* rows per piece of a large leaf */
  GROUP = 8,       /* features searched by one task */
  LARGE = 1 << 21, /* rows x features from which a leaf is worth several threads */
  CELLS = 4096,    /* cells merged by one task */
};

typedef struct {
  int64_t begin, count; /* its rows in g->rows */
  int32_t depth;
  int32_t child[2]; /* leaves it was opened into; -1 before */
  neap__cell total;
  neap__cell *histogram; /* NULL when it can not be split or was opened */
  neap__split best;
} leaf;

struct neap__grower {
  const neap__bins *b;
  const neap__scale *s;
  const neap__loops *loops;
  neap__split_rule rule;
  int64_t num_leaves, max_depth;
  int32_t *rows, *spare;
  int64_t *piece; /* rows going left of each chunk of a large leaf */
  leaf *leaves;   /* every leaf ever made in this tree */
  int32_t made, room;
  neap__cell **pool; /* histograms: [0, idle) are free */
  int32_t owned, idle, pool_room;
  neap__cell *scratch; /* one histogram per thread */
  bool *touched;
  int threads;
  neap__split *found; /* one per (leaf, group of features) */
  int64_t found_room;
  /* the tree as committed */
  int32_t *current;      /* leaf number -> index in leaves */
  int32_t *split;        /* node -> index in leaves */
  int32_t *left, *right; /* node -> node or ~leaf number */
  int32_t *owner;        /* leaf number -> node * 2 + side that points to it */
  int32_t count;
  /* of the call */
  const neap__pair *pairs;
  const int32_t *use;
  int32_t used;
};

/* histograms ----------------------------------------------------------------------------------- */

static neap_status acquire(neap__grower *g, neap__cell **out) {
  if (g->idle == 0) {
    if (g->owned == g->pool_room) {
      int32_t room = g->pool_room ? 2 * g->pool_room : 16;
      neap__cell **pool = neap_realloc_array(g->pool, room, sizeof *pool);
      if (!pool) return NEAP_ENOMEM;
      g->pool = pool;
      g->pool_room = room;
    }
    neap__cell *fresh = neap_alloc_array(g->b->cells, sizeof *fresh);
    if (!fresh) return NEAP_ENOMEM;
    g->pool[g->idle++] = fresh;
    g->owned++;
  }
  *out = g->pool[--g->idle];
  return NEAP_OK;
}

static void release(neap__grower *g, neap__cell **h) {
  if (*h) g->pool[g->idle++] = *h;
  *h = NULL;
}

static void clear(const neap__grower *g, neap__cell *h) {
  memset(h, 0, (size_t)g->b->cells * sizeof *h);
}

static void subtract(int32_t n, neap__cell *from, const neap__cell *what) {
  for (int32_t i = 0; i < n; i++) from[i] -= what[i];
}

typedef struct {
  neap__grower *g;
  const int32_t *rows;     /* NULL: in order */
  neap__cell *into, *from; /* from (may be NULL) -= into once it is complete */
} sum_job;

static neap_status sum_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const sum_job *job = ctx;
  neap__grower *g = job->g;
  int thread = neap_worker();
  neap__cell *h = g->scratch + (int64_t)thread * g->b->cells;
  if (!g->touched[thread]) clear(g, h);
  g->touched[thread] = true;
  /* In-order rows: shift the matrix and the pairs instead of listing numbers. */
  if (job->rows)
    g->loops->histogram_add(g->b, g->pairs, g->s->shift, job->rows + begin, end - begin, g->use,
                            g->used, h);
  else {
    neap__bins part = *g->b;
    part.bin += begin * part.used;
    g->loops->histogram_add(&part, g->pairs + begin, g->s->shift, NULL, end - begin, g->use,
                            g->used, h);
  }
  return NEAP_OK;
}

static neap_status merge_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const sum_job *job = ctx;
  const neap__grower *g = job->g;
  for (int64_t i = begin; i < end; i++) {
    neap__cell sum = {0, 0};
    for (int t = 0; t < g->threads; t++)
      if (g->touched[t]) sum += g->scratch[(int64_t)t * g->b->cells + i];
    job->into[i] = sum;
    if (job->from) job->from[i] -= sum;
  }
  return NEAP_OK;
}

static neap_status ready_scratch(neap__grower *g) {
  int threads = neap_threads();
  if (g->threads < threads) {
    neap_free(g->scratch);
    neap_free(g->touched);
    g->threads = 0;
    g->scratch = neap_alloc_array((int64_t)threads * g->b->cells, sizeof *g->scratch);
    g->touched = neap_alloc_array(threads, sizeof *g->touched);
    if (!g->scratch || !g->touched) return NEAP_ENOMEM;
    g->threads = threads;
  }
  memset(g->touched, 0, (size_t)g->threads * sizeof *g->touched);
  return NEAP_OK;
}

static neap_status sum_large(neap__grower *g, const int32_t *rows, int64_t count, neap__cell *into,
                             neap__cell *from) {
  sum_job job = {.g = g, .rows = rows, .into = into, .from = from};
  NEAP_TRY(ready_scratch(g));
  NEAP_TRY(neap_parallel_for(count, CHUNK, sum_chunk, &job));
  return neap_parallel_for(g->b->cells, CELLS, merge_chunk, &job);
}

/* partition ------------------------------------------------------------------------------------ */

typedef struct {
  neap__grower *g;
  const uint8_t *bin; /* of the feature split on, row 0 */
  uint8_t goes_left[256];
  int32_t *rows, *spare; /* of the leaf */
  int64_t count, lefts;
} cut;

static void prepare_cut(neap__grower *g, const leaf *p, cut *c) {
  const neap__feature *f = &g->b->feature[p->best.feature];
  c->g = g;
  c->bin = g->b->bin + p->best.feature;
  c->rows = g->rows + p->begin;
  c->spare = g->spare + p->begin;
  c->count = p->count;
  c->lefts = neap__cell_rows(p->best.left, g->s);
  for (int v = 0; v < 256; v++) c->goes_left[v] = v <= p->best.bin;
  c->goes_left[f->bins] = p->best.missing_left;
}

/* The bins of a row some way ahead: rows of a leaf lie scattered over the matrix. */
static inline void fetch(const cut *c, int64_t i, int64_t end) {
  if (i + AHEAD < end) __builtin_prefetch(c->bin + c->rows[i + AHEAD] * (int64_t)c->g->b->used);
}

/* Stable, in place: rows going left close up at the front, the others wait in spare. */
static void partition(const cut *c) {
  int64_t width = c->g->b->used, lefts = 0, rights = 0;
  for (int64_t i = 0; i < c->count; i++) {
    int32_t r = c->rows[i];
    fetch(c, i, c->count);
    int left = c->goes_left[c->bin[r * width]];
    c->rows[lefts] = r;
    c->spare[rights] = r;
    lefts += left;
    rights += 1 - left;
  }
  memcpy(c->rows + lefts, c->spare, (size_t)rights * sizeof *c->rows);
}

/* A chunk of a large leaf: into spare, lefts from the front, rights from the back. */
static neap_status part_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const cut *c = ctx;
  int64_t width = c->g->b->used, lefts = begin, rights = end;
  for (int64_t i = begin; i < end; i++) {
    int32_t r = c->rows[i];
    fetch(c, i, end);
    int left = c->goes_left[c->bin[r * width]];
    c->spare[lefts] = r; /* both sides, and only one of them counts: no branch to guess wrong */
    c->spare[rights - 1] = r;
    lefts += left;
    rights -= 1 - left;
  }
  c->g->piece[chunk] = lefts - begin;
  return NEAP_OK;
}

static neap_status place_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  const cut *c = ctx;
  int64_t lefts = c->g->piece[chunk], before = 0;
  for (int64_t k = 0; k < chunk; k++) before += c->g->piece[k];
  int32_t *left = c->rows + before, *right = c->rows + c->lefts + (begin - before);
  memcpy(left, c->spare + begin, (size_t)lefts * sizeof *left);
  for (int64_t i = end; i > begin + lefts; i--) *right++ = c->spare[i - 1];
  return NEAP_OK;
}

static neap_status partition_large(cut *c) {
  NEAP_TRY(neap_parallel_for(c->count, CHUNK, part_chunk, c));
  return neap_parallel_for(c->count, CHUNK, place_chunk, c);
}

/* opening leaves ------------------------------------------------------------------------------- */

static neap_status new_leaf(neap__grower *g, int32_t *index) {
  if (g->made == g->room) {
    int32_t room = g->room ? 2 * g->room : 64;
    leaf *grown = neap_realloc_array(g->leaves, room, sizeof *grown);
    if (!grown) return NEAP_ENOMEM;
    g->leaves = grown;
    g->room = room;
  }
  *index = g->made++;
  g->leaves[*index] = (leaf){.child = {-1, -1}};
  return NEAP_OK;
}

static bool can_split(const neap__grower *g, const leaf *p) {
  if (g->used == 0 || (g->max_depth > 0 && p->depth >= g->max_depth)) return false;
  return p->count >= 2 * g->rule.min_rows && p->count >= 2 &&
         neap__cell_h(p->total, g->s) >= 2 * g->rule.min_hessian;
}

static bool is_large(const neap__grower *g, const leaf *p) {
  return p->count * (int64_t)g->used >= LARGE;
}

/* Make the two children of leaf p; when either may be split, the smaller one gets a histogram to
 * fill and the larger one the parent's. */
static neap_status make_children(neap__grower *g, int32_t p, bool search) {
  int32_t side[2];
  NEAP_TRY(new_leaf(g, &side[0]));
  NEAP_TRY(new_leaf(g, &side[1]));
  leaf *parent = &g->leaves[p], *left = &g->leaves[side[0]], *right = &g->leaves[side[1]];
  left->total = parent->best.left;
  right->total = parent->total - parent->best.left;
  left->count = neap__cell_rows(left->total, g->s);
  right->count = parent->count - left->count;
  left->begin = parent->begin;
  right->begin = parent->begin + left->count;
  left->depth = right->depth = parent->depth + 1;
  if (search && (can_split(g, left) || can_split(g, right))) {
    leaf *small = left->count <= right->count ? left : right, *large = small == left ? right : left;
    NEAP_TRY(acquire(g, &small->histogram));
    large->histogram = parent->histogram;
    parent->histogram = NULL;
  } else release(g, &parent->histogram);
  parent->child[0] = side[0];
  parent->child[1] = side[1];
  return NEAP_OK;
}

/* Partition the rows of p, and fill its children's histograms. */
static neap_status open_leaf(neap__grower *g, const leaf *p, bool threads) {
  cut c;
  prepare_cut(g, p, &c);
  if (threads) NEAP_TRY(partition_large(&c));
  else partition(&c);
  leaf *left = &g->leaves[p->child[0]], *right = &g->leaves[p->child[1]];
  if (!left->histogram) return NEAP_OK;
  leaf *small = left->count <= right->count ? left : right, *large = small == left ? right : left;
  const int32_t *rows = g->rows + small->begin;
  if (threads) return sum_large(g, rows, small->count, small->histogram, large->histogram);
  clear(g, small->histogram);
  g->loops->histogram_add(g->b, g->pairs, g->s->shift, rows, small->count, g->use, g->used,
                          small->histogram);
  subtract(g->b->cells, large->histogram, small->histogram);
  return NEAP_OK;
}

typedef struct {
  neap__grower *g;
  int32_t item[2 * BATCH]; /* leaves to open, or to search */
  int64_t groups;          /* of features */
} task_list;

static neap_status open_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  task_list *t = ctx;
  for (int64_t i = begin; i < end; i++) NEAP_TRY(open_leaf(t->g, &t->g->leaves[t->item[i]], false));
  return NEAP_OK;
}

static neap_status search_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  task_list *t = ctx;
  neap__grower *g = t->g;
  for (int64_t i = begin; i < end; i++) {
    const leaf *p = &g->leaves[t->item[i / t->groups]];
    neap__whole w = neap__whole_of(p->total, g->s, &g->rule);
    int64_t k = i % t->groups * GROUP;
    neap__split *best = &g->found[i];
    *best = (neap__split){.gain = 0, .feature = -1};
    for (int64_t stop = k + GROUP < g->used ? k + GROUP : g->used; k < stop; k++) {
      int32_t index = g->use ? g->use[k] : (int32_t)k;
      const neap__feature *f = &g->b->feature[index];
      neap__split_feature(g->loops, f, index, p->histogram + f->offset, &w, best);
    }
  }
  return NEAP_OK;
}

/* Find the best split of n leaves; those that may not or can not be split give up their histogram.
 */
static neap_status search(neap__grower *g, const int32_t *leaves, int64_t n) {
  task_list t = {.g = g, .groups = (g->used + GROUP - 1) / GROUP};
  int64_t items = 0;
  for (int64_t i = 0; i < n; i++) {
    leaf *p = &g->leaves[leaves[i]];
    if (p->histogram && can_split(g, p)) t.item[items++] = leaves[i];
    else release(g, &p->histogram);
  }
  NEAP_TRY(neap_parallel_for(items * t.groups, 1, search_chunk, &t));
  for (int64_t i = 0; i < items; i++) {
    leaf *p = &g->leaves[t.item[i]];
    for (int64_t k = 0; k < t.groups; k++)
      if (g->found[i * t.groups + k].gain > p->best.gain) p->best = g->found[i * t.groups + k];
    if (!(p->best.gain > 0)) release(g, &p->histogram);
  }
  return NEAP_OK;
}

/* Open n leaves at once. */
static neap_status open_leaves(neap__grower *g, const int32_t *leaves, int64_t n, bool searched) {
  task_list t = {.g = g};
  int32_t child[2 * BATCH];
  int64_t small = 0;
  for (int64_t i = 0; i < n; i++) {
    NEAP_TRY(make_children(g, leaves[i], searched));
    child[2 * i] = g->leaves[leaves[i]].child[0];
    child[2 * i + 1] = g->leaves[leaves[i]].child[1];
  }
  for (int64_t i = 0; i < n; i++) {
    const leaf *p = &g->leaves[leaves[i]];
    if (is_large(g, p)) NEAP_TRY(open_leaf(g, p, true));
    else t.item[small++] = leaves[i];
  }
  NEAP_TRY(neap_parallel_for(small, 1, open_chunk, &t));
  return searched ? search(g, child, 2 * n) : NEAP_OK;
}

/* the tree ------------------------------------------------------------------------------------- */

/* Up to n unopened leaves of the tree, best gain first; ties to the lower number. */
static int64_t best_leaves(const neap__grower *g, int64_t n, int32_t *out) {
  int64_t found = 0;
  for (int32_t number = 0; number < g->count; number++) {
    const leaf *p = &g->leaves[g->current[number]];
    if (!(p->best.gain > 0) || p->child[0] >= 0) continue;
    int64_t at = found < n ? found++ : n;
    for (; at > 0 && p->best.gain > g->leaves[out[at - 1]].best.gain; at--)
      if (at < n) out[at] = out[at - 1];
    if (at < n) out[at] = g->current[number];
  }
  return found;
}

static int32_t best_number(const neap__grower *g) {
  int32_t best = -1;
  double gain = 0;
  for (int32_t number = 0; number < g->count; number++)
    if (g->leaves[g->current[number]].best.gain > gain) {
      best = number;
      gain = g->leaves[g->current[number]].best.gain;
    }
  return best;
}

static void commit(neap__grower *g, int32_t number) {
  int32_t node = g->count - 1, right = g->count++, from = g->owner[number];
  const leaf *p = &g->leaves[g->current[number]];
  g->split[node] = g->current[number];
  if (from >= 0) (from % 2 ? g->right : g->left)[from / 2] = node;
  g->left[node] = ~number;
  g->right[node] = ~right;
  g->owner[number] = 2 * node;
  g->owner[right] = 2 * node + 1;
  g->current[number] = p->child[0];
  g->current[right] = p->child[1];
}

static neap_status start_tree(neap__grower *g, const int32_t *rows, int64_t count) {
  int32_t root;
  g->made = 0;
  for (int64_t i = 0; !rows && i < count; i++) g->rows[i] = (int32_t)i;
  if (rows) memcpy(g->rows, rows, (size_t)count * sizeof *rows);
  NEAP_TRY(new_leaf(g, &root));
  g->count = 1;
  g->current[0] = root;
  g->owner[0] = -1;
  leaf *p = &g->leaves[root];
  p->count = count;
  for (int64_t i = 0; i < count; i++)
    p->total += neap__pair_cell(g->pairs[rows ? rows[i] : i], g->s->shift);
  if (!can_split(g, p)) return NEAP_OK;
  NEAP_TRY(acquire(g, &p->histogram));
  NEAP_TRY(sum_large(g, rows ? g->rows : NULL, count, p->histogram, NULL));
  return search(g, &root, 1);
}

static neap_status grow(neap__grower *g) {
  while (g->count < g->num_leaves) {
    int32_t number = best_number(g), batch[BATCH];
    if (number < 0) break;
    if (g->leaves[g->current[number]].child[0] < 0) {
      int64_t left = g->num_leaves - g->count;
      int64_t n = best_leaves(g, left < BATCH ? left : BATCH, batch);
      NEAP_TRY(open_leaves(g, batch, n, left > 1));
    }
    commit(g, number);
  }
  return NEAP_OK;
}

static void set_leaf(const neap__grower *g, neap__tree *t, int32_t number) {
  const leaf *p = &g->leaves[g->current[number]];
  double gradient = neap__cell_g(p->total, g->s), hessian = neap__cell_h(p->total, g->s);
  t->leaf_value[number] = neap__leaf_output(gradient, hessian, &g->rule);
  t->leaf_weight[number] = hessian;
  t->leaf_count[number] = p->count;
}

static void set_node(const neap__grower *g, neap__tree *t, int32_t node) {
  const leaf *p = &g->leaves[g->split[node]];
  const neap__feature *f = &g->b->feature[p->best.feature];
  double gradient = neap__cell_g(p->total, g->s), hessian = neap__cell_h(p->total, g->s);
  t->feature[node] = f->input;
  t->threshold[node] = p->best.bin < f->bins - 1 ? f->bound[p->best.bin] : f->bound[NEAP__MAX_BINS];
  t->decision[node] =
      (uint8_t)(NEAP__MISSING_NAN | (p->best.missing_left ? NEAP__DEFAULT_LEFT : 0));
  t->left[node] = g->left[node];
  t->right[node] = g->right[node];
  t->gain[node] = p->best.gain;
  t->internal_value[node] = neap__leaf_output(gradient, hessian, &g->rule);
  t->internal_weight[node] = hessian;
  t->internal_count[node] = p->count;
}

static void release_all(neap__grower *g) {
  for (int32_t i = 0; i < g->made; i++) release(g, &g->leaves[i].histogram);
}

neap_status neap__grower_grow(neap__grower *g, const neap__pair *pairs, const int32_t *rows,
                              int64_t count, const int32_t *use, int32_t used, neap__tree **tree) {
  g->pairs = pairs;
  g->use = use;
  g->used = used;
  *tree = NULL;
  int64_t groups = (used + GROUP - 1) / GROUP * 2 * BATCH;
  if (groups > g->found_room) {
    neap_free(g->found);
    g->found_room = 0;
    g->found = neap_alloc_array(groups, sizeof *g->found);
    if (!g->found) return NEAP_ENOMEM;
    g->found_room = groups;
  }
  neap_status st = start_tree(g, rows, count);
  if (!st) st = grow(g);
  release_all(g);
  if (st) return st;
  neap__tree *t = neap__tree_new(g->count, 0, 0, false, 0);
  if (!t) return NEAP_ENOMEM;
  for (int32_t i = 0; i < g->count; i++) set_leaf(g, t, i);
  for (int32_t i = 0; i < g->count - 1; i++) set_node(g, t, i);
  *tree = t;
  return NEAP_OK;
}

const int32_t *neap__grower_rows(const neap__grower *g) { return g->rows; }

void neap__grower_leaf(const neap__grower *g, int32_t number, int64_t *begin, int64_t *count) {
  *begin = g->leaves[g->current[number]].begin;
  *count = g->leaves[g->current[number]].count;
}

int32_t neap__grower_route(const neap__grower *g, const uint8_t *bin) {
  int32_t at = g->count > 1 ? 0 : -1;
  while (at >= 0) {
    const neap__split *s = &g->leaves[g->split[at]].best;
    int32_t v = bin[s->feature];
    bool left = v == g->b->feature[s->feature].bins ? s->missing_left : v <= s->bin;
    at = left ? g->left[at] : g->right[at];
  }
  return ~at;
}

/* life ----------------------------------------------------------------------------------------- */

neap_status neap__grower_new(neap__grower **out, const neap__bins *b, const neap_gbdt_options *o,
                             const neap__scale *s) {
  const neap__loops *loops;
  *out = NULL;
  NEAP_TRY(neap__loops_select(&loops));
  neap__grower *g = neap_calloc_array(1, sizeof *g);
  if (!g) return NEAP_ENOMEM;
  g->loops = loops;
  g->b = b;
  g->s = s;
  g->rule = (neap__split_rule){o->lambda_l1, o->lambda_l2, o->min_gain_to_split,
                               o->min_sum_hessian_in_leaf, o->min_data_in_leaf};
  if (g->rule.min_rows < 1) g->rule.min_rows = 1;
  g->num_leaves = o->num_leaves < b->rows ? o->num_leaves : b->rows;
  g->max_depth = o->max_depth;
  g->rows = neap_alloc_array(b->rows, sizeof *g->rows);
  g->spare = neap_alloc_array(b->rows, sizeof *g->spare);
  g->piece = neap_alloc_array(b->rows / CHUNK + 1, sizeof *g->piece);
  g->current = neap_alloc_array(g->num_leaves, sizeof *g->current);
  g->split = neap_alloc_array(g->num_leaves, sizeof *g->split);
  g->left = neap_alloc_array(g->num_leaves, sizeof *g->left);
  g->right = neap_alloc_array(g->num_leaves, sizeof *g->right);
  g->owner = neap_alloc_array(g->num_leaves, sizeof *g->owner);
  bool ok = g->rows && g->spare && g->piece && g->current && g->split && g->left && g->right;
  if (ok && g->owner) *out = g;
  else neap__grower_free(g);
  return *out ? NEAP_OK : NEAP_ENOMEM;
}

void neap__grower_free(neap__grower *g) {
  if (!g) return;
  release_all(g);
  for (int32_t i = 0; i < g->owned; i++) neap_free(g->pool[i]);
  neap_free(g->pool);
  neap_free(g->rows);
  neap_free(g->spare);
  neap_free(g->piece);
  neap_free(g->leaves);
  neap_free(g->scratch);
  neap_free(g->touched);
  neap_free(g->found);
  neap_free(g->current);
  neap_free(g->split);
  neap_free(g->left);
  neap_free(g->right);
  neap_free(g->owner);
  neap_free(g);
}
