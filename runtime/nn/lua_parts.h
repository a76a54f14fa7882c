/* lua_parts.h — private: the pieces that the binding of nn is put together from. */
#ifndef NEAP_NN_LUA_PARTS_H
#define NEAP_NN_LUA_PARTS_H

#include "tensor/lua_tensor.h"

/* The tensor at arg, traced or not, or NULL for nil. */
const neap_tensor *neap__lua_optional_tensor(lua_State *L, int arg);

/* The same for what has no gradient: a traced tensor is refused. */
const neap_tensor *neap__lua_optional_plain(lua_State *L, int arg);

/* Each adds its functions to the module table at the top of the stack. */
void neap__lua_conv(lua_State *L); /* convolutions, pooling */
void neap__lua_norm(lua_State *L); /* normalisation, dropout, embeddings, attention */
void neap__lua_recurrent(lua_State *L);
void neap__lua_loss(lua_State *L);
void neap__lua_optim(lua_State *L);
void neap__lua_stream(lua_State *L); /* rings of rows */

#endif
