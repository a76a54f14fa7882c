/* Recurrent layers in Lua; the classes are in lualib/neap/nn/recurrent.lua. */
#include "nn/lua_parts.h"
#include "nn/recurrent.h"

static const char CELLS[] = "neap.nn.cells";
enum { LAYERS = 64 }; /* at most: arguments live on the stacks of both languages */

/* How cells stand, and their weights as the loops read them: those of the first layer's directions
 * first. */
typedef struct {
  neap_cell cell;
  int layers, directions;
  neap_recurrent_pack packs[];
} cells;

/* cells(kind, layers, directions) */
static int l_cells(lua_State *L) {
  static const char *const kinds[] = {"lstm", "gru", "rnn_tanh", "rnn_relu", NULL};
  int kind = luaL_checkoption(L, 1, NULL, kinds);
  int layers = (int)neap_lua_integer(L, 2, 1, LAYERS, "num_layers");
  int directions = (int)neap_lua_integer(L, 3, 1, 2, "directions");
  size_t packs = (size_t)(layers * directions) * sizeof(neap_recurrent_pack);
  cells *c = lua_newuserdatauv(L, sizeof *c + packs, 0);
  *c = (cells){.cell = (neap_cell)kind, .layers = layers, .directions = directions};
  for (int k = 0; k < layers * directions; k++) c->packs[k] = (neap_recurrent_pack){0};
  luaL_setmetatable(L, CELLS);
  return 1;
}

static int m_gc(lua_State *L) {
  cells *c = luaL_checkudata(L, 1, CELLS);
  for (int k = 0; k < c->layers * c->directions; k++) neap_recurrent_unpack(&c->packs[k]);
  return 0;
}

/* The weights of one direction from the list at arg, where they begin behind at; they stay on the
 * stack. */
static neap_recurrent_weights push_weights(lua_State *L, int arg, int at) {
  const neap_tensor *w[4];
  for (int k = 0; k < 4; k++) {
    bool there = lua_rawgeti(L, arg, at + k + 1) != LUA_TBOOLEAN;
    w[k] = there ? neap_lua_traced_tensor(L, lua_gettop(L)) : NULL;
  }
  if (!w[0] || !w[1]) neap_lua_raise(L, "recurrent: a weight is missing");
  return (neap_recurrent_weights){w[0], w[1], w[2], w[3]};
}

/* recurrent(cells, layer, weights, x, h, c, lengths) -> y, h, c */
static int l_recurrent(lua_State *L) {
  lua_settop(L, 7);
  cells *c = luaL_checkudata(L, 1, CELLS);
  int layer = (int)neap_lua_position(L, 2, c->layers, "layer");
  neap_lua_table(L, 3);
  luaL_checkstack(L, 8 * c->directions, NULL);
  const neap_tensor *x = neap_lua_traced_tensor(L, 4), *h0 = neap__lua_optional_tensor(L, 5);
  const neap_tensor *c0 = neap__lua_optional_tensor(L, 6);
  const neap_tensor *lengths = neap__lua_optional_plain(L, 7);
  neap_recurrent r = {.cell = c->cell, .directions = c->directions};
  int first = layer * c->directions;
  for (int d = 0; d < c->directions; d++) r.weights[d] = push_weights(L, 3, 4 * (first + d));
  neap_tensor *y = neap_lua_push_tensor(L), *h_n = neap_lua_push_tensor(L);
  neap_tensor *c_n = neap_lua_push_tensor(L);
  neap_lua_done(L, neap_nn_recurrent(y, h_n, c_n, &r, x, h0, c0, lengths, &c->packs[first]));
  return c->cell == NEAP_LSTM ? 3 : (lua_pop(L, 1), 2);
}

/* recurrent_step(cells, weights, x, h, c) -> the last layer's h */
static int l_recurrent_step(lua_State *L) {
  lua_settop(L, 5);
  cells *c = luaL_checkudata(L, 1, CELLS);
  neap_lua_table(L, 2);
  luaL_checkstack(L, 4 * c->layers + 4, NULL);
  const neap_tensor *x = neap_lua_check_tensor(L, 3);
  neap_tensor *h = neap_lua_check_tensor(L, 4);
  neap_tensor *state = c->cell == NEAP_LSTM ? neap_lua_check_tensor(L, 5) : NULL;
  neap_recurrent r[LAYERS];
  for (int k = 0; k < c->layers; k++) {
    r[k].cell = c->cell;
    r[k].directions = 1;
    r[k].weights[0] = push_weights(L, 2, 4 * k);
  }
  return neap_lua_done(
      L, neap_nn_recurrent_step(neap_lua_push_tensor(L), c->layers, r, x, h, state, c->packs));
}

void neap__lua_recurrent(lua_State *L) {
  static const luaL_Reg functions[] = {{"cells", l_cells},
                                       {"recurrent", l_recurrent},
                                       {"recurrent_step", l_recurrent_step},
                                       {NULL, NULL}};
  static const neap_lua_signature signatures[] = {
      {"cells", "kind num_layers directions", NULL},
      {"recurrent", "cells layer weights x h c lengths", NULL},
      {"recurrent_step", "cells weights x h c", "step"},
      {NULL, NULL, NULL}};
  static const luaL_Reg methods[] = {{"__gc", m_gc}, {NULL, NULL}};
  neap_lua_class(L, CELLS, methods);
  luaL_setfuncs(L, functions, 0);
  neap_lua_sign(L, signatures);
}
