#include <lauxlib.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/host.h"

#define BINDING(name) int luaopen_neap_c_##name(lua_State *L);
#include "host/bindings.def"
#undef BINDING

int luaopen_neap_c_host(lua_State *L); /* not in neap.so */

static const luaL_Reg bindings[] = {
#define BINDING(name) {"neap.c." #name, luaopen_neap_c_##name},
#include "host/bindings.def"
#undef BINDING
    {"neap.c.host", luaopen_neap_c_host},
    {NULL, NULL},
};

static char lualib[PATH_MAX + 1]; /* with a closing slash; "" when not found */

const char *neap_host_lualib(void) { return lualib; }

/* argv[0] as the shell resolved it: with a slash a path, else the first hit in PATH. */
static bool find_program(const char *argv0, char path[PATH_MAX]) {
  char candidate[PATH_MAX];
  if (strchr(argv0, '/')) return realpath(argv0, path) != NULL;
  const char *entry = getenv("PATH");
  while (entry && *entry) {
    int n = (int)strcspn(entry, ":");
    snprintf(candidate, sizeof candidate, "%.*s/%s", n ? n : 1, n ? entry : ".", argv0);
    if (access(candidate, X_OK) == 0) return realpath(candidate, path) != NULL;
    entry += n + (entry[n] == ':');
  }
  return false;
}

/* The folder of the executable: by the kernel, or, without /proc, by argv[0]. "" when unknown. */
static void own_folder(const char *argv0, char folder[PATH_MAX]) {
  ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
  if (n > 0) folder[n] = 0;
  else if (!find_program(argv0, folder)) folder[0] = 0;
  char *slash = strrchr(folder, '/');
  if (slash) *slash = 0;
}

/* lualib of the source tree when the executable lies in build/<preset>, else of the prefix. */
static void find_lualib(const char *folder) {
  static const char *const places[] = {"/../../lualib", "/../share/lua/5.4"};
  char path[PATH_MAX + 64], real[PATH_MAX];
  for (size_t i = 0; *folder && i < sizeof places / sizeof *places; i++) {
    snprintf(path, sizeof path, "%s%s/neap/init.lua", folder, places[i]);
    if (access(path, R_OK) != 0) continue;
    snprintf(path, sizeof path, "%s%s", folder, places[i]);
    if (!realpath(path, real)) continue;
    snprintf(lualib, sizeof lualib, "%s/", real);
    return;
  }
}

/* The last searcher of require: says why a module of ours is missing. */
static int explain_missing(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  bool ours = strcmp(name, "neap") == 0 || strncmp(name, "neap.", 5) == 0;
  if (!ours || *lualib) lua_pushnil(L);
  else
    lua_pushfstring(
        L,
        "neap's own Lua files were not found: neither ../../lualib nor ../share/lua/5.4 "
        "beside the executable (%s) holds neap/init.lua; install neap with cmake "
        "--install, or put their folder into LUA_PATH_5_4",
        lua_tostring(L, lua_upvalueindex(1)));
  return 1;
}

static void add_searcher(lua_State *L, const char *folder) {
  lua_getfield(L, -1, "searchers");
  lua_pushstring(L, *folder ? folder : "its own place is unknown: no /proc, not in PATH");
  lua_pushcclosure(L, explain_missing, 1);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  lua_pop(L, 1);
}

void neap_host_preload(lua_State *L, const char *argv0) {
  char folder[PATH_MAX];
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, bindings, 0);
  lua_pop(L, 1);
  own_folder(argv0 ? argv0 : "neap", folder);
  find_lualib(folder);
  lua_getglobal(L, "package");
  add_searcher(L, folder);
  if (*lualib) {
    lua_getfield(L, -1, "path");
    lua_pushfstring(L, "%s?.lua;%s?/init.lua;%s", lualib, lualib, lua_tostring(L, -1));
    lua_setfield(L, -3, "path");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}
