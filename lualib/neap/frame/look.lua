--- What a frame holds and how it shows; loaded by neap.frame.
local core = require "neap.frame.core"
local opts = require "neap.opts"
local show = require "neap.frame.print"
local tensor = require "neap.tensor"

---@class neap.frame
local Frame = core.Frame

local frame, put, to_column, is_tensor = core.frame, core.put, core.to_column, core.is_tensor
local column_at, known, state_of, value_of =
  core.column_at, core.known, core.state_of, core.value_of

--- The column called `name`: a tensor, or a category. An unknown name is an error with the nearest.
---     frame.new({ { "x", { 1, 2 } } }):column("x"):get(2) --> 2.0
---@param name string
---@return neap.tensor|neap.category
function Frame:column(name) return value_of(column_at(self, "frame", name)) end

--- The names of the columns, in order.
---     table.concat(frame.new({ { "x", { 1 } }, { "y", { 2 } } }):columns(), " ") --> x y
---@return string[]
function Frame:columns() return known(state_of(self, "frame:columns")) end

--- Whether there is a column of that name.
---     frame.new({ { "x", { 1 } } }):has "y" --> false
---@param name string
---@return boolean
function Frame:has(name) return state_of(self, "frame:has").columns[name] ~= nil end

--- "time", "category", or the dtype of the column's tensor.
---     frame.new({ { "x", { 1 } } }):dtype "x" --> f64
---@param name string
---@return string
function Frame:dtype(name)
  local column = column_at(self, "frame:dtype", name)
  return column.kind == "number" and column.tensor.dtype or column.kind
end

-- `for name, values in pairs(f)` goes through the columns in order.
function Frame.__pairs(self)
  local state, i = state_of(self, "pairs"), 0
  return function()
    i = i + 1
    local name = state.names[i]
    if name then return name, value_of(state.columns[name]) end
  end
end

function Frame.__len(self) return state_of(self).rows or 0 end

-- Methods win over columns; a name that is neither is an error.
function Frame.__index(self, key)
  local method = Frame[key]
  if method ~= nil then return method end
  local column = state_of(self, "frame").columns[key]
  if column then return value_of(column) end
  if type(key) ~= "string" then
    opts.raise("frame: columns have names; rows are f:rows(a, b), f:take(positions), f:where(mask)")
  end
  local names = self:columns()
  for name, value in next, Frame do
    if type(value) == "function" and not name:find "^__" then names[#names + 1] = name end
  end
  opts.unknown("frame", "column or method", key, names,
    "its columns are " .. table.concat(self:columns(), ", "))
end

function Frame.__newindex(self, name, values)
  if Frame[name] ~= nil then
    opts.raise("frame: '%s' is a method; use f:assign{{'%s', x}} for a column of that name", name,
      name)
  end
  local state = state_of(self)
  local old = state.columns[name]
  local kind = old and old.kind == "time" and is_tensor(values) and values.dtype == "i64" and "time"
  put(self, "frame", name, to_column("frame", tostring(name), values, kind or nil))
end

local function text_of(self, rows, width)
  local state, columns = state_of(self), {}
  for i, name in ipairs(state.names) do
    local column = state.columns[name]
    columns[i] = { name = name, kind = column.kind, tensor = column.tensor, labels = column.labels,
      dtype = self:dtype(name) }
  end
  return show.text(#self, columns, rows, width)
end

function Frame.__tostring(self) return text_of(self, 10, 100) end

--- The frame as it prints, with more of it: `rows` (10) of the first and last rows, lines of at
--- most `width` (100) characters; math.huge shows everything.
---     frame.new({ { "x", { 1 } } }):to_text { width = 200 }:match "^[^\n]*" --> frame[1 x 1]
---@param o? { rows: integer, width: number }
---@return string
function Frame:to_text(o)
  o = opts.merge("frame:to_text", { rows = 10, width = 100 }, o)
  for name, value in pairs(o) do
    if type(value) ~= "number" or value ~= value or value < 1 then
      opts.raise("frame:to_text: %s is %s, must be a number of at least 1", name, tostring(value))
    end
  end
  return text_of(self, math.tointeger(o.rows) or #self + 1, o.width)
end

local statistics = { "count", "mean", "std", "min", "25 %", "median", "75 %", "max" }

-- NaN left out; of nothing all is NaN but the count.
local function summary(x)
  local count = x:eq(x):sum()
  if count == 0 then return { 0, 0 / 0, 0 / 0, 0 / 0, 0 / 0, 0 / 0, 0 / 0, 0 / 0 } end
  local skip = { skip_nan = true }
  local q = x:quantile({ 0.25, 0.5, 0.75 }, skip)
  local low, high = x:min(skip), x:max(skip)
  return { count, x:mean(skip), x:std(skip), low, q[1], q[2], q[3], high }
end

--- Count, mean, standard deviation (ddof 1), smallest, quartiles and largest of each column of
--- numbers, as a frame with the column `statistic`. NaN are left out.
---     frame.new({ { "x", { 1, 2, 0 / 0 } } }):describe().x[2] --> 1.5
---@return neap.frame
function Frame:describe()
  local state, columns = state_of(self, "frame:describe"), { { "statistic", statistics } }
  for _, name in ipairs(state.names) do
    local column = state.columns[name]
    if column.kind == "number" then
      columns[#columns + 1] = { name, tensor.of(summary(column.tensor:to "f64")) }
    end
  end
  return frame.new(columns)
end
