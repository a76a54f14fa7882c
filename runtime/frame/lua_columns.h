/* lua_columns.h — columns between C and Lua, for the bindings that read or write whole tables. */
#ifndef NEAP_FRAME_LUA_COLUMNS_H
#define NEAP_FRAME_LUA_COLUMNS_H

#include "frame/frame.h"
#include "tensor/lua_tensor.h"

/* The strings of the array at arg, or NULL for none, in a userdata left on the stack; their text
 * belongs to the array. what names it in messages. */
const char **neap_lua_push_texts(lua_State *L, int arg, const char *what, int64_t *n);

/* An empty table, owned by a userdata left on the stack. */
neap_table *neap_lua_push_table(lua_State *L);

/* Move a table's columns into an array of {name, kind, tensor, labels} left on the stack; t is
 * empty then. Returns 1, as a binding does. */
int neap_lua_push_columns(lua_State *L, neap_table *t);

/* Borrow *n columns of equal length from four arrays at arg on: names, kinds, tensors, and labels
 * or false. What they point to stays anchored on the stack. */
const neap_column *neap_lua_check_columns(lua_State *L, int arg, const char *what, int64_t *n);

/* Once for each state, by every module that calls the above. */
void neap_lua_columns_class(lua_State *L);

#endif
