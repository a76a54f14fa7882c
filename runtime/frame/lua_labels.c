/* Labels for Lua. Positions count from 1 there, 0 meaning none. */
#include "frame/labels.h"
#include "frame/lua_parts.h"
#include "tensor/lua_tensor.h"

/* fixed horizons ------------------------------------------------------------------------------- */

/* future_max(x, k) */
static int l_future_max(lua_State *L) {
  int64_t k = neap_lua_integer(L, 2, 1, INT64_MAX / 4, "lookforward"), n;
  const double *x = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_F64, "close", &n));
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_F64, n));
  return neap_lua_done(L, neap_future_max(n, x, k, neap_tensor_data(out)));
}

/* future_best(x, k) */
static int l_future_best(lua_State *L) {
  int64_t k = neap_lua_integer(L, 2, 1, INT64_MAX / 4, "lookforward"), n;
  const double *x = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_F64, "close", &n));
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_F64, n));
  return neap_lua_done(L, neap_future_best(n, x, k, neap_tensor_data(out)));
}

/* exceeds(x, threshold) */
static int l_exceeds(lua_State *L) {
  double threshold = luaL_checknumber(L, 2);
  int64_t n;
  const double *x = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_F64, "returns", &n));
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_F64, n));
  neap_exceeds(n, x, threshold, neap_tensor_data(out));
  return neap_lua_done(L, NEAP_OK);
}

/* bar_ends(time) */
static int l_bar_ends(lua_State *L) {
  int64_t n;
  const int64_t *time = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_I64, "time", &n));
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_I64, n));
  return neap_lua_done(L, neap_bar_ends(n, time, neap_tensor_data(out)));
}

/* known_at(ends, k) */
static int l_known_at(lua_State *L) {
  int64_t k = neap_lua_integer(L, 2, 0, INT64_MAX / 4, "lookforward"), n;
  const int64_t *ends = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_I64, "ends", &n));
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_I64, n));
  neap_known_at(n, ends, k, neap_tensor_data(out));
  return neap_lua_done(L, NEAP_OK);
}

/* future_return(x, k, logarithm) */
static int l_future_return(lua_State *L) {
  int64_t k = neap_lua_integer(L, 2, 1, INT64_MAX / 4, "lookforward"), n;
  bool logarithm = lua_toboolean(L, 3);
  const double *x = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_F64, "close", &n));
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_F64, n));
  neap_future_return(n, x, k, logarithm, neap_tensor_data(out));
  return neap_lua_done(L, NEAP_OK);
}

/* threshold_of_share(x, share) */
static int l_threshold_of_share(lua_State *L) {
  int64_t n;
  double share = luaL_checknumber(L, 2), threshold;
  const double *x = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_F64, "returns", &n));
  neap_lua_check(L, neap_threshold_of_share(n, x, share, &threshold));
  lua_pushnumber(L, threshold);
  return 1;
}

/* barriers ------------------------------------------------------------------------------------- */

static void *check_rows(lua_State *L, int arg, neap_dtype dtype, const char *name, int64_t n) {
  if (lua_isnoneornil(L, arg)) return NULL;
  int64_t rows;
  const neap_tensor *t = neap_lua_push_series(L, arg, dtype, name, &rows);
  if (rows != n)
    neap_lua_raise(L, "%s has %lld rows, but close has %lld", name, (long long)rows, (long long)n);
  return neap_tensor_data(t);
}

static void *push_column(lua_State *L, neap_dtype dtype, int64_t n) {
  neap_tensor *t = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(t, dtype, n));
  return neap_tensor_data(t);
}

/* triple_barrier(close, high, low, open, entry_open, ends, unit, side, event, at_close, profit,
 * stop, bars, duration) -> touched, exit, known, ret; what may be absent is nil */
static int l_triple_barrier(lua_State *L) {
  lua_settop(L, 14);
  neap_barriers b = {0};
  b.close = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_F64, "close", &b.n));
  luaL_checkany(L, 2);
  b.high = check_rows(L, 2, NEAP_F64, "high", b.n);
  b.low = check_rows(L, 3, NEAP_F64, "low", b.n);
  b.open = check_rows(L, 4, NEAP_F64, "open", b.n);
  b.entry_open = check_rows(L, 5, NEAP_F64, "open", b.n);
  b.ends = check_rows(L, 6, NEAP_I64, "time", b.n);
  b.unit = check_rows(L, 7, NEAP_F64, "volatility", b.n);
  b.side = check_rows(L, 8, NEAP_F64, "side", b.n);
  b.event = check_rows(L, 9, NEAP_BOOL, "events", b.n);
  b.at_close = lua_toboolean(L, 10);
  b.profit = luaL_checknumber(L, 11);
  b.stop = luaL_checknumber(L, 12);
  b.bars = neap_lua_integer(L, 13, 0, INT64_MAX / 4, "lookforward");
  b.duration = neap_lua_integer(L, 14, 0, INT64_MAX, "lookforward");
  if (!b.high || !b.low) neap_lua_raise(L, "high and low are missing");
  if (b.duration && !b.ends) neap_lua_raise(L, "a duration needs the times of the bars");
  int32_t *touched = push_column(L, NEAP_I32, b.n);
  int64_t *exit = push_column(L, NEAP_I64, b.n), *known = push_column(L, NEAP_I64, b.n);
  double *ret = push_column(L, NEAP_F64, b.n);
  neap_lua_check(L, neap_triple_barrier(&b, touched, exit, known, ret));
  for (int64_t i = 0; i < b.n; i++) {
    exit[i]++;
    known[i]++;
  }
  neap_lua_charge(L);
  return 4;
}

