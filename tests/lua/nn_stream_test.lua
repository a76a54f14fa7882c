-- Nets a row at a time: what batch mode gives for all rows so far, bit for bit; what is refused.
local grad = require "neap.grad"
local models = require "neap.models"
local neap = require "neap"
local nn = require "neap.nn"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local function randn(dtype, ...) return tensor.randn { dtype = dtype, ... } end

-- Push the rows of x, [time, ...], and compare each result with the net's on the rows so far, where
-- it has a new one. Returns the number of results.
local function compare(net, x, what)
  local s, given, before = net:eval():stream(), 0, 0
  for t = 1, x:size(1) do
    local row = s:push(x[t])
    local ok, y = pcall(grad.no_grad, net, x:slice(1, 1, t):unsqueeze(1))
    y = ok and y[1] or nil
    -- a net without Last gives a sequence, which is longer when there is a new row
    local whole = y and row and y:dim() > row:dim()
    if whole then
      assert.equal(before + 1, y:size(1), what)
      before, y = y:size(1), y[-1]
    end
    if row then
      given = given + 1
      assert.is_truthy(y, ("%s: a row at %d, batch mode has none: %s"):format(what, t, tostring(y)))
      assert.same(y.shape, row.shape, what)
      assert.is_true(y:eq(row):all(), ("%s differs at step %d"):format(what, t))
    elseif y and y:dim() > 1 then
      assert.equal(before, y:size(1), ("%s: no row at %d"):format(what, t))
    end
  end
  return given
end

local function number(r, low, high) return r:integer(low, high) end

