/* Gradients of arithmetic with two operands. Where the derivative jumps they are what PyTorch
 * gives; maximum and minimum share between equal operands, but as a bound (clamp) they leave all to
 * the first. */
#include "grad/rule_steps.h"

/* Give input i the gradient times (or another op) other. */
static neap_status give_times(neap_node *n, int i, neap_binary_op op, const neap_tensor *other) {
  neap_tensor g;
  if (!neap_node_wants(n, i)) return NEAP_OK;
  NEAP_TRY(neap_tensor_binary(&g, op, neap_node_gradient(n, 0), other));
  return neap_node_give(n, i, &g);
}

static neap_status give_same(neap_node *n, int i) {
  neap_tensor g;
  if (!neap_node_wants(n, i)) return NEAP_OK;
  neap_tensor_alias(&g, neap_node_gradient(n, 0));
  return neap_node_give(n, i, &g);
}

static neap_status give_negated(neap_node *n, int i) {
  neap_tensor g;
  if (!neap_node_wants(n, i)) return NEAP_OK;
  NEAP_TRY(neap_tensor_unary(&g, NEAP_MAP_neg, neap_node_gradient(n, 0)));
  return neap_node_give(n, i, &g);
}

/* give_same where nobody looks at the gradient afterwards. */
static neap_status give_all(neap_node *n, int i) {
  neap_tensor g;
  if (!neap_node_wants(n, i)) return NEAP_OK;
  neap_node_move(n, 0, &g);
  return neap_node_give(n, i, &g);
}

static neap_status add_back(neap_node *n) {
  if (!neap_node_wants(n, 1)) return give_all(n, 0);
  NEAP_TRY(give_same(n, 0));
  return give_all(n, 1);
}

static neap_status sub_back(neap_node *n) {
  NEAP_TRY(give_same(n, 0));
  return give_negated(n, 1);
}

static neap_status mul_back(neap_node *n) {
  if (neap_node_wants(n, 0))
    NEAP_TRY(give_times(n, 0, NEAP_OP_mul, neap__node_kept(n, NEAP__KEEP_Y)));
  if (neap_node_wants(n, 1))
    NEAP_TRY(give_times(n, 1, NEAP_OP_mul, neap__node_kept(n, NEAP__KEEP_X)));
  return NEAP_OK;
}

/* d(x/y)/dx = 1/y, d(x/y)/dy = -(x/y)/y */
static neap_status div_back(neap_node *n) {
  const neap_tensor *y = neap__node_kept(n, NEAP__KEEP_Y);
  NEAP_TRY(give_times(n, 0, NEAP_OP_div, y));
  if (!neap_node_wants(n, 1)) return NEAP_OK;
  neap__steps s;
  neap__steps_begin(&s);
  const neap_tensor *ratio = neap__binary(&s, NEAP_OP_div, neap__node_kept(n, NEAP__KEEP_OUT), y);
  const neap_tensor *d = neap__unary(&s, NEAP_MAP_neg, ratio);
  neap__give(&s, n, 1, neap__binary(&s, NEAP_OP_mul, neap_node_gradient(n, 0), d));
  return neap__steps_end(&s);
}

/* Powers by one number, which is not 0: p x^(p - 1) in one go. */
typedef struct {
  const neap_kern *k;
  neap_dtype dtype;
  double p;
} powering;

enum { BLOCK = 1024 };

static void run_power(const void *ctx, int64_t n, void *z, const void *g, const void *x) {
  const powering *s = ctx;
  const neap_back *back = &s->k->back[s->dtype];
  size_t each = neap_dtype_size(s->dtype);
  union {
    double f64[BLOCK];
    float f32[BLOCK];
  } block;
  neap_scalar less;
  if (s->p == 2 || s->p == 3 || s->p == 0.5 || s->p == 1.5) {
    back->power(n, z, g, x, s->p);
    return;
  }
  neap_scalar_f64(&less, s->dtype, s->p - 1);
  for (int64_t i = 0; i < n; i += BLOCK) {
    int64_t count = n - i < BLOCK ? n - i : BLOCK;
    size_t at = (size_t)i * each;
    s->k->binary[NEAP_OP_pow][s->dtype](count, &block, 1, (const char *)x + at, 1,
                                        neap_tensor_data(&less.t), 0);
    back->scaled(count, (char *)z + at, (const char *)g + at, &block, s->p);
  }
}

