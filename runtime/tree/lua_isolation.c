/* The face of isolation forests in Lua, wrapped by lualib/neap/isolation.lua. */
#include <string.h>

#include "tree/isolation.h"
#include "tree/lua_args.h"
#include "tree/lua_arrays.h"

static const char ISOLATION[] = "neap.isolation";

typedef struct {
  neap_isolation *m;
} box;

static box *push_model(lua_State *L) {
  box *b = lua_newuserdatauv(L, sizeof *b, 0);
  b->m = NULL;
  luaL_setmetatable(L, ISOLATION);
  return b;
}

static neap_isolation *check_model(lua_State *L, int arg) {
  box *b = luaL_checkudata(L, arg, ISOLATION);
  if (!b->m) neap_lua_raise(L, "isolation: the model was closed");
  return b->m;
}

static int64_t integer_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  int64_t v = neap__lua_integer_field(L, "isolation.fit", name);
  lua_pop(L, 1);
  return v;
}

/* fit(options, x) -> model */
static int l_fit(lua_State *L) {
  lua_settop(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  neap_isolation_options o = {
      .trees = integer_field(L, "n_estimators"),
      .samples = integer_field(L, "max_samples"),
      .features = integer_field(L, "max_features"),
      .width = integer_field(L, "extension_level") + 1,
      .seed = (uint64_t)integer_field(L, "seed"),
  };
  const neap_tensor *x = neap__lua_push_matrix(L, 2, "x");
  return neap_lua_done(L, neap_isolation_fit(&push_model(L)->m, &o, x));
}

/* m:score(x) -> N numbers */
static int m_score(lua_State *L) {
  lua_settop(L, 2);
  const neap_isolation *m = check_model(L, 1);
  const neap_tensor *x = neap__lua_push_matrix(L, 2, "x");
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_F64, neap__lua_rows(x)));
  return neap_lua_done(L, neap_isolation_score(m, x, neap_tensor_data(out)));
}

/* m:score_row(x) -> number; nothing is allocated when x is a plain f64 tensor. */
static int m_score_row(lua_State *L) {
  const neap_isolation *m = check_model(L, 1);
  const neap_tensor *x = neap_lua_check_tensor(L, 2);
  if (x->dtype != NEAP_F64 || !neap_tensor_is_contiguous(x))
    x = neap_lua_push_as(L, 2, NEAP_F64, "x");
  if (neap_tensor_numel(x) != neap_isolation_columns(m))
    neap_lua_raise(L, "isolation.score_row: x has %lld features, the model was fitted on %lld",
                   (long long)neap_tensor_numel(x), (long long)neap_isolation_columns(m));
  lua_pushnumber(L, neap_isolation_score_row(m, neap_tensor_data(x)));
  return 1;
}

/* m:sizes() -> columns, trees, rows of a tree, coordinates of a hyperplane (0: none) */
static int m_sizes(lua_State *L) {
  const neap_isolation *m = check_model(L, 1);
  lua_pushinteger(L, neap_isolation_columns(m));
  lua_pushinteger(L, neap_isolation_trees(m));
  lua_pushinteger(L, neap_isolation_samples(m));
  lua_pushinteger(L, neap_isolation_width(m));
  return 4;
}

/* arrays --------------------------------------------------------------------------------------- */

enum { ARRAYS = 6 };

/* The arrays of either form: the last two differ. */
static void kinds_of(const neap_isolation_arrays *a, neap__array_kind kinds[ARRAYS]) {
  bool planes = a->width > 0;
  const neap__array_kind all[ARRAYS] = {
      {"tree_nodes", NEAP_I64, a->trees, 0},
      {"left", NEAP_I32, a->nodes, 0},
      {"height", NEAP_F64, a->nodes, 0},
      {"feature", NEAP_I32, a->nodes, a->width},
      {planes ? "normal" : "threshold", NEAP_F64, a->nodes, a->width},
      {planes ? "centre" : "missing_left", planes ? NEAP_F64 : NEAP_BOOL, a->nodes, a->width},
  };
  memcpy(kinds, all, sizeof all);
}

static void set_arrays(neap_isolation_arrays *a, void *const data[ARRAYS]) {
  a->tree_nodes = data[0];
  a->left = data[1];
  a->height = data[2];
  a->feature = data[3];
  if (a->width) {
    a->normal = data[4];
    a->centre = data[5];
  } else {
    a->threshold = data[4];
    a->missing_left = data[5];
  }
}

/* m:arrays() -> tensors by name */
static int m_arrays(lua_State *L) {
  const neap_isolation *m = check_model(L, 1);
  neap_isolation_arrays a = {0};
  neap__array_kind kinds[ARRAYS];
  void *data[ARRAYS];
  neap_isolation_write(m, &a);
  kinds_of(&a, kinds);
  neap__lua_push_arrays(L, ARRAYS, kinds, data);
  set_arrays(&a, data);
  neap_isolation_write(m, &a);
  return neap_lua_done(L, NEAP_OK);
}

/* read(tensors by name, columns, samples, width) -> model */
static int l_read(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  neap_isolation_arrays a = {.columns = luaL_checkinteger(L, 2),
                             .samples = luaL_checkinteger(L, 3),
                             .width = luaL_checkinteger(L, 4)};
  neap__array_kind kinds[ARRAYS];
  void *data[ARRAYS];
  int64_t rows[ARRAYS];
  kinds_of(&a, kinds);
  neap__lua_check_arrays(L, "isolation.load", ARRAYS, kinds, 1, ARRAYS - 1, data, rows);
  set_arrays(&a, data);
  a.trees = rows[0];
  a.nodes = rows[1];
  return neap_lua_done(L, neap_isolation_read(&push_model(L)->m, &a));
}

static int m_close(lua_State *L) {
  box *b = luaL_checkudata(L, 1, ISOLATION);
  neap_isolation_free(b->m);
  b->m = NULL;
  return 0;
}

static const luaL_Reg methods[] = {
    {"score", m_score},   {"score_row", m_score_row}, {"sizes", m_sizes},
    {"arrays", m_arrays}, {"__gc", m_close},          {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"fit", l_fit},
    {"read", l_read},
    {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_isolation(lua_State *L);

int luaopen_neap_c_isolation(lua_State *L) {
  neap_lua_class(L, ISOLATION, methods);
  luaL_newlib(L, functions);
  return 1;
}
