/* The functions of layers in Lua, positional; the classes are in lualib/neap/nn. */
#include "nn/lua_parts.h"
#include "nn/nn.h"

const neap_tensor *neap__lua_optional_tensor(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? NULL : neap_lua_traced_tensor(L, arg);
}

/* linear(x, weight, bias) */
static int l_linear(lua_State *L) {
  const neap_tensor *x = neap_lua_traced_tensor(L, 1), *w = neap_lua_traced_tensor(L, 2);
  const neap_tensor *b = neap__lua_optional_tensor(L, 3);
  return neap_lua_done(L, neap_nn_linear(neap_lua_push_tensor(L), x, w, b));
}

static const luaL_Reg functions[] = {{"linear", l_linear}, {NULL, NULL}};
static const neap_lua_signature signatures[] = {{"linear", "x weight bias", NULL},
                                                {NULL, NULL, NULL}};

NEAP_LUA_EXPORT int luaopen_neap_c_nn(lua_State *L);

int luaopen_neap_c_nn(lua_State *L) {
  luaL_newlib(L, functions);
  neap_lua_sign(L, signatures);
  return 1;
}
