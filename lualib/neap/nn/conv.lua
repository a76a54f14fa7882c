--- Convolutions; loaded by neap.nn. Data has its channels last: [batch, time, features] and
--- [batch, height, width, channels]. Who comes from PyTorch need not permute: weights keep its
--- shapes, data does not.
local c = require "neap.c.nn"
local checks = require "neap.nn.checks"
local layer = require "neap.nn.layer"
local nn = require "neap.nn.public"
local opts = require "neap.opts"

-- Zeros before and after each dim. "causal": the first dim, time, sees nothing of what comes later,
-- the others are not padded.
local function paddings(self, where, padding, dims)
  local before, after = {}, {}
  if type(padding) ~= "string" then
    before = checks.each_dim(where, "option 'padding'", padding, dims, 0)
    return before, before
  end
  if padding ~= "same" and padding ~= "valid" and padding ~= "causal" then
    opts.raise("%s: option 'padding' must be a number, a table, \"same\", \"valid\" or "
      .. "\"causal\", got '%s'", where, padding)
  end
  for d = 1, dims do
    local total = (self.kernel[d] - 1) * self.dilation[d]
    if padding == "same" and self.stride[d] ~= 1 then
      opts.raise("%s: padding \"same\" needs stride 1, got %d", where, self.stride[d])
    end
    before[d] = padding == "same" and total // 2 or padding == "causal" and d == 1 and total or 0
    after[d] = padding == "same" and total - before[d] or 0
  end
  return before, after
end

local function groups_of(self, where, groups)
  self.groups = opts.integer(where, "option 'groups'", groups, 1)
  for _, name in ipairs { "inputs", "outputs" } do
    if self[name] % groups ~= 0 then
      opts.raise("%s: %d %s are not divided by %d groups", where, self[name], name, groups)
    end
  end
end

-- Weights of these sizes and a bias, as PyTorch starts them: uniform within 1 / sqrt(inputs of a
-- unit), which is the product of all sizes but the first.
local function parameters(self, sizes, o)
  local inputs = 1
  for d = 2, #sizes do inputs = inputs * sizes[d] end
  local bound = 1 / math.sqrt(inputs)
  self.weight = layer.param(layer.uniform(sizes, bound, o.dtype))
  if o.bias then self.bias = layer.param(layer.uniform({ self.outputs }, bound, o.dtype)) end
end

-- What the layers of any dims share.
local function prepare(self, where, dims, inputs, outputs, kernel, o)
  checks.dtype(where, o.dtype)
  self.inputs = opts.integer(where, "inputs", inputs, 1)
  self.outputs = opts.integer(where, "outputs", outputs, 1)
  self.kernel = checks.each_dim(where, "kernel", kernel, dims, 1)
  self.stride = checks.each_dim(where, "option 'stride'", o.stride, dims, 1)
  self.dilation = checks.each_dim(where, "option 'dilation'", o.dilation, dims, 1)
  self.padding = o.padding
  self.before, self.after = paddings(self, where, o.padding, dims)
  groups_of(self, where, o.groups)
end

-- The numbers that the binding takes, in its order; the width of a sequence is 1.
local function geometry(self)
  return self.stride[1], self.stride[2] or 1, self.before[1], self.before[2] or 0,
    self.after[1], self.after[2] or 0, self.dilation[1], self.dilation[2] or 1, self.groups
end

local function text_of(list) return table.concat(list, "x") end

