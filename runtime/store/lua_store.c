/* neap.c.store: the chunks of an array. A grid keeps the texts it points to as user values. */
#include <string.h>

#include "base/background.h"
#include "base/file.h"
#include "base/lua_base.h"
#include "store/store.h"
#include "tensor/lua_tensor.h"

static const char GRID[] = "neap.store.grid", AHEAD[] = "neap.store.ahead";
enum { TEXTS = 3 };

/* The text in field name of the table at 1, or NULL, kept alive by user value slot of the grid. */
static const char *kept_text(lua_State *L, const char *name, int slot) {
  lua_getfield(L, 1, name);
  const char *text = lua_isnil(L, -1) ? NULL : neap_lua_text(L, -1, name);
  lua_setiuservalue(L, 2, slot);
  return text;
}

static neap_packing packing(lua_State *L, const char *name) {
  static const char *const names[] = {"none", "zstd", "zlib", "blosc", "gzip"};
  for (int i = 0; i < 5; i++)
    if (strcmp(names[i], name) == 0) return (neap_packing)i;
  return (neap_packing)neap_lua_raise(L, "grid: packing '%s'", name);
}

/* n integers of the array in field name of the table at 1, each in low..high. */
static int integers(lua_State *L, const char *name, int64_t low, int64_t high, int64_t *out) {
  if (lua_getfield(L, 1, name) != LUA_TTABLE) neap_lua_raise(L, "grid: no %s", name);
  lua_Integer n = luaL_len(L, -1);
  if (n > NEAP_MAX_DIMS)
    neap_lua_raise(L, "zarr: %d dims, and %d is the most", (int)n, NEAP_MAX_DIMS);
  for (lua_Integer d = 0; d < n; d++) {
    lua_geti(L, -1, d + 1);
    out[d] = neap_lua_integer(L, -1, low, high, name);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return (int)n;
}

static void read_format(lua_State *L, neap_chunk_format *f) {
  lua_getfield(L, 1, "code");
  f->element = neap_element_of_code(luaL_checkstring(L, -1));
  if (!f->element) neap_lua_raise(L, "grid: element '%s'", luaL_checkstring(L, -1));
  lua_getfield(L, 1, "big");
  f->swapped = f->element->size > 1 && lua_toboolean(L, -1) == neap_host_is_little();
  lua_getfield(L, 1, "packing");
  f->packing = packing(L, luaL_checkstring(L, -1));
  lua_getfield(L, 1, "level");
  f->level = lua_isnil(L, -1) ? 3 : (int)neap_lua_integer(L, -1, 1, 22, "zarr: the level");
  lua_getfield(L, 1, "sum");
  f->crc32c = lua_toboolean(L, -1);
  lua_pop(L, 5);
}

static void read_fill(lua_State *L, neap_grid *g) {
  neap_dtype dtype = g->format.element->dtype;
  lua_getfield(L, 1, "fill");
  if (neap_dtype_is_float(dtype)) neap_scalar_f64(&g->fill, dtype, luaL_checknumber(L, -1));
  else {
    int64_t v = lua_isboolean(L, -1) ? lua_toboolean(L, -1) : luaL_checkinteger(L, -1);
    neap_lua_check(L, neap_scalar_i64(&g->fill, dtype, v));
  }
  lua_pop(L, 1);
}

/* grid{path, prefix, between, chunks, order, code, big, packing, level, sum, fill} */
static int l_grid(lua_State *L) {
  int64_t order[NEAP_MAX_DIMS];
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  neap_grid *g = lua_newuserdatauv(L, sizeof *g, TEXTS);
  memset(g, 0, sizeof *g);
  luaL_setmetatable(L, GRID);
  g->path = kept_text(L, "path", 1);
  g->prefix = kept_text(L, "prefix", 2);
  g->between = kept_text(L, "between", 3);
  if (!g->path || !g->between) neap_lua_raise(L, "grid: no path or separator");
  g->ndim = integers(L, "chunks", 1, INT64_MAX / 16, g->chunk);
  if (integers(L, "order", 1, g->ndim, order) != g->ndim) neap_lua_raise(L, "grid: no order");
  unsigned seen = 0;
  for (int d = 0; d < g->ndim; d++) {
    g->order[d] = (int)order[d] - 1;
    seen |= 1u << g->order[d];
  }
  if (seen + 1 != 1u << g->ndim) neap_lua_raise(L, "zarr: no order of the dims");
  read_format(L, &g->format);
  read_fill(L, g);
  return 1;
}

static const neap_grid *check_grid(lua_State *L) { return luaL_checkudata(L, 1, GRID); }

/* n positions of the array at arg */
static void positions(lua_State *L, int arg, int n, int64_t *out) {
  luaL_checktype(L, arg, LUA_TTABLE);
  for (int d = 0; d < n; d++) {
    lua_geti(L, arg, d + 1);
    out[d] = neap_lua_integer(L, -1, 0, INT64_MAX / 16, "zarr: a position");
    lua_pop(L, 1);
  }
}

/* The box from the array at 2 to the array at 3: from 1, both inside, high = low - 1 for nothing */
static void check_box(lua_State *L, const neap_grid *g, int64_t *low, int64_t *high) {
  positions(L, 2, g->ndim, low);
  positions(L, 3, g->ndim, high);
  for (int d = 0; d < g->ndim; d++)
    if (low[d] < 1 || --low[d] > high[d]) neap_lua_raise(L, "zarr: no box");
}

/* grid:read(low, high) -> tensor */
static int l_read(lua_State *L) {
  const neap_grid *g = check_grid(L);
  int64_t low[NEAP_MAX_DIMS], high[NEAP_MAX_DIMS];
  check_box(L, g, low, high);
  neap_tensor *out = neap_lua_push_tensor(L);
  return neap_lua_done(L, neap_grid_read(g, out, low, high));
}

/* A box that is read in the background. Its user value keeps the grid. */
typedef struct {
  neap_job job;
  const neap_grid *grid;
  int64_t low[NEAP_MAX_DIMS], high[NEAP_MAX_DIMS];
  neap_tensor out; /* empty when it was not read, or in vain */
} ahead;

/* Its failure is forgotten: take reads again, and fails again unless the cause is gone. */
static void read_ahead(neap_job *j) {
  ahead *a = (ahead *)(void *)j;
  if (neap_grid_read(a->grid, &a->out, a->low, a->high)) a->out.storage = NULL;
}

/* grid:ahead(low, high) -> a promise of what read gives */
static int l_ahead(lua_State *L) {
  const neap_grid *g = check_grid(L);
  ahead *a = lua_newuserdatauv(L, sizeof *a, 1);
  *a = (ahead){.job.run = read_ahead, .grid = g};
  luaL_setmetatable(L, AHEAD);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  check_box(L, g, a->low, a->high);
  neap_background_start(&a->job);
  return 1;
}

/* promise:take() -> tensor. What was not begun is read here, by all threads. */
static int l_take(lua_State *L) {
  ahead *a = luaL_checkudata(L, 1, AHEAD);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_background_settle(&a->job);
  if (!a->out.storage) return neap_lua_done(L, neap_grid_read(a->grid, out, a->low, a->high));
  *out = a->out;
  a->out = (neap_tensor){0};
  return neap_lua_done(L, NEAP_OK);
}

/* promise:drop(), and when it is collected */
static int l_drop(lua_State *L) {
  ahead *a = luaL_checkudata(L, 1, AHEAD);
  neap_background_settle(&a->job);
  neap_tensor_drop(&a->out);
  return 0;
}

/* grid:write(low, x) */
static int l_write(lua_State *L) {
  const neap_grid *g = check_grid(L);
  int64_t low[NEAP_MAX_DIMS];
  positions(L, 2, g->ndim, low);
  const neap_tensor *x = neap_lua_check_tensor(L, 3);
  if (x->ndim != g->ndim || x->dtype != g->format.element->dtype)
    neap_lua_raise(L, "zarr: the tensor is of another kind than the array");
  for (int d = 0; d < g->ndim; d++)
    if (low[d]-- < 1) neap_lua_raise(L, "zarr: no box");
  neap_lua_check(L, neap_grid_write(g, low, x));
  return 0;
}

/* grid:sweep() */
static int l_sweep(lua_State *L) {
  neap_lua_check(L, neap_grid_sweep(check_grid(L)));
  return 0;
}

/* element(name, v2) -> code, dtype, or nothing: a name of Zarr version 3, or a code of version 2 */
static int l_element(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const neap_element *e =
      lua_toboolean(L, 2) ? neap_element_of_code(name) : neap_element_of_zarr(name);
  if (!e) return 0;
  lua_pushstring(L, e->code);
  lua_pushstring(L, neap_dtype_name(e->dtype));
  return 2;
}

/* sync_folder(path) */
static int l_sync_folder(lua_State *L) {
  neap_lua_check(L, neap_folder_sync(neap_lua_text(L, 1, "path")));
  return 0;
}

NEAP_LUA_EXPORT int luaopen_neap_c_store(lua_State *L);

int luaopen_neap_c_store(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"read", l_read}, {"ahead", l_ahead}, {"write", l_write}, {"sweep", l_sweep}, {NULL, NULL}};
  static const luaL_Reg promises[] = {
      {"take", l_take}, {"drop", l_drop}, {"__gc", l_drop}, {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"grid", l_grid}, {"element", l_element}, {"sync_folder", l_sync_folder}, {NULL, NULL}};
  neap_lua_class(L, GRID, methods);
  neap_lua_class(L, AHEAD, promises);
  luaL_newlib(L, functions);
  return 1;
}
