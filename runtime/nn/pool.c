/* Pooling: the largest element or the mean of windows, channel by channel. */
#include <string.h>

#include "base/interrupt.h"
#include "base/pool.h"
#include "grad/grad.h"
#include "nn/check.h"
#include "nn/conv.h"

/* Elements that one call of a kernel may read. */
enum { CALL_WORK = 1 << 22 };

typedef struct {
  int64_t in, out, size, stride, padding;
  bool adaptive;
} axis;

typedef struct {
  neap_pool kind;
  bool count_padding;
  int64_t batch, channels;
  axis axis[2];
} shape;

typedef struct {
  const shape *s;
  const neap_conv *k;
  size_t each;
  const char *x, *y, *g; /* g: the gradient of y, when going back */
  char *to;
  int64_t work;
} job;

/* The places first to first + count - 1 of output o; whole counts those in the padding too. */
typedef struct {
  int64_t first, count, whole;
} window;

static window window_of(const axis *a, int64_t o) {
  if (a->adaptive) {
    int64_t first = o * a->in / a->out, end = ((o + 1) * a->in + a->out - 1) / a->out;
    return (window){first, end - first, end - first};
  }
  int64_t first = o * a->stride - a->padding, end = first + a->size;
  int64_t whole = (end < a->in + a->padding ? end : a->in + a->padding) - first;
  if (first < 0) first = 0;
  return (window){first, (end < a->in ? end : a->in) - first, whole};
}

/* Outputs from o on, limit at most, whose windows have one size and lie one stride apart. */
static int64_t alike(const axis *a, int64_t o, int64_t limit, int64_t *step) {
  window first = window_of(a, o), next;
  int64_t n = 1;
  *step = 0;
  for (; o + n < a->out && n < limit; n++) {
    next = window_of(a, o + n);
    if (next.count != first.count || next.whole != first.whole) break;
    if (n == 1) *step = next.first - first.first;
    if (next.first != first.first + n * *step) break;
  }
  return n;
}

static void run(const job *j, window h, window v, int64_t m, int64_t x, int64_t xs, int64_t y) {
  const shape *s = j->s;
  int64_t n = s->channels;
  neap_taps t = {.count = {h.count, v.count}, .step = {s->axis[1].in * n, n}};
  double whole = s->count_padding ? (double)(h.whole * v.whole) : (double)(h.count * v.count);
  const char *from = j->x ? j->x + (size_t)x * j->each : NULL;
  size_t at = (size_t)y * j->each;
  if (j->g && s->kind == NEAP_POOL_MAX)
    j->k->max_back(m, n, &t, j->to + (size_t)x * j->each, from, xs, j->y + at, j->g + at, n);
  else if (j->g) j->k->sum_back(m, n, &t, 1 / whole, j->to + (size_t)x * j->each, xs, j->g + at, n);
  else if (s->kind == NEAP_POOL_MAX) j->k->max(m, n, &t, j->to + at, n, from, xs);
  else j->k->sum(m, n, &t, 1 / whole, j->to + at, n, from, xs);
}

/* One line of windows of one sample. */
static neap_status run_line(const job *j, int64_t sample, int64_t line) {
  const shape *s = j->s;
  const axis *a = s->axis;
  window h = window_of(&a[0], line), v;
  int64_t y = (sample * a[0].out + line) * a[1].out, m, step;
  int64_t x = (sample * a[0].in + h.first) * a[1].in;
  for (int64_t o = 0; o < a[1].out; o += m) {
    NEAP_TRY(neap_interrupt_check());
    v = window_of(&a[1], o);
    int64_t limit = CALL_WORK / (h.count * v.count * s->channels);
    m = alike(&a[1], o, limit < 1 ? 1 : limit, &step);
    run(j, h, v, m, (x + v.first) * s->channels, step * s->channels, (y + o) * s->channels);
  }
  return NEAP_OK;
}

/* Windows may overlap: a sample's gradient belongs to one thread. */
static neap_status run_samples(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const job *j = ctx;
  for (int64_t i = begin; i < end; i++)
    for (int64_t line = 0; line < j->s->axis[0].out; line++) NEAP_TRY(run_line(j, i, line));
  return NEAP_OK;
}

static neap_status run_all(job *j) {
  const neap_kern *k;
  const shape *s = j->s;
  NEAP_TRY(neap_kern_select(&k));
  neap_dtype dtype = j->each == sizeof(float) ? NEAP_F32 : NEAP_F64;
  j->k = &k->conv[dtype];
  if (s->channels == 0) return NEAP_OK;
  int64_t each = s->axis[0].in * s->axis[1].in * s->channels, grain = (1 << 16) / each;
  return neap_parallel_for(s->batch, grain < 1 ? 1 : grain, run_samples, j);
}

/* gradient ------------------------------------------------------------------------------------- */

static neap_status pool_back(neap_node *n) {
  const shape *s = neap_node_state(n);
  const neap_tensor *input = neap_node_input(n, 0);
  neap_tensor g, x = {0}, dx = {0};
  NEAP_TRY(neap_node_dense(n, 0, &g));
  neap_status st = neap_tensor_init(&dx, input->dtype, input->ndim, input->size);
  if (!st && s->kind == NEAP_POOL_MAX) st = neap_tensor_as(&x, neap_node_saved(n, 0), g.dtype);
  if (!st) {
    job j = {.s = s, .each = neap_dtype_size(g.dtype), .to = neap_tensor_data(&dx)};
    j.g = neap_tensor_data(&g);
    if (s->kind == NEAP_POOL_MAX) {
      j.x = neap_tensor_data(&x);
      j.y = neap_tensor_data(neap_node_saved(n, 1));
    }
    st = run_all(&j);
  }
  neap_tensor_drop(&x);
  neap_tensor_drop(&g);
  if (!st) return neap_node_give(n, 0, &dx);
  neap_tensor_drop(&dx);
  return st;
}

