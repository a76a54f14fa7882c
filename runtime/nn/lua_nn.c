/* The functions of layers in Lua, positional; the classes are in lualib/neap/nn. */
#include "nn/lua_parts.h"
#include "nn/nn.h"

const neap_tensor *neap__lua_optional_tensor(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? NULL : neap_lua_traced_tensor(L, arg);
}

const neap_tensor *neap__lua_optional_plain(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? NULL : neap_lua_check_tensor(L, arg);
}

/* linear(x, weight, bias) */
static int l_linear(lua_State *L) {
  const neap_tensor *x = neap_lua_traced_tensor(L, 1), *w = neap_lua_traced_tensor(L, 2);
  const neap_tensor *b = neap__lua_optional_tensor(L, 3);
  return neap_lua_done(L, neap_nn_linear(neap_lua_push_tensor(L), x, w, b));
}

/* activate(name, x, parameter) */
static int l_activate(lua_State *L) {
  static const char *const names[] = {"leaky_relu", "elu", "silu", "gelu", NULL};
  neap_activation kind = (neap_activation)luaL_checkoption(L, 1, NULL, names);
  const neap_tensor *x = neap_lua_traced_tensor(L, 2);
  double parameter = luaL_optnumber(L, 3, 0);
  return neap_lua_done(L, neap_nn_activate(neap_lua_push_tensor(L), kind, parameter, x));
}

static const luaL_Reg functions[] = {{"linear", l_linear}, {"activate", l_activate}, {NULL, NULL}};
static const neap_lua_signature signatures[] = {
    {"linear", "x weight bias", NULL}, {"activate", "name x parameter", "*"}, {NULL, NULL, NULL}};

NEAP_LUA_EXPORT int luaopen_neap_c_nn(lua_State *L);

int luaopen_neap_c_nn(lua_State *L) {
  luaL_newlib(L, functions);
  neap_lua_sign(L, signatures);
  neap__lua_norm(L);
  neap__lua_conv(L);
  neap__lua_recurrent(L);
  neap__lua_loss(L);
  neap__lua_optim(L);
  neap__lua_stream(L);
  return 1;
}
