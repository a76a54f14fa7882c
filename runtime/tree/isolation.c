/* Fitting isolation forests, and scoring rows by them.
 *
 * Trees are as deep as log2 of their sample, and most rows go nearly to the bottom, so all walk the
 * full depth: leaves lead back to themselves, and no step of a row has to guess whether it was the
 * last. A tree of 256 rows and a block of rows fit the first cache together. */
#include "tree/isolation.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "tree/isolation_model.h"
#include "tree/link.h"

enum {
  CHUNK = 4096,
  BLOCK = 256,
  ABREAST = 8,
  FEW = 1 << 13, /* rows of all trees that are not worth waking threads */
};

/* c(n) of isolation.h; Euler and Maclaurin's sum above 1000. */
static double search_depth(int64_t n) {
  if (n < 2) return 0;
  double m = (double)(n - 1), h = 0;
  if (n > 1000) h = log(m) + 0.57721566490153286 + 1 / (2 * m) - 1 / (12 * m * m);
  else
    for (int64_t i = 1; i < n; i++) h += 1 / (double)i;
  return 2 * h - 2 * m / (double)n;
}

/* growing -------------------------------------------------------------------------------------- */

typedef struct {
  int32_t begin, count, depth, node;
} task;

typedef struct {
  const neap_isolation *m;
  const neap__matrix *x;
  const neap_isolation_options *o;
  int64_t limit; /* depth of a tree */
} fit_job;

/* A tree that grows: its sample, row-major, and the rows of the nodes. */
typedef struct {
  const fit_job *job;
  neap__isolation_tree *tree;
  neap_rng rng;
  double *x;
  int32_t *rows, *columns;
  task stack[128]; /* twice the depth, which is below 32 */
  int tasks;
} grower;

static double value_at(const grower *g, int32_t row, int32_t column) {
  return g->x[(int64_t)row * g->job->m->columns + column];
}

/* Smallest and largest value of a node, and of its finite ones. */
typedef struct {
  double low, high, finite_low, finite_high;
} range;

static range range_of(const grower *g, const task *t, int32_t column) {
  range r = {HUGE_VAL, -HUGE_VAL, HUGE_VAL, -HUGE_VAL};
  for (int32_t i = t->begin; i < t->begin + t->count; i++) {
    double v = value_at(g, g->rows[i], column);
    r.low = v < r.low ? v : r.low;
    r.high = v > r.high ? v : r.high;
    if (!isfinite(v)) continue;
    r.finite_low = v < r.finite_low ? v : r.finite_low;
    r.finite_high = v > r.finite_high ? v : r.finite_high;
  }
  return r;
}

/* A random number t with low <= t < high, or the edge of the finite values. */
static double draw_threshold(grower *g, range r) {
  double u = neap_rng_uniform(&g->rng);
  bool down = isinf(r.low) && (!isinf(r.high) || u < 0.5 || r.finite_low > r.finite_high);
  if (down) return -DBL_MAX;
  if (isinf(r.high)) return r.finite_high;
  double t = r.low * (1 - u) + r.high * u;
  return t >= r.low && t < r.high ? t : r.low;
}

static void swap(int32_t *list, int64_t i, int64_t j) {
  int32_t v = list[i];
  list[i] = list[j];
  list[j] = v;
}

/* Cut by a feature drawn from those that vary in the node; false when none does. */
static bool cut_axis(grower *g, const task *t, neap__isolation_node *n) {
  int64_t features = g->job->o->features;
  for (int64_t k = 0; k < features; k++) {
    swap(g->columns, k, k + (int64_t)neap_rng_below(&g->rng, (uint64_t)(features - k)));
    range r = range_of(g, t, g->columns[k]);
    if (!(r.low < r.high)) continue;
    n->threshold = draw_threshold(g, r);
    int32_t left = 0, known = 0;
    for (int32_t i = t->begin; i < t->begin + t->count; i++) {
      double v = value_at(g, g->rows[i], g->columns[k]);
      left += v <= n->threshold;
      known += v == v;
    }
    n->asks = 2 * g->columns[k] + (neap_rng_uniform(&g->rng) * known < left);
    return true;
  }
  return false;
}

