/* The face of forests in Lua: neap.forester grows one, neap.forest is the finished model.
 * lualib/neap/forest.lua wraps both. */
#include <string.h>

#include "tensor/lua_tensor.h"
#include "tree/forest.h"

static const char FOREST[] = "neap.forest", FORESTER[] = "neap.forester";

typedef struct {
  neap_forest *m;
} forest_box;

typedef struct {
  neap_forester *f;
} forester_box;

static forest_box *push_forest(lua_State *L) {
  forest_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->m = NULL;
  luaL_setmetatable(L, FOREST);
  return box;
}

static neap_forest *check_forest(lua_State *L, int arg) {
  forest_box *box = luaL_checkudata(L, arg, FOREST);
  if (!box->m) neap_lua_raise(L, "forest: the model was closed");
  return box->m;
}

static neap_forester *check_forester(lua_State *L, int arg) {
  forester_box *box = luaL_checkudata(L, arg, FORESTER);
  if (!box->f) neap_lua_raise(L, "forest: the forester was closed");
  return box->f;
}

/* Push the matrix at arg as f64 or f32: itself when it is one of them, whatever its strides. */
static const neap_tensor *push_matrix(lua_State *L, int arg, const char *name) {
  const neap_tensor *t = neap_lua_to_tensor(L, arg);
  if (!t || !t->storage || !neap_dtype_is_float(t->dtype))
    return neap_lua_push_as(L, arg, NEAP_F64, name);
  lua_pushvalue(L, arg);
  return t;
}

/* The series at arg, as long as x has rows; NULL for nil. */
static const double *push_rows(lua_State *L, int arg, const neap_tensor *x, const char *name) {
  int64_t n;
  if (lua_isnoneornil(L, arg)) return NULL;
  const neap_tensor *t = neap_lua_push_series(L, arg, NEAP_F64, name, &n);
  if (x->ndim > 0 && n != x->size[0])
    neap_lua_raise(L, "forest.fit: %s has %lld elements, but x has %lld rows", name, (long long)n,
                   (long long)x->size[0]);
  return neap_tensor_data(t);
}

/* training ------------------------------------------------------------------------------------- */

static double number_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  if (!lua_isnumber(L, -1))
    neap_lua_raise(L, "forest.fit: %s must be a number, got %s", name, luaL_typename(L, -1));
  double v = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return v;
}

static int64_t integer_field(lua_State *L, const char *name) {
  double v = number_field(L, name);
  if (!(v > -0x1p53 && v < 0x1p53) || v != (double)(int64_t)v)
    neap_lua_raise(L, "forest.fit: %s must be an integer, got %g", name, v);
  return (int64_t)v;
}

static bool boolean_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  if (!lua_isboolean(L, -1))
    neap_lua_raise(L, "forest.fit: %s must be true or false, got %s", name, luaL_typename(L, -1));
  bool v = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return v;
}

static neap_criterion criterion_field(lua_State *L) {
  static const char *const names[] = {"gini", "entropy", "squared_error"};
  lua_getfield(L, 1, "criterion");
  const char *name = lua_tostring(L, -1);
  for (int i = 0; name && i < 3; i++)
    if (strcmp(name, names[i]) == 0) {
      lua_pop(L, 1);
      return (neap_criterion)i;
    }
  neap_lua_raise(L, "forest.fit: criterion '%s' is not one of gini, entropy, squared_error",
                 name ? name : luaL_typename(L, -1));
  return NEAP_CRITERION_GINI;
}

static neap_forest_options check_options(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  return (neap_forest_options){
      .criterion = criterion_field(L),
      .trees = integer_field(L, "n_estimators"),
      .max_depth = integer_field(L, "max_depth"),
      .min_samples_split = integer_field(L, "min_samples_split"),
      .min_samples_leaf = integer_field(L, "min_samples_leaf"),
      .max_features = integer_field(L, "max_features"),
      .max_samples = integer_field(L, "max_samples"),
      .block_length = integer_field(L, "block_length"),
      .max_bin = integer_field(L, "max_bin"),
      .min_impurity_decrease = number_field(L, "min_impurity_decrease"),
      .bootstrap = boolean_field(L, "bootstrap"),
      .balanced_subsample = boolean_field(L, "balanced_subsample"),
      .oob = boolean_field(L, "oob_score"),
      .seed = (uint64_t)integer_field(L, "seed"),
  };
}

