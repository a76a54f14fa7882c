-- Nets as estimators: fitted from datasets, saved and loaded, in cross-validation, calibration and
-- bundles.
local bundle = require "neap.bundle"
local calibration = require "neap.calibration"
local dataset = require "neap.dataset"
local features = require "neap.features"
local file = require "neap.file"
local frame = require "neap.frame"
local market = require "neap.market"
local metrics = require "neap.metrics"
local neap = require "neap"
local nn = require "neap.nn"
local preprocess = require "neap.preprocess"
local split = require "neap.split"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local folder
setup(function() folder = file.temporary_folder() end)
teardown(function() file.remove_tree(folder) end)

local says = support.says

local N = 300
local a, b = tensor.randn { N, seed = 1 }, tensor.randn { N, seed = 2 }
local F = frame.new { { "a", a }, { "b", b } }
local class = (a + b):gt(0.5):to "i64" - (a + b):lt(-0.5):to "i64" -- -1, 0, 1
local D = dataset.new(F, class)

local function builder(inputs, outputs)
  return nn.Sequential { nn.Linear(inputs, 12), nn.Tanh(), nn.Linear(12, outputs) }
end

local quick = { epochs = 25, lr = 0.02, seed = 3 }

describe("an estimator", function()
  it("has the face of the others", function()
    local m = nn.fit(builder, D, quick)
    assert.same({ -1, 0, 1 }, m.classes)
    assert.same({ "a", "b" }, m.feature_names)
    assert.equal(2, m.num_features)
    assert.equal(25, m.history.epochs)
    local p = m:predict_proba(D)
    assert.same({ N, 3 }, p.shape)
    assert.equal("f64", p.dtype)
    assert.is_true((p:sum(2) - 1):abs():max() < 1e-12)
    assert.equal("i64", m:predict(D.x).dtype)
    assert.is_true(metrics.accuracy(class, m:predict(F)) > 0.9)
    assert.matches("^net Sequential: %d+ numbers, cross_entropy, 3 classes$", tostring(m))
  end)

  it("is made anew from a seed, with the same bits", function()
    neap.seed(1)
    local one = nn.fit(builder, D, quick)
    neap.seed(2)
    local other = nn.fit(builder, D, quick)
    assert.is_true(one:predict_proba(D):eq(other:predict_proba(D)):all())
  end)

  it("finds columns by name and refuses others", function()
    local m = nn.fit(builder, D, quick)
    local moved = frame.new { { "c", a }, { "b", b }, { "a", a } }
    assert.is_true(m:predict_proba(moved):eq(m:predict_proba(D)):all())
    says("nn.predict: feature 'a' is missing", m.predict, m, frame.new { { "b", b } })
    says("nn.predict: feature 1 is 'b', the model was fitted on 'a'", m.predict, m,
      dataset.new(frame.new { { "b", b }, { "a", a } }))
    says("nn.predict: x has 3 features, the net was fitted on 2", m.predict, m,
      tensor.zeros { 4, 3 })
    says("nn.predict: x has no rows", m.predict, m, tensor.zeros { 0, 2 })
    says("nn model: there is no field or method 'summary'; write m:net():summary()", function()
      return m.summary
    end)
    says("nn model: there is no field or method 'score'; write metrics.report", function()
      return m.score
    end)
    says("nn.fit: valid: feature 1 is 'b', the model was fitted on 'a'", nn.fit, builder, D,
      { valid = dataset.new(frame.new { { "b", b }, { "a", a } }, class) })
  end)

  it("fits numbers", function()
    local m = nn.fit(builder, D.x, a * 2 - b, { epochs = 60, lr = 0.02, seed = 1 })
    assert.is_nil(m.classes)
    assert.same({ N }, m:predict(D.x).shape)
    assert.is_true(metrics.r2(a * 2 - b, m:predict(D.x)) > 0.95)
    says("the net was fitted to numbers, and has no classes", m.predict_proba, m, D.x)
  end)

  it("of two classes with one output says both probabilities", function()
    local y = class:gt(0)
    local m = nn.fit(function(n) return nn.Linear(n, 1) end, D.x, y,
      { epochs = 40, lr = 0.05, seed = 1, loss = "bce_with_logits" })
    assert.same({ 0, 1 }, m.classes)
    local p = m:predict_proba(D.x)
    assert.is_true((p:sum(2) - 1):abs():max() < 1e-12)
    assert.is_true(metrics.auc(y:to "i64", p) > 0.95)
  end)

  it("does not change with the net it gave away", function()
    local m = nn.fit(builder, D, quick)
    local before = m:predict_proba(D)
    local net = m:net()
    net[1].weight:detach():mul_(0)
    assert.is_true(before:eq(m:predict_proba(D)):all())
    assert.is_false(net.training)
  end)

  it("predicts long windows and several inputs a few at a time", function()
    local long = dataset.new(tensor.randn { 3000, 4, seed = 3 }, tensor.randn { 3000, seed = 4 })
      :windows { length = 2990 }
    local m = nn.fit(function(n)
      return nn.Sequential { nn.Conv1d(n, 2, 3), nn.Last(), nn.Linear(2, 1) }
    end, long, { epochs = 1, seed = 1, batch_size = 4 })
    local rows = #long
    assert.same({ rows }, m:predict(long).shape)
    local x = long:batch(1, rows)
    assert.is_true(m:predict(x):eq(m:predict(long)):all())
    local many = { tensor.randn { 2500, 2, seed = 1 }, tensor.randn { 2500, 3, seed = 2 } }
    local two = nn.fit(function()
      return nn.Sequential { nn.Parallel { nn.Linear(2, 2), nn.Linear(3, 2) }, nn.Linear(4, 1) }
    end, many, many[1][{ {}, 1 }], { epochs = 1, seed = 1 })
    local all, part = two:predict(many), { many[1]:slice(1, 1, 7), many[2]:slice(1, 1, 7) }
    assert.is_true(two:predict(part):eq(all:slice(1, 1, 7)):all())
  end)

  it("predicts a row as it does many", function()
    local m = nn.fit(builder, D, quick)
    local all = m:predict_proba(D.x)
    for _, i in ipairs { 1, 17, N } do
      assert.is_true(m:predict_proba(D.x:slice(1, i, i)):eq(all:slice(1, i, i)):all())
    end
  end)
end)

