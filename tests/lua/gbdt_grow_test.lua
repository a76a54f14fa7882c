local gbdt = require "neap.gbdt"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local function problem(n)
  local x = tensor.randn { n, 4, seed = 3 }
  local y = (x[{ {}, 1 }] * x[{ {}, 2 }] + x[{ {}, 3 }]):gt(0.3):to "i64"
  return x, y
end

local function accuracy(m, x, y) return m:predict(x):eq(y):to("f64"):mean() end

describe("grow_policy", function()
  it("learns whatever the order of growth, under the names of others too", function()
    local x, y = problem(3000)
    for _, policy in ipairs { "leafwise", "depthwise", "symmetric" } do
      local m = gbdt.fit(x, y, { objective = "binary", num_iterations = 60, grow_policy = policy })
      assert.is_true(accuracy(m, x, y) > 0.95, policy)
      local again = gbdt.parse(m:text())
      assert.is_true(again:predict_raw(x):eq(m:predict_raw(x)):all())
    end
    local o = { objective = "binary", num_iterations = 3 }
    local want = gbdt.fit(x, y, o):predict_raw(x)
    o.grow_policy = "lossguide"
    assert.is_true(gbdt.fit(x, y, o):predict_raw(x):eq(want):all())
  end)

  it("refuses what symmetric trees can not do", function()
    local x, y = problem(200)
    local function message(o)
      o.objective, o.grow_policy = "binary", "symmetric"
      return support.message(gbdt.fit, x, y, o)
    end
    local text = "gbdt.fit: grow_policy 'symmetric' takes no categorical features, constraints, "
      .. "feature_contri, extra_trees or feature_fraction_bynode"
    for _, o in ipairs { { extra_trees = true }, { feature_fraction_bynode = 0.5 },
      { monotone_constraints = { 1, 0, 0, 0 } } } do
      assert.matches(text, message(o), 1, true)
    end
    assert.matches("grow_policy", support.message(gbdt.fit, x, y, { grow_policy = "widest" }))
  end)
end)

describe("use_quantized_grad", function()
  it("learns as well, and the same bits each time", function()
    local x, y = problem(6000)
    for _, o in ipairs { {}, { quant_train_renew_leaf = true }, { num_grad_quant_bins = 16 } } do
      o.objective, o.num_iterations, o.use_quantized_grad = "binary", 60, true
      local m = gbdt.fit(x, y, o)
      assert.is_true(accuracy(m, x, y) > 0.95)
      assert.equal(m:text(), gbdt.fit(x, y, o):text())
    end
  end)

  it("continues a model as if it had never stopped", function()
    local x, y = problem(2000)
    local o = { objective = "binary", num_iterations = 10, use_quantized_grad = true }
    local half = gbdt.fit(x, y, o)
    o.init_model = half
    local whole = gbdt.fit(x, y, o)
    o.init_model, o.num_iterations = nil, 20
    assert.is_true(whole:predict_raw(x):eq(gbdt.fit(x, y, o):predict_raw(x)):all())
  end)

  it("refuses levels out of range", function()
    local x, y = problem(200)
    assert.matches("num_grad_quant_bins is 1, allowed are 2 to 256", support.message(gbdt.fit, x,
      y, { objective = "binary", use_quantized_grad = true, num_grad_quant_bins = 1 }), 1, true)
  end)
end)
