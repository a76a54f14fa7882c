/* Growing trees: where rows lie afterwards, and that the engine's choices never show in a model. */
#include "check.h"

#include "base/pool.h"
#include "base/rng.h"
#include "tree/grower.h"

typedef struct {
  int64_t n, f;
  neap_tensor t;
  double *x;
  neap__matrix matrix;
  neap__bins bins;
  neap__pair *pairs;
  uint8_t *bag;
} data;

/* Columns of 2 to 255 bins, a share of values missing; gradients that depend on the first two
 * columns, hessians and bags at random. */
static data make(int64_t n, int64_t f, uint64_t seed) {
  data d = {.n = n, .f = f};
  neap_rng r = neap_rng_make(seed);
  assert_ok(neap_tensor_init(&d.t, NEAP_F64, 2, (int64_t[]){n, f}));
  d.x = neap_tensor_data(&d.t);
  d.pairs = neap_alloc_array(n, sizeof *d.pairs);
  d.bag = neap_alloc_array(n, 1);
  for (int64_t i = 0; i < n; i++) {
    double sum = neap_rng_normal(&r);
    for (int64_t j = 0; j < f; j++) {
      double v = neap_rng_normal(&r);
      if (j % 3 == 1) v = floor(v * (double)j);
      d.x[i * f + j] = neap_rng_uniform(&r) < 0.05 ? NAN : v;
      if (j < 2) sum += isnan(v) ? 1.5 : v * v;
    }
    d.pairs[i].real.g = (float)sum;
    d.pairs[i].real.h = (float)neap_rng_uniform(&r);
    d.bag[i] = neap_rng_uniform(&r) < 0.7;
  }
  assert_ok(neap__matrix_of(&d.matrix, &d.t, "test"));
  neap_gbdt_options o = neap_gbdt_defaults();
  o.min_data_in_bin = 1;
  assert_ok(neap__bins_build(&d.bins, &d.matrix, (neap__labelled){0}, &o));
  return d;
}

static void drop(data *d) {
  neap__bins_drop(&d->bins);
  neap_tensor_drop(&d->t);
  neap_free(d->pairs);
  neap_free(d->bag);
}

/* rows ----------------------------------------------------------------------------------------- */

/* Row i of the grid is still row[i] of x, every row is there once, and each leaf holds its own. */
static void check_rows(const data *d, const neap__grower *g, const neap__tree *t, bool bagged) {
  const neap__bins *b = &d->bins;
  uint8_t *plain = neap_alloc_array(d->n * b->used, 1), *seen = neap_calloc_array(d->n, 1);
  assert_ok(neap__bins_apply(b, &d->matrix, plain));
  int64_t grown = neap__grower_grown(g), listed = 0;
  for (int64_t i = 0; i < d->n; i++) {
    int64_t r = b->row[i];
    assert_memory_equal(b->grid + i * b->used, plain + r * b->used, (size_t)b->used);
    assert_int_equal(seen[r]++, 0);
    assert_int_equal(i < grown, !bagged || d->bag[r]);
  }
  for (int32_t l = 0; l < t->leaves; l++) {
    int64_t begin, count;
    neap__grower_leaf(g, l, &begin, &count);
    assert_int_equal(t->leaf_count[l], count);
    listed += count;
    for (int64_t i = begin; i < begin + count; i++) {
      const uint8_t *bin = b->grid + i * b->used;
      assert_int_equal(neap__grower_route(g, bin), l);
      assert_int_equal(neap__tree_leaf(t, d->x + (int64_t)b->row[i] * d->f), l);
    }
  }
  assert_int_equal(listed, grown);
  neap_free(plain);
  neap_free(seen);
}

static void rows_of_a_leaf_lie_side_by_side(void **state) {
  (void)state;
  const int64_t sizes[][2] = {{2, 1}, {3, 2}, {63, 3}, {64, 5}, {65, 9}, {500, 17}, {300000, 8}};
  for (int s = 0; s < 7; s++) {
    data d = make(sizes[s][0], sizes[s][1], (uint64_t)s);
    neap_gbdt_options o = neap_gbdt_defaults();
    o.min_data_in_leaf = 1;
    o.num_leaves = 40;
    neap__grower *g;
    assert_ok(neap__grower_new(&g, &d.bins, &o));
    for (int turn = 0; turn < 4; turn++) {
      neap__tree *t;
      bool bagged = turn % 2;
      for (int64_t i = 0; turn == 2 && i < d.n; i++) d.pairs[i].real.g *= (float)(i % 3) - 1;
      assert_ok(neap__grower_grow(g, neap__source_of(d.pairs), bagged ? d.bag : NULL, NULL,
                                  d.bins.used, &t));
      check_rows(&d, g, t, bagged);
      neap_free(t);
    }
    neap__grower_free(g);
    drop(&d);
  }
}

