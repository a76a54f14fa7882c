--- Clocks, and times as text. Times are integers: nanoseconds since 1970 UTC.
local c = require "neap.c.clock"
local opts = require "neap.opts"

local clock = {}

--- "Not a time": the missing value of time columns.
clock.nat = c.nat

--- Nanoseconds since some moment, never going back: the difference of two is a duration.
---     clock.monotonic() <= clock.monotonic() --> true
---@return integer
function clock.monotonic() return c.monotonic() end

--- Now, by the system's clock.
---     clock.wall() > clock.parse "2024-01-01" --> true
---@return integer
function clock.wall() return c.wall() end

--- Nanoseconds of processor time that all threads of this process have used.
---     clock.cpu() > 0 --> true
---@return integer
function clock.cpu() return c.cpu() end

--- The most bytes of memory the process ever held at once.
---     clock.peak_rss() > 1e6 --> true
---@return integer
function clock.peak_rss() return c.peak_rss() end

--- Wait; Ctrl-C ends it.
---     pcall(clock.sleep, 0.001) --> true
---@param seconds number
function clock.sleep(seconds) return c.sleep(seconds) end

-- What to do with local times that the clock showed twice or never.
local policies = { time_zone = "UTC", ambiguous = "raise", nonexistent = "raise" }
local known = {
  ambiguous = { "raise", "earliest", "latest", "infer" },
  nonexistent = { "raise", "forward", "missing" },
}

local function with_policies(where, o)
  o = opts.merge(where, policies, o)
  for _, name in ipairs { "ambiguous", "nonexistent" } do
    local found = false
    for _, value in ipairs(known[name]) do found = found or value == o[name] end
    if not found then
      opts.unknown(where, name .. " =", tostring(o[name]), { table.unpack(known[name]) })
    end
  end
  return o
end

-- Functions of whole columns are in neap.c.frame, which is loaded when something asks for them.
local function columns()
  require "neap.tensor"
  return require "neap.c.frame"
end

