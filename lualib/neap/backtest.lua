--- Backtests on bars: honest fills, exact money, stated conventions.
local c = require "neap.c.sim"
local opts = require "neap.opts"

local backtest = {}

local NAN = -(0 / 0)

-- options --------------------------------------------------------------------------------------

local defaults = {
  target = opts.required,
  cash = 1e5,
  fee = 5e-4,
  fixed_fee = 0,
  slippage = 2e-4,
  fill = "open",
  rebalance = "change",
  allow_short = true,
  close_at_end = true,
  tick = opts.none,
  lot = opts.none,
  stop_loss = opts.none,
  take_profit = opts.none,
  levels = "entry",
  slippage_on = "all",
  sizing = "net",
  bars_per_year = opts.none,
}

local choices = {
  fill = { "open", "close" },
  rebalance = { "change", "always" },
  levels = { "entry", "signal" },
  slippage_on = { "all", "entry" },
  sizing = { "net", "unit" },
}

local function check_choice(where, name, value)
  for _, known in ipairs(choices[name]) do
    if value == known then return end
  end
  opts.raise("%s: %s is '%s', allowed are '%s'", where, name, tostring(value),
    table.concat(choices[name], "', '"))
end

local function check_positive(where, name, value)
  if value ~= nil and not (type(value) == "number" and value > 0 and value < math.huge) then
    opts.raise("%s: %s is %s, expected a positive number", where, name, tostring(value))
  end
end

local function check_options(o)
  local where = "backtest.run"
  for _, name in ipairs { "fill", "rebalance", "levels", "slippage_on", "sizing" } do
    check_choice(where, name, o[name])
  end
  for _, name in ipairs { "cash", "tick", "lot", "stop_loss", "take_profit", "bars_per_year" } do
    check_positive(where, name, o[name])
  end
  if type(o.close_at_end) ~= "boolean" and o.close_at_end ~= "open" then
    opts.raise("%s: close_at_end is '%s', allowed are true, false and 'open'", where,
      tostring(o.close_at_end))
  end
  if o.close_at_end == "open" and o.fill == "close" then
    opts.raise("%s: close_at_end = 'open' cannot follow fills at the close of the same bar", where)
  end
end

-- The options as the engine reads them.
local function engine_options(o)
  return {
    cash = o.cash,
    fee = o.fee,
    fixed_fee = o.fixed_fee,
    slippage = o.slippage,
    tick = o.tick or 0,
    lot = o.lot or 0,
    fill_at_close = o.fill == "close",
    rebalance_always = o.rebalance == "always",
    allow_short = o.allow_short,
    slip_entries_only = o.slippage_on == "entry",
    end_at_close = o.close_at_end == true,
    end_at_open = o.close_at_end == "open",
    size_by_unit = o.sizing == "unit",
    stop_loss = o.stop_loss or 0,
    take_profit = o.take_profit or 0,
    levels_from_signal = o.levels == "signal",
  }
end

-- conventions ----------------------------------------------------------------------------------

local function number(v) return ("%.10g"):format(v) end

local function cost_sentences(o, say)
  say("Fee: %s of the traded value a side%s, part of every fill.", number(o.fee),
    o.fixed_fee > 0 and (" and %s an order"):format(number(o.fixed_fee)) or "")
  say("Slippage: the price moves by %s against %s.", number(o.slippage),
    o.slippage_on == "entry" and "every entry; exits fill at the plain price"
    or "every order, take-profits excepted")
end

