/* Views, indexing and assignment. Positions and dims are checked and made 0-based here. */
#include <stdio.h>
#include <string.h>

#include "tensor/lua_parts.h"

/* slices --------------------------------------------------------------------------------------- */

/* Optional integer at arg, resolved to 1..size (0 and size + 1 are the places just outside). */
static int64_t bound(lua_State *L, int arg, int64_t size, int64_t fallback, const char *what) {
  if (lua_isnil(L, arg)) return fallback;
  lua_Integer v = neap_lua_whole_as(L, arg, what);
  if (v == 0) neap_lua_raise(L, "%s is 0, but indices start at 1 (negative from the end)", what);
  return v > 0 ? v : size + 1 + v;
}

/* Inclusive bounds a, b and step at arg.. as start, count. An empty range may begin one past the
 * end. */
static void range(lua_State *L, int arg, int dim, int64_t size, int64_t *start, int64_t *count,
                  int64_t *step) {
  lua_Integer s = lua_isnil(L, arg + 2) ? 1 : neap_lua_whole_as(L, arg + 2, "slice: step");
  if (s == 0) neap_lua_raise(L, "slice: step is 0");
  int64_t a = bound(L, arg, size, s > 0 ? 1 : size, "slice: first");
  int64_t b = bound(L, arg + 1, size, s > 0 ? size : 1, "slice: last");
  int64_t low = s > 0 ? 1 : 0, high = low + size; /* of the start; the end's are mirrored */
  if (a < low || a > high || b < 1 - low || b > size + 1 - low)
    neap_lua_raise(L, "slice: %lld to %lld, but dim %d has %lld", (long long)a, (long long)b,
                   dim + 1, (long long)size);
  *step = s;
  *count = (s > 0 ? b < a : b > a) ? 0 : (b - a) / s + 1;
  *start = *count ? a - 1 : 0;
}

static neap_tensor *push_sliced(lua_State *L, const neap_tensor *t, int dim, int64_t start,
                                int64_t count, int64_t step) {
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_slice(out, t, dim, start, count, step);
  if (!st && t->trace)
    st = neap__record_with(out, NEAP_TAPE_SLICE, t,
                           (neap_tape_detail){.slice = {dim, start, count, step}});
  neap_lua_check(L, st);
  return out;
}

static neap_tensor *push_selected(lua_State *L, const neap_tensor *t, int dim, int64_t at) {
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_select(out, t, dim, at);
  if (!st && t->trace)
    st = neap__record_with(out, NEAP_TAPE_SELECT, t, (neap_tape_detail){.slice = {dim, at, 1, 1}});
  neap_lua_check(L, st);
  return out;
}

/* x:slice(dim, a, b, step) */
static int t_slice(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int dim = neap__lua_dim(L, 2, t->ndim, -1);
  lua_settop(L, 5);
  int64_t start, count, step;
  range(L, 3, dim, t->size[dim], &start, &count, &step);
  push_sliced(L, t, dim, start, count, step);
  return neap_lua_done(L, NEAP_OK);
}

static const char *const entry_names[NEAP_MAX_DIMS] = {
    "index of dim 1", "index of dim 2", "index of dim 3", "index of dim 4",
    "index of dim 5", "index of dim 6", "index of dim 7", "index of dim 8"};

/* One entry of an index table, on top of the stack, applied to dim of *view. The tensors made on
 * the way stay on the stack. Returns how many dimensions the entry leaves. */
static int apply_entry(lua_State *L, const neap_tensor **view, int dim) {
  const neap_tensor *t = *view;
  int entry = lua_gettop(L);
  if (!lua_istable(L, entry)) {
    if (!lua_isinteger(L, entry) && !lua_isnumber(L, entry))
      neap_lua_raise(L,
                     "index: entry %d is a %s; a position, {first, last, step} or {} is expected",
                     dim + 1, neap_lua_kind(L, entry));
    int64_t at = neap_lua_position(L, entry, t->size[dim], entry_names[dim]);
    *view = push_selected(L, t, dim, at);
    return 0;
  }
  for (int i = 1; i <= 3; i++) lua_rawgeti(L, entry, i);
  int64_t start, count, step;
  range(L, entry + 1, dim, t->size[dim], &start, &count, &step);
  *view = push_sliced(L, t, dim, start, count, step);
  return 1;
}

