/* Attention over plain arrays: against sums written out in double precision, on ragged shapes. */
#include "check.h"

#include "base/pool.h"
#include "nn/attend.h"

enum { MOST = 12000 };

typedef struct {
  int64_t batch, heads, queries, keys, width;
  bool causal, lengths, mask, hidden;
  double dropout;
} shape;

/* Everything of one case, in doubles: rows of `features` per query or key. */
typedef struct {
  shape s;
  double q[MOST], k[MOST], v[MOST], g[MOST];
  double out[MOST], lse[MOST], weights[MOST], dq[MOST], dk[MOST], dv[MOST];
  double mask[MOST], hidden[MOST];
  int64_t lengths[16];
} problem;

static const shape shapes[] = {
    {1, 1, 1, 1, 1, .dropout = 0},
    {2, 1, 3, 5, 2, .causal = true},
    {2, 2, 5, 3, 8, .lengths = true},
    {2, 3, 17, 33, 5, .mask = true},
    {1, 2, 33, 17, 16, .causal = true, .hidden = true},
    {2, 2, 31, 40, 17, .mask = true, .hidden = true, .lengths = true},
    {2, 2, 13, 29, 16, .dropout = 0.25},
    {1, 1, 60, 64, 33, .causal = true, .mask = true, .dropout = 0.5},
    {1, 1, 3, 400, 3, .lengths = true},
    {1, 1, 400, 3, 3, .causal = true},
};

static void draw(double *x, int64_t n, uint64_t seed) {
  neap_rng r = neap_rng_make(seed);
  for (int64_t i = 0; i < n; i++) x[i] = (double)(float)neap_rng_normal(&r);
}

static void make(problem *p, const shape *s) {
  memset(p, 0, sizeof *p);
  p->s = *s;
  int64_t features = s->heads * s->width;
  assert_true(s->batch * s->queries * features <= MOST && s->batch * s->keys * features <= MOST);
  assert_true(s->batch * s->heads * s->queries * s->keys <= MOST);
  draw(p->q, s->batch * s->queries * features, 1);
  draw(p->k, s->batch * s->keys * features, 2);
  draw(p->v, s->batch * s->keys * features, 3);
  draw(p->g, s->batch * s->queries * features, 4);
  for (int64_t b = 0; b < s->batch; b++) p->lengths[b] = s->lengths ? 1 + (7 * b + 1) % s->keys : 0;
  for (int64_t i = 0; s->mask && i < s->queries * s->keys; i++)
    p->mask[i] = i % s->keys && i % 3 == 0 ? -INFINITY : (double)(i % 4) / 4;
  for (int64_t i = 0; s->hidden && i < s->batch * s->keys; i++)
    p->hidden[i] = i % s->keys && i % 5 == 0 ? -INFINITY : 0;
}

static bool is_kept(const problem *p, const neap_rng *r, int64_t row, int64_t j) {
  int64_t blocks = (p->s.keys + 31) / 32 * 8;
  neap_rng_block b = neap_rng_block_at(r, (uint64_t)(row * blocks + j % (2 * blocks) / 2));
  uint64_t word = (j < 2 * blocks ? b.low : b.high) >> 32 * (j % 2) & 0xffffffffu;
  return word >= (uint64_t)(p->s.dropout * 0x1p32);
}

/* One query of one head: weights w, gradients. */
static void plain_query(problem *p, const neap_rng *r, int64_t b, int64_t h, int64_t i) {
  const shape *s = &p->s;
  int64_t d = s->width, e = s->heads * d, row = (b * s->heads + h) * s->queries + i;
  int64_t n = s->lengths ? p->lengths[b] : s->keys;
  double w[512], kept[512], sum = 0, top = -INFINITY, dot = 0;
  const double *q = p->q + (b * s->queries + i) * e + h * d;
  const double *g = p->g + (b * s->queries + i) * e + h * d;
  double *out = p->out + (b * s->queries + i) * e + h * d;
  if (s->causal && i + 1 < n) n = i + 1;
  for (int64_t j = 0; j < n; j++) {
    const double *k = p->k + (b * s->keys + j) * e + h * d;
    w[j] = p->mask[i * s->keys + j] + p->hidden[b * s->keys + j];
    for (int64_t c = 0; c < d; c++) w[j] += q[c] * k[c] / sqrt((double)d);
    top = fmax(top, w[j]);
  }
  for (int64_t j = 0; j < n; j++) sum += exp(w[j] - top);
  p->lse[row] = top + log(sum);
  for (int64_t j = 0; j < n; j++) {
    const double *v = p->v + (b * s->keys + j) * e + h * d;
    w[j] = exp(w[j] - p->lse[row]);
    kept[j] = s->dropout > 0 ? is_kept(p, r, row, j) / (1 - s->dropout) : 1;
    p->weights[row * s->keys + j] = w[j] * kept[j];
    for (int64_t c = 0; c < d; c++) {
      out[c] += w[j] * kept[j] * v[c];
      dot += w[j] * kept[j] * v[c] * g[c];
    }
  }
  for (int64_t j = 0; j < n; j++) {
    int64_t at = (b * s->keys + j) * e + h * d;
    double dw = 0;
    for (int64_t c = 0; c < d; c++) {
      dw += kept[j] * g[c] * p->v[at + c];
      p->dv[at + c] += w[j] * kept[j] * g[c];
    }
    for (int64_t c = 0; c < d; c++) {
      double ds = w[j] * (dw - dot) / sqrt((double)d);
      p->dq[(b * s->queries + i) * e + h * d + c] += ds * p->k[at + c];
      p->dk[at + c] += ds * q[c];
    }
  }
}

