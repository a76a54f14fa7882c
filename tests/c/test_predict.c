#include "check.h"

#include <pthread.h>
#include <stdio.h>

#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "tree/compiled.h"

/* random models -------------------------------------------------------------------------------- */

typedef struct {
  int64_t features, classes, trees, leaves; /* leaves: the most of a tree */
  int cuts;                                 /* thresholds to choose from; 0: any number */
  bool categories, zeros, linear;
  bool close;  /* thresholds that are one and the same as floats */
  bool broken; /* some thresholds are NaN */
} shape;

static int64_t below(neap_rng *r, int64_t n) { return (int64_t)neap_rng_below(r, (uint64_t)n); }

static double threshold(neap_rng *r, const shape *s, int64_t feature) {
  const double odd[] = {0, -0.0, 1e300, -1e300, 1e-36, INFINITY};
  if (s->broken && below(r, 9) == 0) return NAN;
  if (s->close) return 1 + (double)below(r, 40) * 1e-12;
  if (below(r, 40) == 0) return odd[below(r, 6)];
  if (!s->cuts) return neap_rng_normal(r);
  return (double)(below(r, s->cuts) - s->cuts / 2) / 7 + 0.01 * (double)(feature % 3);
}

enum { SET_WORDS = 3 };

static bool is_category(const shape *s, int64_t feature) {
  return s->categories && feature % 3 == 1;
}

static void set_node(neap__tree *t, int32_t k, neap_rng *r, const shape *s) {
  int64_t feature = below(r, s->features);
  t->feature[k] = (int32_t)feature;
  t->gain[k] = 1;
  if (is_category(s, feature)) {
    int side = below(r, 2) ? NEAP__DEFAULT_LEFT : 0;
    t->decision[k] = (uint8_t)(NEAP__CATEGORICAL | NEAP__MISSING_NAN | side);
    t->threshold[k] = k;
    for (int w = 0; w < SET_WORDS; w++) /* some sets are empty, some end early */
      t->cat_bits[t->cat_boundary[k] + w] = below(r, 3) ? (uint32_t)neap_rng_bits(r) : 0;
    return;
  }
  int missing = s->zeros ? 4 * (int)below(r, 4) : feature % 2 ? NEAP__MISSING_NAN : 0;
  t->decision[k] = (uint8_t)(missing | (below(r, 2) ? NEAP__DEFAULT_LEFT : 0));
  t->threshold[k] = threshold(r, s, feature);
}

/* Node k splits a random leaf; the left side keeps its number. */
static void grow(neap__tree *t, neap_rng *r, const shape *s) {
  int32_t *parent = neap_calloc_array(t->leaves, sizeof *parent);
  for (int32_t k = 0; k < t->leaves - 1; k++) {
    int32_t leaf = (int32_t)below(r, k + 1), fresh = k + 1;
    if (k > 0) {
      int32_t up = parent[leaf];
      *(t->left[up] == ~leaf ? &t->left[up] : &t->right[up]) = k;
    }
    t->left[k] = ~leaf;
    t->right[k] = ~fresh;
    parent[leaf] = parent[fresh] = k;
    set_node(t, k, r, s);
  }
  neap_free(parent);
}

static neap__tree *random_tree(neap_rng *r, const shape *s) {
  int64_t leaves = below(r, 4) ? s->leaves : 1 + below(r, s->leaves), cats = leaves - 1;
  int64_t lines = s->linear ? 2 * leaves : 0;
  neap__tree *t = neap__tree_new(leaves, cats, cats * SET_WORDS, s->linear, lines);
  for (int64_t k = 0; k <= cats && cats; k++) t->cat_boundary[k] = (int32_t)(k * SET_WORDS);
  grow(t, r, s);
  for (int64_t l = 0; l < leaves; l++) t->leaf_value[l] = neap_rng_normal(r);
  for (int64_t l = 0; s->linear && l < leaves; l++) {
    t->leaf_const[l] = neap_rng_normal(r);
    t->leaf_start[l + 1] = (int32_t)(2 * l + 2);
  }
  for (int64_t i = 0; i < lines; i++) {
    t->leaf_coeff[i] = neap_rng_normal(r);
    t->leaf_feature[i] = (int32_t)below(r, s->features);
  }
  return t;
}