/* Push the view that the table at key describes. */
static neap_tensor *push_indexed(lua_State *L, const neap_tensor *t, int key) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, key);
  if (n > t->ndim)
    neap_lua_raise(
        L, "index: %lld entries, but the tensor has %d dims; a range is x[{ {first, last} }]",
        (long long)n, t->ndim);
  luaL_checkstack(L, 6 * NEAP_MAX_DIMS, "index");
  const neap_tensor *view = t;
  for (int i = 1, dim = 0; i <= n; i++) {
    lua_rawgeti(L, key, i);
    dim += apply_entry(L, &view, dim);
  }
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_tensor_alias(out, view);
  neap__share_trace(out, view);
  return out;
}

/* masks and index tensors ---------------------------------------------------------------------- */

/* Check that mask covers the leading dimensions of t. */
static void check_mask(lua_State *L, const neap_tensor *t, const neap_tensor *mask) {
  bool fits = mask->ndim <= t->ndim && (mask->ndim >= 1 || t->ndim == 0);
  for (int d = 0; fits && d < mask->ndim; d++) fits = mask->size[d] == t->size[d];
  char a[128], b[128];
  if (!fits)
    neap_lua_raise(L, "index: a mask of shape %s does not cover the first dims of shape %s",
                   neap_shape_text(mask, a, sizeof a), neap_shape_text(t, b, sizeof b));
}

/* Push t with the dimensions that mask covers joined to one (a copy only where memory demands). */
static neap_tensor *push_joined(lua_State *L, const neap_tensor *t, int covered) {
  int64_t size[NEAP_MAX_DIMS] = {1};
  for (int d = 0; d < covered; d++) size[0] *= t->size[d];
  for (int d = covered; d < t->ndim; d++) size[d - covered + 1] = t->size[d];
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_reshape(out, t, t->ndim - covered + 1, size);
  if (!st && t->trace) st = neap__record_one(out, NEAP_TAPE_RESHAPE, t);
  neap_lua_check(L, st);
  return out;
}

/* The places at (from 1) along dim. */
static int push_taken(lua_State *L, const neap_tensor *t, int dim, const neap_tensor *at) {
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_take(out, t, dim, at, 1);
  if (!st && t->trace)
    st = neap_record(
        out, &(neap_taped){
                 .kind = NEAP_TAPE_TAKE, .inputs = 1, .in = &t, .extra = at, .detail.dim = dim});
  return neap_lua_done(L, st);
}

static int take_mask(lua_State *L, const neap_tensor *t, const neap_tensor *mask) {
  check_mask(L, t, mask);
  if (mask->ndim < t->ndim) {
    const neap_tensor *joined = push_joined(L, t, mask->ndim);
    neap_tensor *at = neap_lua_push_tensor(L);
    neap_lua_check(L, neap_tensor_nonzero(at, mask, 1));
    return push_taken(L, joined, 0, at);
  }
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_take_where(out, t, mask);
  if (!st && t->trace)
    st = neap_record(
        out, &(neap_taped){.kind = NEAP_TAPE_TAKE_WHERE, .inputs = 1, .in = &t, .extra = mask});
  return neap_lua_done(L, st);
}

static void check_key(lua_State *L) {
  if (lua_type(L, 2) != LUA_TNUMBER)
    neap_lua_refuse(L, 2, "index",
                    "an integer, a table of ranges, a mask or a tensor of positions");
}

int neap__lua_index(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1), *key = neap_lua_to_tensor(L, 2);
  if (key) key = neap_lua_check_tensor(L, 2);
  if (key && key->dtype == NEAP_BOOL) return take_mask(L, t, key);
  if (t->ndim == 0) neap_lua_raise(L, "a tensor without dimensions cannot be indexed");
  if (key) return push_taken(L, t, 0, key);
  if (lua_istable(L, 2)) {
    push_indexed(L, t, 2);
    return neap__lua_done_value(L, NEAP_OK);
  }
  check_key(L);
  int64_t at = neap_lua_position(L, 2, t->size[0], "index");
  if (t->ndim > 1 || (t->trace && neap_traced(t))) {
    push_selected(L, t, 0, at);
    return neap_lua_done(L, NEAP_OK);
  }
  neap__lua_push_element(L, t, &at);
  return 1;
}

/* The value at arg as a tensor for storing into t. Nothing narrows silently, but a number may have
 * any Lua type as long as t's dtype holds it exactly. */
