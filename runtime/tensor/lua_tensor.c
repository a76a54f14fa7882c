/* The face of tensors in Lua: construction, looking, element access, views. */
#include "tensor/lua_tensor.h"
#include "base/interrupt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/lua_parts.h"

static const char TENSOR[] = "neap.tensor";

neap_tensor *neap_lua_to_tensor(lua_State *L, int arg) { return luaL_testudata(L, arg, TENSOR); }

neap_tensor *neap_lua_traced_tensor(lua_State *L, int arg) {
  neap_tensor *t = luaL_testudata(L, arg, TENSOR);
  char name[NEAP_LUA_NAME];
  if (!t) neap_lua_expected(L, arg, "a tensor");
  if (!t->storage) neap_lua_raise(L, "%s: tensor was closed", neap_lua_parameter(L, arg, name));
  return t;
}

const neap_tensor **neap_lua_tensor_list(lua_State *L, int arg, int *n) {
  char operation[NEAP_LUA_NAME], name[NEAP_LUA_NAME + 32];
  neap_lua_table(L, arg);
  *n = (int)lua_rawlen(L, arg);
  const neap_tensor **list = lua_newuserdatauv(L, sizeof *list * (size_t)(*n + 1), 0);
  for (int i = 0; i < *n; i++) {
    lua_rawgeti(L, arg, i + 1);
    list[i] = neap_lua_to_tensor(L, -1);
    if (!list[i] || !list[i]->storage)
      snprintf(name, sizeof name, "%s: tensors[%d]", neap_lua_parameter(L, 0, operation), i + 1);
    if (!list[i]) neap_lua_refuse(L, -1, name, "a tensor");
    if (!list[i]->storage) neap_lua_raise(L, "%s: tensor was closed", name);
    lua_pop(L, 1); /* the table at arg keeps it alive */
  }
  return list;
}

void neap__lua_refuse_traced(lua_State *L, const neap_tensor *t, const char *name) {
  if (neap_traced(t))
    neap_lua_raise(L,
                   "%s takes part in a gradient that this cannot record; pass x:detach(), or call "
                   "it inside grad.no_grad",
                   name);
}

neap_tensor *neap_lua_check_tensor(lua_State *L, int arg) {
  neap_tensor *t = neap_lua_traced_tensor(L, arg);
  char name[NEAP_LUA_NAME];
  if (t->trace) neap__lua_refuse_traced(L, t, neap_lua_parameter(L, arg, name));
  return t;
}

neap_tensor *neap_lua_push_tensor(lua_State *L) {
  neap_tensor *t = lua_newuserdatauv(L, sizeof *t, 0);
  memset(t, 0, sizeof *t);
  luaL_setmetatable(L, TENSOR);
  return t;
}

neap_tensor *neap_lua_push_as(lua_State *L, int arg, neap_dtype dtype, const char *name) {
  arg = lua_absindex(L, arg);
  if (!neap_lua_to_tensor(L, arg))
    neap_lua_raise(L, "%s: tensor expected, got %s", name, neap_lua_kind(L, arg));
  const neap_tensor *t = neap_lua_to_tensor(L, arg);
  if (!t->storage) neap_lua_raise(L, "%s: tensor was closed", name);
  neap__lua_refuse_traced(L, t, name);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_as(out, t, dtype);
  if (st) st = neap_fail_in(st, "%s", name);
  neap_lua_done(L, st);
  return out;
}

neap_tensor *neap_lua_push_series(lua_State *L, int arg, neap_dtype dtype, const char *name,
                                  int64_t *n) {
  neap_tensor *t = neap_lua_push_as(L, arg, dtype, name);
  char shape[128];
  if (t->ndim != 1)
    neap_lua_raise(L, "%s: one dimension expected, got shape %s", name,
                   neap_shape_text(t, shape, sizeof shape));
  *n = t->size[0];
  return t;
}

neap_status neap__record_with(neap_tensor *out, neap_tape_kind kind, const neap_tensor *t,
                              neap_tape_detail detail) {
  return neap_record(out, &(neap_taped){.kind = kind, .inputs = 1, .in = &t, .detail = detail});
}

