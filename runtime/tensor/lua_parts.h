/* lua_parts.h — private: the pieces that the tensor binding is put together from. */
#ifndef NEAP_TENSOR_LUA_PARTS_H
#define NEAP_TENSOR_LUA_PARTS_H

#include "tensor/lua_tensor.h"

/* Each adds its methods to the metatable at the top of the stack. */
void neap__lua_add_views(lua_State *L);
void neap__lua_add_math(lua_State *L);

/* Each adds its functions to the module table at the top of the stack. */
void neap__lua_add_joins(lua_State *L);
void neap__lua_add_random(lua_State *L);
void neap__lua_add_order(lua_State *L);
void neap__lua_add_files(lua_State *L);
void neap__lua_add_linalg(lua_State *L);
void neap__lua_add_fft(lua_State *L);
void neap__lua_add_reductions(lua_State *L);

/* Raise when t is traced and that is being recorded; name is what messages call it. */
void neap__lua_refuse_traced(lua_State *L, const neap_tensor *t, const char *name);

/* Record an operation on one tensor, whose detail is all zeros or given. */
neap_status neap__record_one(neap_tensor *out, neap_tape_kind kind, const neap_tensor *t);
neap_status neap__record_with(neap_tensor *out, neap_tape_kind kind, const neap_tensor *t,
                              neap_tape_detail detail);

/* out, a view of the very elements of t, came from where t came from. */
void neap__share_trace(neap_tensor *out, const neap_tensor *t);

neap_dtype neap__lua_dtype(lua_State *L, int arg, neap_dtype fallback);

/* Sizes from the table at arg. */
int neap__lua_sizes(lua_State *L, int arg, int64_t *size);

/* Sizes from the table at arg, or from the integers from arg on. */
int neap__lua_size_arguments(lua_State *L, int arg, int64_t *size);

/* The dimension at arg as 0-based, negative from the end; fallback when it is absent. */
int neap__lua_dim(lua_State *L, int arg, int ndim, int fallback);

/* The dimension on top of the stack, entry number k of an array of dims, as 0-based. */
int neap__lua_dim_entry(lua_State *L, int k, int ndim);

/* dims (nil, one or an array), keepdim, skip_nan from arg on. */
neap_reduce_options neap__lua_reduce_options(lua_State *L, const char *operation, int arg,
                                             const neap_tensor *t);

/* The tensor at arg; a number or boolean there becomes a scalar in *s whose dtype suits other: an
 * integer keeps an integer dtype (and raises when it does not fit), a float turns integers to f64,
 * and neither changes f32. */
const neap_tensor *neap__lua_operand(lua_State *L, int arg, const neap_tensor *other,
                                     neap_scalar *s, const char *operation);

void neap__lua_push_element(lua_State *L, const neap_tensor *t, const int64_t *at);

/* Store the Lua value at the top of the stack; raises when it does not fit. */
void neap__lua_store(lua_State *L, neap_tensor *t, const int64_t *at);

/* A tensor without dimensions at stack index at becomes a Lua number or boolean. */
void neap__lua_simplify(lua_State *L, int at);

/* Finish like neap_lua_done, but a tensor without dimensions on top becomes a Lua number. */
int neap__lua_done_value(lua_State *L, neap_status st);

int neap__lua_index(lua_State *L);    /* x[key] */
int neap__lua_newindex(lua_State *L); /* x[key] = value */

#endif