describe("a stream", function()
  before_each(function() neap.seed(3) end)

  it("of a recurrent net carries its state on", function()
    for _, cell in ipairs { "LSTM", "GRU" } do
      local net = models.lstm_predictor(5, { hidden_size = 12, num_layers = 2, cell = cell,
        dropout = 0.5, outputs = 2 })
      assert.equal(25, compare(net, randn("f32", 25, 5), cell))
    end
    local rnn = nn.Sequential { nn.RNN(3, 4, { nonlinearity = "relu", dtype = "f64" }) }
    assert.equal(9, compare(rnn, randn("f64", 9, 3), "RNN"))
  end)

  it("of the order book net equals the net on all rows so far", function()
    local causal = models.cnn_lstm(40, { filters = 8, inception = 8, hidden_size = 16,
      padding = "causal" })
    assert.equal(40, compare(causal, randn("f32", 40, 40), "cnn_lstm"))
    -- a stream needs the past only, and says which layer of a net does not
    local net = models.cnn_lstm(8, { filters = 4, inception = 4, hidden_size = 4 }):eval()
    assert.truthy(support.message(net.stream, net):find(
      "stream: net.conv1[3] (Conv2d): padding looks 2 steps ahead; padding must be \"causal\"", 1,
      true))
  end)

  it("of the temporal convolutional net too", function()
    local net = models.tcn(3, { channels = { 5, 5, 7 }, kernel_size = 3, outputs = 2 })
    assert.equal(40, compare(net, randn("f32", 40, 3), "tcn"))
    assert.equal(40, compare(models.tcn(3, { dtype = "f64", dropout = 0.2 }), randn("f64", 40, 3),
      "tcn in f64"))
  end)

  it("of convolutions of any geometry", function()
    local r = neap.rng(11)
    for case = 1, 40 do
      local groups, dtype = number(r, 1, 3), case % 2 == 0 and "f64" or "f32"
      local inputs, outputs = groups * number(r, 1, 4), groups * number(r, 1, 20)
      local net = nn.Sequential {
        nn.Conv1d(inputs, outputs, number(r, 1, 5), { stride = number(r, 1, 3), groups = groups,
          dilation = number(r, 1, 3), padding = case % 3 == 0 and "valid" or "causal",
          bias = case % 5 > 0, dtype = dtype }),
        ({ nn.LeakyReLU(0.1), nn.ReLU(), nn.Tanh(), nn.LeakyReLU(2) })[case % 4 + 1],
        ({ nn.MaxPool1d(2), nn.AvgPool1d(3, { stride = 1 }), nn.Identity() })[case % 3 + 1],
      }
      assert.is_true(compare(net, randn(dtype, 24, inputs), tostring(net)) > 0)
    end
  end)

  it("of images of any width", function()
    local r = neap.rng(12)
    for case = 1, 30 do
      local channels, width = number(r, 1, 4), number(r, 4, 9)
      local net = nn.Sequential {
        nn.Conv2d(channels, number(r, 1, 36), { number(r, 1, 4), number(r, 1, 2) },
          { stride = { 1, number(r, 1, 2) }, dilation = { number(r, 1, 2), number(r, 1, 3) },
            padding = case % 2 == 0 and "causal" or { 0, number(r, 0, 2) } }),
        nn.ReLU(),
      }
      local x = randn("f32", 12, width * channels)
      local ToImage = nn.layer "ToImage"
      ToImage.pointwise = true
      function ToImage.init() end
      function ToImage.forward(_, v)
        local n = v:dim()
        return n == 2 and v:reshape(1, 1, width, channels)
          or v:reshape(v:size(1), v:size(2), width, channels)
      end
      local given = compare(nn.Sequential { ToImage(), net, nn.MaxPool2d { 1, 1 } }, x,
        tostring(net))
      assert.is_true(given > 0)
    end
  end)

  it("of norms, sums around layers and layers side by side", function()
    local inner = nn.Sequential { nn.Conv1d(4, 4, 3, { padding = "causal" }), nn.GELU(),
      nn.Dropout(0.5) }
    local norm = nn.BatchNorm1d(4)
    norm.running_mean:copy_(randn("f32", 4))
    norm.running_var:copy_(tensor.rand { 4, dtype = "f32" } + 0.5)
    local net = nn.Sequential { nn.LayerNorm(4), norm, nn.Residual(inner),
      nn.Concat { nn.Linear(4, 3), nn.Conv1d(4, 5, 1), nn.Identity() },
      nn.Residual(nn.Linear(12, 2), { shortcut = nn.Linear(12, 2) }), nn.Last(), nn.Flatten(),
      nn.Softmax() }
    assert.equal(10, compare(net, randn("f32", 10, 4), "norms"))
    assert.equal(3, compare(nn.Sequential { nn.Linear(500, 2) }, randn("f32", 3, 500), "long rows"))
  end)

  it("gives rows that are its caller's, and takes tables and other dtypes", function()
    local s = nn.Sequential({ nn.Linear(2, 2) }):stream()
    local first = s:push { 1, 2 }
    local kept = first:clone()
    s:push(tensor.of { 5, 6 })
    assert.is_true(first:eq(kept):all())
    assert.is_true(s:push(tensor.of { 1, 2 }):eq(first):all())
    assert.is_false(first.requires_grad)
  end)

  it("starts over, stops and goes on", function()
    local net = nn.Sequential { nn.Conv1d(3, 4, 3, { stride = 2, padding = "causal" }), nn.ReLU(),
      nn.LSTM(4, 5), nn.GRU(5, 5), nn.Last(), nn.Linear(5, 1) }
    local x, s, rows = randn("f32", 20, 3), net:stream(), {}
    for t = 1, 20 do rows[t] = s:push(x[t]) or false end
    s:reset()
    local path = support.temporary ".safetensors"
    for t = 1, 20 do
      if t == 8 then
        tensor.save(path, s:state())
        s = net:stream():load_state(tensor.load(path))
      end
      local row = s:push(x[t]) or false
      assert.equal(rows[t] and true, row and true)
      if row then assert.is_true(row:eq(rows[t]):all(), "step " .. t) end
    end
    os.remove(path)
    assert.same({}, net:stream():state())
    net:stream():load_state {}
    local other = nn.Sequential({ nn.LSTM(3, 5) }):stream()
    assert.truthy(support.message(other.load_state, other, s:state()):find(
      "load_state: missing net[1].h", 1, true))
  end)

  it("refuses what looks ahead, by name", function()
    local function message(net) return support.message(net.stream, net) end
    local function says(net, text) assert.truthy(message(net):find(text, 1, true), message(net)) end
    says(nn.Sequential { nn.Conv1d(3, 4, 3, { padding = "same" }) },
      "stream: net[1] (Conv1d): padding looks 1 steps ahead")
    says(nn.Sequential { nn.Conv1d(3, 4, 3, { padding = 2 }) }, "net[1] (Conv1d): padding looks")
    says(nn.Sequential { nn.MaxPool1d(3, { padding = 1 }) }, "net[1] (MaxPool1d): padding looks")
    says(nn.Sequential { nn.Identity(), nn.LSTM(3, 4, { bidirectional = true }) },
      "net[2] (LSTM): it also runs from the end")
    says(nn.Sequential { nn.Flatten() }, "net[1] (Flatten): it needs the whole sequence")
    says(nn.Sequential { nn.Last(), nn.LSTM(3, 4) }, "net[2] (LSTM): time has ended before it")
    says(nn.Sequential { nn.Dropout(0.1) }, "call net:eval() first")
    says(nn.Sequential { nn.BatchNorm1d(3) }, "call net:eval() first")
    says(nn.Sequential({ nn.BatchNorm1d(3, { track_running_stats = false }) }):eval(),
      "no running statistics")
    for _, net in ipairs { models.transformer_encoder(4), models.lstm_autoencoder(4),
      models.dual_channel(3, 4) } do
      says(net:eval(), "it does not say how to take rows one at a time")
    end
  end)

  it("is as it was after a first row that does not fit", function()
    local net = nn.Sequential { nn.Linear(3, 2), nn.LSTM(2, 2) }
    local s, x = net:stream(), tensor.of({ { { 1, 2, 3 }, { 4, 5, 6 } } }, { dtype = "f32" })
    assert.is_false(pcall(s.push, s, { 1, 2, 3, 4, 5 }))
    s:push(x[1][1])
    assert.is_true(s:push(x[1][2]):eq(net(x)[{ 1, -1 }]:detach()):all())
  end)

  it("refuses rows that do not fit", function()
    local s = nn.Sequential({ nn.Conv1d(3, 4, 2) }):stream()
    assert.truthy(support.message(s.push, s, { 1, 2 }):find(
      "net[1] (Conv1d): rows are [1x2], the layer takes 3 channels", 1, true))
    s = nn.Sequential({ nn.LSTM(3, 4) }):stream()
    s:push { 1, 2, 3 }
    assert.truthy(support.message(s.push, s, { 1, 2 }):find(
      "push: a row of 2 numbers, the first had 3", 1, true))
    local branches = nn.Concat { nn.Conv1d(2, 2, 2), nn.Conv1d(2, 2, 3) }
    s = branches:stream()
    s:push { 1, 2 }
    assert.truthy(support.message(s.push, s, { 1, 2 }):find(
      "net (Concat): its branches give rows at different times", 1, true))
  end)

  it("passes NaN on for as long as the net sees it", function()
    local s = nn.Sequential({ nn.Conv1d(1, 1, 3, { padding = "causal" }) }):stream()
    local nan = {}
    for t = 1, 6 do nan[t] = (s:push { t == 2 and 0 / 0 or t }):isnan():any() end
    assert.same({ false, true, true, true, false, false }, nan)
  end)

  it("gives the same bits at any thread count", function()
    local net = models.cnn_lstm(40, { padding = "causal" }):eval()
    local x, results = randn("f32", 6, 40), {}
    for _, threads in ipairs { 1, 2, 3 } do
      neap.set_threads(threads)
      local s = net:stream()
      local last
      for t = 1, 6 do last = s:push(x[t]) end
      results[#results + 1] = last
    end
    neap.set_threads(2)
    assert.is_true(results[1]:eq(results[2]):all() and results[1]:eq(results[3]):all())
  end)
end)

describe("a row that the net refuses", function()
  it("does not settle how long rows are", function()
    local stream = nn.Sequential({ nn.Conv1d(4, 3, 2, { padding = "causal" }) }):eval():stream()
    local ok, message = pcall(stream.push, stream, { 1, 2, 3, 4, 5 })
    assert.is_false(ok)
    assert.truthy(message:find("rows are [1x5], the layer takes 4 channels", 1, true), message)
    assert.same({ 3 }, stream:push({ 1, 2, 3, 4 }).shape)
  end)
end)

describe("the ring of a stream", function()
  local c = require "neap.c.nn"

  local function ring(change)
    local plan = { kind = "max", channels = 4, kernel = { 2, 1 } }
    for name, value in pairs(change) do plan[name] = value end
    return pcall(c.ring, plan, "f32")
  end

  it("refuses sizes whose products overflow", function()
    assert.is_true(ring {})
    local huge = 1 << 62
    for name, value in pairs { kernel = { huge, 1 }, stride = { 1, huge }, dilation = { huge, 1 },
      width = huge, channels = huge, before = huge, after = huge } do
      local ok, message = ring { [name] = value }
      assert.is_false(ok)
      assert.truthy(message:find("stream: " .. name .. " is 4611686018427387904, must be", 1, true),
        message)
    end
    assert.is_true(ring { kernel = { 1, 1 }, dilation = { 2147483647, 1 } })
    local ok, message = ring { width = 2147483647, before = 1 }
    assert.is_false(ok)
    assert.truthy(message:find("rows of 2147483648 places with their padding", 1, true), message)
  end)
end)
