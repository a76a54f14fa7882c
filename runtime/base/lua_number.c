/* neap.c.number: numbers from text and back, free of the locale, for writers of text in Lua. */
#include "base/lua_base.h"
#include "base/number.h"

/* parse(text) -> integer where it is one that fits, else float; nil when it is no number. */
static int l_parse(lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  int64_t i;
  double v;
  if (neap_integer_parse(text, n, &i)) lua_pushinteger(L, i);
  else if (neap_number_parse(text, n, &v)) lua_pushnumber(L, v);
  else lua_pushnil(L);
  return 1;
}

static int print(lua_State *L, size_t (*number)(char out[32], double v)) {
  char text[32];
  luaL_checknumber(L, 1);
  size_t n = lua_isinteger(L, 1) ? neap_integer_print(text, lua_tointeger(L, 1))
                                 : number(text, lua_tonumber(L, 1));
  lua_pushlstring(L, text, n);
  return 1;
}

static int l_print(lua_State *L) { return print(L, neap_number_print); }
static int l_print_17(lua_State *L) { return print(L, neap_number_print_17); }

static const luaL_Reg functions[] = {
    {"parse", l_parse},
    {"print", l_print},
    {"print_17", l_print_17},
    {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_number(lua_State *L);

int luaopen_neap_c_number(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
