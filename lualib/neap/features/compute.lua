--- Computing a set of features over bars, with groups and a cache.
local c = require "neap.c.ta"
local c_frame = require "neap.c.frame"
local cache = require "neap.features.cache"
local category = require "neap.frame.category"
local frame = require "neap.frame"
local groups = require "neap.features.groups"
local opts = require "neap.opts"
local report = require "neap.market.report"

local compute = {}

--- A function that gives the columns of bars, a frame or a table of tensors, by name, or nil.
function compute.getter(bars)
  if type(bars) ~= "table" then
    opts.raise("features: bars are expected, a frame or a table of tensors, got %s",
      opts.kind(bars))
  end
  if frame.is(bars) then
    return function(name) return bars:has(name) and bars:column(name) or nil end
  end
  return function(name) return bars[name] end
end

--- Nanoseconds of a cadence, a duration or an integer; nil stays nil.
function compute.cadence(where, cadence)
  if cadence == nil or math.type(cadence) == "integer" and cadence > 0 then return cadence end
  local step = type(cadence) == "string" and report.parse_duration(cadence)
  if not step or step <= 0 then
    opts.raise("%s: cadence '%s' is not a duration like 30s, 5m, 1h or 1d", where,
      tostring(cadence))
  end
  return step
end

--- Raise on time frames shorter than the bars: they would hold nothing that the bars do not.
function compute.check_frames(set, where, cadence)
  for _, column in ipairs(set.columns) do
    if column.step and cadence and column.step < cadence then
      opts.raise("%s: '%s': the time frame is shorter than the cadence of the bars, %s", where,
        column.name, report.duration(cadence))
    end
  end
end

--- The plan of a set, once what must be fitted is.
function compute.plan(set)
  if set.by_key["trend::0"] and not set.trend then
    opts.raise "features: 'trend' must be fitted first: set = set:fit(bars_train)"
  end
  return set.made
end

local of_close = { price = true, spread = true, square = true }

-- The columns that sources read, by name.
local function inputs_of(set, get)
  local found = {}
  local function need(what, name)
    local column = get(name)
    if column == nil then opts.raise("%s: the bars have no %s", what, name) end
    opts.expect(what, name, column, "tensor")
    found[name] = column
  end
  for _, source in ipairs(set.sources) do
    for _, input in ipairs(source.info.inputs) do
      if input == "series" then input = source.on_volume and "volume" or "close" end
      need("ta." .. source.name, input)
    end
  end
  for _, column in ipairs(set.columns) do
    if of_close[column.shape] then need("features: " .. column.name, "close") end
  end
  return found
end

-- The rows of a group as bars of their own.
local function part_of(bars, rows)
  if frame.is(bars) then return bars:take(rows) end
  local part = {}
  for name, column in pairs(bars) do
    if category.is(column) then
      part[name] = category.of_codes(column.codes:take(rows), column.labels)
    else
      part[name] = column:take(rows)
    end
  end
  return part
end

