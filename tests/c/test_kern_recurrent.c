/* One step of every recurrent cell, forwards and backwards, in every table. */
#include "check.h"

#include "base/rng.h"
#include "kern/kern.h"

enum { ROWS = 3, UNITS = 70, GATES = 4, KEPT = 6 };

/* One unit by the formulas, with the biases of a and b as they are. */
static void plain(neap_cell cell, const double *s, const double *bias, double *h, double *c) {
  const double *a = s, *b = s + GATES;
  double v[GATES];
  for (int k = 0; k < GATES; k++) v[k] = a[k] + b[k] + bias[k];
  if (cell == NEAP_LSTM) {
    *c = *c / (1 + exp(-v[1])) + tanh(v[2]) / (1 + exp(-v[0]));
    *h = tanh(*c) / (1 + exp(-v[3]));
  } else if (cell == NEAP_GRU) {
    double r = 1 / (1 + exp(-v[0])), z = 1 / (1 + exp(-v[1]));
    double n = tanh(a[2] + bias[2] + r * (b[2] + bias[3]));
    *h = (1 - z) * n + z * *h;
  } else *h = cell == NEAP_RNN_TANH ? tanh(v[0]) : fmax(v[0], 0);
}

/* The derivative of wh h + wc c by input number k: sums of a and b, then h' and c'. */
static double slope(neap_cell cell, const double *x, const double *bias, int k, double wh,
                    double wc) {
  double sums[2], step = 1e-5;
  for (int side = 0; side < 2; side++) {
    double at[2 * GATES + 2];
    memcpy(at, x, sizeof at);
    at[k] += side ? step : -step;
    plain(cell, at, bias, &at[2 * GATES], &at[2 * GATES + 1]);
    sums[side] = wh * at[2 * GATES] + wc * at[2 * GATES + 1];
  }
  return (sums[1] - sums[0]) / (2 * step);
}

/* Arrays in the dtype under test, filled and read as doubles. */
typedef struct {
  neap_dtype dtype;
  double f64[ROWS * KEPT * UNITS];
  float f32[ROWS * KEPT * UNITS];
} array;

static void *data(array *x) { return x->dtype == NEAP_F64 ? (void *)x->f64 : (void *)x->f32; }
static double value(const array *x, int64_t i) {
  return x->dtype == NEAP_F64 ? x->f64[i] : (double)x->f32[i];
}
static void fill(array *x, neap_dtype dtype, neap_rng *r) {
  x->dtype = dtype;
  for (int i = 0; i < ROWS * KEPT * UNITS; i++) {
    x->f32[i] = r ? (float)neap_rng_normal(r) : 0;
    x->f64[i] = (double)x->f32[i]; /* one set of numbers for both */
  }
}
static void rows_of(array *x, int64_t length, void **row) {
  int64_t size = x->dtype == NEAP_F64 ? 8 : 4;
  for (int r = 0; r < ROWS; r++) row[r] = (char *)data(x) + r * length * size;
}

static array a, b, bias, h, c, y, kept, before_h, before_c, dy, dh, dc, db, da, dbias, first_dh,
    first_dc;

/* Unit i of row r as the plain functions take it. */
static void unit_of(neap_cell cell, int64_t u, int64_t r, int64_t i, double *x, double *biases) {
  int gates = neap_cell_size[cell].gates;
  memset(x, 0, (2 * GATES + 2) * sizeof *x);
  memset(biases, 0, GATES * sizeof *biases);
  for (int k = 0; k < gates; k++) {
    x[k] = value(&a, (r * gates + k) * u + i);
    x[GATES + k] = value(&b, (r * gates + k) * u + i);
  }
  for (int k = 0; k < neap_cell_size[cell].biases; k++) biases[k] = value(&bias, k * u + i);
  x[2 * GATES] = value(&before_h, r * u + i);
  x[2 * GATES + 1] = value(&before_c, r * u + i);
}

static void check_forward(neap_cell cell, int64_t u, double tol) {
  for (int64_t r = 0; r < ROWS; r++)
    for (int64_t i = 0; i < u; i++) {
      double x[2 * GATES + 2], biases[GATES];
      unit_of(cell, u, r, i, x, biases);
      plain(cell, x, biases, &x[2 * GATES], &x[2 * GATES + 1]);
      assert_number(value(&h, r * u + i), x[2 * GATES], tol);
      assert_number(value(&y, r * u + i), x[2 * GATES], tol);
      if (cell == NEAP_LSTM) assert_number(value(&c, r * u + i), x[2 * GATES + 1], tol);
      int64_t at = (r * neap_cell_size[cell].kept + neap_cell_size[cell].before) * u + i;
      assert_number(value(&kept, at), value(&before_h, r * u + i), 0);
    }
}