static neap_gbdt *random_model(uint64_t seed, shape s) {
  neap_rng r = neap_rng_make(seed);
  neap_gbdt *m;
  char text[64];
  snprintf(text, sizeof text, s.classes > 1 ? "multiclass num_class:%d" : "binary sigmoid:%d",
           (int)s.classes);
  assert_ok(neap__gbdt_new(&m, s.features, text, s.classes));
  for (int64_t t = 0; t < s.trees * s.classes; t++)
    assert_ok(neap__gbdt_append(m, random_tree(&r, &s)));
  assert_ok(neap__gbdt_compile(m));
  return m;
}

/* A value near what the model asks: often a threshold, or the next number on either side. */
static double value_for(neap_rng *r, const shape *s, int64_t feature) {
  const double odd[] = {0, -0.0, 1e-36, -1e-36, 1e300, -1e300, INFINITY, -INFINITY, NAN, 3e38};
  const double codes[] = {-1, -0.5, 0, 95, 96, 1e9, 0x1p31, 1e300, NAN, INFINITY, 31.9, -1e-9};
  if (is_category(s, feature)) return below(r, 4) ? (double)below(r, 100) : codes[below(r, 12)];
  if (below(r, 6) == 0) return odd[below(r, 10)];
  double v = threshold(r, s, feature);
  int64_t side = below(r, 6);
  if (side < 2) return nextafter(v, side ? INFINITY : -INFINITY);
  return side == 2 ? v + neap_rng_normal(r) : v;
}

static void random_rows(neap_tensor *x, uint64_t seed, int64_t n, const shape *s) {
  neap_rng r = neap_rng_make(seed);
  assert_ok(neap_tensor_init(x, NEAP_F64, 2, (int64_t[]){n, s->features}));
  double *v = neap_tensor_data(x);
  for (int64_t i = 0; i < n * s->features; i++) v[i] = value_for(&r, s, i % s->features);
}

/* the plain walk against everything ------------------------------------------------------------ */

static void plain_raw(const neap_gbdt *m, const double *row, double *raw) {
  for (int64_t k = 0; k < m->per_iteration; k++) raw[k] = 0;
  for (int64_t t = 0; t < m->trees; t++)
    raw[t % m->per_iteration] +=
        neap__tree_value(m->tree[t], neap__tree_leaf(m->tree[t], row), row);
}

static bool same_bits(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static void check_batch(const neap_gbdt *m, const neap_tensor *x, const double *rows) {
  int64_t n = x->size[0], k = m->per_iteration, f = m->features;
  double *got = neap_alloc_array(n * (m->trees + k), sizeof *got), *leaf = got + n * k;
  double *want = neap_alloc_array(k, sizeof *want);
  assert_ok(neap_gbdt_predict(m, x, NEAP_PREDICT_RAW, 0, got));
  assert_ok(neap_gbdt_predict(m, x, NEAP_PREDICT_LEAF, 0, leaf));
  for (int64_t i = 0; i < n; i++) {
    plain_raw(m, rows + i * f, want);
    for (int64_t j = 0; j < k; j++)
      if (!same_bits(got[i * k + j], want[j]))
        fail_msg("row %d class %d is %.17g, expected %.17g", (int)i, (int)j, got[i * k + j],
                 want[j]);
    for (int64_t t = 0; t < m->trees; t++)
      assert_int_equal((int)leaf[i * m->trees + t], neap__tree_leaf(m->tree[t], rows + i * f));
  }
  neap_free(want);
  neap_free(got);
}

/* What a walk does not set is not zero by luck. */
__attribute__((noinline)) static void spoil_stack(void) {
  volatile unsigned char waste[1 << 17];
  for (size_t i = 0; i < sizeof waste; i++) waste[i] = 0xfe;
}

static void check_rows(const neap_gbdt *m, int64_t n, const double *rows) {
  double got[8], want[8];
  for (int64_t i = 0; i < n; i++) {
    plain_raw(m, rows + i * m->features, want);
    spoil_stack();
    neap_gbdt_predict_row(m, rows + i * m->features, NEAP_PREDICT_RAW, got);
    for (int64_t j = 0; j < m->per_iteration; j++)
      if (!same_bits(got[j], want[j]))
        fail_msg("row %d class %d is %.17g, expected %.17g", (int)i, (int)j, got[j], want[j]);
  }
}

/* x as it lies, column by column, and as floats. */
static void check_layouts(const neap_gbdt *m, neap_tensor *x) {
  int64_t n = x->size[0], f = x->size[1];
  double *rows = neap_tensor_data(x);
  neap_tensor turned = {0}, narrow = {0}, wide = {0};
  check_batch(m, x, rows);
  assert_ok(neap_tensor_init(&turned, NEAP_F64, 2, (int64_t[]){f, n}));
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < f; j++)
      ((double *)neap_tensor_data(&turned))[j * n + i] = rows[i * f + j];
  turned.size[0] = n;
  turned.size[1] = f;
  turned.stride[0] = 1;
  turned.stride[1] = n;
  check_batch(m, &turned, rows);
  assert_ok(neap_tensor_as(&narrow, x, NEAP_F32));
  assert_ok(neap_tensor_as(&wide, &narrow, NEAP_F64));
  check_batch(m, &narrow, neap_tensor_data(&wide));
  neap_tensor_drop(&turned);
  neap_tensor_drop(&narrow);
  neap_tensor_drop(&wide);
}

