local neap = require "neap"
local file = require "neap.file"
local golden = dofile "tests/golden/linear.lua"
local linear = neap.linear
local support = require "tests.lua.support"
local tensor = neap.tensor

local N, F = 300, 5

local function inputs()
  local u, v, stretch = support.numbers(N * F, 1), support.numbers(N, 2), { 1, 2, 5, 0.5, 10 }
  local x, score, two, three = {}, {}, {}, {}
  for i = 1, N do
    x[i] = {}
    for j = 1, F do x[i][j] = u[(i - 1) * F + j] * stretch[j] - 1 end
    score[i] = x[i][1] - 0.4 * x[i][2] + 0.2 * x[i][3] + 2 * v[i] - 1
    two[i] = score[i] > 0.7 and 1 or 0
    three[i] = (score[i] >= 0.9 and 2 or score[i] >= 0.2 and 1 or 0) - 1
  end
  return tensor.of(x), tensor.of(score), tensor.of(two), tensor.of(three)
end

local x, score, two, three = inputs()
local w = tensor.of(support.numbers(N, 3))

-- Both solvers stop within about 1e-8 of the optimum, so the peers agree to that.
local TOL = 1e-6

local function check(want, m)
  local got = m:to_table()
  for k, row in ipairs(want.coef) do
    for j, v in ipairs(row) do assert.near(v, got.coef[k][j], TOL) end
    assert.near(want.intercept[k], got.intercept[k], TOL)
  end
end

describe("linear agrees with scikit-learn", function()
  local cases = {
    { "binary", two, {} },
    { "weighted", two, { weights = w, C = 0.1 } },
    { "through_origin", two, { intercept = false } },
    { "standardized", two, { C = 0.3, standardize = true } },
    { "three", three, { weights = w, alpha = 2 } },
    { "ridge", score, { kind = "ridge" } },
    { "ridge_weighted", score, { kind = "ridge", weights = w, alpha = 3 } },
    { "ridge_through_origin", score, { kind = "ridge", alpha = 0.5, intercept = false } },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      local m = linear.fit(x, case[2], case[3])
      assert.is_true(m.converged)
      check(golden[case[1]], m)
    end)
  end
end)

