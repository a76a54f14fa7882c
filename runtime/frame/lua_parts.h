/* lua_parts.h — private: the pieces that the frame binding is put together from. */
#ifndef NEAP_FRAME_LUA_PARTS_H
#define NEAP_FRAME_LUA_PARTS_H

#include <lua.h>

/* Each adds its functions to the module table at the top of the stack. */
void neap__lua_add_frame_joins(lua_State *L);
void neap__lua_add_groups(lua_State *L);
void neap__lua_add_read(lua_State *L);
void neap__lua_add_dataset(lua_State *L);
void neap__lua_add_labels(lua_State *L);
void neap__lua_add_windows(lua_State *L);
void neap__lua_add_preprocess(lua_State *L);
void neap__lua_add_resample(lua_State *L);
void neap__lua_add_times(lua_State *L);

#endif
