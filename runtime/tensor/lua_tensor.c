/* The face of tensors in Lua: construction, looking, element access, views. */
#include "tensor/lua_tensor.h"

#include <string.h>

static const char TENSOR[] = "neap.tensor";

neap_tensor *neap_lua_to_tensor(lua_State *L, int arg) { return luaL_testudata(L, arg, TENSOR); }

neap_tensor *neap_lua_check_tensor(lua_State *L, int arg) {
  neap_tensor *t = luaL_checkudata(L, arg, TENSOR);
  if (!t->storage) neap_lua_raise(L, "tensor was closed");
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
    neap_lua_raise(L, "%s: tensor expected, got %s", name, luaL_typename(L, arg));
  const neap_tensor *t = neap_lua_check_tensor(L, arg);
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

/* construction
 * ------------------------------------------------------------------------------------- */

static neap_dtype check_dtype(lua_State *L, int arg, neap_dtype fallback) {
  neap_dtype dtype = fallback;
  if (!lua_isnoneornil(L, arg))
    neap_lua_check(L, neap_dtype_parse(&dtype, luaL_checkstring(L, arg)));
  return dtype;
}

/* Shape of a nested table, by following its first elements. */
static int measure(lua_State *L, int arg, int64_t *size) {
  int ndim = 0;
  lua_pushvalue(L, arg);
  while (lua_istable(L, -1)) {
    if (ndim == NEAP_MAX_DIMS) neap_lua_raise(L, "tensor.of: more than %d levels", NEAP_MAX_DIMS);
    size[ndim++] = (int64_t)lua_rawlen(L, -1);
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
  }
  lua_pop(L, 1);
  return ndim;
}

static void fill_scalar(lua_State *L, neap_tensor *t, const int64_t *at) {
  if (lua_isboolean(L, -1)) neap_tensor_set_i64(t, at, lua_toboolean(L, -1));
  else if (lua_isinteger(L, -1)) neap_tensor_set_i64(t, at, lua_tointeger(L, -1));
  else if (lua_isnumber(L, -1)) neap_tensor_set_f64(t, at, lua_tonumber(L, -1));
  else neap_lua_raise(L, "tensor.of: number or boolean expected, got %s", luaL_typename(L, -1));
}

static void fill_from(lua_State *L, neap_tensor *t, int depth, int64_t *at) {
  if (depth == t->ndim) {
    fill_scalar(L, t, at);
    return;
  }
  if (!lua_istable(L, -1) || (int64_t)lua_rawlen(L, -1) != t->size[depth])
    neap_lua_raise(L, "tensor.of: ragged table, level %d has %lld elements here and %lld before",
                   depth + 1, (long long)(lua_istable(L, -1) ? (int64_t)lua_rawlen(L, -1) : 0),
                   (long long)t->size[depth]);
  for (at[depth] = 0; at[depth] < t->size[depth]; at[depth]++) {
    lua_rawgeti(L, -1, at[depth] + 1);
    fill_from(L, t, depth + 1, at);
    lua_pop(L, 1);
  }
}

/* of(table, dtype) */
static int l_of(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  neap_dtype dtype = check_dtype(L, 2, NEAP_F64);
  int64_t size[NEAP_MAX_DIMS], at[NEAP_MAX_DIMS] = {0};
  int ndim = measure(L, 1, size);
  neap_tensor *t = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(t, dtype, ndim, size));
  lua_pushvalue(L, 1);
  fill_from(L, t, 0, at);
  lua_pop(L, 1);
  return neap_lua_done(L, NEAP_OK);
}

static int check_sizes(lua_State *L, int arg, int64_t *size) {
  luaL_checktype(L, arg, LUA_TTABLE);
  lua_Integer ndim = (lua_Integer)lua_rawlen(L, arg);
  if (ndim > NEAP_MAX_DIMS) neap_lua_raise(L, "more than %d dimensions", NEAP_MAX_DIMS);
  for (int d = 0; d < ndim; d++) {
    lua_rawgeti(L, arg, d + 1);
    size[d] = luaL_checkinteger(L, -1);
    lua_pop(L, 1);
  }
  return (int)ndim;
}

/* zeros(sizes, dtype) */
static int l_zeros(lua_State *L) {
  int64_t size[NEAP_MAX_DIMS];
  int ndim = check_sizes(L, 1, size);
  neap_dtype dtype = check_dtype(L, 2, NEAP_F64);
  return neap_lua_done(L, neap_tensor_init(neap_lua_push_tensor(L), dtype, ndim, size));
}

/* looking
 * -------------------------------------------------------------------------------------------- */

static int t_shape(lua_State *L) {
  const neap_tensor *t = neap_lua_check_tensor(L, 1);
  lua_createtable(L, t->ndim, 0);
  for (int d = 0; d < t->ndim; d++) {
    lua_pushinteger(L, t->size[d]);
    lua_rawseti(L, -2, d + 1);
  }
  return 1;
}

static int t_len(lua_State *L) {
  const neap_tensor *t = neap_lua_check_tensor(L, 1);
  lua_pushinteger(L, t->ndim ? t->size[0] : 0);
  return 1;
}

