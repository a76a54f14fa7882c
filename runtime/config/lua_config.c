/* neap.c.config: YAML text and numbers for neap.yaml and neap.options. */
#include <lauxlib.h>
#include <string.h>

#include "base/lua_base.h"
#include "base/number.h"
#include "config/yaml.h"

static const char YAML[] = "neap.yaml";

static int yaml_gc(lua_State *L) {
  neap_yaml_free(luaL_checkudata(L, 1, YAML));
  return 0;
}

static bool is_word(const char *text, size_t n, const char *const words[]) {
  for (; *words; words++)
    if (strlen(*words) == n && memcmp(*words, text, n) == 0) return true;
  return false;
}

/* .inf, -.inf and .nan as YAML spells them; other numbers as neap reads them everywhere. */
static bool to_number(const char *text, size_t n, double *out) {
  static const char *const nan_words[] = {".nan", ".NaN", ".NAN", NULL};
  if (is_word(text, n, nan_words)) return neap_number_parse("nan", 3, out);
  bool sign = n && (*text == '-' || *text == '+');
  static const char *const inf_words[] = {".inf", ".Inf", ".INF", NULL};
  if (is_word(text + sign, n - sign, inf_words))
    return neap_number_parse(*text == '-' ? "-inf" : "inf", *text == '-' ? 4 : 3, out);
  bool digit = n > sign && (text[sign] == '.' || (text[sign] >= '0' && text[sign] <= '9'));
  return digit && neap_number_parse(text, n, out); /* "nan" and "infinity" are words in YAML */
}

/* A scalar by the core schema of YAML 1.2: null, booleans, decimal numbers, else text. null is
 * pushed as a light userdata, since a table cannot hold nil. */
static void push_scalar(lua_State *L, const neap_yaml *y, const neap_yaml_node *node) {
  static const char *const null_words[] = {"", "~", "null", "Null", "NULL", NULL};
  static const char *const true_words[] = {"true", "True", "TRUE", NULL};
  static const char *const false_words[] = {"false", "False", "FALSE", NULL};
  const char *text = node->length ? y->text + node->text : "";
  size_t n = (size_t)node->length;
  int64_t i;
  double v;
  if (node->quoted) lua_pushlstring(L, text, n);
  else if (is_word(text, n, null_words)) lua_pushlightuserdata(L, NULL);
  else if (is_word(text, n, true_words)) lua_pushboolean(L, 1);
  else if (is_word(text, n, false_words)) lua_pushboolean(L, 0);
  else if (neap_integer_parse(text, n, &i)) lua_pushinteger(L, i);
  else if (to_number(text, n, &v)) lua_pushnumber(L, v);
  else lua_pushlstring(L, text, n);
}

/* {line =, column =, text =, kind =} of a node, and `at`, the marks of what it holds. */
static void push_mark(lua_State *L, const neap_yaml *y, const neap_yaml_node *node) {
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, node->line);
  lua_setfield(L, -2, "line");
  lua_pushinteger(L, node->column);
  lua_setfield(L, -2, "column");
  if (node->kind == NEAP_YAML_SCALAR) {
    lua_pushlstring(L, node->length ? y->text + node->text : "", (size_t)node->length);
    lua_setfield(L, -2, "text");
  } else {
    lua_newtable(L);
    lua_setfield(L, -2, "at");
  }
}

static int64_t push_node(lua_State *L, const neap_yaml *y, int64_t i, const char *name);

/* Store the value and mark on top under the key below them, in the value table and in `at`. */
static void store(lua_State *L, int value, int mark) {
  lua_getfield(L, mark, "at");
  lua_pushvalue(L, -4);
  lua_rotate(L, -3, -1); /* key, value, at, key, mark */
  lua_rawset(L, -3);
  lua_pop(L, 1);
  lua_rawset(L, value);
}

