--- Rows gathered into bins of a calendar, and stretches of time; loaded by neap.frame.
local c = require "neap.c.frame"
local clock = require "neap.clock"
local core = require "neap.frame.core"
local duration = require "neap.duration"
local keys = require "neap.frame.keys"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.frame
local Frame = core.Frame

local column_at, empty, put, state_of = core.column_at, core.empty, core.put, core.state_of
local where = "frame:resample"

-- groups -----------------------------------------------------------------------------------------

-- The group of each row, how many there are, and the first row of each.
local function groups_of(f, names)
  local groups, n = c.groups(#f, keys.of(f, where, names), true, true)
  return c.group_ids(groups), n, c.group_first(groups)
end

-- The columns called names at the rows of groups.
local function put_keys(out, f, names, rows)
  for _, name in ipairs(names) do
    local column = column_at(f, where, name)
    put(out, where, name, { kind = column.kind, tensor = column.tensor:take(rows),
      labels = column.labels })
  end
end

-- rules ------------------------------------------------------------------------------------------

local usual = {
  open = "first", high = "max", low = "min", close = "last", volume = "sum", amount = "sum",
  quote_volume = "sum", trades = "sum",
}

-- What becomes of each column when nothing is said.
local function usual_rules(f, left_out)
  local rules = {}
  for _, name in ipairs(f:columns()) do
    local column = column_at(f, where, name)
    if not left_out[name] then
      local statistic = column.kind == "number" and usual[name:lower()] or "last"
      rules[#rules + 1] = { name, name, statistic }
    end
  end
  return rules
end

local allowed = {
  category = { first = true, last = true, count = true, size = true, nunique = true },
  time = { first = true, last = true, count = true, size = true, nunique = true, min = true,
    max = true },
}
local missing = { number = "nan", time = "nat", category = "zero" }
local keeps = { first = true, last = true, min = true, max = true }
local counts = { count = true, size = true, nunique = true, any = true, all = true }

-- A statistic of a column by the core; one that needs a value where a bin has none cannot stay an
-- integer.
local function reduced(bins, column, statistic, o)
  local x, kind = column.tensor, column.kind
  if allowed[kind] and not allowed[kind][statistic] then
    opts.raise("%s: statistic '%s' does not suit column '%s', which is a %s", where, statistic,
      o.column, kind)
  end
  if kind == "number" and keeps[statistic] and o.has_empty and x.dtype ~= "f32" then
    x = x:to "f64"
  end
  if kind == "time" and statistic == "min" then -- NaT is the lowest integer
    local latest = math.maxinteger
    local low = c.reduce_bins(bins, tensor.where(x:eq(clock.nat), latest, x), "min", "nan")
    local some = c.reduce_bins(bins, x, "count", "nat"):gt(0)
    return { kind = "time", tensor = tensor.where(some, low, clock.nat) }
  end
  local y = c.reduce_bins(bins, x, statistic, missing[kind], o.q, o.weights)
  if x.dtype == "f32" and not counts[statistic] then y = y:to "f32" end
  if not keeps[statistic] then return { kind = "number", tensor = y } end
  return { kind = kind, tensor = y, labels = column.labels }
end

-- fn(values of the bin) -> number, for each bin.
local function applied(bins, column, fn, n)
  local made = {}
  for k = 1, n do
    local rows = c.bin_rows(bins, k)
    made[k] = fn(core.value_of { kind = column.kind, tensor = column.tensor:take(rows),
      labels = column.labels })
    if type(made[k]) ~= "number" then
      opts.raise("%s: the function gave a %s for bin %d, a number is expected", where,
        type(made[k]), k)
    end
  end
  return { kind = "number", tensor = tensor.of(made, { dtype = "f64" }) }
end

local function by_rule(f, bins, rule, i, n, has_empty)
  if type(rule) ~= "table" or #rule < 3 then
    opts.raise("%s: rule %d must be { name, column, statistic }", where, i)
  end
  local column, statistic = column_at(f, where, rule[2]), rule[3]
  if type(statistic) == "function" then return applied(bins, column, statistic, n) end
  if statistic == "quantile" and type(rule[4]) ~= "number" then
    opts.raise("%s: rule %d: the quantile is missing, as in { name, column, \"quantile\", 0.9 }",
      where, i)
  end
  local o = { column = rule[2], has_empty = has_empty }
  if statistic == "quantile" then o.q = rule[4] end
  if statistic == "wmean" then o.weights = column_at(f, where, rule[4]).tensor end
  return reduced(bins, column, tostring(statistic), o)
end

-- options ----------------------------------------------------------------------------------------

local function choice(name, value, ...)
  for _, known in ipairs { ... } do if value == known then return value end end
  opts.unknown(where, name, tostring(value), { ... })
end

local origins = { "epoch", "start", "start_day", "end", "end_day" }

-- An origin as its kind and a time.
local function origin_of(o)
  if math.type(o.origin) == "integer" then return "at", o.origin end
  for _, known in ipairs(origins) do if o.origin == known then return known, 0 end end
  local at = clock.parse(tostring(o.origin), { time_zone = o.time_zone })
  if not at then
    opts.raise("%s: origin '%s' is neither a time nor one of %s", where, tostring(o.origin),
      table.concat(origins, ", "))
  end
  return "at", at
end

local function offset_of(o)
  if math.type(o.offset) == "integer" then return o.offset end
  local ns = duration.parse(o.offset)
  if not ns then
    opts.raise("%s: offset '%s' is not a duration like 30s, 5m or 9h30m%s", where,
      tostring(o.offset), duration.hint(o.offset, duration.parse))
  end
  return ns
end

-- More bins than this are a mistake rather than a wish.
local function most_bins(rows) return math.max(10000000, 20 * rows) end

local function find_bins(f, cadence, o, names)
  local unit, step = duration.cadence(cadence)
  if not unit then
    opts.raise("%s: cadence '%s' is not one like 30s, 5m, 1h, 1d, 1w, 1mo, 1q or 1y%s", where,
      tostring(cadence), duration.hint(cadence))
  end
  local times = core.time_column(f, where, o.time)
  local origin, at = origin_of(o)
  local ids, n, rows
  if names then ids, n, rows = groups_of(f, names) end
  local bins, first, last, group = c.bins(times, ids, n, unit, step, o.time_zone, origin,
    at, offset_of(o), o.closed == "right", o.rising, o.empty, most_bins(#f))
  return { bins = bins, first = first, last = last, times = times,
    rows = rows and rows:to "i64":take(group:to "i64") }
end

-- the end of what is known -----------------------------------------------------------------------

-- The median step of the last rows: how long after its time a bar ends.
function core.cadence(times)
  local tail = times:slice(1, -math.min(#times, 1000), -1)
  if #tail < 2 then return 0 end
  local steps = tail:slice(1, 2, -1) - tail:slice(1, 1, -2)
  steps = steps[steps:gt(0)]
  return #steps > 0 and math.tointeger(steps:to "f64":quantile(0.5) // 1) or 0
end

local function known_until(f, found, o)
  if #f == 0 then return clock.nat end
  if f:has "known_at" and f:dtype "known_at" == "time" then return f:column("known_at"):max() end
  local stamped = found.rows and found.times:max() or found.times[-1]
  return o.closed == "right" and stamped or stamped + core.cadence(found.times)
end

local function put_known(out, f, found, o)
  local known = found.last
  if f:has "known_at" and f:dtype "known_at" == "time" then
    known = known:maximum(c.reduce_bins(found.bins, f:column "known_at", "max", "nat"))
  end
  if o.known_at then put(out, where, "known_at", { kind = "time", tensor = known }) end
  if o.complete then
    local complete = found.last:le(known_until(f, found, o))
    put(out, where, "complete", { kind = "number", tensor = complete })
  end
end

local function check_names(rules, taken)
  for i, rule in ipairs(rules) do
    local name = type(rule) == "table" and rule[1]
    if name and taken[name] then
      opts.raise("%s: rule %d makes a column '%s', which the result has already", where, i, name)
    elseif name then taken[name] = true end
  end
end

local defaults = {
  time = "time", by = opts.none, label = "left", closed = "left", offset = "0s",
  origin = "epoch", time_zone = opts.none, empty = false, complete = true,
}

-- resample, and with `o.rising` equal times are refused, without `o.known_at` that column is left
-- out: what market.resample asks for.
function core.resample(f, cadence, rules, o)
  local names = o.by ~= nil and keys.names(where, "by", o.by) or nil
  local found, out = find_bins(f, cadence, o, names), empty()
  local n, taken = #found.first, { [o.time] = true }
  for _, name in ipairs(names or {}) do taken[name] = true end
  if o.known_at then taken.known_at = true end
  if o.complete then taken.complete = true end
  if found.rows then put_keys(out, f, names, found.rows) end
  put(out, where, o.time,
    { kind = "time", tensor = o.label == "left" and found.first or found.last })
  local has_empty = o.empty and n > 0
    and c.reduce_bins(found.bins, found.times, "size"):min() == 0
  if rules then check_names(rules, taken) else rules = usual_rules(f, taken) end
  for i, rule in ipairs(rules) do
    put(out, where, tostring(rule[1]), by_rule(f, found.bins, rule, i, n, has_empty))
  end
  put_known(out, f, found, o)
  return out
end

--- The rows of each step of `cadence` as one row. Cadences are lengths ("30s", "5m", "4h",
--- "1h30m"), days and weeks ("1d", "1w") or months ("1mo", "1q", "1y"). `rules` is an array of
--- { name, column, statistic }, with first, last, min, max, sum, prod, count, size, nunique, any,
--- all, mean, var, std (both by n - 1), skew, median, { name, column, "quantile", q }, { name,
--- column, "wmean", weights } or a function of the values that gives a number. Without rules
--- open is the first, high the max, low the min, close the last, volume, amount, quote_volume and
--- trades the sum, every other column its last value. Missing values are passed over: of none, a
--- sum is 0, a product 1, a count 0, any false, all true, the rest missing. Rows of one `by` column
--- (or an array of them) are gathered by themselves, and come in its order; rows without it are
--- left out.
---
--- Bins hold their left end (`closed` = "left"), which suits rows stamped with their begin, or
--- their right one, for rows stamped with their end; `label` stamps bins with their begin or end.
--- Steps count from `origin`: "epoch" (1970 in `time_zone`; whole weeks from Mondays), so that bins
--- do not depend on which rows there are and are the same for every symbol; "start", "start_day",
--- "end", "end_day" (of the rows, as in pandas, whose default is "start_day"), or a time; plus
--- `offset`. With a `time_zone` days begin at its midnights (23 and 25 hours when its clock
--- changes) and months with its calendar; lengths stay lengths.
--- `empty = true` adds the steps between without rows.
---
--- `known_at` is the end of the bin, or later when a row's own `known_at` is. `complete` is false
--- for bins whose end lies beyond what is known: the last known_at, else the last time and the
--- usual step of the bars; `complete = false` leaves the column out. Raises on rows without a time
--- and on times that fall, by row.
---     local bars = market.synthetic { rows = 100, cadence = "1h" }
---     local days = bars:resample("1d", { { "high", "high", "max" }, { "n", "close", "count" } })
---     days.n:totable()[5] --> 4
---     days.complete[5] --> false
---     #bars:resample("1w", nil, { time_zone = "America/New_York" }) --> 2
---@param cadence string
---@param rules? table[]
---@param o? table time, by, label, closed, offset, origin, time_zone, empty, complete
---@return neap.frame
function Frame:resample(cadence, rules, o)
  state_of(self, where)
  o = opts.merge(where, defaults, o)
  choice("label", o.label, "left", "right")
  choice("closed", o.closed, "left", "right")
  if rules ~= nil then opts.expect(where, "rules", rules, "table") end
  o.known_at = true
  return core.resample(self, cadence, rules, o)
end


