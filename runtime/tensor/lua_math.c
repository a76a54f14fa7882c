/* Arithmetic, comparisons, element-wise functions, metamethods and reductions in Lua. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/lua_parts.h"

/* operands ------------------------------------------------------------------------------------- */

static void integer_scalar(lua_State *L, lua_Integer v, const neap_tensor *other, neap_scalar *s,
                           const char *operation) {
  neap_dtype dtype = other->dtype == NEAP_BOOL ? NEAP_I64 : other->dtype;
  if (neap_dtype_is_float(dtype)) neap_scalar_f64(s, dtype, (double)v);
  else if (neap_scalar_i64(s, dtype, v))
    neap_lua_raise(L, "%s: %s; convert the tensor with :to \"i64\"", operation, neap_last_error());
}

const neap_tensor *neap__lua_operand(lua_State *L, int arg, const neap_tensor *other,
                                     neap_scalar *s, const char *operation) {
  if (lua_isinteger(L, arg)) integer_scalar(L, lua_tointeger(L, arg), other, s, operation);
  else if (lua_type(L, arg) == LUA_TNUMBER)
    neap_scalar_f64(s, other->dtype == NEAP_F32 ? NEAP_F32 : NEAP_F64, lua_tonumber(L, arg));
  else if (lua_isboolean(L, arg))
    neap_lua_check(L, neap_scalar_i64(s, NEAP_BOOL, lua_toboolean(L, arg)));
  else if (neap_lua_to_tensor(L, arg)) return neap_lua_traced_tensor(L, arg);
  else neap_lua_expected(L, arg, "a tensor or a number");
  return &s->t;
}

/* Operations are closures over their number and the tensors' metatable: comparing with an upvalue
 * takes half the time of a look-up by name. */
enum { OPERATION = lua_upvalueindex(1), METATABLE = lua_upvalueindex(2) };

/* The open tensor at arg, or NULL. */
static neap_tensor *quick_tensor(lua_State *L, int arg) {
  neap_tensor *t = lua_touserdata(L, arg);
  if (!t || !lua_getmetatable(L, arg)) return NULL;
  bool same = lua_rawequal(L, -1, METATABLE);
  lua_pop(L, 1);
  return same && t->storage ? t : NULL;
}

static neap_tensor *push_result(lua_State *L) {
  neap_tensor *t = lua_newuserdatauv(L, sizeof *t, 0);
  memset(t, 0, sizeof *t);
  lua_pushvalue(L, METATABLE);
  lua_setmetatable(L, -2);
  return t;
}

/* Both operands, at 1 and 2, at least one of them a tensor. */
static void both_operands(lua_State *L, const neap_tensor **a, const neap_tensor **b,
                          neap_scalar *s, const char *operation) {
  *a = quick_tensor(L, 1);
  *b = quick_tensor(L, 2);
  if (*a && *b) return;
  if (neap_lua_to_tensor(L, 1)) {
    *a = neap_lua_traced_tensor(L, 1);
    *b = neap__lua_operand(L, 2, *a, s, operation);
  } else {
    if (!neap_lua_to_tensor(L, 2)) neap_lua_traced_tensor(L, 1);
    *b = neap_lua_traced_tensor(L, 2);
    *a = neap__lua_operand(L, 1, *b, s, operation);
  }
}

/* binary --------------------------------------------------------------------------------------- */

static int upvalue(lua_State *L) { return (int)lua_tointeger(L, OPERATION); }

static int m_binary(lua_State *L) {
  neap_binary_op op = (neap_binary_op)upvalue(L);
  const neap_tensor *a, *b;
  neap_scalar s;
  both_operands(L, &a, &b, &s, neap_binary_names[op]);
  neap_tensor *out = push_result(L);
  neap_status st = neap_tensor_binary(out, op, a, b);
  if (!st && (a->trace || b->trace))
    st = neap_record(out, &(neap_taped){.kind = NEAP_TAPE_BINARY,
                                        .op = (int)op,
                                        .inputs = 2,
                                        .in = (const neap_tensor *[]){a, b}});
  return neap_lua_done(L, st);
}

static int m_binary_into(lua_State *L) {
  neap_binary_op op = (neap_binary_op)upvalue(L);
  neap_scalar s;
  neap_tensor *a = quick_tensor(L, 1);
  if (!a || a->trace) a = neap_lua_check_tensor(L, 1);
  const neap_tensor *b = quick_tensor(L, 2);
  if (!b) b = neap__lua_operand(L, 2, a, &s, neap_binary_names[op]);
  if (b->trace) neap_lua_check_tensor(L, 2);
  neap_lua_check(L, neap_tensor_binary_into(a, op, b));
  lua_settop(L, 1);
  return 1;
}