neap_status neap__record_one(neap_tensor *out, neap_tape_kind kind, const neap_tensor *t) {
  return neap__record_with(out, kind, t, (neap_tape_detail){0});
}

void neap__share_trace(neap_tensor *out, const neap_tensor *t) {
  if (t->trace) neap_recorder_installed()->retain(t->trace);
  out->trace = t->trace;
}

/* arguments ------------------------------------------------------------------------------------ */

neap_dtype neap__lua_dtype(lua_State *L, int arg, neap_dtype fallback) {
  neap_dtype dtype = fallback;
  if (lua_isnoneornil(L, arg)) return dtype;
  if (lua_type(L, arg) != LUA_TSTRING) neap_lua_expected(L, arg, "a string such as \"f32\"");
  char name[NEAP_LUA_NAME];
  neap_status st = neap_dtype_parse(&dtype, lua_tostring(L, arg));
  if (st) neap_lua_check(L, neap_fail_in(st, "%s", neap_lua_parameter(L, 0, name)));
  return dtype;
}

/* The integer on top of the stack, entry number k of what. */
static int64_t whole_entry(lua_State *L, const char *what, int k) {
  char operation[NEAP_LUA_NAME], name[NEAP_LUA_NAME + 32];
  if (lua_isinteger(L, -1)) return lua_tointeger(L, -1);
  snprintf(name, sizeof name, "%s: %s %d", neap_lua_parameter(L, 0, operation), what, k);
  return neap_lua_whole_as(L, -1, name);
}

static void check_dims(lua_State *L, lua_Integer ndim) {
  char operation[NEAP_LUA_NAME];
  if (ndim > NEAP_MAX_DIMS)
    neap_lua_raise(L, "%s: %lld dims, at most %d are supported",
                   neap_lua_parameter(L, 0, operation), (long long)ndim, NEAP_MAX_DIMS);
}

int neap__lua_sizes(lua_State *L, int arg, int64_t *size) {
  neap_lua_table(L, arg);
  lua_Integer ndim = (lua_Integer)lua_rawlen(L, arg);
  check_dims(L, ndim);
  for (int d = 0; d < ndim; d++) {
    lua_rawgeti(L, arg, d + 1);
    size[d] = whole_entry(L, "size", d + 1);
    lua_pop(L, 1);
  }
  return (int)ndim;
}

int neap__lua_size_arguments(lua_State *L, int arg, int64_t *size) {
  if (lua_istable(L, arg)) return neap__lua_sizes(L, arg, size);
  int ndim = lua_gettop(L) - arg + 1;
  check_dims(L, ndim);
  for (int d = 0; d < ndim; d++) size[d] = neap_lua_whole(L, arg + d);
  return ndim;
}

/* v, a dimension as users count, as 0-based; name stands for it in messages. */
static int dim_of(lua_State *L, int64_t v, int ndim, const char *name) {
  if (v == 0) neap_lua_raise(L, "%s is 0, but indices start at 1 (negative from the end)", name);
  if (v > ndim || v < -ndim)
    neap_lua_raise(L, "%s is %lld, but there are %d", name, (long long)v, ndim);
  return (int)(v > 0 ? v - 1 : ndim + v);
}

int neap__lua_dim(lua_State *L, int arg, int ndim, int fallback) {
  char name[NEAP_LUA_NAME];
  if (lua_isnoneornil(L, arg)) {
    if (fallback >= 0) return fallback;
    neap_lua_raise(L, "%s is nil, but there are %d; name one", neap_lua_parameter(L, arg, name),
                   ndim);
  }
  int64_t v = neap_lua_whole(L, arg);
  bool fits = v != 0 && v <= ndim && v >= -ndim;
  return dim_of(L, v, ndim, fits ? NULL : neap_lua_parameter(L, arg, name));
}

int neap__lua_dim_entry(lua_State *L, int k, int ndim) {
  char operation[NEAP_LUA_NAME], name[NEAP_LUA_NAME + 32];
  int64_t v = whole_entry(L, "dim", k);
  snprintf(name, sizeof name, "%s: dim %d", neap_lua_parameter(L, 0, operation), k);
  return dim_of(L, v, ndim, name);
}

