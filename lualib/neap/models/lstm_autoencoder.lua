--- A recurrent net that repeats what it was shown; loaded by neap.models.
local forms = require "neap.nn.onnx.forms"
local grad = require "neap.grad"
local layer = require "neap.nn.layer"
local models = require "neap.models.public"
local nn = require "neap.nn"
local opts = require "neap.opts"
local shapes = require "neap.models.shapes"

---@class neap.models.LSTMAutoencoder : neap.nn.Layer
local LSTMAutoencoder = layer.class "LSTMAutoencoder"

function LSTMAutoencoder:init(inputs, o)
  local n = o.hidden_size
  self.text = ("%d features, code of %d"):format(inputs, n)
  self.encoder = nn.LSTM(inputs, n, { num_layers = o.num_layers, dtype = o.dtype })
  self.decoder = nn.LSTM(n, n, { num_layers = o.num_layers, dtype = o.dtype })
  self.head = nn.Linear(n, inputs, { dtype = o.dtype })
end

--- The code of each sequence, [batch, hidden_size]: what the encoder holds at the end.
---     local net = models.lstm_autoencoder(3, { hidden_size = 4 })
---     net:encode(tensor.zeros { 2, 10, 3, dtype = "f32" }).shape[2] --> 4
---@param x neap.tensor [batch, time, features]
---@return neap.tensor
function LSTMAutoencoder:encode(x) return (self.encoder(x))[{ {}, -1 }] end

--- The sequences as the decoder reads them back, of x's shape: what `net(x)` gives.
---     local net = models.lstm_autoencoder(3, { hidden_size = 4 })
---     net:forward(tensor.zeros { 2, 10, 3, dtype = "f32" }).shape[3] --> 3
---@param x neap.tensor [batch, time, features]
---@return neap.tensor
function LSTMAutoencoder:forward(x)
  return self.head((self.decoder(shapes.repeated(self:encode(x), x:size(2)))))
end

--- How badly each sequence is repeated: the mean of the squared errors of all its numbers, [batch];
--- with by = "step" of each step, [batch, time]. Large where x is unlike what the net was trained
--- on. A NaN in x gives NaN. Records no gradient.
---     local net = models.lstm_autoencoder(3, { hidden_size = 4 })
---     net:score(tensor.zeros { 2, 10, 3, dtype = "f32" }).shape[1] --> 2
---@param x neap.tensor [batch, time, features]
---@param o? { by: string }
---@return neap.tensor
function LSTMAutoencoder:score(x, o)
  o = opts.merge("score", { by = "sequence" }, o)
  if o.by ~= "sequence" and o.by ~= "step" then
    opts.raise("score: by must be \"sequence\" or \"step\", got %s", tostring(o.by))
  end
  return grad.no_grad(function()
    local wrong = self(x) - x
    return (wrong * wrong):mean(o.by == "step" and 3 or { 2, 3 })
  end)
end

--- What print shows behind the name.
---     models.lstm_autoencoder(3, { hidden_size = 4 }):describe() --> 3 features, code of 4
---@return string
function LSTMAutoencoder:describe() return self.text end

-- For nn.export_onnx: the code is taken out, repeated and decoded.
function forms.LSTMAutoencoder(g, l, v, call)
  local states, time = g:last(call(l.encoder, v, ".encoder")), v.x:size(2)
  local code = g:node("Gather", { states.name, g:integers { -1 } }, { axis = 1 })
  local repeated = { name = g:node("Expand", { code, g:integers { 1, time, 1 } }),
    x = shapes.repeated(states.x[{ {}, -1 }], time) }
  return call(l.head, call(l.decoder, repeated, ".decoder"), ".head")
end

---@class neap.models.AutoencoderOptions
---@field hidden_size? integer numbers of the code, 32
---@field num_layers? integer 1
---@field dtype? string "f32"

--- An LSTM that writes each sequence into a code of `hidden_size` numbers and another one that
--- reads it back: [batch, time, inputs] to the same. Train it on `nn.mse(net(x), x)`;
--- `net:score(x)` then finds anomalies.
---     models.lstm_autoencoder(8, { hidden_size = 16 }):num_parameters() --> 3976
---@param inputs integer features of a step
---@param o? neap.models.AutoencoderOptions
---@return neap.models.LSTMAutoencoder
function models.lstm_autoencoder(inputs, o)
  o = opts.merge("models.lstm_autoencoder", { hidden_size = 32, num_layers = 1, dtype = "f32" }, o)
  opts.integer("models.lstm_autoencoder", "inputs", inputs, 1)
  opts.integer("models.lstm_autoencoder", "option 'hidden_size'", o.hidden_size, 1)
  return LSTMAutoencoder(inputs, o)
end
