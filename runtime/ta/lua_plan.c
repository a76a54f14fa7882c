/* Plans as Lua makes and runs them: many columns of the same bars at once. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "ta/lua_parts.h"
#include "ta/plan.h"
#include "tensor/lua_tensor.h"

static const char PLAN[] = "neap.ta.plan", STREAM[] = "neap.ta.plan_stream";
static const char *const input_names[] = {"open", "high", "low", "close", "volume"};
static const char *const shape_names[] = {"plain", "price",  "spread", "square",
                                          "flow",  "volume", NULL};
static const char *const clock_names[] = {"hour", "weekday", "day_of_year", "trend", NULL};

/* making --------------------------------------------------------------------------------------- */

static int whole_field(lua_State *L, const char *key, int fallback) {
  int type = lua_getfield(L, -1, key);
  int v = type == LUA_TNIL ? fallback : (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return v;
}

static neap_plan_kind kind_of(const char *name) {
  for (int k = 0; clock_names[k]; k++)
    if (strcmp(name, clock_names[k]) == 0) return (neap_plan_kind)(NEAP_PLAN_HOUR + k);
  return NEAP_PLAN_INDICATOR;
}

/* The source in the table on top: { name, params, frame, mean, on_volume }. */
static void read_source(lua_State *L, neap_plan_source *s) {
  lua_getfield(L, -1, "name");
  const char *name = luaL_checkstring(L, -1);
  s->kind = kind_of(name);
  s->ta = neap_ta_find(name);
  if (s->kind == NEAP_PLAN_INDICATOR && !s->ta)
    neap_lua_raise(L, "ta: there is no indicator '%s'", name);
  lua_pop(L, 1);
  s->frame = whole_field(L, "frame", 0);
  s->mean = whole_field(L, "mean", 0) - 1;
  lua_getfield(L, -1, "on_volume");
  s->on_volume = lua_toboolean(L, -1);
  lua_getfield(L, -2, "params");
  if (s->kind == NEAP_PLAN_INDICATOR) neap__lua_ta_params(L, lua_gettop(L), s->ta, s->param);
  lua_pop(L, 2);
}

static void read_column(lua_State *L, neap_plan_column *c) {
  c->source = whole_field(L, "source", 0) - 1;
  c->output = whole_field(L, "output", 0) - 1;
  lua_getfield(L, -1, "shape");
  c->shape = (neap_plan_shape)luaL_checkoption(L, -1, "plain", shape_names);
  lua_pop(L, 1);
}

/* plan(sources, columns, steps, zone or nil, first, span) */
static int l_plan(lua_State *L) {
  for (int arg = 1; arg <= 3; arg++) luaL_checktype(L, arg, LUA_TTABLE);
  int sources = (int)luaL_len(L, 1), columns = (int)luaL_len(L, 2), frames = (int)luaL_len(L, 3);
  const char *zone = lua_isnoneornil(L, 4) ? NULL : neap_lua_text(L, 4, "time zone");
  int64_t first = luaL_checkinteger(L, 5), span = luaL_checkinteger(L, 6);
  neap_plan *p = lua_newuserdatauv(L, sizeof *p, 0);
  memset(p, 0, sizeof *p);
  luaL_setmetatable(L, PLAN);
  neap_lua_check(L, neap_plan_init(p, sources, columns, frames));
  p->first = first;
  p->span = span;
  if (zone) neap_lua_check(L, neap_zone_find(&p->zone, zone));
  for (int i = 0; i < sources; i++) {
    lua_rawgeti(L, 1, i + 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    read_source(L, &p->source[i]);
    lua_pop(L, 1);
  }
  for (int i = 0; i < columns; i++) {
    lua_rawgeti(L, 2, i + 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    read_column(L, &p->column[i]);
    lua_pop(L, 1);
  }
  for (int i = 0; i < frames; i++) {
    lua_rawgeti(L, 3, i + 1);
    p->step[i] = luaL_checkinteger(L, -1);
    lua_pop(L, 1);
  }
  return neap_lua_done(L, neap_plan_ready(p));
}

static neap_plan *check_plan(lua_State *L, int arg) {
  neap_plan *p = luaL_checkudata(L, arg, PLAN);
  if (!p->source) neap_lua_raise(L, "ta.plan was closed");
  return p;
}

static int p_close(lua_State *L) {
  neap_plan_drop(luaL_checkudata(L, 1, PLAN));
  return 0;
}

/* running -------------------------------------------------------------------------------------- */

static void same_length(lua_State *L, const char *what, int64_t length, int64_t *n) {
  if (*n >= 0 && length != *n)
    neap_lua_raise(L, "features: %s has %lld rows, another column of the bars %lld", what,
                   (long long)length, (long long)*n);
  *n = length;
}

/* The i64 series at arg, NULL when it is nil; n receives its length. */
static const int64_t *push_times(lua_State *L, int arg, const char *what, int64_t *n) {
  if (lua_isnoneornil(L, arg)) {
    lua_pushnil(L);
    return NULL;
  }
  return neap_tensor_data(neap_lua_push_series(L, arg, NEAP_I64, what, n));
}

/* Starts and order of groups at arg and arg + 1 (counted from 0); NULL when they are nil. Positions
 * outside the n rows would be written to, so they are checked. */
static int64_t push_groups(lua_State *L, int arg, int64_t n, const int64_t **start,
                           const int64_t **order) {
  int64_t bounds = 0, rows = 0;
  *start = push_times(L, arg, "start", &bounds);
  *order = push_times(L, arg + 1, "order", &rows);
  if (!*order || !*start) {
    *start = *order = NULL;
    return 1;
  }
  bool sound = rows == n && bounds > 0 && (*start)[0] == 0 && (*start)[bounds - 1] == n;
  for (int64_t g = 1; sound && g < bounds; g++) sound = (*start)[g] >= (*start)[g - 1];
  for (int64_t i = 0; sound && i < n; i++) sound = (*order)[i] >= 0 && (*order)[i] < n;
  if (!sound) neap_lua_raise(L, "features: the groups do not fit %lld rows", (long long)n);
  return bounds - 1;
}

/* plan:run(bars, time, cadence, start, order): an array of tensors. */
static int p_run(lua_State *L) {
  const neap_plan *p = check_plan(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checkstack(L, p->columns + 32, "features");
  neap_plan_bars b = {.n = 0, .cadence = luaL_optinteger(L, 4, 0)};
  int64_t n = -1, length = 0;
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++) {
    if (!neap_plan_reads(p, k)) continue;
    lua_getfield(L, 2, input_names[k]);
    const neap_tensor *t = neap_lua_push_series(L, -1, NEAP_F64, input_names[k], &length);
    b.column[k] = neap_tensor_data(t);
    same_length(L, input_names[k], length, &n);
  }
  if ((b.time = push_times(L, 3, "time", &length))) same_length(L, "time", length, &n);
  b.n = n < 0 ? 0 : n;
  if (neap_plan_reads_time(p) && !b.time && b.n > 0)
    neap_lua_raise(L, "features: the bars have no time");
  b.groups = push_groups(L, 5, b.n, &b.start, &b.order);
  double **out = lua_newuserdatauv(L, (size_t)(p->columns + 1) * sizeof *out, 0);
  lua_createtable(L, p->columns, 0);
  for (int c = 0; c < p->columns; c++) {
    neap_tensor *t = neap_lua_push_tensor(L);
    neap_lua_check(L, neap_tensor_init_1d(t, NEAP_F64, b.n));
    out[c] = neap_tensor_data(t);
    lua_rawseti(L, -2, c + 1);
  }
  return neap_lua_done(L, neap_plan_run(p, &b, out));
}

/* cross(x, kind, start, order): x compared within each group. */
static int l_cross(lua_State *L) {
  static const char *const kinds[] = {"rank", "zscore", "demean", NULL};
  int64_t n;
  const double *x = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_F64, "cross: x", &n));
  neap_cross kind = (neap_cross)luaL_checkoption(L, 2, NULL, kinds);
  const int64_t *start, *order;
  int64_t groups = push_groups(L, 3, n, &start, &order);
  if (!order) neap_lua_raise(L, "cross: %lld rows without groups", (long long)n);
  neap_tensor *t = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(t, NEAP_F64, n));
  return neap_lua_done(L, neap_plan_cross(kind, n, x, groups, start, order, neap_tensor_data(t)));
}