void neap__lua_push_element(lua_State *L, const neap_tensor *t, const int64_t *at) {
  if (neap_dtype_is_float(t->dtype)) lua_pushnumber(L, neap_tensor_get_f64(t, at));
  else if (t->dtype == NEAP_BOOL) lua_pushboolean(L, neap_tensor_get_i64(t, at) != 0);
  else lua_pushinteger(L, neap_tensor_get_i64(t, at));
}

static void store_integer(lua_State *L, neap_tensor *t, const int64_t *at, lua_Integer v) {
  neap_scalar probe;
  char name[NEAP_LUA_NAME];
  if (t->dtype >= NEAP_I32 && neap_scalar_i64(&probe, t->dtype, v))
    neap_lua_raise(L, "%s: %s", neap_lua_parameter(L, 0, name), neap_last_error());
  neap_tensor_set_i64(t, at, v);
}

void neap__lua_store(lua_State *L, neap_tensor *t, const int64_t *at) {
  lua_Integer whole;
  char name[NEAP_LUA_NAME];
  if (lua_isboolean(L, -1)) store_integer(L, t, at, lua_toboolean(L, -1));
  else if (lua_isinteger(L, -1)) store_integer(L, t, at, lua_tointeger(L, -1));
  else if (lua_type(L, -1) != LUA_TNUMBER)
    neap_lua_raise(L, "%s: an element must be a number or a boolean, got %s",
                   neap_lua_parameter(L, 0, name), neap_lua_kind(L, -1));
  else if (neap_dtype_is_float(t->dtype)) neap_tensor_set_f64(t, at, lua_tonumber(L, -1));
  else if (lua_numbertointeger(lua_tonumber(L, -1), &whole) &&
           (lua_Number)whole == lua_tonumber(L, -1))
    store_integer(L, t, at, whole);
  else
    neap_lua_raise(L, "%s: %.17g does not fit in %s", neap_lua_parameter(L, 0, name),
                   lua_tonumber(L, -1), neap_dtype_name(t->dtype));
}

void neap__lua_simplify(lua_State *L, int at) {
  neap_tensor *t = neap_lua_traced_tensor(L, at);
  if (t->ndim > 0 || t->trace) return;
  neap__lua_push_element(L, t, NULL);
  neap_tensor_drop(t);
  lua_replace(L, at);
}

int neap__lua_done_value(lua_State *L, neap_status st) {
  neap_lua_done(L, st);
  neap__lua_simplify(L, lua_gettop(L));
  return 1;
}

/* construction --------------------------------------------------------------------------------- */

/* Shape of a nested table, by following its first elements; *truth when they end in a boolean. */
static int measure(lua_State *L, int arg, int64_t *size, bool *truth) {
  int ndim = 0;
  lua_pushvalue(L, arg);
  while (lua_istable(L, -1)) {
    if (ndim == NEAP_MAX_DIMS) neap_lua_raise(L, "tensor.of: more than %d levels", NEAP_MAX_DIMS);
    size[ndim++] = (int64_t)lua_rawlen(L, -1);
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
  }
  *truth = lua_isboolean(L, -1);
  lua_pop(L, 1);
  return ndim;
}

/* Ctrl-C, now and then in a loop over elements that are Lua values. */
static void poll_at(lua_State *L, int64_t i) {
  if (i % 16384 == 16383) neap_lua_check(L, neap_interrupt_check());
}

static void fill_from(lua_State *L, neap_tensor *t, int depth, int64_t *at) {
  if (depth == t->ndim) {
    neap__lua_store(L, t, at);
    return;
  }
  if (!lua_istable(L, -1) || (int64_t)lua_rawlen(L, -1) != t->size[depth])
    neap_lua_raise(L, "tensor.of: ragged table, level %d has %lld elements here and %lld before",
                   depth + 1, (long long)(lua_istable(L, -1) ? (int64_t)lua_rawlen(L, -1) : 0),
                   (long long)t->size[depth]);
  luaL_checkstack(L, 2, "tensor.of");
  for (at[depth] = 0; at[depth] < t->size[depth]; at[depth]++) {
    poll_at(L, at[depth]);
    lua_rawgeti(L, -1, at[depth] + 1);
    fill_from(L, t, depth + 1, at);
    lua_pop(L, 1);
  }
}

