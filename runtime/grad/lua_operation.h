/* lua_operation.h — private to grad's binding: operations whose gradient is a Lua function. */
#ifndef NEAP_GRAD_LUA_OPERATION_H
#define NEAP_GRAD_LUA_OPERATION_H

#include "grad/grad.h"
#include "tensor/lua_tensor.h"

/* Prepare L, once, for what follows. */
void neap__lua_open_operations(lua_State *L);

/* operation(name, backward, inputs, results, saved) -> the results again, in an array, as what a
 * recorded operation gave: backward gets the gradients of the results (nil where nothing flowed)
 * and returns those of the inputs (nil for none). */
int neap__lua_operation(lua_State *L);

/* neap_grad_backward, with L for such functions to run in; what one raises is raised again. */
void neap__lua_backward(lua_State *L, const neap_tensor *t, const neap_tensor *seed, bool retain);

#endif
