/* Lua sees only ~200-byte shells of objects that may hold gigabytes. neap_lua_charge therefore
 * compares the allocator's live bytes with its goal and runs a full collection when they are past
 * it. Bytes and goal belong to the process. See docs/adr/0004-garbage.md. */
#include "base/lua_base.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/background.h"
#include "base/interrupt.h"
#include "base/pool.h"

static const char library_key; /* its address is a registry key */

/* True when the function at this level comes from the directory that holds lualib/neap. */
static bool in_library(const lua_Debug *ar, const char *library, size_t length) {
  return length && ar->source[0] == '@' && strncmp(ar->source + 1, library, length) == 0;
}

static void push_position(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &library_key);
  size_t length = 0;
  const char *library = lua_tolstring(L, -1, &length);
  lua_Debug ar;
  const char *position = NULL;
  for (int level = 1; !position && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline > 0 && !in_library(&ar, library, length))
      position = lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
  }
  if (!position) lua_pushliteral(L, "");
  lua_remove(L, -2);
}

int neap_lua_raise(lua_State *L, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  push_position(L);
  lua_pushstring(L, text);
  lua_concat(L, 2);
  return lua_error(L);
}

void neap_lua_check(lua_State *L, neap_status st) {
  if (st == NEAP_EINTERRUPT) neap_interrupt_clear(); /* the Lua error carries it from here */
  if (st) neap_lua_raise(L, "%s", neap_last_error());
}

int neap_lua_done(lua_State *L, neap_status st) {
  neap_lua_check(L, st);
  neap_lua_charge(L);
  return 1;
}

/* Objects filled since the last collection here, and how many are fine. */
static atomic_int_fast64_t filled, fine = 32768;

/* Bytes of garbage to let pass before the next collection, which takes time in proportion to the
 * Lua heap: on a small one it comes early, while the garbage still lies in the processor's caches,
 * and its memory is warm when it is handed out again. */
static int64_t allowance(int64_t heap) {
  int64_t most = neap_alloc_live(), least = (int64_t)8 << 20, bytes = 64 * heap;
  if (most < (int64_t)64 << 20) most = (int64_t)64 << 20;
  return bytes < least ? least : bytes > most ? most : bytes;
}

/* A collection runs finalizers, which free the bytes; the shells go in the one after it. Left to
 * itself Lua takes them for alive in between, and a loop over small tensors grows without need. */
static void collect(lua_State *L, bool shells) {
  lua_gc(L, LUA_GCCOLLECT);
  if (shells) lua_gc(L, LUA_GCCOLLECT);
  int64_t heap = (int64_t)lua_gc(L, LUA_GCCOUNT) * 1024;
  atomic_store_explicit(&filled, 0, memory_order_relaxed);
  atomic_store_explicit(&fine, 32768 + heap / 256, memory_order_relaxed);
  neap_alloc_set_goal(neap_alloc_live() + allowance(heap));
}

/* Bytes that a minor collection is worth: half of a usual cache of a core. It walks what is new
 * since the one before, a microsecond or so, and frees most of it. */
enum { YOUNG = 512 << 10 };
static atomic_bool generational;
static atomic_int_fast64_t grown_from; /* live bytes after the last minor collection */

void neap_lua_generational(lua_State *L) {
  lua_gc(L, LUA_GCGEN, 0, 0);
  atomic_store(&generational, true);
}

static void collect_young(lua_State *L) {
  int64_t from = atomic_load_explicit(&grown_from, memory_order_relaxed);
  if (neap_alloc_live() - from <= YOUNG) {
    if (neap_alloc_live() < from)
      atomic_store_explicit(&grown_from, neap_alloc_live(), memory_order_relaxed);
    return;
  }
  lua_gc(L, LUA_GCSTEP, 0);
  atomic_store_explicit(&grown_from, neap_alloc_live(), memory_order_relaxed);
}

void neap_lua_charge(lua_State *L) {
  bool young = atomic_load_explicit(&generational, memory_order_relaxed), shells = false;
  if (!young) {
    int64_t n = atomic_load_explicit(&filled, memory_order_relaxed) + 1;
    atomic_store_explicit(&filled, n, memory_order_relaxed);
    shells = n > atomic_load_explicit(&fine, memory_order_relaxed);
  }
  if (shells || neap_alloc_past_goal()) collect(L, shells);
  else if (young) collect_young(L);
}

