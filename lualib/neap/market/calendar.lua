--- Trading calendars: when a market is open.
local c = require "neap.c.frame"
local clock = require "neap.clock"
local core = require "neap.frame.core"
local duration = require "neap.duration"
local frame = require "neap.frame"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local DAY = 86400 * 1000000000
local i64 = { dtype = "i64" }

---@class neap.market.calendar
---@field name string
---@field time_zone string
local Calendar = { __name = "neap.market.calendar" }
Calendar.__index = Calendar

-- dates and times of day --------------------------------------------------------------------------

-- Days from 1970-01-01 of a date.
local function day_of(year, month, day)
  return clock.parse(("%04d-%02d-%02d"):format(year, month, day)) // DAY
end

local function day_of_text(where, what, text)
  local ns = type(text) == "string" and clock.parse(text) or math.type(text) == "integer" and text
  if not ns or ns == clock.nat or ns % DAY ~= 0 then
    opts.raise("%s: %s '%s' is not a date like 2024-12-25", where, what, tostring(text))
  end
  return ns // DAY
end

-- Nanoseconds after midnight of "09:30"; "24:00" is the next midnight.
local function time_of_day(where, what, text)
  local hour, minute = tostring(text):match "^(%d%d?):(%d%d)$"
  hour, minute = tonumber(hour), tonumber(minute)
  if not hour or minute > 59 or hour * 60 + minute > 1440 then
    opts.raise("%s: %s '%s' is not a time of day like 09:30", where, what, tostring(text))
  end
  return (hour * 60 + minute) * 60 * 1000000000
end

-- making ------------------------------------------------------------------------------------------

local function set_of_days(where, what, list)
  local set = {}
  if type(list) == "userdata" then list = list:totable() end
  for _, day in ipairs(list) do set[day_of_text(where, what, day)] = true end
  return set
end

-- { ["2024-12-24"] = "13:00" } or { { "2024-12-24", "13:00" }, ... } by day.
local function early_by_day(where, given)
  local early = {}
  for key, value in next, given do
    local date, time = key, value
    if type(value) == "table" then date, time = value[1], value[2] end
    early[day_of_text(where, "the early close on", date)] = time_of_day(where, "early close", time)
  end
  return early
end

local known = {}

-- Hours by rule: what a table of a user and the calendars shipped have in common.
local function by_rule(where, o)
  local weekdays = {}
  for _, day in ipairs(o.weekdays) do weekdays[opts.integer(where, "weekday", day, 1, 7)] = true end
  if not next(weekdays) then opts.raise("%s: no weekday is given", where) end
  clock.offset(0, o.time_zone) -- or an error with the nearest name
  local open, close = time_of_day(where, "open", o.open), time_of_day(where, "close", o.close)
  return setmetatable({ name = o.name, time_zone = o.time_zone, opens = open, closes = close,
    overnight = close <= open, weekdays = weekdays,
    holidays = set_of_days(where, "holiday", o.holidays),
    early = early_by_day(where, o.early_closes) }, Calendar)
end

known["24x7"] = function(where)
  return by_rule(where, { name = "24x7", time_zone = "UTC", open = "00:00", close = "24:00",
    weekdays = { 1, 2, 3, 4, 5, 6, 7 }, holidays = {}, early_closes = {} })
end

function known.XNYS(where)
  local rules, closed = require "neap.market.xnys", {}
  for i, day in ipairs(rules.closed) do closed[i] = day[1] end
  local calendar = by_rule(where, { name = rules.name, time_zone = rules.time_zone,
    open = rules.open, close = rules.close, weekdays = rules.weekdays, holidays = closed,
    early_closes = rules.early })
  calendar.rules = rules
  return calendar
end

