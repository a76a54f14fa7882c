/* Rings of rows. Each row is written twice, a ring's length apart, so that the rows of a window
 * always lie one behind the other. */
#include "nn/stream.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "nn/number.h"

struct neap_stream {
  const neap_kern *kern;
  neap_stream_plan plan;
  neap_dtype dtype;
  int64_t outputs, out_width;
  int64_t reach; /* rows of a window */
  int64_t row;   /* elements of a row with its padding */
  int64_t seen;
  neap_taps taps;
  char *weights; /* of each group, packed for the taps */
  int64_t group_bytes;
  neap_tensor rows; /* 2 reach x row */
};

static neap_status check(const neap_stream_plan *p, neap_dtype dtype, const neap_tensor *w,
                         const neap_tensor *b) {
  char text[128];
  const int64_t value[] = {p->kernel[0],   p->kernel[1], p->stride[0], p->stride[1], p->dilation[0],
                           p->dilation[1], p->width,     p->channels,  p->before,    p->after};
  static const char *const name[] = {"kernel",   "kernel", "stride",   "stride", "dilation",
                                     "dilation", "width",  "channels", "before", "after"};
  for (int i = 0; i < 10; i++)
    if (value[i] < (i < 8) || value[i] > INT32_MAX)
      return neap_fail(NEAP_EARG, "stream: %s is %lld, must be %d to 2^31 - 1", name[i],
                       (long long)value[i], i < 8);
  if (p->before + p->width + p->after > INT32_MAX)
    return neap_fail(NEAP_EARG, "stream: rows of %lld places with their padding, 2^31 - 1 at most",
                     (long long)(p->before + p->width + p->after));
  if (!neap_dtype_is_float(dtype))
    return neap_fail(NEAP_EDTYPE, "stream: dtype must be f32 or f64, got %s",
                     neap_dtype_name(dtype));
  if (p->kind != NEAP_STREAM_CONV) return NEAP_OK;
  if (p->groups < 1 || p->channels % p->groups != 0 || w->ndim != 4 ||
      w->size[0] % p->groups != 0 || w->size[1] != p->channels / p->groups ||
      w->size[2] != p->kernel[0] || w->size[3] != p->kernel[1] ||
      (b && (b->ndim != 1 || b->size[0] != w->size[0])))
    return neap_fail(NEAP_ESHAPE, "stream: weight %s for %lld channels in %lld groups",
                     neap_shape_text(w, text, sizeof text), (long long)p->channels,
                     (long long)p->groups);
  return NEAP_OK;
}

static double at(const neap_tensor *t, int64_t i, int64_t j, int64_t k, int64_t l) {
  return neap_tensor_get_f64(t, (int64_t[]){i, j, k, l});
}

/* Of one group: for each panel of outputs a row of biases and a row for each element of the taps.
 */
static void pack_group(neap_stream *s, int64_t g, const neap_tensor *w, const neap_tensor *b) {
  int64_t panel = s->kern->gemm[s->dtype].panel, n = s->outputs / s->plan.groups, l = 0;
  char *z = s->weights + g * s->group_bytes;
  for (int64_t j = 0; j < n; j += panel) {
    for (int64_t o = j; o < j + panel; o++, l++)
      neap__nn_set(s->dtype, z, l, b && o < n ? neap_tensor_get_f64(b, &(int64_t){g * n + o}) : 0);
    for (int64_t t = 0; t < w->size[2]; t++)
      for (int64_t v = 0; v < w->size[3]; v++)
        for (int64_t c = 0; c < w->size[1]; c++)
          for (int64_t o = j; o < j + panel; o++, l++)
            neap__nn_set(s->dtype, z, l, o < n ? at(w, g * n + o, c, t, v) : 0);
  }
}

static neap_status pack(neap_stream *s, const neap_tensor *w, const neap_tensor *b) {
  int64_t panel = s->kern->gemm[s->dtype].panel, n = s->outputs / s->plan.groups;
  int64_t elements = (n + panel - 1) / panel * panel * (1 + w->size[1] * w->size[2] * w->size[3]);
  int64_t size = (int64_t)neap_dtype_size(s->dtype);
  s->group_bytes = elements * size;
  s->weights = neap_alloc_array(s->plan.groups, (size_t)s->group_bytes);
  if (!s->weights) return NEAP_ENOMEM;
  for (int64_t g = 0; g < s->plan.groups; g++) pack_group(s, g, w, b);
  return NEAP_OK;
}

