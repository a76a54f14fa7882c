/* Groups, statistics of groups and rows for Lua; names and options are checked in lualib/neap. */
#include "frame/lua_group.h"

#include <string.h>

#include "frame/lua_parts.h"

static const char GROUPS[] = "groups of rows";

/* columns ---------------------------------------------------------------------------------------
 */

static neap_column_kind check_kind(lua_State *L, int at) {
  static const char *const names[] = {"number", "time", "category", NULL};
  static const neap_column_kind kinds[] = {NEAP_COLUMN_NUMBER, NEAP_COLUMN_TIME,
                                           NEAP_COLUMN_CATEGORY};
  const char *name = lua_tostring(L, at);
  for (int k = 0; name && names[k]; k++)
    if (strcmp(name, names[k]) == 0) return kinds[k];
  neap_lua_raise(L, "column: kind must be number, time or category, got %s",
                 name ? name : luaL_typename(L, at));
  return NEAP_COLUMN_NUMBER;
}

/* Labels, rank and places of the category in the table at arg; pushes rank. */
static void check_ranks(lua_State *L, int arg, neap_series *s) {
  lua_geti(L, arg, 4);
  s->labels = s->places = neap_lua_integer(L, lua_gettop(L), 0, INT32_MAX - 1, "labels");
  lua_pop(L, 1);
  if (lua_geti(L, arg, 5) == LUA_TNIL) return;
  int64_t n;
  const int32_t *rank =
      neap_tensor_data(neap_lua_push_series(L, lua_gettop(L), NEAP_I32, "rank", &n));
  lua_geti(L, arg, 6);
  s->places = neap_lua_integer(L, lua_gettop(L), 0, INT32_MAX - 1, "places");
  lua_pop(L, 1);
  if (n != s->labels + 1)
    neap_lua_raise(L, "rank: %lld places for %lld labels", (long long)n - 1, (long long)s->labels);
  for (int64_t i = 1; i < n; i++)
    if (rank[i] < 0 || rank[i] >= s->places)
      neap_lua_raise(L, "rank: place %d of label %lld is not below %lld", rank[i], (long long)i,
                     (long long)s->places);
  s->rank = rank;
}

neap_series neap__lua_series(lua_State *L, int arg) {
  neap_series s = {0};
  int64_t n;
  arg = lua_absindex(L, arg);
  luaL_checkstack(L, 8, NULL);
  luaL_checktype(L, arg, LUA_TTABLE);
  lua_geti(L, arg, 2);
  s.kind = check_kind(L, -1);
  lua_geti(L, arg, 3);
  s.name = neap_lua_text(L, lua_gettop(L), "name");
  lua_geti(L, arg, 1);
  neap_dtype dtype = s.kind == NEAP_COLUMN_TIME       ? NEAP_I64
                     : s.kind == NEAP_COLUMN_CATEGORY ? NEAP_I32
                                                      : neap_lua_check_tensor(L, -1)->dtype;
  s.values = *neap_lua_push_series(L, lua_gettop(L), dtype, s.name, &n);
  if (s.kind == NEAP_COLUMN_CATEGORY) check_ranks(L, arg, &s);
  return s;
}

neap_series *neap__lua_keys(lua_State *L, int arg, int *count, int64_t *rows) {
  arg = lua_absindex(L, arg);
  luaL_checktype(L, arg, LUA_TTABLE);
  lua_Integer n = luaL_len(L, arg);
  if (n < 0 || n > NEAP_MOST_KEYS)
    neap_lua_raise(L, "keys: %lld columns, at most %d are supported", (long long)n, NEAP_MOST_KEYS);
  neap_series *keys = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *keys, 0);
  int at = lua_gettop(L);
  for (int k = 0; k < n; k++) {
    luaL_checkstack(L, 4, NULL);
    lua_geti(L, arg, k + 1);
    keys[k] = neap__lua_series(L, -1);
    if (*rows < 0) *rows = keys[k].values.size[0];
    if (keys[k].values.size[0] != *rows)
      neap_lua_raise(L, "column '%s' has %lld rows, but the others have %lld", keys[k].name,
                     (long long)keys[k].values.size[0], (long long)*rows);
  }
  if (*rows < 0) *rows = 0;
  *count = (int)n;
  lua_pushvalue(L, at);
  return keys;
}

/* groups ----------------------------------------------------------------------------------------
 */

static int groups_gc(lua_State *L) {
  neap_groups_drop(luaL_checkudata(L, 1, GROUPS));
  return 0;
}

neap_groups *neap__lua_groups(lua_State *L, int arg) {
  return lua_isnoneornil(L, arg) ? NULL : luaL_checkudata(L, arg, GROUPS);
}

