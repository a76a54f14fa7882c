/* lua_tree.h — inside the module: what the files of the binding share. A file of its own adds
 * methods to a class by calling neap_lua_class once more under its name. */
#ifndef NEAP_TREE_LUA_TREE_H
#define NEAP_TREE_LUA_TREE_H

#include "tree/lua_args.h"
#include "tree/tree.h"

/* The class of models. */
#define NEAP__LUA_GBDT "neap.gbdt"

/* The model at arg; a closed one is an error that says so. */
neap_gbdt *neap__lua_check_gbdt(lua_State *L, int arg);

/* Methods that explain a model; called when the module opens. */
void neap__lua_add_explain(lua_State *L);

/* The class of trainers. */
#define NEAP__LUA_TRAINER "neap.trainer"

/* User value 1 holds the functions of a custom objective: { slopes, renew }. */
typedef struct {
  neap_trainer *t;
  lua_State *running; /* the thread that steps, while it does */
  bool raised;        /* a function of the objective did, its error is on the stack of running */
} neap__trainer_box;

/* The trainer at arg; raises when it was closed. */
neap__trainer_box *neap__lua_check_trainer(lua_State *L, int arg);

/* Methods that let a trainer run functions of Lua; called when the module opens. */
void neap__lua_add_custom(lua_State *L);

/* link(scores, kind) -> a fresh tensor */
int neap__lua_link(lua_State *L);

#endif
