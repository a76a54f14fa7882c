/* Growing one tree, best leaf first or level by level (symmetric.c: a level as one). To keep
 * threads busy without a barrier per leaf, the best few leaves are opened together: rows
 * partitioned, the histogram of the smaller child summed, that of the larger one subtracted, both
 * searched. A leaf opened too early costs a little time and changes nothing: the tree is committed
 * one split at a time in the strict order of gains, and how many are opened depends on the tree
 * alone. */
#include "base/alloc.h"
#include "base/pool.h"
#include "tree/grower.h"

enum { LARGE = 1 << 14 }; /* rows from which a leaf is partitioned by all threads */

/* opening leaves ------------------------------------------------------------------------------- */

static neap_status new_leaf(neap__grower *g, int32_t *index) {
  if (g->made == g->room) {
    int32_t room = g->room ? 2 * g->room : 64;
    neap__leaf *grown = neap_realloc_array(g->leaves, room, sizeof *grown);
    if (!grown) return NEAP_ENOMEM;
    g->leaves = grown;
    g->room = room;
  }
  *index = g->made++;
  g->leaves[*index] = (neap__leaf){.parent = -1, .child = {-1, -1}};
  return NEAP_OK;
}

/* Make the two children of leaf p; when either may be split, the smaller one gets a histogram to
 * fill and the larger one the parent's, or one to fill as well. */
static neap_status make_children(neap__grower *g, int32_t p, bool search) {
  int32_t side[2];
  NEAP_TRY(new_leaf(g, &side[0]));
  NEAP_TRY(new_leaf(g, &side[1]));
  neap__leaf *parent = &g->leaves[p], *left = &g->leaves[side[0]], *right = &g->leaves[side[1]];
  left->total = parent->best.left;
  right->total = parent->total - parent->best.left;
  left->count = neap__cell_rows(left->total, g->s);
  right->count = parent->count - left->count;
  left->begin = parent->begin;
  right->begin = parent->begin + left->count;
  left->depth = right->depth = parent->depth + 1;
  left->parent = right->parent = p;
  neap__limits_children(g, parent, left, right);
  if (search && (neap__can_split(g, left) || neap__can_split(g, right))) {
    neap__leaf *small = left->count <= right->count ? left : right,
               *large = small == left ? right : left;
    large->histogram = parent->histogram;
    large->inherits = parent->histogram != NULL;
    parent->histogram = NULL;
    NEAP_TRY(neap__histogram_acquire(g, &small->histogram));
    if (!large->inherits) NEAP_TRY(neap__histogram_acquire(g, &large->histogram));
  } else neap__histogram_release(g, &parent->histogram);
  parent->child[0] = side[0];
  parent->child[1] = side[1];
  return NEAP_OK;
}

typedef struct {
  neap__grower *g;
  int32_t item[NEAP__BATCH]; /* leaves whose rows are partitioned */
} task_list;

static neap_status partition_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)begin;
  (void)end;
  task_list *t = ctx;
  neap__rows_partition(t->g, &t->g->leaves[t->item[chunk]]);
  return NEAP_OK;
}

static neap_status partition_leaves(neap__grower *g, const int32_t *leaves, int64_t n) {
  task_list t = {.g = g};
  int64_t small = 0;
  for (int64_t i = 0; i < n; i++) {
    const neap__leaf *p = &g->leaves[leaves[i]];
    if (p->count >= LARGE) NEAP_TRY(neap__rows_partition_parallel(g, p));
    else t.item[small++] = leaves[i];
  }
  return neap_parallel_for(small, 1, partition_chunk, &t);
}

/* Fill the histograms of the children of n leaves. */
static neap_status sum_children(neap__grower *g, const int32_t *leaves, int64_t n) {
  neap__sum sums[2 * NEAP__BATCH];
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++) {
    const neap__leaf *p = &g->leaves[leaves[i]];
    const neap__leaf *left = &g->leaves[p->child[0]], *right = &g->leaves[p->child[1]];
    const neap__leaf *small = left->count <= right->count ? left : right;
    const neap__leaf *large = small == left ? right : left;
    if (!small->histogram) continue;
    sums[count++] = (neap__sum){small->begin, small->begin + small->count, small->histogram,
                                large->inherits ? large->histogram : NULL};
    if (!large->inherits)
      sums[count++] =
          (neap__sum){large->begin, large->begin + large->count, large->histogram, NULL};
  }
  return neap__histogram_sums(g, sums, count);
}