static void plain(problem *p, const neap_rng *r) {
  for (int64_t b = 0; b < p->s.batch; b++)
    for (int64_t h = 0; h < p->s.heads; h++)
      for (int64_t i = 0; i < p->s.queries; i++) plain_query(p, r, b, h, i);
}

/* Arrays of the dtype, filled with NaN where nothing is put; rows lie apart by features + 3. */
typedef struct {
  neap_tensor t;
  neap__rows rows;
} strip;

static void strip_init(strip *m, neap_dtype dtype, int64_t batch, int64_t rows, int64_t features,
                       const double *x) {
  assert_ok(neap_tensor_init(&m->t, dtype, 3, (int64_t[]){batch, rows, features + 3}));
  for (int64_t b = 0; b < batch; b++)
    for (int64_t i = 0; i < rows; i++)
      for (int64_t c = 0; c < features + 3; c++)
        neap_tensor_set_f64(&m->t, (int64_t[]){b, i, c},
                            x && c < features ? x[(b * rows + i) * features + c] : NAN);
  m->rows = (neap__rows){neap_tensor_data(&m->t), rows * (features + 3), features + 3};
}

static void strip_check(const char *what, strip *m, const double *want) {
  int64_t rows = m->t.size[1], features = m->t.size[2] - 3;
  double tol = m->t.dtype == NEAP_F64 ? F64_TOL : F32_TOL;
  for (int64_t b = 0; b < m->t.size[0]; b++)
    for (int64_t i = 0; i < rows; i++)
      for (int64_t c = 0; c < features + 3; c++) {
        double got = neap_tensor_get_f64(&m->t, (int64_t[]){b, i, c});
        double wanted = c < features ? want[(b * rows + i) * features + c] : NAN;
        if (!same_number(got, wanted, tol))
          fail_msg("%s[%d][%d][%d] is %.17g, expected %.17g", what, (int)b, (int)i, (int)c, got,
                   wanted);
      }
}

static void flat(neap_tensor *t, neap_dtype dtype, int ndim, const int64_t *size, const double *x) {
  neap_tensor wide;
  assert_ok(neap_tensor_init(&wide, NEAP_F64, ndim, size));
  if (x) memcpy(neap_tensor_data(&wide), x, (size_t)neap_tensor_numel(&wide) * sizeof *x);
  assert_ok(neap_tensor_as(t, &wide, dtype));
  neap_tensor_drop(&wide);
}

static void flat_check(const char *what, const neap_tensor *t, const double *want) {
  neap_tensor wide;
  assert_ok(neap_tensor_as(&wide, t, NEAP_F64));
  const double *got = neap_tensor_data(&wide);
  for (int64_t i = 0; i < neap_tensor_numel(t); i++)
    if (!same_number(got[i], want[i], t->dtype == NEAP_F64 ? F64_TOL : F32_TOL))
      fail_msg("%s[%d] is %.17g, expected %.17g", what, (int)i, got[i], want[i]);
  neap_tensor_drop(&wide);
}

typedef struct {
  strip q, k, v, g, out, dq, dk, dv;
  neap_tensor lse, weights, mask, wide_mask, hidden;
  neap__attention a;
} arrays;