/* A normal deviate as slope, a point between the finite values; whether the column varies. */
static bool draw_coordinate(grower *g, const task *t, int32_t column, neap__isolation_plane *out) {
  range r = range_of(g, t, column);
  double u = neap_rng_uniform(&g->rng), normal = neap_rng_normal(&g->rng);
  double low = r.finite_low, high = r.finite_high;
  double centre = low <= high ? low * (1 - u) + high * u : 0;
  *out = (neap__isolation_plane){normal, centre, column};
  return r.low < r.high;
}

/* Cut by a hyperplane with normal deviates as slope through a point of the box around the rows. */
static bool cut_plane(grower *g, const task *t, neap__isolation_plane *plane) {
  int64_t features = g->job->o->features, width = g->job->m->width;
  bool varies = false;
  for (int64_t k = 0; k < width; k++) {
    swap(g->columns, k, k + (int64_t)neap_rng_below(&g->rng, (uint64_t)(features - k)));
    varies |= draw_coordinate(g, t, g->columns[k], &plane[k]);
  }
  for (int64_t k = width; !varies && k < features; k++) {
    swap(g->columns, k, k + (int64_t)neap_rng_below(&g->rng, (uint64_t)(features - k)));
    /* all so far are constant: the first that is not takes the place of the last */
    varies = draw_coordinate(g, t, g->columns[k], &plane[width - 1]);
  }
  return varies;
}

/* Rows of the left child to the front; their number. */
static int32_t partition(grower *g, const task *t, const neap__isolation_node *n,
                         const neap__isolation_plane *plane) {
  int32_t left = t->begin;
  for (int32_t i = t->begin; i < t->begin + t->count; i++) {
    const double *row = g->x + (int64_t)g->rows[i] * g->job->m->columns;
    bool right = plane ? neap__isolation_beyond(plane, g->job->m->width, row)
                       : neap__isolation_right(n, row[n->asks >> 1]);
    if (!right) swap(g->rows, i, left++);
  }
  return left - t->begin;
}

static void settle(grower *g, const task *t) {
  neap__isolation_tree *tree = g->tree;
  neap__isolation_node *n = &tree->node[t->node];
  int64_t width = g->job->m->width;
  neap__isolation_plane *plane = width ? tree->plane + t->node * width : NULL;
  bool cut = t->count > 1 && t->depth < g->job->limit &&
             (plane ? cut_plane(g, t, plane) : cut_axis(g, t, n));
  tree->depth = t->depth > tree->depth ? t->depth : tree->depth;
  if (!cut) {
    neap__isolation_end(tree, t->node, width);
    tree->height[t->node] = t->depth + search_depth(t->count);
    return;
  }
  int32_t left = partition(g, t, n, plane), child = tree->nodes;
  tree->nodes += 2;
  n->child = child;
  g->stack[g->tasks++] = (task){t->begin + left, t->count - left, t->depth + 1, child + 1};
  g->stack[g->tasks++] = (task){t->begin, left, t->depth + 1, child};
}

/* Draw rows without replacement (Floyd: in Bentley, Programming pearls, 1987), copy them. */
static neap_status draw_sample(grower *g) {
  const neap__matrix *x = g->job->x;
  int64_t n = x->rows, samples = g->job->o->samples, taken = 0;
  uint64_t *met = neap_calloc_array((n + 63) / 64, sizeof *met);
  if (!met) return NEAP_ENOMEM;
  for (int64_t last = n - samples; last < n; last++, taken++) {
    int64_t row = (int64_t)neap_rng_below(&g->rng, (uint64_t)last + 1);
    if (met[row / 64] >> (row % 64) & 1) row = last;
    met[row / 64] |= (uint64_t)1 << (row % 64);
    for (int64_t c = 0; c < x->columns; c++)
      g->x[taken * x->columns + c] = neap__matrix_get(x, row, c);
    g->rows[taken] = (int32_t)taken;
  }
  for (int64_t c = 0; c < x->columns; c++) g->columns[c] = (int32_t)c;
  for (int64_t k = 0; k < g->job->o->features; k++)
    swap(g->columns, k, k + (int64_t)neap_rng_below(&g->rng, (uint64_t)(x->columns - k)));
  neap_free(met);
  return neap_interrupt_check();
}

