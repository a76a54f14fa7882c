--- Dropout; loaded by neap.nn.
local c = require "neap.c.nn"
local checks = require "neap.nn.checks"
local layer = require "neap.nn.layer"
local nn = require "neap.nn.public"
local opts = require "neap.opts"

---@class neap.nn.Dropout : neap.nn.Layer
local Dropout = layer.class "Dropout"

function Dropout:init(p)
  self.p = p == nil and 0.5 or checks.within("nn.Dropout", "p", p, 0, 1)
end

function Dropout:forward(x)
  opts.expect("dropout", "x", x, "tensor")
  if not self.training or self.p == 0 then return x end
  return c.dropout(x, self.p, layer.key())
end

function Dropout:describe() return ("%g"):format(self.p) end

--- In training every element becomes 0 with probability p, and the others are multiplied by
--- 1 / (1 - p); in evaluation x itself. Which, follows from one draw of the run's generator for
--- each call and the place of the element, at any thread count. NaN stays NaN.
---     nn.Dropout(0.25):eval()(tensor.of { 1, 2 }) --> tensor<f64>[2] {1, 2}
---@param p? number 0.5
---@return neap.nn.Layer
function nn.Dropout(p) return Dropout(p) end

return nn
