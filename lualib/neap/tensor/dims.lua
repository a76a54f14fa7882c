--- Which dim an operation works along; used by the parts of neap.tensor that are written in Lua.
local opts = require "neap.opts"

local dims = {}

--- The dim, counted from 1: `dim` (negative from the end), which must be one of x.
---@param where string the operation, for messages
---@param x neap.tensor
---@param dim integer
---@return integer
function dims.one(where, x, dim)
  opts.expect(where, "self", x, "tensor")
  dim = opts.integer(where, "dim", dim)
  local n = x:dim()
  if dim == 0 then
    opts.raise("%s: dim is 0, but indices start at 1 (negative from the end)", where)
  end
  if dim > n or dim < -n then opts.raise("%s: dim is %d, but there are %d", where, dim, n) end
  return dim > 0 and dim or n + 1 + dim
end

--- The same, where `dim` may be nil for a tensor of one dim.
---@param where string
---@param x neap.tensor
---@param dim? integer
---@return integer
function dims.only(where, x, dim)
  if dim ~= nil then return dims.one(where, x, dim) end
  opts.expect(where, "self", x, "tensor")
  if x:dim() == 1 then return 1 end
  opts.raise("%s: dim is nil, but the tensor has %d dims; name one", where, x:dim())
end

--- An array of dims: `dim` alone, those of an array, or all of x for nil.
---@param where string
---@param x neap.tensor
---@param dim? integer|integer[]
---@return integer[]
function dims.several(where, x, dim)
  local list = {}
  opts.expect(where, "self", x, "tensor")
  if dim == nil then
    for d = 1, x:dim() do list[d] = d end
    return list
  end
  for i, d in ipairs(type(dim) == "table" and dim or { dim }) do list[i] = dims.one(where, x, d) end
  return list
end

--- Raise when y is a tensor whose shape does not go with that of x in an operation on elements.
---@param where string
---@param x neap.tensor
---@param y any
function dims.broadcast(where, x, y)
  if type(y) ~= "userdata" then return end
  local a, b = x.shape, y.shape
  for back = 0, math.min(#a, #b) - 1 do
    local m, n = a[#a - back], b[#b - back]
    if m ~= n and m ~= 1 and n ~= 1 then
      opts.raise("%s: shapes [%s] and [%s] do not match (%s and %s); %s", where,
        table.concat(a, "x"), table.concat(b, "x"), x.dtype, y.dtype,
        "sizes, from the last dim on, are equal or 1")
    end
  end
end

return dims