static neap_groups *check_groups(lua_State *L, int arg) { return luaL_checkudata(L, arg, GROUPS); }

/* groups(rows, keys, sorted, drop) -> groups, count */
static int l_groups(lua_State *L) {
  int64_t rows = neap_lua_integer(L, 1, 0, INT64_MAX, "rows");
  int count;
  bool sorted = lua_toboolean(L, 3), drop = lua_toboolean(L, 4);
  const neap_series *keys = neap__lua_keys(L, 2, &count, &rows);
  neap_groups *g = lua_newuserdatauv(L, sizeof *g, 0);
  *g = (neap_groups){0};
  luaL_setmetatable(L, GROUPS);
  neap_lua_done(L, neap_groups_make(g, rows, count, keys, sorted, drop));
  lua_pushinteger(L, g->count);
  return 2;
}

static int push_rows(lua_State *L, int64_t n, const int32_t *row) {
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_I32, n));
  int32_t *z = neap_tensor_data(out);
  for (int64_t i = 0; i < n; i++) z[i] = row[i] + 1;
  return neap_lua_done(L, NEAP_OK);
}

/* group_ids(g) -> i32, from 1, 0 for rows in none */
static int l_group_ids(lua_State *L) {
  const neap_groups *g = check_groups(L, 1);
  return push_rows(L, g->rows, g->id);
}

/* group_first(g) -> the first row of each group, i32 from 1 */
static int l_group_first(lua_State *L) {
  const neap_groups *g = check_groups(L, 1);
  return push_rows(L, g->count, g->first);
}

/* group_order(g) -> rows by group, i32 from 1; where each group begins, i64 from 1, and the end */
static int l_group_order(lua_State *L) {
  neap_groups *g = check_groups(L, 1);
  neap_lua_check(L, neap_groups_order(g));
  push_rows(L, g->start[g->count], g->order);
  neap_tensor *start = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(start, NEAP_I64, g->count + 1));
  int64_t *z = neap_tensor_data(start);
  for (int64_t i = 0; i <= g->count; i++) z[i] = g->start[i] + 1;
  return 2;
}

/* group_repeated(g, earlier, later) -> mask */
static int l_group_repeated(lua_State *L) {
  const neap_groups *g = check_groups(L, 1);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_BOOL, g->rows));
  return neap_lua_done(
      L, neap_groups_repeated(g, lua_toboolean(L, 2), lua_toboolean(L, 3), neap_tensor_data(out)));
}

/* group_cross(rows, columns) -> i32 positions, columns x rows */
static int l_group_cross(lua_State *L) {
  const neap_groups *rows = check_groups(L, 1), *columns = check_groups(L, 2);
  return neap_lua_done(L, neap_groups_cross(neap_lua_push_tensor(L), rows, columns));
}

/* statistics ------------------------------------------------------------------------------------
 */

static neap_group_statistic check_statistic(lua_State *L, int arg) {
  const char *name = neap_lua_text(L, arg, "statistic");
  for (int s = 0; s < NEAP_GROUP_STATISTICS; s++)
    if (strcmp(name, neap_group_statistic_names[s]) == 0) return (neap_group_statistic)s;
  neap_lua_raise(L, "group_by: unknown statistic '%s'", name);
  return NEAP_GROUP_SIZE;
}

/* group_reduce(g, series, statistics, parameters, weights) -> array of tensors */
static int l_group_reduce(lua_State *L) {
  enum { MOST = 64 };
  neap_group_statistic statistic[MOST];
  double parameter[MOST];
  neap_tensor *shell[MOST], out[MOST];
  const double *weights = NULL;
  lua_settop(L, 5);
  neap_groups *g = check_groups(L, 1);
  luaL_checktype(L, 3, LUA_TTABLE);
  luaL_checktype(L, 4, LUA_TTABLE);
  int count = (int)neap_lua_integer(L, (lua_pushinteger(L, luaL_len(L, 3)), 6), 1, MOST, "count");
  for (int i = 0; i < count; i++) {
    lua_geti(L, 3, i + 1);
    statistic[i] = check_statistic(L, lua_gettop(L));
    lua_geti(L, 4, i + 1);
    parameter[i] = lua_tonumber(L, -1);
    lua_settop(L, 6);
  }
  if (!lua_isnil(L, 5)) {
    int64_t n;
    weights = neap_tensor_data(neap_lua_push_series(L, 5, NEAP_F64, "weights", &n));
    if (n != g->rows)
      neap_lua_raise(L, "group_by: %lld weights, but the frame has %lld rows", (long long)n,
                     (long long)g->rows);
  }
  for (int i = 0; i < count && !weights; i++)
    if (statistic[i] == NEAP_GROUP_WMEAN) neap_lua_raise(L, "group_by: wmean needs weights");
  neap_series column = neap__lua_series(L, 2);
  luaL_checkstack(L, 8, NULL);
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    shell[i] = neap_lua_push_tensor(L);
    lua_rawseti(L, -2, i + 1);
  }
  neap_lua_check(L, neap_group_reduce(out, g, &column, count, statistic, parameter, weights));
  for (int i = 0; i < count; i++) *shell[i] = out[i];
  return neap_lua_done(L, NEAP_OK);
}

