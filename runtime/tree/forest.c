/* Forests that are finished: prediction, proximity, and their arrays for files.
 *
 * A block of rows is cut into bins once, and every tree then takes the whole block, so that its
 * nodes of 8 bytes stay in the cache; eight rows walk down side by side, since each step of one
 * waits for memory. Threads share the trees: groups of them, whose number is fixed, are summed
 * apart and then in order, so that the bits depend neither on the threads nor on the blocks. */
#include "tree/forest.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tree/forest_model.h"

enum {
  LIST = 2048,   /* rows whose leaves are held */
  ABREAST = 8,   /* rows that walk together */
  GROUPS = 16,   /* of trees */
  BLOCK = 16384, /* rows at once, fewer with many classes */
  FEW = 64,      /* rows that are not worth waking threads */
};

/* walking -------------------------------------------------------------------------------------- */

/* leaf[i] = node of the leaf that row rows[i] of bin reaches. A lane that has arrived takes the
 * next row: waiting for the deepest would idle half of them. */
static void walk(const neap__forest_tree *t, int64_t used, const uint8_t *bin, const int32_t *rows,
                 int64_t count, int32_t *leaf) {
  const neap__forest_node *node = t->node;
  const uint8_t *row[ABREAST];
  int32_t at[ABREAST] = {0};
  int64_t id[ABREAST], next = 0;
  int32_t lanes = 0;
  for (; lanes < ABREAST && next < count; lanes++) {
    id[lanes] = next;
    row[lanes] = bin + used * rows[next++];
  }
  while (lanes == ABREAST) {
    for (int32_t i = 0; i < ABREAST; i++) {
      neap__forest_node v = node[at[i]];
      if (__builtin_expect(v.child >= 0, 1)) {
        at[i] = v.child + ((uint8_t)(row[i][v.feature] + v.shift) > v.bin);
        continue;
      }
      leaf[id[i]] = at[i];
      if (next == count) {
        lanes--;
        at[i] = at[lanes];
        id[i] = id[lanes];
        row[i] = row[lanes];
        break;
      }
      at[i] = 0;
      id[i] = next;
      row[i] = bin + used * rows[next++];
    }
  }
  for (int32_t i = 0; i < lanes; i++) { /* the rest, one by one */
    neap__forest_node v = node[at[i]];
    for (; v.child >= 0; v = node[at[i]])
      at[i] = v.child + ((uint8_t)(row[i][v.feature] + v.shift) > v.bin);
    leaf[id[i]] = at[i];
  }
}

void neap__forest_add(const neap__forest_tree *t, int64_t classes, const neap__bins *b,
                      const uint8_t *bin, const int32_t *rows, int64_t count, double *sums) {
  int32_t leaf[LIST];
  int64_t k = classes ? classes : 1;
  for (int64_t begin = 0; begin < count; begin += LIST) {
    int64_t n = count - begin < LIST ? count - begin : LIST;
    walk(t, b->used, bin, rows + begin, n, leaf);
    for (int64_t i = 0; i < n; i++) {
      neap__forest_node v = t->node[leaf[i]];
      int32_t class = neap__forest_class(v);
      double *sum = sums + rows[begin + i] * k;
      if (!classes) sum[0] += t->value[~v.child];
      else if (class >= 0) sum[class] += 1;
      else
        for (int64_t c = 0; c < k; c++) sum[c] += t->value[t->row[~v.child] * k + c];
    }
  }
}

/* prediction ----------------------------------------------------------------------------------- */

/* A block of rows: bins, and the sums of each group of trees. */
typedef struct {
  const neap_forest *m;
  neap_forest_kind kind;
  int64_t n;
  uint8_t *bin;
  int32_t *rows; /* 0, 1, ... */
  double *sums;  /* [GROUPS][n x outputs] */
  double *out;   /* of the block */
} block_job;

int64_t neap_forest_width(const neap_forest *m, neap_forest_kind kind) {
  if (kind == NEAP_FOREST_LEAF) return m->trees;
  return kind == NEAP_FOREST_PROBABILITY ? neap__forest_outputs(m) : 1;
}

static void write_leaves(const block_job *job, int64_t tree) {
  const neap_forest *m = job->m;
  int32_t leaf[LIST];
  for (int64_t begin = 0; begin < job->n; begin += LIST) {
    int64_t count = job->n - begin < LIST ? job->n - begin : LIST;
    walk(&m->tree[tree], m->bins.used, job->bin, job->rows + begin, count, leaf);
    for (int64_t i = 0; i < count; i++)
      job->out[(begin + i) * m->trees + tree] = ~m->tree[tree].node[leaf[i]].child;
  }
}

static neap_status sum_group(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const block_job *job = ctx;
  const neap_forest *m = job->m;
  int64_t size = job->n * neap__forest_outputs(m);
  for (int64_t g = begin; g < end; g++) {
    double *sums = job->kind == NEAP_FOREST_LEAF ? NULL : job->sums + g * size;
    if (sums) memset(sums, 0, (size_t)size * sizeof *sums);
    for (int64_t t = g * m->trees / GROUPS; t < (g + 1) * m->trees / GROUPS; t++) {
      if (!sums) write_leaves(job, t);
      else neap__forest_add(&m->tree[t], m->classes, &m->bins, job->bin, job->rows, job->n, sums);
      NEAP_TRY(neap_interrupt_check());
    }
  }
  return NEAP_OK;
}

/* The label with the largest sum, the first of equals. */
static double label_of(const neap_forest *m, const double *sum) {
  int64_t best = 0;
  for (int64_t c = 1; c < m->classes; c++)
    if (sum[c] > sum[best]) best = c;
  return (double)m->labels[best];
}

