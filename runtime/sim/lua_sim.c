/* The face of the simulation engines in Lua. Options arrive merged and named; they are read one by
 * one, each with its type. */
#include <math.h>
#include <string.h>

#include "base/interrupt.h"
#include "sim/bars.h"
#include "sim/perf.h"
#include "tensor/lua_tensor.h"

/* Not a class of the public face: nobody outside this file holds a run. */
static const char RUN[] = "neap_sim_run";

enum { POLL_EVERY = 1 << 13 };

/* options -------------------------------------------------------------------------------------- */

static double field_number(lua_State *L, int table, const char *name) {
  if (lua_getfield(L, table, name) != LUA_TNUMBER)
    neap_lua_raise(L, "backtest: %s must be a number, got %s", name, luaL_typename(L, -1));
  double v = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return v;
}

static bool field_boolean(lua_State *L, int table, const char *name) {
  if (lua_getfield(L, table, name) != LUA_TBOOLEAN)
    neap_lua_raise(L, "backtest: %s must be true or false, got %s", name, luaL_typename(L, -1));
  bool v = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return v;
}

static void check_bar_options(lua_State *L, int arg, neap_bar_options *o) {
  luaL_checktype(L, arg, LUA_TTABLE);
  *o = (neap_bar_options){
      .cash = field_number(L, arg, "cash"),
      .fee = field_number(L, arg, "fee"),
      .fixed_fee = field_number(L, arg, "fixed_fee"),
      .slippage = field_number(L, arg, "slippage"),
      .tick = field_number(L, arg, "tick"),
      .lot = field_number(L, arg, "lot"),
      .fill_at_close = field_boolean(L, arg, "fill_at_close"),
      .rebalance_always = field_boolean(L, arg, "rebalance_always"),
      .allow_short = field_boolean(L, arg, "allow_short"),
      .slip_entries_only = field_boolean(L, arg, "slip_entries_only"),
      .stop_loss = field_number(L, arg, "stop_loss"),
      .take_profit = field_number(L, arg, "take_profit"),
      .levels_from_signal = field_boolean(L, arg, "levels_from_signal"),
  };
  if (field_boolean(L, arg, "end_at_close")) o->end = NEAP_END_CLOSE;
  if (field_boolean(L, arg, "end_at_open")) o->end = NEAP_END_OPEN;
  if (field_boolean(L, arg, "size_by_unit")) o->sizing = NEAP_SIZE_UNIT;
}

/* results -------------------------------------------------------------------------------------- */

static void set_number(lua_State *L, const char *name, double v) {
  lua_pushnumber(L, v);
  lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, int64_t v) {
  lua_pushinteger(L, v);
  lua_setfield(L, -2, name);
}

/* Push a fresh series and make it field name of the table below it; returns its data. */
static void *set_series(lua_State *L, const char *name, neap_dtype dtype, int64_t n) {
  neap_tensor *t = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(t, dtype, n));
  lua_setfield(L, -2, name);
  return neap_tensor_data(t);
}

static double *set_f64(lua_State *L, const char *name, int64_t n) {
  return set_series(L, name, NEAP_F64, n);
}

static int64_t *set_i64(lua_State *L, const char *name, int64_t n) {
  return set_series(L, name, NEAP_I64, n);
}

