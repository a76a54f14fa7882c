/* Convolutions of tensors, and their gradients on the tape. */
#include "nn/conv.h"

#include <string.h>

#include "grad/grad.h"
#include "nn/check.h"
#include "nn/conv_core.h"

/* What a recorded convolution keeps beside its tensors. */
typedef struct {
  neap__conv conv;
  neap_bend bend;
  double slope;
} state;

static const char *layout(int spatial) {
  return spatial == 1 ? "[batch, time, features]" : "[batch, height, width, channels]";
}

static neap_status check_shapes(const char *name, int spatial, const neap_tensor *x,
                                const neap_tensor *w, const neap_tensor *bias, int64_t groups,
                                int64_t channels, int64_t features) {
  char a[128], b[128];
  NEAP_TRY(neap__nn_one_dtype(name, 3, (const neap_tensor *[]){x, bias, w},
                              (const char *[]){"x", "bias", "weight"}));
  neap_shape_text(x, a, sizeof a);
  if (x->ndim != spatial + 2)
    return neap_fail(NEAP_ESHAPE, "%s: x %s must be %s", name, a, layout(spatial));
  for (int d = 0; d < w->ndim; d++)
    if (w->size[d] < 1)
      return neap_fail(NEAP_ESHAPE, "%s: weight %s has an empty dim", name,
                       neap_shape_text(w, b, sizeof b));
  if (x->size[x->ndim - 1] != channels)
    return neap_fail(NEAP_ESHAPE,
                     "%s: x %s has %lld features in its last dim, the layer takes %lld "
                     "(data is %s)",
                     name, a, (long long)x->size[x->ndim - 1], (long long)channels,
                     layout(spatial));
  if (w->size[0] % groups)
    return neap_fail(NEAP_ESHAPE, "%s: %lld groups do not divide the first dim of weight %s", name,
                     (long long)groups, neap_shape_text(w, b, sizeof b));
  if (bias && (bias->ndim != 1 || bias->size[0] != features))
    return neap_fail(NEAP_ESHAPE, "%s: bias %s must be [%lld]", name,
                     neap_shape_text(bias, b, sizeof b), (long long)features);
  return NEAP_OK;
}

static neap_status check_options(const char *name, int spatial, const neap_tensor *w,
                                 const neap_conv_options *o) {
  char text[128];
  for (int d = 0; d < w->ndim; d++) /* an empty tensor may have any */
    if (w->size[d] > INT32_MAX)
      return neap_fail(NEAP_ESHAPE, "%s: weight %s has a size above 2^31 - 1", name,
                       neap_shape_text(w, text, sizeof text));
  for (int d = 0; d < spatial; d++) {
    static const int64_t least[] = {1, 1, 0, 0};
    static const char *const what[] = {"stride", "dilation", "padding", "padding"};
    const int64_t value[] = {o->stride[d], o->dilation[d], o->before[d], o->after[d]};
    for (int i = 0; i < 4; i++)
      if (value[i] < least[i] || value[i] > INT32_MAX)
        return neap_fail(NEAP_EARG, "%s: %s is %lld, must be %lld to 2^31 - 1", name, what[i],
                         (long long)value[i], (long long)least[i]);
  }
  if (o->bend == NEAP_BEND_LEAKY && !(o->slope >= 0 && o->slope <= 1))
    return neap_fail(NEAP_EARG, "%s: slope %g must be in [0, 1]", name, o->slope);
  if (o->groups < 1 || o->groups > INT32_MAX)
    return neap_fail(NEAP_EARG, "%s: groups must be 1 to 2^31 - 1, got %lld", name,
                     (long long)o->groups);
  return NEAP_OK;
}

/* tensors as plain arrays */

typedef struct {
  neap_tensor x, w, bias, y;
} arrays;

static void drop(arrays *a) {
  neap_tensor_drop(&a->x);
  neap_tensor_drop(&a->w);
  neap_tensor_drop(&a->bias);
  neap_tensor_drop(&a->y);
}

