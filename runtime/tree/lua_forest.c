/* The face of forests in Lua: neap.forester grows one, neap.forest is the finished model.
 * lualib/neap/forest.lua wraps both. */
#include <string.h>

#include "tree/forest.h"
#include "tree/lua_args.h"
#include "tree/lua_arrays.h"

static const char FOREST[] = "neap.forest", FORESTER[] = "neap.forester", FIT[] = "forest.fit",
                  LOAD[] = "forest.load";

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

/* training ------------------------------------------------------------------------------------- */

static double number_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  double v = neap__lua_number_field(L, FIT, name);
  lua_pop(L, 1);
  return v;
}

static int64_t integer_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  int64_t v = neap__lua_integer_field(L, FIT, name);
  lua_pop(L, 1);
  return v;
}

static bool flag_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  bool v = neap__lua_flag_field(L, FIT, name);
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
  neap_lua_raise(L, "%s: criterion '%s' is not one of gini, entropy, squared_error", FIT,
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
      .bootstrap = flag_field(L, "bootstrap"),
      .balanced_subsample = flag_field(L, "balanced_subsample"),
      .oob = flag_field(L, "oob_score"),
      .seed = (uint64_t)integer_field(L, "seed"),
  };
}

/* forester(options, x, y, weights | nil, chances | nil) */
static int l_forester(lua_State *L) {
  lua_settop(L, 5);
  neap_forest_options o = check_options(L);
  const neap_tensor *x = neap__lua_push_matrix(L, 2, "x");
  const double *y = neap__lua_push_rows(L, FIT, 3, x, "y"),
               *w = neap__lua_push_rows(L, FIT, 4, x, "weights"),
               *chances = neap__lua_push_rows(L, FIT, 5, x, "bootstrap_weights");
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
  const neap_tensor *x = neap__lua_push_matrix(L, 2, "x");
  int64_t classes, size[2] = {neap__lua_rows(x), neap_forest_width(m, kind)};
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
  const neap_tensor *a = neap__lua_push_matrix(L, 2, "x"), *b = neap__lua_push_matrix(L, 3, "x2");
  int64_t size[2] = {neap__lua_rows(a), neap__lua_rows(b)};
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
  neap__lua_push_integers(L, classes, n);
  return 1;
}

static int m_importance(lua_State *L) {
  const neap_forest *m = check_forest(L, 1);
  neap__lua_push_numbers(L, neap_forest_importance(m), neap_forest_features(m));
  return 1;
}

/* arrays --------------------------------------------------------------------------------------- */

enum { ARRAYS = 9 };

static void kinds_of(const neap_forest_arrays *a, neap__array_kind kinds[ARRAYS]) {
  const neap__array_kind all[ARRAYS] = {
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
  neap__array_kind kinds[ARRAYS];
  void *data[ARRAYS];
  neap_forest_write(m, &a);
  kinds_of(&a, kinds);
  neap__lua_push_arrays(L, ARRAYS, kinds, data);
  set_arrays(&a, data);
  neap_forest_write(m, &a);
  if (a.classes) memcpy(data[7], a.labels, (size_t)a.classes * sizeof *a.labels);
  memcpy(data[8], a.importance, (size_t)a.features * sizeof *a.importance);
  return neap_lua_done(L, NEAP_OK);
}

/* read(tensors by name) -> model */
static int l_read(lua_State *L) {
  neap_forest_arrays a = {0};
  neap__array_kind kinds[ARRAYS];
  void *data[ARRAYS];
  int64_t rows[ARRAYS];
  luaL_checktype(L, 1, LUA_TTABLE);
  kinds_of(&a, kinds);
  a.classes = neap_tensor_numel(neap__lua_push_array(L, LOAD, &kinds[7]));
  kinds_of(&a, kinds);
  neap__lua_check_arrays(L, LOAD, ARRAYS, kinds, 1, 4, data, rows);
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
