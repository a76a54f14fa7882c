---@meta neap.c.grad
local c = {}

--- The backward pass of `x:backward`.
---@param self neap.tensor
---@param gradient? neap.tensor
---@param retain? boolean
function c.backward(self, gradient, retain) end

--- Count `change` (1, -1 or 0) towards how many calls ask not to record; returns the count.
---@param change integer
---@return integer
function c.pause(change) end

--- fn(...), with nothing recorded meanwhile.
---@param fn function
---@return any ...
function c.without(fn, ...) end

--- Forget the gradient of a leaf.
---@param self neap.tensor
function c.clear(self) end

--- The names of the operations of tensors that have a gradient, in any order.
---@return string[]
function c.ops() end

--- Results, in an array, as views that an operation called `name` gave from `inputs`: `backward` gets
--- their gradients (nil where nothing flowed) and returns those of the inputs. `saved` must not be
--- changed in place before.
---@param name string
---@param backward function
---@param inputs neap.tensor[]
---@param results neap.tensor[]
---@param saved neap.tensor[]
---@return neap.tensor[]
function c.operation(name, backward, inputs, results, saved) end

return c
