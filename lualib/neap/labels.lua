--- Labels: what the next bars bring, and when it is known.
local c = require "neap.c.frame"
local frame = require "neap.frame"
local opts = require "neap.opts"
local single = require "neap.market.single"

local labels = {}

-- The closes, and the times where there are any, of bars or of a plain tensor of closes.
local function read(where, bars)
  if type(bars) ~= "table" then
    opts.expect(where, "bars, or closes,", bars, "tensor")
    return bars
  end
  single(where, bars)
  local has = frame.is(bars) and function(name) return bars:has(name) end
    or function(name) return bars[name] ~= nil end
  if not has "close" then opts.raise("%s: the bars have no column 'close'", where) end
  return bars.close, has "time" and bars.time or nil
end

local function check_lookforward(where, k)
  if math.type(k) ~= "integer" or k < 1 then
    opts.raise("%s: lookforward is %s, must be an integer of at least 1", where, tostring(k))
  end
end

local function known_at(times, k) return times and c.known_at(times, k) end

--- 1 where the highest close of the next `lookforward` bars exceeds the present close by more than
--- `threshold`, else 0; NaN where the horizon passes the end or meets a missing close. The second
--- result is when each label is known: the end of the last bar of its horizon, its stamp plus the
--- median step (NaT where the label is NaN for want of bars; nil when given closes alone).
---     labels.threshold(tensor.of { 1, 1.1, 1 }, { lookforward = 1 }):get(1) --> 1.0
---@param bars neap.frame|neap.tensor bars, or closes
---@param o? { lookforward: integer, threshold: number }
---@return neap.tensor y f64
---@return neap.tensor? known_at i64
function labels.threshold(bars, o)
  o = opts.merge("labels.threshold", { lookforward = 5, threshold = 0.02 }, o)
  check_lookforward("labels.threshold", o.lookforward)
  if type(o.threshold) ~= "number" or o.threshold ~= o.threshold then
    opts.raise("labels.threshold: threshold is %s, a number is expected", tostring(o.threshold))
  end
  local close, times = read("labels.threshold", bars)
  local best = c.future_best(close, o.lookforward)
  return c.exceeds(best, o.threshold), known_at(times, o.lookforward)
end

--- The return over the next `lookforward` bars, close to close: close[t+k] / close[t] - 1, or its
--- logarithm with `log`; NaN where it passes the end. The second result as in `threshold`.
---     labels.forward_return(tensor.of { 1, 1.5 }):get(1) --> 0.5
---@param bars neap.frame|neap.tensor
---@param o? { lookforward: integer, log: boolean }
---@return neap.tensor
---@return neap.tensor? known_at
function labels.forward_return(bars, o)
  o = opts.merge("labels.forward_return", { lookforward = 1, log = false }, o)
  check_lookforward("labels.forward_return", o.lookforward)
  local close, times = read("labels.forward_return", bars)
  return c.future_return(close, o.lookforward, o.log), known_at(times, o.lookforward)
end

--- The threshold that gives `share` of positives on `rows` = { first, last } (all), as near as
--- ties allow. Only labels whose whole horizon lies in these rows count, so nothing after them is
--- used. It may be small (0.0006 on hourly EUR/USD) or, in a falling market, below 0.
---     labels.auto_threshold(tensor.of { 1, 2, 1, 3 }, { lookforward = 1, share = 0.5 }) --> 0.25
---@param bars neap.frame|neap.tensor
---@param o? { lookforward: integer, share: number, rows: integer[] }
---@return number
function labels.auto_threshold(bars, o)
  o = opts.merge("labels.auto_threshold", { lookforward = 5, share = 0.4, rows = { 1, -1 } }, o)
  check_lookforward("labels.auto_threshold", o.lookforward)
  if type(o.share) ~= "number" or not (o.share > 0 and o.share < 1) then
    opts.raise("labels.auto_threshold: share is %s, must be between 0 and 1", tostring(o.share))
  end
  local close = read("labels.auto_threshold", bars):slice(1, o.rows[1], o.rows[2])
  return c.threshold_of_share(c.future_best(close, o.lookforward), o.share)
end

return labels