/* One leaf cut by its first feature, with few and with many rows going left. */
static void threads_partition_as_one_does(void **state) {
  (void)state;
  assert_ok(neap_set_threads(3));
  const int64_t sizes[] = {2, 64, 129, 16384, 16385, 50000, 131077};
  for (int s = 0; s < 7; s++)
    for (int32_t bin = 0; bin < 200; bin = 2 * bin + 1) {
      data d = make(sizes[s], 3, (uint64_t)s), e = make(sizes[s], 3, (uint64_t)s);
      data *both[] = {&d, &e};
      for (int k = 0; k < 2; k++) {
        neap__grower *g;
        neap_gbdt_options o = neap_gbdt_defaults();
        assert_ok(neap__grower_new(&g, &both[k]->bins, &o));
        const neap__bins *b = &both[k]->bins;
        neap__leaf p = {.count = d.n, .best = {.bin = bin, .missing_left = bin % 2}};
        for (int64_t i = 0; i < d.n; i++)
          p.best.left[1] += neap__split_left(&p.best, b->feature, b->grid[i * b->used]);
        if (k) neap__rows_partition(g, &p);
        else assert_ok(neap__rows_partition_parallel(g, &p));
        for (int64_t i = 0; i < d.n; i++)
          assert_int_equal(neap__split_left(&p.best, b->feature, b->grid[i * b->used]),
                           i < p.best.left[1]);
        neap__grower_free(g);
      }
      assert_memory_equal(d.bins.row, e.bins.row, (size_t)d.n * sizeof *d.bins.row);
      assert_memory_equal(d.bins.grid, e.bins.grid, (size_t)(d.n * d.bins.used));
      drop(&d);
      drop(&e);
    }
}

/* shapes --------------------------------------------------------------------------------------- */

static neap__tree *grow(data *d, const neap_gbdt_options *o, const int32_t *use, int32_t used) {
  neap__grower *g;
  neap__tree *t;
  assert_ok(neap__grower_new(&g, &d->bins, o));
  assert_ok(neap__grower_grow(g, neap__source_of(d->pairs), NULL, use, used, &t));
  check_rows(d, g, t, false);
  neap__grower_free(g);
  return t;
}

static void assert_same_tree(const neap__tree *t, const neap__tree *u) {
  assert_int_equal(t->leaves, u->leaves);
  for (int32_t k = 0; k < t->leaves - 1; k++) {
    assert_int_equal(t->feature[k], u->feature[k]);
    assert_true(t->threshold[k] == u->threshold[k] && t->gain[k] == u->gain[k]);
    assert_int_equal(t->left[k], u->left[k]);
    assert_int_equal(t->right[k], u->right[k]);
  }
  for (int32_t l = 0; l < t->leaves; l++) assert_true(t->leaf_value[l] == u->leaf_value[l]);
}

static void depths(const neap__tree *t, int32_t *depth) {
  depth[0] = 0;
  for (int32_t k = 0; k < t->leaves - 1; k++) { /* children come behind their parents */
    if (t->left[k] >= 0) depth[t->left[k]] = depth[k] + 1;
    if (t->right[k] >= 0) depth[t->right[k]] = depth[k] + 1;
  }
}

