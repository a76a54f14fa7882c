/* Files of tensors. An archive lies in a userdata of its own while Lua values are made of it, so
 * that a Lua error in between frees it. */
#include <string.h>

#include "tensor/element.h"
#include "tensor/files.h"
#include "tensor/lua_parts.h"

static const char ARCHIVE[] = "neap.tensor.archive";

static neap_archive *push_archive(lua_State *L) {
  neap_archive *a = lua_newuserdatauv(L, sizeof *a, 0);
  memset(a, 0, sizeof *a);
  luaL_setmetatable(L, ARCHIVE);
  return a;
}

static int archive_gc(lua_State *L) {
  neap_archive_drop(luaL_checkudata(L, 1, ARCHIVE));
  return 0;
}

/* one tensor ----------------------------------------------------------------------------------- */

/* save_npy(t, path) */
static int l_save_npy(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  neap_lua_check(L, neap_tensor_save_npy(t, neap_lua_text(L, 2, "path")));
  return 0;
}

/* load_npy(path) */
static int l_load_npy(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  return neap_lua_done(L, neap_tensor_load_npy(neap_lua_push_tensor(L), path));
}

/* map_npy(path) */
static int l_map_npy(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  return neap_lua_done(L, neap_tensor_map_npy(neap_lua_push_tensor(L), path));
}

/* sha256(t) */
static int l_sha256(lua_State *L) {
  char text[65];
  neap_lua_check(L, neap_tensor_sha256(neap_lua_traced_tensor(L, 1), text));
  lua_pushstring(L, text);
  return 1;
}

/* bytes(t): the elements in C order, little-endian, as a text */
static int l_bytes(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  neap_tensor *plain = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_clone(plain, t));
  int64_t n = neap_tensor_numel(plain);
  const neap_element *e = &neap_elements[plain->dtype];
  neap_element_settle(e, !neap_host_is_little(), neap_tensor_data(plain), n);
  lua_pushlstring(L, neap_tensor_data(plain), (size_t)(n * e->size));
  return 1;
}

/* archives ------------------------------------------------------------------------------------- */

/* Names at arg and tensors at arg + 1, two arrays of one length, into a fresh archive. */
static neap_archive *push_named(lua_State *L, int arg) {
  luaL_checktype(L, arg, LUA_TTABLE);
  luaL_checktype(L, arg + 1, LUA_TTABLE);
  lua_Integer n = luaL_len(L, arg);
  neap_archive *a = push_archive(L);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_geti(L, arg, i);
    lua_geti(L, arg + 1, i);
    const char *name = neap_lua_text(L, -2, "name");
    neap_lua_check(L, neap_archive_add(a, name, strlen(name), neap_lua_traced_tensor(L, -1)));
    lua_pop(L, 2);
  }
  return a;
}

/* save_npz(path, names, tensors, deflate) */
static int l_save_npz(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  neap_npz_options o = {.deflate = lua_toboolean(L, 4)};
  neap_archive *a = push_named(L, 2);
  neap_lua_check(L, neap_npz_save(path, a, o));
  neap_archive_drop(a);
  return 0;
}

/* save_safetensors(path, names, tensors, keys, values) */
static int l_save_safetensors(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  luaL_checktype(L, 4, LUA_TTABLE);
  luaL_checktype(L, 5, LUA_TTABLE);
  neap_archive *a = push_named(L, 2);
  lua_Integer n = luaL_len(L, 4);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_geti(L, 4, i);
    lua_geti(L, 5, i);
    const char *key = neap_lua_text(L, -2, "metadata key");
    const char *value = neap_lua_text(L, -1, "metadata value");
    neap_lua_check(L, neap_archive_add_meta(a, key, strlen(key), value, strlen(value)));
    lua_pop(L, 2);
  }
  neap_lua_check(L, neap_safetensors_save(path, a));
  neap_archive_drop(a);
  return 0;
}

/* The names at arg (nil = all) as a C array in a userdata that is pushed. */
static neap_only push_only(lua_State *L, int arg) {
  neap_only only = {0};
  if (lua_isnoneornil(L, arg)) {
    lua_pushnil(L);
    return only;
  }
  luaL_checktype(L, arg, LUA_TTABLE);
  only.n = luaL_len(L, arg);
  neap_lua_check(L, only.n < 1 || only.n > 1000000
                        ? neap_fail(NEAP_EARG, "only: an array of names expected")
                        : NEAP_OK);
  const char **names = lua_newuserdatauv(L, (size_t)only.n * sizeof *names, 0);
  for (lua_Integer i = 1; i <= only.n; i++) {
    lua_geti(L, arg, i);
    if (lua_type(L, -1) != LUA_TSTRING) neap_lua_raise(L, "only: names are texts");
    names[i - 1] = neap_lua_text(L, -1, "name"); /* the table at arg keeps it alive */
    lua_pop(L, 1);
  }
  only.names = names;
  return only;
}

/* {name = tensor}, {name, ...}, {key = value} of the archive at the top of the stack. */
static int push_results(lua_State *L, neap_archive *a) {
  lua_createtable(L, 0, (int)(a->n < 1000 ? a->n : 1000));
  lua_newtable(L);
  for (int64_t i = 0; i < a->n; i++) {
    lua_pushstring(L, a->item[i].name);
    lua_pushvalue(L, -1);
    lua_seti(L, -3, i + 1);
    neap_tensor *t = neap_lua_push_tensor(L);
    *t = a->item[i].t; /* moved */
    memset(&a->item[i].t, 0, sizeof *t);
    lua_settable(L, -4);
  }
  lua_newtable(L);
  for (int64_t i = 0; i < a->n_meta; i++) {
    lua_pushstring(L, a->meta[i].value);
    lua_setfield(L, -2, a->meta[i].key);
  }
  neap_archive_drop(a);
  neap_lua_charge(L);
  return 3;
}

/* load_npz(path, only) and load_safetensors(path, only) -> tensors, names, metadata */
static int load(lua_State *L, neap_status (*read)(neap_archive *, const char *, neap_only)) {
  const char *path = neap_lua_text(L, 1, "path");
  neap_only only = push_only(L, 2);
  neap_archive *a = push_archive(L);
  neap_lua_check(L, read(a, path, only));
  return push_results(L, a);
}

static int l_load_npz(lua_State *L) { return load(L, neap_npz_load); }

static int l_load_safetensors(lua_State *L) { return load(L, neap_safetensors_load); }

void neap__lua_add_files(lua_State *L) {
  static const luaL_Reg methods[] = {{"__gc", archive_gc}, {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"save_npy", l_save_npy},
      {"load_npy", l_load_npy},
      {"map_npy", l_map_npy},
      {"sha256", l_sha256},
      {"bytes", l_bytes},
      {"save_npz", l_save_npz},
      {"load_npz", l_load_npz},
      {"save_safetensors", l_save_safetensors},
      {"load_safetensors", l_load_safetensors},
      {NULL, NULL},
  };
  neap_lua_class(L, ARCHIVE, methods);
  luaL_setfuncs(L, functions, 0);
}
