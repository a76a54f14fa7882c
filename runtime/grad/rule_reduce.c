/* Gradients of reductions. Where skip_nan left elements out, those get 0; ties of the largest size
 * (norm with p infinite, an extreme over everything) share, as in PyTorch. */
#include <math.h>

#include "grad/rule_rows.h"
#include "grad/rule_steps.h"

static const neap_reduce_options *options_of(const neap_node *n) {
  return &neap__node_taped(n)->detail.reduce;
}

/* t, the shape of the result, with reduced dimensions as size 1, so that it broadcasts to the
 * input. */
static const neap_tensor *kept_shape(neap__steps *s, const neap_node *n, const neap_tensor *t) {
  const neap_tensor *x = neap_node_input(n, 0);
  unsigned dims = options_of(n)->dims;
  int64_t size[NEAP_MAX_DIMS];
  for (int d = 0; d < x->ndim; d++) size[d] = dims == 0 || dims >> d & 1 ? 1 : x->size[d];
  return neap__reshaped(s, t, x->ndim, size);
}

/* Give the input z, 0 where skip_nan left x out, stretched to it. */
static void give_present(neap__steps *s, neap_node *n, const neap_tensor *z) {
  const neap_tensor *x = neap_node_input(n, 0);
  if (s->st) return;
  if (options_of(n)->skip_nan) {
    const neap_tensor *absent = neap__unary(s, NEAP_MAP_isnan, neap__node_kept(n, NEAP__KEEP_X));
    z = neap__where(s, absent, neap__number(s, x->dtype, 0), z);
  }
  neap_tensor wide;
  if (!s->st && !neap_tensor_same_shape(z, x)) {
    s->st = neap_tensor_expand(&wide, z, x->ndim, x->size);
    if (!s->st) s->st = neap_node_give(n, 0, &wide);
  } else {
    neap__give(s, n, 0, z);
  }
}

static neap_status sum_back(neap_node *n) {
  neap__steps s;
  neap__steps_begin(&s);
  give_present(&s, n, kept_shape(&s, n, neap_node_gradient(n, 0)));
  return neap__steps_end(&s);
}

/* How many elements each number of the result is of: one number, or with skip_nan a tensor with
 * size 1 in reduced dimensions. */
static const neap_tensor *counted(neap__steps *s, const neap_node *n) {
  const neap_tensor *x = neap_node_input(n, 0);
  neap_reduce_options o = *options_of(n);
  if (o.skip_nan) {
    const neap_tensor *present = neap__reduce(s, NEAP_COUNT, neap__node_kept(n, NEAP__KEEP_X), &o);
    return s->st ? NULL : kept_shape(s, n, present);
  }
  int64_t results = neap_tensor_numel(neap_node_gradient(n, 0));
  return neap__number(s, x->dtype, results > 0 ? (double)(neap_tensor_numel(x) / results) : 0);
}

static neap_status mean_back(neap_node *n) {
  neap__steps s;
  neap__steps_begin(&s);
  const neap_tensor *g = kept_shape(&s, n, neap_node_gradient(n, 0)), *count = counted(&s, n);
  give_present(&s, n, neap__binary(&s, NEAP_OP_div, g, count));
  return neap__steps_end(&s);
}

/* x less its mean */
static const neap_tensor *centred(neap__steps *s, const neap_node *n) {
  const neap_tensor *x = neap__node_kept(n, NEAP__KEEP_X);
  neap_reduce_options o = *options_of(n);
  o.keepdim = true;
  return neap__binary(s, NEAP_OP_sub, x, neap__reduce(s, NEAP_MEAN, x, &o));
}

/* d var/dx = 2 (x - mean)/(n - ddof); std = sqrt(var) halves that and divides by itself, and is 0
 * where it is 0. weight: what flows back, by then. */
static void give_spread(neap__steps *s, neap_node *n, const neap_tensor *weight) {
  const neap_tensor *x = neap_node_input(n, 0), *count = counted(s, n);
  const neap_tensor *lost = neap__number(s, x->dtype, options_of(n)->parameter);
  if (s->st) return;
  const neap_tensor *free = neap__binary(s, NEAP_OP_sub, count, lost);
  const neap_tensor *part = neap__binary(s, NEAP_OP_div, weight, free);
  give_present(s, n, neap__binary(s, NEAP_OP_mul, centred(s, n), part));
}

static neap_status var_back(neap_node *n) {
  const neap_tensor *g = neap_node_gradient(n, 0);
  neap__steps s;
  neap__steps_begin(&s);
  const neap_tensor *twice = neap__binary(&s, NEAP_OP_add, g, g);
  if (!s.st) give_spread(&s, n, kept_shape(&s, n, twice));
  return neap__steps_end(&s);
}

