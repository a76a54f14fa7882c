--- Technical indicators, for whole series and bar by bar, from one recurrence each.
---
--- Data comes first: a series (a one-dimensional tensor; of bars, their close) or bars (a frame, or
--- a table of tensors, with open, high, low, close, volume). Then at most one number, the first
--- parameter, then a table of options; defaults are the usual ones and stand in brackets below.
--- `preset = "talib"` takes TA-Lib's defaults instead.
---
--- Results are as long as the data: one tensor, or a frame where there are several columns. The
--- first `lookback` values are NaN. Missing bars: one whose inputs are NaN or infinite gives NaN
--- and leaves the indicator as it was, so that the rest is what the series without it would give.
---
--- Errors: unknown options, parameters out of their range, inputs that differ in length.
local c = require "neap.c.ta"
local opts = require "neap.opts"

local ta = {}

-- Parameters that Lua names and C numbers.
local choices = { average = { "sma", "ema" } }

local known = {} -- name -> what C says of it

local function describe(where, name)
  if #known == 0 then
    for i, each in ipairs(c.list()) do
      known[i] = each
      known[each] = c.info(each)
    end
  end
  if type(name) ~= "string" or not known[name] then
    opts.unknown(where, "indicator", name, table.move(known, 1, #known, 1, {}))
  end
  return known[name]
end

local function numbered(where, p, value)
  local names = choices[p.name]
  if not names or math.type(value) == "integer" then return value end
  for i, each in ipairs(names) do
    if each == value then return i - 1 end
  end
  opts.raise("%s: %s must be '%s', got '%s'", where, p.name, table.concat(names, "' or '"),
    tostring(value))
end

-- The parameters as an array, from the main one and the options over the defaults or the preset.
local function parameters(where, info, main, o)
  if o == nil and type(main) == "table" then main, o = nil, main end
  local preset = type(o) == "table" and o.preset
  if preset and preset ~= "talib" then
    opts.raise("%s: unknown preset '%s' (known: talib)", where, tostring(preset))
  end
  if preset and not info.talib then opts.raise("%s: TA-Lib has no %s", where, info.name) end
  local defaults = { preset = opts.none }
  for _, p in ipairs(info.params) do defaults[p.name] = preset and p.talib or p.default end
  local merged = opts.merge(where, defaults, o)
  if main ~= nil then
    local first = info.params[1]
    if type(main) ~= "number" or not first then
      opts.raise("%s: %s expected after the data, got %s", where,
        first and "a number or a table of options" or "nothing", type(main))
    end
    if o and o[first.name] then opts.raise("%s: %s is given twice", where, first.name) end
    merged[first.name] = main
  end
  local values = {}
  for i, p in ipairs(info.params) do values[i] = numbered(where, p, merged[p.name]) end
  return values
end

local function is_tensor(x)
  local meta = type(x) == "userdata" and getmetatable(x)
  return meta and meta.__name == "neap.tensor"
end

-- The tensors that an indicator reads, in its order.
local function inputs(where, info, data)
  if is_tensor(data) then
    if #info.inputs == 1 then return data end
    opts.raise("%s: bars with %s are needed, got a tensor", where, table.concat(info.inputs, ", "))
  end
  if type(data) ~= "table" and type(data) ~= "userdata" then
    opts.raise("%s: a tensor or bars expected, got %s", where, type(data))
  end
  if type(data) == "table" and not getmetatable(data) and data[1] ~= nil then
    opts.raise("%s: a tensor or bars expected, got an array, which tensor.of makes a tensor", where)
  end
  local found = {}
  for i, name in ipairs(info.inputs) do
    if name == "series" then name = "close" end
    local ok, column = pcall(function() return data[name] end)
    if not ok or column == nil then opts.raise("%s: the bars have no %s", where, name) end
    found[i] = column
  end
  return table.unpack(found)
end

local function apply(name, data, main, o)
  local where = "ta." .. name
  local info = describe(where, name)
  local columns = { c.run(name, parameters(where, info, main, o), inputs(where, info, data)) }
  if #columns == 1 then return columns[1] end
  local named = {}
  for i, output in ipairs(info.outputs) do named[i] = { output, columns[i] } end
  return require("neap.frame").new(named)
end

--- The names of all indicators, by family.
---     ta.list()[1] --> sma
---@return string[]
function ta.list()
  describe("ta.list", "sma")
  return table.move(known, 1, #known, 1, {})
end

--- What is known of an indicator: title, inputs, outputs and their units, params (name, default,
--- talib, low, high, integer), the range low to high of its outputs, and two functions of the
--- options: lookback, and values, all parameters in order.
---     ta.info("macd").lookback { fast = 12, slow = 26, signal = 9 } --> 33
---     ta.info("macd").values({ fast = 8 })[2] --> 26
---@param name string
---@return table
function ta.info(name)
  local info = describe("ta.info", name)
  local copy = { params = {} }
  for _, key in ipairs { "name", "title", "talib", "low", "high" } do copy[key] = info[key] end
  for _, key in ipairs { "inputs", "outputs", "units" } do
    copy[key] = table.move(info[key], 1, #info[key], 1, {})
  end
  for i, p in ipairs(info.params) do
    local names = choices[p.name]
    copy.params[i] = {
      name = p.name, integer = p.integer, low = p.low, high = p.high,
      default = names and names[p.default + 1] or p.default,
      talib = names and names[p.talib + 1] or p.talib,
    }
  end
  function copy.lookback(main, o)
    return c.lookback(name, parameters("ta." .. name, info, main, o))
  end
  function copy.values(main, o) return parameters("ta." .. name, info, main, o) end
  return copy
end

--- An indicator fed bar by bar: `s:push(price)`, or `s:push(bar)` with a table of numbers, gives
--- the new value (several outputs: several values). Equal to the series form bit for bit.
---     local s = ta.stream("sma", { period = 2 })
---     s:push(1)
---     s:push(2) --> 1.5
---@param name string
---@param main? number|table
---@param o? table
---@return neap.ta.stream
function ta.stream(name, main, o)
  local info = describe("ta.stream", name)
  return c.stream(name, parameters("ta.stream: " .. name, info, main, o))
end

-- One function for each row of the table in C ----------------------------------------------------

--- Simple moving average of the last `period` (20) values.
---     ta.sma(tensor.of { 1, 2, 3, 4 }, 2)[-1] --> 3.5
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.sma(x, main, o) return apply("sma", x, main, o) end

--- Exponential moving average, `y += 2 / (period + 1) (x - y)`, seeded with the mean of the
--- first `period` (20). Source: TA-Lib's seed.
---     ta.ema(tensor.of { 1, 2, 3, 7 }, 3)[-1] --> 4.5
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.ema(x, main, o) return apply("ema", x, main, o) end

--- Moving average with weights 1 to `period` (20), the last bar heaviest.
---     ta.wma(tensor.of { 1, 2, 4 }, 2)[-1] --> 3.3333333333333
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.wma(x, main, o) return apply("wma", x, main, o) end

--- Double exponential moving average: 2 e1 - e2, e2 the EMA of the EMA (`period` 20). Source:
--- Mulloy 1994, seeds as TA-Lib.
---     ta.dema(tensor.of { 1, 2, 3, 4, 5 }, 2)[-1] --> 5.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.dema(x, main, o) return apply("dema", x, main, o) end

--- Triple exponential moving average: 3 e1 - 3 e2 + e3 (`period` 20). Source: Mulloy 1994,
--- seeds as TA-Lib.
---     ta.tema(tensor.of { 1, 2, 3, 4, 5 }, 2)[-1] --> 5.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.tema(x, main, o) return apply("tema", x, main, o) end

--- Hull moving average: WMA over sqrt(n) of 2 WMA(n / 2) - WMA(n), whole parts taken (`period`
--- 9). Source: Hull 2005.
---     ta.hma(tensor.of { 1, 2, 3, 4, 5 }, 4)[-1] --> 5.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.hma(x, main, o) return apply("hma", x, main, o) end

--- Kaufman's adaptive average: an EMA whose constant follows the efficiency of the last
--- `period` (10) bars, between those of `fast` (2) and `slow` (30) bars. Source: Kaufman 1995,
--- seed as TA-Lib.
---     ta.kama(tensor.of { 5, 5, 5, 5 }, 2)[-1] --> 5.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.kama(x, main, o) return apply("kama", x, main, o) end

--- Mean of the close weighted by volume over `period` (20) bars; the close itself while no
--- volume was traded. Needs close, volume.
---     ta.vwma({ close = tensor.of { 1, 4 }, volume = tensor.of { 1, 2 } }, 2)[-1] --> 3.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.vwma(bars, main, o) return apply("vwma", bars, main, o) end

--- Wilder's average, `y += (x - y) / period` (14), seeded with the mean of the first `period`.
--- Source: Wilder 1978.
---     ta.rma(tensor.of { 1, 2, 3, 5 }, 3)[-1] --> 3.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.rma(x, main, o) return apply("rma", x, main, o) end

--- EMA(`fast` 12) - EMA(`slow` 26), its EMA(`signal` 9), and their difference. A frame with
--- macd, signal, hist. Source: Appel 1979; as in TA-Lib both averages start at bar `slow` and
--- all columns start together.
---     ta.macd(tensor.zeros { 40 }, { fast = 12, slow = 26, signal = 9 }).hist[-1] --> 0.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.frame
function ta.macd(x, main, o) return apply("macd", x, main, o) end

--- Difference of two averages (`fast` 12, `slow` 26) in percent of the slow one. `average` is
--- "ema" (default) or "sma" (TA-Lib's).
---     ta.ppo(tensor.of { 1, 2, 3 }, { fast = 1, slow = 2, average = "sma" })[-1] --> 20.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.ppo(x, main, o) return apply("ppo", x, main, o) end

--- Difference of two averages (`fast` 12, `slow` 26). `average` is "ema" (default) or "sma"
--- (TA-Lib's).
---     ta.apo(tensor.of { 1, 2, 3 }, { fast = 1, slow = 2, average = "sma" })[-1] --> 0.5
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.apo(x, main, o) return apply("apo", x, main, o) end

--- Relative strength index, 0 to 100, of Wilder's sums of rises and falls over `period` (14). 0
--- while there was no change. Source: Wilder 1978.
---     ta.rsi(tensor.of { 1, 2, 3, 2 }, 3)[-1] --> 66.666666666667
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.rsi(x, main, o) return apply("rsi", x, main, o) end

--- Stochastic oscillator: the close in the range of `fastk` (14) bars, 0 to 100, averaged over
--- `slowk` (3) to k and again over `slowd` (3) to d. Needs high, low, close. A frame with k, d;
--- 0 in an empty range. Source: Lane.
---     local x = { high = tensor.of { 4 }, low = tensor.of { 0 }, close = tensor.of { 3 } }
---     ta.stoch(x, { fastk = 1, slowk = 1, slowd = 1 }).k[-1] --> 75.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.frame
function ta.stoch(bars, main, o) return apply("stoch", bars, main, o) end

--- Stochastic oscillator of the RSI(`period` 14) in its range of `fastk` (14) bars, averaged
--- over `slowk` (3) and `slowd` (3). A frame with k, d; 0 in an empty range. Source: Chande and
--- Kroll 1994.
---     ta.stochrsi(tensor.zeros { 50 }).k[-1] --> 0.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.frame
function ta.stochrsi(x, main, o) return apply("stochrsi", x, main, o) end

--- Williams %R, -100 to 0: how far the close is below the top of `period` (14) bars, in percent
--- of their range. Needs high, low, close; 0 in an empty range.
---     local high, low, close = tensor.of { 4, 3 }, tensor.of { 0, 1 }, tensor.of { 1, 3 }
---     ta.willr({ high = high, low = low, close = close }, 2)[-1] --> -25.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.willr(bars, main, o) return apply("willr", bars, main, o) end

--- Commodity channel index: the typical price less its mean of `period` (20), over 0.015 mean
--- deviations. Needs high, low, close; 0 when the deviation is. Source: Lambert 1980.
---     local x = tensor.of { 1, 3 }
---     ta.cci({ high = x, low = x, close = x }, 2)[-1] --> 66.666666666667
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.cci(bars, main, o) return apply("cci", bars, main, o) end

--- Change over `period` (10) bars in percent of the older value; 0 when that is 0.
---     ta.roc(tensor.of { 2, 3 }, 1)[-1] --> 50.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.roc(x, main, o) return apply("roc", x, main, o) end

--- Change over `period` (10) bars.
---     ta.mom(tensor.of { 2, 3 }, 1)[-1] --> 1.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.mom(x, main, o) return apply("mom", x, main, o) end

--- Logarithmic return over `period` (1) bars; a price of 0 or less is a missing bar.
---     ta.log_return(tensor.of { 3, 3 })[-1] --> 0.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.log_return(x, main, o) return apply("log_return", x, main, o) end

--- Chande momentum oscillator, -100 to 100, of Wilder's sums over `period` (14), as TA-Lib; 0
--- while there was no change.
---     ta.cmo(tensor.of { 1, 2, 3, 2 }, 3)[-1] --> 33.333333333333
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.cmo(x, main, o) return apply("cmo", x, main, o) end

--- Money flow index, 0 to 100: the typical price times volume of rising bars against falling
--- ones over `period` (14). Needs high, low, close, volume; 0 without flow. Source: Quong and
--- Soudack 1989.
---     local x = tensor.of { 1, 2, 3 }
---     ta.mfi({ high = x, low = x, close = x, volume = x }, 2)[-1] --> 100.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.mfi(bars, main, o) return apply("mfi", bars, main, o) end

--- Ultimate oscillator, 0 to 100: buying pressure over true range for `period1` (7), `period2`
--- (14), `period3` (28), weighted 4, 2, 1. Needs high, low, close. Source: Williams 1985.
---     local x = tensor.of { 1, 2, 3 }
---     local bars = { high = x, low = x, close = x }
---     ta.ultosc(bars, { period1 = 1, period2 = 1, period3 = 2 })[-1] --> 100.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.ultosc(bars, main, o) return apply("ultosc", bars, main, o) end

--- Balance of power, -1 to 1: close less open over high less low; 0 for a bar without range. Needs
--- open, high, low, close.
---     local x = tensor.of { 1, 2 }
---     ta.bop({ open = x, high = x, low = x, close = x })[-1] --> 0.0
---@param bars table
---@return neap.tensor
function ta.bop(bars) return apply("bop", bars) end

--- True strength index, -100 to 100: changes averaged by an EMA(`slow` 25) and an EMA(`fast`
--- 13), over the same of their sizes. 0 while there was no change. Source: Blau 1991.
---     ta.tsi(tensor.of { 1, 2, 3, 4, 5 }, { fast = 1, slow = 2 })[-1] --> 100.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.tsi(x, main, o) return apply("tsi", x, main, o) end

--- Average directional movement index, 0 to 100, over `period` (14) bars. Needs high, low,
--- close. Source: Wilder 1978, seeds as TA-Lib.
---     local x = tensor.of { 1, 2, 3 }
---     ta.adx({ high = x, low = x, close = x }, 2)[1] ~= 0 --> true
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.adx(bars, main, o) return apply("adx", bars, main, o) end

--- Plus directional indicator, 0 to 100, over `period` (14) bars. Needs high, low, close.
--- Source: Wilder 1978, seeds as TA-Lib.
---     local x = tensor.of { 1, 2, 3 }
---     ta.plus_di({ high = x, low = x, close = x }, 2)[-1] --> 100.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.plus_di(bars, main, o) return apply("plus_di", bars, main, o) end

--- Minus directional indicator, 0 to 100, over `period` (14) bars. Needs high, low, close.
--- Source: Wilder 1978, seeds as TA-Lib.
---     local x = tensor.of { 1, 2, 3 }
---     ta.minus_di({ high = x, low = x, close = x }, 2)[-1] --> 0.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.minus_di(bars, main, o) return apply("minus_di", bars, main, o) end

--- Aroon: how recent the highest high and the lowest low of `period` (14) + 1 bars are, 100 =
--- now. Needs high, low. A frame with up, down; of equals the latest counts. Source: Chande
--- 1995.
---     local x = tensor.of { 1, 2, 3 }
---     ta.aroon({ high = x, low = x }, 2).up[-1] --> 100.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.frame
function ta.aroon(bars, main, o) return apply("aroon", bars, main, o) end

--- Aroon up less Aroon down, -100 to 100 (`period` 14). Needs high, low.
---     local x = tensor.of { 1, 2, 3 }
---     ta.aroonosc({ high = x, low = x }, 2)[-1] --> 100.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.aroonosc(bars, main, o) return apply("aroonosc", bars, main, o) end

--- Parabolic stop and reverse: a stop that speeds up by `acceleration` (0.02) to `maximum`
--- (0.2). Needs high, low. Source: Wilder 1978, start as TA-Lib.
---     ta.sar({ high = tensor.of { 1, 2, 3 }, low = tensor.of { 1, 2, 3 } })[-1] --> 1.02
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.sar(bars, main, o) return apply("sar", bars, main, o) end

--- Supertrend: a stop `multiplier` (3) average true ranges of `period` (10) away from the
--- middle of the bar. Needs high, low, close. A frame with line and direction (1 up, -1 down;
--- the first bar is down, as in TradingView).
---     local x = tensor.of { 1, 2, 3 }
---     ta.supertrend({ high = x, low = x, close = x }, 1).direction[-1] --> -1.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.frame
function ta.supertrend(bars, main, o) return apply("supertrend", bars, main, o) end

--- True range: the widest of high - low and the distances of both from the close before. Needs
--- high, low, close; starts at bar 2.
---     local x = tensor.of { 1, 2, 3 }
---     ta.trange({ high = x, low = x, close = x })[-1] --> 1.0
---@param bars table
---@return neap.tensor
function ta.trange(bars) return apply("trange", bars) end

--- Average true range: Wilder's average over `period` (14). Needs high, low, close. Source:
--- Wilder 1978, seed as TA-Lib.
---     local x = tensor.of { 1, 2, 3 }
---     ta.atr({ high = x, low = x, close = x }, 2)[-1] --> 1.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.atr(bars, main, o) return apply("atr", bars, main, o) end

--- Average true range over `period` (14) in percent of the close; 0 for a close of 0. Needs
--- high, low, close.
---     local x = tensor.of { 1, 2, 3 }
---     ta.natr({ high = x, low = x, close = x }, 2)[-1] --> 33.333333333333
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.natr(bars, main, o) return apply("natr", bars, main, o) end

--- Bollinger bands: mean of `period` (20) plus and minus `deviations` (2) standard deviations
--- with `ddof` 0. A frame with upper, middle, lower.
---     ta.bbands(tensor.of { 1, 3 }, 2).upper[-1] --> 4.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.frame
function ta.bbands(x, main, o) return apply("bbands", x, main, o) end

--- Keltner channel: EMA(`period` 20) of the close plus and minus `multiplier` (2) average true
--- ranges of `atr_period` (10). Needs high, low, close. A frame with upper, middle, lower.
---     local x = tensor.of { 1, 2, 3 }
---     local bars = { high = x, low = x, close = x }
---     ta.keltner(bars, { period = 2, atr_period = 2 }).upper[-1] --> 4.5
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.frame
function ta.keltner(bars, main, o) return apply("keltner", bars, main, o) end

--- Donchian channel: highest high, middle, lowest low of `period` (20) bars, the present one
--- included. Needs high, low. A frame with upper, middle, lower.
---     local x = tensor.of { 1, 2, 3 }
---     ta.donchian({ high = x, low = x }, 2).upper[-1] --> 3.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.frame
function ta.donchian(bars, main, o) return apply("donchian", bars, main, o) end

--- Standard deviation of the last `period` (20) values, divisor `period` - `ddof` (0); exact at
--- any offset.
---     ta.stddev(tensor.of { 1e8 + 1, 1e8 + 3 }, 2)[-1] --> 1.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.stddev(x, main, o) return apply("stddev", x, main, o) end

--- Variance of the last `period` (20) values, divisor `period` - `ddof` (0); exact at any
--- offset.
---     ta.var(tensor.of { 1, 5 }, 2)[-1] --> 4.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.var(x, main, o) return apply("var", x, main, o) end

--- Distance from the mean of `period` (20) values in standard deviations (`ddof` 0); 0 in a
--- flat window.
---     ta.zscore(tensor.of { 1, 5 }, 2)[-1] --> 1.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.zscore(x, main, o) return apply("zscore", x, main, o) end

--- Slope of the least-squares line through the last `period` (14) values, per bar.
---     ta.linreg_slope(tensor.of { 1, 3, 5 }, 3)[-1] --> 2.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.linreg_slope(x, main, o) return apply("linreg_slope", x, main, o) end

--- Standard deviation (ddof 1) of the last `period` (20) logarithmic returns, times
--- sqrt(`bars_per_year` 1). A price of 0 or less is a missing bar.
---     ta.realised_volatility(tensor.of { 3, 3, 3 }, 2)[-1] --> 0.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.realised_volatility(x, main, o) return apply("realised_volatility", x, main, o) end

--- Percentile of the last value among the last `period` (100): its average rank in percent of
--- them, above 0, at most 100; pandas' `rolling(n).rank(pct=True)` times 100.
---     ta.percentile(tensor.of { 3, 1, 2, 4 }, 4)[-1] --> 100.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.percentile(x, main, o) return apply("percentile", x, main, o) end

--- How volatile it is for the time: the third (1 calm, 2, 3 turbulent) of the last `window` (100)
--- values of `ta.realised_volatility` over `period` (20) in which the present one lies, by its
--- percentile among them. A price of 0 or less is a missing bar.
---     ta.regime_volatility(tensor.of { 3, 3, 3, 3, 3 }, { period = 2, window = 3 })[-1] --> 2.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.regime_volatility(x, main, o) return apply("regime_volatility", x, main, o) end

--- Where it goes: 3 where the mean of the last `period` (50) logarithmic returns is more than
--- `threshold` (1) standard errors above 0, 1 where it is as far below, else 2. A random walk is in
--- 2 two thirds of the time. A price of 0 or less is a missing bar.
---     ta.regime_trend(tensor.of { 1, 2, 3, 5 }, 3)[-1] --> 3.0
---@param x neap.tensor|table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.regime_trend(x, main, o) return apply("regime_trend", x, main, o) end

--- Volatility from highs and lows of `period` (20) bars, times sqrt(`bars_per_year` 1). Needs
--- high, low, above 0. Source: Parkinson 1980.
---     ta.parkinson({ high = tensor.of { 1, 2, 3 }, low = tensor.of { 1, 2, 3 } }, 2)[-1] --> 0.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.parkinson(bars, main, o) return apply("parkinson", bars, main, o) end

--- Volatility from open, high, low, close of `period` (20) bars, times sqrt(`bars_per_year` 1).
--- Needs all four, above 0; NaN where closes outside the bars make it imaginary. Source: Garman
--- and Klass 1980.
---     local x = tensor.of { 1, 2, 3 }
---     ta.garman_klass({ open = x, high = x, low = x, close = x }, 2)[-1] --> 0.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.garman_klass(bars, main, o) return apply("garman_klass", bars, main, o) end

--- On-balance volume: volume added on a rise of the close, taken off on a fall; starts at the
--- first volume, as TA-Lib. Needs close, volume.
---     ta.obv({ close = tensor.of { 1, 2, 3 }, volume = tensor.of { 1, 2, 3 } })[-1] --> 6.0
---@param bars table
---@return neap.tensor
function ta.obv(bars) return apply("obv", bars) end

--- Volume of rising less that of falling bars, as a share of all over `period` (20), -1 to 1; 0
--- without volume. Needs close, volume. The scale-free form of OBV.
---     local x = tensor.of { 1, 2, 3 }
---     ta.volume_balance({ close = x, volume = x }, 2)[-1] --> 1.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.volume_balance(bars, main, o) return apply("volume_balance", bars, main, o) end

--- Accumulation and distribution: total of volume times the place of the close in its bar, -1
--- to 1. Needs high, low, close, volume; 0 for a bar without range.
---     local x = tensor.of { 1, 2, 3 }
---     ta.ad({ high = x, low = x, close = x, volume = x })[-1] --> 0.0
---@param bars table
---@return neap.tensor
function ta.ad(bars) return apply("ad", bars) end

--- Chaikin oscillator: EMA(`fast` 3) - EMA(`slow` 10) of `ta.ad`, both starting at its first
--- value, as TA-Lib. Needs high, low, close, volume.
---     local x = tensor.of { 1, 2, 3 }
---     ta.adosc({ high = x, low = x, close = x, volume = x }, { fast = 1, slow = 2 })[-1] --> 0.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.adosc(bars, main, o) return apply("adosc", bars, main, o) end

--- Chaikin money flow: `ta.ad` over `period` (20) bars as a share of their volume, -1 to 1; 0
--- without volume. Needs high, low, close, volume.
---     local x = tensor.of { 1, 2, 3 }
---     ta.cmf({ high = x, low = x, close = x, volume = x }, 2)[-1] --> 0.0
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.cmf(bars, main, o) return apply("cmf", bars, main, o) end

--- Typical price weighted by volume over `period` (20) bars, or, with 0, since the first bar.
--- Needs high, low, close, volume; the typical price itself while no volume was traded.
---     local x = tensor.of { 1, 2, 3 }
---     ta.vwap({ high = x, low = x, close = x, volume = x }, 2)[-1] --> 2.6
---@param bars table
---@param main? number|table
---@param o? table
---@return neap.tensor
function ta.vwap(bars, main, o) return apply("vwap", bars, main, o) end

return ta
