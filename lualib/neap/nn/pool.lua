--- Pooling of sequences [batch, time, features] and images [batch, height, width, channels];
--- loaded by neap.nn.
local c = require "neap.c.nn"
local checks = require "neap.nn.checks"
local layer = require "neap.nn.layer"
local nn = require "neap.nn.public"
local opts = require "neap.opts"

-- Height and width; a sequence has its one number twice.
local function pair(...)
  local list = checks.each_dim(...)
  return list[1], list[2] or list[1]
end

local function check_dims(name, dims, x)
  opts.expect(name, "x", x, "tensor")
  if x:dim() ~= dims + 2 then
    opts.raise("%s: x [%s] must be %s", name, table.concat(x.shape, "x"),
      dims == 1 and "[batch, time, features]" or "[batch, height, width, channels]")
  end
end

local function describe(self) return self.text end

local function text_of(dims, a, b) return dims == 1 and tostring(a) or ("%dx%d"):format(a, b) end

-- Windows that slide: kind is "max" or "avg".
local function sliding(kind, dims)
  local name = ("%sPool%dd"):format(kind == "max" and "Max" or "Avg", dims)
  local operation = ("%s_pool%dd"):format(kind, dims)
  local where, class = "nn." .. name, layer.class(name)
  local defaults = { stride = opts.none, padding = 0, ceil_mode = false }
  if kind == "avg" then defaults.count_include_pad = true end

  function class:init(kernel, o)
    o = opts.merge(where, defaults, o)
    local h, w = pair(where, "kernel", kernel, dims, 1)
    local sh, sw = pair(where, "option 'stride'", o.stride or kernel, dims, 1)
    local ph, pw = pair(where, "option 'padding'", o.padding, dims, 0)
    if ph > h // 2 or (dims == 2 and pw > w // 2) then
      opts.raise("%s: option 'padding' is %s, at most half of kernel %s is allowed", where,
        text_of(dims, ph, pw), text_of(dims, h, w))
    end
    self.geometry = { h, w, sh, sw, ph, pw, o.ceil_mode, o.count_include_pad ~= false }
    self.text = ("%s, stride %s%s"):format(text_of(dims, h, w), text_of(dims, sh, sw),
      ph + pw > 0 and ", padding " .. text_of(dims, ph, pw) or "")
  end

  function class:forward(x)
    check_dims(operation, dims, x)
    return c.pool(x, kind, table.unpack(self.geometry, 1, 8))
  end

  class.describe = describe
  return class
end

-- A number of outputs whose windows share out the input.
local function adaptive(dims)
  local name = ("AdaptiveAvgPool%dd"):format(dims)
  local operation = ("adaptive_avg_pool%dd"):format(dims)
  local where, class = "nn." .. name, layer.class(name)

  function class:init(outputs)
    self.height, self.width = pair(where, "outputs", outputs, dims, 1)
    self.text = text_of(dims, self.height, self.width)
  end

  function class:forward(x)
    check_dims(operation, dims, x)
    return c.pool(x, "adaptive_avg", self.height, self.width, 1, 1, 0, 0, false, false)
  end

  class.describe = describe
  return class
end

local MaxPool1d, MaxPool2d = sliding("max", 1), sliding("max", 2)
local AvgPool1d, AvgPool2d = sliding("avg", 1), sliding("avg", 2)
local AdaptiveAvgPool1d, AdaptiveAvgPool2d = adaptive(1), adaptive(2)

--- The largest element of each window along time, feature by feature: [batch, time, features].
--- `stride` is the kernel unless given; `padding`, at most half of it, is never the largest;
--- `ceil_mode` lets a last window stick out. A window with a NaN gives NaN.
---     nn.MaxPool1d(2)(tensor.of { { { 1 }, { 3 }, { 2 } } }):reshape(-1) --> tensor<f64>[1] {3}
---@param kernel integer
---@param o? table
---@return neap.nn.Layer
function nn.MaxPool1d(kernel, o) return MaxPool1d(kernel, o) end

--- The same over images [batch, height, width, channels], with a number or { height, width } for
--- the kernel and each option.
---     nn.MaxPool2d({ 3, 1 }, { stride = 1 })(tensor.zeros { 2, 9, 5, 4 }).shape[2] --> 7
---@param kernel integer|integer[]
---@param o? table
---@return neap.nn.Layer
function nn.MaxPool2d(kernel, o) return MaxPool2d(kernel, o) end

--- The mean of each window along time: as MaxPool1d. Zeros of the padding count, unless
--- `count_include_pad` is false.
---     nn.AvgPool1d(2)(tensor.of { { { 1 }, { 3 }, { 2 } } }):reshape(-1) --> tensor<f64>[1] {2}
---@param kernel integer
---@param o? table
---@return neap.nn.Layer
function nn.AvgPool1d(kernel, o) return AvgPool1d(kernel, o) end

--- The mean of each window of images [batch, height, width, channels]: as AvgPool1d.
---     nn.AvgPool2d(2)(tensor.ones { 1, 4, 4, 1 }):sum() --> 4.0
---@param kernel integer|integer[]
---@param o? table
---@return neap.nn.Layer
function nn.AvgPool2d(kernel, o) return AvgPool2d(kernel, o) end

--- Means of windows that share out the time: however long x is, `outputs` steps come out. Output i
--- of n is the mean of steps floor((i - 1) time / n) + 1 to ceil(i time / n). NaN propagates.
---     nn.AdaptiveAvgPool1d(2)(tensor.ones { 1, 7, 3 }).shape[2] --> 2
---@param outputs integer
---@return neap.nn.Layer
function nn.AdaptiveAvgPool1d(outputs) return AdaptiveAvgPool1d(outputs) end

--- The same over images [batch, height, width, channels]; outputs are a number or
--- { height, width }.
---     nn.AdaptiveAvgPool2d(1)(tensor.ones { 2, 5, 4, 3 }).shape[4] --> 3
---@param outputs integer|integer[]
---@return neap.nn.Layer
function nn.AdaptiveAvgPool2d(outputs) return AdaptiveAvgPool2d(outputs) end

return nn
