-- ONNX files, taken apart again by a reader of protocol buffers. Whether they compute what the nets
-- do is looked at by tests/golden/onnx_check.py, on the files that this test leaves in the folder
-- NEAP_ONNX_KEEP.
local support = require "tests.lua.support"
local c = require "neap.c.tensor"
local file = require "neap.file"
local neap = require "neap"
local grad, nn, tensor = neap.grad, neap.nn, neap.tensor

-- reading -----------------------------------------------------------------------------------------

local function read_varint(text, at)
  local v, shift = 0, 0
  repeat
    local byte = text:byte(at)
    v = v | (byte & 0x7f) << shift
    at, shift = at + 1, shift + 7
  until byte < 0x80
  return v, at
end

-- The fields of a message: an array of values by number.
local function fields(text)
  local found, at = setmetatable({}, { __index = function() return {} end }), 1
  while at <= #text do
    local key, value
    key, at = read_varint(text, at)
    local number, kind = key >> 3, key & 7
    if kind == 0 then value, at = read_varint(text, at)
    elseif kind == 5 then value, at = ("<f"):unpack(text, at)
    else
      assert(kind == 2, "an unknown kind of field")
      local n
      n, at = read_varint(text, at)
      value = text:sub(at, at + n - 1)
      assert(#value == n, "a field ends early")
      at = at + n
    end
    found[number] = rawget(found, number) or {}
    table.insert(found[number], value)
  end
  return found
end

local function read_attribute(text)
  local a = fields(text)
  local kind = a[20][1]
  local value = ({ [1] = a[2][1], [2] = a[3][1], [3] = a[4][1], [6] = a[7], [7] = a[8],
    [8] = a[9] })[kind]
  return a[1][1], value
end

local function read_value(text)
  local v = fields(text)
  local kind, shape = fields(fields(v[2][1])[1][1]), {}
  for i, d in ipairs(fields(kind[2][1])[1]) do
    d = fields(d)
    shape[i] = d[1][1] or d[2][1]
  end
  return { name = v[1][1], type = kind[1][1], shape = shape }
end

local function read_model(text)
  local m = fields(text)
  local g, model = fields(m[7][1]), { nodes = {}, tensors = {}, inputs = {}, ops = {} }
  for i, raw in ipairs(g[1]) do
    local n, attributes = fields(raw), {}
    for _, a in ipairs(n[5]) do
      local name, value = read_attribute(a)
      attributes[name] = value
    end
    model.nodes[i] = { op = n[4][1], name = n[3][1], inputs = n[1], outputs = n[2],
      attributes = attributes }
    model.ops[i] = n[4][1]
  end
  for _, raw in ipairs(g[5]) do
    local t = fields(raw)
    model.tensors[t[8][1]] = { shape = t[1], type = t[2][1], bytes = t[9][1] }
  end
  for i, raw in ipairs(g[11]) do model.inputs[i] = read_value(raw) end
  model.output, model.ir, model.producer = read_value(g[12][1]), m[1][1], m[2][1]
  model.opset = fields(m[8][1])[2][1]
  return model
end

-- checking ----------------------------------------------------------------------------------------

local width = { [1] = 4, [7] = 8, [11] = 8 }

-- What must hold of any file: names once, made before they are used; tensors as long as their
-- shapes say.
local function check_model(model)
  assert.same({ 7, 13, "neap" }, { model.ir, model.opset, model.producer })
  local known, nodes = {}, {}
  local function define(name)
    assert.is_nil(known[name], name .. " is defined twice")
    known[name] = true
  end
  for _, input in ipairs(model.inputs) do define(input.name) end
  for name, t in pairs(model.tensors) do
    define(name)
    local n = width[t.type]
    for _, size in ipairs(t.shape) do n = n * size end
    assert.equal(n, #t.bytes, name)
  end
  for _, node in ipairs(model.nodes) do
    assert.is_nil(nodes[node.name], node.name .. " names two nodes")
    nodes[node.name] = true
    for _, name in ipairs(node.inputs) do
      assert.is_true(name == "" or known[name], node.name .. " uses unknown " .. name)
    end
    for _, name in ipairs(node.outputs) do define(name) end
  end
  assert.is_true(known[model.output.name])
end

local keep = os.getenv "NEAP_ONNX_KEEP"

-- Write net for x, read the file back, look at it, and keep it where that is asked for.
local function export(name, net, x, o)
  local folder = keep or file.temporary_folder()
  local path = folder .. "/" .. name .. ".onnx"
  nn.export_onnx(net, x, path, o)
  local model = read_model(file.read(path))
  check_model(model)
  local inputs = type(x) == "table" and x or { x }
  net:eval()
  local y = grad.no_grad(function() return (net(table.unpack(inputs))) end)
  local shape = y.shape
  shape[1] = "batch"
  assert.same(shape, model.output.shape)
  if keep then -- with another batch: the file leaves that open
    local named, twice = {}, {}
    for i, input in ipairs(model.inputs) do
      twice[i] = tensor.cat({ inputs[i], inputs[i] + (inputs[i].dtype == "f32" and 0.5 or 0) }, 1)
      named[input.name] = twice[i]
    end
    named[model.output.name] = grad.no_grad(function() return (net(table.unpack(twice))) end)
    tensor.save(folder .. "/" .. name .. ".npz", named)
  else
    file.remove_tree(folder)
  end
  return model
end

local function randn(...) return tensor.randn { dtype = "f32", rng = neap.rng(1), ... } end

-- Parameters and statistics of a layer moved up from where they start, each row alike.
local function stirred(l)
  for _, t in pairs(l:state()) do
    local up = t.dtype == "f32" and tensor.rand { t:size(-1), dtype = "f32", rng = neap.rng(2) }
    if up then t:add_(up) end
  end
  return l
end

-- Name, net, an input, and the nodes expected (of long nets only that they compute the same).
local cases = {
  { "linear", function() return nn.Linear(3, 2) end, randn(4, 3), "Gemm" },
  { "linear_no_bias", function() return nn.Linear(3, 2, { bias = false }) end, randn(4, 3),
    "Gemm" },
  { "linear_steps", function() return nn.Linear(3, 2) end, randn(4, 5, 3), "MatMul Add" },
  { "linear_steps_no_bias", function() return nn.Linear(3, 2, { bias = false }) end,
    randn(4, 5, 3), "MatMul" },
  { "activations", function()
    return nn.Sequential { nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.Softplus(), nn.LeakyReLU(0.2),
      nn.ELU(0.7), nn.Identity() }
  end, randn(4, 3), "Relu Tanh Sigmoid Softplus LeakyRelu Elu" },
  { "silu", nn.SiLU, randn(4, 3), "Sigmoid Mul" },
  { "gelu", nn.GELU, randn(4, 3), "Mul Erf Add Mul Mul" },
  { "softmax", nn.Softmax, randn(4, 3), "Softmax" },
  { "log_softmax", function() return nn.LogSoftmax(2) end, randn(4, 3, 5), "LogSoftmax" },
  { "layer_norm", function() return stirred(nn.LayerNorm(5)) end, randn(4, 3, 5),
    "ReduceMean Sub Mul ReduceMean Add Sqrt Div Mul Add" },
  { "layer_norm_two_dims", function()
    return nn.LayerNorm({ 3, 5 }, { elementwise_affine = false, eps = 0.1 })
  end, randn(4, 3, 5), "ReduceMean Sub Mul ReduceMean Add Sqrt Div" },
  { "batch_norm", function() return stirred(nn.BatchNorm1d(3, { eps = 0.1 })) end, randn(4, 3),
    "BatchNormalization" },
  { "batch_norm_steps", function()
    return nn.Sequential { stirred(nn.BatchNorm1d(5, { affine = false })), nn.Tanh() }
  end, randn(4, 3, 5), "Transpose BatchNormalization Tanh Transpose" },
  { "batch_norm_image", function() return stirred(nn.BatchNorm2d(5)) end, randn(4, 3, 2, 5),
    "Transpose BatchNormalization Transpose" },
  { "group_norm", function() return stirred(nn.GroupNorm(2, 6)) end, randn(4, 3, 2, 6),
    "Transpose Reshape InstanceNormalization Reshape Mul Add Transpose" },
  { "group_norm_plain", function() return nn.GroupNorm(3, 6, { affine = false }) end,
    randn(4, 6), "Reshape InstanceNormalization Reshape" },
  { "dropout", function() return nn.Sequential { nn.Dropout(0.5), nn.ReLU() } end, randn(4, 3),
    "Relu" },
  { "embedding", function() return nn.Embedding(5, 3) end,
    tensor.of({ { 1, 5, 2 }, { 3, 3, 4 } }, { dtype = "i64" }), "Sub Gather" },
  { "attention", function() return stirred(nn.MultiheadAttention(8, 2)) end, randn(4, 3, 8),
    "MatMul Add Reshape Transpose MatMul Add Reshape Transpose MatMul Add Reshape Transpose "
      .. "Transpose MatMul Mul Softmax MatMul Transpose Reshape MatMul Add" },
  { "encoder", function()
    local o = { dim_feedforward = 12, activation = "gelu" }
    local before = { dim_feedforward = 12, norm_first = true }
    return nn.Sequential { nn.PositionalEncoding(8), stirred(nn.TransformerEncoder({
      nn.TransformerEncoderLayer(8, 2, o), nn.TransformerEncoderLayer(8, 2, before) },
      nn.LayerNorm(8))) }
  end, randn(4, 3, 8) },
  { "conv1d", function() return nn.Conv1d(3, 4, 3) end, randn(2, 9, 3),
    "Transpose Conv Transpose" },
  { "conv1d_options", function()
    return nn.Sequential {
      nn.Conv1d(4, 6, 4, { padding = "same", groups = 2, bias = false }), nn.LeakyReLU(0.1),
      nn.Conv1d(6, 2, 2, { padding = "causal", dilation = 3 }), nn.Tanh(),
      nn.Conv1d(2, 3, 3, { padding = 1, stride = 2 }) }
  end, randn(2, 9, 4), "Transpose Conv LeakyRelu Conv Tanh Conv Transpose" },
  { "conv2d", function()
    return nn.Sequential { nn.Conv2d(2, 4, { 2, 3 }, { stride = { 1, 2 }, padding = { 1, 0 } }),
      nn.ReLU(), nn.Conv2d(4, 4, { 4, 1 }, { padding = "same", groups = 4 }), nn.Flatten(),
      nn.Linear(140, 2) }
  end, randn(2, 6, 11, 2), "Transpose Conv Relu Conv Transpose Flatten Gemm" },
  { "conv_transpose", function()
    return nn.ConvTranspose1d(4, 6, 3, { stride = 2, padding = 1, output_padding = 1, groups = 2 })
  end, randn(2, 5, 4), "Transpose ConvTranspose Transpose" },
  { "pools", function()
    return nn.Sequential { nn.MaxPool1d(3, { stride = 2, padding = 1 }), nn.AvgPool1d(2),
      nn.AvgPool1d(3, { stride = 1, padding = 1, count_include_pad = false }),
      nn.MaxPool1d(2, { ceil_mode = true }), nn.AdaptiveAvgPool1d(1) }
  end, randn(2, 21, 3), "Transpose MaxPool AveragePool AveragePool MaxPool AveragePool Transpose" },
  { "pools2d", function()
    return nn.Sequential { nn.MaxPool2d({ 3, 1 }, { stride = 1, padding = { 1, 0 } }),
      nn.AvgPool2d(2, { stride = { 2, 1 }, ceil_mode = true,
        count_include_pad = false }), nn.AdaptiveAvgPool2d({ 5, 2 }) }
  end, randn(2, 9, 5, 3), "Transpose MaxPool AveragePool AveragePool Transpose" },
  { "lstm", function() return nn.LSTM(3, 4) end, randn(2, 5, 3),
    "Transpose LSTM Squeeze Transpose" },
  { "lstm_deep", function()
    return nn.Sequential { nn.LSTM(3, 4, { num_layers = 2, bidirectional = true, dropout = 0.5 }),
      nn.Last(), nn.Linear(8, 2) }
  end, randn(2, 5, 3), "Transpose LSTM Transpose Reshape LSTM Transpose Reshape Transpose "
    .. "Gather Gemm" },
  { "gru", function() return nn.GRU(3, 4, { num_layers = 2, bias = false }) end, randn(2, 5, 3),
    "Transpose GRU Squeeze GRU Squeeze Transpose" },
  { "gru_both_ways", function() return nn.GRU(3, 4, { bidirectional = true }) end,
    randn(2, 5, 3), "Transpose GRU Transpose Reshape Transpose" },
  { "rnn", function() return nn.RNN(3, 4) end, randn(2, 5, 3),
    "Transpose RNN Squeeze Transpose" },
  { "rnn_relu", function() return nn.RNN(3, 4, { nonlinearity = "relu", bidirectional = true }) end,
    randn(2, 5, 3), "Transpose RNN Transpose Reshape Transpose" },
  { "order_book", function()
    local function side(kernel)
      return nn.Sequential { nn.Conv2d(4, 4, 1), nn.LeakyReLU(),
        nn.Conv2d(4, 4, kernel, { padding = "same" }), nn.LeakyReLU() }
    end
    return nn.Sequential { nn.Conv2d(1, 4, { 1, 2 }, { stride = { 1, 2 } }), nn.LeakyReLU(),
      nn.Concat { side { 3, 1 }, side { 5, 1 }, nn.MaxPool2d({ 3, 1 }, { stride = 1,
        padding = { 1, 0 } }) }, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 3),
      nn.Softmax() }
  end, randn(2, 10, 8, 1) },
  { "shapes", function()
    return nn.Sequential { nn.Permute(1, 3, 2), nn.Flatten() }
  end, randn(4, 3, 5), "Transpose Flatten" },
  { "last", nn.Last, randn(4, 3, 5), "Gather" },
  { "residual", function() return nn.Residual(nn.Linear(3, 3)) end, randn(4, 3), "Gemm Add" },
  { "shortcut", function()
    return nn.Residual(nn.Linear(3, 2), { shortcut = nn.Linear(3, 2) })
  end, randn(4, 3), "Gemm Gemm Add" },
  { "concat", function() return nn.Concat({ nn.Tanh(), nn.Linear(3, 2) }, { dim = 2 }) end,
    randn(4, 3), "Tanh Gemm Concat" },
}

describe("ONNX", function()
  before_each(function() neap.seed(1) end)

  for _, case in ipairs(cases) do
    local name, make, x, ops = table.unpack(case)
    it("has a form for " .. name, function()
      local model = export(name, make(), x)
      assert.equal("Identity", table.remove(model.ops))
      if ops then assert.equal(ops, table.concat(model.ops, " ")) end
    end)
  end

  it("has a form for every layer", function()
    local forms = require "neap.nn.onnx.forms"
    for name in pairs(nn) do
      assert.is_true(forms[name] ~= nil or not name:find "^%u", name .. " has no form in ONNX")
    end
  end)

  it("has a form for every model", function()
    local models, seen = neap.models, {}
    local function try(name, net, x)
      seen[name:match "^(.-)%d*$"] = true
      export(name, net, x)
    end
    try("mlp", models.mlp(5, { dropout = 0.2 }), randn(2, 5))
    try("lstm_predictor", models.lstm_predictor(3, { num_layers = 2, dropout = 0.1 }),
      randn(2, 6, 3))
    try("tcn", models.tcn(3, { channels = { 4, 5 } }), randn(2, 20, 3))
    for i, padding in ipairs { "same", "causal", "valid" } do
      try("cnn_lstm" .. i, models.cnn_lstm(8, { filters = 4, inception = 4, hidden_size = 4,
        padding = padding }), randn(2, 24, 8))
    end
    try("dual_channel", models.dual_channel(3, 2, { filters = 4, hidden_size = 4 }),
      { randn(2, 40, 3), randn(2, 12, 2) })
    try("lstm_autoencoder", models.lstm_autoencoder(3, { hidden_size = 4 }), randn(2, 6, 3))
    for i, pool in ipairs { "last", "mean" } do
      try("transformer_encoder" .. i, models.transformer_encoder(3, { d_model = 8, nhead = 2,
        dim_feedforward = 8, pool = pool }), randn(2, 6, 3))
    end
    for name in pairs(models) do assert.is_true(seen[name], name .. " is not tried") end
  end)

  it("holds the weights under the names of the state, bit for bit", function()
    local net = nn.Sequential { nn.Linear(3, 2), nn.Residual(nn.Linear(2, 2)) }
    local model = export("names", net, randn(4, 3))
    local state = net:state()
    for _, name in ipairs { "0.weight", "0.bias", "1.inner.weight", "1.inner.bias" } do
      assert.same(state[name].shape, model.tensors[name].shape)
      assert.equal(c.bytes(state[name]), model.tensors[name].bytes)
    end
    assert.same({ name = "input", type = 1, shape = { "batch", 3 } }, model.inputs[1])
    assert.same({ "input", "0.weight", "0.bias" }, model.nodes[1].inputs)
    assert.same({ transB = 1 }, model.nodes[1].attributes)
  end)

  it("writes the models by name", function()
    local models = neap.models
    for _, padding in ipairs { "same", "causal", "valid" } do
      export("model_cnn_lstm_" .. padding, models.cnn_lstm(8, { filters = 4, inception = 4,
        hidden_size = 4, padding = padding }), randn(1, 24, 8))
    end
    export("model_lstm", models.lstm_predictor(3, { hidden_size = 4 }), randn(1, 5, 3))
    export("model_tcn", models.tcn(3, { channels = { 4, 5 } }), randn(1, 9, 3))
    export("model_mlp", models.mlp(3), randn(1, 3))
    export("model_dual", models.dual_channel(4, 3, { filters = 4, hidden_size = 4 }),
      { randn(1, 60, 4), randn(1, 14, 3) })
    export("model_transformer", models.transformer_encoder(3, { d_model = 4, nhead = 2,
      dim_feedforward = 6, pool = "mean" }), randn(1, 6, 3))
  end)

  it("keeps f64, several inputs and the names asked for", function()
    local net = nn.Parallel { nn.Linear(2, 2, { dtype = "f64" }), nn.Identity() }
    local x = { tensor.ones { 3, 2 }, tensor.ones { 3, 4 } }
    local model = export("parallel", net, x, { input_names = { "book", "clock" },
      output_name = "p" })
    assert.same({ "book", "clock", "p" },
      { model.inputs[1].name, model.inputs[2].name, model.output.name })
    assert.equal(11, model.output.type)
    assert.same({ "batch", 6 }, model.output.shape)
    assert.same({ "input_1", "input_2" }, (function(m)
      return { m.inputs[1].name, m.inputs[2].name }
    end)(export("parallel_plain", net, x)))
  end)

  it("leaves the net as it was", function()
    local net = nn.Sequential { nn.Linear(3, 2), nn.ReLU() }
    net[2]:eval()
    export("left", net, randn(4, 3))
    net:train()
    net[2]:eval()
    local folder = file.temporary_folder()
    nn.export_onnx(net, randn(4, 3), folder .. "/net.onnx")
    file.remove_tree(folder)
    assert.is_true(net.training)
    assert.is_false(net[2].training)
    assert.is_true(net[1].weight.requires_grad)
  end)

  it("takes layers of one's own", function()
    local Scale = nn.layer "Scale"
    function Scale:init() self.weight = nn.param(tensor.full { 3, value = 2, dtype = "f32" }) end
    function Scale:forward(x) return x * self.weight end
    local net = nn.Sequential { nn.Linear(3, 3), Scale() }
    assert.matches("nn.export_onnx: net%[2%] %(Scale%) has no form in ONNX",
      support.message(nn.export_onnx, net, randn(4, 3), "unwritten.onnx"))
    function Scale.onnx(g, l, v)
      return g:node("Mul", { g:last(v).name, g:tensor("weight", l.weight:detach()) })
    end
    local model = export("own", net, randn(4, 3))
    assert.equal("Gemm Mul Identity", table.concat(model.ops, " "))
    assert.same({ 3 }, model.tensors["1.weight"].shape)
    function Scale.onnx(_, _, v) return { name = v.name, x = v.x } end
    assert.matches("something else than its layers one by one",
      support.message(nn.export_onnx, net, randn(4, 3), "unwritten.onnx"))
    assert.is_false(file.exists "unwritten.onnx")
  end)

  it("refuses what is no net or no example", function()
    local net = nn.Linear(3, 2)
    for _, case in ipairs {
      { "a net expected, got number", 7, randn(1, 3) },
      { "the example must be a table, got nil", net, nil },
      { "an example of the input is needed", net, {} },
      { "input 1 must be a tensor", net, { 3 } },
      { "at least 1 row, got %[0x3%]", net, tensor.zeros { 0, 3, dtype = "f32" } },
      { "2 input_names for 1 inputs", net, randn(1, 3), { input_names = { "a", "b" } } },
      { "unknown option 'opset'", net, randn(1, 3), { opset = 9 } },
    } do
      assert.matches(case[1],
        support.message(nn.export_onnx, case[2], case[3], "unwritten.onnx", case[4]))
    end
    assert.matches("BatchNorm1d without running statistics",
      support.message(nn.export_onnx, nn.BatchNorm1d(3, { track_running_stats = false }),
        randn(2, 3), "unwritten.onnx"))
    assert.matches("AdaptiveAvgPool1d: 2 windows over a size of 5 are uneven",
      support.message(nn.export_onnx, nn.AdaptiveAvgPool1d(2), randn(2, 5, 3), "unwritten.onnx"))
    assert.matches("AvgPool1d: a last window that sticks out",
      support.message(nn.export_onnx, nn.AvgPool1d(2, { ceil_mode = true }), randn(2, 5, 3),
        "unwritten.onnx"))
    assert.matches("path must be a string", support.message(nn.export_onnx, net, randn(1, 3), 5))
    assert.is_false(file.exists "unwritten.onnx")
  end)
end)