static neap_status give_power(neap_node *n, const neap_tensor *x, double p) {
  powering s = {.dtype = x->dtype, .p = p};
  NEAP_TRY(neap_kern_select(&s.k));
  return neap__give_flat(n, 0, x, run_power, &s);
}

/* y x^(y - 1), 0 where y is 0 */
static neap_status give_base(neap_node *n, const neap_tensor *x, const neap_tensor *y) {
  neap__steps s;
  neap__steps_begin(&s);
  const neap_tensor *g = neap_node_gradient(n, 0), *zero = neap__number(&s, g->dtype, 0);
  const neap_tensor *less = neap__binary(&s, NEAP_OP_sub, y, neap__number(&s, g->dtype, 1));
  const neap_tensor *power = neap__binary(&s, NEAP_OP_pow, x, less);
  const neap_tensor *d = neap__binary(&s, NEAP_OP_mul, power, y);
  const neap_tensor *flat = neap__compare(&s, NEAP_CMP_eq, y, zero);
  if (y->ndim > 0 || neap_tensor_get_f64(y, NULL) == 0) d = neap__where(&s, flat, zero, d);
  neap__give(&s, n, 0, neap__binary(&s, NEAP_OP_mul, g, d));
  return neap__steps_end(&s);
}

/* x^y log x, 0 where x is 0 and y not negative */
static neap_status give_exponent(neap_node *n, const neap_tensor *x, const neap_tensor *y) {
  neap__steps s;
  neap__steps_begin(&s);
  const neap_tensor *g = neap_node_gradient(n, 0), *zero = neap__number(&s, g->dtype, 0);
  const neap_tensor *log = neap__unary(&s, NEAP_MAP_log, x);
  const neap_tensor *d = neap__binary(&s, NEAP_OP_mul, neap__node_kept(n, NEAP__KEEP_OUT), log);
  const neap_tensor *none = neap__compare(&s, NEAP_CMP_eq, x, zero);
  const neap_tensor *rising = neap__compare(&s, NEAP_CMP_ge, y, zero);
  d = neap__where(&s, neap__binary(&s, NEAP_OP_bit_and, none, rising), zero, d);
  neap__give(&s, n, 1, neap__binary(&s, NEAP_OP_mul, g, d));
  return neap__steps_end(&s);
}

static neap_status pow_back(neap_node *n) {
  const neap_tensor *x = neap__node_kept(n, NEAP__KEEP_X), *y = neap__node_kept(n, NEAP__KEEP_Y);
  double p = y->ndim == 0 ? neap_tensor_get_f64(y, NULL) : 0;
  bool number = p != 0 && x->dtype == neap_node_gradient(n, 0)->dtype;
  if (neap_node_wants(n, 1)) NEAP_TRY(give_exponent(n, x, y));
  if (!neap_node_wants(n, 0)) return NEAP_OK;
  return number ? give_power(n, x, p) : give_base(n, x, y);
}

/* The operand i gets all where it is chosen (also where one is NaN), half where both are equal.
 * lost compares it with the other one where it is not chosen. */
static neap_status give_chosen(neap_node *n, int i, neap_compare_op lost) {
  const neap_tensor *x = neap__node_kept(n, NEAP__KEEP_X), *y = neap__node_kept(n, NEAP__KEEP_Y);
  const neap_tensor *g = neap_node_gradient(n, 0);
  bool bound = neap__node_taped(n)->detail.dim != 0;
  if (!neap_node_wants(n, i)) return NEAP_OK;
  neap__steps s;
  neap__steps_begin(&s);
  const neap_tensor *zero = neap__number(&s, g->dtype, 0), *part = g;
  if (!bound) {
    const neap_tensor *half = neap__binary(&s, NEAP_OP_mul, g, neap__number(&s, g->dtype, 0.5));
    part = neap__where(&s, neap__compare(&s, NEAP_CMP_eq, x, y), half, g);
  } else if (i == 1) {
    part = neap__where(&s, neap__compare(&s, NEAP_CMP_eq, x, y), zero, g);
  }
  neap__give(&s, n, i, neap__where(&s, neap__compare(&s, lost, x, y), zero, part));
  return neap__steps_end(&s);
}

