#include "tree/lua_args.h"

const neap_tensor *neap__lua_push_matrix(lua_State *L, int arg, const char *name) {
  const neap_tensor *t = neap_lua_to_tensor(L, arg);
  if (!t || !t->storage || !neap_dtype_is_float(t->dtype))
    return neap_lua_push_as(L, arg, NEAP_F64, name);
  lua_pushvalue(L, arg);
  return t;
}

const double *neap__lua_push_rows(lua_State *L, const char *where, int arg, const neap_tensor *x,
                                  const char *name) {
  int64_t n;
  if (lua_isnoneornil(L, arg)) return NULL;
  const neap_tensor *t = neap_lua_push_series(L, arg, NEAP_F64, name, &n);
  if (x->ndim > 0 && n != x->size[0])
    neap_lua_raise(L, "%s: %s has %lld elements, but x has %lld rows", where, name, (long long)n,
                   (long long)x->size[0]);
  return neap_tensor_data(t);
}

double neap__lua_number_field(lua_State *L, const char *where, const char *name) {
  if (!lua_isnumber(L, -1))
    neap_lua_raise(L, "%s: %s must be a number, got %s", where, name, luaL_typename(L, -1));
  return lua_tonumber(L, -1);
}

int64_t neap__lua_integer_field(lua_State *L, const char *where, const char *name) {
  double v = neap__lua_number_field(L, where, name);
  if (!(v > -0x1p53 && v <= 0x1p53) || v != (double)(int64_t)v)
    neap_lua_raise(L, "%s: %s must be an integer, got %g", where, name, v);
  return (int64_t)v;
}

bool neap__lua_flag_field(lua_State *L, const char *where, const char *name) {
  if (!lua_isboolean(L, -1))
    neap_lua_raise(L, "%s: %s must be true or false, got %s", where, name, luaL_typename(L, -1));
  return lua_toboolean(L, -1);
}

void neap__lua_push_integers(lua_State *L, const int64_t *v, int64_t n) {
  lua_createtable(L, (int)n, 0);
  for (int64_t i = 0; i < n; i++) {
    lua_pushinteger(L, v[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

void neap__lua_push_numbers(lua_State *L, const double *v, int64_t n) {
  lua_createtable(L, (int)n, 0);
  for (int64_t i = 0; i < n; i++) {
    lua_pushnumber(L, v[i]);
    lua_rawseti(L, -2, i + 1);
  }
}
