/* Indicators as Lua calls them: the table of what there is, whole series, streams. */
#include <string.h>

#include "ta/lua_parts.h"
#include "ta/ta.h"
#include "tensor/lua_tensor.h"

static const char STREAM[] = "neap.ta.stream";
static const char *const input_names[] = {"series", "open", "high", "low", "close", "volume"};
static const char *const unit_names[] = {"ratio", "price", "spread", "square", "flow", "total"};

static const neap_ta_indicator *check_indicator(lua_State *L, int arg) {
  const char *name = luaL_checkstring(L, arg);
  const neap_ta_indicator *ta = neap_ta_find(name);
  if (!ta) neap_lua_raise(L, "ta: there is no indicator '%s'", name);
  return ta;
}

void neap__lua_ta_params(lua_State *L, int arg, const neap_ta_indicator *ta, double *param) {
  luaL_checktype(L, arg, LUA_TTABLE);
  for (int i = 0; i < neap_ta_params(ta); i++) {
    lua_rawgeti(L, arg, i + 1);
    if (lua_type(L, -1) != LUA_TNUMBER)
      neap_lua_raise(L, "%s: %s must be a number, got %s", ta->name, ta->param[i].name,
                     luaL_typename(L, -1));
    param[i] = lua_tonumber(L, -1);
    lua_pop(L, 1);
  }
  neap_lua_check(L, neap_ta_check(ta, param));
}

