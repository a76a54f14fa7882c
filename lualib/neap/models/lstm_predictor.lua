--- A recurrent net that predicts from a window; loaded by neap.models.
local chain = require "neap.models.chain"
local models = require "neap.models.public"
local nn = require "neap.nn"
local opts = require "neap.opts"

local LSTMPredictor = chain.class "LSTMPredictor"

---@class neap.models.LSTMPredictorOptions
---@field hidden_size? integer 64
---@field num_layers? integer 1
---@field outputs? integer 1
---@field dropout? number 0
---@field cell? string "LSTM" or "GRU"
---@field dtype? string "f32"

--- An LSTM (or, with `cell = "GRU"`, that) over the window, and an affine layer on its last step:
--- [batch, time, inputs] to [batch, outputs]. `dropout` acts between the layers and before the
--- last one. Streams.
---     models.lstm_predictor(12, { hidden_size = 32, outputs = 5 }):num_parameters() --> 6053
---@param inputs integer features of a step
---@param o? neap.models.LSTMPredictorOptions
---@return neap.nn.Layer
function models.lstm_predictor(inputs, o)
  o = opts.merge("models.lstm_predictor", { hidden_size = 64, num_layers = 1, outputs = 1,
    dropout = 0, cell = "LSTM", dtype = "f32" }, o)
  if o.cell ~= "LSTM" and o.cell ~= "GRU" then
    opts.raise("models.lstm_predictor: cell must be \"LSTM\" or \"GRU\", got %s", tostring(o.cell))
  end
  local stages = {
    { "lstm", nn[o.cell](inputs, o.hidden_size, { num_layers = o.num_layers, dtype = o.dtype,
      dropout = o.num_layers > 1 and o.dropout or 0 }) },
    { "last", nn.Last() },
    { "head", nn.Linear(o.hidden_size, o.outputs, { dtype = o.dtype }) },
  }
  if o.dropout > 0 then table.insert(stages, 3, { "dropout", nn.Dropout(o.dropout) }) end
  return LSTMPredictor(stages, ("%d features -> %d"):format(inputs, o.outputs))
end