describe("linear", function()
  it("says what a field of scikit-learn is called", function()
    local m = linear.fit(x, three)
    assert.truthy(select(2, pcall(function() return m.coef_ end)):find("write m.coef", 1, true))
    assert.is_nil(m.mean)
  end)

  it("gives labels back as they came", function()
    local m = linear.fit(x, three)
    assert.same({ -1, 0, 1 }, m.classes)
    local p, labels = m:predict_proba(x), m:predict(x)
    assert.same({ N, 3 }, p.shape)
    assert.equal("i64", labels.dtype)
    for i = 1, N do
      local best = 1
      for k = 2, 3 do if p:get(i, k) > p:get(i, best) then best = k end end
      assert.equal(best - 2, labels[i])
      assert.near(1, p:get(i, 1) + p:get(i, 2) + p:get(i, 3), 1e-12)
    end
    assert.is_true(neap.metrics.accuracy(three, labels) > 0.5)
    assert.equal(neap.metrics.accuracy(three, labels), neap.metrics.accuracy(three, p))
  end)

  it("gives one row the bits it has in a batch", function()
    local m = linear.fit(x, two, { standardize = true })
    local p = m:predict_proba(x)
    for i = 1, 20 do assert.equal(p:get(i, 2), m:predict_proba(x[i]):get(1, 2)) end
    local z = m:decision(x)
    assert.same({ N }, z.shape)
    assert.equal(p:get(3, 2), neap.calibration.from_table { method = "none", input = "logit" }
      :apply(z[3]))
  end)

  it("takes a dataset", function()
    local d = { x = x, y = two, weights = w, names = { "a", "b", "c", "d", "e" } }
    local m = linear.fit(d, { C = 0.1 })
    check(golden.weighted, m)
    assert.same(d.names, m.feature_names)
  end)

  it("survives being stored", function()
    for _, m in ipairs { linear.fit(x, three, { standardize = true }),
      linear.fit(x, score, { kind = "ridge" }) } do
      local again = linear.from_table(m:to_table())
      assert.same(m:decision(x):totable(), again:decision(x):totable())
      assert.equal(tostring(m), tostring(again))
    end
    local path = support.temporary ".linear"
    for _, m in ipairs { linear.fit(x, two), linear.fit(x, three, { standardize = true }),
      linear.fit(x, score, { kind = "ridge" }) } do
      m:save(path)
      local loaded = linear.load(path)
      assert.same(m:decision(x):totable(), loaded:decision(x):totable())
      assert.same(m.classes, loaded.classes)
    end
    os.remove(path)
  end)

  it("reaches scikit-learn's level on real rows", function()
    local folder = "tabular/lightgbm/binary_classification/"
    local train = support.data(folder .. "binary.train.gz")
    local test = support.data(folder .. "binary.test.gz")
    if not train or not test then return pending "data folder absent" end
    local function read(path)
      local rows, labels = {}, {}
      for line in file.read(path):gmatch "[^\n]+" do
        local row = {}
        for word in line:gmatch "[^\t]+" do row[#row + 1] = tonumber(word) end
        labels[#labels + 1] = table.remove(row, 1)
        rows[#rows + 1] = row
      end
      return tensor.of(rows), tensor.of(labels)
    end
    local xs, ys = read(train)
    local m = linear.fit(xs, ys, { standardize = true })
    local xt, yt = read(test)
    local p = m:predict_proba(xt)
    assert.near(0.6932727038183695, neap.metrics.auc(yt, p), 1e-12)
    assert.near(0.6300826083895826, neap.metrics.log_loss(yt, p), 1e-5) -- the peer stops at 1e-4
  end)

  it("stops where it is told, and says so", function()
    local m = linear.fit(x, two, { max_iter = 1 })
    assert.is_false(m.converged)
    assert.matches("not converged", tostring(m))
  end)

  it("says what was wrong", function()
    local bad = tensor.of { { 1, 2 }, { 0 / 0, 1 } }
    local good, labels = tensor.of { { 1, 2 }, { 3, 1 } }, tensor.of { 0, 1 }
    local cases = {
      { "linear.fit: x%[2, 1%] is NaN, and linear models take no missing",
        function() linear.fit(bad, labels) end },
      { "linear.fit: y has 1 rows, x has 2", function() linear.fit(good, tensor.of { 0 }) end },
      { "linear.fit: y holds one class only %(1%)",
        function() linear.fit(good, tensor.of { 1, 1 }) end },
      { "linear.fit: kind 'lasso' is not one of",
        function() linear.fit(good, labels, { kind = "lasso" }) end },
      { "C is 1/alpha: give one", function() linear.fit(good, labels, { C = 1, alpha = 1 }) end },
      { "C is %-1, must be a positive", function() linear.fit(good, labels, { C = -1 }) end },
      { "alpha is %-2", function() linear.fit(good, labels, { alpha = -2 }) end },
      { "penalty 'l1' is not one of", function() linear.fit(good, labels, { penalty = "l1" }) end },
      { "max_iter is 0", function() linear.fit(good, labels, { max_iter = 0 }) end },
      { "unknown option 'weight'", function() linear.fit(good, labels, { weight = 1 }) end },
      { "linear.fit: x: shape N x F expected", function() linear.fit(labels, labels) end },
      { "linear model:predict: x: shape N x 2 expected, got %[1%]",
        function() linear.fit(good, labels):predict(tensor.of { 1 }) end },
      { "linear model:predict_proba: x%[2, 1%] is NaN",
        function() linear.fit(good, labels):predict_proba(bad) end },
      { "do not fit 3 classes", function()
        linear.from_table { coef = { { 1 } }, intercept = { 0 }, classes = { 0, 1, 2 } }
      end },
    }
    for _, case in ipairs(cases) do assert.matches(case[1], support.message(case[2])) end
  end)
end)

describe("frames", function()
  local frame = require "neap.frame"

  it("give their columns of numbers, which predictions find by name", function()
    local a, b = tensor.of { 0, 1, 2, 3, 4 }, tensor.of { 1, 0, 1, 0, 1 }
    local y = tensor.of { 1, 3, 5, 7, 9 }
    local t = tensor.arange(5, { dtype = "i64" })
    local m = linear.fit(frame.new { { "time", t }, { "a", a }, { "b", b } }, y, { kind = "ridge" })
    assert.same({ "a", "b" }, m.feature_names)
    local p = m:predict(tensor.stack({ a, b }, 2))
    assert.is_true(m:predict(frame.new { { "b", b }, { "a", a } }):eq(p):all())
    assert.matches("feature 'b' is missing", support.message(function()
      m:predict(frame.new { { "a", a } })
    end))
    assert.matches("linear.fit: x is an array; tensor.of", support.message(function()
      linear.fit({ { 1 }, { 2 } }, y)
    end))
  end)
end)
