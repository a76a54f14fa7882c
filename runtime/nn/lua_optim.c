/* Optimizers in Lua. An optimizer keeps the tensors it changes alive as its user value. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "nn/lua_parts.h"
#include "nn/optim.h"

static const char OPTIMIZER[] = "neap.optimizer";
static const char *const methods[] = {"SGD", "Adam", "AdamW", "RMSProp", "Lion", "ema", NULL};
static const char *const names[] = {"optim.SGD",     "optim.Adam", "optim.AdamW",
                                    "optim.RMSProp", "optim.Lion", "optim.ema"};

/* parameters ----------------------------------------------------------------------------------- */

/* A buffer on the stack with the tensors of the array at arg. */
static neap_tensor **push_list(lua_State *L, int arg, int64_t *n) {
  neap_lua_table(L, arg);
  *n = (int64_t)lua_rawlen(L, arg);
  neap_tensor **list = lua_newuserdatauv(L, (size_t)(*n + 1) * sizeof *list, 0);
  for (int64_t i = 0; i < *n; i++) {
    lua_rawgeti(L, arg, i + 1);
    neap_tensor *t = neap_lua_to_tensor(L, -1);
    if (!t || !t->storage)
      neap_lua_raise(L, "%s[%lld] must be a tensor, got %s",
                     neap_lua_parameter(L, arg, (char[NEAP_LUA_NAME]){0}), (long long)i + 1,
                     t ? "one that was closed" : neap_lua_kind(L, -1));
    list[i] = t;
    lua_pop(L, 1);
  }
  return list;
}

static neap_optimizer *check_optimizer(lua_State *L, int arg) {
  neap_optimizer *o = luaL_checkudata(L, arg, OPTIMIZER);
  if (!o->work) neap_lua_raise(L, "optimizer was closed");
  return o;
}

static int o_close(lua_State *L) {
  neap_optim_drop(luaL_checkudata(L, 1, OPTIMIZER));
  return 0;
}

/* The groups of n parameters, of which the table at arg holds one number each, rising from 1. */
static int *push_groups(lua_State *L, int arg, int64_t n) {
  int *group = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *group, 0);
  for (int64_t i = 0; i < n; i++) {
    lua_rawgeti(L, arg, i + 1);
    group[i] = (int)neap_lua_integer(L, -1, i > 0 ? group[i - 1] + 1 : 1, n, "group") - 1;
    lua_pop(L, 1);
  }
  return group;
}

/* optimizer(method, tensors, groups) */
static int l_optimizer(lua_State *L) {
  int method = luaL_checkoption(L, 1, NULL, methods);
  int64_t n;
  neap_lua_table(L, 3);
  lua_settop(L, 3);
  neap_tensor **list = push_list(L, 2, &n);
  int *group = push_groups(L, 3, n);
  neap_optimizer *o = lua_newuserdatauv(L, sizeof *o, 1);
  memset(o, 0, sizeof *o);
  luaL_setmetatable(L, OPTIMIZER);
  lua_createtable(L, (int)n, 0); /* of its own: the user's table may change */
  for (int64_t i = 1; i <= n; i++) {
    lua_rawgeti(L, 2, i);
    lua_rawseti(L, -2, i);
  }
  lua_setiuservalue(L, -2, 1);
  return neap_lua_done(
      L, neap_optim_init(o, names[method], (neap_optim_method)method, n, list, group));
}

/* options -------------------------------------------------------------------------------------- */

static int check_group(lua_State *L, const neap_optimizer *o, int arg) {
  return (int)neap_lua_integer(L, arg, 1, o->groups, "group") - 1;
}

/* get(group, name) -> the option's value, or nil when the method has none such */
static int o_get(lua_State *L) {
  const neap_optimizer *o = check_optimizer(L, 1);
  int group = check_group(L, o, 2);
  const char *name = luaL_checkstring(L, 3);
  for (int k = 0; neap_optim_options[k]; k++) {
    if (strcmp(neap_optim_options[k], name) != 0 || !(neap_optim_has(o->method) >> k & 1)) continue;
    if (k >= NEAP_OPTIM_NESTEROV) lua_pushboolean(L, o->option[group][k] > 0);
    else lua_pushnumber(L, o->option[group][k]);
    return 1;
  }
  return 0;
}

/* set(group, name, value) -> is there such an option? */
static int o_set(lua_State *L) {
  neap_optimizer *o = check_optimizer(L, 1);
  int group = check_group(L, o, 2), flag;
  const char *name = luaL_checkstring(L, 3);
  for (int k = 0; neap_optim_options[k]; k++) {
    if (strcmp(neap_optim_options[k], name) != 0 || !(neap_optim_has(o->method) >> k & 1)) continue;
    flag = k >= NEAP_OPTIM_NESTEROV;
    if (lua_type(L, 4) != (flag ? LUA_TBOOLEAN : LUA_TNUMBER))
      neap_lua_raise(L, "%s: %s must be a %s, got %s", o->name, name, flag ? "boolean" : "number",
                     neap_lua_kind(L, 4));
    double v = flag ? lua_toboolean(L, 4) : lua_tonumber(L, 4);
    neap_lua_check(L, neap_optim_set(o, group, (neap_optim_option)k, v));
    lua_pushboolean(L, true);
    return 1;
  }
  lua_pushboolean(L, false);
  return 1;
}