/* 60 columns make histograms large enough for leaves to give them up, 4 do not. */
static void leaves_without_histograms_change_nothing(void **state) {
  (void)state;
  data few = make(6000, 4, 8), many = make(6000, 60, 9);
  neap__bins_drop(&many.bins);
  for (int64_t i = 0; i < few.n; i++) {
    for (int64_t j = 0; j < few.f; j++) many.x[i * many.f + j] = few.x[i * few.f + j];
    many.pairs[i] = few.pairs[i];
  }
  neap_gbdt_options o = neap_gbdt_defaults();
  o.num_leaves = 400;
  o.min_data_in_leaf = 3;
  assert_ok(neap__bins_build(&many.bins, &many.matrix, (neap__labelled){0}, &o));
  neap__bins_drop(&few.bins);
  assert_ok(neap__bins_build(&few.bins, &few.matrix, (neap__labelled){0}, &o));
  neap__tree *t = grow(&few, &o, NULL, 4);
  neap__tree *u = grow(&many, &o, (const int32_t[]){0, 1, 2, 3}, 4);
  assert_int_equal(t->leaves, 400);
  assert_same_tree(t, u);
  neap_free(t);
  neap_free(u);
  drop(&few);
  drop(&many);
}

static void depthwise_splits_level_by_level(void **state) {
  (void)state;
  data d = make(5000, 5, 11);
  neap_gbdt_options o = neap_gbdt_defaults();
  o.max_depth = 6;
  o.num_leaves = 64;
  neap__tree *leafwise = grow(&d, &o, NULL, d.bins.used);
  o.grow_policy = NEAP_GROW_DEPTHWISE;
  neap__tree *t = grow(&d, &o, NULL, d.bins.used);
  int32_t depth[64];
  depths(t, depth);
  for (int32_t k = 1; k < t->leaves - 1; k++) assert_true(depth[k] >= depth[k - 1]);
  assert_int_equal(t->leaves, leafwise->leaves); /* the depth is the limit of both */
  for (int64_t i = 0; i < d.n; i++) {
    const double *row = d.x + i * d.f;
    assert_true(t->leaf_value[neap__tree_leaf(t, row)] ==
                leafwise->leaf_value[neap__tree_leaf(leafwise, row)]);
  }
  neap_free(leafwise);
  neap_free(t);
  o.num_leaves = 20;
  t = grow(&d, &o, NULL, d.bins.used);
  depths(t, depth);
  assert_int_equal(t->leaves, 20);
  for (int32_t k = 0; k < 19; k++) assert_in_range(depth[k], 0, 4); /* 16 and four more */
  neap_free(t);
  drop(&d);
}

/* Sum over the leaves at a depth of what the split (feature, threshold, missing_left) gains, by
 * plain sums of the pairs. */
static double level_gain(const data *d, const int32_t *leaf, int32_t leaves, int64_t f,
                         double threshold, bool missing_left, int64_t min_rows) {
  double g[64][2] = {{0}}, h[64][2] = {{0}}, gain = 0;
  int64_t n[64][2] = {{0}};
  for (int64_t i = 0; i < d->n; i++) {
    double v = d->x[i * d->f + f];
    int side = isnan(v) ? !missing_left : !(v <= threshold);
    g[leaf[i]][side] += (double)d->pairs[i].real.g;
    h[leaf[i]][side] += (double)d->pairs[i].real.h;
    n[leaf[i]][side]++;
  }
  for (int32_t l = 0; l < leaves; l++) {
    if (n[l][0] < min_rows || n[l][1] < min_rows || h[l][0] < 1e-3 || h[l][1] < 1e-3) continue;
    double whole = g[l][0] + g[l][1];
    gain += g[l][0] * g[l][0] / h[l][0] + g[l][1] * g[l][1] / h[l][1] -
            whole * whole / (h[l][0] + h[l][1]);
  }
  return gain;
}

/* The most that one cut of any feature gains. */
static double best_level_gain(const data *d, const int32_t *leaf, int32_t leaves,
                              int64_t min_rows) {
  double top = 0;
  for (int32_t k = 0; k < d->bins.used; k++) {
    const neap__feature *x = &d->bins.feature[k];
    for (int32_t b = 0; b < 2 * x->bins; b++) {
      double bound = b / 2 < x->bins - 1 ? x->bound[b / 2] : INFINITY;
      top = fmax(top, level_gain(d, leaf, leaves, x->input, bound, b % 2, min_rows));
    }
  }
  return top;
}

/* leaf[i] = which leaf row i is in when the tree has only its first nodes, numbered from 0 as they
 * are met; returns how many there are. */
