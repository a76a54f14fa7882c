---@meta neap.c.nn
local c = {}

--- x, [..., inputs], times the transpose of weight, [outputs, inputs], plus bias, [outputs].
---@param x neap.tensor
---@param weight neap.tensor
---@param bias? neap.tensor
---@return neap.tensor
function c.linear(x, weight, bias) end

return c
