--- Labels: what the next bars bring, and when it is known.
---
--- `bars` is a frame (or a table of tensors) with `close`, `time` and, for barriers, `open`, `high`
--- and `low`; or a tensor of closes. Rows are in time order. With `by` (a column or an array of
--- columns, "symbol") every series is labelled for itself, whatever the order of its rows among the
--- others; a frame of several symbols without `by` is refused. A label whose horizon passes the end
--- of its series is NaN, and so is one that meets a missing price. A bar is known at its `known_at`
--- where the bars have that column, else at its end: its stamp plus the median step of its series.
local c = require "neap.c.frame"
local frame = require "neap.frame"
local opts = require "neap.opts"
local source = require "neap.labels.source"
require "neap.labels.barriers" -- into the table that source shares
require "neap.labels.bins"
require "neap.labels.trends"
require "neap.labels.overlap"

local labels = source.labels

-- The labels of each series by fn(closes), and when they are known: k bars later.
local function horizon(s, k, fn)
  local close, ends = s:column "close", s:ends()
  return s:each(2, function(cut)
    return fn(cut(close)), ends and c.known_at(cut(ends), k)
  end)
end

--- 1 where the highest close of the next `lookforward` bars exceeds the present close by more than
--- `threshold`, else 0; NaN where the horizon passes the end or meets a missing close. The second
--- result is when each label is known: the end of the last bar of its horizon (NaT where the label
--- is NaN for want of bars; nil when given closes alone).
---     labels.threshold(tensor.of { 1, 1.1, 1 }, { lookforward = 1 }):get(1) --> 1.0
---@param bars neap.frame|neap.tensor bars, or closes
---@param o? { lookforward: integer, threshold: number, by: string|string[] }
---@return neap.tensor y f64
---@return neap.tensor? known_at i64
function labels.threshold(bars, o)
  o = opts.merge("labels.threshold", { lookforward = 5, threshold = 0.02, by = opts.none }, o)
  source.check_bars("labels.threshold", "lookforward", o.lookforward)
  if type(o.threshold) ~= "number" or o.threshold ~= o.threshold then
    opts.raise("labels.threshold: threshold is %s, a number is expected", tostring(o.threshold))
  end
  local s = source.read("labels.threshold", bars, o.by)
  return horizon(s, o.lookforward, function(close)
    return c.exceeds(c.future_best(close, o.lookforward), o.threshold)
  end)
end

--- The return over the next `lookforward` bars, close to close: close[t+k] / close[t] - 1, or its
--- logarithm with `log`; NaN where it passes the end. The second result as in `threshold`.
---     labels.forward_return(tensor.of { 1, 1.5 }):get(1) --> 0.5
---@param bars neap.frame|neap.tensor
---@param o? { lookforward: integer, log: boolean, by: string|string[] }
---@return neap.tensor
---@return neap.tensor? known_at
function labels.forward_return(bars, o)
  o = opts.merge("labels.forward_return", { lookforward = 1, log = false, by = opts.none }, o)
  source.check_bars("labels.forward_return", "lookforward", o.lookforward)
  local s = source.read("labels.forward_return", bars, o.by)
  return horizon(s, o.lookforward, function(close)
    return c.future_return(close, o.lookforward, o.log)
  end)
end

--- The threshold that gives `share` of positives on `rows` = { first, last } (all), as near as ties
--- allow. Only labels whose whole horizon lies in these rows count, so nothing after them is used.
--- It may be small (0.0006 on hourly EUR/USD) or, in a falling market, below 0.
---     labels.auto_threshold(tensor.of { 1, 2, 1, 3 }, { lookforward = 1, share = 0.5 }) --> 0.25
---@param bars neap.frame|neap.tensor
---@param o? { lookforward: integer, share: number, rows: integer[], by: string|string[] }
---@return number
function labels.auto_threshold(bars, o)
  o = opts.merge("labels.auto_threshold",
    { lookforward = 5, share = 0.4, rows = { 1, -1 }, by = opts.none }, o)
  source.check_bars("labels.auto_threshold", "lookforward", o.lookforward)
  if type(o.share) ~= "number" or not (o.share > 0 and o.share < 1) then
    opts.raise("labels.auto_threshold: share is %s, must be between 0 and 1", tostring(o.share))
  end
  local part = bars
  if frame.is(bars) then part = bars:rows(o.rows[1], o.rows[2]) end
  local s = source.read("labels.auto_threshold", part, o.by)
  local close = s:column "close"
  if not frame.is(bars) then
    s = source.read("labels.auto_threshold", close:slice(1, o.rows[1], o.rows[2]))
    close = s:column "close"
  end
  local best = s:each(1, function(cut) return c.future_best(cut(close), o.lookforward) end)
  return c.threshold_of_share(best, o.share)
end

return labels
