--- Rows that belong together: those of a symbol, those of a time.
local category = require "neap.frame.category"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local groups = {}

-- Group numbers from 1 of one column, and how many there may be.
local function codes_of(name, column)
  if category.is(column) then
    local missing = column.codes:eq(0)
    if missing:any() then
      opts.raise("features: row %d has no %s", missing:to "u8":argmax(), name)
    end
    return column.codes:to "i64", #column.labels
  end
  opts.expect("features", "by = '" .. name .. "'", column, "tensor")
  local values, _, place = column:unique { inverse = true }
  return place:reshape(#column), #values
end

--- One number for each row, equal where all the columns are.
---@param get fun(name: string): any columns by name
---@param by string|string[]
---@return neap.tensor i64
function groups.keys(get, by)
  local list = type(by) == "string" and { by } or by
  if type(list) ~= "table" or #list == 0 then
    opts.raise("features: by must be the name of a column, or several, got %s", opts.kind(by))
  end
  local keys
  for _, name in ipairs(list) do
    local column = type(name) == "string" and get(name)
    if not column then opts.raise("features: the bars have no column '%s'", tostring(name)) end
    local codes, count = codes_of(name, column)
    keys = keys and keys:mul(count):add(codes) or codes
  end
  return keys
end

--- Rows by group: `order` holds them group after group, each group in the order of the rows, and
--- `start` where groups begin in it; both count from 0, `start` ends with the number of rows.
---@param keys neap.tensor i64
---@return neap.tensor start, neap.tensor order
function groups.of(keys)
  local n = #keys
  if n == 0 then
    return tensor.zeros { 1, dtype = "i64" }, tensor.zeros { 0, dtype = "i64" }
  end
  local order = keys:argsort()
  local sorted = keys:take(order)
  local bounds = { tensor.zeros { 1, dtype = "i64" } }
  if n > 1 then bounds[2] = sorted:slice(1, 2, n):ne(sorted:slice(1, 1, n - 1)):nonzero() end
  bounds[#bounds + 1] = tensor.of({ n }, { dtype = "i64" })
  return tensor.cat(bounds, 1), order:sub(1)
end

--- fn(rows) for the rows (i64 positions from 1) of each group, one below the other, put back in the
--- places of the rows.
---@param start neap.tensor
---@param order neap.tensor
---@param fn fun(rows: neap.tensor): neap.tensor
---@return neap.tensor
function groups.map(start, order, fn)
  local parts, rows = {}, order:add(1)
  for g = 1, #start - 1 do parts[g] = fn(rows:slice(1, start[g] + 1, start[g + 1])) end
  return tensor.cat(parts, 1):take(rows:argsort())
end

return groups
