/* Columns and bars for Lua. Option tables and the frame itself are in lualib/neap. */
#include <stdio.h>
#include <string.h>

#include "frame/frame.h"
#include "frame/lua_columns.h"
#include "frame/lua_parts.h"
#include "tensor/lua_tensor.h"

static neap_column_kind *push_kinds(lua_State *L, int arg, int64_t n) {
  neap_column_kind *kinds = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *kinds, 0);
  for (int64_t i = 0; i < n; i++) {
    if (lua_rawgeti(L, arg, i + 1) != LUA_TSTRING)
      neap_lua_raise(L, "types: kind %lld is missing", (long long)i + 1);
    neap_lua_check(L, neap_column_kind_parse(&kinds[i], lua_tostring(L, -1)));
    lua_pop(L, 1);
  }
  return kinds;
}

/* One character, or 0 for nil. */
static char check_char(lua_State *L, int arg, const char *what) {
  size_t n = 0;
  const char *text = luaL_optlstring(L, arg, "", &n);
  if (n > 1 || (n == 1 && strchr("\"\r\n ", text[0])))
    neap_lua_raise(L, "%s must be one character that is no quote, space or line end, got '%s'",
                   what, text);
  return n ? text[0] : 0;
}

/* CSV ------------------------------------------------------------------------------------------ */

/* The options both readers share: path, delimiter, comment, header, names. */
static neap_csv_options check_file_options(lua_State *L) {
  neap_csv_options o = {0};
  neap_lua_text(L, 1, "path");
  o.delimiter = check_char(L, 2, "delimiter");
  o.comment = check_char(L, 3, "comment");
  o.no_header = !lua_isnoneornil(L, 4) && !lua_toboolean(L, 4);
  o.names = neap_lua_push_texts(L, 5, "names", &o.name_count);
  return o;
}

/* read_csv(path, delimiter, comment, header, names, columns, typed, kinds, missing, zone,
 * time_format) -> { {name, kind, tensor, labels}, ... } */
static int l_read_csv(lua_State *L) {
  lua_settop(L, 11);
  neap_csv_options o = check_file_options(L);
  o.wanted = neap_lua_push_texts(L, 6, "columns", &o.wanted_count);
  o.typed = neap_lua_push_texts(L, 7, "types", &o.typed_count);
  if (o.typed) o.kinds = push_kinds(L, 8, o.typed_count);
  o.missing = neap_lua_push_texts(L, 9, "missing", &o.missing_count);
  const char *zone = lua_isnil(L, 10) ? NULL : neap_lua_text(L, 10, "time zone");
  o.time_format = luaL_optstring(L, 11, NULL);
  if (zone) neap_lua_check(L, neap_zone_find(&o.zone, zone));
  neap_table *t = neap_lua_push_table(L);
  neap_lua_check(L, neap_csv_read(t, lua_tostring(L, 1), &o));
  return neap_lua_push_columns(L, t);
}

/* csv_names(path, delimiter, comment, header, names) -> array of names */
static int l_csv_names(lua_State *L) {
  lua_settop(L, 5);
  neap_csv_options o = check_file_options(L);
  neap_table *t = neap_lua_push_table(L);
  neap_lua_check(L, neap_csv_names(t, lua_tostring(L, 1), &o));
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

/* bars ----------------------------------------------------------------------------------------- */

static double *check_series(lua_State *L, int arg, const char *name, int64_t n) {
  int64_t rows;
  const neap_tensor *t = neap_lua_push_series(L, arg, NEAP_F64, name, &rows);
  if (rows != n)
    neap_lua_raise(L, "%s has %lld rows, but time has %lld", name, (long long)rows, (long long)n);
  return neap_tensor_data(t);
}

/* time, open, high, low, close, volume (or nil) at arguments 1 to 6. */
static neap_bars check_bars(lua_State *L) {
  neap_bars b = {0};
  b.time = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_I64, "time", &b.n));
  b.open = check_series(L, 2, "open", b.n);
  b.high = check_series(L, 3, "high", b.n);
  b.low = check_series(L, 4, "low", b.n);
  b.close = check_series(L, 5, "close", b.n);
  if (!lua_isnoneornil(L, 6)) b.volume = check_series(L, 6, "volume", b.n);
  return b;
}

static void set_integer(lua_State *L, const char *name, int64_t v) {
  lua_pushinteger(L, v);
  lua_setfield(L, -2, name);
}

static void set_fault(lua_State *L, const char *name, const neap_bar_report *r, int fault) {
  char first[48];
  set_integer(L, name, r->count[fault]);
  if (r->first_row[fault] < 0) return;
  snprintf(first, sizeof first, "first_%s", name);
  set_integer(L, first, r->first_row[fault] + 1);
}

