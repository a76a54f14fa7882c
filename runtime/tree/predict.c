/* Prediction: rows in blocks of 512 that are followed as sets, and rows alone that walk. Both add
 * the leaves of a row in the order of the trees, as the plain walk of model.c does, so all agree to
 * the last bit. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tree/compiled.h"

enum {
  FEW = 48,    /* fewer rows than this walk one by one */
  CHUNK = 2048 /* rows that share a scratch */
};

typedef struct {
  const neap_gbdt *m;
  neap__matrix x;
  neap_predict_kind kind;
  int64_t from, to; /* trees */
  int64_t period;   /* trees between two looks at the margin; 0: no early end */
  double margin;
  double *scores; /* NULL, or where sums begin and end */
  int64_t width;
  double *out;
} predict_job;

/* one row -------------------------------------------------------------------------------------- */

/* Where the results of a row go: raw[class * apart], or leaf[tree]. */
typedef struct {
  const double *row;
  double *raw, *leaf;
  int64_t apart;
  bool stopped;
} row_sums;

/* How far the score is from another label, as LightGBM measures it: twice the distance from 0 of
 * two classes, the distance of the best score from the next of several. */
static double margin_of(const neap_gbdt *m, const double *raw, int64_t apart) {
  if (m->per_iteration == 1) return 2 * fabs(raw[0]);
  double first = -HUGE_VAL, second = -HUGE_VAL;
  for (int64_t k = 0; k < m->per_iteration; k++) {
    double v = raw[k * apart];
    second = v > first ? first : v > second ? v : second;
    first = v > first ? v : first;
  }
  return first - second;
}

static bool is_sure(const predict_job *job, int64_t tree, const double *raw, int64_t apart) {
  return job->period && (tree + 1 - job->from) % job->period == 0 &&
         margin_of(job->m, raw, apart) > job->margin;
}

static inline void add_value(const predict_job *job, int64_t tree, double value, row_sums *r) {
  int64_t classes = job->m->per_iteration;
  r->raw[classes > 1 ? tree % classes * r->apart : 0] += value;
}

static void add_leaf(const predict_job *job, int64_t tree, int32_t leaf, row_sums *r) {
  if (r->leaf) {
    r->leaf[tree - job->from] = leaf;
    return;
  }
  add_value(job, tree, neap__tree_value(job->m->tree[tree], leaf, r->row), r);
  r->stopped = is_sure(job, tree, r->raw, r->apart);
}

static void add_plain(const predict_job *job, int64_t from, int64_t to, row_sums *r) {
  for (int64_t t = from; t < to && !r->stopped; t++)
    add_leaf(job, t, neap__tree_leaf(job->m->tree[t], r->row), r);
}

static void add_walked(const predict_job *job, const neap__segment *s, int64_t from, int64_t to,
                       row_sums *r) {
  const struct neap__compiled *c = job->m->compiled;
  const neap__mask_loops *loops = c->loops;
  bool simple = !r->leaf && !c->linear && !job->period;
  neap__row row;
  loops->prepare(s, r->row, &row);
  for (int64_t t = from; t < to && !r->stopped; t += NEAP__WALKS) {
    int32_t at[NEAP__WALKS];
    int64_t n = to - t < NEAP__WALKS ? to - t : NEAP__WALKS;
    loops->walk(s, &row, t - s->tree, n, at);
    if (simple)
      for (int64_t j = 0; j < n; j++) add_value(job, t + j, s->result[at[j]], r);
    for (int64_t j = 0; !simple && j < n && !r->stopped; j++)
      add_leaf(job, t + j, s->program[t + j - s->tree].leaf[s->step[at[j]].code], r);
  }
}

static void add_row(const predict_job *job, const neap__segment *s, row_sums *r) {
  int64_t from = s->tree > job->from ? s->tree : job->from;
  int64_t to = s->tree + s->trees < job->to ? s->tree + s->trees : job->to;
  if (s->plain) add_plain(job, from, to, r);
  else if (from < to) add_walked(job, s, from, to, r);
}

/* A random forest's prediction is made of the mean of its trees; its raw score is their sum, as in
 * LightGBM. */
static void average(const predict_job *job, double *raw) {
  const neap_gbdt *m = job->m;
  if (!m->average || job->kind == NEAP_PREDICT_RAW || job->to == job->from) return;
  int64_t trees = job->scores ? job->to : job->to - job->from;
  double iterations = (double)(trees / m->per_iteration);
  for (int64_t k = 0; k < m->per_iteration; k++) raw[k] /= iterations;
}

/* blocks of rows ------------------------------------------------------------------------------- */

