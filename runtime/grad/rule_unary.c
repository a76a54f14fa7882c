/* Gradients of element-wise functions of one tensor. Most are one loop over the gradient and one
 * other array, which may need elementary functions first; those are the tensor's own. At places
 * without a derivative they are what PyTorch gives: 0 for abs at 0 and for relu at 0. */
#include <math.h>

#include "base/pool.h"
#include "grad/rules.h"

#define LN2              0.69314718055994530942
#define LN10             2.30258509299404568402
#define TWO_OVER_ROOT_PI 1.12837916709551257390

#define T        double
#define NAME(op) op##_f64
#include "grad/rule_unary.inc.h"
#define T        float
#define NAME(op) op##_f32
#include "grad/rule_unary.inc.h"

typedef void (*slope_fn)(int64_t n, void *z, const void *g, const void *v);

/* What v of the loop is: what was kept, put through so many functions. */
typedef struct {
  slope_fn f64, f32;
  int first;
  neap_unary_op through[3];
} slope;

#define BOTH(op) .f64 = op##_f64, .f32 = op##_f32
static const slope slopes[NEAP_MAP_COUNT] = {
    [NEAP_MAP_abs] = {BOTH(absolute)},
    [NEAP_MAP_square] = {BOTH(twice)},
    [NEAP_MAP_relu] = {BOTH(relu)},
    [NEAP_MAP_sqrt] = {BOTH(over_twice)},
    [NEAP_MAP_reciprocal] = {BOTH(reciprocal)},
    [NEAP_MAP_exp] = {BOTH(times)},
    [NEAP_MAP_exp2] = {BOTH(times_ln2)},
    [NEAP_MAP_expm1] = {BOTH(times_more)},
    [NEAP_MAP_log] = {BOTH(over)},
    [NEAP_MAP_log2] = {BOTH(over_ln2)},
    [NEAP_MAP_log10] = {BOTH(over_ln10)},
    [NEAP_MAP_log1p] = {BOTH(over_more)},
    [NEAP_MAP_sin] = {BOTH(times), .first = 1, .through = {NEAP_MAP_cos}},
    [NEAP_MAP_cos] = {BOTH(minus_times), .first = 1, .through = {NEAP_MAP_sin}},
    [NEAP_MAP_tan] = {BOTH(tangent)},
    [NEAP_MAP_asin] = {BOTH(arcsine)},
    [NEAP_MAP_acos] = {BOTH(arccosine)},
    [NEAP_MAP_atan] = {BOTH(arctangent)},
    [NEAP_MAP_sinh] = {BOTH(times), .first = 1, .through = {NEAP_MAP_cosh}},
    [NEAP_MAP_cosh] = {BOTH(times), .first = 1, .through = {NEAP_MAP_sinh}},
    [NEAP_MAP_tanh] = {BOTH(tanh)},
    [NEAP_MAP_sigmoid] = {BOTH(sigmoid)},
    [NEAP_MAP_softplus] = {BOTH(times), .first = 1, .through = {NEAP_MAP_sigmoid}},
    [NEAP_MAP_erf] = {BOTH(erf), .first = 3,
                      .through = {NEAP_MAP_square, NEAP_MAP_neg, NEAP_MAP_exp}},
};

/* loops ---------------------------------------------------------------------------------------- */

typedef struct {
  slope_fn fn;
  size_t each;
  char *z;
  const char *g, *v;
} stretch;

enum { GRAIN = 1 << 16 };

static neap_status run_stretch(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const stretch *s = ctx;
  size_t at = (size_t)begin * s->each;
  s->fn(end - begin, s->z + at, s->g + at, s->v + at);
  return NEAP_OK;
}

/* Give the input its gradient from v, contiguous: written over v when it was made for that (own),
 * else over the gradient of the result when nobody else sees that. */
