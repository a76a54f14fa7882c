---@meta neap.c.nn
local c = {}

--- x, [..., inputs], times the transpose of weight, [outputs, inputs], plus bias, [outputs].
---@param x neap.tensor
---@param weight neap.tensor
---@param bias? neap.tensor
---@return neap.tensor
function c.linear(x, weight, bias) end

--- An activation, "leaky_relu" or "elu" with its parameter, "silu" or "gelu".
---@param name string
---@param x neap.tensor
---@param parameter? number
---@return neap.tensor
function c.activate(name, x, parameter) end

return c
