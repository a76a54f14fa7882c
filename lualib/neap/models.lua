--- Networks by name, each a short file to read, copy and change. They take sequences
--- [batch, time, features] and give logits or values, [batch, outputs]; losses apply the softmax.
--- Names in `state()` are stable and those that a PyTorch module with the same fields has.
---     local net = models.mlp(8, { hidden = { 16 }, outputs = 3 })
---     net(tensor.zeros { 5, 8, dtype = "f32" }).shape[2] --> 3
local models = require "neap.models.public" -- which these fill
require "neap.models.mlp"
require "neap.models.lstm_predictor"
require "neap.models.cnn_lstm"
require "neap.models.dual_channel"
require "neap.models.lstm_autoencoder"
require "neap.models.tcn"
require "neap.models.transformer_encoder"

return models
