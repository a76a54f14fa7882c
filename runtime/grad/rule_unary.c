/* Gradients of element-wise functions of one tensor. Most are one loop over the gradient and one
 * other array, which may need elementary functions first; those are the tensor's own. At places
 * without a derivative they are what PyTorch gives: 0 for abs at 0 and for relu at 0. */
#include "base/pool.h"
#include "grad/rules.h"

/* What v of the loop is: what was kept, put through so many functions. */
typedef struct {
  neap_slope fn;
  int first;
  neap_unary_op through[3];
} slope;

static const slope slopes[NEAP_MAP_COUNT] = {
    [NEAP_MAP_abs] = {.fn = NEAP_SLOPE_ABSOLUTE},
    [NEAP_MAP_square] = {.fn = NEAP_SLOPE_TWICE},
    [NEAP_MAP_relu] = {.fn = NEAP_SLOPE_RELU},
    [NEAP_MAP_sqrt] = {.fn = NEAP_SLOPE_OVER_TWICE},
    [NEAP_MAP_reciprocal] = {.fn = NEAP_SLOPE_RECIPROCAL},
    [NEAP_MAP_exp] = {.fn = NEAP_SLOPE_TIMES},
    [NEAP_MAP_exp2] = {.fn = NEAP_SLOPE_TIMES_LN2},
    [NEAP_MAP_expm1] = {.fn = NEAP_SLOPE_TIMES_MORE},
    [NEAP_MAP_log] = {.fn = NEAP_SLOPE_OVER},
    [NEAP_MAP_log2] = {.fn = NEAP_SLOPE_OVER_LN2},
    [NEAP_MAP_log10] = {.fn = NEAP_SLOPE_OVER_LN10},
    [NEAP_MAP_log1p] = {.fn = NEAP_SLOPE_OVER_MORE},
    [NEAP_MAP_sin] = {.fn = NEAP_SLOPE_TIMES, .first = 1, .through = {NEAP_MAP_cos}},
    [NEAP_MAP_cos] = {.fn = NEAP_SLOPE_MINUS_TIMES, .first = 1, .through = {NEAP_MAP_sin}},
    [NEAP_MAP_tan] = {.fn = NEAP_SLOPE_TANGENT},
    [NEAP_MAP_asin] = {.fn = NEAP_SLOPE_ARCSINE},
    [NEAP_MAP_acos] = {.fn = NEAP_SLOPE_ARCCOSINE},
    [NEAP_MAP_atan] = {.fn = NEAP_SLOPE_ARCTANGENT},
    [NEAP_MAP_sinh] = {.fn = NEAP_SLOPE_TIMES, .first = 1, .through = {NEAP_MAP_cosh}},
    [NEAP_MAP_cosh] = {.fn = NEAP_SLOPE_TIMES, .first = 1, .through = {NEAP_MAP_sinh}},
    [NEAP_MAP_tanh] = {.fn = NEAP_SLOPE_TANH},
    [NEAP_MAP_sigmoid] = {.fn = NEAP_SLOPE_SIGMOID},
    [NEAP_MAP_softplus] = {.fn = NEAP_SLOPE_TIMES, .first = 1, .through = {NEAP_MAP_sigmoid}},
    [NEAP_MAP_erf] = {.fn = NEAP_SLOPE_ERF,
                      .first = 3,
                      .through = {NEAP_MAP_square, NEAP_MAP_neg, NEAP_MAP_exp}},
};

/* stretches ------------------------------------------------------------------------------------ */

typedef struct {
  neap__flat_fn fn;
  const void *ctx;
  size_t each;
  char *z;
  const char *g, *v;
} stretch;

enum { GRAIN = 1 << 16, BLOCK = 1024 };

static neap_status run_stretch(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const stretch *s = ctx;
  size_t at = (size_t)begin * s->each;
  s->fn(s->ctx, end - begin, s->z + at, s->g + at, s->v + at);
  return NEAP_OK;
}

neap_status neap__give_flat(neap_node *n, int input, const neap_tensor *v, neap__flat_fn fn,
                            const void *ctx) {
  neap_tensor g, same = {0}, z = {0};
  bool own = false;
  NEAP_TRY(neap_node_take(n, 0, &g, &own));
  neap_status st = neap_tensor_as(&same, v, g.dtype);
  if (!st && own) neap_tensor_alias(&z, &g);
  else if (!st) st = neap_tensor_init_raw(&z, g.dtype, g.ndim, g.size);
  if (!st) {
    stretch s = {fn,
                 ctx,
                 neap_dtype_size(g.dtype),
                 neap_tensor_data(&z),
                 neap_tensor_data(&g),
                 neap_tensor_data(&same)};
    st = neap_parallel_for(neap_tensor_numel(&z), GRAIN, run_stretch, &s);
  }
  neap_tensor_drop(&g);
  neap_tensor_drop(&same);
  if (st) neap_tensor_drop(&z);
  return st ? st : neap_node_give(n, input, &z);
}

/* slopes --------------------------------------------------------------------------------------- */

typedef struct {
  const slope *how;
  const neap_kern *k;
  neap_dtype dtype;
} sloping;

static void run_slope(const void *ctx, int64_t n, void *z, const void *g, const void *v) {
  const sloping *s = ctx;
  neap_slope_fn fn = s->k->back[s->dtype].slope[s->how->fn];
  size_t each = neap_dtype_size(s->dtype);
  union {
    double f64[BLOCK];
    float f32[BLOCK];
  } block;
  if (s->how->first == 0) {
    fn(n, z, g, v);
    return;
  }
  for (int64_t i = 0; i < n; i += BLOCK) {
    int64_t count = n - i < BLOCK ? n - i : BLOCK;
    size_t at = (size_t)i * each;
    const void *from = (const char *)v + at;
    for (int k = 0; k < s->how->first; k++, from = &block)
      s->k->unary[s->how->through[k]][s->dtype](count, &block, 1, from, 1);
    fn(count, (char *)z + at, (const char *)g + at, &block);
  }
}

static neap_status slope_of(neap_node *n, unsigned which) {
  const neap_tensor *kept = neap__node_kept(n, which);
  sloping s = {.how = &slopes[neap__node_taped(n)->op], .dtype = kept->dtype};
  NEAP_TRY(neap_kern_select(&s.k));
  return neap__give_flat(n, 0, kept, run_slope, &s);
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
