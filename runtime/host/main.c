/* neap — the command. See cli.c for its options. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

#include "base/lua_base.h"
#include "host/host.h"

typedef struct {
  int argc;
  char **argv;
  int code;
} command;

static int run(lua_State *L) {
  command *c = lua_touserdata(L, 1);
  luaL_openlibs(L);
  neap_lua_generational(L);
  neap_host_preload(L, c->argv[0]);
  neap_host_interrupts(L);
  c->code = neap_host_command(L, c->argc, c->argv);
  return 0;
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  if (!L) {
    fputs("neap: out of memory\n", stderr);
    return NEAP_EXIT_ERROR;
  }
  command c = {argc, argv, NEAP_EXIT_ERROR};
  lua_pushcfunction(L, run);
  lua_pushlightuserdata(L, &c);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) fprintf(stderr, "neap: %s\n", luaL_tolstring(L, -1, NULL));
  lua_close(L);
  return c.code;
}
