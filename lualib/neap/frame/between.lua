--- Stretches of time; loaded by neap.frame.
local c = require "neap.c.frame"
local clock = require "neap.clock"
local core = require "neap.frame.core"
local opts = require "neap.opts"

---@class neap.frame
local Frame = core.Frame

local where = "frame:between"
local SECOND = 1000000000

-- The texts that name a stretch of time, with what completes them and how long it is.
local forms = {
  { "^(%d%d%d%d)$", "%s-01-01", "year" },
  { "^(%d%d%d%d)[-/](%d%d)$", "%s-%s-01", "month" },
  { "^(%d%d%d%d)[-/]?[qQ]([1-4])$", nil, "quarter" },
  { "^(%d%d%d%d)[-/](%d%d)[-/](%d%d)$", "%s-%s-%s", 86400 * SECOND },
  { "^(%d%d%d%d)(%d%d)(%d%d)$", "%s-%s-%s", 86400 * SECOND },
  { "^(%d%d%d%d[-/]%d%d[-/]%d%d)[T ](%d%d)$", "%s %s:00", 3600 * SECOND },
  { "^(%d%d%d%d[-/]%d%d[-/]%d%d)[T ](%d%d:%d%d)$", "%s %s", 60 * SECOND },
  { "^(%d%d%d%d[-/]%d%d[-/]%d%d)[T ](%d%d:%d%d:%d%d)$", "%s %s", SECOND },
}

local function month_after(text, months)
  local year, month = text:match "^(%d+)%-(%d+)"
  local n = tonumber(year) * 12 + tonumber(month) - 1 + months
  return ("%04d-%02d-01"):format(n // 12, n % 12 + 1)
end

-- What a text without an offset means on the clock: the first and the last of its nanoseconds.
local function local_span(text)
  for _, form in ipairs(forms) do
    local a, b, d = text:match(form[1])
    if a then
      local begin = form[3] == "quarter" and ("%s-%02d-01"):format(a, 3 * tonumber(b) - 2)
        or form[2]:format(a, b, d)
      local first = clock.parse(begin)
      if not first or math.type(form[3]) == "integer" then
        return first, first and first + form[3] - 1
      end
      local months = ({ year = 12, quarter = 3, month = 1 })[form[3]]
      return first, clock.parse(month_after(begin, months)) - 1
    end
  end
  local ns = clock.parse(text)
  return ns, ns
end

-- The first and last moment that a bound means: all of "2018-03", a whole minute, an instant; nil
-- for what is no time.
local function span_of(bound, zone)
  if math.type(bound) == "integer" then
    if bound ~= clock.nat then return bound, bound end
    return nil
  end
  local text, offset = bound:match "^%s*(.-)%s*$", nil
  local plain, tail = text:match "^(.*%d%d:%d%d.-)%s*([Z+-][%d:]*)$"
  if not plain then plain, tail = text:match "^(.*%d%d:%d%d.-)%s+(UTC)$" end
  if plain then
    local naive, zoned = clock.parse(plain), clock.parse(plain .. (tail == "UTC" and "Z" or tail))
    if not naive or not zoned then return nil end
    offset = naive - zoned
  end
  local first, last = local_span(plain or text)
  if not first or first == clock.nat then return nil end
  if offset then return first - offset, last - offset end
  if not zone then return first, last end
  local function at(ns, ambiguous)
    return clock.from_local(ns, { time_zone = zone, ambiguous = ambiguous,
      nonexistent = "forward" })
  end
  return at(first, "earliest"), at(last + 1, "latest") - 1
end

-- The same; what is no time raises, `name` says which bound it is.
function core.span(caller, name, bound, zone)
  if math.type(bound) ~= "integer" and type(bound) ~= "string" then
    opts.raise("%s: %s must be a text or a time in nanoseconds, got %s", caller, name,
      type(bound))
  end
  local first, last = span_of(bound, zone)
  if not first then
    local shown = type(bound) == "string" and bound or clock.print(bound)
    opts.raise("%s: %s '%s' is not a time", caller, name, shown)
  end
  return first, last
end

local sides = {
  both = { true, true }, left = { true, false }, right = { false, true },
  neither = { false, false },
}

--- The rows from a to b. Bounds are times in nanoseconds, or texts that mean all of what they name,
--- as in pandas: "2018" a year, "2018Q3", "2018-03", "2018-03-05" a day, "2018-03-05 14" an hour,
--- "2018-03-05 14:30" a minute, and so on; local to `time_zone` unless they carry an offset.
--- `closed` says which bounds belong to the rows; one that does not is left out with all that its
--- text names. nil is no bound. Rows that stand side by side are a view, without copying.
---     local bars = market.synthetic { rows = 1000, start = "2018-01-01" }
---     #bars:between("2018-01-30", "2018-02") --> 304
---     #bars:between("2018-01-30", "2018-02", { closed = "left" }) --> 48
---     #bars:between(nil, "2018-01-01 05:30") --> 6
---@param a? string|integer
---@param b? string|integer
---@param o? { time: string, closed: "both"|"left"|"right"|"neither", time_zone: string }
---@return neap.frame
function Frame:between(a, b, o)
  o = opts.merge(where, { time = "time", closed = "both", time_zone = opts.none }, o)
  local column = core.column_at(self, where, o.time)
  if column.kind ~= "time" then
    opts.raise("%s: column '%s' is no column of times", where, o.time)
  end
  local side = sides[o.closed]
  if not side then
    opts.unknown(where, "closed", tostring(o.closed), { "both", "left", "right", "neither" })
  end
  local low, high = clock.nat + 1, math.maxinteger
  if a ~= nil then
    local first, last = core.span(where, "the first bound", a, o.time_zone)
    if not side[1] and last == math.maxinteger then return self:head(0) end
    low = side[1] and first or last + 1
  end
  if b ~= nil then
    local first, last = core.span(where, "the last bound", b, o.time_zone)
    high = side[2] and last or first - 1
  end
  local count, first, last, positions = c.rows_between(column.tensor, low, high)
  if count == 0 then return self:head(0) end
  return positions and self:take(positions) or self:rows(first, last)
end