local function fill_sentences(o, say)
  if o.fill == "open" then
    say("Fill: the target of a bar, known at its close, fills at the next bar's open; "
      .. "the last never.")
  else
    say("Fill: AT THE CLOSE OF THE SIGNAL'S OWN BAR (opt-in): real orders cannot trade at "
      .. "that price.")
  end
  say("Sizing: %s.", o.sizing == "net"
    and "the target is a share of the equity left after the order's own costs, at its fill price"
    or "backtesting.py's: share x equity / (fill price + fixed fee + fee x raw price)")
  say("Rebalancing: %s.", o.rebalance == "change" and "only when the target changes"
    or "at every bar with a target")
  if o.stop_loss or o.take_profit then
    say("Exits inside a bar: stop %s, target %s, from the %s; the stop is assumed first, a level "
      .. "passed by the open fills at the open; ambiguous_exits counts bars that touched both.",
      o.stop_loss and number(o.stop_loss) or "none",
      o.take_profit and number(o.take_profit) or "none",
      o.levels == "entry" and "entry price" or "signal bar's close")
  end
  say("End: %s.", o.close_at_end == true
    and "an open position is closed at the last close, with costs"
    or o.close_at_end == "open" and "an open position is closed at the last open, with costs"
    or "an open position stays, marked at the last close")
end

local function statistic_sentences(per_year, given, say)
  if per_year ~= per_year then
    say "Annualisation: none, because bars have no time and bars_per_year is not given."
  else
    say("Annualisation: %.6g bars a year%s.", per_year, given and " (given)"
      or ", (bars - 1) over elapsed years of 365.25 days")
  end
  say("Sharpe: mean over ddof-1 standard deviation of bar returns, times the root of bars a "
    .. "year; no risk-free rate.")
  say "Sortino: the same over the downside deviation sqrt(mean(min(r, 0)^2)) of all bars."
  say "Returns: of the bars 2 to n; total return is against the starting cash, marks at the close."
  say "Drawdown: 1 - equity / highest equity so far, a positive fraction."
  say "Trades: closed parts of a position at its average entry; a win has a profit after all costs."
  say "Exposure: share of bars with a position between open and close."
  say "Turnover: traded value over mean equity, a year."
  say "Benchmark: long all equity from the first bar on, with the same fills and costs."
end

