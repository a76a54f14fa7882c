--- Layers made of layers, and layers that change shapes only; loaded by neap.nn.
local layer = require "neap.nn.layer"
local nn = require "neap.nn.public"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

-- The array of layers `list` as fields 1, 2, ... of self.
local function hold(self, where, list)
  if type(list) ~= "table" or layer.is(list) then
    opts.raise("%s: one table of layers expected, as in %s { nn.Linear(4, 1) }", where, where)
  end
  for i = 1, #list do
    if not layer.is(list[i]) then
      opts.raise("%s: entry %d is no layer, but a %s", where, i, type(list[i]))
    end
    self[i] = list[i]
  end
  for key in pairs(list) do
    if not math.type(key) then opts.raise("%s: unknown option '%s'", where, tostring(key)) end
  end
end

local Sequential = layer.class "Sequential"

function Sequential:init(list) hold(self, "nn.Sequential", list) end

function Sequential:forward(x) return layer.run(self, x) end

--- Layers one after the other. `net[i]` is layer i; in `net:state()` positions count from 0, as in
--- PyTorch's files. A convolution computes the activation behind it in the same pass.
---     nn.Sequential({ nn.Linear(3, 2), nn.ReLU() })[2] --> ReLU()
---@param layers neap.nn.Layer[]
---@return neap.nn.Layer
function nn.Sequential(layers) return Sequential(layers) end

-- A class of layers side by side, whose results are put together along a dim.
local function side_by_side(name)
  local class, where = layer.class(name), "nn." .. name

  function class:init(list, o)
    o = opts.merge(where, { dim = -1 }, o)
    hold(self, where, list)
    self.dim = opts.integer(where, "option 'dim'", o.dim)
  end

  function class:describe() return "dim " .. self.dim end

  return class
end

local Concat = side_by_side "Concat"

function Concat:forward(x)
  local parts = {}
  for i = 1, #self do parts[i] = self[i](x) end
  return tensor.cat(parts, self.dim)
end

--- Layers side by side on the same input; their results are put together along `dim`, the features
--- (-1) unless told.
---     local net = nn.Concat { nn.Linear(3, 2), nn.Linear(3, 4) }
---     net(tensor.zeros { 1, 3, dtype = "f32" }).shape[2] --> 6
---@param layers neap.nn.Layer[]
---@param o? { dim: integer }
---@return neap.nn.Layer
function nn.Concat(layers, o) return Concat(layers, o) end

local Parallel = side_by_side "Parallel"

function Parallel:forward(...)
  local inputs = select("#", ...) == 1 and type(...) == "table" and ... or { ... }
  if #inputs ~= #self then
    opts.raise("parallel: %d inputs for %d layers", #inputs, #self)
  end
  local parts = {}
  for i = 1, #self do parts[i] = self[i](inputs[i]) end
  return tensor.cat(parts, self.dim)
end

--- Layers with an input each, given as arguments or as one array; their results are put together
--- along `dim`, the features (-1) unless told: how nets with several inputs begin.
---     local net = nn.Parallel { nn.Linear(3, 2), nn.Linear(1, 4) }
---     local a, b = tensor.zeros { 1, 3, dtype = "f32" }, tensor.zeros { 1, 1, dtype = "f32" }
---     net(a, b).shape[2] --> 6
---@param layers neap.nn.Layer[]
---@param o? { dim: integer }
---@return neap.nn.Layer
function nn.Parallel(layers, o) return Parallel(layers, o) end

local Residual = layer.class "Residual"

function Residual:init(inner, o)
  o = opts.merge("nn.Residual", { shortcut = opts.none }, o)
  if not layer.is(inner) then opts.raise "nn.Residual: a layer expected" end
  self.inner = inner
  if o.shortcut then self.shortcut = o.shortcut end
end

function Residual:forward(x)
  local shortcut = rawget(self, "shortcut")
  return (shortcut and shortcut(x) or x) + self.inner(x)
end

--- x + inner(x), or shortcut(x) + inner(x) where shapes differ.
---     nn.Residual(nn.Identity())(tensor.of { 1, 2 }) --> tensor<f64>[2] {2, 4}
---@param inner neap.nn.Layer
---@param o? { shortcut: neap.nn.Layer }
---@return neap.nn.Layer
function nn.Residual(inner, o) return Residual(inner, o) end

local Flatten = layer.class "Flatten"

function Flatten.init() end

function Flatten.forward(_, x)
  opts.expect("flatten", "x", x, "tensor")
  local n = 1
  for d = 2, x:dim() do n = n * x:size(d) end
  return x:reshape(x:size(1), n)
end

--- Everything but the batch in one dim: [batch, ...] to [batch, n].
---     nn.Flatten()(tensor.zeros { 2, 3, 4 }).shape[2] --> 12
---@return neap.nn.Layer
function nn.Flatten() return Flatten() end

local Last = layer.class "Last"

function Last.init() end

function Last.forward(_, x)
  opts.expect("last", "x", x, "tensor")
  if x:dim() ~= 3 then
    opts.raise("last: x [%s] must be [batch, time, features]", table.concat(x.shape, "x"))
  end
  if x:size(2) == 0 then
    opts.raise("last: x [%s] has no time steps", table.concat(x.shape, "x"))
  end
  return x[{ {}, -1 }]
end

--- The last step of a sequence: [batch, time, features] to [batch, features].
---     nn.Last()(tensor.zeros { 2, 3, 4 }).shape[2] --> 4
---@return neap.nn.Layer
function nn.Last() return Last() end

local Permute = layer.class "Permute"

function Permute:init(...)
  self.order = type(...) == "table" and ... or { ... }
  for i, d in ipairs(self.order) do opts.integer("nn.Permute", "dim " .. i, d) end
end

function Permute:forward(x) return x:permute(self.order) end

function Permute:describe() return table.concat(self.order, ", ") end

--- Dims in another order, as `x:permute`.
---     nn.Permute(1, 3, 2)(tensor.zeros { 2, 3, 4 }).shape[2] --> 4
---@param ... integer
---@return neap.nn.Layer
function nn.Permute(...) return Permute(...) end

return nn
