---@meta neap.c.nn
local c = {}

--- What a convolution or pool over time keeps of the rows it has seen, so that a row costs one row's
--- work. plan: kind ("conv", "max", "mean"), width and channels of a row, kernel, stride and
--- dilation as { time, width }, before and after (places of padding beside a row), causal, groups,
--- slope (of a leaky activation).
---@param plan table
---@param weight neap.tensor|string [outputs, channels / groups, time, width], or the dtype of a pool
---@param bias? neap.tensor
---@return neap.nn.ring
function c.ring(plan, weight, bias) end

---@class neap.nn.ring
local ring = {}

--- Take a row; true when out was written.
---@param x neap.tensor
---@param out neap.tensor
---@return boolean
function ring:push(x, out) end

--- The rows kept, oldest first, and how many were seen.
---@return neap.tensor
---@return integer
function ring:rows() end

--- Go on from what `rows` gave.
---@param rows neap.tensor
---@param seen integer
function ring:restore(rows, seen) end

--- Start over.
function ring:reset() end

return c