/* Open n leaves at once; child receives the 2 n leaves that they become. */
static neap_status open_leaves(neap__grower *g, const int32_t *leaves, int64_t n, bool searched,
                               int32_t *child) {
  for (int64_t i = 0; i < n; i++) {
    NEAP_TRY(make_children(g, leaves[i], searched));
    child[2 * i] = g->leaves[leaves[i]].child[0];
    child[2 * i + 1] = g->leaves[leaves[i]].child[1];
  }
  NEAP_TRY(partition_leaves(g, leaves, n));
  return searched ? sum_children(g, leaves, n) : NEAP_OK;
}

/* the tree ------------------------------------------------------------------------------------- */

/* Whether p is split before q: the larger gain first, depthwise all of a level before the next. */
static bool is_before(const neap__grower *g, const neap__leaf *p, const neap__leaf *q) {
  if (g->policy == NEAP_GROW_DEPTHWISE && p->depth != q->depth) return p->depth < q->depth;
  return p->best.gain > q->best.gain;
}

/* Up to n unopened leaves of the tree, the first to be split first; ties to the lower number. */
static int64_t best_leaves(const neap__grower *g, int64_t n, int32_t *out) {
  int64_t found = 0;
  for (int32_t number = 0; number < g->count; number++) {
    const neap__leaf *p = &g->leaves[g->current[number]];
    if (!(p->best.gain > 0) || p->child[0] >= 0) continue;
    int64_t at = found < n ? found++ : n;
    for (; at > 0 && is_before(g, p, &g->leaves[out[at - 1]]); at--)
      if (at < n) out[at] = out[at - 1];
    if (at < n) out[at] = g->current[number];
  }
  return found;
}

static int32_t best_number(const neap__grower *g) {
  int32_t best = -1;
  for (int32_t number = 0; number < g->count; number++) {
    const neap__leaf *p = &g->leaves[g->current[number]];
    if (!(p->best.gain > 0)) continue;
    if (best < 0 || is_before(g, p, &g->leaves[g->current[best]])) best = number;
  }
  return best;
}

static void commit(neap__grower *g, int32_t number) {
  int32_t node = g->count - 1, right = g->count++, from = g->owner[number];
  const neap__leaf *p = &g->leaves[g->current[number]];
  g->split[node] = g->current[number];
  if (from >= 0) (from % 2 ? g->right : g->left)[from / 2] = node;
  g->left[node] = ~number;
  g->right[node] = ~right;
  g->owner[number] = 2 * node;
  g->owner[right] = 2 * node + 1;
  g->current[number] = p->child[0];
  g->current[right] = p->child[1];
}

static neap_status start_tree(neap__grower *g, neap__source pairs, const uint8_t *bag) {
  int32_t root;
  g->made = 0;
  neap__rows_bag(g, bag);
  NEAP_TRY(new_leaf(g, &root));
  g->count = 1;
  g->current[0] = root;
  g->owner[0] = -1;
  neap__leaf *p = &g->leaves[root];
  p->count = g->grown;
  NEAP_TRY(pairs.fill(pairs.ctx, g->b->row, g->grown, g->pairs));
  NEAP_TRY(neap__scale_fix(g->s, g->b->row, g->pairs, g->grown, &p->total));
  neap__limits_root(g, p);
  if (!neap__can_split(g, p)) return NEAP_OK;
  NEAP_TRY(neap__histogram_acquire(g, &p->histogram));
  NEAP_TRY(neap__histogram_sums(g, &(neap__sum){0, g->grown, p->histogram, NULL}, 1));
  return g->policy == NEAP_GROW_SYMMETRIC ? NEAP_OK : neap__search(g, &root, 1);
}

static neap_status grow(neap__grower *g) {
  while (g->count < g->num_leaves) {
    int32_t number = best_number(g), batch[NEAP__BATCH], child[2 * NEAP__BATCH];
    if (number < 0) break;
    if (g->leaves[g->current[number]].child[0] < 0) {
      int64_t left = g->num_leaves - g->count, most = neap__limits_serial(g) ? 1 : NEAP__BATCH;
      int64_t n = best_leaves(g, left < most ? left : most, batch);
      NEAP_TRY(open_leaves(g, batch, n, left > 1, child));
      if (left > 1) NEAP_TRY(neap__search(g, child, 2 * n));
    }
    int32_t parent = g->current[number];
    commit(g, number);
    NEAP_TRY(neap__limits_committed(g, parent));
  }
  return NEAP_OK;
}

