/* Prediction. Most models compile into 16-byte nodes: one comparison per level, siblings adjacent,
 * eight walks in flight so that their memory latencies overlap. Rows are taken in blocks of 64, and
 * each tree passes over a whole block while its nodes are in cache. Models with categorical nodes,
 * zero as missing or linear leaves take the plain walk of model.c. Both add the leaves of a row in
 * the order of the trees, so they agree to the last bit. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tree/model.h"

enum { LANES = 8, BLOCK = 64, CHUNK = 512 };

/* Flags of neap__node.what. A leaf has none: it never moves. */
#define SPLITS     ((uint32_t)1 << 31)
#define NAN_LEFT   ((uint32_t)1 << 24)
#define FEATURE(w) ((w) & (NEAP__MAX_FEATURES - 1))

/* compiling ------------------------------------------------------------------------------------ */

static bool compiles(const neap_gbdt *m) {
  for (int64_t i = 0; i < m->trees; i++) {
    const neap__tree *t = m->tree[i];
    if (t->linear) return false;
    for (int32_t k = 0; k < t->leaves - 1; k++) {
      int missing = t->decision[k] & NEAP__MISSING_MASK;
      if (t->decision[k] & NEAP__CATEGORICAL || missing == NEAP__MISSING_ZERO) return false;
    }
  }
  return m->features <= NEAP__MAX_FEATURES;
}

static neap__node leaf_node(const neap__tree *t, int32_t leaf, int64_t at) {
  return (neap__node){.threshold = t->leaf_value[leaf], .child = (int32_t)at};
}

static neap__node split_node(const neap__tree *t, int32_t k, int64_t child) {
  bool nan_left = (t->decision[k] & NEAP__MISSING_MASK) == NEAP__MISSING_NAN
                      ? t->decision[k] & NEAP__DEFAULT_LEFT
                      : 0 <= t->threshold[k];
  return (neap__node){.threshold = t->threshold[k],
                      .child = (int32_t)child,
                      .what = (uint32_t)t->feature[k] | SPLITS | (nan_left ? NAN_LEFT : 0)};
}

/* Breadth first from root: queue[i] is the node or ~leaf that lies at root + i. */
static int64_t compile_tree(const neap__tree *t, neap__node *nodes, int64_t root, int32_t *queue) {
  int64_t used = 1;
  queue[0] = t->leaves > 1 ? 0 : -1;
  for (int64_t i = 0; i < used; i++) {
    int32_t k = queue[i];
    if (k < 0) {
      nodes[root + i] = leaf_node(t, ~k, root + i);
      continue;
    }
    nodes[root + i] = split_node(t, k, root + used);
    queue[used++] = t->left[k];
    queue[used++] = t->right[k];
  }
  return root + used;
}

neap_status neap__gbdt_compile(neap_gbdt *m) {
  if (!compiles(m) || m->trees == 0) return NEAP_OK;
  int64_t total = 0, widest = 0;
  for (int64_t i = 0; i < m->trees; i++) {
    int64_t n = 2 * (int64_t)m->tree[i]->leaves - 1;
    total += n;
    widest = n > widest ? n : widest;
  }
  if (total > INT32_MAX) return NEAP_OK;
  neap__node *nodes = neap_alloc_array(total, sizeof *nodes);
  int32_t *roots = neap_alloc_array(m->trees, sizeof *roots);
  int32_t *queue = neap_alloc_array(widest, sizeof *queue);
  if (nodes && roots && queue) {
    int64_t at = 0;
    for (int64_t i = 0; i < m->trees; i++) {
      roots[i] = (int32_t)at;
      at = compile_tree(m->tree[i], nodes, at, queue);
    }
    m->nodes = nodes;
    m->roots = roots;
    nodes = NULL;
    roots = NULL;
  }
  bool failed = m->nodes == NULL;
  neap_free(queue);
  neap_free(roots);
  neap_free(nodes);
  return failed ? NEAP_ENOMEM : NEAP_OK;
}

/* walking -------------------------------------------------------------------------------------- */

/* Straight code: a branch here would be guessed wrong half of the time. */
static inline int32_t next_node(const neap__node *n, const double *row) {
  double v = row[FEATURE(n->what)];
  uint32_t right = !(v <= n->threshold), missing_left = (uint32_t)(v != v) & (n->what >> 24);
  return n->child + (int32_t)(right & ~missing_left & (n->what >> 31));
}

