--- The page of one backtest: figures, curves, trades and every convention.
local opts = require "neap.opts"

local function percent(v) return v == v and ("%.1f %%"):format(100 * v) or "-" end
local function plain(v) return v == v and ("%.2f"):format(v) or "-" end

local function statistics(stats)
  local rows = {}
  for line in tostring(stats):gmatch "[^\n]+" do
    local name, value = line:match "^(%S+)%s+(.-)%s*$"
    rows[#rows + 1] = { (name:gsub("_", " ")), value }
  end
  return rows
end

-- Over time, or over the number of the bar.
local function curve(values, r, name)
  return r.time and { "line", r.time, values, name = name } or { "line", values, name = name }
end

local function equity_chart(plot, r)
  return plot.chart { title = "Equity", width = 960, height = 320, x = r.time and "time" or nil,
    curve(r.equity, r, "strategy"), curve(r.benchmark, r, "buy and hold") }
end

local function drawdown_chart(plot, r)
  local below, top = -r.drawdown, r.drawdown * 0
  local mark = r.time and { "band", r.time, below, top, color = 2 }
    or { "band", require("neap.tensor").arange(#top), below, top, color = 2 }
  return plot.chart { title = "Drawdown, share of the highest equity so far", width = 960,
    height = 200, x = r.time and "time" or nil, mark }
end

local function trade_rows(r, most)
  local t, rows = r.trade_columns, {}
  for i = 1, math.min(most, #t.side) do
    rows[i] = { tostring(i), t.side[i] > 0 and "long" or "short", ("%.6g"):format(t.quantity[i]),
      tostring(t.entry_bar[i]), tostring(t.exit_bar[i]), ("%.6g"):format(t.entry_price[i]),
      ("%.6g"):format(t.exit_price[i]), plain(t.fees[i]), plain(t.pnl[i]), percent(t.ret[i]) }
  end
  return rows
end

local MOST = 200 -- trades in the table

--- Write the report of result r to path.
return function(r, path, o)
  o = opts.merge("backtest report", { title = "Backtest" }, o)
  local plot, report = require "neap.plot", require "neap.report"
  local s = r.stats
  local page = report.new { title = o.title, subtitle = ("%d bars"):format(#r.equity) }
  page:figures { { "return after costs", percent(s.total_return) },
    { "buy and hold", percent(s.benchmark_return) }, { "Sharpe", plain(s.sharpe) },
    { "largest drawdown", percent(s.max_drawdown) }, { "trades", tostring(s.trades) },
    { "exposure", percent(s.exposure) } }
  page:chart(equity_chart(plot, r)):chart(drawdown_chart(plot, r))
  page:section "Statistics":table({ "statistic", "value" }, statistics(s))
  local rows = trade_rows(r, MOST)
  page:section "Trades"
  if s.trades > MOST then page:text(("The first %d of %d."):format(MOST, s.trades)) end
  page:table({ "trade", "side", "quantity", "entry bar", "exit bar", "entry", "exit", "fees", "pnl",
    "return" }, rows)
  page:section "Conventions":list(r.conventions)
  page:save(path)
end