static neap_status grow(grower *g) {
  NEAP_TRY(draw_sample(g));
  g->tree->nodes = 1;
  g->tasks = 1;
  g->stack[0] = (task){0, (int32_t)g->job->o->samples, 0, 0};
  while (g->tasks > 0) {
    task next = g->stack[--g->tasks];
    settle(g, &next);
    if (next.count > 4096) NEAP_TRY(neap_interrupt_check());
  }
  return NEAP_OK;
}

static neap_status grow_tree(const fit_job *job, int64_t tree) {
  int64_t samples = job->o->samples, columns = job->m->columns;
  neap_rng seed = neap_rng_make(job->o->seed), all = neap_rng_split(&seed, "isolation", 9);
  grower g = {.job = job,
              .tree = &job->m->tree[tree],
              .rng = neap_rng_sub(&all, (uint64_t)tree + 1),
              .x = neap_alloc_array(samples * columns, sizeof *g.x),
              .rows = neap_alloc_array(samples, sizeof *g.rows),
              .columns = neap_alloc_array(columns, sizeof *g.columns)};
  neap_status st = g.x && g.rows && g.columns ? NEAP_OK : NEAP_ENOMEM;
  if (!st) st = neap__isolation_room(g.tree, 2 * samples, job->m->width);
  if (!st) st = grow(&g);
  neap_free(g.columns);
  neap_free(g.rows);
  neap_free(g.x);
  return st;
}

static neap_status grow_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  for (int64_t t = begin; t < end; t++) NEAP_TRY(grow_tree(ctx, t));
  return NEAP_OK;
}

static neap_status check(const neap_isolation_options *o, const neap__matrix *x) {
  if (x->columns > NEAP__ISOLATION_COLUMNS)
    return neap_fail(NEAP_ESHAPE, "isolation.fit: x has %lld columns, at most %d are allowed",
                     (long long)x->columns, NEAP__ISOLATION_COLUMNS);
  if (x->rows < 2 || x->columns < 1)
    return neap_fail(NEAP_ESHAPE,
                     "isolation.fit: x has %lld rows and %lld columns, 2 rows and a column are "
                     "needed",
                     (long long)x->rows, (long long)x->columns);
  const struct {
    const char *name;
    int64_t value, low, high;
  } ranges[] = {
      {"n_estimators", o->trees, 1, 1000000},
      {"max_samples", o->samples, 2, x->rows < INT32_MAX / 4 ? x->rows : INT32_MAX / 4},
      {"max_features", o->features, 1, x->columns},
      {"extension_level", o->width - 1, -1, o->features - 1},
  };
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (ranges[i].value < ranges[i].low || ranges[i].value > ranges[i].high)
      return neap_fail(NEAP_EARG, "isolation.fit: %s is %lld, allowed are %lld to %lld",
                       ranges[i].name, (long long)ranges[i].value, (long long)ranges[i].low,
                       (long long)ranges[i].high);
  return NEAP_OK;
}

neap_status neap_isolation_fit(neap_isolation **out, const neap_isolation_options *o,
                               const neap_tensor *x) {
  neap__matrix matrix;
  *out = NULL;
  NEAP_TRY(neap__matrix_of(&matrix, x, "isolation.fit"));
  NEAP_TRY(check(o, &matrix));
  neap_isolation *m = neap__isolation_new(o->trees, matrix.columns, o->samples, o->width);
  if (!m) return NEAP_ENOMEM;
  fit_job job = {.m = m, .x = &matrix, .o = o};
  while ((int64_t)1 << job.limit < o->samples) job.limit++;
  neap_status st =
      neap_parallel_for(o->trees, o->samples * o->trees < FEW ? o->trees : 1, grow_chunk, &job);
  if (st) neap_isolation_free(m);
  else *out = m;
  return st;
}