static neap_status hold(arrays *a, const neap_tensor *x, const neap_tensor *w,
                        const neap_tensor *bias) {
  memset(a, 0, sizeof *a);
  neap_status st = neap_tensor_as(&a->x, x, x->dtype);
  if (!st) st = neap_tensor_as(&a->w, w, w->dtype);
  if (!st && bias) st = neap_tensor_as(&a->bias, bias, bias->dtype);
  if (st) drop(a);
  return st;
}

static void *data(const neap_tensor *t) { return t->storage ? neap_tensor_data(t) : NULL; }

/* A tensor for the gradient of an input that wants one; g stays empty for others. */
static neap_status wanted(neap_tensor *g, const neap_node *n, int input) {
  memset(g, 0, sizeof *g);
  if (!neap_node_wants(n, input)) return NEAP_OK;
  const neap_tensor *t = neap_node_input(n, input);
  return neap_tensor_init_raw(g, t->dtype, t->ndim, t->size);
}

static neap_status record(const neap_gradient *g, const state *s, neap_tensor *out,
                          const neap_tensor *x, const neap_tensor *w, const neap_tensor *bias) {
  const neap_tensor *in[] = {x, w, bias}, *save[] = {x, w, out};
  return neap__nn_record(g, 3, in, out, s->bend == NEAP_BEND_NONE ? 2 : 3, save, s, sizeof *s);
}

/* convolution ---------------------------------------------------------------------------------- */

/* Where dx may take the place of the gradient g that it is made of, which then is of x's shape. */
static neap_status make_room(neap_node *n, neap_tensor *g, bool own, neap_tensor d[3]) {
  const state *s = neap_node_state(n);
  bool in_place = own && neap_node_wants(n, 0) && neap__conv_in_place(&s->conv);
  const neap_tensor *x = in_place ? neap_node_input(n, 0) : NULL;
  if (in_place) NEAP_TRY(neap_tensor_view(&d[0], g, x->ndim, x->size));
  for (int i = in_place; i < 3; i++) NEAP_TRY(wanted(&d[i], n, i));
  return NEAP_OK;
}

static neap_status conv_gradients(neap_node *n, const arrays *a, const neap_tensor *g,
                                  neap_tensor d[3]) {
  const state *s = neap_node_state(n);
  neap__conv_gradient o = {.x = data(&a->x),
                           .w = data(&a->w),
                           .y = data(&a->y),
                           .g = data(g),
                           .dx = data(&d[0]),
                           .dw = data(&d[1]),
                           .db = data(&d[2]),
                           .bend = s->bend,
                           .slope = s->slope};
  return neap__conv_backward(&s->conv, &o);
}

static neap_status give_all(neap_node *n, neap_status st, neap_tensor d[3]) {
  for (int i = 0; i < 3; i++)
    if (!st && d[i].storage) st = neap_node_give(n, i, &d[i]);
    else neap_tensor_drop(&d[i]);
  return st;
}

static neap_status conv_back(neap_node *n) {
  const state *s = neap_node_state(n);
  neap_tensor g, d[3] = {{0}};
  arrays a;
  bool own;
  NEAP_TRY(neap_node_take(n, 0, &g, &own));
  neap_status st = hold(&a, neap_node_saved(n, 0), neap_node_saved(n, 1), NULL);
  if (!st) {
    if (s->bend != NEAP_BEND_NONE) neap_tensor_alias(&a.y, neap_node_saved(n, 2));
    st = make_room(n, &g, own, d);
    if (!st) st = conv_gradients(n, &a, &g, d);
    drop(&a);
  }
  neap_tensor_drop(&g);
  return give_all(n, st, d);
}