/* trends and events ---------------------------------------------------------------------------- */

/* trend_scan(x, shortest, longest, step) -> t, end */
static int l_trend_scan(lua_State *L) {
  int64_t shortest = neap_lua_integer(L, 2, 3, INT64_MAX / 4, "the shortest length"), n;
  int64_t longest = neap_lua_integer(L, 3, shortest, INT64_MAX / 4, "the longest length");
  int64_t step = neap_lua_integer(L, 4, 1, INT64_MAX / 4, "step");
  const double *x = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_F64, "close", &n));
  double *t = push_column(L, NEAP_F64, n);
  int64_t *end = push_column(L, NEAP_I64, n);
  neap_lua_check(L, neap_trend_scan(n, x, shortest, longest, step, t, end));
  for (int64_t i = 0; i < n; i++) end[i]++;
  neap_lua_charge(L);
  return 2;
}

/* cusum(x, h) -> direction of the event at each row, 0 for none */
static int l_cusum(lua_State *L) {
  int64_t n;
  const double *x = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_F64, "close", &n));
  const double *h = check_rows(L, 2, NEAP_F64, "threshold", n);
  if (!h) neap_lua_raise(L, "the threshold is missing");
  double *out = push_column(L, NEAP_F64, n);
  return neap_lua_done(L, neap_cusum(n, x, h, out));
}

/* overlap -------------------------------------------------------------------------------------- */

/* Copies of the spans at arguments 1 and 2, counted from 0; bars at 3. */
static neap_spans check_spans(lua_State *L) {
  neap_spans s = {.bars = neap_lua_integer(L, 3, 0, INT64_MAX / 4, "bars")};
  const int64_t *first = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_I64, "first", &s.n));
  int64_t rows, *from, *to;
  const int64_t *last = neap_tensor_data(neap_lua_push_series(L, 2, NEAP_I64, "last", &rows));
  if (rows != s.n)
    neap_lua_raise(L, "last has %lld rows, but first has %lld", (long long)rows, (long long)s.n);
  from = push_column(L, NEAP_I64, s.n);
  to = push_column(L, NEAP_I64, s.n);
  for (int64_t i = 0; i < s.n; i++) {
    bool none = last[i] < first[i];
    from[i] = none ? 0 : first[i] == INT64_MIN ? -1 : first[i] - 1;
    to[i] = none ? -1 : last[i] - 1;
  }
  s.first = from;
  s.last = to;
  return s;
}

/* uniqueness(first, last, bars, value) -> f64; value may be nil */
static int l_uniqueness(lua_State *L) {
  lua_settop(L, 4);
  neap_spans s = check_spans(L);
  int64_t rows = s.bars;
  const double *value = NULL;
  if (!lua_isnil(L, 4))
    value = neap_tensor_data(neap_lua_push_series(L, 4, NEAP_F64, "values", &rows));
  if (rows != s.bars)
    neap_lua_raise(L, "values has %lld rows for %lld bars", (long long)rows, (long long)s.bars);
  double *out = push_column(L, NEAP_F64, s.n);
  return neap_lua_done(L, neap_uniqueness(&s, value, out));
}

/* sequential_bootstrap(first, last, bars, draws, rng) -> positions */
static int l_sequential_bootstrap(lua_State *L) {
  int64_t draws = neap_lua_integer(L, 4, 0, INT64_MAX / 16, "n");
  neap_rng *r = neap_lua_check_rng(L, 5);
  neap_spans s = check_spans(L);
  int64_t *out = push_column(L, NEAP_I64, draws);
  return neap_lua_done(L, neap_sequential_bootstrap(&s, draws, 1, r, out));
}

static const luaL_Reg functions[] = {
    {"future_max", l_future_max},
    {"future_best", l_future_best},
    {"future_return", l_future_return},
    {"exceeds", l_exceeds},
    {"bar_ends", l_bar_ends},
    {"known_at", l_known_at},
    {"threshold_of_share", l_threshold_of_share},
    {"triple_barrier", l_triple_barrier},
    {"trend_scan", l_trend_scan},
    {"cusum", l_cusum},
    {"uniqueness", l_uniqueness},
    {"sequential_bootstrap", l_sequential_bootstrap},
    {NULL, NULL},
};

void neap__lua_add_labels(lua_State *L) { luaL_setfuncs(L, functions, 0); }
