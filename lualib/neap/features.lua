--- Named columns for models: sets of features, computed whole or bar by bar with the same bits.
---
--- A name is read from left to right; all but the first part may be left off:
---
--- | part | example | what it says |
--- |---|---|---|
--- | what | `rsi`, `volume_rsi`, `hour` | of `ta.list()`, of the volume, or a name below |
--- | `_` parameters | `rsi_14`, `sar_0.02_0.2` | as in `ta.info(name).params`, or defaults |
--- | `_` output | `macd_12_26_9_hist` | one output; without it an indicator gives all its columns |
--- | `_rel` | `ema_20_rel` | made free of scale, see below |
--- | `@` time frame | `adx_14@1h` | on longer bars: 5m, 1h, 4h, 1d, 1w ... |
--- | `:` comparison | `rsi_14:rank`, `ret_20@1d:zscore` | with the other symbols at the time |
---
--- Comparisons are `rank` (average rank over their number: above 0, at most 1), `zscore` (divisor
--- n, 0 where all are equal) and `demean`. Beside the indicators there are
---
--- | name | value |
--- |---|---|
--- | `ret_5` | logarithmic return over 5 bars (`log_return`) |
--- | `volatility_20` | deviation of 20 logarithmic returns (`realised_volatility`) |
--- | `volume_20_rel` | volume / mean volume of 20 bars - 1 |
--- | `regime_volatility_20_100` | 1 calm, 2, 3 turbulent for the last 100 bars |
--- | `regime_trend_50` | 1 falling, 2, 3 rising over 50 bars |
--- | `hour` | `hour_sin` and `hour_cos`: where the bar opens in the day, as an angle |
--- | `weekday` | the same in the week, Monday at angle 0 |
--- | `day_of_year` | the same in the year, January 1 at angle 0 |
--- | `trend` | 0 at the first, 1 at the last bar of the training part: needs `set:fit` |
---
--- A closing `_rel` makes a name free of scale, by what it is measured in (`ta.info(name).units`):
---
--- | unit | example | value |
--- |---|---|---|
--- | price | `ema_20_rel`, `bbands_20_2_upper_rel` | close / x - 1 |
--- | spread | `macd_12_26_9_hist_rel`, `mom_10_rel` | x / close |
--- | square | `var_20_rel` | x / close^2 |
--- | flow | `adosc_3_10_rel` | x / mean volume of 20 bars |
---
--- Values that would be infinite are NaN. Names that have no unit are free of scale already; for
--- `obv` and `ad`, which grow without bound, take `volume_balance_20` and `cmf_20`.
---
--- A time frame is made of the bars that begin in each of its steps, counted from 1970 UTC (weeks
--- from Mondays), as by `market.resample`, prices that are NaN passed over. A row has the value of
--- the last longer bar that is complete when the row's own bar is known: with bars of 5 minutes,
--- `rsi_14@1h` changes with the bar that ends on the hour. No value ever depends on later bars.
local compute = require "neap.features.compute"
local opts = require "neap.opts"
local Set = require "neap.features.set"
local tensor = require "neap.tensor"

local features = {}

--- A set of features: names as described above, or `{name, fn}` with fn(bars) -> tensor (by symbol:
--- the bars of one symbol), where `lookback`, `stream` (a function that makes a function from bar
--- to number) and `version` may be named. Unknown names and columns that appear twice are errors.
--- Options: `time_zone` of hour, weekday and day of year ("UTC"); `trend`, where the trend is 0 and
--- 1 (two times in nanoseconds), as `set:fit` finds them.
---     #features.set({ "macd_12_26_9", "rsi_14" }):names() --> 4
---@param names table
---@param o? { time_zone: string, trend: integer[] }
---@return neap.features.set
function features.set(names, o)
  if type(names) ~= "table" then
    opts.raise("features.set: an array of names expected, got %s", type(names))
  end
  return Set(names, opts.merge("features.set", { time_zone = opts.none, trend = opts.none }, o))
end

-- The usual set -----------------------------------------------------------------------------------

local usual = {
  "ret_1", "ret_2", "ret_3", "ret_5", "ret_10", "ret_20", "ret_50",
  "sma_10_rel", "sma_20_rel", "sma_50_rel", "ema_12_rel", "ema_26_rel", "ema_50_rel",
  "wma_20_rel", "dema_20_rel", "tema_20_rel", "hma_9_rel", "kama_10_rel", "rma_14_rel",
  "macd_12_26_9_macd_rel", "macd_12_26_9_hist_rel", "ppo_12_26", "rsi_7", "rsi_14", "rsi_21",
  "stoch_14_3_3", "stochrsi_14_14_3_3", "willr_14", "cci_20", "roc_10", "mom_10_rel", "cmo_14",
  "ultosc_7_14_28", "tsi_13_25", "bop",
  "adx_14", "plus_di_14", "minus_di_14", "aroon_14_up", "aroonosc_14", "sar_rel",
  "supertrend_10_3_rel",
  "trange_rel", "natr_14", "bbands_20_2_upper_rel", "bbands_20_2_lower_rel",
  "keltner_20_2_upper_rel", "keltner_20_2_lower_rel", "donchian_20_upper_rel",
  "donchian_20_lower_rel", "stddev_20_rel", "zscore_20", "linreg_slope_14_rel",
  "realised_volatility_20", "parkinson_20", "garman_klass_20",
}
local usual_with_volume = {
  "volume_20_rel", "volume_balance_20", "adosc_3_10_rel", "cmf_20", "mfi_14", "vwma_20_rel",
  "vwap_20_rel",
}