static int64_t push_map(lua_State *L, const neap_yaml *y, int64_t i, const char *name) {
  int mark = lua_gettop(L), value = mark - 1;
  for (; y->node[i].kind != NEAP_YAML_END;) {
    const neap_yaml_node *key = &y->node[i];
    lua_pushlstring(L, key->length ? y->text + key->text : "", (size_t)key->length);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, value) != LUA_TNIL)
      neap_lua_raise(L, "%s:%d:%d: key '%s' stands here a second time", name, key->line,
                     key->column, lua_tostring(L, -2));
    lua_pop(L, 1);
    i = push_node(L, y, i + 1, name);
    store(L, value, mark);
  }
  return i + 1;
}

static int64_t push_list(lua_State *L, const neap_yaml *y, int64_t i, const char *name) {
  int mark = lua_gettop(L), value = mark - 1;
  for (lua_Integer k = 1; y->node[i].kind != NEAP_YAML_END; k++) {
    lua_pushinteger(L, k);
    i = push_node(L, y, i, name);
    store(L, value, mark);
  }
  return i + 1;
}

/* Push value and mark of node i; returns the index after it. */
static int64_t push_node(lua_State *L, const neap_yaml *y, int64_t i, const char *name) {
  const neap_yaml_node *node = &y->node[i];
  luaL_checkstack(L, 12, "YAML");
  if (node->kind == NEAP_YAML_SCALAR) push_scalar(L, y, node);
  else lua_newtable(L);
  push_mark(L, y, node);
  if (node->kind == NEAP_YAML_MAP) return push_map(L, y, i + 1, name);
  if (node->kind == NEAP_YAML_LIST) return push_list(L, y, i + 1, name);
  return i + 1;
}

/* yaml(text, name) -> value, mark; null for an empty text */
static int l_yaml(lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n), *name = luaL_checkstring(L, 2);
  neap_yaml *y = lua_newuserdatauv(L, sizeof *y, 0);
  *y = (neap_yaml){0};
  luaL_setmetatable(L, YAML);
  neap_lua_check(L, neap_yaml_parse(y, text, n, name));
  if (y->count) push_node(L, y, 0, name);
  else {
    lua_pushlightuserdata(L, NULL);
    lua_newtable(L);
  }
  neap_yaml_free(y);
  return 2;
}

/* number(text) -> float, or nil */
static int l_number(lua_State *L) {
  size_t n;
  double v;
  const char *text = luaL_checklstring(L, 1, &n);
  if (neap_number_parse(text, n, &v)) lua_pushnumber(L, v);
  else lua_pushnil(L);
  return 1;
}

/* integer(text) -> integer, or nil */
static int l_integer(lua_State *L) {
  size_t n;
  int64_t v;
  const char *text = luaL_checklstring(L, 1, &n);
  if (neap_integer_parse(text, n, &v)) lua_pushinteger(L, v);
  else lua_pushnil(L);
  return 1;
}

/* text(number) -> the shortest text that reads back as the same number */
static int l_text(lua_State *L) {
  char out[32];
  if (lua_isinteger(L, 1)) neap_integer_print(out, lua_tointeger(L, 1));
  else neap_number_print(out, luaL_checknumber(L, 1));
  lua_pushstring(L, out);
  return 1;
}

extern char **environ;

/* environment(prefix) -> {name = value} of the variables whose names begin with prefix */
static int l_environment(lua_State *L) {
  size_t n;
  const char *prefix = luaL_checklstring(L, 1, &n);
  lua_newtable(L);
  for (char **entry = environ; entry && *entry; entry++) {
    const char *equals = strchr(*entry, '=');
    if (!equals || strncmp(*entry, prefix, n) != 0) continue;
    lua_pushlstring(L, *entry, (size_t)(equals - *entry));
    lua_pushstring(L, equals + 1);
    lua_rawset(L, -3);
  }
  return 1;
}

static const luaL_Reg yaml_methods[] = {{"__gc", yaml_gc}, {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"yaml", l_yaml},     {"environment", l_environment},
    {"number", l_number}, {"integer", l_integer},
    {"text", l_text},     {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_config(lua_State *L);

int luaopen_neap_c_config(lua_State *L) {
  neap_lua_class(L, YAML, yaml_methods);
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  return 1;
}
