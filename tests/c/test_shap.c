/* Shapley values against their definition: sums over all sets of features. */
#include "check.h"

#include "base/interrupt.h"
#include "base/pool.h"
#include "base/rng.h"
#include "kern/kern.h"
#include "tree/outline.h"
#include "tree/shap.h"
#include "tree/shap_walk.h"

enum { F = 6, SETS = 1 << F, ROWS = 37 };

/* random trees --------------------------------------------------------------------------------- */

static int64_t below(neap_rng *r, int64_t n) { return (int64_t)(neap_rng_uniform(r) * (double)n); }

static void set_node(neap__tree *t, int32_t k, int features, neap_rng *r) {
  static const uint8_t kinds[] = {0, NEAP__MISSING_ZERO, NEAP__MISSING_NAN, NEAP__CATEGORICAL};
  uint8_t kind = kinds[below(r, 4)];
  t->feature[k] = (int32_t)below(r, features);
  t->threshold[k] = floor(neap_rng_normal(r) * 2) / 2;
  if (kind == NEAP__CATEGORICAL) t->threshold[k] = (double)k;
  else if (neap_rng_uniform(r) < 0.5) kind |= NEAP__DEFAULT_LEFT;
  t->decision[k] = kind;
  t->cat_boundary[k + 1] = k + 1;
  t->cat_bits[k] = (uint32_t)below(r, 16);
}

/* Counts of the nodes from those of the leaves, children first. */
static int64_t count_up(neap__tree *t, int32_t k) {
  int32_t child[2] = {t->left[k], t->right[k]};
  t->internal_count[k] = 0;
  for (int s = 0; s < 2; s++)
    t->internal_count[k] += child[s] < 0 ? t->leaf_count[~child[s]] : count_up(t, child[s]);
  return t->internal_count[k];
}

/* Grown by splitting a random leaf, or always the last one for a chain. */
static neap__tree *grow(int32_t leaves, int features, bool chain, int64_t fewest, neap_rng *r) {
  neap__tree *t = neap__tree_new(leaves, leaves - 1, leaves - 1, false, 0);
  int32_t **to = neap_alloc_array(leaves, sizeof *to);
  assert_true(t && to);
  for (int32_t k = 0; k < leaves - 1; k++) {
    int32_t split = chain ? k : (int32_t)below(r, k + 1);
    if (k > 0) *to[split] = k;
    set_node(t, k, features, r);
    t->left[k] = ~split;
    t->right[k] = ~(k + 1);
    to[split] = &t->left[k];
    to[k + 1] = &t->right[k];
  }
  for (int32_t l = 0; l < leaves; l++) {
    t->leaf_value[l] = neap_rng_normal(r);
    t->leaf_count[l] = fewest + below(r, 9);
  }
  if (leaves > 1) count_up(t, 0);
  neap_free(to);
  return t;
}

typedef struct {
  neap_gbdt *m;
  neap_tensor x;
} model;

static model make(int trees, int32_t leaves, int features, bool chain, int64_t fewest,
                  int64_t classes, neap_rng *r) {
  model d;
  const char *objective = classes > 1 ? "multiclass num_class:3" : "regression";
  assert_ok(neap__gbdt_new(&d.m, features, objective, classes));
  for (int i = 0; i < trees; i++)
    assert_ok(neap__gbdt_append(d.m, grow(leaves, features, chain, fewest, r)));
  assert_ok(neap__gbdt_compile(d.m));
  assert_ok(neap_tensor_init(&d.x, NEAP_F64, 2, (int64_t[]){ROWS, features}));
  double *x = neap_tensor_data(&d.x);
  for (int64_t i = 0; i < ROWS * features; i++) {
    double u = neap_rng_uniform(r), v = floor(neap_rng_normal(r) * 2) / 2;
    x[i] = u < 0.1 ? NAN : u < 0.2 ? 0 : u < 0.25 ? INFINITY : v;
  }
  return d;
}

static void drop(model *d) {
  neap_gbdt_free(d->m);
  neap_tensor_drop(&d->x);
}

/* the definition ------------------------------------------------------------------------------- */

static double count_of(const neap__tree *t, int32_t child) {
  return (double)(child < 0 ? t->leaf_count[~child] : t->internal_count[child]);
}

