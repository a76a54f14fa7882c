--- A net with a short-term and a long-term channel; loaded by neap.models.
local chain = require "neap.models.chain"
local checks = require "neap.nn.checks"
local layer = require "neap.nn.layer"
local models = require "neap.models.public"
local nn = require "neap.nn"
local opts = require "neap.opts"
local shapes = require "neap.models.shapes"
local tensor = require "neap.tensor"

local DualChannel = layer.class "DualChannel"
local ShortChannel = chain.class "ShortChannel"
local LongChannel = chain.class "LongChannel"

-- A convolution over time, LeakyReLU, and the largest of every `pool` steps.
local function block(inputs, filters, kernel, pool, dtype)
  return nn.Sequential { nn.Conv1d(inputs, filters, kernel, { dtype = dtype }), nn.LeakyReLU(0.01),
    pool and nn.MaxPool1d(pool) }
end

function DualChannel:init(short_inputs, long_inputs, o)
  local n, hidden, dtype = o.filters, o.hidden_size, o.dtype
  self.text = ("%d and %d features -> %d classes"):format(short_inputs, long_inputs, o.classes)
  self.short = ShortChannel {
    { "conv1", block(short_inputs, n, 5, 4, dtype) },
    { "conv2", block(n, n, 5, 4, dtype) },
    { "lstm", nn.LSTM(n, hidden, { dtype = dtype }) },
    { "last", nn.Last() },
  }
  self.long = LongChannel {
    { "conv1", block(long_inputs, n, 3, 2, dtype) },
    { "conv2", block(n, hidden, 3, nil, dtype) },
    { "average", shapes.Average() },
  }
  local head = { nn.Linear(2 * hidden, hidden, { dtype = dtype }), nn.ReLU() }
  if o.dropout > 0 then head[3] = nn.Dropout(o.dropout) end
  head[#head + 1] = nn.Linear(hidden, o.classes, { dtype = dtype })
  self.head = nn.Sequential(head)
end

function DualChannel:forward(...)
  local inputs = select("#", ...) == 1 and type(...) == "table" and ... or { ... }
  if #inputs ~= 2 then
    opts.raise("dual_channel: %d inputs, but there are a short and a long channel", #inputs)
  end
  return self.head(tensor.cat({ self.short(inputs[1]), self.long(inputs[2]) }, -1))
end

function DualChannel.onnx(g, l, values, call)
  local short = g:last(call(l.short, values[1], ".short"))
  local long = g:last(call(l.long, values[2], ".long"))
  return call(l.head, { name = g:node("Concat", { short.name, long.name }, { axis = 1 }),
    x = tensor.cat({ short.x, long.x }, 2) }, ".head")
end

function DualChannel:describe() return self.text end

---@class neap.models.DualChannelOptions
---@field filters? integer channels of the convolutions, 32
---@field hidden_size? integer of the LSTM, and features of the long channel, 64
---@field classes? integer 3
---@field dropout? number 0
---@field dtype? string "f32"

--- Classes of price movement from two views of the past: a short-term channel of many steps
--- (convolutions, each followed by the largest of 4 steps, then an LSTM) and a long-term one of few
--- (convolutions and the mean over time), put together. `net(short, long)` takes
--- [batch, time, short_inputs] with at least 36 steps and [batch, time, long_inputs] with at least
--- 8, and gives logits, [batch, classes].
---     models.dual_channel(64, 12):num_parameters() --> 56355
---@param short_inputs integer features of a step of the short channel
---@param long_inputs integer features of a step of the long channel
---@param o? neap.models.DualChannelOptions
---@return neap.nn.Layer
function models.dual_channel(short_inputs, long_inputs, o)
  o = opts.merge("models.dual_channel", { filters = 32, hidden_size = 64, classes = 3, dropout = 0,
    dtype = "f32" }, o)
  local where = "models.dual_channel"
  opts.integer(where, "short_inputs", short_inputs, 1)
  opts.integer(where, "long_inputs", long_inputs, 1)
  for _, name in ipairs { "filters", "hidden_size", "classes" } do
    opts.integer(where, ("option '%s'"):format(name), o[name], 1)
  end
  checks.within(where, "option 'dropout'", o.dropout, 0, 1)
  return DualChannel(short_inputs, long_inputs, o)
end
