/* lua_parts.h — private: what the files of the binding share. */
#ifndef NEAP_TA_LUA_PARTS_H
#define NEAP_TA_LUA_PARTS_H

#include "base/lua_base.h"
#include "ta/ta.h"

/* The array of parameter values at arg, in the order of the table, checked. */
void neap__lua_ta_params(lua_State *L, int arg, const neap_ta_indicator *ta, double *param);

/* Adds its functions to the module table at the top of the stack. */
void neap__lua_add_plans(lua_State *L);

#endif