void neap_lua_class(lua_State *L, const char *name, const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, methods, 0);
  if (lua_getfield(L, -1, "__index") == LUA_TNIL) {
    lua_pushvalue(L, -2);
    lua_setfield(L, -3, "__index");
  }
  lua_pop(L, 1);
  lua_getfield(L, -1, "__gc");
  lua_setfield(L, -2, "__close");
  lua_pop(L, 1);
}

/* neap.rng ------------------------------------------------------------------------------------- */

static const char RNG[] = "neap.rng";

neap_rng *neap_lua_check_rng(lua_State *L, int arg) {
  neap_rng *r = luaL_testudata(L, arg, RNG);
  if (!r) neap_lua_expected(L, arg, "an rng");
  return r;
}

static neap_rng *push_rng(lua_State *L) {
  neap_rng *r = lua_newuserdatauv(L, sizeof *r, 0);
  luaL_setmetatable(L, RNG);
  return r;
}

static int l_rng(lua_State *L) {
  lua_Integer seed = neap_lua_whole(L, 1);
  *push_rng(L) = neap_rng_make((uint64_t)seed);
  return 1;
}

static int rng_split(lua_State *L) {
  const neap_rng *r = neap_lua_check_rng(L, 1);
  size_t length;
  if (!lua_isstring(L, 2)) neap_lua_expected(L, 2, "a string");
  const char *name = lua_tolstring(L, 2, &length);
  *push_rng(L) = neap_rng_split(r, name, length);
  return 1;
}

static int rng_uniform(lua_State *L) {
  lua_pushnumber(L, neap_rng_uniform(neap_lua_check_rng(L, 1)));
  return 1;
}

static int rng_normal(lua_State *L) {
  lua_pushnumber(L, neap_rng_normal(neap_lua_check_rng(L, 1)));
  return 1;
}

static int rng_integer(lua_State *L) {
  neap_rng *r = neap_lua_check_rng(L, 1);
  lua_Integer low = neap_lua_whole(L, 2), high = neap_lua_whole(L, 3);
  if (low > high)
    neap_lua_raise(L, "integer: low is %lld, above high, %lld", (long long)low, (long long)high);
  uint64_t span = (uint64_t)high - (uint64_t)low + 1;
  uint64_t k = span ? neap_rng_below(r, span) : neap_rng_bits(r);
  lua_pushinteger(L, (lua_Integer)((uint64_t)low + k));
  return 1;
}

/* state() -> seed, stream, next; state(seed, stream, next) restores them. */
static int rng_state(lua_State *L) {
  neap_rng *r = neap_lua_check_rng(L, 1);
  if (lua_gettop(L) > 1) {
    lua_Integer seed = neap_lua_whole(L, 2), stream = neap_lua_whole(L, 3);
    lua_Integer next = neap_lua_whole(L, 4);
    *r = (neap_rng){(uint64_t)seed, (uint64_t)stream, (uint64_t)next};
  }
  lua_pushinteger(L, (lua_Integer)r->seed);
  lua_pushinteger(L, (lua_Integer)r->stream);
  lua_pushinteger(L, (lua_Integer)r->next);
  return 3;
}

static int rng_tostring(lua_State *L) {
  const neap_rng *r = neap_lua_check_rng(L, 1);
  lua_pushfstring(L, "rng(seed %I, stream %I, next %I)", (LUAI_UACINT)r->seed,
                  (LUAI_UACINT)r->stream, (LUAI_UACINT)r->next);
  return 1;
}

static const luaL_Reg rng_methods[] = {
    {"split", rng_split}, {"uniform", rng_uniform},     {"normal", rng_normal},
    {"state", rng_state}, {"__tostring", rng_tostring}, {"integer", rng_integer},
    {NULL, NULL},
};

/* neap.c.base ------------------------------------------------------------------------------------
 */

static int l_set_threads(lua_State *L) {
  lua_Integer n = neap_lua_whole(L, 1);
  neap_lua_check(L, neap_set_threads(n < 0 || n > 1000000 ? -1 : (int)n));
  return 0;
}

static int l_threads(lua_State *L) {
  lua_pushinteger(L, neap_threads());
  return 1;
}

