/* Bars for Lua. Option tables and the frame itself are in lualib/neap. */
#include <stdio.h>
#include <string.h>

#include "frame/frame.h"
#include "frame/lua_columns.h"
#include "frame/lua_parts.h"
#include "tensor/lua_tensor.h"

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
    {"scan", l_scan},           {"order", l_order}, {"fill", l_fill},
    {"synthetic", l_synthetic}, {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_frame(lua_State *L);

int luaopen_neap_c_frame(lua_State *L) {
  neap_lua_columns_class(L);
  luaL_newlib(L, functions);
  neap__lua_add_times(L);
  neap__lua_add_resample(L);
  neap__lua_add_read(L);
  neap__lua_add_preprocess(L);
  neap__lua_add_dataset(L);
  neap__lua_add_labels(L);
  neap__lua_add_windows(L);
  neap__lua_add_groups(L);
  neap__lua_add_frame_joins(L);
  return 1;
}