static const char *const fault_names[NEAP_BAR_FAULTS] = {
    [NEAP_BAR_NO_TIME] = "no_time",           [NEAP_BAR_NAN] = "nan_prices",
    [NEAP_BAR_NOT_POSITIVE] = "non_positive", [NEAP_BAR_CONTRADICTION] = "contradictions",
    [NEAP_BAR_DUPLICATE] = "duplicates",      [NEAP_BAR_DISORDER] = "disorder",
};

/* scan(time, open, high, low, close, volume) -> table of counts and first rows */
static int l_scan(lua_State *L) {
  lua_settop(L, 6);
  neap_bars b = check_bars(L);
  neap_bar_report r;
  neap_lua_check(L, neap_bars_scan(&r, &b));
  lua_createtable(L, 0, 24);
  set_integer(L, "rows", r.rows);
  set_integer(L, "first_time", r.first_time);
  set_integer(L, "last_time", r.last_time);
  set_integer(L, "cadence", r.cadence);
  set_integer(L, "gaps", r.gaps);
  set_integer(L, "missing_bars", r.missing_bars);
  set_integer(L, "longest_gap", r.longest_gap);
  set_integer(L, "longest_gap_time", r.longest_gap_time);
  set_integer(L, "holes", r.holes);
  set_integer(L, "hole_time", r.hole_time);
  set_integer(L, "session_gaps", r.session_gaps);
  set_integer(L, "zero_volume", r.zero_volume);
  set_integer(L, "without_price", r.without_price);
  for (int fault = 0; fault < NEAP_BAR_FAULTS; fault++) set_fault(L, fault_names[fault], &r, fault);
  lua_pushnumber(L, r.regular);
  lua_setfield(L, -2, "regular");
  lua_pushboolean(L, r.continuous);
  lua_setfield(L, -2, "continuous");
  return 1;
}

/* order(time, open, high, low, close, volume, keep_broken) -> i64 positions from 1 */
static int l_order(lua_State *L) {
  lua_settop(L, 7);
  neap_bars b = check_bars(L);
  return neap_lua_done(L, neap_bars_order(neap_lua_push_tensor(L), &b, lua_toboolean(L, 7), 1));
}

/* fill(time, open, high, low, close, volume, max_gap) -> {time, open, ...}, repaired, inserted */
static int l_fill(lua_State *L) {
  lua_settop(L, 7);
  int64_t max_gap = neap_lua_integer(L, 7, 0, INT64_MAX, "max_gap"), repaired, inserted;
  neap_bars b = check_bars(L);
  neap_tensor *shell[6], out[6];
  int columns = b.volume ? 6 : 5;
  lua_createtable(L, columns, 0);
  for (int i = 0; i < columns; i++) {
    shell[i] = neap_lua_push_tensor(L);
    lua_rawseti(L, -2, i + 1);
  }
  neap_bar_report r;
  neap_lua_check(L, neap_bars_scan(&r, &b));
  neap_lua_check(L, neap_bars_fill(out, &b, &r, max_gap, &repaired, &inserted));
  for (int i = 0; i < columns; i++) *shell[i] = out[i];
  neap_lua_charge(L);
  lua_pushinteger(L, repaired);
  lua_pushinteger(L, inserted);
  return 3;
}

/* synthetic(rows, start, cadence, rng, symbol, signal) -> time, open, high, low, close, volume */
static int l_synthetic(lua_State *L) {
  int64_t rows = neap_lua_integer(L, 1, 0, 100000000, "rows"), start = luaL_checkinteger(L, 2);
  int64_t cadence = neap_lua_integer(L, 3, 1, INT64_MAX, "cadence");
  const neap_rng *rng = neap_lua_check_rng(L, 4);
  const char *symbol = luaL_checkstring(L, 5);
  double signal = luaL_checknumber(L, 6);
  neap_tensor *t[6];
  for (int i = 0; i < 6; i++) {
    t[i] = neap_lua_push_tensor(L);
    neap_lua_check(L, neap_tensor_init_1d(t[i], i ? NEAP_F64 : NEAP_I64, rows));
  }
  neap_bars b = {rows,
                 neap_tensor_data(t[0]),
                 neap_tensor_data(t[1]),
                 neap_tensor_data(t[2]),
                 neap_tensor_data(t[3]),
                 neap_tensor_data(t[4]),
                 neap_tensor_data(t[5])};
  neap_lua_done(L, neap_bars_synthetic(&b, start, cadence, rng, symbol, signal));
  return 6;
}

static const luaL_Reg functions[] = {
    {"read_csv", l_read_csv},   {"csv_names", l_csv_names},
    {"write_csv", l_write_csv}, {"scan", l_scan},
    {"order", l_order},         {"fill", l_fill},
    {"synthetic", l_synthetic}, {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_frame(lua_State *L);

int luaopen_neap_c_frame(lua_State *L) {
  neap_lua_columns_class(L);
  luaL_newlib(L, functions);
  neap__lua_add_resample(L);
  neap__lua_add_preprocess(L);
  neap__lua_add_labels(L);
  neap__lua_add_groups(L);
  return 1;
}
