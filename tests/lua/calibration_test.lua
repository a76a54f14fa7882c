local calibration = require "neap.calibration"
local golden = dofile "tests/golden/metrics.lua"
local metrics = require "neap.metrics"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local methods = { "none", "temperature", "platt", "isotonic", "beta" }

-- Scores whose log-odds are `sharp` times too large.
local function overconfident(n, sharp, seed)
  local r, y, p = neap.rng(seed), {}, {}
  for i = 1, n do
    local z = 1.5 * r:normal()
    p[i] = 1 / (1 + math.exp(-sharp * z))
    y[i] = r:uniform() < 1 / (1 + math.exp(-z)) and 1 or 0
  end
  return tensor.of(y), tensor.of(p)
end

describe("calibration", function()
  it("of isotonic equals scikit-learn's", function()
    local n = 500
    local p, u, y = support.numbers(n, 1), support.numbers(n, 2), {}
    for i = 1, n do y[i] = u[i] < 0.15 + 0.7 * p[i] * p[i] and 1 or 0 end
    local plain = calibration.fit("isotonic", tensor.of(y), tensor.of(p))
    local weighted = calibration.fit("isotonic", tensor.of(y), tensor.of(p),
      { weights = tensor.of(support.numbers(n, 3)) })
    for i = 1, 21 do
      local x = (i - 1) / 20
      assert.near(golden.isotonic[i], plain:apply(x), 1e-12)
      assert.near(golden.isotonic_weighted[i], weighted:apply(x), 1e-12)
    end
  end)

  it("gives one row the bits it has in a batch", function()
    local y, p = overconfident(500, 2, 1)
    for _, method in ipairs(methods) do
      local c = calibration.fit(method, y, p)
      local batch = c:apply(p)
      for i = 1, 500 do assert.equal(batch[i], c:apply(p[i])) end
      assert.is_true(c:apply(0 / 0) ~= c:apply(0 / 0))
    end
  end)

  it("finds the temperature", function()
    local y, p = overconfident(20000, 2, 2)
    local t = calibration.fit("temperature", y, p):to_table()
    assert.near(2, t.parameters[1], 0.1)
    local z = {}
    for i, v in ipairs(p:totable()) do z[i] = math.log(v) - math.log(1 - v) end
    local logit = calibration.fit("temperature", y, tensor.of(z), { input = "logit" })
    assert.near(t.parameters[1], logit:to_table().parameters[1], 1e-6) -- log-odds lose digits at 1
  end)

  it("lowers the log loss of overconfident scores", function()
    local y, p = overconfident(5000, 3, 3)
    local before = metrics.log_loss(y, p)
    for _, method in ipairs { "temperature", "platt", "isotonic", "beta" } do
      local q = calibration.fit(method, y, p):apply(p)
      assert.is_true(metrics.log_loss(y, q) < before - 0.05, method)
      assert.is_true(metrics.ece(y, q) < metrics.ece(y, p), method)
    end
  end)

  it("keeps the shape of N x 2, and takes N x K", function()
    local y, p = overconfident(200, 2, 4)
    local c = calibration.fit("platt", y, p)
    local q = c:apply(tensor.of { { 0.3, 0.7 }, { 0.9, 0.1 } })
    assert.same({ 2, 2 }, q.shape)
    assert.equal(c:apply(0.7), q:get(1, 2))
    assert.equal(1 - c:apply(0.1), q:get(2, 1))

    local y3, p3 = {}, {}
    for i = 1, 300 do
      y3[i] = i % 3
      p3[i] = { 0.05, 0.05, 0.05 }
      p3[i][(i % 10 < 7 and i % 3 or (i + 1) % 3) + 1] = 0.9
    end
    y3, p3 = tensor.of(y3), tensor.of(p3)
    local t = calibration.fit("temperature", y3, p3)
    assert.is_true(metrics.log_loss(y3, t:apply(p3)) < metrics.log_loss(y3, p3))
    assert.near(0.7, t:apply(p3):get(1, 2), 0.02)
    assert.matches("calibration.fit: platt takes two classes, got 3",
      support.message(function() calibration.fit("platt", y3, p3) end))
    assert.matches("3 probabilities a row expected", support.message(function() t:apply(0.5) end))
    local best = calibration.select(y3, p3, { methods = { "none", "temperature" } })
    assert.equal("temperature", best.method)
  end)

  it("survives being stored", function()
    local y, p = overconfident(300, 2, 5)
    local path = support.temporary ".calibrator"
    for _, method in ipairs(methods) do
      local c = calibration.fit(method, y, p)
      local again = calibration.from_table(c:to_table())
      c:save(path)
      local loaded = calibration.load(path)
      for i = 0, 100 do
        assert.equal(c:apply(i / 100), again:apply(i / 100))
        assert.equal(c:apply(i / 100), loaded:apply(i / 100))
      end
      assert.equal(tostring(c), tostring(loaded))
    end
    local f = assert(io.open(path, "w"))
    f:write "not a calibrator\n"
    f:close()
    assert.matches("is not a calibrator of neap",
      support.message(function() calibration.load(path) end))
    os.remove(path)
  end)

  it("chooses by held-out folds, not by the rows it was fitted on", function()
    local y, p = overconfident(400, 2, 6)
    local c, scores = calibration.select(y, p)
    assert.not_equal("isotonic", c.method)
    assert.not_equal("none", c.method)
    assert.equal(4, #scores)
    local by = {}
    for _, s in ipairs(scores) do by[s.method] = s.score end
    for _, s in ipairs(scores) do assert.is_true(by[c.method] <= s.score) end
    local isotonic = calibration.fit("isotonic", y, p)
    assert.is_true(metrics.log_loss(y, isotonic:apply(p)) < metrics.log_loss(y, c:apply(p)))
  end)

  it("leaves good probabilities alone", function()
    local y, p = overconfident(3000, 1, 7)
    local _, scores = calibration.select(y, p)
    assert.is_true(scores[1].score <= scores[4].score)
    assert.equal("none", (calibration.select(y, p, { methods = { "none", "isotonic" } })).method)
  end)

  it("wraps a model", function()
    local y, p = overconfident(300, 2, 8)
    local model = { classes = { -1, 1 } }
    function model:predict_proba(x)
      local rows = {}
      for i, v in ipairs(x:totable()) do rows[i] = { 1 - v, v } end
      return self and tensor.of(rows)
    end
    local c = calibration.fit("platt", y, p)
    local wrapped = calibration.wrap(model, c)
    local x = tensor.of { 0.1, 0.9 }
    assert.equal(c:apply(0.9), wrapped:predict_proba(x):get(2, 2))
    assert.matches("^calibrated model: calibrator %a+.* after ", tostring(wrapped))
    assert.same({ -1, 1 }, wrapped:predict(x):totable())
    assert.same({ -1, -1 }, wrapped:predict(x, { threshold = 0.999 }):totable())

    local chosen = calibration.wrap(model, { x = p, y = y }, { methods = { "none", "platt" } })
    assert.equal(c:apply(0.9), chosen:predict_proba(x):get(2, 2))

    local three = { classes = { 3, 5, 9 } }
    function three:predict_proba()
      return self and tensor.of { { 0.2, 0.3, 0.5 }, { 0.4, 0.4, 0.2 } }
    end
    local t = calibration.from_table { method = "temperature", columns = 3, parameters = { 2 } }
    assert.same({ 9, 3 }, calibration.wrap(three, t):predict():totable())
  end)

  it("says what was wrong", function()
    local y, p = tensor.of { 0, 1, 0, 1 }, tensor.of { 0.2, 0.6, 0.4, 0.5 }
    local cases = {
      { "calibration.fit: method 'plat' is not one of none temperature platt",
        function() calibration.fit("plat", y, p) end },
      { "calibration.fit: y holds one class only %(1%)",
        function() calibration.fit("platt", tensor.of { 1, 1 }, tensor.of { 0.5, 0.6 }) end },
      { "calibration.fit: p%[2%] is 1.5 in column 1, not a probability",
        function() calibration.fit("platt", tensor.of { 0, 1 }, tensor.of { 0.5, 1.5 }) end },
      { "input 'log' is not one of prob logit",
        function() calibration.fit("platt", y, p, { input = "log" }) end },
      { "calibration.fit: p%[1%] is %-?inf, but logits are finite", function()
        calibration.fit("platt", tensor.of { 0, 1 }, tensor.of { -1 / 0, 1 }, { input = "logit" })
      end },
      { "unknown metric 'auc'", function() calibration.select(y, p, { metric = "auc" }) end },
      { "y holds one class only in the training rows of fold 1", function()
        calibration.select(tensor.of { 0, 1, 1, 1 }, p, { folds = 4 })
      end },
      { "a calibrator expected, got table", function() calibration.wrap({}, {}) end },
      { "temperature is 0, must be positive", function()
        calibration.from_table { method = "temperature", parameters = { 0 } }
      end },
      { "platt has 2 parameters, got 1", function()
        calibration.from_table { method = "platt", parameters = { 0 } }
      end },
      { "x must rise", function()
        calibration.from_table { method = "isotonic", x = { 1, 0 }, y = { 0, 1 } }
      end },
    }
    for _, case in ipairs(cases) do assert.matches(case[1], support.message(case[2])) end
  end)
end)
