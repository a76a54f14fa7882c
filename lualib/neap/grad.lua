--- Gradients: what operations on tensors record, and when they do not. A tensor becomes a leaf by
--- `x:requires_grad_()`; `y:backward()` finds the gradients, which are then in `x.grad`.
local c = require "neap.c.grad"
local opts = require "neap.opts"
require "neap.tensor"

local grad = require "neap.grad.public"
require "neap.grad.check"
require "neap.grad.operation"

--- The results of `fn(...)`, with nothing recorded meanwhile: for predictions and for changing
--- parameters in place. `fn` must not yield: a coroutine that is left inside would leave recording
--- off for all others.
---     local w = tensor.of({ 1, 2 }):requires_grad_()
---     grad.no_grad(function() return w * 2 end).requires_grad --> false
---@param fn function
---@return any ...
function grad.no_grad(fn, ...)
  local meta = type(fn) == "table" and getmetatable(fn)
  if type(fn) ~= "function" and not (meta and meta.__call) then
    opts.raise("grad.no_grad: a function is expected, as in grad.no_grad(function() return "
      .. "net(x) end), got %s", opts.kind(fn))
  end
  return c.without(fn, ...)
end

--- Whether operations are recorded here: false inside `no_grad`.
---     grad.enabled() --> true
---@return boolean
function grad.enabled() return c.pause(0) == 0 end

--- The names of the operations of tensors that have a gradient, in alphabetical order. Others
--- refuse a tensor that takes part in one.
---     #grad.ops() > 50 --> true
---@return string[]
function grad.ops()
  local names = c.ops()
  table.sort(names)
  return names
end

return grad
