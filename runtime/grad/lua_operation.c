/* Operations whose gradient is a Lua function.
 *
 * A node is not a Lua value and outlives the tensors that a script sees, so the function it needs
 * is held by the registry, under a number that the node's state carries. A node may be let go where
 * Lua must not be called, inside a finalizer: its number then waits in a list of the dead, which
 * the next call that may touch the registry clears. So that a function does not hold the node that
 * holds it, lualib lets forward see no traced tensor and hands new ones out. */
#include "grad/lua_operation.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "grad/node.h"

/* functions in the registry -------------------------------------------------------------------- */

struct home;

typedef struct handle {
  struct home *home;
  int ref;
  struct handle *next;
} handle;

/* Of one Lua state. It stays until the last handle is gone, which may be after the state is. */
typedef struct home {
  int64_t handles;
  bool closed;
  handle *dead;
} home;

static char home_key;

static void free_handle(handle *h) {
  home *at = h->home;
  neap_free(h);
  if (--at->handles == 0 && at->closed) neap_free(at);
}

/* How a node lets go of its function. */
static void drop_handle(void *state) {
  handle *h = state;
  if (h->home->closed) {
    free_handle(h);
    return;
  }
  h->next = h->home->dead;
  h->home->dead = h;
}

static int close_home(lua_State *L) {
  home **box = lua_touserdata(L, 1), *at = *box;
  if (!at) return 0;
  *box = NULL;
  at->closed = true;
  at->handles++; /* so that it is there until the end of this function */
  for (handle *h = at->dead, *next; h; h = next) {
    next = h->next;
    free_handle(h);
  }
  if (--at->handles == 0) neap_free(at);
  return 0;
}

void neap__lua_open_operations(lua_State *L) {
  bool open = lua_rawgetp(L, LUA_REGISTRYINDEX, &home_key) != LUA_TNIL;
  lua_pop(L, 1);
  if (open) return;
  home **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  lua_newtable(L);
  lua_pushcfunction(L, close_home);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  *box = neap_alloc(sizeof **box);
  if (!*box) neap_lua_check(L, NEAP_ENOMEM);
  **box = (home){0};
  lua_rawsetp(L, LUA_REGISTRYINDEX, &home_key);
}

static home *home_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &home_key);
  home **box = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return *box;
}

static void bury(lua_State *L) {
  home *at = home_of(L);
  while (at->dead) {
    handle *h = at->dead;
    at->dead = h->next;
    luaL_unref(L, LUA_REGISTRYINDEX, h->ref);
    free_handle(h);
  }
}

/* the gradient function ------------------------------------------------------------------------ */

/* Who asked for the pass that runs on this thread. */
typedef struct {
  lua_State *L;
  int failure; /* stack index for what a function raised */
} caller;

static _Thread_local caller *running;

/* Push the gradient of output k for Lua to own; nil where nothing flowed. */
static void push_gradient(lua_State *L, neap_node *n, int k) {
  bool own;
  if (!neap_node_gradient(n, k)) {
    lua_pushnil(L);
    return;
  }
  neap_tensor *g = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_node_take(n, k, g, &own));
  if (own) return;
  neap_tensor *copy = neap_lua_push_tensor(L); /* others hold it too: it may not be written to */
  neap_lua_check(L, neap_tensor_clone(copy, g));
  lua_remove(L, -2);
}

/* Give input i what the function returned at stack index at. */
static void give_returned(lua_State *L, neap_node *n, int i, int at) {
  const neap_tensor *t = neap_lua_to_tensor(L, at);
  neap_tensor g;
  if (lua_isnil(L, at) || !neap_node_wants(n, i)) return;
  if (!t || !t->storage)
    neap_lua_raise(L, "%s: backward must return a tensor or nil for input %d, got %s",
                   n->gradient->name, i + 1, t ? "a closed tensor" : neap_lua_kind(L, at));
  if (!neap_dtype_is_float(t->dtype))
    neap_lua_raise(L, "%s: backward returned %s for input %d; gradients are floats",
                   n->gradient->name, neap_dtype_name(t->dtype), i + 1);
  neap_tensor_alias(&g, t);
  neap_lua_check(L, neap_node_give(n, i, &g));
}

