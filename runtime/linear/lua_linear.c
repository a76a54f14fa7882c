/* The face of linear models in Lua: a neap.linear is a fitted model and cannot change. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "linear/linear.h"
#include "tensor/lua_tensor.h"

static const char LINEAR[] = "neap.linear";

static neap_linear *push_linear(lua_State *L) {
  neap_linear *m = lua_newuserdatauv(L, sizeof *m, 0);
  memset(m, 0, sizeof *m);
  luaL_setmetatable(L, LINEAR);
  return m;
}

static const neap_linear *check_linear(lua_State *L, int arg) {
  const neap_linear *m = luaL_checkudata(L, arg, LINEAR);
  if (!m->k) neap_lua_raise(L, "linear model was closed");
  return m;
}

static int m_close(lua_State *L) {
  neap_linear_drop(luaL_checkudata(L, 1, LINEAR));
  return 0;
}

/* fitting -------------------------------------------------------------------------------------- */

static const double *push_matrix(lua_State *L, int arg, const char *name, int64_t *n, int64_t *f) {
  char shape[128];
  const neap_tensor *t = neap_lua_push_as(L, arg, NEAP_F64, name);
  if (t->ndim != 2)
    neap_lua_raise(L, "%s: shape N x F expected, got %s", name,
                   neap_shape_text(t, shape, sizeof shape));
  *n = t->size[0];
  *f = t->size[1];
  return neap_tensor_data(t);
}

static const double *push_rows(lua_State *L, int arg, const char *name, int64_t expected) {
  int64_t n;
  const neap_tensor *t = neap_lua_push_series(L, arg, NEAP_F64, name, &n);
  if (n != expected)
    neap_lua_raise(L, "%s has %lld rows, x has %lld", name, (long long)n, (long long)expected);
  return neap_tensor_data(t);
}

static neap_linear_options check_options(lua_State *L, int arg) {
  neap_linear_options o = {.alpha = luaL_checknumber(L, arg),
                           .intercept = lua_toboolean(L, arg + 1),
                           .standardize = lua_toboolean(L, arg + 2)};
  if (!(o.alpha >= 0 && o.alpha < 1e300))
    neap_lua_raise(L, "linear.fit: alpha is %g, must be finite and not negative", o.alpha);
  o.max_iterations = (int)neap_lua_integer(L, arg + 3, 1, 1000000, "linear.fit: max_iter");
  o.tolerance = luaL_checknumber(L, arg + 4);
  if (!(o.tolerance > 0)) neap_lua_raise(L, "linear.fit: tol is %g, must be positive", o.tolerance);
  return o;
}

/* fit(kind, x, y, weights|nil, alpha, intercept, standardize, max_iter, tol) */
static int l_fit(lua_State *L) {
  bool ridge = strcmp(luaL_checkstring(L, 1), "ridge") == 0;
  neap_linear_options o = check_options(L, 5);
  lua_settop(L, 9);
  int64_t n, f;
  const double *x = push_matrix(L, 2, "linear.fit: x", &n, &f);
  const double *y = push_rows(L, 3, "linear.fit: y", n);
  const double *w = lua_isnil(L, 4) ? NULL : push_rows(L, 4, "linear.fit: weights", n);
  neap_linear *m = push_linear(L);
  neap_status st =
      ridge ? neap_linear_ridge(m, n, f, x, y, w, &o) : neap_linear_logistic(m, n, f, x, y, w, &o);
  if (st) st = neap_fail_in(st, "linear.fit");
  return neap_lua_done(L, st);
}

/* predicting ----------------------------------------------------------------------------------- */

/* N x F, or F numbers: one row. */
static const double *push_input(lua_State *L, const neap_linear *m, int arg, const char *where,
                                int64_t *n) {
  char shape[128], name[64];
  snprintf(name, sizeof name, "%s: x", where);
  const neap_tensor *t = neap_lua_push_as(L, arg, NEAP_F64, name);
  if (t->ndim < 1 || t->ndim > 2 || t->size[t->ndim - 1] != m->f)
    neap_lua_raise(L, "%s: shape N x %lld expected, got %s", name, (long long)m->f,
                   neap_shape_text(t, shape, sizeof shape));
  *n = t->ndim == 2 ? t->size[0] : 1;
  return neap_tensor_data(t);
}

/* Push the result of n rows, wide numbers each; one dimension when wide is 1. */
static neap_tensor *push_result(lua_State *L, neap_dtype dtype, int64_t n, int64_t wide) {
  neap_tensor *out = neap_lua_push_tensor(L);
  int64_t size[2] = {n, wide};
  neap_lua_check(L, neap_tensor_init_raw(out, dtype, wide > 1 ? 2 : 1, size));
  return out;
}

static int done_in(lua_State *L, neap_status st, const char *where) {
  if (st) st = neap_fail_in(st, "%s", where);
  return neap_lua_done(L, st);
}

static int m_scores(lua_State *L) {
  static const char where[] = "linear model:decision";
  const neap_linear *m = check_linear(L, 1);
  int64_t n;
  const double *x = push_input(L, m, 2, where, &n);
  neap_tensor *out = push_result(L, NEAP_F64, n, m->k);
  return done_in(L, neap_linear_scores(m, n, x, neap_tensor_data(out)), where);
}