static void check_model(uint64_t seed, shape s, int64_t n) {
  neap_gbdt *m = random_model(seed, s);
  neap_tensor x;
  random_rows(&x, seed + 1000, n, &s);
  const neap__mask_loops *best = m->compiled->loops;
  for (int i = 0; neap__mask_loops_at(i); i++) {
    m->compiled->loops = neap__mask_loops_at(i);
    check_layouts(m, &x);
    check_rows(m, n < 200 ? n : 200, neap_tensor_data(&x));
  }
  m->compiled->loops = best;
  neap_tensor_drop(&x);
  neap_gbdt_free(m);
}

static void compiled_equals_plain(void **state) {
  (void)state;
  const shape shapes[] = {
      {.features = 5, .classes = 1, .trees = 20, .leaves = 31, .cuts = 60},
      {.features = 3, .classes = 1, .trees = 30, .leaves = 255, .cuts = 250, .zeros = true},
      {.features = 7, .classes = 3, .trees = 9, .leaves = 2, .cuts = 9, .zeros = true},
      {.features = 1, .classes = 1, .trees = 3, .leaves = 1, .cuts = 9},
      {.features = 4, .classes = 1, .trees = 40, .leaves = 64, .close = true},
      {.features = 9, .classes = 2, .trees = 12, .leaves = 40, .cuts = 30, .categories = true},
      {.features = 2, .classes = 1, .trees = 70, .leaves = 600, .zeros = true},
      {.features = 90, .classes = 1, .trees = 80, .leaves = 33, .cuts = 40, .zeros = true},
      {.features = 300, .classes = 1, .trees = 10, .leaves = 100, .categories = true},
      {.features = 6, .classes = 1, .trees = 8, .leaves = 20, .cuts = 50, .linear = true},
      {.features = 6, .classes = 3, .trees = 8, .leaves = 20, .cuts = 50, .broken = true},
  };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_model(i + 1, shapes[i], 700);
}

/* Rows that end inside a word, a block, a chunk; few rows that walk. */
static void any_number_of_rows(void **state) {
  (void)state;
  const int64_t rows[] = {0, 1, 2, 47, 48, 63, 64, 65, 511, 512, 513, 560, 2047, 2048, 2050, 4500};
  shape s = {.features = 4, .classes = 2, .trees = 5, .leaves = 17, .cuts = 20, .zeros = true};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_model(50 + i, s, rows[i]);
}

static void segments(void **state) {
  (void)state;
  shape many = {.features = 30, .classes = 1, .trees = 40, .leaves = 900};
  neap_gbdt *m = random_model(3, many);
  assert_true(m->compiled->segments > 1);
  neap_gbdt_free(m);
  check_model(3, many, 130);
  shape large = {.features = 5, .classes = 1, .trees = 2, .leaves = 9500};
  m = random_model(4, large);
  assert_false(m->compiled->segment[0].masked && m->compiled->segment[1].masked);
  neap_gbdt_free(m);
  check_model(4, large, 130);
  shape deep = {.features = 5, .classes = 1, .trees = 3, .leaves = 5000, .cuts = 200};
  check_model(5, deep, 130);
  shape huge = {.features = 5, .classes = 1, .trees = 3, .leaves = 40000, .cuts = 200};
  check_model(6, huge, 60);
}