static neap_status maximum_back(neap_node *n) {
  NEAP_TRY(give_chosen(n, 0, NEAP_CMP_lt));
  return give_chosen(n, 1, NEAP_CMP_gt);
}

static neap_status minimum_back(neap_node *n) {
  NEAP_TRY(give_chosen(n, 0, NEAP_CMP_gt));
  return give_chosen(n, 1, NEAP_CMP_lt);
}

/* x mod y = x - y floor(x / y) */
static neap_status mod_back(neap_node *n) {
  NEAP_TRY(give_same(n, 0));
  if (!neap_node_wants(n, 1)) return NEAP_OK;
  neap__steps s;
  neap__steps_begin(&s);
  const neap_tensor *whole = neap__binary(&s, NEAP_OP_floordiv, neap__node_kept(n, NEAP__KEEP_X),
                                          neap__node_kept(n, NEAP__KEEP_Y));
  const neap_tensor *d = neap__unary(&s, NEAP_MAP_neg, whole);
  neap__give(&s, n, 1, neap__binary(&s, NEAP_OP_mul, neap_node_gradient(n, 0), d));
  return neap__steps_end(&s);
}

/* A step function of both: 0. */
static neap_status floordiv_back(neap_node *n) {
  for (int i = 0; i < 2; i++) {
    neap_tensor g;
    if (!neap_node_wants(n, i)) continue;
    const neap_tensor *x = neap_node_input(n, i);
    NEAP_TRY(neap_tensor_init(&g, x->dtype, x->ndim, x->size));
    NEAP_TRY(neap_node_give(n, i, &g));
  }
  return NEAP_OK;
}

/* d atan2(x, y)/dx = y/(x^2 + y^2), d atan2(x, y)/dy = -x/(x^2 + y^2) */
static neap_status atan2_back(neap_node *n) {
  const neap_tensor *x = neap__node_kept(n, NEAP__KEEP_X), *y = neap__node_kept(n, NEAP__KEEP_Y);
  neap__steps s;
  neap__steps_begin(&s);
  const neap_tensor *xx = neap__unary(&s, NEAP_MAP_square, x);
  const neap_tensor *yy = neap__unary(&s, NEAP_MAP_square, y);
  const neap_tensor *all = neap__binary(&s, NEAP_OP_add, xx, yy);
  const neap_tensor *part = neap__binary(&s, NEAP_OP_div, neap_node_gradient(n, 0), all);
  if (neap_node_wants(n, 0)) neap__give(&s, n, 0, neap__binary(&s, NEAP_OP_mul, part, y));
  if (neap_node_wants(n, 1)) {
    const neap_tensor *back = neap__unary(&s, NEAP_MAP_neg, x);
    neap__give(&s, n, 1, neap__binary(&s, NEAP_OP_mul, part, back));
  }
  return neap__steps_end(&s);
}

enum { KEEP_BOTH = NEAP__KEEP_X | NEAP__KEEP_Y };

const neap__rule neap__binary_rules[NEAP_OP_COUNT] = {
    [NEAP_OP_add] = {{"add", add_back, NULL}, 0},
    [NEAP_OP_sub] = {{"sub", sub_back, NULL}, 0},
    [NEAP_OP_mul] = {{"mul", mul_back, NULL}, NEAP__KEEP_CROSSED},
    [NEAP_OP_div] = {{"div", div_back, NULL}, NEAP__KEEP_Y | NEAP__KEEP_OUT},
    [NEAP_OP_pow] = {{"pow", pow_back, NULL}, KEEP_BOTH | NEAP__KEEP_OUT},
    [NEAP_OP_maximum] = {{"maximum", maximum_back, NULL}, KEEP_BOTH},
    [NEAP_OP_minimum] = {{"minimum", minimum_back, NULL}, KEEP_BOTH},
    [NEAP_OP_mod] = {{"mod", mod_back, NULL}, KEEP_BOTH},
    [NEAP_OP_floordiv] = {{"floordiv", floordiv_back, NULL}, 0},
    [NEAP_OP_atan2] = {{"atan2", atan2_back, NULL}, KEEP_BOTH},
};