/* of(table, dtype): without a dtype f64, or bool for booleans. */
static int l_of(lua_State *L) {
  neap_lua_table(L, 1);
  int64_t size[NEAP_MAX_DIMS], at[NEAP_MAX_DIMS] = {0};
  bool truth;
  int ndim = measure(L, 1, size, &truth);
  neap_dtype dtype = neap__lua_dtype(L, 2, truth ? NEAP_BOOL : NEAP_F64);
  neap_tensor *t = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(t, dtype, ndim, size));
  lua_pushvalue(L, 1);
  fill_from(L, t, 0, at);
  lua_pop(L, 1);
  return neap_lua_done(L, NEAP_OK);
}

/* zeros(sizes, dtype) */
static int l_zeros(lua_State *L) {
  int64_t size[NEAP_MAX_DIMS];
  int ndim = neap__lua_sizes(L, 1, size);
  neap_dtype dtype = neap__lua_dtype(L, 2, NEAP_F64);
  return neap_lua_done(L, neap_tensor_init(neap_lua_push_tensor(L), dtype, ndim, size));
}

/* full(sizes, dtype, value) */
static int l_full(lua_State *L) {
  int64_t size[NEAP_MAX_DIMS];
  int ndim = neap__lua_sizes(L, 1, size);
  neap_dtype dtype = neap__lua_dtype(L, 2, NEAP_F64);
  neap_scalar s;
  neap_scalar_i64(&s, dtype, 0);
  lua_pushvalue(L, 3);
  neap__lua_store(L, &s.t, NULL);
  lua_pop(L, 1);
  neap_tensor *t = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(t, dtype, ndim, size));
  return neap_lua_done(L, neap_tensor_copy(t, &s.t));
}

/* arange(start, step, n, dtype): start + i * step */
static int l_arange(lua_State *L) {
  bool whole = lua_isinteger(L, 1) && lua_isinteger(L, 2);
  lua_Number start = neap_lua_number(L, 1), step = neap_lua_number(L, 2);
  int64_t n = neap_lua_integer(L, 3, 0, INT64_MAX / 16, "arange: the number of elements");
  neap_dtype dtype = neap__lua_dtype(L, 4, NEAP_F64);
  neap_tensor *t = neap_lua_push_tensor(L), *out = t;
  neap_lua_check(L, whole ? neap_tensor_range_i64(t, lua_tointeger(L, 1), lua_tointeger(L, 2), n)
                          : neap_tensor_range_f64(t, start, step, n));
  if (dtype == t->dtype) return neap_lua_done(L, NEAP_OK);
  out = neap_lua_push_tensor(L);
  return neap_lua_done(L, neap_tensor_as(out, t, dtype));
}

/* looking -------------------------------------------------------------------------------------- */

static int t_shape(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  lua_createtable(L, t->ndim, 0);
  for (int d = 0; d < t->ndim; d++) {
    lua_pushinteger(L, t->size[d]);
    lua_rawseti(L, -2, d + 1);
  }
  return 1;
}

static int t_len(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  lua_pushinteger(L, t->ndim ? t->size[0] : 0);
  return 1;
}

/* t:size(d) */
static int t_size(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  lua_pushinteger(L, t->size[neap__lua_dim(L, 2, t->ndim, -1)]);
  return 1;
}

static int t_dim(lua_State *L) {
  lua_pushinteger(L, neap_lua_traced_tensor(L, 1)->ndim);
  return 1;
}

static int t_numel(lua_State *L) {
  lua_pushinteger(L, neap_tensor_numel(neap_lua_traced_tensor(L, 1)));
  return 1;
}

static int print_width = 100;

static int t_tostring(lua_State *L) {
  const neap_tensor *t = luaL_checkudata(L, 1, TENSOR);
  char text[8192];
  lua_pushstring(L, t->storage ? neap_tensor_print(text, sizeof text, t, print_width)
                               : "tensor (closed)");
  return 1;
}

/* print_width(columns): the width that tostring keeps to from now on */
static int l_print_width(lua_State *L) {
  print_width = (int)neap_lua_integer(L, 1, 20, 1000, "columns");
  return 0;
}

