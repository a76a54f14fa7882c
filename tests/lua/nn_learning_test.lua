-- Tasks whose answer is known, learned from five seeds each. The thresholds stand well inside what
-- every seed reaches and far from what a model that learned nothing can have.
local command = require "tests.lua.command"
local neap = require "neap"
local grad, nn, optim, tensor = neap.grad, neap.nn, neap.optim, neap.tensor

-- Less where everything is slow: under sanitizers one seed, and not the tasks with the most steps.
local seeds = command.sanitized and { 1 } or { 1, 2, 3, 4, 5 }
local it_is_long = command.sanitized and pending or it

-- Train net by Adam on batches that o.make(rng, rows) gives: an input, and what o.loss takes beside
-- the output. The rate falls to nothing, so that the last batches do not decide.
local function train(net, o)
  local opt = optim.Adam(net:parameters(), { lr = o.lr })
  for step = 1, o.steps do
    opt.lr = o.lr * (1 - (step - 1) / o.steps)
    local x, y = o.make(o.rng, o.batch)
    opt:zero_grad()
    o.loss(net(x), y):backward()
    optim.clip_norm(net:parameters(), 1)
    opt:step()
  end
  net:eval()
end

local function test_loss(net, o, rows)
  local x, y = o.make(o.rng:split "test", rows)
  return grad.no_grad(function() return o.loss(net(x), y) end), x, y
end

-- [batch, time, 1, channels] as [batch, time, channels].
local Rows = nn.layer "Rows"
function Rows.init() end
function Rows.forward(_, x) return x:squeeze(3) end

for _, seed in ipairs(seeds) do
  describe("seed " .. seed, function()
    local rng

    before_each(function()
      neap.seed(seed)
      rng = neap.rng(seed):split "data"
    end)

    it("XOR: every corner is told apart", function()
      local x = tensor.of({ { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } }, { dtype = "f32" })
      local y = tensor.of({ { 0 }, { 1 }, { 1 }, { 0 } }, { dtype = "f32" })
      local net = nn.Sequential { nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1) }
      train(net, { rng = rng, steps = 400, lr = 0.05, loss = nn.bce_with_logits,
        make = function() return x, y end })
      local p = grad.no_grad(function() return net(x):sigmoid() end)
      assert.is_true((p - y):abs():max() < 0.05)
    end)

    -- The next value of a sine of unknown phase and frequency, once eight are seen: saying that
    -- nothing changes has an error of 0.1 at these frequencies, saying 0 one of 0.5.
    it("sine: the next value is forecast", function()
      local steps = 24
      local function make(r, batch)
        local phase = tensor.rand { batch, 1, rng = r } * (2 * math.pi)
        local speed = tensor.rand { batch, 1, rng = r } * 0.3 + 0.3
        local s = (phase + speed * tensor.arange(0, steps)):sin():to("f32"):reshape(batch, -1, 1)
        return s[{ {}, { 1, -2 } }], s[{ {}, { 2, -1 } }]
      end
      local net = nn.Sequential { nn.LSTM(1, 24), nn.Linear(24, 1) }
      local function loss(out, y)
        return nn.mse(out[{ {}, { 9, -1 } }], y[{ {}, { 9, -1 } }])
      end
      local o = { rng = rng, make = make, batch = 32, steps = 300, lr = 0.01, loss = loss }
      train(net, o)
      assert.is_true(test_loss(net, o, 256) < 0.002)
    end)

    -- The sum of the two marked numbers among 20 (Hochreiter and Schmidhuber, 1997): always
    -- answering 1 has an error of 1/6.
    it_is_long("adding problem: two marked numbers are summed", function()
      local steps = 20
      local function make(r, batch)
        local values = tensor.rand { batch, steps, rng = r }
        local first = (tensor.rand { batch, 1, rng = r } * 10):floor()
        local second = (tensor.rand { batch, 1, rng = r } * 10):floor() + 10
        local at = tensor.arange(0, steps - 1)
        local marks = (at:eq(first) | at:eq(second)):to "f64"
        return tensor.stack({ values, marks }, 3):to "f32",
          (values * marks):sum(2, { keepdim = true }):to "f32"
      end
      local net = nn.Sequential { nn.LSTM(2, 32), nn.Last(), nn.Linear(32, 1) }
      local o = { rng = rng, make = make, batch = 64, steps = 1200, lr = 0.01, loss = nn.mse }
      train(net, o)
      assert.is_true(test_loss(net, o, 512) < 0.005)
    end)

    -- Three symbols are shown, then nothing for eight steps, then they are asked for: guessing
    -- has a loss of log 4.
    it("copy task: symbols are kept over a gap", function()
      local symbols, shown, gap = 4, 3, 8
      local function make(r, batch)
        local s = tensor.randint { batch, shown, high = symbols, rng = r }
        local blank = tensor.full { batch, gap, value = symbols + 1, dtype = "i64" }
        local ask = tensor.full { batch, shown, value = symbols + 2, dtype = "i64" }
        return tensor.cat({ s, blank, ask }, 2), s
      end
      local net = nn.Sequential { nn.Embedding(symbols + 2, 8), nn.GRU(8, 48),
        nn.Linear(48, symbols) }
      local function loss(out, s)
        return nn.cross_entropy(out[{ {}, { -shown, -1 } }]:reshape(-1, symbols), s:reshape(-1))
      end
      local o = { rng = rng, make = make, batch = 64, steps = 600, lr = 0.01, loss = loss }
      train(net, o)
      assert.is_true(test_loss(net, o, 256) < 0.1)
    end)

    -- Books of four levels, price and size of both sides; the next move is the sign of the mean
    -- imbalance of the last five best levels plus noise. Three classes of a third each; the signal
    -- itself would be right in 90 of 100.
    it_is_long("order book: a planted imbalance is found", function()
      local steps, levels = 12, 4
      local function make(r, batch)
        local sizes = tensor.rand { batch, steps, levels, 2, rng = r } + 0.1
        local prices = tensor.randn { batch, steps, levels, 2, rng = r }
        local book = tensor.stack({ prices, sizes }, 4):reshape(batch, steps, 4 * levels, 1)
        local ask, bid = sizes[{ {}, { -5, -1 }, 1, 1 }], sizes[{ {}, { -5, -1 }, 1, 2 }]
        local signal = ((bid - ask) / (bid + ask)):mean(2)
        local noisy = signal + 0.03 * tensor.randn { batch, rng = r }
        local y = noisy:gt(-0.08):to "i64" + noisy:gt(0.08):to "i64" + 1
        return book:to "f32", y
      end
      local net = nn.Sequential {
        nn.Conv2d(1, 8, { 1, 4 }, { stride = { 1, 4 } }), nn.LeakyReLU(0.01),
        nn.Conv2d(8, 8, { 1, levels }), nn.LeakyReLU(0.01),
        Rows(), nn.LSTM(8, 16), nn.Last(), nn.Linear(16, 3),
      }
      local o = { rng = rng, make = make, batch = 64, steps = 1500, lr = 0.01,
        loss = nn.cross_entropy }
      train(net, o)
      local _, x, y = test_loss(net, o, 1024)
      local found = grad.no_grad(function() return net(x):argmax(2) end)
      assert.is_true(found:eq(y):to("f64"):mean() > 0.8)
    end)
  end)
end
