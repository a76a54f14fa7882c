--- Our side of tests/bench/nn.lua: functions that make the function to be timed. Sequences are
--- [batch, time, features], images [batch, height, width, channels].
local neap = require "neap"
local grad, nn, tensor = neap.grad, neap.nn, neap.tensor

local tasks = {}

neap.seed(1)

local function randn(...) return tensor.randn { dtype = "f32", ... } end
local function total(y) return y:sum() end

local function inference(net, x)
  net:eval()
  local function forward() return (net(x)) end
  return function() return grad.no_grad(forward) end
end

-- Forward, backward, gradients of the parameters; no step.
local function training(net, x, loss)
  return function()
    net:zero_grad()
    loss(net(x)):backward()
  end
end

local function stepping(net, x, y)
  local opt = neap.optim.Adam(net:parameters(), { lr = 1e-3 })
  return function()
    opt:zero_grad()
    nn.cross_entropy(net(x), y):backward()
    opt:step()
  end
end

local function labels(batch) return tensor.randint { batch, low = 1, high = 3 } end

-- recurrent ---------------------------------------------------------------------------------------

function tasks.lstm_infer() return inference(nn.LSTM(64, 64), randn(32, 50, 64)) end
function tasks.lstm_train() return training(nn.LSTM(64, 64), randn(32, 50, 64), total) end
function tasks.lstm_c_infer() return inference(nn.LSTM(96, 64), randn(64, 100, 96)) end
function tasks.lstm_c_train() return training(nn.LSTM(96, 64), randn(64, 100, 96), total) end
function tasks.gru_train() return training(nn.GRU(64, 64), randn(32, 50, 64), total) end

function tasks.lstm_step()
  local net, x, h, c = nn.LSTM(64, 64), randn(1, 64), randn(1, 1, 64), randn(1, 1, 64)
  return function() return net:step(x, h, c) end
end

-- convolutions ------------------------------------------------------------------------------------

function tasks.conv1d_infer() return inference(nn.Conv1d(40, 32, 3), randn(64, 100, 40)) end
function tasks.conv1d_train() return training(nn.Conv1d(40, 32, 3), randn(64, 100, 40), total) end

-- The width of 1 that the convolutions leave is taken away.
local Squeeze = nn.layer "Squeeze"
function Squeeze.init() end
function Squeeze.forward(_, x) return x:squeeze(3) end

-- DeepLOB with 32 filters everywhere, LSTM 96 -> 64: 90 307 parameters.
local function deeplob()
  local layers = {}
  local function conv(list, inputs, kernel, o)
    list[#list + 1] = nn.Conv2d(inputs, 32, kernel, o)
    list[#list + 1] = nn.LeakyReLU(0.01)
  end
  for block, kernel in ipairs { { 1, 2 }, { 1, 2 }, { 1, 10 } } do
    conv(layers, block == 1 and 1 or 32, kernel, block < 3 and { stride = { 1, 2 } } or nil)
    conv(layers, 32, { 4, 1 }, { padding = "same" })
    conv(layers, 32, { 4, 1 }, { padding = "same" })
  end
  local one, two, three = {}, {}, { nn.MaxPool2d({ 3, 1 }, { stride = 1, padding = { 1, 0 } }) }
  conv(one, 32, 1)
  conv(one, 32, { 3, 1 }, { padding = { 1, 0 } })
  conv(two, 32, 1)
  conv(two, 32, { 5, 1 }, { padding = { 2, 0 } })
  conv(three, 32, 1)
  layers[#layers + 1] = nn.Concat { nn.Sequential(one), nn.Sequential(two), nn.Sequential(three) }
  for _, l in ipairs { Squeeze(), nn.LSTM(96, 64), nn.Last(), nn.Linear(64, 3) } do
    layers[#layers + 1] = l
  end
  local net = nn.Sequential(layers)
  assert(net:num_parameters() == 90307)
  return net
end

function tasks.deeplob_train() return stepping(deeplob(), randn(32, 100, 40, 1), labels(32)) end
function tasks.deeplob_train_64() return stepping(deeplob(), randn(64, 100, 40, 1), labels(64)) end
function tasks.deeplob_infer() return inference(deeplob(), randn(1, 100, 40, 1)) end

-- One new row of the same model, padded in front only, after a hundred.
function tasks.deeplob_tick()
  local stream = neap.models.cnn_lstm(40, { padding = "causal" }):eval():stream()
  local rows, i = randn(100, 40), 0
  local function tick()
    i = i % 100 + 1
    return stream:push(rows[i])
  end
  for _ = 1, 100 do tick() end
  return tick
end

-- Batches of 8 windows of 8640 rows out of one series, copied when they are asked for.
function tasks.dual_train()
  local net = neap.models.dual_channel(64, 12)
  assert(net:num_parameters() == 56355)
  local D = neap.dataset.new(randn(20000, 64), tensor.zeros { 20000 })
  local short = D:windows { length = 8640, stride = 1400 }
  local L = nn.loader({ short, randn(#short, 90, 12) }, labels(#short), { batch_size = 8 })
  return function()
    local x, y = L:batch(1, 1)
    net:zero_grad()
    nn.cross_entropy(net(x), y):backward()
  end
end

-- the rest ----------------------------------------------------------------------------------------

local function mlp()
  return nn.Sequential { nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(),
    nn.Linear(64, 3) }
end

function tasks.mlp_step() return stepping(mlp(), randn(32, 64), labels(32)) end
function tasks.mlp_infer() return inference(mlp(), randn(32, 64)) end

function tasks.attention_train()
  return training(nn.MultiheadAttention(64, 4), randn(32, 100, 64), total)
end

local function leaf(...) return randn(...):requires_grad_() end

-- Queries, keys and values of 4 heads side by side, as the projection of a layer leaves them.
local function attention(batch, steps)
  local attend = require "neap.c.nn".attention
  local q, k, v = leaf(batch, steps, 64), leaf(batch, steps, 64), leaf(batch, steps, 64)
  return function()
    q.grad, k.grad, v.grad = nil, nil, nil
    attend(q, k, v, 4, false, nil, nil, nil, 0.0, 0, false):sum():backward()
  end
end

function tasks.attention_heads() return attention(32, 100) end
function tasks.attention_long() return attention(1, 2000) end

function tasks.transformer_drop()
  return training(nn.TransformerEncoderLayer(64, 4, { dim_feedforward = 128 }),
    randn(32, 100, 64), total)
end

function tasks.layer_norm() return training(nn.LayerNorm(64), leaf(3200, 64), total) end
function tasks.batch_norm() return training(nn.BatchNorm1d(64), leaf(3200, 64), total) end

function tasks.dropout()
  local net, x = nn.Dropout(0.1), randn(409600)
  return function() net(x) end
end

function tasks.transformer_train()
  return training(nn.TransformerEncoderLayer(64, 4, { dim_feedforward = 128, dropout = 0 }),
    randn(32, 100, 64), total)
end

function tasks.adam()
  local parameters = {}
  for i = 1, 20 do
    parameters[i] = nn.param(randn(4516))
    parameters[i].grad = randn(4516)
  end
  local opt = neap.optim.Adam(parameters, { lr = 1e-3 })
  return function() opt:step() end
end

return tasks