static void arrays_init(arrays *m, const problem *p, neap_dtype dtype) {
  const shape *s = &p->s;
  int64_t e = s->heads * s->width;
  memset(m, 0, sizeof *m);
  strip_init(&m->q, dtype, s->batch, s->queries, e, p->q);
  strip_init(&m->k, dtype, s->batch, s->keys, e, p->k);
  strip_init(&m->v, dtype, s->batch, s->keys, e, p->v);
  strip_init(&m->g, dtype, s->batch, s->queries, e, p->g);
  strip_init(&m->out, dtype, s->batch, s->queries, e, NULL);
  strip_init(&m->dq, dtype, s->batch, s->queries, e, NULL);
  strip_init(&m->dk, dtype, s->batch, s->keys, e, NULL);
  strip_init(&m->dv, dtype, s->batch, s->keys, e, NULL);
  const int64_t rows[] = {s->batch, s->heads, s->queries, s->keys};
  flat(&m->lse, dtype, 3, rows, NULL);
  flat(&m->weights, dtype, 4, rows, NULL);
  flat(&m->mask, dtype, 4, (int64_t[]){1, 1, s->queries, s->keys}, p->mask);
  assert_ok(neap_tensor_expand(&m->wide_mask, &m->mask, 4, rows));
  flat(&m->hidden, dtype, 2, (int64_t[]){s->batch, s->keys}, p->hidden);
  m->a = (neap__attention){dtype,
                           s->batch,
                           s->heads,
                           s->queries,
                           s->keys,
                           s->width,
                           s->causal,
                           s->lengths ? p->lengths : NULL,
                           .mask = s->mask ? &m->wide_mask : NULL,
                           .hidden = s->hidden ? &m->hidden : NULL,
                           .dropout = s->dropout,
                           .rng = neap_rng_make(99),
                           .q = m->q.rows,
                           .k = m->k.rows,
                           .v = m->v.rows,
                           .out = m->out.rows,
                           .lse = neap_tensor_data(&m->lse)};
}

static void arrays_drop(arrays *m) {
  strip *strips[] = {&m->q, &m->k, &m->v, &m->g, &m->out, &m->dq, &m->dk, &m->dv};
  for (size_t i = 0; i < sizeof strips / sizeof *strips; i++) neap_tensor_drop(&strips[i]->t);
  neap_tensor_drop(&m->lse);
  neap_tensor_drop(&m->weights);
  neap_tensor_drop(&m->wide_mask);
  neap_tensor_drop(&m->mask);
  neap_tensor_drop(&m->hidden);
}

static neap_status arrays_run(arrays *m) {
  neap__attention back = m->a;
  NEAP_TRY(neap__attend(&m->a, neap_tensor_data(&m->weights)));
  back.out = m->g.rows;
  return neap__attend_back(&back, &m->dq.rows, &m->dk.rows, &m->dv.rows);
}

static void attention_is_the_plain_sum(void **state) {
  (void)state;
  static problem p;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int d = 0; d < 2; d++) {
      arrays m;
      make(&p, &shapes[i]);
      arrays_init(&m, &p, d ? NEAP_F32 : NEAP_F64);
      plain(&p, &m.a.rng);
      assert_ok(arrays_run(&m));
      strip_check("out", &m.out, p.out);
      flat_check("lse", &m.lse, p.lse);
      flat_check("weights", &m.weights, p.weights);
      strip_check("dq", &m.dq, p.dq);
      strip_check("dk", &m.dk, p.dk);
      strip_check("dv", &m.dv, p.dv);
      arrays_drop(&m);
    }
}

static bool same_bits(const neap_tensor *a, const neap_tensor *b) {
  size_t bytes = (size_t)neap_tensor_numel(a) * neap_dtype_size(a->dtype);
  return memcmp(neap_tensor_data(a), neap_tensor_data(b), bytes) == 0;
}

static void attention_has_the_same_bits_at_any_thread_count(void **state) {
  (void)state;
  static problem p;
  const shape s = {4, 4, 25, 25, 7, .causal = true, .hidden = true, .dropout = 0.25};
  make(&p, &s);
  arrays one, more;
  assert_ok(neap_set_threads(1));
  arrays_init(&one, &p, NEAP_F32);
  assert_ok(arrays_run(&one));
  for (int threads = 2; threads <= 3; threads++) {
    assert_ok(neap_set_threads(threads));
    arrays_init(&more, &p, NEAP_F32);
    assert_ok(arrays_run(&more));
    assert_true(same_bits(&one.out.t, &more.out.t));
    assert_true(same_bits(&one.dq.t, &more.dq.t));
    assert_true(same_bits(&one.dk.t, &more.dk.t));
    assert_true(same_bits(&one.dv.t, &more.dv.t));
    arrays_drop(&more);
  }
  arrays_drop(&one);
}

static void attention_survives_failing_allocations(void **state) {
  (void)state;
  static problem p;
  const shape s = {1, 2, 5, 5, 3, .mask = true, .dropout = 0.5};
  make(&p, &s);
  arrays m;
  arrays_init(&m, &p, NEAP_F64);
  with_every_allocation_failing(arrays_run(&m));
  arrays_drop(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(attention_is_the_plain_sum),
      cmocka_unit_test(attention_has_the_same_bits_at_any_thread_count),
      cmocka_unit_test(attention_survives_failing_allocations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