/* The value below a child where only the features in set are known. */
static double worth(const neap__tree *t, int32_t at, const double *row, unsigned set) {
  if (at < 0) return t->leaf_value[~at];
  double a = count_of(t, t->left[at]), b = count_of(t, t->right[at]);
  double left = worth(t, t->left[at], row, set), right = worth(t, t->right[at], row, set);
  if (set >> t->feature[at] & 1)
    return neap__tree_goes_left(t, at, row[t->feature[at]]) ? left : right;
  return a + b > 0 ? (a * left + b * right) / (a + b) : (left + right) / 2;
}

static double factorial(int n) { return n < 2 ? 1 : n * factorial(n - 1); }

static void worths(const neap_gbdt *m, int64_t class, const double *row, double *v) {
  for (unsigned set = 0; set < SETS; set++) {
    v[set] = 0;
    for (int64_t t = class; t < m->trees; t += m->per_iteration)
      v[set] += worth(m->tree[t], m->tree[t]->leaves > 1 ? 0 : -1, row, set);
  }
}

static void plain_shap(const double *v, double *phi) {
  for (int i = 0; i < F; i++) {
    phi[i] = 0;
    for (unsigned set = 0; set < SETS; set++) {
      if (set >> i & 1) continue;
      int s = __builtin_popcount(set);
      phi[i] += factorial(s) * factorial(F - s - 1) / factorial(F) * (v[set | 1U << i] - v[set]);
    }
  }
  phi[F] = v[0];
}

static double plain_pair(const double *v, int i, int k) {
  double sum = 0;
  unsigned a = 1U << i, b = 1U << k;
  for (unsigned set = 0; set < SETS; set++) {
    if (set & (a | b)) continue;
    int s = __builtin_popcount(set);
    sum += factorial(s) * factorial(F - s - 2) / (2 * factorial(F - 1)) *
           (v[set | a | b] - v[set | a] - v[set | b] + v[set]);
  }
  return sum;
}

static void check_row(const double *v, const double *shares, const double *pairs) {
  double phi[F + 1];
  plain_shap(v, phi);
  assert_same(F + 1, shares, phi, F64_TOL);
  for (int i = 0; i <= F; i++) {
    double sum = 0;
    for (int k = 0; k <= F; k++) {
      double at = pairs[i * (F + 1) + k];
      sum += at;
      if (i != k) assert_number(at, i < F && k < F ? plain_pair(v, i, k) : 0, F64_TOL);
    }
    assert_number(sum, phi[i], F64_TOL);
  }
}

static void check_model(const model *d) {
  int64_t classes = d->m->per_iteration, one = F + 1;
  double *shares = neap_alloc_array(ROWS * classes * one, sizeof(double));
  double *pairs = neap_alloc_array(ROWS * classes * one * one, sizeof(double));
  double v[SETS];
  const double *x = neap_tensor_data(&d->x);
  assert_ok(neap_gbdt_shap(d->m, &d->x, 0, shares));
  assert_ok(neap_gbdt_shap_interactions(d->m, &d->x, 0, pairs));
  for (int64_t i = 0; i < ROWS * classes; i++) {
    worths(d->m, i % classes, x + i / classes * F, v);
    check_row(v, shares + i * one, pairs + i * one * one);
  }
  neap_free(shares);
  neap_free(pairs);
}

static void shares_equal_their_definition(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(5);
  for (int i = 0; i < 12; i++) {
    model d = make(3, (int32_t[]){1, 2, 3, 8, 20, 60}[i % 6], F, i % 4 == 3, 1, i % 3 ? 1 : 3, &r);
    check_model(&d);
    drop(&d);
  }
}

static void empty_leaves_count_as_such(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(8);
  for (int i = 0; i < 8; i++) {
    model d = make(2, 12, F, i % 2, 0, 1, &r);
    for (int t = 0; t < 2; t++) {
      for (int32_t l = 0; l < 12; l++)
        if (l % 3) d.m->tree[t]->leaf_count[l] = 0;
      count_up(d.m->tree[t], 0);
    }
    check_model(&d);
    drop(&d);
  }
}

