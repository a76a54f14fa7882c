--- Differentiating a result by the tensors it came from; loaded by neap.tensor.
local grad = require "neap.c.grad"
local opts = require "neap.opts"

---@class neap.tensor
local methods = require("neap.c.tensor").methods

--- Add the gradient of this tensor to `x.grad` of every leaf `x` that it was computed from
--- (`x:requires_grad_()`). It must have one element, or `gradient`, of its shape, says how each of
--- its elements counts. What was kept on the way is let go: a second call needs `retain` at the
--- first. A tensor that was changed in place since it was used is an error.
---     local x = tensor.of({ 1, 2, 3 }):requires_grad_()
---     local loss = (x * x):sum()
---     loss:backward()
---     x.grad --> tensor<f64>[3] {2, 4, 6}
---@param o? { gradient: neap.tensor, retain: boolean }
function methods:backward(o)
  if o == nil then return grad.backward(self) end
  o = opts.merge("backward", { gradient = opts.none, retain = false }, o)
  grad.backward(self, o.gradient, o.retain)
end
