--- What the function under audit gave, and where two such results differ.
local category = require "neap.frame.category"
local class = require "neap.class"
local frame = require "neap.frame"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local Values = class "neap.audit.values"

local function is_tensor(x) return opts.kind(x) == "tensor" end

-- Columns of a result as { name, tensor or category }; names of numbered columns count from 1.
local function columns_of(where, result)
  local list = {}
  if is_tensor(result) then
    if #result.shape == 1 then return { { "value", result } } end
    if #result.shape ~= 2 then
      opts.raise("%s: the function gave a tensor of %d dims, one or two are needed", where,
        #result.shape)
    end
    for i = 1, result:size(2) do
      list[i] = { ("column %d"):format(i), result:slice(2, i, i):reshape(#result) }
    end
    return list
  end
  if type(result) ~= "table" then
    opts.raise("%s: the function gave %s; a tensor or a frame with a row for each bar is needed",
      where, opts.kind(result))
  end
  if frame.is(result) then
    for name, column in pairs(result) do list[#list + 1] = { name, column } end
    return list
  end
  for name, column in pairs(result) do
    if is_tensor(column) or category.is(column) then
      list[#list + 1] = { tostring(name), column }
    end
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

---@param where string
---@param result any
---@param bars_rows integer
---@param o table time, by
function Values:init(where, result, bars_rows, o)
  self.result, self.list, self.by_name, self.tolerance = result, {}, {}, o.tolerance
  local skipped = { [o.time] = true, known_at = true }
  if o.by then skipped[o.by] = true end
  for _, entry in ipairs(columns_of(where, result)) do
    local name, column = entry[1], entry[2]
    self.rows = self.rows or #column
    if #column ~= self.rows or is_tensor(column) and #column.shape ~= 1 then
      opts.raise("%s: the function gave columns that do not go together: '%s' is %s", where, name,
        tostring(column):match "^[^\n]*")
    end
    if is_tensor(column) and column.dtype == "i64" then
      if name == o.time then self.times = column end
      if name == "known_at" then self.known_at = column end
    end
    if not skipped[name] then
      self.list[#self.list + 1] = { name, column }
      self.by_name[name] = column
    end
  end
  if #self.list == 0 then opts.raise("%s: the function gave no columns", where) end
  self.aligned = self.rows == bars_rows
  if not self.aligned and not self.known_at and not self.times then
    opts.raise("%s: the function gave %d rows for %d bars; rows of their own need a column "
      .. "'known_at' (or '%s')", where, self.rows, bars_rows, o.time)
  end
end

-- Codes of a category in terms of another's labels, -1 for what these lack.
local function codes_in(column, labels)
  local at, codes = {}, { 0 }
  for code, label in ipairs(labels) do at[label] = code end
  for code, label in ipairs(column.labels) do codes[code + 1] = at[label] or -1 end
  return tensor.of(codes, { dtype = "i64" }):take(column.codes:to "i64" + 1)
end

-- Two columns as tensors that compare.
local function comparable(a, b)
  if category.is(a) ~= category.is(b) then return nil end
  if category.is(a) then return a.codes:to "i64", codes_in(b, a.labels) end
  return a, b
end

local function pick(x, rows) return rows and x:take(rows) or x end

--- Where column `name` differs between two results in rows of each (positions; nil takes all): how
--- often, the first of these places, and by how much at most (inf where NaN meets a number, or text
--- another).
---@param other table
---@param name string
---@param rows? neap.tensor
---@param other_rows? neap.tensor
---@return integer count, integer? place, number? size
function Values:difference(other, name, rows, other_rows)
  local a, b = self.by_name[name], other.by_name[name]
  if not b then return pick(category.is(a) and a.codes or a, rows):numel(), 1, math.huge end
  local is_text = category.is(a)
  a, b = comparable(a, b)
  if not a then return 1, 1, math.huge end
  a, b = pick(a, rows), pick(b, other_rows)
  if #a ~= #b then return math.abs(#a - #b), math.min(#a, #b), math.huge end
  local same = a:eq(b)
  if same:all() then return 0 end
  a, b = a:to "f64", b:to "f64"
  local moved = ~(same | (a:isnan() & b:isnan()))
  if self.tolerance > 0 and not is_text then
    local finite = tensor.where(a:isfinite(), a:abs(), 0)
    moved = moved & ~(a - b):abs():le(self.tolerance * (finite:max()))
  end
  local count = moved:sum()
  if count == 0 then return 0 end
  local size = tensor.where(moved, (a - b):abs(), 0)
  local largest = size:isnan():any() and math.huge or (size:max())
  return count, moved:nonzero()[1], is_text and math.huge or largest
end

return Values
