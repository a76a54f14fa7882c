-- Loaders: which samples come when, from tensors, windows, frames and Zarr arrays; and nn.fit on
-- them.
local clock = require "neap.clock"
local command = require "tests.lua.command"
local dataset = require "neap.dataset"
local file = require "neap.file"
local frame = require "neap.frame"
local neap = require "neap"
local nn = require "neap.nn"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"
local zarr = require "neap.zarr"

local folder
setup(function() folder = file.temporary_folder() end)
teardown(function() file.remove_tree(folder) end)

local says = support.says

-- All samples of an epoch in one tensor.
local function epoch(L, e)
  local parts = {}
  for i, x in L:batches(e) do parts[i] = x end
  return tensor.cat(parts, 1)
end

local function equal(a, b)
  assert.same(a.shape, b.shape)
  assert.is_true(a:eq(b):all())
end

describe("nn.loader", function()
  local x = tensor.arange(20):view(10, 2)

  it("gives rows as they stand, the last batch smaller or not at all", function()
    local L = nn.loader(x, x[{ {}, 1 }], { batch_size = 4, weights = tensor.arange(1, 10) })
    assert.equal(3, #L)
    local xb, yb, wb, n = L:batch(3, 1)
    equal(tensor.of({ { 17, 18 }, { 19, 20 } }, { dtype = "f32" }), xb)
    equal(tensor.of({ 17, 19 }, { dtype = "f32" }), yb)
    equal(tensor.of({ 9, 10 }, { dtype = "f32" }), wb)
    assert.equal(2, n)
    assert.equal(2, #nn.loader(x, nil, { batch_size = 4, drop_last = true }))
    assert.equal("loader of 10 samples: 3 batches of 4", tostring(L))
  end)

  it("shuffles by seed and epoch alone", function()
    local o = { batch_size = 3, shuffle = true, seed = 7 }
    local a, b = nn.loader(x, nil, o), nn.loader(x, nil, o)
    epoch(a, 1)
    equal(epoch(a, 2), epoch(b, 2))
    assert.is_false(epoch(a, 1):eq(epoch(a, 2)):all())
    equal(x:to "f32", epoch(a, 5):sort(1))
    local other = nn.loader(x, nil, { batch_size = 3, shuffle = true, seed = 8 })
    assert.is_false(epoch(a, 1):eq(epoch(other, 1)):all())
  end)

  it("leaves integers alone, which are numbers of embeddings", function()
    local L = nn.loader(tensor.arange(1, 6, 1, { dtype = "i64" }), nil, { batch_size = 6 })
    assert.equal("i64", L:batch(1, 1).dtype)
    assert.equal("f64", nn.loader(x, nil, { batch_size = 2, dtype = "f64" }):batch(1, 1).dtype)
  end)

  it("copies windows when their batch is due", function()
    local D = dataset.new(tensor.arange(40):view(20, 2), tensor.arange(20))
    local W = D:windows { length = 3 }
    local L = nn.loader(W, nil, { batch_size = 4, shuffle = true, seed = 1 })
    local order = L:order(1)
    local xb, yb = L:batch(2, 1)
    local want, labels = W:batch(order:slice(1, 5, 8))
    equal(want:to "f32", xb)
    equal(labels:to "f32", yb)
  end)

  it("takes frames and tables of inputs", function()
    local f = frame.new { { "a", { 1, 2, 3 } }, { "b", { 4, 5, 6 } } }
    equal(tensor.of({ { 1, 4 }, { 2, 5 } }, { dtype = "f32" }),
      (nn.loader(f, nil, { batch_size = 2 }):batch(1, 1)))
    local both = nn.loader({ left = x, right = x[{ {}, 1 }] }, nil, { batch_size = 2 })
    local xb = both:batch(2, 1)
    equal(tensor.of({ 5, 7 }, { dtype = "f32" }), xb.right)
    equal(xb.right, xb.left[{ {}, 1 }])
  end)

  it("says what does not fit", function()
    says("nn.loader: y has 9 rows, x has 10", nn.loader, x, x[{ { 1, 9 } }])
    says("nn.loader: x must be a tensor, windows, a frame, a Zarr array, or a table of these, got "
      .. "number", nn.loader, 3)
    says("nn.loader: x: inputs are an array, or a table by name; here 'a' is in an array",
      nn.loader, { x, a = x })
    says("nn.loader: option 'batch_size' is 0", nn.loader, x, nil, { batch_size = 0 })
    says("loader:batch: i is 4", nn.loader(x, nil, { batch_size = 4 }).batch,
      nn.loader(x, nil, { batch_size = 4 }), 4, 1)
    local holed = x:clone()
    holed[{ 5, 1 }] = 0 / 0
    local D = dataset.new(holed, tensor.arange(10))
    says("nn.loader: x is nan at window 3, which ends at row 5 of the dataset", nn.loader,
      D:windows { length = 3 })
    assert.equal(5, nn.loader(D:windows { length = 3, complete = true }).rows)
    assert.equal(8, nn.loader(D:windows { length = 3 }, nil, { allow_nan = true }).rows)
  end)
end)

describe("a Zarr array", function()
  local N = 3000
  local values = tensor.arange(N * 4):view(N, 4)

  local function stored(name, x)
    return zarr.save(("%s/%s.zarr"):format(folder, name), x, { chunks = { 100, 4 } })
  end

  it("gives every row once, in the same order at any number of threads", function()
    local a = stored("rows", values)
    local L = nn.loader(a, nil, { batch_size = 64, shuffle = true, seed = 3, dtype = "f64" })
    local seen = {}
    for threads = 1, 3 do
      neap.set_threads(threads)
      seen[threads] = epoch(L, 1)
      local y = nn.loader(a, nil, { batch_size = 64, dtype = "f64" })
      equal(values, epoch(y, 1))
    end
    neap.set_threads(2)
    equal(seen[1], seen[2])
    equal(seen[1], seen[3])
    equal(values, seen[1]:take(seen[1][{ {}, 1 }]:argsort(1), 1))
    equal(values:take(L:order(1), 1), seen[1])
    assert.is_false(seen[1]:eq(epoch(L, 2)):all())
  end)

  it("shuffles among few blocks at a time, each of which is read once", function()
    local a = stored("few", values)
    local L = nn.loader(a, nil, { batch_size = 64, shuffle = true, seed = 3, dtype = "f64" })
    L.x.together = 3
    local grid, reads = a.grid, 0
    a.grid = {} -- counts
    for _, name in ipairs { "read", "ahead" } do
      a.grid[name] = function(_, low, high)
        reads = reads + 1
        return grid[name](grid, low, high)
      end
    end
    local all = epoch(L, 1)
    equal(values, all:take(all[{ {}, 1 }]:argsort(1), 1))
    assert.equal(15, reads)
    -- a group is three blocks of 200 rows: the batches of the first group do not leave them
    local blocks, n = {}, 0
    for i = 1, 9 do
      local block = L:batch(i, 1)[{ {}, 1 }] // 800
      for _, v in ipairs(block:unique():totable()) do blocks[v] = true end
    end
    for _ in pairs(blocks) do n = n + 1 end
    assert.equal(3, n)
  end)

  it("trains a net with the bits of the tensor in its order", function()
    local x = tensor.randn { N, 4, seed = 2 }
    local y = x[{ {}, 1 }] - x[{ {}, 3 }]
    local function trained(inputs)
      neap.seed(1)
      local net = nn.Linear(4, 1)
      nn.fit(net, inputs, y, { epochs = 2, shuffle = false, batch_size = 70 })
      return net.weight:detach():sha256()
    end
    assert.equal(trained(x), trained(stored("train", x)))
    neap.seed(1)
    local net = nn.Linear(4, 1)
    local h = nn.fit(net, stored("shuffled", x), stored("y", y:view(N, 1)), { epochs = 10,
      lr = 0.02, seed = 1, valid = { x, y:view(N, 1) } })
    assert.is_true(h.valid_loss[10] < 1e-3)
  end)

  -- Every chunk that ends up in a batch, whatever the number of threads and who reads it.
  local function same_epochs(a, o, x)
    local L = nn.loader(a, nil, o)
    L.epochs, L.x.together = 3, 2
    for e = 1, 3 do
      local all = epoch(L, e)
      equal(o.shuffle and x:take(L:order(e), 1) or x, all)
    end
  end

  it("is read ahead with the same batches", function()
    local a = stored("ahead", values)
    for threads = 1, 3 do
      neap.set_threads(threads)
      for _, shuffle in ipairs { false, true } do
        same_epochs(a, { batch_size = 64, shuffle = shuffle, seed = 3, dtype = "f64" }, values)
        same_epochs(a, { batch_size = 1000, shuffle = shuffle, seed = 4, dtype = "f64" }, values)
      end
    end
    neap.set_threads(2)
  end)

  it("has been read when its piece is due", function()
    local a = stored("promised", values)
    local ahead, tries = false, 0
    while not ahead and tries < 100 do -- the thread may get no core for a while
      tries = tries + 1
      a:write({ 201, 1 }, values[{ { 201, 300 }, {} }])
      local L = nn.loader(a, nil, { batch_size = 50, dtype = "f64" })
      L:batch(1, 1)
      local promise = L.x.promised.blocks[1]
      clock.sleep(0.001 * tries)
      file.write(a.path .. "/c/2/0", "damaged")
      local ok, rows = pcall(promise.take, promise)
      if ok then equal(values[{ { 201, 400 }, {} }], rows) end
      says("is damaged", promise.take, promise) -- what was taken is read again
      ahead = ok
    end
    assert.is_true(ahead)
  end)

  it("that is damaged fails at the batch that it belongs to", function()
    local texts = {}
    for threads = 1, 2 do
      neap.set_threads(threads)
      local a = stored("damaged" .. threads, values)
      file.write(a.path .. "/c/14/0", "damaged")
      local L = nn.loader(a, nil, { batch_size = 100, dtype = "f64" })
      local got, message = 0, nil
      for i = 1, #L do
        local ok, x = pcall(L.batch, L, i, 1)
        if ok then equal(values[{ { i * 100 - 99, i * 100 }, {} }], x) end
        if ok then got = got + 1 else message = x end
      end
      assert.equal(28, got) -- the block has two chunks
      texts[threads] = message:gsub("damaged%d", "damaged")
      says("is damaged: its sum is wrong", L.batch, L, 15, 1)
      zarr.open(a.path):write({ 1401, 1 }, values[{ { 1401, 1500 }, {} }])
      equal(values[{ { 1401, 1500 }, {} }], (L:batch(15, 1)))
    end
    assert.equal(texts[1], texts[2])
    assert.matches("^[^\n]*chunk '[^\n]*/c/14/0' is damaged", texts[2])
  end)

  it("of several arrays reads each ahead", function()
    local other = stored("second", values * 2)
    local L = nn.loader({ a = stored("first", values), b = other }, other,
      { batch_size = 130, shuffle = true, seed = 5, dtype = "f64" })
    for _, x, y in L:batches(1) do
      equal(x.a * 2, x.b)
      equal(y, x.b)
    end
  end)

  it("trains to the same bits read ahead or not, stopped early or not", function()
    local a, y = stored("bits", values / 1000), tensor.randn { N, 1, seed = 3 }
    local function trained(threads, epochs)
      neap.set_threads(threads)
      neap.seed(1)
      local net = nn.Linear(4, 1)
      local h = nn.fit(net, a, y, { epochs = epochs, seed = 2, batch_size = 70,
        callbacks = { on_epoch = function(info) if info.epoch == 2 then return false end end } })
      neap.set_threads(2)
      assert.equal(2, #h.loss)
      return net.weight:detach():sha256()
    end
    local bits = trained(1, 2)
    assert.equal(bits, trained(2, 2))
    assert.equal(bits, trained(2, 9))
  end)

  it("stops for Ctrl-C while it is read ahead, and can be read again", function()
    local a = stored("stopped", values)
    local script = ([[
      local nn, zarr, tensor = require "neap.nn", require "neap.zarr", require "neap.tensor"
      local a = zarr.open %q
      local stat <close> = io.open "/proc/self/stat"
      local kill = "kill -INT " .. stat:read "n"
      local h = nn.fit(nn.Linear(4, 1), a, tensor.zeros { 3000, 1 }, { epochs = 9, batch_size = 50,
        on_interrupt = "return", shuffle = false, callbacks = { on_batch = function(p)
          if p.epoch == 2 and p.batch == 5 then io.popen(kill):close() end
        end } })
      print(h.stopped, #h.loss)
      local sum = 0
      for _, x in nn.loader(a, nil, { dtype = "f64" }):batches(1) do sum = sum + x:sum() end
      print(sum)]]):format(a.path)
    local result = command.shell(".", ("%s -e %s"):format(command.neap, command.quote(script)))
    assert.equal(("interrupted\t1\n%s\n"):format(values:sum()), result.out)
    assert.equal(0, result.code)
  end)

  it("leaves nothing behind when a loader is abandoned", function()
    local a = stored("abandoned", values)
    collectgarbage()
    local before = neap.memory().live
    for i = 1, 40 do
      local L = nn.loader(a, nil, { batch_size = 10, shuffle = i % 2 == 0, seed = i })
      L.x.together = 5
      L:batch(1 + i % 20, 1)
      L = nil -- luacheck: ignore 311
      if i % 3 == 0 then collectgarbage() end
    end
    collectgarbage()
    collectgarbage()
    assert.is_true(neap.memory().live <= before + 4096)
  end)

  it("with NaN says in which row", function()
    local x = values:clone()
    x[{ 2345, 2 }] = 0 / 0
    local L = nn.loader(stored("holed", x), nil, { batch_size = 100 })
    says("nn.loader: x is nan at row 2345 of the array", epoch, L, 1)
  end)
end)

describe("nn.fit of windows", function()
  local n = 400
  local features = tensor.randn { n, 2, seed = 1 }
  local y = (features[{ {}, 1 }] + features[{ {}, 2 }]):gt(0):to "f64"
  local times = tensor.arange(0, n - 1, 1, { dtype = "i64" }) * 3600000000000

  local function windows(o)
    local F = frame.new { { "time", times }, { "a", features[{ {}, 1 }] },
      { "b", features[{ {}, 2 }] } }
    return dataset.new(F, y, o):windows { length = 6 }
  end

  local function net(outputs)
    neap.seed(4)
    return nn.Sequential { nn.LSTM(2, 8), nn.Last(), nn.Linear(8, outputs) }
  end

  it("takes labels, weights and times along", function()
    local W = windows()
    local h = nn.fit(net(2), W, { epochs = 8, lr = 0.02, seed = 2, half_life = "30d",
      valid = W, metrics = "accuracy" })
    assert.same({ 0, 1 }, h.classes)
    assert.is_true(h.metrics.accuracy[8] > 0.9)
    local function trained(w)
      local m = net(2)
      nn.fit(m, w, { epochs = 1, seed = 2 })
      return m[3].bias:detach():sha256()
    end
    local weighted = windows { weights = tensor.arange(1, n) }
    assert.not_equal(trained(W), trained(weighted))
  end)

  it("puts windows of a slow series beside those of a fast one", function()
    local hours = times
    local days = times:slice(1, 1, -1, 24)
    local slow = dataset.new(frame.new { { "time", days },
      { "known_at", days + 86400000000000 }, { "day", tensor.arange(1, #days) } })
    local fast = dataset.new(frame.new { { "time", hours }, { "a", features[{ {}, 1 }] } }, y)
    local short, long = fast:windows { length = 10 }, slow:windows { length = 2 }
    local beside, at = long:as_of(short)
    local kept = short:take(at)
    assert.equal(#kept, #beside)
    -- the second day is known after 48 hours: row 49
    assert.equal(49, kept.rows[1])
    assert.equal(n, kept.rows[-1])
    assert.equal(n - 48, #kept)
    local day = 86400000000000
    local seen = beside:batch(1, #beside)[{ {}, 2, 1 }]
    equal((kept.times // day):to "f64", seen)
    assert.equal(2, #(beside:as_of(tensor.of({ 2 * day, 3 * day }, { dtype = "i64" }))))
    local function joined()
      neap.seed(4)
      return nn.Sequential { nn.Parallel {
        nn.Sequential { nn.LSTM(1, 8), nn.Last() }, nn.Sequential { nn.Flatten(), nn.Linear(2, 2) },
      }, nn.Linear(10, 2) }
    end
    local h = nn.fit(joined(), { kept, beside }, kept.y, { epochs = 3, lr = 0.01, seed = 1 })
    assert.is_true(h.loss[3] < h.loss[1])
    says("windows:as_of: the rows have no times", long.as_of, long,
      dataset.new(features):windows { length = 2 })
    says("windows:as_of: times are i64 nanoseconds, got f64", long.as_of, long, features[{ {}, 1 }])
    local two = dataset.new(frame.new { { "time", times:slice(1, 1, 4) }, { "a", { 1, 2, 3, 4 } },
      { "symbol", { "A", "B", "A", "B" } } }):windows { length = 1 }
    says("windows:as_of: windows of several symbols; take D:symbol(name)", two.as_of, two, short)
  end)

  it("repeats what it was shown when windows are the target too", function()
    local W = windows()
    neap.seed(4)
    local repeater = nn.Sequential { nn.LSTM(2, 8), nn.Linear(8, 2) }
    local h = nn.fit(repeater, W, W, { epochs = 6, lr = 0.02, seed = 2, valid = { W, W } })
    assert.equal("mse", h.loss_name)
    assert.is_true(h.valid_loss[6] < 0.5 * h.valid_loss[1])
  end)
end)
