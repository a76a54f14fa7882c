/* Convolutions and pooling in Lua, positional; the classes are in lualib/neap/nn. */
#include "nn/conv.h"
#include "nn/lua_parts.h"

static const char *const bends[] = {"none", "relu", "leaky_relu", "tanh", "sigmoid", NULL};

/* A pair of integers, height or time and width, at arg and arg + 1. */
static void pair(lua_State *L, int arg, int64_t *to) {
  for (int d = 0; d < 2; d++) to[d] = neap_lua_whole(L, arg + d);
}

/* conv(x, weight, bias, activation, slope, stride.., before.., after.., dilation.., groups) */
static int l_conv(lua_State *L) {
  const neap_tensor *x = neap_lua_traced_tensor(L, 1), *w = neap_lua_traced_tensor(L, 2);
  const neap_tensor *bias = neap__lua_optional_tensor(L, 3);
  neap_conv_options o = {.bend = (neap_bend)luaL_checkoption(L, 4, NULL, bends),
                         .slope = neap_lua_number(L, 5)};
  pair(L, 6, o.stride);
  pair(L, 8, o.before);
  pair(L, 10, o.after);
  pair(L, 12, o.dilation);
  o.groups = neap_lua_whole(L, 14);
  return neap_lua_done(L, neap_nn_conv(neap_lua_push_tensor(L), x, w, bias, &o));
}

/* conv_transpose(x, weight, bias, stride, padding, dilation, groups, extra) */
static int l_conv_transpose(lua_State *L) {
  const neap_tensor *x = neap_lua_traced_tensor(L, 1), *w = neap_lua_traced_tensor(L, 2);
  const neap_tensor *bias = neap__lua_optional_tensor(L, 3);
  neap_conv_options o = {.stride = {neap_lua_whole(L, 4)},
                         .before = {neap_lua_whole(L, 5)},
                         .dilation = {neap_lua_whole(L, 6)},
                         .groups = neap_lua_whole(L, 7)};
  o.after[0] = o.before[0];
  int64_t extra = neap_lua_whole(L, 8);
  return neap_lua_done(L, neap_nn_conv_transpose(neap_lua_push_tensor(L), x, w, bias, extra, &o));
}

/* pool(x, kind, size.., stride.., padding.., ceil, count_padding) */
static int l_pool(lua_State *L) {
  static const char *const kinds[] = {"max", "avg", "adaptive_avg", NULL};
  const neap_tensor *x = neap_lua_traced_tensor(L, 1);
  neap_pool_options o = {.kind = (neap_pool)luaL_checkoption(L, 2, NULL, kinds)};
  pair(L, 3, o.size);
  pair(L, 5, o.stride);
  pair(L, 7, o.padding);
  o.ceil = lua_toboolean(L, 9);
  o.count_padding = lua_toboolean(L, 10);
  return neap_lua_done(L, neap_nn_pool(neap_lua_push_tensor(L), x, &o));
}

void neap__lua_conv(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"conv", l_conv}, {"conv_transpose", l_conv_transpose}, {"pool", l_pool}, {NULL, NULL}};
  static const neap_lua_signature signatures[] = {
      {"conv",
       "x weight bias activation slope stride stride_width before before_width after after_width "
       "dilation dilation_width groups",
       NULL},
      {"conv_transpose", "x weight bias stride padding dilation groups output_padding", NULL},
      {"pool",
       "x kind size size_width stride stride_width padding padding_width "
       "ceil_mode "
       "count_include_pad",
       NULL},
      {NULL, NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  neap_lua_sign(L, signatures);
}