/* The closed trades as a table of columns; time may be NULL. */
static void push_trades(lua_State *L, const neap_bar_run *run, const int64_t *time) {
  int64_t n = run->trade_count;
  lua_createtable(L, 0, 11);
  int64_t *side = set_i64(L, "side", n), *entry = set_i64(L, "entry_bar", n);
  int64_t *leave = set_i64(L, "exit_bar", n);
  int64_t *entry_time = time ? set_i64(L, "entry_time", n) : NULL;
  int64_t *exit_time = time ? set_i64(L, "exit_time", n) : NULL;
  double *quantity = set_f64(L, "quantity", n), *entry_price = set_f64(L, "entry_price", n);
  double *exit_price = set_f64(L, "exit_price", n), *fees = set_f64(L, "fees", n);
  double *pnl = set_f64(L, "pnl", n), *ret = set_f64(L, "ret", n);
  for (int64_t i = 0; i < n; i++) {
    const neap_trade *t = &run->trades[i];
    int64_t lots = t->quantity < 0 ? -t->quantity : t->quantity;
    side[i] = t->quantity < 0 ? -1 : 1;
    entry[i] = t->entry_bar + 1;
    leave[i] = t->exit_bar + 1;
    if (time) entry_time[i] = time[t->entry_bar];
    if (time) exit_time[i] = time[t->exit_bar];
    quantity[i] = neap_scale_quantity(&run->scale, lots);
    entry_price[i] = neap_scale_average(&run->scale, t->entry_value, lots);
    exit_price[i] = neap_scale_average(&run->scale, t->exit_value, lots);
    fees[i] = neap_scale_amount(&run->scale, t->fees);
    pnl[i] = neap_scale_amount(&run->scale, t->pnl);
    ret[i] = pnl[i] / neap_scale_amount(&run->scale, t->entry_value);
  }
}

static void set_summary(lua_State *L, const neap_bar_run *run) {
  neap_bar_summary s;
  neap_lua_check(L, neap_bar_run_summary(run, &s));
  set_integer(L, "trade_count", s.trades);
  set_integer(L, "wins", s.wins);
  set_number(L, "gross_profit", s.gross_profit);
  set_number(L, "gross_loss", s.gross_loss);
  set_number(L, "realised", s.realised);
  set_number(L, "unrealised", s.unrealised);
  set_number(L, "fees", s.fees);
  set_number(L, "slippage", s.slippage);
  set_number(L, "traded", s.traded);
  set_integer(L, "exposed", run->exposed);
  set_integer(L, "ambiguous", run->ambiguous);
  set_integer(L, "ruined_bar", run->ruined + 1);
  set_integer(L, "capped", run->capped);
  set_number(L, "tick", run->scale.tick_num / run->scale.tick_den);
  set_number(L, "lot", run->scale.lot_num / run->scale.lot_den);
}

/* runs ----------------------------------------------------------------------------------------- */

static int run_gc(lua_State *L) {
  neap_bar_run_drop(luaL_checkudata(L, 1, RUN));
  return 0;
}

/* state.position and so on, read from the run when asked for. */
static int state_index(lua_State *L) {
  const neap_bar_run *run = lua_touserdata(L, lua_upvalueindex(1));
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  const neap_account *a = &run->account;
  int64_t lots = a->position < 0 ? -a->position : a->position;
  if (strcmp(name, "position") == 0) lua_pushnumber(L, neap_bar_run_position(run));
  else if (strcmp(name, "equity") == 0) lua_pushnumber(L, run->equity);
  else if (strcmp(name, "cash") == 0) lua_pushnumber(L, neap_scale_amount(&run->scale, a->cash));
  else if (strcmp(name, "target") == 0) lua_pushnumber(L, run->held);
  else if (strcmp(name, "trades") == 0) lua_pushinteger(L, run->trade_count);
  else if (strcmp(name, "entry_bar") == 0 && lots) lua_pushinteger(L, a->entry_bar + 1);
  else if (strcmp(name, "entry_price") == 0 && lots)
    lua_pushnumber(L, neap_scale_average(&run->scale, a->entry_value, lots));
  else lua_pushnil(L);
  return 1;
}

static void push_state(lua_State *L, int run) {
  lua_createtable(L, 0, 0);
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, run);
  lua_pushcclosure(L, state_index, 1);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}

/* The target that the function at index decide gives for bar i (0-based). */
static double ask(lua_State *L, int decide, int bars, int state, int64_t i) {
  lua_pushvalue(L, decide);
  lua_pushinteger(L, i + 1);
  lua_pushvalue(L, bars);
  lua_pushvalue(L, state);
  lua_call(L, 3, 1);
  double target = NAN;
  if (lua_type(L, -1) == LUA_TNUMBER) target = lua_tonumber(L, -1);
  else if (!lua_isnil(L, -1))
    neap_lua_raise(L,
                   "backtest: the target function gave a %s at bar %lld, expected a number or nil",
                   luaL_typename(L, -1), (long long)i + 1);
  lua_pop(L, 1);
  return target;
}