local function conventions(o, run, per_year)
  local list = {}
  local function say(format, ...) list[#list + 1] = format:format(...) end
  fill_sentences(o, say)
  cost_sentences(o, say)
  statistic_sentences(per_year, o.bars_per_year ~= nil, say)
  say("Money: exact, in ticks of %s and lots of %s; fees and slippage round against the account.",
    number(run.tick), number(run.lot))
  if run.capped > 0 then
    say("Capacity: %d orders were cut at the largest position the ledger holds; equity stopped "
      .. "compounding there, and its figures mean nothing.", run.capped)
  end
  if run.ruined_bar > 0 then
    say("Ruin: equity was not positive at bar %d; what was held was sold and trading ended.",
      run.ruined_bar)
  end
  return list
end

-- statistics -----------------------------------------------------------------------------------

local layout = {
  { "total_return", "%" }, { "benchmark_return", "%" }, { "cagr", "%" }, { "volatility", "%" },
  { "sharpe" }, { "sortino" }, { "calmar" }, { "max_drawdown", "%" }, { "max_drawdown_bars", "d" },
  { "trades", "d" }, { "win_rate", "%" }, { "profit_factor" },
  { "expectancy", "money" },
  { "exposure", "%" }, { "turnover" }, { "fees_paid", "money" }, { "slippage_paid", "money" },
  { "ambiguous_exits", "d" },
}

local function cell(value, kind)
  if value ~= value then return "-" end
  if kind == "%" then return ("%.2f %%"):format(100 * value) end
  if kind == "d" then return ("%d"):format(value) end
  if kind == "money" then return ("%.2f"):format(value) end
  return ("%.4g"):format(value)
end

local Stats = { __name = "neap.backtest.stats" }

function Stats.__tostring(stats)
  local lines = {}
  for _, row in ipairs(layout) do
    local value = stats[row[1]]
    if value ~= nil then
      lines[#lines + 1] = ("%-18s %12s"):format(row[1], cell(value, row[2]))
    end
  end
  return table.concat(lines, "\n")
end

-- Figures that a series of returns lacks are nil, other names are mistakes.
function Stats.__index(_, name)
  local names = { "open_pnl", "ambiguous_exits" }
  for _, row in ipairs(layout) do names[#names + 1] = row[1] end
  for _, known in ipairs(names) do
    if known == name then return nil end
  end
  if type(name) ~= "string" or name:find "^__" then return nil end
  opts.unknown("backtest", "statistic", name, names)
end

local function curve_stats(p)
  return setmetatable({
    total_return = p.total_return,
    cagr = p.cagr,
    volatility = p.volatility,
    sharpe = p.sharpe,
    sortino = p.sortino,
    calmar = p.calmar,
    max_drawdown = p.max_drawdown,
    max_drawdown_bars = p.max_drawdown_bars,
  }, Stats)
end

local function share(a, b) return b > 0 and a / b or NAN end

local function run_stats(run, p, bars, years)
  local stats = curve_stats(p)
  stats.trades = run.trade_count
  stats.win_rate = share(run.wins, run.trade_count)
  stats.profit_factor = share(run.gross_profit, run.gross_loss)
  stats.expectancy = share(run.gross_profit - run.gross_loss, run.trade_count)
  stats.exposure = run.exposed / bars
  stats.turnover = run.traded / p.mean_equity / years
  stats.fees_paid = run.fees
  stats.slippage_paid = run.slippage
  stats.open_pnl = run.unrealised
  return stats
end

-- running --------------------------------------------------------------------------------------

local Result = { __name = "neap.backtest.result" }

-- r.trades is made on first use, so that a run needs no frame.
function Result.__index(r, name)
  if name ~= "trades" then
    if Result[name] or name == "time" or type(name) ~= "string" or name:find "^__" then
      return Result[name]
    end
    local names = { "trades", "report" }
    for known in next, r do names[#names + 1] = known end
    opts.unknown("backtest", "field", name, names,
      "statistics are in r.stats, columns of trades in r.trades")
  end
  local columns = {}
  for _, column in ipairs { "side", "quantity", "entry_bar", "exit_bar", "entry_time", "exit_time",
    "entry_price", "exit_price", "fees", "pnl", "ret" } do
    local values = r.trade_columns[column]
    if values then columns[#columns + 1] = { column, values } end
  end
  local trades = require("neap.frame").new(columns)
  rawset(r, "trades", trades)
  return trades
end

--- Write the result as one HTML page that needs no network: curves, statistics, trades (the first
--- 200) and every convention. Option: `title`.
---@param path string
---@param o? { title: string }
function Result:report(path, o) require "neap.backtest.report" (self, path, o) end

function Result.__tostring(r)
  return ("backtest of %d bars\n%s"):format(#r.equity, tostring(r.stats))
end

-- A column of bars, or nil; frames and plain tables alike.
local function column(bars, name)
  if type(bars.columns) ~= "function" then return bars[name] end
  for _, known in ipairs(bars:columns()) do
    if known == name then return bars:column(name) end
  end
end

local function check_bars(bars)
  local kind = type(bars)
  if kind ~= "table" and kind ~= "userdata" then
    opts.raise("backtest.run: bars must be a frame or a table of tensors, got %s", kind)
  end
end

local function required(bars, name)
  local values = column(bars, name)
  if values == nil then opts.raise("backtest.run: bars have no column '%s'", name) end
  return values
end

local function read_bars(bars, o)
  check_bars(bars)
  local close = required(bars, "close")
  local inside = o.stop_loss or o.take_profit
  return {
    time = column(bars, "time"),
    open = o.fill == "close" and column(bars, "open") or o.fill == "close" and close
      or required(bars, "open"),
    high = inside and required(bars, "high"),
    low = inside and required(bars, "low"),
    close = close,
  }
end

local function execute(bars, b, target, options)
  return c.run(bars, b.time, b.open, b.high or nil, b.low or nil, b.close, target, options)
end

--- Run a strategy over bars and account for every fill.
---
--- `bars` is a frame, or a table of tensors, with open and close, and time (i64 ns, rising) for
--- annualised figures; `high` and `low` are needed for stops only. `target` is the share of equity
--- to hold, -1 to 1: a number, a tensor with one value a bar (NaN keeps what is held) or a function
--- `(i, bars, state) -> number or nil` called at the close of each bar with the account's
--- `state.position`, `equity`, `cash`, `target`, `trades`, `entry_bar` and `entry_price`. What is
--- known at the close of bar t fills at the open of t + 1. NaN or non-positive prices at a fill,
--- lengths that differ and targets out of range are errors that name the bar.
---
--- Options: `cash` 1e5; `fee` 5e-4 and `slippage` 2e-4, shares a side; `fixed_fee` 0 an order;
--- `fill` "open" or "close" (of the signal's bar: an opt-in that the conventions print);
--- `rebalance` "change" or "always"; `allow_short` true; `close_at_end` true, false or "open";
--- `lot` and `tick` (automatic; `lot = 1` trades whole shares); `stop_loss` and `take_profit` as
--- shares of the price, with `levels` from the "entry" or the "signal" bar's close; `slippage_on`
--- "all" or "entry"; `sizing` "net" or "unit"; `bars_per_year` (from the times).
---
--- The result has `stats`, `equity`, `drawdown`, `returns`, `position` (tensors, one value a bar),
--- `trades` (a frame), `benchmark` (equity of buy and hold), `conventions` (sentences) and
--- `report(path)`, which writes a page.
---     local bars = { open = tensor.of { 10, 10, 12 }, close = tensor.of { 10, 11, 12 } }
---     backtest.run(bars, { target = tensor.of { 1, 1, 1 } }).stats.trades --> 1
---@param bars table
---@param o { target: neap.tensor|number|function, cash: number?, fee: number?, slippage: number? }
---  and fill: "open"|"close", rebalance: "change"|"always", levels: "entry"|"signal",
---  slippage_on: "all"|"entry", sizing: "net"|"unit"
---@return table
function backtest.run(bars, o)
  o = opts.merge("backtest.run", defaults, o)
  check_options(o)
  local b, options = read_bars(bars, o), engine_options(o)
  local per_year = o.bars_per_year or (b.time and c.per_year(b.time)) or NAN
  local run = execute(bars, b, o.target, options)
  options.stop_loss, options.take_profit = 0, 0
  options.rebalance_always = false
  local hold = execute(bars, b, 1, options)
  local years = (#run.equity - 1) / per_year
  local returns = c.returns(run.equity, o.cash)
  local stats = run_stats(run, c.measure(run.equity, o.cash, returns, 1, per_year, years),
    #run.equity, years)
  stats.benchmark_return = hold.equity[-1] / o.cash - 1
  stats.bars_per_year = per_year
  if b.high then stats.ambiguous_exits = run.ambiguous end
  return setmetatable({
    stats = stats,
    time = b.time,
    equity = run.equity,
    drawdown = c.drawdown(run.equity, o.cash),
    returns = returns,
    position = run.position,
    benchmark = hold.equity,
    trade_columns = run.trades,
    conventions = conventions(o, run, per_year),
  }, Result)
end

--- Performance of a series of simple returns, or of an equity curve.
---
--- Sharpe is mean over ddof-1 deviation times sqrt(bars_per_year), Sortino uses the downside
--- deviation over all periods, `cagr` is (1 + total)^(bars_per_year / n) - 1, drawdowns are
--- positive fractions: the figures of empyrical and quantstats. Also `mean`, `deviation`, `skew`,
--- `kurtosis` (population, 3 for a normal), `best`, `worst`, `periods`. NaN is an error.
--- Undefined figures are NaN: Sharpe with no variance, Sortino with no loss, Calmar with no
--- drawdown, annual figures without `bars_per_year`, ratios after a total loss.
---     backtest.stats(tensor.of { 0.1, -0.5 }, { bars_per_year = 252 }).max_drawdown --> 0.5
---@param x neap.tensor returns, or equity with kind = "equity"
---@param o? { bars_per_year: number, kind: "returns"|"equity" }
---@return table
function backtest.stats(x, o)
  o = opts.merge("backtest.stats", { bars_per_year = opts.none, kind = "returns" }, o)
  check_positive("backtest.stats", "bars_per_year", o.bars_per_year)
  local per_year = o.bars_per_year or NAN
  local equity, returns, start, skip
  if o.kind == "returns" then
    equity, returns, start, skip = c.equity(x, 1), x, 1, 0
  elseif o.kind == "equity" then
    if #x == 0 then opts.raise("backtest.stats: an equity curve needs at least one value") end
    equity, returns, start, skip = x, c.returns(x, x[1]), x[1], 1
  else
    opts.raise("backtest.stats: kind is '%s', allowed are 'returns', 'equity'", tostring(o.kind))
  end
  local p = c.measure(equity, start, returns, skip, per_year, (#returns - skip) / per_year)
  local stats = curve_stats(p)
  for _, name in ipairs { "mean", "deviation", "skew", "kurtosis", "best", "worst", "periods" } do
    stats[name] = p[name]
  end
  return stats
end

-- Sharpe ratio per period and its moments, from returns or as given.
local function moments(where, x)
  local m = x
  if type(x) == "userdata" then
    local s = backtest.stats(x)
    m = { sharpe = s.mean / s.deviation, n = s.periods, skew = s.skew, kurtosis = s.kurtosis }
  end
  for _, name in ipairs { "sharpe", "n", "skew", "kurtosis" } do
    if type(m) ~= "table" or type(m[name]) ~= "number" then
      opts.raise("%s: returns, or a table with sharpe, n, skew and kurtosis expected", where)
    end
  end
  return m
end

--- Probabilistic Sharpe ratio: the probability that the true ratio exceeds `benchmark`.
---
--- From returns, or from a table `{ sharpe, n, skew, kurtosis }` per period with Pearson kurtosis.
--- `benchmark` is per period too. Bailey and Lopez de Prado 2012.
---     backtest.psr { sharpe = 0, n = 100, skew = 0, kurtosis = 3 } --> 0.5
---@param x neap.tensor|table
---@param o? { benchmark: number }
---@return number
function backtest.psr(x, o)
  o = opts.merge("backtest.psr", { benchmark = 0 }, o)
  local m = moments("backtest.psr", x)
  return c.psr(m.sharpe, o.benchmark, m.n, m.skew, m.kurtosis)
end

--- Deflated Sharpe ratio: the probabilistic one against the best that luck gives in `trials`.
---
--- `trials` is the number of (independent) strategies tried, `variance` that of their Sharpe ratios
--- per period. Returns the probability and the ratio that luck alone would show. Bailey and Lopez
--- de Prado 2014.
---     local m = { sharpe = 0, n = 100, skew = 0, kurtosis = 3 }
---     (backtest.dsr(m, { trials = 1, variance = 1 })) --> 0.5
---@param x neap.tensor|table
---@param o { trials: number, variance: number }
---@return number, number
function backtest.dsr(x, o)
  o = opts.merge("backtest.dsr", { trials = opts.required, variance = opts.required }, o)
  local m = moments("backtest.dsr", x)
  for _, name in ipairs { "trials", "variance" } do
    local least = name == "trials" and 1 or 0
    if type(o[name]) ~= "number" or o[name] < least or o[name] ~= o[name] then
      opts.raise("backtest.dsr: %s is %s, expected at least %d", name, tostring(o[name]), least)
    end
  end
  local luck = c.expected_max(o.trials, o.variance)
  return c.psr(m.sharpe, luck, m.n, m.skew, m.kurtosis), luck
end

return backtest
