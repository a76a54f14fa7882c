/* Methods of neap.gbdt that explain it; lualib/neap/gbdt/explain.lua wraps them. */
#include "tree/lua_tree.h"
#include "tree/outline.h"
#include "tree/shap.h"

/* shap ----------------------------------------------------------------------------------------- */

/* N x K x width..., without K where it is 1. */
static double *push_result(lua_State *L, const neap_gbdt *m, const neap_tensor *x, int widths) {
  int64_t classes = neap_gbdt_width(m, NEAP_PREDICT_RAW, 0), width = neap_gbdt_features(m) + 1;
  int64_t size[4] = {neap__lua_rows(x)};
  int n = 1;
  if (classes > 1) size[n++] = classes;
  for (int i = 0; i < widths; i++) size[n++] = width;
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, n, size));
  return neap_tensor_data(out);
}

typedef neap_status explainer(const neap_gbdt *m, const neap_tensor *x, int64_t iterations,
                              double *out);

static int explain(lua_State *L, explainer *fn, int widths) {
  lua_settop(L, 3);
  const neap_gbdt *m = neap__lua_check_gbdt(L, 1);
  lua_Integer iterations = luaL_optinteger(L, 3, 0);
  const neap_tensor *x = neap__lua_push_matrix(L, 2, "x");
  double *out = push_result(L, m, x, widths);
  return neap_lua_done(L, fn(m, x, iterations, out));
}

/* m:shap(x, iterations) */
static int m_shap(lua_State *L) { return explain(L, neap_gbdt_shap, 1); }

/* m:shap_interactions(x, iterations) */
static int m_shap_interactions(lua_State *L) { return explain(L, neap_gbdt_shap_interactions, 2); }

/* trees to look at ----------------------------------------------------------------------------- */

/* m:nodes(first, last) -> i64 [columns x n], f64 [columns x n]; trees count from 1 */
static int m_nodes(lua_State *L) {
  const neap_gbdt *m = neap__lua_check_gbdt(L, 1);
  int64_t trees = neap_gbdt_trees(m);
  int64_t first = neap_lua_position(L, 2, trees, "tree");
  int64_t last = neap_lua_position(L, 3, trees, "tree") + 1;
  int64_t n = neap_gbdt_node_count(m, first, last);
  neap_tensor *whole = neap_lua_push_tensor(L), *real = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(whole, NEAP_I64, 2, (int64_t[]){NEAP_NODE_WHOLES, n}));
  neap_lua_check(L, neap_tensor_init_raw(real, NEAP_F64, 2, (int64_t[]){NEAP_NODE_REALS, n}));
  neap_lua_check(L,
                 neap_gbdt_nodes(m, first, last, neap_tensor_data(whole), neap_tensor_data(real)));
  neap_lua_charge(L);
  return 2;
}

/* m:categories(tree, split) -> codes that go left; the split counts from 0 */
static int m_categories(lua_State *L) {
  const neap_gbdt *m = neap__lua_check_gbdt(L, 1);
  int64_t tree = neap_lua_position(L, 2, neap_gbdt_trees(m), "tree");
  lua_Integer split = luaL_checkinteger(L, 3);
  luaL_argcheck(L, split >= 0 && split < neap_gbdt_leaves(m, tree) - 1, 3, "no such split");
  int64_t n = neap_gbdt_categories(m, tree, split, NULL);
  int64_t *codes = lua_newuserdatauv(L, (size_t)n * sizeof *codes, 0);
  neap_gbdt_categories(m, tree, split, codes);
  neap__lua_push_integers(L, codes, n);
  return 1;
}

/* m:used_features() -> whether a tree asks for each feature */
static int m_used_features(lua_State *L) {
  const neap_gbdt *m = neap__lua_check_gbdt(L, 1);
  int64_t n = neap_gbdt_features(m);
  bool *used = lua_newuserdatauv(L, (size_t)n, 0);
  neap_gbdt_used(m, used);
  lua_createtable(L, (int)n, 0);
  for (int64_t f = 0; f < n; f++) {
    lua_pushboolean(L, used[f]);
    lua_rawseti(L, -2, f + 1);
  }
  return 1;
}

/* Push the row at arg as F doubles. */
static const double *push_row(lua_State *L, const neap_gbdt *m, int arg) {
  const neap_tensor *x = neap_lua_push_as(L, arg, NEAP_F64, "x");
  if (neap_tensor_numel(x) != neap_gbdt_features(m))
    neap_lua_raise(L, "gbdt.explain_row: x has %lld numbers, the model was fitted on %lld features",
                   (long long)neap_tensor_numel(x), (long long)neap_gbdt_features(m));
  return neap_tensor_data(x);
}

/* m:path(x, tree) -> splits from 0, whether x goes left there, leaf from 0 */
static int m_path(lua_State *L) {
  lua_settop(L, 3);
  const neap_gbdt *m = neap__lua_check_gbdt(L, 1);
  int64_t tree = neap_lua_position(L, 3, neap_gbdt_trees(m), "tree"), leaf;
  const double *row = push_row(L, m, 2);
  size_t most = (size_t)neap_gbdt_leaves(m, tree);
  int32_t *split = lua_newuserdatauv(L, most * (sizeof *split + sizeof(bool)), 0);
  bool *left = (bool *)(split + most);
  int64_t n = neap_gbdt_path(m, tree, row, split, left, &leaf);
  lua_createtable(L, (int)n, 0);
  lua_createtable(L, (int)n, 0);
  for (int64_t i = 0; i < n; i++) {
    lua_pushinteger(L, split[i]);
    lua_rawseti(L, -3, i + 1);
    lua_pushboolean(L, left[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushinteger(L, leaf);
  return 3;
}

/* m:tree_values(x) -> 2 x trees: what each tree gives, and its mean over the training rows */
static int m_tree_values(lua_State *L) {
  lua_settop(L, 2);
  const neap_gbdt *m = neap__lua_check_gbdt(L, 1);
  const double *row = push_row(L, m, 2);
  int64_t trees = neap_gbdt_trees(m);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, 2, (int64_t[]){2, trees}));
  double *v = neap_tensor_data(out);
  neap_gbdt_tree_values(m, row, v, v + trees);
  return neap_lua_done(L, NEAP_OK);
}

static const luaL_Reg methods[] = {
    {"shap", m_shap},
    {"shap_interactions", m_shap_interactions},
    {"used_features", m_used_features},
    {"nodes", m_nodes},
    {"categories", m_categories},
    {"path", m_path},
    {"tree_values", m_tree_values},
    {NULL, NULL},
};

void neap__lua_add_explain(lua_State *L) {
  neap_lua_class(L, NEAP__LUA_GBDT, methods);
  lua_pop(L, 1);
}
