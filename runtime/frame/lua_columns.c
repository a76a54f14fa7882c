/* Columns between C and Lua. */
#include "frame/lua_columns.h"

#include <string.h>

const char **neap_lua_push_texts(lua_State *L, int arg, const char *what, int64_t *n) {
  *n = 0;
  if (lua_isnoneornil(L, arg)) {
    lua_pushnil(L);
    return NULL;
  }
  luaL_checktype(L, arg, LUA_TTABLE);
  *n = (int64_t)lua_rawlen(L, arg);
  const char **texts = lua_newuserdatauv(L, ((size_t)*n + 1) * sizeof *texts, 0);
  for (int64_t i = 0; i < *n; i++) {
    if (lua_rawgeti(L, arg, i + 1) != LUA_TSTRING)
      neap_lua_raise(L, "%s: element %lld is a %s, a string is expected", what, (long long)i + 1,
                     luaL_typename(L, -1));
    texts[i] = neap_lua_text(L, -1, what);
    lua_pop(L, 1);
  }
  return texts;
}

/* Owns what was read until it is in Lua's hands; never seen by users. */
static const char TABLE[] = "neap.columns";

neap_table *neap_lua_push_table(lua_State *L) {
  neap_table *t = lua_newuserdatauv(L, sizeof *t, 0);
  *t = (neap_table){0};
  luaL_setmetatable(L, TABLE);
  return t;
}

static int table_gc(lua_State *L) {
  neap_table_drop(luaL_checkudata(L, 1, TABLE));
  return 0;
}

static void push_labels(lua_State *L, const neap_column *c) {
  lua_createtable(L, (int)(c->label_count < 1 << 20 ? c->label_count : 1 << 20), 0);
  for (int64_t i = 0; i < c->label_count; i++) {
    lua_pushstring(L, c->labels[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

/* {name, kind, tensor, labels}; the tensor moves to Lua. */
static void push_column(lua_State *L, neap_column *c) {
  lua_createtable(L, 4, 0);
  lua_pushstring(L, c->name);
  lua_rawseti(L, -2, 1);
  lua_pushstring(L, neap_column_kind_name(c->kind));
  lua_rawseti(L, -2, 2);
  neap_tensor *t = neap_lua_push_tensor(L);
  *t = c->values;
  c->values.storage = NULL;
  lua_rawseti(L, -2, 3);
  if (c->kind != NEAP_COLUMN_CATEGORY) return;
  push_labels(L, c);
  lua_rawseti(L, -2, 4);
}

int neap_lua_push_columns(lua_State *L, neap_table *t) {
  lua_createtable(L, (int)t->count, 0);
  for (int64_t i = 0; i < t->count; i++) {
    push_column(L, &t->columns[i]);
    lua_rawseti(L, -2, i + 1);
  }
  neap_table_drop(t);
  return neap_lua_done(L, NEAP_OK);
}

/* One column from the arrays at arg on; what it points to stays anchored in them and at anchor. */
static void check_column(lua_State *L, int arg, const char *what, int64_t i, int anchor,
                         neap_column *c) {
  if (lua_rawgeti(L, arg, i + 1) != LUA_TSTRING)
    neap_lua_raise(L, "%s: name %lld is a %s, a string is expected", what, (long long)i + 1,
                   luaL_typename(L, -1));
  c->name = (char *)(uintptr_t)lua_tostring(L, -1);
  lua_rawgeti(L, arg + 1, i + 1);
  neap_lua_check(L, neap_column_kind_parse(&c->kind, luaL_checkstring(L, -1)));
  lua_rawgeti(L, arg + 2, i + 1);
  c->values = *neap_lua_check_tensor(L, -1); /* borrowed */
  if (lua_rawgeti(L, arg + 3, i + 1) == LUA_TTABLE) {
    c->labels =
        (char **)(uintptr_t)neap_lua_push_texts(L, lua_gettop(L), "labels", &c->label_count);
    lua_rawseti(L, anchor, i + 1);
  }
  lua_pop(L, 4);
}

const neap_column *neap_lua_check_columns(lua_State *L, int arg, const char *what, int64_t *n) {
  for (int each = arg; each < arg + 4; each++) luaL_checktype(L, each, LUA_TTABLE);
  *n = (int64_t)lua_rawlen(L, arg);
  neap_column *columns = lua_newuserdatauv(L, ((size_t)*n + 1) * sizeof *columns, 0);
  memset(columns, 0, ((size_t)*n + 1) * sizeof *columns);
  lua_createtable(L, (int)*n, 0);
  int anchor = lua_gettop(L);
  for (int64_t i = 0; i < *n; i++) {
    check_column(L, arg, what, i, anchor, &columns[i]);
    const neap_tensor *first = &columns[0].values, *own = &columns[i].values;
    if (own->ndim != 1 || own->size[0] != first->size[0])
      neap_lua_raise(L, "%s: column '%s' does not have %lld rows", what, columns[i].name,
                     (long long)(first->ndim ? first->size[0] : 1));
  }
  return columns;
}

static const luaL_Reg table_methods[] = {{"__gc", table_gc}, {NULL, NULL}};

void neap_lua_columns_class(lua_State *L) { neap_lua_class(L, TABLE, table_methods); }
