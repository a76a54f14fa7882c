--- Checks of what layers and optimizers are given.
local opts = require "neap.opts"

local checks = {}

--- Raise unless `value` is a number in [low, high], or with `below` less than high.
---@param where string the layer, for messages
---@param what string the argument
---@param value any
---@param low number
---@param high number
---@param below? boolean
---@return number
function checks.within(where, what, value, low, high, below)
  opts.expect(where, what, value, "number")
  if not (value >= low and value <= high and not (below and value == high)) then
    local text = value ~= value and "nan" or ("%g"):format(value)
    opts.raise("%s: %s is %s, not within %g .. %g", where, what, text, low, high)
  end
  return value
end

--- Raise unless `dtype` is one that layers compute in.
---@param where string
---@param dtype any
---@return string
function checks.dtype(where, dtype)
  if dtype ~= "f32" and dtype ~= "f64" then
    opts.raise("%s: option 'dtype' must be \"f32\" or \"f64\", got %s", where,
      type(dtype) == "string" and ("'%s'"):format(dtype) or opts.kind(dtype))
  end
  return dtype
end

--- Raise unless x is a tensor of that many dims, with so many features in the last; `as` says so.
---@param where string
---@param x any
---@param low integer dims
---@param high integer
---@param features integer
---@param as string "[batch, time, 8 features]"
function checks.shape(where, x, low, high, features, as)
  opts.expect(where, "x", x, "tensor")
  if x:dim() < low or x:dim() > high or x:size(-1) ~= features then
    opts.raise("%s: x [%s] must be %s", where, table.concat(x.shape, "x"), as)
  end
end

--- A whole number for all dims, or a table of one for each, as a list of one for each.
---@param where string
---@param what string
---@param value any
---@param dims integer
---@param least integer
---@return integer[]
function checks.each_dim(where, what, value, dims, least)
  local list = {}
  if type(value) ~= "table" then
    value = opts.integer(where, what, value, least)
    for d = 1, dims do list[d] = value end
    return list
  end
  if #value ~= dims then
    opts.raise("%s: %s must be a number or a table of %d, got one of %d", where, what, dims, #value)
  end
  for d = 1, dims do list[d] = opts.integer(where, what, value[d], least) end
  return list
end

local function listed(names)
  table.sort(names)
  local shown = table.concat(names, ", ", 1, math.min(#names, 8))
  return #names > 8 and ("%s and %d more"):format(shown, #names - 8) or shown
end

--- Raise when a state lacks names or has too many; both are arrays in any order.
---@param where string
---@param missing string[]
---@param extra string[]
function checks.names(where, missing, extra)
  if #missing + #extra == 0 then return end
  local parts = {}
  if #missing > 0 then parts[#parts + 1] = "missing " .. listed(missing) end
  if #extra > 0 then parts[#parts + 1] = "extra " .. listed(extra) end
  opts.raise("%s: %s; { strict = false } takes what fits", where, table.concat(parts, "; "))
end

return checks
