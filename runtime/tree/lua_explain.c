/* Methods of neap.gbdt that explain it; lualib/neap/gbdt/explain.lua wraps them. */
#include "tree/lua_tree.h"
#include "tree/shap.h"

/* shap ----------------------------------------------------------------------------------------- */

/* N x K x width..., without K where it is 1. */
static double *push_result(lua_State *L, const neap_gbdt *m, const neap_tensor *x, int widths) {
  int64_t classes = neap_gbdt_width(m, NEAP_PREDICT_RAW, 0), width = neap_gbdt_features(m) + 1;
  int64_t size[4] = {x->ndim > 0 ? x->size[0] : 0};
  int n = 1;
  if (classes > 1) size[n++] = classes;
  for (int i = 0; i < widths; i++) size[n++] = width;
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, n, size));
  return neap_tensor_data(out);
}

/* m:shap(x, iterations) */
static int m_shap(lua_State *L) {
  lua_settop(L, 3);
  const neap_gbdt *m = neap__lua_check_gbdt(L, 1);
  lua_Integer iterations = luaL_optinteger(L, 3, 0);
  const neap_tensor *x = neap__lua_push_matrix(L, 2, "x");
  double *out = push_result(L, m, x, 1);
  return neap_lua_done(L, neap_gbdt_shap(m, x, iterations, out));
}

/* m:shap_interactions(x, iterations) */
static int m_shap_interactions(lua_State *L) {
  lua_settop(L, 3);
  const neap_gbdt *m = neap__lua_check_gbdt(L, 1);
  lua_Integer iterations = luaL_optinteger(L, 3, 0);
  const neap_tensor *x = neap__lua_push_matrix(L, 2, "x");
  double *out = push_result(L, m, x, 2);
  return neap_lua_done(L, neap_gbdt_shap_interactions(m, x, iterations, out));
}

static const luaL_Reg methods[] = {
    {"shap", m_shap},
    {"shap_interactions", m_shap_interactions},
    {NULL, NULL},
};

void neap__lua_add_explain(lua_State *L) {
  neap_lua_class(L, NEAP__LUA_GBDT, methods);
  lua_pop(L, 1);
}
