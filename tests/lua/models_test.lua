-- Models by name: shapes, names, PyTorch's training step by step, and what is refused.
local grad = require "neap.grad"
local models = require "neap.models"
local neap = require "neap"
local nn = require "neap.nn"
local optim = require "neap.optim"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local function zeros(...) return tensor.zeros { dtype = "f32", ... } end

local function shape(x) return table.concat(x.shape, "x") end

-- The nets of tests/golden/nn_models.py.
local golden = {
  lstm_predictor = function(dtype)
    return models.lstm_predictor(5, { hidden_size = 8, num_layers = 2, outputs = 2, dtype = dtype })
  end,
  cnn_lstm = function(dtype)
    return models.cnn_lstm(16, { filters = 6, inception = 4, hidden_size = 8, dtype = dtype })
  end,
  dual_channel = function(dtype)
    return models.dual_channel(4, 3, { filters = 6, hidden_size = 8, dtype = dtype })
  end,
  lstm_autoencoder = function(dtype)
    return models.lstm_autoencoder(3, { hidden_size = 8, dtype = dtype })
  end,
  tcn = function(dtype)
    return models.tcn(4, { channels = { 6, 6, 8 }, outputs = 2, dtype = dtype })
  end,
  mlp = function(dtype)
    return models.mlp(10, { hidden = { 16, 8 }, outputs = 3, dtype = dtype })
  end,
  transformer_encoder = function(dtype)
    return models.transformer_encoder(4, { d_model = 8, nhead = 2, dim_feedforward = 16,
      outputs = 2, dropout = 0, dtype = dtype })
  end,
}