static const neap_tensor *stored_value(lua_State *L, int arg, const neap_tensor *t,
                                       neap_scalar *s) {
  if (lua_type(L, arg) == LUA_TNUMBER || lua_isboolean(L, arg)) {
    neap_scalar_i64(s, t->dtype, 0);
    lua_pushvalue(L, arg);
    neap__lua_store(L, &s->t, NULL);
    lua_pop(L, 1);
    return &s->t;
  }
  const neap_tensor *v = neap__lua_operand(L, arg, t, s, "assignment");
  if (v->trace) neap_lua_check_tensor(L, arg);
  if (neap_dtype_promote(v->dtype, t->dtype) != t->dtype)
    neap_lua_raise(L, "assignment: %s does not go into %s; convert with :to \"%s\"",
                   neap_dtype_name(v->dtype), neap_dtype_name(t->dtype), neap_dtype_name(t->dtype));
  return v;
}

static void store_masked(lua_State *L, neap_tensor *t, const neap_tensor *mask,
                         const neap_tensor *v) {
  check_mask(L, t, mask);
  if (v->ndim == 0) {
    neap_lua_check(L, neap_tensor_fill_where(t, mask, v));
    return;
  }
  neap_tensor *whole = t; /* whose masked dims can be joined to one */
  if (mask->ndim > 1 && !neap_tensor_is_contiguous(t)) {
    whole = neap_lua_push_tensor(L);
    neap_lua_check(L, neap_tensor_clone(whole, t));
  }
  neap_tensor *joined = push_joined(L, whole, mask->ndim), *at = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_nonzero(at, mask, 0));
  neap_lua_check(L, neap_tensor_put(joined, at, 0, v));
  if (whole != t) neap_lua_check(L, neap_tensor_copy(t, whole));
}

/* x.grad = nil or a tensor; no other name can be assigned to. */
static int assign_field(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  if (strcmp(lua_tostring(L, 2), "grad") != 0)
    neap_lua_raise(L, "tensor has no field '%s' to assign to", lua_tostring(L, 2));
  const neap_tensor *g = lua_isnil(L, 3) ? NULL : neap_lua_check_tensor(L, 3);
  if (t->trace) neap_lua_check(L, neap_recorder_installed()->set_gradient(t->trace, g));
  else if (g) neap_lua_raise(L, "grad: the tensor requires no gradient; call x:requires_grad_()");
  return 0;
}

int neap__lua_newindex(lua_State *L) {
  if (lua_type(L, 2) == LUA_TSTRING) return assign_field(L);
  neap_tensor *t = neap_lua_check_tensor(L, 1);
  const neap_tensor *key = neap_lua_to_tensor(L, 2);
  neap_scalar s;
  const neap_tensor *v = stored_value(L, 3, t, &s);
  if (key) {
    key = neap_lua_check_tensor(L, 2);
    if (key->dtype == NEAP_BOOL) store_masked(L, t, key, v);
    else neap_lua_check(L, neap_tensor_put(t, key, 1, v));
    return 0;
  }
  neap_tensor *view = NULL;
  if (lua_istable(L, 2)) view = push_indexed(L, t, 2);
  else {
    if (t->ndim == 0) neap_lua_raise(L, "a tensor without dimensions is set by x[{}] = v");
    check_key(L);
    int64_t at = neap_lua_position(L, 2, t->size[0], "index");
    view = neap_lua_push_tensor(L);
    neap_lua_check(L, neap_tensor_select(view, t, 0, at));
  }
  neap_lua_check(L, neap_tensor_copy(view, v));
  return 0;
}

/* shapes --------------------------------------------------------------------------------------- */

static int t_reshape(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int64_t size[NEAP_MAX_DIMS];
  int ndim = neap__lua_size_arguments(L, 2, size);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_reshape(out, t, ndim, size);
  if (!st && t->trace) st = neap__record_one(out, NEAP_TAPE_RESHAPE, t);
  return neap_lua_done(L, st);
}

static int t_view(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int64_t size[NEAP_MAX_DIMS];
  int ndim = neap__lua_size_arguments(L, 2, size);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_view(out, t, ndim, size);
  if (!st && t->trace) st = neap__record_one(out, NEAP_TAPE_RESHAPE, t);
  return neap_lua_done(L, st);
}

/* x:expand(3, 4): -1 leaves a size as it is. */
static int t_expand(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int64_t size[NEAP_MAX_DIMS];
  int ndim = neap__lua_size_arguments(L, 2, size), lead = ndim - t->ndim;
  for (int d = lead > 0 ? lead : 0; d < ndim; d++)
    if (size[d] == -1 && lead >= 0) size[d] = t->size[d - lead];
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_expand(out, t, ndim, size);
  if (!st && t->trace) st = neap__record_one(out, NEAP_TAPE_EXPAND, t);
  return neap_lua_done(L, st);
}

