/* Shapley values of matrices: chunks of rows in parallel; in each chunk tree after tree is made
 * ready and walked by eight rows at a time. */
#include "tree/shap.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "tree/shap_walk.h"

enum { LANES = NEAP__LANES, CHUNK = 256, PAIR_CHUNK = 64 };

typedef struct {
  const neap_gbdt *m;
  const char *what;
  neap__matrix x;
  neap__shap_walk walk;
  int64_t trees;
  bool pairs;
  double *out;
} shap_job;

/* What a chunk needs: rows in groups of eight, and sums per group and class. */
typedef struct {
  int64_t groups, cell, pair_cell; /* sums of one group and class */
  double *x, *phi, *pairs, *expected;
} work;

static void work_drop(work *w) {
  neap_free(w->x);
  neap_free(w->phi);
  neap_free(w->pairs);
  neap_free(w->expected);
}

static neap_status work_init(work *w, const shap_job *job, int64_t rows) {
  int64_t features = job->m->features, classes = job->m->per_iteration;
  *w = (work){.groups = (rows + LANES - 1) / LANES,
              .cell = features * LANES,
              .pair_cell = features * features * LANES};
  size_t group = (size_t)w->cell * sizeof(double), pair = (size_t)w->pair_cell * sizeof(double);
  w->x = neap_alloc_array(w->groups, group);
  w->phi = neap_calloc_array(w->groups * classes, group);
  w->expected = neap_calloc_array(classes, sizeof(double));
  if (job->pairs) w->pairs = neap_calloc_array(w->groups * classes, pair);
  bool there = w->x && w->phi && w->expected && (w->pairs || !job->pairs);
  return there ? NEAP_OK : NEAP_ENOMEM;
}

/* Lanes past the last row repeat it. */
static void read_rows(const work *w, const neap__matrix *x, int64_t begin, int64_t end) {
  for (int64_t g = 0; g < w->groups; g++)
    for (int64_t j = 0; j < LANES; j++) {
      int64_t row = begin + g * LANES + j;
      double *to = w->x + g * w->cell + j;
      for (int64_t f = 0; f < x->columns; f++)
        to[f * LANES] = neap__matrix_get(x, row < end ? row : end - 1, f);
    }
}

/* Add a tree to the sums of its class. */
static neap_status add_tree(const shap_job *job, const work *w, int64_t which) {
  int64_t classes = job->m->per_iteration, class = which % classes;
  neap__shap_tree s;
  neap__shap_room room = {0};
  neap_status st = neap__shap_tree_init(&s, job->m->tree[which], job->m->features, job->pairs);
  if (!st) st = neap__shap_room_init(&room, &s);
  for (int64_t g = 0; !st && g < w->groups; g++) {
    int64_t at = g * classes + class;
    job->walk(&s, w->x + g * w->cell, &room, w->phi + at * w->cell,
              job->pairs ? w->pairs + at * w->pair_cell : NULL);
    st = neap_interrupt_check();
  }
  w->expected[class] += s.expected;
  neap__shap_room_drop(&room);
  neap__shap_tree_drop(&s);
  return st;
}

static void write_shares(const double *phi, int64_t features, double expected, double *out) {
  for (int64_t f = 0; f < features; f++) out[f] = phi[f * LANES];
  out[features] = expected;
}

/* The sums are of both orders of a pair and lack the half; the diagonal is what remains. */
static void write_pairs(const double *phi, const double *pairs, int64_t features, double expected,
                        double *out) {
  int64_t width = features + 1;
  for (int64_t i = 0; i < width * width; i++) out[i] = 0;
  for (int64_t i = 0; i < features; i++) {
    double rest = phi[i * LANES];
    for (int64_t k = 0; k < features; k++) {
      if (k == i) continue;
      double v = (pairs[(i * features + k) * LANES] + pairs[(k * features + i) * LANES]) / 2;
      out[i * width + k] = v;
      rest -= v;
    }
    out[i * width + i] = rest;
  }
  out[width * width - 1] = expected;
}

static void write_rows(const shap_job *job, const work *w, int64_t begin, int64_t end) {
  int64_t classes = job->m->per_iteration, features = job->m->features, width = features + 1;
  int64_t size = job->pairs ? width * width : width;
  for (int64_t row = begin; row < end; row++)
    for (int64_t k = 0; k < classes; k++) {
      int64_t at = (row - begin) / LANES * classes + k, lane = (row - begin) % LANES;
      const double *phi = w->phi + at * w->cell + lane;
      double *out = job->out + (row * classes + k) * size;
      if (job->pairs)
        write_pairs(phi, w->pairs + at * w->pair_cell + lane, features, w->expected[k], out);
      else write_shares(phi, features, w->expected[k], out);
    }
}

static neap_status shap_chunk(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const shap_job *job = ctx;
  work w;
  neap_status st = work_init(&w, job, end - begin);
  if (!st) read_rows(&w, &job->x, begin, end);
  for (int64_t t = 0; !st && t < job->trees; t++) st = add_tree(job, &w, t);
  if (!st) write_rows(job, &w, begin, end);
  work_drop(&w);
  return st;
}

static neap_status check(shap_job *job, int64_t iterations) {
  const neap_gbdt *m = job->m;
  int64_t made = neap_gbdt_iterations(m);
  if (job->x.columns != m->features)
    return neap_fail(NEAP_ESHAPE, "%s: x has %lld features, the model was fitted on %lld",
                     job->what, (long long)job->x.columns, (long long)m->features);
  job->trees = (iterations <= 0 || iterations > made ? made : iterations) * m->per_iteration;
  for (int64_t t = 0; t < job->trees; t++) {
    if (m->tree[t]->linear)
      return neap_fail(NEAP_EARG,
                       "%s: tree %lld has linear leaves, whose inputs would share in the value; "
                       "fit with linear_tree = false to explain",
                       job->what, (long long)t + 1);
    NEAP_TRY(neap__shap_check(job->what, m->tree[t], t));
  }
  return NEAP_OK;
}

static neap_status explain(shap_job job, const neap_tensor *x, int64_t iterations) {
  NEAP_TRY(neap__matrix_of(&job.x, x, job.what));
  NEAP_TRY(check(&job, iterations));
  NEAP_TRY(neap__shap_walk_select(&job.walk));
  return neap_parallel_for(job.x.rows, job.pairs ? PAIR_CHUNK : CHUNK, shap_chunk, &job);
}

neap_status neap_gbdt_shap(const neap_gbdt *m, const neap_tensor *x, int64_t iterations,
                           double *out) {
  return explain((shap_job){.m = m, .what = "gbdt.shap", .out = out}, x, iterations);
}

neap_status neap_gbdt_shap_interactions(const neap_gbdt *m, const neap_tensor *x,
                                        int64_t iterations, double *out) {
  shap_job job = {.m = m, .what = "gbdt.shap_interactions", .pairs = true, .out = out};
  return explain(job, x, iterations);
}
