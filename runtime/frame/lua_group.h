/* lua_group.h — private: columns as Lua tables, for the bindings of group.h. */
#ifndef NEAP_FRAME_LUA_GROUP_H
#define NEAP_FRAME_LUA_GROUP_H

#include "frame/group.h"
#include "tensor/lua_tensor.h"

/* The series that the table at arg describes: { values, kind, name, labels, rank, places }, the
 * last three for categories, rank nil where codes are in order. What it points to is pushed. */
neap_series neap__lua_series(lua_State *L, int arg);

/* The array of such tables at arg; all have rows rows (-1: takes that of the first, 0 without).
 * What it points to is pushed, the array last. */
neap_series *neap__lua_keys(lua_State *L, int arg, int *count, int64_t *rows);

/* The groups at arg, or NULL for nil. */
neap_groups *neap__lua_groups(lua_State *L, int arg);

#endif