static void check_backward(neap_cell cell, int64_t u, double tol) {
  const neap_cell_sizes *z = &neap_cell_size[cell];
  for (int64_t r = 0; r < ROWS; r++)
    for (int64_t i = 0; i < u; i++) {
      double x[2 * GATES + 2], biases[GATES], want;
      unit_of(cell, u, r, i, x, biases);
      double wh = value(&first_dh, r * u + i) + value(&dy, r * u + i);
      double wc = cell == NEAP_LSTM ? value(&first_dc, r * u + i) : 0;
      for (int k = 0; k < z->gates; k++) {
        want = slope(cell, x, biases, k, wh, wc);
        assert_number(value(&da, (r * z->biases + k) * u + i), want, tol);
        want = slope(cell, x, biases, GATES + k, wh, wc);
        assert_number(value(&db, (r * z->gates + k) * u + i), want, tol);
      }
      if (cell == NEAP_GRU) {
        assert_number(value(&da, (r * 4 + 3) * u + i), want, tol);
        assert_number(value(&dh, r * u + i), slope(cell, x, biases, 2 * GATES, wh, wc), tol);
      }
      if (cell == NEAP_LSTM)
        assert_number(value(&dc, r * u + i), slope(cell, x, biases, 2 * GATES + 1, wh, wc), tol);
    }
  for (int64_t j = 0; j < z->biases * u; j++) {
    double want = 0;
    for (int64_t r = 0; r < ROWS; r++) want += value(&da, r * z->biases * u + j);
    assert_number(value(&dbias, j), want, tol);
  }
}

static void run(const neap_kern *table, neap_cell cell, neap_dtype dtype, int64_t u, bool keep) {
  void *y_rows[ROWS], *kept_rows[ROWS], *c_rows[ROWS], *dy_rows[ROWS], *da_rows[ROWS];
  const neap_cell_sizes *z = &neap_cell_size[cell];
  rows_of(&y, u, y_rows);
  rows_of(&kept, z->kept * u, kept_rows);
  rows_of(&before_c, u, c_rows);
  rows_of(&dy, u, dy_rows);
  rows_of(&da, z->biases * u, da_rows);
  h = before_h;
  c = before_c;
  dh = first_dh;
  dc = first_dc;
  const neap_cell_kern *k = &table->cells[cell][dtype];
  k->forward(&(neap_cell_step){.rows = ROWS,
                               .units = u,
                               .a = data(&a),
                               .b = data(&b),
                               .bias = data(&bias),
                               .h = data(&h),
                               .c = data(&c),
                               .y = y_rows,
                               .kept = keep ? kept_rows : NULL});
  if (!keep) return;
  k->backward(&(neap_cell_back){.rows = ROWS,
                                .units = u,
                                .kept = (const void *const *)kept_rows,
                                .c_before = (const void *const *)c_rows,
                                .dy = (const void *const *)dy_rows,
                                .dh = data(&dh),
                                .dc = data(&dc),
                                .db = data(&db),
                                .da = da_rows,
                                .bias = data(&dbias)});
}

static void check_cell(const neap_kern *table, neap_cell cell, neap_dtype dtype, int64_t u) {
  neap_rng r = neap_rng_make((uint64_t)u);
  array *inputs[] = {&a, &b, &bias, &before_h, &before_c, &dy, &first_dh, &first_dc};
  for (size_t k = 0; k < sizeof inputs / sizeof *inputs; k++) fill(inputs[k], dtype, &r);
  array *outputs[] = {&y, &kept, &db, &da, &dbias};
  for (size_t k = 0; k < sizeof outputs / sizeof *outputs; k++) fill(outputs[k], dtype, NULL);
  run(table, cell, dtype, u, true);
  check_forward(cell, u, dtype == NEAP_F64 ? F64_TOL : F32_TOL);
  check_backward(cell, u, dtype == NEAP_F64 ? 1e-8 : F32_TOL); /* the slope is a difference */
  array kept_h = h;
  run(table, cell, dtype, u, false); /* inference gives the same bits */
  assert_memory_equal(data(&h), data(&kept_h), (size_t)(ROWS * u) * (dtype == NEAP_F64 ? 8 : 4));
}

static void cells_match_their_formulas(void **state) {
  (void)state;
  const neap_kern *table;
  for (int t = 0; (table = neap_kern_at(t)); t++)
    for (int cell = 0; cell < NEAP_CELLS; cell++)
      for (int64_t u = 1; u <= UNITS; u += u < 34 ? 1 : 6) {
        check_cell(table, (neap_cell)cell, NEAP_F64, u);
        check_cell(table, (neap_cell)cell, NEAP_F32, u);
      }
}

/* A unit has the same bits wherever it stands, and NaN reaches the units it belongs to only. */
static void units_stand_alone(void **state) {
  (void)state;
  const neap_kern *table;
  for (int t = 0; (table = neap_kern_at(t)); t++)
    for (int cell = 0; cell < NEAP_CELLS; cell++) {
      array *inputs[] = {&a, &b, &bias, &before_h, &before_c};
      for (size_t k = 0; k < 5; k++) {
        fill(inputs[k], NEAP_F32, NULL);
        for (int i = 0; i < ROWS * KEPT * UNITS; i++) inputs[k]->f32[i] = 0.3f;
      }
      fill(&y, NEAP_F32, NULL);
      fill(&kept, NEAP_F32, NULL);
      a.f32[5] = NAN;
      run(table, (neap_cell)cell, NEAP_F32, 37, false);
      for (int i = 0; i < ROWS * 37; i++)
        if (i == 5) assert_true(isnan(h.f32[i]));
        else assert_memory_equal(&h.f32[i], &h.f32[0], sizeof(float));
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cells_match_their_formulas),
      cmocka_unit_test(units_stand_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
