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

  -- XGBoost computes in f32: 2e-7 of scores up to 3 are its roundings.
  for _, name in ipairs { "logistic", "softprob", "lossguide", "pruned", "categories",
    "one_hot" } do
    it("equals XGBoost's contributions and interactions: " .. name, function()
      local rows, want = require("tests.golden.xgboost").rows,
        require("tests.golden.xgboost_shap")[name]
      local x = tensor.of(table.move(rows, 1, #want, 1, {}))
      local m = gbdt.load("tests/golden/xgboost/" .. name .. ".json.gz")
      local both = tensor.of(want.pairs)
      local s, shares = m:shap(x), tensor.of(table.move(want, 1, #want, 1, {}))
      assert.is_true(far(s:reshape(#want, -1), shares) < 1e-6)
      assert.is_true(far(m:shap_interactions(x:slice(1, 1, 4)):reshape(4, -1), both) < 1e-6)
      assert.is_true(far(s:sum(-1), m:predict_raw(x)) < 1e-12)
      assert.matches("weight", tostring(m:tree(1)))
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

describe("trees as tables", function()
  it("hold every node once, parents before children", function()
    local m, x = fit { num_iterations = 4 }
    local f = m:trees()
    assert.equal(4, #f:column("tree"):unique())
    local leaf = f:column("feature").codes:eq(0)
    local leaves, splits = leaf:sum(), leaf:logical_not():sum()
    assert.equal(leaves, splits + 4)
    for i = 1, 4 do
      local t = m:tree(i)
      local n = t.nodes
      assert.equal(2 * t.leaves - 1, #n)
      assert.equal(200, n:column("count"):get(1))
      for node = 2, #n do
        local parent = n:column("parent"):get(node)
        assert.is_true(parent < node)
        assert.is_true(n:column("left"):get(parent) == node
          or n:column("right"):get(parent) == node)
        assert.equal(n:column("depth"):get(parent) + 1, n:column("depth"):get(node))
      end
      -- The leaf numbers are those of predict_leaf, and the values add up to the raw score.
      local at = m:predict_leaf(x):get(7, i)
      local rows = n:where(n:column("number"):eq(at) & n:column("feature").codes:eq(0))
      assert.equal(1, #rows)
    end
  end)

  it("are those of the oracle of a hand-made model", function()
    local x = tensor.of { { 1 }, { 2 }, { 3 }, { 4 } }
    local o = { num_iterations = 1, min_data_in_leaf = 2, min_data_in_bin = 1 }
    local t = gbdt.fit(x, tensor.of { 0, 0, 1, 1 }, o):tree(1)
    assert.equal("tree 1: 2 leaves, depth 1\n"
      .. "Column_0 <= 2.5 (gain 1, 4 rows)\n"
      .. "  yes, missing: 0.45 (2 rows)\n"
      .. "  no: 0.55 (2 rows)", tostring(t))
    assert.equal("tree 1: 2 leaves, depth 1\n... 2 leaves (4 rows)", t:draw(0))
    assert.same({ 1, 1 }, { t.tree, t.depth })
    assert.same({ 0, 1, 1 }, t.nodes:column("parent"):totable())
    assert.same({ 2, 0, 0 }, t.nodes:column("left"):totable())
    assert.same({ 3, 0, 0 }, t.nodes:column("right"):totable())
    assert.same({ 1, 2, 2 }, t.nodes:column("depth"):totable())
    assert.same({ 4, 2, 2 }, t.nodes:column("count"):totable())
    assert.equal(2.5, t.nodes:column("threshold"):get(1))
    assert.equal("left", t.nodes:column("missing")[1])
  end)

  it("count from the end and refuse what is not there", function()
    local m = fit { num_iterations = 3 }
    assert.equal(3, m:tree(-1).tree)
    assert.equal(tostring(m:tree(3)), tostring(m:tree(-1)))
    assert.equal("gbdt.tree: tree 4 is outside 1 to 3", message(m.tree, m, 4))
    assert.equal("gbdt.tree: tree 0 is outside 1 to 3", message(m.tree, m, 0))
  end)

  it("name categories", function()
    local path = support.data "reference/lightgbm/binary_nan_cat.model.txt.gz"
    if not path then return pending "data folder absent" end
    local m = gbdt.load(path)
    assert.matches("Column_8 in {[%d, ]+more}", m:tree(2):draw(30))
  end)
end)

describe("explain_row", function()
  it("follows the row to its leaves", function()
    local m, x = fit()
    local leaves = m:predict_leaf(x)
    for _, row in ipairs { 1, 50, 200 } do
      local e = m:explain_row(x[row], { trees = 100 })
      assert.equal(m:predict(x):get(row), e.prediction)
      local sum, shares = 0, e.expected
      for i, t in ipairs(e.trees) do
        assert.equal(leaves:get(row, t.tree), t.leaf)
        assert.is_true(#t.steps > 0)
        local before = e.trees[i - 1]
        assert.is_true(not before
          or math.abs(before.value - before.mean) >= math.abs(t.value - t.mean))
        for _, step in ipairs(t.steps) do
          local v = step.value
          if v == v then assert.equal(v <= step.threshold, step.side == "left") end
        end
        sum = sum + t.value
      end
      for _, f in ipairs(e.features) do shares = shares + f.share end
      assert.is_true(math.abs(sum - e.raw) < 1e-12)
      assert.is_true(math.abs(shares - e.raw) < 1e-12)
    end
  end)

  it("reads like a page", function()
    local x = tensor.of { { 1 }, { 2 }, { 3 }, { 4 } }
    local o = { num_iterations = 1, min_data_in_leaf = 2, min_data_in_bin = 1 }
    local m = gbdt.fit(x, tensor.of { 0, 0, 1, 1 }, o)
    assert.equal("prediction 0.55, raw score 0.55\n"
      .. "expected raw score 0.5; what the features add:\n"
      .. "         +0.05  Column_0 = 4\n"
      .. "tree 1 gives 0.55 (its mean is 0.5): leaf 1 with 2 rows\n"
      .. "  Column_0 = 4 > 2.5", tostring(m:explain_row(x[4])))
    assert.matches("Column_0 is missing, which goes left",
      tostring(m:explain_row(tensor.of { nan })))
  end)

  it("explains one class of several", function()
    local m, x = fit { objective = "multiclass" }
    local e = m:explain_row(x[3])
    assert.equal(m:predict(x):get(3), e.class)
    assert.equal(m:predict_proba(x):get(3, e.class + 1), e.probability)
    e = m:explain_row(x[3], { class = 2, trees = 60 })
    assert.equal(m:predict_raw(x):get(3, 3), e.raw)
    assert.equal(20, #e.trees)
    local binary
    binary, x = fit { objective = "binary" }
    assert.equal(binary:predict_proba(x):get(3, 2), binary:explain_row(x[3]).probability)
  end)

  it("does without shares where leaves are linear", function()
    local path = support.data "reference/lightgbm/regression_linear_tree.model.txt.gz"
    if not path then return pending "data folder absent" end
    local m, x = gbdt.load(path), tensor.randn { 2, 10, seed = 1 }
    local e = m:explain_row(x[1])
    assert.is_nil(e.features)
    assert.equal(m:predict(x):get(1), e.prediction)
  end)

  it("says what is wrong", function()
    local m, x = fit { objective = "multiclass" }
    assert.matches("^gbdt.explain_row: x must be one row, got shape %[200x3%]",
      message(m.explain_row, m, x))
    assert.equal("gbdt.explain_row: class 7 is not among the 3 of the model",
      message(m.explain_row, m, x[1], { class = 7 }))
    assert.matches("x has 2 features", message(m.explain_row, m, tensor.of { 1, 2 }))
  end)
end)

describe("permutation importance", function()
  it("is what a plain loop gives", function()
    local m, x, y = fit()
    local metrics = require "neap.metrics"
    local got = m:permutation_importance(x, y, { repeats = 2, seed = 7 })
    local rng, base = require("neap").rng(7), metrics.rmse(y, m:predict(x))
    local want = { {}, {}, {} }
    for k = 1, 2 do
      local at = tensor.permutation(200, { rng = rng:split("repeat/" .. k) })
      for f = 1, 3 do
        local z = x:clone()
        z[{ {}, f }] = x[{ {}, f }][at]
        want[f][k] = metrics.rmse(y, m:predict(z)) - base
      end
    end
    assert.equal(base, got.base)
    for _, item in ipairs(got) do
      assert.same(want[item.column], item.drops)
      assert.is_true(math.abs(item.value - (item.drops[1] + item.drops[2]) / 2) < 1e-15)
    end
    assert.is_true(got[1].value >= got[2].value and got[2].value >= got[3].value)
  end)

  it("gives 0 to what no tree asks for, and the same bits for a seed", function()
    local x = tensor.randn { 100, 3, seed = 1 }
    x[{ {}, 2 }] = 1.0
    local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 5 })
    local a = m:permutation_importance(x, x[{ {}, 1 }], { seed = 3 })
    local b = m:permutation_importance(x, x[{ {}, 1 }], { seed = 3 })
    assert.equal(tostring(a), tostring(b))
    for _, item in ipairs(a) do
      if item.name == "Column_1" then assert.same({ 0, 0 }, { item.value, item.sd }) end
    end
  end)

  it("keeps blocks of rows whole", function()
    local x = tensor.arange(1, 50):to("f64"):reshape(50, 1)
    local m = gbdt.fit(x, x[{ {}, 1 }], { num_iterations = 3, min_data_in_leaf = 3 })
    local seen, core = {}, m.core
    m.core = setmetatable({}, { __index = function(_, name)
      return function(_, rows, ...)
        if name == "predict" then seen[#seen + 1] = rows[{ {}, 1 }]:totable() end
        return core[name](core, rows, ...)
      end
    end })
    m:permutation_importance(x, x[{ {}, 1 }], { block = 7, repeats = 1 })
    local list, breaks = seen[2], 0
    table.sort(seen[1])
    for i = 2, 50 do
      if list[i] ~= list[i - 1] + 1 then
        breaks = breaks + 1
        assert.equal(0, (list[i] - 1) % 7)
      end
    end
    assert.is_true(breaks > 0 and breaks <= 7)
    table.sort(list)
    assert.same(seen[1], list)
  end)

  it("takes metrics by name and as functions, with weights", function()
    local m, x, y = fit { objective = "binary" }
    local o = { metric = "auc", repeats = 1 }
    assert.is_true(m:permutation_importance(x, y, o)[1].value > 0)
    o.metric = { "share right", function(truth, p, w)
      assert.equal(200, #w)
      return p:gt(0.5):to("i64"):eq(truth):to("f64"):mean()
    end, larger = true }
    o.weights = tensor.ones { 200 }
    local r = m:permutation_importance(x, y, o)
    assert.matches("^share right is 0%.", tostring(r))
    assert.is_true(r[1].value > 0)
    o = { metric = "accuracy", repeats = 1 }
    assert.equal(r[1].value, m:permutation_importance({ x = x, y = y }, o)[1].value)
    local many
    many, x, y = fit { objective = "multiclass" }
    for _, name in ipairs { "log_loss", "accuracy", "auc", "brier" } do
      assert.is_true(many:permutation_importance(x, y, { metric = name })[1].value > 0)
    end
  end)

  it("says what is wrong", function()
    local m, x, y = fit()
    assert.equal("gbdt.permutation_importance: y has 3 elements, but x has 200 rows",
      message(m.permutation_importance, m, x, tensor.of { 1, 2, 3 }))
    assert.equal("gbdt.permutation_importance: unknown metric 'aucc' (did you mean 'auc'?)",
      message(m.permutation_importance, m, x, y, { metric = "aucc" }))
    assert.equal("gbdt.permutation_importance: metric 'metric' gave NaN, a number is expected",
      message(m.permutation_importance, m, x, y, { metric = function() return nan end }))
    assert.equal("gbdt.permutation_importance: metric must be a name, a function or { name, "
      .. "function }, got number", message(m.permutation_importance, m, x, y, { metric = 3 }))
    assert.matches("option 'repeats'", message(m.permutation_importance, m, x, y, { repeats = 0 }))
    assert.equal("gbdt.permutation_importance: ended by the progress function",
      message(m.permutation_importance, m, x, y, { progress = function() return false end }))
  end)
end)

describe("dependence", function()
  it("is the mean of predictions with the feature set", function()
    for _, objective in ipairs { "regression", "binary", "multiclass" } do
      local m, x = fit { objective = objective }
      local function predict(z)
        if objective == "regression" then return m:predict(z) end
        local p = m:predict_proba(z)
        return objective == "binary" and p[{ {}, 2 }] or p
      end
      local w = tensor.rand { 200, seed = 9 }
      local p = m:partial_dependence(x, 3, { grid = { -1, 0.5 } })
      local q = m:partial_dependence(x, 3, { grid = { -1, 0.5 }, weights = w })
      local ice = m:ice(x, "Column_2", { grid = { -1, 0.5 } })
      for i, v in ipairs { -1, 0.5 } do
        local z = x:clone()
        z[{ {}, 3 }] = v
        local rows = predict(z)
        assert.equal(0.0, far(ice.curves[{ {}, i }], rows))
        assert.is_true(far(rows:reshape(200, -1):mean(1), p.mean[i]) < 1e-15)
        local weighted = (rows:reshape(200, -1) * w:reshape(200, 1)):sum(1) / w:sum()
        assert.is_true(far(weighted, q.mean[i]) < 1e-14)
      end
      assert.is_true(far(ice.mean, p.mean) < 1e-14)
    end
  end)

  it("takes two features", function()
    local m, x = fit()
    local o = { grid = { { -1, 1 }, { -1, 0, 1 } } }
    local d = m:partial_dependence(x, { "Column_1", "Column_2" }, o)
    assert.same({ 2, 3 }, d.mean.shape)
    local z = x:clone()
    z[{ {}, 2 }], z[{ {}, 3 }] = 1, 0
    assert.is_true(math.abs(m:predict(z):mean() - d.mean:get(2, 2)) < 1e-14)
    assert.is_true(d.mean:get(2, 3) > 1 + d.mean:get(1, 3))
  end)

  it("chooses quantiles, or all values when they are few", function()
    local m, x = fit()
    assert.equal(20, #m:partial_dependence(x, 1).grid)
    local g = m:partial_dependence(x, 1, { grid = 5 }).grid
    local values = x[{ {}, 1 }]
    assert.same(values:quantile({ 0, 0.25, 0.5, 0.75, 1 }):totable(), g:totable())
    x[{ {}, 1 }] = (values * 2):floor():clamp(-2, 2)
    assert.same({ -2, -1, 0, 1, 2 }, m:partial_dependence(x, 1).grid:totable())
    assert.equal(20, #m:ice(x, 2).grid)
  end)

  it("leaves x as it was", function()
    local m, x = fit()
    local before = x:clone()
    m:partial_dependence(x, { 1, 2 }, { grid = 2 })
    m:ice(x, 1)
    m:permutation_importance(x, x[{ {}, 1 }])
    assert.is_true((x:eq(before) | x:ne(x)):all())
  end)

  it("centres curves", function()
    local m, x = fit()
    local c = m:ice(x, 1, { grid = 4, centered = true })
    assert.equal(0.0, c.curves[{ {}, 1 }]:abs():max())
    assert.is_true(far(c.mean, m:ice(x, 1, { grid = 4 }).mean - m:ice(x, 1, { grid = 4 }).mean[1])
      < 1e-14)
  end)

  it("prints as a table", function()
    local x = tensor.of { { 1 }, { 2 }, { 3 }, { 4 } }
    local o = { num_iterations = 1, min_data_in_leaf = 2, min_data_in_bin = 1 }
    local m = gbdt.fit(x, tensor.of { 0, 0, 1, 1 }, o)
    assert.equal("mean value over Column_0\n"
      .. "Column_0              mean\n"
      .. "2                     0.45\n"
      .. "missing               0.45\n"
      .. "3                     0.55",
      tostring(m:partial_dependence(x, 1, { grid = { 2, nan, 3 } })))
    local long = gbdt.fit(x, tensor.of { 0, 0, 1, 1 }, { num_iterations = 1, min_data_in_leaf = 2,
      min_data_in_bin = 1, feature_names = { "a_name_of_22_characters" } })
    assert.equal("mean value over a_name_of_22_characters\n"
      .. "a_name_of_22_characters         mean\n"
      .. "2                               0.45",
      tostring(long:partial_dependence(x, 1, { grid = { 2 } })))
  end)

  it("says what is wrong", function()
    local m, x = fit()
    local where = "gbdt.partial_dependence: "
    assert.equal(where .. "unknown feature 'Column_9' (did you mean 'Column_0'?)",
      message(m.partial_dependence, m, x, "Column_9"))
    assert.equal(where .. "feature 4 is outside 1 to 3", message(m.partial_dependence, m, x, 4))
    assert.equal(where .. "kind 'proba' is not for a model of values",
      message(m.partial_dependence, m, x, 1, { kind = "proba" }))
    assert.equal(where .. "unknown kind 'prob' (did you mean 'proba'?)",
      message(m.partial_dependence, m, x, 1, { kind = "prob" }))
    assert.equal(where .. "one feature or two, got 3",
      message(m.partial_dependence, m, x, { 1, 2, 3 }))
    assert.equal(where .. "feature 'Column_0' is given twice",
      message(m.partial_dependence, m, x, { 1, "Column_0" }))
    assert.equal(where .. "option 'grid' holds no values",
      message(m.partial_dependence, m, x, 1, { grid = {} }))
    assert.equal(where .. "weights must be one number per row of x",
      message(m.partial_dependence, m, x, 1, { weights = { 1, 2 } }))
    x[{ {}, 1 }] = nan
    assert.equal("gbdt.ice: feature 'Column_0' has no finite values in x; give the grid",
      message(m.ice, m, x, 1))
  end)

  it("speaks of categories by their texts", function()
    local frame = require "neap.frame"
    local names, y = {}, {}
    for i = 1, 120 do
      names[i] = ({ "tech", "bank", "oil" })[i % 3 + 1]
      y[i] = i % 3
    end
    local f = frame.new { { "sector", names }, { "size", tensor.randn { 120, seed = 2 } } }
    local m = gbdt.fit(f, tensor.of(y), { num_iterations = 20, min_data_per_group = 1 })
    local d = m:partial_dependence(f, "sector")
    assert.matches("\nbank +[%d.]+", tostring(d))
    assert.equal(3, #d.grid)
    local one = m:partial_dependence(f, "sector", { grid = { "oil" } })
    assert.is_true(math.abs(one.mean:get(1) - m:predict(f:rows(2, 2)):get(1)) < 0.2)
    assert.matches("unknown category of 'sector' 'oill' %(did you mean 'oil'%?%)",
      message(m.partial_dependence, m, f, "sector", { grid = { "oill" } }))
    assert.matches("sector = oil is", tostring(m:explain_row(f:rows(2, 2))))
  end)
end)