static void check_position(lua_State *L, const neap_tensor *t, int given, int64_t *at) {
  char name[NEAP_LUA_NAME];
  if (given != t->ndim)
    neap_lua_raise(L, "%s: the tensor has %d dims, %d positions given",
                   neap_lua_parameter(L, 0, name), t->ndim, given);
  for (int d = 0; d < t->ndim; d++) at[d] = neap_lua_position(L, 2 + d, t->size[d], NULL);
}

/* t:get(i, j, ...) */
static int t_get(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int64_t at[NEAP_MAX_DIMS];
  check_position(L, t, lua_gettop(L) - 1, at);
  neap__lua_push_element(L, t, at);
  return 1;
}

/* t:set(i, j, ..., value) */
static int t_set(lua_State *L) {
  neap_tensor *t = neap_lua_check_tensor(L, 1);
  int64_t at[NEAP_MAX_DIMS];
  check_position(L, t, lua_gettop(L) - 2, at);
  neap__lua_store(L, t, at);
  lua_settop(L, 1);
  return 1;
}

/* t:item(): the only element. */
static int t_item(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int64_t at[NEAP_MAX_DIMS] = {0};
  char shape[128];
  if (neap_tensor_numel(t) != 1)
    neap_lua_raise(L, "item: one element expected, the tensor is %s",
                   neap_shape_text(t, shape, sizeof shape));
  neap__lua_push_element(L, t, at);
  return 1;
}

static void push_table(lua_State *L, const neap_tensor *t, int depth, int64_t *at) {
  if (depth == t->ndim) {
    neap__lua_push_element(L, t, at);
    return;
  }
  luaL_checkstack(L, 2, "tensor:totable");
  lua_createtable(L, (int)(t->size[depth] < 1 << 20 ? t->size[depth] : 1 << 20), 0);
  for (at[depth] = 0; at[depth] < t->size[depth]; at[depth]++) {
    poll_at(L, at[depth]);
    push_table(L, t, depth + 1, at);
    lua_rawseti(L, -2, at[depth] + 1);
  }
}

/* t:totable(): nested Lua tables, the inverse of tensor.of. */
static int t_totable(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int64_t at[NEAP_MAX_DIMS] = {0}, count = 1;
  char shape[128];
  for (int d = 0; d < t->ndim && count > 0; d++) { /* tables before an empty dimension count too */
    if (__builtin_mul_overflow(count, t->size[d], &count) || count > INT32_MAX)
      neap_lua_raise(L, "totable: %s is too large for a table",
                     neap_shape_text(t, shape, sizeof shape));
  }
  push_table(L, t, 0, at);
  return 1;
}

static int t_to(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  if (lua_isnoneornil(L, 2)) neap_lua_expected(L, 2, "a string such as \"f32\"");
  neap_dtype dtype = neap__lua_dtype(L, 2, NEAP_F64);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_as(out, t, dtype);
  if (!st && t->trace && neap_dtype_is_float(dtype)) st = neap__record_one(out, NEAP_TAPE_CAST, t);
  return neap_lua_done(L, st);
}

static int t_close(lua_State *L) {
  neap_tensor *t = neap_lua_to_tensor(L, 1);
  if (!t) neap_lua_expected(L, 1, "a tensor");
  neap_tensor_drop(t);
  return 0;
}

/* A finalizer may run inside any of our functions, which may be at work on this very tensor: what
 * one frees is left to the collector. */
static int t_free(lua_State *L) {
  lua_Debug ar;
  for (int level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "n", &ar);
    if (strcmp(ar.namewhat, "metamethod") == 0 && strcmp(ar.name, "__gc") == 0) return 0;
  }
  return t_close(L);
}

/* The method called name at the top of the stack. Most methods are C; those that take options are
 * written in lualib/neap/tensor.lua, which is loaded when a name is missing, since a tensor may
 * come from a module that did not need it. */
static int push_method(lua_State *L) {
  lua_settop(L, 2);
  luaL_getmetatable(L, TENSOR);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, -2) != LUA_TNIL) return 1;
  lua_getglobal(L, "require");
  lua_pushliteral(L, "neap.tensor");
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) return lua_error(L);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, 3) != LUA_TNIL || strncmp(lua_tostring(L, 2), "__", 2) == 0) return 1;
  if (lua_getfield(L, 3, "__absent") == LUA_TNIL) return 1;
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_call(L, 2, 1); /* raises, and names the nearest method */
  return 1;
}

