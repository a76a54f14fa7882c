/* The wire of `neap --json-rpc` for Lua: one, hence functions and no object. */
#include <lauxlib.h>

#include "base/lua_base.h"
#include "host/host.h"
#include "host/wire.h"

static bool is_open;

static void check_open(lua_State *L) {
  if (!is_open) neap_lua_raise(L, "the wire is not open");
}

/* wire_open() takes over the standard streams. */
static int l_wire_open(lua_State *L) {
  if (is_open) neap_lua_raise(L, "the wire is open already");
  if (!neap_wire_open(neap_host_interrupt)) neap_lua_raise(L, "the standard streams are closed");
  is_open = true;
  return 0;
}

/* wire_read() -> text or false, number; nothing at the end */
static int l_wire_read(lua_State *L) {
  neap_wire_message m;
  check_open(L);
  if (!neap_wire_read(&m)) return 0;
  if (m.text) lua_pushlstring(L, m.text, m.n);
  else lua_pushboolean(L, 0);
  lua_pushinteger(L, m.number);
  return 2;
}

/* wire_write(text) */
static int l_wire_write(lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  check_open(L);
  neap_wire_write(text, n);
  return 0;
}

/* wire_label(JSON text) */
static int l_wire_label(lua_State *L) {
  if (!neap_wire_label(luaL_checkstring(L, 1))) return luaL_error(L, "out of memory");
  return 0;
}

/* wire_stopped(number) -> boolean */
static int l_wire_stopped(lua_State *L) {
  lua_pushboolean(L, neap_wire_stopped(luaL_checkinteger(L, 1)));
  return 1;
}

static int l_wire_close(lua_State *L) {
  (void)L;
  if (is_open) neap_wire_close();
  is_open = false;
  return 0;
}

const luaL_Reg neap_host_wire_functions[] = {
    {"wire_open", l_wire_open},
    {"wire_read", l_wire_read},
    {"wire_write", l_wire_write},
    {"wire_label", l_wire_label},
    {"wire_stopped", l_wire_stopped},
    {"wire_close", l_wire_close},
    {NULL, NULL},
};
