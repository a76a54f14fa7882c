/* neap.c.log: levels, destinations, and lines with named values. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/lua_base.h"

static neap_log_level check_level(lua_State *L, int arg) {
  neap_log_level level = NEAP_LOG_INFO;
  neap_lua_check(L, neap_log_parse_level(&level, luaL_checkstring(L, arg)));
  return level;
}

/* enabled(level): whether a line of that level would be written. */
static int l_enabled(lua_State *L) {
  lua_pushboolean(L, check_level(L, 1) >= neap_log_threshold());
  return 1;
}

/* The value at index as a field; other types than the four were made text in Lua. */
static void fill_field(lua_State *L, neap_log_field *f, int index) {
  *f = (neap_log_field){.name = luaL_checkstring(L, index)};
  int type = lua_type(L, index + 1);
  if (type == LUA_TBOOLEAN) {
    f->type = NEAP_LOG_BOOL;
    f->integer = lua_toboolean(L, index + 1);
  } else if (type == LUA_TSTRING) {
    f->type = NEAP_LOG_TEXT;
    f->text = lua_tolstring(L, index + 1, &f->length);
  } else if (lua_isinteger(L, index + 1)) {
    f->type = NEAP_LOG_INTEGER;
    f->integer = lua_tointeger(L, index + 1);
  } else {
    f->type = NEAP_LOG_NUMBER;
    f->number = luaL_checknumber(L, index + 1);
  }
}

/* emit(level, text, name, value, ...) -> true, or false when the destination refused the line. */
static int l_emit(lua_State *L) {
  neap_log_level level = check_level(L, 1);
  const char *text = luaL_checkstring(L, 2);
  int n = (lua_gettop(L) - 2) / 2;
  neap_log_field *fields = lua_newuserdatauv(L, sizeof *fields * (size_t)(n ? n : 1), 0);
  for (int i = 0; i < n; i++) fill_field(L, &fields[i], 3 + 2 * i);
  lua_pushboolean(L, neap_log(level, text, fields, n) == NEAP_OK);
  return 1;
}

/* level([name]) -> the name of the threshold. */
static int l_level(lua_State *L) {
  if (!lua_isnoneornil(L, 1)) neap_log_set_level(check_level(L, 1));
  lua_pushstring(L, neap_log_level_name(neap_log_threshold()));
  return 1;
}

/* json([on]) -> whether lines are JSON. */
static int l_json(lua_State *L) {
  if (!lua_isnoneornil(L, 1)) {
    luaL_checktype(L, 1, LUA_TBOOLEAN);
    neap_log_set_json(lua_toboolean(L, 1));
  }
  lua_pushboolean(L, neap_log_json());
  return 1;
}

/* to([path or io handle]): standard error when absent. */
static int l_to(lua_State *L) {
  luaL_Stream *stream = luaL_testudata(L, 1, LUA_FILEHANDLE);
  if (lua_isnoneornil(L, 1)) neap_lua_check(L, neap_log_to_fd(fileno(stderr)));
  else if (!stream) neap_lua_check(L, neap_log_to_file(neap_lua_text(L, 1, "path")));
  else {
    if (!stream->closef) neap_lua_raise(L, "log.to: the file is closed");
    fflush(stream->f); /* what it still holds comes before our lines */
    neap_lua_check(L, neap_log_to_fd(fileno(stream->f)));
  }
  return 0;
}

static const luaL_Reg functions[] = {
    {"enabled", l_enabled}, {"emit", l_emit}, {"level", l_level},
    {"json", l_json},       {"to", l_to},     {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_log(lua_State *L);

int luaopen_neap_c_log(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
