#include "tree/lua_columns.h"

#include <string.h>

/* Element i of the list at the top of the stack, as a number; the list stays. */
static double number_at(lua_State *L, const char *name, int64_t i) {
  lua_rawgeti(L, -1, i);
  if (!lua_isnumber(L, -1))
    neap_lua_raise(L, "gbdt.fit: %s: element %lld is a %s, a number is expected", name,
                   (long long)i, luaL_typename(L, -1));
  double v = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return v;
}

/* The list called name of the table at arg; false and nothing on the stack for nil. */
static bool push_list(lua_State *L, int arg, const char *name) {
  int type = lua_getfield(L, arg, name);
  if (type == LUA_TNIL) {
    lua_pop(L, 1);
    return false;
  }
  if (type != LUA_TTABLE)
    neap_lua_raise(L, "gbdt.fit: %s must be an array, got %s", name, luaL_typename(L, -1));
  return true;
}

static bool *categorical(lua_State *L, int arg, int64_t features) {
  static const char name[] = "categorical_feature";
  bool *flag = lua_newuserdatauv(L, (size_t)features + 1, 0);
  memset(flag, 0, (size_t)features + 1);
  if (!push_list(L, arg, name)) return NULL;
  for (int64_t i = 1, n = (int64_t)lua_rawlen(L, -1); i <= n; i++) {
    double v = number_at(L, name, i);
    if (!(v >= 1 && v <= (double)features) || v != (double)(int64_t)v)
      neap_lua_raise(L, "gbdt.fit: %s: there is no feature %g, x has %lld", name, v,
                     (long long)features);
    flag[(int64_t)v - 1] = true;
  }
  lua_pop(L, 1);
  return flag;
}

const neap_gbdt_columns *neap__lua_columns(lua_State *L, int arg, int64_t features) {
  luaL_checkstack(L, 8, "gbdt.fit");
  neap_gbdt_columns *c = lua_newuserdatauv(L, sizeof *c, 0);
  *c = (neap_gbdt_columns){.categorical = NULL};
  c->categorical = categorical(L, arg, features);
  return c;
}
