--- Optimizers, schedules of learning rates, clipping of gradients and running means of weights.
---
--- An optimizer takes `net:parameters()`, or groups `{ { params = ..., lr = ... }, ... }` whose
--- options differ. After `loss:backward()`, `opt:step()` changes the parameters in place, all in
--- one pass; parameters without a gradient stay. `opt.lr`, and every other option, can be read and
--- assigned, `opt.groups[i].lr` for one group. The same bits come out at any thread count. NaN in a
--- gradient reaches the parameter.
---     local net = nn.Linear(3, 1)
---     local opt = optim.Adam(net:parameters(), { lr = 1e-3 })
---     local x, y = tensor.ones { 8, 3, dtype = "f32" }, tensor.zeros { 8, 1, dtype = "f32" }
---     opt:zero_grad()
---     nn.mse(net(x), y):backward()
---     opt:step()
---     opt.lr --> 0.001
local c = require "neap.c.nn"
local opts = require "neap.opts"

local optim = require "neap.optim.public" -- which these fill
require "neap.optim.optimizer"
require "neap.optim.schedule"
require "neap.optim.ema"

--- The norm of all gradients of `params` as one vector, before clipping: where it is above
--- `max_norm`, they are multiplied by max_norm / (norm + 1e-6), in place. `norm_type` is 1, 2 or
--- math.huge. A norm that is NaN or infinite makes gradients NaN, or is an error with
--- `error_if_nonfinite`. Parameters without a gradient do not count.
---     local w = tensor.of({ 3, 4 }):requires_grad_()
---     w:sum():backward()
---     optim.clip_norm({ w }, 1, { norm_type = math.huge }) --> 1.0
---@param params neap.tensor[]
---@param max_norm number
---@param o? { norm_type: number, error_if_nonfinite: boolean }
---@return number
function optim.clip_norm(params, max_norm, o)
  o = opts.merge("optim.clip_norm", { norm_type = 2, error_if_nonfinite = false }, o)
  return c.clip_norm(params, max_norm, o.norm_type, o.error_if_nonfinite)
end

--- Gradients of `params` below -max become -max, those above it max, in place; NaN stays.
---     local w = tensor.of({ 1, 1 }):requires_grad_()
---     local y = w * 5
---     y:sum():backward()
---     optim.clip_value({ w }, 2)
---     w.grad --> tensor<f64>[2] {2, 2}
---@param params neap.tensor[]
---@param max number
function optim.clip_value(params, max) c.clip_value(params, max) end

return optim
