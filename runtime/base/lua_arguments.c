/* Arguments of C functions: checked, and named in messages. A function that is given a signature is
 * known by the name and the parameters that users read in the documentation, however it was called;
 * of others the name is what Lua knows of the call, and parameters are counted. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/lua_base.h"

static const char signatures_key; /* its address is a registry key: function -> "name parameters" */

void neap_lua_sign(lua_State *L, const neap_lua_signature *list) {
  luaL_checkstack(L, 4, NULL);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &signatures_key) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &signatures_key);
  }
  for (; list->field; list++) {
    lua_getfield(L, -2, list->field);
    lua_pushfstring(L, "%s %s ", list->operation ? list->operation : list->field, list->parameters);
    lua_rawset(L, -3);
  }
  lua_pop(L, 1);
}

/* Push the signature of the running function; false, and nothing pushed, when it has none. */
static bool push_signature(lua_State *L) {
  lua_Debug ar;
  luaL_checkstack(L, 2, NULL);
  if (!lua_getstack(L, 0, &ar)) return false;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &signatures_key) != LUA_TTABLE) {
    lua_pop(L, 1);
    return false;
  }
  lua_getinfo(L, "f", &ar);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (lua_isstring(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

/* The operation that a signature begins with; in "rolling_*" the first argument is the star. */
static size_t add_operation(lua_State *L, const char *name, size_t length, char *text) {
  const char *star = memchr(name, '*', length);
  if (star && lua_type(L, 1) == LUA_TSTRING)
    snprintf(text, NEAP_LUA_NAME, "%.*s%.40s", (int)(star - name), name, lua_tostring(L, 1));
  else snprintf(text, NEAP_LUA_NAME, "%.*s", (int)length, name);
  return strlen(text);
}

/* Parameter number arg of "x index dim " at the end of text; "size... " counts on. */
static void add_parameter(const char *list, int arg, char *text, size_t used) {
  int k = 1;
  for (const char *p = list; *p; k++) {
    int length = (int)strcspn(p, " ");
    bool open = length > 3 && strncmp(p + length - 3, "...", 3) == 0;
    if (open) snprintf(text + used, NEAP_LUA_NAME - used, ": %.*s %d", length - 3, p, arg - k + 1);
    else if (k == arg) snprintf(text + used, NEAP_LUA_NAME - used, ": %.*s", length, p);
    if (open || k == arg) return;
    p += length + 1;
  }
  snprintf(text + used, NEAP_LUA_NAME - used, ": argument %d", arg);
}

const char *neap_lua_parameter(lua_State *L, int arg, char *text) {
  if (push_signature(L)) {
    const char *signature = lua_tostring(L, -1);
    size_t length = strcspn(signature, " ");
    size_t used = add_operation(L, signature, length, text);
    if (arg > 0) add_parameter(signature + length + 1, arg, text, used);
    lua_pop(L, 1);
    return text;
  }
  lua_Debug ar = {.name = NULL};
  if (lua_getstack(L, 0, &ar)) lua_getinfo(L, "n", &ar);
  bool method = ar.name && ar.namewhat && strcmp(ar.namewhat, "method") == 0;
  const char *name = ar.name ? ar.name : "neap";
  if (arg > 0) snprintf(text, NEAP_LUA_NAME, "%s: argument %d", name, method ? arg - 1 : arg);
  else snprintf(text, NEAP_LUA_NAME, "%s", name);
  return text;
}

const char *neap_lua_kind(lua_State *L, int arg) {
  if (luaL_getmetafield(L, arg, "__name") != LUA_TNIL) {
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_pop(L, 1); /* the metatable keeps the string */
    if (name) return strncmp(name, "neap.", 5) == 0 ? name + 5 : name;
  }
  return lua_isnone(L, arg) ? "nil" : luaL_typename(L, arg);
}

int neap_lua_refuse(lua_State *L, int arg, const char *name, const char *what) {
  size_t length = strlen(name);
  const char *hint = "";
  if (length > 6 && strcmp(name + length - 6, ": self") == 0)
    hint = "; methods are called with a colon, x:name()";
  if (lua_type(L, arg) == LUA_TNUMBER && strstr(what, "integer")) {
    double v = lua_tonumber(L, arg);
    if (isnan(v)) return neap_lua_raise(L, "%s must be %s, got nan", name, what);
    return neap_lua_raise(L, "%s must be %s, got %.14g", name, what, v);
  }
  return neap_lua_raise(L, "%s must be %s, got %s%s", name, what, neap_lua_kind(L, arg), hint);
}

int neap_lua_expected(lua_State *L, int arg, const char *what) {
  char name[NEAP_LUA_NAME];
  return neap_lua_refuse(L, arg, neap_lua_parameter(L, arg, name), what);
}

lua_Integer neap_lua_whole_as(lua_State *L, int arg, const char *name) {
  int whole = 0;
  lua_Integer v = 0;
  if (lua_type(L, arg) == LUA_TNUMBER) v = lua_tointegerx(L, arg, &whole);
  if (!whole) neap_lua_refuse(L, arg, name, "an integer");
  return v;
}

lua_Integer neap_lua_whole(lua_State *L, int arg) {
  char name[NEAP_LUA_NAME];
  if (lua_isinteger(L, arg)) return lua_tointeger(L, arg);
  return neap_lua_whole_as(L, arg, neap_lua_parameter(L, arg, name));
}

lua_Number neap_lua_number(lua_State *L, int arg) {
  if (lua_type(L, arg) != LUA_TNUMBER) neap_lua_expected(L, arg, "a number");
  return lua_tonumber(L, arg);
}

void neap_lua_table(lua_State *L, int arg) {
  if (!lua_istable(L, arg)) neap_lua_expected(L, arg, "a table");
}

lua_Integer neap_lua_integer(lua_State *L, int arg, lua_Integer low, lua_Integer high,
                             const char *what) {
  lua_Integer v = neap_lua_whole_as(L, arg, what);
  if (v < low || v > high)
    neap_lua_raise(L, "%s is %lld, allowed are %lld to %lld", what, (long long)v, (long long)low,
                   (long long)high);
  return v;
}

static int64_t refuse_position(lua_State *L, int arg, int64_t size, const char *what) {
  char name[NEAP_LUA_NAME];
  if (!what) what = neap_lua_parameter(L, arg, name);
  lua_Integer v = neap_lua_whole_as(L, arg, what);
  if (v == 0)
    return neap_lua_raise(L, "%s is 0, but indices start at 1 (negative from the end)", what);
  return neap_lua_raise(L, "%s is %lld, but the size is %lld", what, (long long)v, (long long)size);
}

int64_t neap_lua_position(lua_State *L, int arg, int64_t size, const char *what) {
  int whole = 0;
  lua_Integer v = lua_type(L, arg) == LUA_TNUMBER ? lua_tointegerx(L, arg, &whole) : 0;
  if (!whole || v == 0 || v > size || v < -size) return refuse_position(L, arg, size, what);
  return v > 0 ? v - 1 : size + v;
}

const char *neap_lua_text(lua_State *L, int arg, const char *what) {
  char name[NEAP_LUA_NAME];
  if (!lua_isstring(L, arg)) {
    size_t used = strlen(neap_lua_parameter(L, 0, name));
    snprintf(name + used, sizeof name - used, ": %s", what);
    neap_lua_refuse(L, arg, name, "a string");
  }
  size_t n;
  const char *text = lua_tolstring(L, arg, &n);
  if (strlen(text) != n) neap_lua_raise(L, "%s '%s' has a zero byte inside", what, text);
  return text;
}