/* An integer beyond the tensor's dtype is compared in i64 instead of refused. */
static int m_compare(lua_State *L) {
  neap_compare_op op = (neap_compare_op)upvalue(L);
  const neap_tensor *a = neap_lua_traced_tensor(L, 1), *b = &(neap_tensor){0};
  neap_scalar s;
  if (lua_isinteger(L, 2) && !neap_dtype_is_float(a->dtype)) {
    lua_Integer v = lua_tointeger(L, 2);
    if (a->dtype == NEAP_BOOL || neap_scalar_i64(&s, a->dtype, v))
      neap_lua_check(L, neap_scalar_i64(&s, NEAP_I64, v));
    b = &s.t;
  } else b = neap__lua_operand(L, 2, a, &s, neap_compare_names[op]);
  return neap_lua_done(L, neap_tensor_compare(neap_lua_push_tensor(L), op, a, b));
}

static int m_unary(lua_State *L) {
  const neap_tensor *a = neap_lua_traced_tensor(L, 1);
  neap_unary_op op = (neap_unary_op)upvalue(L);
  neap_tensor *out = push_result(L);
  neap_status st = neap_tensor_unary(out, op, a);
  if (!st && a->trace && !neap_unary_is_test(op))
    st = neap_record(out,
                     &(neap_taped){.kind = NEAP_TAPE_UNARY, .op = (int)op, .inputs = 1, .in = &a});
  return neap_lua_done(L, st);
}

static int m_unary_into(lua_State *L) {
  neap_lua_check(L, neap_tensor_unary_into(neap_lua_check_tensor(L, 1), (neap_unary_op)upvalue(L)));
  lua_settop(L, 1);
  return 1;
}

static int m_order(lua_State *L) {
  return neap_lua_raise(L,
                        "tensors are compared element by element with methods: x:lt(y), x:le(y), "
                        "x:gt(y), x:ge(y)");
}

/* where(mask, a, b) */
static int l_where(lua_State *L) {
  const neap_tensor *mask = neap_lua_check_tensor(L, 1), *a, *b;
  neap_scalar s, t;
  if (neap_lua_to_tensor(L, 2) || neap_lua_to_tensor(L, 3)) {
    const neap_tensor *other = neap_lua_traced_tensor(L, neap_lua_to_tensor(L, 2) ? 2 : 3);
    a = neap__lua_operand(L, 2, other, &s, "where");
    b = neap__lua_operand(L, 3, other, &t, "where");
  } else { /* two numbers: f64 unless both are integers */
    neap_tensor like = {.dtype = lua_isinteger(L, 2) && lua_isinteger(L, 3) ? NEAP_I64 : NEAP_F64};
    a = neap__lua_operand(L, 2, &like, &s, "where");
    b = neap__lua_operand(L, 3, &like, &t, "where");
  }
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_where(out, mask, a, b);
  if (!st && (a->trace || b->trace))
    st = neap_record(out, &(neap_taped){.kind = NEAP_TAPE_WHERE,
                                        .inputs = 2,
                                        .in = (const neap_tensor *[]){a, b},
                                        .extra = mask});
  return neap_lua_done(L, st);
}

/* bound("maximum" or "minimum", x, y): as x:maximum(y), but where both are equal y is of no account
 * to a gradient */
static int l_bound(lua_State *L) {
  static const char *const names[] = {"maximum", "minimum", NULL};
  int name = luaL_checkoption(L, 1, NULL, names);
  neap_binary_op op = name ? NEAP_OP_minimum : NEAP_OP_maximum;
  neap_scalar s;
  const neap_tensor *a = neap_lua_traced_tensor(L, 2);
  const neap_tensor *b = neap__lua_operand(L, 3, a, &s, names[name]);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_binary(out, op, a, b);
  if (!st && (a->trace || b->trace))
    st = neap_record(out, &(neap_taped){.kind = NEAP_TAPE_BINARY,
                                        .op = (int)op,
                                        .inputs = 2,
                                        .in = (const neap_tensor *[]){a, b},
                                        .detail.dim = 1});
  return neap_lua_done(L, st);
}

/* reductions ----------------------------------------------------------------------------------- */