typedef struct {
  neap__rows *masks, *category, *sets;
  neap__rows plane[NEAP__PLANES];
  uint8_t low[NEAP__BLOCK], high[NEAP__BLOCK];
  double *raw;  /* [classes][BLOCK] */
  double *kept; /* the same: scores of rows that have stopped */
  double *rows; /* [BLOCK][features] where rows are not doubles side by side */
  double *one;  /* [classes] */
  bool stopped[NEAP__BLOCK];
  int64_t begin, n, running;
} block;

/* n values of a feature from row begin on, as they are; up to 64. */
static void fetch(const neap__matrix *x, int64_t feature, int64_t begin, int64_t n, void *values) {
  int64_t at = begin * x->row_stride + feature * x->column_stride, step = x->row_stride;
  if (x->f32) {
    const float *p = (const float *)(const void *)x->data + at;
    float *out = values;
    for (int64_t i = 0; i < n; i++) out[i] = p[i * step];
  } else {
    const double *p = (const double *)(const void *)x->data + at;
    double *out = values;
    for (int64_t i = 0; i < n; i++) out[i] = p[i * step];
  }
}

static void ask_numbers(const predict_job *job, const neap__segment *s, block *b) {
  const neap__mask_loops *loops = job->m->compiled->loops;
  double values[64] = {0};
  neap__rows planes[8] = {{0}}, missing = {0};
  for (int64_t k = 0; k < s->columns; k++) {
    const neap__column *c = &s->column[k];
    uint64_t some = 0;
    for (int64_t i = 0; i < b->n; i += 64) {
      fetch(&job->x, c->feature, b->begin + i, b->n - i < 64 ? b->n - i : 64, values);
      missing[i / 64] = loops->rank(c, values, job->x.f32, (uint64_t *)planes + i / 64);
      some |= missing[i / 64];
    }
    loops->spread(c, planes, b->masks + c->first);
    if (!some || !c->sided) continue;
    for (int64_t q = c->first; q < c->first + c->count; q++)
      if (s->question[q].right) b->masks[q] |= missing;
  }
}

/* The mask of a value, or -1: it is in no set. What is above -1 is category 0. */
static int32_t mask_of(const neap__category *c, double v) {
  if (v != v) return c->missing;
  if (!(v > -1 && v < 0x1p31)) return -1;
  int32_t code = (int32_t)v;
  return code < c->codes ? c->mask[code] : -1;
}

/* Which rows are in a set that lists no categories. */
static void ask_rows(const predict_job *job, const neap__question *q, const block *b,
                     neap__rows *out) {
  neap__rows left = {0};
  for (int64_t i = 0; i < b->n; i++) {
    double v = neap__matrix_get(&job->x, b->begin + i, q->feature);
    left[i / 64] |= (uint64_t)!neap__question_answer(q, v) << (i % 64);
  }
  *out = left;
}

/* A row is in the mask of its category; a set is the union of its categories. */
static void ask_categories(const predict_job *job, const neap__segment *s, block *b) {
  memset(b->category, 0, (size_t)s->masks * sizeof *b->category);
  for (int64_t k = 0; k < s->categories; k++) {
    const neap__category *c = &s->category[k];
    for (int64_t i = 0; i < b->n; i++) {
      int32_t mask = mask_of(c, neap__matrix_get(&job->x, b->begin + i, c->feature));
      if (mask >= 0) b->category[mask][i / 64] |= (uint64_t)1 << (i % 64);
    }
  }
  int64_t at = 0;
  neap__rows *out = b->masks + s->questions - s->sets;
  for (int64_t k = 0; k < s->sets; k++) {
    neap__rows left = {0};
    if (at == s->list_until[k]) ask_rows(job, &s->question[s->questions - s->sets + k], b, &left);
    for (; at < s->list_until[k]; at++) left |= b->category[s->list[at]];
    out[k] = ~left;
  }
}

static const double *row_at(const predict_job *job, block *b, int64_t i) {
  const neap__matrix *x = &job->x;
  if (!b->rows) return (const double *)(const void *)x->data + (b->begin + i) * x->row_stride;
  return b->rows + i * x->columns;
}

static int32_t code_at(const neap__program *p, const block *b, int64_t i) {
  return p->planes > 8 ? b->low[i] | b->high[i] << 8 : b->low[i];
}

/* Rows that are sure of their label keep the score that they have. */
static void stop_rows(const predict_job *job, int64_t tree, block *b) {
  if (!job->period || (tree + 1 - job->from) % job->period) return;
  for (int64_t i = 0; i < b->n; i++) {
    if (b->stopped[i] || !is_sure(job, tree, b->raw + i, NEAP__BLOCK)) continue;
    b->stopped[i] = true;
    b->running--;
    for (int64_t k = 0; k < job->m->per_iteration; k++)
      b->kept[k * NEAP__BLOCK + i] = b->raw[k * NEAP__BLOCK + i];
  }
}

