--- Checks of what layers are given, for the files of this folder.
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
    opts.raise("%s: %s is %g, not within %g .. %g", where, what, value, low, high)
  end
  return value
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

return checks
