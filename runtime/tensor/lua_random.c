/* Random tensors in Lua: positional, with a generator every time. */
#include "tensor/lua_parts.h"

/* rand(sizes, dtype, rng), randn(...) */
static int l_rand(lua_State *L) {
  int64_t size[NEAP_MAX_DIMS];
  int ndim = neap__lua_sizes(L, 1, size);
  neap_dtype dtype = neap__lua_dtype(L, 2, NEAP_F64);
  neap_rng *r = neap_lua_check_rng(L, 3);
  return neap_lua_done(L, neap_tensor_rand(neap_lua_push_tensor(L), dtype, ndim, size, r));
}

static int l_randn(lua_State *L) {
  int64_t size[NEAP_MAX_DIMS];
  int ndim = neap__lua_sizes(L, 1, size);
  neap_dtype dtype = neap__lua_dtype(L, 2, NEAP_F64);
  neap_rng *r = neap_lua_check_rng(L, 3);
  return neap_lua_done(L, neap_tensor_randn(neap_lua_push_tensor(L), dtype, ndim, size, r));
}

/* randint(sizes, low, high, rng) */
static int l_randint(lua_State *L) {
  int64_t size[NEAP_MAX_DIMS];
  int ndim = neap__lua_sizes(L, 1, size);
  int64_t low = luaL_checkinteger(L, 2), high = luaL_checkinteger(L, 3);
  neap_rng *r = neap_lua_check_rng(L, 4);
  return neap_lua_done(L, neap_tensor_randint(neap_lua_push_tensor(L), low, high, ndim, size, r));
}

/* permutation(n, rng) */
static int l_permutation(lua_State *L) {
  int64_t n = luaL_checkinteger(L, 1);
  neap_rng *r = neap_lua_check_rng(L, 2);
  return neap_lua_done(L, neap_tensor_permutation(neap_lua_push_tensor(L), n, 1, r));
}

void neap__lua_add_random(lua_State *L) {
  static const luaL_Reg functions[] = {{"rand", l_rand},
                                       {"randn", l_randn},
                                       {"randint", l_randint},
                                       {"permutation", l_permutation},
                                       {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
