--- Rows of features bar by bar; loaded by neap.features.set.
local c = require "neap.c.ta"
local class = require "neap.class"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

---@class neap.features.stream
local Stream = class "neap.features.stream"

-- What is remembered of one symbol.
local function state_at(self, key)
  local state = self.states[key]
  if not state then
    state = { plan = self.plan:stream(self.cadence), own = {}, row = {} }
    for i, column in ipairs(self.set.columns) do
      if column.fn then state.own[i] = column.stream() end
    end
    self.states[key] = state
  end
  return state
end

function Stream:init(set, plan, o)
  self.set, self.plan, self.by, self.cadence, self.states = set, plan, o.by, o.cadence, {}
  if #set.steps > 0 and not o.cadence then
    opts.raise "features: a stream with time frames needs the cadence, as cadence = \"5m\""
  end
  for _, column in ipairs(set.columns) do
    if column.fn and not column.stream then
      opts.raise("features: '%s' has no streaming form; give {name, fn, stream = function() "
        .. "return function(bar) ... end end}", column.name)
    end
    self.own = self.own or column.fn ~= nil
    if column.cross and not o.by then
      opts.raise("features: '%s' compares symbols; give by = \"symbol\"", column.name)
    end
  end
  if not o.by then state_at(self, true) end
end

local function state_for(self, bar)
  if not self.by then return state_at(self, true) end
  local key = type(bar) == "table" and bar[self.by]
  if type(key) ~= "string" and type(key) ~= "number" then
    opts.raise("features: bar.%s must say whose bar it is, got %s", self.by, opts.kind(key))
  end
  return state_at(self, key)
end

-- Values of all columns, those across symbols as they are before they are compared.
local function advance(self, bar)
  local state = state_for(self, bar)
  if not self.own then return state.plan:push(bar, {}) end
  local planned, row = state.plan:push(bar, state.row), {}
  for i, column in ipairs(self.set.columns) do
    if column.fn then row[i] = state.own[i](bar) else row[i] = planned[column.place] end
  end
  return row
end

--- The row of one new bar (a table of numbers by column name, `time` in nanoseconds where a feature
--- needs it): values in the order of `set:names()`, equal bit for bit to the rows of `set:compute`.
---     features.set({ "ret_1" }):stream():push({ close = 2 })[1] ~= 0 --> true
---@param bar table
---@return number[]
function Stream:push(bar)
  for _, column in ipairs(self.set.columns) do
    if column.cross then
      opts.raise("features: '%s' compares the symbols of one time; give all its bars to "
        .. "stream:push_all", column.name)
    end
  end
  return advance(self, bar)
end

--- The rows of all bars of one time, an array with one bar of each symbol.
---     local s = features.set({ "ret_1:rank" }):stream { by = "symbol" }
---     s:push_all { { symbol = "A", close = 1 }, { symbol = "B", close = 1 } }
---     s:push_all({ { symbol = "A", close = 2 }, { symbol = "B", close = 3 } })[2][1] --> 1.0
---@param bars table[]
---@return number[][]
function Stream:push_all(bars)
  opts.expect("stream:push_all", "bars", bars, "table")
  local rows = {}
  for i, bar in ipairs(bars) do rows[i] = advance(self, bar) end
  if #rows == 0 then return rows end
  local start = tensor.of({ 0, #rows }, { dtype = "i64" })
  local order = tensor.arange(0, #rows - 1, 1)
  for k, column in ipairs(self.set.columns) do
    if column.cross then
      local values = {}
      for i, row in ipairs(rows) do values[i] = row[k] end
      local compared = c.cross(tensor.of(values, { dtype = "f64" }), column.cross, start,
        order:to "i64")
      for i, row in ipairs(rows) do row[k] = compared[i] end
    end
  end
  return rows
end

return Stream
