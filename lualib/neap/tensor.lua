--- Dense n-dimensional arrays.
local c = require "neap.c.tensor"
local opts = require "neap.opts"

local tensor = {}

--- A tensor from nested tables of numbers or booleans.
---     tensor.of { { 1, 2 }, { 3, 4 } }:get(2, 1) --> 3.0
---@param values table
---@param o? { dtype: string }
---@return neap.tensor
function tensor.of(values, o)
  o = opts.merge("tensor.of", { dtype = "f64" }, o)
  return c.of(values, o.dtype)
end

--- A tensor of zeros: sizes in the array part, `dtype` by name.
---     tensor.zeros { 2, 3, dtype = "f32" } --> tensor<f32>[2x3]
---@param sizes table
---@return neap.tensor
function tensor.zeros(sizes) return c.zeros(sizes, sizes.dtype) end

return tensor
