local support = require "tests.lua.support"
local metrics = require("neap").metrics
local tensor = require "neap.tensor"
local golden = dofile "tests/golden/metrics.lua"

local TOL = 1e-12

local function near(want, got, what)
  local scale = math.max(1, math.abs(want))
  local text = ("%s is %.17g, expected %.17g"):format(what, got, want)
  assert(math.abs(want - got) <= TOL * scale, text)
end

local N = 500

local function binary()
  local p, u, y = support.numbers(N, 1), support.numbers(N, 2), {}
  for i = 1, N do y[i] = u[i] < 0.15 + 0.7 * p[i] * p[i] and 1 or 0 end
  return tensor.of(y), tensor.of(p)
end

local function three()
  local a, b, c = support.numbers(N, 4), support.numbers(N, 5), support.numbers(N, 6)
  local keep, other, y, p = support.numbers(N, 7), support.numbers(N, 8), {}, {}
  for i = 1, N do
    local sum, best = a[i] + b[i] + c[i], 0
    if b[i] > a[i] then best = 1 end
    if c[i] > math.max(a[i], b[i]) then best = 2 end
    p[i] = { a[i] / sum, b[i] / sum, c[i] / sum }
    y[i] = (keep[i] < 0.5 and best or math.floor(other[i] * 3)) - 1
  end
  return tensor.of(y), tensor.of(p)
end

local function regression()
  local y, p = support.numbers(N, 9), support.numbers(N, 10)
  for i = 1, N do y[i], p[i] = y[i] * 4 - 2, p[i] * 4 - 2 end
  return tensor.of(y), tensor.of(p)
end

local weights = { plain = nil, weighted = tensor.of(support.numbers(N, 3)) }

describe("the reliability table", function()
  it("prints a line for each bin that is not empty", function()
    local y, p = tensor.of { 0, 1, 1 }, tensor.of { 0.2, 0.9, 0.9 }
    assert.equal([[
         bin    mean   share    count
0.000..0.500  0.2000  0.0000        1
0.500..1.000  0.9000  1.0000        2
ece 0.1333, mce 0.2000]], tostring(metrics.reliability(y, p, { bins = 2 })))
  end)
end)

describe("metrics agree with scikit-learn", function()
  local averages = { "macro", "micro", "weighted" }
  for _, kind in ipairs { "plain", "weighted" } do
    local want, w = golden[kind], weights[kind]

    it("for two classes, " .. kind, function()
      local y, p = binary()
      for _, name in ipairs { "accuracy", "balanced_accuracy", "mcc", "precision", "recall", "f1",
        "auc", "average_precision", "log_loss", "brier" } do
        near(want[name], metrics[name](y, p, { weights = w }), name)
      end
      near(want.f1_of_0, metrics.f1(y, p, { weights = w, positive = 0 }), "f1 of 0")
    end)

    it("for three classes, " .. kind, function()
      local y, p = three()
      for _, name in ipairs { "mcc", "balanced_accuracy", "log_loss", "auc" } do
        near(want[name .. "_3"], metrics[name](y, p, { weights = w }), name)
      end
      for _, average in ipairs(averages) do
        for _, name in ipairs { "precision", "recall", "f1" } do
          local got = metrics[name](y, p, { weights = w, average = average })
          near(want[name .. "_3_" .. average], got, name .. " " .. average)
        end
      end
    end)

    it("for numbers, " .. kind, function()
      local y, p = regression()
      for _, name in ipairs { "mse", "mae", "mape", "r2" } do
        near(want[name], metrics[name](y, p, { weights = w }), name)
      end
      near(math.sqrt(want.mse), metrics.rmse(y, p, { weights = w }), "rmse")
    end)
  end
end)