-- Sessions as a frame gives them.
local function by_table(where, f)
  for _, name in ipairs { "open", "close" } do
    if not f:has(name) or f:dtype(name) == "category" then
      opts.raise("%s: the sessions need columns 'open' and 'close' of times", where)
    end
  end
  local open, close = f:column "open", f:column "close"
  if #f == 0 then opts.raise("%s: there are no sessions", where) end
  local wrong = open:ge(close):nonzero()
  if #wrong > 0 then opts.raise("%s: session %d does not end after it begins", where, wrong[1]) end
  if #f > 1 then
    wrong = open:slice(1, 2, -1):lt(close:slice(1, 1, -2)):nonzero()
    if #wrong > 0 then
      opts.raise("%s: session %d begins before session %d has ended", where, wrong[1] + 1, wrong[1])
    end
  end
  local date = f:has "date" and f:column "date" or open - open % DAY
  local early = f:has "early" and f:column "early" or open:lt(open)
  return setmetatable({ name = "table", time_zone = "UTC",
    table = { date = date, open = open, close = close, early = early } }, Calendar)
end

-- See market.calendar.
local function new(from)
  local where = "market.calendar"
  if frame.is(from) then return by_table(where, from) end
  if type(from) == "table" then
    return by_rule(where, opts.merge(where, { name = "own", time_zone = "UTC", open = "00:00",
      close = "24:00", weekdays = { 1, 2, 3, 4, 5 }, holidays = {}, early_closes = {} }, from))
  end
  if not known[from] then
    opts.unknown(where, "calendar", tostring(from), { "24x7", "XNYS" })
  end
  return known[from](where)
end

-- sessions ----------------------------------------------------------------------------------------

-- Days of whole years: { day, ... }, and the closes of those that end early.
local function days_of_years(self, first, last)
  local closed, early = self.holidays, self.early
  if self.rules then
    closed, early = setmetatable({}, { __index = closed }), setmetatable({}, { __index = early })
    local noon = 13 * 3600 * 1000000000
    for year = first, last do
      for _, day in ipairs(self.rules.holidays(year, day_of)) do closed[day] = true end
      for _, day in ipairs(self.rules.early_closes(year, day_of)) do early[day] = noon end
    end
  end
  local days, ends, is_early = {}, {}, {}
  for day = day_of(first, 1, 1), day_of(last, 12, 31) do
    if self.weekdays[(day + 3) % 7 + 1] and not closed[day] then
      local n = #days + 1
      days[n], ends[n], is_early[n] = day, early[day] or self.closes, early[day] ~= nil
    end
  end
  return days, ends, is_early
end

local function made(self, first, last)
  local days, ends, early = days_of_years(self, first, last)
  local date = tensor.of(days, i64) * DAY
  local o = { time_zone = self.time_zone, ambiguous = "earliest", nonexistent = "forward" }
  local open = date + (self.overnight and self.opens - DAY or self.opens)
  return { date = date, open = clock.from_local(open, o), first = first, last = last,
    close = clock.from_local(date + tensor.of(ends, i64), o),
    early = tensor.of(early, { dtype = "bool" }) }
end

local function year_of(ns)
  return math.tointeger(clock.fields(tensor.of({ ns }, i64), { fields = { "year" } }).year[1])
end

-- All sessions of the years from that of one moment to that of another, and the years beside them.
local function sessions_around(self, where, low, high)
  if self.table then return self.table end
  local first, last = year_of(low) - 1, year_of(high) + 1
  local rules = self.rules
  if rules and (first + 1 < rules.first_year or last - 1 > rules.last_year) then
    opts.raise("%s: %s is known from %d to %d, %s to %s are asked for", where, self.name,
      rules.first_year, rules.last_year, clock.print(low):sub(1, 10), clock.print(high):sub(1, 10))
  end
  first = math.max(first, rules and rules.first_year or 1678)
  last = math.min(last, rules and rules.last_year or 2261)
  local kept = self.kept
  if not kept or kept.first > first or kept.last < last then
    if kept then first, last = math.min(first, kept.first), math.max(last, kept.last) end
    kept = made(self, first, last)
    self.kept = kept
  end
  return kept
end

-- The dates that a bound means, as midnights UTC: of a text all it names, of a time its local date.
local function date_of(self, where, bound, last)
  if math.type(bound) == "integer" and bound ~= clock.nat then
    local shown = bound % DAY == 0 and bound or clock.to_local(bound, self.time_zone)
    return shown - shown % DAY
  end
  local a, b = core.span(where, last and "the last date" or "the first date", bound)
  local day = last and b or a
  return day - day % DAY
