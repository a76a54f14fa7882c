/* lua_columns.h — what options say of single columns, from Lua. */
#ifndef NEAP_TREE_LUA_COLUMNS_H
#define NEAP_TREE_LUA_COLUMNS_H

#include "tensor/lua_tensor.h"
#include "tree/tree.h"

/* The lists of the table at arg for so many features, in userdata left on the stack. */
const neap_gbdt_columns *neap__lua_columns(lua_State *L, int arg, int64_t features);

#endif