local function describe(self)
  local parts = { ("%d -> %d, kernel %s"):format(self.inputs, self.outputs, text_of(self.kernel)) }
  for _, name in ipairs { "stride", "dilation" } do
    local list = self[name]
    if text_of(list):find "[^1x]" or #text_of(list) ~= 2 * #list - 1 then
      parts[#parts + 1] = name .. " " .. text_of(list)
    end
  end
  local padding = type(self.padding) == "string" and self.padding or text_of(self.before)
  if padding:find "[^0x]" then parts[#parts + 1] = "padding " .. padding end
  if self.groups > 1 then parts[#parts + 1] = self.groups .. " groups" end
  if not self.bias then parts[#parts + 1] = "no bias" end
  return table.concat(parts, ", ")
end

-- Leaky forms that the kernel cannot tell from their result.
local function steep(activation)
  return activation.slope and not (activation.slope >= 0 and activation.slope <= 1)
end

local function class_of(dims)
  local name = ("Conv%dd"):format(dims)
  local where, class = "nn." .. name, layer.class(name)

  function class:init(inputs, outputs, kernel, o)
    o = opts.merge(where, { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true,
      dtype = "f32" }, o)
    prepare(self, where, dims, inputs, outputs, kernel, o)
    parameters(self, { outputs, inputs // o.groups, table.unpack(self.kernel) }, o)
  end

  function class:forward(x)
    return c.conv(x, self.weight, self.bias, "none", 0, geometry(self))
  end

  function class:forward_activated(x, activation)
    if steep(activation) then
      return c.activate(activation.name, self:forward(x), activation.slope)
    end
    return c.conv(x, self.weight, self.bias, activation.name, activation.slope or 0, geometry(self))
  end

  class.describe = describe
  return class
end

local Conv1d, Conv2d = class_of(1), class_of(2)

local ConvTranspose1d = layer.class "ConvTranspose1d"

function ConvTranspose1d:init(inputs, outputs, kernel, o)
  local where = "nn.ConvTranspose1d"
  o = opts.merge(where, { stride = 1, padding = 0, output_padding = 0, dilation = 1, groups = 1,
    bias = true, dtype = "f32" }, o)
  if type(o.padding) == "string" then
    opts.raise("%s: option 'padding' must be a number, got '%s'", where, o.padding)
  end
  prepare(self, where, 1, inputs, outputs, kernel, o)
  self.output_padding = opts.integer(where, "option 'output_padding'", o.output_padding, 0)
  parameters(self, { inputs, outputs // o.groups, self.kernel[1] }, o)
end

function ConvTranspose1d:forward(x)
  return c.conv_transpose(x, self.weight, self.bias, self.stride[1], self.before[1],
    self.dilation[1], self.groups, self.output_padding)
end

ConvTranspose1d.describe = describe

--- A convolution along time: y[t, f] = bias[f] + the sum over taps k and channels c of
--- x[t stride - padding + k dilation, c] weight[f, c, k], for x [batch, time, inputs]. Options are
--- PyTorch's: `stride`, `padding` (a number, "same", "valid", or "causal": all of it before the
--- first step), `dilation`, `groups`, `bias`; and `dtype`. weight is [outputs, inputs / groups,
--- kernel]. A NaN reaches every step whose taps see it. In a Sequential a ReLU, LeakyReLU, Tanh or
--- Sigmoid that follows is computed here.
---     local conv = nn.Conv1d(40, 32, 3, { padding = "causal" })
---     conv(tensor.zeros { 2, 100, 40, dtype = "f32" }).shape[2] --> 100
---@param inputs integer features of x
---@param outputs integer
---@param kernel integer taps
---@param o? table
---@return neap.nn.Layer
function nn.Conv1d(inputs, outputs, kernel, o) return Conv1d(inputs, outputs, kernel, o) end

--- A convolution over images [batch, height, width, inputs], height being time for order books: as
--- Conv1d, with a number or { height, width } for the kernel and each option. weight is
--- [outputs, inputs / groups, height, width]. "causal" pads before the first line only.
---     local conv = nn.Conv2d(1, 32, { 1, 2 }, { stride = { 1, 2 } })
---     conv(tensor.zeros { 2, 100, 40, 1, dtype = "f32" }).shape[3] --> 20
---@param inputs integer channels of x
---@param outputs integer
---@param kernel integer|integer[]
---@param o? table
---@return neap.nn.Layer
function nn.Conv2d(inputs, outputs, kernel, o) return Conv2d(inputs, outputs, kernel, o) end

--- The transposed convolution of a sequence, which spreads every step over the taps: [batch, time,
--- inputs] to [batch, (time - 1) stride - 2 padding + (kernel - 1) dilation + 1 + output_padding,
--- outputs]. weight is [inputs, outputs / groups, kernel]. Options as for Conv1d, padding being a
--- number.
---     local up = nn.ConvTranspose1d(8, 4, 2, { stride = 2 })
---     up(tensor.zeros { 1, 50, 8, dtype = "f32" }).shape[2] --> 100
---@param inputs integer features of x
---@param outputs integer
---@param kernel integer taps
---@param o? table
---@return neap.nn.Layer
function nn.ConvTranspose1d(inputs, outputs, kernel, o)
  return ConvTranspose1d(inputs, outputs, kernel, o)
end

return nn
