--- Sets of features: what they hold, and computing them; loaded by neap.features.
local c = require "neap.c.ta"
local class = require "neap.class"
local clock = require "neap.clock"
local compute = require "neap.features.compute"
local frame = require "neap.frame"
local groups = require "neap.features.groups"
local market_report = require "neap.market.report"
local names = require "neap.features.names"
local opts = require "neap.opts"
local report = require "neap.features.report"
local Stream = require "neap.features.stream"

---@class neap.features.set
local Set = class "neap.features.set"

function Set.__tostring(set)
  local frames = {}
  for i, step in ipairs(set.steps) do frames[i] = market_report.duration(step) end
  if #frames == 0 then
    return ("feature set of %d columns, lookback %d"):format(#set.columns, set:lookback())
  end
  return ("feature set of %d columns, time frames %s"):format(#set.columns,
    table.concat(frames, ", "))
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
  if math.type(first) ~= "integer" or math.type(last) ~= "integer" or first >= last
    or first == clock.nat or last - first < 0 then -- further apart than times reach
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

-- looking ----------------------------------------------------------------------------------------

--- The column names, in order.
---     features.set({ "rsi_14", "stoch" }):names()[2] --> stoch_k
---@return string[]
function Set:names()
  local list = {}
  for i, column in ipairs(self.columns) do list[i] = column.name end
  return list
end

--- Bars after which every column has a value (if no bar is missing). A set with time frames needs
--- the `cadence` of the bars: a bar of a longer frame counts for as many as it may hold.
---     features.set({ "rsi_14", "sma_50_rel" }):lookback() --> 49
---     features.set({ "rsi_14@1h" }):lookback "5m" --> 179
---@param cadence? string|integer
---@return integer
function Set:lookback(cadence)
  local step = compute.cadence("set:lookback", cadence)
  if #self.steps > 0 and not step then
    opts.raise "set:lookback: time frames need the cadence of the bars: set:lookback \"5m\""
  end
  compute.check_frames(self, "set:lookback", step)
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
  local time = compute.getter(bars) "time"
  opts.expect("set:fit", "time", time, "tensor")
  if time.dtype ~= "i64" or #time == 0 then
    opts.raise("set:fit: times in i64 nanoseconds are needed, got %s", tostring(time))
  end
  return Set(self.given, { time_zone = self.time_zone, trend = { time:min(), time:max() } })
end

-- computing --------------------------------------------------------------------------------------

local choices = { by = opts.none, cadence = opts.none, keep = {}, cache = opts.none }

--- All columns for bars (a frame or a table of tensors): a frame with one column per name, as long
--- as the bars, NaN during each column's own warm-up. A missing bar (NaN) gives NaN there and
--- leaves the rest as it was. Options:
---
--- - `by`: the column, or columns, that tell symbols apart; each is computed for itself. Rows may
---   be stacked or in order of time; those of a symbol follow one another in time. Bars of several
---   symbols are refused without.
--- - `cadence`: how long a bar lasts, "5m", for time frames; else the median step.
--- - `keep`: names of columns of the bars to put before the features.
--- - `cache`: a folder in which columns are kept under the hash of what they are made from: the
---   columns of the bars, the names, the options, the version of neap. The same call then reads
---   them. A damaged entry is made anew. Functions are kept only with a `version`, which must
---   change whenever the function does.
---
---     local x = tensor.of { 1, 2, 4 }
---     features.set({ "sma_2_rel" }):compute({ close = x }).sma_2_rel[-1] --> 0.33333333333333
---@param bars table
---@param o? { by: string|string[], cadence: string|integer, keep: string[], cache: string }
---@return neap.frame
function Set:compute(bars, o)
  o = opts.merge("set:compute", choices, o)
  o.cadence = compute.cadence("set:compute", o.cadence)
  local values, named, get = compute.values(self, bars, o), {}, compute.getter(bars)
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
  o.cadence = compute.cadence("set:stream", o.cadence)
  compute.check_frames(self, "set:stream", o.cadence)
  return Stream(self, compute.plan(self), o)
end

-- The columns of a frame that has them all, else computed.
local function values_of(set, given, o)
  if not frame.is(given) then return compute.values(set, given, o) end
  local values = {}
  for i, column in ipairs(set.columns) do
    if not given:has(column.name) then return compute.values(set, given, o) end
    values[i] = given:column(column.name):to "f64"
  end
  return values
end

--- What is doubtful in the columns, for bars or for a frame that `compute` made: values outside the
--- range of an indicator, infinities, NaN after the warm-up, constants, and pairs whose correlation
--- is above a limit. It prints as a text with a table. Correlations are taken of at most 100000
--- rows, evenly spread, in which all columns have a value; constants are left out of them. Options:
--- `correlation`, the limit (0.98), by its absolute value; `by`, `cadence` as for `compute`.
---     local bars = market.synthetic { rows = 300 }
---     local r = features.set({ "rsi_14", "rsi_15", "ret_5" }):report(bars)
---     #r:problems() --> 0
---     r.pairs[1].a .. " " .. r.pairs[1].b --> rsi_14 rsi_15
---@param given table
---@param o? { correlation: number, by: string|string[], cadence: string|integer }
---@return neap.features.report
function Set:report(given, o)
  o = opts.merge("set:report", { correlation = 0.98, by = opts.none, cadence = opts.none }, o)
  opts.expect("set:report", "correlation", o.correlation, "number")
  o.cadence = compute.cadence("set:report", o.cadence)
  local values, list = values_of(self, given, o), {}
  for i, column in ipairs(self.columns) do
    local low, high = compute.range(self, column)
    list[i] = { name = column.name, low = low, high = high }
  end
  local start, order
  if o.by then start, order = groups.of(groups.keys(compute.getter(given), o.by)) end
  return report.new(list, values, { correlation = o.correlation, start = start, order = order })
end

return Set
