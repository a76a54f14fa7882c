-- What fit, predict and refit answer to input that makes no sense: the whole message of each.
local dataset = require "neap.dataset"
local gbdt = require "neap.gbdt"
local support = require "tests.lua.support"
local tensor = require "neap.tensor"

local nan, inf = 0 / 0, math.huge
local x = tensor.randn { 60, 3, seed = 1 }
local y = x[{ {}, 1 }]:gt(0):to "f64"
local v = x[{ {}, 1 }]:clone()

-- y with element i replaced.
local function with(t, i, value)
  local out = t:clone()
  out:set(i, value)
  return out
end

local function message(...)
  local text = support.message(...)
  return text:match "^[^\n]-:%d+: (.*)$" or text
end

local function fit(xx, yy, o) return message(gbdt.fit, xx, yy, o) end

local function fits(cases)
  for _, case in ipairs(cases) do assert.equal(case[1], fit(case[2], case[3], case[4])) end
end

describe("gbdt.fit refuses", function()
  it("lengths and shapes that differ", function()
    fits {
      { "gbdt.fit: y has 59 elements, but x has 60 rows", x, y:slice(1, 1, 59) },
      { "gbdt.fit: weights has 61 elements, but x has 60 rows", x, y,
        { weights = tensor.ones { 61 } } },
      { "gbdt.fit: valid x has 2 features, x has 3", x, y, { valid = { x[{ {}, { 1, 2 } }], y } } },
      { "gbdt.fit: valid y has 59 elements, but x has 60 rows", x, y,
        { valid = { x, y:slice(1, 1, 59) } } },
      { "gbdt.fit: valid x has no rows", x, y, { valid = { tensor.zeros { 0, 3 },
        tensor.zeros { 0 } } } },
      { "gbdt.fit: 1 rows, allowed are 2 to 134217727", x:slice(1, 1, 1), y:slice(1, 1, 1) },
      { "gbdt.fit: 0 features, allowed are 1 to 16777215", tensor.zeros { 60, 0 }, y },
      { "gbdt.fit: x must be rows by features, got shape [60]", y, y },
      { "gbdt.fit: y: tensor expected, got nil", x },
      { "gbdt.fit: y is missing", { x = x } },
      { "gbdt.fit: the dataset has no labels", dataset.new(x) },
      { "gbdt.fit: 1 of 60 rows have no label; D:drop_missing() leaves them out",
        dataset.new(x, with(y, 7, nan)) },
    }
  end)

  it("labels that an objective cannot learn", function()
    local many = tensor.arange(1, 60, 1) % 3
    fits {
      { "gbdt.fit: label 7 is nan", x, with(v, 7, nan) },
      { "gbdt.fit: label 8 is inf", x, with(v, 8, inf) },
      { "gbdt.fit: valid label 9 is nan", x, v, { valid = { x, with(v, 9, nan) } } },
      { "gbdt.fit: all 60 labels are 1, two classes are needed", x, y * 0 + 1,
        { objective = "binary" } },
      { "gbdt.fit: all 60 labels are 1, two classes are needed", x, y * 0 + 1,
        { objective = "multiclass" } },
      { "gbdt.fit: objective 'binary' with 3 classes (0, 1, 2 ...), use 'multiclass'", x, many,
        { objective = "binary" } },
      { "gbdt.fit: label 2 is 0.5, classes are integers", x, with(y, 2, 0.5),
        { objective = "binary" } },
      { "gbdt.fit: valid label 2 is 5, which is no class of the model", x, y,
        { objective = "binary", valid = { x, with(y, 2, 5) } } },
      { "gbdt.fit: num_class is 4, the labels have 3 classes", x, many,
        { objective = "multiclass", num_class = 4 } },
      { "gbdt.fit: label 3 is -1, objective 'poisson' takes numbers from 0", x, with(y, 3, -1),
        { objective = "poisson" } },
      { "gbdt.fit: label 3 is 0, objective 'gamma' takes numbers above 0", x, with(y + 1, 3, 0),
        { objective = "gamma" } },
      { "gbdt.fit: label 3 is 1.5, objective 'cross_entropy' takes probabilities, 0 to 1", x,
        with(y, 3, 1.5), { objective = "cross_entropy" } },
      { "gbdt.fit: all 60 labels are 0, objective 'tweedie' needs one above", x, y * 0,
        { objective = "tweedie" } },
    }
  end)

  it("weights that weigh nothing or less", function()
    local w = tensor.ones { 60 }
    fits {
      { "gbdt.fit: weight 3 is -1, allowed are 0 to 1e30", x, y, { weights = with(w, 3, -1) } },
      { "gbdt.fit: weight 4 is nan, allowed are 0 to 1e30", x, y, { weights = with(w, 4, nan) } },
      { "gbdt.fit: weight 5 is inf, allowed are 0 to 1e30", x, y, { weights = with(w, 5, inf) } },
      { "gbdt.fit: all 60 weights are 0", x, y, { weights = w * 0 } },
      { "gbdt.fit: all 60 weights are 0", x, y, { valid = { x = x, y = y, weights = w * 0 } } },
    }
  end)

  it("options that are unknown, out of range or contradict each other", function()
    local valid = { x, y }
    fits {
      { "gbdt.fit: unknown option 'num_leafs' (did you mean 'num_leaves'?)", x, y,
        { num_leafs = 3 } },
      { "gbdt.fit: options must be a table, got number", x, y, 3 },
      { "gbdt.fit: options 'eta' and 'learning_rate' mean the same", x, y,
        { eta = 0.1, learning_rate = 0.2 } },
      { "gbdt.fit: num_leaves is 1, allowed are 2 to 131072", x, y, { num_leaves = 1 } },
      { "gbdt.fit: num_leaves must be an integer, got 3.5", x, y, { num_leaves = 3.5 } },
      { "gbdt.fit: learning_rate must be a number, got string", x, y, { learning_rate = "fast" } },
      { "gbdt.fit: learning_rate is nan, allowed are above 0 to 1e+06", x, y,
        { learning_rate = nan } },
      { "gbdt.fit: is_unbalance must be true or false, got number", x, y, { is_unbalance = 1 } },
      { "gbdt.fit: num_iterations is 0, allowed are integers from 1", x, y,
        { num_iterations = 0 } },
      { "gbdt.fit: early_stopping_rounds without valid = {x, y}: nothing to watch", x, y,
        { early_stopping_rounds = 5 } },
      { "gbdt.fit: early_stopping_min_delta is -1, allowed are numbers from 0", x, y,
        { min_delta = -1, valid = valid, early_stopping_rounds = 5 } },
      { "gbdt.fit: init_model must be a model, got string", x, y, { init_model = "m.txt" } },
      { "gbdt.fit: init_model has 2 features, x has 3", x, y,
        { init_model = gbdt.fit(x[{ {}, { 1, 2 } }], y, { num_iterations = 2 }) } },
      { "gbdt.fit: init_model has objective 'regression', which is another one", x, y,
        { objective = "binary", init_model = gbdt.fit(x, y, { num_iterations = 2 }) } },
      { "gbdt.fit: 2 feature names for 3 features", x, y, { feature_names = { "a", "b" } } },
      { "gbdt.fit: feature name 2 is a number", x, y, { feature_names = { "a", 2, "b" } } },
      { "gbdt.fit: feature name 2 is empty", x, y, { feature_names = { "a", "", "b" } } },
      { "gbdt.fit: features 1 and 3 are both called 'a'", x, y,
        { feature_names = { "a", "b", "a" } } },
      { "gbdt.fit: progress must be true, false or a function, got number", x, y,
        { progress = 3 } },
    }
  end)
end)

