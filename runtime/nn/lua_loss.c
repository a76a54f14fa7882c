/* Losses in Lua, positional; their options are in lualib/neap/nn/loss.lua. */
#include <string.h>

#include "nn/loss.h"
#include "nn/lua_parts.h"

/* The kind of loss is the closure's upvalue. */
static int kind_of(lua_State *L) { return (int)lua_tointeger(L, lua_upvalueindex(1)); }

static neap_loss_join check_join(lua_State *L, int arg) {
  static const char *const names[] = {"mean", "sum", "none"};
  if (lua_isnoneornil(L, arg)) return NEAP_LOSS_MEAN;
  const char *text = lua_tostring(L, arg);
  if (!text) neap_lua_expected(L, arg, "a string");
  for (int i = 0; i < 3; i++)
    if (strcmp(text, names[i]) == 0) return (neap_loss_join)i;
  char name[NEAP_LUA_NAME];
  return (neap_loss_join)neap_lua_raise(L, "%s is '%s', not one of mean sum none",
                                        neap_lua_parameter(L, arg, name), text);
}

/* A loss that is recorded stays a tensor; else one number is a Lua number. */
static int done(lua_State *L, neap_status st) {
  neap_lua_check(L, st);
  const neap_tensor *out = neap_lua_traced_tensor(L, -1);
  if (out->ndim == 0 && !out->trace) lua_pushnumber(L, neap_tensor_get_f64(out, NULL));
  neap_lua_charge(L);
  return 1;
}

/* mse(x, y, weights, reduction, third): third is what the kind of loss takes besides */
static int l_loss(lua_State *L) {
  neap_loss kind = (neap_loss)kind_of(L);
  const neap_tensor *x = neap_lua_traced_tensor(L, 1), *third = NULL;
  const neap_tensor *y =
      kind <= NEAP_LOSS_HUBER ? neap_lua_traced_tensor(L, 2) : neap_lua_check_tensor(L, 2);
  neap_loss_options o = {.weights = neap__lua_optional_plain(L, 3), .join = check_join(L, 4)};
  neap_scalar number;
  if (lua_type(L, 5) == LUA_TNUMBER) {
    neap_scalar_f64(&number, NEAP_F64, lua_tonumber(L, 5));
    third = &number.t;
  } else if (kind == NEAP_LOSS_HUBER || kind == NEAP_LOSS_QUANTILE) {
    third = neap_lua_check_tensor(L, 5);
  } else {
    third = neap__lua_optional_plain(L, 5);
  }
  return done(L, neap_nn_loss(neap_lua_push_tensor(L), kind, x, y, third, &o));
}

/* cross_entropy(x, y, weights, reduction, class_weights, ignored, parameter): the parameter is the
 * smoothing of cross_entropy and the gamma of focal */
static int l_class_loss(lua_State *L) {
  neap_class_loss kind = (neap_class_loss)kind_of(L);
  const neap_tensor *x = neap_lua_traced_tensor(L, 1), *y = neap_lua_check_tensor(L, 2);
  neap_class_options o = {
      .common = {.weights = neap__lua_optional_plain(L, 3), .join = check_join(L, 4)},
      .class_weights = neap__lua_optional_plain(L, 5),
      .ignores = !lua_isnoneornil(L, 6)};
  if (o.ignores) o.ignored = neap_lua_whole(L, 6);
  double parameter = lua_isnoneornil(L, 7) ? 0 : neap_lua_number(L, 7);
  *(kind == NEAP_FOCAL ? &o.gamma : &o.smoothing) = parameter;
  return done(L, neap_nn_class_loss(neap_lua_push_tensor(L), kind, x, y, &o));
}

void neap__lua_loss(lua_State *L) {
  static const struct {
    const char *name, *parameters;
    lua_CFunction fn;
    int kind;
  } all[] = {
      {"mse", "x y weights reduction", l_loss, NEAP_LOSS_MSE},
      {"l1", "x y weights reduction", l_loss, NEAP_LOSS_L1},
      {"huber", "x y weights reduction delta", l_loss, NEAP_LOSS_HUBER},
      {"quantile", "x y weights reduction levels", l_loss, NEAP_LOSS_QUANTILE},
      {"bce_with_logits", "x y weights reduction pos_weight", l_loss, NEAP_LOSS_BCE},
      {"kl_div", "x y weights reduction", l_loss, NEAP_LOSS_KL},
      {"kl_div_log", "x y weights reduction", l_loss, NEAP_LOSS_KL_LOG},
      {"cross_entropy", "x y weights reduction class_weights ignore_index label_smoothing",
       l_class_loss, NEAP_CROSS_ENTROPY},
      {"focal", "x y weights reduction class_weights ignore_index gamma", l_class_loss, NEAP_FOCAL},
      {"nll", "x y weights reduction class_weights ignore_index", l_class_loss, NEAP_NLL}};
  enum { COUNT = sizeof all / sizeof *all };
  neap_lua_signature signatures[COUNT + 1] = {{NULL, NULL, NULL}};
  for (int i = 0; i < COUNT; i++) {
    lua_pushinteger(L, all[i].kind);
    lua_pushcclosure(L, all[i].fn, 1);
    lua_setfield(L, -2, all[i].name);
    signatures[i] = (neap_lua_signature){all[i].name, all[i].parameters, NULL};
  }
  neap_lua_sign(L, signatures);
}
