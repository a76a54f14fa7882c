/* Bins for Lua. What they need to know of rows stays in a userdata: positions that were checked
 * once are never seen by users. */
#include <string.h>

#include "base/civil.h"
#include "frame/lua_parts.h"
#include "frame/resample.h"
#include "tensor/lua_tensor.h"

static const char BINS[] = "neap.frame.bins";

typedef struct {
  int64_t rows; /* that a column must have */
  int64_t count;
  neap_tensor order, start, first; /* order and start are empty without groups */
  neap_bins bins;                  /* on their way to Lua */
} bins;

static bins *push_bins(lua_State *L) {
  bins *b = lua_newuserdatauv(L, sizeof *b, 0);
  memset(b, 0, sizeof *b);
  luaL_setmetatable(L, BINS);
  return b;
}

static int bins_gc(lua_State *L) {
  bins *b = luaL_checkudata(L, 1, BINS);
  neap_tensor_drop(&b->order);
  neap_tensor_drop(&b->start);
  neap_tensor_drop(&b->first);
  neap_bins_drop(&b->bins);
  return 0;
}

static const int64_t *order_of(const bins *b) {
  return b->order.storage ? neap_tensor_data(&b->order) : NULL;
}

/* Rows by group, from ids from 1 (0: none). */
static neap_status order_rows(bins *b, const int32_t *ids, int64_t groups) {
  NEAP_TRY(neap_tensor_init_1d(&b->order, NEAP_I64, b->rows));
  NEAP_TRY(neap_tensor_init_1d(&b->start, NEAP_I64, groups + 1));
  return neap_rows_by_group(b->rows, ids, groups, neap_tensor_data(&b->order),
                            neap_tensor_data(&b->start));
}

static neap_grid check_grid(lua_State *L, int arg) {
  static const char *const units[] = {"time", "days", "months", NULL};
  static const char *const origins[] = {"epoch",   "start", "start_day", "end",
                                        "end_day", "at",    NULL};
  neap_grid g = {.unit = (neap_grid_unit)luaL_checkoption(L, arg, NULL, units),
                 .step = luaL_checkinteger(L, arg + 1),
                 .origin = (neap_origin)luaL_checkoption(L, arg + 3, "epoch", origins),
                 .at = luaL_optinteger(L, arg + 4, 0),
                 .offset = luaL_optinteger(L, arg + 5, 0),
                 .closed_right = lua_toboolean(L, arg + 6)};
  if (!lua_isnoneornil(L, arg + 2))
    neap_lua_check(L, neap_zone_find(&g.zone, neap_lua_text(L, arg + 2, "time zone")));
  return g;
}

static void push_moved(lua_State *L, neap_tensor *t) {
  neap_tensor *shell = neap_lua_push_tensor(L);
  *shell = *t;
  memset(t, 0, sizeof *t);
}

/* bins(time, ids, groups, unit, step, zone, origin, at, offset, closed_right, rising, empty,
 * most) -> bins, begin, end, group */
static int l_bins(lua_State *L) {
  lua_settop(L, 13);
  neap_timeline r = {.rising = lua_toboolean(L, 11)};
  r.groups = luaL_optinteger(L, 3, 1);
  bool grouped = !lua_isnil(L, 2), empty = lua_toboolean(L, 12);
  int64_t most = luaL_optinteger(L, 13, INT64_MAX), n = 0;
  neap_grid g = check_grid(L, 4);
  if (r.groups < 0 || r.groups > INT32_MAX)
    neap_lua_raise(L, "bins: %lld groups", (long long)r.groups);
  r.time = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_I64, "time", &r.n));
  const int32_t *ids =
      grouped ? neap_tensor_data(neap_lua_push_series(L, 2, NEAP_I32, "ids", &n)) : NULL;
  if (grouped && n != r.n)
    neap_lua_raise(L, "bins: %lld groups for %lld times", (long long)n, (long long)r.n);
  bins *b = push_bins(L);
  b->rows = r.n;
  if (grouped) neap_lua_check(L, order_rows(b, ids, r.groups));
  const int64_t whole[2] = {0, r.n};
  r.order = order_of(b);
  r.start = grouped ? neap_tensor_data(&b->start) : whole;
  if (!grouped) r.groups = 1;
  neap_lua_check(L, neap_bins_find(&b->bins, &g, &r, empty, most));
  b->count = b->bins.begin.size[0];
  b->first = b->bins.first;
  memset(&b->bins.first, 0, sizeof b->bins.first);
  push_moved(L, &b->bins.begin);
  push_moved(L, &b->bins.end);
  push_moved(L, &b->bins.group);
  neap_lua_charge(L);
  return 4;
}

static const neap_tensor *check_rows(lua_State *L, int arg, const bins *b, const neap_tensor *t,
                                     const char *name) {
  if (t->ndim != 1 || t->size[0] != b->rows)
    neap_lua_raise(L, "bins: %s has %lld rows, the bins are of %lld", name,
                   (long long)(t->ndim ? t->size[0] : 0), (long long)b->rows);
  return neap_lua_push_as(L, arg, t->dtype, name);
}

/* reduce_bins(bins, x, statistic, missing, q, weights) -> tensor */
static int l_reduce_bins(lua_State *L) {
  static const char *const missing[] = {"nan", "nat", "zero", NULL};
  lua_settop(L, 6);
  const bins *b = luaL_checkudata(L, 1, BINS);
  neap_segment_options o = {.q = luaL_optnumber(L, 5, 0)};
  neap_lua_check(L, neap_segment_parse(&o.op, luaL_checkstring(L, 3)));
  o.missing = (neap_missing)luaL_checkoption(L, 4, "nan", missing);
  const neap_tensor *x = check_rows(L, 2, b, neap_lua_check_tensor(L, 2), "column");
  if (o.op == NEAP_SEGMENT_wmean) {
    int64_t n;
    o.weights = neap_lua_push_series(L, 6, NEAP_F64, "weights", &n);
    if (n != b->rows)
      neap_lua_raise(L, "bins: weights has %lld rows, the bins are of %lld", (long long)n,
                     (long long)b->rows);
  }
  const int64_t *first = neap_tensor_data(&b->first);
  neap_tensor *out = neap_lua_push_tensor(L);
  return neap_lua_done(L, neap_segment_reduce(out, x, order_of(b), b->count, first, &o));
}

/* bin_rows(bins, k) -> positions from 1 of the rows of bin k, i64 */
static int l_bin_rows(lua_State *L) {
  const bins *b = luaL_checkudata(L, 1, BINS);
  int64_t k = neap_lua_integer(L, 2, 1, b->count, "bin");
  const int64_t *first = neap_tensor_data(&b->first), *order = order_of(b);
  int64_t begin = first[k - 1], n = first[k] - begin;
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_I64, n));
  int64_t *at = neap_tensor_data(out);
  for (int64_t i = 0; i < n; i++) at[i] = (order ? order[begin + i] : begin + i) + 1;
  return neap_lua_done(L, NEAP_OK);
}

void neap__lua_add_resample(lua_State *L) {
  static const luaL_Reg methods[] = {{"__gc", bins_gc}, {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"bins", l_bins},
      {"reduce_bins", l_reduce_bins},
      {"bin_rows", l_bin_rows},
      {NULL, NULL},
  };
  neap_lua_class(L, BINS, methods);
  luaL_setfuncs(L, functions, 0);
}
