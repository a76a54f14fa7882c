/* The sweeps of a convolution and their weights, in the order in which they are read. */
#include "nn/conv_core.h"

#include <string.h>

#include "tensor/tensor.h"

static int64_t gcd(int64_t a, int64_t b) {
  while (b) {
    int64_t r = a % b;
    a = b;
    b = r;
  }
  return a;
}

static int64_t divide_up(int64_t a, int64_t b) { return a > 0 ? (a - 1) / b + 1 : 0; }

bool neap__conv_by_lane(const neap__conv *c) {
  return c->groups > 1 && c->channels == 1 && c->features == 1;
}

neap__sweep neap__conv_forward_sweep(const neap__conv *c) {
  neap__sweep s = {.inputs = c->channels, .outputs = c->features};
  for (int d = 0; d < 2; d++) {
    const neap__axis *a = &c->axis[d];
    s.course[d] = (neap__course){.count = a->out,
                                 .from = -a->before,
                                 .step = a->stride,
                                 .taps = a->taps,
                                 .reach = a->dilation,
                                 .spread = 1,
                                 .skip = -1};
  }
  return s;
}

/* Of a single output the stride is of no account: the one at which all inputs are residues leaves
 * no tap that would only ever meet padding. */
static int64_t back_stride(const neap__axis *a) {
  return a->out == 1 && a->in > a->stride ? a->in : a->stride;
}

/* Inputs r + o stride: tap t reaches them when r + before - t dilation is a multiple of the stride,
 * which it is for every skip-th t. */
static neap__course back_course(const neap__axis *a, int64_t r) {
  int64_t stride = back_stride(a), common = gcd(stride, a->dilation);
  neap__course c = {.count = divide_up(a->in - r, stride),
                    .step = 1,
                    .reach = a->dilation / common,
                    .to = r,
                    .spread = stride,
                    .skip = stride / common};
  for (int64_t t = 0; t < a->taps; t++) {
    int64_t at = r + a->before - t * a->dilation;
    if (at % stride) continue;
    c.taps++;
    c.last = t;
    c.from = at / stride;
  }
  return c;
}

int64_t neap__conv_back_sweeps(const neap__conv *c) {
  return back_stride(&c->axis[0]) * back_stride(&c->axis[1]);
}

neap__sweep neap__conv_back_sweep(const neap__conv *c, int64_t i) {
  int64_t places = back_stride(&c->axis[1]);
  neap__sweep s = {.inputs = c->features, .outputs = c->channels};
  s.course[0] = back_course(&c->axis[0], i / places);
  s.course[1] = back_course(&c->axis[1], i % places);
  return s;
}

static int64_t sweep_rows(const neap__sweep *s) {
  return 1 + s->course[0].taps * s->course[1].taps * s->inputs;
}

int64_t neap__conv_packed(const neap__conv *c, const neap__sweep *s, const neap_kern *k) {
  int64_t panel = k->gemm[c->dtype].panel;
  if (neap__conv_by_lane(c)) return c->groups * sweep_rows(s);
  return c->groups * divide_up(s->outputs, panel) * panel * sweep_rows(s);
}

/* The weights of n features from f on, turned so that features lie side by side, tap by tap. */
static void pack_forward(const neap__conv *c, const neap_kern *k, const char *w, int64_t n, char *z,
                         char *room) {
  size_t each = neap_dtype_size(c->dtype), panel = (size_t)k->gemm[c->dtype].panel * each;
  int64_t taps = c->axis[0].taps * c->axis[1].taps, rows = taps * c->channels;
  k->transpose[c->dtype](rows, n, room, k->gemm[c->dtype].panel, w, rows);
  for (int64_t t = 0; t < taps; t++)
    for (int64_t i = 0; i < c->channels; i++, z += panel)
      memcpy(z, room + (size_t)(i * taps + t) * panel, (size_t)n * each);
}

/* The weights of n channels, feature after feature, for each tap of the sweep. */
static void pack_back(const neap__conv *c, const neap__sweep *s, const neap_kern *k, const char *w,
                      int64_t n, char *z) {
  size_t each = neap_dtype_size(c->dtype), panel = (size_t)k->gemm[c->dtype].panel * each;
  int64_t width = c->axis[1].taps, taps = c->axis[0].taps * width;
  for (int64_t i = 0; i < s->course[0].taps; i++)
    for (int64_t j = 0; j < s->course[1].taps; j++) {
      int64_t line = s->course[0].last - i * s->course[0].skip;
      int64_t tap = line * width + s->course[1].last - j * s->course[1].skip;
      for (int64_t f = 0; f < c->features; f++, z += panel)
        k->cast[c->dtype][c->dtype](n, z, 1, w + (size_t)(f * c->channels * taps + tap) * each,
                                    taps);
    }
}

/* A row of the bias, and one of all channels for each tap of the sweep. */
static void pack_lanes(const neap__conv *c, const neap__sweep *s, const neap_kern *k, const char *w,
                       const void *bias, char *z) {
  size_t each = neap_dtype_size(c->dtype), row = (size_t)c->groups * each;
  int64_t width = c->axis[1].taps, taps = c->axis[0].taps * width;
  if (bias) memcpy(z, bias, row);
  else memset(z, 0, row);
  for (int64_t i = 0; i < s->course[0].taps; i++)
    for (int64_t j = 0; j < s->course[1].taps; j++) {
      int64_t line = s->course[0].last - i * s->course[0].skip;
      int64_t tap = line * width + s->course[1].last - j * s->course[1].skip;
      z += row;
      k->cast[c->dtype][c->dtype](c->groups, z, 1, w + (size_t)tap * each, taps);
    }
}

void neap__conv_pack(const neap__conv *c, neap__sweep *s, const neap_kern *k, bool back,
                     const void *w, const void *bias, char *z, char *room) {
  size_t each = neap_dtype_size(c->dtype);
  int64_t panel = k->gemm[c->dtype].panel, rows = sweep_rows(s);
  int64_t taps = c->axis[0].taps * c->axis[1].taps;
  s->weights = z;
  if (neap__conv_by_lane(c)) {
    pack_lanes(c, s, k, w, bias, z);
    return;
  }
  for (int64_t g = 0; g < c->groups; g++) {
    const char *own = (const char *)w + (size_t)(g * c->features * c->channels * taps) * each;
    for (int64_t j = 0; j < s->outputs; j += panel, z += (size_t)(rows * panel) * each) {
      int64_t n = s->outputs - j < panel ? s->outputs - j : panel;
      size_t from = (size_t)(g * s->outputs + j) * each, row = (size_t)panel * each;
      memset(z, 0, n < panel ? (size_t)rows * row : row);
      if (bias) memcpy(z, (const char *)bias + from, (size_t)n * each);
      if (back) pack_back(c, s, k, own + (size_t)(j * taps) * each, n, z + row);
      else pack_forward(c, k, own + (size_t)(j * c->channels * taps) * each, n, z + row, room);
    }
  }
}