static void weights_stand_in_for_counts(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(9);
  model d = make(1, 20, F, false, 1, 1, &r);
  neap__tree *t = d.m->tree[0];
  double want[ROWS * (F + 1)], got[ROWS * (F + 1)];
  assert_ok(neap_gbdt_shap(d.m, &d.x, 0, want));
  for (int32_t l = 0; l < 20; l++) t->leaf_weight[l] = (double)t->leaf_count[l] / 4;
  for (int32_t k = 0; k < 19; k++) t->internal_weight[k] = (double)t->internal_count[k] / 4;
  memset(t->leaf_count, 0, 20 * sizeof *t->leaf_count);
  assert_ok(neap_gbdt_shap(d.m, &d.x, 0, got));
  assert_same(ROWS * (F + 1), got, want, F64_TOL);
  memset(t->leaf_weight, 0, 20 * sizeof *t->leaf_weight);
  memset(t->internal_weight, 0, 19 * sizeof *t->internal_weight);
  assert_fails(neap_gbdt_shap(d.m, &d.x, 0, got), NEAP_EVALUE,
               "gbdt.shap: tree 1 has neither counts nor weights of its rows");
  t->leaf_weight[3] = -1;
  assert_fails(neap_gbdt_shap_interactions(d.m, &d.x, 0, got), NEAP_EVALUE,
               "gbdt.shap_interactions: tree 1 has a node with");
  drop(&d);
}

/* large models --------------------------------------------------------------------------------- */

enum { WIDE = 150, DEEP = 400 };

static void long_chains_add_up(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(11);
  model d = make(2, DEEP, WIDE, true, 1, 1, &r);
  double *phi = neap_alloc_array(ROWS * (WIDE + 1), sizeof *phi), raw[ROWS];
  assert_ok(neap_gbdt_shap(d.m, &d.x, 0, phi));
  assert_ok(neap_gbdt_predict(d.m, &d.x, NEAP_PREDICT_RAW, 0, raw));
  for (int i = 0; i < ROWS; i++) {
    double sum = 0;
    for (int f = 0; f <= WIDE; f++) sum += phi[i * (WIDE + 1) + f];
    assert_number(sum, raw[i], F64_TOL);
  }
  neap_free(phi);
  drop(&d);
}

static void instruction_sets_agree(void **state) {
  (void)state;
  enum { LANES = NEAP__LANES, CELL = F * LANES };
  neap_rng r = neap_rng_make(15);
  model d = make(1, 50, F, false, 1, 1, &r);
  neap__shap_tree s;
  double x[CELL], want[CELL + F * CELL] = {0};
  for (int i = 0; i < CELL; i++) x[i] = neap_rng_uniform(&r) < 0.2 ? NAN : neap_rng_normal(&r);
  assert_ok(neap__shap_tree_init(&s, d.m->tree[0], F, true));
  for (int i = 0; neap__shap_walk_at(i); i++) {
    neap__shap_room room;
    double got[CELL + F * CELL] = {0};
    assert_ok(neap__shap_room_init(&room, &s));
    neap__shap_walk_at(i)(&s, x, &room, got, got + CELL);
    if (i == 0) memcpy(want, got, sizeof want);
    assert_memory_equal(got, want, sizeof got);
    neap__shap_room_drop(&room);
  }
  neap__shap_tree_drop(&s);
  drop(&d);
}

/* Any number of threads gives the same bits, and a row alone those that it has among others. */
static void bits_are_the_same_everywhere(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(12);
  model d = make(6, 40, F, false, 1, 3, &r), one = d;
  enum { OUT = 3 * (F + 1), PAIRS = OUT * (F + 1) };
  double want[ROWS * OUT], got[ROWS * OUT], all[ROWS * PAIRS], row[PAIRS];
  assert_ok(neap_gbdt_shap(d.m, &d.x, 0, want));
  assert_ok(neap_gbdt_shap_interactions(d.m, &d.x, 0, all));
  for (int threads = 1; threads <= 4; threads++) {
    assert_ok(neap_set_threads(threads));
    assert_ok(neap_gbdt_shap(d.m, &d.x, 0, got));
    assert_memory_equal(got, want, sizeof got);
  }
  assert_ok(neap_set_threads(2));
  for (int64_t i = 0; i < ROWS; i++) {
    assert_ok(neap_tensor_slice(&one.x, &d.x, 0, i, 1, 1));
    assert_ok(neap_gbdt_shap(d.m, &one.x, 0, row));
    assert_memory_equal(row, want + i * OUT, OUT * sizeof *row);
    assert_ok(neap_gbdt_shap_interactions(d.m, &one.x, 0, row));
    assert_memory_equal(row, all + i * PAIRS, sizeof row);
    neap_tensor_drop(&one.x);
  }
  drop(&d);
}