describe("gbdt.fit trains on", function()
  it("columns without information, and says so", function()
    local odd = tensor.cat({ x, tensor.zeros { 60, 1 }, tensor.full { 60, 1, value = nan } }, 2)
    local m = gbdt.fit(odd, y, { objective = "binary", num_iterations = 3 })
    assert.same({ "feature 'Column_3' is constant or has no values",
      "feature 'Column_4' is constant or has no values" }, m.warnings)
    local plain = gbdt.fit(x, y, { objective = "binary", num_iterations = 3 })
    assert.is_true(m:predict_raw(odd):eq(plain:predict_raw(x)):all())
  end)

  it("nothing but such columns: the model is the mean", function()
    local m = gbdt.fit(tensor.zeros { 60, 2 }, v, { num_iterations = 3 })
    assert.equal(3, #m.warnings)
    assert.matches("^no split was found", m.warnings[3])
    for rows = 1, 40 do -- one row is walked in another way than many
      local p = m:predict(tensor.zeros { rows, 2 })
      assert.is_true(p:eq(p[1]):all())
      assert.near(v:mean(), p[1], 1e-12)
    end
    assert.equal(1, m.best_iteration)
  end)

  it("infinities, which are values", function()
    local odd = with(with(v, 1, inf), 2, -inf):view(-1, 1)
    local m = gbdt.fit(odd, y, { objective = "binary", num_iterations = 3 })
    assert.is_true(m:predict_proba(odd):isfinite():all())
  end)
end)

describe("names of other libraries", function()
  it("are aliases where they mean the same", function()
    local o = { objective = "binary", num_iterations = 4, lambda_l2 = 2, valid = { x, y },
      valid_names = { "v" }, weights = v:abs(), metric = "auc", feature_names = { "a", "b", "c" } }
    local theirs = { loss = "binary:logistic", n_estimators = 4, reg_lambda = 2,
      eval_set = { { x, y } }, eval_names = { "v" }, sample_weight = v:abs(), eval_metric = "auc",
      feature_name = { "a", "b", "c" } }
    local m = gbdt.fit(x, y, theirs)
    assert.equal(gbdt.fit(x, y, o):text(), m:text())
    assert.equal(gbdt.fit(x, y):text(),
      gbdt.fit(x, y, { categorical_feature = "auto", feature_name = "auto" }):text())
    assert.equal(4, #m.history.sets.v.auc)
  end)

  it("that have no counterpart say what there is", function()
    fits {
      { "gbdt.fit: there is no option 'n_jobs': models have the same bits at any number of "
        .. "threads; the environment's NEAP_THREADS sets it", x, y, { n_jobs = -1 } },
      { "gbdt.fit: there is no option 'device': trees are grown on the processor", x, y,
        { device = "gpu" } },
      { "gbdt.fit: there is no option 'fobj': objective and metric take functions "
        .. "(docs/guide/gbdt.md)", x, y, { fobj = print } },
      { "gbdt.fit: y must be a tensor, got table", x, { 0, 1 } },
      { "gbdt.fit: feature_names must be a table of names, got string", x, y,
        { feature_name = "a" } },
    }
    local foreign, params = require "neap.gbdt.foreign", require "neap.gbdt.params"
    for name in pairs(foreign.options) do -- none hides an option that exists
      assert.is_nil(params.engine[name], name)
      local said = message(gbdt.fit, x, y, { [name] = 1 })
      assert.equal(1, (said:find("gbdt.fit: there is no option '" .. name .. "': ", 1, true)))
    end
  end)

  it("of a model's fields and methods too", function()
    local m = gbdt.fit(x, y, { num_iterations = 2 })
    local function get(name) return function() return m[name] end end
    assert.equal("gbdt model: there is no field or method 'feature_importances_'; write "
      .. "m:importance()", message(get "feature_importances_"))
    assert.equal("gbdt model: unknown field or method 'predict_prob' (did you mean "
      .. "'predict_proba'?)", message(get "predict_prob"))
    assert.is_nil(m.classes)
    for name in pairs(require("neap.gbdt.foreign").model) do
      assert.truthy(message(get(name)):find("there is no field or method", 1, true), name)
    end
  end)
end)

describe("prediction refuses", function()
  local m = gbdt.fit(x, y, { objective = "binary", num_iterations = 2,
    feature_names = { "a", "b", "c" } })

  it("other features than those of training", function()
    local wide = tensor.cat({ x, x }, 2)
    assert.equal("gbdt.predict: x has 6 features, the model was fitted on 3",
      message(m.predict, m, wide))
    assert.equal("gbdt.predict: x has 2 features, the model was fitted on 3",
      message(m.predict, m, x[{ {}, { 1, 2 } }]))
    assert.equal("gbdt.predict_row: x has 6 features, the model was fitted on 3",
      message(m.predict_row, m, wide[1]))
    local few = dataset.new(x[{ {}, { 1, 2 } }], nil, { features = { "a", "b" } })
    assert.equal("gbdt.predict: feature 'c' is missing; the model was fitted on 3 features, here "
      .. "are 2", message(m.predict, m, few))
    assert.equal("gbdt.predict: feature 'd' is one too many; the model was fitted on 3",
      message(m.predict, m, dataset.new(wide[{ {}, { 1, 4 } }], nil,
        { features = { "a", "b", "c", "d" } })))
  end)

  it("probabilities of what has no classes", function()
    local r = gbdt.fit(x, v, { num_iterations = 2 })
    assert.equal("gbdt.predict_proba: the objective 'regression' has no classes",
      message(r.predict_proba, r, x))
  end)
end)