/* Open and commit the leaves with these numbers. */
static neap_status grow_level(neap__grower *g, const int32_t *numbers, int32_t count) {
  int32_t batch[NEAP__BATCH], child[2 * NEAP__BATCH];
  for (int32_t from = 0; from < count; from += NEAP__BATCH) {
    int32_t n = count - from < NEAP__BATCH ? count - from : NEAP__BATCH;
    for (int32_t i = 0; i < n; i++) batch[i] = g->current[numbers[from + i]];
    NEAP_TRY(open_leaves(g, batch, n, true, child));
    for (int32_t i = 0; i < n; i++) commit(g, numbers[from + i]);
    for (int32_t i = 0; i < 2 * n; i++) {
      neap__leaf *p = &g->leaves[child[i]];
      if (!neap__can_split(g, p)) neap__histogram_release(g, &p->histogram);
    }
  }
  return NEAP_OK;
}

static neap_status grow_symmetric(neap__grower *g) {
  int32_t *numbers = neap_alloc_array(g->num_leaves, sizeof *numbers), count = 1;
  neap_status st = numbers ? NEAP_OK : NEAP_ENOMEM;
  while (!st && count > 0 && g->count < g->num_leaves) {
    st = neap__symmetric_level(g, numbers, &count);
    if (g->count + count > g->num_leaves) break; /* a level is split whole or not at all */
    if (!st) st = grow_level(g, numbers, count);
  }
  neap_free(numbers);
  return st;
}

static void set_leaf(const neap__grower *g, neap__tree *t, int32_t number) {
  const neap__leaf *p = &g->leaves[g->current[number]];
  t->leaf_value[number] = p->output;
  t->leaf_weight[number] = neap__cell_h(p->total, g->s);
  t->leaf_count[number] = p->count;
}

static void set_node(const neap__grower *g, neap__tree *t, int32_t node, int64_t *cats) {
  const neap__leaf *p = &g->leaves[g->split[node]];
  neap__split_store(&p->best, &g->b->feature[p->best.feature], t, node, cats);
  t->left[node] = g->left[node];
  t->right[node] = g->right[node];
  t->gain[node] = p->best.gain;
  t->internal_value[node] = p->output;
  t->internal_weight[node] = neap__cell_h(p->total, g->s);
  t->internal_count[node] = p->count;
}

static void release_all(neap__grower *g) {
  for (int32_t i = 0; i < g->made; i++) neap__histogram_release(g, &g->leaves[i].histogram);
}

typedef struct {
  neap__grower *g;
  const neap__scale *s;
} renew_job;

static neap_status renew_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)begin;
  (void)end;
  const renew_job *job = ctx;
  neap__leaf *p = &job->g->leaves[job->g->current[chunk]];
  neap__cell sum = {0, 0};
  for (int64_t i = p->begin; i < p->begin + p->count; i++)
    sum += neap__pair_cell(job->g->pairs[i], job->s->shift);
  double o = neap__root_output(neap__cell_g(sum, job->s), neap__cell_h(sum, job->s), &job->g->rule);
  p->output = o < p->low ? p->low : o > p->high ? p->high : o;
  return NEAP_OK;
}

/* Outputs of the leaves from pairs that are as wide as fits. */
static neap_status renew_outputs(neap__grower *g, neap__source pairs) {
  neap__scale wide = {0};
  neap__cell total;
  neap__scale_widths(&wide, g->b->rows);
  NEAP_TRY(pairs.fill(pairs.ctx, g->b->row, g->grown, g->pairs));
  NEAP_TRY(neap__scale_fix(&wide, g->b->row, g->pairs, g->grown, &total));
  return neap_parallel_for(g->count, 1, renew_chunk, &(renew_job){g, &wide});
}

neap_status neap__grower_grow(neap__grower *g, neap__source pairs, const uint8_t *bag,
                              const int32_t *use, int32_t used, neap__tree **tree) {
  g->use = use;
  g->used = used;
  *tree = NULL;
  neap_status st = start_tree(g, pairs, bag);
  if (!st) st = g->policy == NEAP_GROW_SYMMETRIC ? grow_symmetric(g) : grow(g);
  release_all(g);
  if (!st && g->renews) st = renew_outputs(g, pairs);
  if (st) return st;
  int64_t cats = 0, words = 0;
  for (int32_t i = 0; i < g->count - 1; i++) {
    const neap__split *s = &g->leaves[g->split[i]].best;
    neap__split_measure(s, &g->b->feature[s->feature], &cats, &words);
  }
  neap__tree *t = neap__tree_new(g->count, cats, words, false, 0);
  if (!t) return NEAP_ENOMEM;
  cats = 0;
  for (int32_t i = 0; i < g->count; i++) set_leaf(g, t, i);
  for (int32_t i = 0; i < g->count - 1; i++) set_node(g, t, i, &cats);
  *tree = t;
  return NEAP_OK;
}