static int l_memory(lua_State *L) {
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, neap_alloc_live());
  lua_setfield(L, -2, "live");
  lua_pushinteger(L, neap_alloc_peak());
  lua_setfield(L, -2, "peak");
  lua_pushinteger(L, neap_alloc_cached());
  lua_setfield(L, -2, "cached");
  lua_pushinteger(L, lua_gc(L, LUA_GCCOUNT) * 1024 + lua_gc(L, LUA_GCCOUNTB));
  lua_setfield(L, -2, "lua");
  return 1;
}

/* trim(): give freed blocks that are kept for reuse back to the system; how many bytes. */
static int l_trim(lua_State *L) {
  lua_pushinteger(L, neap_alloc_trim());
  return 1;
}

/* library(directory): positions in error messages skip the files below it. */
static int l_library(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &library_key);
  return 0;
}

/* raise(text): an error at the nearest caller outside the library. */
static int l_raise(lua_State *L) { return neap_lua_raise(L, "%s", luaL_checkstring(L, 1)); }

/* kind(value): a type of Lua, or the class of an object. */
static int l_kind(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushstring(L, neap_lua_kind(L, 1));
  return 1;
}

/* is_terminal(descriptor): whether 0, 1 or 2 is a terminal. */
static int l_is_terminal(lua_State *L) {
  lua_pushboolean(L, isatty((int)neap_lua_integer(L, 1, 0, 2, "descriptor")));
  return 1;
}

static int l_interrupted(lua_State *L) {
  lua_pushboolean(L, neap_interrupted());
  return 1;
}

/* until_interrupt(f) -> true, or false when Ctrl-C ended f; any other error passes. Beside
 * pcall, since that of the command hands an interrupt on. */
static int l_until_interrupt(lua_State *L) {
  static const char mark[] = "interrupted";
  size_t n, length = sizeof mark - 1;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  bool done = lua_pcall(L, 0, 0, 0) == LUA_OK;
  const char *text = done ? NULL : lua_tolstring(L, -1, &n);
  if (!done && (!text || n < length || strcmp(text + n - length, mark) != 0)) return lua_error(L);
  lua_pushboolean(L, done);
  return 1;
}

static const luaL_Reg functions[] = {
    {"rng", l_rng},
    {"set_threads", l_set_threads},
    {"threads", l_threads},
    {"memory", l_memory},
    {"trim", l_trim},
    {"library", l_library},
    {"raise", l_raise},
    {"kind", l_kind},
    {"interrupted", l_interrupted},
    {"until_interrupt", l_until_interrupt},
    {"is_terminal", l_is_terminal},
    {NULL, NULL},
};

static const neap_lua_signature signatures[] = {{"rng", "seed", NULL},
                                                {"set_threads", "n", NULL},
                                                {"library", "folder", NULL},
                                                {NULL, NULL, NULL}};

static const neap_lua_signature rng_signatures[] = {{"split", "self name", NULL},
                                                    {"uniform", "self", NULL},
                                                    {"normal", "self", NULL},
                                                    {"integer", "self low high", NULL},
                                                    {"state", "self seed stream next", NULL},
                                                    {NULL, NULL, NULL}};

/* The main thread of the state to collect when memory runs out: the last that opened this. */
static lua_State *collected;

static bool collect_garbage(void *ctx) {
  if (neap_worker() != 0 || neap_in_background()) return false;
  lua_gc(ctx, LUA_GCCOLLECT);
  return true;
}

static void collect_from(lua_State *L) {
  collected = L;
  neap_alloc_set_reclaim(L ? collect_garbage : NULL, L);
}

static lua_State *main_thread(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lua_State *thread = lua_tothread(L, -1);
  lua_pop(L, 1);
  return thread;
}

static int state_closes(lua_State *L) {
  if (main_thread(L) == collected) collect_from(NULL);
  return 0;
}

/* Leave something in the registry whose finalizer tells that the state is being closed. */
static void watch_closing(lua_State *L) {
  lua_newuserdatauv(L, 0, 0);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, state_closes);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &collected);
}

NEAP_LUA_EXPORT int luaopen_neap_c_base(lua_State *L);

int luaopen_neap_c_base(lua_State *L) {
  neap_lua_class(L, RNG, rng_methods);
  luaL_getmetatable(L, RNG);
  neap_lua_sign(L, rng_signatures);
  lua_pop(L, 1);
  watch_closing(L);
  collect_from(main_thread(L));
  luaL_newlib(L, functions);
  neap_lua_sign(L, signatures);
  lua_pushliteral(L, NEAP_VERSION);
  lua_setfield(L, -2, "version");
  return 1;
}
