/* lua_base.h — what every binding shares: raising, pacing the collector, module registration.
 *
 * The shape of a binding: check every argument; push an empty userdata shell with its metatable, so
 * that Lua owns what comes; call the core; end with neap_lua_done or neap_lua_check. Lua errors are
 * longjmps: nothing may be owned by C locals while a luaL_check* or lua_push* can still raise. */
#ifndef NEAP_BASE_LUA_BASE_H
#define NEAP_BASE_LUA_BASE_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

#include "base/rng.h"
#include "base/status.h"
#include "base/zone_array.h"

/* Marks a function that Lua looks up in neap.so. */
#define NEAP_LUA_EXPORT __attribute__((visibility("default")))

/* Raise the formatted text with the position of the nearest caller outside lualib. Never returns.
 */
int neap_lua_raise(lua_State *L, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Raise neap_last_error() unless st is NEAP_OK. */
void neap_lua_check(lua_State *L, neap_status st);

/* As neap_lua_check; on success paces the collector and returns 1, the value on top being the
 * result the core has just filled. */
int neap_lua_done(lua_State *L, neap_status st);

/* Collect garbage when the core's live bytes have grown enough since the last collection, see
 * docs/adr/0004-garbage.md. Call with every object anchored: finalizers run inside. */
void neap_lua_charge(lua_State *L);

/* Put L's collector in generational mode, which lets neap_lua_charge collect young objects often.
 * For whoever owns the process; a library leaves its host's collector alone. */
void neap_lua_generational(lua_State *L);

/* Create the metatable name ("neap.tensor") with methods in both itself and __index, __name set,
 * __close doing what __gc does. Leaves nothing on the stack. */
void neap_lua_class(lua_State *L, const char *name, const luaL_Reg *methods);

/* What messages call a C function and its arguments. field is its name in the table it stands in;
 * parameters are "x index dim", a last one that ends in "..." standing for any number; operation is
 * its name for users where that is not the field, with a * for its first argument. */
typedef struct {
  const char *field, *parameters, *operation;
} neap_lua_signature;

/* Note the signatures, ended by a NULL field, of functions in the table at the top of the stack. */
void neap_lua_sign(lua_State *L, const neap_lua_signature *signatures);

/* Room for the name of an operation and a parameter. */
enum { NEAP_LUA_NAME = 96 };

/* The running function and its parameter at arg, "take: index"; with arg 0 the function alone. */
const char *neap_lua_parameter(lua_State *L, int arg, char *text);

/* What kind of value is at arg: a type of Lua, or the class of an object ("tensor"). */
const char *neap_lua_kind(lua_State *L, int arg);

/* Raise "take: index must be a tensor, got nil". Never returns. */
int neap_lua_expected(lua_State *L, int arg, const char *what);

/* The same for the value at arg under a name of its own: "cat: tensors[2]". Never returns. */
int neap_lua_refuse(lua_State *L, int arg, const char *name, const char *what);

/* The integer at arg; a float with an integer value will do, a string will not. */
lua_Integer neap_lua_whole(lua_State *L, int arg);

/* The same; name stands for the argument in the message. */
lua_Integer neap_lua_whole_as(lua_State *L, int arg, const char *name);

/* The number at arg. */
lua_Number neap_lua_number(lua_State *L, int arg);

/* Raise unless a table is at arg. */
void neap_lua_table(lua_State *L, int arg);

/* Integer argument in [low, high]; what names it in the message. */
lua_Integer neap_lua_integer(lua_State *L, int arg, lua_Integer low, lua_Integer high,
                             const char *what);

/* A position that users count from 1 or, negative, from the end, as 0-based in [0, size). 0 is an
 * error that says so. Without what the message names the parameter. */
int64_t neap_lua_position(lua_State *L, int arg, int64_t size, const char *what);

/* The text at arg, which goes to functions that stop at a zero byte: with one inside it is refused,
 * not cut short. what names it in the message: "path". */
const char *neap_lua_text(lua_State *L, int arg, const char *what);

/* What to do with local times that were shown twice or never, as texts at arg and arg + 1. */
void neap_lua_clock_policies(lua_State *L, int arg, neap_ambiguous *ambiguous,
                             neap_nonexistent *nonexistent);

/* The neap.rng at arg. */
neap_rng *neap_lua_check_rng(lua_State *L, int arg);

#endif