void neap__grower_key(neap__grower *g, uint64_t key) { g->s->key = key; }

int64_t neap__grower_grown(const neap__grower *g) { return g->grown; }

void neap__grower_leaf(const neap__grower *g, int32_t number, int64_t *begin, int64_t *count) {
  *begin = g->leaves[g->current[number]].begin;
  *count = g->leaves[g->current[number]].count;
}

int32_t neap__grower_route(const neap__grower *g, const uint8_t *bin) {
  int32_t at = g->count > 1 ? 0 : -1;
  while (at >= 0) {
    const neap__split *s = &g->leaves[g->split[at]].best;
    bool left = neap__split_left(s, &g->b->feature[s->feature], bin[s->feature]);
    at = left ? g->left[at] : g->right[at];
  }
  return ~at;
}

/* Symmetric trees choose by the plain gain of whole levels. */
static neap_status check_policy(const neap__grower *g) {
  bool limited = g->limits.monotone || g->limits.factor || g->limits.allowed || g->rule.random;
  for (int32_t k = 0; k < g->b->used; k++) limited |= g->b->feature[k].categories != NULL;
  if (g->policy == NEAP_GROW_SYMMETRIC && limited)
    return neap_fail(NEAP_EARG, "gbdt.fit: grow_policy 'symmetric' takes no categorical features, "
                                "constraints, feature_contri, extra_trees or "
                                "feature_fraction_bynode");
  return NEAP_OK;
}

/* life ----------------------------------------------------------------------------------------- */

neap_status neap__grower_new(neap__grower **out, neap__bins *b, const neap_gbdt_options *o) {
  const neap__loops *loops;
  *out = NULL;
  NEAP_TRY(neap__loops_select(&loops));
  neap__grower *g = neap_calloc_array(1, sizeof *g);
  if (!g) return NEAP_ENOMEM;
  g->loops = loops;
  g->b = b;
  g->s = &g->scale;
  neap__scale_widths(g->s, b->rows);
  g->rule = neap__split_rule_of(o);
  g->num_leaves = o->num_leaves < b->rows ? o->num_leaves : b->rows;
  g->max_depth = o->max_depth;
  g->policy = o->grow_policy;
  g->s->levels = o->use_quantized_grad ? (int)o->num_grad_quant_bins : 0;
  g->s->stochastic = o->stochastic_rounding;
  g->renews = o->use_quantized_grad && o->quant_train_renew_leaf;
  g->pairs = neap_alloc_array(b->rows, sizeof *g->pairs);
  g->wrong = neap_alloc_array(neap__rows_words(b->rows), sizeof *g->wrong);
  g->piece = neap_alloc_array(neap__rows_pieces(b->rows), sizeof *g->piece);
  g->current = neap_alloc_array(g->num_leaves, sizeof *g->current);
  g->split = neap_alloc_array(g->num_leaves, sizeof *g->split);
  g->left = neap_alloc_array(g->num_leaves, sizeof *g->left);
  g->right = neap_alloc_array(g->num_leaves, sizeof *g->right);
  g->owner = neap_alloc_array(g->num_leaves, sizeof *g->owner);
  bool ok = g->pairs && g->wrong && g->piece && g->current && g->split && g->left && g->right;
  neap_status st = ok && g->owner ? neap__limits_open(g, o) : NEAP_ENOMEM;
  if (!st) st = check_policy(g);
  if (st) neap__grower_free(g);
  else *out = g;
  return st;
}

void neap__grower_free(neap__grower *g) {
  if (!g) return;
  release_all(g);
  for (int32_t i = 0; i < g->owned; i++) neap_free(g->pool[i]);
  neap_free(g->pool);
  neap_free(g->pairs);
  neap_free(g->wrong);
  neap_free(g->piece);
  neap_free(g->leaves);
  neap_free(g->scratch);
  neap_free(g->touched);
  neap_free(g->narrow);
  neap_free(g->found);
  neap_free(g->current);
  neap_free(g->split);
  neap_free(g->left);
  neap_free(g->right);
  neap_free(g->owner);
  neap__limits_close(&g->limits);
  neap_free(g);
}