/* outlines ------------------------------------------------------------------------------------- */

/* Walking the columns from the root ends where prediction does, by the way that path tells. */
static void outlines_lead_to_the_leaves(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(16);
  model d = make(3, 30, F, false, 1, 1, &r);
  int64_t n = neap_gbdt_node_count(d.m, 1, 3), leaf;
  int64_t *whole = neap_alloc_array(NEAP_NODE_WHOLES * n, sizeof *whole);
  double *real = neap_alloc_array(NEAP_NODE_REALS * n, sizeof *real);
  assert_int_equal(n, 2 * 59);
  assert_ok(neap_gbdt_nodes(d.m, 1, 3, whole, real));
  for (int64_t t = 1; t < 3; t++)
    for (int64_t i = 0; i < ROWS; i++) {
      const double *row = (const double *)neap_tensor_data(&d.x) + i * F;
      int32_t split[30];
      bool left[30];
      int64_t steps = neap_gbdt_path(d.m, t, row, split, left, &leaf), at = (t - 1) * 59;
      for (int64_t k = 0; k < steps; k++) {
        assert_int_equal(whole[NEAP_NODE_NUMBER * n + at], split[k]);
        assert_int_equal(whole[NEAP_NODE_FEATURE * n + at], d.m->tree[t]->feature[split[k]]);
        at = whole[(left[k] ? NEAP_NODE_LEFT : NEAP_NODE_RIGHT) * n + at] + (t - 1) * 59;
      }
      assert_int_equal(whole[NEAP_NODE_TEST * n + at], 0);
      assert_int_equal(whole[NEAP_NODE_NUMBER * n + at], leaf);
      assert_int_equal(leaf, neap__tree_leaf(d.m->tree[t], row));
      assert_int_equal(whole[NEAP_NODE_COUNT * n + at], d.m->tree[t]->leaf_count[leaf]);
    }
  with_every_allocation_failing((void)neap_gbdt_nodes(d.m, 1, 3, whole, real));
  neap_free(whole);
  neap_free(real);
  drop(&d);
}

/* bad input ------------------------------------------------------------------------------------ */

static void mistakes_are_told(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(13);
  model d = make(2, 5, F, false, 1, 1, &r);
  double out[ROWS * (F + 1)];
  neap_tensor narrow;
  assert_ok(neap_tensor_init(&narrow, NEAP_F64, 2, (int64_t[]){ROWS, 2}));
  assert_fails(neap_gbdt_shap(d.m, &narrow, 0, out), NEAP_ESHAPE,
               "gbdt.shap: x has 2 features, the model was fitted on 6");
  neap_tensor_drop(&narrow);
  d.m->tree[1]->linear = true;
  assert_fails(neap_gbdt_shap(d.m, &d.x, 0, out), NEAP_EARG, "gbdt.shap: tree 2 has linear leaves");
  assert_ok(neap_gbdt_shap(d.m, &d.x, 1, out));
  d.m->tree[1]->linear = false;
  neap_interrupt_raise();
  assert_fails(neap_gbdt_shap(d.m, &d.x, 0, out), NEAP_EINTERRUPT, "interrupted");
  neap_interrupt_clear();
  drop(&d);
}

static void failed_allocations_are_clean(void **state) {
  (void)state;
  neap_rng r = neap_rng_make(14);
  model d = make(2, 30, F, false, 1, 1, &r);
  double out[ROWS * (F + 1) * (F + 1)];
  assert_ok(neap_set_threads(1));
  with_every_allocation_failing((void)neap_gbdt_shap_interactions(d.m, &d.x, 0, out));
  assert_ok(neap_set_threads(2));
  drop(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shares_equal_their_definition),
      cmocka_unit_test(empty_leaves_count_as_such),
      cmocka_unit_test(weights_stand_in_for_counts),
      cmocka_unit_test(long_chains_add_up),
      cmocka_unit_test(instruction_sets_agree),
      cmocka_unit_test(bits_are_the_same_everywhere),
      cmocka_unit_test(outlines_lead_to_the_leaves),
      cmocka_unit_test(mistakes_are_told),
      cmocka_unit_test(failed_allocations_are_clean),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