/* parts of a model ----------------------------------------------------------------------------- */

static double lead(const neap_gbdt *m, const double *raw) {
  if (m->per_iteration == 1) return 2 * fabs(raw[0]);
  double best = -HUGE_VAL, next = -HUGE_VAL;
  for (int64_t k = 0; k < m->per_iteration; k++) {
    next = fmax(next, fmin(best, raw[k]));
    best = fmax(best, raw[k]);
  }
  return best - next;
}

/* Iterations from .. to - 1 added to raw one tree after the other, until the row is sure. */
static void plain_part(const neap_gbdt *m, const double *row, neap_predict_options o, double *raw) {
  int64_t all = neap_gbdt_iterations(m), k = m->per_iteration;
  int64_t to = o.iterations > 0 && o.start + o.iterations < all ? o.start + o.iterations : all;
  for (int64_t i = o.start; i < to; i++) {
    for (int64_t t = i * k; t < (i + 1) * k; t++)
      raw[t % k] += neap__tree_value(m->tree[t], neap__tree_leaf(m->tree[t], row), row);
    if (o.stop_freq && (i + 1 - o.start) % o.stop_freq == 0 && lead(m, raw) > o.stop_margin) return;
  }
}

static void parts_equal_plain_loops(void **state) {
  (void)state;
  const neap_predict_options options[] = {
      {.start = 3},
      {.iterations = 1},
      {.start = 2, .iterations = 70},
      {.iterations = 1000},
      {.stop_freq = 1, .stop_margin = 2},
      {.stop_freq = 7, .stop_margin = 3},
      {.start = 1, .stop_freq = 2},
      {.stop_freq = 500, .stop_margin = 0},
  };
  for (int64_t classes = 1; classes <= 3; classes += 2)
    for (int64_t n = 20; n <= 600; n += 580) {
      shape s = {.features = 6,
                 .classes = classes,
                 .trees = 90,
                 .leaves = 25,
                 .cuts = 40,
                 .categories = true};
      neap_gbdt *m = random_model(70, s);
      neap_tensor x;
      random_rows(&x, 71, n, &s);
      const double *rows = neap_tensor_data(&x);
      double *got = neap_alloc_array(n * classes, sizeof *got);
      for (size_t k = 0; k < sizeof options / sizeof *options; k++) {
        assert_ok(neap_gbdt_predict_with(m, &x, NEAP_PREDICT_RAW, &options[k], got));
        for (int64_t i = 0; i < n; i++) {
          double want[3] = {0};
          plain_part(m, rows + i * s.features, options[k], want);
          for (int64_t j = 0; j < classes; j++)
            assert_true(same_bits(got[i * classes + j], want[j]));
        }
      }
      neap_free(got);
      neap_tensor_drop(&x);
      neap_gbdt_free(m);
    }
}

static void scores_go_on(void **state) {
  (void)state;
  shape s = {.features = 6, .classes = 3, .trees = 30, .leaves = 25, .cuts = 40};
  neap_gbdt *m = random_model(80, s);
  m->average = true;
  neap_tensor x;
  random_rows(&x, 81, 600, &s);
  double *scores = neap_calloc_array(1800, sizeof *scores), *got = neap_alloc_array(3600, 8);
  double *want = got + 1800;
  for (int64_t i = 0; i < 30; i += 7) {
    neap_predict_options o = {.start = i, .iterations = 7, .scores = scores};
    int64_t done = i + 7 < 30 ? i + 7 : 30;
    assert_ok(neap_gbdt_predict_with(m, &x, NEAP_PREDICT_PROBABILITY, &o, got));
    assert_ok(neap_gbdt_predict(m, &x, NEAP_PREDICT_PROBABILITY, done, want));
    assert_memory_equal(got, want, 1800 * sizeof *got);
    assert_ok(neap_gbdt_predict(m, &x, NEAP_PREDICT_RAW, done, want));
    assert_memory_equal(scores, want, 1800 * sizeof *scores);
  }
  neap_free(got);
  neap_free(scores);
  neap_tensor_drop(&x);
  neap_gbdt_free(m);
}

