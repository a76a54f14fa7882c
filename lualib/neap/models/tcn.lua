--- A temporal convolutional network; loaded by neap.models. Bai, Kolter, Koltun: An empirical
--- evaluation of generic convolutional and recurrent networks for sequence modeling (2018), without
--- its weight normalisation.
local chain = require "neap.models.chain"
local models = require "neap.models.public"
local nn = require "neap.nn"
local opts = require "neap.opts"

local TCN = chain.class "TCN"

-- Twice a causal convolution, ReLU and dropout, added to the input.
local function block(inputs, n, dilation, o)
  local layers = {}
  for _, width in ipairs { inputs, n } do
    layers[#layers + 1] = nn.Conv1d(width, n, o.kernel_size, { dilation = dilation,
      padding = "causal", dtype = o.dtype })
    layers[#layers + 1] = nn.ReLU()
    if o.dropout > 0 then layers[#layers + 1] = nn.Dropout(o.dropout) end
  end
  return nn.Residual(nn.Sequential(layers),
    { shortcut = inputs ~= n and nn.Conv1d(inputs, n, 1, { dtype = o.dtype }) or nil })
end

---@class neap.models.TCNOptions
---@field channels? integer[] of each block, { 32, 32, 32, 32 }
---@field kernel_size? integer 3
---@field outputs? integer 1
---@field dropout? number 0
---@field dtype? string "f32"

--- A temporal convolutional network: blocks of two causal convolutions with a way around them,
--- their dilation doubling from block to block, and an affine layer on the last step:
--- [batch, time, inputs] to [batch, outputs]. It sees 1 + 2 (kernel_size - 1) (2^blocks - 1) steps.
--- Streams.
---     models.tcn(8, { channels = { 16, 16, 16 } }):describe() --> 8 features -> 1, sees 29 steps
---@param inputs integer features of a step
---@param o? neap.models.TCNOptions
---@return neap.nn.Layer
function models.tcn(inputs, o)
  o = opts.merge("models.tcn", { channels = { 32, 32, 32, 32 }, kernel_size = 3, outputs = 1,
    dropout = 0, dtype = "f32" }, o)
  if #o.channels > 32 then
    opts.raise("models.tcn: %d blocks, at most 32 are allowed: each sees twice as far", #o.channels)
  end
  local layers, width = {}, inputs
  for i, n in ipairs(o.channels) do
    layers[#layers + 1] = block(width, n, 1 << (i - 1), o)
    layers[#layers + 1] = nn.ReLU()
    width = n
  end
  local seen = 1 + 2 * (o.kernel_size - 1) * ((1 << #o.channels) - 1)
  return TCN({
    { "blocks", nn.Sequential(layers) },
    { "last", nn.Last() },
    { "head", nn.Linear(width, o.outputs, { dtype = o.dtype }) },
  }, ("%d features -> %d, sees %d steps"):format(inputs, o.outputs, seen))
end
