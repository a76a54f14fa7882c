/* neap.c.sql: connections to SQL databases. */
#include "base/lua_base.h"
#include "frame/lua_columns.h"
#include "store/sql.h"

static const char CONNECTION[] = "neap.sql.connection";

typedef struct {
  neap_sql *db;
} connection;

static connection *check_open(lua_State *L) {
  connection *c = luaL_checkudata(L, 1, CONNECTION);
  if (!c->db) neap_lua_raise(L, "sql: the connection was closed");
  return c;
}

/* open(url, create) */
static int l_open(lua_State *L) {
  const char *url = neap_lua_text(L, 1, "url");
  bool create = lua_toboolean(L, 2);
  connection *c = lua_newuserdatauv(L, sizeof *c, 0);
  c->db = NULL;
  luaL_setmetatable(L, CONNECTION);
  neap_lua_check(L, neap_sql_open(&c->db, url, create));
  return 1;
}

static int connection_close(lua_State *L) {
  connection *c = luaL_checkudata(L, 1, CONNECTION);
  neap_sql *db = c->db;
  c->db = NULL;
  neap_sql_close(db);
  return 0;
}

static void check_value(lua_State *L, neap_sql_value *v, int64_t i) {
  switch (lua_type(L, -1)) {
  case LUA_TNIL: v->kind = NEAP_SQL_NULL; return;
  case LUA_TBOOLEAN:
    v->kind = NEAP_SQL_BOOL;
    v->integer = lua_toboolean(L, -1);
    return;
  case LUA_TNUMBER:
    v->kind = lua_isinteger(L, -1) ? NEAP_SQL_INTEGER : NEAP_SQL_NUMBER;
    v->integer = lua_tointeger(L, -1);
    v->number = lua_tonumber(L, -1);
    return;
  case LUA_TSTRING:
    v->kind = NEAP_SQL_TEXT;
    v->text = lua_tolstring(L, -1, &v->length);
    return;
  default:
    neap_lua_raise(L, "sql: parameter %lld is a %s; nil, boolean, number or string is expected",
                   (long long)i, luaL_typename(L, -1));
  }
}

/* Statement from (connection, text, values, count, times); the values stay in their table. */
static neap_sql_statement check_statement(lua_State *L) {
  neap_sql_statement s = {.text = neap_lua_text(L, 2, "statement")};
  s.value_count = neap_lua_integer(L, 4, 0, 1 << 20, "number of parameters");
  luaL_checktype(L, 3, LUA_TTABLE);
  neap_sql_value *values = lua_newuserdatauv(L, ((size_t)s.value_count + 1) * sizeof *values, 0);
  for (int64_t i = 1; i <= s.value_count; i++) {
    values[i - 1] = (neap_sql_value){0};
    lua_rawgeti(L, 3, i);
    check_value(L, &values[i - 1], i);
    lua_pop(L, 1);
  }
  s.values = values;
  s.times = neap_lua_push_texts(L, 5, "time", &s.time_count);
  return s;
}

/* query(connection, text, values, count, times) -> { {name, kind, tensor, labels}, ... } */
static int l_query(lua_State *L) {
  lua_settop(L, 5);
  connection *c = check_open(L);
  neap_sql_statement s = check_statement(L);
  neap_table *t = neap_lua_push_table(L);
  neap_lua_check(L, neap_sql_query(c->db, t, &s));
  return neap_lua_push_columns(L, t);
}

/* execute(connection, text, values, count) -> rows changed */
static int l_execute(lua_State *L) {
  lua_settop(L, 4);
  lua_pushnil(L);
  connection *c = check_open(L);
  neap_sql_statement s = check_statement(L);
  int64_t changed = 0;
  neap_lua_check(L, neap_sql_execute(c->db, &s, &changed));
  lua_pushinteger(L, changed);
  return 1;
}

/* insert(connection, table, names, kinds, tensors, labels) */
static int l_insert(lua_State *L) {
  lua_settop(L, 6);
  connection *c = check_open(L);
  const char *table = neap_lua_text(L, 2, "table");
  int64_t n;
  const neap_column *columns = neap_lua_check_columns(L, 3, "write_sql", &n);
  neap_lua_check(L, neap_sql_insert(c->db, table, columns, n));
  return 0;
}

static int l_dialect(lua_State *L) {
  lua_pushstring(L, neap_sql_dialect(check_open(L)->db));
  return 1;
}

static const luaL_Reg connection_methods[] = {{"__gc", connection_close}, {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"open", l_open},     {"close", connection_close}, {"query", l_query}, {"execute", l_execute},
    {"insert", l_insert}, {"dialect", l_dialect},      {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_sql(lua_State *L);

int luaopen_neap_c_sql(lua_State *L) {
  neap_lua_class(L, CONNECTION, connection_methods);
  neap_lua_columns_class(L);
  luaL_newlib(L, functions);
  return 1;
}
