--- Bars of markets: reading them, judging and repairing their quality, making them up. Bars are
--- frames with columns time (of the open), open, high, low, close and, where known, volume.
local c = require "neap.c.frame"
local adjust = require "neap.market.adjust"
local calendar = require "neap.market.calendar"
local clock = require "neap.clock"
local columns = require "neap.market.columns"
local core = require "neap.frame.core"
local duration = require "neap.duration"
local frame = require "neap.frame"
local neap = require "neap"
local opts = require "neap.opts"
local report = require "neap.market.report"
local single = require "neap.market.single"
local tensor = require "neap.tensor"

local market = {}

local prices = { "open", "high", "low", "close" }

-- A column of bars, or nil; frames and plain tables alike.
local function optional(bars, name)
  if frame.is(bars) then return bars:has(name) and bars:column(name) or nil end
  return bars[name]
end

local function required(where, bars, name)
  opts.expect(where, "bars", bars, "table")
  local values = optional(bars, name)
  if values == nil then opts.raise("%s: the bars have no column '%s'", where, name) end
  return values
end

local function series(where, bars)
  local t, o = required(where, bars, "time"), required(where, bars, "open")
  local h, l = required(where, bars, "high"), required(where, bars, "low")
  return t, o, h, l, required(where, bars, "close"), optional(bars, "volume")
end

local function scan(where, bars)
  single(where, bars)
  local t, o, h, l, x, v = series(where, bars)
  return c.scan(t, o, h, l, x, v)
end

-- reading ----------------------------------------------------------------------------------------

