/* Windows over rows for Lua. Groups come as n, rows (or nil), offset, of window.h. */
#include "frame/lua_parts.h"
#include "frame/window.h"
#include "tensor/lua_tensor.h"

/* Numbers of rows that stand in the frame, and ranges of places that follow each other: who passes
 * others would have kernels write outside their arrays. */
static bool sound(const neap_panel *g) {
  if (g->groups < 0 || g->offset[0] != 0 || g->offset[g->groups] != g->places) return false;
  for (int64_t k = 0; k < g->groups; k++)
    if (g->offset[k + 1] < g->offset[k]) return false;
  bool inside = true;
  for (int64_t p = 0; g->rows && p < g->places; p++) inside &= g->rows[p] >= 0 && g->rows[p] < g->n;
  return inside;
}

/* n, rows, offset at arg. What they point to stays on the stack. */
static neap_panel check_groups(lua_State *L, int arg) {
  neap_panel g = {.n = neap_lua_integer(L, arg, 0, INT64_MAX, "rows")};
  int64_t count;
  g.offset = neap_tensor_data(neap_lua_push_series(L, arg + 2, NEAP_I64, "offset", &count));
  g.groups = count - 1;
  g.places = g.n;
  if (!lua_isnoneornil(L, arg + 1))
    g.rows = neap_tensor_data(neap_lua_push_series(L, arg + 1, NEAP_I32, "order", &g.places));
  if (!sound(&g))
    neap_lua_raise(L, "groups: they are no order of %lld rows in ranges", (long long)g.n);
  return g;
}

static double *check_column(lua_State *L, int arg, const neap_panel *g) {
  int64_t n;
  const neap_tensor *t = neap_lua_push_series(L, arg, NEAP_F64, "column", &n);
  if (n != g->n)
    neap_lua_raise(L, "the column has %lld rows, the frame %lld", (long long)n, (long long)g->n);
  return neap_tensor_data(t);
}

static const int64_t *check_times(lua_State *L, int arg, const neap_panel *g) {
  int64_t n;
  const neap_tensor *t = neap_lua_push_series(L, arg, NEAP_I64, "time", &n);
  if (n != g->n)
    neap_lua_raise(L, "time has %lld rows, the frame %lld", (long long)n, (long long)g->n);
  return neap_tensor_data(t);
}

/* time_windows(n, rows, offset, time, length, left, right) -> begin or nil, end or nil, width */
static int l_time_windows(lua_State *L) {
  lua_settop(L, 7);
  int64_t length = neap_lua_integer(L, 5, 1, INT64_MAX, "a window's length"), width;
  bool left = lua_toboolean(L, 6), right = lua_toboolean(L, 7);
  neap_panel g = check_groups(L, 1);
  const int64_t *time = check_times(L, 4, &g);
  neap_tensor *begin = neap_lua_push_tensor(L), *end = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_time_windows(begin, end, &width, &g, time, length, left, right));
  bool has_begin = begin->storage, has_end = end->storage;
  if (!has_end) {
    lua_pushnil(L);
    lua_replace(L, -2);
  }
  if (!has_begin) {
    lua_pushnil(L);
    lua_replace(L, -3);
  }
  lua_pushinteger(L, width);
  neap_lua_charge(L);
  return 3;
}

/* Places at arg that do not fall and are at most p (+ 1 for ends) for place p, or NULL for none. */
static const int64_t *check_bounds(lua_State *L, int arg, const neap_panel *g, bool ends) {
  int64_t n;
  if (lua_isnoneornil(L, arg)) return NULL;
  const neap_tensor *t = neap_lua_push_series(L, arg, NEAP_I64, "bounds", &n);
  const int64_t *bound = neap_tensor_data(t);
  bool good = n == g->places;
  for (int64_t p = 0; good && p < n; p++)
    good = bound[p] >= (p ? bound[p - 1] : 0) && bound[p] <= p + ends;
  if (!good) neap_lua_raise(L, "bounds of %lld windows are needed", (long long)g->places);
  return bound;
}