static void add_codes(const predict_job *job, int64_t tree, const neap__program *p, block *b) {
  const neap_gbdt *m = job->m;
  double *raw = b->raw + tree % m->per_iteration * NEAP__BLOCK;
  if (job->kind == NEAP_PREDICT_LEAF)
    for (int64_t i = 0; i < b->n; i++)
      job->out[(b->begin + i) * job->width + tree - job->from] = p->leaf[code_at(p, b, i)];
  else if (m->tree[tree]->linear)
    for (int64_t i = 0; i < b->n; i++)
      raw[i] += neap__tree_value(m->tree[tree], p->leaf[code_at(p, b, i)], row_at(job, b, i));
  else job->m->compiled->loops->add(p, b->low, b->high, raw);
}

static neap_status follow_trees(const predict_job *job, const neap__segment *s, block *b) {
  int64_t from = s->tree > job->from ? s->tree : job->from;
  int64_t to = s->tree + s->trees < job->to ? s->tree + s->trees : job->to;
  if (from >= to) return NEAP_OK;
  ask_numbers(job, s, b);
  if (s->sets) ask_categories(job, s, b);
  for (int64_t t = from; t < to && b->running; t++) {
    const neap__program *p = &s->program[t - s->tree];
    job->m->compiled->loops->follow(p, b->masks, b->sets, b->plane);
    job->m->compiled->loops->codes(p->planes, b->plane, b->low, b->high);
    add_codes(job, t, p, b);
    stop_rows(job, t, b);
    if (t % 256 == 255) NEAP_TRY(neap_interrupt_check());
  }
  return NEAP_OK;
}

static neap_status walk_rows(const predict_job *job, const neap__segment *s, block *b) {
  for (int64_t i = 0; i < b->n; i++) {
    if (i % 16 == 15) NEAP_TRY(neap_interrupt_check());
    if (b->stopped[i]) continue;
    row_sums r = {.row = row_at(job, b, i), .raw = b->raw + i, .apart = NEAP__BLOCK};
    if (job->kind == NEAP_PREDICT_LEAF) r.leaf = job->out + (b->begin + i) * job->width;
    add_row(job, s, &r);
    if (!r.stopped) continue;
    b->stopped[i] = true;
    b->running--;
    for (int64_t k = 0; k < job->m->per_iteration; k++)
      b->kept[k * NEAP__BLOCK + i] = b->raw[k * NEAP__BLOCK + i];
  }
  return NEAP_OK;
}

static void finish_rows(const predict_job *job, block *b) {
  const neap_gbdt *m = job->m;
  for (int64_t i = 0; i < b->n; i++) {
    const double *from = b->stopped[i] ? b->kept : b->raw;
    for (int64_t k = 0; k < m->per_iteration; k++) b->one[k] = from[k * NEAP__BLOCK + i];
    if (job->scores)
      memcpy(job->scores + (b->begin + i) * m->per_iteration, b->one,
             (size_t)m->per_iteration * sizeof *b->one);
    average(job, b->one);
    neap__gbdt_transform(m, job->kind, b->one, job->out + (b->begin + i) * job->width);
  }
}

static neap_status predict_block(const predict_job *job, block *b) {
  const neap_gbdt *m = job->m;
  const struct neap__compiled *c = m->compiled;
  memset(b->raw, 0, (size_t)m->per_iteration * NEAP__BLOCK * sizeof *b->raw);
  for (int64_t i = 0; job->scores && i < b->n; i++)
    for (int64_t k = 0; k < m->per_iteration; k++)
      b->raw[k * NEAP__BLOCK + i] = job->scores[(b->begin + i) * m->per_iteration + k];
  memset(b->stopped, 0, sizeof b->stopped);
  b->running = b->n;
  for (int64_t i = 0; b->rows && i < b->n; i++)
    for (int64_t f = 0; f < job->x.columns; f++)
      b->rows[i * job->x.columns + f] = neap__matrix_get(&job->x, b->begin + i, f);
  for (int64_t k = 0; k < c->segments && b->running; k++) {
    const neap__segment *s = &c->segment[k];
    NEAP_TRY(s->masked && b->n >= FEW ? follow_trees(job, s, b) : walk_rows(job, s, b));
  }
  if (job->kind != NEAP_PREDICT_LEAF) finish_rows(job, b);
  return neap_interrupt_check();
}

/* Whether rows must be copied: they are not doubles side by side, and something reads them whole.
 */
static bool copies_rows(const predict_job *job, int64_t rows) {
  const struct neap__compiled *c = job->m->compiled;
  bool walks = c->linear || rows % NEAP__BLOCK < FEW;
  for (int64_t k = 0; k < c->segments; k++) walks = walks || !c->segment[k].masked;
  return walks && (job->x.f32 || job->x.column_stride != 1);
}

static void drop_block(block *b) {
  if (!b) return;
  neap_free(b->masks);
  neap_free(b->raw);
  neap_free(b->rows);
  neap_free(b);
}