/* scoring -------------------------------------------------------------------------------------- */

static double score_of(const neap_isolation *m, double heights) {
  double mean = heights / (double)m->trees;
  return neap__exp(-mean / search_depth(m->samples) * 0.69314718055994531);
}

/* Add to sums[n] the heights of n rows of doubles, columns apart. */
static void add_axis(const neap__isolation_tree *t, const double *x, int64_t columns, int64_t n,
                     double *sums) {
  const neap__isolation_node *node = t->node;
  for (int64_t begin = 0; begin < n; begin += ABREAST) {
    const double *row[ABREAST];
    int32_t at[ABREAST] = {0};
    int64_t count = n - begin < ABREAST ? n - begin : ABREAST;
    for (int64_t i = 0; i < ABREAST; i++) row[i] = x + (begin + (i < count ? i : 0)) * columns;
    for (int32_t d = 0; d < t->depth; d++)
      for (int64_t i = 0; i < ABREAST; i++) {
        const neap__isolation_node *v = &node[at[i]];
        at[i] = v->child + neap__isolation_right(v, row[i][v->asks >> 1]);
      }
    for (int64_t i = 0; i < count; i++) sums[begin + i] += t->height[at[i]];
  }
}

static double height_of(const neap_isolation *m, const neap__isolation_tree *t, const double *row) {
  int32_t at = 0;
  for (int32_t d = 0; d < t->depth; d++) {
    const neap__isolation_node *v = &t->node[at];
    if (m->width && v->child == at) break;
    at = v->child + (m->width ? neap__isolation_beyond(t->plane + at * m->width, m->width, row)
                              : neap__isolation_right(v, row[v->asks >> 1]));
  }
  return t->height[at];
}

double neap_isolation_score_row(const neap_isolation *m, const double *row) {
  double sum = 0;
  for (int64_t t = 0; t < m->trees; t++) sum += height_of(m, &m->tree[t], row);
  return score_of(m, sum);
}

typedef struct {
  const neap_isolation *m;
  const neap__matrix *x;
  double *out;
} score_job;

/* Rows as doubles side by side. */
static void copy_rows(const neap__matrix *x, int64_t begin, int64_t n, double *out) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t c = 0; c < x->columns; c++)
      out[i * x->columns + c] = neap__matrix_get(x, begin + i, c);
}

static neap_status score_block(const score_job *job, double *x, int64_t begin, int64_t n) {
  const neap_isolation *m = job->m;
  double *sums = job->out + begin;
  copy_rows(job->x, begin, n, x);
  for (int64_t i = 0; i < n; i++) sums[i] = 0;
  for (int64_t t = 0; t < m->trees; t++) {
    if (!m->width) add_axis(&m->tree[t], x, m->columns, n, sums);
    else
      for (int64_t i = 0; i < n; i++) sums[i] += height_of(m, &m->tree[t], x + i * m->columns);
    NEAP_TRY(neap_interrupt_check());
  }
  for (int64_t i = 0; i < n; i++) sums[i] = score_of(m, sums[i]);
  return NEAP_OK;
}

static neap_status score_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const score_job *job = ctx;
  double *x = neap_alloc_array(BLOCK * job->m->columns, sizeof *x);
  neap_status st = x ? NEAP_OK : NEAP_ENOMEM;
  for (; !st && begin < end; begin += BLOCK)
    st = score_block(job, x, begin, end - begin < BLOCK ? end - begin : BLOCK);
  neap_free(x);
  return st;
}

neap_status neap_isolation_score(const neap_isolation *m, const neap_tensor *x, double *out) {
  neap__matrix matrix;
  NEAP_TRY(neap__matrix_of(&matrix, x, "isolation.score"));
  if (matrix.columns != m->columns)
    return neap_fail(NEAP_ESHAPE,
                     "isolation.score: x has %lld columns, the model was fitted on %lld",
                     (long long)matrix.columns, (long long)m->columns);
  return neap_parallel_for(matrix.rows, CHUNK, score_chunk, &(score_job){m, &matrix, out});
}
