/* From an error object to what the user reads. */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "host/host.h"

enum { FIRST_LEVELS = 16, LAST_LEVELS = 8 }; /* shown of a very deep stack */

static bool in_library(const lua_Debug *ar) {
  const char *library = neap_host_lualib();
  return *library && ar->source[0] == '@' && strncmp(ar->source + 1, library, strlen(library)) == 0;
}

bool neap_host_where(lua_State *L, int level) {
  lua_Debug ar;
  for (; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline <= 0 || in_library(&ar)) continue;
    lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
    return true;
  }
  return false;
}

static int convert(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

/* The text of the error object at 1, whatever it is and whatever its __tostring does. */
static void push_message(lua_State *L) {
  if (lua_type(L, 1) == LUA_TSTRING || luaL_getmetafield(L, 1, "__tostring")) {
    lua_settop(L, 1);
    lua_pushcfunction(L, convert);
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK) return;
    lua_settop(L, 1);
  }
  lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
}

static void add_frame(lua_State *L, luaL_Buffer *text, lua_Debug *ar) {
  lua_getinfo(L, "nt", ar);
  if (ar->name)
    lua_pushfstring(L, "in %s '%s'", *ar->namewhat ? ar->namewhat : "function", ar->name);
  else lua_pushstring(L, *ar->what == 'm' ? "in the main chunk" : "in a function");
  lua_pushfstring(L, "\n  %s:%d: %s", ar->short_src, ar->currentline, lua_tostring(L, -1));
  lua_remove(L, -2);
  luaL_addvalue(text);
}

/* A bug of ours raises with a position inside lualib: then its frames are of interest. */
static bool message_is_ours(lua_State *L, const char *message) {
  lua_Debug ar;
  for (int level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline <= 0) continue;
    return in_library(&ar) && strncmp(message, ar.short_src, strlen(ar.short_src)) == 0;
  }
  return false;
}

/* The outermost level. lua_getstack costs its level, so a walk over all would be quadratic. */
static int last_level(lua_State *L) {
  lua_Debug ar;
  int low = 1, high = 1;
  while (lua_getstack(L, high, &ar)) {
    low = high;
    high *= 2;
  }
  while (low < high) {
    int middle = (low + high) / 2;
    if (lua_getstack(L, middle, &ar)) low = middle + 1;
    else high = middle;
  }
  return high - 1;
}

/* Frames of Lua code from level 1 on, without ours; returns how many are shown. */
static int push_traceback(lua_State *L, bool ours) {
  lua_Debug ar;
  int shown = 0, last = last_level(L);
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  for (int level = 1; level <= last; level++) {
    if (level == FIRST_LEVELS + 1 && last > FIRST_LEVELS + LAST_LEVELS + 1) {
      lua_pushfstring(L, "\n  ... %d levels more", last - FIRST_LEVELS - LAST_LEVELS);
      luaL_addvalue(&text);
      level = last - LAST_LEVELS + 1;
    }
    lua_getstack(L, level, &ar);
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline <= 0 || (!ours && in_library(&ar))) continue;
    add_frame(L, &text, &ar);
    shown++;
  }
  luaL_pushresult(&text);
  return shown;
}

static void note_innermost(lua_State *L, int table) {
  lua_Debug ar, below;
  for (int level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline <= 0 || in_library(&ar)) continue;
    if (level > 1 && lua_getstack(L, level - 1, &below) && lua_getinfo(L, "n", &below)) {
      lua_pushstring(L, below.name);
      lua_setfield(L, table, "called");
    }
    lua_pushstring(L, ar.source);
    lua_setfield(L, table, "source");
    lua_pushinteger(L, ar.currentline);
    lua_setfield(L, table, "line");
    return;
  }
}

/* One frame whose position the message already gives says nothing new. */
static bool adds_nothing(lua_State *L, int frames, const char *message) {
  if (frames == 0) return true;
  if (frames > 1 || !neap_host_where(L, 1)) return false;
  const char *where = lua_tostring(L, -1);
  bool same = strncmp(message, where, strlen(where)) == 0;
  lua_pop(L, 1);
  return same;
}

/* Add to the message at 2, when it is about a global that is nil and called like one of our
 * modules, how a script gets at it: at the prompt the modules are there by themselves. */
static void add_require(lua_State *L) {
  static const char before[] = " a nil value (global '";
  const char *found = strstr(lua_tostring(L, 2), before);
  const char *name = found ? found + sizeof before - 1 : NULL;
  const char *end = name ? strchr(name, '\'') : NULL;
  if (!end) return;
  bool all = strncmp(name, "neap'", 5) == 0;
  lua_pushfstring(L, all ? "" : "neap.");
  lua_pushlstring(L, name, (size_t)(end - name));
  lua_concat(L, 2);
  lua_getglobal(L, "package");
  if (lua_istable(L, -1) && lua_getfield(L, -1, "searchpath") == LUA_TFUNCTION &&
      lua_getfield(L, -2, "path") == LUA_TSTRING) {
    lua_pushvalue(L, -2);
    lua_pushvalue(L, 3);
    lua_pushvalue(L, -3);
    if (lua_pcall(L, 2, 1, 0) == LUA_OK && lua_isstring(L, -1)) {
      const char *module = lua_tostring(L, 3);
      const char *local = all ? module : module + sizeof "neap." - 1;
      lua_pushfstring(L, "%s; begin with: local %s = require \"%s\"", lua_tostring(L, 2), local,
                      module);
      lua_replace(L, 2);
    }
  }
  lua_settop(L, 2);
}

int neap_host_explain(lua_State *L) {
  lua_settop(L, 1);
  push_message(L);
  add_require(L);
  const char *message = lua_tostring(L, 2);
  lua_createtable(L, 0, 6);
  lua_pushvalue(L, 2);
  lua_setfield(L, 3, "message");
  if (luaL_getmetafield(L, 1, "__exit") != LUA_TNIL) lua_setfield(L, 3, "exit");
  int frames = push_traceback(L, message_is_ours(L, message));
  if (adds_nothing(L, frames, message)) {
    lua_pop(L, 1);
    lua_pushliteral(L, "");
  }
  lua_setfield(L, 3, "traceback");
  note_innermost(L, 3);
  return 1;
}

void neap_host_print_explanation(lua_State *L) {
  if (!lua_istable(L, -1)) { /* memory ran out: the handler was not called */
    const char *text = lua_tostring(L, -1);
    fprintf(stderr, "neap: %s\n", text ? text : "error in error handling");
    return;
  }
  lua_getfield(L, -1, "message");
  lua_getfield(L, -2, "traceback");
  lua_getfield(L, -3, "exit");
  bool bare = !lua_isnil(L, -1);
  fflush(stdout);
  fprintf(stderr, "neap: %s%s\n", lua_tostring(L, -3), bare ? "" : lua_tostring(L, -2));
  lua_pop(L, 3);
}
