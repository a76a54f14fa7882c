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
  assert_ok(neap__bins_build(&d.bins, &d.matrix, &o));
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_of_a_leaf_lie_side_by_side),
      cmocka_unit_test(threads_partition_as_one_does),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