/* forester(options, x, y, weights | nil, chances | nil) */
static int l_forester(lua_State *L) {
  lua_settop(L, 5);
  neap_forest_options o = check_options(L);
  const neap_tensor *x = push_matrix(L, 2, "x");
  const double *y = push_rows(L, 3, x, "y"), *w = push_rows(L, 4, x, "weights"),
               *chances = push_rows(L, 5, x, "bootstrap_weights");
  if (!y) neap_lua_raise(L, "forest.fit: y: tensor expected, got nil");
  forester_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->f = NULL;
  luaL_setmetatable(L, FORESTER);
  return neap_lua_done(L, neap_forester_open(&box->f, &o, x, y, w, chances));
}

/* f:grow(count) -> trees grown so far */
static int f_grow(lua_State *L) {
  neap_forester *f = check_forester(L, 1);
  neap_lua_check(L, neap_forester_grow(f, luaL_checkinteger(L, 2)));
  lua_pushinteger(L, neap_forester_trees(f));
  return 1;
}

/* f:oob() -> rows x classes, or rows for a regression */
static int f_oob(lua_State *L) {
  const neap_forester *f = check_forester(L, 1);
  int64_t size[2] = {neap_forester_rows(f), neap_forester_width(f)};
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, size[1] > 1 ? 2 : 1, size));
  return neap_lua_done(L, neap_forester_oob(f, neap_tensor_data(out)));
}

static int f_finish(lua_State *L) {
  neap_forester *f = check_forester(L, 1);
  return neap_lua_done(L, neap_forester_finish(f, &push_forest(L)->m));
}

static int f_close(lua_State *L) {
  forester_box *box = luaL_checkudata(L, 1, FORESTER);
  neap_forester_free(box->f);
  box->f = NULL;
  return 0;
}

/* prediction ----------------------------------------------------------------------------------- */

/* m:predict(x, kind): labels and leaves as integers. */
static int m_predict(lua_State *L) {
  static const char *const names[] = {"probability", "value", "leaf", NULL};
  lua_settop(L, 3);
  const neap_forest *m = check_forest(L, 1);
  neap_forest_kind kind = (neap_forest_kind)luaL_checkoption(L, 3, "value", names);
  const neap_tensor *x = push_matrix(L, 2, "x");
  int64_t classes, size[2] = {x->ndim > 0 ? x->size[0] : 0, neap_forest_width(m, kind)};
  neap_forest_classes(m, &classes);
  neap_tensor *out = neap_lua_push_tensor(L);
  bool flat = kind == NEAP_FOREST_VALUE;
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, flat ? 1 : 2, size));
  neap_status st = neap_forest_predict(m, x, kind, neap_tensor_data(out));
  if (kind == NEAP_FOREST_PROBABILITY || (flat && !classes)) return neap_lua_done(L, st);
  neap_lua_check(L, st);
  return neap_lua_done(L, neap_tensor_as(neap_lua_push_tensor(L), out, NEAP_I64));
}

/* m:proximity(a, b) -> rows of a x rows of b */
static int m_proximity(lua_State *L) {
  lua_settop(L, 3);
  const neap_forest *m = check_forest(L, 1);
  const neap_tensor *a = push_matrix(L, 2, "x"), *b = push_matrix(L, 3, "x2");
  int64_t size[2] = {a->ndim > 0 ? a->size[0] : 0, b->ndim > 0 ? b->size[0] : 0};
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, 2, size));
  return neap_lua_done(L, neap_forest_proximity(m, a, b, neap_tensor_data(out)));
}

/* looking -------------------------------------------------------------------------------------- */

/* m:sizes() -> features, trees, leaves */
static int m_sizes(lua_State *L) {
  const neap_forest *m = check_forest(L, 1);
  lua_pushinteger(L, neap_forest_features(m));
  lua_pushinteger(L, neap_forest_trees(m));
  lua_pushinteger(L, neap_forest_leaves(m));
  return 3;
}

static int m_classes(lua_State *L) {
  int64_t n;
  const int64_t *classes = neap_forest_classes(check_forest(L, 1), &n);
  lua_createtable(L, (int)n, 0);
  for (int64_t k = 0; k < n; k++) {
    lua_pushinteger(L, classes[k]);
    lua_rawseti(L, -2, k + 1);
  }
  return 1;
}

static int m_importance(lua_State *L) {
  const neap_forest *m = check_forest(L, 1);
  int64_t n = neap_forest_features(m);
  lua_createtable(L, (int)n, 0);
  for (int64_t f = 0; f < n; f++) {
    lua_pushnumber(L, neap_forest_importance(m)[f]);
    lua_rawseti(L, -2, f + 1);
  }
  return 1;
}

/* arrays --------------------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  neap_dtype dtype;
  int64_t rows, columns; /* columns 0: one dimension */
} array_kind;

enum { ARRAYS = 9 };

