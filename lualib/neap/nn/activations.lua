--- Activations: layers without parameters; loaded by neap.nn.
local c = require "neap.c.nn"
local layer = require "neap.nn.layer"
local nn = require "neap.nn.public"
local opts = require "neap.opts"

-- A class whose forward is fn(x); `fusable` is what a layer before it may compute itself.
local function plain(name, fn, fusable)
  local class = layer.class(name)
  class.fusable = fusable
  function class.init() end
  local where = name:lower()
  function class.forward(_, x)
    opts.expect(where, "x", x, "tensor")
    return fn(x)
  end
  return class
end

local ReLU = plain("ReLU", function(x) return x:relu() end, { name = "relu" })
local Tanh = plain("Tanh", function(x) return x:tanh() end, { name = "tanh" })
local Sigmoid = plain("Sigmoid", function(x) return x:sigmoid() end, { name = "sigmoid" })
local SiLU = plain("SiLU", function(x) return c.activate("silu", x) end)
local Softplus = plain("Softplus", function(x) return x:softplus() end)
local Identity = layer.class "Identity"
function Identity.init() end
function Identity.forward(_, x) return x end
local GELU = plain("GELU", function(x) return c.activate("gelu", x) end)

--- max(x, 0).
---     nn.ReLU()(tensor.of { -1, 2 }) --> tensor<f64>[2] {0, 2}
---@return neap.nn.Layer
function nn.ReLU() return ReLU() end

--- The hyperbolic tangent.
---     nn.Tanh()(tensor.of { 0 }) --> tensor<f64>[1] {0}
---@return neap.nn.Layer
function nn.Tanh() return Tanh() end

--- 1 / (1 + exp(-x)).
---     nn.Sigmoid()(tensor.of { 0 }) --> tensor<f64>[1] {0.5}
---@return neap.nn.Layer
function nn.Sigmoid() return Sigmoid() end

--- x sigmoid(x), also called swish.
---     nn.SiLU()(tensor.of { 0 }) --> tensor<f64>[1] {0}
---@return neap.nn.Layer
function nn.SiLU() return SiLU() end

--- log(1 + exp(x)).
---     nn.Softplus()(tensor.of { 0 }) --> tensor<f64>[1] {0.693147}
---@return neap.nn.Layer
function nn.Softplus() return Softplus() end

--- x itself.
---     nn.Identity()(tensor.of { 1 }) --> tensor<f64>[1] {1}
---@return neap.nn.Layer
function nn.Identity() return Identity() end

--- x times the standard normal distribution function of x, exactly (by erf).
---     nn.GELU()(tensor.of { 0 }) --> tensor<f64>[1] {0}
---@return neap.nn.Layer
function nn.GELU() return GELU() end

local LeakyReLU = layer.class "LeakyReLU"

function LeakyReLU:init(negative_slope)
  if negative_slope ~= nil then
    opts.expect("nn.LeakyReLU", "negative_slope", negative_slope, "number")
  end
  self.slope = negative_slope or 0.01
  self.fusable = { name = "leaky_relu", slope = self.slope }
end

function LeakyReLU:forward(x) return c.activate("leaky_relu", x, self.slope) end

function LeakyReLU:describe() return ("%g"):format(self.slope) end

--- x where it is positive, else negative_slope x.
---     nn.LeakyReLU(0.1)(tensor.of { -1, 2 }) --> tensor<f64>[2] {-0.1, 2}
---@param negative_slope? number 0.01
---@return neap.nn.Layer
function nn.LeakyReLU(negative_slope) return LeakyReLU(negative_slope) end

local ELU = layer.class "ELU"

function ELU:init(alpha)
  if alpha ~= nil then opts.expect("nn.ELU", "alpha", alpha, "number") end
  self.alpha = alpha or 1.0
end

function ELU:forward(x) return c.activate("elu", x, self.alpha) end

function ELU:describe() return ("%g"):format(self.alpha) end

--- x where it is positive, else alpha (exp(x) - 1).
---     nn.ELU()(tensor.of { 2 }) --> tensor<f64>[1] {2}
---@param alpha? number 1
---@return neap.nn.Layer
function nn.ELU(alpha) return ELU(alpha) end

-- A class that works along a dim, the last by default.
local function along(name, fn)
  local class = layer.class(name)
  function class:init(dim) self.dim = dim and opts.integer("nn." .. name, "dim", dim) or -1 end
  function class:forward(x)
    opts.expect(name == "Softmax" and "softmax" or "log_softmax", "x", x, "tensor")
    return fn(x, self.dim)
  end
  function class:describe() return "dim " .. self.dim end
  return class
end

local Softmax = along("Softmax", function(x, dim) return x:softmax(dim) end)
local LogSoftmax = along("LogSoftmax", function(x, dim) return x:log_softmax(dim) end)

--- Softmax along a dim, the last by default.
---     nn.Softmax()(tensor.of { 0, 0 }) --> tensor<f64>[2] {0.5, 0.5}
---@param dim? integer
---@return neap.nn.Layer
function nn.Softmax(dim) return Softmax(dim) end

--- The logarithm of softmax along a dim, the last by default.
---     nn.LogSoftmax()(tensor.of { 0, 0 }) --> tensor<f64>[2] {-0.693147, -0.693147}
---@param dim? integer
---@return neap.nn.Layer
function nn.LogSoftmax(dim) return LogSoftmax(dim) end

return nn