static void set_count(lua_State *L, const char *key, int64_t v) {
  lua_pushinteger(L, v);
  lua_setfield(L, -2, key);
}

/* survey(x, low, high, start or nil, order or nil): counts, and the smallest and largest. */
static int l_survey(lua_State *L) {
  int64_t n;
  const double *x = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_F64, "survey: x", &n));
  const int64_t *start, *order;
  int64_t groups = push_groups(L, 4, n, &start, &order);
  double low = luaL_checknumber(L, 2), high = luaL_checknumber(L, 3);
  neap_plan_survey s;
  neap_lua_check(L, neap_plan_survey_of(&s, n, x, low, high, groups, start, order));
  lua_createtable(L, 0, 7);
  set_count(L, "warm_up", s.warm_up);
  set_count(L, "missing", s.missing);
  set_count(L, "infinite", s.infinite);
  set_count(L, "outside", s.outside);
  set_count(L, "first_outside", s.first_outside + 1);
  lua_pushnumber(L, s.smallest);
  lua_setfield(L, -2, "smallest");
  lua_pushnumber(L, s.largest);
  lua_setfield(L, -2, "largest");
  return 1;
}

/* streams -------------------------------------------------------------------------------------- */

/* plan:stream(cadence): keeps the plan alive. */
static int p_stream(lua_State *L) {
  const neap_plan *p = check_plan(L, 1);
  int64_t cadence = luaL_optinteger(L, 2, 0);
  neap_plan_stream **s = lua_newuserdatauv(L, sizeof *s, 1);
  *s = NULL;
  luaL_setmetatable(L, STREAM);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  return neap_lua_done(L, neap_plan_stream_new(s, p, cadence));
}

