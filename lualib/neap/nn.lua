--- Networks: layers, losses and training. Sequences are [batch, time, features] in every layer,
--- convolutions included, and images [batch, height, width, channels]; weights keep PyTorch's
--- shapes, and `net:state()` its names. Layers compute in f32 unless their `dtype` says "f64".
---     local net = nn.Sequential { nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1) }
---     net(tensor.zeros { 2, 3, dtype = "f32" }).shape[2] --> 1
local layer = require "neap.nn.layer"

local nn = require "neap.nn.public" -- which these fill
require "neap.nn.linear"
require "neap.nn.activations"
require "neap.nn.containers"
require "neap.nn.summary"
require "neap.nn.onnx"
require "neap.nn.stream"
require "neap.nn.norm"
require "neap.nn.dropout"
require "neap.nn.embedding"
require "neap.nn.attention"
require "neap.nn.conv"
require "neap.nn.pool"
require "neap.nn.recurrent"
require "neap.nn.loss"
require "neap.nn.loader"
require "neap.nn.estimator"

--- A class of layers of one's own: define `init(self, ...)` and `forward(self, ...)`. Tensors that
--- are parameters, layers and buffers assigned to fields are found by `parameters`, `state` and so
--- on; several layers are kept in one field as `nn.Sequential`, where PyTorch has a ModuleList.
---     local Scale = nn.layer "Scale"
---     function Scale:init(n) self.weight = nn.param(tensor.ones { n, dtype = "f32" }) end
---     function Scale:forward(x) return x * self.weight end
---     Scale(3):num_parameters() --> 3
---@param name string
---@return table
function nn.layer(name) return layer.class(name) end

--- A tensor as a parameter of a layer: it requires a gradient.
---     nn.param(tensor.zeros { 2 }).requires_grad --> true
---@param t neap.tensor
---@return neap.tensor
function nn.param(t) return layer.param(t) end

return nn
