/* neap.c.host: what the prompt needs from C. Only in the executable. */
#include <lauxlib.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/lua_base.h"
#include "host/edit.h"
#include "host/host.h"

static const char EDIT[] = "neap.edit";

/* call(f, ...) -> "done", results | "failed" or "interrupted", explanation. */
static int l_call(lua_State *L) {
  static const char *const names[] = {"done", "failed", "interrupted"};
  luaL_checkany(L, 1);
  neap_host_outcome outcome = neap_host_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  lua_pushstring(L, names[outcome]);
  lua_insert(L, 1);
  return lua_gettop(L);
}

/* columns(descriptor) -> width of the terminal, in pixels too where it tells; nil when it is none.
 */
static int l_columns(lua_State *L) {
  int fd = (int)neap_lua_integer(L, 1, 0, 2, "descriptor");
  struct winsize size = {0};
  if (!isatty(fd)) return 0;
  bool told = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col;
  lua_pushinteger(L, told ? size.ws_col : 80);
  if (told && size.ws_xpixel) lua_pushinteger(L, size.ws_xpixel);
  return told && size.ws_xpixel ? 2 : 1;
}

/* ask(question, milliseconds) -> what the terminal, and perhaps the user, sent */
static int l_ask(lua_State *L) {
  char answer[512];
  const char *question = luaL_checkstring(L, 1);
  int patience = (int)neap_lua_integer(L, 2, 0, 60000, "milliseconds");
  lua_pushlstring(L, answer, neap_host_ask(question, patience, answer, sizeof answer));
  return 1;
}

/* clock() -> seconds of a clock that only goes forward. */
static int l_clock(lua_State *L) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  lua_pushnumber(L, (double)t.tv_sec + 1e-9 * (double)t.tv_nsec);
  return 1;
}

/* profile_start(period in microseconds) */
static int l_profile_start(lua_State *L) {
  neap_host_profile_start(L, (int)neap_lua_integer(L, 1, 100, 100000, "period"));
  return 0;
}

/* profile_stop() -> {[stack] = ticks} */
static int l_profile_stop(lua_State *L) {
  neap_host_profile_stop(L);
  return 1;
}

/* neap.edit: an editor, its completer in user value 1 --------------------------------------------
 */

typedef struct {
  neap_edit *e;
  lua_State *L; /* while a line is being read */
  int self;     /* the index of the editor's userdata then */
} editor;

static editor *check_editor(lua_State *L) {
  editor *ed = luaL_checkudata(L, 1, EDIT);
  if (!ed->e) neap_lua_raise(L, "the editor was closed");
  return ed;
}

static int call_completer(lua_State *L) {
  neap_edit *e = lua_touserdata(L, 1);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 3);
  lua_call(L, 1, 2); /* text to insert, text to show; either may be nil */
  const char *insert = lua_tostring(L, -2), *show = lua_tostring(L, -1);
  if (insert) neap_edit_insert(e, insert);
  if (show) neap_edit_show(e, show);
  return 0;
}

/* Runs inside the editor's C code: no Lua error may leave it. */
static void complete(void *ctx, neap_edit *e, const char *before) {
  editor *ed = ctx;
  lua_State *L = ed->L;
  int top = lua_gettop(L);
  if (!lua_checkstack(L, 8)) return;
  lua_pushcfunction(L, call_completer);
  lua_pushlightuserdata(L, e);
  lua_getiuservalue(L, ed->self, 1);
  lua_pushstring(L, before);
  if (lua_pcall(L, 3, 0, 0) != LUA_OK) neap_edit_show(e, lua_tostring(L, -1));
  lua_settop(L, top);
}

/* editor(completer) -> neap.edit, or nil when the terminal cannot be edited on. */
static int l_editor(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  editor *ed = lua_newuserdatauv(L, sizeof *ed, 1);
  *ed = (editor){NULL, NULL, 0};
  luaL_setmetatable(L, EDIT);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  ed->e = neap_edit_open(complete, ed);
  if (!ed->e) lua_pushnil(L);
  return 1;
}

/* read(prompt) -> line | nil, "end" or "interrupted" */
static int edit_read(lua_State *L) {
  editor *ed = check_editor(L);
  const char *prompt = luaL_checkstring(L, 2), *line = NULL;
  ed->L = L;
  ed->self = 1;
  neap_edit_event event = neap_edit_read(ed->e, prompt, &line);
  ed->L = NULL;
  if (event == NEAP_EDIT_LINE) {
    lua_pushstring(L, line);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, event == NEAP_EDIT_END ? "end" : "interrupted");
  return 2;
}

static int edit_remember(lua_State *L) {
  neap_edit_remember(check_editor(L)->e, luaL_checkstring(L, 2));
  return 0;
}

static int edit_unread(lua_State *L) {
  size_t n;
  const char *keys = luaL_checklstring(L, 2, &n);
  neap_edit_unread(check_editor(L)->e, keys, n);
  return 0;
}

static int edit_close(lua_State *L) {
  editor *ed = luaL_checkudata(L, 1, EDIT);
  neap_edit_close(ed->e);
  ed->e = NULL;
  return 0;
}

static const luaL_Reg edit_methods[] = {
    {"read", edit_read},   {"remember", edit_remember}, {"unread", edit_unread},
    {"close", edit_close}, {"__gc", edit_close},        {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"call", l_call},
    {"columns", l_columns},
    {"ask", l_ask},
    {"clock", l_clock},
    {"editor", l_editor},
    {"profile_start", l_profile_start},
    {"profile_stop", l_profile_stop},
    {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_host(lua_State *L);

int luaopen_neap_c_host(lua_State *L) {
  neap_lua_class(L, EDIT, edit_methods);
  luaL_newlib(L, functions);
  luaL_setfuncs(L, neap_host_wire_functions, 0);
  return 1;
}
