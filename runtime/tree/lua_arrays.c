#include "tree/lua_arrays.h"

void neap__lua_push_arrays(lua_State *L, int n, const neap__array_kind *kinds, void **data) {
  lua_createtable(L, 0, n);
  for (int i = 0; i < n; i++) {
    int64_t size[2] = {kinds[i].rows, kinds[i].columns};
    neap_tensor *t = neap_lua_push_tensor(L);
    neap_lua_check(L, neap_tensor_init(t, kinds[i].dtype, size[1] ? 2 : 1, size));
    data[i] = neap_tensor_data(t);
    lua_setfield(L, -2, kinds[i].name);
  }
}

const neap_tensor *neap__lua_push_array(lua_State *L, const char *where,
                                        const neap__array_kind *k) {
  lua_getfield(L, 1, k->name);
  const neap_tensor *t = neap_lua_to_tensor(L, -1);
  if (!t || t->dtype != k->dtype || !neap_tensor_is_contiguous(t))
    neap_lua_raise(L, "%s: the file has no array '%s' of %s", where, k->name,
                   neap_dtype_name(k->dtype));
  if (t->ndim != (k->columns ? 2 : 1) || (k->columns && t->size[1] != k->columns))
    neap_lua_raise(L, "%s: array '%s' has a wrong shape", where, k->name);
  return t;
}

void neap__lua_check_arrays(lua_State *L, const char *where, int n, const neap__array_kind *kinds,
                            int first, int last, void **data, int64_t *rows) {
  for (int i = 0; i < n; i++) {
    const neap_tensor *t = neap__lua_push_array(L, where, &kinds[i]);
    data[i] = neap_tensor_data(t);
    rows[i] = t->size[0];
  }
  for (int i = first + 1; i <= last; i++)
    if (rows[i] != rows[first])
      neap_lua_raise(L, "%s: array '%s' has %lld rows, '%s' %lld", where, kinds[i].name,
                     (long long)rows[i], kinds[first].name, (long long)rows[first]);
}