static int32_t walk_rows(const data *d, const neap__tree *t, int32_t nodes, int32_t *leaf) {
  int32_t number[256] = {0}, met = 0; /* of node k at k, of leaf ~c at 128 + c */
  for (int64_t i = 0; i < d->n; i++) {
    int32_t at = 0;
    while (at >= 0 && at < nodes) {
      double v = d->x[i * d->f + t->feature[at]];
      bool left = isnan(v) ? t->decision[at] & NEAP__DEFAULT_LEFT : v <= t->threshold[at];
      at = left ? t->left[at] : t->right[at];
    }
    int32_t *n = &number[at >= 0 ? at : 128 + ~at];
    if (!*n) *n = ++met;
    leaf[i] = *n - 1;
  }
  return met;
}

/* Every level has one split, and no other cut of any feature gains more over all its leaves. */
static void symmetric_levels_have_the_best_common_split(void **state) {
  (void)state;
  for (uint64_t seed = 20; seed < 24; seed++) {
    data d = make(400, 3, seed);
    neap_gbdt_options o = neap_gbdt_defaults();
    o.grow_policy = NEAP_GROW_SYMMETRIC;
    o.num_leaves = 40;
    o.min_data_in_leaf = 1 + 10 * (int64_t)(seed % 2);
    neap__tree *t = grow(&d, &o, NULL, d.bins.used);
    int32_t *leaf = neap_calloc_array(d.n, sizeof *leaf), leaves = 1;
    assert_in_range(t->leaves, 9, 40);
    for (int32_t node = 0, next; node < t->leaves - 1; node = next) { /* nodes come by levels */
      double cut = t->threshold[node], total = 0;
      bool missing_left = t->decision[node] & NEAP__DEFAULT_LEFT;
      double top = best_level_gain(&d, leaf, leaves, o.min_data_in_leaf);
      double own =
          level_gain(&d, leaf, leaves, t->feature[node], cut, missing_left, o.min_data_in_leaf);
      assert_true(own >= top * (1 - 1e-6)); /* the engine rounds pairs to 30 bits */
      next = node;
      while (next < t->leaves - 1 && t->feature[next] == t->feature[node] &&
             t->threshold[next] == cut)
        total += t->gain[next++];
      assert_true(fabs(total - own) <= 1e-6 * own);
      leaves = walk_rows(&d, t, next, leaf);
    }
    neap_free(leaf);
    neap_free(t);
    drop(&d);
  }
}

static void policies_give_one_tree_at_any_thread_count(void **state) {
  (void)state;
  for (int policy = 0; policy < 3; policy++) {
    neap__tree *want = NULL;
    for (int threads = 1; threads <= 4; threads++) {
      data d = make(90000, 30, 31);
      neap_gbdt_options o = neap_gbdt_defaults();
      o.grow_policy = policy;
      o.num_leaves = 50;
      assert_ok(neap_set_threads(threads));
      neap__tree *t = grow(&d, &o, NULL, d.bins.used);
      if (want) assert_same_tree(want, t);
      if (want) neap_free(t);
      else want = t;
      drop(&d);
    }
    neap_free(want);
  }
}

/* quantised gradients -------------------------------------------------------------------------- */

/* As many rows in one bin as narrow cells may hold, at the largest levels of either sign. */
static void narrow_cells_hold_their_limits(void **state) {
  (void)state;
  data d = make(NEAP__NARROW_ROWS, 7, 41);
  d.bins.even = true; /* as if columns had many bins */
  d.bins.cells = 256 * d.bins.used;
  for (int32_t k = 0; k < d.bins.used; k++) d.bins.offset[k] = 256 * k;
  for (int turn = 0; turn < 3; turn++) {
    for (int64_t i = 0; i < d.n; i++) {
      d.pairs[i].fixed.g = turn == 2 ? (int32_t)(i % 257) - 128 : turn ? 128 : -128;
      d.pairs[i].fixed.h = 256;
      if (turn < 2) memset(d.bins.grid + i * d.bins.used, 255, (size_t)d.bins.used);
    }
    if (turn == 2) assert_ok(neap__bins_apply(&d.bins, &d.matrix, d.bins.grid));
    neap__cell *want = neap_calloc_array(d.bins.cells, sizeof *want);
    neap__span at = {0, d.n, 0, d.bins.used, 0, NULL};
    neap__loops_at(0)->histogram_add(&d.bins, d.pairs, 20, &at, want);
    for (int i = 0; neap__loops_at(i); i++) {
      neap__narrow *got = neap_calloc_array(d.bins.cells, sizeof *got);
      neap__loops_at(i)->histogram_narrow(&d.bins, d.pairs, &at, got);
      for (int32_t c = 0; c < d.bins.cells; c++) {
        neap__cell wide = neap__narrow_cell(got[c], 20);
        assert_true(wide[0] == want[c][0] && wide[1] == want[c][1]);
      }
      neap_free(got);
    }
    neap_free(want);
  }
  drop(&d);
}

