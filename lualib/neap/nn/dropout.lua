--- Dropout; loaded by neap.nn.
local c = require "neap.c.nn"
local layer = require "neap.nn.layer"
local nn = require "neap.nn.public"
local opts = require "neap.opts"

---@class neap.nn.Dropout : neap.nn.Layer
local Dropout = layer.class "Dropout"

function Dropout:init(p)
  if p ~= nil then opts.expect("nn.Dropout", "p", p, "number") end
  self.p = p or 0.5
  if not (self.p >= 0 and self.p <= 1) then
    opts.raise("nn.Dropout: p is %g, not within 0 .. 1", self.p)
  end
end

function Dropout:forward(x)
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
