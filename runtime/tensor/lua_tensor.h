/* lua_tensor.h — tensors as Lua values, for every binding above. */
#ifndef NEAP_TENSOR_LUA_TENSOR_H
#define NEAP_TENSOR_LUA_TENSOR_H

#include "base/lua_base.h"
#include "tensor/tensor.h"

/* The tensor at arg; a closed one is an error that says so, and so is one that takes part in a
 * gradient that is being recorded: whoever would forget that refuses it. */
neap_tensor *neap_lua_check_tensor(lua_State *L, int arg);

/* The same, traced or not: for functions that record what they do (record.h), or only look. */
neap_tensor *neap_lua_traced_tensor(lua_State *L, int arg);

/* The tensor at arg, or NULL when it is none. */
neap_tensor *neap_lua_to_tensor(lua_State *L, int arg);

/* The n tensors, traced or not, in the array at arg, as an array that Lua owns, pushed. */
const neap_tensor **neap_lua_tensor_list(lua_State *L, int arg, int *n);

/* Push an empty tensor for the core to fill: owned by Lua from the first moment. */
neap_tensor *neap_lua_push_tensor(lua_State *L);

/* Push a tensor holding the tensor at arg as a contiguous array of dtype (a view when it is one
 * already). Raises, with the name of the argument, when it cannot be. The C array is
 * neap_tensor_data(result). */
neap_tensor *neap_lua_push_as(lua_State *L, int arg, neap_dtype dtype, const char *name);

/* The same, and it must have one dimension; n receives its length. */
neap_tensor *neap_lua_push_series(lua_State *L, int arg, neap_dtype dtype, const char *name,
                                  int64_t *n);

#endif
