--- The affine layer; loaded by neap.nn.
local c = require "neap.c.nn"
local checks = require "neap.nn.checks"
local layer = require "neap.nn.layer"
local nn = require "neap.nn.public"
local opts = require "neap.opts"

---@class neap.nn.Linear : neap.nn.Layer
---@field weight neap.tensor outputs x inputs
---@field bias neap.tensor? outputs
local Linear = layer.class "Linear"

function Linear:init(inputs, outputs, o)
  o = opts.merge("nn.Linear", { bias = true, dtype = "f32" }, o)
  checks.dtype("nn.Linear", o.dtype)
  self.inputs = opts.integer("nn.Linear", "inputs", inputs, 1)
  self.outputs = opts.integer("nn.Linear", "outputs", outputs, 1)
  local bound = 1 / math.sqrt(inputs)
  self.weight = layer.param(layer.uniform({ outputs, inputs }, bound, o.dtype))
  if o.bias then self.bias = layer.param(layer.uniform({ outputs }, bound, o.dtype)) end
end

function Linear:forward(x) return c.linear(x, self.weight, self.bias) end

function Linear:describe()
  return ("%d -> %d%s"):format(self.inputs, self.outputs, self.bias and "" or ", no bias")
end

--- An affine layer: x W' + b over the last dim, whatever stands before it. Weight, outputs x
--- inputs, and bias start uniform in +-1 / sqrt(inputs). NaN in a row makes that row NaN.
---     nn.Linear(3, 2)(tensor.zeros { 5, 7, 3, dtype = "f32" }).shape[3] --> 2
---@param inputs integer features of x
---@param outputs integer
---@param o? { bias: boolean, dtype: string }
---@return neap.nn.Layer
function nn.Linear(inputs, outputs, o) return Linear(inputs, outputs, o) end

return nn