local function choose_symbol(path, f, name, wanted)
  if not name then
    if wanted then
      opts.raise("market.read_ohlcv: %s has no column of symbols to find '%s' in", path, wanted)
    end
    return f
  end
  local symbols = f:column(name)
  if wanted then return f:where(symbols:eq(wanted)) end
  if #symbols.labels > 1 then
    local list = table.move(symbols.labels, 1, math.min(20, #symbols.labels), 1, {})
    if #symbols.labels > 20 then list[21] = "..." end
    opts.raise("market.read_ohlcv: %s holds %d symbols (%s); choose one with symbol = \"%s\"", path,
      #symbols.labels, table.concat(list, ", "), list[1])
  end
  return f
end

-- Read the columns of the file once each, prices as numbers, whatever their order.
local function read_columns(path, found, o)
  local types, wanted, seen = {}, {}, {}
  for _, role in ipairs(columns.roles) do
    local name = found[role]
    if name then
      if not seen[name] then wanted[#wanted + 1] = name end
      seen[name] = true
      types[name] = role == "time" and "time" or role == "symbol" and "category" or "number"
    end
  end
  return frame.read_csv(path, { columns = wanted, types = types, time_zone = o.time_zone,
    ambiguous = o.ambiguous, nonexistent = o.nonexistent, time_format = o.time_format,
    delimiter = o.delimiter, comment = o.comment })
end

--- Bars from a CSV file, plain, gzip or zstd. The usual names of columns are recognised in any
--- case; `columns` = { time = "...", close = "..." } names others (an adjusted close is taken only
--- so). `symbol` picks one of several in the file. Times as in `frame.read_csv`; `time_zone` holds
--- for those without offset, with `ambiguous` and `nonexistent`; `stamp = "close"` says that bars
--- are stamped with their end, and moves the times back by one cadence. A file without volume gives
--- bars without it. Rows stay as they are: see `market.validate`.
---     pcall(market.read_ohlcv, "/nowhere.csv") --> false, ...
---@param path string
---@param o? { symbol: string, columns: table, time_zone: string, stamp: "open"|"close" }
---@return neap.frame
function market.read_ohlcv(path, o)
  o = opts.merge("market.read_ohlcv", {
    symbol = opts.none, columns = {}, time_zone = opts.none, time_format = opts.none,
    ambiguous = "infer", nonexistent = "raise", stamp = "open", delimiter = opts.none,
    comment = opts.none,
  }, o)
  opts.expect("market.read_ohlcv", "the path", path, "string")
  if o.stamp ~= "open" and o.stamp ~= "close" then
    opts.raise("market.read_ohlcv: stamp is '%s', allowed are 'open' and 'close'", o.stamp)
  end
  local header = frame.csv_columns(path, { delimiter = o.delimiter, comment = o.comment })
  local found = columns.find(path, header, o.columns)
  local f = choose_symbol(path, read_columns(path, found, o), found.symbol, o.symbol)
  if #f == 0 then opts.raise("market.read_ohlcv: %s has a header, but no rows", path) end
  local bars = {}
  for _, role in ipairs(columns.roles) do
    if found[role] and role ~= "symbol" then
      bars[#bars + 1] = { role, f:column(found[role]), role == "time" and "time" or nil }
    end
  end
  bars = frame.new(bars)
  if o.stamp == "close" then bars.time = bars.time:sub(scan("read_ohlcv", bars).cadence) end
  return bars
end

-- quality ----------------------------------------------------------------------------------------

local function as_frame(where, bars)
  if frame.is(bars) then return bars end
  if type(bars) ~= "table" then opts.raise("%s: bars are expected, got %s", where, type(bars)) end
  local list = { { "time", required(where, bars, "time"), "time" } }
  for _, name in ipairs(prices) do list[#list + 1] = { name, required(where, bars, name) } end
  if bars.volume then list[#list + 1] = { "volume", bars.volume } end
  return frame.new(list)
end

local function refuse(r)
  local problems = r:problems()
  if #problems > 0 then
    opts.raise("market.validate: %s; policy = \"drop\" or \"fill\" goes on without them",
      table.concat(problems, "; "))
  end
end

local function say(r, format, ...) r.done[#r.done + 1] = format:format(...) end

-- Rows in time order, one for each time; those that are wrong left out unless they can be mended.
local function in_order(bars, r, keep_broken)
  if #r:problems() == 0 then return bars end
  local t, o, h, l, x, v = series("market.validate", bars)
  local kept = bars:take(c.order(t, o, h, l, x, v, keep_broken))
  if #kept < #bars then say(r, "%d of %d rows left out", #bars - #kept, #bars) end
  if r.disorder > 0 then say(r, "rows sorted by time") end
  if r.duplicates > 0 then say(r, "of rows with one time the last was kept") end
  return kept
end

local function fill(bars, r, max_gap)
  local ordered = in_order(bars, r, true)
  local t, o, h, l, x, v = series("market.validate", ordered)
  local filled, repaired, inserted = c.fill(t, o, h, l, x, v, max_gap)
  local list, names = {}, { "time", "open", "high", "low", "close", "volume" }
  for i, values in ipairs(filled) do
    list[i] = { names[i], values, i == 1 and "time" or nil }
  end
  local out = frame.new(list)
  r.repaired, r.inserted = repaired, inserted
  local missing = #ordered + inserted - #out
  if missing > 0 then say(r, "%d rows before the first close left out", missing) end
  if repaired > 0 then say(r, "prices of %d rows mended", repaired) end
  if inserted > 0 then
    say(r, "%d bars at the previous close, volume 0, put into gaps", inserted)
  end
  return out
end

local policies = { raise = true, drop = true, fill = true }

--- Check bars and treat what is wrong. The report counts and prints: rows, range, cadence (median
--- step), gaps inside trading time apart from nights, weekends and holidays, rows without time,
--- missing or non-positive prices, contradictions of open, high, low and close, duplicate times,
--- disorder, volume 0. `policy`: "raise" stops with the counts; "drop" leaves wrong rows out,
--- sorts, and keeps the last row of a time (a feed repeats a bar to correct it); "fill" sorts
--- likewise, but mends prices (a missing close is the previous one, high and low are widened to
--- hold open and close) and fills gaps of at most `max_gap` bars with bars at the previous close of
--- volume 0, where at least half the steps keep the cadence; it returns the columns of bars only.
--- Gaps and volume 0 alone are no fault. A single missing weekday counts as a holiday. Bars of
--- several symbols are refused.
---     #market.validate(market.synthetic { rows = 100 }) --> 100
---@param bars neap.frame
---@param o? { policy: "raise"|"drop"|"fill", max_gap: integer }
---@return neap.frame bars
---@return neap.market.report report
function market.validate(bars, o)
  o = opts.merge("market.validate", { policy = "drop", max_gap = 100 }, o)
  if not policies[o.policy] then
    opts.unknown("market.validate", "policy", tostring(o.policy), { "raise", "drop", "fill" })
  end
  bars = as_frame("market.validate", bars)
  local r = report.new(scan("market.validate", bars), o.policy)
  if r.rows == 0 then opts.raise "market.validate: the bars have no rows" end
  if r.without_price > 0 then
    opts.raise("market.validate: column '%s' holds no price", prices[r.without_price])
  end
  if o.policy == "raise" then refuse(r) end
  local out = bars
  if o.policy == "drop" then out = in_order(bars, r, false) end
  if o.policy == "fill" then out = fill(bars, r, o.max_gap) end
  if #out == 0 then
    opts.raise("market.validate: no row is left: %s", table.concat(r:problems(), "; "))
  end
  r.rows_out = #out
  return out, r
end

-- time -------------------------------------------------------------------------------------------

local DAY = 86400 * 1000000000

--- Bars in a year, for annualising. Daily bars: 365 when Saturdays trade, else 252. Longer
--- cadences: the year over the cadence. Shorter ones: the year over the cadence in a market that
--- trades around the clock and misses less than 5 % of its bars, else bars over calendar time (a
--- year of 365 days, holes of more than five days left out); under four weeks of a market with
--- sessions, the bars of a session times 252.
---     market.bars_per_year(market.synthetic { rows = 1000, cadence = "1h" }) --> 8760.0
---@param bars neap.frame
---@return number
function market.bars_per_year(bars)
  local r = scan("market.bars_per_year", bars)
  if r.cadence == 0 then opts.raise "market.bars_per_year: at least two times are needed" end
  local nominal = 365 * DAY / r.cadence
  if r.cadence == DAY then return r.continuous and 365.0 or 252.0 end
  if r.cadence > DAY then return nominal end
  local days = (r.last_time - r.first_time + r.cadence - r.hole_time) / DAY
  local actual = r.rows * 365 / days
  if r.continuous then return actual > 0.95 * nominal and nominal or actual end
  return days >= 28 and actual or r.rows / (r.session_gaps + r.holes + 1) * 252
end

-- calendars and corporate actions -----------------------------------------------------------------

--- A calendar: "24x7", "XNYS" (the New York Stock Exchange from 1990 on: rules of its holidays and
--- early closes, and the closings that followed none), a table { time_zone, open = "09:30", close =
--- "16:00", weekdays = { 1, 2, 3, 4, 5 }, holidays = { "2024-12-25" }, early_closes = {
--- ["2024-12-24"] = "13:00" }, name }, or a frame of sessions with columns of times open and close
--- (and date, early). A close that is not later than the open is that of the day after the open;
--- such a session has the date of its close.
---     local cal = market.calendar { time_zone = "Asia/Tokyo", open = "09:00", close = "15:00" }
---     #cal:sessions("2024-03-01", "2024-03-31") --> 21
---@param from string|table|neap.frame
---@return neap.market.calendar
function market.calendar(from) return calendar.new(from) end

--- Bars with prices and volumes as if every share were one of the last day: prices before a split
--- of `split` new shares for one are divided by it and volumes multiplied, prices before a dividend
--- are lowered by its share of the close before. `factors` is a frame with `date` (the first day
--- without the right to it) and either `split` (new shares for an old one) and `dividend` (money
--- for a share; on a day that also splits, for a new one), or `factor` (what all prices before the
--- date are multiplied by), or `price_factor` and `split_factor` (products that hold up to and with
--- their dates, as the factor files of LEAN have them, beside `reference`). Other columns of
--- numbers are refused, and so are factors beyond 1e12 in all: products taken for events.
---
--- The result has open, high, low, close and vwap adjusted, volume, and beside them `raw_close`,
--- `price_factor` and `volume_factor`. Adjusting looks ahead: a split is not known before it.
--- Returns over adjusted prices are what an owner had; levels (a price above 5, a volume, a
--- distance in money) are not what anybody saw: take raw_close for them, or `as_of`, which knows
--- events up to that date only. With a column `by` in both ("symbol") each has its own events.
--- Dates of bars within the day are those of `time_zone`.
---     local bars = market.calendar("XNYS"):bars("1d", "2024-06-06", "2024-06-11"):assign {
---       { "close", { 1200, 1210, 121, 122 } } }
---     local day = clock.parse { "2024-06-10" }
---     local f = frame.new { { "date", day, "time" }, { "split", { 10 } } }
---     market.adjust(bars, f).close:totable()[2] --> 121.0
---@param bars neap.frame
---@param factors neap.frame
---@param o? { as_of: string|integer, by: string, time: string, time_zone: string }
---@return neap.frame
function market.adjust(bars, factors, o) return adjust(bars, factors, o) end

-- longer bars -------------------------------------------------------------------------------------

--- Longer bars: of the bars that begin in each step of `cadence` ("15m", "4h", "1d", "1w", "1mo";
--- counted from 1970 UTC, weeks from Mondays) the first open, highest high, lowest low, last close
--- and the sum of volumes, stamped with the beginning of the step. Steps without bars are left out;
--- the last one may lack bars that are still to come. NaN is passed over. Raises on times that do
--- not rise, and on a cadence shorter than that of the bars. `frame:resample` knows more: other
--- columns, time zones, several symbols.
---     #market.resample(market.synthetic { rows = 48 }, "1d") --> 2
---@param bars neap.frame|table
---@param cadence string
---@return neap.frame
function market.resample(bars, cadence)
  local unit, step = duration.cadence(cadence)
  if not unit then
    opts.raise("market.resample: cadence '%s' is not a duration like 30s, 5m, 1h, 1d or 1mo",
      tostring(cadence))
  end
  single("market.resample", bars)
  local times = required("market.resample", bars, "time")
  local length = unit == "days" and step * DAY or unit == "months" and 28 * step * DAY or step
  local own = core.cadence(times)
  if length < own then
    opts.raise("market.resample: cadence '%s' is shorter than that of the bars, %s", cadence,
      duration.text(own))
  end
  local list = { { "time", times, "time" } }
  for _, name in ipairs(prices) do
    list[#list + 1] = { name, required("market.resample", bars, name) }
  end
  local volume = optional(bars, "volume")
  if volume then list[#list + 1] = { "volume", volume } end
  return core.resample(frame.new(list), cadence, nil, { time = "time", label = "left",
    closed = "left", offset = "0s", origin = "epoch", empty = false, rising = true })
end

-- made-up markets --------------------------------------------------------------------------------

local function check_synthetic(o)
  if math.type(o.rows) ~= "integer" or o.rows < 1 or o.rows > 10000000 then
    opts.raise("market.synthetic: rows is %s, allowed are 1 to 10000000", tostring(o.rows))
  end
  local cadence = duration.parse(o.cadence)
  if not cadence or cadence <= 0 then
    opts.raise("market.synthetic: cadence '%s' is not a duration like 30s, 5m, 1h or 1d",
      tostring(o.cadence))
  end
  local start = clock.parse(tostring(o.start))
  if not start then opts.raise("market.synthetic: start '%s' is not a time", tostring(o.start)) end
  if type(o.signal) ~= "number" or not (o.signal >= 0 and o.signal <= 2) then
    opts.raise("market.synthetic: signal is %s, allowed are 0 to 2", tostring(o.signal))
  end
  if type(o.symbols) ~= "table" or #o.symbols == 0 then
    opts.raise "market.synthetic: symbols must be an array of at least one name"
  end
  return cadence, start
end

local function one_symbol(o, cadence, start, symbol)
  local t, open, high, low, close, volume =
    c.synthetic(o.rows, start, cadence, neap.rng(o.seed), symbol, o.signal)
  return { { "time", t, "time" }, { "open", open }, { "high", high }, { "low", low },
    { "close", close }, { "volume", volume } }
end

--- A made-up market: bull, bear, sideways and turbulent regimes that last for dozens of bars,
--- clustered volatility, jumps, busy hours, correlated symbols, prices rounded to 0.01. It is
--- predictable on purpose: outside calm regimes the close stands off a slowly walking fair value
--- by some 3 to 4.6 %, and the next open is back near it. So whether one of the next closes will
--- be higher is plain to see from where this close stands, yet most of it cannot be traded at the
--- next open: a high accuracy and a modest return belong together here. No real market is so kind
--- to a classifier; `signal` scales drifts and bounces, and at 0 the price is a martingale
--- (within bounds of a twelfth and twelve times the first price) whose volatility alone can be
--- foreseen. Every number depends on seed, symbol and row only. Several symbols give their bars
--- one after the other, with a column `symbol`. Options: `symbols` (array of names), `rows`,
--- `cadence`, `seed`, `signal` (0 to 2), `start`.
---     #market.synthetic { rows = 100, seed = 1, symbols = { "A", "B" } } --> 200
---@param o? table
---@return neap.frame
function market.synthetic(o)
  o = opts.merge("market.synthetic", {
    symbols = { "SYN" }, rows = 20000, cadence = "1h", seed = 7, signal = 1.0,
    start = "2018-01-01",
  }, o)
  local cadence, start = check_synthetic(o)
  if #o.symbols == 1 then return frame.new(one_symbol(o, cadence, start, o.symbols[1])) end
  local parts = {}
  for i, symbol in ipairs(o.symbols) do
    local list = one_symbol(o, cadence, start, symbol)
    local codes = tensor.of({ 1 }, { dtype = "i32" }):expand { o.rows }:contiguous()
    local names = require("neap.frame.category").of_codes(codes, { symbol })
    table.insert(list, 1, { "symbol", names })
    parts[i] = frame.new(list)
  end
  return frame.concat(parts)
end

return market