local names = {}
for name in pairs(golden) do names[#names + 1] = name end
table.sort(names)

local function stored(name)
  local file, state = tensor.load(("tests/golden/nn_models/%s.safetensors"):format(name)), {}
  for key, t in pairs(file) do
    local field = key:match "^state%.(.*)$"
    if field then state[field] = t end
  end
  return file, state
end

describe("models", function()
  it("have the shapes and sizes they say", function()
    local x = zeros(2, 20, 8)
    assert.equal("2x3", shape(models.mlp(8, { outputs = 3 })(zeros(2, 8))))
    assert.equal("2x5", shape(models.lstm_predictor(8, { outputs = 5, dropout = 0.1 })(x)))
    assert.equal("2x3", shape(models.cnn_lstm(8)(x)))
    assert.equal("2x3", shape(models.cnn_lstm(8, { padding = "causal" })(x)))
    assert.equal("2x4", shape(models.cnn_lstm(8, { padding = "valid", classes = 4 })(x)))
    assert.equal("2x20x8", shape(models.lstm_autoencoder(8)(x)))
    assert.equal("2x1", shape(models.tcn(8, { dropout = 0.1 })(x)))
    for _, pool in ipairs { "last", "mean" } do
      assert.equal("2x1", shape(models.transformer_encoder(8, { pool = pool })(x)))
    end
    local dual = models.dual_channel(8, 3, { dropout = 0.1 })
    assert.equal("2x3", shape(dual(zeros(2, 36, 8), zeros(2, 8, 3))))
    assert.equal("2x3", shape(dual { zeros(2, 36, 8), zeros(2, 8, 3) }))
    -- DeepLOB of 96 features into the LSTM
    assert.equal(90307, models.cnn_lstm():num_parameters())
    assert.equal("10 levels -> 3 classes", models.cnn_lstm():describe())
    assert.equal("f64", models.cnn_lstm(8, { dtype = "f64" })(x:to "f64").dtype)
  end)

  it("have the names and shapes of PyTorch's modules", function()
    for _, name in ipairs(names) do
      local _, state = stored(name)
      local own, count = golden[name]():state(), 0
      for field, t in pairs(state) do
        assert.equal(shape(t), shape(own[field]), name .. ": " .. field)
        count = count + 1
      end
      for _ in pairs(own) do count = count - 1 end
      assert.equal(0, count, name)
    end
  end)

  it("look at the past only where they say so", function()
    neap.seed(1)
    local x = tensor.randn { 1, 40, 8, dtype = "f32" }
    local later = x:clone()
    later[{ {}, { 31, 40 } }] = 5
    local function sequence(net)
      local stages = net:stages()
      return grad.no_grad(function()
        local y = x
        local z = later
        for i = 1, #stages - 2 do y, z = (stages[i](y)), (stages[i](z)) end
        return y:slice(2, 1, 30):eq(z:slice(2, 1, 30)):all()
      end)
    end
    assert.is_true(sequence(models.tcn(8)))
    assert.is_true(sequence(models.lstm_predictor(8)))
    assert.is_true(sequence(models.cnn_lstm(8, { padding = "causal" })))
    assert.is_false(sequence(models.cnn_lstm(8)))
  end)

  it("refuse what makes no net", function()
    local function message(fn, ...) return support.message(fn, ...) end
    assert.truthy(message(models.cnn_lstm, 10):find("10 inputs, but a level has 4", 1, true))
    assert.truthy(message(models.cnn_lstm, 8, { padding = "full" }):find("got full", 1, true))
    assert.truthy(message(models.lstm_predictor, 8, { cell = "SRU" }):find("got SRU", 1, true))
    assert.truthy(message(models.mlp, 8, { activation = "Relu" }):find("no layer 'Relu'", 1, true))
    assert.truthy(message(models.tcn, 8, { chanels = { 8 } }):find("did you mean 'channels'", 1,
      true))
    assert.truthy(message(models.transformer_encoder, 8, { pool = "max" }):find("got max", 1, true))
    local dual = models.dual_channel(2, 2)
    assert.truthy(message(dual, zeros(1, 36, 2)):find("1 inputs, but there are a short and a long",
      1, true))
    assert.truthy(message(models.cnn_lstm(8), zeros(2, 8)):find("net.image (Image): image: x [2x8]",
      1, true))
    assert.truthy(message(models.tcn(8), zeros(2, 5, 3)):find(
      "net.blocks[1].shortcut (Conv1d): ", 1, true))
  end)
end)

-- Losses of Adam steps on the stored batches, as PyTorch made them.
local function train(name, dtype, steps)
  local file, state = stored(name)
  local net = golden[name](dtype):load_state(state):train()
  local opt = optim.Adam(net:parameters(), { lr = 2e-3 })
  local x, y, losses = file["x.1"]:to(dtype), file.y, {}
  if y and y.dtype == "f32" then y = y:to(dtype) end
  for step = 1, steps do
    local rows = file.order[step]:to "i64"
    local batch = x:take(rows, 1)
    local out = file["x.2"] and net(batch, file["x.2"]:to(dtype):take(rows, 1)) or net(batch)
    local truth = y and y:take(rows, 1) or batch
    local loss = y and y.dtype == "i64" and nn.cross_entropy(out, truth) or nn.mse(out, truth)
    opt:zero_grad()
    loss:backward()
    opt:step()
    losses[step] = loss:detach():to("f64"):sum()
  end
  return tensor.of(losses), file
end

-- The largest difference of a loss, relative.
local function furthest(a, b) return (((a - b):abs() / b):max()) end

-- Looser than F32_TOL: 20 steps of training amplify the rounding of sums in another order.
local FOLLOWS = { f64 = 1e-10, f32 = 1e-4 }

describe("training", function()
  for _, name in ipairs(names) do
    it("of " .. name .. " follows PyTorch", function()
      for dtype, tolerance in pairs(FOLLOWS) do
        local losses, file = train(name, dtype, 20)
        local off = furthest(losses, file[dtype])
        assert.is_true(off <= tolerance, ("%s: off by %g"):format(dtype, off))
      end
    end)

    -- Rounding differs from the first step on, as it does in PyTorch once a weight has moved by an
    -- ulp: over 200 steps losses may be no further from its than those of the furthest such twin.
    it("of " .. name .. " strays no further from PyTorch than its twins do", function()
      local losses, file = train(name, "f32", 200)
      local off, twins = furthest(losses, file.long), (file.twins:max())
      assert.is_true(off <= twins, ("off by %g, the twins by %g"):format(off, twins))
    end)
  end
end)

describe("the autoencoder", function()
  it("scores what it does not know higher", function()
    neap.seed(2)
    local net = models.lstm_autoencoder(2, { hidden_size = 6 })
    local x = tensor.randn { 5, 9, 2, dtype = "f32" }
    x[4] = x[4] * 50
    local score = net:score(x)
    assert.same({ 5 }, score.shape)
    assert.equal(4, (select(2, score:max())))
    assert.is_false(score.requires_grad)
    local steps = net:score(x, { by = "step" })
    assert.same({ 5, 9 }, steps.shape)
    assert.is_true(((steps:mean(2) - score):abs() / score):max() < 1e-5) -- F32_TOL
    assert.truthy(support.message(net.score, net, x, { by = "row" }):find("got row", 1, true))
    assert.same({ 5, 6 }, net:encode(x).shape)
  end)
end)
