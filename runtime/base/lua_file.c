/* neap.c.file: whole files, folders and hashes. What the core hands over lies in a holder userdata
 * until Lua has its own copy, so that a Lua error in between frees it. */
#include <errno.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/lua_base.h"
#include "base/sha256.h"

/* holders ----------------------------------------------------------------------------------------
 */

static const char HOLDER[] = "neap.file.holder";

/* data, or n names when names is set */
typedef struct {
  char *data;
  char **names;
  int64_t n;
} holder;

static holder *push_holder(lua_State *L) {
  holder *h = lua_newuserdatauv(L, sizeof *h, 0);
  *h = (holder){0};
  luaL_setmetatable(L, HOLDER);
  return h;
}

static void release(holder *h) {
  neap_free(h->data);
  if (h->names) neap_names_free(h->names, h->n);
  *h = (holder){0};
}

static int holder_gc(lua_State *L) {
  release(luaL_checkudata(L, 1, HOLDER));
  return 0;
}

static const luaL_Reg holder_methods[] = {{"__gc", holder_gc}, {NULL, NULL}};

/* whole files ------------------------------------------------------------------------------------
 */

static int l_read(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  holder *h = push_holder(L);
  neap_lua_check(L, neap_file_read(path, &h->data, &h->n));
  lua_pushlstring(L, h->data, (size_t)h->n);
  release(h); /* at once: the collector does not see its size */
  return 1;
}

static int l_write(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  size_t n;
  const char *text = luaL_checklstring(L, 2, &n);
  neap_lua_check(L, neap_file_write(path, text, n));
  return 0;
}

static int l_exists(lua_State *L) {
  lua_pushboolean(L, neap_file_exists(neap_lua_text(L, 1, "path")));
  return 1;
}

/* stamp(path) -> text, ns of the last change; nil without such a file */
static int l_stamp(lua_State *L) {
  neap_file_stamp s;
  if (!neap_file_stamp_of(&s, neap_lua_text(L, 1, "path"))) return 0;
  char text[96];
  snprintf(text, sizeof text, "%lld %lld %lld %lld", (long long)s.size, (long long)s.inode,
           (long long)s.modified, (long long)s.changed);
  lua_pushstring(L, text);
  lua_pushinteger(L, s.changed);
  return 2;
}

static int l_mkdir(lua_State *L) {
  neap_lua_check(L, neap_folder_make(neap_lua_text(L, 1, "path")));
  return 0;
}

static int l_remove(lua_State *L) {
  neap_lua_check(L, neap_file_remove(neap_lua_text(L, 1, "path")));
  return 0;
}

static int l_remove_tree(lua_State *L) {
  neap_lua_check(L, neap_folder_remove_tree(neap_lua_text(L, 1, "path")));
  return 0;
}

static int l_list(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  holder *h = push_holder(L);
  neap_lua_check(L, neap_folder_list(path, &h->names, &h->n));
  lua_createtable(L, 0, 0);
  for (int64_t i = 0; i < h->n; i++) {
    lua_pushstring(L, h->names[i]);
    lua_rawseti(L, -2, i + 1);
  }
  release(h);
  return 1;
}

static int l_temporary_folder(lua_State *L) {
  holder *h = push_holder(L);
  neap_lua_check(L, neap_folder_temporary(&h->data));
  lua_pushstring(L, h->data);
  release(h);
  return 1;
}

static int l_sha256(lua_State *L) {
  size_t n;
  const char *data = luaL_checklstring(L, 1, &n);
  neap_sha256 h;
  char text[65];
  neap_sha256_init(&h);
  neap_sha256_add(&h, data, n);
  neap_sha256_hex(&h, text);
  lua_pushstring(L, text);
  return 1;
}

static int l_sha256_file(lua_State *L) {
  char text[65];
  neap_lua_check(L, neap_sha256_file(neap_lua_text(L, 1, "path"), text));
  lua_pushstring(L, text);
  return 1;
}

/* neap.writer ------------------------------------------------------------------------------------
 */

static const char WRITER[] = "neap.writer";

static neap_writer **check_writer(lua_State *L) {
  neap_writer **w = luaL_checkudata(L, 1, WRITER);
  if (!*w) neap_lua_raise(L, "writer is closed");
  return w;
}

static int l_open_writer(lua_State *L) {
  const char *path = neap_lua_text(L, 1, "path");
  neap_writer **w = lua_newuserdatauv(L, sizeof *w, 0);
  *w = NULL;
  luaL_setmetatable(L, WRITER);
  return neap_lua_done(L, neap_writer_open(w, path));
}

/* Every argument is checked before the first is written. */
static int writer_write(lua_State *L) {
  neap_writer **w = check_writer(L);
  int top = lua_gettop(L);
  for (int i = 2; i <= top; i++) luaL_checkstring(L, i);
  for (int i = 2; i <= top; i++) {
    size_t n;
    const char *text = lua_tolstring(L, i, &n); /* may collect, and so close the writer */
    if (!*w) neap_lua_raise(L, "writer is closed");
    neap_lua_check(L, neap_writer_write(*w, text, n));
  }
  lua_settop(L, 1);
  return 1;
}

static int writer_commit(lua_State *L) {
  neap_writer **w = check_writer(L), *open = *w;
  *w = NULL;
  neap_lua_check(L, neap_writer_commit(open));
  return 0;
}

/* Abandons what was not committed; a second close is fine. */
static int writer_close(lua_State *L) {
  neap_writer **w = luaL_checkudata(L, 1, WRITER);
  neap_writer_abandon(*w);
  *w = NULL;
  return 0;
}

static int writer_tostring(lua_State *L) {
  neap_writer **w = luaL_checkudata(L, 1, WRITER);
  lua_pushstring(L, *w ? "neap.writer (open)" : "neap.writer (closed)");
  return 1;
}

static const luaL_Reg writer_methods[] = {
    {"write", writer_write}, {"commit", writer_commit},       {"close", writer_close},
    {"__gc", writer_close},  {"__tostring", writer_tostring}, {NULL, NULL},
};

/* faults for tests -------------------------------------------------------------------------------
 */

/* fail_after(k[, "EIO"]): the k-th system call of writers fails, with ENOSPC unless named. */
static int l_fail_after(lua_State *L) {
  static const char *const reasons[] = {"ENOSPC", "EIO", "EDQUOT", "EACCES", NULL};
  static const int numbers[] = {ENOSPC, EIO, EDQUOT, EACCES};
  lua_Integer k = neap_lua_integer(L, 1, 0, INT32_MAX, "fail_after: k");
  neap_file_fail_after(k, numbers[luaL_checkoption(L, 2, "ENOSPC", reasons)]);
  return 0;
}

static int l_fail_armed(lua_State *L) {
  lua_pushboolean(L, neap_file_fail_armed());
  return 1;
}

static const luaL_Reg functions[] = {
    {"read", l_read},
    {"write", l_write},
    {"exists", l_exists},
    {"stamp", l_stamp},
    {"mkdir", l_mkdir},
    {"remove", l_remove},
    {"remove_tree", l_remove_tree},
    {"list", l_list},
    {"temporary_folder", l_temporary_folder},
    {"sha256", l_sha256},
    {"sha256_file", l_sha256_file},
    {"open_writer", l_open_writer},
    {"fail_after", l_fail_after},
    {"fail_armed", l_fail_armed},
    {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_file(lua_State *L);

int luaopen_neap_c_file(lua_State *L) {
  neap_lua_class(L, HOLDER, holder_methods);
  neap_lua_class(L, WRITER, writer_methods);
  luaL_newlib(L, functions);
  return 1;
}