static void run_function(lua_State *L, neap_bar_run *run, int decide, int bars, int state,
                         double *equity, double *position) {
  int64_t n = run->bars.n;
  for (int64_t i = 0; i < n; i++) {
    if (i % POLL_EVERY == 0) neap_lua_check(L, neap_interrupt_check());
    neap_lua_check(L, neap_bar_run_begin(run));
    neap_lua_check(L, neap_bar_run_target(run, ask(L, decide, bars, state, i)));
    equity[i] = run->equity;
    position[i] = neap_bar_run_position(run);
  }
  neap_lua_check(L, neap_bar_run_finish(run));
  equity[n - 1] = run->equity;
  position[n - 1] = neap_bar_run_position(run);
}

static const double *push_price(lua_State *L, int arg, const char *name, int64_t *n) {
  int64_t size;
  neap_tensor *t = neap_lua_push_series(L, arg, NEAP_F64, name, &size);
  if (*n < 0) *n = size;
  if (size != *n)
    neap_lua_raise(L, "backtest: %s has %lld elements, close has %lld", name, (long long)size,
                   (long long)*n);
  return neap_tensor_data(t);
}

/* Anchor the columns at arguments 2 to 6 and point *p to them; returns the times or NULL. */
static const int64_t *push_bars(lua_State *L, neap_bar_prices *p) {
  *p = (neap_bar_prices){.n = -1};
  p->close = push_price(L, 6, "close", &p->n);
  p->open = push_price(L, 3, "open", &p->n);
  if (!lua_isnil(L, 4)) p->high = push_price(L, 4, "high", &p->n);
  if (!lua_isnil(L, 5)) p->low = push_price(L, 5, "low", &p->n);
  if (lua_isnil(L, 2)) return NULL;
  int64_t n;
  const int64_t *time = neap_tensor_data(neap_lua_push_series(L, 2, NEAP_I64, "time", &n));
  if (n != p->n)
    neap_lua_raise(L, "backtest: time has %lld elements, close has %lld", (long long)n,
                   (long long)p->n);
  return time;
}

static neap_bar_run *push_run(lua_State *L) {
  neap_bar_run *run = lua_newuserdatauv(L, sizeof *run, 0);
  memset(run, 0, sizeof *run);
  luaL_setmetatable(L, RUN);
  return run;
}

/* run(bars, time, open, high, low, close, target, options): time, high and low may be nil; target
 * is a series, a number or a function, which bars is handed to. */
static int l_run(lua_State *L) {
  lua_settop(L, 8);
  neap_bar_options o;
  neap_bar_prices p;
  check_bar_options(L, 8, &o);
  const int64_t *time = push_bars(L, &p);
  bool by_function = lua_isfunction(L, 7), constant = lua_type(L, 7) == LUA_TNUMBER;
  double target = constant ? lua_tonumber(L, 7) : NAN;
  const double *targets = &target;
  if (!by_function && !constant) targets = push_price(L, 7, "target", &p.n);
  neap_bar_run *run = push_run(L);
  int run_at = lua_gettop(L);
  neap_lua_check(L, neap_bar_run_init(run, &p, &o));
  push_state(L, run_at);
  lua_createtable(L, 0, 20);
  double *equity = set_f64(L, "equity", p.n), *position = set_f64(L, "position", p.n);
  if (by_function) run_function(L, run, 7, 1, run_at + 1, equity, position);
  else neap_lua_check(L, neap_bar_run_targets(run, targets, constant ? 0 : 1, equity, position));
  set_summary(L, run);
  push_trades(L, run, time);
  lua_setfield(L, -2, "trades");
  return neap_lua_done(L, NEAP_OK);
}

/* performance ---------------------------------------------------------------------------------- */