/* What one result reads of a window. Places side by side are one stretch where nothing lies between
 * them. */
static void set_taps(neap_stream *s) {
  const neap_stream_plan *p = &s->plan;
  bool joined = p->kind == NEAP_STREAM_CONV && p->groups == 1 && p->dilation[1] == 1;
  int64_t depth = p->kind == NEAP_STREAM_CONV ? p->channels / p->groups : p->channels;
  s->taps.k = joined ? p->kernel[1] * depth : depth;
  s->taps.count[0] = p->kernel[0];
  s->taps.step[0] = p->kernel[0] > 1 ? p->dilation[0] * s->row : 0;
  s->taps.count[1] = joined ? 1 : p->kernel[1];
  s->taps.step[1] = p->dilation[1] * p->channels;
}

void neap_stream_reset(neap_stream *s) {
  double blank = s->plan.kind == NEAP_STREAM_MAX ? -INFINITY : 0;
  int64_t n = neap_tensor_numel(&s->rows);
  for (int64_t i = 0; i < n; i++) neap__nn_set(s->dtype, neap_tensor_data(&s->rows), i, blank);
  s->seen = 0;
}

static neap_status set_up(neap_stream *s, const neap_tensor *w, const neap_tensor *b) {
  const neap_stream_plan *p = &s->plan;
  int64_t width = p->before + p->width + p->after, over = p->dilation[1] * (p->kernel[1] - 1) + 1;
  if (over > width)
    return neap_fail(NEAP_ESHAPE, "stream: a kernel over %lld places, but rows have %lld",
                     (long long)over, (long long)width);
  NEAP_TRY(neap_kern_select(&s->kern));
  s->outputs = w ? w->size[0] : p->channels;
  s->out_width = (width - over) / p->stride[1] + 1;
  s->reach = p->dilation[0] * (p->kernel[0] - 1) + 1;
  s->row = width * p->channels;
  NEAP_TRY(neap_tensor_init_raw(&s->rows, s->dtype, 2, (int64_t[]){2 * s->reach, s->row}));
  set_taps(s);
  neap_stream_reset(s);
  return w ? pack(s, w, b) : NEAP_OK;
}

neap_status neap_stream_new(neap_stream **out, const neap_stream_plan *plan, neap_dtype dtype,
                            const neap_tensor *weight, const neap_tensor *bias) {
  *out = NULL;
  if (weight) dtype = weight->dtype;
  NEAP_TRY(check(plan, dtype, weight, bias));
  neap_stream *s = neap_calloc_array(1, sizeof *s);
  if (!s) return NEAP_ENOMEM;
  s->plan = *plan;
  s->dtype = dtype;
  neap_status st = set_up(s, weight, bias);
  if (st) neap_stream_free(s);
  else *out = s;
  return st;
}

void neap_stream_free(neap_stream *s) {
  if (!s) return;
  neap_tensor_drop(&s->rows);
  neap_free(s->weights);
  neap_free(s);
}

static neap_status check_row(const neap_stream *s, const neap_tensor *x, const neap_tensor *out) {
  char a[128], b[128];
  int64_t wide = out->ndim > 1 ? out->size[out->ndim - 2] : 1;
  if (x->dtype != s->dtype || out->dtype != s->dtype)
    return neap_fail(NEAP_EDTYPE, "stream: rows must be %s, got %s", neap_dtype_name(s->dtype),
                     neap_dtype_name(x->dtype));
  if (!neap_tensor_is_contiguous(x) || neap_tensor_numel(x) != s->plan.width * s->plan.channels ||
      out->ndim < 1 || out->size[out->ndim - 1] != s->outputs || out->stride[out->ndim - 1] != 1 ||
      wide != s->out_width || neap_tensor_numel(out) != wide * s->outputs)
    return neap_fail(NEAP_ESHAPE, "stream: a row %s for %lld places of %lld channels, into %s",
                     neap_shape_text(x, a, sizeof a), (long long)s->plan.width,
                     (long long)s->plan.channels, neap_shape_text(out, b, sizeof b));
  return NEAP_OK;
}

