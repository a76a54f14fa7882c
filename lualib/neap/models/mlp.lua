--- Affine layers with an activation between them; loaded by neap.models.
local models = require "neap.models.public"
local nn = require "neap.nn"
local opts = require "neap.opts"

---@class neap.models.MLPOptions
---@field hidden? integer[] widths of the layers between, { 128, 64 }
---@field outputs? integer 1
---@field activation? string name of a layer of `nn`, "ReLU"
---@field dropout? number share of hidden values set to 0 in training, 0
---@field dtype? string "f32"

--- Affine layers with an activation behind each but the last: [batch, inputs] to [batch, outputs],
--- for rows that have no order in time. `hidden` holds their widths, `activation` is the name of a
--- layer of `nn`, `dropout` the share of hidden values set to 0 in training.
---     models.mlp(64, { hidden = { 128, 64 }, outputs = 3 }):num_parameters() --> 16771
---@param inputs integer features
---@param o? neap.models.MLPOptions
---@return neap.nn.Layer
function models.mlp(inputs, o)
  o = opts.merge("models.mlp", { hidden = { 128, 64 }, outputs = 1, activation = "ReLU",
    dropout = 0, dtype = "f32" }, o)
  local Activation = nn[o.activation]
  if not Activation then
    opts.raise("models.mlp: nn has no layer '%s' for the activation", tostring(o.activation))
  end
  local layers, width = {}, inputs
  for _, n in ipairs(o.hidden) do
    layers[#layers + 1] = nn.Linear(width, n, { dtype = o.dtype })
    layers[#layers + 1] = Activation()
    if o.dropout > 0 then layers[#layers + 1] = nn.Dropout(o.dropout) end
    width = n
  end
  layers[#layers + 1] = nn.Linear(width, o.outputs, { dtype = o.dtype })
  return nn.Sequential(layers)
end