static void kinds_of(const neap_forest_arrays *a, array_kind kinds[ARRAYS]) {
  const array_kind all[ARRAYS] = {
      {"tree_nodes", NEAP_I64, a->trees, 0},
      {"feature", NEAP_I32, a->nodes, 0},
      {"left", NEAP_I32, a->nodes, 0},
      {"threshold", NEAP_F64, a->nodes, 0},
      {"missing_left", NEAP_BOOL, a->nodes, 0},
      {"leaf_class", NEAP_I32, a->leaves, 0},
      {"value", NEAP_F64, a->values, a->classes ? a->classes : 1},
      {"labels", NEAP_I64, a->classes, 0},
      {"importance", NEAP_F64, a->features, 0},
  };
  memcpy(kinds, all, sizeof all);
}

/* data[i] belongs to kind number i. */
static void set_arrays(neap_forest_arrays *a, void *const data[ARRAYS]) {
  a->tree_nodes = data[0];
  a->feature = data[1];
  a->left = data[2];
  a->threshold = data[3];
  a->missing_left = data[4];
  a->leaf_class = data[5];
  a->value = data[6];
}

/* m:arrays() -> tensors by name */
static int m_arrays(lua_State *L) {
  const neap_forest *m = check_forest(L, 1);
  neap_forest_arrays a = {0};
  array_kind kinds[ARRAYS];
  void *data[ARRAYS];
  neap_forest_write(m, &a);
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
  neap_forest_write(m, &a);
  if (a.classes) memcpy(data[7], a.labels, (size_t)a.classes * sizeof *a.labels);
  memcpy(data[8], a.importance, (size_t)a.features * sizeof *a.importance);
  return neap_lua_done(L, NEAP_OK);
}

/* Push the tensor called name of the table at 1 and check what it is; rows < 0 take any number,
 * which is returned. */
static const neap_tensor *push_field(lua_State *L, const array_kind *k) {
  lua_getfield(L, 1, k->name);
  const neap_tensor *t = neap_lua_to_tensor(L, -1);
  if (!t || t->dtype != k->dtype || !neap_tensor_is_contiguous(t))
    neap_lua_raise(L, "forest.load: the file has no array '%s' of %s", k->name,
                   neap_dtype_name(k->dtype));
  if (t->ndim != (k->columns ? 2 : 1) || (k->columns && t->size[1] != k->columns))
    neap_lua_raise(L, "forest.load: array '%s' has a wrong shape", k->name);
  return t;
}

/* read(tensors by name) -> model */
static int l_read(lua_State *L) {
  neap_forest_arrays a = {0};
  array_kind kinds[ARRAYS];
  void *data[ARRAYS];
  int64_t rows[ARRAYS];
  luaL_checktype(L, 1, LUA_TTABLE);
  kinds_of(&a, kinds);
  a.classes = neap_tensor_numel(push_field(L, &kinds[7]));
  kinds_of(&a, kinds);
  for (int i = 0; i < ARRAYS; i++) {
    const neap_tensor *t = push_field(L, &kinds[i]);
    data[i] = neap_tensor_data(t);
    rows[i] = t->size[0];
  }
  for (int i = 2; i < 5; i++)
    if (rows[i] != rows[1])
      neap_lua_raise(L, "forest.load: array '%s' has %lld elements, 'feature' %lld", kinds[i].name,
                     (long long)rows[i], (long long)rows[1]);
  set_arrays(&a, data);
  a.trees = rows[0];
  a.nodes = rows[1];
  a.leaves = rows[5];
  a.values = rows[6];
  a.features = rows[8];
  a.labels = data[7];
  a.importance = data[8];
  return neap_lua_done(L, neap_forest_read(&push_forest(L)->m, &a));
}

static int m_close(lua_State *L) {
  forest_box *box = luaL_checkudata(L, 1, FOREST);
  neap_forest_free(box->m);
  box->m = NULL;
  return 0;
}

static const luaL_Reg forest_methods[] = {
    {"predict", m_predict},
    {"proximity", m_proximity},
    {"sizes", m_sizes},
    {"classes", m_classes},
    {"importance", m_importance},
    {"arrays", m_arrays},
    {"__gc", m_close},
    {NULL, NULL},
};

static const luaL_Reg forester_methods[] = {
    {"grow", f_grow}, {"oob", f_oob}, {"finish", f_finish}, {"__gc", f_close}, {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"forester", l_forester},
    {"read", l_read},
    {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_forest(lua_State *L);

int luaopen_neap_c_forest(lua_State *L) {
  neap_lua_class(L, FOREST, forest_methods);
  neap_lua_class(L, FORESTER, forester_methods);
  luaL_newlib(L, functions);
  return 1;
}
