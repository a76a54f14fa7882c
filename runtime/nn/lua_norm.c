/* Normalisation, dropout, embeddings and attention in Lua, positional. */
#include "nn/attention.h"
#include "nn/lua_parts.h"
#include "nn/norm.h"

/* layer_norm(x, weight, bias, eps, size...) */
static int l_layer_norm(lua_State *L) {
  const neap_tensor *x = neap_lua_traced_tensor(L, 1);
  const neap_tensor *w = neap__lua_optional_tensor(L, 2), *b = neap__lua_optional_tensor(L, 3);
  double eps = neap_lua_number(L, 4);
  int64_t shape[NEAP_MAX_DIMS];
  int dims = lua_gettop(L) - 4;
  if (dims < 1 || dims > NEAP_MAX_DIMS)
    return neap_lua_raise(L, "layer_norm: %d dimensions to normalise, not 1 .. %d", dims,
                          NEAP_MAX_DIMS);
  for (int d = 0; d < dims; d++) shape[d] = neap_lua_integer(L, 5 + d, 0, INT64_MAX, "size");
  return neap_lua_done(L, neap_nn_layer_norm(neap_lua_push_tensor(L), x, w, b, dims, shape, eps));
}

/* group_norm(x, weight, bias, groups, eps) */
static int l_group_norm(lua_State *L) {
  const neap_tensor *x = neap_lua_traced_tensor(L, 1);
  const neap_tensor *w = neap__lua_optional_tensor(L, 2), *b = neap__lua_optional_tensor(L, 3);
  int64_t groups = neap_lua_whole(L, 4);
  double eps = neap_lua_number(L, 5);
  return neap_lua_done(L, neap_nn_group_norm(neap_lua_push_tensor(L), x, w, b, groups, eps));
}

/* batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps) */
static int l_batch_norm(lua_State *L) {
  const neap_tensor *x = neap_lua_traced_tensor(L, 1);
  const neap_tensor *w = neap__lua_optional_tensor(L, 2), *b = neap__lua_optional_tensor(L, 3);
  bool running = !lua_isnil(L, 4);
  neap_batch_norm_options o = {.mean = running ? neap_lua_check_tensor(L, 4) : NULL,
                               .var = running ? neap_lua_check_tensor(L, 5) : NULL,
                               .training = lua_toboolean(L, 6),
                               .momentum = neap_lua_number(L, 7),
                               .eps = neap_lua_number(L, 8)};
  return neap_lua_done(L, neap_nn_batch_norm(neap_lua_push_tensor(L), x, w, b, &o));
}

/* dropout(x, p, key) */
static int l_dropout(lua_State *L) {
  const neap_tensor *x = neap_lua_traced_tensor(L, 1);
  double p = neap_lua_number(L, 2);
  uint64_t key = (uint64_t)neap_lua_whole(L, 3);
  return neap_lua_done(L, neap_nn_dropout(neap_lua_push_tensor(L), x, p, key));
}

/* embedding(index, weight, padding_idx or 0) */
static int l_embedding(lua_State *L) {
  const neap_tensor *index = neap_lua_check_tensor(L, 1), *w = neap_lua_traced_tensor(L, 2);
  int64_t padding = neap_lua_whole(L, 3);
  return neap_lua_done(L, neap_nn_embedding(neap_lua_push_tensor(L), index, w, padding));
}

/* attention(q, k, v, heads, causal, mask, padding, lengths, dropout, stream, weights) -> y, weights
 */
static int l_attention(lua_State *L) {
  const neap_tensor *q = neap_lua_traced_tensor(L, 1);
  const neap_tensor *k = neap__lua_optional_tensor(L, 2), *v = neap__lua_optional_tensor(L, 3);
  neap_attention_options o = {.heads = neap_lua_whole(L, 4),
                              .causal = lua_toboolean(L, 5),
                              .mask = neap__lua_optional_plain(L, 6),
                              .padding = neap__lua_optional_plain(L, 7),
                              .lengths = neap__lua_optional_plain(L, 8),
                              .dropout = neap_lua_number(L, 9),
                              .key = (uint64_t)neap_lua_whole(L, 10)};
  bool wanted = lua_toboolean(L, 11);
  neap_tensor *weights = wanted ? neap_lua_push_tensor(L) : NULL;
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_nn_attention(out, weights, q, k, v, &o));
  if (wanted) lua_insert(L, -2); /* out, weights */
  neap_lua_charge(L);
  return wanted ? 2 : 1;
}

void neap__lua_norm(lua_State *L) {
  static const luaL_Reg functions[] = {{"layer_norm", l_layer_norm},
                                       {"group_norm", l_group_norm},
                                       {"batch_norm", l_batch_norm},
                                       {"dropout", l_dropout},
                                       {"embedding", l_embedding},
                                       {"attention", l_attention},
                                       {NULL, NULL}};
  static const neap_lua_signature signatures[] = {
      {"layer_norm", "x weight bias eps size...", NULL},
      {"group_norm", "x weight bias num_groups eps", NULL},
      {"batch_norm", "x weight bias running_mean running_var training momentum eps", NULL},
      {"dropout", "x p key", NULL},
      {"embedding", "index weight padding_idx", NULL},
      {"attention", "query key value num_heads causal mask padding lengths dropout stream weights",
       NULL},
      {NULL, NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  neap_lua_sign(L, signatures);
}
