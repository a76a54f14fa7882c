#include "base/alloc.h"
#include "base/lua_base.h"
#include "plot/plot.h"

static int free_bytes(lua_State *L) {
  uint8_t **bytes = lua_touserdata(L, 1);
  neap_free(*bytes);
  *bytes = NULL;
  return 0;
}

/* png(text, scale): the bytes live in a small userdata until they are a Lua string. */
static int l_png(lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  double scale = luaL_checknumber(L, 2);
  uint8_t **bytes = lua_newuserdatauv(L, sizeof *bytes, 0);
  *bytes = NULL;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, free_bytes);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  int64_t count;
  neap_lua_check(L, neap_plot_png(bytes, &count, text, n, scale));
  lua_pushlstring(L, (const char *)*bytes, (size_t)count);
  neap_free(*bytes);
  *bytes = NULL;
  return 1;
}

static const luaL_Reg functions[] = {{"png", l_png}, {NULL, NULL}};

NEAP_LUA_EXPORT int luaopen_neap_c_plot(lua_State *L);

int luaopen_neap_c_plot(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
