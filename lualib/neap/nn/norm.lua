--- Layers that normalise; loaded by neap.nn.
local c = require "neap.c.nn"
local checks = require "neap.nn.checks"
local layer = require "neap.nn.layer"
local nn = require "neap.nn.public"
local opts = require "neap.opts"
local tensor = require "neap.tensor"

-- A weight of ones and a bias of zeros.
local function start_affine(self, sizes, dtype)
  local shape = table.move(sizes, 1, #sizes, 1, { dtype = dtype })
  self.weight = layer.param(tensor.ones(shape))
  self.bias = layer.param(tensor.zeros(shape))
end

---@class neap.nn.LayerNorm : neap.nn.Layer
local LayerNorm = layer.class "LayerNorm"

function LayerNorm:init(sizes, o)
  o = opts.merge("nn.LayerNorm", { eps = 1e-5, elementwise_affine = true, dtype = "f32" }, o)
  checks.dtype("nn.LayerNorm", o.dtype)
  if type(sizes) ~= "table" then sizes = { sizes } end
  if #sizes == 0 then opts.raise "nn.LayerNorm: normalized_shape has no sizes" end
  self.normalized_shape = {}
  for i, n in ipairs(sizes) do
    self.normalized_shape[i] = opts.integer("nn.LayerNorm", "normalized_shape", n, 1)
  end
  self.eps = checks.within("nn.LayerNorm", "option 'eps'", o.eps, 0, 1)
  if o.elementwise_affine then start_affine(self, self.normalized_shape, o.dtype) end
end

function LayerNorm:forward(x)
  return c.layer_norm(x, self.weight, self.bias, self.eps, table.unpack(self.normalized_shape))
end

function LayerNorm:describe()
  return table.concat(self.normalized_shape, "x") .. (self.weight and "" or ", not affine")
end

--- Each row normalised: (x - mean) / sqrt(var + eps) over the last dims, whose sizes are
--- `normalized_shape`, times weight plus bias (1 and 0 at first) unless `elementwise_affine` is
--- false. var is over n. A NaN makes its row NaN.
---     local x = tensor.of { { 1, 3 } }
---     nn.LayerNorm(2, { dtype = "f64" })(x):detach():round()[1] --> tensor<f64>[2] {-1, 1}
---@param normalized_shape integer|integer[]
---@param o? { eps: number, elementwise_affine: boolean, dtype: string }
---@return neap.nn.Layer
function nn.LayerNorm(normalized_shape, o) return LayerNorm(normalized_shape, o) end

---@class neap.nn.GroupNorm : neap.nn.Layer
local GroupNorm = layer.class "GroupNorm"

function GroupNorm:init(groups, channels, o)
  o = opts.merge("nn.GroupNorm", { eps = 1e-5, affine = true, dtype = "f32" }, o)
  checks.dtype("nn.GroupNorm", o.dtype)
  self.num_groups = opts.integer("nn.GroupNorm", "num_groups", groups, 1)
  self.num_channels = opts.integer("nn.GroupNorm", "num_channels", channels, 1)
  if channels % groups ~= 0 then
    opts.raise("nn.GroupNorm: %d channels do not make %d groups", channels, groups)
  end
  self.eps = checks.within("nn.GroupNorm", "option 'eps'", o.eps, 0, 1)
  if o.affine then start_affine(self, { self.num_channels }, o.dtype) end
end

function GroupNorm:forward(x)
  return c.group_norm(x, self.weight, self.bias, self.num_groups, self.eps)
end

function GroupNorm:describe()
  return ("%d groups of %d%s"):format(self.num_groups, self.num_channels // self.num_groups,
    self.weight and "" or ", not affine")
end

--- Each sample normalised over groups of adjacent channels, the last dim of [batch, ..., channels],
--- and all dims between; weight and bias as in `nn.BatchNorm1d`. var is over n.
---     nn.GroupNorm(2, 4)(tensor.zeros { 3, 5, 4, dtype = "f32" }).shape[3] --> 4
---@param num_groups integer
---@param num_channels integer
---@param o? { eps: number, affine: boolean, dtype: string }
---@return neap.nn.Layer
function nn.GroupNorm(num_groups, num_channels, o) return GroupNorm(num_groups, num_channels, o) end

-- A class of batch norms for tensors of so many dims.
local function batch_norm(name, low, high)
  local BatchNorm = layer.class(name)
  local where = "nn." .. name

  function BatchNorm:init(features, o)
    o = opts.merge(where, { eps = 1e-5, momentum = 0.1, affine = true, track_running_stats = true,
      dtype = "f32" }, o)
    checks.dtype(where, o.dtype)
    self.num_features = opts.integer(where, "num_features", features, 1)
    self.eps = checks.within(where, "option 'eps'", o.eps, 0, 1)
    self.momentum = o.momentum and checks.within(where, "option 'momentum'", o.momentum, 0, 1)
    if o.affine then start_affine(self, { self.num_features }, o.dtype) end
    if not o.track_running_stats then return end
    self:buffer("running_mean", tensor.zeros { self.num_features, dtype = o.dtype })
    self:buffer("running_var", tensor.ones { self.num_features, dtype = o.dtype })
    self:buffer("num_batches_tracked", tensor.full { dtype = "i64", value = 0 })
  end

  function BatchNorm:forward(x)
    checks.shape("batch_norm", x, low, high, self.num_features, ("[batch, %s%d channels]"):format(
      low == 4 and "height, width, " or "time, ", self.num_features))
    local count, momentum = self.num_batches_tracked, self.momentum
    if self.training and count then
      momentum = momentum or 1 / (count:sum() + 1)
    end
    local y = c.batch_norm(x, self.weight, self.bias, self.running_mean, self.running_var,
      self.training, momentum or 0, self.eps)
    if self.training and count then count:add_(1) end
    return y
  end

  function BatchNorm:describe()
    return ("%d%s%s"):format(self.num_features, self.weight and "" or ", not affine",
      self.running_mean and "" or ", without running statistics")
  end

  return BatchNorm
end

local BatchNorm1d = batch_norm("BatchNorm1d", 2, 3)
local BatchNorm2d = batch_norm("BatchNorm2d", 4, 4)

--- Each channel, the last dim of [batch, channels] or [batch, time, channels], normalised over all
--- others: in training by the moments of the batch (var over n; two rows at least), which running
--- ones follow: r = (1 - momentum) r + momentum m, with var over n - 1. `momentum = false` makes
--- them the mean over all batches. In evaluation by the running ones, unless
--- `track_running_stats` is false. Weight starts at 1, bias at 0.
---     local bn = nn.BatchNorm1d(2)
---     bn(tensor.randn { 8, 2, dtype = "f32" })
---     bn.num_batches_tracked --> tensor<i64>[] 1
---@param num_features integer
---@param o? table eps (1e-5), momentum (0.1), affine, track_running_stats, dtype
---@return neap.nn.Layer
function nn.BatchNorm1d(num_features, o) return BatchNorm1d(num_features, o) end

--- `nn.BatchNorm1d` for images [batch, height, width, channels].
---     nn.BatchNorm2d(3)(tensor.ones { 2, 4, 4, 3, dtype = "f32" }).shape[4] --> 3
---@param num_features integer
---@param o? table eps (1e-5), momentum (0.1), affine, track_running_stats, dtype
---@return neap.nn.Layer
function nn.BatchNorm2d(num_features, o) return BatchNorm2d(num_features, o) end

return nn