static int push_permuted(lua_State *L, const neap_tensor *t, const int *order) {
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_permute(out, t, order);
  if (!st && t->trace) {
    neap_tape_detail detail = {0};
    memcpy(detail.order, order, (size_t)t->ndim * sizeof *order);
    st = neap__record_with(out, NEAP_TAPE_PERMUTE, t, detail);
  }
  return neap_lua_done(L, st);
}

static int t_permute(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int64_t dims[NEAP_MAX_DIMS];
  int order[NEAP_MAX_DIMS], n = neap__lua_size_arguments(L, 2, dims);
  if (n != t->ndim) neap_lua_raise(L, "permute: %d dims named, but the tensor has %d", n, t->ndim);
  for (int d = 0; d < n; d++) {
    int64_t dim = dims[d] < 0 ? t->ndim + dims[d] : dims[d] - 1;
    if (dims[d] == 0)
      neap_lua_raise(L, "permute: dim %d is 0, but indices start at 1 (negative from the end)",
                     d + 1);
    if (dim < 0 || dim >= t->ndim)
      neap_lua_raise(L, "permute: dim %d is %lld, but there are %d", d + 1, (long long)dims[d],
                     t->ndim);
    order[d] = (int)dim;
  }
  return push_permuted(L, t, order);
}

static int push_transposed(lua_State *L, const neap_tensor *t, int a, int b) {
  int order[NEAP_MAX_DIMS];
  for (int d = 0; d < t->ndim; d++) order[d] = d == a ? b : d == b ? a : d;
  return push_permuted(L, t, order);
}

static int t_transpose(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int a = neap__lua_dim(L, 2, t->ndim, -1);
  int b = neap__lua_dim(L, 3, t->ndim, -1);
  return push_transposed(L, t, a, b);
}

static int t_t(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  char shape[128];
  if (t->ndim != 2)
    neap_lua_raise(L, "t: the tensor must have two dims, its shape is %s; use transpose(a, b)",
                   neap_shape_text(t, shape, sizeof shape));
  return push_transposed(L, t, 0, 1);
}

/* x:squeeze(dim), or every dimension of size 1. */
static int t_squeeze(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  if (!lua_isnoneornil(L, 2)) {
    int dim = neap__lua_dim(L, 2, t->ndim, -1);
    neap_tensor *out = neap_lua_push_tensor(L);
    neap_status st = neap_tensor_squeeze(out, t, dim);
    if (!st && t->trace) st = neap__record_one(out, NEAP_TAPE_RESHAPE, t);
    return neap_lua_done(L, st);
  }
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_tensor_alias(out, t);
  out->ndim = 0;
  for (int d = 0; d < t->ndim; d++)
    if (t->size[d] != 1) {
      out->size[out->ndim] = t->size[d];
      out->stride[out->ndim++] = t->stride[d];
    }
  return neap_lua_done(L, t->trace ? neap__record_one(out, NEAP_TAPE_RESHAPE, t) : NEAP_OK);
}

static int t_unsqueeze(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  int dim = neap__lua_dim(L, 2, t->ndim + 1, -1);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_unsqueeze(out, t, dim);
  if (!st && t->trace) st = neap__record_one(out, NEAP_TAPE_RESHAPE, t);
  return neap_lua_done(L, st);
}

static int t_contiguous(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_as(out, t, t->dtype);
  if (!st && t->trace) st = neap__record_one(out, NEAP_TAPE_RESHAPE, t);
  return neap_lua_done(L, st);
}

static int t_clone(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_clone(out, t);
  if (!st && t->trace) st = neap__record_one(out, NEAP_TAPE_RESHAPE, t);
  return neap_lua_done(L, st);
}

/* x:copy_(y): y, a tensor or a number, broadcast into x; the dtype may not narrow. */
static int t_copy(lua_State *L) {
  neap_tensor *t = neap_lua_check_tensor(L, 1);
  neap_scalar s;
  const neap_tensor *v = stored_value(L, 2, t, &s);
  neap_lua_check(L, neap_tensor_copy(t, v));
  lua_settop(L, 1);
  return 1;
}

/* x:take(index, dim) */
static int t_take(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1), *index = neap_lua_check_tensor(L, 2);
  int dim = neap__lua_dim(L, 3, t->ndim, 0);
  return push_taken(L, t, dim, index);
}

