/* Rings of rows against loops over all taps, exactly; what they refuse, and memory that runs out.
 */
#include "check.h"

#include "base/rng.h"
#include "nn/stream.h"

enum { STEPS = 14 };

static neap_rng rng;

static int64_t below(int64_t n) { return (int64_t)neap_rng_below(&rng, (uint64_t)n); }

/* Small integers, whose sums of products are exact in any order. */
static void fill(neap_tensor *t, int ndim, const int64_t *size) {
  assert_ok(neap_tensor_init(t, NEAP_F32, ndim, size));
  float *x = neap_tensor_data(t);
  for (int64_t i = 0; i < neap_tensor_numel(t); i++) x[i] = (float)below(7) - 3;
}

/* Channel c at place v of row t, in front of and beside the rows too. */
static double element(const neap_stream_plan *p, const float *x, int64_t t, int64_t v, int64_t c) {
  if (t < 0 || v < 0 || v >= p->width) return p->kind == NEAP_STREAM_MAX ? -INFINITY : 0;
  return x[(t * p->width + v) * p->channels + c];
}

/* Output o at place v when row t was the last. */
static double expected(const neap_stream_plan *p, const float *x, const neap_tensor *w,
                       const float *bias, int64_t t, int64_t v, int64_t o) {
  int64_t depth = p->channels / p->groups, outputs = w ? w->size[0] / p->groups : 1;
  double sum = w ? bias[o] : p->kind == NEAP_STREAM_MAX ? -INFINITY : 0;
  for (int64_t i = 0; i < p->kernel[0]; i++)
    for (int64_t j = 0; j < p->kernel[1]; j++) {
      int64_t at = t - (p->kernel[0] - 1 - i) * p->dilation[0];
      int64_t place = v * p->stride[1] + j * p->dilation[1] - p->before;
      if (!w) {
        double e = element(p, x, at, place, o);
        sum = p->kind == NEAP_STREAM_MAX ? fmax(sum, e) : sum + e;
      } else
        for (int64_t c = 0; c < depth; c++)
          sum += element(p, x, at, place, o / outputs * depth + c) *
                 neap_tensor_get_f64(w, (int64_t[]){o, c, i, j});
    }
  if (p->kind == NEAP_STREAM_MEAN) sum /= (double)(p->kernel[0] * p->kernel[1]);
  return sum < 0 ? p->slope * sum : sum;
}

static void draw(neap_stream_plan *p) {
  *p = (neap_stream_plan){.kind = (neap_stream_kind)below(3), .groups = 1, .slope = 1};
  for (int i = 0; i < 2; i++) {
    p->kernel[i] = 1 + below(3);
    p->stride[i] = 1 + below(3);
    p->dilation[i] = 1 + below(2);
  }
  p->before = below(2);
  p->after = below(2);
  p->causal = below(2) > 0;
  p->width = 5 + below(4);
  p->channels = 1 + below(5);
  if (p->kind == NEAP_STREAM_MEAN) p->kernel[0] = p->kernel[1] = 2; /* halves stay exact */
  if (p->kind != NEAP_STREAM_CONV) return;
  p->groups = 1 + below(2);
  p->channels *= p->groups;
  p->slope = below(2) ? 0.5 : 1;
}