/* The sums of all groups, made what is asked. */
static void finish_block(const block_job *job) {
  const neap_forest *m = job->m;
  int64_t k = neap__forest_outputs(m), size = job->n * k;
  for (int64_t g = 1; g < GROUPS; g++)
    for (int64_t i = 0; i < size; i++) job->sums[i] += job->sums[g * size + i];
  if (job->kind == NEAP_FOREST_VALUE && m->classes)
    for (int64_t i = 0; i < job->n; i++) job->out[i] = label_of(m, job->sums + i * k);
  else
    for (int64_t i = 0; i < size; i++) job->out[i] = job->sums[i] / (double)m->trees;
}

static neap_status predict_blocks(block_job *job, const neap__matrix *x, int64_t block,
                                  double *out) {
  int64_t width = neap_forest_width(job->m, job->kind);
  for (int64_t i = 0; i < block; i++) job->rows[i] = (int32_t)i;
  for (int64_t begin = 0; begin < x->rows; begin += block) {
    neap__matrix part = *x;
    part.data += begin * part.row_stride * (part.f32 ? 4 : 8);
    part.rows = job->n = x->rows - begin < block ? x->rows - begin : block;
    job->out = out + begin * width;
    NEAP_TRY(neap__bins_apply(&job->m->bins, &part, job->bin));
    NEAP_TRY(neap_parallel_for(GROUPS, job->n < FEW ? GROUPS : 1, sum_group, job));
    if (job->kind != NEAP_FOREST_LEAF) finish_block(job);
  }
  return NEAP_OK;
}

neap_status neap_forest_predict(const neap_forest *m, const neap_tensor *x, neap_forest_kind kind,
                                double *out) {
  neap__matrix matrix;
  NEAP_TRY(neap__matrix_of(&matrix, x, "forest.predict"));
  if (matrix.columns != m->bins.columns)
    return neap_fail(NEAP_ESHAPE,
                     "forest.predict: x has %lld columns, the model was fitted on %lld",
                     (long long)matrix.columns, (long long)m->bins.columns);
  if (kind == NEAP_FOREST_PROBABILITY && !m->classes)
    return neap_fail(NEAP_EARG, "forest.predict: a regression has no probabilities");
  int64_t k = neap__forest_outputs(m), block = 32 * BLOCK / k;
  block = block > BLOCK ? BLOCK : block;
  block = block > matrix.rows ? matrix.rows : block;
  block_job job = {.m = m,
                   .kind = kind,
                   .bin = neap_alloc(block * m->bins.used + 1),
                   .rows = neap_alloc_array(block + 1, sizeof *job.rows),
                   .sums = neap_alloc_array(GROUPS * block * k + 1, sizeof *job.sums)};
  bool ok = job.bin && job.rows && job.sums;
  neap_status st = ok ? predict_blocks(&job, &matrix, block, out) : NEAP_ENOMEM;
  neap_free(job.sums);
  neap_free(job.rows);
  neap_free(job.bin);
  return st;
}

/* proximity ------------------------------------------------------------------------------------ */

typedef struct {
  const double *a, *b; /* leaves */
  int64_t columns, trees;
  double *out;
} near_job;

static neap_status near_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const near_job *job = ctx;
  for (int64_t i = begin; i < end; i++) {
    const double *a = job->a + i * job->trees;
    for (int64_t j = 0; j < job->columns; j++) {
      const double *b = job->b + j * job->trees;
      int64_t same = 0;
      for (int64_t t = 0; t < job->trees; t++) same += a[t] == b[t];
      job->out[i * job->columns + j] = (double)same / (double)job->trees;
    }
    NEAP_TRY(neap_interrupt_check());
  }
  return NEAP_OK;
}

neap_status neap_forest_proximity(const neap_forest *m, const neap_tensor *a, const neap_tensor *b,
                                  double *out) {
  neap__matrix x, y;
  NEAP_TRY(neap__matrix_of(&x, a, "forest.proximity"));
  NEAP_TRY(neap__matrix_of(&y, b, "forest.proximity"));
  double *leaves = neap_alloc_array((x.rows + y.rows) * m->trees + 1, sizeof *leaves);
  if (!leaves) return NEAP_ENOMEM;
  double *other = leaves + x.rows * m->trees;
  neap_status st = neap_forest_predict(m, a, NEAP_FOREST_LEAF, leaves);
  if (!st) st = neap_forest_predict(m, b, NEAP_FOREST_LEAF, other);
  if (!st)
    st = neap_parallel_for(x.rows, 16, near_chunk,
                           &(near_job){leaves, other, y.rows, m->trees, out});
  neap_free(leaves);
  return st;
}

/* looking -------------------------------------------------------------------------------------- */

int64_t neap_forest_features(const neap_forest *m) { return m->bins.columns; }
int64_t neap_forest_trees(const neap_forest *m) { return m->trees; }
const double *neap_forest_importance(const neap_forest *m) { return m->importance; }

int64_t neap_forest_leaves(const neap_forest *m) {
  int64_t n = 0;
  for (int64_t t = 0; t < m->trees; t++) n += m->tree[t].leaves;
  return n;
}

const int64_t *neap_forest_classes(const neap_forest *m, int64_t *count) {
  *count = m->classes;
  return m->labels;
}

void neap_forest_free(neap_forest *m) {
  if (!m) return;
  for (int64_t t = 0; t < m->trees; t++) neap__forest_tree_drop(&m->tree[t]);
  neap__bins_drop(&m->bins);
  neap_free(m->tree);
  neap_free(m->labels);
  neap_free(m->importance);
  neap_free(m);
}
