-- nn.fit: what it learns, same bits at any thread count and after resuming, and what it refuses.
local command = require "tests.lua.command"
local dataset = require "neap.dataset"
local file = require "neap.file"
local neap = require "neap"
local nn = require "neap.nn"
local optim = require "neap.optim"
local tensor = require "neap.tensor"

local folder
setup(function() folder = file.temporary_folder() end)
teardown(function() file.remove_tree(folder) end)

local X = tensor.randn { 120, 3, seed = 1 }
local Y = (X[{ {}, 1 }] + X[{ {}, 2 }]):gt(0):to "i64"
local TRUE = X[{ {}, 1 }] * 2 - X[{ {}, 3 }] + 1

local function mlp(outputs, seed, dropout)
  neap.seed(seed or 1)
  return nn.Sequential { nn.Linear(3, 8), nn.Tanh(), nn.Dropout(dropout or 0),
    nn.Linear(8, outputs) }
end

local function bits(net)
  local text, state = {}, net:state()
  for name, t in pairs(state) do text[#text + 1] = name .. t:sha256() end
  table.sort(text)
  return table.concat(text)
end

local function with(o, more)
  local all = {}
  for name, value in pairs(o) do all[name] = value end
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

local function fails(text, net, x, y, o)
  local ok, message = pcall(nn.fit, net, x, y, o)
  assert.is_false(ok)
  assert.truthy(message:find(text, 1, true), message)
end

describe("nn.fit", function()
  it("finds the line that the numbers lie on", function()
    local net = nn.Linear(3, 1)
    local h = nn.fit(net, X, TRUE, { epochs = 60, lr = 0.05, seed = 1 })
    assert.equal("mse", h.loss_name)
    assert.equal(60, #h.loss)
    assert.is_true(h.loss[60] < 1e-6)
    local w = net.weight:detach():reshape(-1):to "f64"
    assert.is_true((w - tensor.of { 2, 0, -1 }):abs():max() < 1e-3)
    assert.is_false(net.training)
  end)

  it("chooses the loss by the labels and the outputs", function()
    local function loss(outputs, y, o)
      return nn.fit(mlp(outputs), X, y, with({ epochs = 1, seed = 1 }, o)).loss_name
    end
    assert.equal("cross_entropy", loss(2, Y))
    assert.equal("bce_with_logits", loss(1, Y))
    assert.equal("bce_with_logits", loss(1, Y:to "f64"))
    assert.equal("bce_with_logits", loss(1, Y:eq(1)))
    assert.equal("mse", loss(1, TRUE))
    assert.equal("mse", loss(2, tensor.stack({ TRUE, TRUE }, 2)))
    assert.equal("huber", loss(1, TRUE, { loss = { "huber", delta = 0.5 } }))
    assert.equal("focal", loss(2, Y, { loss = "focal" }))
    assert.equal("function", loss(1, TRUE, { loss = function(out, y)
      return nn.l1(out, y:unsqueeze(2))
    end }))
  end)

  it("takes labels as they are", function()
    local signs = Y * 2 - 1
    local function trained(y, o)
      local net = mlp(2)
      return nn.fit(net, X, y, with({ epochs = 2, seed = 1 }, o)), bits(net)
    end
    local h, first = trained(Y)
    assert.same({ 0, 1 }, h.classes)
    local g, second = trained(signs)
    assert.same({ -1, 1 }, g.classes)
    assert.equal(first, second)
    assert.same({ 1, 2, 3 }, nn.fit(mlp(3), X, Y + 2, { epochs = 1 }).classes)
    assert.same({ 0, 1, 5 }, nn.fit(mlp(3), X, Y, { epochs = 1, classes = { 5, 0, 1 } }).classes)
  end)

  it("takes optimizers of optim, made by a function or before, with groups", function()
    local function trained(optimizer)
      local net = mlp(2, 4)
      nn.fit(net, X, Y, { epochs = 2, seed = 1, lr = 0.01, optimizer = optimizer(net) })
      return bits(net)
    end
    local named = trained(function() return "adamw" end)
    assert.equal(named, trained(function(net) return optim.AdamW(net:parameters()) end))
    assert.equal(named, trained(function() return optim.AdamW end))
    assert.equal(named, trained(function(net)
      return function() return optim.AdamW { { params = net[1]:parameters() },
        { params = net[4]:parameters() } } end
    end))
  end)

  it("takes losses of nn as what they are by name", function()
    local net, other = mlp(1, 4), mlp(1, 4)
    local h = nn.fit(net, X, TRUE, { epochs = 2, seed = 1, loss = nn.huber })
    nn.fit(other, X, TRUE, { epochs = 2, seed = 1, loss = "huber" })
    assert.equal("huber", h.loss_name)
    assert.equal(bits(other), bits(net))
  end)

  it("does by hand what a loop of one's own does", function()
    local net, other = mlp(2, 4), mlp(2, 4)
    nn.fit(net, X, Y, { epochs = 2, batch_size = 32, shuffle = false, lr = 0.01,
      optimizer = { "sgd", momentum = 0.9 } })
    local opt = optim.SGD(other:parameters(), { lr = 0.01, momentum = 0.9 })
    local xs, ys = X:to "f32", Y + 1
    for _ = 1, 2 do
      for first = 1, 120, 32 do
        local last = math.min(120, first + 31)
        opt:zero_grad()
        nn.cross_entropy(other(xs:slice(1, first, last)), ys:slice(1, first, last)):backward()
        opt:step()
      end
    end
    assert.equal(bits(other), bits(net))
  end)

  it("counts samples of weight 2 as if they stood twice", function()
    local w = tensor.ones { 120 }
    w[{ { 1, 40 } }] = 2
    local twice = tensor.cat({ X, X[{ { 1, 40 } }] }, 1)
    local y = tensor.cat({ TRUE, TRUE[{ { 1, 40 } }] }, 1)
    local function trained(x, target, o)
      neap.seed(3)
      local net = nn.Linear(3, 1, { dtype = "f64" })
      nn.fit(net, x, target, with({ epochs = 5, shuffle = false, optimizer = "sgd", lr = 0.1 }, o))
      return net.weight:detach()
    end
    local a = trained(X, TRUE, { weights = w, batch_size = 120 })
    local b = trained(twice, y, { batch_size = 160 })
    assert.is_true((a - b):abs():max() < 1e-12)
  end)

  it("passes over batches whose weights are all 0", function()
    local w = tensor.zeros { 120 }
    w[{ { 1, 30 } }] = 1
    local h = nn.fit(mlp(1), X, TRUE, { epochs = 1, batch_size = 30, shuffle = false, weights = w })
    assert.equal(1, h.steps)
    assert.equal(h.loss[1], h.loss[1])
  end)

  it("halves weights by age", function()
    local times = tensor.arange(0, 119, 1, { dtype = "i64" }) * 86400000000000
    local function trained(o)
      local net = mlp(1, 2)
      nn.fit(net, X, TRUE, with({ epochs = 2, seed = 5 }, o))
      return bits(net)
    end
    local age = tensor.arange(119, 0, -1)
    local by_hand = trained { weights = (age * (-math.log(2) / 30)):exp() }
    assert.equal(by_hand, trained { half_life = 30, times = times })
    assert.equal(by_hand, trained { half_life = "30d", times = times })
    assert.not_equal(by_hand, trained {})
  end)

  it("accumulates small batches to large ones", function()
    local function trained(o)
      neap.seed(3)
      local net = nn.Sequential { nn.Linear(3, 4, { dtype = "f64" }), nn.Tanh(),
        nn.Linear(4, 1, { dtype = "f64" }) }
      local h = nn.fit(net, X, TRUE, with({ epochs = 3, seed = 2, optimizer = "sgd" }, o))
      return net[1].weight:detach(), h.steps
    end
    local a, steps = trained { batch_size = 40 }
    local b, same = trained { batch_size = 10, accumulate = 4 }
    assert.equal(9, steps)
    assert.equal(9, same)
    assert.is_true((a - b):abs():max() < 1e-14)
  end)

  it("has the same bits at any number of threads, and leaves the run's stream alone", function()
    local seen = {}
    local before = neap.generator():state()
    for threads = 1, 3 do
      neap.set_threads(threads)
      local net = mlp(2, 1, 0.3)
      neap.seed(11)
      nn.fit(net, X, Y, { epochs = 3, seed = 7, clip_norm = 0.5 })
      assert.equal(11, (neap.generator():state()))
      assert.equal(0, (select(3, neap.generator():state())))
      seen[threads] = bits(net)
    end
    neap.set_threads(2)
    neap.seed(before)
    assert.equal(seen[1], seen[2])
    assert.equal(seen[1], seen[3])
  end)

  it("stops early and has the weights of the best epoch", function()
    local few = { X[{ { 1, 20 } }], TRUE[{ { 1, 20 } }] }
    local seen = {}
    local net = mlp(1, 6)
    local h = nn.fit(net, X, TRUE * 0 + 5, { epochs = 50, lr = 0.05, seed = 3, valid = few,
      early_stopping_rounds = 3, metrics = "mae", callbacks = { on_epoch = function(e)
        seen[e.epoch] = bits(e.net)
      end } })
    assert.equal("early", h.stopped)
    assert.equal(h.epochs, h.best_epoch + 3)
    assert.equal(h.valid_loss[h.best_epoch], h.best_value)
    assert.equal(math.min(table.unpack(h.valid_loss)), h.best_value)
    assert.equal(h.epochs, #h.metrics.mae)
    assert.is_true(h.restored)
    assert.equal(seen[h.best_epoch], bits(net))
    assert.matches("best: loss .* after epoch", tostring(h))
  end)

  it("watches what stop_on names, larger or smaller", function()
    local set = { X, Y }
    local h = nn.fit(mlp(2), X, Y, { epochs = 4, seed = 1, valid = set, metrics = { "auc",
      { "share", function(y, p)
        return -(p[{ {}, 2 }]:gt(0.5):to "i64"):eq(y):to("f64"):mean()
      end } },
      stop_on = "auc", restore = true })
    assert.equal(math.max(table.unpack(h.metrics.auc)), h.best_value)
    local g = nn.fit(mlp(2), X, Y, { epochs = 4, seed = 1, valid = set, metrics = "accuracy" })
    for e = 1, 4 do assert.is_true(math.abs(g.metrics.accuracy[e] + h.metrics.share[e]) < 1e-12) end
  end)

  it("follows a schedule, by epochs or by steps", function()
    local function rates(every)
      return nn.fit(mlp(1), X, TRUE, { epochs = 3, lr = 1e-2, batch_size = 60,
        schedule_every = every, scheduler = function(opt, n)
          assert.equal(6, n.steps)
          return optim.exponential(opt, { gamma = 0.5 })
        end }).lr
    end
    assert.same({ 1e-2, 5e-3, 2.5e-3 }, rates "epoch")
    assert.same({ 1e-2, 2.5e-3, 6.25e-4 }, rates "step")
  end)

  it("ends with the running means of weights where it keeps them", function()
    local net, plain = mlp(1, 8), mlp(1, 8)
    local ema
    nn.fit(plain, X, TRUE, { epochs = 2, seed = 1, lr = 0.01, callbacks = { on_batch = function(e)
      ema = ema or optim.ema(mlp(1, 8), { decay = 0.5 })
      assert.equal(e.step, (e.epoch - 1) * 4 + e.batch)
    end } })
    nn.fit(net, X, TRUE, { epochs = 2, seed = 1, lr = 0.01, ema = 0.5 })
    assert.not_equal(bits(plain), bits(net))
    local still = mlp(1, 8)
    nn.fit(still, X, TRUE, { epochs = 2, seed = 1, lr = 0.01, ema = 1e-30 })
    local a, b = still[1].weight:detach(), plain[1].weight:detach()
    assert.is_true((a - b):abs():max() < 1e-6)
  end)

  it("is stopped by callbacks and progress", function()
    local calls = 0
    local h = nn.fit(mlp(1), X, TRUE, { epochs = 5, callbacks = { { on_batch = function(e)
      calls = calls + 1
      return not (e.epoch == 2 and e.batch == 1)
    end }, { on_epoch = function(e) assert.equal(1, e.epoch) end } } })
    assert.equal("callback", h.stopped)
    assert.equal(1, h.epochs)
    assert.equal(5, calls)
    local told = 0
    nn.fit(mlp(1), X, TRUE, { epochs = 2, progress = function(p)
      told = told + 1
      assert.equal(8, p.total)
    end })
    assert.equal(8, told)
  end)

  it("takes several inputs, as an array or by name", function()
    local left, right = X[{ {}, { 1, 2 } }], X[{ {}, { 3, 3 } }]
    local function net()
      neap.seed(5)
      return nn.Parallel { nn.Linear(2, 1), nn.Linear(1, 1) }
    end
    local h = nn.fit(net(), { left, right }, TRUE:view(120, 1):expand(120, 2), { epochs = 2,
      valid = { { left, right }, TRUE:view(120, 1):expand(120, 2) } })
    assert.equal(2, #h.valid_loss)
    local Named = nn.layer "NamedInputs"
    function Named:init() self.inner = net() end
    function Named:forward(x) return self.inner({ x.a, x.b }) end
    local g = nn.fit(Named(), { a = left, b = right }, TRUE:view(120, 1):expand(120, 2),
      { epochs = 2, seed = 1 })
    assert.equal(2, #g.loss)
  end)
end)

describe("a checkpoint", function()
  local function options(more)
    return with({ epochs = 4, seed = 7, batch_size = 16, lr = 0.01, clip_norm = 1, ema = 0.9,
      accumulate = 2, valid = { X[{ { 1, 30 } }], Y[{ { 1, 30 } }] }, restore = true,
      schedule_every = "step", scheduler = function(opt, n)
        return optim.cosine(opt, { T_max = n.steps })
      end }, more)
  end

  local function whole()
    local net = mlp(2, 1, 0.3)
    return nn.fit(net, X, Y, options()), bits(net)
  end

  -- Trained to a point, thrown away, and resumed by a net that was never trained.
  local function in_two(path, stop, every)
    local keep = { path = path, every = every.every, every_steps = every.every_steps }
    local net = mlp(2, 1, 0.3)
    nn.fit(net, X, Y, options { checkpoint = keep, callbacks = { on_batch = stop } })
    local other = mlp(2, 99, 0.3)
    neap.seed(1234)
    local h = nn.fit(other, X, Y, options { checkpoint = keep, resume = true, seed = 1234 })
    return h, bits(other)
  end

  local function same(h, g)
    assert.same(h.loss, g.loss)
    assert.same(h.valid_loss, g.valid_loss)
    assert.same(h.lr, g.lr)
    assert.same(h.norm, g.norm)
    assert.equal(h.steps, g.steps)
    assert.equal(h.best_epoch, g.best_epoch)
    assert.equal(h.epochs, g.epochs)
  end

  it("goes on after an epoch with the same bits", function()
    local h, want = whole()
    local g, got = in_two(folder .. "/a.safetensors",
      function(e) return e.epoch < 3 end, { every = 1 })
    same(h, g)
    assert.equal(want, got)
  end)

  it("goes on within an epoch with the same bits", function()
    local h, want = whole()
    local g, got = in_two(folder .. "/b.safetensors",
      function(e) return not (e.epoch == 2 and e.batch == 6) end, { every_steps = 1 })
    same(h, g)
    assert.equal(want, got)
  end)

  it("has running statistics, and the streams of a training without a seed", function()
    local windows = dataset.new(X, Y):windows { length = 6 }
    local function net(seed)
      neap.seed(seed)
      return nn.Sequential { nn.Conv1d(3, 6, 3), nn.BatchNorm1d(6), nn.ReLU(),
        nn.LSTM(6, 5, { num_layers = 2, dropout = 0.3 }), nn.Last(), nn.Linear(5, 2) }
    end
    local function trained(o)
      local m = net(4)
      nn.fit(m, windows, with({ epochs = 3 }, o))
      return bits(m)
    end
    local keep = { path = folder .. "/e.safetensors", every_steps = 1 }
    trained { checkpoint = keep, callbacks = { on_batch = function(e) return e.step < 6 end } }
    local m = net(5)
    neap.set_threads(1)
    nn.fit(m, windows, { epochs = 3, checkpoint = keep, resume = true })
    neap.set_threads(2)
    assert.equal(trained {}, bits(m))
  end)

  it("outlives being killed", function()
    local path = folder .. "/killed.safetensors"
    local script = [[
      local neap, nn, tensor = require "neap", require "neap.nn", require "neap.tensor"
      local stat <close> = io.open "/proc/self/stat"
      local pid = stat:read "n"
      local x = tensor.randn { 120, 3, seed = 1 }
      neap.seed(%d)
      local net = nn.Sequential { nn.Linear(3, 8), nn.Dropout(0.2), nn.Linear(8, 1) }
      nn.fit(net, x, x[{ {}, 1 }], { epochs = 3, seed = 2, resume = true,
        checkpoint = { path = %q, every_steps = 1 }, callbacks = { on_batch = function(e)
          if e.step == %d then os.execute("kill -9 " .. pid) end
        end } })
      print(net[1].weight:detach():sha256(), net[3].bias:detach():sha256())]]
    local function run(seed, at, kill)
      return command.shell(".", ("exec 2>/dev/null; %s -e %s; true"):format(command.neap,
        command.quote(script:format(seed, kill, at))))
    end
    local want = run(1, -1, folder .. "/none.safetensors").out
    assert.equal("", run(1, 6, path).out)
    assert.equal(want, run(5, -1, path).out)
    assert.matches("^%x+\t%x+\n$", want)
  end)

  it("that cannot be written leaves the one before it", function()
    local path = folder .. "/full.safetensors"
    local script = [[
      local nn, tensor = require "neap.nn", require "neap.tensor"
      local x = tensor.randn { 64, 64, seed = 1 }
      local h = nn.fit(nn.Linear(64, 128), x, tensor.zeros { 64, 128 }, { epochs = 2,
        checkpoint = { path = %q } })
      print(h.epochs, #h.warnings, (h.warnings[1]:match "^[^:]*"))]]
    local r = command.shell(".", ("ulimit -f 100; trap '' XFSZ; NEAP_LOG=off %s -e %s"):format(
      command.neap, command.quote(script:format(path))))
    assert.equal("2\t2\tcheckpoint after step 2 was not written\n", r.out)
    local h = nn.fit(nn.Linear(64, 128), tensor.randn { 64, 64, seed = 1 },
      tensor.zeros { 64, 128 }, { epochs = 1, resume = path })
    assert.equal(2, h.steps)
  end)

  it("of another training is refused", function()
    local path = folder .. "/c.safetensors"
    nn.fit(mlp(2), X, Y, { epochs = 1, batch_size = 20, checkpoint = { path = path } })
    local o = { epochs = 2, batch_size = 20, resume = path }
    fails("resume: batch_size was 20 in '" .. path .. "', now it is 30", mlp(2), X, Y,
      with(o, { batch_size = 30 }))
    fails("resume: rows was 120", mlp(2), X[{ { 1, 60 } }], Y[{ { 1, 60 } }], o)
    fails("holds no mean of weights, and the options ask for one", mlp(2), X, Y,
      with(o, { ema = 0.9 }))
    fails("load_state: '3.bias' is [2] in the state, [3] in the net", mlp(3), X, Y,
      with(o, { classes = { 0, 1, 2 } }))
    tensor.save(folder .. "/d.safetensors", { x = X })
    fails("is no checkpoint of a training", mlp(2), X, Y,
      with(o, { resume = folder .. "/d.safetensors" }))
    fails("/nowhere/x.safetensors", mlp(2), X, Y, with(o, { resume = "/nowhere/x.safetensors" }))
    fails("/nowhere/x.safetensors", mlp(2), X, Y,
      { epochs = 1, checkpoint = { path = "/nowhere/x.safetensors" } })
  end)
end)

describe("a loss that is no number", function()
  it("ends training with step, figures of each layer and the last good checkpoint", function()
    local calls = 0
    local path = folder .. "/nan.safetensors"
    local ok, message = pcall(nn.fit, mlp(1), X, TRUE, { epochs = 2, shuffle = false,
      checkpoint = { path = path, every_steps = 2 }, loss = function(out, y)
        calls = calls + 1
        return calls == 4 and (1 / (out * 0 + 1e-30)):mean() * 1e-30 or nn.mse(out, y:unsqueeze(2))
      end })
    assert.is_false(ok)
    assert.matches("nn_fit_test.lua:%d+: nn.fit: the norm of the gradients is nan at step 4 "
      .. "%(epoch 1, batch 4 of 4%)", message)
    assert.matches("\n  0.weight %[8x3%]: rms [%d.]+, max [%d.]+; gradient all 24 not finite\n",
      message)
    assert.truthy(message:find("last good checkpoint: " .. path, 1, true))
    assert.is_true(file.exists(path))
  end)

  it("names what is not finite", function()
    local net = nn.Linear(3, 1)
    nn.fit(net, X, TRUE, { epochs = 1 })
    net.weight:detach():mul_(0 / 0)
    fails("nn.fit: the loss is", net, X, TRUE, { epochs = 1 })
    local _, message = pcall(nn.fit, net, X, TRUE, { epochs = 1 })
    assert.truthy(message:find("weight [1x3]: all 3 not finite; gradient none", 1, true), message)
    assert.truthy(message:find("no checkpoint was kept", 1, true))
  end)
end)

describe("Ctrl-C", function()
  local script = [[
    local nn, tensor = require "neap.nn", require "neap.tensor"
    local x = tensor.randn { 500, 3, seed = 1 }
    local stat <close> = io.open "/proc/self/stat"
    local kill = "kill -INT " .. stat:read "n"
    local net = nn.Linear(3, 1)
    local ok, h = pcall(nn.fit, net, x, x[{ {}, 1 }], { epochs = 50, on_interrupt = %s,
      callbacks = { on_epoch = function(e) if e.epoch == 5 then io.popen(kill):close() end end } })
    print(ok and h.epochs >= 5 and h.epochs < 50, ok and h.stopped, ok and #h.loss == h.epochs,
      ok and net.weight:detach():isfinite():all())]]

  local function run(option)
    return command.shell(".", ("%s -e %s"):format(command.neap,
      command.quote(script:format(option))))
  end

  it("gives the history so far", function()
    assert.equal("true\tinterrupted\ttrue\ttrue\n", run("nil").out)
  end)

  it("is passed on with on_interrupt = 'raise'", function()
    local r = run "'raise'"
    assert.equal(130, r.code)
    assert.equal("", r.out)
  end)
end)

describe("what nn.fit refuses:", function()
  local function refuses(text, x, y, o, net)
    fails("nn.fit: " .. text, net or mlp(2), x, y, with({ epochs = 1 }, o))
  end

  it("sets that do not fit together", function()
    refuses("the set is empty", tensor.zeros { 0, 3 }, tensor.zeros { 0 })
    refuses("y has 119 rows, x has 120", X, Y[{ { 1, 119 } }])
    refuses("batch_size is 121, the set has 120 samples", X, Y, { batch_size = 121 })
    refuses("x[2] has 60 rows, input 1 has 120", { X, X[{ { 1, 60 } }] }, Y)
    refuses("valid: samples of x are [2], those of the training set [3]", X, Y,
      { valid = { X[{ {}, { 1, 2 } }], Y } })
    refuses("valid: y has 120 rows, x has 60", X, Y, { valid = { X[{ { 1, 60 } }], Y } })
    refuses("valid: the set is empty", X, Y,
      { valid = { tensor.zeros { 0, 3 }, tensor.zeros { 0 } } })
    refuses("valid: y is missing", X, Y, { valid = { X } })
    refuses("x: the table of inputs is empty", {}, Y)
  end)

  it("numbers that are none", function()
    local holed = X:clone()
    holed[{ 7, 2 }] = 0 / 0
    refuses("x is nan at row 7, element 2 of 3; leave such rows out, fill them, or pass "
      .. "allow_nan = true", holed, Y)
    refuses("valid: x is nan at row 7", X, Y, { valid = { holed, Y } })
    fails("nn.fit: the loss is", mlp(2), holed, Y, { epochs = 1, allow_nan = true })
    local y = TRUE:clone()
    y[9] = 0 / 0
    refuses("y is nan in row 9", X, y, {}, mlp(1))
    local w = tensor.ones { 120 }
    w[3] = -1
    refuses("weight 3 is -1, must be finite and not negative", X, Y, { weights = w })
    w[3] = 0 / 0
    refuses("weight 3 is nan", X, Y, { weights = w })
    refuses("weights are [119], 120 are needed, one for each sample", X, Y,
      { weights = w[{ { 1, 119 } }] })
    refuses("all weights are 0", X, Y, { weights = tensor.zeros { 120 } })
  end)

  it("labels that are no class", function()
    refuses("y holds 2 classes, 0 to 1, and the net has 3 outputs; name all classes by classes = "
      .. "{...}, or change the last layer", X, Y, {}, mlp(3))
    refuses("label 1 of row", X, Y, { classes = { 0, 2 } })
    refuses("3 classes, and the net has 2 outputs", X, Y, { classes = { 0, 1, 2 } })
    refuses("all labels are 0; two classes are needed", X, Y * 0)
    refuses("label 0.5 of row 1 is no integer", X, Y * 0 + 0.5, { loss = "cross_entropy" })
    refuses("valid: label 3 of row 1 is none of the classes 0, 1", X, Y,
      { valid = { X, Y * 0 + 3 } })
  end)

  it("options without sense", function()
    refuses("unknown option 'epoch' (did you mean 'epochs'?)", X, Y, { epoch = 3 })
    refuses("there is no option 'patience': early_stopping_rounds = n", X, Y, { patience = 3 })
    refuses([[there is no option 'class_weights': loss = { "cross_entropy", class_weights = w }]],
      X, Y, { class_weights = { 1, 2 } })
    refuses("unknown loss 'cross_entropi' (did you mean 'cross_entropy'?)", X, Y,
      { loss = "cross_entropi" })
    refuses('checkpoint is a table: { path = "a.safetensors" }', X, Y,
      { checkpoint = "a.safetensors" })
    fails("the net gives [batch, 4, 2] and there is one label a sample; nn.Last() behind",
      nn.LSTM(3, 2), X:reshape(30, 4, 3), Y:slice(1, 1, 30))
    refuses("unknown optimizer 'adem' (did you mean 'adam'?)", X, Y, { optimizer = "adem" })
    refuses("optimizer is a table without a step", X, Y, { optimizer = { lr = 1 } })
    refuses("lr is -1, must be positive and finite", X, Y, { lr = -1 })
    refuses("unknown metric 'auk' (did you mean 'auc'?)", X, Y,
      { valid = { X, Y }, metrics = "auk" })
    refuses("metrics without valid = {X, y}: nothing to measure", X, Y, { metrics = "auc" })
    refuses("early_stopping_rounds without valid", X, Y, { early_stopping_rounds = 2 })
    refuses("restore without valid", X, Y, { restore = true })
    refuses("unknown stop_on 'auc'", X, Y, { valid = { X, Y }, stop_on = "auc" })
    refuses("half_life needs times", X, Y, { half_life = 3 })
    refuses("half_life is -3, must be a positive number of days", X, Y,
      { half_life = -3, times = Y })
    refuses("resume = true needs checkpoint", X, Y, { resume = true })
    refuses("checkpoint: path 'x.bin' does not end in .safetensors", X, Y,
      { checkpoint = { path = "x.bin" } })
    refuses("unknown callback 'on_eopch' (did you mean 'on_epoch'?)", X, Y,
      { callbacks = { on_eopch = print } })
    refuses("scheduler returned a nil, not a schedule of neap.optim", X, Y,
      { scheduler = function() end })
    refuses("unknown schedule_every 'batch'", X, Y, { schedule_every = "batch" })
    refuses("option 'early_stopping_min_delta' must be a number, got string", X, Y,
      { early_stopping_min_delta = "x" })
    refuses("ema is 1, a decay is below 1", X, Y, { ema = 1 })
    refuses("classes must be a table, got number", X, Y, { classes = 2 })
    refuses("the loss is a nil, a tensor without dims is needed", X, Y,
      { loss = function() end })
    refuses("the loss is a number, not a tensor that has a gradient", X, Y,
      { loss = function() return 1 end })
    refuses("the loss is [32x2], a tensor without dims is needed; take its mean", X, Y,
      { loss = function(out) return out end })
    fails("the first argument must be a net or a function that builds one, got number", 3, X, Y)
    fails("the builder returned a nil, not a net", function() end, X, Y)
    fails("the net has no parameters", nn.Tanh(), X, X, { epochs = 1 })
    local frozen = nn.Linear(3, 1)
    for _, p in ipairs(frozen:parameters()) do p:requires_grad_(false) end
    fails("no parameter of the net requires a gradient", frozen, X, TRUE)
    refuses("x requires a gradient, and only the net is trained", X:clone():requires_grad_(), Y)
    refuses("y requires a gradient", X, TRUE:clone():requires_grad_())
    refuses("times are not all finite", X, Y, { half_life = 3, times = TRUE * (0 / 0) })
    require("neap.grad").no_grad(function()
      refuses("nothing is recorded inside grad.no_grad", X, Y)
    end)
  end)
end)

describe("a net that is changed while it is trained", function()
  local function train(change)
    local net = mlp(1)
    return pcall(nn.fit, net, X, TRUE, { epochs = 2,
      callbacks = { on_batch = function() change(net) end } })
  end

  it("is refused when parameters come, go or are replaced", function()
    for _, change in ipairs {
      function(net) net[1].weight = nn.param(tensor.randn { 8, 3, dtype = "f32" }) end,
      function(net) net[5] = nn.Linear(1, 1) end,
      function(net) net:to "f64" end,
    } do
      local ok, message = train(change)
      assert.is_false(ok)
      assert.truthy(message:find("a callback gave the net other parameters (4 before", 1, true),
        message)
    end
    assert.is_true(train(function(net) net[1].weight:requires_grad_(false) end))
  end)
end)

describe("a checkpoint that was tampered with", function()
  it("is refused before anything is loaded", function()
    local path = folder .. "/whole.safetensors"
    nn.fit(mlp(1), X, TRUE, { epochs = 1, seed = 1, checkpoint = { path = path } })
    local arrays, _, texts = tensor.load(path)
    for _, case in ipairs {
      { '"epoch":%d+', '"epoch":-3', "epoch of '.-' is %-3, must be 1 at least" },
      { '"batch":%d+', '"batch":99', "batch of '.-' is 99, must be %d+ at most" },
      { '"settings":', '"sittings":', "'settings' of '.-' is a nil, a table is expected" },
      { '"float":"0x', '"float":5,"x":"0x', "is damaged" },
    } do
      local training, n = texts.training:gsub(case[1], case[2], 1)
      assert.equal(1, n)
      local other = folder .. "/other.safetensors"
      tensor.save(other, arrays, { metadata = { format = texts.format, training = training,
        sha256 = file.sha256(training) } })
      local net = mlp(1, 7)
      local before = bits(net)
      local ok, message = pcall(nn.fit, net, X, TRUE, { epochs = 2, seed = 1, resume = other })
      assert.is_false(ok)
      assert.truthy(message:find(case[3]), message)
      assert.equal(before, bits(net))
    end
  end)
end)
