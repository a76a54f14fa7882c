-- Resampling, time zones and stretches of time against pandas, each in a process of its own, asked
-- in turn; medians of 5 rounds, and the peak of resident memory while a side worked.
-- Usage: neap tests/bench/frame_time.lua [task pattern] [rows] [threads]
--   neap tests/bench/frame_time.lua resample 1e6 1
-- Needs python3-pandas; NEAP_PYTHON names the interpreter.
local beside = require "tests.bench.support.beside"
local clock = require "neap.clock"
local frame = require "neap.frame"
local neap = require "neap"
local tensor = require "neap.tensor"

local names = {
  "resample 1h ohlcv", "resample 5m ohlcv", "resample 1d zone", "resample 1mo mean",
  "resample 1h median", "resample 1d symbols", "clock fields", "clock fields shuffled",
  "clock hour", "clock to local", "clock to local shuffled", "clock from local", "between",
}

local MINUTE = 60 * 1000000000
local start = clock.parse "2020-01-01"
local zone = { time_zone = "America/New_York" }
local all = { time_zone = zone.time_zone,
  fields = { "year", "month", "day", "weekday", "hour", "minute", "day_of_year" } }

local function inputs(n)
  local rng = neap.rng(1)
  local x = tensor.randn { n, rng = rng } * 0.1 + 100
  local t = tensor.arange(0, n - 1):to "i64" * MINUTE + start
  local bars = frame.new { { "time", t }, { "open", x }, { "high", x + 1 }, { "low", x - 1 },
    { "close", x + 0.5 }, { "volume", tensor.rand { n, rng = rng } } }
  local symbols = {}
  for k = 1, 100 do symbols[k] = ("s%02d"):format(k - 1) end
  local codes = (tensor.arange(0, n - 1):to "i64" % 100 + 1):to "i32"
  local panel = bars:assign { { "symbol",
    require("neap.frame.category").of_codes(codes, symbols) } }
  return { t = t, bars = bars, panel = panel, shuffled = t:take(tensor.permutation(n)) }
end

local tasks = {
  ["resample 1h ohlcv"] = function(d) return d.bars:resample "1h" end,
  ["resample 5m ohlcv"] = function(d) return d.bars:resample "5m" end,
  ["resample 1d zone"] = function(d) return d.bars:resample("1d", nil, zone) end,
  ["resample 1mo mean"] = function(d)
    return d.bars:resample("1mo", { { "m", "close", "mean" } })
  end,
  ["resample 1h median"] = function(d)
    return d.bars:resample("1h", { { "m", "close", "median" } })
  end,
  ["resample 1d symbols"] = function(d)
    return d.panel:resample("1d", { { "h", "high", "max" }, { "v", "volume", "sum" } },
      { by = "symbol" })
  end,
  ["clock fields"] = function(d) return clock.fields(d.t, all) end,
  ["clock fields shuffled"] = function(d) return clock.fields(d.shuffled, all) end,
  ["clock hour"] = function(d)
    return clock.fields(d.t, { time_zone = zone.time_zone, fields = { "hour" } })
  end,
  ["clock to local"] = function(d) return clock.to_local(d.t, zone.time_zone) end,
  ["clock to local shuffled"] = function(d) return clock.to_local(d.shuffled, zone.time_zone) end,
  ["clock from local"] = function(d)
    return clock.from_local(d.t, { time_zone = zone.time_zone, ambiguous = "earliest",
      nonexistent = "missing" })
  end,
  ["between"] = function(d) return d.bars:between("2020-06", "2021-03") end,
}

beside { bench = "frame_time", peer = "pandas", names = names, tasks = tasks, inputs = inputs }