neap_reduce_options neap__lua_reduce_options(lua_State *L, const char *operation, int arg,
                                             const neap_tensor *t) {
  neap_reduce_options o = {.keepdim = lua_toboolean(L, arg + 1),
                           .skip_nan = lua_toboolean(L, arg + 2),
                           .name = operation};
  if (lua_istable(L, arg)) {
    lua_Integer n = (lua_Integer)lua_rawlen(L, arg);
    for (lua_Integer i = 1; i <= n; i++) {
      lua_rawgeti(L, arg, i);
      o.dims |= 1u << neap__lua_dim_entry(L, (int)i, t->ndim);
      lua_pop(L, 1);
    }
  } else if (!lua_isnoneornil(L, arg)) {
    o.dims = 1u << neap__lua_dim(L, arg, t->ndim, -1);
  }
  return o;
}

static const char *const reductions[] = {"sum",  "prod", "mean", "var",   "std",
                                         "norm", "any",  "all",  "count", NULL};
static const neap_reduction reduction_ops[] = {NEAP_SUM,  NEAP_PROD, NEAP_MEAN, NEAP_VAR,  NEAP_STD,
                                               NEAP_NORM, NEAP_ANY,  NEAP_ALL,  NEAP_COUNT};

/* What gives numbers, and nearly every call; needs no tensor for them. */
static bool over_everything(const neap_reduce_options *o) { return !o->dims && !o->keepdim; }

/* A traced tensor reduced to something that has a gradient. */
static bool differentiable(const neap_tensor *t, neap_reduction op) {
  return t->trace && op < NEAP_ANY && neap_traced(t);
}

/* A full reduction is f64 where a number is wanted, but on a tape it keeps the dtype. */
static neap_status record_reduction(neap_tensor *out, neap_tape_kind kind, int op,
                                    const neap_tensor *t, const neap_reduce_options *o,
                                    const neap_tensor *at) {
  neap_tensor same;
  neap_status st = neap_tensor_as(&same, out, t->dtype);
  neap_tensor_drop(out);
  if (st) return st;
  *out = same;
  return neap_record(
      out, &(neap_taped){
               .kind = kind, .op = op, .inputs = 1, .in = &t, .extra = at, .detail.reduce = *o});
}

/* reduce(name, t, dims, keepdim, skip_nan, parameter) */
static int l_reduce(lua_State *L) {
  int op = luaL_checkoption(L, 1, NULL, reductions);
  const neap_tensor *t = neap_lua_traced_tensor(L, 2);
  neap_reduce_options o = neap__lua_reduce_options(L, reductions[op], 3, t);
  o.parameter = luaL_optnumber(L, 6, 0);
  if (over_everything(&o) && !differentiable(t, reduction_ops[op])) {
    neap_scalar s;
    neap_lua_check(L, neap_tensor_reduce_all(&s, reduction_ops[op], t, &o));
    neap__lua_push_element(L, &s.t, NULL);
    return 1;
  }
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_reduce(out, reduction_ops[op], t, &o);
  if (!st && differentiable(t, reduction_ops[op]))
    st = record_reduction(out, NEAP_TAPE_REDUCE, (int)reduction_ops[op], t, &o, NULL);
  return neap__lua_done_value(L, st);
}

/* extreme(name, t, dims, keepdim, skip_nan) -> value, position from 1; argmax, argmin: the latter
 */
static int l_extreme(lua_State *L) {
  static const char *const names[] = {"max", "argmax", "min", "argmin", NULL};
  int op = luaL_checkoption(L, 1, NULL, names);
  const neap_tensor *t = neap_lua_traced_tensor(L, 2);
  neap_reduce_options o = neap__lua_reduce_options(L, names[op], 3, t);
  bool track = op % 2 == 0 && t->trace && neap_traced(t);
  if (over_everything(&o) && !track) {
    neap_scalar value, at;
    neap_lua_check(L, neap_tensor_extreme_all(&value, &at, op < 2, t, &o, 1));
    if (op % 2 == 0) neap__lua_push_element(L, &value.t, NULL);
    neap__lua_push_element(L, &at.t, NULL);
    return op % 2 == 0 ? 2 : 1;
  }
  neap_tensor *value = neap_lua_push_tensor(L), *at = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_extreme(value, at, op < 2, t, &o, 1);
  if (!st && track) st = record_reduction(value, NEAP_TAPE_EXTREME, op, t, &o, at);
  neap_lua_done(L, st);
  neap__lua_simplify(L, lua_gettop(L) - 1);
  neap__lua_simplify(L, lua_gettop(L));
  return op % 2 == 0 ? 2 : 1;
}

