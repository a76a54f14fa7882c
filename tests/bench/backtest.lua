-- Cost of a bar: targets that seldom change, rebalancing at every bar, and a Lua function.
-- Usage: neap tests/bench/backtest.lua [bars]
local neap = require "neap"
local c = require "neap.c.sim"
local tensor = neap.tensor

local n = math.tointeger(tonumber(arg and arg[1]) or 1000000)
local r, price = neap.rng(1), 100
local open, close, seldom, often = {}, {}, {}, {}
for i = 1, n do
  open[i] = price
  price = price * (1 + 0.001 * r:normal())
  close[i] = price
  seldom[i] = i // 100 % 2
  often[i] = r:uniform()
end
open, close = tensor.of(open), tensor.of(close)

local options = {
  cash = 1e5, fee = 5e-4, fixed_fee = 0, slippage = 2e-4, tick = 0, lot = 0, stop_loss = 0,
  take_profit = 0, fill_at_close = false, rebalance_always = false, allow_short = true,
  slip_entries_only = false, end_at_close = true, end_at_open = false, size_by_unit = false,
  levels_from_signal = false,
}

local function measure(name, target)
  local times = {}
  for k = 1, 5 do
    local start = os.clock()
    c.run({}, nil, open, nil, nil, close, target, options)
    times[k] = (os.clock() - start) / n * 1e9
  end
  table.sort(times)
  print(("%-28s %8.1f ns/bar (least %.1f)"):format(name, times[3], times[1]))
end

print(("%d bars, one core, median of 5"):format(n))
measure("target changes every 100", tensor.of(seldom))
measure("target changes every bar", tensor.of(often))
measure("function of Lua", function(i) return i // 100 % 2 end)