-- Texts as an i64 tensor; of a category each label is read once.
local function parse_all(texts, o)
  local labels = texts.labels
  if not labels then
    return columns().parse_times(texts, o.time_zone, o.ambiguous, o.nonexistent)
  end
  if o.ambiguous == "infer" then
    return columns().parse_times(texts:totable(), o.time_zone, o.ambiguous, o.nonexistent)
  end
  local list = { false }
  table.move(labels, 1, #labels, 2, list)
  local times = columns().parse_times(list, o.time_zone, o.ambiguous, o.nonexistent)
  return times:take(texts.codes:to "i64" + 1)
end

--- The time that a text means, or nil when it is none: 2024-03-01, 20240301, with T or a space and
--- 15:30, 15:30:05 or 15:30:05.123456789, then nothing, Z, UTC or an offset. An array of texts, or
--- a category, gives an i64 tensor; false and "" are missing there, and what is no time raises.
---
--- Without an offset a time is local to `time_zone`. In spring its clock skips an hour, in autumn
--- it shows one twice: `ambiguous` is "raise", "earliest", "latest" or "infer" (of several times in
--- their order: where they step back, the second showing begins), `nonexistent` is "raise",
--- "forward" (the moment of the jump) or "missing".
---     clock.parse("2024-03-01 09:30", { time_zone = "America/New_York" }) --> 1709303400000000000
---     #clock.parse { "2024-03-01", "2024-03-02 10:00", false } --> 3
---@param text string|table
---@param o? { time_zone: string, ambiguous: string, nonexistent: string }
---@return integer|neap.tensor?
function clock.parse(text, o)
  if type(text) == "table" then return parse_all(text, with_policies("clock.parse", o)) end
  o = with_policies("clock.parse", o)
  opts.expect("clock.parse", "the text", text, "string")
  return c.parse(text, o.time_zone, o.ambiguous, o.nonexistent)
end

-- fn of a tensor of times, or of one time, which gives one number.
local function each(where, times, fn)
  if math.type(times) == "integer" then
    return fn(require("neap.tensor").of({ times }, { dtype = "i64" })):get(1)
  end
  opts.expect(where, "times", times, "tensor")
  return fn(times)
end

--- What the clock of a zone shows at these times (UTC), as nanoseconds in which that clock's 1970
--- is 0: for arithmetic on dates and hours. It is no time any more; `clock.from_local` goes back.
--- NaT stays.
---     local shown = clock.to_local(clock.parse "2024-07-01", "Asia/Tokyo")
---     clock.print(shown) --> 2024-07-01T09:00:00Z
---@param times neap.tensor|integer i64 ns
---@param time_zone string
---@return neap.tensor|integer
function clock.to_local(times, time_zone)
  opts.expect("clock.to_local", "time_zone", time_zone, "string")
  return each("clock.to_local", times,
    function(t) return columns().times_to_local(t, time_zone) end)
end

--- The times at which the clock of a zone showed these, with `ambiguous` and `nonexistent` as in
--- `clock.parse`. Errors name the element.
---     local wall = clock.parse { "2024-03-10 01:30", "2024-03-10 02:30" }
---     local zone = { time_zone = "America/New_York", nonexistent = "forward" }
---     local t = clock.from_local(wall, zone)
---     clock.print(t[2], "America/New_York") --> 2024-03-10T03:00:00-04:00
---@param times neap.tensor|integer i64 ns on that clock
---@param o { time_zone: string, ambiguous: string, nonexistent: string }
---@return neap.tensor|integer
function clock.from_local(times, o)
  o = with_policies("clock.from_local", o)
  return each("clock.from_local", times, function(t)
    return columns().times_from_local(t, o.time_zone, o.ambiguous, o.nonexistent)
  end)
end

local fields = { "year", "quarter", "month", "week", "day", "day_of_year", "weekday", "hour",
  "minute", "second", "nanosecond" }

--- Dates and times of day on the clock of a zone: a table of f64 tensors by name, NaN for NaT.
--- `year`, `quarter`, `month`, `week` (ISO 8601, 1 to 53), `day`, `day_of_year`, `weekday` (1 =
--- Monday to 7 = Sunday), `hour`, `minute`, `second`, `nanosecond`; `fields` names those wanted.
---     local f = clock.fields(clock.parse { "2024-03-01 20:30" }, { time_zone = "Asia/Tokyo" })
---     f.day[1], f.hour[1], f.weekday[1] --> 2.0, 5.0, 6.0
---@param times neap.tensor i64 ns
---@param o? { time_zone: string, fields: string[] }
---@return table<string, neap.tensor>
function clock.fields(times, o)
  o = opts.merge("clock.fields", { time_zone = "UTC", fields = fields }, o)
  opts.expect("clock.fields", "times", times, "tensor")
  for _, name in ipairs(o.fields) do
    local there = false
    for _, field in ipairs(fields) do there = there or field == name end
    if not there then
      opts.unknown("clock.fields", "field", tostring(name), { table.unpack(fields) })
    end
  end
  local named = {}
  for i, values in ipairs(columns().time_fields(times, o.time_zone, o.fields)) do
    named[o.fields[i]] = values
  end
  return named
end

--- A time in ISO 8601, in UTC or in a zone with its offset; "NaT" for not a time.
---     clock.print(1709303400000000000) --> 2024-03-01T14:30:00Z
---     clock.print(1709303400000000000, "America/New_York") --> 2024-03-01T09:30:00-05:00
---@param ns integer
---@param time_zone? string
---@return string
function clock.print(ns, time_zone) return c.print(ns, time_zone) end

--- Seconds by which a zone is ahead of UTC at a moment. Zones are "UTC", "+05:30", or names of the
--- system's time zone database, read below $TZDIR or /usr/share/zoneinfo.
---     clock.offset(0, "Asia/Kolkata") --> 19800
---@param ns integer
---@param time_zone string
---@return integer
function clock.offset(ns, time_zone) return c.offset(ns, time_zone) end

return clock