/* Keep x, and return the oldest row of the window that ends with it. */
static const char *keep(neap_stream *s, const neap_tensor *x) {
  size_t size = neap_dtype_size(s->dtype), bytes = (size_t)neap_tensor_numel(x) * size;
  size_t row = (size_t)s->row * size, at_row = (size_t)(s->seen % s->reach) * row;
  char *rows = neap_tensor_data(&s->rows);
  char *first = rows + at_row + (size_t)(s->plan.before * s->plan.channels) * size;
  memcpy(first, neap_tensor_data(x), bytes);
  memcpy(first + (size_t)s->reach * row, first, bytes);
  s->seen++;
  return rows + (size_t)(s->seen % s->reach) * row;
}

static void compute(const neap_stream *s, const char *x, char *y, int64_t ys) {
  const neap_conv *k = &s->kern->conv[s->dtype];
  const neap_stream_plan *p = &s->plan;
  int64_t xs = p->stride[1] * p->channels;
  if (p->kind == NEAP_STREAM_MAX) {
    k->max(s->out_width, p->channels, &s->taps, y, ys, x, xs);
  } else if (p->kind == NEAP_STREAM_MEAN) {
    double scale = 1.0 / (double)(p->kernel[0] * p->kernel[1]);
    k->sum(s->out_width, p->channels, &s->taps, scale, y, ys, x, xs);
  } else {
    size_t size = neap_dtype_size(s->dtype);
    int64_t n = s->outputs / p->groups, depth = p->channels / p->groups;
    for (int64_t g = 0; g < p->groups; g++)
      k->taps(s->out_width, n, &s->taps, y + (size_t)(g * n) * size, ys,
              x + (size_t)(g * depth) * size, xs, s->weights + g * s->group_bytes,
              p->slope < 1 ? &p->slope : NULL);
  }
}

neap_status neap_stream_push(neap_stream *s, const neap_tensor *x, neap_tensor *out, bool *given) {
  NEAP_TRY(check_row(s, x, out));
  const char *window = keep(s, x);
  int64_t late = s->plan.causal ? s->seen - 1 : s->seen - s->reach;
  *given = late >= 0 && late % s->plan.stride[0] == 0;
  if (!*given) return NEAP_OK;
  compute(s, window, neap_tensor_data(out), out->ndim > 1 ? out->stride[out->ndim - 2] : 0);
  neap_tensor_touch(out);
  return NEAP_OK;
}

int64_t neap_stream_seen(const neap_stream *s) { return s->seen; }

neap_status neap_stream_rows(neap_tensor *out, const neap_stream *s) {
  neap_tensor window;
  memset(out, 0, sizeof *out);
  NEAP_TRY(neap_tensor_slice(&window, &s->rows, 0, s->seen % s->reach, s->reach, 1));
  neap_status st = neap_tensor_clone(out, &window);
  neap_tensor_drop(&window);
  return st;
}

neap_status neap_stream_restore(neap_stream *s, const neap_tensor *rows, int64_t seen) {
  char text[128];
  if (rows->ndim != 2 || rows->size[0] != s->reach || rows->size[1] != s->row || seen < 0)
    return neap_fail(NEAP_ESHAPE, "stream: a state of %s rows, [%lldx%lld] is kept here",
                     neap_shape_text(rows, text, sizeof text), (long long)s->reach,
                     (long long)s->row);
  for (int64_t i = 0; i < s->reach; i++)
    for (int half = 0; half < 2; half++) {
      neap_tensor from = {0}, to = {0};
      int64_t place = (seen + i) % s->reach + half * s->reach;
      neap_status st = neap_tensor_select(&from, rows, 0, i);
      if (!st) st = neap_tensor_select(&to, &s->rows, 0, place);
      if (!st) st = neap_tensor_copy(&to, &from);
      neap_tensor_drop(&from);
      neap_tensor_drop(&to);
      if (st) return st;
    }
  s->seen = seen;
  return NEAP_OK;
}