static int m_proba(lua_State *L) {
  static const char where[] = "linear model:predict_proba";
  const neap_linear *m = check_linear(L, 1);
  int64_t n;
  const double *x = push_input(L, m, 2, where, &n);
  neap_tensor *out = push_result(L, NEAP_F64, n, m->classes);
  return done_in(L, neap_linear_proba(m, n, x, neap_tensor_data(out)), where);
}

/* Labels as i64, or the numbers of a ridge model. */
static int m_predict(lua_State *L) {
  static const char where[] = "linear model:predict";
  const neap_linear *m = check_linear(L, 1);
  int64_t n;
  const double *x = push_input(L, m, 2, where, &n);
  neap_tensor *out = push_result(L, m->classes ? NEAP_I64 : NEAP_F64, n, 1);
  void *data = neap_tensor_data(out);
  neap_status st =
      m->classes ? neap_linear_predict(m, n, x, data) : neap_linear_scores(m, n, x, data);
  return done_in(L, st, where);
}

/* storing -------------------------------------------------------------------------------------- */

static void push_copy(lua_State *L, int64_t n, int64_t wide, const double *v) {
  neap_tensor *t = neap_lua_push_tensor(L);
  int64_t size[2] = {n, wide};
  neap_lua_check(L, neap_tensor_init_raw(t, NEAP_F64, wide ? 2 : 1, size));
  memcpy(neap_tensor_data(t), v, (size_t)(n * (wide ? wide : 1)) * sizeof *v);
}

/* state() -> coef (k x f), intercept (k), mean|nil, scale|nil, classes|nil, iterations, converged
 */
static int m_state(lua_State *L) {
  const neap_linear *m = check_linear(L, 1);
  push_copy(L, m->k, m->f, m->coef);
  push_copy(L, m->k, 0, m->offset);
  if (m->mean) push_copy(L, m->f, 0, m->mean);
  else lua_pushnil(L);
  if (m->mean) push_copy(L, m->f, 0, m->scale);
  else lua_pushnil(L);
  if (m->classes) push_copy(L, m->classes, 0, m->label);
  else lua_pushnil(L);
  lua_pushinteger(L, m->iterations);
  lua_pushboolean(L, m->converged);
  neap_lua_charge(L);
  return 7;
}

static neap_status copy(double **out, int64_t n, const double *v) {
  if (!v) return NEAP_OK;
  *out = neap_alloc_array(n, sizeof **out);
  if (!*out) return NEAP_ENOMEM;
  memcpy(*out, v, (size_t)n * sizeof *v);
  return NEAP_OK;
}

static const double *optional_rows(lua_State *L, int arg, const char *name, int64_t n) {
  return lua_isnil(L, arg) ? NULL : push_rows(L, arg, name, n);
}

/* restore(coef, intercept, mean|nil, scale|nil, classes|nil, iterations, converged) */
static int l_restore(lua_State *L) {
  static const char where[] = "linear.from_table";
  neap_linear m = {.iterations = (int)neap_lua_integer(L, 6, 0, 1000000, where),
                   .converged = lua_toboolean(L, 7)};
  lua_settop(L, 7);
  int64_t k, classes = 0;
  const double *coef = push_matrix(L, 1, where, &k, &m.f), *label = NULL;
  if (k < 1 || m.f < 1) neap_lua_raise(L, "%s: coef is empty", where);
  const double *offset = push_rows(L, 2, where, k);
  const double *mean = optional_rows(L, 3, where, m.f), *scale = optional_rows(L, 4, where, m.f);
  if (!lua_isnil(L, 5))
    label = neap_tensor_data(neap_lua_push_series(L, 5, NEAP_F64, where, &classes));
  if ((label && classes != (k == 1 ? 2 : k)) || (!label && k != 1) || !mean != !scale)
    neap_lua_raise(L, "%s: %lld rows of coef do not fit %lld classes", where, (long long)k,
                   (long long)classes);
  neap_linear *out = push_linear(L);
  *out = m;
  out->k = (int)k;
  out->classes = (int)classes;
  neap_status st = copy(&out->coef, k * m.f, coef);
  if (!st) st = copy(&out->offset, k, offset);
  if (!st) st = copy(&out->mean, m.f, mean);
  if (!st) st = copy(&out->scale, m.f, scale);
  if (!st) st = copy(&out->label, classes, label);
  return neap_lua_done(L, st);
}

static const luaL_Reg methods[] = {
    {"scores", m_scores}, {"proba", m_proba}, {"predict", m_predict},
    {"state", m_state},   {"__gc", m_close},  {NULL, NULL},
};

static const luaL_Reg functions[] = {{"fit", l_fit}, {"restore", l_restore}, {NULL, NULL}};

NEAP_LUA_EXPORT int luaopen_neap_c_linear(lua_State *L);

int luaopen_neap_c_linear(lua_State *L) {
  neap_lua_class(L, LINEAR, methods);
  luaL_newlib(L, functions);
  return 1;
}