/* work ----------------------------------------------------------------------------------------- */

static int o_step(lua_State *L) {
  neap_lua_check(L, neap_optim_step(check_optimizer(L, 1)));
  return 0;
}

static int o_zero_grad(lua_State *L) {
  neap_optim_zero_grad(check_optimizer(L, 1));
  return 0;
}

static int o_swap(lua_State *L) {
  neap_optimizer *o = check_optimizer(L, 1);
  if (o->method != NEAP_OPTIM_EMA) neap_lua_raise(L, "%s: has no means to swap", o->name);
  neap_lua_check(L, neap_optim_swap(o));
  return 0;
}

/* states --------------------------------------------------------------------------------------- */

static neap_optim_param *check_param(lua_State *L, const neap_optimizer *o, int arg) {
  return &o->param[neap_lua_integer(L, arg, 1, o->n, "parameter") - 1];
}

/* state(i) -> {name = copy} of parameter i, its steps, its group */
static int o_state(lua_State *L) {
  const neap_optimizer *o = check_optimizer(L, 1);
  const neap_optim_param *q = check_param(L, o, 2);
  lua_newtable(L);
  for (int k = 0; neap_optim_state_name(o->method, k); k++) {
    bool begun = q->steps > 0 || o->method == NEAP_OPTIM_EMA;
    if (!q->state[k].storage || !begun) continue;
    neap_lua_check(L, neap_tensor_clone(neap_lua_push_tensor(L), &q->state[k]));
    lua_setfield(L, -2, neap_optim_state_name(o->method, k));
  }
  lua_pushinteger(L, q->steps);
  lua_pushinteger(L, q->group + 1);
  neap_lua_charge(L);
  return 3;
}

/* restore(i, {name = tensor}, steps): names that the method lacks are not looked at */
static int o_restore(lua_State *L) {
  neap_optimizer *o = check_optimizer(L, 1);
  neap_optim_param *q = check_param(L, o, 2);
  neap_lua_table(L, 3);
  int64_t steps = neap_lua_integer(L, 4, 0, INT64_MAX / 2, "steps");
  for (int k = 0; neap_optim_state_name(o->method, k); k++) {
    lua_getfield(L, 3, neap_optim_state_name(o->method, k));
    const neap_tensor *t = lua_isnil(L, -1) ? NULL : neap_lua_check_tensor(L, -1);
    neap_lua_check(L, neap_optim_restore(o, q - o->param, k, t));
    lua_pop(L, 1);
  }
  q->steps = steps;
  neap_lua_charge(L);
  return 0;
}

/* clipping ------------------------------------------------------------------------------------- */

/* clip_norm(parameters, max, norm_type, finite) -> the norm */
static int l_clip_norm(lua_State *L) {
  int64_t n;
  double max = neap_lua_number(L, 2), kind = neap_lua_number(L, 3), norm;
  bool finite = lua_toboolean(L, 4);
  if (!(max >= 0)) neap_lua_raise(L, "clip_norm: max_norm is %g, must not be negative", max);
  if (kind != 1 && kind != 2 && kind != INFINITY)
    neap_lua_raise(L, "clip_norm: norm_type is %g, allowed are 1, 2 and math.huge", kind);
  neap_tensor **list = push_list(L, 1, &n);
  neap_lua_check(L, neap_optim_clip_norm(&norm, n, list, max, kind, finite));
  lua_pushnumber(L, norm);
  return 1;
}

/* clip_value(parameters, max) */
static int l_clip_value(lua_State *L) {
  int64_t n;
  double max = neap_lua_number(L, 2);
  if (!(max >= 0)) neap_lua_raise(L, "clip_value: max is %g, must not be negative", max);
  neap_tensor **list = push_list(L, 1, &n);
  neap_lua_check(L, neap_optim_clip_value(n, list, max));
  return 0;
}

/* registration --------------------------------------------------------------------------------- */

static const luaL_Reg optimizer_methods[] = {
    {"get", o_get},   {"set", o_set},     {"step", o_step},       {"zero_grad", o_zero_grad},
    {"swap", o_swap}, {"state", o_state}, {"restore", o_restore}, {"__gc", o_close},
    {NULL, NULL}};
static const luaL_Reg functions[] = {{"optimizer", l_optimizer},
                                     {"clip_norm", l_clip_norm},
                                     {"clip_value", l_clip_value},
                                     {NULL, NULL}};
static const neap_lua_signature signatures[] = {
    {"optimizer", "method parameters groups", NULL},
    {"clip_norm", "parameters max_norm norm_type finite", NULL},
    {"clip_value", "parameters max", NULL},
    {NULL, NULL, NULL}};

void neap__lua_optim(lua_State *L) {
  neap_lua_class(L, OPTIMIZER, optimizer_methods);
  luaL_setfuncs(L, functions, 0);
  neap_lua_sign(L, signatures);
}
