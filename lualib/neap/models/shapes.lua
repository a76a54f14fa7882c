--- Layers between sequences and images, and others that only the models use.
local layer = require "neap.nn.layer"
local nn = require "neap.nn"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

local shapes = {}

-- [batch, time, features] as an image of one channel, [batch, time, features, 1].
local Image = layer.class "Image"

function Image.init() end

function Image:forward(x)
  if x:dim() ~= 3 then
    opts.raise("%s: x [%s] must be [batch, time, features]", self.__name:lower(),
      table.concat(x.shape, "x"))
  end
  return x:unsqueeze(4)
end

function Image.onnx(g, _, v) return g:node("Unsqueeze", { g:last(v).name, g:integers { 3 } }) end

-- [batch, time, width, channels] as a sequence, [batch, time, width * channels].
local Sequence = layer.class "Sequence"

function Sequence.init() end

function Sequence.forward(_, x)
  return x:reshape(x:size(1), x:size(2), x:size(3) * x:size(4))
end

function Sequence.onnx(g, _, v)
  return g:node("Reshape", { g:last(v).name, g:integers { 0, 0, -1 } })
end

-- The mean over time, [batch, time, features] to [batch, features].
local Average = layer.class "Average"

function Average.init() end

function Average.forward(_, x) return x:mean(2) end

function Average.onnx(g, _, v)
  return g:node("ReduceMean", { g:last(v).name }, { axes = { 1 }, keepdims = 0 })
end

-- A vector repeated over time.
local function repeated(x, time)
  return x:unsqueeze(2):expand(x:size(1), time, x:size(2))
end

-- The largest of this step and the kernel - 1 before it, of [batch, time, width, channels]:
-- nothing stands in front of the first step.
local CausalMaxPool = layer.class "CausalMaxPool"

function CausalMaxPool:init(kernel)
  self.kernel, self.pool = kernel, nn.MaxPool2d({ kernel, 1 }, { stride = 1 })
end

function CausalMaxPool:forward(x)
  local front = tensor.full { x:size(1), self.kernel - 1, x:size(3), x:size(4), value = -math.huge,
    dtype = x.dtype }
  return self.pool(tensor.cat({ front, x }, 2))
end

function CausalMaxPool.onnx(g, l, v)
  return { first = true, name = g:node("MaxPool", { g:first(v).name },
    { kernel_shape = { l.kernel, 1 }, strides = { 1, 1 }, pads = { l.kernel - 1, 0, 0, 0 } }) }
end

function CausalMaxPool:describe() return self.kernel .. " steps" end

shapes.Image, shapes.Sequence, shapes.Average = Image, Sequence, Average
shapes.CausalMaxPool, shapes.repeated = CausalMaxPool, repeated

return shapes