-- Whether bars have a volume column with anything in it.
local function has_volume(bars)
  local ok, volume = pcall(function() return bars.volume end)
  if not ok or volume == nil then return false end
  for i = 1, #volume do
    local v = volume[i]
    if type(v) == "number" and v > 0 then return true end
  end
  return false
end

--- Over 60 scale-free features for bars, for `features.set`: returns over 1 to 50 bars and every
--- indicator in stationary form; of exact linear combinations (the MACD's signal, Aroon down) one
--- part is left out. Without a volume column, or with one that is never above 0, those that need
--- it are left out too; the second value names them.
---     #features.default({ close = tensor.of { 1 } }) --> 56
---@param bars table
---@return string[] names
---@return string[] left_out
function features.default(bars)
  local names = table.move(usual, 1, #usual, 1, {})
  if not has_volume(bars) then
    return names, table.move(usual_with_volume, 1, #usual_with_volume, 1, {})
  end
  return table.move(usual_with_volume, 1, #usual_with_volume, #names + 1, names), {}
end

-- The calendar ------------------------------------------------------------------------------------

local calendar_fields = { "hour", "weekday", "day_of_year" }

local function check_fields(list)
  opts.expect("features.calendar", "fields", list, "table")
  for _, name in ipairs(list) do
    if name ~= "hour" and name ~= "weekday" and name ~= "day_of_year" then
      opts.unknown("features.calendar", "field", tostring(name),
        { table.unpack(calendar_fields) })
    end
  end
end

-- Where the trend is 0 and 1: as given, or the first and the last of a tensor of times.
local function trend_of(trend)
  if opts.kind(trend) ~= "tensor" then return trend end
  if trend.dtype ~= "i64" or trend:numel() == 0 then
    opts.raise("features.calendar: the times of the trend must be i64 nanoseconds, got %s",
      tostring(trend))
  end
  return { trend:min(), trend:max() }
end

--- The calendar of times of any shape as one more dimension: sine and cosine of the place in the
--- day, the week (Monday at angle 0) and the year (January 1 at angle 0, leap years at their own
--- length), then the trend if one is asked for. The second value names them. They are the numbers
--- that `features.set` has under these names; NaT gives NaN.
---
--- The calendar is known in advance: the rows of future times may be given to a model beside data
--- that ends today. A trend is not free of look-ahead by itself: where it is 1 must not be taken
--- from later than the training part. Options: `fields`, those wanted in their order; `time_zone`
--- ("UTC") whose clock is read; `trend`, the times of the training part, or two times in
--- nanoseconds, at whose first it is 0 and at whose last 1, going on beyond; `dtype` ("f64").
---     local t = clock.parse { "2024-01-01 06:00", "2024-01-02 12:00" }
---     local x, names = features.calendar(t, { fields = { "hour" }, trend = t })
---     table.concat(names, " ") --> hour_sin hour_cos trend
---     x[1][1], x[2][2], x[2][3] --> 1.0, -1.0, 1.0
---@param times neap.tensor i64 ns
---@param o? { fields: string[], time_zone: string, trend: neap.tensor|integer[], dtype: string }
---@return neap.tensor
---@return string[] names
function features.calendar(times, o)
  o = opts.merge("features.calendar", { fields = calendar_fields, time_zone = "UTC",
    trend = opts.none, dtype = "f64" }, o)
  opts.expect("features.calendar", "times", times, "tensor")
  if times.dtype ~= "i64" then
    opts.raise("features.calendar: times must be i64 nanoseconds since 1970 UTC, got %s",
      times.dtype)
  end
  check_fields(o.fields)
  local names = table.move(o.fields, 1, #o.fields, 1, {})
  if o.trend then names[#names + 1] = "trend" end
  local set = Set(names, { time_zone = o.time_zone, trend = trend_of(o.trend) })
  local shape = times.shape
  local columns = compute.values(set, { time = times:reshape(-1) }, {})
  shape[#shape + 1] = #columns
  return tensor.stack(columns, 2):to(o.dtype):reshape(table.unpack(shape)), set:names()
end

return features
