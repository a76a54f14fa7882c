/* What datasets need of C. */
#include "frame/fingerprint.h"
#include "frame/lua_parts.h"
#include "tensor/lua_tensor.h"

/* fingerprint { text or tensor, ... } -> 64 hexadecimal digits */
static int l_fingerprint(lua_State *L) {
  neap_sha256 h;
  char text[65];
  luaL_checktype(L, 1, LUA_TTABLE);
  neap_sha256_init(&h);
  for (int64_t i = 1, n = (int64_t)lua_rawlen(L, 1); i <= n; i++) {
    size_t length;
    if (lua_rawgeti(L, 1, i) == LUA_TSTRING) {
      const char *s = lua_tolstring(L, -1, &length);
      neap_fingerprint_text(&h, s, length);
      lua_pop(L, 1);
      continue;
    }
    const neap_tensor *given = neap_lua_check_tensor(L, -1);
    const neap_tensor *t = neap_lua_push_as(L, lua_gettop(L), given->dtype, "values");
    neap_lua_check(L, neap_fingerprint_tensor(&h, t));
    lua_pop(L, 2);
  }
  neap_sha256_hex(&h, text);
  lua_pushstring(L, text);
  return 1;
}

void neap__lua_add_dataset(lua_State *L) {
  lua_pushcfunction(L, l_fingerprint);
  lua_setfield(L, -2, "fingerprint");
}