/* Move eight walks from at[] to their leaves. */
static void walk(const neap__node *nodes, int32_t at[LANES], const double *const row[LANES]) {
  int32_t moved = 1;
  while (moved) {
    moved = 0;
    for (int j = 0; j < LANES; j++) {
      int32_t to = next_node(&nodes[at[j]], row[j]);
      moved |= to ^ at[j];
      at[j] = to;
    }
  }
}

/* raw[n][k] += leaves of the first trees, for n <= BLOCK rows. */
static void add_compiled(const neap_gbdt *m, int64_t trees, const double *const *row, int64_t n,
                         double *raw) {
  int64_t k = m->per_iteration;
  for (int64_t t = 0; t < trees; t++)
    for (int64_t i = 0; i < n; i += LANES) {
      const double *lane[LANES];
      int32_t at[LANES];
      for (int64_t j = 0; j < LANES; j++) {
        lane[j] = row[i + j < n ? i + j : n - 1];
        at[j] = m->roots[t];
      }
      walk(m->nodes, at, lane);
      for (int64_t j = 0; j < LANES && i + j < n; j++)
        raw[(i + j) * k + t % k] += m->nodes[at[j]].threshold;
    }
}

/* The same for one row, eight trees in flight. */
static void add_compiled_row(const neap_gbdt *m, int64_t trees, const double *row, double *raw) {
  int64_t k = m->per_iteration;
  const double *lane[LANES];
  for (int j = 0; j < LANES; j++) lane[j] = row;
  int64_t class = 0;
  for (int64_t t = 0; t < trees; t += LANES) {
    int32_t at[LANES];
    for (int64_t j = 0; j < LANES; j++) at[j] = m->roots[t + j < trees ? t + j : trees - 1];
    walk(m->nodes, at, lane);
    for (int64_t j = 0; j < LANES && t + j < trees; j++) {
      raw[class] += m->nodes[at[j]].threshold;
      class = class + 1 == k ? 0 : class + 1;
    }
  }
}

static void add_plain(const neap_gbdt *m, int64_t trees, const double *row, double *raw) {
  for (int64_t t = 0; t < trees; t++) {
    const neap__tree *tree = m->tree[t];
    raw[t % m->per_iteration] += neap__tree_value(tree, neap__tree_leaf(tree, row), row);
  }
}

/* A random forest's prediction is made of the mean of its trees; its raw score is their sum, as in
 * LightGBM. */
static void average(const neap_gbdt *m, neap_predict_kind kind, int64_t trees, int64_t n,
                    double *raw) {
  if (!m->average || kind == NEAP_PREDICT_RAW || trees == 0) return;
  double iterations = (double)(trees / m->per_iteration);
  for (int64_t i = 0; i < n; i++) raw[i] /= iterations;
}

/* matrices ------------------------------------------------------------------------------------- */

typedef struct {
  const neap_gbdt *m;
  neap__matrix x;
  neap_predict_kind kind;
  int64_t trees, width;
  double *out;
} predict_job;

static void predict_block(const predict_job *job, const double *const *row, int64_t n, double *raw,
                          double *out) {
  const neap_gbdt *m = job->m;
  int64_t k = m->per_iteration;
  if (job->kind == NEAP_PREDICT_LEAF) {
    for (int64_t i = 0; i < n; i++)
      for (int64_t t = 0; t < job->trees; t++)
        out[i * job->width + t] = neap__tree_leaf(m->tree[t], row[i]);
    return;
  }
  memset(raw, 0, (size_t)(n * k) * sizeof *raw);
  if (m->nodes) add_compiled(m, job->trees, row, n, raw);
  else
    for (int64_t i = 0; i < n; i++) add_plain(m, job->trees, row[i], raw + i * k);
  average(m, job->kind, job->trees, n * k, raw);
  for (int64_t i = 0; i < n; i++)
    neap__gbdt_transform(m, job->kind, raw + i * k, out + i * job->width);
}

