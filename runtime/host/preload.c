#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/host.h"

#define BINDING(name) int luaopen_neap_c_##name(lua_State *L);
#include "host/bindings.def"
#undef BINDING

static const luaL_Reg bindings[] = {
#define BINDING(name) {"neap.c." #name, luaopen_neap_c_##name},
#include "host/bindings.def"
#undef BINDING
    {NULL, NULL},
};

/* The folder of the executable: by the kernel, or, without /proc, by argv[0]. "" when unknown. */
static void own_folder(const char *argv0, char folder[PATH_MAX]) {
  ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
  if (n > 0) folder[n] = 0;
  else if (!strchr(argv0, '/') || !realpath(argv0, folder)) folder[0] = 0;
  char *slash = strrchr(folder, '/');
  if (slash) *slash = 0;
}

/* lualib of the source tree when the executable lies in build/<preset>, else of the prefix. */
static void push_lualib(lua_State *L, const char *argv0) {
  static const char *const places[] = {"/../../lualib", "/../share/lua/5.4"};
  char folder[PATH_MAX], path[PATH_MAX + 64], real[PATH_MAX];
  own_folder(argv0, folder);
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    snprintf(path, sizeof path, "%s%s/neap/init.lua", folder, places[i]);
    if (!folder[0] || access(path, R_OK) != 0) continue;
    snprintf(path, sizeof path, "%s%s", folder, places[i]);
    lua_pushstring(L, realpath(path, real) ? real : path);
    return;
  }
  lua_pushnil(L);
}

void neap_host_preload(lua_State *L, const char *argv0) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, bindings, 0);
  lua_pop(L, 1);
  push_lualib(L, argv0);
  if (!lua_isnil(L, -1)) {
    const char *lib = lua_tostring(L, -1);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "path");
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", lib, lib, lua_tostring(L, -1));
    lua_setfield(L, -3, "path");
    lua_pop(L, 2);
  }
  lua_pop(L, 1);
}
