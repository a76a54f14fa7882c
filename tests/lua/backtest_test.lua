local support = require "tests.lua.support"
local neap = require "neap"

local backtest, tensor = neap.backtest, neap.tensor

local NAN = 0 / 0
local DAY = 86400 * 1000000000
local FOLDER = "reference/backtest/"

-- Columns of a csv file, plain or gzip, with numbers where they are numbers.
local function read_csv(path)
  local columns, names = {}, nil
  local pipe = assert(io.popen("gzip -dcf '" .. path .. "'"))
  for line in pipe:lines() do
    local row = {}
    for field in (line .. ","):gmatch "([^,]*)," do row[#row + 1] = tonumber(field) or field end
    if not names then
      names = row
      for _, name in ipairs(names) do columns[name] = {} end
    else
      for k, name in ipairs(names) do table.insert(columns[name], row[k]) end
    end
  end
  pipe:close()
  return columns
end

-- The numbers `"name": value` of a json file after the first occurrence of each key in turn.
local function read_figures(path, ...)
  local file = assert(io.open(support.data(path)))
  local text, at = file:read "a", 1
  file:close()
  for _, key in ipairs { ... } do
    at = select(2, assert(text:find('"' .. key .. '": {', at, true)))
  end
  local figures = {}
  for name, value in text:match("[^{}]*", at + 1):gmatch '"([^"]+)": (%-?[%d.e+-]+)' do
    figures[name] = tonumber(value)
  end
  return figures
end

local function goog()
  local g = read_csv(support.data(FOLDER .. "GOOG.csv.gz"))
  return {
    open = tensor.of(g.Open), high = tensor.of(g.High), low = tensor.of(g.Low),
    close = tensor.of(g.Close),
  }, g.Close
end

-- 1 where the 10-bar mean of the closes crosses above the 20-bar mean, -1 below, else NaN.
local function crosses(close)
  local function mean(i, n)
    local sum = 0
    for k = i - n + 1, i do sum = sum + close[k] end
    return sum / n
  end
  local out = {}
  for i = 1, #close do
    out[i] = NAN
    if i > 20 then
      local now, before = mean(i, 10) - mean(i, 20), mean(i - 1, 10) - mean(i - 1, 20)
      if now > 0 and before < 0 then out[i] = 1 elseif now < 0 and before > 0 then out[i] = -1 end
    end
  end
  return out
end

local function assert_near(want, got, tolerance, what)
  local same = want == got or math.abs(got - want) <= tolerance * math.max(1, math.abs(want))
  if not same then error(("%s: %.17g, expected %.17g"):format(what, got, want), 2) end
end

local function assert_curve(want, got, tolerance)
  assert.equal(#want, #got)
  for i = 1, #want do assert_near(want[i], got[i], tolerance, "equity " .. i) end
end

-- The stored figures carry 12 digits.
local DIGITS = 1e-11

local function assert_trades(want, got)
  assert.equal(#want.Size, #got.side)
  for i = 1, #want.Size do
    assert.equal(want.Size[i], got.side[i] * got.quantity[i])
    assert.equal(want.EntryBar[i], got.entry_bar[i] - 1)
    assert.equal(want.ExitBar[i], got.exit_bar[i] - 1)
    assert_near(want.EntryPrice[i], got.entry_price[i], DIGITS, "entry price " .. i)
    assert_near(want.ExitPrice[i], got.exit_price[i], DIGITS, "exit price " .. i)
    assert_near(want.PnL[i], got.pnl[i], DIGITS, "pnl " .. i)
    assert_near(want.ReturnPct[i], got.ret[i], DIGITS, "return " .. i)
    if want.Commission then
      assert_near(want.Commission[i], got.fees[i], DIGITS, "commission " .. i)
    end
  end
end

-- The settings under which the engine trades as backtesting.py does.
local function backtesting_py(o)
  o.slippage, o.slippage_on, o.lot = o.slippage or 0, "entry", 1
  o.sizing, o.close_at_end, o.levels, o.bars_per_year = "unit", "open", "signal", 252
  return o
end

local function assert_backtesting_py(case, bars, o)
  local r = backtest.run(bars, backtesting_py(o))
  assert_trades(read_csv(support.data(FOLDER .. case .. ".trades.csv")), r.trade_columns)
  local want = read_csv(support.data(FOLDER .. case .. ".equity.csv.gz"))
  assert_curve(want.Equity, r.equity, DIGITS)
  for i = 1, #want.DrawdownPct do
    assert_near(want.DrawdownPct[i], r.drawdown[i], DIGITS, "drawdown " .. i)
  end
  return r
end

describe("backtest.run against backtesting.py", function()
  if not support.data(FOLDER .. "GOOG.csv.gz") then
    it("compares trades", function() pending "data folder absent" end)
    return
  end
  local bars, close = goog()
  local cross = crosses(close)

  it("reverses as it does", function()
    local r = assert_backtesting_py("reverse", bars,
      { target = tensor.of(cross), cash = 1e4, fee = 0.002 })
    local want = read_figures(FOLDER .. "backtestingpy.json", "reverse", "stats")
    for name, theirs in pairs {
      total_return = want["Return [%]"], cagr = want["Return (Ann.) [%]"],
      exposure = want["Exposure Time [%]"], win_rate = want["Win Rate [%]"],
      max_drawdown = -want["Max. Drawdown [%]"],
    } do
      assert_near(theirs / 100, r.stats[name], DIGITS, name)
    end
    assert_near(want["Commissions [$]"], r.stats.fees_paid, DIGITS, "commissions")
    assert_near(want["# Trades"], r.stats.trades, 0, "trades")
    assert_near(want["Calmar Ratio"], r.stats.calmar, DIGITS, "calmar")
  end)

  it("reverses without costs", function()
    assert_backtesting_py("reverse_nocost", bars,
      { target = tensor.of(cross), cash = 1e4, fee = 0 })
  end)

  it("pays spread and fixed fee", function()
    assert_backtesting_py("reverse_spread", bars, {
      target = tensor.of(cross), cash = 1e5, fee = 0.001, fixed_fee = 1, slippage = 0.001,
    })
  end)

  it("goes long only", function()
    local long = {}
    for i, x in ipairs(cross) do long[i] = x == -1 and 0 or x end
    assert_backtesting_py("longonly", bars, { target = tensor.of(long), cash = 1e4, fee = 0.002 })
  end)

  it("leaves at stops and targets inside bars, entered by a function", function()
    local function enter(i, _, state) if state.position == 0 then return cross[i] end end
    assert_backtesting_py("bracket", bars,
      { target = enter, cash = 1e4, fee = 0.001, stop_loss = 0.05, take_profit = 0.1 })
  end)
end)

describe("backtest.run against vectorbt", function()
  if not support.data(FOLDER .. "vbt_signals.csv.gz") then
    it("compares orders", function() pending "data folder absent" end)
    return
  end
  local bars = goog()
  local signals = read_csv(support.data(FOLDER .. "vbt_signals.csv.gz"))

  local function targets(exit)
    local out = {}
    for i = 1, #signals.entry do
      out[i] = signals.entry[i] == 1 and 1 or signals.exit[i] == 1 and exit or NAN
    end
    return tensor.of(out)
  end

  -- Equity bar by bar, then the printed figures, which carry 12 digits of a percentage.
  local function assert_case(case, exit, o)
    o.target, o.cash, o.fee, o.fill = targets(exit), 1e4, 0.001, "close"
    o.slippage, o.close_at_end, o.bars_per_year = o.slippage or 0, false, 365
    local r = backtest.run(bars, o)
    assert_curve(read_csv(support.data(FOLDER .. "vbt_" .. case .. ".equity.csv.gz")).equity,
      r.equity, DIGITS)
    local want = read_figures(FOLDER .. "vectorbt.json", case, "stats")
    local all = backtest.stats(r.returns, { bars_per_year = 365 }) -- the first return counts
    assert_near(want["Total Return [%]"] / 100, r.stats.total_return, DIGITS, "return")
    assert_near(want["Max Drawdown [%]"] / 100, r.stats.max_drawdown, DIGITS, "drawdown")
    assert_near(want["Win Rate [%]"] / 100, r.stats.win_rate, DIGITS, "win rate")
    assert_near(want["Total Fees Paid"], r.stats.fees_paid, DIGITS, "fees")
    assert_near(want["Total Closed Trades"], r.stats.trades, 0, "trades")
    assert_near(want["Open Trade PnL"], r.stats.open_pnl, DIGITS, "open profit")
    assert_near(want["Profit Factor"], r.stats.profit_factor, DIGITS, "profit factor")
    assert_near(want["Expectancy"], r.stats.expectancy, DIGITS, "expectancy")
    assert_near(want["Sharpe Ratio"], all.sharpe, DIGITS, "sharpe")
    assert_near(want["Sortino Ratio"], all.sortino, DIGITS, "sortino")
    assert_near(want["Calmar Ratio"], all.calmar, DIGITS, "calmar")
    return r, read_csv(support.data(FOLDER .. "vbt_" .. case .. ".orders.csv"))
  end

  -- Long only: orders alternate between the entry and the exit of a trade.
  local function assert_orders(r, orders)
    local trades = r.trade_columns
    for k = 1, r.stats.trades do
      assert_near(orders.Size[2 * k - 1], trades.quantity[k], DIGITS, "size " .. k)
      assert_near(orders.Price[2 * k - 1], trades.entry_price[k], DIGITS, "entry " .. k)
      assert_near(orders.Price[2 * k], trades.exit_price[k], DIGITS, "exit " .. k)
      assert_near(orders.Fees[2 * k - 1] + orders.Fees[2 * k], trades.fees[k], DIGITS, "fees " .. k)
    end
  end

  it("fills long entries at the close", function()
    assert_orders(assert_case("long_close", 0, {}))
  end)

  it("reverses at the close", function() assert_case("both_close", -1, {}) end)

  it("slips and pays a fixed fee", function()
    assert_orders(assert_case("slip", 0, { slippage = 0.0005, fixed_fee = 1 }))
  end)

  it("stops and takes profit at levels from the entry price", function()
    assert_orders(assert_case("sl5_tp10", 0, { stop_loss = 0.05, take_profit = 0.1 }))
  end)
end)

describe("backtest.run", function()
  local bars = {
    time = tensor.of({ 0, DAY, 2 * DAY, 3 * DAY }, { dtype = "i64" }),
    open = tensor.of { 10, 20, 25, 40 },
    close = tensor.of { 10, 20, 30, 50 },
  }
  local free = { fee = 0, slippage = 0 }
  local function run(target, o)
    local merged = { target = type(target) == "table" and tensor.of(target) or target }
    for k, v in pairs(free) do merged[k] = v end
    for k, v in pairs(o or {}) do merged[k] = v end
    return backtest.run(bars, merged)
  end

  it("fills the signal of a bar at the next open and never the last", function()
    local r = run { 0, 1, 0, 1 }
    assert.same({ 1e5, 1e5, 1.2e5, 1.6e5 }, r.equity:totable())
    assert.same({ 0, 0, 4000, 0 }, r.position:totable())
    assert.equal(1, r.stats.trades)
    assert.equal(0.25, r.stats.exposure)
    assert.same({ 0, 0 }, { r.returns[1], r.returns[2] })
    assert_near(0.2, r.returns[3], 1e-12, "return")
  end)

  it("gives a function the account at the close of each bar", function()
    local seen = {}
    local r = run(function(i, given, state)
      assert.equal(bars, given)
      seen[i] = { state.position, state.equity, state.target, state.entry_bar or 0,
        state.entry_price or 0, state.cash, state.trades }
      state.count = (state.count or 0) + 1
      assert.equal(i, state.count)
      if i == 1 then return 1 elseif i == 2 then return nil elseif i == 3 then return 0 end
    end)
    assert.same({
      { 0, 1e5, 0, 0, 0, 1e5, 0 },
      { 5000, 1e5, 1, 2, 20, 0, 0 },
      { 5000, 1.5e5, 1, 2, 20, 0, 0 },
      { 0, 2e5, 0, 0, 0, 2e5, 1 },
    }, seen)
    assert.same(run({ 1, NAN, 0, 0 }).equity:totable(), r.equity:totable())
  end)

  it("counts costs, turnover and the benchmark", function()
    local r = run({ 1, 1, 0, 0 }, { fee = 0.01, slippage = 0.1, lot = 1, cash = 1000 })
    -- buys 45 at 22 (fee 9.9), sells 45 at 36 (fee 16.2)
    assert_near(1000 + 45 * 14 - 26.1, r.equity[-1], 1e-12, "equity")
    assert_near(26.1, r.stats.fees_paid, 1e-12, "fees")
    assert_near(45 * 2 + 45 * 4, r.stats.slippage_paid, 1e-12, "slippage")
    assert_near((1000 + 45 * 23 - 9.9 - 45 * 0.45) / 1000 - 1, r.stats.benchmark_return, 1e-12,
      "benchmark") -- sold at the last close: 50 less 10 %, fee 20.25
    local mean = (1000 + (1000 - 9.9 - 45 * 2) + (1000 - 9.9 + 45 * 8) + r.equity[-1]) / 4
    assert_near(45 * 58 / mean / (3 / 365.25), r.stats.turnover, 1e-12, "turnover")
    assert_near(365.25, r.stats.bars_per_year, 1e-12, "bars per year")
    assert.equal(1, r.stats.win_rate)
  end)

  it("gives NaN where nothing is defined", function()
    local r = run { 0, 0, 0, 0 }
    assert.equal(0, r.stats.total_return)
    for _, name in ipairs { "sharpe", "sortino", "calmar", "win_rate", "profit_factor",
      "expectancy" } do
      assert.not_equal(r.stats[name], r.stats[name])
    end
    assert.equal(0, r.stats.turnover)
    r = backtest.run({ open = bars.open, close = bars.close },
      { target = tensor.of { 1, 1, 1, 1 } })
    assert.not_equal(r.stats.cagr, r.stats.cagr)
  end)

  it("opens trades as a frame", function()
    local trades = run({ 1, 1, 0, 0 }).trades
    assert.equal(1, #trades)
    assert.equal(2, trades.entry_bar[1])
    assert.equal(4, trades.exit_bar[1])
    assert.equal(100, trades:column("pnl")[1] / 1000)
  end)

  it("states its conventions and prints its figures", function()
    local text = table.concat(run({ 1, 1, 0, 0 }, { fill = "close" }).conventions, "\n")
    assert.matches("AT THE CLOSE", text)
    assert.matches("365.25 bars a year", text)
    text = table.concat(run({ 1, 1, 0, 0 }).conventions, "\n")
    assert.matches("next bar's open; the last never", text)
    assert.matches("total_return +100.00 %%", tostring(run { 1, 1, 0, 0 }))
  end)

  it("takes one target for all bars", function()
    assert.same(run({ 1, 1, 1, 1 }).equity:totable(), run(1).equity:totable())
    assert.same(run(1).benchmark:totable(), run(1).equity:totable())
  end)

  it("survives a collection at every bar", function()
    local r = run(function(i)
      collectgarbage()
      return i % 2
    end, { fee = 1e-3 })
    assert.same(run({ 1, 0, 1, 0 }, { fee = 1e-3 }).equity:totable(), r.equity:totable())
  end)

  it("reads frames, of which high and low may be missing", function()
    local f = neap.market.synthetic { rows = 300, seed = 3 }
    local r = backtest.run(f, { target = 1 })
    assert.equal(300, #r.equity)
    assert_near(24 * 365.25, r.stats.bars_per_year, 1e-9, "bars per year")
    assert.equal("time", r.trades:dtype "exit_time")
    f = f:drop { "high" }
    assert.equal(r.equity[-1], backtest.run(f, { target = 1 }).equity[-1])
    assert.matches("bars have no column 'high'",
      support.message(backtest.run, f, { target = 1, stop_loss = 0.1 }))
    assert.is_nil(r.stats.ambiguous_exits)
  end)

  it("writes a page", function()
    local path = support.temporary ".html"
    run({ 1, 1, 0, 0 }, { fee = 1e-3 }):report(path, { title = "Four bars" })
    local file = assert(io.open(path))
    local page = file:read "a"
    file:close()
    os.remove(path)
    for _, text in ipairs { "Four bars", "Equity", "total return", "Conventions", "long" } do
      assert.truthy(page:find(text, 1, true), text)
    end
  end)

  it("takes close alone when it fills at the close", function()
    local r = backtest.run({ close = bars.close },
      { target = tensor.of { 1, 1, 1, 1 }, fill = "close", fee = 0, slippage = 0 })
    assert.equal(4, r.stats.total_return)
  end)

  local function says(pattern, fn)
    local text = support.message(fn)
    assert.matches(pattern, text)
    assert.matches("backtest_test.lua:%d+: ", text)
  end

  it("refuses what makes no sense, at the caller's line", function()
    says("unknown option 'fees' %(did you mean 'fee'%?%)",
      function() run({ 1, 1, 1, 1 }, { fees = 1 }) end)
    says("option 'target' is required", function() backtest.run(bars, {}) end)
    says("target has 2 elements, close has 4", function() run { 1, 1 } end)
    says("target of bar 2 is 2, allowed are %-1 to 1", function() run { 1, 2, 1, 1 } end)
    says("target of bar 1 is %-1, and allow_short = false",
      function() run({ -1, 0, 0, 0 }, { allow_short = false }) end)
    says("cash is 0, expected a positive number", function() run({ 1, 1, 1, 1 }, { cash = 0 }) end)
    says("fee is %-1, allowed are 0 to 1", function() run({ 1, 1, 1, 1 }, { fee = -1 }) end)
    says("fee must be a number, got string", function() run({ 1, 1, 1, 1 }, { fee = "x" }) end)
    says("fill is 'never', allowed are 'open', 'close'",
      function() run({ 1, 1, 1, 1 }, { fill = "never" }) end)
    says("close_at_end is 'maybe'", function() run({ 1, 1, 1, 1 }, { close_at_end = "maybe" }) end)
    says("close_at_end = 'open' cannot follow",
      function() run({ 1, 1, 1, 1 }, { close_at_end = "open", fill = "close" }) end)
    says("bars must be a frame", function() backtest.run(nil, { target = bars.open }) end)
    says("bars have no column 'open'",
      function() backtest.run({ close = bars.close }, { target = bars.close }) end)
    says("bars have no column 'high'", function() run({ 1, 1, 1, 1 }, { stop_loss = 0.1 }) end)
    says("target: tensor expected, got string", function() run "long" end)
  end)

  it("names the bar whose price or time is bad", function()
    says("open of bar 2 is NaN, and an order fills there", function()
      backtest.run({ open = tensor.of { 1, NAN, 1 }, close = tensor.of { 1, 1, 1 } },
        { target = tensor.of { 1, 1, 1 } })
    end)
    says("close of bar 3 is 0, prices must be positive", function()
      backtest.run({ open = tensor.of { 1, 1, 1 }, close = tensor.of { 1, 1, 0 } },
        { target = tensor.of { 1, 1, 1 } })
    end)
    says("time of bar 3 .* is not after that of bar 2", function()
      backtest.run({ time = tensor.of({ 1, 2, 2 }, { dtype = "i64" }),
        open = tensor.of { 1, 1, 1 }, close = tensor.of { 1, 1, 1 } },
        { target = tensor.of { 1, 1, 1 } })
    end)
  end)

  it("passes on the error of a target function and refuses a wrong result", function()
    says("no idea", function() run(function(i) if i == 3 then error "no idea" end end) end)
    says("gave a string at bar 2",
      function() run(function(i) if i == 2 then return "x" end end) end)
  end)

  it("is the same at any number of threads", function()
    local one
    for _, threads in ipairs { 1, 2, 4 } do
      neap.set_threads(threads)
      local r = run({ 1, -0.3, 0.7, 0 }, { fee = 1e-3, rebalance = "always" })
      one = one or r.equity:totable()
      assert.same(one, r.equity:totable())
    end
  end)
end)

describe("backtest.stats", function()
  it("matches empyrical and quantstats on SPY", function()
    local path = support.data "reference/metrics/returns_spy.csv.gz"
    if not path then return pending "data folder absent" end
    local s = backtest.stats(tensor.of(read_csv(path).spy), { bars_per_year = 252 })
    local want = read_figures("reference/metrics/reference.json", "empyrical_reloaded", "spy")
    for name, theirs in pairs {
      total_return = want.cum_returns_final, max_drawdown = -want.max_drawdown, cagr = want.cagr,
      volatility = want.annual_volatility, calmar = want.calmar_ratio, sharpe = want.sharpe_ratio,
      sortino = want.sortino_ratio,
    } do
      assert_near(theirs, s[name], 1e-12, name)
    end
    want = read_figures("reference/metrics/reference.json", "quantstats", "spy")
    for name, theirs in pairs {
      total_return = want.comp, best = want.best, worst = want.worst, sharpe = want.sharpe,
      sortino = want.sortino, volatility = want.volatility,
    } do
      assert_near(theirs, s[name], 1e-12, name)
    end
  end)

  it("matches empyrical on closes of six stocks", function()
    local stocks = support.data "equities/pypfopt_stock_prices_1990_2024.csv.gz"
    local spy = support.data "equities/pypfopt_spy_1993_2024.csv.gz"
    if not stocks or not spy then return pending "data folder absent" end
    stocks, spy = read_csv(stocks), read_csv(spy)
    for _, name in ipairs { "AAPL", "AMD", "BAC", "GE", "XOM", "SPY" } do
      local columns, closes = stocks[name] and stocks or spy, {}
      for i, date in ipairs(columns.date) do
        local inside = date >= "2015-01-02" and date <= "2024-11-29"
        if inside then closes[#closes + 1] = columns[name][i] end
      end
      local s = backtest.stats(tensor.of(closes), { kind = "equity", bars_per_year = 252 })
      local want = read_figures("reference/perf/empyrical_stocks_2015_2024.json", name)
      assert_near(want.n, s.periods, 0, name)
      for figure, theirs in pairs {
        total_return = want.cum_return, cagr = want.annual_return, sharpe = want.sharpe,
        volatility = want.annual_volatility, sortino = want.sortino, calmar = want.calmar,
        max_drawdown = -want.max_drawdown,
      } do
        assert_near(theirs, s[figure], 1e-12, name .. " " .. figure)
      end
    end
  end)

  it("gives the published probabilistic Sharpe ratios", function()
    local path = support.data "reference/metrics/returns_goog_spy.csv.gz"
    if not path then return pending "data folder absent" end
    local columns = read_csv(path)
    local r = tensor.of(columns.goog or columns.GOOG)
    assert_near(0.9955552610655133, backtest.psr(r), 1e-12, "psr")
    assert_near(0.8854824360761723, backtest.psr(r, { benchmark = 0.03 }), 1e-12, "psr")
    local paper = { sharpe = 2.5 / math.sqrt(250), n = 1250, skew = -3, kurtosis = 10 }
    local p, luck = backtest.dsr(paper, { trials = 100, variance = 0.5 / 250 })
    assert_near(0.9003968344493903, p, 1e-12, "dsr")
    assert_near(0.11317200186513214, luck, 1e-12, "luck")
  end)

  it("reads an equity curve when told", function()
    local s = backtest.stats(tensor.of { 100, 110, 99 }, { kind = "equity", bars_per_year = 4 })
    assert_near(-0.01, s.total_return, 1e-12, "total")
    assert.equal(2, s.periods)
    assert_near(0.99 ^ 2 - 1, s.cagr, 1e-12, "cagr")
  end)

  it("refuses NaN, wrong kinds and wrong options", function()
    assert.matches("return 2 is NaN", support.message(backtest.stats, tensor.of { 1, NAN }))
    local function curve(t)
      return support.message(backtest.stats, tensor.of(t), { kind = "equity" })
    end
    assert.matches("equity starts at %-5", curve { -5, 3 })
    assert.matches("equity starts at %-?nan", curve { NAN, 3 })
    assert.matches("equity 2 is NaN", curve { 1, NAN })
    assert.matches("at least one value", support.message(backtest.stats, tensor.zeros { 0 },
      { kind = "equity" }))
    assert.equal(0, backtest.stats(tensor.zeros { 0 }).total_return)
    assert.matches("kind is 'x'", support.message(backtest.stats, tensor.of { 1 }, { kind = "x" }))
    assert.matches("bars_per_year is 0",
      support.message(backtest.stats, tensor.of { 1 }, { bars_per_year = 0 }))
    assert.matches("trials is 0",
      support.message(backtest.dsr, tensor.of { 1 }, { trials = 0, variance = 1 }))
    assert.matches("sharpe, n, skew and kurtosis", support.message(backtest.psr, { sharpe = 1 }))
  end)
end)

describe("a result", function()
  it("knows its fields and statistics, and refuses other names", function()
    local bars = neap.market.synthetic { rows = 50 }
    local r = backtest.run(bars, { target = tensor.ones { 50 } })
    for want, fn in pairs {
      ["unknown field 'sharpe'; statistics are in r.stats"] = function() return r.sharpe end,
      ["unknown field 'equty' %(did you mean 'equity'%?%)"] = function() return r.equty end,
      ["unknown statistic 'sharp' %(did you mean 'sharpe'%?%)"] = function()
        return r.stats.sharp
      end,
    } do
      assert.matches(want, support.message(fn))
    end
    local untimed = backtest.run({ open = bars.open, close = bars.close },
      { target = tensor.ones { 50 } })
    assert.is_nil(untimed.time)
    assert.is_nil(backtest.stats(untimed.returns, { bars_per_year = 252 }).trades)
  end)

  it("writes its report with and without times", function()
    local bars = neap.market.synthetic { rows = 50 }
    for _, data in ipairs { bars, { open = bars.open, close = bars.close } } do
      local path = support.temporary ".html"
      backtest.run(data, { target = tensor.ones { 50 } }):report(path)
      local page = neap.file.read(path)
      os.remove(path)
      assert.truthy(page:find("Drawdown, share of the highest equity", 1, true))
      assert.falsy(page:find("nan", 1, true))
    end
  end)
end)
