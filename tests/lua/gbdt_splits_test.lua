-- Categories, constraints and linear leaves of gbdt.fit.
local frame = require "neap.frame"
local gbdt = require "neap.gbdt"
local metrics = require "neap.metrics"
local neap = require "neap"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan = 0 / 0

local function refused(text, fn, ...)
  local message = support.message(fn, ...)
  assert.truthy(message:find(text, 1, true), message)
end

local function same(a, b) assert.is_true(a:eq(b):all()) end

-- Labels that depend on a place by its name and on a number.
local function trades(n, seed, places)
  local r = neap.rng(seed)
  local place, size, y = {}, {}, {}
  for i = 1, n do
    local k = 1 + math.floor(r:uniform() * #places)
    place[i] = r:uniform() < 0.05 and "" or places[k]
    size[i] = r:normal()
    local level = place[i] == "" and 1 or #place[i] % 3 - 1
    y[i] = level + 0.5 * size[i] + 0.1 * r:normal()
  end
  return frame.new { { "place", place }, { "size", size } }, tensor.of(y)
end

local places = { "Oslo", "Rome", "Paris", "Lyon", "Bergen", "Milan", "Bari", "Nice", "Turin" }

local function reversed(list)
  local out = {}
  for i = #list, 1, -1 do out[#out + 1] = list[i] end
  return out
end

describe("categorical features", function()
  local o = { num_iterations = 30, min_data_per_group = 10, cat_smooth = 1, cat_l2 = 1 }
  local x, y = trades(1500, 1, places)
  local m = gbdt.fit(x, y, o)

  it("text columns of frames are categories, found by their texts", function()
    assert.same({ "place", "size" }, m.feature_names)
    assert.equal("0", m.params.categorical_feature)
    assert.is_true(metrics.rmse(y, m:predict(x)) < 0.2)
    local other = x:sort("place", { descending = true }) -- the same texts under other codes
    local labels, codes = other:column("place").labels, {}
    for i, text in ipairs(other:column("place"):totable()) do codes[i] = text or "" end
    local again = frame.new { { "size", other.size }, { "place", reversed(reversed(codes)) } }
    assert.not_same(labels, again:column("place").labels)
    same(m:predict(other), m:predict(again))
  end)

  it("text that training did not have goes as missing, or as rare, or is refused", function()
    local new = frame.new { { "place", { "Oslo", "Narvik", "" } }, { "size", { 0, 0, 0 } } }
    local p = m:predict(new)
    assert.equal(p:get(3), p:get(2))
    assert.not_equal(p:get(3), p:get(1))
    o.unseen = "error"
    local strict = gbdt.fit(x, y, o)
    refused("gbdt.predict: feature 'place' has the category 'Narvik', which training did not have",
      strict.predict, strict, new)
    same(strict:predict(x), m:predict(x))
    refused("gbdt.fit: valid: feature 'place' has the category 'Narvik', which training did not "
      .. "have", gbdt.fit, x, y, { num_iterations = 1, unseen = "error", valid = { new,
        tensor.of { 1, 2, 3 } } })
    o.unseen, o.max_bin = "other", 7
    local rare = gbdt.fit(x, y, o)
    local last = {} -- those that share a bin are the three rarest
    for i, text in ipairs(places) do last[i] = { text, x:column("place"):eq(text):sum() } end
    table.sort(last, function(a, b) return a[2] > b[2] end)
    local two = frame.new { { "place", { last[9][1], "Narvik" } }, { "size", { 0, 0 } } }
    assert.equal(rare:predict(two):get(1), rare:predict(two):get(2))
    o.unseen, o.max_bin = nil, nil
    refused("gbdt.fit: unseen is 'ignore', one of these is expected: missing other error",
      gbdt.fit, x, y, { unseen = "ignore" })
  end)

  it("are kept by files", function()
    for _, policy in ipairs { "missing", "other", "error" } do
      o.unseen = policy
      local kept = gbdt.fit(x, y, o)
      local text = kept:text()
      assert.matches('\npandas_categorical:[["', text, 1, true)
      local again = gbdt.parse(text)
      assert.same(kept.levels, again.levels)
      assert.equal(policy, again.unseen)
      same(kept:predict(x), again:predict(x))
      assert.equal(text, again:text())
    end
    o.unseen = nil
  end)

  it("codes in tensors give the model that texts give", function()
    local codes = {}
    for i, text in ipairs(x:column("place"):totable()) do
      codes[i] = -1
      for k, known in ipairs(x:column("place").labels) do
        if known == text then codes[i] = k - 1 end
      end
    end
    local t = tensor.stack({ tensor.of(codes, { dtype = "f64" }), x.size }, 2)
    o.categorical_feature = { 1 }
    local n = gbdt.fit(t, y, o)
    same(n:predict(t), m:predict(x))
    same(n:predict(t:to "f32"), gbdt.fit(t:to "f32", y, o):predict(t:to "f32"))
    o.categorical_feature, o.feature_names = "place", { "place", "size" }
    same(n:predict(t), gbdt.fit(t, y, o):predict(t))
    o.categorical_feature, o.feature_names = nil, nil
    assert.equal(n:predict(t):get(1), n:predict_row(t[1]))
  end)

  it("a model is continued with more texts", function()
    local more, labels = trades(1500, 2, { "Narvik", "Oslo", "Paris", "Bodo" })
    o.init_model = m
    local n = gbdt.fit(more, labels, o)
    o.init_model = nil
    for i, text in ipairs(m.levels[1]) do assert.equal(text, n.levels[1][i]) end
    assert.equal(#m.levels[1] + 2, #n.levels[1])
    assert.is_true(metrics.rmse(labels, n:predict(more)) < metrics.rmse(labels, m:predict(more)))
  end)

  it("what makes no sense is refused", function()
    local t = tensor.of { { 0, 1 }, { 1, 2 }, { 2, 3 }, { 1, 4 } }
    local z = tensor.of { 1, 2, 3, 4 }
    refused("gbdt.fit: categorical_feature: there is no feature 3, x has 2 (they count from 1)",
      gbdt.fit, t, z, { categorical_feature = 3 })
    refused("gbdt.fit: categorical_feature names 'size', but the features of a tensor have no "
      .. "names; give feature_names, or its number", gbdt.fit, t, z,
      { categorical_feature = "size" })
    refused("gbdt.fit: categorical_feature: unknown feature 'siz' (did you mean 'size'?)", gbdt.fit,
      x, y, { categorical_feature = "siz" })
    refused("gbdt.fit: categorical feature 2 is 1.5 in row 1; codes are integers from 0", gbdt.fit,
      tensor.of { { 0, 1.5 }, { 1, 2 } }, tensor.of { 1, 2 }, { categorical_feature = 2 })
    refused("gbdt.predict: feature 'place' is numbers here, the model was fitted on text",
      m.predict, m, frame.new { { "place", { 1, 2 } }, { "size", { 1, 2 } } })
    refused("gbdt.predict: feature 'size' is text here, the model was fitted on numbers",
      m.predict, m, frame.new { { "place", { "a" } }, { "size", { "b" } } })
  end)

  it("missing and negative codes are one, fractions count at fit only", function()
    local t = tensor.of { { 0 }, { 0 }, { 1 }, { 1 }, { nan }, { -3 } }
    local n = gbdt.fit(t, tensor.of { 0, 0, 1, 1, 5, 5 }, { categorical_feature = 1,
      num_iterations = 50, min_data_in_leaf = 1, min_data_in_bin = 1 })
    local p = n:predict(tensor.of { { nan }, { -1 }, { -77 }, { 0.9 }, { 0 } })
    assert.equal(p:get(1), p:get(2))
    assert.equal(p:get(1), p:get(3))
    assert.equal(p:get(4), p:get(5))
    assert.is_true(p:get(1) > 4)
  end)

  it("quality on adult is at the level of its peers", function()
    local path = "../shared/data/tabular/uci/adult-train.csv.gz"
    if not require("neap.file").exists(path) then return pending "no data" end
    local names = {}
    for i = 1, 15 do names[i] = "c" .. i end
    local f = frame.read_csv(path, { header = false, names = names })
    local label = f.c15:eq(">50K"):to "f64"
    local i = tensor.arange(0, #f - 1):to "f64"
    local test = (i - (i / 5):floor() * 5):eq(4)
    local train = test:logical_not()
    local a = f:select(table.move(names, 1, 14, 1, {}))
    local model = gbdt.fit(a:where(train), label[train], { objective = "binary" })
    local p = model:predict_proba(a:where(test))[{ {}, 2 }]
    -- scikit-learn 1.2.1's HistGradientBoosting with categorical_features: 0.28107
    assert.is_true(metrics.log_loss(label[test], p) < 0.28107)
  end)
end)

describe("constraints", function()
  local x = tensor.randn { 2000, 3, seed = 5 }
  local a, b = x[{ {}, 1 }], x[{ {}, 2 }]
  local y = a + (a * 3):sin() - b * 0.5 + (b * 4):cos() + tensor.randn { 2000, seed = 6 } * 0.3
  local names = { "load", "age", "noise" }

  -- Whether predictions go one way along the first or second column.
  local function moves(m, column, way)
    for i = 1, 40 do
      local rows = tensor.zeros { 81, 3 } + x[i]
      rows[{ {}, column }] = tensor.linspace(-4, 4, 81)
      local p = m:predict(rows)
      if ((p:slice(1, 2, 81) - p:slice(1, 1, 80)) * way):min() < -1e-12 then return false end
    end
    return true
  end

  it("monotone features by position and by name", function()
    for _, method in ipairs { "basic", "intermediate" } do
      local o = { monotone_constraints = { 1, -1, 0 }, monotone_constraints_method = method,
        num_iterations = 40 }
      local m = gbdt.fit(x, y, o)
      assert.is_true(moves(m, 1, 1) and moves(m, 2, -1))
      o.monotone_constraints, o.feature_names = { age = -1, load = 1 }, names
      local n = gbdt.fit(x, y, o)
      same(m:predict(x), n:predict(x))
      assert.matches("\nmonotone_constraints=1 -1 0\n", n:text(), 1, true)
      assert.matches("[monotone_constraints: 1,-1,0]", n:text(), 1, true)
      same(gbdt.parse(n:text()):predict(x), n:predict(x))
    end
    assert.is_false(moves(gbdt.fit(x, y, { num_iterations = 40 }), 1, 1))
  end)

  it("features that may meet, and how much they count", function()
    local o = { num_iterations = 20, feature_names = names,
      interaction_constraints = { { "load" }, { 2 } } }
    local m = gbdt.fit(x, y, o)
    assert.matches("[interaction_constraints: [0],[1]]", m:text(), 1, true)
    -- no feature meets another: the model is a sum of functions of one
    local rows = tensor.of { { 1, 1, 0 }, { 1, -1, 0 }, { -1, 1, 0 }, { -1, -1, 0 } }
    local p = m:predict(rows):totable()
    assert.is_true(math.abs(p[1] - p[2] - (p[3] - p[4])) < 1e-12)
    o.interaction_constraints, o.feature_contri = nil, { load = 0, noise = 0 }
    local importance = gbdt.fit(x, y, o):importance()
    assert.equal("age", importance[1].name)
    assert.equal(0, importance[2].value)
  end)

  it("mistakes are named", function()
    local function wrong(message, o) refused(message, gbdt.fit, x, y, o) end
    wrong("gbdt.fit: monotone_constraints has 2 entries for 3 features",
      { monotone_constraints = { 1, 0 } })
    wrong("gbdt.fit: monotone_constraints: entry 2 is 2, allowed are -1, 0 and 1",
      { monotone_constraints = { 1, 2, 0 } })
    wrong("gbdt.fit: monotone_constraints must be a table, got number",
      { monotone_constraints = 1 })
    wrong("gbdt.fit: monotone_constraints: unknown feature 'aged' (did you mean 'age'?)",
      { monotone_constraints = { aged = 1 }, feature_names = names })
    wrong("gbdt.fit: monotone_constraints_method is 'advanced', one of these is expected: basic "
      .. "intermediate", { monotone_constraints_method = "advanced" })
    wrong("gbdt.fit: objective 'regression_l1' sets leaves anew after the splits, which "
      .. "monotone_constraints do not bear",
      { monotone_constraints = { 1, 0, 0 }, objective = "regression_l1" })
    refused("gbdt.fit: monotone_constraints: feature 1 is categorical", gbdt.fit, x:abs():floor(),
      y, { categorical_feature = 1, monotone_constraints = { 1, 0, 0 } })
    wrong("gbdt.fit: feature_contri: entry 3 is -1, allowed are numbers from 0",
      { feature_contri = { 1, 1, -1 } })
    wrong("gbdt.fit: interaction_constraints: there is no feature 4, x has 3 (they count from 1)",
      { interaction_constraints = { { 1, 4 } } })
    wrong("gbdt.fit: interaction_constraints must be a table, got string",
      { interaction_constraints = { "load" }, feature_names = names })
    wrong("gbdt.fit: path_smooth needs min_data_in_leaf from 2, it is 1",
      { path_smooth = 1, min_data_in_leaf = 1 })
    wrong("gbdt.fit: feature_fraction_bynode is 0, allowed are above 0 to 1",
      { feature_fraction_bynode = 0 })
  end)
end)

describe("linear leaves", function()
  local x = tensor.randn { 1200, 3, seed = 7 }
  local y = x[{ {}, 1 }]:abs() + x[{ {}, 2 }] * 2
  local xv = tensor.randn { 400, 3, seed = 8 }
  local yv = xv[{ {}, 1 }]:abs() + xv[{ {}, 2 }] * 2

  it("learn slopes, stop early, and are kept by files", function()
    local o = { linear_tree = true, num_iterations = 200, valid = { xv, yv }, metric = "rmse",
      early_stopping_rounds = 10 }
    local m = gbdt.fit(x, y, o)
    o.linear_tree = false
    local steps = gbdt.fit(x, y, o)
    assert.is_true(metrics.rmse(yv, m:predict(xv)) < 0.5 * metrics.rmse(yv, steps:predict(xv)))
    local best = m.history.valid.rmse[m.best_iteration]
    assert.is_true(math.abs(metrics.rmse(yv, m:predict(xv)) - best) < 1e-12 * best)
    local again = gbdt.parse(m:text())
    same(again:predict(xv), m:predict(xv))
    assert.matches("\nis_linear=1\n", m:text())
    assert.equal(m:predict(xv):get(3), m:predict_row(xv[3]))
    -- lines go on where training ended, steps do not
    local far = tensor.of { { 0, 6, 0 }, { 0, 9, 0 } }
    assert.is_true(m:predict(far):get(2) - m:predict(far):get(1) > 3)
    assert.equal(steps:predict(far):get(1), steps:predict(far):get(2))
  end)

  it("keep the features they need", function()
    local o = { linear_tree = true, num_iterations = 12 }
    local m = gbdt.fit(x, y, o)
    o.progress = function() collectgarbage() end
    same(gbdt.fit(x + 0, y, o):predict(xv), m:predict(xv)) -- a matrix that nobody else holds
    local integers = (x * 10):floor():to "i64"
    same(gbdt.fit(integers, y, o):predict(integers), gbdt.fit(integers:to "f64", y, o)
      :predict(integers))
  end)

  it("mistakes are named", function()
    local function wrong(message, o)
      o.linear_tree = true
      refused(message, gbdt.fit, x, y, o)
    end
    wrong("gbdt.fit: linear_tree does not go with objective 'regression_l1', which sets leaves to "
      .. "quantiles", { objective = "mae" })
    wrong("gbdt.fit: linear_tree does not go with boosting 'dart'", { boosting = "dart" })
    wrong("gbdt.fit: linear_tree does not go with monotone_constraints, which lines in leaves "
      .. "would break", { monotone_constraints = { 1, 0, 0 } })
    wrong("gbdt.fit: linear_lambda is -1, allowed are 0 to 1e+300", { linear_lambda = -1 })
    refused("gbdt.fit: feature 1 has infinite values, which linear_tree cannot multiply", gbdt.fit,
      tensor.of { { 1 }, { math.huge }, { 2 } }, tensor.of { 1, 2, 3 }, { linear_tree = true,
        min_data_in_bin = 1 })
  end)
end)