static int s_close(lua_State *L) {
  neap_plan_stream **s = luaL_checkudata(L, 1, STREAM);
  neap_plan_stream_free(*s);
  *s = NULL;
  return 0;
}

static double number_field(lua_State *L, int bar, const char *key) {
  lua_getfield(L, bar, key);
  if (lua_type(L, -1) != LUA_TNUMBER)
    neap_lua_raise(L, "features: bar.%s must be a number, got %s", key, luaL_typename(L, -1));
  double v = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return v;
}

static int64_t time_field(lua_State *L, int bar) {
  lua_getfield(L, bar, "time");
  if (!lua_isinteger(L, -1))
    neap_lua_raise(L, "features: bar.time must be an integer, nanoseconds since 1970 UTC, got %s",
                   luaL_typename(L, -1));
  int64_t v = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return v;
}

/* stream:push(bar, row): the values of all columns into the table row. */
static int s_push(lua_State *L) {
  neap_plan_stream **s = luaL_checkudata(L, 1, STREAM);
  if (!*s) neap_lua_raise(L, "features: the stream was closed");
  lua_getiuservalue(L, 1, 1);
  const neap_plan *p = check_plan(L, -1);
  if (!lua_istable(L, 2) && !lua_isuserdata(L, 2))
    neap_lua_raise(L, "features: a bar is needed, a table of numbers, got %s", luaL_typename(L, 2));
  luaL_checktype(L, 3, LUA_TTABLE);
  double bar[NEAP_PLAN_INPUTS];
  for (int k = 0; k < NEAP_PLAN_INPUTS; k++)
    bar[k] = neap_plan_reads(p, k) ? number_field(L, 2, input_names[k]) : NAN;
  int64_t time = neap_plan_reads_time(p) ? time_field(L, 2) : NEAP_NAT;
  double *out = lua_newuserdatauv(L, (size_t)(p->columns + 1) * sizeof *out, 0);
  neap_lua_check(L, neap_plan_stream_push(*s, time, bar, out));
  for (int c = 0; c < p->columns; c++) {
    lua_pushnumber(L, out[c]);
    lua_rawseti(L, 3, c + 1);
  }
  lua_pushvalue(L, 3);
  return 1;
}

void neap__lua_add_plans(lua_State *L) {
  static const luaL_Reg plan_methods[] = {
      {"run", p_run}, {"stream", p_stream}, {"__gc", p_close}, {NULL, NULL}};
  static const luaL_Reg stream_methods[] = {{"push", s_push}, {"__gc", s_close}, {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"plan", l_plan}, {"cross", l_cross}, {"survey", l_survey}, {NULL, NULL}};
  neap_lua_class(L, PLAN, plan_methods);
  neap_lua_class(L, STREAM, stream_methods);
  luaL_setfuncs(L, functions, 0);
}