/* list(): the names, by family. */
static int l_list(lua_State *L) {
  lua_createtable(L, neap_ta_count(), 0);
  for (int i = 0; i < neap_ta_count(); i++) {
    lua_pushstring(L, neap_ta_at(i)->name);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static void set_number(lua_State *L, const char *key, double v, bool integer) {
  if (integer) lua_pushinteger(L, (lua_Integer)v);
  else lua_pushnumber(L, v);
  lua_setfield(L, -2, key);
}

static void push_params(lua_State *L, const neap_ta_indicator *ta) {
  lua_newtable(L);
  for (int i = 0; i < neap_ta_params(ta); i++) {
    const neap_ta_param *p = &ta->param[i];
    lua_newtable(L);
    lua_pushstring(L, p->name);
    lua_setfield(L, -2, "name");
    lua_pushboolean(L, p->integer);
    lua_setfield(L, -2, "integer");
    set_number(L, "low", p->low, p->integer);
    set_number(L, "high", p->high, p->integer);
    set_number(L, "default", p->usual, p->integer);
    set_number(L, "talib", p->talib, p->integer);
    lua_rawseti(L, -2, i + 1);
  }
}

/* info(name) */
static int l_info(lua_State *L) {
  const neap_ta_indicator *ta = check_indicator(L, 1);
  lua_newtable(L);
  lua_pushstring(L, ta->name);
  lua_setfield(L, -2, "name");
  lua_pushstring(L, ta->title);
  lua_setfield(L, -2, "title");
  lua_pushboolean(L, ta->talib);
  lua_setfield(L, -2, "talib");
  set_number(L, "low", ta->low, false);
  set_number(L, "high", ta->high, false);
  push_params(L, ta);
  lua_setfield(L, -2, "params");
  lua_newtable(L);
  for (int k = 0; k < ta->inputs; k++) {
    lua_pushstring(L, input_names[ta->input[k]]);
    lua_rawseti(L, -2, k + 1);
  }
  lua_setfield(L, -2, "inputs");
  lua_newtable(L);
  lua_newtable(L);
  for (int k = 0; k < ta->outputs; k++) {
    lua_pushstring(L, ta->output[k]);
    lua_rawseti(L, -3, k + 1);
    lua_pushstring(L, unit_names[ta->unit[k]]);
    lua_rawseti(L, -2, k + 1);
  }
  lua_setfield(L, -3, "units");
  lua_setfield(L, -2, "outputs");
  return 1;
}

/* lookback(name, params) */
static int l_lookback(lua_State *L) {
  const neap_ta_indicator *ta = check_indicator(L, 1);
  double param[NEAP_TA_MAX_PARAMS];
  neap__lua_ta_params(L, 2, ta, param);
  lua_pushinteger(L, ta->lookback(param));
  return 1;
}

/* The label of input k in messages: "adx: high". */
static const char *push_label(lua_State *L, const neap_ta_indicator *ta, int k) {
  return lua_pushfstring(L, "%s: %s", ta->name, input_names[ta->input[k]]);
}

/* run(name, params, input, ...): one tensor for each output. */
static int l_run(lua_State *L) {
  const neap_ta_indicator *ta = check_indicator(L, 1);
  double param[NEAP_TA_MAX_PARAMS];
  neap__lua_ta_params(L, 2, ta, param);
  luaL_checkstack(L, 2 * ta->inputs + ta->outputs + 4, ta->name);
  const double *in[NEAP_TA_MAX_INPUTS];
  double *out[NEAP_TA_MAX_OUTPUTS];
  int64_t n = 0, length;
  for (int k = 0; k < ta->inputs; k++) {
    const char *label = push_label(L, ta, k);
    in[k] = neap_tensor_data(neap_lua_push_series(L, 3 + k, NEAP_F64, label, &length));
    if (k > 0 && length != n)
      neap_lua_raise(L, "%s has %lld elements and %s %lld", label, (long long)length,
                     input_names[ta->input[0]], (long long)n);
    n = length;
  }
  for (int k = 0; k < ta->outputs; k++) {
    neap_tensor *t = neap_lua_push_tensor(L);
    neap_lua_check(L, neap_tensor_init_1d(t, NEAP_F64, n));
    out[k] = neap_tensor_data(t);
  }
  neap_lua_check(L, neap_ta_run(ta, param, n, in, out));
  neap_lua_charge(L);
  return ta->outputs;
}

/* streams -------------------------------------------------------------------------------------- */

/* stream(name, params) */
static int l_stream(lua_State *L) {
  const neap_ta_indicator *ta = check_indicator(L, 1);
  double param[NEAP_TA_MAX_PARAMS];
  neap__lua_ta_params(L, 2, ta, param);
  neap_ta_stream **s = lua_newuserdatauv(L, sizeof *s, 0);
  *s = NULL;
  luaL_setmetatable(L, STREAM);
  return neap_lua_done(L, neap_ta_stream_new(s, ta, param));
}

static neap_ta_stream *check_stream(lua_State *L) {
  neap_ta_stream **s = luaL_checkudata(L, 1, STREAM);
  if (!*s) neap_lua_raise(L, "ta.stream was closed");
  return *s;
}

/* Field k of the bar at 2, or the number at 2 for an indicator of one series. */
static double check_input(lua_State *L, const neap_ta_indicator *ta, int k) {
  if (lua_type(L, 2) == LUA_TNUMBER && ta->inputs == 1) return lua_tonumber(L, 2);
  neap_ta_input input = ta->input[k] == NEAP_TA_SERIES ? NEAP_TA_CLOSE : ta->input[k];
  if (!lua_istable(L, 2) && !lua_isuserdata(L, 2))
    neap_lua_raise(L, "%s: a bar is needed, a table with %s, got %s", ta->name, input_names[input],
                   luaL_typename(L, 2));
  lua_getfield(L, 2, input_names[input]);
  if (lua_type(L, -1) != LUA_TNUMBER)
    neap_lua_raise(L, "%s: bar.%s must be a number, got %s", ta->name, input_names[input],
                   luaL_typename(L, -1));
  double v = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return v;
}

/* stream:push(number or bar): one number for each output. */
static int s_push(lua_State *L) {
  neap_ta_stream *s = check_stream(L);
  const neap_ta_indicator *ta = neap_ta_stream_indicator(s);
  double in[NEAP_TA_MAX_INPUTS], out[NEAP_TA_MAX_OUTPUTS];
  for (int k = 0; k < ta->inputs; k++) in[k] = check_input(L, ta, k);
  neap_ta_stream_push(s, in, out);
  for (int k = 0; k < ta->outputs; k++) lua_pushnumber(L, out[k]);
  return ta->outputs;
}

static int s_close(lua_State *L) {
  neap_ta_stream **s = luaL_checkudata(L, 1, STREAM);
  neap_ta_stream_free(*s);
  *s = NULL;
  return 0;
}

static int s_tostring(lua_State *L) {
  neap_ta_stream **s = luaL_checkudata(L, 1, STREAM);
  lua_pushfstring(L, "ta.stream (%s)", *s ? neap_ta_stream_indicator(*s)->name : "closed");
  return 1;
}

static const luaL_Reg methods[] = {
    {"push", s_push}, {"__gc", s_close}, {"__tostring", s_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"list", l_list},         {"info", l_info},
                                     {"lookback", l_lookback}, {"run", l_run},
                                     {"stream", l_stream},     {NULL, NULL}};

NEAP_LUA_EXPORT int luaopen_neap_c_ta(lua_State *L);

int luaopen_neap_c_ta(lua_State *L) {
  neap_lua_class(L, STREAM, methods);
  luaL_newlib(L, functions);
  neap__lua_add_plans(L);
  return 1;
}
