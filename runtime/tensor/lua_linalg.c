/* Linear algebra and rolling windows in Lua: positional; lualib adds the options. */
#include "tensor/lua_parts.h"

/* solve(a, b) */
static int l_solve(lua_State *L) {
  const neap_tensor *a = neap_lua_check_tensor(L, 1), *b = neap_lua_check_tensor(L, 2);
  return neap_lua_done(L, neap_tensor_solve(neap_lua_push_tensor(L), a, b));
}

/* inv(a) */
static int l_inv(lua_State *L) {
  const neap_tensor *a = neap_lua_check_tensor(L, 1);
  return neap_lua_done(L, neap_tensor_inv(neap_lua_push_tensor(L), a));
}

/* expm(a) */
static int l_expm(lua_State *L) {
  const neap_tensor *a = neap_lua_check_tensor(L, 1);
  return neap_lua_done(L, neap_tensor_expm(neap_lua_push_tensor(L), a));
}

/* solve_triangular(a, b, upper, transpose, unit) */
static int l_solve_triangular(lua_State *L) {
  const neap_tensor *a = neap_lua_check_tensor(L, 1), *b = neap_lua_check_tensor(L, 2);
  neap_triangle shape = {lua_toboolean(L, 3), lua_toboolean(L, 4), lua_toboolean(L, 5)};
  return neap_lua_done(L, neap_tensor_solve_triangular(neap_lua_push_tensor(L), a, b, shape));
}

/* cholesky(a) */
static int l_cholesky(lua_State *L) {
  const neap_tensor *a = neap_lua_check_tensor(L, 1);
  return neap_lua_done(L, neap_tensor_cholesky(neap_lua_push_tensor(L), a));
}

/* lu(a) -> positions from 1, l, u */
static int l_lu(lua_State *L) {
  const neap_tensor *a = neap_lua_check_tensor(L, 1);
  neap_tensor *order = neap_lua_push_tensor(L), *l = neap_lua_push_tensor(L);
  neap_tensor *u = neap_lua_push_tensor(L);
  neap_lua_done(L, neap_tensor_lu(order, l, u, a, 1));
  return 3;
}

/* det(a) */
static int l_det(lua_State *L) {
  const neap_tensor *a = neap_lua_check_tensor(L, 1);
  return neap__lua_done_value(L, neap_tensor_det(neap_lua_push_tensor(L), NULL, NULL, a));
}

/* slogdet(a) -> sign, logarithm of the size */
static int l_slogdet(lua_State *L) {
  const neap_tensor *a = neap_lua_check_tensor(L, 1);
  neap_tensor *sign = neap_lua_push_tensor(L), *logabs = neap_lua_push_tensor(L);
  neap_lua_done(L, neap_tensor_det(NULL, sign, logabs, a));
  neap__lua_simplify(L, lua_gettop(L) - 1);
  neap__lua_simplify(L, lua_gettop(L));
  return 2;
}

/* qr(a, full) -> q, r */
static int l_qr(lua_State *L) {
  const neap_tensor *a = neap_lua_check_tensor(L, 1);
  bool full = lua_toboolean(L, 2);
  neap_tensor *q = neap_lua_push_tensor(L), *r = neap_lua_push_tensor(L);
  neap_lua_done(L, neap_tensor_qr(q, r, a, full));
  return 2;
}

/* svd(a, full) -> u, s, vt */
static int l_svd(lua_State *L) {
  const neap_tensor *a = neap_lua_check_tensor(L, 1);
  bool full = lua_toboolean(L, 2);
  neap_tensor *u = neap_lua_push_tensor(L), *s = neap_lua_push_tensor(L);
  neap_tensor *vt = neap_lua_push_tensor(L);
  neap_lua_done(L, neap_tensor_svd(u, s, vt, a, full));
  return 3;
}

/* svdvals(a) */
static int l_svdvals(lua_State *L) {
  const neap_tensor *a = neap_lua_check_tensor(L, 1);
  return neap_lua_done(L, neap_tensor_svd(NULL, neap_lua_push_tensor(L), NULL, a, false));
}

/* eigh(a) -> values, vectors */
static int l_eigh(lua_State *L) {
  const neap_tensor *a = neap_lua_check_tensor(L, 1);
  neap_tensor *values = neap_lua_push_tensor(L), *vectors = neap_lua_push_tensor(L);
  neap_lua_done(L, neap_tensor_eigh(values, vectors, a));
  return 2;
}

/* lstsq(a, b, rcond) -> x, rank, s; rcond below 0: the usual one */
static int l_lstsq(lua_State *L) {
  const neap_tensor *a = neap_lua_check_tensor(L, 1), *b = neap_lua_check_tensor(L, 2);
  double rcond = lua_isnoneornil(L, 3) ? -1 : neap_lua_number(L, 3);
  neap_tensor *x = neap_lua_push_tensor(L), *rank = neap_lua_push_tensor(L);
  neap_tensor *s = neap_lua_push_tensor(L);
  neap_lua_done(L, neap_tensor_lstsq(x, rank, s, a, b, rcond));
  neap__lua_simplify(L, lua_gettop(L) - 1);
  return 3;
}

/* rolling(name, t, n, dim, min_count, parameter, u) */
static int l_rolling(lua_State *L) {
  neap_rolling op = (neap_rolling)luaL_checkoption(L, 1, NULL, neap_rolling_names);
  const neap_tensor *t = neap_lua_check_tensor(L, 2);
  neap_rolling_options o = {.n = neap_lua_whole(L, 3)};
  int dim = neap__lua_dim(L, 4, t->ndim, t->ndim == 1 ? 0 : -1);
  o.min_count = lua_isnoneornil(L, 5) ? o.n : neap_lua_whole(L, 5);
  o.parameter = luaL_optnumber(L, 6, 0);
  const neap_tensor *u = lua_isnoneornil(L, 7) ? NULL : neap_lua_check_tensor(L, 7);
  return neap_lua_done(L, neap_tensor_rolling(neap_lua_push_tensor(L), op, t, u, dim, &o));
}

void neap__lua_add_linalg(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"solve", l_solve}, {"solve_triangular", l_solve_triangular},
      {"lu", l_lu},       {"cholesky", l_cholesky},
      {"det", l_det},     {"slogdet", l_slogdet},
      {"qr", l_qr},       {"svd", l_svd},
      {"eigh", l_eigh},   {"svdvals", l_svdvals},
      {"lstsq", l_lstsq}, {"rolling", l_rolling},
      {"inv", l_inv},     {"expm", l_expm},
      {NULL, NULL},
  };
  static const neap_lua_signature signatures[] = {
      {"solve", "a b", NULL},
      {"solve_triangular", "a b", NULL},
      {"lu", "a", NULL},
      {"cholesky", "a", NULL},
      {"det", "a", NULL},
      {"slogdet", "a", NULL},
      {"qr", "a", NULL},
      {"svd", "a", NULL},
      {"eigh", "a", NULL},
      {"svdvals", "a", NULL},
      {"lstsq", "a b rcond", NULL},
      {"rolling", "name self n dim min_count parameter other", "rolling_*"},
      {NULL, NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
  neap_lua_sign(L, signatures);
}