/* g/y, 0 where y is 0, with the dimensions of the input */
static const neap_tensor *over_result(neap__steps *s, const neap_node *n) {
  const neap_tensor *g = neap_node_gradient(n, 0), *y = neap__node_kept(n, NEAP__KEEP_OUT);
  const neap_tensor *zero = neap__number(s, g->dtype, 0);
  const neap_tensor *part = neap__binary(s, NEAP_OP_div, g, y);
  part = neap__where(s, neap__compare(s, NEAP_CMP_eq, y, zero), zero, part);
  return s->st ? NULL : kept_shape(s, n, part);
}

static neap_status std_back(neap_node *n) {
  neap__steps s;
  neap__steps_begin(&s);
  const neap_tensor *weight = over_result(&s, n);
  give_spread(&s, n, weight);
  return neap__steps_end(&s);
}

/* Share g between the elements where equal is true, with the sign that sign gives them (NULL: +).
 */
static void share(neap__steps *s, neap_node *n, const neap_tensor *equal, const neap_tensor *sign) {
  neap_reduce_options o = {.dims = options_of(n)->dims, .keepdim = true};
  const neap_tensor *zero = neap__number(s, neap_node_input(n, 0)->dtype, 0);
  const neap_tensor *g = kept_shape(s, n, neap_node_gradient(n, 0));
  const neap_tensor *part = neap__binary(s, NEAP_OP_div, g, neap__reduce(s, NEAP_SUM, equal, &o));
  if (sign) part = neap__binary(s, NEAP_OP_mul, sign, part);
  neap__give(s, n, 0, neap__where(s, equal, part, zero));
}

static neap_status norm_back(neap_node *n) {
  const neap_tensor *x = neap__node_kept(n, NEAP__KEEP_X);
  double p = options_of(n)->parameter;
  neap__steps s;
  neap__steps_begin(&s);
  if (p == 1) {
    const neap_tensor *g = kept_shape(&s, n, neap_node_gradient(n, 0));
    give_present(&s, n, neap__binary(&s, NEAP_OP_mul, neap__unary(&s, NEAP_MAP_sign, x), g));
  } else if (p == 2) {
    const neap_tensor *part = over_result(&s, n);
    give_present(&s, n, neap__binary(&s, NEAP_OP_mul, x, part));
  } else {
    const neap_tensor *y = kept_shape(&s, n, neap__node_kept(n, NEAP__KEEP_OUT));
    const neap_tensor *size = neap__unary(&s, NEAP_MAP_abs, x);
    const neap_tensor *equal = neap__compare(&s, NEAP_CMP_eq, size, y);
    share(&s, n, equal, neap__unary(&s, NEAP_MAP_sign, x));
  }
  return neap__steps_end(&s);
}

/* prod ----------------------------------------------------------------------------------------- */

typedef struct {
  neap__lines z, x;
  neap_tensor g;
  bool skip;
  const neap_back *back;
} producing;

static neap_status prod_group(const producing *s, neap_back_rows *r, int64_t from) {
  neap_back_state state[NEAP_BACK_ROWS];
  for (int64_t i = 0; i < r->rows; i++) state[i] = (neap_back_state){.value = 1};
  NEAP_TRY(neap__pieces(r, s->x.m, false, s->back->before, state));
  const void *g = neap_tensor_data(&s->g);
  for (int64_t i = 0; i < r->rows; i++)
    state[i].value = s->g.dtype == NEAP_F64 ? ((const double *)g)[from + i]
                                            : (double)((const float *)g)[from + i];
  return neap__pieces(r, s->x.m, true, s->back->prod, state);
}

static neap_status prod_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const producing *s = ctx;
  for (int64_t i = begin; i < end; i += NEAP_BACK_ROWS) {
    neap_back_rows r = {.rows = end - i < NEAP_BACK_ROWS ? end - i : NEAP_BACK_ROWS,
                        .step = s->x.m,
                        .skip = s->skip,
                        .z = neap__line(&s->z, i),
                        .x = neap__line(&s->x, i)};
    NEAP_TRY(prod_group(s, &r, i));
  }
  return NEAP_OK;
}

static neap_status prod_back(neap_node *n) {
  const neap_reduce_options *o = options_of(n);
  const neap_kern *k;
  NEAP_TRY(neap_kern_select(&k));
  producing s = {.skip = o->skip_nan, .back = &k->back[neap_node_input(n, 0)->dtype]};
  neap_status st = neap_node_dense(n, 0, &s.g);
  if (!st) st = neap__lines_of(&s.x, neap__node_kept(n, NEAP__KEEP_X), o->dims);
  if (!st) st = neap__lines_raw(&s.z, neap_node_input(n, 0), o->dims);
  if (!st) st = neap__lines_each(&s.x, prod_rows, &s);
  neap_tensor_drop(&s.g);
  neap_tensor_drop(&s.x.t);
  if (st) neap_tensor_drop(&s.z.t);
  return st ? st : neap__give_lines(n, &s.z);
}

