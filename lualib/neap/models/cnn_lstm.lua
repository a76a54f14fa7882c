--- DeepLOB: convolutions over order books, an inception module and an LSTM; loaded by neap.models.
--- Zhang, Zohren, Roberts: DeepLOB: Deep convolutional neural networks for limit order books, IEEE
--- Transactions on Signal Processing 67 (2019).
local chain = require "neap.models.chain"
local models = require "neap.models.public"
local nn = require "neap.nn"
local opts = require "neap.opts"
local shapes = require "neap.models.shapes"

local CnnLstm = chain.class "CnnLstm"

-- Convolutions with LeakyReLU behind each: { inputs, outputs, kernel, stride, padding }.
local function leaky(list, convolutions, dtype)
  for _, v in ipairs(convolutions) do
    list[#list + 1] = nn.Conv2d(v[1], v[2], v[3], { stride = v[4] or 1, padding = v[5] or 0,
      dtype = dtype })
    list[#list + 1] = nn.LeakyReLU(0.01)
  end
  return nn.Sequential(list)
end

-- Price and volume, then both sides, then all levels are joined, each time followed by twice four
-- steps of time.
local function block(channels, o, width, stride)
  local n, convolutions = o.filters, { { channels, o.filters, { 1, width }, { 1, stride } } }
  for i = 2, 3 do convolutions[i] = { n, n, { 4, 1 }, 1, o.padding } end
  return leaky({}, convolutions, o.dtype)
end

local function inception(o)
  local n, m = o.filters, o.inception
  local around = o.padding == "valid" and "same" or o.padding
  local function branch(steps)
    return leaky({}, { { n, m, 1 }, { m, m, { steps, 1 }, 1, around } }, o.dtype)
  end
  local pool = around == "causal" and shapes.CausalMaxPool(3)
    or nn.MaxPool2d({ 3, 1 }, { stride = 1, padding = { 1, 0 } })
  return nn.Concat { branch(3), branch(5), leaky({ pool }, { { n, m, 1 } }, o.dtype) }
end

---@class neap.models.CnnLstmOptions
---@field filters? integer channels of the convolutions, 32
---@field inception? integer channels of each branch, 32
---@field hidden_size? integer of the LSTM, 64
---@field classes? integer 3
---@field padding? string "same", "causal" or "valid", over time
---@field dtype? string "f32"

--- DeepLOB for order books of any number of levels: [batch, time, inputs] to [batch, classes], the
--- inputs in the order ask price, ask volume, bid price, bid volume of level 1, then of level 2 and
--- so on. `filters` are the channels of the convolutions, `inception` those of each branch. With
--- padding "same" time keeps its length; "causal" pads in front only, so that the net streams;
--- "valid" shortens time by 18 steps.
---     models.cnn_lstm(40):num_parameters() --> 90307
---@param inputs? integer 4 for each level: 40
---@param o? neap.models.CnnLstmOptions
---@return neap.nn.Layer
function models.cnn_lstm(inputs, o)
  inputs = opts.integer("models.cnn_lstm", "inputs", inputs or 40, 4)
  o = opts.merge("models.cnn_lstm", { filters = 32, inception = 32, hidden_size = 64, classes = 3,
    padding = "same", dtype = "f32" }, o)
  if inputs % 4 > 0 then
    opts.raise("models.cnn_lstm: %d inputs, but a level has 4: price and volume of both sides",
      inputs)
  end
  if o.padding ~= "same" and o.padding ~= "causal" and o.padding ~= "valid" then
    opts.raise("models.cnn_lstm: padding must be \"same\", \"causal\" or \"valid\", got %s",
      tostring(o.padding))
  end
  local levels = inputs // 4
  return CnnLstm({
    { "image", shapes.Image() },
    { "conv1", block(1, o, 2, 2) },
    { "conv2", block(o.filters, o, 2, 2) },
    { "conv3", block(o.filters, o, levels, 1) },
    { "inception", inception(o) },
    { "sequence", shapes.Sequence() },
    { "lstm", nn.LSTM(3 * o.inception, o.hidden_size, { dtype = o.dtype }) },
    { "last", nn.Last() },
    { "head", nn.Linear(o.hidden_size, o.classes, { dtype = o.dtype }) },
  }, ("%d levels -> %d classes"):format(levels, o.classes))
end