static neap_status give_slope(neap_node *n, const slope *how, neap_tensor *v, bool own) {
  neap_tensor g, z = {0};
  bool free = false;
  neap_status st = neap_node_take(n, 0, &g, &free);
  if (!st && own) neap_tensor_alias(&z, v);
  else if (!st && free) neap_tensor_alias(&z, &g);
  else if (!st) st = neap_tensor_init_raw(&z, v->dtype, v->ndim, v->size);
  if (!st) {
    slope_fn fn = v->dtype == NEAP_F64 ? how->f64 : how->f32;
    stretch s = {fn, neap_dtype_size(v->dtype), neap_tensor_data(&z), neap_tensor_data(&g),
                 neap_tensor_data(v)};
    st = neap_parallel_for(neap_tensor_numel(v), GRAIN, run_stretch, &s);
  }
  neap_tensor_drop(&g);
  neap_tensor_drop(v);
  if (st) neap_tensor_drop(&z);
  return st ? st : neap_node_give(n, 0, &z);
}

static neap_status slope_of(neap_node *n, unsigned which) {
  const slope *how = &slopes[neap__node_taped(n)->op];
  const neap_tensor *kept = neap__node_kept(n, which);
  neap_tensor v;
  if (how->first == 0) {
    NEAP_TRY(neap_tensor_as(&v, kept, kept->dtype));
    return give_slope(n, how, &v, false);
  }
  neap_tensor same;
  NEAP_TRY(neap_tensor_as(&same, kept, kept->dtype));
  neap_status st = neap_tensor_unary(&v, how->through[0], &same);
  neap_tensor_drop(&same);
  for (int k = 1; !st && k < how->first; k++) {
    st = neap_tensor_unary_into(&v, how->through[k]);
    if (st) neap_tensor_drop(&v);
  }
  return st ? st : give_slope(n, how, &v, true);
}

static neap_status from_x(neap_node *n) { return slope_of(n, NEAP__KEEP_X); }
static neap_status from_y(neap_node *n) { return slope_of(n, NEAP__KEEP_OUT); }

static neap_status neg_back(neap_node *n) {
  neap_tensor g;
  NEAP_TRY(neap_tensor_unary(&g, NEAP_MAP_neg, neap_node_gradient(n, 0)));
  return neap_node_give(n, 0, &g);
}

/* Of steps: 0 everywhere. */
static neap_status zero_back(neap_node *n) {
  const neap_tensor *x = neap_node_input(n, 0);
  neap_tensor g;
  NEAP_TRY(neap_tensor_init(&g, x->dtype, x->ndim, x->size));
  return neap_node_give(n, 0, &g);
}

#define FROM_X(op) [NEAP_MAP_##op] = {{#op, from_x, NULL}, NEAP__KEEP_X}
#define FROM_Y(op) [NEAP_MAP_##op] = {{#op, from_y, NULL}, NEAP__KEEP_OUT}
#define STEP(op)   [NEAP_MAP_##op] = {{#op, zero_back, NULL}, 0}

const neap__rule neap__unary_rules[NEAP_MAP_COUNT] = {
    [NEAP_MAP_neg] = {{"neg", neg_back, NULL}, 0},
    FROM_X(abs),
    FROM_X(square),
    FROM_X(log),
    FROM_X(log2),
    FROM_X(log10),
    FROM_X(log1p),
    FROM_X(sin),
    FROM_X(cos),
    FROM_X(asin),
    FROM_X(acos),
    FROM_X(atan),
    FROM_X(sinh),
    FROM_X(cosh),
    FROM_X(softplus),
    FROM_X(erf),
    FROM_Y(relu),
    FROM_Y(sqrt),
    FROM_Y(reciprocal),
    FROM_Y(exp),
    FROM_Y(exp2),
    FROM_Y(expm1),
    FROM_Y(tan),
    FROM_Y(tanh),
    FROM_Y(sigmoid),
    STEP(sign),
    STEP(floor),
    STEP(ceil),
    STEP(round),
    STEP(trunc),
};