/* extremes ------------------------------------------------------------------------------------- */

/* Over everything: all elements that equal the result. */
static neap_status share_extreme(neap_node *n) {
  const neap_tensor *x = neap__node_kept(n, NEAP__KEEP_X), *y = neap__node_kept(n, NEAP__KEEP_OUT);
  neap__steps s;
  neap__steps_begin(&s);
  int64_t origin[NEAP_MAX_DIMS] = {0};
  bool absent = isnan(neap_tensor_get_f64(y, origin));
  const neap_tensor *value = kept_shape(&s, n, y);
  share(&s, n,
        absent ? neap__unary(&s, NEAP_MAP_isnan, x) : neap__compare(&s, NEAP_CMP_eq, x, value),
        NULL);
  return neap__steps_end(&s);
}

typedef struct {
  neap__lines z;
  neap_tensor g, at;
  const neap_back *back;
} finding;

static neap_status extreme_rows(void *ctx, int64_t chunk, int64_t begin, int64_t end) {
  (void)chunk;
  const finding *s = ctx;
  const int64_t *place = neap_tensor_data(&s->at);
  const char *g = neap_tensor_data(&s->g);
  size_t each = neap_dtype_size(s->g.dtype);
  for (int64_t i = begin; i < end; i++)
    s->back->add_at(1, neap__line(&s->z, i), g + (size_t)i * each, place + i, s->z.m);
  return NEAP_OK;
}

/* Over some dimensions: the element that was found, of each row one. */
static neap_status extreme_back(neap_node *n) {
  unsigned dims = options_of(n)->dims;
  if (dims == 0) return share_extreme(n);
  const neap_kern *k;
  NEAP_TRY(neap_kern_select(&k));
  finding s = {.back = &k->back[neap_node_input(n, 0)->dtype]};
  neap_status st = neap_node_dense(n, 0, &s.g);
  if (!st) st = neap_tensor_as(&s.at, neap__node_kept(n, NEAP__KEEP_EXTRA), NEAP_I64);
  if (!st) st = neap__lines_like(&s.z, neap_node_input(n, 0), dims);
  if (!st) st = neap__lines_each(&s.z, extreme_rows, &s);
  neap_tensor_drop(&s.g);
  neap_tensor_drop(&s.at);
  if (st) neap_tensor_drop(&s.z.t);
  return st ? st : neap__give_lines(n, &s.z);
}

/* logsumexp ---------------------------------------------------------------------------------------
 */

/* exp(x - logsumexp), the softmax */
static neap_status logsumexp_back(neap_node *n) {
  neap__steps s;
  neap__steps_begin(&s);
  const neap_tensor *y = kept_shape(&s, n, neap__node_kept(n, NEAP__KEEP_OUT));
  const neap_tensor *g = kept_shape(&s, n, neap_node_gradient(n, 0));
  const neap_tensor *less = neap__binary(&s, NEAP_OP_sub, neap__node_kept(n, NEAP__KEEP_X), y);
  neap__give(&s, n, 0, neap__binary(&s, NEAP_OP_mul, neap__unary(&s, NEAP_MAP_exp, less), g));
  return neap__steps_end(&s);
}

enum { KEEP_RESULT = NEAP__KEEP_X | NEAP__KEEP_OUT };

const neap__rule neap__reduce_rules[NEAP_NORM + 1] = {
    [NEAP_SUM] = {{"sum", sum_back, NULL}, NEAP__KEEP_SKIPPING},
    [NEAP_MEAN] = {{"mean", mean_back, NULL}, NEAP__KEEP_SKIPPING},
    [NEAP_PROD] = {{"prod", prod_back, NULL}, NEAP__KEEP_X},
    [NEAP_VAR] = {{"var", var_back, NULL}, NEAP__KEEP_X},
    [NEAP_STD] = {{"std", std_back, NULL}, KEEP_RESULT},
    [NEAP_NORM] = {{"norm", norm_back, NULL}, KEEP_RESULT},
};
const neap__rule neap__extreme_rule = {{"max", extreme_back, NULL}, KEEP_RESULT | NEAP__KEEP_EXTRA};
const neap__rule neap__logsumexp_rule = {{"logsumexp", logsumexp_back, NULL}, KEEP_RESULT};
