-- Nanoseconds per bar: each indicator over whole series, a stream, the usual feature set.
-- Usage: neap tests/bench/ta.lua [bars] [name ...]
-- Beside them TA-Lib's figures where they were measured (1,000,000 bars of a random walk, its own
-- defaults, one core of a Zen 5): another machine, so compare ratios between functions.
local neap = require "neap"
local c = require "neap.c.ta"
local clock, ta, tensor = require "neap.clock", neap.ta, neap.tensor

local talib = {
  sma = 0.96, ema = 1.9, rsi = 5.4, macd = 14.0, bbands = 4.3, atr = 5.4, adx = 8.6, stoch = 9.6,
  cci = 17.3, willr = 7.3, obv = 4.4, stddev = 3.8, linreg_slope = 7.4, aroon = 8.1, sar = 5.6,
  mfi = 8.6, kama = 2.0, wma = 0.96, stochrsi = 20,
}

local n = math.tointeger(tonumber(arg and arg[1]) or 1000000)
local wanted = arg and arg[2] and table.move(arg, 2, #arg, 1, {}) or ta.list()

local bars = {}
do
  local columns = { open = {}, high = {}, low = {}, close = {}, volume = {} }
  local r, price = neap.rng(1), 100
  for i = 1, n do
    columns.open[i] = price
    price = price * (1 + 0.001 * r:normal())
    columns.close[i] = price
    columns.high[i] = math.max(price, columns.open[i]) + 0.05 * r:uniform()
    columns.low[i] = math.min(price, columns.open[i]) - 0.05 * r:uniform()
    columns.volume[i] = 1000 * r:uniform()
  end
  for _, name in ipairs { "open", "high", "low", "close", "volume" } do
    bars[name] = tensor.of(columns[name])
  end
end
bars.series = bars.close
collectgarbage() -- the tables would be marked again and again inside the measurements

local function median(count, fn)
  local times = {}
  fn()
  for k = 1, count do
    local start = clock.cpu()
    fn()
    times[k] = clock.cpu() - start
  end
  table.sort(times)
  return times[(count + 1) // 2]
end

local function ns_per_bar(name, preset)
  local info, params, inputs = ta.info(name), {}, {}
  for i, p in ipairs(info.params) do
    local value = preset and p.talib or p.default
    params[i] = value == "ema" and 1 or value == "sma" and 0 or value
  end
  for i, input in ipairs(info.inputs) do inputs[i] = bars[input] end
  return median(5, function() c.run(name, params, table.unpack(inputs)) end) / n
end

print(("%d bars, one core, median of 5, ns per bar"):format(n))
print(("%-22s %8s %8s %10s"):format("indicator", "default", "talib's", "TA-Lib"))
for _, name in ipairs(wanted) do
  print(("%-22s %8.2f %8.2f %10s"):format(name, ns_per_bar(name), ns_per_bar(name, true),
    talib[name] or ""))
end

local s, closes = ta.stream "rsi", bars.close:totable()
print(("%-22s %8.1f ns per push from Lua"):format("stream rsi", median(5, function()
  for i = 1, n do s:push(closes[i]) end
end) / n))

if not (arg and arg[2]) then
  local set = neap.features.set(neap.features.default(bars))
  print(("%-22s %8.1f ns for %d columns"):format("features.default",
    median(3, function() set:compute(bars) end) / n, #set:names()))
end
