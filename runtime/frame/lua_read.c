/* Files read into columns and written from them, for Lua. Option tables are checked in lualib/neap;
 * here a field of another type is an error too, and one that is absent has its default. */
#include <string.h>

#include "frame/frame.h"
#include "frame/lua_columns.h"
#include "frame/lua_parts.h"
#include "tensor/lua_tensor.h"

/* Option o.name pushed; its index. It stays on the stack, so that text in it stays alive. */
static int field(lua_State *L, int options, const char *name) {
  luaL_checkstack(L, 4, "too many options");
  lua_getfield(L, options, name);
  return lua_gettop(L);
}

static const char **texts(lua_State *L, int options, const char *name, int64_t *n) {
  return neap_lua_push_texts(L, field(L, options, name), name, n);
}

static neap_column_kind *push_kinds(lua_State *L, int arg, int64_t n) {
  luaL_checktype(L, arg, LUA_TTABLE);
  neap_column_kind *kinds = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *kinds, 0);
  for (int64_t i = 0; i < n; i++) {
    if (lua_rawgeti(L, arg, i + 1) != LUA_TSTRING)
      neap_lua_raise(L, "types: kind %lld is missing", (long long)i + 1);
    neap_lua_check(L, neap_column_kind_parse(&kinds[i], lua_tostring(L, -1)));
    lua_pop(L, 1);
  }
  return kinds;
}

/* One character that is none of those refused, or 0 for nil. */
static char character(lua_State *L, int options, const char *name, const char *refused,
                      const char *what) {
  size_t n = 0;
  const char *text = luaL_optlstring(L, field(L, options, name), "", &n);
  if (n > 1 || (n == 1 && strchr(refused, text[0])))
    neap_lua_raise(L, "%s must be one character that is no %s, got '%s'", name, what, text);
  return n ? text[0] : 0;
}

static int64_t count(lua_State *L, int options, const char *name, bool *given) {
  int at = field(L, options, name);
  *given = !lua_isnil(L, at);
  return *given ? neap_lua_integer(L, at, 0, INT64_MAX, name) : 0;
}

static void check_marks(lua_State *L, const neap_csv_options *o) {
  char point = o->decimal ? o->decimal : '.';
  if (point == o->thousands)
    neap_lua_raise(L, "decimal and thousands are both '%c', but they must differ", point);
  if (o->decimal && o->decimal == o->delimiter)
    neap_lua_raise(L, "decimal and delimiter are both '%c', but they must differ", point);
}

/* What matters for finding rows and names. */
static neap_csv_options file_options(lua_State *L, int options) {
  neap_csv_options o = {0};
  bool given;
  luaL_checktype(L, options, LUA_TTABLE);
  o.delimiter = character(L, options, "delimiter", "\"\r\n ", "quote, space or line end");
  o.comment = character(L, options, "comment", "\"\r\n ", "quote, space or line end");
  o.decimal = character(L, options, "decimal", "\"\r\n +-0123456789eE", "digit, sign or space");
  o.thousands = character(L, options, "thousands", "\"\r\n+-0123456789eE", "digit or sign");
  check_marks(L, &o);
  int header = field(L, options, "header");
  o.no_header = !lua_isnil(L, header) && !lua_toboolean(L, header);
  o.names = texts(L, options, "names", &o.name_count);
  o.skip_rows = count(L, options, "skip_rows", &given);
  return o;
}

static neap_csv_options read_options(lua_State *L, int options) {
  neap_csv_options o = file_options(L, options);
  o.wanted = texts(L, options, "columns", &o.wanted_count);
  o.typed = texts(L, options, "typed", &o.typed_count);
  if (o.typed) o.kinds = push_kinds(L, field(L, options, "kinds"), o.typed_count);
  o.missing = texts(L, options, "missing", &o.missing_count);
  int zone = field(L, options, "time_zone");
  if (!lua_isnil(L, zone))
    neap_lua_check(L, neap_zone_find(&o.zone, neap_lua_text(L, zone, "time zone")));
  int policies = field(L, options, "ambiguous");
  field(L, options, "nonexistent");
  neap_lua_clock_policies(L, policies, &o.ambiguous, &o.nonexistent);
  o.time_format = luaL_optstring(L, field(L, options, "time_format"), NULL);
  o.replace_invalid = lua_toboolean(L, field(L, options, "replace"));
  o.max_rows = count(L, options, "max_rows", &o.limited);
  return o;
}

typedef neap_status (*reader)(neap_table *out, const char *const *paths, int64_t count,
                              const char *const *symbols, const neap_csv_options *o);

/* (paths, options, symbols) -> { {name, kind, tensor, labels}, ... } */
static int read_with(lua_State *L, reader read) {
  lua_settop(L, 3);
  int64_t files, symbols;
  luaL_checktype(L, 1, LUA_TTABLE);
  const char **path = neap_lua_push_texts(L, 1, "paths", &files);
  const char **symbol = neap_lua_push_texts(L, 3, "symbols", &symbols);
  if (symbol && symbols != files)
    neap_lua_raise(L, "%lld symbols for %lld files", (long long)symbols, (long long)files);
  neap_csv_options o = read_options(L, 2);
  neap_table *t = neap_lua_push_table(L);
  neap_lua_check(L, read(t, path, files, symbol, &o));
  return neap_lua_push_columns(L, t);
}

static int l_read_csv(lua_State *L) { return read_with(L, neap_csv_read_files); }

static int l_read_jsonl(lua_State *L) { return read_with(L, neap_jsonl_read); }

/* csv_names(path, options) -> array of names */
static int l_csv_names(lua_State *L) {
  lua_settop(L, 2);
  const char *path = neap_lua_text(L, 1, "path");
  neap_csv_options o = file_options(L, 2);
  neap_table *t = neap_lua_push_table(L);
  neap_lua_check(L, neap_csv_names(t, path, &o));
  lua_createtable(L, (int)t->count, 0);
  for (int64_t i = 0; i < t->count; i++) {
    lua_pushstring(L, t->columns[i].name);
    lua_rawseti(L, -2, i + 1);
  }
  neap_table_drop(t);
  return 1;
}

/* write_csv(path, names, kinds, tensors, labels, digits_17); labels[i] is false for none. */
static int l_write_csv(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  bool digits_17 = lua_toboolean(L, 6);
  int64_t n;
  const neap_column *columns = neap_lua_check_columns(L, 2, "write_csv", &n);
  neap_lua_check(L, neap_csv_write(path, columns, n, digits_17));
  return 0;
}

/* write_jsonl(path, names, kinds, tensors, labels); labels[i] is false for none. */
static int l_write_jsonl(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  int64_t n;
  const neap_column *columns = neap_lua_check_columns(L, 2, "write_jsonl", &n);
  neap_lua_check(L, neap_jsonl_write(path, columns, n));
  return 0;
}

static const luaL_Reg functions[] = {
    {"read_csv", l_read_csv},   {"read_jsonl", l_read_jsonl}, {"write_jsonl", l_write_jsonl},
    {"csv_names", l_csv_names}, {"write_csv", l_write_csv},   {NULL, NULL},
};

void neap__lua_add_read(lua_State *L) { luaL_setfuncs(L, functions, 0); }