static void rounding_is_bounded_and_fair(void **state) {
  (void)state;
  const int32_t levels[] = {2, 4, 15, 256};
  for (int turn = 0; turn < 8; turn++) {
    data d = make(20000, 2, 43);
    neap__scale s = {.levels = levels[turn / 2], .stochastic = turn % 2, .key = 7};
    neap__cell total;
    double g = 0, h = 0;
    for (int64_t i = 0; i < d.n; i++) {
      g += (double)d.pairs[i].real.g;
      h += (double)d.pairs[i].real.h;
    }
    neap__scale_widths(&s, d.n);
    float *real = neap_alloc_array(d.n, sizeof *real);
    for (int64_t i = 0; i < d.n; i++) real[i] = d.pairs[i].real.g;
    assert_ok(neap__scale_fix(&s, d.bins.row, d.pairs, d.n, &total));
    for (int64_t i = 0; i < d.n; i++) {
      assert_in_range(d.pairs[i].fixed.g + s.levels / 2, 0, 2 * (s.levels / 2));
      assert_in_range(d.pairs[i].fixed.h, 0, s.levels);
      double off = fabs((double)d.pairs[i].fixed.g * s.g - (double)real[i]);
      assert_true(off <= s.g * (s.stochastic ? 1 : 0.5) * (1 + 1e-12));
    }
    assert_int_equal(neap__cell_rows(total, &s), d.n);
    /* Drawn roundings are independent with a deviation of half a level at most: 5 sigma. */
    double room = 5 * 0.5 * sqrt((double)d.n);
    if (s.stochastic) assert_true(fabs(neap__cell_g(total, &s) - g) <= room * s.g);
    if (s.stochastic) assert_true(fabs(neap__cell_h(total, &s) - h) <= room * s.h);
    neap_free(real);
    drop(&d);
  }
}

/* Quantised trees, with leaves large enough for narrow cells and without: one tree at any thread
 * count, and renewed leaves hold the true sums. */
static void quantised_trees_are_the_same_at_any_thread_count(void **state) {
  (void)state;
  for (int renew = 0; renew < 2; renew++) {
    neap__tree *want = NULL;
    for (int threads = 1; threads <= 4; threads++) {
      data d = make(100000, 25, 47);
      neap_gbdt_options o = neap_gbdt_defaults();
      o.use_quantized_grad = true;
      o.quant_train_renew_leaf = renew;
      assert_ok(neap_set_threads(threads));
      neap__tree *t = grow(&d, &o, NULL, d.bins.used);
      assert_int_equal(t->leaves, 31);
      double g[31] = {0}, h[31] = {0};
      for (int64_t i = 0; renew && i < d.n; i++) {
        int32_t l = neap__tree_leaf(t, d.x + i * d.f);
        g[l] += (double)d.pairs[i].real.g;
        h[l] += (double)d.pairs[i].real.h;
      }
      for (int32_t l = 0; renew && l < 31; l++) /* pairs are rounded to 30 and 28 bits */
        assert_number(t->leaf_value[l], -g[l] / h[l], 1e-6);
      if (want) assert_same_tree(want, t);
      if (want) neap_free(t);
      else want = t;
      drop(&d);
    }
    neap_free(want);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_of_a_leaf_lie_side_by_side),
      cmocka_unit_test(threads_partition_as_one_does),
      cmocka_unit_test(leaves_without_histograms_change_nothing),
      cmocka_unit_test(depthwise_splits_level_by_level),
      cmocka_unit_test(symmetric_levels_have_the_best_common_split),
      cmocka_unit_test(policies_give_one_tree_at_any_thread_count),
      cmocka_unit_test(narrow_cells_hold_their_limits),
      cmocka_unit_test(rounding_is_bounded_and_fair),
      cmocka_unit_test(quantised_trees_are_the_same_at_any_thread_count),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
