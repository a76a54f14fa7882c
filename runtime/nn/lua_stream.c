/* Rings of rows in Lua, for lualib/neap/nn/stream.lua. */
#include "nn/lua_parts.h"
#include "nn/stream.h"

static const char STREAM[] = "neap.nn.ring";

static neap_stream **push_stream(lua_State *L) {
  neap_stream **s = lua_newuserdatauv(L, sizeof *s, 0);
  *s = NULL;
  luaL_setmetatable(L, STREAM);
  return s;
}

static neap_stream *check_stream(lua_State *L) {
  neap_stream *s = *(neap_stream **)luaL_checkudata(L, 1, STREAM);
  if (!s) neap_lua_raise(L, "stream: it was closed");
  return s;
}

static int64_t field(lua_State *L, const char *name, int at, int64_t absent) {
  int64_t v = absent;
  int kind = lua_getfield(L, 1, name);
  if (kind == LUA_TTABLE) {
    lua_rawgeti(L, -1, at + 1);
    v = luaL_checkinteger(L, -1);
    lua_pop(L, 1);
  } else if (kind != LUA_TNIL) {
    v = luaL_checkinteger(L, -1);
  }
  lua_pop(L, 1);
  return v;
}

/* ring(plan, weight or dtype, bias) -> ring */
static int l_ring(lua_State *L) {
  static const char *const kinds[] = {"conv", "max", "mean", NULL};
  neap_stream_plan p = {0};
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 3);
  lua_getfield(L, 1, "kind");
  p.kind = (neap_stream_kind)luaL_checkoption(L, -1, NULL, kinds);
  p.width = field(L, "width", 0, 1);
  p.channels = field(L, "channels", 0, 1);
  for (int i = 0; i < 2; i++) {
    p.kernel[i] = field(L, "kernel", i, 1);
    p.stride[i] = field(L, "stride", i, 1);
    p.dilation[i] = field(L, "dilation", i, 1);
  }
  p.before = field(L, "before", 0, 0);
  p.after = field(L, "after", 0, 0);
  p.groups = field(L, "groups", 0, 1);
  lua_getfield(L, 1, "causal");
  p.causal = lua_toboolean(L, -1);
  lua_getfield(L, 1, "slope");
  p.slope = luaL_optnumber(L, -1, 1);
  neap_dtype dtype = NEAP_F32;
  const neap_tensor *w = NULL, *b = neap__lua_optional_tensor(L, 3);
  if (p.kind == NEAP_STREAM_CONV) w = neap_lua_traced_tensor(L, 2);
  else neap_lua_check(L, neap_dtype_parse(&dtype, luaL_checkstring(L, 2)));
  return neap_lua_done(L, neap_stream_new(push_stream(L), &p, dtype, w, b));
}

/* r:push(x, out) -> was out written? */
static int r_push(lua_State *L) {
  bool given = false;
  neap_stream *s = check_stream(L);
  const neap_tensor *x = neap_lua_check_tensor(L, 2);
  neap_lua_check(L, neap_stream_push(s, x, neap_lua_check_tensor(L, 3), &given));
  lua_pushboolean(L, given);
  return 1;
}

/* r:rows() -> rows, seen */
static int r_rows(lua_State *L) {
  const neap_stream *s = check_stream(L);
  neap_lua_done(L, neap_stream_rows(neap_lua_push_tensor(L), s));
  lua_pushinteger(L, neap_stream_seen(s));
  return 2;
}

/* r:restore(rows, seen) */
static int r_restore(lua_State *L) {
  neap_stream *s = check_stream(L);
  neap_lua_check(L, neap_stream_restore(s, neap_lua_check_tensor(L, 2),
                                        neap_lua_integer(L, 3, 0, INT64_MAX, "seen")));
  return 0;
}

/* r:reset() */
static int r_reset(lua_State *L) {
  neap_stream_reset(check_stream(L));
  return 0;
}

static int r_gc(lua_State *L) {
  neap_stream **s = luaL_checkudata(L, 1, STREAM);
  neap_stream_free(*s);
  *s = NULL;
  return 0;
}

static const luaL_Reg methods[] = {{"push", r_push},   {"rows", r_rows}, {"restore", r_restore},
                                   {"reset", r_reset}, {"__gc", r_gc},   {NULL, NULL}};
static const luaL_Reg functions[] = {{"ring", l_ring}, {NULL, NULL}};
static const neap_lua_signature signatures[] = {{"ring", "plan weight bias", NULL},
                                                {NULL, NULL, NULL}};

void neap__lua_stream(lua_State *L) {
  neap_lua_class(L, STREAM, methods);
  luaL_setfuncs(L, functions, 0);
  neap_lua_sign(L, signatures);
}
