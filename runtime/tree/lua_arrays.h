/* lua_arrays.h — inside the module: a model as tensors by name, the form that forests and isolation
 * forests have in files. A table of kinds says which arrays there are; their data goes to and comes
 * from the core as an array of pointers in the order of that table. */
#ifndef NEAP_TREE_LUA_ARRAYS_H
#define NEAP_TREE_LUA_ARRAYS_H

#include "tensor/lua_tensor.h"

typedef struct {
  const char *name;
  neap_dtype dtype;
  int64_t rows, columns; /* columns 0: one dimension */
} neap__array_kind;

/* Push a table of n fresh tensors by name; data[i] receives where the numbers of kinds[i] lie. */
void neap__lua_push_arrays(lua_State *L, int n, const neap__array_kind *kinds, void **data);

/* Push the tensor of that kind from the table at 1. Any number of rows will do, kinds->rows is not
 * looked at; another dtype or shape is an error that begins with where ("forest.load"). */
const neap_tensor *neap__lua_push_array(lua_State *L, const char *where, const neap__array_kind *k);

/* The same for n of them: their numbers and how many rows each has. Those of kinds first to last
 * must have as many rows as that of kind first. */
void neap__lua_check_arrays(lua_State *L, const char *where, int n, const neap__array_kind *kinds,
                            int first, int last, void **data, int64_t *rows);

#endif
