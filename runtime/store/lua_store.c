#include "base/file.h"
#include "base/lua_base.h"
#include "store/store.h"
#include "tensor/lua_tensor.h"

/* level (nil = no zstd) and crc32c from arg on */
static neap_chunk_codecs codecs(lua_State *L, int arg) {
  neap_chunk_codecs c = {.zstd = !lua_isnoneornil(L, arg), .crc32c = lua_toboolean(L, arg + 1)};
  if (c.zstd) c.level = (int)neap_lua_integer(L, arg, 1, 22, "chunk: the level of zstd");
  return c;
}

/* write_chunk(path, t, level, crc32c) */
static int l_write_chunk(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  const neap_tensor *t = neap_lua_check_tensor(L, 2);
  neap_lua_check(L, neap_chunk_write(path, t, codecs(L, 3)));
  return 0;
}

/* read_chunk(path, dtype, sizes, level, crc32c) -> tensor, or nil when there is no such file */
static int l_read_chunk(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  neap_dtype dtype;
  neap_lua_check(L, neap_dtype_parse(&dtype, luaL_checkstring(L, 2)));
  luaL_checktype(L, 3, LUA_TTABLE);
  int64_t size[NEAP_MAX_DIMS];
  lua_Integer ndim = luaL_len(L, 3);
  if (ndim > NEAP_MAX_DIMS) neap_lua_raise(L, "chunk: more than %d dimensions", NEAP_MAX_DIMS);
  for (lua_Integer d = 0; d < ndim; d++) {
    lua_geti(L, 3, d + 1);
    size[d] = neap_lua_integer(L, -1, 1, INT64_MAX / 16, "chunk: a size");
    lua_pop(L, 1);
  }
  neap_chunk_codecs c = codecs(L, 4);
  if (!neap_file_exists(path)) {
    lua_pushnil(L);
    return 1;
  }
  neap_tensor *out = neap_lua_push_tensor(L);
  return neap_lua_done(L, neap_chunk_read(out, path, dtype, (int)ndim, size, c));
}

/* read_chunk_into(path, t, level, crc32c) -> whether there was such a file */
static int l_read_chunk_into(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  neap_tensor *t = neap_lua_check_tensor(L, 2);
  neap_chunk_codecs c = codecs(L, 3);
  bool there = neap_file_exists(path);
  if (there) neap_lua_check(L, neap_chunk_read_into(t, path, c));
  lua_pushboolean(L, there);
  return 1;
}

NEAP_LUA_EXPORT int luaopen_neap_c_store(lua_State *L);

int luaopen_neap_c_store(lua_State *L) {
  static const luaL_Reg functions[] = {{"write_chunk", l_write_chunk},
                                       {"read_chunk", l_read_chunk},
                                       {"read_chunk_into", l_read_chunk_into},
                                       {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