static void refuses_parts_that_are_not_there(void **state) {
  (void)state;
  shape s = {.features = 2, .classes = 1, .trees = 3, .leaves = 4};
  neap_gbdt *m = random_model(90, s);
  neap_tensor x;
  double out[2];
  random_rows(&x, 91, 1, &s);
  neap_predict_options o = {.start = 3};
  assert_fails(neap_gbdt_predict_with(m, &x, NEAP_PREDICT_RAW, &o, out), NEAP_EARG,
               "gbdt.predict: start_iteration is 3, the model has 3 iterations");
  o = (neap_predict_options){.stop_freq = 1, .stop_margin = -1};
  assert_fails(neap_gbdt_predict_with(m, &x, NEAP_PREDICT_RAW, &o, out), NEAP_EARG,
               "gbdt.predict: pred_early_stop_freq is 1 and pred_early_stop_margin -1; they cannot "
               "be negative");
  neap_tensor_drop(&x);
  neap_gbdt_free(m);
}

static void survives_every_failed_allocation(void **state) {
  (void)state;
  shape s = {.features = 5, .classes = 2, .trees = 9, .leaves = 30, .categories = true};
  neap_gbdt *m = random_model(95, s);
  neap_tensor x, narrow = {0};
  random_rows(&x, 96, 530, &s);
  assert_ok(neap_tensor_as(&narrow, &x, NEAP_F32));
  double *out = neap_alloc_array(530 * 2, sizeof *out);
  neap__compiled_free(m->compiled);
  m->compiled = NULL;
  int64_t live = neap_alloc_live();
  bool fired;
  neap_fault_reset();
  do {
    neap_fault_arm();
    neap_status st = neap__gbdt_compile(m);
    if (!st) st = neap_gbdt_predict(m, &narrow, NEAP_PREDICT_PROBABILITY, 0, out);
    fired = neap_fault_fired();
    assert_int_equal(st, fired ? NEAP_ENOMEM : NEAP_OK);
    neap__compiled_free(m->compiled);
    m->compiled = NULL;
    assert_int_equal(neap_alloc_live(), live);
  } while (fired);
  neap_free(out);
  neap_tensor_drop(&x);
  neap_tensor_drop(&narrow);
  neap_gbdt_free(m);
}

/* threads -------------------------------------------------------------------------------------- */

typedef struct {
  const neap_gbdt *m;
  const double *rows, *want;
  int64_t n;
  int wrong;
} caller;

static void *call_rows(void *ctx) {
  caller *c = ctx;
  for (int64_t i = 0; i < c->n; i++) {
    double got[2];
    neap_gbdt_predict_row(c->m, c->rows + i * c->m->features, NEAP_PREDICT_PROBABILITY, got);
    c->wrong += !same_bits(got[1], c->want[2 * i + 1]);
  }
  return NULL;
}

static void eight_threads_call_at_once(void **state) {
  (void)state;
  shape s = {.features = 9, .classes = 1, .trees = 30, .leaves = 63, .cuts = 99, .zeros = true};
  neap_gbdt *m = random_model(11, s);
  neap_tensor x;
  random_rows(&x, 12, 2000, &s);
  double *want = neap_alloc_array(4000, sizeof *want);
  assert_ok(neap_gbdt_predict(m, &x, NEAP_PREDICT_PROBABILITY, 0, want));
  int64_t live = neap_alloc_live();
  pthread_t thread[8];
  caller call[8];
  for (int i = 0; i < 8; i++) {
    call[i] = (caller){m, neap_tensor_data(&x), want, 2000, 0};
    assert_int_equal(pthread_create(&thread[i], NULL, call_rows, &call[i]), 0);
  }
  for (int i = 0; i < 8; i++) {
    pthread_join(thread[i], NULL);
    assert_int_equal(call[i].wrong, 0);
  }
  assert_int_equal(neap_alloc_live(), live);
  neap_free(want);
  neap_tensor_drop(&x);
  neap_gbdt_free(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(compiled_equals_plain),
      cmocka_unit_test(any_number_of_rows),
      cmocka_unit_test(segments),
      cmocka_unit_test(parts_equal_plain_loops),
      cmocka_unit_test(scores_go_on),
      cmocka_unit_test(refuses_parts_that_are_not_there),
      cmocka_unit_test(survives_every_failed_allocation),
      cmocka_unit_test(eight_threads_call_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
