local file = require "neap.file"
local gbdt = require "neap.gbdt"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan = 0 / 0

-- 200 x 3: y depends on column 1, and on columns 2 and 3 together; a tenth of column 2 is missing.
local function data()
  local x = tensor.randn { 200, 3, seed = 3 }
  local y = x[{ {}, 1 }] + (x[{ {}, 2 }]:gt(0) & x[{ {}, 3 }]:gt(0)):to "f64" * 3
  x[{ {}, 2 }] = tensor.where(tensor.rand({ 200, seed = 4 }):lt(0.1), nan, x[{ {}, 2 }])
  return x, y
end

local function fit(o)
  local x, y = data()
  local all = { num_iterations = 20, num_leaves = 8, min_data_in_leaf = 5 }
  for name, value in pairs(o or {}) do all[name] = value end
  local labels = all.objective == "binary" and y:gt(0):to "i64"
    or all.objective == "multiclass" and (y:gt(-0.5):to "i64" + y:gt(0.5):to "i64") or y
  return gbdt.fit(x, labels, all), x, labels
end

local function far(a, b) return (a - b):abs():max() end

local function message(fn, ...)
  local ok, text = pcall(fn, ...)
  assert.is_false(ok)
  return tostring(text):gsub("^[^:]*:%d+: ", "")
end

describe("shap", function()
  local function read(path, separator)
    local rows = {}
    for line in file.read(path):gmatch "[^\n]+" do
      local row = {}
      for word in line:gmatch("[^" .. separator .. "]+") do
        row[#row + 1] = tonumber(word) or nan
      end
      rows[#rows + 1] = row
    end
    return rows
  end

  for _, name in ipairs { "binary_nan_cat", "binary_zero_missing", "multiclass",
    "regression_quantile", "dart_bagging", "random_forest", "monotone", "huber_depth4", "ova" } do
    it("equals LightGBM's contributions: " .. name, function()
      local path = support.data("reference/lightgbm/" .. name .. ".model.txt.gz")
      if not path then return pending "data folder absent" end
      local stem = path:sub(1, -13)
      local rows = read(stem .. "test.csv.gz", ",")
      for _, row in ipairs(rows) do table.remove(row, 1) end
      local x, m = tensor.of(rows), gbdt.load(path)
      local s, want = m:shap(x), tensor.of(read(stem .. "shap.txt.gz", "\t"))
      assert.is_true(far(s:reshape(#want, want:size(2)), want) < 1e-12)
      assert.is_true(far(s:sum(-1), m:predict_raw(x)) < 1e-12)
      local both = m:shap_interactions(x)
      assert.is_true(far(both:sum(-1), s) < 1e-12)
      assert.equal(0.0, far(both, both:transpose(-1, -2)))
    end)
  end

  it("adds up to the raw score, for any number of iterations", function()
    local m, x = fit()
    for _, n in ipairs { 1, 7, 20 } do
      local o = { num_iteration = n }
      assert.is_true(far(m:shap(x, o):sum(2), m:predict_raw(x, o)) < 1e-12)
      assert.is_true(far(m:shap_interactions(x, o):sum(3), m:shap(x, o)) < 1e-12)
    end
    assert.equal(0.0, far(m:shap(x, { num_iteration = 20 }), m:shap(x)))
  end)

  it("has a dimension of classes where there are several", function()
    local m, x = fit { objective = "multiclass" }
    assert.same({ 200, 3, 4 }, m:shap(x).shape)
    assert.same({ 200, 3, 4, 4 }, m:shap_interactions(x).shape)
    assert.is_true(far(m:shap(x):sum(3), m:predict_raw(x)) < 1e-12)
    assert.same({ 200, 4 }, (fit { objective = "binary" }):shap(x).shape)
  end)

  it("takes f32, strides and no rows", function()
    local m, x = fit()
    local s = m:shap(x:to "f32":to "f64")
    assert.equal(0.0, far(m:shap(x:to "f32"), s))
    assert.equal(0.0, far(m:shap(x:t():contiguous():t()), m:shap(x)))
    assert.same({ 0, 4 }, m:shap(x[x[{ {}, 1 }]:gt(100)]).shape)
  end)

  it("knows what features bring together", function()
    local m, x = fit()
    local both = m:shap_interactions(x):abs():mean(1)
    assert.is_true(both:get(2, 3) > 3 * both:get(1, 2))
    assert.is_true(both:get(2, 3) > 3 * both:get(1, 3))
  end)

  it("says what is wrong", function()
    local m, x = fit()
    assert.equal("gbdt.shap: x has 2 features, the model was fitted on 3",
      message(m.shap, m, x[{ {}, { 1, 2 } }]))
    assert.equal("gbdt.shap: unknown option 'num_iterations' (did you mean 'num_iteration'?)",
      message(m.shap, m, x, { num_iterations = 3 }))
    local path = support.data "reference/lightgbm/regression_linear_tree.model.txt.gz"
    if not path then return pending "data folder absent" end
    assert.matches("^gbdt.shap_interactions: tree 1 has linear leaves",
      message(function() gbdt.load(path):shap_interactions(tensor.zeros { 1, 10 }) end))
  end)
end)