describe("metrics", function()
  local y, p = tensor.of { 0, 1, 1, 0 }, tensor.of { 0.2, 0.7, 0.4, 0.1 }

  it("take N, N x 2 and one column of labels", function()
    local pairs_of = tensor.of { { 0.8, 0.2 }, { 0.3, 0.7 }, { 0.6, 0.4 }, { 0.9, 0.1 } }
    assert.equal(metrics.log_loss(y, p), metrics.log_loss(y, pairs_of))
    assert.equal(0.75, metrics.accuracy(y, pairs_of))
    assert.equal(0.75, metrics.accuracy(y, tensor.of({ 0, 1, 0, 0 }, { dtype = "i64" })))
    assert.equal(0.75, metrics.accuracy(y, tensor.of { 0, 1, 0, 0 }))
    assert.equal(0.5, metrics.accuracy(y, p, { threshold = 0.15 }) - 0.25)
  end)

  it("count what was guessed for what", function()
    local m, classes = metrics.confusion(tensor.of { -1, 0, 1, 1 }, tensor.of { -1, 1, 1, 0 })
    assert.same({ { 1, 0, 0 }, { 0, 0, 1 }, { 0, 1, 1 } }, m:totable())
    assert.same({ -1, 0, 1 }, classes:totable())
    assert.equal("i64", m.dtype)
    m = metrics.confusion(y, p, { weights = tensor.of { 1, 2, 0.5, 1 } })
    assert.same({ { 2, 0 }, { 0.5, 2 } }, m:totable())
  end)

  it("leave NaN rows out when asked", function()
    local nan = 0 / 0
    local yn, pn = tensor.of { 0, 1, nan, 1, 0 }, tensor.of { 0.2, 0.7, 0.9, 0.4, 0.1 }
    assert.equal(metrics.brier(y, p), metrics.brier(yn, pn, { skip_nan = true }))
    assert.matches("metrics.brier: y%[3%] is NaN",
      support.message(function() metrics.brier(yn, pn) end))
    assert.matches("no row is left without NaN", support.message(function()
      metrics.mse(tensor.of { nan }, tensor.of { 1 }, { skip_nan = true })
    end))
  end)

  it("draw curves from nothing to everything", function()
    local roc = metrics.roc_curve(y, p)
    assert.same({ 0, 0, 0, 0.5, 1 }, roc.fpr:totable())
    assert.same({ 0, 0.5, 1, 1, 1 }, roc.tpr:totable())
    assert.equal(math.huge, roc.threshold[1])
    local pr = metrics.pr_curve(y, p)
    assert.same({ 1, 1, 1, 2 / 3, 0.5 }, pr.precision:totable())
    assert.same({ 0, 0.5, 1, 1, 1 }, pr.recall:totable())
  end)

  it("find the best cut", function()
    local cut, value = metrics.best_threshold(y, p)
    assert.equal(1, value)
    assert.is_true(cut >= 0.2 and cut < 0.4)
    assert.equal(1, metrics.f1(y, p, { threshold = cut }))
    cut = metrics.best_threshold(tensor.of { 1, 1 }, tensor.of { 0, 0 })
    assert.is_true(cut < 0)
  end)

  it("bin by width or by count", function()
    local r = metrics.reliability(y, p, { bins = 2, strategy = "quantile" })
    assert.same({ 2, 2 }, r.count:totable())
    assert.same({ 0, 1 }, r.share:totable())
    near(0.5 * 0.15 + 0.5 * 0.45, r.ece, "ece")
    near(0.45, metrics.mce(y, p, { bins = 2, strategy = "quantile" }), "mce")
    local empty = metrics.reliability(y, p, { bins = 4 })
    assert.equal(0, empty.count[4])
    assert.is_true(empty.mean[4] ~= empty.mean[4])
  end)

  it("report everything at once, and say when there is one class", function()
    local r = metrics.report(y, p)
    for _, name in ipairs { "accuracy", "precision", "recall", "f1", "mcc", "auc", "log_loss",
      "brier", "ece", "average_precision", "balanced_accuracy" } do
      assert.equal(metrics[name](y, p), r[name])
    end
    assert.matches("auc +1%.0000", tostring(r))
    local one = metrics.report(tensor.of { 1, 1 }, tensor.of { 0.2, 0.9 })
    assert.is_true(one.auc ~= one.auc)
    assert.matches("one class only", tostring(one))
    assert.is_nil(metrics.report(y, tensor.of { 0, 1, 1, 1 }).auc)
  end)

  it("read views and other dtypes", function()
    local table_of = tensor.of({ { 0, 1, 1, 0 }, { 1, 1, 0, 0 } }, { dtype = "i32" })
    assert.equal(1, metrics.auc(table_of[1], p))
    assert.equal(0.5, metrics.accuracy(table_of[1], table_of[2]))
    local near_f32 = metrics.auc(tensor.of({ false, true, true, false }, { dtype = "bool" }),
      p:to "f32")
    assert.equal(1, near_f32)
  end)

  it("say what was wrong", function()
    local cases = {
      { "metrics.auc: y has 4 rows, p has 1", function() metrics.auc(y, tensor.of { 1 }) end },
      { "metrics.auc: no rows", function() metrics.auc(tensor.of {}, tensor.of {}) end },
      { "metrics.auc: p: tensor expected, got table", function() metrics.auc(y, { 1 }) end },
      { "unknown option 'weight' %(did you mean 'weights'%?%)",
        function() metrics.auc(y, p, { weight = p }) end },
      { "metrics.f1: average 'makro' is not one of binary macro",
        function() metrics.f1(y, p, { average = "makro" }) end },
      { "metrics.f1: positive is 7, which is not among the classes",
        function() metrics.f1(y, p, { positive = 7 }) end },
      { "metrics.f1: 3 classes have no larger one", function()
        metrics.f1(tensor.of { 1, 2, 3 }, tensor.of { 1, 2, 3 }, { average = "binary" })
      end },
      { "metrics.log_loss: p%[2%] is 7 in column 1", function()
        metrics.log_loss(y, tensor.of { 0, 7, 0, 0 })
      end },
      { "metrics.log_loss: eps is 1", function() metrics.log_loss(y, p, { eps = 1 }) end },
      { "metrics.ece: bins is 0", function() metrics.ece(y, p, { bins = 0 }) end },
      { "p has 2 columns, but there are 3 classes",
        function()
          metrics.auc(tensor.of { 0, 1, 2 }, tensor.of { { 0, 1 }, { 0, 1 }, { 0, 1 } })
        end },
      { "two classes are needed, got 3", function()
        metrics.roc_curve(tensor.of { 0, 1, 2 },
          tensor.of { { 1, 0, 0 }, { 1, 0, 0 }, { 1, 0, 0 } })
      end },
      { "which is not among the classes",
        function() metrics.auc(y, p, { classes = { 1, 2 } }) end },
    }
    for _, case in ipairs(cases) do
      local text = support.message(case[2])
      assert.matches(case[1], text)
      assert.matches("^tests/lua/metrics_test.lua:%d+: ", text:gsub("^.*tests/", "tests/"))
    end
  end)

  it("name classes that a part lacks", function()
    local p3 = tensor.of { { 0.5, 0.3, 0.2 }, { 0.1, 0.8, 0.1 } }
    near(-(math.log(0.5) + math.log(0.8)) / 2,
      metrics.log_loss(tensor.of { 0, 1 }, p3, { classes = { 2, 0, 1 } }), "log loss")
  end)
end)