/* record(name, out, x, dims): out, which was computed from x:detach() in Lua, came from x so; out
 */
static int l_record(lua_State *L) {
  static const char *const names[] = {"softmax", "log_softmax", "logsumexp", NULL};
  static const neap_tape_kind kinds[] = {NEAP_TAPE_SOFTMAX, NEAP_TAPE_LOG_SOFTMAX,
                                         NEAP_TAPE_LOGSUMEXP};
  int name = luaL_checkoption(L, 1, NULL, names);
  neap_tensor *out = neap_lua_check_tensor(L, 2);
  const neap_tensor *x = neap_lua_traced_tensor(L, 3);
  neap_tape_detail detail = {0};
  if (kinds[name] == NEAP_TAPE_LOGSUMEXP)
    detail.reduce.dims = neap__lua_reduce_options(L, names[name], 4, x).dims;
  else detail.dim = neap__lua_dim(L, 4, x->ndim, -1);
  if (x->trace) neap_lua_check(L, neap__record_with(out, kinds[name], x, detail));
  lua_settop(L, 2);
  return 1;
}

/* registration --------------------------------------------------------------------------------- */

/* To the metatable at the top of the stack. */
static void add(lua_State *L, const char *name, const char *suffix, lua_CFunction fn, int op,
                const char *operation, const char *parameters) {
  char field[32];
  snprintf(field, sizeof field, "%s%s", name, suffix);
  lua_pushinteger(L, op);
  lua_pushvalue(L, -2);
  lua_pushcclosure(L, fn, 2);
  lua_setfield(L, -2, field);
  neap_lua_sign(L, (neap_lua_signature[]){{field, parameters, operation}, {NULL, NULL, NULL}});
}

static void add_metamethods(lua_State *L) {
  static const struct {
    const char *name;
    neap_binary_op op;
  } binary[] = {{"__add", NEAP_OP_add},       {"__sub", NEAP_OP_sub},
                {"__mul", NEAP_OP_mul},       {"__div", NEAP_OP_div},
                {"__mod", NEAP_OP_mod},       {"__pow", NEAP_OP_pow},
                {"__idiv", NEAP_OP_floordiv}, {"__band", NEAP_OP_bit_and},
                {"__bor", NEAP_OP_bit_or},    {"__bxor", NEAP_OP_bit_xor}};
  for (size_t i = 0; i < sizeof binary / sizeof *binary; i++)
    add(L, binary[i].name, "", m_binary, (int)binary[i].op, neap_binary_names[binary[i].op], "x y");
  add(L, "__unm", "", m_unary, NEAP_MAP_neg, "neg", "x");
  add(L, "__bnot", "", m_unary, NEAP_MAP_bit_not, "bit_not", "x");
  add(L, "__lt", "", m_order, 0, "lt", "x y");
  add(L, "__le", "", m_order, 0, "le", "x y");
}

void neap__lua_add_math(lua_State *L) {
  for (int op = 0; op < NEAP_OP_COUNT; op++) {
    add(L, neap_binary_names[op], "", m_binary, op, NULL, "self y");
    add(L, neap_binary_names[op], "_", m_binary_into, op, NULL, "self y");
  }
  for (int op = 0; op < NEAP_CMP_COUNT; op++)
    add(L, neap_compare_names[op], "", m_compare, op, NULL, "self y");
  for (int op = 0; op < NEAP_MAP_COUNT; op++) {
    add(L, neap_unary_names[op], "", m_unary, op, NULL, "self");
    if (!neap_unary_is_test((neap_unary_op)op))
      add(L, neap_unary_names[op], "_", m_unary_into, op, NULL, "self");
  }
  add_metamethods(L);
}

void neap__lua_add_reductions(lua_State *L) {
  static const luaL_Reg functions[] = {{"where", l_where},     {"bound", l_bound},
                                       {"record", l_record},   {"reduce", l_reduce},
                                       {"extreme", l_extreme}, {NULL, NULL}};
  static const neap_lua_signature signatures[] = {
      {"where", "mask a b", NULL},        {"bound", "name self y", "*"},
      {"record", "name out x dim", NULL}, {"reduce", "name self dim", "*"},
      {"extreme", "name self dim", "*"},  {NULL, NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  neap_lua_sign(L, signatures);
}
