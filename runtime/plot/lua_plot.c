#include "base/alloc.h"
#include "base/lua_base.h"
#include "plot/plot.h"

static int free_bytes(lua_State *L) {
  uint8_t **bytes = lua_touserdata(L, 1);
  neap_free(*bytes);
  *bytes = NULL;
  return 0;
}

typedef neap_status (*drawing)(uint8_t **, int64_t *, const char *, size_t, double);

/* (text, scale): the bytes live in a small userdata until they are a Lua string. */
static int drawn(lua_State *L, drawing draw) {
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
  neap_lua_check(L, draw(bytes, &count, text, n, scale));
  lua_pushlstring(L, (const char *)*bytes, (size_t)count);
  neap_free(*bytes);
  *bytes = NULL;
  return 1;
}

static int l_png(lua_State *L) { return drawn(L, neap_plot_png); }
static int l_sixel(lua_State *L) { return drawn(L, neap_plot_sixel); }

/* base64(bytes), RFC 4648 section 4 */
static int l_base64(lua_State *L) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t n;
  const unsigned char *in = (const unsigned char *)luaL_checklstring(L, 1, &n);
  luaL_Buffer b;
  size_t length = (n + 2) / 3 * 4;
  char *out = luaL_buffinitsize(L, &b, length);
  for (size_t i = 0; i < n; i += 3) {
    unsigned word = (unsigned)in[i] << 16;
    if (i + 1 < n) word |= (unsigned)in[i + 1] << 8;
    if (i + 2 < n) word |= in[i + 2];
    for (int k = 0; k < 4; k++) *out++ = digits[word >> (18 - 6 * k) & 63];
    if (i + 1 >= n) out[-2] = '=';
    if (i + 2 >= n) out[-1] = '=';
  }
  luaL_pushresultsize(&b, length);
  return 1;
}

static const luaL_Reg functions[] = {
    {"png", l_png}, {"sixel", l_sixel}, {"base64", l_base64}, {NULL, NULL}};

NEAP_LUA_EXPORT int luaopen_neap_c_plot(lua_State *L);

int luaopen_neap_c_plot(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
