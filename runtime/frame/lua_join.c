/* Joins for Lua; names and options are checked in lualib/neap. */
#include "frame/lua_group.h"
#include "frame/lua_parts.h"

/* join(left keys, left rows, right keys, right rows, how, match_missing, unique_left, unique_right,
 * exchanged) -> i32 rows of left or nil for all in order, of right or nil; from 1, 0 = none */
static int l_join(lua_State *L) {
  static const char *const names[] = {"inner", "left", "outer", "semi", "anti", "cross", NULL};
  lua_settop(L, 9);
  neap_join_options o = {.how = (neap_join_how)luaL_checkoption(L, 5, NULL, names),
                         .match_missing = lua_toboolean(L, 6),
                         .unique_left = lua_toboolean(L, 7),
                         .unique_right = lua_toboolean(L, 8),
                         .exchanged = lua_toboolean(L, 9)};
  int64_t left_rows = neap_lua_integer(L, 2, 0, INT64_MAX, "left rows");
  int64_t right_rows = neap_lua_integer(L, 4, 0, INT64_MAX, "right rows");
  int count, right_count;
  const neap_series *left = neap__lua_keys(L, 1, &count, &left_rows);
  const neap_series *right = neap__lua_keys(L, 3, &right_count, &right_rows);
  if (count != right_count)
    neap_lua_raise(L, "join: %d keys on the left, %d on the right", count, right_count);
  luaL_checkstack(L, 8, NULL);
  neap_tensor *left_at = neap_lua_push_tensor(L), *right_at = neap_lua_push_tensor(L);
  neap_lua_done(L, neap_join(left_at, right_at, count, left, left_rows, right, right_rows, &o));
  for (int k = -2; k < 0; k++) { /* an empty tensor is not for users */
    const neap_tensor *t = k == -2 ? left_at : right_at;
    if (t->storage) continue;
    lua_pushnil(L);
    lua_replace(L, k - 1);
  }
  return 2;
}

/* join_asof(left on, right on, left by, right by, direction, allow_exact, tolerance or nil) -> i32
 * rows of right, from 1, 0 = none */
static int l_join_asof(lua_State *L) {
  static const char *const names[] = {"backward", "forward", "nearest", NULL};
  lua_settop(L, 7);
  neap_asof_options o = {.direction = (neap_asof_direction)luaL_checkoption(L, 5, NULL, names),
                         .allow_exact = lua_toboolean(L, 6),
                         .limited = !lua_isnil(L, 7)};
  neap_series left = neap__lua_series(L, 1), right = neap__lua_series(L, 2);
  bool floats = neap_dtype_is_float(left.values.dtype);
  if (left.kind != right.kind || floats != neap_dtype_is_float(right.values.dtype))
    neap_lua_raise(L, "join_asof: '%s' and '%s' are of different kinds", left.name, right.name);
  if (o.limited && floats) o.tolerance_f64 = neap_lua_number(L, 7);
  else if (o.limited) o.tolerance = neap_lua_integer(L, 7, 0, INT64_MAX, "tolerance");
  int64_t left_rows = left.values.size[0], right_rows = right.values.size[0];
  int count, right_count;
  const neap_series *left_by = neap__lua_keys(L, 3, &count, &left_rows);
  const neap_series *right_by = neap__lua_keys(L, 4, &right_count, &right_rows);
  if (count != right_count)
    neap_lua_raise(L, "join_asof: %d keys on the left, %d on the right", count, right_count);
  luaL_checkstack(L, 8, NULL);
  neap_tensor *out = neap_lua_push_tensor(L);
  return neap_lua_done(L, neap_join_asof(out, &left, &right, count, left_by, right_by, &o));
}

void neap__lua_add_frame_joins(lua_State *L) {
  static const luaL_Reg functions[] = {{"join", l_join}, {"join_asof", l_join_asof}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
