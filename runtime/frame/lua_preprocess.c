/* What neap.preprocess needs of C, for Lua. */
#include "frame/lua_parts.h"
#include "frame/preprocess.h"
#include "tensor/lua_tensor.h"

/* Push the f64 matrix at arg. */
static const neap_tensor *push_matrix(lua_State *L, int arg, const char *name) {
  const neap_tensor *t = neap_lua_push_as(L, arg, NEAP_F64, name);
  if (t->ndim != 2) neap_lua_raise(L, "%s has %d dims, must have 2", name, t->ndim);
  return t;
}

/* column_range(x) -> low, high */
static int l_column_range(lua_State *L) {
  const neap_tensor *x = push_matrix(L, 1, "x");
  int64_t n = x->size[0], f = x->size[1];
  neap_tensor *low = neap_lua_push_tensor(L), *high = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(low, NEAP_F64, f));
  neap_lua_check(L, neap_tensor_init_1d(high, NEAP_F64, f));
  neap_lua_done(L, neap_column_range(n, f, neap_tensor_data(x), neap_tensor_data(low),
                                     neap_tensor_data(high)));
  return 2;
}

/* (x, table): the number or the place that `each` finds for every element. */
static int look_up(lua_State *L,
                   neap_status (*each)(const neap_quantiles *, const double *, double *)) {
  const neap_tensor *x = push_matrix(L, 1, "x"), *table = push_matrix(L, 2, "table");
  neap_quantiles q = {x->size[0], x->size[1], table->size[1], neap_tensor_data(table)};
  if (table->size[0] != q.f || q.k < 1)
    neap_lua_raise(L, "table: %lld x %lld, for %lld columns", (long long)table->size[0],
                   (long long)q.k, (long long)q.f);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, 2, x->size));
  return neap_lua_done(L, each(&q, neap_tensor_data(x), neap_tensor_data(out)));
}

/* quantile_place(x, table) */
static int l_quantile_place(lua_State *L) { return look_up(L, neap_quantile_place); }

/* quantile_at(place, table) */
static int l_quantile_at(lua_State *L) { return look_up(L, neap_quantile_at); }

/* normal_quantile(p) */
static int l_normal_quantile(lua_State *L) {
  const neap_tensor *p = neap_lua_push_as(L, 1, NEAP_F64, "p");
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, p->ndim, p->size));
  int64_t n = neap_tensor_numel(p);
  return neap_lua_done(L, neap_normal_quantile(n, neap_tensor_data(p), neap_tensor_data(out)));
}

/* The group numbers at arg, each below groups; NULL for nil. */
static const int32_t *push_groups(lua_State *L, int arg, int64_t n, int64_t groups) {
  if (lua_isnoneornil(L, arg)) return NULL;
  int64_t rows;
  const int32_t *group = neap_tensor_data(neap_lua_push_series(L, arg, NEAP_I32, "group", &rows));
  if (rows != n) neap_lua_raise(L, "group: %lld rows, x has %lld", (long long)rows, (long long)n);
  for (int64_t i = 0; i < n; i++)
    if (group[i] < 0 || group[i] >= groups)
      neap_lua_raise(L, "group: row %lld is %d, must be 0 to %lld", (long long)i + 1, group[i],
                     (long long)groups - 1);
  return group;
}

/* fill_forward(x, last, group): last is written to. */
static int l_fill_forward(lua_State *L) {
  lua_settop(L, 3);
  neap_tensor *last = neap_lua_check_tensor(L, 2);
  const neap_tensor *x = push_matrix(L, 1, "x");
  int64_t n = x->size[0], f = x->size[1];
  if (last->dtype != NEAP_F64 || last->ndim != 2 || last->size[1] != f ||
      !neap_tensor_is_contiguous(last))
    neap_lua_raise(L, "last: a contiguous f64 matrix of %lld columns expected", (long long)f);
  const int32_t *group = push_groups(L, 3, n, last->size[0]);
  if (!group && last->size[0] < 1 && n > 0) neap_lua_raise(L, "last: has no row");
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_raw(out, NEAP_F64, 2, x->size));
  return neap_lua_done(L, neap_fill_forward(n, f, neap_tensor_data(x), group,
                                            neap_tensor_data(last), neap_tensor_data(out)));
}

void neap__lua_add_preprocess(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"column_range", l_column_range}, {"quantile_place", l_quantile_place},
      {"quantile_at", l_quantile_at},   {"normal_quantile", l_normal_quantile},
      {"fill_forward", l_fill_forward}, {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
}
