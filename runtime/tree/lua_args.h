/* lua_args.h — inside the module: arguments and results that every estimator of trees has. where
 * ("gbdt.fit") begins the messages. */
#ifndef NEAP_TREE_LUA_ARGS_H
#define NEAP_TREE_LUA_ARGS_H

#include "tensor/lua_tensor.h"

/* Push the matrix at arg as f64 or f32: itself when it is one of them, whatever its strides. */
const neap_tensor *neap__lua_push_matrix(lua_State *L, int arg, const char *name);

/* How many rows a matrix has; 0 for what is none, which the core refuses. */
static inline int64_t neap__lua_rows(const neap_tensor *x) { return x->ndim > 0 ? x->size[0] : 0; }

/* Push the series at arg, as long as x has rows; NULL for nil. */
const double *neap__lua_push_rows(lua_State *L, const char *where, int arg, const neap_tensor *x,
                                  const char *name);

/* The option called name, which is at the top of the stack and stays. */
double neap__lua_number_field(lua_State *L, const char *where, const char *name);
int64_t neap__lua_integer_field(lua_State *L, const char *where, const char *name);
bool neap__lua_flag_field(lua_State *L, const char *where, const char *name);

/* Push an array of n values. */
void neap__lua_push_integers(lua_State *L, const int64_t *v, int64_t n);
void neap__lua_push_numbers(lua_State *L, const double *v, int64_t n);

#endif
