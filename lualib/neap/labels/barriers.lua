--- The triple barrier and its like; loaded by neap.labels.
local c = require "neap.c.frame"
local category = require "neap.frame.category"
local frame = require "neap.frame"
local opts = require "neap.opts"
local source = require "neap.labels.source"
local tensor = require "neap.tensor"

local labels = source.labels

local PROFIT, STOP, VERTICAL, BOTH = 1, 2, 3, 4 -- neap_touch
local touches = { "profit", "stop", "vertical", "both", "past_end" }
local NAN = 0 / 0

-- options ----------------------------------------------------------------------------------------

local function width(where, name, value)
  if value == false then return math.huge end
  local positive = type(value) == "number" and value > 0
  if not positive then
    opts.raise("%s: %s is %s, must be a positive number, or false for none", where, name,
      tostring(value))
  end
  return value
end

local function choice(where, name, value, known)
  for _, v in ipairs(known) do if v == value then return value end end
  opts.unknown(where, name, tostring(value), known)
end

-- Bars and nanoseconds of the vertical barrier, one of them 0.
local function vertical_of(where, lookforward)
  if type(lookforward) == "string" then
    return 0, source.duration(where, "lookforward", lookforward)
  end
  return source.check_bars(where, "lookforward", lookforward), 0
end

-- A mask from a mask or from positions; nil is every row.
local function event_mask(where, s, events)
  if events == nil then return nil end
  opts.expect(where, "events", events, "tensor")
  if events.dtype == "bool" then return s:rows("events", events) end
  if events.dtype ~= "i64" then
    opts.raise("%s: events must be a mask or positions (i64), got %s", where, events.dtype)
  end
  local mask = tensor.zeros { s.n, dtype = "bool" }
  if #events > 0 then mask[events] = true end
  return mask
end

local defaults = {
  profit = opts.required, stop = opts.required, lookforward = opts.required,
  volatility = opts.none, side = opts.none, events = opts.none, touch = opts.none,
  entry = "close", gap = "open", vertical = "zero", by = opts.none,
}

-- What the kernel is given, in names.
local function prepare(where, bars, o)
  local s = source.read(where, bars, o.by)
  local p = { s = s, close = s:column "close", ends = s:ends() }
  p.profit, p.stop = width(where, "profit", o.profit), width(where, "stop", o.stop)
  p.bars, p.duration = vertical_of(where, o.lookforward)
  if p.duration > 0 and not p.ends then
    opts.raise("%s: lookforward '%s' needs bars with times", where, o.lookforward)
  end
  local ranged = s.has "high" and s.has "low"
  local touch = choice(where, "touch", o.touch or (ranged and "range" or "close"),
    { "range", "close" })
  choice(where, "entry", o.entry, { "close", "open" })
  choice(where, "gap", o.gap, { "open", "barrier" })
  choice(where, "vertical", o.vertical, { "zero", "sign" })
  p.at_close = touch == "close"
  p.high = p.at_close and p.close or s:column "high"
  p.low = p.at_close and p.close or s:column "low"
  if not p.at_close and o.gap == "open" and s.has "open" then p.open = s:column "open" end
  if o.entry == "open" then p.entry_open = s:column "open" end
  if type(o.volatility) == "number" then p.unit = tensor.full { s.n, value = o.volatility }
  else p.unit = s:rows("volatility", o.volatility) end
  p.side = s:rows("side", o.side)
  p.event = event_mask(where, s, o.events)
  return p
end

-- results ----------------------------------------------------------------------------------------

local function sign(x) return x:gt(0):to "f64" - x:lt(0):to "f64" end

local function label_of(p, o, touched, ret)
  local label
  if p.side then label = ret:gt(0):to "f64"
  else
    label = touched:eq(PROFIT):to "f64" - (touched:eq(STOP) | touched:eq(BOTH)):to "f64"
    if o.vertical == "sign" then label = tensor.where(touched:eq(VERTICAL), sign(ret), label) end
  end
  return tensor.where(ret:isnan(), NAN, label)
end