static void one_case(void) {
  neap_stream_plan p;
  neap_stream *s;
  neap_tensor w = {0}, b = {0}, x, y = {0};
  draw(&p);
  bool conv = p.kind == NEAP_STREAM_CONV;
  int64_t outputs = conv ? p.groups * (1 + below(40)) : p.channels;
  if (conv) fill(&w, 4, (int64_t[]){outputs, p.channels / p.groups, p.kernel[0], p.kernel[1]});
  if (conv) fill(&b, 1, &outputs);
  fill(&x, 2, (int64_t[]){STEPS, p.width * p.channels});
  assert_ok(neap_stream_new(&s, &p, NEAP_F32, conv ? &w : NULL, conv ? &b : NULL));
  int64_t wide =
      (p.before + p.width + p.after - p.dilation[1] * (p.kernel[1] - 1) - 1) / p.stride[1] + 1;
  fill(&y, 2, (int64_t[]){wide, outputs});
  const float *got = neap_tensor_data(&y), *rows = neap_tensor_data(&x);
  const float *bias = conv ? neap_tensor_data(&b) : NULL;
  for (int64_t t = 0; t < STEPS; t++) {
    neap_tensor row;
    bool given;
    int64_t late = p.causal ? t : t - p.dilation[0] * (p.kernel[0] - 1);
    assert_ok(neap_tensor_select(&row, &x, 0, t));
    assert_ok(neap_stream_push(s, &row, &y, &given));
    assert_int_equal(given, late >= 0 && late % p.stride[0] == 0);
    for (int64_t i = 0; given && i < wide * outputs; i++)
      assert_number(got[i], expected(&p, rows, conv ? &w : NULL, bias, t, i / outputs, i % outputs),
                    0);
    neap_tensor_drop(&row);
  }
  assert_int_equal(neap_stream_seen(s), STEPS);
  neap_stream_free(s);
  neap_tensor *all[] = {&w, &b, &x, &y};
  for (int i = 0; i < 4; i++) neap_tensor_drop(all[i]);
}

static void rows_give_what_loops_over_taps_give(void **state) {
  (void)state;
  rng = neap_rng_make(5);
  for (int i = 0; i < 300; i++) one_case();
}

static const neap_stream_plan plan = {.kind = NEAP_STREAM_CONV,
                                      .width = 1,
                                      .channels = 2,
                                      .kernel = {3, 1},
                                      .stride = {1, 1},
                                      .dilation = {1, 1},
                                      .groups = 1,
                                      .slope = 1};

static void misfits_are_refused(void **state) {
  (void)state;
  neap_tensor w, rows;
  neap_stream *s;
  bool given;
  rng = neap_rng_make(6);
  fill(&w, 4, (int64_t[]){4, 3, 3, 1});
  assert_fails(neap_stream_new(&s, &plan, NEAP_F32, &w, NULL), NEAP_ESHAPE,
               "stream: weight [4x3x3x1] for 2 channels in 1 groups");
  assert_null(s);
  neap_tensor_drop(&w);
  fill(&w, 4, (int64_t[]){4, 2, 3, 1});
  neap_stream_plan wide = plan;
  wide.kernel[1] = 2;
  neap_tensor_drop(&w);
  fill(&w, 4, (int64_t[]){4, 2, 3, 2});
  assert_fails(neap_stream_new(&s, &wide, NEAP_F32, &w, NULL), NEAP_ESHAPE,
               "stream: a kernel over 2 places, but rows have 1");
  neap_tensor_drop(&w);
  fill(&w, 4, (int64_t[]){4, 2, 3, 1});
  assert_ok(neap_stream_new(&s, &plan, NEAP_F32, &w, NULL));
  fill(&rows, 2, (int64_t[]){3, 3});
  assert_fails(neap_stream_push(s, &rows, &rows, &given), NEAP_ESHAPE, "stream: a row [3x3]");
  assert_fails(neap_stream_restore(s, &rows, 1), NEAP_ESHAPE,
               "stream: a state of [3x3] rows, [3x2] is kept here");
  neap_stream_free(s);
  neap_tensor_drop(&rows);
  neap_tensor_drop(&w);
}

static void attempt(const neap_tensor *w, const neap_tensor *b) {
  neap_stream *s;
  neap_tensor rows;
  if (neap_stream_new(&s, &plan, NEAP_F32, w, b) == NEAP_OK &&
      neap_stream_rows(&rows, s) == NEAP_OK) {
    (void)neap_stream_restore(s, &rows, 2);
    neap_tensor_drop(&rows);
  }
  neap_stream_free(s);
}

static void failures_leave_nothing_behind(void **state) {
  (void)state;
  neap_tensor w, b;
  rng = neap_rng_make(7);
  fill(&w, 4, (int64_t[]){40, 2, 3, 1});
  fill(&b, 1, (int64_t[]){40});
  with_every_allocation_failing(attempt(&w, &b));
  neap_tensor_drop(&w);
  neap_tensor_drop(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_give_what_loops_over_taps_give),
      cmocka_unit_test(misfits_are_refused),
      cmocka_unit_test(failures_leave_nothing_behind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