/* roll(name, n, rows, offset, begin, end, before, skip, min_count, parameter, x, u) -> tensor */
static int l_roll(lua_State *L) {
  lua_settop(L, 12);
  neap_rolling op = (neap_rolling)luaL_checkoption(L, 1, NULL, neap_rolling_names);
  neap_rolling_options o = {.n = 1,
                            .min_count = neap_lua_integer(L, 9, 0, INT64_MAX, "min_count"),
                            .parameter = luaL_checknumber(L, 10)};
  neap_panel g = check_groups(L, 2);
  neap_windows w = {.before = neap_lua_integer(L, 7, 0, INT64_MAX / 4, "before"),
                    .skip = neap_lua_integer(L, 8, 0, 1, "skip"),
                    .begin = check_bounds(L, 5, &g, false),
                    .end = check_bounds(L, 6, &g, true)};
  for (int64_t p = 0; w.begin && w.end && p < g.places; p++)
    if (w.begin[p] > w.end[p]) neap_lua_raise(L, "bounds: a window ends before it begins");
  const double *x = check_column(L, 11, &g), *u = lua_isnil(L, 12) ? NULL : check_column(L, 12, &g);
  if (!u == (op == NEAP_ROLLING_COV || op == NEAP_ROLLING_CORR))
    neap_lua_raise(L, "rolling: two columns are for cov and corr");
  if (op == NEAP_ROLLING_QUANTILE && !(o.parameter >= 0 && o.parameter <= 1))
    neap_lua_raise(L, "rolling:quantile: q is %g, outside 0 to 1", o.parameter);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_F64, g.n));
  return neap_lua_done(L, neap_panel_roll(neap_tensor_data(out), &g, op, x, u, &w, &o));
}

/* lag(name, n, rows, offset, k, x) -> tensor */
static int l_lag(lua_State *L) {
  static const char *const names[] = {"shift", "diff", "pct_change", NULL};
  neap_lag op = (neap_lag)luaL_checkoption(L, 1, NULL, names);
  int64_t k = neap_lua_integer(L, 5, -INT64_MAX, INT64_MAX, "k");
  neap_panel g = check_groups(L, 2);
  const double *x = check_column(L, 6, &g);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_F64, g.n));
  return neap_lua_done(L, neap_panel_lag(neap_tensor_data(out), &g, op, x, k));
}

/* ewm(name, n, rows, offset, alpha, adjust, ignore_nan, bias, min_count, time, half_life, x, u) ->
 * tensor */
static int l_ewm(lua_State *L) {
  static const char *const names[] = {"mean", "var", "std", "cov", "corr", NULL};
  lua_settop(L, 13);
  neap_ewm op = (neap_ewm)luaL_checkoption(L, 1, NULL, names);
  neap_ewm_options o = {.alpha = luaL_checknumber(L, 5),
                        .adjust = lua_toboolean(L, 6),
                        .ignore_nan = lua_toboolean(L, 7),
                        .bias = lua_toboolean(L, 8),
                        .min_count = neap_lua_integer(L, 9, 0, INT64_MAX, "min_count"),
                        .half_life = neap_lua_integer(L, 11, 0, INT64_MAX, "half_life")};
  bool two = op == NEAP_EWM_COV || op == NEAP_EWM_CORR, timed = !lua_isnil(L, 10);
  if (!(o.alpha > 0 && o.alpha <= 1)) neap_lua_raise(L, "ewm: alpha is %g", o.alpha);
  if (timed && (op != NEAP_EWM_MEAN || o.half_life < 1))
    neap_lua_raise(L, "ewm: a half life in time is for the mean");
  neap_panel g = check_groups(L, 2);
  if (timed) o.time = check_times(L, 10, &g);
  const double *x = check_column(L, 12, &g), *u = two ? check_column(L, 13, &g) : NULL;
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_F64, g.n));
  return neap_lua_done(L, neap_panel_ewm(neap_tensor_data(out), &g, op, x, u, &o));
}

void neap__lua_add_windows(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"time_windows", l_time_windows},
      {"roll", l_roll},
      {"lag", l_lag},
      {"ewm", l_ewm},
      {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
}