/* x:gather(index, dim) */
static int t_gather(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1), *index = neap_lua_check_tensor(L, 2);
  int dim = neap__lua_dim(L, 3, t->ndim, t->ndim == 1 ? 0 : -1);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_gather(out, t, dim, index, 1);
  if (!st && t->trace)
    st = neap_record(
        out,
        &(neap_taped){
            .kind = NEAP_TAPE_GATHER, .inputs = 1, .in = &t, .extra = index, .detail.dim = dim});
  return neap_lua_done(L, st);
}

/* x:scatter_(index, v, dim): v, a tensor or a number, is stored; the dtype may not narrow. */
static int t_scatter(lua_State *L) {
  neap_tensor *t = neap_lua_check_tensor(L, 1);
  const neap_tensor *index = neap_lua_check_tensor(L, 2);
  neap_scalar s;
  const neap_tensor *v = stored_value(L, 3, t, &s);
  int dim = neap__lua_dim(L, 4, t->ndim, t->ndim == 1 ? 0 : -1);
  neap_lua_check(L, neap_tensor_scatter(t, dim, index, 1, v));
  lua_settop(L, 1);
  return 1;
}

static int t_nonzero(lua_State *L) {
  const neap_tensor *t = neap_lua_traced_tensor(L, 1);
  return neap_lua_done(L, neap_tensor_nonzero(neap_lua_push_tensor(L), t, 1));
}

static int t_is_contiguous(lua_State *L) {
  lua_pushboolean(L, neap_tensor_is_contiguous(neap_lua_traced_tensor(L, 1)));
  return 1;
}

static int done_joined(lua_State *L, neap_status st, neap_tensor *out, neap_tape_kind kind, int n,
                       const neap_tensor *const *list, int dim) {
  if (!st)
    st = neap_record(out, &(neap_taped){.kind = kind, .inputs = n, .in = list, .detail.dim = dim});
  return neap_lua_done(L, st);
}

/* cat(tensors, dim) */
static int l_cat(lua_State *L) {
  int n;
  const neap_tensor **list = neap_lua_tensor_list(L, 1, &n);
  int dim = neap__lua_dim(L, 2, n ? list[0]->ndim : 1, 0);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_cat(out, n, list, dim);
  return done_joined(L, st, out, NEAP_TAPE_CAT, n, list, dim);
}

/* stack(tensors, dim) */
static int l_stack(lua_State *L) {
  int n;
  const neap_tensor **list = neap_lua_tensor_list(L, 1, &n);
  int dim = neap__lua_dim(L, 2, n ? list[0]->ndim + 1 : 1, 0);
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_status st = neap_tensor_stack(out, n, list, dim);
  return done_joined(L, st, out, NEAP_TAPE_STACK, n, list, dim);
}

void neap__lua_add_joins(lua_State *L) {
  static const luaL_Reg functions[] = {{"cat", l_cat}, {"stack", l_stack}, {NULL, NULL}};
  static const neap_lua_signature signatures[] = {
      {"cat", "tensors dim", NULL}, {"stack", "tensors dim", NULL}, {NULL, NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  neap_lua_sign(L, signatures);
}

void neap__lua_add_views(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"slice", t_slice},
      {"reshape", t_reshape},
      {"view", t_view},
      {"expand", t_expand},
      {"permute", t_permute},
      {"transpose", t_transpose},
      {"t", t_t},
      {"squeeze", t_squeeze},
      {"unsqueeze", t_unsqueeze},
      {"contiguous", t_contiguous},
      {"clone", t_clone},
      {"copy_", t_copy},
      {"take", t_take},
      {"gather", t_gather},
      {"scatter_", t_scatter},
      {"nonzero", t_nonzero},
      {"is_contiguous", t_is_contiguous},
      {NULL, NULL},
  };
  static const neap_lua_signature signatures[] = {
      {"slice", "self dim first last step", NULL},
      {"reshape", "self size...", NULL},
      {"view", "self size...", NULL},
      {"expand", "self size...", NULL},
      {"permute", "self dim...", NULL},
      {"transpose", "self a b", NULL},
      {"t", "self", NULL},
      {"squeeze", "self dim", NULL},
      {"unsqueeze", "self dim", NULL},
      {"contiguous", "self", NULL},
      {"clone", "self", NULL},
      {"copy_", "self y", NULL},
      {"take", "self index dim", NULL},
      {"gather", "self index dim", NULL},
      {"scatter_", "self index v dim", NULL},
      {"nonzero", "self", NULL},
      {"is_contiguous", "self", NULL},
      {NULL, NULL, NULL},
  };
  luaL_setfuncs(L, methods, 0);
  neap_lua_sign(L, signatures);
}