local function run(where, bars, o)
  local p = prepare(where, bars, o)
  local s = p.s
  local touched, exit, ret, number, end_time, known = s:each(6, function(cut, g)
    local ends = cut(p.ends)
    local t, at, known, r = c.triple_barrier(cut(p.close), cut(p.high), cut(p.low), cut(p.open),
      cut(p.entry_open), ends, cut(p.unit), cut(p.side), cut(p.event), p.at_close, p.profit,
      p.stop, p.bars, p.duration)
    return t, at, r, tensor.arange(1, g.last - g.first + 1, 1, { dtype = "i64" }),
      source.pick(cut(s.time), at, source.nat), source.pick(ends, known, source.nat)
  end)
  local columns = s:identity()
  local function add(name, values, kind) columns[#columns + 1] = { name, values, kind } end
  add("label", label_of(p, o, touched, ret))
  add("barrier", category.of_codes(touched, touches))
  add("ret", ret)
  local risk = p.unit and p.unit:to "f64" * p.stop or p.stop
  add("reward_to_risk", p.stop < math.huge and ret / risk or ret * NAN)
  add("bar", number)
  add("end_bar", exit)
  if end_time then add("end_time", end_time, "time") end
  if known then add("known_at", known, "time") end
  return frame.new(columns)
end

--- Which of three barriers the price reaches first (Lopez de Prado 2018, 3.4). A position is
--- entered at the close of each bar and left at the first later bar that reaches `profit` above it,
--- `stop` below it, or the vertical barrier, `lookforward` bars (or a duration, "4h") later. Widths
--- are shares of the entry price (0.02), or multiples of `volatility` (a number, or a tensor with
--- one for each row, as `labels.volatility` gives); `false` leaves a barrier out.
---
--- The frame that comes back has a row for each bar: `label` 1 (profit), -1 (stop), 0 (vertical;
--- with `vertical = "sign"` the sign of the return), `ret` (exit / entry - 1), `reward_to_risk`
--- (`ret` over the width of the stop), `barrier` as text ("profit", "stop", "vertical", "both", or
--- "past_end" where the series ends before any; `labels.counts` counts them), `bar` and `end_bar`
--- (the bar's number in its series, and that of the exit, 0 for none), and with times `end_time`
--- (stamp of the exit bar) and `known_at`.
---
--- Rules. `touch = "range"` (what bars with high and low get): reached when high or low does, left
--- at the barrier; a bar that reaches both counts as the stop. A bar that opens beyond a barrier is
--- left at its open, the stop's loss then being larger, unless `gap = "barrier"`. `touch =
--- "close"`: only closes count, and the position is left at them. `entry = "open"` enters at the
--- next bar's open. A vertical barrier leaves at the close; as a duration it leaves at the last
--- close by then, and is known when a bar ends at that time or later. `side` (1, -1, 0 or NaN for
--- none) turns the barriers round for shorts, makes `ret` the position's and the label 1 where that
--- is positive, else 0: see `labels.meta`. `events` (a mask, or positions) leaves the other rows
--- without a label.
---
--- NaN: rows that are no events, whose entry, volatility or side is missing (or volatility not
--- positive), whose close at the vertical barrier is missing, or whose series ends before any
--- barrier. A missing high, low or open reaches nothing.
---     local L = labels.triple_barrier(tensor.of { 100, 101, 103, 99 },
---       { profit = 0.02, stop = 0.02, lookforward = 3 })
---     L.label --> tensor<f64>[4] {1, nan, -1, nan}
---     L.ret[1] > 0.029 --> true
---@param bars neap.frame|neap.tensor
---@param o { profit: number, stop: number, lookforward: integer|string, volatility: neap.tensor }
---@return neap.frame
function labels.triple_barrier(bars, o)
  return run("labels.triple_barrier", bars, opts.merge("labels.triple_barrier", defaults, o))
end

local Counts = {}

function Counts.__tostring(n)
  local parts = { ("%d rows"):format(n.rows) }
  for _, name in ipairs { "profit", "stop", "vertical", "past_end", "missing" } do
    local count = n[name]
    if count > 0 then
      parts[#parts + 1] = ("%s %d (%.1f %%)"):format(name, count, 100 * count / n.rows)
    end
  end
  return table.concat(parts, ", ")
end

--- How often each barrier ended a label of that frame: profit, stop (with both, a bar that reached
--- both), vertical, past_end (the series ended first), and missing (no event, or a price that was
--- needed is missing), of `rows` in all.
---     local o = { profit = 0.02, stop = 0.02, lookforward = 2 }
---     local n = labels.counts(labels.triple_barrier(tensor.of { 100, 103, 100 }, o))
---     n.profit, n.stop, n.past_end --> 1, 1, 1
---     tostring(n) --> 3 rows, profit 1 (33.3 %), stop 1 (33.3 %), past_end 1 (33.3 %)
---@param L neap.frame
---@return table<string, integer>
function labels.counts(L)
  if not (frame.is(L) and L:has "barrier" and L:dtype "barrier" == "category") then
    opts.raise("labels.counts: the frame of triple_barrier or meta is expected, got %s",
      opts.kind(L))
  end
  local barrier = L:column "barrier"
  local n = barrier.codes:to("i64"):add(1):bincount { n = #barrier.labels + 1 }
  local counts = { rows = #L, missing = n[1] }
  for _, name in ipairs(touches) do counts[name] = 0 end
  for code, name in ipairs(barrier.labels) do counts[name] = n[code + 1] end
  counts.stop = counts.stop + counts.both
  return setmetatable(counts, Counts)
end

--- Meta labels: is a position on the side that another model proposes worth taking? 1 where
--- entering on `side` (1 or -1 for each row; 0 or NaN: no position) would have gained, else 0, by
--- the barriers and options of `labels.triple_barrier` (Lopez de Prado 2018, 3.6).
---     local close, side = tensor.of { 100, 103, 100 }, tensor.of { 1, 1, 0 }
---     local L = labels.meta(close, side, { profit = 0.02, stop = 0.02, lookforward = 1 })
---     L.label --> tensor<f64>[3] {1, 0, nan}
---@param bars neap.frame|neap.tensor
---@param side neap.tensor
---@param o { profit: number, stop: number, lookforward: integer|string, volatility: neap.tensor }
---@return neap.frame
function labels.meta(bars, side, o)
  o = opts.merge("labels.meta", defaults, o)
  if o.side ~= nil then opts.raise("labels.meta: side is the second argument, not an option") end
  opts.expect("labels.meta", "side", side, "tensor")
  o.side = side
  return run("labels.meta", bars, o)
end
