-- Models at the edge of what numbers hold, and calls that random arguments found.
local frame = require "neap.frame"
local gbdt = require "neap.gbdt"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local x = tensor.randn { 60, 3, seed = 1 }
local y = x[{ {}, 1 }]:gt(0):to "f64"
local m = gbdt.fit(x, y, { objective = "binary", num_iterations = 3 })

local function message(...)
  local text = support.message(...)
  return text:match "^[^\n]-:%d+: (.*)$" or text
end

describe("numbers that doubles do not hold", function()
  local last = "; scale the labels, or look at weights, learning_rate and sigmoid"

  it("are no leaves", function()
    local huge = tensor.where(y:gt(0), 1.7e308, -1.7e308)
    assert.equal("gbdt.fit: leaf 2 of tree 1 is not finite" .. last,
      message(gbdt.fit, x, huge, { objective = "regression_l1", min_data_in_leaf = 5 }))
    local rare = tensor.zeros { 60 }
    rare:set(7, 1)
    assert.equal("gbdt.fit: leaf 1 of tree 1 is not finite" .. last,
      message(gbdt.fit, x, rare, { objective = "binary", sigmoid = 5e-324 }))
  end)

  it("are no weights", function()
    local none = "gbdt.fit: all 60 weights are 0"
    local weights = tensor.ones { 60 } * 1e-300
    assert.equal(none, message(gbdt.fit, x, y, { weights = weights }))
    assert.equal(none, message(gbdt.fit, x, y, { valid = { x = x, y = y, weights = weights } }))
  end)

  it("are nothing to stop by", function()
    local set = { x = x, y = (y + 1) * 1e300, weights = tensor.arange(1, 60):eq(1):to "f64" }
    local o = { valid = set, num_iterations = 3 }
    assert.equal(3, gbdt.fit(x, y, o).best_iteration)
    o.early_stopping_rounds = 2
    assert.equal("gbdt.fit: metric 'valid.l2' is nan after iteration 1: nothing to stop by",
      message(gbdt.fit, x, y, o))
  end)

  it("are no gradients", function()
    assert.equal("gbdt.fit: a gradient is not finite; scale the labels, or lower the weights or "
      .. "learning_rate", message(gbdt.fit, x, y, { learning_rate = 1e6, num_iterations = 60,
        min_data_in_leaf = 5 }))
  end)

  it("are no leaves that are set anew", function()
    local model = gbdt.fit(x, y, { num_iterations = 2, min_data_in_leaf = 5 })
    assert.equal("gbdt.refit: a leaf is not finite; scale the labels",
      message(model.refit, model, x, (y + 1) * 1e150))
  end)
end)

describe("a model without splits", function()
  local warning = "no split was found, and so no tree grew: labels or gradients are all alike, or "
    .. "min_data_in_leaf, min_sum_hessian_in_leaf, min_gain_to_split or lambda_l1 allow none"

  it("says so", function()
    for _, o in ipairs { { min_data_in_leaf = 31 }, { lambda_l1 = 1e300 },
      { min_gain_to_split = 1e300 } } do
      local constant = gbdt.fit(x, y, o)
      assert.same({ warning }, constant.warnings)
      assert.equal(1, constant.best_iteration)
      assert.is_true((constant:predict(x) - y:mean()):abs():max() < 1e-12)
    end
    assert.same({ warning }, gbdt.fit(x, y * 0, { min_data_in_leaf = 5 }).warnings)
    assert.same({ warning }, gbdt.fit(x, y, { objective = "binary", init_model = m,
      min_data_in_leaf = 31 }).warnings)
  end)

  it("differs from one that ends later", function()
    local o = { min_data_in_leaf = 5, learning_rate = 1, num_iterations = 5000 }
    local late = gbdt.fit(x, x[{ {}, 1 }], o)
    assert.is_true(late.best_iteration > 1)
    assert.same({}, late.warnings)
  end)
end)

describe("prediction", function()
  it("takes any number of iterations", function()
    local all = m:predict_raw(x)
    for _, n in ipairs { math.maxinteger, math.mininteger, 1 << 62, -1, 0, 4 } do
      assert.is_true(m:predict_raw(x, { num_iteration = n }):eq(all):all())
    end
    local o = { num_iteration = math.maxinteger, start_iteration = 2 }
    assert.is_true(m:predict_raw(x, o):eq(m:predict_raw(x, { num_iteration = 1,
      start_iteration = 2 })):all())
    local never = { pred_early_stop = true, pred_early_stop_freq = math.maxinteger }
    assert.is_true(m:predict_raw(x, never):eq(all):all())
    assert.equal(3, m:predict_leaf(x, { num_iteration = math.maxinteger }):size(2))
    assert.equal("gbdt.predict: start_iteration is -9223372036854775808, the model has 3 "
      .. "iterations", message(m.core.predict, m.core, x, "raw", 0, math.mininteger))
  end)

  it("names what is no matrix", function()
    for _, value in ipairs { 3, "x", print, { 1, 2, 3 } } do
      assert.matches("^gbdt.staged_predict: x must be a tensor, got ",
        message(m.staged_predict, m, value))
    end
    assert.equal("gbdt.fit: x must be a tensor, got number",
      message(gbdt.fit, 3, y, { categorical_feature = 1 }))
    local codes = tensor.arange(1, 60):reshape(60, 1) % 3
    local coded = gbdt.fit(codes, y, { categorical_feature = 1, unseen = "error" })
    assert.equal("gbdt.predict_row: x must be a tensor, got number",
      message(coded.predict_row, coded, 3))
    assert.equal("gbdt.fit: metric 'own': larger must be true or false, got number",
      message(gbdt.fit, x, y, { metric = { { "own", math.max, larger = 3 } } }))
    assert.equal("gbdt.permutation_importance: option 'repeats' is 4611686018427387904, must be "
      .. "10000 at most", message(m.permutation_importance, m, x, y, { repeats = 1 << 62 }))
  end)

  it("takes the same table as the fit", function()
    local f = frame.new { { "b", x[{ {}, 1 }] }, { "a", x[{ {}, 2 }] } }
    local named = gbdt.fit({ x = f, y = y }, { num_iterations = 3 })
    assert.is_true(named:predict({ x = f, y = y }):eq(named:predict(f)):all())
    local other = frame.new { { "a", x[{ {}, 2 }] }, { "b", x[{ {}, 1 }] } }
    assert.is_true(named:predict({ x = other }):eq(named:predict(f)):all())
  end)
end)

describe("gbdt.memory", function()
  it("does not overflow", function()
    for _, shape in ipairs { { 1 << 50, 1 << 50 }, { 100, 1 << 50 }, { 1 << 50, 1 << 10 } } do
      for _, o in ipairs { {}, { num_leaves = 131072, num_iterations = 1 << 50 },
        { objective = "multiclass", num_class = 1 << 50, boosting = "rf" } } do
        assert.is_true(gbdt.memory(shape, o).total > 1 << 57)
      end
    end
    local o = { num_iterations = 1 << 50 }
    assert.is_true(gbdt.memory({ 100, 3 }, o).trees > 1 << 57)
    assert.matches("would take", message(gbdt.fit, x, y, { num_iterations = 1 << 50,
      max_memory = "1GB" }))
  end)
end)