end

local function take_rows(s, count, first, last)
  local list = {}
  for i, name in ipairs { "date", "open", "close", "early" } do
    local column = count > 0 and s[name]:slice(1, first, last) or s[name]:slice(1, #s[name] + 1)
    list[i] = { name, column, name ~= "early" and "time" or nil }
  end
  return frame.new(list)
end

--- The sessions of the dates from `from` to `to`, both included: `date` (midnight UTC, as daily
--- bars are stamped), `open` and `close` (UTC), and `early`: whether it ends before the usual time.
--- Bounds are texts ("2024", "2024-07", "2024-07-03") or times.
---     local year = market.calendar("XNYS"):sessions("2024", "2024")
---     #year, year.early:sum() --> 252, 3
---@param from string|integer
---@param to string|integer
---@return neap.frame
function Calendar:sessions(from, to)
  local where = "calendar:sessions"
  local low, high = date_of(self, where, from, false), date_of(self, where, to, true)
  local s = sessions_around(self, where, math.min(low, high), high)
  local count, first, last = c.rows_between(s.date, low, high)
  return take_rows(s, count, first, last)
end

-- questions about moments -------------------------------------------------------------------------

-- fn(times, sessions) for a tensor of times, or for one, which gives one value.
local function ask(self, where, times, fn)
  local one = math.type(times) == "integer"
  local t = one and tensor.of({ times }, i64) or times
  opts.expect(where, "times", t, "tensor")
  if t.dtype ~= "i64" then opts.raise("%s: times must be i64, got %s", where, t.dtype) end
  local there = t:ne(clock.nat)
  local some = t[there]
  local any = day_of(2000, 1, 1) * DAY
  local low, high = any, any
  if #some > 0 then low, high = some:min(), some:max() end
  local out = fn(t, sessions_around(self, where, low, high), there)
  if one then return out[1] end
  return out
end

-- The last session that began by each time (0: none), and whether the time lies in it.
local function inside(t, s, there)
  local at = s.open:searchsorted(t, { right = true }) - 1
  local close = s.close:take(at:maximum(1))
  return at, at:gt(0) & t:lt(close) & there
end

--- Whether the market is open at each time: open <= time < close. NaT is not.
---     market.calendar("XNYS"):is_open(clock.parse "2024-07-03T17:00Z") --> false
---@param times neap.tensor|integer i64 ns
---@return neap.tensor|boolean
function Calendar:is_open(times)
  return ask(self, "calendar:is_open", times, function(t, s, there)
    local _, open = inside(t, s, there)
    return open
  end)
end

--- The date of the session that holds each time (midnight UTC), NaT where the market is closed.
---     local date = market.calendar("XNYS"):session_of(clock.parse "2024-07-02T19:59Z")
---     clock.print(date) --> 2024-07-02T00:00:00Z
---@param times neap.tensor|integer i64 ns
---@return neap.tensor|integer
function Calendar:session_of(times)
  return ask(self, "calendar:session_of", times, function(t, s, there)
    local at, open = inside(t, s, there)
    return tensor.where(open, s.date:take(at:maximum(1)), clock.nat)
  end)
end

--- The first opening after each time; NaT after the last session of a table, and for NaT.
---     local cal = market.calendar "XNYS"
---     clock.print(cal:next_open(clock.parse "2024-07-03T18:00Z")) --> 2024-07-05T13:30:00Z
---@param times neap.tensor|integer i64 ns
---@return neap.tensor|integer
function Calendar:next_open(times)
  return ask(self, "calendar:next_open", times, function(t, s, there)
    local at = s.open:searchsorted(t, { right = true })
    local within = at:le(#s.open) & there
    return tensor.where(within, s.open:take(at:minimum(#s.open)), clock.nat)
  end)
end

--- The last close at or before each time; NaT before the first session, and for NaT.
---     local cal = market.calendar "XNYS"
---     clock.print(cal:previous_close(clock.parse "2024-07-05T12:00Z")) --> 2024-07-03T17:00:00Z
---@param times neap.tensor|integer i64 ns
---@return neap.tensor|integer
function Calendar:previous_close(times)
  return ask(self, "calendar:previous_close", times, function(t, s, there)
    local at = s.close:searchsorted(t, { right = true }) - 1
    return tensor.where(at:gt(0) & there, s.close:take(at:maximum(1)), clock.nat)
  end)
end

-- bars --------------------------------------------------------------------------------------------

local function step_of(where, cadence)
  local unit, step = duration.cadence(cadence)
  if unit == "time" then return step end
  if unit == "days" and step == 1 then return nil end
  opts.raise("%s: cadence '%s' is neither a length below a day, like 5m, nor 1d", where,
    tostring(cadence))
end

-- Bars of each session: its begins, ends and dates.
local function grid(sessions, step)
  local open, close, date = sessions.open, sessions.close, sessions.date
  if not step then return date, close, date end
  local counts = (close - open + (step - 1)) // step
  local total = #counts > 0 and counts:sum() or 0
  if total > 100000000 then opts.raise("calendar:bars: %d bars are too many", total) end
  local before = counts:cumsum() - counts
  local row = tensor.arange(1, #counts):to "i64":repeat_interleave(counts)
  local nth = tensor.arange(0, total - 1):to "i64" - before:take(row)
  local time = open:take(row) + nth * step
  return time, (time + step):minimum(close:take(row)), date:take(row)
end

--- The bars that the sessions from `from` to `to` have: `time`, `known_at` (its end; the last bar
--- of a session ends with it) and `session` (its date). Cadences are lengths, counted from the
--- open, or "1d": one bar for each session, stamped with its date.
---     #market.calendar("XNYS"):bars("30m", "2024-07-03", "2024-07-03") --> 7
---@param cadence string
---@param from string|integer
---@param to string|integer
---@return neap.frame
function Calendar:bars(cadence, from, to)
  local step = step_of("calendar:bars", cadence)
  local time, ends, date = grid(self:sessions(from, to), step)
  return frame.new { { "time", time, "time" }, { "known_at", ends, "time" },
    { "session", date, "time" } }
end

-- The dates that daily bars are stamped with: midnights UTC as they are, others by the local clock.
local function dates_of(self, times)
  local shown = clock.to_local(times, self.time_zone)
  return tensor.where((times % DAY):eq(0), times, shown - shown % DAY)
end

--- The bars that should be between the first and the last of `bars` and are not, as `calendar:bars`
--- has them. Daily bars are looked for by date. `cadence` is the usual step of the bars unless it
--- is given. Bars outside the sessions do not matter.
---     local cal = market.calendar "XNYS"
---     local bars = cal:bars("1d", "2024-06", "2024-08")
---     local late = bars:where(bars.time:ne(clock.parse "2024-07-05"))
---     clock.print(cal:missing(late).time[1]) --> 2024-07-05T00:00:00Z
---@param bars neap.frame
---@param o? { cadence: string, time: string }
---@return neap.frame
function Calendar:missing(bars, o)
  local where = "calendar:missing"
  o = opts.merge(where, { cadence = opts.none, time = "time" }, o)
  if not frame.is(bars) then opts.raise("%s: a frame is expected, got %s", where, type(bars)) end
  local times = bars:column(o.time)
  times = times[times:ne(clock.nat)]
  if #times == 0 then opts.raise("%s: the bars have no times", where) end
  local cadence = o.cadence or duration.text(core.cadence((times:sort())))
  local daily = step_of(where, cadence) == nil
  if daily then times = dates_of(self, times) end
  local low, high = times:min(), times:max()
  local wanted = self:bars(cadence, low, high):between(low, high)
  times = times:unique()
  local at = times:searchsorted(wanted.time):minimum(#times)
  return wanted:where(times:take(at):ne(wanted.time))
end

function Calendar.__tostring(self)
  return ("calendar %s in %s"):format(self.name, self.time_zone)
end

return { new = new }