-- A column of the user's own.
local function run_function(column, bars, rows)
  local x = column.fn(bars)
  if type(x) ~= "userdata" then
    opts.raise("features: '%s' gave %s, a tensor is needed", column.name, opts.kind(x))
  end
  opts.expect("features", ("the result of '%s'"):format(column.name), x, "tensor")
  if #x.shape ~= 1 then
    opts.raise("features: '%s' gave %d dimensions, one is needed", column.name, #x.shape)
  end
  if rows and #x ~= rows then
    opts.raise("features: '%s' gave %d rows, the bars have %d", column.name, #x, rows)
  end
  return x:to "f64"
end

local function own_column(column, bars, rows, panel)
  if not panel then return run_function(column, bars, rows) end
  return groups.map(panel.start, panel.order, function(positions)
    return run_function(column, part_of(bars, positions), #positions)
  end)
end

-- The first column that needs times, or nil.
local function timed(set)
  for _, column in ipairs(set.columns) do
    if column.step or column.source and set.sources[column.source].info.clock then
      return column
    end
  end
end

-- Times, and how long a bar lasts: what is given, or the median step.
local function times_of(set, get, o)
  local column, time = timed(set), get "time"
  if not column then return end
  if time == nil then
    opts.raise("features: '%s' needs the time of the bars, and they have none", column.name)
  end
  opts.expect("features", "time", time, "tensor")
  if time.dtype ~= "i64" then
    opts.raise("features: time must be i64 nanoseconds since 1970 UTC, got %s", time.dtype)
  end
  if #set.steps == 0 or #time == 0 then return time end
  local cadence = o.cadence or c_frame.bar_ends(time):sub(time):max()
  if cadence <= 0 then
    opts.raise "features: the bars do not show their cadence; give cadence = \"5m\""
  end
  compute.check_frames(set, "features", cadence)
  return time, cadence
end

local function refuse_several(get)
  local symbol = get "symbol"
  if not category.is(symbol) or #symbol == 0 then return end
  if symbol.codes:min() ~= symbol.codes:max() then
    opts.raise "features: the bars are of several symbols; give by = \"symbol\""
  end
end

-- How values are compared across the rows of one time.
local function comparison(get, column)
  local time = get "time"
  if time == nil then
    opts.raise("features: '%s' compares the rows of one time, and the bars have none", column.name)
  end
  local start, order = groups.of(time)
  return function(values, kind) return c.cross(values, kind, start, order) end
end

local function panel_of(set, get, o)
  if o.by then
    local start, order = groups.of(groups.keys(get, o.by))
    return { start = start, order = order }
  end
  refuse_several(get)
  for _, column in ipairs(set.columns) do
    if column.cross then
      opts.raise("features: '%s' compares symbols; give by = \"symbol\"", column.name)
    end
  end
end

local function rows_of(get, inputs)
  local _, first = next(inputs)
  local close = first or get "close"
  return close ~= nil and #close or nil
end

-- Values of the planned columns and of those of the user, those in `skip` left out.
local function compute_all(set, bars, o, get, inputs, rows, skip)
  local panel = panel_of(set, get, o)
  local time, cadence = times_of(set, get, o)
  local planned
  local values, cross = {}, nil
  for i, column in ipairs(set.columns) do
    if not skip[i] and column.fn then values[i] = own_column(column, bars, rows, panel)
    elseif not skip[i] then
      planned = planned or compute.plan(set):run(inputs, time, cadence, panel and panel.start,
        panel and panel.order)
      values[i] = planned[column.place]
      if column.cross then
        cross = cross or comparison(get, column)
        values[i] = cross(values[i], column.cross)
      end
    end
  end
  return values
end

-- What a column is, for the key of the cache.
local function description(set, column)
  if column.fn then return ("%q version %s"):format(column.name, tostring(column.version)) end
  local parts = { ("%q"):format(column.name), column.output, column.shape,
    tostring(column.cross), tostring(column.step) }
  local source = set.sources[column.source]
  for _, each in ipairs { source, column.shape == "flow" and set.sources[source.mean] or nil } do
    parts[#parts + 1] = each.name .. (each.on_volume and " of volume" or "")
    for _, value in ipairs(each.params) do parts[#parts + 1] = ("%.17g"):format(value) end
  end
  return table.concat(parts, " ")
end

-- The names of the columns that the values depend on, each once, in order.
local function names_read(set, bars, inputs, o, with_all)
  local wanted = { time = #set.steps > 0 or nil }
  for name in pairs(inputs) do wanted[name] = true end
  for _, name in ipairs(type(o.by) == "table" and o.by or { o.by }) do wanted[name] = true end
  for _, column in ipairs(set.columns) do
    local clock = column.source and set.sources[column.source].info.clock
    if column.cross or clock then wanted.time = true end
  end
  if with_all then
    for name in pairs(bars) do wanted[name] = true end
  end
  local list = {}
  for name in pairs(wanted) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- Which columns can be kept, and under what key.
local function entry_of(set, bars, get, inputs, o)
  local kept, names, parts, with_all = {}, {}, {}, false
  for i, column in ipairs(set.columns) do
    if not column.fn or column.version ~= nil then
      kept[#kept + 1], names[#names + 1] = i, column.name
      parts[#parts + 1] = description(set, column)
      with_all = with_all or column.fn ~= nil
    end
  end
  local by = type(o.by) == "table" and table.concat(o.by, "\0") or tostring(o.by)
  local trend = set.trend or {}
  parts[#parts + 1] = ("by %q cadence %s zone %s trend %s %s"):format(by, tostring(o.cadence),
    tostring(set.time_zone), tostring(trend[1]), tostring(trend[2]))
  for _, name in ipairs(names_read(set, bars, inputs, o, with_all)) do
    local column = get(name)
    parts[#parts + 1] = column ~= nil and cache.text_of(name, column) or name .. " absent"
  end
  return kept, names, cache.key(parts)
end

--- The values of all columns of a set, in order; o as for set:compute.
---@param set neap.features.set
---@param bars table
---@param o table
---@return neap.tensor[]
function compute.values(set, bars, o)
  local get = compute.getter(bars)
  local inputs = inputs_of(set, get)
  local rows = rows_of(get, inputs)
  if not o.cache or not rows then return compute_all(set, bars, o, get, inputs, rows, {}) end
  opts.expect("set:compute", "cache", o.cache, "string")
  local kept, names, key = entry_of(set, bars, get, inputs, o)
  local found = cache.get(o.cache, key, names, rows)
  local skip, columns = {}, {}
  if found then
    for _, i in ipairs(kept) do skip[i] = true end
  end
  if found and #kept == #set.columns then return found end
  local values = compute_all(set, bars, o, get, inputs, rows, skip)
  for k, i in ipairs(kept) do
    if found then values[i] = found[k] end
    columns[k] = values[i]
  end
  if not found then cache.put(o.cache, key, columns) end
  return values
end

--- The range that the values of a column keep.
---@return number low, number high
function compute.range(set, column)
  if column.cross == "rank" then return 0, 1 end
  if column.fn or column.cross or column.shape ~= "plain" then return -math.huge, math.huge end
  local info = set.sources[column.source].info
  return info.low, info.high
end

return compute