/* group_run(g, series or nil, what) -> tensor */
static int l_group_run(lua_State *L) {
  static const char *const names[] = {"cumsum", "cumcount", "rank", "pct_rank", NULL};
  lua_settop(L, 3);
  neap_groups *g = check_groups(L, 1);
  neap_group_running what = (neap_group_running)luaL_checkoption(L, 3, NULL, names);
  neap_series column = {0};
  if (what != NEAP_GROUP_CUMCOUNT) column = neap__lua_series(L, 2);
  neap_tensor *out = neap_lua_push_tensor(L);
  return neap_lua_done(L, neap_group_run(out, g, column.name ? &column : NULL, what));
}

/* rows ------------------------------------------------------------------------------------------
 */

/* take_rows(series, positions) -> tensor */
static int l_take_rows(lua_State *L) {
  int64_t n;
  lua_settop(L, 2);
  neap_series x = neap__lua_series(L, 1);
  const neap_tensor *at = neap_lua_push_series(L, 2, NEAP_I32, "positions", &n);
  return neap_lua_done(L, neap_series_take(neap_lua_push_tensor(L), &x, at));
}

/* present(columns, any, rows) -> mask of the rows where all (or any) columns have a value */
static int l_present(lua_State *L) {
  int count;
  int64_t rows = neap_lua_integer(L, 3, 0, INT64_MAX, "rows");
  bool any = lua_toboolean(L, 2);
  const neap_series *columns = neap__lua_keys(L, 1, &count, &rows);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_BOOL, rows));
  bool *mask = neap_tensor_data(out);
  memset(mask, !any, (size_t)rows);
  neap_status st = NEAP_OK;
  for (int k = 0; k < count && !st; k++) st = neap_series_present(&columns[k], mask, any);
  return neap_lua_done(L, st);
}

/* fill(series, groups or nil, method, value, limit, time or nil) -> tensor */
static int l_fill_missing(lua_State *L) {
  static const char *const names[] = {"value", "forward", "backward", "linear", "time", NULL};
  lua_settop(L, 6);
  neap_fill_options o = {.method = (neap_fill_method)luaL_checkoption(L, 3, NULL, names)};
  neap_groups *g = neap__lua_groups(L, 2);
  neap_series x = neap__lua_series(L, 1);
  o.limit = neap_lua_integer(L, 5, 0, INT64_MAX, "limit");
  if (o.method == NEAP_FILL_VALUE && x.kind == NEAP_COLUMN_NUMBER) o.value = neap_lua_number(L, 4);
  else if (o.method == NEAP_FILL_VALUE)
    o.whole = neap_lua_integer(L, 4, x.kind == NEAP_COLUMN_TIME ? INT64_MIN : 0,
                               x.kind == NEAP_COLUMN_TIME ? INT64_MAX : INT32_MAX, "value");
  if (o.method == NEAP_FILL_TIME) {
    int64_t n;
    o.time = neap_tensor_data(neap_lua_push_series(L, 6, NEAP_I64, "time", &n));
    if (n != x.values.size[0])
      neap_lua_raise(L, "fillna: %lld times for %lld rows", (long long)n,
                     (long long)x.values.size[0]);
  }
  return neap_lua_done(L, neap_series_fill(neap_lua_push_tensor(L), &x, g, &o));
}

void neap__lua_add_groups(lua_State *L) {
  static const luaL_Reg methods[] = {{"__gc", groups_gc}, {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"groups", l_groups},
      {"group_ids", l_group_ids},
      {"group_first", l_group_first},
      {"group_order", l_group_order},
      {"group_repeated", l_group_repeated},
      {"group_cross", l_group_cross},
      {"group_reduce", l_group_reduce},
      {"group_run", l_group_run},
      {"take_rows", l_take_rows},
      {"present", l_present},
      {"fill_missing", l_fill_missing},
      {NULL, NULL},
  };
  neap_lua_class(L, GROUPS, methods);
  luaL_setfuncs(L, functions, 0);
}