/* geometry ------------------------------------------------------------------------------------- */

static neap_status outputs(const char *name, const neap_tensor *x, bool ceil, axis *a) {
  char text[128];
  neap_shape_text(x, text, sizeof text);
  if (a->size < 1 || a->size > INT32_MAX || a->stride < 1 || a->stride > INT32_MAX ||
      a->padding < 0 || a->padding > a->size / 2)
    return neap_fail(NEAP_EARG,
                     "%s: window %lld, stride %lld, padding %lld: the first "
                     "two are 1 to 2^31, "
                     "padding is at most half the window",
                     name, (long long)a->size, (long long)a->stride, (long long)a->padding);
  int64_t room = a->in + 2 * a->padding - a->size;
  if (a->in < 1 || room < 0)
    return neap_fail(NEAP_ESHAPE, "%s: x %s is shorter than the window of %lld", name, text,
                     (long long)a->size);
  a->out = (room + (ceil ? a->stride - 1 : 0)) / a->stride + 1;
  if (ceil && (a->out - 1) * a->stride >= a->in + a->padding) a->out--;
  return NEAP_OK;
}

static neap_status geometry(shape *s, const neap_tensor *x, const neap_pool_options *o) {
  static const char *const names[][2] = {{"max_pool1d", "max_pool2d"},
                                         {"avg_pool1d", "avg_pool2d"},
                                         {"adaptive_avg_pool1d", "adaptive_avg_pool2d"}};
  const char *name = names[o->kind][x->ndim == 4];
  char text[128];
  NEAP_TRY(neap__nn_one_dtype(name, 1, &x, (const char *[]){"x"}));
  if (x->ndim != 3 && x->ndim != 4)
    return neap_fail(NEAP_ESHAPE,
                     "%s: x %s must be [batch, time, features] or "
                     "[batch, height, width, channels]",
                     name, neap_shape_text(x, text, sizeof text));
  *s = (shape){.kind = o->kind,
               .count_padding = o->count_padding,
               .batch = x->size[0],
               .channels = x->size[x->ndim - 1],
               .axis = {{.in = 1, .out = 1, .size = 1, .stride = 1}}};
  for (int d = 0; d < x->ndim - 2; d++) {
    axis *a = &s->axis[x->ndim == 4 ? d : 1];
    *a = (axis){.in = x->size[1 + d],
                .out = o->size[d],
                .size = o->size[d],
                .stride = o->stride[d],
                .padding = o->padding[d],
                .adaptive = o->kind == NEAP_POOL_ADAPTIVE_MEAN};
    if (!a->adaptive) NEAP_TRY(outputs(name, x, o->ceil, a));
    else if (a->in < 1 || a->out < 1 || a->out > INT32_MAX)
      return neap_fail(NEAP_ESHAPE,
                       a->in < 1 ? "%s: x %s has nothing to average for %lld outputs"
                                 : "%s: x %s cannot be averaged to %lld outputs, 2^31 - 1 at most",
                       name, neap_shape_text(x, text, sizeof text), (long long)a->out);
  }
  return NEAP_OK;
}

/* Images one place wide are sequences: long runs of windows go through one call. */
static void turn(shape *s) {
  if (s->axis[1].in != 1 || s->axis[1].out != 1 || s->axis[1].size != 1) return;
  s->axis[1] = s->axis[0];
  s->axis[0] = (axis){.in = 1, .out = 1, .size = 1, .stride = 1};
}

static neap_status record(const shape *s, neap_tensor *out, const neap_tensor *x) {
  static const neap_gradient gradient[] = {
      {"max_pool", pool_back, NULL}, {"avg_pool", pool_back, NULL}, {"avg_pool", pool_back, NULL}};
  const neap_tensor *save[] = {x, out};
  return neap__nn_record(&gradient[s->kind], 1, &x, out, s->kind == NEAP_POOL_MAX ? 2 : 0, save, s,
                         sizeof *s);
}

neap_status neap_nn_pool(neap_tensor *out, const neap_tensor *x, const neap_pool_options *o) {
  shape s;
  neap_tensor rows;
  memset(out, 0, sizeof *out);
  NEAP_TRY(geometry(&s, x, o));
  int64_t size[4] = {s.batch, s.axis[0].out, s.axis[1].out, s.channels};
  if (x->ndim == 3) size[1] = s.axis[1].out, size[2] = s.channels;
  turn(&s);
  NEAP_TRY(neap_tensor_as(&rows, x, x->dtype));
  neap_status st = neap_tensor_init_raw(out, x->dtype, x->ndim, size);
  if (!st) {
    job j = {.s = &s, .each = neap_dtype_size(x->dtype)};
    j.x = neap_tensor_data(&rows);
    j.to = neap_tensor_data(out);
    st = run_all(&j);
  }
  neap_tensor_drop(&rows);
  if (!st) st = record(&s, out, x);
  if (st) neap_tensor_drop(out);
  return st;
}