/* Protected, with the node as the only argument. */
static int call_function(lua_State *L) {
  neap_node *n = lua_touserdata(L, 1);
  const handle *h = neap_node_state(n);
  int inputs = n->inputs, outputs = n->outputs;
  luaL_checkstack(L, inputs + outputs + 8, "backward");
  lua_rawgeti(L, LUA_REGISTRYINDEX, h->ref);
  for (int k = 0; k < outputs; k++) push_gradient(L, n, k);
  lua_call(L, outputs, inputs);
  for (int i = 0; i < inputs; i++) give_returned(L, n, i, 2 + i);
  return 0;
}

static neap_status function_back(neap_node *n) {
  caller *c = running;
  if (!c || !lua_checkstack(c->L, 2))
    return neap_fail(NEAP_EARG, "%s: its gradient runs in a backward called from Lua only",
                     n->gradient->name);
  lua_State *L = c->L;
  int paused = neap_grad_pause(0);
  lua_pushcfunction(L, call_function);
  lua_pushlightuserdata(L, n);
  int rc = lua_pcall(L, 1, 0, 0);
  neap_grad_pause(paused - neap_grad_pause(0)); /* whatever the function left */
  running = c;
  if (rc == LUA_OK) return NEAP_OK;
  lua_replace(L, c->failure);
  return neap_fail(NEAP_EARG, "%s: its backward failed", n->gradient->name);
}

void neap__lua_backward(lua_State *L, const neap_tensor *t, const neap_tensor *seed, bool retain) {
  lua_pushnil(L);
  caller here = {L, lua_gettop(L)}, *outer = running;
  bury(L);
  running = &here;
  neap_status st = neap_grad_backward(t, seed, retain);
  running = outer;
  if (st && !lua_isnil(L, here.failure)) {
    lua_pushvalue(L, here.failure);
    lua_error(L);
  }
  neap_lua_check(L, st);
  bury(L);
}

/* recording ------------------------------------------------------------------------------------ */

/* Names live as long as the process: nodes point at them, and there are only so many. */
typedef struct named {
  neap_gradient gradient;
  struct named *next;
  char name[];
} named;

static _Atomic(named *) names;

static const neap_gradient *gradient_called(const char *name) {
  named *first = atomic_load(&names);
  for (const named *k = first; k; k = k->next)
    if (strcmp(k->name, name) == 0) return &k->gradient;
  size_t size = strlen(name) + 1;
  named *fresh = neap_alloc(sizeof *fresh + size);
  if (!fresh) return NULL;
  memcpy(fresh->name, name, size);
  fresh->gradient = (neap_gradient){fresh->name, function_back, drop_handle};
  fresh->next = first;
  while (!atomic_compare_exchange_weak(&names, &fresh->next, fresh)) {}
  return &fresh->gradient;
}

/* Push an array of new tensors, views of the results, whose pointers go to an array pushed before
 * it. */
static neap_tensor **push_views(lua_State *L, const neap_tensor *const *results, int n) {
  neap_tensor **list = lua_newuserdatauv(L, sizeof *list * (size_t)(n + 1), 0);
  lua_createtable(L, n, 0);
  for (int k = 0; k < n; k++) {
    list[k] = neap_lua_push_tensor(L);
    neap_tensor_alias(list[k], results[k]);
    lua_rawseti(L, -2, k + 1);
  }
  return list;
}

int neap__lua_operation(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  int inputs, outputs, saved;
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 5);
  const neap_tensor **in = neap_lua_tensor_list(L, 3, &inputs);
  const neap_tensor **results = neap_lua_tensor_list(L, 4, &outputs);
  const neap_tensor **save = neap_lua_tensor_list(L, 5, &saved);
  neap_tensor **out = push_views(L, results, outputs);
  const neap_gradient *g = gradient_called(name);
  bury(L);
  lua_pushvalue(L, 2);
  int ref = luaL_ref(L, LUA_REGISTRYINDEX);
  handle *h = g ? neap_alloc(sizeof *h) : NULL;
  if (!h) {
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
    neap_lua_check(L, NEAP_ENOMEM);
  }
  *h = (handle){.home = home_of(L), .ref = ref};
  h->home->handles++;
  neap_lua_check(L, neap_grad_record(g, inputs, in, outputs, out, saved, save, h));
  return 1;
}