/* A series of as many elements, made from the series at 1 and the starting amount at 2. */
static int curve(lua_State *L, const char *name,
                 neap_status (*fill)(int64_t, const double *, double, double *)) {
  int64_t n;
  double start = luaL_checknumber(L, 2);
  const double *x = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_F64, name, &n));
  neap_tensor *out = neap_lua_push_tensor(L);
  neap_lua_check(L, neap_tensor_init_1d(out, NEAP_F64, n));
  return neap_lua_done(L, fill(n, x, start, neap_tensor_data(out)));
}

/* returns(equity, start), drawdown(equity, start), equity(returns, start) */
static int l_returns(lua_State *L) { return curve(L, "equity", neap_perf_returns); }
static int l_drawdown(lua_State *L) { return curve(L, "equity", neap_perf_drawdown); }
static int l_equity(lua_State *L) { return curve(L, "returns", neap_perf_equity); }

/* measure(equity, start, returns, skip, per_year, years): moments of the returns after skip. */
static int l_measure(lua_State *L) {
  int64_t n, m;
  double start = luaL_checknumber(L, 2), per_year = luaL_checknumber(L, 5);
  double years = luaL_checknumber(L, 6);
  const double *equity = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_F64, "equity", &n));
  const double *returns = neap_tensor_data(neap_lua_push_series(L, 3, NEAP_F64, "returns", &m));
  int64_t skip = neap_lua_integer(L, 4, 0, m, "skip");
  neap_performance p;
  neap_lua_check(L, neap_perf_check(n, equity, start));
  neap_lua_check(L, neap_perf_measure(&p, n, equity, start, m - skip,
                                      skip < m ? returns + skip : NULL, per_year, years));
  lua_createtable(L, 0, 17);
  set_number(L, "total_return", p.total_return);
  set_number(L, "cagr", p.cagr);
  set_number(L, "volatility", p.volatility);
  set_number(L, "sharpe", p.sharpe);
  set_number(L, "sortino", p.sortino);
  set_number(L, "calmar", p.calmar);
  set_number(L, "max_drawdown", p.max_drawdown);
  set_integer(L, "max_drawdown_bars", p.max_drawdown_bars);
  set_number(L, "mean", p.mean);
  set_number(L, "deviation", p.deviation);
  set_number(L, "skew", p.skew);
  set_number(L, "kurtosis", p.kurtosis);
  set_number(L, "best", p.best);
  set_number(L, "worst", p.worst);
  set_number(L, "mean_equity", p.mean_equity);
  set_integer(L, "periods", m - skip);
  return 1;
}

/* per_year(time) */
static int l_per_year(lua_State *L) {
  int64_t n;
  const int64_t *time = neap_tensor_data(neap_lua_push_series(L, 1, NEAP_I64, "time", &n));
  double per_year;
  neap_lua_check(L, neap_perf_per_year(n, time, &per_year));
  lua_pushnumber(L, per_year);
  return 1;
}

/* psr(sharpe, benchmark, n, skew, kurtosis) */
static int l_psr(lua_State *L) {
  lua_pushnumber(L, neap_perf_psr(luaL_checknumber(L, 1), luaL_checknumber(L, 2),
                                  luaL_checknumber(L, 3), luaL_checknumber(L, 4),
                                  luaL_checknumber(L, 5)));
  return 1;
}

/* expected_max(trials, variance) */
static int l_expected_max(lua_State *L) {
  lua_pushnumber(L, neap_perf_expected_max(luaL_checknumber(L, 1), luaL_checknumber(L, 2)));
  return 1;
}

static const luaL_Reg run_methods[] = {{"__gc", run_gc}, {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"run", l_run},       {"returns", l_returns},           {"drawdown", l_drawdown},
    {"equity", l_equity}, {"measure", l_measure},           {"per_year", l_per_year},
    {"psr", l_psr},       {"expected_max", l_expected_max}, {NULL, NULL},
};

NEAP_LUA_EXPORT int luaopen_neap_c_sim(lua_State *L);

int luaopen_neap_c_sim(lua_State *L) {
  neap_lua_class(L, RUN, run_methods);
  luaL_newlib(L, functions);
  return 1;
}