static int t_numel(lua_State *L) {
  lua_pushinteger(L, neap_tensor_numel(neap_lua_check_tensor(L, 1)));
  return 1;
}

static int t_tostring(lua_State *L) {
  const neap_tensor *t = luaL_checkudata(L, 1, TENSOR);
  char shape[128];
  if (!t->storage) lua_pushliteral(L, "tensor (closed)");
  else
    lua_pushfstring(L, "tensor<%s>%s", neap_dtype_name(t->dtype),
                    neap_shape_text(t, shape, sizeof shape));
  return 1;
}

static void push_element(lua_State *L, const neap_tensor *t, const int64_t *at) {
  if (neap_dtype_is_float(t->dtype)) lua_pushnumber(L, neap_tensor_get_f64(t, at));
  else if (t->dtype == NEAP_BOOL) lua_pushboolean(L, neap_tensor_get_i64(t, at) != 0);
  else lua_pushinteger(L, neap_tensor_get_i64(t, at));
}

static void check_position(lua_State *L, const neap_tensor *t, int first, int64_t *at) {
  if (lua_gettop(L) - first + 1 < t->ndim)
    neap_lua_raise(L, "tensor: %d positions given, %d dimensions", lua_gettop(L) - first + 1,
                   t->ndim);
  for (int d = 0; d < t->ndim; d++) at[d] = neap_lua_position(L, first + d, t->size[d], "position");
}

/* t:get(i, j, ...) */
static int t_get(lua_State *L) {
  const neap_tensor *t = neap_lua_check_tensor(L, 1);
  int64_t at[NEAP_MAX_DIMS];
  check_position(L, t, 2, at);
  push_element(L, t, at);
  return 1;
}

/* t:set(i, j, ..., value) */
static int t_set(lua_State *L) {
  neap_tensor *t = neap_lua_check_tensor(L, 1);
  int64_t at[NEAP_MAX_DIMS];
  check_position(L, t, 2, at);
  lua_settop(L, t->ndim + 2);
  fill_scalar(L, t, at);
  return 0;
}

static void push_table(lua_State *L, const neap_tensor *t, int depth, int64_t *at) {
  if (depth == t->ndim) {
    push_element(L, t, at);
    return;
  }
  luaL_checkstack(L, 2, "tensor:totable");
  lua_createtable(L, (int)(t->size[depth] < 1 << 20 ? t->size[depth] : 1 << 20), 0);
  for (at[depth] = 0; at[depth] < t->size[depth]; at[depth]++) {
    push_table(L, t, depth + 1, at);
    lua_rawseti(L, -2, at[depth] + 1);
  }
}

/* t:totable(): nested Lua tables, the inverse of tensor.of. */
static int t_totable(lua_State *L) {
  int64_t at[NEAP_MAX_DIMS] = {0};
  push_table(L, neap_lua_check_tensor(L, 1), 0, at);
  return 1;
}

static int t_to(lua_State *L) {
  const neap_tensor *t = neap_lua_check_tensor(L, 1);
  neap_dtype dtype = check_dtype(L, 2, NEAP_F64);
  return neap_lua_done(L, neap_tensor_as(neap_lua_push_tensor(L), t, dtype));
}

static int t_close(lua_State *L) {
  neap_tensor_drop(luaL_checkudata(L, 1, TENSOR));
  return 0;
}

/* x[i], x.shape, x.dtype, x:method() */
static int t_index(lua_State *L) {
  if (lua_type(L, 2) == LUA_TSTRING) {
    const char *name = lua_tostring(L, 2);
    if (strcmp(name, "shape") == 0) return t_shape(L);
    if (strcmp(name, "dtype") == 0) {
      lua_pushstring(L, neap_dtype_name(neap_lua_check_tensor(L, 1)->dtype));
      return 1;
    }
    lua_getmetatable(L, 1);
    lua_pushvalue(L, 2);
    lua_rawget(L, -2);
    return 1;
  }
  const neap_tensor *t = neap_lua_check_tensor(L, 1);
  if (t->ndim == 0) neap_lua_raise(L, "a tensor without dimensions cannot be indexed");
  int64_t at = neap_lua_position(L, 2, t->size[0], "index");
  if (t->ndim == 1) {
    push_element(L, t, &at);
    return 1;
  }
  return neap_lua_done(L, neap_tensor_select(neap_lua_push_tensor(L), t, 0, at));
}

static const luaL_Reg methods[] = {
    {"get", t_get},       {"set", t_set},    {"totable", t_totable},
    {"numel", t_numel},   {"to", t_to},      {"__len", t_len},
    {"__index", t_index}, {"__gc", t_close}, {"__tostring", t_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {{"of", l_of}, {"zeros", l_zeros}, {NULL, NULL}};

NEAP_LUA_EXPORT int luaopen_neap_c_tensor(lua_State *L);

int luaopen_neap_c_tensor(lua_State *L) {
  neap_lua_class(L, TENSOR, methods);
  luaL_newlib(L, functions);
  return 1;
}
