--- Sets of features: what they hold, and computing them; loaded by neap.features.
local c = require "neap.c.ta"
local c_frame = require "neap.c.frame"
local category = require "neap.frame.category"
local class = require "neap.class"
local frame = require "neap.frame"
local groups = require "neap.features.groups"
local names = require "neap.features.names"
local opts = require "neap.opts"
local report = require "neap.market.report"
local Stream = require "neap.features.stream"

---@class neap.features.set
local Set = class "neap.features.set"

function Set.__tostring(set)
  local frames = {}
  for i, step in ipairs(set.steps) do frames[i] = report.duration(step) end
  if #frames == 0 then
    return ("feature set of %d columns, lookback %d"):format(#set.columns, set:lookback())
  end
  return ("feature set of %d columns, time frames %s"):format(#set.columns,
    table.concat(frames, ", "))
end

-- A column of bars, a frame or a table, or nil.
local function getter(bars)
  if type(bars) ~= "table" then
    opts.raise("features: bars are expected, a frame or a table of tensors, got %s",
      opts.kind(bars))
  end
  if frame.is(bars) then
    return function(name) return bars:has(name) and bars:column(name) or nil end
  end
  return function(name) return bars[name] end
end

-- making -----------------------------------------------------------------------------------------

local function place_of(list, by_key, key, value)
  if not by_key[key] then
    list[#list + 1] = value
    by_key[key] = #list
  end
  return by_key[key]
end

-- The position of a source, which all columns that need it share.
local function add_source(set, source, step)
  local frame_place = 0
  if step then frame_place = place_of(set.steps, set.by_step, step, step) end
  local parts = { source.info.name, source.on_volume and "volume" or "", frame_place }
  for _, value in ipairs(source.params) do parts[#parts + 1] = ("%.17g"):format(value) end
  return place_of(set.sources, set.by_key, table.concat(parts, ":"), {
    name = source.info.name, info = source.info, params = source.params,
    on_volume = source.on_volume, frame = frame_place, lookback = source.lookback,
  })
end

local function add(set, column)
  if set.taken[column.name] then
    opts.raise("features.set: column '%s' appears twice", column.name)
  end
  set.taken[column.name] = true
  set.columns[#set.columns + 1] = column
end

local function add_named(set, name)
  for _, column in ipairs(names.read(name)) do
    local at = add_source(set, column.source, column.step)
    if column.mean then set.sources[at].mean = add_source(set, column.mean, column.step) end
    set.planned[#set.planned + 1] = { source = at, output = column.output, shape = column.shape }
    add(set, { name = column.name, place = #set.planned, source = at, shape = column.shape,
      output = column.output, step = column.step, cross = column.cross })
  end
end

local function add_function(set, spec)
  local name, fn = spec[1], spec[2]
  if type(name) ~= "string" or type(fn) ~= "function" then
    opts.raise("features.set: a name or {name, function} expected")
  end
  for key in pairs(spec) do
    if key ~= 1 and key ~= 2 and key ~= "lookback" and key ~= "stream" and key ~= "version" then
      opts.unknown("features.set", ("field of '%s'"):format(name), tostring(key),
        { "lookback", "stream", "version" })
    end
  end
  local lookback = spec.lookback or 0
  opts.integer("features.set", ("lookback of '%s'"):format(name), lookback, 0)
  if spec.stream ~= nil then
    opts.expect("features.set", ("stream of '%s'"):format(name), spec.stream, "function")
  end
  add(set, { name = name, fn = fn, lookback = lookback, stream = spec.stream,
    version = spec.version })
end

local function check_trend(trend)
  if trend == nil then return end
  local first, last = opts.kind(trend) == "table" and trend[1], type(trend) == "table" and trend[2]
  if math.type(first) ~= "integer" or math.type(last) ~= "integer" or first >= last then
    opts.raise("features: the trend runs from a time to a later one, got %s to %s", tostring(first),
      tostring(last))
  end
end

local function make_plan(set)
  local trend = set.trend or { 0, 1 }
  return c.plan(set.sources, set.planned, set.steps, set.time_zone, trend[1], trend[2] - trend[1])
end

function Set:init(list, o)
  self.columns, self.planned, self.taken = {}, {}, {}
  self.sources, self.by_key, self.steps, self.by_step = {}, {}, {}, {}
  self.given, self.time_zone, self.trend = table.move(list, 1, #list, 1, {}), o.time_zone, o.trend
  for _, spec in ipairs(list) do
    if type(spec) == "string" then add_named(self, spec)
    elseif type(spec) == "table" then add_function(self, spec)
    else opts.raise("features.set: a name or {name, function} expected, got %s", type(spec)) end
  end
  if #self.columns == 0 then opts.raise "features.set: at least one feature is needed" end
  check_trend(self.trend)
  self.made = make_plan(self)
end

-- The plan, once what must be fitted is.
local function plan_of(set)
  if set.by_key["trend::0"] and not set.trend then
    opts.raise "features: 'trend' must be fitted first: set = set:fit(bars_train)"
  end
  return set.made
end

-- looking ----------------------------------------------------------------------------------------

--- The column names, in order.
---     features.set({ "rsi_14", "stoch" }):names()[2] --> stoch_k
---@return string[]
function Set:names()
  local list = {}
  for i, column in ipairs(self.columns) do list[i] = column.name end
  return list
end

local function cadence_of(where, cadence)
  if cadence == nil or math.type(cadence) == "integer" and cadence > 0 then return cadence end
  local step = type(cadence) == "string" and report.parse_duration(cadence)
  if not step or step <= 0 then
    opts.raise("%s: cadence '%s' is not a duration like 30s, 5m, 1h or 1d", where,
      tostring(cadence))
  end
  return step
end

-- Time frames shorter than the bars would hold nothing that the bars do not.
local function check_frames(set, where, cadence)
  for _, column in ipairs(set.columns) do
    if column.step and cadence and column.step < cadence then
      opts.raise("%s: '%s': the time frame is shorter than the cadence of the bars, %s", where,
        column.name, report.duration(cadence))
    end
  end
end

--- Bars after which every column has a value (if no bar is missing). A set with time frames needs
--- the `cadence` of the bars: a bar of a longer frame counts for as many as it may hold.
---     features.set({ "rsi_14", "sma_50_rel" }):lookback() --> 49
---     features.set({ "rsi_14@1h" }):lookback "5m" --> 179
---@param cadence? string|integer
---@return integer
function Set:lookback(cadence)
  local step = cadence_of("set:lookback", cadence)
  if #self.steps > 0 and not step then
    opts.raise "set:lookback: time frames need the cadence of the bars: set:lookback \"5m\""
  end
  check_frames(self, "set:lookback", step)
  local longest = 0
  for _, column in ipairs(self.columns) do
    local source = self.sources[column.source]
    local own = column.lookback or source.lookback
    if column.shape == "flow" then own = math.max(own, self.sources[source.mean].lookback) end
    if column.step then own = -(-(own + 1) * column.step // step) - 1 end
    longest = math.max(longest, own)
  end
  return longest
end

--- What the set was made from: the names and the options, for `features.set` to make it again. A
--- fit is part of the options.
---     features.set(features.set({ "rsi_14" }):spec()):names()[1] --> rsi_14
---@return table names, table options
function Set:spec()
  return table.move(self.given, 1, #self.given, 1, {}),
    { time_zone = self.time_zone, trend = self.trend }
end

--- The set with what it takes from the training part: the time at which `trend` is 0 and 1, the
--- first and last of these bars.
---     local bars = market.synthetic { rows = 11 }
---     local set = features.set({ "trend" }):fit(bars)
---     set:compute(bars).trend[6] --> 0.5
---@param bars table with a column time
---@return neap.features.set
function Set:fit(bars)
  local time = getter(bars) "time"
  opts.expect("set:fit", "time", time, "tensor")
  if time.dtype ~= "i64" or #time == 0 then
    opts.raise("set:fit: times in i64 nanoseconds are needed, got %s", tostring(time))
  end
  return Set(self.given, { time_zone = self.time_zone, trend = { time:min(), time:max() } })
end

-- computing --------------------------------------------------------------------------------------

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
    local of_close = { price = true, spread = true, square = true }
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
  return x
end

local function own_column(column, bars, rows, panel)
  if not panel then return run_function(column, bars, rows) end
  return groups.map(panel.start, panel.order, function(positions)
    return run_function(column, part_of(bars, positions), #positions):to "f64"
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
  local cadence = o.cadence or c_frame.bar_ends(time):get(1) - time:get(1)
  if cadence <= 0 then
    opts.raise "features: the bars do not show their cadence; give cadence = \"5m\""
  end
  check_frames(set, "features", cadence)
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

local function values_of(set, bars, o)
  local get = getter(bars)
  local inputs, panel = inputs_of(set, get), panel_of(set, get, o)
  local rows = rows_of(get, inputs)
  local time, cadence = times_of(set, get, o)
  local planned = plan_of(set):run(inputs, time, cadence, panel and panel.start,
    panel and panel.order)
  local values, cross = {}, nil
  for i, column in ipairs(set.columns) do
    values[i] = column.fn and own_column(column, bars, rows, panel) or planned[column.place]
    if column.cross then
      cross = cross or comparison(get, column)
      values[i] = cross(values[i], column.cross)
    end
  end
  return values
end

local choices = { by = opts.none, cadence = opts.none, keep = {} }

--- All columns for bars (a frame or a table of tensors): a frame with one column per name, as long
--- as the bars, NaN during each column's own warm-up. A missing bar (NaN) gives NaN there and
--- leaves the rest as it was. Options:
---
--- - `by`: the column, or columns, that tell symbols apart; each is computed for itself. Rows may
---   be stacked or in order of time; those of a symbol follow one another in time. Bars of several
---   symbols are refused without.
--- - `cadence`: how long a bar lasts, "5m", for time frames; else the median step.
--- - `keep`: names of columns of the bars to put before the features.
---
---     local x = tensor.of { 1, 2, 4 }
---     features.set({ "sma_2_rel" }):compute({ close = x }).sma_2_rel[-1] --> 0.33333333333333
---@param bars table
---@param o? { by: string|string[], cadence: string|integer, keep: string[] }
---@return neap.frame
function Set:compute(bars, o)
  o = opts.merge("set:compute", choices, o)
  o.cadence = cadence_of("set:compute", o.cadence)
  local values, named, get = values_of(self, bars, o), {}, getter(bars)
  for _, name in ipairs(o.keep) do
    local column = get(name)
    if column == nil then opts.raise("set:compute: the bars have no '%s' to keep", name) end
    named[#named + 1] = { name, column }
  end
  for i, column in ipairs(self.columns) do named[#named + 1] = { column.name, values[i] } end
  return frame.new(named)
end

--- A stream of rows, for live bars. Time frames need `cadence`, how long a bar lasts. `by` names
--- the field that tells symbols apart.
---     #features.set({ "rsi_14" }):stream():push({ close = 2 }) --> 1
---@param o? { by: string, cadence: string|integer }
---@return neap.features.stream
function Set:stream(o)
  o = opts.merge("set:stream", { by = opts.none, cadence = opts.none }, o)
  o.cadence = cadence_of("set:stream", o.cadence)
  check_frames(self, "set:stream", o.cadence)
  return Stream(self, plan_of(self), o)
end

return Set
