/* The face of isolation forests in Lua, wrapped by lualib/neap/isolation.lua. */
#include <string.h>

#include "tensor/lua_tensor.h"
#include "tree/isolation.h"

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

/* Push the matrix at arg as f64 or f32: itself when it is one of them, whatever its strides. */
static const neap_tensor *push_matrix(lua_State *L, int arg) {
  const neap_tensor *t = neap_lua_to_tensor(L, arg);
  if (!t || !t->storage || !neap_dtype_is_float(t->dtype))
    return neap_lua_push_as(L, arg, NEAP_F64, "x");
  lua_pushvalue(L, arg);
  return t;
}

static int64_t integer_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  double v = lua_isnumber(L, -1) ? lua_tonumber(L, -1) : 0.5;
  if (!(v > -0x1p53 && v < 0x1p53) || v != (double)(int64_t)v)
    neap_lua_raise(L, "isolation.fit: %s must be an integer, got %s", name,
                   luaL_tolstring(L, -1, NULL));
  lua_pop(L, 1);
  return (int64_t)v;
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
  const neap_tensor *x = push_matrix(L, 2);
  return neap_lua_done(L, neap_isolation_fit(&push_model(L)->m, &o, x));
}

/* m:score(x) -> N numbers */
static int m_score(lua_State *L) {
  lua_settop(L, 2);
  const neap_isolation *m = check_model(L, 1);
  const neap_tensor *x = push_matrix(L, 2);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_F64, x->ndim > 0 ? x->size[0] : 0));
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

typedef struct {
  const char *name;
  neap_dtype dtype;
  int64_t rows, columns; /* columns 0: one dimension */
} array_kind;

enum { ARRAYS = 6 };

/* The arrays of either form: the last two differ. */
static void kinds_of(const neap_isolation_arrays *a, array_kind kinds[ARRAYS]) {
  bool planes = a->width > 0;
  const array_kind all[ARRAYS] = {
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
  array_kind kinds[ARRAYS];
  void *data[ARRAYS];
  neap_isolation_write(m, &a);
  kinds_of(&a, kinds);
  lua_createtable(L, 0, ARRAYS);
  for (int i = 0; i < ARRAYS; i++) {
    int64_t size[2] = {kinds[i].rows, kinds[i].columns};
    neap_tensor *t = neap_lua_push_tensor(L);
    neap_lua_check(L, neap_tensor_init(t, kinds[i].dtype, size[1] ? 2 : 1, size));
    data[i] = neap_tensor_data(t);
    lua_setfield(L, -2, kinds[i].name);
  }
  set_arrays(&a, data);
  neap_isolation_write(m, &a);
  return neap_lua_done(L, NEAP_OK);
}

static const neap_tensor *push_field(lua_State *L, const array_kind *k) {
  lua_getfield(L, 1, k->name);
  const neap_tensor *t = neap_lua_to_tensor(L, -1);
  if (!t || t->dtype != k->dtype || !neap_tensor_is_contiguous(t))
    neap_lua_raise(L, "isolation.load: the file has no array '%s' of %s", k->name,
                   neap_dtype_name(k->dtype));
  if (t->ndim != (k->columns ? 2 : 1) || (k->columns && t->size[1] != k->columns))
    neap_lua_raise(L, "isolation.load: array '%s' has a wrong shape", k->name);
  return t;
}

/* read(tensors by name, columns, samples, width) -> model */
static int l_read(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  neap_isolation_arrays a = {.columns = luaL_checkinteger(L, 2),
                             .samples = luaL_checkinteger(L, 3),
                             .width = luaL_checkinteger(L, 4)};
  array_kind kinds[ARRAYS];
  void *data[ARRAYS];
  int64_t rows[ARRAYS];
  kinds_of(&a, kinds);
  for (int i = 0; i < ARRAYS; i++) {
    const neap_tensor *t = push_field(L, &kinds[i]);
    data[i] = neap_tensor_data(t);
    rows[i] = t->size[0];
  }
  for (int i = 2; i < ARRAYS; i++)
    if (rows[i] != rows[1])
      neap_lua_raise(L, "isolation.load: array '%s' has %lld rows, 'left' %lld", kinds[i].name,
                     (long long)rows[i], (long long)rows[1]);
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