static neap_status axes(const char *name, int spatial, neap__conv *c, const neap_tensor *x,
                        const neap_tensor *w, const neap_conv_options *o) {
  char a[128], b[128];
  for (int d = 0; d < 2; d++) {
    neap__axis *axis = &c->axis[d];
    *axis = (neap__axis){1, 1, 1, 1, 1, 0};
    if (d >= spatial) continue;
    *axis = (neap__axis){.in = x->size[1 + d],
                         .taps = w->size[2 + d],
                         .stride = o->stride[d],
                         .dilation = o->dilation[d],
                         .before = o->before[d]};
    int64_t room = axis->in + o->before[d] + o->after[d] - 1;
    if (axis->in < 1 || (axis->taps - 1) > room / axis->dilation)
      return neap_fail(NEAP_ESHAPE,
                       "%s: x %s with padding %lld and %lld is shorter than "
                       "the kernel of weight "
                       "%s with dilation %lld",
                       name, neap_shape_text(x, a, sizeof a), (long long)o->before[d],
                       (long long)o->after[d], neap_shape_text(w, b, sizeof b),
                       (long long)axis->dilation);
    axis->out = (room - (axis->taps - 1) * axis->dilation) / axis->stride + 1;
  }
  return NEAP_OK;
}

static neap_status conv_geometry(neap__conv *c, const neap_tensor *x, const neap_tensor *w,
                                 const neap_tensor *bias, const neap_conv_options *o) {
  int spatial = w->ndim - 2;
  char text[128];
  const char *name = spatial == 2 ? "conv2d" : "conv1d";
  if (spatial != 1 && spatial != 2)
    return neap_fail(NEAP_ESHAPE,
                     "conv: weight %s must be [features, channels / groups, taps] or "
                     "[.., height, width]",
                     neap_shape_text(w, text, sizeof text));
  NEAP_TRY(check_options(name, spatial, w, o));
  NEAP_TRY(check_shapes(name, spatial, x, w, bias, o->groups, w->size[1] * o->groups, w->size[0]));
  *c = (neap__conv){.dtype = x->dtype,
                    .batch = x->size[0],
                    .groups = o->groups,
                    .channels = w->size[1],
                    .features = w->size[0] / o->groups};
  return axes(name, spatial, c, x, w, o);
}

static neap_status conv_values(neap_tensor *out, const neap__conv *c, const neap_tensor *x,
                               const neap_tensor *w, const neap_tensor *bias,
                               const neap_conv_options *o) {
  arrays a;
  int64_t size[4] = {c->batch, c->axis[0].out, c->axis[1].out};
  size[x->ndim - 1] = c->groups * c->features;
  NEAP_TRY(hold(&a, x, w, bias));
  neap_status st = neap_tensor_init_raw(out, c->dtype, x->ndim, size);
  if (!st) {
    neap__conv_out call = {data(&a.x), data(&a.w), data(&a.bias), data(out), o->bend, o->slope};
    st = neap__conv_forward(c, &call);
    if (st) neap_tensor_drop(out);
  }
  drop(&a);
  return st;
}

neap_status neap_nn_conv(neap_tensor *out, const neap_tensor *x, const neap_tensor *w,
                         const neap_tensor *bias, const neap_conv_options *o) {
  static const neap_gradient one = {"conv1d", conv_back, NULL}, two = {"conv2d", conv_back, NULL};
  state s = {.bend = o->bend, .slope = o->slope};
  memset(out, 0, sizeof *out);
  NEAP_TRY(conv_geometry(&s.conv, x, w, bias, o));
  NEAP_TRY(conv_values(out, &s.conv, x, w, bias, o));
  neap_status st = record(w->ndim == 3 ? &one : &two, &s, out, x, w, bias);
  if (st) neap_tensor_drop(out);
  return st;
}

/* transposed: the gradient of a convolution from y's sizes to x's ------------------------------ */

static neap_status transpose_bias(neap_node *n, const neap_tensor *g) {
  neap_tensor rows, db;
  neap_reduce_options o = {.dims = 1};
  if (!neap_node_wants(n, 2)) return NEAP_OK;
  NEAP_TRY(neap_tensor_reshape(&rows, g, 2, (int64_t[]){g->size[0] * g->size[1], g->size[2]}));
  neap_status st = neap_tensor_reduce(&db, NEAP_SUM, &rows, &o);
  neap_tensor_drop(&rows);
  return st ? st : neap_node_give(n, 2, &db);
}

