/* neap FILE [args] | -e CODE */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "host/host.h"

static int traceback(lua_State *L) {
  luaL_traceback(L, L, lua_tostring(L, 1), 1);
  return 1;
}

static void set_arg(lua_State *L, int argc, char **argv, int script) {
  lua_createtable(L, argc, 0);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i - script);
  }
  lua_setglobal(L, "arg");
}

static int run(lua_State *L, int argc, char **argv) {
  lua_pushcfunction(L, traceback);
  int base = lua_gettop(L);
  int st;
  if (argc > 2 && strcmp(argv[1], "-e") == 0) {
    set_arg(L, argc, argv, 2);
    st = luaL_loadbuffer(L, argv[2], strlen(argv[2]), "=(command line)");
  } else {
    set_arg(L, argc, argv, 1);
    st = luaL_loadfile(L, argv[1]);
  }
  int n = 0;
  if (st == LUA_OK)
    for (int i = 2; i < argc; i++, n++) lua_pushstring(L, argv[i]);
  if (st == LUA_OK) st = lua_pcall(L, n, 0, base);
  if (st != LUA_OK) fprintf(stderr, "neap: %s\n", lua_tostring(L, -1));
  return st == LUA_OK ? 0 : 1;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: neap FILE [args] | neap -e CODE\n");
    return 2;
  }
  lua_State *L = luaL_newstate();
  if (!L) return 1;
  luaL_openlibs(L);
  neap_host_preload(L, argv[0]);
  int rc = run(L, argc, argv);
  lua_close(L);
  return rc;
}