static block *new_block(const predict_job *job, int64_t rows) {
  const struct neap__compiled *c = job->m->compiled;
  int64_t classes = job->m->per_iteration;
  int64_t masks = rows < FEW ? 0 : c->most_questions + c->most_masks + 2 * c->most_leaves;
  block *b = neap_calloc_array(1, sizeof *b);
  if (!b) return NULL;
  b->masks = neap_alloc_array(masks, sizeof *b->masks);
  b->raw = neap_alloc_array((2 * NEAP__BLOCK + 1) * classes, sizeof *b->raw);
  bool copies = copies_rows(job, rows);
  if (copies) b->rows = neap_alloc_array(NEAP__BLOCK * job->x.columns, sizeof *b->rows);
  if (!b->masks || !b->raw || (copies && !b->rows)) {
    drop_block(b);
    return NULL;
  }
  b->category = b->masks + c->most_questions;
  b->sets = b->category + c->most_masks;
  b->kept = b->raw + NEAP__BLOCK * classes;
  b->one = b->kept + NEAP__BLOCK * classes;
  return b;
}

static neap_status predict_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const predict_job *job = ctx;
  block *b = new_block(job, end - begin);
  neap_status st = b ? NEAP_OK : NEAP_ENOMEM;
  for (b ? (b->begin = begin) : 0; !st && b->begin < end; b->begin += NEAP__BLOCK) {
    b->n = end - b->begin < NEAP__BLOCK ? end - b->begin : NEAP__BLOCK;
    st = predict_block(job, b);
  }
  drop_block(b);
  return st;
}

/* models --------------------------------------------------------------------------------------- */

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
  neap_predict_options o = {.iterations = iterations};
  return neap_gbdt_predict_with(m, x, kind, &o, out);
}

static neap_status check_options(const neap_gbdt *m, const neap_predict_options *o) {
  int64_t all = neap_gbdt_iterations(m);
  if (o->start < 0 || (o->start > 0 && o->start >= all))
    return neap_fail(NEAP_EARG,
                     "gbdt.predict: start_iteration is %lld, the model has %lld iterations",
                     (long long)o->start, (long long)all);
  if (o->stop_freq < 0 || (o->stop_freq > 0 && !(o->stop_margin >= 0)))
    return neap_fail(NEAP_EARG,
                     "gbdt.predict: pred_early_stop_freq is %lld and pred_early_stop_margin %g; "
                     "they cannot be negative",
                     (long long)o->stop_freq, o->stop_margin);
  if (o->stop_freq > 0 && !neap_gbdt_is_classifier(m))
    return neap_fail(NEAP_EARG,
                     "gbdt.predict: pred_early_stop is for classes; the objective is '%s'",
                     m->objective_text);
  return NEAP_OK;
}

neap_status neap_gbdt_predict_with(const neap_gbdt *m, const neap_tensor *x, neap_predict_kind kind,
                                   const neap_predict_options *o, double *out) {
  NEAP_TRY(check_options(m, o));
  int64_t k = m->per_iteration, all = neap_gbdt_iterations(m), from = o->start * k;
  bool part = o->iterations > 0 && o->iterations < all - o->start;
  int64_t to = part ? from + o->iterations * k : m->trees;
  predict_job job = {.m = m,
                     .kind = kind,
                     .from = from,
                     .to = to,
                     .period = (o->stop_freq < all ? o->stop_freq : all) * k,
                     .margin = o->stop_margin,
                     .scores = o->scores,
                     .out = out};
  NEAP_TRY(neap__matrix_of(&job.x, x, "gbdt.predict"));
  if (job.x.columns != m->features)
    return neap_fail(NEAP_ESHAPE, "gbdt.predict: x has %lld features, the model was fitted on %lld",
                     (long long)job.x.columns, (long long)m->features);
  if (kind == NEAP_PREDICT_PROBABILITY && !neap_gbdt_is_classifier(m))
    return neap_fail(NEAP_EARG, "gbdt.predict_proba: the objective '%s' has no classes",
                     m->objective_text);
  job.width = kind == NEAP_PREDICT_LEAF ? to - from : neap_gbdt_width(m, kind, 0);
  return neap_parallel_for(job.x.rows, CHUNK, predict_chunk, &job);
}

void neap_gbdt_predict_row(const neap_gbdt *m, const double *row, neap_predict_kind kind,
                           double *out) {
  predict_job job = {.m = m, .kind = kind, .to = m->trees};
  row_sums r = {.row = row, .raw = out, .apart = 1};
  for (int64_t k = 0; k < m->per_iteration; k++) out[k] = 0;
  for (int64_t k = 0; k < m->compiled->segments; k++) add_row(&job, &m->compiled->segment[k], &r);
  average(&job, out);
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