/* x.grad: the gradient that has been added up for a leaf, or nil. */
static int t_grad(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  const neap_tensor *g = t->trace ? neap_recorder_installed()->gradient(t->trace) : NULL;
  if (g) neap_tensor_alias(neap_lua_push_tensor(L), g);
  else lua_pushnil(L);
  return 1;
}

/* x[i], x.shape, x.dtype, x.grad, x:method(); the methods are the first upvalue. */
static int t_index(lua_State *L) {
  if (lua_type(L, 2) != LUA_TSTRING) return neap__lua_index(L);
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
  const char *name = lua_tostring(L, 2);
  if (strcmp(name, "shape") == 0) return t_shape(L);
  if (strcmp(name, "dtype") == 0) {
    lua_pushstring(L, neap_dtype_name(neap_lua_traced_tensor(L, 1)->dtype));
    return 1;
  }
  if (strcmp(name, "grad") == 0) return t_grad(L);
  if (strcmp(name, "requires_grad") == 0) {
    lua_pushboolean(L, neap_lua_traced_tensor(L, 1)->trace != NULL);
    return 1;
  }
  return push_method(L);
}

static const luaL_Reg methods[] = {
    {"get", t_get},
    {"set", t_set},
    {"item", t_item},
    {"totable", t_totable},
    {"size", t_size},
    {"dim", t_dim},
    {"numel", t_numel},
    {"to", t_to},
    {"free", t_free},

    {"__len", t_len},
    {"__index", t_index},
    {"__newindex", neap__lua_newindex},
    {"__gc", t_close},
    {"__tostring", t_tostring},
    {NULL, NULL},
};

static const neap_lua_signature method_signatures[] = {
    {"get", "self position...", NULL},
    {"set", "self position...", NULL},
    {"item", "self", NULL},
    {"totable", "self", NULL},
    {"size", "self dim", NULL},
    {"dim", "self", NULL},
    {"numel", "self", NULL},
    {"to", "self dtype", NULL},
    {"free", "self", NULL},
    {"__len", "x", "#"},
    {"__index", "x index", "index"},
    {"__newindex", "x index value", "assignment"},
    {NULL, NULL, NULL},
};

static const neap_lua_signature function_signatures[] = {
    {"of", "values dtype", "tensor.of"},
    {"zeros", "sizes dtype", "tensor.zeros"},
    {"full", "sizes dtype value", "tensor.full"},
    {"arange", "first step n dtype", "tensor.arange"},
    {"print_width", "columns", NULL},
    {NULL, NULL, NULL},
};

/* is_open(value): whether it is a tensor that was not closed; nil for what is no tensor. */
static int l_is_open(lua_State *L) {
  const neap_tensor *t = neap_lua_to_tensor(L, 1);
  if (t) lua_pushboolean(L, t->storage != NULL);
  else lua_pushnil(L);
  return 1;
}

static const luaL_Reg functions[] = {
    {"of", l_of},         {"is_open", l_is_open},         {"zeros", l_zeros}, {"full", l_full},
    {"arange", l_arange}, {"print_width", l_print_width}, {NULL, NULL}};

NEAP_LUA_EXPORT int luaopen_neap_c_tensor(lua_State *L);

/* The module's field methods is the metatable, to which lualib adds methods with options. */
int luaopen_neap_c_tensor(lua_State *L) {
  neap_lua_class(L, TENSOR, methods);
  luaL_getmetatable(L, TENSOR);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, t_index, 1);
  lua_setfield(L, -2, "__index");
  neap_lua_sign(L, method_signatures);
  neap__lua_add_views(L);
  neap__lua_add_math(L);
  luaL_newlib(L, functions);
  neap_lua_sign(L, function_signatures);
  neap__lua_add_joins(L);
  neap__lua_add_random(L);
  neap__lua_add_order(L);
  neap__lua_add_files(L);
  neap__lua_add_linalg(L);
  neap__lua_add_fft(L);
  neap__lua_add_reductions(L);
  lua_insert(L, -2);
  lua_setfield(L, -2, "methods");
  return 1;
}