static neap_status transpose_back(neap_node *n) {
  const state *s = neap_node_state(n);
  neap_tensor g, d[3] = {{0}};
  arrays a;
  NEAP_TRY(neap_node_dense(n, 0, &g));
  neap_status st = hold(&a, neap_node_saved(n, 0), neap_node_saved(n, 1), NULL);
  if (!st) {
    for (int i = 0; i < 2 && !st; i++) st = wanted(&d[i], n, i);
    neap__conv_out out = {.x = data(&g), .w = data(&a.w), .y = data(&d[0])};
    neap__conv_gradient o = {.x = data(&g), .g = data(&a.x), .dw = data(&d[1])};
    if (!st && out.y) st = neap__conv_forward(&s->conv, &out);
    if (!st && o.dw) st = neap__conv_backward(&s->conv, &o);
    drop(&a);
  }
  if (!st) st = transpose_bias(n, &g);
  neap_tensor_drop(&g);
  return give_all(n, st, d);
}

static neap_status transpose_geometry(neap__conv *c, const neap_tensor *x, const neap_tensor *w,
                                      const neap_tensor *bias, int64_t extra,
                                      const neap_conv_options *o) {
  const char *name = "conv_transpose1d";
  char text[128];
  neap_shape_text(w, text, sizeof text);
  if (w->ndim != 3)
    return neap_fail(NEAP_ESHAPE, "%s: weight %s must be [channels, features / groups, taps]", name,
                     text);
  NEAP_TRY(check_options(name, 1, w, o));
  NEAP_TRY(check_shapes(name, 1, x, w, bias, o->groups, w->size[0], w->size[1] * o->groups));
  int64_t most = o->stride[0] > o->dilation[0] ? o->stride[0] : o->dilation[0];
  if (extra < 0 || extra >= most)
    return neap_fail(NEAP_EARG,
                     "%s: output_padding %lld must be below the larger of "
                     "stride and dilation, "
                     "%lld",
                     name, (long long)extra, (long long)most);
  if (x->size[1] > INT32_MAX)
    return neap_fail(NEAP_ESHAPE, "%s: x %s has more than 2^31 - 1 steps", name,
                     neap_shape_text(x, text, sizeof text));
  int64_t out = (x->size[1] - 1) * o->stride[0] - o->before[0] - o->after[0] +
                (w->size[2] - 1) * o->dilation[0] + extra + 1;
  if (x->size[1] < 1 || out < 1) {
    char shape[128];
    return neap_fail(NEAP_ESHAPE, "%s: nothing is left of x %s with weight %s and padding %lld",
                     name, neap_shape_text(x, shape, sizeof shape), text, (long long)o->before[0]);
  }
  *c = (neap__conv){.dtype = x->dtype,
                    .batch = x->size[0],
                    .groups = o->groups,
                    .channels = w->size[1],
                    .features = w->size[0] / o->groups,
                    .axis = {{.in = out,
                              .out = x->size[1],
                              .taps = w->size[2],
                              .stride = o->stride[0],
                              .dilation = o->dilation[0],
                              .before = o->before[0]},
                             {1, 1, 1, 1, 1, 0}}};
  return NEAP_OK;
}

neap_status neap_nn_conv_transpose(neap_tensor *out, const neap_tensor *x, const neap_tensor *w,
                                   const neap_tensor *bias, int64_t extra,
                                   const neap_conv_options *o) {
  static const neap_gradient gradient = {"conv_transpose1d", transpose_back, NULL};
  state s = {.bend = NEAP_BEND_NONE};
  arrays a;
  memset(out, 0, sizeof *out);
  NEAP_TRY(transpose_geometry(&s.conv, x, w, bias, extra, o));
  NEAP_TRY(hold(&a, x, w, bias));
  int64_t size[] = {s.conv.batch, s.conv.axis[0].in, s.conv.groups * s.conv.channels};
  neap_status st = neap_tensor_init_raw(out, s.conv.dtype, 3, size);
  if (!st) {
    neap__conv_gradient call = {
        .w = data(&a.w), .g = data(&a.x), .bias = data(&a.bias), .dx = data(out)};
    st = neap__conv_backward(&s.conv, &call);
  }
  drop(&a);
  if (!st) st = record(&gradient, &s, out, x, w, bias);
  if (st) neap_tensor_drop(out);
  return st;
}