describe("a file", function()
  it("gives the net back, whole", function()
    local m = nn.fit(builder, D, quick)
    local path = folder .. "/m.safetensors"
    m:save(path)
    local n = nn.load(path)
    assert.same(m.classes, n.classes)
    assert.same(m.feature_names, n.feature_names)
    assert.is_true(m:predict_proba(D):eq(n:predict_proba(F)):all())
    n:save(folder .. "/again.safetensors")
    assert.equal(file.sha256_file(path), file.sha256_file(folder .. "/again.safetensors"))
    assert.is_not_nil(tensor.load(path)["0.weight"])
  end)

  it("knows layers of one's own, options and shared layers", function()
    local Gate = nn.layer "EstimatorTestGate"
    function Gate:init(inner, o)
      self.inner, self.scale = inner, o.scale
    end
    function Gate:forward(x) return self.inner(x) * self.scale end
    local function gated(n, k)
      local shared = nn.Linear(n, n, { bias = false })
      return nn.Sequential { shared, Gate(shared, { scale = 0.5 }), nn.LayerNorm(n),
        nn.Linear(n, k) }
    end
    local m = nn.fit(gated, D, { epochs = 2, seed = 1 })
    local path = folder .. "/gate.safetensors"
    m:save(path)
    local n = nn.load(path)
    assert.is_true(m:predict_proba(D):eq(n:predict_proba(D)):all())
    assert.equal(m:net():num_parameters(), n:net():num_parameters())
  end)

  it("says what it cannot keep or read", function()
    local Odd = nn.layer "EstimatorTestOdd"
    function Odd:init(fn) self.fn, self.inner = fn, nn.Linear(2, 3) end
    function Odd:forward(x) return self.fn(self.inner(x)) end
    local m = nn.fit(function() return Odd(function(x) return x end) end, D,
      { epochs = 1, seed = 1 })
    says("layer EstimatorTestOdd: made with a function, which no file can keep", m.save, m,
      folder .. "/odd.safetensors")
    says("'x.txt' does not end in .safetensors", m.save, m, "x.txt")
    local changed = nn.fit(function(n, k)
      local net = builder(n, k)
      net[3] = nn.Linear(12, k, { bias = false })
      return net
    end, D, { epochs = 1, seed = 1 })
    says("the net was changed after its layers were made", changed.save, changed,
      folder .. "/changed.safetensors")
    tensor.save(folder .. "/other.safetensors", { x = a })
    says("holds no net of neap; a state is read by net:load_state(tensor.load(path))",
      nn.load, folder .. "/other.safetensors")
    local path = folder .. "/unknown.safetensors"
    tensor.save(path, { x = a }, { metadata = { format = "neap net 1", about = "{}",
      plan = '[{"class":"Nowhere","args":[]}]' } })
    says("the net has layers of the class 'Nowhere', which nothing has defined yet", nn.load, path)
  end)
end)

describe("elsewhere", function()
  local y = (a + b):gt(0):to "i64"
  local two = dataset.new(F, y)

  it("nets are cross-validated", function()
    local r = split.cross_validate(two, split.expanding(two, { train = 150, test = 50, purge = 1 }),
      { metrics = { "auc", "log_loss" }, fit = function(train)
        return nn.fit(builder, train, quick)
      end })
    assert.is_true(r.mean.auc > 0.95)
  end)

  it("nets are calibrated", function()
    local m = nn.fit(builder, two:rows(1, 200), quick)
    local c = calibration.wrap(m, two:rows(201, N))
    assert.same({ 0, 1 }, c.classes)
    assert.same({ N, 2 }, c:predict_proba(two).shape)
  end)

  it("nets are kept in bundles, with the same bits", function()
    local bars = market.synthetic { rows = 400, seed = 5 }
    local set = features.set { "rsi_14", "ret_5" }
    local x = set:compute(bars)
    local scaler = preprocess.standard():fit(x:rows(20, 300))
    local z = scaler:apply(x)
    local up = bars.close:shift(-1):gt(bars.close):to "i64"
    local m = nn.fit(builder, z:rows(20, 300), up:slice(1, 20, 300), { epochs = 3, seed = 1 })
    local path = folder .. "/model"
    bundle.save(path, { features = set, preprocess = scaler, model = m })
    local kept = bundle.load(path)
    local whole = kept:predict(bars)
    assert.is_true(file.exists(path .. "/v1/model.safetensors"))
    local want = m:predict_proba(z:rows(20, 400))[{ {}, 2 }]
    assert.is_true(whole.probability:slice(1, 20, 400):eq(want):all())
  end)
end)
