/* Sorting, quantiles, scans and counting in Lua: positional; lualib adds the options. */
#include "tensor/lua_parts.h"

/* values, at are done: elements of t, gathered along dim from the positions at. */
static int done_moved(lua_State *L, neap_status st, neap_tensor *values, const neap_tensor *at,
                      const neap_tensor *t, int dim) {
  if (!st && t->trace)
    st = neap_record(
        values,
        &(neap_taped){
            .kind = NEAP_TAPE_GATHER, .inputs = 1, .in = &t, .extra = at, .detail.dim = dim});
  neap_lua_done(L, st);
  return 2;
}

/* sort(t, dim, descending) -> values, positions from 1 */
static int l_sort(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int dim = neap__lua_dim(L, 2, t->ndim, -1);
  bool descending = lua_toboolean(L, 3);
  neap_tensor *values = neap_lua_push_tensor(L), *at = neap_lua_push_tensor(L);
  return done_moved(L, neap_tensor_sort(values, at, t, dim, descending, 1), values, at, t, dim);
}

/* argsort(t, dim, descending) */
static int l_argsort(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int dim = neap__lua_dim(L, 2, t->ndim, -1);
  bool descending = lua_toboolean(L, 3);
  return neap_lua_done(L, neap_tensor_sort(NULL, neap_lua_push_tensor(L), t, dim, descending, 1));
}

/* partition(t, k, dim) -> values, positions from 1 */
static int l_partition(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int dim = neap__lua_dim(L, 3, t->ndim, -1);
  int64_t k = neap_lua_position(L, 2, t->size[dim], "partition: k");
  neap_tensor *values = neap_lua_push_tensor(L), *at = neap_lua_push_tensor(L);
  return done_moved(L, neap_tensor_partition(values, at, t, dim, k, 1), values, at, t, dim);
}

/* quantile(name, t, q, dims, keepdim, skip_nan), q an array; name for messages */
static int l_quantile(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const neap_tensor *t = neap_lua_check_tensor(L, 2);
  neap_lua_table(L, 3);
  neap_reduce_options o = neap__lua_reduce_options(L, name, 4, t);
  int n = (int)lua_rawlen(L, 3);
  double *q = lua_newuserdatauv(L, sizeof *q * (size_t)(n + 1), 0);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, 3, i + 1);
    if (lua_type(L, -1) != LUA_TNUMBER) neap_lua_refuse(L, -1, "quantile: q", "a number");
    q[i] = lua_tonumber(L, -1);
    lua_pop(L, 1);
  }
  return neap_lua_done(L, neap_tensor_quantile(neap_lua_push_tensor(L), t, n, q, &o));
}

/* unique(t) -> values, counts */
static int l_unique(lua_State *L) {
  const neap_tensor *t = neap_lua_check_tensor(L, 1);
  neap_tensor *values = neap_lua_push_tensor(L), *counts = neap_lua_push_tensor(L);
  neap_lua_done(L, neap_tensor_unique(values, counts, t));
  return 2;
}

/* searchsorted(sorted, v, right): v a tensor or a number */
static int l_searchsorted(lua_State *L) {
  const neap_tensor *sorted = neap_lua_check_tensor(L, 1);
  bool whole = lua_isinteger(L, 2) && !neap_dtype_is_float(sorted->dtype);
  neap_tensor like = {.dtype = whole ? NEAP_I64 : NEAP_F64};
  neap_scalar s;
  const neap_tensor *v = neap__lua_operand(L, 2, &like, &s, "searchsorted");
  bool right = lua_toboolean(L, 3);
  neap_tensor *out = neap_lua_push_tensor(L);
  return neap__lua_done_value(L, neap_tensor_searchsorted(out, sorted, v, right, 1));
}

/* scan(name, t, dim, skip_nan) */
static int l_scan(lua_State *L) {
  static const char *const names[] = {"cumsum", "cumprod", "cummax", "cummin", NULL};
  neap_scan op = (neap_scan)luaL_checkoption(L, 1, NULL, names);
  const neap_tensor *t = neap_lua_traced_tensor(L, 2);
  int dim = neap__lua_dim(L, 3, t->ndim, t->ndim == 1 ? 0 : -1);
  bool skip_nan = lua_toboolean(L, 4);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_scan(out, op, t, dim, skip_nan);
  if (!st && t->trace)
    st = neap_record(out, &(neap_taped){.kind = NEAP_TAPE_SCAN,
                                        .op = (int)op,
                                        .inputs = 1,
                                        .in = &t,
                                        .detail.scan = {dim, skip_nan}});
  return neap_lua_done(L, st);
}

/* softmax(t, dim) */
static int l_softmax(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int dim = neap__lua_dim(L, 2, t->ndim, t->ndim == 1 ? 0 : -1);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_softmax(out, t, dim);
  if (!st && t->trace)
    st = neap__record_with(out, NEAP_TAPE_SOFTMAX, t, (neap_tape_detail){.dim = dim});
  return neap_lua_done(L, st);
}

/* bincount(t, n, weights) */
static int l_bincount(lua_State *L) {
  const neap_tensor *t = neap_lua_check_tensor(L, 1);
  int64_t n = neap_lua_integer(L, 2, 0, INT64_MAX / 16, "bincount: the number of classes");
  const neap_tensor *w = lua_isnoneornil(L, 3) ? NULL : neap_lua_check_tensor(L, 3);
  return neap_lua_done(L, neap_tensor_bincount(neap_lua_push_tensor(L), t, w, n, 1));
}

/* histogram(t, edges) */
static int l_histogram(lua_State *L) {
  const neap_tensor *t = neap_lua_check_tensor(L, 1), *edges = neap_lua_check_tensor(L, 2);
  return neap_lua_done(L, neap_tensor_histogram(neap_lua_push_tensor(L), t, edges));
}

/* matmul(a, b) */
static int l_matmul(lua_State *L) {
  const neap_tensor *a = neap_lua_traced_tensor(L, 1), *b = neap_lua_traced_tensor(L, 2);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_matmul(out, a, b);
  if (!st && (a->trace || b->trace))
    st = neap_record(
        out,
        &(neap_taped){.kind = NEAP_TAPE_MATMUL, .inputs = 2, .in = (const neap_tensor *[]){a, b}});
  return neap__lua_done_value(L, st);
}

void neap__lua_add_order(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"sort", l_sort},
      {"argsort", l_argsort},
      {"partition", l_partition},
      {"quantile", l_quantile},
      {"unique", l_unique},
      {"scan", l_scan},
      {"searchsorted", l_searchsorted},
      {"bincount", l_bincount},
      {"histogram", l_histogram},
      {"matmul", l_matmul},
      {"softmax", l_softmax},
      {NULL, NULL},
  };
  static const neap_lua_signature signatures[] = {
      {"sort", "self dim", NULL},        {"argsort", "self dim", NULL},
      {"partition", "self k dim", NULL}, {"quantile", "name self q dim", "*"},
      {"unique", "self", NULL},          {"scan", "name self dim", "*"},
      {"searchsorted", "self v", NULL},  {"bincount", "self n weights", NULL},
      {"histogram", "self edges", NULL}, {"matmul", "x y", NULL},
      {"softmax", "self dim", NULL},     {NULL, NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
  neap_lua_sign(L, signatures);
}