/* Rows of doubles side by side are read where they lie; anything else is copied block by block. */
static neap_status predict_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const predict_job *job = ctx;
  const neap__matrix *x = &job->x;
  bool direct = !x->f32 && x->column_stride == 1;
  int64_t f = x->columns;
  double *raw = neap_alloc_array(BLOCK * job->m->per_iteration, sizeof *raw);
  double *copy = raw && !direct ? neap_alloc_array(BLOCK * f, sizeof *copy) : NULL;
  neap_status st = raw && (direct || copy) ? NEAP_OK : NEAP_ENOMEM;
  for (int64_t i = begin; !st && i < end; i += BLOCK) {
    int64_t n = end - i < BLOCK ? end - i : BLOCK;
    const double *row[BLOCK];
    for (int64_t j = 0; j < n; j++)
      row[j] =
          direct ? (const double *)(const void *)x->data + (i + j) * x->row_stride : copy + j * f;
    for (int64_t j = 0; !direct && j < n; j++)
      for (int64_t c = 0; c < f; c++) copy[j * f + c] = neap__matrix_get(x, i + j, c);
    predict_block(job, row, n, raw, job->out + i * job->width);
    st = neap_interrupt_check();
  }
  neap_free(copy);
  neap_free(raw);
  return st;
}

static int64_t trees_of(const neap_gbdt *m, int64_t iterations) {
  int64_t all = neap_gbdt_iterations(m);
  return (iterations <= 0 || iterations > all ? all : iterations) * m->per_iteration;
}

int64_t neap_gbdt_width(const neap_gbdt *m, neap_predict_kind kind, int64_t iterations) {
  switch (kind) {
  case NEAP_PREDICT_RAW: return m->per_iteration;
  case NEAP_PREDICT_LEAF: return trees_of(m, iterations);
  case NEAP_PREDICT_PROBABILITY: return m->class_count;
  default: return neap_gbdt_is_classifier(m) ? 1 : m->per_iteration;
  }
}

neap_status neap_gbdt_predict(const neap_gbdt *m, const neap_tensor *x, neap_predict_kind kind,
                              int64_t iterations, double *out) {
  predict_job job = {.m = m, .kind = kind, .trees = trees_of(m, iterations), .out = out};
  NEAP_TRY(neap__matrix_of(&job.x, x, "gbdt.predict"));
  if (job.x.columns != m->features)
    return neap_fail(NEAP_ESHAPE, "gbdt.predict: x has %lld features, the model was fitted on %lld",
                     (long long)job.x.columns, (long long)m->features);
  if (kind == NEAP_PREDICT_PROBABILITY && !neap_gbdt_is_classifier(m))
    return neap_fail(NEAP_EARG, "gbdt.predict_proba: the objective '%s' has no classes",
                     m->objective_text);
  job.width = neap_gbdt_width(m, kind, iterations);
  return neap_parallel_for(job.x.rows, CHUNK, predict_chunk, &job);
}

void neap_gbdt_predict_row(const neap_gbdt *m, const double *row, neap_predict_kind kind,
                           double *out) {
  int64_t k = m->per_iteration;
  for (int64_t i = 0; i < k; i++) out[i] = 0;
  if (m->nodes) add_compiled_row(m, m->trees, row, out);
  else add_plain(m, m->trees, row, out);
  average(m, kind, m->trees, k, out);
  neap__gbdt_transform(m, kind, out, out);
}

/* the feature matrix --------------------------------------------------------------------------- */

neap_status neap__matrix_of(neap__matrix *out, const neap_tensor *x, const char *what) {
  char shape[128];
  if (x->ndim != 2)
    return neap_fail(NEAP_ESHAPE, "%s: x must be rows by features, got shape %s", what,
                     neap_shape_text(x, shape, sizeof shape));
  if (!neap_dtype_is_float(x->dtype))
    return neap_fail(NEAP_EDTYPE, "%s: x must be f64 or f32, got %s", what,
                     neap_dtype_name(x->dtype));
  *out = (neap__matrix){.data = neap_tensor_data(x),
                        .f32 = x->dtype == NEAP_F32,
                        .rows = x->size[0],
                        .columns = x->size[1],
                        .row_stride = x->stride[0],
                        .column_stride = x->stride[1]};
  return NEAP_OK;
}

void neap__matrix_column(const neap__matrix *m, int64_t column, int64_t begin, int64_t n,
                         double *out) {
  int64_t at = begin * m->row_stride + column * m->column_stride, step = m->row_stride;
  if (m->f32) {
    const float *p = (const float *)(const void *)m->data + at;
    for (int64_t i = 0; i < n; i++) out[i] = (double)p[i * step];
  } else {
    const double *p = (const double *)(const void *)m->data + at;
    for (int64_t i = 0; i < n; i++) out[i] = p[i * step];
  }
}
