/* Fourier transforms in Lua: positional; lualib adds the options. */
#include "tensor/lua_parts.h"

/* fourier(name, x, complex, dim, n, norm) */
static int l_fourier(lua_State *L) {
  static const char *const kinds[] = {"fft", "ifft", "rfft", "irfft", NULL};
  static const char *const norms[] = {"backward", "ortho", "forward", NULL};
  neap_fft_kind kind = (neap_fft_kind)luaL_checkoption(L, 1, NULL, kinds);
  const neap_tensor *t = neap_lua_check_tensor(L, 2);
  neap_fft_options o = {.complex = lua_toboolean(L, 3)};
  o.dim = (int)neap_lua_whole(L, 4) - 1;
  if (!lua_isnoneornil(L, 5)) o.n = neap_lua_whole(L, 5);
  o.norm = (neap_fft_norm)luaL_checkoption(L, 6, "backward", norms);
  return neap_lua_done(L, neap_tensor_fft(neap_lua_push_tensor(L), kind, t, &o));
}

void neap__lua_add_fft(lua_State *L) {
  static const luaL_Reg functions[] = {{"fourier", l_fourier}, {NULL, NULL}};
  static const neap_lua_signature signatures[] = {{"fourier", "name x complex dim n norm", "fft"},
                                                  {NULL, NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  neap_lua_sign(L, signatures);
}
