--- A transformer over a window; loaded by neap.models.
local chain = require "neap.models.chain"
local models = require "neap.models.public"
local nn = require "neap.nn"
local opts = require "neap.opts"
local shapes = require "neap.models.shapes"

local TransformerPredictor = chain.class "TransformerPredictor"

---@class neap.models.TransformerOptions
---@field d_model? integer 64
---@field nhead? integer 4
---@field num_layers? integer 2
---@field dim_feedforward? integer 128
---@field outputs? integer 1
---@field dropout? number 0.1
---@field pool? string "last" or "mean"
---@field dtype? string "f32"

--- An affine layer, sines of the place in time, layers of attention over the whole window and an
--- affine layer on the last step (or with pool = "mean" the mean over time): [batch, time, inputs]
--- to [batch, outputs].
---     models.transformer_encoder(8, { d_model = 16, nhead = 2 }):num_parameters() --> 10945
---@param inputs integer features of a step
---@param o? neap.models.TransformerOptions
---@return neap.nn.Layer
function models.transformer_encoder(inputs, o)
  o = opts.merge("models.transformer_encoder", { d_model = 64, nhead = 4, num_layers = 2,
    dim_feedforward = 128, outputs = 1, dropout = 0.1, pool = "last", dtype = "f32" }, o)
  opts.integer("models.transformer_encoder", "num_layers", o.num_layers, 0, 64)
  local layers = {}
  for i = 1, o.num_layers do
    layers[i] = nn.TransformerEncoderLayer(o.d_model, o.nhead,
      { dim_feedforward = o.dim_feedforward, dropout = o.dropout, dtype = o.dtype })
  end
  if o.pool ~= "last" and o.pool ~= "mean" then
    opts.raise("models.transformer_encoder: pool must be \"last\" or \"mean\", got %s",
      tostring(o.pool))
  end
  return TransformerPredictor({
    { "embed", nn.Linear(inputs, o.d_model, { dtype = o.dtype }) },
    { "place", nn.PositionalEncoding(o.d_model, { dropout = o.dropout }) },
    { "encoder", nn.Sequential(layers) },
    o.pool == "last" and { "last", nn.Last() } or { "average", shapes.Average() },
    { "head", nn.Linear(o.d_model, o.outputs, { dtype = o.dtype }) },
  }, ("%d features -> %d"):format(inputs, o.outputs))
end
