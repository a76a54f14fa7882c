--- Labels of trends, events, and the volatility that barriers are measured in; loaded by
--- neap.labels.
local c = require "neap.c.frame"
local frame = require "neap.frame"
local opts = require "neap.opts"
local source = require "neap.labels.source"
local tensor = require "neap.tensor"

local labels = source.labels

local NAN = 0 / 0

local function sign(x)
  return tensor.where(x:isnan(), NAN, x:gt(0):to "f64" - x:lt(0):to "f64")
end

local function numbers(n) return tensor.arange(1, n, 1, { dtype = "i64" }) end

--- The direction of the line that fits the next bars best (Lopez de Prado 2020, 5.4): of
--- least-squares lines through the closes of this bar and those after it, over `shortest`,
--- `shortest` + `step`, ... up to `longest` bars, the one whose slope has the largest |t|. The
--- frame has `label` (1, -1; 0 where the closes do not move), `t_value`, `ret` (to the end of that
--- line), `bar` and `end_bar`, and with times `end_time` and `known_at`: the end of the longest
--- line, since all of them have to be seen before one can be chosen. `log` fits the logarithms. NaN
--- where the longest line passes the end or meets a missing close; an exact line has an infinite t.
---     local close = tensor.of { 1, 2, 3.1, 4, 2 }
---     local L = labels.trend_scanning(close, { shortest = 3, longest = 4 })
---     L.label --> tensor<f64>[5] {1, 1, nan, nan, nan}
---     L.end_bar[1] --> 4
---@param bars neap.frame|neap.tensor
---@param o? { shortest: integer, longest: integer, step: integer, log: boolean, by: string }
---@return neap.frame
function labels.trend_scanning(bars, o)
  o = opts.merge("labels.trend_scanning",
    { shortest = 5, longest = 20, step = 1, log = false, by = opts.none }, o)
  for _, name in ipairs { "shortest", "longest", "step" } do
    source.check_bars("labels.trend_scanning", name, o[name])
  end
  if o.shortest < 3 or o.longest < o.shortest then
    opts.raise("labels.trend_scanning: shortest is %d and longest %d; at least 3, and not falling",
      o.shortest, o.longest)
  end
  local s = source.read("labels.trend_scanning", bars, o.by)
  local close, ends = s:column "close", s:ends()
  local t, ret, number, at, end_time, known = s:each(6, function(cut, g)
    local price = cut(close):to "f64"
    local x = o.log and price:log() or price
    local value, last = c.trend_scan(x, o.shortest, o.longest, o.step)
    return value, source.pick(price, last, NAN) / price - 1, numbers(g.last - g.first + 1), last,
      source.pick(cut(s.time), last, source.nat), ends and tensor.where(last:gt(0),
        c.known_at(cut(ends), o.longest - 1), source.nat)
  end)
  local columns = s:identity()
  for _, column in ipairs { { "label", sign(t) }, { "t_value", t }, { "ret", ret },
    { "bar", number }, { "end_bar", at } } do
    columns[#columns + 1] = column
  end
  if end_time then columns[#columns + 1] = { "end_time", end_time, "time" } end
  if known then columns[#columns + 1] = { "known_at", known, "time" } end
  return frame.new(columns)
end

-- order books ------------------------------------------------------------------------------------

-- The mean of each row and the k - 1 before it; NaN where there are fewer.
local function mean_of(x, k)
  if #x < k then return tensor.full { #x, value = NAN } end
  return x:rolling_mean(k, 1)
end

-- The change that mid-price labels are cut from.
local function change_of(mid, k, past)
  local mean = mean_of(mid, k)
  local ahead = #mid > 0 and mean:shift(-k) or mean
  local base = past and mean or mid
  return ahead / base - 1
end

-- The alpha that leaves a third of the training rows between the two others.
local function fitted_alpha(change, rows)
  local part = change:slice(1, rows[1], rows[2]):abs()
  local known = part[part:isfinite()]
  if #known == 0 then
    opts.raise "labels.mid_trend: no training row has a label, so alpha cannot be fitted"
  end
  return known:quantile(1 / 3)
end

local function horizons(where, k)
  if type(k) ~= "table" then return { source.check_bars(where, "k", k) } end
  for i, each in ipairs(k) do source.check_bars(where, ("k[%d]"):format(i), each) end
  if #k == 0 then opts.raise("%s: k is empty", where) end
  return k
end

--- Up (1), flat (0) or down (-1) by the mean of the next `k` mid-prices of an order book, which
--- says more than the last of them, since mids flicker. With m-(t) the mean of the k mids up to t
--- and m+(t) that of the k after t, the change is m+ / mid - 1 for `method = "mid"` (Ntakaris 2018,
--- the labels of FI-2010) or m+ / m- - 1 for `method = "past"` (Tsantekidis 2017, DeepLOB; the
--- default, which flickers less), and the label is 1 above `alpha`, -1 below -alpha.
---
--- `k` is one number (20) or an array, as { 10, 20, 30, 50, 100 }. `alpha = "auto"` leaves a third
--- of the rows `rows` = { first, last } (the training part) flat. The frame has `label` and
--- `change`, for an array `label_10`, `change_10`, ..., and with times `known_at`, of an array
--- `known_at_10`, ...: the end of the row k later. The second result is alpha, for an array one for
--- each. NaN where a mean lacks rows or meets a missing mid.
---     local L, alpha = labels.mid_trend(tensor.of { 1, 1, 1, 2, 2, 1 }, { k = 2, alpha = 0.1 })
---     L.label --> tensor<f64>[6] {nan, 1, 1, 0, nan, nan}
---@param book neap.frame|neap.tensor mid-prices, or a frame with the column `column`
---@param o? { k: integer|integer[], alpha: number|string, method: string, rows: integer[] }
---@return neap.frame
---@return number|number[] alpha
function labels.mid_trend(book, o)
  o = opts.merge("labels.mid_trend", { k = 20, alpha = 0.002, method = "past", rows = { 1, -1 },
    column = "mid", by = opts.none }, o)
  if o.method ~= "past" and o.method ~= "mid" then
    opts.unknown("labels.mid_trend", "method", tostring(o.method), { "past", "mid" })
  end
  if o.alpha ~= "auto" and not (type(o.alpha) == "number" and o.alpha >= 0) then
    opts.raise("labels.mid_trend: alpha is %s, must be a number of at least 0, or auto",
      tostring(o.alpha))
  end
  local ks = horizons("labels.mid_trend", o.k)
  local s = source.read("labels.mid_trend", book, o.by, { column = o.column })
  local mid, ends = s:column(o.column), s:ends()
  local columns, alphas = s:identity(), {}
  for i, k in ipairs(ks) do
    local change, known = s:each(2, function(cut)
      return change_of(cut(mid):to "f64", k, o.method == "past"),
        ends and c.known_at(cut(ends), k)
    end)
    local alpha = o.alpha == "auto" and fitted_alpha(change, o.rows) or o.alpha
    alphas[i] = alpha
    local label = change:gt(alpha):to "f64" - change:lt(-alpha):to "f64"
    local suffix = type(o.k) == "table" and "_" .. k or ""
    columns[#columns + 1] = { "label" .. suffix, tensor.where(change:isnan(), NAN, label) }
    columns[#columns + 1] = { "change" .. suffix, change }
    if known then columns[#columns + 1] = { "known_at" .. suffix, known, "time" } end
  end
  return frame.new(columns), type(o.k) == "table" and alphas or alphas[1]
end

-- events -----------------------------------------------------------------------------------------

--- The rows where the price has moved by more than `threshold` since the last such row: the
--- symmetric CUSUM filter (Lopez de Prado 2018, 2.5). The first result is a mask (for `bars:where`,
--- and `events` of the barriers), the second the direction, 1, -1 or 0. `threshold` is a number or
--- a tensor with one for each row; it is compared with sums of differences of the log price, or
--- with `log = false` of the price. A row's event is known when its bar is: nothing later is looked
--- at. A missing close leaves the sums as they are; where the threshold is NaN there is no event.
---     local close = tensor.of { 100, 101, 103, 103, 99 }
---     local mask, direction = labels.cusum(close, { threshold = 0.02 })
---     mask --> tensor<bool>[5] {false, false, true, false, true}
---     direction[5] --> -1.0
---@param bars neap.frame|neap.tensor
---@param o { threshold: number|neap.tensor, log: boolean, by: string|string[] }
---@return neap.tensor mask bool
---@return neap.tensor direction f64
function labels.cusum(bars, o)
  o = opts.merge("labels.cusum", { threshold = opts.required, log = true, by = opts.none }, o)
  local s = source.read("labels.cusum", bars, o.by)
  local close, height = s:column("close"), o.threshold
  if type(height) == "number" then
    local positive = height > 0
    if not positive then
      opts.raise("labels.cusum: threshold is %g, must be positive", height)
    end
    height = tensor.full { s.n, value = height }
  end
  s:rows("threshold", height)
  local direction = s:each(1, function(cut)
    local x = cut(close):to "f64"
    return c.cusum(o.log and x:log() or x, cut(height))
  end)
  return direction:ne(0), direction
end

-- The return since the bar `lookback` rows or nanoseconds before, NaN where there is none.
local function return_over(price, time, bars, duration)
  if #price == 0 then return price end
  if duration == 0 then return price / price:shift(bars) - 1 end
  local before = time:searchsorted(time - duration, { right = true }) - 1
  return price / source.pick(price, before, NAN) - 1
end

--- How much the price usually moves, as a share: the deviation of its returns over `lookback` bars
--- (1) or a duration ("1d", the daily volatility of Lopez de Prado 2018, 3.1, on bars of any
--- length), weighted exponentially over `span` (100) rows as pandas' ewm(span).std() does. The
--- row's own close is the last that counts, so it is known when the bar is. NaN until two returns
--- are there; a missing close has no return. What `triple_barrier` takes as `volatility`.
---     labels.volatility(tensor.of { 100, 101, 100, 102 }, { span = 10 }):isnan():sum() --> 2
---@param bars neap.frame|neap.tensor
---@param o? { span: number, lookback: integer|string, by: string|string[] }
---@return neap.tensor
function labels.volatility(bars, o)
  o = opts.merge("labels.volatility", { span = 100, lookback = 1, by = opts.none }, o)
  local fits = type(o.span) == "number" and o.span > 1
  if not fits then
    opts.raise("labels.volatility: span is %s, must be a number above 1", tostring(o.span))
  end
  local count, duration = 0, 0
  if type(o.lookback) == "string" then
    duration = source.duration("labels.volatility", "lookback", o.lookback)
  else count = source.check_bars("labels.volatility", "lookback", o.lookback) end
  local s = source.read("labels.volatility", bars, o.by)
  if duration > 0 and not s.time then
    opts.raise("labels.volatility: lookback '%s' needs bars with times", o.lookback)
  end
  local close = s:column "close"
  return (s:each(1, function(cut)
    local r = return_over(cut(close):to "f64", cut(s.time), count, duration)
    return frame.new({ { "r", r } }):ewm({ span = o.span }):std "r"
  end))
end
