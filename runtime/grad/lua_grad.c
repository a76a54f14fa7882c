/* Differentiation in Lua: methods of tensors, and the switch that stops recording. */
#include <string.h>

#include "grad/grad.h"
#include "grad/lua_operation.h"
#include "tensor/lua_tensor.h"

/* x:requires_grad_(on): x becomes a leaf; true when on is absent. */
static int t_requires_grad(lua_State *L) {
  neap_tensor *t = neap_lua_traced_tensor(L, 1);
  if (!lua_isnoneornil(L, 2) && !lua_isboolean(L, 2)) neap_lua_expected(L, 2, "true or false");
  neap_lua_check(L, neap_grad_require(t, lua_isnoneornil(L, 2) || lua_toboolean(L, 2)));
  lua_settop(L, 1);
  return 1;
}

/* x:detach(): the same elements without a trace. */
static int t_detach(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  neap_tensor_alias(neap_lua_push_tensor(L), t);
  return 1;
}

/* x:is_leaf() */
static int t_is_leaf(lua_State *L) {
  lua_pushboolean(L, neap_grad_is_leaf(neap_lua_traced_tensor(L, 1)));
  return 1;
}

/* backward(t, gradient, retain) */
static int l_backward(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  const neap_tensor *seed = lua_isnoneornil(L, 2) ? NULL : neap_lua_check_tensor(L, 2);
  neap__lua_backward(L, t, seed, lua_toboolean(L, 3));
  neap_lua_charge(L);
  return 0;
}

/* pause(change) -> the count: how many no_grad are around */
static int l_pause(lua_State *L) {
  lua_pushinteger(L, neap_grad_pause((int)neap_lua_integer(L, 1, -1, 1, "change")));
  return 1;
}

/* without(fn, ...) -> what fn(...) returns, nothing being recorded meanwhile, whether or not it
 * fails. Below a call from C nothing can yield, and so leave recording off for good. */
static int l_without(lua_State *L) {
  int before = neap_grad_pause(0);
  luaL_checkany(L, 1);
  neap_grad_pause(1);
  int rc = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  neap_grad_pause(before - neap_grad_pause(0));
  if (rc == LUA_OK) return lua_gettop(L);
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  if (strcmp(text, "attempt to yield across a C-call boundary") == 0)
    return neap_lua_raise(L, "no_grad: a coroutine cannot yield inside; what runs elsewhere "
                             "meanwhile would not be recorded");
  return lua_error(L);
}

/* clear(t): forget the gradient of a leaf */
static int l_clear(lua_State *L) {
  neap_grad_clear(neap_lua_traced_tensor(L, 1));
  return 0;
}

/* Append the name of an operation with a gradient to the array at the top of the stack. */
static void add_name(const char *name, void *ctx) {
  lua_State *L = ctx;
  lua_pushstring(L, name);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* ops() -> the names of operations with a gradient */
static int l_ops(lua_State *L) {
  lua_newtable(L);
  neap_grad_each_operation(add_name, L);
  return 1;
}

static const luaL_Reg methods[] = {{"requires_grad_", t_requires_grad},
                                   {"detach", t_detach},
                                   {"is_leaf", t_is_leaf},
                                   {NULL, NULL}};
static const neap_lua_signature method_signatures[] = {{"requires_grad_", "self on", NULL},
                                                       {"detach", "self", NULL},
                                                       {"is_leaf", "self", NULL},
                                                       {NULL, NULL, NULL}};
static const luaL_Reg functions[] = {{"backward", l_backward},
                                     {"pause", l_pause},
                                     {"without", l_without},
                                     {"clear", l_clear},
                                     {"ops", l_ops},
                                     {"operation", neap__lua_operation},
                                     {NULL, NULL}};
static const neap_lua_signature function_signatures[] = {{"backward", "self gradient", NULL},
                                                         {"pause", "change", NULL},
                                                         {"without", "fn ...", NULL},
                                                         {"clear", "self", NULL},
                                                         {"ops", "", NULL},
                                                         {"operation", "name", "*"},
                                                         {NULL, NULL, NULL}};

NEAP_LUA_EXPORT int luaopen_neap_c_grad(lua_State *L);

int luaopen_neap_c_grad(lua_State *L) {
  lua_getglobal(L, "require"); /* the class that methods are added to */
  lua_pushliteral(L, "neap.c.tensor");
  lua_call(L, 1, 0);
  luaL_getmetatable(L, "neap.tensor");
  luaL_setfuncs(L, methods, 0);
  neap_lua_sign(L, method_signatures);
  neap__lua_open_operations(L);
  luaL_newlib(L, functions);
  neap_lua_sign(L, function_signatures);
  return 1;
}
